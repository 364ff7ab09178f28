/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/platform/graph.h -- how links are joined, as far as the ways over them tell; this room only.
 *
 * Nodes are the devices of all workers, then points: where links meet and no device is.
 */
#ifndef SM_PLATFORM_GRAPH_H
#define SM_PLATFORM_GRAPH_H

#include "sim/platform/describe.h"

#define SM_NOWHERE SIZE_MAX

/* A link that some way goes over. */
struct sm_graph_wire {
    const char *name; /* as in the file where it stands there */
    size_t link;      /* in the platform's list, SM_NOWHERE where it has none */
    double bandwidth; /* bytes/s, line rate */
    double down;      /* the same of NAME_DOWN, where a zone made them unlike */
    double goodput, latency;
    bool duplex, shared, varies, dies, busy;
    size_t ends[2]; /* nodes; the same one: all who meet there share it */
    unsigned used;  /* 1: from ends[0] to ends[1], 2: back              */
};

/* A way that was asked for, from device to device. */
struct sm_graph_route {
    size_t from, to; /* nodes                                       */
    size_t first, count;
};

struct sm_graph {
    struct sm_arena *arena;
    const struct sm_platform *platform;
    size_t workers;      /* that were looked at, from the front */
    size_t *devices;     /* (workers + 1) first node of each    */
    size_t *worker_of;   /* (devices)                           */
    size_t device_count; /* nodes 0..                           */
    size_t node_count;
    struct sm_graph_wire *wires;
    size_t wire_count, wire_capacity;
    struct sm_graph_route *routes; /* those inside worker 0 come first, then inside 1 ... */
    size_t route_count, route_capacity;
    size_t *hops; /* 2 * wire + (1 when it goes from ends[1] to ends[0]) */
    size_t hop_count, hop_capacity;
    size_t (*stubs)[2]; /* (stub_count) a device beside a point, without a link between */
    size_t stub_count, stub_capacity;
    bool contradicts; /* ways lead from one end of a link to that same end */
    size_t *owners;   /* (nodes) the worker that it is inside of, or SM_NOWHERE */
    size_t *sites;    /* (nodes) the group that it is inside of, or SM_NOWHERE  */
};

enum sm_status sm_graph_build(struct sm_graph *graph, const struct sm_platform *platform,
                              const struct sm_routes *routes, struct sm_arena *arena);

enum sm_status sm_graph_no_memory(const struct sm_graph *graph);
/* Room for one more in an array of `size`-byte items in arena; *items moves. */
enum sm_status sm_graph_room(struct sm_arena *arena, void *items, size_t count, size_t *capacity,
                             size_t size);

#endif
