/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/base/param.h -- settings: one table gives parsing, range errors, `list`, `describe`, the
 * stored record and the README's tables.
 *
 * A table is a const array that ends with SM_PARAM_END; each row is one field of a struct:
 *
 *   SM_PARAM(struct slowmo, beta, 0.7f, 0.0f, 0.999f, "slow momentum factor, dimensionless"),
 *
 * The type of the field (float, double, size_t) chooses how it is read.
 */
#ifndef SM_BASE_PARAM_H
#define SM_BASE_PARAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "sim/base/arena.h"
#include "sim/base/status.h"
#include "sim/base/tree.h"
#include "sim/base/unit.h"

enum sm_param_type {
    SM_PARAM_TYPE_FLOAT,
    SM_PARAM_TYPE_DOUBLE,
    SM_PARAM_TYPE_COUNT,   /* size_t                                              */
    SM_PARAM_TYPE_BOOL,    /* yes | no                                            */
    SM_PARAM_TYPE_TEXT,    /* const char *, owned by the arena of sm_param_bind   */
    SM_PARAM_TYPE_CHOICE,  /* const char *, one of `choices`                      */
    SM_PARAM_TYPE_NUMBERS, /* struct sm_numbers: a number or a list of them       */
};

struct sm_numbers {
    const double *values; /* (count), owned by the arena of sm_param_bind */
    size_t count;
};

struct sm_param {
    const char *name;
    enum sm_param_type type;
    size_t offset;
    double def, min, max; /* of numbers; def of a bool is 0 or 1 */
    const char *def_text; /* of texts, choices and lists         */
    const char *choices;  /* "ring|complete"                     */
    enum sm_unit unit;
    const char *doc; /* one line, with the unit                   */
};

#define SM_PARAM_TYPE_OF_(object, field)                                                           \
    _Generic(((object *)0)->field, float                                                           \
             : SM_PARAM_TYPE_FLOAT, double                                                         \
             : SM_PARAM_TYPE_DOUBLE, size_t                                                        \
             : SM_PARAM_TYPE_COUNT)

#define SM_PARAM_UNIT(object, field, def_, min_, max_, unit_, doc_)                                \
    {                                                                                              \
        .name = #field, .type = SM_PARAM_TYPE_OF_(object, field),                                  \
        .offset = offsetof(object, field), .def = (double)(def_), .min = (double)(min_),           \
        .max = (double)(max_), .unit = (unit_), .doc = (doc_)                                      \
    }
#define SM_PARAM(object, field, def_, min_, max_, doc_)                                            \
    SM_PARAM_UNIT(object, field, def_, min_, max_, SM_UNIT_NONE, doc_)
#define SM_PARAM_BOOL(object, field, def_, doc_)                                                   \
    {                                                                                              \
        .name = #field, .type = SM_PARAM_TYPE_BOOL,                                                \
        .offset = offsetof(object, field) + 0 * sizeof(((object *)0)->field == true),              \
        .def = (def_) ? 1 : 0, .max = 1, .doc = (doc_)                                             \
    }
#define SM_PARAM_TEXT(object, field, def_, doc_)                                                   \
    {                                                                                              \
        .name = #field, .type = SM_PARAM_TYPE_TEXT, .offset = offsetof(object, field),             \
        .def_text = (def_), .doc = (doc_)                                                          \
    }
#define SM_PARAM_CHOICE(object, field, def_, choices_, doc_)                                       \
    {                                                                                              \
        .name = #field, .type = SM_PARAM_TYPE_CHOICE, .offset = offsetof(object, field),           \
        .def_text = (def_), .choices = (choices_), .doc = (doc_)                                   \
    }
/* def_ is text as a user would write it: "[0.5, 0.75]", "[]", "1". */
#define SM_PARAM_NUMBERS(object, field, def_, min_, max_, doc_)                                    \
    {                                                                                              \
        .name = #field, .type = SM_PARAM_TYPE_NUMBERS, .offset = offsetof(object, field),          \
        .def_text = (def_), .min = (min_), .max = (max_), .doc = (doc_)                            \
    }
#define SM_PARAM_END                                                                               \
    {                                                                                              \
        .name = NULL                                                                               \
    }

/* Sets every field of *object to its default, then to what the map says. Keys of the map that are
 * in `others` (NULL-terminated, or NULL) are left to the caller; any other unknown key is an error
 * that names the nearest known one. map may be NULL. Texts and lists are owned by `arena`. */
enum sm_status sm_param_bind(const struct sm_param *params, void *object, const struct sm_node *map,
                             const char *const *others, struct sm_arena *arena);
/* Reads one scalar or list into its field. */
enum sm_status sm_param_read(const struct sm_param *param, void *object, const struct sm_node *node,
                             struct sm_arena *arena);

/* Writes the value a field has, as YAML that reads back to the same bits. */
void sm_param_print(const struct sm_param *param, const void *object, FILE *out);
/* " 0 .. 0.999", "yes | no", "ring | complete": what may be written. Into buffer; returns it. */
char *sm_param_range(const struct sm_param *param, char *buffer, size_t size);
/* The default as a user would write it. Into buffer; returns it. */
char *sm_param_default(const struct sm_param *param, char *buffer, size_t size);
/* NULL when the table (NULL is an empty one) has no such row. */
const struct sm_param *sm_param_find(const struct sm_param *params, const char *name);

#endif
