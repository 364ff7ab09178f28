/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/text.c -- nearest names, joined names, files, digits, hashes, error records. */
#include "tests/helpers/check.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/base/rng.h"
#include "sim/base/text.h"

static const char *const known[] = {"allreduce", "local", "sgp", "slowmo", "average", NULL};

static void
the_name_a_person_meant_is_offered(void **state)
{
    (void)state;
    static const char *const typed[][2] = {
        {"slomo", "slowmo"},       {"slowmoo", "slowmo"},
        {"SlowMo", "slowmo"},      {"lcoal", "local"},
        {"allreduc", "allreduce"}, {"all_reduce", "allreduce"},
        {"avarage", "average"},    {"spg", "sgp"},
    };
    for (size_t i = 0; i < sizeof typed / sizeof *typed; i++) {
        const char *near = sm_text_nearest(typed[i][0], known);
        if (near == NULL)
            fail_msg("nothing is near '%s'", typed[i][0]);
        assert_string_equal(near, typed[i][1]);
    }
}

static void
nothing_is_offered_for_a_name_of_another_kind(void **state)
{
    (void)state;
    static const char *const typed[] = {"", "x", "adam", "completely-different", "xyz"};
    for (size_t i = 0; i < sizeof typed / sizeof *typed; i++)
        assert_null(sm_text_nearest(typed[i], known));
    char long_name[500];
    memset(long_name, 'a', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    assert_null(sm_text_nearest(long_name, known));
    assert_null(sm_text_nearest("slowmo", (const char *const[]){NULL}));
}

static void
names_are_joined_and_cut_with_dots(void **state)
{
    (void)state;
    char buffer[64], small[20];
    assert_string_equal(sm_text_join(buffer, sizeof buffer, known),
                        "allreduce, local, sgp, slowmo, average");
    assert_string_equal(sm_text_join(buffer, sizeof buffer, (const char *const[]){NULL}), "");
    for (size_t size = 8; size <= sizeof small; size++) {
        memset(small, 'X', sizeof small);
        sm_text_join(small, size, known);
        assert_true(strlen(small) < size);
        assert_non_null(strstr(small, "..."));
        for (size_t i = size; i < sizeof small; i++)
            assert_int_equal(small[i], 'X');
    }
}

static void
files_are_read_whole_and_end_with_a_zero(void **state)
{
    (void)state;
    struct sm_arena arena = {0};
    enum { LENGTH = 200001 };
    char path[] = "/tmp/slowmo-text-XXXXXX", *written = malloc(LENGTH), *text;
    int file = mkstemp(path);
    assert_true(file >= 0);
    for (size_t i = 0; i < LENGTH; i++)
        written[i] = (char)(i * 7 % 256); /* zeros too */
    size_t length = 1;
    check_ok(sm_text_read_file(&arena, path, &text, &length));
    assert_int_equal(length, 0);
    assert_string_equal(text, "");
    assert_int_equal(write(file, written, LENGTH), LENGTH);
    check_ok(sm_text_read_file(&arena, path, &text, &length));
    assert_int_equal(length, LENGTH);
    assert_memory_equal(text, written, LENGTH);
    assert_int_equal(text[LENGTH], 0);
    close(file);
    unlink(path);
    check_fails(sm_text_read_file(&arena, path, &text, NULL), SM_ERR_INPUT,
                "No such file or directory");
    check_fails(sm_text_read_file(&arena, "/tmp", &text, NULL), SM_ERR_INPUT, "Is a directory");
    free(written);
    sm_arena_fini(&arena);
}

static void
doubles_are_written_in_the_fewest_digits(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *text;
    } cases[] = {{0.1, "0.1"},
                 {1.0 / 3, "0.3333333333333333"},
                 {100, "100"},
                 {9007199254740991.0, "9007199254740991"},
                 {123456789012345.0, "123456789012345"},
                 {1e15, "1e+15"},
                 {-2.5, "-2.5"},
                 {1000.5, "1000.5"},
                 {0.00012, "0.00012"},
                 {5e-324, "5e-324"},
                 {1.7976931348623157e308, "1.7976931348623157e+308"}};
    char text[SM_TEXT_DOUBLE];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(sm_text_double(cases[i].value, text), cases[i].text);
    struct sm_arena arena = {0};
    struct sm_rng *rng = sm_rng_create(&arena, 1, SM_RNG_TEST, 0);
    for (size_t i = 0; i < 50000; i++) {
        double value = sm_rng_normal(rng, 1) * pow(10, 40 * sm_rng_uniform(rng) - 20);
        check_near(strtod(sm_text_double(value, text), NULL), value, 0);
    }
    sm_arena_fini(&arena);
}

static void
hashes_are_xxhash_64(void **state)
{
    (void)state;
    char hex[17]; /* reference values of the algorithm's specification */
    sm_hash_hex(sm_hash("", 0, 0), hex);
    assert_string_equal(hex, "ef46db3751d8e999");
    sm_hash_hex(sm_hash("abc", 3, 0), hex);
    assert_string_equal(hex, "44bc2cf5ad770999");
    assert_true(sm_hash("abc", 3, 1) != sm_hash("abc", 3, 0));
    sm_hash_hex(0x12, hex);
    assert_string_equal(hex, "0000000000000012");
}

static void *
fail_elsewhere(void *unused)
{
    (void)unused;
    SM_FAIL(SM_ERR_DOMAIN, "of another thread");
    return NULL;
}

static void
an_error_is_one_line_and_stays_with_its_thread(void **state)
{
    (void)state;
    check_fails(SM_FAIL(SM_ERR_IO, "first\nsecond\r%d", 3), SM_ERR_IO, "first second 3");
    pthread_t thread;
    pthread_create(&thread, NULL, fail_elsewhere, NULL);
    pthread_join(thread, NULL);
    assert_string_equal(sm_error_last()->message, "first second 3");
    struct sm_error kept = *sm_error_last();
    check_fails(sm_error_prefix("run %d", 2), SM_ERR_IO, "run 2: first second 3");
    check_fails(SM_FAIL(SM_ERR_NAME, "new: %s", sm_error_last()->message), SM_ERR_NAME,
                "new: run 2: first second 3"); /* arguments may point into the record */
    check_fails(sm_error_set(&kept), SM_ERR_IO, "first second 3");
    check_fails(sm_error_set(sm_error_last()), SM_ERR_IO, "first second 3");
    SM_FAIL(SM_ERR_IO, "%5000d", 1);
    assert_int_equal(strlen(sm_error_last()->message), SM_ERROR_LENGTH - 1);
    check_fails(sm_error_prefix("in front"), SM_ERR_IO, "in front:    ");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_name_a_person_meant_is_offered),
        cmocka_unit_test(nothing_is_offered_for_a_name_of_another_kind),
        cmocka_unit_test(names_are_joined_and_cut_with_dots),
        cmocka_unit_test(files_are_read_whole_and_end_with_a_zero),
        cmocka_unit_test(doubles_are_written_in_the_fewest_digits),
        cmocka_unit_test(hashes_are_xxhash_64),
        cmocka_unit_test(an_error_is_one_line_and_stays_with_its_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
