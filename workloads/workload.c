/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/workload.c -- see workload.h. */
#include "workloads/workload.h"

#include <string.h>

#include "sim/base/text.h"
#include "sim/base/vec.h"
#include "workloads/datasets/dataset.h"
#include "workloads/datasets/vocabulary.h"
#include "workloads/kernels/kernels.h"
#include "workloads/metrics/bleu.h"
#include "workloads/models/model.h"

enum {
    SLICE = 500, /* samples at a time, so that a full batch needs no more memory than this */
    SLICE_SEQUENCES = 50,
    CACHE_LINE = 64, /* bytes                                                                  */
    AHEAD = 3,       /* samples fetched before they are needed                                 */
};

struct sm_workload {
    const struct sm_model *model;
    void *state; /* of the model */
    struct sm_model_form form;
    struct sm_tensor *tensors; /* (form.tensor_count + form.statistics_count) of a whole model */
    size_t n, statistics;      /* floats: parameters, running statistics                   */
    size_t workers, batch;
    bool reshuffle;
    uint64_t seed, data_hash;
    float *initial;      /* (n + statistics)                                         */
    struct sm_data data; /* empty for a model without data                           */
    const struct sm_augmentation *augmentation;
    const void *augmentation_settings;
    uint32_t *order; /* (train.count) worker r owns [r count / workers, ...) of it         */
};

struct sm_learner {
    const struct sm_workload *workload;
    size_t rank;
    uint32_t *part; /* (size) samples of this worker, in the order of this epoch */
    size_t size, next;
    bool shuffled;     /* in an order of its own, which stays unless epochs are reshuffled */
    float *statistics; /* (statistics) running */
    struct sm_rng *shuffle, *noise, *augmentation, *dropout;
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

/* Tokens of a sample; 0 where samples are no sequences. */
static size_t
tokens_of(const struct sm_data_shape *shape)
{
    return shape->vocabulary > 0 ? shape->source + shape->target + 1 : 0;
}

static uint64_t
hash_half(const struct sm_samples *half, const struct sm_data_shape *data, uint64_t hash)
{
    const size_t tokens = tokens_of(data);
    const uint64_t shape[2] = {half->count, tokens > 0 ? tokens : data->features};
    hash = sm_hash(shape, sizeof shape, hash);
    if (tokens > 0)
        return sm_hash(half->tokens, half->count * tokens * sizeof *half->tokens, hash);
    hash = sm_hash(half->inputs, half->count * data->features, hash);
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
    const struct sm_data_shape *shape = &w->data.shape;
    w->data_hash = hash_half(&w->data.test, shape, hash_half(train, shape, 0));
    w->augmentation = (const struct sm_augmentation *)settings->augmentation.plugin;
    w->augmentation_settings = settings->augmentation.settings;
    if (w->augmentation->apply != NULL && shape->channels == 0)
        return SM_FAIL(SM_ERR_INPUT, "workload.augmentation: %s changes images, but %s has none",
                       w->augmentation->about.name, dataset->about.name);
    return SM_OK;
}

static size_t
floats_of(const struct sm_tensor *tensors, size_t count)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        n += sm_tensor_size(&tensors[i]);
    return n;
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
    w->reshuffle = settings->reshuffle;
    w->seed = seed;
    if (w->model->needs_data)
        SM_TRY(load_data(w, settings, arena));
    SM_TRY(w->model->configure(w->state, arena, &w->data.shape, workers, &w->form));
    w->n = floats_of(w->form.tensors, w->form.tensor_count);
    w->statistics = floats_of(w->form.statistics, w->form.statistics_count);
    const size_t tensors = w->form.tensor_count, statistics = w->form.statistics_count;
    w->tensors = sm_arena_alloc(arena, tensors + statistics, sizeof *w->tensors);
    w->initial = sm_arena_alloc(arena, w->n + w->statistics, sizeof *w->initial);
    struct sm_rng *rng = sm_rng_create(arena, seed, SM_RNG_INITIAL_MODEL, 0);
    if (w->tensors == NULL || w->initial == NULL || rng == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "workload: no memory for %zu parameters", w->n);
    memcpy(w->tensors, w->form.tensors, tensors * sizeof *w->tensors);
    for (size_t i = 0; i < statistics; i++) {
        w->tensors[tensors + i] = w->form.statistics[i];
        w->tensors[tensors + i].offset += w->n;
    }
    w->model->initial(w->state, rng, w->initial, w->initial + w->n);
    *workload = w;
    return SM_OK;
}

size_t
sm_workload_parameters(const struct sm_workload *workload)
{
    return workload->n;
}

size_t
sm_workload_floats(const struct sm_workload *workload)
{
    return workload->n + workload->statistics;
}

double
sm_workload_flop_per_sample(const struct sm_workload *workload)
{
    return workload->form.flop;
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
    *tensors = workload->tensors;
    return workload->form.tensor_count + workload->form.statistics_count;
}

