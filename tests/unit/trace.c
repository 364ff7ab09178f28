/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/trace.c -- spans of time as JSON that a viewer can read. */
#include "tests/helpers/check.h"
#include "tests/helpers/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/trace/trace.h"

static char path[] = "/tmp/sm_trace_XXXXXX";

static int
make_file(void **state)
{
    (void)state;
    int file = mkstemp(path);
    return file < 0 ? -1 : close(file);
}

static int
remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

static json_t *
read_events(const struct sm_trace *trace)
{
    check_ok(sm_trace_write(trace, path));
    json_t *root = json_of_file(path);
    json_t *events = json_incref(json_object_get(root, "traceEvents"));
    assert_true(json_is_array(events));
    json_decref(root);
    return events;
}

/* The events of a kind, in order, into list (room for `most`); returns how many there are. */
static size_t
pick(const json_t *events, const char *kind, const json_t **list, size_t most)
{
    size_t i, count = 0;
    const json_t *event;
    json_array_foreach(events, i, event)
    {
        if (strcmp(text_of(event, "ph"), kind) == 0 && count++ < most)
            list[count - 1] = event;
    }
    return count;
}

static void
spans_come_back_in_microseconds_rank_by_rank_in_the_order_added(void **state)
{
    (void)state;
    enum { RANKS = 3, SPANS = 200 }; /* more than the first block of a track */
    struct sm_trace *trace = sm_trace_create(RANKS, 0);
    assert_non_null(trace);
    for (size_t i = 0; i < SPANS; i++) /* ranks take turns, the file does not */
        for (size_t rank = 0; rank < RANKS; rank++) {
            double t0 = (double)i + 0.1 * (double)rank;
            check_ok(sm_trace_add(trace, rank, i % 2 == 0 ? "compute" : "idle", t0, t0 + 0.25e-6));
        }
    json_t *events = read_events(trace);
    assert_int_equal(json_array_size(events), RANKS * (2 + SPANS));
    size_t at = 0;
    for (size_t rank = 0; rank < RANKS; rank++) {
        const json_t *process = json_array_get(events, at++),
                     *thread = json_array_get(events, at++);
        char name[16];
        snprintf(name, sizeof name, "worker %zu", rank);
        assert_string_equal(text_of(process, "ph"), "M");
        assert_string_equal(text_of(process, "name"), "process_name");
        assert_string_equal(text_of(json_object_get(process, "args"), "name"), name);
        check_near(number_of(process, "pid"), (double)rank, 0);
        assert_string_equal(text_of(thread, "name"), "thread_name");
        assert_string_equal(text_of(json_object_get(thread, "args"), "name"), "device 0");
        for (size_t i = 0; i < SPANS; i++) {
            const json_t *span = json_array_get(events, at++);
            assert_string_equal(text_of(span, "ph"), "X");
            assert_string_equal(text_of(span, "name"), i % 2 == 0 ? "compute" : "idle");
            check_near(number_of(span, "pid"), (double)rank, 0);
            check_near(number_of(span, "tid"), number_of(thread, "tid"), 0);
            check_near(number_of(span, "ts"), 1e6 * ((double)i + 0.1 * (double)rank), 6e-4);
            check_near(number_of(span, "dur"), 0.25, 1.1e-3); /* between two whole nanoseconds */
        }
    }
    json_decref(events);
    sm_trace_free(trace);
}

static void
spans_of_no_length_are_not_kept_and_no_trace_keeps_nothing(void **state)
{
    (void)state;
    struct sm_trace *trace = sm_trace_create(1, 0);
    assert_non_null(trace);
    check_ok(sm_trace_add(trace, 0, "idle", 2, 2));
    check_ok(sm_trace_add(NULL, 0, "idle", 0, 1));
    check_ok(sm_trace_add_span(NULL, 0, &(struct sm_trace_span){.name = "idle", .t1 = 1}));
    check_ok(sm_trace_count(NULL, "loss", "train", 0, 1));
    check_ok(sm_trace_count(trace, "loss", "train", 0, (double)NAN)); /* JSON cannot say it */
    sm_trace_begin(NULL, 0, 1, 1);
    sm_trace_name(NULL, 0, "nobody", 1);
    assert_false(sm_trace_takes(NULL, sm_trace_now(NULL, 0), 1));
    json_t *events = read_events(trace);
    const json_t *list[8];
    assert_int_equal(pick(events, "X", list, 8), 0);
    assert_int_equal(pick(events, "C", list, 8), 0);
    json_decref(events);
    sm_trace_free(trace);
    sm_trace_free(NULL);
}

