/* SPDX-License-Identifier: GPL-3.0-or-later */
/* algorithms/strategy/sgp.c -- stochastic gradient push: push-sum gossip (see push_sum.h).
 *
 *   x^{k+1} = P (x^k - gamma d(z^k))
 *
 * Messages leave after the inner step and are absorbed before the next gradient.
 * With buffers: yes its momentum u is mixed like x, u <- P u, and each message carries both: what
 * the SlowMo paper (sec. 3 and 4) measures as double averaging over SGP, after Yu, Jin, Yang, ICML
 * 2019, arXiv:1905.03817, Alg. 2.
 * Source: Assran, Loizou, Ballas, Rabbat, ICML 2019, arXiv:1811.10792, Alg. 1.
 */
#include "algorithms/strategy/push_sum.h"

static const struct sm_param sgp_params[] = {
    SM_PARAM_CHOICE(struct sm_push_sum, topology, "exponential", SM_TOPOLOGY_CHOICES,
                    "graph the shares are pushed along"),
    SM_PARAM(struct sm_push_sum, peers, 1, 1, SM_MOST_PEERS, "ranks each rank pushes to at a step"),
    SM_TOPOLOGY_EDGES(struct sm_push_sum),
    SM_PARAM_BOOL(struct sm_push_sum, buffers, false,
                  "the inner optimizer's buffers are pushed along: double averaging"),
    SM_PARAM_END,
};

const struct sm_strategy sm_strategy_sgp = {
    .about = {.name = "sgp",
              .doc = "push-sum gossip: each step a share of the model goes to p peers",
              .source = "Assran et al., ICML 2019, arXiv:1811.10792, Alg. 1",
              .state_size = sizeof(struct sm_push_sum),
              .params = sgp_params},
    .mixes_models = true,
    .init = sm_push_sum_init,
    .manner = sm_push_sum_manner,
    .receive = sm_push_sum_receive,
    .absorb = sm_push_sum_absorb,
    .split = sm_push_sum_split,
    .send = sm_push_sum_send,
    .drain = sm_push_sum_drain,
    .cycle = sm_push_sum_cycle,
};
