/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/layerwise.c -- inner optimizers that treat a layer as a whole: lamb and muon by hand,
 * against their papers' formulas in double, and in whole runs.
 */
#include "tests/helpers/check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "algorithms/inner/inner.h"
#include "sim/base/rng.h"
#include "tests/helpers/arena.h"
#include "tests/helpers/training.h"

/* A wide and a tall matrix whose panels are not full, a row, a small one, vectors between them. */
static const struct sm_matrix layers[] = {
    {.offset = 0, .rows = 20, .columns = 30, .panel = 16},
    {600, 20, 1, 1},
    {620, 5, 9, 1},
    {665, 1, 7, 1},
    {672, 40, 3, 16},
    {792, 1, 1, 1},
    {793, 3, 1, 1},
    {796, 2, 2, 1},
};
enum { LAYERS = sizeof layers / sizeof *layers, N = 800, MOST = 40 * 40 };

static const struct sm_inner *
inner_of(const char *yaml, const struct sm_matrix *matrices, size_t count, size_t n, void **state)
{
    const struct sm_inner *inner =
        (const struct sm_inner *)plugin_state(&arena, &sm_axis_inner, yaml, state);
    struct sm_setup setup = *plugin_setup(&arena, n, NULL, NULL);
    setup.matrices = matrices;
    setup.matrix_count = count;
    check_ok(inner->init(*state, &setup));
    return inner;
}

/* Row-major elements of a layer of x (N). Written as panels are stored, one float after another. */
static void
rows_of(const struct sm_matrix *layer, const double *x, double *rows)
{
    const double *next = x + layer->offset;
    for (size_t first = 0; first < layer->rows; first += layer->panel)
        for (size_t c = 0; c < layer->columns; c++)
            for (size_t r = first; r < layer->rows && r < first + layer->panel; r++)
                rows[r * layer->columns + c] = *next++;
}

static void
put_rows(const struct sm_matrix *layer, const double *rows, double *x)
{
    double *next = x + layer->offset;
    for (size_t first = 0; first < layer->rows; first += layer->panel)
        for (size_t c = 0; c < layer->columns; c++)
            for (size_t r = first; r < layer->rows && r < first + layer->panel; r++)
                *next++ = rows[r * layer->columns + c];
}

static double
length_of(size_t n, const double *x)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += x[i] * x[i];
    return sqrt(sum);
}

/* Settings and state of the formulas. */
struct formula {
    double beta1, beta2, epsilon, weight_decay, momentum, vectors;
    bool nesterov;
    int iterations, t;
    double m[N], v[N];
};

static double
adam_direction(struct formula *f, size_t i, double g)
{
    f->m[i] = f->beta1 * f->m[i] + (1 - f->beta1) * g;
    f->v[i] = f->beta2 * f->v[i] + (1 - f->beta2) * g * g;
    const double m = f->m[i] / (1 - pow(f->beta1, f->t)), v = f->v[i] / (1 - pow(f->beta2, f->t));
    return m / (sqrt(v) + f->epsilon);
}

/* Algorithm 2 of You et al., a layer at a time. */
static void
lamb_formula(struct formula *f, double gamma, const double *g, double *x)
{
    f->t++;
    for (const struct sm_matrix *layer = layers; layer < layers + LAYERS; layer++) {
        const size_t size = layer->rows * layer->columns;
        double r[MOST], *y = x + layer->offset;
        for (size_t i = 0; i < size; i++)
            r[i] =
                adam_direction(f, layer->offset + i, g[layer->offset + i]) + f->weight_decay * y[i];
        const double ratio = length_of(size, y) / length_of(size, r);
        for (size_t i = 0; i < size; i++)
            y[i] -= gamma * ratio * r[i];
    }
}

/* c (n, k) = a (n, m) b (m, k) */
static void
product(double *c, const double *a, const double *b, size_t n, size_t m, size_t k)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < k; j++) {
            c[i * k + j] = 0;
            for (size_t l = 0; l < m; l++)
                c[i * k + j] += a[i * m + l] * b[l * k + j];
        }
}

