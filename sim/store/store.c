/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/store/store.c -- the SQLite file: schema, rows in, rows out.
 *
 * The first 100 bytes of the file are looked at before SQLite does anything with it: a file that is
 * no store of ours is never touched, not even its journal. They are true at any time, because the
 * schema is made in rollback mode, before the file goes to write-ahead logging.
 */
#include "sim/store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/store/owner.h"
#include "sim/store/record.h"

enum {
    SCHEMA = 5,               /* PRAGMA user_version; a newer one is refused        */
    DETAILS = 5,              /* the one that brought spans and platforms           */
    APPLICATION = 0x534d4f57, /* PRAGMA application_id: "SMOW"                      */
    BUSY_MS = 10000,          /* how long another writer is waited for              */
    HEADER = 100,             /* bytes of SQLite's file header, and what it holds:  */
    HEADER_SCHEMA = 60,
    HEADER_APPLICATION = 68,
};

struct sm_store {
    sqlite3 *db;
    int schema; /* of the file, when it was last looked at */
    char path[];
};

/* ---- errors ---- */

/* SQLite needs to write the file and, beside it, its log. */
static enum sm_status
read_only(const char *path)
{
    const bool file = faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) != 0;
    return SM_FAIL(SM_ERR_INPUT, "%s: cannot be written, %s read-only", path,
                   file ? "the file is" : "its folder is");
}

/* The failure of the last call on `store` as one line for the user. */
static enum sm_status
sqlite_fail(const struct sm_store *store)
{
    int code = sqlite3_errcode(store->db) & 0xff;
    int reason = sqlite3_system_errno(store->db);
    const char *path = store->path, *cause = reason != 0 ? strerror(reason) : NULL;
    if (code == SQLITE_IOERR && (reason == ENOSPC || reason == EDQUOT))
        code = SQLITE_FULL;
    switch (code) {
    case SQLITE_NOMEM:
        return SM_FAIL(SM_ERR_NOMEM, "%s: no memory", path);
    case SQLITE_CANTOPEN:
        return SM_FAIL(SM_ERR_INPUT, "cannot open %s: %s; expected a results file", path,
                       cause ? cause : "refused");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return SM_FAIL(SM_ERR_INPUT, "%s: locked by another program for over %d s", path,
                       BUSY_MS / 1000);
    case SQLITE_READONLY:
        return read_only(path);
    case SQLITE_FULL:
        return SM_FAIL(SM_ERR_IO, "%s: the disk is full; what was stored before is safe", path);
    case SQLITE_IOERR:
        return SM_FAIL(SM_ERR_IO, "%s: the system failed to read or write it (%s)", path,
                       cause ? cause : sqlite3_errmsg(store->db));
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
    case SQLITE_ERROR: /* our SQL is sound where the tables are */
        return SM_FAIL(SM_ERR_INPUT,
                       "%s: a damaged results file (%s); `.recover` of sqlite3 saves what it can",
                       path, sqlite3_errmsg(store->db));
    default:
        return SM_FAIL(SM_ERR_INPUT, "%s: %s", path, sqlite3_errmsg(store->db));
    }
}

static enum sm_status
execute(struct sm_store *store, const char *sql)
{
    return sqlite3_exec(store->db, sql, NULL, NULL, NULL) == SQLITE_OK ? SM_OK : sqlite_fail(store);
}

/* Ends a transaction: what was done in it counts, or, after an error, nothing of it. */
static enum sm_status
end_transaction(struct sm_store *store, enum sm_status status)
{
    if (status == SM_OK)
        status = execute(store, "COMMIT");
    if (status == SM_OK)
        return SM_OK;
    const struct sm_error error = *sm_error_last();
    sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
    return sm_error_set(&error);
}

static enum sm_status
prepare(struct sm_store *store, const char *sql, sqlite3_stmt **statement)
{
    return sqlite3_prepare_v2(store->db, sql, -1, statement, NULL) == SQLITE_OK
               ? SM_OK
               : sqlite_fail(store);
}

/* Runs a statement that gives no rows, and ends it. */
static enum sm_status
step_and_finalize(struct sm_store *store, sqlite3_stmt *statement)
{
    int code = sqlite3_step(statement);
    enum sm_status status = code == SQLITE_DONE ? SM_OK : sqlite_fail(store);
    sqlite3_finalize(statement);
    return status;
}

