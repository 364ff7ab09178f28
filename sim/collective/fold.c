/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/collective/fold.c -- see fold.h. */
#include "sim/collective/fold.h"

struct sm_fold
sm_fold_of(size_t size)
{
    struct sm_fold fold = {1, 0, 0};
    while (2 * fold.power <= size) {
        fold.power *= 2;
        fold.levels++;
    }
    fold.extra = size - fold.power;
    return fold;
}

size_t
sm_fold_rank(const struct sm_fold *fold, size_t v)
{
    return v < fold->extra ? 2 * v : v + fold->extra;
}

size_t
sm_fold_number(const struct sm_fold *fold, size_t rank)
{
    if (rank >= 2 * fold->extra)
        return rank - fold->extra;
    return rank % 2 == 0 ? rank / 2 : SM_NO_RANK;
}

void
sm_fold_step(const struct sm_fold *fold, size_t rank, bool in, size_t chunks,
             struct sm_collective_step *out)
{
    if (rank >= 2 * fold->extra)
        return;
    const size_t odd = rank | 1, even = odd - 1;
    const size_t from = in ? odd : even;
    if (rank == from) {
        out->send_to = odd + even - from;
        out->send_count = chunks;
    } else {
        out->receive_from = from;
        out->receive_count = chunks;
    }
}
