/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/run/worker.c -- inner optimizer x communication strategy x outer optimizer x buffers. */
#include "sim/run/worker.h"

#include <math.h>
#include <string.h>

#include "algorithms/buffer/buffer.h"
#include "algorithms/compression/compression.h"
#include "algorithms/inner/inner.h"
#include "algorithms/outer/outer.h"
#include "algorithms/period/period.h"
#include "algorithms/schedule/schedule.h"
#include "algorithms/strategy/strategy.h"
#include "sim/base/vec.h"
#include "sim/run/server.h"

struct worker {
    const struct sm_training *training;
    struct sm_comm *comm;
    size_t n;
    float *x, *g;      /* (n) model, gradient                           */
    const float *view; /* (n) the model that the gradient is taken at   */
    bool absorbed;     /* an evaluation has had the arrivals added to x */
    float lr, gamma;   /* base learning rate, learning rate of the step */
    float clip;        /* longest gradient; 0: any                      */
    struct sm_learner *learner;
    double loss;     /* of the last minibatch                  */
    double loss_sum; /* since the last evaluation              */
    size_t loss_count;
    double round_loss_sum;      /* since the round began               */
    size_t round_begin, length; /* first step and steps of the round   */
    size_t rounds;              /* begun so far                        */
    const struct sm_inner *inner;
    const struct sm_schedule *schedule;
    const struct sm_strategy *strategy;
    const struct sm_outer *outer;
    const struct sm_buffer_strategy *buffer;
    const struct sm_period *period;
    void *inner_state, *strategy_state, *outer_state, *period_state;
    const void *schedule_settings;
    enum sm_round round;
    bool sends_early;
    struct sm_pace *pace; /* NULL: as the profile says                        */
    double slowness;      /* factor on the compute time of the step           */
    struct sm_request *
        *posted;           /* (buckets) their all-reduces; NULL: the gradient goes as a whole */
    enum sm_reach reach;   /* of them */
    struct sm_codec codec; /* of the exact average                              */
    float *anchor;         /* (n) what all agreed on, where differences from it are compressed */
};

struct sm_setup
sm_training_setup(const struct sm_training *training, struct sm_comm *comm, struct sm_arena *arena)
{
    return (struct sm_setup){.arena = arena,
                             .comm = comm,
                             .n = training->parameters,
                             .x0 = training->initial,
                             .matrices = training->matrices,
                             .matrix_count = training->matrix_count,
                             .whole = training->whole,
                             .whole_count = training->whole_count,
                             .compression = &training->experiment->algorithm.compression};
}

/* The exact average compresses the change since the start of the round. */
static enum sm_status
average_init(struct worker *w, const struct sm_setup *setup)
{
    if (w->round != SM_ROUND_AVERAGE)
        return SM_OK;
    SM_TRY(sm_codec_init(&w->codec, setup));
    if (!sm_codec_active(&w->codec))
        return SM_OK;
    w->anchor = sm_arena_alloc(setup->arena, w->n, sizeof *w->anchor);
    if (w->anchor == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "a vector of n=%zu floats for the compressed average", w->n);
    memcpy(w->anchor, setup->x0, w->n * sizeof *w->anchor);
    return SM_OK;
}

