/* SPDX-License-Identifier: GPL-3.0-or-later */
/* algorithms/schedule/schedule.c -- what schedules share. */
#include "algorithms/schedule/schedule.h"

double
sm_schedule_point(double setting, size_t steps)
{
    return setting <= 1.0 ? setting * (double)steps : setting;
}

double
sm_schedule_warmup(double warmup, size_t k, size_t steps)
{
    double until = sm_schedule_point(warmup, steps), done = (double)k + 1;
    return done < until ? done / until : 1.0;
}
