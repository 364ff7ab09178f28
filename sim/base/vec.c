/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/base/vec.c -- see vec.h. Means go in blocks that stay in L1 (half the time of axpy passes).
 */
#include "sim/base/vec.h"

#include <math.h>
#include <string.h>

#include "sim/base/clones.h"

enum { BLOCK = 2048 };

SM_CLONES void
sm_vec_axpy(size_t n, float a, const float *restrict x, float *restrict y)
{
    for (size_t i = 0; i < n; i++)
        y[i] += a * x[i];
}

SM_CLONES void
sm_vec_scale(size_t n, float a, float *x)
{
    for (size_t i = 0; i < n; i++)
        x[i] *= a;
}

SM_CLONES void
sm_vec_scale_and_copy(size_t n, float a, float *restrict x, float *restrict y)
{
    for (size_t i = 0; i < n; i++) {
        x[i] *= a;
        y[i] = x[i];
    }
}

SM_CLONES void
sm_vec_scaled_copy(size_t n, float a, const float *x, float *y)
{
    for (size_t i = 0; i < n; i++)
        y[i] = a * x[i];
}

/* mean[i] = (1/m) sum_r x[r][begin + i], i < n <= BLOCK */
SM_CLONES static void
block_mean(size_t m, const float *const *x, size_t begin, size_t n, float *restrict mean)
{
    double sum[BLOCK];
    for (size_t i = 0; i < n; i++)
        sum[i] = (double)x[0][begin + i];
    for (size_t r = 1; r < m; r++) {
        const float *restrict other = x[r] + begin;
        for (size_t i = 0; i < n; i++)
            sum[i] += (double)other[i];
    }
    const double count = (double)m;
    for (size_t i = 0; i < n; i++)
        mean[i] = (float)(sum[i] / count);
}

void
sm_vec_mean(size_t m, float *const *x, size_t begin, size_t end)
{
    float mean[BLOCK];
    for (size_t i = begin; i < end; i += BLOCK) {
        size_t n = end - i < BLOCK ? end - i : BLOCK;
        block_mean(m, (const float *const *)x, i, n, mean);
        for (size_t r = 0; r < m; r++)
            memcpy(x[r] + i, mean, n * sizeof *mean);
    }
}

void
sm_vec_mean_into(size_t m, const float *const *x, size_t n, float *out)
{
    for (size_t i = 0; i < n; i += BLOCK)
        block_mean(m, x, i, n - i < BLOCK ? n - i : BLOCK, out + i);
}

double
sm_vec_distance2(size_t n, const float *x, const float *y)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        double d = (double)x[i] - (double)y[i];
        sum += d * d;
    }
    return sum;
}

/* Lanes keep the sums apart that a vector unit has beside each other; without them each addition
 * waits for the one before. */
SM_CLONES double
sm_vec_norm2(size_t n, const float *x)
{
    double lane[SM_VEC_LANES] = {0};
    const size_t whole = n / SM_VEC_LANES * SM_VEC_LANES;
    for (size_t i = 0; i < whole; i += SM_VEC_LANES)
        for (size_t l = 0; l < SM_VEC_LANES; l++)
            lane[l] += (double)x[i + l] * (double)x[i + l];
    for (size_t l = 0; l < n - whole; l++)
        lane[l] += (double)x[whole + l] * (double)x[whole + l];
    double sum = 0;
    for (size_t l = 0; l < SM_VEC_LANES; l++)
        sum += lane[l];
    return sum;
}

SM_CLONES bool
sm_vec_finite(size_t n, const float *x)
{
    /* x - x is 0 for finite x and NaN otherwise; the sum keeps any NaN */
    float sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += x[i] - x[i];
    return sum == 0.0f;
}
