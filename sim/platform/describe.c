/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/platform/describe.c -- see describe.h.
 *
 * The graph of all devices and links (graph.h) is folded until it can be drawn. Workers whose
 * insides are alike are one kind. Workers and the points between them are one node where nothing
 * tells them apart, neither their own links nor those of their neighbours, nor theirs (colour
 * refinement). Where that leaves too many, it is done again without looking at speeds.
 */
#include "sim/platform/describe.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/text.h"
#include "sim/platform/graph.h"

enum {
    VERSION = 1,
    MOST_LINKS = 64, /* kinds of links, beside those that are drawn */
    MOST_KINDS = 16,
    MOST_NODES = 24,
    MOST_EDGES = 96,
    MOST_GROUPS = 32,
    MOST_TRAFFIC = 16,
    MOST_ROUNDS = 64,
    NAME = 128,
    RANKS = 96
};

/* Links of one pattern with the same values. */
struct link_class {
    char name[NAME];
    struct sm_graph_wire like;
    size_t count;
};

/* Between two nodes: inside a worker, or between vertices. */
struct edge {
    size_t owner;    /* of both ends; SM_NOWHERE: it is between workers                    */
    size_t ends[2];  /* inside: local numbers; else vertices                              */
    size_t ports[2]; /* of a worker's end, its local number; else SM_NOWHERE               */
    size_t wire;     /* SM_NOWHERE: none, they are in one place                            */
    uint64_t label;  /* of its values                                                      */
};

struct kind {
    size_t worker, count; /* the first */
    uint64_t hash;
    double least, most; /* speeds, FLOP/s */
};

struct node {
    size_t vertex, count; /* the first */
    uint64_t colour;
};

struct fold {
    size_t nodes[2], ports[2]; /* nodes[0] <= nodes[1] */
    uint64_t label;
    size_t wire, total;
    double bandwidth[2], latency[2]; /* least, most */
};

struct describing {
    struct sm_arena *arena;
    const struct sm_platform *platform;
    struct sm_graph graph;
    bool coarse;
    struct link_class *links;
    size_t link_count, link_capacity, more;
    size_t *wire_of;        /* (platform's links) SM_NOWHERE where no way goes          */
    size_t *local, *points; /* (nodes) number inside its worker; (workers) how many     */
    size_t *vertices;       /* (nodes) of points outside; workers are 0..workers-1      */
    size_t vertex_count;
    size_t *hubs;       /* (nodes) the wire that all share there; SM_NOWHERE: none  */
    struct edge *edges; /* (edge_count) inside worker 0, 1 ..., then between workers */
    size_t edge_count;
    size_t *first; /* (workers + 1) the first edge inside each */
    struct kind kinds[MOST_KINDS];
    size_t kind_count, *kind_of; /* (workers) */
    struct node nodes[MOST_NODES];
    size_t node_count, *node_of; /* (vertices) */
    struct fold folds[MOST_EDGES];
    size_t fold_count;
    bool irregular;
};

static enum sm_status
no_memory(const struct describing *d)
{
    return SM_FAIL(SM_ERR_NOMEM, "%s: no memory to describe the platform", d->platform->file);
}

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

/* ---- links ---- */

static uint64_t
label_of(const struct describing *d, size_t wire)
{
    if (wire == SM_NOWHERE)
        return 0;
    if (d->coarse)
        return 1;
    const struct sm_graph_wire *w = &d->graph.wires[wire];
    const uint64_t flags = (uint64_t)w->shared | (uint64_t)w->varies << 1 | (uint64_t)w->dies << 2 |
                           (uint64_t)w->busy << 3;
    const double values[] = {w->bandwidth, w->down, w->goodput, w->latency};
    return sm_hash(values, sizeof values, mix(2, flags));
}

