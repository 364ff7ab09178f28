/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/analyse.c -- what a store says over seeds, against numbers worked by hand. */
#include "tests/helpers/check.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/analyse.h"
#include "sim/store/record.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static struct sm_arena scratch;

static int
clean(void **state)
{
    (void)state;
    sm_arena_fini(&scratch);
    return 0;
}

/* ---- runs to look at ---- */

static struct sm_stored_run
run_of(const char *name, double seed, const char *settings)
{
    struct sm_stored_run run = {.run = 1, .created = ""};
    struct sm_summary *summary = &run.summary;
    for (const struct sm_field *f = sm_summary_fields; f->name != NULL; f++)
        if (f->kind == SM_FIELD_REAL || f->kind == SM_FIELD_WHOLE)
            *(double *)((char *)summary + f->offset) = NAN;
    summary->name = name;
    summary->seed = seed;
    summary->status = "finished";
    summary->workers = 4;
    summary->steps = 100;
    summary->experiment =
        sm_arena_printf(&scratch, "name: \"%s\"\nseed: %g\n%s\n", name, seed, settings);
    return run;
}

/* Reaches half of its images at `seconds`, after 50 steps. */
static struct sm_stored_run
run_to_half(const char *name, double seed, const char *settings, double seconds)
{
    struct sm_stored_run run = run_of(name, seed, settings);
    struct sm_evaluation *points = sm_arena_zalloc(&scratch, 2, sizeof *points);
    points[1] = (struct sm_evaluation){
        .step = 100, .sim_seconds = 2 * seconds, .test_accuracy = 1, .train_loss = 1};
    points[0].train_loss = NAN;
    run.evaluations = points;
    run.evaluation_count = 2;
    run.summary.final.test_accuracy = 1;
    run.summary.sim.seconds = 2 * seconds;
    return run;
}

static struct sm_variant *
variants_of(const struct sm_stored_run *runs, size_t count, double target, size_t *variant_count)
{
    struct sm_variant *variants;
    check_ok(sm_variants_find(runs, count, target, &scratch, &variants, variant_count));
    return variants;
}

static const struct sm_run_measure *
measure(const char *name)
{
    const struct sm_run_measure *found;
    check_ok(sm_run_measure_find(name, &found));
    return found;
}

/* ---- statistics ---- */

static void
three_values_have_the_interval_of_all_their_27_draws(void **state)
{
    (void)state;
    struct sm_interval interval;
    const double values[] = {0, NAN, 3, 6}; /* means 0 1 2 3 4 5 6 of 1 3 6 7 6 3 1 draws */
    check_ok(sm_bootstrap_mean(&scratch, values, 4, 0.9, &interval));
    check_near(interval.low, 1, 1e-15); /* the 1.3-th of 0 .. 26: between two of the three 1s */
    check_near(interval.high, 5, 1e-15);
    check_ok(sm_bootstrap_mean(&scratch, values, 4, 0.95, &interval));
    check_near(interval.low, 0.65, 1e-12); /* the 0.65-th */
    check_near(interval.high, 5.35, 1e-12);
}

static void
one_value_has_no_interval_and_equal_values_one_without_width(void **state)
{
    (void)state;
    struct sm_interval interval;
    const double values[] = {7, 7, 7, 7, 7, 7, 7};
    check_ok(sm_bootstrap_mean(&scratch, values, 1, 0.95, &interval));
    assert_true(isnan(interval.low) && isnan(interval.high));
    check_ok(sm_bootstrap_mean(&scratch, values, 7, 0.95, &interval));
    check_near(interval.low, 7, 0);
    check_near(interval.high, 7, 0);
}

static void
many_values_have_nearly_the_normal_interval_and_always_the_same(void **state)
{
    (void)state;
    struct sm_interval interval, again;
    double values[100]; /* 0 .. 99: of the mean 49.5 the standard error is sqrt(833.25 / 100) */
    for (size_t i = 0; i < 100; i++)
        values[i] = (double)i;
    check_ok(sm_bootstrap_mean(&scratch, values, 100, 0.95, &interval));
    check_ok(sm_bootstrap_mean(&scratch, values, 100, 0.95, &again));
    check_near(interval.low, 49.5 - 1.96 * sqrt(8.3325), 0.25);
    check_near(interval.high, 49.5 + 1.96 * sqrt(8.3325), 0.25);
    assert_memory_equal(&interval, &again, sizeof again);
}

