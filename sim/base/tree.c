/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/base/tree.c -- libyaml's events to nodes; merge and dotted keys. */
#include "sim/base/tree.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

#include "sim/base/text.h"

enum { DEEPEST = 64, LONGEST_KEY = 256 };

static void
append(struct sm_node *parent, struct sm_node *child)
{
    struct sm_node **link = &parent->first;
    while (*link != NULL)
        link = &(*link)->next;
    *link = child;
    child->parent = parent;
    child->next = NULL;
}

static struct sm_node *
node_new(struct sm_arena *arena, enum sm_node_kind kind, const char *file, yaml_mark_t mark)
{
    struct sm_node *node = sm_arena_zalloc(arena, 1, sizeof *node);
    if (node != NULL) {
        node->kind = kind;
        node->file = file;
        node->line = mark.line + 1;
        node->column = mark.column + 1;
    }
    return node;
}

/* Adds a parsed value to the open collection; the key of a map waits in *key. */
static enum sm_status
place(struct sm_node *open, struct sm_node *node, struct sm_node **key, struct sm_node **root)
{
    if (open == NULL) {
        *root = node;
        return SM_OK;
    }
    if (open->kind == SM_NODE_MAP) {
        node->key = (*key)->text;
        node->key_line = (*key)->line;
        node->key_column = (*key)->column;
        if (sm_tree_get(open, node->key) != NULL)
            return sm_tree_fail(*key, "key '%s' appears twice", node->key);
        *key = NULL;
    }
    append(open, node);
    return SM_OK;
}

static enum sm_status
parse_events(struct sm_arena *arena, yaml_parser_t *parser, const char *name, struct sm_node **root)
{
    struct sm_node *open = NULL, *key = NULL;
    size_t depth = 0;
    *root = NULL;
    for (;;) {
        yaml_event_t event;
        if (!yaml_parser_parse(parser, &event)) {
            yaml_mark_t mark = parser->problem_mark;
            return SM_FAIL(SM_ERR_INPUT, "%s:%zu:%zu: not valid YAML: %s", name, mark.line + 1,
                           mark.column + 1, parser->problem ? parser->problem : "unreadable");
        }
        enum sm_status status = SM_OK;
        yaml_event_type_t type = event.type;
        yaml_mark_t mark = event.start_mark;
        struct sm_node *node = NULL;
        if (type == YAML_SCALAR_EVENT || type == YAML_SEQUENCE_START_EVENT ||
            type == YAML_MAPPING_START_EVENT) {
            node = node_new(arena,
                            type == YAML_SCALAR_EVENT           ? SM_NODE_SCALAR
                            : type == YAML_SEQUENCE_START_EVENT ? SM_NODE_LIST
                                                                : SM_NODE_MAP,
                            name, mark);
            if (node != NULL && type == YAML_SCALAR_EVENT)
                node->text = sm_arena_strndup(arena, (const char *)event.data.scalar.value,
                                              event.data.scalar.length);
            if (node == NULL || (type == YAML_SCALAR_EVENT && node->text == NULL))
                status = SM_FAIL(SM_ERR_NOMEM, "%s: no memory for the file", name);
        }
        yaml_event_delete(&event);
        SM_TRY(status);

        switch (type) {
        case YAML_ALIAS_EVENT:
            return SM_FAIL(SM_ERR_INPUT, "%s:%zu:%zu: aliases (*name) are not supported", name,
                           mark.line + 1, mark.column + 1);
        case YAML_SCALAR_EVENT:
        case YAML_SEQUENCE_START_EVENT:
        case YAML_MAPPING_START_EVENT:
            if (open != NULL && open->kind == SM_NODE_MAP && key == NULL) {
                node->parent = open;
                if (node->kind != SM_NODE_SCALAR)
                    return sm_tree_fail(node, "a key must be a plain word");
                key = node;
                break;
            }
            if (open == NULL && *root != NULL)
                return sm_tree_fail(node, "a second document in one file");
            SM_TRY(place(open, node, &key, root));
            if (node->kind != SM_NODE_SCALAR) {
                if (++depth > DEEPEST)
                    return sm_tree_fail(node, "nested deeper than %d levels", DEEPEST);
                open = node;
            }
            break;
        case YAML_SEQUENCE_END_EVENT:
        case YAML_MAPPING_END_EVENT:
            open = open->parent;
            depth--;
            break;
        case YAML_STREAM_END_EVENT:
            return SM_OK;
        default:
            break;
        }
    }
}

