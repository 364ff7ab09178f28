/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/models/model.h -- the model axis: a function of a flat parameter vector and a batch. */
#ifndef SM_WORKLOADS_MODELS_MODEL_H
#define SM_WORKLOADS_MODELS_MODEL_H

#include "sim/base/plugin.h"
#include "sim/base/rng.h"
#include "workloads/models/laps.h"
#include "workloads/shape.h"
#include "workloads/workload.h"

/* One worker's minibatch. */
struct sm_batch {
    const float *inputs;    /* (count, features), images channels last; NULL without         */
    const uint8_t *labels;  /* (count), < classes; NULL without                              */
    const uint16_t *tokens; /* (count, source + target + 1), < vocabulary; NULL without      */
    size_t count;
    size_t worker;          /* whose gradient this is                                        */
    struct sm_rng *noise;   /* the worker's stream of gradient noise                         */
    struct sm_rng *dropout; /* the worker's stream of dropped units                          */
    struct sm_layer_times *times; /* to be filled in by models of many layers; NULL: not measured */
};

/* What configure finds out about a model. */
struct sm_model_form {
    const struct sm_tensor *tensors; /* of the flat vector in order; their sizes add up to n   */
    size_t tensor_count;
    const struct sm_tensor *statistics; /* of the running statistics, likewise                 */
    size_t statistics_count;
    double flop;          /* of a forward pass of one sample                                   */
    double gradient_flop; /* of forward and backward; nobody wants the gradient of the inputs  */
};

struct sm_model {
    struct sm_plugin about;
    bool needs_data;

    /* REQUIRED. Fixes the shapes; the model must refuse data it cannot fit (SM_ERR_INPUT, one line
     * that says which data it wants). What *form points to is owned by arena or const. */
    enum sm_status (*configure)(void *state, struct sm_arena *arena,
                                const struct sm_data_shape *shape, size_t workers,
                                struct sm_model_form *form);
    /* REQUIRED. x (n) = a fresh model drawn from rng, statistics likewise (NULL: the model has
     * none). */
    void (*initial)(const void *state, struct sm_rng *rng, float *x, float *statistics);
    /* REQUIRED. g (n) = gradient of the batch's mean loss at x (n), overwritten; *loss = it; moves
     * the running statistics on. That loss is a mean over samples (over tokens, for sequences), and
     * without running statistics samples do not mind each other: then the workload adds up slices
     * of a large batch of vectors or images. */
    enum sm_status (*gradient)(const void *state, const struct sm_batch *batch, const float *x,
                               float *statistics, float *g, double *loss, struct sm_arena *scratch);
    /* REQUIRED. *metrics = sums over the batch, without noise or dropout. */
    enum sm_status (*evaluate)(const void *state, const struct sm_batch *batch, const float *x,
                               const float *statistics, struct sm_metrics *metrics,
                               struct sm_arena *scratch);
    /* OPTIONAL. hypotheses (count, target) = the model's translations of the sources, each up to
     * and with SM_TOKEN_END, then padding. */
    enum sm_status (*translate)(const void *state, const struct sm_batch *batch, const float *x,
                                uint16_t *hypotheses, struct sm_arena *scratch);
};

#define SM_MODEL_LIST(X)                                                                           \
    X(quadratic)                                                                                   \
    X(softmax) X(mlp) X(lenet) X(resnet8) X(resnet20) X(resnet18) X(transformer_lm) X(transformer)

#define X(id) extern const struct sm_model sm_model_##id;
SM_MODEL_LIST(X)
#undef X

/* SM_OK, or one line that says which data the model called `model` wants. */
enum sm_status sm_model_wants_classes(const char *model, const struct sm_data_shape *shape);
enum sm_status sm_model_wants_images(const char *model, const struct sm_data_shape *shape);
enum sm_status sm_model_wants_sequences(const char *model, const struct sm_data_shape *shape,
                                        bool pairs);

/* Forward operations of a sample: a multiply and an add a weight, an add a bias; subtract, exp, add
 * and divide a class. */
#define SM_FLOP_DENSE(in, out)   (2.0 * (double)(in) * (double)(out) + (double)(out))
#define SM_FLOP_SOFTMAX(classes) (4.0 * (double)(classes))

/* PyTorch's start of a Linear layer: weights (out, in), then biases (out), each uniform in
 * +-1/sqrt(in). x (out in + out). */
void sm_initial_linear(struct sm_rng *rng, size_t in, size_t out, float *x);

#endif
