/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/analysis.c -- time to accuracy, statistics over seeds, the tables, the exports. */
#include "tests/helpers/check.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/analysis.h"
#include "analysis/variants.h"
#include "sim/store/record.h"
#include "tests/helpers/arena.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- runs to look at ---- */

static struct sm_summary
summary_named(const char *name)
{
    struct sm_summary summary = {.name = NULL};
    for (const struct sm_field *f = sm_summary_fields; f->name != NULL; f++)
        if (f->kind == SM_FIELD_REAL || f->kind == SM_FIELD_WHOLE)
            *(double *)((char *)&summary + f->offset) = NAN;
    summary.name = name;
    summary.status = "finished";
    return summary;
}

static const struct sm_evaluation rising[] = {
    {100, 10.0, 2.0, 1.9, 0.50, NAN, NAN, 0.1}, {200, 20.0, 1.5, 1.4, NAN, NAN, NAN, 0.1},
    {300, 30.0, 1.0, 0.9, 0.75, NAN, NAN, 0.1}, {400, 50.0, 0.9, 0.9, 0.70, NAN, NAN, 0.1},
    {500, 60.0, 0.8, 0.8, 0.80, NAN, NAN, 0.1},
};

static struct sm_stored_run
rising_run(const char *name)
{
    struct sm_stored_run run = {.run = 3,
                                .created = "2024-01-01T00:00:00Z",
                                .summary = summary_named(name),
                                .evaluations = rising,
                                .evaluation_count = COUNT(rising)};
    run.summary.workers = 32;
    run.summary.algorithm.tau = 12;
    run.summary.final.test_accuracy = run.summary.best.test_accuracy = 0.8;
    run.summary.sim.seconds_per_step = 0.12;
    run.summary.sim.seconds = 60;
    run.summary.wall.samples_per_second = 13500.4;
    return run;
}

static struct sm_stored_run
timed_run(const char *name, double seconds_per_step)
{
    struct sm_stored_run run = {.run = 4, .created = "", .summary = summary_named(name)};
    run.summary.sim.seconds_per_step = seconds_per_step;
    run.summary.sim.seconds = 100 * seconds_per_step;
    run.summary.wall.seconds = 1.25;
    return run;
}

/* What a function printed; the caller frees it. */
static char *
table_of(const struct sm_stored_run *runs, size_t count, double target)
{
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    sm_table_print(runs, count, target, out);
    fclose(out);
    return text;
}

static char *
export_of(const struct sm_stored_run *runs, size_t count, const char *format)
{
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    check_ok(sm_export(runs, count, format, out));
    fclose(out);
    return text;
}

static void
assert_text(char *actual, const char *expected)
{
    assert_string_equal(actual, expected);
    free(actual);
}

/* ---- time to accuracy ---- */

static void
time_to_accuracy_is_linear_between_evaluations(void **state)
{
    (void)state;
    double step;
    /* from 0.50 at 10 s to 0.75 at 30 s: the point without an accuracy does not count */
    check_near(sm_time_to_accuracy(rising, COUNT(rising), 0.60, &step), 18.0, 1e-12);
    check_near(step, 180.0, 1e-12);
    check_near(sm_time_to_accuracy(rising, COUNT(rising), 0.75, &step), 30.0, 0);
    check_near(step, 300.0, 0);
    /* the dip at 50 s is not the way to 0.76, the last point is */
    check_near(sm_time_to_accuracy(rising, COUNT(rising), 0.76, NULL), 56.0, 1e-9);
}

static void
time_to_an_accuracy_that_the_first_point_has_is_the_first_point(void **state)
{
    (void)state;
    double step;
    check_near(sm_time_to_accuracy(rising, COUNT(rising), 0.25, &step), 10.0, 0);
    check_near(step, 100.0, 0);
}

static void
time_to_an_accuracy_never_reached_is_nan(void **state)
{
    (void)state;
    double step = 0;
    assert_true(isnan(sm_time_to_accuracy(rising, COUNT(rising), 0.81, &step)));
    assert_true(isnan(step));
    assert_true(isnan(sm_time_to_accuracy(rising, COUNT(rising), NAN, NULL)));
    assert_true(isnan(sm_time_to_accuracy(NULL, 0, 0.5, NULL)));
}

static void
the_common_target_is_a_whole_percent_that_every_run_reaches(void **state)
{
    (void)state;
    for (size_t correct = 0; correct <= 10000; correct++) { /* every accuracy of 10 000 images */
        struct sm_evaluation point = {.step = 1, .test_accuracy = (double)correct / 10000};
        struct sm_stored_run runs[] = {
            rising_run("a"),
            {.summary.status = "finished", .evaluations = &point, .evaluation_count = 1}};
        double target = sm_common_target(runs, 2);
        size_t percent = correct / 100 < 80 ? correct / 100 : 80;
        check_near(target, (double)percent / 100, 0);
        for (size_t r = 0; r < 2; r++)
            assert_false(isnan(
                sm_time_to_accuracy(runs[r].evaluations, runs[r].evaluation_count, target, NULL)));
    }
}

