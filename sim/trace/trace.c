/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/trace/trace.c -- growing lists of spans, one a rank, and of counters.
 *
 * Perfetto names a thread by its number alone, whatever its process, so no two threads share one.
 */
#include "sim/trace/trace.h"

#include <errno.h>
#include <math.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/text.h"
#include "sim/trace/window.h"

struct span {
    const char *name;
    double t0, t1, bytes;
    uint32_t step, round, from;
    uint8_t track;
    bool known;
};

struct track {
    char *name; /* NULL: "worker N" */
    bool wanted;
    size_t devices;
    struct sm_trace_mark mark;
    struct span *spans;
    size_t count, capacity;
};

struct sample {
    double t, value;
};

struct counter {
    char *name, *series;
    struct sample *samples;
    size_t count, capacity;
};

struct sm_trace {
    size_t ranks, most;
    bool empty;
    struct sm_window *window; /* NULL: none */
    atomic_size_t events;
    size_t steps, kept; /* begun by rank 0; of them kept, SIZE_MAX while all are */
    struct counter *counters;
    size_t counter_count, counter_capacity;
    struct track tracks[];
};

struct sm_trace *
sm_trace_create(size_t ranks, size_t most)
{
    struct sm_trace *trace = calloc(1, sizeof *trace + ranks * sizeof trace->tracks[0]);
    if (trace == NULL)
        return NULL;
    trace->ranks = ranks;
    trace->most = most > 0 ? most : SM_TRACE_EVENTS;
    trace->kept = SIZE_MAX;
    for (size_t rank = 0; rank < ranks; rank++) {
        trace->tracks[rank].devices = 1;
        trace->tracks[rank].wanted = true;
    }
    return trace;
}

struct sm_trace *
sm_trace_create_empty(size_t ranks)
{
    struct sm_trace *trace = sm_trace_create(ranks, 0);
    if (trace == NULL)
        return NULL;
    trace->empty = true;
    for (size_t rank = 0; rank < ranks; rank++)
        trace->tracks[rank].wanted = false;
    return trace;
}

bool
sm_trace_is_empty(const struct sm_trace *trace)
{
    return trace == NULL || trace->empty;
}

void
sm_trace_set_window(struct sm_trace *trace, struct sm_window *window)
{
    trace->window = window;
    for (size_t rank = 0; rank < trace->ranks; rank++)
        trace->tracks[rank].wanted = !trace->empty || sm_window_sees(window, rank);
}

void
sm_trace_free(struct sm_trace *trace)
{
    if (trace == NULL)
        return;
    for (size_t rank = 0; rank < trace->ranks; rank++) {
        free(trace->tracks[rank].name);
        free(trace->tracks[rank].spans);
    }
    for (size_t i = 0; i < trace->counter_count; i++) {
        free(trace->counters[i].name);
        free(trace->counters[i].series);
        free(trace->counters[i].samples);
    }
    free(trace->counters);
    free(trace);
}

/* Room for one more in an array that doubles. */
static enum sm_status
make_room(void **items, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity)
        return SM_OK;
    size_t more = *capacity == 0 ? 64 : 2 * *capacity;
    void *larger = realloc(*items, more * size);
    if (larger == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for %zu trace events", more);
    *items = larger;
    *capacity = more;
    return SM_OK;
}

/* ---- ranks ---- */

void
sm_trace_name(struct sm_trace *trace, size_t rank, const char *name, size_t devices)
{
    if (trace == NULL)
        return;
    struct track *track = &trace->tracks[rank];
    free(track->name);
    track->name = strdup(name); /* without memory it keeps the usual name */
    track->devices = devices > 0 ? devices : 1;
}

