/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/kernels.c -- every kernel against its naive reference, and by finite differences. */
#include <math.h>
#include <string.h>

#include "sim/base/rng.h"
#include "tests/helpers/arena.h"
#include "tests/helpers/check.h"
#include "workloads/kernels/kernels.h"
#include "workloads/kernels/reference.h"

static struct sm_rng *rng;

static int
setup(void **state)
{
    (void)state;
    rng = sm_rng_create(&arena, 1, SM_RNG_TEST, 0);
    return rng == NULL;
}

enum { GUARD = 24 }; /* floats behind each vector that no kernel may touch */
static const float guard = -12345.0f;

static float *
random_floats(size_t n)
{
    float *x = sm_arena_alloc(&arena, n + GUARD, sizeof *x);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)sm_rng_normal(rng, 1);
    for (size_t i = n; i < n + GUARD; i++)
        x[i] = guard;
    return x;
}

static void
check_same(const float *actual, const float *expected, size_t n, double tolerance)
{
    for (size_t i = 0; i < n; i++)
        check_near((double)actual[i], (double)expected[i], tolerance);
    for (size_t i = n; i < n + GUARD; i++)
        assert_true(actual[i] == guard);
}

static void
relu_equals_the_reference_and_works_in_place(void **state)
{
    (void)state;
    enum { N = 1003 };
    float *x = random_floats(N), *dy = random_floats(N);
    float *y = random_floats(N), *expected = random_floats(N);
    x[0] = 0.0f;
    x[1] = -0.0f;
    sm_relu_forward(y, x, N);
    sm_reference_relu_forward(expected, x, N);
    check_same(y, expected, N, 0);
    sm_relu_forward(x, x, N);
    assert_memory_equal(x, y, N * sizeof *x);
    sm_reference_relu_backward(expected, dy, y, N);
    sm_relu_backward(dy, dy, y, N);
    check_same(dy, expected, N, 0);
    x[0] = NAN;
    sm_relu_forward(x, x, 1);
    assert_true(isnan(x[0])); /* a diverged model must not look healthy */
}

static void
exp_is_within_1e_6_over_the_whole_range(void **state)
{
    (void)state;
    enum { N = 400001 };
    float *x = random_floats(N), *y = random_floats(N);
    for (size_t i = 0; i < N; i++)
        x[i] = (float)(-87.0 + 175.0 * (double)i / (N - 1));
    sm_exp(y, x, N);
    for (size_t i = 0; i < N; i++)
        check_relative((double)y[i], exp((double)x[i]), 1e-6);
}

static void
exp_beyond_its_range_is_zero_infinity_or_nan(void **state)
{
    (void)state;
    const float x[5] = {-100.0f, 100.0f, -INFINITY, INFINITY, NAN};
    float y[5];
    sm_exp(y, x, 5);
    assert_true(y[0] == 0.0f && y[2] == 0.0f);
    assert_true(y[1] == INFINITY && y[3] == INFINITY);
    assert_true(isnan(y[4]));
    const float zero = 0.0f;
    sm_exp(y, &zero, 1);
    assert_true(y[0] == 1.0f);
}

static void
random_labels(uint8_t *labels, size_t count, size_t classes)
{
    for (size_t s = 0; s < count; s++)
        labels[s] = (uint8_t)sm_rng_below(rng, classes);
}

static void
softmax_loss_equals_the_reference_for_small_and_huge_logits(void **state)
{
    (void)state;
    const size_t widths[] = {1, 2, 10, 37, 256};
    const float scales[] = {1.0f, 30.0f, 1e4f, 1e30f};
    enum { COUNT = 19 };
    for (size_t i = 0; i < 5; i++)
        for (size_t j = 0; j < 4; j++) {
            const size_t classes = widths[i];
            uint8_t labels[COUNT];
            float *z = random_floats(COUNT * classes), *dz = random_floats(COUNT * classes);
            float *expected = random_floats(COUNT * classes);
            for (size_t k = 0; k < COUNT * classes; k++)
                z[k] *= scales[j];
            random_labels(labels, COUNT, classes);
            const double loss = sm_softmax_loss(dz, z, labels, COUNT, classes);
            const double reference = sm_reference_softmax_loss(expected, z, labels, COUNT, classes);
            check_near(loss, reference, 1e-6 * (1 + reference));
            check_same(dz, expected, COUNT * classes, 1e-6);
            sm_softmax_loss(z, z, labels, COUNT, classes);
            assert_memory_equal(z, dz, COUNT * classes * sizeof *z); /* in place */
        }
}

