/* SPDX-License-Identifier: GPL-3.0-or-later */
/* algorithms/period/post_local.c -- one step a round at first, tau steps from a point of the run
 * on.
 *
 * The paper switches where the learning rate is first lowered. Rounds of one step end at every
 * step, so that the first long one begins at that point.
 */
#include <math.h>

#include "algorithms/period/period.h"
#include "algorithms/schedule/schedule.h"

struct post_local {
    size_t tau;
    double from;
};

static const struct sm_param post_local_params[] = {
    SM_PARAM(struct post_local, tau, 16, 1, 1e12, "inner steps a round, later"),
    SM_PARAM(struct post_local, from, 0.5, 0, 1e12,
             "where that begins: up to 1 a share of the run, above 1 steps"),
    SM_PARAM_END,
};

static size_t
post_local_length(void *state, const struct sm_round_start *start)
{
    const struct post_local *s = state;
    return (double)start->step < sm_schedule_point(s->from, start->steps) ? 1 : s->tau;
}

static size_t
post_local_settled(const void *settings, size_t steps)
{
    return (size_t)ceil(sm_schedule_point(((const struct post_local *)settings)->from, steps));
}

const struct sm_period sm_period_post_local = {
    .about = {.name = "post_local",
              .doc = "one step a round up to a point of the run, then tau",
              .source = "Lin, Stich, Patel, Jaggi, ICLR 2020, arXiv:1808.07217, sec. 3",
              .state_size = sizeof(struct post_local),
              .params = post_local_params},
    .length = post_local_length,
    .settled = post_local_settled,
};
