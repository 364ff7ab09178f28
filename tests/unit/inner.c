/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/inner.c -- inner optimizers: SGD by hand and against PyTorch's documented loop, and
 * what every registered one promises.
 */
#include "tests/helpers/check.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "algorithms/inner/inner.h"
#include "sim/base/rng.h"
#include "tests/helpers/arena.h"
#include "tests/helpers/training.h"

/* An optimizer of n parameters, ready to step. */
static const struct sm_inner *
inner_of(const char *yaml, size_t n, void **state)
{
    const struct sm_inner *inner =
        (const struct sm_inner *)plugin_state(&arena, &sm_axis_inner, yaml, state);
    check_ok(inner->init(*state, plugin_setup(&arena, n, NULL, NULL)));
    return inner;
}

/* One parameter that starts at x, `count` gradients, and where it has to be after each. */
static void
expect_path(const char *yaml, float gamma, float x, size_t count, const float *gradients,
            const float *path)
{
    void *state;
    const struct sm_inner *inner = inner_of(yaml, 1, &state);
    for (size_t k = 0; k < count; k++) {
        float g = gradients[k];
        check_ok(inner->step(state, 1, gamma, &g, &x));
        if (x != path[k])
            print_error("%s, step %zu\n", yaml, k);
        check_near(x, path[k], 0); /* halves and quarters: every operation is exact */
    }
}

static void
sgd_takes_the_steps_that_one_computes_by_hand(void **unused)
{
    (void)unused;
    const float ones[] = {1, 1, 1}, once[] = {1, 0, 0}, none[] = {0, 0, 0};
    expect_path("{name: sgd, momentum: 0}", 0.5f, 0, 3, ones, (float[]){-0.5f, -1, -1.5f});
    /* b = 1, 1.5, 1.75 */
    expect_path("{name: sgd, momentum: 0.5}", 1, 0, 3, ones, (float[]){-1, -2.5f, -4.25f});
    /* the same b, d = 1 + b / 2 */
    expect_path("{name: sgd, momentum: 0.5, nesterov: yes}", 1, 0, 3, ones,
                (float[]){-1.5f, -3.25f, -5.125f});
    /* the first gradient is not dampened: b = 1, 0.5 + 0.5, 0.5 + 0.5 */
    expect_path("{name: sgd, momentum: 0.5, dampening: 0.5}", 1, 0, 3, ones, (float[]){-1, -2, -3});
    /* b = 1, 1/2, 1/4: one gradient carries on */
    expect_path("{name: sgd, momentum: 0.5}", 1, 0, 3, once, (float[]){-1, -1.5f, -1.75f});
    /* g = x / 4 */
    expect_path("{name: sgd, momentum: 0, weight_decay: 0.25}", 1, 16, 3, none,
                (float[]){12, 9, 6.75f});
    /* g = 4, b = 4; g = 3, b = 2 + 3; the decay goes through the momentum */
    expect_path("{name: sgd, momentum: 0.5, weight_decay: 0.25}", 1, 16, 2, none, (float[]){12, 7});
}

/* torch.optim.SGD as its documentation writes it, in double, one parameter. */
struct torch {
    double momentum, dampening, weight_decay;
    bool nesterov, has_buffer;
    double buffer;
};

static double
torch_step(struct torch *t, double gamma, double g, double x)
{
    if (t->weight_decay != 0)
        g += t->weight_decay * x;
    if (t->momentum != 0) {
        t->buffer = t->has_buffer ? t->momentum * t->buffer + (1 - t->dampening) * g : g;
        t->has_buffer = true;
        g = t->nesterov ? g + t->momentum * t->buffer : t->buffer;
    }
    return x - gamma * g;
}

static void
reset(const struct sm_inner *inner, void *state)
{
    struct sm_buffer buffer;
    for (size_t i = 0; inner->buffer(state, i, &buffer); i++)
        memset(buffer.x, 0, buffer.n * sizeof *buffer.x);
}

