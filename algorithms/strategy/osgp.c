/* SPDX-License-Identifier: GPL-3.0-or-later */
/* algorithms/strategy/osgp.c -- overlap SGP: push-sum gossip (see push_sum.h) whose messages travel
 * while gradients are computed.
 *
 *   x^{k+1} = P x^k - gamma d(z^k)                 delay 1
 *
 * A share leaves before the gradient and is absorbed before the next one. With delay s > 1 shares
 * leave every s steps; each is absorbed before the first gradient after it came, and the next ones
 * do not leave without it. Then the models that gradients are taken at depend on the clock: until
 * the others' shares are there, a rank's own is all it has, and its weight tells how much that is.
 * Source: Assran, Loizou, Ballas, Rabbat, ICML 2019, arXiv:1811.10792, Alg. 2 (its tau is the
 * delay).
 */
#include "algorithms/strategy/push_sum.h"

static const struct sm_param osgp_params[] = {
    SM_PARAM_CHOICE(struct sm_push_sum, topology, "exponential", SM_TOPOLOGY_CHOICES,
                    "graph the shares are pushed along"),
    SM_PARAM(struct sm_push_sum, peers, 1, 1, SM_MOST_PEERS, "ranks each rank pushes to at a step"),
    SM_PARAM(struct sm_push_sum, delay, 1, 0, 64,
             "shares leave every so many steps and may travel as long; 0: no overlap, as sgp"),
    SM_TOPOLOGY_EDGES(struct sm_push_sum),
    SM_PARAM_END,
};

const struct sm_strategy sm_strategy_osgp = {
    .about = {.name = "osgp",
              .doc = "overlap sgp: shares leave before the gradient and travel meanwhile",
              .source = "Assran et al., ICML 2019, arXiv:1811.10792, Alg. 2",
              .state_size = sizeof(struct sm_push_sum),
              .params = osgp_params},
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
