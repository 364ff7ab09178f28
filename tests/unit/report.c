/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/report.c -- the data of the page, the settings that tell variants apart, the file. */
#include "tests/helpers/check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/report/page.h"
#include "analysis/report/settings.h"
#include "sim/store/record.h"
#include "tests/helpers/arena.h"
#include "tests/helpers/folder.h"
#include "tests/helpers/json.h"
#include "tests/helpers/program.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- runs to look at ---- */

/* A run of 100 steps that is at 50 %, 10 s and at its accuracy, 20 s; `settings` are lines of its
 * experiment. */
static const struct sm_evaluation points[] = {
    {0, 0.0, NAN, 2.3, 0.10, NAN, NAN, 0.0},
    {50, 10.0, 2.0, 1.9, 0.50, NAN, NAN, 0.1},
    {100, 20.0, 1.0, 0.9, 0.80, NAN, NAN, 0.1},
};

static struct sm_stored_run
run_of(int64_t number, const char *name, int seed, const char *settings)
{
    struct sm_stored_run run = {.run = number,
                                .created = "2024-01-01T00:00:00Z",
                                .evaluations = points,
                                .evaluation_count = COUNT(points)};
    for (const struct sm_field *f = sm_summary_fields; f->name != NULL; f++)
        if (f->kind == SM_FIELD_REAL || f->kind == SM_FIELD_WHOLE)
            *(double *)((char *)&run.summary + f->offset) = NAN;
    run.summary.name = name;
    run.summary.status = "finished";
    run.summary.seed = seed;
    run.summary.workers = 8;
    run.summary.steps = 100;
    run.summary.algorithm.strategy = strstr(name, "allreduce") != NULL ? "allreduce" : "local";
    run.summary.final.test_accuracy = 0.8;
    run.summary.sim.seconds = 20;
    run.summary.sim.seconds_per_step = 0.2;
    run.summary.sim.load = 1;
    run.summary.sim.compute = 12;
    run.summary.sim.exposed_communication = 6;
    run.summary.sim.idle = 1;
    run.summary.sim.bytes_sent_per_worker = 4e6;
    run.summary.hashes.data = "d";
    run.summary.hashes.platform = "p";
    run.summary.experiment =
        sm_arena_printf(&arena, "name: \"%s\"\nseed: %d\n%s", name, seed, settings);
    assert_non_null(run.summary.experiment);
    return run;
}

static json_t *
model_of(const struct sm_stored_run *runs, size_t count, double target)
{
    const struct sm_report_request request = {.title = "study", .version = "1", .target = target};
    json_t *model;
    check_ok(sm_report_model(runs, count, &request, &model));
    return model;
}

static json_t *
item(json_t *object, const char *list, size_t index)
{
    json_t *value = json_array_get(json_object_get(object, list), index);
    assert_non_null(value);
    return value;
}

static json_t *
inside(json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);
    if (!json_is_object(value))
        fail_msg("no object '%s'", key);
    return value;
}

static bool
is_null(json_t *object, const char *key)
{
    return json_is_null(json_object_get(object, key));
}

/* What is written for the runs. */
static const char *
page_of(const struct sm_stored_run *runs, size_t count, const char *title)
{
    const struct sm_report_request request = {
        .title = title, .version = "1", .target = (double)NAN};
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    check_ok(sm_report_write(runs, count, &request, SM_TEST_SOURCE, out));
    fclose(out);
    const char *page = sm_arena_strdup(&arena, text);
    free(text);
    return page;
}

/* The data in the page, as a browser would take it. */
static json_t *
data_in(const char *page)
{
    static const char open[] = "<script type=\"application/json\" id=\"data\">";
    const char *data = strstr(page, open);
    assert_non_null(data);
    data += strlen(open);
    char *text = sm_arena_strndup(&arena, data, (size_t)(strstr(data, "</script") - data));
    assert_null(strchr(text, '<'));
    return json_of(text);
}

/* ---- the model ---- */

