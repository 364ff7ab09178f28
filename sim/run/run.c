/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/run/run.c -- sets up what a run needs, runs it, and writes down what came out. */
#include "sim/run/run.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "algorithms/buffer/buffer.h"
#include "algorithms/compression/compression.h"
#include "algorithms/inner/inner.h"
#include "algorithms/outer/outer.h"
#include "algorithms/period/period.h"
#include "algorithms/strategy/strategy.h"
#include "sim/base/progress.h"
#include "sim/base/text.h"
#include "sim/run/recorder.h"
#include "sim/run/rules.h"
#include "sim/run/safetensors.h"
#include "sim/run/sample.h"
#include "sim/run/worker.h"

enum { MOST_WARNINGS = 8, EVALUATIONS = 10 };

/* Below this many FLOP a gradient costs less than handing it to another thread. */
static const double smallest_job = 1e5;

/* The pieces of one run; opened in order, closed in reverse. */
struct run {
    const struct sm_experiment *experiment;
    const struct sm_run_options *options;
    struct sm_arena *arena;
    struct sm_platform platform;
    struct sm_profile profile;
    struct sm_stragglers *stragglers; /* NULL: none            */
    uint64_t straggler_hash;          /* of what decides them beside the settings */
    const struct sm_bucket *buckets;  /* (bucket_count) */
    size_t bucket_count;
    struct sm_transport transport;
    struct sm_workload *workload; /* NULL: timing only      */
    size_t workers, servers, parameters, steps, every;
    const struct sm_matrix *matrices; /* (matrix_count) of the parameters */
    size_t matrix_count;
    const struct sm_matrix *whole; /* (whole_count) of the model that one float stands for */
    size_t whole_count;
    double statistics; /* floats beside the parameters: a fraction where one stands for all */
    double wire_scale, model_bytes;
    const float *initial;
    struct sm_pool *pool;
    struct sm_store *store;
    int64_t row;
    enum sm_claim claim;
    bool refused;
    const struct sm_stored_run *stored; /* the numbers that this run joins; NULL: it trains */
    struct sm_marks marks;              /* when it would have evaluated                     */
    struct sm_recorder *recorder;
    struct sm_steady *steady; /* NULL: every step is simulated */
    struct sm_window *window; /* NULL: no store */
    struct sm_trace *trace;
    struct sm_progress progress;
    struct sm_summary summary;
    const char *warnings[MOST_WARNINGS];
    size_t warning_count;
};

static double
wall_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static const char *
hash_text(struct sm_arena *arena, uint64_t hash)
{
    char hex[17];
    sm_hash_hex(hash, hex);
    return sm_arena_strdup(arena, hex);
}

/* The resolved experiment, or a part of it, as text. */
static const char *
experiment_text(const struct sm_experiment *experiment, enum sm_experiment_part part,
                struct sm_arena *arena)
{
    char *buffer = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&buffer, &size);
    if (out == NULL)
        return NULL;
    sm_experiment_print(experiment, part, out);
    fclose(out);
    const char *text = sm_arena_strndup(arena, buffer, size);
    free(buffer);
    return text;
}

static enum sm_status
load_platform(struct run *run)
{
    const struct sm_experiment *experiment = run->experiment;
    run->servers = sm_strategy_servers(&experiment->algorithm.strategy);
    SM_TRY(sm_platform_cache_load(
        run->options->platforms, run->arena,
        &(struct sm_platform_request){experiment->platform.file, run->options->home,
                                      experiment->platform.workers, run->servers,
                                      experiment->platform.node},
        &run->platform));
    run->workers = run->platform.worker_count - run->servers;
    return SM_OK;
}

static enum sm_status
open_stragglers(struct run *run)
{
    return sm_stragglers_create(run->arena, &run->experiment->straggler, run->workers,
                                run->experiment->seed, &run->stragglers, &run->straggler_hash);
}

static bool
profile_counts(const struct sm_experiment *experiment)
{
    return strcmp(experiment->timing.profile, "own") == 0;
}

