/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/helpers/rounds.c -- see rounds.h. */
#include "tests/helpers/rounds.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "algorithms/inner/inner.h"
#include "algorithms/outer/outer.h"
#include "sim/base/rng.h"
#include "tests/helpers/check.h"
#include "tests/helpers/training.h"

enum { MOST_WORKERS = 64 };

struct worker {
    void *inner, *outer; /* states */
    struct sm_rng *noise;
    float *x, *g; /* (replicas) */
    double center;
};

struct cohort {
    const struct rounds *rounds;
    const struct sm_inner *sgd;
    const struct sm_outer *slowmo;
    struct worker workers[MOST_WORKERS];
    double *mean, *gradient; /* (replicas) mean model; mean of the workers' gradients */
    double *square, *bias;   /* (replicas) sums over the steps                        */
    struct sm_arena arena;
};

static void *
vector(struct cohort *c, size_t size)
{
    void *x = sm_arena_zalloc(&c->arena, c->rounds->replicas, size);
    assert_non_null(x);
    return x;
}

static void
prepare(struct cohort *c)
{
    const struct rounds *r = c->rounds;
    const size_t n = r->replicas;
    char slowmo[120];
    snprintf(slowmo, sizeof slowmo, "{name: slowmo, alpha: %.9g, beta: %.9g}", r->alpha, r->beta);
    assert_in_range(r->workers, 1, MOST_WORKERS);
    c->mean = vector(c, sizeof(double));
    c->gradient = vector(c, sizeof(double));
    c->square = vector(c, sizeof(double));
    c->bias = vector(c, sizeof(double));
    for (size_t i = 0; i < r->workers; i++) {
        struct worker *w = &c->workers[i];
        w->center = r->centers != NULL ? r->centers[i] : 0;
        w->x = vector(c, sizeof(float));
        w->g = vector(c, sizeof(float));
        for (size_t d = 0; d < n; d++)
            w->x[d] = (float)r->start;
        const struct sm_setup *setup = plugin_setup(&c->arena, n, w->x, NULL);
        c->sgd = (const struct sm_inner *)plugin_state(&c->arena, &sm_axis_inner,
                                                       "{name: sgd, momentum: 0}", &w->inner);
        c->slowmo =
            (const struct sm_outer *)plugin_state(&c->arena, &sm_axis_outer, slowmo, &w->outer);
        w->noise = sm_rng_create(&c->arena, 1, SM_RNG_TEST, i);
        assert_non_null(w->noise);
        check_ok(c->sgd->init(w->inner, setup));
        check_ok(c->slowmo->init(w->outer, setup));
    }
}

static void
find_mean(struct cohort *c)
{
    const struct rounds *r = c->rounds;
    memset(c->mean, 0, r->replicas * sizeof *c->mean);
    for (size_t i = 0; i < r->workers; i++)
        for (size_t d = 0; d < r->replicas; d++)
            c->mean[d] += (double)c->workers[i].x[d] / (double)r->workers;
}

/* f' at the mean model. */
static double
slope_at_mean(const struct cohort *c, size_t d)
{
    const struct rounds *r = c->rounds;
    double sum = 0;
    if (r->centers == NULL)
        return r->slope(c->mean[d]);
    for (size_t i = 0; i < r->workers; i++)
        sum += r->slope(c->mean[d] - r->centers[i]) / (double)r->workers;
    return sum;
}

static void
inner_step(struct cohort *c)
{
    const struct rounds *r = c->rounds;
    find_mean(c);
    memset(c->gradient, 0, r->replicas * sizeof *c->gradient);
    for (size_t i = 0; i < r->workers; i++) {
        struct worker *w = &c->workers[i];
        for (size_t d = 0; d < r->replicas; d++) {
            double slope = r->slope((double)w->x[d] - w->center);
            c->gradient[d] += slope / (double)r->workers;
            w->g[d] = (float)(slope + (r->noise > 0 ? sm_rng_normal(w->noise, r->noise) : 0));
        }
        check_ok(c->sgd->step(w->inner, r->replicas, (float)r->gamma, w->g, w->x));
    }
    for (size_t d = 0; d < r->replicas; d++) {
        double slope = slope_at_mean(c, d);
        c->square[d] += slope * slope;
        c->bias[d] += (slope - c->gradient[d]) * (slope - c->gradient[d]);
    }
}

static void
outer_step(struct cohort *c)
{
    const struct rounds *r = c->rounds;
    find_mean(c);
    for (size_t i = 0; i < r->workers; i++) {
        struct worker *w = &c->workers[i];
        for (size_t d = 0; d < r->replicas; d++)
            w->x[d] = (float)c->mean[d];
        check_ok(c->slowmo->step(w->outer, r->replicas, (float)r->gamma, w->x));
    }
}

struct rounds_report
rounds_run(const struct rounds *rounds)
{
    struct cohort c = {.rounds = rounds};
    const double n = (double)rounds->replicas, steps = (double)(rounds->tau * rounds->count);
    struct rounds_report report = {0};
    double squares = 0;
    prepare(&c);
    for (size_t t = 0; t < rounds->count; t++) {
        for (size_t k = 0; k < rounds->tau; k++)
            inner_step(&c);
        outer_step(&c);
    }
    for (size_t d = 0; d < rounds->replicas; d++) {
        report.square += c.square[d] / steps / n;
        report.bias += c.bias[d] / steps / n;
    }
    for (size_t d = 0; d < rounds->replicas; d++)
        squares += pow(c.square[d] / steps - report.square, 2);
    report.square_error = n > 1 ? sqrt(squares / (n - 1) / n) : 0;
    sm_arena_fini(&c.arena);
    return report;
}

/* The mean model takes x to r^k x + noise of variance gamma^2 s^2 / m (1 - r^2k) / (1 - r^2) in k
 * steps. p = x_t - x_{t-1}: p' = beta p - A x + alpha noise, x' = x + p'; A = alpha (1 - r^tau). */
double
rounds_square_on_parabola(const struct rounds *rounds, double curvature)
{
    const double m = (double)rounds->workers, alpha = rounds->alpha, beta = rounds->beta;
    const double fresh = pow(rounds->gamma * rounds->noise, 2) / m; /* variance of one step */
    const double r2 = pow(1 - rounds->gamma * curvature, 2);
    double left = 1, noise = 0, lefts = 0, noises = 0; /* of a square after k steps, and sums */
    for (size_t k = 0; k < rounds->tau; k++) {
        lefts += left;
        noises += noise;
        left *= r2;
        noise = noise * r2 + fresh;
    }
    const double A = alpha * (1 - pow(1 - rounds->gamma * curvature, (double)rounds->tau));
    double xx = pow(rounds->start, 2), xp = 0, pp = 0, sum = 0;
    for (size_t t = 0; t < rounds->count; t++) {
        sum += lefts * xx + noises;
        double kick = beta * xp - A * xx;
        pp = beta * beta * pp - 2 * beta * A * xp + A * A * xx + alpha * alpha * noise;
        xx += 2 * kick + pp;
        xp = kick + pp;
    }
    return curvature * curvature * sum / (double)(rounds->tau * rounds->count);
}

double
rounds_gamma(const struct rounds *rounds)
{
    return (1 - rounds->beta) / rounds->alpha *
           sqrt((double)rounds->workers / (double)(rounds->tau * rounds->count));
}
