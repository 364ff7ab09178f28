/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/period.c -- how many steps a round has: by hand, and in whole runs by their bytes. */
#include "tests/helpers/check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "algorithms/period/period.h"
#include "sim/run/experiment.h"
#include "tests/helpers/arena.h"
#include "tests/helpers/training.h"

static const struct sm_period *
period_of(const char *yaml, void **state)
{
    return (const struct sm_period *)plugin_state(&arena, &sm_axis_period, yaml, state);
}

/* ---- one worker's rounds ---- */

/* The first steps of the rounds of a run, and its end. */
struct rounds {
    size_t count, begin[128];
};

static struct rounds
rounds_of(const char *yaml, size_t steps, double (*loss)(size_t step),
          double (*factor)(size_t step))
{
    void *state;
    const struct sm_period *period = period_of(yaml, &state);
    struct rounds rounds = {0};
    for (size_t step = 0; step < steps;) {
        const struct sm_round_start start = {.step = step,
                                             .steps = steps,
                                             .loss = step > 0 ? loss(step) : (double)NAN,
                                             .factor = factor(step)};
        assert_in_range(rounds.count, 0, 126);
        rounds.begin[rounds.count++] = step;
        const size_t length = period->length(state, &start);
        assert_true(length >= 1);
        step += length;
        rounds.begin[rounds.count] = step;
    }
    return rounds;
}

static void
expect_lengths(const struct rounds *rounds, size_t count, const size_t *lengths)
{
    for (size_t i = 0; i < count && i < rounds->count; i++)
        if (rounds->begin[i + 1] - rounds->begin[i] != lengths[i])
            fail_msg("round %zu has %zu steps, expected %zu", i,
                     rounds->begin[i + 1] - rounds->begin[i], lengths[i]);
    assert_int_equal(rounds->count, count);
}
#define expect(yaml, steps, loss, factor, ...)                                                     \
    do {                                                                                           \
        const size_t lengths_[] = {__VA_ARGS__};                                                   \
        const struct rounds rounds_ = rounds_of(yaml, steps, loss, factor);                        \
        expect_lengths(&rounds_, sizeof lengths_ / sizeof *lengths_, lengths_);                    \
    } while (0)

static double
unknown(size_t step)
{
    (void)step;
    return (double)NAN;
}

static double
one(size_t step)
{
    (void)step;
    return 1;
}

static void
fixed_is_the_same_all_along(void **unused)
{
    (void)unused;
    expect("{name: fixed, tau: 5}", 17, unknown, one, 5, 5, 5, 5);
    expect("fixed", 24, unknown, one, 12, 12);
}

static void
post_local_has_rounds_of_one_step_before_its_point(void **unused)
{
    (void)unused;
    expect("{name: post_local, tau: 3}", 8, unknown, one, 1, 1, 1, 1, 3, 3);
    expect("{name: post_local, tau: 4, from: 5}", 12, unknown, one, 1, 1, 1, 1, 1, 4, 4);
    expect("{name: post_local, tau: 4, from: 0}", 8, unknown, one, 4, 4);
    expect("{name: post_local, tau: 4, from: 1}", 3, unknown, one, 1, 1, 1);
    expect("{name: post_local, tau: 4, from: 0.5}", 5, unknown, one, 1, 1, 1, 4); /* from 2.5 */
}

/* 4 at first, a quarter of that from step 20 on, nearly 0 from step 40 on. */
static double
stairs(size_t step)
{
    return step < 20 ? 4 : step < 40 ? 1 : 1e-9;
}

static void
adacomm_goes_with_the_root_of_the_loss(void **unused)
{
    (void)unused;
    /* F_0 = 4 at step 8; decided again from steps 20 on (sqrt(1 / 4) 8) and 40 on (at least 1) */
    expect("{name: adacomm, tau: 8, every: 20}", 44, stairs, one, 8, 8, 8, 4, 4, 4, 4, 1, 1, 1, 1);
}

static double
falling(size_t step)
{
    return 100 - (double)step; /* at 16, 84 */
}

static void
adacomm_rounds_up(void **unused)
{
    (void)unused;
    /* sqrt(68 / 84) 16 = 14.4; sqrt(53 / 84) 16 = 12.7; sqrt(40 / 84) 16 = 11.04; 29 / 84: 9.4 */
    expect("{name: adacomm, tau: 16, every: 0}", 80, falling, one, 16, 16, 15, 13, 12, 10);
}

static double
flat(size_t step)
{
    (void)step;
    return 2;
}

