/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/run/probe.c -- see probe.h. */
#include "sim/run/probe.h"

#include "sim/engine/engine.h"

enum sm_status
sm_probe(const struct sm_platform *platform, double bytes,
         enum sm_status (*probe)(void *arg, struct sm_comm *comm), void *arg)
{
    struct sm_arena arena = {0};
    struct sm_engine_report report;
    struct sm_engine_request request = {
        .workers = platform->worker_count,
        .platform = platform,
        .wire_scale = bytes / sizeof(float),
        .worker = probe,
        .arg = arg,
    };
    enum sm_status status =
        sm_choice_bind(&sm_axis_collective, NULL, NULL, &arena, &request.collective);
    if (status == SM_OK)
        status = sm_pool_create(1, &request.pool);
    if (status == SM_OK)
        status = sm_engine_simgrid.run(&request, &arena, &report);
    sm_pool_free(request.pool);
    sm_arena_fini(&arena);
    return status;
}
