/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/trace/trace.h -- spans of simulated time, written as Chrome/Perfetto JSON.
 *
 * Open the file in ui.perfetto.dev or chrome://tracing: a rank is a process, a span is one stage.
 */
#ifndef SM_TRACE_TRACE_H
#define SM_TRACE_TRACE_H

#include <stddef.h>

#include "sim/base/status.h"

struct sm_trace;

/* NULL: no memory. Freed with sm_trace_free (NULL is fine). */
struct sm_trace *sm_trace_create(size_t ranks);
void sm_trace_free(struct sm_trace *trace);
/* A span of `rank`, t0 <= t1 in seconds; `name` is static. Spans of no length are not kept; a
 * NULL trace keeps nothing. Different ranks may add at the same time. */
enum sm_status sm_trace_add(struct sm_trace *trace, size_t rank, const char *name, double t0,
                            double t1);
/* SM_ERR_INPUT when the file cannot be written. */
enum sm_status sm_trace_write(const struct sm_trace *trace, const char *path);

#endif
