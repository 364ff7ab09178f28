/* SPDX-License-Identifier: GPL-3.0-or-later */
/* analysis/analyse.h -- what a store says once its seeds are taken together: intervals, speed-ups,
 * the Pareto front, rates, the best value of a setting, and where two algorithms tie.
 */
#ifndef SM_ANALYSIS_ANALYSE_H
#define SM_ANALYSIS_ANALYSE_H

#include "analysis/measure.h"

struct sm_analysis_request {
    double target;          /* accuracy in [0, 1]; NaN: the highest that all runs reach        */
    const char *best, *per; /* dotted keys: the best value of `best` for each value of `per`   */
    const char *by;         /* name of a measure; NULL: sm_run_measure_default                 */
    const char *tie, *over; /* "A,B": where they tie over this dotted key, which is a number   */
    bool json;
};

/* `slowmo analyse`: as tables, or as one line of JSON. SM_ERR_INPUT, SM_ERR_NAME: what was asked
 * for is not there. */
enum sm_status sm_analyse(const struct sm_stored_run *runs, size_t count,
                          const struct sm_analysis_request *request, FILE *out);

/* ---- its parts; owned by arena ---- */

/* One variant. Intervals are bootstrap intervals of 95 % over seeds. */
struct sm_analysed {
    const struct sm_variant *variant;
    double measure; /* mean of variant->measure                                          */
    struct sm_interval measure_interval;
    double measure_half; /* half of Student's interval                                   */
    double seconds;      /* of the whole run, mean                                            */
    bool front;          /* no other variant is as good in as little time, and better in one  */
    struct sm_sample target_seconds, target_steps; /* of the runs that reach the target  */
    struct sm_interval target_interval;            /* of their seconds                   */
    const struct sm_variant *base; /* evaluate.against, else the all-reduce most like it */
    double speed_up;               /* base's seconds to target / own, over seeds where both reach */
    struct sm_interval speed_up_interval;
    size_t pairs;
    struct sm_slope rate; /* ln train_loss against ln steps; the mean of the seeds' slopes and its
                             standard error, of one seed the fit's */
    double bound;         /* 1 / sqrt(workers steps) */
};
enum sm_status sm_analyse_variants(struct sm_arena *arena, const struct sm_variant *variants,
                                   size_t count, struct sm_analysed **analysed);

struct sm_best {
    const char *name, *per, *value; /* of the winner; per NULL without such a key             */
    double mean;
    struct sm_interval interval;
    size_t values; /* that it was chosen from                                     */
};
enum sm_status sm_analyse_best(struct sm_arena *arena, const struct sm_variant *variants,
                               size_t count, const char *best, const char *per,
                               const struct sm_run_measure *measure, struct sm_best **rows,
                               size_t *row_count);

/* Where ln(measure of A / measure of B), linear in ln(key) between the values run, is 0. */
struct sm_tie {
    const char *names[2];
    double at;                   /* in base units of `unit`                                      */
    struct sm_interval interval; /* over the seeds that all runs have in common                  */
    bool first_below;            /* the first has the smaller measure below `at`                 */
};
struct sm_ties {
    const struct sm_tie *ties;
    size_t count, seeds, values; /* values of the key that both have  */
    double low, high;            /* the smallest and largest of those */
    bool first_less;             /* at `low`                          */
    enum sm_unit unit;
    const char *names[2];
};
enum sm_status sm_analyse_ties(struct sm_arena *arena, const struct sm_variant *variants,
                               size_t count, const char *pair, const char *over,
                               const struct sm_run_measure *measure, struct sm_ties *ties);

/* One value of a key, and the variants on both sides that have it. */
struct sm_tie_cell {
    double x; /* in base units, above 0 */
    const struct sm_variant *sides[2];
};
/* The same of the cells, x ascending. Those are left out where a side has no mean of the measure;
 * without two that remain, or without a seed that all of them have, there is no tie. Of *ties,
 * names and unit are the caller's. */
enum sm_status sm_ties_find(struct sm_arena *arena, const struct sm_tie_cell *cells, size_t count,
                            const struct sm_run_measure *measure, struct sm_ties *ties);

#endif
