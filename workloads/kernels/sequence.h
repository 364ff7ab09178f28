/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/kernels/sequence.h -- what transformers do besides products: rows of tokens, one OS
 * thread, outputs first.
 *
 * A row is a token's features; strides are in floats. `columns` is a multiple of 16 but where the
 * comment says otherwise. The bits of a row do not depend on the rows beside it, sums over rows
 * run in their order. sequence_reference.h has the naive form of each.
 */
#ifndef SM_WORKLOADS_KERNELS_SEQUENCE_H
#define SM_WORKLOADS_KERNELS_SEQUENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A stride for rows of so many columns: an odd number of cache lines, so that the rows of a tall
 * matrix do not all fall into the same few sets of a cache. */
static inline size_t
sm_row_stride(size_t columns)
{
    return 16 * ((columns + 15) / 16 | 1);
}

/* y = (x - mean) / sqrt(variance + 1e-5) w + b along each row, and the mean and 1 / sqrt(...) for
 * the way back. (Ba, Kiros, Hinton 2016) */
void sm_layer_norm_forward(float *y, size_t y_stride,       /* (rows, columns) */
                           float *moments,                  /* (rows, 2)       */
                           const float *x, size_t x_stride, /* (rows, columns) */
                           const float *w, const float *b,  /* (columns) each  */
                           size_t rows, size_t columns);
/* dx += and dw +=, db += the gradients; a transformer's x is also handed on as it is. */
void sm_layer_norm_backward(float *dx, size_t dx_stride,       /* (rows, columns) */
                            float *dw, float *db,              /* (columns) each  */
                            const float *dy, size_t dy_stride, /* (rows, columns) */
                            const float *x, size_t x_stride,   /* (rows, columns) */
                            const float *moments,              /* (rows, 2)       */
                            const float *w,                    /* (columns)       */
                            size_t rows, size_t columns);

/* y = x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))), which PyTorch calls
 * gelu(approximate="tanh"). (Hendrycks, Gimpel 2016) */
void sm_gelu_forward(float *y, size_t y_stride, const float *x, size_t x_stride, size_t rows,
                     size_t columns);
/* d, the gradient with respect to y, becomes the one with respect to x; y once more. */
void sm_gelu_backward(float *y, size_t y_stride, float *d, size_t d_stride, const float *x,
                      size_t x_stride, size_t rows, size_t columns);

/* One head's scaled dot-product attention (Vaswani et al. 2017, eq. 1): y = p v, where row i of p =
 * softmax of q_i k_j / sqrt(width) over the keys j; causal: over j <= i, and then there are as many
 * queries as keys. Columns of p beyond those that a tile of queries sees are not touched. */
void sm_attention_forward(float *y, size_t y_stride,       /* (queries, width), multiple of 16  */
                          float *p, size_t p_stride,       /* (queries, keys up to 16 k)        */
                          const float *q, size_t q_stride, /* (queries, width)                  */
                          const float *kt,                 /* panels (width, keys)              */
                          const float *v, size_t v_stride, /* (keys, width)                     */
                          size_t queries, size_t keys, size_t width, bool causal);
/* dq, dk and dv = the gradients (dk, dv: +=), from the p of the way there. */
void sm_attention_backward(float *dq, size_t dq_stride,           /* (queries, width)           */
                           float *dk, float *dv, size_t d_stride, /* (keys, width) each         */
                           float *ds,                             /* work, as large as p        */
                           const float *dy, size_t dy_stride,     /* (queries, width)           */
                           const float *y, size_t y_stride,       /* (queries, width)           */
                           const float *p, size_t p_stride,       /* (queries, keys up to 16 k) */
                           const float *q, size_t q_stride,       /* (queries, width)           */
                           const float *k, size_t k_stride,       /* (keys, width)              */
                           const float *vt,                       /* panels (width, keys)       */
                           size_t queries, size_t keys, size_t width, bool causal);

/* Sum over rows of the cross-entropies of softmax(z) against the targets smoothed by e: 1 - e on
 * the target and e spread over all (Szegedy et al. 2016, sec. 7), as in PyTorch. z becomes its
 * gradient, times scale, zero beyond `classes`; *correct += rows whose largest z is the target's.
 */
double sm_token_loss(float *z, size_t z_stride, /* (rows, classes up to 16 k)          */
                     size_t *correct, const uint16_t *targets, /* (rows), < classes */
                     size_t rows, size_t classes /* any */, float smoothing, float scale);

/* Dropout (Srivastava et al. 2014): element i of the flat order is dropped when a hash of key and i
 * falls below `rate`; what stays is divided by 1 - rate. y may be x. Element (r, c) is number first
 * + r columns + c: rows may be cut anyhow. */
void sm_dropout(float *y, size_t y_stride, const float *x, size_t x_stride, size_t rows,
                size_t columns, float rate, uint32_t key, uint32_t first);
/* y += x */
void sm_rows_add(float *y, size_t y_stride, const float *x, size_t x_stride, size_t rows,
                 size_t columns);
/* sums (columns) += the sum of the rows. */
void sm_rows_sum(float *sums, const float *x, size_t x_stride, size_t rows, size_t columns);

#endif
