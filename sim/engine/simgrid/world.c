/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/engine/simgrid/world.c -- what ranks, their streams and their devices all need. */
#include "sim/engine/simgrid/world.h"

size_t
sm_simgrid_route(const struct world *world, sg_host_t from, sg_host_t to, sg_link_t **links)
{
    xbt_dynar_reset(world->route);
    sg_host_get_route(from, to, world->route);
    const size_t hops = xbt_dynar_length(world->route);
    *links = hops > 0 ? xbt_dynar_get_ptr(world->route, 0) : NULL;
    return hops;
}

void
sm_simgrid_fail(struct world *world)
{
    if (world->failed)
        return;
    world->failed = true;
    world->failed_at = simgrid_get_clock();
    world->error = *sm_error_last();
}

enum sm_status
sm_simgrid_account(struct rank *rank, enum sm_stage stage, double t0, double t1)
{
    rank->ledger->seconds[stage] += t1 - t0;
    if (!*rank->traced)
        return SM_OK;
    struct sm_trace *trace = rank->world->request->trace;
    const bool waits =
        stage == SM_STAGE_LOAD || stage == SM_STAGE_COMMUNICATION || stage == SM_STAGE_IDLE;
    return sm_trace_add_span(
        trace, rank->comm.rank,
        &(struct sm_trace_span){.name = sm_stage_names[stage],
                                .track = waits ? SM_TRACE_RANK : SM_TRACE_DEVICES,
                                .t0 = t0,
                                .t1 = t1,
                                .mark = sm_trace_now(trace, rank->comm.rank)});
}

void
sm_simgrid_settle(struct rank *rank)
{
    if (rank->time > simgrid_get_clock())
        sg_actor_sleep_until(rank->time);
    rank->time = simgrid_get_clock();
}
