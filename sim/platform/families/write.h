/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/platform/families/write.h -- what the families write alike. */
#ifndef SM_PLATFORM_FAMILIES_WRITE_H
#define SM_PLATFORM_FAMILIES_WRITE_H

#include "sim/platform/make.h"

/* A value with its unit, with the fewest digits that give it back. */
struct sm_quantity {
    char text[40];
};

struct sm_quantity sm_gigabits(double bytes_per_second);
struct sm_quantity sm_gigabytes(double bytes_per_second);
struct sm_quantity sm_microseconds(double seconds);
struct sm_quantity sm_teraflops(double flop_per_second);
struct sm_quantity sm_share(double of_one);

/* XML and licence lines, the comment (lines that end with \n), <platform>. */
void sm_write_head(FILE *out, const char *comment);

/* <link> with this bandwidth in each direction; a goodput of 1 is not written. `name` is formatted
 * as printf does. */
struct sm_wire {
    struct sm_quantity bandwidth, latency;
    double goodput;
};
__attribute__((format(printf, 4, 5))) void
sm_write_link(FILE *out, const char *indent, const struct sm_wire *wire, const char *name, ...);
struct sm_wire sm_nic(const struct sm_platform_settings *settings);

/* How the zone of N places round one router finds its ways. Floyd's table takes N^3 steps once and
 * N^2 memory, DijkstraCache N log N the first time a place sends and N a message. */
const char *sm_routing_round_a_router(size_t places);

/* Hosts that hang on the fabric by one link each, such as node3_eth: in a Cluster zone, where a
 * way is the sender's link and the receiver's and there is no table of them. */
__attribute__((format(printf, 3, 4))) void sm_write_host_link(FILE *out, const char *host,
                                                              const char *link, ...);

/* Servers of GPUs with settings->rails NICs, each for as many neighbours, all on one non-blocking
 * fabric; the whole file. Names: server3_gpu0, server3_ib0. */
enum { SM_GPUS = 8 };
struct sm_rail_server {
    const char *comment; /* of sm_write_head              */
    const char *rings;   /* properties of device 0, or NULL */
    const char *collective;
    /* the links inside server `index`, and the way from GPU i to GPU j over them */
    void (*links)(const struct sm_platform_settings *settings, size_t index, FILE *out);
    void (*way)(size_t index, int i, int j, FILE *out);
};
enum sm_status sm_write_rail_servers(const struct sm_platform_settings *settings,
                                     const struct sm_rail_server *server, FILE *out);

#define SM_SETTING(field, def, min, max, unit, doc)                                                \
    SM_PARAM_UNIT(struct sm_platform_settings, field, def, min, max, unit, doc)
#define SM_SETTING_NODES(def, max, doc) SM_SETTING(nodes, def, 1, max, SM_UNIT_NONE, doc)
#define SM_SETTING_NIC(def)             SM_SETTING(nic, def, 1, 1e15, SM_UNIT_BANDWIDTH, "line rate of a NIC")
#define SM_SETTING_LATENCY(def)                                                                    \
    SM_SETTING(latency, def, 1e-12, 1000, SM_UNIT_SECONDS,                                         \
               "latency of a NIC and its cable; twice that from server to server")
#define SM_SETTING_GOODPUT(def)                                                                    \
    SM_SETTING(goodput, def, 1e-6, 1, SM_UNIT_NONE, "share of the line rate that payload gets")
#define SM_SETTING_SPEED(def)                                                                      \
    SM_SETTING(speed, def, 1, 1e18, SM_UNIT_SPEED, "peak speed of a device")
#define SM_SETTING_RAILS(def)                                                                      \
    SM_SETTING(rails, def, 1, SM_GPUS, SM_UNIT_NONE, "NICs of a server: 1, 2, 4 or 8")

#endif
