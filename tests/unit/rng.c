/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/rng.c -- one stream per (seed, purpose, rank). */
#include "tests/helpers/check.h"

#include <math.h>

#include "sim/base/rng.h"

static void
no_two_streams_begin_alike(void **state)
{
    (void)state;
    enum { SEEDS = 3, RANKS = 40 };
    static double first[SEEDS * RANKS * SM_RNG_TEST][2];
    struct sm_arena arena = {0};
    size_t count = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++)
        for (unsigned purpose = SM_RNG_INITIAL_MODEL; purpose <= SM_RNG_TEST; purpose++)
            for (uint64_t rank = 0; rank < RANKS; rank++, count++) {
                struct sm_rng *rng =
                    sm_rng_create(&arena, seed, (enum sm_rng_purpose)purpose, rank);
                for (size_t i = 0; i < 2; i++)
                    first[count][i] = sm_rng_uniform(rng);
            }
    for (size_t a = 0; a < count; a++)
        for (size_t b = 0; b < a; b++)
            assert_false(first[a][0] == first[b][0] && first[a][1] == first[b][1]);
    sm_arena_fini(&arena);
}

static void
a_restarted_stream_gives_the_same_again(void **state)
{
    (void)state;
    struct sm_arena arena = {0};
    struct sm_rng *a = sm_rng_create(&arena, 7, SM_RNG_NOISE, 3);
    struct sm_rng *b = sm_rng_create(&arena, 8, SM_RNG_SHUFFLE, 0);
    for (size_t i = 0; i < 700; i++) /* more than the generator's state */
        sm_rng_normal(b, 2);
    sm_rng_restart(b, 7, SM_RNG_NOISE, 3);
    for (size_t i = 0; i < 2000; i++) {
        check_near(sm_rng_normal(a, 0.5), sm_rng_normal(b, 0.5), 0);
        check_near(sm_rng_uniform(a), sm_rng_uniform(b), 0);
        assert_int_equal(sm_rng_below(a, 10), sm_rng_below(b, 10));
    }
    sm_arena_fini(&arena);
}

static void
moments_are_those_of_the_distributions(void **state)
{
    (void)state;
    enum { DRAWS = 400000 };
    struct sm_arena arena = {0};
    struct sm_rng *rng = sm_rng_create(&arena, 1, SM_RNG_TEST, 0);
    double uniform = 0, normal = 0, square = 0;
    size_t seen[7] = {0};
    for (size_t i = 0; i < DRAWS; i++) {
        double u = sm_rng_uniform(rng), z = sm_rng_normal(rng, 3);
        assert_true(u >= 0 && u < 1);
        uniform += u / DRAWS;
        normal += z / DRAWS;
        square += z * z / DRAWS;
        seen[sm_rng_below(rng, 7)]++;
    }
    check_near(uniform, 0.5, 5 * sqrt(1.0 / 12 / DRAWS)); /* five standard errors */
    check_near(normal, 0, 5 * 3 / sqrt(DRAWS));
    check_near(square, 9, 5 * 9 * sqrt(2.0 / DRAWS));
    for (size_t i = 0; i < 7; i++)
        check_near((double)seen[i] / DRAWS, 1.0 / 7, 5 * sqrt(6.0 / 49 / DRAWS));
    check_near(sm_rng_normal(rng, 0), 0, 0);
    assert_int_equal(sm_rng_below(rng, 1), 0);
    sm_arena_fini(&arena);
}

static void
a_shuffle_is_a_permutation_and_all_are_alike(void **state)
{
    (void)state;
    enum { N = 4, ROUNDS = 48000 };
    struct sm_arena arena = {0};
    struct sm_rng *rng = sm_rng_create(&arena, 1, SM_RNG_TEST, 0);
    size_t seen[N * N * N * N] = {0}, different = 0;
    for (size_t round = 0; round < ROUNDS; round++) {
        uint32_t x[N] = {0, 1, 2, 3};
        sm_rng_shuffle(rng, x, N);
        size_t code = 0, bits = 0;
        for (size_t i = 0; i < N; i++) {
            code = N * code + x[i];
            bits |= 1u << x[i];
        }
        assert_int_equal(bits, 15);
        seen[code]++;
    }
    for (size_t code = 0; code < sizeof seen / sizeof *seen; code++)
        if (seen[code] > 0) {
            different++;
            check_near((double)seen[code], ROUNDS / 24.0, 5 * sqrt(ROUNDS / 24.0));
        }
    assert_int_equal(different, 24);
    sm_rng_shuffle(rng, NULL, 0);
    sm_arena_fini(&arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_two_streams_begin_alike),
        cmocka_unit_test(a_restarted_stream_gives_the_same_again),
        cmocka_unit_test(moments_are_those_of_the_distributions),
        cmocka_unit_test(a_shuffle_is_a_permutation_and_all_are_alike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
