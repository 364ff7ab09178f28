/* SPDX-License-Identifier: GPL-3.0-or-later */
/* algorithms/buffer/average.c -- the buffers are averaged too, at the cost of their bytes.
 *
 * With outer = average this is double averaging. Source: Yu, Jin, Yang, ICML 2019,
 * arXiv:1905.03817, Alg. 1.
 */
#include "algorithms/buffer/buffer.h"

static enum sm_status
average_apply(struct sm_comm *comm, const struct sm_inner *inner, void *inner_state)
{
    struct sm_buffer buffer;
    for (size_t i = 0; inner->buffer != NULL && inner->buffer(inner_state, i, &buffer); i++)
        if (!buffer.counter)
            SM_TRY(sm_comm_average(comm, buffer.x, buffer.n));
    return SM_OK;
}

const struct sm_buffer_strategy sm_buffer_average = {
    .about = {.name = "average",
              .doc = "all-reduce the inner optimizer's buffers (their bytes travel)",
              .source = "Yu, Jin, Yang, ICML 2019, arXiv:1905.03817, Alg. 1"},
    .apply = average_apply,
};
