/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/report_timelines.c -- stored spans as the page's data. */
#include "tests/helpers/check.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/report/timelines.h"
#include "sim/store/record.h"
#include "tests/helpers/arena.h"
#include "tests/helpers/folder.h"
#include "tests/helpers/json.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const struct sm_span spans[] = {
    {0, "program", "load", 44, 1, 10.5, 11, NAN, NAN},
    {0, "message", "message", 44, 1, 10.25, 11, 4e6, 9},
    {9, "program", "load", 44, 1, 10.5, 11, NAN, NAN},
    {9, "stream", "all-reduce", 45, 2, 11, 12.5, 1e6, NAN},
};

/* A finished run with the first `count` of the spans. */
static void
add_run(struct sm_store *store, const char *name, int seed, size_t count)
{
    struct sm_summary summary;
    char experiment[64];
    int64_t run;
    memset(&summary, 0, sizeof summary);
    snprintf(experiment, sizeof experiment, "name: %s\nseed: %d\n", name, seed);
    summary.name = name;
    summary.run_id = experiment;
    summary.status = "finished";
    summary.experiment = experiment;
    summary.workers = 16;
    summary.steps = 600;
    summary.seed = seed;
    summary.algorithm.tau = 48;
    check_ok(sm_store_begin(store, &summary, &run));
    check_ok(sm_store_add_spans(store, run, spans, count));
    check_ok(sm_store_finish(store, run, &summary));
}

/* The timelines of a store, to be let go of. */
static json_t *
timelines_of(struct sm_store *store)
{
    const struct sm_stored_run *runs;
    struct sm_variant *variants;
    size_t count, variant_count;
    json_t *list;
    check_ok(sm_store_read(store, &arena, &runs, &count));
    check_ok(sm_variants_find(runs, count, NAN, &arena, &variants, &variant_count));
    check_ok(sm_report_timelines(store, variants, variant_count, &list));
    return list;
}

static void
a_variant_shows_its_first_run_that_has_spans(void **state)
{
    (void)state;
    struct sm_store *store;
    check_ok(sm_store_open(folder_file("first.db"), &store));
    add_run(store, "none", 1, 0);
    add_run(store, "some", 1, 0);
    add_run(store, "some", 2, COUNT(spans));
    add_run(store, "some", 3, 1);
    json_t *list = timelines_of(store);
    assert_int_equal(json_array_size(list), 1);
    const json_t *timeline = json_array_get(list, 0);
    check_near(number_of(timeline, "variant"), 1, 0);
    check_near(number_of(timeline, "run"), 3, 0);
    check_near(number_of(timeline, "seed"), 2, 0);
    check_near(number_of(timeline, "workers"), 16, 0);
    check_near(number_of(timeline, "steps"), 600, 0);
    check_near(number_of(timeline, "tau"), 48, 0);
    check_near(number_of(timeline, "origin"), 10.5, 0); /* a message may be older */
    json_decref(list);
    sm_store_close(store);
}

static void
spans_are_columns_that_name_ranks_and_names_once(void **state)
{
    (void)state;
    struct sm_store *store;
    check_ok(sm_store_open(folder_file("columns.db"), &store));
    add_run(store, "some", 1, COUNT(spans));
    json_t *list = timelines_of(store), *timeline = json_array_get(list, 0);
    json_t *expected = json_of("{\"rank\": [0, 0, 1, 1], \"track\": [0, 3, 0, 2],"
                               " \"name\": [0, 1, 0, 2], \"step\": [44, 44, 44, 45],"
                               " \"round\": [1, 1, 1, 2], \"start\": [0, -0.25, 0, 0.5],"
                               " \"seconds\": [0.5, 0.75, 0.5, 1.5],"
                               " \"bytes\": [null, 4000000, null, 1000000],"
                               " \"from\": [null, 9, null, null]}");
    json_t *ranks = json_of("[0, 9]"), *names = json_of("[\"load\", \"message\", \"all-reduce\"]");
    assert_true(json_equal(json_object_get(timeline, "spans"), expected));
    assert_true(json_equal(json_object_get(timeline, "ranks"), ranks));
    assert_true(json_equal(json_object_get(timeline, "names"), names));
    json_decref(expected);
    json_decref(ranks);
    json_decref(names);
    json_decref(list);
    sm_store_close(store);
}

static void
a_column_without_a_value_is_left_out(void **state)
{
    (void)state;
    struct sm_store *store;
    check_ok(sm_store_open(folder_file("without.db"), &store));
    add_run(store, "some", 1, 1);
    json_t *list = timelines_of(store);
    const json_t *columns = json_object_get(json_array_get(list, 0), "spans");
    assert_null(json_object_get(columns, "bytes"));
    assert_null(json_object_get(columns, "from"));
    assert_int_equal(json_array_size(json_object_get(columns, "step")), 1);
    json_decref(list);
    sm_store_close(store);
}

static void
a_page_holds_no_more_than_forty(void **state)
{
    (void)state;
    struct sm_store *store;
    check_ok(sm_store_open(folder_file("many.db"), &store));
    for (int i = 0; i < 45; i++) {
        char name[16];
        snprintf(name, sizeof name, "v%d", i);
        add_run(store, name, 1, i == 3 ? 0 : 1);
    }
    json_t *list = timelines_of(store);
    assert_int_equal(json_array_size(list), 40);
    check_near(number_of(json_array_get(list, 39), "variant"), 40, 0);
    json_decref(list);
    sm_store_close(store);
}

static void
without_a_store_there_are_none(void **state)
{
    (void)state;
    json_t *list;
    check_ok(sm_report_timelines(NULL, NULL, 7, &list));
    assert_int_equal(json_array_size(list), 0);
    json_decref(list);
}

static int
teardown(void **state)
{
    arena_teardown(state);
    return folder_teardown(state);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_variant_shows_its_first_run_that_has_spans),
        cmocka_unit_test(spans_are_columns_that_name_ranks_and_names_once),
        cmocka_unit_test(a_column_without_a_value_is_left_out),
        cmocka_unit_test(a_page_holds_no_more_than_forty),
        cmocka_unit_test(without_a_store_there_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}
