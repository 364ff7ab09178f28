/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/models/model.h -- the model axis: a function of a flat parameter vector and a batch. */
#ifndef SM_WORKLOADS_MODELS_MODEL_H
#define SM_WORKLOADS_MODELS_MODEL_H

#include "sim/base/plugin.h"
#include "sim/base/rng.h"
#include "workloads/workload.h"

/* The shape of the data a model is fitted to. */
struct sm_data_shape {
    size_t features; /* floats a sample; 0: no data set              */
    size_t classes;  /* 0: no data set                               */
    size_t workers;
};

/* One worker's minibatch. */
struct sm_batch {
    const float *inputs;   /* (count, features), row-major; NULL without data */
    const uint8_t *labels; /* (count), < classes; NULL without data           */
    size_t count;
    size_t worker;        /* whose gradient this is                           */
    struct sm_rng *noise; /* the worker's stream for noise and dropout        */
};

struct sm_model {
    struct sm_plugin about;
    bool needs_data;

    /* REQUIRED. Fixes the shapes; the model must refuse what it cannot fit (SM_ERR_INPUT). */
    enum sm_status (*configure)(void *state, struct sm_arena *arena,
                                const struct sm_data_shape *shape);
    /* REQUIRED. The tensors in the order of the flat vector; their sizes add up to n. */
    size_t (*tensors)(const void *state, const struct sm_tensor **tensors);
    /* REQUIRED. Floating-point operations of a forward pass of one sample. */
    double (*flop_per_sample)(const void *state);
    /* REQUIRED. x (n) = a fresh model drawn from rng. */
    void (*initial)(const void *state, struct sm_rng *rng, float *x);
    /* REQUIRED. g (n) = gradient of the batch's mean loss at x (n), overwritten; *loss = it. That
     * loss is a mean over samples: the workload adds up slices of a large batch. */
    enum sm_status (*gradient)(const void *state, const struct sm_batch *batch, const float *x,
                               float *g, double *loss, struct sm_arena *scratch);
    /* REQUIRED. *metrics = sums over the batch, without noise or dropout. */
    enum sm_status (*evaluate)(const void *state, const struct sm_batch *batch, const float *x,
                               struct sm_metrics *metrics, struct sm_arena *scratch);
};

#define SM_MODEL_LIST(X) X(quadratic) X(softmax) X(mlp)

#define X(id) extern const struct sm_model sm_model_##id;
SM_MODEL_LIST(X)
#undef X

/* Forward operations of a sample: a multiply and an add a weight, an add a bias; subtract, exp, add
 * and divide a class. */
#define SM_FLOP_DENSE(in, out)   (2.0 * (double)(in) * (double)(out) + (double)(out))
#define SM_FLOP_SOFTMAX(classes) (4.0 * (double)(classes))

/* Floats in a tensor. */
size_t sm_tensor_size(const struct sm_tensor *tensor);
/* PyTorch's start of a Linear layer: weights (out, in), then biases (out), each uniform in
 * +-1/sqrt(in). x (out in + out). */
void sm_initial_linear(struct sm_rng *rng, size_t in, size_t out, float *x);

#endif
