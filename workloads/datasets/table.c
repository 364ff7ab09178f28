/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/datasets/table.c -- see table.h. */
#include "workloads/datasets/table.h"

enum { FIRST_CAPACITY = 1024 };

struct sm_table_slot {
    uint64_t key;
    uint32_t value;
    uint32_t used;
};

/* Where the key is, or would be: linear probing behind the high bits of a multiplicative hash
 * (Knuth, volume 3, section 6.4). */
static struct sm_table_slot *
slot_of(const struct sm_table *table, uint64_t key)
{
    const size_t mask = table->capacity - 1;
    size_t at = (key * 0x9e3779b97f4a7c15u >> 32) & mask;
    while (table->slots[at].used && table->slots[at].key != key)
        at = (at + 1) & mask;
    return &table->slots[at];
}

uint32_t
sm_table_get(const struct sm_table *table, uint64_t key)
{
    if (table->capacity == 0)
        return SM_TABLE_NONE;
    const struct sm_table_slot *slot = slot_of(table, key);
    return slot->used ? slot->value : SM_TABLE_NONE;
}

uint32_t *
sm_table_put(struct sm_table *table, uint64_t key, struct sm_arena *arena)
{
    if (2 * (table->count + 1) > table->capacity) {
        struct sm_table larger = {.count = table->count};
        larger.capacity = table->capacity > 0 ? 2 * table->capacity : FIRST_CAPACITY;
        larger.slots = sm_arena_zalloc(arena, larger.capacity, sizeof *larger.slots);
        if (larger.slots == NULL)
            return NULL;
        for (size_t i = 0; i < table->capacity; i++)
            if (table->slots[i].used)
                *slot_of(&larger, table->slots[i].key) = table->slots[i];
        *table = larger;
    }
    struct sm_table_slot *slot = slot_of(table, key);
    if (!slot->used) {
        *slot = (struct sm_table_slot){.key = key, .value = SM_TABLE_NONE, .used = 1};
        table->count++;
    }
    return &slot->value;
}
