/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/integration/identities.c -- whole runs on real data that have to agree with each other: to
 * the bit where only the machine differs, to rounding where the mathematics is the same.
 */
#include "tests/helpers/check.h"

#include <float.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include "tests/helpers/training.h"

enum { MOST_ALGORITHMS = 64 };

/* Every strategy x outer x buffer that means something. */
static size_t
algorithms(char list[MOST_ALGORITHMS][160])
{
    const char *strategies[] = {"allreduce", "local", "sgp", "{name: sgp, peers: 2}"};
    const char *outers[] = {"none", "average", "{name: slowmo, beta: 0.6}",
                            "{name: slowmo, average: no}"};
    const char *buffers[] = {"reset", "maintain", "average"};
    size_t count = 0;
    for (size_t s = 0; s < 4; s++)
        for (size_t o = 0; o < 4; o++)
            for (size_t b = 0; b < 3; b++)
                if (s >= 2 || o < 3) /* without the average only over gossip */
                    snprintf(list[count++], 160,
                             "{inner: {lr: 0.1, momentum: 0.9, nesterov: yes}, strategy: %s,"
                             " outer: %s, buffer: %s, tau: 5}",
                             strategies[s], outers[o], buffers[b]);
    return count;
}

/* The run of one of them; 13 steps: two rounds and a piece. */
static struct training *
run_algorithm(const struct training_how *how, const char *algorithm)
{
    return training_finish(how,
                           "{steps: 13, evaluate: {every: 4}, platform: {file: star_4}, " SOFTMAX
                           ", algorithm: %s}",
                           algorithm);
}

static void
the_thread_engine_and_simgrid_give_the_same_bits_for_every_algorithm(void **unused)
{
    (void)unused;
    char list[MOST_ALGORITHMS][160], seen[MOST_ALGORITHMS][17];
    size_t count = algorithms(list), distinct = 0;
    assert_int_equal(count, 2 * 9 + 2 * 12);
    for (size_t i = 0; i < count; i += CHECK_STRIDE) {
        struct training *simgrid = run_algorithm(&(struct training_how){0}, list[i]);
        struct training *thread =
            run_algorithm(&(struct training_how){.engine = &sm_engine_thread}, list[i]);
        check_same_numbers(simgrid, thread, list[i]);
        assert_true(simgrid->seconds > 0);
        size_t j = 0;
        while (j < distinct && strcmp(seen[j], simgrid->hash) != 0)
            j++;
        if (j == distinct)
            memcpy(seen[distinct++], simgrid->hash, 17);
        free(simgrid);
        free(thread);
    }
    /* They are different algorithms, but for the buffers: without rounds these do not matter (two
     * hashes fewer for each of 4 strategies); alike replicas have alike momenta, so allreduce does
     * not tell average from maintain (two outers), and kept momenta make its average none. */
    if (CHECK_STRIDE == 1)
        assert_int_equal(distinct, count - 4 * 2 - 2 - 1);
}

/* The JSON object without its wall times. */
static void
cut_wall(char *json)
{
    char *begin = strstr(json, "\"wall\":{");
    assert_non_null(begin);
    char *end = strchr(begin, '}');
    assert_non_null(end);
    memmove(begin, end, strlen(end) + 1);
}

static void
two_runs_give_the_same_summary_but_for_wall_time(void **unused)
{
    (void)unused;
    const char *algorithm = "{strategy: sgp, outer: slowmo, tau: 5}";
    struct training *once = run_algorithm(&(struct training_how){0}, algorithm);
    struct training *twice = run_algorithm(&(struct training_how){0}, algorithm);
    assert_string_equal(once->trajectory_key, twice->trajectory_key);
    assert_string_equal(once->timing_key, twice->timing_key);
    cut_wall(once->summary);
    cut_wall(twice->summary);
    assert_string_equal(once->summary, twice->summary);
    assert_non_null(strstr(once->summary, "\"status\":\"finished\""));
    free(once);
    free(twice);
}

