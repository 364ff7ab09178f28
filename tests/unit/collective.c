/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/collective.c -- schedules are checked symbolically, and so is the checker; the plan
 * of the fluid ring. */
#include "tests/helpers/check.h"

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
    }
}

static void
closed_forms_are_the_seconds_of_the_steps(void **state)
{
    (void)state;
    for (size_t i = 0; sm_axis_collective.plugins[i] != NULL; i++) {
        for (size_t size = 1; size <= 70; size++)
            for_each_setting(collective_at(i), size, check_seconds);
        for_each_setting(collective_at(i), 127, check_seconds);
        for_each_setting(collective_at(i), 200, check_seconds);
    }
}

static void
check_sent(const struct sm_collective *collective, const struct sm_collective_call *like)
{
    struct sm_collective_call call = *like;
    const double sizes[] = {0, 1, 1000, 102228127};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        call.bytes = sizes[i];
        for (size_t rank = 0; rank < call.size; rank++) {
            double sent = 0;
            for (size_t s = 0; s < collective->steps(&call); s++) {
                struct sm_collective_step step;
                collective->step(&call, rank, s, &step);
                sent += sm_collective_sent(&call, collective->chunks(&call), &step);
            }
            check_near(sm_collective_sent_in_all(collective, &call, rank), sent, 0);
        }
    }
}

static void
what_a_rank_sends_in_all_is_the_sum_of_its_steps(void **state)
{
    (void)state;
    for (size_t i = 0; sm_axis_collective.plugins[i] != NULL; i++)
        for (size_t size = 1; size <= 19; size++)
            for_each_setting(collective_at(i), size, check_sent);
    for (size_t size = 1; size <= 19; size++) {
        for_each_setting(&sm_collective_ring_reduce_scatter, size, check_sent);
        for_each_setting(&sm_collective_ring_all_gather, size, check_sent);
    }
}

/* ---- schedules with one mistake each: a ring of five whose rank 2 errs at step 3 ---- */

enum { SIZE = 5, ERRS = 2, AT = 3 };

static void (*mistake)(struct sm_collective_step *step);

static void
broken_step(const struct sm_collective_call *call, size_t rank, size_t step,
            struct sm_collective_step *out)
{
    sm_collective_ring.step(call, rank, step, out);
    if (rank == ERRS && step == AT)
        mistake(out);
}

static enum sm_status
check_broken(void (*how)(struct sm_collective_step *step))
{
    struct sm_collective broken = sm_collective_ring;
    broken.step = broken_step;
    mistake = how;
    return sm_collective_check(&broken, &(struct sm_collective_call){.size = SIZE});
}

static void
sends_another_chunk(struct sm_collective_step *step)
{
    step->send_first = (step->send_first + 1) % SIZE;
}

static void
sends_two_chunks(struct sm_collective_step *step)
{
    step->send_first = 0;
    step->send_count = 2;
}

static void
copies_what_it_should_add(struct sm_collective_step *step)
{
    step->combine = false;
}

static void
receives_nothing(struct sm_collective_step *step)
{
    step->receive_from = SM_NO_RANK;
}

static void
sends_nothing(struct sm_collective_step *step)
{
    step->send_to = SM_NO_RANK;
}

static void
sends_to_itself(struct sm_collective_step *step)
{
    step->send_to = ERRS;
}

static void
sends_to_a_stranger(struct sm_collective_step *step)
{
    step->send_to = SIZE;
}

static void
sends_past_the_end(struct sm_collective_step *step)
{
    step->send_first = SIZE - 1;
    step->send_count = 2;
}

static void
waits_for_another(struct sm_collective_step *step)
{
    step->receive_from = (ERRS + 1) % SIZE;
}

static void
receives_from_a_stranger(struct sm_collective_step *step)
{
    step->receive_from = SIZE;
}

static void
opens(struct sm_collective_step *step)
{
    step->open = true;
}

static void
changes_nothing(struct sm_collective_step *step)
{
    (void)step;
}

