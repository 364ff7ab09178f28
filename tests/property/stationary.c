/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/property/stationary.c -- whole runs on a noisy parabola against exact theory.
 *
 * f(x) = lambda x^2 / 2 with gradient noise of variance s^2; a = gamma lambda, r = 1 - a. The D
 * coordinates are D independent runs of the scalar problem, and evaluations far enough apart are
 * independent too, so a mean of squares over E of them has a relative standard error of
 * sqrt(2 / (D E)). Tolerances are three standard errors; the seeds are fixed.
 */
#include "tests/helpers/check.h"

#include <complex.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "tests/helpers/training.h"

enum { D = 16384 };
static const double lambda = 2, gamma_ = 0.05, s = 0.7, a = 0.1, r = 0.9;

/* Starts every coordinate at `start`; noise 0 gives the exact mean. */
static struct training *
parabola(size_t workers, size_t steps, size_t every, double start, double noise,
         const char *algorithm)
{
    return train("{steps: %zu, evaluate: {every: %zu}, platform: {file: star_%zu},"
                 " timing: {profile: own},"
                 " workload: {model: quadratic, dimension: %d, curvature: %.17g, noise: %.17g,"
                 " start: %.17g},"
                 " algorithm: {inner: {name: sgd, lr: 0.05, momentum: 0}, %s}}",
                 steps, every, workers, (int)D, lambda, noise, start, algorithm);
}

static double
square_of(const struct sm_evaluation *e)
{
    return 2 * e->test_loss / (lambda * D);
}

static double
spread_of(const struct sm_evaluation *e)
{
    return e->consensus_distance / D;
}

/* The mean over the evaluations at steps >= from is `expected` within 3 sqrt(2 / (samples E)),
 * relative; frees the run. */
static void
expect_mean(struct training *training, double (*value)(const struct sm_evaluation *), size_t from,
            double samples, double expected, const char *what)
{
    double sum = 0, count = 0;
    for (size_t i = 0; i < training->evaluation_count; i++)
        if (training->evaluations[i].step >= from) {
            sum += value(&training->evaluations[i]);
            count++;
        }
    assert_true(count > 0);
    double error = sqrt(2 / (samples * count));
    print_message("  %-34s %.6e, theory %.6e: %+.2f standard errors of %.2f %%\n", what,
                  sum / count, expected, (sum / count / expected - 1) / error, 100 * error);
    check_relative(sum / count, expected, 3 * error);
    free(training);
}

/* Stationary variances, ALGORITHMS section 4. */
static double
sgd_variance(double workers)
{
    return gamma_ * s * s / (workers * lambda * (2 - a));
}

static double
heavy_ball_variance(double workers, double beta)
{
    return gamma_ * s * s * (1 + beta) / (workers * lambda * (1 - beta) * (2 * (1 + beta) - a));
}

static double
slowmo_variance(double workers, double tau, double alpha, double beta)
{
    double rho = pow(r, tau), A = alpha * (1 - rho);
    double q = gamma_ * s * s * (1 - rho * rho) / (workers * lambda * (2 - a));
    return alpha * alpha * q * (1 + beta) / ((1 - beta) * A * (2 * (1 + beta) - A));
}

static void
sgd_without_noise_decays_as_r_to_the_k(void **unused)
{
    (void)unused;
    struct training *training = parabola(2, 40, 1, 1, 0, "strategy: allreduce");
    assert_int_equal(training->evaluation_count, 41);
    for (size_t k = 0; k <= 40; k++) /* two roundings a step, 0.05 as a float; squared */
        check_relative(square_of(&training->evaluations[k]), pow(r, 2 * (double)k),
                       (double)(1 + 2 * k) * 2 * (double)FLT_EPSILON / 2);
    free(training);
}

