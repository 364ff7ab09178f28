/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/integration/sweep_slow.c -- a sweep that is killed two hundred times, at any moment;
 * a store that stays locked. */
#include "tests/helpers/check.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "tests/helpers/folder.h"
#include "tests/helpers/program.h"
#include "tests/helpers/stores.h"
#include "tests/helpers/sweeps.h"

enum { SWEEPS = 20, KILLS = 10 };

static void
a_sweep_killed_two_hundred_times_has_every_run_once(void **unused)
{
    (void)unused;
    sweep_write("s.yaml");
    assert_int_equal(program("sweep", "s.yaml", "--quiet", "--store", "whole.db")->status, 0);
    for (size_t i = 0; i < SWEEPS; i++) {
        char store[32];
        snprintf(store, sizeof store, "%zu.db", i);
        sweep_killed("s.yaml", store, KILLS + i % 2);
        store_has_finished(store, SWEEP_RUNS);
        stores_are_equal(store, "whole.db");
    }
    folder_remove();
}

/* Ten seconds of patience, then one line; nothing is lost. */
static void
a_locked_store_ends_a_sweep_with_one_line(void **unused)
{
    (void)unused;
    char path[256];
    sqlite3 *other;
    sweep_write("s.yaml");
    assert_int_equal(
        program("sweep", "s.yaml", "--quiet", "--store", "l.db", "--shard", "1/12")->status, 0);
    snprintf(path, sizeof path, "%s/l.db", folder_path());
    assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    const struct program_result *result =
        program("sweep", "s.yaml", "--jobs", "2", "--quiet", "--store", "l.db");
    assert_int_equal(result->status, 2);
    assert_non_null(
        strstr(result->err, "l.db: locked by another program for over 10 s; 0 of 12 runs are "));
    assert_int_equal(strchr(result->err, '\n')[1], '\0');
    sqlite3_close(other);
    assert_int_equal(program("sweep", "s.yaml", "--quiet", "--store", "l.db")->status, 0);
    store_has_finished("l.db", SWEEP_RUNS);
    folder_remove();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sweep_killed_two_hundred_times_has_every_run_once),
        cmocka_unit_test(a_locked_store_ends_a_sweep_with_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
