/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/run/expand.c -- the runs that the `compare:` and `sweep:` blocks of a file stand for. */
#include <stdlib.h>
#include <string.h>

#include "sim/base/text.h"
#include "sim/run/experiment.h"
#include "sim/run/random_search.h"

enum { MOST_KEYS = 32, MOST_RUNS = 1000000 };

/* One swept key with its values. */
struct column {
    const char *key, *label; /* the dotted key and the end of it that stands in names */
    const struct sm_node *values;
};

/* Keys whose values change together: one, or those of `zip:` or `random:`. */
struct dimension {
    const struct column *columns; /* (column_count) */
    size_t column_count;
    size_t count;  /* values of each                                        */
    size_t stride; /* combinations from one value to the next               */
    bool seed;     /* of the run: tells runs apart that are otherwise alike */
};

struct sweep {
    struct column columns[MOST_KEYS];
    struct dimension dimensions[MOST_KEYS];
    size_t column_count, count, runs; /* dimensions; combinations, 1 without any */
};

/* An entry of `compare:` laid on the file, or the file alone. */
struct variant {
    struct sm_node *tree;
    const char *name;
};

/* ---- sweep ---- */

/* The last part of a key says enough, but the seed of a data set is not that of the run. */
static const char *
label_of(const char *key)
{
    const char *dot = strrchr(key, '.');
    if (dot == NULL)
        return key;
    if (strcmp(dot + 1, "seed") != 0)
        return dot + 1;
    while (dot > key && dot[-1] != '.')
        dot--;
    return dot;
}

/* The same run twice looks like a second observation and is none. */
static enum sm_status
check_seeds(const struct sm_node *seeds)
{
    SM_NODE_EACH (seed, seeds)
        for (const struct sm_node *before = seeds->first; before != seed; before = before->next)
            if (seed->kind == SM_NODE_SCALAR && before->kind == SM_NODE_SCALAR &&
                strtod(seed->text, NULL) == strtod(before->text, NULL))
                return sm_tree_fail(seed, "seed %s is listed twice, the runs would be the same",
                                    seed->text);
    return SM_OK;
}

/* One key more of the dimension that is being read. */
static enum sm_status
add_column(struct sweep *sweep, const struct sm_node *values)
{
    for (size_t c = 0; c < sweep->column_count; c++)
        if (strcmp(sweep->columns[c].key, values->key) == 0)
            return sm_tree_fail(values, "is swept already, in line %zu",
                                sweep->columns[c].values->line);
    if (sweep->column_count == MOST_KEYS)
        return sm_tree_fail(values, "more than %d keys", MOST_KEYS);
    sweep->columns[sweep->column_count++] =
        (struct column){values->key, label_of(values->key), values};
    return SM_OK;
}

/* Ends the dimension of all columns from `first` on, whose lists are equally long. */
static enum sm_status
add_dimension(struct sweep *sweep, size_t first, const struct sm_node *where)
{
    const size_t count = sm_tree_count(sweep->columns[first].values);
    if (sweep->runs > MOST_RUNS / count)
        return sm_tree_fail(where, "more than %d runs", MOST_RUNS);
    sweep->runs *= count;
    sweep->dimensions[sweep->count++] = (struct dimension){
        .columns = &sweep->columns[first],
        .column_count = sweep->column_count - first,
        .count = count,
        .seed = strcmp(where->key, "seed") == 0,
    };
    return SM_OK;
}

static enum sm_status
check_list(const struct sm_node *values)
{
    if (values->kind != SM_NODE_LIST || values->first == NULL)
        return sm_tree_fail(values, "expected a list of values");
    return SM_OK;
}

/* Runs that differ in their seed alone are means of one thing; so seeds stand alone. */
static enum sm_status
check_no_seed(const struct sm_node *entry)
{
    if (strcmp(entry->key, "seed") == 0)
        return sm_tree_fail(entry, "the seeds of runs stand beside the block: `seed: [1, 2]`");
    return SM_OK;
}

/* `zip: {key: [values], ...}`: the first values of all, then the second ones. */
static enum sm_status
read_zip(const struct sm_node *block, struct sweep *sweep)
{
    const size_t first = sweep->column_count;
    if (block->kind != SM_NODE_MAP || block->first == NULL)
        return sm_tree_fail(block, "expected `dotted.key: [values]` lines");
    SM_NODE_EACH (child, block) {
        SM_TRY(check_no_seed(child));
        SM_TRY(check_list(child));
        if (sm_tree_count(child) != sm_tree_count(block->first))
            return sm_tree_fail(child, "%zu values, where %s has %zu", sm_tree_count(child),
                                block->first->key, sm_tree_count(block->first));
        SM_TRY(add_column(sweep, child));
    }
    return add_dimension(sweep, first, block);
}

