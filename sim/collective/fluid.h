/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/collective/fluid.h -- a ring played as one flow per edge when ranks arrive at different
 * times.
 *
 * Message by message, the j-th message over the edge into rank r starts when r has the one before
 * and rank r-1 has what it must pass on: with R(r, j) the time it is there and t_r the seconds of
 * one message on that edge,
 *   R(r, j) = max(R(r, j-1), R(r-1, j-1)) + t_r,   R(r, -1) = arrival of r.
 * A flow of all steps that starts when the last rank arrives misses what the edges did before; the
 * recurrence says how much that was, and how long an edge then waits for the others.
 */
#ifndef SM_COLLECTIVE_FLUID_H
#define SM_COLLECTIVE_FLUID_H

#include <stddef.h>

struct sm_fluid_edge {
    double arrival;   /* in: seconds, when rank r joins                                 */
    double message;   /* in: seconds t_r of one message on the edge from r-1 to r, idle */
    double remaining; /* out: messages not yet through when the last rank arrives, >= 0 */
    double pause;     /* out: seconds the edge waits for others from then to its end    */
};

/* edges (size), size >= 2. O(size * steps), O(size) when all arrive at once. `work` is (3 size). */
void sm_fluid_plan(size_t size, size_t steps, struct sm_fluid_edge *edges, double *work);

#endif