static void
sgd_follows_pytorch_with_every_setting_and_after_a_reset(void **unused)
{
    (void)unused;
    enum { N = 17, STEPS = 12, RESET = 5 }; /* 17: whole vectors and a rest */
    const double momenta[] = {0, 0.5, 0.9}, dampenings[] = {0, 0.25, 1}, decays[] = {0, 0.01};
    struct sm_rng *rng = sm_rng_create(&arena, 1, SM_RNG_TEST, 0);
    size_t combinations = 0;
    for (size_t c = 0; c < 3 * 3 * 2 * 2; c++) {
        struct torch torch = {
            momenta[c % 3], dampenings[c / 3 % 3], decays[c / 9 % 2], c / 18 == 1, false, 0};
        if (torch.nesterov && (torch.momentum == 0 || torch.dampening != 0))
            continue;
        combinations++;
        char yaml[160];
        snprintf(yaml, sizeof yaml,
                 "{name: sgd, momentum: %g, dampening: %g, weight_decay: %g, nesterov: %s}",
                 torch.momentum, torch.dampening, torch.weight_decay,
                 torch.nesterov ? "yes" : "no");
        void *state;
        const struct sm_inner *inner = inner_of(yaml, N, &state);
        struct torch each[N];
        double expected[N];
        float x[N], g[N];
        for (size_t i = 0; i < N; i++) {
            x[i] = (float)sm_rng_normal(rng, 1);
            expected[i] = x[i];
            each[i] = torch;
        }
        for (size_t k = 0; k < STEPS; k++) {
            float gamma = k < 8 ? 0.1f : 0.025f;
            if (k == RESET) {
                reset(inner, state);
                for (size_t i = 0; i < N; i++)
                    each[i].has_buffer = false;
            }
            for (size_t i = 0; i < N; i++) {
                g[i] = (float)sm_rng_normal(rng, 1);
                expected[i] = torch_step(&each[i], (double)gamma, g[i], expected[i]);
            }
            check_ok(inner->step(state, N, gamma, g, x));
            /* At most 6 roundings a step of numbers below 8, STEPS steps, each passed on by the
             * momentum at most 1 / (1 - 0.9) times gamma: 12 * 6 * 8 * u / 2, u = 2^-23. */
            for (size_t i = 0; i < N; i++)
                check_near(x[i], expected[i], 12 * 6 * 8 * (double)FLT_EPSILON / 2);
        }
    }
    assert_int_equal(combinations, 3 * 3 * 2 + 2 * 2);
}

/* torch.optim.Adam and AdamW as their documentation writes them, in double, one parameter. */
struct torch_adam {
    double beta1, beta2, epsilon, weight_decay;
    bool decoupled;
    double m, v;
    int t;
};

static double
torch_adam_step(struct torch_adam *a, double gamma, double g, double x)
{
    a->t++;
    if (a->decoupled)
        x -= gamma * a->weight_decay * x;
    else
        g += a->weight_decay * x;
    a->m = a->beta1 * a->m + (1 - a->beta1) * g;
    a->v = a->beta2 * a->v + (1 - a->beta2) * g * g;
    const double m = a->m / (1 - pow(a->beta1, a->t)), v = a->v / (1 - pow(a->beta2, a->t));
    return x - gamma * m / (sqrt(v) + a->epsilon);
}

static void
adam_and_adamw_follow_pytorch_and_start_anew_after_a_reset(void **unused)
{
    (void)unused;
    enum { N = 17, STEPS = 12, RESET = 5 };
    struct sm_rng *rng = sm_rng_create(&arena, 2, SM_RNG_TEST, 0);
    for (int c = 0; c < 4; c++) {
        const struct torch_adam torch = {.beta1 = c % 2 == 0 ? 0.9 : 0.5,
                                         .beta2 = c % 2 == 0 ? 0.999 : 0.75,
                                         .epsilon = c % 2 == 0 ? 1e-8 : 0.01,
                                         .weight_decay = 0.125,
                                         .decoupled = c >= 2};
        char yaml[160];
        snprintf(yaml, sizeof yaml,
                 "{name: %s, beta1: %g, beta2: %g, epsilon: %g, weight_decay: %g}",
                 torch.decoupled ? "adamw" : "adam", torch.beta1, torch.beta2, torch.epsilon,
                 torch.weight_decay);
        void *state;
        const struct sm_inner *inner = inner_of(yaml, N, &state);
        struct torch_adam each[N];
        double expected[N];
        float x[N], g[N];
        for (size_t i = 0; i < N; i++) {
            expected[i] = x[i] = (float)sm_rng_normal(rng, 1);
            each[i] = torch;
        }
        for (size_t k = 0; k < STEPS; k++) {
            if (k == RESET) {
                reset(inner, state);
                for (size_t i = 0; i < N; i++)
                    each[i] = torch;
            }
            for (size_t i = 0; i < N; i++) {
                g[i] = (float)sm_rng_normal(rng, 1);
                expected[i] = torch_adam_step(&each[i], 0.125, g[i], expected[i]);
            }
            check_ok(inner->step(state, N, 0.125f, g, x));
            /* 1 - beta2^t is a difference near 1e-3: the root's relative error is some u / 1e-3 */
            for (size_t i = 0; i < N; i++)
                check_near(x[i], expected[i], 2e-5);
        }
    }
}

static void
sgd_refuses_nesterov_without_momentum_or_with_dampening(void **unused)
{
    (void)unused;
    void *state;
    const char *wrong[] = {"{name: sgd, nesterov: yes, momentum: 0}",
                           "{name: sgd, nesterov: yes, momentum: 0.9, dampening: 0.1}"};
    for (size_t i = 0; i < 2; i++) {
        const struct sm_inner *inner =
            (const struct sm_inner *)plugin_state(&arena, &sm_axis_inner, wrong[i], &state);
        check_fails(inner->init(state, plugin_setup(&arena, 3, NULL, NULL)), SM_ERR_INPUT,
                    "nesterov needs momentum > 0 and dampening = 0");
    }
}

