/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/engine/simgrid/devices.c -- the all-reduce among a worker's own devices (NVLink), or one half
 * of it.
 *
 * Each ring carries its share of the bytes, message by message, one actor a device and ring; or,
 * where the platform says so and it takes less, two trees carry a half each. Where nobody outside
 * the worker uses those links and nothing changes their speed, every repetition takes as long as
 * the first, on every worker that is alike: it is simulated once for each size, and its seconds are
 * kept.
 */
#include <math.h>
#include <stdio.h>
#include <xbt/dynar.h>

#include "sim/base/text.h"
#include "sim/collective/devices.h"
#include "sim/engine/simgrid/world.h"

enum { MOST_TIMES = 64 }; /* of a kind: buckets of several sizes, whole and in halves */

/* Puts `value` on each link from one host to another; true when a shared one bore `other`. */
static bool
mark_route(sg_host_t from, sg_host_t to, void *value, const void *other)
{
    bool met = false;
    xbt_dynar_t route = xbt_dynar_new(sizeof(sg_link_t), NULL);
    sg_host_get_route(from, to, route);
    for (unsigned long i = 0; i < xbt_dynar_length(route); i++) {
        sg_link_t link = xbt_dynar_get_as(route, i, sg_link_t);
        met = met || (other != NULL && sg_link_is_shared(link) && sg_link_get_data(link) == other);
        if (other == NULL)
            sg_link_set_data(link, value);
    }
    xbt_dynar_free_container(&route);
    return met;
}

/* Marks the links of all rings (or takes the mark away). */
static void
mark_rings(struct rank *rank, void *value)
{
    const struct sm_platform_worker *worker = rank->worker;
    for (size_t i = 0; i < worker->ring_count; i++)
        for (size_t d = 0; d < worker->devices; d++)
            mark_route(
                sg_host_by_name(worker->hosts[worker->rings[i].order[d]]),
                sg_host_by_name(worker->hosts[worker->rings[i].order[(d + 1) % worker->devices]]),
                value, NULL);
}

/* Whether traffic of others is on a link between the devices. */
static bool
devices_busy(const struct rank *rank)
{
    const struct sm_platform_worker *worker = rank->worker;
    bool busy = false;
    for (size_t a = 0; rank->world->busy_count > 0 && a < worker->devices; a++)
        for (size_t b = 0; !busy && b < worker->devices; b++)
            busy = a != b && sm_simgrid_busy(rank->world, sg_host_by_name(worker->hosts[a]),
                                             sg_host_by_name(worker->hosts[b]));
    return busy;
}

static bool
links_private(struct rank *rank)
{
    bool alone = !rank->world->request->platform->varies && !devices_busy(rank);
    mark_rings(rank, rank);
    for (size_t r = 0; alone && r < rank->world->rank_count; r++) {
        sg_host_t other = rank->world->ranks[r].host;
        if (r != rank->comm.rank && (mark_route(rank->host, other, NULL, rank) ||
                                     mark_route(other, rank->host, NULL, rank)))
            alone = false;
    }
    mark_rings(rank, NULL);
    return alone;
}

/* The links of all rings, in order: what they are like, and which of them are one. Workers of one
 * hash take the same time. */
static uint64_t
hash_rings(struct rank *rank)
{
    const struct sm_platform_worker *worker = rank->worker;
    uint64_t hash =
        sm_hash(&worker->devices, sizeof worker->devices, 2 * worker->ring_count + worker->trees);
    size_t met = 0;
    for (size_t i = 0; i < worker->ring_count; i++) {
        const struct sm_device_ring *ring = &worker->rings[i];
        hash = sm_hash(&ring->share, sizeof ring->share, hash);
        for (size_t d = 0; d < worker->devices; d++) {
            xbt_dynar_t route = xbt_dynar_new(sizeof(sg_link_t), NULL);
            sg_host_get_route(
                sg_host_by_name(worker->hosts[ring->order[d]]),
                sg_host_by_name(worker->hosts[ring->order[(d + 1) % worker->devices]]), route);
            for (unsigned long k = 0; k < xbt_dynar_length(route); k++) {
                sg_link_t link = xbt_dynar_get_as(route, k, sg_link_t);
                uintptr_t index = (uintptr_t)sg_link_get_data(link);
                if (index == 0) {
                    index = ++met;
                    sg_link_set_data(link, (void *)index);
                }
                const double like[] = {(double)index, sg_link_get_bandwidth(link),
                                       sg_link_get_latency(link), sg_link_is_shared(link)};
                hash = sm_hash(like, sizeof like, hash);
            }
            hash = sm_hash(&d, sizeof d, hash);
            xbt_dynar_free_container(&route);
        }
    }
    mark_rings(rank, NULL);
    for (size_t d = 0; worker->trees && d < worker->devices; d++) /* they take other ways */
        for (size_t e = 0; e < worker->devices; e++) {
            sg_host_t from = sg_host_by_name(worker->hosts[d]);
            sg_host_t to = sg_host_by_name(worker->hosts[e]);
            const double way[] = {d == e ? 0 : sg_host_get_route_bandwidth(from, to),
                                  d == e ? 0 : sg_host_get_route_latency(from, to)};
            hash = sm_hash(way, sizeof way, hash);
        }
    return hash;
}

