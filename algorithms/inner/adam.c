/* SPDX-License-Identifier: GPL-3.0-or-later */
/* algorithms/inner/adam.c -- Adam, in PyTorch's conventions.
 *
 *   g <- g + weight_decay x
 *   m <- beta1 m + (1 - beta1) g;  v <- beta2 v + (1 - beta2) g^2
 *   x <- x - gamma / (1 - beta1^t) m / (sqrt(v / (1 - beta2^t)) + epsilon)    (t = 1, 2, ... )
 *
 * t counts from the last reset of the moments, since the correction is for their start at 0.
 * Source: Kingma, Ba, ICLR 2015, arXiv:1412.6980, algorithm 1; torch.optim.Adam.
 */
#include "algorithms/inner/adam.h"

#include <math.h>

#include "sim/base/clones.h"

static const struct sm_param adam_params[] = {
    SM_PARAM(struct sm_adam, lr, 1e-3f, 0.0f, 1e6f, "learning rate gamma"),
    SM_PARAM(struct sm_adam, beta1, 0.9f, 0.0f, 0.9999f, "decay of the mean of g"),
    SM_PARAM(struct sm_adam, beta2, 0.999f, 0.0f, 0.99999f, "decay of the mean of g^2"),
    SM_PARAM(struct sm_adam, epsilon, 1e-8f, 1e-20f, 1.0f, "added to the root, as g"),
    SM_PARAM(struct sm_adam, weight_decay, 0.0f, 0.0f, 1.0f, "L2 penalty added to the gradient"),
    SM_PARAM_END,
};

enum sm_status
sm_adam_init(void *state, const struct sm_setup *setup)
{
    struct sm_adam *s = state;
    s->n = setup->n;
    s->m = sm_arena_zalloc(setup->arena, s->n, sizeof *s->m);
    s->v = sm_arena_zalloc(setup->arena, s->n, sizeof *s->v);
    return s->m != NULL && s->v != NULL
               ? SM_OK
               : SM_FAIL(SM_ERR_NOMEM, "adam: two vectors of n=%zu floats", s->n);
}

bool
sm_adam_buffer(void *state, size_t i, struct sm_buffer *buffer)
{
    struct sm_adam *s = state;
    const struct sm_buffer all[] = {{s->m, s->n, false}, {s->v, s->n, false}, {&s->steps, 1, true}};
    if (i >= sizeof all / sizeof *all)
        return false;
    *buffer = all[i];
    return true;
}

SM_CLONES static void
adam_pass(size_t n, float beta1, float beta2, float rate, float root, float epsilon, float coupled,
          float keep, const float *restrict g, float *restrict m, float *restrict v,
          float *restrict x)
{
    for (size_t i = 0; i < n; i++) {
        const float gi = g[i] + coupled * x[i];
        m[i] = beta1 * m[i] + (1.0f - beta1) * gi;
        v[i] = beta2 * v[i] + (1.0f - beta2) * gi * gi;
        x[i] = keep * x[i] - rate * m[i] / (root * sqrtf(v[i]) + epsilon);
    }
}

/* What a mean of `steps` numbers has of them, when it began at 0. */
static double
adam_share(float beta, float steps)
{
    return 1 - pow((double)beta, (double)steps);
}

void
sm_adam_step(struct sm_adam *s, size_t n, float gamma, float coupled, float decoupled,
             const float *g, float *x)
{
    s->steps += 1.0f; /* exact up to 2^24; by then both corrections are 1 */
    const double first = adam_share(s->beta1, s->steps), second = adam_share(s->beta2, s->steps);
    adam_pass(n, s->beta1, s->beta2, (float)((double)gamma / first), (float)(1 / sqrt(second)),
              s->epsilon, coupled, 1.0f - decoupled, g, s->m, s->v, x);
}

SM_CLONES static void
direction_pass(size_t n, float beta1, float beta2, float rate, float root, float epsilon,
               float *restrict g, float *restrict m, float *restrict v)
{
    for (size_t i = 0; i < n; i++) {
        const float gi = g[i];
        m[i] = beta1 * m[i] + (1.0f - beta1) * gi;
        v[i] = beta2 * v[i] + (1.0f - beta2) * gi * gi;
        g[i] = rate * m[i] / (root * sqrtf(v[i]) + epsilon);
    }
}

void
sm_adam_direction(const struct sm_adam *s, size_t n, float *g, float *m, float *v)
{
    const double first = adam_share(s->beta1, s->steps), second = adam_share(s->beta2, s->steps);
    direction_pass(n, s->beta1, s->beta2, (float)(1 / first), (float)(1 / sqrt(second)), s->epsilon,
                   g, m, v);
}

static enum sm_status
adam_step(void *state, size_t n, float gamma, float *g, float *x)
{
    struct sm_adam *s = state;
    sm_adam_step(s, n, gamma, s->weight_decay, 0.0f, g, x);
    return SM_OK;
}

const struct sm_inner sm_inner_adam = {
    .about = {.name = "adam",
              .doc = "steps scaled by the root mean square of each parameter's gradient",
              .source = "Kingma, Ba, ICLR 2015, arXiv:1412.6980, algorithm 1",
              .state_size = sizeof(struct sm_adam),
              .params = adam_params},
    .init = sm_adam_init,
    .step = adam_step,
    .buffer = sm_adam_buffer,
};
