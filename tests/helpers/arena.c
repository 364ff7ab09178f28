/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/helpers/arena.c -- see arena.h. */
#include "tests/helpers/arena.h"

struct sm_arena arena;

int
arena_teardown(void **state)
{
    (void)state;
    sm_arena_fini(&arena);
    return 0;
}