static void
a_span_of_all_devices_is_on_each_one_s_thread_and_no_two_threads_share_a_number(void **state)
{
    (void)state;
    struct sm_trace *trace = sm_trace_create(2, 0);
    assert_non_null(trace);
    for (size_t rank = 0; rank < 2; rank++) {
        sm_trace_name(trace, rank, rank == 0 ? "a \"name\" with a \\" : "b", 3);
        sm_trace_begin(trace, rank, 4, 2);
        const struct sm_trace_mark mark = sm_trace_now(trace, rank);
        check_ok(sm_trace_add_span(
            trace, rank, &(struct sm_trace_span){"compute", SM_TRACE_DEVICES, 1, 2, 0, 0, mark}));
        check_ok(sm_trace_add_span(
            trace, rank,
            &(struct sm_trace_span){"all-reduce", SM_TRACE_STREAM, 1.5, 3, 1e6, 0, mark}));
    }
    json_t *events = read_events(trace);
    const json_t *spans[16], *names[16];
    assert_int_equal(pick(events, "X", spans, 16), 2 * (3 + 1));
    assert_int_equal(pick(events, "M", names, 16), 2 * (1 + 3 + 1));
    assert_string_equal(text_of(json_object_get(names[0], "args"), "name"), "a \"name\" with a \\");
    assert_string_equal(text_of(json_object_get(names[4], "args"), "name"), "communication stream");
    for (size_t i = 0; i < 8; i++) {
        for (size_t j = 0; j < i; j++)
            assert_true(number_of(spans[i], "tid") != number_of(spans[j], "tid"));
        const json_t *args = json_object_get(spans[i], "args");
        check_near(number_of(args, "step"), 4, 0);
        check_near(number_of(args, "round"), 2, 0);
        if (i % 4 == 3)
            check_near(number_of(args, "bytes"), 1e6, 0);
        else
            assert_null(json_object_get(args, "bytes"));
    }
    json_decref(events);
    sm_trace_free(trace);
}

static void
messages_may_overlap_for_each_has_its_own_number(void **state)
{
    (void)state;
    struct sm_trace *trace = sm_trace_create(1, 0);
    assert_non_null(trace);
    for (size_t i = 0; i < 3; i++)
        check_ok(sm_trace_add_span(trace, 0,
                                   &(struct sm_trace_span){.name = "message",
                                                           .track = SM_TRACE_MESSAGE,
                                                           .t0 = (double)i,
                                                           .t1 = 5,
                                                           .bytes = 8,
                                                           .from = i}));
    json_t *events = read_events(trace);
    const json_t *starts[4], *ends[4];
    assert_int_equal(pick(events, "b", starts, 4), 3);
    assert_int_equal(pick(events, "e", ends, 4), 3);
    for (size_t i = 0; i < 3; i++) {
        char name[32];
        snprintf(name, sizeof name, "message from %zu", i);
        assert_string_equal(text_of(starts[i], "name"), name);
        assert_string_equal(text_of(ends[i], "name"), name);
        assert_string_equal(text_of(starts[i], "cat"), text_of(ends[i], "cat"));
        check_near(number_of(starts[i], "id"), (double)(i + 1), 0);
        check_near(number_of(ends[i], "id"), (double)(i + 1), 0);
        check_near(number_of(starts[i], "ts"), 1e6 * (double)i, 0);
        check_near(number_of(ends[i], "ts"), 5e6, 0);
    }
    json_decref(events);
    sm_trace_free(trace);
}

static void
spans_that_meet_do_not_overlap_in_the_file_however_they_round(void **state)
{
    (void)state;
    struct sm_trace *trace = sm_trace_create(1, 0);
    assert_non_null(trace);
    double t = 0;
    for (size_t i = 0; i < 2000; i++, t += 1.0 / 7003)
        check_ok(sm_trace_add(trace, 0, "compute", t, t + 1.0 / 7003));
    json_t *events = read_events(trace);
    const json_t *spans[2000];
    assert_int_equal(pick(events, "X", spans, 2000), 2000);
    for (size_t i = 1; i < 2000; i++) /* whole nanoseconds, as a viewer counts them */
        assert_true(llround(1e3 * number_of(spans[i - 1], "ts")) +
                        llround(1e3 * number_of(spans[i - 1], "dur")) <=
                    llround(1e3 * number_of(spans[i], "ts")));
    json_decref(events);
    sm_trace_free(trace);
}

