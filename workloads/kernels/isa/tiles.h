/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/kernels/isa/tiles.h -- the two register tiles under convolution and matrix products.
 *
 * dot: HEIGHT pixels of y, one panel wide, each the sum over runs of floats of x times the panel's
 * rows. outer: HEIGHT rows of a panel, each the sum over pixels of one float of x times a row of
 * dy. Both keep their sums in registers, two vector loads and HEIGHT broadcasts for HEIGHT *
 * VECTORS multiply-adds.
 */
#ifndef SM_WORKLOADS_KERNELS_ISA_TILES_H
#define SM_WORKLOADS_KERNELS_ISA_TILES_H

#include <stdbool.h>
#include <string.h>

#include "workloads/kernels/conv.h"
#include "workloads/kernels/isa/turn.h"
#include "workloads/kernels/isa/vector.h"

/* Pixels that are walked in the order of images, rows and columns. */
struct grid {
    size_t images, rows, columns;
};

/* Floats from one column, row and image to the next, in one of the tensors that are walked. */
struct steps {
    size_t column, row, image;
};

static inline size_t
at_most(size_t limit, size_t n)
{
    return n < limit ? n : limit;
}

static inline size_t
ceiling(size_t a, size_t b)
{
    return (a + b - 1) / b;
}

/* Rows of the next of the tiles that cover `rest`: low tiles leave registers and ports idle, so
 * what is left over is shared by the last two. */
static inline size_t
next_height(size_t rest)
{
    return rest <= HEIGHT ? rest : rest <= HEIGHT * 3 / 2 ? rest - rest / 2 : HEIGHT;
}

/* The prefetches of struct sm_ahead, shared out over the tiles of a call. */
struct prefetch {
    const struct sm_ahead *ahead;
    size_t piece, lines_a_tile;
    const char *at, *end;
};

enum { LINE = 64 }; /* bytes in a cache line */

static inline struct prefetch
prefetch_over(const struct sm_ahead *ahead, size_t tiles)
{
    size_t lines = 0;
    for (size_t i = 0; ahead != NULL && i < ahead->count; i++)
        lines += ceiling(ahead->bytes[i], LINE);
    return (struct prefetch){.ahead = ahead, .lines_a_tile = ceiling(lines, tiles + !tiles)};
}

INLINE void
prefetch_some(struct prefetch *p)
{
    for (size_t i = p->lines_a_tile; i > 0; i--) {
        while (p->at >= p->end) {
            if (p->piece == p->ahead->count) {
                p->lines_a_tile = 0;
                return;
            }
            p->at = p->ahead->at[p->piece];
            p->end = p->at + p->ahead->bytes[p->piece++];
        }
        __builtin_prefetch(p->at, 0, 2);
        p->at += LINE;
    }
}

/* What each pixel of a dot gets: start + sum over runs r and k < length of x[r x_row + k] times
 * row r length + k of the panel. */
struct dot {
    const float *w; /* (runs, length, PANEL)                      */
    size_t runs, length, x_row;
    const float *bias; /* (PANEL), or NULL                        */
    bool add;          /* start = bias + y instead of bias         */
};

/* sum += a b where it stands: given the choice of which operand to overwrite, gcc moves sums about
 * until some spill. */
INLINE void
accumulate(vector *sum, vector a, vector b)
{
#if defined(__AVX2__) && defined(__FMA__) && !defined(__AVX512F__)
    vector there = *sum;
    __asm__("vfmadd231ps %2, %1, %0" : "+x"(there) : "x"(a), "x"(b));
    *sum = there;
#else
    *sum = multiply_add(*sum, a, b);
#endif
}

enum { UNROLL = 4 };

/* sum[i] += x[i][k] w */
INLINE void
dot_step(vector sum[HEIGHT][VECTORS], const float *const x[HEIGHT], size_t k, const float *w,
         size_t height)
{
    vector row[VECTORS];
#pragma GCC unroll 4
    for (size_t v = 0; v < VECTORS; v++) {
        row[v] = load(w + v * LANES);
        PIN(row[v]);
    }
#pragma GCC unroll 16
    for (size_t i = 0; i < height; i++) {
        const vector input = splat(x[i][k]);
#pragma GCC unroll 4
        for (size_t v = 0; v < VECTORS; v++)
            accumulate(&sum[i][v], input, row[v]);
    }
}

/* `height` <= HEIGHT pixels; constant, as may be runs and length, for the sums to stay in
 * registers. */
