/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/integration/outers.c -- whole runs of the outer optimizers beyond SlowMo: on both engines,
 * for timing only, against their special cases, and what overlapping saves.
 */
#include "tests/helpers/check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/helpers/training.h"

#define INNER "inner: {lr: 0.1, momentum: 0.9, nesterov: yes}, "
#define PLAIN "inner: {lr: 0.1}, "

/* Rounds of 5 steps, in 13: two rounds and a piece. */
static const char *const algorithms[] = {
    "strategy: local, outer: bmuf",
    "strategy: local, outer: {name: bmuf, nesterov: yes}, buffer: maintain",
    "strategy: allreduce, outer: lookahead",
    "strategy: sgp, outer: lookahead, buffer: average",
    "strategy: local, outer: diloco, buffer: maintain",
    "strategy: sgp, outer: diloco",
    "strategy: local, outer: streaming_diloco",
    "strategy: local, outer: {name: streaming_diloco, fragments: 3, overlap: 4}, buffer: maintain",
    "strategy: local, outer: {name: streaming_diloco, fragments: 7, overlap: 0}, buffer: average",
    "strategy: local, outer: easgd",
    "strategy: local, outer: overlap_local",
    "strategy: local, outer: overlap_local, buffer: average",
    "strategy: local, outer: noloco",
};
enum { ALGORITHMS = sizeof algorithms / sizeof *algorithms };

/* A run that must finish. */
static struct training *
run(const struct training_how *how, const char *platform, const char *algorithm)
{
    return training_finish(how,
                           "{steps: 13, evaluate: {every: 4}, platform: {file: %s},"
                           " timing: {profile: own}, " SOFTMAX ", algorithm: {" INNER
                           "%s, tau: 5}}",
                           platform, algorithm);
}

static void
the_thread_engine_and_simgrid_give_the_same_bits(void **unused)
{
    (void)unused;
    char hashes[ALGORITHMS][17];
    for (size_t i = 0; i < ALGORITHMS; i++) {
        struct training *simgrid = run(&(struct training_how){0}, "star_5", algorithms[i]);
        struct training *thread =
            run(&(struct training_how){.engine = &sm_engine_thread}, "star_5", algorithms[i]);
        check_same_numbers(simgrid, thread, algorithms[i]);
        assert_true(simgrid->bytes > 0 && simgrid->seconds > 0);
        assert_true(isfinite(training_last(simgrid)->test_loss));
        assert_true(training_last(simgrid)->test_loss < simgrid->evaluations[0].test_loss);
        memcpy(hashes[i], simgrid->hash, 17);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(hashes[i], hashes[j]);
        free(simgrid);
        free(thread);
    }
}

static void
the_number_of_threads_changes_neither_numbers_nor_seconds(void **unused)
{
    (void)unused;
    for (size_t i = 6; i < ALGORITHMS; i++) {
        struct training *one = run(&(struct training_how){.threads = 1}, "star_5", algorithms[i]);
        struct training *four = run(&(struct training_how){.threads = 4}, "star_5", algorithms[i]);
        check_same_numbers(one, four, algorithms[i]);
        check_same_cost(one, four, algorithms[i]);
        free(one);
        free(four);
    }
}

static void
timing_only_gives_the_seconds_and_bytes_of_the_run_with_gradients(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < ALGORITHMS; i++) {
        struct training *with = run(&(struct training_how){0}, "star_4", algorithms[i]);
        struct training *without =
            run(&(struct training_how){.timing_only = true}, "star_4", algorithms[i]);
        check_same_cost(without, with, algorithms[i]);
        free(with);
        free(without);
    }
}

static void
one_worker_trains_with_each_of_them(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < ALGORITHMS; i++) {
        struct training *t = run(&(struct training_how){0}, "star_1", algorithms[i]);
        check_near(t->bytes, 0, 0);
        assert_true(isfinite(training_last(t)->test_loss));
        free(t);
    }
}

static void
evaluating_more_often_changes_neither_numbers_nor_seconds(void **unused)
{
    (void)unused;
    const char *cases[] = {"{name: streaming_diloco, overlap: 2}", "overlap_local", "noloco"};
    for (size_t i = 0; i < 3; i++) {
        static const char yaml[] =
            "{steps: 23, evaluate: {every: %d}, platform: {file: star_5}, " SOFTMAX
            ", algorithm: {strategy: local, outer: %s, tau: 5}}";
        struct training *often = train(yaml, 1, cases[i]), *once = train(yaml, 23, cases[i]);
        assert_string_equal(often->hash, once->hash);
        check_near(often->seconds, once->seconds, 0);
        free(often);
        free(once);
    }
}

