/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/kernels/conv.h -- direct convolution of images with a zero border, one OS thread.
 *
 * Images are NHWC (channels next to each other), so that the inputs of one output are `kernel` runs
 * of kernel x in floats: no im2col. Weights are kept as panels of 16 output channels: element
 * (o, i, r, c) of PyTorch's (out, in, kernel, kernel) stands at [o/16][r][c][i][o%16]. Every output
 * is one chain of multiply-adds in that order, every weight's gradient one over images, rows and
 * columns: the bits do not depend on how a batch is cut into calls. conv_reference.h has the naive
 * form of each. winograd.h has what is faster for 3x3 kernels of stride 1.
 */
#ifndef SM_WORKLOADS_KERNELS_CONV_H
#define SM_WORKLOADS_KERNELS_CONV_H

#include <stdbool.h>
#include <stddef.h>

struct sm_images {
    float *data; /* (count, height + 2 border, width + 2 border, channels); the border is zero */
    size_t count, height, width, channels, border;
};

struct sm_conv {
    size_t kernel;  /* 1, 3 or 5; padded by kernel/2: stride 1 keeps height and width      */
    size_t stride;  /* 1 or 2; height becomes (height + stride - 1) / stride, as does width */
    size_t in, out; /* channels; out a multiple of 16                                      */
};

/* Memory that the caller needs next: brought to the L2 cache by prefetches between the tiles. */
struct sm_ahead {
    const void *at[8];
    size_t bytes[8], count;
};

/* Floats in a row of pixels, border included. */
static inline size_t
sm_images_row(struct sm_images images)
{
    return (images.width + 2 * images.border) * images.channels;
}

/* Floats in an image, border included. */
static inline size_t
sm_images_size(struct sm_images images)
{
    return (images.height + 2 * images.border) * sm_images_row(images);
}

/* The channels of pixel (y, x) of image i. */
static inline float *
sm_images_at(struct sm_images images, size_t i, size_t y, size_t x)
{
    return images.data + i * sm_images_size(images) + (y + images.border) * sm_images_row(images) +
           (x + images.border) * images.channels;
}

/* A view of images first .. first + count - 1. */
static inline struct sm_images
sm_images_part(struct sm_images images, size_t first, size_t count)
{
    images.data += first * sm_images_size(images);
    images.count = count;
    return images;
}

/* y = conv(x, w) + bias. 2 kernel^2 in out operations a pixel of y. x.border >= kernel/2; of y only
 * the interior is written. bias may be NULL, ahead may be NULL. */
void sm_conv_forward(struct sm_images y, /* (count, ceil(height/stride), ..., out) */
                     struct sm_images x, /* (count, height, width, in)             */
                     const float *w,     /* panels (out, in, kernel, kernel)       */
                     const float *bias,  /* (out)                                  */
                     const struct sm_conv *conv, const struct sm_ahead *ahead);
/* wt (kernel kernel in out) = the weights as sm_conv_backward_data wants them; in a multiple of 16.
 */
void sm_conv_turn(float *wt, const float *w, const struct sm_conv *conv);
/* dx = (add: +=) the gradient with respect to x, from dy, the one with respect to y. in a multiple
 * of 16; dy.border >= kernel/2, and zero there; of dx only the interior is written. */
void sm_conv_backward_data(struct sm_images dx, struct sm_images dy, const float *wt,
                           const struct sm_conv *conv, bool add, const struct sm_ahead *ahead);
/* dw += the gradient with respect to w, panels as w. x.border >= kernel/2. */
void sm_conv_backward_weights(float *dw, struct sm_images dy, struct sm_images x,
                              const struct sm_conv *conv, const struct sm_ahead *ahead);

#endif
