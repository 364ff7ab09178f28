/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/outer_steps.c -- bmuf, lookahead and diloco: by hand, against their rules in double,
 * and where they are one another or SlowMo.
 */
#include "tests/helpers/check.h"

#include <float.h>
#include <string.h>

#include "tests/helpers/arena.h"
#include "tests/helpers/outers.h"
#include "tests/helpers/training.h"

enum { N = 19, ROUNDS = 8 }; /* whole vectors and a rest */

/* Halves and quarters: every operation is exact. Each round's inner steps take 1 off. */
static void
each_takes_the_steps_that_one_computes_by_hand(void **unused)
{
    (void)unused;
    const struct {
        const char *yaml;
        size_t workers;
        double path[3];
    } cases[] = {
        /* D = -1, -3/2, -7/4; Nesterov's restarts half a D further on */
        {"{name: bmuf, mu: 0.5}", 2, {-1, -2.5, -4.25}},
        {"{name: bmuf, mu: 0.5, nesterov: yes}", 2, {-1.5, -3.25, -5.125}},
        {"{name: bmuf, mu: 0.5, zeta: 0.5}", 2, {-0.5, -1.25, -2.125}},
        {"{name: bmuf, mu: 0}", 2, {-1, -2, -3}},
        /* mu = 1 - 1/4: D = -1, -7/4, -37/16; alone: 0 */
        {"bmuf", 4, {-1, -2.75, -5.0625}},
        {"{name: bmuf, mu: -1}", 1, {-1, -2, -3}},
        {"{name: lookahead, alpha: 0.25}", 1, {-0.25, -0.5, -0.75}},
        {"lookahead", 1, {-0.5, -1, -1.5}},
        /* b = 1, 3/2, 7/4; steps of (1 + b/2) / 2 */
        {"{name: diloco, eta: 0.5, mu: 0.5}", 2, {-0.75, -1.625, -2.5625}},
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        void *state;
        float x[N] = {0};
        const struct sm_outer *outer = outer_of(cases[c].yaml, N, cases[c].workers, x, &state);
        for (size_t t = 0; t < 3; t++) {
            x[0] -= 1;
            check_ok(outer->step(state, N, 0.1f, x));
            check_near(x[0], cases[c].path[t], 0);
            check_near(x[1], 0, 0);
        }
    }
}

/* One coordinate of one rule, in double. */
struct scalar {
    double a, b;             /* settings in the order of the case's text */
    double anchor, momentum; /* x_{t,0}; D or b                          */
    double start;            /* of the round                             */
};

static double
bmuf(struct scalar *s, double mean)
{
    s->momentum = s->b * s->momentum + s->a * (mean - s->anchor);
    return s->anchor += s->momentum;
}

static double
bmuf_nesterov(struct scalar *s, double mean)
{
    s->momentum = s->b * s->momentum + s->a * (mean - s->start);
    s->anchor += s->momentum;
    return s->start = s->anchor + s->b * s->momentum;
}

static double
lookahead(struct scalar *s, double own)
{
    return s->anchor = (1 - s->a) * s->anchor + s->a * own;
}

static double
diloco(struct scalar *s, double mean)
{
    const double d = s->anchor - mean;
    s->momentum = s->b * s->momentum + d;
    return s->anchor -= s->a * (d + s->b * s->momentum);
}

/* Rounds whose inner steps go a normal way; x stays below 100, and each round adds a few roundings,
 * which momentum passes on up to 1 / (1 - 0.75) times. */
