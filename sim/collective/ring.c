/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/collective/ring.c -- round one ring: reduce-scatter, all-gather, and both as an all-reduce.
 *
 * Rank r sends chunk r-s to r+1 at step s < m-1 and adds what r-1 sends; after that it owns the sum
 * of chunk r+1. The finished chunks go round the same way: chunk r+1-s at step s. Each rank sends
 * 2 (m-1)/m of the bytes, the least there is.
 * Source: Patarasuk and Yuan, J. Parallel Distrib. Comput. 69 (2009).
 */
#include <math.h>

#include "sim/collective/halves.h"

static const char source[] = "Patarasuk and Yuan, J. Parallel Distrib. Comput. 69 (2009)";

static size_t
ring_chunks(const struct sm_collective_call *call)
{
    return call->size;
}

static size_t
half_steps(const struct sm_collective_call *call)
{
    return call->size - 1;
}

/* Sends chunk rank - step, or the one after that. */
static void
half_step(const struct sm_collective_call *call, size_t rank, size_t step, bool scatter,
          struct sm_collective_step *out)
{
    const size_t size = call->size, sent = (rank + size + !scatter - step) % size;
    *out = (struct sm_collective_step){
        .send_to = (rank + 1) % size,
        .receive_from = (rank + size - 1) % size,
        .send_first = sent,
        .send_count = 1,
        .receive_first = (sent + size - 1) % size,
        .receive_count = 1,
        .combine = scatter,
    };
}

/* All chunks but the one that the rank owns in the end ... */
static double
scatter_sent(const struct sm_collective_call *call, size_t rank)
{
    return call->bytes - sm_collective_bytes(call->bytes, call->size, (rank + 1) % call->size, 1);
}

/* ... and all but the next rank's. */
static double
gather_sent(const struct sm_collective_call *call, size_t rank)
{
    return scatter_sent(call, rank + 1);
}

static double
ring_sent(const struct sm_collective_call *call, size_t rank)
{
    return scatter_sent(call, rank) + gather_sent(call, rank);
}

static size_t
half_owner(const struct sm_collective_call *call, size_t chunk)
{
    return (chunk + call->size - 1) % call->size;
}

/* A chunk that is rounded up is the last to arrive at each of its steps. */
static double
half_seconds(const struct sm_collective_call *call, double latency, double bandwidth)
{
    if (call->bytes == 0)
        return 0;
    double chunk = ceil(call->bytes / (double)call->size);
    return (double)half_steps(call) * (latency + chunk / bandwidth);
}

const struct sm_collective sm_collective_ring = {
    .about = {.name = "ring",
              .doc = "reduce-scatter and all-gather round one ring; bandwidth-optimal",
              .source = source,
              .state_size = sizeof(struct sm_collective_settings),
              .params = sm_collective_params},
    .operation = SM_ALL_REDUCE,
    .same_edges = true,
    .closed_form = "2 (m-1) (latency + ceil(bytes/m) / bandwidth)",
    .chunks = ring_chunks,
    .steps = both_steps,
    .step = both_step,
    .seconds = both_seconds,
    .sent = ring_sent,
};

const struct sm_collective sm_collective_ring_reduce_scatter = {
    .about = {.name = "ring_reduce_scatter",
              .doc = "each rank ends with the sum of one chunk; the first half of ring",
              .source = source},
    .operation = SM_REDUCE_SCATTER,
    .same_edges = true,
    .closed_form = "(m-1) (latency + ceil(bytes/m) / bandwidth)",
    .chunks = ring_chunks,
    .steps = half_steps,
    .step = first_step,
    .seconds = half_seconds,
    .sent = scatter_sent,
    .owner = half_owner,
};

const struct sm_collective sm_collective_ring_all_gather = {
    .about = {.name = "ring_all_gather",
              .doc = "each rank ends with every rank's chunk; the second half of ring",
              .source = source},
    .operation = SM_ALL_GATHER,
    .same_edges = true,
    .closed_form = "(m-1) (latency + ceil(bytes/m) / bandwidth)",
    .chunks = ring_chunks,
    .steps = half_steps,
    .step = second_step,
    .seconds = half_seconds,
    .sent = gather_sent,
    .owner = half_owner,
};
