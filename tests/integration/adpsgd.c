/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/integration/adpsgd.c -- whole runs of asynchronous gossip: nobody waits, models come
 * together, rounds end.
 */
#include "tests/helpers/check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "algorithms/strategy/strategy.h"
#include "tests/helpers/machine.h"
#include "tests/helpers/training.h"

static const char *const peers[] = {"{name: adpsgd, peers: random}",
                                    "{name: adpsgd, peers: scheduled}"};

/* ---- seconds ---- */

/* The slow one takes ten times as long for a step; a model travels for a third of a step. */
static void
a_slow_worker_does_not_slow_the_others(void **unused)
{
    (void)unused;
    static const char yaml[] =
        "{steps: 30, platform: {file: star_6, speed: {node2: x%g}},"
        " timing: {profile: resnet50_v100x8}, algorithm: {strategy: %s, outer: none}}";
    for (size_t i = 0; i < 2; i++)
        for (double speed = 0.1; speed < 2; speed *= 10) {
            const struct training_how how = {.timing_only = true};
            struct training *alone = training_finish(&how, yaml, speed, "local");
            struct training *gossip = training_finish(&how, yaml, speed, peers[i]);
            check_relative(gossip->seconds, alone->seconds, 1e-9); /* of the slowest */
            assert_true(gossip->bytes > 10 * 102228128.0);
            free(alone);
            free(gossip);
        }
}

/* ---- rounds ---- */

enum { WORKERS = 6, ROUNDS = 6, LENGTH = 15, FLOATS = 7 };

struct laps {
    double ends[WORKERS];  /* when each rank has done its first round      */
    float models[WORKERS]; /* coordinate 0 in the end                      */
    double means[ROUNDS];  /* of that coordinate, after some of the rounds */
};

/* Rank 3 is eight times as slow. */
static double
period_of(size_t rank)
{
    return rank == 3 ? 0.8 : 0.1 + 0.01 * (double)rank;
}

/* Rounds without gradients. All-reduces follow some drains; after others the fast ranks are soon
 * rounds ahead. in: the strategy. */
static enum sm_status
run_laps(struct sm_comm *comm, const struct sm_strategy *strategy, void *state, struct laps *laps)
{
    float x[FLOATS] = {(float)(comm->rank * comm->rank)};
    const float *view;
    for (size_t round = 0; round < ROUNDS; round++) {
        for (size_t k = 0; k < LENGTH; k++) {
            SM_TRY(strategy->receive(state, comm));
            strategy->absorb(state, FLOATS, x, &view);
            strategy->split(state, FLOATS, 0.1f, NULL, x);
            SM_TRY(strategy->send(state, comm));
            SM_TRY(machine_pass(comm, period_of(comm->rank)));
        }
        if (round == 0)
            laps->ends[comm->rank] = comm->ops->now(comm);
        SM_TRY(strategy->drain(state, comm, FLOATS, x,
                               round + 1 == ROUNDS ? SM_DRAIN_END : SM_DRAIN_ROUND));
        float mean = x[0];
        if (round == 0 || round > 3)
            SM_TRY(sm_comm_average(comm, &mean, 1));
        if (comm->rank == 0)
            laps->means[round] = (double)mean;
    }
    laps->models[comm->rank] = x[0];
    return SM_OK;
}

static enum sm_status
gossip_in_rounds(struct sm_comm *comm, const void *in, void *out)
{
    struct sm_arena arena = {0};
    void *state;
    const struct sm_strategy *strategy =
        (const struct sm_strategy *)plugin_state(&arena, &sm_axis_strategy, in, &state);
    enum sm_status status = strategy->init(state, plugin_setup(&arena, FLOATS, NULL, comm));
    if (status == SM_OK)
        status = run_laps(comm, strategy, state, out);
    sm_arena_fini(&arena);
    return status;
}

/* (0 + 1 + 4 + 9 + 16 + 25) / 6 */
static const double mean = 55.0 / 6;

static void
nobody_waits_in_a_round_and_drains_keep_the_mean(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < 4; i++) {
        struct laps laps;
        const struct machine machine = {.engine = i % 2 == 0 ? NULL : &sm_engine_thread,
                                        .platform = "star_6",
                                        .workers = WORKERS,
                                        .wire_scale = 1e6, /* 24 ms for a model */
                                        .program = gossip_in_rounds,
                                        .in = peers[i / 2]};
        check_ok(machine_run(&machine, &laps, sizeof laps, NULL));
        double sum = 0, spread = 0;
        for (size_t r = 0; r < WORKERS; r++) {
            if (i % 2 == 0)
                check_relative(laps.ends[r], LENGTH * period_of(r), 1e-12);
            sum += (double)laps.models[r];
            spread += pow((double)laps.models[r] - mean, 2);
        }
        check_near(sum / WORKERS, mean, 1e-4);
        for (size_t round = 0; round < ROUNDS; round++)
            if (round == 0 || round > 3)
                check_near(laps.means[round], mean, 1e-4);
        if (i % 2 == 0) /* it was 455 in the beginning */
            assert_true(spread < 0.05);
    }
}

