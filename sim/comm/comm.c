/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/comm/comm.c -- what every engine shares. */
#include "sim/comm/comm.h"

#include <math.h>

const char *const sm_stage_names[SM_STAGES] = {
    [SM_STAGE_LOAD] = "load",
    [SM_STAGE_COMPUTE] = "compute",
    [SM_STAGE_DEVICES] = "devices",
    [SM_STAGE_UPDATE] = "update",
    [SM_STAGE_COMMUNICATION] = "communication",
    [SM_STAGE_IDLE] = "idle",
};

enum sm_status
sm_comm_average(struct sm_comm *comm, float *x, size_t n)
{
    struct sm_request *request;
    SM_TRY(comm->ops->iallreduce(comm, x, n, &request));
    return comm->ops->wait(comm, &request);
}

double
sm_comm_wire_bytes(const struct sm_comm *comm, size_t n)
{
    return round(4.0 * (double)n * comm->wire_scale);
}
