/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/store/write.c -- rows in: runs and whose they are, evaluations, spans and platforms. */
#include <stdio.h>
#include <string.h>

#include "sim/store/columns.h"
#include "sim/store/owner.h"
#include "sim/store/sql.h"

static enum sm_status
insert_run(struct sm_store *store, const struct sm_summary *summary, int64_t *run)
{
    sqlite3_stmt *insert;
    SM_TRY(sm_sql_prepare_free(
        store,
        sm_columns_sql(store, "INSERT INTO runs (created", sm_summary_fields, SM_COLUMNS_NAMES,
                       ") VALUES (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')", SM_COLUMNS_MARKS, ")"),
        &insert));
    int next;
    enum sm_status status = sm_columns_bind(store, insert, 1, sm_summary_fields, summary, &next);
    if (status != SM_OK) {
        sqlite3_finalize(insert);
        return status;
    }
    SM_TRY(sm_sql_step(store, insert));
    *run = sqlite3_last_insert_rowid(store->db);
    return SM_OK;
}

/* The row of a run that this process begins. */
static enum sm_status
insert_own(struct sm_store *store, const struct sm_summary *summary, int64_t *run)
{
    const struct sm_owner self = sm_owner_self();
    struct sm_summary row = *summary;
    row.status = "running";
    sqlite3_stmt *claim;
    SM_TRY(insert_run(store, &row, run));
    SM_TRY(sm_sql_prepare(store, "INSERT INTO claims VALUES (?, ?, ?, ?, ?)", &claim));
    sqlite3_bind_int64(claim, 1, *run);
    sqlite3_bind_text(claim, 2, self.host, -1, SQLITE_STATIC);
    sqlite3_bind_text(claim, 3, self.boot, -1, SQLITE_STATIC);
    sqlite3_bind_int64(claim, 4, self.process);
    sqlite3_bind_int64(claim, 5, self.started);
    return sm_sql_step(store, claim);
}

enum sm_status
sm_store_begin(struct sm_store *store, const struct sm_summary *summary, int64_t *run)
{
    SM_TRY(sm_sql_execute(store, "BEGIN IMMEDIATE"));
    return sm_sql_end(store, insert_own(store, summary, run));
}

/* What a row that has not ended, with its claim from column 2 on, is to somebody who wants to run
 * it. */
static enum sm_claim
look_at_claim(sqlite3_stmt *row)
{
    const char *host = (const char *)sqlite3_column_text(row, 2);
    const char *boot = (const char *)sqlite3_column_text(row, 3);
    if (host == NULL || boot == NULL)
        return SM_CLAIM_MINE;
    struct sm_owner owner = {.process = sqlite3_column_int64(row, 4),
                             .started = sqlite3_column_int64(row, 5)};
    snprintf(owner.host, sizeof owner.host, "%s", host);
    snprintf(owner.boot, sizeof owner.boot, "%s", boot);
    switch (sm_owner_state(&owner)) {
    case SM_OWNER_ALIVE:
        return SM_CLAIM_TAKEN;
    case SM_OWNER_ELSEWHERE:
        return SM_CLAIM_ELSEWHERE;
    default:
        return SM_CLAIM_MINE;
    }
}

/* The rows of that run: done by one of them, or whose the living one is. */
static enum sm_status
look_for_run(struct sm_store *store, const char *run_id, int64_t *run, enum sm_claim *claim)
{
    sqlite3_stmt *select;
    SM_TRY(
        sm_sql_prepare(store,
                       "SELECT runs.run, status, host, boot, process, started FROM runs LEFT JOIN "
                       "claims USING (run) WHERE run_id = ? ORDER BY runs.run",
                       &select));
    sqlite3_bind_text(select, 1, run_id, -1, SQLITE_STATIC);
    int code;
    *claim = SM_CLAIM_MINE;
    while (*claim != SM_CLAIM_DONE && (code = sqlite3_step(select)) == SQLITE_ROW) {
        const enum sm_claim found = sm_store_is_done((const char *)sqlite3_column_text(select, 1))
                                        ? SM_CLAIM_DONE
                                        : look_at_claim(select);
        if (found == SM_CLAIM_DONE || *claim == SM_CLAIM_MINE) {
            *claim = found;
            *run = sqlite3_column_int64(select, 0);
        }
    }
    enum sm_status status =
        *claim == SM_CLAIM_DONE || code == SQLITE_DONE ? SM_OK : sm_sql_fail(store);
    sqlite3_finalize(select);
    return status;
}

