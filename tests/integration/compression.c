/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/integration/compression.c -- whole runs whose gradients or averages are compressed: the
 * numbers they end with, the bytes they send, and that only the machine's engine does not matter.
 */
#include "tests/helpers/check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/helpers/training.h"

/* Every compression, so that all of them do something to a softmax of 4 x 16 and 4 numbers. */
static const char *const all[] = {
    "none",
    "fp16",
    "bf16",
    "{name: int8, block: 32}",
    "{name: topk, ratio: 0.1}",
    "{name: topk, ratio: 0.1, feedback: no}",
    "{name: randomk, ratio: 0.1}",
    "signsgd",
    "{name: powersgd, rank: 2}",
    "{name: powersgd, rank: 1, feedback: no}",
};
enum { ALL = sizeof all / sizeof *all, SIGNS = 7 };

/* Gradients, and differences from the start of a round. */
static const char *const places[] = {
    "strategy: allreduce, inner: {lr: 0.05, momentum: 0.5}",
    "strategy: local, outer: {name: slowmo, beta: 0.5}, tau: 4, inner: {lr: 0.05, momentum: 0.5}",
};

static bool
means_something(size_t place, size_t compression)
{
    return place == 0 || compression != SIGNS; /* votes are for gradients */
}

static struct training *
run_how(const struct training_how *how, const char *place, const char *compression)
{
    return training_finish(
        how,
        "{steps: 41, evaluate: {every: 10}, platform: {file: star_4}, timing: {profile: own},"
        " " SOFTMAX ", algorithm: {%s, compression: %s}}",
        place, compression);
}

static void
engines_and_threads_give_the_same_bits_and_each_compression_others(void **unused)
{
    (void)unused;
    for (size_t p = 0; p < 2; p++) {
        char seen[ALL][17];
        for (size_t c = 0; c < ALL; c++) {
            seen[c][0] = '\0';
            if (!means_something(p, c) || (c + p) % CHECK_STRIDE != 0)
                continue;
            struct training *one = run_how(&(struct training_how){.threads = 1}, places[p], all[c]);
            struct training *four =
                run_how(&(struct training_how){.threads = 4}, places[p], all[c]);
            struct training *thread =
                run_how(&(struct training_how){.engine = &sm_engine_thread}, places[p], all[c]);
            check_same_numbers(one, four, all[c]);
            check_same_numbers(one, thread, all[c]);
            check_near(one->seconds, four->seconds, 0);
            strcpy(seen[c], one->hash);
            for (size_t other = 0; other < c; other++)
                assert_string_not_equal(seen[c], seen[other]);
            free(one);
            free(four);
            free(thread);
        }
    }
}

/* A gradient large enough that it goes to the pool. */
static void
the_number_of_threads_does_not_matter_to_larger_models_either(void **unused)
{
    (void)unused;
    const char *cases[] = {"{name: topk, ratio: 0.05}", "powersgd", "randomk"};
    for (size_t c = 0; c < 3; c++) {
        char hash[17] = "";
        for (size_t threads = 1; threads <= 4; threads *= 4) {
            struct training *t =
                training_finish(&(struct training_how){.threads = threads},
                                "{steps: 8, platform: {file: star_4}, workload: {model: mlp,"
                                " hidden: [64], batch: 32, dataset: {name: synthetic, train: 500,"
                                " test: 50}}, algorithm: {strategy: allreduce, compression: %s}}",
                                cases[c]);
            if (hash[0] == '\0')
                strcpy(hash, t->hash);
            assert_string_equal(t->hash, hash);
            free(t);
        }
    }
}

