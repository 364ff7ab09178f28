/* SPDX-License-Identifier: GPL-3.0-or-later */
/* algorithms/strategy/strategy.h -- the communication axis: what travels between outer steps.
 *
 * A step of the loop, for one worker (x and g are (n) floats):
 *
 *   receive                                       talks: waits for what has to be here
 *   absorb -> gradient at the view -> inner step -> split     works: one job on the pool
 *   send                                          talks: lets go what split prepared
 *
 * A strategy that overlaps sends before the gradient, so that its messages travel meanwhile:
 *
 *   receive, absorb -> split, send, gradient at the view -> inner step
 *
 * A strategy that exchanges gradients has mix_gradient between the gradient and the inner step.
 * What talks runs on the clock and must not do heavy arithmetic; what works must not communicate.
 */
#ifndef SM_ALGORITHMS_STRATEGY_STRATEGY_H
#define SM_ALGORITHMS_STRATEGY_STRATEGY_H

#include <stdbool.h>

#include "algorithms/compression/compression.h"
#include "algorithms/setup.h"

/* How a strategy, with its settings, goes about it. */
enum sm_manner {
    SM_SENDS_EARLY = 1,    /* messages leave before the gradient                            */
    SM_FOLLOWS_CLOCK = 2,  /* what is mixed with what depends on when it arrives            */
    SM_WEIGHS_MODELS = 4,  /* push-sum: x is a model times a weight that does not stay 1    */
    SM_MIXES_BUFFERS = 8,  /* the inner optimizer's buffers travel with the model           */
    SM_SURVIVES_LOSS = 16, /* goes on when messages are lost or ranks die: see comm.h       */
};

/* Why a strategy is drained. */
enum sm_drain {
    SM_DRAIN_ROUND,   /* a round ends                                                          */
    SM_DRAIN_AVERAGE, /* a round ends with an exact average: all models will be alike, and
                         weights go back to 1                                                  */
    SM_DRAIN_END,     /* the run ends: nobody will send or answer any more                     */
};

/* A server's inner optimizer, as `serve` is given it: it steps on the server's clock. */
struct sm_stepper {
    /* Makes the optimizer, for a part of n parameters. Once, before the first step. */
    enum sm_status (*begin)(struct sm_stepper *stepper, size_t n);
    /* x (n) moves one inner step of learning rate gamma along g (n). */
    enum sm_status (*step)(struct sm_stepper *stepper, float gamma, float *g, float *x);
};

/* The side of a strategy that runs on ranks of its own. */
struct sm_server {
    /* REQUIRED. How many, >= 1; they share the model, and the work of its steps, evenly. */
    size_t (*count)(const void *settings);
    /* REQUIRED, talks. The whole program of server comm->rank - comm->size. */
    enum sm_status (*serve)(void *state, struct sm_comm *comm, struct sm_stepper *stepper);
};

struct sm_strategy {
    struct sm_plugin about;
    bool mixes_models; /* gossip: the replicas come closer without an exact average            */
    bool averages_gradient; /* mix_gradient is the mean of all gradients, and may be taken part by
                               part before all of it is there, where nothing compresses it       */
    /* OPTIONAL. Servers hold the model and do the inner steps; workers do none. */
    const struct sm_server *server;

    /* OPTIONAL. Checks the settings against setup->comm and takes buffers. */
    enum sm_status (*init)(void *state, const struct sm_setup *setup);
    /* OPTIONAL. Bits of enum sm_manner; without: none. */
    unsigned (*manner)(const void *settings);
    /* OPTIONAL, talks. Waits for the arrivals that the next gradient needs. */
    enum sm_status (*receive)(void *state, struct sm_comm *comm);
    /* OPTIONAL, works. Adds what was received to x and points *view to the model that gradients are
     * taken at (x, or a vector of the state: valid until the next call). Without: x. */
    void (*absorb)(void *state, size_t n, float *x, const float **view);
    /* OPTIONAL, talks. g becomes what the inner optimizer steps along. */
    enum sm_status (*mix_gradient)(void *state, struct sm_comm *comm, size_t n, float *g);
    /* OPTIONAL, works. Takes from x what send will send; where servers step, from g and gamma, the
     * learning rate. */
    void (*split)(void *state, size_t n, float gamma, const float *g, float *x);
    /* OPTIONAL, talks. Sends what was split and posts receipts. */
    enum sm_status (*send)(void *state, struct sm_comm *comm);
    /* OPTIONAL, talks. Takes in every message in flight, so that the sum of all x is what it should
     * be. */
    enum sm_status (*drain)(void *state, struct sm_comm *comm, size_t n, float *x,
                            enum sm_drain why);
    /* OPTIONAL. After how many steps the same ranks exchange as much again, so that a clock that
     * has seen some cycles knows the others; 0: never. Without: 1, but never for those that follow
     * the clock. */
    size_t (*cycle)(const void *state);
};

#define SM_STRATEGY_LIST(X)                                                                        \
    X(allreduce)                                                                                   \
    X(parameter_server)                                                                            \
    X(parameter_server_async)                                                                      \
    X(local)                                                                                       \
    X(sgp)                                                                                         \
    X(osgp)                                                                                        \
    X(dpsgd)                                                                                       \
    X(adpsgd)

#define X(id) extern const struct sm_strategy sm_strategy_##id;
SM_STRATEGY_LIST(X)
#undef X

extern const struct sm_axis sm_axis_strategy;

/* Whether workers exchange anything between round ends. */
bool sm_strategy_communicates(const struct sm_strategy *strategy);
/* Whether it goes about it in that manner. */
bool sm_strategy_is(const struct sm_choice *choice, enum sm_manner manner);
/* Ranks that the strategy has besides the workers; 0 for most. */
size_t sm_strategy_servers(const struct sm_choice *choice);

#endif