static void
softmax_gradient_is_the_slope_of_the_loss(void **state)
{
    (void)state;
    enum { COUNT = 4, CLASSES = 10 };
    uint8_t labels[COUNT];
    float *z = random_floats(COUNT * CLASSES), *dz = random_floats(COUNT * CLASSES);
    float *unused = random_floats(COUNT * CLASSES);
    random_labels(labels, COUNT, CLASSES);
    sm_softmax_loss(dz, z, labels, COUNT, CLASSES);
    const float h = 0x1p-8f;
    for (size_t i = 0; i < COUNT * CLASSES; i++) {
        const float middle = z[i], up = middle + h, down = middle - h;
        z[i] = up;
        const double above = sm_reference_softmax_loss(unused, z, labels, COUNT, CLASSES);
        z[i] = down;
        const double below = sm_reference_softmax_loss(unused, z, labels, COUNT, CLASSES);
        z[i] = middle;
        check_near((double)dz[i], (above - below) / ((double)up - (double)down), 1e-6);
    }
}

static void
softmax_of_logits_that_are_not_finite_has_a_loss_that_is_not(void **state)
{
    (void)state;
    const float bad[] = {NAN, INFINITY};
    const uint8_t label = 1;
    for (size_t i = 0; i < 2; i++)
        for (size_t at = 0; at < 3; at++) {
            float z[3] = {0.5f, -1.0f, 2.0f}, dz[3];
            size_t correct;
            z[at] = bad[i];
            assert_false(isfinite(sm_softmax_loss(dz, z, &label, 1, 3)));
            assert_false(isfinite(sm_softmax_evaluate(&correct, z, &label, 1, 3)));
        }
}

static void
softmax_evaluate_equals_the_reference_and_the_first_of_equals_wins(void **state)
{
    (void)state;
    enum { COUNT = 211, CLASSES = 10 };
    uint8_t labels[COUNT];
    float *z = random_floats(COUNT * CLASSES);
    random_labels(labels, COUNT, CLASSES);
    size_t correct, expected;
    const double loss = sm_softmax_evaluate(&correct, z, labels, COUNT, CLASSES);
    const double reference = sm_reference_softmax_evaluate(&expected, z, labels, COUNT, CLASSES);
    check_relative(loss, reference, 1e-12);
    assert_int_equal(correct, expected);
    assert_in_range(correct, 1, COUNT - 1);

    const float equal[4] = {1.0f, 2.0f, 2.0f, 2.0f};
    const uint8_t first = 1, second = 2;
    sm_softmax_evaluate(&correct, equal, &first, 1, 4);
    assert_int_equal(correct, 1);
    sm_softmax_evaluate(&correct, equal, &second, 1, 4);
    assert_int_equal(correct, 0);
}

static void
bytes_become_floats_of_the_wanted_mean_and_deviation(void **state)
{
    (void)state;
    uint8_t bytes[256];
    for (size_t i = 0; i < 256; i++)
        bytes[i] = (uint8_t)i;
    float *y = random_floats(256), *expected = random_floats(256);
    const float mean[] = {0.286f, 0.5f, 0.1f}, deviation[] = {0.353f, 0.25f, 0.125f};
    for (size_t channels = 1; channels <= 3; channels++) {
        sm_bytes_to_floats(y, bytes, 256, channels, mean, deviation);
        sm_reference_bytes_to_floats(expected, bytes, 256, channels, mean, deviation);
        check_same(y, expected, 256, 5e-7);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(relu_equals_the_reference_and_works_in_place),
        cmocka_unit_test(exp_is_within_1e_6_over_the_whole_range),
        cmocka_unit_test(exp_beyond_its_range_is_zero_infinity_or_nan),
        cmocka_unit_test(softmax_loss_equals_the_reference_for_small_and_huge_logits),
        cmocka_unit_test(softmax_gradient_is_the_slope_of_the_loss),
        cmocka_unit_test(softmax_of_logits_that_are_not_finite_has_a_loss_that_is_not),
        cmocka_unit_test(softmax_evaluate_equals_the_reference_and_the_first_of_equals_wins),
        cmocka_unit_test(bytes_become_floats_of_the_wanted_mean_and_deviation),
    };
    return cmocka_run_group_tests_name("kernels", tests, setup, arena_teardown);
}
