/* SPDX-License-Identifier: GPL-3.0-or-later */
/* algorithms/buffer/reset.c -- the round starts with a fresh inner optimizer.
 *
 * Source: Wang et al., ICLR 2020, arXiv:1910.00643, Alg. 1, line 2; its choice for images.
 */
#include <string.h>

#include "algorithms/buffer/buffer.h"

static enum sm_status
reset_apply(struct sm_comm *comm, const struct sm_inner *inner, void *inner_state)
{
    (void)comm;
    struct sm_buffer buffer;
    for (size_t i = 0; inner->buffer != NULL && inner->buffer(inner_state, i, &buffer); i++)
        memset(buffer.x, 0, buffer.n * sizeof *buffer.x);
    return SM_OK;
}

const struct sm_buffer_strategy sm_buffer_reset = {
    .about = {.name = "reset",
              .doc = "zero the inner optimizer's buffers and counters",
              .source = "Wang et al., ICLR 2020, arXiv:1910.00643, Alg. 1"},
    .apply = reset_apply,
};
