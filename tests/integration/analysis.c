/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/integration/analysis.c -- from a study to its analysis, as a user goes: analyse, compare,
 * export, plot, the documented tables, and a platform file that is the run with --set. */
#include "tests/helpers/check.h"

#include <jansson.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/base/text.h"
#include "tests/helpers/folder.h"
#include "tests/helpers/program.h"

static const char study[] =
    "name: study\n"
    "steps: 16\n"
    "platform: {file: star_4}\n"
    "workload: {model: quadratic, dimension: 4, noise: 0.1}\n"
    "evaluate: {every: 2}\n"
    "compare:\n"
    "  - {name: allreduce, algorithm: {strategy: allreduce}}\n"
    "  - {name: local, algorithm: {strategy: local}}\n"
    "sweep: {seed: [1, 2], algorithm.tau: [2, 4], 'platform.bandwidth.\"*\"': [1Gbps, 100Gbps]}\n";
static const char wire[] = "platform.bandwidth.\"*\"";

static int
setup(void **state)
{
    (void)state;
    folder_write("study.yaml", study);
    return program("run", "study.yaml", "--store", "study.db", "--quiet")->status;
}

static void
analyse_finds_the_best_tau_and_the_tie(void **state)
{
    (void)state;
    const struct program_result *result =
        program("analyse", "study.db", "--json", "--best", "algorithm.tau", "--per", wire, "--by",
                "seconds_per_step", "--tie", "local tau=2,local tau=4", "--over", wire);
    assert_int_equal(result->status, 0);
    json_t *object = json_loads(result->out, 0, NULL);
    assert_non_null(object);
    assert_int_equal(json_array_size(json_object_get(object, "variants")), 8);
    const json_t *best = json_object_get(object, "best");
    assert_int_equal(json_array_size(best), 4);
    for (size_t i = 2; i < 4; i++) /* averaging half as often takes less time at any bandwidth */
        assert_string_equal(json_string_value(json_object_get(json_array_get(best, i), "value")),
                            "4");
    const json_t *ties = json_object_get(json_object_get(object, "tie"), "ties");
    assert_true(json_is_array(ties) && json_array_size(ties) == 0);
    json_decref(object);
    assert_int_equal(program("analyse", "study.db")->status, 0);
    assert_int_equal(program("analyse", "study.db", "--tie", "local,other", "--over", wire)->status,
                     2);
}

static void
compare_is_0_for_the_same_study_and_1_for_another(void **state)
{
    (void)state;
    const struct program_result *result = program("export", "study.db", "--format", "runs");
    folder_write("baseline.csv", result->out);
    result = program("compare", "study.db", "baseline.csv", "--accuracy", "0", "--seconds", "0");
    assert_int_equal(result->status, 0);
    assert_non_null(strstr(result->out, "16 runs as in baseline.csv"));
    program("run", "study.yaml", "--store", "other.db", "--quiet", "--set", "steps=18");
    result = program("compare", "other.db", "baseline.csv", "--seconds", "0.05");
    assert_int_equal(result->status, 1);
    assert_non_null(strstr(result->out, "allreduce seed=1 tau=2 \"*\"=1Gbps: seconds "));
    assert_int_equal(program("compare", "other.db", "baseline.csv", "--seconds", "0.2")->status, 0);
    assert_int_equal(program("compare", "other.db", "nowhere.csv")->status, 2);
}

static void
exports_and_plots_go_to_files(void **state)
{
    (void)state;
    assert_int_equal(program("export", "study.db", "--format", "tensorboard", "-o", "tb")->status,
                     0);
    assert_int_equal(access(folder_file("tb/local seed=2 tau=4 ___=100Gbps-16"), F_OK), 0);
    assert_int_equal(program("export", "study.db", "--format", "tensorboard")->status, 2);
    assert_int_equal(program("export", "study.db", "--format", "jsonl", "-o", "a.jsonl")->status,
                     0);
    assert_int_equal(access(folder_file("a.jsonl"), F_OK), 0);
    const struct program_result *result =
        program("plot", "study.db", "--y", "loss", "--x", "step", "-o", "a.svg");
    if (result->status == 0)
        assert_int_equal(access(folder_file("a.svg"), F_OK), 0);
    else
        assert_non_null(strstr(result->err, "gnuplot is missing"));
}

/* ---- the tables ---- */

