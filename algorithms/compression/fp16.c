/* SPDX-License-Identifier: GPL-3.0-or-later */
/* algorithms/compression/fp16.c -- half precision: 16 bits a number, 11 of them significant.
 *
 * Round to nearest, ties to even (IEEE 754 binary16); what is too large, infinity too, becomes the
 * largest number, so that a sum of finite numbers stays finite. NaN stays NaN. The mean comes back
 * in 16 bits too. Source: Micikevicius et al., ICLR 2018, arXiv:1710.03740, sec. 3.
 */
#include "algorithms/compression/compression.h"

#include "algorithms/compression/bits.h"
#include "sim/base/clones.h"

static const uint32_t fp16_largest = 0x477fe000u; /* 65504 */
static const uint32_t fp16_normal = 0x38800000u;  /* 2^-14, the smallest with all 11 bits */

static inline float
fp16_round(float x)
{
    const uint32_t bits = sm_bits_of(x), sign = bits & SM_BITS_SIGN, size = bits ^ sign;
    /* half a unit in the last place, less a bit where that place is even */
    uint32_t wide = (size + 0xfffu + (size >> 13 & 1u)) & ~0x1fffu;
    wide = wide > fp16_largest ? fp16_largest : wide;
    /* below, the numbers are 2^-24 apart, as floats from 1/2 to 1 are */
    const float small = (sm_bits_float(size) + 0.5f) - 0.5f;
    const uint32_t rounded = size < fp16_normal ? sm_bits_of(small) : wide;
    return sm_bits_float(size > SM_BITS_INFINITY ? bits : rounded | sign);
}

SM_CLONES static void
fp16_encode(void *state, size_t n, float *x)
{
    (void)state;
    for (size_t i = 0; i < n; i++)
        x[i] = fp16_round(x[i]);
}

static double
fp16_wire(const void *state, size_t n, size_t size)
{
    (void)state;
    (void)size;
    return (double)n / 2;
}

const struct sm_compression sm_compression_fp16 = {
    .about = {.name = "fp16",
              .doc = "half precision: 16 bits a number, 5 of them exponent",
              .source = "Micikevicius et al., ICLR 2018, arXiv:1710.03740, sec. 3; IEEE 754"},
    .of_models = true,
    .encode = fp16_encode,
    .decode = fp16_encode,
    .wire = fp16_wire,
};
