/* SPDX-License-Identifier: GPL-3.0-or-later */
/* algorithms/compression/bf16.c -- bfloat16: the upper 16 bits of a float, 8 of them significant.
 *
 * Round to nearest, ties to even; what is too large, infinity too, becomes the largest number. NaN
 * stays NaN. The mean comes back in 16 bits too.
 * Source: Kalamkar et al. 2019, arXiv:1905.12322, sec. 3.
 */
#include "algorithms/compression/compression.h"

#include "algorithms/compression/bits.h"
#include "sim/base/clones.h"

static const uint32_t bf16_largest = 0x7f7f0000u;

static inline float
bf16_round(float x)
{
    const uint32_t bits = sm_bits_of(x), sign = bits & SM_BITS_SIGN, size = bits ^ sign;
    /* half a unit in the last place, less a bit where that place is even */
    uint32_t rounded = (size + 0x7fffu + (size >> 16 & 1u)) & ~0xffffu;
    rounded = rounded > bf16_largest ? bf16_largest : rounded;
    return sm_bits_float(size > SM_BITS_INFINITY ? bits : rounded | sign);
}

SM_CLONES static void
bf16_encode(void *state, size_t n, float *x)
{
    (void)state;
    for (size_t i = 0; i < n; i++)
        x[i] = bf16_round(x[i]);
}

static double
bf16_wire(const void *state, size_t n, size_t size)
{
    (void)state;
    (void)size;
    return (double)n / 2;
}

const struct sm_compression sm_compression_bf16 = {
    .about = {.name = "bf16",
              .doc = "bfloat16: 16 bits a number, 8 of them exponent, as a float has",
              .source = "Kalamkar et al. 2019, arXiv:1905.12322, sec. 3"},
    .of_models = true,
    .encode = bf16_encode,
    .decode = bf16_encode,
    .wire = bf16_wire,
};
