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

/* The first bytes mod chunks of them are the longer ones; whole numbers below 2^53 are exact. */
double
sm_collective_bytes(double bytes, size_t chunks, size_t first, size_t count)
{
    double each = floor(bytes / (double)chunks);
    double longer = bytes - each * (double)chunks;
    double end = (double)(first + count);
    return each * (double)count + fmin(end, longer) - fmin((double)first, longer);
}

double
sm_collective_sent(const struct sm_collective *collective, const struct sm_collective_call *call,
                   const struct sm_collective_step *step)
{
    return step->send_to == SM_NO_RANK ? 0
                                       : sm_collective_bytes(call->bytes, collective->chunks(call),
                                                             step->send_first, step->send_count);
}

double
sm_collective_received(const struct sm_collective *collective,
                       const struct sm_collective_call *call, const struct sm_collective_step *step)
{
    return step->receive_from == SM_NO_RANK
               ? 0
               : sm_collective_bytes(call->bytes, collective->chunks(call), step->receive_first,
                                     step->receive_count);
}
