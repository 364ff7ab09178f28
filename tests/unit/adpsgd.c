/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/adpsgd.c -- asynchronous gossip: what a pair computes, what is conserved whoever comes
 * when, and what a drain waits for.
 *
 * A rank does a step when the test says so, and a message is there when the test lets it arrive, so
 * every order can be played.
 */
#include "tests/helpers/check.h"

#include <float.h>
#include <math.h>

#include "algorithms/strategy/strategy.h"
#include "sim/base/rng.h"
#include "tests/helpers/mailbox.h"

enum { MOST = MAILBOX_RANKS, N = MAILBOX_N };

static enum sm_status
begin(struct mailboxes *boxes, size_t size, const char *yaml,
      const struct sm_compression *compression)
{
    const struct sm_comm comm = {.ops = &mailbox_ops,
                                 .size = size,
                                 .seed = 7,
                                 .devices = 1,
                                 .wire_scale = 1,
                                 .statistics = 0.5};
    SM_TRY(mailboxes_init_with(boxes, &comm, NULL, yaml, compression));
    boxes->delivery = MAILBOX_BY_HAND;
    return SM_OK;
}

/* Nobody keeps a parcel, has two receipts open for a peer, or sends to its own side. */
static void
end(struct mailboxes *boxes)
{
    assert_true(boxes->waiting <= 1);
    for (size_t r = 0; r < boxes->size; r++) {
        assert_true(mailbox_parcels(&boxes->ranks[r]) <= boxes->size / 2 + 3);
        for (size_t to = r % 2; to < boxes->size; to += 2)
            assert_int_equal(boxes->queue[to][r].sent + boxes->queue[to][r].count, 0);
    }
    mailboxes_fini(boxes);
}

/* Coordinate 0 of every rank, whole numbers in the others. */
static void
start_at(struct mailboxes *boxes, const float *x)
{
    for (size_t i = 0; i < N; i++)
        boxes->sum[i] = 0;
    for (size_t r = 0; r < boxes->size; r++)
        for (size_t i = 0; i < N; i++) {
            boxes->ranks[r].x[i] = i == 0 ? x[r] : (float)(r * i + i);
            boxes->sum[i] += (double)boxes->ranks[r].x[i];
        }
}

/* The loop's step up to the gradient; the view is always the model itself. */
static void
looks(struct mailboxes *boxes, size_t r)
{
    mailbox_step(&boxes->ranks[r], NULL);
    assert_ptr_equal(boxes->ranks[r].viewed_at, boxes->ranks[r].x);
}

static void
inner_step(struct mailboxes *boxes, size_t r, size_t i, double move)
{
    float *x = &boxes->ranks[r].x[i], before = *x;
    *x += (float)move;
    boxes->sum[i] += (double)*x - (double)before;
}

/* Holds the ranks and the deltas in flight against what they should add up to; returns the
 * messages in flight, goodbyes too. */
static size_t
check_sums(struct mailboxes *boxes, double tolerance)
{
    double sum[N];
    const size_t in_flight = mailboxes_sum(boxes, false, sum);
    for (size_t to = 0; to < boxes->size; to += 2)
        for (size_t from = 1; from < boxes->size; from += 2)
            for (size_t p = 0; p < boxes->queue[to][from].count; p++)
                for (size_t i = 0; i < N; i++)
                    sum[i] += (double)boxes->queue[to][from].parcels[p]->x[i];
    for (size_t i = 0; i < N; i++)
        check_near(sum[i], boxes->sum[i], tolerance);
    return in_flight;
}

/* ---- pairs ---- */

/* 0 and 8. While 0 travels, rank 0 goes on to -1 and rank 1 to 6; 1 sees 0: delta = 3, and has 3.
 * Rank 0 is at -2 when delta arrives: 1. */
