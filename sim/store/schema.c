/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/store/schema.c -- see schema.h. */
#include "sim/store/schema.h"

#include <stdio.h>
#include <string.h>

#include "sim/store/columns.h"

enum {
    SCHEMA = 5,               /* PRAGMA user_version; a newer one is refused        */
    APPLICATION = 0x534d4f57, /* PRAGMA application_id: "SMOW"                      */
    HEADER = 100,             /* bytes of SQLite's file header, and what it holds:  */
    HEADER_SCHEMA = 60,
    HEADER_APPLICATION = 68,
};

static uint32_t
big_endian(const unsigned char *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* Read through SQLite's own handle: closing one of ours would drop the locks of every other in this
 * process. */
enum sm_status
sm_schema_recognize(struct sm_store *store, bool *fresh)
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

/* Asked of SQLite: the header at the front of the file says so only later. */
enum sm_status
sm_schema_look(struct sm_store *store)
{
    int64_t schema = 0;
    SM_TRY(sm_sql_number(store, "PRAGMA user_version", &schema));
    store->schema = (int)schema;
    return SM_OK;
}

/* What came with SM_SCHEMA_DETAILS. */
static enum sm_status
create_details(struct sm_store *store)
{
    SM_TRY(sm_sql_execute_free(
        store, sm_columns_sql(
                   store, "CREATE TABLE spans (run INTEGER NOT NULL REFERENCES runs, span INTEGER",
                   sm_span_fields, SM_COLUMNS_DEFINITIONS,
                   ", PRIMARY KEY (run, span)) WITHOUT ROWID", SM_COLUMNS_NAMES, NULL)));
    return sm_sql_execute(store,
                          "CREATE TABLE platforms (hash TEXT PRIMARY KEY, description TEXT NOT "
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
        char *sql =
            sm_columns_sql(store, head, one, SM_COLUMNS_DEFINITIONS, "", SM_COLUMNS_NAMES, NULL);
        if (sql != NULL)
            *strchr(sql, ',') = ' ';
        SM_TRY(sm_sql_execute_free(store, sql));
    }
    return SM_OK;
}

/* Brings an older file up to this version; nothing in it is lost. */
static enum sm_status
upgrade_schema(struct sm_store *store)
{
    SM_TRY(sm_sql_execute(store, "BEGIN IMMEDIATE"));
    int64_t schema = 0;
    SM_TRY(sm_sql_number(store, "PRAGMA user_version", &schema)); /* another may have been first */
    if (schema < SCHEMA) {
        SM_TRY(add_columns(store, "runs", sm_summary_fields, (int)schema));
        SM_TRY(add_columns(store, "evaluations", sm_evaluation_fields, (int)schema));
        if (schema < SM_SCHEMA_DETAILS)
            SM_TRY(create_details(store));
        char pragma[48];
        snprintf(pragma, sizeof pragma, "PRAGMA user_version = %d", SCHEMA);
        SM_TRY(sm_sql_execute(store, pragma));
    }
    store->schema = SCHEMA;
    return sm_sql_execute(store, "COMMIT");
}

/* Makes the tables, unless another process was first. */
static enum sm_status
create_schema(struct sm_store *store)
{
    SM_TRY(sm_sql_execute(store, "BEGIN IMMEDIATE"));
    int64_t schema = 0;
    SM_TRY(sm_sql_number(store, "PRAGMA user_version", &schema));
    if (schema == 0) {
        char pragmas[96];
        snprintf(pragmas, sizeof pragmas, "PRAGMA application_id = %d; PRAGMA user_version = %d",
                 APPLICATION, SCHEMA);
        SM_TRY(sm_sql_execute(store, pragmas));
        SM_TRY(sm_sql_execute_free(
            store, sm_columns_sql(store, "CREATE TABLE runs (run INTEGER PRIMARY KEY, created TEXT",
                                  sm_summary_fields, SM_COLUMNS_DEFINITIONS, ")", SM_COLUMNS_NAMES,
                                  NULL)));
        SM_TRY(sm_sql_execute_free(
            store,
            sm_columns_sql(store, "CREATE TABLE evaluations (run INTEGER NOT NULL REFERENCES runs",
                           sm_evaluation_fields, SM_COLUMNS_DEFINITIONS,
                           ", PRIMARY KEY (run, step)) WITHOUT ROWID", SM_COLUMNS_NAMES, NULL)));
        SM_TRY(create_details(store));
        schema = SCHEMA;
    }
    store->schema = (int)schema;
    return sm_sql_execute(store, "COMMIT");
}

/* Who is at work on which row. No part of the schema: a program that does not know the table reads
 * and writes the same results. */
static enum sm_status
make_claims(struct sm_store *store)
{
    int64_t there = 0;
    SM_TRY(
        sm_sql_number(store, "SELECT count(*) FROM sqlite_master WHERE name = 'claims'", &there));
    if (there > 0)
        return SM_OK;
    return sm_sql_execute(store,
                          "CREATE TABLE IF NOT EXISTS claims (run INTEGER PRIMARY KEY REFERENCES "
                          "runs, host TEXT, boot TEXT, process INTEGER, started INTEGER)");
}

enum sm_status
sm_schema_make(struct sm_store *store, bool fresh)
{
    if (fresh)
        SM_TRY(create_schema(store));
    if (store->schema < SCHEMA)
        SM_TRY(upgrade_schema(store));
    return make_claims(store);
}
