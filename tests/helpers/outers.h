/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/helpers/outers.h -- outer optimizers without a run, and models to hand them. */
#ifndef SM_TESTS_HELPERS_OUTERS_H
#define SM_TESTS_HELPERS_OUTERS_H

#include "algorithms/outer/outer.h"
#include "sim/base/rng.h"

/* From YAML such as "{name: slowmo, beta: 0.5}", ready to step from x0 (n) as the first of that
 * many workers. Owned by the arena of helpers/arena.h. */
const struct sm_outer *outer_of(const char *yaml, size_t n, size_t workers, const float *x0,
                                void **state);
/* x (n) becomes standard normal numbers. */
void draw(struct sm_rng *rng, size_t n, float *x);

#endif