/* ---- special cases of one another ---- */

/* 30 steps with at most five roundings each, passed on up to 1 / (1 - 0.9) times by momentum. */
static void
they_are_each_others_special_cases(void **unused)
{
    (void)unused;
    const double roundings = 30 * 5 * 10;
    check_alike("star_4", PLAIN "strategy: local, tau: 5, outer: diloco",
                PLAIN "strategy: local, tau: 5, outer: {name: streaming_diloco, fragments: 1,"
                      " overlap: 0, mixing: 0}",
                roundings);
    /* without mixing and overlap fragments only come earlier, but with tau 1 at once */
    check_alike("star_4", PLAIN "strategy: local, tau: 1, outer: diloco",
                PLAIN "strategy: local, tau: 1, outer: {name: streaming_diloco, fragments: 6,"
                      " overlap: 0, mixing: 0}",
                roundings);
    check_alike("star_4", PLAIN "strategy: local, tau: 5, outer: diloco",
                PLAIN
                "strategy: local, tau: 5, outer: {name: bmuf, zeta: 0.7, mu: 0.9, nesterov: yes}",
                roundings);
    check_alike("star_4", PLAIN "strategy: local, tau: 5, outer: {name: slowmo, beta: 0.75}",
                PLAIN "strategy: local, tau: 5, outer: bmuf", roundings);
    check_alike("star_1",
                PLAIN
                "strategy: sgp, tau: 5, outer: {name: slowmo, alpha: 0.5, beta: 0, average: no}",
                PLAIN "strategy: local, tau: 5, outer: lookahead", roundings);
    check_alike("star_4", PLAIN "strategy: local, tau: 5, outer: average",
                PLAIN "strategy: local, tau: 5, outer: {name: diloco, eta: 1, mu: 0}", roundings);
    /* two workers are always a pair, and become its mean */
    check_alike("star_2", PLAIN "strategy: local, tau: 5, outer: average",
                PLAIN "strategy: local, tau: 5, outer: {name: noloco, eta: 1, mu: 0, pull: 1}",
                roundings);
}

/* ---- whole runs that one can compute: x_i <- x_i - gamma (x_i - c_i), two workers ---- */

static double
consensus(const char *algorithm, int steps)
{
    struct training *t = train("{steps: %d, platform: {file: star_2}, timing: {profile: own},"
                               " workload: {model: quadratic, start: 1, center: [0, 4]},"
                               " algorithm: {inner: {lr: 0.5, momentum: 0}, strategy: local, %s}}",
                               steps, algorithm);
    double x = t->consensus[0];
    free(t);
    return x;
}

/* lr 1/2: each step goes half of the way to the center. All numbers are exact.
 * easgd, alpha 1/4, tau 1: x = (1/2, 5/2), z = 1: the means are drawn to (5/8, 17/8), z to 5/4;
 *   then x = (5/16, 49/16): drawn to (35/64, 167/64), of which the mean is 202/128.
 * overlap_local, alpha 1/2, beta 0, tau 1: x = (1/2, 5/2) is drawn to 1: (3/4, 7/4), z' = 5/4;
 *   then x = (3/8, 23/8), drawn to 5/4: (13/16, 33/16), of which the mean is 23/16.
 * streaming_diloco, one fragment, overlap 1, mixing 1/2, eta 1, mu 0, tau 1: at step 1
 *   d = 1 - 3/2 leaves; x = (1/4, 13/4); z = 3/2, x = (7/8, 19/8); at the end of the run z goes to
 *   the mean of these, 13/8, at once: x = (5/4, 2). */
static void
two_steps_of_two_workers_go_as_one_computes_them(void **unused)
{
    (void)unused;
    check_near(consensus("outer: {name: easgd, alpha: 0.25}, tau: 1", 2), 202.0 / 128, 0);
    check_near(consensus("outer: {name: overlap_local, alpha: 0.5, beta: 0}, tau: 1", 2), 23.0 / 16,
               0);
    check_near(consensus("outer: {name: streaming_diloco, fragments: 1, overlap: 1, mixing: 0.5,"
                         " eta: 1, mu: 0}, tau: 1",
                         2),
               13.0 / 8, 0);
}

