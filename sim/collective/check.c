/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/collective/check.c -- a schedule played on sets of contributions. */
#include <stdlib.h>
#include <string.h>

#include "sim/collective/collective.h"

/* A rank at the step being played: what it does, and the sets it sends as they were before. */
struct turn {
    struct sm_collective_step step;
    uint64_t *sent; /* (room) words, of them (send_count, words) in use */
    size_t room;
    bool awaits; /* receipts of open steps */
};

struct table {
    const struct sm_collective *collective;
    const struct sm_collective_call *call;
    size_t chunks, words; /* words of 64 ranks a set   */
    uint64_t *sets;       /* (size, chunks, words)     */
    struct turn *turns;   /* (size)                    */
};

static uint64_t *
set_of(const struct table *t, size_t rank, size_t chunk)
{
    return t->sets + (rank * t->chunks + chunk) * t->words;
}

static size_t
owner_of(const struct table *t, size_t chunk)
{
    return t->collective->owner(t->call, chunk);
}

/* Does everybody begin with a part of everything, or only the owners with what is theirs? */
static bool
adds(const struct sm_collective *collective)
{
    return collective->operation != SM_ALL_GATHER && collective->operation != SM_BROADCAST;
}

static void
fill(struct table *t)
{
    for (size_t rank = 0; rank < t->call->size; rank++)
        for (size_t chunk = 0; chunk < t->chunks; chunk++)
            if (adds(t->collective) || owner_of(t, chunk) == rank)
                set_of(t, rank, chunk)[rank / 64] = (uint64_t)1 << rank % 64;
}

