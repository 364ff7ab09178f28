/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/kernels/elementwise.c -- ReLU, e^x, pixels to floats: loops that the compiler
 * vectorises, with the same bits on every processor. */
#include "workloads/kernels/kernels.h"

#include <math.h>
#include <string.h>

#include "sim/base/clones.h"

SM_CLONES void
sm_relu_forward(float *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] < 0.0f ? 0.0f : x[i];
}

SM_CLONES void
sm_relu_backward(float *dx, const float *dy, const float *y, size_t n)
{
    for (size_t i = 0; i < n; i++)
        dx[i] = y[i] > 0.0f ? dy[i] : 0.0f;
}

/* x = k ln 2 + r with whole k and |r| <= ln(2)/2; e^x = 2^k e^r. ln 2 is split in two so that k ln
 * 2 is subtracted exactly; e^r is a minimax polynomial (S. Moshier, Cephes, expf). */
SM_CLONES void
sm_exp(float *y, const float *x, size_t n)
{
    const float low = -87.3f, high = 88.3f, to_whole = 0x1.8p23f;
    for (size_t i = 0; i < n; i++) {
        float v = x[i] < low ? low : x[i]; /* NaN passes both */
        v = v > high ? high : v;
        const float shifted = v * 1.44269504f + to_whole; /* k in the last bits */
        const float k = shifted - to_whole;
        const float r = (v - k * 0.693359375f) - k * -2.12194440e-4f;
        float p = 1.9875691500e-4f;
        p = p * r + 1.3981999507e-3f;
        p = p * r + 8.3334519073e-3f;
        p = p * r + 4.1665795894e-2f;
        p = p * r + 1.6666665459e-1f;
        p = p * r + 5.0000001201e-1f;
        p = p * r * r + r + 1.0f;
        uint32_t bits;
        memcpy(&bits, &shifted, sizeof bits);
        bits = (bits + 127u) << 23; /* 2^k as a float */
        float power;
        memcpy(&power, &bits, sizeof power);
        const float e = p * power;
        y[i] = x[i] < low ? 0.0f : x[i] > high ? INFINITY : e;
    }
}

SM_CLONES void
sm_bytes_to_floats(float *y, const uint8_t *bytes, size_t n, size_t channels, const float *mean,
                   const float *deviation)
{
    enum { PERIOD = 24 }; /* a multiple of every number of channels, and of a vector's lanes */
    float scale[PERIOD], shift[PERIOD];
    for (size_t i = 0; i < PERIOD; i++) {
        const size_t c = i % channels;
        scale[i] = 1.0f / (255.0f * deviation[c]);
        shift[i] = -mean[c] / deviation[c];
    }
    size_t done = 0;
    for (; done + PERIOD <= n; done += PERIOD)
        for (size_t i = 0; i < PERIOD; i++)
            y[done + i] = (float)bytes[done + i] * scale[i] + shift[i];
    for (size_t i = 0; done + i < n; i++)
        y[done + i] = (float)bytes[done + i] * scale[i] + shift[i];
}
