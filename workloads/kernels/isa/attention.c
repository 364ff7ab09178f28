/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/kernels/isa/attention.c -- one head of attention, in tiles of HEIGHT queries.
 *
 * A tile sees the keys up to its last query and no others, so that half of the work of causal
 * attention is not done. Its weights go through the softmax while they are in the first cache.
 * Queries and keys are cut alike; thus the outer products over queries, which begin at the tile of
 * their keys, read no weight that was not written.
 */
#include <math.h>
#include <string.h>

#include "workloads/kernels/isa/elementary.h"
#include "workloads/kernels/isa/tiles.h"
#include "workloads/kernels/sequence.h"

/* y (height, columns, a multiple of 16) = x (height, depth) times panels (depth, columns). */
INLINE void
times_panels_of(float *y, size_t y_stride, const float *x, size_t x_stride, const float *w,
                size_t depth, size_t columns, size_t height)
{
    const float *from[HEIGHT];
    float *to[HEIGHT];
#pragma GCC unroll 16
    for (size_t r = 0; r < height; r++) {
        from[r] = x + r * x_stride;
        to[r] = y + r * y_stride;
    }
    for (size_t j = 0; j < columns; j += PANEL) {
        const struct dot dot = {.w = w + j * depth, .runs = 1, .length = depth};
        dot_rows(to, from, &dot, 1, depth, height);
#pragma GCC unroll 16
        for (size_t r = 0; r < height; r++)
            to[r] += PANEL;
    }
}

static __attribute__((noinline)) void
times_panels(float *y, size_t y_stride, const float *x, size_t x_stride, const float *w,
             size_t depth, size_t columns, size_t height)
{
    switch (height) {
#define CASE(rows)                                                                                 \
    case rows:                                                                                     \
        if (rows <= HEIGHT)                                                                        \
            times_panels_of(y, y_stride, x, x_stride, w, depth, columns,                           \
                            rows <= HEIGHT ? rows : HEIGHT);                                       \
        break;
        ANY_HEIGHT(CASE)
#undef CASE
    }
}

/* y (height, columns, a multiple of 16) = x (height, depth) times rows b (depth, columns). */
static void
times_rows(float *y, size_t y_stride, const float *x, size_t x_stride, const float *b,
           size_t b_stride, size_t depth, size_t columns, size_t height)
{
    const float *inputs[HEIGHT];
    for (size_t r = 0; r < height; r++) {
        inputs[r] = x + r * x_stride;
        memset(y + r * y_stride, 0, columns * sizeof *y);
    }
    for (size_t j = 0; j < columns; j += PANEL)
        outer_tile(y + j, y_stride, inputs, (struct steps){1, 0, 0}, b + j,
                   (struct steps){b_stride, 0, 0}, (struct grid){1, 1, depth}, height);
}

/* v where column j + lane lies before `keys`, else `none`. */
INLINE vector
before(size_t keys, size_t j, vector v, vector none)
{
    static const int32_t lanes[PANEL] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    integers lane;
    memcpy(&lane, lanes, sizeof lane);
    return choose(lane < (int32_t)(keys - j) - (integers){0}, v, none);
}

/* p (end) = softmax of scale p over its first `keys`; 0 from there to end, a multiple of 16: not
 * e^-87, for a later token must not shine through. */
static void
softmax_row(float *p, size_t keys, size_t end, float scale)
{
    const size_t whole = keys / PANEL * PANEL;
    const vector none = splat(-INFINITY), by = splat(scale);
    vector top[VECTORS], sum[VECTORS] = {0};
    EACH_VECTOR(v)
    top[v] = none;
    for (size_t j = 0; j < whole; j += PANEL)
        EACH_VECTOR(v)
    top[v] = larger(top[v], load(p + j + v * LANES));
    for (size_t j = whole; j < end; j += PANEL)
        EACH_VECTOR(v)
        {
            const size_t i = j + v * LANES;
            top[v] = larger(top[v], before(keys, i, load(p + i), none));
        }
    const vector most = -largest_of(top) * by;
    for (size_t j = 0; j < whole; j += PANEL)
        EACH_VECTOR(v)
        {
            const size_t i = j + v * LANES;
            const vector e = exponential(multiply_add(most, load(p + i), by));
            sum[v] += e;
            store(p + i, e);
        }
    for (size_t j = whole; j < end; j += PANEL)
        EACH_VECTOR(v)
        {
            const size_t i = j + v * LANES;
            const vector e = exponential(multiply_add(most, load(p + i), by));
            const vector shown = before(keys, i, e, splat(0.0f));
            sum[v] += shown;
            store(p + i, shown);
        }
    const vector share = splat(1.0f) / sum_of(sum);
    for (size_t j = 0; j < end; j += LANES)
        store(p + j, load(p + j) * share);
}

