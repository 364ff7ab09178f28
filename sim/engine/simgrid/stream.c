/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/engine/simgrid/stream.c -- all-reduces, each rank's in the order posted.
 *
 * Among all devices of all workers a rank plays three parts: its devices' reduce-scatter, its part
 * between workers, its devices' all-gather.
 * The numbers are computed once, in rank order, when the last rank joins; the collective decides
 * the seconds. It is played message by message (exact), or, where each step uses the same edges and
 * flow.c allows it, as one flow an edge (fluid). Which collective it is may depend on the bytes:
 * each size has its plan.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "sim/engine/simgrid/world.h"

/* How all-reduces of so many bytes are played. */
struct plan {
    const struct sm_collective *collective;
    struct sm_collective_call call;
    bool fluid;
    double *sent; /* (size) bytes that each rank sends; < 0: not yet known */
};
enum { PLANS = 32 }; /* buckets of several sizes */

/* The all-reduces among workers. */
struct streams {
    const struct sm_collective *collective; /* as it was asked for */
    bool fluid;                             /* what may be played so, is */
    struct sm_collective_call call;         /* without bytes */
    struct sm_collective_sites sites;       /* of the call, where there are any */
    struct plan plans[PLANS];               /* the last ones */
    size_t plan_count;                      /* so far */
    bool *used;                             /* (collectives in the axis) */
    /* the one under way */
    size_t arrived, n;
    float **x; /* (size) of n floats */
};

/* Bytes/s of the narrowest link that two routes from site to site share; 0: they share none. */
static double
trunk_bandwidth(const struct world *world, size_t group)
{
    double narrowest = 0;
    sg_link_t *links;
    for (int turn = 0; turn < 3; turn++) { /* mark one route, look at the other, leave no mark */
        const size_t i = turn == 1, hops = sm_simgrid_route(world, world->ranks[i].host,
                                                            world->ranks[group + i].host, &links);
        for (size_t k = 0; k < hops; k++) {
            const double bandwidth = sg_link_get_bandwidth(links[k]);
            if (turn != 1)
                sg_link_set_data(links[k], turn == 0 ? links : NULL);
            else if (sg_link_get_data(links[k]) != NULL && sg_link_is_shared(links[k]) &&
                     (narrowest == 0 || bandwidth < narrowest))
                narrowest = bandwidth;
        }
    }
    return narrowest * world->transport.collective_efficiency;
}

/* What a schedule that tunes itself counts with: the slowest edges round the ring, in sites and
 * between them. */
static void
measure_network(struct world *world)
{
    struct streams *streams = world->streams;
    struct sm_collective_call *call = &streams->call;
    struct sm_collective_network near = {0, INFINITY}, far = {0, INFINITY};
    for (size_t r = 0; r < world->size; r++) {
        const bool between = call->group > 0 && r % call->group == 0;
        struct sm_collective_network *network = between ? &far : &near;
        const struct sm_collective_network edge = sm_simgrid_edge(world, r);
        network->latency = fmax(network->latency, edge.latency);
        network->bandwidth = fmin(network->bandwidth, edge.bandwidth);
    }
    call->latency = fmax(near.latency, far.latency);
    call->bandwidth = fmin(near.bandwidth, far.bandwidth);
    if (call->group == 0)
        return;
    streams->sites = (struct sm_collective_sites){near, far, trunk_bandwidth(world, call->group)};
    call->sites = &streams->sites;
}

static bool
plays_fluid(const struct world *world)
{
    const struct sm_collective_settings *settings = world->request->collective.settings;
    return world->streams->collective->about.params == sm_collective_params &&
           strcmp(settings->play, "fluid") == 0;
}