INLINE void
dot_rows(float *const *y, const float *const *pixels, const struct dot *dot, size_t runs,
         size_t length, size_t height)
{
    const float *x[HEIGHT], *w = dot->w;
    vector sum[HEIGHT][VECTORS];
#pragma GCC unroll 16
    for (size_t i = 0; i < height; i++) {
        x[i] = pixels[i];
#pragma GCC unroll 4
        for (size_t v = 0; v < VECTORS; v++) {
            sum[i][v] = dot->bias != NULL ? load(dot->bias + v * LANES) : (vector){0};
            if (dot->add)
                sum[i][v] += load(y[i] + v * LANES);
        }
    }
    const bool few = __builtin_constant_p(length) && runs * length <= 32;
#pragma GCC unroll 5
    for (size_t r = 0; few && r < runs; r++) {
#pragma GCC unroll 16
        for (size_t k = 0; k < length; k++)
            dot_step(sum, x, k, w + (r * length + k) * PANEL, height);
#pragma GCC unroll 16
        for (size_t i = 0; i < height; i++)
            x[i] += dot->x_row;
    }
    for (size_t r = 0; !few && r < runs; r++) {
        size_t k = 0;
        for (; k + UNROLL <= length; k += UNROLL) {
#pragma GCC unroll 4
            for (size_t j = 0; j < UNROLL; j++)
                dot_step(sum, x, k + j, w + j * PANEL, height);
            w += UNROLL * PANEL;
        }
        for (; k < length; k++) {
            dot_step(sum, x, k, w, height);
            w += PANEL;
        }
#pragma GCC unroll 16
        for (size_t i = 0; i < height; i++)
            x[i] += dot->x_row;
    }
#pragma GCC unroll 16
    for (size_t i = 0; i < height; i++)
#pragma GCC unroll 4
        for (size_t v = 0; v < VECTORS; v++)
            store(y[i] + v * LANES, sum[i][v]);
}

#define ANY_HEIGHT(CASE) CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7) CASE(8)

/* Any height: for the last tiles of a grid. */
static __attribute__((noinline)) void
dot_low(float *const *y, const float *const *x, const struct dot *dot, size_t height)
{
    switch (height) {
#define CASE(rows)                                                                                 \
    case rows:                                                                                     \
        if (rows <= HEIGHT)                                                                        \
            dot_rows(y, x, dot, dot->runs, dot->length, rows <= HEIGHT ? rows : HEIGHT);           \
        break;
        ANY_HEIGHT(CASE)
#undef CASE
    }
}

/* Where a walk over a grid has come to, in both tensors. */
struct walk {
    float *y;
    const float *x;
    struct steps y_steps, x_steps; /* row: from behind one row to the next; image likewise */
    struct grid grid;
    size_t row, column;
};

/* The places of the next `height` pixels. */
INLINE void
walk_on(struct walk *walk, float **y, const float **x, size_t height)
{
    if (walk->column + height < walk->grid.columns) {
#pragma GCC unroll 16
        for (size_t i = 0; i < height; i++) {
            y[i] = walk->y + i * walk->y_steps.column;
            x[i] = walk->x + i * walk->x_steps.column;
        }
        walk->y += height * walk->y_steps.column;
        walk->x += height * walk->x_steps.column;
        walk->column += height;
        return;
    }
    for (size_t i = 0; i < height; i++) {
        y[i] = walk->y;
        x[i] = walk->x;
        walk->y += walk->y_steps.column;
        walk->x += walk->x_steps.column;
        if (++walk->column == walk->grid.columns) {
            walk->column = 0;
            walk->y += walk->y_steps.row;
            walk->x += walk->x_steps.row;
            if (++walk->row == walk->grid.rows) {
                walk->row = 0;
                walk->y += walk->y_steps.image;
                walk->x += walk->x_steps.image;
            }
        }
    }
}

INLINE void
dot_walk(struct walk *walk, const struct dot *dot, size_t runs, size_t length,
         struct prefetch *prefetch)
{
    const float *x[HEIGHT];
    float *y[HEIGHT];
    size_t rest = walk->grid.images * walk->grid.rows * walk->grid.columns;
    for (; rest > HEIGHT * 3 / 2 || rest == HEIGHT; rest -= HEIGHT) {
        walk_on(walk, y, x, HEIGHT);
        prefetch_some(prefetch);
        dot_rows(y, x, dot, runs, length, HEIGHT);
    }
    for (size_t height; rest > 0; rest -= height) {
        height = next_height(rest);
        walk_on(walk, y, x, height);
        dot_low(y, x, dot, height);
    }
}

static __attribute__((noinline)) void
dot_long(struct walk *walk, const struct dot *dot, struct prefetch *prefetch)
{
    dot_walk(walk, dot, dot->runs, dot->length, prefetch);
}

/* The first layers' few products, unrolled whole: 3x3 and 5x5 kernels on 1 and 3 channels. */
#define DOT_SHORT(runs, length)                                                                    \
    static __attribute__((noinline)) void dot_##runs##x##length(                                   \
        struct walk *walk, const struct dot *dot, struct prefetch *prefetch)                       \
    {                                                                                              \
        dot_walk(walk, dot, runs, length, prefetch);                                               \
    }
DOT_SHORT(3, 3)
DOT_SHORT(3, 9)
DOT_SHORT(5, 5)