static void
there_is_no_common_target_when_a_run_has_no_accuracy(void **state)
{
    (void)state;
    struct sm_stored_run runs[] = {rising_run("a"), timed_run("b", 1)};
    assert_true(isnan(sm_common_target(runs, 2)));
    assert_true(isnan(sm_common_target(runs, 0)));
}

static void
runs_that_did_not_finish_do_not_lower_the_common_target(void **state)
{
    (void)state;
    struct sm_stored_run runs[] = {rising_run("a"), rising_run("b"), timed_run("c", 1)};
    runs[1].evaluation_count = 1; /* 50 % and then no more */
    runs[1].summary.status = "diverged";
    runs[2].summary.status = "interrupted";
    check_near(sm_common_target(runs, 3), 0.80, 0);
    assert_true(isnan(sm_common_target(runs + 1, 2)));
}

/* ---- statistics ---- */

static void
mean_and_deviation_are_those_by_hand(void **state)
{
    (void)state;
    const double values[] = {2, 4, 4, 4, 5, 5, 7, 9}; /* squares about 5: 9 1 1 1 0 0 4 16 */
    struct sm_sample sample = sm_sample_take(values, COUNT(values));
    assert_int_equal(sample.count, 8);
    check_near(sample.mean, 5, 0);
    check_near(sample.sd, sqrt(32.0 / 7), 1e-15);
}

static void
the_interval_of_two_values_has_the_factor_of_one_degree_of_freedom(void **state)
{
    (void)state;
    /* t(0.975; n - 1) of the printed tables; the values are such that sd / sqrt(n) = 1 */
    const struct {
        size_t n;
        double t;
    } rows[] = {{2, 12.706}, {3, 4.303}, {5, 2.776}, {10, 2.262}, {31, 2.042}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct sm_sample sample = {rows[i].n, 0, sqrt((double)rows[i].n)};
        check_near(sm_sample_half_interval(&sample, 0.95), rows[i].t, 5e-4);
    }
    const double values[] = {-1, 1};
    struct sm_sample sample = sm_sample_take(values, 2);
    check_near(sm_sample_half_interval(&sample, 0.5), 1, 1e-12); /* t(0.75; 1) = tan(pi / 4) */
}

static void
the_paired_interval_is_that_of_students_sleep_data(void **state)
{
    (void)state;
    /* hours of sleep gained on two drugs by ten patients, Student 1908; published: a mean
     * difference of 1.58 and a 95 % interval of 0.7001142 .. 2.4598858 */
    const double first[] = {0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0};
    const double second[] = {1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4};
    double differences[10];
    for (size_t i = 0; i < 10; i++)
        differences[i] = second[i] - first[i];
    struct sm_sample sample = sm_sample_take(differences, 10);
    double half = sm_sample_half_interval(&sample, 0.95);
    check_near(sample.mean, 1.58, 1e-12);
    check_near(sample.mean - half, 0.7001142, 5e-8);
    check_near(sample.mean + half, 2.4598858, 5e-8);
}

static void
too_few_values_have_no_deviation_and_no_interval(void **state)
{
    (void)state;
    const double values[] = {NAN, 3, INFINITY, 3, -INFINITY};
    struct sm_sample none = sm_sample_take(values, 1), one = sm_sample_take(values, 3);
    assert_int_equal(none.count, 0);
    assert_true(isnan(none.mean));
    assert_int_equal(one.count, 1);
    check_near(one.mean, 3, 0);
    assert_true(isnan(none.sd) && isnan(one.sd));
    assert_true(isnan(sm_sample_half_interval(&none, 0.95)));
    assert_true(isnan(sm_sample_half_interval(&one, 0.95)));
    struct sm_sample equal = sm_sample_take(values, 5); /* twice the same */
    check_near(equal.sd, 0, 0);
    check_near(sm_sample_half_interval(&equal, 0.95), 0, 0);
}

/* ---- variants ---- */

/* A finished run of `variant` with the experiment that a store would hold; row = its number. */
static struct sm_stored_run
seeded_run(int64_t row, const char *variant, size_t seed, const char *against, double accuracy)
{
    const char *name = sm_arena_printf(&arena, "%s seed=%zu", variant, seed);
    struct sm_stored_run run = {.run = row, .created = "", .summary = summary_named(name)};
    run.summary.seed = (double)seed;
    run.summary.experiment = sm_arena_printf(&arena,
                                             "name: \"%s\"\nsteps: 500\nseed: %zu\nalgorithm:\n"
                                             "  outer: {name: %s}\n"
                                             "evaluate: {every: 0, target: 0, against: \"%s\"}\n",
                                             name, seed, variant, against);
    run.summary.version = "1";
    run.summary.hashes.data = "d";
    run.summary.final.test_accuracy = accuracy;
    run.summary.final.test_loss = 1 - accuracy;
    run.summary.sim.seconds_per_step = 0.1 + 0.001 * (double)seed;
    return run;
}