static enum sm_status
read_random(struct sm_arena *arena, const struct sm_node *block, struct sweep *sweep)
{
    const size_t first = sweep->column_count;
    struct sm_random_search search;
    SM_TRY(sm_random_search_read(arena, block, &search));
    SM_NODE_EACH (child, block) {
        const struct sm_node *values;
        if (sm_random_search_owns(child))
            continue;
        SM_TRY(sm_random_search_draw(arena, &search, child, &values));
        SM_TRY(add_column(sweep, values));
    }
    return add_dimension(sweep, first, block);
}

static enum sm_status
read_sweep(struct sm_arena *arena, const struct sm_node *node, struct sweep *sweep)
{
    *sweep = (struct sweep){.runs = 1};
    if (node != NULL && node->kind != SM_NODE_MAP)
        return sm_tree_fail(node, "expected `dotted.key: [values]` lines");
    SM_NODE_EACH (child, node) {
        const size_t first = sweep->column_count;
        if (strcmp(child->key, "zip") == 0) {
            SM_TRY(read_zip(child, sweep));
            continue;
        }
        if (strcmp(child->key, "random") == 0) {
            SM_TRY(read_random(arena, child, sweep));
            continue;
        }
        SM_TRY(check_list(child));
        if (strcmp(child->key, "seed") == 0)
            SM_TRY(check_seeds(child));
        SM_TRY(add_column(sweep, child));
        SM_TRY(add_dimension(sweep, first, child));
    }
    size_t stride = 1; /* the last key changes fastest */
    for (size_t d = sweep->count; d-- > 0; stride *= sweep->dimensions[d].count)
        sweep->dimensions[d].stride = stride;
    return SM_OK;
}

/* Which value of the dimension the index-th combination has. */
static size_t
digit(const struct dimension *dimension, size_t index)
{
    return index / dimension->stride % dimension->count;
}

static const struct sm_node *
value_at(const struct dimension *dimension, size_t column, size_t index)
{
    const struct sm_node *value = dimension->columns[column].values->first;
    for (size_t skip = digit(dimension, index); skip > 0; skip--)
        value = value->next;
    return value;
}

/* A short text for a value in a run's name. */
static const char *
value_text(const struct sm_node *value)
{
    const struct sm_node *name = value->kind == SM_NODE_SCALAR ? value : sm_tree_get(value, "name");
    return name != NULL && name->kind == SM_NODE_SCALAR ? name->text : "...";
}

/* `name` and the values of the index-th combination, with the seed's or without; NULL: no memory.
 */
static const char *
swept_name(struct sm_arena *arena, const char *name, const struct sweep *sweep, size_t index,
           bool with_seed)
{
    for (size_t d = 0; d < sweep->count && name != NULL; d++) {
        const struct dimension *dimension = &sweep->dimensions[d];
        for (size_t c = 0; c < dimension->column_count && name != NULL; c++)
            if (with_seed || !dimension->seed)
                name = sm_arena_printf(arena, "%s %s=%s", name, dimension->columns[c].label,
                                       value_text(value_at(dimension, c, index)));
    }
    return name;
}

static enum sm_status
no_memory(size_t runs)
{
    return SM_FAIL(SM_ERR_NOMEM, "no memory for %zu runs", runs);
}

