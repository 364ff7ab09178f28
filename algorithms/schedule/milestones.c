/* SPDX-License-Identifier: GPL-3.0-or-later */
/* algorithms/schedule/milestones.c -- multiplied by `factor` at each milestone, after a warm-up.
 *
 * Warm-up and x0.1 at 50, 75 and 87.5 % of the run is the shape of the SlowMo paper's CIFAR runs.
 */
#include "algorithms/schedule/schedule.h"

struct milestones {
    double warmup, factor;
    struct sm_numbers milestones;
};

static const struct sm_param milestones_params[] = {
    SM_PARAM(struct milestones, warmup, 0, 0, 1e12,
             "linear warm-up: up to 1 a share of the run, above 1 steps"),
    SM_PARAM_NUMBERS(struct milestones, milestones, "[]", 0, 1e12,
                     "points of the run: up to 1 a share of it, above 1 steps; none: constant"),
    SM_PARAM(struct milestones, factor, 0.1, 0, 1, "multiplies the rate at each milestone"),
    SM_PARAM_END,
};

static double
milestones_factor(const void *state, size_t k, size_t steps)
{
    const struct milestones *s = state;
    double factor = sm_schedule_warmup(s->warmup, k, steps);
    for (size_t i = 0; i < s->milestones.count; i++)
        if ((double)k >= sm_schedule_point(s->milestones.values[i], steps))
            factor *= s->factor;
    return factor;
}

const struct sm_schedule sm_schedule_milestones = {
    .about = {.name = "milestones",
              .doc = "linear warm-up, then a step down at each milestone",
              .source = "Wang et al., ICLR 2020, arXiv:1910.00643, app. B; Goyal et al. 2017",
              .state_size = sizeof(struct milestones),
              .params = milestones_params},
    .factor = milestones_factor,
};
