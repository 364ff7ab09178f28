/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/engine/simgrid/devices.c -- the all-reduce among a worker's own devices (NVLink).
 *
 * Each ring carries its share of the bytes, message by message, one actor a device and ring. Where
 * nobody outside the worker uses those links and nothing changes their speed, every repetition
 * takes as long as the first, so it is simulated once for each size and its seconds are kept.
 */
#include <math.h>
#include <stdio.h>
#include <xbt/dynar.h>

#include "sim/engine/simgrid/world.h"

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

/* Whether traffic of others is on a link of the rings. */
static bool
rings_busy(const struct rank *rank)
{
    const struct sm_platform_worker *worker = rank->worker;
    bool busy = false;
    for (size_t i = 0; rank->world->busy_count > 0 && i < worker->ring_count; i++)
        for (size_t d = 0; !busy && d < worker->devices; d++)
            busy = sm_simgrid_traffic_on(
                rank->world, sg_host_by_name(worker->hosts[worker->rings[i].order[d]]),
                sg_host_by_name(worker->hosts[worker->rings[i].order[(d + 1) % worker->devices]]));
    return busy;
}

static bool
links_private(struct rank *rank)
{
    bool alone = !rank->world->request->platform->varies && !rings_busy(rank);
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

enum sm_status
sm_simgrid_devices_init(struct rank *rank)
{
    const struct sm_platform_worker *worker = rank->worker;
    if (worker->devices < 2)
        return SM_OK;
    size_t count = worker->ring_count * worker->devices;
    rank->players = sm_arena_zalloc(rank->world->arena, count, sizeof *rank->players);
    if (rank->players == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for %zu devices", worker->devices);
    for (size_t i = 0; i < count; i++)
        rank->players[i] = (struct player){.rank = rank,
                                           .ring = &worker->rings[i / worker->devices],
                                           .ring_index = i / worker->devices,
                                           .position = i % worker->devices};
    rank->played = sg_sem_init(0);
    rank->devices_private = links_private(rank);
    return SM_OK;
}

static sg_mailbox_t
device_box(void *arg, size_t from, size_t to)
{
    const struct player *player = arg;
    char name[96];
    snprintf(name, sizeof name, "worker %zu, ring %zu from device %zu to %zu",
             player->rank->comm.rank, player->ring_index, player->ring->order[from],
             player->ring->order[to]);
    return sg_mailbox_by_name(name);
}

static sg_host_t
device_host(void *arg, size_t position)
{
    const struct player *player = arg;
    return sg_host_by_name(player->rank->worker->hosts[player->ring->order[position]]);
}

static void
player_main(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    struct player *player = sg_actor_self_get_data();
    struct rank *rank = player->rank;
    if (sm_simgrid_play(rank->world, &sm_collective_ring, rank->worker->devices, player->position,
                        player->bytes, device_box, device_host, player) != SM_OK)
        sm_simgrid_fail(rank->world);
    sg_sem_release(rank->played);
}

enum sm_status
sm_simgrid_devices_reduce(struct rank *rank, double bytes)
{
    const struct sm_platform_worker *worker = rank->worker;
    if (rank->devices_private && bytes == rank->device_bytes) {
        rank->time += rank->device_seconds;
        return SM_OK;
    }
    sm_simgrid_settle(rank);
    for (size_t d = 0; rank->world->mortal && d < worker->devices; d++) {
        sg_host_t host = sg_host_by_name(worker->hosts[d]);
        if (!sm_simgrid_sends(host)) /* SimGrid starts no actor there */
            return sm_simgrid_died(rank->world, host, host);
    }
    double start = simgrid_get_clock();
    size_t count = worker->ring_count * worker->devices;
    for (size_t i = 0; i < count; i++) {
        struct player *player = &rank->players[i];
        player->bytes = round(bytes * player->ring->share);
        sg_actor_t actor = sg_actor_init(
            "device", sg_host_by_name(worker->hosts[player->ring->order[player->position]]));
        sg_actor_set_data(actor, player);
        sg_actor_start(actor, player_main, 0, NULL);
    }
    struct sm_waiting *waiting = &rank->world->waiting[rank->comm.rank];
    *waiting = (struct sm_waiting){.kind = SM_WAIT_DEVICES, .since = start};
    for (size_t i = 0; i < count; i++)
        sg_sem_acquire(rank->played);
    waiting->kind = SM_WAIT_NOT;
    rank->device_bytes = bytes;
    rank->time = simgrid_get_clock();
    rank->device_seconds = rank->time - start;
    return SM_OK;
}
