/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/integration/store_errors.c -- every command on every kind of store that it cannot use: one
 * line each, and nothing lost. */
#include "tests/helpers/check.h"

#include <sched.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/base/arena.h"
#include "sim/base/text.h"
#include "sim/store/record.h"
#include "tests/helpers/folder.h"
#include "tests/helpers/program.h"
#include "tests/helpers/stores.h"
#include "tests/helpers/sweeps.h"

/* Calls that use d/bad.db; good.db is a sound store. */
enum does { READS, WRITES, RESUMES };
static const struct {
    enum does does;
    const char *arguments[9];
} calls[] = {
    {WRITES, {"run", "s.yaml", "--quiet", "--set", "sweep={seed: [1]}", "--store", "d/bad.db"}},
    {WRITES, {"sweep", "s.yaml", "--quiet", "--shard", "1/6", "--store", "d/bad.db"}},
    {RESUMES, {"sweep", "s.yaml", "--quiet", "--shard", "1/6", "--resume", "--store", "d/bad.db"}},
    {WRITES, {"merge", "d/bad.db", "good.db"}},
    {READS, {"merge", "new.db", "d/bad.db"}},
    {READS, {"analyse", "d/bad.db"}},
    {READS, {"compare", "d/bad.db", "base.csv"}},
    {READS, {"export", "d/bad.db"}},
    {READS, {"export", "d/bad.db", "--format", "tensorboard", "-o", "new.db"}},
    {READS, {"plot", "d/bad.db", "-o", "new.svg"}},
    {READS, {"report", "d/bad.db", "-o", "new.svg"}},
};
enum { CALLS = sizeof calls / sizeof *calls, RUN_RUNS = 3 };

/* Without a word; a report says where it is, and gnuplot need not be there. */
static void
succeeds(const struct program_result *result)
{
    if (result->status == 2 && strstr(result->err, "gnuplot is missing") != NULL)
        return;
    if (result->status != 0 ||
        (result->err[0] != '\0' && strstr(result->err, " runs in new.svg") == NULL))
        fail_msg("exit status %d: %s", result->status, result->err);
}

/* In the folder. */
static void
run_shell(const char *what)
{
    char command[300];
    snprintf(command, sizeof command, "cd %s && %s", folder_path(), what);
    assert_int_equal(system(command), 0);
}

/* What the calls above made. */
static void
remove_new(void)
{
    run_shell("rm -rf new.db new.db-wal new.db-shm new.svg");
}

enum { NOBODY = 65534 };
static bool was_root;

/* Root may write anything: become somebody else until told otherwise. False, with a line, where
 * that somebody cannot run the program. */
static bool
become_nobody(void)
{
    was_root = getuid() == 0;
    if (was_root) {
        run_shell("chmod 755 . && chown -R 65534 .");
        assert_int_equal(setresuid(NOBODY, NOBODY, 0), 0);
    }
    const bool can = access(SM_TEST_PROGRAM, X_OK) == 0 && access(SM_TEST_SOURCE, X_OK) == 0;
    if (!can)
        print_message("skipped: only root may reach %s\n", SM_TEST_PROGRAM);
    return can;
}

static void
become_oneself(void)
{
    if (was_root)
        assert_int_equal(setresuid(0, 0, 0), 0);
}

static int
teardown(void **state)
{
    become_oneself(); /* a test that failed did not */
    umount(folder_file("d"));
    chmod(folder_file("d"), 0755);
    return folder_teardown(state);
}

static int
setup(void **state)
{
    (void)state;
    sweep_write("s.yaml");
    succeeds(program("sweep", "s.yaml", "--quiet", "--store", "good.db"));
    succeeds(program("export", "good.db", "--format", "runs", "-o", "base.csv"));
    return mkdir(folder_file("d"), 0755);
}

/* That exit status, and one line that names d/bad.db and says `part`. */
static void
one_line(const struct program_result *result, int status, const char *part, const char *call)
{
    const char *end = strchr(result->err, '\n');
    if (result->status != status || end == NULL || end[1] != '\0' ||
        strncmp(result->err, "slowmo: ", 8) != 0 || strstr(result->err, part) == NULL ||
        strstr(result->err, "d/bad.db") == NULL)
        fail_msg("%s: exit status %d: %s, expected %d: %s", call, result->status, result->err,
                 status, part);
}