static void
the_loss_falls_with_every_compression(void **unused)
{
    (void)unused;
    for (size_t p = 0; p < 2; p++)
        for (size_t c = 0; c < ALL; c++) {
            if (!means_something(p, c) || (c + p) % CHECK_STRIDE != 0)
                continue;
            struct training *t = run_how(&(struct training_how){0}, places[p], all[c]);
            const double first = t->evaluations[0].test_loss, last = training_last(t)->test_loss;
            print_message("  %.3f -> %.3f %s\n", first, last, all[c]);
            check_near(first, log(4), 1e-6); /* softmax starts at 0 */
            assert_true(last < 0.8 * first);
            if (p == 0) /* all apply the same mean */
                check_near(training_last(t)->consensus_distance, 0, 0);
            free(t);
        }
}

static void
what_lets_everything_through_is_no_compression(void **unused)
{
    (void)unused;
    const char *cases[] = {"{name: topk, ratio: 1}", "{name: randomk, ratio: 1}",
                           "{name: powersgd, rank: 4}"};
    for (size_t p = 0; p < 2; p++) {
        struct training *none = run_how(&(struct training_how){0}, places[p], "none");
        for (size_t c = 0; c < 3; c++) {
            struct training *t = run_how(&(struct training_how){0}, places[p], cases[c]);
            if (p == 0) /* the very same operations */
                assert_string_equal(t->hash, none->hash);
            else /* x - start, mean, + start: two roundings a round, 10 rounds, momentum */
                check_near(training_distance(t, none), 0, 10 * 5 * 4);
            free(t);
        }
        free(none);
    }
}

static void
none_costs_nothing(void **unused)
{
    (void)unused;
    static const char yaml[] = "{steps: 20, platform: {file: star_4}, " SOFTMAX
                               ", algorithm: {strategy: local, outer: slowmo, tau: 5%s}}";
    struct training *without = train(yaml, ""), *none = train(yaml, ", compression: none");
    assert_string_equal(without->hash, none->hash);
    assert_string_equal(without->trajectory_key, none->trajectory_key);
    assert_string_equal(without->timing_key, none->timing_key);
    check_same_cost(without, none, "none");
    free(without);
    free(none);
}

/* A ring of 4 sends 2 (4 - 1) / 4 of what an all-reduce weighs. */
static void
runs_send_the_bytes_that_one_counts_by_hand(void **unused)
{
    (void)unused;
    enum { STEPS = 12 };
    const struct {
        const char *compression;
        double bytes; /* of an all-reduce of 2000 numbers among 4 */
    } cases[] = {
        {"none", 8000},
        {"fp16", 4000},
        {"bf16", 4000},
        {"int8", 2000 + 4 * 8}, /* 2000 numbers are 4 blocks of 512 */
        {"{name: int8, block: 0}", 2008},
        {"topk", 4 * 20 * 4.0}, /* each sends 3 times 20 values and 20 indices: 480 of them */
        {"{name: topk, ratio: 0.1}", 4 * 200 * 4.0},
        {"{name: topk, ratio: 0.5}", 4 * 1000 * 4.0}, /* twice as much as nothing at all */
        {"randomk", 80},
        {"signsgd", 250},
        {"powersgd", 8000},
    };
    static const char yaml[] = "{steps: %d, platform: {file: star_4}, timing: {profile: own},"
                               " workload: {model: quadratic, dimension: 2000},"
                               " algorithm: {%s, compression: %s}}";
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        struct training *t = train(yaml, STEPS, "strategy: allreduce", cases[c].compression);
        const double expected = STEPS * 1.5 * cases[c].bytes;
        check_near(t->bytes, expected, 1e-9);
        free(t);
        if (strcmp(cases[c].compression, "signsgd") == 0)
            continue;
        t = train(yaml, STEPS, "strategy: local, outer: slowmo, tau: 4", cases[c].compression);
        check_near(t->bytes, expected / 4, 1e-9);
        free(t);
    }
    /* weights (4, 16) and 4 biases; rank 2: P 2 4, the biases, Q 2 16 */
    struct training *t =
        run_how(&(struct training_how){0}, "strategy: allreduce", "{name: powersgd, rank: 2}");
    check_near(t->bytes, 41 * 1.5 * 4 * (8 + 4 + 32), 1e-9);
    free(t);
    t = run_how(&(struct training_how){0}, "strategy: allreduce", "{name: powersgd, rank: 4}");
    check_near(t->bytes, 41 * 1.5 * 4 * 68, 1e-9); /* 4 (4 + 16) > 64 */
    free(t);
}

