/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/store.c -- the results file: what goes in comes out, and nothing damages it. */
#include "tests/helpers/check.h"

#include <ftw.h>
#include <math.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/base/text.h"
#include "sim/store/record.h"
#include "sim/store/store.h"

/* ---- a folder of its own for every test ---- */

struct place {
    char folder[64], path[80];
    struct sm_arena arena;
};

static int
place_setup(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    strcpy(place->folder, "/tmp/slowmo-store-XXXXXX");
    if (mkdtemp(place->folder) == NULL || chmod(place->folder, 0755) != 0)
        return -1;
    snprintf(place->path, sizeof place->path, "%s/results.db", place->folder);
    *state = place;
    return 0;
}

static int
remove_entry(const char *path, const struct stat *about, int type, struct FTW *ftw)
{
    (void)about, (void)type, (void)ftw;
    return remove(path);
}

static int
place_teardown(void **state)
{
    struct place *place = *state;
    nftw(place->folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    sm_arena_fini(&place->arena);
    free(place);
    return 0;
}

static const char *const two_warnings[] = {"the last batch is short",
                                           "\"quoted\", \\ and \xc3\xa9"};

/* A value in every field, all different, some awkward. */
static struct sm_summary
full_summary(void)
{
    return (struct sm_summary){
        .name = "local, \"slowmo\"",
        .run_id = "5f1c",
        .status = "finished",
        .workers = 32,
        .steps = 600,
        .seed = 9007199254740991.0,
        .parameters = 11173962,
        .wire_bytes_per_model = 102228128,
        .algorithm = {"sgd", "local", "slowmo", "reset", "post_local", "topk", "ring", 12},
        .final = {0.1, 1.0 / 3.0, 0.8674, 17.5, 31.25, 5e-324},
        .best = {0.87, 550, 171.25},
        .sim = {171.30000000000001, 0.2855, 30.0, 140.5, 1e-7, 0.0, 2453475072.0, 480, "like"},
        .wall = {12.5, 13500.75},
        .hashes = {"00ff", "11ee", "22dd", "33cc"},
        .experiment = "name: x\nseed: 1\n",
        .trajectory_key = "tk",
        .timing_key = "sk",
        .version = "0.1.0",
        .network_model = "CM02",
        .error = "none",
        .wire_scale = 3.7,
        .warnings = two_warnings,
        .warning_count = 2,
    };
}

/* Every number NaN and every text NULL but the name: a run that was only timed. */
static struct sm_summary
empty_summary(void)
{
    struct sm_summary summary = {.name = NULL};
    for (const struct sm_field *f = sm_summary_fields; f->name != NULL; f++)
        if (f->kind == SM_FIELD_REAL || f->kind == SM_FIELD_WHOLE)
            *(double *)((char *)&summary + f->offset) = NAN;
    summary.name = "empty";
    return summary;
}

static void
assert_same_record(const struct sm_field *fields, const void *actual, const void *expected)
{
    for (const struct sm_field *f = fields; f->name != NULL; f++) {
        const void *a = sm_field_in(f, actual), *e = sm_field_in(f, expected);
        if (f->kind == SM_FIELD_TEXT) {
            const char *at = *(const char *const *)a, *et = *(const char *const *)e;
            if (et == NULL)
                assert_null(at);
            else
                assert_string_equal(at, et);
        } else if (f->kind == SM_FIELD_COUNT) {
            assert_int_equal(*(const size_t *)a, *(const size_t *)e);
        } else if (f->kind != SM_FIELD_WARNINGS) {
            double av = *(const double *)a, ev = *(const double *)e;
            if (!(av == ev || (isnan(av) && isnan(ev))))
                fail_msg("%s is %.17g, expected %.17g", f->name, av, ev);
        }
    }
}

static struct sm_store *
opened(const char *path)
{
    struct sm_store *store;
    check_ok(sm_store_open(path, &store));
    return store;
}

/* Opens, reads all, closes. */
static const struct sm_stored_run *
read_all(struct place *place, size_t *count)
{
    struct sm_store *store;
    const struct sm_stored_run *runs;
    check_ok(sm_store_open_readonly(place->path, &store));
    check_ok(sm_store_read(store, &place->arena, &runs, count));
    sm_store_close(store);
    return runs;
}

/* The first column of the first row, by SQLite itself. */
static const char *
sql(struct place *place, const char *path, const char *query)
{
    sqlite3 *db;
    sqlite3_stmt *statement;
    const char *text = "";
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, query, -1, &statement, NULL), SQLITE_OK);
    if (sqlite3_step(statement) == SQLITE_ROW)
        text = sm_arena_strdup(&place->arena, (const char *)sqlite3_column_text(statement, 0));
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return text;
}

