/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/window.c -- a few steps of a few ranks, which are kept beside a trace or alone. */
#include "tests/helpers/check.h"

#include <string.h>

#include "sim/trace/window.h"

enum { RANKS = 6, SERVER = 5, STEPS = 10 };

/* A run of five workers that take a second a step, and a server that gets a message from each
 * meanwhile. */
static void
play(struct sm_trace *trace)
{
    for (size_t k = 0; k < STEPS; k++)
        for (size_t rank = 0; rank < SERVER; rank++) {
            const double t = (double)k;
            sm_trace_begin(trace, rank, k, k / 5 + 1);
            check_ok(sm_trace_add(trace, rank, "compute", t, t + 0.75));
            check_ok(sm_trace_add(trace, rank, "idle", t + 0.75, t + 1));
            const struct sm_trace_span message = {.name = "message",
                                                  .track = SM_TRACE_MESSAGE,
                                                  .t0 = t + 0.25,
                                                  .t1 = t + 0.5,
                                                  .bytes = 8,
                                                  .from = rank};
            check_ok(sm_trace_add_span(trace, SERVER, &message));
        }
}

static const struct sm_window_span *
played(const struct sm_window_frame *frame, struct sm_trace *trace, struct sm_arena *arena,
       size_t *count)
{
    struct sm_window *window = sm_window_create(RANKS, frame);
    const struct sm_window_span *spans;
    assert_non_null(trace);
    assert_non_null(window);
    sm_trace_set_window(trace, window);
    play(trace);
    check_ok(sm_window_collect(window, arena, &spans, count));
    sm_window_free(window);
    sm_trace_free(trace);
    return spans;
}

static void
it_holds_the_steps_of_the_frame_of_its_ranks_and_no_others(void **state)
{
    (void)state;
    struct sm_arena arena = {0};
    const struct sm_window_frame frame = {{3, 1}, 2, 4, 6, 100};
    size_t count;
    const struct sm_window_span *spans =
        played(&frame, sm_trace_create_empty(RANKS), &arena, &count);
    assert_int_equal(count, 2 * 2 * 2);
    for (size_t i = 0; i < count; i++) {
        const struct sm_trace_span *span = &spans[i].span;
        assert_int_equal(spans[i].rank, i < 4 ? 3 : 1);
        assert_int_equal(span->mark.step, 4 + i / 2 % 2);
        assert_int_equal(span->mark.round, span->mark.step == 4 ? 1 : 2);
        assert_string_equal(span->name, i % 2 == 0 ? "compute" : "idle");
        check_near(span->t0, (double)span->mark.step + (i % 2 == 0 ? 0 : 0.75), 0);
    }
    sm_arena_fini(&arena);
}

static void
a_server_is_seen_meanwhile_and_hears_only_ranks_that_are_seen(void **state)
{
    (void)state;
    struct sm_arena arena = {0};
    const struct sm_window_frame frame = {{0, 2, SERVER}, 3, 2, 5, 100};
    size_t count, messages = 0;
    const struct sm_window_span *spans =
        played(&frame, sm_trace_create_empty(RANKS), &arena, &count);
    assert_int_equal(count, 2 * 3 * 2 + 3 * 2);
    for (size_t i = 0; i < count; i++) {
        const struct sm_trace_span *span = &spans[i].span;
        if (spans[i].rank != SERVER)
            continue;
        messages++;
        assert_true(span->from == 0 || span->from == 2);
        assert_true(span->t0 >= 2 && span->t1 <= 5);
    }
    assert_int_equal(messages, 6);
    sm_arena_fini(&arena);
}

static void
later_steps_give_way_and_then_the_last_ranks(void **state)
{
    (void)state;
    static const struct {
        size_t most, steps, ranks;
    } cases[] = {{16, 4, 2}, {15, 3, 2}, {12, 3, 2}, {11, 2, 2}, {4, 1, 2}, {3, 1, 1}, {2, 1, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sm_arena arena = {0};
        const struct sm_window_frame frame = {{4, 0}, 2, 3, 7, cases[i].most};
        size_t count;
        const struct sm_window_span *spans =
            played(&frame, sm_trace_create_empty(RANKS), &arena, &count);
        assert_int_equal(count, 2 * cases[i].steps * cases[i].ranks);
        assert_int_equal(spans[count - 1].span.mark.step, 2 + cases[i].steps);
        assert_int_equal(spans[count - 1].rank, cases[i].ranks == 2 ? 0 : 4);
        sm_arena_fini(&arena);
    }
}

static void
even_one_step_of_one_rank_is_not_more_than_the_most(void **state)
{
    (void)state;
    struct sm_arena arena = {0};
    const struct sm_window_frame frame = {{1}, 1, 3, 7, 1};
    size_t count;
    const struct sm_window_span *spans =
        played(&frame, sm_trace_create_empty(RANKS), &arena, &count);
    assert_int_equal(count, 1);
    assert_string_equal(spans[0].span.name, "compute");
    sm_arena_fini(&arena);
}

static void
beside_a_trace_it_sees_what_it_sees_alone(void **state)
{
    (void)state;
    struct sm_arena arena = {0};
    const struct sm_window_frame frame = {{0, 2, SERVER}, 3, 2, 5, 100};
    size_t alone, beside;
    const struct sm_window_span *a = played(&frame, sm_trace_create_empty(RANKS), &arena, &alone);
    /* the trace itself is full long before */
    const struct sm_window_span *b = played(&frame, sm_trace_create(RANKS, 4), &arena, &beside);
    assert_int_equal(alone, beside);
    for (size_t i = 0; i < alone; i++) {
        assert_int_equal(a[i].rank, b[i].rank);
        assert_memory_equal(&a[i].span.t0, &b[i].span.t0, 2 * sizeof(double));
    }
    sm_arena_fini(&arena);
}

static void
without_a_window_there_is_nothing(void **state)
{
    (void)state;
    struct sm_arena arena = {0};
    const struct sm_window_span *spans;
    size_t count;
    check_ok(sm_window_collect(NULL, &arena, &spans, &count));
    assert_int_equal(count, 0);
    struct sm_trace *trace = sm_trace_create_empty(RANKS);
    play(trace);
    assert_true(sm_trace_is_empty(trace));
    assert_true(sm_trace_is_empty(NULL));
    check_near(sm_trace_end(trace), 0, 0);
    assert_false(sm_trace_wants(trace, 0, sm_trace_now(trace, 0)));
    sm_trace_free(trace);
    sm_arena_fini(&arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_holds_the_steps_of_the_frame_of_its_ranks_and_no_others),
        cmocka_unit_test(a_server_is_seen_meanwhile_and_hears_only_ranks_that_are_seen),
        cmocka_unit_test(later_steps_give_way_and_then_the_last_ranks),
        cmocka_unit_test(even_one_step_of_one_rank_is_not_more_than_the_most),
        cmocka_unit_test(beside_a_trace_it_sees_what_it_sees_alone),
        cmocka_unit_test(without_a_window_there_is_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
