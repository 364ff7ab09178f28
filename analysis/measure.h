/* SPDX-License-Identifier: GPL-3.0-or-later */
/* analysis/measure.h -- what runs may be compared by, and the settings that tell them apart. */
#ifndef SM_ANALYSIS_MEASURE_H
#define SM_ANALYSIS_MEASURE_H

#include <stdbool.h>

#include "analysis/variants.h"
#include "sim/base/tree.h"
#include "sim/base/unit.h"

struct sm_run_measure {
    const char *name, *doc;
    bool more_is_better;
    /* NaN when the run has none; target: accuracy in [0, 1] */
    double (*of)(const struct sm_stored_run *run, double target);
};

extern const struct sm_run_measure sm_run_measures[]; /* ends with a NULL name */

/* SM_ERR_NAME with the known ones. */
enum sm_status sm_run_measure_find(const char *name, const struct sm_run_measure **measure);
/* seconds_to_target where there is a target, else what the variants are judged by, else
 * seconds_per_step. */
const struct sm_run_measure *sm_run_measure_default(const struct sm_variant *variants, size_t count,
                                                    double target);

/* The mean over the finished runs; NaN when one of them has no value: a mean over those that got
 * far enough would flatter. */
double sm_variant_mean(const struct sm_variant *variant, const struct sm_run_measure *measure);

/* A variant seen through one or two keys: their values, and what it shares with those that differ
 * in nothing else. */
struct sm_facet {
    const struct sm_variant *variant;
    const char *values[2]; /* as stored; NULL: not in this experiment, or no such key asked for */
    const char *name;      /* without " tau=12"                                                 */
    uint64_t rest;         /* hash of the experiment without the keys, the name and the seed    */
};
/* keys: dotted, either may be NULL. Owned by arena. */
enum sm_status sm_facet_take(struct sm_arena *arena, const struct sm_variant *variant,
                             const char *const keys[2], struct sm_facet *facet);

/* A stored value as a number in base units, and the unit it was written in; false when it is
 * none. */
bool sm_value_number(const char *text, double *number, enum sm_unit *unit);

#endif