static void
the_number_of_threads_changes_neither_numbers_nor_seconds(void **unused)
{
    (void)unused;
    const char *cases[] = {"{strategy: allreduce}", "{strategy: local, tau: 4, outer: slowmo}",
                           "{strategy: {name: sgp, peers: 2}, tau: 7, outer: average}"};
    for (size_t i = 0; i < 3; i++) {
        struct training *one = NULL;
        for (size_t threads = 1; threads <= 4; threads *= 2) {
            struct training *t = training_finish(
                &(struct training_how){.threads = threads},
                "{steps: 20, platform: {file: star_6}, " MLP ", algorithm: %s}", cases[i]);
            cut_wall(t->summary);
            if (one == NULL) {
                one = t;
                continue;
            }
            check_same_numbers(one, t, cases[i]);
            check_near(t->seconds, one->seconds, 0);
            assert_string_equal(t->summary, one->summary);
            free(t);
        }
        free(one);
    }
}

static void
timing_only_gives_the_seconds_of_the_run_with_gradients(void **unused)
{
    (void)unused;
    char list[MOST_ALGORITHMS][160];
    size_t count = algorithms(list);
    const char *platforms[] = {"star_4", "dgx1_32_10gbe", "v100_32_10gbe"};
    for (size_t i = 0; i < count; i += CHECK_STRIDE) {
        static const char yaml[] = "{steps: 13, platform: {file: %s, workers: 4},"
                                   " timing: {profile: %s}, " SOFTMAX ", algorithm: %s}";
        const char *platform = platforms[i % 3];
        const char *profile = i % 3 == 1 ? "resnet50_v100x8" : i % 2 == 1 ? "own" : "resnet18_v100";
        struct training *with = train(yaml, platform, profile, list[i]);
        struct training *without = training_finish(&(struct training_how){.timing_only = true},
                                                   yaml, platform, profile, list[i]);
        assert_true(with->seconds > 0);
        check_same_cost(without, with, list[i]);
        assert_string_equal(with->timing_key, without->timing_key);
        assert_int_equal(without->evaluation_count, 0);
        assert_non_null(strstr(without->summary, "\"final\":{\"train_loss\":null,"));
        free(with);
        free(without);
    }
}

static void
evaluating_more_often_changes_neither_numbers_nor_seconds(void **unused)
{
    (void)unused;
    const char *cases[] = {"{strategy: sgp}", "{strategy: sgp, outer: slowmo, tau: 5}",
                           "{strategy: sgp, outer: {name: slowmo, average: no}, tau: 5}",
                           "{strategy: local, tau: 5}", "{strategy: allreduce}"};
    for (size_t i = 0; i < 5; i++) {
        static const char yaml[] =
            "{steps: 23, evaluate: {every: %d}, platform: {file: star_5}, " SOFTMAX
            ", algorithm: %s}";
        struct training *often = train(yaml, 1, cases[i]), *once = train(yaml, 23, cases[i]);
        assert_int_equal(often->evaluation_count, 24);
        assert_int_equal(once->evaluation_count, 2);
        assert_string_equal(often->hash, once->hash);
        check_near(often->seconds, once->seconds, 0);
        check_near(training_last(often)->test_loss, training_last(once)->test_loss, 0);
        free(often);
        free(once);
    }
}

/* The loss is convex and steps are short, so a difference does not grow; 30 steps with at most five
 * roundings each, which momentum passes on up to 1 / (1 - beta) times. */
static void
slowmo_with_alpha_1_and_beta_0_is_the_average(void **unused)
{
    (void)unused;
    check_alike("star_4", "inner: {lr: 0.1}, strategy: local, tau: 5, outer: average",
                "inner: {lr: 0.1}, strategy: local, tau: 5, outer: {name: slowmo, alpha: 1,"
                " beta: 0}",
                30 * 5 * 10);
    check_alike("star_4", "inner: {lr: 0.1}, strategy: sgp, tau: 5, outer: average",
                "inner: {lr: 0.1}, strategy: sgp, tau: 5, outer: {name: slowmo, alpha: 1,"
                " beta: 0}",
                30 * 5 * 10);
}

static void
averaging_after_every_step_is_averaging_gradients(void **unused)
{
    (void)unused;
    const char *plain = "inner: {momentum: 0}, strategy: allreduce";
    check_alike("star_4", plain, "inner: {momentum: 0}, strategy: local, tau: 1", 30 * 5);
    check_alike("star_4", plain, "inner: {momentum: 0}, strategy: {name: sgp, topology: complete}",
                30 * 5);
    /* momentum is linear in the gradients: its mean is that of the mean, maintained or averaged */
    const char *momentum = "inner: {momentum: 0.9, weight_decay: 0.01}, strategy: allreduce";
    check_alike("star_4", momentum,
                "inner: {momentum: 0.9, weight_decay: 0.01}, strategy: local, tau: 1,"
                " buffer: maintain",
                30 * 5 * 10);
    check_alike("star_4", momentum,
                "inner: {momentum: 0.9, weight_decay: 0.01}, strategy: local, tau: 1,"
                " buffer: average",
                30 * 5 * 10);
}

