/* SPDX-License-Identifier: GPL-3.0-or-later */
/* algorithms/period/fixed.c -- every round has tau steps. */
#include "algorithms/period/period.h"

struct fixed {
    size_t tau;
};

static const struct sm_param fixed_params[] = {
    SM_PARAM(struct fixed, tau, 12, 1, 1e12, "inner steps a round"),
    SM_PARAM_END,
};

static size_t
fixed_length(void *state, const struct sm_round_start *start)
{
    (void)start;
    return ((const struct fixed *)state)->tau;
}

static size_t
fixed_settled(const void *settings, size_t steps)
{
    (void)settings;
    (void)steps;
    return 0;
}

const struct sm_period sm_period_fixed = {
    .about = {.name = "fixed",
              .doc = "every round has tau steps; a number alone is short for it",
              .source = "Stich, ICLR 2019, arXiv:1805.09767",
              .state_size = sizeof(struct fixed),
              .params = fixed_params},
    .length = fixed_length,
    .settled = fixed_settled,
};