static void
a_power_law_has_its_exponent_as_slope(void **state)
{
    (void)state;
    struct sm_slope slope;
    const double x[] = {0, 1, 4, 16, 64}, y[] = {3, 8, 4, 2, 1}; /* 8 / sqrt(x); 0 is no point */
    check_ok(sm_log_slope(&scratch, x, y, 5, &slope));
    check_near(slope.value, -0.5, 1e-14);
    check_near(slope.error, 0, 1e-7);
    /* ln x = 0 1 2, ln y = 0 1 1: residuals -1/6 1/3 -1/6, s^2 = 1/6, Sxx = 2 */
    const double u[] = {1, M_E, M_E * M_E}, v[] = {1, M_E, M_E};
    check_ok(sm_log_slope(&scratch, u, v, 3, &slope));
    check_near(slope.value, 0.5, 1e-14);
    check_near(slope.error, sqrt(1.0 / 12), 1e-14);
    check_ok(sm_log_slope(&scratch, u, v, 2, &slope));
    assert_true(isnan(slope.value));
}

/* ---- variants ---- */

static void
a_speed_up_is_the_ratio_of_mean_times_over_pairs_of_seeds(void **state)
{
    (void)state;
    struct sm_stored_run runs[] = {
        run_to_half("allreduce", 1, "", 10), run_to_half("allreduce", 2, "", 20),
        run_to_half("allreduce", 3, "", 999), run_to_half("local", 1, "algorithm: {tau: 2}", 5),
        run_to_half("local", 2, "algorithm: {tau: 2}", 5)};
    for (size_t i = 0; i < 5; i++)
        runs[i].summary.algorithm.strategy = runs[i].summary.name;
    size_t count;
    struct sm_analysed *rows;
    const struct sm_variant *variants = variants_of(runs, 5, 0.5, &count);
    assert_int_equal(count, 2);
    check_ok(sm_analyse_variants(&scratch, variants, count, &rows));
    assert_null(rows[0].base);
    assert_true(isnan(rows[0].speed_up));
    assert_ptr_equal(rows[1].base, &variants[0]);
    assert_int_equal(rows[1].pairs, 2); /* nobody ran local with seed 3 */
    check_near(rows[1].speed_up, 3, 1e-15);
    check_near(rows[1].speed_up_interval.low, 2.075, 1e-12); /* of 2 3 3 4 */
    check_near(rows[1].speed_up_interval.high, 3.925, 1e-12);
    check_near(rows[1].measure_half, 0, 0); /* both end at 100 % */
    check_near(rows[1].target_seconds.mean, 5, 1e-15);
    check_near(rows[1].target_steps.mean, 50, 1e-12);
    check_near(rows[1].bound, 0.05, 1e-15); /* 1 / sqrt(4 * 100) */
}

static void
evaluate_against_names_another_base(void **state)
{
    (void)state;
    struct sm_stored_run runs[] = {
        run_to_half("allreduce", 1, "evaluate: {against: local}", 10),
        run_to_half("local", 1, "algorithm: {tau: 2}\nevaluate: {against: local}", 5)};
    size_t count;
    struct sm_analysed *rows;
    const struct sm_variant *variants = variants_of(runs, 2, 0.5, &count);
    runs[0].summary.algorithm.strategy = "allreduce";
    check_ok(sm_analyse_variants(&scratch, variants, count, &rows));
    assert_ptr_equal(rows[0].base, &variants[1]);
    check_near(rows[0].speed_up, 0.5, 1e-15);
    assert_true(isnan(rows[0].speed_up_interval.low));
    assert_null(rows[1].base);
}

static void
the_front_holds_what_nobody_beats_in_both(void **state)
{
    (void)state;
    const struct {
        const char *name;
        double accuracy, seconds;
        bool front;
    } points[] = {{"a", 0.9, 100, true},  {"b", 0.8, 50, true},
                  {"c", 0.85, 60, true},  {"d", 0.85, 70, false}, /* as good as c, later */
                  {"e", 0.84, 60, false},                         /* as fast as c, worse */
                  {"f", 0.85, 60, true},                          /* c's twin            */
                  {"g", NAN, 1, false}};
    struct sm_stored_run runs[COUNT(points)];
    for (size_t i = 0; i < COUNT(points); i++) {
        runs[i] = run_of(points[i].name, 1, "");
        runs[i].summary.final.test_accuracy = points[i].accuracy;
        runs[i].summary.sim.seconds = points[i].seconds;
    }
    size_t count;
    struct sm_analysed *rows;
    const struct sm_variant *variants = variants_of(runs, COUNT(points), NAN, &count);
    check_ok(sm_analyse_variants(&scratch, variants, count, &rows));
    for (size_t i = 0; i < COUNT(points); i++)
        assert_int_equal(rows[i].front, points[i].front);
}