static void
slowmo_with_tau_1_and_alpha_1_is_momentum_on_averaged_gradients(void **unused)
{
    (void)unused;
    const char *heavy_ball = "inner: {momentum: 0.7}, strategy: allreduce";
    check_alike("star_4", heavy_ball,
                "inner: {momentum: 0}, strategy: local, tau: 1, outer: {name: slowmo, alpha: 1,"
                " beta: 0.7}",
                30 * 5 * 4);
    check_alike("star_4", heavy_ball,
                "inner: {momentum: 0}, strategy: allreduce, tau: 1, outer: {name: slowmo,"
                " alpha: 1, beta: 0.7}",
                30 * 5 * 4);
    check_alike("star_4", heavy_ball,
                "inner: {momentum: 0}, strategy: {name: sgp, topology: complete}, tau: 1,"
                " outer: {name: slowmo, alpha: 1, beta: 0.7, average: no}",
                30 * 5 * 4);
}

/* 240 samples in equal parts: the mean of the parts' gradients is the gradient. */
static void
full_batches_train_alike_on_any_number_of_workers(void **unused)
{
    (void)unused;
    static const char yaml[] = "{steps: 30, platform: {file: star_%d},"
                               " workload: {model: softmax, batch: all, " SYNTHETIC "},"
                               " algorithm: {strategy: allreduce}}";
    struct training *one = train(yaml, 1);
    for (int workers = 2; workers <= 8; workers *= 2) {
        struct training *many = train(yaml, workers);
        for (size_t i = 0; i < one->parameters; i++) /* sums of 240 in another order */
            check_near(many->consensus[i], one->consensus[i],
                       30 * 10 * sqrt(240.0) * 4 * (double)FLT_EPSILON / 2);
        free(many);
    }
    free(one);
}

static void
seeds_change_the_run_and_epochs_are_rounded_up_to_steps(void **unused)
{
    (void)unused;
    static const char yaml[] = "{seed: %d, %s, platform: {file: star_4}, " SOFTMAX "}";
    struct training *one = train(yaml, 1, "epochs: 1.5"), *two = train(yaml, 2, "epochs: 1.5");
    struct training *steps = train(yaml, 1, "steps: 12");
    assert_string_not_equal(one->hash, two->hash);
    assert_string_not_equal(one->trajectory_key, two->trajectory_key);
    assert_string_equal(one->timing_key, two->timing_key);
    /* 60 samples a worker in batches of 8: 8 steps an epoch */
    assert_int_equal(training_last(one)->step, 12);
    assert_string_equal(one->hash, steps->hash);
    free(one);
    free(two);
    free(steps);
}

static void
keys_tell_apart_what_the_text_does_not_say(void **unused)
{
    (void)unused;
    static const char yaml[] = "{steps: 4, platform: {file: star_%d}, timing: {profile: own},"
                               " workload: {model: quadratic, dimension: %d}}";
    struct training *four = train(yaml, 4, 8), *five = train(yaml, 5, 8), *wide = train(yaml, 4, 9);
    assert_string_not_equal(four->trajectory_key, five->trajectory_key);
    assert_string_not_equal(four->timing_key, five->timing_key);
    assert_string_not_equal(four->timing_key, wide->timing_key); /* own: counted operations */
    free(four);
    free(five);
    free(wide);
    /* one epoch is 8 steps of all the data, 4 of half */
    static const char epoch[] = "{epochs: 1, platform: {file: star_4},"
                                " workload: {model: softmax, batch: 8, limit: %d, " SYNTHETIC "}}";
    struct training *all = train(epoch, 240), *half = train(epoch, 120);
    assert_int_equal(training_last(all)->step, 8);
    assert_int_equal(training_last(half)->step, 4);
    assert_string_not_equal(all->timing_key, half->timing_key);
    free(all);
    free(half);
}

static void
warnings_are_part_of_the_summary(void **unused)
{
    (void)unused;
    struct training *t = train("{steps: 3, platform: {file: star_4}, workload: {model: quadratic},"
                               " algorithm: {strategy: local, tau: 4}}");
    assert_non_null(strstr(t->summary, "\"warnings\":[\"tau is longer than the run"));
    free(t);
}