/* The polynomial of Jordan et al., always with rows x rows products. */
static void
newton_schulz(double *o, size_t rows, size_t columns, int iterations)
{
    static double turned[MOST], a[MOST], ao[MOST], aao[MOST];
    const double length = length_of(rows * columns, o);
    for (size_t i = 0; i < rows * columns; i++)
        o[i] /= length;
    for (int k = 0; k < iterations; k++) {
        for (size_t i = 0; i < rows; i++)
            for (size_t j = 0; j < columns; j++)
                turned[j * rows + i] = o[i * columns + j];
        product(a, o, turned, rows, columns, rows);
        product(ao, a, o, rows, rows, columns);
        product(aao, a, ao, rows, rows, columns);
        for (size_t i = 0; i < rows * columns; i++)
            o[i] = 3.4445 * o[i] - 4.7750 * ao[i] + 2.0315 * aao[i];
    }
}

static void
muon_formula(struct formula *f, double gamma, const double *g, double *x)
{
    f->t++;
    for (const struct sm_matrix *layer = layers; layer < layers + LAYERS; layer++) {
        const size_t size = layer->rows * layer->columns;
        double d[N], o[MOST], y[MOST];
        for (size_t i = layer->offset; i < layer->offset + size; i++) {
            if (layer->columns == 1) {
                const double step = adam_direction(f, i, g[i]);
                x[i] -= gamma * f->vectors * (step + f->weight_decay * x[i]);
            } else {
                f->m[i] = f->momentum * f->m[i] + (1 - f->momentum) * g[i];
                d[i] = f->nesterov ? (1 - f->momentum) * g[i] + f->momentum * f->m[i] : f->m[i];
            }
        }
        if (layer->columns == 1)
            continue;
        rows_of(layer, d, o);
        rows_of(layer, x, y);
        newton_schulz(o, layer->rows, layer->columns, f->iterations);
        const double ratio = (double)layer->rows / (double)layer->columns;
        for (size_t i = 0; i < size; i++)
            y[i] -= gamma * (f->weight_decay * y[i] + sqrt(fmax(1, ratio)) * o[i]);
        put_rows(layer, y, x);
    }
}

/* Steps with random gradients, the state zeroed on the way, of both; they may differ by `tolerance`
 * times |x|. */
static void
expect_formula(const char *yaml, struct formula f,
               void (*formula)(struct formula *, double, const double *, double *),
               double tolerance)
{
    enum { STEPS = 7, RESET = 4 };
    void *state;
    const struct sm_inner *inner = inner_of(yaml, layers, LAYERS, N, &state);
    struct sm_rng *rng = sm_rng_create(&arena, 3, SM_RNG_TEST, 0);
    float x[N], g[N];
    double expected[N], gradient[N];
    for (size_t i = 0; i < N; i++)
        expected[i] = x[i] = (float)sm_rng_normal(rng, 1);
    for (size_t k = 0; k < STEPS; k++) {
        const double gamma = k < 5 ? 0.125 : 0.03125;
        if (k == RESET) {
            struct sm_buffer buffer;
            for (size_t i = 0; inner->buffer(state, i, &buffer); i++)
                memset(buffer.x, 0, buffer.n * sizeof *buffer.x);
            memset(f.m, 0, sizeof f.m);
            memset(f.v, 0, sizeof f.v);
            f.t = 0;
        }
        for (size_t i = 0; i < N; i++)
            gradient[i] = g[i] = (float)sm_rng_normal(rng, 0.01);
        formula(&f, gamma, gradient, expected);
        check_ok(inner->step(state, N, (float)gamma, g, x));
        for (size_t i = 0; i < N; i++)
            check_near((double)x[i], expected[i], tolerance * (1 + fabs(expected[i])));
    }
}

static void
lamb_follows_the_paper_on_every_layer_by_itself(void **unused)
{
    (void)unused;
    expect_formula("{name: lamb, beta1: 0.875, beta2: 0.75, epsilon: 0.001, weight_decay: 0}",
                   (struct formula){.beta1 = 0.875, .beta2 = 0.75, .epsilon = (double)0.001f},
                   lamb_formula, 2e-6);
    expect_formula(
        "{name: lamb, beta1: 0.875, beta2: 0.75, weight_decay: 0.125}",
        (struct formula){
            .beta1 = 0.875, .beta2 = 0.75, .epsilon = (double)1e-6f, .weight_decay = 0.125},
        lamb_formula, 2e-6);
}

