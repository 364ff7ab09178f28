/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/kernels/image.h -- what stands between convolutions: normalisation, residual joins,
 * ReLU and pooling, one OS thread, outputs first.
 *
 * Images are those of conv.h, of any borders; channels are a multiple of 16. Only interiors are
 * read and written. Sums are of one image in float, each channel for itself in the order of its
 * pixels, for the caller to add up in double: the bits do not depend on how a batch is cut into
 * calls. image_reference.h has the naive form of each.
 */
#ifndef SM_WORKLOADS_KERNELS_IMAGE_H
#define SM_WORKLOADS_KERNELS_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "workloads/kernels/conv.h"

/* scale x + shift, channel by channel. */
struct sm_term {
    struct sm_images x;
    const float *scale, *shift; /* (channels) of image i at + i step; NULL: 1 and 0 */
    size_t step;                /* channels, or 0: the same for every image         */
};

/* y = the sum of one or two terms, max(0, that) if relu; NaN stays NaN. */
void sm_join_forward(struct sm_images y, const struct sm_term *terms, size_t count, bool relu);
/* The other way: e = e + other, 0 where relu and y is not above 0; other.data may be NULL. Also the
 * sums that normalisation needs. */
void sm_join_backward(struct sm_images e, float *sums, /* (count, 1 + terms, channels): of e and
                                                          of e (z - mean) for each term's z */
                      struct sm_images other, struct sm_images y, bool relu,
                      const struct sm_images *z, /* (terms)                     */
                      const float *const *mean /* (terms), each as a struct sm_term's shift */,
                      size_t step, size_t terms /* 0, 1 or 2 */);
/* Sums of x - origin and of its squares. With an origin near the mean, nothing is lost when the
 * variance is taken from them. */
void sm_image_sums(float *sums, /* (count, 2, channels) */
                   struct sm_images x, const float *origin /* (channels) */);

/* y = the largest of each 2 x 2 pixels, max(0, that) if relu; which (count, height/2, width/2,
 * channels) = its place 0..3 in the window. The odd last row and column are left out. */
void sm_max_pool_forward(struct sm_images y, uint8_t *which, struct sm_images x, bool relu);
/* dx = dy where the largest stood, else 0. */
void sm_max_pool_backward(struct sm_images dx, struct sm_images dy, const uint8_t *which);
/* y (count, channels) = means over an image's pixels. */
void sm_average_pool_forward(float *y, struct sm_images x);
/* dx = dy (count, channels) / pixels. */
void sm_average_pool_backward(struct sm_images dx, const float *dy);

/* y = the images x (count, height, width, channels >= 1, no border). */
void sm_images_copy(struct sm_images y, const float *x);
void sm_images_clear_border(struct sm_images y);

#endif