/* A walk that begins at y and x. */
static inline struct walk
walk_over(float *y, struct steps y_steps, const float *x, struct steps x_steps, struct grid grid)
{
    y_steps.image -= grid.rows * y_steps.row;
    x_steps.image -= grid.rows * x_steps.row;
    y_steps.row -= grid.columns * y_steps.column;
    x_steps.row -= grid.columns * x_steps.column;
    return (struct walk){y, x, y_steps, x_steps, grid, 0, 0};
}

/* The dot of every pixel of the grid. */
static inline void
dot_pixels(float *y, struct steps y_steps, const float *x, struct steps x_steps, struct grid grid,
           const struct dot *dot, struct prefetch *prefetch)
{
    struct walk walk = walk_over(y, y_steps, x, x_steps, grid);
    if (dot->runs == 3 && dot->length == 3)
        dot_3x3(&walk, dot, prefetch);
    else if (dot->runs == 3 && dot->length == 9)
        dot_3x9(&walk, dot, prefetch);
    else if (dot->runs == 5 && dot->length == 5)
        dot_5x5(&walk, dot, prefetch);
    else
        dot_long(&walk, dot, prefetch);
}

/* c[i] += sum over the grid's pixels of x[i] dy for `height` <= HEIGHT rows. */
INLINE void
outer_rows(float *c, size_t c_stride, const float *const *x, struct steps x_steps, const float *dy,
           struct steps dy_steps, struct grid grid, size_t height)
{
    vector sum[HEIGHT][VECTORS];
    const float *from[HEIGHT];
#pragma GCC unroll 16
    for (size_t i = 0; i < height; i++) {
        from[i] = x[i];
#pragma GCC unroll 4
        for (size_t v = 0; v < VECTORS; v++)
            sum[i][v] = load(c + i * c_stride + v * LANES);
    }
    for (size_t image = 0; image < grid.images; image++)
        for (size_t row = 0; row < grid.rows; row++) {
            const float *d = dy + image * dy_steps.image + row * dy_steps.row;
            size_t at = image * x_steps.image + row * x_steps.row;
#pragma GCC unroll 2
            for (size_t column = 0; column < grid.columns; column++) {
                dot_step(sum, from, at, d, height);
                at += x_steps.column;
                d += dy_steps.column;
            }
        }
#pragma GCC unroll 16
    for (size_t i = 0; i < height; i++)
#pragma GCC unroll 4
        for (size_t v = 0; v < VECTORS; v++)
            store(c + i * c_stride + v * LANES, sum[i][v]);
}

static __attribute__((noinline)) void
outer_tile(float *c, size_t c_stride, const float *const *x, struct steps x_steps, const float *dy,
           struct steps dy_steps, struct grid grid, size_t height)
{
    switch (height) {
#define CASE(rows)                                                                                 \
    case rows:                                                                                     \
        if (rows <= HEIGHT)                                                                        \
            outer_rows(c, c_stride, x, x_steps, dy, dy_steps, grid,                                \
                       rows <= HEIGHT ? rows : HEIGHT);                                            \
        break;
        ANY_HEIGHT(CASE)
#undef CASE
    }
}

/* Row k of c += sum over the pixels of x[k / length x_row + k % length] dy for k < depth. The same
 * rows of `next`, the c of the call after this one, are fetched meanwhile. */
static inline void
outer_runs(float *c, const float *next, size_t c_stride, size_t depth, const float *x,
           size_t length, size_t x_row, struct steps x_steps, const float *dy,
           struct steps dy_steps, struct grid grid, struct prefetch *prefetch)
{
    size_t in_run = 0;
    for (size_t k = 0, height; k < depth; k += height) {
        const float *inputs[HEIGHT];
        height = next_height(depth - k);
        for (size_t i = 0; i < height; i++) {
            __builtin_prefetch(next + (k + i) * c_stride, 0, 2);
            inputs[i] = x++;
            if (++in_run == length) {
                in_run = 0;
                x += x_row - length;
            }
        }
        prefetch_some(prefetch);
        outer_tile(c + k * c_stride, c_stride, inputs, x_steps, dy, dy_steps, grid, height);
    }
}

/* to (grid's pixels, width) = the first `width` floats of each pixel, one behind the other. */
INLINE void
gather(float *to, const float *x, struct steps steps, struct grid grid, size_t width)
{
    for (size_t image = 0; image < grid.images; image++)
        for (size_t row = 0; row < grid.rows; row++) {
            const float *from = x + image * steps.image + row * steps.row;
            for (size_t column = 0; column < grid.columns; column++) {
                size_t i = 0;
                for (; i + LANES <= width; i += LANES)
                    store(to + i, load(from + i));
                for (; i < width; i++)
                    to[i] = from[i];
                to += width;
                from += steps.column;
            }
        }
}

/* Steps through what gather() has put there. */
static inline struct steps
gathered(struct grid grid, size_t width)
{
    return (struct steps){width, grid.columns * width, grid.rows * grid.columns * width};
}

#endif
