/* SPDX-License-Identifier: GPL-3.0-or-later */
/* algorithms/setup.h -- what an algorithm is told before the first step. */
#ifndef SM_ALGORITHMS_SETUP_H
#define SM_ALGORITHMS_SETUP_H

#include "sim/base/arena.h"
#include "sim/base/matrix.h"
#include "sim/base/plugin.h"
#include "sim/comm/comm.h"

struct sm_buffer; /* algorithms/inner/inner.h */

/* Borrowed for the call of init, but for what it takes from the arena; comm and matrices live as
 * long as the worker. */
struct sm_setup {
    struct sm_arena *arena;
    struct sm_comm *comm;             /* rank, size and seed are known; nothing may be sent yet   */
    size_t n;                         /* parameters                                               */
    const float *x0;                  /* (n) the model that every worker starts from              */
    const struct sm_matrix *matrices; /* (matrix_count) they cover the n parameters in order      */
    size_t matrix_count;
    /* (whole_count) of the model that the n parameters pass for, where they are not it but weigh as
     * much (timing only); NULL: matrices are those */
    const struct sm_matrix *whole;
    size_t whole_count;
    /* (buffer_count) of the inner optimizer, without its counters; of a strategy that mixes them */
    const struct sm_buffer *buffers;
    size_t buffer_count;
    const struct sm_choice *compression; /* of what travels: make codecs of it (compression.h)    */
};

#endif
