/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/run/worker.h -- one worker's training loop: where the axes meet. */
#ifndef SM_RUN_WORKER_H
#define SM_RUN_WORKER_H

#include "algorithms/setup.h"
#include "sim/base/progress.h"
#include "sim/comm/comm.h"
#include "sim/run/experiment.h"
#include "sim/run/recorder.h"
#include "sim/run/steady.h"
#include "sim/timing/bucket.h"
#include "sim/timing/straggler.h"
#include "sim/trace/trace.h"

/* Where evaluations would be, without gradients: the i-th after i * every steps, the last after
 * all.
 */
struct sm_marks {
    double *seconds; /* when the last worker that came was there */
    size_t *arrived; /* workers that came                        */
};

/* What all workers of a run share; borrowed. */
struct sm_training {
    const struct sm_experiment *experiment;
    const struct sm_workload *workload; /* NULL: timing only, a model of one float   */
    const struct sm_profile *profile;
    /* NULL: every step takes what the profile says */
    const struct sm_stragglers *stragglers;
    const struct sm_bucket *buckets; /* (bucket_count) of its gradient            */
    size_t bucket_count;
    struct sm_recorder *recorder;     /* NULL when timing only                     */
    struct sm_progress *progress;     /* drawn by rank 0                           */
    struct sm_trace *trace;           /* NULL: none                                */
    const float *initial;             /* (parameters) x_0                          */
    const struct sm_matrix *matrices; /* (matrix_count) of the parameters      */
    size_t matrix_count;
    const struct sm_matrix *whole; /* (whole_count) as in struct sm_setup; may be NULL */
    size_t whole_count;
    size_t parameters, steps;
    size_t every;             /* steps between evaluations                 */
    struct sm_marks *marks;   /* NULL: nobody asks                         */
    struct sm_arena *arenas;  /* (workers + servers) memory of each rank   */
    double *ends;             /* (workers) out: seconds after the last step */
    struct sm_ledger *spent;  /* (workers) out: where the seconds until then went */
    struct sm_steady *steady; /* NULL: every step is simulated             */
};

/* What the plug-ins of a rank are told before the first step. */
struct sm_setup sm_training_setup(const struct sm_training *training, struct sm_comm *comm,
                                  struct sm_arena *arena);

/* The program of every rank, also of those that serve; arg is the struct sm_training. */
enum sm_status sm_worker_run(void *arg, struct sm_comm *comm);

/* Worker `rank` is lost, the others go on; arg is the struct sm_training. */
enum sm_status sm_worker_lost(void *arg, size_t rank);

/* Builds and forgets one worker's states for a model of one parameter: what the plug-ins refuse is
 * refused before anything runs. */
enum sm_status sm_worker_check(const struct sm_experiment *experiment, size_t workers);

#endif
