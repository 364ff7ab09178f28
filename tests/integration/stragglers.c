/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/integration/stragglers.c -- whole runs: who waits for whom when steps vary, and scaled
 * stages.
 */
#include "tests/helpers/check.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/helpers/training.h"

static char profile[] = "/tmp/sm_stragglers_XXXXXX.yaml";
#if defined(__SANITIZE_ADDRESS__)
enum { STEPS = 400 }; /* each takes many times as long */
#else
enum { STEPS = 4000 };
#endif
static const double seconds = 0.1; /* forward and backward, on a device of star_N */

static int
setup(void **state)
{
    (void)state;
    const int descriptor = mkstemps(profile, 5);
    FILE *out = descriptor >= 0 ? fdopen(descriptor, "w") : NULL;
    if (out == NULL)
        return -1;
    fputs(
        "{name: p, source: a test, device_speed: 15.7Tf, devices: 0, samples: 1, model_bytes: 4kB,"
        " stages: {load: 0s, forward: 40ms, backward: 60ms, update: 0s}}\n",
        out);
    return fclose(out);
}

static int
teardown(void **state)
{
    (void)state;
    return unlink(profile);
}

struct outcome {
    double step, waits; /* seconds a step; of them mean idle and exposed of all workers */
};

static struct outcome
timed(size_t workers, size_t steps, const char *strategy, const char *straggler)
{
    struct training *t = training_finish(
        &(const struct training_how){.timing_only = true},
        "{steps: %zu, platform: {file: star_%zu, workers: %zu}, timing: {profile: %s, straggler: "
        "%s}, algorithm: {strategy: %s, outer: none}}",
        steps, workers + 1, workers, profile, straggler, strategy);
    json_t *root = json_loads(t->summary, 0, NULL), *sim = json_object_get(root, "sim");
    const double idle = json_number_value(json_object_get(sim, "idle"));
    const double exposed = json_number_value(json_object_get(sim, "exposed_communication"));
    const struct outcome outcome = {t->seconds / (double)steps, (idle + exposed) / (double)steps};
    json_decref(root);
    free(t);
    return outcome;
}

/* Mean H_m, variance sum 1/i^2 of the largest of m exponentials. */
static void
all_reduce_waits_for_the_slowest_of_all(void **unused)
{
    (void)unused;
    for (size_t m = 2; m <= 16; m *= 8) {
        const double cv = 0.5;
        double harmonic = 0, squares = 0;
        for (size_t i = 1; i <= m; i++) {
            harmonic += 1 / (double)i;
            squares += 1 / (double)(i * i);
        }
        const struct outcome even = timed(m, 10, "allreduce", "constant");
        const struct outcome uneven =
            timed(m, STEPS, "allreduce", "{distribution: exponential, cv: 0.5}");
        check_near((uneven.step - even.step) / seconds, cv * (harmonic - 1),
                   4 * cv * sqrt(squares / STEPS));
    }
}

static void
an_asynchronous_parameter_server_waits_for_nobody(void **unused)
{
    (void)unused;
    const char *strategy = "parameter_server_async";
    const struct outcome even = timed(16, 50, strategy, "constant");
    const struct outcome uneven =
        timed(16, STEPS / 2, strategy, "{distribution: exponential, cv: 0.5}");
    /* the worker that ends last has a mean factor at most four standard errors above 1 */
    check_near((uneven.step - even.step) / seconds, 0, 4 * 0.5 / sqrt(STEPS / 2.0));
    assert_true(uneven.waits < 0.02 * seconds);
}

static void
one_slow_worker_holds_up_all_reduce_by_its_factor_and_gossip_hardly(void **unused)
{
    (void)unused;
    const char *slow = "{slow_workers: [2], slow_factor: 3}";
    const struct outcome even = timed(6, 40, "allreduce", "constant");
    const struct outcome uneven = timed(6, 40, "allreduce", slow);
    check_relative(uneven.step - even.step, 2 * seconds, 1e-9);
    check_relative(uneven.waits - even.waits, 2 * seconds * 5 / 6, 1e-9);
    assert_true(timed(6, 40, "adpsgd", slow).waits < 0.02 * seconds);
}

/* 110 even steps, then one of nine times the seconds, twice over: what has been alike for long need
 * not go on so. Slow workers do. */
static void
steps_that_vary_are_all_simulated(void **unused)
{
    (void)unused;
    char path[] = "/tmp/sm_stragglers_XXXXXX";
    const int descriptor = mkstemp(path);
    FILE *out = fdopen(descriptor, "w");
    assert_non_null(out);
    for (int i = 0; i < 110; i++)
        fputs("1\n", out);
    fputs("9\n", out);
    assert_int_equal(fclose(out), 0);
    static const char yaml[] =
        "{steps: 222, platform: {file: star_4, workers: 1}, timing: {profile:"
        " %s, straggler: {%s%s}}, algorithm: {strategy: allreduce}}";
    const struct training_how how = {.timing_only = true};
    struct training *trace =
        training_finish(&how, yaml, profile, "distribution: trace, file: ", path);
    check_relative(trace->seconds, (220 + 2 * 9) * seconds, 1e-9);
    assert_non_null(strstr(trace->summary, "no: steps take a random time"));
    struct training *slow = training_finish(&how, yaml, profile, "slow_workers: ", "[0]");
    check_relative(slow->seconds, 222 * 2 * seconds, 1e-9);
    assert_null(strstr(slow->summary, "\"replayed_steps\":0"));
    free(trace);
    free(slow);
    unlink(path);
}

