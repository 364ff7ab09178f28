/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/collective/hierarchical.c -- all-reduce in groups of g neighbours: inside each a ring
 * reduce-scatter, between them an all-reduce of each shard among the ranks that own it, inside each
 * a ring all-gather.
 *
 * A rank sends 1/g of the bytes out of its group instead of all, over links that are slow where
 * groups are sites; and g-1 and m/g-1 steps are fewer than m-1.
 * Source: Mikami et al., arXiv:1811.05233 (2-D torus), section 3.2.
 */
#include <string.h>

#include "sim/collective/collective.h"

struct hierarchical {
    size_t group;
    const char *between;
};

static const struct sm_param hierarchical_params[] = {
    SM_PARAM(struct hierarchical, group, 0, 0, 1e6,
             "ranks of a group, one after the other; 0: the platform's sites"),
    SM_PARAM_CHOICE(struct hierarchical, between, "ring", "ring|halving_doubling",
                    "all-reduce between the groups"),
    SM_PARAM_END,
};

static size_t
group_of(const struct sm_collective_call *call)
{
    const struct hierarchical *settings = call->settings;
    size_t group = settings != NULL && settings->group > 0 ? settings->group : call->group;
    return group > 0 ? group : 1;
}

static const struct sm_collective *
between_of(const struct sm_collective_call *call)
{
    const struct hierarchical *settings = call->settings;
    const bool ring = settings == NULL || strcmp(settings->between, "ring") == 0;
    return ring ? &sm_collective_ring : &sm_collective_halving_doubling;
}

/* What is done inside a group, and between them on the longest shard. */
static struct sm_collective_call
inside_call(const struct sm_collective_call *call)
{
    return (struct sm_collective_call){.size = group_of(call)};
}

static struct sm_collective_call
between_call(const struct sm_collective_call *call)
{
    return (struct sm_collective_call){.size = call->size / group_of(call)};
}

/* Chunks of a shard. */
static size_t
shard_chunks(const struct sm_collective_call *call)
{
    const struct sm_collective_call between = between_call(call);
    return between_of(call)->chunks(&between);
}

static size_t
hierarchical_chunks(const struct sm_collective_call *call)
{
    return group_of(call) * shard_chunks(call);
}

static size_t
between_steps(const struct sm_collective_call *call)
{
    const struct sm_collective_call between = between_call(call);
    return between_of(call)->steps(&between);
}

static size_t
hierarchical_steps(const struct sm_collective_call *call)
{
    return 2 * (group_of(call) - 1) + between_steps(call);
}

static void
inside_step(const struct sm_collective_call *call, const struct sm_collective *collective,
            size_t rank, size_t step, struct sm_collective_step *out)
{
    const struct sm_collective_call inside = inside_call(call);
    const size_t first = rank / inside.size * inside.size, chunks = shard_chunks(call);
    collective->step(&inside, rank - first, step, out);
    out->send_to += first;
    out->receive_from += first;
    out->send_first *= chunks;
    out->send_count *= chunks;
    out->receive_first *= chunks;
    out->receive_count *= chunks;
}

static size_t
in_group(size_t group_index, size_t group, size_t place)
{
    return group_index == SM_NO_RANK ? SM_NO_RANK : group_index * group + place;
}

static void
between_step(const struct sm_collective_call *call, size_t rank, size_t step,
             struct sm_collective_step *out)
{
    const struct sm_collective_call between = between_call(call);
    const size_t group = group_of(call), place = rank % group;
    /* of which the rank has the sum: see ring.c */
    const size_t shard = (place + 1) % group * shard_chunks(call);
    between_of(call)->step(&between, rank / group, step, out);
    out->send_to = in_group(out->send_to, group, place);
    out->receive_from = in_group(out->receive_from, group, place);
    out->send_first += shard;
    out->receive_first += shard;
}

static void
hierarchical_step(const struct sm_collective_call *call, size_t rank, size_t step,
                  struct sm_collective_step *out)
{
    const size_t scatter = group_of(call) - 1, middle = between_steps(call);
    if (step < scatter)
        inside_step(call, &sm_collective_ring_reduce_scatter, rank, step, out);
    else if (step < scatter + middle)
        between_step(call, rank, step - scatter, out);
    else
        inside_step(call, &sm_collective_ring_all_gather, rank, step - scatter - middle, out);
}

/* The first shard is the longest, and so are its first chunks. */
static double
hierarchical_seconds(const struct sm_collective_call *call, double latency, double bandwidth)
{
    if (call->bytes == 0)
        return 0;
    struct sm_collective_call between = between_call(call);
    between.bytes =
        sm_collective_bytes(call->bytes, hierarchical_chunks(call), 0, shard_chunks(call));
    return 2 * (double)(group_of(call) - 1) * (latency + between.bytes / bandwidth) +
           between_of(call)->seconds(&between, latency, bandwidth);
}

static enum sm_status
hierarchical_check(const struct sm_collective_call *call)
{
    const struct hierarchical *settings = call->settings;
    const bool given = settings != NULL && settings->group > 0;
    if (!given && call->group == 0)
        return SM_FAIL(
            SM_ERR_INPUT,
            "algorithm.collective: hierarchical: the platform's workers are not in sites "
            "of one size, one after the other; give it a group");
    if (call->size % group_of(call) == 0)
        return SM_OK;
    return SM_FAIL(SM_ERR_INPUT,
                   "algorithm.collective%s: hierarchical: groups of %zu, expected a divisor of the "
                   "%zu workers",
                   given ? ".group" : "", group_of(call), call->size);
}

const struct sm_collective sm_collective_hierarchical = {
    .about = {.name = "hierarchical",
              .doc = "reduce-scatter in groups, all-reduce between them, all-gather in groups",
              .source = "Mikami et al., arXiv:1811.05233, section 3.2",
              .state_size = sizeof(struct hierarchical),
              .params = hierarchical_params},
    .operation = SM_ALL_REDUCE,
    .closed_form =
        "2 (g-1) (latency + ceil(bytes/g) / bandwidth) + that of `between` for m/g ranks "
        "and bytes/g, groups of g",
    .chunks = hierarchical_chunks,
    .steps = hierarchical_steps,
    .step = hierarchical_step,
    .seconds = hierarchical_seconds,
    .check = hierarchical_check,
};
