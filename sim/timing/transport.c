/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/timing/transport.c -- see transport.h. */
#include "sim/timing/transport.h"

#include <string.h>

#define SHARE(field, who)                                                                          \
    SM_PARAM(struct sm_transport_settings, field, 0, 0, 1,                                         \
             "share of a link's goodput that " who " reach; 0: the profile's, else 1")

const struct sm_param sm_transport_params[] = {
    SHARE(collective_efficiency, "collectives"),
    SHARE(message_efficiency, "messages"),
    SM_PARAM_CHOICE(struct sm_transport_settings, staging, "unset", "unset|direct|host",
                    "host: copied through host memory at both ends; unset: the profile's, else "
                    "direct"),
    SM_PARAM_UNIT(struct sm_transport_settings, staging_bandwidth, 0, 0, 1e15, SM_UNIT_BANDWIDTH,
                  "of each copy, over PCIe; 0: the profile's, else 12GB/s"),
    SM_PARAM_END,
};

/* What NCCL's tuning counts PCIe Gen3 x16 with (src/graph/topo.h). */
static const double pcie_bandwidth = 12e9;

/* Less than these would take for ever, and is a mistake. */
static const double smallest_share = 1e-6, smallest_bandwidth = 1;

enum sm_status
sm_transport_bind(const struct sm_node *map, struct sm_arena *arena,
                  struct sm_transport_settings *settings)
{
    if (map != NULL && map->kind != SM_NODE_MAP)
        return sm_tree_fail(map, "expected settings, as `collective_efficiency: 0.6`");
    SM_TRY(sm_param_bind(sm_transport_params, settings, map, NULL, arena));
    const struct {
        const char *key;
        double value, smallest;
    } limits[] = {
        {"collective_efficiency", settings->collective_efficiency, smallest_share},
        {"message_efficiency", settings->message_efficiency, smallest_share},
        {"staging_bandwidth", settings->staging_bandwidth, smallest_bandwidth},
    };
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
        if (limits[i].value > 0 && limits[i].value < limits[i].smallest)
            return sm_tree_fail(sm_tree_get(map, limits[i].key), "expected at least %g",
                                limits[i].smallest);
    return SM_OK;
}

static double
first_set(double experiment, double profile, double otherwise)
{
    return experiment > 0 ? experiment : profile > 0 ? profile : otherwise;
}

static bool
is_set(const char *staging)
{
    return staging != NULL && strcmp(staging, "unset") != 0;
}

struct sm_transport
sm_transport_resolve(const struct sm_transport_settings *experiment,
                     const struct sm_transport_settings *profile)
{
    const char *staging = is_set(experiment->staging) ? experiment->staging : profile->staging;
    const bool host = is_set(staging) && strcmp(staging, "host") == 0;
    const double bandwidth =
        first_set(experiment->staging_bandwidth, profile->staging_bandwidth, pcie_bandwidth);
    return (struct sm_transport){
        .collective_efficiency =
            first_set(experiment->collective_efficiency, profile->collective_efficiency, 1),
        .message_efficiency =
            first_set(experiment->message_efficiency, profile->message_efficiency, 1),
        .staging = host ? 1 / bandwidth : 0,
    };
}
