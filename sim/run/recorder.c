/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/run/recorder.c -- see recorder.h. */
#include "sim/run/recorder.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/text.h"
#include "sim/base/vec.h"

/* One evaluation that not all workers have reached yet. */
struct point {
    struct point *next;
    size_t step, arrived;
    double sim_seconds;
    struct {
        float *x; /* (floats) */
        double loss;
        size_t losses;
        bool there;
    } left[]; /* (workers) */
};

/* One slice of the test set, on its way through the pool. */
struct slice {
    struct sm_task task;
    struct sm_recorder *recorder;
    size_t index;
    struct sm_metrics metrics;
};

struct sm_recorder {
    struct sm_recorder_settings settings;
    pthread_mutex_t lock;
    size_t n, floats; /* parameters; of a whole model */
    struct point *open, *spare;
    float *consensus;     /* (floats) */
    const float **models; /* (workers) */
    bool *lost;           /* (workers) */
    struct slice *slices;
    size_t slice_count;
    struct sm_evaluation *evaluations;
    size_t count, capacity;
    uint64_t hash;
    bool finished;
};

enum sm_status
sm_recorder_create(const struct sm_recorder_settings *settings, struct sm_recorder **out)
{
    struct sm_recorder *recorder = calloc(1, sizeof *recorder);
    if (recorder == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for the recorder");
    recorder->settings = *settings;
    pthread_mutex_init(&recorder->lock, NULL);
    recorder->n = sm_workload_parameters(settings->workload);
    recorder->floats = sm_workload_floats(settings->workload);
    recorder->slice_count = sm_workload_slices(settings->workload);
    recorder->consensus = calloc(recorder->floats, sizeof(float));
    recorder->models = calloc(settings->workers, sizeof(float *));
    recorder->lost = calloc(settings->workers, sizeof *recorder->lost);
    recorder->slices = calloc(recorder->slice_count, sizeof *recorder->slices);
    if (recorder->consensus == NULL || recorder->models == NULL || recorder->lost == NULL ||
        recorder->slices == NULL) {
        sm_recorder_free(recorder);
        return SM_FAIL(SM_ERR_NOMEM, "no memory for the recorder");
    }
    *out = recorder;
    return SM_OK;
}

static void
free_points(struct point *point, size_t workers)
{
    while (point != NULL) {
        struct point *next = point->next;
        for (size_t r = 0; r < workers; r++)
            free(point->left[r].x);
        free(point);
        point = next;
    }
}

void
sm_recorder_free(struct sm_recorder *recorder)
{
    if (recorder == NULL)
        return;
    free_points(recorder->open, recorder->settings.workers);
    free_points(recorder->spare, recorder->settings.workers);
    pthread_mutex_destroy(&recorder->lock);
    free(recorder->consensus);
    free(recorder->models);
    free(recorder->lost);
    free(recorder->slices);
    free(recorder->evaluations);
    free(recorder);
}

/* The point of that step, open or new. Points of one run are few at a time. */
static struct point *
point_at(struct sm_recorder *recorder, size_t step)
{
    for (struct point *point = recorder->open; point != NULL; point = point->next)
        if (point->step == step)
            return point;
    size_t workers = recorder->settings.workers;
    struct point *point = recorder->spare;
    if (point != NULL)
        recorder->spare = point->next;
    else
        point = calloc(1, sizeof *point + workers * sizeof point->left[0]);
    for (size_t r = 0; point != NULL && r < workers; r++)
        if (point->left[r].x == NULL &&
            (point->left[r].x = malloc(recorder->floats * sizeof(float))) == NULL) {
            point->next = NULL;
            free_points(point, workers);
            return NULL;
        }
    for (size_t r = 0; point != NULL && r < workers; r++)
        point->left[r].there = false;
    if (point == NULL)
        return NULL;
    point->step = step;
    point->arrived = 0;
    point->sim_seconds = 0;
    point->next = recorder->open;
    recorder->open = point;
    return point;
}

static enum sm_status
evaluate_slice(void *arg, struct sm_arena *scratch)
{
    struct slice *slice = arg;
    return sm_workload_evaluate(slice->recorder->settings.workload, slice->index,
                                slice->recorder->consensus, &slice->metrics, scratch);
}

static enum sm_status
evaluate_consensus(struct sm_recorder *recorder, struct sm_metrics *sum)
{
    struct sm_pool *pool = recorder->settings.pool;
    enum sm_status status = SM_OK;
    for (size_t i = 0; i < recorder->slice_count; i++) {
        struct slice *slice = &recorder->slices[i];
        slice->recorder = recorder;
        slice->index = i;
        sm_pool_submit(pool, &slice->task, &(struct sm_job){evaluate_slice, slice});
    }
    *sum = (struct sm_metrics){0};
    for (size_t i = 0; i < recorder->slice_count; i++) { /* joined even after a failure */
        enum sm_status joined = sm_pool_join(pool, &recorder->slices[i].task);
        if (joined == SM_OK)
            sm_metrics_add(sum, &recorder->slices[i].metrics);
        else
            status = joined;
    }
    return status;
}

/* Mean loss over workers and steps; null before the first step. */
static double
mean_loss(const struct point *point, size_t workers)
{
    double loss = 0;
    size_t losses = 0;
    for (size_t r = 0; r < workers; r++) {
        loss += point->left[r].there ? point->left[r].loss : 0;
        losses += point->left[r].there ? point->left[r].losses : 0;
    }
    return losses > 0 ? loss / (double)losses : (double)NAN;
}

static enum sm_status
keep(struct sm_recorder *recorder, const struct sm_evaluation *evaluation)
{
    if (recorder->count == recorder->capacity) {
        size_t capacity = recorder->capacity == 0 ? 32 : 2 * recorder->capacity;
        struct sm_evaluation *larger =
            realloc(recorder->evaluations, capacity * sizeof *recorder->evaluations);
        if (larger == NULL)
            return SM_FAIL(SM_ERR_NOMEM, "no memory for %zu evaluations", capacity);
        recorder->evaluations = larger;
        recorder->capacity = capacity;
    }
    recorder->evaluations[recorder->count++] = *evaluation;
    if (recorder->settings.store == NULL)
        return SM_OK;
    return sm_store_add(recorder->settings.store, recorder->settings.run, evaluation);
}

static enum sm_status
complete(struct sm_recorder *recorder, const struct point *point)
{
    size_t workers = 0, n = recorder->n, floats = recorder->floats;
    for (size_t r = 0; r < recorder->settings.workers; r++)
        if (point->left[r].there)
            recorder->models[workers++] = point->left[r].x;
    sm_vec_mean_into(workers, recorder->models, floats, recorder->consensus);
    if (!sm_vec_finite(floats, recorder->consensus))
        return SM_FAIL(SM_ERR_DIVERGED, "diverged: the model is not finite after step %zu",
                       point->step);
    double distance = 0;
    for (size_t r = 0; r < workers; r++)
        distance += sm_vec_distance2(n, recorder->models[r], recorder->consensus);

    struct sm_metrics metrics;
    SM_TRY(evaluate_consensus(recorder, &metrics));
    if (!isfinite(metrics.loss))
        return SM_FAIL(SM_ERR_DIVERGED, "diverged: the test loss is not finite after step %zu",
                       point->step);
    const struct sm_evaluation evaluation = {
        .step = point->step,
        .sim_seconds = point->sim_seconds,
        .train_loss = mean_loss(point, recorder->settings.workers),
        .test_loss = sm_metrics_loss(&metrics),
        .test_accuracy = sm_metrics_accuracy(&metrics),
        .test_perplexity = sm_metrics_perplexity(&metrics),
        .test_bleu = sm_metrics_bleu(&metrics),
        .consensus_distance = distance / (double)workers,
    };
    SM_TRY(keep(recorder, &evaluation));
    if (point->step == recorder->settings.steps) {
        for (size_t r = 0; r < workers; r++)
            recorder->hash = sm_hash(recorder->models[r], floats * sizeof(float), recorder->hash);
        recorder->finished = true;
    }
    return SM_OK;
}

static bool
is_complete(const struct sm_recorder *recorder, const struct point *point)
{
    if (point->arrived == recorder->settings.workers)
        return true;
    for (size_t r = 0; r < recorder->settings.workers; r++)
        if (!point->left[r].there && !recorder->lost[r])
            return false;
    return true;
}

static enum sm_status
close_point(struct sm_recorder *recorder, struct point *point)
{
    enum sm_status status = complete(recorder, point);
    struct point **link = &recorder->open;
    while (*link != point)
        link = &(*link)->next;
    *link = point->next;
    point->next = recorder->spare;
    recorder->spare = point;
    return status;
}

static enum sm_status
deposit_locked(struct sm_recorder *recorder, size_t rank, size_t step, double sim_seconds,
               const float *x, const float *statistics, double loss, size_t losses)
{
    struct point *point = point_at(recorder, step);
    if (point == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for %zu copies of the model to evaluate",
                       recorder->settings.workers);
    const size_t n = recorder->n;
    memcpy(point->left[rank].x, x, n * sizeof *x);
    if (recorder->floats > n)
        memcpy(point->left[rank].x + n, statistics, (recorder->floats - n) * sizeof *x);
    point->left[rank].loss = loss;
    point->left[rank].losses = losses;
    point->sim_seconds = fmax(point->sim_seconds, sim_seconds);
    point->left[rank].there = true;
    point->arrived++;
    return is_complete(recorder, point) ? close_point(recorder, point) : SM_OK;
}

enum sm_status
sm_recorder_deposit(struct sm_recorder *recorder, size_t rank, size_t step, double sim_seconds,
                    const float *x, const float *statistics, double loss, size_t losses)
{
    pthread_mutex_lock(&recorder->lock);
    enum sm_status status =
        deposit_locked(recorder, rank, step, sim_seconds, x, statistics, loss, losses);
    pthread_mutex_unlock(&recorder->lock);
    return status;
}

/* The oldest first, as they would have come. */
static enum sm_status
lose_locked(struct sm_recorder *recorder, size_t rank)
{
    recorder->lost[rank] = true;
    for (;;) {
        struct point *oldest = NULL;
        for (struct point *point = recorder->open; point != NULL; point = point->next)
            if (is_complete(recorder, point) && (oldest == NULL || point->step < oldest->step))
                oldest = point;
        if (oldest == NULL)
            return SM_OK;
        SM_TRY(close_point(recorder, oldest));
    }
}

enum sm_status
sm_recorder_lose(struct sm_recorder *recorder, size_t rank)
{
    if (rank >= recorder->settings.workers) /* a server has no model to evaluate */
        return SM_OK;
    pthread_mutex_lock(&recorder->lock);
    enum sm_status status = lose_locked(recorder, rank);
    pthread_mutex_unlock(&recorder->lock);
    return status;
}

double
sm_recorder_accuracy(struct sm_recorder *recorder)
{
    pthread_mutex_lock(&recorder->lock);
    double accuracy = recorder->count > 0 ? recorder->evaluations[recorder->count - 1].test_accuracy
                                          : (double)NAN;
    pthread_mutex_unlock(&recorder->lock);
    return accuracy;
}

const struct sm_evaluation *
sm_recorder_evaluations(const struct sm_recorder *recorder, size_t *count)
{
    *count = recorder->count;
    return recorder->evaluations;
}

const float *
sm_recorder_consensus(const struct sm_recorder *recorder, uint64_t *hash)
{
    *hash = recorder->hash;
    return recorder->finished ? recorder->consensus : NULL;
}
