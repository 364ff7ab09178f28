/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/compare.c -- a store against its baseline, and the exports that feed it. */
#include "tests/helpers/check.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analysis/analysis.h"
#include "analysis/compare.h"
#include "sim/store/record.h"

static const struct sm_bands bands = {0.01, 0.1, INFINITY};
static char path[] = "/tmp/slowmo-compare-XXXXXX";

static struct sm_stored_run
run_of(const char *name, double seed, double accuracy, double seconds)
{
    struct sm_stored_run run = {.run = 1, .created = "2024-01-01T00:00:00Z"};
    for (const struct sm_field *f = sm_summary_fields; f->name != NULL; f++)
        if (f->kind == SM_FIELD_REAL || f->kind == SM_FIELD_WHOLE)
            *(double *)((char *)&run.summary + f->offset) = NAN;
    run.summary.name = name;
    run.summary.seed = seed;
    run.summary.status = "finished";
    run.summary.final.test_accuracy = accuracy;
    run.summary.sim.seconds = seconds;
    return run;
}

static void
write_baseline(const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/* Writes the runs to the baseline as `format`. */
static void
keep(const struct sm_stored_run *runs, size_t count, const char *format)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    check_ok(sm_export(runs, count, format, file));
    fclose(file);
}

/* What a comparison prints, and the number of differences; the text is replaced by the next. */
static size_t
compare(const struct sm_stored_run *runs, size_t count, const struct sm_bands *with,
        const char **text)
{
    static char *printed;
    size_t length, differences;
    free(printed);
    printed = NULL;
    FILE *out = open_memstream(&printed, &length);
    check_ok(sm_compare(runs, count, path, with, out, &differences));
    fclose(out);
    *text = printed;
    return differences;
}

static void
a_store_is_like_its_own_export(void **state)
{
    (void)state;
    static const struct sm_evaluation points[2] = {{.step = 1}, {.step = 2}};
    struct sm_stored_run runs[] = {run_of("a", 1, 0.8123, 12.5), run_of("a", 2, 0.75, 12.5),
                                   run_of("say \"b, c\"\nd", 1, NAN, 1.0 / 3)};
    runs[0].evaluations = points;
    runs[0].evaluation_count = 2;
    const char *const formats[] = {"runs", "csv"}, *text;
    const struct sm_bands none = {0, 0, 0};
    for (size_t f = 0; f < 2; f++) {
        keep(runs, 3, formats[f]);
        assert_int_equal(compare(runs, 3, &none, &text), 0);
        assert_non_null(strstr(text, "3 runs as in "));
    }
}

static void
a_run_outside_the_band_is_a_line(void **state)
{
    (void)state;
    const struct sm_stored_run then[] = {run_of("a", 1, 0.80, 10), run_of("b", 1, 0.80, 10)};
    struct sm_stored_run now[] = {run_of("a", 1, 0.79, 11), run_of("b", 1, 0.81, 9)};
    const char *text;
    keep(then, 2, "runs");
    assert_int_equal(compare(now, 2, &bands, &text), 0); /* at the edge is inside */
    now[0].summary.final.test_accuracy = 0.785;
    now[1].summary.sim.seconds = 11.5;
    assert_int_equal(compare(now, 2, &bands, &text), 2);
    assert_string_equal(text, "a seed=1: accuracy 0.785, baseline 0.8: -0.015, band 0.01\n"
                              "b seed=1: seconds 11.5, baseline 10: +15 %, band 10 %\n");
    now[0].summary.final.test_accuracy = NAN;
    now[1].summary.sim.seconds = 10;
    now[1].summary.status = "diverged";
    assert_int_equal(compare(now, 2, &bands, &text), 2);
    assert_string_equal(text, "a seed=1: accuracy none, baseline 0.8\n"
                              "b seed=1: diverged, baseline finished\n");
}

static void
losses_count_where_they_have_a_band(void **state)
{
    (void)state;
    struct sm_stored_run run = run_of("a", 1, NAN, 10);
    const struct sm_bands with_loss = {0, 0, 0.5};
    const char *text;
    run.summary.final.test_loss = 2;
    keep(&run, 1, "runs");
    run.summary.final.test_loss = 4;
    assert_int_equal(compare(&run, 1, &bands, &text), 0);
    assert_int_equal(compare(&run, 1, &with_loss, &text), 1);
    assert_string_equal(text, "a seed=1: loss 4, baseline 2: +100 %, band 50 %\n");
}

