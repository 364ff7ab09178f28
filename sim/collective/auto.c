/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/collective/auto.c -- the all-reduce that is cheapest for the size, the bytes and the network.
 *
 * What NCCL and MPI libraries do from tables that they measured, from the closed forms.
 */
#include "sim/collective/collective.h"

/* Where nobody says: 10 Gbit/s Ethernet. */
static const double usual_latency = 20e-6, usual_bandwidth = 1.25e9;

/* Of equal ones the first. */
static const struct sm_collective *const candidates[] = {
    &sm_collective_ring,
    &sm_collective_hierarchical,
    &sm_collective_halving_doubling,
    &sm_collective_binomial_tree,
    &sm_collective_double_binary_tree,
};
enum { CANDIDATES = sizeof candidates / sizeof *candidates };

/* The call as the chosen one gets it. */
static struct sm_collective_call
passed_on(const struct sm_collective_call *call)
{
    struct sm_collective_call passed = *call;
    passed.settings = NULL;
    if (!(call->bandwidth > 0)) {
        passed.latency = usual_latency;
        passed.bandwidth = usual_bandwidth;
    }
    return passed;
}

const struct sm_collective *
sm_collective_choose(const struct sm_collective_call *call)
{
    const struct sm_collective_call passed = passed_on(call);
    const bool grouped = call->group > 1 && call->size % call->group == 0;
    const struct sm_collective *best = NULL;
    double least = 0;
    for (size_t i = 0; i < CANDIDATES; i++) {
        if (candidates[i] == &sm_collective_hierarchical && !grouped)
            continue;
        double seconds = candidates[i]->seconds(&passed, passed.latency, passed.bandwidth);
        if (best == NULL || seconds < least * (1 - 1e-9)) {
            best = candidates[i];
            least = seconds;
        }
    }
    return best;
}

static size_t
auto_chunks(const struct sm_collective_call *call)
{
    const struct sm_collective_call passed = passed_on(call);
    return sm_collective_choose(call)->chunks(&passed);
}

static size_t
auto_steps(const struct sm_collective_call *call)
{
    const struct sm_collective_call passed = passed_on(call);
    return sm_collective_choose(call)->steps(&passed);
}

static void
auto_step(const struct sm_collective_call *call, size_t rank, size_t step,
          struct sm_collective_step *out)
{
    const struct sm_collective_call passed = passed_on(call);
    sm_collective_choose(call)->step(&passed, rank, step, out);
}

static double
auto_seconds(const struct sm_collective_call *call, double latency, double bandwidth)
{
    struct sm_collective_call known = *call;
    if (!(call->bandwidth > 0)) {
        known.latency = latency;
        known.bandwidth = bandwidth;
    }
    const struct sm_collective_call passed = passed_on(&known);
    return sm_collective_choose(&known)->seconds(&passed, latency, bandwidth);
}

const struct sm_collective sm_collective_auto = {
    .about = {.name = "auto",
              .doc = "the cheapest all-reduce by closed form, for each message size",
              .source = "the idea: Thakur et al., IJHPCA 19 (2005), 5",
              .state_size = sizeof(struct sm_collective_settings),
              .params = sm_collective_params},
    .operation = SM_ALL_REDUCE,
    .closed_form = "the least of ring, hierarchical (where the platform has sites), "
                   "halving_doubling, binomial_tree and double_binary_tree on the slowest route "
                   "between neighbouring workers",
    .chunks = auto_chunks,
    .steps = auto_steps,
    .step = auto_step,
    .seconds = auto_seconds,
};