static void
each_follows_its_rule_for_any_settings(void **unused)
{
    (void)unused;
    const struct {
        const char *name, *first, *second, *more;
        double (*step)(struct scalar *s, double x);
    } rules[] = {
        {"bmuf", "zeta", "mu", "", bmuf},
        {"bmuf", "zeta", "mu", ", nesterov: yes", bmuf_nesterov},
        {"lookahead", "alpha", NULL, "", lookahead},
        {"diloco", "eta", "mu", "", diloco},
    };
    const double as[] = {0, 0.5, 0.7, 1}, bs[] = {0, 0.3, 0.75};
    struct sm_rng *rng = sm_rng_create(&arena, 1, SM_RNG_TEST, 0);
    for (size_t c = 0; c < 4 * 12; c++) {
        struct scalar scalars[N];
        float x[N];
        void *state;
        const double a = as[c / 4 % 4], b = bs[c / 16];
        const char *second = rules[c % 4].second != NULL
                                 ? sm_arena_printf(&arena, ", %s: %g", rules[c % 4].second, b)
                                 : "";
        const char *yaml = sm_arena_printf(&arena, "{name: %s, %s: %g%s%s}", rules[c % 4].name,
                                           rules[c % 4].first, a, second, rules[c % 4].more);
        draw(rng, N, x);
        for (size_t i = 0; i < N; i++)
            scalars[i] = (struct scalar){a, b, .anchor = x[i], .start = x[i]};
        const struct sm_outer *outer = outer_of(yaml, N, 4, x, &state);
        for (size_t t = 0; t < ROUNDS; t++) {
            for (size_t i = 0; i < N; i++)
                x[i] += (float)sm_rng_normal(rng, 1);
            double expected[N];
            for (size_t i = 0; i < N; i++)
                expected[i] = rules[c % 4].step(&scalars[i], x[i]);
            check_ok(outer->step(state, N, 0.1f, x));
            for (size_t i = 0; i < N; i++)
                check_near(x[i], expected[i], 100 * 5 * 4 * (double)FLT_EPSILON / 2);
        }
    }
}

/* Both see the same ways from where each of them stands. */
static void
expect_same(const char *one, const char *other, float gamma, double tolerance)
{
    struct sm_rng *rng = sm_rng_create(&arena, 2, SM_RNG_TEST, 0);
    void *state, *twin;
    float x[N], y[N];
    double way = 0;
    draw(rng, N, x);
    memcpy(y, x, sizeof y);
    const struct sm_outer *a = outer_of(one, N, 4, x, &state), *b = outer_of(other, N, 4, y, &twin);
    for (size_t t = 0; t < ROUNDS; t++) {
        for (size_t i = 0; i < N; i++) {
            const float step = gamma * (float)sm_rng_normal(rng, 1);
            way += (double)(step * step);
            x[i] += step;
            y[i] += step;
        }
        check_ok(a->step(state, N, gamma, x));
        check_ok(b->step(twin, N, gamma, y));
        for (size_t i = 0; i < N; i++)
            check_near(x[i], y[i], tolerance);
    }
    assert_true(way > 0.1);
}

/* x below 8; five roundings a round, summed by momentum. */
static const double rounding = 8 * 5 * ROUNDS * 4 * (double)FLT_EPSILON / 2;

static void
slowmo_without_momentum_on_one_worker_is_lookahead(void **unused)
{
    (void)unused;
    expect_same("{name: slowmo, alpha: 0.5, beta: 0, average: no}", "lookahead", 0.25f, rounding);
    expect_same("{name: slowmo, alpha: 0.8, beta: 0, average: no}", "{name: lookahead, alpha: 0.8}",
                0.1f, rounding);
}

static void
slowmo_at_a_fixed_learning_rate_is_bmuf(void **unused)
{
    (void)unused;
    expect_same("{name: slowmo, alpha: 1, beta: 0.7}", "{name: bmuf, zeta: 1, mu: 0.7}", 0.25f,
                rounding);
    expect_same("{name: slowmo, alpha: 0.6, beta: 0.5}", "{name: bmuf, zeta: 0.6, mu: 0.5}", 0.1f,
                rounding);
    expect_same("{name: slowmo, alpha: 1, beta: 0.75}", "bmuf", 0.1f, rounding);
}

