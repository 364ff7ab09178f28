/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/engine/simgrid/simgrid.c -- comm.h on SimGrid's clock and contended links. */
#include <malloc.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sim/base/text.h"
#include "sim/engine/simgrid/world.h"

/* Ranks from which on handles of messages are kept; and up to which the page behind each stack is
 * guarded, for each guard is two mappings of the 65530 that Linux gives a process. */
enum { CROWD = 256, GUARDED = 4096 };

static struct rank *
rank_of(struct sm_comm *comm)
{
    return (struct rank *)comm;
}

static double
simgrid_now(struct sm_comm *comm)
{
    return rank_of(comm)->time;
}

/* Whether this rank should stop: another failed, or the user said so. */
static enum sm_status
check_running(const struct world *world)
{
    if (world->failed)
        return SM_FAIL(SM_ERR_ABORTED, "another rank failed");
    if (world->request->interrupted != NULL && *world->request->interrupted)
        return SM_FAIL(SM_ERR_INTERRUPTED, "interrupted");
    return SM_OK;
}

/* The rank's own time runs ahead; SimGrid is asked to wait only where somebody could notice: for a
 * message, or to let other ranks hand in their jobs. */
static enum sm_status
simgrid_compute(struct sm_comm *comm, enum sm_stage stage, double seconds, double flop,
                const struct sm_job *job)
{
    struct rank *rank = rank_of(comm);
    struct sm_pool *pool = rank->world->request->pool;
    SM_TRY(check_running(rank->world));
    double t0 = rank->time;
    if (job != NULL) {
        sm_pool_submit(pool, &rank->task, job);
        rank->working = true;
    }
    rank->time += seconds;
    if (rank->world->request->platform->varies && flop > 0) {
        sm_simgrid_settle(rank); /* how long it takes depends on when */
        sg_actor_execute(flop * rank->slowdown);
        rank->time = simgrid_get_clock();
    } else {
        rank->time += flop / comm->speed;
    }
    if (job != NULL) {
        if (rank->time > simgrid_get_clock())
            sm_simgrid_settle(rank);
        else
            sg_actor_yield();
        rank->working = false;
        SM_TRY(sm_pool_join(pool, &rank->task));
    }
    return sm_simgrid_account(rank, stage, t0, rank->time);
}

static struct envelope *
envelope_new(struct world *world, struct sm_parcel *parcel, size_t to, double bytes)
{
    struct envelope *envelope = world->envelopes;
    if (envelope != NULL)
        world->envelopes = envelope->next;
    else if ((envelope = sm_arena_alloc(world->arena, 1, sizeof *envelope)) == NULL)
        return NULL;
    *envelope = (struct envelope){NULL, simgrid_get_clock(), parcel, to, bytes, NULL};
    sm_parcel_hold(parcel);
    return envelope;
}

static void
envelope_free(struct world *world, struct envelope *envelope)
{
    envelope->next = world->envelopes;
    world->envelopes = envelope;
}

/* Lets go of the handles of messages that were taken. */
static void
let_go(struct rank *rank)
{
    for (struct envelope *envelope; (envelope = rank->arrived) != NULL;) {
        rank->arrived = envelope->next;
        sg_comm_wait(envelope->kept); /* it is there, so this takes no time */
        envelope_free(rank->world, envelope);
    }
}

