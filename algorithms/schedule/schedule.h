/* SPDX-License-Identifier: GPL-3.0-or-later */
/* algorithms/schedule/schedule.h -- the learning-rate axis: a factor for each step. */
#ifndef SM_ALGORITHMS_SCHEDULE_SCHEDULE_H
#define SM_ALGORITHMS_SCHEDULE_SCHEDULE_H

#include "sim/base/plugin.h"

struct sm_schedule {
    struct sm_plugin about;
    /* REQUIRED. What lr is multiplied with at step k of a run of `steps`; pure, >= 0. */
    double (*factor)(const void *state, size_t k, size_t steps);
};

#define SM_SCHEDULE_LIST(X) X(constant) X(milestones) X(cosine) X(inverse_sqrt)

#define X(id) extern const struct sm_schedule sm_schedule_##id;
SM_SCHEDULE_LIST(X)
#undef X

extern const struct sm_axis sm_axis_schedule;

/* A point of the run as a setting gives it, in steps: up to 1 it is a share of the run, above 1 a
 * number of steps. */
double sm_schedule_point(double setting, size_t steps);
/* Linear warm-up over the first `warmup` (a point): (k + 1) / warmup there, then 1. */
double sm_schedule_warmup(double warmup, size_t k, size_t steps);

#endif