static void
a_wrong_schedule_is_caught_and_the_message_says_where(void **state)
{
    (void)state;
    check_ok(check_broken(changes_nothing));
    check_fails(check_broken(sends_another_chunk), SM_ERR_DOMAIN,
                "ring of 5 ranks: rank 3 step 3 expects chunks 4+1 of 2, got 0+1");
    check_fails(check_broken(sends_two_chunks), SM_ERR_DOMAIN,
                "rank 3 step 3 expects chunks 4+1 of 2, got 0+2");
    check_fails(check_broken(copies_what_it_should_add), SM_ERR_DOMAIN,
                "ends without rank 2's part of chunk 3");
    check_fails(check_broken(receives_nothing), SM_ERR_DOMAIN,
                "rank 1 step 3 sends to 2, which does not receive it");
    check_fails(check_broken(sends_nothing), SM_ERR_DOMAIN, "rank 3 step 3 waits for ever for 2");
    check_fails(check_broken(sends_to_itself), SM_ERR_DOMAIN,
                "rank 2 step 3 sends chunks 4+1 to 2");
    check_fails(check_broken(sends_to_a_stranger), SM_ERR_DOMAIN,
                "rank 2 step 3 sends chunks 4+1 to 5");
    check_fails(check_broken(sends_past_the_end), SM_ERR_DOMAIN,
                "rank 2 step 3 sends chunks 4+2 to 3");
    check_fails(check_broken(waits_for_another), SM_ERR_DOMAIN,
                "rank 1 step 3 sends to 2, which does not receive it");
    check_fails(check_broken(receives_from_a_stranger), SM_ERR_DOMAIN,
                "rank 1 step 3 sends to 2, which does not receive it");
    check_fails(check_broken(opens), SM_ERR_DOMAIN, "rank 2 step 4 sends while open steps wait");
}

/* ---- two ranks that send each other all they have, with mistakes of their own ---- */

static size_t
one_chunk(const struct sm_collective_call *call)
{
    (void)call;
    return 1;
}

static size_t
two_steps(const struct sm_collective_call *call)
{
    (void)call;
    return 2;
}

static void
exchange_step(size_t rank, struct sm_collective_step *out)
{
    *out = (struct sm_collective_step){.send_to = 1 - rank,
                                       .receive_from = 1 - rank,
                                       .send_count = 1,
                                       .receive_count = 1,
                                       .combine = true};
}

static const struct sm_collective_step nothing = {.send_to = SM_NO_RANK,
                                                  .receive_from = SM_NO_RANK};

static void
exchange_once(const struct sm_collective_call *call, size_t rank, size_t step,
              struct sm_collective_step *out)
{
    (void)call;
    if (step == 0)
        exchange_step(rank, out);
    else
        *out = nothing;
}

static void
exchange_twice(const struct sm_collective_call *call, size_t rank, size_t step,
               struct sm_collective_step *out)
{
    (void)call;
    (void)step;
    exchange_step(rank, out);
}

static void
send_once_too_often(const struct sm_collective_call *call, size_t rank, size_t step,
                    struct sm_collective_step *out)
{
    exchange_twice(call, rank, step, out);
    if (step == 1 && rank == 0)
        out->receive_from = SM_NO_RANK;
    if (step == 1 && rank == 1)
        *out = nothing;
}

static void
exchange_for_ever(const struct sm_collective_call *call, size_t rank, size_t step,
                  struct sm_collective_step *out)
{
    *out = nothing;
    if (step == 1)
        exchange_once(call, rank, 0, out);
    out->open = step == 1;
}

static void
never_exchange(const struct sm_collective_call *call, size_t rank, size_t step,
               struct sm_collective_step *out)
{
    (void)call;
    (void)rank;
    (void)step;
    *out = nothing;
}

static enum sm_status
check_pair(void (*step)(const struct sm_collective_call *, size_t, size_t,
                        struct sm_collective_step *))
{
    const struct sm_collective pair = {
        .about = {.name = "pair"}, .chunks = one_chunk, .steps = two_steps, .step = step};
    return sm_collective_check(&pair, &(struct sm_collective_call){.size = 2});
}

