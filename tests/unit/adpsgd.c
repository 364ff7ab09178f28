/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/adpsgd.c -- asynchronous gossip: what a pair computes, what is conserved whoever comes
 * when, and what a drain waits for.
 *
 * All ranks live on a machine of mailboxes, in one thread. A rank does a step when the test says
 * so, and a message is there when the test lets it arrive, so every order can be played.
 */
#include "tests/helpers/check.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "algorithms/strategy/strategy.h"
#include "sim/base/rng.h"
#include "tests/helpers/training.h"

enum { MOST = 16, N = 3, LONGEST_QUEUE = 8 };

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

/* queue[to][from]: oldest first; the first arrived[to][from] of them are there. */
struct machine {
    size_t size;
    struct rank ranks[MOST];
    struct sm_parcel *queue[MOST][MOST][LONGEST_QUEUE];
    size_t arrived[MOST][MOST], posted[MOST][MOST];
    size_t sent[MOST][MOST]; /* so far, but for goodbyes */
    const struct sm_strategy *strategy;
    struct sm_arena arena;
    double sum[N]; /* what the ranks and the deltas in flight have to add up to */
    double wire;   /* of the last model or delta sent                           */
};

static enum sm_status
mail_isend(struct sm_comm *comm, size_t to, struct sm_parcel *parcel)
{
    struct machine *machine = ((struct rank *)comm)->machine;
    struct sm_parcel **slot = machine->queue[to][comm->rank];
    assert_true(to < comm->size && (to + comm->rank) % 2 == 1); /* to the other side */
    while (*slot != NULL)
        slot++;
    assert_true(slot < machine->queue[to][comm->rank] + LONGEST_QUEUE - 1);
    *slot = parcel;
    sm_parcel_hold(parcel);
    if (parcel->n == 0) {
        check_near(parcel->wire, 0, 0);
        return SM_OK;
    }
    assert_int_equal(parcel->n, N);
    machine->sent[comm->rank][to]++;
    machine->wire = parcel->wire;
    return SM_OK;
}

static enum sm_status
mail_irecv(struct sm_comm *comm, size_t from, struct sm_parcel **parcel,
           struct sm_request **request)
{
    struct machine *machine = ((struct rank *)comm)->machine;
    assert_null(*request);
    assert_int_equal(machine->posted[comm->rank][from]++, 0); /* one receipt a peer */
    *request = sm_arena_alloc(&machine->arena, 1, sizeof **request);
    assert_non_null(*request);
    **request = (struct sm_request){from, parcel};
    return SM_OK;
}

static enum sm_status
mail_test(struct sm_comm *comm, struct sm_request **request, bool *done)
{
    *done = ((struct rank *)comm)->machine->arrived[comm->rank][(*request)->from] > 0;
    return SM_OK;
}

static enum sm_status
mail_wait(struct sm_comm *comm, struct sm_request **request)
{
    struct machine *machine = ((struct rank *)comm)->machine;
    if (*request == NULL)
        return SM_OK;
    const size_t from = (*request)->from;
    struct sm_parcel **queue = machine->queue[comm->rank][from];
    assert_true(machine->arrived[comm->rank][from] > 0); /* or a rank blocks */
    *(*request)->parcel = queue[0];
    for (size_t i = 0; i + 1 < LONGEST_QUEUE; i++)
        queue[i] = queue[i + 1];
    machine->arrived[comm->rank][from]--;
    machine->posted[comm->rank][from]--;
    *request = NULL;
    return SM_OK;
}

static enum sm_status
mail_wait_any(struct sm_comm *comm, struct sm_request **requests, size_t count, size_t *which)
{
    for (*which = 0; *which < count; ++*which) {
        bool done = false;
        if (requests[*which] != NULL)
            check_ok(mail_test(comm, &requests[*which], &done));
        if (done)
            return mail_wait(comm, &requests[*which]);
    }
    fail_msg("rank %zu blocks", comm->rank);
    return SM_OK;
}

