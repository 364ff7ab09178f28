/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/helpers/mailbox.h -- the ranks of a gossip strategy in one thread, step by step, with
 * messages that arrive when the test says so, so that everything in flight can be counted.
 *
 * Coordinate 0 starts as 1 on every rank and has no gradient: under push-sum it goes through the
 * arithmetic of the weight, so it is w; under symmetric mixing it stays 1.
 */
#ifndef SM_TESTS_HELPERS_MAILBOX_H
#define SM_TESTS_HELPERS_MAILBOX_H

#include "algorithms/strategy/strategy.h"
#include "sim/base/rng.h"

enum { MAILBOX_RANKS = 16, MAILBOX_N = 3, MAILBOX_QUEUE = 16 };

/* What `test` answers of a message that was sent. */
enum mailbox_delivery { MAILBOX_AT_ONCE, MAILBOX_WHEN_DUE, MAILBOX_AT_RANDOM };

struct mailboxes;

struct mailbox_rank {
    struct sm_comm comm; /* first: ops get a pointer to it */
    struct mailboxes *boxes;
    void *state;
    size_t steps; /* done */
    float x[MAILBOX_N];
    float view[MAILBOX_N]; /* that the last gradient was taken at */
};

struct mailboxes {
    size_t size;
    struct mailbox_rank ranks[MAILBOX_RANKS];
    const struct sm_strategy *strategy;
    bool early; /* messages leave before the gradient */
    enum mailbox_delivery delivery;
    size_t latest; /* steps between sending and taking in, so far */
    struct sm_rng *rng;
    struct sm_arena arena;
    double sum[MAILBOX_N]; /* what the models have to add up to */
    struct {
        struct sm_parcel *parcels[MAILBOX_QUEUE]; /* oldest first */
        size_t steps[MAILBOX_QUEUE], count, posted, taken;
    } queue[MAILBOX_RANKS][MAILBOX_RANKS]; /* [to][from] */
};

/* x (N) moves by what gradient (NULL: nothing) writes into g (N), learning rate included. */
typedef void (*mailbox_gradient)(const struct mailbox_rank *rank, const float *view, float *g);

/* Rank r starts at coordinates (1, r + 1, 2 r + 2). compression: NULL for none. */
enum sm_status mailboxes_init(struct mailboxes *boxes, size_t size, const char *yaml,
                              const struct sm_compression *compression);
void mailboxes_fini(struct mailboxes *boxes);

/* One step of the loop on one rank; on every rank, in turn. */
void mailbox_step(struct mailbox_rank *rank, mailbox_gradient gradient);
void mailboxes_step(struct mailboxes *boxes, mailbox_gradient gradient);
/* A step on a rank drawn at random among those that need not wait for one that lags behind, where
 * exchanges begin every `period` steps. */
void mailboxes_step_any(struct mailboxes *boxes, size_t period, mailbox_gradient gradient);
/* Receives and absorbs: each rank's view becomes what the next gradient would be taken at. */
void mailboxes_absorb(struct mailboxes *boxes);
void mailboxes_drain(struct mailboxes *boxes, enum sm_drain why);

/* sum (N) = all models, and what is in flight too; returns the number of messages in flight. */
size_t mailboxes_sum(const struct mailboxes *boxes, bool with_flight, double *sum);

/* Gradients: 0.1 (view - (rank - 2)), and random ones. */
void mailbox_parabola(const struct mailbox_rank *rank, const float *view, float *g);
void mailbox_noise(const struct mailbox_rank *rank, const float *view, float *g);

/* A compression that rounds to whole multiples of 1/4, and keeps what it lost if it is let. */
extern const struct sm_compression mailbox_quarters;

/* Yaml of a strategy on a connected graph of no regularity: a tree and one edge more. */
const char *mailbox_edges(struct sm_arena *arena, const char *strategy, size_t size);

#endif
