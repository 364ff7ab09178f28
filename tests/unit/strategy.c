/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/strategy.c -- communication strategies: who is alike, and what push-sum conserves.
 *
 * Push-sum runs here on a machine of mailboxes: all ranks do one phase of the loop, then all do the
 * next, in one thread, so that every share in flight can be counted. Coordinate 0 starts as 1 on
 * every rank and has no gradient, so it goes through the arithmetic of the weight: it is w.
 */
#include "tests/helpers/check.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "algorithms/strategy/strategy.h"
#include "sim/base/rng.h"
#include "tests/helpers/training.h"

enum { MOST = 16, N = 3, WEIGHT = 0, LONGEST_QUEUE = 4 };

struct sm_request {
    size_t from;
    struct sm_parcel **parcel;
};

struct machine;

struct rank {
    struct sm_comm comm; /* first: ops get a pointer to it */
    struct machine *machine;
    void *state;
    float x[N];
};

/* queue[to][from]: oldest first. */
struct machine {
    size_t size;
    struct rank ranks[MOST];
    struct sm_parcel *queue[MOST][MOST][LONGEST_QUEUE];
    const struct sm_strategy *strategy;
    struct sm_arena arena;
    double sum[N]; /* what the ranks and the shares in flight have to add up to */
};

static enum sm_status
mail_isend(struct sm_comm *comm, size_t to, struct sm_parcel *parcel)
{
    struct sm_parcel **slot = ((struct rank *)comm)->machine->queue[to][comm->rank];
    assert_int_not_equal(to, comm->rank);
    while (*slot != NULL)
        slot++;
    *slot = parcel;
    sm_parcel_hold(parcel);
    return SM_OK;
}

static enum sm_status
mail_irecv(struct sm_comm *comm, size_t from, struct sm_parcel **parcel,
           struct sm_request **request)
{
    *request = sm_arena_alloc(&((struct rank *)comm)->machine->arena, 1, sizeof **request);
    assert_non_null(*request);
    **request = (struct sm_request){from, parcel};
    return SM_OK;
}

static enum sm_status
mail_wait(struct sm_comm *comm, struct sm_request **request)
{
    struct sm_parcel **queue = ((struct rank *)comm)->machine->queue[comm->rank][(*request)->from];
    assert_non_null(queue[0]); /* a rank waits for a share that nobody sent */
    *(*request)->parcel = queue[0];
    for (size_t i = 0; i + 1 < LONGEST_QUEUE; i++)
        queue[i] = queue[i + 1];
    *request = NULL;
    return SM_OK;
}

static const struct sm_comm_ops mail_ops = {
    .isend = mail_isend,
    .irecv = mail_irecv,
    .wait = mail_wait,
};

static enum sm_status
machine_init(struct machine *machine, size_t size, const char *yaml)
{
    *machine = (struct machine){.size = size};
    for (size_t r = 0; r < size; r++) {
        struct rank *rank = &machine->ranks[r];
        rank->machine = machine;
        rank->comm = (struct sm_comm){
            .ops = &mail_ops, .rank = r, .size = size, .devices = 1, .wire_scale = 1};
        machine->strategy = (const struct sm_strategy *)plugin_state(
            &machine->arena, &sm_axis_strategy, yaml, &rank->state);
        SM_TRY(machine->strategy->init(rank->state,
                                       plugin_setup(&machine->arena, N, NULL, &rank->comm)));
        rank->x[WEIGHT] = 1;
        for (size_t i = 1; i < N; i++)
            rank->x[i] = (float)(r * i + i); /* whole numbers */
        for (size_t i = 0; i < N; i++)
            machine->sum[i] += (double)rank->x[i];
    }
    return SM_OK;
}

static void
machine_fini(struct machine *machine)
{
    for (size_t r = 0; r < machine->size; r++)
        sm_comm_fini(&machine->ranks[r].comm);
    sm_arena_fini(&machine->arena);
}

