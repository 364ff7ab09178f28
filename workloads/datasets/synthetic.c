/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/datasets/synthetic.c -- Gaussian blobs, one a class: for machines without data and
 * tests.
 *
 * Centres and samples are normal; `separation` is the typical distance of two centres in standard
 * deviations of the samples around them. At the default 4 the best classifier (a linear one) is
 * right about nine times in ten.
 */
#include "workloads/datasets/dataset.h"

#include <math.h>

struct synthetic {
    size_t classes, features, train, test, seed;
    double separation;
};

static const struct sm_param synthetic_params[] = {
    SM_PARAM(struct synthetic, classes, 10, 2, 256, "classes, one blob each"),
    SM_PARAM(struct synthetic, features, 64, 1, 1e6, "bytes a sample"),
    SM_PARAM(struct synthetic, train, 10000, 1, 1e9, "training samples"),
    SM_PARAM(struct synthetic, test, 2000, 1, 1e9, "test samples"),
    SM_PARAM(struct synthetic, separation, 4, 0, 1e3,
             "distance of two centres, standard deviations of a blob"),
    SM_PARAM(struct synthetic, seed, 1, 0, 1e15,
             "of the data alone: a run's seed changes no sample"),
    SM_PARAM_END,
};

enum { STREAM_CENTERS, STREAM_TRAIN, STREAM_TEST };

static enum sm_status
half_make(const struct synthetic *s, uint64_t stream, size_t count, const double *center,
          struct sm_arena *arena, struct sm_samples *half)
{
    struct sm_rng *rng = sm_rng_create(arena, s->seed, SM_RNG_SYNTHETIC_DATA, stream);
    uint8_t *inputs = sm_arena_alloc(arena, count, s->features);
    uint8_t *labels = sm_arena_alloc(arena, count, 1);
    if (rng == NULL || inputs == NULL || labels == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "synthetic: no memory for %zu samples of %zu bytes", count,
                       s->features);
    /* the middle of a byte is 0; four deviations of centres and samples together fill it */
    const double step =
        127.0 / (4 * sqrt(1 + s->separation * s->separation / (2 * (double)s->features)));
    for (size_t i = 0; i < count; i++) {
        labels[i] = (uint8_t)sm_rng_below(rng, s->classes);
        for (size_t f = 0; f < s->features; f++) {
            const double v = center[labels[i] * s->features + f] + sm_rng_normal(rng, 1);
            inputs[i * s->features + f] = (uint8_t)fmin(fmax(128 + rint(step * v), 0), 255);
        }
    }
    *half = (struct sm_samples){inputs, labels, count};
    return SM_OK;
}

static enum sm_status
synthetic_load(const void *state, struct sm_arena *arena, struct sm_data *data)
{
    const struct synthetic *s = state;
    struct sm_rng *rng = sm_rng_create(arena, s->seed, SM_RNG_SYNTHETIC_DATA, STREAM_CENTERS);
    double *center = sm_arena_alloc(arena, s->classes * s->features, sizeof *center);
    if (rng == NULL || center == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "synthetic: no memory for %zu centres", s->classes);
    const double sigma = s->separation / sqrt(2 * (double)s->features);
    for (size_t i = 0; i < s->classes * s->features; i++)
        center[i] = sm_rng_normal(rng, sigma);
    SM_TRY(half_make(s, STREAM_TRAIN, s->train, center, arena, &data->train));
    SM_TRY(half_make(s, STREAM_TEST, s->test, center, arena, &data->test));
    data->features = s->features;
    data->classes = s->classes;
    sm_data_measure(data);
    return SM_OK;
}

const struct sm_dataset sm_dataset_synthetic = {
    .about =
        {
            .name = "synthetic",
            .doc = "Gaussian blobs, one a class, always the same",
            .source = "two-class error at distance d is Phi(-d/2): Bishop 2006, section 4.2.1",
            .state_size = sizeof(struct synthetic),
            .params = synthetic_params,
        },
    .load = synthetic_load,
};
