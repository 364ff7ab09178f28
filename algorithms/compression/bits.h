/* SPDX-License-Identifier: GPL-3.0-or-later */
/* algorithms/compression/bits.h -- floats as the bits they are made of. */
#ifndef SM_ALGORITHMS_COMPRESSION_BITS_H
#define SM_ALGORITHMS_COMPRESSION_BITS_H

#include <stdint.h>
#include <string.h>

#define SM_BITS_SIGN     0x80000000u
#define SM_BITS_INFINITY 0x7f800000u /* without its sign, NaN is more */

static inline uint32_t
sm_bits_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline float
sm_bits_float(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

#endif
