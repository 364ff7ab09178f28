/* SPDX-License-Identifier: GPL-3.0-or-later */
/* algorithms/schedule/constant.c -- one learning rate, after an optional linear warm-up. */
#include "algorithms/schedule/schedule.h"

struct constant {
    double warmup;
};

static const struct sm_param constant_params[] = {
    SM_PARAM(struct constant, warmup, 0, 0, 1e12,
             "linear warm-up: up to 1 a share of the run, above 1 steps"),
    SM_PARAM_END,
};

static double
constant_factor(const void *state, size_t k, size_t steps)
{
    const struct constant *s = state;
    return sm_schedule_warmup(s->warmup, k, steps);
}

const struct sm_schedule sm_schedule_constant = {
    .about = {.name = "constant",
              .doc = "the base learning rate throughout, after an optional warm-up",
              .source = "Goyal et al. 2017, arXiv:1706.02677, sec. 2.2 (warm-up)",
              .state_size = sizeof(struct constant),
              .params = constant_params},
    .factor = constant_factor,
};
