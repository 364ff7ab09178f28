/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/comm/topology.h -- who talks to whom at which step. */
#ifndef SM_COMM_TOPOLOGY_H
#define SM_COMM_TOPOLOGY_H

#include <stdbool.h>
#include <stddef.h>

#include "sim/base/plugin.h"

struct sm_topology {
    struct sm_plugin about;
    /* OPTIONAL. SM_ERR_INPUT for a size or number of peers that the graph does not exist for. */
    enum sm_status (*check)(size_t size, size_t peers);
    /* REQUIRED. Writes the distinct ranks that `rank` sends to at `step` (never itself; at most
     * size - 1) and returns their number. `peers` is a wish that fixed graphs ignore. */
    size_t (*out)(size_t size, size_t peers, size_t rank, size_t step, size_t *to);
    /* OPTIONAL. The ranks that send to `rank`; NULL: the graph is undirected, the same as out. */
    size_t (*in)(size_t size, size_t peers, size_t rank, size_t step, size_t *from);
};

#define SM_TOPOLOGY_LIST(X) X(exponential) X(ring) X(complete) X(bipartite) X(torus)
/* The same names for the `topology` setting of a strategy. */
#define SM_TOPOLOGY_CHOICES "exponential|ring|complete|bipartite|torus"

#define X(id) extern const struct sm_topology sm_topology_##id;
SM_TOPOLOGY_LIST(X)
#undef X

extern const struct sm_axis sm_axis_topology;

#endif
