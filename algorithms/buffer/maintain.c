/* SPDX-License-Identifier: GPL-3.0-or-later */
/* algorithms/buffer/maintain.c -- each worker keeps its buffers.
 *
 * Source: Wang et al., ICLR 2020, arXiv:1910.00643, sec. 5; its choice for Adam and language.
 */
#include "algorithms/buffer/buffer.h"

static enum sm_status
maintain_apply(struct sm_comm *comm, const struct sm_inner *inner, void *inner_state)
{
    (void)comm;
    (void)inner;
    (void)inner_state;
    return SM_OK;
}

const struct sm_buffer_strategy sm_buffer_maintain = {
    .about = {.name = "maintain",
              .doc = "keep the inner optimizer's buffers as they are",
              .source = "Wang et al., ICLR 2020, arXiv:1910.00643, sec. 5"},
    .apply = maintain_apply,
};