static void
a_pair_averages_what_was_sent_with_what_is_there(void **unused)
{
    (void)unused;
    struct mailboxes boxes;
    check_ok(begin(&boxes, 2, "adpsgd", NULL));
    start_at(&boxes, (const float[]){0, 8});
    float *active = &boxes.ranks[0].x[0], *passive = &boxes.ranks[1].x[0];
    looks(&boxes, 1); /* ready to receive */
    looks(&boxes, 0); /* its model leaves */
    check_near(boxes.wire, N + 0.5, 0);
    inner_step(&boxes, 0, 0, -1);
    inner_step(&boxes, 1, 0, -2);
    looks(&boxes, 1); /* not there yet */
    check_near(*passive, 6, 0);
    mailbox_arrives(&boxes, 0, 1);
    boxes.wire = 0;
    looks(&boxes, 1);
    check_near(*passive, 3, 0);
    check_near(boxes.wire, N + 0.5, 0);
    assert_int_equal(check_sums(&boxes, 0), 1);
    looks(&boxes, 0); /* nothing to absorb, and one exchange at a time */
    assert_int_equal(boxes.queue[1][0].sent, 1);
    inner_step(&boxes, 0, 0, -1);
    mailbox_arrives(&boxes, 1, 0);
    looks(&boxes, 0);
    check_near(*active, 1, 0);
    assert_int_equal(boxes.queue[1][0].sent, 2); /* and off again, with what it has now */
    mailbox_arrives(&boxes, 0, 1);
    looks(&boxes, 1); /* 3 and 1 */
    check_near(*passive, 2, 0);
    mailbox_arrives(&boxes, 1, 0);
    looks(&boxes, 0);
    check_near(*active, 2, 0);
    check_sums(&boxes, 0);
    end(&boxes);
}

/* Ranks 0, 2 and 1 are at 0, 4 and 8; rank 3, at 4, changes nothing for rank 2, whose second peer
 * is rank 1. In rank order, whoever came first: 8 and 0 make 4, 4 and 4 make 4; the other way round
 * it would be 6 and 3. */
static void
models_that_wait_together_are_averaged_in_rank_order(void **unused)
{
    (void)unused;
    for (size_t first = 0; first <= 2; first += 2) {
        struct mailboxes boxes;
        check_ok(begin(&boxes, 4, "{name: adpsgd, peers: scheduled}", NULL));
        start_at(&boxes, (const float[]){0, 8, 4, 4});
        looks(&boxes, 3);
        looks(&boxes, 2);
        mailboxes_arrive(&boxes);
        looks(&boxes, 3);
        mailboxes_arrive(&boxes);
        looks(&boxes, 2); /* its model leaves for rank 1 */
        looks(&boxes, 0);
        looks(&boxes, 1);
        mailbox_arrives(&boxes, first, 1);
        mailbox_arrives(&boxes, 2 - first, 1);
        looks(&boxes, 1);
        check_near(boxes.ranks[1].x[0], 4, 0);
        check_near(boxes.queue[0][1].parcels[0]->x[0], 4, 0);
        check_near(boxes.queue[2][1].parcels[0]->x[0], 0, 0);
        end(&boxes);
    }
}

/* ---- any order ---- */

/* Some messages arrive at somebody, who does a step then. Sums stay below 64 in each coordinate of
 * a rank; an event rounds at most four times. */
static void
play(struct mailboxes *boxes, size_t events, struct sm_rng *rng)
{
    const size_t size = boxes->size;
    for (size_t k = 0; k < events; k++) {
        const size_t r = sm_rng_below(rng, size);
        for (size_t from = 0; from < size; from++)
            if (sm_rng_below(rng, 3) == 0 &&
                boxes->queue[r][from].arrived < boxes->queue[r][from].count)
                mailbox_arrives(boxes, from, r);
        looks(boxes, r);
        for (size_t i = 0; i < N; i++)
            inner_step(boxes, r, i, sm_rng_normal(rng, 0.1));
        const size_t in_flight =
            check_sums(boxes, (double)(4 * (k + 1)) * 64 * (double)FLT_EPSILON / 2);
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
            struct mailboxes boxes;
            const float start[MOST] = {3, -1, 7, 2, 0, -8};
            check_ok(begin(&boxes, size, peers[p], NULL));
            start_at(&boxes, start);
            struct sm_rng *rng = sm_rng_create(&boxes.arena, size, SM_RNG_TEST, p);
            play(&boxes, 2000, rng);
            size_t answered = 0;
            for (size_t from = 1; from < size; from += 2)
                for (size_t to = 0; to < size; to += 2)
                    answered += boxes.queue[to][from].sent;
            assert_true(answered > 50);
            end(&boxes);
        }
}

