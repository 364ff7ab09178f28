/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/kernels/kernels.h -- the arithmetic of the models, one OS thread, outputs first.
 *
 * Matrices are row-major; the shape stands beside each pointer. Outputs are overwritten, and
 * overlap no input unless the comment allows it. reference.h has the naive form of each, which the
 * tests compare against.
 */
#ifndef SM_WORKLOADS_KERNELS_KERNELS_H
#define SM_WORKLOADS_KERNELS_KERNELS_H

#include <stddef.h>
#include <stdint.h>

/* y = max(x, 0); y may be x. NaN stays NaN. */
void sm_relu_forward(float *y, const float *x, size_t n);
/* dx = dy where y > 0, else 0; dx may be dy. */
void sm_relu_backward(float *dx, const float *dy, const float *y, size_t n);

/* Mean cross-entropy of softmax(z) against the labels, and its gradient. dz may be z. No overflow
 * for any finite z; NaN or infinite z gives a loss that is not finite. */
double sm_softmax_loss(float *dz,             /* (count, classes)  */
                       const float *z,        /* (count, classes)  */
                       const uint8_t *labels, /* (count) < classes */
                       size_t count, size_t classes);
/* Sum of the samples' cross-entropies; *correct = samples whose largest z is their label's. */
double sm_softmax_evaluate(size_t *correct, const float *z, /* (count, classes)  */
                           const uint8_t *labels,           /* (count) < classes */
                           size_t count, size_t classes);

/* y = e^x within 1e-6 relative for x in [-87, 88]; beyond that 0 and infinity. y may be x. */
void sm_exp(float *y, const float *x, size_t n);

/* y = (bytes / 255 - mean) / deviation, where byte i is of channel i % channels <= 4. */
void sm_bytes_to_floats(float *y, const uint8_t *bytes, size_t n, size_t channels,
                        const float *mean, const float *deviation);

#endif
