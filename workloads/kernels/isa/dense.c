/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/kernels/isa/dense.c -- dense layers between activations in panels: see dense.h.
 *
 * One register tile does all: HEIGHT rows of a panel, each the sum over k of one float times row k
 * of another panel. Forward the rows are samples and k runs over inputs; backward the rows are
 * inputs (outputs, where these are few) and k runs over samples, or rows are samples again and k
 * runs over outputs, with the weights turned. Weights come from memory, so they are asked for a
 * block ahead.
 */
#include "workloads/kernels/dense.h"

#include <stdbool.h>
#include <string.h>

#include "workloads/kernels/isa/turn.h"
#include "workloads/kernels/isa/vector.h"

enum {
    DEPTH = 256, /* rows of a panel at a time: 16 KB stay in L1 while the samples go by */
    LINE = 16,   /* floats in a cache line                                              */
};

static inline size_t
at_most(size_t most, size_t n)
{
    return n < most ? n : most;
}

/* Rows of the next of the tiles that cover `rest`, all about equally high. */
static inline size_t
next_height(size_t rest)
{
    const size_t tiles = (rest + HEIGHT - 1) / HEIGHT;
    return (rest + tiles - 1) / tiles;
}

/* A stream of memory that is wanted soon: some lines of it are fetched into L2 at every step. */
struct ahead {
    const float *next, *end;
    size_t lines;
};

INLINE void
fetch_some(struct ahead *ahead)
{
    for (size_t i = 0; i < ahead->lines && ahead->next < ahead->end; i++, ahead->next += LINE)
        __builtin_prefetch(ahead->next, 0, 2);
}

/* sum[i] += a[i a_row] b */
INLINE void
step(vector sum[HEIGHT][VECTORS], const float *a, size_t a_row, const float *b, size_t height)
{
    vector row[VECTORS];
#pragma GCC unroll 4
    for (size_t v = 0; v < VECTORS; v++) {
        row[v] = load(b + v * LANES);
        PIN(row[v]);
    }
#pragma GCC unroll 8
    for (size_t i = 0; i < height; i++) {
        const vector input = splat(a[i * a_row]);
#pragma GCC unroll 4
        for (size_t v = 0; v < VECTORS; v++)
            sum[i][v] = multiply_add(sum[i][v], input, row[v]);
    }
}

INLINE void
start(vector sum[HEIGHT][VECTORS], const float *from, size_t stride, size_t height)
{
#pragma GCC unroll 8
    for (size_t i = 0; i < height; i++)
#pragma GCC unroll 4
        for (size_t v = 0; v < VECTORS; v++)
            sum[i][v] = load(from + i * stride + v * LANES);
}

INLINE void
finish(float *c, vector sum[HEIGHT][VECTORS], size_t height)
{
#pragma GCC unroll 8
    for (size_t i = 0; i < height; i++)
#pragma GCC unroll 4
        for (size_t v = 0; v < VECTORS; v++)
            store(c + i * PANEL + v * LANES, sum[i][v]);
}

/* y[i] = from[i stride] + sum_k x[i][k] w[k] for samples i < height, where x is PANEL floats wide
 * and the next of them stand `panel` floats further on. */
INLINE void
samples_tile(float *y, const float *from, size_t stride, const float *x, size_t panel,
             const float *w, size_t width, size_t depth, struct ahead *ahead, size_t height)
{
    vector sum[HEIGHT][VECTORS];
    start(sum, from, stride, height);
    for (; depth >= PANEL; depth -= PANEL, x += panel) {
        fetch_some(ahead);
#pragma GCC unroll 4
        for (size_t k = 0; k < PANEL; k++, w += width)
            step(sum, x + k, PANEL, w, height);
    }
    for (size_t k = 0; k < depth; k++, w += width)
        step(sum, x + k, PANEL, w, height);
    finish(y, sum, height);
}

/* c[i] = sum_k a[k][i] b[k] for rows i < height. */
INLINE void
rows_tile(float *c, const float *a, const float *b, size_t depth, size_t height)
{
    vector sum[HEIGHT][VECTORS];
#pragma GCC unroll 8
    for (size_t i = 0; i < height; i++)
#pragma GCC unroll 4
        for (size_t v = 0; v < VECTORS; v++)
            sum[i][v] = (vector){0};
#pragma GCC unroll 4
    for (size_t k = 0; k < depth; k++)
        step(sum, a + k * PANEL, 1, b + k * PANEL, height);
    finish(c, sum, height);
}

