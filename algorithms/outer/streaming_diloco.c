/* SPDX-License-Identifier: GPL-3.0-or-later */
/* algorithms/outer/streaming_diloco.c -- DiLoCo by fragments that travel while training goes on.
 *
 * The model is cut into P fragments; fragment p is due once a round, P of them spread evenly over
 * it. With z its anchor, the same on every worker:
 *
 *   when due:              d = mean_i (z - x_i)                           begins to travel
 *   `overlap` steps later: b <- mu b + d;  z <- z - eta (d + mu b)        outer Nesterov
 *                          x_i <- mixing x_i + (1 - mixing) z             x_i as it is by then
 *
 * An average that is not applied yet when its fragment is due again is applied first.
 * Source: Douillard et al. 2025, arXiv:2501.18512, Alg. 2 (fragments of whole layers there, equal
 * pieces of the flat vector here).
 * Identity (tested): one fragment, overlap 0 and mixing 0 is diloco.
 */
#include "algorithms/outer/outer.h"

#include <string.h>

#include "algorithms/compression/compression.h"
#include "algorithms/outer/nesterov.h"
#include "sim/base/clones.h"

struct fragment {
    size_t begin, n; /* its piece of the vector; none where one float stands for a model   */
    struct sm_codec codec;
    double beside; /* makes it weigh a P-th of the model and of what goes beside that     */
    size_t since;  /* exchange at which the average began                                 */
    struct sm_request *request;
};

struct streaming_diloco {
    size_t fragments, overlap; /* settings */
    float mixing, eta, mu;
    struct fragment *parts; /* (fragments)                                              */
    float *anchor, *b;      /* (n) z; outer momentum, units of the model                */
    float *d;               /* (n) z - x_i, then its mean                               */
    size_t exchanges;       /* since the start                                          */
    size_t begun, applied;  /* averages since the start: the k-th is of fragment k mod P */
};

static const struct sm_param streaming_diloco_params[] = {
    SM_PARAM(struct streaming_diloco, fragments, 4, 1, 1000, "pieces of the model, P"),
    SM_PARAM(struct streaming_diloco, overlap, 1, 0, 1e6,
             "inner steps while an average travels; 0: all wait for it"),
    SM_PARAM(struct streaming_diloco, mixing, 0.5f, 0, 1,
             "weight of a worker's own numbers when an average comes in"),
    SM_PARAM(struct streaming_diloco, eta, 0.7f, 0, 2, "outer learning rate, dimensionless"),
    SM_PARAM(struct streaming_diloco, mu, 0.9f, 0, 0.999, "outer Nesterov momentum, dimensionless"),
    SM_PARAM_END,
};

static enum sm_round
streaming_diloco_round(const void *state)
{
    (void)state;
    return SM_ROUND_EXCHANGE;
}

/* Fragments differ by a float when P does not divide n; their weights do not, so that a model of
 * one float, P of whose fragments hold nothing, still sends all of its weight. */
static enum sm_status
streaming_diloco_cut(struct streaming_diloco *s, const struct sm_setup *whole, size_t p)
{
    struct fragment *part = &s->parts[p];
    struct sm_setup setup = *whole;
    part->begin = p * whole->n / s->fragments;
    part->n = (p + 1) * whole->n / s->fragments - part->begin;
    setup.n = part->n;
    setup.x0 = whole->x0 + part->begin;
    setup.matrices = NULL; /* a fragment knows no layers */
    setup.matrix_count = 0;
    SM_TRY(sm_codec_init(&part->codec, &setup));
    const double model = sm_codec_average_wire(&part->codec, whole->n) + whole->comm->statistics;
    part->beside = model / (double)s->fragments - sm_codec_average_wire(&part->codec, part->n);
    return SM_OK;
}