/* The model is multiplied by 1 - 3 = -2 at each step: 2^128 is no float. */
static void
a_run_that_diverges_says_at_which_step_and_keeps_finite_rows(void **unused)
{
    (void)unused;
    const char *cases[] = {"{inner: {lr: 3, momentum: 0}, strategy: allreduce}",
                           "{inner: {lr: 3, momentum: 0}, strategy: local, tau: 5}",
                           "{inner: {lr: 3, momentum: 0}, strategy: sgp}"};
    for (size_t i = 0; i < 6; i++) {
        const struct training_how how = {.engine = i % 2 == 0 ? NULL : &sm_engine_thread};
        struct training *t = training_run(&how,
                                          "{steps: 1000, evaluate: {every: 10},"
                                          " platform: {file: star_4},"
                                          " workload: {model: quadratic}, algorithm: %s}",
                                          cases[i / 2]);
        assert_int_equal(t->status, SM_OK); /* a result, not an error */
        assert_string_equal(t->state, "diverged");
        assert_non_null(strstr(t->error.message, "diverged:"));
        assert_non_null(strstr(t->error.message, "step 12")); /* 128 or 129 */
        assert_string_equal(t->hash, "");
        assert_int_equal(t->parameters, 0);
        assert_int_equal(t->evaluation_count, 13);
        for (size_t e = 0; e < t->evaluation_count; e++) {
            assert_true(isfinite(t->evaluations[e].test_loss));
            assert_true(isfinite(t->evaluations[e].consensus_distance));
        }
        check_relative(training_last(t)->test_loss, ldexp(1, 2 * 120 - 1), 1e-5);
        assert_null(strstr(t->summary, "nan"));
        free(t);
    }
}

static void
a_network_that_diverges_keeps_finite_rows(void **unused)
{
    (void)unused;
    for (size_t every = 1; every <= 3; every++) {
        struct training *t =
            training_run(&(struct training_how){0},
                         "{steps: 60, evaluate: {every: %zu}, platform: {file: star_4}, " MLP
                         ", algorithm: {inner: {lr: 1e6}, strategy: local, tau: 4}}",
                         every);
        assert_int_equal(t->status, SM_OK);
        assert_string_equal(t->state, "diverged");
        assert_non_null(strstr(t->error.message, "step "));
        assert_true(t->evaluation_count > 0);
        for (size_t e = 0; e < t->evaluation_count; e++)
            assert_true(isfinite(t->evaluations[e].test_loss));
        free(t);
    }
}

static void
slowmo_at_a_learning_rate_of_0_is_an_error_with_its_step(void **unused)
{
    (void)unused;
    struct training *t = training_run(&(struct training_how){0},
                                      "{steps: 40, platform: {file: star_4}, " SOFTMAX
                                      ", algorithm: {strategy: local, tau: 4, outer: slowmo,"
                                      " schedule: {milestones: [0.5], factor: 0}}}");
    assert_int_equal(t->status, SM_ERR_DOMAIN);
    assert_string_equal(t->state, "failed");
    assert_non_null(strstr(t->error.message, "step 23: slowmo: gamma = 0"));
    free(t);
}

