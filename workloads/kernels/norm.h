/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/kernels/norm.h -- the few numbers a channel that batch and group normalisation come
 * down to; image.h applies them to the pixels.
 *
 * A set of numbers is brought to mean 0 and variance 1, then channel by channel to beta and gamma:
 *     y = gamma (x - mean) / sqrt(variance + 1e-5) + beta.
 * Batch norm (Ioffe, Szegedy, ICML 2015, algorithm 1): a set is a channel of the whole batch. Group
 * norm (Wu, He, ECCV 2018, eq. 1-7): a set is `group` neighbouring channels of one image.
 */
#ifndef SM_WORKLOADS_KERNELS_NORM_H
#define SM_WORKLOADS_KERNELS_NORM_H

#include <stddef.h>

struct sm_sets {
    size_t channels, group; /* a set has the pixels of `group` channels; channels a multiple */
    size_t pixels;          /* of a channel in a set                                         */
};

/* mean, variance (channels): those of each channel's set, from the sums of x - origin and of its
 * squares (2, channels), channel by channel. */
void sm_norm_moments(float *mean, float *variance, const double *sums, const float *origin,
                     const struct sm_sets *sets);
/* y = scale x + shift (channels each). */
void sm_norm_forward(float *scale, float *shift, const float *mean, const float *variance,
                     const float *gamma, const float *beta, size_t channels);
/* dx = dy_scale dy + x_scale x + shift (channels each), from the sums of dy and of dy (x - mean)
 * (2, channels); dgamma and dbeta (channels) += their gradients. */
void sm_norm_backward(float *dy_scale, float *x_scale, float *shift, double *dgamma, double *dbeta,
                      const double *sums, const float *mean, const float *variance,
                      const float *gamma, const struct sm_sets *sets);
/* running (channels) moves a tenth of the way to the moments of a set of `pixels`, the variance
 * without bias: PyTorch's momentum 0.1. */
void sm_norm_run(float *running_mean, float *running_variance, const float *mean,
                 const float *variance, size_t channels, size_t pixels);

#endif