static const struct sm_comm_ops mail_ops = {
    .isend = mail_isend,
    .irecv = mail_irecv,
    .wait = mail_wait,
    .wait_any = mail_wait_any,
    .test = mail_test,
};

static enum sm_status
machine_init(struct machine *machine, size_t size, const char *yaml,
             const struct sm_choice *compression)
{
    *machine = (struct machine){.size = size};
    for (size_t r = 0; r < size; r++) {
        struct rank *rank = &machine->ranks[r];
        rank->machine = machine;
        rank->comm = (struct sm_comm){.ops = &mail_ops,
                                      .rank = r,
                                      .size = size,
                                      .seed = 7,
                                      .devices = 1,
                                      .wire_scale = 1,
                                      .statistics = 0.5};
        machine->strategy = (const struct sm_strategy *)plugin_state(
            &machine->arena, &sm_axis_strategy, yaml, &rank->state);
        struct sm_setup setup = *plugin_setup(&machine->arena, N, NULL, &rank->comm);
        if (compression != NULL)
            setup.compression = compression;
        SM_TRY(machine->strategy->init(rank->state, &setup));
    }
    return SM_OK;
}

/* Parcels are used again: nobody keeps one. */
static void
machine_fini(struct machine *machine)
{
    for (size_t r = 0; r < machine->size; r++) {
        size_t made = 0;
        for (struct sm_parcel *p = machine->ranks[r].comm.parcels; p != NULL; p = p->next)
            made++;
        assert_true(made <= machine->size / 2 + 3);
        sm_comm_fini(&machine->ranks[r].comm);
    }
    sm_arena_fini(&machine->arena);
}

/* Coordinate 0 of every rank, whole numbers in the others. */
static void
start_at(struct machine *machine, const float *x)
{
    for (size_t i = 0; i < N; i++)
        machine->sum[i] = 0;
    for (size_t r = 0; r < machine->size; r++)
        for (size_t i = 0; i < N; i++) {
            machine->ranks[r].x[i] = i == 0 ? x[r] : (float)(r * i + i);
            machine->sum[i] += (double)machine->ranks[r].x[i];
        }
}

static void
arrives(struct machine *machine, size_t from, size_t to)
{
    assert_non_null(machine->queue[to][from][machine->arrived[to][from]]);
    machine->arrived[to][from]++;
}

static void
all_arrive(struct machine *machine)
{
    for (size_t to = 0; to < machine->size; to++)
        for (size_t from = 0; from < machine->size; from++)
            while (machine->queue[to][from][machine->arrived[to][from]] != NULL)
                machine->arrived[to][from]++;
}

/* The loop's step up to the gradient; the view is always the model itself. */
static void
looks(struct machine *machine, size_t r)
{
    struct rank *rank = &machine->ranks[r];
    const float *view;
    check_ok(machine->strategy->receive(rank->state, &rank->comm));
    machine->strategy->absorb(rank->state, N, rank->x, &view);
    assert_ptr_equal(view, rank->x);
    machine->strategy->split(rank->state, N, 0, NULL, rank->x);
    check_ok(machine->strategy->send(rank->state, &rank->comm));
}

static void
inner_step(struct machine *machine, size_t r, size_t i, double move)
{
    float *x = &machine->ranks[r].x[i], before = *x;
    *x += (float)move;
    machine->sum[i] += (double)*x - (double)before;
}

static void
drains(struct machine *machine, size_t r, enum sm_drain why)
{
    struct rank *rank = &machine->ranks[r];
    check_ok(machine->strategy->drain(rank->state, &rank->comm, N, rank->x, why));
}

/* Holds the ranks and the deltas in flight against what they should add up to; returns the
 * messages in flight, goodbyes too. */
static size_t
check_sums(struct machine *machine, double tolerance)
{
    double sum[N] = {0};
    size_t in_flight = 0;
    for (size_t to = 0; to < machine->size; to++) {
        for (size_t i = 0; i < N; i++)
            sum[i] += (double)machine->ranks[to].x[i];
        for (size_t from = 0; from < machine->size; from++)
            for (struct sm_parcel **p = machine->queue[to][from]; *p != NULL; p++, in_flight++)
                for (size_t i = 0; i < N && from % 2 == 1; i++)
                    sum[i] += (double)(*p)->x[i];
    }
    for (size_t i = 0; i < N; i++)
        check_near(sum[i], machine->sum[i], tolerance);
    return in_flight;
}

