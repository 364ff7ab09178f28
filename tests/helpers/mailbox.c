/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/helpers/mailbox.c -- see mailbox.h. */
#include "tests/helpers/mailbox.h"

#include <math.h>
#include <string.h>

#include "tests/helpers/check.h"
#include "tests/helpers/training.h"

static struct mailbox_rank *
rank_of(struct sm_comm *comm)
{
    return (struct mailbox_rank *)comm;
}

static enum sm_status
mailbox_isend(struct sm_comm *comm, size_t to, struct sm_parcel *parcel)
{
    struct mailboxes *boxes = rank_of(comm)->boxes;
    size_t *count = &boxes->queue[to][comm->rank].count;
    assert_int_not_equal(to, comm->rank);
    assert_true(*count < MAILBOX_QUEUE);
    boxes->queue[to][comm->rank].parcels[*count] = parcel;
    boxes->queue[to][comm->rank].steps[*count] = rank_of(comm)->steps;
    ++*count;
    sm_parcel_hold(parcel);
    if (parcel->n == 0) {
        check_near(parcel->wire, 0, 0);
    } else {
        assert_true(parcel->n == MAILBOX_N || parcel->n == 2 * MAILBOX_N); /* with the buffer */
        boxes->queue[to][comm->rank].sent++;
        boxes->wire = parcel->wire;
    }
    return SM_OK;
}

static enum sm_status
mailbox_irecv(struct sm_comm *comm, size_t from, struct sm_parcel **parcel,
              struct sm_request **request)
{
    struct mailboxes *boxes = rank_of(comm)->boxes;
    *request = sm_arena_alloc(&boxes->arena, 1, sizeof **request);
    assert_non_null(*request);
    **request = (struct sm_request){from, boxes->queue[comm->rank][from].posted++, parcel};
    size_t open = boxes->queue[comm->rank][from].posted - boxes->queue[comm->rank][from].taken;
    boxes->waiting = open > boxes->waiting ? open : boxes->waiting;
    static struct sm_parcel nothing;        /* nobody may look before it was waited for */
    if (boxes->delivery != MAILBOX_BY_HAND) /* who does not wait may look for a parcel of its own */
        *parcel = &nothing;
    return SM_OK;
}

/* Fails when the rank waits for what nobody sent, or for a message before an older one of the same
 * sender. */
static enum sm_status
mailbox_wait(struct sm_comm *comm, struct sm_request **request)
{
    struct mailbox_rank *rank = rank_of(comm);
    if (*request == NULL)
        return SM_OK;
    size_t from = (*request)->from;
    struct sm_parcel **parcels = rank->boxes->queue[comm->rank][from].parcels;
    size_t *steps = rank->boxes->queue[comm->rank][from].steps;
    assert_true(rank->boxes->queue[comm->rank][from].count > 0);
    assert_int_equal((*request)->index, rank->boxes->queue[comm->rank][from].taken++);
    if (rank->boxes->delivery == MAILBOX_BY_HAND)
        assert_true(rank->boxes->queue[comm->rank][from].arrived-- > 0);
    *(*request)->parcel = parcels[0];
    if (rank->steps > steps[0] && rank->steps - steps[0] > rank->boxes->latest)
        rank->boxes->latest = rank->steps - steps[0];
    size_t left = --rank->boxes->queue[comm->rank][from].count;
    memmove(parcels, parcels + 1, left * sizeof(struct sm_parcel *));
    memmove(steps, steps + 1, left * sizeof *steps);
    *request = NULL;
    return SM_OK;
}

static enum sm_status
mailbox_test(struct sm_comm *comm, struct sm_request **request, bool *done)
{
    struct mailboxes *boxes = rank_of(comm)->boxes;
    *done = true;
    if (*request == NULL)
        return SM_OK;
    size_t from = (*request)->from, taken = boxes->queue[comm->rank][from].taken;
    *done = (*request)->index - taken < boxes->queue[comm->rank][from].count;
    if (boxes->delivery == MAILBOX_WHEN_DUE)
        *done = false;
    else if (boxes->delivery == MAILBOX_AT_RANDOM)
        *done = *done && sm_rng_below(boxes->rng, 3) == 0;
    else if (boxes->delivery == MAILBOX_BY_HAND)
        *done = (*request)->index - taken < boxes->queue[comm->rank][from].arrived;
    return SM_OK;
}

static enum sm_status
mailbox_wait_any(struct sm_comm *comm, struct sm_request **requests, size_t count, size_t *which)
{
    for (*which = 0; *which < count; ++*which) {
        bool done = false;
        if (requests[*which] != NULL)
            check_ok(mailbox_test(comm, &requests[*which], &done));
        if (done)
            return mailbox_wait(comm, &requests[*which]);
    }
    fail_msg("rank %zu blocks", comm->rank);
    return SM_OK;
}