static enum sm_status
simgrid_isend(struct sm_comm *comm, size_t to, struct sm_parcel *parcel)
{
    struct rank *rank = rank_of(comm);
    sm_simgrid_settle(rank);
    let_go(rank);
    if (rank->world->survives && !sm_simgrid_may_send(rank, to)) {
        rank->ledger->bytes_sent += sm_comm_wire_bytes(comm, parcel->wire);
        return SM_OK;
    }
    double bytes = sm_comm_wire_bytes(comm, parcel->wire);
    struct envelope *envelope = envelope_new(rank->world, parcel, to, bytes);
    if (envelope == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for a message");
    rank->ledger->bytes_sent += bytes;
    rank->world->largest = fmax(rank->world->largest, bytes);
    rank->world->in_flight++;
    sm_simgrid_disturb(rank->world);
    if (rank->world->transport.staging > 0) {
        sm_simgrid_stage(rank, envelope);
        return SM_OK;
    }
    /* a watcher that waits in the receiver's place cannot let go of a message with a handle */
    bool watched = rank->world->ranks[to].watches;
    return sm_simgrid_post_send(rank, CHANNEL_MESSAGE, to, envelope,
                                sm_simgrid_wire_bytes(rank->world, bytes),
                                watched ? NULL : &envelope->kept);
}

/* Makes room for the receipts of the other rails, which stays with the request. */
static struct sm_request *
request_new(struct rank *rank)
{
    struct sm_request *request = rank->spare;
    if (request != NULL)
        rank->spare = request->next;
    else
        request = sm_arena_zalloc(rank->world->arena, 1, sizeof *request);
    if (request != NULL && request->others == NULL && rank->world->rails > 1)
        request->others =
            sm_arena_alloc(rank->world->arena, rank->world->rails - 1, sizeof *request->others);
    return request;
}

static enum sm_status
simgrid_irecv(struct sm_comm *comm, size_t from, struct sm_parcel **parcel, struct sm_request **out)
{
    struct rank *rank = rank_of(comm);
    sm_simgrid_settle(rank);
    struct sm_request *request = request_new(rank);
    if (request == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for a receipt");
    *request = (struct sm_request){.kind = RECEIVE,
                                   .from = from,
                                   .parcel = parcel,
                                   .posted = rank->time,
                                   .others = request->others};
    *out = request;
    if (rank->world->survives && !sm_simgrid_may_receive(rank, request))
        return SM_OK;
    enum sm_status posted = sm_simgrid_post_receive(rank, CHANNEL_MESSAGE, from, &request->envelope,
                                                    &request->comm, request->others);
    if (posted != SM_OK) {
        rank->world->waiting[comm->rank] =
            (struct sm_waiting){.kind = SM_WAIT_MESSAGE, .peer = from, .since = rank->time};
        return posted;
    }
    return rank->watches ? sm_simgrid_watch(rank, request) : SM_OK;
}

static enum sm_status
simgrid_iallreduce(struct sm_comm *comm, enum sm_reach reach, float *x, size_t n, double wire,
                   struct sm_request **out)
{
    struct rank *rank = rank_of(comm);
    if (comm->rank >= comm->size && reach != SM_AMONG_DEVICES)
        return SM_FAIL(SM_ERR_DOMAIN,
                       "rank %zu is a server; all-reduces are among the %zu that train", comm->rank,
                       comm->size);
    struct sm_request *request = request_new(rank);
    if (request == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for an all-reduce");
    *request = (struct sm_request){
        .kind = REDUCE, .others = request->others, .reach = reach, .x = x, .n = n, .wire = wire};
    *out = request;
    return sm_simgrid_post(rank, request);
}

static bool
message_arrives(struct rank *rank, struct sm_request *request)
{
    if (!request->watched && !request->done)
        return sm_simgrid_arrives(rank->world, request->comm, request->others);
    while (!request->done)
        sm_simgrid_sleep(rank);
    return request->status == SM_OK;
}

/* The message was on its way since both sides were there. With a trace for a file all receipts are
 * watched, so that it is known when it came; else it ends when the rank notices it. */
static enum sm_status
note_message(struct rank *rank, const struct sm_request *request, const struct envelope *envelope)
{
    struct world *world = rank->world;
    struct sm_trace *trace = world->request->trace;
    if (world->loads == NULL && !*rank->traced)
        return SM_OK;
    const struct sm_trace_span span = {
        .name = "message",
        .track = SM_TRACE_MESSAGE,
        .t0 = fmax(envelope->sent, request->posted),
        .t1 = request->done ? request->arrived : simgrid_get_clock(),
        .bytes = envelope->bytes,
        .from = request->from,
        .mark = sm_trace_now(trace, rank->comm.rank),
    };
    SM_TRY(sm_simgrid_count_message(world, request->from, rank->comm.rank, span.bytes, &span));
    return sm_trace_add_span(trace, rank->comm.rank, &span);
}

/* Takes the parcel over; *there is when its sender had sent it. */
static enum sm_status
finish_receive(struct rank *rank, struct sm_request *request, double *there)
{
    const bool arrived = message_arrives(rank, request);
    if (rank->world->survives)
        sm_simgrid_received(request);
    if (!arrived && rank->world->survives)
        return sm_simgrid_lost_message(rank, request);
    if (!arrived)
        return sm_simgrid_died_between(rank->world, request->from, rank->comm.rank);
    struct envelope *envelope = request->envelope;
    rank->world->in_flight--;
    SM_TRY(note_message(rank, request, envelope));
    *there = envelope->sent;
    *request->parcel = envelope->parcel;
    if (envelope->kept != NULL) {
        struct rank *sender = &rank->world->ranks[request->from];
        envelope->next = sender->arrived;
        sender->arrived = envelope;
    } else {
        envelope_free(rank->world, envelope);
    }
    return SM_OK;
}

static enum sm_status
finish_reduce(struct rank *rank, struct sm_request *request, double *there)
{
    if (request->end > 0) { /* it asked for nothing of SimGrid's */
        *there = rank->time;
        rank->time = fmax(rank->time, request->end);
        return SM_OK;
    }
    while (!request->done) /* each release stands for one that ended, perhaps an earlier one */
        sg_sem_acquire(rank->finished);
    *there = request->all_there;
    if (request->status != SM_OK)
        return SM_FAIL(SM_ERR_ABORTED, "an all-reduce failed");
    return SM_OK;
}

/* Blocks until the request is done, which the rank has waited for since its own time, and ends it.
 * What is waited for was posted already, so it comes in no later if that time is let pass while
 * waiting. */
static enum sm_status
finish(struct rank *rank, struct sm_request **handle)
{
    struct sm_request *request = *handle;
    *handle = NULL;
    const bool devices = request->kind == REDUCE && request->reach == SM_AMONG_DEVICES;
    double t0 = rank->time, there = t0;
    const enum sm_status status = request->kind == RECEIVE ? finish_receive(rank, request, &there)
                                                           : finish_reduce(rank, request, &there);
    if (status != SM_OK && status != SM_ERR_LOST && status != SM_ERR_GONE)
        return status;
    rank->world->waiting[rank->comm.rank].kind = SM_WAIT_NOT;
    rank->world->moved = simgrid_get_clock();
    request->next = rank->spare;
    rank->spare = request;

    /* until the last rank was there this one was idle; after that it waited for bytes */
    double t1 = rank->time = fmax(rank->time, simgrid_get_clock());
    if (devices)
        return sm_simgrid_account(rank, SM_STAGE_DEVICES, t0, t1);
    double middle = there < t0 ? t0 : there > t1 ? t1 : there;
    SM_TRY(sm_simgrid_account(rank, SM_STAGE_IDLE, t0, middle));
    SM_TRY(sm_simgrid_account(rank, SM_STAGE_COMMUNICATION, middle, t1));
    return status;
}

static enum sm_status
simgrid_wait(struct sm_comm *comm, struct sm_request **handle)
{
    struct rank *rank = rank_of(comm);
    const struct sm_request *request = *handle;
    if (request == NULL)
        return SM_OK;
    rank->world->waiting[comm->rank] =
        (struct sm_waiting){request->kind == RECEIVE             ? SM_WAIT_MESSAGE
                            : request->reach == SM_AMONG_DEVICES ? SM_WAIT_DEVICES
                                                                 : SM_WAIT_COLLECTIVE,
                            request->from, rank->time, request->index};
    return finish(rank, handle);
}

/* Of the receipts that are done the one that was first; count: none is. */
static size_t
first_done(struct sm_request *const *requests, size_t count)
{
    size_t first = count;
    for (size_t i = 0; i < count; i++)
        if (requests[i] != NULL && requests[i]->done &&
            (first == count || requests[i]->arrived < requests[first]->arrived))
            first = i;
    return first;
}

/* A rank that asks once will ask again, so from then on its receipts are watched when posted.
 * Before that they are not: each takes an actor, and a rank may have one from every other. */
static enum sm_status
simgrid_wait_any(struct sm_comm *comm, struct sm_request **requests, size_t count, size_t *which)
{
    struct rank *rank = rank_of(comm);
    rank->world->waiting[comm->rank] =
        (struct sm_waiting){.kind = SM_WAIT_ANY, .since = rank->time};
    rank->watches = true;
    SM_TRY(sm_simgrid_look(rank, requests, count));
    while ((*which = first_done(requests, count)) == count)
        sm_simgrid_sleep(rank);
    return finish(rank, &requests[*which]);
}

static enum sm_status
simgrid_test(struct sm_comm *comm, struct sm_request **handle, bool *done)
{
    struct rank *rank = rank_of(comm);
    sm_simgrid_settle(rank);
    struct sm_request *request = *handle;
    *done = request == NULL || request->done;
    if (*done || request->kind == REDUCE) {
        *done = *done || (request->end > 0 && request->end <= rank->time);
        return SM_OK;
    }
    if (request->watched || rank->world->rails > 1 || rank->world->request->platform->varies) {
        SM_TRY(sm_simgrid_look(rank, handle, 1));
    } else if (sg_comm_test(request->comm)) { /* which takes the handle away when it says yes */
        request->arrived = simgrid_get_clock();
        request->done = true;
    }
    *done = request->done;
    return SM_OK;
}

static enum sm_status
simgrid_reduce_devices(struct sm_comm *comm, size_t n)
{
    struct rank *rank = rank_of(comm);
    if (comm->devices < 2)
        return SM_OK;
    struct sm_request *request = NULL;
    if (rank->playing > 0 || rank->stream_free > rank->time) {
        SM_TRY(simgrid_iallreduce(comm, SM_AMONG_DEVICES, NULL, 0, (double)n, &request));
        return simgrid_wait(comm, &request);
    }
    double t0 = rank->time, bytes = sm_comm_wire_bytes(comm, (double)n), seconds;
    if (sm_simgrid_devices_known(rank, DEVICES_ALL_REDUCE, bytes, &seconds)) {
        rank->time += seconds;
        SM_TRY(sm_simgrid_devices_count(
            rank, DEVICES_ALL_REDUCE, bytes,
            &(struct sm_trace_span){.t0 = t0,
                                    .t1 = rank->time,
                                    .mark =
                                        sm_trace_now(rank->world->request->trace, comm->rank)}));
    } else {
        sm_simgrid_settle(rank);
        SM_TRY(sm_simgrid_devices_play(rank, DEVICES_ALL_REDUCE, bytes));
        rank->time = simgrid_get_clock();
    }
    return sm_simgrid_account(rank, SM_STAGE_DEVICES, t0, rank->time);
}

static const struct sm_comm_ops simgrid_ops = {
    .now = simgrid_now,
    .compute = simgrid_compute,
    .isend = simgrid_isend,
    .irecv = simgrid_irecv,
    .iallreduce = simgrid_iallreduce,
    .wait = simgrid_wait,
    .wait_any = simgrid_wait_any,
    .test = simgrid_test,
    .reduce_devices = simgrid_reduce_devices,
};

static void
rank_main(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    struct rank *rank = sg_actor_self_get_data();
    struct world *world = rank->world;
    sm_simgrid_rank_started(rank);
    enum sm_status status = world->request->worker(world->request->arg, &rank->comm);
    const bool leaves = status == SM_ERR_LOST || status == SM_ERR_GONE;
    if (status != SM_OK && status != SM_ERR_ABORTED && !leaves)
        sm_simgrid_fail(world);
    sm_simgrid_rank_ends(rank, status);
    world->end = fmax(world->end, rank->time);
    if (world->crowd) {
        sg_actor_daemonize(sg_actor_self());
        sg_sem_acquire(world->parked);
    }
}

/* How actors keep their stacks. It decides how fast a run is, and nothing else. */
static enum sm_status
context_factory(const char **factory)
{
    static const char *const known[] = {"raw", "ucontext", "boost", "thread", NULL};
#if defined(__SANITIZE_ADDRESS__)
    *factory = "thread"; /* AddressSanitizer does not know raw stacks */
#else
    *factory = "raw";
#endif
    const char *asked = getenv("SLOWMO_CONTEXTS");
    if (asked == NULL)
        return SM_OK;
    *factory = asked;
    for (size_t i = 0; known[i] != NULL; i++)
        if (strcmp(asked, known[i]) == 0)
            return SM_OK;
    char names[64];
    return SM_FAIL(SM_ERR_INPUT, "SLOWMO_CONTEXTS=%s: expected one of %s", asked,
                   sm_text_join(names, sizeof names, known));
}

/* SimGrid reads its settings from a command line; --help and the like must not reach it. */
static enum sm_status
start_simgrid(const struct sm_platform *platform, size_t ranks)
{
    const char *factory;
    SM_TRY(context_factory(&factory));
    if (ranks > GUARDED) /* SimGrid then wants its stacks as zeros; fresh pages are, untouched */
        mallopt(M_MMAP_THRESHOLD, 128 * 1024);
    char contexts[64];
    snprintf(contexts, sizeof contexts, "--cfg=contexts/factory:%s", factory);
    const char *const settings[] = {
        "slowmo",
        "--cfg=network/model:CM02",     /* bytes / bandwidth + latency, shared max-min    */
        "--cfg=network/crosstraffic:0", /* duplex links do not slow each other            */
        "--cfg=network/TCP-gamma:0",    /* no window: RDMA and tuned TCP fill the pipe    */
        "--cfg=network/optim:Lazy",
        "--cfg=surf/precision:1e-12",
        contexts,
        ranks <= GUARDED ? "--cfg=contexts/guard-size:1" : "--cfg=contexts/guard-size:0",
        "--cfg=contexts/nthreads:1",
        "--cfg=contexts/stack-size:256",
        "--log=root.fmt:%m%n",
        "--log=root.thres:warning", /* not every setting it was given */
    };
    enum { COUNT = sizeof settings / sizeof *settings, MOST_OF_FILE = 32 };
    char *argv[COUNT + MOST_OF_FILE + 1] = {NULL};
    char of_file[MOST_OF_FILE][96];
    for (size_t i = 0; i < COUNT; i++)
        argv[i] = (char *)(uintptr_t)settings[i]; /* read only, whatever the prototype says */
    int argc = COUNT;
    for (size_t i = 0; platform->settings != NULL && platform->settings[i] != NULL; i++) {
        if (i == MOST_OF_FILE)
            return SM_FAIL(SM_ERR_INPUT, "%s: <config> has more than %d settings", platform->file,
                           MOST_OF_FILE);
        snprintf(of_file[i], sizeof of_file[i], "--cfg=%s", platform->settings[i]);
        argv[argc++] = of_file[i]; /* of two the later counts */
    }
    struct sigaction interrupt; /* SimGrid's own handler exits at once */
    sigaction(SIGINT, NULL, &interrupt);
    simgrid_init(&argc, argv);
    sigaction(SIGINT, &interrupt, NULL);
    return SM_OK;
}

/* The text goes through a file of no name, for SimGrid reads only files. */
static enum sm_status
load_platform(const struct sm_platform *platform)
{
    int file = memfd_create("platform", 0);
    if (file < 0 ||
        write(file, platform->xml, platform->xml_length) != (ssize_t)platform->xml_length)
        return SM_FAIL(SM_ERR_IO, "%s: no memory to hand the platform to SimGrid", platform->file);
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    simgrid_load_platform(path);
    close(file);
    return SM_OK;
}

static enum sm_status
rank_init(struct world *world, size_t r, struct sm_ledger *ledger)
{
    struct rank *rank = &world->ranks[r];
    const struct sm_platform_worker *worker = &world->request->platform->workers[r];
    const size_t first = worker->rails[0];
    double slowest = worker->speeds[0];
    for (size_t d = 1; d < worker->devices; d++)
        slowest = worker->speeds[d] < slowest ? worker->speeds[d] : slowest;
    *rank = (struct rank){
        .comm = {.ops = &simgrid_ops,
                 .rank = r,
                 .size = world->size,
                 .servers = world->request->servers,
                 .seed = world->request->seed,
                 .devices = worker->devices,
                 .speed = slowest,
                 .wire_scale = world->request->wire_scale,
                 .statistics = world->request->statistics,
                 .ledger = ledger},
        .world = world,
        .worker = worker,
        .devices = sm_arena_alloc(world->arena, worker->devices, sizeof(sg_host_t)),
        .slowdown = worker->speeds[first] / slowest,
        .ledger = ledger,
        .traced = sm_trace_wanted(world->request->trace, r),
        /* who serves takes what comes; what is copied when it is there needs somebody to do it */
        .watches = r >= world->size || world->transport.staging > 0 ||
                   !sm_trace_is_empty(world->request->trace) || world->survives,
    };
    if (rank->devices == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for %zu devices", worker->devices);
    for (size_t d = 0; d < worker->devices; d++)
        if ((rank->devices[d] = sg_host_by_name(worker->hosts[d])) == NULL)
            return SM_FAIL(SM_ERR_INPUT, "%s: SimGrid knows no host '%s'",
                           world->request->platform->file, worker->hosts[d]);
    rank->host = rank->devices[first];
    if (!sm_trace_is_empty(world->request->trace)) {
        char name[192];
        snprintf(name, sizeof name, "%s %zu (%s)", r < world->size ? "worker" : "server", r,
                 worker->hosts[first]);
        sm_trace_name(world->request->trace, r, name, worker->devices);
    }
    return SM_OK;
}

static enum sm_status
world_init(struct world *world)
{
    SM_TRY(sm_simgrid_survey(world));
    SM_TRY(sm_simgrid_traffic_init(world));
    if (world->crowd)
        world->parked = sg_sem_init(0);
    SM_TRY(sm_simgrid_devices_init(world));
    SM_TRY(sm_simgrid_streams_init(world));
    SM_TRY(sm_simgrid_failure_init(world));
    for (size_t r = 0; r < world->rank_count; r++) {
        char name[32];
        snprintf(name, sizeof name, "rank %zu", r);
        sg_actor_t actor = sg_actor_init(name, world->ranks[r].host);
        world->ranks[r].actor = actor;
        sg_actor_set_data(actor, &world->ranks[r]);
        sg_actor_start(actor, rank_main, 0, NULL);
    }
    return SM_OK;
}

/* Routes exist only once the simulation runs, so an actor does what must know them. */
static void
setup_main(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    struct world *world = sg_actor_self_get_data();
    if (world_init(world) != SM_OK)
        sm_simgrid_fail(world);
}

static void
world_fini(struct world *world)
{
    for (size_t r = 0; r < world->rank_count; r++) {
        struct rank *rank = &world->ranks[r];
        if (rank->working) /* its host died meanwhile; the job must not outlive the run */
            sm_pool_join(world->request->pool, &rank->task);
        sg_sem_t semaphores[] = {rank->queued, rank->finished, rank->played, rank->more_taken};
        for (size_t i = 0; i < sizeof semaphores / sizeof *semaphores; i++)
            if (semaphores[i] != NULL)
                sg_sem_destroy(semaphores[i]);
        sm_simgrid_rails_fini(rank);
        sm_simgrid_watch_fini(rank);
        sm_comm_fini(&rank->comm);
    }
    sm_simgrid_devices_fini(world);
    sm_simgrid_flows_fini(world);
    if (world->barrier != NULL)
        sg_barrier_destroy(world->barrier);
    sm_simgrid_traffic_fini(world);
    sm_simgrid_failure_fini(world);
    if (world->parked != NULL)
        sg_sem_destroy(world->parked);
}

/* Workers and servers stand on workers of the platform. */
static enum sm_status
check_hosts(const struct sm_engine_request *request, size_t count)
{
    const struct sm_platform *platform = request->platform;
    if (platform->worker_count >= count)
        return SM_OK;
    if (request->servers == 0)
        return SM_FAIL(SM_ERR_INPUT, "%s: %zu workers, expected at least %zu", platform->file,
                       platform->worker_count, count);
    return SM_FAIL(SM_ERR_INPUT, "%s: %zu workers, expected at least %zu, %zu of them servers",
                   platform->file, platform->worker_count, count, request->servers);
}

static enum sm_status
simgrid_run_ranks(const struct sm_engine_request *request, struct sm_arena *arena,
                  struct sm_engine_report *report)
{
    size_t count = request->workers + request->servers;
    SM_TRY(check_hosts(request, count));
    struct world *world = sm_arena_zalloc(arena, 1, sizeof *world);
    struct sm_ledger *ledgers = sm_arena_zalloc(arena, count, sizeof *ledgers);
    if (world == NULL || ledgers == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for %zu ranks", count);
    *world = (struct world){.request = request,
                            .transport = {.collective_efficiency = 1, .message_efficiency = 1},
                            .arena = arena,
                            .size = request->workers,
                            .rank_count = count,
                            .rails = request->platform->workers[0].rail_count,
                            .mortal = request->platform->states != NULL,
                            .survives = request->platform->states != NULL && request->survives,
                            .crowd = count >= CROWD && !request->platform->varies &&
                                     request->platform->states == NULL};
    if (request->transport != NULL)
        world->transport = *request->transport;
    world->ranks = sm_arena_zalloc(arena, count, sizeof *world->ranks);
    world->waiting = sm_arena_zalloc(arena, count, sizeof *world->waiting);
    if (world->ranks == NULL || world->waiting == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for %zu ranks", count);

    SM_TRY(start_simgrid(request->platform, count));
    SM_TRY(load_platform(request->platform));
    world->route = xbt_dynar_new(sizeof(sg_link_t), NULL);
    SM_TRY(sm_simgrid_links_init(world));
    for (size_t r = 0; r < count; r++)
        SM_TRY(rank_init(world, r, &ledgers[r]));
    sg_actor_t setup = sg_actor_init("setup", world->ranks[0].host);
    sg_actor_set_data(setup, world);
    sg_actor_start(setup, setup_main, 0, NULL);
    simgrid_run();

    size_t ended = 0;
    double now = simgrid_get_clock(); /* or later: a rank's own time may be ahead */
    for (size_t r = 0; r < count; r++) {
        ended += world->waiting[r].kind == SM_WAIT_ENDED || world->ranks[r].lost;
        now = fmax(now, world->ranks[r].time);
    }
    world_fini(world);
    *report = (struct sm_engine_report){
        .seconds = world->end, .ledgers = ledgers, .collective = sm_simgrid_collectives(world)};
    enum sm_status status = SM_OK;
    if (world->failed && world->error.code == SM_ERR_STALLED)
        status = sm_stall_record(world->waiting, count, world->failed_at, world->error.message);
    else if (world->failed)
        status = sm_error_set(&world->error);
    else if (ended < count)
        status = sm_stall_record(world->waiting, count, now, sm_simgrid_lost_ranks(world));
    else
        status = sm_simgrid_links_report(world, report);
    if (status == SM_OK)
        status = sm_simgrid_failure_report(world, report);
    sm_simgrid_links_fini(world);
    xbt_dynar_free_container(&world->route);
    return status;
}

const struct sm_engine sm_engine_simgrid = {
    .name = "simgrid",
    .doc = "simulated clock, contended links, one actor a rank",
    .run = simgrid_run_ranks,
};
