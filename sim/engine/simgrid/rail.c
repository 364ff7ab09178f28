/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/engine/simgrid/rail.c -- messages between workers: over how many devices, and by way of host
 * memory.
 *
 * Where workers have several rails, a message is cut into as many parts, which travel side by side
 * from device to device. SimGrid's C interface takes the hosts of a message from the actors
 * that post its ends, so each further rail has an actor of its own, which only posts; who waits is
 * whoever waits for the first part. Workers of one rail have none of them.
 */
#include <math.h>

#include "sim/engine/simgrid/world.h"

/* One of the devices beside the first that talk to other workers. A message goes between the hosts
 * of the actors that post its two ends, so an actor there posts what the rank asks for. */
struct rail {
    struct world *world;
    struct order *queue, **queue_end;
    sg_sem_t asked;
};

/* A part of a message to post: to send, or to receive where there is a place for its handle. */
struct order {
    struct order *next; /* in the rail's queue, or in the world's free list */
    sg_mailbox_t box;
    double bytes;
    sg_comm_t *receipt;
};

sg_host_t
sm_simgrid_rail_host(const struct world *world, size_t rank, size_t rail)
{
    return world->ranks[rank].devices[world->ranks[rank].worker->rails[rail]];
}

double
sm_simgrid_part(const struct world *world, double bytes, size_t rail)
{
    return world->rails == 1 ? bytes : sm_collective_bytes(bytes, world->rails, rail, 1);
}

double
sm_simgrid_wire_bytes(const struct world *world, double bytes)
{
    return round(bytes / world->transport.message_efficiency);
}

static struct order *
order_take(struct world *world)
{
    struct order *order = world->orders;
    if (order != NULL)
        world->orders = order->next;
    else
        order = sm_arena_alloc(world->arena, 1, sizeof *order);
    return order;
}

static void
rail_main(int argc, char **argv)
{
    static void *nothing; /* what comes is in the first part */
    (void)argc;
    (void)argv;
    struct rail *rail = sg_actor_self_get_data();
    sg_actor_daemonize(sg_actor_self());
    for (;;) {
        sg_sem_acquire(rail->asked);
        struct order *order = rail->queue;
        rail->queue = order->next;
        if (rail->queue == NULL)
            rail->queue_end = &rail->queue;
        if (order->receipt != NULL)
            *order->receipt = sg_mailbox_get_async(order->box, &nothing);
        else
            sm_simgrid_send(order->box, NULL, order->bytes);
        order->next = rail->world->orders;
        rail->world->orders = order;
    }
}