static void
make_bad(const void *bytes, size_t length)
{
    FILE *file = fopen(folder_file("d/bad.db"), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

static size_t
read_bytes(struct sm_arena *arena, const char *name, char **bytes)
{
    size_t length;
    check_ok(sm_text_read_file(arena, folder_file(name), bytes, &length));
    return length;
}

/* A copy of good.db, in which `sql` is done. */
static void
make_copy(const char *sql)
{
    struct sm_arena arena = {0};
    char *bytes;
    store_query("good.db", "PRAGMA wal_checkpoint(TRUNCATE)");
    make_bad(bytes, read_bytes(&arena, "good.db", &bytes));
    sm_arena_fini(&arena);
    if (sql != NULL)
        store_query("d/bad.db", sql);
}

/* Each of those calls fails with one line that says `part`; d/bad.db is what it was, nothing new is
 * beside it. */
static void
all_refuse(const char *part, enum does least)
{
    struct sm_arena arena = {0};
    char *before, *after;
    const size_t length = read_bytes(&arena, "d/bad.db", &before);
    for (size_t i = 0; i < CALLS; i++) {
        if (calls[i].does < least)
            continue;
        one_line(program_call(calls[i].arguments), 2, part, calls[i].arguments[0]);
        assert_int_equal(read_bytes(&arena, "d/bad.db", &after), length);
        assert_memory_equal(before, after, length);
        assert_int_equal(access(folder_file("new.db"), F_OK), -1);
        assert_int_equal(access(folder_file("new.svg"), F_OK), -1);
        assert_int_equal(access(folder_file("d/bad.db-wal"), F_OK), -1);
    }
    sm_arena_fini(&arena);
}

/* ---- what is no store, or not one of ours ---- */

static void
what_is_no_store_is_refused_and_left_alone(void **unused)
{
    (void)unused;
    struct sm_arena arena = {0};
    char *bytes;
    read_bytes(&arena, "good.db", &bytes);
    make_bad("hello\n", 6);
    all_refuse("not a results file (no SQLite file)", READS);
    make_bad(bytes, 60); /* not even the whole header */
    all_refuse("not a results file (no SQLite file)", READS);
    remove(folder_file("d/bad.db"));
    store_query("d/bad.db", "CREATE TABLE runs (a)");
    all_refuse("a SQLite file of another program", READS);
    sm_arena_fini(&arena);
}

static void
a_store_of_a_newer_version_is_refused_and_left_alone(void **unused)
{
    (void)unused;
    make_copy("PRAGMA journal_mode = DELETE");
    store_query("d/bad.db", "PRAGMA user_version = 99");
    all_refuse("written by a newer version of slowmo (schema 99, ", READS);
}

static void
a_folder_in_its_place_is_one_line(void **unused)
{
    (void)unused;
    remove(folder_file("d/bad.db"));
    assert_int_equal(mkdir(folder_file("d/bad.db"), 0755), 0);
    for (size_t i = 0; i < CALLS; i++)
        one_line(program_call(calls[i].arguments), 2, "a folder, expected a results file",
                 calls[i].arguments[0]);
    assert_int_equal(rmdir(folder_file("d/bad.db")), 0);
}

static void
nothing_and_an_empty_file_are_taken_by_writers_alone(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < CALLS; i++)
        for (int empty = 0; empty < 2; empty++) {
            remove(folder_file("d/bad.db"));
            if (empty)
                make_bad("", 0);
            const struct program_result *result = program_call(calls[i].arguments);
            if (calls[i].does == WRITES || (calls[i].does == RESUMES && empty))
                succeeds(result);
            else if (calls[i].does == RESUMES)
                one_line(result, 2, "there is no d/bad.db", calls[i].arguments[0]);
            else
                one_line(result, 2,
                         empty ? "an empty file, expected results"
                               : "No such file or directory; expected a results file",
                         calls[i].arguments[0]);
            if (calls[i].does == READS)
                assert_int_equal(access(folder_file("d/bad.db"), F_OK), empty - 1);
        }
}

/* The damage shows at the first page that a command reads, so the file may change before. */
static void
damaged_stores_are_one_line(void **unused)
{
    (void)unused;
    struct sm_arena arena = {0};
    char *bytes;
    const size_t length = read_bytes(&arena, "good.db", &bytes);
    for (size_t i = 0; i < CALLS; i += CHECK_STRIDE) {
        make_bad(bytes, length / 4);
        one_line(program_call(calls[i].arguments), 2, "a damaged results file (",
                 calls[i].arguments[0]);
        memset(bytes + 4096, 0x5a, length / 2); /* the tables' pages, not the header */
        make_bad(bytes, length);
        one_line(program_call(calls[i].arguments), 2, "a damaged results file (",
                 calls[i].arguments[0]);
        make_copy("DROP TABLE evaluations");
        one_line(program_call(calls[i].arguments), 2,
                 "a damaged results file (no such table: evaluations)", calls[i].arguments[0]);
        run_shell("rm -f d/bad.db-*");
    }
    sm_arena_fini(&arena);
}

static void
a_store_without_runs_is_no_error_but_for_those_who_need_one(void **unused)
{
    (void)unused;
    remove(folder_file("d/bad.db"));
    succeeds(program("merge", "d/bad.db", "good.db"));
    store_query("d/bad.db", "DELETE FROM evaluations");
    store_query("d/bad.db", "DELETE FROM spans");
    store_query("d/bad.db", "DELETE FROM runs");
    succeeds(program("export", "d/bad.db"));
    one_line(program("analyse", "d/bad.db"), 2, "holds no run", "analyse");
    one_line(program("report", "d/bad.db"), 2, "holds no run", "report");
    succeeds(program("merge", "d/bad.db", "good.db"));
    stores_are_equal("d/bad.db", "good.db");
}

static void
a_store_is_not_written_over_by_what_is_made_of_it(void **unused)
{
    (void)unused;
    static const char *const written[][5] = {{"report", "good.db", "-o", "d/bad.db"},
                                             {"export", "good.db", "-o", "d/bad.db"},
                                             {"plot", "good.db", "-o", "d/bad.db"},
                                             {"run", "s.yaml", "--trace", "d/bad.db"},
                                             {"run", "s.yaml", "--save", "d/bad.db"}};
    run_shell("cp good.db d/bad.db");
    for (size_t i = 0; i < sizeof written / sizeof *written; i++)
        one_line(program(written[i][0], written[i][1], written[i][2], written[i][3]), 2,
                 "d/bad.db holds results", written[i][0]);
    stores_are_equal("d/bad.db", "good.db");
}

/* ---- older ones ---- */

static void
drop_later(const char *table, const struct sm_field *fields, long long version)
{
    char sql[128];
    for (const struct sm_field *f = fields; f->name != NULL; f++) {
        if (f->since <= version)
            continue;
        int used = snprintf(sql, sizeof sql, "ALTER TABLE %s DROP COLUMN ", table);
        for (const char *c = f->name; *c != '\0' && used < (int)sizeof sql - 1; c++)
            sql[used++] = (char)(*c == '.' ? '_' : *c);
        sql[used] = '\0';
        store_query("d/bad.db", sql);
    }
}

static void
make_older(long long version)
{
    char sql[64];
    make_copy(NULL);
    drop_later("runs", sm_summary_fields, version);
    drop_later("evaluations", sm_evaluation_fields, version);
    if (version < 5) {
        store_query("d/bad.db", "DROP TABLE spans");
        store_query("d/bad.db", "DROP TABLE platforms");
    }
    snprintf(sql, sizeof sql, "PRAGMA user_version = %lld", version);
    store_query("d/bad.db", sql);
}

static void
stores_of_all_older_versions_serve_every_command(void **unused)
{
    (void)unused;
    const long long schema = store_query("good.db", "PRAGMA user_version");
    const long long points = store_query("good.db", "SELECT count(*) FROM evaluations "
                                                    "WHERE run = 1");
    assert_true(schema >= 4);
    for (long long version = 1; version < schema; version++)
        for (size_t i = (size_t)version % CHECK_STRIDE; i < CALLS; i += CHECK_STRIDE) {
            make_older(version);
            const struct program_result *result = program_call(calls[i].arguments);
            if (strcmp(calls[i].arguments[0], "compare") != 0) /* it may see what was not stored */
                succeeds(result);
            assert_int_equal(store_query("d/bad.db", "PRAGMA user_version"),
                             calls[i].does == READS ? version : schema);
            const int runs =
                strcmp(calls[i].arguments[0], "run") == 0 ? SWEEP_RUNS + RUN_RUNS : SWEEP_RUNS;
            assert_int_equal(store_query("d/bad.db", "SELECT count(*) FROM runs WHERE status = "
                                                     "'finished' AND sim_seconds > 0"),
                             runs);
            assert_int_equal(store_query("d/bad.db", "SELECT count(*) FROM evaluations"),
                             runs * points);
            remove_new();
        }
}

/* ---- locked ---- */

/* All at once: each of them waits for ten seconds. */
static void
a_locked_store_is_one_line_after_some_patience(void **unused)
{
    (void)unused;
    sqlite3 *other;
    pid_t children[CALLS];
    make_copy("PRAGMA journal_mode = DELETE"); /* in which readers wait too */
    assert_int_equal(sqlite3_open(folder_file("d/bad.db"), &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN EXCLUSIVE", NULL, NULL, NULL), SQLITE_OK);
    for (size_t i = 0; i < CALLS; i++)
        children[i] = program_start(calls[i].arguments);
    for (size_t i = 0; i < CALLS; i++)
        one_line(program_finish(children[i], 0), 2, "locked by another program for over 10 s",
                 calls[i].arguments[0]);
    assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(other), SQLITE_OK);
    succeeds(program("sweep", "s.yaml", "--quiet", "--store", "d/bad.db"));
    store_has_finished("d/bad.db", SWEEP_RUNS);
    stores_are_equal("d/bad.db", "good.db");
}

/* ---- read-only ---- */

/* Writers fail with one line that says `part`, readers (but with `also_readers`) do not. */
static void
writers_refuse(const char *part, bool also_readers)
{
    for (size_t i = 0; i < CALLS; i++) {
        const struct program_result *result = program_call(calls[i].arguments);
        if (calls[i].does == READS && !also_readers)
            succeeds(result);
        else
            one_line(result, 2, part, calls[i].arguments[0]);
        remove_new();
    }
}

static void
what_may_not_be_written_is_named_and_read_all_the_same(void **unused)
{
    (void)unused;
    make_copy(NULL);
    if (!become_nobody()) {
        become_oneself();
        skip();
    }
    assert_int_equal(chmod(folder_file("d/bad.db"), 0444), 0);
    writers_refuse("cannot be written, the file is read-only", false);
    assert_int_equal(chmod(folder_file("d/bad.db"), 0), 0);
    writers_refuse("Permission denied; expected a results file", true);
    assert_int_equal(chmod(folder_file("d/bad.db"), 0644), 0);
    run_shell("rm -f d/bad.db-*");
    assert_int_equal(chmod(folder_file("d"), 0555), 0);
    writers_refuse("cannot be written, its folder is read-only", false);
    assert_int_equal(chmod(folder_file("d"), 0755), 0);
    assert_int_equal(remove(folder_file("d/bad.db")), 0);
    assert_int_equal(chmod(folder_file("d"), 0555), 0);
    one_line(program("run", "s.yaml", "--store", "d/bad.db"), 2,
             "cannot make d/bad.db: Permission denied", "run");
    assert_int_equal(chmod(folder_file("d"), 0755), 0);
    become_oneself();
    make_copy(NULL);
    store_has_finished("d/bad.db", SWEEP_RUNS);
    stores_are_equal("d/bad.db", "good.db");
}

/* ---- a full disk ---- */

static bool
mount_disk(int kilobytes, unsigned long flags)
{
    char size[32];
    snprintf(size, sizeof size, "size=%dk", kilobytes);
    return mount("slowmo-test", folder_file("d"), "tmpfs", flags, size) == 0;
}

/* A disk of this process alone, gone with it. False, with a line, where nobody may make one. */
static bool
make_disk(int kilobytes)
{
    if (unshare(CLONE_NEWNS) == 0 && mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
        mount_disk(kilobytes, 0))
        return true;
    print_message("skipped: a small disk can only be mounted by root\n");
    return false;
}

static bool
is_one_line(const char *text)
{
    return text[0] != '\0' && strchr(text, '\n') == strrchr(text, '\n');
}

/* At each size the disk is full at another place: when the tables are made, before or after the
 * first runs have ended. */
static void
a_sweep_whose_disk_fills_goes_on_when_there_is_room(void **unused)
{
    (void)unused;
    static const int sizes[] = {16, 40, 256, 400};
    remove(folder_file("d/bad.db"));
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        if (!make_disk(sizes[i]))
            skip();
        one_line(program("sweep", "s.yaml", "--quiet", "--jobs", "1", "--store", "d/bad.db"), 1,
                 "the disk is full; what was stored before is safe", "sweep");
        run_shell("rm -f new.db* && cp d/bad.db new.db"); /* to where there is room to look */
        run_shell("test ! -e d/bad.db-wal || cp d/bad.db-wal new.db-wal");
        const bool made = store_query("new.db", "SELECT count(*) FROM sqlite_master") > 0;
        const char *finished = "SELECT count(*) FROM runs WHERE status = 'finished'";
        const long long kept = made ? store_query("new.db", finished) : 0;
        assert_int_equal(
            store_query("new.db", "SELECT integrity_check = 'ok' FROM pragma_integrity_check"), 1);
        print_message("%d kB: %lld runs\n", sizes[i], kept);
        assert_true(sizes[i] < 256 || (kept > 0 && kept < SWEEP_RUNS));
        if (kept > 0)
            succeeds(program("export", "d/bad.db", "-o", "kept.csv"));
        assert_true(mount_disk(8192, MS_REMOUNT));
        succeeds(program("sweep", "s.yaml", "--quiet", "--resume", "--store", "d/bad.db"));
        store_has_finished("d/bad.db", SWEEP_RUNS);
        stores_are_equal("d/bad.db", "good.db");
        /* what was there was not run again */
        assert_true(store_query("d/bad.db", "SELECT max(run) FROM runs") <= SWEEP_RUNS + 1);
        assert_int_equal(umount(folder_file("d")), 0);
    }
}

static void
other_writers_on_a_full_disk_are_one_line(void **unused)
{
    (void)unused;
    if (!make_disk(256))
        skip();
    one_line(program("merge", "d/bad.db", "good.db"), 1, "the disk is full", "merge");
    const long long merged = store_query("d/bad.db", "SELECT count(*) FROM runs");
    assert_in_range(merged, 1, SWEEP_RUNS - 1);
    one_line(program("run", "s.yaml", "--quiet", "--store", "d/bad.db"), 1, "the disk is full",
             "run");
    static const char *const files[][5] = {{"export", "good.db", "-o", "d/export.csv"},
                                           {"report", "good.db", "-o", "d/report.html"}};
    for (size_t i = 0; i < 2; i++) {
        const struct program_result *result = program_call(files[i]);
        assert_int_equal(result->status, 1);
        assert_true(is_one_line(result->err));
        assert_non_null(strstr(result->err, "No space left on device"));
    }
    assert_int_equal(store_query("d/bad.db", "SELECT count(*) FROM runs WHERE status = 'finished'"),
                     merged);
    assert_true(mount_disk(8192, MS_REMOUNT));
    succeeds(program("merge", "d/bad.db", "good.db"));
    assert_int_equal(store_query("d/bad.db", "SELECT count(*) FROM runs WHERE status = 'finished'"),
                     SWEEP_RUNS);
    assert_int_equal(umount(folder_file("d")), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_store_is_refused_and_left_alone),
        cmocka_unit_test(a_store_of_a_newer_version_is_refused_and_left_alone),
        cmocka_unit_test(a_folder_in_its_place_is_one_line),
        cmocka_unit_test(nothing_and_an_empty_file_are_taken_by_writers_alone),
        cmocka_unit_test(damaged_stores_are_one_line),
        cmocka_unit_test(a_store_without_runs_is_no_error_but_for_those_who_need_one),
        cmocka_unit_test(a_store_is_not_written_over_by_what_is_made_of_it),
        cmocka_unit_test(stores_of_all_older_versions_serve_every_command),
        cmocka_unit_test(a_locked_store_is_one_line_after_some_patience),
        cmocka_unit_test(what_may_not_be_written_is_named_and_read_all_the_same),
        cmocka_unit_test(a_sweep_whose_disk_fills_goes_on_when_there_is_room),
        cmocka_unit_test(other_writers_on_a_full_disk_are_one_line),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