static struct sm_variant *
variants_of(const struct sm_stored_run *runs, size_t count, double target, size_t expected)
{
    struct sm_variant *variants;
    size_t variant_count;
    check_ok(sm_variants_find(runs, count, target, &arena, &variants, &variant_count));
    assert_int_equal(variant_count, expected);
    return variants;
}

static void
runs_that_differ_only_in_their_seed_are_one_variant(void **state)
{
    (void)state;
    struct sm_stored_run runs[] = {
        seeded_run(1, "local", 1, "", 0.80),
        seeded_run(2, "slowmo", 1, "local", 0.83),
        seeded_run(3, "local", 2, "", 0.82),
        seeded_run(4, "slowmo", 2, "local", 0.84),
    };
    struct sm_variant *v = variants_of(runs, 4, NAN, 2);
    assert_string_equal(v[0].name, "local");
    assert_string_equal(v[1].name, "slowmo");
    assert_int_equal(v[0].count, 2);
    check_near(v[0].final[SM_MEASURE_ACCURACY].mean, 0.81, 1e-15);
    check_near(v[0].final[SM_MEASURE_ACCURACY].sd, 0.01 * sqrt(2), 1e-15);
    check_near(v[0].final[SM_MEASURE_LOSS].mean, 0.19, 1e-15);
    check_near(v[0].step_seconds.mean, 0.1015, 1e-15);
    assert_int_equal(v[0].final[SM_MEASURE_BLEU].count, 0);
    assert_null(v[0].base);
    assert_ptr_equal(v[1].base, &v[0]);
    /* gains 0.03 and 0.02: their deviation is 0.01 / sqrt(2), half the interval t 0.01 / 2 */
    check_near(v[1].gain.mean, 0.025, 1e-15);
    check_near(v[1].gain_half, 12.7062047362 * 0.005, 1e-12);
}

static void
runs_that_differ_in_anything_else_are_not(void **state)
{
    (void)state;
    for (int difference = 0; difference < 6; difference++) {
        struct sm_stored_run runs[] = {seeded_run(1, "local", 1, "", 0.80),
                                       seeded_run(2, "local", 2, "", 0.82)};
        struct sm_summary *second = &runs[1].summary;
        switch (difference) {
        case 0: /* nothing */
            break;
        case 1: /* a setting */
            second->experiment = "name: \"local seed=2\"\nsteps: 501\nseed: 2\n";
            break;
        case 2:
            second->name = "local tau=2 seed=2";
            break;
        case 3:
            second->version = "2";
            break;
        case 4: /* timing only */
            second->hashes.data = NULL;
            break;
        case 5:
            second->hashes.platform = "p";
            break;
        }
        variants_of(runs, 2, NAN, difference == 0 ? 1 : 2);
    }
}

static void
only_the_seed_of_the_run_leaves_its_name(void **state)
{
    (void)state;
    const struct {
        const char *name, *rest;
        double seed;
    } cases[] = {
        {"a seed=3", "a", 3},
        {"a seed=3 tau=12", "a tau=12", 3},
        {"a dataset.seed=3 seed=4", "a dataset.seed=3", 4},
        {"a seed=1e3", "a", 1000},
        {"a seed=5", "a seed=5", 3},
        {"a seed=x", "a seed=x", 3},
        {"a seed=3b seed=3", "a seed=3b", 3},
        {"a", "a", 3},
        {NULL, "-", 3},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct sm_stored_run run = timed_run(cases[i].name, 1);
        run.summary.seed = cases[i].seed;
        assert_string_equal(variants_of(&run, 1, NAN, 1)->name, cases[i].rest);
    }
}

static void
a_seed_counts_once_and_the_run_that_came_to_its_end(void **state)
{
    (void)state;
    struct sm_stored_run runs[] = {
        seeded_run(1, "local", 1, "", 0.70), seeded_run(2, "local", 2, "", 0.80),
        seeded_run(3, "local", 1, "", 0.74), /* later */
        seeded_run(4, "local", 2, "", 0.10), /* later, but broken off */
    };
    runs[3].summary.status = "interrupted";
    struct sm_variant *v = variants_of(runs, 4, NAN, 1);
    assert_int_equal(v->count, 2);
    assert_int_equal(v->finished, 2);
    check_near(v->final[SM_MEASURE_ACCURACY].mean, 0.77, 1e-15);
    assert_int_equal(v->final[SM_MEASURE_ACCURACY].count, 2);
}