static enum sm_status
rails_start(struct rank *rank)
{
    const size_t count = rank->world->rails;
    struct rail *rails = sm_arena_zalloc(rank->world->arena, count, sizeof *rails);
    if (rails == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for %zu rails", count);
    for (size_t i = 1; i < count; i++) {
        rails[i] = (struct rail){rank->world, NULL, &rails[i].queue, sg_sem_init(0)};
        sg_actor_t actor =
            sg_actor_init("rail", sm_simgrid_rail_host(rank->world, rank->comm.rank, i));
        sg_actor_set_data(actor, &rails[i]);
        sg_actor_start(actor, rail_main, 0, NULL);
    }
    rank->rails = rails;
    return SM_OK;
}

/* Has the actor on a further rail post one end of a part. */
static enum sm_status
ask(struct rank *rank, size_t i, sg_mailbox_t box, double bytes, sg_comm_t *receipt)
{
    if (rank->rails == NULL)
        SM_TRY(rails_start(rank));
    struct order *order = order_take(rank->world);
    if (order == NULL || box == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for a message");
    struct rail *rail = &rank->rails[i];
    *order = (struct order){NULL, box, bytes, receipt};
    *rail->queue_end = order;
    rail->queue_end = &order->next;
    sg_sem_release(rail->asked);
    return SM_OK;
}

enum sm_status
sm_simgrid_post_send(struct rank *rank, enum channel channel, size_t to, void *payload,
                     double bytes, sg_comm_t *kept)
{
    struct world *world = rank->world;
    size_t from = rank->comm.rank;
    sg_mailbox_t box = sm_simgrid_box(world, channel, from, to, 0);
    if (box == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for mailboxes");
    for (size_t i = 1; i < world->rails; i++)
        SM_TRY(ask(rank, i, sm_simgrid_box(world, channel, from, to, i),
                   sm_simgrid_part(world, bytes, i), NULL));
    bytes = sm_simgrid_part(world, bytes, 0);
    if (kept != NULL)
        *kept = world->crowd ? sm_simgrid_send_kept(box, payload, bytes) : NULL;
    if (kept == NULL || *kept == NULL)
        sm_simgrid_send(box, payload, bytes);
    return SM_OK;
}

enum sm_status
sm_simgrid_post_receive(struct rank *rank, enum channel channel, size_t from, void **payload,
                        sg_comm_t *first, sg_comm_t *others)
{
    struct world *world = rank->world;
    size_t to = rank->comm.rank;
    if (world->mortal && !sm_simgrid_rank_sends(world, from))
        return sm_simgrid_died_between(world, from, to);
    sg_mailbox_t box = sm_simgrid_box(world, channel, from, to, 0);
    if (box == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for mailboxes");
    for (size_t i = 1; i < world->rails; i++) {
        others[i - 1] = NULL;
        SM_TRY(ask(rank, i, sm_simgrid_box(world, channel, from, to, i), 0, &others[i - 1]));
    }
    *first = sg_mailbox_get_async(box, payload);
    return SM_OK;
}

bool
sm_simgrid_arrives(const struct world *world, sg_comm_t first, sg_comm_t *others)
{
    bool there = sg_comm_wait(first) == SG_OK;
    for (size_t i = 0; there && i + 1 < world->rails; i++) {
        while (others[i] == NULL)
            sg_actor_yield();
        there = sg_comm_wait(others[i]) == SG_OK;
    }
    return there;
}

double
sm_simgrid_copy_seconds(const struct world *world, double bytes)
{
    return world->transport.staging * sm_simgrid_part(world, bytes, 0);
}

static void
copier_main(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    struct rank *rank = sg_actor_self_get_data();
    sg_actor_daemonize(sg_actor_self());
    for (;;) {
        sg_sem_acquire(rank->staged);
        struct envelope *envelope = rank->leaving;
        rank->leaving = envelope->next;
        if (rank->leaving == NULL)
            rank->leaving_end = &rank->leaving;
        sg_actor_sleep_for(sm_simgrid_copy_seconds(rank->world, envelope->bytes));
        if (sm_simgrid_post_send(rank, CHANNEL_MESSAGE, envelope->to, envelope,
                                 sm_simgrid_wire_bytes(rank->world, envelope->bytes),
                                 NULL) != SM_OK)
            sm_simgrid_fail(rank->world);
    }
}

void
sm_simgrid_stage(struct rank *rank, struct envelope *envelope)
{
    if (rank->staged == NULL) {
        rank->staged = sg_sem_init(0);
        rank->leaving_end = &rank->leaving;
        sg_actor_t copier = sg_actor_init("copier", rank->host);
        sg_actor_set_data(copier, rank);
        sg_actor_start(copier, copier_main, 0, NULL);
    }
    envelope->next = NULL;
    *rank->leaving_end = envelope;
    rank->leaving_end = &envelope->next;
    sg_sem_release(rank->staged);
}

void
sm_simgrid_unstage(struct rank *rank, double bytes)
{
    double now = simgrid_get_clock(), begin = now > rank->copied ? now : rank->copied;
    rank->copied = begin + sm_simgrid_copy_seconds(rank->world, bytes);
    sg_actor_sleep_until(rank->copied);
}

void
sm_simgrid_rails_fini(struct rank *rank)
{
    for (size_t i = 1; rank->rails != NULL && i < rank->world->rails; i++)
        sg_sem_destroy(rank->rails[i].asked);
    if (rank->staged != NULL)
        sg_sem_destroy(rank->staged);
}
