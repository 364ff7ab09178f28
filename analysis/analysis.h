/* SPDX-License-Identifier: GPL-3.0-or-later */
/* analysis/analysis.h -- what stored runs say: time to accuracy, the table, exports. */
#ifndef SM_ANALYSIS_ANALYSIS_H
#define SM_ANALYSIS_ANALYSIS_H

#include <stdio.h>

#include "sim/store/store.h"

/* Simulated seconds (and *step, may be NULL) at which test accuracy first reaches `target`, linear
 * between evaluations; NaN when it never does. */
double sm_time_to_accuracy(const struct sm_evaluation *evaluations, size_t count, double target,
                           double *step);
/* The highest accuracy that every run reaches, rounded down to a whole percent: a target that lets
 * all of them be compared. NaN when a run has no accuracy. */
double sm_common_target(const struct sm_stored_run *runs, size_t count);

/* The table at the end of `run`, to `out`. target: accuracy in [0, 1], NaN for no such column. */
void sm_table_print(const struct sm_stored_run *runs, size_t count, double target, FILE *out);

/* `slowmo export`: format is csv | json. */
enum sm_status sm_export(const struct sm_stored_run *runs, size_t count, const char *format,
                         FILE *out);

#endif
