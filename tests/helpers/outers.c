/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/helpers/outers.c -- see outers.h. */
#include "tests/helpers/outers.h"

#include "tests/helpers/arena.h"
#include "tests/helpers/check.h"
#include "tests/helpers/training.h"

const struct sm_outer *
outer_of(const char *yaml, size_t n, size_t workers, const float *x0, void **state)
{
    struct sm_comm comm = {.size = workers, .devices = 1, .wire_scale = 1};
    const struct sm_outer *outer =
        (const struct sm_outer *)plugin_state(&arena, &sm_axis_outer, yaml, state);
    if (outer->init != NULL)
        check_ok(outer->init(*state, plugin_setup(&arena, n, x0, &comm)));
    return outer;
}

void
draw(struct sm_rng *rng, size_t n, float *x)
{
    for (size_t i = 0; i < n; i++)
        x[i] = (float)sm_rng_normal(rng, 1);
}
