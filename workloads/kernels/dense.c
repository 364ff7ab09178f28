/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/kernels/dense.c -- dense layers as two register tiles on plain row-major matrices.
 *
 * Nothing is packed but a strip of dy, and each weight and each gradient is touched once a block
 * of samples: a worker's batch is small, and its parameters come from memory. Best where outputs
 * are few, as in a last layer; wide layers are faster in panels (dense.h). tests/bench/dense.csv
 * has both, and OpenBLAS.
 */
#include "workloads/kernels/kernels.h"

#include <stdbool.h>
#include <string.h>

enum {
    LANES = 8,         /* floats in a vector                                                    */
    ROWS = 6,          /* 6 x 2 accumulators and 3 operands fill the 16 vector registers        */
    WIDTH = 2 * LANES, /* columns of an outer-product tile                                      */
    BLOCK = 64,        /* samples at a time: 64 x 784 floats stay in L2                         */
    LINE = 16,         /* floats in a cache line                                                */
    AHEAD = 4 * LINE,  /* how far before its first store an output line is fetched              */
};

typedef float vector __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef int lanes __attribute__((vector_size(4 * LANES)));

#define INLINE static inline __attribute__((always_inline))

/* sum += a b. Fused on a processor with AVX2 and FMA, in one rounding and half the work: the bits
 * differ from those of a processor without, but never with the compiler's mood. The asm also keeps
 * its operands in registers, which gcc else loads anew for each FMA. */
#if defined(__x86_64__)
#define MULTIPLY_ADD(sum, a, b, avx)                                                               \
    do {                                                                                           \
        if (avx) {                                                                                 \
            vector sum_ = (sum);                                                                   \
            __asm__ inline("vfmadd231ps %2, %1, %0" : "+x"(sum_) : "x"(a), "x"(b));                \
            (sum) = sum_;                                                                          \
        } else {                                                                                   \
            (sum) += (a) * (b);                                                                    \
        }                                                                                          \
    } while (0)
#else
#define MULTIPLY_ADD(sum, a, b, avx) ((void)(avx), (sum) += (a) * (b))
#endif

/* Sums of the LANES lanes of each a[i], i < ROWS, into out (rows). */
INLINE void
sum_lanes(float *out, const vector *a, size_t rows)
{
    const lanes even = {0, 2, 8, 10, 4, 6, 12, 14}, odd = {1, 3, 9, 11, 5, 7, 13, 15};
    const lanes low = {0, 1, 2, 3, 8, 9, 10, 11}, high = {4, 5, 6, 7, 12, 13, 14, 15};
    vector two[3], four[2];
    for (size_t i = 0; i < 3; i++)
        two[i] = __builtin_shuffle(a[2 * i], a[2 * i + 1], even) +
                 __builtin_shuffle(a[2 * i], a[2 * i + 1], odd);
    four[0] = __builtin_shuffle(two[0], two[1], even) + __builtin_shuffle(two[0], two[1], odd);
    four[1] = __builtin_shuffle(two[2], two[2], even) + __builtin_shuffle(two[2], two[2], odd);
    vector sums =
        __builtin_shuffle(four[0], four[1], low) + __builtin_shuffle(four[0], four[1], high);
    memcpy(out, &sums, rows * sizeof *out);
}

/* *v = the first n < LANES floats at p, then zeros. */
INLINE void
load_some(vector *v, const float *p, size_t n)
{
    *v = (vector){0};
    for (size_t i = 0; i < n; i++)
        (*v)[i] = p[i];
}

/* y[s][r] = bias[r] + sum_k x[s][k] w[r][k] for `rows` <= ROWS rows of w and `samples` <= 2 of x.
 */
