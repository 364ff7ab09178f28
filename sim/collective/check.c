/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/collective/check.c -- a schedule played on sets of contributions. */
#include <stdlib.h>
#include <string.h>

#include "sim/collective/collective.h"

/* A message in flight: the sets of the chunks it carries, as they were when it was sent. */
struct parcel {
    struct parcel *next;
    size_t from, to, first, count;
    uint64_t sets[];
};

struct table {
    const struct sm_collective *collective;
    const struct sm_collective_call *call;
    size_t size, chunks, words; /* words of 64 ranks a set              */
    uint64_t *sets;             /* (size, chunks, words)                */
    struct parcel **inbox;      /* (size) arrived, oldest first         */
};

static uint64_t *
set_of(const struct table *t, size_t rank, size_t chunk)
{
    return t->sets + (rank * t->chunks + chunk) * t->words;
}

static enum sm_status
send_step(struct table *t, size_t rank, const struct sm_collective_step *step)
{
    if (step->send_to >= t->size || step->send_to == rank ||
        step->send_first + step->send_count > t->chunks)
        return SM_FAIL(SM_ERR_DOMAIN, "rank %zu sends chunks %zu+%zu to %zu", rank,
                       step->send_first, step->send_count, step->send_to);
    size_t words = step->send_count * t->words;
    struct parcel *parcel = malloc(sizeof *parcel + words * sizeof(uint64_t));
    if (parcel == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for a message of %zu chunks", step->send_count);
    *parcel = (struct parcel){NULL, rank, step->send_to, step->send_first, step->send_count};
    memcpy(parcel->sets, set_of(t, rank, step->send_first), words * sizeof(uint64_t));
    struct parcel **link = &t->inbox[step->send_to];
    while (*link != NULL)
        link = &(*link)->next;
    *link = parcel;
    return SM_OK;
}

/* *arrived: whether the message this step waits for was there. */
static enum sm_status
receive_step(struct table *t, size_t rank, size_t index, const struct sm_collective_step *step,
             bool *arrived)
{
    struct parcel **link = &t->inbox[rank];
    while (*link != NULL && (*link)->from != step->receive_from)
        link = &(*link)->next;
    struct parcel *parcel = *link;
    *arrived = parcel != NULL;
    if (parcel == NULL)
        return SM_OK;
    *link = parcel->next;
    enum sm_status status = SM_OK;
    if (parcel->first != step->receive_first || parcel->count != step->receive_count)
        status = SM_FAIL(SM_ERR_DOMAIN,
                         "rank %zu step %zu expects chunks %zu+%zu of %zu, got "
                         "%zu+%zu",
                         rank, index, step->receive_first, step->receive_count, parcel->from,
                         parcel->first, parcel->count);
    for (size_t i = 0; status == SM_OK && i < parcel->count * t->words; i++) {
        uint64_t *mine = set_of(t, rank, parcel->first) + i;
        if (step->combine && (*mine & parcel->sets[i]) != 0)
            status = SM_FAIL(SM_ERR_DOMAIN,
                             "rank %zu step %zu adds a contribution to chunk %zu "
                             "twice",
                             rank, index, parcel->first + i / t->words);
        *mine = step->combine ? *mine | parcel->sets[i] : parcel->sets[i];
    }
    free(parcel);
    return status;
}

/* Every rank goes as far as it can, round after round, until nobody moves. */
static enum sm_status
play(struct table *t, size_t *position, bool *sent)
{
    size_t steps = t->collective->steps(t->call);
    for (bool moved = true; moved;) {
        moved = false;
        for (size_t rank = 0; rank < t->size; rank++) {
            while (position[rank] < steps) {
                struct sm_collective_step step;
                bool arrived = true;
                t->collective->step(t->call, rank, position[rank], &step);
                if (!sent[rank] && step.send_to != SM_NO_RANK)
                    SM_TRY(send_step(t, rank, &step));
                sent[rank] = true;
                if (step.receive_from != SM_NO_RANK)
                    SM_TRY(receive_step(t, rank, position[rank], &step, &arrived));
                if (!arrived)
                    break;
                position[rank]++;
                sent[rank] = false;
                moved = true;
            }
        }
    }
    size_t stuck = 0; /* who got least far is where it began */
    for (size_t rank = 1; rank < t->size; rank++)
        stuck = position[rank] < position[stuck] ? rank : stuck;
    if (position[stuck] == steps)
        return SM_OK;
    return SM_FAIL(SM_ERR_DOMAIN, "rank %zu waits for ever at step %zu", stuck, position[stuck]);
}

static enum sm_status
verify(const struct table *t)
{
    for (size_t rank = 0; rank < t->size; rank++) {
        if (t->inbox[rank] != NULL)
            return SM_FAIL(SM_ERR_DOMAIN, "a message from %zu to %zu is never received",
                           t->inbox[rank]->from, rank);
        for (size_t chunk = 0; chunk < t->chunks; chunk++)
            for (size_t other = 0; other < t->size; other++)
                if ((set_of(t, rank, chunk)[other / 64] >> other % 64 & 1) == 0)
                    return SM_FAIL(SM_ERR_DOMAIN,
                                   "rank %zu ends without rank %zu's part of "
                                   "chunk %zu",
                                   rank, other, chunk);
    }
    return SM_OK;
}

enum sm_status
sm_collective_check(const struct sm_collective *collective, const struct sm_collective_call *call)
{
    const size_t size = call->size;
    struct table t = {collective,       call, size, collective->chunks(call),
                      (size + 63) / 64, NULL, NULL};
    t.sets = calloc(size * t.chunks * t.words, sizeof *t.sets);
    t.inbox = calloc(size, sizeof(struct parcel *));
    size_t *position = calloc(size, sizeof *position);
    bool *sent = calloc(size, sizeof *sent);
    enum sm_status status = SM_OK;
    if (t.sets == NULL || t.inbox == NULL || position == NULL || sent == NULL)
        status = SM_FAIL(SM_ERR_NOMEM, "no memory to check %zu ranks", size);
    for (size_t rank = 0; status == SM_OK && rank < size; rank++)
        for (size_t chunk = 0; chunk < t.chunks; chunk++)
            set_of(&t, rank, chunk)[rank / 64] = (uint64_t)1 << rank % 64;
    if (status == SM_OK)
        status = play(&t, position, sent);
    if (status == SM_OK)
        status = verify(&t);
    for (size_t rank = 0; t.inbox != NULL && rank < size; rank++)
        while (t.inbox[rank] != NULL) {
            struct parcel *next = t.inbox[rank]->next;
            free(t.inbox[rank]);
            t.inbox[rank] = next;
        }
    free(sent);
    free(position);
    free(t.inbox);
    free(t.sets);
    if (status == SM_ERR_DOMAIN)
        sm_error_prefix("%s of %zu ranks", collective->about.name, size);
    return status;
}