static void
what_did_not_finish_is_counted_and_in_no_mean(void **state)
{
    (void)state;
    struct sm_stored_run runs[] = {
        seeded_run(1, "local", 1, "", 0.80),       seeded_run(2, "local", 2, "", 0.82),
        seeded_run(3, "local", 3, "", 0.10),       seeded_run(4, "slowmo", 1, "local", 0.81),
        seeded_run(5, "slowmo", 2, "local", 0.10), seeded_run(6, "slowmo", 3, "local", 0.85),
    };
    runs[2].summary.status = runs[4].summary.status = "diverged";
    struct sm_variant *v = variants_of(runs, 6, NAN, 2);
    assert_int_equal(v[0].count, 3);
    assert_int_equal(v[0].finished, 2);
    check_near(v[0].final[SM_MEASURE_ACCURACY].mean, 0.81, 1e-15);
    check_near(v[1].final[SM_MEASURE_ACCURACY].mean, 0.83, 1e-15);
    assert_int_equal(v[1].gain.count, 1); /* only seed 1 finished on both sides */
    check_near(v[1].gain.mean, 0.01, 1e-15);
    assert_true(isnan(v[1].gain_half));
}

static void
of_two_bases_the_one_with_the_same_settings_is_taken(void **state)
{
    (void)state;
    /* a study of 500 steps, then the same with 600, in one store */
    struct sm_stored_run runs[] = {
        seeded_run(1, "local", 1, "", 0.80),
        seeded_run(2, "slowmo", 1, "local", 0.81),
        seeded_run(3, "local", 1, "", 0.84),
        seeded_run(4, "slowmo", 1, "local", 0.88),
    };
    for (size_t i = 2; i < 4; i++) {
        char *text = sm_arena_strdup(&arena, runs[i].summary.experiment);
        memcpy(strstr(text, "500"), "600", 3);
        runs[i].summary.experiment = text;
    }
    struct sm_variant *v = variants_of(runs, 4, NAN, 4);
    check_near(v[1].gain.mean, 0.01, 1e-15);
    check_near(v[3].gain.mean, 0.04, 1e-15);
}

static void
a_measure_that_no_run_has_makes_no_gain(void **state)
{
    (void)state;
    struct sm_stored_run runs[] = {seeded_run(1, "local", 1, "", NAN),
                                   seeded_run(2, "slowmo", 1, "local", NAN)};
    struct sm_variant *v = variants_of(runs, 2, NAN, 2);
    assert_int_equal(v[1].measure, SM_MEASURES);
    assert_int_equal(v[1].gain.count, 0);
    runs[0].summary.final.test_perplexity = 20;
    runs[1].summary.final.test_perplexity = 18;
    runs[0].summary.final.test_accuracy = runs[1].summary.final.test_accuracy = 0.3;
    v = variants_of(runs, 2, NAN, 2);
    assert_int_equal(v[1].measure, SM_MEASURE_PERPLEXITY);
    check_near(v[1].gain.mean, -2, 0);
}

static void
seconds_to_the_target_are_the_mean_of_the_runs_that_reach_it(void **state)
{
    (void)state;
    struct sm_stored_run runs[] = {seeded_run(1, "local", 1, "", 0.80),
                                   seeded_run(2, "local", 2, "", 0.80),
                                   seeded_run(3, "local", 3, "", 0.80)};
    for (size_t i = 0; i < 3; i++) {
        runs[i].evaluations = rising;
        runs[i].evaluation_count = i == 0 ? 1 : COUNT(rising); /* the first ends at 50 % */
    }
    struct sm_variant *v = variants_of(runs, 3, 0.75, 1);
    assert_int_equal(v->target_seconds.count, 2);
    check_near(v->target_seconds.mean, 30, 1e-12);
    check_near(v->target_steps.mean, 300, 1e-12);
    assert_true(isnan(variants_of(runs, 3, NAN, 1)->target_seconds.mean));
    for (size_t i = 0; i < 3; i++) /* and the experiment's own, when none is given */
        runs[i].summary.experiment = sm_arena_printf(
            &arena, "name: x\nseed: %zu\nevaluate: {every: 0, target: 0.5}\n", i + 1);
    v = variants_of(runs, 3, NAN, 1);
    check_near(v->target, 0.5, 0);
    assert_int_equal(v->target_seconds.count, 3);
}

/* ---- the outcome of a run ---- */

static char *
outcome_of(const struct sm_stored_run *runs, size_t count, double target)
{
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    check_ok(sm_outcome_print(runs, count, target, "r.db", out));
    fclose(out);
    return text;
}

