/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/outer.c -- outer optimizers: SlowMo against its own definition, its identities, and
 * what every registered one promises.
 */
#include "tests/helpers/check.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "sim/base/vec.h"
#include "tests/helpers/arena.h"
#include "tests/helpers/machine.h"
#include "tests/helpers/outers.h"
#include "tests/helpers/training.h"

enum { N = 19 }; /* whole vectors and a rest */

/* One parameter, halves and quarters: every operation is exact. gamma = 1/2, alpha = 1, beta = 1/2;
 * inner steps take 1 off at each round.
 *   u = 0 + (0 + 1) / (1/2) = 2     x = 0 - 1/2 2 = -1
 *   u = 1 + (-1 + 2) / (1/2) = 3    x = -1 - 3/2 = -5/2
 *   u = 3/2 + 2 = 7/2               x = -5/2 - 7/4 = -17/4 */
static void
slowmo_takes_the_steps_that_one_computes_by_hand(void **unused)
{
    (void)unused;
    const float path[] = {-1, -2.5f, -4.25f}, slow[] = {-0.5f, -1.25f, -2.125f};
    void *state;
    float x[N] = {0};
    const struct sm_outer *slowmo =
        outer_of("{name: slowmo, alpha: 1, beta: 0.5}", N, 1, x, &state);
    for (size_t t = 0; t < 3; t++) {
        x[0] -= 1;
        check_ok(slowmo->step(state, N, 0.5f, x));
        check_near(x[0], path[t], 0);
        check_near(x[1], 0, 0);
    }
    /* alpha = 1/2 takes half of each step: u is the same, for the inner steps take the same */
    memset(x, 0, sizeof x);
    slowmo = outer_of("{name: slowmo, alpha: 0.5, beta: 0.5}", N, 1, x, &state);
    for (size_t t = 0; t < 3; t++) {
        x[0] -= 1;
        check_ok(slowmo->step(state, N, 0.5f, x));
        check_near(x[0], slow[t], 0);
    }
}

/* A scalar in double beside each float; learning rates that fall tenfold and rise again. */
static void
slowmo_follows_algorithm_1_for_any_alpha_and_beta(void **unused)
{
    (void)unused;
    const double alphas[] = {0, 0.5, 1, 2}, betas[] = {0, 0.4, 0.7, 0.999};
    const float gammas[] = {0.1f, 0.1f, 0.01f, 0.01f, 0.1f, 0.05f};
    struct sm_rng *rng = sm_rng_create(&arena, 1, SM_RNG_TEST, 0);
    for (size_t c = 0; c < 16; c++) {
        char yaml[80];
        double alpha = alphas[c % 4], beta = betas[c / 4], u[N] = {0}, anchor[N];
        snprintf(yaml, sizeof yaml, "{name: slowmo, alpha: %g, beta: %g}", alpha, beta);
        void *state;
        float x[N];
        draw(rng, N, x);
        for (size_t i = 0; i < N; i++)
            anchor[i] = x[i];
        const struct sm_outer *slowmo = outer_of(yaml, N, 1, x, &state);
        for (size_t t = 0; t < 6; t++) {
            double gamma = gammas[t];
            for (size_t i = 0; i < N; i++) {
                x[i] += gammas[t] * (float)sm_rng_normal(rng, 1);
                u[i] = beta * u[i] + (anchor[i] - x[i]) / gamma;
                anchor[i] -= alpha * gamma * u[i];
            }
            check_ok(slowmo->step(state, N, gammas[t], x));
            /* x is below 16 and has two roundings a round; those of x come back in the next
             * difference, weighed by alpha and summed by beta: 6 rounds, at most 1 + 2 * 6 times */
            for (size_t i = 0; i < N; i++)
                check_near(x[i], anchor[i], 16 * 2 * 6 * 13 * (double)FLT_EPSILON / 2);
        }
    }
}

static void
slowmo_with_beta_0_and_alpha_1_keeps_the_average(void **unused)
{
    (void)unused;
    struct sm_rng *rng = sm_rng_create(&arena, 2, SM_RNG_TEST, 0);
    void *state;
    float x[N], average[N];
    draw(rng, N, x);
    const struct sm_outer *slowmo = outer_of("{name: slowmo, alpha: 1, beta: 0}", N, 1, x, &state);
    for (size_t t = 0; t < 20; t++) {
        draw(rng, N, average);
        memcpy(x, average, sizeof x);
        check_ok(slowmo->step(state, N, 0.1f, x));
        /* anchor - gamma ((anchor - x) / gamma): five roundings of numbers below 8 */
        for (size_t i = 0; i < N; i++)
            check_near(x[i], average[i], 5 * 8 * (double)FLT_EPSILON / 2);
    }
}