static void
write_file(const char *path, const void *bytes, size_t length)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

static uint64_t
file_hash(struct place *place, const char *path)
{
    char *bytes;
    size_t length;
    check_ok(sm_text_read_file(&place->arena, path, &bytes, &length));
    return sm_hash(bytes, length, length);
}

/* ---- what goes in comes out ---- */

static void
every_field_comes_back_to_the_same_bits(void **state)
{
    struct place *place = *state;
    struct sm_summary summary = full_summary();
    struct sm_evaluation points[] = {{50, 14.3, 1.5, 1.4, 0.5, 4.0, 12.5, 0.25},
                                     {100, 28.6, NAN, INFINITY, 1.0 / 3.0, NAN, NAN, 0.0}};
    struct sm_store *store = opened(place->path);
    int64_t run;
    check_ok(sm_store_begin(store, &summary, &run));
    check_ok(sm_store_add(store, run, &points[1])); /* order of arrival does not matter */
    check_ok(sm_store_add(store, run, &points[0]));
    check_ok(sm_store_finish(store, run, &summary));
    sm_store_close(store);

    size_t count;
    const struct sm_stored_run *runs = read_all(place, &count);
    assert_int_equal(count, 1);
    assert_int_equal(runs[0].run, run);
    assert_same_record(sm_summary_fields, &runs[0].summary, &summary);
    assert_int_equal(runs[0].summary.warning_count, 2);
    for (size_t i = 0; i < 2; i++)
        assert_string_equal(runs[0].summary.warnings[i], two_warnings[i]);
    assert_int_equal(runs[0].evaluation_count, 2);
    for (size_t i = 0; i < 2; i++)
        assert_same_record(sm_evaluation_fields, &runs[0].evaluations[i], &points[i]);
    int year, month, day, hour, minute, second, end = 0;
    sscanf(runs[0].created, "%4d-%2d-%2dT%2d:%2d:%2dZ%n", &year, &month, &day, &hour, &minute,
           &second, &end);
    assert_int_equal(end, 20);
}

static void
null_stands_for_nan_and_for_a_missing_text(void **state)
{
    struct place *place = *state;
    struct sm_summary summary = empty_summary();
    struct sm_store *store = opened(place->path);
    int64_t run;
    check_ok(sm_store_begin(store, &summary, &run));
    check_ok(sm_store_finish(store, run, &summary));
    sm_store_close(store);
    size_t count;
    assert_same_record(sm_summary_fields, &read_all(place, &count)[0].summary, &summary);
    assert_string_equal(sql(place, place->path,
                            "SELECT count(*) FROM runs WHERE final_test_accuracy IS NULL "
                            "AND hashes_platform IS NULL AND seed IS NULL"),
                        "1");
}

static void
columns_carry_the_names_of_the_summary(void **state)
{
    struct place *place = *state;
    struct sm_summary summary = full_summary();
    struct sm_store *store = opened(place->path);
    int64_t run;
    check_ok(sm_store_begin(store, &summary, &run));
    sm_store_close(store);
    assert_string_equal(sql(place, place->path, "SELECT algorithm_outer FROM runs"), "slowmo");
    assert_string_equal(sql(place, place->path, "SELECT typeof(seed) FROM runs"), "integer");
    assert_string_equal(sql(place, place->path, "SELECT seed FROM runs"), "9007199254740991");
    assert_string_equal(sql(place, place->path, "SELECT best_step FROM runs"), "550");
    assert_string_equal(sql(place, place->path, "SELECT json_array_length(warnings) FROM runs"),
                        "2");
    assert_string_equal(sql(place, place->path, "PRAGMA user_version"), "5");
    assert_string_equal(sql(place, place->path, "PRAGMA journal_mode"), "wal");
}