static void
runs_of_several_seeds_are_shown_as_their_means(void **state)
{
    (void)state;
    struct sm_stored_run runs[] = {
        seeded_run(1, "local", 1, "", 0.80),       seeded_run(2, "local", 2, "", 0.82),
        seeded_run(3, "local", 3, "", 0.10),       seeded_run(4, "slowmo", 1, "local", 0.83),
        seeded_run(5, "slowmo", 2, "local", 0.84), seeded_run(6, "slowmo", 3, "local", 0.85),
    };
    runs[2].summary.status = "diverged";
    runs[2].summary.error = "diverged: the loss of rank 0 is not finite at step 7";
    for (size_t i = 0; i < 6; i++) {
        runs[i].evaluations = rising;
        runs[i].evaluation_count = i == 3 ? 1 : COUNT(rising);
    }
    assert_text(
        outcome_of(runs, 6, 0.75),
        "variant  against  seeds  left out  accuracy %    sd  ms/step  s to 75 %  reached   gain  "
        "+- 95 %\n"
        "local    -            2         1       81.00  1.41    101.5      30.00        2      -  "
        "      -\n"
        "slowmo   local        3         0       84.00  1.00    102.0      30.00        2  +2.50  "
        "   6.35\n"
        "left out: runs that did not finish; no mean holds them\n"
        "slowmo: gain over 2 of 3 seeds, local has no finished run of the others\n"
        "gain: accuracy minus the base's, mean over seeds; +- 95 %: by Student's t\n"
        "local seed=3: diverged: the loss of rank 0 is not finite at step 7\n"
        "6 runs, each of them in r.db: slowmo export r.db\n");
}

static void
runs_of_one_seed_are_shown_one_by_one(void **state)
{
    (void)state;
    struct sm_stored_run runs[] = {seeded_run(1, "local", 1, "", 0.80),
                                   seeded_run(2, "slowmo", 1, "local", 0.83),
                                   seeded_run(3, "slowmo", 2, "local", 0.84)};
    char *alone = outcome_of(runs, 2, NAN);
    assert_text(table_of(runs, 2, NAN), alone);
    free(alone);
    assert_text(outcome_of(runs, 3, NAN),
                "run            status    accuracy %  best %  ms/step  simulated s  wall s\n"
                "local seed=1   finished       80.00       -    101.0            -       -\n"
                "slowmo seed=1  finished       83.00       -    101.0            -       -\n"
                "slowmo seed=2  finished       84.00       -    102.0            -       -\n"
                "\n"
                "variant  against  seeds  accuracy %    sd  ms/step   gain\n"
                "local    -            1       80.00     -    101.0      -\n"
                "slowmo   local        2       83.50  0.71    101.5  +3.00\n"
                "slowmo: gain over 1 of 2 seeds, local has no finished run of the others\n"
                "gain: accuracy minus the base's, mean over seeds\n");
    /* an interrupt: what had not come to its end does not bring the single runs back */
    runs[0].summary.status = "interrupted";
    char *text = outcome_of(runs, 3, NAN);
    assert_null(strstr(text, "local seed=1 "));
    assert_non_null(strstr(text, "\n3 runs, each of them in r.db"));
    free(text);
    assert_text(outcome_of(runs, 0, NAN), "run  status  ms/step  simulated s  wall s\n");
}

static void
losses_and_perplexities_are_shown_as_in_the_table_of_runs(void **state)
{
    (void)state;
    struct sm_stored_run runs[] = {
        seeded_run(1, "local", 1, "", NAN), seeded_run(2, "local", 2, "", NAN),
        seeded_run(3, "slowmo", 1, "local", NAN), seeded_run(4, "slowmo", 2, "local", NAN)};
    const double losses[] = {0.0021, 0.0023, 0.00205, 0.00221};
    for (size_t i = 0; i < 4; i++)
        runs[i].summary.final.test_loss = losses[i];
    assert_text(outcome_of(runs, 4, NAN),
                "variant  against  seeds  test loss       sd  ms/step       gain  +- 95 %\n"
                "local    -            2   0.002200  0.00014    101.5          -        -\n"
                "slowmo   local        2   0.002130  0.00011    101.5  -0.000070  0.00025\n"
                "gain: loss minus the base's, mean over seeds, below 0 is better; +- 95 %: by "
                "Student's t\n"
                "4 runs, each of them in r.db: slowmo export r.db\n");
    for (size_t i = 0; i < 4; i++) {
        runs[i].summary.final.test_perplexity = 20 - 0.5 * (double)i;
        runs[i].summary.final.test_bleu = 30 + (double)i;
    }
    assert_text(outcome_of(runs, 4, NAN),
                "variant  against  seeds  perplexity    sd   BLEU    sd  ms/step   gain  +- 95 %\n"
                "local    -            2       19.75  0.35  30.50  0.71    101.5      -        -\n"
                "slowmo   local        2       18.75  0.35  32.50  0.71    101.5  +2.00     0.00\n"
                "gain: BLEU minus the base's, mean over seeds; +- 95 %: by Student's t\n"
                "4 runs, each of them in r.db: slowmo export r.db\n");
}