static void
every_column_is_documented_and_the_examples_run(void **state)
{
    (void)state;
    struct sm_arena arena = {0};
    sqlite3 *db;
    sqlite3_stmt *statement;
    char *text, quoted[96];
    size_t length, columns = 0, examples = 0;
    check_ok(sm_text_read_file(&arena, SM_TEST_SOURCE "/analysis/README.md", &text, &length));
    assert_int_equal(sqlite3_open_v2(folder_file("study.db"), &db, SQLITE_OPEN_READONLY, NULL), 0);
    static const char names[] = "SELECT name FROM pragma_table_info('runs') UNION ALL "
                                "SELECT name FROM pragma_table_info('evaluations') UNION ALL "
                                "SELECT name FROM pragma_table_info('spans') UNION ALL "
                                "SELECT name FROM pragma_table_info('platforms')";
    assert_int_equal(sqlite3_prepare_v2(db, names, -1, &statement, NULL), SQLITE_OK);
    for (; sqlite3_step(statement) == SQLITE_ROW; columns++) {
        snprintf(quoted, sizeof quoted, "`%s`", (const char *)sqlite3_column_text(statement, 0));
        if (strstr(text, quoted) == NULL)
            fail_msg("analysis/README.md does not say what %s is", quoted);
    }
    sqlite3_finalize(statement);
    assert_true(columns > 50);
    for (char *at = text; (at = strstr(at, "```sql\n")) != NULL; examples++) {
        at += strlen("```sql\n");
        char *end = strstr(at, "```");
        assert_non_null(end);
        if (sqlite3_prepare_v2(db, at, (int)(end - at), &statement, NULL) != SQLITE_OK)
            fail_msg("%s", sqlite3_errmsg(db));
        int code;
        size_t rows = 0;
        while ((code = sqlite3_step(statement)) == SQLITE_ROW)
            rows++;
        assert_int_equal(code, SQLITE_DONE);
        if (examples != 1) /* a quadratic has no accuracy */
            assert_true(rows > 0);
        sqlite3_finalize(statement);
    }
    assert_int_equal(examples, 4);
    sqlite3_close(db);
    sm_arena_fini(&arena);
}

/* ---- platform set ---- */

static double
seconds_of(const struct program_result *result)
{
    assert_int_equal(result->status, 0);
    const char *at = strstr(result->out, "\"seconds\":");
    assert_non_null(at);
    return strtod(at + strlen("\"seconds\":"), NULL);
}

static void
a_platform_that_was_set_takes_the_seconds_of_a_run_with_set(void **state)
{
    (void)state;
    folder_write("time.yaml", "steps: 6\nplatform: {file: dgx1_32_10gbe, workers: 4}\n"
                              "timing: {profile: resnet50_v100x8}\n");
    const struct program_result *result =
        program("platform", "set", "dgx1_32_10gbe", "bandwidth.\"*_eth\"=25Gbps",
                "platform.latency.\"*_eth\"=x3");
    assert_int_equal(result->status, 0);
    char mine_xml[256]; /* the helper keeps the text in a file, and not all of it in memory */
    snprintf(mine_xml, sizeof mine_xml, "%s", folder_file("mine.xml"));
    assert_int_equal(rename(folder_file("stdout.txt"), mine_xml), 0);
    const double plain = seconds_of(program("run", "time.yaml", "--timing-only", "--json"));
    const double set = seconds_of(program("run", "time.yaml", "--timing-only", "--json", "--set",
                                          "platform.bandwidth.\"*_eth\"=25Gbps", "--set",
                                          "platform.latency.\"*_eth\"=x3"));
    const double mine = seconds_of(
        program("run", "time.yaml", "--timing-only", "--json", "--set", "platform.file=mine.xml"));
    check_near(mine, set, 0);
    assert_true(set < plain);
    assert_int_equal(program("platform", "set", "star_4")->status, 2);
    assert_int_equal(program("platform", "set", "star_4", "bandwidth.x")->status, 2);
    assert_int_equal(program("platform", "set", "star_4", "bandwidth.x=1Gbps")->status, 2);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(analyse_finds_the_best_tau_and_the_tie),
        cmocka_unit_test(compare_is_0_for_the_same_study_and_1_for_another),
        cmocka_unit_test(exports_and_plots_go_to_files),
        cmocka_unit_test(every_column_is_documented_and_the_examples_run),
        cmocka_unit_test(a_platform_that_was_set_takes_the_seconds_of_a_run_with_set),
    };
    return cmocka_run_group_tests(tests, setup, folder_teardown);
}
