/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/models/resnet8.c -- the smallest residual net for CIFAR, three stages of one block: 78
 * 042 parameters for 3 channels and 10 classes. residual.h has the module. */
#include "workloads/models/residual.h"

static const struct sm_param resnet8_params[] = {
    SM_RESIDUAL_PARAMS("[16, 32, 64]", 1),
    SM_PARAM_END,
};

static enum sm_status
resnet8_configure(void *state, struct sm_arena *arena, const struct sm_data_shape *shape,
                  size_t workers, struct sm_model_form *form)
{
    (void)workers;
    return sm_residual_configure("resnet8", state, arena, shape, form);
}

const struct sm_model sm_model_resnet8 = {
    .about =
        {
            .name = "resnet8",
            .doc = "residual net of 8 layers",
            .source =
                "He, Zhang, Ren, Sun, CVPR 2016, section 4.2 with n = 1, projection shortcuts",
            .state_size = sizeof(struct sm_residual),
            .params = resnet8_params,
        },
    .needs_data = true,
    .configure = resnet8_configure,
    .initial = sm_net_initial,
    .gradient = sm_net_gradient,
    .evaluate = sm_net_evaluate,
};
