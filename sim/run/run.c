/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/run/run.c -- the course of a run: prepared, claimed in the store, run by the engine, written
 * down. */
#include "sim/run/run.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "algorithms/outer/outer.h"
#include "algorithms/strategy/strategy.h"
#include "sim/run/runner.h"
#include "sim/run/safetensors.h"
#include "sim/run/sample.h"

/* Below this many FLOP a gradient costs less than handing it to another thread. */
static const double smallest_job = 1e5;

static double
wall_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static size_t
thread_count(const struct sm_runner *run)
{
    double flop = run->workload != NULL ? sm_workload_flop_per_sample(run->workload) *
                                              (double)sm_workload_batch(run->workload, 0)
                                        : 0;
    if (flop < smallest_job)
        return 1;
    if (run->options->threads > 0)
        return run->options->threads;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores > 0 ? (size_t)cores : 1;
}

const char *
sm_runner_against_replay(const struct sm_runner *run)
{
    const struct sm_run_options *options = run->options;
    if (run->workload != NULL || run->stored != NULL)
        return "no: gradients are computed";
    if (options->engine != &sm_engine_simgrid)
        return "no: the engine has no clock";
    if (options->trace != NULL)
        return "no: a trace shows every step";
    if (options->count_links)
        return "no: the bytes of each link are counted";
    if (run->platform.varies)
        return "no: the platform changes while time passes";
    if (run->platform.traffic_count > 0)
        return "no: others use the links";
    if (sm_straggler_varies(&run->experiment->straggler))
        return "no: steps take a random time";
    return options->no_replay ? "no: switched off" : NULL;
}

enum sm_status
sm_runner_of_store(struct sm_runner *run, enum sm_status status)
{
    run->refused = run->refused || status != SM_OK;
    return status;
}

static enum sm_status
open_store(struct sm_runner *run)
{
    const struct sm_run_options *options = run->options;
    run->claim = SM_CLAIM_MINE;
    if (options->store == NULL)
        return SM_OK;
    SM_TRY(sm_store_open(options->store, &run->store));
    if (!options->once)
        return sm_store_begin(run->store, &run->summary, &run->row);
    SM_TRY(sm_store_claim(run->store, &run->summary, options->take_over, &run->row, &run->claim));
    return run->claim == SM_CLAIM_MINE ? sm_runner_join(run) : SM_OK;
}

size_t
sm_runner_round_length(struct sm_runner *run)
{
    const struct sm_choice *choice = &run->experiment->algorithm.outer;
    const struct sm_outer *outer = (const struct sm_outer *)choice->plugin;
    const void *state = sm_choice_state(choice, run->arena);
    if (state == NULL || sm_outer_round(outer, state) == SM_ROUND_NONE)
        return 0;
    return sm_experiment_tau(run->experiment);
}

