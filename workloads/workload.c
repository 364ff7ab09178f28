/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/workload.c -- see workload.h. */
#include "workloads/workload.h"

#include <string.h>

#include "sim/base/text.h"
#include "sim/base/vec.h"
#include "workloads/datasets/dataset.h"
#include "workloads/kernels/kernels.h"
#include "workloads/models/model.h"

enum {
    SLICE = 500,     /* samples at a time, so that a full batch needs no more memory than this */
    CACHE_LINE = 64, /* bytes                                                                  */
    AHEAD = 3,       /* samples fetched before they are needed                                 */
};

struct sm_workload {
    const struct sm_model *model;
    void *state; /* of the model */
    size_t n, workers, batch;
    uint64_t seed, data_hash;
    float *initial;      /* (n)                                                            */
    struct sm_data data; /* empty for a model without data                                 */
    uint32_t *order;     /* (train.count) worker r owns [r count / workers, ...) of it     */
};

struct sm_learner {
    const struct sm_workload *workload;
    size_t rank;
    uint32_t *part; /* (size) samples of this worker, in the order of this epoch */
    size_t size, next;
    struct sm_rng *shuffle, *noise;
};

static size_t
part_begin(const struct sm_workload *w, size_t rank)
{
    return rank * w->data.train.count / w->workers;
}

static size_t
part_size(const struct sm_workload *w, size_t rank)
{
    return part_begin(w, rank + 1) - part_begin(w, rank);
}

static uint64_t
hash_half(const struct sm_samples *half, size_t features, uint64_t hash)
{
    const uint64_t shape[2] = {half->count, features};
    hash = sm_hash(shape, sizeof shape, hash);
    hash = sm_hash(half->inputs, half->count * features, hash);
    return sm_hash(half->labels, half->count, hash);
}

static enum sm_status
load_data(struct sm_workload *w, const struct sm_workload_settings *settings,
          struct sm_arena *arena)
{
    const struct sm_dataset *dataset = (const struct sm_dataset *)settings->dataset.plugin;
    const struct sm_partition *partition = (const struct sm_partition *)settings->partition.plugin;
    struct sm_samples *train = &w->data.train;
    SM_TRY(dataset->load(settings->dataset.settings, arena, &w->data));
    if (settings->limit > train->count)
        return SM_FAIL(SM_ERR_INPUT, "workload.limit: %zu, but %s has %zu training samples",
                       settings->limit, dataset->about.name, train->count);
    if (settings->limit > 0)
        train->count = settings->limit;
    if (w->workers > train->count)
        return SM_FAIL(SM_ERR_INPUT, "workload: %zu workers, but only %zu training samples",
                       w->workers, train->count);
    for (size_t rank = 0; rank < w->workers; rank++)
        if (w->batch > part_size(w, rank))
            return SM_FAIL(SM_ERR_INPUT,
                           "workload.batch: %zu, but worker %zu has only %zu of the %zu training "
                           "samples; `all` takes a worker's whole part",
                           w->batch, rank, part_size(w, rank), train->count);
    w->order = sm_arena_alloc(arena, train->count, sizeof *w->order);
    if (w->order == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "workload: no memory for %zu samples", train->count);
    SM_TRY(partition->order(settings->partition.settings, &w->data, train->count, w->workers,
                            w->seed, w->order));
    w->data_hash =
        hash_half(&w->data.test, w->data.features, hash_half(train, w->data.features, 0));
    return SM_OK;
}