/* mean r^k, variance gamma^2 s^2 (1 - r^2k) / (m (1 - r^2)) */
static void
sgd_with_noise_has_the_mean_and_variance_of_every_step(void **unused)
{
    (void)unused;
    const size_t steps[] = {1, 5, 20};
    for (size_t i = 0; i < 3; i++) {
        double k = (double)steps[i], mean = 0, variance = 0;
        double expected = gamma_ * gamma_ * s * s * (1 - pow(r, 2 * k)) / (4 * (1 - r * r));
        struct training *training = parabola(4, steps[i], steps[i], 1, s, "strategy: allreduce");
        assert_int_equal(training->parameters, D);
        for (size_t d = 0; d < D; d++)
            mean += (double)training->consensus[d] / D;
        for (size_t d = 0; d < D; d++)
            variance += pow((double)training->consensus[d] - mean, 2) / D;
        check_near(mean, pow(r, k), 3 * sqrt(expected / D));
        check_relative(variance, expected, 3 * sqrt(2.0 / D));
        free(training);
    }
}

/* r^50 of a square is left between two evaluations: they are independent. */
static void
sgd_settles_at_its_stationary_variance(void **unused)
{
    (void)unused;
    expect_mean(parabola(1, 400, 25, 0, s, "strategy: allreduce"), square_of, 100, D,
                sgd_variance(1), "sgd, 1 worker");
    expect_mean(parabola(4, 400, 25, 0, s, "strategy: allreduce"), square_of, 100, D,
                sgd_variance(4), "sgd, 4 workers");
}

static void
heavy_ball_settles_at_its_stationary_variance(void **unused)
{
    (void)unused;
    /* roots of modulus sqrt(beta): beta^(2 every / 2) of a square is left, 5e-3 and less */
    struct training *training =
        train("{steps: 400, evaluate: {every: 50}, platform: {file: star_2},"
              " timing: {profile: own},"
              " workload: {model: quadratic, dimension: %d, curvature: 2, noise: 0.7, start: 0},"
              " algorithm: {inner: {name: sgd, lr: 0.05, momentum: 0.9}, strategy: allreduce}}",
              (int)D);
    expect_mean(training, square_of, 100, D, heavy_ball_variance(2, 0.9), "heavy ball, beta 0.9");
}

/* Linear gradients and the same noise: the mean of the models takes the same path whatever
 * travels, as long as mixing keeps the mean. */
static void
the_mean_model_follows_minibatch_sgd_whatever_the_strategy(void **unused)
{
    (void)unused;
    const char *others[] = {
        "strategy: local, tau: 1",
        "strategy: local, tau: 3",
        "strategy: local, tau: 12",
        "strategy: local, tau: 20", /* ends inside a round */
        "strategy: local, outer: none",
        "strategy: local, tau: 12, outer: {name: slowmo, alpha: 1, beta: 0}",
        "strategy: sgp",
        "strategy: {name: sgp, peers: 2}",
        "strategy: {name: sgp, topology: ring}",
        "strategy: {name: sgp, topology: complete}",
        "strategy: {name: sgp, topology: bipartite}",
        "strategy: {name: sgp, topology: torus}",
        "strategy: osgp",
        "strategy: dpsgd",
        "strategy: {name: dpsgd, topology: torus}",
        "strategy: {name: dpsgd, topology: bipartite}",
        "strategy: sgp, tau: 7, outer: average",
        "strategy: allreduce, tau: 7, outer: {name: slowmo, alpha: 1, beta: 0}",
    };
    struct training *minibatch = parabola(6, 30, 30, 1, s, "strategy: allreduce");
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct training *other = parabola(6, 30, 30, 1, s, others[i]);
        double worst = 0;
        for (size_t d = 0; d < D; d++)
            worst =
                fmax(worst, fabs((double)other->consensus[d] - (double)minibatch->consensus[d]));
        /* numbers below 2, at most 8 roundings a step, which decay with r: 1 / (1 - r) steps count;
         * and it is another path only where a rounding differs */
        if (!(worst <= 8 * 2 / (1 - r) * (double)FLT_EPSILON / 2))
            print_error("%s\n", others[i]);
        check_near(worst, 0, 8 * 2 / (1 - r) * (double)FLT_EPSILON / 2);
        free(other);
    }
    free(minibatch);
}