static void
seeds_are_one_variant_with_means_and_shares_of_a_step(void **state)
{
    (void)state;
    struct sm_stored_run runs[] = {run_of(1, "local", 1, "steps: 100\n"),
                                   run_of(2, "local", 2, "steps: 100\n")};
    runs[1].summary.final.test_accuracy = 0.82;
    runs[1].summary.sim.exposed_communication = 8;
    json_t *model = model_of(runs, 2, 0.65);
    assert_int_equal(json_array_size(json_object_get(model, "variants")), 1);
    json_t *variant = item(model, "variants", 0);
    assert_string_equal(text_of(variant, "name"), "local");
    assert_string_equal(text_of(variant, "status"), "finished");
    check_near(number_of(variant, "seeds"), 2, 0);
    check_near(number_of(inside(variant, "measure"), "mean"), 0.81, 1e-12);
    check_near(number_of(inside(variant, "seconds"), "mean"), 20, 1e-12);
    json_t *step = inside(variant, "step");
    check_near(number_of(step, "seconds"), 0.2, 1e-12);
    check_near(number_of(step, "compute"), 0.12, 1e-12);
    check_near(number_of(step, "communication"), 0.07, 1e-12);
    check_near(number_of(step, "bytes"), 4e4, 1e-6);
    json_t *target = inside(variant, "target"); /* half way from 50 % to 80 % */
    check_near(number_of(inside(target, "seconds"), "mean"), 15, 1e-9);
    check_near(number_of(target, "steps"), 75, 1e-9);
    check_near(number_of(target, "reached"), 2, 0);
    check_near(json_number_value(json_array_get(json_object_get(variant, "runs"), 1)), 1, 0);
    check_near(number_of(item(model, "runs", 1), "variant"), 0, 0);
    json_decref(model);
}

static void
evaluations_are_columns_and_empty_ones_are_left_out(void **state)
{
    (void)state;
    struct sm_stored_run runs[] = {run_of(1, "local", 1, "")};
    json_t *model = model_of(runs, 1, NAN);
    json_t *evaluations = inside(item(model, "runs", 0), "evaluations");
    assert_int_equal(json_array_size(json_object_get(evaluations, "step")), 3);
    check_near(json_number_value(item(evaluations, "seconds", 1)), 10, 0);
    check_near(json_number_value(item(evaluations, "testAccuracy", 2)), 0.8, 0);
    assert_true(json_is_null(item(evaluations, "trainLoss", 0)));
    assert_null(json_object_get(evaluations, "testBleu"));
    json_decref(model);
}

/* A run of a strategy with a round of tau steps that takes so many seconds a step. */
static struct sm_stored_run
round_of(int64_t number, const char *strategy, int tau, double seconds)
{
    const char *settings =
        sm_arena_printf(&arena, "algorithm: {strategy: %s, tau: %d}\n", strategy, tau);
    struct sm_stored_run run = run_of(number, strategy, 1, settings);
    run.summary.sim.seconds_per_step = seconds;
    run.evaluation_count = 0;
    return run;
}

static void
lines_over_a_setting_tie_where_their_logarithms_cross(void **state)
{
    (void)state;
    struct sm_stored_run runs[] = {round_of(1, "local", 4, 8), round_of(2, "local", 16, 2),
                                   round_of(3, "sgp", 4, 2),   round_of(4, "sgp", 16, 8),
                                   round_of(5, "osgp", 4, 8),  round_of(6, "osgp", 16, 2)};
    json_t *model = model_of(runs, COUNT(runs), NAN);
    json_t *ties = json_object_get(model, "ties");
    /* local and osgp are level at both values, which is no crossing */
    size_t steps = 0;
    for (size_t t = 0; t < json_array_size(ties); t++) {
        json_t *tie = json_array_get(ties, t);
        if (strcmp(text_of(tie, "measure"), "seconds_per_step") != 0)
            continue;
        steps++;
        assert_string_equal(text_of(tie, "key"), "algorithm.tau");
        check_near(number_of(tie, "at"), 8, 1e-9);
        const bool local_first = number_of(tie, "first") == 0;
        check_near(number_of(tie, "second"), local_first ? 2 : 4, 0);
        assert_true(json_is_true(json_object_get(tie, "firstBelow")) == !local_first);
    }
    assert_int_equal(steps, 2);
    json_decref(model);
}