static bool
same_values(const struct sm_graph_wire *a, const struct sm_graph_wire *b)
{
    return a->bandwidth == b->bandwidth && a->down == b->down && a->goodput == b->goodput &&
           a->latency == b->latency && a->duplex == b->duplex && a->shared == b->shared &&
           a->varies == b->varies && a->dies == b->dies && a->busy == b->busy;
}

/* The class of links like that one; SM_NOWHERE: not there, and no room for one more. */
static enum sm_status
find_class(struct describing *d, const struct sm_graph_wire *wire, bool room, size_t *found)
{
    char name[NAME];
    const char *own = wire->link != SM_NOWHERE ? d->platform->links[wire->link].name : wire->name;
    sm_text_class(own, name, sizeof name);
    for (*found = 0; *found < d->link_count; ++*found)
        if (same_values(&d->links[*found].like, wire) && strcmp(d->links[*found].name, name) == 0)
            return SM_OK;
    if (!room) {
        *found = SM_NOWHERE;
        return SM_OK;
    }
    SM_TRY(sm_graph_room(d->arena, &d->links, d->link_count, &d->link_capacity, sizeof *d->links));
    d->links[d->link_count] = (struct link_class){.like = *wire};
    strcpy(d->links[d->link_count++].name, name);
    return SM_OK;
}

static enum sm_status
class_of(struct describing *d, size_t wire, size_t *found)
{
    return find_class(d, &d->graph.wires[wire], true, found);
}

/* Of a link that stands for those of a cluster, the ways say how many there are. */
static enum sm_status
count_links(struct describing *d)
{
    const struct sm_platform *platform = d->platform;
    size_t found;
    for (size_t i = 0; i < platform->link_count; i++) {
        const struct sm_platform_link *link = &platform->links[i];
        struct sm_graph_wire wire = {.name = link->name,
                                     .link = i,
                                     .bandwidth = link->bandwidth,
                                     .down = link->bandwidth,
                                     .goodput = link->goodput,
                                     .latency = link->latency,
                                     .duplex = link->duplex,
                                     .shared = link->shared,
                                     .varies = link->varies,
                                     .dies = link->dies};
        if (d->wire_of[i] != SM_NOWHERE && link->stands)
            continue;
        if (d->wire_of[i] != SM_NOWHERE)
            wire = d->graph.wires[d->wire_of[i]];
        SM_TRY(find_class(d, &wire, d->link_count < MOST_LINKS, &found));
        if (found == SM_NOWHERE)
            d->more++;
        else
            d->links[found].count++;
    }
    for (size_t w = 0; w < d->graph.wire_count; w++) {
        const struct sm_graph_wire *wire = &d->graph.wires[w];
        if (wire->link != SM_NOWHERE && !platform->links[wire->link].stands)
            continue;
        SM_TRY(find_class(d, wire, d->link_count < MOST_LINKS, &found));
        if (found == SM_NOWHERE)
            d->more++;
        else
            d->links[found].count++;
    }
    return SM_OK;
}

static enum sm_status
find_wires(struct describing *d)
{
    const size_t links = d->platform->link_count;
    d->wire_of = sm_arena_alloc(d->arena, links, sizeof *d->wire_of);
    if (d->wire_of == NULL)
        return no_memory(d);
    for (size_t i = 0; i < links; i++)
        d->wire_of[i] = SM_NOWHERE;
    for (size_t w = 0; w < d->graph.wire_count; w++)
        if (d->graph.wires[w].link != SM_NOWHERE)
            d->wire_of[d->graph.wires[w].link] = w;
    return SM_OK;
}

/* ---- insides and vertices ---- */

