/* SPDX-License-Identifier: GPL-3.0-or-later */
/* algorithms/strategy/adpsgd.c -- asynchronous gossip: pairs of workers average when they can.
 *
 *   x_i, x_j <- (x_i + x_j) / 2        i even, j odd
 *   x_i <- x_i - gamma d_i             on what is there, whatever was mixed in meanwhile
 *
 * Even ranks are active: one of them sends its model to an odd rank and goes on training. Odd ranks
 * are passive: at each step one of them looks which models have come, takes for each, in rank
 * order,
 *
 *   delta = (x_j - x_i) / 2,           x_j <- x_j - delta
 *
 * and sends delta back, which joins x_i when it arrives. So nobody waits for anybody, no two ranks
 * can wait for each other, and sum x is conserved with the deltas in flight. An active rank has one
 * exchange under way; messages leave before the gradient and travel meanwhile. Of models and deltas
 * that travel compressed, what is lost stays where it was: delta is what arrives.
 *
 * To drain, active ranks take their answer in and say goodbye to every passive one; passive ranks
 * answer until all have said so.
 * Links and ranks may die. A passive rank that lost a model answers it with nothing, and an active
 * rank that gets nothing, or loses the delta, gives up that exchange and begins another. What was
 * lost stays lost: sum x is then conserved no more.
 * Source: Lian, Zhang, Zhang, Liu, "Asynchronous decentralized parallel SGD", ICML 2018,
 * arXiv:1710.06952, Alg. 1 and sec. 3 (bipartite graph, against deadlock).
 */
#include <string.h>

#include "algorithms/strategy/strategy.h"
#include "sim/base/clones.h"
#include "sim/base/rng.h"
#include "sim/base/vec.h"

struct adpsgd {
    const char *peers; /* setting */
    bool active;
    size_t lanes; /* exchanges that may be under way: 1, or with each active rank */
    struct sm_codec codec;
    struct sm_rng *rng; /* NULL: scheduled                                    */
    size_t begun;       /* exchanges so far                                   */
    /* (lanes) */
    struct sm_parcel **inbox;   /* what arrived and is to be absorbed                 */
    struct sm_parcel **outbox;  /* what is to be sent                                 */
    struct sm_request **posted; /* receipts                                           */
    bool *left;                 /* who has said goodbye before it drains              */
};

static const struct sm_param adpsgd_params[] = {
    SM_PARAM_CHOICE(struct adpsgd, peers, "random", "random|scheduled",
                    "passive ranks that an active one averages with: any, or 1, 1+2, 1+4, ... "
                    "ahead in turn"),
    SM_PARAM_END,
};

static unsigned
adpsgd_manner(const void *settings)
{
    (void)settings;
    return SM_SENDS_EARLY | SM_FOLLOWS_CLOCK | SM_SURVIVES_LOSS;
}

static enum sm_status
adpsgd_init(void *state, const struct sm_setup *setup)
{
    struct adpsgd *s = state;
    struct sm_arena *arena = setup->arena;
    const struct sm_comm *comm = setup->comm;
    if (comm->size % 2 != 0)
        return SM_FAIL(SM_ERR_INPUT,
                       "adpsgd pairs even with odd ranks: %zu workers is odd, expected an even "
                       "number",
                       comm->size);
    s->active = comm->rank % 2 == 0;
    s->lanes = s->active ? 1 : comm->size / 2;
    s->inbox = sm_arena_zalloc(arena, s->lanes, sizeof(struct sm_parcel *));
    s->outbox = sm_arena_zalloc(arena, s->lanes, sizeof(struct sm_parcel *));
    s->posted = sm_arena_zalloc(arena, s->lanes, sizeof(struct sm_request *));
    s->left = sm_arena_zalloc(arena, s->lanes, sizeof *s->left);
    if (strcmp(s->peers, "random") == 0)
        s->rng = sm_rng_create(arena, comm->seed, SM_RNG_TOPOLOGY, comm->rank);
    if (s->inbox == NULL || s->outbox == NULL || s->posted == NULL || s->left == NULL ||
        (s->rng == NULL && strcmp(s->peers, "random") == 0))
        return SM_FAIL(SM_ERR_NOMEM, "adpsgd: %zu receipts", s->lanes);
    SM_TRY(sm_codec_init(&s->codec, setup));
    s->codec.residual = NULL; /* what is lost stays in the models */
    return SM_OK;
}

