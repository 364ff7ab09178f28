/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/run/recorder.h -- evaluates the consensus model and keeps what came out.
 *
 * Workers reach a step at different times, so each leaves a copy of its model; the last to come
 * evaluates the mean of all on the pool. It costs no simulated time.
 */
#ifndef SM_RUN_RECORDER_H
#define SM_RUN_RECORDER_H

#include <stdint.h>

#include "sim/engine/pool.h"
#include "sim/store/store.h"
#include "workloads/workload.h"

struct sm_recorder_settings {
    const struct sm_workload *workload;
    struct sm_pool *pool;
    struct sm_store *store; /* NULL: kept in memory only */
    int64_t run;            /* row of the store          */
    size_t workers, steps;
};

struct sm_recorder;

/* Freed with sm_recorder_free (NULL is fine). Safe for workers in different OS threads. */
enum sm_status sm_recorder_create(const struct sm_recorder_settings *settings,
                                  struct sm_recorder **recorder);
void sm_recorder_free(struct sm_recorder *recorder);

/* Worker `rank` has done `step` steps at sim_seconds; its de-biased model is x (parameters) with
 * its running statistics (NULL where the workload has none), and since the evaluation before its
 * minibatch losses summed to `loss` over `losses` steps. SM_ERR_DIVERGED when the mean of all
 * models is not finite. */
enum sm_status sm_recorder_deposit(struct sm_recorder *recorder, size_t rank, size_t step,
                                   double sim_seconds, const float *x, const float *statistics,
                                   double loss, size_t losses);

/* Worker `rank` will not come any more: an evaluation is then of the workers that reached it. */
enum sm_status sm_recorder_lose(struct sm_recorder *recorder, size_t rank);

/* Accuracy of the newest point; NaN before the first. */
double sm_recorder_accuracy(struct sm_recorder *recorder);
/* When no worker runs any more: the points, by step; borrowed until the recorder is freed. */
const struct sm_evaluation *sm_recorder_evaluations(const struct sm_recorder *recorder,
                                                    size_t *count);
/* After the last step: the mean of all whole models (floats of the workload), and a hash of every
 * worker's model (that was not lost) in rank order. NULL and 0 before. */
const float *sm_recorder_consensus(const struct sm_recorder *recorder, uint64_t *hash);

#endif
