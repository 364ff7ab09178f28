/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/engine/simgrid/stream.c -- all-reduces, each rank's in the order posted.
 *
 * The numbers are computed once, in rank order, when the last rank joins; the collective decides
 * the seconds. It is played message by message (exact), or as one flow per edge where each step
 * uses the same edges and no two edges share a link (fluid): the flow carries the bytes of all
 * steps, and the latency of the steps after the first is slept. A flow's plan counts with the speed
 * of an idle link, so where speeds change while time passes, or others use a link of the ring, it
 * is played exactly.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <xbt/dynar.h>

#include "sim/engine/simgrid/world.h"

/* Whether two edges of the ring use one link that they would have to share. */
static bool
edges_share_links(struct world *world)
{
    bool shared = false;
    for (int mark = 1; mark >= 0; mark--) /* mark the links, then leave no mark */
        for (size_t r = 0; r < world->size && !(mark && shared); r++) {
            size_t before = r > 0 ? r - 1 : world->size - 1;
            xbt_dynar_t route = xbt_dynar_new(sizeof(sg_link_t), NULL);
            sg_host_get_route(world->ranks[before].host, world->ranks[r].host, route);
            for (unsigned long i = 0; i < xbt_dynar_length(route); i++) {
                sg_link_t link = xbt_dynar_get_as(route, i, sg_link_t);
                if (mark && sg_link_is_shared(link) && sg_link_get_data(link) != NULL)
                    shared = true;
                sg_link_set_data(link, mark ? world : NULL);
            }
            xbt_dynar_free_container(&route);
        }
    return shared;
}

