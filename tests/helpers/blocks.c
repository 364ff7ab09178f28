/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/helpers/blocks.c -- see blocks.h. */
#include "tests/helpers/blocks.h"

#include <stdlib.h>
#include <string.h>

#include "sim/base/arena.h"
#include "tests/helpers/check.h"

static struct sm_arena arena;
static struct sm_rng *rng;
static void *blocks[4096];
static size_t used;

int
blocks_setup(void **state)
{
    (void)state;
    rng = sm_rng_create(&arena, 1, SM_RNG_TEST, 0);
    return rng == NULL;
}

int
blocks_teardown(void **state)
{
    sm_arena_fini(&arena);
    return blocks_free(state);
}

int
blocks_free(void **state)
{
    (void)state;
    while (used > 0)
        free(blocks[--used]);
    return 0;
}

struct sm_rng *
blocks_rng(void)
{
    return rng;
}

void *
block(size_t bytes)
{
    assert_in_range(used, 0, sizeof blocks / sizeof *blocks - 1);
    void *b = blocks[used++] = malloc(bytes);
    assert_non_null(b);
    return b;
}

float *
random_floats(size_t n)
{
    float *x = block(n * sizeof *x);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)sm_rng_normal(rng, 1);
    return x;
}

float *
copy_of(const float *x, size_t n)
{
    return memcpy(block(n * sizeof *x), x, n * sizeof *x);
}
