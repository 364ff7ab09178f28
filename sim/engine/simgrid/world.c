/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/engine/simgrid/world.c -- what ranks, their streams and their devices all need. */
#include "sim/engine/simgrid/world.h"

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
    return sm_trace_add(rank->world->request->trace, rank->comm.rank, sm_stage_names[stage], t0,
                        t1);
}

void
sm_simgrid_settle(struct rank *rank)
{
    if (rank->time > simgrid_get_clock())
        sg_actor_sleep_until(rank->time);
    rank->time = simgrid_get_clock();
}
