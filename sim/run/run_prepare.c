/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/run/run_prepare.c -- loads what a run needs, and refuses what does not fit. */
#include <math.h>
#include <string.h>

#include "algorithms/compression/compression.h"
#include "algorithms/strategy/strategy.h"
#include "sim/run/rules.h"
#include "sim/run/runner.h"
#include "sim/run/safetensors.h"

enum { EVALUATIONS = 10 };

enum sm_status
sm_runner_load_platform(struct sm_runner *run)
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
open_stragglers(struct sm_runner *run)
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
load_profile(struct sm_runner *run)
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
        run->warning_count < SM_RUNNER_WARNINGS)
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
load_workload(struct sm_runner *run)
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
find_matrices(struct sm_runner *run)
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

void
sm_runner_become_one_float(struct sm_runner *run)
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
resolve(struct sm_runner *run)
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
        sm_runner_become_one_float(run);
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
check_collective(const struct sm_runner *run)
{
    const struct sm_choice *choice = &run->experiment->algorithm.collective;
    const struct sm_collective_call call = {.size = run->workers,
                                            .group =
                                                sm_platform_group(&run->platform, run->workers),
                                            .settings = choice->settings};
    return sm_collective_usable((const struct sm_collective *)choice->plugin, &call);
}

static enum sm_status
check(struct sm_runner *run)
{
    size_t found;
    SM_TRY(check_collective(run));
    SM_TRY(sm_rules_check(run->experiment, run->workers, run->warnings + run->warning_count,
                          SM_RUNNER_WARNINGS - run->warning_count, &found));
    run->warning_count += found;
    return sm_worker_check(run->experiment, run->workers);
}

enum sm_status
sm_runner_prepare(struct sm_runner *run)
{
    SM_TRY(sm_runner_load_platform(run));
    SM_TRY(check(run));
    SM_TRY(load_workload(run));
    SM_TRY(load_profile(run));
    SM_TRY(open_stragglers(run));
    SM_TRY(resolve(run));
    return sm_runner_describe(run);
}

enum sm_status
sm_run_check(const struct sm_experiment *experiment, const struct sm_run_options *options)
{
    struct sm_arena arena = {0};
    struct sm_runner run = {.experiment = experiment, .options = options, .arena = &arena};
    enum sm_status status = sm_runner_load_platform(&run);
    if (status == SM_OK)
        status = check(&run);
    if (status == SM_OK) /* a profile of counted FLOP needs no file */
        status = load_profile(&run);
    if (status == SM_OK)
        status = open_stragglers(&run);
    sm_arena_fini(&arena);
    return status;
}
