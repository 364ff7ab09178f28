/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/helpers/problem.h -- a model and a made-up batch: what benchmarks time and PyTorch repeats.
 *
 * Everything is drawn from one seed, the same on every machine. Shapes are those that the models
 * are known by: 28x28 pixels for the dense models and lenet, 32x32x3 for the residual nets.
 */
#ifndef SM_TESTS_HELPERS_PROBLEM_H
#define SM_TESTS_HELPERS_PROBLEM_H

#include "workloads/models/model.h"

struct problem {
    const struct sm_model *model;
    void *state;
    struct sm_data_shape shape;
    struct sm_model_form form;
    size_t n, statistics_n;
    float *x, *g;      /* (n); x is the initial model, a little moved so that nothing is zero */
    float *statistics; /* (statistics_n) running                                              */
    struct sm_batch batch;
    double loss;
};

/* The i-th of the models that have a problem: all but the quadratic. NULL behind the last. */
const char *problem_model(size_t i);
/* A problem as large as the model is usually timed with. SM_ERR_NAME for a model that has none.
 * Owned by arena. */
enum sm_status problem_create(struct problem *problem, const char *model, size_t batch,
                              uint64_t seed, struct sm_arena *arena);
/* The problem whose answer is compared with PyTorch's, digit by digit: a few samples, small images.
 * A unit just at the kink of its ReLU falls to either side of it with the last bit; among
 * fewer units, and with this seed, none is that near. */
enum sm_status problem_create_small(struct problem *problem, const char *model,
                                    struct sm_arena *arena);
/* Gradient, loss and running statistics of its batch at x. Empties scratch before. */
enum sm_status problem_gradient(struct problem *problem, struct sm_arena *scratch);
/* That, and a step of SGD. */
enum sm_status problem_step(struct problem *problem, float learning_rate, struct sm_arena *scratch);

#endif