static enum sm_status
load_profile(struct run *run)
{
    struct sm_own_cost own = {.devices = (double)run->platform.workers[0].devices};
    if (run->workload != NULL) {
        own.flop_per_sample = sm_workload_flop_per_sample(run->workload);
        own.samples = (double)sm_workload_batch(run->workload, 0);
        own.parameters = (double)sm_workload_parameters(run->workload);
    }
    SM_TRY(sm_profile_load(run->arena, &run->experiment->timing, &own, run->options->home,
                           &run->profile));
    sm_profile_scale(&run->profile, &run->experiment->scale);
    SM_TRY(sm_profile_buckets(run->arena, &run->profile, run->experiment->timing.bucket,
                              &run->buckets, &run->bucket_count));
    run->transport = sm_transport_resolve(&run->experiment->transport, &run->profile.transport);
    if (run->profile.devices > 0 && run->profile.devices != own.devices &&
        run->warning_count < MOST_WARNINGS)
        run->warnings[run->warning_count++] = sm_arena_printf(
            run->arena, "profile %s is for %g devices a worker, the platform has %g",
            run->profile.name, run->profile.devices, own.devices);
    return SM_OK;
}

/* Where bytes depend on the layers, not on their sum. */
static bool
compression_weighs_layers(const struct sm_experiment *experiment)
{
    return ((const struct sm_compression *)experiment->algorithm.compression.plugin)->by_matrix;
}

static enum sm_status
load_workload(struct run *run)
{
    const struct sm_experiment *experiment = run->experiment;
    const bool needed = !run->options->timing_only || profile_counts(experiment);
    if (!needed && !compression_weighs_layers(experiment))
        return SM_OK;
    run->workload = run->options->workload;
    if (run->workload != NULL)
        return SM_OK;
    enum sm_status status = sm_workload_create(run->arena, &experiment->workload, experiment->seed,
                                               run->workers, &run->workload);
    if (status != SM_OK && !needed)
        return sm_error_prefix("the bytes of compression %s depend on the model's layers",
                               experiment->algorithm.compression.plugin->name);
    return status;
}

static const struct sm_matrix one_float = {.rows = 1, .columns = 1, .panel = 1};

