/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/property/spectral.c -- without gradients gossip forgets at the rate of its spectrum.
 *
 * x <- W x on every coordinate: what is left of the distance from the mean falls by |w_2| a step,
 * the second largest modulus of an eigenvalue of W (its square falls by |w_2|^2). Here W is written
 * down from the papers, entry by entry; its eigenvalues are GSL's, and where there is a closed form
 * that one. The strategies run on the thread engine, from a random model on each rank.
 */
#include "tests/helpers/check.h"

#include <gsl/gsl_eigen.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "algorithms/strategy/strategy.h"
#include "sim/base/rng.h"
#include "tests/helpers/machine.h"
#include "tests/helpers/training.h"

enum { MOST_RANKS = 16, MOST_STEPS = 512, N = 8 };

/* W_ij at a step: what rank i takes of rank j's model, among m ranks. */
typedef double weight_function(size_t m, size_t step, size_t i, size_t j);

static size_t
ahead_of(size_t m, size_t i, size_t j)
{
    return (i + m - j) % m;
}

/* Assran et al. (2019): a share for oneself, one for each receiver. */
static double
directed_ring(size_t m, size_t step, size_t i, size_t j)
{
    (void)step;
    return ahead_of(m, i, j) <= 1 ? 0.5 : 0;
}

static double
ring(size_t m, size_t step, size_t i, size_t j)
{
    (void)step;
    return ahead_of(m, i, j) <= 1 || ahead_of(m, j, i) <= 1 ? 1.0 / 3 : 0;
}

/* Four columns: neighbours in the row, or in the column. */
static double
torus_of_4_columns(size_t m, size_t step, size_t i, size_t j)
{
    (void)step;
    size_t across = ahead_of(4, i % 4, j % 4), along = ahead_of(m / 4, i / 4, j / 4);
    bool beside = across == 1 || across == 3, above = along == 1 || along == m / 4 - 1;
    bool near = i == j || (along == 0 && beside) || (across == 0 && above);
    return near ? 1.0 / 5 : 0;
}

static double
complete(size_t m, size_t step, size_t i, size_t j)
{
    (void)step;
    (void)i;
    (void)j;
    return 1.0 / (double)m;
}

static size_t
levels(size_t m) /* ceil(log2 m) */
{
    size_t q = 0;
    while ((size_t)1 << q < m)
        q++;
    return q;
}

static double
one_peer_exponential(size_t m, size_t step, size_t i, size_t j)
{
    size_t ahead = ahead_of(m, i, j);
    return ahead == 0 || ahead == ((size_t)1 << step % levels(m)) % m ? 0.5 : 0;
}

/* All offsets at once; m = 2^q. */
static double
static_exponential(size_t m, size_t step, size_t i, size_t j)
{
    (void)step;
    size_t ahead = ahead_of(m, i, j);
    bool power = (ahead & (ahead - 1)) == 0; /* or 0 */
    return power ? 1 / (double)(levels(m) + 1) : 0;
}

/* Even ranks with the rank 1, 3, 5 ... 1 + 2^e ahead of them, as long as that is below m. */
static double
bipartite(size_t m, size_t step, size_t i, size_t j)
{
    size_t count = 1;
    while (1 + ((size_t)1 << count) < m)
        count++;
    size_t e = step % count, offset = e == 0 ? 1 : 1 + ((size_t)1 << e);
    size_t even = i % 2 == 0 ? i : j, odd = i % 2 == 0 ? j : i;
    return i == j || (i % 2 != j % 2 && ahead_of(m, odd, even) == offset) ? 0.5 : 0;
}

static size_t
degree_on_path(size_t m, size_t i)
{
    return i == 0 || i == m - 1 ? 1 : 2;
}

/* Xiao, Boyd, Lall (2005), Metropolis weights: between neighbours 1 / (1 + the larger degree), the
 * rest for oneself. */
static double
metropolis_path(size_t m, size_t step, size_t i, size_t j)
{
    (void)step;
    if (i == j)
        return degree_on_path(m, i) == 1 ? 2.0 / 3 : 1.0 / 3;
    return i + 1 == j || j + 1 == i ? 1.0 / 3 : 0;
}

static double
metropolis_star(size_t m, size_t step, size_t i, size_t j)
{
    (void)step;
    if (i == 0 || j == 0)
        return 1 / (double)m;
    return i == j ? 1 - 1 / (double)m : 0;
}

/* Columns add up to 1, rows do not: only push-sum agrees on the mean here. */
static double
push_path(size_t m, size_t step, size_t i, size_t j)
{
    (void)step;
    return i == j || i + 1 == j || j + 1 == i ? 1 / (double)(1 + degree_on_path(m, j)) : 0;
}