/* The polynomial multiplies a rounding of 1e-7 by 3.4445^5 at most. */
static void
muon_follows_its_formula_in_panels_rows_and_vectors(void **unused)
{
    (void)unused;
    expect_formula("{name: muon, momentum: 0.75, vectors: 0.5, beta1: 0.875, beta2: 0.75,"
                   " epsilon: 0.001, weight_decay: 0.125}",
                   (struct formula){.momentum = 0.75,
                                    .vectors = 0.5,
                                    .beta1 = 0.875,
                                    .beta2 = 0.75,
                                    .epsilon = (double)0.001f,
                                    .weight_decay = 0.125,
                                    .nesterov = true,
                                    .iterations = 5},
                   muon_formula, 5e-5);
    expect_formula("{name: muon, momentum: 0.5, nesterov: no, iterations: 2, beta2: 0.75}",
                   (struct formula){.momentum = 0.5,
                                    .vectors = (double)0.015f,
                                    .beta1 = (double)0.9f,
                                    .beta2 = 0.75,
                                    .epsilon = (double)1e-10f,
                                    .iterations = 2},
                   muon_formula, 5e-5);
}

/* The first direction of every number is its sign: |x| = 5 and |r| = sqrt(2). */
static void
a_step_of_lamb_is_gamma_times_the_length_of_the_weights(void **unused)
{
    (void)unused;
    void *state;
    const struct sm_matrix both[] = {{0, 1, 2, 1}, {2, 2, 1, 1}};
    const struct sm_inner *inner =
        inner_of("{name: lamb, weight_decay: 0, epsilon: 1e-20}", both, 2, 4, &state);
    float g[] = {7, -0.5f, 100, 1e-3f}, x[] = {3, 4, 0, 0};
    check_ok(inner->step(state, 4, 0.1f * sqrtf(2), g, x));
    check_near((double)x[0], 2.5, 1e-6);
    check_near((double)x[1], 4.5, 1e-6);
    /* no weights yet, as in a new bias: Adam's step */
    check_near((double)x[2], -0.1 * sqrt(2), 1e-7);
    check_near((double)x[3], -0.1 * sqrt(2), 1e-7);
}

/* Of a gradient 9 Q with Q Q^T = 1 all singular values are alike, 1 / sqrt(rows) of its length:
 * five times the scalar polynomial. */
static void
a_step_of_muon_along_an_orthogonal_gradient_is_that_gradient_at_unit_scale(void **unused)
{
    (void)unused;
    void *state;
    const struct sm_matrix square[] = {{0, 2, 2, 1}};
    const struct sm_inner *inner = inner_of("{name: muon}", square, 1, 4, &state);
    float g[] = {9 * 0.6f, 9 * 0.8f, 9 * -0.8f, 9 * 0.6f}, x[4] = {0};
    double s = 1 / sqrt(2);
    for (int k = 0; k < 5; k++)
        s = 3.4445 * s - 4.7750 * pow(s, 3) + 2.0315 * pow(s, 5);
    assert_true(s > 0.6 && s < 1.3);
    check_ok(inner->step(state, 4, 0.5f, g, x));
    const double q[] = {0.6, 0.8, -0.8, 0.6};
    for (size_t i = 0; i < 4; i++)
        check_near((double)x[i], -0.5 * s * q[i], 1e-5);
}

static void
a_gradient_of_zero_moves_nothing_and_makes_no_nan(void **unused)
{
    (void)unused;
    const char *all[] = {"{name: lamb, weight_decay: 0}", "muon"};
    for (size_t a = 0; a < 2; a++) {
        void *state;
        const struct sm_inner *inner = inner_of(all[a], layers, LAYERS, N, &state);
        float g[N], x[N], start[N];
        for (size_t i = 0; i < N; i++)
            x[i] = start[i] = (float)i;
        for (size_t k = 0; k < 3; k++) {
            memset(g, 0, sizeof g);
            check_ok(inner->step(state, N, 0.5f, g, x));
            assert_memory_equal(x, start, sizeof x);
        }
    }
}

