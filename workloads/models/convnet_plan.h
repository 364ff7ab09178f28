/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/models/convnet_plan.h -- what convnet.c builds and convnet_run.c computes.
 *
 * Layers fold as they are built: a *value* is the join of what stands between convolutions,
 *     pool(relu(norm(conv) + (norm(conv) or another value))),
 * which is computed in one go, and a *convolution* reads one value and is a term of one. So the
 * whole net is two kinds of things in the order of the list, then dense layers.
 *
 * A *pass* streams the batch through values in turns of a few images, so that what one kernel
 * leaves in the L2 cache the next one finds there. It begins with a value of normalised terms:
 * batch norm must have seen the whole batch by then.
 */
#ifndef SM_WORKLOADS_MODELS_CONVNET_PLAN_H
#define SM_WORKLOADS_MODELS_CONVNET_PLAN_H

#include "workloads/kernels/conv.h"
#include "workloads/models/convnet.h"

enum sm_pool { SM_POOL_NONE, SM_POOL_MAX, SM_POOL_AVERAGE };

struct sm_net_conv {
    struct sm_conv shape;
    const char *name, *norm; /* norm NULL: none, and maybe a bias                            */
    struct sm_value *from;   /* reads this                                                   */
    struct sm_value *into;   /* is a term of this                                            */
    struct sm_net_conv *next, *sibling; /* of the net; of the same `from`                    */
    size_t index;                       /* 0 .. convs - 1                                    */
    size_t height, width;               /* of what it makes                                  */
    size_t weight, bias, gamma, beta;   /* offsets in the flat vector; bias where `biased`   */
    size_t mean, variance;              /* offsets in the running statistics, of batch norm  */
    bool biased;
    size_t layer; /* in struct sm_layer_times */
};

struct sm_value {
    struct sm_net *net;
    struct sm_net_conv *terms[2];
    size_t terms_count;
    struct sm_value *shortcut; /* another term; NULL: none                                   */
    bool relu;
    enum sm_pool pool;
    struct sm_net_dense *dense; /* not NULL: a vector from this layer, nothing of the others */

    struct sm_net_conv *convs; /* that read it                                              */
    struct sm_value *branch;   /* whose shortcut it is; NULL: nobody's                      */
    struct sm_value *next;     /* of the net                                                */
    size_t index;              /* 0 .. values - 1                                           */
    size_t height, width, channels;
    size_t border; /* zero pixels around it, for the kernels that read it                    */
    bool kept;     /* for the whole batch; else made anew from its terms                     */
    size_t slot;   /* place of its gradient for the whole batch, NO_SLOT: of a turn          */
    size_t layer;  /* in struct sm_layer_times */
    const char *name;
};

enum { SM_NO_SLOT = 1000, SM_MOST_DENSE = 4 };

struct sm_net_dense {
    const char *name;
    size_t in, out, weight, bias; /* offsets */
    bool relu;
    size_t layer;
};

struct sm_net_pass {
    size_t first, end; /* values                 */
    size_t turn;       /* images a turn          */
};

struct sm_tensor_list {
    struct sm_tensor *tensors;
    size_t count, capacity, floats;
};

struct sm_net {
    struct sm_arena *arena;
    enum sm_status status; /* of the calls so far                          */
    size_t groups, classes;
    const char *prefix;
    struct sm_tensor_list parameters, statistics;
    struct sm_net_conv *first_conv, *last_conv;
    struct sm_value *first_value, *last_value; /* without dense ones        */
    struct sm_net_dense dense[SM_MOST_DENSE];
    size_t convs_count, values_count, dense_count;
    /* by sm_net_finish */
    struct sm_value **values; /* (values_count) in order                    */
    struct sm_net_pass *passes;
    size_t passes_count;
    size_t *slots; /* (slots_count) floats an image                         */
    size_t slots_count;
    size_t widest; /* channels of any convolution                           */
};

#endif