static void
adacomm_shrinks_by_its_factor_where_the_loss_has_not_fallen(void **unused)
{
    (void)unused;
    /* every round: 7 tells F_0; ceil(7 / 2), ceil(4 / 2), 1, and never less */
    expect("{name: adacomm, tau: 7, every: 0}", 22, flat, one, 7, 7, 4, 2, 1, 1);
    expect("{name: adacomm, tau: 10, every: 0, factor: 0.75}", 40, flat, one, 10, 10, 8, 6, 5, 4);
    expect("{name: adacomm, tau: 10, every: 0, factor: 0}", 22, flat, one, 10, 10, 1, 1);
    expect("{name: adacomm, tau: 10, every: 0, factor: 1}", 40, flat, one, 10, 10, 10, 10);
}

/* Lowered to a quarter at step 20. */
static double
lowered(size_t step)
{
    return step < 20 ? 1 : 0.25;
}

static void
adacomm_lengthens_rounds_where_the_learning_rate_is_lowered(void **unused)
{
    (void)unused;
    /* sqrt(4 * 2 / 2) 6 = 12 at step 24; then the refinement again: 12 is no shorter than 12 */
    expect("{name: adacomm, tau: 6, every: 10, factor: 1}", 48, flat, lowered, 6, 6, 6, 6, 12, 12);
    /* sqrt(4 * 1 / 4) 8 = 8 from step 24 on, sqrt(4 * 1e-9 / 4) 8 from 40 on */
    expect("{name: adacomm, tau: 8, every: 20}", 42, stairs, lowered, 8, 8, 8, 8, 8, 1, 1);
}

static double
warmed_up(size_t step)
{
    return step < 30 ? ((double)step + 1) / 30 : 1;
}

static void
adacomm_takes_no_warm_up_for_a_lowered_rate(void **unused)
{
    (void)unused;
    expect("{name: adacomm, tau: 8, every: 20}", 44, stairs, warmed_up, 8, 8, 8, 4, 4, 4, 4, 1, 1,
           1, 1);
}

static double
zero(size_t step)
{
    (void)step;
    return 0;
}

static void
adacomm_keeps_tau_without_a_loss_or_a_rate_to_go_by(void **unused)
{
    (void)unused;
    expect("{name: adacomm, tau: 5, every: 0}", 20, unknown, one, 5, 5, 5, 5); /* timing only */
    expect("{name: adacomm, tau: 5, every: 0}", 20, zero, one, 5, 5, 5, 5);
    expect("{name: adacomm, tau: 5, every: 0}", 20, falling, zero, 5, 5, 5, 5);
}

static double
explodes(size_t step)
{
    return exp2((double)step);
}

static double
nearly_zero(size_t step)
{
    return step < 8 ? 1 : 1e-300;
}

static void
no_period_gives_a_round_of_no_steps_or_one_longer_than_the_run(void **unused)
{
    (void)unused;
    double (*losses[])(size_t) = {unknown, stairs, falling, flat, zero, explodes};
    double (*factors[])(size_t) = {one, lowered, warmed_up, zero, nearly_zero};
    const char *all[] = {"{name: fixed, tau: 4}", "{name: post_local, tau: 4}",
                         "{name: adacomm, tau: 4, every: 0}", "{name: adacomm, tau: 4}",
                         "{name: adacomm, tau: 1, every: 3, factor: 0}"};
    for (size_t p = 0; p < sizeof all / sizeof *all; p++)
        for (size_t l = 0; l < sizeof losses / sizeof *losses; l++)
            for (size_t f = 0; f < sizeof factors / sizeof *factors; f++)
                for (size_t steps = 4; steps <= 100; steps += 16) {
                    const struct rounds rounds = rounds_of(all[p], steps, losses[l], factors[f]);
                    for (size_t i = 0; i < rounds.count; i++)
                        assert_true(rounds.begin[i + 1] - rounds.begin[i] <= steps);
                }
}

/* ---- experiments ---- */

static void
every_period_has_a_tau(void **unused)
{
    (void)unused;
    for (const struct sm_plugin *const *p = sm_axis_period.plugins; *p != NULL; p++) {
        const struct sm_param *tau = sm_param_find((*p)->params, "tau");
        assert_non_null(tau);
        assert_int_equal(tau->type, SM_PARAM_TYPE_COUNT); /* sm_experiment_tau reads a size_t */
        assert_true(tau->min >= 1);
    }
}

