/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/names.c -- names that differ only in their numbers share a class, which is a glob; any
 * name is a string of JSON. */
#include <fnmatch.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/text.h"
#include "tests/helpers/check.h"

static void
check_class(const char *name, const char *expected)
{
    char class[32];
    assert_string_equal(sm_text_class(name, class, sizeof class), expected);
    assert_int_equal(fnmatch(class, name, 0), 0);
}

static void
runs_of_digits_become_stars_and_the_class_matches_its_names(void **state)
{
    (void)state;
    check_class("server12_nvlink_0_7", "server*_nvlink_*_*");
    check_class("eth", "eth");
    check_class("100", "*");
    check_class("a1b22c333", "a*b*c*");
    check_class("rack[2]*?\\x", "rack\\[*\\]\\*\\?\\\\x");
    char class[32];
    assert_int_equal(fnmatch(sm_text_class("rack[2]*", class, sizeof class), "rack[31]x", 0),
                     FNM_NOMATCH);
}

static void
what_does_not_fit_is_cut(void **state)
{
    (void)state;
    char class[8] = "zzzzzzz";
    sm_text_class("abcdefghijk", class, sizeof class);
    assert_true(strlen(class) < sizeof class);
    assert_int_equal(strncmp(class, "abcdefghijk", strlen(class)), 0);
    assert_true(strlen(class) >= 5);
}

static void
a_string_of_json_reads_back_as_the_name(void **state)
{
    (void)state;
    const char *name = "a \"b\\c\"\t\x01\n \xc3\xa9";
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    sm_text_json(name, out);
    fclose(out);
    json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);
    assert_non_null(value);
    assert_string_equal(json_string_value(value), name);
    json_decref(value);
    free(text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_of_digits_become_stars_and_the_class_matches_its_names),
        cmocka_unit_test(what_does_not_fit_is_cut),
        cmocka_unit_test(a_string_of_json_reads_back_as_the_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
