/* SPDX-License-Identifier: GPL-3.0-or-later */
/* analysis/compare.h -- stored runs against a baseline, for a regression test. */
#ifndef SM_ANALYSIS_COMPARE_H
#define SM_ANALYSIS_COMPARE_H

#include <stdio.h>

#include "sim/store/store.h"

/* How far a run may be from its baseline. */
struct sm_bands {
    double accuracy; /* of the final test accuracy, 0 .. 1: absolute         */
    double seconds;  /* of the simulated seconds of the run: relative        */
    double loss;     /* of the final test loss: relative; infinity: any loss */
};

/* `slowmo compare`. The baseline is what `slowmo export --format runs` (or csv) wrote: of its
 * columns name, seed, status, final.test_accuracy, final.test_loss and sim.seconds count, whatever
 * their order. Runs are the same when name and seed are; of several in a file the last counts. A
 * line for each that differs in one of these or stands on one side only, else one line in all.
 * SM_ERR_INPUT "FILE:LINE: what" when the baseline cannot be read. */
enum sm_status sm_compare(const struct sm_stored_run *runs, size_t count, const char *baseline,
                          const struct sm_bands *bands, FILE *out, size_t *differences);

#endif
