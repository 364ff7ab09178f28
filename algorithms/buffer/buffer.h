/* SPDX-License-Identifier: GPL-3.0-or-later */
/* algorithms/buffer/buffer.h -- the buffer axis: what a new round does to the inner optimizer's
 * state. It never names an optimizer: inner->buffer lists the pieces. */
#ifndef SM_ALGORITHMS_BUFFER_BUFFER_H
#define SM_ALGORITHMS_BUFFER_BUFFER_H

#include "algorithms/inner/inner.h"
#include "sim/comm/comm.h"

struct sm_buffer_strategy {
    struct sm_plugin about;
    /* REQUIRED. Called after the exact average; inner_state is the worker's own. */
    enum sm_status (*apply)(struct sm_comm *comm, const struct sm_inner *inner, void *inner_state);
};

#define SM_BUFFER_LIST(X) X(reset) X(maintain) X(average)

#define X(id) extern const struct sm_buffer_strategy sm_buffer_##id;
SM_BUFFER_LIST(X)
#undef X

extern const struct sm_axis sm_axis_buffer;

#endif
