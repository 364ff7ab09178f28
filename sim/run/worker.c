/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/run/worker.c -- inner optimizer x communication strategy x outer optimizer x buffers. */
#include "sim/run/worker.h"

#include <math.h>
#include <string.h>

#include "algorithms/buffer/buffer.h"
#include "algorithms/inner/inner.h"
#include "algorithms/outer/outer.h"
#include "algorithms/schedule/schedule.h"
#include "algorithms/strategy/strategy.h"

struct worker {
    const struct sm_training *training;
    struct sm_comm *comm;
    size_t n;
    float *x, *g;      /* (n) model, gradient                           */
    const float *view; /* (n) the model that the gradient is taken at   */
    bool absorbed;     /* an evaluation has had the arrivals added to x */
    float lr, gamma;   /* base learning rate, learning rate of the step */
    struct sm_learner *learner;
    double loss;     /* of the last minibatch                  */
    double loss_sum; /* since the last evaluation              */
    size_t loss_count;
    const struct sm_inner *inner;
    const struct sm_schedule *schedule;
    const struct sm_strategy *strategy;
    const struct sm_outer *outer;
    const struct sm_buffer_strategy *buffer;
    void *inner_state, *strategy_state, *outer_state;
    const void *schedule_settings;
    enum sm_round round;
};

