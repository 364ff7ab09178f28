/* SPDX-License-Identifier: GPL-3.0-or-later */
/* algorithms/outer/none.c -- no rounds: the base algorithm as it is. */
#include "algorithms/outer/outer.h"

static enum sm_round
none_round(const void *state)
{
    (void)state;
    return SM_ROUND_NONE;
}

const struct sm_outer sm_outer_none = {
    .about = {.name = "none",
              .doc = "no round end at all (gossip and all-reduce bases)",
              .source = "the base algorithm"},
    .round = none_round,
};
