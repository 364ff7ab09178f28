/* SPDX-License-Identifier: GPL-3.0-or-later */
/* algorithms/strategy/gossip.c -- see gossip.h. */
#include "algorithms/strategy/gossip.h"

enum sm_status
sm_gossip_init(struct sm_gossip *gossip, const struct sm_setup *setup, const char *topology,
               struct sm_graph graph, size_t period)
{
    const size_t size = setup->comm->size;
    struct sm_arena *arena = setup->arena;
    *gossip = (struct sm_gossip){.graph = graph, .n = setup->n, .period = period};
    gossip->graph.size = size;
    gossip->graph.seed = setup->comm->seed;
    SM_TRY(sm_graph_init(&gossip->graph, topology));
    SM_TRY(sm_codec_init(&gossip->codec, setup));
    gossip->codec.residual = NULL;
    const size_t most = sm_graph_most(&gossip->graph);
    gossip->to = sm_arena_alloc(arena, most, sizeof *gossip->to);
    gossip->from = sm_arena_alloc(arena, most, sizeof *gossip->from);
    gossip->inbox = sm_arena_zalloc(arena, most, sizeof(struct sm_parcel *));
    gossip->posted = sm_arena_zalloc(arena, most, sizeof(struct sm_request *));
    if (gossip->to == NULL || gossip->from == NULL || gossip->inbox == NULL ||
        gossip->posted == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "gossip: no memory for the parcels of %zu ranks", most);
    return SM_OK;
}

static enum sm_status
receive(struct sm_gossip *gossip, struct sm_comm *comm, bool all)
{
    for (size_t i = 0; i < gossip->senders; i++) {
        bool here = all;
        if (!here)
            SM_TRY(comm->ops->test(comm, &gossip->posted[i], &here));
        if (here)
            SM_TRY(comm->ops->wait(comm, &gossip->posted[i]));
    }
    return SM_OK;
}

enum sm_status
sm_gossip_receive(struct sm_gossip *gossip, struct sm_comm *comm)
{
    const bool begins = gossip->step % gossip->period == 0;
    SM_TRY(receive(gossip, comm, begins));
    if (!begins || gossip->parcel != NULL)
        return SM_OK;
    gossip->receivers =
        sm_graph_out(&gossip->graph, comm->rank, gossip->step / gossip->period, gossip->to);
    gossip->parcel = sm_parcel_create(comm, gossip->n + gossip->beside);
    if (gossip->parcel == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "gossip: a parcel of n=%zu floats",
                       gossip->n + gossip->beside);
    gossip->parcel->wire =
        sm_codec_wire(&gossip->codec) + (double)gossip->beside + comm->statistics;
    return SM_OK;
}

enum sm_status
sm_gossip_receive_all(struct sm_gossip *gossip, struct sm_comm *comm)
{
    return receive(gossip, comm, true);
}

struct sm_parcel *
sm_gossip_take(struct sm_gossip *gossip, size_t i)
{
    if (gossip->posted[i] != NULL) /* under way */
        return NULL;
    struct sm_parcel *parcel = gossip->inbox[i];
    gossip->inbox[i] = NULL;
    return parcel;
}

enum sm_status
sm_gossip_send(struct sm_gossip *gossip, struct sm_comm *comm)
{
    const size_t exchange = gossip->step++ / gossip->period;
    if (gossip->parcel == NULL)
        return SM_OK;
    for (size_t i = 0; i < gossip->receivers; i++)
        SM_TRY(comm->ops->isend(comm, gossip->to[i], gossip->parcel));
    sm_parcel_release(gossip->parcel);
    gossip->parcel = NULL;
    gossip->senders = sm_graph_in(&gossip->graph, comm->rank, exchange, gossip->from);
    for (size_t i = 0; i < gossip->senders; i++)
        SM_TRY(comm->ops->irecv(comm, gossip->from[i], &gossip->inbox[i], &gossip->posted[i]));
    return SM_OK;
}
