/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/kernels/norm.c -- see norm.h. */
#include "workloads/kernels/norm.h"

#include <math.h>

static const double epsilon = 1e-5, momentum = 0.1;

static double
inverse_deviation(float variance)
{
    return 1 / sqrt((double)variance + epsilon);
}

void
sm_norm_moments(float *mean, float *variance, const double *sums, const float *origin,
                const struct sm_sets *sets)
{
    const double pixels = (double)sets->pixels, share = 1 / (double)sets->group;
    const double *squares = sums + sets->channels;
    for (size_t first = 0; first < sets->channels; first += sets->group) {
        double centre = 0, spread = 0;
        for (size_t c = first; c < first + sets->group; c++)
            centre += share * ((double)origin[c] + sums[c] / pixels);
        for (size_t c = first; c < first + sets->group; c++) {
            const double own = sums[c] / pixels, off = (double)origin[c] + own - centre;
            spread += share * (squares[c] / pixels - own * own + off * off);
        }
        for (size_t c = first; c < first + sets->group; c++) {
            mean[c] = (float)centre;
            variance[c] = spread < 0 ? 0.0f : (float)spread; /* NaN stays */
        }
    }
}

void
sm_norm_forward(float *scale, float *shift, const float *mean, const float *variance,
                const float *gamma, const float *beta, size_t channels)
{
    for (size_t c = 0; c < channels; c++) {
        const double factor = (double)gamma[c] * inverse_deviation(variance[c]);
        scale[c] = (float)factor;
        shift[c] = (float)((double)beta[c] - factor * (double)mean[c]);
    }
}

/* With n = (x - mean) / deviation and d = gamma dy:
 *     dx = (d - mean of d over the set - n mean of d n) / deviation. */
void
sm_norm_backward(float *dy_scale, float *x_scale, float *shift, double *dgamma, double *dbeta,
                 const double *sums, const float *mean, const float *variance, const float *gamma,
                 const struct sm_sets *sets)
{
    const double share = 1 / ((double)sets->pixels * (double)sets->group);
    const double *along = sums + sets->channels;
    for (size_t first = 0; first < sets->channels; first += sets->group) {
        const double inverse = inverse_deviation(variance[first]);
        double level = 0, tilt = 0;
        for (size_t c = first; c < first + sets->group; c++) {
            level += share * (double)gamma[c] * sums[c];
            tilt += share * (double)gamma[c] * along[c] * inverse;
            dgamma[c] += along[c] * inverse;
            dbeta[c] += sums[c];
        }
        const double slope = -inverse * inverse * tilt;
        for (size_t c = first; c < first + sets->group; c++) {
            dy_scale[c] = (float)((double)gamma[c] * inverse);
            x_scale[c] = (float)slope;
            shift[c] = (float)(-inverse * level - slope * (double)mean[c]);
        }
    }
}

void
sm_norm_run(float *running_mean, float *running_variance, const float *mean, const float *variance,
            size_t channels, size_t pixels)
{
    const double unbiased = pixels > 1 ? (double)pixels / (double)(pixels - 1) : 1;
    for (size_t c = 0; c < channels; c++) {
        running_mean[c] += (float)(momentum * ((double)mean[c] - (double)running_mean[c]));
        running_variance[c] +=
            (float)(momentum * (unbiased * (double)variance[c] - (double)running_variance[c]));
    }
}
