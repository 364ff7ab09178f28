/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/base/param.c -- see param.h. */
#include "sim/base/param.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/text.h"

enum { MOST_NAMES = 64 };

const struct sm_param *
sm_param_find(const struct sm_param *params, const char *name)
{
    for (const struct sm_param *p = params; p != NULL && p->name != NULL; p++)
        if (strcmp(p->name, name) == 0)
            return p;
    return NULL;
}

static void *
field_of(const struct sm_param *param, void *object)
{
    return (char *)object + param->offset;
}

/* 0.7f is 0.699999988 as a double: seven digits say 0.7. */
static char *
number_text(const struct sm_param *param, double value, char *buffer, size_t size)
{
    if (param->type != SM_PARAM_TYPE_FLOAT)
        return sm_unit_format(param->unit, value, buffer, size);
    snprintf(buffer, size, "%.7g", value);
    return buffer;
}

char *
sm_param_range(const struct sm_param *param, char *buffer, size_t size)
{
    char low[40], high[40];
    switch (param->type) {
    case SM_PARAM_TYPE_BOOL:
        snprintf(buffer, size, "yes | no");
        break;
    case SM_PARAM_TYPE_TEXT:
        snprintf(buffer, size, "text");
        break;
    case SM_PARAM_TYPE_CHOICE: {
        size_t used = 0;
        buffer[0] = '\0';
        for (const char *c = param->choices; *c != '\0' && used + 4 < size; c++)
            used += (size_t)snprintf(buffer + used, size - used, *c == '|' ? " | " : "%c", *c);
        break;
    }
    default:
        number_text(param, param->min, low, sizeof low);
        if (param->max < (param->type == SM_PARAM_TYPE_COUNT ? 1e15 : 1e300))
            snprintf(buffer, size, "%s .. %s", low,
                     number_text(param, param->max, high, sizeof high));
        else if (param->min > -1e300)
            snprintf(buffer, size, ">= %s", low);
        else
            snprintf(buffer, size, "a number");
    }
    return buffer;
}

char *
sm_param_default(const struct sm_param *param, char *buffer, size_t size)
{
    switch (param->type) {
    case SM_PARAM_TYPE_BOOL:
        snprintf(buffer, size, "%s", param->def != 0 ? "yes" : "no");
        break;
    case SM_PARAM_TYPE_TEXT: /* what is empty would not be seen */
        snprintf(buffer, size, "%s", param->def_text[0] != '\0' ? param->def_text : "\"\"");
        break;
    case SM_PARAM_TYPE_CHOICE:
    case SM_PARAM_TYPE_NUMBERS:
        snprintf(buffer, size, "%s", param->def_text);
        break;
    default:
        number_text(param, param->def, buffer, size);
    }
    return buffer;
}

static enum sm_status
read_number(const struct sm_param *param, const struct sm_node *node, double *value)
{
    if (node->kind != SM_NODE_SCALAR)
        return sm_tree_fail(node, "expected %s", sm_unit_expected(param->unit));
    if (!sm_unit_parse(param->unit, node->text, value))
        return sm_tree_fail(node, "'%s' is not %s", node->text, sm_unit_expected(param->unit));
    /* a bare 10 for a bandwidth is more likely a unit forgotten than 10 bytes a second */
    if (param->unit != SM_UNIT_NONE && *value != 0 &&
        strspn(node->text, "+-.0123456789eE") == strlen(node->text))
        return sm_tree_fail(node, "%s has no unit, expected %s", node->text,
                            sm_unit_expected(param->unit));
    /* a float is compared with its bounds as floats: 0.999 may be the bound however it is written
     */
    bool single = param->type == SM_PARAM_TYPE_FLOAT;
    double held = single ? (double)(float)*value : *value;
    double min = single ? (double)(float)param->min : param->min;
    double max = single ? (double)(float)param->max : param->max;
    if (!(held >= min && held <= max)) {
        char range[96];
        return sm_tree_fail(node, "%s is out of range, expected %s", node->text,
                            sm_param_range(param, range, sizeof range));
    }
    return SM_OK;
}

static enum sm_status
read_bool(const struct sm_node *node, bool *value)
{
    static const char *const words[][2] = {{"yes", "no"}, {"true", "false"}, {"on", "off"}};
    for (size_t i = 0; node->kind == SM_NODE_SCALAR && i < 3; i++)
        for (int no = 0; no < 2; no++)
            if (strcmp(node->text, words[i][no]) == 0) {
                *value = !no;
                return SM_OK;
            }
    return sm_tree_fail(node, "expected yes or no");
}