static void
a_saved_model_is_where_the_next_run_starts(void **unused)
{
    (void)unused;
    char folder[] = "/tmp/slowmo_identities_XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    static const char yaml[] = "{steps: %d, evaluate: {every: 10}, platform: {file: star_4}, " MLP
                               ", algorithm: {strategy: local, tau: %d}}";
    struct training *first = training_finish(&(struct training_how){.save = path}, yaml, 20, 7);
    struct training *next = training_finish(&(struct training_how){.load = path}, yaml, 20, 7);
    struct training *fresh = train(yaml, 20, 7);
    assert_int_equal(next->evaluations[0].step, 0);
    check_near(next->evaluations[0].test_loss, training_last(first)->test_loss, 0);
    check_near(next->evaluations[0].test_accuracy, training_last(first)->test_accuracy, 0);
    assert_true(next->evaluations[0].test_loss < first->evaluations[0].test_loss);
    /* saving changes nothing, loading another start makes another run */
    assert_string_equal(fresh->hash, first->hash);
    assert_string_equal(fresh->trajectory_key, first->trajectory_key);
    assert_string_not_equal(next->hash, first->hash);
    assert_string_not_equal(next->trajectory_key, first->trajectory_key);

    struct training *other = training_run(&(struct training_how){.load = path},
                                          "{steps: 4, platform: {file: star_4}, " SOFTMAX "}");
    assert_int_equal(other->status, SM_ERR_INPUT);
    assert_non_null(strstr(other->error.message, path));
    assert_string_equal(other->state, "");
    free(first);
    free(next);
    free(fresh);
    free(other);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

static volatile sig_atomic_t *interrupted; /* shared with the children */

static void
on_alarm(int signal)
{
    (void)signal;
    *interrupted = 1;
}

static void
an_interrupted_run_keeps_what_was_finished(void **unused)
{
    (void)unused;
    interrupted =
        mmap(NULL, sizeof *interrupted, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(interrupted, MAP_FAILED);
    const struct sigaction action = {.sa_handler = on_alarm};
    assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
    for (size_t i = 0; i < 2; i++) {
        const struct training_how how = {.engine = i == 0 ? NULL : &sm_engine_thread,
                                         .interrupted = interrupted};
        const struct itimerval soon = {.it_value = {.tv_usec = 300000}};
        *interrupted = 0;
        assert_int_equal(setitimer(ITIMER_REAL, &soon, NULL), 0);
        struct training *t =
            training_run(&how, "{steps: 1e10, evaluate: {every: 1000}, platform: {file: star_4},"
                               " workload: {model: quadratic}, algorithm: {strategy: local}}");
        assert_int_equal(t->status, SM_ERR_INTERRUPTED);
        assert_string_equal(t->state, "interrupted");
        assert_true(t->evaluation_count > 0);
        for (size_t e = 0; e < t->evaluation_count; e++)
            assert_int_equal(t->evaluations[e].step, 1000 * e);
        assert_string_equal(t->hash, "");
        free(t);
    }
    *interrupted = 1; /* before it began: nothing */
    struct training *t = training_run(&(struct training_how){.interrupted = interrupted},
                                      "{steps: 10, platform: {file: star_4},"
                                      " workload: {model: quadratic}}");
    assert_string_equal(t->state, "interrupted");
    assert_int_equal(t->evaluation_count, 0);
    free(t);
    munmap((void *)interrupted, sizeof *interrupted);
}

/* So many ask for their first mailboxes in one instant that a table of them grows more than once.
 */
static void
hundreds_of_workers_push_at_once(void **unused)
{
    (void)unused;
    struct training *t = training_finish(&(struct training_how){.timing_only = true},
                                         "{steps: 3, platform: {file: star_600}, timing: {profile:"
                                         " resnet18_v100}, algorithm: {strategy: sgp}}");
    assert_true(t->seconds > 0);
    free(t);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hundreds_of_workers_push_at_once),
        cmocka_unit_test(the_thread_engine_and_simgrid_give_the_same_bits_for_every_algorithm),
        cmocka_unit_test(two_runs_give_the_same_summary_but_for_wall_time),
        cmocka_unit_test(the_number_of_threads_changes_neither_numbers_nor_seconds),
        cmocka_unit_test(timing_only_gives_the_seconds_of_the_run_with_gradients),
        cmocka_unit_test(evaluating_more_often_changes_neither_numbers_nor_seconds),
        cmocka_unit_test(slowmo_with_alpha_1_and_beta_0_is_the_average),
        cmocka_unit_test(averaging_after_every_step_is_averaging_gradients),
        cmocka_unit_test(slowmo_with_tau_1_and_alpha_1_is_momentum_on_averaged_gradients),
        cmocka_unit_test(full_batches_train_alike_on_any_number_of_workers),
        cmocka_unit_test(seeds_change_the_run_and_epochs_are_rounded_up_to_steps),
        cmocka_unit_test(keys_tell_apart_what_the_text_does_not_say),
        cmocka_unit_test(warnings_are_part_of_the_summary),
        cmocka_unit_test(a_run_that_diverges_says_at_which_step_and_keeps_finite_rows),
        cmocka_unit_test(a_network_that_diverges_keeps_finite_rows),
        cmocka_unit_test(slowmo_at_a_learning_rate_of_0_is_an_error_with_its_step),
        cmocka_unit_test(a_saved_model_is_where_the_next_run_starts),
        cmocka_unit_test(an_interrupted_run_keeps_what_was_finished),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
