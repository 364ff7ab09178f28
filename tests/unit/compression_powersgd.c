/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/compression_powersgd.c -- PowerSGD against the paper's algorithm written out in
 * double, and what follows from it: low ranks come through whole, nothing is lost for good.
 */
#include "tests/helpers/check.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "sim/base/rng.h"
#include "tests/helpers/arena.h"
#include "tests/helpers/codecs.h"

enum { RANK = 2, RANKS = 3, ROUNDS = 8, MOST = 40 };

/* Panels with a rest, a vector, rows one after another with a rest, one too small for factors of
 * rank 2, fewer rows than a panel. */
static const struct sm_matrix layers[] = {
    {.offset = 0, .rows = 20, .columns = 33, .panel = 16},
    {.offset = 660, .rows = 20, .columns = 1, .panel = 1},
    {.offset = 680, .rows = 37, .columns = 24, .panel = 1},
    {.offset = 1568, .rows = 3, .columns = 5, .panel = 1},
    {.offset = 1583, .rows = 10, .columns = 40, .panel = 16},
};
enum { LAYERS = 5, N = 1983 };

static bool
has_factors(const struct sm_matrix *m, size_t rank)
{
    return rank * (m->rows + m->columns) < m->rows * m->columns;
}

/* The mean's side of the algorithm: P, Q and what is left depend on the ranks' mean alone. */
struct twin {
    double q[LAYERS][MOST][RANK], left[N];
};

static void
twin_init(struct twin *twin, uint64_t seed)
{
    struct sm_rng *rng = sm_rng_create(&arena, seed, SM_RNG_COMPRESSION, 0);
    *twin = (struct twin){0};
    for (size_t i = 0; i < LAYERS; i++)
        for (size_t j = 0; j < RANK && has_factors(&layers[i], RANK); j++)
            for (size_t c = 0; c < layers[i].columns; c++)
                twin->q[i][c][j] = (double)(float)sm_rng_normal(rng, 1);
}

/* P = M Q, orthonormal; Q = M^T P; result = P Q^T. */
static void
twin_layer(const struct sm_matrix *m, double q[MOST][RANK], const double *mean, double *result)
{
    double p[MOST][RANK] = {{0}};
    for (size_t r = 0; r < m->rows; r++)
        for (size_t c = 0; c < m->columns; c++)
            for (size_t j = 0; j < RANK; j++)
                p[r][j] += mean[sm_matrix_place(m, r, c)] * q[c][j];
    for (size_t j = 0; j < RANK; j++) {
        double length = 0;
        for (size_t other = 0; other < j; other++) {
            double along = 0;
            for (size_t r = 0; r < m->rows; r++)
                along += p[r][other] * p[r][j];
            for (size_t r = 0; r < m->rows; r++)
                p[r][j] -= along * p[r][other];
        }
        for (size_t r = 0; r < m->rows; r++)
            length += p[r][j] * p[r][j];
        for (size_t r = 0; r < m->rows; r++)
            p[r][j] /= sqrt(length);
    }
    memset(q, 0, MOST * sizeof *q);
    for (size_t c = 0; c < m->columns; c++)
        for (size_t j = 0; j < RANK; j++)
            for (size_t r = 0; r < m->rows; r++)
                q[c][j] += mean[sm_matrix_place(m, r, c)] * p[r][j];
    for (size_t r = 0; r < m->rows; r++)
        for (size_t c = 0; c < m->columns; c++) {
            double sum = 0;
            for (size_t j = 0; j < RANK; j++)
                sum += p[r][j] * q[c][j];
            result[sm_matrix_place(m, r, c)] = sum;
        }
}

/* result (N) = what the mean (N) becomes in this round. */
static void
twin_round(struct twin *twin, const double *mean, double *result)
{
    double whole[N];
    for (size_t i = 0; i < N; i++)
        result[i] = whole[i] = mean[i] + twin->left[i];
    for (size_t i = 0; i < LAYERS; i++)
        if (has_factors(&layers[i], RANK))
            twin_layer(&layers[i], twin->q[i], whole, result);
    for (size_t i = 0; i < N; i++)
        twin->left[i] = whole[i] - result[i];
}

/* (ROUNDS, RANKS, N): a part that all share, and each rank's own. */
static float *
gradients(uint64_t seed)
{
    struct sm_rng *rng = sm_rng_create(&arena, seed, SM_RNG_TEST, 0);
    float *x = sm_arena_alloc(&arena, ROUNDS * RANKS * N, sizeof *x);
    for (size_t k = 0; k < ROUNDS; k++)
        for (size_t i = 0; i < N; i++) {
            const double shared = sm_rng_normal(rng, 1);
            for (size_t r = 0; r < RANKS; r++)
                x[(k * RANKS + r) * N + i] = (float)(shared + sm_rng_normal(rng, 0.5));
        }
    return x;
}