static void
settings_with_more_lines_than_can_be_followed_have_no_ties(void **state)
{
    (void)state;
    struct sm_stored_run runs[50];
    for (int i = 0; i < 25; i++) {
        const char *name = sm_arena_printf(&arena, "s%d", i);
        runs[2 * i] = round_of(2 * i + 1, name, 4, 1 + i);
        runs[2 * i + 1] = round_of(2 * i + 2, name, 16, 26 - i);
    }
    json_t *model = model_of(runs, 50, NAN);
    assert_int_equal(json_array_size(json_object_get(model, "ties")), 0);
    json_decref(model);
    model = model_of(runs, 48, NAN); /* they differ in no other number */
    assert_true(json_array_size(json_object_get(model, "ties")) > 0);
    json_decref(model);
}

static void
of_many_lines_only_those_with_equal_numbers_tie(void **state)
{
    (void)state;
    struct sm_stored_run runs[20];
    for (int i = 0; i < 10; i++) {
        runs[2 * i] = round_of(2 * i + 1, i % 2 == 0 ? "local" : "sgp", 4, 1 + i);
        runs[2 * i + 1] = round_of(2 * i + 2, i % 2 == 0 ? "local" : "sgp", 16, 11 - i);
        for (int j = 2 * i; j < 2 * i + 2; j++)
            runs[j].summary.experiment = sm_arena_printf(&arena, "%sworkload: {batch: %d}\n",
                                                         runs[j].summary.experiment, 8 << i / 2);
    }
    json_t *model = model_of(runs, COUNT(runs), NAN);
    size_t over_tau = 0;
    json_t *ties = json_object_get(model, "ties");
    for (size_t t = 0; t < json_array_size(ties); t++)
        over_tau += strcmp(text_of(json_array_get(ties, t), "key"), "algorithm.tau") == 0 &&
                    strcmp(text_of(json_array_get(ties, t), "measure"), "seconds_per_step") == 0;
    assert_int_equal(over_tau, 5); /* local against sgp at each of five batches */
    json_decref(model);
}

static void
what_did_not_finish_is_in_no_mean_and_says_what_it_is(void **state)
{
    (void)state;
    struct sm_stored_run runs[] = {run_of(1, "local", 1, ""), run_of(2, "local", 2, ""),
                                   run_of(3, "local", 3, "")};
    runs[0].summary.status = "diverged";
    runs[0].summary.sim.compute = 1e9;
    json_t *model = model_of(runs, 3, NAN);
    json_t *variant = item(model, "variants", 0);
    assert_string_equal(text_of(variant, "status"), "1 diverged, 2 finished");
    check_near(number_of(variant, "seeds"), 2, 0);
    check_near(number_of(inside(variant, "step"), "compute"), 0.12, 1e-12);
    json_decref(model);
}

static void
speed_ups_name_their_base_by_its_place(void **state)
{
    (void)state;
    struct sm_stored_run runs[] = {run_of(1, "local", 1, "workload: {batch: 1}\n"),
                                   run_of(2, "allreduce", 1, "workload: {batch: 1}\n")};
    struct sm_evaluation slow[COUNT(points)];
    memcpy(slow, points, sizeof slow);
    for (size_t e = 0; e < COUNT(points); e++)
        slow[e].sim_seconds *= 3;
    runs[1].evaluations = slow;
    json_t *model = model_of(runs, 2, 0.8);
    json_t *speed_up = inside(item(model, "variants", 0), "speedUp");
    check_near(number_of(speed_up, "base"), 1, 0);
    check_near(number_of(speed_up, "mean"), 3, 1e-12);
    assert_true(is_null(inside(item(model, "variants", 1), "speedUp"), "base"));
    json_decref(model);
}

