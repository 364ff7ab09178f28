/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/kernels/isa/panels.c -- products with panels: see panels.h, and tiles.h for the sums.
 */
#include "workloads/kernels/panels.h"

#include <string.h>

#include "workloads/kernels/isa/tiles.h"

SM_KERNEL(void, sm_rows_times_panels,
          (float *y, size_t y_stride, const float *x, size_t x_stride, const float *w,
           const float *bias, size_t rows, size_t depth, size_t columns, bool add),
          (y, y_stride, x, x_stride, w, bias, rows, depth, columns, add))
{
    struct prefetch none = {0};
    for (size_t j = 0; j < columns; j += PANEL) {
        const struct dot dot = {.w = w + j * depth,
                                .runs = 1,
                                .length = depth,
                                .bias = bias != NULL ? bias + j : NULL,
                                .add = add};
        dot_pixels(y + j, (struct steps){y_stride, 0, 0}, x, (struct steps){x_stride, 0, 0},
                   (struct grid){1, 1, rows}, &dot, &none);
    }
}

enum {
    BLOCK = 64,           /* rows at a time, so that their part of a and b stays in L1          */
    STRIP = 48,           /* columns of a at a time: a is read from a copy, as rows a power of  */
    GATHERED = 16 * PANEL /* two apart share few sets of the cache; columns of b likewise       */
};

/* c += a^T b, where element (i, j) of c stands at i c_row + j / PANEL c_panel + j % PANEL. */
static void
add_outer(float *c, size_t c_row, size_t c_panel, const float *a, size_t a_stride, const float *b,
          size_t b_stride, size_t rows, size_t m, size_t n)
{
    struct prefetch none = {0};
    float some_a[BLOCK * STRIP], some_b[BLOCK * GATHERED];
    for (size_t k = 0; k < rows; k += BLOCK) {
        const struct grid grid = {1, 1, at_most(BLOCK, rows - k)};
        for (size_t j = 0; j < n; j += GATHERED) {
            const size_t end = at_most(n, j + GATHERED);
            for (size_t l = j; l < end; l += PANEL)
                gather(some_b + (l - j) * grid.columns, b + k * b_stride + l,
                       (struct steps){b_stride, 0, 0}, grid, PANEL);
            for (size_t i = 0, strip; i < m; i += strip) {
                strip = at_most(STRIP, m - i);
                gather(some_a, a + k * a_stride + i, (struct steps){a_stride, 0, 0}, grid, strip);
                for (size_t l = j; l < end; l += PANEL)
                    outer_runs(c + i * c_row + l / PANEL * c_panel,
                               c + i * c_row + at_most(l / PANEL + 1, end / PANEL - 1) * c_panel,
                               c_row, strip, some_a, strip, 0, (struct steps){strip, 0, 0},
                               some_b + (l - j) * grid.columns, (struct steps){PANEL, 0, 0}, grid,
                               &none);
            }
        }
    }
}

SM_KERNEL(void, sm_panels_add_outer,
          (float *dw, const float *x, size_t x_stride, const float *dy, size_t dy_stride,
           size_t rows, size_t depth, size_t columns),
          (dw, x, x_stride, dy, dy_stride, rows, depth, columns))
{
    add_outer(dw, PANEL, depth * PANEL, x, x_stride, dy, dy_stride, rows, depth, columns);
}

SM_KERNEL(void, sm_rows_outer,
          (float *c, size_t c_stride, const float *a, size_t a_stride, const float *b,
           size_t b_stride, size_t rows, size_t m, size_t n, bool add),
          (c, c_stride, a, a_stride, b, b_stride, rows, m, n, add))
{
    for (size_t i = 0; i < m && !add; i++)
        memset(c + i * c_stride, 0, n * sizeof *c);
    add_outer(c, c_stride, PANEL, a, a_stride, b, b_stride, rows, m, n);
}

SM_KERNEL(void, sm_panels_pack,
          (float *w, const float *b, size_t b_stride, size_t depth, size_t columns),
          (w, b, b_stride, depth, columns))
{
    for (size_t j = 0; j < columns; j += PANEL)
        for (size_t k = 0; k < depth; k++)
            for (size_t l = 0; l < PANEL; l++)
                *w++ = j + l < columns ? b[k * b_stride + j + l] : 0.0f;
}

SM_KERNEL(void, sm_panels_pack_turned,
          (float *w, const float *b, size_t b_stride, size_t depth, size_t columns),
          (w, b, b_stride, depth, columns))
{
    for (size_t j = 0; j < columns; j += PANEL) {
        size_t k = 0;
        for (; j + PANEL <= columns && k + PANEL <= depth; k += PANEL, w += PANEL * PANEL)
            turn_block(w, b + j * b_stride + k, b_stride);
        for (; k < depth; k++)
            for (size_t l = 0; l < PANEL; l++)
                *w++ = j + l < columns ? b[(j + l) * b_stride + k] : 0.0f;
    }
}

SM_KERNEL(void, sm_panels_turn, (float *wt, const float *w, size_t depth, size_t columns),
          (wt, w, depth, columns))
{
    for (size_t k = 0; k < depth; k += PANEL)
        for (size_t j = 0; j < columns; j += PANEL, wt += PANEL * PANEL)
            turn_block(wt, w + (j / PANEL * depth + k) * PANEL, PANEL);
}
