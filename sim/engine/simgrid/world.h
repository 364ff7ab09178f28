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
#include <xbt/dynar.h>

#include "sim/collective/collective.h"
#include "sim/engine/engine.h"
#include "sim/engine/waiting.h"
#include "sim/timing/transport.h"

/* A parcel on its way. Recycled through the world's list. */
struct envelope {
    struct envelope *next;
    double sent; /* simulated seconds */
    struct sm_parcel *parcel;
    size_t to;
    double bytes;   /* true ones */
    sg_comm_t kept; /* the sender's handle, until the parcel was taken; or NULL */
};

struct sm_request {
    enum { RECEIVE, REDUCE } kind;
    struct sm_request *next; /* in the free list, or in the stream's queue    */
    double posted;           /* when */
    /* RECEIVE */
    size_t from;
    struct sm_parcel **parcel;
    sg_comm_t comm;
    sg_comm_t *others; /* (rails - 1) of the parts over the other rails */
    bool watched;      /* an actor waits in the rank's place */
    double arrived;    /* when it was done                   */
    void *envelope;    /* struct envelope, when it is there  */
    /* REDUCE */
    enum sm_reach reach;
    float *x;
    size_t n, index;
    double wire;      /* floats that it weighs    */
    double all_there; /* when the last rank joined   */
    double end;       /* when it is over, which only known seconds tell beforehand; else 0 */
    struct sm_trace_mark mark; /* where the rank was when it was posted */
    /* REDUCE, watched or tested */
    enum sm_status status;
    bool done;
    /* RECEIVE, where ranks survive */
    size_t number;                              /* receipts from that rank before          */
    struct sm_request *pending, **pending_link; /* in the rank's list */
};

struct world;
/* each of the file beside it */
struct boxes;       /* message.c */
struct order;       /* rail.c    */
struct rail;        /* rail.c    */
struct watcher;     /* watch.c   */
struct streams;     /* stream.c  */
struct flows;       /* flow.c    */
struct player;      /* devices.c */
struct device_kind; /* devices.c */
struct loads;       /* links.c   */
struct traffic;     /* traffic.c */
struct failure;     /* failure.c */

/* What the devices of one worker do together. */
enum device_part { DEVICES_ALL_REDUCE, DEVICES_REDUCE_SCATTER, DEVICES_ALL_GATHER };

struct rank {
    struct sm_comm comm; /* first: ops get a pointer to it */
    struct world *world;
    const struct sm_platform_worker *worker;
    sg_host_t *devices; /* (worker->devices) */
    sg_host_t host;     /* of its first rail */
    struct rail *rails; /* (world->rails), the first is the rank itself; NULL: none asked yet */
    double time;        /* the rank's own, never behind SimGrid's clock: see sm_simgrid_settle */
    double slowdown;    /* speed of device 0 / speed of the slowest device */
    struct sm_ledger *ledger;
    const bool *traced; /* whether its spans are wanted now */
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
    struct envelope *arrived; /* of this rank's, with handles */
    sg_comm_t flow;           /* handle of the stream's; or NULL */
    /* copies through host memory: messages to go, and until when the others are copied */
    struct envelope *leaving, **leaving_end;
    sg_sem_t staged;
    double copied;
    /* the stream */
    struct receipt *receipts; /* (receipt_capacity) of the step under way, or of several */
    size_t receipt_count, receipt_capacity;
    /* messages of this rank that were taken, and those of them that it has not asked for; it may
     * sleep until one more is */
    size_t untaken, taken;
    bool wants_taken;
    sg_sem_t more_taken;
    struct sm_request *queue, **queue_end;
    sg_sem_t queued, finished;
    size_t reductions;  /* among workers, posted so far */
    size_t playing;     /* posted to the stream that have not ended */
    double stream_free; /* until when all-reduces of known seconds take */
    /* devices */
    struct player *players;
    sg_sem_t played;
    struct device_kind *kind;                /* NULL: others use the links between the devices */
    double device_latency, device_bandwidth; /* of the worst edge of their rings */
};

/* A message of a schedule that is to come. */
struct receipt {
    size_t from;
    double bytes;
    sg_comm_t first, *others; /* others: (rails - 1) of the other parts */
};

struct world {
    const struct sm_engine_request *request;
    struct sm_transport transport;
    struct sm_arena *arena;
    size_t size;                /* ranks that train */
    size_t rank_count;          /* and the servers behind them */
    size_t rails;               /* of every rank */
    struct rank *ranks;         /* (rank_count) */
    struct sm_waiting *waiting; /* (rank_count) */
    bool mortal;                /* the platform has links or hosts that go down */
    bool survives;              /* and ranks are told */
    /* SimGrid has one list of all messages that nobody keeps a handle of, and walks it whenever one
     * of them arrives; in a crowd their senders keep it. */
    bool crowd;
    sg_sem_t parked; /* ranks of a crowd that have ended, for their messages would end with them */

