/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/kernels/conv_reference.h -- every kernel of conv.h and panels.h as one would write it
 * down, summed in double: what the tests hold the fast ones against. */
#ifndef SM_WORKLOADS_KERNELS_CONV_REFERENCE_H
#define SM_WORKLOADS_KERNELS_CONV_REFERENCE_H

#include "workloads/kernels/conv.h"

void sm_reference_conv_forward(struct sm_images y, struct sm_images x, const float *w,
                               const float *bias, const struct sm_conv *conv);
void sm_reference_conv_backward_data(struct sm_images dx, struct sm_images dy,
                                     const float *w /* not turned */, const struct sm_conv *conv,
                                     bool add);
void sm_reference_conv_backward_weights(float *dw, struct sm_images dy, struct sm_images x,
                                        const struct sm_conv *conv);

/* c (m, n) = (add: +=) a (m, k) b (k, n), where element (i, j) of a stands at a[i a_row + j
 * a_column]: of its transpose too. */
void sm_reference_product(float *c, size_t c_stride, const float *a, size_t a_row, size_t a_column,
                          const float *b, size_t b_stride, size_t m, size_t n, size_t k, bool add);

#endif
