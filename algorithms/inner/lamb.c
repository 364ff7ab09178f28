/* SPDX-License-Identifier: GPL-3.0-or-later */
/* algorithms/inner/lamb.c -- Adam's direction, for each layer as long as the layer's weights are.
 *
 *   r <- m / (sqrt(v) + epsilon) + weight_decay x          (m, v as adam.c has them, corrected)
 *   x <- x - gamma |x| / |r| r                             (for each matrix and vector by itself)
 *
 * Where a length is 0 (biases start there) the ratio is 1, as in the authors' program; phi of the
 * paper is the identity. Source: You et al., ICLR 2020, arXiv:1904.00962, algorithm 2.
 */
#include <math.h>

#include "algorithms/inner/adam.h"
#include "sim/base/vec.h"

struct lamb {
    struct sm_adam adam; /* first: its settings are read as this one's */
    const struct sm_matrix *matrices;
    size_t matrix_count;
};

static const struct sm_param lamb_params[] = {
    SM_PARAM(struct sm_adam, lr, 1e-3f, 0.0f, 1e6f,
             "learning rate gamma: a step's length as a share of the weights'"),
    SM_PARAM(struct sm_adam, beta1, 0.9f, 0.0f, 0.9999f, "decay of the mean of g"),
    SM_PARAM(struct sm_adam, beta2, 0.999f, 0.0f, 0.99999f, "decay of the mean of g^2"),
    SM_PARAM(struct sm_adam, epsilon, 1e-6f, 1e-20f, 1.0f, "added to the root, as g"),
    SM_PARAM(struct sm_adam, weight_decay, 0.01f, 0.0f, 1.0f,
             "x in the direction, before its length is taken"),
    SM_PARAM_END,
};

static enum sm_status
lamb_init(void *state, const struct sm_setup *setup)
{
    struct lamb *s = state;
    s->matrices = setup->matrices;
    s->matrix_count = setup->matrix_count;
    return sm_adam_init(&s->adam, setup);
}

static double
lamb_ratio(size_t n, const float *x, const float *r)
{
    const double weights = sqrt(sm_vec_norm2(n, x)), direction = sqrt(sm_vec_norm2(n, r));
    return weights > 0 && direction > 0 ? weights / direction : 1;
}

static enum sm_status
lamb_step(void *state, size_t n, float gamma, float *g, float *x)
{
    (void)n;
    struct lamb *s = state;
    s->adam.steps += 1.0f;
    for (size_t i = 0; i < s->matrix_count; i++) {
        const size_t at = s->matrices[i].offset;
        const size_t size = s->matrices[i].rows * s->matrices[i].columns;
        sm_adam_direction(&s->adam, size, g + at, s->adam.m + at, s->adam.v + at);
        sm_vec_axpy(size, s->adam.weight_decay, x + at, g + at);
        const double ratio = lamb_ratio(size, x + at, g + at);
        sm_vec_axpy(size, (float)(-(double)gamma * ratio), g + at, x + at);
    }
    return SM_OK;
}

static bool
lamb_buffer(void *state, size_t i, struct sm_buffer *buffer)
{
    return sm_adam_buffer(&((struct lamb *)state)->adam, i, buffer);
}

const struct sm_inner sm_inner_lamb = {
    .about = {.name = "lamb",
              .doc = "adam's direction, a layer's step as long as its weights; for large batches",
              .source = "You et al., ICLR 2020, arXiv:1904.00962, algorithm 2",
              .state_size = sizeof(struct lamb),
              .params = lamb_params},
    .by_matrix = true,
    .init = lamb_init,
    .step = lamb_step,
    .buffer = lamb_buffer,
};
