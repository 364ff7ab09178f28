/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/comm/topology.c -- communication graphs, static and changing with the step. */
#include "sim/comm/topology.h"

#include <math.h>

#include "sim/base/rng.h"
#include "sim/base/text.h"

static bool
contains(const size_t *list, size_t count, size_t rank)
{
    for (size_t i = 0; i < count; i++)
        if (list[i] == rank)
            return true;
    return false;
}

/* Adds `rank` to the list unless it is there already or is `self`. */
static size_t
add(size_t *list, size_t count, size_t rank, size_t self)
{
    if (rank != self && !contains(list, count, rank))
        list[count++] = rank;
    return count;
}

static size_t
ahead(size_t size, size_t rank, size_t offset)
{
    return (rank + offset) % size;
}

static size_t
behind(size_t size, size_t rank, size_t offset)
{
    return (rank + size - offset % size) % size;
}

/* ceil(log_{p+1} size) */
static size_t
exponential_levels(const struct sm_graph *graph)
{
    size_t levels = 0;
    for (size_t reach = 1; reach < graph->size; reach *= graph->peers + 1)
        levels++;
    return levels;
}

/* Offsets j (p+1)^e, j = 1..p, with e = step mod levels. */
static size_t
exponential_neighbours(const struct sm_graph *graph, size_t rank, size_t step, size_t *list,
                       size_t (*move)(size_t, size_t, size_t))
{
    size_t size = graph->size, base = graph->peers + 1, stride = 1, count = 0;
    size_t levels = exponential_levels(graph);
    for (size_t e = levels > 0 ? step % levels : 0; e > 0; e--)
        stride *= base;
    for (size_t j = 1; j < base && size > 1; j++)
        count = add(list, count, move(size, rank, j * stride), rank);
    return count;
}

static size_t
exponential_out(const struct sm_graph *graph, size_t rank, size_t step, size_t *to)
{
    return exponential_neighbours(graph, rank, step, to, ahead);
}

static size_t
exponential_in(const struct sm_graph *graph, size_t rank, size_t step, size_t *from)
{
    return exponential_neighbours(graph, rank, step, from, behind);
}

static size_t
exponential_cycle(const struct sm_graph *graph)
{
    return graph->size > 1 ? exponential_levels(graph) : 1;
}

static size_t
as_many_as_peers(const struct sm_graph *graph)
{
    return graph->peers;
}

const struct sm_topology sm_topology_exponential = {
    .about = {.name = "exponential",
              .doc = "directed; at step k to the p ranks j (p+1)^(k mod L) ahead, "
                     "L = ceil(log_(p+1) m); for m = (p+1)^L exact averaging after L steps",
              .source = "Assran et al., ICML 2019, arXiv:1811.10792, app. A"},
    .directed_up_to = SM_MOST_PEERS,
    .regular = true,
    .most = as_many_as_peers,
    .out = exponential_out,
    .in = exponential_in,
    .cycle = exponential_cycle,
};

/* One peer: the directed ring; two: both neighbours. */
static size_t
ring_neighbours(const struct sm_graph *graph, size_t rank, size_t *list, bool forward)
{
    size_t size = graph->size, count = 0;
    if (forward || graph->peers > 1)
        count = add(list, count, ahead(size, rank, 1), rank);
    if (!forward || graph->peers > 1)
        count = add(list, count, behind(size, rank, 1), rank);
    return count;
}

static size_t
ring_out(const struct sm_graph *graph, size_t rank, size_t step, size_t *to)
{
    (void)step;
    return ring_neighbours(graph, rank, to, true);
}

static size_t
ring_in(const struct sm_graph *graph, size_t rank, size_t step, size_t *from)
{
    (void)step;
    return ring_neighbours(graph, rank, from, false);
}

static size_t
ring_most(const struct sm_graph *graph)
{
    (void)graph;
    return 2;
}

const struct sm_topology sm_topology_ring = {
    .about = {.name = "ring",
              .doc = "the next rank (one peer), or both neighbours (two peers)",
              .source = "Lian et al., NeurIPS 2017, arXiv:1705.09056"},
    .directed_up_to = 1,
    .regular = true,
    .most = ring_most,
    .out = ring_out,
    .in = ring_in,
};

static size_t
complete_out(const struct sm_graph *graph, size_t rank, size_t step, size_t *to)
{
    (void)step;
    size_t count = 0;
    for (size_t offset = 1; offset < graph->size; offset++)
        to[count++] = ahead(graph->size, rank, offset);
    return count;
}

const struct sm_topology sm_topology_complete = {
    .about = {.name = "complete", .doc = "every other rank", .source = "the averaging matrix J"},
    .regular = true,
    .out = complete_out,
};

static enum sm_status
bipartite_check(const struct sm_graph *graph)
{
    if (graph->size % 2 != 0)
        return SM_FAIL(SM_ERR_INPUT,
                       "topology bipartite pairs even with odd ranks: %zu workers "
                       "is odd, expected an even number",
                       graph->size);
    return SM_OK;
}