static void
a_run_without_gradients_has_nulls_and_nothing_to_be_judged_by(void **state)
{
    (void)state;
    struct sm_stored_run runs[] = {run_of(1, "local", 1, "")};
    runs[0].evaluation_count = 0;
    runs[0].summary.final.test_accuracy = NAN;
    json_t *model = model_of(runs, 1, NAN);
    json_t *variant = item(model, "variants", 0);
    assert_true(is_null(model, "judged"));
    assert_true(is_null(model, "target"));
    assert_true(is_null(inside(variant, "measure"), "mean"));
    assert_true(is_null(inside(item(model, "runs", 0), "final"), "test_accuracy"));
    check_near(number_of(inside(variant, "step"), "seconds"), 0.2, 1e-12);
    json_decref(model);
}

/* ---- settings ---- */

static void
keys_are_the_settings_that_differ_with_values_in_base_units(void **state)
{
    (void)state;
    static const char form[] = "platform: {file: star_8, bandwidth: {\"*_eth\": %s}}\n"
                               "algorithm:\n"
                               "  tau: {name: fixed, tau: %d}\n"
                               "  outer: {name: %s, beta: 0.7}\n";
    struct sm_stored_run runs[] = {
        run_of(1, "a", 1, sm_arena_printf(&arena, form, "1Gbps", 4, "slowmo")),
        run_of(2, "b", 1, sm_arena_printf(&arena, form, "10Gbps", 4, "slowmo")),
        run_of(3, "c", 1, sm_arena_printf(&arena, form, "10Gbps", 8, "slowmo")),
        run_of(4, "d", 1, sm_arena_printf(&arena, form, "25Gbps", 9, "average")),
    };
    json_t *model = model_of(runs, 4, NAN);
    assert_int_equal(json_array_size(json_object_get(model, "keys")), 3);
    json_t *wire = item(model, "keys", 0), *tau = item(model, "keys", 1);
    json_t *outer = item(model, "keys", 2);
    assert_string_equal(text_of(wire, "key"), "platform.bandwidth.\"*_eth\"");
    assert_string_equal(text_of(wire, "label"), "bandwidth *_eth");
    assert_string_equal(text_of(wire, "unit"), "bytes/s");
    assert_true(json_is_true(json_object_get(wire, "logarithmic")));
    assert_true(json_is_true(json_object_get(wire, "swept")));
    assert_string_equal(text_of(tau, "key"), "algorithm.tau");
    assert_string_equal(text_of(tau, "label"), "tau");
    assert_true(json_is_true(json_object_get(tau, "numeric")));
    assert_true(json_is_false(json_object_get(tau, "logarithmic")));
    assert_string_equal(text_of(outer, "key"), "algorithm.outer");
    assert_true(json_is_false(json_object_get(outer, "numeric")));
    assert_true(json_is_false(json_object_get(outer, "swept"))); /* tau and wire differ with it */
    json_t *setting = inside(inside(item(model, "variants", 1), "settings"), text_of(wire, "key"));
    assert_string_equal(text_of(setting, "text"), "10Gbps");
    check_near(number_of(setting, "value"), 1.25e9, 0);
    json_decref(model);
}

static void
labels_say_which_of_two_settings_of_one_name_is_meant(void **state)
{
    (void)state;
    static const char form[] = "algorithm: {inner: {name: adam, beta: %g}, outer: {beta: %g}}\n";
    struct sm_stored_run runs[] = {run_of(1, "a", 1, sm_arena_printf(&arena, form, 0.1, 0.2)),
                                   run_of(2, "b", 1, sm_arena_printf(&arena, form, 0.3, 0.4))};
    json_t *model = model_of(runs, 2, NAN);
    assert_string_equal(text_of(item(model, "keys", 0), "label"), "inner beta");
    assert_string_equal(text_of(item(model, "keys", 1), "label"), "outer beta");
    json_decref(model);
}

