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

#include "sim/base/text.h"
#include "sim/collective/devices.h"
#include "sim/collective/trees.h"
#include "sim/engine/simgrid/world.h"

enum { MOST_TIMES = 64 }; /* of a kind: buckets of several sizes, whole and in halves */

/* A device that plays its part of it. */
struct player {
    struct rank *rank;
    const struct sm_device_ring *ring;
    size_t ring_index, position;
    enum device_part part;
    bool trees; /* instead of the ring */
    double bytes;
    sg_comm_t *kept; /* (steps of a ring) handles of what it sent: see crowd of struct world */
    size_t kept_count;
};

/* How long it takes. */
struct device_time {
    struct device_time *next;
    enum device_part part;
    double bytes, seconds; /* seconds < 0: somebody plays it for the first time */
    size_t waiting;        /* for that to end */
    sg_sem_t ended;
};

/* Workers whose devices are alike, on links that nobody else uses. */
struct device_kind {
    struct device_kind *next;
    uint64_t hash; /* of the links of all rings */
    struct device_time *times;
    size_t count;
};

/* The device at a place of a ring, or behind its last place again. */
static sg_host_t
ring_host(const struct rank *rank, const struct sm_device_ring *ring, size_t place)
{
    return rank->devices[ring->order[place % rank->worker->devices]];
}

static size_t
ring_route(const struct rank *rank, const struct sm_device_ring *ring, size_t place,
           sg_link_t **links)
{
    return sm_simgrid_route(rank->world, ring_host(rank, ring, place),
                            ring_host(rank, ring, place + 1), links);
}

/* Takes all marks off the links of its rings. */
static void
clear_rings(const struct rank *rank)
{
    const struct sm_platform_worker *worker = rank->worker;
    sg_link_t *links;
    for (size_t i = 0; i < worker->ring_count; i++)
        for (size_t d = 0; d < worker->devices; d++)
            for (size_t hops = ring_route(rank, &worker->rings[i], d, &links); hops > 0; hops--)
                sg_link_set_data(links[hops - 1], NULL);
}

/* Whether traffic of others is on a link between the devices. */
static bool
devices_busy(const struct rank *rank)
{
    bool busy = false;
    for (size_t a = 0; !busy && a < rank->worker->devices; a++)
        for (size_t b = 0; !busy && b < rank->worker->devices; b++)
            busy = a != b && sm_simgrid_busy(rank->world, rank->devices[a], rank->devices[b]);
    return busy;
}

/* Writes its rank on the links of its rings; who shares one with another's rings is not alone. */
static void
sign_rings(struct rank *rank, bool *alone)
{
    const struct sm_platform_worker *worker = rank->worker;
    sg_link_t *links;
    for (size_t i = 0; i < worker->ring_count; i++)
        for (size_t d = 0; d < worker->devices; d++)
            for (size_t hops = ring_route(rank, &worker->rings[i], d, &links); hops > 0; hops--) {
                const struct rank *owner = sg_link_get_data(links[hops - 1]);
                if (owner != NULL && owner != rank && sg_link_is_shared(links[hops - 1]))
                    alone[owner->comm.rank] = alone[rank->comm.rank] = false;
                sg_link_set_data(links[hops - 1], rank);
            }
}

/* Nor is who shares one with its own messages to or from another rank. */
static void
check_message(const struct rank *from, const struct rank *to, bool *alone)
{
    sg_link_t *links;
    for (size_t hops = sm_simgrid_route(from->world, from->host, to->host, &links); hops > 0;
         hops--) {
        const struct rank *owner = sg_link_get_data(links[hops - 1]);
        if ((owner == from || owner == to) && sg_link_is_shared(links[hops - 1]))
            alone[owner->comm.rank] = false;
    }
}

/* alone (rank_count): whether nobody else uses the links between a rank's devices, and nothing
 * changes their speed. O(rank_count^2) routes. */
static void
find_alone(struct world *world, bool *alone)
{
    const size_t count = world->rank_count;
    bool some = false;
    for (size_t r = 0; r < count; r++) {
        const struct rank *rank = &world->ranks[r];
        alone[r] =
            rank->worker->devices > 1 && !world->request->platform->varies && !devices_busy(rank);
        some = some || alone[r];
    }
    if (!some)
        return;
    for (size_t r = 0; r < count; r++)
        sign_rings(&world->ranks[r], alone);
    for (size_t from = 0; from < count; from++)
        for (size_t to = 0; to < count; to++)
            if (from != to && (alone[from] || alone[to]))
                check_message(&world->ranks[from], &world->ranks[to], alone);
    for (size_t r = 0; r < count; r++)
        clear_rings(&world->ranks[r]);
}

/* The links of all rings, in order: what they are like, and which of them are one. Workers of one
 * hash take the same time. */
