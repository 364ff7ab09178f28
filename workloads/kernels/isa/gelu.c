/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/kernels/isa/gelu.c -- GELU by way of (1 + tanh u) / 2 = 1 / (1 + e^(-2u)). */
#include "workloads/kernels/isa/elementary.h"
#include "workloads/kernels/sequence.h"

static const float slope = 1.5957691216f /* 2 sqrt(2 / pi) */, cubic = 0.044715f;

/* 1 / (1 + e^(-2u)), 2u = slope (x + cubic x^3) */
INLINE vector
gate(vector x, vector square)
{
    const vector minus = x * multiply_add(splat(-slope), square, splat(-slope * cubic));
    return splat(1.0f) / (splat(1.0f) + exponential(minus));
}

SM_KERNEL(void, sm_gelu_forward,
          (float *y, size_t y_stride, const float *x, size_t x_stride, size_t rows, size_t columns),
          (y, y_stride, x, x_stride, rows, columns))
{
    for (size_t r = 0; r < rows; r++, y += y_stride, x += x_stride)
        for (size_t c = 0; c < columns; c += LANES) {
            const vector v = load(x + c);
            store(y + c, v * gate(v, v * v));
        }
}

SM_KERNEL(void, sm_gelu_backward,
          (float *y, size_t y_stride, float *d, size_t d_stride, const float *x, size_t x_stride,
           size_t rows, size_t columns),
          (y, y_stride, d, d_stride, x, x_stride, rows, columns))
{
    for (size_t r = 0; r < rows; r++, y += y_stride, d += d_stride, x += x_stride)
        for (size_t c = 0; c < columns; c += LANES) {
            const vector v = load(x + c), square = v * v, g = gate(v, square), out = v * g;
            /* (x g)' = g + x g (1 - g) (2u)' */
            const vector steep = multiply_add(splat(slope), square, splat(3 * slope * cubic));
            store(y + c, out);
            store(d + c, load(d + c) * multiply_add(g, out * (splat(1.0f) - g), steep));
        }
}
