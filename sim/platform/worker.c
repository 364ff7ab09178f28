/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/platform/worker.c -- host properties become workers, devices, rings, rails and groups. */
#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sim/platform/model.h"

enum {
    LARGEST_NUMBER = 100000000,
    MOST_DESCRIBED = 1024 /* workers that are made though nobody asked for them */
};

struct seat {
    size_t worker, device;
    const struct sm_model_host *host;
};

static enum sm_status
read_number(struct sm_model *model, const struct sm_model_host *host, const char *key,
            const char *text, size_t *number)
{
    char *end = NULL;
    unsigned long value = isdigit((unsigned char)text[0]) ? strtoul(text, &end, 10) : 0;
    if (end == NULL || *end != '\0' || value > LARGEST_NUMBER)
        return sm_model_fail(model, host->element,
                             "%s=\"%s\" of host '%s' is not a whole number from 0 on", key, text,
                             host->name);
    *number = value;
    return SM_OK;
}

static int
by_seat(const void *a, const void *b)
{
    const struct seat *x = a, *y = b;
    if (x->worker != y->worker)
        return x->worker < y->worker ? -1 : 1;
    if (x->device != y->device)
        return x->device < y->device ? -1 : 1;
    return x->host < y->host ? -1 : x->host > y->host;
}

/* A property that says nothing of a host without `worker`; where nobody has that, every host is a
 * worker, which may stand in a group. */
static const char *
lonely_property(const struct sm_model_host *host, bool named)
{
    if (host->worker != NULL)
        return NULL;
    return host->device != NULL           ? "device"
           : host->rings != NULL          ? "rings"
           : host->rails != NULL          ? "rails"
           : host->collective != NULL     ? "collective"
           : named && host->group != NULL ? "group"
                                          : NULL;
}

/* The hosts that work, in the order of workers and devices. */
static enum sm_status
read_seats(struct sm_model *model, struct seat **seats, size_t *count)
{
    bool named = false;
    for (size_t i = 0; i < model->host_count; i++)
        named = named || model->hosts[i].worker != NULL;
    *count = 0;
    *seats = sm_arena_alloc(model->arena, model->host_count, sizeof **seats);
    if (*seats == NULL)
        return sm_model_no_memory(model);
    for (size_t i = 0; i < model->host_count; i++) {
        const struct sm_model_host *host = &model->hosts[i];
        struct seat seat = {.worker = i, .host = host};
        const char *lonely = lonely_property(host, named);
        if (lonely != NULL)
            return sm_model_fail(model, host->element,
                                 "host '%s' has the property %s but not worker", host->name,
                                 lonely);
        if (named && host->worker == NULL)
            continue;
        if (host->worker != NULL)
            SM_TRY(read_number(model, host, "worker", host->worker, &seat.worker));
        if (host->device != NULL)
            SM_TRY(read_number(model, host, "device", host->device, &seat.device));
        (*seats)[(*count)++] = seat;
    }
    qsort(*seats, *count, sizeof **seats, by_seat);
    return SM_OK;
}

/* Numbers run from 0 without holes, no seat is taken twice. */
static enum sm_status
check_seats(struct sm_model *model, const struct seat *seats, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct seat *seat = &seats[i], *before = i > 0 ? seat - 1 : NULL;
        bool same = before != NULL && before->worker == seat->worker;
        if (same && before->device == seat->device)
            return sm_model_fail(model, seat->host->element,
                                 "host '%s' is device %zu of worker %zu, and so is '%s'",
                                 seat->host->name, seat->device, seat->worker, before->host->name);
        size_t worker = before == NULL ? 0 : before->worker + !same;
        if (seat->worker != worker)
            return sm_model_fail(model, seat->host->element,
                                 "no host is worker %zu, but '%s' is worker %zu; expected 0, 1, 2 "
                                 "... without holes",
                                 worker, seat->host->name, seat->worker);
        size_t device = same ? before->device + 1 : 0;
        if (seat->device != device)
            return sm_model_fail(model, seat->host->element,
                                 "worker %zu has no device %zu, but '%s' is its device %zu; "
                                 "expected 0, 1, 2 ... without holes",
                                 seat->worker, device, seat->host->name, seat->device);
        const struct sm_model_host *host = seat->host;
        const char *of_worker = host->rings != NULL        ? "rings"
                                : host->rails != NULL      ? "rails"
                                : host->collective != NULL ? "collective"
                                : host->group != NULL      ? "group"
                                                           : NULL;
        if (device > 0 && of_worker != NULL)
            return sm_model_fail(model, host->element,
                                 "host '%s' is device %zu; the property %s belongs on device 0",
                                 host->name, device, of_worker);
    }
    return SM_OK;
}

