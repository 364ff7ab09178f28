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

size_t
sm_tensor_size(const struct sm_tensor *tensor)
{
    size_t size = 1;
    for (size_t d = 0; d < tensor->rank; d++)
        size *= tensor->shape[d];
    return size;
}

void
sm_initial_linear(struct sm_rng *rng, size_t in, size_t out, float *x)
{
    const double bound = 1.0 / sqrt((double)in);
    for (size_t i = 0; i < out * in + out; i++)
        x[i] = (float)(bound * (2.0 * sm_rng_uniform(rng) - 1.0));
}
