/* SPDX-License-Identifier: GPL-3.0-or-later */
/* algorithms/outer/easgd.c -- models on springs: each is drawn to a center and the center to them.
 *
 *   x_i <- x_i - alpha (x_i - z)
 *   z   <- z + alpha sum_i (x_i - z)                   both with the old x_i and z
 *
 * The synchronous form without a server: every worker has the same z, and the differences from it
 * are averaged. sum_i x_i + z is conserved.
 * Source: Zhang, Choromanska, LeCun, NeurIPS 2015, arXiv:1412.6651, sec. 3, every tau steps;
 * alpha = beta / m, and beta = 0.9 is that of the experiments.
 */
#include "algorithms/outer/outer.h"

#include <string.h>

#include "algorithms/compression/compression.h"
#include "sim/base/clones.h"

struct easgd {
    float alpha; /* setting; init puts 0.9 / m in the place of 0                */
    float share; /* m alpha: how far z goes to the models' mean                 */
    float *z;    /* (n) the center, the same bits on every worker               */
    float *d;    /* (n) x_i - z, then its mean                                  */
    struct sm_codec codec;
};

static const struct sm_param easgd_params[] = {
    SM_PARAM(struct easgd, alpha, 0, 0, 1,
             "moving rate, how far a model goes to the center; 0: 0.9 / workers"),
    SM_PARAM_END,
};

static enum sm_round
easgd_round(const void *state)
{
    (void)state;
    return SM_ROUND_EXCHANGE;
}

/* x_i - z multiplies by 1 - alpha (m + 1) a round where all x_i are alike. */
static enum sm_status
easgd_set(struct easgd *s, size_t size)
{
    const double m = (double)size;
    if (s->alpha == 0)
        s->alpha = (float)(0.9 / m);
    s->share = (float)(m * (double)s->alpha);
    if ((double)s->alpha * (m + 1) < 2)
        return SM_OK;
    return SM_FAIL(SM_ERR_INPUT,
                   "easgd: alpha = %g among %zu workers would not settle, expected below "
                   "2 / (workers + 1) = %g",
                   (double)s->alpha, size, 2 / (m + 1));
}

static enum sm_status
easgd_init(void *state, const struct sm_setup *setup)
{
    struct easgd *s = state;
    const size_t n = setup->n;
    SM_TRY(easgd_set(s, setup->comm->size));
    s->z = sm_arena_alloc(setup->arena, n, sizeof *s->z);
    s->d = sm_arena_zalloc(setup->arena, n, sizeof *s->d);
    if (s->z == NULL || s->d == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "easgd: two vectors of n=%zu floats", n);
    memcpy(s->z, setup->x0, n * sizeof *s->z);
    return sm_codec_init(&s->codec, setup);
}

SM_CLONES static void
easgd_stretch(size_t n, const float *restrict z, const float *restrict x, float *restrict d)
{
    for (size_t i = 0; i < n; i++)
        d[i] = x[i] - z[i];
}

SM_CLONES static void
easgd_pass(size_t n, float alpha, float share, const float *restrict d, float *restrict z,
           float *restrict x)
{
    for (size_t i = 0; i < n; i++) {
        x[i] -= alpha * (x[i] - z[i]);
        z[i] += share * d[i];
    }
}

static enum sm_status
easgd_exchange(void *state, struct sm_comm *comm, const struct sm_moment *moment, size_t n,
               float *x)
{
    struct easgd *s = state;
    struct sm_request *request;
    if (moment->done < moment->round)
        return SM_OK;
    easgd_stretch(n, s->z, x, s->d);
    SM_TRY(sm_codec_begin_average(&s->codec, comm, s->d, comm->statistics, &request));
    SM_TRY(comm->ops->wait(comm, &request));
    sm_codec_finish_average(&s->codec, s->d);
    easgd_pass(n, s->alpha, s->share, s->d, s->z, x);
    return SM_OK;
}

const struct sm_outer sm_outer_easgd = {
    .about = {.name = "easgd",
              .doc = "elastic averaging: models and a center draw each other near",
              .source = "Zhang et al., NeurIPS 2015, arXiv:1412.6651, sec. 3",
              .state_size = sizeof(struct easgd),
              .params = easgd_params},
    .round = easgd_round,
    .init = easgd_init,
    .exchange = easgd_exchange,
};