static enum sm_status
send_part(struct table *t, size_t rank, size_t index)
{
    struct turn *turn = &t->turns[rank];
    const struct sm_collective_step *step = &turn->step;
    if (step->send_to == SM_NO_RANK)
        return SM_OK;
    if (step->send_to >= t->call->size || step->send_to == rank || step->send_count == 0 ||
        step->send_first + step->send_count > t->chunks)
        return SM_FAIL(SM_ERR_DOMAIN, "rank %zu step %zu sends chunks %zu+%zu to %zu", rank, index,
                       step->send_first, step->send_count, step->send_to);
    if (turn->awaits)
        return SM_FAIL(SM_ERR_DOMAIN, "rank %zu step %zu sends while open steps wait", rank, index);
    if (t->turns[step->send_to].step.receive_from != rank)
        return SM_FAIL(SM_ERR_DOMAIN, "rank %zu step %zu sends to %zu, which does not receive it",
                       rank, index, step->send_to);
    size_t words = step->send_count * t->words;
    if (words > turn->room) {
        free(turn->sent);
        turn->room = words;
        turn->sent = malloc(words * sizeof(uint64_t));
    }
    if (turn->sent == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for a message of %zu chunks", step->send_count);
    memcpy(turn->sent, set_of(t, rank, step->send_first), words * sizeof(uint64_t));
    return SM_OK;
}

static enum sm_status
receive_part(struct table *t, size_t rank, size_t index)
{
    const struct sm_collective_step *step = &t->turns[rank].step;
    t->turns[rank].awaits =
        step->open && (t->turns[rank].awaits || step->receive_from != SM_NO_RANK);
    if (step->receive_from == SM_NO_RANK)
        return SM_OK;
    const struct turn *sender =
        step->receive_from < t->call->size ? &t->turns[step->receive_from] : NULL;
    if (sender == NULL || sender->step.send_to != rank)
        return SM_FAIL(SM_ERR_DOMAIN, "rank %zu step %zu waits for ever for %zu", rank, index,
                       step->receive_from);
    if (sender->step.send_first != step->receive_first ||
        sender->step.send_count != step->receive_count)
        return SM_FAIL(SM_ERR_DOMAIN,
                       "rank %zu step %zu expects chunks %zu+%zu of %zu, got "
                       "%zu+%zu",
                       rank, index, step->receive_first, step->receive_count, step->receive_from,
                       sender->step.send_first, sender->step.send_count);
    uint64_t *mine = set_of(t, rank, step->receive_first);
    for (size_t i = 0; i < step->receive_count * t->words; i++) {
        if (step->combine && (mine[i] & sender->sent[i]) != 0)
            return SM_FAIL(SM_ERR_DOMAIN,
                           "rank %zu step %zu adds a contribution to chunk %zu "
                           "twice",
                           rank, index, step->receive_first + i / t->words);
        mine[i] = step->combine ? mine[i] | sender->sent[i] : sender->sent[i];
    }
    return SM_OK;
}

static enum sm_status
play(struct table *t)
{
    const size_t size = t->call->size, steps = t->collective->steps(t->call);
    for (size_t i = 0; i < steps; i++) {
        for (size_t rank = 0; rank < size; rank++)
            t->collective->step(t->call, rank, i, &t->turns[rank].step);
        for (size_t rank = 0; rank < size; rank++)
            SM_TRY(send_part(t, rank, i));
        for (size_t rank = 0; rank < size; rank++)
            SM_TRY(receive_part(t, rank, i));
    }
    for (size_t rank = 0; rank < size; rank++)
        if (t->turns[rank].awaits)
            return SM_FAIL(SM_ERR_DOMAIN, "rank %zu ends with open steps", rank);
    return SM_OK;
}

/* The parts in the set of a chunk are all ranks', or only its owner's. */
static enum sm_status
verify_set(const struct table *t, size_t rank, size_t chunk)
{
    const size_t owner = adds(t->collective) ? SM_NO_RANK : owner_of(t, chunk);
    const uint64_t *set = set_of(t, rank, chunk);
    for (size_t word = 0; word < t->words; word++) {
        const size_t ranks = t->call->size - 64 * word;
        uint64_t wanted = ranks < 64 ? ((uint64_t)1 << ranks) - 1 : UINT64_MAX;
        if (owner != SM_NO_RANK)
            wanted &= owner / 64 == word ? (uint64_t)1 << owner % 64 : 0;
        const uint64_t wrong = set[word] ^ wanted;
        if (wrong == 0)
            continue;
        const size_t bit = (size_t)__builtin_ctzll(wrong);
        return SM_FAIL(SM_ERR_DOMAIN, "rank %zu ends with%s rank %zu's part of chunk %zu", rank,
                       (set[word] >> bit & 1) != 0 ? "" : "out", 64 * word + bit, chunk);
    }
    return SM_OK;
}

static enum sm_status
verify(const struct table *t)
{
    const bool everywhere =
        t->collective->operation != SM_REDUCE_SCATTER && t->collective->operation != SM_REDUCE;
    for (size_t chunk = 0; chunk < t->chunks; chunk++)
        for (size_t rank = 0; rank < t->call->size; rank++)
            if (everywhere || owner_of(t, chunk) == rank)
                SM_TRY(verify_set(t, rank, chunk));
    return SM_OK;
}

enum sm_status
sm_collective_check(const struct sm_collective *collective, const struct sm_collective_call *call)
{
    const size_t size = call->size;
    struct table t = {.collective = collective,
                      .call = call,
                      .chunks = collective->chunks(call),
                      .words = (size + 63) / 64};
    t.sets = calloc(size * t.chunks * t.words, sizeof *t.sets);
    t.turns = calloc(size, sizeof *t.turns);
    enum sm_status status = SM_OK;
    if (t.sets == NULL || t.turns == NULL)
        status = SM_FAIL(SM_ERR_NOMEM, "no memory to check %zu ranks", size);
    if (status == SM_OK) {
        fill(&t);
        status = play(&t);
    }
    if (status == SM_OK)
        status = verify(&t);
    for (size_t rank = 0; t.turns != NULL && rank < size; rank++)
        free(t.turns[rank].sent);
    free(t.turns);
    free(t.sets);
    if (status == SM_ERR_DOMAIN)
        sm_error_prefix("%s of %zu ranks", collective->about.name, size);
    return status;
}
