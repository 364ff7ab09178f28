/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/store/sql.h -- calls of SQLite whose failures are one line for the user; this room only.
 *
 * What a store is made of, each in its own file:
 *   record.c   the fields of all records, listed once
 *   sql.c      statements, transactions, errors
 *   columns.c  SQL from those lists, records into marks and out of rows
 *   schema.c   the tables of the file, made or brought up to date
 *   store.c    the file, opened and closed
 *   write.c    rows in
 *   read.c     rows out
 */
#ifndef SM_STORE_SQL_H
#define SM_STORE_SQL_H

#include <sqlite3.h>
#include <stdint.h>

#include "sim/store/store.h"

struct sm_store {
    sqlite3 *db;
    int schema; /* of the file, when it was last looked at */
    char path[];
};

/* The failure of the last call on `store`. */
enum sm_status sm_sql_fail(const struct sm_store *store);
/* That a file cannot be written. */
enum sm_status sm_sql_read_only(const char *path);

/* Opens file or URI `name` with SQLite's flags, in the place of what was open. */
enum sm_status sm_sql_open(struct sm_store *store, const char *name, int flags);

enum sm_status sm_sql_execute(struct sm_store *store, const char *sql);
/* *statement is the caller's to finalize, and nothing after an error. */
enum sm_status sm_sql_prepare(struct sm_store *store, const char *sql, sqlite3_stmt **statement);
/* The same of a text that they free; NULL: memory was out. */
enum sm_status sm_sql_execute_free(struct sm_store *store, char *sql);
enum sm_status sm_sql_prepare_free(struct sm_store *store, char *sql, sqlite3_stmt **statement);
/* Runs a statement that gives no rows, and finalizes it. */
enum sm_status sm_sql_step(struct sm_store *store, sqlite3_stmt *statement);
/* The first column of the first row. */
enum sm_status sm_sql_number(struct sm_store *store, const char *sql, int64_t *number);
/* Ends a transaction: what was done in it counts, or, where status is an error, nothing of it.
 * Returns that error, or what went wrong now. */
enum sm_status sm_sql_end(struct sm_store *store, enum sm_status status);

#endif
