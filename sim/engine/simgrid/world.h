/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/engine/simgrid/world.h -- what the files of the SimGrid engine share; nobody else sees it.
 *
 * Each rank is an actor on its worker's device 0. A second actor beside it, the stream, plays the
 * rank's all-reduces in the order posted, as NCCL's communication stream does, so that they travel
 * while the rank computes. Watchers wait for receipts in its place. All actors run in one OS
 * thread, one at a time.
 */
#ifndef SM_ENGINE_SIMGRID_WORLD_H
#define SM_ENGINE_SIMGRID_WORLD_H

#include <simgrid/actor.h>
#include <simgrid/barrier.h>
#include <simgrid/comm.h>
#include <simgrid/engine.h>
#include <simgrid/host.h>
#include <simgrid/link.h>
#include <simgrid/mailbox.h>
#include <simgrid/semaphore.h>

#include "sim/collective/fluid.h"
#include "sim/engine/engine.h"
#include "sim/engine/waiting.h"

/* A parcel on its way. Recycled through the world's list. */
struct envelope {
    struct envelope *next;
    double sent; /* simulated seconds */
    struct sm_parcel *parcel;
};

struct sm_request {
    enum { RECEIVE, REDUCE } kind;
    struct sm_request *next; /* in the free list, or in the stream's queue    */
    /* RECEIVE */
    size_t from;
    struct sm_parcel **parcel;
    sg_comm_t comm;
    bool watched;   /* an actor waits in the rank's place */
    double arrived; /* when it was done                   */
    void *envelope; /* struct envelope, when it is there  */
    /* REDUCE */
    float *x;
    size_t n, index;
    double wire;      /* floats that it weighs    */
    double all_there; /* when the last rank joined   */
    /* REDUCE, watched or tested */
    enum sm_status status;
    bool done;
    /* RECEIVE, where ranks survive */
    struct watcher *watcher;
    size_t number;                              /* receipts from that rank before          */
    struct sm_request *pending, **pending_link; /* in the rank's list */
};

struct world;

struct traffic;

/* A device that plays its part of the all-reduce inside a worker. */
struct player {
    struct rank *rank;
    const struct sm_device_ring *ring;
    size_t ring_index, position;
    double bytes;
};

/* An actor that waits for one receipt after another in a rank's place. */
struct watcher {
    struct watcher *next, *next_idle; /* of the rank's */
    struct rank *rank;
    struct sm_request *request;
    sg_sem_t handed; /* a request to wait for */
};

struct rank {
    struct sm_comm comm; /* first: ops get a pointer to it */
    struct world *world;
    const struct sm_platform_worker *worker;
    sg_host_t host;
    double time;     /* the rank's own, never behind SimGrid's clock: see sm_simgrid_settle */
    double slowdown; /* speed of device 0 / speed of the slowest device */
    struct sm_ledger *ledger;
    struct sm_task task;
    bool working; /* the task is on the pool */
    sg_actor_t actor;
    bool lost;                  /* and the others went on */
    struct sm_request *pending; /* receipts that are not done, where ranks survive */
    struct sm_request *spare;
    /* receipts that are watched */
    bool watches; /* all, from when they are posted */
    struct watcher *watchers, *idle;
    bool asleep; /* until one more is done */
    sg_sem_t woken;
    /* the stream */
    struct sm_request *queue, **queue_end;
    sg_sem_t queued, finished;
    size_t reductions;                /* posted so far */
    double reduce_bytes, reduce_sent; /* wire bytes of the last all-reduce, and this rank's part */
    /* devices */
    struct player *players;
    sg_sem_t played;
    bool devices_private;                /* nobody else uses the links between the devices */
    double device_bytes, device_seconds; /* the last all-reduce among them that was simulated */
};

struct box {
    uint64_t key;
    sg_mailbox_t mailbox;
};

struct world {
    const struct sm_engine_request *request;
    struct sm_arena *arena;
    size_t size;                /* ranks that train */
    size_t rank_count;          /* and the servers behind them */
    struct rank *ranks;         /* (rank_count) */
    struct sm_waiting *waiting; /* (rank_count) */
    struct envelope *envelopes; /* spare */
    struct box *boxes;          /* (box_capacity), open addressing; mailbox NULL: free */
    size_t box_count, box_capacity;
    bool failed;
    struct sm_error error; /* the first failure */
    double failed_at;
    bool mortal;            /* the platform has links or hosts that go down                  */
    bool survives;          /* and ranks are told                                            */
    uint32_t *sent, *asked; /* (rank_count, rank_count) messages from, to; where ranks survive */
    sg_sem_t never;         /* what waits for it waits for its end     */
    size_t lost_count, lost_messages;
    /* where there is traffic */
    struct traffic *traffic; /* (request->platform->traffic_count)           */
    sg_link_t *busy;         /* (busy_count) links it uses, by their address */
    size_t busy_count;
    double moved;   /* when a rank last got somewhere */
    double largest; /* bytes of the largest message   */
    char lost_ranks[256];
    double end; /* when the last rank ended */

