/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/platform/table.c -- the names of a platform: a hash table, and which of them are joined. */
#include <stdio.h>
#include <string.h>

#include "sim/base/text.h"
#include "sim/platform/model.h"

static struct sm_entry **
slot_of(const struct sm_table *table, const char *name)
{
    size_t at = (size_t)sm_hash(name, strlen(name), 0) & (table->capacity - 1);
    while (table->slots[at] != NULL && strcmp(table->slots[at]->name, name) != 0)
        at = (at + 1) & (table->capacity - 1);
    return &table->slots[at];
}

struct sm_entry *
sm_table_find(const struct sm_table *table, const char *name)
{
    return table->capacity == 0 ? NULL : *slot_of(table, name);
}

static bool
table_grow(struct sm_model *model, struct sm_table *table)
{
    struct sm_table larger = {.capacity = table->capacity == 0 ? 64 : 2 * table->capacity,
                              .count = table->count};
    larger.slots = sm_arena_zalloc(model->arena, larger.capacity, sizeof *larger.slots);
    if (larger.slots == NULL)
        return false;
    for (size_t i = 0; i < table->capacity; i++)
        if (table->slots[i] != NULL)
            *slot_of(&larger, table->slots[i]->name) = table->slots[i];
    *table = larger;
    return true;
}

enum sm_status
sm_table_add(struct sm_model *model, struct sm_table *table, const char *name, xmlNodePtr element,
             struct sm_entry **entry, bool *fresh)
{
    if (2 * (table->count + 1) > table->capacity && !table_grow(model, table))
        return sm_model_no_memory(model);
    struct sm_entry **slot = slot_of(table, name);
    *fresh = *slot == NULL;
    if (*fresh) {
        struct sm_entry *added = sm_arena_zalloc(model->arena, 1, sizeof *added);
        if (added == NULL)
            return sm_model_no_memory(model);
        *added = (struct sm_entry){.name = name, .element = element, .joined = added};
        *slot = added;
        table->count++;
    }
    *entry = *slot;
    return SM_OK;
}

char *
sm_table_suggest(struct sm_model *model, const struct sm_table *table, const char *wrong,
                 char *buffer, size_t size)
{
    buffer[0] = '\0';
    const char **names = sm_arena_alloc(model->arena, table->count + 1, sizeof *names);
    if (names == NULL)
        return buffer;
    size_t count = 0;
    for (size_t i = 0; i < table->capacity; i++)
        if (table->slots[i] != NULL)
            names[count++] = table->slots[i]->name;
    names[count] = NULL;
    const char *near = sm_text_nearest(wrong, names);
    if (near != NULL)
        snprintf(buffer, size, ", did you mean '%s'?", near);
    return buffer;
}

struct sm_entry *
sm_entry_root(struct sm_entry *entry)
{
    while (entry->joined != entry) {
        entry->joined = entry->joined->joined;
        entry = entry->joined;
    }
    return entry;
}

void
sm_entry_join(struct sm_entry *a, struct sm_entry *b)
{
    if (a != NULL && b != NULL)
        sm_entry_root(a)->joined = sm_entry_root(b);
}