static size_t
bipartite_levels(const struct sm_graph *graph)
{
    size_t levels = 1;
    while (((size_t)1 << levels) + 1 < graph->size)
        levels++;
    return levels;
}

/* Even ranks reach forward by an odd offset 1, 1+2, 1+4, 1+8 ..., odd ranks back by the same. */
static size_t
bipartite_out(const struct sm_graph *graph, size_t rank, size_t step, size_t *to)
{
    size_t size = graph->size, e = step % bipartite_levels(graph);
    size_t offset = e == 0 ? 1 : 1 + ((size_t)1 << e);
    size_t peer = rank % 2 == 0 ? ahead(size, rank, offset) : behind(size, rank, offset);
    return add(to, 0, peer, rank);
}

static size_t
bipartite_most(const struct sm_graph *graph)
{
    (void)graph;
    return 1;
}

const struct sm_topology sm_topology_bipartite = {
    .about = {.name = "bipartite",
              .doc = "pairs that change with the step: even ranks reach 1 or 1+2^e ahead; m even",
              .source =
                  "Assran et al., ICML 2019, arXiv:1811.10792, app. A; Lian et al., ICML 2018"},
    .regular = true,
    .check = bipartite_check,
    .most = bipartite_most,
    .out = bipartite_out,
    .cycle = bipartite_levels,
};

/* Rows of the torus: the largest divisor of size that is at most its square root. */
static size_t
torus_out(const struct sm_graph *graph, size_t rank, size_t step, size_t *to)
{
    (void)step;
    size_t size = graph->size, rows = 1;
    for (size_t r = 1; r * r <= size; r++)
        if (size % r == 0)
            rows = r;
    size_t columns = size / rows, row = rank / columns, column = rank % columns, count = 0;
    count = add(to, count, row * columns + ahead(columns, column, 1), rank);
    count = add(to, count, row * columns + behind(columns, column, 1), rank);
    count = add(to, count, ahead(rows, row, 1) * columns + column, rank);
    return add(to, count, behind(rows, row, 1) * columns + column, rank);
}

static size_t
torus_most(const struct sm_graph *graph)
{
    (void)graph;
    return 4;
}

const struct sm_topology sm_topology_torus = {
    .about = {.name = "torus",
              .doc = "up to four neighbours on the squarest two-dimensional torus",
              .source = "Koloskova et al., ICML 2019, arXiv:1902.00340"},
    .regular = true,
    .most = torus_most,
    .out = torus_out,
};

/* The offsets that `rank` sends to: p distinct ones of 1 .. size - 1, every choice as likely as any
 * other. Source of the drawing: Floyd, in Bentley, CACM 30 (1987) 754. */
static size_t
random_offsets(const struct sm_graph *graph, size_t rank, size_t step, size_t *offsets)
{
    size_t count = 0, most = graph->size - 1, peers = graph->peers < most ? graph->peers : most;
    for (size_t last = most - peers + 1; last <= most; last++) {
        const uint64_t key[4] = {SM_RNG_TOPOLOGY, step, rank, count};
        uint64_t hash = sm_hash(key, sizeof key, graph->seed);
        size_t drawn = 1 + (size_t)((hash >> 32) * last >> 32);
        offsets[count] = contains(offsets, count, drawn) ? last : drawn;
        count++;
    }
    return count;
}

static size_t
random_out(const struct sm_graph *graph, size_t rank, size_t step, size_t *to)
{
    size_t offsets[SM_MOST_PEERS], count = random_offsets(graph, rank, step, offsets);
    for (size_t i = 0; i < count; i++)
        to[i] = ahead(graph->size, rank, offsets[i]);
    return count;
}

/* Draws for everybody: O(size p^2). */
static size_t
random_in(const struct sm_graph *graph, size_t rank, size_t step, size_t *from)
{
    size_t offsets[SM_MOST_PEERS], count = 0;
    for (size_t offset = 1; offset < graph->size; offset++) {
        size_t other = behind(graph->size, rank, offset);
        if (contains(offsets, random_offsets(graph, other, step, offsets), offset))
            from[count++] = other;
    }
    return count;
}

static size_t
random_cycle(const struct sm_graph *graph)
{
    (void)graph;
    return 0;
}

const struct sm_topology sm_topology_random = {
    .about = {.name = "random",
              .doc = "directed; each rank draws p others at each step: not all hear from as many, "
                     "so push-sum weights leave 1",
              .source = "Kempe, Dobra, Gehrke, FOCS 2003, sec. 2 (uniform gossip)"},
    .directed_up_to = SM_MOST_PEERS,
    .out = random_out,
    .in = random_in,
    .cycle = random_cycle,
};

