/* SPDX-License-Identifier: GPL-3.0-or-later */
/* analysis/analysis.h -- what stored runs say: time to accuracy, the tables, exports. */
#ifndef SM_ANALYSIS_ANALYSIS_H
#define SM_ANALYSIS_ANALYSIS_H

#include <stdbool.h>
#include <stdio.h>

#include "sim/store/store.h"

/* Simulated seconds (and *step, may be NULL) at which test accuracy first reaches `target`, linear
 * between evaluations; NaN when it never does. */
double sm_time_to_accuracy(const struct sm_evaluation *evaluations, size_t count, double target,
                           double *step);
/* Not one that diverged, was interrupted or failed: means leave those out. */
bool sm_run_finished(const struct sm_stored_run *run);
/* The highest accuracy that every finished run reaches, rounded down to a whole percent: a target
 * that lets all of them be compared. NaN when one of them has no accuracy. */
double sm_common_target(const struct sm_stored_run *runs, size_t count);

/* One line a run, to `out`, and below it their errors and warnings. target: accuracy in [0, 1], NaN
 * for no such column. */
void sm_table_print(const struct sm_stored_run *runs, size_t count, double target, FILE *out);
void sm_table_notes(const struct sm_stored_run *runs, size_t count, FILE *out);

/* What `run` prints at its end: a line a run, and where some differ only in their seed a line a
 * variant (variants.h); where all that finished do, those lines alone. target as above, NaN for the
 * common one; `store` is the file that holds the runs. */
enum sm_status sm_outcome_print(const struct sm_stored_run *runs, size_t count, double target,
                                const char *store, FILE *out);

/* `slowmo export`: format is csv | runs | json | jsonl | seeds. */
enum sm_status sm_export(const struct sm_stored_run *runs, size_t count, const char *format,
                         FILE *out);

#endif