/* ---- pairs ---- */

/* 0 and 8. While 0 travels, rank 0 goes on to -1 and rank 1 to 6; 1 sees 0: delta = 3, and has 3.
 * Rank 0 is at -2 when delta arrives: 1. */
static void
a_pair_averages_what_was_sent_with_what_is_there(void **unused)
{
    (void)unused;
    struct machine machine;
    check_ok(machine_init(&machine, 2, "adpsgd", NULL));
    start_at(&machine, (const float[]){0, 8});
    float *active = &machine.ranks[0].x[0], *passive = &machine.ranks[1].x[0];
    looks(&machine, 1); /* ready to receive */
    looks(&machine, 0); /* its model leaves */
    check_near(machine.wire, N + 0.5, 0);
    inner_step(&machine, 0, 0, -1);
    inner_step(&machine, 1, 0, -2);
    looks(&machine, 1); /* not there yet */
    check_near(*passive, 6, 0);
    arrives(&machine, 0, 1);
    machine.wire = 0;
    looks(&machine, 1);
    check_near(*passive, 3, 0);
    check_near(machine.wire, N + 0.5, 0);
    assert_int_equal(check_sums(&machine, 0), 1);
    looks(&machine, 0); /* nothing to absorb, and one exchange at a time */
    assert_int_equal(machine.sent[0][1], 1);
    inner_step(&machine, 0, 0, -1);
    arrives(&machine, 1, 0);
    looks(&machine, 0);
    check_near(*active, 1, 0);
    assert_int_equal(machine.sent[0][1], 2); /* and off again, with what it has now */
    arrives(&machine, 0, 1);
    looks(&machine, 1); /* 3 and 1 */
    check_near(*passive, 2, 0);
    arrives(&machine, 1, 0);
    looks(&machine, 0);
    check_near(*active, 2, 0);
    check_sums(&machine, 0);
    machine_fini(&machine);
}

/* Ranks 0, 2 and 1 are at 0, 4 and 8; rank 3, at 4, changes nothing for rank 2, whose second peer
 * is rank 1. In rank order, whoever came first: 8 and 0 make 4, 4 and 4 make 4; the other way round
 * it would be 6 and 3. */
static void
models_that_wait_together_are_averaged_in_rank_order(void **unused)
{
    (void)unused;
    for (size_t first = 0; first <= 2; first += 2) {
        struct machine machine;
        check_ok(machine_init(&machine, 4, "{name: adpsgd, peers: scheduled}", NULL));
        start_at(&machine, (const float[]){0, 8, 4, 4});
        looks(&machine, 3);
        looks(&machine, 2);
        all_arrive(&machine);
        looks(&machine, 3);
        all_arrive(&machine);
        looks(&machine, 2); /* its model leaves for rank 1 */
        looks(&machine, 0);
        looks(&machine, 1);
        arrives(&machine, first, 1);
        arrives(&machine, 2 - first, 1);
        looks(&machine, 1);
        check_near(machine.ranks[1].x[0], 4, 0);
        check_near(machine.queue[0][1][0]->x[0], 4, 0);
        check_near(machine.queue[2][1][0]->x[0], 0, 0);
        machine_fini(&machine);
    }
}

/* ---- any order ---- */

/* Some messages arrive at somebody, who does a step then. Sums stay below 64 in each coordinate of
 * a rank; an event rounds at most four times. */
