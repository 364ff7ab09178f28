/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/run/sample.h -- the few steps of a few workers whose spans a run leaves in its store, so that
 * a report can draw what its algorithm does.
 *
 * Steps: eight in a row. With rounds, the four that end the first round and the four after it (the
 * first eight, where a round is shorter than four; the last eight, where the run is shorter than
 * that). Without rounds from the third on, for the first ones may start things up. Messages that
 * come in the step after were on their way in these, and are kept too.
 * Ranks: the first eight workers, where the slowest for good takes the place of the last unless one
 * as slow is among them, and the first four servers.
 * Spans: 1500 at most, as sim/trace/window.h cuts them; some 20 kB in the store.
 */
#ifndef SM_RUN_SAMPLE_H
#define SM_RUN_SAMPLE_H

#include "sim/run/steady.h"
#include "sim/store/store.h"
#include "sim/timing/bucket.h"
#include "sim/timing/profile.h"
#include "sim/trace/window.h"

struct sm_sample_run {
    size_t workers, servers, steps;
    size_t tau;         /* steps of a round; 0: there are none           */
    const double *slow; /* (workers) by what factor each is slow for good */
};
struct sm_window_frame sm_sample_frame(const struct sm_sample_run *run);

/* What came of it, and what tells how to read it; borrowed. */
struct sm_sample {
    const struct sm_window *window; /* NULL: nothing was kept */
    size_t servers, tau;
    const struct sm_profile *profile;
    const struct sm_bucket *buckets; /* (bucket_count) */
    size_t bucket_count;
    const struct sm_steady *steady;
};
/* As they are stored, rank by rank: a step's first compute is parted into the forward and the
 * backward pass by their shares, and steps that were not simulated, being like earlier ones, are
 * those moved. Owned by arena. */
enum sm_status sm_sample_spans(const struct sm_sample *sample, struct sm_arena *arena,
                               const struct sm_span **spans, size_t *count);

#endif