enum sm_status
sm_simgrid_streams_init(struct world *world)
{
    const size_t size = world->size;
    struct streams *streams = sm_arena_zalloc(world->arena, 1, sizeof *streams);
    if (streams == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for the all-reduces of %zu ranks", size);
    world->streams = streams;
    size_t collectives = 0;
    while (sm_axis_collective.plugins[collectives] != NULL)
        collectives++;
    streams->collective = (const struct sm_collective *)world->request->collective.plugin;
    streams->call =
        (struct sm_collective_call){.size = size,
                                    .group = sm_platform_group(world->request->platform, size),
                                    .settings = world->request->collective.settings};
    streams->x = sm_arena_zalloc(world->arena, size, sizeof *streams->x);
    streams->used = sm_arena_zalloc(world->arena, collectives, sizeof *streams->used);
    if (streams->x == NULL || streams->used == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for the all-reduces of %zu ranks", size);
    if (streams->collective->check != NULL)
        SM_TRY(streams->collective->check(&streams->call));
    if (size == 1)
        return SM_OK;
    world->barrier = sg_barrier_init((unsigned)size);
    streams->fluid = plays_fluid(world) && sm_simgrid_flows_fit(world);
    if (!streams->fluid && streams->collective->same_edges)
        return SM_OK;
    SM_TRY(sm_simgrid_flows_init(world));
    if (!streams->collective->same_edges)
        measure_network(world);
    return SM_OK;
}

/* The plan for so many bytes; NULL: no memory. It stays until many others were asked for. */
static struct plan *
plan_of(struct world *world, double bytes)
{
    struct streams *streams = world->streams;
    const size_t kept = streams->plan_count < PLANS ? streams->plan_count : PLANS;
    for (size_t i = 0; i < kept; i++)
        if (streams->plans[i].call.bytes == bytes)
            return &streams->plans[i];
    struct plan *plan = &streams->plans[streams->plan_count % PLANS];
    double *sent = plan->sent;
    if (sent == NULL)
        sent = sm_arena_alloc(world->arena, world->size, sizeof *sent);
    if (sent == NULL)
        return NULL;
    for (size_t r = 0; r < world->size; r++)
        sent[r] = -1;
    *plan = (struct plan){.collective = streams->collective, .call = streams->call, .sent = sent};
    plan->call.bytes = bytes;
    if (streams->collective == &sm_collective_auto) {
        plan->collective = sm_collective_choose(&plan->call);
        plan->call.settings = NULL;
    }
    plan->fluid = streams->fluid && plan->collective->same_edges;
    streams->plan_count++;
    for (size_t i = 0; sm_axis_collective.plugins[i] != NULL; i++)
        if (sm_axis_collective.plugins[i] == &plan->collective->about)
            streams->used[i] = true;
    return plan;
}

const char *
sm_simgrid_collectives(const struct world *world)
{
    struct streams *streams = world->streams; /* NULL: the run failed before there were any */
    const char *asked = world->request->collective.plugin->name, *list = NULL;
    if (streams == NULL || streams->collective != &sm_collective_auto)
        return asked;
    for (size_t i = 0; sm_axis_collective.plugins[i] != NULL; i++) {
        const char *name = sm_axis_collective.plugins[i]->name;
        if (streams->used[i])
            list = list == NULL ? name : sm_arena_printf(world->arena, "%s, %s", list, name);
    }
    return list == NULL ? asked : sm_arena_printf(world->arena, "%s (%s)", asked, list);
}

/* A rank joins; the last one computes the numbers and the plan of the flows. */
static enum sm_status
arrive(struct rank *rank, struct sm_request *request, const struct plan *plan, double chunk)
{
    struct world *world = rank->world;
    struct streams *streams = world->streams;
    if (world->failed) /* x of a rank that left is no longer there */
        return SM_FAIL(SM_ERR_ABORTED, "another rank failed");
    if (streams->arrived > 0 && request->n != streams->n)
        return SM_FAIL(SM_ERR_DOMAIN, "all-reduce %zu: rank %zu brings %zu floats, others %zu",
                       request->index, rank->comm.rank, request->n, streams->n);
    streams->n = request->n;
    streams->x[rank->comm.rank] = request->x;
    sm_simgrid_flow_joins(rank);
    if (++streams->arrived < world->size)
        return SM_OK;
    streams->arrived = 0;
    world->all_there = simgrid_get_clock();
    if (plan->fluid)
        sm_simgrid_flows_plan(world, plan->collective->steps(&plan->call), chunk);
    return sm_pool_mean(world->request->pool, world->size, streams->x, request->n);
}

/* The place of the next receipt: one, but for ranks with open steps. */
static struct receipt *
receipt_next(struct rank *rank)
{
    if (rank->receipt_count == rank->receipt_capacity) {
        struct sm_arena *arena = rank->world->arena;
        size_t capacity = rank->receipt_capacity == 0 ? 1 : 4 * rank->receipt_capacity;
        struct receipt *receipts = sm_arena_zalloc(arena, capacity, sizeof *receipts);
        if (receipts == NULL)
            return NULL;
        for (size_t i = 0; i < rank->receipt_count; i++)
            receipts[i] = rank->receipts[i];
        rank->receipts = receipts;
        rank->receipt_capacity = capacity;
    }
    struct receipt *receipt = &rank->receipts[rank->receipt_count];
    if (receipt->others == NULL && rank->world->rails > 1 &&
        (receipt->others = sm_arena_alloc(rank->world->arena, rank->world->rails - 1,
                                          sizeof *receipt->others)) == NULL)
        return NULL;
    rank->receipt_count++;
    return receipt;
}

enum sm_status
sm_simgrid_post_step(struct rank *rank, size_t to, double bytes, size_t from, double received,
                     sg_comm_t *kept)
{
    static void *nothing; /* schedules carry no payload */
    if (to != SM_NO_RANK)
        SM_TRY(sm_simgrid_post_send(rank, CHANNEL_REDUCE, to, NULL, bytes, kept));
    if (from == SM_NO_RANK)
        return SM_OK;
    struct receipt *receipt = receipt_next(rank);
    if (receipt == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for %zu messages", rank->receipt_count + 1);
    receipt->from = from;
    receipt->bytes = received;
    return sm_simgrid_post_receive(rank, CHANNEL_REDUCE, from, &nothing, &receipt->first,
                                   receipt->others);
}

enum sm_status
sm_simgrid_await(struct rank *rank, const struct receipt *receipt)
{
    if (!sm_simgrid_arrives(rank->world, receipt->first, receipt->others))
        return sm_simgrid_died_between(rank->world, receipt->from, rank->comm.rank);
    rank->world->moved = simgrid_get_clock();
    return SM_OK;
}

/* Tells a rank that one of its messages arrived. */
static void
take_from(struct rank *sender)
{
    if (sender->wants_taken) {
        sender->wants_taken = false;
        sg_sem_release(sender->more_taken);
    } else {
        sender->taken++;
    }
}

/* Waits until as many messages were taken as this rank sent. */
static void
await_taken(struct rank *rank)
{
    for (; rank->untaken > 0; rank->untaken--) {
        if (rank->taken > 0) {
            rank->taken--;
            continue;
        }
        if (rank->more_taken == NULL)
            rank->more_taken = sg_sem_init(0);
        rank->wants_taken = true;
        sg_sem_acquire(rank->more_taken);
    }
}

/* One step of a schedule. The copies of a chunk are charged where it comes in, both. */
static enum sm_status
exchange(void *arg, const struct exchange *step)
{
    struct rank *rank = arg;
    const struct world *world = rank->world;
    SM_TRY(sm_simgrid_post_step(rank, step->to,
                                round(step->sent / world->transport.collective_efficiency),
                                step->from, step->received, NULL));
    rank->untaken += step->waits && step->to != SM_NO_RANK;
    if (step->open)
        return SM_OK;
    for (size_t i = 0; i < rank->receipt_count; i++) {
        const struct receipt *receipt = &rank->receipts[i];
        SM_TRY(sm_simgrid_await(rank, receipt));
        if (world->transport.staging > 0)
            sg_actor_sleep_for(2 * sm_simgrid_copy_seconds(world, receipt->bytes));
        if (step->waits)
            take_from(&world->ranks[receipt->from]);
    }
    rank->receipt_count = 0;
    await_taken(rank);
    return SM_OK;
}

static enum sm_status
reduce_workers(struct rank *rank, struct sm_request *request, double bytes)
{
    struct world *world = rank->world;
    const struct plan *kept = plan_of(world, bytes);
    if (kept == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for the all-reduces of %zu ranks", world->size);
    const struct plan plan = *kept; /* others may be made meanwhile */
    double chunk = ceil(bytes / (double)plan.collective->chunks(&plan.call));
    SM_TRY(arrive(rank, request, &plan, chunk));
    if (bytes == 0) /* no messages, yet nobody has the numbers before the last rank joins */
        sg_barrier_wait(world->barrier);
    else if (plan.fluid)
        SM_TRY(sm_simgrid_flow_play(rank, chunk));
    else
        SM_TRY(sm_simgrid_play(plan.collective, &plan.call, rank->comm.rank, exchange, rank));
    request->all_there = world->all_there;
    return SM_OK;
}

static bool
among_workers(const struct rank *rank, const struct sm_request *request)
{
    return request->reach != SM_AMONG_DEVICES && rank->comm.size > 1;
}

static bool
among_devices(const struct rank *rank, const struct sm_request *request)
{
    return request->reach != SM_AMONG_WORKERS && rank->comm.devices > 1;
}

static enum sm_status
reduce(struct rank *rank, struct sm_request *request)
{
    double bytes = sm_comm_wire_bytes(&rank->comm, request->wire);
    const bool devices = among_devices(rank, request);
    if (rank->stream_free > simgrid_get_clock())
        sg_actor_sleep_until(rank->stream_free);
    if (!among_workers(rank, request))
        return sm_simgrid_devices_play(rank, DEVICES_ALL_REDUCE, bytes);
    if (devices)
        SM_TRY(sm_simgrid_devices_play(rank, DEVICES_REDUCE_SCATTER, bytes));
    SM_TRY(reduce_workers(rank, request, bytes));
    return devices ? sm_simgrid_devices_play(rank, DEVICES_ALL_GATHER, bytes) : SM_OK;
}

static enum sm_status
count_rank(void *arg, size_t to, double bytes, const struct sm_trace_span *span)
{
    const struct rank *rank = arg;
    return sm_simgrid_count_message(rank->world, rank->comm.rank, to, bytes, span);
}

/* The all-reduce that took the stream from t0 to t1 is done. */
static enum sm_status
note_reduce(struct rank *rank, const struct sm_request *request, double t0, double t1)
{
    struct world *world = rank->world;
    struct sm_trace *trace = world->request->trace;
    if (world->loads == NULL && !sm_trace_wants(trace, rank->comm.rank, request->mark))
        return SM_OK;
    const bool workers = among_workers(rank, request);
    const struct sm_trace_span span = {
        .name = workers ? "all-reduce" : "device all-reduce",
        .track = SM_TRACE_STREAM,
        .t0 = t0,
        .t1 = t1,
        .bytes = sm_comm_wire_bytes(&rank->comm, request->wire),
        .mark = request->mark,
    };
    if (workers && world->loads != NULL) {
        const struct plan *plan = plan_of(world, span.bytes);
        if (plan == NULL)
            return SM_FAIL(SM_ERR_NOMEM, "no memory for an all-reduce");
        SM_TRY(sm_simgrid_count_schedule(plan->collective, &plan->call, rank->comm.rank, count_rank,
                                         rank, &span));
    }
    return sm_trace_add_span(trace, rank->comm.rank, &span);
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
        const double t0 = fmax(simgrid_get_clock(), rank->stream_free);
        request->status = reduce(rank, request);
        if (request->status == SM_OK)
            request->status = note_reduce(rank, request, t0, simgrid_get_clock());
        if (request->status != SM_OK)
            sm_simgrid_fail(rank->world);
        request->done = true;
        rank->playing--;
        rank->ledger->reducing += simgrid_get_clock() - request->posted;
        sg_sem_release(rank->finished);
    }
}

/* What this rank sends of an all-reduce; < 0: no memory. */
static double
sent_bytes(struct rank *rank, double bytes)
{
    struct plan *plan = plan_of(rank->world, bytes);
    if (plan == NULL)
        return -1;
    double *sent = &plan->sent[rank->comm.rank];
    if (*sent >= 0)
        return *sent;
    const struct sm_collective_call *call = &plan->call;
    return *sent = sm_collective_sent_in_all(plan->collective, call, rank->comm.rank);
}

/* Where all before it have ended or have known ends, its own is known too. */
static bool
end_known(struct rank *rank, struct sm_request *request, double bytes, double *seconds)
{
    if (rank->playing > 0 || !sm_simgrid_devices_known(rank, DEVICES_ALL_REDUCE, bytes, seconds))
        return false;
    request->end = rank->stream_free = fmax(rank->stream_free, rank->time) + *seconds;
    return true;
}

enum sm_status
sm_simgrid_post(struct rank *rank, struct sm_request *request)
{
    const double bytes = sm_comm_wire_bytes(&rank->comm, request->wire);
    double seconds;
    request->index = rank->reductions;
    request->mark = sm_trace_now(rank->world->request->trace, rank->comm.rank);
    if (among_workers(rank, request)) {
        const double sent = sent_bytes(rank, bytes);
        if (sent < 0)
            return SM_FAIL(SM_ERR_NOMEM, "no memory for an all-reduce");
        rank->reductions++;
        rank->world->largest = fmax(rank->world->largest, bytes);
        rank->ledger->bytes_sent += sent;
    } else if (!among_devices(rank, request)) { /* the mean of one is what it was */
        request->done = true;
        return SM_OK;
    } else if (end_known(rank, request, bytes, &seconds)) {
        const struct sm_trace_span span = {
            .t0 = request->end - seconds, .t1 = request->end, .mark = request->mark};
        SM_TRY(sm_simgrid_devices_count(rank, DEVICES_ALL_REDUCE, bytes, &span));
        return note_reduce(rank, request, span.t0, span.t1);
    }
    sm_simgrid_settle(rank);
    rank->playing++;
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
    request->posted = simgrid_get_clock();
    request->next = NULL;
    *rank->queue_end = request;
    rank->queue_end = &request->next;
    sg_sem_release(rank->queued);
    return SM_OK;
}