static void
fewer_bytes_take_less_time(void **unused)
{
    (void)unused;
    static const char yaml[] = "{steps: 5, platform: {file: dgx1_32_10gbe, workers: 8},"
                               " timing: {profile: resnet50_v100x8, bucket: 0}, " SOFTMAX
                               ", algorithm: {compression: %s}}";
    /* ResNet-50 weighs 102228128 bytes; softmax stands for it with 44 of 68 floats in powersgd */
    const struct {
        const char *compression;
        double share;
    } cases[] = {{"none", 1},
                 {"{name: powersgd, rank: 2}", 44.0 / 68},
                 {"fp16", 0.5},
                 {"int8", 0.25 * (1 + 8.0 / 512)},
                 {"{name: randomk, ratio: 0.1}", 0.1},
                 {"signsgd", 1.0 / 32}};
    double before = INFINITY;
    for (size_t c = 0; c < 6; c++) {
        struct training *t = train(yaml, cases[c].compression);
        assert_true(t->seconds < before);
        before = t->seconds;
        check_relative(t->bytes, 5 * 1.75 * 102228128 * cases[c].share, 1e-6);
        free(t);
    }
}

static void
timing_only_gives_the_seconds_of_the_run_with_gradients(void **unused)
{
    (void)unused;
    static const char yaml[] = "{steps: 7, platform: {file: %s, workers: 4}, timing: {profile: %s},"
                               " " SOFTMAX ", algorithm: {%s, compression: %s}}";
    const char *platforms[] = {"star_4", "dgx1_32_10gbe"};
    const char *profiles[] = {"own", "resnet50_v100x8"};
    for (size_t c = 0; c < ALL * 4; c++) {
        const size_t place = c / ALL % 2, machine = c / ALL / 2;
        const char *compression = all[c % ALL];
        if (!means_something(place, c % ALL) || c % CHECK_STRIDE != 0)
            continue;
        struct training *with =
            train(yaml, platforms[machine], profiles[machine], places[place], compression);
        struct training *without =
            training_finish(&(struct training_how){.timing_only = true}, yaml, platforms[machine],
                            profiles[machine], places[place], compression);
        assert_true(with->bytes > 0);
        check_same_cost(without, with, compression);
        assert_string_equal(with->timing_key, without->timing_key);
        free(with);
        free(without);
    }
}

/* f = sum x_i^2 / 2, learning rate 1/2, one worker, exact gradients g = x; topk sends the largest
 * coordinate of g plus what is left, of equals the first:
 *
 *   x                  g plus what is left   sent
 *   1     1    1       1     1     1         first
 *   1/2   1    1       1/2   2     2         second
 *   1/2   0    1       1     0     3         third
 *   1/2   0   -1/2     3/2   0    -1/2       first
 *  -1/4   0   -1/2    -1/4   0    -1         third
 *  -1/4   0    0
 */
static void
error_feedback_follows_the_numbers_worked_out_by_hand(void **unused)
{
    (void)unused;
    struct training *t =
        train("{steps: 5, platform: {file: star_1}, workload: {model: quadratic, dimension: 3},"
              " algorithm: {inner: {lr: 0.5, momentum: 0}, compression: {name: topk,"
              " ratio: 0.34}}}");
    check_near(t->consensus[0], -0.25, 0);
    check_near(t->consensus[1], 0, 0);
    check_near(t->consensus[2], 0, 0);
    free(t);
}