static void
variants_keep_to_100_columns_and_never_say_nan(void **state)
{
    (void)state;
    const char *name = "a-name-that-somebody-made-by-joining-every-setting-of-a-sweep-with-dashes";
    const char *base = "another-name-that-somebody-made-by-joining-every-setting";
    struct sm_stored_run runs[] = {
        seeded_run(1, base, 1, "", 0.80),   seeded_run(2, base, 2, "", NAN),
        seeded_run(3, name, 1, base, 0.83), seeded_run(4, name, 2, base, 0.84),
        seeded_run(5, "c", 1, base, NAN),   seeded_run(6, "c", 2, base, NAN),
    };
    runs[1].summary.sim.seconds_per_step = runs[4].summary.sim.seconds_per_step = NAN;
    runs[5].summary.status = "failed";
    runs[2].summary.final.test_loss = INFINITY;
    char *text = outcome_of(runs, 6, 0.75);
    assert_null(strcasestr(text, "nan"));
    assert_null(strcasestr(text, "inf"));
    char *line = strtok(text, "\n");
    assert_null(strstr(line, "against")); /* no room */
    for (size_t i = 0; i < 4; i++, line = strtok(NULL, "\n"))
        assert_int_equal(strlen(line), 100);
    free(text);
}

/* ---- the table ---- */

static void
the_table_is_aligned(void **state)
{
    (void)state;
    struct sm_stored_run runs[] = {rising_run("local"), rising_run("local-slowm\xc3\xb6")};
    runs[1].summary.sim.seconds_per_step = 1.5;
    runs[1].summary.status = "diverged";
    runs[1].evaluation_count = 1;
    runs[1].summary.best.test_accuracy = NAN;
    assert_text(
        table_of(runs, 2, 0.75),
        "run           status    accuracy %  best %  ms/step  s to 75 %  simulated s  samples/s\n"
        "local         finished       80.00   80.00    120.0      30.00        60.00      13500\n"
        "local-slowm\xc3\xb6  diverged       80.00       -   1500.0          -        60.00      "
        "13500\n");
}

static void
runs_without_gradients_leave_the_accuracies_out(void **state)
{
    (void)state;
    struct sm_stored_run runs[] = {timed_run("allreduce", 0.42), timed_run("local", 0.2942)};
    assert_text(table_of(runs, 2, NAN), "run        status    ms/step  simulated s  wall s\n"
                                        "allreduce  finished    420.0        42.00     1.2\n"
                                        "local      finished    294.2        29.42     1.2\n");
}

static void
runs_with_a_loss_only_show_it(void **state)
{
    (void)state;
    struct sm_stored_run run = timed_run("quadratic", 0.001);
    run.summary.final.test_loss = 0.0021834;
    assert_text(table_of(&run, 1, NAN),
                "run        status    test loss  ms/step  simulated s  wall s\n"
                "quadratic  finished   0.002183    1.000       0.1000     1.2\n");
}

static void
the_table_keeps_to_100_columns(void **state)
{
    (void)state;
    struct sm_stored_run runs[] = {
        rising_run("a-name-that-somebody-made-by-joining-every-setting-of-a-sweep-with-dashes-"
                   "beta0.7-tau48-lr0.1"),
        rising_run("\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3"
                   "\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"
                   "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3"
                   "\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"),
    };
    char *text = table_of(runs, 2, 0.75);
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        size_t width = 0;
        for (const char *c = line; *c != '\0'; c++)
            width += ((unsigned char)*c & 0xc0) != 0x80;
        assert_int_equal(width, 100);
    }
    free(text);
}

static void
warnings_stand_once_below_the_table(void **state)
{
    (void)state;
    static const char *const first[] = {"the last batch is short", "rare"};
    static const char *const second[] = {"the last batch is short"};
    struct sm_stored_run runs[] = {timed_run("a", 1), timed_run("b", 1), timed_run("c", 1)};
    for (size_t i = 0; i < 3; i++) {
        runs[i].summary.warnings = i == 0 ? first : second;
        runs[i].summary.warning_count = i == 0 ? 2 : 1;
    }
    runs[2].summary.error = "rank 3 waits for rank 4";
    char *text = table_of(runs, 3, NAN);
    assert_non_null(strstr(text, "\nwarning: the last batch is short\n"
                                 "warning: rare (a)\n"
                                 "c: rank 3 waits for rank 4\n"));
    free(text);
}

/* ---- exports ---- */