static void
a_run_that_was_begun_only_is_seen_as_running(void **state)
{
    struct place *place = *state;
    struct sm_summary summary = full_summary();
    struct sm_store *store = opened(place->path);
    int64_t first, second;
    check_ok(sm_store_begin(store, &summary, &first));
    check_ok(sm_store_begin(store, &summary, &second));
    check_ok(sm_store_finish(store, second, &summary));
    sm_store_close(store);
    size_t count;
    const struct sm_stored_run *runs = read_all(place, &count);
    assert_int_equal(count, 2);
    assert_string_equal(runs[0].summary.status, "running");
    assert_string_equal(runs[1].summary.status, "finished");
}

static void
rows_for_a_run_that_is_not_there_are_refused(void **state)
{
    struct place *place = *state;
    struct sm_summary summary = full_summary();
    struct sm_evaluation point = {.step = 1};
    struct sm_store *store = opened(place->path);
    int64_t run;
    check_fails(sm_store_add(store, 7, &point), SM_ERR_INPUT, "no run 7");
    check_fails(sm_store_finish(store, 7, &summary), SM_ERR_INPUT, "no run 7");
    check_ok(sm_store_begin(store, &summary, &run));
    check_ok(sm_store_add(store, run, &point));
    check_fails(sm_store_add(store, run, &point), SM_ERR_INPUT, "step 1 already");
    sm_store_close(store);
}

static void
writers_share_a_store(void **state)
{
    struct place *place = *state;
    struct sm_summary summary = full_summary();
    enum { WRITERS = 4, POINTS = 50 };
    pid_t children[WRITERS];
    for (int w = 0; w < WRITERS; w++) {
        children[w] = fork();
        if (children[w] == 0) { /* all make the file at once */
            struct sm_store *store;
            int64_t run = 0;
            bool ok = sm_store_open(place->path, &store) == SM_OK &&
                      sm_store_begin(store, &summary, &run) == SM_OK;
            for (size_t i = 0; ok && i < POINTS; i++)
                ok = sm_store_add(store, run, &(struct sm_evaluation){.step = i}) == SM_OK;
            ok = ok && sm_store_finish(store, run, &summary) == SM_OK;
            if (!ok)
                fprintf(stderr, "writer: %s\n", sm_error_last()->message);
            sm_store_close(store);
            _exit(ok ? 0 : 1);
        }
    }
    for (int w = 0; w < WRITERS; w++) {
        int how;
        waitpid(children[w], &how, 0);
        assert_int_equal(how, 0);
    }
    size_t count;
    const struct sm_stored_run *runs = read_all(place, &count);
    assert_int_equal(count, WRITERS);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(runs[i].evaluation_count, POINTS);
}

static void
a_reader_beside_the_writer_sees_what_was_added(void **state)
{
    struct place *place = *state;
    struct sm_summary summary = full_summary();
    struct sm_store *store = opened(place->path);
    int64_t run;
    size_t count;
    check_ok(sm_store_begin(store, &summary, &run));
    for (size_t i = 0; i < 3; i++) {
        check_ok(sm_store_add(store, run, &(struct sm_evaluation){.step = i}));
        assert_int_equal(read_all(place, &count)[0].evaluation_count, i + 1);
    }
    sm_store_close(store);
}

/* ---- a killed writer ---- */

/* Adds evaluations for ever; one byte into the pipe after each. */
static void
write_until_killed(const char *path, int acknowledged)
{
    struct sm_store *store;
    struct sm_summary summary = full_summary();
    int64_t run;
    if (sm_store_open(path, &store) != SM_OK || sm_store_begin(store, &summary, &run) != SM_OK)
        _exit(1);
    for (size_t i = 0;; i++)
        if (sm_store_add(store, run, &(struct sm_evaluation){.step = i, .test_loss = 0.5}) !=
                SM_OK ||
            write(acknowledged, "+", 1) != 1)
            _exit(1);
}