static enum sm_status
bind(const char *tau, struct sm_experiment *experiment)
{
    struct sm_node *root;
    char *yaml = sm_arena_printf(&arena, "algorithm: {tau: %s}", tau);
    check_ok(sm_tree_parse(&arena, "a.yaml", yaml, &root));
    return sm_experiment_bind(&arena, root, experiment);
}

static void
a_number_alone_is_fixed_and_mistakes_are_named(void **unused)
{
    (void)unused;
    struct sm_experiment e;
    check_ok(bind("7", &e));
    assert_string_equal(e.algorithm.period.plugin->name, "fixed");
    assert_int_equal(sm_experiment_tau(&e), 7);
    check_ok(bind("{name: adacomm, tau: 9}", &e));
    assert_string_equal(e.algorithm.period.plugin->name, "adacomm");
    assert_int_equal(sm_experiment_tau(&e), 9);
    const struct {
        const char *tau, *part;
    } wrong[] = {
        {"{name: adacom}",
         "algorithm.tau.name: unknown period 'adacom', did you mean 'adacomm'?; known: fixed, "
         "post_local, adacomm"},
        {"abc", "algorithm.tau: unknown period 'abc'; known: fixed, post_local, adacomm"},
        {"0", "algorithm.tau: "},
        {"-3", "algorithm.tau: "},
        {"12x", "algorithm.tau: "},
        {"1.5", "algorithm.tau: "},
        {"{tau: 0}", "algorithm.tau.tau: "},
        {"{name: post_local, from: -1}", "algorithm.tau.from: "},
        {"{name: adacomm, factor: 1.5}", "algorithm.tau.factor: "},
        {"{name: adacomm, from: 3}", "algorithm.tau.from: "},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        check_fails(bind(wrong[i].tau, &e), SM_ERR_INPUT, wrong[i].part);
}

/* ---- whole runs ---- */

enum { D = 2000, WORKERS = 4 };

/* A parabola a worker, whose losses differ. */
static struct training *
run(const struct training_how *how, size_t steps, const char *algorithm)
{
    struct training *t = training_run(
        how,
        "{steps: %zu, evaluate: {every: 1}, platform: {file: star_%d},"
        " workload: {model: quadratic, dimension: %d, curvature: [0.5, 1, 1.5, 2], noise: 0.1},"
        " algorithm: {inner: {lr: 0.02, momentum: 0}, %s}}",
        steps, (int)WORKERS, (int)D, algorithm);
    if (t->status != SM_OK)
        print_error("%s\n", t->error.message);
    assert_int_equal(t->status, SM_OK);
    assert_string_equal(t->state, "finished");
    return t;
}

/* What an exact average of the model makes each worker send. */
static double
round_bytes(void)
{
    struct training *t = run(&(struct training_how){0}, 10, "strategy: local, tau: 1");
    const double bytes = t->bytes / 10;
    free(t);
    assert_true(bytes > 4 * D);
    return bytes;
}

/* The loss floats of adacomm are 1 / D of the rest. */
static void
expect_rounds(const struct training *t, double rounds)
{
    check_relative(t->bytes, rounds * round_bytes(), 0.01);
}

static void
expect_same_run(const char *algorithm, const char *other)
{
    struct training *a = run(&(struct training_how){0}, 20, algorithm);
    struct training *b = run(&(struct training_how){0}, 20, other);
    assert_int_equal(strlen(a->hash), 16);
    assert_string_equal(a->hash, b->hash);
    check_near(a->bytes, b->bytes, 0);
    check_near(a->seconds, b->seconds, 0);
    free(a);
    free(b);
}

static void
post_local_from_the_start_is_fixed(void **unused)
{
    (void)unused;
    expect_same_run("strategy: local, tau: {name: post_local, tau: 4, from: 0}",
                    "strategy: local, tau: 4");
    expect_same_run("strategy: sgp, outer: slowmo, tau: {name: post_local, tau: 4, from: 0}",
                    "strategy: sgp, outer: slowmo, tau: 4");
    expect_same_run("strategy: local, tau: {name: post_local, tau: 4, from: 1}",
                    "strategy: local, tau: 1");
}

static void
post_local_is_allreduce_up_to_its_point(void **unused)
{
    (void)unused;
    struct training *all = run(&(struct training_how){0}, 20, "strategy: allreduce");
    struct training *post =
        run(&(struct training_how){0}, 20, "strategy: local, tau: {name: post_local, tau: 5}");
    struct training *thread = run(&(struct training_how){.engine = &sm_engine_thread}, 20,
                                  "strategy: local, tau: {name: post_local, tau: 5}");
    for (size_t k = 0; k <= 10; k++) {
        check_relative(post->evaluations[k].test_loss, all->evaluations[k].test_loss, 1e-6);
        check_near(post->evaluations[k].consensus_distance, 0, 0);
    }
    for (size_t k = 11; k < 15; k++)
        assert_true(post->evaluations[k].consensus_distance > 0);
    expect_rounds(post, 10 + 2);
    assert_string_equal(post->hash, thread->hash);
    free(all);
    free(post);
    free(thread);
}

/* Rounds are told by where the workers agree. Their mean losses are the evaluations' train_loss, of
 * one step each here, up to the rounding to a float. */
static void
adacomm_in_a_run_has_the_rounds_that_its_losses_ask_for(void **unused)
{
    (void)unused;
    enum { STEPS = 120 };
    const char *algorithm = "strategy: local, outer: average, tau: {name: adacomm, tau: 16}";
    struct training *t = run(&(struct training_how){0}, STEPS, algorithm);
    struct training *thread =
        run(&(struct training_how){.engine = &sm_engine_thread}, STEPS, algorithm);
    size_t tau = 16, rounds = 0, interval = 0;
    double first = 0;
    for (size_t begin = 0; begin + tau <= STEPS; rounds++) {
        const size_t end = begin + tau;
        double loss = 0;
        for (size_t k = begin + 1; k <= end; k++) {
            loss += t->evaluations[k].train_loss / (double)tau;
            assert_int_equal(t->evaluations[k].consensus_distance == 0, k == end);
        }
        first = begin == 0 ? loss : first;
        if (begin > 0 && end / 6 > interval) { /* 0.05 of 120 steps */
            const size_t wanted = (size_t)ceil(sqrt(loss / first) * 16);
            tau = wanted < tau ? wanted : (tau + 1) / 2;
        }
        interval = end / 6;
        begin = end;
    }
    print_message("  %zu rounds, the last of %zu steps\n", rounds, tau);
    assert_true(rounds > STEPS / 16 + 2 && tau < 16);
    expect_rounds(t, (double)rounds);
    assert_true(t->bytes > (double)rounds * round_bytes()); /* by the losses */
    assert_int_equal(strlen(t->hash), 16);
    assert_string_equal(t->hash, thread->hash);
    free(t);
    free(thread);
}

static void
adacomm_without_gradients_keeps_tau_and_sends_no_losses(void **unused)
{
    (void)unused;
    struct training *t =
        training_run(&(struct training_how){.timing_only = true},
                     "{steps: 60, platform: {file: star_4}, algorithm: {strategy: local,"
                     " tau: {name: adacomm, tau: 12}}}");
    struct training *fixed = training_run(
        &(struct training_how){.timing_only = true},
        "{steps: 60, platform: {file: star_4}, algorithm: {strategy: local, tau: 12}}");
    assert_int_equal(t->status, SM_OK);
    assert_true(t->bytes > 0);
    check_near(t->bytes, fixed->bytes, 0);
    check_near(t->seconds, fixed->seconds, 0);
    free(t);
    free(fixed);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fixed_is_the_same_all_along),
        cmocka_unit_test(post_local_has_rounds_of_one_step_before_its_point),
        cmocka_unit_test(adacomm_goes_with_the_root_of_the_loss),
        cmocka_unit_test(adacomm_rounds_up),
        cmocka_unit_test(adacomm_shrinks_by_its_factor_where_the_loss_has_not_fallen),
        cmocka_unit_test(adacomm_lengthens_rounds_where_the_learning_rate_is_lowered),
        cmocka_unit_test(adacomm_takes_no_warm_up_for_a_lowered_rate),
        cmocka_unit_test(adacomm_keeps_tau_without_a_loss_or_a_rate_to_go_by),
        cmocka_unit_test(no_period_gives_a_round_of_no_steps_or_one_longer_than_the_run),
        cmocka_unit_test(every_period_has_a_tau),
        cmocka_unit_test(a_number_alone_is_fixed_and_mistakes_are_named),
        cmocka_unit_test(post_local_from_the_start_is_fixed),
        cmocka_unit_test(post_local_is_allreduce_up_to_its_point),
        cmocka_unit_test(adacomm_in_a_run_has_the_rounds_that_its_losses_ask_for),
        cmocka_unit_test(adacomm_without_gradients_keeps_tau_and_sends_no_losses),
    };
    return cmocka_run_group_tests(tests, NULL, arena_teardown);
}