static void
the_rate_of_several_seeds_is_the_mean_of_their_slopes(void **state)
{
    (void)state;
    struct sm_evaluation points[2][3];
    struct sm_stored_run runs[] = {run_of("a", 1, ""), run_of("a", 2, "")};
    for (size_t r = 0; r < 2; r++) { /* losses x^-1 and x^-2 */
        for (size_t i = 0; i < 3; i++)
            points[r][i] = (struct sm_evaluation){
                .step = 1u << i, .train_loss = pow((double)(1u << i), -1.0 - (double)r)};
        runs[r].evaluations = points[r];
        runs[r].evaluation_count = 3;
    }
    size_t count;
    struct sm_analysed *rows;
    const struct sm_variant *variants = variants_of(runs, 2, NAN, &count);
    check_ok(sm_analyse_variants(&scratch, variants, count, &rows));
    check_near(rows[0].rate.value, -1.5, 1e-12);
    check_near(rows[0].rate.error, 0.5, 1e-12); /* sd = sqrt(1/2), over sqrt(2) */
}

/* ---- the best value ---- */

static const char wire[] = "platform.bandwidth.\"*_eth\"";

static struct sm_stored_run
grid_run(const char *name, size_t tau, const char *bandwidth, double seed, double seconds)
{
    const char *full =
        sm_arena_printf(&scratch, "%s tau=%zu \"*_eth\"=%s seed=%g", name, tau, bandwidth, seed);
    struct sm_stored_run run =
        run_of(full, seed,
               sm_arena_printf(&scratch,
                               "platform: {file: star_4, bandwidth: {\"*_eth\": \"%s\"}}\n"
                               "algorithm:\n  strategy: {name: %s}\n  tau: {name: fixed, tau: %zu}",
                               bandwidth, name, tau));
    run.summary.experiment = sm_arena_printf(&scratch, "seed: %g\n%s", seed,
                                             strstr(run.summary.experiment, "platform:"));
    run.summary.sim.seconds_per_step = seconds;
    return run;
}

static void
the_best_tau_is_found_for_each_bandwidth(void **state)
{
    (void)state;
    const struct sm_stored_run runs[] = {
        grid_run("local", 2, "1Gbps", 1, 4),  grid_run("local", 2, "1Gbps", 2, 6),
        grid_run("local", 8, "1Gbps", 1, 3),  grid_run("local", 8, "1Gbps", 2, 3.5),
        grid_run("local", 2, "10Gbps", 1, 1), grid_run("local", 8, "10Gbps", 1, 2),
        grid_run("sgp", 2, "1Gbps", 1, 0.5),
    };
    size_t count, row_count;
    struct sm_best *rows;
    const struct sm_variant *variants = variants_of(runs, COUNT(runs), NAN, &count);
    assert_int_equal(count, 5);
    check_ok(sm_analyse_best(&scratch, variants, count, "algorithm.tau", wire,
                             measure("seconds_per_step"), &rows, &row_count));
    assert_int_equal(row_count, 3);
    assert_string_equal(rows[0].name, "local");
    assert_string_equal(rows[0].per, "1Gbps");
    assert_string_equal(rows[0].value, "8");
    check_near(rows[0].mean, 3.25, 1e-15);
    check_near(rows[0].interval.low, 3 + 0.075 * 0.25, 1e-12); /* of 3 3.25 3.25 3.5 */
    assert_int_equal(rows[0].values, 2);
    assert_string_equal(rows[1].per, "10Gbps");
    assert_string_equal(rows[1].value, "2");
    assert_string_equal(rows[2].name, "sgp");
    check_fails(sm_analyse_best(&scratch, variants, count, "algorithm.tua", NULL,
                                measure("seconds_per_step"), &rows, &row_count),
                SM_ERR_INPUT, "no stored run has a value of 'algorithm.tua'");
}

