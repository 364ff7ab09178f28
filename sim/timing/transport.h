/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/timing/transport.h -- what a communication library makes of the links.
 *
 * The library of a real stack reaches only a share of a link's goodput: b bytes take the time of
 * b / efficiency. Without direct access of the NIC to GPU memory it also copies every message
 * through host memory, at both ends. Neither concerns the devices inside one worker.
 */
#ifndef SM_TIMING_TRANSPORT_H
#define SM_TIMING_TRANSPORT_H

#include "sim/base/param.h"
#include "sim/base/status.h"

/* `timing.transport` of an experiment, and `transport` of a profile. */
struct sm_transport_settings {
    double collective_efficiency; /* of collectives between workers, (0, 1]; 0: unset        */
    double message_efficiency;    /* of messages from one to another, (0, 1]; 0: unset       */
    const char *staging;          /* unset | direct | host                                   */
    double staging_bandwidth;     /* bytes/s of each copy; 0: unset                          */
};
extern const struct sm_param sm_transport_params[];

/* Reads the map (NULL: nothing is set). SM_ERR_INPUT with file, line and column. */
enum sm_status sm_transport_bind(const struct sm_node *map, struct sm_arena *arena,
                                 struct sm_transport_settings *settings);

struct sm_transport {
    double collective_efficiency, message_efficiency; /* (0, 1]                        */
    double staging; /* seconds a byte of each of the two copies; 0: none               */
};

/* A setting that the experiment leaves unset is the profile's; where that says nothing either:
 * efficiencies of 1, direct, and 12 GB/s. */
struct sm_transport sm_transport_resolve(const struct sm_transport_settings *experiment,
                                         const struct sm_transport_settings *profile);

#endif
