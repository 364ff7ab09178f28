/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/run/sweep.h -- many runs side by side into one store, each once.
 *
 * The store says which runs are done and which ones a living process is at, so that a sweep that
 * was killed goes on where it was, and several sweeps share the work of one store.
 *
 * Runs that have their numbers in common (sm_run_group) wait for the first of them, which trains;
 * the others then join its numbers with seconds of their own.
 */
#ifndef SM_RUN_SWEEP_H
#define SM_RUN_SWEEP_H

#include "sim/run/run.h"

struct sm_sweep_options {
    struct sm_run_options run; /* of each: `once`, `join` ...; threads: of all together, 0: all
                                  cores; progress: the sweep's own line                         */
    size_t jobs;               /* side by side; 0: as many as there are cores                   */
    FILE *log;                 /* a line for each run that fails, when it does                  */
};

struct sm_sweep_report {
    size_t stored; /* done before: by another process or an earlier sweep   */
    size_t ran, failed;
    size_t elsewhere;       /* claimed by another host, not run              */
    enum sm_status failure; /* of the first that failed                     */
};

/* rows[i] (count) are rows of the store, 0 for those that left none. Runs that fail do not stop the
 * others. Fails when the store does, and with SM_ERR_INTERRUPTED; what was finished stays. */
enum sm_status sm_sweep(const struct sm_experiment *experiments, size_t count,
                        const struct sm_sweep_options *options, int64_t *rows,
                        struct sm_sweep_report *report);

#endif