/* Without gradients all ranks come to the mean. */
static void
models_come_together(void **unused)
{
    (void)unused;
    for (size_t size = 2; size <= 8; size += 2) {
        struct mailboxes boxes;
        const float start[MOST] = {3, -1, 7, 2, 0, -8, 5, 4};
        check_ok(begin(&boxes, size, "adpsgd", NULL));
        start_at(&boxes, start);
        struct sm_rng *rng = sm_rng_create(&boxes.arena, size, SM_RNG_TEST, 0);
        for (size_t k = 0; k < 1500; k++) {
            mailboxes_arrive(&boxes);
            looks(&boxes, sm_rng_below(rng, size));
        }
        for (size_t r = 0; r < size; r++)
            for (size_t i = 0; i < N; i++)
                check_near(boxes.ranks[r].x[i], boxes.sum[i] / (double)size, 1e-4);
        end(&boxes);
    }
}

/* ---- peers ---- */

/* Runs exchanges one after another and writes down whom rank r sends to. */
static void
exchange(struct mailboxes *boxes, size_t r, size_t count, size_t *peers)
{
    for (size_t k = 0; k < count; k++) {
        size_t before[MOST];
        for (size_t to = 0; to < boxes->size; to++)
            before[to] = boxes->queue[to][r].sent;
        looks(boxes, r);
        peers[k] = 0;
        while (boxes->queue[peers[k]][r].sent == before[peers[k]])
            peers[k]++;
        mailboxes_arrive(boxes);
        looks(boxes, peers[k]); /* gets ready, if it was not */
        looks(boxes, peers[k]);
        mailboxes_arrive(boxes);
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
        struct mailboxes boxes;
        size_t peers[5];
        check_ok(begin(&boxes, cases[c].size, "{name: adpsgd, peers: scheduled}", NULL));
        exchange(&boxes, cases[c].rank, 5, peers);
        for (size_t k = 0; k < 5; k++)
            assert_int_equal(peers[k], cases[c].peers[k]);
        end(&boxes);
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
        struct mailboxes boxes;
        check_ok(begin(&boxes, 8, "adpsgd", NULL));
        exchange(&boxes, k == 2 ? 4 : 2, EXCHANGES, peers[k]);
        size_t count[MOST] = {0};
        for (size_t i = 0; i < EXCHANGES; i++)
            count[peers[k][i]]++;
        for (size_t r = 1; r < 8; r += 2)
            check_near((double)count[r], EXCHANGES / 4.0, 4 * sqrt(EXCHANGES * 3.0 / 16));
        end(&boxes);
    }
    assert_memory_equal(peers[0], peers[1], sizeof peers[0]);
    assert_memory_not_equal(peers[0], peers[2], sizeof peers[0]);
}

/* ---- drains ---- */

/* Everybody drains, in any order that cannot block: the active ranks, whose deltas have come, then
 * the passive ones. */
static void
drain_all(struct mailboxes *boxes, enum sm_drain why)
{
    for (size_t k = 0; k < 2; k++) { /* models are answered */
        mailboxes_arrive(boxes);
        for (size_t r = 1; r < boxes->size; r += 2)
            looks(boxes, r);
    }
    mailboxes_arrive(boxes);
    for (size_t r = 0; r < boxes->size; r += 2)
        mailbox_drain(&boxes->ranks[r], why);
    mailboxes_arrive(boxes);
    for (size_t r = 1; r < boxes->size; r += 2)
        mailbox_drain(&boxes->ranks[r], why);
}

static void
draining_takes_in_everything_in_flight_and_keeps_the_sum(void **unused)
{
    (void)unused;
    const enum sm_drain drains_of_a_run[] = {SM_DRAIN_ROUND, SM_DRAIN_AVERAGE, SM_DRAIN_AVERAGE,
                                             SM_DRAIN_END};
    for (size_t size = 2; size <= 6; size += 2) {
        struct mailboxes boxes;
        const float start[MOST] = {3, -1, 7, 2, 0, -8};
        check_ok(begin(&boxes, size, "adpsgd", NULL));
        start_at(&boxes, start);
        struct sm_rng *rng = sm_rng_create(&boxes.arena, size, SM_RNG_TEST, 0);
        for (size_t d = 0; d < 4; d++) {
            play(&boxes, 100, rng);
            drain_all(&boxes, drains_of_a_run[d]);
            assert_int_equal(check_sums(&boxes, 1e-3), 0);
            for (size_t r = 0; r < size; r++) /* the next play counts its own roundings */
                for (size_t i = 0; i < N; i++)
                    boxes.sum[i] = (r == 0 ? 0 : boxes.sum[i]) + (double)boxes.ranks[r].x[i];
        }
        drain_all(&boxes, SM_DRAIN_END); /* as where the last round ends with the run */
        assert_int_equal(check_sums(&boxes, 1e-3), 0);
        end(&boxes);
    }
}