/* ---- seconds ---- */

/* Four rounds; the average of a model takes about as long as two of their 12 steps. */
static double
seconds_of(const char *algorithm)
{
    struct training *t = training_finish(&(struct training_how){.timing_only = true},
                                         "{steps: 48, platform: {file: v100_32_10gbe, workers: 8},"
                                         " timing: {profile: resnet18_v100},"
                                         " algorithm: {strategy: local, %s, tau: 12}}",
                                         algorithm);
    double seconds = t->seconds;
    free(t);
    return seconds;
}

static void
what_travels_during_training_costs_less_than_what_all_wait_for(void **unused)
{
    (void)unused;
    const double blocking = seconds_of("outer: {name: streaming_diloco, overlap: 0}");
    const double streaming = seconds_of("outer: {name: streaming_diloco, overlap: 3}");
    const double average = seconds_of("outer: average"), diloco = seconds_of("outer: diloco");
    const double overlapping = seconds_of("outer: overlap_local"),
                 pairs = seconds_of("outer: noloco");
    print_message("  streaming_diloco %.4f s, with overlap %.4f s; average %.4f s, overlap_local "
                  "%.4f s, noloco %.4f s\n",
                  blocking, streaming, average, overlapping, pairs);
    assert_true(streaming < 0.98 * blocking);
    check_relative(diloco, average, 1e-12);
    assert_true(overlapping < streaming);
    assert_true(pairs < average);
    check_relative(seconds_of("outer: easgd"), average, 1e-12);
}

/* ---- what is refused ---- */

static void
combinations_that_make_no_sense_are_refused(void **unused)
{
    (void)unused;
    const struct {
        const char *algorithm, *message;
    } cases[] = {
        {"strategy: local, outer: lookahead", "the models would drift apart"},
        {"strategy: allreduce, outer: easgd", "use strategy local"},
        {"strategy: sgp, outer: noloco", "use strategy local"},
        {"strategy: sgp, outer: streaming_diloco", "use strategy local"},
        {"strategy: local, outer: {name: easgd, alpha: 0.5}", "easgd: alpha = 0.5 among 4 workers"},
        {"strategy: local, outer: {name: bmuf, mu: -0.5}", "bmuf: mu = -0.5"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        training_refused(cases[i].message,
                         "{steps: 10, platform: {file: star_4}, workload: {model: quadratic},"
                         " algorithm: {%s}}",
                         cases[i].algorithm);
}

/* The schedule is at 0 from step 20 on. */
static void
a_learning_rate_of_0_is_an_error_only_where_one_divides_by_it(void **unused)
{
    (void)unused;
    const char *outers[] = {"bmuf",  "diloco", "streaming_diloco",
                            "easgd", "noloco", "overlap_local"};
    for (size_t i = 0; i < 6; i++) {
        struct training *t = training_run(&(struct training_how){0},
                                          "{steps: 40, platform: {file: star_4}, " SOFTMAX
                                          ", algorithm: {strategy: local, tau: 4, outer: %s,"
                                          " schedule: {milestones: [0.5], factor: 0}}}",
                                          outers[i]);
        if (i == 5) {
            assert_int_equal(t->status, SM_ERR_DOMAIN);
            assert_non_null(strstr(t->error.message, "step 23: overlap_local: gamma = 0"));
        } else {
            assert_string_equal(t->state, "finished");
            assert_true(isfinite(training_last(t)->test_loss));
        }
        free(t);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_thread_engine_and_simgrid_give_the_same_bits),
        cmocka_unit_test(the_number_of_threads_changes_neither_numbers_nor_seconds),
        cmocka_unit_test(timing_only_gives_the_seconds_and_bytes_of_the_run_with_gradients),
        cmocka_unit_test(one_worker_trains_with_each_of_them),
        cmocka_unit_test(evaluating_more_often_changes_neither_numbers_nor_seconds),
        cmocka_unit_test(they_are_each_others_special_cases),
        cmocka_unit_test(two_steps_of_two_workers_go_as_one_computes_them),
        cmocka_unit_test(what_travels_during_training_costs_less_than_what_all_wait_for),
        cmocka_unit_test(combinations_that_make_no_sense_are_refused),
        cmocka_unit_test(a_learning_rate_of_0_is_an_error_only_where_one_divides_by_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
