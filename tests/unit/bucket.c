/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/bucket.c -- layers are gathered into buckets from the last to the first. */
#include "tests/helpers/arena.h"
#include "tests/helpers/check.h"

#include "sim/timing/bucket.h"

static const struct sm_profile_layer layers[] = {{1, 10}, {2, 0}, {30, 5}, {4, 20}, {5, 5}};
static const struct sm_profile five = {
    .name = "five", .backward = 80, .model_bytes = 42, .layers = layers, .layer_count = 5};

static void
check_buckets(const struct sm_profile *profile, double bytes, const struct sm_bucket *expected,
              size_t count)
{
    const struct sm_bucket *buckets;
    size_t found;
    check_ok(sm_profile_buckets(&arena, profile, bytes, &buckets, &found));
    assert_int_equal(found, count);
    for (size_t b = 0; b < count; b++) {
        check_relative(buckets[b].until, expected[b].until, 1e-15);
        check_near(buckets[b].backward, expected[b].backward, 1e-12);
    }
}

static void
a_bucket_closes_when_it_has_reached_the_size_and_the_rest_is_the_last(void **state)
{
    (void)state;
    check_buckets(&five, 9, (struct sm_bucket[]){{9 / 42., 50}, {39 / 42., 10}, {1, 20}}, 3);
    check_buckets(&five, 6, (struct sm_bucket[]){{9 / 42., 50}, {39 / 42., 10}, {1, 20}}, 3);
    check_buckets(&five, 10, (struct sm_bucket[]){{39 / 42., 60}, {1, 20}}, 2);
}

static void
a_layer_larger_than_a_bucket_is_one_of_its_own(void **state)
{
    (void)state;
    check_buckets(
        &five, 0.5,
        (struct sm_bucket[]){{5 / 42., 10}, {9 / 42., 40}, {39 / 42., 10}, {41 / 42., 0}, {1, 20}},
        5);
}

static void
buckets_as_large_as_the_model_none_at_all_and_no_layers_are_one(void **state)
{
    (void)state;
    const struct sm_bucket whole = {1, 80};
    struct sm_profile plain = five;
    plain.layer_count = 0;
    check_buckets(&five, 42, &whole, 1);
    check_buckets(&five, 1e9, &whole, 1);
    check_buckets(&five, 0, &whole, 1);
    check_buckets(&plain, 1, &whole, 1);
}

/* Its work must still be done before the gradient is there. */
static void
first_layers_without_parameters_are_a_last_bucket_of_no_weight(void **state)
{
    (void)state;
    static const struct sm_profile_layer inputs[] = {{0, 30}, {0, 10}, {8, 40}};
    const struct sm_profile profile = {
        .name = "inputs", .backward = 8, .model_bytes = 8, .layers = inputs, .layer_count = 3};
    check_buckets(&profile, 4, (struct sm_bucket[]){{1, 4}, {1, 4}}, 2);
}

static void
shares_and_work_add_up_to_the_whole(void **state)
{
    (void)state;
    struct sm_profile_layer many[97];
    for (size_t i = 0; i < 97; i++)
        many[i] = (struct sm_profile_layer){(double)(1 + 7919 * i % 101), (double)(i % 13) / 3};
    const struct sm_profile profile = {
        .name = "many", .backward = 1.1e12, .model_bytes = 1, .layers = many, .layer_count = 97};
    for (double bytes = 1; bytes < 10000; bytes *= 1.7) {
        const struct sm_bucket *buckets;
        size_t count;
        check_ok(sm_profile_buckets(&arena, &profile, bytes, &buckets, &count));
        double work = 0, before = 0;
        for (size_t b = 0; b < count; b++) {
            assert_true(buckets[b].until > before && buckets[b].backward >= 0);
            before = buckets[b].until;
            work += buckets[b].backward;
        }
        check_near(before, 1, 0);
        check_relative(work, 1.1e12, 1e-15);
    }
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, arena_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_bucket_closes_when_it_has_reached_the_size_and_the_rest_is_the_last),
        TEST(a_layer_larger_than_a_bucket_is_one_of_its_own),
        TEST(buckets_as_large_as_the_model_none_at_all_and_no_layers_are_one),
        TEST(first_layers_without_parameters_are_a_last_bucket_of_no_weight),
        TEST(shares_and_work_add_up_to_the_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