/* The names in "ring|complete" as an array; the copies live in arena. */
static const char **
split_choices(struct sm_arena *arena, const char *choices)
{
    const char **names = sm_arena_zalloc(arena, MOST_NAMES, sizeof *names);
    for (size_t i = 0; names != NULL && *choices != '\0' && i + 1 < MOST_NAMES; i++) {
        size_t length = strcspn(choices, "|");
        names[i] = sm_arena_strndup(arena, choices, length);
        if (names[i] == NULL)
            return NULL;
        choices += length + (choices[length] == '|');
    }
    return names;
}

static enum sm_status
read_choice(const struct sm_param *param, const struct sm_node *node, struct sm_arena *arena,
            const char **value)
{
    const char **names = split_choices(arena, param->choices);
    if (names == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "%s: no memory", param->name);
    char known[256];
    sm_text_join(known, sizeof known, names);
    if (node->kind != SM_NODE_SCALAR)
        return sm_tree_fail(node, "expected one of %s", known);
    for (size_t i = 0; names[i] != NULL; i++)
        if (strcmp(names[i], node->text) == 0) {
            *value = names[i];
            return SM_OK;
        }
    char near[SM_TEXT_SUGGESTION];
    return sm_tree_fail(node, "unknown '%s'%s, expected one of %s", node->text,
                        sm_text_suggest(near, node->text, names), known);
}

static enum sm_status
read_numbers(const struct sm_param *param, const struct sm_node *node, struct sm_arena *arena,
             struct sm_numbers *numbers)
{
    if (node->kind == SM_NODE_MAP)
        return sm_tree_fail(node, "expected a number or a list of numbers");
    size_t count = node->kind == SM_NODE_LIST ? sm_tree_count(node) : 1;
    double *values = sm_arena_alloc(arena, count, sizeof *values);
    if (values == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "%s: no memory for %zu numbers", param->name, count);
    if (node->kind == SM_NODE_SCALAR) {
        SM_TRY(read_number(param, node, values));
    } else {
        size_t i = 0;
        SM_NODE_EACH (child, node)
            SM_TRY(read_number(param, child, &values[i++]));
    }
    *numbers = (struct sm_numbers){values, count};
    return SM_OK;
}

enum sm_status
sm_param_read(const struct sm_param *param, void *object, const struct sm_node *node,
              struct sm_arena *arena)
{
    void *field = field_of(param, object);
    double number;
    switch (param->type) {
    case SM_PARAM_TYPE_FLOAT:
        SM_TRY(read_number(param, node, &number));
        *(float *)field = (float)number;
        return SM_OK;
    case SM_PARAM_TYPE_DOUBLE:
        SM_TRY(read_number(param, node, &number));
        *(double *)field = number;
        return SM_OK;
    case SM_PARAM_TYPE_COUNT:
        SM_TRY(read_number(param, node, &number));
        if (number != floor(number) || number > 9007199254740992.0)
            return sm_tree_fail(node, "'%s' is not a whole number", node->text);
        *(size_t *)field = (size_t)number;
        return SM_OK;
    case SM_PARAM_TYPE_BOOL:
        return read_bool(node, field);
    case SM_PARAM_TYPE_TEXT: {
        if (node->kind != SM_NODE_SCALAR)
            return sm_tree_fail(node, "expected text");
        char *copy = sm_arena_strdup(arena, node->text);
        if (copy == NULL)
            return SM_FAIL(SM_ERR_NOMEM, "%s: no memory", param->name);
        *(const char **)field = copy;
        return SM_OK;
    }
    case SM_PARAM_TYPE_CHOICE:
        return read_choice(param, node, arena, field);
    case SM_PARAM_TYPE_NUMBERS:
        return read_numbers(param, node, arena, field);
    }
    return SM_FAIL(SM_ERR_INPUT, "%s: a setting of no known type", param->name);
}