/* A parcel for a model or a delta, whose weight is that of a model. */
static enum sm_status
adpsgd_prepare(struct adpsgd *s, struct sm_comm *comm, size_t lane)
{
    struct sm_parcel *parcel = sm_parcel_create(comm, s->codec.n);
    if (parcel == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "adpsgd: a parcel of n=%zu floats", s->codec.n);
    parcel->wire = sm_codec_wire(&s->codec) + comm->statistics;
    s->outbox[lane] = parcel;
    return SM_OK;
}

/* A passive rank lost what came in that lane, and answers it with nothing. */
static enum sm_status
adpsgd_answer_nothing(struct adpsgd *s, struct sm_comm *comm, size_t lane)
{
    s->outbox[lane] = sm_parcel_create(comm, 0);
    return s->outbox[lane] != NULL
               ? SM_OK
               : SM_FAIL(SM_ERR_NOMEM, "adpsgd: no memory for an empty message");
}

/* A receipt is over, with that status. A message has arrived: a model to answer, a delta, or an
 * empty one, which is a goodbye to a passive rank and no answer to an active one. Or none has. */
static enum sm_status
adpsgd_open(struct adpsgd *s, struct sm_comm *comm, size_t lane, enum sm_status status)
{
    if (status == SM_ERR_LOST)
        return s->active ? SM_OK : adpsgd_answer_nothing(s, comm, lane);
    if (status == SM_OK && s->inbox[lane]->n > 0)
        return s->active ? SM_OK : adpsgd_prepare(s, comm, lane);
    if (status != SM_OK && status != SM_ERR_GONE)
        return status;
    sm_parcel_release(s->inbox[lane]);
    s->inbox[lane] = NULL;
    s->left[lane] = true;
    return SM_OK;
}

static enum sm_status
adpsgd_receive(void *state, struct sm_comm *comm)
{
    struct adpsgd *s = state;
    for (size_t lane = 0; lane < s->lanes; lane++) {
        bool there = false;
        if (s->posted[lane] != NULL)
            SM_TRY(comm->ops->test(comm, &s->posted[lane], &there));
        if (there) {
            enum sm_status status = comm->ops->wait(comm, &s->posted[lane]);
            SM_TRY(adpsgd_open(s, comm, lane, status));
        }
    }
    if (s->active && s->posted[0] == NULL && s->outbox[0] == NULL)
        SM_TRY(adpsgd_prepare(s, comm, 0));
    return SM_OK;
}

/* delta (n) = (x (n) - theirs (n)) / 2 */
SM_CLONES static void
adpsgd_half_way(size_t n, const float *restrict theirs, const float *restrict x,
                float *restrict delta)
{
    for (size_t i = 0; i < n; i++)
        delta[i] = 0.5f * (x[i] - theirs[i]);
}

static void
adpsgd_absorb(void *state, size_t n, float *x, const float **view)
{
    struct adpsgd *s = state;
    for (size_t lane = 0; lane < s->lanes; lane++) {
        if (s->inbox[lane] == NULL)
            continue;
        if (s->active) {
            sm_vec_axpy(n, 1.0f, s->inbox[lane]->x, x);
        } else {
            float *delta = s->outbox[lane]->x;
            adpsgd_half_way(n, s->inbox[lane]->x, x, delta);
            sm_codec_encode(&s->codec, delta);
            sm_vec_axpy(n, -1.0f, delta, x);
        }
        sm_parcel_release(s->inbox[lane]);
        s->inbox[lane] = NULL;
    }
    *view = x;
}