static enum sm_status
ring_fail(struct sm_model *model, const struct sm_model_host *host, size_t devices)
{
    return sm_model_fail(model, host->element,
                         "rings=\"%s\" of host '%s': expected SHARE:ORDER ..., each order a "
                         "permutation of the devices 0..%zu joined by -, such as 1:0-1-2",
                         host->rings, host->name, devices - 1);
}

/* Reads "0-2-1" into order; *text moves behind it. */
static bool
read_order(const char **text, size_t devices, size_t *order, bool *seen)
{
    memset(seen, 0, devices * sizeof *seen);
    for (size_t i = 0; i < devices; i++) {
        char *end;
        if (!isdigit((unsigned char)**text))
            return false;
        order[i] = strtoul(*text, &end, 10);
        if (order[i] >= devices || seen[order[i]] || (i + 1 < devices && *end != '-'))
            return false;
        seen[order[i]] = true;
        *text = i + 1 < devices ? end + 1 : end;
    }
    return **text == '\0' || **text == ' ';
}

static enum sm_status
read_rings(struct sm_model *model, const struct sm_model_host *host, size_t devices,
           const char *text, struct sm_platform_worker *worker)
{
    struct sm_arena *arena = model->arena;
    size_t most = strlen(text) / 2;
    struct sm_device_ring *rings = sm_arena_alloc(arena, most, sizeof *rings);
    bool *seen = sm_arena_alloc(arena, devices, sizeof *seen);
    size_t count = 0;
    double total = 0;
    if (rings == NULL || seen == NULL)
        return sm_model_no_memory(model);
    for (text += strspn(text, " "); *text != '\0'; text += strspn(text, " ")) {
        size_t *order = sm_arena_alloc(arena, devices, sizeof *order);
        char *end = NULL;
        double share = isdigit((unsigned char)*text) ? strtod(text, &end) : 0;
        if (order == NULL)
            return sm_model_no_memory(model);
        if (!(share > 0 && share < LARGEST_NUMBER) || *end != ':')
            return ring_fail(model, host, devices);
        text = end + 1;
        if (!read_order(&text, devices, order, seen))
            return ring_fail(model, host, devices);
        total += share;
        rings[count++] = (struct sm_device_ring){share, order};
    }
    if (count == 0)
        return ring_fail(model, host, devices);
    for (size_t i = 0; i < count; i++)
        rings[i].share /= total;
    worker->rings = rings;
    worker->ring_count = count;
    return SM_OK;
}

/* 1:0-1-...-(d-1) */
static enum sm_status
default_ring(struct sm_model *model, struct sm_platform_worker *worker)
{
    struct sm_device_ring *ring = sm_arena_alloc(model->arena, 1, sizeof *ring);
    size_t *order = sm_arena_alloc(model->arena, worker->devices, sizeof *order);
    if (ring == NULL || order == NULL)
        return sm_model_no_memory(model);
    for (size_t i = 0; i < worker->devices; i++)
        order[i] = i;
    *ring = (struct sm_device_ring){1, order};
    worker->rings = ring;
    worker->ring_count = 1;
    return SM_OK;
}

static enum sm_status
rail_fail(struct sm_model *model, const struct sm_model_host *host, size_t devices)
{
    return sm_model_fail(model, host->element,
                         "rails=\"%s\" of host '%s': expected devices of 0..%zu joined by -, each "
                         "once, such as 0-2",
                         host->rails, host->name, devices - 1);
}

