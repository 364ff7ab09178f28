/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/run/probe.h -- a few messages on an idle platform, to measure it. */
#ifndef SM_RUN_PROBE_H
#define SM_RUN_PROBE_H

#include "sim/comm/comm.h"
#include "sim/platform/describe.h"

/* Runs probe(arg, comm) on every worker of the platform, where a float on the wire weighs `bytes`.
 * SimGrid starts once a process: it is for sm_process_call. */
enum sm_status sm_probe(const struct sm_platform *platform, double bytes,
                        enum sm_status (*probe)(void *arg, struct sm_comm *comm), void *arg);
/* Calls survey(arg, routes) before anything runs; nothing does. */
enum sm_status sm_probe_routes(const struct sm_platform *platform,
                               enum sm_status (*survey)(void *arg, const struct sm_routes *routes),
                               void *arg);

#endif
