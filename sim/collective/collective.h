/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/collective/collective.h -- collectives as schedules: data that an engine plays.
 *
 * A schedule cuts the vector into chunks and tells each rank, step by step, which run of chunks to
 * send to whom and which to receive from whom; what comes in is combined (added) or copied. What is
 * sent at a step is received at the same step, and a rank goes on to its next step when what this
 * one sends and receives has arrived. The same schedule is checked symbolically
 * (sm_collective_check), played message by message, and has a closed form.
 */
#ifndef SM_COLLECTIVE_COLLECTIVE_H
#define SM_COLLECTIVE_COLLECTIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/plugin.h"

#define SM_NO_RANK SIZE_MAX

struct sm_collective_step {
    size_t send_to, receive_from;  /* SM_NO_RANK: nobody                */
    size_t send_first, send_count; /* run of chunks, does not wrap      */
    size_t receive_first, receive_count;
    bool combine; /* add what is received; else it replaces                 */
    bool open;    /* the next step begins at once; the first that is not open waits for all of them,
                     and none of them sends what another receives */
};

/* Seconds and bytes/s of a route. */
struct sm_collective_network {
    double latency, bandwidth;
};

/* Where groups are sites: routes in one, from one to another, and what all that a site sends (or
 * receives) at once shares; trunk 0: nothing. */
struct sm_collective_sites {
    struct sm_collective_network near, far;
    double trunk; /* bytes/s */
};

/* What is to be done, and where. */
struct sm_collective_call {
    size_t size;          /* ranks, >= 1                                                      */
    size_t group;         /* ranks r of the same r / group are neighbours (a site); 0: none   */
    double bytes;         /* whole ones, of the vector                                        */
    const void *settings; /* of the collective; NULL: its defaults                            */
    /* Seconds and bytes/s of the slowest route, for who tunes itself; bandwidth 0: not known */
    double latency, bandwidth;
    const struct sm_collective_sites *sites; /* NULL: all routes are alike */
};

enum sm_operation {
    SM_ALL_REDUCE,     /* every rank ends with the sum                                        */
    SM_REDUCE_SCATTER, /* the owner of a chunk ends with its sum                              */
    SM_ALL_GATHER,     /* every rank ends with what the owner of each chunk had               */
    SM_REDUCE,         /* a reduce-scatter all of whose chunks the root owns                  */
    SM_BROADCAST,      /* an all-gather all of whose chunks the root owns                     */
    SM_OPERATIONS
};
extern const char *const sm_operation_names[SM_OPERATIONS];

/* Settings of collectives that may be played as flows. */
struct sm_collective_settings {
    const char *play; /* fluid | exact */
};
extern const struct sm_param sm_collective_params[];

/* Settings of collectives that have a root. */
struct sm_collective_rooted {
    size_t root; /* rank */
};
extern const struct sm_param sm_collective_rooted_params[];
size_t sm_collective_root(const struct sm_collective_call *call);
/* Of those that cut nothing, so that all is the root's: `chunks` and `owner` below. */
size_t sm_collective_one_chunk(const struct sm_collective_call *call);
size_t sm_collective_root_owns(const struct sm_collective_call *call, size_t chunk);
/* The root is one of the ranks. */
enum sm_status sm_collective_check_root(const struct sm_collective_call *call);

struct sm_collective {
    struct sm_plugin about;
    enum sm_operation operation;
    /* Every step of a rank uses the same edges, so it may be played as one fluid flow per edge, and
     * who sends need not wait: over an edge messages travel one after the other anyway. */
    bool same_edges;
    const char *closed_form; /* the text of `seconds`, for `describe` */
    /* REQUIRED. Chunks the vector is cut into, and steps of each rank. */
    size_t (*chunks)(const struct sm_collective_call *call);
    size_t (*steps)(const struct sm_collective_call *call);
    /* REQUIRED. Step `step` of `rank`; pure, O(log size). */
    void (*step)(const struct sm_collective_call *call, size_t rank, size_t step,
                 struct sm_collective_step *out);
    /* REQUIRED. Seconds on a homogeneous network of links that go both ways at once, every rank
     * arriving at once; 0 without bytes. O(log size). */
    double (*seconds)(const struct sm_collective_call *call, double latency, double bandwidth);
    /* REQUIRED but for all-reduces. The rank that owns a chunk. */
    size_t (*owner)(const struct sm_collective_call *call, size_t chunk);
    /* OPTIONAL. Bytes that a rank sends in all, where it has not to be counted step by step. */
    double (*sent)(const struct sm_collective_call *call, size_t rank);
    /* OPTIONAL. SM_ERR_INPUT and one line where it cannot be done for this size, group or root. */
    enum sm_status (*check)(const struct sm_collective_call *call);
};

#define SM_COLLECTIVE_LIST(X)                                                                      \
    X(ring)                                                                                        \
    X(halving_doubling)                                                                            \
    X(recursive_doubling)                                                                          \
    X(binomial_tree)                                                                               \
    X(double_binary_tree)                                                                          \
    X(hierarchical)                                                                                \
    X(parameter_server)                                                                            \
    X(auto)                                                                                        \
    X(ring_reduce_scatter)                                                                         \
    X(ring_all_gather)                                                                             \
    X(halving_reduce_scatter)                                                                      \
    X(doubling_all_gather)                                                                         \
    X(binomial_reduce)                                                                             \
    X(binomial_broadcast)                                                                          \
    X(flat_reduce)                                                                                 \
    X(flat_broadcast)
#define X(id) extern const struct sm_collective sm_collective_##id;
SM_COLLECTIVE_LIST(X)
#undef X

extern const struct sm_axis sm_axis_collective;

/* Bytes of `count` chunks from `first` when `bytes` are cut into `chunks` whole-byte parts that
 * differ by at most one; the first ones are the longer. */
double sm_collective_bytes(double bytes, size_t chunks, size_t first, size_t count);

/* The same of what a step of a call in `chunks` sends, or receives; 0: then there is no message. */
double sm_collective_sent(const struct sm_collective_call *call, size_t chunks,
                          const struct sm_collective_step *step);
double sm_collective_received(const struct sm_collective_call *call, size_t chunks,
                              const struct sm_collective_step *step);
/* Bytes that a rank sends in all its steps; O(steps), O(1) for rings. */
double sm_collective_sent_in_all(const struct sm_collective *collective,
                                 const struct sm_collective_call *call, size_t rank);

/* SM_OK when an experiment may choose it: an all-reduce that can be done for this call. */
enum sm_status sm_collective_usable(const struct sm_collective *collective,
                                    const struct sm_collective_call *call);

/* The all-reduce that takes the fewest seconds by closed form on the call's network (10 Gbit/s and
 * 20 us where it is not known), with its default settings; among sites by an estimate that sums the
 * slowest message of each step, O(size steps), and above 256 ranks hierarchical. Pure. A parameter
 * server is never chosen: it is a place, not a way. */
const struct sm_collective *sm_collective_choose(const struct sm_collective_call *call);

/* Plays the schedule on sets instead of numbers: SM_OK when every rank ends with what the operation
 * promises, every contribution exactly once, and no message is left over; else the message says
 * which rank, step and chunk. O(size^2 chunks / 64) memory words. */
enum sm_status sm_collective_check(const struct sm_collective *collective,
                                   const struct sm_collective_call *call);

#endif