enum sm_status
sm_tree_parse(struct sm_arena *arena, const char *name, const char *text, struct sm_node **root)
{
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser))
        return SM_FAIL(SM_ERR_NOMEM, "%s: no memory for the YAML parser", name);
    const char *file = sm_arena_strdup(arena, name);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, strlen(text));
    enum sm_status status = file == NULL ? SM_FAIL(SM_ERR_NOMEM, "%s: no memory", name)
                                         : parse_events(arena, &parser, file, root);
    yaml_parser_delete(&parser);
    return status;
}

enum sm_status
sm_tree_load(struct sm_arena *arena, const char *path, struct sm_node **root)
{
    char *text;
    size_t length;
    SM_TRY(sm_text_read_file(arena, path, &text, &length));
    if (strlen(text) != length)
        return SM_FAIL(SM_ERR_INPUT, "%s: not a text file (it holds a zero byte)", path);
    SM_TRY(sm_tree_parse(arena, path, text, root));
    if (*root != NULL && (*root)->kind != SM_NODE_MAP)
        return sm_tree_fail(*root, "expected `key: value` lines");
    return SM_OK;
}

const struct sm_node *
sm_tree_get(const struct sm_node *map, const char *key)
{
    if (map == NULL || map->kind != SM_NODE_MAP)
        return NULL;
    SM_NODE_EACH (child, map)
        if (strcmp(child->key, key) == 0)
            return child;
    return NULL;
}

size_t
sm_tree_count(const struct sm_node *node)
{
    size_t count = 0;
    SM_NODE_EACH (child, node)
        count++;
    return count;
}

struct sm_node *
sm_tree_copy(struct sm_arena *arena, const struct sm_node *node, const char *key)
{
    struct sm_node *copy = sm_arena_alloc(arena, 1, sizeof *copy);
    if (copy == NULL)
        return NULL;
    *copy = *node;
    copy->parent = copy->first = copy->next = NULL;
    if (key != NULL)
        copy->key = key;
    SM_NODE_EACH (child, node) {
        struct sm_node *twin = sm_tree_copy(arena, child, NULL);
        if (twin == NULL)
            return NULL;
        append(copy, twin);
    }
    return copy;
}

static bool
same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

bool
sm_tree_equal(const struct sm_node *a, const struct sm_node *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    if (a->kind != b->kind || !same_text(a->key, b->key) ||
        (a->kind == SM_NODE_SCALAR && !same_text(a->text, b->text)))
        return false;
    const struct sm_node *x = a->first, *y = b->first;
    while (x != NULL && y != NULL && sm_tree_equal(x, y)) {
        x = x->next;
        y = y->next;
    }
    return x == NULL && y == NULL;
}

struct sm_node *
sm_tree_map(struct sm_arena *arena, const char *key, const struct sm_node *like)
{
    struct sm_node *map = sm_arena_zalloc(arena, 1, sizeof *map);
    if (map == NULL)
        return NULL;
    if (like != NULL)
        *map = (struct sm_node){.file = like->file, .line = like->line, .column = like->column};
    map->kind = SM_NODE_MAP;
    map->key = key;
    return map;
}

/* Puts `node` in the place of `old`, which is a child of `parent`. */
static void
replace(struct sm_node *parent, const struct sm_node *old, struct sm_node *node)
{
    struct sm_node **link = &parent->first;
    while (*link != old)
        link = &(*link)->next;
    node->next = old->next;
    node->parent = parent;
    *link = node;
}

static struct sm_node *
child_of(struct sm_node *map, const char *key)
{
    for (struct sm_node *child = map->first; child != NULL; child = child->next)
        if (child->key != NULL && strcmp(child->key, key) == 0)
            return child;
    return NULL;
}

/* The algorithm a node chooses: its text, or its `name`; NULL when it names none. */
static const char *
chosen_name(const struct sm_node *node)
{
    if (node->kind == SM_NODE_SCALAR)
        return node->text;
    const struct sm_node *name = sm_tree_get(node, "name");
    return name != NULL && name->kind == SM_NODE_SCALAR ? name->text : NULL;
}

/* `slowmo` becomes {name: slowmo}, so that settings can be laid over it. */
static struct sm_node *
named_map(struct sm_arena *arena, struct sm_node *parent, struct sm_node *scalar)
{
    struct sm_node *map = sm_tree_map(arena, scalar->key, scalar);
    struct sm_node *name = sm_tree_copy(arena, scalar, "name");
    if (map == NULL || name == NULL)
        return NULL;
    append(map, name);
    replace(parent, scalar, map);
    return map;
}

static enum sm_status
no_memory(const struct sm_node *node)
{
    sm_tree_fail(node, "no memory");
    return SM_ERR_NOMEM;
}

