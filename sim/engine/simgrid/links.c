/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/engine/simgrid/links.c -- what each link carries.
 *
 * While the run goes, bytes are added up for each pair of hosts: a lookup and an addition a
 * message. At the end they are spread over the links of each pair's route. That counts what was
 * sent, whether SimGrid was asked to move it or an all-reduce among devices was remembered. For a
 * trace the single transfers are kept as well, and become counters.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/text.h"
#include "sim/engine/simgrid/world.h"

enum { FIRST_PAIRS = 256, SAMPLES = 1000, MOST_CLASSES = 12, LONGEST_CLASS = 128 };

/* One way along a link. */
struct way {
    size_t link; /* in loads->links          */
    size_t down; /* 1: its bytes[1], else 0     */
};

struct pair {
    sg_host_t from, to;
    double bytes;
    const struct way *route; /* (hops) at the end */
    size_t hops;
};

/* Something that travelled, for the counters. */
struct transfer {
    double t0, t1, bytes;
    size_t pair;
};

struct loads {
    struct pair *pairs;
    size_t count, capacity;
    size_t *slots; /* (2 capacity) 1 + index of a pair, open addressing */
    struct transfer *transfers;
    size_t transfer_count, transfer_capacity;
    struct sm_link_use *links;
    size_t link_count, link_capacity;
    size_t *by_name; /* (platform's links) their indices, sorted by name */
};

static enum sm_status
no_memory(void)
{
    return SM_FAIL(SM_ERR_NOMEM, "no memory to count what the links carry");
}

enum sm_status
sm_simgrid_links_init(struct world *world)
{
    if (!world->request->count_links && sm_trace_is_empty(world->request->trace))
        return SM_OK;
    world->loads = sm_arena_zalloc(world->arena, 1, sizeof *world->loads);
    return world->loads != NULL ? SM_OK : no_memory();
}

void
sm_simgrid_links_fini(struct world *world)
{
    struct loads *loads = world->loads;
    if (loads == NULL)
        return;
    free(loads->pairs);
    free(loads->slots);
    free(loads->transfers);
    world->loads = NULL;
}

/* ---- while the run goes ---- */

/* Where the pair stands or belongs. */
static size_t *
pair_slot(const struct loads *loads, sg_host_t from, sg_host_t to)
{
    uint64_t key = (uint64_t)(uintptr_t)from * 0x9e3779b97f4a7c15u ^
                   (uint64_t)(uintptr_t)to * 0xc2b2ae3d27d4eb4fu;
    size_t i = (size_t)(key >> 20) % (2 * loads->capacity);
    for (; loads->slots[i] != 0; i = (i + 1) % (2 * loads->capacity)) {
        const struct pair *pair = &loads->pairs[loads->slots[i] - 1];
        if (pair->from == from && pair->to == to)
            break;
    }
    return &loads->slots[i];
}

static enum sm_status
pairs_grow(struct loads *loads)
{
    size_t capacity = loads->capacity == 0 ? FIRST_PAIRS : 2 * loads->capacity;
    struct pair *pairs = realloc(loads->pairs, capacity * sizeof *pairs);
    if (pairs == NULL)
        return no_memory();
    loads->pairs = pairs;
    size_t *slots = calloc(2 * capacity, sizeof *slots);
    if (slots == NULL)
        return no_memory();
    free(loads->slots);
    loads->slots = slots;
    loads->capacity = capacity;
    for (size_t i = 0; i < loads->count; i++)
        *pair_slot(loads, pairs[i].from, pairs[i].to) = i + 1;
    return SM_OK;
}

static enum sm_status
add_transfer(struct loads *loads, const struct transfer *transfer)
{
    if (loads->transfer_count == loads->transfer_capacity) {
        size_t capacity =
            loads->transfer_capacity == 0 ? FIRST_PAIRS : 2 * loads->transfer_capacity;
        struct transfer *transfers = realloc(loads->transfers, capacity * sizeof *loads->transfers);
        if (transfers == NULL)
            return no_memory();
        loads->transfers = transfers;
        loads->transfer_capacity = capacity;
    }
    loads->transfers[loads->transfer_count++] = *transfer;
    return SM_OK;
}