static void
a_part_added_twice_and_a_message_nobody_takes_are_caught(void **state)
{
    (void)state;
    check_ok(check_pair(exchange_once));
    check_fails(check_pair(exchange_twice), SM_ERR_DOMAIN,
                "pair of 2 ranks: rank 0 step 1 adds a contribution to chunk 0 twice");
    check_fails(check_pair(send_once_too_often), SM_ERR_DOMAIN,
                "rank 0 step 1 sends to 1, which does not receive it");
    check_fails(check_pair(exchange_for_ever), SM_ERR_DOMAIN, "rank 0 ends with open steps");
    check_fails(check_pair(never_exchange), SM_ERR_DOMAIN,
                "rank 0 ends without rank 1's part of chunk 0");
}

/* ---- bytes ---- */

static void
check_parts(double bytes, size_t chunks)
{
    double sum = 0, least = (double)INFINITY, most = 0;
    for (size_t i = 0; i < chunks; i++) {
        double part = sm_collective_bytes(bytes, chunks, i, 1);
        assert_true(part == floor(part)); /* NaN is not */
        sum += part;
        least = fmin(least, part);
        most = fmax(most, part);
    }
    check_near(sum, bytes, 0);
    check_near(most - least, fmod(bytes, (double)chunks) > 0 ? 1 : 0, 0);
    check_near(most, ceil(bytes / (double)chunks), 0);
    check_near(sm_collective_bytes(bytes, chunks, 0, chunks), bytes, 0);
    size_t half = chunks / 2;
    check_near(sm_collective_bytes(bytes, chunks, 0, half) +
                   sm_collective_bytes(bytes, chunks, half, chunks - half),
               bytes, 0);
}

static void
parts_are_whole_bytes_add_up_and_differ_by_at_most_one(void **state)
{
    (void)state;
    for (size_t chunks = 1; chunks <= 70; chunks++) {
        for (double bytes = 0; bytes < 300; bytes++)
            check_parts(bytes, chunks);
        check_parts(102228128, chunks);        /* ResNet-50 */
        check_parts(44695848 + 3, chunks);     /* ResNet-18 and a bit */
        check_parts(9007199254740991, chunks); /* 2^53 - 1 */
    }
    check_parts(1e12 + 7, 512);
}

/* ---- auto ---- */

static const struct sm_collective *
chosen(size_t size, size_t group, double bytes, double latency)
{
    return sm_collective_choose(&(struct sm_collective_call){
        .size = size, .group = group, .bytes = bytes, .latency = latency, .bandwidth = 1.25e9});
}

static void
auto_takes_what_is_cheapest_and_crosses_over_as_bytes_grow(void **state)
{
    (void)state;
    /* a power of two: few steps for small vectors, then the fewest bytes in twice as many */
    assert_ptr_equal(chosen(32, 0, 100, 20e-6), &sm_collective_recursive_doubling);
    assert_ptr_equal(chosen(32, 0, 1e8, 20e-6), &sm_collective_halving_doubling);
    /* else folding costs 2 bytes / bandwidth: small messages take it, large ones do not */
    assert_ptr_equal(chosen(24, 0, 100, 20e-6), &sm_collective_recursive_doubling);
    assert_ptr_equal(chosen(24, 0, 1e8, 20e-6), &sm_collective_ring);
    /* between them, and on many ranks, a pipeline through two trees */
    assert_ptr_equal(chosen(1000, 0, 1e7, 20e-6), &sm_collective_double_binary_tree);
    assert_ptr_equal(chosen(1000, 0, 1e10, 20e-6), &sm_collective_ring);
    /* groups have fewer steps than one ring, and no more bytes */
    assert_ptr_equal(chosen(24, 6, 1e8, 20e-6), &sm_collective_hierarchical);
    assert_ptr_equal(chosen(24, 7, 1e8, 20e-6), &sm_collective_ring);
    /* of equal ones the first; where the network is not known, that of 10 Gbit/s */
    assert_ptr_equal(chosen(1, 0, 1e8, 20e-6), &sm_collective_ring);
    assert_ptr_equal(sm_collective_choose(&(struct sm_collective_call){.size = 24, .bytes = 1e8}),
                     &sm_collective_ring);
    /* one after the other as bytes grow, and never back */
    size_t changes = 0;
    for (double bytes = 1; bytes < 1e12; bytes *= 1.3)
        changes += chosen(24, 0, bytes, 20e-6) != chosen(24, 0, 1.3 * bytes, 20e-6);
    print_message("24 ranks, 1 B .. 1 TB: %zu crossings\n", changes);
    assert_in_range(changes, 1, 3);
}

