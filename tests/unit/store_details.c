/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/store_details.c -- spans and platforms in the results file, and how they travel. */
#include "tests/helpers/check.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "sim/store/merge.h"
#include "sim/store/record.h"
#include "sim/store/store.h"
#include "tests/helpers/folder.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* One of each kind: of a worker, on its stream, a message, of a server. */
static const struct sm_span spans[] = {
    {0, "program", "load", 44, 1, 1.0 / 3.0, 0.5, NAN, NAN},
    {0, "stream", "all-reduce", 44, NAN, 0.5, 0.75, 102228128, NAN},
    {7, "message", "message", 47, 1, 5e-324, 0.1, 102228128, 3},
    {32, "devices", "update", NAN, NAN, 1, 1.0000000000000002, NAN, NAN},
};

static const char ring[] = "{\"zones\":[\"d\xc3\xa9j\xc3\xa0 \\\"vu\\\"\"]}";

static struct sm_store *
opened(const char *name)
{
    struct sm_store *store;
    check_ok(sm_store_open(folder_file(name), &store));
    return store;
}

/* A run that has ended, with spans and a platform. */
static int64_t
add_run(struct sm_store *store, const char *run_id, const char *status)
{
    struct sm_summary summary = {
        .name = "local", .run_id = run_id, .status = status, .hashes = {.platform = "11ee"}};
    int64_t run;
    check_ok(sm_store_begin(store, &summary, &run));
    check_ok(sm_store_add_spans(store, run, spans, COUNT(spans)));
    check_ok(sm_store_add_platform(store, "11ee", ring));
    check_ok(sm_store_finish(store, run, &summary));
    return run;
}

static size_t
read_first(struct sm_store *store, struct sm_arena *arena, struct sm_stored_run *run)
{
    const struct sm_stored_run *runs;
    size_t count;
    check_ok(sm_store_read(store, arena, &runs, &count));
    assert_true(count > 0);
    *run = runs[0];
    assert_int_equal(run->span_count, 0); /* nobody has asked for them */
    assert_null(run->platform);
    check_ok(sm_store_read_more(store, arena, run));
    return count;
}

static void
has_details(const struct sm_stored_run *run)
{
    assert_int_equal(run->span_count, COUNT(spans));
    for (size_t i = 0; i < COUNT(spans); i++)
        for (const struct sm_field *f = sm_span_fields; f->name != NULL; f++) {
            json_t *is = sm_field_json(f, &run->spans[i]), *was = sm_field_json(f, &spans[i]);
            if (!json_equal(is, was))
                fail_msg("%s of span %zu changed", f->name, i);
            json_decref(is);
            json_decref(was);
        }
    assert_string_equal(run->platform, ring);
}

static void
spans_and_platform_come_back_to_the_same_bits(void **state)
{
    (void)state;
    struct sm_arena arena = {0};
    struct sm_stored_run run;
    struct sm_store *store = opened("bits.db");
    add_run(store, "a", "finished");
    add_run(store, "b", "finished");
    assert_int_equal(read_first(store, &arena, &run), 2);
    has_details(&run);
    sm_store_close(store);
    sm_arena_fini(&arena);
}

static void
a_run_has_spans_once_and_only_where_it_is_there(void **state)
{
    (void)state;
    struct sm_arena arena = {0};
    struct sm_stored_run run;
    struct sm_store *store = opened("once.db");
    const int64_t row = add_run(store, "a", "finished");
    check_fails(sm_store_add_spans(store, row, spans, 1), SM_ERR_INPUT, "has spans already");
    check_fails(sm_store_add_spans(store, row + 1, spans, 1), SM_ERR_INPUT, "no run 2");
    check_ok(sm_store_add_spans(store, row, spans, 0));
    read_first(store, &arena, &run);
    has_details(&run);
    sm_store_close(store);
    sm_arena_fini(&arena);
}

static void
the_first_description_of_a_platform_stays(void **state)
{
    (void)state;
    struct sm_arena arena = {0};
    struct sm_store *store = opened("platforms.db");
    const char *text = "";
    check_ok(sm_store_platform(store, "11ee", &arena, &text));
    assert_null(text);
    check_ok(sm_store_add_platform(store, "11ee", ring));
    check_ok(sm_store_add_platform(store, "11ee", "{}"));
    check_ok(sm_store_add_platform(store, "22dd", "{}"));
    check_ok(sm_store_platform(store, "11ee", &arena, &text));
    assert_string_equal(text, ring);
    check_ok(sm_store_platform(store, "22dd", &arena, &text));
    assert_string_equal(text, "{}");
    sm_store_close(store);
    sm_arena_fini(&arena);
}

static void
a_merge_brings_spans_and_platforms_along(void **state)
{
    (void)state;
    struct sm_arena arena = {0};
    struct sm_stored_run run;
    const char *in = folder_file("in.db"), *out = folder_file("out.db");
    struct sm_store *store = opened("in.db");
    add_run(store, "a", "finished");
    sm_store_close(store);
    check_ok(sm_store_merge(out, in));
    check_ok(sm_store_merge(out, in)); /* it is there already */
    store = opened("out.db");
    assert_int_equal(read_first(store, &arena, &run), 1);
    has_details(&run);
    sm_store_close(store);
    sm_arena_fini(&arena);
}

static void
the_spans_of_a_run_that_is_replaced_go_with_it(void **state)
{
    (void)state;
    struct sm_arena arena = {0};
    struct sm_stored_run run;
    struct sm_store *store = opened("replaced.db");
    add_run(store, "a", "stalled");
    const struct sm_summary summary = {.name = "local", .run_id = "a"};
    enum sm_claim claim;
    int64_t row;
    check_ok(sm_store_claim(store, &summary, false, &row, &claim));
    assert_int_equal(claim, SM_CLAIM_MINE);
    assert_int_equal(read_first(store, &arena, &run), 1);
    assert_int_equal(run.run, row);
    assert_int_equal(run.span_count, 0);
    check_ok(sm_store_add_spans(store, row, spans, COUNT(spans)));
    sm_store_close(store);
    sm_arena_fini(&arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spans_and_platform_come_back_to_the_same_bits),
        cmocka_unit_test(a_run_has_spans_once_and_only_where_it_is_there),
        cmocka_unit_test(the_first_description_of_a_platform_stays),
        cmocka_unit_test(a_merge_brings_spans_and_platforms_along),
        cmocka_unit_test(the_spans_of_a_run_that_is_replaced_go_with_it),
    };
    return cmocka_run_group_tests(tests, NULL, folder_teardown);
}
