/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/property/speed_up.c -- m times the workers, m times fewer steps.
 *
 * With z = alpha gamma / (1 - beta) = sqrt(m / K), K = tau T steps, the mean of f'(x)^2 over a run
 * is about (f(x_0) - inf f + s^2 L / 2) / sqrt(m K): half of the first term of Theorem 1 (see
 * theorem_1.c), as long as z L is small, that is at the bottom of a smooth f after many steps. The
 * number of steps after which it is epsilon is then in proportion to 1 / m. In what follows the
 * noise dominates: s^2 L / 2 is more than ten times f(x_0) - inf f.
 */
#include "tests/helpers/check.h"

#include <math.h>
#include <stdlib.h>

#include "tests/helpers/rounds.h"
#include "tests/helpers/training.h"

enum { SIZES = 5 }; /* 1, 2, 4, 8, 16 workers */

/* The line through (log2 m, log2 K): how many halvings of K a doubling of m brings. */
static double
slope_of(const double log2_steps[SIZES])
{
    double above = 0, below = 0;
    for (int i = 0; i < SIZES; i++) {
        above += (i - 2) * log2_steps[i];
        below += (i - 2) * (i - 2);
    }
    return above / below;
}

static struct rounds
setting(int i, double beta)
{
    return (struct rounds){
        .workers = (size_t)1 << i, .tau = 4, .alpha = 1, .beta = beta, .noise = 0.5, .start = 0.15};
}

/* About so many steps, whole rounds; gamma goes with them. */
static void
set_steps(struct rounds *r, double steps)
{
    r->count = (size_t)fmax(round(steps / (double)r->tau), 1);
    r->gamma = rounds_gamma(r);
}

/* Exactly enough on f = curvature x^2 / 2, to 1e-4, by bisection. */
static double
steps_on_parabola(struct rounds *r, double curvature, double epsilon)
{
    double few = 64, many = 128;
    for (set_steps(r, many); rounds_square_on_parabola(r, curvature) > epsilon; few = many / 2)
        set_steps(r, many *= 2);
    while (many / few > 1.0001 && many - few > (double)r->tau) {
        double middle = (few + many) / 2;
        set_steps(r, middle);
        if (rounds_square_on_parabola(r, curvature) > epsilon)
            few = middle;
        else
            many = middle;
    }
    set_steps(r, many);
    return many;
}

/* What the proportion leaves out is of relative size z L, in proportion to epsilon. */
static void
doubling_the_workers_halves_the_steps_exactly_in_the_limit(void **unused)
{
    (void)unused;
    double distance = 1;
    for (double epsilon = 6e-4; epsilon > 3e-5; epsilon /= 4) {
        double log2_steps[SIZES], before = distance;
        for (int i = 0; i < SIZES; i++) {
            struct rounds r = setting(i, 0.5);
            log2_steps[i] = log2(steps_on_parabola(&r, 0.5, epsilon));
        }
        distance = fabs(slope_of(log2_steps) + 1);
        print_message("  epsilon %.5f: %.0f to %.0f steps, slope %.4f\n", epsilon,
                      exp2(log2_steps[0]), exp2(log2_steps[SIZES - 1]), slope_of(log2_steps));
        assert_true(distance < 0.35 * before);
    }
    check_near(distance, 0, 0.01);
}

static const double depth = 0.04;

/* f = depth x^2 / (1 + x^2), not convex beyond 1 / sqrt(3); L = 2 depth. */
static double
valley_slope(double x)
{
    return depth * 2 * x / ((1 + x * x) * (1 + x * x));
}

/* A run of nearly the right length, and what is missing by 1 / sqrt(m K): log K has twice the
 * relative error of the mean. z L is 0.01 with 16 workers: 2 % of K, 0.01 of the slope, on top of
 * three standard errors. */
static void
doubling_the_workers_halves_the_steps_of_the_plug_ins(void **unused)
{
    (void)unused;
    const double epsilon = 7.3e-5, betas[] = {0, 0.5};
    for (int b = 0; b < 2; b++) {
        double log2_steps[SIZES], variance = 0;
        for (int i = 0; i < SIZES; i++) {
            struct rounds r = setting(i, betas[b]);
            r.slope = valley_slope;
            r.replicas = 800;
            set_steps(&r, 16384.0 / (double)r.workers);
            struct rounds_report report = rounds_run(&r);
            double steps = (double)(r.tau * r.count) * pow(report.square / epsilon, 2);
            double error = 2 * report.square_error / report.square;
            print_message("  beta %.1f, %2zu workers: %6.0f steps +- %.1f %%\n", r.beta, r.workers,
                          steps, 100 * error);
            log2_steps[i] = log2(steps);
            variance += pow((i - 2) * error / log(2) / 10, 2); /* 10 = sum (i - 2)^2 */
        }
        print_message("  slope %.4f +- %.4f\n", slope_of(log2_steps), sqrt(variance));
        assert_true(sqrt(variance) < 0.02);
        check_near(slope_of(log2_steps), -1, 3 * sqrt(variance) + 0.01);
    }
}

/* The mean over the run of f'^2 at the mean model, by the trapezoidal rule. */
static double
square_of_training(const struct training *training, double curvature, double dimension)
{
    double sum = 0;
    for (size_t i = 0; i + 1 < training->evaluation_count; i++) {
        const struct sm_evaluation *e = &training->evaluations[i];
        sum += (double)(e[1].step - e[0].step) * (e[0].test_loss + e[1].test_loss) / 2;
    }
    return sum / (double)training_last(training)->step * 2 * curvature / dimension;
}

/* f = curvature x^2 / 2: f'^2 = 2 curvature f. A coordinate forgets x^2 after 1 / (curvature z)
 * steps, so that a run has D curvature sqrt(m K) / 2 independent ones. An odd number of steps
 * between evaluations meets every step of a round. */
static void
whole_runs_with_m_workers_come_as_far_in_an_mth_of_the_steps(void **unused)
{
    (void)unused;
    enum { D = 1000 };
    const double curvature = 0.08, epsilon = 7.5e-5;
    for (int i = 0; i < SIZES; i++) {
        struct rounds r = setting(i, 0.5);
        double steps = steps_on_parabola(&r, curvature, epsilon);
        size_t every = (size_t)(steps / 250) / 2 * 2 + 1;
        struct training *training =
            train("{steps: %zu, evaluate: {every: %zu}, platform: {file: star_%zu},"
                  " timing: {profile: own},"
                  " workload: {model: quadratic, dimension: %d, curvature: %.17g, noise: 0.5,"
                  " start: 0.15},"
                  " algorithm: {inner: {name: sgd, lr: %.9g, momentum: 0}, strategy: local, tau: 4,"
                  " outer: {name: slowmo, alpha: 1, beta: 0.5}}}",
                  r.tau * r.count, every, r.workers, (int)D, curvature, r.gamma);
        double square = square_of_training(training, curvature, D);
        double error = sqrt(4 / (D * curvature * sqrt(steps * (double)r.workers)));
        print_message("  %2zu workers, %5zu steps: %.3e, theory %.3e: %+.2f standard errors\n",
                      r.workers, r.tau * r.count, square, epsilon, (square / epsilon - 1) / error);
        check_relative(square, epsilon, 3 * error);
        free(training);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(doubling_the_workers_halves_the_steps_exactly_in_the_limit),
        cmocka_unit_test(doubling_the_workers_halves_the_steps_of_the_plug_ins),
        cmocka_unit_test(whole_runs_with_m_workers_come_as_far_in_an_mth_of_the_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
