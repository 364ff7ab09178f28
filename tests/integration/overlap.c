/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/integration/overlap.c -- gradients that are all-reduced in buckets while the backward pass
 * goes on: the seconds of a pipeline by hand, the same numbers as without, and what else overlaps.
 */
#include "tests/helpers/check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/helpers/machine.h"
#include "tests/helpers/training.h"

/* star_N: two links of 10 Gbit/s at a goodput of 0.9564 and 10 us lie between any two hosts */
static const double latency = 2e-5, bandwidth = 0.9564 * 10e9 / 8;

static const char profile[] = "name: layered\n"
                              "source: a test\n"
                              "device_speed: 15.7Tf\n"
                              "devices: 0\n"
                              "samples: 8\n"
                              "model_bytes: 10MB\n"
                              "stages: {load: 1ms, forward: 2ms, backward: 8ms, update: 1ms}\n"
                              "layers:\n"
                              "  - {name: first, bytes: 500kB, work: 4}\n"
                              "  - {name: large, bytes: 6MB, work: 1}\n"
                              "  - {name: pair, bytes: 1MB, work: 2, repeat: 2}\n"
                              "  - {name: last, bytes: 1.5MB, work: 1}\n";

static char path[] = "/tmp/sm_overlap_XXXXXX.yaml";

static int
setup(void **state)
{
    (void)state;
    int file = mkstemps(path, 5);
    bool written = file >= 0 && write(file, profile, sizeof profile - 1) == sizeof profile - 1;
    close(file);
    return written ? 0 : -1;
}

static int
teardown(void **state)
{
    (void)state;
    return unlink(path);
}

/* Bytes, and milliseconds of backward until it is there, of each bucket. */
struct bucket {
    double bytes, backward;
};

/* Seconds a step: end_b = max(end_{b-1}, ready_b) + t_b. */
static double
pipeline(const struct bucket *buckets, size_t count, size_t size)
{
    double ready = 0.003, end = 0; /* load and forward */
    for (size_t b = 0; b < count; b++) {
        ready += 1e-3 * buckets[b].backward;
        end = fmax(end, ready) + ring_seconds(size, buckets[b].bytes, latency, bandwidth);
    }
    return end + 1e-3;
}

static double
step_seconds(const char *platform, const char *bucket, const char *algorithm)
{
    enum { STEPS = 5 };
    struct training *t =
        training_finish(&(struct training_how){.timing_only = true},
                        "{steps: %d, platform: {file: %s}, timing: {profile: %s, bucket: %s},"
                        " algorithm: {%s}}",
                        STEPS, platform, path, bucket, algorithm);
    double seconds = t->seconds / STEPS;
    free(t);
    return seconds;
}

static void
what_is_exposed_is_what_the_pipeline_leaves(void **state)
{
    (void)state;
    const struct bucket five[] = {{1.5e6, 0.8}, {1e6, 1.6}, {1e6, 1.6}, {6e6, 0.8}, {0.5e6, 3.2}};
    const struct bucket one[] = {{10e6, 8}};
    static const char *const plays[] = {"fluid", "exact"};
    for (size_t p = 0; p < 2; p++) {
        char algorithm[80];
        snprintf(algorithm, sizeof algorithm,
                 "strategy: allreduce, collective: {name: ring, play: %s}", plays[p]);
        check_relative(step_seconds("star_4", "2.4MB", algorithm),
                       pipeline((struct bucket[]){{2.5e6, 2.4}, {7e6, 2.4}, {0.5e6, 3.2}}, 3, 4),
                       1e-9);
        check_relative(step_seconds("star_4", "7.5MB", algorithm),
                       pipeline((struct bucket[]){{9.5e6, 4.8}, {0.5e6, 3.2}}, 2, 4), 1e-9);
        check_relative(step_seconds("star_5", "1MB", algorithm), pipeline(five, 5, 5), 1e-9);
        check_relative(step_seconds("star_4", "10MB", algorithm), pipeline(one, 1, 4), 1e-9);
        check_relative(step_seconds("star_4", "0", algorithm), pipeline(one, 1, 4), 1e-9);
    }
}

static double
seconds_of(size_t steps, const char *algorithm)
{
    struct training *t =
        training_finish(&(struct training_how){.timing_only = true},
                        "{steps: %zu, platform: {file: star_4}, timing: {profile: %s},"
                        " algorithm: {strategy: %s}}",
                        steps, path, algorithm);
    double seconds = t->seconds;
    free(t);
    return seconds;
}

