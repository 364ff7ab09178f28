/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/integration/sweep.c -- many runs into one store: killed, interrupted, shared, cut into
 * shards, and on stores that cannot be used. */
#include "tests/helpers/check.h"

#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/helpers/folder.h"
#include "tests/helpers/program.h"
#include "tests/helpers/stores.h"
#include "tests/helpers/sweeps.h"

/* An undisturbed sweep for all tests. */
static int
setup(void **state)
{
    (void)state;
    sweep_write("s.yaml");
    return program("sweep", "s.yaml", "--quiet", "--store", "whole.db")->status;
}

static int
teardown(void **state)
{
    (void)state;
    folder_remove();
    return 0;
}

static size_t
lines(const char *text)
{
    size_t count = 0;
    for (; *text != '\0'; text++)
        count += *text == '\n';
    return count;
}

/* That exit status, and one line that says `part`. */
static void
one_line(const struct program_result *result, int status, const char *part)
{
    if (result->status != status || lines(result->err) != 1 || strstr(result->err, part) == NULL)
        fail_msg("exit status %d: %sexpected %d: %s", result->status, result->err, status, part);
}

static void
succeeds(const struct program_result *result)
{
    if (result->status != 0 || result->err[0] != '\0')
        fail_msg("exit status %d: %s", result->status, result->err);
}

static void
every_combination_is_run_once_and_not_again(void **unused)
{
    (void)unused;
    store_has_finished("whole.db", SWEEP_RUNS);
    const long long last = store_query("whole.db", "SELECT max(run) FROM runs");
    const struct program_result *result =
        program("sweep", "s.yaml", "--json", "--jobs", "3", "--store", "whole.db");
    succeeds(result);
    assert_int_equal(lines(result->out), SWEEP_RUNS); /* the table is over all */
    succeeds(program("sweep", "s.yaml", "--quiet", "--resume", "--store", "whole.db"));
    store_has_finished("whole.db", SWEEP_RUNS);
    assert_int_equal(store_query("whole.db", "SELECT max(run) FROM runs"), last);
}

static void
a_killed_sweep_goes_on_where_it_was(void **unused)
{
    (void)unused;
    sweep_killed("s.yaml", "killed.db", 15);
    store_has_finished("killed.db", SWEEP_RUNS);
    stores_are_equal("killed.db", "whole.db");
}

static void
two_sweeps_share_a_store(void **unused)
{
    (void)unused;
    const char *const call[] = {"sweep",   "s.yaml",  "--jobs",    "1",
                                "--quiet", "--store", "shared.db", NULL};
    const pid_t one = program_start(call), other = program_start(call);
    assert_int_equal(program_finish(one, 0)->status, 0);
    assert_int_equal(program_finish(other, 0)->status, 0);
    store_has_finished("shared.db", SWEEP_RUNS);
    stores_are_equal("shared.db", "whole.db");
    /* had one of them run something again, it would have been under a higher number */
    assert_int_equal(store_query("shared.db", "SELECT max(run) FROM runs"), SWEEP_RUNS);
}

static void
shards_together_are_the_whole(void **unused)
{
    (void)unused;
    succeeds(program("sweep", "s.yaml", "--quiet", "--shard", "1/3", "--store", "1.db"));
    succeeds(program("sweep", "s.yaml", "--quiet", "--shard", "2/3", "--store", "2.db"));
    succeeds(program("sweep", "s.yaml", "--quiet", "--shard", "3/3", "--store", "3.db"));
    store_has_finished("2.db", SWEEP_RUNS / 3);
    for (int again = 0; again < 2; again++) {
        succeeds(program("merge", "merged.db", "1.db", "2.db", "3.db"));
        store_has_finished("merged.db", SWEEP_RUNS);
        stores_are_equal("merged.db", "whole.db");
    }
}

static void
stores_that_contradict_each_other_are_not_merged(void **unused)
{
    (void)unused;
    succeeds(program("merge", "a.db", "whole.db"));
    store_query("a.db", "DELETE FROM evaluations WHERE run = 2");
    store_query("a.db", "DELETE FROM runs WHERE run = 2");
    store_query("a.db", "UPDATE evaluations SET test_loss = 1 WHERE run = 3 AND step = 20");
    one_line(program("merge", "a.db", "whole.db"), 2,
             "a.db and whole.db differ in test_loss of the same run, ");
    assert_int_equal(store_query("a.db", "SELECT count(*) FROM runs"), SWEEP_RUNS - 1);
    one_line(program("merge", "a.db", "./a.db"), 2, "are the same file");
    one_line(program("merge", "a.db"), 2, "expected OUT.db and the stores");
    one_line(program("merge", "a.db", "none.db"), 2, "none.db");
}

/* A row of a run that nobody will end, of the process in `claim`. */
static void
plant(const char *store, const char *claim)
{
    char sql[512];
    succeeds(program("merge", store, "whole.db"));
    store_query(store, "DELETE FROM evaluations WHERE run = 5 AND step > 10");
    store_query(store, "UPDATE runs SET status = 'running' WHERE run = 5");
    snprintf(sql, sizeof sql, "INSERT INTO claims VALUES (5, %s)", claim);
    store_query(store, sql);
}

static void
what_a_dead_process_began_is_run_again(void **unused)
{
    (void)unused;
    char host[128] = "", claim[512];
    assert_int_equal(gethostname(host, sizeof host - 1), 0);
    /* the process number lives, but is another process by now */
    snprintf(claim, sizeof claim, "'%s', 'another boot', %d, 1", host, (int)getpid());
    plant("dead.db", claim);
    succeeds(program("sweep", "s.yaml", "--quiet", "--store", "dead.db"));
    store_has_finished("dead.db", SWEEP_RUNS);
    stores_are_equal("dead.db", "whole.db");
}