static enum sm_status
set_default(const struct sm_param *param, void *object, struct sm_arena *arena)
{
    void *field = field_of(param, object);
    switch (param->type) {
    case SM_PARAM_TYPE_FLOAT:
        *(float *)field = (float)param->def;
        return SM_OK;
    case SM_PARAM_TYPE_DOUBLE:
        *(double *)field = param->def;
        return SM_OK;
    case SM_PARAM_TYPE_COUNT:
        *(size_t *)field = (size_t)param->def;
        return SM_OK;
    case SM_PARAM_TYPE_BOOL:
        *(bool *)field = param->def != 0;
        return SM_OK;
    case SM_PARAM_TYPE_TEXT:
    case SM_PARAM_TYPE_CHOICE:
        *(const char **)field = param->def_text;
        return SM_OK;
    case SM_PARAM_TYPE_NUMBERS: {
        struct sm_node *node;
        SM_TRY(sm_tree_parse(arena, param->name, param->def_text, &node));
        return sm_param_read(param, object, node, arena);
    }
    }
    return SM_OK;
}

static enum sm_status
unknown_key(const struct sm_param *params, const struct sm_node *node, const char *const *others)
{
    const char *names[MOST_NAMES] = {NULL};
    size_t count = 0;
    for (const struct sm_param *p = params; p != NULL && p->name != NULL; p++)
        if (count + 1 < MOST_NAMES)
            names[count++] = p->name;
    for (; others != NULL && *others != NULL; others++)
        if (count + 1 < MOST_NAMES)
            names[count++] = *others;
    char known[512];
    sm_text_join(known, sizeof known, names);
    char near[SM_TEXT_SUGGESTION];
    struct sm_node key = *node; /* the mistake is in the key, not in its value */
    if (key.key_line > 0) {
        key.line = key.key_line;
        key.column = key.key_column;
    }
    return sm_tree_fail(&key, "unknown key%s; known here: %s",
                        sm_text_suggest(near, node->key, names), known[0] != '\0' ? known : "none");
}

enum sm_status
sm_param_bind(const struct sm_param *params, void *object, const struct sm_node *map,
              const char *const *others, struct sm_arena *arena)
{
    for (const struct sm_param *p = params; p != NULL && p->name != NULL; p++)
        SM_TRY(set_default(p, object, arena));
    if (map == NULL)
        return SM_OK;
    if (map->kind != SM_NODE_MAP)
        return sm_tree_fail(map, "expected settings, as `key: value`");
    SM_NODE_EACH (child, map) {
        const struct sm_param *param = sm_param_find(params, child->key);
        if (param != NULL) {
            SM_TRY(sm_param_read(param, object, child, arena));
            continue;
        }
        const char *const *other = others;
        while (other != NULL && *other != NULL && strcmp(*other, child->key) != 0)
            other++;
        if (other == NULL || *other == NULL)
            return unknown_key(params, child, others);
    }
    return SM_OK;
}

/* Seven digits give most floats back; nine give all of them. */
static void
print_float(float value, FILE *out)
{
    char digits[32];
    for (int precision = 1; precision <= 9; precision++) {
        sm_text_digits((double)value, precision, digits, sizeof digits);
        if (strtof(digits, NULL) == value)
            break;
    }
    fputs(digits, out);
}

/* Texts that YAML would read as something else go in double quotes. */
static void
print_text(const char *text, FILE *out)
{
    if (text[0] != '\0' && strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                        "0123456789_./-+") == strlen(text)) {
        fputs(text, out);
        return;
    }
    sm_tree_quote(text, out);
}

void
sm_param_print(const struct sm_param *param, const void *object, FILE *out)
{
    const void *field = (const char *)object + param->offset;
    char text[64];
    switch (param->type) {
    case SM_PARAM_TYPE_FLOAT:
        print_float(*(const float *)field, out);
        break;
    case SM_PARAM_TYPE_DOUBLE:
        fputs(sm_unit_format(param->unit, *(const double *)field, text, sizeof text), out);
        break;
    case SM_PARAM_TYPE_COUNT:
        fprintf(out, "%zu", *(const size_t *)field);
        break;
    case SM_PARAM_TYPE_BOOL:
        fputs(*(const bool *)field ? "yes" : "no", out);
        break;
    case SM_PARAM_TYPE_TEXT:
    case SM_PARAM_TYPE_CHOICE:
        print_text(*(const char *const *)field, out);
        break;
    case SM_PARAM_TYPE_NUMBERS: {
        const struct sm_numbers *numbers = field;
        fputc('[', out);
        for (size_t i = 0; i < numbers->count; i++)
            fprintf(out, "%s%s", i > 0 ? ", " : "",
                    sm_unit_format(param->unit, numbers->values[i], text, sizeof text));
        fputc(']', out);
        break;
    }
    }
}
