/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/base/tree.h -- a YAML file as a tree that remembers where each value stood.
 *
 * Experiments, profiles and `--set` all become this one tree; merging, sweeping and overriding
 * happen on it, before anything is given a type. Nodes are owned by the arena.
 */
#ifndef SM_BASE_TREE_H
#define SM_BASE_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "sim/base/arena.h"
#include "sim/base/status.h"

enum sm_node_kind { SM_NODE_SCALAR, SM_NODE_LIST, SM_NODE_MAP };

struct sm_node {
    enum sm_node_kind kind;
    const char *key;  /* in a map; NULL in a list and at the root          */
    const char *text; /* of a scalar, as written, without quotes           */
    const char *file; /* where it stood; line and column count from 1      */
    size_t line, column;
    size_t key_line, key_column;           /* of the key; 0 without                   */
    struct sm_node *parent, *first, *next; /* children in the order written */
};

#define SM_NODE_EACH(child, node)                                                                  \
    for (const struct sm_node *child = (node) != NULL ? (node)->first : NULL; child != NULL;       \
         child = child->next)

/* Reads the file, or parses `text` and calls it `name` in messages. *root is a map, or NULL for an
 * empty document. SM_ERR_INPUT: "FILE:LINE:COLUMN: what". Duplicate keys are errors. */
enum sm_status sm_tree_load(struct sm_arena *arena, const char *path, struct sm_node **root);
enum sm_status sm_tree_parse(struct sm_arena *arena, const char *name, const char *text,
                             struct sm_node **root);

/* The child called `key`, NULL when there is none or map is NULL. */
const struct sm_node *sm_tree_get(const struct sm_node *map, const char *key);
/* What a dotted key such as platform.bandwidth."*eth*" names; NULL when it is not there. */
const struct sm_node *sm_tree_find(struct sm_arena *arena, const struct sm_node *root,
                                   const char *dotted);
size_t sm_tree_count(const struct sm_node *node);
/* A deep copy with another key (NULL keeps it), not yet in any parent. NULL: no memory. */
struct sm_node *sm_tree_copy(struct sm_arena *arena, const struct sm_node *node, const char *key);
/* Whether they hold the same keys and values in the same order, wherever they stood; NULL is like
 * NULL. */
bool sm_tree_equal(const struct sm_node *a, const struct sm_node *b);
/* An empty map that stands where `like` stood. */
struct sm_node *sm_tree_map(struct sm_arena *arena, const char *key, const struct sm_node *like);

/* Lays a copy of `over` on the map `base`: maps merge key by key, anything else replaces. A map
 * that has a `name` other than the one it meets replaces too: settings of one algorithm mean
 * nothing to the next. */
enum sm_status sm_tree_merge(struct sm_arena *arena, struct sm_node *base,
                             const struct sm_node *over);
/* Sets a dotted key: algorithm.outer.beta, platform.bandwidth."*eth*". Makes the maps on the way; a
 * scalar on the way becomes {name: scalar}. */
enum sm_status sm_tree_set(struct sm_arena *arena, struct sm_node *root, const char *dotted,
                           const struct sm_node *value);

/* Writes text in double quotes, so that YAML reads it back whatever it holds. */
void sm_tree_quote(const char *text, FILE *out);

/* Records "FILE:LINE:COLUMN: PATH.OF.KEY: message" and returns SM_ERR_INPUT. node may be NULL. */
__attribute__((format(printf, 2, 3))) enum sm_status sm_tree_fail(const struct sm_node *node,
                                                                  const char *format, ...);
#endif
