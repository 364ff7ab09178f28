/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/collective/collective.c -- the registry and what all schedules share. */
#include "sim/collective/collective.h"

#include <math.h>

const struct sm_param sm_collective_params[] = {
    SM_PARAM_CHOICE(struct sm_collective_settings, play, "fluid", "fluid|exact",
                    "fluid: one flow an edge where edges share no link; exact: every message"),
    SM_PARAM_END,
};

static const struct sm_plugin *const collectives[] = {
#define X(id) &sm_collective_##id.about,
    SM_COLLECTIVE_LIST(X)
#undef X
        NULL,
};

const struct sm_axis sm_axis_collective = {
    .name = "collective",
    .key = "algorithm.collective",
    .doc = "how an all-reduce travels",
    .initial = "ring",
    .plugins = collectives,
};

double
sm_collective_bytes(double bytes, size_t chunks, size_t first, size_t count)
{
    double each = bytes / (double)chunks;
    double end = first + count == chunks ? bytes : ceil(each * (double)(first + count));
    return end - (first == 0 ? 0 : ceil(each * (double)first));
}