static void
local_sgd_settles_at_the_variance_of_minibatch_sgd(void **unused)
{
    (void)unused;
    expect_mean(parabola(8, 264, 24, 0, s, "strategy: local, tau: 12"), square_of, 72, D,
                sgd_variance(8), "local sgd, 8 workers, tau 12");
}

/* After k steps of a round: (1 - 1/m) gamma^2 s^2 (1 - r^2k) / (1 - r^2), and m - 1 degrees of
 * freedom a coordinate. */
static void
local_workers_spread_inside_a_round_as_theory_says(void **unused)
{
    (void)unused;
    enum { M = 8, TAU = 12, ROUNDS = 8 };
    struct training *training = parabola(M, TAU * ROUNDS, 1, 1, s, "strategy: local, tau: 12");
    for (size_t k = 0; k < TAU; k++) {
        double spread = 0;
        for (size_t round = 0; round < ROUNDS; round++)
            spread += spread_of(&training->evaluations[round * TAU + k]) / ROUNDS;
        double expected =
            (1 - 1.0 / M) * gamma_ * gamma_ * s * s * (1 - pow(r, 2 * (double)k)) / (1 - r * r);
        if (k == 0)
            check_near(spread, 0, 0);
        else
            check_relative(spread, expected, 3 * sqrt(2.0 / (D * (M - 1) * ROUNDS)));
    }
    free(training);
}

/* x' = x + beta (x - y) - A x + alpha xi, y' = x, with Var xi = q: second moments until they stay.
 */
static double
slowmo_variance_by_iteration(double workers, double tau, double alpha, double beta)
{
    double rho = pow(r, tau), A = alpha * (1 - rho), xx = 0, xy = 0, yy = 0;
    double q = gamma_ * gamma_ * s * s / workers * (1 - rho * rho) / (1 - r * r);
    for (size_t t = 0; t < 100000; t++) { /* the slowest root is -0.9996 */
        double p = 1 + beta - A;
        double next = p * p * xx - 2 * p * beta * xy + beta * beta * yy + alpha * alpha * q;
        xy = p * xx - beta * xy;
        yy = xx;
        xx = next;
    }
    return xx;
}

static void
the_closed_form_of_slowmo_is_the_fixed_point_of_its_moments(void **unused)
{
    (void)unused;
    check_near(pow(r, 12), 0.2824295365, 1e-10);
    check_near(slowmo_variance(8, 12, 1, 0.7), 0.00218336003667, 1e-14);
    for (double beta = 0; beta < 0.95; beta += 0.3)
        for (double alpha = 0.5; alpha <= 2; alpha += 0.5)
            for (double tau = 1; tau < 100; tau *= 3)
                check_relative(slowmo_variance(8, tau, alpha, beta),
                               slowmo_variance_by_iteration(8, tau, alpha, beta), 1e-9);
    /* the identities: Local SGD, heavy ball */
    check_relative(slowmo_variance(8, 12, 1, 0), sgd_variance(8), 1e-12);
    check_relative(slowmo_variance(8, 1, 1, 0.7), heavy_ball_variance(8, 0.7), 1e-12);
}

/* Roots of modulus sqrt(beta) a round: beta^15 of a square is left after 15 rounds, 5e-3. */
static void
slowmo_over_local_sgd_settles_at_its_stationary_variance(void **unused)
{
    (void)unused;
    expect_mean(parabola(8, 12 * 90, 12 * 15, 0, s,
                         "strategy: local, tau: 12, outer: {name: slowmo, alpha: 1, beta: 0.7}"),
                square_of, 12 * 30, D, slowmo_variance(8, 12, 1, 0.7), "slowmo, tau 12, beta 0.7");
    expect_mean(parabola(4, 4 * 80, 4 * 10, 0, s,
                         "strategy: local, tau: 4, outer: {name: slowmo, alpha: 1.5, beta: 0.4}"),
                square_of, 4 * 40, D, slowmo_variance(4, 4, 1.5, 0.4),
                "slowmo, tau 4, alpha 1.5, beta 0.4");
}

