/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/run/timeline.h -- the spans of stored runs as a file for ui.perfetto.dev. */
#ifndef SM_RUN_TIMELINE_H
#define SM_RUN_TIMELINE_H

#include <stdint.h>

#include <stdio.h>

#include "sim/base/status.h"

/* Writes those of one run, or of all (run: 0): every worker that has some is a process, named after
 * its run. output: a file, only made when there is something to write; NULL: to `out`.
 * SM_ERR_INPUT where there is no such run, or where nothing has spans. */
enum sm_status sm_timeline_write(const char *store, int64_t run, const char *output, FILE *out);

#endif
