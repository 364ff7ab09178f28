/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/integration/parameter_servers.c -- whole runs over parameter servers: the numbers of an
 * all-reduce in step, the staleness that the clock makes out of step, bytes and seconds by hand.
 */
#include "tests/helpers/check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "algorithms/strategy/strategy.h"
#include "tests/helpers/machine.h"
#include "tests/helpers/training.h"

/* ---- in step ---- */

/* Clipping is of the whole gradient, so one server does it. */
static void
servers_in_step_train_as_an_all_reduce_to_the_bit(void **unused)
{
    (void)unused;
    static const struct {
        const char *inner;
        bool whole;
    } cases[] = {
        {"inner: {lr: 0.1, momentum: 0.9, nesterov: yes, weight_decay: 0.01}", false},
        {"inner: {name: adam, lr: 0.01}", false},
        {"inner: {name: adamw, lr: 0.01, weight_decay: 0.1}, schedule: {milestones: [0.5]}", false},
        {"inner: {lr: 0.1, momentum: 0.9}, clip: 0.2", true},
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        static const char yaml[] = "{steps: 13, evaluate: {every: 4}, platform: {file: star_7,"
                                   " workers: 4}, " SOFTMAX ", algorithm: {%s, strategy: %s}}";
        struct training *reduced = train(yaml, cases[c].inner, "allreduce");
        for (size_t servers = 1; servers <= (cases[c].whole ? 1 : 3); servers += 2)
            for (size_t e = 0; e < 2; e++) {
                const struct training_how how = {.engine = e == 0 ? NULL : &sm_engine_thread};
                const char *strategy =
                    servers == 1 ? "parameter_server" : "{name: parameter_server, servers: 3}";
                struct training *served = training_finish(&how, yaml, cases[c].inner, strategy);
                check_same_numbers(served, reduced, cases[c].inner);
                assert_true(e == 1 || served->seconds > 0);
                free(served);
            }
        free(reduced);
    }
}

static void
threads_do_not_change_what_servers_in_step_compute(void **unused)
{
    (void)unused;
    static const char yaml[] =
        "{steps: 12, platform: {file: star_7, workers: 4}, " MLP ", algorithm: {strategy: %s}}";
    struct training *reduced = train(yaml, "allreduce");
    const char *strategies[] = {"parameter_server", "{name: parameter_server, servers: 3}"};
    for (size_t i = 0; i < 2; i++) {
        double seconds = 0;
        for (size_t threads = 1; threads <= 4; threads += 3) {
            struct training *t =
                training_finish(&(struct training_how){.threads = threads}, yaml, strategies[i]);
            check_same_numbers(t, reduced, strategies[i]);
            if (threads > 1)
                check_near(t->seconds, seconds, 0);
            seconds = t->seconds;
            free(t);
        }
    }
    free(reduced);
}

/* ---- bytes and seconds ---- */

/* workloads/profiles/resnet50_v100x8.yaml on the hosts of star_N, which are as fast */
static const double model_bytes = 102228128, load = 0.05, compute = 0.07255 + 0.1451,
                    update = 0.003;
/* two links of 10 Gbit/s at a goodput of 0.9564 and 10 us lie between any two hosts */
static const double latency = 2e-5, bandwidth = 0.9564 * 10e9 / 8;

/* Pushes, the server's step, then pulls, while the next batch loads: a server's link carries m
 * shards, a worker's the S shards of the model. The last pull is after the run's end. */
static void
pushes_and_pulls_take_the_seconds_of_the_links_they_share(void **unused)
{
    (void)unused;
    enum { STEPS = 11 };
    static const size_t cases[][2] = {{1, 1}, {4, 1}, {7, 1}, {4, 2}, {4, 4}, {3, 5}, {2, 6}};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        const size_t m = cases[c][0], servers = cases[c][1];
        struct training *t =
            training_finish(&(struct training_how){.timing_only = true},
                            "{steps: %d, platform: {file: star_8, workers: %zu},"
                            " timing: {profile: resnet50_v100x8},"
                            " algorithm: {strategy: {name: parameter_server, servers: %zu}}}",
                            STEPS, m, servers);
        const double shard = round(model_bytes / (double)servers);
        const double through = shard * fmax((double)m, (double)servers) / bandwidth + latency;
        const double exchange = 2 * through + update / (double)servers;
        assert_true(exchange > load);
        check_relative(t->seconds, load + STEPS * compute + (STEPS - 1) * exchange, 1e-9);
        check_relative(t->bytes, STEPS * (double)servers * shard, 1e-15);
        free(t);
    }
}