static struct device_kind *
kind_of(struct rank *rank)
{
    struct world *world = rank->world;
    const uint64_t hash = hash_rings(rank);
    struct device_kind *kind = world->kinds;
    while (kind != NULL && kind->hash != hash)
        kind = kind->next;
    if (kind == NULL && (kind = sm_arena_zalloc(world->arena, 1, sizeof *kind)) != NULL) {
        kind->hash = hash;
        kind->next = world->kinds;
        world->kinds = kind;
    }
    return kind;
}

void
sm_simgrid_devices_fini(struct world *world)
{
    for (struct device_kind *kind = world->kinds; kind != NULL; kind = kind->next)
        for (struct device_time *time = kind->times; time != NULL; time = time->next)
            if (time->ended != NULL)
                sg_sem_destroy(time->ended);
}

/* What decides between ring and trees. */
static void
measure_ring(struct rank *rank)
{
    const struct sm_platform_worker *worker = rank->worker;
    const size_t *order = worker->rings[0].order;
    rank->device_bandwidth = INFINITY;
    for (size_t d = 0; d < worker->devices; d++) {
        sg_host_t from = sg_host_by_name(worker->hosts[order[d]]);
        sg_host_t to = sg_host_by_name(worker->hosts[order[(d + 1) % worker->devices]]);
        rank->device_latency = fmax(rank->device_latency, sg_host_get_route_latency(from, to));
        rank->device_bandwidth =
            fmin(rank->device_bandwidth, sg_host_get_route_bandwidth(from, to));
    }
}

static bool
takes_trees(const struct rank *rank, enum device_part part, double bytes)
{
    bool trees;
    sm_devices_seconds(rank->worker->devices, bytes, rank->device_latency, rank->device_bandwidth,
                       &trees);
    return rank->worker->trees && part == DEVICES_ALL_REDUCE && trees;
}

