/* SPDX-License-Identifier: GPL-3.0-or-later */
/* algorithms/outer/outer.h -- the outer-optimizer axis.
 *
 * A round t is: tau inner steps, one exact average over the m workers (unless the optimizer wants
 * something else), one outer step. Most outer optimizers know nothing of messages or time; they see
 * one flat vector, the average, and every worker runs the same step on the same input, so replicas
 * stay bit-identical. Those that put another exchange in the average's place have `exchange`.
 */
#ifndef SM_ALGORITHMS_OUTER_OUTER_H
#define SM_ALGORITHMS_OUTER_OUTER_H

#include <stdbool.h>

#include "algorithms/setup.h"

enum sm_round {
    SM_ROUND_AVERAGE,  /* exact average, then step                                       */
    SM_ROUND_LOCAL,    /* step on each worker's own model                                */
    SM_ROUND_EXCHANGE, /* `exchange` after every inner step: what travels is its affair  */
    SM_ROUND_NONE,     /* rounds do not exist                                            */
};

/* The inner step that has just been done. */
struct sm_moment {
    size_t done, round; /* steps done of this round's `round`; equal: the round ends       */
    float gamma;        /* inner learning rate of the step                                 */
    bool last;          /* of the run: nothing may be in flight afterwards                 */
};

struct sm_outer {
    struct sm_plugin about;
    bool sends_models; /* its exchange sends whole models to single peers; see of_models of
                          compression.h                                                    */
    /* OPTIONAL. What the end of a round is; without: SM_ROUND_AVERAGE. */
    enum sm_round (*round)(const void *state);
    /* OPTIONAL. Takes buffers from the arena; setup->x0 is x_{0,0}. */
    enum sm_status (*init)(void *state, const struct sm_setup *setup);
    /* OPTIONAL. In: x (n) = x_{t,tau}, the average. Out: x = x_{t+1,0}. gamma: inner learning rate
     * of round t, > 0. On any error x and the state are unchanged. */
    enum sm_status (*step)(void *state, size_t n, float gamma, float *x);
    /* With SM_ROUND_EXCHANGE, talks. x (n) is the worker's own model after the step. */
    enum sm_status (*exchange)(void *state, struct sm_comm *comm, const struct sm_moment *moment,
                               size_t n, float *x);
    /* OPTIONAL. After how many rounds the same ranks exchange as much again; 0: never. Without: 1.
     */
    size_t (*cycle)(const void *state);
};

/* The registry: one line per algorithm. Declarations, lookup, `slowmo list` and the contract tests
 * are all generated from it. */
#define SM_OUTER_LIST(X)                                                                           \
    X(none)                                                                                        \
    X(average)                                                                                     \
    X(slowmo)                                                                                      \
    X(bmuf)                                                                                        \
    X(lookahead)                                                                                   \
    X(diloco)                                                                                      \
    X(streaming_diloco)                                                                            \
    X(easgd)                                                                                       \
    X(overlap_local)                                                                               \
    X(noloco)

#define X(id) extern const struct sm_outer sm_outer_##id;
SM_OUTER_LIST(X)
#undef X

extern const struct sm_axis sm_axis_outer;

enum sm_round sm_outer_round(const struct sm_outer *outer, const void *state);

#endif