static enum sm_status
worker_init(struct worker *w, const struct sm_experiment *experiment, struct sm_arena *arena,
            struct sm_comm *comm, size_t n, const float *initial)
{
    w->comm = comm;
    w->n = n;
    w->inner = (const struct sm_inner *)experiment->algorithm.inner.plugin;
    w->schedule = (const struct sm_schedule *)experiment->algorithm.schedule.plugin;
    w->strategy = (const struct sm_strategy *)experiment->algorithm.strategy.plugin;
    w->outer = (const struct sm_outer *)experiment->algorithm.outer.plugin;
    w->buffer = (const struct sm_buffer_strategy *)experiment->algorithm.buffer.plugin;
    w->inner_state = sm_choice_state(&experiment->algorithm.inner, arena);
    w->strategy_state = sm_choice_state(&experiment->algorithm.strategy, arena);
    w->outer_state = sm_choice_state(&experiment->algorithm.outer, arena);
    w->schedule_settings = experiment->algorithm.schedule.settings;
    w->x = sm_arena_zalloc(arena, n, sizeof *w->x);
    w->g = sm_arena_zalloc(arena, n, sizeof *w->g);
    if (w->inner_state == NULL || w->strategy_state == NULL || w->outer_state == NULL ||
        w->x == NULL || w->g == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for a worker with %zu parameters", n);
    memcpy(w->x, initial, n * sizeof *initial);
    w->view = w->x;
    /* every inner optimizer has a setting lr */
    const struct sm_param *lr = sm_param_find(w->inner->about.params, "lr");
    w->lr = *(const float *)((const char *)experiment->algorithm.inner.settings + lr->offset);
    w->round = sm_outer_round(w->outer, w->outer_state);
    SM_TRY(w->inner->init(w->inner_state, arena, n));
    if (w->strategy->init != NULL)
        SM_TRY(w->strategy->init(w->strategy_state, arena, comm, n));
    if (w->outer->init != NULL)
        SM_TRY(w->outer->init(w->outer_state, arena, n, initial));
    return SM_OK;
}

enum sm_status
sm_worker_check(const struct sm_experiment *experiment, size_t workers)
{
    struct sm_arena arena = {0};
    struct sm_comm comm = {.rank = 0, .size = workers, .devices = 1, .wire_scale = 1};
    struct worker w = {0};
    const float zero = 0;
    enum sm_status status = worker_init(&w, experiment, &arena, &comm, 1, &zero);
    sm_arena_fini(&arena);
    return status;
}

static void
absorb(struct worker *w)
{
    if (!w->absorbed && w->strategy->absorb != NULL)
        w->strategy->absorb(w->strategy_state, w->n, w->x, &w->view);
    w->absorbed = false;
}

/* Timing only has no learner: its gradient is 0. */
static enum sm_status
gradient_job(void *arg, struct sm_arena *scratch)
{
    struct worker *w = arg;
    absorb(w);
    if (w->learner == NULL)
        return SM_OK;
    return sm_learner_gradient(w->learner, w->view, w->g, &w->loss, scratch);
}

static enum sm_status
update_job(void *arg, struct sm_arena *scratch)
{
    (void)scratch;
    struct worker *w = arg;
    if (!isfinite(w->loss)) /* the loop says so; x stays as it was */
        return SM_OK;
    SM_TRY(w->inner->step(w->inner_state, w->n, w->gamma, w->g, w->x));
    if (w->strategy->split != NULL)
        w->strategy->split(w->strategy_state, w->n, w->x);
    return SM_OK;
}

/* Both in one, where nothing happens to the gradient in between: it is still in the cache. */
static enum sm_status
gradient_and_update_job(void *arg, struct sm_arena *scratch)
{
    SM_TRY(gradient_job(arg, scratch));
    return update_job(arg, scratch);
}

/* Receives; when an evaluation is due, leaves the model that k steps led to. */
static enum sm_status
begin(struct worker *w, size_t k, double since)
{
    const struct sm_training *training = w->training;
    if (w->strategy->receive != NULL)
        SM_TRY(w->strategy->receive(w->strategy_state, w->comm));
    if (training->recorder == NULL || (k % training->every != 0 && k != training->steps))
        return SM_OK;
    absorb(w);
    w->absorbed = true;
    SM_TRY(sm_recorder_deposit(training->recorder, w->comm->rank, k, since, w->view,
                               sm_learner_statistics(w->learner), w->loss_sum, w->loss_count));
    w->loss_sum = 0;
    w->loss_count = 0;
    return SM_OK;
}

/* Forward, backward, what the strategy does to the gradient, and the inner step: stages of the
 * clock one by one, real work as one job or, around an exchange of gradients, two. */
static enum sm_status
compute(struct worker *w, size_t k)
{
    const struct sm_profile *profile = w->training->profile;
    const struct sm_comm_ops *ops = w->comm->ops;
    bool mixes = w->strategy->mix_gradient != NULL;
    SM_TRY(ops->compute(w->comm, SM_STAGE_COMPUTE, 0, profile->forward + profile->backward,
                        mixes ? &(struct sm_job){gradient_job, w} : NULL));
    SM_TRY(ops->reduce_devices(w->comm, w->n));
    if (mixes)
        SM_TRY(w->strategy->mix_gradient(w->strategy_state, w->comm, w->n, w->g));
    SM_TRY(ops->compute(w->comm, SM_STAGE_UPDATE, 0, profile->update,
                        &(struct sm_job){mixes ? update_job : gradient_and_update_job, w}));
    if (!isfinite(w->loss))
        return SM_FAIL(SM_ERR_DIVERGED, "diverged: the loss of rank %zu is not finite at step %zu",
                       w->comm->rank, k);
    w->loss_sum += w->loss;
    w->loss_count++;
    return SM_OK;
}

static enum sm_status
end_round(struct worker *w)
{
    bool average = w->round == SM_ROUND_AVERAGE;
    if (w->strategy->drain != NULL)
        SM_TRY(w->strategy->drain(w->strategy_state, w->comm, w->n, w->x, average));
    if (average)
        SM_TRY(sm_comm_average(w->comm, w->x, w->n));
    SM_TRY(w->buffer->apply(w->comm, w->inner, w->inner_state));
    if (w->outer->step != NULL)
        SM_TRY(w->outer->step(w->outer_state, w->n, w->gamma, w->x));
    return SM_OK;
}

static enum sm_status
step(struct worker *w, size_t k, double since)
{
    const struct sm_training *training = w->training;
    struct sm_comm *comm = w->comm;
    SM_TRY(comm->ops->compute(comm, SM_STAGE_LOAD, training->profile->load, 0, NULL));
    SM_TRY(begin(w, k, since));
    w->gamma =
        (float)((double)w->lr * w->schedule->factor(w->schedule_settings, k, training->steps));
    SM_TRY(compute(w, k));
    if (w->strategy->send != NULL)
        SM_TRY(w->strategy->send(w->strategy_state, comm));
    if (w->round != SM_ROUND_NONE && (k + 1) % training->experiment->algorithm.tau == 0)
        SM_TRY(end_round(w));
    return SM_OK;
}

static void
report_progress(const struct worker *w, size_t steps_done)
{
    const struct sm_training *training = w->training;
    if (training->progress->out == NULL)
        return;
    double accuracy = (double)NAN, samples = 0;
    if (training->recorder != NULL) {
        accuracy = sm_recorder_accuracy(training->recorder);
        samples = (double)(steps_done * w->comm->size * sm_workload_batch(training->workload, 0));
    }
    sm_progress_update(training->progress, steps_done, accuracy, samples);
}

enum sm_status
sm_worker_run(void *arg, struct sm_comm *comm)
{
    const struct sm_training *training = arg;
    struct sm_arena *arena = &training->arenas[comm->rank];
    struct worker *w = sm_arena_zalloc(arena, 1, sizeof *w);
    if (w == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for a worker");
    w->training = training;
    SM_TRY(
        worker_init(w, training->experiment, arena, comm, training->parameters, training->initial));
    if (training->workload != NULL)
        SM_TRY(sm_learner_create(training->workload, comm->rank, arena, &w->learner));

    for (size_t k = 0; k < training->steps; k++) {
        enum sm_status status = step(w, k, comm->ops->now(comm));
        if (status == SM_ERR_DOMAIN)
            return sm_error_prefix("step %zu", k);
        SM_TRY(status);
        if (comm->rank == 0)
            report_progress(w, k + 1);
    }
    training->ends[comm->rank] = comm->ops->now(comm);
    return begin(w, training->steps, training->ends[comm->rank]);
}