/* Gossip keeps the mean, so the average of the round is that of Local SGD. */
static void
slowmo_over_sgp_has_the_variance_of_slowmo_over_local_sgd(void **unused)
{
    (void)unused;
    expect_mean(parabola(4, 4 * 80, 4 * 10, 0, s,
                         "strategy: sgp, tau: 4, outer: {name: slowmo, alpha: 1, beta: 0.6}"),
                square_of, 4 * 40, D, slowmo_variance(4, 4, 1, 0.6), "slowmo over sgp, beta 0.6");
}

/* Without noise, a learning rate of 1 and r = 1 - lambda: A = alpha (1 - r^tau) may lie on either
 * side of 2 (1 + beta), where a root crosses -1. The growth a round is the larger root's modulus,
 * known from z^2 - (1 + beta - A) z + beta = 0. */
static void
slowmo_is_stable_up_to_A_of_2_1_plus_beta(void **unused)
{
    (void)unused;
    const struct {
        double tau, alpha, beta;
    } cases[] = {{1, 1, 0}, {1, 1, 0.2}, {1, 2, 0.5}, {3, 2, 0.2}, {3, 2, 0.7}, {5, 1.5, 0.3}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int outside = 0; outside < 2; outside++) {
            enum { ROUNDS = 150, LATE = 50 };
            double tau = cases[i].tau, alpha = cases[i].alpha, beta = cases[i].beta;
            double A = 2 * (1 + beta) + (outside ? 0.1 : -0.1);
            double root = -pow(A / alpha - 1, 1 / tau); /* r = root < 0, r^tau = 1 - A / alpha */
            if (A < alpha)
                root = pow(1 - A / alpha, 1 / tau);
            struct training *training =
                train("{steps: %g, evaluate: {every: %g}, platform: {file: star_2},"
                      " timing: {profile: own},"
                      " workload: {model: quadratic, curvature: %.17g},"
                      " algorithm: {inner: {name: sgd, lr: 1, momentum: 0}, strategy: local,"
                      " tau: %g, outer: {name: slowmo, alpha: %g, beta: %g}}}",
                      tau * ROUNDS, tau, 1 - root, tau, alpha, beta);
            double complex half = (1 + beta - A) / 2, far = half - csqrt(half * half - beta);
            double growth = cabs(far);
            assert_true(outside ? growth > 1 : growth < 1);
            assert_int_equal(training->evaluation_count, ROUNDS + 1);
            double early = sqrt(training->evaluations[ROUNDS - LATE].test_loss);
            double late = sqrt(training->evaluations[ROUNDS].test_loss);
            if (cimag(far) == 0) /* one root leads; what the other adds has died out */
                check_relative(pow(late / early, 1.0 / LATE), growth, 1e-4);
            assert_true(outside ? late > early : late < early);
            free(training);
        }
}

/* One term of (1/m) sum over w != 1: what the noise puts along an eigenvector of a normal W.
 * Adapt, then combine: |w|^2 gamma^2 s^2 / (1 - |w|^2 r^2). Combine, then adapt, w real:
 * gamma^2 s^2 / (1 - (w - a)^2). */
static double
adapted_then_combined(double w)
{
    return w * w * gamma_ * gamma_ * s * s / (1 - w * w * r * r);
}

static double
combined_then_adapted(double w)
{
    return gamma_ * gamma_ * s * s / (1 - (w - a) * (w - a));
}

/* Eigenvalues: |1/2 + e^(2 pi i j / m) / 2| with one peer, 1/3 + 2/3 cos(2 pi j / m) with two. */
static double
ring_spread(size_t m, size_t peers, double (*term)(double w))
{
    double sum = 0;
    for (size_t j = 1; j < m; j++) {
        double angle = 2 * M_PI * (double)j / (double)m;
        sum += term(peers == 1 ? cos(angle / 2) : (1 + 2 * cos(angle)) / 3);
    }
    return sum / (double)m;
}

/* 1/5 + 2/5 cos(2 pi i / side) + 2/5 cos(2 pi j / side) */
static double
torus_spread(size_t side, double (*term)(double w))
{
    double sum = 0;
    for (size_t j = 1; j < side * side; j++) {
        double across = 2 * M_PI * (double)(j % side) / (double)side;
        double along = 2 * M_PI * (double)(j / side) / (double)side;
        sum += term((1 + 2 * cos(across) + 2 * cos(along)) / 5);
    }
    return sum / (double)(side * side);
}