/* What of the inner optimizer's state a strategy may mix. */
static enum sm_status
list_buffers(struct worker *w, struct sm_setup *setup)
{
    size_t count = 0;
    struct sm_buffer buffer;
    while (w->inner->buffer != NULL && w->inner->buffer(w->inner_state, count, &buffer))
        count++;
    struct sm_buffer *buffers = sm_arena_alloc(setup->arena, count, sizeof *buffers);
    if (buffers == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for a list of %zu buffers", count);
    setup->buffers = buffers;
    for (size_t i = 0; i < count; i++)
        if (w->inner->buffer(w->inner_state, i, &buffer) && !buffer.counter)
            buffers[setup->buffer_count++] = buffer;
    return SM_OK;
}

/* Buckets are for all-reduces: of the workers where the strategy is one, else of their devices. */
static enum sm_status
buckets_init(struct worker *w, const struct sm_setup *setup)
{
    const struct sm_compression *compression =
        (const struct sm_compression *)setup->compression->plugin;
    const struct sm_comm *comm = w->comm;
    const bool plain = compression->encode == NULL && compression->average == NULL;
    const bool all = w->strategy->averages_gradient && plain && comm->size > 1;
    w->reach = SM_AMONG_DEVICES;
    if (w->training->bucket_count < 2 || (!all && comm->devices < 2))
        return SM_OK;
    w->reach = all ? SM_AMONG_ALL : SM_AMONG_DEVICES;
    w->posted = sm_arena_zalloc(setup->arena, w->training->bucket_count, sizeof *w->posted);
    return w->posted != NULL ? SM_OK : SM_FAIL(SM_ERR_NOMEM, "no memory for a gradient's buckets");
}

static enum sm_status
worker_init(struct worker *w, const struct sm_training *training, struct sm_comm *comm,
            struct sm_arena *arena)
{
    const struct sm_experiment *experiment = training->experiment;
    struct sm_setup setup = sm_training_setup(training, comm, arena);
    w->training = training;
    w->comm = comm;
    w->n = setup.n;
    w->clip = (float)experiment->algorithm.clip;
    w->inner = (const struct sm_inner *)experiment->algorithm.inner.plugin;
    w->schedule = (const struct sm_schedule *)experiment->algorithm.schedule.plugin;
    w->strategy = (const struct sm_strategy *)experiment->algorithm.strategy.plugin;
    w->outer = (const struct sm_outer *)experiment->algorithm.outer.plugin;
    w->buffer = (const struct sm_buffer_strategy *)experiment->algorithm.buffer.plugin;
    w->period = (const struct sm_period *)experiment->algorithm.period.plugin;
    w->inner_state = sm_choice_state(&experiment->algorithm.inner, arena);
    w->strategy_state = sm_choice_state(&experiment->algorithm.strategy, arena);
    w->outer_state = sm_choice_state(&experiment->algorithm.outer, arena);
    w->period_state = sm_choice_state(&experiment->algorithm.period, arena);
    w->schedule_settings = experiment->algorithm.schedule.settings;
    w->x = sm_arena_zalloc(arena, w->n, sizeof *w->x);
    w->g = sm_arena_zalloc(arena, w->n, sizeof *w->g);
    if (w->inner_state == NULL || w->strategy_state == NULL || w->outer_state == NULL ||
        w->period_state == NULL || w->x == NULL || w->g == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for a worker with %zu parameters", w->n);
    memcpy(w->x, setup.x0, w->n * sizeof *w->x);
    w->view = w->x;
    /* every inner optimizer has a setting lr */
    const struct sm_param *lr = sm_param_find(w->inner->about.params, "lr");
    w->lr = *(const float *)((const char *)experiment->algorithm.inner.settings + lr->offset);
    w->sends_early = sm_strategy_is(&experiment->algorithm.strategy, SM_SENDS_EARLY);
    w->round = sm_outer_round(w->outer, w->outer_state);
    SM_TRY(w->inner->init(w->inner_state, &setup));
    SM_TRY(list_buffers(w, &setup));
    if (w->strategy->init != NULL)
        SM_TRY(w->strategy->init(w->strategy_state, &setup));
    if (w->outer->init != NULL)
        SM_TRY(w->outer->init(w->outer_state, &setup));
    SM_TRY(buckets_init(w, &setup));
    return average_init(w, &setup);
}

enum sm_status
sm_worker_check(const struct sm_experiment *experiment, size_t workers)
{
    struct sm_arena arena = {0};
    struct sm_comm comm = {.size = workers,
                           .servers = sm_strategy_servers(&experiment->algorithm.strategy),
                           .seed = experiment->seed,
                           .devices = 1,
                           .wire_scale = 1};
    const float zero = 0;
    const struct sm_matrix one = {.rows = 1, .columns = 1, .panel = 1};
    const struct sm_training training = {.experiment = experiment,
                                         .initial = &zero,
                                         .parameters = 1,
                                         .matrices = &one,
                                         .matrix_count = 1};
    struct worker w = {0};
    enum sm_status status = worker_init(&w, &training, &comm, &arena);
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
    if (w->strategy->server == NULL) {
        if (w->clip > 0)
            sm_inner_clip(w->n, w->clip, w->g);
        SM_TRY(w->inner->step(w->inner_state, w->n, w->gamma, w->g, w->x));
    }
    if (w->strategy->split != NULL && !w->sends_early)
        w->strategy->split(w->strategy_state, w->n, w->gamma, w->g, w->x);
    return SM_OK;
}

/* Both in one, where nothing happens to the gradient in between: it is still in the cache. */
static enum sm_status
gradient_and_update_job(void *arg, struct sm_arena *scratch)
{
    SM_TRY(gradient_job(arg, scratch));
    return update_job(arg, scratch);
}

static enum sm_status
split_job(void *arg, struct sm_arena *scratch)
{
    (void)scratch;
    struct worker *w = arg;
    absorb(w);
    w->absorbed = true;
    w->strategy->split(w->strategy_state, w->n, w->gamma, w->g, w->x);
    return SM_OK;
}

/* What leaves before the gradient. */
static enum sm_status
send_early(struct worker *w)
{
    if (!w->sends_early)
        return SM_OK;
    SM_TRY(w->comm->ops->compute(w->comm, SM_STAGE_UPDATE, 0, 0, &(struct sm_job){split_job, w}));
    return w->strategy->send(w->strategy_state, w->comm);
}

static void
mark(const struct sm_training *training, size_t k, double since)
{
    struct sm_marks *marks = training->marks;
    const size_t point = (k + training->every - 1) / training->every;
    marks->seconds[point] = fmax(marks->seconds[point], since);
    marks->arrived[point]++;
}

/* Receives; when an evaluation is due, leaves the model that k steps led to. */
static enum sm_status
begin(struct worker *w, size_t k, double since)
{
    const struct sm_training *training = w->training;
    if (w->strategy->receive != NULL)
        SM_TRY(w->strategy->receive(w->strategy_state, w->comm));
    if ((training->recorder == NULL && training->marks == NULL) ||
        (k % training->every != 0 && k != training->steps))
        return SM_OK;
    if (training->marks != NULL)
        mark(training, k, since);
    if (training->recorder == NULL)
        return SM_OK;
    absorb(w);
    w->absorbed = true;
    SM_TRY(sm_recorder_deposit(training->recorder, w->comm->rank, k, since, w->view,
                               sm_learner_statistics(w->learner), w->loss_sum, w->loss_count));
    w->loss_sum = 0;
    w->loss_count = 0;
    return SM_OK;
}

/* Each bucket's all-reduce leaves when backward has come so far, from the end of g to its begin. A
 * model other than the profile's is cut where the profile is. */
static enum sm_status
compute_in_buckets(struct worker *w, const struct sm_job *job)
{
    const struct sm_training *training = w->training;
    const struct sm_comm_ops *ops = w->comm->ops;
    const size_t count = training->bucket_count;
    double before = 0, flop = w->slowness * training->profile->forward;
    size_t end = w->n;
    for (size_t b = 0; b < count; b++) {
        const struct sm_bucket *bucket = &training->buckets[b];
        const double wire = (double)w->n * (bucket->until - before);
        const size_t first = b + 1 < count ? w->n - (size_t)round((double)w->n * bucket->until) : 0;
        flop += w->slowness * bucket->backward;
        SM_TRY(ops->compute(w->comm, SM_STAGE_COMPUTE, 0, flop, b == 0 ? job : NULL));
        if (wire > 0)
            SM_TRY(
                ops->iallreduce(w->comm, w->reach, w->g + first, end - first, wire, &w->posted[b]));
        before = bucket->until;
        end = first;
        flop = 0;
    }
    for (size_t b = 0; b < count; b++)
        SM_TRY(ops->wait(w->comm, &w->posted[b]));
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
    const struct sm_job *gradient = mixes ? &(struct sm_job){gradient_job, w} : NULL;
    if (w->posted != NULL) {
        SM_TRY(compute_in_buckets(w, gradient));
    } else {
        SM_TRY(ops->compute(w->comm, SM_STAGE_COMPUTE, 0,
                            w->slowness * (profile->forward + profile->backward), gradient));
        SM_TRY(ops->reduce_devices(w->comm, w->n));
    }
    if (mixes && w->reach == SM_AMONG_DEVICES)
        SM_TRY(w->strategy->mix_gradient(w->strategy_state, w->comm, w->n, w->g));
    const double update = w->strategy->server == NULL ? w->slowness * profile->update : 0;
    SM_TRY(ops->compute(w->comm, SM_STAGE_UPDATE, 0, update,
                        &(struct sm_job){mixes ? update_job : gradient_and_update_job, w}));
    if (!isfinite(w->loss))
        return SM_FAIL(SM_ERR_DIVERGED, "diverged: the loss of rank %zu is not finite at step %zu",
                       w->comm->rank, k);
    w->loss_sum += w->loss;
    w->loss_count++;
    w->round_loss_sum += w->loss;
    return SM_OK;
}

static double
schedule_factor(const struct worker *w, size_t k)
{
    return w->schedule->factor(w->schedule_settings, k, w->training->steps);
}

/* The round's mean loss, over all workers; one float travels. */
static enum sm_status
round_loss(struct worker *w, double *loss)
{
    *loss = (double)NAN;
    if (!w->period->asks_for_loss || w->learner == NULL || w->length == 0)
        return SM_OK;
    float mean = (float)(w->round_loss_sum / (double)w->length);
    SM_TRY(sm_comm_average(w->comm, &mean, 1));
    *loss = (double)mean;
    return SM_OK;
}

static enum sm_status
begin_round(struct worker *w, size_t k)
{
    struct sm_round_start start = {
        .step = k, .steps = w->training->steps, .factor = schedule_factor(w, k)};
    SM_TRY(round_loss(w, &start.loss));
    w->round_begin = k;
    w->rounds++;
    w->round_loss_sum = 0;
    w->length = w->period->length(w->period_state, &start);
    return SM_OK;
}

/* x becomes the mean of all models, whose running statistics travel along. */
static enum sm_status
exact_average(struct worker *w)
{
    if (w->anchor == NULL)
        return sm_codec_average(&w->codec, w->comm, w->x, w->comm->statistics);
    sm_vec_axpy(w->n, -1.0f, w->anchor, w->x);
    SM_TRY(sm_codec_average(&w->codec, w->comm, w->x, w->comm->statistics));
    sm_vec_axpy(w->n, 1.0f, w->anchor, w->x);
    return SM_OK;
}

static enum sm_status
end_round(struct worker *w)
{
    bool average = w->round == SM_ROUND_AVERAGE;
    if (w->strategy->drain != NULL)
        SM_TRY(w->strategy->drain(w->strategy_state, w->comm, w->n, w->x,
                                  average ? SM_DRAIN_AVERAGE : SM_DRAIN_ROUND));
    if (average)
        SM_TRY(exact_average(w));
    SM_TRY(w->buffer->apply(w->comm, w->inner, w->inner_state));
    if (w->outer->step != NULL)
        SM_TRY(w->outer->step(w->outer_state, w->n, w->gamma, w->x));
    if (w->anchor != NULL)
        memcpy(w->anchor, w->x, w->n * sizeof *w->x);
    return SM_OK;
}

static enum sm_status
outer_step(struct worker *w, size_t k)
{
    if (w->round == SM_ROUND_NONE)
        return SM_OK;
    const struct sm_moment moment = {.done = k + 1 - w->round_begin,
                                     .round = w->length,
                                     .gamma = w->gamma,
                                     .last = k + 1 == w->training->steps};
    if (w->round == SM_ROUND_EXCHANGE)
        SM_TRY(w->outer->exchange(w->outer_state, w->comm, &moment, w->n, w->x));
    return moment.done == moment.round ? end_round(w) : SM_OK;
}

static enum sm_status
step(struct worker *w, size_t k, double since)
{
    struct sm_comm *comm = w->comm;
    const bool begins = w->round != SM_ROUND_NONE && k == w->round_begin + w->length;
    sm_trace_begin(w->training->trace, comm->rank, k, w->rounds + begins);
    SM_TRY(comm->ops->compute(comm, SM_STAGE_LOAD, w->training->profile->load, 0, NULL));
    SM_TRY(begin(w, k, since));
    if (begins)
        SM_TRY(begin_round(w, k));
    w->gamma = (float)((double)w->lr * schedule_factor(w, k));
    w->slowness = sm_pace_next(w->pace);
    SM_TRY(send_early(w));
    SM_TRY(compute(w, k));
    if (w->strategy->send != NULL && !w->sends_early)
        SM_TRY(w->strategy->send(w->strategy_state, comm));
    return outer_step(w, k);
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

static size_t
least_common_multiple(size_t a, size_t b)
{
    size_t x = a, y = b;
    while (y != 0) {
        const size_t rest = x % y;
        x = y;
        y = rest;
    }
    return x != 0 ? a / x * b : 0;
}

/* When this worker will have exchanged the same with the same ranks again, and from when on. */
static enum sm_status
join_steady(const struct worker *w)
{
    const struct sm_training *training = w->training;
    const struct sm_choice *choice = &training->experiment->algorithm.strategy;
    if (training->steady == NULL)
        return SM_OK;
    size_t from = 0, cycle = sm_strategy_is(choice, SM_FOLLOWS_CLOCK) ? 0 : 1;
    if (w->strategy->cycle != NULL)
        cycle = w->strategy->cycle(w->strategy_state);
    if (w->round != SM_ROUND_NONE) {
        const size_t rounds = w->outer->cycle != NULL ? w->outer->cycle(w->outer_state) : 1;
        const bool settles = w->period->settled != NULL;
        if (settles)
            from = w->period->settled(w->period_state, training->steps);
        cycle = least_common_multiple(
            cycle, settles ? rounds * sm_experiment_tau(training->experiment) : 0);
    }
    return sm_steady_join(training->steady, from, cycle);
}

static enum sm_status
worker_run(const struct sm_training *training, struct sm_comm *comm)
{
    struct sm_arena *arena = &training->arenas[comm->rank];
    struct worker *w = sm_arena_zalloc(arena, 1, sizeof *w);
    if (w == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for a worker");
    SM_TRY(worker_init(w, training, comm, arena));
    SM_TRY(sm_pace_create(arena, training->stragglers, comm->rank, comm->devices, &w->pace));
    if (training->workload != NULL)
        SM_TRY(sm_learner_create(training->workload, comm->rank, arena, &w->learner));

    SM_TRY(join_steady(w));

    for (size_t k = 0; k < training->steps; k++) {
        const size_t skipped = sm_steady_begin(training->steady, k) - k;
        k += skipped;
        w->round_begin += skipped;
        enum sm_status status = step(w, k, comm->ops->now(comm));
        if (status == SM_ERR_DOMAIN)
            return sm_error_prefix("step %zu", k);
        SM_TRY(status);
        SM_TRY(sm_steady_end(training->steady, comm->rank, k, comm->ops->now(comm), comm->ledger));
        if (comm->rank == 0)
            report_progress(w, k + 1);
    }
    training->ends[comm->rank] = comm->ops->now(comm) + sm_steady_seconds(training->steady);
    training->spent[comm->rank] = *comm->ledger; /* what follows is no step */
    sm_steady_add(training->steady, comm->rank, &training->spent[comm->rank]);
    if (w->strategy->drain != NULL)
        SM_TRY(w->strategy->drain(w->strategy_state, comm, w->n, w->x, SM_DRAIN_END));
    return begin(w, training->steps, training->ends[comm->rank]);
}

enum sm_status
sm_worker_lost(void *arg, size_t rank)
{
    const struct sm_training *training = arg;
    return training->recorder != NULL ? sm_recorder_lose(training->recorder, rank) : SM_OK;
}

enum sm_status
sm_worker_run(void *arg, struct sm_comm *comm)
{
    return comm->rank < comm->size ? worker_run(arg, comm) : sm_server_run(arg, comm);
}
