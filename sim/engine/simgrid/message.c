/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/engine/simgrid/message.c -- mailboxes, and a schedule played message by message. */
#include <stdio.h>
#include <stdlib.h>

#include "sim/engine/simgrid/world.h"

enum { FIRST_CAPACITY = 256 };

struct box {
    uint64_t key;
    sg_mailbox_t mailbox;
};

struct boxes {
    struct box *slots; /* (capacity), open addressing; mailbox NULL: free */
    size_t count, capacity;
};

static struct box *
box_slot(struct box *boxes, size_t capacity, uint64_t key)
{
    size_t i = (size_t)(key * 0x9e3779b97f4a7c15u >> 20) % capacity;
    while (boxes[i].mailbox != NULL && boxes[i].key != key)
        i = (i + 1) % capacity;
    return &boxes[i];
}

static bool
boxes_grow(struct boxes *boxes, struct sm_arena *arena)
{
    size_t capacity = boxes->capacity == 0 ? FIRST_CAPACITY : 2 * boxes->capacity;
    struct box *slots = sm_arena_zalloc(arena, capacity, sizeof *slots);
    if (slots == NULL)
        return false;
    for (size_t i = 0; i < boxes->capacity; i++)
        if (boxes->slots[i].mailbox != NULL)
            *box_slot(slots, capacity, boxes->slots[i].key) = boxes->slots[i];
    boxes->slots = slots;
    boxes->capacity = capacity;
    return true;
}

sg_mailbox_t
sm_simgrid_box(struct world *world, enum channel channel, size_t from, size_t to, size_t rail)
{
    uint64_t key = (((uint64_t)from * world->rank_count + to) * 2 + channel) * world->rails + rail;
    if (world->boxes == NULL &&
        (world->boxes = sm_arena_zalloc(world->arena, 1, sizeof *world->boxes)) == NULL)
        return NULL;
    struct boxes *boxes = world->boxes;
    if (boxes->capacity > 0) {
        struct box *slot = box_slot(boxes->slots, boxes->capacity, key);
        if (slot->mailbox != NULL)
            return slot->mailbox;
    }
    char name[96];
    snprintf(name, sizeof name, "%s from rank %zu to rank %zu, rail %zu",
             channel == CHANNEL_REDUCE ? "all-reduce" : "message", from, to, rail);
    sg_mailbox_t mailbox = sg_mailbox_by_name(name); /* others run meanwhile, and add theirs */
    if (2 * boxes->count >= boxes->capacity && !boxes_grow(boxes, world->arena))
        return NULL;
    struct box *slot = box_slot(boxes->slots, boxes->capacity, key);
    boxes->count += slot->mailbox == NULL;
    *slot = (struct box){key, mailbox};
    return mailbox;
}

/* SimGrid wants a pointer even when there is nothing to carry. */
static int nothing;

void
sm_simgrid_send(sg_mailbox_t box, void *payload, double bytes)
{
    sg_comm_detach(sg_mailbox_put_init(box, payload != NULL ? payload : &nothing, (long)bytes),
                   NULL);
}

sg_comm_t
sm_simgrid_send_kept(sg_mailbox_t box, void *payload, double bytes)
{
    return sg_mailbox_put_async(box, payload != NULL ? payload : &nothing, (long)bytes);
}

enum sm_status
sm_simgrid_receive(struct world *world, sg_mailbox_t box, sg_host_t from)
{
    void *payload;
    if (!sm_simgrid_sends(from) || sg_comm_wait(sg_mailbox_get_async(box, &payload)) != SG_OK)
        return sm_simgrid_died(world, from, sg_host_self());
    world->moved = simgrid_get_clock();
    return SM_OK;
}

enum sm_status
sm_simgrid_play(const struct sm_collective *collective, const struct sm_collective_call *call,
                size_t rank, enum sm_status (*exchange)(void *arg, const struct exchange *step),
                void *arg)
{
    const size_t steps = collective->steps(call), chunks = collective->chunks(call);
    for (size_t i = 0; i < steps; i++) {
        struct sm_collective_step step;
        collective->step(call, rank, i, &step);
        const double sent = sm_collective_sent(call, chunks, &step);
        const double received = sm_collective_received(call, chunks, &step);
        SM_TRY(
            exchange(arg, &(struct exchange){.to = sent > 0 ? step.send_to : SM_NO_RANK,
                                             .from = received > 0 ? step.receive_from : SM_NO_RANK,
                                             .sent = sent,
                                             .received = received,
                                             .open = step.open,
                                             .waits = !collective->same_edges}));
    }
    return SM_OK;
}
