/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/store_slow.c -- a store that another program keeps locked: ten seconds of patience. */
#include "tests/helpers/check.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <unistd.h>

#include "sim/store/store.h"

static void
a_store_that_stays_locked_is_one_line_and_works_again_later(void **state)
{
    (void)state;
    char path[] = "/tmp/slowmo-store-XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    close(file);
    struct sm_store *store;
    check_ok(sm_store_open(path, &store));
    sqlite3 *other;
    assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    int64_t run;
    struct sm_summary summary = {.name = "x"};
    check_fails(sm_store_begin(store, &summary, &run), SM_ERR_INPUT, "locked by another program");
    sqlite3_close(other);
    check_ok(sm_store_begin(store, &summary, &run));
    sm_store_close(store);
    unlink(path);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_store_that_stays_locked_is_one_line_and_works_again_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