/* The second largest modulus of the eigenvalues of W, the product over `period` steps. */
static double
second_eigenvalue(weight_function *weight, size_t m, size_t period)
{
    gsl_matrix *W = gsl_matrix_alloc(m, m), *next = gsl_matrix_alloc(m, m);
    gsl_vector_complex *w = gsl_vector_complex_alloc(m);
    gsl_eigen_nonsymm_workspace *workspace = gsl_eigen_nonsymm_alloc(m);
    double first = 0, second = 0;
    gsl_matrix_set_identity(W);
    for (size_t step = 0; step < period; step++) {
        for (size_t i = 0; i < m; i++)
            for (size_t j = 0; j < m; j++) {
                double sum = 0;
                for (size_t k = 0; k < m; k++)
                    sum += weight(m, step, i, k) * gsl_matrix_get(W, k, j);
                gsl_matrix_set(next, i, j, sum);
            }
        gsl_matrix_memcpy(W, next);
    }
    assert_int_equal(gsl_eigen_nonsymm(W, w, workspace), 0);
    for (size_t i = 0; i < m; i++) {
        double modulus =
            hypot(GSL_REAL(gsl_vector_complex_get(w, i)), GSL_IMAG(gsl_vector_complex_get(w, i)));
        second = fmax(second, fmin(modulus, first));
        first = fmax(first, modulus);
    }
    check_near(first, 1, 1e-9);
    gsl_eigen_nonsymm_free(workspace);
    gsl_vector_complex_free(w);
    gsl_matrix_free(next);
    gsl_matrix_free(W);
    return second;
}

struct talk {
    const char *strategy;
    size_t steps;
};

/* views[k][rank]: the models after k mixings. */
struct heard {
    float views[MOST_STEPS + 1][MOST_RANKS][N];
};

static enum sm_status
mix(struct sm_comm *comm, const struct talk *talk, struct heard *heard, struct sm_arena *arena)
{
    float x[N];
    const float *view = x;
    void *state;
    struct sm_rng *rng = sm_rng_create(arena, 1, SM_RNG_TEST, comm->rank);
    for (size_t d = 0; d < N; d++)
        x[d] = (float)sm_rng_normal(rng, 1);
    const struct sm_strategy *strategy =
        (const struct sm_strategy *)plugin_state(arena, &sm_axis_strategy, talk->strategy, &state);
    SM_TRY(strategy->init(state, plugin_setup(arena, N, x, comm)));
    for (size_t k = 0; k <= talk->steps; k++) {
        SM_TRY(strategy->receive(state, comm));
        strategy->absorb(state, N, x, &view);
        memcpy(heard->views[k][comm->rank], view, sizeof x);
        strategy->split(state, N, 0, NULL, x);
        SM_TRY(strategy->send(state, comm));
    }
    return strategy->drain(state, comm, N, x, SM_DRAIN_END);
}

static enum sm_status
talk_program(struct sm_comm *comm, const void *in, void *out)
{
    struct sm_arena arena = {0};
    enum sm_status status = mix(comm, in, out, &arena);
    sm_arena_fini(&arena);
    return status;
}

/* Mixes `steps` times; distances[k] = root mean square distance from the mean after k. */
static void
listen(const char *strategy, size_t ranks, size_t steps, double distances[MOST_STEPS + 1])
{
    static struct heard heard;
    const struct talk talk = {strategy, steps};
    const struct machine machine = {
        .engine = &sm_engine_thread, .workers = ranks, .program = talk_program, .in = &talk};
    assert_true(ranks <= MOST_RANKS && steps <= MOST_STEPS);
    check_ok(machine_run(&machine, &heard, sizeof heard, NULL));
    for (size_t k = 0; k <= steps; k++) {
        double sum = 0;
        for (size_t d = 0; d < N; d++) {
            double mean = 0;
            for (size_t r = 0; r < ranks; r++)
                mean += (double)heard.views[k][r][d] / (double)ranks;
            for (size_t r = 0; r < ranks; r++)
                sum += pow((double)heard.views[k][r][d] - mean, 2);
        }
        distances[k] = sqrt(sum / (double)(ranks * N));
    }
}

/* What a period leaves of the distance, late, when what falls faster is gone, but while it is a
 * thousand roundings wide. */
static double
measured_rate(const char *strategy, size_t ranks, size_t period, double expected)
{
    double distances[MOST_STEPS + 1];
    size_t periods = (size_t)(log(1e-4) / log(expected)), half = periods / 2;
    listen(strategy, ranks, periods * period, distances);
    return pow(distances[periods * period] / distances[half * period],
               1 / (double)(periods - half));
}

/* Of the product of `period` steps; `known`: the closed form, 0: none. */
static void
expect_rate(const char *strategy, size_t ranks, weight_function *weight, size_t period,
            double known)
{
    double second = second_eigenvalue(weight, ranks, period);
    double rate = measured_rate(strategy, ranks, period, second);
    print_message("  %2zu ranks: %.6f, GSL %.6f: %s\n", ranks, rate, second, strategy);
    if (known > 0)
        check_relative(second, known, 1e-9);
    check_near(rate, second, 0.02 * (1 - second)); /* of the spectral gap */
}