static void
sgd_lists_its_momentum_and_its_counter(void **unused)
{
    (void)unused;
    void *state;
    struct sm_buffer buffer;
    const struct sm_inner *inner = inner_of("{name: sgd, momentum: 0.5}", 3, &state);
    float g[] = {1, 2, 4}, x[] = {0, 0, 0};
    for (size_t i = 0; i < 2; i++) { /* zero before the first step */
        assert_true(inner->buffer(state, i, &buffer));
        for (size_t j = 0; j < buffer.n; j++)
            check_near(buffer.x[j], 0, 0);
    }
    check_ok(inner->step(state, 3, 1, g, x));
    assert_true(inner->buffer(state, 0, &buffer));
    assert_int_equal(buffer.n, 3);
    assert_false(buffer.counter);
    for (size_t i = 0; i < 3; i++)
        check_near(buffer.x[i], -x[i], 0);
    assert_true(inner->buffer(state, 1, &buffer));
    assert_true(buffer.counter);
    assert_false(inner->buffer(state, 2, &buffer));

    inner = inner_of("{name: sgd, momentum: 0}", 3, &state);
    assert_false(inner->buffer(state, 0, &buffer));
}

static void
every_inner_optimizer_has_a_learning_rate(void **unused)
{
    (void)unused;
    for (const struct sm_plugin *const *p = sm_axis_inner.plugins; *p != NULL; p++) {
        const struct sm_param *lr = sm_param_find((*p)->params, "lr");
        assert_non_null(lr);
        assert_int_equal(lr->type, SM_PARAM_TYPE_FLOAT); /* the loop reads a float */
        assert_true(lr->def > 0);
    }
}

/* Runs `steps` steps with pseudo-random gradients from fresh states; x (n) is where it ends. */
static void
wander(const char *name, float gamma, size_t steps, size_t n, float *x)
{
    void *state;
    const struct sm_inner *inner = inner_of(name, n, &state);
    struct sm_rng *rng = sm_rng_create(&arena, 7, SM_RNG_TEST, 0);
    float *g = sm_arena_alloc(&arena, n, sizeof *g);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)sm_rng_normal(rng, 1);
    for (size_t k = 0; k < steps; k++) {
        for (size_t i = 0; i < n; i++)
            g[i] = (float)sm_rng_normal(rng, 1);
        check_ok(inner->step(state, n, gamma, g, x));
    }
}

static void
no_inner_optimizer_moves_at_learning_rate_0(void **unused)
{
    (void)unused;
    float start[33], end[33];
    for (const struct sm_plugin *const *p = sm_axis_inner.plugins; *p != NULL; p++) {
        wander((*p)->name, 0, 0, 33, start);
        wander((*p)->name, 0, 5, 33, end);
        assert_memory_equal(start, end, sizeof start);
    }
}

static void
every_inner_optimizer_gives_the_same_bits_twice(void **unused)
{
    (void)unused;
    float once[33], twice[33], start[33];
    for (const struct sm_plugin *const *p = sm_axis_inner.plugins; *p != NULL; p++) {
        wander((*p)->name, 0, 0, 33, start);
        wander((*p)->name, 0.1f, 20, 33, once);
        wander((*p)->name, 0.1f, 20, 33, twice);
        assert_memory_equal(once, twice, sizeof once);
        assert_memory_not_equal(once, start, sizeof once);
    }
}

static void
every_inner_optimizer_starts_afresh_when_its_buffers_are_zeroed(void **unused)
{
    (void)unused;
    enum { N = 9 };
    for (const struct sm_plugin *const *p = sm_axis_inner.plugins; *p != NULL; p++) {
        void *used, *fresh;
        const struct sm_inner *inner = inner_of((*p)->name, N, &used);
        if (inner->buffer == NULL)
            continue;
        float g[N], h[N], x[N] = {0}, y[N];
        for (size_t k = 0; k < 4; k++) {
            for (size_t i = 0; i < N; i++)
                g[i] = (float)(i + k);
            check_ok(inner->step(used, N, 0.1f, g, x));
        }
        reset(inner, used);
        inner_of((*p)->name, N, &fresh);
        memcpy(y, x, sizeof x);
        for (size_t k = 0; k < 4; k++) {
            for (size_t i = 0; i < N; i++)
                g[i] = h[i] = (float)(i * k);
            check_ok(inner->step(used, N, 0.1f, g, x));
            check_ok(inner->step(fresh, N, 0.1f, h, y));
        }
        assert_memory_equal(x, y, sizeof x);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sgd_takes_the_steps_that_one_computes_by_hand),
        cmocka_unit_test(sgd_follows_pytorch_with_every_setting_and_after_a_reset),
        cmocka_unit_test(adam_and_adamw_follow_pytorch_and_start_anew_after_a_reset),
        cmocka_unit_test(sgd_refuses_nesterov_without_momentum_or_with_dampening),
        cmocka_unit_test(sgd_lists_its_momentum_and_its_counter),
        cmocka_unit_test(every_inner_optimizer_has_a_learning_rate),
        cmocka_unit_test(no_inner_optimizer_moves_at_learning_rate_0),
        cmocka_unit_test(every_inner_optimizer_gives_the_same_bits_twice),
        cmocka_unit_test(every_inner_optimizer_starts_afresh_when_its_buffers_are_zeroed),
    };
    return cmocka_run_group_tests(tests, NULL, arena_teardown);
}