/* All rows of a run, none of which counts. */
static enum sm_status
remove_run(struct sm_store *store, const char *run_id)
{
    static const char *const tables[] = {"claims", "spans", "evaluations", "runs"};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        char sql[128];
        sqlite3_stmt *remove;
        snprintf(sql, sizeof sql,
                 "DELETE FROM %s WHERE run IN (SELECT run FROM runs WHERE run_id = ?)", tables[i]);
        SM_TRY(sm_sql_prepare(store, sql, &remove));
        sqlite3_bind_text(remove, 1, run_id, -1, SQLITE_STATIC);
        SM_TRY(sm_sql_step(store, remove));
    }
    return SM_OK;
}

static enum sm_status
claim_inside(struct sm_store *store, const struct sm_summary *summary, bool take_over, int64_t *run,
             enum sm_claim *claim)
{
    SM_TRY(look_for_run(store, summary->run_id, run, claim));
    if (*claim == SM_CLAIM_ELSEWHERE && take_over)
        *claim = SM_CLAIM_MINE;
    if (*claim != SM_CLAIM_MINE)
        return SM_OK;
    SM_TRY(remove_run(store, summary->run_id));
    return insert_own(store, summary, run);
}

enum sm_status
sm_store_claim(struct sm_store *store, const struct sm_summary *summary, bool take_over,
               int64_t *run, enum sm_claim *claim)
{
    /* one of many writers: copying the log to the file waits for the disk, and can wait too */
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, (int *)NULL);
    SM_TRY(sm_sql_execute(store, "BEGIN IMMEDIATE"));
    return sm_sql_end(store, claim_inside(store, summary, take_over, run, claim));
}

enum sm_status
sm_store_add(struct sm_store *store, int64_t run, const struct sm_evaluation *evaluation)
{
    sqlite3_stmt *insert;
    SM_TRY(sm_sql_prepare_free(store,
                               sm_columns_sql(store, "INSERT INTO evaluations (run",
                                              sm_evaluation_fields, SM_COLUMNS_NAMES, ") VALUES (?",
                                              SM_COLUMNS_MARKS, ")"),
                               &insert));
    sqlite3_bind_int64(insert, 1, run);
    int next;
    sm_columns_bind(store, insert, 2, sm_evaluation_fields, evaluation, &next); /* numbers only */
    int code = sqlite3_step(insert);
    sqlite3_finalize(insert);
    if (code == SQLITE_CONSTRAINT_FOREIGNKEY)
        return SM_FAIL(SM_ERR_INPUT, "%s: no run %lld", store->path, (long long)run);
    if (code == SQLITE_CONSTRAINT_PRIMARYKEY)
        return SM_FAIL(SM_ERR_INPUT, "%s: run %lld has an evaluation of step %zu already",
                       store->path, (long long)run, evaluation->step);
    return code == SQLITE_DONE ? SM_OK : sm_sql_fail(store);
}

static enum sm_status
insert_spans(struct sm_store *store, int64_t run, const struct sm_span *spans, size_t count)
{
    sqlite3_stmt *insert;
    if (count == 0)
        return SM_OK;
    SM_TRY(sm_sql_prepare_free(store,
                               sm_columns_sql(store, "INSERT INTO spans (run, span", sm_span_fields,
                                              SM_COLUMNS_NAMES, ") VALUES (?, ?", SM_COLUMNS_MARKS,
                                              ")"),
                               &insert));
    int code = SQLITE_DONE;
    for (size_t i = 0; i < count && code == SQLITE_DONE; i++) {
        int next;
        sqlite3_bind_int64(insert, 1, run);
        sqlite3_bind_int64(insert, 2, (int64_t)i);
        sm_columns_bind(store, insert, 3, sm_span_fields, &spans[i], &next); /* no warnings */
        code = sqlite3_step(insert);
        sqlite3_reset(insert);
    }
    sqlite3_finalize(insert);
    if (code == SQLITE_CONSTRAINT_FOREIGNKEY)
        return SM_FAIL(SM_ERR_INPUT, "%s: no run %lld", store->path, (long long)run);
    if (code == SQLITE_CONSTRAINT_PRIMARYKEY)
        return SM_FAIL(SM_ERR_INPUT, "%s: run %lld has spans already", store->path, (long long)run);
    return code == SQLITE_DONE ? SM_OK : sm_sql_fail(store);
}

