/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/collective/halves.h -- an all-reduce that is two collectives, one after the other: a reduce
 * or reduce-scatter, and the broadcast or all-gather that undoes it.
 *
 * A file that has half_steps, half_step (its last but one argument says which half) and
 * half_seconds, which are the same of both halves, gets the functions of the three schedules.
 */
#ifndef SM_COLLECTIVE_HALVES_H
#define SM_COLLECTIVE_HALVES_H

#include "sim/collective/collective.h"

static size_t half_steps(const struct sm_collective_call *call);
static void half_step(const struct sm_collective_call *call, size_t rank, size_t step, bool first,
                      struct sm_collective_step *out);
static double half_seconds(const struct sm_collective_call *call, double latency, double bandwidth);

static void
first_step(const struct sm_collective_call *call, size_t rank, size_t step,
           struct sm_collective_step *out)
{
    half_step(call, rank, step, true, out);
}

static void
second_step(const struct sm_collective_call *call, size_t rank, size_t step,
            struct sm_collective_step *out)
{
    half_step(call, rank, step, false, out);
}

static size_t
both_steps(const struct sm_collective_call *call)
{
    return 2 * half_steps(call);
}

static void
both_step(const struct sm_collective_call *call, size_t rank, size_t step,
          struct sm_collective_step *out)
{
    const size_t half = half_steps(call);
    half_step(call, rank, step % half, step < half, out);
}

static double
both_seconds(const struct sm_collective_call *call, double latency, double bandwidth)
{
    return 2 * half_seconds(call, latency, bandwidth);
}

#endif