enum sm_status
sm_simgrid_devices_init(struct rank *rank)
{
    const struct sm_platform_worker *worker = rank->worker;
    if (worker->devices < 2)
        return SM_OK;
    size_t count = worker->ring_count * worker->devices;
    rank->players = sm_arena_zalloc(rank->world->arena, count, sizeof *rank->players);
    size_t steps = 2 * (worker->devices - 1);
    sg_comm_t *kept = sm_arena_alloc(rank->world->arena, count * steps, sizeof *kept);
    if (rank->players == NULL || kept == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for %zu devices", worker->devices);
    for (size_t i = 0; i < count; i++)
        rank->players[i] = (struct player){.rank = rank,
                                           .ring = &worker->rings[i / worker->devices],
                                           .ring_index = i / worker->devices,
                                           .position = i % worker->devices,
                                           .kept = kept + i * steps};
    rank->played = sg_sem_init(0);
    if (worker->trees)
        measure_ring(rank);
    if (!links_private(rank))
        return SM_OK;
    rank->kind = kind_of(rank);
    return rank->kind != NULL ? SM_OK : SM_FAIL(SM_ERR_NOMEM, "no memory for a kind of devices");
}

static sg_mailbox_t
device_box(const struct player *player, size_t from, size_t to)
{
    char name[96];
    snprintf(name, sizeof name, "worker %zu, ring %zu from device %zu to %zu",
             player->rank->comm.rank, player->ring_index, player->ring->order[from],
             player->ring->order[to]);
    return sg_mailbox_by_name(name);
}

static sg_host_t
device_host(const struct player *player, size_t position)
{
    return sg_host_by_name(player->rank->worker->hosts[player->ring->order[position]]);
}

static enum sm_status
exchange(void *arg, const struct exchange *step)
{
    struct player *player = arg;
    if (step->to != SM_NO_RANK)
        player->kept[player->kept_count++] =
            sm_simgrid_send_kept(device_box(player, player->position, step->to), NULL, step->sent);
    if (step->from != SM_NO_RANK)
        return sm_simgrid_receive(player->rank->world,
                                  device_box(player, step->from, player->position),
                                  device_host(player, step->from));
    return SM_OK;
}

/* What a ring plays for each part. */
static const struct sm_collective *const parts[] = {
    [DEVICES_ALL_REDUCE] = &sm_collective_ring,
    [DEVICES_REDUCE_SCATTER] = &sm_collective_ring_reduce_scatter,
    [DEVICES_ALL_GATHER] = &sm_collective_ring_all_gather,
};

enum { TREES = 2, MOST_NEIGHBOURS = 3 };

/* Who is above and below a device in a tree: `others`, at most MOST_NEIGHBOURS. Returns how many.
 */
static size_t
tree_neighbours(size_t size, size_t tree, size_t device, size_t *others)
{
    const size_t x = sm_devices_tree_position(size, tree, device);
    const size_t positions[MOST_NEIGHBOURS] = {x / 2, 2 * x, 2 * x + 1};
    size_t count = 0;
    for (size_t i = 0; i < MOST_NEIGHBOURS; i++)
        if (positions[i] >= 1 && positions[i] <= size)
            others[count++] = sm_devices_tree_device(size, tree, positions[i]);
    return count;
}

/* Half of the bytes up and down each edge of each tree at once, as pieces that follow each other
 * would; only the way through the other levels is still to come then. */
static enum sm_status
play_trees(const struct player *player)
{
    const size_t size = player->rank->worker->devices, me = player->position;
    const double half = round(player->bytes / TREES);
    sg_comm_t receipts[TREES * MOST_NEIGHBOURS];
    sg_host_t from[TREES * MOST_NEIGHBOURS];
    void *payload[TREES * MOST_NEIGHBOURS];
    size_t count = 0;
    for (size_t tree = 0; tree < TREES; tree++) {
        size_t others[MOST_NEIGHBOURS];
        const size_t neighbours = tree_neighbours(size, tree, me, others);
        for (size_t i = 0; i < neighbours; i++) {
            if (!sm_simgrid_sends(device_host(player, others[i])))
                return sm_simgrid_died(player->rank->world, device_host(player, others[i]),
                                       sg_host_self());
            from[count] = device_host(player, others[i]);
            sm_simgrid_send(device_box(player, me, others[i]), NULL, half);
            receipts[count] =
                sg_mailbox_get_async(device_box(player, others[i], me), &payload[count]);
            count++;
        }
    }
    enum sm_status status = SM_OK;
    for (size_t i = 0; i < count; i++)
        if (sg_comm_wait(receipts[i]) != SG_OK)
            status = sm_simgrid_died(player->rank->world, from[i], sg_host_self());
    return status;
}

static void
player_main(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    struct player *player = sg_actor_self_get_data();
    struct rank *rank = player->rank;
    const struct sm_collective_call call = {.size = rank->worker->devices, .bytes = player->bytes};
    if ((player->trees ? play_trees(player)
                       : sm_simgrid_play(parts[player->part], &call, player->position, exchange,
                                         player)) != SM_OK)
        sm_simgrid_fail(rank->world);
    for (size_t i = 0; i < player->kept_count && !rank->world->failed; i++)
        sg_comm_wait(player->kept[i]); /* its receiver tells if it failed */
    player->kept_count = 0;
    sg_sem_release(rank->played);
}

static struct device_time *
time_of(const struct rank *rank, enum device_part part, double bytes)
{
    struct device_time *time = rank->kind != NULL ? rank->kind->times : NULL;
    while (time != NULL && (time->part != part || time->bytes != bytes))
        time = time->next;
    return time;
}

bool
sm_simgrid_devices_known(const struct rank *rank, enum device_part part, double bytes,
                         double *seconds)
{
    const struct device_time *time = time_of(rank, part, bytes);
    if (time == NULL || time->seconds < 0)
        return false;
    *seconds = time->seconds;
    return true;
}

static enum sm_status
count_device(void *arg, size_t to, double bytes, const struct sm_trace_span *span)
{
    const struct player *player = arg;
    const struct sm_platform_worker *worker = player->rank->worker;
    const size_t *order = player->ring->order;
    return sm_simgrid_count(player->rank->world,
                            sg_host_by_name(worker->hosts[order[player->position]]),
                            sg_host_by_name(worker->hosts[order[to]]), bytes, span);
}

static enum sm_status
count_trees(struct player *player, double bytes, const struct sm_trace_span *span)
{
    for (size_t tree = 0; tree < TREES; tree++) {
        size_t others[MOST_NEIGHBOURS];
        const size_t neighbours =
            tree_neighbours(player->rank->worker->devices, tree, player->position, others);
        for (size_t i = 0; i < neighbours; i++)
            SM_TRY(count_device(player, others[i], round(bytes / TREES), span));
    }
    return SM_OK;
}

enum sm_status
sm_simgrid_devices_count(struct rank *rank, enum device_part part, double bytes,
                         const struct sm_trace_span *span)
{
    const struct sm_platform_worker *worker = rank->worker;
    if (rank->world->traffic == NULL)
        return SM_OK;
    for (size_t i = 0; i < worker->ring_count * worker->devices; i++) {
        struct player *player = &rank->players[i];
        const struct sm_collective_call call = {.size = worker->devices,
                                                .bytes = round(bytes * player->ring->share)};
        SM_TRY(takes_trees(rank, part, bytes)
                   ? count_trees(player, call.bytes, span)
                   : sm_simgrid_count_schedule(parts[part], &call, player->position, count_device,
                                               player, span));
    }
    return SM_OK;
}

static enum sm_status
play(struct rank *rank, enum device_part part, double bytes)
{
    const struct sm_platform_worker *worker = rank->worker;
    for (size_t d = 0; rank->world->mortal && d < worker->devices; d++) {
        sg_host_t host = sg_host_by_name(worker->hosts[d]);
        if (!sm_simgrid_sends(host)) /* SimGrid starts no actor there */
            return sm_simgrid_died(rank->world, host, host);
    }
    size_t count = worker->ring_count * worker->devices;
    const bool trees = takes_trees(rank, part, bytes);
    for (size_t i = 0; i < count; i++) {
        struct player *player = &rank->players[i];
        player->part = part;
        player->trees = trees;
        player->bytes = round(bytes * player->ring->share);
        sg_actor_t actor = sg_actor_init(
            "device", sg_host_by_name(worker->hosts[player->ring->order[player->position]]));
        sg_actor_set_data(actor, player);
        sg_actor_start(actor, player_main, 0, NULL);
    }
    for (size_t i = 0; i < count; i++)
        sg_sem_acquire(rank->played);
    if (trees)
        sg_actor_sleep_for((2 * (double)sm_devices_tree_depth(worker->devices) - 1) *
                           rank->device_latency);
    return SM_OK;
}

/* Plays it and keeps the seconds. */
static enum sm_status
play_first(struct rank *rank, enum device_part part, double bytes)
{
    struct device_kind *kind = rank->kind;
    struct device_time *time = NULL;
    if (kind != NULL && kind->count < MOST_TIMES) {
        if ((time = sm_arena_alloc(rank->world->arena, 1, sizeof *time)) == NULL)
            return SM_FAIL(SM_ERR_NOMEM, "no memory for the seconds of devices");
        *time =
            (struct device_time){.next = kind->times, .part = part, .bytes = bytes, .seconds = -1};
        kind->times = time;
        kind->count++;
    }
    double start = simgrid_get_clock();
    SM_TRY(play(rank, part, bytes));
    if (time == NULL)
        return SM_OK;
    time->seconds = simgrid_get_clock() - start;
    for (; time->waiting > 0; time->waiting--)
        sg_sem_release(time->ended);
    return SM_OK;
}

/* Plays it, or waits as long as it is known to take. */
static enum sm_status
play_or_wait(struct rank *rank, enum device_part part, double bytes)
{
    struct device_time *time = time_of(rank, part, bytes);
    if (time == NULL)
        return play_first(rank, part, bytes);
    double start = simgrid_get_clock();
    if (time->seconds < 0) { /* it began no later, so it ends no later */
        if (time->ended == NULL)
            time->ended = sg_sem_init(0);
        time->waiting++;
        sg_sem_acquire(time->ended);
    }
    sg_actor_sleep_until(start + time->seconds);
    return SM_OK;
}

enum sm_status
sm_simgrid_devices_play(struct rank *rank, enum device_part part, double bytes)
{
    struct sm_trace_span span = {.t0 = simgrid_get_clock()};
    SM_TRY(play_or_wait(rank, part, bytes));
    span.t1 = simgrid_get_clock();
    span.mark = sm_trace_now(rank->world->request->trace, rank->comm.rank);
    return sm_simgrid_devices_count(rank, part, bytes, &span);
}