static void
play(struct machine *machine, size_t events, struct sm_rng *rng)
{
    const size_t size = machine->size;
    for (size_t k = 0; k < events; k++) {
        const size_t r = sm_rng_below(rng, size);
        for (size_t from = 0; from < size; from++)
            if (sm_rng_below(rng, 3) == 0 &&
                machine->queue[r][from][machine->arrived[r][from]] != NULL)
                arrives(machine, from, r);
        looks(machine, r);
        for (size_t i = 0; i < N; i++)
            inner_step(machine, r, i, sm_rng_normal(rng, 0.1));
        const size_t in_flight =
            check_sums(machine, (double)(4 * (k + 1)) * 64 * (double)FLT_EPSILON / 2);
        assert_true(in_flight <= size / 2); /* a model or its delta for each active rank */
    }
}

static void
the_sum_of_all_models_with_the_deltas_in_flight_is_conserved(void **unused)
{
    (void)unused;
    const char *peers[] = {"{name: adpsgd, peers: random}", "{name: adpsgd, peers: scheduled}"};
    for (size_t size = 2; size <= MOST; size += size < 6 ? 2 : 10)
        for (size_t p = 0; p < 2; p++) {
            struct machine machine;
            const float start[MOST] = {3, -1, 7, 2, 0, -8};
            check_ok(machine_init(&machine, size, peers[p], NULL));
            start_at(&machine, start);
            struct sm_rng *rng = sm_rng_create(&machine.arena, size, SM_RNG_TEST, p);
            play(&machine, 2000, rng);
            size_t answered = 0;
            for (size_t from = 1; from < size; from += 2)
                for (size_t to = 0; to < size; to += 2)
                    answered += machine.sent[from][to];
            assert_true(answered > 50);
            machine_fini(&machine);
        }
}

/* Without gradients all ranks come to the mean. */
static void
models_come_together(void **unused)
{
    (void)unused;
    for (size_t size = 2; size <= 8; size += 2) {
        struct machine machine;
        const float start[MOST] = {3, -1, 7, 2, 0, -8, 5, 4};
        check_ok(machine_init(&machine, size, "adpsgd", NULL));
        start_at(&machine, start);
        struct sm_rng *rng = sm_rng_create(&machine.arena, size, SM_RNG_TEST, 0);
        for (size_t k = 0; k < 1500; k++) {
            all_arrive(&machine);
            looks(&machine, sm_rng_below(rng, size));
        }
        for (size_t r = 0; r < size; r++)
            for (size_t i = 0; i < N; i++)
                check_near(machine.ranks[r].x[i], machine.sum[i] / (double)size, 1e-4);
        machine_fini(&machine);
    }
}

/* ---- peers ---- */

/* Runs exchanges one after another and writes down whom rank r sends to. */
static void
exchange(struct machine *machine, size_t r, size_t count, size_t *peers)
{
    for (size_t k = 0; k < count; k++) {
        size_t before[MOST];
        memcpy(before, machine->sent[r], sizeof before);
        looks(machine, r);
        peers[k] = 0;
        while (machine->sent[r][peers[k]] == before[peers[k]])
            peers[k]++;
        all_arrive(machine);
        looks(machine, peers[k]); /* gets ready, if it was not */
        looks(machine, peers[k]);
        all_arrive(machine);
    }
}

static void
scheduled_peers_are_odd_distances_ahead_in_turn(void **unused)
{
    (void)unused;
    static const struct {
        size_t size, rank, peers[5];
    } cases[] = {
        {2, 0, {1, 1, 1, 1, 1}},  {4, 0, {1, 3, 1, 3, 1}},     {4, 2, {3, 1, 3, 1, 3}},
        {8, 0, {1, 3, 5, 1, 3}},  {8, 6, {7, 1, 3, 7, 1}},     {10, 0, {1, 3, 5, 9, 1}},
        {10, 4, {5, 7, 9, 3, 5}}, {16, 14, {15, 1, 3, 7, 15}},
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        struct machine machine;
        size_t peers[5];
        check_ok(machine_init(&machine, cases[c].size, "{name: adpsgd, peers: scheduled}", NULL));
        exchange(&machine, cases[c].rank, 5, peers);
        for (size_t k = 0; k < 5; k++)
            assert_int_equal(peers[k], cases[c].peers[k]);
        machine_fini(&machine);
    }
}

