/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/models/convnet.h -- convolutional nets as a list of layers that reads like the paper's
 * figure.
 *
 *     x = sm_net_input(net);
 *     x = sm_net_relu(sm_net_norm(sm_net_conv(x, 16, 3, 1, false, "conv1"), "bn1"));
 *     ...
 *     return sm_net_finish(net, sm_net_dense(sm_net_average_pool(x), classes, "fc"), form);
 *
 * configure builds the net once; afterwards it is read-only and shared by all threads. Tensors come
 * in the order of the calls, under the names that are given. What a layer cannot do with its input
 * (an add of two shapes) is a mistake of the programmer, and asserted; what depends on settings or
 * data is kept and returned by sm_net_finish, so that no call needs a check: NULL goes through.
 * convnet_run.c computes it.
 */
#ifndef SM_WORKLOADS_MODELS_CONVNET_H
#define SM_WORKLOADS_MODELS_CONVNET_H

#include "workloads/models/model.h"

struct sm_net;
struct sm_value; /* what a layer makes of a batch; owned by the net */

/* *net for images of this shape. groups > 0: sm_net_norm is group norm with so many, else batch
 * norm. Owned by arena. */
enum sm_status sm_net_create(struct sm_arena *arena, const struct sm_data_shape *shape,
                             size_t groups, struct sm_net **net);
/* "layer1.0." before the names of all layers to come. */
__attribute__((format(printf, 2, 3))) void sm_net_prefix(struct sm_net *net, const char *format,
                                                         ...);

/* The batch's images (height, width, channels). */
struct sm_value *sm_net_input(struct sm_net *net);
/* (height / stride, width / stride, channels), rounded up; padded by kernel/2. channels a multiple
 * of 16; kernel 1, 3 or 5; stride 1 or 2. */
struct sm_value *sm_net_conv(struct sm_value *x, size_t channels, size_t kernel, size_t stride,
                             bool bias, const char *name);
/* Of a convolution without bias. */
struct sm_value *sm_net_norm(struct sm_value *x, const char *name);
struct sm_value *sm_net_relu(struct sm_value *x);
/* One of the two may be a value that is used elsewhere too, the other is a (normalised)
 * convolution. */
struct sm_value *sm_net_add(struct sm_value *a, struct sm_value *b);
/* (height / 2, width / 2, channels), rounded down, of a convolution, its ReLU before or after. */
struct sm_value *sm_net_max_pool(struct sm_value *x);
/* (channels): means over the image. */
struct sm_value *sm_net_average_pool(struct sm_value *x);
/* (width); of images, all their pixels. */
struct sm_value *sm_net_dense(struct sm_value *x, size_t width, const char *name);
size_t sm_net_channels(const struct sm_value *x);

/* `logits` (classes) goes to the softmax. *form = what configure wants to know. */
enum sm_status sm_net_finish(struct sm_net *net, struct sm_value *logits,
                             struct sm_model_form *form);

/* The vtable's functions for a model whose state begins with a struct sm_net *. Start: a
 * convolution before a norm as torchvision's resnets, normal with variance 2 / (channels kernel^2)
 * (He et al., ICCV 2015, eq. 14); with a bias, and dense layers, as PyTorch's modules, uniform in
 * +-1/sqrt(inputs of an output); gamma 1, beta 0. */
void sm_net_initial(const void *state, struct sm_rng *rng, float *x, float *statistics);
enum sm_status sm_net_gradient(const void *state, const struct sm_batch *batch, const float *x,
                               float *statistics, float *g, double *loss, struct sm_arena *scratch);
enum sm_status sm_net_evaluate(const void *state, const struct sm_batch *batch, const float *x,
                               const float *statistics, struct sm_metrics *metrics,
                               struct sm_arena *scratch);

#endif
