/* SPDX-License-Identifier: GPL-3.0-or-later */
/* algorithms/strategy/parameter_server.h -- what parameter_server and parameter_server_async share:
 * workers that push gradients and pull parameters, servers that hold a shard of the model each.
 *
 * The model is cut into as many contiguous shards as there are servers; their sizes differ by at
 * most one float. On the wire all weigh the same, the S-th part of the model, so that one float may
 * stand for a whole model. A gradient is compressed as a whole, as where all-reduces carry it, and
 * then cut; servers decode their part of the mean. Parameters travel uncompressed; running
 * statistics are each worker's own and do not travel.
 */
#ifndef SM_ALGORITHMS_STRATEGY_PARAMETER_SERVER_H
#define SM_ALGORITHMS_STRATEGY_PARAMETER_SERVER_H

#include "algorithms/strategy/strategy.h"

/* The state of a worker or of a server; its peers are the others. */
struct sm_parameter_server {
    size_t servers;             /* setting                                                      */
    size_t n;                   /* floats of the model, or of the server's shard                */
    double wire;                /* floats that a shard of parameters weighs                     */
    struct sm_codec codec;      /* of a worker's gradient, or of a server's shard of it         */
    struct sm_parcel **inbox;   /* (peers) what arrived from each                               */
    struct sm_request **posted; /* (peers) receipts                                             */
    /* a worker's */
    struct sm_parcel **pushes; /* (servers) what split prepares and send sends               */
    float *encoded;            /* (n) the gradient as it travels; NULL: as it is             */
    /* a server's */
    float *x, *g;             /* (n) parameters, and the gradient to step along             */
    struct sm_parcel *parcel; /* what a job copies from or into                             */
};

extern const struct sm_param sm_parameter_server_params[];

size_t sm_parameter_server_count(const void *settings);
enum sm_status sm_parameter_server_init(void *state, const struct sm_setup *setup);

/* The workers' side, as in struct sm_strategy. */
enum sm_status sm_parameter_server_receive(void *state, struct sm_comm *comm);
void sm_parameter_server_absorb(void *state, size_t n, float *x, const float **view);
void sm_parameter_server_split(void *state, size_t n, float gamma, const float *g, float *x);
enum sm_status sm_parameter_server_send(void *state, struct sm_comm *comm);
/* At the end a worker says goodbye and takes the final parameters in, which all others have too. */
enum sm_status sm_parameter_server_drain(void *state, struct sm_comm *comm, size_t n, float *x,
                                         enum sm_drain why);

/* The servers' side. Whether the worker will push no more. */
bool sm_parameter_server_is_goodbye(const struct sm_parcel *parcel);
/* Talks: posts the receipts of the next push of workers begin..end-1. */
enum sm_status sm_parameter_server_listen(struct sm_parameter_server *s, struct sm_comm *comm,
                                          size_t begin, size_t end);
/* Talks: sends x to workers begin..end-1, as `wire` floats; 0: the answer to a goodbye. */
enum sm_status sm_parameter_server_answer(struct sm_parameter_server *s, struct sm_comm *comm,
                                          double wire, size_t begin, size_t end);

#endif
