/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/workload.h -- what is trained: a model, a data set and each worker's part of it.
 *
 * A workload knows nothing of algorithms, messages or time. Everything here is deterministic: the
 * gradient of (worker, step) depends on the seed and x alone, not on the thread that computes it.
 */
#ifndef SM_WORKLOADS_WORKLOAD_H
#define SM_WORKLOADS_WORKLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/arena.h"
#include "sim/base/plugin.h"
#include "sim/base/status.h"

extern const struct sm_axis sm_axis_model, sm_axis_dataset, sm_axis_partition;

struct sm_workload_settings {
    struct sm_choice model, dataset, partition;
    size_t batch; /* samples a worker and step; 0: the worker's whole part ("all")  */
    size_t limit; /* keep the first `limit` training samples, no more than there are; 0: all */
};

struct sm_workload; /* shared by all workers, read-only after create */
struct sm_learner;  /* one worker's place in its data                 */

/* One named piece of the flat parameter vector, in the layout PyTorch uses for it. */
struct sm_tensor {
    const char *name; /* "0.weight"                                */
    size_t offset;    /* first float in the flat vector             */
    size_t rank;      /* number of dimensions, 1..4                 */
    size_t shape[4];
};

/* Sums over samples, so that slices add up. */
struct sm_metrics {
    double loss;     /* sum of the samples' losses                           */
    double correct;  /* samples classified right                             */
    size_t count;    /* samples                                              */
    bool classifies; /* false: `correct` means nothing (quadratic)           */
};

/* Loads the data, cuts it into `workers` parts and fixes the model's shapes. Owned by arena.
 * SM_ERR_INPUT for a missing, truncated or malformed file (which, where, what was expected). */
enum sm_status sm_workload_create(struct sm_arena *arena,
                                  const struct sm_workload_settings *settings, uint64_t seed,
                                  size_t workers, struct sm_workload **workload);

size_t sm_workload_parameters(const struct sm_workload *workload);
/* Floating-point operations of one forward pass of one sample, counted from the layers. */
double sm_workload_flop_per_sample(const struct sm_workload *workload);
/* Samples that worker `rank` uses in one step; 1 when the model has no data. */
size_t sm_workload_batch(const struct sm_workload *workload, size_t rank);
/* Training samples of all workers together; 0 when the model has no data (quadratic). */
size_t sm_workload_samples(const struct sm_workload *workload);
/* Steps in which worker 0 sees its part once, rounded up; at least 1. */
size_t sm_workload_steps_per_epoch(const struct sm_workload *workload);
/* Of the training and test samples in use; 0 when the model has no data. */
uint64_t sm_workload_data_hash(const struct sm_workload *workload);
/* *tensors (returned count) cover the flat vector in order; borrowed. */
size_t sm_workload_tensors(const struct sm_workload *workload, const struct sm_tensor **tensors);

/* x (parameters) = the initial model, the same for every worker. */
void sm_workload_initial(const struct sm_workload *workload, float *x);

/* The learner of worker `rank`, at the start of its first epoch. Owned by arena. */
enum sm_status sm_learner_create(const struct sm_workload *workload, size_t rank,
                                 struct sm_arena *arena, struct sm_learner **learner);
/* g (parameters) = gradient of the mean loss of the learner's next batch at x (parameters); *loss =
 * that mean loss. Moves the learner one batch on. Learners may run side by side. */
enum sm_status sm_learner_gradient(struct sm_learner *learner, const float *x, float *g,
                                   double *loss, struct sm_arena *scratch);

/* Evaluation on the test set, in slices that may run side by side; add the metrics up in slice
 * order. For a model without data: one slice, the exact mean objective over the workers. */
size_t sm_workload_slices(const struct sm_workload *workload);
enum sm_status sm_workload_evaluate(const struct sm_workload *workload, size_t slice,
                                    const float *x, struct sm_metrics *metrics,
                                    struct sm_arena *scratch);
void sm_metrics_add(struct sm_metrics *sum, const struct sm_metrics *part);

#endif
