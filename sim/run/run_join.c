/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/run/run_join.c -- a run whose numbers are those of a stored one: only its seconds are new. */
#include <string.h>

#include "algorithms/buffer/buffer.h"
#include "algorithms/inner/inner.h"
#include "algorithms/period/period.h"
#include "algorithms/strategy/strategy.h"
#include "sim/base/text.h"
#include "sim/run/runner.h"

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
    struct sm_runner run = {.experiment = experiment, .options = options, .arena = &arena};
    *group = 0;
    *workers = 0;
    if (!options->join || options->timing_only || options->engine != &sm_engine_simgrid ||
        !sm_run_joins(experiment))
        return SM_OK;
    enum sm_status status = SM_OK;
    run.workers = experiment->platform.workers;
    if (run.workers == 0)
        status = sm_runner_load_platform(&run);
    const char *text = sm_runner_text(experiment, SM_EXPERIMENT_TRAJECTORY, &arena);
    if (status == SM_OK && text == NULL)
        status = SM_FAIL(SM_ERR_NOMEM, "no memory for the record of the experiment");
    if (status == SM_OK)
        *group = sm_hash(text, strlen(text), run.workers);
    *workers = run.workers;
    sm_arena_fini(&arena);
    return status;
}

static size_t
evaluation_count(const struct sm_runner *run)
{
    return (run->steps + run->every - 1) / run->every + 1;
}

/* A finished run with the same numbers, evaluated at the same steps. */
static bool
has_numbers(const struct sm_runner *run, const struct sm_stored_run *stored)
{
    const struct sm_summary *wanted = &run->summary, *s = &stored->summary;
    return s->status != NULL && strcmp(s->status, "finished") == 0 && s->trajectory_key != NULL &&
           strcmp(s->trajectory_key, wanted->trajectory_key) == 0 && s->version != NULL &&
           strcmp(s->version, wanted->version) == 0 && s->hashes.parameters != NULL &&
           stored->evaluation_count == evaluation_count(run);
}

enum sm_status
sm_runner_join(struct sm_runner *run)
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
    sm_runner_become_one_float(run);
    run->initial = &zero;
    run->wire_scale = run->model_bytes / 4;
    if (run->marks.seconds == NULL || run->marks.arrived == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for %zu evaluations", points);
    return SM_OK;
}

enum sm_status
sm_runner_join_evaluations(struct sm_runner *run, const struct sm_evaluation **evaluations,
                           size_t *count)
{
    const size_t points = run->stored->evaluation_count;
    struct sm_evaluation *joined = sm_arena_alloc(run->arena, points, sizeof *joined);
    if (joined == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for %zu evaluations", points);
    *evaluations = joined;
    for (*count = 0; *count < points && run->marks.arrived[*count] == run->workers; ++*count) {
        joined[*count] = run->stored->evaluations[*count];
        joined[*count].sim_seconds = run->marks.seconds[*count];
        SM_TRY(sm_runner_of_store(run, sm_store_add(run->store, run->row, &joined[*count])));
    }
    if (*count == points)
        run->summary.hashes.parameters = run->stored->summary.hashes.parameters;
    return SM_OK;
}
