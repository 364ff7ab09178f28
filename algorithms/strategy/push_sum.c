/* SPDX-License-Identifier: GPL-3.0-or-later */
/* algorithms/strategy/push_sum.c -- see push_sum.h. */
#include "algorithms/strategy/push_sum.h"

#include "algorithms/inner/inner.h"
#include "sim/base/vec.h"

enum sm_status
sm_push_sum_init(void *state, const struct sm_setup *setup)
{
    struct sm_push_sum *s = state;
    const size_t size = setup->comm->size;
    if (s->peers >= size && size > 1)
        return SM_FAIL(SM_ERR_INPUT, "push-sum: %zu peers among %zu workers, expected at most %zu",
                       s->peers, size, size - 1);
    s->weight = 1.0f;
    s->view = sm_arena_alloc(setup->arena, setup->n, sizeof *s->view);
    if (s->view == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "push-sum: a vector of n=%zu floats", setup->n);
    SM_TRY(sm_gossip_init(&s->gossip, setup, s->topology,
                          (struct sm_graph){.peers = s->peers, .edges = s->edges},
                          s->delay > 1 ? s->delay : 1));
    if (!s->buffers)
        return SM_OK;
    s->mixed = setup->buffers;
    s->mixed_count = setup->buffer_count;
    for (size_t i = 0; i < s->mixed_count; i++)
        s->gossip.beside += s->mixed[i].n;
    return SM_OK;
}

unsigned
sm_push_sum_manner(const void *settings)
{
    const struct sm_push_sum *s = settings;
    const struct sm_plugin *topology;
    unsigned manner = s->delay > 0 ? SM_SENDS_EARLY : 0;
    if (s->delay > 1)
        manner |= SM_FOLLOWS_CLOCK;
    if (s->buffers)
        manner |= SM_MIXES_BUFFERS;
    if (sm_axis_find(&sm_axis_topology, s->topology, &topology) == SM_OK &&
        !((const struct sm_topology *)topology)->regular)
        manner |= SM_WEIGHS_MODELS;
    return manner;
}

enum sm_status
sm_push_sum_receive(void *state, struct sm_comm *comm)
{
    return sm_gossip_receive(&((struct sm_push_sum *)state)->gossip, comm);
}

/* Adds what arrived to x and w. */
static void
take(struct sm_push_sum *s, size_t n, float *x)
{
    for (size_t i = 0; i < s->gossip.senders; i++) {
        struct sm_parcel *share = sm_gossip_take(&s->gossip, i);
        if (share == NULL)
            continue;
        sm_vec_axpy(n, 1.0f, share->x, x);
        const float *behind = share->x + n;
        for (size_t b = 0; b < s->mixed_count; behind += s->mixed[b++].n)
            sm_vec_axpy(s->mixed[b].n, 1.0f, behind, s->mixed[b].x);
        s->weight += share->weight;
        sm_parcel_release(share);
    }
}

/* A share that leaves before the gradient changes x, but not z. */
void
sm_push_sum_absorb(void *state, size_t n, float *x, const float **view)
{
    struct sm_push_sum *s = state;
    take(s, n, x);
    *view = x;
    if (s->weight != 1.0f || (s->delay > 0 && s->gossip.parcel != NULL)) {
        sm_vec_scaled_copy(n, 1.0f / s->weight, x, s->view);
        *view = s->view;
    }
}

void
sm_push_sum_split(void *state, size_t n, float gamma, const float *g, float *x)
{
    (void)gamma;
    (void)g;
    struct sm_push_sum *s = state;
    struct sm_gossip *gossip = &s->gossip;
    struct sm_parcel *share = gossip->parcel;
    if (share == NULL)
        return;
    float keep = 1.0f / (float)(gossip->receivers + 1);
    if (sm_codec_active(&gossip->codec)) {
        sm_vec_scaled_copy(n, keep, x, share->x);
        sm_codec_encode(&gossip->codec, share->x);
        sm_vec_axpy(n, -(float)gossip->receivers, share->x, x);
    } else {
        sm_vec_scale_and_copy(n, keep, x, share->x);
    }
    float *behind = share->x + n;
    for (size_t b = 0; b < s->mixed_count; behind += s->mixed[b++].n)
        sm_vec_scale_and_copy(s->mixed[b].n, keep, s->mixed[b].x, behind);
    s->weight *= keep;
    share->weight = s->weight;
}

enum sm_status
sm_push_sum_send(void *state, struct sm_comm *comm)
{
    return sm_gossip_send(&((struct sm_push_sum *)state)->gossip, comm);
}

enum sm_status
sm_push_sum_drain(void *state, struct sm_comm *comm, size_t n, float *x, enum sm_drain why)
{
    struct sm_push_sum *s = state;
    SM_TRY(sm_gossip_receive_all(&s->gossip, comm));
    take(s, n, x);
    if (why == SM_DRAIN_AVERAGE) /* sum w = m: the mean of x is the model that all stand for */
        s->weight = 1.0f;
    return SM_OK;
}

/* What is mixed with what may follow the clock; when it is sent and waited for does not. */
size_t
sm_push_sum_cycle(const void *state)
{
    const struct sm_gossip *gossip = &((const struct sm_push_sum *)state)->gossip;
    return gossip->period * sm_graph_cycle(&gossip->graph);
}
