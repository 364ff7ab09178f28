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

/* Lane i of the result is lane (i + by) % LANES of v. */
INLINE vector
rotate(vector v, int by)
{
    integers from;
#pragma GCC unroll 16
    for (int i = 0; i < LANES; i++)
        from[i] = (i + by) % LANES;
    return __builtin_shuffle(v, from);
}

/* One vector whose lanes, joined in pairs, join all lanes of a panel's row, in every lane; the same
 * tree for any LANES, so that sums have the same bits. */
#define JOIN_LANES(row, join)                                                                      \
    ({                                                                                             \
        vector joined_[VECTORS];                                                                   \
        _Pragma("GCC unroll 4") for (size_t v_ = 0; v_ < VECTORS; v_++) joined_[v_] = (row)[v_];   \
        _Pragma("GCC unroll 4") for (size_t half_ = VECTORS / 2; half_ > 0; half_ /= 2)            \
            _Pragma("GCC unroll 4") for (size_t v_ = 0; v_ < half_; v_++) joined_[v_] =            \
                join(joined_[v_], joined_[v_ + half_]);                                            \
        _Pragma("GCC unroll 4") for (int half_ = LANES / 2; half_ > 0; half_ /= 2) joined_[0] =    \
            join(joined_[0], rotate(joined_[0], half_));                                           \
        joined_[0];                                                                                \
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
