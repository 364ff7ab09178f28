/* SPDX-License-Identifier: GPL-3.0-or-later */
/* algorithms/outer/bmuf.c -- blockwise model-update filtering: momentum on the average's progress.
 *
 *   D_{t+1}   = mu D_t + zeta (x_{t,tau} - s_t)    x_{t,tau} the average, s_t where round t began
 *   x_{t+1,0} = x_{t,0} + D_{t+1}
 *   s_{t+1}   = x_{t+1,0}                          classical block momentum
 *             = x_{t+1,0} + mu D_{t+1}             Nesterov's
 *
 * Source: Chen, Huo, ICASSP 2016, block momentum; mu = 1 - 1/m for m workers is theirs too.
 * Identities (tested): classical is slowmo with alpha = zeta, beta = mu while gamma does not
 * change; Nesterov's is diloco with eta = zeta.
 */
#include "algorithms/outer/outer.h"

#include <string.h>

#include "sim/base/clones.h"

struct bmuf {
    float zeta, mu; /* settings; init puts 1 - 1/m in the place of mu = -1         */
    bool nesterov;
    float *anchor; /* (n) x_{t,0}, without the look-ahead                         */
    float *d;      /* (n) D, units of the model; D_0 = 0                          */
};

static const struct sm_param bmuf_params[] = {
    SM_PARAM(struct bmuf, zeta, 1, 0, 2, "block learning rate, dimensionless"),
    SM_PARAM(struct bmuf, mu, -1, -1, 0.999, "block momentum, dimensionless; -1: 1 - 1 / workers"),
    SM_PARAM_BOOL(struct bmuf, nesterov, false, "the next round begins mu D further on"),
    SM_PARAM_END,
};

static enum sm_status
bmuf_init(void *state, const struct sm_setup *setup)
{
    struct bmuf *s = state;
    const size_t n = setup->n;
    if (s->mu == -1.0f)
        s->mu = (float)(1 - 1 / (double)setup->comm->size);
    if (s->mu < 0)
        return SM_FAIL(SM_ERR_INPUT, "bmuf: mu = %g, expected 0 .. 0.999 or -1 for 1 - 1 / workers",
                       (double)s->mu);
    s->anchor = sm_arena_alloc(setup->arena, n, sizeof *s->anchor);
    s->d = sm_arena_zalloc(setup->arena, n, sizeof *s->d);
    if (s->anchor == NULL || s->d == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "bmuf: two vectors of n=%zu floats", n);
    memcpy(s->anchor, setup->x0, n * sizeof *s->anchor);
    return SM_OK;
}

/* ahead: mu, or 0 without Nesterov; where the round began follows from it to the bit. */
SM_CLONES static void
bmuf_pass(size_t n, float zeta, float mu, float ahead, float *restrict anchor, float *restrict d,
          float *restrict x)
{
    for (size_t i = 0; i < n; i++) {
        const float start = anchor[i] + ahead * d[i];
        d[i] = mu * d[i] + zeta * (x[i] - start);
        anchor[i] += d[i];
        x[i] = anchor[i] + ahead * d[i];
    }
}

static enum sm_status
bmuf_step(void *state, size_t n, float gamma, float *x)
{
    (void)gamma;
    struct bmuf *s = state;
    bmuf_pass(n, s->zeta, s->mu, s->nesterov ? s->mu : 0, s->anchor, s->d, x);
    return SM_OK;
}

const struct sm_outer sm_outer_bmuf = {
    .about = {.name = "bmuf",
              .doc = "block momentum on the averaged model, classical or Nesterov's",
              .source = "Chen, Huo, ICASSP 2016, block momentum",
              .state_size = sizeof(struct bmuf),
              .params = bmuf_params},
    .init = bmuf_init,
    .step = bmuf_step,
};
