/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/kernels/reference.c -- see reference.h. */
#include "workloads/kernels/reference.h"

#include <math.h>

void
sm_reference_dense_forward(float *y, const float *x, const float *w, const float *b, size_t count,
                           size_t in, size_t out)
{
    for (size_t s = 0; s < count; s++)
        for (size_t o = 0; o < out; o++) {
            double sum = (double)b[o];
            for (size_t i = 0; i < in; i++)
                sum += (double)x[s * in + i] * (double)w[o * in + i];
            y[s * out + o] = (float)sum;
        }
}

void
sm_reference_dense_backward(float *dx, float *dw, float *db, const float *dy, const float *x,
                            const float *w, size_t count, size_t in, size_t out)
{
    for (size_t o = 0; o < out; o++) {
        double bias = 0;
        for (size_t s = 0; s < count; s++)
            bias += (double)dy[s * out + o];
        db[o] = (float)bias;
        for (size_t i = 0; i < in; i++) {
            double sum = 0;
            for (size_t s = 0; s < count; s++)
                sum += (double)dy[s * out + o] * (double)x[s * in + i];
            dw[o * in + i] = (float)sum;
        }
    }
    for (size_t s = 0; dx != NULL && s < count; s++)
        for (size_t i = 0; i < in; i++) {
            double sum = 0;
            for (size_t o = 0; o < out; o++)
                sum += (double)dy[s * out + o] * (double)w[o * in + i];
            dx[s * in + i] = (float)sum;
        }
}

void
sm_reference_relu_forward(float *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] < 0.0f ? 0.0f : x[i];
}

void
sm_reference_relu_backward(float *dx, const float *dy, const float *y, size_t n)
{
    for (size_t i = 0; i < n; i++)
        dx[i] = y[i] > 0.0f ? dy[i] : 0.0f;
}

/* log sum_c e^{z_c - shift} + shift */
static double
log_sum_exp(const float *z, size_t classes)
{
    double shift = (double)z[0], sum = 0;
    for (size_t c = 1; c < classes; c++)
        shift = fmax(shift, (double)z[c]);
    for (size_t c = 0; c < classes; c++)
        sum += exp((double)z[c] - shift);
    return shift + log(sum);
}

double
sm_reference_softmax_loss(float *dz, const float *z, const uint8_t *labels, size_t count,
                          size_t classes)
{
    double loss = 0;
    for (size_t s = 0; s < count; s++) {
        const double norm = log_sum_exp(z + s * classes, classes);
        loss += norm - (double)z[s * classes + labels[s]];
        for (size_t c = 0; c < classes; c++)
            dz[s * classes + c] =
                (float)((exp((double)z[s * classes + c] - norm) - (c == labels[s])) /
                        (double)count);
    }
    return loss / (double)count;
}

double
sm_reference_softmax_evaluate(size_t *correct, const float *z, const uint8_t *labels, size_t count,
                              size_t classes)
{
    double loss = 0;
    *correct = 0;
    for (size_t s = 0; s < count; s++) {
        size_t above = 0; /* classes that beat the label; of equals the first wins */
        for (size_t c = 0; c < classes; c++)
            above += z[s * classes + c] > z[s * classes + labels[s]] ||
                     (c < labels[s] && z[s * classes + c] == z[s * classes + labels[s]]);
        *correct += above == 0;
        loss += log_sum_exp(z + s * classes, classes) - (double)z[s * classes + labels[s]];
    }
    return loss;
}

void
sm_reference_exp(float *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = (float)exp((double)x[i]);
}

void
sm_reference_bytes_to_floats(float *y, const uint8_t *bytes, size_t n, size_t channels,
                             const float *mean, const float *deviation)
{
    for (size_t i = 0; i < n; i++)
        y[i] = (float)(((double)bytes[i] / 255.0 - (double)mean[i % channels]) /
                       (double)deviation[i % channels]);
}