static void
adpsgd_split(void *state, size_t n, float gamma, const float *g, float *x)
{
    (void)gamma;
    (void)g;
    struct adpsgd *s = state;
    if (!s->active || s->outbox[0] == NULL)
        return;
    memcpy(s->outbox[0]->x, x, n * sizeof *x);
    sm_codec_encode(&s->codec, s->outbox[0]->x);
}

/* The passive rank of the next exchange. */
static size_t
adpsgd_peer(struct adpsgd *s, const struct sm_comm *comm)
{
    if (s->rng != NULL)
        return 2 * sm_rng_below(s->rng, comm->size / 2) + 1;
    size_t levels = 1;
    while (((size_t)1 << levels) + 1 < comm->size)
        levels++;
    const size_t e = s->begun++ % levels, ahead = e == 0 ? 1 : 1 + ((size_t)1 << e);
    return (comm->rank + ahead) % comm->size;
}

/* A model leaves, or deltas; a passive rank is ready for the next models after that, but for those
 * of ranks that are ahead of it by a drain. */
static enum sm_status
adpsgd_send(void *state, struct sm_comm *comm)
{
    struct adpsgd *s = state;
    for (size_t lane = 0; lane < s->lanes; lane++) {
        const bool sends = s->outbox[lane] != NULL;
        const size_t peer = !s->active ? 2 * lane : sends ? adpsgd_peer(s, comm) : 0;
        if (sends)
            SM_TRY(comm->ops->isend(comm, peer, s->outbox[lane]));
        sm_parcel_release(s->outbox[lane]);
        s->outbox[lane] = NULL;
        if (s->active ? sends : s->posted[lane] == NULL && !s->left[lane])
            SM_TRY(comm->ops->irecv(comm, peer, &s->inbox[lane], &s->posted[lane]));
    }
    return SM_OK;
}

static enum sm_status
adpsgd_say_goodbye(struct sm_comm *comm)
{
    struct sm_parcel *goodbye = sm_parcel_create(comm, 0);
    if (goodbye == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "adpsgd: no memory for a goodbye");
    for (size_t peer = 1; peer < comm->size; peer += 2)
        SM_TRY(comm->ops->isend(comm, peer, goodbye));
    sm_parcel_release(goodbye);
    return SM_OK;
}

static bool
adpsgd_all_left(const struct adpsgd *s)
{
    for (size_t lane = 0; lane < s->lanes; lane++)
        if (!s->left[lane])
            return false;
    return true;
}

static enum sm_status
adpsgd_drain(void *state, struct sm_comm *comm, size_t n, float *x, enum sm_drain why)
{
    (void)why;
    struct adpsgd *s = state;
    const float *view;
    if (s->active) {
        enum sm_status status = comm->ops->wait(comm, &s->posted[0]);
        if (s->inbox[0] != NULL || status != SM_OK)
            SM_TRY(adpsgd_open(s, comm, 0, status));
        adpsgd_absorb(s, n, x, &view);
        return adpsgd_say_goodbye(comm);
    }
    for (size_t lane; !adpsgd_all_left(s);) {
        SM_TRY(adpsgd_send(s, comm));
        enum sm_status status = comm->ops->wait_any(comm, s->posted, s->lanes, &lane);
        SM_TRY(adpsgd_open(s, comm, lane, status));
        adpsgd_absorb(s, n, x, &view);
    }
    memset(s->left, 0, s->lanes * sizeof *s->left);
    return SM_OK;
}

const struct sm_strategy sm_strategy_adpsgd = {
    .about = {.name = "adpsgd",
              .doc = "asynchronous gossip: pairs of workers average their models, nobody waits",
              .source = "Lian et al., ICML 2018, arXiv:1710.06952, Alg. 1",
              .state_size = sizeof(struct adpsgd),
              .params = adpsgd_params},
    .mixes_models = true,
    .init = adpsgd_init,
    .manner = adpsgd_manner,
    .receive = adpsgd_receive,
    .absorb = adpsgd_absorb,
    .split = adpsgd_split,
    .send = adpsgd_send,
    .drain = adpsgd_drain,
};