enum sm_status
sm_store_add_spans(struct sm_store *store, int64_t run, const struct sm_span *spans, size_t count)
{
    SM_TRY(sm_sql_execute(store, "BEGIN IMMEDIATE"));
    return sm_sql_end(store, insert_spans(store, run, spans, count));
}

enum sm_status
sm_store_add_platform(struct sm_store *store, const char *hash, const char *description)
{
    sqlite3_stmt *insert;
    SM_TRY(sm_sql_prepare(store, "INSERT OR IGNORE INTO platforms VALUES (?, ?)", &insert));
    sqlite3_bind_text(insert, 1, hash, -1, SQLITE_STATIC);
    sqlite3_bind_text(insert, 2, description, -1, SQLITE_STATIC);
    return sm_sql_step(store, insert);
}

static enum sm_status
finish_inside(struct sm_store *store, int64_t run, const struct sm_summary *summary)
{
    sqlite3_stmt *update, *release;
    SM_TRY(sm_sql_prepare_free(store,
                               sm_columns_sql(store, "UPDATE runs SET run = run", sm_summary_fields,
                                              SM_COLUMNS_ASSIGNMENTS, " WHERE run = ?",
                                              SM_COLUMNS_NAMES, NULL),
                               &update));
    int mark;
    enum sm_status status = sm_columns_bind(store, update, 1, sm_summary_fields, summary, &mark);
    if (status != SM_OK) {
        sqlite3_finalize(update);
        return status;
    }
    sqlite3_bind_int64(update, mark, run);
    SM_TRY(sm_sql_step(store, update));
    if (sqlite3_changes(store->db) == 0)
        return SM_FAIL(SM_ERR_INPUT, "%s: no run %lld", store->path, (long long)run);
    SM_TRY(sm_sql_prepare(store, "DELETE FROM claims WHERE run = ?", &release));
    sqlite3_bind_int64(release, 1, run);
    return sm_sql_step(store, release);
}

enum sm_status
sm_store_finish(struct sm_store *store, int64_t run, const struct sm_summary *summary)
{
    SM_TRY(sm_sql_execute(store, "BEGIN IMMEDIATE"));
    return sm_sql_end(store, finish_inside(store, run, summary));
}

static enum sm_status
put_inside(struct sm_store *store, const struct sm_stored_run *stored)
{
    int64_t run;
    enum sm_claim claim;
    sqlite3_stmt *update;
    SM_TRY(look_for_run(store, stored->summary.run_id, &run, &claim));
    if (claim == SM_CLAIM_DONE)
        return SM_OK;
    if (claim == SM_CLAIM_TAKEN)
        return SM_FAIL(SM_ERR_INPUT, "%s: %s (%s) is being run; wait for its end", store->path,
                       stored->summary.name, stored->summary.run_id);
    SM_TRY(remove_run(store, stored->summary.run_id));
    SM_TRY(insert_run(store, &stored->summary, &run));
    SM_TRY(sm_sql_prepare(store, "UPDATE runs SET created = ? WHERE run = ?", &update));
    sqlite3_bind_text(update, 1, stored->created, -1, SQLITE_STATIC);
    sqlite3_bind_int64(update, 2, run);
    SM_TRY(sm_sql_step(store, update));
    for (size_t i = 0; i < stored->evaluation_count; i++)
        SM_TRY(sm_store_add(store, run, &stored->evaluations[i]));
    SM_TRY(insert_spans(store, run, stored->spans, stored->span_count));
    if (stored->platform == NULL || stored->summary.hashes.platform == NULL)
        return SM_OK;
    return sm_store_add_platform(store, stored->summary.hashes.platform, stored->platform);
}

enum sm_status
sm_store_put(struct sm_store *store, const struct sm_stored_run *stored)
{
    SM_TRY(sm_sql_execute(store, "BEGIN IMMEDIATE"));
    return sm_sql_end(store, put_inside(store, stored));
}