    struct envelope *envelopes; /* spare */
    struct order *orders;       /* spare */
    xbt_dynar_t route;          /* the last that was asked for */
    struct boxes *boxes;
    struct streams *streams;
    struct flows *flows; /* NULL: neither played nor measured */
    struct device_kind *kinds;
    struct loads *loads;     /* NULL: nobody asks what the links carry */
    struct traffic *traffic; /* NULL: none */
    struct failure *failure; /* NULL: nothing goes down */

    sg_bar_t barrier; /* of those that train */
    double all_there; /* when the last of them joined the all-reduce under way */
    size_t in_flight; /* messages that somebody sent and nobody has yet */
    double largest;   /* bytes of the largest message */
    double moved;     /* when a rank last got somewhere */
    double end;       /* when the last rank ended */
    bool failed;
    double failed_at;
    struct sm_error error; /* the first failure */
};

/* ---- world.c ---- */

/* How many links the route has; *links: they, until the next route is asked for. */
size_t sm_simgrid_route(const struct world *world, sg_host_t from, sg_host_t to, sg_link_t **links);

/* Tells what the request's survey asks for. */
enum sm_status sm_simgrid_survey(struct world *world);

/* Keeps the run's first failure: this OS thread's error record. */
void sm_simgrid_fail(struct world *world);
/* Counts seconds t0..t1 of a rank and adds the span to the trace. */
enum sm_status sm_simgrid_account(struct rank *rank, enum sm_stage stage, double t0, double t1);

/* Lets SimGrid's clock come up to the rank's own time; others run meanwhile. */
void sm_simgrid_settle(struct rank *rank);

/* ---- message.c: mailboxes and schedules ---- */

enum channel { CHANNEL_MESSAGE, CHANNEL_REDUCE };

/* The mailbox of messages from one rank to another over a rail; kept, because asking SimGrid costs
 * a switch to its scheduler. NULL: no memory. */
sg_mailbox_t sm_simgrid_box(struct world *world, enum channel channel, size_t from, size_t to,
                            size_t rail);

/* Sends `bytes` (and what `payload` points to) and forgets about it; or keeps the handle. */
void sm_simgrid_send(sg_mailbox_t box, void *payload, double bytes);
sg_comm_t sm_simgrid_send_kept(sg_mailbox_t box, void *payload, double bytes);
/* Waits for the next message of a sender on host `from`; SM_ERR_STALLED when a link or host on the
 * way died. */
enum sm_status sm_simgrid_receive(struct world *world, sg_mailbox_t box, sg_host_t from);

/* One rank's step of a schedule: SM_NO_RANK or peers, and bytes. */
struct exchange {
    size_t to, from;
    double sent, received;
    bool open;  /* see struct sm_collective_step               */
    bool waits; /* for what it sends, not only for what comes  */
};

/* Plays one rank's steps of a schedule, message by message; exchange(arg, step) sends and
 * receives. */
enum sm_status sm_simgrid_play(const struct sm_collective *collective,
                               const struct sm_collective_call *call, size_t rank,
                               enum sm_status (*exchange)(void *arg, const struct exchange *step),
                               void *arg);

/* ---- rail.c: messages between workers ---- */

/* Of so many bytes, those that go over a rail; the first has most. */
double sm_simgrid_part(const struct world *world, double bytes, size_t rail);
/* What a message of so many bytes occupies the links like. */
double sm_simgrid_wire_bytes(const struct world *world, double bytes);
/* The device of a rank's rail. */
sg_host_t sm_simgrid_rail_host(const struct world *world, size_t rank, size_t rail);
/* Posts a message of `bytes` on the wire, one part a rail. *kept: in a crowd the handle of its
 * first part, for this actor to wait for when it arrived; else NULL. kept may be NULL. */
enum sm_status sm_simgrid_post_send(struct rank *rank, enum channel channel, size_t to,
                                    void *payload, double bytes, sg_comm_t *kept);
/* Posts the receipt of the next message: its first part, and into others (rails - 1) those of the
 * other rails, which appear at this instant, but only when other actors had their turn. */
enum sm_status sm_simgrid_post_receive(struct rank *rank, enum channel channel, size_t from,
                                       void **payload, sg_comm_t *first, sg_comm_t *others);
/* Waits for all parts; false when a link or host on the way died. */
bool sm_simgrid_arrives(const struct world *world, sg_comm_t first, sg_comm_t *others);
/* Seconds of one copy to or from host memory; each rail's device has a bus of its own. */
double sm_simgrid_copy_seconds(const struct world *world, double bytes);
void sm_simgrid_rails_fini(struct rank *rank);
/* Has the envelope copied to host memory, after those before it, and sent then. */
void sm_simgrid_stage(struct rank *rank, struct envelope *envelope);
/* Waits until what came in, after what came before it, is copied to its device. */
void sm_simgrid_unstage(struct rank *rank, double bytes);

/* ---- watch.c: when receipts are done ---- */

/* Has an actor wait for the receipt, not watched yet, and note when it is done. */
enum sm_status sm_simgrid_watch(struct rank *rank, struct sm_request *request);
/* Has the receipts (count; NULL: none there) watched; those that are there by now are done. */
enum sm_status sm_simgrid_look(struct rank *rank, struct sm_request *const *requests, size_t count);
/* Blocks until a receipt that is watched is done, and all others of the same instant with it. */
void sm_simgrid_sleep(struct rank *rank);
void sm_simgrid_watch_fini(struct rank *rank);

