/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/comm/comm.h -- THE DOOR between algorithms and the machine.
 *
 * A rank sees the others only through these functions. Behind the door stands an engine: SimGrid
 * (simulated clock, contended links), threads (no clock; the reference in tests), later perhaps a
 * real MPI. All ranks run the same sequence of collectives.
 *
 * Bytes on the wire are apart from the payload: w floats of wire cost 4 w wire_scale bytes, so a
 * small real model can send what ResNet-50 sends, and a compressed vector of n floats weighs less
 * than n. Timing-only runs are the same code with n = 1 and the whole model in the scale.
 *
 * Links and hosts may die on the way. A run then stalls, and the engine says who waits for whom; a
 * strategy learns nothing of it. Only one that can go on (SM_SURVIVES_LOSS) is told, when it waits:
 *   SM_ERR_LOST  this message was lost with a link on its way; the next may come
 *   SM_ERR_GONE  nothing will come from that rank any more: it died, or it has ended
 * The request is then over and there is no parcel. A sender is never told. A rank that returns one
 * of the two from its program leaves the run, which goes on without it.
 *
 * Ranks 0..size-1 train. A strategy may own further ranks, its servers: size..size+servers-1; they
 * send and receive messages, but all-reduces are among those that train.
 */
#ifndef SM_COMM_COMM_H
#define SM_COMM_COMM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/job.h"
#include "sim/base/status.h"

/* What a rank was doing; the summary and the trace count seconds by it. */
enum sm_stage {
    SM_STAGE_LOAD,          /* input pipeline                            */
    SM_STAGE_COMPUTE,       /* forward and backward                      */
    SM_STAGE_DEVICES,       /* all-reduce among the worker's own devices */
    SM_STAGE_UPDATE,        /* inner optimizer                           */
    SM_STAGE_COMMUNICATION, /* exposed: waiting while bytes travel       */
    SM_STAGE_IDLE,          /* waiting for a rank that is not there yet  */
    SM_STAGES
};
extern const char *const sm_stage_names[SM_STAGES];

/* Where the seconds of one rank went. */
struct sm_ledger {
    double seconds[SM_STAGES];
    double bytes_sent; /* on the wire, its part of all-reduces too */
    double reducing;   /* seconds that its all-reduces took from posting to end, summed over those
                          that have ended, hidden or not                                          */
};

/* A vector that travels, and one number beside it (push-sum's weight, a step count). Sender and
 * receivers share it, so once sent it is only read; each lets go of it with sm_parcel_release. */
struct sm_parcel {
    float *x; /* (n) */
    size_t n;
    double wire; /* what it weighs on the wire, in floats; create says n */
    float weight;
    /* of comm.c */
    _Atomic size_t holders;
    size_t capacity;
    struct sm_parcel *next;
};

/* Whose devices an all-reduce is among. */
enum sm_reach {
    SM_AMONG_WORKERS, /* one device of each worker that trains                                   */
    SM_AMONG_DEVICES, /* those of this worker: it costs time, the numbers are one already        */
    SM_AMONG_ALL,     /* all of all workers: reduce-scatter inside each worker, all-reduce between
                         workers, all-gather inside                                              */
};

struct sm_request; /* an operation in flight; owned by the engine until waited for */
struct sm_comm;

struct sm_comm_ops {
    /* Simulated seconds since the start; 0 on an engine without a clock. */
    double (*now)(struct sm_comm *comm);
    /* Lets `seconds` of wall-clock and `flop` operations of each of the worker's devices pass, and
     * meanwhile runs `job` (NULL: none) for real. Returns the job's status. Messages in flight
     * progress. Both may be 0: then other ranks' jobs still get to run beside this one. */
    enum sm_status (*compute)(struct sm_comm *comm, enum sm_stage stage, double seconds,
                              double flop, const struct sm_job *job);
    /* Lets the parcel travel, from when its receipt is posted (a rendezvous, as MPI does for large
     * messages); nothing to wait for. Between two ranks parcels are received in the
     * order sent. to != rank. */
    enum sm_status (*isend)(struct sm_comm *comm, size_t to, struct sm_parcel *parcel);
    /* Posts the receipt of the next parcel from `from`: *parcel, once waited for. */
    enum sm_status (*irecv)(struct sm_comm *comm, size_t from, struct sm_parcel **parcel,
                            struct sm_request **request);
    /* x (n) becomes the mean over all that train, summed in rank order, whichever collective
     * carries it. x belongs to the engine until waited for; it weighs `wire` floats, also where n
     * is 0. A rank's all-reduces travel one after another in the order posted. */
    enum sm_status (*iallreduce)(struct sm_comm *comm, enum sm_reach reach, float *x, size_t n,
                                 double wire, struct sm_request **request);
    /* Blocks until the operation is done; *request becomes NULL. NULL is done already. */
    enum sm_status (*wait)(struct sm_comm *comm, struct sm_request **request);
    /* Blocks until one of the receipts in requests (count; NULL: none there) is done, and ends the
     * one whose message came first, of several at once the first in the list: *which is its index,
     * requests[*which] becomes NULL. At least one is not NULL. A rank that trains is not told when
     * messages came before its first call; those count as at once. */
    enum sm_status (*wait_any)(struct sm_comm *comm, struct sm_request **requests, size_t count,
                               size_t *which);
    /* *done: whether wait would return at once. Does not end the request. */
    enum sm_status (*test)(struct sm_comm *comm, struct sm_request **request, bool *done);
    /* iallreduce SM_AMONG_DEVICES of n floats (NVLink in a server), and its end: nothing for a
     * worker of one device. */
    enum sm_status (*reduce_devices)(struct sm_comm *comm, size_t n);
};

struct sm_comm {
    const struct sm_comm_ops *ops;
    size_t rank, size;         /* 0 <= rank < size; of a server: size <= rank   */
    size_t servers;            /* ranks behind those that train                 */
    uint64_t seed;             /* of the run; for streams of sim/base/rng.h     */
    size_t devices;            /* of this worker, >= 1                          */
    double speed;              /* FLOP/s of its slowest device; 0 without clock */
    double wire_scale;         /* bytes on the wire = 4 n wire_scale            */
    double statistics;         /* floats that go beside every model (batch norm's running mean and
                                  variance); a gradient has none                */
    struct sm_parcel *parcels; /* made by this rank, whoever holds them    */
    /* Of this rank until now; only the engine writes it. */
    const struct sm_ledger *ledger;
};

/* A parcel for n floats, contents undefined, held by the caller; one that nobody holds any more is
 * used again. Only the rank itself may call this. NULL: no memory. */
struct sm_parcel *sm_parcel_create(struct sm_comm *comm, size_t n);
/* One holder fewer. Any rank; NULL is fine. */
void sm_parcel_release(struct sm_parcel *parcel);
/* For engines: a holder more (on its way); all memory back when no rank runs any more. */
void sm_parcel_hold(struct sm_parcel *parcel);
void sm_comm_fini(struct sm_comm *comm);

/* iallreduce and wait in one, of a vector that weighs what it holds. */
enum sm_status sm_comm_average(struct sm_comm *comm, float *x, size_t n);
/* Bytes that so many floats put on the wire: 4 floats wire_scale, rounded to a whole byte. */
double sm_comm_wire_bytes(const struct sm_comm *comm, double floats);

#endif
