/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/collective/devices.c -- see devices.h. */
#include "sim/collective/devices.h"

#include <math.h>

double
sm_devices_ring_seconds(size_t devices, double bytes, double latency, double bandwidth)
{
    const double m = (double)devices;
    return 2 * (m - 1) * (latency + ceil(bytes / m) / bandwidth);
}

double
sm_devices_tree_seconds(size_t devices, double bytes, double latency, double bandwidth)
{
    double levels = 0;
    for (size_t reach = 1; reach < devices; reach *= 2)
        levels++;
    return devices > 1 ? 2 * levels * latency + 2 * bytes / bandwidth : 0;
}

double
sm_devices_seconds(size_t devices, double bytes, double latency, double bandwidth, bool *tree)
{
    const double round_ring = sm_devices_ring_seconds(devices, bytes, latency, bandwidth);
    const double over_trees = sm_devices_tree_seconds(devices, bytes, latency, bandwidth);
    if (tree != NULL)
        *tree = over_trees < round_ring;
    return fmin(round_ring, over_trees);
}
