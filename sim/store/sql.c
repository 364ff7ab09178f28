/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/store/sql.c -- see sql.h. */
#include "sim/store/sql.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BUSY_MS = 10000 }; /* how long another writer is waited for */

/* SQLite needs to write the file and, beside it, its log. */
enum sm_status
sm_sql_read_only(const char *path)
{
    const bool file = faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) != 0;
    return SM_FAIL(SM_ERR_INPUT, "%s: cannot be written, %s read-only", path,
                   file ? "the file is" : "its folder is");
}

enum sm_status
sm_sql_fail(const struct sm_store *store)
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
        return sm_sql_read_only(path);
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

enum sm_status
sm_sql_execute(struct sm_store *store, const char *sql)
{
    return sqlite3_exec(store->db, sql, NULL, NULL, NULL) == SQLITE_OK ? SM_OK : sm_sql_fail(store);
}

enum sm_status
sm_sql_end(struct sm_store *store, enum sm_status status)
{
    if (status == SM_OK)
        status = sm_sql_execute(store, "COMMIT");
    if (status == SM_OK)
        return SM_OK;
    const struct sm_error error = *sm_error_last();
    sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
    return sm_error_set(&error);
}

enum sm_status
sm_sql_prepare(struct sm_store *store, const char *sql, sqlite3_stmt **statement)
{
    return sqlite3_prepare_v2(store->db, sql, -1, statement, NULL) == SQLITE_OK
               ? SM_OK
               : sm_sql_fail(store);
}

enum sm_status
sm_sql_step(struct sm_store *store, sqlite3_stmt *statement)
{
    int code = sqlite3_step(statement);
    enum sm_status status = code == SQLITE_DONE ? SM_OK : sm_sql_fail(store);
    sqlite3_finalize(statement);
    return status;
}

enum sm_status
sm_sql_number(struct sm_store *store, const char *sql, int64_t *number)
{
    sqlite3_stmt *statement;
    SM_TRY(sm_sql_prepare(store, sql, &statement));
    enum sm_status status = SM_OK;
    if (sqlite3_step(statement) == SQLITE_ROW)
        *number = sqlite3_column_int64(statement, 0);
    else
        status = sm_sql_fail(store);
    sqlite3_finalize(statement);
    return status;
}

enum sm_status
sm_sql_prepare_free(struct sm_store *store, char *sql, sqlite3_stmt **statement)
{
    enum sm_status status = sql != NULL ? sm_sql_prepare(store, sql, statement)
                                        : SM_FAIL(SM_ERR_NOMEM, "%s: no memory", store->path);
    free(sql);
    return status;
}

enum sm_status
sm_sql_execute_free(struct sm_store *store, char *sql)
{
    enum sm_status status = sql != NULL ? sm_sql_execute(store, sql)
                                        : SM_FAIL(SM_ERR_NOMEM, "%s: no memory", store->path);
    free(sql);
    return status;
}

enum sm_status
sm_sql_open(struct sm_store *store, const char *name, int flags)
{
    sqlite3_close(store->db);
    if (sqlite3_open_v2(name, &store->db, flags, NULL) != SQLITE_OK)
        return sm_sql_fail(store);
    sqlite3_extended_result_codes(store->db, 1);
    sqlite3_busy_timeout(store->db, BUSY_MS);
    return SM_OK;
}
