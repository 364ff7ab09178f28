/* SPDX-License-Identifier: GPL-3.0-or-later */
/* algorithms/strategy/dpsgd.c -- decentralized parallel SGD: models are averaged with neighbours.
 *
 *   x_i^{k+1} = sum_j W_ij x_j^k - gamma d(x_i^k)
 *   W_ij = 1 / (1 + max(d_i, d_j)) between neighbours, of which rank i has d_i
 *
 * Models leave before the gradient and are mixed in before the next. W is symmetric and its rows
 * add up to 1, so mixing keeps the mean. It goes as x_i += W_ij (x_j - x_i): equal models stay what
 * they are, and where C(x_j) travels for x_j, C(x_i) takes the part of the own, so the mean is kept
 * whatever a compression C does.
 * Source: Lian et al., NeurIPS 2017, arXiv:1705.09056, Alg. 1; W: Xiao, Boyd, Lall, IPSN 2005
 * (Metropolis weights).
 */
#include <string.h>

#include "algorithms/strategy/gossip.h"
#include "sim/base/clones.h"

struct dpsgd {
    const char *topology; /* settings */
    struct sm_numbers edges;
    struct sm_gossip gossip; /* beside a model travels the number of its rank's neighbours */
    struct sm_parcel *own;   /* what was sent and not yet mixed                            */
};

static const struct sm_param dpsgd_params[] = {
    SM_PARAM_CHOICE(struct dpsgd, topology, "ring", SM_TOPOLOGY_CHOICES,
                    "undirected graph of the neighbours"),
    SM_TOPOLOGY_EDGES(struct dpsgd),
    SM_PARAM_END,
};

static enum sm_status
dpsgd_init(void *state, const struct sm_setup *setup)
{
    enum { BOTH_WAYS = 2 }; /* peers on a ring */
    struct dpsgd *s = state;
    SM_TRY(sm_gossip_init(&s->gossip, setup, s->topology,
                          (struct sm_graph){.peers = BOTH_WAYS, .edges = s->edges}, 1));
    if (sm_graph_directed(&s->gossip.graph))
        return SM_FAIL(SM_ERR_INPUT,
                       "dpsgd: topology %s is directed, expected an undirected one such as ring",
                       s->topology);
    return SM_OK;
}

static unsigned
dpsgd_manner(const void *settings)
{
    (void)settings;
    return SM_SENDS_EARLY;
}

static enum sm_status
dpsgd_receive(void *state, struct sm_comm *comm)
{
    return sm_gossip_receive(&((struct dpsgd *)state)->gossip, comm);
}

/* x (n) += w (theirs - own) */
SM_CLONES static void
dpsgd_approach(size_t n, float w, const float *restrict theirs, const float *restrict own,
               float *restrict x)
{
    for (size_t i = 0; i < n; i++)
        x[i] += w * (theirs[i] - own[i]);
}

static void
dpsgd_mix(struct dpsgd *s, size_t n, float *x)
{
    for (size_t i = 0; i < s->gossip.senders; i++) {
        struct sm_parcel *theirs = sm_gossip_take(&s->gossip, i);
        if (theirs == NULL)
            continue;
        float most = theirs->weight > s->own->weight ? theirs->weight : s->own->weight;
        dpsgd_approach(n, 1.0f / (1.0f + most), theirs->x, s->own->x, x);
        sm_parcel_release(theirs);
    }
    sm_parcel_release(s->own);
    s->own = NULL;
}

static void
dpsgd_absorb(void *state, size_t n, float *x, const float **view)
{
    dpsgd_mix(state, n, x);
    *view = x;
}

static void
dpsgd_split(void *state, size_t n, float gamma, const float *g, float *x)
{
    (void)gamma;
    (void)g;
    struct dpsgd *s = state;
    s->own = s->gossip.parcel;
    sm_parcel_hold(s->own);
    memcpy(s->own->x, x, n * sizeof *x);
    sm_codec_encode(&s->gossip.codec, s->own->x);
    s->own->weight = (float)s->gossip.receivers;
}

static enum sm_status
dpsgd_send(void *state, struct sm_comm *comm)
{
    return sm_gossip_send(&((struct dpsgd *)state)->gossip, comm);
}

static enum sm_status
dpsgd_drain(void *state, struct sm_comm *comm, size_t n, float *x, enum sm_drain why)
{
    (void)why;
    SM_TRY(sm_gossip_receive_all(&((struct dpsgd *)state)->gossip, comm));
    dpsgd_mix(state, n, x);
    return SM_OK;
}

static size_t
dpsgd_cycle(const void *state)
{
    return sm_graph_cycle(&((const struct dpsgd *)state)->gossip.graph);
}

const struct sm_strategy sm_strategy_dpsgd = {
    .about = {.name = "dpsgd",
              .doc = "models averaged with the neighbours' of an undirected graph at each step",
              .source = "Lian et al., NeurIPS 2017, arXiv:1705.09056, Alg. 1",
              .state_size = sizeof(struct dpsgd),
              .params = dpsgd_params},
    .mixes_models = true,
    .init = dpsgd_init,
    .manner = dpsgd_manner,
    .receive = dpsgd_receive,
    .absorb = dpsgd_absorb,
    .split = dpsgd_split,
    .send = dpsgd_send,
    .drain = dpsgd_drain,
    .cycle = dpsgd_cycle,
};
