/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/run/steady.c -- see steady.h. */
#include "sim/run/steady.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/base/arena.h"

enum {
    SHORTEST = 64, /* steps of a run that is worth it                                     */
    SPANS = 3,     /* before the first decision: two are compared with the one before     */
    MOST_HISTORY = 1 << 20,
};

static const double tolerance = 1e-9;       /* of a cycle's seconds            */
static const double most_memory = 64 << 20; /* bytes, of the times of one span */

/* What is known of one worker since the watch began. */
struct watch {
    size_t done;             /* steps                                                     */
    double pace;             /* seconds a span                                            */
    size_t even;             /* steps in a row that ended that long after a span before   */
    size_t marks;            /* ends of spans seen                                        */
    struct sm_ledger mark;   /* at the last                                               */
    struct sm_ledger growth; /* of the last span                                          */
    bool same;               /* as that of the one before                                 */
    bool steady;             /* at the last mark                                          */
};

struct sm_steady {
    struct sm_arena arena;
    size_t workers, steps;
    bool joined, watching;
    size_t from, cycle;    /* as the workers say                                     */
    size_t start, span;    /* watched since so many steps done, for spans of so many */
    size_t due, arrived;   /* steps done where all are looked at, and by how many    */
    size_t furthest;       /* steps begun by the worker that is ahead                */
    struct watch *watches; /* (workers)                                              */
    double *times;         /* (workers * span) of the last span                      */
    double *history;       /* (steps - from) weighted sums of the workers' times     */
    size_t history_size, next_search;
    size_t jump_at, jump; /* step, and steps that are skipped there; 0: none        */
    double seconds;       /* of the steps that were skipped                         */
    char text[128];
};

