/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/collective/auto.c -- the all-reduce that is cheapest for the size, the bytes and the network.
 *
 * What NCCL and MPI libraries do from tables that they measured, from the closed forms; between
 * sites by summing the slowest message of each step, for there the links are not alike, and shared.
 */
#include <math.h>
#include <string.h>

#include "sim/collective/collective.h"

/* Where nobody says: 10 Gbit/s Ethernet. */
static const double usual_latency = 20e-6, usual_bandwidth = 1.25e9;

/* Of equal ones the first. */
static const struct sm_collective *const candidates[] = {
    &sm_collective_ring,
    &sm_collective_hierarchical,
    &sm_collective_halving_doubling,
    &sm_collective_recursive_doubling,
    &sm_collective_binomial_tree,
    &sm_collective_double_binary_tree,
};
enum { CANDIDATES = sizeof candidates / sizeof *candidates, MOST_ESTIMATED = 256 };

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
    if (call->group < 2 || call->size % call->group != 0)
        passed.sites = NULL;
    return passed;
}

/* What a site's links carry at a step, and the slowest message of the step. */
struct traffic {
    double out[MOST_ESTIMATED], in[MOST_ESTIMATED], slowest;
};

static void
add_message(const struct sm_collective_call *call, size_t from, size_t to, double bytes,
            struct traffic *traffic)
{
    const size_t source = from / call->group, target = to / call->group;
    const struct sm_collective_network *network =
        source == target ? &call->sites->near : &call->sites->far;
    traffic->slowest = fmax(traffic->slowest, network->latency + bytes / network->bandwidth);
    if (source != target) {
        traffic->out[source] += bytes;
        traffic->in[target] += bytes;
    }
}

/* Seconds of a step: the message that is slowest by itself, or the site whose links are fullest. */
static double
step_seconds(const struct sm_collective *collective, const struct sm_collective_call *call,
             size_t chunks, size_t index)
{
    const struct sm_collective_sites *sites = call->sites;
    struct traffic traffic;
    memset(&traffic, 0, sizeof traffic);
    for (size_t rank = 0; rank < call->size; rank++) {
        struct sm_collective_step step;
        collective->step(call, rank, index, &step);
        const double bytes = sm_collective_sent(call, chunks, &step);
        if (bytes > 0)
            add_message(call, rank, step.send_to, bytes, &traffic);
    }
    for (size_t site = 0; sites->trunk > 0 && site < call->size / call->group; site++) {
        const double bytes = fmax(traffic.out[site], traffic.in[site]);
        if (bytes > 0)
            traffic.slowest = fmax(traffic.slowest, sites->far.latency + bytes / sites->trunk);
    }
    return traffic.slowest;
}

static double
estimate(const struct sm_collective *collective, const struct sm_collective_call *call)
{
    if (call->sites == NULL)
        return collective->seconds(call, call->latency, call->bandwidth);
    const size_t steps = collective->steps(call), chunks = collective->chunks(call);
    double seconds = 0;
    for (size_t i = 0; i < steps; i++)
        seconds += step_seconds(collective, call, chunks, i);
    return seconds;
}

const struct sm_collective *
sm_collective_choose(const struct sm_collective_call *call)
{
    const struct sm_collective_call passed = passed_on(call);
    const bool grouped = call->group > 1 && call->size % call->group == 0;
    const struct sm_collective *best = NULL;
    double least = 0;
    if (passed.sites != NULL && call->size > MOST_ESTIMATED)
        return &sm_collective_hierarchical;
    for (size_t i = 0; i < CANDIDATES; i++) {
        if (candidates[i] == &sm_collective_hierarchical && !grouped)
            continue;
        double seconds = estimate(candidates[i], &passed);
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
    struct sm_collective_call known = *call; /* a homogeneous network has no sites */
    known.sites = NULL;
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
                   "halving_doubling, recursive_doubling, binomial_tree and double_binary_tree on "
                   "the slowest route between neighbouring workers",
    .chunks = auto_chunks,
    .steps = auto_steps,
    .step = auto_step,
    .seconds = auto_seconds,
};