    /* the all-reduce under way */
    const struct sm_collective *collective;
    bool fluid;
    sg_bar_t barrier;
    size_t arrived, n;
    float **x;                   /* (size) of n floats */
    struct sm_fluid_edge *edges; /* (size) edge r-1 -> r */
    double *latency, *bandwidth; /* (size) of the route r-1 -> r */
    double *work;                /* (2 size) */
    double all_there;
};

enum channel { CHANNEL_MESSAGE, CHANNEL_REDUCE };

/* The mailbox of messages from one rank to another; kept, because asking SimGrid costs a switch to
 * its scheduler. NULL: no memory. */
sg_mailbox_t sm_simgrid_box(struct world *world, enum channel channel, size_t from, size_t to);

/* Sends `bytes` (and what `payload` points to) and forgets about it. */
void sm_simgrid_send(sg_mailbox_t box, void *payload, double bytes);
/* Waits for the next message of a sender on host `from`; SM_ERR_STALLED when a link or host on the
 * way died. */
enum sm_status sm_simgrid_receive(struct world *world, sg_mailbox_t box, sg_host_t from);

/* Plays one rank's steps of a schedule, message by message. `box(arg, from, to)` finds mailboxes,
 * `host(arg, rank)` who sends. */
enum sm_status sm_simgrid_play(struct world *world, const struct sm_collective *collective,
                               size_t size, size_t rank, double bytes,
                               sg_mailbox_t (*box)(void *arg, size_t from, size_t to),
                               sg_host_t (*host)(void *arg, size_t rank), void *arg);

/* ---- background.c: flows of others ---- */

/* Before the ranks start: starts the flows. */
enum sm_status sm_simgrid_traffic_init(struct world *world);
void sm_simgrid_traffic_fini(struct world *world);
/* Whether others use a link on the way. */
bool sm_simgrid_traffic_on(const struct world *world, sg_host_t from, sg_host_t to);

/* ---- failure.c: links and hosts that die ---- */

/* Whether SimGrid can be asked for a message from there: it abort()s where the sender's host is
 * down and the message was sent before. */
bool sm_simgrid_sends(sg_host_t from);
/* Records SM_ERR_STALLED: which host or link between the two died, and when, if it can be told. */
enum sm_status sm_simgrid_died(const struct world *world, sg_host_t from, sg_host_t to);
/* Before the ranks start: notes when their hosts die; where they survive, has the others told. */
enum sm_status sm_simgrid_failure_init(struct world *world);
/* Where some were lost and others went on: says so. SM_ERR_STALLED when none that trains is left.
 */
enum sm_status sm_simgrid_failure_report(const struct world *world,
                                         struct sm_engine_report *report);
void sm_simgrid_rank_started(struct rank *rank);
/* The rank's program has returned `status`. */
void sm_simgrid_rank_ends(struct rank *rank, enum sm_status status);
/* Where ranks survive: a message is about to be sent (false: to one that is gone), a receipt is
 * about to be posted (false: it is hopeless, and done), is over; and what is said of a lost one. */
bool sm_simgrid_may_send(struct rank *rank, size_t to);
bool sm_simgrid_may_receive(struct rank *rank, struct sm_request *request);
void sm_simgrid_received(struct sm_request *request);
enum sm_status sm_simgrid_lost_message(struct rank *rank, const struct sm_request *request);

/* Keeps the run's first failure: this OS thread's error record. */
void sm_simgrid_fail(struct world *world);
/* Counts seconds t0..t1 of a rank and adds the span to the trace. */
enum sm_status sm_simgrid_account(struct rank *rank, enum sm_stage stage, double t0, double t1);

/* Lets SimGrid's clock come up to the rank's own time; others run meanwhile. */
void sm_simgrid_settle(struct rank *rank);

/* Has an actor wait for the receipt, not watched yet, and note when it is done. */
enum sm_status sm_simgrid_watch(struct rank *rank, struct sm_request *request);
/* Has the receipts (count; NULL: none there) watched; those that are there by now are done. */
enum sm_status sm_simgrid_look(struct rank *rank, struct sm_request *const *requests, size_t count);
/* Blocks until a receipt that is watched is done, and all others of the same instant with it. */
void sm_simgrid_sleep(struct rank *rank);
void sm_simgrid_watch_fini(struct rank *rank);

/* all-reduce over ranks: set-up, posting, and what waits for it */
enum sm_status sm_simgrid_streams_init(struct world *world);
enum sm_status sm_simgrid_post(struct rank *rank, struct sm_request *request);
/* all-reduce among a worker's devices */
enum sm_status sm_simgrid_devices_init(struct rank *rank);
enum sm_status sm_simgrid_devices_reduce(struct rank *rank, double bytes);

#endif