static void
a_killed_writer_loses_at_most_the_last_evaluation(void **state)
{
    struct place *place = *state;
    enum { KILLS = 5 };
    for (size_t k = 0; k < KILLS; k++) {
        int pipes[2];
        assert_int_equal(pipe(pipes), 0);
        pid_t child = fork();
        if (child == 0)
            write_until_killed(place->path, pipes[1]);
        close(pipes[1]);
        size_t acknowledged = 0;
        char byte;
        while (acknowledged < 40 + 97 * k && read(pipes[0], &byte, 1) == 1)
            acknowledged++;
        kill(child, SIGKILL); /* somewhere in the middle of an addition */
        while (read(pipes[0], &byte, 1) == 1)
            acknowledged++;
        close(pipes[0]);
        int how;
        waitpid(child, &how, 0);
        assert_true(WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL);

        size_t count;
        const struct sm_stored_run *runs = read_all(place, &count);
        assert_int_equal(count, k + 1);
        assert_in_range(runs[k].evaluation_count, acknowledged, acknowledged + 1);
        assert_string_equal(runs[k].summary.status, "running");
    }
    assert_string_equal(sql(place, place->path, "PRAGMA integrity_check"), "ok");
    assert_string_equal(sql(place, place->path, "PRAGMA foreign_key_check"), "");
    sm_store_close(opened(place->path));
}

/* ---- files that are no store, and stores that cannot be written ---- */

/* Opening fails with `part` for writers and readers alike, and the bytes stay what they were. */
static void
assert_refused_untouched(struct place *place, const char *path, const char *part)
{
    struct sm_store *store;
    uint64_t before = file_hash(place, path);
    check_fails(sm_store_open(path, &store), SM_ERR_INPUT, part);
    assert_null(store);
    check_fails(sm_store_open_readonly(path, &store), SM_ERR_INPUT, part);
    assert_true(file_hash(place, path) == before);
    char journal[100];
    snprintf(journal, sizeof journal, "%s-wal", path);
    assert_int_equal(access(journal, F_OK), -1);
    snprintf(journal, sizeof journal, "%s-journal", path);
    assert_int_equal(access(journal, F_OK), -1);
}

static void
a_file_that_is_no_store_is_refused_and_left_alone(void **state)
{
    struct place *place = *state;
    char path[100], text[4096];
    memset(text, 'x', sizeof text);
    snprintf(path, sizeof path, "%s/short.txt", place->folder);
    write_file(path, "hello\n", 6);
    assert_refused_untouched(place, path, "not a results file");
    snprintf(path, sizeof path, "%s/long.txt", place->folder);
    write_file(path, text, sizeof text);
    assert_refused_untouched(place, path, "not a results file");
    snprintf(path, sizeof path, "%s/other.db", place->folder);
    sql(place, path, "CREATE TABLE runs (a)");
    assert_refused_untouched(place, path, "of another program");
}

/* A store as that version made it, with one run and one evaluation. Version 1 had neither
 * perplexity nor BLEU, version 2 named neither the period nor the compression, version 3
 * replayed nothing, version 4 kept neither spans nor platforms. */
static int64_t
make_older(struct place *place, int version)
{
    static const struct {
        int since;
        const char *table, *column;
    } later[] = {
        {2, "runs", "final_test_perplexity"},  {2, "runs", "final_test_bleu"},
        {2, "evaluations", "test_perplexity"}, {2, "evaluations", "test_bleu"},
        {3, "runs", "algorithm_period"},       {3, "runs", "algorithm_compression"},
        {4, "runs", "sim_replayed_steps"},     {4, "runs", "sim_replay"},
    };
    const struct sm_summary summary = full_summary();
    const struct sm_evaluation point = {50, 14.3, 1.5, 1.4, 0.5, 4.0, 12.5, 0.25};
    struct sm_store *store = opened(place->path);
    int64_t run;
    check_ok(sm_store_begin(store, &summary, &run));
    check_ok(sm_store_add(store, run, &point));
    check_ok(sm_store_finish(store, run, &summary));
    sm_store_close(store);
    char text[96];
    for (size_t i = 0; i < sizeof later / sizeof *later; i++)
        if (later[i].since > version) {
            snprintf(text, sizeof text, "ALTER TABLE %s DROP COLUMN %s", later[i].table,
                     later[i].column);
            sql(place, place->path, text);
        }
    sql(place, place->path, "DROP TABLE spans");
    sql(place, place->path, "DROP TABLE platforms");
    snprintf(text, sizeof text, "PRAGMA user_version = %d", version);
    sql(place, place->path, text);
    return run;
}

