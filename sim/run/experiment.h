/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/run/experiment.h -- one experiment, typed and checked, from its YAML tree.
 *
 * Overriding (--set), comparing and sweeping happen on the tree; this is what comes out at the end.
 */
#ifndef SM_RUN_EXPERIMENT_H
#define SM_RUN_EXPERIMENT_H

#include <stdbool.h>
#include <stdio.h>

#include "sim/base/plugin.h"
#include "sim/timing/profile.h"
#include "sim/timing/straggler.h"
#include "workloads/workload.h"

struct sm_experiment {
    const char *name;
    size_t seed;
    size_t steps;  /* 0: given in epochs              */
    double epochs; /* 0: given in steps               */
    struct {
        const char *file;
        size_t workers;             /* 0: all the platform has                    */
        const struct sm_node *node; /* its map, for bandwidth, latency and speed  */
    } platform;
    struct sm_workload_settings workload;
    struct sm_timing_settings timing;
    struct sm_transport_settings transport; /* timing.transport */
    struct sm_timing_scale scale;           /* of timing */
    struct sm_straggler_settings straggler; /* of timing */
    struct {
        struct sm_choice inner, schedule, strategy, outer, period, buffer, compression, collective;
        double clip; /* longest gradient; 0: any */
    } algorithm;
    struct {
        size_t every;        /* steps between evaluations; 0: ten a run            */
        double target;       /* accuracy to time; 0: the highest all reach         */
        const char *against; /* run to be measured against; "": none               */
    } evaluate;
};

/* Reads a tree (NULL: all defaults). SM_ERR_INPUT with file, line and column. Owned by arena. */
enum sm_status sm_experiment_bind(struct sm_arena *arena, const struct sm_node *root,
                                  struct sm_experiment *experiment);

/* Every combination of the `compare:` and `sweep:` blocks as a tree of its own, in order; one when
 * there is neither. Lists of `sweep:` multiply; those in its `zip:` block go together, one run for
 * their first values, one for their second ..., and `random:` draws (random_search.h). A swept
 * run's name says its values. `evaluate.against` may name an entry of `compare:`, which is then the
 * run with the same other values, or a run without its seed; in the trees it is always the latter.
 */
enum sm_status sm_experiment_expand(struct sm_arena *arena, const struct sm_node *root,
                                    const struct sm_node *const **trees, size_t *count);

/* The experiment with every setting written out: YAML that binds to the same. `part` limits it to
 * what decides the numbers, or the seconds. */
enum sm_experiment_part { SM_EXPERIMENT_ALL, SM_EXPERIMENT_TRAJECTORY, SM_EXPERIMENT_TIMING };
void sm_experiment_print(const struct sm_experiment *experiment, enum sm_experiment_part part,
                         FILE *out);

/* The period's setting tau: inner steps a round, or what it starts from. */
size_t sm_experiment_tau(const struct sm_experiment *experiment);

/* What `describe` prints of each section beside the axes: NULL-terminated names and their tables.
 */
struct sm_section {
    const char *name;
    const struct sm_param *params;
};
extern const struct sm_section sm_experiment_sections[];

#endif
