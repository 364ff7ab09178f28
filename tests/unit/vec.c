/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/vec.c -- flat vectors against naive loops, bit for bit. */
#include "tests/helpers/check.h"

#include <math.h>
#include <string.h>

#include "sim/base/rng.h"
#include "sim/base/vec.h"

enum { MOST = 5000, RANKS = 9, GUARD = 8 };
static const size_t lengths[] = {0, 1, 7, 8, 9, 2047, 2048, 2049, 4096, 4999};
static const float sentinel = 12345.0f;

/* Vectors of n random floats of all sizes, each followed by a guard that must not change. */
struct vectors {
    struct sm_arena arena;
    float *x[RANKS], *y[RANKS];
};

static struct vectors
random_vectors(size_t n)
{
    struct vectors v = {0};
    struct sm_rng *rng = sm_rng_create(&v.arena, 1, SM_RNG_TEST, n);
    for (size_t r = 0; r < RANKS; r++) {
        v.x[r] = sm_arena_alloc(&v.arena, n + GUARD, sizeof(float));
        v.y[r] = sm_arena_alloc(&v.arena, n + GUARD, sizeof(float));
        for (size_t i = 0; i < n + GUARD; i++) {
            double value = sm_rng_normal(rng, 1) * pow(10, 8 * sm_rng_uniform(rng) - 4);
            v.x[r][i] = v.y[r][i] = i < n ? (float)value : sentinel;
        }
    }
    return v;
}

static void
assert_same(size_t n, const float *actual, const float *expected)
{
    for (size_t i = 0; i < n + GUARD; i++)
        if (memcmp(&actual[i], &expected[i], sizeof(float)) != 0)
            fail_msg("element %zu of %zu is %.9g, expected %.9g", i, n, (double)actual[i],
                     (double)expected[i]);
}

#define FOR_EACH_LENGTH(n)                                                                         \
    for (size_t l_ = 0, n; l_ < sizeof lengths / sizeof *lengths && (n = lengths[l_], true); l_++)

static void
element_wise_functions_are_the_naive_loops(void **state)
{
    (void)state;
    FOR_EACH_LENGTH(n)
    {
        struct vectors v = random_vectors(n);
        const float a = 0.3f;
        float *x = v.x[0], *expected = v.y[1];
        for (size_t i = 0; i < n; i++)
            expected[i] += a * x[i];
        sm_vec_axpy(n, a, x, v.x[1]);
        assert_same(n, v.x[1], expected);

        expected = v.y[2];
        for (size_t i = 0; i < n; i++)
            expected[i] *= a;
        sm_vec_scale(n, a, v.x[2]);
        assert_same(n, v.x[2], expected);

        sm_vec_scaled_copy(n, a, v.x[3], v.x[4]);
        sm_vec_scaled_copy(n, a, v.x[3], v.x[3]); /* onto itself */
        for (size_t i = 0; i < n; i++)
            v.y[3][i] *= a;
        assert_same(n, v.x[3], v.y[3]);
        assert_same(n, v.x[4], v.y[3]);
        sm_arena_fini(&v.arena);
    }
}

static void
the_mean_is_summed_in_rank_order_in_double(void **state)
{
    (void)state;
    FOR_EACH_LENGTH(n)
    {
        struct vectors v = random_vectors(n);
        float *expected = sm_arena_alloc(&v.arena, n + GUARD, sizeof(float));
        float *into = sm_arena_alloc(&v.arena, n + GUARD, sizeof(float));
        for (size_t i = 0; i < n + GUARD; i++) {
            double sum = 0;
            for (size_t r = 0; r < RANKS; r++)
                sum += (double)v.x[r][i];
            expected[i] = (float)(sum / RANKS);
            into[i] = sentinel;
        }
        sm_vec_mean_into(RANKS, (const float *const *)v.x, n, into);
        assert_same(n, into, expected);
        sm_vec_mean(RANKS, v.x, 0, n);
        for (size_t r = 0; r < RANKS; r++)
            assert_same(n, v.x[r], expected);
        sm_arena_fini(&v.arena);
    }
}

static void
slices_give_the_bits_of_the_whole(void **state)
{
    (void)state;
    FOR_EACH_LENGTH(n)
    {
        struct vectors v = random_vectors(n);
        sm_vec_mean(RANKS, v.x, 0, n);
        for (size_t begin = 0, step = 1; begin < n; begin += step, step = step * 3 + 1)
            sm_vec_mean(RANKS, v.y, begin, begin + step < n ? begin + step : n);
        for (size_t r = 0; r < RANKS; r++)
            assert_same(n, v.y[r], v.x[r]);
        sm_arena_fini(&v.arena);
    }
}

