/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/kernels/dense.h -- dense layers whose activations and weights are panels, one OS
 * thread.
 *
 * Activations (count, width) are panels of 16 columns: element (s, j) stands at [j/16][s][j%16], so
 * they take count sm_panels_width(width) floats; what the last panel has too many columns hold has
 * no meaning. Whatever a register tile reads stands side by side, forward and backward, and nothing
 * is packed between layers. Weights (in, out) are panels likewise, but the last one is only as wide
 * as columns are left: in out floats. Every output is one chain of multiply-adds in the order of
 * its inputs, every weight's gradient one in the order of the samples.
 */
#ifndef SM_WORKLOADS_KERNELS_DENSE_H
#define SM_WORKLOADS_KERNELS_DENSE_H

#include <stddef.h>

/* Columns of whole panels. */
static inline size_t
sm_panels_width(size_t columns)
{
    return (columns + 15) / 16 * 16;
}

/* y = x w + b. 2 count in out operations. */
void sm_dense_forward(float *y,       /* panels (count, out) */
                      const float *x, /* panels (count, in)  */
                      const float *w, /* panels (in, out)    */
                      const float *b, /* (out)               */
                      size_t count, size_t in, size_t out);
/* The gradients of a loss with respect to x, w and b, from dy, the one with respect to y. The first
 * layer of a model needs no dx: NULL saves a third of the work. */
void sm_dense_backward(float *dx,       /* panels (count, in), or NULL */
                       float *dw,       /* panels (in, out)            */
                       float *db,       /* (out)                       */
                       const float *dy, /* panels (count, out)         */
                       const float *x,  /* panels (count, in)          */
                       const float *w,  /* panels (in, out)            */
                       size_t count, size_t in, size_t out);

/* Activations from rows (count, columns) and back. */
void sm_rows_to_panels(float *panels, const float *rows, size_t count, size_t columns);
void sm_panels_to_rows(float *rows, const float *panels, size_t count, size_t columns);

#endif
