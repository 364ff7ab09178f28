/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/store/record.h -- the fields of a summary, of an evaluation and of a span, listed once.
 *
 * From these tables come the columns of the store, the reading of its rows, the object of
 * `--json` and the columns of an export. A nested name is dotted ("final.test_loss").
 */
#ifndef SM_STORE_RECORD_H
#define SM_STORE_RECORD_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "sim/store/store.h"

enum sm_field_kind {
    SM_FIELD_TEXT,     /* const char *, NULL is null                            */
    SM_FIELD_REAL,     /* double, NaN is null                                   */
    SM_FIELD_WHOLE,    /* double that holds a whole number, NaN is null         */
    SM_FIELD_COUNT,    /* size_t                                                */
    SM_FIELD_WARNINGS, /* the list of the summary; a JSON array in a column     */
};

struct sm_field {
    const char *name; /* "final.test_loss"                                      */
    enum sm_field_kind kind;
    size_t offset;
    bool aside; /* a column, but not part of the summary object                 */
    int since;  /* the schema that brought it; 0: the first                     */
};

/* All end with a NULL name. */
extern const struct sm_field sm_summary_fields[], sm_evaluation_fields[], sm_span_fields[];

static inline const void *
sm_field_in(const struct sm_field *field, const void *record)
{
    return (const char *)record + field->offset;
}

/* One value, or all of a record as a nested object without the fields aside. New references; NULL
 * when memory is out or a text is not UTF-8. Infinity is null too: JSON has no word for it. */
json_t *sm_field_json(const struct sm_field *field, const void *record);
json_t *sm_record_json(const struct sm_field *fields, const void *record);

/* Whether a run of that status (NULL: none) got to its end: finished or diverged. */
bool sm_store_is_done(const char *status);

/* null for NaN, infinity and NULL; a number that is whole as an integer. New references. */
json_t *sm_json_real(double value);
json_t *sm_json_number(double value);
json_t *sm_json_text(const char *value);

/* Writes the value on one line. Unlike jansson's own dump, numbers get the fewest digits that read
 * back as the same double. */
void sm_json_print(const json_t *value, FILE *out);

#endif