/* Receives and absorbs everywhere; views[r] (N) are the de-biased models. */
static void
machine_absorb(struct machine *machine, const float **views)
{
    for (size_t r = 0; r < machine->size; r++) {
        struct rank *rank = &machine->ranks[r];
        check_ok(machine->strategy->receive(rank->state, &rank->comm));
        machine->strategy->absorb(rank->state, N, rank->x, &views[r]);
    }
}

/* One step of the loop on every rank: from the gradients' point of view nothing (rng NULL), or
 * random ones on all coordinates but the weight's. */
static void
machine_step(struct machine *machine, struct sm_rng *rng)
{
    const float *views[MOST];
    machine_absorb(machine, views);
    for (size_t r = 0; r < machine->size; r++) {
        struct rank *rank = &machine->ranks[r];
        for (size_t i = 0; i < N; i++) /* z = x / w */
            check_relative(views[r][i], rank->x[i] / rank->x[WEIGHT], 2 * (double)FLT_EPSILON);
        for (size_t i = 1; i < N && rng != NULL; i++) {
            float before = rank->x[i];
            rank->x[i] -= (float)sm_rng_normal(rng, 0.1);
            machine->sum[i] += (double)rank->x[i] - (double)before;
        }
        machine->strategy->split(rank->state, N, 0, NULL, rank->x);
        check_ok(machine->strategy->send(rank->state, &rank->comm));
    }
}

/* Shares in flight, and what they and the ranks hold together against what it should be. */
static size_t
machine_check_sums(struct machine *machine, double tolerance)
{
    double sum[N] = {0};
    size_t in_flight = 0;
    for (size_t to = 0; to < machine->size; to++) {
        for (size_t i = 0; i < N; i++)
            sum[i] += (double)machine->ranks[to].x[i];
        for (size_t from = 0; from < machine->size; from++)
            for (struct sm_parcel **p = machine->queue[to][from]; *p != NULL; p++, in_flight++) {
                for (size_t i = 0; i < N; i++)
                    sum[i] += (double)(*p)->x[i];
                check_near((*p)->weight, (*p)->x[WEIGHT], 0);
            }
    }
    for (size_t i = 0; i < N; i++)
        check_near(sum[i], machine->sum[i], tolerance);
    return in_flight;
}

/* Graphs, and the number of ranks that each rank sends to at a step. */
static const struct {
    const char *yaml;
    size_t peers; /* 0: all others */
    bool even;
} graphs[] = {
    {"{name: sgp, topology: exponential, peers: 1}", 1, false},
    {"{name: sgp, topology: exponential, peers: 2}", 2, false},
    {"{name: sgp, topology: ring, peers: 1}", 1, false},
    {"{name: sgp, topology: ring, peers: 2}", 2, false},
    {"{name: sgp, topology: complete}", 0, false},
    {"{name: sgp, topology: bipartite}", 1, true},
};

static const size_t sizes[] = {3, 4, 8, 12};

/* Every element is below 32 and rounded at most 1 + peers times a step: u = 2^-24 relative. */
static double
rounding(size_t steps, size_t size, size_t peers)
{
    return (double)(steps * size * (1 + peers)) * 32 * (double)FLT_EPSILON / 2;
}

static void
push_sum_conserves_x_and_w_with_the_shares_in_flight(void **unused)
{
    (void)unused;
    enum { STEPS = 25 };
    for (size_t g = 0; g < sizeof graphs / sizeof *graphs; g++)
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
            size_t size = sizes[s], peers = graphs[g].peers > 0 ? graphs[g].peers : size - 1;
            if (graphs[g].even && size % 2 != 0)
                continue;
            struct machine machine;
            check_ok(machine_init(&machine, size, graphs[g].yaml));
            struct sm_rng *rng = sm_rng_create(&machine.arena, 1, SM_RNG_TEST, size);
            for (size_t k = 0; k < STEPS; k++) {
                machine_step(&machine, rng);
                size_t in_flight = machine_check_sums(&machine, rounding(k + 1, size, peers));
                /* two offsets of the exponential graph may meet in one rank, or in itself */
                assert_true(in_flight <= size * peers);
                if (size > 4)
                    assert_int_equal(in_flight, size * peers);
            }
            machine_fini(&machine);
        }
}