static void
a_value_with_a_seed_that_misses_the_target_is_not_the_best(void **state)
{
    (void)state;
    const struct sm_stored_run runs[] = {run_to_half("a", 1, "algorithm: {tau: 2}", 10),
                                         run_to_half("a", 2, "algorithm: {tau: 2}", 10),
                                         run_to_half("a", 1, "algorithm: {tau: 4}", 1),
                                         run_of("a", 2, "algorithm: {tau: 4}")};
    size_t count, row_count;
    struct sm_best *rows;
    const struct sm_variant *variants = variants_of(runs, COUNT(runs), 0.5, &count);
    check_ok(sm_analyse_best(&scratch, variants, count, "algorithm.tau", NULL,
                             measure("seconds_to_target"), &rows, &row_count));
    assert_int_equal(row_count, 1);
    assert_string_equal(rows[0].value, "2");
    assert_int_equal(rows[0].values, 1);
}

/* ---- ties ---- */

static void
two_algorithms_tie_where_the_logarithms_cross(void **state)
{
    (void)state;
    const struct sm_stored_run runs[] = {
        grid_run("a", 2, "1Gbps", 1, 2), grid_run("a", 2, "4Gbps", 1, 2),
        grid_run("b", 2, "1Gbps", 1, 4), grid_run("b", 2, "4Gbps", 1, 1),
        grid_run("b", 2, "9Gbps", 1, 1), /* a was not run there */
    };
    size_t count;
    struct sm_ties ties;
    const struct sm_variant *variants = variants_of(runs, COUNT(runs), NAN, &count);
    check_ok(sm_analyse_ties(&scratch, variants, count, "a tau=2,b tau=2", wire,
                             measure("seconds_per_step"), &ties));
    assert_int_equal(ties.count, 1);
    assert_int_equal(ties.values, 2);
    check_relative(ties.ties[0].at, 2e9 / 8, 1e-12); /* half way from 1 to 4 */
    assert_true(ties.ties[0].first_below);
    assert_true(isnan(ties.ties[0].interval.low)); /* one seed */
    check_fails(sm_analyse_ties(&scratch, variants, count, "a tau=2,c", wire,
                                measure("seconds_per_step"), &ties),
                SM_ERR_NAME, "no run is called 'c'");
    check_fails(sm_analyse_ties(&scratch, variants, count, "a tau=2,b tau=2", wire,
                                measure("accuracy"), &ties),
                SM_ERR_INPUT, "0 values");
}

static void
the_interval_of_a_tie_is_over_draws_of_seeds(void **state)
{
    (void)state;
    const struct sm_stored_run runs[] = {
        grid_run("a", 2, "1Gbps", 1, 2), grid_run("a", 2, "4Gbps", 1, 2),
        grid_run("b", 2, "1Gbps", 1, 4), grid_run("b", 2, "4Gbps", 1, 1), /* tie at 2 */
        grid_run("a", 2, "1Gbps", 2, 2), grid_run("a", 2, "4Gbps", 2, 2),
        grid_run("b", 2, "1Gbps", 2, 2), grid_run("b", 2, "4Gbps", 2, 1), /* tie at 1 */
    };
    /* of the means: ln(2/3) and ln 2, so ln x = ln 4 ln 1.5 / (ln 1.5 + ln 2) */
    const double both = log(4) * log(1.5) / log(3);
    size_t count;
    struct sm_ties ties;
    const struct sm_variant *variants = variants_of(runs, COUNT(runs), NAN, &count);
    check_ok(sm_analyse_ties(&scratch, variants, count, "b tau=2,a tau=2", wire,
                             measure("seconds_per_step"), &ties));
    assert_int_equal(ties.seeds, 2);
    assert_int_equal(ties.count, 1);
    assert_false(ties.ties[0].first_below); /* b is the slower one on a slow network */
    check_relative(ties.ties[0].at, exp(both) / 8 * 1e9, 1e-12);
    check_relative(ties.ties[0].interval.low, exp(0.075 * both) / 8 * 1e9, 1e-12);
    check_relative(ties.ties[0].interval.high, exp(both + 0.925 * (log(2) - both)) / 8 * 1e9,
                   1e-12);
}

/* ---- the command ---- */

