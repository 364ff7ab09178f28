/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/platform/describe.h -- what a platform looks like, as JSON small enough to be drawn.
 *
 * Only SimGrid knows every way between two hosts, whatever zones it crosses. It is asked for some
 * of them, and what is joined to what follows from the links that they have in common: the end of a
 * link is the beginning of the next one. What is alike is counted, not listed, so the description
 * of a thousand servers is as long as that of eight.
 *
 *   {"version": 1, "file": "dgx1_8_10gbe", "workers": 8, "devices": 64,
 *    "links": [{"name": "server*_eth", "count": 8, "bandwidth": 1.25e9, "goodput": 0.9564,
 *               "latency": 1e-5, "duplex": true}, ...],
 *        of equal links: line rate in bytes/s ("down": of NAME_DOWN where that is another), share
 *        of it for payload, seconds; further, where true: unshared (FATPIPE), varies, dies
 *        (profiles), busy (traffic of others)
 *    "kinds": [{"count": 8, "ranks": "0-7", "name": "server0_gpu0", "devices": 8,
 *               "speeds": [1.57e13], "points": 6, "edges": [[0, 1, 0], ...],
 *               "rails": [0], "rings": 4, "trees": true}, ...],
 *        of equal workers: FLOP/s of all devices or of each; edges join devices 0..d-1 and the
 *        points behind them (switches, CPUs) by a link, -1: by none. Further varies, dies
 *    "nodes": [{"kind": 0, "count": 8, "ranks": "0-7"}, {"count": 1}, ...],
 *        places between workers that are alike: workers of a kind, then switches and the like;
 *        "hub": a link that all must share who meet there
 *    "edges": [{"a": 0, "b": 1, "ports": [8, -1], "link": 2, "each": [1, 8]}, ...],
 *        each node of a has each[0] such links, each of b each[1]; ports: the device or point
 *        inside a worker. With coarse: bandwidth and latency, [least, most]
 *    "sites": [{"group": 0, "workers": 8, "nodes": [[0, 8], [1, 1]]}, ...],
 *        where there are several: which nodes, and how many of them, lie inside
 *    "traffic": [{"ways": 16, "load": 0.3, "bytes": 1e7, "random": true}, ...],
 *        flows of others: over so many ways of links (ways) or from worker to worker (routes);
 *        load, rate or flows
 *    "settings": ["network/model:LV08"]}
 *
 * and where it applies
 *
 *    "sampled": 1024      of so many workers only; devices are theirs
 *    "coarse": true       what differs in its values only is taken as alike
 *    "others": 3          workers of kinds beyond those listed
 *    "more": 3            links of kinds beyond those listed
 *    "varies": true       some profile changes speeds
 *    "irregular": true    too many parts differ; or
 *    "gaps": true         zones have no route to each other; or
 *    "contradicts": true  no links can have such ways: then there are no nodes and edges
 */
#ifndef SM_PLATFORM_DESCRIBE_H
#define SM_PLATFORM_DESCRIBE_H

#include "sim/platform/platform.h"

/* One direction of a link, as SimGrid knows it. */
struct sm_hop {
    const char *name; /* of a SPLITDUPLEX link NAME_UP or NAME_DOWN            */
    size_t number;    /* 0, 1, 2 ... in the order in which links are first met */
    double bandwidth; /* bytes/s of payload                                    */
    double latency;   /* seconds                                               */
    bool shared;      /* flows share its bandwidth; not: FATPIPE               */
};

/* Who knows the ways. */
struct sm_routes {
    /* *hops (*count) from one host to another, until the next call; none where there is no way. */
    enum sm_status (*find)(void *arg, const char *from, const char *to,
                           const struct sm_hop *const **hops, size_t *count);
    void *arg;
};

/* *json is owned by arena. Asks for at most some 150 000 ways. */
enum sm_status sm_platform_describe(const struct sm_platform *platform,
                                    const struct sm_routes *routes, struct sm_arena *arena,
                                    const char **json);

#endif
