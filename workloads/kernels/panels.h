/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/kernels/panels.h -- products of matrices of many rows with matrices kept as panels.
 *
 * A panel is 16 columns of a (depth, columns) matrix, row after row: element (k, j) stands at
 * [j/16][k][j%16]. So one register tile serves dense layers, attention and convolution. Strides are
 * in floats. Every element is one chain of multiply-adds in the order of k (of rows, for the outer
 * products): the bits do not depend on how the rows are cut into calls.
 */
#ifndef SM_WORKLOADS_KERNELS_PANELS_H
#define SM_WORKLOADS_KERNELS_PANELS_H

#include <stdbool.h>
#include <stddef.h>

/* y = (add: +=) x w + bias. 2 rows depth columns operations. */
void sm_rows_times_panels(float *y, size_t y_stride,       /* (rows, columns)               */
                          const float *x, size_t x_stride, /* (rows, depth)                 */
                          const float *w,                  /* panels (depth, columns)       */
                          const float *bias,               /* (columns), or NULL            */
                          size_t rows, size_t depth, size_t columns /* multiple of 16 */, bool add);
/* dw += x^T dy, the gradient with respect to w above. */
void sm_panels_add_outer(float *dw,                         /* panels (depth, columns) */
                         const float *x, size_t x_stride,   /* (rows, depth)           */
                         const float *dy, size_t dy_stride, /* (rows, columns)         */
                         size_t rows, size_t depth, size_t columns /* multiple of 16 */);
/* c = (add: +=) a^T b, row-major. */
void sm_rows_outer(float *c, size_t c_stride,       /* (m, n)    */
                   const float *a, size_t a_stride, /* (rows, m) */
                   const float *b, size_t b_stride, /* (rows, n) */
                   size_t rows, size_t m, size_t n /* multiple of 16 */, bool add);

/* w (panels) = b (depth, columns), row-major. Columns that the last panel has too many are zero. */
void sm_panels_pack(float *w, const float *b, size_t b_stride, size_t depth, size_t columns);
/* w (panels) = the transpose of b (columns, depth), row-major: PyTorch's Linear, K of attention. */
void sm_panels_pack_turned(float *w, const float *b, size_t b_stride, size_t depth, size_t columns);
/* wt, the panels of the transpose (columns, depth), = w, the panels of (depth, columns); both
 * multiples of 16. For dx = dy w^T. */
void sm_panels_turn(float *wt, const float *w, size_t depth, size_t columns);

#endif
