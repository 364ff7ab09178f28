/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/collective/devices.h -- what the all-reduce among the devices of one server takes.
 *
 * NCCL chooses by size between a ring and a pair of binary trees (trees.h). The trees carry half of
 * the bytes each, in pieces so small that only the way up and down costs latency, not each piece:
 * from five devices on one of them sends and receives every byte twice, in a ring (m - 1) / m of
 * them twice.
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

#endif
