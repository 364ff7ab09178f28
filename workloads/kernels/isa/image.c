/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/kernels/isa/image.c -- see image.h. Every kernel takes a panel of channels through the
 * pixels of an image, so that its coefficients and sums stay in registers. */
#include "workloads/kernels/image.h"

#include <math.h>
#include <string.h>

#include "workloads/kernels/isa/vector.h"

enum { CHAINS = 2 }; /* sums of even and of odd columns: one alone would wait for its own adds */

#define EACH_VECTOR(v) _Pragma("GCC unroll 4") for (size_t v = 0; v < VECTORS; v++)

/* A panel of coefficients of image i; `otherwise` where there are none. */
INLINE void
coefficients(vector *to, const float *from, size_t at, float otherwise)
{
    EACH_VECTOR(v)
    to[v] = from != NULL ? load(from + at + v * LANES) : splat(otherwise);
}

/* v, or 0 where it is below 0 */
INLINE vector
rectified(vector v)
{
    return (vector)((integers)v & ~(v < (vector){0}));
}

INLINE void
join_row(float *y, const float *const *x, const vector *const *scale, const vector *shift,
         size_t width, size_t channels, size_t count, bool relu)
{
    for (size_t at = 0; at < width * channels; at += channels)
        EACH_VECTOR(v)
        {
            vector sum = multiply_add(shift[v], load(x[0] + at + v * LANES), scale[0][v]);
            if (count > 1)
                sum = multiply_add(sum, load(x[1] + at + v * LANES), scale[1][v]);
            store(y + at + v * LANES, relu ? rectified(sum) : sum);
        }
}

/* count and relu constant */
INLINE void
join(struct sm_images y, const struct sm_term *terms, size_t count, bool relu)
{
    for (size_t i = 0; i < y.count; i++)
        for (size_t c = 0; c < y.channels; c += PANEL) {
            vector shift[VECTORS] = {0}, scale[2][VECTORS];
            for (size_t t = 0; t < count; t++) {
                vector part[VECTORS];
                coefficients(scale[t], terms[t].scale, i * terms[t].step + c, 1);
                coefficients(part, terms[t].shift, i * terms[t].step + c, 0);
                EACH_VECTOR(v)
                shift[v] += part[v];
            }
            for (size_t row = 0; row < y.height; row++) {
                const float *const x[2] = {sm_images_at(terms[0].x, i, row, 0) + c,
                                           count > 1 ? sm_images_at(terms[1].x, i, row, 0) + c
                                                     : NULL};
                const vector *const scales[2] = {scale[0], scale[1]};
                join_row(sm_images_at(y, i, row, 0) + c, x, scales, shift, y.width, y.channels,
                         count, relu);
            }
        }
}

SM_KERNEL(void, sm_join_forward,
          (struct sm_images y, const struct sm_term *terms, size_t count, bool relu),
          (y, terms, count, relu))
{
    if (count == 1 && relu)
        join(y, terms, 1, true);
    else if (count == 1)
        join(y, terms, 1, false);
    else if (relu)
        join(y, terms, 2, true);
    else
        join(y, terms, 2, false);
}

/* Sums of a panel over pixels, in two chains. */
struct sums {
    vector chain[CHAINS][VECTORS];
};

INLINE void
store_sums(float *to, const struct sums *sums)
{
    EACH_VECTOR(v)
    store(to + v * LANES, sums->chain[0][v] + sums->chain[1][v]);
}

/* DO(x, chain) for the columns of a row. */
#define EACH_COLUMN(width, DO)                                                                     \
    do {                                                                                           \
        size_t column_ = 0;                                                                        \
        for (; column_ + CHAINS <= (width); column_ += CHAINS) {                                   \
            DO(column_, 0);                                                                        \
            DO(column_ + 1, 1);                                                                    \
        }                                                                                          \
        if (column_ < (width))                                                                     \
            DO(column_, 0);                                                                        \
    } while (0)

struct backward {
    struct sm_images e, other, y;
    const struct sm_images *z;
    const float *const *mean;
    size_t step;
    float floor; /* what y must be above for the gradient to pass */
};