static char *
analysis_of(const struct sm_stored_run *runs, size_t count, struct sm_analysis_request request)
{
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    check_ok(sm_analyse(runs, count, &request, out));
    fclose(out);
    return text;
}

static void
both_forms_say_the_same(void **state)
{
    (void)state;
    const struct sm_stored_run runs[] = {
        grid_run("a", 2, "1Gbps", 1, 2), grid_run("a", 2, "4Gbps", 1, 2),
        grid_run("b", 2, "1Gbps", 1, 4), grid_run("b", 2, "4Gbps", 1, 1)};
    struct sm_analysis_request request = {.target = NAN,
                                          .best = wire,
                                          .by = "seconds_per_step",
                                          .tie = "a tau=2,b tau=2",
                                          .over = wire};
    char *text = analysis_of(runs, 4, request);
    assert_non_null(strstr(text, "a tau=2 and b tau=2 tie in seconds_per_step at "
                                 "platform.bandwidth.\"*_eth\" = 2Gbps; below, a tau=2 has less\n"
                                 "2 values of platform.bandwidth.\"*_eth\", 1 seed\n"));
    free(text);
    request.json = true;
    text = analysis_of(runs, 4, request);
    json_t *object = json_loads(text, 0, NULL), *tie = json_object_get(object, "tie");
    free(text);
    assert_non_null(object);
    assert_int_equal(json_array_size(json_object_get(object, "variants")), 4);
    const json_t *winner = json_array_get(json_object_get(object, "best"), 1);
    assert_string_equal(json_string_value(json_object_get(winner, "value")), "4Gbps");
    const json_t *at = json_object_get(json_array_get(json_object_get(tie, "ties"), 0), "at");
    check_relative(json_real_value(at), 2.5e8, 1e-12);
    json_decref(object);
}

static void
misuse_is_one_line(void **state)
{
    (void)state;
    const struct sm_stored_run runs[] = {grid_run("a", 2, "1Gbps", 1, 2)};
    const struct {
        struct sm_analysis_request request;
        const char *part;
    } rows[] = {{{.per = "x"}, "--per x: --best KEY says"},
                {{.tie = "a,b"}, "--tie A,B and --over KEY go together"},
                {{.by = "seconds"}, "--by seconds: for --best and --tie only"},
                {{.tie = "a", .over = "algorithm.tau"}, "--tie a: expected two names"}};
    for (size_t i = 0; i < COUNT(rows); i++)
        check_fails(sm_analyse(runs, 1, &rows[i].request, stdout), SM_ERR_INPUT, rows[i].part);
    const struct sm_analysis_request wrong = {.best = "algorithm.tau", .by = "second"};
    check_fails(sm_analyse(runs, 1, &wrong, stdout), SM_ERR_NAME, "did you mean 'seconds'?");
    check_fails(sm_analyse(NULL, 0, &wrong, stdout), SM_ERR_INPUT, "no runs to analyse");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(three_values_have_the_interval_of_all_their_27_draws, clean),
        cmocka_unit_test_teardown(one_value_has_no_interval_and_equal_values_one_without_width,
                                  clean),
        cmocka_unit_test_teardown(many_values_have_nearly_the_normal_interval_and_always_the_same,
                                  clean),
        cmocka_unit_test_teardown(a_power_law_has_its_exponent_as_slope, clean),
        cmocka_unit_test_teardown(a_speed_up_is_the_ratio_of_mean_times_over_pairs_of_seeds, clean),
        cmocka_unit_test_teardown(evaluate_against_names_another_base, clean),
        cmocka_unit_test_teardown(the_front_holds_what_nobody_beats_in_both, clean),
        cmocka_unit_test_teardown(the_rate_of_several_seeds_is_the_mean_of_their_slopes, clean),
        cmocka_unit_test_teardown(the_best_tau_is_found_for_each_bandwidth, clean),
        cmocka_unit_test_teardown(a_value_with_a_seed_that_misses_the_target_is_not_the_best,
                                  clean),
        cmocka_unit_test_teardown(two_algorithms_tie_where_the_logarithms_cross, clean),
        cmocka_unit_test_teardown(the_interval_of_a_tie_is_over_draws_of_seeds, clean),
        cmocka_unit_test_teardown(both_forms_say_the_same, clean),
        cmocka_unit_test_teardown(misuse_is_one_line, clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
