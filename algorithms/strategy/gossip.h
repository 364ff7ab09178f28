/* SPDX-License-Identifier: GPL-3.0-or-later */
/* algorithms/strategy/gossip.h -- what gossip strategies share: exchanges, one every `period`
 * steps, in which a parcel goes to the ranks that the graph says and theirs come in before the next
 * begins.
 */
#ifndef SM_ALGORITHMS_STRATEGY_GOSSIP_H
#define SM_ALGORITHMS_STRATEGY_GOSSIP_H

#include "algorithms/strategy/strategy.h"
#include "sim/comm/topology.h"

struct sm_gossip {
    struct sm_graph graph;
    struct sm_codec codec; /* of what travels; what gets lost its sender keeps */
    size_t n, beside;      /* floats of a parcel: compressed, and as they are  */
    size_t period, step;
    struct sm_parcel *parcel;   /* for the receivers, from receive to send of a step in which an
                                   exchange begins; else NULL              */
    size_t receivers, *to;      /* (most of the graph) of this exchange    */
    size_t senders, *from;      /* (most) of the last one                  */
    struct sm_parcel **inbox;   /* (most) theirs, until they are taken     */
    struct sm_request **posted; /* (most) NULL: received                   */
};

/* graph: peers and edges; the rest is set. Exchange i is along the graph of step i. */
enum sm_status sm_gossip_init(struct sm_gossip *gossip, const struct sm_setup *setup,
                              const char *topology, struct sm_graph graph, size_t period);
/* Talks: where an exchange begins, waits for all of the last one and has a parcel ready to fill;
 * where none does, takes in what is there already. */
enum sm_status sm_gossip_receive(struct sm_gossip *gossip, struct sm_comm *comm);
/* Talks: waits for every parcel in flight. */
enum sm_status sm_gossip_receive_all(struct sm_gossip *gossip, struct sm_comm *comm);
/* Hands out the parcel of the i-th sender; NULL: not here, or done already. The caller releases it.
 */
struct sm_parcel *sm_gossip_take(struct sm_gossip *gossip, size_t i);
/* Talks: sends the parcel, if there is one, and posts the receipts. Once a step. */
enum sm_status sm_gossip_send(struct sm_gossip *gossip, struct sm_comm *comm);

#endif
