/* SPDX-License-Identifier: GPL-3.0-or-later */
/* analysis/statistics.h -- what a few repetitions say: mean, standard deviation, interval. */
#ifndef SM_ANALYSIS_STATISTICS_H
#define SM_ANALYSIS_STATISTICS_H

#include <stddef.h>

#include "sim/base/arena.h"
#include "sim/base/status.h"

struct sm_sample {
    size_t count; /* values that are finite                                   */
    double mean;  /* NaN for none                                             */
    double sd;    /* with n - 1; NaN for fewer than two                       */
};

/* What is not finite is left out. Two passes, in the order given:
 *   mean = sum x / n,   sd = sqrt(sum (x - mean)^2 / (n - 1)) */
struct sm_sample sm_sample_take(const double *values, size_t count);

/* Half of the interval that holds the mean with probability `level` (0.95), when the values are
 * independent and normal:
 *   t(1 - (1 - level) / 2; n - 1) sd / sqrt(n)
 * NaN for fewer than two values. Of differences in pairs it is the paired t interval. Source:
 * Student, Biometrika 6, 1908; NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.5.2. */
double sm_sample_half_interval(const struct sm_sample *sample, double level);

struct sm_interval {
    double low, high; /* NaN: there is none */
};

/* A statistic of observations chosen[0..count), which may repeat; NaN where it is not defined. */
typedef double sm_statistic(const size_t *chosen, size_t count, const void *context);

/* The percentile bootstrap interval of `level` (0.95): the observations 0 .. count-1 are drawn
 * `count` times with replacement, and the interval lies between the quantiles (1 -+ level) / 2 of
 * what the statistic then is. Up to five observations give all count^count draws, more give 10000
 * at random, the same at every call. Draws without a finite statistic are left out. None for fewer
 * than two observations. Source: Efron and Tibshirani, An Introduction to the Bootstrap, 1993,
 * chapter 13. */
enum sm_status sm_bootstrap(struct sm_arena *scratch, size_t count, sm_statistic *statistic,
                            const void *context, double level, struct sm_interval *interval);
/* The same of the mean of those values that are finite. */
enum sm_status sm_bootstrap_mean(struct sm_arena *scratch, const double *values, size_t count,
                                 double level, struct sm_interval *interval);

struct sm_slope {
    double value, error; /* and its standard error; NaN for fewer than three points */
};

/* Least squares of ln y = a + slope ln x through the points where both are above 0. */
enum sm_status sm_log_slope(struct sm_arena *scratch, const double *x, const double *y,
                            size_t count, struct sm_slope *slope);

#endif
