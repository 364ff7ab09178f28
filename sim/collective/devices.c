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
    const double times = devices < 2 ? 0 : devices < 3 ? 1 : devices < 5 ? 1.5 : 2;
    return 2 * (double)sm_devices_tree_depth(devices) * latency + times * bytes / bandwidth;
}

/* The second tree is the first backwards; where that leaves somebody in the middle with children in
 * both, the last two ranks go to its end. */
size_t
sm_devices_tree_position(size_t devices, size_t tree, size_t device)
{
    if (tree == 0)
        return device + 1;
    if (devices % 2 == 0)
        return devices - device;
    return device == 0 ? devices : device + 1 == devices ? devices - 1 : devices - 1 - device;
}

size_t
sm_devices_tree_device(size_t devices, size_t tree, size_t position)
{
    for (size_t device = 0; device < devices; device++)
        if (sm_devices_tree_position(devices, tree, device) == position)
            return device;
    return devices;
}

size_t
sm_devices_tree_depth(size_t devices)
{
    size_t depth = 0;
    while (devices >> (depth + 1) > 0)
        depth++;
    return depth;
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