void
sm_trace_begin(struct sm_trace *trace, size_t rank, size_t step, size_t round)
{
    if (trace == NULL)
        return;
    trace->tracks[rank].mark = (struct sm_trace_mark){step, round, true};
    sm_window_begin(trace->window, rank, step);
    if (trace->empty)
        trace->tracks[rank].wanted = sm_window_wants(trace->window, rank, trace->tracks[rank].mark);
    if (rank != 0)
        return;
    trace->steps = step + 1;
    if (trace->kept == SIZE_MAX && step > 0 && atomic_load(&trace->events) >= trace->most)
        trace->kept = step;
}

struct sm_trace_mark
sm_trace_now(const struct sm_trace *trace, size_t rank)
{
    return trace != NULL ? trace->tracks[rank].mark : (struct sm_trace_mark){0};
}

/* ---- spans ---- */

/* Once steps are dropped, those who have none end there too. */
static bool
is_kept(const struct sm_trace *trace, struct sm_trace_mark mark)
{
    return !trace->empty && (trace->kept == SIZE_MAX || (mark.known && mark.step < trace->kept));
}

bool
sm_trace_wants(const struct sm_trace *trace, size_t rank, struct sm_trace_mark mark)
{
    return trace != NULL && (is_kept(trace, mark) || sm_window_wants(trace->window, rank, mark));
}

const bool *
sm_trace_wanted(const struct sm_trace *trace, size_t rank)
{
    static const bool never = false;
    return trace != NULL ? &trace->tracks[rank].wanted : &never;
}

bool
sm_trace_takes(struct sm_trace *trace, struct sm_trace_mark mark, size_t events)
{
    if (trace == NULL || !is_kept(trace, mark))
        return false;
    atomic_fetch_add(&trace->events, events);
    return true;
}

enum sm_status
sm_trace_add_span(struct sm_trace *trace, size_t rank, const struct sm_trace_span *span)
{
    if (trace == NULL || span->t1 <= span->t0)
        return SM_OK;
    SM_TRY(sm_window_add(trace->window, rank, span));
    struct track *track = &trace->tracks[rank];
    size_t events = span->track == SM_TRACE_DEVICES   ? track->devices
                    : span->track == SM_TRACE_MESSAGE ? 2
                                                      : 1;
    if (!sm_trace_takes(trace, span->mark, events))
        return SM_OK;
    SM_TRY(make_room((void **)&track->spans, track->count, &track->capacity, sizeof *track->spans));
    track->spans[track->count++] = (struct span){
        .name = span->name,
        .t0 = span->t0,
        .t1 = span->t1,
        .bytes = span->bytes,
        .step = (uint32_t)span->mark.step,
        .round = (uint32_t)span->mark.round,
        .from = (uint32_t)span->from,
        .track = (uint8_t)span->track,
        .known = span->mark.known,
    };
    return SM_OK;
}

enum sm_status
sm_trace_add(struct sm_trace *trace, size_t rank, const char *name, double t0, double t1)
{
    if (trace == NULL)
        return SM_OK;
    return sm_trace_add_span(trace, rank,
                             &(struct sm_trace_span){.name = name,
                                                     .track = SM_TRACE_RANK,
                                                     .t0 = t0,
                                                     .t1 = t1,
                                                     .mark = trace->tracks[rank].mark});
}

/* A rank may have been ahead when it was decided how many steps are kept. */
static bool
is_written(const struct sm_trace *trace, const struct span *span)
{
    return trace->kept == SIZE_MAX || !span->known || span->step < trace->kept;
}

double
sm_trace_end(const struct sm_trace *trace)
{
    double end = 0;
    for (size_t rank = 0; trace != NULL && rank < trace->ranks; rank++)
        for (size_t i = 0; i < trace->tracks[rank].count; i++) {
            const struct span *span = &trace->tracks[rank].spans[i];
            if (is_written(trace, span) && span->t1 > end)
                end = span->t1;
        }
    return end;
}

/* ---- counters ---- */

