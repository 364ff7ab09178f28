/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/helpers/mailbox.h -- the ranks of a strategy in one thread, step by step, with messages
 * that arrive when the test says so, so that everything in flight can be counted.
 *
 * Coordinate 0 starts as 1 on every rank and has no gradient: under push-sum it goes through the
 * arithmetic of the weight, so it is w; under symmetric mixing it stays 1.
 */
#ifndef SM_TESTS_HELPERS_MAILBOX_H
#define SM_TESTS_HELPERS_MAILBOX_H

#include "algorithms/inner/inner.h"
#include "algorithms/strategy/strategy.h"
#include "sim/base/rng.h"

enum { MAILBOX_RANKS = 16, MAILBOX_N = 3, MAILBOX_QUEUE = 16 };

/* What `test` answers of a message that was sent. */
enum mailbox_delivery { MAILBOX_AT_ONCE, MAILBOX_WHEN_DUE, MAILBOX_AT_RANDOM, MAILBOX_BY_HAND };

struct mailboxes;

/* A receipt. */
struct sm_request {
    size_t from, index; /* index: receipts from there posted before */
    struct sm_parcel **parcel;
};

struct mailbox_rank {
    struct sm_comm comm; /* first: ops get a pointer to it */
    struct mailboxes *boxes;
    void *state;
    size_t steps; /* done */
    float x[MAILBOX_N];
    float view[MAILBOX_N];  /* that the last gradient was taken at */
    const float *viewed_at; /* where the strategy had it           */
    float u[MAILBOX_N];     /* a buffer of the inner optimizer     */
    struct sm_buffer buffer;
};

struct mailboxes {
    size_t size;
    struct mailbox_rank ranks[MAILBOX_RANKS];
    const struct sm_strategy *strategy;
    bool early; /* messages leave before the gradient */
    enum mailbox_delivery delivery;
    size_t latest;  /* steps between sending and taking in, so far */
    size_t waiting; /* receipts of one sender that stood open at once, at most, so far */
    double wire;    /* of the last message that was not empty                          */
    struct sm_rng *rng;
    struct sm_arena arena;
    double sum[MAILBOX_N]; /* what the models have to add up to */
    struct {
        struct sm_parcel *parcels[MAILBOX_QUEUE]; /* oldest first */
        size_t steps[MAILBOX_QUEUE], count, posted, taken;
        size_t arrived;                    /* by hand: the first ones of them are there */
        size_t sent;                       /* so far, but for empty ones                */
    } queue[MAILBOX_RANKS][MAILBOX_RANKS]; /* [to][from]; servers are behind the ranks */
};

/* isend, irecv, wait, wait_any and test. */
extern const struct sm_comm_ops mailbox_ops;

/* x (N) moves by what gradient (NULL: nothing) writes into g (N), learning rate included. */
typedef void (*mailbox_gradient)(const struct mailbox_rank *rank, const float *view, float *g);

/* Rank r starts at coordinates (1, r + 1, 2 r + 2). compression: NULL for none. */
enum sm_status mailboxes_init(struct mailboxes *boxes, size_t size, const char *yaml,
                              const struct sm_compression *compression);
/* The same from zeros, where `comm` is what all ranks and servers have in common and x0 (N) the
 * start that the strategy is told, NULL: zeros. */
enum sm_status mailboxes_init_with(struct mailboxes *boxes, const struct sm_comm *comm,
                                   const float *x0, const char *yaml,
                                   const struct sm_compression *compression);
void mailboxes_fini(struct mailboxes *boxes);
/* Parcels that a rank has made so far: they are used again. */
size_t mailbox_parcels(const struct mailbox_rank *rank);

/* One step of the loop on one rank; on every rank, in turn. */
void mailbox_step(struct mailbox_rank *rank, mailbox_gradient gradient);
void mailboxes_step(struct mailboxes *boxes, mailbox_gradient gradient);
/* A step on a rank drawn at random among those that need not wait for one that lags behind, where
 * exchanges begin every `period` steps. */
void mailboxes_step_any(struct mailboxes *boxes, size_t period, mailbox_gradient gradient);
/* Receives and absorbs: each rank's view becomes what the next gradient would be taken at. */
void mailboxes_absorb(struct mailboxes *boxes);
void mailbox_drain(struct mailbox_rank *rank, enum sm_drain why);
void mailboxes_drain(struct mailboxes *boxes, enum sm_drain why);

/* By hand: one message more is there; all are. */
void mailbox_arrives(struct mailboxes *boxes, size_t from, size_t to);
void mailboxes_arrive(struct mailboxes *boxes);

/* sum (N) = all models, and what is in flight too; returns the number of messages in flight. */
size_t mailboxes_sum(const struct mailboxes *boxes, bool with_flight, double *sum);

/* Gradients: 0.1 (view - (rank - 2)), and random ones. */
void mailbox_parabola(const struct mailbox_rank *rank, const float *view, float *g);
void mailbox_noise(const struct mailbox_rank *rank, const float *view, float *g);

/* Of compressions that one can do by hand: losses are fed back; alone a float weighs a quarter, and
 * in an all-reduce far too much. */
bool mailbox_feeds_back(const void *state);
double mailbox_wire(const void *state, size_t n, size_t size);
/* A compression that rounds to whole multiples of 1/4, and keeps what it lost if it is let. */
extern const struct sm_compression mailbox_quarters;

/* Yaml of a strategy on a connected graph of no regularity: a tree and one edge more. */
const char *mailbox_edges(struct sm_arena *arena, const char *strategy, size_t size);

#endif