static enum sm_status
streaming_diloco_init(void *state, const struct sm_setup *setup)
{
    struct streaming_diloco *s = state;
    const size_t n = setup->n;
    s->parts = sm_arena_zalloc(setup->arena, s->fragments, sizeof *s->parts);
    s->anchor = sm_arena_alloc(setup->arena, n, sizeof *s->anchor);
    s->b = sm_arena_zalloc(setup->arena, n, sizeof *s->b);
    s->d = sm_arena_zalloc(setup->arena, n, sizeof *s->d);
    if (s->parts == NULL || s->anchor == NULL || s->b == NULL || s->d == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "streaming_diloco: three vectors of n=%zu floats", n);
    memcpy(s->anchor, setup->x0, n * sizeof *s->anchor);
    for (size_t p = 0; p < s->fragments; p++)
        SM_TRY(streaming_diloco_cut(s, setup, p));
    return SM_OK;
}

SM_CLONES static void
streaming_diloco_gradient(size_t n, const float *restrict anchor, const float *restrict x,
                          float *restrict d)
{
    for (size_t i = 0; i < n; i++)
        d[i] = anchor[i] - x[i];
}

SM_CLONES static void
streaming_diloco_mix(size_t n, float mixing, const float *restrict anchor, float *restrict x)
{
    for (size_t i = 0; i < n; i++)
        x[i] = mixing * x[i] + (1.0f - mixing) * anchor[i];
}

/* The oldest average comes in. */
static enum sm_status
streaming_diloco_apply(struct streaming_diloco *s, struct sm_comm *comm, float *x)
{
    struct fragment *part = &s->parts[s->applied++ % s->fragments];
    const size_t begin = part->begin;
    SM_TRY(comm->ops->wait(comm, &part->request));
    sm_codec_finish_average(&part->codec, s->d + begin);
    sm_outer_nesterov(part->n, s->eta, s->mu, s->d + begin, s->b + begin, s->anchor + begin);
    streaming_diloco_mix(part->n, s->mixing, s->anchor + begin, x + begin);
    return SM_OK;
}

/* Those that have been under way for `overlap` steps; all: at the end of the run. */
static enum sm_status
streaming_diloco_apply_due(struct streaming_diloco *s, struct sm_comm *comm, bool all, float *x)
{
    while (s->applied < s->begun &&
           (all || s->parts[s->applied % s->fragments].since + s->overlap <= s->exchanges))
        SM_TRY(streaming_diloco_apply(s, comm, x));
    return SM_OK;
}

/* The next fragment's average leaves. */
static enum sm_status
streaming_diloco_begin(struct streaming_diloco *s, struct sm_comm *comm, float *x)
{
    if (s->begun - s->applied == s->fragments)
        SM_TRY(streaming_diloco_apply(s, comm, x));
    struct fragment *part = &s->parts[s->begun++ % s->fragments];
    const size_t begin = part->begin;
    part->since = s->exchanges;
    streaming_diloco_gradient(part->n, s->anchor + begin, x + begin, s->d + begin);
    return sm_codec_begin_average(&part->codec, comm, s->d + begin, part->beside, &part->request);
}

static enum sm_status
streaming_diloco_exchange(void *state, struct sm_comm *comm, const struct sm_moment *moment,
                          size_t n, float *x)
{
    (void)n;
    struct streaming_diloco *s = state;
    const size_t count = s->fragments;
    s->exchanges++;
    SM_TRY(streaming_diloco_apply_due(s, comm, false, x));
    for (size_t p = 0; p < count; p++) /* due: p + 1 P-ths of the round, rounded up */
        if (((p + 1) * moment->round + count - 1) / count == moment->done)
            SM_TRY(streaming_diloco_begin(s, comm, x));
    return streaming_diloco_apply_due(s, comm, moment->last, x);
}

const struct sm_outer sm_outer_streaming_diloco = {
    .about = {.name = "streaming_diloco",
              .doc = "diloco by fragments, one after the other, while training goes on",
              .source = "Douillard et al. 2025, arXiv:2501.18512, Alg. 2",
              .state_size = sizeof(struct streaming_diloco),
              .params = streaming_diloco_params},
    .round = streaming_diloco_round,
    .init = streaming_diloco_init,
    .exchange = streaming_diloco_exchange,
};
