/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/trace/trace.c -- growing lists of spans, one a rank. */
#include "sim/trace/trace.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct span {
    const char *name;
    double t0, t1;
};

struct track {
    struct span *spans;
    size_t count, capacity;
};

struct sm_trace {
    size_t ranks;
    struct track tracks[];
};

struct sm_trace *
sm_trace_create(size_t ranks)
{
    struct sm_trace *trace = calloc(1, sizeof *trace + ranks * sizeof trace->tracks[0]);
    if (trace != NULL)
        trace->ranks = ranks;
    return trace;
}

void
sm_trace_free(struct sm_trace *trace)
{
    for (size_t rank = 0; trace != NULL && rank < trace->ranks; rank++)
        free(trace->tracks[rank].spans);
    free(trace);
}

enum sm_status
sm_trace_add(struct sm_trace *trace, size_t rank, const char *name, double t0, double t1)
{
    if (trace == NULL || t1 <= t0)
        return SM_OK;
    struct track *track = &trace->tracks[rank];
    if (track->count == track->capacity) {
        size_t capacity = track->capacity == 0 ? 64 : 2 * track->capacity;
        struct span *spans = realloc(track->spans, capacity * sizeof *spans);
        if (spans == NULL)
            return SM_FAIL(SM_ERR_NOMEM, "no memory for %zu trace spans", capacity);
        track->spans = spans;
        track->capacity = capacity;
    }
    track->spans[track->count++] = (struct span){name, t0, t1};
    return SM_OK;
}

enum sm_status
sm_trace_write(const struct sm_trace *trace, const char *path)
{
    FILE *file = fopen(path, "w");
    if (file == NULL)
        return SM_FAIL(SM_ERR_INPUT, "cannot write %s: %s", path, strerror(errno));
    fputs("{\"displayTimeUnit\": \"ms\", \"traceEvents\": [\n", file);
    const char *separator = "";
    for (size_t rank = 0; rank < trace->ranks; rank++) {
        fprintf(file,
                "%s{\"ph\": \"M\", \"name\": \"process_name\", \"pid\": %zu, "
                "\"args\": {\"name\": \"worker %zu\"}}",
                separator, rank, rank);
        separator = ",\n";
        const struct track *track = &trace->tracks[rank];
        for (size_t i = 0; i < track->count; i++) /* microseconds, to the nanosecond */
            fprintf(file,
                    ",\n{\"ph\": \"X\", \"name\": \"%s\", \"pid\": %zu, \"tid\": 0, "
                    "\"ts\": %.3f, \"dur\": %.3f}",
                    track->spans[i].name, rank, 1e6 * track->spans[i].t0,
                    1e6 * (track->spans[i].t1 - track->spans[i].t0));
    }
    fputs("\n]}\n", file);
    int failed = ferror(file);
    if (fclose(file) != 0 || failed)
        return SM_FAIL(SM_ERR_INPUT, "cannot write %s: %s", path, strerror(errno));
    return SM_OK;
}
