/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/store/read.c -- rows out. */
#include <stdio.h>

#include "sim/store/columns.h"
#include "sim/store/schema.h"
#include "sim/store/sql.h"

/* The rows that a run has in `table`, by a statement that selects them; *records (*count) of `size`
 * bytes are owned by arena. */
static enum sm_status
read_rows(struct sm_store *store, sqlite3_stmt *select, const char *table, int64_t run,
          const struct sm_field *fields, size_t size, struct sm_arena *arena, const void **records,
          size_t *count)
{
    char sql[96];
    int64_t rows = 0;
    snprintf(sql, sizeof sql, "SELECT count(*) FROM %s WHERE run = %lld", table, (long long)run);
    SM_TRY(sm_sql_number(store, sql, &rows));
    char *read = sm_arena_alloc(arena, (size_t)rows, size);
    if (read == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "%s: no memory for %lld %s", store->path, (long long)rows,
                       table);
    sqlite3_reset(select);
    sqlite3_bind_int64(select, 1, run);
    for (size_t i = 0; i < (size_t)rows; i++) {
        if (sqlite3_step(select) != SQLITE_ROW)
            return sm_sql_fail(store);
        SM_TRY(sm_columns_read(select, 1, fields, arena, read + i * size));
    }
    *records = read;
    *count = (size_t)rows;
    return SM_OK;
}

static enum sm_status
read_evaluations(struct sm_store *store, sqlite3_stmt *select, struct sm_arena *arena,
                 struct sm_stored_run *run)
{
    const void *read = NULL;
    SM_TRY(read_rows(store, select, "evaluations", run->run, sm_evaluation_fields,
                     sizeof *run->evaluations, arena, &read, &run->evaluation_count));
    run->evaluations = read;
    return SM_OK;
}

static enum sm_status
read_runs(struct sm_store *store, struct sm_arena *arena, struct sm_stored_run *runs, size_t count)
{
    sqlite3_stmt *select, *points = NULL;
    SM_TRY(sm_sql_prepare_free(store,
                               sm_columns_sql(store, "SELECT run, created", sm_summary_fields,
                                              SM_COLUMNS_NAMES, " FROM runs ORDER BY run",
                                              SM_COLUMNS_NAMES, NULL),
                               &select));
    enum sm_status status = sm_sql_prepare_free(
        store,
        sm_columns_sql(store, "SELECT run", sm_evaluation_fields, SM_COLUMNS_NAMES,
                       " FROM evaluations WHERE run = ? ORDER BY step", SM_COLUMNS_NAMES, NULL),
        &points);
    for (size_t i = 0; status == SM_OK && i < count; i++) {
        if (sqlite3_step(select) != SQLITE_ROW) {
            status = sm_sql_fail(store);
            break;
        }
        const char *created = (const char *)sqlite3_column_text(select, 1);
        runs[i].run = sqlite3_column_int64(select, 0);
        runs[i].created = sm_arena_strdup(arena, created != NULL ? created : "");
        status = sm_columns_read(select, 2, sm_summary_fields, arena, &runs[i].summary);
        if (status == SM_OK)
            status = read_evaluations(store, points, arena, &runs[i]);
    }
    sqlite3_finalize(points);
    sqlite3_finalize(select);
    return status;
}

enum sm_status
sm_store_read(struct sm_store *store, struct sm_arena *arena, const struct sm_stored_run **runs,
              size_t *count)
{
    SM_TRY(sm_sql_execute(store, "BEGIN")); /* one moment of a store that others may write */
    int64_t rows = 0;
    enum sm_status status = sm_sql_number(store, "SELECT count(*) FROM runs", &rows);
    if (status == SM_OK)
        status = sm_schema_look(store);
    struct sm_stored_run *stored = NULL;
    if (status == SM_OK) {
        stored = sm_arena_zalloc(arena, (size_t)rows, sizeof *stored);
        status = stored != NULL ? read_runs(store, arena, stored, (size_t)rows)
                                : SM_FAIL(SM_ERR_NOMEM, "%s: no memory for its runs", store->path);
    }
    sqlite3_exec(store->db, "COMMIT", NULL, NULL, NULL); /* it only read: nothing can be lost */
    *runs = stored;
    *count = (size_t)rows;
    return status;
}

static enum sm_status
read_spans(struct sm_store *store, sqlite3_stmt *select, struct sm_arena *arena,
           struct sm_stored_run *run)
{
    const void *read = NULL;
    SM_TRY(read_rows(store, select, "spans", run->run, sm_span_fields, sizeof *run->spans, arena,
                     &read, &run->span_count));
    run->spans = read;
    return SM_OK;
}

static enum sm_status
read_more(struct sm_store *store, struct sm_arena *arena, struct sm_stored_run *run)
{
    sqlite3_stmt *select;
    SM_TRY(sm_schema_look(store));
    if (store->schema < SM_SCHEMA_DETAILS)
        return SM_OK;
    SM_TRY(sm_sql_prepare_free(
        store,
        sm_columns_sql(store, "SELECT span", sm_span_fields, SM_COLUMNS_NAMES,
                       " FROM spans WHERE run = ? ORDER BY span", SM_COLUMNS_NAMES, NULL),
        &select));
    enum sm_status status = read_spans(store, select, arena, run);
    sqlite3_finalize(select);
    if (status != SM_OK || run->summary.hashes.platform == NULL)
        return status;
    return sm_store_platform(store, run->summary.hashes.platform, arena, &run->platform);
}

enum sm_status
sm_store_read_more(struct sm_store *store, struct sm_arena *arena, struct sm_stored_run *run)
{
    run->spans = NULL;
    run->span_count = 0;
    run->platform = NULL;
    SM_TRY(sm_sql_execute(store, "BEGIN"));
    enum sm_status status = read_more(store, arena, run);
    sqlite3_exec(store->db, "COMMIT", NULL, NULL, NULL);
    return status;
}

enum sm_status
sm_store_platform(struct sm_store *store, const char *hash, struct sm_arena *arena,
                  const char **description)
{
    sqlite3_stmt *select;
    *description = NULL;
    SM_TRY(sm_schema_look(store));
    if (store->schema < SM_SCHEMA_DETAILS)
        return SM_OK;
    SM_TRY(sm_sql_prepare(store, "SELECT description FROM platforms WHERE hash = ?", &select));
    sqlite3_bind_text(select, 1, hash, -1, SQLITE_STATIC);
    enum sm_status status = SM_OK;
    int code = sqlite3_step(select);
    if (code == SQLITE_ROW) {
        *description = sm_arena_strdup(arena, (const char *)sqlite3_column_text(select, 0));
        if (*description == NULL)
            status = SM_FAIL(SM_ERR_NOMEM, "%s: no memory for a platform", store->path);
    } else if (code != SQLITE_DONE) {
        status = sm_sql_fail(store);
    }
    sqlite3_finalize(select);
    return status;
}
