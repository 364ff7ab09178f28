/* SPDX-License-Identifier: GPL-3.0-or-later */
/* algorithms/outer/noloco.c -- at each round end random pairs of workers meet, never all.
 *
 * phi_i is where worker i's round began, j its partner, a bar the mean of the two:
 *
 *   delta_i <- mu delta_i + eta bar(x - phi) - pull (phi_i - bar(phi))
 *   phi_i   <- phi_i + delta_i,   x_i <- phi_i
 *
 * pull keeps the replicas together, for they are never made equal. A worker without a partner (an
 * odd one is left over) is a group of its own: both bars are its own vectors.
 * The paper sends phi and x - phi. Their weights are the same on both sides, so one vector
 * v = eta (x - phi) + pull phi says as much, with half the bytes:
 *
 *   delta_i <- mu delta_i + eta (x_i - phi_i) + (v_j - v_i) / 2
 *
 * What is lost of v by compression is lost on both sides alike: the pair's mean does not notice.
 * Source: Kolehmainen et al. 2025, arXiv:2506.10911, the modified Nesterov step (alpha, beta, gamma
 * there are mu, eta, pull); eta = pull = 0.7, mu = 0.5 and rounds of 50 steps are those of the
 * authors' published code, where every worker has a partner.
 */
#include "algorithms/outer/outer.h"

#include <string.h>

#include "algorithms/compression/compression.h"
#include "sim/base/clones.h"
#include "sim/base/rng.h"

struct noloco {
    float eta, mu, pull; /* settings                                                 */
    float *phi;          /* (n) slow weights: where the round began                  */
    float *delta;        /* (n) outer momentum, units of the model; delta_0 = 0      */
    uint32_t *order;     /* (size) neighbors in it are partners: 0 and 1, 2 and 3... */
    struct sm_rng *rng;  /* draws the same order on every worker                     */
    struct sm_codec codec;
};

static const struct sm_param noloco_params[] = {
    SM_PARAM(struct noloco, eta, 0.7f, 0, 2, "outer learning rate, dimensionless"),
    SM_PARAM(struct noloco, mu, 0.5f, 0, 0.999, "outer momentum, dimensionless"),
    SM_PARAM(struct noloco, pull, 0.7f, 0, 2, "pull to the pair's mean, dimensionless"),
    SM_PARAM_END,
};

static enum sm_round
noloco_round(const void *state)
{
    (void)state;
    return SM_ROUND_EXCHANGE;
}

static enum sm_status
noloco_init(void *state, const struct sm_setup *setup)
{
    struct noloco *s = state;
    const size_t n = setup->n;
    s->phi = sm_arena_alloc(setup->arena, n, sizeof *s->phi);
    s->delta = sm_arena_zalloc(setup->arena, n, sizeof *s->delta);
    s->order = sm_arena_alloc(setup->arena, setup->comm->size, sizeof *s->order);
    s->rng = sm_rng_create(setup->arena, setup->comm->seed, SM_RNG_TOPOLOGY, UINT32_MAX);
    if (s->phi == NULL || s->delta == NULL || s->order == NULL || s->rng == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "noloco: two vectors of n=%zu floats", n);
    memcpy(s->phi, setup->x0, n * sizeof *s->phi);
    return sm_codec_init(&s->codec, setup);
}

/* This round's partner; the rank itself when it has none. */
static size_t
noloco_partner(struct noloco *s, const struct sm_comm *comm)
{
    size_t place = 0;
    for (size_t i = 0; i < comm->size; i++)
        s->order[i] = (uint32_t)i;
    sm_rng_shuffle(s->rng, s->order, comm->size);
    while (s->order[place] != comm->rank)
        place++;
    const size_t other = place ^ 1;
    return other < comm->size ? s->order[other] : comm->rank;
}

/* v <- eta (x - phi) + pull phi */
SM_CLONES static void
noloco_pack(size_t n, float eta, float pull, const float *restrict phi, const float *restrict x,
            float *restrict v)
{
    for (size_t i = 0; i < n; i++)
        v[i] = eta * (x[i] - phi[i]) + pull * phi[i];
}

SM_CLONES static void
noloco_momentum(size_t n, float eta, float mu, const float *restrict phi, const float *restrict x,
                float *restrict delta)
{
    for (size_t i = 0; i < n; i++)
        delta[i] = mu * delta[i] + eta * (x[i] - phi[i]);
}

SM_CLONES static void
noloco_meet(size_t n, const float *restrict mine, const float *restrict theirs,
            float *restrict delta)
{
    for (size_t i = 0; i < n; i++)
        delta[i] += 0.5f * (theirs[i] - mine[i]);
}

SM_CLONES static void
noloco_move(size_t n, const float *restrict delta, float *restrict phi, float *restrict x)
{
    for (size_t i = 0; i < n; i++) {
        phi[i] += delta[i];
        x[i] = phi[i];
    }
}

static enum sm_status
noloco_talk(struct noloco *s, struct sm_comm *comm, size_t partner, size_t n, const float *x)
{
    struct sm_parcel *mine = sm_parcel_create(comm, n), *theirs;
    struct sm_request *request;
    if (mine == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "noloco: a parcel of n=%zu floats", n);
    noloco_pack(n, s->eta, s->pull, s->phi, x, mine->x);
    sm_codec_encode(&s->codec, mine->x);
    mine->wire = sm_codec_wire(&s->codec) + comm->statistics;
    SM_TRY(comm->ops->isend(comm, partner, mine));
    SM_TRY(comm->ops->irecv(comm, partner, &theirs, &request));
    SM_TRY(comm->ops->wait(comm, &request));
    noloco_meet(n, mine->x, theirs->x, s->delta);
    sm_parcel_release(mine);
    sm_parcel_release(theirs);
    return SM_OK;
}

static enum sm_status
noloco_exchange(void *state, struct sm_comm *comm, const struct sm_moment *moment, size_t n,
                float *x)
{
    struct noloco *s = state;
    if (moment->done < moment->round)
        return SM_OK;
    const size_t partner = noloco_partner(s, comm);
    noloco_momentum(n, s->eta, s->mu, s->phi, x, s->delta);
    if (partner != comm->rank)
        SM_TRY(noloco_talk(s, comm, partner, n, x));
    noloco_move(n, s->delta, s->phi, x);
    return SM_OK;
}

static size_t
noloco_cycle(const void *state)
{
    (void)state;
    return 0;
}

const struct sm_outer sm_outer_noloco = {
    .about = {.name = "noloco",
              .doc = "outer momentum in random pairs: no round end waits for all workers",
              .source = "Kolehmainen et al. 2025, arXiv:2506.10911, modified Nesterov step",
              .state_size = sizeof(struct noloco),
              .params = noloco_params},
    .sends_models = true,
    .round = noloco_round,
    .init = noloco_init,
    .exchange = noloco_exchange,
    .cycle = noloco_cycle,
};