/* Two workers with minima at 4 and 8 go half of the way in each round; of two coordinates one is
 * sent, so what is compressed must be the change, or the other would become 0:
 *
 *   x              change plus what is left, of each       mean of what is sent
 *   1     1        3/2  3/2          7/2  7/2              5/2   0
 *   7/2   1        1/4  3            9/4  7                0     5
 *   7/2   6        1/2 -1            9/2  1                9/4  -1/2
 *   23/4  11/2    -3/8 -3/4          9/8  9/4              0     3/4
 *   23/4  25/4
 */
static void
averages_are_of_differences_from_the_start_of_the_round(void **unused)
{
    (void)unused;
    struct training *t =
        train("{steps: 4, platform: {file: star_2}, workload: {model: quadratic, dimension: 2,"
              " center: [4, 8]}, algorithm: {inner: {lr: 0.5, momentum: 0}, strategy: local,"
              " outer: average, tau: 1, compression: {name: topk, ratio: 0.5}}}");
    check_near(t->consensus[0], 5.75, 0);
    check_near(t->consensus[1], 6.25, 0);
    check_near(training_last(t)->consensus_distance, 0, 0);
    free(t);
}

static void
combinations_that_mean_nothing_are_refused(void **unused)
{
    (void)unused;
    const struct {
        const char *algorithm, *why;
    } cases[] = {
        {"strategy: sgp, compression: topk", "use fp16, bf16 or int8"},
        {"strategy: sgp, compression: signsgd", "use fp16, bf16 or int8"},
        {"strategy: sgp, compression: powersgd", "use fp16, bf16 or int8"},
        {"strategy: local, outer: average, compression: signsgd", "majority vote on models"},
        {"compression: {name: topk, ratio: 1.5}", "ratio"},
        {"compression: zip", "zip"},
    };
    for (size_t c = 0; c < 6; c++) {
        struct training *t = training_run(&(struct training_how){.engine = &sm_engine_thread},
                                          "{steps: 2, platform: {file: star_4}, workload: {model:"
                                          " quadratic}, algorithm: {%s}}",
                                          cases[c].algorithm);
        assert_int_not_equal(t->status, SM_OK);
        if (strstr(t->error.message, cases[c].why) == NULL)
            fail_msg("%s: %s", cases[c].algorithm, t->error.message);
        free(t);
    }
}

static void
seconds_of_layers_need_the_model_that_has_them(void **unused)
{
    (void)unused;
    const struct training_how how = {.engine = &sm_engine_thread, .timing_only = true};
    static const char yaml[] = "{steps: 2, platform: {file: star_4}, timing: {profile:"
                               " resnet18_v100}, workload: {model: resnet18, dataset: {name:"
                               " cifar10, path: /nonexistent}}, algorithm: {compression: %s}}";
    struct training *t = training_run(&how, yaml, "powersgd");
    assert_int_not_equal(t->status, SM_OK);
    assert_non_null(strstr(t->error.message, "depend on the model's layers"));
    free(t);
    t = training_run(&how, yaml, "topk"); /* what the profile says is enough */
    assert_int_equal(t->status, SM_OK);
    free(t);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(engines_and_threads_give_the_same_bits_and_each_compression_others),
        cmocka_unit_test(the_number_of_threads_does_not_matter_to_larger_models_either),
        cmocka_unit_test(the_loss_falls_with_every_compression),
        cmocka_unit_test(what_lets_everything_through_is_no_compression),
        cmocka_unit_test(none_costs_nothing),
        cmocka_unit_test(runs_send_the_bytes_that_one_counts_by_hand),
        cmocka_unit_test(fewer_bytes_take_less_time),
        cmocka_unit_test(timing_only_gives_the_seconds_of_the_run_with_gradients),
        cmocka_unit_test(error_feedback_follows_the_numbers_worked_out_by_hand),
        cmocka_unit_test(averages_are_of_differences_from_the_start_of_the_round),
        cmocka_unit_test(combinations_that_mean_nothing_are_refused),
        cmocka_unit_test(seconds_of_layers_need_the_model_that_has_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