/* Points inside a worker get their numbers in the order in which its ways meet them. */
static enum sm_status
number_points(struct describing *d)
{
    const struct sm_graph *graph = &d->graph;
    d->local = sm_arena_alloc(d->arena, graph->node_count, sizeof *d->local);
    d->points = sm_arena_zalloc(d->arena, graph->workers, sizeof *d->points);
    d->vertices = sm_arena_alloc(d->arena, graph->node_count, sizeof *d->vertices);
    d->hubs = sm_arena_alloc(d->arena, graph->node_count, sizeof *d->hubs);
    if (d->local == NULL || d->points == NULL || d->vertices == NULL || d->hubs == NULL)
        return no_memory(d);
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

static struct edge
make_edge(const struct describing *d, size_t a, size_t b, size_t wire)
{
    const size_t *owners = d->graph.owners, nodes[] = {a, b};
    struct edge edge = {.owner = owners[a] == owners[b] ? owners[a] : SM_NOWHERE,
                        .wire = wire,
                        .label = label_of(d, wire)};
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
    const struct edge *a = one, *b = other;
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
is_way_back(const struct describing *d, const struct edge *edge, const struct edge *last)
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

static enum sm_status
list_edges(struct describing *d)
{
    const struct sm_graph *graph = &d->graph;
    const size_t most = graph->wire_count + graph->stub_count;
    struct edge *edges = sm_arena_alloc(d->arena, most, sizeof *edges);
    size_t count = 0, kept = 0;
    d->first = sm_arena_alloc(d->arena, graph->workers + 1, sizeof *d->first);
    if (edges == NULL || d->first == NULL)
        return no_memory(d);
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

/* ---- kinds of workers ---- */

static uint64_t
hash_worker(const struct describing *d, size_t index)
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
find_kinds(struct describing *d)
{
    d->kind_count = 0;
    for (size_t i = 0; i < d->graph.workers; i++) {
        const struct sm_platform_worker *worker = &d->platform->workers[i];
        const uint64_t hash = hash_worker(d, i);
        size_t k = 0;
        while (k < d->kind_count && d->kinds[k].hash != hash)
            k++;
        d->kind_of[i] = SM_NOWHERE;
        if (k == MOST_KINDS)
            continue;
        if (k == d->kind_count)
            d->kinds[d->kind_count++] =
                (struct kind){.worker = i, .hash = hash, .least = worker->speeds[0]};
        struct kind *kind = &d->kinds[k];
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
refine(struct describing *d, uint64_t **out)
{
    const size_t count = d->vertex_count;
    uint64_t *colours = sm_arena_alloc(d->arena, count, sizeof *colours);
    uint64_t *sums = sm_arena_alloc(d->arena, count, sizeof *sums);
    if (colours == NULL || sums == NULL)
        return no_memory(d);
    for (size_t w = 0; w < d->graph.workers; w++)
        colours[w] = d->kinds[d->kind_of[w]].hash;
    for (size_t n = d->graph.device_count; n < d->graph.node_count; n++)
        if (d->graph.owners[n] == SM_NOWHERE)
            colours[d->vertices[n]] = mix(1, label_of(d, d->hubs[n]));
    size_t distinct = count_colours(colours, sums, count), before = 0;
    for (size_t round = 0; distinct > before && distinct <= MOST_NODES && round < MOST_ROUNDS;
         round++) {
        memset(sums, 0, count * sizeof *sums);
        for (size_t i = d->first[d->graph.workers]; i < d->edge_count; i++) {
            const struct edge *edge = &d->edges[i];
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
find_nodes(struct describing *d, const uint64_t *colours)
{
    d->node_count = 0;
    for (size_t v = 0; v < d->vertex_count; v++) {
        size_t n = 0;
        while (n < d->node_count && d->nodes[n].colour != colours[v])
            n++;
        if (n == MOST_NODES)
            return false;
        if (n == d->node_count)
            d->nodes[d->node_count++] = (struct node){.vertex = v, .colour = colours[v]};
        d->nodes[n].count++;
        d->node_of[v] = n;
    }
    return true;
}

static struct fold
fold_of(const struct describing *d, const struct edge *edge)
{
    struct fold fold = {.label = edge->label, .wire = edge->wire};
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
fold_edges(struct describing *d)
{
    d->fold_count = 0;
    for (size_t i = d->first[d->graph.workers]; i < d->edge_count; i++) {
        const struct fold one = fold_of(d, &d->edges[i]);
        size_t f = 0;
        for (; f < d->fold_count; f++) {
            const struct fold *other = &d->folds[f];
            if (other->label == one.label && other->nodes[0] == one.nodes[0] &&
                other->nodes[1] == one.nodes[1] && other->ports[0] == one.ports[0] &&
                other->ports[1] == one.ports[1])
                break;
        }
        if (f == MOST_EDGES)
            return false;
        if (f == d->fold_count)
            d->folds[d->fold_count++] = one;
        struct fold *fold = &d->folds[f];
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
look(struct describing *d, bool *done)
{
    uint64_t *colours = NULL;
    SM_TRY(list_edges(d));
    *done = find_kinds(d);
    if (!*done)
        return SM_OK;
    SM_TRY(refine(d, &colours));
    *done = find_nodes(d, colours) && fold_edges(d);
    return SM_OK;
}

static enum sm_status
fold_platform(struct describing *d)
{
    bool done;
    SM_TRY(number_points(d));
    d->kind_of = sm_arena_alloc(d->arena, d->graph.workers, sizeof *d->kind_of);
    d->node_of = sm_arena_alloc(d->arena, d->vertex_count, sizeof *d->node_of);
    if (d->kind_of == NULL || d->node_of == NULL)
        return no_memory(d);
    SM_TRY(look(d, &done));
    if (done)
        return SM_OK;
    d->coarse = true;
    SM_TRY(look(d, &done));
    d->irregular = !done;
    return SM_OK;
}

/* ---- as JSON ---- */

static void
write_text(FILE *out, const char *text)
{
    fputc('"', out);
    for (; *text != '\0'; text++) {
        const unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            fputc('\\', out);
        if (c < 0x20)
            fprintf(out, "\\u%04x", c);
        else
            fputc(c, out);
    }
    fputc('"', out);
}

static void
write_number(FILE *out, const char *key, double value)
{
    char text[SM_TEXT_DOUBLE];
    fprintf(out, ",\"%s\":%s", key, isfinite(value) ? sm_text_double(value, text) : "null");
}

static void
write_range(FILE *out, const char *key, const double range[2])
{
    char text[2][SM_TEXT_DOUBLE];
    fprintf(out, ",\"%s\":[%s,%s]", key, sm_text_double(range[0], text[0]),
            sm_text_double(range[1], text[1]));
}

static void
write_flag(FILE *out, const char *key, bool value)
{
    if (value)
        fprintf(out, ",\"%s\":true", key);
}

/* -1 for SM_NOWHERE */
static void
write_index(FILE *out, size_t index)
{
    if (index == SM_NOWHERE)
        fputs("-1", out);
    else
        fprintf(out, "%zu", index);
}

/* "0-2,4-31": the workers of which list[w] is `index`. */
static void
write_ranks(FILE *out, const size_t *list, size_t count, size_t index)
{
    char text[RANKS] = "";
    size_t used = 0;
    for (size_t first = 0, end; first < count; first = end) {
        for (end = first + 1; end < count && list[end] == list[first]; end++)
            ;
        if (list[first] != index)
            continue;
        char piece[48];
        snprintf(piece, sizeof piece, end - first > 1 ? "%s%zu-%zu" : "%s%zu", used > 0 ? "," : "",
                 first, end - 1);
        if (used + strlen(piece) + 5 > sizeof text) {
            strcpy(text + used, ", ...");
            break;
        }
        strcpy(text + used, piece);
        used += strlen(piece);
    }
    fputs(",\"ranks\":", out);
    write_text(out, text);
}

static enum sm_status
write_kind(struct describing *d, size_t index, FILE *out)
{
    const struct kind *kind = &d->kinds[index];
    const struct sm_platform_worker *worker = &d->platform->workers[kind->worker];
    fprintf(out, "%s{\"count\":%zu", index > 0 ? "," : "", kind->count);
    write_ranks(out, d->kind_of, d->graph.workers, index);
    fputs(",\"name\":", out);
    write_text(out, worker->hosts[0]);
    fprintf(out, ",\"devices\":%zu", worker->devices);
    if (d->coarse && kind->least < kind->most) {
        write_range(out, "speeds", (const double[]){kind->least, kind->most});
        write_flag(out, "range", true);
    } else {
        char text[SM_TEXT_DOUBLE];
        const size_t list = kind->least < kind->most ? worker->devices : 1;
        for (size_t s = 0; s < list; s++)
            fprintf(out, "%s%s", s == 0 ? ",\"speeds\":[" : ",",
                    sm_text_double(worker->speeds[s], text));
        fputc(']', out);
    }
    fprintf(out, ",\"points\":%zu,\"edges\":[", d->points[kind->worker]);
    const bool known = !d->graph.contradicts;
    for (size_t e = d->first[kind->worker]; known && e < d->first[kind->worker + 1]; e++) {
        const struct edge *edge = &d->edges[e];
        size_t link = SM_NOWHERE;
        if (edge->wire != SM_NOWHERE)
            SM_TRY(class_of(d, edge->wire, &link));
        fprintf(out, "%s[%zu,%zu,", e > d->first[kind->worker] ? "," : "", edge->ends[0],
                edge->ends[1]);
        write_index(out, link);
        fputc(']', out);
    }
    fputs("],\"rails\":[", out);
    for (size_t r = 0; r < worker->rail_count; r++)
        fprintf(out, "%s%zu", r > 0 ? "," : "", worker->rails[r]);
    fprintf(out, "],\"rings\":%zu", worker->ring_count);
    write_flag(out, "trees", worker->trees);
    write_flag(out, "varies", worker->varies);
    write_flag(out, "dies", worker->dies);
    fputc('}', out);
    return SM_OK;
}

static size_t
point_of(const struct describing *d, size_t vertex)
{
    size_t n = d->graph.device_count;
    while (d->vertices[n] != vertex)
        n++;
    return n;
}

static enum sm_status
write_node(struct describing *d, size_t index, FILE *out)
{
    const struct node *node = &d->nodes[index];
    fprintf(out, "%s{\"count\":%zu", index > 0 ? "," : "", node->count);
    if (node->vertex < d->graph.workers) {
        fprintf(out, ",\"kind\":%zu", d->kind_of[node->vertex]);
        write_ranks(out, d->node_of, d->graph.workers, index);
    } else if (d->hubs[point_of(d, node->vertex)] != SM_NOWHERE) {
        size_t link;
        SM_TRY(class_of(d, d->hubs[point_of(d, node->vertex)], &link));
        fprintf(out, ",\"hub\":%zu", link);
    }
    fputc('}', out);
    return SM_OK;
}

static enum sm_status
write_fold(struct describing *d, size_t index, FILE *out)
{
    const struct fold *fold = &d->folds[index];
    const size_t *n = fold->nodes;
    size_t link = SM_NOWHERE;
    if (fold->wire != SM_NOWHERE)
        SM_TRY(class_of(d, fold->wire, &link));
    fprintf(out, "%s{\"a\":%zu,\"b\":%zu,\"ports\":[", index > 0 ? "," : "", n[0], n[1]);
    write_index(out, fold->ports[0]);
    fputc(',', out);
    write_index(out, fold->ports[1]);
    fputs("],\"link\":", out);
    write_index(out, link);
    const size_t ends = n[0] == n[1] && fold->ports[0] == fold->ports[1] ? 2 : 1;
    fprintf(out, ",\"each\":[%zu,%zu]", ends * fold->total / d->nodes[n[0]].count,
            ends * fold->total / d->nodes[n[1]].count);
    if (d->coarse && fold->bandwidth[0] < fold->bandwidth[1])
        write_range(out, "bandwidth", fold->bandwidth);
    if (d->coarse && fold->latency[0] < fold->latency[1])
        write_range(out, "latency", fold->latency);
    fputc('}', out);
    return SM_OK;
}

/* The groups of the workers, in the order of the first of each; MOST_GROUPS + 1: more. */
static size_t
find_groups(const struct describing *d, size_t *groups)
{
    size_t count = 0;
    for (size_t w = 0; w < d->graph.workers; w++) {
        size_t g = 0;
        while (g < count && groups[g] != d->platform->workers[w].group)
            g++;
        if (g == MOST_GROUPS)
            return MOST_GROUPS + 1;
        if (g == count)
            groups[count++] = d->platform->workers[w].group;
    }
    return count;
}

static void
write_site(const struct describing *d, size_t group, FILE *out)
{
    size_t inside[MOST_NODES] = {0}, workers = 0, written = 0;
    for (size_t w = 0; w < d->graph.workers; w++)
        if (d->platform->workers[w].group == group) {
            inside[d->node_of[w]]++;
            workers++;
        }
    for (size_t n = d->graph.device_count; n < d->graph.node_count; n++)
        if (d->graph.owners[n] == SM_NOWHERE && d->graph.sites[n] == group)
            inside[d->node_of[d->vertices[n]]]++;
    fprintf(out, "{\"group\":%zu,\"workers\":%zu,\"nodes\":[", group, workers);
    for (size_t n = 0; n < d->node_count; n++)
        if (inside[n] > 0)
            fprintf(out, "%s[%zu,%zu]", written++ > 0 ? "," : "", n, inside[n]);
    fputs("]}", out);
}

static enum sm_status
write_network(struct describing *d, FILE *out)
{
    size_t groups[MOST_GROUPS];
    fputs(",\"nodes\":[", out);
    for (size_t n = 0; n < d->node_count; n++)
        SM_TRY(write_node(d, n, out));
    fputs("],\"edges\":[", out);
    for (size_t f = 0; f < d->fold_count; f++)
        SM_TRY(write_fold(d, f, out));
    fputc(']', out);
    const size_t count = find_groups(d, groups);
    if (count < 2 || count > MOST_GROUPS)
        return SM_OK;
    for (size_t g = 0; g < count; g++) {
        fputs(g == 0 ? ",\"sites\":[" : ",", out);
        write_site(d, groups[g], out);
    }
    fputc(']', out);
    return SM_OK;
}

static void
write_links(const struct describing *d, FILE *out)
{
    fputs(",\"links\":[", out);
    for (size_t i = 0; i < d->link_count; i++) {
        const struct link_class *link = &d->links[i];
        fprintf(out, "%s{\"name\":", i > 0 ? "," : "");
        write_text(out, link->name);
        fprintf(out, ",\"count\":%zu", link->count);
        write_number(out, "bandwidth", link->like.bandwidth);
        if (link->like.down != link->like.bandwidth)
            write_number(out, "down", link->like.down);
        write_number(out, "goodput", link->like.goodput);
        write_number(out, "latency", link->like.latency);
        write_flag(out, "duplex", link->like.duplex);
        write_flag(out, "unshared", !link->like.shared);
        write_flag(out, "varies", link->like.varies);
        write_flag(out, "dies", link->like.dies);
        write_flag(out, "busy", link->like.busy);
        fputc('}', out);
    }
    fputc(']', out);
    if (d->more > 0)
        fprintf(out, ",\"more\":%zu", d->more);
}

static bool
same_traffic(const struct sm_platform_traffic *a, const struct sm_platform_traffic *b)
{
    return a->rate == b->rate && a->load == b->load && a->flows == b->flows &&
           a->bytes == b->bytes && a->random == b->random && (a->link == NULL) == (b->link == NULL);
}

static void
write_traffic(const struct describing *d, FILE *out)
{
    const struct sm_platform *platform = d->platform;
    size_t kinds[MOST_TRAFFIC], counts[MOST_TRAFFIC] = {0}, count = 0;
    for (size_t i = 0; i < platform->traffic_count; i++) {
        size_t k = 0;
        while (k < count && !same_traffic(&platform->traffic[kinds[k]], &platform->traffic[i]))
            k++;
        if (k == MOST_TRAFFIC)
            continue;
        if (k == count)
            kinds[count++] = i;
        counts[k]++;
    }
    for (size_t k = 0; k < count; k++) {
        const struct sm_platform_traffic *traffic = &platform->traffic[kinds[k]];
        fprintf(out, "%s{\"%s\":%zu", k == 0 ? ",\"traffic\":[" : ",",
                traffic->link != NULL ? "ways" : "routes", counts[k]);
        if (traffic->load > 0)
            write_number(out, "load", traffic->load);
        if (traffic->rate > 0)
            write_number(out, "rate", traffic->rate);
        if (traffic->flows > 0)
            fprintf(out, ",\"flows\":%zu", traffic->flows);
        else
            write_number(out, "bytes", traffic->bytes);
        write_flag(out, "random", traffic->random);
        fputs(k + 1 < count ? "}" : "}]", out);
    }
}

static enum sm_status
write_all(struct describing *d, FILE *out)
{
    const struct sm_platform *platform = d->platform;
    size_t devices = 0;
    for (size_t w = 0; w < d->graph.workers; w++)
        devices += platform->workers[w].devices;
    fprintf(out, "{\"version\":%d,\"file\":", VERSION);
    write_text(out, platform->file);
    fprintf(out, ",\"workers\":%zu,\"devices\":%zu", platform->file_workers, devices);
    if (d->graph.workers < platform->file_workers)
        fprintf(out, ",\"sampled\":%zu", d->graph.workers);
    write_flag(out, "irregular", d->irregular);
    write_flag(out, "coarse", d->coarse);
    write_flag(out, "gaps", platform->gaps);
    write_flag(out, "contradicts", d->graph.contradicts);
    write_flag(out, "varies", platform->varies);
    for (const char *const *s = platform->settings; s != NULL && *s != NULL; s++) {
        fputs(s == platform->settings ? ",\"settings\":[" : ",", out);
        write_text(out, *s);
        if (s[1] == NULL)
            fputc(']', out);
    }
    fputs(",\"kinds\":[", out);
    for (size_t k = 0; k < d->kind_count; k++)
        SM_TRY(write_kind(d, k, out));
    fputc(']', out);
    size_t others = d->graph.workers;
    for (size_t k = 0; k < d->kind_count; k++)
        others -= d->kinds[k].count;
    if (others > 0)
        fprintf(out, ",\"others\":%zu", others);
    if (!d->irregular && !platform->gaps && !d->graph.contradicts)
        SM_TRY(write_network(d, out));
    SM_TRY(count_links(d)); /* last: those that are drawn have their places by now */
    write_links(d, out);
    write_traffic(d, out);
    fputc('}', out);
    return SM_OK;
}

static enum sm_status
write_description(struct describing *d, const char **json)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (out == NULL)
        return no_memory(d);
    enum sm_status status = write_all(d, out);
    if (fclose(out) != 0 && status == SM_OK)
        status = no_memory(d);
    if (status == SM_OK && (*json = sm_arena_strndup(d->arena, text, length)) == NULL)
        status = no_memory(d);
    free(text);
    return status;
}

enum sm_status
sm_platform_describe(const struct sm_platform *platform, const struct sm_routes *routes,
                     struct sm_arena *arena, const char **json)
{
    struct describing *d = sm_arena_zalloc(arena, 1, sizeof *d);
    if (d == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "%s: no memory to describe the platform", platform->file);
    d->arena = arena;
    d->platform = platform;
    SM_TRY(sm_graph_build(&d->graph, platform, routes, arena));
    SM_TRY(find_wires(d));
    SM_TRY(fold_platform(d));
    return write_description(d, json);
}
