/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/kernels/sequence_reference.c -- see sequence_reference.h. */
#include "workloads/kernels/sequence_reference.h"

#include <math.h>
#include <string.h>

static void
moments(double *mean, double *scale, const float *x, size_t n)
{
    double variance = 0;
    *mean = 0;
    for (size_t i = 0; i < n; i++)
        *mean += (double)x[i] / (double)n;
    for (size_t i = 0; i < n; i++)
        variance += ((double)x[i] - *mean) * ((double)x[i] - *mean) / (double)n;
    *scale = 1 / sqrt(variance + 1e-5);
}

void
sm_reference_layer_norm_forward(double *y, const float *x, const float *w, const float *b,
                                size_t rows, size_t columns)
{
    for (size_t r = 0; r < rows; r++, x += columns, y += columns) {
        double mean, scale;
        moments(&mean, &scale, x, columns);
        for (size_t c = 0; c < columns; c++)
            y[c] = ((double)x[c] - mean) * scale * (double)w[c] + (double)b[c];
    }
}

void
sm_reference_layer_norm_backward(double *dx, double *dw, double *db, const float *dy,
                                 const float *x, const float *w, size_t rows, size_t columns)
{
    memset(dw, 0, columns * sizeof *dw);
    memset(db, 0, columns * sizeof *db);
    for (size_t r = 0; r < rows; r++, x += columns, dx += columns, dy += columns) {
        double mean, scale, level = 0, tilt = 0;
        moments(&mean, &scale, x, columns);
        for (size_t c = 0; c < columns; c++) {
            const double normed = ((double)x[c] - mean) * scale;
            dw[c] += (double)dy[c] * normed;
            db[c] += (double)dy[c];
            level += (double)dy[c] * (double)w[c] / (double)columns;
            tilt += (double)dy[c] * (double)w[c] * normed / (double)columns;
        }
        for (size_t c = 0; c < columns; c++)
            dx[c] = scale *
                    ((double)dy[c] * (double)w[c] - level - tilt * ((double)x[c] - mean) * scale);
    }
}

static double
inner(double x)
{
    return sqrt(2 / acos(-1)) * (x + 0.044715 * x * x * x);
}

double
sm_reference_gelu(double x)
{
    return x / 2 * (1 + tanh(inner(x)));
}

double
sm_reference_gelu_slope(double x)
{
    const double t = tanh(inner(x));
    return (1 + t) / 2 + x / 2 * (1 - t * t) * sqrt(2 / acos(-1)) * (1 + 3 * 0.044715 * x * x);
}

void
sm_reference_attention_forward(double *y, double *p, const float *q, const float *k, const float *v,
                               size_t queries, size_t keys, size_t width, bool causal)
{
    memset(y, 0, queries * width * sizeof *y);
    for (size_t i = 0; i < queries; i++) {
        double sum = 0;
        for (size_t j = 0; j < keys; j++) {
            double score = 0;
            for (size_t c = 0; c < width; c++)
                score += (double)q[i * width + c] * (double)k[j * width + c];
            p[i * keys + j] = causal && j > i ? 0 : exp(score / sqrt((double)width));
            sum += p[i * keys + j];
        }
        for (size_t j = 0; j < keys; j++) {
            p[i * keys + j] /= sum;
            for (size_t c = 0; c < width; c++)
                y[i * width + c] += p[i * keys + j] * (double)v[j * width + c];
        }
    }
}

void
sm_reference_attention_backward(double *dq, double *dk, double *dv, const float *dy,
                                const double *p, const float *q, const float *k, const float *v,
                                size_t queries, size_t keys, size_t width)
{
    memset(dq, 0, queries * width * sizeof *dq);
    memset(dk, 0, keys * width * sizeof *dk);
    memset(dv, 0, keys * width * sizeof *dv);
    for (size_t i = 0; i < queries; i++) {
        double level = 0;
        for (size_t j = 0; j < keys; j++)
            for (size_t c = 0; c < width; c++) {
                level += p[i * keys + j] * (double)dy[i * width + c] * (double)v[j * width + c];
                dv[j * width + c] += p[i * keys + j] * (double)dy[i * width + c];
            }
        for (size_t j = 0; j < keys; j++) {
            double dp = 0;
            for (size_t c = 0; c < width; c++)
                dp += (double)dy[i * width + c] * (double)v[j * width + c];
            const double ds = p[i * keys + j] * (dp - level) / sqrt((double)width);
            for (size_t c = 0; c < width; c++) {
                dq[i * width + c] += ds * (double)k[j * width + c];
                dk[j * width + c] += ds * (double)q[i * width + c];
            }
        }
    }
}

double
sm_reference_token_loss(double *dz, size_t *correct, const float *z, const uint16_t *targets,
                        size_t rows, size_t classes, double smoothing, double scale)
{
    double loss = 0;
    *correct = 0;
    for (size_t r = 0; r < rows; r++, z += classes, dz += classes) {
        size_t best = 0;
        double sum = 0;
        for (size_t c = 1; c < classes; c++)
            if (z[c] > z[best])
                best = c;
        for (size_t c = 0; c < classes; c++)
            sum += exp((double)z[c] - (double)z[best]);
        for (size_t c = 0; c < classes; c++) {
            const double wanted =
                smoothing / (double)classes + (c == targets[r] ? 1 - smoothing : 0);
            const double logarithm = (double)z[c] - (double)z[best] - log(sum);
            loss -= wanted * logarithm;
            dz[c] = scale * (exp(logarithm) - wanted);
        }
        *correct += best == targets[r];
    }
    return loss;
}

static uint32_t
scatter(uint32_t h)
{
    h = (h ^ h >> 16) * 0x7feb352du;
    h = (h ^ h >> 15) * 0x846ca68bu;
    return h ^ h >> 16;
}

bool
sm_reference_dropout_keeps(float rate, uint32_t key, uint32_t i)
{
    return (float)(scatter(scatter(i) ^ key) >> 8) >= floorf(rate * 0x1p24f);
}