static void
mean_of(const float *ranks, double *mean)
{
    for (size_t i = 0; i < N; i++) {
        mean[i] = 0;
        for (size_t r = 0; r < RANKS; r++)
            mean[i] += (double)ranks[r * N + i];
        mean[i] /= RANKS;
    }
}

static struct session
session_of(const char *yaml, const float *inputs)
{
    return (struct session){.yaml = yaml,
                            .n = N,
                            .ranks = RANKS,
                            .rounds = ROUNDS,
                            .matrices = layers,
                            .matrix_count = LAYERS,
                            .inputs = inputs};
}

static void
each_round_is_the_papers_in_double(void **unused)
{
    (void)unused;
    const float *inputs = gradients(1);
    const struct session session = session_of("{name: powersgd, rank: 2}", inputs);
    const float *out = session_run(&arena, &session, NULL);
    struct twin twin;
    double mean[N], expected[N], largest = 0;
    twin_init(&twin, 0); /* the seed of machine_run */
    for (size_t k = 0; k < ROUNDS; k++) {
        mean_of(inputs + k * RANKS * N, mean);
        twin_round(&twin, mean, expected);
        for (size_t i = 0; i < N; i++) {
            /* sums of 40 floats below 16, twice, through a basis of condition below 10 */
            check_near(out[k * RANKS * N + i], expected[i], 1e-4);
            largest = fmax(largest, fabs(twin.left[i]));
        }
    }
    assert_true(largest > 1); /* much is left behind on the way */
}

static void
what_came_back_and_what_is_left_are_the_mean_of_the_inputs(void **unused)
{
    (void)unused;
    const float *inputs = gradients(2);
    const struct session session = session_of("{name: powersgd, rank: 2}", inputs);
    const float *out = session_run(&arena, &session, NULL);
    const float *left = out + ROUNDS * RANKS * N;
    double in[N] = {0}, back[N] = {0}, mean[N];
    for (size_t k = 0; k < ROUNDS; k++) {
        const size_t at = k * RANKS * N;
        mean_of(inputs + at, mean);
        for (size_t i = 0; i < N; i++) {
            in[i] += mean[i];
            back[i] += (double)out[at + i];
        }
        mean_of(left + at, mean);
        for (size_t i = 0; i < N; i++)
            check_near(back[i] + mean[i], in[i], 1e-5);
        for (size_t r = 0; r < RANKS; r++)
            for (size_t i = 0; i < N; i++) {
                const size_t j = at + r * N + i;
                const float before = k > 0 ? left[j - RANKS * N] : 0;
                const bool plain = (i >= 660 && i < 680) || (i >= 1568 && i < 1583);
                if (plain) /* nothing to make up for */
                    check_near(left[j], 0, 0);
                else
                    check_near(left[j], (inputs[j] + before) - out[j], 0);
            }
    }
}

static void
vectors_and_layers_that_factors_would_not_shrink_are_averaged_as_they_are(void **unused)
{
    (void)unused;
    const float *inputs = gradients(3);
    double mean[N];
    /* rank 10 is all of the last layer: 10 (10 + 40) > 400; the others' factors are no smaller */
    const char *cases[] = {"{name: powersgd, rank: 2}", "{name: powersgd, rank: 20}"};
    for (size_t c = 0; c < 2; c++) {
        const struct session session = session_of(cases[c], inputs);
        const float *out = session_run(&arena, &session, NULL);
        for (size_t k = 0; k < ROUNDS; k++) {
            mean_of(inputs + k * RANKS * N, mean);
            for (size_t i = 0; i < N; i++)
                if (c == 1 || (i >= 660 && i < 680) || (i >= 1568 && i < 1583))
                    check_near(out[k * RANKS * N + i], (double)(float)mean[i], 0);
        }
    }
}

/* The layers' part of rank r's gradient = U V^T with U the same on all ranks, so that the mean is
 * of that rank too. */
static void
low_rank(float *x, size_t rank, uint64_t seed)
{
    struct sm_rng *shared = sm_rng_create(&arena, seed, SM_RNG_TEST, 0);
    for (size_t l = 0; l < LAYERS; l++) {
        const struct sm_matrix *m = &layers[l];
        double u[MOST][4];
        for (size_t i = 0; i < m->rows; i++)
            for (size_t j = 0; j < 4; j++)
                u[i][j] = sm_rng_normal(shared, 1);
        for (size_t r = 0; r < RANKS; r++)
            for (size_t c = 0; c < m->columns; c++) {
                double v[4];
                for (size_t j = 0; j < 4; j++)
                    v[j] = sm_rng_normal(shared, 1);
                for (size_t i = 0; i < m->rows; i++) {
                    double sum = 0;
                    for (size_t j = 0; j < rank; j++)
                        sum += u[i][j] * v[j];
                    x[r * N + sm_matrix_place(m, i, c)] = (float)sum;
                }
            }
    }
}

