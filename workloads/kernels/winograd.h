/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/kernels/winograd.h -- 3x3 convolution of stride 1 with 4 of 9 multiplications.
 *
 * F(2x2, 3x3) of Lavin and Gray, "Fast algorithms for convolutional neural networks" (CVPR 2016),
 * section 4.1: 2 x 2 outputs come from 4 x 4 inputs by 16 products a channel instead of 36, between
 * sums of the inputs and of the weights. Rounding errors are a few times those of conv.h's chains.
 * Every output depends on its own inputs alone, so the bits do not depend on how a batch is cut
 * into calls. One OS thread; conv_reference.h has the naive form.
 */
#ifndef SM_WORKLOADS_KERNELS_WINOGRAD_H
#define SM_WORKLOADS_KERNELS_WINOGRAD_H

#include "workloads/kernels/conv.h"

/* Floats that a call works in: too many for the stack of a simulated process. */
enum { SM_WINOGRAD_ROOM = 61696 };

/* Whether images of this size can be convolved so: even height and width, in a multiple of 16. */
static inline bool
sm_winograd_fits(const struct sm_conv *conv, size_t height, size_t width)
{
    return conv->kernel == 3 && conv->stride == 1 && conv->in % 16 == 0 && height % 2 == 0 &&
           width % 2 == 0;
}

/* u (16 in out) = the weights as sm_winograd wants them, from those of sm_conv_forward; for the
 * gradient of the data, from those of sm_conv_turn, in and out exchanged. */
void sm_winograd_weights(float *u, const float *w, size_t in, size_t out);
/* y = (add: +=) conv(x, w) + bias, where u is w's. x.border >= 1; of y only the interior is
 * written. bias may be NULL, ahead may be NULL. */
void sm_winograd(struct sm_images y, /* (count, height, width, out) */
                 struct sm_images x, /* (count, height, width, in)  */
                 const float *u,     /* (16 in out)                 */
                 const float *bias,  /* (out)                       */
                 bool add, float *room /* (SM_WINOGRAD_ROOM) */, const struct sm_ahead *ahead);
/* du (16 in out) += the gradient with respect to u, from dy, the one with respect to y. */
void sm_winograd_backward_weights(float *du, struct sm_images dy, struct sm_images x, float *room,
                                  const struct sm_ahead *ahead);
/* dw += the gradient with respect to w, from du. */
void sm_winograd_add_weights(float *dw, const float *du, size_t in, size_t out);

#endif
