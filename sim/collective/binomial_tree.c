/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/collective/binomial_tree.c -- up and down a binomial tree: reduce, broadcast, and both as an
 * all-reduce.
 *
 * Let v be the rank counted from the root. At level l the v that are odd multiples of 2^l hang on
 * v - 2^l. A reduce goes through the levels upwards, a broadcast downwards.
 * Source: Thakur, Rabenseifner, Gropp, Int. J. High Perform. Comput. Appl. 19 (2005), sections 4.2
 * and 4.4.
 */
#include "sim/collective/halves.h"

static const char source[] = "Thakur et al., IJHPCA 19 (2005), 4.2 and 4.4";

/* ceil(log2 m) */
static size_t
half_steps(const struct sm_collective_call *call)
{
    size_t levels = 0;
    while ((size_t)1 << levels < call->size)
        levels++;
    return levels;
}

static void
half_step(const struct sm_collective_call *call, size_t rank, size_t step, bool up,
          struct sm_collective_step *out)
{
    const size_t level = up ? step : half_steps(call) - 1 - step;
    const size_t size = call->size, root = sm_collective_root(call);
    const size_t v = (rank + size - root) % size, bit = (size_t)1 << level;
    *out = (struct sm_collective_step){.send_to = SM_NO_RANK,
                                       .receive_from = SM_NO_RANK,
                                       .send_count = 1,
                                       .receive_count = 1,
                                       .combine = up};
    if (v % bit != 0)
        return;
    const bool child = (v & bit) != 0;
    if (!child && v + bit >= size)
        return;
    size_t other = ((child ? v - bit : v + bit) + root) % size;
    if (child == up)
        out->send_to = other;
    else
        out->receive_from = other;
}

/* The root has a child at each level, and one message at a time. */
static double
half_seconds(const struct sm_collective_call *call, double latency, double bandwidth)
{
    if (call->bytes == 0)
        return 0;
    return (double)half_steps(call) * (latency + call->bytes / bandwidth);
}

const struct sm_collective sm_collective_binomial_tree = {
    .about = {.name = "binomial_tree",
              .doc = "reduce and broadcast over one binomial tree; for small messages",
              .source = source,
              .state_size = sizeof(struct sm_collective_rooted),
              .params = sm_collective_rooted_params},
    .operation = SM_ALL_REDUCE,
    .closed_form = "2 ceil(log2 m) (latency + bytes / bandwidth)",
    .chunks = sm_collective_one_chunk,
    .steps = both_steps,
    .step = both_step,
    .seconds = both_seconds,
    .check = sm_collective_check_root,
};

const struct sm_collective sm_collective_binomial_reduce = {
    .about = {.name = "binomial_reduce",
              .doc = "the root ends with the sum; the first half of binomial_tree",
              .source = source,
              .state_size = sizeof(struct sm_collective_rooted),
              .params = sm_collective_rooted_params},
    .operation = SM_REDUCE,
    .closed_form = "ceil(log2 m) (latency + bytes / bandwidth)",
    .chunks = sm_collective_one_chunk,
    .steps = half_steps,
    .step = first_step,
    .seconds = half_seconds,
    .owner = sm_collective_root_owns,
    .check = sm_collective_check_root,
};

const struct sm_collective sm_collective_binomial_broadcast = {
    .about = {.name = "binomial_broadcast",
              .doc = "each rank ends with what the root had; the second half of binomial_tree",
              .source = source,
              .state_size = sizeof(struct sm_collective_rooted),
              .params = sm_collective_rooted_params},
    .operation = SM_BROADCAST,
    .closed_form = "ceil(log2 m) (latency + bytes / bandwidth)",
    .chunks = sm_collective_one_chunk,
    .steps = half_steps,
    .step = second_step,
    .seconds = half_seconds,
    .owner = sm_collective_root_owns,
    .check = sm_collective_check_root,
};
