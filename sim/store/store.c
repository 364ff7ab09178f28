/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/store/store.c -- the SQLite file, opened to be written or only read.
 *
 * The first 100 bytes of the file are looked at before SQLite does anything with it: a file that is
 * no store of ours is never touched, not even its journal. They are true at any time, because the
 * schema is made in rollback mode, before the file goes to write-ahead logging.
 */
#include "sim/store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/store/schema.h"
#include "sim/store/sql.h"

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
    SM_TRY(sm_sql_open(store, store->path, SQLITE_OPEN_READWRITE));
    SM_TRY(sm_schema_recognize(store, &fresh));
    if (sqlite3_db_readonly(store->db, "main")) /* SQLite falls back to reading, silently */
        return sm_sql_read_only(store->path);
    SM_TRY(sm_sql_execute(store, "PRAGMA foreign_keys = ON"));
    SM_TRY(sm_schema_make(store, fresh));
    /* In WAL mode readers and the writer do not wait for each other, and a commit need not wait
     * for the disk (NORMAL): a killed process loses nothing it committed. The switch fails while
     * another process uses the file or on some network disks; rollback mode is as safe. */
    int refused = sqlite3_exec(store->db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL);
    if (refused != SQLITE_OK && (refused & 0xff) != SQLITE_BUSY)
        return sm_sql_fail(store);
    return sm_sql_execute(store, "PRAGMA synchronous = NORMAL");
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
    enum sm_status status = sm_sql_open(store, uri, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI);
    free(uri);
    return status;
}

static enum sm_status
open_readonly(struct sm_store *store)
{
    bool fresh;
    SM_TRY(sm_sql_open(store, store->path, SQLITE_OPEN_READONLY));
    SM_TRY(sm_schema_recognize(store, &fresh));
    if (fresh)
        return SM_FAIL(SM_ERR_INPUT, "%s: an empty file, expected results", store->path);
    int64_t runs;
    if (sm_sql_number(store, "SELECT count(*) FROM runs", &runs) == SM_OK)
        return SM_OK;
    int code = sqlite3_errcode(store->db) & 0xff;
    if (code != SQLITE_CANTOPEN && code != SQLITE_READONLY)
        return sm_sql_fail(store);
    SM_TRY(open_immutable(store));
    return sm_sql_number(store, "SELECT count(*) FROM runs", &runs);
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
