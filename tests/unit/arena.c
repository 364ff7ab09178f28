/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/arena.c -- memory that is given back all at once. */
#include "tests/helpers/check.h"

#include <stdint.h>
#include <string.h>

#include "sim/base/arena.h"

static void
pieces_are_aligned_apart_and_keep_their_bytes(void **state)
{
    (void)state;
    enum { PIECES = 400 };
    struct sm_arena arena = {0};
    unsigned char *pieces[PIECES];
    size_t sizes[PIECES], total = 0;
    for (size_t i = 0; i < PIECES; i++) { /* up to and over the size of a block */
        sizes[i] = i * i * 97 % 70000 + 1;
        total += sizes[i];
        pieces[i] = sm_arena_alloc(&arena, sizes[i], 1);
        assert_non_null(pieces[i]);
        assert_int_equal((uintptr_t)pieces[i] % 64, 0);
        memset(pieces[i], (int)(i % 251), sizes[i]);
    }
    for (size_t i = 0; i < PIECES; i++)
        for (size_t b = 0; b < sizes[i]; b++)
            assert_int_equal(pieces[i][b], i % 251);
    assert_in_range(sm_arena_bytes(&arena), total, 2 * total);
    sm_arena_fini(&arena);
    assert_int_equal(sm_arena_bytes(&arena), 0);
}

static void
a_reset_arena_stops_growing_after_the_first_round(void **state)
{
    (void)state;
    struct sm_arena arena = {0};
    size_t held = 0;
    for (size_t round = 0; round < 10; round++) {
        for (size_t i = 0; i < 300; i++) {
            float *x = sm_arena_zalloc(&arena, i * 31 + 1, sizeof *x);
            assert_true(x[0] == 0 && x[i * 31] == 0); /* zero although used before */
            memset(x, 0xff, (i * 31 + 1) * sizeof *x);
        }
        if (round == 0)
            held = sm_arena_bytes(&arena);
        assert_int_equal(sm_arena_bytes(&arena), held);
        sm_arena_reset(&arena);
    }
    sm_arena_fini(&arena);
}

/* AddressSanitizer ends the program at an absurd size, unless told that NULL is what we want. */
const char *__asan_default_options(void);
const char *
__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

static void
what_cannot_be_had_is_null_and_nothing_is_something(void **state)
{
    (void)state;
    struct sm_arena arena = {0};
    assert_null(sm_arena_alloc(&arena, SIZE_MAX / 2, 4)); /* the product overflows */
    assert_null(sm_arena_alloc(&arena, SIZE_MAX, 1));
    assert_null(sm_arena_zalloc(&arena, SIZE_MAX / 4, 1)); /* more than there is */
    char *a = sm_arena_alloc(&arena, 0, 8), *b = sm_arena_alloc(&arena, 0, 8);
    assert_non_null(a);
    assert_ptr_not_equal(a, b);
    sm_arena_fini(&arena);
    sm_arena_fini(&arena); /* empty again: no harm */
}

static void
texts_are_copied_cut_and_printed(void **state)
{
    (void)state;
    struct sm_arena arena = {0};
    char text[] = "slow momentum";
    char *copy = sm_arena_strdup(&arena, text), *cut = sm_arena_strndup(&arena, text, 4);
    text[0] = 'X';
    assert_string_equal(copy, "slow momentum");
    assert_string_equal(cut, "slow");
    assert_string_equal(sm_arena_printf(&arena, "%s-%d", copy, 7), "slow momentum-7");
    char *large = sm_arena_printf(&arena, "%100000d", 1);
    assert_int_equal(strlen(large), 100000);
    sm_arena_fini(&arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_aligned_apart_and_keep_their_bytes),
        cmocka_unit_test(a_reset_arena_stops_growing_after_the_first_round),
        cmocka_unit_test(what_cannot_be_had_is_null_and_nothing_is_something),
        cmocka_unit_test(texts_are_copied_cut_and_printed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
