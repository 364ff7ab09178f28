/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/platform/fold.c -- what is alike is one, until there is little enough to be drawn.
 *
 * Workers whose insides are alike are one kind. Workers and the points between them are one node
 * where nothing tells them apart, neither their own links nor those of their neighbours, nor theirs
 * (colour refinement). Where that leaves too many, it is done again without looking at speeds.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/text.h"
#include "sim/platform/describing.h"

enum { MOST_ROUNDS = 64 };

static uint64_t
mix(uint64_t hash, uint64_t value)
{
    return sm_hash(&value, sizeof value, hash);
}

static uint64_t
mix_number(uint64_t hash, double value)
{
    return sm_hash(&value, sizeof value, hash);
}

/* ---- kinds of workers ---- */

static uint64_t
hash_worker(const struct sm_describing *d, size_t index)
{
    const struct sm_platform_worker *w = &d->platform->workers[index];
    uint64_t hash = mix(mix(w->devices, w->trees), d->points[index]);
    hash = sm_hash(w->rails, w->rail_count * sizeof *w->rails, hash);
    if (!d->coarse) {
        hash = sm_hash(w->speeds, w->devices * sizeof *w->speeds, hash);
        hash = mix(mix(hash, w->varies), w->dies);
    }
    for (size_t r = 0; r < w->ring_count; r++)
        hash = sm_hash(w->rings[r].order, w->devices * sizeof *w->rings[r].order,
                       mix_number(hash, w->rings[r].share));
    for (size_t e = d->first[index]; e < d->first[index + 1]; e++)
        hash = mix(mix(mix(hash, d->edges[e].ends[0]), d->edges[e].ends[1]), d->edges[e].label);
    return hash;
}

static bool
find_kinds(struct sm_describing *d)
{
    d->kind_count = 0;
    for (size_t i = 0; i < d->graph.workers; i++) {
        const struct sm_platform_worker *worker = &d->platform->workers[i];
        const uint64_t hash = hash_worker(d, i);
        size_t k = 0;
        while (k < d->kind_count && d->kinds[k].hash != hash)
            k++;
        d->kind_of[i] = SM_NOWHERE;
        if (k == SM_DESCRIBED_KINDS)
            continue;
        if (k == d->kind_count)
            d->kinds[d->kind_count++] =
                (struct sm_described_kind){.worker = i, .hash = hash, .least = worker->speeds[0]};
        struct sm_described_kind *kind = &d->kinds[k];
        d->kind_of[i] = k;
        kind->count++;
        for (size_t s = 0; s < worker->devices; s++) {
            kind->least = fmin(kind->least, worker->speeds[s]);
            kind->most = fmax(kind->most, worker->speeds[s]);
        }
    }
    for (size_t i = 0; i < d->graph.workers; i++)
        if (d->kind_of[i] == SM_NOWHERE)
            return false;
    return true;
}

/* ---- places that are alike ---- */

