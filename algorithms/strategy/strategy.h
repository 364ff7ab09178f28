/* SPDX-License-Identifier: GPL-3.0-or-later */
/* algorithms/strategy/strategy.h -- the communication axis: what travels between outer steps.
 *
 * A step of the loop, for one worker (x and g are (n) floats):
 *
 *   receive                                       talks: waits for what has to be here
 *   absorb -> gradient at the view -> inner step -> split     works: one job on the pool
 *   send                                          talks: lets go what split prepared
 *
 * A strategy that exchanges gradients has mix_gradient between the gradient and the inner step.
 * What talks runs on the clock and must not do heavy arithmetic; what works must not communicate.
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
    /* OPTIONAL, talks. Waits for the arrivals that the next gradient needs. */
    enum sm_status (*receive)(void *state, struct sm_comm *comm);
    /* OPTIONAL, works. Adds what was received to x and points *view to the model that gradients are
     * taken at (x, or a vector of the state: valid until the next call). Without: x. */
    void (*absorb)(void *state, size_t n, float *x, const float **view);
    /* OPTIONAL, talks. g becomes what the inner optimizer steps along. */
    enum sm_status (*mix_gradient)(void *state, struct sm_comm *comm, size_t n, float *g);
    /* OPTIONAL, works. Takes from x what send will send. */
    void (*split)(void *state, size_t n, float *x);
    /* OPTIONAL, talks. Sends the shares and posts the receipts of the next step. */
    enum sm_status (*send)(void *state, struct sm_comm *comm);
    /* OPTIONAL, at a round end. Takes in every message in flight, so that the sum of all x is what
     * it should be. When an exact average follows, all models will be alike: weights go back to 1.
     */
    enum sm_status (*drain)(void *state, struct sm_comm *comm, size_t n, float *x,
                            bool average_follows);
};

#define SM_STRATEGY_LIST(X) X(allreduce) X(local) X(sgp)

#define X(id) extern const struct sm_strategy sm_strategy_##id;
SM_STRATEGY_LIST(X)
#undef X

extern const struct sm_axis sm_axis_strategy;

#endif
