/* SPDX-License-Identifier: GPL-3.0-or-later */
/* algorithms/period/period.h -- the period axis: how many inner steps a round has (tau).
 *
 * Every worker asks at the start of every round and must get the same answer: what it depends on is
 * the same on all of them.
 */
#ifndef SM_ALGORITHMS_PERIOD_PERIOD_H
#define SM_ALGORITHMS_PERIOD_PERIOD_H

#include <stdbool.h>

#include "sim/base/plugin.h"

/* Where a run stands when a round begins. */
struct sm_round_start {
    size_t step, steps; /* the round's first step; steps of the whole run                  */
    double loss;        /* mean minibatch loss of the last round over its steps and all workers;
                           NaN before the first, or when the period does not ask for it    */
    double factor;      /* of the learning-rate schedule at `step`                         */
};

struct sm_period {
    struct sm_plugin about;
    bool asks_for_loss; /* one float more travels at each round end */
    /* REQUIRED. Steps of the round that begins, >= 1. */
    size_t (*length)(void *state, const struct sm_round_start *start);
    /* OPTIONAL. Where no loss is known (timing only): the step of a run of `steps` from which all
     * rounds have tau steps. Without: they never do. */
    size_t (*settled)(const void *settings, size_t steps);
};

#define SM_PERIOD_LIST(X) X(fixed) X(post_local) X(adacomm)

#define X(id) extern const struct sm_period sm_period_##id;
SM_PERIOD_LIST(X)
#undef X

extern const struct sm_axis sm_axis_period;

#endif
