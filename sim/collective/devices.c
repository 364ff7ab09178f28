/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/collective/devices.c -- see devices.h. */
#include "sim/collective/devices.h"

#include <math.h>

#include "sim/collective/trees.h"

double
sm_devices_ring_seconds(size_t devices, double bytes, double latency, double bandwidth)
{
    const double m = (double)devices;
    return 2 * (m - 1) * (latency + ceil(bytes / m) / bandwidth);
}

double
sm_devices_tree_seconds(size_t devices, double bytes, double latency, double bandwidth)
{
    const double times = devices < 2 ? 0 : devices < 3 ? 1 : devices < 5 ? 1.5 : 2;
    return 2 * (double)sm_trees_depth(devices) * latency + times * bytes / bandwidth;
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
