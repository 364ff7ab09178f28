/* SPDX-License-Identifier: GPL-3.0-or-later */
/* algorithms/strategy/parameter_server.c -- gradients meet at servers, in step.
 *
 *   worker i:  push g_i, pull x
 *   server:    g <- (1/m) sum_i g_i;  x <- x - gamma d(g);  x to all workers
 *
 * A server waits for the pushes of all m workers and sums them in rank order, so the numbers are
 * those of strategy allreduce, to the bit where the inner optimizer goes element by element; only
 * the seconds differ: m pushes share the way into a server.
 * Source: Li et al., "Scaling distributed machine learning with the parameter server", OSDI 2014,
 * Alg. 1, with its sequential consistency.
 */
#include "algorithms/strategy/parameter_server.h"

#include <string.h>

#include "sim/base/vec.h"

const struct sm_param sm_parameter_server_params[] = {
    SM_PARAM(struct sm_parameter_server, servers, 1, 1, 64,
             "hosts behind the workers' that hold a shard of the model each"),
    SM_PARAM_END,
};

/* ---- both sides ---- */

size_t
sm_parameter_server_count(const void *settings)
{
    return ((const struct sm_parameter_server *)settings)->servers;
}

/* Where the shard of server k begins; of k = servers: where the last one ends. */
static size_t
shard_begin(const struct sm_parameter_server *s, size_t n, size_t k)
{
    return n * k / s->servers;
}

static enum sm_status
parameter_server_init_worker(struct sm_parameter_server *s, const struct sm_setup *setup)
{
    s->pushes = sm_arena_zalloc(setup->arena, s->servers, sizeof(struct sm_parcel *));
    if (s->pushes == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "parameter servers: %zu shards", s->servers);
    SM_TRY(sm_codec_init(&s->codec, setup));
    if (!sm_codec_active(&s->codec))
        return SM_OK;
    s->encoded = sm_arena_alloc(setup->arena, s->n, sizeof *s->encoded);
    return s->encoded != NULL
               ? SM_OK
               : SM_FAIL(SM_ERR_NOMEM, "parameter servers: a gradient of n=%zu floats", s->n);
}

static enum sm_status
parameter_server_init_server(struct sm_parameter_server *s, const struct sm_setup *setup)
{
    const size_t k = setup->comm->rank - setup->comm->size;
    const size_t begin = shard_begin(s, setup->n, k);
    struct sm_setup part = *setup;
    s->n = shard_begin(s, setup->n, k + 1) - begin;
    s->x = sm_arena_alloc(setup->arena, s->n, sizeof *s->x);
    s->g = sm_arena_alloc(setup->arena, s->n, sizeof *s->g);
    if (s->x == NULL || s->g == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "parameter server %zu: two vectors of n=%zu floats", k, s->n);
    memcpy(s->x, setup->x0 + begin, s->n * sizeof *s->x);
    if (s->n < setup->n) {
        part.n = s->n;
        part.x0 = s->x;
        part.matrices = NULL;
        part.matrix_count = 0;
    }
    return sm_codec_init(&s->codec, &part);
}

enum sm_status
sm_parameter_server_init(void *state, const struct sm_setup *setup)
{
    struct sm_parameter_server *s = state;
    const struct sm_comm *comm = setup->comm;
    const size_t peers = comm->rank < comm->size ? s->servers : comm->size;
    s->n = setup->n;
    s->wire = (double)setup->n / (double)s->servers;
    s->inbox = sm_arena_zalloc(setup->arena, peers, sizeof(struct sm_parcel *));
    s->posted = sm_arena_zalloc(setup->arena, peers, sizeof(struct sm_request *));
    if (s->inbox == NULL || s->posted == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "parameter servers: %zu receipts", peers);
    return comm->rank < comm->size ? parameter_server_init_worker(s, setup)
                                   : parameter_server_init_server(s, setup);
}

/* ---- workers ---- */

/* A worker goes on with the parameters it has where the newest were lost, but not where their
 * server is gone. */
static enum sm_status
parameter_server_answered(struct sm_parameter_server *s, struct sm_comm *comm, size_t k)
{
    enum sm_status status = comm->ops->wait(comm, &s->posted[k]);
    if (status == SM_ERR_LOST)
        return SM_OK;
    if (status == SM_ERR_GONE) {
        struct sm_error error = *sm_error_last();
        error.code = SM_ERR_STALLED;
        return sm_error_set(&error);
    }
    return status;
}

