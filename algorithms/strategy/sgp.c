/* SPDX-License-Identifier: GPL-3.0-or-later */
/* algorithms/strategy/sgp.c -- stochastic gradient push: push-sum gossip on a directed graph.
 *
 *   z = x / w                                      gradients are taken at z
 *   x <- x - gamma d                               the inner step moves x
 *   x <- x / (p+1) + sum of what arrives           a rank keeps one share and sends p
 *   w <- w / (p+1) + sum of the weights that arrive
 *
 * The mixing matrix is column-stochastic, so sum x and sum w are conserved (shares in flight
 * included). Messages leave after the inner step and are absorbed before the next gradient.
 * Source: Assran, Loizou, Ballas, Rabbat, ICML 2019, arXiv:1811.10792, Alg. 1.
 */
#include "algorithms/strategy/strategy.h"
#include "sim/base/vec.h"
#include "sim/comm/topology.h"

struct sgp {
    const char *topology; /* settings */
    size_t peers;
    const struct sm_topology *graph;
    size_t n;
    size_t step;                /* index into the sequence of graphs                          */
    float weight;               /* w, push-sum weight; sum over ranks and flight is m         */
    float *view;                /* (n) z, used when w is not 1                                */
    size_t *ranks;              /* (size) scratch for the graph                               */
    size_t receivers;           /* of this step                                               */
    struct sm_parcel *share;    /* what split prepares and send sends                 */
    size_t in_flight, arrived;  /* receipts posted; parcels received, not yet in x    */
    struct sm_parcel **inbox;   /* (most)                                             */
    struct sm_request **posted; /* (most)                                             */
    size_t most;                /* receipts at one step                               */
};

static const struct sm_param sgp_params[] = {
    SM_PARAM_CHOICE(struct sgp, topology, "exponential", SM_TOPOLOGY_CHOICES,
                    "graph the shares are pushed along"),
    SM_PARAM(struct sgp, peers, 1, 1, 64, "ranks each rank pushes to at a step"),
    SM_PARAM_END,
};

static size_t
sgp_senders(const struct sgp *s, const struct sm_comm *comm, size_t step)
{
    size_t (*in)(size_t, size_t, size_t, size_t, size_t *) =
        s->graph->in != NULL ? s->graph->in : s->graph->out;
    return in(comm->size, s->peers, comm->rank, step, s->ranks);
}

static enum sm_status
sgp_init(void *state, const struct sm_setup *setup)
{
    struct sgp *s = state;
    struct sm_arena *arena = setup->arena;
    const struct sm_comm *comm = setup->comm;
    const size_t n = setup->n;
    const struct sm_plugin *graph;
    SM_TRY(sm_axis_find(&sm_axis_topology, s->topology, &graph));
    s->graph = (const struct sm_topology *)graph;
    if (s->graph->check != NULL)
        SM_TRY(s->graph->check(comm->size, s->peers));
    if (s->peers >= comm->size && comm->size > 1)
        return SM_FAIL(SM_ERR_INPUT, "sgp: %zu peers among %zu workers, expected at most %zu",
                       s->peers, comm->size, comm->size - 1);
    s->n = n;
    s->weight = 1.0f;
    s->ranks = sm_arena_alloc(arena, comm->size, sizeof *s->ranks);
    s->view = sm_arena_alloc(arena, n, sizeof *s->view);
    if (s->ranks == NULL || s->view == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "sgp: a vector of n=%zu floats", n);
    for (size_t k = 0; k < 64; k++) { /* graphs repeat after at most log2(size) steps */
        size_t count = sgp_senders(s, comm, k);
        s->most = count > s->most ? count : s->most;
    }
    s->inbox = sm_arena_zalloc(arena, s->most, sizeof(struct sm_parcel *));
    s->posted = sm_arena_zalloc(arena, s->most, sizeof(struct sm_request *));
    if (s->inbox == NULL || s->posted == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "sgp: %zu receipts", s->most);
    return SM_OK;
}

/* Waits for the shares in flight, in the order of the graph, and has a parcel ready to split into.
 */
static enum sm_status
sgp_receive(void *state, struct sm_comm *comm)
{
    struct sgp *s = state;
    for (; s->arrived < s->in_flight; s->arrived++)
        SM_TRY(comm->ops->wait(comm, &s->posted[s->arrived]));
    s->in_flight = 0;
    s->receivers = s->graph->out(comm->size, s->peers, comm->rank, s->step, s->ranks);
    if (s->share == NULL && (s->share = sm_parcel_create(comm, s->n)) == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "sgp: a parcel of n=%zu floats", s->n);
    s->share->wire = (double)s->n + comm->statistics;
    return SM_OK;
}

/* Adds what arrived to x and w. */
static void
sgp_take(struct sgp *s, size_t n, float *x)
{
    for (size_t i = 0; i < s->arrived; i++) {
        sm_vec_axpy(n, 1.0f, s->inbox[i]->x, x);
        s->weight += s->inbox[i]->weight;
        sm_parcel_release(s->inbox[i]);
    }
    s->arrived = 0;
}

static void
sgp_absorb(void *state, size_t n, float *x, const float **view)
{
    struct sgp *s = state;
    sgp_take(s, n, x);
    *view = x;
    if (s->weight != 1.0f) {
        sm_vec_scaled_copy(n, 1.0f / s->weight, x, s->view);
        *view = s->view;
    }
}

static void
sgp_split(void *state, size_t n, float gamma, const float *g, float *x)
{
    (void)gamma;
    (void)g;
    struct sgp *s = state;
    float keep = 1.0f / (float)(s->receivers + 1);
    sm_vec_scale_and_copy(n, keep, x, s->share->x);
    s->weight *= keep;
    s->share->weight = s->weight;
}

static enum sm_status
sgp_send(void *state, struct sm_comm *comm)
{
    struct sgp *s = state;
    size_t step = s->step++;
    size_t count = s->graph->out(comm->size, s->peers, comm->rank, step, s->ranks);
    for (size_t i = 0; i < count; i++)
        SM_TRY(comm->ops->isend(comm, s->ranks[i], s->share));
    sm_parcel_release(s->share);
    s->share = NULL;
    count = sgp_senders(s, comm, step);
    for (; s->in_flight < count; s->in_flight++)
        SM_TRY(comm->ops->irecv(comm, s->ranks[s->in_flight], &s->inbox[s->in_flight],
                                &s->posted[s->in_flight]));
    return SM_OK;
}

static enum sm_status
sgp_drain(void *state, struct sm_comm *comm, size_t n, float *x, enum sm_drain why)
{
    struct sgp *s = state;
    SM_TRY(sgp_receive(s, comm));
    sgp_take(s, n, x);
    if (why ==
        SM_DRAIN_AVERAGE) /* sum w = m, so the mean of x is the mean of the models it stands for */
        s->weight = 1.0f;
    return SM_OK;
}

const struct sm_strategy sm_strategy_sgp = {
    .about = {.name = "sgp",
              .doc = "push-sum gossip: each step a share of the model goes to p peers",
              .source = "Assran et al., ICML 2019, arXiv:1811.10792, Alg. 1",
              .state_size = sizeof(struct sgp),
              .params = sgp_params},
    .mixes_models = true,
    .init = sgp_init,
    .receive = sgp_receive,
    .absorb = sgp_absorb,
    .split = sgp_split,
    .send = sgp_send,
    .drain = sgp_drain,
};
