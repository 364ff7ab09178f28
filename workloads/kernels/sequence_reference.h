/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/kernels/sequence_reference.h -- every kernel of sequence.h as one would write it down,
 * summed in double, rows without gaps: what the tests hold the fast ones against. */
#ifndef SM_WORKLOADS_KERNELS_SEQUENCE_REFERENCE_H
#define SM_WORKLOADS_KERNELS_SEQUENCE_REFERENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* y (rows, columns) of x, w and b */
void sm_reference_layer_norm_forward(double *y, const float *x, const float *w, const float *b,
                                     size_t rows, size_t columns);
/* dx, dw, db of dy: overwritten */
void sm_reference_layer_norm_backward(double *dx, double *dw, double *db, const float *dy,
                                      const float *x, const float *w, size_t rows, size_t columns);
double sm_reference_gelu(double x);
double sm_reference_gelu_slope(double x);
/* p (queries, keys), y (queries, width) of q (queries, width), k and v (keys, width) */
void sm_reference_attention_forward(double *y, double *p, const float *q, const float *k,
                                    const float *v, size_t queries, size_t keys, size_t width,
                                    bool causal);
/* dq, dk, dv of dy: overwritten */
void sm_reference_attention_backward(double *dq, double *dk, double *dv, const float *dy,
                                     const double *p, const float *q, const float *k,
                                     const float *v, size_t queries, size_t keys, size_t width);
/* Sum of the losses, dz (rows, classes) times scale. */
double sm_reference_token_loss(double *dz, size_t *correct, const float *z, const uint16_t *targets,
                               size_t rows, size_t classes, double smoothing, double scale);
/* Whether dropout keeps element i. */
bool sm_reference_dropout_keeps(float rate, uint32_t key, uint32_t i);

#endif