/* Steps of 12 ms hide a message of 8.4 ms and, within one step, half a model's average of 6.3 ms;
 * what is sent at the last step has none left to hide behind. */
static void
fragments_and_early_messages_travel_while_the_rank_computes(void **state)
{
    (void)state;
    const double step = 0.012, fragment = ring_seconds(4, 5e6, latency, bandwidth);
    static const char streaming[] =
        "local, tau: 4, outer: {name: streaming_diloco, fragments: 2, overlap: %d}";
    char algorithm[sizeof streaming];
    for (int overlap = 0; overlap < 2; overlap++) {
        snprintf(algorithm, sizeof algorithm, streaming, overlap);
        check_relative(seconds_of(20, algorithm), 20 * step + (overlap ? 1 : 10) * fragment, 1e-9);
    }
    check_relative(seconds_of(20, "osgp"), 20 * step, 1e-9);
    check_relative(seconds_of(20, "sgp"), 20 * step + 19 * (latency + 10e6 / bandwidth - 0.001),
                   1e-9);
}

/* A codec wants the gradient whole. */
static void
who_compresses_waits_for_the_whole_gradient(void **state)
{
    (void)state;
    const char *const algorithm = "strategy: allreduce, compression: fp16";
    double whole = step_seconds("star_4", "0", algorithm);
    check_relative(step_seconds("star_4", "1MB", algorithm), whole, 1e-12);
    check_relative(whole, 0.012 + ring_seconds(4, 5e6, latency, bandwidth), 1e-9);
}

static struct training *
run(const struct sm_engine *engine, size_t threads, const char *bucket, const char *algorithm)
{
    return training_finish(&(struct training_how){.engine = engine, .threads = threads},
                           "{steps: 24, evaluate: {every: 6}, platform: {file: star_5, speed: "
                           "{\"node3\": x0.7}}, timing: {profile: %s, bucket: %s}, " MLP
                           ", algorithm: {%s}}",
                           path, bucket, algorithm);
}

static void
buckets_change_no_bit_on_either_engine(void **state)
{
    (void)state;
    static const char *const algorithms[] = {
        "strategy: allreduce, inner: {lr: 0.1, momentum: 0.9}, clip: 1",
        "strategy: allreduce, inner: adam, outer: slowmo, tau: 4",
    };
    static const char *const sizes[] = {"2.4MB", "1MB", "9MB"};
    for (size_t a = 0; a < 2; a++) {
        struct training *whole = run(NULL, 2, "0", algorithms[a]);
        for (size_t i = 0; i < 3; i++) {
            struct training *simulated = run(NULL, 1 + i, sizes[i], algorithms[a]);
            struct training *threads = run(&sm_engine_thread, 1, sizes[i], algorithms[a]);
            assert_string_equal(simulated->hash, whole->hash);
            assert_string_equal(threads->hash, whole->hash);
            check_same_numbers(whole, threads, algorithms[a]);
            assert_true(simulated->seconds < whole->seconds);
            check_relative(simulated->bytes, whole->bytes, 1e-6);
            assert_string_equal(simulated->trajectory_key, whole->trajectory_key);
            assert_string_not_equal(simulated->timing_key, whole->timing_key);
            free(simulated);
            free(threads);
        }
        free(whole);
    }
}

static void
seconds_with_gradients_are_those_without(void **state)
{
    (void)state;
    struct training *real = run(NULL, 2, "2.4MB", "strategy: allreduce");
    struct training *timing =
        training_finish(&(struct training_how){.timing_only = true},
                        "{steps: 24, platform: {file: star_5, speed: {\"node3\": x0.7}}, timing: "
                        "{profile: %s, bucket: 2.4MB}, algorithm: {strategy: allreduce}}",
                        path);
    check_near(timing->seconds, real->seconds, 0);
    check_near(timing->bytes, real->bytes, 0);
    free(real);
    free(timing);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_exposed_is_what_the_pipeline_leaves),
        cmocka_unit_test(fragments_and_early_messages_travel_while_the_rank_computes),
        cmocka_unit_test(who_compresses_waits_for_the_whole_gradient),
        cmocka_unit_test(buckets_change_no_bit_on_either_engine),
        cmocka_unit_test(seconds_with_gradients_are_those_without),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
