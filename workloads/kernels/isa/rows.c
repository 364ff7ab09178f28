/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/kernels/isa/rows.c -- sums of rows, and dropout from a counter. */
#include "workloads/kernels/isa/elementary.h"
#include "workloads/kernels/sequence.h"

typedef uint32_t counters __attribute__((vector_size(4 * LANES)));

/* Scatters the bits of a counter (C. Wellons, "lowbias32", 2018). */
INLINE counters
scatter(counters h)
{
    h ^= h >> 16;
    h *= 0x7feb352du;
    h ^= h >> 15;
    h *= 0x846ca68bu;
    h ^= h >> 16;
    return h;
}

SM_KERNEL(void, sm_dropout,
          (float *y, size_t y_stride, const float *x, size_t x_stride, size_t rows, size_t columns,
           float rate, uint32_t key, uint32_t first),
          (y, y_stride, x, x_stride, rows, columns, rate, key, first))
{
    const int32_t dropped = (int32_t)(rate * 0x1p24f);
    const float scale = 1.0f / (1.0f - rate);
    counters lane;
    for (uint32_t i = 0; i < LANES; i++)
        lane[i] = i;
    for (size_t r = 0; r < rows; r++, y += y_stride, x += x_stride)
        for (size_t c = 0; c < columns; c += LANES) {
            const counters h = scatter(lane + (first + (uint32_t)(r * columns + c))) ^ key;
            const integers kept = (integers)(scatter(h) >> 8) >= dropped;
            store(y + c, (vector)((integers)(load(x + c) * splat(scale)) & kept));
        }
}

SM_KERNEL(void, sm_rows_add,
          (float *y, size_t y_stride, const float *x, size_t x_stride, size_t rows, size_t columns),
          (y, y_stride, x, x_stride, rows, columns))
{
    for (size_t r = 0; r < rows; r++, y += y_stride, x += x_stride)
        for (size_t c = 0; c < columns; c += LANES)
            store(y + c, load(y + c) + load(x + c));
}

SM_KERNEL(void, sm_rows_sum,
          (float *sums, const float *x, size_t x_stride, size_t rows, size_t columns),
          (sums, x, x_stride, rows, columns))
{
    for (size_t c = 0; c < columns; c += PANEL) {
        vector sum[VECTORS];
        EACH_VECTOR(v)
        sum[v] = load(sums + c + v * LANES);
        for (size_t r = 0; r < rows; r++)
            EACH_VECTOR(v)
        sum[v] += load(x + r * x_stride + c + v * LANES);
        EACH_VECTOR(v)
        store(sums + c + v * LANES, sum[v]);
    }
}
