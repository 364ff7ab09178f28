/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/base/progress.h -- one live line on a terminal:
 *
 *   [2/5] local-slowmo  step 120/300  accuracy 86.1 %  13 500 samples/s  12 s left
 *
 * The one place below main() that writes to the user, and only to the stream it is given, only when
 * that is a terminal, at most five times a second; the line is gone at the end.
 */
#ifndef SM_BASE_PROGRESS_H
#define SM_BASE_PROGRESS_H

#include <stddef.h>
#include <stdio.h>

struct sm_progress {
    FILE *out;          /* NULL: silent                                      */
    size_t item, items; /* run `item` of `items`, counted from 1             */
    const char *name;   /* of the run; borrowed until the end                */
    size_t steps;
    double started, drawn; /* seconds on the monotonic clock                 */
};

/* Starts a line on `out` (stderr); silent when out is NULL (--quiet) or no terminal. Nothing shows
 * before the first update. */
void sm_progress_begin(struct sm_progress *progress, FILE *out, size_t item, size_t items,
                       const char *name, size_t steps);
/* After `step` steps of all workers: accuracy as a fraction, NaN when there is none; samples done
 * so far, 0 when none are. Cheap: it mostly reads the clock. */
void sm_progress_update(struct sm_progress *progress, size_t step, double accuracy, double samples);
/* The same with a text of one's own: of `all` things, `done` are. */
void sm_progress_line(struct sm_progress *progress, const char *text, size_t done, size_t all);
/* Makes room for a line of something else; the next update draws again. */
void sm_progress_wipe(struct sm_progress *progress);
/* Wipes the line; silent afterwards. A progress set to {0} may be ended too. */
void sm_progress_end(struct sm_progress *progress);

#endif
