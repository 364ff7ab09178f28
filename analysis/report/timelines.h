/* SPDX-License-Identifier: GPL-3.0-or-later */
/* analysis/report/timelines.h -- a few steps of a run of each variant, for the page to draw.
 *
 *   timelines   {variant (index), run (number), seed, workers (of the run), steps (of the run),
 * tau, origin (seconds of the run at which `start` is 0), ranks [], names [], spans} spans one list
 * a column: rank, track and name (indices into ranks, "program", "devices", "stream", "message",
 * and names), step, round, start, seconds (how long), bytes, from (rank); null where there is none,
 * and no list where there is none at all
 */
#ifndef SM_ANALYSIS_REPORT_TIMELINES_H
#define SM_ANALYSIS_REPORT_TIMELINES_H

#include <jansson.h>

#include "analysis/variants.h"

/* A new reference in *list: of each variant the first run that has spans, of the first 40 variants
 * with such a run. store: that of the runs; NULL: the list is empty. */
enum sm_status sm_report_timelines(struct sm_store *store, const struct sm_variant *variants,
                                   size_t count, json_t **list);

#endif
