/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/run/random_search.c -- see random_search.h. */
#include "sim/run/random_search.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/rng.h"
#include "sim/base/text.h"

enum { DIGITS = 3 };

struct range {
    const char *min, *max, *scale;
    bool whole;
};

const struct sm_param sm_random_search_params[] = {
    SM_PARAM(struct sm_random_search, count, 10, 1, 1e6, "runs to draw values for"),
    SM_PARAM(struct sm_random_search, seed, 1, 0, 1e15, "seed of the draws, not of the runs"),
    SM_PARAM_END,
};
const struct sm_param sm_random_range_params[] = {
    SM_PARAM_TEXT(struct range, min, "", "least value, with its unit where it has one"),
    SM_PARAM_TEXT(struct range, max, "", "largest value, in the same unit"),
    SM_PARAM_CHOICE(struct range, scale, "linear", "linear|log",
                    "log: the logarithm is uniform between the two"),
    SM_PARAM_BOOL(struct range, whole, false, "whole numbers only"),
    SM_PARAM_END,
};

/* A range, read. */
struct bounds {
    double min, max;
    const char *unit;
    bool log, whole;
};

bool
sm_random_search_owns(const struct sm_node *entry)
{
    return sm_param_find(sm_random_search_params, entry->key) != NULL;
}

enum sm_status
sm_random_search_read(struct sm_arena *arena, const struct sm_node *block,
                      struct sm_random_search *search)
{
    size_t keys = 0;
    if (block->kind != SM_NODE_MAP)
        return sm_tree_fail(block, "expected count, seed and `dotted.key: {min, max}` lines");
    SM_TRY(sm_param_bind(sm_random_search_params, search, NULL, NULL, arena));
    SM_NODE_EACH (child, block) {
        if (sm_random_search_owns(child))
            SM_TRY(sm_param_read(sm_param_find(sm_random_search_params, child->key), search, child,
                                 arena));
        else
            keys++;
    }
    return keys > 0 ? SM_OK : sm_tree_fail(block, "expected a `dotted.key: {min, max}` line");
}

/* "25GB/s" is 25 and "GB/s". */
static enum sm_status
read_bound(const struct sm_node *entry, const char *key, const char *text, double *value,
           const char **unit)
{
    const struct sm_node *node = sm_tree_get(entry, key);
    char *end;
    if (node == NULL)
        return sm_tree_fail(entry, "expected %s", key);
    *value = strtod(text, &end);
    *unit = end;
    return end != text && isfinite(*value) ? SM_OK : sm_tree_fail(node, "'%s' is no number", text);
}

static enum sm_status
read_bounds(struct sm_arena *arena, const struct sm_node *entry, struct bounds *bounds)
{
    struct range range;
    const char *unit = "";
    SM_TRY(sm_param_bind(sm_random_range_params, &range, entry, NULL, arena));
    SM_TRY(read_bound(entry, "min", range.min, &bounds->min, &bounds->unit));
    SM_TRY(read_bound(entry, "max", range.max, &bounds->max, &unit));
    bounds->log = strcmp(range.scale, "log") == 0;
    bounds->whole = range.whole;
    if (strcmp(unit, bounds->unit) != 0)
        return sm_tree_fail(sm_tree_get(entry, "max"), "'%s' has another unit than min, '%s'",
                            range.max, range.min);
    if (!(bounds->min < bounds->max))
        return sm_tree_fail(sm_tree_get(entry, "max"), "expected more than min, %s", range.min);
    if (bounds->log && !(bounds->min > 0))
        return sm_tree_fail(sm_tree_get(entry, "min"), "expected more than 0 for scale log");
    if (bounds->whole && (bounds->min != rint(bounds->min) || bounds->max != rint(bounds->max)))
        return sm_tree_fail(entry, "expected whole numbers for min and max");
    return SM_OK;
}

/* Rounding may not leave the range. Whole numbers are all as likely, by the chosen scale. */
static const char *
draw_number(struct sm_arena *arena, struct sm_rng *rng, const struct bounds *bounds)
{
    char digits[64];
    double u = sm_rng_uniform(rng), value;
    const double more = bounds->whole ? 1 : 0;
    value = bounds->log ? exp(log(bounds->min) + u * log((bounds->max + more) / bounds->min))
                        : bounds->min + u * (bounds->max + more - bounds->min);
    if (bounds->whole)
        snprintf(digits, sizeof digits, "%.0f", fmin(bounds->max, fmax(bounds->min, floor(value))));
    else
        sm_text_digits(value, DIGITS, digits, sizeof digits);
    const double rounded = strtod(digits, NULL);
    if (rounded < bounds->min)
        sm_text_double(bounds->min, digits);
    else if (rounded > bounds->max)
        sm_text_double(bounds->max, digits);
    return sm_arena_printf(arena, "%s%s", digits, bounds->unit);
}

/* A copy of one of the listed values. */
static struct sm_node *
draw_listed(struct sm_arena *arena, struct sm_rng *rng, const struct sm_node *entry)
{
    const struct sm_node *value = entry->first;
    for (size_t skip = sm_rng_below(rng, sm_tree_count(entry)); skip > 0; skip--)
        value = value->next;
    return sm_tree_copy(arena, value, NULL);
}

static struct sm_node *
draw(struct sm_arena *arena, struct sm_rng *rng, const struct sm_node *entry,
     const struct bounds *bounds)
{
    if (entry->kind == SM_NODE_LIST)
        return draw_listed(arena, rng, entry);
    struct sm_node *value = sm_arena_zalloc(arena, 1, sizeof *value);
    if (value == NULL)
        return NULL;
    value->kind = SM_NODE_SCALAR;
    value->text = draw_number(arena, rng, bounds);
    value->file = entry->file;
    value->line = entry->line;
    value->column = entry->column;
    return value->text != NULL ? value : NULL;
}

enum sm_status
sm_random_search_draw(struct sm_arena *arena, const struct sm_random_search *search,
                      const struct sm_node *entry, const struct sm_node **values)
{
    struct bounds bounds = {0};
    const bool listed = entry->kind == SM_NODE_LIST && entry->first != NULL;
    if (!listed && entry->kind != SM_NODE_MAP)
        return sm_tree_fail(entry, "expected {min, max}, or a list to choose from");
    if (!listed)
        SM_TRY(read_bounds(arena, entry, &bounds));
    struct sm_rng *rng = sm_rng_create(arena, search->seed, SM_RNG_SEARCH,
                                       sm_hash(entry->key, strlen(entry->key), 0));
    struct sm_node *list = sm_tree_map(arena, entry->key, entry);
    if (rng == NULL || list == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for a random search");
    list->kind = SM_NODE_LIST;
    list->parent = entry->parent; /* errors say where the entry stands */
    struct sm_node **link = &list->first;
    for (size_t i = 0; i < search->count; i++, link = &(*link)->next) {
        if ((*link = draw(arena, rng, entry, &bounds)) == NULL)
            return SM_FAIL(SM_ERR_NOMEM, "no memory for a random search");
        (*link)->parent = list;
    }
    *values = list;
    return SM_OK;
}
