/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/models/residual.c -- see residual.h. */
#include "workloads/models/residual.h"

#include <math.h>
#include <string.h>

enum { MOST_STAGES = 8, MULTIPLE = 16 };

/* relu(x + f(x)), f two convolutions: He et al., CVPR 2016, figure 2 and eq. 1; eq. 2 where the
 * shape changes. */
static struct sm_value *
block(struct sm_value *x, size_t channels, size_t stride)
{
    struct sm_value *h = sm_net_norm(sm_net_conv(x, channels, 3, stride, false, "conv1"), "bn1");
    h = sm_net_conv(sm_net_relu(h), channels, 3, 1, false, "conv2");
    h = sm_net_norm(h, "bn2");
    struct sm_value *shortcut = x;
    if (stride != 1 || sm_net_channels(x) != channels) {
        shortcut = sm_net_conv(x, channels, 1, stride, false, "downsample.0");
        shortcut = sm_net_norm(shortcut, "downsample.1");
    }
    return sm_net_relu(sm_net_add(h, shortcut));
}

static enum sm_status
check_channels(const struct sm_numbers *channels)
{
    if (channels->count < 1 || channels->count > MOST_STAGES)
        return SM_FAIL(SM_ERR_INPUT, "workload.model.channels: %zu stages, expected 1 .. %d",
                       channels->count, MOST_STAGES);
    for (size_t s = 0; s < channels->count; s++)
        if (fmod(channels->values[s], MULTIPLE) != 0)
            return SM_FAIL(SM_ERR_INPUT,
                           "workload.model.channels: %g, expected multiples of %d up to 4096",
                           channels->values[s], MULTIPLE);
    return SM_OK;
}

enum sm_status
sm_residual_configure(const char *model, struct sm_residual *residual, struct sm_arena *arena,
                      const struct sm_data_shape *shape, struct sm_model_form *form)
{
    const struct sm_numbers *channels = &residual->channels;
    const bool group = strcmp(residual->norm, "group") == 0;
    SM_TRY(sm_model_wants_images(model, shape));
    SM_TRY(check_channels(channels));
    SM_TRY(sm_net_create(arena, shape, group ? residual->groups : 0, &residual->net));
    struct sm_net *net = residual->net;
    const size_t stem = (size_t)channels->values[0];
    struct sm_value *x = sm_net_conv(sm_net_input(net), stem, 3, 1, false, "conv1");
    x = sm_net_relu(sm_net_norm(x, "bn1"));
    for (size_t stage = 0; stage < channels->count; stage++)
        for (size_t b = 0; b < residual->blocks; b++) {
            sm_net_prefix(net, "layer%zu.%zu.", stage + 1, b);
            x = block(x, (size_t)channels->values[stage], stage > 0 && b == 0 ? 2 : 1);
        }
    sm_net_prefix(net, "%s", "");
    x = sm_net_dense(sm_net_average_pool(x), shape->classes, "fc");
    return sm_net_finish(net, x, form);
}
