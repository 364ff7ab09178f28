/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/datasets/table.h -- numbers by 64-bit keys: open addressing, no removal. */
#ifndef SM_WORKLOADS_DATASETS_TABLE_H
#define SM_WORKLOADS_DATASETS_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "sim/base/arena.h"

enum { SM_TABLE_NONE = UINT32_MAX };

struct sm_table {
    struct sm_table_slot *slots; /* (capacity), a power of two */
    size_t capacity, count;
};

/* The value of `key`; SM_TABLE_NONE when there is none. A table set to {0} is empty. */
uint32_t sm_table_get(const struct sm_table *table, uint64_t key);
/* The place of the key's value, a new one holds SM_TABLE_NONE; valid until the next call. Grows in
 * arena; NULL: no memory. */
uint32_t *sm_table_put(struct sm_table *table, uint64_t key, struct sm_arena *arena);

#endif
