/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/tensor.c -- tensors of a flat vector, in PyTorch's order and back. */
#include "workloads/workload.h"

enum { PANEL = 16 }; /* output channels beside each other */

size_t
sm_tensor_size(const struct sm_tensor *tensor)
{
    size_t size = 1;
    for (size_t d = 0; d < tensor->rank; d++)
        size *= tensor->shape[d];
    return size;
}

struct sm_matrix
sm_tensor_matrix(const struct sm_tensor *tensor)
{
    return (struct sm_matrix){.offset = tensor->offset,
                              .rows = tensor->shape[0],
                              .columns = sm_tensor_size(tensor) / tensor->shape[0],
                              .panel = tensor->panels ? PANEL : 1};
}

/* Where PyTorch's element (o, i, tap) of (out, in, taps) stands, from the tensor's first float. */
static size_t
place(const struct sm_tensor *tensor, size_t in, size_t taps, size_t o, size_t i, size_t tap)
{
    if (tensor->pixels > 1) {
        const size_t channels = in / tensor->pixels;
        i = i % tensor->pixels * channels + i / tensor->pixels;
    }
    if (!tensor->panels)
        return (o * in + i) * taps + tap;
    const size_t first = o / PANEL * PANEL, left = tensor->shape[0] - first;
    return first * taps * in + (tap * in + i) * (left < PANEL ? left : PANEL) + o - first;
}

/* Calls copy for each element: PyTorch's index and ours. */
#define FOR_EACH_ELEMENT(tensor, copy)                                                             \
    do {                                                                                           \
        const size_t out_ = (tensor)->shape[0], in_ = (tensor)->rank > 1 ? (tensor)->shape[1] : 1; \
        const size_t taps_ = sm_tensor_size(tensor) / (out_ * in_);                                \
        size_t torch_ = 0;                                                                         \
        for (size_t o_ = 0; o_ < out_; o_++)                                                       \
            for (size_t i_ = 0; i_ < in_; i_++)                                                    \
                for (size_t tap_ = 0; tap_ < taps_; tap_++, torch_++)                              \
                    copy(torch_, (tensor)->offset + place(tensor, in_, taps_, o_, i_, tap_));      \
    } while (0)

void
sm_tensor_export(const struct sm_tensor *tensor, const float *flat, float *torch)
{
#define OUT(there, here) torch[there] = flat[here]
    FOR_EACH_ELEMENT(tensor, OUT);
#undef OUT
}

void
sm_tensor_import(const struct sm_tensor *tensor, const float *torch, float *flat)
{
#define IN(there, here) flat[here] = torch[there]
    FOR_EACH_ELEMENT(tensor, IN);
#undef IN
}
