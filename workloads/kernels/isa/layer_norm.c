/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/kernels/isa/layer_norm.c -- rows brought to mean 0 and variance 1, scaled and shifted.
 */
#include <math.h>

#include "workloads/kernels/isa/elementary.h"
#include "workloads/kernels/sequence.h"

static const float epsilon = 1e-5f;

SM_KERNEL(void, sm_layer_norm_forward,
          (float *y, size_t y_stride, float *moments, const float *x, size_t x_stride,
           const float *w, const float *b, size_t rows, size_t columns),
          (y, y_stride, moments, x, x_stride, w, b, rows, columns))
{
    const float share = 1.0f / (float)columns;
    for (size_t r = 0; r < rows; r++, y += y_stride, x += x_stride) {
        vector sum[VECTORS] = {0}, squares[VECTORS] = {0};
        for (size_t c = 0; c < columns; c += PANEL)
            EACH_VECTOR(v)
        sum[v] += load(x + c + v * LANES);
        const vector mean = sum_of(sum) * splat(share);
        for (size_t c = 0; c < columns; c += PANEL)
            EACH_VECTOR(v)
            {
                const vector centred = load(x + c + v * LANES) - mean;
                squares[v] = multiply_add(squares[v], centred, centred);
            }
        const float scale = 1.0f / sqrtf(sum_of(squares)[0] * share + epsilon);
        for (size_t c = 0; c < columns; c += LANES)
            store(y + c,
                  multiply_add(load(b + c), (load(x + c) - mean) * splat(scale), load(w + c)));
        moments[2 * r] = mean[0];
        moments[2 * r + 1] = scale;
    }
}

SM_KERNEL(void, sm_layer_norm_backward,
          (float *dx, size_t dx_stride, float *dw, float *db, const float *dy, size_t dy_stride,
           const float *x, size_t x_stride, const float *moments, const float *w, size_t rows,
           size_t columns),
          (dx, dx_stride, dw, db, dy, dy_stride, x, x_stride, moments, w, rows, columns))
{
    const float share = 1.0f / (float)columns;
    for (size_t r = 0; r < rows; r++, dx += dx_stride, dy += dy_stride, x += x_stride) {
        const vector mean = splat(moments[2 * r]), scale = splat(moments[2 * r + 1]);
        vector sum[VECTORS] = {0}, along[VECTORS] = {0};
        for (size_t c = 0; c < columns; c += PANEL)
            EACH_VECTOR(v)
            {
                const size_t i = c + v * LANES;
                const vector normed = (load(x + i) - mean) * scale, d = load(dy + i);
                const vector inner = d * load(w + i);
                sum[v] += inner;
                along[v] = multiply_add(along[v], inner, normed);
                store(dw + i, multiply_add(load(dw + i), d, normed));
                store(db + i, load(db + i) + d);
            }
        const vector level = sum_of(sum) * splat(share), tilt = sum_of(along) * splat(share);
        for (size_t c = 0; c < columns; c += LANES) {
            const vector normed = (load(x + c) - mean) * scale;
            const vector inner = load(dy + c) * load(w + c) - level;
            store(dx + c, multiply_add(load(dx + c), scale, multiply_add(inner, -normed, tilt)));
        }
    }
}
