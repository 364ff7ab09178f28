/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/collective/collective.c -- the registry and what all schedules share. */
#include "sim/collective/collective.h"

#include <math.h>

#include "sim/base/text.h"

const struct sm_param sm_collective_params[] = {
    SM_PARAM_CHOICE(struct sm_collective_settings, play, "fluid", "fluid|exact",
                    "fluid: one flow an edge where edges share no link; exact: every message"),
    SM_PARAM_END,
};

const struct sm_param sm_collective_rooted_params[] = {
    SM_PARAM(struct sm_collective_rooted, root, 0, 0, 1e6, "rank at the root"),
    SM_PARAM_END,
};

const char *const sm_operation_names[SM_OPERATIONS] = {
    [SM_ALL_REDUCE] = "all-reduce", [SM_REDUCE_SCATTER] = "reduce-scatter",
    [SM_ALL_GATHER] = "all-gather", [SM_REDUCE] = "reduce",
    [SM_BROADCAST] = "broadcast",
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
    .doc = "how an all-reduce travels, and what they are made of",
    .initial = "ring",
    .plugins = collectives,
};

size_t
sm_collective_root(const struct sm_collective_call *call)
{
    const struct sm_collective_rooted *settings = call->settings;
    return settings != NULL ? settings->root : 0;
}

size_t
sm_collective_root_owns(const struct sm_collective_call *call, size_t chunk)
{
    (void)chunk;
    return sm_collective_root(call);
}

size_t
sm_collective_one_chunk(const struct sm_collective_call *call)
{
    (void)call;
    return 1;
}

enum sm_status
sm_collective_check_root(const struct sm_collective_call *call)
{
    if (sm_collective_root(call) < call->size)
        return SM_OK;
    return SM_FAIL(SM_ERR_INPUT, "algorithm.collective.root: %zu, expected a rank below %zu",
                   sm_collective_root(call), call->size);
}

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
sm_collective_sent(const struct sm_collective_call *call, size_t chunks,
                   const struct sm_collective_step *step)
{
    if (step->send_to == SM_NO_RANK)
        return 0;
    return sm_collective_bytes(call->bytes, chunks, step->send_first, step->send_count);
}

double
sm_collective_received(const struct sm_collective_call *call, size_t chunks,
                       const struct sm_collective_step *step)
{
    if (step->receive_from == SM_NO_RANK)
        return 0;
    return sm_collective_bytes(call->bytes, chunks, step->receive_first, step->receive_count);
}

double
sm_collective_sent_in_all(const struct sm_collective *collective,
                          const struct sm_collective_call *call, size_t rank)
{
    if (collective->sent != NULL)
        return collective->sent(call, rank);
    const size_t steps = collective->steps(call), chunks = collective->chunks(call);
    double sent = 0;
    for (size_t i = 0; i < steps; i++) {
        struct sm_collective_step step;
        collective->step(call, rank, i, &step);
        sent += sm_collective_sent(call, chunks, &step);
    }
    return sent;
}

enum sm_status
sm_collective_usable(const struct sm_collective *collective, const struct sm_collective_call *call)
{
    const char *names[sizeof collectives / sizeof *collectives] = {NULL};
    char known[256];
    size_t count = 0;
    if (collective->operation == SM_ALL_REDUCE)
        return collective->check != NULL ? collective->check(call) : SM_OK;
    for (const struct sm_plugin *const *p = collectives; *p != NULL; p++)
        if (((const struct sm_collective *)*p)->operation == SM_ALL_REDUCE)
            names[count++] = (*p)->name;
    return SM_FAIL(SM_ERR_INPUT, "algorithm.collective: %s is no all-reduce but a %s; expected %s",
                   collective->about.name, sm_operation_names[collective->operation],
                   sm_text_join(known, sizeof known, names));
}
