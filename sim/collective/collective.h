/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/collective/collective.h -- collectives as schedules: data that an engine plays.
 *
 * A schedule cuts the vector into chunks and tells each rank, step by step, which run of chunks to
 * send to whom and which to receive from whom; what comes in is combined (added) or copied. A rank
 * sends its part of a step at once and then waits for what it receives. The same schedule is
 * checked symbolically (sm_collective_check), played message by message, and has a closed form.
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
};

/* What is to be done, and where. */
struct sm_collective_call {
    size_t size;          /* ranks, >= 1                                                      */
    size_t group;         /* ranks r of the same r / group are neighbours (a site); 0: none   */
    double bytes;         /* whole ones, of the vector                                        */
    const void *settings; /* of the collective; NULL: its defaults                            */
    /* Seconds and bytes/s of the slowest route, for who tunes itself; 0: not known */
    double latency, bandwidth;
};

/* Settings of collectives that may be played as flows. */
struct sm_collective_settings {
    const char *play; /* fluid | exact */
};
extern const struct sm_param sm_collective_params[];

/* An all-reduce. */
struct sm_collective {
    struct sm_plugin about;
    /* Every step of a rank uses the same edges, so it may be played as one fluid flow per edge. */
    bool same_edges;
    const char *closed_form; /* the text of `seconds`, for `describe` */
    /* REQUIRED. Chunks the vector is cut into, and steps of each rank. */
    size_t (*chunks)(const struct sm_collective_call *call);
    size_t (*steps)(const struct sm_collective_call *call);
    /* REQUIRED. Step `step` of `rank`; pure. */
    void (*step)(const struct sm_collective_call *call, size_t rank, size_t step,
                 struct sm_collective_step *out);
    /* REQUIRED. Seconds on a homogeneous network, every rank arriving at once. */
    double (*seconds)(const struct sm_collective_call *call, double latency, double bandwidth);
};

#define SM_COLLECTIVE_LIST(X) X(ring)
#define X(id)                 extern const struct sm_collective sm_collective_##id;
SM_COLLECTIVE_LIST(X)
#undef X

extern const struct sm_axis sm_axis_collective;

/* Bytes of `count` chunks from `first` when `bytes` are cut into `chunks` whole-byte parts that
 * differ by at most one. */
double sm_collective_bytes(double bytes, size_t chunks, size_t first, size_t count);

/* The same of what a step of the call sends, or receives; 0: then there is no message. */
double sm_collective_sent(const struct sm_collective *collective,
                          const struct sm_collective_call *call,
                          const struct sm_collective_step *step);
double sm_collective_received(const struct sm_collective *collective,
                              const struct sm_collective_call *call,
                              const struct sm_collective_step *step);

/* Plays the schedule on sets instead of numbers: SM_OK when every rank ends with every rank's
 * contribution to every chunk exactly once and no message is left over; else the message says
 * which rank, step and chunk. O(size^2 chunks / 64) memory words. */
enum sm_status sm_collective_check(const struct sm_collective *collective,
                                   const struct sm_collective_call *call);

#endif