static uint64_t
hash_rings(const struct rank *rank)
{
    const struct sm_platform_worker *worker = rank->worker;
    uint64_t hash =
        sm_hash(&worker->devices, sizeof worker->devices, 2 * worker->ring_count + worker->trees);
    size_t met = 0;
    for (size_t i = 0; i < worker->ring_count; i++) {
        const struct sm_device_ring *ring = &worker->rings[i];
        hash = sm_hash(&ring->share, sizeof ring->share, hash);
        for (size_t d = 0; d < worker->devices; d++) {
            sg_link_t *links;
            const size_t hops = ring_route(rank, ring, d, &links);
            for (size_t k = 0; k < hops; k++) {
                uintptr_t index = (uintptr_t)sg_link_get_data(links[k]);
                if (index == 0) {
                    index = ++met;
                    sg_link_set_data(links[k], (void *)index);
                }
                const double like[] = {(double)index, sg_link_get_bandwidth(links[k]),
                                       sg_link_get_latency(links[k]), sg_link_is_shared(links[k])};
                hash = sm_hash(like, sizeof like, hash);
            }
            hash = sm_hash(&d, sizeof d, hash);
        }
    }
    clear_rings(rank);
    for (size_t d = 0; worker->trees && d < worker->devices; d++) /* they take other ways */
        for (size_t e = 0; e < worker->devices; e++) {
            sg_host_t from = rank->devices[d], to = rank->devices[e];
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
    const struct sm_device_ring *ring = &rank->worker->rings[0];
    rank->device_bandwidth = INFINITY;
    for (size_t d = 0; d < rank->worker->devices; d++) {
        sg_host_t from = ring_host(rank, ring, d), to = ring_host(rank, ring, d + 1);
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

static enum sm_status
players_init(struct rank *rank)
{
    const struct sm_platform_worker *worker = rank->worker;
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
    return SM_OK;
}

enum sm_status
sm_simgrid_devices_init(struct world *world)
{
    bool *alone = sm_arena_alloc(world->arena, world->rank_count, sizeof *alone);
    if (alone == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for the devices of %zu ranks", world->rank_count);
    find_alone(world, alone);
    for (size_t r = 0; r < world->rank_count; r++) {
        struct rank *rank = &world->ranks[r];
        if (rank->worker->devices > 1)
            SM_TRY(players_init(rank));
        if (alone[r] && (rank->kind = kind_of(rank)) == NULL)
            return SM_FAIL(SM_ERR_NOMEM, "no memory for a kind of devices");
    }
    return SM_OK;
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
    return ring_host(player->rank, player->ring, position);
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

enum { MOST_NEIGHBOURS = 3 };

/* Who is above and below a device in a tree: `others`, at most MOST_NEIGHBOURS. Returns how many.
 */
static size_t
tree_neighbours(size_t size, size_t tree, size_t device, size_t *others)
{
    const size_t x = sm_trees_position(size, tree, device);
    const size_t positions[MOST_NEIGHBOURS] = {x / 2, 2 * x, 2 * x + 1};
    size_t count = 0;
    for (size_t i = 0; i < MOST_NEIGHBOURS; i++)
        if (positions[i] >= 1 && positions[i] <= size)
            others[count++] = sm_trees_rank(size, tree, positions[i]);
    return count;
}

/* Half of the bytes up and down each edge of each tree at once, as pieces that follow each other
 * would; only the way through the other levels is still to come then. */
static enum sm_status
play_trees(const struct player *player)
{
    const size_t size = player->rank->worker->devices, me = player->position;
    const double half = round(player->bytes / SM_TREES);
    sg_comm_t receipts[SM_TREES * MOST_NEIGHBOURS];
    sg_host_t from[SM_TREES * MOST_NEIGHBOURS];
    void *payload[SM_TREES * MOST_NEIGHBOURS];
    size_t count = 0;
    for (size_t tree = 0; tree < SM_TREES; tree++) {
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
    return sm_simgrid_count(player->rank->world, device_host(player, player->position),
                            device_host(player, to), bytes, span);
}

static enum sm_status
count_trees(struct player *player, double bytes, const struct sm_trace_span *span)
{
    for (size_t tree = 0; tree < SM_TREES; tree++) {
        size_t others[MOST_NEIGHBOURS];
        const size_t neighbours =
            tree_neighbours(player->rank->worker->devices, tree, player->position, others);
        for (size_t i = 0; i < neighbours; i++)
            SM_TRY(count_device(player, others[i], round(bytes / SM_TREES), span));
    }
    return SM_OK;
}

enum sm_status
sm_simgrid_devices_count(struct rank *rank, enum device_part part, double bytes,
                         const struct sm_trace_span *span)
{
    const struct sm_platform_worker *worker = rank->worker;
    if (rank->world->loads == NULL)
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
    for (size_t d = 0; rank->world->mortal && d < worker->devices; d++)
        if (!sm_simgrid_sends(rank->devices[d])) /* SimGrid starts no actor there */
            return sm_simgrid_died(rank->world, rank->devices[d], rank->devices[d]);
    size_t count = worker->ring_count * worker->devices;
    const bool trees = takes_trees(rank, part, bytes);
    for (size_t i = 0; i < count; i++) {
        struct player *player = &rank->players[i];
        player->part = part;
        player->trees = trees;
        player->bytes = round(bytes * player->ring->share);
        sg_actor_t actor = sg_actor_init("device", device_host(player, player->position));
        sg_actor_set_data(actor, player);
        sg_actor_start(actor, player_main, 0, NULL);
    }
    for (size_t i = 0; i < count; i++)
        sg_sem_acquire(rank->played);
    if (trees)
        sg_actor_sleep_for((2 * (double)sm_trees_depth(worker->devices) - 1) *
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
