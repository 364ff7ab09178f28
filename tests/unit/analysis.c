/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/analysis.c -- time to accuracy, the table, the exports. */
#include "tests/helpers/check.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/analysis.h"
#include "sim/store/record.h"

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
        struct sm_stored_run runs[] = {rising_run("a"),
                                       {.evaluations = &point, .evaluation_count = 1}};
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
        "algorithm.outer,algorithm.buffer,algorithm.tau,algorithm.collective,final.train_loss,"
        "final.test_loss,final.test_accuracy,final.test_perplexity,final.test_bleu,"
        "final.consensus_distance,best.test_accuracy,"
        "best.step,best.sim_seconds,sim.seconds,sim.seconds_per_step,sim.load,sim.compute,"
        "sim.exposed_communication,sim.idle,sim.bytes_sent_per_worker,wall.seconds,"
        "wall.samples_per_second,hashes.parameters,hashes.platform,hashes.data,"
        "hashes.experiment,warnings,status\n"
        "3,200,20,1.5,1.4,,,,0.1,\"local, \"\"tau\"\" "
        "12\",,32,,,,,,,,,12,,,,0.8,,,,0.8,,,60,0.12,,,,,"
        ",,13500.4,,,,,\"say \"\"no\"\"; b\",finished\n"
        "3,300,30,1,0.9,0.75,,,0.1,\"local, \"\"tau\"\" "
        "12\",,32,,,,,,,,,12,,,,0.8,,,,0.8,,,60,0.12,,,"
        ",,,,13500.4,,,,,\"say \"\"no\"\"; b\",finished\n"
        "4,,,,,,,,,timed,,,,,,,,,,,,,,,,,,,,,,10,0.1,,,,,,1.25,,,,,,,finished\n");
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
an_unknown_format_and_a_full_disk_are_errors(void **state)
{
    (void)state;
    struct sm_stored_run run = rising_run("a");
    FILE *full = fopen("/dev/full", "w");
    assert_non_null(full);
    check_fails(sm_export(&run, 1, "xml", full), SM_ERR_INPUT, "expected csv or json");
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
        cmocka_unit_test(the_table_is_aligned),
        cmocka_unit_test(runs_without_gradients_leave_the_accuracies_out),
        cmocka_unit_test(runs_with_a_loss_only_show_it),
        cmocka_unit_test(the_table_keeps_to_100_columns),
        cmocka_unit_test(warnings_stand_once_below_the_table),
        cmocka_unit_test(csv_has_one_row_an_evaluation_and_one_for_a_run_without),
        cmocka_unit_test(json_lines_hold_the_summary_and_the_evaluations),
        cmocka_unit_test(an_unknown_format_and_a_full_disk_are_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
