/* SPDX-License-Identifier: GPL-3.0-or-later */
/* algorithms/outer/overlap_local.c -- an average that travels during the next round: the anchor.
 *
 * At a round end, when the anchor z that left at the last one is there:
 *
 *   x_i <- (1 - alpha) x_i + alpha z
 *   b_i <- beta b_i + (z - x_i) / gamma                x_i pulled back already
 *   z'   = mean_i (z - gamma b_i)                      begins to travel
 *
 * z_0 = x_{0,0}, b_0 = 0. Only what is left of the way when the next round ends costs time. The
 * paper's rounds have 2 steps. gamma b_i alone is averaged: z is the same on every worker.
 * Source: Wang, Liang, Joshi, ICASSP 2020, arXiv:2002.09539; each worker's own b_i, and the order,
 * as in the authors' published code. beta = 0: z' is the mean of the pulled-back models.
 */
#include "algorithms/outer/outer.h"

#include <math.h>
#include <string.h>

#include "algorithms/compression/compression.h"
#include "sim/base/clones.h"
#include "sim/base/vec.h"

struct overlap_local {
    float alpha, beta; /* settings                                             */
    float *z;          /* (n) the anchor, the same bits on every worker        */
    float *b;          /* (n) momentum, gradient units                         */
    float *d;          /* (n) -gamma b_i, then its mean: the anchor's next way */
    bool under_way;
    struct sm_request *request;
    struct sm_codec codec;
};

static const struct sm_param overlap_local_params[] = {
    SM_PARAM(struct overlap_local, alpha, 0.6f, 0, 1, "pull-back to the anchor, dimensionless"),
    SM_PARAM(struct overlap_local, beta, 0.7f, 0, 0.999, "anchor momentum, dimensionless"),
    SM_PARAM_END,
};

static enum sm_round
overlap_local_round(const void *state)
{
    (void)state;
    return SM_ROUND_EXCHANGE;
}

static enum sm_status
overlap_local_init(void *state, const struct sm_setup *setup)
{
    struct overlap_local *s = state;
    const size_t n = setup->n;
    s->z = sm_arena_alloc(setup->arena, n, sizeof *s->z);
    s->b = sm_arena_zalloc(setup->arena, n, sizeof *s->b);
    s->d = sm_arena_zalloc(setup->arena, n, sizeof *s->d);
    if (s->z == NULL || s->b == NULL || s->d == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "overlap_local: three vectors of n=%zu floats", n);
    memcpy(s->z, setup->x0, n * sizeof *s->z);
    return sm_codec_init(&s->codec, setup);
}

/* The anchor that is under way gets here. */
static enum sm_status
overlap_local_arrive(struct overlap_local *s, struct sm_comm *comm, size_t n)
{
    if (!s->under_way)
        return SM_OK;
    SM_TRY(comm->ops->wait(comm, &s->request));
    s->under_way = false;
    sm_codec_finish_average(&s->codec, s->d);
    sm_vec_axpy(n, 1.0f, s->d, s->z);
    return SM_OK;
}

SM_CLONES static void
overlap_local_pass(size_t n, float alpha, float beta, float gamma, const float *restrict z,
                   float *restrict b, float *restrict d, float *restrict x)
{
    const float inv_gamma = 1.0f / gamma;
    for (size_t i = 0; i < n; i++) {
        x[i] = (1.0f - alpha) * x[i] + alpha * z[i];
        b[i] = beta * b[i] + (z[i] - x[i]) * inv_gamma;
        d[i] = -gamma * b[i];
    }
}

static enum sm_status
overlap_local_exchange(void *state, struct sm_comm *comm, const struct sm_moment *moment, size_t n,
                       float *x)
{
    struct overlap_local *s = state;
    const bool ends = moment->done == moment->round;
    const float gamma = moment->gamma;
    /* schedules do reach 0, and numbers so small that 1 / gamma overflows; NaN fails too */
    if (ends && (!(gamma > 0.0f) || !isfinite(gamma) || !isfinite(1.0f / gamma)))
        return SM_FAIL(SM_ERR_DOMAIN, "overlap_local: gamma = %g at a round end, must be > 0",
                       (double)gamma);
    if (ends || moment->last)
        SM_TRY(overlap_local_arrive(s, comm, n));
    if (!ends)
        return SM_OK;
    overlap_local_pass(n, s->alpha, s->beta, gamma, s->z, s->b, s->d, x);
    if (moment->last)
        return SM_OK;
    s->under_way = true;
    return sm_codec_begin_average(&s->codec, comm, s->d, comm->statistics, &s->request);
}

const struct sm_outer sm_outer_overlap_local = {
    .about = {.name = "overlap_local",
              .doc = "models are drawn to an average that traveled during the round",
              .source = "Wang, Liang, Joshi, ICASSP 2020, arXiv:2002.09539",
              .state_size = sizeof(struct overlap_local),
              .params = overlap_local_params},
    .round = overlap_local_round,
    .init = overlap_local_init,
    .exchange = overlap_local_exchange,
};
