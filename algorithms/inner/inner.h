/* SPDX-License-Identifier: GPL-3.0-or-later */
/* algorithms/inner/inner.h -- the inner-optimizer axis: one local step from one gradient.
 *
 * Every inner optimizer has a setting `lr`, the base learning rate; the schedule multiplies it.
 */
#ifndef SM_ALGORITHMS_INNER_INNER_H
#define SM_ALGORITHMS_INNER_INNER_H

#include <stdbool.h>

#include "algorithms/setup.h"

/* A piece of the optimizer's state, for whoever resets or averages it without knowing what it is.
 */
struct sm_buffer {
    float *x; /* (n); zero is its state before the first step                 */
    size_t n;
    bool counter; /* counts steps: the same on every worker, nothing to average */
};

struct sm_inner {
    struct sm_plugin about;
    bool by_matrix; /* treats a layer as a whole: needs the whole model, not a part of it */
    /* REQUIRED. Checks the settings and takes buffers for setup->n parameters. */
    enum sm_status (*init)(void *state, const struct sm_setup *setup);
    /* REQUIRED. x (n) moves by one step of learning rate gamma along g (n); g may be overwritten.
     */
    enum sm_status (*step)(void *state, size_t n, float gamma, float *g, float *x);
    /* OPTIONAL. *buffer = the i-th piece of state; false past the last. */
    bool (*buffer)(void *state, size_t i, struct sm_buffer *buffer);
};

/* g (n) is shortened to the length `most` if it is longer. Source: Pascanu, Mikolov, Bengio, ICML
 * 2013, arXiv:1211.5063, Alg. 1; torch.nn.utils.clip_grad_norm_. */
void sm_inner_clip(size_t n, float most, float *g);

#define SM_INNER_LIST(X) X(sgd) X(adam) X(adamw) X(lamb) X(muon)

#define X(id) extern const struct sm_inner sm_inner_##id;
SM_INNER_LIST(X)
#undef X

extern const struct sm_axis sm_axis_inner;

#endif
