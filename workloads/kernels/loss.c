/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/kernels/loss.c -- softmax and cross-entropy in one, shifted by the largest logit. */
#include "workloads/kernels/kernels.h"

#include <math.h>

static size_t
largest(const float *z, size_t classes)
{
    size_t best = 0;
    for (size_t c = 1; c < classes; c++)
        if (z[c] > z[best])
            best = c;
    return best;
}

double
sm_softmax_loss(float *dz, const float *z, const uint8_t *labels, size_t count, size_t classes)
{
    double loss = 0;
    for (size_t s = 0; s < count; s++) {
        const float *row = z + s * classes;
        const float top = row[largest(row, classes)];
        loss -= (double)row[labels[s]] - (double)top;
        for (size_t c = 0; c < classes; c++)
            dz[s * classes + c] = row[c] - top;
    }
    sm_exp(dz, dz, count * classes); /* in one go: rows are shorter than a vector is wide */
    const float share = 1.0f / (float)count;
    for (size_t s = 0; s < count; s++) {
        float *row = dz + s * classes, sum = 0;
        for (size_t c = 0; c < classes; c++)
            sum += row[c];
        loss += log((double)sum);
        const float scale = share / sum;
        for (size_t c = 0; c < classes; c++)
            row[c] *= scale;
        row[labels[s]] -= share;
    }
    return loss / (double)count;
}

double
sm_softmax_evaluate(size_t *correct, const float *z, const uint8_t *labels, size_t count,
                    size_t classes)
{
    double loss = 0;
    *correct = 0;
    for (size_t s = 0; s < count; s++) {
        const float *row = z + s * classes;
        const size_t best = largest(row, classes);
        double sum = 0;
        for (size_t c = 0; c < classes; c++)
            sum += exp((double)row[c] - (double)row[best]);
        loss += log(sum) - ((double)row[labels[s]] - (double)row[best]);
        *correct += best == labels[s];
    }
    return loss;
}