static void
csv_has_one_row_an_evaluation_and_one_for_a_run_without(void **state)
{
    (void)state;
    static const char *const warnings[] = {"say \"no\"", "b"};
    struct sm_stored_run runs[] = {rising_run("local, \"tau\" 12"), timed_run("timed", 0.1)};
    runs[0].evaluations++; /* the one without an accuracy is first */
    runs[0].evaluation_count = 2;
    runs[0].summary.warnings = warnings;
    runs[0].summary.warning_count = 2;
    assert_text(
        export_of(runs, 2, "csv"),
        "run,step,sim_seconds,train_loss,test_loss,test_accuracy,test_perplexity,test_bleu,"
        "consensus_distance,name,run_id,"
        "workers,steps,seed,parameters,wire_bytes_per_model,algorithm.inner,algorithm.strategy,"
        "algorithm.outer,algorithm.buffer,algorithm.period,algorithm.tau,algorithm.compression,"
        "algorithm.collective,final.train_loss,"
        "final.test_loss,final.test_accuracy,final.test_perplexity,final.test_bleu,"
        "final.consensus_distance,best.test_accuracy,"
        "best.step,best.sim_seconds,sim.seconds,sim.seconds_per_step,sim.load,sim.compute,"
        "sim.exposed_communication,sim.idle,sim.bytes_sent_per_worker,sim.replayed_steps,sim."
        "replay,wall.seconds,"
        "wall.samples_per_second,hashes.parameters,hashes.platform,hashes.data,"
        "hashes.experiment,warnings,status\n"
        "3,200,20,1.5,1.4,,,,0.1,\"local, \"\"tau\"\" "
        "12\",,32,,,,,,,,,,12,,,,,0.8,,,,0.8,,,60,0.12,,,,,,,"
        ",,13500.4,,,,,\"say \"\"no\"\"; b\",finished\n"
        "3,300,30,1,0.9,0.75,,,0.1,\"local, \"\"tau\"\" "
        "12\",,32,,,,,,,,,,12,,,,,0.8,,,,0.8,,,60,0.12,,,"
        ",,,,,,13500.4,,,,,\"say \"\"no\"\"; b\",finished\n"
        "4,,,,,,,,,timed,,,,,,,,,,,,,,,,,,,,,,,,10,0.1,,,,,,,,1.25,,,,,,,finished\n");
}

static void
json_lines_hold_the_summary_and_the_evaluations(void **state)
{
    (void)state;
    struct sm_stored_run runs[] = {rising_run("first"), timed_run("second", 0.1)};
    char *text = export_of(runs, 2, "json");
    const char *second = text + strcspn(text, "\n") + 1;
    assert_int_equal(strcspn(second, "\n"), strlen(second) - 1); /* the last line */
    json_t *a = json_loads(text, JSON_DISABLE_EOF_CHECK, NULL);
    json_t *b = json_loads(second, 0, NULL);
    assert_non_null(a);
    assert_non_null(b);
    assert_string_equal(json_string_value(json_object_get(a, "name")), "first");
    assert_string_equal(json_string_value(json_object_get(a, "created")), runs[0].created);
    json_t *points = json_object_get(a, "evaluations");
    assert_int_equal(json_array_size(points), COUNT(rising));
    json_t *point = json_array_get(points, 4);
    assert_int_equal(json_integer_value(json_object_get(point, "step")), 500);
    check_near(json_real_value(json_object_get(point, "test_accuracy")), 0.80, 0);
    assert_true(json_is_null(json_object_get(json_array_get(points, 1), "test_accuracy")));
    assert_int_equal(json_array_size(json_object_get(b, "evaluations")), 0);
    json_decref(a);
    json_decref(b);
    free(text);
}

static void
seeds_are_a_row_a_variant(void **state)
{
    (void)state;
    struct sm_stored_run runs[] = {
        seeded_run(7, "local, plain", 1, "", 0.75),
        seeded_run(8, "local, plain", 2, "", 0.25),
        seeded_run(9, "slowmo", 1, "local, plain", 0.875),
        seeded_run(10, "slowmo", 2, "local, plain", 0.375),
        seeded_run(11, "slowmo", 3, "local, plain", 0.125),
        timed_run("timed", 0.5),
    };
    runs[4].summary.status = "diverged";
    for (size_t i = 0; i < 5; i++) {
        runs[i].summary.workers = 32;
        runs[i].summary.sim.idle = (double)(1 << i);
        runs[i].summary.experiment = sm_arena_printf(
            &arena, "name: %s\nseed: %zu\nevaluate: {target: 0.75, against: \"%s\"}\n",
            i < 2 ? "\"local, plain\"" : "slowmo", i, i < 2 ? "" : "local, plain");
        runs[i].evaluations = rising;
        runs[i].evaluation_count = COUNT(rising);
    }
    assert_text(
        export_of(runs, 6, "seeds"),
        "name,seeds,accuracy_mean,accuracy_sd,gain_mean,gain_low,gain_high,gain_of,against,pairs,"
        "left_out,loss_mean,loss_sd,perplexity_mean,perplexity_sd,bleu_mean,bleu_sd,"
        "seconds_per_step,target,reached,seconds_to_target,first_run,seconds_to_target_sd,"
        "steps_to_target,steps_to_target_sd,workers,steps,final_train_loss,"
        "final_consensus_distance,sim_seconds,sim_load,sim_compute,sim_exposed_communication,"
        "sim_idle,sim_bytes_sent_per_worker\n"
        "\"local, plain\",2,0.5,0.3535533905932738,,,,,,0,0,0.5,0.3535533905932738,,,,,0.1015,"
        "0.75,2,30,7,0,300,0,32,,,,,,,,1.5,\n"
        "slowmo,2,0.625,0.3535533905932738,0.125,0.125,0.125,accuracy,\"local, plain\",2,1,0.375,"
        "0.3535533905932738,,,,,0.1015,0.75,2,30,9,0,300,0,32,,,,,,,,6,\n"
        "timed,1,,,,,,,,0,0,,,,,,,0.5,,,,4,,,,,,,,50,,,,,\n");
}

