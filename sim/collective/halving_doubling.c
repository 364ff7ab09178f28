/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/collective/halving_doubling.c -- reduce-scatter by recursive halving, all-gather by recursive
 * doubling, and both as an all-reduce.
 *
 * Let p be the largest power of two that is not above m. The m - p ranks 1, 3, 5 ... first give all
 * they have to the rank before them, and get the result at the end; they own nothing in between.
 * The others are numbered v = 0 .. p-1; v exchanges with v xor p/2, p/4, ..., 1 the half of its
 * block that it does not keep, and then the same way back.
 * Source: Rabenseifner, ICCS 2004; Thakur, Rabenseifner, Gropp, Int. J. High Perform. Comput. Appl.
 * 19 (2005), section 4.3.
 */
#include "sim/collective/collective.h"

static const char source[] = "Rabenseifner, ICCS 2004; Thakur et al., IJHPCA 19 (2005), 4.3";

/* p, log2 p, and the ranks that fold. */
struct shape {
    size_t power, levels, extra;
};

static struct shape
shape_of(size_t size)
{
    struct shape shape = {1, 0, 0};
    while (2 * shape.power <= size) {
        shape.power *= 2;
        shape.levels++;
    }
    shape.extra = size - shape.power;
    return shape;
}

static size_t
rank_of(const struct shape *shape, size_t v)
{
    return v < shape->extra ? 2 * v : v + shape->extra;
}

static size_t
halving_doubling_chunks(const struct sm_collective_call *call)
{
    return shape_of(call->size).power;
}

static size_t
half_steps(const struct sm_collective_call *call)
{
    const struct shape shape = shape_of(call->size);
    return shape.levels + (shape.extra > 0);
}

static size_t
halving_doubling_steps(const struct sm_collective_call *call)
{
    return 2 * half_steps(call);
}

/* One rank gives the other all it has. */
static void
hand_over(const struct shape *shape, size_t rank, size_t from, size_t to,
          struct sm_collective_step *out)
{
    if (rank == from) {
        out->send_to = to;
        out->send_count = shape->power;
    } else {
        out->receive_from = from;
        out->receive_count = shape->power;
    }
}

/* v and v xor `distance` exchange the halves of the block of 2 distance chunks that they are in:
 * `give` says that v sends the one its partner keeps, else its own. */
static void
exchange(const struct shape *shape, size_t v, size_t distance, bool give,
         struct sm_collective_step *out)
{
    size_t mine = v / distance * distance, other = mine ^ distance;
    out->send_to = out->receive_from = rank_of(shape, v ^ distance);
    out->send_first = give ? other : mine;
    out->receive_first = give ? mine : other;
    out->send_count = out->receive_count = distance;
}

/* Level 0 folds, or unfolds; then level l is of distance p / 2^l. */
static void
level_step(const struct sm_collective_call *call, size_t rank, size_t level, bool halving,
           struct sm_collective_step *out)
{
    const struct shape shape = shape_of(call->size);
    const bool paired = rank < 2 * shape.extra;
    *out = (struct sm_collective_step){
        .send_to = SM_NO_RANK, .receive_from = SM_NO_RANK, .combine = halving};
    if (level == 0 && paired) {
        size_t odd = rank | 1, even = odd - 1;
        hand_over(&shape, rank, halving ? odd : even, halving ? even : odd, out);
    } else if (level > 0 && !(paired && rank % 2 == 1)) {
        exchange(&shape, paired ? rank / 2 : rank - shape.extra, shape.power >> level, halving,
                 out);
    }
}

static void
halving_step(const struct sm_collective_call *call, size_t rank, size_t step,
             struct sm_collective_step *out)
{
    level_step(call, rank, step + (shape_of(call->size).extra == 0), true, out);
}

static void
doubling_step(const struct sm_collective_call *call, size_t rank, size_t step,
              struct sm_collective_step *out)
{
    level_step(call, rank, shape_of(call->size).levels - step, false, out);
}

static void
halving_doubling_step(const struct sm_collective_call *call, size_t rank, size_t step,
                      struct sm_collective_step *out)
{
    size_t half = half_steps(call);
    if (step < half)
        halving_step(call, rank, step, out);
    else
        doubling_step(call, rank, step - half, out);
}

static size_t
half_owner(const struct sm_collective_call *call, size_t chunk)
{
    const struct shape shape = shape_of(call->size);
    return rank_of(&shape, chunk);
}

/* Rank 0 keeps the first half of each block, which is the longer where they differ. */
static double
half_seconds(const struct sm_collective_call *call, double latency, double bandwidth)
{
    const struct shape shape = shape_of(call->size);
    if (call->bytes == 0)
        return 0;
    double seconds = shape.extra > 0 ? latency + call->bytes / bandwidth : 0;
    for (size_t distance = shape.power / 2; distance > 0; distance /= 2)
        seconds += latency + sm_collective_bytes(call->bytes, shape.power, 0, distance) / bandwidth;
    return seconds;
}

static double
halving_doubling_seconds(const struct sm_collective_call *call, double latency, double bandwidth)
{
    return 2 * half_seconds(call, latency, bandwidth);
}

const struct sm_collective sm_collective_halving_doubling = {
    .about = {.name = "halving_doubling",
              .doc = "recursive halving, then doubling; log2 m steps, for any m",
              .source = source},
    .operation = SM_ALL_REDUCE,
    .closed_form = "2 (log2(p) latency + (p-1)/p bytes / bandwidth), p the largest power of two <= "
                   "m; and 2 (latency + bytes / bandwidth) where p < m",
    .chunks = halving_doubling_chunks,
    .steps = halving_doubling_steps,
    .step = halving_doubling_step,
    .seconds = halving_doubling_seconds,
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
    .step = halving_step,
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
    .step = doubling_step,
    .seconds = half_seconds,
    .owner = half_owner,
};