/* Rank 0 has drained and is in its next round; rank 1 is not that far: it answers rank 2, which is
 * still in the old round, but not rank 0. */
static void
who_is_a_drain_ahead_is_answered_after_it(void **unused)
{
    (void)unused;
    struct mailboxes boxes;
    check_ok(begin(&boxes, 4, "{name: adpsgd, peers: scheduled}", NULL));
    start_at(&boxes, (const float[]){0, 8, 16, 0});
    looks(&boxes, 1);
    looks(&boxes, 3);
    mailbox_drain(&boxes.ranks[0], SM_DRAIN_ROUND); /* says goodbye to 1 and 3 */
    looks(&boxes, 0);                               /* its model leaves for 1 */
    looks(&boxes, 2);                               /* for 3, which answers */
    mailboxes_arrive(&boxes);
    looks(&boxes, 3);
    mailboxes_arrive(&boxes);
    check_near(boxes.ranks[3].x[0], 8, 0);
    for (size_t k = 0; k < 3; k++)
        looks(&boxes, 1);
    check_near(boxes.ranks[1].x[0], 8, 0);
    assert_int_equal(boxes.queue[0][1].sent, 0);
    looks(&boxes, 2); /* takes 3's delta, and sends its model of 8 to 1 */
    inner_step(&boxes, 1, 0, -4);
    mailboxes_arrive(&boxes);
    looks(&boxes, 1);
    check_near(boxes.ranks[1].x[0], 6, 0); /* 4 and 8 */
    assert_int_equal(boxes.queue[0][1].sent, 0);
    mailboxes_arrive(&boxes);
    mailbox_drain(&boxes.ranks[2], SM_DRAIN_ROUND);
    mailboxes_arrive(&boxes);
    mailbox_drain(&boxes.ranks[1], SM_DRAIN_ROUND);
    mailbox_drain(&boxes.ranks[3], SM_DRAIN_ROUND);
    assert_int_equal(boxes.queue[0][1].sent, 0);
    looks(&boxes, 1);
    looks(&boxes, 1);
    assert_int_equal(boxes.queue[0][1].sent, 1);
    check_near(boxes.ranks[1].x[0], 3, 0); /* 6 and 0 */
    end(&boxes);
}

/* ---- compression, and what is refused ---- */

static void
halves_encode(void *state, size_t n, float *x)
{
    (void)state;
    for (size_t i = 0; i < n; i++)
        x[i] = truncf(2 * x[i]) / 2;
}

static const struct sm_compression halves = {
    .about = {.name = "halves", .state_size = 1},
    .of_models = true,
    .feeds_back = mailbox_feeds_back, /* of gradients; models keep what is lost */
    .encode = halves_encode,
    .wire = mailbox_wire,
};

/* 0.75 travels as 0.5. 8 - 0.5 is 7.5, its half of 3.75 travels as 3.5: 4.5 and 4.25. Of 4.25
 * travels 4; half of 0.5 is nothing, also the second time. */
static void
what_compression_loses_stays_in_the_models(void **unused)
{
    (void)unused;
    struct mailboxes boxes;
    check_ok(begin(&boxes, 2, "adpsgd", &halves));
    start_at(&boxes, (const float[]){0.75f, 8});
    looks(&boxes, 1);
    for (size_t k = 0; k < 4; k++) {
        looks(&boxes, 0);
        check_near(boxes.wire, N / 4.0 + 0.5, 0);
        mailboxes_arrive(&boxes);
        boxes.wire = 0;
        looks(&boxes, 1);
        check_near(boxes.wire, N / 4.0 + 0.5, 0);
        check_near(boxes.ranks[1].x[0], 4.5, 0);
        mailboxes_arrive(&boxes);
        check_sums(&boxes, 0);
    }
    looks(&boxes, 0);
    check_near(boxes.ranks[0].x[0], 4.25, 0);
    check_sums(&boxes, 0);
    end(&boxes);
}

static void
an_odd_number_of_workers_is_refused(void **unused)
{
    (void)unused;
    for (size_t size = 1; size <= 9; size += 2) {
        struct mailboxes boxes;
        check_fails(begin(&boxes, size, "adpsgd", NULL), SM_ERR_INPUT,
                    "workers is odd, expected an even number");
        end(&boxes);
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
