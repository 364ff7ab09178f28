/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/datasets/synthetic.c -- Gaussian blobs, one a class: for machines without data and
 * tests.
 *
 * Centres and samples are normal; `separation` is the typical distance of two centres in standard
 * deviations of the samples around them. At the default 4 the best classifier (a linear one) is
 * right about nine times in ten. The centres of images are made of squares of BLOCK x BLOCK pixels,
 * a size that convolutions can see.
 */
#include "workloads/datasets/dataset.h"

#include <math.h>

enum { LARGEST = 1000000, BLOCK = 4 };

struct synthetic {
    size_t classes, train, test, seed;
    struct sm_numbers features;
    double separation;
};

static const struct sm_param synthetic_params[] = {
    SM_PARAM(struct synthetic, classes, 10, 2, 256, "classes, one blob each"),
    SM_PARAM_NUMBERS(struct synthetic, features, "64", 1, LARGEST,
                     "bytes a sample; [height, width, channels] for images"),
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
shape_read(const struct synthetic *s, struct sm_data_shape *shape)
{
    const struct sm_numbers *f = &s->features;
    size_t size[3] = {1, 1, 1};
    double product = 1;
    bool fits = f->count == 1 || f->count == 3;
    for (size_t i = 0; fits && i < f->count; i++) {
        size[i] = (size_t)f->values[i];
        fits = f->values[i] == (double)size[i];
        product *= f->values[i];
    }
    if (!fits || product > LARGEST || size[2] > SM_MOST_CHANNELS)
        return SM_FAIL(SM_ERR_INPUT,
                       "workload.dataset.features: expected one whole number or [height, width, "
                       "channels], at most %d bytes and %d channels",
                       LARGEST, SM_MOST_CHANNELS);
    *shape = (struct sm_data_shape){.features = (size_t)product, .classes = s->classes};
    if (f->count == 3) {
        shape->height = size[0];
        shape->width = size[1];
        shape->channels = size[2];
    }
    return SM_OK;
}

/* The feature whose draw feature f of a centre has: itself, or the first pixel of its block. */
static size_t
block_of(const struct sm_data_shape *shape, size_t f)
{
    if (shape->channels == 0)
        return f;
    const size_t channel = f % shape->channels, pixel = f / shape->channels;
    const size_t y = pixel / shape->width, x = pixel % shape->width;
    return ((y - y % BLOCK) * shape->width + x - x % BLOCK) * shape->channels + channel;
}

/* *center (classes, features), in deviations of a sample. */
static enum sm_status
centers_make(const struct synthetic *s, const struct sm_data_shape *shape, struct sm_arena *arena,
             const double **center)
{
    const size_t features = shape->features;
    struct sm_rng *rng = sm_rng_create(arena, s->seed, SM_RNG_SYNTHETIC_DATA, STREAM_CENTERS);
    double *all = sm_arena_alloc(arena, s->classes * features, sizeof *all);
    if (rng == NULL || all == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "synthetic: no memory for %zu centres", s->classes);
    const double sigma = s->separation / sqrt(2 * (double)features);
    for (size_t class = 0; class < s->classes; class ++) {
        double *c = all + class * features;
        for (size_t f = 0; f < features; f++)
            c[f] = block_of(shape, f) == f ? sm_rng_normal(rng, sigma) : c[block_of(shape, f)];
    }
    *center = all;
    return SM_OK;
}

static enum sm_status
half_make(const struct synthetic *s, uint64_t stream, size_t count, size_t features,
          const double *center, struct sm_arena *arena, struct sm_samples *half)
{
    struct sm_rng *rng = sm_rng_create(arena, s->seed, SM_RNG_SYNTHETIC_DATA, stream);
    uint8_t *inputs = sm_arena_alloc(arena, count, features);
    uint8_t *labels = sm_arena_alloc(arena, count, 1);
    if (rng == NULL || inputs == NULL || labels == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "synthetic: no memory for %zu samples of %zu bytes", count,
                       features);
    /* the middle of a byte is 0; four deviations of centres and samples together fill it */
    const double step =
        127.0 / (4 * sqrt(1 + s->separation * s->separation / (2 * (double)features)));
    for (size_t i = 0; i < count; i++) {
        labels[i] = (uint8_t)sm_rng_below(rng, s->classes);
        for (size_t f = 0; f < features; f++) {
            const double v = center[labels[i] * features + f] + sm_rng_normal(rng, 1);
            inputs[i * features + f] = (uint8_t)fmin(fmax(128 + rint(step * v), 0), 255);
        }
    }
    *half = (struct sm_samples){.inputs = inputs, .labels = labels, .count = count};
    return SM_OK;
}

static enum sm_status
synthetic_load(const void *state, struct sm_arena *arena, struct sm_data *data)
{
    const struct synthetic *s = state;
    const double *center = NULL;
    SM_TRY(shape_read(s, &data->shape));
    const size_t features = data->shape.features;
    SM_TRY(centers_make(s, &data->shape, arena, &center));
    SM_TRY(half_make(s, STREAM_TRAIN, s->train, features, center, arena, &data->train));
    SM_TRY(half_make(s, STREAM_TEST, s->test, features, center, arena, &data->test));
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