static void
a_setting_that_only_some_have_is_no_key_unless_it_is_all_that_differs(void **state)
{
    (void)state;
    struct sm_stored_run runs[] = {
        run_of(1, "a", 1, "algorithm: {strategy: {name: sgp, peers: 1}}\n"),
        run_of(2, "b", 1, "algorithm: {strategy: {name: local}}\n"),
    };
    json_t *model = model_of(runs, 2, NAN);
    assert_int_equal(json_array_size(json_object_get(model, "keys")), 1);
    assert_string_equal(text_of(item(model, "keys", 0), "key"), "algorithm.strategy");
    json_decref(model);

    runs[1] = run_of(2, "b", 1, "algorithm: {strategy: {name: sgp}}\n");
    model = model_of(runs, 2, NAN);
    assert_string_equal(text_of(item(model, "keys", 0), "key"), "algorithm.strategy.peers");
    assert_true(
        is_null(inside(item(model, "variants", 1), "settings"), "algorithm.strategy.peers"));
    json_decref(model);
}

static void
factors_beside_amounts_and_words_are_no_numbers(void **state)
{
    (void)state;
    const char *const values[][2] = {{"x2", "10Gbps"}, {"auto", "12"}, {"10us", "1Gbps"}};
    for (size_t i = 0; i < COUNT(values); i++) {
        struct sm_stored_run runs[2];
        for (size_t r = 0; r < 2; r++)
            runs[r] = run_of((int64_t)r, "a", 1,
                             sm_arena_printf(&arena, "workload: {x: %s}\n", values[i][r]));
        json_t *model = model_of(runs, 2, NAN);
        assert_true(json_is_false(json_object_get(item(model, "keys", 0), "numeric")));
        json_decref(model);
    }
}

/* ---- the page ---- */

static void
names_cannot_end_the_script_or_the_title_that_holds_them(void **state)
{
    (void)state;
    const char *name = "a</script><!-- 'q' & \xC3\xA4\xE2\x86\x92";
    struct sm_stored_run runs[] = {run_of(1, "x", 1, "")};
    runs[0].summary.name = name;
    const char *page = page_of(runs, 1, "b</title> & co");
    json_t *data = data_in(page);
    assert_string_equal(text_of(item(data, "runs", 0), "name"), name);
    assert_string_equal(text_of(item(data, "variants", 0), "name"), name);
    assert_string_equal(text_of(data, "title"), "b</title> & co");
    assert_non_null(strstr(page, "<title>b&#60;/title&#62; &#38; co</title>"));
    json_decref(data);
}

static void
the_page_holds_all_that_it_names_and_asks_for_nothing(void **state)
{
    (void)state;
    struct sm_stored_run runs[] = {run_of(1, "local", 1, "")};
    const char *page = page_of(runs, 1, "study");
    assert_non_null(strstr(page, "report.section("));
    assert_non_null(strstr(page, ".dygraph-"));
    assert_null(strstr(page, " src=\""));
    assert_null(strstr(page, "<link rel=\"stylesheet\""));
    assert_null(strstr(page, "sourceMappingURL"));
}

static void
the_same_runs_give_the_same_bytes(void **state)
{
    (void)state;
    struct sm_stored_run runs[] = {run_of(1, "local", 1, "steps: 1\n"),
                                   run_of(2, "local", 2, "steps: 1\n"),
                                   run_of(3, "other", 1, "steps: 2\n")};
    const char *page = page_of(runs, 3, "study"), *again = page_of(runs, 3, "study");
    assert_string_equal(page, again);
}

static void
numbers_have_six_digits(void **state)
{
    (void)state;
    struct sm_stored_run runs[] = {run_of(1, "local", 1, "")};
    runs[0].summary.sim.seconds = 1.0 / 3;
    const char *page = page_of(runs, 1, "study");
    assert_non_null(strstr(page, "\"seconds\":0.333333,"));
}

static void
no_run_or_a_text_that_is_none_or_a_missing_file_is_one_clear_line(void **state)
{
    (void)state;
    const struct sm_report_request request = {
        .title = "study", .version = "1", .target = (double)NAN};
    struct sm_stored_run runs[] = {run_of(7, "local", 1, "")};
    json_t *model;
    FILE *out = fopen("/dev/null", "w");
    check_fails(sm_report_model(runs, 0, &request, &model), SM_ERR_INPUT, "holds no run");
    check_fails(sm_report_write(runs, 1, &request, "/nowhere", out), SM_ERR_INPUT,
                "/nowhere/analysis/report/page.html");
    runs[0].summary.error = "\xff\xfe";
    check_fails(sm_report_model(runs, 1, &request, &model), SM_ERR_INPUT,
                "run 7 holds a text that is not UTF-8");
    fclose(out);
}

