/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/kernels/image.c -- the parts of image.h that only move rows about. */
#include "workloads/kernels/image.h"

#include <string.h>

void
sm_images_copy(struct sm_images y, const float *x)
{
    const size_t row = y.width * y.channels;
    for (size_t i = 0; i < y.count; i++)
        for (size_t r = 0; r < y.height; r++, x += row)
            memcpy(sm_images_at(y, i, r, 0), x, row * sizeof *x);
}

/* The end of one row and the start of the next are one piece. */
void
sm_images_clear_border(struct sm_images y)
{
    if (y.border == 0)
        return;
    const size_t row = sm_images_row(y), side = y.border * y.channels;
    const size_t edge = y.border * row + side; /* the rows above and the first pixels, and below */
    for (size_t i = 0; i < y.count; i++) {
        float *first = y.data + i * sm_images_size(y);
        memset(first, 0, edge * sizeof *first);
        for (size_t r = 1; r < y.height; r++)
            memset(first + (y.border + r) * row - side, 0, 2 * side * sizeof *first);
        memset(first + sm_images_size(y) - edge, 0, edge * sizeof *first);
    }
}