static void
graphs_forget_by_their_second_eigenvalue(void **unused)
{
    (void)unused;
    for (size_t m = 8; m <= 16; m *= 2) {
        double angle = 2 * M_PI / (double)m;
        expect_rate("{name: sgp, topology: ring}", m, directed_ring, 1, cos(angle / 2));
        expect_rate("{name: osgp, topology: ring}", m, directed_ring, 1, cos(angle / 2));
        expect_rate("{name: sgp, topology: ring, peers: 2}", m, ring, 1, (1 + 2 * cos(angle)) / 3);
        expect_rate("{name: dpsgd, topology: ring}", m, ring, 1, (1 + 2 * cos(angle)) / 3);
    }
    expect_rate("{name: sgp, topology: torus}", 16, torus_of_4_columns, 1, 0.6);
    expect_rate("{name: osgp, topology: torus}", 16, torus_of_4_columns, 1, 0.6);
    expect_rate("{name: dpsgd, topology: torus}", 16, torus_of_4_columns, 1, 0.6);
    check_near((1 + 2 * cos(2 * M_PI / 8)) / 3, 0.804738, 5e-7);
}

/* Ranks unlike in their neighbours: on a path cos(pi / m) stands for cos(2 pi / m) of the ring of
 * 2 m that it is folded from; leaves of a star keep 1 - 1 / m of what makes them differ. */
static void
irregular_graphs_forget_by_their_second_eigenvalue(void **unused)
{
    (void)unused;
    const char *path = "edges: [0,1, 1,2, 2,3, 3,4, 4,5]", *star = "edges: [0,1, 0,2, 0,3, 0,4]";
    char text[120];
    snprintf(text, sizeof text, "{name: dpsgd, topology: edges, %s}", path);
    expect_rate(text, 6, metropolis_path, 1, (1 + 2 * cos(M_PI / 6)) / 3);
    snprintf(text, sizeof text, "{name: dpsgd, topology: edges, %s}", star);
    expect_rate(text, 5, metropolis_star, 1, 4.0 / 5);
    snprintf(text, sizeof text, "{name: sgp, topology: edges, %s}", path);
    expect_rate(text, 6, push_path, 1, 0);
}

static void
the_complete_graph_forgets_at_once(void **unused)
{
    (void)unused;
    const char *strategies[] = {"{name: sgp, topology: complete}",
                                "{name: dpsgd, topology: complete}"};
    check_near(second_eigenvalue(complete, 8, 1), 0, 1e-12);
    for (size_t i = 0; i < 2; i++) {
        double distances[MOST_STEPS + 1];
        listen(strategies[i], 8, 1, distances);
        assert_true(distances[0] > 0.5);
        check_near(distances[1], 0, 1e-6);
    }
}

/* Six ranks are three pairs, which form anew with the next pair at each step: (1 + S) / 2 on
 * three. */
static void
bipartite_pairs_forget_by_the_product_of_their_pairings(void **unused)
{
    (void)unused;
    expect_rate("{name: dpsgd, topology: bipartite}", 6, bipartite, 3, pow(cos(M_PI / 3), 3));
}

static void
one_peer_exponential_graphs_forget_after_log2_steps_and_not_before(void **unused)
{
    (void)unused;
    const char *strategies[] = {"{name: sgp, topology: exponential}",
                                "{name: osgp, topology: exponential}"};
    for (size_t i = 0; i < 2; i++) {
        for (size_t q = 2; q <= 4; q++) {
            double distances[MOST_STEPS + 1];
            listen(strategies[i], (size_t)1 << q, q, distances);
            assert_true(distances[q - 1] > 0.1);
            check_near(distances[q], 0, 1e-6);
        }
        /* m = 6: (1 + S)(1 + S^2)(1 + S^4) / 8 = (S^0 + ... + S^7) / 8, of which S^6 = 1 and S^7 =
         * S are too many: (1 + e^(2 pi i / 6)) / 8 */
        expect_rate(strategies[i], 6, one_peer_exponential, 3, cos(M_PI / 6) / 4);
    }
}

static void
the_static_exponential_graph_has_the_known_eigenvalue(void **unused)
{
    (void)unused;
    for (size_t L = 2; L <= 6; L++)
        check_near(second_eigenvalue(static_exponential, (size_t)1 << L, 1),
                   (double)(L - 1) / (double)(L + 1), 1e-9);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(graphs_forget_by_their_second_eigenvalue),
        cmocka_unit_test(irregular_graphs_forget_by_their_second_eigenvalue),
        cmocka_unit_test(the_complete_graph_forgets_at_once),
        cmocka_unit_test(bipartite_pairs_forget_by_the_product_of_their_pairings),
        cmocka_unit_test(one_peer_exponential_graphs_forget_after_log2_steps_and_not_before),
        cmocka_unit_test(the_static_exponential_graph_has_the_known_eigenvalue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