static void
a_long_run_keeps_its_first_steps_whole_and_says_how_many(void **state)
{
    (void)state;
    enum { MOST = 100, STEPS = 50, RANKS = 4 };
    struct sm_trace *trace = sm_trace_create(RANKS + 1, MOST);
    assert_non_null(trace);
    for (size_t k = 0; k < STEPS; k++)
        for (size_t r = RANKS; r-- > 0;) { /* rank 0 is last: the others are ahead */
            sm_trace_begin(trace, r, k, 0);
            check_ok(sm_trace_add(trace, r, "compute", (double)k, (double)k + 1));
            if (r == 1) /* one that serves has no steps */
                check_ok(sm_trace_add(trace, RANKS, "update", (double)k, (double)k + 1));
        }
    check_near(sm_trace_end(trace), 21, 0); /* of the server, see below */
    json_t *events = read_events(trace), *root = json_load_file(path, 0, NULL);
    const json_t *spans[STEPS * RANKS], *kept = json_object_get(root, "otherData");
    /* five a step: after 20 steps there are 100; those ahead had begun the next */
    check_near(number_of(kept, "steps"), STEPS, 0);
    check_near(number_of(kept, "steps_kept"), 20, 0);
    const size_t count = pick(events, "X", spans, STEPS * RANKS);
    assert_int_equal(count, 20 * 5 + 1); /* and the server's, which nobody knows to be late */
    for (size_t i = 0; i + 21 < count; i++)
        assert_true(number_of(json_object_get(spans[i], "args"), "step") < 20);
    json_decref(events);
    json_decref(root);
    sm_trace_free(trace);
}

static void
counters_stand_behind_the_ranks_in_the_order_counted(void **state)
{
    (void)state;
    struct sm_trace *trace = sm_trace_create(2, 0);
    assert_non_null(trace);
    for (size_t i = 0; i < 100; i++) {
        check_ok(sm_trace_count(trace, "loss", "train", (double)i, 1 / (double)(i + 1)));
        check_ok(sm_trace_count(trace, "loss", "test", (double)i, 2 / (double)(i + 1)));
    }
    json_t *events = read_events(trace);
    const json_t *samples[200];
    assert_int_equal(pick(events, "C", samples, 200), 200);
    for (size_t i = 0; i < 200; i++) {
        const json_t *args = json_object_get(samples[i], "args");
        check_near(number_of(samples[i], "pid"), 2, 0);
        check_near(number_of(samples[i], "ts"), 1e6 * (double)(i % 100), 0);
        check_relative(number_of(args, i < 100 ? "train" : "test"),
                       (i < 100 ? 1 : 2) / (double)(i % 100 + 1), 1e-8);
    }
    json_decref(events);
    sm_trace_free(trace);
}

static void
a_file_that_cannot_be_written_is_named(void **state)
{
    (void)state;
    struct sm_trace *trace = sm_trace_create(1, 0);
    assert_non_null(trace);
    check_fails(sm_trace_write(trace, "/no/such/folder/trace.json"), SM_ERR_INPUT,
                "cannot write /no/such/folder/trace.json: No such file or directory");
    for (size_t i = 0; i < 1000; i++) /* more than stdio buffers */
        check_ok(sm_trace_add(trace, 0, "compute", (double)i, (double)i + 1));
    check_fails(sm_trace_write(trace, "/dev/full"), SM_ERR_INPUT,
                "cannot write /dev/full: No space left on device");
    sm_trace_free(trace);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spans_come_back_in_microseconds_rank_by_rank_in_the_order_added),
        cmocka_unit_test(spans_of_no_length_are_not_kept_and_no_trace_keeps_nothing),
        cmocka_unit_test(
            a_span_of_all_devices_is_on_each_one_s_thread_and_no_two_threads_share_a_number),
        cmocka_unit_test(messages_may_overlap_for_each_has_its_own_number),
        cmocka_unit_test(spans_that_meet_do_not_overlap_in_the_file_however_they_round),
        cmocka_unit_test(a_long_run_keeps_its_first_steps_whole_and_says_how_many),
        cmocka_unit_test(counters_stand_behind_the_ranks_in_the_order_counted),
        cmocka_unit_test(a_file_that_cannot_be_written_is_named),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