static void
slowmo_with_alpha_0_never_leaves_its_start(void **unused)
{
    (void)unused;
    struct sm_rng *rng = sm_rng_create(&arena, 3, SM_RNG_TEST, 0);
    void *state;
    float x0[N], x[N];
    draw(rng, N, x0);
    const struct sm_outer *slowmo = outer_of("{name: slowmo, alpha: 0}", N, 1, x0, &state);
    for (size_t t = 0; t < 5; t++) {
        draw(rng, N, x);
        check_ok(slowmo->step(state, N, 0.1f, x));
        assert_memory_equal(x, x0, sizeof x);
    }
}

/* tau = 1: one plain SGD step, then SlowMo. b <- beta b + g; x <- x - gamma b. */
static void
slowmo_with_tau_1_and_alpha_1_is_heavy_ball(void **unused)
{
    (void)unused;
    const double beta = 0.75, gamma = 0.125;
    struct sm_rng *rng = sm_rng_create(&arena, 4, SM_RNG_TEST, 0);
    void *state;
    float x[N];
    double ball[N], b[N] = {0};
    draw(rng, N, x);
    const struct sm_outer *slowmo =
        outer_of("{name: slowmo, alpha: 1, beta: 0.75}", N, 1, x, &state);
    for (size_t i = 0; i < N; i++)
        ball[i] = x[i];
    for (size_t k = 0; k < 50; k++) {
        for (size_t i = 0; i < N; i++) {
            float g = (float)sm_rng_normal(rng, 1);
            x[i] -= (float)gamma * g;
            b[i] = beta * b[i] + (double)g;
            ball[i] -= gamma * b[i];
        }
        check_ok(slowmo->step(state, N, (float)gamma, x));
        /* x below 8: two roundings of x a step, each then summed by the momentum, 1 / (1 - beta) */
        for (size_t i = 0; i < N; i++)
            check_near(x[i], ball[i], 50 * 2 * 8 * 4 * (double)FLT_EPSILON / 2);
    }
}

/* u is in units of the gradient: with a rate ten times smaller the same u moves ten times less. */
static void
slow_momentum_survives_a_change_of_the_learning_rate(void **unused)
{
    (void)unused;
    void *state;
    float x[N] = {0};
    const struct sm_outer *slowmo =
        outer_of("{name: slowmo, alpha: 1, beta: 0.5}", N, 1, x, &state);
    x[0] = -1; /* u = 4 */
    check_ok(slowmo->step(state, N, 0.25f, x));
    check_near(x[0], -1, 0);
    check_ok(slowmo->step(state, N, 0.03125f, x)); /* no inner progress: u = 2 */
    check_near(x[0], -1 - 2 * 0.03125, 0);
    check_ok(slowmo->step(state, N, 0.25f, x)); /* u = 1 */
    check_near(x[0], -1 - 2 * 0.03125 - 0.25, 0);
}

static void
slowmo_says_whether_it_wants_the_average(void **unused)
{
    (void)unused;
    const float x[N] = {0};
    void *state;
    const struct sm_outer *outer = outer_of("slowmo", N, 1, x, &state);
    assert_int_equal(sm_outer_round(outer, state), SM_ROUND_AVERAGE);
    outer = outer_of("{name: slowmo, average: no}", N, 1, x, &state);
    assert_int_equal(sm_outer_round(outer, state), SM_ROUND_LOCAL);
    outer = outer_of("average", N, 1, x, &state);
    assert_int_equal(sm_outer_round(outer, state), SM_ROUND_AVERAGE);
    outer = outer_of("none", N, 1, x, &state);
    assert_int_equal(sm_outer_round(outer, state), SM_ROUND_NONE);
}

static void
slowmo_without_the_average_is_the_same_step(void **unused)
{
    (void)unused;
    struct sm_rng *rng = sm_rng_create(&arena, 5, SM_RNG_TEST, 0);
    void *with, *without;
    float x[N], y[N];
    draw(rng, N, x);
    const struct sm_outer *outer = outer_of("{name: slowmo, beta: 0.6}", N, 1, x, &with);
    outer_of("{name: slowmo, beta: 0.6, average: no}", N, 1, x, &without);
    for (size_t t = 0; t < 4; t++) {
        draw(rng, N, x);
        memcpy(y, x, sizeof x);
        check_ok(outer->step(with, N, 0.1f, x));
        check_ok(outer->step(without, N, 0.1f, y));
        assert_memory_equal(x, y, sizeof x);
    }
}

/* ---- contracts over everything registered: one worker, rounds of one step ---- */

enum { ROUNDS = 6 };

/* Two states of one optimizer and what their inner steps lead to. */
struct twins {
    const struct sm_outer *outer;
    void *one, *other;
    const float *rates; /* (ROUNDS) of `one`; the other's is 0.1 */
    float x[ROUNDS][N];
};

static enum sm_status
end_round(const struct sm_outer *outer, void *state, struct sm_comm *comm, size_t t, float gamma,
          float *x)
{
    const struct sm_moment moment = {
        .done = 1, .round = 1, .gamma = gamma, .last = t + 1 == ROUNDS};
    if (outer->exchange != NULL)
        return outer->exchange(state, comm, &moment, N, x);
    return outer->step != NULL ? outer->step(state, N, gamma, x) : SM_OK;
}

