/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/sample.c -- which steps of which workers a run leaves in its store, and as what. */
#include "tests/helpers/check.h"

#include <math.h>
#include <string.h>

#include "sim/comm/comm.h"
#include "sim/run/sample.h"

enum { MOST_WORKERS = 64 };

/* Workers are alike but `slow` (SIZE_MAX: none), which is `factor` times as slow. */
static struct sm_window_frame
frame_of(size_t workers, size_t servers, size_t steps, size_t tau, size_t slow, double factor)
{
    double slowness[MOST_WORKERS];
    for (size_t r = 0; r < workers; r++)
        slowness[r] = r == slow ? factor : 1;
    return sm_sample_frame(&(struct sm_sample_run){workers, servers, steps, tau, slowness});
}

static void
eight_steps_are_around_the_end_of_the_first_round(void **state)
{
    (void)state;
    static const struct {
        size_t steps, tau, first, end;
    } cases[] = {
        {600, 48, 44, 52}, {600, 12, 8, 16}, {600, 5, 1, 9}, {600, 4, 0, 8},
        {600, 1, 0, 8},    {600, 0, 2, 10}, /* no rounds */
        {50, 48, 42, 50},  {20, 48, 12, 20}, {8, 48, 0, 8},  {5, 48, 0, 5},
        {5, 0, 0, 5},      {9, 0, 1, 9},     {1, 1, 0, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct sm_window_frame frame =
            frame_of(4, 0, cases[i].steps, cases[i].tau, SIZE_MAX, 1);
        if (frame.first != cases[i].first || frame.end != cases[i].end)
            fail_msg("%zu steps, tau %zu: %zu .. %zu", cases[i].steps, cases[i].tau, frame.first,
                     frame.end);
    }
}

static void
the_first_eight_workers_and_four_servers_are_seen(void **state)
{
    (void)state;
    struct sm_window_frame frame = frame_of(3, 2, 100, 0, SIZE_MAX, 1);
    assert_int_equal(frame.rank_count, 5);
    frame = frame_of(32, 6, 100, 0, SIZE_MAX, 1);
    assert_int_equal(frame.rank_count, 12);
    for (size_t i = 0; i < 12; i++)
        assert_int_equal(frame.ranks[i], i < 8 ? i : 24 + i);
}

static void
the_slowest_for_good_takes_the_last_place(void **state)
{
    (void)state;
    struct sm_window_frame frame = frame_of(32, 1, 100, 0, 20, 2);
    assert_int_equal(frame.rank_count, 9);
    assert_int_equal(frame.ranks[6], 6);
    assert_int_equal(frame.ranks[7], 20);
    assert_int_equal(frame.ranks[8], 32);
    assert_int_equal(frame_of(32, 0, 100, 0, 3, 2).ranks[7], 7);    /* it is seen already */
    assert_int_equal(frame_of(32, 0, 100, 0, 20, 0.5).ranks[7], 7); /* a fast one         */
}

/* Of one worker and one step each, computes of those seconds after one another. */
static void
add_step(struct sm_trace *trace, size_t step, const double *seconds, size_t count)
{
    double t = 10 * (double)step;
    sm_trace_begin(trace, 0, step, 0);
    for (size_t i = 0; i < count; i++) {
        check_ok(sm_trace_add(trace, 0, sm_stage_names[SM_STAGE_COMPUTE], t, t + seconds[i]));
        t += seconds[i];
    }
    check_ok(sm_trace_add(trace, 0, sm_stage_names[SM_STAGE_UPDATE], t, t + 1));
}

static void
a_step_s_first_compute_is_parted_into_forward_and_backward(void **state)
{
    (void)state;
    struct sm_arena arena = {0};
    const struct sm_profile profile = {.forward = 1, .backward = 3};
    const struct sm_bucket buckets[] = {{.until = 0.5, .backward = 1}, {.until = 1, .backward = 2}};
    const struct sm_window_frame frame = frame_of(1, 0, 8, 1, SIZE_MAX, 1);
    struct sm_window *window = sm_window_create(1, &frame);
    struct sm_trace *trace = sm_trace_create_empty(1);
    sm_trace_set_window(trace, window);
    add_step(trace, 0, (const double[]){8}, 1);    /* as a whole, twice as slow */
    add_step(trace, 1, (const double[]){2, 2}, 2); /* in buckets                */
    const struct sm_sample sample = {
        .window = window, .profile = &profile, .buckets = buckets, .bucket_count = 2};
    const struct sm_span *spans;
    size_t count;
    check_ok(sm_sample_spans(&sample, &arena, &spans, &count));
    static const struct {
        const char *name;
        double step, t0, t1;
    } expected[] = {{"forward", 0, 0, 2},   {"backward", 0, 2, 8},   {"update", 0, 8, 9},
                    {"forward", 1, 10, 11}, {"backward", 1, 11, 12}, {"backward", 1, 12, 14},
                    {"update", 1, 14, 15}};
    assert_int_equal(count, sizeof expected / sizeof *expected);
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(spans[i].name, expected[i].name);
        assert_string_equal(spans[i].track, "program");
        check_near(spans[i].step, expected[i].step, 0);
        check_near(spans[i].t0, expected[i].t0, 0);
        check_near(spans[i].t1, expected[i].t1, 0);
        assert_true(isnan(spans[i].round) && isnan(spans[i].bytes) && isnan(spans[i].from_worker));
    }
    sm_trace_free(trace);
    sm_window_free(window);
    sm_arena_fini(&arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(eight_steps_are_around_the_end_of_the_first_round),
        cmocka_unit_test(the_first_eight_workers_and_four_servers_are_seen),
        cmocka_unit_test(the_slowest_for_good_takes_the_last_place),
        cmocka_unit_test(a_step_s_first_compute_is_parted_into_forward_and_backward),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