enum sm_status
sm_simgrid_count(struct world *world, sg_host_t from, sg_host_t to, double bytes,
                 const struct sm_trace_span *span)
{
    struct loads *loads = world->loads;
    if (loads == NULL || !(bytes > 0))
        return SM_OK;
    if (loads->count == loads->capacity)
        SM_TRY(pairs_grow(loads));
    size_t *slot = pair_slot(loads, from, to);
    if (*slot == 0) {
        loads->pairs[loads->count] = (struct pair){.from = from, .to = to};
        *slot = ++loads->count;
    }
    loads->pairs[*slot - 1].bytes += bytes;
    if (!sm_trace_takes(world->request->trace, span->mark, 1))
        return SM_OK;
    return add_transfer(loads, &(struct transfer){span->t0, span->t1, bytes, *slot - 1});
}

enum sm_status
sm_simgrid_count_message(struct world *world, size_t from, size_t to, double bytes,
                         const struct sm_trace_span *span)
{
    for (size_t i = 0; i < world->rails; i++)
        SM_TRY(sm_simgrid_count(world, sm_simgrid_rail_host(world, from, i),
                                sm_simgrid_rail_host(world, to, i),
                                sm_simgrid_part(world, bytes, i), span));
    return SM_OK;
}

enum sm_status
sm_simgrid_count_schedule(const struct sm_collective *collective,
                          const struct sm_collective_call *call, size_t rank,
                          enum sm_status (*count)(void *arg, size_t to, double bytes,
                                                  const struct sm_trace_span *span),
                          void *arg, const struct sm_trace_span *span)
{
    const size_t steps = collective->steps(call), chunks = collective->chunks(call);
    size_t to = SM_NO_RANK;
    double sum = 0;
    for (size_t i = 0; i <= steps; i++) { /* steps in a row to one rank are one transfer */
        struct sm_collective_step step = {.send_to = SM_NO_RANK};
        double sent = 0;
        if (i < steps) {
            collective->step(call, rank, i, &step);
            sent = sm_collective_sent(call, chunks, &step);
        }
        if (i < steps && !(sent > 0))
            continue;
        if (to != SM_NO_RANK && step.send_to != to) {
            SM_TRY(count(arg, to, sum, span));
            sum = 0;
        }
        to = step.send_to;
        sum += sent;
    }
    return SM_OK;
}

/* ---- at the end: routes ---- */

static const struct sm_platform *sorted_platform; /* of qsort's comparison */

static int
compare_names(const void *a, const void *b)
{
    const struct sm_platform_link *links = sorted_platform->links;
    return strcmp(links[*(const size_t *)a].name, links[*(const size_t *)b].name);
}

static enum sm_status
list_links(struct world *world)
{
    const struct sm_platform *platform = world->request->platform;
    struct loads *loads = world->loads;
    loads->link_count = loads->link_capacity = platform->link_count;
    loads->links = sm_arena_zalloc(world->arena, platform->link_count, sizeof *loads->links);
    loads->by_name = sm_arena_alloc(world->arena, platform->link_count, sizeof *loads->by_name);
    if (loads->links == NULL || loads->by_name == NULL)
        return no_memory();
    for (size_t i = 0; i < platform->link_count; i++) {
        const struct sm_platform_link *link = &platform->links[i];
        loads->links[i] = (struct sm_link_use){.name = link->name,
                                               .duplex = link->duplex,
                                               .bandwidth = link->bandwidth * link->goodput};
        loads->by_name[i] = i;
    }
    sorted_platform = platform;
    qsort(loads->by_name, platform->link_count, sizeof *loads->by_name, compare_names);
    return SM_OK;
}