static void
auto_sends_little_from_site_to_site(void **state)
{
    (void)state;
    /* four sites of eight: 10 Gbit/s inside, 10 ms and 1 Gbit/s for all of a site to the others */
    const struct sm_collective_sites sites = {{20e-6, 1.25e9}, {10e-3, 1.25e8}, 1.25e8};
    struct sm_collective_call call = {.size = 32,
                                      .group = 8,
                                      .bytes = 1e8,
                                      .latency = 10e-3,
                                      .bandwidth = 1.25e8,
                                      .sites = &sites};
    assert_ptr_equal(sm_collective_choose(&call), &sm_collective_hierarchical);
    call.bytes = 100; /* two steps between sites, of all ranks at once */
    assert_ptr_equal(sm_collective_choose(&call), &sm_collective_recursive_doubling);
    call.bytes = 3e5; /* which then share the trunk: four steps of one rank each */
    assert_ptr_equal(sm_collective_choose(&call), &sm_collective_binomial_tree);
    call.size = 512; /* too many to sum */
    call.bytes = 1e8;
    assert_ptr_equal(sm_collective_choose(&call), &sm_collective_hierarchical);
    call.size = 30; /* no sites of eight: one network */
    assert_ptr_equal(sm_collective_choose(&call), &sm_collective_ring);
}

static void
auto_is_never_slower_than_any_it_may_choose(void **state)
{
    (void)state;
    const struct sm_collective *const others[] = {
        &sm_collective_ring, &sm_collective_halving_doubling, &sm_collective_recursive_doubling,
        &sm_collective_binomial_tree, &sm_collective_double_binary_tree};
    for (size_t size = 1; size <= 300; size++)
        for (double bytes = 1; bytes < 1e11; bytes *= 9) {
            const struct sm_collective_call call = {.size = size, .bytes = bytes};
            double least = sm_collective_auto.seconds(&call, 5e-6, 1e10);
            for (size_t i = 0; i < sizeof others / sizeof *others; i++)
                assert_true(least <= others[i]->seconds(&call, 5e-6, 1e10) * (1 + 1e-8));
        }
}

static void
segments_are_as_many_as_the_closed_form_is_least_with(void **state)
{
    (void)state;
    for (size_t size = 2; size <= 40; size++)
        for (double bytes = 100; bytes < 1e9; bytes *= 13) {
            struct sm_collective_call call = {
                .size = size, .bytes = bytes, .latency = 2e-5, .bandwidth = 1e9};
            double best = sm_collective_double_binary_tree.seconds(&call, 2e-5, 1e9);
            for (size_t segments = 1; segments <= 600; segments++) {
                call.settings = &segments;
                double seconds = sm_collective_double_binary_tree.seconds(&call, 2e-5, 1e9);
                assert_true(best <= seconds * (1 + 1e-6)); /* whole bytes */
            }
        }
}