/* Adapt, then combine on a graph that changes: the noise of i steps ago has gone through i mixings.
 * At step k the offset is 2^(k mod q), |w_j| = |cos(pi j offset / m)|; after q steps nothing is
 * left. */
static double
exponential_spread(size_t m, size_t q, size_t steps)
{
    double sum = 0;
    for (size_t j = 1; j < m; j++) {
        double left = gamma_ * gamma_ * s * s;
        for (size_t step = steps; step-- > steps - q;) {
            size_t offset = (size_t)1 << step % q;
            left *= pow(cos(M_PI * (double)(j * offset % m) / (double)m), 2);
            sum += left;
            left *= r * r;
        }
    }
    return sum / (double)m;
}

/* A component with w leaves (w r)^2k of a square after k steps: at most .85^(2 12) for 8 ranks.
 * Each evaluation has at least D independent components of unlike size: the error is at most
 * sqrt(2 / (D E)). */
static void
gossip_keeps_the_consensus_distance_of_its_spectrum(void **unused)
{
    (void)unused;
    expect_mean(parabola(8, 200, 12, 0, s, "strategy: {name: sgp, topology: ring}"), spread_of, 60,
                D, ring_spread(8, 1, adapted_then_combined), "ring, 1 peer, 8 workers");
    expect_mean(parabola(5, 200, 12, 0, s, "strategy: {name: sgp, topology: ring, peers: 2}"),
                spread_of, 60, D, ring_spread(5, 2, adapted_then_combined),
                "ring, 2 peers, 5 workers");
    expect_mean(parabola(9, 200, 12, 0, s, "strategy: {name: sgp, topology: torus}"), spread_of, 60,
                D, torus_spread(3, adapted_then_combined), "torus, 9 workers");
    expect_mean(parabola(5, 200, 12, 0, s, "strategy: {name: osgp, topology: ring, peers: 2}"),
                spread_of, 60, D, ring_spread(5, 2, combined_then_adapted),
                "osgp, ring, 2 peers, 5 workers");
    expect_mean(parabola(8, 200, 12, 0, s, "strategy: {name: dpsgd, topology: ring}"), spread_of,
                60, D, ring_spread(8, 2, combined_then_adapted), "dpsgd, ring, 8 workers");
    expect_mean(parabola(9, 200, 12, 0, s, "strategy: {name: dpsgd, topology: torus}"), spread_of,
                60, D, torus_spread(3, combined_then_adapted), "dpsgd, torus, 9 workers");
    for (size_t phase = 0; phase < 3; phase++)
        expect_mean(parabola(8, 60 + phase, 60 + phase, 0, s, "strategy: sgp"), spread_of, 60, D,
                    exponential_spread(8, 3, 60 + phase), "exponential, 8 workers");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sgd_without_noise_decays_as_r_to_the_k),
        cmocka_unit_test(sgd_with_noise_has_the_mean_and_variance_of_every_step),
        cmocka_unit_test(sgd_settles_at_its_stationary_variance),
        cmocka_unit_test(heavy_ball_settles_at_its_stationary_variance),
        cmocka_unit_test(the_mean_model_follows_minibatch_sgd_whatever_the_strategy),
        cmocka_unit_test(local_sgd_settles_at_the_variance_of_minibatch_sgd),
        cmocka_unit_test(local_workers_spread_inside_a_round_as_theory_says),
        cmocka_unit_test(the_closed_form_of_slowmo_is_the_fixed_point_of_its_moments),
        cmocka_unit_test(slowmo_over_local_sgd_settles_at_its_stationary_variance),
        cmocka_unit_test(slowmo_over_sgp_has_the_variance_of_slowmo_over_local_sgd),
        cmocka_unit_test(slowmo_is_stable_up_to_A_of_2_1_plus_beta),
        cmocka_unit_test(gossip_keeps_the_consensus_distance_of_its_spectrum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
