/* SPDX-License-Identifier: GPL-3.0-or-later */
/* algorithms/strategy/strategy.h -- the communication axis: what travels between outer steps.
 *
 * Called at fixed places of the loop: begin before the gradient, mix_gradient after it, mix_model
 * after the inner step, drain at a round end. All numbers are (n) floats.
 */
#ifndef SM_ALGORITHMS_STRATEGY_STRATEGY_H
#define SM_ALGORITHMS_STRATEGY_STRATEGY_H

#include <stdbool.h>

#include "sim/base/plugin.h"
#include "sim/comm/comm.h"

struct sm_strategy {
    struct sm_plugin about;
    bool mixes_models; /* gossip: the replicas come closer without an exact average */

    /* OPTIONAL. Checks the settings against comm->size and takes buffers from arena. */
    enum sm_status (*init)(void *state, struct sm_arena *arena, const struct sm_comm *comm,
                           size_t n);
    /* OPTIONAL. Absorbs what has arrived into x and points *view to the model that gradients are
     * taken at (x, or a vector of the state: valid until the next call). Without: x. */
    enum sm_status (*begin)(void *state, struct sm_comm *comm, size_t n, float *x,
                            const float **view);
    /* OPTIONAL. g becomes what the inner optimizer steps along. */
    enum sm_status (*mix_gradient)(void *state, struct sm_comm *comm, size_t n, float *g);
    /* OPTIONAL. Sends the model after the inner step. */
    enum sm_status (*mix_model)(void *state, struct sm_comm *comm, size_t n, float *x);
    /* OPTIONAL. Takes in every message in flight, so that the sum of all x is what it should be.
     * When an exact average follows, all models will be alike: weights go back to 1. */
    enum sm_status (*drain)(void *state, struct sm_comm *comm, size_t n, float *x,
                            bool average_follows);
};

#define SM_STRATEGY_LIST(X) X(allreduce) X(local) X(sgp)

#define X(id) extern const struct sm_strategy sm_strategy_##id;
SM_STRATEGY_LIST(X)
#undef X

extern const struct sm_axis sm_axis_strategy;

#endif