static void
rounds_end_over_asynchronous_gossip(void **unused)
{
    (void)unused;
    const char *outers[] = {"average", "slowmo", "{name: slowmo, average: no}"};
    for (size_t i = 0; i < 6; i++) {
        const struct training_how how = {.engine = i % 2 == 0 ? NULL : &sm_engine_thread};
        struct training *t = training_finish(
            &how,
            "{steps: 27, evaluate: {every: 1}, platform: {file: star_4, speed: {node1: x0.3}},"
            " workload: {model: quadratic, dimension: 3, noise: 0.2, center: [-1, 0, 1, 2]},"
            " algorithm: {inner: {lr: 0.1, momentum: 0.5}, strategy: adpsgd, tau: 9,"
            " outer: %s}}",
            outers[i / 2]);
        assert_int_equal(t->evaluation_count, 28);
        for (size_t k = 1; k < 28; k++)
            if (i / 2 < 2 && k % 9 == 0)
                check_near(t->evaluations[k].consensus_distance, 0, 0);
            else
                assert_true(t->evaluations[k].consensus_distance > 1e-4);
        free(t);
    }
}

/* ---- numbers ---- */

/* Workers pull to minima of their own for half of the run; then the learning rate is 0. */
static void
models_come_together(void **unused)
{
    (void)unused;
    static const char yaml[] =
        "{steps: 80, evaluate: {every: 10}, platform: {file: star_6, speed: {node1: x0.8}},"
        " timing: {profile: resnet50_v100x8},"
        " workload: {model: quadratic, dimension: 3, center: [-3, -2, -1, 1, 2, 3]},"
        " algorithm: {inner: {lr: 0.1, momentum: 0}, strategy: %s, outer: none,"
        " schedule: {name: milestones, milestones: [0.5], factor: 0}}}";
    struct training *apart = train(yaml, "local");
    for (size_t i = 0; i < 2; i++) {
        struct training *t = train(yaml, peers[i]);
        const double half = t->evaluations[4].consensus_distance;
        assert_true(half < 0.5 * apart->evaluations[4].consensus_distance);
        assert_true(half > 0.01);
        assert_true(training_last(t)->consensus_distance < 1e-4 * half);
        assert_true(training_last(t)->test_loss < t->evaluations[0].test_loss);
        free(t);
    }
    free(apart);
}

static void
the_same_run_gives_the_same_bits_on_any_number_of_threads(void **unused)
{
    (void)unused;
    static const char yaml[] =
        "{steps: 20, platform: {file: star_4, speed: {node1: x0.4,"
        " node2: x0.9}}, " MLP ", algorithm: {inner: {lr: 0.05}, strategy: %s}}";
    char hashes[2][17];
    for (size_t i = 0; i < 2; i++) {
        struct training *first =
            training_finish(&(struct training_how){.threads = 1}, yaml, peers[i]);
        assert_true(training_last(first)->test_loss < 0.8 * first->evaluations[0].test_loss);
        for (size_t threads = 1; threads <= 4; threads += 3) {
            struct training *again =
                training_finish(&(struct training_how){.threads = threads}, yaml, peers[i]);
            check_same_numbers(again, first, peers[i]);
            check_near(again->seconds, first->seconds, 0);
            free(again);
        }
        memcpy(hashes[i], first->hash, sizeof hashes[i]);
        free(first);
    }
    assert_string_not_equal(hashes[0], hashes[1]);
}

static void
it_trains_without_a_clock(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < 2; i++) {
        struct training *t = training_finish(&(struct training_how){.engine = &sm_engine_thread},
                                             "{steps: 200, platform: {file: star_4}, " SOFTMAX
                                             ", algorithm: {inner: {lr: 0.05}, strategy: %s}}",
                                             peers[i]);
        assert_true(training_last(t)->test_loss < 0.7 * t->evaluations[0].test_loss);
        free(t);
    }
}

static void
timing_only_gives_the_seconds_of_the_run_with_gradients(void **unused)
{
    (void)unused;
    const char *profiles[] = {"own", "resnet50_v100x8"};
    for (size_t i = 0; i < 4; i++) {
        static const char yaml[] = "{steps: 23, platform: {file: star_4, speed: {node1: x0.5}},"
                                   " timing: {profile: %s}, " SOFTMAX
                                   ", algorithm: {strategy: %s, outer: average, tau: 7}}";
        struct training *with = train(yaml, profiles[i / 2], peers[i % 2]);
        struct training *without = training_finish(&(struct training_how){.timing_only = true},
                                                   yaml, profiles[i / 2], peers[i % 2]);
        assert_true(with->seconds > 0);
        check_same_cost(without, with, peers[i % 2]);
        free(with);
        free(without);
    }
}

static void
a_run_that_diverges_ends(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < 2; i++) {
        const struct training_how how = {.engine = i == 0 ? NULL : &sm_engine_thread};
        struct training *t =
            training_run(&how, "{steps: 1000, platform: {file: star_4},"
                               " workload: {model: quadratic},"
                               " algorithm: {inner: {lr: 3, momentum: 0}, strategy: adpsgd}}");
        assert_int_equal(t->status, SM_OK);
        assert_string_equal(t->state, "diverged");
        free(t);
    }
}

static void
an_odd_number_of_workers_is_refused_in_one_line(void **unused)
{
    (void)unused;
    training_refused("5 workers is odd, expected an even number",
                     "{steps: 4, platform: {file: star_5}, workload: {model: quadratic},"
                     " algorithm: {strategy: adpsgd}}");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slow_worker_does_not_slow_the_others),
        cmocka_unit_test(nobody_waits_in_a_round_and_drains_keep_the_mean),
        cmocka_unit_test(rounds_end_over_asynchronous_gossip),
        cmocka_unit_test(models_come_together),
        cmocka_unit_test(the_same_run_gives_the_same_bits_on_any_number_of_threads),
        cmocka_unit_test(it_trains_without_a_clock),
        cmocka_unit_test(timing_only_gives_the_seconds_of_the_run_with_gradients),
        cmocka_unit_test(a_run_that_diverges_ends),
        cmocka_unit_test(an_odd_number_of_workers_is_refused_in_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
