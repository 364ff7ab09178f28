/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/run/expand.c -- the runs that the `compare:` and `sweep:` blocks of a file stand for. */
#include <string.h>

#include "sim/run/experiment.h"

enum { MOST_KEYS = 32, MOST_RUNS = 1000000 };

/* One swept key with its values. */
struct dimension {
    const char *key, *label; /* the dotted key and its last part */
    const struct sm_node *values;
    size_t count;
};

static enum sm_status
read_sweep(const struct sm_node *sweep, struct dimension *dimensions, size_t *count, size_t *runs)
{
    *count = 0;
    *runs = 1;
    if (sweep != NULL && sweep->kind != SM_NODE_MAP)
        return sm_tree_fail(sweep, "expected `dotted.key: [values]` lines");
    SM_NODE_EACH (child, sweep) {
        if (child->kind != SM_NODE_LIST || child->first == NULL)
            return sm_tree_fail(child, "expected a list of values");
        const char *dot = strrchr(child->key, '.');
        struct dimension dimension = {child->key, dot != NULL ? dot + 1 : child->key, child,
                                      sm_tree_count(child)};
        if (*count == MOST_KEYS || *runs > MOST_RUNS / dimension.count)
            return sm_tree_fail(child, "more than %d runs", MOST_RUNS);
        *runs *= dimension.count;
        dimensions[(*count)++] = dimension;
    }
    return SM_OK;
}

/* A short text for a value in a run's name. */
static const char *
value_text(const struct sm_node *value)
{
    const struct sm_node *name = value->kind == SM_NODE_SCALAR ? value : sm_tree_get(value, "name");
    return name != NULL && name->kind == SM_NODE_SCALAR ? name->text : "...";
}

static enum sm_status
set_name(struct sm_arena *arena, struct sm_node *tree, const char *name)
{
    struct sm_node node = {.kind = SM_NODE_SCALAR, .text = name};
    return name != NULL ? sm_tree_set(arena, tree, "name", &node)
                        : SM_FAIL(SM_ERR_NOMEM, "no memory for the sweep");
}

/* The index-th combination of the swept values laid on a copy of `variant`; the last key changes
 * fastest. */
static enum sm_status
combine(struct sm_arena *arena, const struct sm_node *variant, const struct dimension *dimensions,
        size_t count, size_t index, const struct sm_node **out)
{
    struct sm_node *tree = sm_tree_copy(arena, variant, NULL);
    const struct sm_node *named = sm_tree_get(variant, "name");
    const char *name = named != NULL ? value_text(named) : "run";
    size_t stride = 1;
    for (size_t d = 0; d < count; d++)
        stride *= dimensions[d].count;
    for (size_t d = 0; d < count && tree != NULL; d++) {
        stride /= dimensions[d].count;
        const struct sm_node *value = dimensions[d].values->first;
        for (size_t skip = index / stride % dimensions[d].count; skip > 0; skip--)
            value = value->next;
        SM_TRY(sm_tree_set(arena, tree, dimensions[d].key, value));
        name = sm_arena_printf(arena, "%s %s=%s", name, dimensions[d].label, value_text(value));
        SM_TRY(set_name(arena, tree, name));
    }
    *out = tree;
    return tree != NULL ? SM_OK : SM_FAIL(SM_ERR_NOMEM, "no memory for the sweep");
}

/* The file without its compare and sweep blocks. */
static struct sm_node *
without_blocks(struct sm_arena *arena, const struct sm_node *root)
{
    struct sm_node *base = sm_tree_map(arena, NULL, root);
    struct sm_node **link = base != NULL ? &base->first : NULL;
    SM_NODE_EACH (child, root) {
        if (base == NULL || strcmp(child->key, "compare") == 0 || strcmp(child->key, "sweep") == 0)
            continue;
        if ((*link = sm_tree_copy(arena, child, NULL)) == NULL)
            return NULL;
        (*link)->parent = base;
        link = &(*link)->next;
    }
    return base;
}

enum sm_status
sm_experiment_expand(struct sm_arena *arena, const struct sm_node *root,
                     const struct sm_node *const **trees, size_t *count)
{
    struct dimension dimensions[MOST_KEYS];
    size_t dimension_count, runs;
    const struct sm_node *compare = sm_tree_get(root, "compare");
    SM_TRY(read_sweep(sm_tree_get(root, "sweep"), dimensions, &dimension_count, &runs));
    if (compare != NULL && (compare->kind != SM_NODE_LIST || compare->first == NULL))
        return sm_tree_fail(compare, "expected a list of `- name: ...` entries");
    size_t variants = compare != NULL ? sm_tree_count(compare) : 1;
    const struct sm_node **all = sm_arena_zalloc(arena, variants * runs, sizeof *all);
    if (all == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for %zu runs", variants * runs);

    const struct sm_node *entry = compare != NULL ? compare->first : NULL;
    for (size_t v = 0; v < variants; v++, entry = entry != NULL ? entry->next : NULL) {
        struct sm_node *variant = without_blocks(arena, root);
        if (variant == NULL)
            return SM_FAIL(SM_ERR_NOMEM, "no memory for %zu runs", variants * runs);
        if (entry != NULL && (entry->kind != SM_NODE_MAP || sm_tree_get(entry, "name") == NULL))
            return sm_tree_fail(entry, "expected settings with a `name`");
        const struct sm_node *block = sm_tree_get(entry, "sweep");
        if (block == NULL)
            block = sm_tree_get(entry, "compare");
        if (block != NULL)
            return sm_tree_fail(block, "belongs at the top of the file, it holds for every entry");
        if (entry != NULL)
            SM_TRY(sm_tree_merge(arena, variant, entry));
        for (size_t i = 0; i < runs; i++)
            SM_TRY(combine(arena, variant, dimensions, dimension_count, i, &all[v * runs + i]));
    }
    *trees = all;
    *count = variants * runs;
    return SM_OK;
}