const struct sm_comm_ops mailbox_ops = {
    .isend = mailbox_isend,
    .irecv = mailbox_irecv,
    .wait = mailbox_wait,
    .wait_any = mailbox_wait_any,
    .test = mailbox_test,
};

bool
mailbox_feeds_back(const void *state)
{
    (void)state;
    return true;
}

double
mailbox_wire(const void *state, size_t n, size_t size)
{
    (void)state;
    return size == 1 ? (double)n / 4 : 1e9;
}

static void
quarters_encode(void *state, size_t n, float *x)
{
    (void)state;
    for (size_t i = 0; i < n; i++)
        x[i] = roundf(4 * x[i]) / 4;
}

static double
quarters_wire(const void *state, size_t n, size_t size)
{
    (void)state;
    (void)size;
    return (double)n / 8;
}

const struct sm_compression mailbox_quarters = {
    .about = {.name = "quarters"},
    .of_models = true,
    .feeds_back = mailbox_feeds_back,
    .encode = quarters_encode,
    .wire = quarters_wire,
};

enum sm_status
mailboxes_init_with(struct mailboxes *boxes, const struct sm_comm *comm, const float *x0,
                    const char *yaml, const struct sm_compression *compression)
{
    *boxes = (struct mailboxes){.size = comm->size};
    boxes->rng = sm_rng_create(&boxes->arena, 1, SM_RNG_TEST, comm->size);
    const struct sm_choice choice = {compression != NULL ? &compression->about : NULL, ""};
    assert_in_range(comm->size + comm->servers, 1, MAILBOX_RANKS);
    for (size_t r = 0; r < comm->size + comm->servers; r++) {
        struct mailbox_rank *rank = &boxes->ranks[r];
        rank->boxes = boxes;
        rank->comm = *comm;
        rank->comm.rank = r;
        boxes->strategy = (const struct sm_strategy *)plugin_state(&boxes->arena, &sm_axis_strategy,
                                                                   yaml, &rank->state);
        boxes->early = boxes->strategy->manner != NULL &&
                       (boxes->strategy->manner(rank->state) & SM_SENDS_EARLY) != 0;
        struct sm_setup setup = *plugin_setup(&boxes->arena, MAILBOX_N, x0, &rank->comm);
        rank->buffer = (struct sm_buffer){rank->u, MAILBOX_N, false};
        setup.buffers = &rank->buffer;
        setup.buffer_count = 1;
        if (compression != NULL)
            setup.compression = &choice;
        SM_TRY(boxes->strategy->init(rank->state, &setup));
    }
    return SM_OK;
}

enum sm_status
mailboxes_init(struct mailboxes *boxes, size_t size, const char *yaml,
               const struct sm_compression *compression)
{
    const struct sm_comm comm = {
        .ops = &mailbox_ops, .size = size, .seed = 7, .devices = 1, .wire_scale = 1};
    SM_TRY(mailboxes_init_with(boxes, &comm, NULL, yaml, compression));
    for (size_t r = 0; r < size; r++)
        for (size_t i = 0; i < MAILBOX_N; i++) {
            boxes->ranks[r].x[i] = i == 0 ? 1 : (float)((r + 1) * i);
            boxes->sum[i] += (double)boxes->ranks[r].x[i];
        }
    return SM_OK;
}

void
mailboxes_fini(struct mailboxes *boxes)
{
    for (size_t r = 0; r < MAILBOX_RANKS; r++)
        if (boxes->ranks[r].boxes != NULL)
            sm_comm_fini(&boxes->ranks[r].comm);
    sm_arena_fini(&boxes->arena);
}

size_t
mailbox_parcels(const struct mailbox_rank *rank)
{
    size_t made = 0;
    for (const struct sm_parcel *p = rank->comm.parcels; p != NULL; p = p->next)
        made++;
    return made;
}

static void
absorb(struct mailbox_rank *rank)
{
    const float *view = NULL;
    check_ok(rank->boxes->strategy->receive(rank->state, &rank->comm));
    rank->boxes->strategy->absorb(rank->state, MAILBOX_N, rank->x, &view);
    memcpy(rank->view, view, sizeof rank->view);
}

static void
split_and_send(struct mailbox_rank *rank)
{
    rank->boxes->strategy->split(rank->state, MAILBOX_N, 0, NULL, rank->x);
    check_ok(rank->boxes->strategy->send(rank->state, &rank->comm));
}

