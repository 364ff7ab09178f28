/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/models/lenet.c -- two convolutions with pooling, two dense layers: 215 370 parameters
 * for 28 x 28 grey pixels and 10 classes. In PyTorch:
 *
 *     nn.Sequential(nn.Conv2d(1, 16, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
 *                   nn.Conv2d(16, 32, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
 *                   nn.Linear(32 * 7 * 7, 128), nn.ReLU(), nn.Linear(128, 10))
 */
#include "workloads/models/convnet.h"

struct lenet {
    struct sm_net *net; /* first: sm_net_gradient and its like find it here */
    size_t hidden;
};

static const struct sm_param lenet_params[] = {
    SM_PARAM(struct lenet, hidden, 128, 1, 65536, "width of the hidden dense layer"),
    SM_PARAM_END,
};

static enum sm_status
lenet_configure(void *state, struct sm_arena *arena, const struct sm_data_shape *shape,
                size_t workers, struct sm_model_form *form)
{
    (void)workers;
    struct lenet *l = state;
    SM_TRY(sm_model_wants_images("lenet", shape));
    SM_TRY(sm_net_create(arena, shape, 0, &l->net));
    struct sm_value *x = sm_net_input(l->net);
    x = sm_net_max_pool(sm_net_relu(sm_net_conv(x, 16, 5, 1, true, "0")));
    x = sm_net_max_pool(sm_net_relu(sm_net_conv(x, 32, 5, 1, true, "3")));
    x = sm_net_relu(sm_net_dense(x, l->hidden, "7"));
    return sm_net_finish(l->net, sm_net_dense(x, shape->classes, "9"), form);
}

const struct sm_model sm_model_lenet = {
    .about =
        {
            .name = "lenet",
            .doc = "two 5x5 convolutions with max pooling, two dense layers",
            .source = "after LeCun, Bottou, Bengio, Haffner, Proc. IEEE 86, 1998, figure 2; start "
                      "as PyTorch's modules",
            .state_size = sizeof(struct lenet),
            .params = lenet_params,
        },
    .needs_data = true,
    .configure = lenet_configure,
    .initial = sm_net_initial,
    .gradient = sm_net_gradient,
    .evaluate = sm_net_evaluate,
};
