/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/engine/simgrid/devices.c -- the all-reduce among a worker's own devices (NVLink), or one half
 * of it.
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

static bool
links_private(struct rank *rank)
{
    bool alone = !rank->world->request->platform->varies;
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
    rank->devices_private = links_private(rank);
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

static enum sm_status
exchange(void *arg, const struct exchange *step)
{
    struct player *player = arg;
    if (step->to != SM_NO_RANK)
        player->kept[player->kept_count++] =
            sm_simgrid_send_kept(device_box(player, player->position, step->to), NULL, step->sent);
    if (step->from != SM_NO_RANK)
        return sm_simgrid_receive(device_box(player, step->from, player->position));
    return SM_OK;
}

static void
player_main(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    struct player *player = sg_actor_self_get_data();
    struct rank *rank = player->rank;
    static const struct sm_collective *const parts[] = {
        [DEVICES_ALL_REDUCE] = &sm_collective_ring,
        [DEVICES_REDUCE_SCATTER] = &sm_collective_ring_reduce_scatter,
        [DEVICES_ALL_GATHER] = &sm_collective_ring_all_gather,
    };
    const struct sm_collective_call call = {.size = rank->worker->devices, .bytes = player->bytes};
    if (sm_simgrid_play(parts[player->part], &call, player->position, exchange, player) != SM_OK)
        sm_simgrid_fail(rank->world);
    for (size_t i = 0; i < player->kept_count && !rank->world->failed; i++)
        sg_comm_wait(player->kept[i]); /* its receiver tells if it failed */
    player->kept_count = 0;
    sg_sem_release(rank->played);
}

bool
sm_simgrid_devices_known(const struct rank *rank, enum device_part part, double bytes,
                         double *seconds)
{
    size_t kept = rank->device_time_count < DEVICE_TIMES ? rank->device_time_count : DEVICE_TIMES;
    for (size_t i = 0; i < kept; i++)
        if (rank->device_times[i].part == part && rank->device_times[i].bytes == bytes) {
            *seconds = rank->device_times[i].seconds;
            return true;
        }
    return false;
}

enum sm_status
sm_simgrid_devices_play(struct rank *rank, enum device_part part, double bytes)
{
    const struct sm_platform_worker *worker = rank->worker;
    double seconds;
    if (sm_simgrid_devices_known(rank, part, bytes, &seconds)) {
        sg_actor_sleep_for(seconds);
        return SM_OK;
    }
    double start = simgrid_get_clock();
    size_t count = worker->ring_count * worker->devices;
    for (size_t i = 0; i < count; i++) {
        struct player *player = &rank->players[i];
        player->part = part;
        player->bytes = round(bytes * player->ring->share);
        sg_actor_t actor = sg_actor_init(
            "device", sg_host_by_name(worker->hosts[player->ring->order[player->position]]));
        sg_actor_set_data(actor, player);
        sg_actor_start(actor, player_main, 0, NULL);
    }
    for (size_t i = 0; i < count; i++)
        sg_sem_acquire(rank->played);
    if (rank->devices_private)
        rank->device_times[rank->device_time_count++ % DEVICE_TIMES] =
            (struct device_time){part, bytes, simgrid_get_clock() - start};
    return SM_OK;
}