/* What make_older left, with null for what its version did not have. */
static void
assert_older(struct sm_store *store, struct sm_arena *arena, int version)
{
    struct sm_summary summary = full_summary();
    struct sm_evaluation point = {50, 14.3, 1.5, 1.4, 0.5, 4.0, 12.5, 0.25};
    const struct sm_stored_run *runs;
    size_t count;
    if (version < 4) {
        summary.sim.replayed_steps = NAN;
        summary.sim.replay = NULL;
    }
    if (version < 3)
        summary.algorithm.period = summary.algorithm.compression = NULL;
    if (version < 2) {
        summary.final.test_perplexity = summary.final.test_bleu = NAN;
        point.test_perplexity = point.test_bleu = NAN;
    }
    check_ok(sm_store_read(store, arena, &runs, &count));
    assert_int_equal(count, 1);
    assert_int_equal(runs[0].evaluation_count, 1);
    assert_same_record(sm_summary_fields, &runs[0].summary, &summary);
    assert_same_record(sm_evaluation_fields, &runs[0].evaluations[0], &point);
    struct sm_stored_run run = runs[0];
    check_ok(sm_store_read_more(store, arena, &run));
    assert_int_equal(run.span_count, 0);
    assert_null(run.platform);
}

/* Reading leaves the file alone, writing upgrades it. */
static void
an_older_store_is_read_and_upgraded_without_loss(void **state)
{
    struct place *place = *state;
    for (int version = 1; version <= 4; version++) {
        const int64_t run = make_older(place, version);
        struct sm_store *store;
        check_ok(sm_store_open_readonly(place->path, &store));
        assert_older(store, &place->arena, version);
        sm_store_close(store);
        assert_int_equal(atoi(sql(place, place->path, "PRAGMA user_version")), version);
        store = opened(place->path);
        assert_older(store, &place->arena, version);
        sm_store_close(store);
        assert_string_equal(sql(place, place->path, "PRAGMA user_version"), "5");

        const struct sm_summary summary = full_summary(); /* and takes what is new */
        const struct sm_evaluation next = {100, 28.6, 1.5, 1.4, 0.5, 4, 12.5, 0.25};
        const struct sm_span span = {0, "program", "load", 0, 0, 0, 1, NAN, NAN};
        store = opened(place->path);
        check_ok(sm_store_add(store, run, &next));
        check_ok(sm_store_add_spans(store, run, &span, 1));
        check_ok(sm_store_add_platform(store, "11ee", "{}"));
        check_ok(sm_store_finish(store, run, &summary));
        sm_store_close(store);
        size_t count;
        const struct sm_stored_run *runs = read_all(place, &count);
        assert_same_record(sm_summary_fields, &runs[0].summary, &summary);
        assert_same_record(sm_evaluation_fields, &runs[0].evaluations[1], &next);
        assert_int_equal(remove(place->path), 0);
    }
}

/* Their upgrade may still stand in the journal alone, where the file's header does not show it. */
static void
readers_beside_the_writer_that_upgrades_see_what_is_new(void **state)
{
    struct place *place = *state;
    const struct sm_summary summary = full_summary();
    const int64_t run = make_older(place, 1);
    struct sm_store *store, *reader;
    check_ok(sm_store_open_readonly(place->path, &reader)); /* before, and after below */
    store = opened(place->path);
    check_ok(sm_store_finish(store, run, &summary));
    size_t count;
    assert_same_record(sm_summary_fields, &read_all(place, &count)[0].summary, &summary);
    const struct sm_stored_run *runs;
    check_ok(sm_store_read(reader, &place->arena, &runs, &count));
    assert_same_record(sm_summary_fields, &runs[0].summary, &summary);
    sm_store_close(reader);
    sm_store_close(store);
}

/* The file was made by the same handle that reads. */
static void
a_new_store_reads_back_what_was_just_written(void **state)
{
    struct place *place = *state;
    const struct sm_summary summary = full_summary();
    struct sm_store *store = opened(place->path);
    const struct sm_stored_run *runs;
    size_t count;
    int64_t run;
    check_ok(sm_store_begin(store, &summary, &run));
    check_ok(sm_store_finish(store, run, &summary));
    check_ok(sm_store_read(store, &place->arena, &runs, &count));
    assert_same_record(sm_summary_fields, &runs[0].summary, &summary);
    sm_store_close(store);
}