static void
the_seed_chooses_the_seconds_and_the_keys_say_so(void **unused)
{
    (void)unused;
    static const char yaml[] = "{seed: %d, steps: 20, platform: {file: star_4}, timing: {profile: "
                               "%s, straggler: %s}, algorithm: {strategy: allreduce, outer: none}}";
    const struct training_how how = {.timing_only = true};
    for (size_t i = 0; i < 2; i++) {
        const char *straggler = i == 0 ? "{distribution: lognormal, cv: 0.2}" : "constant";
        struct training *one = training_finish(&how, yaml, 1, profile, straggler);
        struct training *again = training_finish(&how, yaml, 1, profile, straggler);
        struct training *two = training_finish(&how, yaml, 2, profile, straggler);
        check_near(again->seconds, one->seconds, 0);
        assert_string_equal(again->timing_key, one->timing_key);
        if (i == 0) {
            assert_true(fabs(two->seconds / one->seconds - 1) > 1e-6);
            assert_string_not_equal(two->timing_key, one->timing_key);
        } else {
            check_near(two->seconds, one->seconds, 0);
            assert_string_equal(two->timing_key, one->timing_key);
        }
        free(one);
        free(again);
        free(two);
    }
}

static void
gradients_take_the_same_numbers_and_seconds_as_without(void **unused)
{
    (void)unused;
    static const char yaml[] = "{steps: 12, " SOFTMAX ", platform: {file: star_4}, timing: "
                               "{profile: %s, straggler: %s}, algorithm: {strategy: allreduce}}";
    struct training *even = train(yaml, profile, "constant");
    struct training *uneven = train(yaml, profile, "{distribution: pareto, cv: 0.5}");
    check_same_numbers(even, uneven, "stragglers change no number of a synchronous run");
    assert_true(uneven->seconds > 1.1 * even->seconds);
    const struct training_how how = {.timing_only = true};
    struct training *timed_only =
        training_finish(&how, yaml, profile, "{distribution: pareto, cv: 0.5}");
    check_near(timed_only->seconds, uneven->seconds, 0);
    free(even);
    free(uneven);
    free(timed_only);
}

/* Load 10 ms, forward, backward and update 110 ms; in two buckets or as a whole, whose all-reduces
 * of some kilobytes take microseconds. */
static void
all_stages_but_the_load_are_slowed(void **unused)
{
    (void)unused;
    char path[] = "/tmp/sm_stragglers_XXXXXX.yaml";
    const int descriptor = mkstemps(path, 5);
    FILE *out = fdopen(descriptor, "w");
    assert_non_null(out);
    fputs(
        "{name: p, source: a test, device_speed: 15.7Tf, devices: 0, samples: 1, model_bytes: 4kB,"
        " stages: {load: 10ms, forward: 40ms, backward: 60ms, update: 10ms},"
        " layers: [{name: a, bytes: 2kB, work: 1}, {name: b, bytes: 2kB, work: 2}]}\n",
        out);
    assert_int_equal(fclose(out), 0);
    const char *buckets[] = {"1kB", "0B"};
    for (size_t i = 0; i < 2; i++) {
        struct training *t = training_finish(
            &(const struct training_how){.timing_only = true},
            "{steps: 10, platform: {file: star_4}, timing: {profile: %s, bucket: %s, straggler:"
            " {slow_fraction: 1, slow_factor: 3}}, algorithm: {strategy: allreduce}}",
            path, buckets[i]);
        check_relative(t->seconds, 10 * (0.01 + 3 * 0.11), 2e-3);
        free(t);
    }
    unlink(path);
}

/* 40 ms forward and 60 ms backward, on one worker. */
static void
scales_change_the_seconds_of_their_stage(void **unused)
{
    (void)unused;
    static const char yaml[] = "{steps: 10, platform: {file: star_4, workers: 1}, timing: {profile:"
                               " %s, scale: {forward: %g, backward: %g}},"
                               " algorithm: {strategy: local, outer: none}}";
    const struct training_how how = {.timing_only = true};
    const double factors[][2] = {{1, 1}, {0.5, 1}, {1, 2}, {0, 0.1}};
    for (size_t i = 0; i < 4; i++) {
        struct training *t = training_finish(&how, yaml, profile, factors[i][0], factors[i][1]);
        check_relative(t->seconds, 10 * (0.04 * factors[i][0] + 0.06 * factors[i][1]), 1e-12);
        free(t);
    }
}

static void
mistakes_are_refused_before_the_run(void **unused)
{
    (void)unused;
    training_refused("slow_workers: 4 is no rank",
                     "{platform: {file: star_4}, timing: {straggler: {slow_workers: [4]}}}");
    training_refused("timing.straggler.cv: -1 is out of range",
                     "{timing: {straggler: {distribution: gamma, cv: -1}}}");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_reduce_waits_for_the_slowest_of_all),
        cmocka_unit_test(an_asynchronous_parameter_server_waits_for_nobody),
        cmocka_unit_test(one_slow_worker_holds_up_all_reduce_by_its_factor_and_gossip_hardly),
        cmocka_unit_test(steps_that_vary_are_all_simulated),
        cmocka_unit_test(the_seed_chooses_the_seconds_and_the_keys_say_so),
        cmocka_unit_test(gradients_take_the_same_numbers_and_seconds_as_without),
        cmocka_unit_test(all_stages_but_the_load_are_slowed),
        cmocka_unit_test(scales_change_the_seconds_of_their_stage),
        cmocka_unit_test(mistakes_are_refused_before_the_run),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
