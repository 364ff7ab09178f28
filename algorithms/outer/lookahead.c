/* SPDX-License-Identifier: GPL-3.0-or-later */
/* algorithms/outer/lookahead.c -- slow weights that follow each worker's own fast ones.
 *
 *   x_{t+1,0} = x_{t,0} + alpha (x_{t,tau} - x_{t,0})
 *
 * Nothing travels on its account; one worker is enough. The paper's round has 5 inner steps.
 * Source: Zhang, Lucas, Hinton, Ba, NeurIPS 2019, arXiv:1907.08610, Alg. 1.
 * Identity (tested): slowmo with beta = 0 and one worker.
 */
#include "algorithms/outer/outer.h"

#include <string.h>

#include "sim/base/clones.h"

struct lookahead {
    float alpha;   /* setting                                              */
    float *anchor; /* (n) x_{t,0}, the slow weights                        */
};

static const struct sm_param lookahead_params[] = {
    SM_PARAM(struct lookahead, alpha, 0.5f, 0, 1, "share of a round's way that is kept"),
    SM_PARAM_END,
};

static enum sm_round
lookahead_round(const void *state)
{
    (void)state;
    return SM_ROUND_LOCAL;
}

static enum sm_status
lookahead_init(void *state, const struct sm_setup *setup)
{
    struct lookahead *s = state;
    s->anchor = sm_arena_alloc(setup->arena, setup->n, sizeof *s->anchor);
    if (s->anchor == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "lookahead: a vector of n=%zu floats", setup->n);
    memcpy(s->anchor, setup->x0, setup->n * sizeof *s->anchor);
    return SM_OK;
}

SM_CLONES static void
lookahead_pass(size_t n, float alpha, float *restrict anchor, float *restrict x)
{
    for (size_t i = 0; i < n; i++) {
        anchor[i] += alpha * (x[i] - anchor[i]);
        x[i] = anchor[i];
    }
}

static enum sm_status
lookahead_step(void *state, size_t n, float gamma, float *x)
{
    (void)gamma;
    struct lookahead *s = state;
    lookahead_pass(n, s->alpha, s->anchor, x);
    return SM_OK;
}

const struct sm_outer sm_outer_lookahead = {
    .about = {.name = "lookahead",
              .doc = "each worker's own model goes a share of the way its round took",
              .source = "Zhang et al., NeurIPS 2019, arXiv:1907.08610, Alg. 1",
              .state_size = sizeof(struct lookahead),
              .params = lookahead_params},
    .round = lookahead_round,
    .init = lookahead_init,
    .step = lookahead_step,
};