void
mailbox_step(struct mailbox_rank *rank, mailbox_gradient gradient)
{
    const struct sm_strategy *strategy = rank->boxes->strategy;
    const float *view = NULL;
    float g[MAILBOX_N] = {0};
    check_ok(strategy->receive(rank->state, &rank->comm));
    strategy->absorb(rank->state, MAILBOX_N, rank->x, &view);
    rank->viewed_at = view;
    memcpy(rank->view, view, sizeof rank->view);
    if (rank->boxes->early)
        split_and_send(rank);
    assert_memory_equal(rank->view, view, sizeof rank->view); /* valid until the next call */
    if (gradient != NULL)
        gradient(rank, view, g);
    for (size_t i = 0; i < MAILBOX_N; i++) {
        float before = rank->x[i];
        rank->x[i] -= g[i];
        rank->boxes->sum[i] += (double)rank->x[i] - (double)before;
    }
    if (!rank->boxes->early)
        split_and_send(rank);
    rank->steps++;
}

void
mailboxes_step(struct mailboxes *boxes, mailbox_gradient gradient)
{
    for (size_t r = 0; r < boxes->size; r++)
        mailbox_step(&boxes->ranks[r], gradient);
}

void
mailboxes_step_any(struct mailboxes *boxes, size_t period, mailbox_gradient gradient)
{
    size_t least = boxes->ranks[0].steps, able[MAILBOX_RANKS], count = 0;
    for (size_t r = 1; r < boxes->size; r++)
        least = boxes->ranks[r].steps < least ? boxes->ranks[r].steps : least;
    for (size_t r = 0; r < boxes->size; r++)
        if (boxes->ranks[r].steps / period * period < least + period)
            able[count++] = r;
    mailbox_step(&boxes->ranks[able[sm_rng_below(boxes->rng, count)]], gradient);
}

void
mailboxes_absorb(struct mailboxes *boxes)
{
    for (size_t r = 0; r < boxes->size; r++)
        absorb(&boxes->ranks[r]);
}

void
mailbox_drain(struct mailbox_rank *rank, enum sm_drain why)
{
    check_ok(rank->boxes->strategy->drain(rank->state, &rank->comm, MAILBOX_N, rank->x, why));
}

void
mailboxes_drain(struct mailboxes *boxes, enum sm_drain why)
{
    for (size_t r = 0; r < boxes->size; r++)
        mailbox_drain(&boxes->ranks[r], why);
}

void
mailbox_arrives(struct mailboxes *boxes, size_t from, size_t to)
{
    assert_true(boxes->queue[to][from].arrived < boxes->queue[to][from].count);
    boxes->queue[to][from].arrived++;
}

void
mailboxes_arrive(struct mailboxes *boxes)
{
    for (size_t to = 0; to < boxes->size; to++)
        for (size_t from = 0; from < boxes->size; from++)
            boxes->queue[to][from].arrived = boxes->queue[to][from].count;
}

size_t
mailboxes_sum(const struct mailboxes *boxes, bool with_flight, double *sum)
{
    size_t in_flight = 0;
    for (size_t i = 0; i < MAILBOX_N; i++)
        sum[i] = 0;
    for (size_t to = 0; to < boxes->size; to++) {
        for (size_t i = 0; i < MAILBOX_N; i++)
            sum[i] += (double)boxes->ranks[to].x[i];
        for (size_t from = 0; from < boxes->size; from++)
            for (size_t p = 0; p < boxes->queue[to][from].count; p++, in_flight++)
                for (size_t i = 0; i < MAILBOX_N && with_flight; i++)
                    sum[i] += (double)boxes->queue[to][from].parcels[p]->x[i];
    }
    return in_flight;
}

void
mailbox_parabola(const struct mailbox_rank *rank, const float *view, float *g)
{
    for (size_t i = 1; i < MAILBOX_N; i++)
        g[i] = 0.1f * (view[i] - ((float)rank->comm.rank - 2));
}

void
mailbox_noise(const struct mailbox_rank *rank, const float *view, float *g)
{
    (void)view;
    for (size_t i = 1; i < MAILBOX_N; i++)
        g[i] = (float)sm_rng_normal(rank->boxes->rng, 0.1);
}

const char *
mailbox_edges(struct sm_arena *arena, const char *strategy, size_t size)
{
    const char *list = "0,1";
    for (size_t rank = 2; rank < size; rank++)
        list = sm_arena_printf(arena, "%s, %zu,%zu", list, rank, (rank - 1) / 2);
    if (size > 2)
        list = sm_arena_printf(arena, "%s, %zu,1", list, size - 1);
    return sm_arena_printf(arena, "{name: %s, topology: edges, edges: [%s]}", strategy, list);
}
