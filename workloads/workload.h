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
#include "sim/base/matrix.h"
#include "sim/base/plugin.h"
#include "sim/base/status.h"

extern const struct sm_axis sm_axis_model, sm_axis_dataset, sm_axis_partition, sm_axis_augmentation;

struct sm_workload_settings {
    struct sm_choice model, dataset, partition, augmentation;
    size_t batch;   /* samples a worker and step; 0: the worker's whole part ("all")  */
    size_t limit;   /* keep the first `limit` training samples, no more than there are; 0: all */
    bool reshuffle; /* each epoch in an order of its own, not all as the first */
};

struct sm_workload; /* shared by all workers, read-only after create */
struct sm_learner;  /* one worker's place in its data                 */

/* One named piece of a flat vector, with the shape PyTorch gives it. */
struct sm_tensor {
    const char *name; /* "0.weight"                                */
    size_t offset;    /* first float in the flat vector             */
    size_t rank;      /* number of dimensions, 1..4                 */
    size_t shape[4];
    /* How the floats stand there. Kernels want other orders than PyTorch's row-major one: panels
     * hold element (o, i, r, c) of (out, in, rows, columns) at [o/16][r][c][i][o%16] (a matrix has
     * one row and column), the last panel only as wide as it is full; a matrix behind `pixels` of
     * an image has the channels of a pixel beside each other, so that PyTorch's column (channel,
     * pixel) is ours (pixel, channel). */
    bool panels;
    size_t pixels; /* 0 or 1: as in PyTorch */
};

/* Counts of BLEU, which add up over slices; all 0 where nothing is translated. */
struct sm_bleu {
    size_t matches[4], totals[4]; /* n-grams of the hypotheses, n = 1..4: found, all  */
    size_t hypothesis, reference; /* words                                            */
};

/* Sums over samples (over predicted tokens, for sequences), so that slices add up. */
struct sm_metrics {
    double loss;     /* sum of the losses                                    */
    double correct;  /* classified or predicted right                        */
    size_t count;    /* samples; predicted tokens                            */
    bool classifies; /* false: `correct` means nothing (quadratic)           */
    bool sequences;  /* e^(loss / count) is a perplexity                     */
    struct sm_bleu bleu;
};

/* Loads the data, cuts it into `workers` parts and fixes the model's shapes. Owned by arena.
 * SM_ERR_INPUT for a missing, truncated or malformed file (which, where, what was expected). */
enum sm_status sm_workload_create(struct sm_arena *arena,
                                  const struct sm_workload_settings *settings, uint64_t seed,
                                  size_t workers, struct sm_workload **workload);

size_t sm_workload_parameters(const struct sm_workload *workload);
/* Floating-point operations of one sample's forward pass, counted from the layers. */
double sm_workload_flop_per_sample(const struct sm_workload *workload);
/* Samples that worker `rank` uses in one step; 1 when the model has no data. */
size_t sm_workload_batch(const struct sm_workload *workload, size_t rank);
/* Training samples of all workers together; 0 when the model has no data (quadratic). */
size_t sm_workload_samples(const struct sm_workload *workload);
/* Steps in which worker 0 sees its part once, rounded up; at least 1. */
size_t sm_workload_steps_per_epoch(const struct sm_workload *workload);
/* Of the training and test samples in use; 0 when the model has no data. */
uint64_t sm_workload_data_hash(const struct sm_workload *workload);
/* A whole model is its parameters and, behind them, running statistics (batch norm): each worker's
 * own, in no optimizer's hands, averaged over the workers for evaluation. Floats of both. */
size_t sm_workload_floats(const struct sm_workload *workload);
/* *tensors (returned count) cover a whole model in order; borrowed. */
size_t sm_workload_tensors(const struct sm_workload *workload, const struct sm_tensor **tensors);

/* x (floats) = the whole model that every worker starts from. */
void sm_workload_initial(const struct sm_workload *workload, float *x);
/* Learners created from now on start from x (floats): a model that was loaded. */
void sm_workload_set_initial(struct sm_workload *workload, const float *x);

/* The learner of worker `rank`, at the start of its first epoch. Owned by arena. */
enum sm_status sm_learner_create(const struct sm_workload *workload, size_t rank,
                                 struct sm_arena *arena, struct sm_learner **learner);
/* g (parameters) = gradient of the mean loss of the learner's next batch at x (parameters); *loss =
 * that mean loss. Moves the learner, and its running statistics, one batch on. Learners may run
 * side by side. */
enum sm_status sm_learner_gradient(struct sm_learner *learner, const float *x, float *g,
                                   double *loss, struct sm_arena *scratch);
/* The learner's running statistics (floats - parameters); borrowed. */
const float *sm_learner_statistics(const struct sm_learner *learner);

/* Evaluation of the whole model x (floats) on the test set, in slices that may run side by side;
 * add the metrics up in slice order. For a model without data: one slice, the exact mean objective
 * over the workers. */
size_t sm_workload_slices(const struct sm_workload *workload);
enum sm_status sm_workload_evaluate(const struct sm_workload *workload, size_t slice,
                                    const float *x, struct sm_metrics *metrics,
                                    struct sm_arena *scratch);
void sm_metrics_add(struct sm_metrics *sum, const struct sm_metrics *part);
/* Each as usually quoted; NaN where it means nothing. */
double sm_metrics_loss(const struct sm_metrics *metrics);       /* mean                        */
double sm_metrics_accuracy(const struct sm_metrics *metrics);   /* 0 .. 1                      */
double sm_metrics_perplexity(const struct sm_metrics *metrics); /* e^loss, of sequences        */
double sm_metrics_bleu(const struct sm_metrics *metrics);       /* 0 .. 100, see metrics/bleu.h */

/* Floats in a tensor. */
size_t sm_tensor_size(const struct sm_tensor *tensor);
/* As a matrix: outputs by all the rest. */
struct sm_matrix sm_tensor_matrix(const struct sm_tensor *tensor);
/* torch (size) = the tensor in PyTorch's row-major order, taken from the flat vector; and back. */
void sm_tensor_export(const struct sm_tensor *tensor, const float *flat, float *torch);
void sm_tensor_import(const struct sm_tensor *tensor, const float *torch, float *flat);

#endif