INLINE void
dot_tile(float *y, size_t y_stride, const float *x, const float *w, const float *bias, size_t depth,
         size_t rows, size_t samples, bool avx)
{
    vector sum[2][ROWS] = {0};
    size_t k = 0;
    for (; k + LANES <= depth; k += LANES) {
        vector a[2];
        for (size_t s = 0; s < samples; s++)
            a[s] = *(const vector *)(x + s * depth + k);
        for (size_t r = 0; r < rows; r++) {
            vector b = *(const vector *)(w + r * depth + k);
            for (size_t s = 0; s < samples; s++)
                MULTIPLY_ADD(sum[s][r], a[s], b, avx);
        }
    }
    for (size_t s = 0; k < depth && s < samples; s++) {
        vector a, b;
        load_some(&a, x + s * depth + k, depth - k);
        for (size_t r = 0; r < rows; r++) {
            load_some(&b, w + r * depth + k, depth - k);
            MULTIPLY_ADD(sum[s][r], a, b, avx);
        }
    }
    for (size_t s = 0; s < samples; s++) {
        float dot[LANES];
        sum_lanes(dot, sum[s], rows);
        for (size_t r = 0; r < rows; r++)
            y[s * y_stride + r] = dot[r] + bias[r];
    }
}

/* A strip of `rows` outputs for `count` samples. Meanwhile the next strip of w comes into L2. */
INLINE void
dot_strip(float *y, size_t y_stride, const float *x, const float *w, const float *bias,
          size_t depth, size_t rows, size_t count, bool avx)
{
    const float *next = w + rows * depth, *end = next + rows * depth;
    const size_t share = (2 * rows * depth / count / LINE + 1) * LINE;
    for (size_t s = 0; s < count; s += 2) {
        for (const float *stop = next + share; next < stop && next < end; next += LINE)
            __builtin_prefetch(next, 0, 2);
        if (s + 2 <= count)
            dot_tile(y + s * y_stride, y_stride, x + s * depth, w, bias, depth, rows, 2, avx);
        else
            dot_tile(y + s * y_stride, y_stride, x + s * depth, w, bias, depth, rows, 1, avx);
    }
}

/* CASE(n, ...) for every number of rows a strip can have, so that each is unrolled. */
#define ANY_ROWS(CASE) CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6)

INLINE size_t
at_most(size_t most, size_t n)
{
    return n < most ? n : most;
}

INLINE void
forward(float *y, const float *x, const float *w, const float *b, size_t count, size_t in,
        size_t out, bool avx)
{
    for (size_t s = 0; s < count; s += BLOCK)
        for (size_t o = 0; o < out; o += ROWS)
            switch (at_most(ROWS, out - o)) {
#define CASE(rows)                                                                                 \
    case rows:                                                                                     \
        dot_strip(y + s * out + o, out, x + s * in, w + o * in, b + o, in, rows,                   \
                  at_most(BLOCK, count - s), avx);                                                 \
        break;
                ANY_ROWS(CASE)
#undef CASE
            }
}

/* c[r][j] = (add ? c[r][j] : 0) + sum_k a[k][r] b[k][j], r < rows <= ROWS, j < WIDTH. */
INLINE void
outer_tile(float *c, size_t c_stride, const float *a /* (depth, ROWS) */, const float *b,
           size_t b_stride, size_t depth, size_t rows, bool add, bool avx)
{
    vector sum[ROWS][2] = {0};
    for (size_t k = 0; k < depth; k++) {
        const vector b0 = *(const vector *)(b + k * b_stride);
        const vector b1 = *(const vector *)(b + k * b_stride + LANES);
        for (size_t r = 0; r < rows; r++) {
            const float each = a[k * ROWS + r];
            const vector all = {each, each, each, each, each, each, each, each};
            MULTIPLY_ADD(sum[r][0], all, b0, avx);
            MULTIPLY_ADD(sum[r][1], all, b1, avx);
        }
    }
    for (size_t r = 0; r < rows; r++) {
        vector *out = (vector *)(c + r * c_stride);
        for (size_t h = 0; h < 2; h++)
            if (add)
                out[h] += sum[r][h];
            else
                out[h] = sum[r][h];
    }
}

