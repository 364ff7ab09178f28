/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/kernels/isa/turn.h -- the transpose of a square as wide as a panel, in registers. */
#ifndef SM_WORKLOADS_KERNELS_ISA_TURN_H
#define SM_WORKLOADS_KERNELS_ISA_TURN_H

#include <string.h>

#include "workloads/kernels/isa/vector.h"

/* One step of a transposition: lanes l + s of row i for lanes l of row i + s, where bit s of both i
 * and l is 0. s is constant, for the shuffles to be. */
INLINE void
transpose_step(vector m[LANES], int s)
{
    static const int32_t numbers[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    integers lane;
    memcpy(&lane, numbers, sizeof lane);
    const integers second = (lane & s) != 0, low = lane + (second & (LANES - s));
    const integers high = lane + s + (second & (LANES - s));
#pragma GCC unroll 16
    for (int i = 0; i < LANES; i++)
        if ((i & s) == 0) {
            const vector above = m[i], below = m[i + s];
            m[i] = __builtin_shuffle(above, below, low);
            m[i + s] = __builtin_shuffle(above, below, high);
        }
}

/* to (PANEL, PANEL) = the transpose of from (PANEL, PANEL), whose rows are `stride` apart. */
INLINE void
turn_block(float *to, const float *from, size_t stride)
{
    for (size_t i = 0; i < PANEL; i += LANES)
        for (size_t j = 0; j < PANEL; j += LANES) {
            vector m[LANES];
#pragma GCC unroll 16
            for (size_t l = 0; l < LANES; l++)
                m[l] = load(from + (i + l) * stride + j);
            transpose_step(m, 1);
            transpose_step(m, 2);
            if (LANES > 4)
                transpose_step(m, LANES > 4 ? 4 : 1);
            if (LANES > 8)
                transpose_step(m, LANES > 8 ? 8 : 1);
#pragma GCC unroll 16
            for (size_t l = 0; l < LANES; l++)
                store(to + (j + l) * PANEL + i, m[l]);
        }
}

#endif
