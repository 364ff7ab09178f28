/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/run/timeline.c -- see timeline.h. */
#include "sim/run/timeline.h"

#include <math.h>
#include <string.h>

#include "sim/store/store.h"
#include "sim/trace/trace.h"

/* Spans come worker by worker. */
static bool
begins_worker(const struct sm_stored_run *run, size_t i)
{
    return i == 0 || run->spans[i].worker != run->spans[i - 1].worker;
}

static size_t
count_workers(const struct sm_stored_run *run)
{
    size_t count = 0;
    for (size_t i = 0; i < run->span_count; i++)
        count += begins_worker(run, i);
    return count;
}

static enum sm_trace_track
track_of(const char *name)
{
    return strcmp(name, "stream") == 0    ? SM_TRACE_STREAM
           : strcmp(name, "message") == 0 ? SM_TRACE_MESSAGE
                                          : SM_TRACE_RANK;
}

static size_t
whole(double value)
{
    return value >= 0 ? (size_t)value : 0; /* NaN: none */
}

/* How many devices a worker had is not stored: its lane is one. */
static enum sm_status
add_run(struct sm_trace *trace, struct sm_arena *arena, const struct sm_stored_run *run,
        size_t *process)
{
    for (size_t i = 0; i < run->span_count; i++) {
        const struct sm_span *span = &run->spans[i];
        if (begins_worker(run, i)) {
            const char *kind = (double)span->worker < run->summary.workers ? "worker" : "server";
            const char *name = sm_arena_printf(arena, "%s (run %lld): %s %zu", run->summary.name,
                                               (long long)run->run, kind, span->worker);
            if (name == NULL)
                return SM_FAIL(SM_ERR_NOMEM, "no memory for the name of a worker");
            sm_trace_name(trace, (*process)++, name, 1);
        }
        const struct sm_trace_span event = {
            .name = span->name,
            .track = track_of(span->track),
            .t0 = span->t0,
            .t1 = span->t1,
            .bytes = span->bytes > 0 ? span->bytes : 0,
            .from = whole(span->from_worker),
            .mark = {whole(span->step), whole(span->round), !isnan(span->step)},
        };
        SM_TRY(sm_trace_add_span(trace, *process - 1, &event));
    }
    return SM_OK;
}

static enum sm_status
write_runs(struct sm_arena *arena, const struct sm_stored_run *runs, size_t count,
           const char *output, FILE *out)
{
    size_t processes = 0, process = 0;
    for (size_t i = 0; i < count; i++)
        processes += count_workers(&runs[i]);
    struct sm_trace *trace = sm_trace_create(processes, SIZE_MAX);
    enum sm_status status =
        trace != NULL ? SM_OK : SM_FAIL(SM_ERR_NOMEM, "no memory for %zu workers", processes);
    for (size_t i = 0; i < count && status == SM_OK; i++)
        status = add_run(trace, arena, &runs[i], &process);
    if (status == SM_OK && output != NULL)
        status = sm_trace_write(trace, output);
    else if (status == SM_OK)
        status = sm_trace_print(trace, out);
    sm_trace_free(trace);
    return status;
}

/* The runs that are asked for, with their spans. */
static enum sm_status
read_runs(struct sm_arena *arena, struct sm_store *store, int64_t wanted,
          struct sm_stored_run **found, size_t *count)
{
    const struct sm_stored_run *all;
    size_t total;
    SM_TRY(sm_store_read(store, arena, &all, &total));
    *found = sm_arena_alloc(arena, total, sizeof **found);
    if (*found == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for %zu runs", total);
    for (size_t i = 0; i < total; i++) {
        if (wanted != 0 && all[i].run != wanted)
            continue;
        (*found)[*count] = all[i];
        SM_TRY(sm_store_read_more(store, arena, &(*found)[(*count)++]));
    }
    return SM_OK;
}

static enum sm_status
timeline_write(struct sm_arena *arena, const char *path, int64_t wanted, const char *output,
               FILE *out)
{
    struct sm_store *store;
    struct sm_stored_run *runs;
    size_t count = 0, spans = 0;
    SM_TRY(sm_store_open_readonly(path, &store));
    enum sm_status status = read_runs(arena, store, wanted, &runs, &count);
    sm_store_close(store);
    SM_TRY(status);
    if (wanted != 0 && count == 0)
        return SM_FAIL(SM_ERR_INPUT, "%s: no run %lld", path, (long long)wanted);
    for (size_t i = 0; i < count; i++)
        spans += runs[i].span_count;
    if (spans == 0)
        return SM_FAIL(SM_ERR_INPUT,
                       "%s: no spans of time; runs of older versions and of the thread engine have "
                       "none",
                       path);
    return write_runs(arena, runs, count, output, out);
}

enum sm_status
sm_timeline_write(const char *store, int64_t run, const char *output, FILE *out)
{
    struct sm_arena arena = {0};
    enum sm_status status = timeline_write(&arena, store, run, output, out);
    sm_arena_fini(&arena);
    return status;
}