/* The link called so, SIZE_MAX when the platform lists none. */
static size_t
find_link(const struct world *world, const char *name, size_t length)
{
    const struct loads *loads = world->loads;
    const struct sm_platform *platform = world->request->platform;
    size_t low = 0, high = platform->link_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const char *other = platform->links[loads->by_name[middle]].name;
        int order = strncmp(name, other, length);
        if (order == 0 && other[length] != '\0')
            order = -1;
        if (order == 0)
            return loads->by_name[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return SIZE_MAX;
}

/* A link that some zone made itself, such as the wires of a torus. */
static enum sm_status
add_link(struct world *world, sg_link_t link, size_t *index)
{
    struct loads *loads = world->loads;
    if (loads->link_count == loads->link_capacity) {
        size_t capacity = 2 * loads->link_capacity + 16;
        struct sm_link_use *links = sm_arena_alloc(world->arena, capacity, sizeof *links);
        if (links == NULL)
            return no_memory();
        if (loads->link_count > 0)
            memcpy(links, loads->links, loads->link_count * sizeof *links);
        loads->links = links;
        loads->link_capacity = capacity;
    }
    const char *name = sm_arena_strdup(world->arena, sg_link_get_name(link));
    if (name == NULL)
        return no_memory();
    *index = loads->link_count++;
    loads->links[*index] =
        (struct sm_link_use){.name = name, .bandwidth = sg_link_get_bandwidth(link)};
    return SM_OK;
}

/* SimGrid knows a duplex link as NAME_UP and NAME_DOWN. */
static enum sm_status
way_of(struct world *world, sg_link_t link, struct way **way)
{
    *way = sg_link_get_data(link);
    if (*way != NULL)
        return SM_OK;
    const char *name = sg_link_get_name(link), *end = strrchr(name, '_');
    struct way found = {.link = find_link(world, name, strlen(name))};
    if (found.link == SIZE_MAX && end != NULL &&
        (strcmp(end, "_UP") == 0 || strcmp(end, "_DOWN") == 0)) {
        found.link = find_link(world, name, (size_t)(end - name));
        found.down = end[1] == 'D';
    }
    if (found.link == SIZE_MAX) {
        found.down = 0;
        SM_TRY(add_link(world, link, &found.link));
    }
    if (!sg_link_is_shared(link))
        world->loads->links[found.link].utilisation = (double)NAN;
    *way = sm_arena_alloc(world->arena, 1, sizeof **way);
    if (*way == NULL)
        return no_memory();
    **way = found;
    sg_link_set_data(link, *way);
    return SM_OK;
}

static enum sm_status
find_route(struct world *world, struct pair *pair)
{
    enum sm_status status = SM_OK;
    sg_link_t *links;
    pair->hops = sm_simgrid_route(world, pair->from, pair->to, &links);
    struct way *ways = sm_arena_alloc(world->arena, pair->hops, sizeof *ways), *way;
    if (ways == NULL)
        status = no_memory();
    for (size_t i = 0; status == SM_OK && i < pair->hops; i++) {
        status = way_of(world, links[i], &way);
        if (status == SM_OK)
            ways[i] = *way;
    }
    pair->route = ways;
    return status;
}

static void
spread(struct world *world, const struct pair *pair)
{
    for (size_t i = 0; i < pair->hops; i++)
        world->loads->links[pair->route[i].link].bytes[pair->route[i].down] += pair->bytes;
}

/* ---- at the end: counters ---- */

/* Links whose names only count: the counters of a trace show their mean and the busiest. */
struct link_class {
    char name[LONGEST_CLASS];
    size_t links, busiest;
    double most;              /* utilisation of the busiest */
    double (*bytes)[SAMPLES]; /* (4): mean up, mean down, busiest up, busiest down */
};

static double
busier(const struct sm_link_use *link)
{
    return fmax(link->bytes[0], link->bytes[1]);
}

/* The classes that carried something, at most MOST_CLASSES; class_of (links): MOST_CLASSES where a
 * link is of none. */
static size_t
find_classes(const struct loads *loads, struct link_class *classes, size_t *class_of)
{
    size_t count = 0;
    for (size_t i = 0; i < loads->link_count; i++) {
        char name[LONGEST_CLASS];
        const struct sm_link_use *link = &loads->links[i];
        sm_text_class(link->name, name, sizeof name);
        size_t c = 0;
        while (c < count && strcmp(classes[c].name, name) != 0)
            c++;
        class_of[i] = MOST_CLASSES;
        if (busier(link) > 0 && c == count && count < MOST_CLASSES) {
            classes[count++] = (struct link_class){.busiest = i};
            strcpy(classes[c].name, name);
        }
        if (busier(link) > 0 && c < count) {
            class_of[i] = c;
            classes[c].links++;
            if (busier(link) / link->bandwidth > classes[c].most) {
                classes[c].most = busier(link) / link->bandwidth;
                classes[c].busiest = i;
            }
        }
    }
    return count;
}

/* Adds the bytes to the samples they travelled in. */
static void
add_bytes(double *samples, double width, const struct transfer *transfer, double bytes)
{
    const double length = fmax(transfer->t1 - transfer->t0, 1e-12);
    for (size_t i = (size_t)(transfer->t0 / width); i < SAMPLES; i++) {
        const double from = fmax(transfer->t0, (double)i * width);
        const double to = fmin(transfer->t0 + length, (double)(i + 1) * width);
        if (to <= from)
            break;
        samples[i] += bytes * (to - from) / length;
    }
}

/* A counter of Gbit/s; values that stay are not repeated. */
static enum sm_status
write_counter(struct sm_trace *trace, const char *name, const char *series, const double *samples,
              double width)
{
    double last = -1;
    for (size_t i = 0; i <= SAMPLES; i++) {
        const double value = i < SAMPLES ? 8e-9 * samples[i] / width : 0;
        if (fabs(value - last) <= 1e-6 * fmax(fabs(value), fabs(last)))
            continue;
        SM_TRY(sm_trace_count(trace, name, series, (double)i * width, value));
        last = value;
    }
    return SM_OK;
}

static enum sm_status
write_class(struct world *world, const struct link_class *class, double width)
{
    struct sm_trace *trace = world->request->trace;
    const struct sm_link_use *busiest = &world->loads->links[class->busiest];
    char name[2 * LONGEST_CLASS];
    for (size_t i = class->links > 1 ? 0 : 2; i < 4; i++) {
        if (i % 2 == 1 && !busiest->duplex)
            continue;
        if (i < 2)
            snprintf(name, sizeof name, "%s, mean of %zu links", class->name, class->links);
        else
            snprintf(name, sizeof name, "%s%s", busiest->name,
                     class->links > 1 ? ", the busiest of its kind" : "");
        SM_TRY(write_counter(trace, name,
                             !busiest->duplex ? "Gbit/s"
                             : i % 2 == 1     ? "Gbit/s down"
                                              : "Gbit/s up",
                             class->bytes[i], width));
    }
    return SM_OK;
}

static enum sm_status
count_in_trace(struct world *world)
{
    const struct loads *loads = world->loads;
    struct link_class *classes = sm_arena_alloc(world->arena, MOST_CLASSES, sizeof *classes);
    size_t *class_of = sm_arena_alloc(world->arena, loads->link_count, sizeof *class_of);
    const double width = sm_trace_end(world->request->trace) / SAMPLES;
    if (classes == NULL || class_of == NULL)
        return no_memory();
    const size_t count = find_classes(loads, classes, class_of);
    for (size_t c = 0; c < count; c++)
        if ((classes[c].bytes = sm_arena_zalloc(world->arena, 4, sizeof *classes[c].bytes)) == NULL)
            return no_memory();
    for (size_t i = 0; width > 0 && i < loads->transfer_count; i++) {
        const struct transfer *transfer = &loads->transfers[i];
        const struct pair *pair = &loads->pairs[transfer->pair];
        for (size_t j = 0; j < pair->hops; j++) {
            const struct way *way = &pair->route[j];
            if (class_of[way->link] == MOST_CLASSES)
                continue;
            struct link_class *class = &classes[class_of[way->link]];
            add_bytes(class->bytes[way->down], width, transfer,
                      transfer->bytes / (double)class->links);
            if (class->busiest == way->link)
                add_bytes(class->bytes[2 + way->down], width, transfer, transfer->bytes);
        }
    }
    for (size_t c = 0; width > 0 && c < count; c++)
        SM_TRY(write_class(world, &classes[c], width));
    return SM_OK;
}

enum sm_status
sm_simgrid_links_report(struct world *world, struct sm_engine_report *report)
{
    struct loads *loads = world->loads;
    if (loads == NULL)
        return SM_OK;
    SM_TRY(list_links(world));
    for (size_t i = 0; i < loads->count; i++) {
        SM_TRY(find_route(world, &loads->pairs[i]));
        spread(world, &loads->pairs[i]);
    }
    for (size_t i = 0; i < loads->link_count; i++) {
        struct sm_link_use *link = &loads->links[i];
        if (!isnan(link->utilisation) && report->seconds > 0)
            link->utilisation = busier(link) / (link->bandwidth * report->seconds);
    }
    report->links = loads->links;
    report->link_count = loads->link_count;
    return sm_trace_is_empty(world->request->trace) ? SM_OK : count_in_trace(world);
}