/* The call with each height that a tile can have, as a constant, so that sums stay in registers. */
#define WITH_HEIGHT(height, call)                                                                  \
    switch (height) {                                                                              \
        CASE(1, call)                                                                              \
        CASE(2, call)                                                                              \
        CASE(3, call) CASE(4, call) CASE(5, call) CASE(6, call) CASE(7, call) CASE(8, call)        \
    }
#define CASE(n, call)                                                                              \
    case n:                                                                                        \
        if (n <= HEIGHT) {                                                                         \
            enum { H = n <= HEIGHT ? n : HEIGHT };                                                 \
            call;                                                                                  \
        }                                                                                          \
        break;

/* y (count, PANEL) = bias, or (NULL) y, + x w, where x is `depth` columns of panels of `count`, and
 * rows of w stand `width` floats apart. */
static void
add_product(float *y, const float *x, const float *w, size_t width, const float *bias, size_t count,
            size_t depth, struct ahead ahead)
{
    const size_t panel = count * PANEL;
    for (size_t s = 0, height; s < count; s += height, y += height * PANEL, x += height * PANEL) {
        height = next_height(count - s);
        const float *from = bias != NULL ? bias : y;
        const size_t stride = bias != NULL ? 0 : PANEL;
        WITH_HEIGHT(height, samples_tile(y, from, stride, x, panel, w, width, depth, &ahead, H))
    }
}

/* c (height, PANEL) = a^T b for a (depth, height <= PANEL) in one panel, b (depth, PANEL). */
static void
outer_product(float *c, const float *a, const float *b, size_t depth, size_t height)
{
    for (size_t i = 0, rows; i < height; i += rows) {
        rows = next_height(height - i);
        WITH_HEIGHT(rows, rows_tile(c + i * PANEL, a + i, b, depth, H))
    }
}

/* wide (rows, PANEL) = rows of a panel of `width` columns, which ends at `end`. Behind them stands
 * whatever stood there. */
static void
widen(float *wide, const float *narrow, size_t width, size_t rows, const float *end)
{
    for (size_t k = 0; k < rows; k++, wide += PANEL, narrow += width)
        if (end - narrow >= PANEL) {
            memcpy(wide, narrow, PANEL * sizeof *wide);
        } else {
            memset(wide, 0, PANEL * sizeof *wide);
            memcpy(wide, narrow, width * sizeof *wide);
        }
}

/* A narrow last panel is read as if it were wide: what follows a row comes to columns that nobody
 * asks for. Only its last rows, which nothing follows, are copied. */
SM_KERNEL(void, sm_dense_forward,
          (float *y, const float *x, const float *w, const float *b, size_t count, size_t in,
           size_t out),
          (y, x, w, b, count, in, out))
{
    float wide[2 * PANEL * PANEL];
    const float *end = w + in * out;
    const size_t steps = (count + HEIGHT - 1) / HEIGHT * (DEPTH / PANEL);
    for (size_t o = 0; o < out; o += PANEL) {
        const size_t width = at_most(PANEL, out - o);
        const size_t whole = width == PANEL ? in : (in - at_most(PANEL, in)) / PANEL * PANEL;
        float bias[PANEL] = {0};
        memcpy(bias, b + o, width * sizeof *bias);
        for (size_t k = 0, depth; k < in; k += depth) {
            depth = at_most(DEPTH, (k < whole ? whole : in) - k);
            const float *rows = w + o * in + k * width, *next = rows + depth * width;
            const struct ahead ahead = {next, next + at_most(DEPTH * PANEL, (size_t)(end - next)),
                                        DEPTH * PANEL / LINE / steps + 1};
            if (k >= whole)
                widen(wide, rows, width, depth, end);
            add_product(y + o * count, x + k * count, k < whole ? rows : wide,
                        k < whole ? width : PANEL, k == 0 ? bias : NULL, count, depth, ahead);
        }
    }
}

