/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/collective/double_binary_tree.c -- all-reduce over two binary trees, each with one half of
 * the vector in k segments, one behind the other.
 *
 * The trees are those of trees.h. An edge carries messages at steps of the parity of its lower
 * position, so no rank ever sends two messages at a step, or receives two. Down the tree, segment s
 * goes to position x at step delay(x) + 2 s; the delay grows by 1 a level, or by 2 where the parity
 * stays. The reduce is the same backwards in time.
 * Source: Sanders, Speck, Traeff, Parallel Computing 35 (2009), two trees and two colours of steps;
 * theirs are numbered in order, these by levels, which colours them at once for any m.
 */
#include <math.h>

#include "sim/collective/collective.h"
#include "sim/collective/trees.h"

enum { MOST_SEGMENTS = 4096 };

struct double_binary_tree {
    size_t segments;
};

static const struct sm_param double_binary_tree_params[] = {
    SM_PARAM(struct double_binary_tree, segments, 0, 0, MOST_SEGMENTS,
             "segments of each half; 0: as the closed form is least"),
    SM_PARAM_END,
};

/* The step at which the first segment comes down to a position below the root. An only child is at
 * the root of the other tree: no other message is in its way, whatever the parity. */
static size_t
delay_of(size_t size, size_t position)
{
    size_t delay = 0;
    if (position == size && size % 2 == 0 && size > 2) {
        delay = 1;
        position /= 2;
    }
    for (; position > 3; position /= 2)
        delay += (position / 2 + position) % 2 == 0 ? 2 : 1;
    return delay + position - 2;
}

/* Two ranks have one edge a tree, in opposite directions: each carries a segment at every step. */
static size_t
period_of(size_t size)
{
    return size == 2 ? 1 : 2;
}

static size_t
steps_with(size_t size, size_t segments)
{
    if (size < 2)
        return 0;
    const size_t depth = sm_trees_depth(size);
    const size_t power = (size_t)1 << depth; /* the leftmost at the last level; see delay_of */
    size_t longest = 2 * depth - 2 + (size + 1 == 2 * power) - (size == power && size > 2);
    return longest + period_of(size) * (segments - 1) + 1;
}

static double
seconds_with(const struct sm_collective_call *call, size_t segments, double latency,
             double bandwidth)
{
    double segment = ceil(call->bytes / (double)(SM_TREES * segments));
    return 2 * (double)steps_with(call->size, segments) * (latency + segment / bandwidth);
}

/* With k segments a half takes a + 2 k steps of latency + bytes / (2 k bandwidth), which is least
 * at k = sqrt(a bytes / (4 latency bandwidth)). */
static size_t
best_segments(const struct sm_collective_call *call, double latency, double bandwidth)
{
    double most = fmin(MOST_SEGMENTS, fmax(1, floor(call->bytes / SM_TREES)));
    double fixed = (double)steps_with(call->size, 1) - 2;
    if (call->size < 4 || !(bandwidth > 0) || fixed <= 0)
        return 1;
    double k = sqrt(fixed * call->bytes / (4 * latency * bandwidth)); /* latency 0: infinite */
    size_t below = (size_t)fmax(1, fmin(most, floor(k))),
           above = (size_t)fmin(most, (double)below + 1);
    return seconds_with(call, above, latency, bandwidth) <
                   seconds_with(call, below, latency, bandwidth)
               ? above
               : below;
}

static size_t
segments_on(const struct sm_collective_call *call, double latency, double bandwidth)
{
    const struct double_binary_tree *settings = call->settings;
    if (settings != NULL && settings->segments > 0)
        return settings->segments;
    return best_segments(call, latency, bandwidth);
}

static size_t
segments_of(const struct sm_collective_call *call)
{
    return segments_on(call, call->latency, call->bandwidth);
}

static size_t
double_binary_tree_chunks(const struct sm_collective_call *call)
{
    return SM_TREES * segments_of(call);
}

static size_t
double_binary_tree_steps(const struct sm_collective_call *call)
{
    return 2 * steps_with(call->size, segments_of(call));
}

/* Whether the edge down to `position` carries a segment at `step`, and which. */
static bool
carries(size_t size, size_t segments, size_t position, size_t step, size_t *segment)
{
    const size_t delay = delay_of(size, position), period = period_of(size);
    if (step < delay || (step - delay) % period != 0)
        return false;
    *segment = (step - delay) / period;
    return *segment < segments;
}

static void
double_binary_tree_step(const struct sm_collective_call *call, size_t rank, size_t step,
                        struct sm_collective_step *out)
{
    const size_t size = call->size, segments = segments_of(call), half = steps_with(size, segments);
    const bool up = step < half;
    const size_t down = up ? half - 1 - step : step - half; /* the step of the broadcast */
    *out = (struct sm_collective_step){
        .send_to = SM_NO_RANK, .receive_from = SM_NO_RANK, .combine = up};
    for (size_t tree = 0; tree < SM_TREES; tree++) {
        const size_t position = sm_trees_position(size, tree, rank);
        size_t segment;
        if (position > 1 && carries(size, segments, position, down, &segment)) {
            *(up ? &out->send_to : &out->receive_from) = sm_trees_rank(size, tree, position / 2);
            *(up ? &out->send_first : &out->receive_first) = tree * segments + segment;
            *(up ? &out->send_count : &out->receive_count) = 1;
        }
        for (size_t child = 2 * position; child <= size && child <= 2 * position + 1; child++)
            if (carries(size, segments, child, down, &segment)) {
                *(up ? &out->receive_from : &out->send_to) = sm_trees_rank(size, tree, child);
                *(up ? &out->receive_first : &out->send_first) = tree * segments + segment;
                *(up ? &out->receive_count : &out->send_count) = 1;
            }
    }
}

static double
double_binary_tree_seconds(const struct sm_collective_call *call, double latency, double bandwidth)
{
    if (call->bytes == 0)
        return 0;
    size_t segments =
        call->bandwidth > 0 ? segments_of(call) : segments_on(call, latency, bandwidth);
    return seconds_with(call, segments, latency, bandwidth);
}

const struct sm_collective sm_collective_double_binary_tree = {
    .about = {.name = "double_binary_tree",
              .doc = "half the vector over each of two binary trees, pipelined in segments",
              .source = "Sanders, Speck, Traeff, Parallel Computing 35 (2009)",
              .state_size = sizeof(struct double_binary_tree),
              .params = double_binary_tree_params},
    .operation = SM_ALL_REDUCE,
    .closed_form = "2 (2 floor(log2 m) + 2 k - 3 + [m + 1 is a power of two] - [m is]) (latency + "
                   "ceil(bytes/2k) / bandwidth), k segments; at most a byte a step less where 2 k "
                   "does not divide bytes; m = 2: 2 k steps",
    .chunks = double_binary_tree_chunks,
    .steps = double_binary_tree_steps,
    .step = double_binary_tree_step,
    .seconds = double_binary_tree_seconds,
};
