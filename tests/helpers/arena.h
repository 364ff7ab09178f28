/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/helpers/arena.h -- memory for the tests of a program. */
#ifndef SM_TESTS_HELPERS_ARENA_H
#define SM_TESTS_HELPERS_ARENA_H

#include "sim/base/arena.h"

/* Empty in the beginning. */
extern struct sm_arena arena;
/* cmocka's: of a group or of a test. */
int arena_teardown(void **state);

#endif
