/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/models/residual.h -- residual nets for small images, in any width and depth.
 *
 * In PyTorch, with torchvision's BasicBlock (its names, its projection shortcuts, its start):
 *
 *     conv1 = nn.Conv2d(in, channels[0], 3, padding=1, bias=False); bn1 =
 * nn.BatchNorm2d(channels[0]) layer1 = nn.Sequential(BasicBlock(...), ... `blocks` of them);
 * layer2, ...: the first block of each with stride 2 and downsample = nn.Sequential( nn.Conv2d(in,
 * channels, 1, stride=2, bias=False), nn.BatchNorm2d(channels)) fc = nn.Linear(channels[-1],
 * classes) forward: relu(bn1(conv1(x))), the layers, the mean over all pixels, fc
 *
 * With norm: group, nn.GroupNorm(groups, channels) takes the place of each nn.BatchNorm2d.
 */
#ifndef SM_WORKLOADS_MODELS_RESIDUAL_H
#define SM_WORKLOADS_MODELS_RESIDUAL_H

#include "workloads/models/convnet.h"

struct sm_residual {
    struct sm_net *net; /* first: sm_net_gradient and its like find it here */
    struct sm_numbers channels;
    size_t blocks, groups;
    const char *norm;
};

#define SM_RESIDUAL_PARAMS(channels_, blocks_)                                                     \
    SM_PARAM_NUMBERS(struct sm_residual, channels, channels_, 16, 4096,                            \
                     "channels of each stage, multiples of 16"),                                   \
        SM_PARAM(struct sm_residual, blocks, blocks_, 1, 64,                                       \
                 "blocks of two convolutions a stage"),                                            \
        SM_PARAM_CHOICE(struct sm_residual, norm, "batch", "batch|group",                          \
                        "normalisation after each convolution"),                                   \
        SM_PARAM(struct sm_residual, groups, 8, 1, 4096, "groups of group norm")

/* Of the model called `model`. */
enum sm_status sm_residual_configure(const char *model, struct sm_residual *residual,
                                     struct sm_arena *arena, const struct sm_data_shape *shape,
                                     struct sm_model_form *form);

#endif