static void
they_list_buffers_that_are_zero_at_the_start(void **unused)
{
    (void)unused;
    const struct {
        const char *name;
        size_t count, sizes[3], counter;
    } all[] = {{"lamb", 3, {N, N, 1}, 2}, {"muon", 3, {N, 1, 20 + 1 + 3}, 1}};
    for (size_t a = 0; a < 2; a++) {
        void *state;
        struct sm_buffer buffer;
        const struct sm_inner *inner = inner_of(all[a].name, layers, LAYERS, N, &state);
        assert_true(inner->by_matrix);
        for (size_t i = 0; i < all[a].count; i++) {
            assert_true(inner->buffer(state, i, &buffer));
            assert_int_equal(buffer.n, all[a].sizes[i]);
            assert_int_equal(buffer.counter, i == all[a].counter);
            for (size_t j = 0; j < buffer.n; j++)
                check_near((double)buffer.x[j], 0, 0);
        }
        assert_false(inner->buffer(state, all[a].count, &buffer));
    }
    void *state;
    struct sm_buffer buffer;
    const struct sm_matrix square[] = {{0, 2, 2, 1}}; /* no vectors, nothing of theirs to send */
    const struct sm_inner *inner = inner_of("muon", square, 1, 4, &state);
    assert_true(inner->buffer(state, 1, &buffer));
    assert_false(inner->buffer(state, 2, &buffer));
}

static void
settings_out_of_range_are_refused(void **unused)
{
    (void)unused;
    const char *wrong[] = {"{name: lamb, lr: -1}",        "{name: lamb, beta2: 1}",
                           "{name: lamb, epsilon: 0}",    "{name: muon, momentum: 1}",
                           "{name: muon, iterations: 0}", "{name: muon, vectors: -0.1}"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct sm_node *node;
        struct sm_choice choice;
        check_ok(sm_tree_parse(&arena, "test.yaml", wrong[i], &node));
        check_fails(sm_choice_bind(&sm_axis_inner, node, NULL, &arena, &choice), SM_ERR_INPUT,
                    "test.yaml");
    }
}

static struct training *
run(const struct sm_engine *engine, const char *inner)
{
    return training_run(&(struct training_how){.engine = engine},
                        "{steps: 40, evaluate: {every: 20}, platform: {file: star_2},"
                        " workload: {model: mlp, hidden: [20], batch: 16,"
                        " dataset: {name: synthetic, classes: 4, features: 12, train: 320,"
                        " test: 80}},"
                        " algorithm: {inner: %s, strategy: local, tau: 4, buffer: average}}",
                        inner);
}

static void
whole_runs_learn_and_have_the_same_bits_on_both_engines(void **unused)
{
    (void)unused;
    const char *all[] = {"{name: lamb, lr: 0.05}", "muon"};
    for (size_t i = 0; i < 2; i++) {
        struct training *simgrid = run(NULL, all[i]), *thread = run(&sm_engine_thread, all[i]);
        assert_string_equal(simgrid->state, "finished");
        assert_int_equal(strlen(simgrid->hash), 16);
        assert_string_equal(simgrid->hash, thread->hash);
        assert_int_equal(simgrid->evaluation_count, 3);
        print_message("  %-24s test loss %.3f -> %.3f\n", all[i], simgrid->evaluations[0].test_loss,
                      training_last(simgrid)->test_loss);
        assert_true(training_last(simgrid)->test_loss < simgrid->evaluations[0].test_loss / 2);
        free(simgrid);
        free(thread);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lamb_follows_the_paper_on_every_layer_by_itself),
        cmocka_unit_test(muon_follows_its_formula_in_panels_rows_and_vectors),
        cmocka_unit_test(a_step_of_lamb_is_gamma_times_the_length_of_the_weights),
        cmocka_unit_test(
            a_step_of_muon_along_an_orthogonal_gradient_is_that_gradient_at_unit_scale),
        cmocka_unit_test(a_gradient_of_zero_moves_nothing_and_makes_no_nan),
        cmocka_unit_test(they_list_buffers_that_are_zero_at_the_start),
        cmocka_unit_test(settings_out_of_range_are_refused),
        cmocka_unit_test(whole_runs_learn_and_have_the_same_bits_on_both_engines),
    };
    return cmocka_run_group_tests(tests, NULL, arena_teardown);
}
