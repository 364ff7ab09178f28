/* SPDX-License-Identifier: GPL-3.0-or-later */
/* algorithms/outer/diloco.c -- Nesterov momentum along what a round moved the average.
 *
 *   d         = x_{t,0} - x_{t,tau}                    x_{t,tau} the average: a pseudo-gradient
 *   b_{t+1}   = mu b_t + d
 *   x_{t+1,0} = x_{t,0} - eta (d + mu b_{t+1})
 *
 * The paper's rounds have 500 steps of AdamW, whose moments stay on their worker (buffer maintain).
 * Source: Douillard et al. 2023, arXiv:2311.08105, Alg. 1.
 * Identity (tested): bmuf with nesterov and zeta = eta.
 */
#include "algorithms/outer/outer.h"

#include <string.h>

#include "algorithms/outer/nesterov.h"
#include "sim/base/clones.h"

struct diloco {
    float eta, mu; /* settings                                                  */
    float *anchor; /* (n) x_{t,0}                                               */
    float *b;      /* (n) outer momentum, units of the model; b_0 = 0           */
};

static const struct sm_param diloco_params[] = {
    SM_PARAM(struct diloco, eta, 0.7f, 0, 2, "outer learning rate, dimensionless"),
    SM_PARAM(struct diloco, mu, 0.9f, 0, 0.999, "outer Nesterov momentum, dimensionless"),
    SM_PARAM_END,
};

static enum sm_status
diloco_init(void *state, const struct sm_setup *setup)
{
    struct diloco *s = state;
    const size_t n = setup->n;
    s->anchor = sm_arena_alloc(setup->arena, n, sizeof *s->anchor);
    s->b = sm_arena_zalloc(setup->arena, n, sizeof *s->b);
    if (s->anchor == NULL || s->b == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "diloco: two vectors of n=%zu floats", n);
    memcpy(s->anchor, setup->x0, n * sizeof *s->anchor);
    return SM_OK;
}

/* x <- anchor - x */
SM_CLONES static void
diloco_gradient(size_t n, const float *restrict anchor, float *restrict x)
{
    for (size_t i = 0; i < n; i++)
        x[i] = anchor[i] - x[i];
}

static enum sm_status
diloco_step(void *state, size_t n, float gamma, float *x)
{
    (void)gamma;
    struct diloco *s = state;
    diloco_gradient(n, s->anchor, x);
    sm_outer_nesterov(n, s->eta, s->mu, x, s->b, s->anchor);
    memcpy(x, s->anchor, n * sizeof *x);
    return SM_OK;
}

const struct sm_outer sm_outer_diloco = {
    .about = {.name = "diloco",
              .doc = "outer Nesterov momentum on the averaged model",
              .source = "Douillard et al. 2023, arXiv:2311.08105, Alg. 1",
              .state_size = sizeof(struct diloco),
              .params = diloco_params},
    .init = diloco_init,
    .step = diloco_step,
};