/* One row of a panel; terms and whether there is another constant. */
INLINE void
backward_row(struct sums *sums, const struct backward *b, vector mean[2][VECTORS], size_t i,
             size_t row, size_t c, size_t terms, bool another)
{
    const size_t channels = b->e.channels;
    float *e = sm_images_at(b->e, i, row, 0) + c;
    const float *y = sm_images_at(b->y, i, row, 0) + c;
    const float *other = another ? sm_images_at(b->other, i, row, 0) + c : NULL;
    const float *z[2] = {terms > 0 ? sm_images_at(b->z[0], i, row, 0) + c : NULL,
                         terms > 1 ? sm_images_at(b->z[1], i, row, 0) + c : NULL};
    const vector floor = splat(b->floor);
#define ONE(x, k)                                                                                  \
    EACH_VECTOR(v)                                                                                 \
    {                                                                                              \
        const size_t at = (x)*channels + v * LANES;                                                \
        vector d = load(e + at);                                                                   \
        if (another)                                                                               \
            d += load(other + at);                                                                 \
        d = (vector)((integers)d & (load(y + at) > floor));                                        \
        store(e + at, d);                                                                          \
        sums[0].chain[k][v] += d;                                                                  \
        for (size_t t = 0; t < terms; t++)                                                         \
            sums[1 + t].chain[k][v] =                                                              \
                multiply_add(sums[1 + t].chain[k][v], d, load(z[t] + at) - mean[t][v]);            \
    }
    EACH_COLUMN(b->e.width, ONE);
#undef ONE
}

INLINE void
backward(float *to, const struct backward *b, size_t terms, bool another)
{
    const size_t channels = b->e.channels;
    for (size_t i = 0; i < b->e.count; i++)
        for (size_t c = 0; c < channels; c += PANEL) {
            struct sums sums[3] = {0};
            vector mean[2][VECTORS];
            for (size_t t = 0; t < terms; t++)
                coefficients(mean[t], b->mean[t], i * b->step + c, 0);
            for (size_t row = 0; row < b->e.height; row++)
                backward_row(sums, b, mean, i, row, c, terms, another);
            for (size_t t = 0; t <= terms; t++)
                store_sums(to + (i * (1 + terms) + t) * channels + c, &sums[t]);
        }
}

SM_KERNEL(void, sm_join_backward,
          (struct sm_images e, float *sums, struct sm_images other, struct sm_images y, bool relu,
           const struct sm_images *z, const float *const *mean, size_t step, size_t terms),
          (e, sums, other, y, relu, z, mean, step, terms))
{
    const struct backward b = {e, other, y, z, mean, step, relu ? 0.0f : -INFINITY};
    if (terms == 0 && other.data == NULL)
        backward(sums, &b, 0, false);
    else if (terms == 0)
        backward(sums, &b, 0, true);
    else if (terms == 1 && other.data == NULL)
        backward(sums, &b, 1, false);
    else if (terms == 1)
        backward(sums, &b, 1, true);
    else if (other.data == NULL)
        backward(sums, &b, 2, false);
    else
        backward(sums, &b, 2, true);
}

SM_KERNEL(void, sm_image_sums, (float *to, struct sm_images x, const float *origin),
          (to, x, origin))
{
    for (size_t i = 0; i < x.count; i++)
        for (size_t c = 0; c < x.channels; c += PANEL) {
            struct sums sum = {0}, squares = {0};
            vector middle[VECTORS];
            coefficients(middle, origin, c, 0);
            for (size_t row = 0; row < x.height; row++) {
                const float *from = sm_images_at(x, i, row, 0) + c;
#define ONE(column, k)                                                                             \
    EACH_VECTOR(v)                                                                                 \
    {                                                                                              \
        const vector d = load(from + (column)*x.channels + v * LANES) - middle[v];                 \
        sum.chain[k][v] += d;                                                                      \
        squares.chain[k][v] = multiply_add(squares.chain[k][v], d, d);                             \
    }
                EACH_COLUMN(x.width, ONE);
#undef ONE
            }
            store_sums(to + 2 * i * x.channels + c, &sum);
            store_sums(to + (2 * i + 1) * x.channels + c, &squares);
        }
}

typedef uint8_t places __attribute__((vector_size(LANES), aligned(1), may_alias));
typedef uint8_t bytes __attribute__((vector_size(4 * LANES)));