/* Each of 4 passive ranks 100 times in 400, within 4 standard deviations of 8.7; every rank has a
 * stream of its own, the same in every run of the seed. */
static void
random_peers_are_drawn_alike(void **unused)
{
    (void)unused;
    enum { EXCHANGES = 400 };
    size_t peers[3][EXCHANGES];
    for (size_t k = 0; k < 3; k++) {
        struct machine machine;
        check_ok(machine_init(&machine, 8, "adpsgd", NULL));
        exchange(&machine, k == 2 ? 4 : 2, EXCHANGES, peers[k]);
        size_t count[MOST] = {0};
        for (size_t i = 0; i < EXCHANGES; i++)
            count[peers[k][i]]++;
        for (size_t r = 1; r < 8; r += 2)
            check_near((double)count[r], EXCHANGES / 4.0, 4 * sqrt(EXCHANGES * 3.0 / 16));
        machine_fini(&machine);
    }
    assert_memory_equal(peers[0], peers[1], sizeof peers[0]);
    assert_memory_not_equal(peers[0], peers[2], sizeof peers[0]);
}

/* ---- drains ---- */

/* Everybody drains, in any order that cannot block: the active ranks, whose deltas have come, then
 * the passive ones. */
static void
drain_all(struct machine *machine, enum sm_drain why)
{
    for (size_t k = 0; k < 2; k++) { /* models are answered */
        all_arrive(machine);
        for (size_t r = 1; r < machine->size; r += 2)
            looks(machine, r);
    }
    all_arrive(machine);
    for (size_t r = 0; r < machine->size; r += 2)
        drains(machine, r, why);
    all_arrive(machine);
    for (size_t r = 1; r < machine->size; r += 2)
        drains(machine, r, why);
}

static void
draining_takes_in_everything_in_flight_and_keeps_the_sum(void **unused)
{
    (void)unused;
    const enum sm_drain drains_of_a_run[] = {SM_DRAIN_ROUND, SM_DRAIN_AVERAGE, SM_DRAIN_AVERAGE,
                                             SM_DRAIN_END};
    for (size_t size = 2; size <= 6; size += 2) {
        struct machine machine;
        const float start[MOST] = {3, -1, 7, 2, 0, -8};
        check_ok(machine_init(&machine, size, "adpsgd", NULL));
        start_at(&machine, start);
        struct sm_rng *rng = sm_rng_create(&machine.arena, size, SM_RNG_TEST, 0);
        for (size_t d = 0; d < 4; d++) {
            play(&machine, 100, rng);
            drain_all(&machine, drains_of_a_run[d]);
            assert_int_equal(check_sums(&machine, 1e-3), 0);
            for (size_t r = 0; r < size; r++) /* the next play counts its own roundings */
                for (size_t i = 0; i < N; i++)
                    machine.sum[i] = (r == 0 ? 0 : machine.sum[i]) + (double)machine.ranks[r].x[i];
        }
        drain_all(&machine, SM_DRAIN_END); /* as where the last round ends with the run */
        assert_int_equal(check_sums(&machine, 1e-3), 0);
        machine_fini(&machine);
    }
}

/* Rank 0 has drained and is in its next round; rank 1 is not that far: it answers rank 2, which is
 * still in the old round, but not rank 0. */
