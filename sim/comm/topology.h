/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/comm/topology.h -- who talks to whom at which step.
 *
 * A graph is a function: its answers follow from the settings, the rank and the step alone, so
 * every rank knows what the others do without a word between them.
 */
#ifndef SM_COMM_TOPOLOGY_H
#define SM_COMM_TOPOLOGY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/plugin.h"

enum { SM_MOST_PEERS = 64 };

struct sm_topology;

/* A topology among so many ranks; constant. */
struct sm_graph {
    const struct sm_topology *topology;
    size_t size;             /* ranks                                                     */
    size_t peers;            /* 1..SM_MOST_PEERS, a wish that fixed graphs ignore         */
    uint64_t seed;           /* of random                                                 */
    struct sm_numbers edges; /* of edges: ranks a,b, c,d, ... for a - b, c - d; borrowed  */
};

struct sm_topology {
    struct sm_plugin about;
    size_t directed_up_to; /* with so many peers a rank may send to one that does not send to it;
                              0: never                                                         */
    bool regular; /* at each step as many ranks send to a rank as it sends to, and all ranks to
                     as many: the weights of push-sum stay 1                                   */
    /* OPTIONAL. SM_ERR_INPUT for a graph that does not exist. */
    enum sm_status (*check)(const struct sm_graph *graph);
    /* OPTIONAL. Most ranks that one sends to, or hears from, at any step; NULL: all others. */
    size_t (*most)(const struct sm_graph *graph);
    /* REQUIRED. Writes the distinct ranks that `rank` sends to at `step` (never itself; at most
     * size - 1) and returns their number. */
    size_t (*out)(const struct sm_graph *graph, size_t rank, size_t step, size_t *to);
    /* OPTIONAL. The ranks that send to `rank`; NULL: the graph is undirected, the same as out. */
    size_t (*in)(const struct sm_graph *graph, size_t rank, size_t step, size_t *from);
    /* OPTIONAL. After how many steps the graph is the same again; 0: never. Without: 1. */
    size_t (*cycle)(const struct sm_graph *graph);
};

#define SM_TOPOLOGY_LIST(X)                                                                        \
    X(exponential) X(ring) X(complete) X(bipartite) X(torus) X(random) X(edges)
/* The same names for the `topology` setting of a strategy. */
#define SM_TOPOLOGY_CHOICES "exponential|ring|complete|bipartite|torus|random|edges"
/* The setting `edges` of a strategy. */
#define SM_TOPOLOGY_EDGES(object)                                                                  \
    SM_PARAM_NUMBERS(object, edges, "[]", 0, 1e6,                                                  \
                     "of topology edges: the two ranks of each edge, [0,1, 1,2, ...]")

#define X(id) extern const struct sm_topology sm_topology_##id;
SM_TOPOLOGY_LIST(X)
#undef X

extern const struct sm_axis sm_axis_topology;

/* Sets graph->topology; the rest is filled in. SM_ERR_INPUT for a graph that does not exist. */
enum sm_status sm_graph_init(struct sm_graph *graph, const char *topology);
size_t sm_graph_out(const struct sm_graph *graph, size_t rank, size_t step, size_t *to);
size_t sm_graph_in(const struct sm_graph *graph, size_t rank, size_t step, size_t *from);
size_t sm_graph_cycle(const struct sm_graph *graph);
/* Room for the answers of both, >= 1: no more than needed, for every rank has lists of its own. */
size_t sm_graph_most(const struct sm_graph *graph);
bool sm_graph_directed(const struct sm_graph *graph);

#endif
