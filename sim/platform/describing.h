/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/platform/describing.h -- a platform while it is described; this room only.
 *
 * Each step has its own file:
 *   graph.c       the graph of all devices and links, from the ways between hosts
 *   link_class.c  classes of links
 *   edges.c       what is joined inside each worker, and between workers
 *   fold.c        what is alike: kinds of workers, places, edges between them
 *   describe.c    all that as JSON
 */
#ifndef SM_PLATFORM_DESCRIBING_H
#define SM_PLATFORM_DESCRIBING_H

#include "sim/platform/graph.h"

/* At most. */
enum {
    SM_DESCRIBED_NAME = 128,
    SM_DESCRIBED_KINDS = 16,
    SM_DESCRIBED_NODES = 24,
    SM_DESCRIBED_FOLDS = 96
};

/* Links of one pattern with the same values. */
struct sm_described_link {
    char name[SM_DESCRIBED_NAME];
    struct sm_graph_wire like;
    size_t count;
};

/* Between two nodes: inside a worker, or between vertices. */
struct sm_described_edge {
    size_t owner;    /* of both ends; SM_NOWHERE: it is between workers                    */
    size_t ends[2];  /* inside: local numbers; else vertices                              */
    size_t ports[2]; /* of a worker's end, its local number; else SM_NOWHERE               */
    size_t wire;     /* SM_NOWHERE: none, they are in one place                            */
    uint64_t label;  /* of its values                                                      */
};

struct sm_described_kind {
    size_t worker, count; /* the first */
    uint64_t hash;
    double least, most; /* speeds, FLOP/s */
};

struct sm_described_node {
    size_t vertex, count; /* the first */
    uint64_t colour;
};

struct sm_described_fold {
    size_t nodes[2], ports[2]; /* nodes[0] <= nodes[1] */
    uint64_t label;
    size_t wire, total;
    double bandwidth[2], latency[2]; /* least, most */
};

struct sm_describing {
    struct sm_arena *arena;
    const struct sm_platform *platform;
    struct sm_graph graph;
    bool coarse;
    struct sm_described_link *links;
    size_t link_count, link_capacity, more;
    size_t *wire_of;        /* (platform's links) SM_NOWHERE where no way goes          */
    size_t *local, *points; /* (nodes) number inside its worker; (workers) how many     */
    size_t *vertices;       /* (nodes) of points outside; workers are 0..workers-1      */
    size_t vertex_count;
    size_t *hubs; /* (nodes) the wire that all share there; SM_NOWHERE: none */
    /* (edge_count) inside worker 0, 1 ..., then between workers */
    struct sm_described_edge *edges;
    size_t edge_count;
    size_t *first; /* (workers + 1) the first edge inside each */
    struct sm_described_kind kinds[SM_DESCRIBED_KINDS];
    size_t kind_count, *kind_of; /* (workers) */
    struct sm_described_node nodes[SM_DESCRIBED_NODES];
    size_t node_count, *node_of; /* (vertices) */
    struct sm_described_fold folds[SM_DESCRIBED_FOLDS];
    size_t fold_count;
    bool irregular;
};

/* Fills wire_of. */
enum sm_status sm_describing_wires(struct sm_describing *d);
/* *found is the class of that wire, its place in `links`; a new one where there is none yet. */
enum sm_status sm_describing_class(struct sm_describing *d, size_t wire, size_t *found);
/* Counts the links of each class, with new ones for some that no edge asked for. */
enum sm_status sm_describing_count(struct sm_describing *d);

/* Of the wire's values, as far as they tell places apart. */
uint64_t sm_describing_label(const struct sm_describing *d, size_t wire);
/* Numbers the points inside of each worker, and the vertices. */
enum sm_status sm_describing_points(struct sm_describing *d);
/* Fills edges and first, of points that have their numbers. */
enum sm_status sm_describing_edges(struct sm_describing *d);

/* Fills kinds, nodes and folds: coarse where there were too many of them, irregular where that did
 * not help. */
enum sm_status sm_describing_fold(struct sm_describing *d);

#endif
