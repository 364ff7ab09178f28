/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/collective/recursive_doubling.c -- all-reduce in log2 m exchanges of the whole vector.
 *
 * Rank v exchanges all it has with v xor 1, 2, 4, ...: few steps, yet each of them with all the
 * bytes, so it is for small vectors. PyTorch's TCP backend of 2018 took it for all sizes.
 * Source: Thakur, Rabenseifner, Gropp, Int. J. High Perform. Comput. Appl. 19 (2005), section 4.5.
 */
#include "sim/collective/collective.h"
#include "sim/collective/fold.h"

static size_t
recursive_doubling_steps(const struct sm_collective_call *call)
{
    const struct sm_fold fold = sm_fold_of(call->size);
    return fold.levels + 2 * (fold.extra > 0);
}

static void
recursive_doubling_step(const struct sm_collective_call *call, size_t rank, size_t step,
                        struct sm_collective_step *out)
{
    const struct sm_fold fold = sm_fold_of(call->size);
    const size_t level = step + (fold.extra == 0); /* 0 folds, levels + 1 unfolds */
    const size_t v = sm_fold_number(&fold, rank);
    const bool unfolds = level > fold.levels;
    *out = (struct sm_collective_step){
        .send_to = SM_NO_RANK, .receive_from = SM_NO_RANK, .combine = !unfolds};
    if (level == 0 || unfolds) {
        sm_fold_step(&fold, rank, !unfolds, 1, out);
    } else if (v != SM_NO_RANK) {
        out->send_to = out->receive_from = sm_fold_rank(&fold, v ^ (size_t)1 << (level - 1));
        out->send_count = out->receive_count = 1;
    }
}

static double
recursive_doubling_seconds(const struct sm_collective_call *call, double latency, double bandwidth)
{
    if (call->bytes == 0)
        return 0;
    return (double)recursive_doubling_steps(call) * (latency + call->bytes / bandwidth);
}

const struct sm_collective sm_collective_recursive_doubling = {
    .about = {.name = "recursive_doubling",
              .doc = "log2 m exchanges of the whole vector, for any m; for small ones",
              .source = "Thakur et al., IJHPCA 19 (2005), 4.5"},
    .operation = SM_ALL_REDUCE,
    .closed_form = "log2(p) (latency + bytes / bandwidth), p the largest power of two <= m; and "
                   "2 (latency + bytes / bandwidth) where p < m",
    .chunks = sm_collective_one_chunk,
    .steps = recursive_doubling_steps,
    .step = recursive_doubling_step,
    .seconds = recursive_doubling_seconds,
};
