/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/helpers/rounds.h -- Local SGD with slow momentum on a function of one number.
 *
 * The plug-ins sgd and slowmo, one of each a worker, driven without an engine: what theory says of
 * them is measured on as many independent replicas as it takes, at little cost. A replica is a
 * coordinate: the function of n coordinates is a sum of n functions of one.
 */
#ifndef SM_TESTS_HELPERS_ROUNDS_H
#define SM_TESTS_HELPERS_ROUNDS_H

#include <stddef.h>

struct rounds {
    size_t workers, tau, count; /* inner steps a round; rounds                        */
    double alpha, beta, gamma;  /* of slowmo; learning rate of sgd without momentum    */
    double (*slope)(double x);  /* worker i has f_i'(x) = slope(x - centers[i])       */
    const double *centers;      /* (workers) NULL: zeros                              */
    double noise;               /* standard deviation of a gradient, each worker its own */
    double start;               /* every worker's first model                         */
    size_t replicas;
};

/* Means over the steps, before each, and the replicas; f is the mean of all f_i. */
struct rounds_report {
    double square, square_error; /* of f'(mean model)^2, and its standard error        */
    double bias;                 /* of (f'(mean model) - mean of f_i'(model i))^2      */
};

struct rounds_report rounds_run(const struct rounds *rounds);

/* The expectation of `square` for slope(x) = curvature x and no centers, from the recursion of the
 * second moments; `slope` and `replicas` do not matter. */
double rounds_square_on_parabola(const struct rounds *rounds, double curvature);

/* The learning rate with alpha gamma / (1 - beta) = sqrt(m / (tau T)). */
double rounds_gamma(const struct rounds *rounds);

#endif