enum sm_status
sm_simgrid_streams_init(struct world *world)
{
    size_t size = world->size;
    const struct sm_collective_settings *settings = world->request->collective.settings;
    world->collective = (const struct sm_collective *)world->request->collective.plugin;
    world->x = sm_arena_zalloc(world->arena, size, sizeof *world->x);
    world->edges = sm_arena_zalloc(world->arena, size, sizeof *world->edges);
    world->latency = sm_arena_zalloc(world->arena, size, sizeof(double));
    world->bandwidth = sm_arena_zalloc(world->arena, size, sizeof(double));
    world->work = sm_arena_zalloc(world->arena, 2 * size, sizeof(double));
    if (world->x == NULL || world->edges == NULL || world->latency == NULL ||
        world->bandwidth == NULL || world->work == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for the all-reduces of %zu ranks", size);
    if (size == 1)
        return SM_OK;
    world->barrier = sg_barrier_init((unsigned)size);
    world->fluid = strcmp(settings->play, "fluid") == 0 && world->collective->same_edges &&
                   !world->request->platform->varies && !edges_share_links(world);
    for (size_t r = 0; world->fluid && r < size; r++)
        world->fluid = !sm_simgrid_traffic_on(world, world->ranks[r > 0 ? r - 1 : size - 1].host,
                                              world->ranks[r].host);
    for (size_t r = 0; world->fluid && r < size; r++) {
        sg_host_t before = world->ranks[r > 0 ? r - 1 : size - 1].host;
        world->latency[r] = sg_host_get_route_latency(before, world->ranks[r].host);
        world->bandwidth[r] = sg_host_get_route_bandwidth(before, world->ranks[r].host);
    }
    return SM_OK;
}

/* A rank joins; the last one computes the numbers and the plan of the flows. */
static enum sm_status
arrive(struct rank *rank, struct sm_request *request, double chunk)
{
    struct world *world = rank->world;
    double now = simgrid_get_clock();
    if (world->failed) /* x of a rank that left is no longer there */
        return SM_FAIL(SM_ERR_ABORTED, "another rank failed");
    if (world->arrived > 0 && request->n != world->n)
        return SM_FAIL(SM_ERR_DOMAIN, "all-reduce %zu: rank %zu brings %zu floats, others %zu",
                       request->index, rank->comm.rank, request->n, world->n);
    world->n = request->n;
    world->x[rank->comm.rank] = request->x;
    world->edges[rank->comm.rank].arrival = now;
    if (++world->arrived < world->size)
        return SM_OK;
    world->arrived = 0;
    world->all_there = now;
    if (world->fluid) {
        for (size_t r = 0; r < world->size; r++)
            world->edges[r].message = world->latency[r] + chunk / world->bandwidth[r];
        sm_fluid_plan(world->size, world->collective->steps(world->size), world->edges,
                      world->work);
    }
    return sm_pool_mean(world->request->pool, world->size, world->x, request->n);
}

static enum sm_status
play_fluid(struct rank *rank, double chunk)
{
    struct world *world = rank->world;
    size_t r = rank->comm.rank, size = world->size;
    sg_mailbox_t out = sm_simgrid_box(world, CHANNEL_REDUCE, r, (r + 1) % size);
    sg_mailbox_t in = sm_simgrid_box(world, CHANNEL_REDUCE, r > 0 ? r - 1 : size - 1, r);
    if (out == NULL || in == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for mailboxes");
    sg_barrier_wait(world->barrier);
    sm_simgrid_send(out, NULL, round(world->edges[(r + 1) % size].remaining * chunk));
    SM_TRY(sm_simgrid_receive(world, in, world->ranks[r > 0 ? r - 1 : size - 1].host));
    double later = (world->edges[r].remaining - 1) * world->latency[r] + world->edges[r].pause;
    if (later > 0)
        sg_actor_sleep_for(later);
    sg_barrier_wait(world->barrier); /* it ends for all when its slowest edge is done */
    return SM_OK;
}

static sg_mailbox_t
reduce_box(void *arg, size_t from, size_t to)
{
    return sm_simgrid_box(arg, CHANNEL_REDUCE, from, to);
}

static sg_host_t
reduce_host(void *arg, size_t rank)
{
    return ((struct world *)arg)->ranks[rank].host;
}

static enum sm_status
reduce(struct rank *rank, struct sm_request *request)
{
    struct world *world = rank->world;
    double bytes = sm_comm_wire_bytes(&rank->comm, request->wire);
    double chunk = ceil(bytes / (double)world->collective->chunks(world->size));
    SM_TRY(arrive(rank, request, chunk));
    if (world->fluid)
        SM_TRY(play_fluid(rank, chunk));
    else
        SM_TRY(sm_simgrid_play(world, world->collective, world->size, rank->comm.rank, bytes,
                               reduce_box, reduce_host, world));
    request->all_there = world->all_there;
    return SM_OK;
}

static void
stream_main(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    struct rank *rank = sg_actor_self_get_data();
    sg_actor_daemonize(sg_actor_self()); /* it ends with the last rank */
    for (;;) {
        sg_sem_acquire(rank->queued);
        struct sm_request *request = rank->queue;
        rank->queue = request->next;
        if (rank->queue == NULL)
            rank->queue_end = &rank->queue;
        request->status = reduce(rank, request);
        if (request->status != SM_OK)
            sm_simgrid_fail(rank->world);
        request->done = true;
        sg_sem_release(rank->finished);
    }
}

/* What this rank sends of an all-reduce; the last size is remembered. */
static double
sent_bytes(struct rank *rank, double bytes)
{
    const struct sm_collective *collective = rank->world->collective;
    if (bytes != rank->reduce_bytes) {
        size_t size = rank->comm.size, chunks = collective->chunks(size);
        rank->reduce_bytes = bytes;
        rank->reduce_sent = 0;
        for (size_t i = 0; i < collective->steps(size); i++) {
            struct sm_collective_step step;
            collective->step(size, rank->comm.rank, i, &step);
            if (step.send_to != SM_NO_RANK)
                rank->reduce_sent +=
                    sm_collective_bytes(bytes, chunks, step.send_first, step.send_count);
        }
    }
    return rank->reduce_sent;
}

enum sm_status
sm_simgrid_post(struct rank *rank, struct sm_request *request)
{
    request->index = rank->reductions++;
    request->done = rank->comm.size == 1; /* the mean of one is what it was */
    if (request->done)
        return SM_OK;
    rank->world->largest =
        fmax(rank->world->largest, sm_comm_wire_bytes(&rank->comm, request->wire));
    rank->ledger->bytes_sent += sent_bytes(rank, sm_comm_wire_bytes(&rank->comm, request->wire));
    if (rank->queued == NULL) {
        rank->queued = sg_sem_init(0);
        rank->finished = sg_sem_init(0);
        rank->queue_end = &rank->queue;
        char name[32];
        snprintf(name, sizeof name, "stream %zu", rank->comm.rank);
        sg_actor_t stream = sg_actor_init(name, rank->host);
        sg_actor_set_data(stream, rank);
        sg_actor_start(stream, stream_main, 0, NULL);
    }
    request->next = NULL;
    *rank->queue_end = request;
    rank->queue_end = &request->next;
    sg_sem_release(rank->queued);
    return SM_OK;
}