static void
diloco_is_bmuf_with_nesterov_momentum(void **unused)
{
    (void)unused;
    expect_same("{name: diloco, eta: 0.7, mu: 0.75}",
                "{name: bmuf, zeta: 0.7, mu: 0.75, nesterov: yes}", 0.25f, rounding);
    expect_same("{name: diloco, eta: 1, mu: 0.4}", "{name: bmuf, zeta: 1, mu: 0.4, nesterov: yes}",
                0.25f, rounding);
}

static void
without_momentum_at_rate_1_both_keep_the_average(void **unused)
{
    (void)unused;
    const char *cases[] = {"{name: diloco, eta: 1, mu: 0}", "{name: bmuf, mu: 0}",
                           "{name: bmuf, mu: 0, nesterov: yes}", "{name: lookahead, alpha: 1}"};
    struct sm_rng *rng = sm_rng_create(&arena, 3, SM_RNG_TEST, 0);
    for (size_t c = 0; c < 4; c++) {
        void *state;
        float x[N], average[N];
        draw(rng, N, x);
        const struct sm_outer *outer = outer_of(cases[c], N, 4, x, &state);
        for (size_t t = 0; t < ROUNDS; t++) {
            draw(rng, N, average);
            memcpy(x, average, sizeof x);
            check_ok(outer->step(state, N, 0.1f, x));
            for (size_t i = 0; i < N; i++) /* there and back: two roundings of numbers below 8 */
                check_near(x[i], average[i], 2 * 8 * (double)FLT_EPSILON / 2);
        }
    }
}

static void
lookahead_asks_for_no_average_and_the_others_do(void **unused)
{
    (void)unused;
    const float x[N] = {0};
    void *state;
    const struct sm_outer *outer = outer_of("lookahead", N, 4, x, &state);
    assert_int_equal(sm_outer_round(outer, state), SM_ROUND_LOCAL);
    outer = outer_of("bmuf", N, 4, x, &state);
    assert_int_equal(sm_outer_round(outer, state), SM_ROUND_AVERAGE);
    outer = outer_of("diloco", N, 4, x, &state);
    assert_int_equal(sm_outer_round(outer, state), SM_ROUND_AVERAGE);
}

static void
settings_out_of_range_are_refused(void **unused)
{
    (void)unused;
    const char *cases[] = {
        "{name: bmuf, mu: 1}",           "{name: bmuf, mu: -2}",           "{name: bmuf, zeta: -1}",
        "{name: lookahead, alpha: 1.5}", "{name: lookahead, alpha: .nan}", "{name: diloco, mu: 1}",
        "{name: diloco, eta: -0.1}",
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        struct sm_node *node;
        struct sm_choice choice;
        check_ok(sm_tree_parse(&arena, "test.yaml", cases[c], &node));
        check_fails(sm_choice_bind(&sm_axis_outer, node, NULL, &arena, &choice), SM_ERR_INPUT, "");
    }
    void *state; /* -1 has a meaning, what is between it and 0 has none */
    const struct sm_outer *outer = (const struct sm_outer *)plugin_state(
        &arena, &sm_axis_outer, "{name: bmuf, mu: -0.5}", &state);
    check_fails(outer->init(state, plugin_setup(&arena, N, NULL, NULL)), SM_ERR_INPUT,
                "bmuf: mu = -0.5");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_takes_the_steps_that_one_computes_by_hand),
        cmocka_unit_test(each_follows_its_rule_for_any_settings),
        cmocka_unit_test(slowmo_without_momentum_on_one_worker_is_lookahead),
        cmocka_unit_test(slowmo_at_a_fixed_learning_rate_is_bmuf),
        cmocka_unit_test(diloco_is_bmuf_with_nesterov_momentum),
        cmocka_unit_test(without_momentum_at_rate_1_both_keep_the_average),
        cmocka_unit_test(lookahead_asks_for_no_average_and_the_others_do),
        cmocka_unit_test(settings_out_of_range_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, arena_teardown);
}
