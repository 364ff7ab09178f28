/* SPDX-License-Identifier: GPL-3.0-or-later */
/* algorithms/outer/outer.h -- the outer-optimizer axis.
 *
 * A round t is: tau inner steps, one exact average over the m workers (unless the optimizer wants
 * none), one outer step. Every worker runs the same outer step on the same input, so replicas stay
 * bit-identical. Outer optimizers know nothing of messages or time; they see one flat vector.
 */
#ifndef SM_ALGORITHMS_OUTER_OUTER_H
#define SM_ALGORITHMS_OUTER_OUTER_H

#include "sim/base/plugin.h"

enum sm_round {
    SM_ROUND_AVERAGE, /* exact average, then step          */
    SM_ROUND_LOCAL,   /* step on each worker's own model   */
    SM_ROUND_NONE,    /* rounds do not exist               */
};

struct sm_outer {
    struct sm_plugin about;
    /* OPTIONAL. What the end of a round is; without: SM_ROUND_AVERAGE. */
    enum sm_round (*round)(const void *state);
    /* OPTIONAL. Takes buffers from arena; x0 (n) is x_{0,0}, only read. */
    enum sm_status (*init)(void *state, struct sm_arena *arena, size_t n, const float *x0);
    /* OPTIONAL. In: x (n) = x_{t,tau}, the average. Out: x = x_{t+1,0}. gamma: inner learning rate
     * of round t, > 0. On any error x and the state are unchanged. */
    enum sm_status (*step)(void *state, size_t n, float gamma, float *x);
};

/* The registry: one line per algorithm. Declarations, lookup, `slowmo list` and the contract tests
 * are all generated from it. */
#define SM_OUTER_LIST(X) X(none) X(average) X(slowmo)

#define X(id) extern const struct sm_outer sm_outer_##id;
SM_OUTER_LIST(X)
#undef X

extern const struct sm_axis sm_axis_outer;

enum sm_round sm_outer_round(const struct sm_outer *outer, const void *state);

#endif
