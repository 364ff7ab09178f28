/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/platform/graph.c -- see graph.h.
 *
 * Every link has two ends. Where one link follows another on some way, the end of the first is the
 * beginning of the second; a link that a way begins or ends with is beside that device. What comes
 * together like this is a node: the device's own where only one device is there, else a point.
 *
 * A way says in which direction it takes a half of a SPLITDUPLEX link. Of another link it does not:
 * one that only one device's ways begin or end with is that device's, one that always lies between
 * the same two nodes joins those, and any other is taken as a bus, whose two ends are one.
 */
#include "sim/platform/graph.h"

#include <string.h>

#include "sim/base/text.h"

enum {
    MOST_INSIDE = 1 << 16, /* ways asked for between devices of a worker */
    MOST_WORKERS = 1 << 13,
    MOST_BETWEEN = 1 << 13, /* ways for which all pairs of workers are asked */
    MOST_SITES = 32         /* all pairs of which are asked                  */
};

enum sm_status
sm_graph_no_memory(const struct sm_graph *graph)
{
    return SM_FAIL(SM_ERR_NOMEM, "%s: no memory to describe the platform", graph->platform->file);
}

enum sm_status
sm_graph_room(struct sm_arena *arena, void *items, size_t count, size_t *capacity, size_t size)
{
    void *old, *larger;
    if (count < *capacity)
        return SM_OK;
    memcpy(&old, items, sizeof old);
    *capacity = *capacity == 0 ? 64 : 2 * *capacity;
    larger = sm_arena_alloc(arena, *capacity, size);
    if (larger == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory to describe the platform");
    if (count > 0)
        memcpy(larger, old, count * size);
    memcpy(items, &larger, sizeof larger);
    return SM_OK;
}

/* ---- links by their names ---- */

struct names {
    const char **keys;
    size_t *values, capacity, count;
};

static enum sm_status
names_init(const struct sm_graph *graph, struct names *names, size_t count)
{
    for (names->capacity = 64; names->capacity < 2 * count + 2;)
        names->capacity *= 2;
    names->keys = sm_arena_zalloc(graph->arena, names->capacity, sizeof *names->keys);
    names->values = sm_arena_alloc(graph->arena, names->capacity, sizeof *names->values);
    return names->keys != NULL && names->values != NULL ? SM_OK : sm_graph_no_memory(graph);
}

static size_t
names_slot(const struct names *names, const char *key)
{
    size_t at = (size_t)sm_hash(key, strlen(key), 0) & (names->capacity - 1);
    while (names->keys[at] != NULL && strcmp(names->keys[at], key) != 0)
        at = (at + 1) & (names->capacity - 1);
    return at;
}

static size_t
names_find(const struct names *names, const char *key)
{
    const size_t at = names_slot(names, key);
    return names->keys[at] != NULL ? names->values[at] : SM_NOWHERE;
}

/* Grows as needed; a key that is there keeps its value. */
static enum sm_status
names_add(const struct sm_graph *graph, struct names *names, const char *key, size_t value)
{
    if (2 * (names->count + 1) > names->capacity) {
        struct names larger = {0};
        SM_TRY(names_init(graph, &larger, names->capacity));
        for (size_t i = 0; i < names->capacity; i++)
            if (names->keys[i] != NULL)
                SM_TRY(names_add(graph, &larger, names->keys[i], names->values[i]));
        *names = larger;
    }
    const size_t at = names_slot(names, key);
    if (names->keys[at] != NULL)
        return SM_OK;
    names->keys[at] = key;
    names->values[at] = value;
    names->count++;
    return SM_OK;
}

/* ---- asking ---- */

struct asking {
    struct sm_graph *graph;
    const struct sm_routes *routes;
    struct names links, wires;
    size_t *hops, hop_count, hop_capacity; /* (hop numbers) 1 + what stands in graph->hops */
};

/* Of a link that a zone made itself: the one that stands for those of its <cluster>, known by its
 * values; SM_NOWHERE: none. */
static size_t
made_by(const struct sm_platform *platform, const struct sm_hop *hop)
{
    for (size_t i = 0; i < platform->link_count; i++) {
        const struct sm_platform_link *link = &platform->links[i];
        const double payload = link->bandwidth * link->goodput;
        if (link->stands && link->latency == hop->latency && payload <= 1.000001 * hop->bandwidth &&
            payload >= 0.999999 * hop->bandwidth)
            return i;
    }
    return SM_NOWHERE;
}

static bool
ends_with(const char *name, const char *end)
{
    const size_t length = strlen(name), tail = strlen(end);
    return length > tail && strcmp(name + length - tail, end) == 0;
}

/* The wire of a hop that was not met yet, as 2 * wire + direction. */
static enum sm_status
meet(struct asking *a, const struct sm_hop *hop, size_t *way)
{
    struct sm_graph *graph = a->graph;
    const struct sm_platform *platform = graph->platform;
    const char *name = sm_arena_strdup(graph->arena, hop->name);
    if (name == NULL)
        return sm_graph_no_memory(graph);
    const bool down = ends_with(name, "_DOWN");
    size_t link = names_find(&a->links, name);
    const bool half = link == SM_NOWHERE && (down || ends_with(name, "_UP"));
    if (half) {
        name = sm_arena_strndup(graph->arena, name, strlen(name) - (down ? 5 : 3));
        if (name == NULL)
            return sm_graph_no_memory(graph);
        link = names_find(&a->links, name);
    }
    size_t wire = names_find(&a->wires, name);
    if (wire == SM_NOWHERE) {
        if (link == SM_NOWHERE)
            link = made_by(platform, hop);
        const struct sm_platform_link *known = link != SM_NOWHERE ? &platform->links[link] : NULL;
        wire = graph->wire_count;
        SM_TRY(sm_graph_room(graph->arena, &graph->wires, wire, &graph->wire_capacity,
                             sizeof *graph->wires));
        graph->wires[graph->wire_count++] = (struct sm_graph_wire){
            .name = name,
            .link = link,
            .bandwidth = known != NULL ? known->bandwidth : hop->bandwidth,
            .down = known != NULL ? known->bandwidth : hop->bandwidth,
            .goodput = known != NULL ? known->goodput : 1,
            .latency = known != NULL && known->latency > 0 ? known->latency : hop->latency,
            .duplex = half,
            .shared = hop->shared,
            .varies = known != NULL && known->varies,
            .dies = known != NULL && known->dies,
            .ends = {SM_NOWHERE, SM_NOWHERE},
        };
        SM_TRY(names_add(graph, &a->wires, name, wire));
    }
    struct sm_graph_wire *made = &graph->wires[wire];
    if (made->link == SM_NOWHERE) /* by a <peer>, whose DOWN is unlike its UP */
        *(down ? &made->down : &made->bandwidth) = hop->bandwidth;
    *way = 2 * wire + (half && down);
    return SM_OK;
}

static enum sm_status
take_hop(struct asking *a, const struct sm_hop *hop)
{
    struct sm_graph *graph = a->graph;
    for (; a->hop_count <= hop->number; a->hop_count++) {
        SM_TRY(
            sm_graph_room(graph->arena, &a->hops, a->hop_count, &a->hop_capacity, sizeof *a->hops));
        a->hops[a->hop_count] = 0;
    }
    if (a->hops[hop->number] == 0) {
        size_t way = 0;
        SM_TRY(meet(a, hop, &way));
        a->hops[hop->number] = 1 + way;
    }
    SM_TRY(sm_graph_room(graph->arena, &graph->hops, graph->hop_count, &graph->hop_capacity,
                         sizeof *graph->hops));
    graph->hops[graph->hop_count++] = a->hops[hop->number] - 1;
    return SM_OK;
}

static const char *
host_of(const struct sm_graph *graph, size_t node)
{
    const size_t worker = graph->worker_of[node];
    return graph->platform->workers[worker].hosts[node - graph->devices[worker]];
}

static enum sm_status
ask(struct asking *a, size_t from, size_t to)
{
    struct sm_graph *graph = a->graph;
    const struct sm_hop *const *hops;
    size_t count;
    SM_TRY(
        a->routes->find(a->routes->arg, host_of(graph, from), host_of(graph, to), &hops, &count));
    SM_TRY(sm_graph_room(graph->arena, &graph->routes, graph->route_count, &graph->route_capacity,
                         sizeof *graph->routes));
    graph->routes[graph->route_count++] =
        (struct sm_graph_route){from, to, graph->hop_count, count};
    for (size_t i = 0; i < count; i++)
        SM_TRY(take_hop(a, hops[i]));
    return SM_OK;
}

static enum sm_status
ask_inside(struct asking *a)
{
    const struct sm_graph *graph = a->graph;
    for (size_t w = 0; w < graph->workers; w++)
        for (size_t i = graph->devices[w]; i < graph->devices[w + 1]; i++)
            for (size_t j = graph->devices[w]; j < graph->devices[w + 1]; j++)
                if (i != j)
                    SM_TRY(ask(a, i, j));
    return SM_OK;
}

static enum sm_status
ask_between(struct asking *a, size_t from, size_t to)
{
    const struct sm_graph *graph = a->graph;
    const struct sm_platform_worker *workers = graph->platform->workers;
    for (size_t r = 0; r < workers[0].rail_count; r++)
        SM_TRY(ask(a, graph->devices[from] + workers[from].rails[r],
                   graph->devices[to] + workers[to].rails[r]));
    return SM_OK;
}

/* The first workers of the first sites, each way. */
static enum sm_status
ask_sites(struct asking *a)
{
    const struct sm_graph *graph = a->graph;
    const struct sm_platform_worker *workers = graph->platform->workers;
    size_t first[MOST_SITES], sites = 0;
    for (size_t w = 0; w < graph->workers && sites < MOST_SITES; w++) {
        size_t s = 0;
        while (s < sites && workers[first[s]].group != workers[w].group)
            s++;
        if (s == sites)
            first[sites++] = w;
    }
    for (size_t s = 0; s < sites; s++)
        for (size_t t = 0; t < sites; t++)
            if (s != t)
                SM_TRY(ask_between(a, first[s], first[t]));
    return SM_OK;
}

/* From rail to rail: whether they meet. */
static enum sm_status
ask_rails(struct asking *a)
{
    const struct sm_graph *graph = a->graph;
    const struct sm_platform_worker *workers = graph->platform->workers;
    for (size_t r = 1; graph->workers > 1 && r < workers[0].rail_count; r++)
        SM_TRY(ask(a, graph->devices[0] + workers[0].rails[0],
                   graph->devices[1] + workers[1].rails[r]));
    return SM_OK;
}

/* All pairs of few workers; of many each one's next, and those farther away while it is not too
 * much. */
static enum sm_status
ask_workers(struct asking *a)
{
    const size_t workers = a->graph->workers, rails = a->graph->platform->workers[0].rail_count;
    if (workers * (workers - 1) * rails <= MOST_BETWEEN) {
        for (size_t i = 0; i < workers; i++)
            for (size_t j = 0; j < workers; j++)
                if (i != j)
                    SM_TRY(ask_between(a, i, j));
        return ask_rails(a);
    }
    size_t asked = 0;
    for (size_t stride = 1; stride < workers; stride = 2 * stride + (stride > 2)) {
        if (stride > 1 && asked + workers * rails > MOST_BETWEEN)
            break;
        for (size_t i = 0; i < workers; i++)
            SM_TRY(ask_between(a, i, (i + stride) % workers));
        asked += workers * rails;
    }
    SM_TRY(ask_sites(a));
    return ask_rails(a);
}

/* ---- joining the ends ---- */

/* End e of wire w is 2 w + e. A place is the root of ends that are joined or, where only one device
 * is there, that device: joining.device + its node. */
struct joining {
    struct sm_graph *graph;
    size_t *up; /* (2 wires) towards the root */
    size_t device;
    /* what is known of a wire; UNKNOWN: nothing yet; PRIVATE: end 0 is at the device whose ways
     * begin or end with it; PAIR: its ends are at between[]; BUS: both ends are one */
    enum { DUPLEX, UNKNOWN, PRIVATE, PAIR, BUS } * kinds; /* (wires) */
    size_t (*between)[2];                                 /* (wires) */
    bool *seen, *odd; /* (wires) of an UNKNOWN one: between something; and between others too */
    size_t *beside;   /* (2 wires) of a root: the first device there, SM_NOWHERE: none        */
    bool *crowded;    /* (2 wires) of a root: several devices                                 */
    size_t *in, *out; /* (longest way) the ends that it comes to and leaves from              */
};

static size_t
root_of(const struct joining *j, size_t end)
{
    while (j->up[end] != end) {
        j->up[end] = j->up[j->up[end]];
        end = j->up[end];
    }
    return end;
}

static size_t
place_of(const struct joining *j, size_t end)
{
    if (end >= j->device) /* and SM_NOWHERE */
        return end;
    const size_t root = root_of(j, end);
    return j->beside[root] != SM_NOWHERE && !j->crowded[root] ? j->device + j->beside[root] : root;
}

static void
join(struct joining *j, size_t a, size_t b)
{
    a = root_of(j, a);
    b = root_of(j, b);
    if (a == b)
        return;
    j->up[a] = b;
    j->crowded[b] =
        j->crowded[a] || j->crowded[b] ||
        (j->beside[a] != SM_NOWHERE && j->beside[b] != SM_NOWHERE && j->beside[a] != j->beside[b]);
    if (j->beside[b] == SM_NOWHERE)
        j->beside[b] = j->beside[a];
}

static void
stand_beside(struct joining *j, size_t device, size_t end)
{
    const size_t root = root_of(j, end);
    if (j->beside[root] == SM_NOWHERE)
        j->beside[root] = device;
    j->crowded[root] = j->crowded[root] || j->beside[root] != device;
}

/* The wire's end is at that place. */
static void
fix(struct joining *j, size_t end, size_t place)
{
    if (place >= j->device)
        stand_beside(j, place - j->device, end);
    else
        join(j, end, place);
}

/* A link without directions that alone is a way between two devices joins these; one that only
 * begins and ends the ways of one device is that device's. */
static void
classify(struct joining *j)
{
    const struct sm_graph *graph = j->graph;
    bool *middle = j->odd; /* or of several devices */
    for (size_t r = 0; r < graph->route_count; r++) {
        const struct sm_graph_route *route = &graph->routes[r];
        for (size_t i = 0; i < route->count; i++) {
            const size_t wire = graph->hops[route->first + i] / 2;
            const bool first = i == 0, last = i + 1 == route->count;
            size_t *now = j->between[wire];
            if (j->kinds[wire] == DUPLEX)
                continue;
            const size_t one = j->device + (first ? route->from : route->to);
            const size_t other = j->device + route->to;
            if (first && last) {
                if (j->kinds[wire] != PAIR && !(j->kinds[wire] == BUS)) {
                    j->kinds[wire] = PAIR;
                    now[0] = one;
                    now[1] = other;
                } else if (!((now[0] == one && now[1] == other) ||
                             (now[0] == other && now[1] == one))) {
                    j->kinds[wire] = BUS;
                }
            } else if (!first && !last) {
                middle[wire] = true;
            } else if (!j->seen[wire]) {
                j->seen[wire] = true;
                if (j->kinds[wire] == UNKNOWN)
                    now[0] = one;
            } else if (j->kinds[wire] == UNKNOWN && now[0] != one) {
                middle[wire] = true;
            }
        }
    }
    for (size_t w = 0; w < graph->wire_count; w++) {
        if (j->kinds[w] == UNKNOWN && !middle[w])
            j->kinds[w] = PRIVATE;
        if (j->kinds[w] == PRIVATE || j->kinds[w] == PAIR)
            fix(j, 2 * w, j->between[w][0]);
        if (j->kinds[w] == PAIR)
            fix(j, 2 * w + 1, j->between[w][1]);
        if (j->kinds[w] == BUS)
            join(j, 2 * w, 2 * w + 1);
    }
}

/* Which end of a PAIR is at the place; SM_NOWHERE: none. */
static size_t
end_at(const struct joining *j, size_t wire, size_t place)
{
    for (size_t e = 0; e < 2; e++)
        if (place != SM_NOWHERE && place_of(j, 2 * wire + e) == place)
            return 2 * wire + e;
    return SM_NOWHERE;
}

/* Follows a way: the ends of its hops into in and out, SM_NOWHERE where they are not known. */
static void
follow(const struct joining *j, const struct sm_graph_route *route)
{
    const size_t *hops = j->graph->hops + route->first, count = route->count;
    size_t *in = j->in, *out = j->out, place = j->device + route->from;
    for (size_t i = 0; i < count; i++) {
        const size_t wire = hops[i] / 2, down = hops[i] & 1;
        in[i] = SM_NOWHERE;
        if (j->kinds[wire] == DUPLEX)
            in[i] = 2 * wire + down;
        else if (j->kinds[wire] == PRIVATE)
            in[i] = 2 * wire + (i > 0);
        else if (j->kinds[wire] == PAIR)
            in[i] = end_at(j, wire, place);
        else if (j->kinds[wire] == BUS)
            in[i] = 2 * wire;
        out[i] = in[i] == SM_NOWHERE ? in[i] : in[i] ^ 1;
        place = place_of(j, out[i]);
    }
    place = j->device + route->to; /* and from behind */
    for (size_t i = count; i-- > 0;) {
        const size_t wire = hops[i] / 2;
        if (out[i] == SM_NOWHERE && j->kinds[wire] == PAIR) {
            out[i] = end_at(j, wire, place);
            in[i] = out[i] == SM_NOWHERE ? out[i] : out[i] ^ 1;
        }
        place = place_of(j, in[i]);
    }
}

static void
join_hops(struct joining *j)
{
    const struct sm_graph *graph = j->graph;
    for (size_t r = 0; r < graph->route_count; r++) {
        const struct sm_graph_route *route = &graph->routes[r];
        if (route->count == 0)
            continue;
        follow(j, route);
        for (size_t i = 0; i + 1 < route->count; i++)
            if (j->out[i] != SM_NOWHERE && j->in[i + 1] != SM_NOWHERE)
                join(j, j->out[i], j->in[i + 1]);
        if (j->in[0] != SM_NOWHERE)
            stand_beside(j, route->from, j->in[0]);
        if (j->out[route->count - 1] != SM_NOWHERE)
            stand_beside(j, route->to, j->out[route->count - 1]);
    }
}

/* Looks what the unknown ones lie between. */
static void
observe(struct joining *j)
{
    const struct sm_graph *graph = j->graph;
    memset(j->seen, 0, graph->wire_count * sizeof *j->seen);
    memset(j->odd, 0, graph->wire_count * sizeof *j->odd);
    for (size_t r = 0; r < graph->route_count; r++) {
        const struct sm_graph_route *route = &graph->routes[r];
        follow(j, route);
        for (size_t i = 0; i < route->count; i++) {
            const size_t wire = graph->hops[route->first + i] / 2;
            if (j->kinds[wire] != UNKNOWN)
                continue;
            const size_t a = i > 0 ? place_of(j, j->out[i - 1]) : j->device + route->from;
            const size_t b =
                i + 1 < route->count ? place_of(j, j->in[i + 1]) : j->device + route->to;
            size_t *now = j->between[wire];
            if (a == SM_NOWHERE || b == SM_NOWHERE)
                continue;
            if (!j->seen[wire]) {
                now[0] = a;
                now[1] = b;
            } else if (!((now[0] == a && now[1] == b) || (now[0] == b && now[1] == a))) {
                j->odd[wire] = true;
            }
            j->seen[wire] = true;
        }
    }
}

/* Decides about unknown ones that lie between something known, else about the first: a bus. False:
 * nothing was left. */
static bool
decide(struct joining *j)
{
    size_t left = SM_NOWHERE;
    bool some = false;
    for (size_t w = j->graph->wire_count; w-- > 0;)
        if (j->kinds[w] == UNKNOWN)
            left = w;
    if (left == SM_NOWHERE)
        return false;
    observe(j);
    for (size_t w = left; w < j->graph->wire_count; w++) {
        const size_t *ends = j->between[w];
        if (j->kinds[w] != UNKNOWN || !(j->seen[w] || (w == left && !some)))
            continue;
        some = true;
        j->kinds[w] = j->seen[w] && !j->odd[w] && ends[0] != ends[1] ? PAIR : BUS;
        if (j->kinds[w] == BUS) {
            join(j, 2 * w, 2 * w + 1);
        } else {
            fix(j, 2 * w, ends[0]);
            fix(j, 2 * w + 1, ends[1]);
        }
    }
    return true;
}

static enum sm_status
add_stub(struct sm_graph *graph, size_t device, size_t point)
{
    for (size_t i = graph->stub_count; i-- > 0;)
        if (graph->stubs[i][0] == device && graph->stubs[i][1] == point)
            return SM_OK;
    SM_TRY(sm_graph_room(graph->arena, &graph->stubs, graph->stub_count, &graph->stub_capacity,
                         sizeof *graph->stubs));
    graph->stubs[graph->stub_count][0] = device;
    graph->stubs[graph->stub_count++][1] = point;
    return SM_OK;
}

/* Places become nodes. */
static enum sm_status
number_nodes(struct joining *j)
{
    struct sm_graph *graph = j->graph;
    size_t *nodes = sm_arena_alloc(graph->arena, 2 * graph->wire_count, sizeof *nodes);
    if (nodes == NULL)
        return sm_graph_no_memory(graph);
    graph->node_count = graph->device_count;
    for (size_t e = 0; e < 2 * graph->wire_count; e++)
        if (root_of(j, e) == e)
            nodes[e] =
                j->beside[e] != SM_NOWHERE && !j->crowded[e] ? j->beside[e] : graph->node_count++;
    for (size_t w = 0; w < graph->wire_count; w++)
        for (size_t e = 0; e < 2; e++)
            graph->wires[w].ends[e] = nodes[root_of(j, 2 * w + e)];
    for (size_t w = 0; w < graph->wire_count; w++)
        graph->contradicts = graph->contradicts ||
                             (j->kinds[w] == DUPLEX && root_of(j, 2 * w) == root_of(j, 2 * w + 1));
    for (size_t r = 0; r < graph->route_count; r++) {
        const struct sm_graph_route *route = &graph->routes[r];
        if (route->count == 0)
            continue;
        follow(j, route);
        for (size_t i = 0; i < route->count; i++)
            if (j->in[i] != SM_NOWHERE)
                graph->wires[j->in[i] / 2].used |= 1u << (j->in[i] & 1);
        const size_t ends[] = {j->in[0], j->out[route->count - 1]};
        for (size_t e = 0; e < 2; e++)
            if (ends[e] != SM_NOWHERE && j->crowded[root_of(j, ends[e])])
                SM_TRY(
                    add_stub(graph, e == 0 ? route->from : route->to, nodes[root_of(j, ends[e])]));
    }
    return SM_OK;
}

static enum sm_status
join_ends(struct sm_graph *graph)
{
    const size_t wires = graph->wire_count;
    struct sm_arena *arena = graph->arena;
    size_t longest = 0;
    for (size_t r = 0; r < graph->route_count; r++)
        longest = graph->routes[r].count > longest ? graph->routes[r].count : longest;
    struct joining j = {
        .graph = graph,
        .device = 2 * wires,
        .up = sm_arena_alloc(arena, 2 * wires, sizeof *j.up),
        .kinds = sm_arena_alloc(arena, wires, sizeof *j.kinds),
        .between = sm_arena_alloc(arena, wires, sizeof *j.between),
        .seen = sm_arena_zalloc(arena, wires, sizeof *j.seen),
        .odd = sm_arena_zalloc(arena, wires, sizeof *j.odd),
        .beside = sm_arena_alloc(arena, 2 * wires, sizeof *j.beside),
        .crowded = sm_arena_zalloc(arena, 2 * wires, sizeof *j.crowded),
        .in = sm_arena_alloc(arena, longest, sizeof *j.in),
        .out = sm_arena_alloc(arena, longest, sizeof *j.out),
    };
    if (j.up == NULL || j.kinds == NULL || j.between == NULL || j.seen == NULL || j.odd == NULL ||
        j.beside == NULL || j.crowded == NULL || j.in == NULL || j.out == NULL)
        return sm_graph_no_memory(graph);
    for (size_t e = 0; e < 2 * wires; e++) {
        j.up[e] = e;
        j.beside[e] = SM_NOWHERE;
    }
    for (size_t w = 0; w < wires; w++)
        j.kinds[w] = graph->wires[w].duplex ? DUPLEX : UNKNOWN;
    classify(&j);
    do
        join_hops(&j);
    while (decide(&j));
    return number_nodes(&j);
}

/* ---- what is inside of what ---- */

/* A node is inside a place where all ways over it begin or end there, and in no other place as
 * well: either some way stays inside, or those to the outside lead to several places. */
static enum sm_status
find_insides(struct sm_graph *graph, size_t *inside, bool sites)
{
    const struct sm_platform_worker *workers = graph->platform->workers;
    size_t *others = sm_arena_alloc(graph->arena, graph->node_count, sizeof *others);
    bool *met = sm_arena_zalloc(graph->arena, graph->node_count, sizeof *met);
    if (others == NULL || met == NULL)
        return sm_graph_no_memory(graph);
    for (size_t n = 0; n < graph->node_count; n++)
        inside[n] = others[n] = SM_NOWHERE;
    for (size_t r = 0; r < graph->route_count; r++) {
        const struct sm_graph_route *route = &graph->routes[r];
        const size_t from = graph->worker_of[route->from], to = graph->worker_of[route->to];
        const size_t a = sites ? workers[from].group : from, b = sites ? workers[to].group : to;
        for (size_t i = 0; i < 2 * route->count; i++) {
            const size_t way = graph->hops[route->first + i / 2];
            const size_t node = graph->wires[way / 2].ends[i % 2];
            size_t *one = &inside[node], *other = &others[node]; /* that may still be */
            if (!met[node]) {
                *one = a;
                *other = a != b ? b : SM_NOWHERE;
            }
            met[node] = true;
            if (*other != a && *other != b)
                *other = SM_NOWHERE;
            if (*one != a && *one != b) {
                *one = *other;
                *other = SM_NOWHERE;
            }
        }
    }
    for (size_t n = 0; n < graph->node_count; n++)
        if (others[n] != SM_NOWHERE)
            inside[n] = SM_NOWHERE;
    for (size_t d = 0; d < graph->device_count; d++) {
        const size_t worker = graph->worker_of[d];
        inside[d] = sites ? workers[worker].group : worker;
    }
    return SM_OK;
}

/* ---- all of it ---- */

static enum sm_status
count_devices(struct sm_graph *graph)
{
    const struct sm_platform *platform = graph->platform;
    const size_t all = platform->described;
    graph->devices = sm_arena_alloc(graph->arena, all + 1, sizeof *graph->devices);
    if (graph->devices == NULL)
        return sm_graph_no_memory(graph);
    size_t ways = 0;
    graph->devices[0] = 0;
    for (; graph->workers < all && graph->workers < MOST_WORKERS; graph->workers++) {
        const size_t devices = platform->workers[graph->workers].devices;
        ways += devices * (devices - 1);
        if (ways > MOST_INSIDE && graph->workers > 0)
            break;
        graph->devices[graph->workers + 1] = graph->devices[graph->workers] + devices;
    }
    graph->device_count = graph->devices[graph->workers];
    graph->worker_of = sm_arena_alloc(graph->arena, graph->device_count, sizeof *graph->worker_of);
    if (graph->worker_of == NULL)
        return sm_graph_no_memory(graph);
    for (size_t w = 0; w < graph->workers; w++)
        for (size_t d = graph->devices[w]; d < graph->devices[w + 1]; d++)
            graph->worker_of[d] = w;
    return SM_OK;
}

/* Links that others send over: those of a pattern by their names, those of a route by asking. */
static enum sm_status
mark_traffic(struct asking *a)
{
    struct sm_graph *graph = a->graph;
    const struct sm_platform *platform = graph->platform;
    for (size_t i = 0; i < platform->traffic_count; i++) {
        const struct sm_platform_traffic *traffic = &platform->traffic[i];
        if (traffic->link != NULL) {
            const size_t wire = names_find(&a->wires, traffic->link);
            if (wire != SM_NOWHERE)
                graph->wires[wire].busy = true;
            continue;
        }
        const struct sm_hop *const *hops;
        size_t count;
        SM_TRY(a->routes->find(a->routes->arg, traffic->from, traffic->to, &hops, &count));
        for (size_t h = 0; h < count; h++)
            if (hops[h]->number < a->hop_count && a->hops[hops[h]->number] > 0)
                graph->wires[(a->hops[hops[h]->number] - 1) / 2].busy = true;
    }
    return SM_OK;
}

enum sm_status
sm_graph_build(struct sm_graph *graph, const struct sm_platform *platform,
               const struct sm_routes *routes, struct sm_arena *arena)
{
    struct asking a = {.graph = graph, .routes = routes};
    *graph = (struct sm_graph){.arena = arena, .platform = platform};
    SM_TRY(count_devices(graph));
    SM_TRY(names_init(graph, &a.wires, 0));
    SM_TRY(names_init(graph, &a.links, platform->link_count));
    for (size_t i = 0; i < platform->link_count; i++)
        if (!platform->links[i].stands)
            SM_TRY(names_add(graph, &a.links, platform->links[i].name, i));
    if (!platform->gaps) {
        SM_TRY(ask_inside(&a));
        SM_TRY(ask_workers(&a));
    }
    SM_TRY(mark_traffic(&a));
    SM_TRY(join_ends(graph));
    graph->owners = sm_arena_alloc(arena, graph->node_count, sizeof *graph->owners);
    graph->sites = sm_arena_alloc(arena, graph->node_count, sizeof *graph->sites);
    if (graph->owners == NULL || graph->sites == NULL)
        return sm_graph_no_memory(graph);
    SM_TRY(find_insides(graph, graph->owners, false));
    return find_insides(graph, graph->sites, true);
}
