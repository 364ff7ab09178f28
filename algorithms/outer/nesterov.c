/* SPDX-License-Identifier: GPL-3.0-or-later */
/* algorithms/outer/nesterov.c -- see nesterov.h. */
#include "algorithms/outer/nesterov.h"

#include "sim/base/clones.h"

SM_CLONES void
sm_outer_nesterov(size_t n, float eta, float mu, const float *restrict d, float *restrict b,
                  float *restrict anchor)
{
    for (size_t i = 0; i < n; i++) {
        b[i] = mu * b[i] + d[i];
        anchor[i] -= eta * (d[i] + mu * b[i]);
    }
}