static size_t
root_of(size_t *parents, size_t rank)
{
    while (parents[rank] != rank)
        rank = parents[rank] = parents[parents[rank]];
    return rank;
}

static enum sm_status
edges_check_path(const struct sm_graph *graph, size_t *parents)
{
    for (size_t rank = 0; rank < graph->size; rank++)
        parents[rank] = rank;
    for (size_t i = 0; i < graph->edges.count; i += 2)
        parents[root_of(parents, (size_t)graph->edges.values[i])] =
            root_of(parents, (size_t)graph->edges.values[i + 1]);
    for (size_t rank = 1; rank < graph->size; rank++)
        if (root_of(parents, rank) != root_of(parents, 0))
            return SM_FAIL(SM_ERR_INPUT,
                           "topology edges: no path between the ranks 0 and %zu, expected a "
                           "connected graph",
                           rank);
    return SM_OK;
}

static enum sm_status
edges_check(const struct sm_graph *graph)
{
    const struct sm_numbers *edges = &graph->edges;
    if (edges->count % 2 != 0)
        return SM_FAIL(SM_ERR_INPUT,
                       "topology edges: %zu numbers, expected pairs of ranks such as [0,1, 1,2]",
                       edges->count);
    for (size_t i = 0; i < edges->count; i++) {
        double rank = edges->values[i];
        if (rank != floor(rank) || !(rank >= 0 && rank < (double)graph->size))
            return SM_FAIL(SM_ERR_INPUT, "topology edges: %g in edge %zu, expected ranks 0 .. %zu",
                           rank, i / 2, graph->size - 1);
        if (i % 2 == 1 && rank == edges->values[i - 1])
            return SM_FAIL(SM_ERR_INPUT,
                           "topology edges: edge %zu leads from rank %g to itself, expected two "
                           "ranks",
                           i / 2, rank);
    }
    struct sm_arena scratch = {0};
    size_t *parents = sm_arena_alloc(&scratch, graph->size, sizeof *parents);
    enum sm_status status = parents != NULL ? edges_check_path(graph, parents)
                                            : SM_FAIL(SM_ERR_NOMEM, "no memory for a graph");
    sm_arena_fini(&scratch);
    return status;
}

/* In the order of the list, whichever way round an edge stands there: O(edges). */
static size_t
edges_out(const struct sm_graph *graph, size_t rank, size_t step, size_t *to)
{
    (void)step;
    const double *ends = graph->edges.values, self = (double)rank;
    size_t count = 0;
    for (size_t i = 0; i + 1 < graph->edges.count; i += 2)
        if (ends[i] == self || ends[i + 1] == self)
            count = add(to, count, (size_t)(ends[i] == self ? ends[i + 1] : ends[i]), rank);
    return count;
}

const struct sm_topology sm_topology_edges = {
    .about = {.name = "edges",
              .doc = "the undirected graph of the setting edges, which has to be connected",
              .source = "any graph"},
    .check = edges_check,
    .out = edges_out,
};

static const struct sm_plugin *const topologies[] = {
#define X(id) &sm_topology_##id.about,
    SM_TOPOLOGY_LIST(X)
#undef X
        NULL,
};

const struct sm_axis sm_axis_topology = {
    .name = "topology",
    .key = "algorithm.strategy.topology",
    .doc = "who sends to whom at which step",
    .initial = "exponential",
    .plugins = topologies,
};

enum sm_status
sm_graph_init(struct sm_graph *graph, const char *topology)
{
    const struct sm_plugin *plugin;
    SM_TRY(sm_axis_find(&sm_axis_topology, topology, &plugin));
    graph->topology = (const struct sm_topology *)plugin;
    if (graph->edges.count > 0 && graph->topology != &sm_topology_edges)
        return SM_FAIL(SM_ERR_INPUT, "edges for topology %s, expected them for topology edges only",
                       topology);
    return graph->topology->check != NULL ? graph->topology->check(graph) : SM_OK;
}

size_t
sm_graph_out(const struct sm_graph *graph, size_t rank, size_t step, size_t *to)
{
    return graph->topology->out(graph, rank, step, to);
}

size_t
sm_graph_in(const struct sm_graph *graph, size_t rank, size_t step, size_t *from)
{
    const struct sm_topology *topology = graph->topology;
    return (topology->in != NULL ? topology->in : topology->out)(graph, rank, step, from);
}

size_t
sm_graph_cycle(const struct sm_graph *graph)
{
    return graph->topology->cycle != NULL ? graph->topology->cycle(graph) : 1;
}

size_t
sm_graph_most(const struct sm_graph *graph)
{
    const size_t others = graph->size - 1;
    const size_t most = graph->topology->most != NULL ? graph->topology->most(graph) : others;
    const size_t room = most < others ? most : others;
    return room > 0 ? room : 1;
}

bool
sm_graph_directed(const struct sm_graph *graph)
{
    return graph->peers <= graph->topology->directed_up_to;
}
