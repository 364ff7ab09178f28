/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/property/fixed_points.c -- where unlike workers settle, without noise.
 *
 * f_i(x) = lambda_i (x - c_i)^2 / 2. A round of tau local steps takes worker i from x to
 * c_i + rho_i (x - c_i), rho_i = (1 - gamma lambda_i)^tau, so the average stays where
 * x = sum (1 - rho_i) c_i / sum (1 - rho_i); averaged gradients stay at sum lambda_i c_i / sum
 * lambda_i.
 */
#include "tests/helpers/check.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/helpers/training.h"

enum { M = 4 };
static const double lambda[M] = {0.5, 1, 2, 4}, center[M] = {-1, 0, 2, 3}, gamma_ = 0.1;

/* tau = 0: averaged gradients. */
static double
fixed_point(double tau)
{
    double above = 0, below = 0;
    for (size_t i = 0; i < M; i++) {
        double weight = tau > 0 ? 1 - pow(1 - gamma_ * lambda[i], tau) : lambda[i];
        above += weight * center[i];
        below += weight;
    }
    return above / below;
}

/* Runs long enough that the slowest mode has gone: settles within the roundings of numbers below
 * 4, three a step, summed until they die out: at most `memory` steps of them. */
static void
expect_settled(const char *algorithm, size_t steps, double expected, double memory)
{
    struct training *training =
        train("{steps: %zu, platform: {file: star_4}, timing: {profile: own},"
              " workload: {model: quadratic, dimension: 3, start: 1,"
              " curvature: [0.5, 1, 2, 4], center: [-1, 0, 2, 3]}, algorithm: %s}",
              steps, algorithm);
    for (size_t d = 0; d < 3; d++) {
        double tolerance = 3 * 4 * memory * (double)FLT_EPSILON / 2;
        if (!(fabs((double)training->consensus[d] - expected) <= tolerance))
            print_error("%s\n", algorithm);
        check_near(training->consensus[d], expected, tolerance);
    }
    free(training);
}

static void
allreduce_settles_where_the_mean_gradient_is_zero(void **unused)
{
    (void)unused;
    /* the mean curvature is 1.875: .8125^k, after 200 steps 1e-18; without momentum 1 / .1875 steps
     * of roundings, with 0.9 another ten times */
    expect_settled("{inner: {name: sgd, lr: 0.1, momentum: 0}, strategy: allreduce}", 200,
                   fixed_point(0), 6);
    expect_settled("{inner: {name: sgd, lr: 0.1, momentum: 0.9}, strategy: allreduce}", 600,
                   fixed_point(0), 60);
    /* momentum is a filter of gradients: every variant settles at the same point */
    expect_settled("{inner: {name: sgd, lr: 0.1, momentum: 0.9, nesterov: yes},"
                   " strategy: allreduce}",
                   600, fixed_point(0), 60);
}

static void
local_sgd_settles_elsewhere_and_further_off_with_longer_rounds(void **unused)
{
    (void)unused;
    const int taus[] = {1, 2, 5, 12, 48};
    double before = fixed_point(0);
    check_near(fixed_point(1), before, 1e-15);
    for (size_t i = 0; i < 5; i++) {
        char algorithm[120];
        snprintf(algorithm, sizeof algorithm,
                 "{inner: {name: sgd, lr: 0.1, momentum: 0}, strategy: local, tau: %d}", taus[i]);
        expect_settled(algorithm, (size_t)taus[i] * (taus[i] < 5 ? 100 : 50), fixed_point(taus[i]),
                       6);
        assert_true(i == 0 || fixed_point(taus[i]) < before - 0.01);
        before = fixed_point(taus[i]);
    }
}

/* alpha and beta decide how fast, not where: A = alpha mean(1 - rho_i) < 2 (1 + beta) throughout.
 * At most .84 of a deviation is left a round (alpha 0.5, beta 0: 1 - A = .78; beta 0.7: sqrt(.7)),
 * with beta 0.9 sqrt(.9): 1e-11 at the end. */
