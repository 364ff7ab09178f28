/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/helpers/stores.c -- see stores.h. */
#include "tests/helpers/stores.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "sim/store/record.h"
#include "tests/helpers/check.h"
#include "tests/helpers/folder.h"
#include "tests/helpers/program.h"

static const char *
path_of(const char *name, char path[256])
{
    snprintf(path, 256, "%s/%s", folder_path(), name);
    return path;
}

size_t
store_runs(struct sm_arena *arena, const char *name, const struct sm_stored_run **runs)
{
    char path[256];
    size_t count;
    struct sm_store *store;
    check_ok(sm_store_open_readonly(path_of(name, path), &store));
    check_ok(sm_store_read(store, arena, runs, &count));
    sm_store_close(store);
    return count;
}

size_t
store_runs_with_spans(struct sm_arena *arena, const char *name, struct sm_stored_run **runs)
{
    char path[256];
    size_t count;
    struct sm_store *store;
    const struct sm_stored_run *read;
    check_ok(sm_store_open_readonly(path_of(name, path), &store));
    check_ok(sm_store_read(store, arena, &read, &count));
    *runs = sm_arena_alloc(arena, count, sizeof **runs);
    for (size_t i = 0; i < count; i++) {
        (*runs)[i] = read[i];
        check_ok(sm_store_read_more(store, arena, &(*runs)[i]));
    }
    sm_store_close(store);
    return count;
}

long long
store_query(const char *name, const char *sql)
{
    char path[256];
    sqlite3 *db;
    sqlite3_stmt *statement;
    assert_int_equal(sqlite3_open(path_of(name, path), &db), SQLITE_OK);
    assert_int_equal(sqlite3_busy_timeout(db, 5000), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    const long long number =
        sqlite3_step(statement) == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
    assert_int_equal(sqlite3_finalize(statement), SQLITE_OK);
    sqlite3_close(db);
    return number;
}

void
store_has_finished(const char *name, size_t count)
{
    assert_int_equal(store_query(name, "SELECT integrity_check = 'ok' FROM pragma_integrity_check"),
                     1);
    assert_int_equal(store_query(name, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
    assert_int_equal(store_query(name, "SELECT count(*) FROM runs WHERE status = 'finished'"),
                     count);
    assert_int_equal(store_query(name, "SELECT count(*) FROM runs"), count);
    assert_int_equal(store_query(name, "SELECT count(DISTINCT run_id) FROM runs"), count);
    assert_int_equal(store_query(name, "SELECT count(*) FROM claims"), 0);
}

static void
same_record(const struct sm_field *fields, const void *a, const void *b, const char *run)
{
    for (const struct sm_field *f = fields; f->name != NULL; f++) {
        json_t *x = sm_field_json(f, a), *y = sm_field_json(f, b);
        if (strncmp(f->name, "wall.", 5) != 0 && !json_equal(x, y)) {
            char *left = json_dumps(x, JSON_ENCODE_ANY), *right = json_dumps(y, JSON_ENCODE_ANY);
            fail_msg("%s: %s is %s in one store and %s in the other", run, f->name, left, right);
        }
        json_decref(x);
        json_decref(y);
    }
}

void
stores_are_equal(const char *name, const char *other)
{
    struct sm_arena arena = {0};
    struct sm_stored_run *left, *right;
    const size_t count = store_runs_with_spans(&arena, name, &left);
    assert_int_equal(store_runs_with_spans(&arena, other, &right), count);
    for (size_t i = 0; i < count; i++) {
        size_t j = 0;
        while (j < count && strcmp(left[i].summary.run_id, right[j].summary.run_id) != 0)
            j++;
        assert_true(j < count);
        assert_int_equal(left[i].evaluation_count, right[j].evaluation_count);
        for (size_t e = 0; e < left[i].evaluation_count; e++)
            same_record(sm_evaluation_fields, &left[i].evaluations[e], &right[j].evaluations[e],
                        left[i].summary.name);
        same_record(sm_summary_fields, &left[i].summary, &right[j].summary, left[i].summary.name);
        assert_int_equal(left[i].span_count, right[j].span_count);
        assert_true(left[i].span_count > 0);
        for (size_t s = 0; s < left[i].span_count; s++)
            same_record(sm_span_fields, &left[i].spans[s], &right[j].spans[s],
                        left[i].summary.name);
    }
    sm_arena_fini(&arena);
}
