/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/engine/thread/thread.c -- every rank is an OS thread; there is no clock.
 *
 * The reference of the tests: real concurrency, plain queues under one lock, nothing clever. It
 * must give the bits that the SimGrid engine gives.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/vec.h"
#include "sim/engine/engine.h"
#include "sim/engine/waiting.h"

/* A parcel at its receiver. */
struct arrival {
    struct arrival *next;
    size_t from, index; /* index: how many came from there before */
    struct sm_parcel *parcel;
};

/* The k-th all-reduce of the run. */
struct reduction {
    struct reduction *next;
    size_t index, n, arrived, left;
    bool done;
    float *x[]; /* (size) */
};

/* Recycled: those in flight when a run fails are given back with the rank's arena. */
struct sm_request {
    enum { RECEIVE, REDUCE } kind;
    size_t from, index; /* index: receipts from there, or all-reduces, posted before this one */
    struct sm_parcel **parcel;
    struct reduction *reduction;
    struct sm_request *next; /* in the free list */
};

struct world;

struct rank {
    struct sm_comm comm; /* first: ops get a pointer to it */
    struct world *world;
    pthread_t thread;
    pthread_cond_t wake;
    struct arrival *inbox;   /* in the order they came */
    struct sm_request **any; /* (any_count) what it waits for; or NULL */
    size_t any_count;
    size_t *sent, *posted;          /* (rank_count) messages to, receipts from each rank so far */
    size_t reductions;              /* posted so far */
    struct sm_arena scratch, arena; /* of jobs; of requests */
    struct sm_request *spare;
    struct sm_ledger *ledger;
};

struct world {
    const struct sm_engine_request *request;
    pthread_mutex_t lock;
    struct reduction *reductions;
    size_t rank_count;          /* those that train and the servers */
    struct sm_waiting *waiting; /* (rank_count) */
    struct rank *ranks;         /* (rank_count) */
    bool failed;
    struct sm_error error; /* the first failure */
};

static struct rank *
rank_of(struct sm_comm *comm)
{
    return (struct rank *)comm;
}

/* Ends the run with this OS thread's error; the lock is held. */
static void
fail_locked(struct world *world)
{
    if (!world->failed) {
        world->failed = true;
        world->error = *sm_error_last();
    }
    for (size_t r = 0; r < world->rank_count; r++)
        pthread_cond_signal(&world->ranks[r].wake);
}

/* SM_ERR_ABORTED once the run has failed; the lock is held. */
static enum sm_status
check_running_locked(const struct world *world)
{
    return world->failed ? SM_FAIL(SM_ERR_ABORTED, "another rank failed") : SM_OK;
}

static double
thread_now(struct sm_comm *comm)
{
    (void)comm;
    return 0;
}

static enum sm_status
thread_compute(struct sm_comm *comm, enum sm_stage stage, double seconds, double flop,
               const struct sm_job *job)
{
    (void)stage;
    (void)seconds;
    (void)flop;
    struct rank *self = rank_of(comm);
    const struct sm_engine_request *request = self->world->request;
    pthread_mutex_lock(&self->world->lock);
    enum sm_status status = check_running_locked(self->world);
    pthread_mutex_unlock(&self->world->lock);
    SM_TRY(status);
    if (request->interrupted != NULL && *request->interrupted)
        return SM_FAIL(SM_ERR_INTERRUPTED, "interrupted");
    if (job != NULL)
        status = job->run(job->arg, &self->scratch);
    sm_arena_reset(&self->scratch);
    return status;
}