static void
slowmo_settles_where_local_sgd_does_for_any_alpha_and_beta(void **unused)
{
    (void)unused;
    const double alphas[] = {0.5, 1, 1.5}, betas[] = {0, 0.4, 0.7, 0.9};
    for (size_t c = 0; c < 13; c++) {
        double alpha = c < 12 ? alphas[c % 3] : 1, beta = c < 12 ? betas[c / 3] : 0.7;
        int tau = c < 12 ? 5 : 12;
        char algorithm[160];
        snprintf(algorithm, sizeof algorithm,
                 "{inner: {name: sgd, lr: 0.1, momentum: 0}, strategy: local, tau: %d,"
                 " outer: {name: slowmo, alpha: %g, beta: %g}}",
                 tau, alpha, beta);
        expect_settled(algorithm, (size_t)tau * (beta > 0.8 ? 480 : 150), fixed_point(tau), 60);
    }
}

/* Every graph mixes with a doubly stochastic W, so gossip's mean has the fixed point of its own
 * gradients: on the complete graph that of averaged gradients. */
static void
sgp_on_the_complete_graph_settles_with_allreduce(void **unused)
{
    (void)unused;
    expect_settled("{inner: {name: sgd, lr: 0.1, momentum: 0},"
                   " strategy: {name: sgp, topology: complete}}",
                   200, fixed_point(0), 6);
}

/* x = W (x - gamma Lambda (x - c)) with W = (I + P) / 2 on the directed ring: the mean of its
 * solution, by iterating in double. */
static void
sgp_on_the_directed_ring_settles_where_its_linear_map_does(void **unused)
{
    (void)unused;
    double x[M] = {1, 1, 1, 1}, y[M], mean = 0;
    for (size_t k = 0; k < 2000; k++) {
        for (size_t i = 0; i < M; i++)
            y[i] = x[i] - gamma_ * lambda[i] * (x[i] - center[i]);
        for (size_t i = 0; i < M; i++)
            x[i] = (y[i] + y[(i + M - 1) % M]) / 2;
    }
    for (size_t i = 0; i < M; i++)
        mean += x[i] / M;
    assert_true(fabs(mean - fixed_point(0)) > 0.01); /* another point than averaged gradients' */
    expect_settled("{inner: {name: sgd, lr: 0.1, momentum: 0},"
                   " strategy: {name: sgp, topology: ring}}",
                   400, mean, 8);
}

/* x = W x - gamma Lambda (x - c), W = 1/3 for oneself and both neighbours. */
static void
gossip_that_combines_first_settles_where_its_linear_map_does(void **unused)
{
    (void)unused;
    double x[M] = {1, 1, 1, 1}, y[M], mean = 0;
    for (size_t k = 0; k < 2000; k++) {
        for (size_t i = 0; i < M; i++)
            y[i] = (x[(i + M - 1) % M] + x[i] + x[(i + 1) % M]) / 3 -
                   gamma_ * lambda[i] * (x[i] - center[i]);
        for (size_t i = 0; i < M; i++)
            x[i] = y[i];
    }
    for (size_t i = 0; i < M; i++)
        mean += x[i] / M;
    assert_true(fabs(mean - fixed_point(0)) > 0.01);
    expect_settled("{inner: {name: sgd, lr: 0.1, momentum: 0}, strategy: dpsgd}", 400, mean, 8);
    expect_settled("{inner: {name: sgd, lr: 0.1, momentum: 0},"
                   " strategy: {name: osgp, topology: ring, peers: 2}}",
                   400, mean, 8);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allreduce_settles_where_the_mean_gradient_is_zero),
        cmocka_unit_test(local_sgd_settles_elsewhere_and_further_off_with_longer_rounds),
        cmocka_unit_test(slowmo_settles_where_local_sgd_does_for_any_alpha_and_beta),
        cmocka_unit_test(sgp_on_the_complete_graph_settles_with_allreduce),
        cmocka_unit_test(sgp_on_the_directed_ring_settles_where_its_linear_map_does),
        cmocka_unit_test(gossip_that_combines_first_settles_where_its_linear_map_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
