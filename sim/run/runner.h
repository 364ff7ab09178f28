/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/run/runner.h -- what the files of run.c share: run.c the course of it, run_prepare.c what is
 * loaded and checked before, run_join.c runs with the numbers of others, run_record.c what is
 * written down.
 */
#ifndef SM_RUN_RUNNER_H
#define SM_RUN_RUNNER_H

#include "sim/base/progress.h"
#include "sim/run/recorder.h"
#include "sim/run/run.h"
#include "sim/run/steady.h"
#include "sim/run/worker.h"

enum { SM_RUNNER_WARNINGS = 8 };

/* The pieces of one run; opened in order, closed in reverse. */
struct sm_runner {
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
    const char *warnings[SM_RUNNER_WARNINGS];
    size_t warning_count;
};

/* Steps of a round; 0: the algorithm has none. */
size_t sm_runner_round_length(struct sm_runner *run);
/* Why every step has to be simulated; NULL: the workers may find that steps are alike. */
const char *sm_runner_against_replay(const struct sm_runner *run);
/* What the store said; an error is about it, not about the run. */
enum sm_status sm_runner_of_store(struct sm_runner *run, enum sm_status status);

/* ---- run_prepare.c ---- */

/* Everything that can be wrong with the input is found here, before the store is touched. */
enum sm_status sm_runner_prepare(struct sm_runner *run);
enum sm_status sm_runner_load_platform(struct sm_runner *run);
/* Timing only: one float for all, which knows the matrices of the whole model where they are known.
 */
void sm_runner_become_one_float(struct sm_runner *run);

/* ---- run_join.c ---- */

/* Looks in the store for the numbers of this run; with them it needs no gradients. */
enum sm_status sm_runner_join(struct sm_runner *run);
/* The stored numbers at the seconds of this run, as far as all workers came. */
enum sm_status sm_runner_join_evaluations(struct sm_runner *run,
                                          const struct sm_evaluation **evaluations, size_t *count);

/* ---- run_record.c ---- */

/* The resolved experiment, or a part of it, as text. NULL: no memory. */
const char *sm_runner_text(const struct sm_experiment *experiment, enum sm_experiment_part part,
                           struct sm_arena *arena);
/* The summary as far as it is known before the run: names, keys, hashes. */
enum sm_status sm_runner_describe(struct sm_runner *run);
/* Where the seconds went, of a run that came to its end: ends and spent are (workers). */
enum sm_status sm_runner_summarize(struct sm_runner *run, const struct sm_engine_report *report,
                                   const double *ends, const struct sm_ledger *spent);
/* The row of the run gets its final state whatever happened; the run's own error comes first. */
enum sm_status sm_runner_finish(struct sm_runner *run, enum sm_status status,
                                struct sm_run_result *result);

#endif
