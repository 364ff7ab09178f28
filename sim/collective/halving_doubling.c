/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/collective/halving_doubling.c -- reduce-scatter by recursive halving, all-gather by recursive
 * doubling, and both as an all-reduce.
 *
 * On p ranks, a power of two (fold.h has what the others do), v exchanges with v xor p/2, p/4, ...,
 * 1 the half of its block that it does not keep, and then the same way back.
 * Source: Rabenseifner, ICCS 2004; Thakur, Rabenseifner, Gropp, Int. J. High Perform. Comput. Appl.
 * 19 (2005), section 4.3.
 */
#include "sim/collective/fold.h"
#include "sim/collective/halves.h"

static const char source[] = "Rabenseifner, ICCS 2004; Thakur et al., IJHPCA 19 (2005), 4.3";

static size_t
halving_doubling_chunks(const struct sm_collective_call *call)
{
    return sm_fold_of(call->size).power;
}

static size_t
half_steps(const struct sm_collective_call *call)
{
    const struct sm_fold fold = sm_fold_of(call->size);
    return fold.levels + (fold.extra > 0);
}

/* v and v xor `distance` exchange the halves of the block of 2 distance chunks that they are in:
 * `give` says that v sends the one its partner keeps, else its own. */
static void
exchange(const struct sm_fold *fold, size_t v, size_t distance, bool give,
         struct sm_collective_step *out)
{
    size_t mine = v / distance * distance, other = mine ^ distance;
    out->send_to = out->receive_from = sm_fold_rank(fold, v ^ distance);
    out->send_first = give ? other : mine;
    out->receive_first = give ? mine : other;
    out->send_count = out->receive_count = distance;
}

/* Level 0 folds, or unfolds; then level l is of distance p / 2^l. */
static void
half_step(const struct sm_collective_call *call, size_t rank, size_t step, bool halving,
          struct sm_collective_step *out)
{
    const struct sm_fold fold = sm_fold_of(call->size);
    const size_t level = halving ? step + (fold.extra == 0) : fold.levels - step;
    *out = (struct sm_collective_step){
        .send_to = SM_NO_RANK, .receive_from = SM_NO_RANK, .combine = halving};
    const size_t v = sm_fold_number(&fold, rank);
    if (level == 0)
        sm_fold_step(&fold, rank, halving, fold.power, out);
    else if (v != SM_NO_RANK)
        exchange(&fold, v, fold.power >> level, halving, out);
}

static size_t
half_owner(const struct sm_collective_call *call, size_t chunk)
{
    const struct sm_fold fold = sm_fold_of(call->size);
    return sm_fold_rank(&fold, chunk);
}

/* Rank 0 keeps the first half of each block, which is the longer where they differ. */
static double
half_seconds(const struct sm_collective_call *call, double latency, double bandwidth)
{
    const struct sm_fold fold = sm_fold_of(call->size);
    if (call->bytes == 0)
        return 0;
    double seconds = fold.extra > 0 ? latency + call->bytes / bandwidth : 0;
    for (size_t distance = fold.power / 2; distance > 0; distance /= 2)
        seconds += latency + sm_collective_bytes(call->bytes, fold.power, 0, distance) / bandwidth;
    return seconds;
}

const struct sm_collective sm_collective_halving_doubling = {
    .about = {.name = "halving_doubling",
              .doc = "recursive halving, then doubling; log2 m steps, for any m",
              .source = source},
    .operation = SM_ALL_REDUCE,
    .closed_form = "2 (log2(p) latency + (p-1)/p bytes / bandwidth), p the largest power of two <= "
                   "m; and 2 (latency + bytes / bandwidth) where p < m",
    .chunks = halving_doubling_chunks,
    .steps = both_steps,
    .step = both_step,
    .seconds = both_seconds,
};

const struct sm_collective sm_collective_halving_reduce_scatter = {
    .about = {.name = "halving_reduce_scatter",
              .doc = "p of the ranks end with the sum of one chunk; the first half of "
                     "halving_doubling",
              .source = source},
    .operation = SM_REDUCE_SCATTER,
    .closed_form = "log2(p) latency + (p-1)/p bytes / bandwidth, p the largest power of two <= m; "
                   "and latency + bytes / bandwidth where p < m",
    .chunks = halving_doubling_chunks,
    .steps = half_steps,
    .step = first_step,
    .seconds = half_seconds,
    .owner = half_owner,
};

const struct sm_collective sm_collective_doubling_all_gather = {
    .about = {.name = "doubling_all_gather",
              .doc = "each rank ends with the chunks of p of them; the second half of "
                     "halving_doubling",
              .source = source},
    .operation = SM_ALL_GATHER,
    .closed_form = "log2(p) latency + (p-1)/p bytes / bandwidth, p the largest power of two <= m; "
                   "and latency + bytes / bandwidth where p < m",
    .chunks = halving_doubling_chunks,
    .steps = half_steps,
    .step = second_step,
    .seconds = half_seconds,
    .owner = half_owner,
};