static void
gradients_of_low_rank_come_through_whole_also_after_poorer_ones(void **unused)
{
    (void)unused;
    /* rank 0 is no gradient at all; where the rank is below 4, columns of P depend on others */
    const size_t ranks[ROUNDS] = {0, 2, 4, 1, 0, 4, 3, 4};
    float *inputs = sm_arena_zalloc(&arena, ROUNDS * RANKS * N, sizeof *inputs);
    double mean[N];
    for (size_t k = 0; k < ROUNDS; k++)
        low_rank(inputs + k * RANKS * N, ranks[k], k);
    const struct session session = session_of("{name: powersgd, rank: 4}", inputs);
    const float *out = session_run(&arena, &session, NULL);
    for (size_t k = 0; k < ROUNDS; k++) {
        mean_of(inputs + k * RANKS * N, mean);
        for (size_t i = 0; i < N; i++)
            check_near(out[k * RANKS * N + i], mean[i], 2e-3); /* of numbers around 2 */
    }
}

static void
repeated_rounds_on_one_gradient_find_its_best_approximation(void **unused)
{
    (void)unused;
    enum { SIZE = 30, MANY = 40 };
    /* singular values 4, 2, 1 along known directions: rank 2 leaves the last */
    const struct sm_matrix matrix = {.rows = SIZE, .columns = SIZE, .panel = 16};
    const double values[] = {4, 2, 1};
    float *inputs = sm_arena_zalloc(&arena, MANY * SIZE * SIZE, sizeof *inputs);
    for (size_t k = 0; k < MANY; k++)
        for (size_t i = 0; i < 3; i++)
            inputs[k * SIZE * SIZE + sm_matrix_place(&matrix, 7 * i + 2, 25 - 11 * i)] =
                (float)values[i];
    const struct session session = {.yaml = "{name: powersgd, rank: 2, feedback: no}",
                                    .n = SIZE * SIZE,
                                    .ranks = 1,
                                    .rounds = MANY,
                                    .matrices = &matrix,
                                    .matrix_count = 1,
                                    .inputs = inputs};
    const float *last = session_run(&arena, &session, NULL) + (MANY - 1) * SIZE * SIZE;
    for (size_t i = 0; i < SIZE * SIZE; i++) {
        const bool third = i == sm_matrix_place(&matrix, 16, 3);
        check_near(last[i], third ? 0 : inputs[i], 1e-5);
    }
    assert_true(fabsf(session_run(&arena, &session, NULL)[sm_matrix_place(&matrix, 16, 3)]) >
                1e-3f);
}

static void
both_all_reduces_weigh_their_floats(void **unused)
{
    (void)unused;
    const float *inputs = gradients(4);
    struct machine_report report;
    const struct session session = session_of("{name: powersgd, rank: 2}", inputs);
    session_run(&arena, &session, &report);
    /* P: 2 (20 + 37 + 10); plain: 20 + 15; Q: 2 (33 + 24 + 40) */
    const double floats = 134 + 35 + 194;
    for (size_t r = 0; r < RANKS; r++)
        check_relative(report.ledgers[r].bytes_sent, ROUNDS * 2 * (2.0 / 3) * 4 * floats, 1e-12);
    struct session plain = session_of("{name: powersgd, rank: 20}", inputs);
    session_run(&arena, &plain, &report);
    check_relative(report.ledgers[0].bytes_sent, ROUNDS * 2 * (2.0 / 3) * 4 * N, 1e-12);
    plain.matrix_count = 0; /* a part of a model knows no layers */
    plain.yaml = "{name: powersgd, rank: 2}";
    session_run(&arena, &plain, &report);
    check_relative(report.ledgers[0].bytes_sent, ROUNDS * 2 * (2.0 / 3) * 4 * N, 1e-12);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_round_is_the_papers_in_double),
        cmocka_unit_test(what_came_back_and_what_is_left_are_the_mean_of_the_inputs),
        cmocka_unit_test(vectors_and_layers_that_factors_would_not_shrink_are_averaged_as_they_are),
        cmocka_unit_test(gradients_of_low_rank_come_through_whole_also_after_poorer_ones),
        cmocka_unit_test(repeated_rounds_on_one_gradient_find_its_best_approximation),
        cmocka_unit_test(both_all_reduces_weigh_their_floats),
    };
    return cmocka_run_group_tests(tests, NULL, arena_teardown);
}