/* "0-2-4-6": the devices that talk to other workers. */
static enum sm_status
read_rails(struct sm_model *model, const struct sm_model_host *host, size_t devices,
           struct sm_platform_worker *worker)
{
    const char *text = host->rails != NULL ? host->rails : "0";
    size_t *rails = sm_arena_alloc(model->arena, devices, sizeof *rails), count = 0;
    bool *seen = sm_arena_zalloc(model->arena, devices, sizeof *seen);
    if (rails == NULL || seen == NULL)
        return sm_model_no_memory(model);
    for (;; text++) {
        char *end;
        unsigned long device = isdigit((unsigned char)*text) ? strtoul(text, &end, 10) : ULONG_MAX;
        if (device >= devices || seen[device] || (*end != '-' && *end != '\0'))
            return rail_fail(model, host, devices);
        seen[device] = true;
        rails[count++] = device;
        text = end;
        if (*text == '\0')
            break;
    }
    worker->rails = rails;
    worker->rail_count = count;
    return SM_OK;
}

/* "ring" or "auto": trees stand on a switch, where one ring is all there is. */
static enum sm_status
read_collective(struct sm_model *model, const struct sm_model_host *host,
                struct sm_platform_worker *worker)
{
    if (host->collective == NULL || strcmp(host->collective, "ring") == 0)
        return SM_OK;
    if (strcmp(host->collective, "auto") != 0)
        return sm_model_fail(model, host->element,
                             "collective=\"%s\" of host '%s': expected ring or auto",
                             host->collective, host->name);
    if (worker->ring_count > 1)
        return sm_model_fail(model, host->element,
                             "collective=\"auto\" of host '%s': expected one ring among its "
                             "worker's devices, not %zu",
                             host->name, worker->ring_count);
    worker->trees = true;
    return SM_OK;
}

/* Profiles of its hosts, in files or as traces. */
static void
note_profiles(const struct sm_model *model, const struct sm_model_host *host,
              struct sm_platform_worker *worker)
{
    const struct sm_entry *place = sm_table_find(&model->places, host->name);
    worker->varies = worker->varies || place->varies || sm_model_has(host->element, "speed_file") ||
                     sm_model_has(host->element, "availability_file");
    worker->dies = worker->dies || place->dies || sm_model_has(host->element, "state_file");
}

static enum sm_status
make_worker(struct sm_model *model, const struct seat *seats, size_t devices,
            struct sm_platform_worker *worker)
{
    const char **hosts = sm_arena_alloc(model->arena, devices, sizeof *hosts);
    double *speeds = sm_arena_alloc(model->arena, devices, sizeof *speeds);
    if (hosts == NULL || speeds == NULL)
        return sm_model_no_memory(model);
    for (size_t i = 0; i < devices; i++) {
        hosts[i] = sm_arena_strdup(model->arena, seats[i].host->name);
        speeds[i] = seats[i].host->speed;
        if (hosts[i] == NULL)
            return sm_model_no_memory(model);
    }
    *worker = (struct sm_platform_worker){.hosts = hosts, .speeds = speeds, .devices = devices};
    for (size_t i = 0; model->varies && i < devices; i++)
        note_profiles(model, seats[i].host, worker);
    const struct sm_model_host *first = seats[0].host;
    if (first->rings != NULL)
        SM_TRY(read_rings(model, first, devices, first->rings, worker));
    else
        SM_TRY(default_ring(model, worker));
    if (devices == 1)
        worker->ring_count = 0;
    SM_TRY(read_collective(model, first, worker));
    if (first->group != NULL)
        SM_TRY(read_number(model, first, "group", first->group, &worker->group));
    return read_rails(model, first, devices, worker);
}

static bool
in_full_zone(const struct sm_entry *place)
{
    return strcmp((const char *)place->element->name, "host") == 0 &&
           strcasecmp(sm_model_attribute(place->element->parent, "routing"), "Full") == 0;
}

/* SimGrid would abort at the first message between the two. In a Full zone each pair of hosts needs
 * a route of its own, elsewhere a way over other places will do. */
static enum sm_status
check_reachable(struct sm_model *model, const char *from, const char *to)
{
    struct sm_entry *a = sm_table_find(&model->places, from);
    struct sm_entry *b = sm_table_find(&model->places, to);
    if (a == b)
        return SM_OK;
    bool reachable = sm_entry_root(a) == sm_entry_root(b);
    if (reachable && in_full_zone(a) && in_full_zone(b) &&
        a->element->parent == b->element->parent) {
        const char *key = sm_arena_printf(model->arena, "%s %s", from, to);
        if (key == NULL)
            return sm_model_no_memory(model);
        reachable = sm_table_find(&model->routes, key) != NULL;
    }
    if (!reachable)
        return sm_model_fail(model, a->element, "no route leads from '%s' to '%s'", from, to);
    return SM_OK;
}

