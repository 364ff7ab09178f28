/* SPDX-License-Identifier: GPL-3.0-or-later */
/* analysis/report/settings.c -- see settings.h. */
#include "analysis/report/settings.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/measure.h"
#include "sim/base/text.h"
#include "sim/base/tree.h"

static enum sm_status
no_memory(void)
{
    return SM_FAIL(SM_ERR_NOMEM, "no memory for the settings of the runs");
}

/* ---- every setting of every variant ---- */

enum { MOST_KEYS = 1024 };

struct table {
    struct sm_arena *arena;
    size_t variants;
    struct column {
        const char *key;
        struct sm_setting *settings; /* (variants) */
    } columns[MOST_KEYS];
    size_t count;
};

/* "a.b", b in quotes where it is no plain word. */
static const char *
path_of(struct sm_arena *arena, const char *parent, const char *key)
{
    const char *quote = strpbrk(key, ".*?[\"' ") != NULL ? "\"" : "";
    return sm_arena_printf(arena, "%s%s%s%s%s", parent, *parent != '\0' ? "." : "", quote, key,
                           quote);
}

/* A list or a map as one line. */
static const char *
flow_text(struct sm_arena *arena, const struct sm_node *node)
{
    if (node->kind == SM_NODE_SCALAR)
        return node->text;
    const bool map = node->kind == SM_NODE_MAP;
    const char *text = map ? "{" : "[";
    SM_NODE_EACH (child, node) {
        const char *value = flow_text(arena, child);
        text = value == NULL
                   ? NULL
                   : sm_arena_printf(arena, "%s%s%s%s%s", text, child != node->first ? ", " : "",
                                     map ? child->key : "", map ? ": " : "", value);
        if (text == NULL)
            return NULL;
    }
    return sm_arena_printf(arena, "%s%s", text, map ? "}" : "]");
}

static enum sm_status
put(struct table *table, size_t variant, const char *key, const char *text)
{
    size_t c = 0;
    if (key == NULL || text == NULL)
        return no_memory();
    while (c < table->count && strcmp(table->columns[c].key, key) != 0)
        c++;
    if (c == MOST_KEYS)
        return SM_OK; /* what is left out is shown nowhere, and wrong nowhere */
    struct column *column = &table->columns[c];
    if (c == table->count) {
        column->key = key;
        column->settings = sm_arena_zalloc(table->arena, table->variants, sizeof *column->settings);
        if (column->settings == NULL)
            return no_memory();
        table->count++;
    }
    column->settings[variant].text = text;
    return SM_OK;
}

/* {name: fixed, tau: 12} of algorithm.tau is that key itself for 12, as it is for `--best`; without
 * such a child it is so for the name. */
static enum sm_status
flatten(struct table *table, size_t variant, const char *path, const struct sm_node *map)
{
    const bool namesake = map->key != NULL && sm_tree_get(map, map->key) != NULL;
    SM_NODE_EACH (child, map) {
        const bool whole = *path != '\0' && strcmp(child->key, namesake ? map->key : "name") == 0;
        const char *key = whole ? path : path_of(table->arena, path, child->key);
        if (*path == '\0' &&
            (strcmp(key, "name") == 0 || strcmp(key, "seed") == 0 || strcmp(key, "evaluate") == 0))
            continue;
        if (child->kind == SM_NODE_MAP && key != NULL)
            SM_TRY(flatten(table, variant, key, child));
        else
            SM_TRY(put(table, variant, key, flow_text(table->arena, child)));
    }
    return SM_OK;
}

/* ---- which of them say something ---- */