static int
by_colour(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

static size_t
count_colours(const uint64_t *colours, uint64_t *work, size_t count)
{
    size_t distinct = count > 0;
    memcpy(work, colours, count * sizeof *work);
    qsort(work, count, sizeof *work, by_colour);
    for (size_t i = 1; i < count; i++)
        distinct += work[i] != work[i - 1];
    return distinct;
}

/* A vertex takes the colours of its neighbours, and what it reaches them by, into its own, until
 * that tells no more of them apart. */
static enum sm_status
refine(struct sm_describing *d, uint64_t **out)
{
    const size_t count = d->vertex_count;
    uint64_t *colours = sm_arena_alloc(d->arena, count, sizeof *colours);
    uint64_t *sums = sm_arena_alloc(d->arena, count, sizeof *sums);
    if (colours == NULL || sums == NULL)
        return sm_graph_no_memory(&d->graph);
    for (size_t w = 0; w < d->graph.workers; w++)
        colours[w] = d->kinds[d->kind_of[w]].hash;
    for (size_t n = d->graph.device_count; n < d->graph.node_count; n++)
        if (d->graph.owners[n] == SM_NOWHERE)
            colours[d->vertices[n]] = mix(1, sm_describing_label(d, d->hubs[n]));
    size_t distinct = count_colours(colours, sums, count), before = 0;
    for (size_t round = 0;
         distinct > before && distinct <= SM_DESCRIBED_NODES && round < MOST_ROUNDS; round++) {
        memset(sums, 0, count * sizeof *sums);
        for (size_t i = d->first[d->graph.workers]; i < d->edge_count; i++) {
            const struct sm_described_edge *edge = &d->edges[i];
            for (size_t e = 0; e < 2; e++)
                sums[edge->ends[e]] += mix(mix(mix(edge->label, edge->ports[e]), edge->ports[!e]),
                                           colours[edge->ends[!e]]);
        }
        for (size_t v = 0; v < count; v++)
            colours[v] = mix(colours[v], sums[v]);
        before = distinct;
        distinct = count_colours(colours, sums, count);
    }
    *out = colours;
    return SM_OK;
}

/* False: too many. */
static bool
find_nodes(struct sm_describing *d, const uint64_t *colours)
{
    d->node_count = 0;
    for (size_t v = 0; v < d->vertex_count; v++) {
        size_t n = 0;
        while (n < d->node_count && d->nodes[n].colour != colours[v])
            n++;
        if (n == SM_DESCRIBED_NODES)
            return false;
        if (n == d->node_count)
            d->nodes[d->node_count++] =
                (struct sm_described_node){.vertex = v, .colour = colours[v]};
        d->nodes[n].count++;
        d->node_of[v] = n;
    }
    return true;
}

static struct sm_described_fold
fold_of(const struct sm_describing *d, const struct sm_described_edge *edge)
{
    struct sm_described_fold fold = {.label = edge->label, .wire = edge->wire};
    size_t first = d->node_of[edge->ends[0]] > d->node_of[edge->ends[1]];
    if (d->node_of[edge->ends[0]] == d->node_of[edge->ends[1]])
        first = edge->ports[0] > edge->ports[1];
    for (size_t e = 0; e < 2; e++) {
        fold.nodes[e] = d->node_of[edge->ends[first ^ e]];
        fold.ports[e] = edge->ports[first ^ e];
    }
    if (edge->wire != SM_NOWHERE) {
        const struct sm_graph_wire *wire = &d->graph.wires[edge->wire];
        fold.bandwidth[0] = fold.bandwidth[1] = wire->bandwidth;
        fold.latency[0] = fold.latency[1] = wire->latency;
    }
    return fold;
}

/* False: too many. */
static bool
fold_edges(struct sm_describing *d)
{
    d->fold_count = 0;
    for (size_t i = d->first[d->graph.workers]; i < d->edge_count; i++) {
        const struct sm_described_fold one = fold_of(d, &d->edges[i]);
        size_t f = 0;
        for (; f < d->fold_count; f++) {
            const struct sm_described_fold *other = &d->folds[f];
            if (other->label == one.label && other->nodes[0] == one.nodes[0] &&
                other->nodes[1] == one.nodes[1] && other->ports[0] == one.ports[0] &&
                other->ports[1] == one.ports[1])
                break;
        }
        if (f == SM_DESCRIBED_FOLDS)
            return false;
        if (f == d->fold_count)
            d->folds[d->fold_count++] = one;
        struct sm_described_fold *fold = &d->folds[f];
        fold->total++;
        fold->bandwidth[0] = fmin(fold->bandwidth[0], one.bandwidth[0]);
        fold->bandwidth[1] = fmax(fold->bandwidth[1], one.bandwidth[1]);
        fold->latency[0] = fmin(fold->latency[0], one.latency[0]);
        fold->latency[1] = fmax(fold->latency[1], one.latency[1]);
    }
    return true;
}

/* Looks for what is alike; *done: few enough to draw. */
static enum sm_status
look(struct sm_describing *d, bool *done)
{
    uint64_t *colours = NULL;
    SM_TRY(sm_describing_edges(d));
    *done = find_kinds(d);
    if (!*done)
        return SM_OK;
    SM_TRY(refine(d, &colours));
    *done = find_nodes(d, colours) && fold_edges(d);
    return SM_OK;
}

enum sm_status
sm_describing_fold(struct sm_describing *d)
{
    bool done;
    SM_TRY(sm_describing_points(d));
    d->kind_of = sm_arena_alloc(d->arena, d->graph.workers, sizeof *d->kind_of);
    d->node_of = sm_arena_alloc(d->arena, d->vertex_count, sizeof *d->node_of);
    if (d->kind_of == NULL || d->node_of == NULL)
        return sm_graph_no_memory(&d->graph);
    SM_TRY(look(d, &done));
    if (done)
        return SM_OK;
    d->coarse = true;
    SM_TRY(look(d, &done));
    d->irregular = !done;
    return SM_OK;
}