static void
an_experiment_that_cannot_be_read_is_told_with_its_run(void **state)
{
    (void)state;
    struct sm_stored_run run = seeded_run(12, "local", 1, "", 0.75);
    run.summary.experiment = "name: {";
    check_fails(sm_export(&run, 1, "seeds", stderr), SM_ERR_INPUT, "run 12:");
}

static void
an_unknown_format_and_a_full_disk_are_errors(void **state)
{
    (void)state;
    struct sm_stored_run run = rising_run("a");
    FILE *full = fopen("/dev/full", "w");
    assert_non_null(full);
    check_fails(sm_export(&run, 1, "xml", full), SM_ERR_INPUT, "expected csv, runs, json");
    check_fails(sm_export(&run, 1, "csv", full), SM_ERR_IO, "No space left");
    fclose(full);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(time_to_accuracy_is_linear_between_evaluations),
        cmocka_unit_test(time_to_an_accuracy_that_the_first_point_has_is_the_first_point),
        cmocka_unit_test(time_to_an_accuracy_never_reached_is_nan),
        cmocka_unit_test(the_common_target_is_a_whole_percent_that_every_run_reaches),
        cmocka_unit_test(there_is_no_common_target_when_a_run_has_no_accuracy),
        cmocka_unit_test(runs_that_did_not_finish_do_not_lower_the_common_target),
        cmocka_unit_test(mean_and_deviation_are_those_by_hand),
        cmocka_unit_test(the_interval_of_two_values_has_the_factor_of_one_degree_of_freedom),
        cmocka_unit_test(the_paired_interval_is_that_of_students_sleep_data),
        cmocka_unit_test(too_few_values_have_no_deviation_and_no_interval),
        cmocka_unit_test(runs_that_differ_only_in_their_seed_are_one_variant),
        cmocka_unit_test(runs_that_differ_in_anything_else_are_not),
        cmocka_unit_test(only_the_seed_of_the_run_leaves_its_name),
        cmocka_unit_test(a_seed_counts_once_and_the_run_that_came_to_its_end),
        cmocka_unit_test(what_did_not_finish_is_counted_and_in_no_mean),
        cmocka_unit_test(of_two_bases_the_one_with_the_same_settings_is_taken),
        cmocka_unit_test(a_measure_that_no_run_has_makes_no_gain),
        cmocka_unit_test(seconds_to_the_target_are_the_mean_of_the_runs_that_reach_it),
        cmocka_unit_test(runs_of_several_seeds_are_shown_as_their_means),
        cmocka_unit_test(runs_of_one_seed_are_shown_one_by_one),
        cmocka_unit_test(losses_and_perplexities_are_shown_as_in_the_table_of_runs),
        cmocka_unit_test(variants_keep_to_100_columns_and_never_say_nan),
        cmocka_unit_test(the_table_is_aligned),
        cmocka_unit_test(runs_without_gradients_leave_the_accuracies_out),
        cmocka_unit_test(runs_with_a_loss_only_show_it),
        cmocka_unit_test(the_table_keeps_to_100_columns),
        cmocka_unit_test(warnings_stand_once_below_the_table),
        cmocka_unit_test(csv_has_one_row_an_evaluation_and_one_for_a_run_without),
        cmocka_unit_test(json_lines_hold_the_summary_and_the_evaluations),
        cmocka_unit_test(seeds_are_a_row_a_variant),
        cmocka_unit_test(an_experiment_that_cannot_be_read_is_told_with_its_run),
        cmocka_unit_test(an_unknown_format_and_a_full_disk_are_errors),
    };
    return cmocka_run_group_tests(tests, NULL, arena_teardown);
}