/* What is stored for a report that draws a few steps. */
static enum sm_status
open_window(struct sm_runner *run)
{
    double *slow = sm_arena_alloc(run->arena, run->workers, sizeof *slow);
    if (slow == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for %zu workers", run->workers);
    for (size_t r = 0; r < run->workers; r++)
        slow[r] = sm_stragglers_slow(run->stragglers, r) / run->platform.workers[r].speeds[0];
    const struct sm_window_frame frame =
        sm_sample_frame(&(struct sm_sample_run){.workers = run->workers,
                                                .servers = run->servers,
                                                .steps = run->steps,
                                                .tau = sm_runner_round_length(run),
                                                .slow = slow});
    run->window = sm_window_create(run->workers + run->servers, &frame);
    return run->window != NULL ? SM_OK : SM_FAIL(SM_ERR_NOMEM, "no memory for a few spans");
}

static enum sm_status
open_trace(struct sm_runner *run)
{
    const size_t ranks = run->workers + run->servers;
    if (run->store != NULL && run->options->engine == &sm_engine_simgrid)
        SM_TRY(open_window(run));
    if (run->options->trace != NULL)
        run->trace = sm_trace_create(ranks, 0);
    else if (run->window != NULL)
        run->trace = sm_trace_create_empty(ranks);
    else
        return SM_OK;
    if (run->trace == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for the trace");
    sm_trace_set_window(run->trace, run->window);
    return SM_OK;
}

static enum sm_status
open_run(struct sm_runner *run)
{
    SM_TRY(sm_runner_of_store(run, open_store(run)));
    if (run->claim != SM_CLAIM_MINE)
        return SM_OK;
    SM_TRY(sm_pool_create(thread_count(run), &run->pool));
    SM_TRY(open_trace(run));
    if (sm_runner_against_replay(run) == NULL)
        SM_TRY(sm_steady_create(run->workers, run->steps, &run->steady));
    if (run->workload == NULL)
        return SM_OK;
    return sm_recorder_create(&(struct sm_recorder_settings){run->workload, run->pool, run->store,
                                                             run->row, run->workers, run->steps},
                              &run->recorder);
}

static void
close_run(struct sm_runner *run)
{
    sm_recorder_free(run->recorder);
    sm_steady_free(run->steady);
    sm_store_close(run->store);
    sm_trace_free(run->trace);
    sm_window_free(run->window);
    sm_pool_free(run->pool);
}

/* What the platform looks like, into the store. */
static enum sm_status
survey_platform(void *arg, const struct sm_routes *routes)
{
    struct sm_runner *run = arg;
    const char *description;
    SM_TRY(sm_platform_describe(&run->platform, routes, run->arena, &description));
    return sm_store_add_platform(run->store, run->summary.hashes.platform, description);
}

/* Whether the store does not know that yet. */
static enum sm_status
wants_survey(struct sm_runner *run, bool *wants)
{
    const char *known = NULL;
    *wants = run->store != NULL && run->options->engine == &sm_engine_simgrid;
    if (*wants)
        SM_TRY(sm_store_platform(run->store, run->summary.hashes.platform, run->arena, &known));
    *wants = *wants && known == NULL;
    return SM_OK;
}

static enum sm_status
run_engine(struct sm_runner *run, struct sm_engine_report *report, double *ends,
           struct sm_ledger *spent)
{
    bool survey;
    SM_TRY(wants_survey(run, &survey));
    struct sm_arena *arenas = calloc(run->workers + run->servers, sizeof *arenas);
    if (arenas == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for %zu workers", run->workers);
    struct sm_training training = {
        .experiment = run->experiment,
        .workload = run->workload,
        .profile = &run->profile,
        .stragglers = run->stragglers,
        .buckets = run->buckets,
        .bucket_count = run->bucket_count,
        .recorder = run->recorder,
        .progress = &run->progress,
        .trace = run->trace,
        .initial = run->initial,
        .matrices = run->matrices,
        .matrix_count = run->matrix_count,
        .whole = run->whole,
        .whole_count = run->whole_count,
        .parameters = run->parameters,
        .steps = run->steps,
        .every = run->every,
        .marks = run->stored != NULL ? &run->marks : NULL,
        .arenas = arenas,
        .ends = ends,
        .spent = spent,
        .steady = run->steady,
    };
    const struct sm_engine_request request = {
        .workers = run->workers,
        .servers = run->servers,
        .seed = run->experiment->seed,
        .platform = &run->platform,
        .collective = run->experiment->algorithm.collective,
        .transport = &run->transport,
        .wire_scale = run->wire_scale,
        .statistics = run->statistics,
        .pool = run->pool,
        .trace = run->trace,
        .count_links = run->options->count_links,
        .survey = survey ? survey_platform : NULL,
        .survey_arg = run,
        .interrupted = run->options->interrupted,
        .worker = sm_worker_run,
        .arg = &training,
        .survives = sm_strategy_is(&run->experiment->algorithm.strategy, SM_SURVIVES_LOSS),
        .lost = sm_worker_lost,
    };
    enum sm_status status = run->options->engine->run(&request, run->arena, report);
    for (size_t r = 0; r < run->workers + run->servers; r++)
        sm_arena_fini(&arenas[r]);
    free(arenas);
    return status;
}

/* What was evaluated, on the trace's clock. */
static enum sm_status
count_in_trace(const struct sm_runner *run, const struct sm_run_result *result)
{
    for (size_t i = 0; i < result->evaluation_count; i++) {
        const struct sm_evaluation *e = &result->evaluations[i];
        SM_TRY(sm_trace_count(run->trace, "loss", "train", e->sim_seconds, e->train_loss));
        SM_TRY(sm_trace_count(run->trace, "loss", "test", e->sim_seconds, e->test_loss));
        SM_TRY(sm_trace_count(run->trace, "accuracy", "test", e->sim_seconds, e->test_accuracy));
    }
    return SM_OK;
}

static enum sm_status
write_files(const struct sm_runner *run, const struct sm_run_result *result)
{
    if (run->options->trace != NULL) {
        SM_TRY(count_in_trace(run, result));
        SM_TRY(sm_trace_write(run->trace, run->options->trace));
    }
    if (run->options->save == NULL || result->consensus == NULL)
        return SM_OK;
    const struct sm_tensor *tensors;
    size_t count = sm_workload_tensors(run->workload, &tensors);
    return sm_safetensors_save(run->options->save, tensors, count, result->consensus);
}

static enum sm_status
execute(struct sm_runner *run, struct sm_run_result *result)
{
    double *ends = sm_arena_zalloc(run->arena, run->workers, sizeof *ends);
    struct sm_ledger *spent = sm_arena_zalloc(run->arena, run->workers, sizeof *spent);
    struct sm_engine_report report = {0};
    if (ends == NULL || spent == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for %zu workers", run->workers);
    double start = wall_seconds();
    sm_progress_begin(&run->progress, run->options->progress, run->options->item,
                      run->options->items, run->experiment->name, run->steps);
    enum sm_status status = run_engine(run, &report, ends, spent);
    sm_progress_end(&run->progress);
    run->summary.wall.seconds = wall_seconds() - start;
    if (report.collective != NULL)
        run->summary.algorithm.collective = report.collective;
    if (status == SM_OK)
        status = sm_runner_summarize(run, &report, ends, spent);
    SM_TRY(sm_runner_finish(run, status, result));
    result->workers = run->workers;
    result->spent = spent;
    result->ends = ends;
    result->links = report.links;
    result->link_count = report.link_count;
    return write_files(run, result);
}

enum sm_status
sm_run(const struct sm_experiment *experiment, const struct sm_run_options *options,
       struct sm_arena *arena, struct sm_run_result *result)
{
    struct sm_runner run = {.experiment = experiment, .options = options, .arena = arena};
    *result = (struct sm_run_result){0};
    SM_TRY(sm_runner_prepare(&run));
    enum sm_status status = open_run(&run);
    if (status == SM_OK && run.claim == SM_CLAIM_MINE)
        status = execute(&run, result);
    else
        result->run = run.row;
    result->claim = run.claim;
    result->refused = run.refused;
    close_run(&run);
    return status;
}
