/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/run/sample.c -- see sample.h. */
#include "sim/run/sample.h"

#include <math.h>
#include <string.h>

#include "sim/comm/comm.h"

enum { STEPS = 8, START_UP = 2, WORKERS = 8, SERVERS = 4, MOST_SPANS = 1500 };

static size_t
least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t
first_step(const struct sm_sample_run *run)
{
    const size_t last = run->steps > STEPS ? run->steps - STEPS : 0;
    const size_t round = run->tau > STEPS / 2 ? run->tau - STEPS / 2 : 0;
    return least(run->tau > 0 ? round : START_UP, last);
}

struct sm_window_frame
sm_sample_frame(const struct sm_sample_run *run)
{
    const size_t first = first_step(run), workers = least(run->workers, WORKERS);
    struct sm_window_frame frame = {
        .first = first, .end = least(run->steps, first + STEPS), .most = MOST_SPANS};
    double slowest = 0;
    for (size_t r = 0; r < workers; r++) {
        frame.ranks[frame.rank_count++] = r;
        slowest = fmax(slowest, run->slow[r]);
    }
    for (size_t r = workers; r < run->workers; r++)
        if (run->slow[r] > slowest) {
            slowest = run->slow[r];
            frame.ranks[workers - 1] = r;
        }
    for (size_t s = 0; s < least(run->servers, SERVERS); s++)
        frame.ranks[frame.rank_count++] = run->workers + s;
    return frame;
}

/* ---- what is stored of it ---- */

struct list {
    struct sm_span *spans;
    size_t count;
};

static const char *const tracks[] = {[SM_TRACE_RANK] = "program",
                                     [SM_TRACE_DEVICES] = "devices",
                                     [SM_TRACE_STREAM] = "stream",
                                     [SM_TRACE_MESSAGE] = "message"};

/* A name of its own and other times make a span of another. */
static void
add(struct list *list, const struct sm_window_span *of, const char *name, double t0, double t1)
{
    const struct sm_trace_span *span = &of->span;
    const double none = (double)NAN;
    if (!(t0 < t1))
        return;
    list->spans[list->count++] = (struct sm_span){
        .worker = of->rank,
        .track = tracks[span->track],
        .name = name,
        .step = span->mark.known ? (double)span->mark.step : none,
        .round = span->mark.round > 0 ? (double)span->mark.round : none,
        .t0 = t0,
        .t1 = t1,
        .bytes = span->bytes > 0 ? span->bytes : none,
        .from_worker = span->track == SM_TRACE_MESSAGE ? (double)span->from : none,
    };
}

static bool
is_compute(const struct sm_window_span *span)
{
    return span->span.mark.known && span->span.name == sm_stage_names[SM_STAGE_COMPUTE];
}

/* Computes of the same step before span i of a rank and after it. */
static void
count_computes(const struct sm_window_span *spans, size_t count, size_t i, size_t *before,
               size_t *after)
{
    *before = *after = 0;
    for (size_t j = 0; j < count; j++)
        if (j != i && is_compute(&spans[j]) && spans[j].span.mark.step == spans[i].span.mark.step)
            ++*(j < i ? before : after);
}

/* Where gradients leave in buckets, backward goes on in spans of their own. */
static void
add_compute(const struct sm_sample *sample, struct list *list, const struct sm_window_span *of,
            size_t before, size_t after)
{
    const struct sm_profile *profile = sample->profile;
    const double t0 = of->span.t0, t1 = of->span.t1;
    const double backward = after > 0 ? sample->buckets[0].backward : profile->backward;
    const double both = profile->forward + backward;
    const double middle =
        before > 0 || !(both > 0) ? t0 : t0 + (t1 - t0) * (profile->forward / both);
    add(list, of, "forward", t0, middle);
    add(list, of, "backward", middle, t1);
}

/* Adds those of one rank again for each step that was skipped. Servers have no steps, so with them
 * there is only what was simulated. */
static void
add_skipped(const struct sm_sample *sample, struct list *list, size_t first)
{
    const struct sm_window_frame *frame = sm_window_frame(sample->window);
    const size_t own = list->count;
    for (size_t k = frame->first; k <= frame->end && sample->servers == 0; k++) {
        size_t like;
        double later;
        if (!sm_steady_skipped(sample->steady, k, &like, &later))
            continue;
        for (size_t i = first; i < own; i++) {
            if (list->spans[i].step != (double)like ||
                (k == frame->end && isnan(list->spans[i].from_worker)))
                continue;
            struct sm_span span = list->spans[i];
            span.step = (double)k;
            span.round += sample->tau > 0 ? (double)((k - like) / sample->tau) : 0;
            span.t0 += later;
            span.t1 += later;
            list->spans[list->count++] = span;
        }
    }
}

static void
add_rank(const struct sm_sample *sample, struct list *list, const struct sm_window_span *spans,
         size_t count)
{
    const size_t first = list->count;
    for (size_t i = 0; i < count; i++) {
        const struct sm_trace_span *span = &spans[i].span;
        size_t before, after;
        if (is_compute(&spans[i])) {
            count_computes(spans, count, i, &before, &after);
            add_compute(sample, list, &spans[i], before, after);
        } else {
            add(list, &spans[i], span->name, span->t0, span->t1);
        }
    }
    add_skipped(sample, list, first);
}

enum sm_status
sm_sample_spans(const struct sm_sample *sample, struct sm_arena *arena,
                const struct sm_span **spans, size_t *count)
{
    const struct sm_window_span *kept;
    size_t n;
    SM_TRY(sm_window_collect(sample->window, arena, &kept, &n));
    /* each may be parted in two, and stand for others that were skipped */
    const size_t most = (sm_steady_steps(sample->steady) > 0 ? 2 * (STEPS + 1) : 2) * n;
    struct list list = {.spans = sm_arena_alloc(arena, most, sizeof *list.spans)};
    if (list.spans == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for %zu spans", most);
    for (size_t first = 0, end; first < n; first = end) {
        for (end = first + 1; end < n && kept[end].rank == kept[first].rank;)
            end++;
        add_rank(sample, &list, kept + first, end - first);
    }
    *spans = list.spans;
    *count = list.count;
    return SM_OK;
}