static enum sm_status
check_worker_routes(struct sm_model *model, const struct sm_platform_worker *worker)
{
    for (size_t r = 0; r < worker->ring_count; r++)
        for (size_t i = 0; i < worker->devices; i++) {
            const size_t *order = worker->rings[r].order;
            SM_TRY(check_reachable(model, worker->hosts[order[i]],
                                   worker->hosts[order[(i + 1) % worker->devices]]));
        }
    return SM_OK;
}

/* From the last of the workers to those before it, rail to rail; one stands for all where ways
 * join. */
static enum sm_status
check_ways_between(struct sm_model *model, const struct sm_platform_worker *list, size_t last)
{
    const struct sm_platform_worker *worker = &list[last];
    for (size_t r = 0; r < worker->rail_count; r++) {
        const char *name = worker->hosts[worker->rails[r]];
        size_t others = in_full_zone(sm_table_find(&model->places, name)) ? last : last > 0;
        for (size_t i = 0; i < others; i++) {
            const char *other = list[i].hosts[list[i].rails[r]];
            SM_TRY(check_reachable(model, other, name));
            SM_TRY(check_reachable(model, name, other));
        }
    }
    return SM_OK;
}

/* list[index], after those before it. */
static enum sm_status
add_worker(struct sm_model *model, const struct seat *seats, size_t devices,
           struct sm_platform_worker *list, size_t index)
{
    SM_TRY(make_worker(model, seats, devices, &list[index]));
    SM_TRY(check_worker_routes(model, &list[index]));
    if (list[index].rail_count != list[0].rail_count)
        return sm_model_fail(model, seats[0].host->element,
                             "worker %zu has %zu rails, worker 0 has %zu; expected the same", index,
                             list[index].rail_count, list[0].rail_count);
    return check_ways_between(model, list, index);
}

enum sm_status
sm_model_workers(struct sm_model *model, size_t want, size_t servers, const struct sm_node *edits,
                 struct sm_platform *platform)
{
    struct seat *seats;
    size_t count, workers = 0;
    SM_TRY(read_seats(model, &seats, &count));
    SM_TRY(check_seats(model, seats, count));
    size_t have = seats[count - 1].worker + 1;
    const struct sm_node *asked = sm_tree_get(edits, "workers");
    if (servers > 0 && (want > 0 ? want : 1) + servers > have)
        return sm_tree_fail(asked,
                            "%zu workers and %zu hosts for servers asked for, but %s has "
                            "%zu hosts",
                            want > 0 ? want : 1, servers, model->file, have);
    if (want > have)
        return sm_tree_fail(asked, "%zu workers asked for, but %s has %zu", want, model->file,
                            have);
    want = want > 0 ? want + servers : have;
    const size_t most = want > MOST_DESCRIBED   ? want
                        : have < MOST_DESCRIBED ? have
                                                : MOST_DESCRIBED;
    struct sm_platform_worker *list = sm_arena_zalloc(model->arena, most, sizeof *list);
    if (list == NULL)
        return sm_model_no_memory(model);
    for (size_t first = 0, end; workers < most; first = end) {
        for (end = first; end < count && seats[end].worker == seats[first].worker; end++)
            ;
        const enum sm_status status = add_worker(model, seats + first, end - first, list, workers);
        if (status != SM_OK && workers < want)
            return status;
        if (status != SM_OK) /* nobody asked for it */
            break;
        workers++;
    }
    platform->workers = list;
    platform->worker_count = want;
    platform->file_workers = have;
    platform->described = workers;
    return SM_OK;
}

size_t
sm_platform_group(const struct sm_platform *platform, size_t workers)
{
    const struct sm_platform_worker *worker = platform->workers;
    size_t length = 0;
    while (length < workers && worker[length].group == worker[0].group)
        length++;
    if (length < 2 || length == workers || workers % length != 0)
        return 0;
    for (size_t r = length; r < workers; r++) {
        const bool first = r % length == 0;
        if ((worker[r].group == worker[r - 1].group) == first)
            return 0;
    }
    return length;
}