/* Also where shards are empty (one float for the model) and answers come at any time. */
static void
timing_only_gives_the_seconds_of_the_run_with_gradients(void **unused)
{
    (void)unused;
    const char *strategies[] = {"parameter_server", "{name: parameter_server, servers: 3}",
                                "parameter_server_async",
                                "{name: parameter_server_async, servers: 3}"};
    const char *profiles[] = {"own", "resnet50_v100x8"};
    for (size_t i = 0; i < 8; i++) {
        static const char yaml[] =
            "{steps: 13, platform: {file: star_7, workers: 4, speed: {node1: x0.5}},"
            " timing: {profile: %s}, " SOFTMAX ", algorithm: {strategy: %s}}";
        struct training *with = train(yaml, profiles[i % 2], strategies[i / 2]);
        struct training *without = training_finish(&(struct training_how){.timing_only = true},
                                                   yaml, profiles[i % 2], strategies[i / 2]);
        assert_true(with->seconds > 0);
        check_same_cost(without, with, strategies[i / 2]);
        free(with);
        free(without);
    }
}

/* ---- at any time ---- */

enum { FAST, SLOW, STEPS = 8 };

/* Two workers, one at 0.3 of the speed; the links take next to no time, so answers come while the
 * next batch loads. */
struct pair {
    double x, b; /* of the server: parameter, momentum */
    bool started;
    double pulled[2], next[2]; /* what each worker has; when its push arrives */
    size_t done[2];
    double closest; /* seconds between a push and the next of the other worker */
};

static const double curvature[] = {1, 2}, center[] = {1, -3}, lr = 0.05, momentum = 0.5;

/* Steps along the gradients in the order of their arrival, taken at what was pulled, or else at
 * what the server has by then. */
static double
follow_the_clock(bool stale)
{
    const double period[] = {load + compute, load + compute / 0.3};
    struct pair p = {.x = 1, .pulled = {1, 1}, .next = {period[FAST], period[SLOW]}, .closest = 1};
    while (p.done[FAST] < STEPS || p.done[SLOW] < STEPS) {
        size_t r = p.done[SLOW] == STEPS || (p.done[FAST] < STEPS && p.next[FAST] < p.next[SLOW])
                       ? FAST
                       : SLOW;
        if (p.done[1 - r] < STEPS)
            p.closest = fmin(p.closest, p.next[1 - r] - p.next[r]);
        const double g = curvature[r] * ((stale ? p.pulled[r] : p.x) - center[r]);
        p.b = p.started ? momentum * p.b + g : g;
        p.started = true;
        p.x -= lr * p.b;
        p.pulled[r] = p.x;
        p.next[r] += period[r];
        p.done[r]++;
    }
    assert_true(p.closest > 4 * update); /* or a queue at the server, or links, would matter */
    return p.x;
}

static void
a_slow_worker_brings_gradients_as_stale_as_the_clock_makes_them(void **unused)
{
    (void)unused;
    static const char yaml[] =
        "{steps: %d, platform: {file: star_5, workers: 2, speed: {node1: x0.3},"
        " bandwidth: {\"*\": x1000}}, timing: {profile: resnet50_v100x8},"
        " workload: {model: quadratic, dimension: 5, curvature: [1, 2], center: [1, -3]},"
        " algorithm: {inner: {lr: 0.05, momentum: 0.5}, schedule: constant,"
        " strategy: {name: parameter_server_async, servers: %zu}}}";
    const double expected = follow_the_clock(true);
    assert_true(fabs(expected - follow_the_clock(false)) > 0.03);
    for (size_t servers = 1; servers <= 3; servers++) {
        struct training *t = train(yaml, STEPS, servers);
        assert_int_equal(t->parameters, 5);
        for (size_t i = 0; i < 5; i++)
            check_near(t->consensus[i], expected, 1e-5);
        check_near(training_last(t)->consensus_distance, 0, 0); /* all have the servers' model */
        free(t);
    }
}