enum sm_status
sm_steady_create(size_t workers, size_t steps, struct sm_steady **steady)
{
    *steady = calloc(1, sizeof **steady);
    if (*steady == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory to watch %zu workers", workers);
    (*steady)->workers = workers;
    (*steady)->steps = steps;
    return SM_OK;
}

void
sm_steady_free(struct sm_steady *steady)
{
    if (steady == NULL)
        return;
    sm_arena_fini(&steady->arena);
    free(steady);
}

/* Starts anew, where `start` steps are done, with cycles that count as one; does nothing where the
 * run is too short for that. */
static enum sm_status
watch_from(struct sm_steady *s, size_t start, size_t span)
{
    const double bytes = (double)s->workers * (double)span * sizeof *s->times;
    if (span > s->steps / (SPANS + 1) || start > s->steps - (SPANS + 1) * span ||
        bytes > most_memory)
        return SM_OK;
    double *times = sm_arena_alloc(&s->arena, s->workers * span, sizeof *times);
    struct watch *watches = sm_arena_zalloc(&s->arena, s->workers, sizeof *watches);
    if (times == NULL || watches == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory to watch %zu workers", s->workers);
    s->times = times;
    s->watches = watches;
    s->start = start;
    s->span = span;
    s->due = start + SPANS * span;
    s->arrived = 0;
    s->watching = true;
    return SM_OK;
}

enum sm_status
sm_steady_join(struct sm_steady *steady, size_t from, size_t cycle)
{
    struct sm_steady *s = steady;
    if (s == NULL || s->joined)
        return SM_OK;
    s->joined = true;
    s->from = from;
    s->cycle = cycle;
    if (cycle == 0 || s->steps < SHORTEST)
        return SM_OK;
    SM_TRY(watch_from(s, from, cycle));
    if (!s->watching)
        return SM_OK;
    s->history_size = s->steps - from < MOST_HISTORY ? s->steps - from : MOST_HISTORY;
    s->history = sm_arena_zalloc(&s->arena, s->history_size, sizeof *s->history);
    if (s->history == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory to watch %zu steps", s->history_size);
    return SM_OK;
}

size_t
sm_steady_begin(struct sm_steady *steady, size_t k)
{
    if (steady == NULL)
        return k;
    if (steady->furthest < k + 1)
        steady->furthest = k + 1;
    return steady->jump > 0 && k == steady->jump_at ? k + steady->jump : k;
}

static bool
near(double a, double b, double scale)
{
    return fabs(a - b) <= tolerance * scale; /* false for NaN */
}

static struct sm_ledger
difference(const struct sm_ledger *a, const struct sm_ledger *b)
{
    struct sm_ledger d = {.bytes_sent = a->bytes_sent - b->bytes_sent,
                          .reducing = a->reducing - b->reducing};
    for (size_t i = 0; i < SM_STAGES; i++)
        d.seconds[i] = a->seconds[i] - b->seconds[i];
    return d;
}

static bool
same_growth(const struct sm_ledger *a, const struct sm_ledger *b, double pace)
{
    bool same = near(a->bytes_sent, b->bytes_sent, a->bytes_sent) &&
                near(a->reducing, b->reducing, fmax(pace, a->reducing));
    for (size_t i = 0; i < SM_STAGES; i++)
        same = same && near(a->seconds[i], b->seconds[i], pace);
    return same;
}

/* A span of this worker ends. */
static void
mark(struct watch *watch, size_t span, const struct sm_ledger *ledger)
{
    const struct sm_ledger growth = difference(ledger, &watch->mark);
    watch->same = watch->marks++ >= 2 && same_growth(&growth, &watch->growth, watch->pace);
    watch->growth = growth;
    watch->mark = *ledger;
    watch->steady = watch->same && watch->even >= 2 * span;
}

static bool
all_steady(const struct sm_steady *s)
{
    for (size_t r = 0; r < s->workers; r++)
        if (!s->watches[r].steady || !(s->watches[r].pace > 0) ||
            !near(s->watches[r].pace, s->watches[0].pace, s->watches[0].pace))
            return false;
    return true;
}

/* Every worker has still to come to the step that is `furthest` now; at least the last step of the
 * run is simulated. */
static void
skip(struct sm_steady *s)
{
    double pace = 0;
    const size_t at = s->furthest;
    const size_t spans = at < s->steps ? (s->steps - at - 1) / s->span : 0;
    for (size_t r = 0; r < s->workers; r++)
        pace += s->watches[r].pace / (double)s->workers;
    s->watching = false;
    s->jump_at = at;
    s->jump = spans * s->span;
    s->seconds = (double)spans * pace;
}

/* Whether the weighted sums of the times repeat after `lag` steps, over two such lags before
 * `count`. */
static bool
repeats(const double *history, size_t count, size_t lag)
{
    const double pace = history[count - 1] - history[count - 1 - lag];
    for (size_t i = count; i > count - 2 * lag; i--)
        if (!near(history[i - 1] - history[i - 1 - lag], pace, pace))
            return false;
    return true;
}

/* The cycles may be steady q at a time, as all workers' times until now say: the smallest q is
 * tried from here on. */
static enum sm_status
search(struct sm_steady *s, size_t done)
{
    const size_t count = done - s->from;
    if (done < s->next_search || count > s->history_size)
        return SM_OK;
    s->next_search = done + count / 8;
    for (size_t lag = s->cycle; 3 * lag <= count; lag += s->cycle)
        if (repeats(s->history, count, lag))
            return s->span % lag != 0 ? watch_from(s, s->furthest, lag) : SM_OK;
    return SM_OK;
}

/* All are looked at again a span later, where some may be already. */
static void
look_next(struct sm_steady *s)
{
    s->due += s->span;
    s->arrived = 0;
    for (size_t r = 0; r < s->workers; r++)
        s->arrived += s->watches[r].done >= s->due;
}

enum sm_status
sm_steady_end(struct sm_steady *steady, size_t rank, size_t k, double seconds,
              const struct sm_ledger *ledger)
{
    struct sm_steady *s = steady;
    const size_t done = k + 1;
    if (s == NULL || !s->watching || done <= s->from)
        return SM_OK;
    if (done - s->from <= s->history_size)
        s->history[done - s->from - 1] += seconds * (1 + fmod((double)(rank + 1) * M_SQRT2, 1));
    if (done <= s->start)
        return SM_OK;
    struct watch *watch = &s->watches[rank];
    double *before = &s->times[rank * s->span + done % s->span];
    if (done > s->start + s->span) {
        const double pace = seconds - *before;
        if (near(pace, watch->pace, watch->pace)) {
            watch->even++;
        } else {
            watch->pace = pace;
            watch->even = 1;
        }
    }
    *before = seconds;
    if ((done - s->start) % s->span == 0)
        mark(watch, s->span, ledger);
    watch->done = done;
    if (done != s->due || ++s->arrived < s->workers)
        return SM_OK;
    look_next(s);
    if (!all_steady(s))
        return search(s, done);
    skip(s);
    return SM_OK;
}

size_t
sm_steady_steps(const struct sm_steady *steady)
{
    return steady != NULL ? steady->jump : 0;
}

double
sm_steady_seconds(const struct sm_steady *steady)
{
    return steady != NULL ? steady->seconds : 0;
}

bool
sm_steady_skipped(const struct sm_steady *steady, size_t k, size_t *like, double *later)
{
    if (steady == NULL || k < steady->jump_at || k - steady->jump_at >= steady->jump)
        return false;
    const size_t spans = (k - steady->jump_at) / steady->span + 1;
    *like = k - spans * steady->span;
    *later = (double)spans * (steady->seconds / (double)(steady->jump / steady->span));
    return true;
}

void
sm_steady_add(const struct sm_steady *steady, size_t rank, struct sm_ledger *ledger)
{
    if (steady == NULL || steady->jump == 0)
        return;
    const struct sm_ledger *growth = &steady->watches[rank].growth;
    const double spans = (double)(steady->jump / steady->span);
    for (size_t i = 0; i < SM_STAGES; i++)
        ledger->seconds[i] += spans * growth->seconds[i];
    ledger->bytes_sent += spans * growth->bytes_sent;
    ledger->reducing += spans * growth->reducing;
}

const char *
sm_steady_text(struct sm_steady *steady)
{
    struct sm_steady *s = steady;
    if (s->jump > 0)
        snprintf(s->text, sizeof s->text, "from step %zu on like the %zu steps before", s->jump_at,
                 s->span);
    else if (s->cycle == 0)
        snprintf(s->text, sizeof s->text, "no: what the algorithm exchanges does not repeat");
    else if (s->due == 0)
        snprintf(s->text, sizeof s->text, "no: too few steps for cycles of %zu", s->cycle);
    else
        snprintf(s->text, sizeof s->text, "no: no steady state by the end, in cycles of %zu",
                 s->span);
    return s->text;
}
