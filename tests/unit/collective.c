/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/collective.c -- schedules are checked symbolically, and so is the checker; the plan
 * of the fluid ring. */
#include "tests/helpers/check.h"
#include "tests/helpers/machine.h"

#include <math.h>
#include <string.h>

#include "sim/base/rng.h"
#include "sim/collective/collective.h"
#include "sim/collective/fluid.h"

static void
every_collective_gives_every_rank_every_part_exactly_once(void **state)
{
    (void)state;
    for (const struct sm_plugin *const *it = sm_axis_collective.plugins; *it != NULL; it++) {
        const struct sm_collective *collective = (const struct sm_collective *)*it;
        for (size_t size = 1; size <= 70; size++)
            check_ok(sm_collective_check(collective, &(struct sm_collective_call){.size = size}));
        check_ok(sm_collective_check(collective, &(struct sm_collective_call){.size = 128}));
        check_ok(sm_collective_check(collective, &(struct sm_collective_call){.size = 257}));
        check_ok(sm_collective_check(collective, &(struct sm_collective_call){.size = 512}));
    }
}

static void
steps_of_collectives_that_claim_the_same_edges_use_them(void **state)
{
    (void)state;
    for (const struct sm_plugin *const *it = sm_axis_collective.plugins; *it != NULL; it++) {
        const struct sm_collective *collective = (const struct sm_collective *)*it;
        for (size_t size = 2; collective->same_edges && size <= 20; size++)
            for (size_t rank = 0; rank < size; rank++)
                for (size_t i = 0;
                     i < collective->steps(&(struct sm_collective_call){.size = size}); i++) {
                    struct sm_collective_step step;
                    collective->step(&(struct sm_collective_call){.size = size}, rank, i, &step);
                    assert_int_equal(step.send_to, (rank + 1) % size);
                    assert_int_equal(step.receive_from, (rank + size - 1) % size);
                }
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
    /* what was not taken at step 3 comes in at step 4 */
    check_fails(check_broken(receives_nothing), SM_ERR_DOMAIN,
                "rank 2 step 4 expects chunks 2+1 of 1, got 3+1");
    check_fails(check_broken(sends_nothing), SM_ERR_DOMAIN,
                "rank 3 step 3 expects chunks 4+1 of 2, got 3+1");
    check_fails(check_broken(sends_to_itself), SM_ERR_DOMAIN, "rank 2 sends chunks 4+1 to 2");
    check_fails(check_broken(sends_to_a_stranger), SM_ERR_DOMAIN, "rank 2 sends chunks 4+1 to 5");
    check_fails(check_broken(sends_past_the_end), SM_ERR_DOMAIN, "rank 2 sends chunks 4+2 to 3");
    check_fails(check_broken(waits_for_another), SM_ERR_DOMAIN, "rank 2 waits for ever at step 3");
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
                "a message from 0 to 1 is never received");
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

static void
the_closed_form_of_a_ring_is_its_formula(void **state)
{
    (void)state;
    check_relative(ring_seconds(2, 1e6, 1e-5, 1e9), 2 * (1e-5 + 5e-4), 1e-15);
    check_relative(ring_seconds(3, 1e6, 1e-5, 1e9), 4 * (1e-5 + 333334e-9), 1e-15);
    check_near(ring_seconds(1, 1e6, 1e-5, 1e9), 0, 0);
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
    double work[6];
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
        double work[128], last = 0;
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
    double work[10];
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
        cmocka_unit_test(every_collective_gives_every_rank_every_part_exactly_once),
        cmocka_unit_test(steps_of_collectives_that_claim_the_same_edges_use_them),
        cmocka_unit_test(a_wrong_schedule_is_caught_and_the_message_says_where),
        cmocka_unit_test(a_part_added_twice_and_a_message_nobody_takes_are_caught),
        cmocka_unit_test(parts_are_whole_bytes_add_up_and_differ_by_at_most_one),
        cmocka_unit_test(the_closed_form_of_a_ring_is_its_formula),
        cmocka_unit_test(a_plan_by_hand_counts_what_was_through_and_who_waits),
        cmocka_unit_test(an_edge_is_through_when_the_recurrence_says_so),
        cmocka_unit_test(
            ranks_that_arrive_at_once_need_no_pauses_and_the_slowest_edge_ends_on_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