static void
draining_takes_in_every_share_and_keeps_the_sums(void **unused)
{
    (void)unused;
    for (int average = 0; average < 2; average++)
        for (size_t g = 0; g < sizeof graphs / sizeof *graphs; g++) {
            struct machine machine;
            const float *views[MOST];
            check_ok(machine_init(&machine, 8, graphs[g].yaml));
            struct sm_rng *rng = sm_rng_create(&machine.arena, 2, SM_RNG_TEST, 0);
            double tolerance = rounding(20, 8, 7);
            for (size_t round = 0; round < 3; round++) {
                for (size_t k = 0; k < 5; k++)
                    machine_step(&machine, rng);
                for (size_t r = 0; r < 8; r++) {
                    struct rank *rank = &machine.ranks[r];
                    check_ok(machine.strategy->drain(rank->state, &rank->comm, N, rank->x,
                                                     average ? SM_DRAIN_AVERAGE : SM_DRAIN_ROUND));
                }
                assert_int_equal(machine_check_sums(&machine, tolerance), 0);
                for (size_t r = 0; r < 8 && average; r++) /* the loop's exact average */
                    for (size_t i = 0; i < N; i++)
                        machine.ranks[r].x[i] = (float)(machine.sum[i] / 8);
            }
            machine_absorb(&machine, views); /* of nothing: z is the average itself */
            for (size_t r = 0; r < 8 && average; r++)
                assert_ptr_equal(views[r], machine.ranks[r].x);
            machine_fini(&machine);
        }
}

/* The graphs here are regular, so w stays 1 by itself. Half of each share on its way to an even
 * rank goes to the next rank instead, as on a graph with more arrivals in one place than another:
 * the sums stay, w does not. Needs one peer, so that every share has one receiver. */
static void
machine_divert(struct machine *machine)
{
    struct sm_parcel *shares[MOST] = {NULL};
    for (size_t to = 0; to < machine->size; to++)
        for (size_t from = 0; from < machine->size; from++)
            if (machine->queue[to][from][0] != NULL)
                shares[to] = machine->queue[to][from][0];
    for (size_t to = 0; to + 1 < machine->size; to += 2) {
        for (size_t i = 0; i < N; i++) {
            shares[to]->x[i] /= 2;
            shares[to + 1]->x[i] += shares[to]->x[i];
        }
        shares[to]->weight /= 2;
        shares[to + 1]->weight += shares[to]->weight;
    }
}

static void
unequal_weights_are_divided_out_of_the_view(void **unused)
{
    (void)unused;
    struct machine machine;
    const float *views[MOST];
    check_ok(machine_init(&machine, 8, "{name: sgp}"));
    for (size_t k = 0; k < 3; k++) {
        machine_step(&machine, NULL); /* holds each view against x / w */
        machine_divert(&machine);
        machine_check_sums(&machine, rounding(k + 1, 8, 2));
    }
    machine_absorb(&machine, views);
    for (size_t r = 0; r < 8; r++) {
        assert_true(fabs((double)machine.ranks[r].x[WEIGHT] - 1) > 0.05);
        assert_ptr_not_equal(views[r], machine.ranks[r].x);
        check_near(views[r][WEIGHT], 1, 2 * (double)FLT_EPSILON);
    }
    /* three undisturbed mixings are the average of x and of w, whatever came before */
    for (size_t k = 0; k < 3; k++)
        machine_step(&machine, NULL);
    machine_absorb(&machine, views);
    for (size_t r = 0; r < 8; r++)
        for (size_t i = 0; i < N; i++)
            check_near(views[r][i], machine.sum[i] / 8, rounding(6, 1, 2));
    machine_fini(&machine);
}