static void
what_another_host_began_is_left_to_it_unless_told_otherwise(void **unused)
{
    (void)unused;
    plant("away.db", "'far-away', 'boot', 17, 1");
    one_line(program("sweep", "s.yaml", "--quiet", "--store", "away.db"), 1,
             "1 of 12 runs were begun on another host; if nothing runs there any more, --resume");
    succeeds(program("sweep", "s.yaml", "--quiet", "--resume", "--store", "away.db"));
    store_has_finished("away.db", SWEEP_RUNS);
    stores_are_equal("away.db", "whole.db");
}

static void
a_run_that_fails_does_not_stop_the_others(void **unused)
{
    (void)unused;
    const struct program_result *result =
        program("sweep", "s.yaml", "--json", "--store", "fails.db", "--set",
                "algorithm.schedule={milestones: [0.5]}", "--set",
                "sweep.\"algorithm.schedule.factor\"=[0, 0.1]");
    assert_int_equal(result->status, 1);
    assert_int_equal(lines(result->err), 5); /* those with an outer optimizer, and the sum */
    assert_non_null(strstr(result->err, "slowmo: local seed=1 \"*\"=1Gbps factor=0: step 23: "));
    assert_non_null(strstr(result->err, "slowmo: 4 of 24 runs failed\n"));
    assert_int_equal(lines(result->out), 24);
    assert_int_equal(store_query("fails.db", "SELECT count(*) FROM runs WHERE status = 'finished'"),
                     20);
}

static void
an_interrupt_ends_all_and_keeps_what_was_finished(void **unused)
{
    (void)unused;
    const char *const call[] = {"sweep",
                                "s.yaml",
                                "--jobs",
                                "2",
                                "--quiet",
                                "--store",
                                "int.db",
                                "--set",
                                "steps=4000000",
                                "--set",
                                "evaluate={every: 1000000}",
                                NULL};
    const pid_t child = program_start(call);
    usleep(700000);
    const struct program_result *result = program_finish(child, SIGINT);
    one_line(result, 130, "interrupted: 0 of 12 runs are done");
    assert_int_equal(
        store_query("int.db", "SELECT count(*) FROM runs WHERE status != 'interrupted'"), 0);
    assert_int_equal(store_query("int.db", "SELECT count(*) FROM claims"), 0);
}

static void
stores_that_cannot_be_used_are_one_line(void **unused)
{
    (void)unused;
    one_line(program("sweep", "s.yaml", "--resume", "--store", "new.db"), 2, "there is no new.db");
    one_line(program("sweep", "s.yaml", "--store", "none/new.db"), 2, "cannot make none/new.db");
    one_line(program("sweep", "s.yaml", "--store", "/dev/full"), 2, "not a regular file");
    succeeds(program("merge", "newer.db", "whole.db"));
    store_query("newer.db", "PRAGMA journal_mode = DELETE");
    store_query("newer.db", "PRAGMA user_version = 99");
    one_line(program("sweep", "s.yaml", "--store", "newer.db"), 2, "by a newer version of slowmo");
    one_line(program("merge", "newer.db", "whole.db"), 2, "by a newer version of slowmo");
    one_line(program("merge", "older.db", "newer.db"), 2, "by a newer version of slowmo");

    struct rlimit kept, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &kept), 0);
    small = kept;
    small.rlim_cur = 40000; /* a full disk: the store begins, and ends soon */
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    const struct program_result *result =
        program("sweep", "s.yaml", "--quiet", "--jobs", "1", "--store", "full.db");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &kept), 0);
    one_line(result, 1, "full.db: the system failed to read or write it (disk I/O error)");
    succeeds(program("sweep", "s.yaml", "--quiet", "--store", "full.db"));
    store_has_finished("full.db", SWEEP_RUNS);
    stores_are_equal("full.db", "whole.db");
}

static void
wrong_calls_are_one_line(void **unused)
{
    (void)unused;
    one_line(program("sweep"), 2, "expected FILE.yaml");
    one_line(program("sweep", "s.yaml", "--shard", "4/3"), 2, "expected I/N with 1 <= I <= N");
    one_line(program("sweep", "s.yaml", "--shard", "3"), 2, "expected I/N with 1 <= I <= N");
    one_line(program("sweep", "s.yaml", "--jobs", "0"), 2, "expected a whole number");
    one_line(program("sweep", "s.yaml", "--save", "x"), 2, "unknown option --save");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_combination_is_run_once_and_not_again),
        cmocka_unit_test(a_killed_sweep_goes_on_where_it_was),
        cmocka_unit_test(two_sweeps_share_a_store),
        cmocka_unit_test(shards_together_are_the_whole),
        cmocka_unit_test(stores_that_contradict_each_other_are_not_merged),
        cmocka_unit_test(what_a_dead_process_began_is_run_again),
        cmocka_unit_test(what_another_host_began_is_left_to_it_unless_told_otherwise),
        cmocka_unit_test(a_run_that_fails_does_not_stop_the_others),
        cmocka_unit_test(an_interrupt_ends_all_and_keeps_what_was_finished),
        cmocka_unit_test(stores_that_cannot_be_used_are_one_line),
        cmocka_unit_test(wrong_calls_are_one_line),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