/* The lowest byte of each lane: what __builtin_convertvector should do, but gcc 12 lane by lane. */
INLINE void
store_places(uint8_t *to, integers place)
{
    bytes lowest;
    for (size_t i = 0; i < sizeof lowest; i++)
        lowest[i] = (uint8_t)(4 * (i % LANES));
    lowest = __builtin_shuffle((bytes)place, lowest);
    memcpy(to, &lowest, LANES);
}

SM_KERNEL(void, sm_max_pool_forward,
          (struct sm_images y, uint8_t *which, struct sm_images x, bool relu), (y, which, x, relu))
{
    const size_t below = sm_images_row(x), channels = x.channels;
    for (size_t i = 0; i < y.count; i++)
        for (size_t row = 0; row < y.height; row++)
            for (size_t column = 0; column < y.width; column++) {
                const float *from = sm_images_at(x, i, 2 * row, 2 * column);
                float *to = sm_images_at(y, i, row, column);
                for (size_t c = 0; c < channels; c += LANES) {
                    const vector window[4] = {load(from + c), load(from + channels + c),
                                              load(from + below + c),
                                              load(from + below + channels + c)};
                    vector best = window[0];
                    integers place = {0};
#pragma GCC unroll 4
                    for (int k = 1; k < 4; k++) {
                        const vector next = window[k];
                        const integers better = (next > best) | (next != next);
                        best = (vector)(((integers)best & ~better) | ((integers)next & better));
                        place = (place & ~better) | (better & k);
                    }
                    store(to + c, relu ? rectified(best) : best);
                    store_places(which + c, place);
                }
                which += channels;
            }
}

/* Zeros where no window reaches. */
static void
clear_odd_edges(struct sm_images dx, size_t rows, size_t columns)
{
    for (size_t i = 0; i < dx.count; i++)
        for (size_t row = 0; row < dx.height; row++) {
            const size_t first = row < rows ? columns : 0;
            memset(sm_images_at(dx, i, row, first), 0,
                   (dx.width - first) * dx.channels * sizeof *dx.data);
        }
}

SM_KERNEL(void, sm_max_pool_backward,
          (struct sm_images dx, struct sm_images dy, const uint8_t *which), (dx, dy, which))
{
    const size_t below = sm_images_row(dx), channels = dx.channels;
    if (dx.height % 2 != 0 || dx.width % 2 != 0)
        clear_odd_edges(dx, 2 * dy.height, 2 * dy.width);
    for (size_t i = 0; i < dy.count; i++)
        for (size_t row = 0; row < dy.height; row++)
            for (size_t column = 0; column < dy.width; column++) {
                float *to = sm_images_at(dx, i, 2 * row, 2 * column);
                const float *from = sm_images_at(dy, i, row, column);
                for (size_t c = 0; c < channels; c += LANES) {
                    const integers place =
                        __builtin_convertvector(*(const places *)(which + c), integers);
                    const integers d = (integers)load(from + c);
                    store(to + c, (vector)(d & (place == 0)));
                    store(to + channels + c, (vector)(d & (place == 1)));
                    store(to + below + c, (vector)(d & (place == 2)));
                    store(to + below + channels + c, (vector)(d & (place == 3)));
                }
                which += channels;
            }
}

SM_KERNEL(void, sm_average_pool_forward, (float *y, struct sm_images x), (y, x))
{
    const float share = 1.0f / (float)(x.height * x.width);
    for (size_t i = 0; i < x.count; i++)
        for (size_t c = 0; c < x.channels; c += LANES) {
            vector sum = {0};
            for (size_t row = 0; row < x.height; row++)
                for (size_t column = 0; column < x.width; column++)
                    sum += load(sm_images_at(x, i, row, column) + c);
            store(y + i * x.channels + c, sum * splat(share));
        }
}

SM_KERNEL(void, sm_average_pool_backward, (struct sm_images dx, const float *dy), (dx, dy))
{
    const float share = 1.0f / (float)(dx.height * dx.width);
    for (size_t i = 0; i < dx.count; i++)
        for (size_t c = 0; c < dx.channels; c += LANES) {
            const vector d = load(dy + i * dx.channels + c) * splat(share);
            for (size_t row = 0; row < dx.height; row++)
                for (size_t column = 0; column < dx.width; column++)
                    store(sm_images_at(dx, i, row, column) + c, d);
        }
}