static enum sm_status
query_number(struct sm_store *store, const char *sql, int64_t *number)
{
    sqlite3_stmt *statement;
    SM_TRY(prepare(store, sql, &statement));
    enum sm_status status = SM_OK;
    if (sqlite3_step(statement) == SQLITE_ROW)
        *number = sqlite3_column_int64(statement, 0);
    else
        status = sqlite_fail(store);
    sqlite3_finalize(statement);
    return status;
}

/* ---- SQL from the field tables ---- */

enum list {
    DEFINITIONS,
    NAMES, /* NULL for what the file's schema has not */
    MARKS,
    ASSIGNMENTS,
};

/* ", final_test_loss REAL, ...": one item a field, each after a comma. */
static void
write_list(FILE *sql, const struct sm_field *fields, enum list list, int schema)
{
    static const char *const types[] = {[SM_FIELD_TEXT] = "TEXT",
                                        [SM_FIELD_REAL] = "REAL",
                                        [SM_FIELD_WHOLE] = "INTEGER",
                                        [SM_FIELD_COUNT] = "INTEGER",
                                        [SM_FIELD_WARNINGS] = "TEXT"};
    for (const struct sm_field *f = fields; f->name != NULL; f++) {
        fputs(", ", sql);
        if (list == NAMES && f->since > schema)
            fputs("NULL", sql);
        else if (list != MARKS)
            for (const char *c = f->name; *c != '\0'; c++)
                fputc(*c == '.' ? '_' : *c, sql);
        if (list == DEFINITIONS)
            fprintf(sql, " %s", types[f->kind]);
        else if (list == MARKS)
            fputc('?', sql);
        else if (list == ASSIGNMENTS)
            fputs(" = ?", sql);
    }
}

/* head ", list" middle ", list" tail; the lists may be of different kinds. NULL: no memory. The
 * caller frees it. */
static char *
sql_with_lists(const struct sm_store *store, const char *head, const struct sm_field *fields,
               enum list first, const char *middle, enum list second, const char *tail)
{
    char *text = NULL;
    size_t length;
    FILE *sql = open_memstream(&text, &length);
    if (sql == NULL)
        return NULL;
    fputs(head, sql);
    write_list(sql, fields, first, store->schema);
    fputs(middle, sql);
    if (tail != NULL) {
        write_list(sql, fields, second, store->schema);
        fputs(tail, sql);
    }
    fclose(sql);
    return text;
}

static enum sm_status
prepare_free(struct sm_store *store, char *sql, sqlite3_stmt **statement)
{
    enum sm_status status = sql != NULL ? prepare(store, sql, statement)
                                        : SM_FAIL(SM_ERR_NOMEM, "%s: no memory", store->path);
    free(sql);
    return status;
}

static enum sm_status
execute_free(struct sm_store *store, char *sql)
{
    enum sm_status status =
        sql != NULL ? execute(store, sql) : SM_FAIL(SM_ERR_NOMEM, "%s: no memory", store->path);
    free(sql);
    return status;
}

static void
bind_number(sqlite3_stmt *statement, int index, double value, bool whole)
{
    if (whole && value >= -0x1p62 && value <= 0x1p62 && value == (double)(int64_t)value)
        sqlite3_bind_int64(statement, index, (int64_t)value);
    else
        sqlite3_bind_double(statement, index, value); /* SQLite makes NaN a NULL */
}

/* Binds a record to the marks from `index` on; *next is the mark after the last. */
static enum sm_status
bind_record(struct sm_store *store, sqlite3_stmt *statement, int index,
            const struct sm_field *fields, const void *record, int *next)
{
    for (const struct sm_field *f = fields; f->name != NULL; f++, index++) {
        const void *value = sm_field_in(f, record);
        switch (f->kind) {
        case SM_FIELD_TEXT:
            sqlite3_bind_text(statement, index, *(const char *const *)value, -1, SQLITE_STATIC);
            break;
        case SM_FIELD_REAL:
        case SM_FIELD_WHOLE:
            bind_number(statement, index, *(const double *)value, f->kind == SM_FIELD_WHOLE);
            break;
        case SM_FIELD_COUNT:
            sqlite3_bind_int64(statement, index, (int64_t) * (const size_t *)value);
            break;
        case SM_FIELD_WARNINGS: {
            json_t *list = sm_field_json(f, record);
            char *text = list != NULL ? json_dumps(list, JSON_COMPACT) : NULL;
            json_decref(list);
            if (text == NULL)
                return SM_FAIL(SM_ERR_INPUT, "%s: a warning that is not UTF-8", store->path);
            sqlite3_bind_text(statement, index, text, -1, free);
            break;
        }
        }
    }
    *next = index;
    return SM_OK;
}

