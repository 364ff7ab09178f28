/* SPDX-License-Identifier: GPL-3.0-or-later */
/* algorithms/compression/int8.c -- 8 bits a number between the least and the largest of its block.
 *
 *   s = (max - min) / 255,  q = round((x - o) / s) in 0..255,  x becomes o + s q
 *
 * The offset o is min; where 0 lies in the range, the multiple of s next to it, so that 0 stays 0
 * (many gradients hold zeros). s and o travel as floats. Round to nearest, so no randomness: the
 * error is at most s / 2. The mean comes back in 8 bits too. Source: torch.distributed's
 * quantization_perchannel_hook (min-max, blocks of 512), as an all-reduce instead of its
 * all-gather; blocks are QSGD's buckets (Alistarh et al., NeurIPS 2017, arXiv:1610.02132, sec. 4).
 */
#include "algorithms/compression/compression.h"

#include <math.h>

#include "sim/base/clones.h"

enum { LANES = 16, STEPS = 255, BLOCK_BYTES = 8 };

struct int8 {
    size_t block;      /* setting */
    double wire_scale; /* of the door */
};

static const struct sm_param int8_params[] = {
    SM_PARAM(struct int8, block, 512, 0, 1e9,
             "numbers that share a scale and an offset; 0: all do"),
    SM_PARAM_END,
};

static enum sm_status
int8_init(void *state, const struct sm_setup *setup)
{
    ((struct int8 *)state)->wire_scale = setup->comm->wire_scale;
    return SM_OK;
}

/* NaN is neither less nor more. */
SM_CLONES static void
int8_range(size_t n, const float *x, float *least, float *most)
{
    float lo[LANES], hi[LANES];
    for (size_t j = 0; j < LANES; j++) {
        lo[j] = INFINITY;
        hi[j] = -INFINITY;
    }
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (size_t j = 0; j < LANES; j++) {
            lo[j] = x[i + j] < lo[j] ? x[i + j] : lo[j];
            hi[j] = x[i + j] > hi[j] ? x[i + j] : hi[j];
        }
    for (; i < n; i++) {
        lo[0] = x[i] < lo[0] ? x[i] : lo[0];
        hi[0] = x[i] > hi[0] ? x[i] : hi[0];
    }
    for (size_t j = 1; j < LANES; j++) {
        lo[0] = lo[j] < lo[0] ? lo[j] : lo[0];
        hi[0] = hi[j] > hi[0] ? hi[j] : hi[0];
    }
    *least = lo[0];
    *most = hi[0];
}

SM_CLONES static void
int8_round(size_t n, float offset, float step, float *x)
{
    const float whole = 12582912.0f; /* 1.5 2^23: floats there are whole numbers */
    for (size_t i = 0; i < n; i++) {
        float q = ((x[i] - offset) / step + whole) - whole;
        q = q > STEPS ? STEPS : q < 0 ? 0 : q;
        x[i] = offset + step * q;
    }
}

static void
int8_block(size_t n, float *x)
{
    float least, most;
    int8_range(n, x, &least, &most);
    const float step = (float)(((double)most - (double)least) / STEPS);
    if (step != 0)
        int8_round(n, least < 0 && most >= 0 ? step * rintf(least / step) : least, step, x);
    else /* all alike, or nearer than the smallest float */
        for (size_t i = 0; i < n; i++)
            x[i] = least;
}

static void
int8_encode(void *state, size_t n, float *x)
{
    const struct int8 *s = state;
    const size_t block = s->block > 0 ? s->block : n;
    for (size_t i = 0; i < n; i += block)
        int8_block(n - i < block ? n - i : block, x + i);
}

static double
int8_wire(const void *state, size_t n, size_t size)
{
    (void)size;
    const struct int8 *s = state;
    const double numbers = sm_compression_numbers(s->wire_scale, n);
    const double blocks = s->block > 0 ? ceil(numbers / (double)s->block) : 1;
    return (numbers + BLOCK_BYTES * blocks) / sizeof(float) / s->wire_scale;
}

const struct sm_compression sm_compression_int8 = {
    .about = {.name = "int8",
              .doc = "8 bits a number, between the least and the largest of its block",
              .source = "torch.distributed quantization_perchannel_hook; Alistarh et al., NeurIPS "
                        "2017, arXiv:1610.02132, sec. 4 (buckets)",
              .state_size = sizeof(struct int8),
              .params = int8_params},
    .of_models = true,
    .init = int8_init,
    .encode = int8_encode,
    .decode = int8_encode,
    .wire = int8_wire,
};