/* `one` refuses its rate and leaves x as it was, or does not care; then it does what a twin does
 * that never saw that rate. *out: how often it refused. */
static enum sm_status
compare_twins(struct sm_comm *comm, const void *in, void *out)
{
    const struct twins *twins = in;
    const char *name = twins->outer->about.name;
    size_t *refused = out;
    for (size_t t = 0; t < ROUNDS; t++) {
        float x[N], y[N];
        memcpy(x, twins->x[t], sizeof x);
        memcpy(y, twins->x[t], sizeof y);
        enum sm_status status = end_round(twins->outer, twins->one, comm, t, twins->rates[t], x);
        if (status == SM_ERR_DOMAIN && strstr(sm_error_last()->message, name) != NULL &&
            memcmp(x, twins->x[t], sizeof x) == 0) {
            ++*refused;
            status = end_round(twins->outer, twins->one, comm, t, 0.1f, x);
        }
        SM_TRY(status);
        SM_TRY(end_round(twins->outer, twins->other, comm, t, 0.1f, y));
        if (memcmp(x, y, sizeof x) != 0 || !sm_vec_finite(N, x))
            return SM_FAIL(SM_ERR_DOMAIN, "%s: round %zu gives %g, its twin's %g", name, t,
                           (double)x[0], (double)y[0]);
    }
    return SM_OK;
}

/* How often the optimizer refused one of the rates. */
static size_t
expect_twins(const char *name, uint64_t seed, const float *rates)
{
    struct sm_rng *rng = sm_rng_create(&arena, seed, SM_RNG_TEST, 0);
    struct twins twins = {.rates = rates};
    size_t refused = 0;
    float x0[N];
    draw(rng, N, x0);
    twins.outer = outer_of(name, N, 1, x0, &twins.one);
    outer_of(name, N, 1, x0, &twins.other);
    for (size_t t = 0; t < ROUNDS; t++)
        draw(rng, N, twins.x[t]);
    const struct machine machine = {
        .engine = &sm_engine_thread, .workers = 1, .program = compare_twins, .in = &twins};
    check_ok(machine_run(&machine, &refused, sizeof refused, NULL));
    return refused;
}

static bool
divides_by_gamma(const char *name)
{
    return strcmp(name, "slowmo") == 0 || strcmp(name, "overlap_local") == 0;
}

/* The step of a twin that never saw the error proves that the state is as it was. */
static void
every_outer_optimizer_leaves_x_and_its_state_unchanged_on_an_error(void **unused)
{
    (void)unused;
    const float wrong[] = {0, -0.1f, NAN, INFINITY, -INFINITY, 1e-45f /* 1 / gamma overflows */};
    for (const struct sm_plugin *const *p = sm_axis_outer.plugins; *p != NULL; p++)
        assert_int_equal(expect_twins((*p)->name, 6, wrong),
                         divides_by_gamma((*p)->name) ? ROUNDS : 0);
}

static void
every_outer_optimizer_gives_equal_replicas_equal_bits(void **unused)
{
    (void)unused;
    const float alike[] = {0.1f, 0.1f, 0.1f, 0.1f, 0.1f, 0.1f};
    for (const struct sm_plugin *const *p = sm_axis_outer.plugins; *p != NULL; p++)
        assert_int_equal(expect_twins((*p)->name, 8, alike), 0);
}

static void
every_outer_optimizer_has_what_its_round_needs(void **unused)
{
    (void)unused;
    const float x[N] = {0};
    for (const struct sm_plugin *const *p = sm_axis_outer.plugins; *p != NULL; p++) {
        void *state;
        const struct sm_outer *outer = outer_of((*p)->name, N, 1, x, &state);
        const enum sm_round round = sm_outer_round(outer, state);
        assert_int_equal(round == SM_ROUND_EXCHANGE, outer->exchange != NULL);
        assert_true(round != SM_ROUND_LOCAL || outer->step != NULL);
        assert_true(outer->step == NULL || outer->exchange == NULL);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slowmo_takes_the_steps_that_one_computes_by_hand),
        cmocka_unit_test(slowmo_follows_algorithm_1_for_any_alpha_and_beta),
        cmocka_unit_test(slowmo_with_beta_0_and_alpha_1_keeps_the_average),
        cmocka_unit_test(slowmo_with_alpha_0_never_leaves_its_start),
        cmocka_unit_test(slowmo_with_tau_1_and_alpha_1_is_heavy_ball),
        cmocka_unit_test(slow_momentum_survives_a_change_of_the_learning_rate),
        cmocka_unit_test(slowmo_says_whether_it_wants_the_average),
        cmocka_unit_test(slowmo_without_the_average_is_the_same_step),
        cmocka_unit_test(every_outer_optimizer_leaves_x_and_its_state_unchanged_on_an_error),
        cmocka_unit_test(every_outer_optimizer_gives_equal_replicas_equal_bits),
        cmocka_unit_test(every_outer_optimizer_has_what_its_round_needs),
    };
    return cmocka_run_group_tests(tests, NULL, arena_teardown);
}