static enum sm_status
read_warnings(const char *text, struct sm_arena *arena, struct sm_summary *summary)
{
    json_t *list = json_loads(text, 0, NULL);
    size_t count = json_array_size(list);
    const char **warnings = sm_arena_zalloc(arena, count, sizeof *warnings);
    for (size_t i = 0; warnings != NULL && i < count; i++) {
        const char *warning = json_string_value(json_array_get(list, i));
        warnings[i] = sm_arena_strdup(arena, warning != NULL ? warning : "");
        if (warnings[i] == NULL)
            warnings = NULL;
    }
    json_decref(list);
    if (warnings == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for %zu warnings", count);
    summary->warnings = warnings;
    summary->warning_count = count;
    return SM_OK;
}

/* The row's columns from `index` on become a record. */
static enum sm_status
read_record(sqlite3_stmt *row, int index, const struct sm_field *fields, struct sm_arena *arena,
            void *record)
{
    for (const struct sm_field *f = fields; f->name != NULL; f++, index++) {
        void *value = (char *)record + f->offset;
        const char *text = NULL;
        if (f->kind == SM_FIELD_TEXT || f->kind == SM_FIELD_WARNINGS)
            text = (const char *)sqlite3_column_text(row, index);
        switch (f->kind) {
        case SM_FIELD_TEXT: {
            const char *copy = text != NULL ? sm_arena_strdup(arena, text) : NULL;
            if (text != NULL && copy == NULL)
                return SM_FAIL(SM_ERR_NOMEM, "no memory for a stored text");
            *(const char **)value = copy;
            break;
        }
        case SM_FIELD_REAL:
        case SM_FIELD_WHOLE:
            *(double *)value = sqlite3_column_type(row, index) == SQLITE_NULL
                                   ? __builtin_nan("")
                                   : sqlite3_column_double(row, index);
            break;
        case SM_FIELD_COUNT:
            *(size_t *)value = (size_t)sqlite3_column_int64(row, index);
            break;
        case SM_FIELD_WARNINGS:
            SM_TRY(read_warnings(text != NULL ? text : "[]", arena, record));
            break;
        }
    }
    return SM_OK;
}

/* ---- opening ---- */

static uint32_t
big_endian(const unsigned char *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* Fails unless the open file is a store this program reads; *fresh: it is empty. Read through
 * SQLite's own handle: closing one of ours would drop the locks of every other in this process. */
static enum sm_status
look_at_header(struct sm_store *store, bool *fresh)
{
    sqlite3_file *file = NULL;
    sqlite3_int64 length = 0;
    unsigned char header[HEADER];
    sqlite3_file_control(store->db, "main", SQLITE_FCNTL_FILE_POINTER, &file);
    if (file == NULL || file->pMethods == NULL ||
        file->pMethods->xFileSize(file, &length) != SQLITE_OK)
        return SM_FAIL(SM_ERR_INPUT, "cannot read %s", store->path);
    *fresh = length == 0;
    if (*fresh)
        return SM_OK;
    if (length < HEADER || file->pMethods->xRead(file, header, HEADER, 0) != SQLITE_OK ||
        memcmp(header, "SQLite format 3", 16) != 0)
        return SM_FAIL(SM_ERR_INPUT, "%s: not a results file (no SQLite file); it was left alone",
                       store->path);
    if (big_endian(header + HEADER_APPLICATION) != APPLICATION)
        return SM_FAIL(SM_ERR_INPUT,
                       "%s: a SQLite file of another program, no results; it was left alone",
                       store->path);
    uint32_t schema = big_endian(header + HEADER_SCHEMA);
    if (schema > SCHEMA)
        return SM_FAIL(SM_ERR_INPUT,
                       "%s: written by a newer version of slowmo (schema %u, this one knows %d)",
                       store->path, schema, SCHEMA);
    store->schema = (int)schema;
    return SM_OK;
}

/* What came with schema DETAILS. */
static enum sm_status
create_details(struct sm_store *store)
{
    SM_TRY(execute_free(
        store,
        sql_with_lists(
            store, "CREATE TABLE spans (run INTEGER NOT NULL REFERENCES runs, span INTEGER",
            sm_span_fields, DEFINITIONS, ", PRIMARY KEY (run, span)) WITHOUT ROWID", NAMES, NULL)));
    return execute(store, "CREATE TABLE platforms (hash TEXT PRIMARY KEY, description TEXT NOT "
                          "NULL) WITHOUT ROWID");
}

/* Adds the columns that came after `schema`. */
static enum sm_status
add_columns(struct sm_store *store, const char *table, const struct sm_field *fields, int schema)
{
    for (const struct sm_field *f = fields; f->name != NULL; f++) {
        if (f->since <= schema)
            continue;
        const struct sm_field one[] = {*f, {.name = NULL}};
        char head[64];
        snprintf(head, sizeof head, "ALTER TABLE %s ADD COLUMN", table);
        char *sql = sql_with_lists(store, head, one, DEFINITIONS, "", NAMES, NULL);
        if (sql != NULL)
            *strchr(sql, ',') = ' ';
        SM_TRY(execute_free(store, sql));
    }
    return SM_OK;
}

/* Brings an older file up to this version; nothing in it is lost. */
static enum sm_status
upgrade_schema(struct sm_store *store)
{
    SM_TRY(execute(store, "BEGIN IMMEDIATE"));
    int64_t schema = 0;
    SM_TRY(query_number(store, "PRAGMA user_version", &schema)); /* another may have been first */
    if (schema < SCHEMA) {
        SM_TRY(add_columns(store, "runs", sm_summary_fields, (int)schema));
        SM_TRY(add_columns(store, "evaluations", sm_evaluation_fields, (int)schema));
        if (schema < DETAILS)
            SM_TRY(create_details(store));
        char pragma[48];
        snprintf(pragma, sizeof pragma, "PRAGMA user_version = %d", SCHEMA);
        SM_TRY(execute(store, pragma));
    }
    store->schema = SCHEMA;
    return execute(store, "COMMIT");
}

/* Makes the tables, unless another process was first. */
static enum sm_status
create_schema(struct sm_store *store)
{
    SM_TRY(execute(store, "BEGIN IMMEDIATE"));
    int64_t schema = 0;
    SM_TRY(query_number(store, "PRAGMA user_version", &schema));
    if (schema == 0) {
        char pragmas[96];
        snprintf(pragmas, sizeof pragmas, "PRAGMA application_id = %d; PRAGMA user_version = %d",
                 APPLICATION, SCHEMA);
        SM_TRY(execute(store, pragmas));
        SM_TRY(execute_free(
            store, sql_with_lists(store, "CREATE TABLE runs (run INTEGER PRIMARY KEY, created TEXT",
                                  sm_summary_fields, DEFINITIONS, ")", NAMES, NULL)));
        SM_TRY(execute_free(
            store,
            sql_with_lists(store, "CREATE TABLE evaluations (run INTEGER NOT NULL REFERENCES runs",
                           sm_evaluation_fields, DEFINITIONS,
                           ", PRIMARY KEY (run, step)) WITHOUT ROWID", NAMES, NULL)));
        SM_TRY(create_details(store));
        schema = SCHEMA;
    }
    store->schema = (int)schema;
    return execute(store, "COMMIT");
}

/* Who is at work on which row. No part of the schema: a program that does not know the table reads
 * and writes the same results. */
static enum sm_status
make_claims(struct sm_store *store)
{
    int64_t there = 0;
    SM_TRY(query_number(store, "SELECT count(*) FROM sqlite_master WHERE name = 'claims'", &there));
    if (there > 0)
        return SM_OK;
    return execute(store, "CREATE TABLE IF NOT EXISTS claims (run INTEGER PRIMARY KEY REFERENCES "
                          "runs, host TEXT, boot TEXT, process INTEGER, started INTEGER)");
}

static enum sm_status
open_database(struct sm_store *store, const char *name, int flags)
{
    sqlite3_close(store->db);
    if (sqlite3_open_v2(name, &store->db, flags, NULL) != SQLITE_OK)
        return sqlite_fail(store);
    sqlite3_extended_result_codes(store->db, 1);
    sqlite3_busy_timeout(store->db, BUSY_MS);
    return SM_OK;
}

/* Makes an empty file where there is none. SQLite would too, but says less of why it cannot. */
static enum sm_status
make_file(const char *path)
{
    if (access(path, F_OK) == 0)
        return SM_OK;
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (file < 0 && errno != EEXIST)
        return SM_FAIL(SM_ERR_INPUT, "cannot make %s: %s", path, strerror(errno));
    if (file >= 0)
        close(file);
    return SM_OK;
}

static enum sm_status
open_writable(struct sm_store *store)
{
    bool fresh;
    SM_TRY(make_file(store->path));
    SM_TRY(open_database(store, store->path, SQLITE_OPEN_READWRITE));
    SM_TRY(look_at_header(store, &fresh));
    if (sqlite3_db_readonly(store->db, "main")) /* SQLite falls back to reading, silently */
        return read_only(store->path);
    SM_TRY(execute(store, "PRAGMA foreign_keys = ON"));
    if (fresh)
        SM_TRY(create_schema(store));
    if (store->schema < SCHEMA)
        SM_TRY(upgrade_schema(store));
    SM_TRY(make_claims(store));
    /* In WAL mode readers and the writer do not wait for each other, and a commit need not wait
     * for the disk (NORMAL): a killed process loses nothing it committed. The switch fails while
     * another process uses the file or on some network disks; rollback mode is as safe. */
    int refused = sqlite3_exec(store->db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL);
    if (refused != SQLITE_OK && (refused & 0xff) != SQLITE_BUSY)
        return sqlite_fail(store);
    return execute(store, "PRAGMA synchronous = NORMAL");
}

/* "file:PATH?immutable=1", for a store in a folder where SQLite cannot put its shared memory. */
static enum sm_status
open_immutable(struct sm_store *store)
{
    size_t length = strlen(store->path);
    char *uri = malloc(3 * length + sizeof "file:?immutable=1");
    if (uri == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "%s: no memory", store->path);
    char *end = stpcpy(uri, "file:");
    for (const char *c = store->path; *c != '\0'; c++)
        if (*c == '%' || *c == '?' || *c == '#')
            end += sprintf(end, "%%%02x", (unsigned)*c);
        else
            *end++ = *c;
    strcpy(end, "?immutable=1");
    enum sm_status status = open_database(store, uri, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI);
    free(uri);
    return status;
}

static enum sm_status
open_readonly(struct sm_store *store)
{
    bool fresh;
    SM_TRY(open_database(store, store->path, SQLITE_OPEN_READONLY));
    SM_TRY(look_at_header(store, &fresh));
    if (fresh)
        return SM_FAIL(SM_ERR_INPUT, "%s: an empty file, expected results", store->path);
    int64_t runs;
    if (query_number(store, "SELECT count(*) FROM runs", &runs) == SM_OK)
        return SM_OK;
    int code = sqlite3_errcode(store->db) & 0xff;
    if (code != SQLITE_CANTOPEN && code != SQLITE_READONLY)
        return sqlite_fail(store);
    SM_TRY(open_immutable(store));
    return query_number(store, "SELECT count(*) FROM runs", &runs);
}

static enum sm_status
open_with(const char *path, enum sm_status (*open_how)(struct sm_store *store),
          struct sm_store **out)
{
    *out = NULL;
    struct stat about;
    if (path[0] == '\0')
        return SM_FAIL(SM_ERR_INPUT, "the name of the results file is empty");
    if (stat(path, &about) == 0 && !S_ISREG(about.st_mode))
        return SM_FAIL(SM_ERR_INPUT, "%s: %s, expected a results file", path,
                       S_ISDIR(about.st_mode) ? "a folder" : "not a regular file");
    struct sm_store *store = calloc(1, sizeof *store + strlen(path) + 1);
    if (store == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "%s: no memory", path);
    strcpy(store->path, path);
    enum sm_status status = open_how(store);
    if (status == SM_OK)
        *out = store;
    else
        sm_store_close(store);
    return status;
}

enum sm_status
sm_store_open(const char *path, struct sm_store **store)
{
    return open_with(path, open_writable, store);
}

enum sm_status
sm_store_open_readonly(const char *path, struct sm_store **store)
{
    return open_with(path, open_readonly, store);
}

void
sm_store_close(struct sm_store *store)
{
    if (store != NULL)
        sqlite3_close(store->db);
    free(store);
}

/* ---- rows in ---- */

static enum sm_status
insert_run(struct sm_store *store, const struct sm_summary *summary, int64_t *run)
{
    sqlite3_stmt *insert;
    SM_TRY(
        prepare_free(store,
                     sql_with_lists(store, "INSERT INTO runs (created", sm_summary_fields, NAMES,
                                    ") VALUES (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')", MARKS, ")"),
                     &insert));
    int next;
    enum sm_status status = bind_record(store, insert, 1, sm_summary_fields, summary, &next);
    if (status != SM_OK) {
        sqlite3_finalize(insert);
        return status;
    }
    SM_TRY(step_and_finalize(store, insert));
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
    SM_TRY(prepare(store, "INSERT INTO claims VALUES (?, ?, ?, ?, ?)", &claim));
    sqlite3_bind_int64(claim, 1, *run);
    sqlite3_bind_text(claim, 2, self.host, -1, SQLITE_STATIC);
    sqlite3_bind_text(claim, 3, self.boot, -1, SQLITE_STATIC);
    sqlite3_bind_int64(claim, 4, self.process);
    sqlite3_bind_int64(claim, 5, self.started);
    return step_and_finalize(store, claim);
}

enum sm_status
sm_store_begin(struct sm_store *store, const struct sm_summary *summary, int64_t *run)
{
    SM_TRY(execute(store, "BEGIN IMMEDIATE"));
    return end_transaction(store, insert_own(store, summary, run));
}

static bool
is_done(const char *status)
{
    return status != NULL && (strcmp(status, "finished") == 0 || strcmp(status, "diverged") == 0);
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
    SM_TRY(prepare(store,
                   "SELECT runs.run, status, host, boot, process, started FROM runs LEFT JOIN "
                   "claims USING (run) WHERE run_id = ? ORDER BY runs.run",
                   &select));
    sqlite3_bind_text(select, 1, run_id, -1, SQLITE_STATIC);
    int code;
    *claim = SM_CLAIM_MINE;
    while (*claim != SM_CLAIM_DONE && (code = sqlite3_step(select)) == SQLITE_ROW) {
        const enum sm_claim found = is_done((const char *)sqlite3_column_text(select, 1))
                                        ? SM_CLAIM_DONE
                                        : look_at_claim(select);
        if (found == SM_CLAIM_DONE || *claim == SM_CLAIM_MINE) {
            *claim = found;
            *run = sqlite3_column_int64(select, 0);
        }
    }
    enum sm_status status =
        *claim == SM_CLAIM_DONE || code == SQLITE_DONE ? SM_OK : sqlite_fail(store);
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
        SM_TRY(prepare(store, sql, &remove));
        sqlite3_bind_text(remove, 1, run_id, -1, SQLITE_STATIC);
        SM_TRY(step_and_finalize(store, remove));
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
    SM_TRY(execute(store, "BEGIN IMMEDIATE"));
    return end_transaction(store, claim_inside(store, summary, take_over, run, claim));
}

enum sm_status
sm_store_add(struct sm_store *store, int64_t run, const struct sm_evaluation *evaluation)
{
    sqlite3_stmt *insert;
    SM_TRY(prepare_free(store,
                        sql_with_lists(store, "INSERT INTO evaluations (run", sm_evaluation_fields,
                                       NAMES, ") VALUES (?", MARKS, ")"),
                        &insert));
    sqlite3_bind_int64(insert, 1, run);
    int next;
    bind_record(store, insert, 2, sm_evaluation_fields, evaluation, &next); /* numbers only */
    int code = sqlite3_step(insert);
    sqlite3_finalize(insert);
    if (code == SQLITE_CONSTRAINT_FOREIGNKEY)
        return SM_FAIL(SM_ERR_INPUT, "%s: no run %lld", store->path, (long long)run);
    if (code == SQLITE_CONSTRAINT_PRIMARYKEY)
        return SM_FAIL(SM_ERR_INPUT, "%s: run %lld has an evaluation of step %zu already",
                       store->path, (long long)run, evaluation->step);
    return code == SQLITE_DONE ? SM_OK : sqlite_fail(store);
}

static enum sm_status
insert_spans(struct sm_store *store, int64_t run, const struct sm_span *spans, size_t count)
{
    sqlite3_stmt *insert;
    if (count == 0)
        return SM_OK;
    SM_TRY(prepare_free(store,
                        sql_with_lists(store, "INSERT INTO spans (run, span", sm_span_fields, NAMES,
                                       ") VALUES (?, ?", MARKS, ")"),
                        &insert));
    int code = SQLITE_DONE;
    for (size_t i = 0; i < count && code == SQLITE_DONE; i++) {
        int next;
        sqlite3_bind_int64(insert, 1, run);
        sqlite3_bind_int64(insert, 2, (int64_t)i);
        bind_record(store, insert, 3, sm_span_fields, &spans[i], &next); /* it has no warnings */
        code = sqlite3_step(insert);
        sqlite3_reset(insert);
    }
    sqlite3_finalize(insert);
    if (code == SQLITE_CONSTRAINT_FOREIGNKEY)
        return SM_FAIL(SM_ERR_INPUT, "%s: no run %lld", store->path, (long long)run);
    if (code == SQLITE_CONSTRAINT_PRIMARYKEY)
        return SM_FAIL(SM_ERR_INPUT, "%s: run %lld has spans already", store->path, (long long)run);
    return code == SQLITE_DONE ? SM_OK : sqlite_fail(store);
}

enum sm_status
sm_store_add_spans(struct sm_store *store, int64_t run, const struct sm_span *spans, size_t count)
{
    SM_TRY(execute(store, "BEGIN IMMEDIATE"));
    return end_transaction(store, insert_spans(store, run, spans, count));
}

enum sm_status
sm_store_add_platform(struct sm_store *store, const char *hash, const char *description)
{
    sqlite3_stmt *insert;
    SM_TRY(prepare(store, "INSERT OR IGNORE INTO platforms VALUES (?, ?)", &insert));
    sqlite3_bind_text(insert, 1, hash, -1, SQLITE_STATIC);
    sqlite3_bind_text(insert, 2, description, -1, SQLITE_STATIC);
    return step_and_finalize(store, insert);
}

static enum sm_status
finish_inside(struct sm_store *store, int64_t run, const struct sm_summary *summary)
{
    sqlite3_stmt *update, *release;
    SM_TRY(prepare_free(store,
                        sql_with_lists(store, "UPDATE runs SET run = run", sm_summary_fields,
                                       ASSIGNMENTS, " WHERE run = ?", NAMES, NULL),
                        &update));
    int mark;
    enum sm_status status = bind_record(store, update, 1, sm_summary_fields, summary, &mark);
    if (status != SM_OK) {
        sqlite3_finalize(update);
        return status;
    }
    sqlite3_bind_int64(update, mark, run);
    SM_TRY(step_and_finalize(store, update));
    if (sqlite3_changes(store->db) == 0)
        return SM_FAIL(SM_ERR_INPUT, "%s: no run %lld", store->path, (long long)run);
    SM_TRY(prepare(store, "DELETE FROM claims WHERE run = ?", &release));
    sqlite3_bind_int64(release, 1, run);
    return step_and_finalize(store, release);
}

enum sm_status
sm_store_finish(struct sm_store *store, int64_t run, const struct sm_summary *summary)
{
    SM_TRY(execute(store, "BEGIN IMMEDIATE"));
    return end_transaction(store, finish_inside(store, run, summary));
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
    SM_TRY(prepare(store, "UPDATE runs SET created = ? WHERE run = ?", &update));
    sqlite3_bind_text(update, 1, stored->created, -1, SQLITE_STATIC);
    sqlite3_bind_int64(update, 2, run);
    SM_TRY(step_and_finalize(store, update));
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
    SM_TRY(execute(store, "BEGIN IMMEDIATE"));
    return end_transaction(store, put_inside(store, stored));
}

/* ---- rows out ---- */

/* A writer may have brought it up to date; the header says so later. */
static enum sm_status
look_at_schema(struct sm_store *store)
{
    int64_t schema = 0;
    SM_TRY(query_number(store, "PRAGMA user_version", &schema));
    store->schema = (int)schema;
    return SM_OK;
}

static enum sm_status
read_evaluations(struct sm_store *store, sqlite3_stmt *select, struct sm_arena *arena,
                 struct sm_stored_run *stored)
{
    char sql[96];
    int64_t count = 0;
    snprintf(sql, sizeof sql, "SELECT count(*) FROM evaluations WHERE run = %lld",
             (long long)stored->run);
    SM_TRY(query_number(store, sql, &count));
    struct sm_evaluation *evaluations = sm_arena_alloc(arena, (size_t)count, sizeof *evaluations);
    if (evaluations == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "%s: no memory for %lld evaluations", store->path,
                       (long long)count);
    sqlite3_reset(select);
    sqlite3_bind_int64(select, 1, stored->run);
    for (int64_t i = 0; i < count; i++) {
        if (sqlite3_step(select) != SQLITE_ROW)
            return sqlite_fail(store);
        SM_TRY(read_record(select, 1, sm_evaluation_fields, arena, &evaluations[i]));
    }
    stored->evaluations = evaluations;
    stored->evaluation_count = (size_t)count;
    return SM_OK;
}

static enum sm_status
read_runs(struct sm_store *store, struct sm_arena *arena, struct sm_stored_run *runs, size_t count)
{
    sqlite3_stmt *select, *points = NULL;
    SM_TRY(prepare_free(store,
                        sql_with_lists(store, "SELECT run, created", sm_summary_fields, NAMES,
                                       " FROM runs ORDER BY run", NAMES, NULL),
                        &select));
    enum sm_status status =
        prepare_free(store,
                     sql_with_lists(store, "SELECT run", sm_evaluation_fields, NAMES,
                                    " FROM evaluations WHERE run = ? ORDER BY step", NAMES, NULL),
                     &points);
    for (size_t i = 0; status == SM_OK && i < count; i++) {
        if (sqlite3_step(select) != SQLITE_ROW) {
            status = sqlite_fail(store);
            break;
        }
        const char *created = (const char *)sqlite3_column_text(select, 1);
        runs[i].run = sqlite3_column_int64(select, 0);
        runs[i].created = sm_arena_strdup(arena, created != NULL ? created : "");
        status = read_record(select, 2, sm_summary_fields, arena, &runs[i].summary);
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
    SM_TRY(execute(store, "BEGIN")); /* one moment of a store that others may write */
    int64_t rows = 0;
    enum sm_status status = query_number(store, "SELECT count(*) FROM runs", &rows);
    if (status == SM_OK)
        status = look_at_schema(store);
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
    char sql[96];
    int64_t count = 0;
    snprintf(sql, sizeof sql, "SELECT count(*) FROM spans WHERE run = %lld", (long long)run->run);
    SM_TRY(query_number(store, sql, &count));
    struct sm_span *spans = sm_arena_alloc(arena, (size_t)count, sizeof *spans);
    if (spans == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "%s: no memory for %lld spans", store->path, (long long)count);
    sqlite3_bind_int64(select, 1, run->run);
    for (int64_t i = 0; i < count; i++) {
        if (sqlite3_step(select) != SQLITE_ROW)
            return sqlite_fail(store);
        SM_TRY(read_record(select, 1, sm_span_fields, arena, &spans[i]));
    }
    run->spans = spans;
    run->span_count = (size_t)count;
    return SM_OK;
}

static enum sm_status
read_more(struct sm_store *store, struct sm_arena *arena, struct sm_stored_run *run)
{
    sqlite3_stmt *select;
    SM_TRY(look_at_schema(store));
    if (store->schema < DETAILS)
        return SM_OK;
    SM_TRY(prepare_free(store,
                        sql_with_lists(store, "SELECT span", sm_span_fields, NAMES,
                                       " FROM spans WHERE run = ? ORDER BY span", NAMES, NULL),
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
    SM_TRY(execute(store, "BEGIN"));
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
    SM_TRY(look_at_schema(store));
    if (store->schema < DETAILS)
        return SM_OK;
    SM_TRY(prepare(store, "SELECT description FROM platforms WHERE hash = ?", &select));
    sqlite3_bind_text(select, 1, hash, -1, SQLITE_STATIC);
    enum sm_status status = SM_OK;
    int code = sqlite3_step(select);
    if (code == SQLITE_ROW) {
        *description = sm_arena_strdup(arena, (const char *)sqlite3_column_text(select, 0));
        if (*description == NULL)
            status = SM_FAIL(SM_ERR_NOMEM, "%s: no memory for a platform", store->path);
    } else if (code != SQLITE_DONE) {
        status = sqlite_fail(store);
    }
    sqlite3_finalize(select);
    return status;
}
