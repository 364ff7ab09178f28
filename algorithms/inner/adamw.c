/* SPDX-License-Identifier: GPL-3.0-or-later */
/* algorithms/inner/adamw.c -- Adam whose weight decay does not pass through the moments:
 * x <- (1 - gamma weight_decay) x, then adam.c's step without decay. */
#include "algorithms/inner/adam.h"

static const struct sm_param adamw_params[] = {
    SM_PARAM(struct sm_adam, lr, 1e-3f, 0.0f, 1e6f, "learning rate gamma"),
    SM_PARAM(struct sm_adam, beta1, 0.9f, 0.0f, 0.9999f, "decay of the mean of g"),
    SM_PARAM(struct sm_adam, beta2, 0.999f, 0.0f, 0.99999f, "decay of the mean of g^2"),
    SM_PARAM(struct sm_adam, epsilon, 1e-8f, 1e-20f, 1.0f, "added to the root, as g"),
    SM_PARAM(struct sm_adam, weight_decay, 0.01f, 0.0f, 1.0f,
             "share of x taken away in a step, per unit of gamma"),
    SM_PARAM_END,
};

static enum sm_status
adamw_step(void *state, size_t n, float gamma, float *g, float *x)
{
    struct sm_adam *s = state;
    sm_adam_step(s, n, gamma, 0.0f, gamma * s->weight_decay, g, x);
    return SM_OK;
}

const struct sm_inner sm_inner_adamw = {
    .about = {.name = "adamw",
              .doc = "adam with decoupled weight decay",
              .source = "Loshchilov, Hutter, ICLR 2019, arXiv:1711.05101, algorithm 2",
              .state_size = sizeof(struct sm_adam),
              .params = adamw_params},
    .init = sm_adam_init,
    .step = adamw_step,
    .buffer = sm_adam_buffer,
};