enum sm_status
sm_trace_count(struct sm_trace *trace, const char *name, const char *series, double t, double value)
{
    if (trace == NULL || !isfinite(value)) /* JSON has no word for others */
        return SM_OK;
    /* values of one counter mostly come in a row */
    size_t i = trace->counter_count;
    while (i > 0 && (strcmp(trace->counters[i - 1].name, name) != 0 ||
                     strcmp(trace->counters[i - 1].series, series) != 0))
        i--;
    if (i == 0) {
        SM_TRY(make_room((void **)&trace->counters, trace->counter_count, &trace->counter_capacity,
                         sizeof *trace->counters));
        struct counter fresh = {.name = strdup(name), .series = strdup(series)};
        if (fresh.name == NULL || fresh.series == NULL) {
            free(fresh.name);
            free(fresh.series);
            return SM_FAIL(SM_ERR_NOMEM, "no memory for a counter of the trace");
        }
        trace->counters[trace->counter_count++] = fresh;
        i = trace->counter_count;
    }
    struct counter *counter = &trace->counters[i - 1];
    SM_TRY(make_room((void **)&counter->samples, counter->count, &counter->capacity,
                     sizeof *counter->samples));
    counter->samples[counter->count++] = (struct sample){t, value};
    return SM_OK;
}

/* ---- the file ---- */

struct writer {
    FILE *file;
    const char *separator; /* before the next event */
    size_t threads, messages;
};

static void
write_name(struct writer *writer, const char *kind, size_t pid, size_t tid, const char *name)
{
    fprintf(writer->file, "%s{\"ph\": \"M\", \"name\": \"%s_name\", \"pid\": %zu, ",
            writer->separator, kind, pid);
    if (tid > 0)
        fprintf(writer->file, "\"tid\": %zu, ", tid);
    fputs("\"args\": {\"name\": ", writer->file);
    sm_text_json(name, writer->file);
    fputs("}}", writer->file);
    writer->separator = ",\n";
}

static void
write_args(FILE *file, const struct span *span)
{
    const char *separator = "";
    fputs(", \"args\": {", file);
    if (span->known) {
        fprintf(file, "\"step\": %u", span->step);
        separator = ", ";
    }
    if (span->round > 0) {
        fprintf(file, "%s\"round\": %u", separator, span->round);
        separator = ", ";
    }
    if (span->bytes > 0)
        fprintf(file, "%s\"bytes\": %.0f", separator, span->bytes);
    fputs("}}", file);
}

/* Microseconds, to the nanosecond. The end is rounded, not the length, so that a span and the one
 * that begins where it ends do not overlap in the file. */
static void
write_times(FILE *file, const struct span *span)
{
    const long long t0 = (long long)(1e9 * span->t0 + 0.5), t1 = (long long)(1e9 * span->t1 + 0.5);
    fprintf(file, "\"ts\": %lld.%03lld, \"dur\": %lld.%03lld", t0 / 1000, t0 % 1000,
            (t1 - t0) / 1000, (t1 - t0) % 1000);
}

static void
write_slice(struct writer *writer, size_t rank, size_t tid, const struct span *span)
{
    fprintf(writer->file, "%s{\"ph\": \"X\", \"name\": ", writer->separator);
    sm_text_json(span->name, writer->file);
    fprintf(writer->file, ", \"pid\": %zu, \"tid\": %zu, ", rank, tid);
    write_times(writer->file, span);
    write_args(writer->file, span);
}

static void
write_message(struct writer *writer, size_t rank, size_t tid, const struct span *span)
{
    const size_t id = ++writer->messages;
    for (int end = 0; end < 2; end++) {
        const long long t = (long long)(1e9 * (end ? span->t1 : span->t0) + 0.5);
        fprintf(writer->file,
                "%s{\"ph\": \"%c\", \"cat\": \"message\", \"id\": %zu, \"name\": \"%s from %u\", "
                "\"pid\": %zu, \"tid\": %zu, \"ts\": %lld.%03lld",
                writer->separator, end ? 'e' : 'b', id, span->name, span->from, rank, tid, t / 1000,
                t % 1000);
        if (end)
            fputs("}", writer->file);
        else
            write_args(writer->file, span);
    }
}

