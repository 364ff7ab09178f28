/* SPDX-License-Identifier: GPL-3.0-or-later */
/* algorithms/outer/slowmo.c -- slow momentum on the averaged model.
 *
 *   u_{t+1}   = beta u_t + (x_{t,0} - x_{t,tau}) / gamma_t
 *   x_{t+1,0} = x_{t,0} - alpha gamma_t u_{t+1}
 *
 * Source: Wang, Tantia, Ballas, Rabbat, "SlowMo", ICLR 2020, arXiv:1910.00643, Alg. 1; without the
 * exact average (each worker on its own model), sec. 5.
 * Dividing by gamma_t keeps u in gradient units, so u survives a learning-rate change.
 * Identity (tested): beta = 0, alpha = 1 gives back the average, as outer=average.
 */
#include "algorithms/outer/outer.h"

#include <math.h>
#include <string.h>

#include "sim/base/clones.h"

struct slowmo {
    float alpha, beta; /* settings, filled in by the framework               */
    bool average;
    float *anchor; /* (n) x_{t,0}, model at the start of the round        */
    float *u;      /* (n) slow momentum, gradient units; u_0 = 0          */
};

static const struct sm_param slowmo_params[] = {
    SM_PARAM(struct slowmo, alpha, 1.0f, 0.0f, 2.0f, "slow learning rate, dimensionless"),
    SM_PARAM(struct slowmo, beta, 0.7f, 0.0f, 0.999f, "slow momentum factor, dimensionless"),
    SM_PARAM_BOOL(struct slowmo, average, true,
                  "average the models first; no: each on its own (gossip only; beta 0.6 is usual)"),
    SM_PARAM_END,
};

static enum sm_round
slowmo_round(const void *state)
{
    const struct slowmo *s = state;
    return s->average ? SM_ROUND_AVERAGE : SM_ROUND_LOCAL;
}

static enum sm_status
slowmo_init(void *state, const struct sm_setup *setup)
{
    struct slowmo *s = state;
    const size_t n = setup->n;
    s->anchor = sm_arena_zalloc(setup->arena, n, sizeof *s->anchor);
    s->u = sm_arena_zalloc(setup->arena, n, sizeof *s->u);
    if (s->anchor == NULL || s->u == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "slowmo: two vectors of n=%zu floats", n);
    memcpy(s->anchor, setup->x0, n * sizeof *s->anchor);
    return SM_OK;
}

SM_CLONES static void
slowmo_pass(size_t n, float beta, float inv_gamma, float slow_rate, float *restrict anchor,
            float *restrict u, float *restrict x)
{
    for (size_t i = 0; i < n; i++) {
        u[i] = beta * u[i] + (anchor[i] - x[i]) * inv_gamma;
        anchor[i] -= slow_rate * u[i];
        x[i] = anchor[i];
    }
}

static enum sm_status
slowmo_step(void *state, size_t n, float gamma, float *x)
{
    struct slowmo *s = state;
    const float inv_gamma = 1.0f / gamma;
    /* schedules do reach 0, and numbers so small that 1 / gamma overflows; NaN fails too */
    if (!(gamma > 0.0f) || !isfinite(gamma) || !isfinite(inv_gamma))
        return SM_FAIL(SM_ERR_DOMAIN, "slowmo: gamma = %g at a round end, must be > 0",
                       (double)gamma);
    slowmo_pass(n, s->beta, inv_gamma, s->alpha * gamma, s->anchor, s->u, x);
    return SM_OK;
}

const struct sm_outer sm_outer_slowmo = {
    .about = {.name = "slowmo",
              .doc = "slow momentum on the averaged model",
              .source = "Wang et al., ICLR 2020, arXiv:1910.00643, Alg. 1",
              .state_size = sizeof(struct slowmo),
              .params = slowmo_params},
    .round = slowmo_round,
    .init = slowmo_init,
    .step = slowmo_step,
};
