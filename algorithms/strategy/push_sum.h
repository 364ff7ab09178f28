/* SPDX-License-Identifier: GPL-3.0-or-later */
/* algorithms/strategy/push_sum.h -- what sgp and osgp share: a model is x / w, and shares of both
 * travel along a directed graph.
 *
 *   z = x / w                                      gradients are taken at z
 *   x <- x / (p+1) + sum of what arrives           a rank keeps one share and sends p
 *   w <- w / (p+1) + sum of the weights that arrive
 *
 * The mixing matrix is column-stochastic, so sum x and sum w are conserved (shares in flight
 * included), however late a share arrives. A share C(x / (p+1)) that a compression C changes leaves
 * x - p C(x / (p+1)) behind, which conserves them too.
 */
#ifndef SM_ALGORITHMS_STRATEGY_PUSH_SUM_H
#define SM_ALGORITHMS_STRATEGY_PUSH_SUM_H

#include "algorithms/strategy/gossip.h"

struct sm_push_sum {
    const char *topology; /* settings */
    size_t peers;
    struct sm_numbers edges;
    size_t delay; /* 0: shares leave after the inner step. Else before the gradient, every so many
                     steps, and are waited for until the next leave                            */
    bool buffers; /* setting: those of the inner optimizer are pushed along */
    const struct sm_buffer *mixed; /* (mixed_count) they; behind x in a share, in this order */
    size_t mixed_count;
    struct sm_gossip gossip;
    float weight; /* w; sum over ranks and flight is m */
    float *view;  /* (n) z, where it is not x          */
};

/* The slots of a strategy whose state is a struct sm_push_sum. */
enum sm_status sm_push_sum_init(void *state, const struct sm_setup *setup);
unsigned sm_push_sum_manner(const void *settings);
enum sm_status sm_push_sum_receive(void *state, struct sm_comm *comm);
void sm_push_sum_absorb(void *state, size_t n, float *x, const float **view);
void sm_push_sum_split(void *state, size_t n, float gamma, const float *g, float *x);
enum sm_status sm_push_sum_send(void *state, struct sm_comm *comm);
enum sm_status sm_push_sum_drain(void *state, struct sm_comm *comm, size_t n, float *x,
                                 enum sm_drain why);
size_t sm_push_sum_cycle(const void *state);

#endif
