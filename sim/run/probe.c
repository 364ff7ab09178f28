/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/run/probe.c -- see probe.h. */
#include "sim/run/probe.h"

#include "sim/engine/engine.h"

/* As the request says, over all workers, with the axes' defaults. */
static enum sm_status
run_probe(struct sm_engine_request *request)
{
    struct sm_arena arena = {0};
    struct sm_engine_report report;
    request->workers = request->platform->worker_count;
    enum sm_status status =
        sm_choice_bind(&sm_axis_collective, NULL, NULL, &arena, &request->collective);
    if (status == SM_OK)
        status = sm_pool_create(1, &request->pool);
    if (status == SM_OK)
        status = sm_engine_simgrid.run(request, &arena, &report);
    sm_pool_free(request->pool);
    sm_arena_fini(&arena);
    return status;
}

enum sm_status
sm_probe(const struct sm_platform *platform, double bytes,
         enum sm_status (*probe)(void *arg, struct sm_comm *comm), void *arg)
{
    struct sm_engine_request request = {
        .platform = platform, .wire_scale = bytes / sizeof(float), .worker = probe, .arg = arg};
    return run_probe(&request);
}

static enum sm_status
do_nothing(void *arg, struct sm_comm *comm)
{
    (void)arg;
    (void)comm;
    return SM_OK;
}

enum sm_status
sm_probe_routes(const struct sm_platform *platform,
                enum sm_status (*survey)(void *arg, const struct sm_routes *routes), void *arg)
{
    struct sm_engine_request request = {.platform = platform,
                                        .wire_scale = 1,
                                        .worker = do_nothing,
                                        .survey = survey,
                                        .survey_arg = arg};
    return run_probe(&request);
}