enum sm_status
sm_tree_merge(struct sm_arena *arena, struct sm_node *base, const struct sm_node *over)
{
    SM_NODE_EACH (child, over) {
        struct sm_node *old = child_of(base, child->key);
        const char *name = child->kind == SM_NODE_MAP ? chosen_name(child) : NULL;
        bool merges = old != NULL && child->kind == SM_NODE_MAP && old->kind != SM_NODE_LIST;
        if (merges && name != NULL) {
            const char *old_name = chosen_name(old);
            merges = old_name != NULL && strcmp(name, old_name) == 0;
        }
        if (merges) {
            if (old->kind == SM_NODE_SCALAR && (old = named_map(arena, base, old)) == NULL)
                return no_memory(child);
            SM_TRY(sm_tree_merge(arena, old, child));
            continue;
        }
        struct sm_node *copy = sm_tree_copy(arena, child, NULL);
        if (copy == NULL)
            return no_memory(child);
        if (old != NULL)
            replace(base, old, copy);
        else
            append(base, copy);
    }
    return SM_OK;
}

/* Takes the first part of a dotted key, with or without quotes; NULL when it is malformed. */
static const char *
dotted_head(struct sm_arena *arena, const char **rest)
{
    const char *text = *rest, *end, *after;
    if (*text == '"' || *text == '\'') {
        char quote = *text++;
        end = strchr(text, quote);
        if (end == NULL)
            return NULL;
        after = end + 1;
    } else {
        end = after = text + strcspn(text, ".");
    }
    if (end == text || (*after != '\0' && *after != '.') || strcmp(after, ".") == 0)
        return NULL;
    *rest = *after == '.' ? after + 1 : after;
    return sm_arena_strndup(arena, text, (size_t)(end - text));
}

enum sm_status
sm_tree_set(struct sm_arena *arena, struct sm_node *root, const char *dotted,
            const struct sm_node *value)
{
    struct sm_node *map = root;
    for (const char *rest = dotted;;) {
        const char *key = dotted_head(arena, &rest);
        if (key == NULL)
            return sm_tree_fail(value, "'%s' is not a dotted key such as algorithm.tau", dotted);
        struct sm_node *child = child_of(map, key);
        if (*rest == '\0') {
            struct sm_node *copy = sm_tree_copy(arena, value, key);
            if (copy == NULL)
                return no_memory(value);
            if (child != NULL)
                replace(map, child, copy);
            else
                append(map, copy);
            return SM_OK;
        }
        if (child == NULL) {
            child = sm_tree_map(arena, key, value);
            if (child == NULL)
                return no_memory(value);
            append(map, child);
        } else if (child->kind == SM_NODE_SCALAR) {
            child = named_map(arena, map, child);
            if (child == NULL)
                return no_memory(value);
        } else if (child->kind == SM_NODE_LIST) {
            return sm_tree_fail(value, "'%s': %s is a list", dotted, key);
        }
        map = child;
    }
}

const struct sm_node *
sm_tree_find(struct sm_arena *arena, const struct sm_node *root, const char *dotted)
{
    const struct sm_node *node = root;
    for (const char *rest = dotted; node != NULL && *rest != '\0';) {
        const char *key = dotted_head(arena, &rest);
        node = key != NULL && node->kind == SM_NODE_MAP ? sm_tree_get(node, key) : NULL;
    }
    return node;
}

void
sm_tree_quote(const char *text, FILE *out)
{
    fputc('"', out);
    for (; *text != '\0'; text++)
        if (*text == '"' || *text == '\\')
            fprintf(out, "\\%c", *text);
        else if ((unsigned char)*text < ' ' || *text == 0x7f)
            fprintf(out, "\\x%02x", (unsigned)*text);
        else
            fputc(*text, out);
    fputc('"', out);
}

/* "algorithm.outer.beta: " into buffer. */
static size_t
write_path(const struct sm_node *node, char *buffer, size_t size)
{
    if (node == NULL)
        return 0;
    size_t used = write_path(node->parent, buffer, size);
    if (node->key == NULL || used >= size)
        return used;
    int more = snprintf(buffer + used, size - used, "%s%s", used > 0 ? "." : "", node->key);
    return more < 0 ? used : used + (size_t)more;
}

enum sm_status
sm_tree_fail(const struct sm_node *node, const char *format, ...)
{
    char message[SM_ERROR_LENGTH], path[LONGEST_KEY] = "";
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    if (node == NULL || node->file == NULL)
        return SM_FAIL(SM_ERR_INPUT, "%s", message);
    write_path(node, path, sizeof path);
    return SM_FAIL(SM_ERR_INPUT, "%s:%zu:%zu: %s%s%s", node->file, node->line, node->column, path,
                   path[0] != '\0' ? ": " : "", message);
}