static void
draining_before_an_average_sets_unequal_weights_back_to_1(void **unused)
{
    (void)unused;
    for (int average = 0; average < 2; average++) {
        struct machine machine;
        const float *views[MOST];
        check_ok(machine_init(&machine, 8, "{name: sgp}"));
        machine_step(&machine, NULL);
        machine_divert(&machine);
        for (size_t r = 0; r < 8; r++) {
            struct rank *rank = &machine.ranks[r];
            check_ok(machine.strategy->drain(rank->state, &rank->comm, N, rank->x,
                                             average ? SM_DRAIN_AVERAGE : SM_DRAIN_ROUND));
        }
        assert_int_equal(machine_check_sums(&machine, rounding(2, 8, 2)), 0);
        machine_absorb(&machine, views); /* of nothing */
        for (size_t r = 0; r < 8; r++)
            assert_true((views[r] == machine.ranks[r].x) ==
                        (average ? SM_DRAIN_AVERAGE : SM_DRAIN_ROUND));
        machine_fini(&machine);
    }
}

/* Without gradients, after `steps` mixings, everybody has the mean. */
static void
expect_the_mean(const char *yaml, size_t size, size_t steps, double tolerance)
{
    struct machine machine;
    const float *views[MOST];
    check_ok(machine_init(&machine, size, yaml));
    for (size_t k = 0; k < steps; k++)
        machine_step(&machine, NULL);
    machine_absorb(&machine, views);
    for (size_t r = 0; r < size; r++)
        for (size_t i = 0; i < N; i++)
            check_near(views[r][i], machine.sum[i] / (double)size, tolerance);
    machine_fini(&machine);
}

/* Whole numbers halved q times: not one rounding. */
static void
the_exponential_graph_averages_exactly_in_log2_steps(void **unused)
{
    (void)unused;
    for (size_t q = 1; q <= 4; q++)
        expect_the_mean("{name: sgp, topology: exponential}", (size_t)1 << q, q, 0);
    /* p + 1 = 3: 9 = 3^2 */
    expect_the_mean("{name: sgp, topology: exponential, peers: 2}", 9, 2, rounding(2, 1, 2));
}

static void
the_complete_graph_averages_in_one_step(void **unused)
{
    (void)unused;
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        expect_the_mean("{name: sgp, topology: complete}", sizes[s], 1,
                        rounding(1, 1, sizes[s] - 1));
}

/* W = (I + P) / 2: the spread falls by cos(pi / m) a step, whatever it was. */
static void
the_directed_ring_converges_at_the_rate_of_its_spectrum(void **unused)
{
    (void)unused;
    struct machine machine;
    const float *views[MOST];
    check_ok(machine_init(&machine, 8, "{name: sgp, topology: ring}"));
    double spread[2];
    for (size_t part = 0; part < 2; part++) {
        for (size_t k = 0; k < 40; k++)
            machine_step(&machine, NULL);
        machine_absorb(&machine, views);
        spread[part] = 0;
        for (size_t r = 0; r < 8; r++)
            spread[part] += pow((double)views[r][1] - machine.sum[1] / 8, 2);
    }
    /* cos(2 pi / 8), the next eigenvalue, has left (.707 / .924)^40 of itself, 2e-5; the spread of
     * .0093 at the end is known to the roundings of 8 numbers near 4.5, 1e-6 */
    check_relative(sqrt(spread[1] / spread[0]), pow(cos(M_PI / 8), 40), 1e-3);
    machine_fini(&machine);
}

static void
one_worker_alone_keeps_its_model(void **unused)
{
    (void)unused;
    expect_the_mean("{name: sgp}", 1, 5, 0);
}