/* ---- who waits for whom ---- */

enum { WORKERS = 4, LONG = 20, FLOATS = 1000 };

/* Rank 3 is ten times as slow. */
static double
period_of(size_t rank)
{
    return rank == 3 ? 1.0 : 0.1 + 0.01 * (double)rank;
}

static enum sm_status
step_begin(struct sm_stepper *stepper, size_t n)
{
    (void)stepper;
    (void)n;
    return SM_OK;
}

static enum sm_status
step_nowhere(struct sm_stepper *stepper, float gamma, float *g, float *x)
{
    (void)stepper;
    (void)gamma;
    (void)g;
    (void)x;
    return SM_OK;
}

static enum sm_status
push_and_pull(const struct sm_strategy *strategy, void *state, struct sm_comm *comm, double *end)
{
    float x[FLOATS] = {0}, g[FLOATS] = {0};
    const float *view;
    for (size_t k = 0; k < LONG; k++) {
        SM_TRY(strategy->receive(state, comm));
        strategy->absorb(state, FLOATS, x, &view);
        SM_TRY(machine_pass(comm, period_of(comm->rank)));
        strategy->split(state, FLOATS, 0.1f, g, x);
        SM_TRY(strategy->send(state, comm));
    }
    *end = comm->ops->now(comm);
    return strategy->drain(state, comm, FLOATS, x, SM_DRAIN_END);
}

/* in: the strategy; out: when each worker has done its steps. */
static enum sm_status
time_rank(struct sm_comm *comm, const void *in, void *out)
{
    double *ends = out;
    struct sm_arena arena = {0};
    void *state;
    const struct sm_strategy *strategy =
        (const struct sm_strategy *)plugin_state(&arena, &sm_axis_strategy, in, &state);
    struct sm_stepper stepper = {step_begin, step_nowhere};
    enum sm_status status = strategy->init(state, plugin_setup(&arena, FLOATS, NULL, comm));
    if (status == SM_OK)
        status = comm->rank < comm->size ? push_and_pull(strategy, state, comm, &ends[comm->rank])
                                         : strategy->server->serve(state, comm, &stepper);
    sm_arena_fini(&arena);
    return status;
}

/* A megabyte in each direction. In step all go the pace of the slowest and share the server's link;
 * at any time each goes its own, but for the pushes that meet there by chance. */
static void
a_slow_worker_slows_servers_in_step_only(void **unused)
{
    (void)unused;
    const double alone = 2 * (latency + 1e6 / bandwidth), meet = (WORKERS - 1) * 1e6 / bandwidth;
    for (size_t any_time = 0; any_time < 2; any_time++) {
        double ends[WORKERS];
        const struct machine machine = {.platform = "star_5",
                                        .workers = WORKERS,
                                        .servers = 1,
                                        .wire_scale = 250,
                                        .program = time_rank,
                                        .in = any_time ? "parameter_server_async"
                                                       : "parameter_server"};
        check_ok(machine_run(&machine, ends, sizeof ends, NULL));
        for (size_t r = 0; r < WORKERS; r++)
            if (any_time)
                check_near(ends[r], LONG * period_of(r) + (LONG - 1) * (alone + meet),
                           (LONG - 1) * meet * (1 + 1e-9));
            else /* the slow one pushes last and alone; the answers leave together */
                check_relative(ends[r], (LONG - 1) * (period_of(3) + alone + meet) + period_of(r),
                               1e-9);
    }
}

static void
servers_at_any_time_give_the_same_bits_in_every_run(void **unused)
{
    (void)unused;
    static const char yaml[] =
        "{steps: 20, platform: {file: star_6, workers: 4, speed: {node1: x0.4, node3: x0.9}}, " MLP
        ", algorithm: {inner: {lr: 0.02}, strategy: {name: parameter_server_async,"
        " servers: %zu}}}";
    for (size_t servers = 1; servers <= 2; servers++) {
        struct training *first =
            training_finish(&(struct training_how){.threads = 1}, yaml, servers);
        assert_true(training_last(first)->test_loss < 0.7 * first->evaluations[0].test_loss);
        for (size_t threads = 1; threads <= 4; threads += 3) {
            struct training *again =
                training_finish(&(struct training_how){.threads = threads}, yaml, servers);
            check_same_numbers(again, first, "parameter_server_async");
            check_near(again->seconds, first->seconds, 0);
            free(again);
        }
        free(first);
    }
}