static void
only_all_reduces_that_can_be_done_may_be_chosen(void **state)
{
    (void)state;
    const struct sm_collective_call twelve = {.size = 12}, sites = {.size = 12, .group = 4},
                                    uneven = {.size = 12, .group = 5};
    check_ok(sm_collective_usable(&sm_collective_ring, &twelve));
    check_ok(sm_collective_usable(&sm_collective_hierarchical, &sites));
    check_fails(sm_collective_usable(&sm_collective_hierarchical, &twelve), SM_ERR_INPUT,
                "give it a group");
    check_fails(sm_collective_usable(&sm_collective_hierarchical, &uneven), SM_ERR_INPUT,
                "groups of 5, expected a divisor of the 12 workers");
    const struct hierarchical eight = {8, "ring"};
    const struct sm_collective_call given = {.size = 12, .group = 4, .settings = &eight};
    check_fails(sm_collective_usable(&sm_collective_hierarchical, &given), SM_ERR_INPUT,
                "algorithm.collective.group: hierarchical: groups of 8, expected a divisor");
    const struct sm_collective_rooted twelfth = {12};
    const struct sm_collective_call rooted = {.size = 12, .settings = &twelfth};
    check_fails(sm_collective_usable(&sm_collective_parameter_server, &rooted), SM_ERR_INPUT,
                "algorithm.collective.root: 12, expected a rank below 12");
    check_fails(sm_collective_usable(&sm_collective_binomial_reduce, &twelve), SM_ERR_INPUT,
                "algorithm.collective: binomial_reduce is no all-reduce but a reduce; expected "
                "ring, halving_doubling, recursive_doubling, binomial_tree, double_binary_tree, "
                "hierarchical, parameter_server");
}

static double
ring_seconds(size_t size, double bytes)
{
    const struct sm_collective_call call = {.size = size, .bytes = bytes};
    return sm_collective_ring.seconds(&call, 1e-5, 1e9);
}

static void
the_closed_form_of_a_ring_is_its_formula(void **state)
{
    (void)state;
    check_relative(ring_seconds(2, 1e6), 2 * (1e-5 + 5e-4), 1e-15);
    check_relative(ring_seconds(3, 1e6), 4 * (1e-5 + 333334e-9), 1e-15);
    check_near(ring_seconds(1, 1e6), 0, 0);
}

/* ---- the plan of the fluid ring ---- */

static void
a_plan_by_hand_counts_what_was_through_and_who_waits(void **state)
{
    (void)state;
    /* Two ranks, two steps; rank 1 arrives at 10, rank 0 at 0. Edge 1->0 takes 2, edge 0->1 takes
     * 3. A rank's message starts when both ends are ready, so nothing moves before 10:
     * R(0,0) = 12, R(1,0) = 13, R(0,1) = 13 + 2 = 15, R(1,1) = 13 + 3 = 16. */
    struct sm_fluid_edge two[2] = {{.arrival = 0, .message = 2}, {.arrival = 10, .message = 3}};
    double work[9];
    sm_fluid_plan(2, 2, two, work);
    check_near(two[0].remaining, 2, 0);
    check_near(two[0].pause, 1, 0); /* 15 - 10 - 2 * 2 */
    check_near(two[1].remaining, 2, 0);
    check_near(two[1].pause, 0, 0);

    /* Three ranks, four steps, messages of 1; rank 2 arrives at 1.5. Edge 0->1 begins at 0, is
     * through with its first message at 1; its next must wait for what comes from 2 over 0. */
    struct sm_fluid_edge three[3] = {{0, 1, 0, 0}, {0, 1, 0, 0}, {1.5, 1, 0, 0}};
    sm_fluid_plan(3, 4, three, work);
    check_near(three[0].remaining, 4, 0);
    check_near(three[1].remaining, 3, 0); /* R(1,1) = max(1, R(0,0) = 2.5) + 1 */
    check_near(three[2].remaining, 4, 0);
    check_near(three[0].pause, 0, 0); /* R(0,3) = 5.5 */
    check_near(three[1].pause, 1, 0); /* R(1,3) = 5.5 too, with three messages left at 1.5 */
    check_near(three[2].pause, 0, 0);

    /* a message half through counts as half */
    struct sm_fluid_edge half[3] = {{0, 1, 0, 0}, {0.75, 1, 0, 0}, {1.25, 1, 0, 0}};
    sm_fluid_plan(3, 4, half, work);
    check_near(half[1].remaining, 3.5, 1e-15);
}

/* The recurrence of fluid.h, word for word. */
static double
recurrence(size_t size, size_t steps, const struct sm_fluid_edge *edges, size_t rank)
{
    double there[64], before[64];
    for (size_t r = 0; r < size; r++)
        there[r] = edges[r].arrival;
    for (size_t j = 0; j < steps; j++) {
        memcpy(before, there, sizeof there);
        for (size_t r = 0; r < size; r++)
            there[r] = fmax(before[r], before[(r + size - 1) % size]) + edges[r].message;
    }
    return there[rank];
}