enum sm_status
sm_parameter_server_receive(void *state, struct sm_comm *comm)
{
    struct sm_parameter_server *s = state;
    for (size_t k = 0; k < s->servers; k++) {
        const size_t shard = shard_begin(s, s->n, k + 1) - shard_begin(s, s->n, k);
        SM_TRY(parameter_server_answered(s, comm, k));
        if (s->pushes[k] == NULL && (s->pushes[k] = sm_parcel_create(comm, shard)) == NULL)
            return SM_FAIL(SM_ERR_NOMEM, "parameter servers: a parcel of %zu floats", shard);
    }
    return SM_OK;
}

void
sm_parameter_server_absorb(void *state, size_t n, float *x, const float **view)
{
    struct sm_parameter_server *s = state;
    for (size_t k = 0; k < s->servers; k++) {
        if (s->inbox[k] != NULL)
            memcpy(x + shard_begin(s, n, k), s->inbox[k]->x, s->inbox[k]->n * sizeof *x);
        sm_parcel_release(s->inbox[k]);
        s->inbox[k] = NULL;
    }
    *view = x;
}

void
sm_parameter_server_split(void *state, size_t n, float gamma, const float *g, float *x)
{
    (void)x;
    struct sm_parameter_server *s = state;
    if (s->encoded != NULL) {
        memcpy(s->encoded, g, n * sizeof *g);
        sm_codec_encode(&s->codec, s->encoded);
        g = s->encoded;
    }
    for (size_t k = 0; k < s->servers; k++) {
        struct sm_parcel *push = s->pushes[k];
        memcpy(push->x, g + shard_begin(s, n, k), push->n * sizeof *g);
        push->wire = sm_codec_wire(&s->codec) / (double)s->servers;
        push->weight = gamma;
    }
}

/* Sends a parcel to server k and posts the receipt of its answer. */
static enum sm_status
parameter_server_push(struct sm_parameter_server *s, struct sm_comm *comm, size_t k,
                      struct sm_parcel *parcel)
{
    SM_TRY(comm->ops->isend(comm, comm->size + k, parcel));
    return comm->ops->irecv(comm, comm->size + k, &s->inbox[k], &s->posted[k]);
}

enum sm_status
sm_parameter_server_send(void *state, struct sm_comm *comm)
{
    struct sm_parameter_server *s = state;
    for (size_t k = 0; k < s->servers; k++) {
        SM_TRY(parameter_server_push(s, comm, k, s->pushes[k]));
        sm_parcel_release(s->pushes[k]);
        s->pushes[k] = NULL;
    }
    return SM_OK;
}

/* A goodbye is known by a learning rate that no push has, as is its answer; it weighs nothing, for
 * a real worker would just end. */
static enum sm_status
parameter_server_say_goodbye(struct sm_parameter_server *s, struct sm_comm *comm)
{
    struct sm_parcel *goodbye = sm_parcel_create(comm, 0);
    if (goodbye == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "parameter servers: no memory for a last message");
    goodbye->weight = -1.0f;
    for (size_t k = 0; k < s->servers; k++)
        SM_TRY(parameter_server_push(s, comm, k, goodbye));
    for (size_t k = 0; k < s->servers; k++) {
        SM_TRY(comm->ops->wait(comm, &s->posted[k])); /* lost: this worker leaves the run */
        /* other parameters: the goodbye was lost */
        while (s->inbox[k] != NULL && !sm_parameter_server_is_goodbye(s->inbox[k])) {
            sm_parcel_release(s->inbox[k]);
            s->inbox[k] = NULL;
            SM_TRY(parameter_server_push(s, comm, k, goodbye));
            SM_TRY(comm->ops->wait(comm, &s->posted[k]));
        }
    }
    sm_parcel_release(goodbye);
    return SM_OK;
}

enum sm_status
sm_parameter_server_drain(void *state, struct sm_comm *comm, size_t n, float *x, enum sm_drain why)
{
    struct sm_parameter_server *s = state;
    const float *view;
    SM_TRY(sm_parameter_server_receive(s, comm));
    sm_parameter_server_absorb(s, n, x, &view);
    if (why != SM_DRAIN_END)
        return SM_OK;
    SM_TRY(parameter_server_say_goodbye(s, comm));
    sm_parameter_server_absorb(s, n, x, &view);
    return SM_OK;
}

