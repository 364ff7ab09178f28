/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/trace.c -- spans of time as JSON that a viewer can read. */
#include "tests/helpers/check.h"

#include <jansson.h>
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
    json_error_t error;
    json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL)
        fail_msg("%s:%d: %s", path, error.line, error.text);
    json_t *events = json_incref(json_object_get(root, "traceEvents"));
    assert_true(json_is_array(events));
    json_decref(root);
    return events;
}

static const char *
text(const json_t *event, const char *key)
{
    const char *value = json_string_value(json_object_get(event, key));
    assert_non_null(value);
    return value;
}

static double
number(const json_t *event, const char *key)
{
    const json_t *value = json_object_get(event, key);
    assert_true(json_is_number(value));
    return json_number_value(value);
}

static void
spans_come_back_in_microseconds_rank_by_rank_in_the_order_added(void **state)
{
    (void)state;
    enum { RANKS = 3, SPANS = 200 }; /* more than the first block of a track */
    struct sm_trace *trace = sm_trace_create(RANKS);
    assert_non_null(trace);
    for (size_t i = 0; i < SPANS; i++) /* ranks take turns, the file does not */
        for (size_t rank = 0; rank < RANKS; rank++) {
            double t0 = (double)i + 0.1 * (double)rank;
            check_ok(sm_trace_add(trace, rank, i % 2 == 0 ? "compute" : "idle", t0, t0 + 0.25e-6));
        }
    json_t *events = read_events(trace);
    assert_int_equal(json_array_size(events), RANKS * (1 + SPANS));
    size_t at = 0;
    for (size_t rank = 0; rank < RANKS; rank++) {
        const json_t *head = json_array_get(events, at++);
        char name[16];
        snprintf(name, sizeof name, "worker %zu", rank);
        assert_string_equal(text(head, "ph"), "M");
        assert_string_equal(text(head, "name"), "process_name");
        assert_string_equal(text(json_object_get(head, "args"), "name"), name);
        check_near(number(head, "pid"), (double)rank, 0);
        for (size_t i = 0; i < SPANS; i++) {
            const json_t *span = json_array_get(events, at++);
            assert_string_equal(text(span, "ph"), "X");
            assert_string_equal(text(span, "name"), i % 2 == 0 ? "compute" : "idle");
            check_near(number(span, "pid"), (double)rank, 0);
            check_near(number(span, "tid"), 0, 0);
            check_near(number(span, "ts"), 1e6 * ((double)i + 0.1 * (double)rank), 6e-4);
            check_near(number(span, "dur"), 0.25, 6e-4);
        }
    }
    json_decref(events);
    sm_trace_free(trace);
}

static void
spans_of_no_length_are_not_kept_and_no_trace_keeps_nothing(void **state)
{
    (void)state;
    struct sm_trace *trace = sm_trace_create(1);
    assert_non_null(trace);
    check_ok(sm_trace_add(trace, 0, "idle", 2, 2));
    check_ok(sm_trace_add(NULL, 0, "idle", 0, 1));
    json_t *events = read_events(trace);
    assert_int_equal(json_array_size(events), 1); /* the rank's name */
    json_decref(events);
    sm_trace_free(trace);
    sm_trace_free(NULL);
}

static void
a_file_that_cannot_be_written_is_named(void **state)
{
    (void)state;
    struct sm_trace *trace = sm_trace_create(1);
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
        cmocka_unit_test(a_file_that_cannot_be_written_is_named),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