/* ---- stream.c: all-reduces, each rank's in the order posted ---- */

enum sm_status sm_simgrid_streams_init(struct world *world);
/* One among devices goes by known seconds where nothing is under way. */
enum sm_status sm_simgrid_post(struct rank *rank, struct sm_request *request);
/* "ring", "auto (ring)": the collectives that were played, for the report; NULL: no memory. */
const char *sm_simgrid_collectives(const struct world *world);
/* Of a schedule: posts what is sent and received, nothing waits yet; waits for a receipt. */
enum sm_status sm_simgrid_post_step(struct rank *rank, size_t to, double bytes, size_t from,
                                    double received, sg_comm_t *kept);
enum sm_status sm_simgrid_await(struct rank *rank, const struct receipt *receipt);

/* ---- flow.c: a ring as one flow an edge ---- */

/* Whether it may be played so here. */
bool sm_simgrid_flows_fit(struct world *world);
/* Measures the idle edges; what is below but for disturb and joins needs it. */
enum sm_status sm_simgrid_flows_init(struct world *world);
void sm_simgrid_flows_fini(struct world *world);
/* The idle edge into rank r; bytes/s with the library's efficiency and copies. */
struct sm_collective_network sm_simgrid_edge(const struct world *world, size_t r);
/* The rank joins the all-reduce; all have, and the flows of so many steps are planned; plays the
 * one out of the rank and ends with all. chunk: bytes of a step. */
void sm_simgrid_flow_joins(const struct rank *rank);
void sm_simgrid_flows_plan(struct world *world, size_t steps, double chunk);
enum sm_status sm_simgrid_flow_play(struct rank *rank, double chunk);
/* Somebody is about to use the links between workers. */
void sm_simgrid_disturb(struct world *world);

/* ---- devices.c: all-reduces among a worker's devices ---- */

enum sm_status sm_simgrid_devices_init(struct world *world);
void sm_simgrid_devices_fini(struct world *world);
/* Whether the seconds it takes are known by now. */
bool sm_simgrid_devices_known(const struct rank *rank, enum device_part part, double bytes,
                              double *seconds);
/* Blocks the calling actor for as long as it takes; one at a time for a rank. */
enum sm_status sm_simgrid_devices_play(struct rank *rank, enum device_part part, double bytes);
/* One that took the seconds of the span, played or known. */
enum sm_status sm_simgrid_devices_count(struct rank *rank, enum device_part part, double bytes,
                                        const struct sm_trace_span *span);

/* ---- links.c: what each link carries ---- */

/* Where the request asks for it or for a trace; else these do nothing. Bytes are those that are
 * meant to arrive, whatever share of a link the library reaches. Of the span only times and mark
 * count. */
enum sm_status sm_simgrid_links_init(struct world *world);
enum sm_status sm_simgrid_count(struct world *world, sg_host_t from, sg_host_t to, double bytes,
                                const struct sm_trace_span *span);
/* A message between ranks, over all their rails. */
enum sm_status sm_simgrid_count_message(struct world *world, size_t from, size_t to, double bytes,
                                        const struct sm_trace_span *span);
/* What `rank` sends of a schedule: count(arg, to, bytes, span). */
enum sm_status sm_simgrid_count_schedule(const struct sm_collective *collective,
                                         const struct sm_collective_call *call, size_t rank,
                                         enum sm_status (*count)(void *arg, size_t to, double bytes,
                                                                 const struct sm_trace_span *span),
                                         void *arg, const struct sm_trace_span *span);
/* After the run: spreads it over the routes, into the report, and into counters of the trace. */
enum sm_status sm_simgrid_links_report(struct world *world, struct sm_engine_report *report);
void sm_simgrid_links_fini(struct world *world);

/* ---- traffic.c: flows of others ---- */

/* Before the ranks start: starts the flows. */
enum sm_status sm_simgrid_traffic_init(struct world *world);
void sm_simgrid_traffic_fini(struct world *world);
/* Whether others use a link on the way. */
bool sm_simgrid_busy(const struct world *world, sg_host_t from, sg_host_t to);

/* ---- failure.c: links and hosts that die ---- */

/* Whether SimGrid can be asked for a message from there: it abort()s where the sender's host is
 * down and the message was sent before. */
bool sm_simgrid_sends(sg_host_t from);
/* Records SM_ERR_STALLED: which host or link between the two died, and when, if it can be told. */
enum sm_status sm_simgrid_died(const struct world *world, sg_host_t from, sg_host_t to);
enum sm_status sm_simgrid_died_between(const struct world *world, size_t from, size_t to);
/* Whether all devices of the rank that talk to others are up. */
bool sm_simgrid_rank_sends(const struct world *world, size_t rank);
/* Before the ranks start: notes when their hosts die; where they survive, has the others told. */
enum sm_status sm_simgrid_failure_init(struct world *world);
void sm_simgrid_failure_fini(struct world *world);
/* "rank 3 was lost (...), ..."; NULL: none was. */
const char *sm_simgrid_lost_ranks(const struct world *world);
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

#endif
