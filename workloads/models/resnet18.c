/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/models/resnet18.c -- ImageNet's residual net with CIFAR's first layer, four stages of
 * two blocks: 11 173 962 parameters for 3 channels and 10 classes. residual.h has the module. */
#include "workloads/models/residual.h"

static const struct sm_param resnet18_params[] = {
    SM_RESIDUAL_PARAMS("[64, 128, 256, 512]", 2),
    SM_PARAM_END,
};

static enum sm_status
resnet18_configure(void *state, struct sm_arena *arena, const struct sm_data_shape *shape,
                   size_t workers, struct sm_model_form *form)
{
    (void)workers;
    return sm_residual_configure("resnet18", state, arena, shape, form);
}

const struct sm_model sm_model_resnet18 = {
    .about =
        {
            .name = "resnet18",
            .doc = "wide residual net of 18 layers",
            .source = "He, Zhang, Ren, Sun, CVPR 2016, table 1, with a 3x3 first layer of stride 1 "
                      "and no max pooling",
            .state_size = sizeof(struct sm_residual),
            .params = resnet18_params,
        },
    .needs_data = true,
    .configure = resnet18_configure,
    .initial = sm_net_initial,
    .gradient = sm_net_gradient,
    .evaluate = sm_net_evaluate,
};
