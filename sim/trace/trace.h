/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/trace/trace.h -- spans of simulated time, written as Chrome/Perfetto JSON.
 *
 * Open the file in ui.perfetto.dev or chrome://tracing. A rank is a process; its threads are its
 * devices and its communication stream; messages on their way to it are asynchronous spans, for
 * several travel at once. Spans carry step, round and bytes. Counters (link use, loss) stand in a
 * process of their own behind the ranks.
 *
 * A trace holds about as many events as it is told: it then keeps the first so many steps whole and
 * drops the rest; the file says how many. A few steps of a few ranks go to its window (window.h).
 */
#ifndef SM_TRACE_TRACE_H
#define SM_TRACE_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "sim/base/status.h"

enum { SM_TRACE_EVENTS = 300000 }; /* about 40 MB of JSON */

struct sm_trace;

enum sm_trace_track {
    SM_TRACE_RANK,    /* on the thread of device 0, where the rank's program runs      */
    SM_TRACE_DEVICES, /* on the thread of each device                                  */
    SM_TRACE_STREAM,  /* on the communication stream, where nothing overlaps           */
    SM_TRACE_MESSAGE, /* of the rank that receives; these overlap                      */
};

/* Where in its run a rank was. */
struct sm_trace_mark {
    size_t step;  /* from 0                   */
    size_t round; /* from 1; 0: before any    */
    bool known;   /* a rank that serves has no steps */
};

struct sm_trace_span {
    const char *name; /* static */
    enum sm_trace_track track;
    double t0, t1; /* seconds, t0 <= t1                */
    double bytes;  /* 0: none                          */
    size_t from;   /* of a message: the rank that sent */
    struct sm_trace_mark mark;
};

/* most: events to keep, about; 0: SM_TRACE_EVENTS. NULL: no memory. Freed with sm_trace_free (NULL
 * is fine). All functions below take a NULL trace, which keeps nothing. */
struct sm_trace *sm_trace_create(size_t ranks, size_t most);
/* One that keeps nothing but what its window takes: not for a file. */
struct sm_trace *sm_trace_create_empty(size_t ranks);
bool sm_trace_is_empty(const struct sm_trace *trace);
/* Borrowed. */
struct sm_window;
void sm_trace_set_window(struct sm_trace *trace, struct sm_window *window);
void sm_trace_free(struct sm_trace *trace);

/* What the rank is called (copied), and its devices; before its first span, or it is "worker N"
 * with one device. */
void sm_trace_name(struct sm_trace *trace, size_t rank, const char *name, size_t devices);
/* The rank begins a step: spans added from now on are of it. */
void sm_trace_begin(struct sm_trace *trace, size_t rank, size_t step, size_t round);
struct sm_trace_mark sm_trace_now(const struct sm_trace *trace, size_t rank);

/* A span of the rank's program at the step it is in. Spans of no length are not kept. Different
 * ranks may add at the same time. */
enum sm_status sm_trace_add(struct sm_trace *trace, size_t rank, const char *name, double t0,
                            double t1);
enum sm_status sm_trace_add_span(struct sm_trace *trace, size_t rank,
                                 const struct sm_trace_span *span);
/* Whether something of this mark is kept; `events` of it are then counted, though the caller keeps
 * them. */
bool sm_trace_takes(struct sm_trace *trace, struct sm_trace_mark mark, size_t events);
/* Whether a span of the rank with this mark is kept at all. */
bool sm_trace_wants(const struct sm_trace *trace, size_t rank, struct sm_trace_mark mark);
/* The same of marks of now, for who asks at each span: false where none is. Changes in begin; there
 * as long as the trace. */
const bool *sm_trace_wanted(const struct sm_trace *trace, size_t rank);
/* When the last span that is kept ends; seconds. */
double sm_trace_end(const struct sm_trace *trace);

/* From t on the counter's series has that value; t does not decrease. Texts are copied. */
enum sm_status sm_trace_count(struct sm_trace *trace, const char *counter, const char *series,
                              double t, double value);

enum sm_status sm_trace_print(const struct sm_trace *trace, FILE *out);
/* SM_ERR_INPUT when the file cannot be written. */
enum sm_status sm_trace_write(const struct sm_trace *trace, const char *path);

#endif