enum sm_status
sm_workload_create(struct sm_arena *arena, const struct sm_workload_settings *settings,
                   uint64_t seed, size_t workers, struct sm_workload **workload)
{
    if (workers < 1)
        return SM_FAIL(SM_ERR_INPUT, "workload: 0 workers, expected at least 1");
    struct sm_workload *w = sm_arena_zalloc(arena, 1, sizeof *w);
    if (w == NULL || (w->state = sm_choice_state(&settings->model, arena)) == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "workload: no memory");
    w->model = (const struct sm_model *)settings->model.plugin;
    w->workers = workers;
    w->batch = settings->batch;
    w->seed = seed;
    if (w->model->needs_data)
        SM_TRY(load_data(w, settings, arena));
    const struct sm_data_shape shape = {w->data.features, w->data.classes, workers};
    SM_TRY(w->model->configure(w->state, arena, &shape));
    const struct sm_tensor *tensors;
    const size_t count = w->model->tensors(w->state, &tensors);
    for (size_t i = 0; i < count; i++)
        w->n += sm_tensor_size(&tensors[i]);
    w->initial = sm_arena_alloc(arena, w->n, sizeof *w->initial);
    struct sm_rng *rng = sm_rng_create(arena, seed, SM_RNG_INITIAL_MODEL, 0);
    if (w->initial == NULL || rng == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "workload: no memory for %zu parameters", w->n);
    w->model->initial(w->state, rng, w->initial);
    *workload = w;
    return SM_OK;
}

size_t
sm_workload_parameters(const struct sm_workload *workload)
{
    return workload->n;
}

double
sm_workload_flop_per_sample(const struct sm_workload *workload)
{
    return workload->model->flop_per_sample(workload->state);
}

size_t
sm_workload_batch(const struct sm_workload *workload, size_t rank)
{
    if (!workload->model->needs_data)
        return 1;
    return workload->batch > 0 ? workload->batch : part_size(workload, rank);
}

size_t
sm_workload_samples(const struct sm_workload *workload)
{
    return workload->data.train.count;
}

size_t
sm_workload_steps_per_epoch(const struct sm_workload *workload)
{
    if (!workload->model->needs_data)
        return 1;
    const size_t batch = sm_workload_batch(workload, 0);
    return (part_size(workload, 0) + batch - 1) / batch;
}

uint64_t
sm_workload_data_hash(const struct sm_workload *workload)
{
    return workload->data_hash;
}

size_t
sm_workload_tensors(const struct sm_workload *workload, const struct sm_tensor **tensors)
{
    return workload->model->tensors(workload->state, tensors);
}

void
sm_workload_initial(const struct sm_workload *workload, float *x)
{
    memcpy(x, workload->initial, workload->n * sizeof *x);
}

enum sm_status
sm_learner_create(const struct sm_workload *workload, size_t rank, struct sm_arena *arena,
                  struct sm_learner **learner)
{
    struct sm_learner *l = sm_arena_zalloc(arena, 1, sizeof *l);
    if (l == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "workload: no memory for worker %zu", rank);
    *l = (struct sm_learner){.workload = workload, .rank = rank};
    l->size = workload->model->needs_data ? part_size(workload, rank) : 0;
    l->part = sm_arena_alloc(arena, l->size, sizeof *l->part);
    l->shuffle = sm_rng_create(arena, workload->seed, SM_RNG_SHUFFLE, rank);
    l->noise = sm_rng_create(arena, workload->seed, SM_RNG_NOISE, rank);
    if (l->part == NULL || l->shuffle == NULL || l->noise == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "workload: no memory for worker %zu", rank);
    if (l->size > 0)
        memcpy(l->part, workload->order + part_begin(workload, rank), l->size * sizeof *l->part);
    *learner = l;
    return SM_OK;
}

/* The sample after the last: epochs follow each other without a gap, each newly shuffled. */
static uint32_t
next_sample(struct sm_learner *l)
{
    if (l->next == 0 && l->workload->batch > 0)
        sm_rng_shuffle(l->shuffle, l->part, l->size);
    const uint32_t sample = l->part[l->next];
    l->next = (l->next + 1) % l->size;
    return sample;
}

/* A sample is somewhere in tens of megabytes: asked for early, it is there when its turn comes. */
static void
fetch_sample(const struct sm_data *data, size_t sample)
{
    for (size_t byte = 0; byte < data->features; byte += CACHE_LINE)
        __builtin_prefetch(data->train.inputs + sample * data->features + byte);
}

