/* SPDX-License-Identifier: GPL-3.0-or-later */
/* algorithms/inner/sgd.c -- SGD with momentum, in PyTorch's conventions.
 *
 *   g <- g + weight_decay x
 *   b <- momentum b + (1 - dampening) g      (b <- g at the first step and after a reset)
 *   d <- g + momentum b if nesterov, else b
 *   x <- x - gamma d
 *
 * Source: torch.optim.SGD (documented algorithm); Sutskever et al., ICML 2013, for Nesterov's form.
 */
#include "algorithms/inner/inner.h"
#include "sim/base/clones.h"

struct sgd {
    float lr, momentum, dampening, weight_decay; /* settings */
    bool nesterov;
    size_t n;
    float *b;      /* (n) momentum; NULL without */
    float started; /* 0 until b holds a gradient */
};

static const struct sm_param sgd_params[] = {
    SM_PARAM(struct sgd, lr, 0.1f, 0.0f, 1e6f, "learning rate gamma, per unit of gradient"),
    SM_PARAM(struct sgd, momentum, 0.9f, 0.0f, 0.9999f, "momentum factor, dimensionless"),
    SM_PARAM(struct sgd, dampening, 0.0f, 0.0f, 1.0f, "dampening of the gradient in the momentum"),
    SM_PARAM(struct sgd, weight_decay, 0.0f, 0.0f, 1.0f, "L2 penalty added to the gradient"),
    SM_PARAM_BOOL(struct sgd, nesterov, false, "look ahead along the momentum"),
    SM_PARAM_END,
};

static enum sm_status
sgd_init(void *state, const struct sm_setup *setup)
{
    struct sgd *s = state;
    if (s->nesterov && (s->momentum == 0.0f || s->dampening != 0.0f))
        return SM_FAIL(SM_ERR_INPUT,
                       "sgd: nesterov needs momentum > 0 and dampening = 0, got "
                       "momentum %g and dampening %g",
                       (double)s->momentum, (double)s->dampening);
    s->n = setup->n;
    if (s->momentum == 0.0f)
        return SM_OK;
    s->b = sm_arena_zalloc(setup->arena, s->n, sizeof *s->b);
    return s->b != NULL ? SM_OK : SM_FAIL(SM_ERR_NOMEM, "sgd: a vector of n=%zu floats", s->n);
}

/* keep and take weigh b and g in the new b; ahead and along weigh g and b in the direction. One
 * pass for all variants: the step is bound by memory. */
SM_CLONES static void
momentum_pass(size_t n, float keep, float take, float ahead, float along, float decay, float gamma,
              const float *restrict g, float *restrict b, float *restrict x)
{
    for (size_t i = 0; i < n; i++) {
        float gi = g[i] + decay * x[i];
        b[i] = keep * b[i] + take * gi;
        x[i] -= gamma * (ahead * gi + along * b[i]);
    }
}

SM_CLONES static void
plain_pass(size_t n, float decay, float gamma, const float *restrict g, float *restrict x)
{
    for (size_t i = 0; i < n; i++)
        x[i] -= gamma * (g[i] + decay * x[i]);
}

static enum sm_status
sgd_step(void *state, size_t n, float gamma, float *g, float *x)
{
    struct sgd *s = state;
    if (s->b == NULL) {
        plain_pass(n, s->weight_decay, gamma, g, x);
        return SM_OK;
    }
    bool first = s->started == 0.0f;
    momentum_pass(n, first ? 0.0f : s->momentum, first ? 1.0f : 1.0f - s->dampening,
                  s->nesterov ? 1.0f : 0.0f, s->nesterov ? s->momentum : 1.0f, s->weight_decay,
                  gamma, g, s->b, x);
    s->started = 1.0f;
    return SM_OK;
}

static bool
sgd_buffer(void *state, size_t i, struct sm_buffer *buffer)
{
    struct sgd *s = state;
    if (s->b == NULL || i > 1)
        return false;
    *buffer =
        i == 0 ? (struct sm_buffer){s->b, s->n, false} : (struct sm_buffer){&s->started, 1, true};
    return true;
}

const struct sm_inner sm_inner_sgd = {
    .about = {.name = "sgd",
              .doc = "momentum, dampening, Nesterov, weight decay, as PyTorch has them",
              .source = "torch.optim.SGD; Sutskever et al., ICML 2013",
              .state_size = sizeof(struct sgd),
              .params = sgd_params},
    .init = sgd_init,
    .step = sgd_step,
    .buffer = sgd_buffer,
};
