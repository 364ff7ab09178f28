/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/models/model.c -- the registry of models, and what the dense ones share. */
#include "workloads/models/model.h"

#include <math.h>

static const struct sm_plugin *const model_plugins[] = {
#define X(id) &sm_model_##id.about,
    SM_MODEL_LIST(X)
#undef X
        NULL,
};

const struct sm_axis sm_axis_model = {
    .name = "model",
    .key = "workload.model",
    .doc = "the function that is fitted",
    .initial = "mlp",
    .plugins = model_plugins,
};

enum sm_status
sm_model_wants_classes(const char *model, const struct sm_data_shape *shape)
{
    if (shape->classes > 0)
        return SM_OK;
    return SM_FAIL(SM_ERR_INPUT,
                   "workload.model: %s classifies, but the data set holds sequences; "
                   "expected images or vectors with labels",
                   model);
}

enum sm_status
sm_model_wants_images(const char *model, const struct sm_data_shape *shape)
{
    if (shape->classes > 0 && shape->channels > 0)
        return SM_OK;
    return SM_FAIL(SM_ERR_INPUT,
                   "workload.model: %s wants images, but the data set holds %s; "
                   "fashion_mnist, cifar10, images and synthetic (with features: "
                   "[height, width, channels]) have them",
                   model, shape->classes > 0 ? "plain vectors" : "sequences");
}

enum sm_status
sm_model_wants_sequences(const char *model, const struct sm_data_shape *shape, bool pairs)
{
    if (shape->target > 0 && (shape->source > 0) == pairs)
        return SM_OK;
    return SM_FAIL(SM_ERR_INPUT, "workload.model: %s wants %s, but the data set holds %s", model,
                   pairs ? "pairs of sentences (parallel_text)" : "a text (text)",
                   shape->target == 0  ? "labelled samples"
                   : shape->source > 0 ? "pairs of sentences"
                                       : "a text without translation");
}

void
sm_initial_linear(struct sm_rng *rng, size_t in, size_t out, float *x)
{
    const double bound = 1.0 / sqrt((double)in);
    for (size_t i = 0; i < out * in + out; i++)
        x[i] = (float)(bound * (2.0 * sm_rng_uniform(rng) - 1.0));
}