SM_KERNEL(void, sm_attention_forward,
          (float *y, size_t y_stride, float *p, size_t p_stride, const float *q, size_t q_stride,
           const float *kt, const float *v, size_t v_stride, size_t queries, size_t keys,
           size_t width, bool causal),
          (y, y_stride, p, p_stride, q, q_stride, kt, v, v_stride, queries, keys, width, causal))
{
    const float scale = 1.0f / sqrtf((float)width);
    for (size_t i = 0, height; i < queries; i += height) {
        height = next_height(queries - i);
        const size_t seen = causal ? i + height : keys, end = ceiling(seen, PANEL) * PANEL;
        float *rows = p + i * p_stride;
        times_panels(rows, p_stride, q + i * q_stride, q_stride, kt, width, end, height);
        for (size_t r = 0; r < height; r++)
            softmax_row(rows + r * p_stride, causal ? i + r + 1 : keys, end, scale);
        times_rows(y + i * y_stride, y_stride, rows, p_stride, v, v_stride, seen, width, height);
    }
}

/* ds (end) = the gradient with respect to q k, of a row with weights p and their gradients ds;
 * level = sum_j p_j ds_j. */
static void
softmax_row_backward(float *ds, const float *p, size_t end, float level, float scale)
{
    for (size_t j = 0; j < end; j += LANES)
        store(ds + j, load(p + j) * ((load(ds + j) - splat(level)) * splat(scale)));
}

/* sum_c a[c] b[c] */
static float
dot_of(const float *a, const float *b, size_t n)
{
    vector sum[VECTORS] = {0};
    for (size_t c = 0; c < n; c += PANEL)
        EACH_VECTOR(v)
    sum[v] = multiply_add(sum[v], load(a + c + v * LANES), load(b + c + v * LANES));
    return sum_of(sum)[0];
}

/* c (keys, width) += a^T b over the queries, for causal a from each tile of keys on. */
static void
add_outer(float *c, size_t c_stride, const float *a, size_t a_stride, const float *b,
          size_t b_stride, size_t queries, size_t keys, size_t width, bool causal)
{
    for (size_t j = 0, height; j < keys; j += height) {
        const size_t from = causal ? j : 0;
        const float *inputs[HEIGHT];
        height = next_height(keys - j);
        for (size_t r = 0; r < height; r++)
            inputs[r] = a + from * a_stride + j + r;
        for (size_t k = 0; k < width; k += PANEL)
            outer_tile(c + j * c_stride + k, c_stride, inputs, (struct steps){a_stride, 0, 0},
                       b + from * b_stride + k, (struct steps){b_stride, 0, 0},
                       (struct grid){1, 1, queries - from}, height);
    }
}

SM_KERNEL(void, sm_attention_backward,
          (float *dq, size_t dq_stride, float *dk, float *dv, size_t d_stride, float *ds,
           const float *dy, size_t dy_stride, const float *y, size_t y_stride, const float *p,
           size_t p_stride, const float *q, size_t q_stride, const float *k, size_t k_stride,
           const float *vt, size_t queries, size_t keys, size_t width, bool causal),
          (dq, dq_stride, dk, dv, d_stride, ds, dy, dy_stride, y, y_stride, p, p_stride, q,
           q_stride, k, k_stride, vt, queries, keys, width, causal))
{
    const float scale = 1.0f / sqrtf((float)width);
    for (size_t i = 0, height; i < queries; i += height) {
        height = next_height(queries - i);
        const size_t seen = causal ? i + height : keys, end = ceiling(seen, PANEL) * PANEL;
        float *rows = ds + i * p_stride;
        times_panels(rows, p_stride, dy + i * dy_stride, dy_stride, vt, width, end, height);
        for (size_t r = i; r < i + height; r++) /* sum_j p_j ds_j = y dy */
            softmax_row_backward(ds + r * p_stride, p + r * p_stride, end,
                                 dot_of(y + r * y_stride, dy + r * dy_stride, width), scale);
        times_rows(dq + i * dq_stride, dq_stride, rows, p_stride, k, k_stride, seen, width, height);
    }
    add_outer(dv, d_stride, p, p_stride, dy, dy_stride, queries, keys, width, causal);
    add_outer(dk, d_stride, ds, p_stride, q, q_stride, queries, keys, width, causal);
}