/* batch->inputs and labels, in scratch, of the next batch->count samples. */
static enum sm_status
next_batch(struct sm_learner *l, struct sm_batch *batch, struct sm_arena *scratch)
{
    const struct sm_data *data = &l->workload->data;
    const size_t count = batch->count, features = data->features;
    float *inputs = sm_arena_alloc(scratch, count * features, sizeof *inputs);
    uint8_t *labels = sm_arena_alloc(scratch, count, 1);
    uint32_t *samples = sm_arena_alloc(scratch, count, sizeof *samples);
    if (inputs == NULL || labels == NULL || samples == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "workload: no memory for a batch of %zu", count);
    for (size_t s = 0; s < count; s++)
        samples[s] = next_sample(l);
    for (size_t s = 0; s < count; s++) {
        if (s + AHEAD < count)
            fetch_sample(data, samples[s + AHEAD]);
        labels[s] = data->train.labels[samples[s]];
        sm_bytes_to_floats(inputs + s * features, data->train.inputs + samples[s] * features,
                           features, data->mean, data->deviation);
    }
    batch->inputs = inputs;
    batch->labels = labels;
    return SM_OK;
}

static enum sm_status
one_gradient(struct sm_learner *l, size_t count, const float *x, float *g, double *loss,
             struct sm_arena *scratch)
{
    const struct sm_workload *w = l->workload;
    struct sm_batch batch = {.count = count, .worker = l->rank, .noise = l->noise};
    if (w->model->needs_data)
        SM_TRY(next_batch(l, &batch, scratch));
    return w->model->gradient(w->state, &batch, x, g, loss, scratch);
}

/* A batch of several slices; `slice` is emptied between them. */
static enum sm_status
sliced_gradient(struct sm_learner *l, size_t count, const float *x, float *g, double *loss,
                float *part, struct sm_arena *slice)
{
    const size_t n = l->workload->n, slices = (count + SLICE - 1) / SLICE;
    memset(g, 0, n * sizeof *g);
    *loss = 0;
    for (size_t s = 0; s < slices; s++) {
        const size_t size = (s + 1) * count / slices - s * count / slices;
        const double share = (double)size / (double)count;
        double part_loss;
        SM_TRY(one_gradient(l, size, x, part, &part_loss, slice));
        sm_vec_axpy(n, (float)share, part, g);
        *loss += share * part_loss;
        sm_arena_reset(slice);
    }
    return SM_OK;
}

enum sm_status
sm_learner_gradient(struct sm_learner *learner, const float *x, float *g, double *loss,
                    struct sm_arena *scratch)
{
    const struct sm_workload *w = learner->workload;
    const size_t count = sm_workload_batch(w, learner->rank);
    if (count <= SLICE)
        return one_gradient(learner, count, x, g, loss, scratch);
    float *part = sm_arena_alloc(scratch, w->n, sizeof *part);
    if (part == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "workload: no memory for a gradient of %zu", w->n);
    struct sm_arena slice = {0};
    enum sm_status status = sliced_gradient(learner, count, x, g, loss, part, &slice);
    sm_arena_fini(&slice);
    return status;
}

size_t
sm_workload_slices(const struct sm_workload *workload)
{
    return workload->model->needs_data ? (workload->data.test.count + SLICE - 1) / SLICE : 1;
}

enum sm_status
sm_workload_evaluate(const struct sm_workload *workload, size_t slice, const float *x,
                     struct sm_metrics *metrics, struct sm_arena *scratch)
{
    const struct sm_data *data = &workload->data;
    struct sm_batch batch = {.count = 1};
    if (workload->model->needs_data) {
        const size_t slices = sm_workload_slices(workload);
        const size_t begin = slice * data->test.count / slices;
        batch.count = (slice + 1) * data->test.count / slices - begin;
        batch.labels = data->test.labels + begin;
        float *inputs = sm_arena_alloc(scratch, batch.count * data->features, sizeof *inputs);
        if (inputs == NULL)
            return SM_FAIL(SM_ERR_NOMEM, "workload: no memory for %zu test samples", batch.count);
        sm_bytes_to_floats(inputs, data->test.inputs + begin * data->features,
                           batch.count * data->features, data->mean, data->deviation);
        batch.inputs = inputs;
    }
    return workload->model->evaluate(workload->state, &batch, x, metrics, scratch);
}

void
sm_metrics_add(struct sm_metrics *sum, const struct sm_metrics *part)
{
    sum->loss += part->loss;
    sum->correct += part->correct;
    sum->count += part->count;
    sum->classifies = part->classifies;
}
