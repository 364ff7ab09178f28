/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/kernels/reference.h -- every kernel of kernels.h, and dense layers, as one would write
 * them down, summed in double: what the tests hold the fast ones against. */
#ifndef SM_WORKLOADS_KERNELS_REFERENCE_H
#define SM_WORKLOADS_KERNELS_REFERENCE_H

#include <stddef.h>
#include <stdint.h>

/* Row-major, weights (out, in) as PyTorch's Linear keeps them. */
void sm_reference_dense_forward(float *y, const float *x, const float *w, const float *b,
                                size_t count, size_t in, size_t out);
void sm_reference_dense_backward(float *dx, float *dw, float *db, const float *dy, const float *x,
                                 const float *w, size_t count, size_t in, size_t out);
void sm_reference_relu_forward(float *y, const float *x, size_t n);
void sm_reference_relu_backward(float *dx, const float *dy, const float *y, size_t n);
double sm_reference_softmax_loss(float *dz, const float *z, const uint8_t *labels, size_t count,
                                 size_t classes);
double sm_reference_softmax_evaluate(size_t *correct, const float *z, const uint8_t *labels,
                                     size_t count, size_t classes);
void sm_reference_exp(float *y, const float *x, size_t n);
void sm_reference_bytes_to_floats(float *y, const uint8_t *bytes, size_t n, size_t channels,
                                  const float *mean, const float *deviation);

#endif