/* Sets a key to a text that stands where `like` (may be NULL) stood. */
static enum sm_status
set_text(struct sm_arena *arena, struct sm_node *tree, const char *key, const char *text,
         const struct sm_node *like)
{
    struct sm_node node = {.kind = SM_NODE_SCALAR, .text = text};
    if (text == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for the sweep");
    if (like != NULL) {
        node.file = like->file;
        node.line = like->line;
        node.column = like->column;
    }
    return sm_tree_set(arena, tree, key, &node);
}

/* The index-th combination of the swept values laid on a copy of the variant. */
static enum sm_status
combine(struct sm_arena *arena, const struct variant *variant, const struct sweep *sweep,
        size_t index, struct sm_node **out)
{
    struct sm_node *tree = *out = sm_tree_copy(arena, variant->tree, NULL);
    if (tree == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for the sweep");
    for (size_t d = 0; d < sweep->count; d++)
        for (size_t c = 0; c < sweep->dimensions[d].column_count; c++)
            SM_TRY(sm_tree_set(arena, tree, sweep->dimensions[d].columns[c].key,
                               value_at(&sweep->dimensions[d], c, index)));
    if (sweep->count == 0)
        return SM_OK;
    return set_text(arena, tree, "name", swept_name(arena, variant->name, sweep, index, true),
                    NULL);
}

/* ---- compare ---- */

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

/* `entry` (NULL: nothing) laid on the file. */
static enum sm_status
make_variant(struct sm_arena *arena, const struct sm_node *root, const struct sm_node *entry,
             struct variant *variant)
{
    variant->tree = without_blocks(arena, root);
    if (variant->tree == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for the experiment");
    if (entry != NULL && (entry->kind != SM_NODE_MAP || sm_tree_get(entry, "name") == NULL))
        return sm_tree_fail(entry, "expected settings with a `name`");
    const struct sm_node *block = sm_tree_get(entry, "sweep");
    if (block == NULL)
        block = sm_tree_get(entry, "compare");
    if (block != NULL)
        return sm_tree_fail(block, "belongs at the top of the file, it holds for every entry");
    if (entry != NULL)
        SM_TRY(sm_tree_merge(arena, variant->tree, entry));
    const struct sm_node *name = sm_tree_get(variant->tree, "name");
    variant->name = name != NULL ? value_text(name) : "run";
    return SM_OK;
}

/* ---- evaluate.against ---- */

/* What `against` may name: variants, each then with the values of the run that names it, or runs
 * without their seeds. Both NULL-terminated. */
struct bases {
    const char **variants, **runs;
};

static bool
is_first_seed(const struct sweep *sweep, size_t index)
{
    for (size_t d = 0; d < sweep->count; d++)
        if (sweep->dimensions[d].seed && digit(&sweep->dimensions[d], index) != 0)
            return false;
    return true;
}

static enum sm_status
name_bases(struct sm_arena *arena, const struct variant *variants, size_t count,
           const struct sweep *sweep, struct bases *bases)
{
    size_t used = 0;
    bases->variants = sm_arena_zalloc(arena, count + 1, sizeof *bases->variants);
    bases->runs = sm_arena_zalloc(arena, count * sweep->runs + 1, sizeof *bases->runs);
    if (bases->variants == NULL || bases->runs == NULL)
        return no_memory(count * sweep->runs);
    for (size_t v = 0; v < count; v++) {
        bases->variants[v] = variants[v].name;
        for (size_t i = 0; i < sweep->runs; i++)
            if (is_first_seed(sweep, i) && (bases->runs[used++] = swept_name(
                                                arena, variants[v].name, sweep, i, false)) == NULL)
                return no_memory(count * sweep->runs);
    }
    return SM_OK;
}

static bool
is_among(const char *name, const char *const *names)
{
    while (*names != NULL && strcmp(*names, name) != 0)
        names++;
    return *names != NULL;
}

/* The index-th combination names its base in full. */
static enum sm_status
resolve_base(struct sm_arena *arena, const struct bases *bases, const struct sweep *sweep,
             size_t index, struct sm_node *tree)
{
    const struct sm_node *against = sm_tree_get(sm_tree_get(tree, "evaluate"), "against");
    if (against == NULL || against->kind != SM_NODE_SCALAR || against->text[0] == '\0')
        return SM_OK;
    if (is_among(against->text, bases->variants))
        return set_text(arena, tree, "evaluate.against",
                        swept_name(arena, against->text, sweep, index, false), against);
    if (is_among(against->text, bases->runs))
        return SM_OK;
    const char **names = bases->variants[1] != NULL ? bases->variants : bases->runs;
    char near[SM_TEXT_SUGGESTION], known[256];
    return sm_tree_fail(against, "no run is called '%s'%s; known: %s", against->text,
                        sm_text_suggest(near, against->text, names),
                        sm_text_join(known, sizeof known, names));
}

enum sm_status
sm_experiment_expand(struct sm_arena *arena, const struct sm_node *root,
                     const struct sm_node *const **trees, size_t *count)
{
    struct sweep sweep;
    struct bases bases;
    const struct sm_node *compare = sm_tree_get(root, "compare");
    SM_TRY(read_sweep(arena, sm_tree_get(root, "sweep"), &sweep));
    if (compare != NULL && (compare->kind != SM_NODE_LIST || compare->first == NULL))
        return sm_tree_fail(compare, "expected a list of `- name: ...` entries");
    const size_t variant_count = compare != NULL ? sm_tree_count(compare) : 1;
    const size_t runs = variant_count * sweep.runs;
    struct variant *variants = sm_arena_alloc(arena, variant_count, sizeof *variants);
    const struct sm_node **all = sm_arena_zalloc(arena, runs, sizeof *all);
    if (variants == NULL || all == NULL)
        return no_memory(runs);

    const struct sm_node *entry = compare != NULL ? compare->first : NULL;
    for (size_t v = 0; v < variant_count; v++, entry = entry != NULL ? entry->next : NULL)
        SM_TRY(make_variant(arena, root, entry, &variants[v]));
    SM_TRY(name_bases(arena, variants, variant_count, &sweep, &bases));
    const bool blocks = compare != NULL || sweep.count > 0;
    for (size_t v = 0; v < variant_count; v++)
        for (size_t i = 0; i < sweep.runs; i++) {
            struct sm_node *tree;
            SM_TRY(combine(arena, &variants[v], &sweep, i, &tree));
            if (blocks) /* a run alone may have its base in the store */
                SM_TRY(resolve_base(arena, &bases, &sweep, i, tree));
            all[v * sweep.runs + i] = tree;
        }
    *trees = all;
    *count = runs;
    return SM_OK;
}
