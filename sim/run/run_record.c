/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/run/run_record.c -- what is written down of a run: its hashes, its summary, a few spans. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "algorithms/period/period.h"
#include "algorithms/strategy/strategy.h"
#include "sim/base/text.h"
#include "sim/run/runner.h"
#include "sim/run/sample.h"

/* ---- before the run ---- */

static const char *
hash_text(struct sm_arena *arena, uint64_t hash)
{
    char hex[17];
    sm_hash_hex(hash, hex);
    return sm_arena_strdup(arena, hex);
}

const char *
sm_runner_text(const struct sm_experiment *experiment, enum sm_experiment_part part,
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

/* What decides the numbers beside the experiment's text. */
static uint64_t
hash_inputs(const struct sm_runner *run)
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
network_model(const struct sm_runner *run)
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
hash_costs(const struct sm_runner *run)
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

enum sm_status
sm_runner_describe(struct sm_runner *run)
{
    const struct sm_experiment *experiment = run->experiment;
    struct sm_arena *arena = run->arena;
    struct sm_summary *s = &run->summary;
    const double none = (double)NAN;
    const char *all = sm_runner_text(experiment, SM_EXPERIMENT_ALL, arena);
    const char *trajectory = sm_runner_text(experiment, SM_EXPERIMENT_TRAJECTORY, arena);
    const char *timing = sm_runner_text(experiment, SM_EXPERIMENT_TIMING, arena);
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

/* ---- after it ---- */

/* Says in the warnings which ranks were lost. */
static enum sm_status
warn_of_losses(struct sm_runner *run, const struct sm_engine_report *report)
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
summarize_time(struct sm_runner *run, const struct sm_engine_report *report, const double *ends,
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
                                        : sm_runner_against_replay(run);
}

enum sm_status
sm_runner_summarize(struct sm_runner *run, const struct sm_engine_report *report,
                    const double *ends, const struct sm_ledger *spent)
{
    summarize_time(run, report, ends, spent);
    if (run->workload != NULL)
        run->summary.wall.samples_per_second =
            (double)(run->steps * run->workers * sm_workload_batch(run->workload, 0)) /
            run->summary.wall.seconds;
    return warn_of_losses(run, report);
}

static void
summarize_accuracy(struct sm_runner *run, const struct sm_evaluation *evaluations, size_t count)
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

static enum sm_status
store_spans(struct sm_runner *run)
{
    const struct sm_sample sample = {.window = run->window,
                                     .servers = run->servers,
                                     .tau = sm_runner_round_length(run),
                                     .profile = &run->profile,
                                     .buckets = run->buckets,
                                     .bucket_count = run->bucket_count,
                                     .steady = run->steady};
    const struct sm_span *spans;
    size_t count;
    SM_TRY(sm_sample_spans(&sample, run->arena, &spans, &count));
    return sm_runner_of_store(run, sm_store_add_spans(run->store, run->row, spans, count));
}

enum sm_status
sm_runner_finish(struct sm_runner *run, enum sm_status status, struct sm_run_result *result)
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
        SM_TRY(sm_runner_join_evaluations(run, &evaluations, &count));
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
        SM_TRY(sm_runner_of_store(run, sm_store_finish(run->store, run->row, s)));
    }
    return status == SM_OK || status == SM_ERR_DIVERGED ? SM_OK : sm_error_set(&error);
}