static void
a_store_of_a_newer_version_is_refused_and_left_alone(void **state)
{
    struct place *place = *state;
    sm_store_close(opened(place->path));
    sql(place, place->path, "PRAGMA journal_mode = DELETE");
    sql(place, place->path, "PRAGMA user_version = 6");
    assert_refused_untouched(place, place->path, "newer version of slowmo (schema 6");
}

static void
a_truncated_store_gives_one_line(void **state)
{
    struct place *place = *state;
    struct sm_store *store = opened(place->path);
    struct sm_summary summary = full_summary();
    const struct sm_stored_run *runs;
    size_t count;
    int64_t run;
    check_ok(sm_store_begin(store, &summary, &run));
    sm_store_close(store);
    assert_int_equal(truncate(place->path, 4096), 0);
    enum sm_status status = sm_store_open_readonly(place->path, &store);
    if (status == SM_OK) /* the damage shows when its rows are read */
        status = sm_store_read(store, &place->arena, &runs, &count);
    check_fails(status, SM_ERR_INPUT, "damaged");
    sm_store_close(store);
}

static void
places_that_cannot_hold_a_store_are_named(void **state)
{
    struct place *place = *state;
    struct sm_store *store;
    char path[100];
    check_fails(sm_store_open(place->folder, &store), SM_ERR_INPUT, "a folder");
    check_fails(sm_store_open("", &store), SM_ERR_INPUT, "empty");
    check_fails(sm_store_open("/dev/null", &store), SM_ERR_INPUT, "not a regular file");
    snprintf(path, sizeof path, "%s/none/results.db", place->folder);
    check_fails(sm_store_open(path, &store), SM_ERR_INPUT, "No such file");
    check_fails(sm_store_open_readonly(place->path, &store), SM_ERR_INPUT, "No such file");
    assert_int_equal(access(place->path, F_OK), -1); /* a reader makes no file */
    write_file(place->path, "", 0);
    check_fails(sm_store_open_readonly(place->path, &store), SM_ERR_INPUT, "an empty file");
    sm_store_close(opened(place->path)); /* a writer takes it */
}

/* Root may write anything: become somebody else for a while. */
static void
as_nobody(bool yes)
{
    if (getuid() == 0)
        assert_int_equal(seteuid(yes ? 65534 : 0), 0);
}

static void
a_read_only_store_is_read_but_not_written(void **state)
{
    struct place *place = *state;
    struct sm_summary summary = full_summary();
    struct sm_store *store = opened(place->path);
    int64_t run;
    check_ok(sm_store_begin(store, &summary, &run));
    sm_store_close(store);
    char other[100];
    snprintf(other, sizeof other, "%s/other.db", place->folder);
    chmod(place->path, 0444);
    chmod(place->folder, 0555);
    as_nobody(true);
    size_t count = 0;
    enum sm_status written = sm_store_open(place->path, &store);
    check_fails(written, SM_ERR_INPUT, "read-only");
    check_fails(sm_store_open(other, &store), SM_ERR_INPUT, "Permission denied");
    read_all(place, &count);
    as_nobody(false);
    chmod(place->folder, 0755);
    assert_int_equal(count, 1);
}

/* Begins runs until one fails; 0 when the error was the one line that holds `part`. A full disk is
 * nothing that the user wrote wrongly. */
static int
fill(const char *path, const char *part)
{
    struct sm_store *store;
    struct sm_summary summary = full_summary();
    int64_t run;
    enum sm_status status = sm_store_open(path, &store);
    while (status == SM_OK)
        status = sm_store_begin(store, &summary, &run);
    bool as_expected = status == SM_ERR_IO && strstr(sm_error_last()->message, part) != NULL;
    if (!as_expected)
        fprintf(stderr, "status %d: %s\n", (int)status, sm_error_last()->message);
    sm_store_close(store);
    return as_expected ? 0 : 1;
}