static enum sm_status
thread_isend(struct sm_comm *comm, size_t to, struct sm_parcel *parcel)
{
    struct rank *self = rank_of(comm);
    struct arrival *arrival = malloc(sizeof *arrival);
    if (arrival == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for a message");
    *arrival = (struct arrival){NULL, comm->rank, self->sent[to]++, parcel};
    sm_parcel_hold(parcel);
    pthread_mutex_lock(&self->world->lock);
    struct arrival **link = &self->world->ranks[to].inbox;
    while (*link != NULL)
        link = &(*link)->next;
    *link = arrival;
    pthread_cond_signal(&self->world->ranks[to].wake);
    pthread_mutex_unlock(&self->world->lock);
    self->ledger->bytes_sent += sm_comm_wire_bytes(comm, parcel->wire);
    return SM_OK;
}

static enum sm_status
request_new(struct rank *self, struct sm_request value, struct sm_request **out)
{
    if (self->spare != NULL) {
        *out = self->spare;
        self->spare = (*out)->next;
    } else if ((*out = sm_arena_alloc(&self->arena, 1, sizeof **out)) == NULL) {
        return SM_FAIL(SM_ERR_NOMEM, "no memory for a request");
    }
    **out = value;
    return SM_OK;
}

static enum sm_status
thread_irecv(struct sm_comm *comm, size_t from, struct sm_parcel **parcel,
             struct sm_request **request)
{
    struct rank *self = rank_of(comm);
    struct sm_request receipt = {
        .kind = RECEIVE, .from = from, .index = self->posted[from]++, .parcel = parcel};
    return request_new(self, receipt, request);
}

/* The all-reduce of that index, made by the first rank to get there; the lock is held. */
static struct reduction *
reduction_at(struct world *world, size_t index, size_t n)
{
    size_t size = world->request->workers;
    struct reduction **link = &world->reductions;
    while (*link != NULL && (*link)->index != index)
        link = &(*link)->next;
    if (*link == NULL && (*link = calloc(1, sizeof **link + size * sizeof(float *))) != NULL) {
        (*link)->index = index;
        (*link)->n = n;
        (*link)->left = size;
    }
    return *link;
}

static enum sm_status
thread_iallreduce(struct sm_comm *comm, enum sm_reach reach, float *x, size_t n, double wire,
                  struct sm_request **request)
{
    struct rank *self = rank_of(comm);
    struct world *world = self->world;
    *request = NULL;
    if (reach == SM_AMONG_DEVICES) /* a worker has one */
        return SM_OK;
    if (comm->rank >= comm->size)
        return SM_FAIL(SM_ERR_DOMAIN,
                       "rank %zu is a server; all-reduces are among the %zu that train", comm->rank,
                       comm->size);
    pthread_mutex_lock(&world->lock);
    enum sm_status status = check_running_locked(world); /* or x of a rank that left is used */
    struct reduction *reduction =
        status == SM_OK ? reduction_at(world, self->reductions++, n) : NULL;
    if (reduction == NULL) {
        if (status == SM_OK)
            status = SM_FAIL(SM_ERR_NOMEM, "no memory for an all-reduce");
    } else if (reduction->n != n) {
        status = SM_FAIL(SM_ERR_DOMAIN, "all-reduce %zu: rank %zu brings %zu floats, others %zu",
                         reduction->index, comm->rank, n, reduction->n);
    } else {
        reduction->x[comm->rank] = x;
        if (++reduction->arrived == comm->size) {
            sm_vec_mean(comm->size, reduction->x, 0, n);
            reduction->done = true;
            for (size_t r = 0; r < comm->size; r++)
                pthread_cond_signal(&world->ranks[r].wake);
        }
    }
    pthread_mutex_unlock(&world->lock);
    SM_TRY(status);
    if (comm->size > 1)
        self->ledger->bytes_sent +=
            2.0 * (double)(comm->size - 1) / (double)comm->size * sm_comm_wire_bytes(comm, wire);
    struct sm_request part = {.kind = REDUCE, .index = reduction->index, .reduction = reduction};
    return request_new(self, part, request);
}

/* The message that receipt `index` from a rank is for: they are matched in the orders posted. */
static struct arrival **
arrival_from(struct rank *rank, size_t from, size_t index)
{
    struct arrival **link = &rank->inbox;
    while (*link != NULL && ((*link)->from != from || (*link)->index != index))
        link = &(*link)->next;
    return link;
}

static bool
ready(struct rank *rank, const struct sm_request *request)
{
    return request->kind == RECEIVE ? *arrival_from(rank, request->from, request->index) != NULL
                                    : request->reduction->done;
}

/* Which of the receipts is for the message that came first; count: none has come. */
static size_t
first_there(const struct rank *rank, struct sm_request *const *requests, size_t count)
{
    for (const struct arrival *it = rank->inbox; it != NULL; it = it->next)
        for (size_t i = 0; i < count; i++)
            if (requests[i] != NULL && requests[i]->from == it->from &&
                requests[i]->index == it->index)
                return i;
    return count;
}

/* True when no rank can ever move again; the lock is held. */
static bool
stalled(struct world *world)
{
    for (size_t r = 0; r < world->rank_count; r++) {
        const struct sm_waiting *w = &world->waiting[r];
        struct rank *rank = &world->ranks[r];
        if (w->kind == SM_WAIT_NOT)
            return false;
        if (w->kind == SM_WAIT_MESSAGE && *arrival_from(rank, w->peer, w->count) != NULL)
            return false;
        if (w->kind == SM_WAIT_ANY &&
            first_there(rank, rank->any, rank->any_count) < rank->any_count)
            return false;
        if (w->kind == SM_WAIT_COLLECTIVE)
            for (struct reduction *it = world->reductions; it != NULL; it = it->next)
                if (it->index == w->count && it->done)
                    return false;
    }
    return true;
}

/* Blocks under the lock until something may have changed; a run that stalled has failed. */
static void
pause_locked(struct rank *self)
{
    struct world *world = self->world;
    if (!stalled(world)) {
        pthread_cond_wait(&self->wake, &world->lock);
        return;
    }
    sm_stall_record(world->waiting, world->rank_count, 0, NULL);
    fail_locked(world);
}

/* Waits under the lock until the request is ready or the run has failed. */
static enum sm_status
wait_locked(struct rank *self, const struct sm_request *request)
{
    struct world *world = self->world;
    struct sm_waiting *waiting = &world->waiting[self->comm.rank];
    *waiting = (struct sm_waiting){request->kind == RECEIVE ? SM_WAIT_MESSAGE : SM_WAIT_COLLECTIVE,
                                   request->from, 0, request->index};
    while (!ready(self, request) && !world->failed)
        pause_locked(self);
    waiting->kind = SM_WAIT_NOT;
    return ready(self, request) ? SM_OK : check_running_locked(world);
}

/* The same, until any is; *which: the one whose message came first. */
static enum sm_status
wait_any_locked(struct rank *self, struct sm_request **requests, size_t count, size_t *which)
{
    struct world *world = self->world;
    struct sm_waiting *waiting = &world->waiting[self->comm.rank];
    self->any = requests;
    self->any_count = count;
    *waiting = (struct sm_waiting){.kind = SM_WAIT_ANY};
    while ((*which = first_there(self, requests, count)) == count && !world->failed)
        pause_locked(self);
    waiting->kind = SM_WAIT_NOT;
    return *which < count ? SM_OK : check_running_locked(world);
}

/* Takes the parcel over or leaves the all-reduce; the lock is held. */
static void
complete_locked(struct rank *self, const struct sm_request *request)
{
    if (request->kind == RECEIVE) {
        struct arrival **link = arrival_from(self, request->from, request->index);
        struct arrival *arrival = *link;
        *link = arrival->next;
        *request->parcel = arrival->parcel;
        free(arrival);
    } else if (--request->reduction->left == 0) {
        struct reduction **link = &self->world->reductions;
        while (*link != request->reduction)
            link = &(*link)->next;
        *link = request->reduction->next;
        free(request->reduction);
    }
}

static enum sm_status
thread_wait(struct sm_comm *comm, struct sm_request **handle)
{
    struct rank *self = rank_of(comm);
    struct sm_request *request = *handle;
    if (request == NULL)
        return SM_OK;
    *handle = NULL;
    pthread_mutex_lock(&self->world->lock);
    enum sm_status status = wait_locked(self, request);
    if (status == SM_OK)
        complete_locked(self, request);
    pthread_mutex_unlock(&self->world->lock);
    request->next = self->spare;
    self->spare = request;
    return status;
}

static enum sm_status
thread_wait_any(struct sm_comm *comm, struct sm_request **requests, size_t count, size_t *which)
{
    struct rank *self = rank_of(comm);
    pthread_mutex_lock(&self->world->lock);
    enum sm_status status = wait_any_locked(self, requests, count, which);
    if (status == SM_OK)
        complete_locked(self, requests[*which]);
    pthread_mutex_unlock(&self->world->lock);
    SM_TRY(status);
    requests[*which]->next = self->spare;
    self->spare = requests[*which];
    requests[*which] = NULL;
    return SM_OK;
}

static enum sm_status
thread_test(struct sm_comm *comm, struct sm_request **request, bool *done)
{
    struct rank *self = rank_of(comm);
    pthread_mutex_lock(&self->world->lock);
    *done = *request == NULL || ready(self, *request);
    pthread_mutex_unlock(&self->world->lock);
    return SM_OK;
}

static enum sm_status
thread_reduce_devices(struct sm_comm *comm, size_t n)
{
    (void)comm;
    (void)n;
    return SM_OK;
}

static const struct sm_comm_ops thread_ops = {
    .now = thread_now,
    .compute = thread_compute,
    .isend = thread_isend,
    .irecv = thread_irecv,
    .iallreduce = thread_iallreduce,
    .wait = thread_wait,
    .wait_any = thread_wait_any,
    .test = thread_test,
    .reduce_devices = thread_reduce_devices,
};

static void *
rank_main(void *arg)
{
    struct rank *self = arg;
    struct world *world = self->world;
    enum sm_status status = world->request->worker(world->request->arg, &self->comm);
    pthread_mutex_lock(&world->lock);
    world->waiting[self->comm.rank].kind = SM_WAIT_ENDED;
    if (status != SM_OK && status != SM_ERR_ABORTED)
        fail_locked(world);
    else if (!world->failed && stalled(world)) {
        bool all = true; /* the last rank may leave the others waiting for ever */
        for (size_t r = 0; r < world->rank_count; r++)
            all = all && world->waiting[r].kind == SM_WAIT_ENDED;
        if (!all) {
            sm_stall_record(world->waiting, world->rank_count, 0, NULL);
            fail_locked(world);
        }
    }
    pthread_mutex_unlock(&world->lock);
    return NULL;
}

static void
world_free(struct world *world)
{
    for (size_t r = 0; world->ranks != NULL && r < world->rank_count; r++) {
        struct rank *rank = &world->ranks[r];
        for (struct arrival *arrival = rank->inbox, *next; arrival != NULL; arrival = next) {
            next = arrival->next;
            free(arrival);
        }
        sm_comm_fini(&rank->comm);
        sm_arena_fini(&rank->scratch);
        sm_arena_fini(&rank->arena);
        pthread_cond_destroy(&rank->wake);
    }
    for (struct reduction *it = world->reductions, *next; it != NULL; it = next) {
        next = it->next;
        free(it);
    }
    pthread_mutex_destroy(&world->lock);
    free(world->ranks);
    free(world->waiting);
}

static enum sm_status
thread_run(const struct sm_engine_request *request, struct sm_arena *arena,
           struct sm_engine_report *report)
{
    size_t count = request->workers + request->servers, started = 0;
    struct sm_ledger *ledgers = sm_arena_zalloc(arena, count, sizeof *ledgers);
    struct world world = {.request = request, .rank_count = count};
    world.ranks = calloc(count, sizeof *world.ranks);
    world.waiting = calloc(count, sizeof *world.waiting);
    pthread_mutex_init(&world.lock, NULL);
    bool memory = ledgers != NULL && world.ranks != NULL && world.waiting != NULL;
    for (size_t r = 0; r < count && memory; r++) {
        struct rank *rank = &world.ranks[r];
        rank->comm = (struct sm_comm){.ops = &thread_ops,
                                      .rank = r,
                                      .size = request->workers,
                                      .servers = request->servers,
                                      .seed = request->seed,
                                      .devices = 1,
                                      .wire_scale = request->wire_scale,
                                      .statistics = request->statistics,
                                      .ledger = &ledgers[r]};
        rank->world = &world;
        rank->sent = sm_arena_zalloc(&rank->arena, count, sizeof *rank->sent);
        rank->posted = sm_arena_zalloc(&rank->arena, count, sizeof *rank->posted);
        memory = rank->sent != NULL && rank->posted != NULL;
        rank->ledger = &ledgers[r];
        pthread_cond_init(&rank->wake, NULL);
    }
    if (!memory) {
        world_free(&world);
        return SM_FAIL(SM_ERR_NOMEM, "no memory for %zu ranks", count);
    }
    int reason = 0;
    for (; started < count && reason == 0; started += reason == 0)
        reason =
            pthread_create(&world.ranks[started].thread, NULL, rank_main, &world.ranks[started]);
    if (reason != 0) {
        pthread_mutex_lock(&world.lock);
        SM_FAIL(SM_ERR_IO, "cannot start thread %zu of %zu: %s", started + 1, count,
                strerror(reason));
        fail_locked(&world);
        pthread_mutex_unlock(&world.lock);
    }
    for (size_t r = 0; r < started; r++)
        pthread_join(world.ranks[r].thread, NULL);
    *report = (struct sm_engine_report){.ledgers = ledgers};
    enum sm_status status = world.failed ? sm_error_set(&world.error) : SM_OK;
    world_free(&world);
    return status;
}

const struct sm_engine sm_engine_thread = {
    .name = "thread",
    .doc = "every rank an OS thread, no clock; the reference in tests",
    .run = thread_run,
};
