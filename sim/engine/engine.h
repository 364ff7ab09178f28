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
#include "sim/platform/platform.h"
#include "sim/trace/trace.h"

struct sm_engine_request {
    size_t workers;                     /* ranks 0..workers-1 train                          */
    size_t servers;                     /* ranks behind them, on the platform's next workers */
    uint64_t seed;                      /* for struct sm_comm                                */
    const struct sm_platform *platform; /* simgrid only                                      */
    struct sm_choice collective;        /* of iallreduce                                     */
    double wire_scale;
    double statistics;      /* floats that go beside every model (struct sm_comm)         */
    struct sm_pool *pool;   /* runs the jobs of compute (simgrid only)                       */
    struct sm_trace *trace; /* NULL: none                                                    */
    const volatile sig_atomic_t *interrupted; /* NULL: never; compute fails when it is set   */
    /* One rank's program. The first failure ends the run and is the run's error. */
    enum sm_status (*worker)(void *arg, struct sm_comm *comm);
    void *arg;
    bool survives; /* ranks are told of messages that were lost, and go on (comm.h)          */
    /* OPTIONAL. That rank is lost, and the others go on. */
    enum sm_status (*lost)(void *arg, size_t rank);
};

struct sm_engine_report {
    double seconds;                  /* when the last rank ended; 0 without a clock */
    const struct sm_ledger *ledgers; /* (workers + servers), owned by the arena of run */
    /* Where ranks or messages were lost and the others went on to the end; else NULL. */
    const bool *lost;   /* (workers + servers)                        */
    const char *losses; /* one line: which, when, why                 */
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
