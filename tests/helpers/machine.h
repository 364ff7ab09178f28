/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/helpers/machine.h -- runs a small program on every rank of a machine.
 *
 * SimGrid starts once a process, so on that engine the program runs in a child; what it leaves in
 * `out` comes back. The thread engine runs it here. A failing cmocka check inside a program would
 * end the whole test program: programs write down what they see, the test checks it afterwards.
 */
#ifndef SM_TESTS_HELPERS_MACHINE_H
#define SM_TESTS_HELPERS_MACHINE_H

#include "sim/engine/engine.h"

enum { MACHINE_RANKS = 64, MACHINE_LINKS = 128 };

struct machine {
    const struct sm_engine *engine; /* NULL: simgrid                                             */
    const char *platform;           /* a file, a shipped name, star_N or XML text; NULL: star_8  */
    const char *edits;              /* YAML, as `platform:` of an experiment; NULL: none         */
    size_t workers;                 /* 0: all of the platform but the servers                    */
    size_t servers;                 /* behind the workers; at most MACHINE_RANKS with them       */
    uint64_t seed;                  /* of struct sm_comm                                         */
    bool exact;                     /* collectives message by message                            */
    const struct sm_choice *collective;   /* then `exact` is in its settings; NULL: ring         */
    const struct sm_transport *transport; /* NULL: links give all their goodput                  */
    double wire_scale; /* 0: 1                                                      */
    size_t threads;    /* of the pool; 0: 1                                         */
    const char *trace; /* Chrome JSON to write; NULL: none                          */
    bool count_links;  /* the report says what the links carried                    */
    const volatile sig_atomic_t *interrupted;
    void (*spoil)(struct sm_platform *platform); /* after loading; NULL: nothing                 */
    /* OPTIONAL. Before the ranks start; routes tells the ways of the platform. */
    enum sm_status (*survey)(const struct sm_platform *platform, const struct sm_routes *routes,
                             void *out);
    /* One rank's program (NULL: nothing); `in` is only read, `out` is shared by all ranks. */
    enum sm_status (*program)(struct sm_comm *comm, const void *in, void *out);
    const void *in;
};

struct machine_link {
    struct sm_link_use use; /* but its name: */
    char name[32];
};

struct machine_report {
    double seconds;
    char collective[64]; /* what it came to */
    struct sm_ledger ledgers[MACHINE_RANKS];
    struct machine_link links[MACHINE_LINKS]; /* (link_count) the first of them */
    size_t link_count;
};

/* Runs it; out (size) begins as zeros and is brought back whatever the status. report: NULL is
 * fine. */
enum sm_status machine_run(const struct machine *machine, void *out, size_t size,
                           struct machine_report *report);

/* Closed form of the machine's all-reduce, a ring. */
double ring_seconds(size_t size, double bytes, double latency, double bandwidth);

/* `seconds` pass on the rank's clock. */
enum sm_status machine_pass(struct sm_comm *comm, double seconds);
/* Sends n floats of `value`; receives a message and takes its first float. */
enum sm_status machine_send(struct sm_comm *comm, size_t to, size_t n, float value);
enum sm_status machine_receive(struct sm_comm *comm, size_t from, float *value);

#endif
