/* SPDX-License-Identifier: GPL-3.0-or-later */
/* analysis/statistics.h -- what a few repetitions say: mean, standard deviation, interval. */
#ifndef SM_ANALYSIS_STATISTICS_H
#define SM_ANALYSIS_STATISTICS_H

#include <stddef.h>

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

#endif
