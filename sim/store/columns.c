/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/store/columns.c -- see columns.h. */
#include "sim/store/columns.h"

#include <stdio.h>
#include <stdlib.h>

/* ", final_test_loss REAL, ...": one item a field, each after a comma. */
static void
write_list(FILE *sql, const struct sm_field *fields, enum sm_columns list, int schema)
{
    static const char *const types[] = {[SM_FIELD_TEXT] = "TEXT",
                                        [SM_FIELD_REAL] = "REAL",
                                        [SM_FIELD_WHOLE] = "INTEGER",
                                        [SM_FIELD_COUNT] = "INTEGER",
                                        [SM_FIELD_WARNINGS] = "TEXT"};
    for (const struct sm_field *f = fields; f->name != NULL; f++) {
        fputs(", ", sql);
        if (list == SM_COLUMNS_NAMES && f->since > schema)
            fputs("NULL", sql);
        else if (list != SM_COLUMNS_MARKS)
            for (const char *c = f->name; *c != '\0'; c++)
                fputc(*c == '.' ? '_' : *c, sql);
        if (list == SM_COLUMNS_DEFINITIONS)
            fprintf(sql, " %s", types[f->kind]);
        else if (list == SM_COLUMNS_MARKS)
            fputc('?', sql);
        else if (list == SM_COLUMNS_ASSIGNMENTS)
            fputs(" = ?", sql);
    }
}

char *
sm_columns_sql(const struct sm_store *store, const char *head, const struct sm_field *fields,
               enum sm_columns first, const char *middle, enum sm_columns second, const char *tail)
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

static void
bind_number(sqlite3_stmt *statement, int index, double value, bool whole)
{
    if (whole && value >= -0x1p62 && value <= 0x1p62 && value == (double)(int64_t)value)
        sqlite3_bind_int64(statement, index, (int64_t)value);
    else
        sqlite3_bind_double(statement, index, value); /* SQLite makes NaN a NULL */
}

enum sm_status
sm_columns_bind(struct sm_store *store, sqlite3_stmt *statement, int index,
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

enum sm_status
sm_columns_read(sqlite3_stmt *row, int index, const struct sm_field *fields, struct sm_arena *arena,
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
