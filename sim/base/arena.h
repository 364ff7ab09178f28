/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/base/arena.h -- memory that is given back all at once.
 *
 * Set-up fills an arena, the step loop only uses it. A scratch arena is reset between jobs and
 * keeps its blocks, so that it stops growing after the first. Addresses are 64-byte aligned.
 */
#ifndef SM_BASE_ARENA_H
#define SM_BASE_ARENA_H

#include <stddef.h>

struct sm_arena_block;

struct sm_arena {
    struct sm_arena_block *first, *current;
};

/* An arena set to {0} is empty and ready. fini frees every block; the arena is empty again. */
void sm_arena_fini(struct sm_arena *arena);
/* Forgets the contents, keeps the blocks. */
void sm_arena_reset(struct sm_arena *arena);

/* count * size bytes, contents undefined (alloc) or zero (zalloc); NULL when memory is out or the
 * product overflows. Never NULL for count = 0. */
void *sm_arena_alloc(struct sm_arena *arena, size_t count, size_t size);
void *sm_arena_zalloc(struct sm_arena *arena, size_t count, size_t size);
/* A copy of the string, or of its first `length` bytes with a terminating zero. */
char *sm_arena_strdup(struct sm_arena *arena, const char *text);
char *sm_arena_strndup(struct sm_arena *arena, const char *text, size_t length);
__attribute__((format(printf, 2, 3))) char *sm_arena_printf(struct sm_arena *arena,
                                                            const char *format, ...);
/* Bytes held from the operating system. */
size_t sm_arena_bytes(const struct sm_arena *arena);

#endif