static void
servers_at_any_time_train_without_a_clock(void **unused)
{
    (void)unused;
    for (size_t servers = 1; servers <= 3; servers++) {
        struct training *t =
            training_finish(&(struct training_how){.engine = &sm_engine_thread},
                            "{steps: 200, platform: {file: star_8, workers: 4}, " SOFTMAX
                            ", algorithm: {inner: {lr: 0.02, momentum: 0.5}, strategy: {name:"
                            " parameter_server_async, servers: %zu}}}",
                            servers);
        assert_true(training_last(t)->test_loss < 0.7 * t->evaluations[0].test_loss);
        check_near(training_last(t)->consensus_distance, 0, 0);
        free(t);
    }
}

/* ---- what ends otherwise ---- */

static void
a_run_that_diverges_ends_for_servers_too(void **unused)
{
    (void)unused;
    const char *strategies[] = {"{name: parameter_server, servers: 2}",
                                "{name: parameter_server_async, servers: 2}"};
    for (size_t i = 0; i < 4; i++) {
        const struct training_how how = {.engine = i % 2 == 0 ? NULL : &sm_engine_thread};
        struct training *t = training_run(&how,
                                          "{steps: 1000, platform: {file: star_6},"
                                          " workload: {model: quadratic, dimension: 4},"
                                          " algorithm: {inner: {lr: 3, momentum: 0},"
                                          " strategy: %s}}",
                                          strategies[i / 2]);
        assert_int_equal(t->status, SM_OK);
        assert_string_equal(t->state, "diverged");
        assert_non_null(strstr(t->error.message, "diverged:"));
        free(t);
    }
}

static void
what_servers_cannot_do_is_refused_in_one_line(void **unused)
{
    (void)unused;
    static const struct {
        const char *platform, *algorithm, *message;
    } cases[] = {
        {"{file: star_4, workers: 4}", "{strategy: parameter_server}",
         "4 workers and 1 hosts for servers asked for, but star_4 has 4 hosts"},
        {"{file: star_4, workers: 2}", "{strategy: {name: parameter_server_async, servers: 3}}",
         "2 workers and 3 hosts for servers"},
        {"{file: star_4}", "{strategy: {name: parameter_server, servers: 4}}",
         "1 workers and 4 hosts for servers"},
        {"{file: star_4}", "{strategy: parameter_server, outer: average}",
         "rounds over parameter servers"},
        {"{file: star_4}", "{strategy: parameter_server_async, outer: slowmo}",
         "rounds over parameter servers"},
        {"{file: star_4}", "{strategy: {name: parameter_server, servers: 2}, clip: 1}",
         "on several parameter servers"},
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++)
        training_refused(cases[c].message,
                         "{steps: 4, platform: %s, workload: {model: quadratic}, algorithm: %s}",
                         cases[c].platform, cases[c].algorithm);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(servers_in_step_train_as_an_all_reduce_to_the_bit),
        cmocka_unit_test(threads_do_not_change_what_servers_in_step_compute),
        cmocka_unit_test(pushes_and_pulls_take_the_seconds_of_the_links_they_share),
        cmocka_unit_test(timing_only_gives_the_seconds_of_the_run_with_gradients),
        cmocka_unit_test(a_slow_worker_brings_gradients_as_stale_as_the_clock_makes_them),
        cmocka_unit_test(a_slow_worker_slows_servers_in_step_only),
        cmocka_unit_test(servers_at_any_time_give_the_same_bits_in_every_run),
        cmocka_unit_test(servers_at_any_time_train_without_a_clock),
        cmocka_unit_test(a_run_that_diverges_ends_for_servers_too),
        cmocka_unit_test(what_servers_cannot_do_is_refused_in_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
