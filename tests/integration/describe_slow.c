/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/integration/describe_slow.c -- descriptions of the largest platforms stay small. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/helpers/check.h"
#include "tests/helpers/folder.h"
#include "tests/helpers/json.h"
#include "tests/helpers/program.h"

static json_t *
described(const char *platform)
{
    const char *const arguments[] = {"platform", "check", platform, "--json", NULL};
    const struct program_result *result = program_call(arguments);
    assert_int_equal(result->status, 0);
    assert_true(strlen(result->out) < 2048);
    return json_of(result->out);
}

static void
a_thousand_dgx1_are_one_kind_on_one_switch(void **state)
{
    (void)state;
    char command[512];
    snprintf(command, sizeof command, "%s platform make dgx1 --nodes 1024 >%s", SM_TEST_PROGRAM,
             folder_file("dgx1.xml"));
    assert_int_equal(system(command), 0);
    json_t *dgx1 = described(folder_file("dgx1.xml"));
    const json_t *kinds = json_object_get(dgx1, "kinds");
    assert_int_equal(json_array_size(kinds), 1);
    assert_int_equal(number_of(json_array_get(kinds, 0), "count"), 1024);
    assert_int_equal(json_array_size(json_object_get(json_array_get(kinds, 0), "edges")), 29);
    assert_int_equal(json_array_size(json_object_get(dgx1, "nodes")), 2);
    assert_null(json_object_get(dgx1, "sampled"));
    json_decref(dgx1);
}

static void
of_the_largest_star_the_first_thousands_are_looked_at(void **state)
{
    (void)state;
    json_t *star = described("star_65536");
    assert_int_equal(number_of(star, "workers"), 65536);
    assert_int_equal(number_of(star, "sampled"), 8192);
    const json_t *link = json_array_get(json_object_get(star, "links"), 0);
    assert_int_equal(number_of(link, "count"), 65536);
    json_decref(star);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thousand_dgx1_are_one_kind_on_one_switch),
        cmocka_unit_test(of_the_largest_star_the_first_thousands_are_looked_at),
    };
    return cmocka_run_group_tests(tests, NULL, folder_teardown);
}
