/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/collective/ring.c -- ring all-reduce: reduce-scatter, then all-gather, round one ring.
 *
 * Rank r sends chunk r-s to r+1 at step s < m-1 and adds what r-1 sends; after that it owns the sum
 * of chunk r+1 and the finished chunks go round once more. Each rank sends 2 (m-1)/m of the bytes,
 * the least there is. Source: Patarasuk and Yuan, J. Parallel Distrib. Comput. 69 (2009).
 */
#include <math.h>

#include "sim/collective/collective.h"

static size_t
ring_chunks(const struct sm_collective_call *call)
{
    return call->size;
}

static size_t
ring_steps(const struct sm_collective_call *call)
{
    return 2 * (call->size - 1);
}

static void
ring_step(const struct sm_collective_call *call, size_t rank, size_t step,
          struct sm_collective_step *out)
{
    /* the chunk sent at step 0 is the rank's own; each step moves one back round the ring, and the
     * second half goes on where the first ended: r - (m-1) = r + 1 */
    const size_t size = call->size;
    size_t back = step % size;
    size_t sent = (rank + size - back) % size;
    *out = (struct sm_collective_step){
        .send_to = (rank + 1) % size,
        .receive_from = (rank + size - 1) % size,
        .send_first = sent,
        .send_count = 1,
        .receive_first = (sent + size - 1) % size,
        .receive_count = 1,
        .combine = step < size - 1,
    };
}

/* The chunk that is rounded up is the last to arrive at each of its steps. */
static double
ring_seconds(const struct sm_collective_call *call, double latency, double bandwidth)
{
    if (call->bytes == 0)
        return 0;
    double chunk = ceil(call->bytes / (double)call->size);
    return 2.0 * (double)(call->size - 1) * (latency + chunk / bandwidth);
}

const struct sm_collective sm_collective_ring = {
    .about = {.name = "ring",
              .doc = "reduce-scatter and all-gather round one ring; bandwidth-optimal",
              .source = "Patarasuk and Yuan, J. Parallel Distrib. Comput. 69 (2009)",
              .state_size = sizeof(struct sm_collective_settings),
              .params = sm_collective_params},
    .same_edges = true,
    .closed_form = "2 (m-1) (latency + ceil(bytes/m) / bandwidth)",
    .chunks = ring_chunks,
    .steps = ring_steps,
    .step = ring_step,
    .seconds = ring_seconds,
};