/* The same for the last columns, j < columns < WIDTH, by way of padded copies. */
INLINE void
outer_edge(float *c, size_t c_stride, const float *a /* (depth, ROWS) */, const float *b,
           size_t b_stride, size_t depth, size_t rows, size_t columns, bool add, bool avx)
{
    float padded[BLOCK * WIDTH] = {0}, tile[ROWS * WIDTH];
    for (size_t k = 0; k < depth; k++)
        memcpy(padded + k * WIDTH, b + k * b_stride, columns * sizeof *b);
    outer_tile(tile, WIDTH, a, padded, WIDTH, depth, rows, false, avx);
    for (size_t r = 0; r < rows; r++)
        for (size_t j = 0; j < columns; j++)
            c[r * c_stride + j] = (add ? c[r * c_stride + j] : 0.0f) + tile[r * WIDTH + j];
}

INLINE void
outer_strip(float *c, const float *a /* (depth, ROWS) */, const float *b, size_t n, size_t depth,
            size_t rows, bool add, bool avx)
{
    size_t j = 0;
    for (; j + WIDTH <= n; j += WIDTH) {
        for (size_t r = 0; r < rows; r++)
            __builtin_prefetch(c + r * n + j + AHEAD, 1);
        outer_tile(c + j, n, a, b + j, n, depth, rows, add, avx);
    }
    if (j < n)
        outer_edge(c + j, n, a, b + j, n, depth, rows, n - j, add, avx);
}

/* c (m, n) = a b for b (depth, n), where a's element (i, k) stands at a[i a_row + k a_column]. */
INLINE void
outer_product(float *c, const float *a, size_t a_row, size_t a_column, const float *b, size_t m,
              size_t n, size_t depth, bool avx)
{
    float strip[BLOCK * ROWS]; /* contiguous: rows of dy a power of two apart share cache sets */
    for (size_t k = 0; k < depth; k += BLOCK) {
        const size_t block = at_most(BLOCK, depth - k);
        for (size_t i = 0; i < m; i += ROWS) {
            const size_t height = at_most(ROWS, m - i);
            for (size_t l = 0; l < block; l++)
                for (size_t r = 0; r < height; r++)
                    strip[l * ROWS + r] = a[(i + r) * a_row + (k + l) * a_column];
            switch (height) {
#define CASE(rows)                                                                                 \
    case rows:                                                                                     \
        outer_strip(c + i * n, strip, b + k * n, n, block, rows, k > 0, avx);                      \
        break;
                ANY_ROWS(CASE)
#undef CASE
            }
        }
    }
}

INLINE void
backward(float *dx, float *dw, float *db, const float *dy, const float *x, const float *w,
         size_t count, size_t in, size_t out, bool avx)
{
    outer_product(dw, dy, 1, out, x, out, in, count, avx);
    memset(db, 0, out * sizeof *db);
    for (size_t s = 0; s < count; s++)
        for (size_t o = 0; o < out; o++)
            db[o] += dy[s * out + o];
    if (dx != NULL)
        outer_product(dx, dy, out, 1, w, count, in, out, avx);
}

/* Two versions by hand rather than SM_CLONES: only the first may name an AVX register. */
#if defined(__x86_64__)
#define AVX __attribute__((target("arch=x86-64-v3")))

AVX static void
forward_avx(float *y, const float *x, const float *w, const float *b, size_t count, size_t in,
            size_t out)
{
    forward(y, x, w, b, count, in, out, true);
}

AVX static void
backward_avx(float *dx, float *dw, float *db, const float *dy, const float *x, const float *w,
             size_t count, size_t in, size_t out)
{
    backward(dx, dw, db, dy, x, w, count, in, out, true);
}
#define IF_AVX(call)                                                                               \
    if (__builtin_cpu_supports("x86-64-v3")) {                                                     \
        call;                                                                                      \
        return;                                                                                    \
    }
#else
#define IF_AVX(call)
#endif

void
sm_dense_forward(float *y, const float *x, const float *w, const float *b, size_t count, size_t in,
                 size_t out)
{
    IF_AVX(forward_avx(y, x, w, b, count, in, out))
    forward(y, x, w, b, count, in, out, false);
}

void
sm_dense_backward(float *dx, float *dw, float *db, const float *dy, const float *x, const float *w,
                  size_t count, size_t in, size_t out)
{
    IF_AVX(backward_avx(dx, dw, db, dy, x, w, count, in, out))
    backward(dx, dw, db, dy, x, w, count, in, out, false);
}
