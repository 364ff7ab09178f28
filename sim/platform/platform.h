/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/platform/platform.h -- a SimGrid platform file: checked, edited, and read as workers.
 *
 * The file stays plain SimGrid XML. Properties say how hosts become workers:
 *   <host>  worker="3"   this host is a device of worker 3 (ranks 0..m-1 without holes)
 *           device="0"   its place among the worker's devices
 *           rings="2:0-1-3-2-6-7-5-4 ..."  on device 0: rings of the all-reduce among the worker's
 *                        devices, each with its share of the bytes; default 1:0-1-...-(d-1)
 *           collective="auto"  on device 0: that all-reduce goes round the ring or over two trees,
 *                        whichever takes less (on a switch: one ring only); default ring
 *           rails="0-2-4-6"  on device 0: the devices that talk to other workers; default 0
 *           group="2"    on device 0: the worker's site, default 0
 *   <link>  goodput="0.9564"  share of the line rate that payload gets
 * When no host has `worker`, every host is a worker with one device, in the order of the file.
 * What SimGrid is given is the edited text in `xml`, where goodput and edits are applied.
 */
#ifndef SM_PLATFORM_PLATFORM_H
#define SM_PLATFORM_PLATFORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "sim/base/arena.h"
#include "sim/base/param.h"
#include "sim/base/status.h"
#include "sim/base/tree.h"

struct sm_device_ring {
    double share;        /* of the bytes; the shares of a worker add up to 1   */
    const size_t *order; /* (devices) device indices round the ring            */
};

struct sm_platform_worker {
    const char *const *hosts; /* (devices) host names          */
    const double *speeds;     /* (devices) FLOP/s              */
    size_t devices;
    const struct sm_device_ring *rings; /* (ring_count); none when devices is 1        */
    size_t ring_count;
    bool trees;          /* its devices' all-reduce may go over trees */
    const size_t *rails; /* (rail_count) devices; rails[i] of one worker talks to that of others */
    size_t rail_count;   /* >= 1, the same of all workers                                        */
    size_t group;        /* the worker's site                                                    */
    bool varies, dies;   /* a profile changes the speed of one of its hosts, turns one off       */
};

struct sm_platform_link {
    const char *name;  /* as in the file, without _UP/_DOWN          */
    double bandwidth;  /* bytes/s as the file or an edit says        */
    double goodput;    /* (0, 1]                                     */
    double latency;    /* seconds                                    */
    bool duplex;       /* SPLITDUPLEX: this much in each direction   */
    bool stands;       /* for all that a <cluster> makes, which SimGrid names as it likes */
    bool shared;       /* flows share its bandwidth; not: FATPIPE            */
    bool varies, dies; /* a profile changes its values, turns it off        */
};

/* A host or link that a profile file turns off and on. */
struct sm_platform_state {
    const struct sm_platform_state *next;
    const char *name; /* as SimGrid knows it: of a duplex link NAME_UP and NAME_DOWN  */
    bool host;
    const double *times; /* (count) seconds, rising; none where they are drawn at random */
    const bool *on;      /* (count) what it is from then on                              */
    size_t count;
    double period; /* seconds until it all begins again; 0: never */
};

/* Flows of others that share links with the run's messages, over one route. */
struct sm_platform_traffic {
    const char *from, *to; /* hosts whose route is to be loaded                  */
    const char *link;      /* of which it is one way; NULL: a whole route        */
    double rate;           /* bytes/s offered, or:                               */
    double load;           /* share of the route's bandwidth that is offered, or */
    size_t flows;          /* that always send as fast as they may               */
    double bytes;          /* mean size of a flow                                */
    bool random;           /* Poisson arrivals, exponential sizes; else even ones */
};

/* An entry of `platform.traffic`. */
struct sm_traffic_settings {
    const char *link;
    size_t from, to, flows;
    double load, rate, bytes, latency;
    const char *arrivals;
};
extern const struct sm_param sm_traffic_params[];

struct sm_platform {
    const char *file; /* as the user named it                               */
    const struct sm_platform_worker *workers;
    size_t worker_count;
    size_t file_workers; /* how many the file has                              */
    size_t described;    /* of them stand in workers, those asked for in front */
    const struct sm_platform_link *links;
    size_t link_count;
    bool varies; /* some profile file changes speeds while time passes */
    bool gaps;   /* some zones have no route to each other: SimGrid would die of being asked */
    /* Of SimGrid, from the file's <config>, as "network/model:LV08", NULL-terminated; NULL: none.
     * With them closed forms do not hold. */
    const char *const *settings;
    const struct sm_platform_state *states;    /* NULL: nothing ever goes down            */
    const struct sm_platform_traffic *traffic; /* (traffic_count) */
    size_t traffic_count;
    const char *xml; /* what SimGrid loads, ends with a zero               */
    size_t xml_length;
    uint64_t hash; /* of xml                                             */
};

/* `edits` is the experiment's `platform` map (or NULL): traffic is a list of what else is on the
 * links (sm_traffic_params); bandwidth, latency and speed each map a
 * glob pattern of link (or host) names to a value with a unit, or to x2 / x0.5. A pattern that
 * matches nothing is an error. */
struct sm_platform_request {
    const char *file; /* a path, a shipped name such as dgx1_32_10gbe, or star_N */
    const char *home; /* the folder that holds platforms/                        */
    size_t workers;   /* 0: all but servers; fewer are taken from the front      */
    size_t servers;   /* as many more behind them                                */
    const struct sm_node *edits;
};

/* SM_ERR_INPUT: one line with FILE:LINE where there is one. Everything is owned by arena. */
enum sm_status sm_platform_load(struct sm_arena *arena, const struct sm_platform_request *request,
                                struct sm_platform *platform);
/* Writes the platform's file with the edits in it, as a file of its own: all that is not edited
 * stays as it was written, `goodput` beside its line rate; profile files are named by their full
 * path. Loaded without edits it is what the request is, to the bit. workers and servers do not
 * count; traffic is refused. */
enum sm_status sm_platform_write(const struct sm_platform_request *request, FILE *out);
/* Whether the profiles have that host or link down at `now` seconds, and *since when. */
bool sm_platform_is_down(const struct sm_platform *platform, const char *name, double now,
                         double *since);

/* Workers of a site, where the first `workers` are in sites of one size (>= 2), one site after the
 * other; else, or where all are in one, 0. */
size_t sm_platform_group(const struct sm_platform *platform, size_t workers);
/* The names of the platforms that ship with the program, sorted, NULL-terminated; owned by arena.
 * NULL: no memory. */
const char *const *sm_platform_names(struct sm_arena *arena, const char *home);

#endif