void
sm_workload_initial(const struct sm_workload *workload, float *x)
{
    memcpy(x, workload->initial, sm_workload_floats(workload) * sizeof *x);
}

void
sm_workload_set_initial(struct sm_workload *workload, const float *x)
{
    memcpy(workload->initial, x, sm_workload_floats(workload) * sizeof *x);
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
    l->augmentation = sm_rng_create(arena, workload->seed, SM_RNG_AUGMENTATION, rank);
    l->dropout = sm_rng_create(arena, workload->seed, SM_RNG_DROPOUT, rank);
    l->statistics = sm_arena_alloc(arena, workload->statistics, sizeof *l->statistics);
    if (l->part == NULL || l->shuffle == NULL || l->noise == NULL || l->augmentation == NULL ||
        l->dropout == NULL || l->statistics == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "workload: no memory for worker %zu", rank);
    memcpy(l->statistics, workload->initial + workload->n,
           workload->statistics * sizeof *l->statistics);
    if (l->size > 0)
        memcpy(l->part, workload->order + part_begin(workload, rank), l->size * sizeof *l->part);
    *learner = l;
    return SM_OK;
}

/* y (count, features) = the bytes of images or vectors, normalised. */
static void
to_floats(const struct sm_data *data, float *y, const uint8_t *bytes, size_t count)
{
    const size_t channels = data->shape.channels > 0 ? data->shape.channels : 1;
    sm_bytes_to_floats(y, bytes, count * data->shape.features, channels, data->mean,
                       data->deviation);
}

/* The sample after the last: epochs follow each other without a gap. */
static uint32_t
next_sample(struct sm_learner *l)
{
    const bool due = l->workload->reshuffle || !l->shuffled;
    if (l->next == 0 && l->workload->batch > 0 && due) {
        sm_rng_shuffle(l->shuffle, l->part, l->size);
        l->shuffled = true;
    }
    const uint32_t sample = l->part[l->next];
    l->next = (l->next + 1) % l->size;
    return sample;
}

/* A sample is somewhere in tens of megabytes: asked for early, it is there when its turn comes. */
static void
fetch_sample(const struct sm_data *data, size_t sample)
{
    for (size_t byte = 0; byte < data->shape.features; byte += CACHE_LINE)
        __builtin_prefetch(data->train.inputs + sample * data->shape.features + byte);
}

/* y (features) = the training sample as floats, by way of the worker's augmentation. `bytes`
 * (2 features) are used for that. */
static void
load_sample(struct sm_learner *l, float *y, size_t sample, uint8_t *bytes)
{
    const struct sm_workload *w = l->workload;
    const struct sm_data *data = &w->data;
    const size_t features = data->shape.features;
    const uint8_t *input = data->train.inputs + sample * features;
    if (w->augmentation->apply != NULL) {
        memcpy(bytes, input, features);
        w->augmentation->apply(w->augmentation_settings, &data->shape, l->augmentation, bytes,
                               bytes + features);
        input = bytes;
    }
    to_floats(data, y, input, 1);
}

/* batch->inputs and labels, in scratch, of the training samples (batch->count). */
static enum sm_status
load_labelled(struct sm_learner *l, const uint32_t *samples, struct sm_batch *batch,
              struct sm_arena *scratch)
{
    const struct sm_data *data = &l->workload->data;
    const size_t count = batch->count, features = data->shape.features;
    float *inputs = sm_arena_alloc(scratch, count * features, sizeof *inputs);
    uint8_t *labels = sm_arena_alloc(scratch, count, 1);
    uint8_t *bytes = sm_arena_alloc(scratch, 2 * features, 1);
    if (inputs == NULL || labels == NULL || bytes == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "workload: no memory for a batch of %zu", count);
    for (size_t s = 0; s < count; s++) {
        if (s + AHEAD < count)
            fetch_sample(data, samples[s + AHEAD]);
        labels[s] = data->train.labels[samples[s]];
        load_sample(l, inputs + s * features, samples[s], bytes);
    }
    batch->inputs = inputs;
    batch->labels = labels;
    return SM_OK;
}

/* batch->tokens likewise. */
static enum sm_status
load_tokens(struct sm_learner *l, const uint32_t *samples, struct sm_batch *batch,
            struct sm_arena *scratch)
{
    const struct sm_data *data = &l->workload->data;
    const size_t length = tokens_of(&data->shape);
    uint16_t *tokens = sm_arena_alloc(scratch, batch->count * length, sizeof *tokens);
    if (tokens == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "workload: no memory for a batch of %zu", batch->count);
    for (size_t s = 0; s < batch->count; s++)
        memcpy(tokens + s * length, data->train.tokens + samples[s] * length,
               length * sizeof *tokens);
    batch->tokens = tokens;
    return SM_OK;
}

