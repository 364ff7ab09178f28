/* SPDX-License-Identifier: GPL-3.0-or-later */
/* analysis/statistics.c -- see statistics.h. */
#include "analysis/statistics.h"

#include <gsl/gsl_cdf.h>
#include <math.h>

struct sm_sample
sm_sample_take(const double *values, size_t count)
{
    struct sm_sample sample = {0, (double)NAN, (double)NAN};
    double sum = 0, squares = 0;
    for (size_t i = 0; i < count; i++)
        if (isfinite(values[i])) {
            sum += values[i];
            sample.count++;
        }
    if (sample.count == 0)
        return sample;
    sample.mean = sum / (double)sample.count;
    for (size_t i = 0; i < count; i++)
        if (isfinite(values[i]))
            squares += (values[i] - sample.mean) * (values[i] - sample.mean);
    if (sample.count > 1)
        sample.sd = sqrt(squares / (double)(sample.count - 1));
    return sample;
}

double
sm_sample_half_interval(const struct sm_sample *sample, double level)
{
    if (sample->count < 2)
        return (double)NAN;
    const double n = (double)sample->count;
    return gsl_cdf_tdist_Qinv((1 - level) / 2, n - 1) * sample->sd / sqrt(n);
}
