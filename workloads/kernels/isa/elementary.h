/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/kernels/isa/elementary.h -- e^x, maxima and sums of vectors. */
#ifndef SM_WORKLOADS_KERNELS_ISA_ELEMENTARY_H
#define SM_WORKLOADS_KERNELS_ISA_ELEMENTARY_H

#include "workloads/kernels/isa/vector.h"

/* mask ? a : b, for masks as comparisons give them */
INLINE vector
choose(integers mask, vector a, vector b)
{
    return (vector)((mask & (integers)a) | (~mask & (integers)b));
}

/* The larger of a and b; b where one of them is NaN. */
INLINE vector
larger(vector a, vector b)
{
#if defined(__AVX512F__)
    return _mm512_max_ps(a, b);
#elif defined(__AVX2__)
    return _mm256_max_ps(a, b);
#else
    return choose(a > b, a, b);
#endif
}

/* The smaller, likewise. */
INLINE vector
smaller(vector a, vector b)
{
#if defined(__AVX512F__)
    return _mm512_min_ps(a, b);
#elif defined(__AVX2__)
    return _mm256_min_ps(a, b);
#else
    return choose(a < b, a, b);
#endif
}

/* e^x within 2e-7 relative for x in [-87, 88], outside as at the end; NaN stays NaN. x = k ln 2 + r
 * with whole k and |r| <= ln(2)/2; e^x = 2^k e^r. ln 2 is split in two so that k ln 2 is subtracted
 * exactly; e^r is a minimax polynomial (S. Moshier, Cephes, expf). */
INLINE vector
exponential(vector x)
{
    const vector to_whole = splat(0x1.8p23f);
    x = smaller(splat(88.0f), larger(splat(-87.0f), x));
    const vector shifted = multiply_add(to_whole, x, splat(1.44269504f)); /* k in the last bits */
    const vector k = shifted - to_whole;
    const vector r =
        multiply_add(multiply_add(x, k, splat(-0.693359375f)), k, splat(2.12194440e-4f));
    vector p = splat(1.9875691500e-4f);
    p = multiply_add(splat(1.3981999507e-3f), p, r);
    p = multiply_add(splat(8.3334519073e-3f), p, r);
    p = multiply_add(splat(4.1665795894e-2f), p, r);
    p = multiply_add(splat(1.6666665459e-1f), p, r);
    p = multiply_add(splat(5.0000001201e-1f), p, r);
    p = multiply_add(r + splat(1.0f), p, r * r);
    return (vector)((integers)p + ((integers)shifted << 23)); /* p 2^k: k onto the exponent */
}

/* Lane i of ROTATE(v, by) is lane (i + by) % LANES of v. Spelt out: of a loop gcc makes a mask at
 * run time. */
#define LANE(i)       ((i) % LANES)
#define FOUR_LANES(i) LANE(i), LANE((i) + 1), LANE((i) + 2), LANE((i) + 3)
#if defined(__AVX512F__)
#define LANES_FROM(i) FOUR_LANES(i), FOUR_LANES((i) + 4), FOUR_LANES((i) + 8), FOUR_LANES((i) + 12)
#elif defined(__AVX2__) && defined(__FMA__)
#define LANES_FROM(i) FOUR_LANES(i), FOUR_LANES((i) + 4)
#else
#define LANES_FROM(i) FOUR_LANES(i)
#endif
#define ROTATE(v, by) __builtin_shuffle((v), (integers){LANES_FROM(by)})

/* One vector whose lanes, joined in pairs, join all lanes of a panel's row, in every lane; the same
 * tree for any LANES, so that sums have the same bits. */
#define JOIN_LANES(row, join)                                                                      \
    ({                                                                                             \
        vector joined_ = (row)[0];                                                                 \
        if (VECTORS == 2)                                                                          \
            joined_ = join((row)[0], (row)[VECTORS - 1]);                                          \
        if (VECTORS == 4)                                                                          \
            joined_ = join(join((row)[0], (row)[VECTORS / 2]),                                     \
                           join((row)[VECTORS / 4], (row)[VECTORS - 1]));                          \
        if (LANES > 8)                                                                             \
            joined_ = join(joined_, ROTATE(joined_, 8));                                           \
        if (LANES > 4)                                                                             \
            joined_ = join(joined_, ROTATE(joined_, 4));                                           \
        joined_ = join(joined_, ROTATE(joined_, 2));                                               \
        join(joined_, ROTATE(joined_, 1));                                                         \
    })

INLINE vector
plus(vector a, vector b)
{
    return a + b;
}

/* The sum, or the largest, of the 16 floats of a panel's row in every lane. */
INLINE vector
sum_of(const vector row[VECTORS])
{
    return JOIN_LANES(row, plus);
}

INLINE vector
largest_of(const vector row[VECTORS])
{
    return JOIN_LANES(row, larger);
}

/* for (v = 0 .. VECTORS - 1), unrolled */
#define EACH_VECTOR(v) _Pragma("GCC unroll 4") for (size_t v = 0; v < VECTORS; v++)

#endif
