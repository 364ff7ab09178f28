/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/collective/devices.h -- what the all-reduce among the devices of one server takes.
 *
 * NCCL chooses by size between a ring and a pair of binary trees. The trees carry half of the bytes
 * each, in pieces so small that only the way up and down costs latency, not each piece: from five
 * devices on one of them sends and receives every byte twice, in a ring (m - 1) / m of them twice.
 *
 * A tree has positions 1 .. m, the children of x at 2 x and 2 x + 1; who has children in one is a
 * leaf in the other.
 */
#ifndef SM_COLLECTIVE_DEVICES_H
#define SM_COLLECTIVE_DEVICES_H

#include <stdbool.h>
#include <stddef.h>

/* 2 (m-1) (latency + ceil(bytes / m) / bandwidth), among m devices */
double sm_devices_ring_seconds(size_t devices, double bytes, double latency, double bandwidth);
/* 2 floor(log2 m) latency + 2 bytes / bandwidth (1.5 with three or four devices, 1 with two) */
double sm_devices_tree_seconds(size_t devices, double bytes, double latency, double bandwidth);
/* The less of both; *tree (NULL: not asked): which. */
double sm_devices_seconds(size_t devices, double bytes, double latency, double bandwidth,
                          bool *tree);

/* The position of a device in tree 0 or 1, and the device at a position. */
size_t sm_devices_tree_position(size_t devices, size_t tree, size_t device);
size_t sm_devices_tree_device(size_t devices, size_t tree, size_t position);
/* How far the lowest position is below position 1. */
size_t sm_devices_tree_depth(size_t devices);

#endif
