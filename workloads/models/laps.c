/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/models/laps.c -- see laps.h. */
#include "workloads/models/laps.h"

#include <stdbool.h>
#include <time.h>

static double
thread_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void
sm_laps_start(struct sm_laps *laps, struct sm_layer_times *times)
{
    *laps = (struct sm_laps){times, times != NULL ? thread_seconds() : 0};
}

static void
lap(struct sm_laps *laps, size_t layer, const char *name, bool backward)
{
    struct sm_layer_times *times = laps->times;
    if (times == NULL)
        return;
    const size_t row = layer < SM_MOST_LAYERS ? layer : SM_MOST_LAYERS - 1;
    const double now = thread_seconds();
    times->layer[row].name = name;
    *(backward ? &times->layer[row].backward : &times->layer[row].forward) += now - laps->last;
    if (row >= times->count)
        times->count = row + 1;
    laps->last = now;
}

void
sm_laps_forward(struct sm_laps *laps, size_t layer, const char *name)
{
    lap(laps, layer, name, false);
}

void
sm_laps_backward(struct sm_laps *laps, size_t layer, const char *name)
{
    lap(laps, layer, name, true);
}
