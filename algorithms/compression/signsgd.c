/* SPDX-License-Identifier: GPL-3.0-or-later */
/* algorithms/compression/signsgd.c -- one bit a number: signs travel, the majority wins.
 *
 * Every rank sends sign(x), the sign of the sum comes back: +-1, the direction of the step (0 where
 * the votes are even, or all x are 0). One bit each way: a reduce-scatter of votes and an
 * all-gather of what they decided, as an all-reduce of n/32 floats. The paper has no error
 * feedback. Source: Bernstein et al., ICML 2018, arXiv:1802.04434, Alg. 1 (majority vote: Alg. 3).
 */
#include "algorithms/compression/compression.h"

#include "sim/base/clones.h"

SM_CLONES static void
signsgd_encode(void *state, size_t n, float *x)
{
    (void)state;
    for (size_t i = 0; i < n; i++)
        x[i] = (x[i] > 0 ? 1.0f : 0.0f) - (x[i] < 0 ? 1.0f : 0.0f);
}

static double
signsgd_wire(const void *state, size_t n, size_t size)
{
    (void)state;
    (void)size;
    return (double)n / 32;
}

const struct sm_compression sm_compression_signsgd = {
    .about = {.name = "signsgd",
              .doc = "signs only, of which the majority wins: steps of +-1 in every parameter",
              .source = "Bernstein et al., ICML 2018, arXiv:1802.04434, Alg. 3"},
    .votes = true,
    .encode = signsgd_encode,
    .decode = signsgd_encode,
    .wire = signsgd_wire,
};