static void
a_file_that_may_not_grow_keeps_its_rows(void **state)
{
    struct place *place = *state;
    pid_t child = fork();
    if (child == 0) {
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){200000, 200000});
        _exit(fill(place->path, "disk I/O error"));
    }
    int how;
    waitpid(child, &how, 0);
    assert_int_equal(how, 0);
    size_t count;
    read_all(place, &count);
    assert_true(count > 10);
    assert_string_equal(sql(place, place->path, "PRAGMA integrity_check"), "ok");
}

/* SQLite's own file system, but a disk with room for `room` more bytes. */
static sqlite3_vfs *real_vfs;
static int (*real_write)(sqlite3_file *file, const void *bytes, int amount, sqlite3_int64 offset);
static sqlite3_int64 room;

static int
small_write(sqlite3_file *file, const void *bytes, int amount, sqlite3_int64 offset)
{
    room -= amount;
    return room < 0 ? SQLITE_FULL : real_write(file, bytes, amount, offset);
}

static int
small_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out)
{
    static sqlite3_io_methods methods[2]; /* the database locks, its journals do not */
    (void)vfs;
    int code = real_vfs->xOpen(real_vfs, name, file, flags, out);
    if (code != SQLITE_OK)
        return code;
    sqlite3_io_methods *small = &methods[(flags & SQLITE_OPEN_MAIN_DB) != 0];
    *small = *file->pMethods;
    real_write = small->xWrite;
    small->xWrite = small_write;
    file->pMethods = small;
    return SQLITE_OK;
}

static void
a_full_disk_is_one_line_and_keeps_the_rows(void **state)
{
    struct place *place = *state;
    real_vfs = sqlite3_vfs_find(NULL);
    sqlite3_vfs small_vfs = *real_vfs;
    small_vfs.zName = "small";
    small_vfs.pNext = NULL;
    small_vfs.xOpen = small_open;
    sqlite3_vfs_register(&small_vfs, 1);
    room = 300000;
    int failed = fill(place->path, "the disk is full");
    room = 0; /* not one byte: not even for a new file's first page */
    char other[100];
    snprintf(other, sizeof other, "%s/other.db", place->folder);
    failed |= fill(other, "the disk is full");
    sqlite3_vfs_register(real_vfs, 1);
    sqlite3_vfs_unregister(&small_vfs);

    assert_int_equal(failed, 0);
    size_t count;
    read_all(place, &count);
    assert_true(count > 10);
    assert_string_equal(sql(place, place->path, "PRAGMA integrity_check"), "ok");
    sm_store_close(opened(other)); /* what was left behind is an empty file */
}

/* ---- JSON ---- */

static void
the_summary_is_one_line_of_json_in_the_documented_order(void **state)
{
    struct place *place = *state;
    struct sm_summary summary = full_summary();
    const char *json;
    check_ok(sm_summary_json(&summary, &place->arena, &json));
    assert_string_equal(
        json,
        "{\"name\":\"local, \\\"slowmo\\\"\",\"run_id\":\"5f1c\",\"workers\":32,\"steps\":600,"
        "\"seed\":9007199254740991,\"parameters\":11173962,\"wire_bytes_per_model\":102228128,"
        "\"algorithm\":{\"inner\":\"sgd\",\"strategy\":\"local\",\"outer\":\"slowmo\","
        "\"buffer\":\"reset\",\"period\":\"post_local\",\"tau\":12,\"compression\":\"topk\","
        "\"collective\":\"ring\"},"
        "\"final\":{\"train_loss\":0.1,\"test_loss\":0.3333333333333333,"
        "\"test_accuracy\":0.8674,\"test_perplexity\":17.5,\"test_bleu\":31.25,\"consensus_"
        "distance\":5e-324},"
        "\"best\":{\"test_accuracy\":0.87,\"step\":550,\"sim_seconds\":171.25},"
        "\"sim\":{\"seconds\":171.3,\"seconds_per_step\":0.2855,\"load\":30.0,\"compute\":140.5,"
        "\"exposed_communication\":1e-07,\"idle\":0.0,\"bytes_sent_per_worker\":2453475072,"
        "\"replayed_steps\":480,\"replay\":\"like\"},"
        "\"wall\":{\"seconds\":12.5,\"samples_per_second\":13500.75},"
        "\"hashes\":{\"parameters\":\"00ff\",\"platform\":\"11ee\",\"data\":\"22dd\","
        "\"experiment\":\"33cc\"},"
        "\"warnings\":[\"the last batch is short\",\"\\\"quoted\\\", \\\\ and \xc3\xa9\"],"
        "\"status\":\"finished\"}");
}

