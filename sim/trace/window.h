/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/trace/window.h -- the spans of a few ranks in a few steps, kept beside a trace or alone.
 *
 * A rank that has no steps (a server) is seen while the others are in theirs, and of the messages
 * to it those from ranks that are seen. Nothing is asked of an engine but the spans that it knows
 * of anyhow: a run under a window does to the bit what it does without.
 */
#ifndef SM_TRACE_WINDOW_H
#define SM_TRACE_WINDOW_H

#include "sim/base/arena.h"
#include "sim/trace/trace.h"

enum { SM_WINDOW_RANKS = 16 };

struct sm_window_frame {
    size_t ranks[SM_WINDOW_RANKS]; /* (rank_count) each once */
    size_t rank_count;
    size_t first, end; /* steps first .. end - 1, and messages that come in the next   */
    size_t most;       /* spans: the last steps give way, then the last of the ranks   */
};

struct sm_window;

/* For a run of so many ranks. NULL: no memory. Freed with sm_window_free (NULL is fine). */
struct sm_window *sm_window_create(size_t ranks, const struct sm_window_frame *frame);
void sm_window_free(struct sm_window *window);

/* What a trace does with its window, which may be NULL. Different ranks may do so at the same time.
 */
void sm_window_begin(struct sm_window *window, size_t rank, size_t step);
bool sm_window_sees(const struct sm_window *window, size_t rank);
bool sm_window_wants(const struct sm_window *window, size_t rank, struct sm_trace_mark mark);
enum sm_status sm_window_add(struct sm_window *window, size_t rank,
                             const struct sm_trace_span *span);

const struct sm_window_frame *sm_window_frame(const struct sm_window *window);

struct sm_window_span {
    size_t rank;
    struct sm_trace_span span;
};
/* After the run: rank by rank as the frame lists them, of each by t0; owned by arena. */
enum sm_status sm_window_collect(const struct sm_window *window, struct sm_arena *arena,
                                 const struct sm_window_span **spans, size_t *count);

#endif
