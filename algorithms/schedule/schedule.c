/* SPDX-License-Identifier: GPL-3.0-or-later */
/* algorithms/schedule/schedule.c -- what schedules share. */
#include "algorithms/schedule/schedule.h"

#include <math.h>

double
sm_schedule_point(double setting, size_t steps)
{
    double point = setting <= 1.0 ? setting * (double)steps : setting;
    double whole = rint(point); /* 0.07 of 100 steps is 7, not 7.000000000000001 */
    return fabs(point - whole) <= 1e-12 * whole ? whole : point;
}

double
sm_schedule_warmup(double warmup, size_t k, size_t steps)
{
    double until = sm_schedule_point(warmup, steps), done = (double)k + 1;
    return done < until ? done / until : 1.0;
}
