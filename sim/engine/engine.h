/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/engine/engine.h -- the machines behind comm.h. */
#ifndef SM_ENGINE_ENGINE_H
#define SM_ENGINE_ENGINE_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

#include "sim/collective/collective.h"
#include "sim/comm/comm.h"
#include "sim/engine/pool.h"
#include "sim/platform/describe.h"
#include "sim/timing/transport.h"
#include "sim/trace/trace.h"

struct sm_engine_request {
    size_t workers;                       /* ranks 0..workers-1 train                          */
    size_t servers;                       /* ranks behind them, on the platform's next workers */
    uint64_t seed;                        /* for struct sm_comm                                */
    const struct sm_platform *platform;   /* simgrid only                                      */
    struct sm_choice collective;          /* of iallreduce                                     */
    const struct sm_transport *transport; /* NULL: links give all their goodput               */
    double wire_scale;
    double statistics;      /* floats that go beside every model (struct sm_comm)         */
    struct sm_pool *pool;   /* runs the jobs of compute (simgrid only)                       */
    struct sm_trace *trace; /* NULL: none                                                    */
    bool count_links;       /* the report shall say what each link carried (simgrid only)    */
    /* OPTIONAL (simgrid only). Called once, before the ranks start. */
    enum sm_status (*survey)(void *arg, const struct sm_routes *routes);
    void *survey_arg;
    const volatile sig_atomic_t *interrupted; /* NULL: never; compute fails when it is set   */
    /* One rank's program. The first failure ends the run and is the run's error. */
    enum sm_status (*worker)(void *arg, struct sm_comm *comm);
    void *arg;
    bool survives; /* ranks are told of messages that were lost, and go on (comm.h)          */
    /* OPTIONAL. That rank is lost, and the others go on. */
    enum sm_status (*lost)(void *arg, size_t rank);
};

/* What a link of the platform carried. */
struct sm_link_use {
    const char *name; /* as in the file, without _UP/_DOWN                              */
    bool duplex;      /* SPLITDUPLEX: bytes[0] went UP, bytes[1] DOWN; else [0] has all */
    double bytes[2];
    double bandwidth;   /* bytes/s of payload each way, after goodput                     */
    double utilisation; /* bytes of the busier way / (bandwidth x seconds of the run); NaN
                           where flows do not share it (FATPIPE)                          */
};

struct sm_engine_report {
    double seconds;                  /* when the last rank ended; 0 without a clock */
    const struct sm_ledger *ledgers; /* (workers + servers), owned by the arena of run */
    /* Where ranks or messages were lost and the others went on to the end; else NULL. */
    const bool *lost;                /* (workers + servers)                        */
    const char *losses;              /* one line: which, when, why                 */
    const char *collective;          /* and what it came to: "auto (ring)"; NULL: none */
    const struct sm_link_use *links; /* (link_count) in the platform's order, when asked for */
    size_t link_count;
};

struct sm_engine {
    const char *name, *doc;
    /* Runs all ranks to their end. SM_ERR_STALLED: every rank waits; the message says who for whom
     * and since when. Once a process for simgrid (SimGrid cannot start twice). */
    enum sm_status (*run)(const struct sm_engine_request *request, struct sm_arena *arena,
                          struct sm_engine_report *report);
};

extern const struct sm_engine sm_engine_simgrid, sm_engine_thread;

#endif
