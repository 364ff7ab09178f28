/* SPDX-License-Identifier: GPL-3.0-or-later */
/* analysis/variants.h -- runs that differ only in their seed, taken together.
 *
 * Two runs are of one variant when their resolved experiments are equal but for `seed` and its part
 * of the name (" seed=3"), and program, network model and platform are the same. Of two runs with
 * one seed the later counts, unless only the earlier came to its end: it is no second observation.
 */
#ifndef SM_ANALYSIS_VARIANTS_H
#define SM_ANALYSIS_VARIANTS_H

#include <stdbool.h>

#include "analysis/statistics.h"
#include "sim/store/store.h"

/* What a run is judged by; the first that it has. */
enum sm_measure {
    SM_MEASURE_BLEU,
    SM_MEASURE_PERPLEXITY,
    SM_MEASURE_ACCURACY, /* 0 .. 1 */
    SM_MEASURE_LOSS,
    SM_MEASURES, /* none       */
};
extern const char *const sm_measure_names[SM_MEASURES];

struct sm_variant {
    const char *name;                  /* of its runs, without the seed's part                */
    const struct sm_stored_run **runs; /* (count) one a seed, in the order they began         */
    size_t count, finished;            /* only finished runs are in the samples               */
    struct sm_sample final[SM_MEASURES], step_seconds;
    double target;                                 /* test accuracy, NaN for none           */
    struct sm_sample target_seconds, target_steps; /* of the runs that reach it             */

    const char *against;           /* evaluate.against, NULL for none                      */
    const struct sm_variant *base; /* the variant of that name; NULL: none here            */
    enum sm_measure measure;       /* of the gain                                          */
    struct sm_sample gain;         /* this - base, in pairs of finished runs of one seed   */
    double gain_half;              /* half its 95 % interval; NaN for fewer than two pairs */

    const char *experiment; /* of its first run, YAML */
    uint64_t key;           /* equal for what belongs together */
};

/* target: NaN for each experiment's own evaluate.target. Of several bases with the right name the
 * one with the most settings in common is taken, the latest of equals: a store may hold a study
 * twice, before and after it was edited. Owned by arena. */
enum sm_status sm_variants_find(const struct sm_stored_run *runs, size_t count, double target,
                                struct sm_arena *arena, struct sm_variant **variants,
                                size_t *variant_count);

/* Of the variants that `suits` says yes to, the one whose experiment has most lines in common with
 * that of `variant`, of equal ones the last; NULL: none suits. */
const struct sm_variant *sm_variant_nearest(const struct sm_variant *variants, size_t count,
                                            const struct sm_variant *variant,
                                            bool (*suits)(const struct sm_variant *candidate,
                                                          const struct sm_variant *variant));

#endif
