/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/layers/laps.c -- where the time of a sequence model goes: see sequence.h. */
#include <time.h>

#include "workloads/layers/sequence.h"

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
    static const char *const names[SM_PIECES] = {
        [SM_PIECE_EMBEDDING] = "embedding",
        [SM_PIECE_NORM] = "layer norm",
        [SM_PIECE_PROJECTION] = "projections",
        [SM_PIECE_ATTENTION] = "attention",
        [SM_PIECE_FEED_FORWARD] = "feed-forward",
        [SM_PIECE_GELU] = "gelu",
        [SM_PIECE_RESIDUAL] = "residual",
        [SM_PIECE_HEAD] = "head",
        [SM_PIECE_LOSS] = "loss",
    };
    *laps = (struct sm_laps){.times = times};
    if (times == NULL)
        return;
    if (times->count == 0)
        for (size_t p = 0; p < SM_PIECES; p++)
            times->layer[times->count++].name = names[p];
    laps->last = thread_seconds();
}

/* Seconds since the last look. */
static double
lap(struct sm_laps *laps)
{
    const double now = thread_seconds(), since = now - laps->last;
    laps->last = now;
    return since;
}

void
sm_laps_forward(struct sm_laps *laps, enum sm_piece piece)
{
    if (laps->times != NULL)
        laps->times->layer[piece].forward += lap(laps);
}

void
sm_laps_backward(struct sm_laps *laps, enum sm_piece piece)
{
    if (laps->times != NULL)
        laps->times->layer[piece].backward += lap(laps);
}