/* Threads of a rank in the order shown: device 0, ..., the stream where it was used. */
static void
write_rank(struct writer *writer, const struct sm_trace *trace, size_t rank)
{
    const struct track *track = &trace->tracks[rank];
    const size_t first = writer->threads + 1, stream = first + track->devices;
    bool streams = false;
    char name[64];
    for (size_t i = 0; i < track->count; i++)
        streams = streams || track->spans[i].track == SM_TRACE_STREAM;
    snprintf(name, sizeof name, "worker %zu", rank);
    write_name(writer, "process", rank, 0, track->name != NULL ? track->name : name);
    for (size_t d = 0; d < track->devices; d++) {
        snprintf(name, sizeof name, "device %zu", d);
        write_name(writer, "thread", rank, first + d, name);
    }
    if (streams)
        write_name(writer, "thread", rank, stream, "communication stream");
    writer->threads += track->devices + streams;
    for (size_t i = 0; i < track->count; i++) {
        const struct span *span = &track->spans[i];
        if (!is_written(trace, span))
            continue;
        if (span->track == SM_TRACE_MESSAGE)
            write_message(writer, rank, first, span);
        else if (span->track == SM_TRACE_STREAM)
            write_slice(writer, rank, stream, span);
        else
            for (size_t d = 0; d < (span->track == SM_TRACE_DEVICES ? track->devices : 1); d++)
                write_slice(writer, rank, first + d, span);
    }
}

static void
write_counters(struct writer *writer, const struct sm_trace *trace)
{
    const size_t pid = trace->ranks, tid = writer->threads + 1;
    if (trace->counter_count > 0)
        write_name(writer, "process", pid, 0, "counters");
    for (size_t i = 0; i < trace->counter_count; i++) {
        const struct counter *counter = &trace->counters[i];
        for (size_t j = 0; j < counter->count; j++) {
            fprintf(writer->file, "%s{\"ph\": \"C\", \"name\": ", writer->separator);
            sm_text_json(counter->name, writer->file);
            fprintf(writer->file, ", \"pid\": %zu, \"tid\": %zu, \"ts\": %.3f, \"args\": {", pid,
                    tid, 1e6 * counter->samples[j].t);
            sm_text_json(counter->series, writer->file);
            fprintf(writer->file, ": %.9g}}", counter->samples[j].value);
        }
    }
}

enum sm_status
sm_trace_print(const struct sm_trace *trace, FILE *out)
{
    struct writer writer = {.file = out, .separator = ""};
    fputs("{\"displayTimeUnit\": \"ms\", \"otherData\": {\"clock\": \"simulated\"", out);
    if (trace->steps > 0) /* none where the spans are those of another run */
        fprintf(out, ", \"steps\": %zu, \"steps_kept\": %zu", trace->steps,
                trace->kept < trace->steps ? trace->kept : trace->steps);
    fputs("}, \"traceEvents\": [\n", out);
    for (size_t rank = 0; rank < trace->ranks; rank++)
        write_rank(&writer, trace, rank);
    write_counters(&writer, trace);
    fputs("\n]}\n", out);
    if (fflush(out) != 0 || ferror(out))
        return SM_FAIL(SM_ERR_IO, "cannot write the trace: %s", strerror(errno));
    return SM_OK;
}

enum sm_status
sm_trace_write(const struct sm_trace *trace, const char *path)
{
    FILE *file = fopen(path, "w");
    if (file == NULL)
        return SM_FAIL(SM_ERR_INPUT, "cannot write %s: %s", path, strerror(errno));
    enum sm_status status = sm_trace_print(trace, file);
    if (fclose(file) != 0 || status != SM_OK)
        return SM_FAIL(SM_ERR_INPUT, "cannot write %s: %s", path, strerror(errno));
    return SM_OK;
}