static void
push_sum_refuses_graphs_that_do_not_exist(void **unused)
{
    (void)unused;
    struct machine machine;
    check_fails(machine_init(&machine, 4, "{name: sgp, peers: 4}"), SM_ERR_INPUT,
                "4 peers among 4 workers, expected at most 3");
    machine_fini(&machine);
    check_fails(machine_init(&machine, 5, "{name: sgp, topology: bipartite}"), SM_ERR_INPUT,
                "even number");
    machine_fini(&machine);
}

/* Four unlike workers on the thread engine, an evaluation a step. */
static struct training *
quarrel(const char *algorithm)
{
    struct training *training =
        training_run(&(struct training_how){.engine = &sm_engine_thread},
                     "{steps: 12, evaluate: {every: 1}, platform: {file: star_4},"
                     " workload: {model: quadratic, dimension: 7, noise: 1, center: [-1, 0, 1, 2]},"
                     " algorithm: %s}",
                     algorithm);
    assert_string_equal(training->error.message, "");
    assert_int_equal(training->evaluation_count, 13);
    return training;
}

static void
replicas_under_allreduce_have_the_same_bits_at_every_step(void **unused)
{
    (void)unused;
    const char *outers[] = {"none", "average", "slowmo"};
    for (size_t o = 0; o < 3; o++) {
        char algorithm[80];
        snprintf(algorithm, sizeof algorithm, "{strategy: allreduce, tau: 4, outer: %s}",
                 outers[o]);
        struct training *training = quarrel(algorithm);
        for (size_t k = 0; k <= 12; k++)
            check_near(training->evaluations[k].consensus_distance, 0, 0);
        free(training);
    }
}

static void
local_workers_part_inside_a_round_and_meet_at_its_end(void **unused)
{
    (void)unused;
    struct training *training = quarrel("{strategy: local, tau: 4}");
    for (size_t k = 0; k <= 12; k++)
        if (k % 4 == 0)
            check_near(training->evaluations[k].consensus_distance, 0, 0);
        else
            assert_true(training->evaluations[k].consensus_distance > 1e-3);
    free(training);
    training = quarrel("{strategy: local, outer: none}");
    for (size_t k = 1; k <= 12; k++)
        assert_true(training->evaluations[k].consensus_distance > 1e-3);
    free(training);
}

/* All weights are equal: after each mixing everybody holds the mean, to the order of its sum. */
static void
sgp_on_the_complete_graph_is_one_model(void **unused)
{
    (void)unused;
    struct training *training = quarrel("{strategy: {name: sgp, topology: complete}}");
    for (size_t k = 0; k <= 12; k++) /* 7 numbers below 4, 4 roundings a step, 12 steps */
        check_near(training->evaluations[k].consensus_distance, 0,
                   7 * pow(12 * 4 * 4 * (double)FLT_EPSILON / 2, 2));
    free(training);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(push_sum_conserves_x_and_w_with_the_shares_in_flight),
        cmocka_unit_test(draining_takes_in_every_share_and_keeps_the_sums),
        cmocka_unit_test(unequal_weights_are_divided_out_of_the_view),
        cmocka_unit_test(draining_before_an_average_sets_unequal_weights_back_to_1),
        cmocka_unit_test(the_exponential_graph_averages_exactly_in_log2_steps),
        cmocka_unit_test(the_complete_graph_averages_in_one_step),
        cmocka_unit_test(the_directed_ring_converges_at_the_rate_of_its_spectrum),
        cmocka_unit_test(one_worker_alone_keeps_its_model),
        cmocka_unit_test(push_sum_refuses_graphs_that_do_not_exist),
        cmocka_unit_test(replicas_under_allreduce_have_the_same_bits_at_every_step),
        cmocka_unit_test(local_workers_part_inside_a_round_and_meet_at_its_end),
        cmocka_unit_test(sgp_on_the_complete_graph_is_one_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
