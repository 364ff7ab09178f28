/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/property/outer_fixed_points.c -- where the outer optimizers settle with unlike workers,
 * without noise.
 *
 * f_i(x) = lambda_i (x - c_i)^2 / 2. A round of tau local steps takes worker i from x to
 * y = c_i + rho_i (x - c_i), rho_i = (1 - gamma lambda_i)^tau.
 */
#include "tests/helpers/check.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "tests/helpers/training.h"

enum { M = 4, TAU = 5 };
static const double lambda[M] = {0.5, 1, 2, 4}, center[M] = {-1, 0, 2, 3}, gamma_ = 0.1;

/* All start a round at one x, which is the mean of where they end. */
static double
where_the_average_stays(void)
{
    double above = 0, below = 0;
    for (size_t i = 0; i < M; i++) {
        const double weight = 1 - pow(1 - gamma_ * lambda[i], TAU);
        above += weight * center[i];
        below += weight;
    }
    return above / below;
}

/* Each starts at (1 - alpha) y_i + alpha z, and z is the mean of all y_i:
 * y_i (1 - rho_i (1 - alpha)) = (1 - rho_i) c_i + rho_i alpha z. The models' mean is z too. */
static double
where_the_center_stays(double alpha)
{
    double fixed = 0, slope = 0; /* mean y_i = fixed + slope z */
    for (size_t i = 0; i < M; i++) {
        const double rho = pow(1 - gamma_ * lambda[i], TAU), left = 1 - rho * (1 - alpha);
        fixed += (1 - rho) * center[i] / left / M;
        slope += rho * alpha / left / M;
    }
    return fixed / (1 - slope);
}

/* Long enough that the slowest mode has gone; roundings of numbers below 4, three a step, summed
 * until they die out: at most 60 steps of them. */
static void
expect_coordinates(const char *outer, const double expected[3])
{
    struct training *training =
        train("{steps: 3000, platform: {file: star_4}, timing: {profile: own},"
              " workload: {model: quadratic, dimension: 3, start: 1,"
              " curvature: [0.5, 1, 2, 4], center: [-1, 0, 2, 3]},"
              " algorithm: {inner: {lr: 0.1, momentum: 0}, strategy: local, tau: %d, outer: %s}}",
              (int)TAU, outer);
    for (size_t d = 0; d < 3; d++) {
        const double tolerance = 3 * 4 * 60 * (double)FLT_EPSILON / 2;
        if (!(fabs((double)training->consensus[d] - expected[d]) <= tolerance))
            print_error("%s\n", outer);
        check_near(training->consensus[d], expected[d], tolerance);
    }
    free(training);
}

static void
expect_settled(const char *outer, double expected)
{
    expect_coordinates(outer, (const double[]){expected, expected, expected});
}

/* Momentum of the average's progress decides how fast, not where. */
static void
momentum_settles_where_local_sgd_does(void **unused)
{
    (void)unused;
    const char *outers[] = {"average",
                            "bmuf",
                            "{name: bmuf, zeta: 0.5, mu: 0.9}",
                            "{name: bmuf, nesterov: yes}",
                            "diloco",
                            "{name: diloco, eta: 1, mu: 0.5}"};
    for (size_t i = 0; i < 6; i++)
        expect_settled(outers[i], where_the_average_stays());
}

/* The mean model, `steps` local steps after all were there. */
static double
later(double x, size_t steps)
{
    double mean = 0;
    for (size_t i = 0; i < M; i++)
        mean += (center[i] + pow(1 - gamma_ * lambda[i], (double)steps) * (x - center[i])) / M;
    return mean;
}

/* Coordinates know nothing of one another, so each fragment has rounds of its own, and when the run
 * ends the workers have gone on with those that were averaged after 2 and 4 of the 5 steps. */
static void
fragments_settle_there_too_each_at_its_own_round_end(void **unused)
{
    (void)unused;
    const double x = where_the_average_stays();
    expect_settled("{name: streaming_diloco, overlap: 0, mixing: 0, fragments: 1}", x);
    expect_coordinates("{name: streaming_diloco, overlap: 0, mixing: 0, fragments: 3}",
                       (const double[]){later(x, 3), later(x, 1), x});
}

static void
springs_settle_elsewhere_and_the_stale_anchor_does_not_matter(void **unused)
{
    (void)unused;
    assert_true(fabs(where_the_center_stays(0.3) - where_the_average_stays()) > 0.01);
    check_near(where_the_center_stays(1), where_the_average_stays(), 1e-12);
    expect_settled("easgd", where_the_center_stays(0.9 / M));
    expect_settled("{name: easgd, alpha: 0.3}", where_the_center_stays(0.3));
    /* b_i settles at (z - x_i) / gamma / (1 - beta), whose mean is 0 */
    expect_settled("overlap_local", where_the_center_stays(0.6));
    expect_settled("{name: overlap_local, alpha: 0.3, beta: 0}", where_the_center_stays(0.3));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(momentum_settles_where_local_sgd_does),
        cmocka_unit_test(fragments_settle_there_too_each_at_its_own_round_end),
        cmocka_unit_test(springs_settle_elsewhere_and_the_stale_anchor_does_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