/* The parameters as matrices: all tensors but the running statistics behind them. */
static enum sm_status
find_matrices(struct run *run)
{
    run->matrices = &one_float;
    run->matrix_count = 1;
    if (run->workload == NULL)
        return SM_OK;
    const struct sm_tensor *tensors;
    const size_t count = sm_workload_tensors(run->workload, &tensors);
    const size_t parameters = sm_workload_parameters(run->workload);
    struct sm_matrix *matrices = sm_arena_alloc(run->arena, count, sizeof *matrices);
    size_t found = 0;
    if (matrices == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for %zu tensors", count);
    for (; found < count && tensors[found].offset < parameters; found++)
        matrices[found] = sm_tensor_matrix(&tensors[found]);
    run->matrices = matrices;
    run->matrix_count = found;
    return SM_OK;
}

/* Timing only: one float for all, which knows the matrices of the whole model where they are known.
 */
static void
become_one_float(struct run *run)
{
    if (run->workload != NULL) {
        run->whole = run->matrices;
        run->whole_count = run->matrix_count;
        run->statistics /= (double)sm_workload_parameters(run->workload);
    }
    run->matrices = &one_float;
    run->matrix_count = 1;
    run->workload = NULL;
    run->parameters = 1;
}

/* Sizes that follow from what is loaded. Timing only is the same loop on a model of one float that
 * weighs as much as the whole. */
static enum sm_status
resolve(struct run *run)
{
    const struct sm_experiment *experiment = run->experiment;
    run->steps = experiment->steps;
    if (run->steps == 0) {
        if (run->workload == NULL)
            return SM_FAIL(SM_ERR_INPUT, "epochs need the data of a workload; with --timing-only "
                                         "give steps");
        run->steps =
            (size_t)ceil(experiment->epochs * (double)sm_workload_steps_per_epoch(run->workload));
    }
    run->every = experiment->evaluate.every > 0 ? experiment->evaluate.every
                                                : (run->steps + EVALUATIONS - 1) / EVALUATIONS;
    double parameters = run->workload != NULL ? (double)sm_workload_parameters(run->workload) : 0;
    run->model_bytes = run->profile.model_bytes > 0 ? run->profile.model_bytes : 4 * parameters;
    const size_t floats = run->workload != NULL ? sm_workload_floats(run->workload) : 1;
    run->statistics = run->workload != NULL ? (double)floats - parameters : 0;
    SM_TRY(find_matrices(run));
    if (run->options->timing_only)
        become_one_float(run);
    else
        run->parameters = (size_t)parameters;
    run->wire_scale = run->model_bytes / (4 * (double)run->parameters);
    float *initial = sm_arena_zalloc(run->arena, floats, sizeof *initial);
    if (initial == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for %zu parameters", run->parameters);
    if (run->workload != NULL)
        sm_workload_initial(run->workload, initial);
    run->initial = initial;
    if (run->options->load != NULL && run->workload != NULL) {
        const struct sm_tensor *tensors;
        size_t count = sm_workload_tensors(run->workload, &tensors);
        SM_TRY(sm_safetensors_load(run->options->load, tensors, count, initial));
        sm_workload_set_initial(run->workload, initial);
    }
    return SM_OK;
}

static enum sm_status
check_collective(const struct run *run)
{
    const struct sm_choice *choice = &run->experiment->algorithm.collective;
    const struct sm_collective_call call = {.size = run->workers,
                                            .group =
                                                sm_platform_group(&run->platform, run->workers),
                                            .settings = choice->settings};
    return sm_collective_usable((const struct sm_collective *)choice->plugin, &call);
}

static enum sm_status
check(struct run *run)
{
    size_t found;
    SM_TRY(check_collective(run));
    SM_TRY(sm_rules_check(run->experiment, run->workers, run->warnings + run->warning_count,
                          MOST_WARNINGS - run->warning_count, &found));
    run->warning_count += found;
    return sm_worker_check(run->experiment, run->workers);
}

/* What decides the numbers beside the experiment's text. */
static uint64_t
hash_inputs(const struct run *run)
{
    const uint64_t whole[] = {
        run->workload != NULL ? sm_workload_data_hash(run->workload) : 0,
        run->workers,
        run->options->timing_only,
    };
    const size_t floats = run->workload != NULL ? sm_workload_floats(run->workload) : 1;
    return sm_hash(run->initial, floats * sizeof *run->initial, sm_hash(whole, sizeof whole, 0));
}

/* SimGrid's, and what the platform sets otherwise. */
static const char *
network_model(const struct run *run)
{
    const char *model = "CM02";
    if (run->options->engine != &sm_engine_simgrid)
        return "none";
    for (const char *const *s = run->platform.settings; model != NULL && s != NULL && *s; s++)
        model = strncmp(*s, "network/model:", 14) == 0
                    ? *s + 14
                    : sm_arena_printf(run->arena, "%s %s", model, *s);
    return model;
}

/* What decides the seconds beside the experiment's text. */
static uint64_t
hash_costs(const struct run *run)
{
    const struct sm_profile *profile = &run->profile;
    const double costs[] = {profile->load,
                            profile->forward,
                            profile->backward,
                            profile->update,
                            run->model_bytes,
                            (double)run->steps,
                            run->transport.collective_efficiency,
                            run->transport.message_efficiency,
                            run->transport.staging};
    const uint64_t buckets =
        sm_hash(run->buckets, run->bucket_count * sizeof *run->buckets, run->platform.hash);
    const uint64_t hash = sm_hash(costs, sizeof costs, buckets) ^ run->straggler_hash;
    for (size_t i = 0; i < run->platform.traffic_count; i++)
        if (run->platform.traffic[i].random)
            return sm_hash(&run->experiment->seed, sizeof run->experiment->seed, hash);
    return hash;
}

static enum sm_status
describe(struct run *run)
{
    const struct sm_experiment *experiment = run->experiment;
    struct sm_arena *arena = run->arena;
    struct sm_summary *s = &run->summary;
    const double none = (double)NAN;
    const char *all = experiment_text(experiment, SM_EXPERIMENT_ALL, arena);
    const char *trajectory = experiment_text(experiment, SM_EXPERIMENT_TRAJECTORY, arena);
    const char *timing = experiment_text(experiment, SM_EXPERIMENT_TIMING, arena);
    const char **warnings = sm_arena_alloc(arena, run->warning_count, sizeof *warnings);
    if (all == NULL || trajectory == NULL || timing == NULL || warnings == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for the record of the experiment");
    uint64_t data = run->workload != NULL ? sm_workload_data_hash(run->workload) : 0;
    memcpy(warnings, run->warnings, run->warning_count * sizeof *warnings);
    uint64_t inputs = hash_inputs(run), costs = hash_costs(run);
    /* some numbers follow the clock, and some rounds last as long as the loss says */
    const uint64_t both = inputs ^ costs;
    if (sm_strategy_is(&experiment->algorithm.strategy, SM_FOLLOWS_CLOCK))
        inputs = sm_hash(timing, strlen(timing), both);
    if (((const struct sm_period *)experiment->algorithm.period.plugin)->asks_for_loss)
        costs = sm_hash(trajectory, strlen(trajectory), both);
    uint64_t whole = sm_hash(all, strlen(all), run->options->timing_only);
    uint64_t key = sm_hash(SM_VERSION, strlen(SM_VERSION), whole ^ inputs ^ costs);
    *s = (struct sm_summary){
        .name = experiment->name,
        .run_id = sm_arena_strndup(arena, hash_text(arena, key), 12),
        .status = "running",
        .workers = (double)run->workers,
        .steps = (double)run->steps,
        .seed = (double)experiment->seed,
        .parameters = run->options->timing_only ? run->model_bytes / 4 : (double)run->parameters,
        .wire_bytes_per_model = run->model_bytes + 4 * run->statistics * run->wire_scale,
        .algorithm = {experiment->algorithm.inner.plugin->name,
                      experiment->algorithm.strategy.plugin->name,
                      experiment->algorithm.outer.plugin->name,
                      experiment->algorithm.buffer.plugin->name,
                      experiment->algorithm.period.plugin->name,
                      experiment->algorithm.compression.plugin->name,
                      experiment->algorithm.collective.plugin->name,
                      (double)sm_experiment_tau(experiment)},
        .final = {none, none, none, none, none, none},
        .best = {none, none, none},
        .sim = {none, none, none, none, none, none, none, none, NULL},
        .wall = {none, none},
        .hashes = {.platform = hash_text(arena, run->platform.hash),
                   .data = data != 0 ? hash_text(arena, data) : NULL,
                   .experiment = hash_text(arena, whole)},
        .experiment = all,
        .trajectory_key = hash_text(arena, sm_hash(trajectory, strlen(trajectory), inputs)),
        .timing_key = hash_text(arena, sm_hash(timing, strlen(timing), costs)),
        .version = SM_VERSION,
        .network_model = network_model(run),
        .wire_scale = run->wire_scale,
        .warnings = warnings,
        .warning_count = run->warning_count,
    };
    return SM_OK;
}

/* Everything that can be wrong with the input is found here, before the store is touched. */
static enum sm_status
prepare(struct run *run)
{
    SM_TRY(load_platform(run));
    SM_TRY(check(run));
    SM_TRY(load_workload(run));
    SM_TRY(load_profile(run));
    SM_TRY(open_stragglers(run));
    SM_TRY(resolve(run));
    return describe(run);
}

enum sm_status
sm_run_check(const struct sm_experiment *experiment, const struct sm_run_options *options)
{
    struct sm_arena arena = {0};
    struct run run = {.experiment = experiment, .options = options, .arena = &arena};
    enum sm_status status = load_platform(&run);
    if (status == SM_OK)
        status = check(&run);
    if (status == SM_OK) /* a profile of counted FLOP needs no file */
        status = load_profile(&run);
    if (status == SM_OK)
        status = open_stragglers(&run);
    sm_arena_fini(&arena);
    return status;
}

bool
sm_run_joins(const struct sm_experiment *experiment)
{
    /* how large such buffers are, one float for all does not know */
    const bool travel = experiment->algorithm.buffer.plugin == &sm_buffer_average.about ||
                        sm_strategy_is(&experiment->algorithm.strategy, SM_MIXES_BUFFERS);
    if (travel && ((const struct sm_inner *)experiment->algorithm.inner.plugin)->by_matrix)
        return false;
    return !sm_strategy_is(&experiment->algorithm.strategy, SM_FOLLOWS_CLOCK) &&
           !((const struct sm_period *)experiment->algorithm.period.plugin)->asks_for_loss;
}

enum sm_status
sm_run_group(const struct sm_experiment *experiment, const struct sm_run_options *options,
             uint64_t *group, size_t *workers)
{
    struct sm_arena arena = {0};
    struct run run = {.experiment = experiment, .options = options, .arena = &arena};
    *group = 0;
    *workers = 0;
    if (!options->join || options->timing_only || options->engine != &sm_engine_simgrid ||
        !sm_run_joins(experiment))
        return SM_OK;
    enum sm_status status = SM_OK;
    run.workers = experiment->platform.workers;
    if (run.workers == 0)
        status = load_platform(&run);
    const char *text = experiment_text(experiment, SM_EXPERIMENT_TRAJECTORY, &arena);
    if (status == SM_OK && text == NULL)
        status = SM_FAIL(SM_ERR_NOMEM, "no memory for the record of the experiment");
    if (status == SM_OK)
        *group = sm_hash(text, strlen(text), run.workers);
    *workers = run.workers;
    sm_arena_fini(&arena);
    return status;
}

static size_t
thread_count(const struct run *run)
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

/* Why every step has to be simulated; NULL: the workers may find that steps are alike. */
static const char *
against_replay(const struct run *run)
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

static size_t
evaluation_count(const struct run *run)
{
    return (run->steps + run->every - 1) / run->every + 1;
}

/* A finished run with the same numbers, evaluated at the same steps. */
static bool
has_numbers(const struct run *run, const struct sm_stored_run *stored)
{
    const struct sm_summary *wanted = &run->summary, *s = &stored->summary;
    return s->status != NULL && strcmp(s->status, "finished") == 0 && s->trajectory_key != NULL &&
           strcmp(s->trajectory_key, wanted->trajectory_key) == 0 && s->version != NULL &&
           strcmp(s->version, wanted->version) == 0 && s->hashes.parameters != NULL &&
           stored->evaluation_count == evaluation_count(run);
}

/* Looks in the store for the numbers of this run; with them it needs no gradients. */
static enum sm_status
join(struct run *run)
{
    const struct sm_stored_run *all;
    size_t count;
    if (!run->options->join || run->workload == NULL || run->options->save != NULL ||
        run->options->engine != &sm_engine_simgrid || !sm_run_joins(run->experiment))
        return SM_OK;
    SM_TRY(sm_store_read(run->store, run->arena, &all, &count));
    for (size_t i = 0; i < count && run->stored == NULL; i++)
        if (has_numbers(run, &all[i]))
            run->stored = &all[i];
    if (run->stored == NULL)
        return SM_OK;
    const size_t points = evaluation_count(run);
    run->marks.seconds = sm_arena_zalloc(run->arena, points, sizeof *run->marks.seconds);
    run->marks.arrived = sm_arena_zalloc(run->arena, points, sizeof *run->marks.arrived);
    static const float zero = 0;
    become_one_float(run);
    run->initial = &zero;
    run->wire_scale = run->model_bytes / 4;
    if (run->marks.seconds == NULL || run->marks.arrived == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for %zu evaluations", points);
    return SM_OK;
}

/* What the store said; an error is about it, not about the run. */
static enum sm_status
of_store(struct run *run, enum sm_status status)
{
    run->refused = run->refused || status != SM_OK;
    return status;
}

static enum sm_status
open_store(struct run *run)
{
    const struct sm_run_options *options = run->options;
    run->claim = SM_CLAIM_MINE;
    if (options->store == NULL)
        return SM_OK;
    SM_TRY(sm_store_open(options->store, &run->store));
    if (!options->once)
        return sm_store_begin(run->store, &run->summary, &run->row);
    SM_TRY(sm_store_claim(run->store, &run->summary, options->take_over, &run->row, &run->claim));
    return run->claim == SM_CLAIM_MINE ? join(run) : SM_OK;
}

/* Steps of a round; 0: the algorithm has none. */
static size_t
round_length(struct run *run)
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
open_window(struct run *run)
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
                                                .tau = round_length(run),
                                                .slow = slow});
    run->window = sm_window_create(run->workers + run->servers, &frame);
    return run->window != NULL ? SM_OK : SM_FAIL(SM_ERR_NOMEM, "no memory for a few spans");
}

static enum sm_status
open_trace(struct run *run)
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
open_run(struct run *run)
{
    SM_TRY(of_store(run, open_store(run)));
    if (run->claim != SM_CLAIM_MINE)
        return SM_OK;
    SM_TRY(sm_pool_create(thread_count(run), &run->pool));
    SM_TRY(open_trace(run));
    if (against_replay(run) == NULL)
        SM_TRY(sm_steady_create(run->workers, run->steps, &run->steady));
    if (run->workload == NULL)
        return SM_OK;
    return sm_recorder_create(&(struct sm_recorder_settings){run->workload, run->pool, run->store,
                                                             run->row, run->workers, run->steps},
                              &run->recorder);
}

static void
close_run(struct run *run)
{
    sm_recorder_free(run->recorder);
    sm_steady_free(run->steady);
    sm_store_close(run->store);
    sm_trace_free(run->trace);
    sm_window_free(run->window);
    sm_pool_free(run->pool);
}

/* Says in the warnings which ranks were lost. */
static enum sm_status
warn_of_losses(struct run *run, const struct sm_engine_report *report)
{
    struct sm_summary *s = &run->summary;
    if (report->losses == NULL)
        return SM_OK;
    const char **warnings = sm_arena_alloc(run->arena, s->warning_count + 1, sizeof *warnings);
    const char *warning = sm_arena_printf(run->arena, "the others went on: %s", report->losses);
    if (warnings == NULL || warning == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for a warning");
    for (size_t i = 0; i < s->warning_count; i++)
        warnings[i] = s->warnings[i];
    warnings[s->warning_count++] = warning;
    s->warnings = warnings;
    return SM_OK;
}

/* Means over the workers (that were not lost) of where their seconds went until each one's last
 * step was done; bytes to the very end. */
static void
summarize_time(struct run *run, const struct sm_engine_report *report, const double *ends,
               const struct sm_ledger *spent)
{
    struct sm_summary *s = &run->summary;
    double stages[SM_STAGES] = {0}, bytes = 0, end = 0, m = 0;
    for (size_t r = 0; r < run->workers; r++)
        m += report->lost == NULL || !report->lost[r];
    for (size_t r = 0; r < run->workers; r++) {
        if (report->lost != NULL && report->lost[r])
            continue;
        for (size_t i = 0; i < SM_STAGES; i++)
            stages[i] += spent[r].seconds[i] / m;
        struct sm_ledger whole = report->ledgers[r];
        sm_steady_add(run->steady, r, &whole);
        bytes += whole.bytes_sent / m;
        end = fmax(end, ends[r]);
    }
    s->sim.seconds = end;
    s->sim.seconds_per_step = end / (double)run->steps;
    s->sim.load = stages[SM_STAGE_LOAD];
    s->sim.compute = stages[SM_STAGE_COMPUTE] + stages[SM_STAGE_DEVICES] + stages[SM_STAGE_UPDATE];
    s->sim.exposed_communication = stages[SM_STAGE_COMMUNICATION];
    s->sim.idle = stages[SM_STAGE_IDLE];
    s->sim.bytes_sent_per_worker = bytes;
    if (run->workload != NULL || run->stored != NULL)
        return;
    s->sim.replayed_steps = (double)sm_steady_steps(run->steady);
    s->sim.replay = run->steady != NULL ? sm_arena_strdup(run->arena, sm_steady_text(run->steady))
                                        : against_replay(run);
}

static void
summarize_accuracy(struct run *run, const struct sm_evaluation *evaluations, size_t count)
{
    struct sm_summary *s = &run->summary;
    if (count == 0)
        return;
    const struct sm_evaluation *last = &evaluations[count - 1];
    s->final.train_loss = last->train_loss;
    s->final.test_loss = last->test_loss;
    s->final.test_accuracy = last->test_accuracy;
    s->final.test_perplexity = last->test_perplexity;
    s->final.test_bleu = last->test_bleu;
    s->final.consensus_distance = last->consensus_distance;
    for (size_t i = 0; i < count; i++)
        if (evaluations[i].test_accuracy > s->best.test_accuracy ||
            (isnan(s->best.test_accuracy) && !isnan(evaluations[i].test_accuracy))) {
            s->best.test_accuracy = evaluations[i].test_accuracy;
            s->best.step = (double)evaluations[i].step;
            s->best.sim_seconds = evaluations[i].sim_seconds;
        }
}

static const char *
status_text(enum sm_status status)
{
    switch (status) {
    case SM_OK:
        return "finished";
    case SM_ERR_DIVERGED:
        return "diverged";
    case SM_ERR_STALLED:
        return "stalled";
    case SM_ERR_INTERRUPTED:
        return "interrupted";
    default:
        return "failed";
    }
}

/* What the platform looks like, into the store. */
static enum sm_status
survey_platform(void *arg, const struct sm_routes *routes)
{
    struct run *run = arg;
    const char *description;
    SM_TRY(sm_platform_describe(&run->platform, routes, run->arena, &description));
    return sm_store_add_platform(run->store, run->summary.hashes.platform, description);
}

/* Whether the store does not know that yet. */
static enum sm_status
wants_survey(struct run *run, bool *wants)
{
    const char *known = NULL;
    *wants = run->store != NULL && run->options->engine == &sm_engine_simgrid;
    if (*wants)
        SM_TRY(sm_store_platform(run->store, run->summary.hashes.platform, run->arena, &known));
    *wants = *wants && known == NULL;
    return SM_OK;
}

static enum sm_status
run_engine(struct run *run, struct sm_engine_report *report, double *ends, struct sm_ledger *spent)
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

/* The stored numbers at the seconds of this run, as far as all workers came. */
static enum sm_status
join_evaluations(struct run *run, const struct sm_evaluation **evaluations, size_t *count)
{
    const size_t points = run->stored->evaluation_count;
    struct sm_evaluation *joined = sm_arena_alloc(run->arena, points, sizeof *joined);
    if (joined == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for %zu evaluations", points);
    *evaluations = joined;
    for (*count = 0; *count < points && run->marks.arrived[*count] == run->workers; ++*count) {
        joined[*count] = run->stored->evaluations[*count];
        joined[*count].sim_seconds = run->marks.seconds[*count];
        SM_TRY(of_store(run, sm_store_add(run->store, run->row, &joined[*count])));
    }
    if (*count == points)
        run->summary.hashes.parameters = run->stored->summary.hashes.parameters;
    return SM_OK;
}

static enum sm_status
store_spans(struct run *run)
{
    const struct sm_sample sample = {.window = run->window,
                                     .servers = run->servers,
                                     .tau = round_length(run),
                                     .profile = &run->profile,
                                     .buckets = run->buckets,
                                     .bucket_count = run->bucket_count,
                                     .steady = run->steady};
    const struct sm_span *spans;
    size_t count;
    SM_TRY(sm_sample_spans(&sample, run->arena, &spans, &count));
    return of_store(run, sm_store_add_spans(run->store, run->row, spans, count));
}

/* The row of the run gets its final state whatever happened; the run's own error comes first. */
static enum sm_status
finish(struct run *run, enum sm_status status, struct sm_run_result *result)
{
    struct sm_error error = *sm_error_last();
    struct sm_summary *s = &run->summary;
    s->status = status_text(status);
    if (status != SM_OK)
        s->error = sm_arena_strdup(run->arena, error.message);
    uint64_t hash = 0;
    const struct sm_evaluation *evaluations = NULL;
    size_t count = 0;
    if (run->recorder != NULL) {
        evaluations = sm_recorder_evaluations(run->recorder, &count);
        const float *consensus = sm_recorder_consensus(run->recorder, &hash);
        if (consensus != NULL) {
            s->hashes.parameters = hash_text(run->arena, hash);
            const size_t floats = sm_workload_floats(run->workload);
            float *copy = sm_arena_alloc(run->arena, floats, sizeof *copy);
            if (copy == NULL)
                return SM_FAIL(SM_ERR_NOMEM, "no memory for the final model");
            memcpy(copy, consensus, floats * sizeof *copy);
            result->consensus = copy;
        }
    }
    if (run->stored != NULL)
        SM_TRY(join_evaluations(run, &evaluations, &count));
    summarize_accuracy(run, evaluations, count);
    struct sm_evaluation *kept = sm_arena_alloc(run->arena, count, sizeof *kept);
    if (kept == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for %zu evaluations", count);
    if (count > 0)
        memcpy(kept, evaluations, count * sizeof *kept);
    result->run = run->row;
    result->summary = *s;
    result->evaluations = kept;
    result->evaluation_count = count;
    if (run->store != NULL) {
        SM_TRY(store_spans(run));
        SM_TRY(of_store(run, sm_store_finish(run->store, run->row, s)));
    }
    return status == SM_OK || status == SM_ERR_DIVERGED ? SM_OK : sm_error_set(&error);
}

/* What was evaluated, on the trace's clock. */
static enum sm_status
count_in_trace(const struct run *run, const struct sm_run_result *result)
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
write_files(const struct run *run, const struct sm_run_result *result)
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
execute(struct run *run, struct sm_run_result *result)
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
    if (status == SM_OK) {
        summarize_time(run, &report, ends, spent);
        status = warn_of_losses(run, &report);
        if (run->workload != NULL)
            run->summary.wall.samples_per_second =
                (double)(run->steps * run->workers * sm_workload_batch(run->workload, 0)) /
                run->summary.wall.seconds;
    }
    SM_TRY(finish(run, status, result));
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
    struct run run = {.experiment = experiment, .options = options, .arena = arena};
    *result = (struct sm_run_result){0};
    SM_TRY(prepare(&run));
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