static void
who_is_a_drain_ahead_is_answered_after_it(void **unused)
{
    (void)unused;
    struct machine machine;
    check_ok(machine_init(&machine, 4, "{name: adpsgd, peers: scheduled}", NULL));
    start_at(&machine, (const float[]){0, 8, 16, 0});
    looks(&machine, 1);
    looks(&machine, 3);
    drains(&machine, 0, SM_DRAIN_ROUND); /* says goodbye to 1 and 3 */
    looks(&machine, 0);                  /* its model leaves for 1 */
    looks(&machine, 2);                  /* for 3, which answers */
    all_arrive(&machine);
    looks(&machine, 3);
    all_arrive(&machine);
    check_near(machine.ranks[3].x[0], 8, 0);
    for (size_t k = 0; k < 3; k++)
        looks(&machine, 1);
    check_near(machine.ranks[1].x[0], 8, 0);
    assert_int_equal(machine.sent[1][0], 0);
    looks(&machine, 2); /* takes 3's delta, and sends its model of 8 to 1 */
    inner_step(&machine, 1, 0, -4);
    all_arrive(&machine);
    looks(&machine, 1);
    check_near(machine.ranks[1].x[0], 6, 0); /* 4 and 8 */
    assert_int_equal(machine.sent[1][0], 0);
    all_arrive(&machine);
    drains(&machine, 2, SM_DRAIN_ROUND);
    all_arrive(&machine);
    drains(&machine, 1, SM_DRAIN_ROUND);
    drains(&machine, 3, SM_DRAIN_ROUND);
    assert_int_equal(machine.sent[1][0], 0);
    looks(&machine, 1);
    looks(&machine, 1);
    assert_int_equal(machine.sent[1][0], 1);
    check_near(machine.ranks[1].x[0], 3, 0); /* 6 and 0 */
    machine_fini(&machine);
}

/* ---- compression, and what is refused ---- */

static bool
halves_feed_back(const void *state)
{
    (void)state;
    return true; /* of gradients; models keep what is lost */
}

static void
halves_encode(void *state, size_t n, float *x)
{
    (void)state;
    for (size_t i = 0; i < n; i++)
        x[i] = truncf(2 * x[i]) / 2;
}

static double
halves_wire(const void *state, size_t n, size_t size)
{
    (void)state;
    return size == 1 ? (double)n / 4 : 1e9;
}

static const struct sm_compression halves = {
    .about = {.name = "halves", .state_size = 1},
    .of_models = true,
    .feeds_back = halves_feed_back,
    .encode = halves_encode,
    .wire = halves_wire,
};
static const struct sm_choice halves_choice = {&halves.about, ""};

/* 0.75 travels as 0.5. 8 - 0.5 is 7.5, its half of 3.75 travels as 3.5: 4.5 and 4.25. Of 4.25
 * travels 4; half of 0.5 is nothing, also the second time. */
static void
what_compression_loses_stays_in_the_models(void **unused)
{
    (void)unused;
    struct machine machine;
    check_ok(machine_init(&machine, 2, "adpsgd", &halves_choice));
    start_at(&machine, (const float[]){0.75f, 8});
    looks(&machine, 1);
    for (size_t k = 0; k < 4; k++) {
        looks(&machine, 0);
        check_near(machine.wire, N / 4.0 + 0.5, 0);
        all_arrive(&machine);
        machine.wire = 0;
        looks(&machine, 1);
        check_near(machine.wire, N / 4.0 + 0.5, 0);
        check_near(machine.ranks[1].x[0], 4.5, 0);
        all_arrive(&machine);
        check_sums(&machine, 0);
    }
    looks(&machine, 0);
    check_near(machine.ranks[0].x[0], 4.25, 0);
    check_sums(&machine, 0);
    machine_fini(&machine);
}

static void
an_odd_number_of_workers_is_refused(void **unused)
{
    (void)unused;
    for (size_t size = 1; size <= 9; size += 2) {
        struct machine machine;
        check_fails(machine_init(&machine, size, "adpsgd", NULL), SM_ERR_INPUT,
                    "workers is odd, expected an even number");
        machine_fini(&machine);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pair_averages_what_was_sent_with_what_is_there),
        cmocka_unit_test(models_that_wait_together_are_averaged_in_rank_order),
        cmocka_unit_test(the_sum_of_all_models_with_the_deltas_in_flight_is_conserved),
        cmocka_unit_test(models_come_together),
        cmocka_unit_test(scheduled_peers_are_odd_distances_ahead_in_turn),
        cmocka_unit_test(random_peers_are_drawn_alike),
        cmocka_unit_test(draining_takes_in_everything_in_flight_and_keeps_the_sum),
        cmocka_unit_test(who_is_a_drain_ahead_is_answered_after_it),
        cmocka_unit_test(what_compression_loses_stays_in_the_models),
        cmocka_unit_test(an_odd_number_of_workers_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