static void
runs_on_one_side_are_differences_and_the_last_of_a_name_counts(void **state)
{
    (void)state;
    const struct sm_stored_run then[] = {run_of("a", 1, 0.5, 1), run_of("gone seed=1", 1, 0.5, 1)};
    const struct sm_stored_run now[] = {run_of("a", 1, 0.1, 1), run_of("a", 1, 0.5, 1),
                                        run_of("a", 2, 0.5, 1)};
    const char *text;
    keep(then, 2, "runs");
    assert_int_equal(compare(now, 3, &bands, &text), 2);
    assert_string_equal(text, "gone seed=1: in the baseline only\na seed=2: not in the baseline\n");
}

static void
a_baseline_that_is_none_is_one_line(void **state)
{
    (void)state;
    static const char *const files[][2] = {
        {"name,seed\na,1\n", ":1: no column 'status'; expected what"},
        {"name,seed,status,final.test_accuracy,final.test_loss,sim.seconds\n", "holds no run"},
        {"name,seed,status,final.test_accuracy,final.test_loss,sim.seconds\na,1,finished,,,1\n"
         "a,1,finished,much,,1\n",
         ":3: final.test_accuracy: 'much' is no number"},
        {"name,seed,status,final.test_accuracy,final.test_loss,sim.seconds\n\"a\nb\",1\n",
         ":2: 2 columns, expected 6"},
        {"name,\"seed\n", ":1: a quote that does not end"},
        {"", ":1: no column 'name'"},
    };
    const struct sm_stored_run run = run_of("a", 1, 0.5, 1);
    size_t differences;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        write_baseline(files[i][0]);
        check_fails(sm_compare(&run, 1, path, &bands, stdout, &differences), SM_ERR_INPUT,
                    files[i][1]);
    }
    check_fails(sm_compare(&run, 1, "/nowhere.csv", &bands, stdout, &differences), SM_ERR_INPUT,
                "/nowhere.csv");
}

static void
json_lines_have_an_object_an_evaluation(void **state)
{
    (void)state;
    static const struct sm_evaluation points[2] = {
        {.step = 1, .test_loss = 0.5, .test_accuracy = NAN}, {.step = 2, .test_loss = 0.25}};
    struct sm_stored_run runs[] = {run_of("a", 1, 0.5, 3), run_of("b", 1, 0.5, 3)};
    char *text = NULL;
    size_t length;
    runs[0].evaluations = points;
    runs[0].evaluation_count = 2;
    FILE *out = open_memstream(&text, &length);
    check_ok(sm_export(runs, 2, "jsonl", out));
    fclose(out);
    const double losses[] = {0.5, 0.25};
    const char *line = text;
    for (size_t i = 0; i < 3; i++) {
        json_t *object = json_loads(line, JSON_DISABLE_EOF_CHECK, NULL);
        assert_non_null(object);
        check_near(json_number_value(json_object_get(object, "sim.seconds")), 3, 0);
        if (i < 2) {
            assert_int_equal(json_integer_value(json_object_get(object, "step")), i + 1);
            check_near(json_number_value(json_object_get(object, "test_loss")), losses[i], 0);
        } else {
            assert_null(json_object_get(object, "step"));
        }
        if (i == 0)
            assert_true(json_is_null(json_object_get(object, "test_accuracy")));
        json_decref(object);
        line = strchr(line, '\n') + 1;
    }
    assert_string_equal(line, "");
    free(text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_store_is_like_its_own_export),
        cmocka_unit_test(a_run_outside_the_band_is_a_line),
        cmocka_unit_test(losses_count_where_they_have_a_band),
        cmocka_unit_test(runs_on_one_side_are_differences_and_the_last_of_a_name_counts),
        cmocka_unit_test(a_baseline_that_is_none_is_one_line),
        cmocka_unit_test(json_lines_have_an_object_an_evaluation),
    };
    close(mkstemp(path));
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return failed;
}
