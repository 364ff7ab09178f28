/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/kernels/image_reference.h -- every kernel of image.h and norm.h as one would write it
 * down, summed in double: what the tests hold the fast ones against. */
#ifndef SM_WORKLOADS_KERNELS_IMAGE_REFERENCE_H
#define SM_WORKLOADS_KERNELS_IMAGE_REFERENCE_H

#include "workloads/kernels/image.h"
#include "workloads/kernels/norm.h"

void sm_reference_join_forward(struct sm_images y, const struct sm_term *terms, size_t count,
                               bool relu);
void sm_reference_join_backward(struct sm_images e, float *sums, struct sm_images other,
                                struct sm_images y, bool relu, const struct sm_images *z,
                                const float *const *mean, size_t step, size_t terms);
void sm_reference_image_sums(float *sums, struct sm_images x, const float *origin);
void sm_reference_max_pool_forward(struct sm_images y, uint8_t *which, struct sm_images x,
                                   bool relu);
void sm_reference_max_pool_backward(struct sm_images dx, struct sm_images dy, const uint8_t *which);
void sm_reference_average_pool_forward(float *y, struct sm_images x);
void sm_reference_average_pool_backward(struct sm_images dx, const float *dy);

/* Both norms whole: each set of `group` channels over the pixels of all images (batch), or of each
 * for itself, to mean 0 and variance 1, then gamma and beta (channels). */
void sm_reference_norm_forward(struct sm_images y, struct sm_images x, const float *gamma,
                               const float *beta, size_t group, bool batch);
/* dgamma, dbeta (channels) are overwritten. */
void sm_reference_norm_backward(struct sm_images dx, float *dgamma, float *dbeta,
                                struct sm_images dy, struct sm_images x, const float *gamma,
                                size_t group, bool batch);

#endif
