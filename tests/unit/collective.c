/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/collective.c -- schedules are checked symbolically, and so is the checker; the plan
 * of the fluid ring. */
#include "tests/helpers/check.h"
#include "tests/helpers/machine.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/rng.h"
#include "sim/collective/collective.h"
#include "sim/collective/fluid.h"

/* The settings of hierarchical.c, in its order. */
struct hierarchical {
    size_t group;
    const char *between;
};

/* Calls `what` for the collective on this size: with several roots, groups and segments where it
 * has such settings. */
static void
for_each_setting(const struct sm_collective *collective, size_t size,
                 void (*what)(const struct sm_collective *, const struct sm_collective_call *))
{
    struct sm_collective_call call = {
        .size = size, .bytes = 1e6, .latency = 1e-5, .bandwidth = 1e9};
    if (collective == &sm_collective_hierarchical) {
        for (call.group = 1; call.group <= size; call.group++) {
            if (size % call.group != 0)
                continue;
            const struct hierarchical between = {0, "halving_doubling"};
            call.settings = NULL;
            what(collective, &call);
            call.settings = &between;
            what(collective, &call);
        }
    } else if (collective->about.params == sm_collective_rooted_params) {
        const size_t roots[] = {0, 1, size / 2, size - 1};
        for (size_t i = 0; i < 4; i++) {
            const struct sm_collective_rooted settings = {roots[i] < size ? roots[i] : 0};
            call.settings = &settings;
            what(collective, &call);
        }
    } else if (collective == &sm_collective_double_binary_tree) {
        const size_t segments[] = {0, 1, 2, 3, 7};
        for (size_t i = 0; i < 5; i++) {
            call.settings = &segments[i];
            what(collective, &call);
        }
    } else {
        what(collective, &call);
    }
}

static void
check_symbolically(const struct sm_collective *collective, const struct sm_collective_call *call)
{
    check_ok(sm_collective_check(collective, call));
}

static const struct sm_collective *
collective_at(size_t i)
{
    return (const struct sm_collective *)sm_axis_collective.plugins[i];
}

static void
every_collective_keeps_its_promise_with_every_part_exactly_once(void **state)
{
    (void)state;
    for (size_t i = 0; sm_axis_collective.plugins[i] != NULL; i++) {
        for (size_t size = 1; size <= 70; size++)
            for_each_setting(collective_at(i), size, check_symbolically);
        const size_t more[] = {100, 127, 128, 257};
        for (size_t s = 0; s < 4; s++)
            for_each_setting(collective_at(i), more[s], check_symbolically);
    }
}

/* With trees of one chunk 1024 ranks are few words; a ring of them is a thousand times as many. */
static void
every_collective_of_few_chunks_keeps_it_for_a_thousand_ranks(void **state)
{
    (void)state;
    for (size_t i = 0; sm_axis_collective.plugins[i] != NULL; i++) {
        const size_t sizes[] = {1000, 1023, 1024};
        for (size_t s = 0; s < 3; s++) {
            const struct sm_collective_call call = {.size = sizes[s]};
            if (collective_at(i)->chunks(&call) <= 64)
                check_ok(sm_collective_check(collective_at(i), &call));
        }
    }
    check_ok(sm_collective_check(&sm_collective_ring, &(struct sm_collective_call){.size = 512}));
}

static void
no_rank_is_above_others_in_both_trees_and_none_sends_or_receives_twice_at_a_step(void **state)
{
    (void)state;
    for (size_t size = 2; size <= 600; size++) {
        const struct sm_collective_call call = {.size = size};
        const size_t half = sm_collective_double_binary_tree.steps(&call) / 2;
        size_t messages = 0;
        for (size_t rank = 0; rank < size; rank++) {
            bool above[2] = {false, false};
            for (size_t i = half; i < 2 * half; i++) {
                struct sm_collective_step step;
                sm_collective_double_binary_tree.step(&call, rank, i, &step);
                if (step.send_to != SM_NO_RANK)
                    above[step.send_first] = true;
                messages += step.send_to != SM_NO_RANK;
            }
            assert_false(above[0] && above[1]);
        }
        assert_int_equal(messages, 2 * (size - 1)); /* each edge of both trees: none was lost to
                                                       another at the same step */
    }
}

static void
steps_of_collectives_that_claim_the_same_edges_use_them(void **state)
{
    (void)state;
    for (size_t c = 0; sm_axis_collective.plugins[c] != NULL; c++) {
        const struct sm_collective *collective = collective_at(c);
        for (size_t size = 2; collective->same_edges && size <= 20; size++) {
            const struct sm_collective_call call = {.size = size};
            for (size_t rank = 0; rank < size; rank++)
                for (size_t i = 0; i < collective->steps(&call); i++) {
                    struct sm_collective_step step;
                    collective->step(&call, rank, i, &step);
                    assert_int_equal(step.send_to, (rank + 1) % size);
                    assert_int_equal(step.receive_from, (rank + size - 1) % size);
                }
        }
    }
}

/* ---- closed forms: the same steps with a clock, each message alone on its links ---- */

/* When the last rank is done: a message goes when both ranks are at its step, and takes latency +
 * bytes / bandwidth; a rank goes on when all of its step has arrived. */
static double
stepwise(const struct sm_collective *collective, const struct sm_collective_call *call)
{
    const size_t size = call->size, chunks = collective->chunks(call);
    double *at = calloc(2 * size, sizeof *at), *next = at + size, last = 0;
    assert_non_null(at);
    for (size_t i = 0; i < collective->steps(call); i++) {
        memcpy(next, at, size * sizeof *at);
        for (size_t rank = 0; rank < size; rank++) {
            struct sm_collective_step step;
            collective->step(call, rank, i, &step);
            double bytes = sm_collective_sent(call, chunks, &step);
            if (!(bytes > 0))
                continue;
            double end = fmax(at[rank], at[step.send_to]) + call->latency + bytes / call->bandwidth;
            next[rank] = fmax(next[rank], end);
            next[step.send_to] = fmax(next[step.send_to], end);
        }
        memcpy(at, next, size * sizeof *at);
    }
    for (size_t rank = 0; rank < size; rank++)
        last = fmax(last, at[rank]);
    free(at);
    return last;
}

static void
check_seconds(const struct sm_collective *collective, const struct sm_collective_call *like)
{
    struct sm_collective_call call = *like;
    const double sizes[] = {0, 1, 1000, 1e6, 5e6 + 1, 102228128};
    if (collective->about.params == sm_collective_rooted_params && call.size > 2) {
        struct sm_collective_step first;
        collective->step(&call, sm_collective_root(&call), 0, &first);
        if (first.open)
            return; /* messages share a link: see tests/property/collective_seconds.c */
    }
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        call.bytes = sizes[i];
        double expected = collective->seconds(&call, call.latency, call.bandwidth);
        double seconds = stepwise(collective, &call);
        /* of segments of unequal length, a byte a step */
        double steps = (double)collective->steps(&call), chunks = (double)collective->chunks(&call);
        bool unequal = collective == &sm_collective_double_binary_tree ||
                       (collective == &sm_collective_auto &&
                        sm_collective_choose(&call) == &sm_collective_double_binary_tree);
        if (unequal && call.bytes < chunks)
            assert_true(seconds <= expected * (1 + 1e-12));
        else if (unequal && fmod(call.bytes, chunks) > 0)
            assert_true(seconds <= expected * (1 + 1e-12) &&
                        seconds >= expected - steps / call.bandwidth);
        else
            check_near(seconds, expected, 1e-12 * expected);