static int
by_hash(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static uint64_t
hash_of(size_t column, const char *text)
{
    return text != NULL ? sm_hash(text, strlen(text), column + 1) : 0;
}

/* whole: (variants) the sum of the hashes of all settings. */
static bool
is_swept(const struct table *table, size_t c, const uint64_t *whole, uint64_t *rest)
{
    const struct sm_setting *settings = table->columns[c].settings;
    for (size_t v = 0; v < table->variants; v++)
        rest[v] = whole[v] - hash_of(c, settings[v].text);
    qsort(rest, table->variants, sizeof *rest, by_hash);
    for (size_t v = 1; v < table->variants; v++)
        if (rest[v] == rest[v - 1])
            return true; /* wholly equal ones are few: another version or platform file */
    return false;
}

static bool
differs(const struct table *table, size_t c, bool with_absent)
{
    const struct sm_setting *settings = table->columns[c].settings;
    const char *first = NULL;
    bool absent = false;
    for (size_t v = 0; v < table->variants; v++) {
        absent = absent || settings[v].text == NULL;
        if (first == NULL)
            first = settings[v].text;
        else if (settings[v].text != NULL && strcmp(first, settings[v].text) != 0)
            return true;
    }
    return with_absent && absent;
}

/* Fills in the values in base units. */
static void
read_numbers(struct sm_settings_key *key, struct sm_setting *settings, size_t count)
{
    double low = (double)INFINITY, high = -(double)INFINITY;
    bool factors = false, amounts = false;
    key->numeric = true;
    for (size_t v = 0; v < count; v++) {
        enum sm_unit unit = SM_UNIT_NONE;
        settings[v].value = (double)NAN;
        if (settings[v].text == NULL)
            continue;
        if (!sm_value_number(settings[v].text, &settings[v].value, &unit)) {
            key->numeric = false;
            continue;
        }
        low = fmin(low, settings[v].value);
        high = fmax(high, settings[v].value);
        if (unit != SM_UNIT_NONE) {
            key->numeric = key->numeric && (!amounts || key->unit == unit);
            key->unit = unit;
            amounts = true;
        } else if (settings[v].value != 0) {
            factors = true;
        }
    }
    key->numeric = key->numeric && low < high && !(factors && amounts);
    key->logarithmic = key->numeric && low > 0 && high >= 10 * low;
}

/* The last `parts` parts of a dotted key, without quotes. */
static const char *
end_of(struct sm_arena *arena, const char *key, size_t parts)
{
    const char *at = key + strlen(key);
    bool quoted = false;
    for (; at > key; at--) {
        quoted = quoted != (at[-1] == '"');
        if (at[-1] == '.' && !quoted && --parts == 0)
            break;
    }
    char *label = sm_arena_strdup(arena, at), *to = label;
    for (const char *from = at; label != NULL && *from != '\0'; from++) {
        quoted = quoted != (*from == '"');
        if (*from != '"')
            *to++ = *from == '.' && !quoted ? ' ' : *from;
    }
    if (to != NULL)
        *to = '\0';
    return label;
}

/* As many parts as are needed to say which is meant: "tau", "outer beta", "bandwidth *_eth". */
static enum sm_status
label_keys(struct sm_arena *arena, struct sm_settings_key *keys, size_t count)
{
    for (size_t k = 0; k < count; k++) {
        const size_t length = strlen(keys[k].key);
        size_t parts = length > 0 && keys[k].key[length - 1] == '"' ? 2 : 1;
        for (bool alone = false; !alone && parts < 5; parts++) {
            keys[k].label = end_of(arena, keys[k].key, parts);
            if (keys[k].label == NULL)
                return no_memory();
            alone = strcmp(keys[k].label, "name") != 0;
            for (size_t other = 0; alone && other < count; other++) {
                const char *label = end_of(arena, keys[other].key, parts);
                if (label == NULL)
                    return no_memory();
                alone = other == k || strcmp(label, keys[k].label) != 0;
            }
        }
    }
    return SM_OK;
}

static enum sm_status
choose(struct table *table, struct sm_settings_key **keys, size_t *key_count)
{
    uint64_t *whole = sm_arena_zalloc(table->arena, table->variants, sizeof *whole);
    uint64_t *rest = sm_arena_alloc(table->arena, table->variants, sizeof *rest);
    *keys = sm_arena_zalloc(table->arena, table->count, sizeof **keys);
    *key_count = 0;
    if (whole == NULL || rest == NULL || *keys == NULL)
        return no_memory();
    for (size_t c = 0; c < table->count; c++)
        for (size_t v = 0; v < table->variants; v++)
            whole[v] += hash_of(c, table->columns[c].settings[v].text);
    for (size_t c = 0; c < table->count; c++) {
        if (!differs(table, c, true))
            continue;
        struct sm_settings_key *key = &(*keys)[*key_count];
        *key = (struct sm_settings_key){.key = table->columns[c].key,
                                        .settings = table->columns[c].settings};
        key->swept = is_swept(table, c, whole, rest);
        /* that only some have a setting says no more than the algorithm does */
        if (!key->swept && !differs(table, c, false))
            continue;
        read_numbers(key, table->columns[c].settings, table->variants);
        (*key_count)++;
    }
    return label_keys(table->arena, *keys, *key_count);
}

enum sm_status
sm_settings_find(struct sm_arena *arena, const struct sm_variant *variants, size_t count,
                 struct sm_settings_key **keys, size_t *key_count)
{
    struct table *table = sm_arena_zalloc(arena, 1, sizeof *table);
    if (table == NULL)
        return no_memory();
    table->arena = arena;
    table->variants = count;
    for (size_t v = 0; v < count; v++) {
        struct sm_node *root;
        SM_TRY(sm_tree_parse(arena, variants[v].name, variants[v].experiment, &root));
        if (root != NULL)
            SM_TRY(flatten(table, v, "", root));
    }
    return choose(table, keys, key_count);
}