static void
a_slice_leaves_the_rest_alone(void **state)
{
    (void)state;
    struct vectors v = random_vectors(MOST);
    sm_vec_mean(RANKS, v.x, 1000, 4000);
    for (size_t r = 0; r < RANKS; r++) {
        assert_memory_equal(v.x[r], v.y[r], 1000 * sizeof(float));
        assert_memory_equal(v.x[r] + 4000, v.y[r] + 4000, (MOST - 4000) * sizeof(float));
    }
    sm_arena_fini(&v.arena);
}

static void
the_mean_of_equal_vectors_keeps_their_bits(void **state)
{
    (void)state;
    struct vectors v = random_vectors(MOST);
    for (size_t m = 1; m <= RANKS; m++) {
        for (size_t r = 1; r < m; r++)
            memcpy(v.x[r], v.x[0], MOST * sizeof(float));
        sm_vec_mean(m, v.x, 0, MOST);
        for (size_t r = 0; r < m; r++)
            assert_same(MOST, v.x[r], v.y[0]);
    }
    sm_arena_fini(&v.arena);
}

static void
the_mean_of_large_floats_does_not_overflow(void **state)
{
    (void)state;
    float a = 3e38f, b = 3e38f, c = -3e38f;
    float *x[] = {&a, &b, &c};
    sm_vec_mean(3, x, 0, 1);
    check_near((double)a, 1e38, 1e31);
    check_near((double)c, (double)a, 0);
}

static void
distance_is_the_sum_of_squares_in_index_order(void **state)
{
    (void)state;
    FOR_EACH_LENGTH(n)
    {
        struct vectors v = random_vectors(n);
        double sum = 0;
        for (size_t i = 0; i < n; i++)
            sum += pow((double)v.x[0][i] - (double)v.x[1][i], 2);
        check_near(sm_vec_distance2(n, v.x[0], v.x[1]), sum, 0);
        check_near(sm_vec_distance2(n, v.x[0], v.y[0]), 0, 0);
        sm_arena_fini(&v.arena);
    }
}

/* The order is part of the result: the same on every machine. */
static void
the_length_is_summed_in_lanes_that_are_then_summed_in_order(void **state)
{
    (void)state;
    FOR_EACH_LENGTH(n)
    {
        struct vectors v = random_vectors(n);
        double sum = 0, plain = 0;
        for (size_t l = 0; l < SM_VEC_LANES; l++) {
            double lane = 0;
            for (size_t i = l; i < n; i += SM_VEC_LANES)
                lane += pow((double)v.x[0][i], 2);
            sum += lane;
        }
        for (size_t i = 0; i < n; i++)
            plain += pow((double)v.x[0][i], 2);
        check_near(sm_vec_norm2(n, v.x[0]), sum, 0);
        check_near(sum, plain, 1e-12 * plain);
        assert_true(n < 100 || sum != plain);
        sm_arena_fini(&v.arena);
    }
}

static void
one_nan_or_infinity_anywhere_is_found(void **state)
{
    (void)state;
    FOR_EACH_LENGTH(n)
    {
        struct vectors v = random_vectors(n);
        float *x = v.x[0];
        x[n] = NAN; /* behind the end: not looked at */
        assert_true(sm_vec_finite(n, x));
        const float bad[] = {NAN, INFINITY, -INFINITY};
        for (size_t i = 0; i < n; i += 1 + n / 50)
            for (size_t b = 0; b < 3; b++) {
                float kept = x[i];
                x[i] = bad[b];
                assert_false(sm_vec_finite(n, x));
                x[i] = kept;
            }
        sm_arena_fini(&v.arena);
    }
    const float large[] = {3e38f, 3e38f, -3e38f, 0x1p-149f}; /* finite, though their sum is not */
    assert_true(sm_vec_finite(4, large));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(element_wise_functions_are_the_naive_loops),
        cmocka_unit_test(the_mean_is_summed_in_rank_order_in_double),
        cmocka_unit_test(slices_give_the_bits_of_the_whole),
        cmocka_unit_test(a_slice_leaves_the_rest_alone),
        cmocka_unit_test(the_mean_of_equal_vectors_keeps_their_bits),
        cmocka_unit_test(the_mean_of_large_floats_does_not_overflow),
        cmocka_unit_test(distance_is_the_sum_of_squares_in_index_order),
        cmocka_unit_test(the_length_is_summed_in_lanes_that_are_then_summed_in_order),
        cmocka_unit_test(one_nan_or_infinity_anywhere_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
