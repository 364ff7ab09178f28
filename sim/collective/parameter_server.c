/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/collective/parameter_server.c -- everybody to one rank and back: reduce, broadcast, and both
 * as an all-reduce.
 *
 * All m-1 messages travel at once and share the root's link, each at 1/(m-1) of its bandwidth: the
 * latency is paid once, the root's bytes m-1 times. (A strategy's parameter server stands on a host
 * of its own; this one is a worker.)
 * Source: Li et al., OSDI 2014, for the name; the flat tree of every MPI library.
 */
#include "sim/collective/halves.h"

static const char source[] = "Li et al., OSDI 2014; the flat tree of MPI libraries";

static size_t
half_steps(const struct sm_collective_call *call)
{
    return call->size - 1;
}

/* Step s is that of the (s+1)th rank after the root. */
static void
half_step(const struct sm_collective_call *call, size_t rank, size_t step, bool up,
          struct sm_collective_step *out)
{
    const size_t size = call->size, root = sm_collective_root(call),
                 other = (root + step + 1) % size;
    *out = (struct sm_collective_step){.send_to = SM_NO_RANK,
                                       .receive_from = SM_NO_RANK,
                                       .send_count = 1,
                                       .receive_count = 1,
                                       .combine = up,
                                       .open = rank == root && step + 1 < half_steps(call)};
    if (rank == root)
        *(up ? &out->receive_from : &out->send_to) = other;
    else if (rank == other)
        *(up ? &out->send_to : &out->receive_from) = root;
}

static double
half_seconds(const struct sm_collective_call *call, double latency, double bandwidth)
{
    if (call->bytes == 0 || call->size == 1)
        return 0;
    return latency + (double)(call->size - 1) * call->bytes / bandwidth;
}

const struct sm_collective sm_collective_parameter_server = {
    .about = {.name = "parameter_server",
              .doc = "everybody sends its vector to one rank, which adds and answers",
              .source = source,
              .state_size = sizeof(struct sm_collective_rooted),
              .params = sm_collective_rooted_params},
    .operation = SM_ALL_REDUCE,
    .closed_form = "2 (latency + (m-1) bytes / bandwidth): m-1 messages share the root's link",
    .chunks = sm_collective_one_chunk,
    .steps = both_steps,
    .step = both_step,
    .seconds = both_seconds,
    .check = sm_collective_check_root,
};

const struct sm_collective sm_collective_flat_reduce = {
    .about = {.name = "flat_reduce",
              .doc = "everybody sends its vector to the root; the first half of parameter_server",
              .source = source,
              .state_size = sizeof(struct sm_collective_rooted),
              .params = sm_collective_rooted_params},
    .operation = SM_REDUCE,
    .closed_form = "latency + (m-1) bytes / bandwidth: m-1 messages share the root's link",
    .chunks = sm_collective_one_chunk,
    .steps = half_steps,
    .step = first_step,
    .seconds = half_seconds,
    .owner = sm_collective_root_owns,
    .check = sm_collective_check_root,
};

const struct sm_collective sm_collective_flat_broadcast = {
    .about = {.name = "flat_broadcast",
              .doc = "the root sends to everybody at once; the second half of parameter_server",
              .source = source,
              .state_size = sizeof(struct sm_collective_rooted),
              .params = sm_collective_rooted_params},
    .operation = SM_BROADCAST,
    .closed_form = "latency + (m-1) bytes / bandwidth: m-1 messages share the root's link",
    .chunks = sm_collective_one_chunk,
    .steps = half_steps,
    .step = second_step,
    .seconds = half_seconds,
    .owner = sm_collective_root_owns,
    .check = sm_collective_check_root,
};