/* ---- servers ---- */

bool
sm_parameter_server_is_goodbye(const struct sm_parcel *parcel)
{
    return parcel->weight < 0;
}

enum sm_status
sm_parameter_server_listen(struct sm_parameter_server *s, struct sm_comm *comm, size_t begin,
                           size_t end)
{
    for (size_t r = begin; r < end; r++)
        SM_TRY(comm->ops->irecv(comm, r, &s->inbox[r], &s->posted[r]));
    return SM_OK;
}

static enum sm_status
copy_job(void *arg, struct sm_arena *scratch)
{
    (void)scratch;
    struct sm_parameter_server *s = arg;
    memcpy(s->parcel->x, s->x, s->n * sizeof *s->x);
    return SM_OK;
}

enum sm_status
sm_parameter_server_answer(struct sm_parameter_server *s, struct sm_comm *comm, double wire,
                           size_t begin, size_t end)
{
    s->parcel = sm_parcel_create(comm, s->n);
    if (s->parcel == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "parameter server: a parcel of %zu floats", s->n);
    s->parcel->wire = wire;
    s->parcel->weight = wire > 0 ? 0 : -1;
    SM_TRY(comm->ops->compute(comm, SM_STAGE_UPDATE, 0, 0, &(struct sm_job){copy_job, s}));
    for (size_t r = begin; r < end; r++)
        SM_TRY(comm->ops->isend(comm, r, s->parcel));
    sm_parcel_release(s->parcel);
    return SM_OK;
}

/* ---- in step ---- */

static enum sm_status
mean_job(void *arg, struct sm_arena *scratch)
{
    struct sm_parameter_server *s = arg;
    const size_t m = s->codec.size;
    const float **pushed = sm_arena_alloc(scratch, m, sizeof(const float *));
    if (pushed == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "parameter_server: a list of %zu gradients", m);
    for (size_t r = 0; r < m; r++)
        pushed[r] = s->inbox[r]->x;
    sm_vec_mean_into(m, pushed, s->n, s->g);
    sm_codec_decode(&s->codec, s->g);
    return SM_OK;
}

/* Waits for the next push of every worker; false when they have said goodbye, which all do after
 * the same step. */
static enum sm_status
parameter_server_gather(struct sm_parameter_server *s, struct sm_comm *comm, bool *more)
{
    SM_TRY(sm_parameter_server_listen(s, comm, 0, comm->size));
    for (size_t r = 0; r < comm->size; r++)
        SM_TRY(comm->ops->wait(comm, &s->posted[r]));
    *more = !sm_parameter_server_is_goodbye(s->inbox[0]);
    return SM_OK;
}

static enum sm_status
parameter_server_serve(void *state, struct sm_comm *comm, struct sm_stepper *stepper)
{
    struct sm_parameter_server *s = state;
    bool more;
    SM_TRY(stepper->begin(stepper, s->n));
    for (;;) {
        SM_TRY(parameter_server_gather(s, comm, &more));
        if (more)
            SM_TRY(comm->ops->compute(comm, SM_STAGE_UPDATE, 0, 0, &(struct sm_job){mean_job, s}));
        const float gamma = s->inbox[0]->weight;
        for (size_t r = 0; r < comm->size; r++)
            sm_parcel_release(s->inbox[r]);
        if (!more)
            return sm_parameter_server_answer(s, comm, 0, 0, comm->size);
        SM_TRY(stepper->step(stepper, gamma, s->g, s->x));
        SM_TRY(sm_parameter_server_answer(s, comm, s->wire, 0, comm->size));
    }
}

static const struct sm_server parameter_server_server = {
    .count = sm_parameter_server_count,
    .serve = parameter_server_serve,
};

const struct sm_strategy sm_strategy_parameter_server = {
    .about = {.name = "parameter_server",
              .doc = "servers average the gradients of each step, step, and hand out parameters",
              .source = "Li et al., OSDI 2014, Alg. 1",
              .state_size = sizeof(struct sm_parameter_server),
              .params = sm_parameter_server_params},
    .server = &parameter_server_server,
    .init = sm_parameter_server_init,
    .receive = sm_parameter_server_receive,
    .absorb = sm_parameter_server_absorb,
    .split = sm_parameter_server_split,
    .send = sm_parameter_server_send,
    .drain = sm_parameter_server_drain,
};
