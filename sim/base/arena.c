/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/base/arena.c -- a chain of blocks, each twice as large as the one before. */
#include "sim/base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 64, FIRST_BLOCK = 4096, LARGEST_BLOCK = 1 << 20 };

struct sm_arena_block {
    struct sm_arena_block *next;
    size_t capacity, used; /* bytes of data */
    _Alignas(ALIGNMENT) unsigned char data[];
};

void
sm_arena_fini(struct sm_arena *arena)
{
    for (struct sm_arena_block *block = arena->first; block != NULL;) {
        struct sm_arena_block *next = block->next;
        free(block);
        block = next;
    }
    *arena = (struct sm_arena){0};
}

void
sm_arena_reset(struct sm_arena *arena)
{
    for (struct sm_arena_block *block = arena->first; block != NULL; block = block->next)
        block->used = 0;
    arena->current = arena->first;
}

static struct sm_arena_block *
block_append(struct sm_arena *arena, size_t need)
{
    size_t capacity = FIRST_BLOCK;
    if (arena->current != NULL && arena->current->capacity < LARGEST_BLOCK / 2)
        capacity = 2 * arena->current->capacity;
    else if (arena->current != NULL)
        capacity = LARGEST_BLOCK;
    if (capacity < need)
        capacity = need;
    size_t total = sizeof(struct sm_arena_block) + capacity;
    total = (total + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    struct sm_arena_block *block = aligned_alloc(ALIGNMENT, total);
    if (block == NULL)
        return NULL;
    *block = (struct sm_arena_block){.capacity = capacity};
    if (arena->current == NULL) {
        arena->first = block;
    } else {
        block->next = arena->current->next;
        arena->current->next = block;
    }
    arena->current = block;
    return block;
}

void *
sm_arena_alloc(struct sm_arena *arena, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > SIZE_MAX / 2)
        return NULL;
    bytes = bytes == 0 ? ALIGNMENT : (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    while (arena->current != NULL && arena->current->capacity - arena->current->used < bytes &&
           arena->current->next != NULL)
        arena->current = arena->current->next;
    struct sm_arena_block *block = arena->current;
    if (block == NULL || block->capacity - block->used < bytes) {
        block = block_append(arena, bytes);
        if (block == NULL)
            return NULL;
    }
    void *result = block->data + block->used;
    block->used += bytes;
    return result;
}

void *
sm_arena_zalloc(struct sm_arena *arena, size_t count, size_t size)
{
    void *result = sm_arena_alloc(arena, count, size);
    if (result != NULL)
        memset(result, 0, count * size);
    return result;
}

char *
sm_arena_strndup(struct sm_arena *arena, const char *text, size_t length)
{
    char *copy = sm_arena_alloc(arena, length + 1, 1);
    if (copy == NULL)
        return NULL;
    memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

char *
sm_arena_strdup(struct sm_arena *arena, const char *text)
{
    return sm_arena_strndup(arena, text, strlen(text));
}

char *
sm_arena_printf(struct sm_arena *arena, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    char *text = length < 0 ? NULL : sm_arena_alloc(arena, (size_t)length + 1, 1);
    if (text != NULL)
        vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    return text;
}

size_t
sm_arena_bytes(const struct sm_arena *arena)
{
    size_t bytes = 0;
    for (const struct sm_arena_block *block = arena->first; block != NULL; block = block->next)
        bytes += sizeof *block + block->capacity;
    return bytes;
}