/* db (width) = the sums of dy's columns. */
static void
sum_samples(float *db, const float *dy, size_t count, size_t width)
{
    vector sum[VECTORS] = {0};
    float sums[PANEL];
    for (size_t s = 0; s < count; s++)
        for (size_t v = 0; v < VECTORS; v++)
            sum[v] += load(dy + s * PANEL + v * LANES);
    for (size_t v = 0; v < VECTORS; v++)
        store(sums + v * LANES, sum[v]);
    memcpy(db, sums, width * sizeof *db);
}

/* dw (in, width) = x^T dy for one panel of dy. In a narrow one inputs are the wide side of the
 * tile, and each row is written over what the one before it wrote too far. */
static void
weights_gradient(float *dw, const float *dy, const float *x, size_t count, size_t in, size_t width)
{
    for (size_t k = 0; k < in; k += PANEL, x += PANEL * count) {
        const size_t height = at_most(PANEL, in - k);
        float tile[PANEL * PANEL], turned[PANEL * PANEL];
        if (width == PANEL) {
            outer_product(dw + k * PANEL, x, dy, count, height);
            continue;
        }
        outer_product(tile, dy, x, count, width);
        turn_block(turned, tile, PANEL);
        for (size_t i = 0; i < height; i++)
            if ((in - k - i) * width >= PANEL)
                memcpy(dw + (k + i) * width, turned + i * PANEL, PANEL * sizeof *dw);
            else
                memcpy(dw + (k + i) * width, turned + i * PANEL, width * sizeof *dw);
    }
}

/* wt (depth, PANEL) = the transpose of rows k .. of the panels of columns o .. o + depth - 1. */
static void
turn(float *wt, const float *w, size_t in, size_t out, size_t k, size_t o, size_t depth)
{
    const size_t rows = at_most(PANEL, in - k);
    float wide[PANEL * PANEL] = {0};
    for (size_t j = 0; j < depth; j += PANEL, wt += PANEL * PANEL) {
        const size_t width = at_most(PANEL, out - o - j);
        const float *from = w + (o + j) * in + k * width;
        const bool whole = width == PANEL && rows == PANEL;
        for (size_t line = 0; line < PANEL * PANEL; line += LINE) /* of the next rows */
            __builtin_prefetch(from + PANEL * PANEL + line);
        if (!whole)
            widen(wide, from, width, rows, w + in * out);
        turn_block(wt, whole ? from : wide, PANEL);
    }
}

SM_KERNEL(void, sm_dense_backward,
          (float *dx, float *dw, float *db, const float *dy, const float *x, const float *w,
           size_t count, size_t in, size_t out),
          (dx, dw, db, dy, x, w, count, in, out))
{
    static const float zero[PANEL];
    float wt[DEPTH * PANEL];
    for (size_t o = 0; o < out; o += PANEL) {
        const size_t width = at_most(PANEL, out - o);
        sum_samples(db + o, dy + o * count, count, width);
        weights_gradient(dw + o * in, dy + o * count, x, count, in, width);
    }
    for (size_t k = 0; dx != NULL && k < in; k += PANEL)
        for (size_t o = 0; o < out; o += DEPTH) {
            const size_t depth = at_most(DEPTH, out - o);
            turn(wt, w, in, out, k, o, depth);
            add_product(dx + k * count, dy + o * count, wt, PANEL, o == 0 ? zero : NULL, count,
                        depth, (struct ahead){0});
        }
}

SM_KERNEL(void, sm_rows_to_panels, (float *panels, const float *rows, size_t count, size_t columns),
          (panels, rows, count, columns))
{
    size_t j = 0;
    for (; j + PANEL <= columns; j += PANEL)
        for (size_t s = 0; s < count; s++, panels += PANEL)
            for (size_t v = 0; v < VECTORS; v++)
                store(panels + v * LANES, load(rows + s * columns + j + v * LANES));
    for (size_t s = 0; j < columns && s < count; s++, panels += PANEL)
        for (size_t l = 0; l < PANEL; l++)
            panels[l] = j + l < columns ? rows[s * columns + j + l] : 0.0f;
}

SM_KERNEL(void, sm_panels_to_rows, (float *rows, const float *panels, size_t count, size_t columns),
          (rows, panels, count, columns))
{
    for (size_t j = 0; j < columns; j += PANEL)
        for (size_t s = 0; s < count; s++, panels += PANEL)
            memcpy(rows + s * columns + j, panels, at_most(PANEL, columns - j) * sizeof *rows);
}
