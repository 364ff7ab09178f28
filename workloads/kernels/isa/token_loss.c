/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/kernels/isa/token_loss.c -- softmax and cross-entropy over a vocabulary. */
#include <math.h>

#include "workloads/kernels/isa/elementary.h"
#include "workloads/kernels/sequence.h"

/* Whether z[target] is the first of the largest. */
static bool
is_first(const float *z, size_t target, float top)
{
    size_t c = 0;
    while (c < target && z[c] < top)
        c++;
    return c == target && z[target] == top;
}

SM_KERNEL(double, sm_token_loss,
          (float *z, size_t z_stride, size_t *correct, const uint16_t *targets, size_t rows,
           size_t classes, float smoothing, float scale),
          (z, z_stride, correct, targets, rows, classes, smoothing, scale))
{
    const float even = smoothing / (float)classes;
    const size_t end = (classes + PANEL - 1) / PANEL * PANEL;
    double loss = 0;
    for (size_t r = 0; r < rows; r++, z += z_stride) {
        const size_t target = targets[r];
        vector top[VECTORS], sum[VECTORS] = {0}, logits[VECTORS] = {0};
        for (size_t c = classes; c < end; c++)
            z[c] = 0.0f;
        for (size_t c = 0; c < end; c += PANEL) /* their zeros do not count here ... */
            EACH_VECTOR(v)
        logits[v] += load(z + c + v * LANES);
        for (size_t c = classes; c < end; c++)
            z[c] = -INFINITY; /* ... nor these there */
        EACH_VECTOR(v)
        top[v] = load(z + v * LANES);
        for (size_t c = PANEL; c < end; c += PANEL)
            EACH_VECTOR(v)
        top[v] = larger(top[v], load(z + c + v * LANES));
        const vector most = largest_of(top);
        const double mean = (double)sum_of(logits)[0] / (double)classes;
        const double logit = (1 - (double)smoothing) * (double)z[target] + (double)smoothing * mean;
        *correct += is_first(z, target, most[0]);
        for (size_t c = 0; c < end; c += PANEL)
            EACH_VECTOR(v)
            {
                const vector e = exponential(load(z + c + v * LANES) - most);
                sum[v] += e;
                store(z + c + v * LANES, e);
            }
        for (size_t c = classes; c < end; c++) /* e^-87 instead of 0 */
            z[c] = 0.0f;
        const float total = sum_of(sum)[0];
        loss += log((double)total) + (double)most[0] - logit;
        const vector share = splat(scale / total), less = splat(scale * even);
        for (size_t c = 0; c < end; c += LANES)
            store(z + c, load(z + c) * share - less);
        for (size_t c = classes; c < end; c++)
            z[c] = 0.0f;
        z[target] -= scale * (1.0f - smoothing);
    }
    return loss;
}
