/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/helpers/blocks.h -- random vectors for tests of kernels. Every vector is a block of its
 * own, so that a memory checker sees each access beyond its end. */
#ifndef SM_TESTS_HELPERS_BLOCKS_H
#define SM_TESTS_HELPERS_BLOCKS_H

#include <stddef.h>

#include "sim/base/rng.h"

/* cmocka's: of a group, and after each test. */
int blocks_setup(void **state);
int blocks_teardown(void **state);
int blocks_free(void **state);

/* The stream that the vectors come from. */
struct sm_rng *blocks_rng(void);
/* Bytes with undefined contents; lives until the end of the test. */
void *block(size_t bytes);
/* n standard normal numbers; a copy of x (n). */
float *random_floats(size_t n);
float *copy_of(const float *x, size_t n);

#endif
