/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/clip.c -- gradients of bounded length, by hand and in whole runs. */
#include "tests/helpers/check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "algorithms/inner/inner.h"
#include "tests/helpers/training.h"

static void
a_longer_gradient_is_shortened_along_its_direction(void **unused)
{
    (void)unused;
    float g[] = {3, -4, 0};
    sm_inner_clip(3, 2.5f, g); /* half of it: exact */
    assert_memory_equal(g, ((float[]){1.5f, -2, 0}), sizeof g);
    float one[] = {-8};
    sm_inner_clip(1, 0.25f, one);
    check_near((double)one[0], -0.25, 0);
}

static void
a_gradient_within_the_bound_keeps_its_bits(void **unused)
{
    (void)unused;
    const float start[] = {3, -4, 0x1p-149f};
    float g[3];
    memcpy(g, start, sizeof g);
    sm_inner_clip(3, 6, g);
    assert_memory_equal(g, start, sizeof g);
    float both[] = {3, -4};
    sm_inner_clip(2, 5, both); /* just as long */
    assert_memory_equal(both, start, sizeof both);
}

static void
zero_stays_zero_and_huge_numbers_do_not_overflow(void **unused)
{
    (void)unused;
    float zero[40] = {0}, huge[] = {3e38f, 0, -3e38f, 0};
    sm_inner_clip(40, 1, zero);
    for (size_t i = 0; i < 40; i++)
        check_near((double)zero[i], 0, 0);
    sm_inner_clip(4, 1, huge); /* their squares are no floats */
    check_near((double)huge[0], sqrt(0.5), 1e-6);
    check_near((double)huge[2], -sqrt(0.5), 1e-6);
}

/* f = |x|^2 / 2 in 4 dimensions from 2 each: |x| = 4 = |g|. */
static struct training *
parabola(const struct sm_engine *engine, const char *clip)
{
    struct training *t =
        training_run(&(struct training_how){.engine = engine},
                     "{steps: 200, evaluate: {every: 1}, platform: {file: star_2},"
                     " workload: {model: quadratic, dimension: 4, start: 2},"
                     " algorithm: {inner: {name: sgd, lr: 0.25, momentum: 0}, clip: %s}}",
                     clip);
    assert_int_equal(t->status, SM_OK);
    assert_string_equal(t->state, "finished");
    return t;
}

static double
length_at(const struct training *t, size_t k)
{
    assert_int_equal(t->evaluations[k].step, k);
    return sqrt(2 * t->evaluations[k].test_loss);
}

/* Steps of 1/4 * 1/8 until |g| = |x| <= 1/8, then the parabola's own. */
static void
a_run_takes_steps_of_the_bound_until_the_gradient_is_shorter(void **unused)
{
    (void)unused;
    struct training *t = parabola(NULL, "0.125");
    assert_int_equal(t->evaluation_count, 201);
    for (size_t k = 0; k <= 124; k++)
        check_near(length_at(t, k), 4 - (double)k / 32, 1e-5);
    for (size_t k = 125; k <= 200; k++)
        check_near(length_at(t, k), 0.125 * pow(0.75, (double)k - 124), 1e-5);
    free(t);
}

static void
a_bound_that_no_gradient_reaches_changes_no_bit(void **unused)
{
    (void)unused;
    struct training *without = parabola(NULL, "0"), *with = parabola(NULL, "4.5");
    struct training *thread = parabola(&sm_engine_thread, "4.5");
    assert_string_equal(with->hash, without->hash);
    assert_string_equal(with->hash, thread->hash);
    struct training *tight = parabola(NULL, "3.5");
    assert_string_not_equal(tight->hash, without->hash);
    free(without);
    free(with);
    free(thread);
    free(tight);
}

static void
a_run_that_starts_at_its_minimum_stays_there(void **unused)
{
    (void)unused;
    struct training *t =
        train("{steps: 5, platform: {file: star_2},"
              " workload: {model: quadratic, dimension: 3, start: 0}, algorithm: {clip: 1}}");
    assert_int_equal(t->parameters, 3);
    for (size_t i = 0; i < 3; i++)
        check_near((double)t->consensus[i], 0, 0);
    free(t);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_longer_gradient_is_shortened_along_its_direction),
        cmocka_unit_test(a_gradient_within_the_bound_keeps_its_bits),
        cmocka_unit_test(zero_stays_zero_and_huge_numbers_do_not_overflow),
        cmocka_unit_test(a_run_takes_steps_of_the_bound_until_the_gradient_is_shorter),
        cmocka_unit_test(a_bound_that_no_gradient_reaches_changes_no_bit),
        cmocka_unit_test(a_run_that_starts_at_its_minimum_stays_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
