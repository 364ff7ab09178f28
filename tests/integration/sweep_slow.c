/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/integration/sweep_slow.c -- a sweep that is killed two hundred times, at any moment. */
#include "tests/helpers/check.h"

#include <stdio.h>

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
    program_cleanup();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sweep_killed_two_hundred_times_has_every_run_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
