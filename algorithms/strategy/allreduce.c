/* SPDX-License-Identifier: GPL-3.0-or-later */
/* algorithms/strategy/allreduce.c -- gradients are averaged at every step; replicas stay alike.
 *
 * Large-batch synchronous SGD: g <- mean_i g_i before the inner step.
 * Source: Goyal et al. 2017, arXiv:1706.02677, sec. 3 (AR-SGD in the SlowMo paper).
 */
#include "algorithms/strategy/strategy.h"

struct allreduce {
    struct sm_codec codec; /* of gradients */
};

static enum sm_status
allreduce_init(void *state, const struct sm_setup *setup)
{
    return sm_codec_init(&((struct allreduce *)state)->codec, setup);
}

static enum sm_status
allreduce_mix_gradient(void *state, struct sm_comm *comm, size_t n, float *g)
{
    (void)n;
    return sm_codec_average(&((struct allreduce *)state)->codec, comm, g, 0);
}

const struct sm_strategy sm_strategy_allreduce = {
    .about = {.name = "allreduce",
              .doc = "gradients averaged over all workers at every step",
              .source = "Goyal et al. 2017, arXiv:1706.02677, sec. 3",
              .state_size = sizeof(struct allreduce)},
    .averages_gradient = true,
    .init = allreduce_init,
    .mix_gradient = allreduce_mix_gradient,
};
