/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/run/run.h -- one experiment from its settings to its summary; many, one process each. */
#ifndef SM_RUN_RUN_H
#define SM_RUN_RUN_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "sim/engine/engine.h"
#include "sim/platform/cache.h"
#include "sim/run/experiment.h"
#include "sim/store/store.h"

struct sm_run_options {
    const char *home;  /* the folder that holds platforms/ and workloads/profiles/           */
    const char *store; /* SQLite file; NULL: none                                            */
    const char *trace; /* Chrome JSON to write; NULL: none                                   */
    const char *save, *load; /* safetensors; NULL: none                                       */
    size_t threads;   /* OS threads for gradients; 0: all cores                             */
    bool timing_only; /* no gradients                                                       */
    bool count_links; /* the result says what each link carried                             */
    bool no_replay;   /* every step is simulated, also where all are alike                  */
    bool once;        /* not what the store has, or what another process is at              */
    bool take_over;   /* with once: claims of other hosts do not count                      */
    bool join;        /* with once: a stored trajectory is only timed, see sm_run_joins     */
    struct sm_platform_cache *platforms; /* those that were read before; NULL: none           */
    struct sm_workload *workload; /* that of the experiment, made already; NULL: it is made */
    const struct sm_engine *engine;
    FILE *progress;     /* NULL: silent                                                       */
    size_t item, items; /* run `item` of `items`, for the progress line                       */
    const volatile sig_atomic_t *interrupted; /* NULL: never                                  */
};

struct sm_run_result {
    int64_t run; /* row of the store, 0 without */
    /* what the store said of it: with anything but SM_CLAIM_MINE nothing was run, and nothing
     * but `run` is set */
    enum sm_claim claim;
    bool refused; /* by the store: the error is about it, not about the run */
    struct sm_summary summary;
    const struct sm_evaluation *evaluations; /* (evaluation_count)                      */
    size_t evaluation_count;
    const float *consensus; /* (parameters) final mean model; NULL when timing only      */
    size_t workers;
    const struct sm_ledger *spent; /* (workers) where each one's seconds went until its last step */
    const double *ends;            /* (workers) when that was done, seconds                       */
    const struct sm_link_use *links; /* (link_count) when asked for */
    size_t link_count;
};

/* Runs it in this process (SimGrid: once a process). A diverged, stalled or interrupted run has a
 * result too: its status says so, and for the last two the error is returned as well. Everything is
 * owned by arena. */
enum sm_status sm_run(const struct sm_experiment *experiment, const struct sm_run_options *options,
                      struct sm_arena *arena, struct sm_run_result *result);

/* What is known to be wrong before anything runs: platform, profile, settings that do not fit. */
enum sm_status sm_run_check(const struct sm_experiment *experiment,
                            const struct sm_run_options *options);

/* Whether its numbers can be those of a stored run on another platform, another profile or the like
 * while its seconds come from a run without gradients: not where numbers follow the clock, rounds
 * the loss, or the bytes of buffers the layers. */
bool sm_run_joins(const struct sm_experiment *experiment);

/* The same for all experiments that have their numbers in common, as far as is known before data
 * are read, and so have the same workload; 0 where nothing is to be joined. And their workers. */
enum sm_status sm_run_group(const struct sm_experiment *experiment,
                            const struct sm_run_options *options, uint64_t *group, size_t *workers);

/* Runs all of them, one after the other, each in a process of its own; runs[i] (count) are rows of
 * the store, 0 for those that left none. Stops at the first failure or interrupt and returns its
 * error. The store must be given. */
enum sm_status sm_run_all(const struct sm_experiment *experiments, size_t count,
                          const struct sm_run_options *options, int64_t *runs);

#endif
