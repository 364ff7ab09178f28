/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/base/matrix.h -- where the matrices of a model stand in its flat vector.
 *
 * What looks at a layer as a whole (a trust ratio, a low-rank approximation) needs to know where
 * it begins and what its rows are; how kernels order its columns does not matter to it.
 */
#ifndef SM_BASE_MATRIX_H
#define SM_BASE_MATRIX_H

#include <stddef.h>

/* One tensor as a matrix: a row an output, the other dimensions flattened into columns; a vector
 * has one column. Element (r, c) stands in panels of `panel` rows, row beside row in each column,
 * the last panel only as wide as it is full; with panel = 1 that is row-major. */
struct sm_matrix {
    size_t offset; /* first float in the flat vector */
    size_t rows, columns, panel;
};

static inline size_t
sm_matrix_place(const struct sm_matrix *matrix, size_t r, size_t c)
{
    const size_t first = r / matrix->panel * matrix->panel, left = matrix->rows - first;
    const size_t width = left < matrix->panel ? left : matrix->panel;
    return matrix->offset + first * matrix->columns + c * width + (r - first);
}

#endif