/* The next batch->count samples, in scratch. */
static enum sm_status
next_batch(struct sm_learner *l, struct sm_batch *batch, struct sm_arena *scratch)
{
    uint32_t *samples = sm_arena_alloc(scratch, batch->count, sizeof *samples);
    if (samples == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "workload: no memory for a batch of %zu", batch->count);
    for (size_t s = 0; s < batch->count; s++)
        samples[s] = next_sample(l);
    return l->workload->data.shape.vocabulary > 0 ? load_tokens(l, samples, batch, scratch)
                                                  : load_labelled(l, samples, batch, scratch);
}

static enum sm_status
one_gradient(struct sm_learner *l, size_t count, const float *x, float *g, double *loss,
             struct sm_arena *scratch)
{
    const struct sm_workload *w = l->workload;
    struct sm_batch batch = {
        .count = count, .worker = l->rank, .noise = l->noise, .dropout = l->dropout};
    if (w->model->needs_data)
        SM_TRY(next_batch(l, &batch, scratch));
    return w->model->gradient(w->state, &batch, x, l->statistics, g, loss, scratch);
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
    /* statistics are of the whole batch; sequences weigh as many tokens as they have */
    if (count <= SLICE || w->statistics > 0 || w->data.shape.vocabulary > 0)
        return one_gradient(learner, count, x, g, loss, scratch);
    float *part = sm_arena_alloc(scratch, w->n, sizeof *part);
    if (part == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "workload: no memory for a gradient of %zu", w->n);
    struct sm_arena slice = {0};
    enum sm_status status = sliced_gradient(learner, count, x, g, loss, part, &slice);
    sm_arena_fini(&slice);
    return status;
}

const float *
sm_learner_statistics(const struct sm_learner *learner)
{
    return learner->statistics;
}

static size_t
slice_size(const struct sm_workload *w)
{
    return w->data.shape.vocabulary > 0 ? SLICE_SEQUENCES : SLICE;
}

size_t
sm_workload_slices(const struct sm_workload *workload)
{
    if (!workload->model->needs_data)
        return 1;
    const size_t size = slice_size(workload);
    return (workload->data.test.count + size - 1) / size;
}

/* *batch = slice `slice` of the test set; inputs in scratch. */
static enum sm_status
test_batch(const struct sm_workload *w, size_t slice, struct sm_batch *batch,
           struct sm_arena *scratch)
{
    const struct sm_data *data = &w->data;
    const size_t slices = sm_workload_slices(w), features = data->shape.features;
    const size_t begin = slice * data->test.count / slices;
    batch->count = (slice + 1) * data->test.count / slices - begin;
    if (data->shape.vocabulary > 0) {
        batch->tokens = data->test.tokens + begin * tokens_of(&data->shape);
        return SM_OK;
    }
    float *inputs = sm_arena_alloc(scratch, batch->count * features, sizeof *inputs);
    if (inputs == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "workload: no memory for %zu test samples", batch->count);
    to_floats(data, inputs, data->test.inputs + begin * features, batch->count);
    batch->inputs = inputs;
    batch->labels = data->test.labels + begin;
    return SM_OK;
}

/* metrics->bleu = counts of the model's translations of the batch against its targets. */
static enum sm_status
count_bleu(const struct sm_workload *w, const struct sm_batch *batch, const float *x,
           struct sm_metrics *metrics, struct sm_arena *scratch)
{
    const struct sm_data_shape *shape = &w->data.shape;
    const size_t target = shape->target, length = tokens_of(shape);
    uint16_t *hypotheses = sm_arena_alloc(scratch, batch->count * target, sizeof *hypotheses);
    if (hypotheses == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "workload: no memory for %zu translations", batch->count);
    SM_TRY(w->model->translate(w->state, batch, x, hypotheses, scratch));
    for (size_t s = 0; s < batch->count; s++) {
        const uint16_t *reference = batch->tokens + (s + 1) * length - target;
        const char *ours =
            sm_vocabulary_text(w->data.vocabulary, hypotheses + s * target, target, scratch);
        const char *theirs = sm_vocabulary_text(w->data.vocabulary, reference, target, scratch);
        if (ours == NULL || theirs == NULL)
            return SM_FAIL(SM_ERR_NOMEM, "workload: no memory for the text of a translation");
        SM_TRY(sm_bleu_add(&metrics->bleu, ours, theirs, scratch));
    }
    return SM_OK;
}

enum sm_status
sm_workload_evaluate(const struct sm_workload *workload, size_t slice, const float *x,
                     struct sm_metrics *metrics, struct sm_arena *scratch)
{
    struct sm_batch batch = {.count = 1};
    if (workload->model->needs_data)
        SM_TRY(test_batch(workload, slice, &batch, scratch));
    SM_TRY(
        workload->model->evaluate(workload->state, &batch, x, x + workload->n, metrics, scratch));
    return workload->model->translate != NULL ? count_bleu(workload, &batch, x, metrics, scratch)
                                              : SM_OK;
}
