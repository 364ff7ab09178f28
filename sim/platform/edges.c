/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/platform/edges.c -- the graph as edges, inside each worker and between vertices: workers and
 * the points outside of them. */
#include <stdlib.h>

#include "sim/base/text.h"
#include "sim/platform/describing.h"

uint64_t
sm_describing_label(const struct sm_describing *d, size_t wire)
{
    if (wire == SM_NOWHERE)
        return 0;
    if (d->coarse)
        return 1;
    const struct sm_graph_wire *w = &d->graph.wires[wire];
    const uint64_t flags = (uint64_t)w->shared | (uint64_t)w->varies << 1 | (uint64_t)w->dies << 2 |
                           (uint64_t)w->busy << 3;
    const double values[] = {w->bandwidth, w->down, w->goodput, w->latency};
    return sm_hash(values, sizeof values, sm_hash(&flags, sizeof flags, 2));
}

/* Points inside a worker get their numbers in the order in which its ways meet them. */
enum sm_status
sm_describing_points(struct sm_describing *d)
{
    const struct sm_graph *graph = &d->graph;
    d->local = sm_arena_alloc(d->arena, graph->node_count, sizeof *d->local);
    d->points = sm_arena_zalloc(d->arena, graph->workers, sizeof *d->points);
    d->vertices = sm_arena_alloc(d->arena, graph->node_count, sizeof *d->vertices);
    d->hubs = sm_arena_alloc(d->arena, graph->node_count, sizeof *d->hubs);
    if (d->local == NULL || d->points == NULL || d->vertices == NULL || d->hubs == NULL)
        return sm_graph_no_memory(&d->graph);
    for (size_t n = 0; n < graph->node_count; n++)
        d->local[n] = d->hubs[n] = SM_NOWHERE;
    for (size_t n = 0; n < graph->device_count; n++)
        d->local[n] = n - graph->devices[graph->worker_of[n]];
    for (size_t r = 0; r < graph->route_count; r++) {
        const struct sm_graph_route *route = &graph->routes[r];
        for (size_t i = 0; i < 2 * route->count; i++) {
            const size_t way = graph->hops[route->first + i / 2];
            const size_t node = graph->wires[way / 2].ends[i % 2 ^ (way & 1)];
            const size_t owner = graph->owners[node];
            if (owner != SM_NOWHERE && d->local[node] == SM_NOWHERE)
                d->local[node] =
                    graph->devices[owner + 1] - graph->devices[owner] + d->points[owner]++;
        }
    }
    d->vertex_count = graph->workers;
    for (size_t n = 0; n < graph->node_count; n++)
        d->vertices[n] = graph->owners[n] != SM_NOWHERE ? graph->owners[n] : d->vertex_count++;
    for (size_t w = 0; w < graph->wire_count; w++)
        if (graph->wires[w].ends[0] == graph->wires[w].ends[1])
            d->hubs[graph->wires[w].ends[0]] = w;
    return SM_OK;
}

static struct sm_described_edge
make_edge(const struct sm_describing *d, size_t a, size_t b, size_t wire)
{
    const size_t *owners = d->graph.owners, nodes[] = {a, b};
    struct sm_described_edge edge = {.owner = owners[a] == owners[b] ? owners[a] : SM_NOWHERE,
                                     .wire = wire,
                                     .label = sm_describing_label(d, wire)};
    for (size_t e = 0; e < 2; e++) {
        const size_t node = nodes[e];
        edge.ends[e] = edge.owner != SM_NOWHERE ? d->local[node] : d->vertices[node];
        edge.ports[e] =
            edge.owner != SM_NOWHERE || owners[node] == SM_NOWHERE ? SM_NOWHERE : d->local[node];
    }
    if (edge.ends[0] > edge.ends[1]) {
        const size_t end = edge.ends[0], port = edge.ports[0];
        edge.ends[0] = edge.ends[1];
        edge.ports[0] = edge.ports[1];
        edge.ends[1] = end;
        edge.ports[1] = port;
    }
    return edge;
}

static int
compare(size_t a, size_t b)
{
    return a < b ? -1 : a > b;
}

static int
by_place(const void *one, const void *other)
{
    const struct sm_described_edge *a = one, *b = other;
    int order = compare(a->owner, b->owner);
    for (size_t e = 0; order == 0 && e < 2; e++)
        order = compare(a->ends[e], b->ends[e]);
    for (size_t e = 0; order == 0 && e < 2; e++)
        order = compare(a->ports[e], b->ports[e]);
    if (order == 0)
        order = a->label < b->label ? -1 : a->label > b->label;
    return order != 0 ? order : compare(a->wire, b->wire);
}

/* Two links with one direction each, there and back, are drawn as one. */
static bool
is_way_back(const struct sm_describing *d, const struct sm_described_edge *edge,
            const struct sm_described_edge *last)
{
    if (edge->wire == SM_NOWHERE || last->wire == SM_NOWHERE || edge->owner != last->owner ||
        edge->ends[0] != last->ends[0] || edge->ends[1] != last->ends[1] ||
        edge->ports[0] != last->ports[0] || edge->ports[1] != last->ports[1])
        return false;
    const struct sm_graph_wire *a = &d->graph.wires[edge->wire], *b = &d->graph.wires[last->wire];
    return !a->duplex && !b->duplex && a->used != 3 && b->used != 3 &&
           a->ends[a->used == 2] != b->ends[b->used == 2] && a->bandwidth == b->bandwidth &&
           a->goodput == b->goodput && a->latency == b->latency;
}

enum sm_status
sm_describing_edges(struct sm_describing *d)
{
    const struct sm_graph *graph = &d->graph;
    const size_t most = graph->wire_count + graph->stub_count;
    struct sm_described_edge *edges = sm_arena_alloc(d->arena, most, sizeof *edges);
    size_t count = 0, kept = 0;
    d->first = sm_arena_alloc(d->arena, graph->workers + 1, sizeof *d->first);
    if (edges == NULL || d->first == NULL)
        return sm_graph_no_memory(&d->graph);
    for (size_t w = 0; w < graph->wire_count; w++)
        if (graph->wires[w].ends[0] != graph->wires[w].ends[1])
            edges[count++] = make_edge(d, graph->wires[w].ends[0], graph->wires[w].ends[1], w);
    for (size_t s = 0; s < graph->stub_count; s++)
        edges[count++] = make_edge(d, graph->stubs[s][0], graph->stubs[s][1], SM_NOWHERE);
    qsort(edges, count, sizeof *edges, by_place);
    bool paired = false;
    for (size_t i = 0; i < count; i++) {
        paired = kept > 0 && !paired && is_way_back(d, &edges[i], &edges[kept - 1]);
        if (!paired)
            edges[kept++] = edges[i];
    }
    d->edges = edges;
    d->edge_count = kept;
    for (size_t w = 0, e = 0; w <= graph->workers; w++) {
        while (e < kept && edges[e].owner < w)
            e++;
        d->first[w] = e;
    }
    return SM_OK;
}
