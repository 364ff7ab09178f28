/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/trace/window.c -- see window.h. */
#include "sim/trace/window.h"

#include <assert.h>
#include <math.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { UNSEEN = UINT8_MAX };

struct lane {
    bool inside;  /* its rank is in a step of the frame            */
    size_t whole; /* steps before this one have all their spans    */
    struct sm_trace_span *spans;
    size_t count, capacity;
};

struct sm_window {
    struct sm_window_frame frame;
    size_t ranks;
    atomic_size_t inside; /* ranks */
    struct lane lanes[SM_WINDOW_RANKS];
    uint8_t lane_of[]; /* (ranks) */
};

struct sm_window *
sm_window_create(size_t ranks, const struct sm_window_frame *frame)
{
    struct sm_window *window = calloc(1, sizeof *window + ranks);
    assert(frame->rank_count <= SM_WINDOW_RANKS);
    if (window == NULL)
        return NULL;
    window->frame = *frame;
    window->ranks = ranks;
    memset(window->lane_of, UNSEEN, ranks);
    for (size_t i = 0; i < frame->rank_count; i++) {
        window->lane_of[frame->ranks[i]] = (uint8_t)i;
        window->lanes[i].whole = frame->end;
    }
    return window;
}

void
sm_window_free(struct sm_window *window)
{
    for (size_t i = 0; window != NULL && i < SM_WINDOW_RANKS; i++)
        free(window->lanes[i].spans);
    free(window);
}

const struct sm_window_frame *
sm_window_frame(const struct sm_window *window)
{
    return &window->frame;
}

static bool
is_in_frame(const struct sm_window *window, size_t step)
{
    return window->frame.first <= step && step < window->frame.end;
}

void
sm_window_begin(struct sm_window *window, size_t rank, size_t step)
{
    if (!sm_window_sees(window, rank))
        return;
    struct lane *lane = &window->lanes[window->lane_of[rank]];
    const bool inside = is_in_frame(window, step);
    if (inside == lane->inside)
        return;
    lane->inside = inside;
    if (inside)
        atomic_fetch_add(&window->inside, 1);
    else
        atomic_fetch_sub(&window->inside, 1);
}

bool
sm_window_sees(const struct sm_window *window, size_t rank)
{
    return window != NULL && window->lane_of[rank] != UNSEEN;
}

bool
sm_window_wants(const struct sm_window *window, size_t rank, struct sm_trace_mark mark)
{
    if (!sm_window_sees(window, rank))
        return false;
    if (!mark.known)
        return atomic_load(&window->inside) > 0;
    return is_in_frame(window, mark.step) || mark.step == window->frame.end;
}

/* A message that comes in the step after was on its way before. */
static bool
is_before(const struct sm_trace_span *span, size_t end)
{
    return span->mark.step < end + (span->track == SM_TRACE_MESSAGE);
}

enum sm_status
sm_window_add(struct sm_window *window, size_t rank, const struct sm_trace_span *span)
{
    if (!sm_window_wants(window, rank, span->mark) ||
        (span->mark.known && !is_before(span, window->frame.end)))
        return SM_OK;
    if (!span->mark.known && span->track == SM_TRACE_MESSAGE &&
        window->lane_of[span->from] == UNSEEN)
        return SM_OK;
    struct lane *lane = &window->lanes[window->lane_of[rank]];
    if (lane->count == window->frame.most) {
        if (span->mark.known && span->mark.step < lane->whole)
            lane->whole = span->mark.step;
        return SM_OK;
    }
    if (lane->count == lane->capacity) {
        const size_t capacity = lane->capacity > 0 ? 2 * lane->capacity : 64;
        struct sm_trace_span *larger = realloc(lane->spans, capacity * sizeof *larger);
        if (larger == NULL)
            return SM_FAIL(SM_ERR_NOMEM, "no memory for %zu spans of a window", capacity);
        lane->spans = larger;
        lane->capacity = capacity;
    }
    lane->spans[lane->count++] = *span;
    return SM_OK;
}

/* ---- what is left of it ---- */

/* When the steps before `end` of the ranks that have steps began and ended. */
static void
find_times(const struct sm_window *window, size_t ranks, size_t end, double *t0, double *t1)
{
    *t0 = INFINITY;
    *t1 = -INFINITY;
    for (size_t i = 0; i < ranks; i++)
        for (size_t j = 0; j < window->lanes[i].count; j++) {
            const struct sm_trace_span *span = &window->lanes[i].spans[j];
            if (!span->mark.known || span->mark.step >= end || span->track == SM_TRACE_MESSAGE)
                continue;
            *t0 = fmin(*t0, span->t0);
            *t1 = fmax(*t1, span->t1);
        }
}

/* The spans of the first `ranks` in steps before `end`, into `out` where it is not NULL; at most so
 * many as the frame says there. */
static size_t
pick(const struct sm_window *window, size_t ranks, size_t end, struct sm_window_span *out)
{
    double t0, t1;
    size_t count = 0;
    find_times(window, ranks, end, &t0, &t1);
    for (size_t i = 0; i < ranks; i++)
        for (size_t j = 0; j < window->lanes[i].count; j++) {
            const struct sm_trace_span *span = &window->lanes[i].spans[j];
            const bool kept =
                span->mark.known ? is_before(span, end) : t0 <= span->t0 && span->t1 <= t1;
            if (!kept || (out != NULL && count == window->frame.most))
                continue;
            if (out != NULL)
                out[count] = (struct sm_window_span){window->frame.ranks[i], *span};
            count++;
        }
    return count;
}

static int
compare_spans(const void *a, const void *b)
{
    const struct sm_trace_span *x = a, *y = b;
    if (x->t0 != y->t0)
        return x->t0 < y->t0 ? -1 : 1;
    if (x->t1 != y->t1)
        return x->t1 < y->t1 ? -1 : 1;
    if (x->track != y->track)
        return x->track < y->track ? -1 : 1;
    return x->from < y->from ? -1 : x->from > y->from;
}

enum sm_status
sm_window_collect(const struct sm_window *window, struct sm_arena *arena,
                  const struct sm_window_span **spans, size_t *count)
{
    *spans = NULL;
    *count = 0;
    if (window == NULL)
        return SM_OK;
    const struct sm_window_frame *frame = &window->frame;
    size_t ranks = frame->rank_count, end = frame->end;
    for (size_t i = 0; i < ranks; i++) {
        const struct lane *lane = &window->lanes[i];
        if (lane->count > 0) /* else there may be no list */
            qsort(lane->spans, lane->count, sizeof *lane->spans, compare_spans);
        end = lane->whole < end ? lane->whole : end;
    }
    end = end > frame->first ? end : frame->first + 1;
    while (end > frame->first + 1 && pick(window, ranks, end, NULL) > frame->most)
        end--;
    while (ranks > 1 && pick(window, ranks, end, NULL) > frame->most)
        ranks--;
    struct sm_window_span *all = sm_arena_alloc(arena, frame->most, sizeof *all);
    if (all == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for %zu spans of a window", frame->most);
    *count = pick(window, ranks, end, all);
    *spans = all;
    return SM_OK;
}
