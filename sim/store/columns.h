/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/store/columns.h -- the columns of a record, from its table of fields; this room only. */
#ifndef SM_STORE_COLUMNS_H
#define SM_STORE_COLUMNS_H

#include <sqlite3.h>

#include "sim/store/record.h"
#include "sim/store/sql.h"

/* What an item of a list says of a field. */
enum sm_columns {
    SM_COLUMNS_DEFINITIONS, /* its name and type                                    */
    SM_COLUMNS_NAMES,       /* its name; NULL for what the file's schema has not    */
    SM_COLUMNS_MARKS,       /* a mark for its value                                 */
    SM_COLUMNS_ASSIGNMENTS, /* its name, set to a mark                              */
};

/* head ", list" middle ", list" tail; the lists may be of different kinds, and there is no second
 * one where tail is NULL. NULL: no memory. The caller frees it. */
char *sm_columns_sql(const struct sm_store *store, const char *head, const struct sm_field *fields,
                     enum sm_columns first, const char *middle, enum sm_columns second,
                     const char *tail);

/* Binds a record to the marks from `index` on; *next is the mark after the last. */
enum sm_status sm_columns_bind(struct sm_store *store, sqlite3_stmt *statement, int index,
                               const struct sm_field *fields, const void *record, int *next);

/* The row's columns from `index` on become a record, whose texts are owned by arena. */
enum sm_status sm_columns_read(sqlite3_stmt *row, int index, const struct sm_field *fields,
                               struct sm_arena *arena, void *record);

#endif