static void
json_has_null_for_what_is_not_a_number(void **state)
{
    struct place *place = *state;
    struct sm_summary summary = empty_summary();
    summary.final.test_loss = INFINITY;
    const char *json;
    check_ok(sm_summary_json(&summary, &place->arena, &json));
    json_t *object = json_loads(json, 0, NULL);
    assert_non_null(object);
    json_t *final = json_object_get(object, "final");
    assert_int_equal(json_object_size(final), 6);
    const char *key;
    json_t *value;
    json_object_foreach(final, key, value) assert_true(json_is_null(value));
    assert_true(json_is_null(json_object_get(object, "seed")));
    assert_true(json_is_null(json_object_get(object, "run_id")));
    assert_int_equal(json_array_size(json_object_get(object, "warnings")), 0);
    json_decref(object);
}

static void
json_numbers_read_back_to_the_same_bits(void **state)
{
    struct place *place = *state;
    struct sm_summary summary = empty_summary();
    uint64_t bits = 88172645463325252u;
    for (size_t i = 0; i < 20000; i++) {
        bits ^= bits << 13, bits ^= bits >> 7, bits ^= bits << 17;
        double value;
        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value))
            continue;
        summary.final.test_loss = value;
        const char *json;
        sm_arena_reset(&place->arena);
        check_ok(sm_summary_json(&summary, &place->arena, &json));
        json_t *object = json_loads(json, 0, NULL);
        json_t *loss = json_object_get(json_object_get(object, "final"), "test_loss");
        assert_true(json_is_real(loss));
        assert_true(json_real_value(loss) == value);
        json_decref(object);
    }
}

static void
a_text_that_is_not_utf_8_is_an_error(void **state)
{
    struct place *place = *state;
    struct sm_summary summary = empty_summary();
    summary.version = "\xff"; /* aside: not in the object */
    const char *json;
    check_ok(sm_summary_json(&summary, &place->arena, &json));
    summary.run_id = "\xff";
    check_fails(sm_summary_json(&summary, &place->arena, &json), SM_ERR_INPUT, "not UTF-8");
}

#define IN_A_PLACE(test) cmocka_unit_test_setup_teardown(test, place_setup, place_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_PLACE(every_field_comes_back_to_the_same_bits),
        IN_A_PLACE(null_stands_for_nan_and_for_a_missing_text),
        IN_A_PLACE(columns_carry_the_names_of_the_summary),
        IN_A_PLACE(a_run_that_was_begun_only_is_seen_as_running),
        IN_A_PLACE(rows_for_a_run_that_is_not_there_are_refused),
        IN_A_PLACE(writers_share_a_store),
        IN_A_PLACE(a_reader_beside_the_writer_sees_what_was_added),
        IN_A_PLACE(a_killed_writer_loses_at_most_the_last_evaluation),
        IN_A_PLACE(a_file_that_is_no_store_is_refused_and_left_alone),
        IN_A_PLACE(an_older_store_is_read_and_upgraded_without_loss),
        IN_A_PLACE(readers_beside_the_writer_that_upgrades_see_what_is_new),
        IN_A_PLACE(a_new_store_reads_back_what_was_just_written),
        IN_A_PLACE(a_store_of_a_newer_version_is_refused_and_left_alone),
        IN_A_PLACE(a_truncated_store_gives_one_line),
        IN_A_PLACE(places_that_cannot_hold_a_store_are_named),
        IN_A_PLACE(a_read_only_store_is_read_but_not_written),
        IN_A_PLACE(a_file_that_may_not_grow_keeps_its_rows),
        IN_A_PLACE(a_full_disk_is_one_line_and_keeps_the_rows),
        IN_A_PLACE(the_summary_is_one_line_of_json_in_the_documented_order),
        IN_A_PLACE(json_has_null_for_what_is_not_a_number),
        IN_A_PLACE(json_numbers_read_back_to_the_same_bits),
        IN_A_PLACE(a_text_that_is_not_utf_8_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