static void
an_edge_is_through_when_the_recurrence_says_so(void **state)
{
    (void)state;
    struct sm_arena arena = {0};
    struct sm_rng *rng = sm_rng_create(&arena, 1, SM_RNG_TEST, 0);
    assert_non_null(rng);
    for (size_t trial = 0; trial < 2000; trial++) {
        struct sm_fluid_edge edges[64] = {0};
        double work[3 * 64], last = 0;
        size_t size = 2 + trial % 63, steps = 2 * (size - 1);
        bool alike = trial % 3 == 0;
        double spread = (trial % 7 == 0 ? 0.1 : 2.0 * (double)steps) * sm_rng_uniform(rng);
        for (size_t r = 0; r < size; r++) {
            edges[r].message = alike ? 1 : 0.2 + sm_rng_uniform(rng);
            edges[r].arrival = spread * sm_rng_uniform(rng);
            last = fmax(last, edges[r].arrival);
        }
        sm_fluid_plan(size, steps, edges, work);
        for (size_t r = 0; r < size; r++) {
            assert_true(edges[r].remaining >= 0 && edges[r].remaining <= (double)steps);
            assert_true(edges[r].pause >= 0);
            double end = last + edges[r].remaining * edges[r].message + edges[r].pause;
            double expected = recurrence(size, steps, edges, r);
            check_near(end, fmax(expected, last), 1e-9);
        }
    }
    sm_arena_fini(&arena);
}

static void
ranks_that_arrive_at_once_need_no_pauses_and_the_slowest_edge_ends_on_time(void **state)
{
    (void)state;
    struct sm_fluid_edge edges[5] = {
        {7, 1, 0, 0}, {7, 4, 0, 0}, {7, 2, 0, 0}, {7, 1, 0, 0}, {7, 1, 0, 0}};
    double work[15];
    sm_fluid_plan(5, 8, edges, work);
    for (size_t r = 0; r < 5; r++) {
        check_near(edges[r].remaining, 8, 0);
        check_near(edges[r].pause, 0, 0);
        assert_true(recurrence(5, 8, edges, r) <= 7 + 8 * 4);
    }
    check_near(recurrence(5, 8, edges, 1), 7 + 8 * 4, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_collective_keeps_its_promise_with_every_part_exactly_once),
        cmocka_unit_test(every_collective_of_few_chunks_keeps_it_for_a_thousand_ranks),
        cmocka_unit_test(
            no_rank_is_above_others_in_both_trees_and_none_sends_or_receives_twice_at_a_step),
        cmocka_unit_test(closed_forms_are_the_seconds_of_the_steps),
        cmocka_unit_test(what_a_rank_sends_in_all_is_the_sum_of_its_steps),
        cmocka_unit_test(steps_of_collectives_that_claim_the_same_edges_use_them),
        cmocka_unit_test(a_wrong_schedule_is_caught_and_the_message_says_where),
        cmocka_unit_test(a_part_added_twice_and_a_message_nobody_takes_are_caught),
        cmocka_unit_test(parts_are_whole_bytes_add_up_and_differ_by_at_most_one),
        cmocka_unit_test(auto_takes_what_is_cheapest_and_crosses_over_as_bytes_grow),
        cmocka_unit_test(auto_sends_little_from_site_to_site),
        cmocka_unit_test(auto_is_never_slower_than_any_it_may_choose),
        cmocka_unit_test(segments_are_as_many_as_the_closed_form_is_least_with),
        cmocka_unit_test(only_all_reduces_that_can_be_done_may_be_chosen),
        cmocka_unit_test(the_closed_form_of_a_ring_is_its_formula),
        cmocka_unit_test(a_plan_by_hand_counts_what_was_through_and_who_waits),
        cmocka_unit_test(an_edge_is_through_when_the_recurrence_says_so),
        cmocka_unit_test(
            ranks_that_arrive_at_once_need_no_pauses_and_the_slowest_edge_ends_on_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
