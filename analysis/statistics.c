/* SPDX-License-Identifier: GPL-3.0-or-later */
/* analysis/statistics.c -- see statistics.h. */
#include "analysis/statistics.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_fit.h>
#include <gsl/gsl_sort_double.h>
#include <gsl/gsl_statistics_double.h>
#include <math.h>
#include <stdbool.h>

#include "sim/base/rng.h"

enum { MOST_DRAWS = 10000, MOST_EXHAUSTIVE = 5 };

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

/* ---- bootstrap ---- */

/* The next of all draws, counted like the digits of a number; false behind the last. */
static bool
next_draw(size_t *chosen, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (++chosen[i] < count)
            return true;
        chosen[i] = 0;
    }
    return false;
}

static size_t
draw_all(size_t *chosen, size_t count, sm_statistic *statistic, const void *context, double *values)
{
    size_t used = 0;
    do {
        values[used] = statistic(chosen, count, context);
        used += isfinite(values[used]);
    } while (next_draw(chosen, count));
    return used;
}

static size_t
draw_some(struct sm_rng *rng, size_t *chosen, size_t count, sm_statistic *statistic,
          const void *context, double *values)
{
    size_t used = 0;
    for (size_t draw = 0; draw < MOST_DRAWS; draw++) {
        for (size_t i = 0; i < count; i++)
            chosen[i] = sm_rng_below(rng, count);
        values[used] = statistic(chosen, count, context);
        used += isfinite(values[used]);
    }
    return used;
}

enum sm_status
sm_bootstrap(struct sm_arena *scratch, size_t count, sm_statistic *statistic, const void *context,
             double level, struct sm_interval *interval)
{
    *interval = (struct sm_interval){(double)NAN, (double)NAN};
    if (count < 2)
        return SM_OK;
    size_t *chosen = sm_arena_zalloc(scratch, count, sizeof *chosen);
    double *values = sm_arena_alloc(scratch, MOST_DRAWS + 1, sizeof *values);
    struct sm_rng *rng = sm_rng_create(scratch, 0, SM_RNG_BOOTSTRAP, count);
    if (chosen == NULL || values == NULL || rng == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for the interval of %zu values", count);
    size_t used = count <= MOST_EXHAUSTIVE
                      ? draw_all(chosen, count, statistic, context, values)
                      : draw_some(rng, chosen, count, statistic, context, values);
    if (used == 0)
        return SM_OK;
    gsl_sort(values, 1, used);
    interval->low = gsl_stats_quantile_from_sorted_data(values, 1, used, (1 - level) / 2);
    interval->high = gsl_stats_quantile_from_sorted_data(values, 1, used, (1 + level) / 2);
    return SM_OK;
}

static double
mean_of_chosen(const size_t *chosen, size_t count, const void *context)
{
    const double *values = context;
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += values[chosen[i]];
    return sum / (double)count;
}

enum sm_status
sm_bootstrap_mean(struct sm_arena *scratch, const double *values, size_t count, double level,
                  struct sm_interval *interval)
{
    double *finite = sm_arena_alloc(scratch, count, sizeof *finite);
    size_t kept = 0;
    if (finite == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for the interval of %zu values", count);
    for (size_t i = 0; i < count; i++)
        if (isfinite(values[i]))
            finite[kept++] = values[i];
    return sm_bootstrap(scratch, kept, mean_of_chosen, finite, level, interval);
}

/* ---- slopes ---- */

enum sm_status
sm_log_slope(struct sm_arena *scratch, const double *x, const double *y, size_t count,
             struct sm_slope *slope)
{
    double *log_x = sm_arena_alloc(scratch, count, sizeof *log_x);
    double *log_y = sm_arena_alloc(scratch, count, sizeof *log_y);
    size_t kept = 0;
    *slope = (struct sm_slope){(double)NAN, (double)NAN};
    if (log_x == NULL || log_y == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for the slope through %zu points", count);
    for (size_t i = 0; i < count; i++)
        if (x[i] > 0 && y[i] > 0 && isfinite(x[i]) && isfinite(y[i])) {
            log_x[kept] = log(x[i]);
            log_y[kept++] = log(y[i]);
        }
    if (kept < 3)
        return SM_OK;
    double a, cov00, cov01, cov11, residual;
    gsl_fit_linear(log_x, 1, log_y, 1, kept, &a, &slope->value, &cov00, &cov01, &cov11, &residual);
    slope->error = sqrt(fmax(cov11, 0));
    return SM_OK;
}
