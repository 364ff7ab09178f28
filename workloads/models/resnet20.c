/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/models/resnet20.c -- the residual net for CIFAR of 20 layers, three stages of three
 * blocks: 272 474 parameters for 3 channels and 10 classes. residual.h has the module. */
#include "workloads/models/residual.h"

static const struct sm_param resnet20_params[] = {
    SM_RESIDUAL_PARAMS("[16, 32, 64]", 3),
    SM_PARAM_END,
};

static enum sm_status
resnet20_configure(void *state, struct sm_arena *arena, const struct sm_data_shape *shape,
                   size_t workers, struct sm_model_form *form)
{
    (void)workers;
    return sm_residual_configure("resnet20", state, arena, shape, form);
}

const struct sm_model sm_model_resnet20 = {
    .about =
        {
            .name = "resnet20",
            .doc = "residual net of 20 layers",
            .source =
                "He, Zhang, Ren, Sun, CVPR 2016, section 4.2 with n = 3, projection shortcuts",
            .state_size = sizeof(struct sm_residual),
            .params = resnet20_params,
        },
    .needs_data = true,
    .configure = resnet20_configure,
    .initial = sm_net_initial,
    .gradient = sm_net_gradient,
    .evaluate = sm_net_evaluate,
};