/* ---- the command ---- */

static void
the_command_says_where_the_page_is_and_how_many_runs_it_holds(void **state)
{
    (void)state;
    struct sm_store *store;
    struct sm_stored_run run = run_of(1, "local", 1, "");
    int64_t number;
    check_ok(sm_store_open(folder_file("study.db"), &store));
    check_ok(sm_store_begin(store, &run.summary, &number));
    check_ok(sm_store_add(store, number, &points[2]));
    check_ok(sm_store_finish(store, number, &run.summary));
    sm_store_close(store);

    const struct program_result *result = program("report", "study.db");
    assert_int_equal(result->status, 0);
    assert_string_equal(result->err, "slowmo: 1 run in report.html\n");
    assert_string_equal(result->out, "");
    result = program("report", "study.db", "-o", "/nowhere/x.html");
    assert_int_equal(result->status, 2);
    assert_non_null(strstr(result->err, "cannot write /nowhere/x.html"));
    result = program("report", "study.db", "-o", "/dev/full");
    assert_int_equal(result->status, 1);
    assert_non_null(strstr(result->err, "cannot write /dev/full"));
    assert_int_equal(program("report", "study.db", "--target", "2")->status, 2);
    assert_int_equal(program("report")->status, 2);
    assert_int_equal(program("report", "missing.db")->status, 2);
}

static void
a_store_without_runs_leaves_an_older_page_as_it_was(void **state)
{
    (void)state;
    struct sm_store *store;
    check_ok(sm_store_open(folder_file("empty.db"), &store));
    sm_store_close(store);
    folder_write("old.html", "old");
    const struct program_result *result = program("report", "empty.db", "-o", "old.html");
    assert_int_equal(result->status, 2);
    assert_string_equal(result->err, "slowmo: empty.db: holds no run\n");
    char text[8] = "";
    FILE *file = fopen(folder_file("old.html"), "r");
    assert_non_null(file);
    assert_int_equal(fread(text, 1, sizeof text - 1, file), 3);
    fclose(file);
    assert_string_equal(text, "old");
}

static int
teardown(void **state)
{
    arena_teardown(state);
    return folder_teardown(state);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seeds_are_one_variant_with_means_and_shares_of_a_step),
        cmocka_unit_test(evaluations_are_columns_and_empty_ones_are_left_out),
        cmocka_unit_test(lines_over_a_setting_tie_where_their_logarithms_cross),
        cmocka_unit_test(settings_with_more_lines_than_can_be_followed_have_no_ties),
        cmocka_unit_test(of_many_lines_only_those_with_equal_numbers_tie),
        cmocka_unit_test(what_did_not_finish_is_in_no_mean_and_says_what_it_is),
        cmocka_unit_test(speed_ups_name_their_base_by_its_place),
        cmocka_unit_test(a_run_without_gradients_has_nulls_and_nothing_to_be_judged_by),
        cmocka_unit_test(keys_are_the_settings_that_differ_with_values_in_base_units),
        cmocka_unit_test(labels_say_which_of_two_settings_of_one_name_is_meant),
        cmocka_unit_test(a_setting_that_only_some_have_is_no_key_unless_it_is_all_that_differs),
        cmocka_unit_test(factors_beside_amounts_and_words_are_no_numbers),
        cmocka_unit_test(names_cannot_end_the_script_or_the_title_that_holds_them),
        cmocka_unit_test(the_page_holds_all_that_it_names_and_asks_for_nothing),
        cmocka_unit_test(the_same_runs_give_the_same_bytes),
        cmocka_unit_test(numbers_have_six_digits),
        cmocka_unit_test(no_run_or_a_text_that_is_none_or_a_missing_file_is_one_clear_line),
        cmocka_unit_test(the_command_says_where_the_page_is_and_how_many_runs_it_holds),
        cmocka_unit_test(a_store_without_runs_leaves_an_older_page_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}
