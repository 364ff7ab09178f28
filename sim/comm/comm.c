/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/comm/comm.c -- what every engine shares. */
#include "sim/comm/comm.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>

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
    SM_TRY(comm->ops->iallreduce(comm, SM_AMONG_WORKERS, x, n, (double)n, &request));
    return comm->ops->wait(comm, &request);
}

double
sm_comm_wire_bytes(const struct sm_comm *comm, double floats)
{
    return round(4.0 * floats * comm->wire_scale);
}

struct sm_parcel *
sm_parcel_create(struct sm_comm *comm, size_t n)
{
    struct sm_parcel *parcel = comm->parcels;
    while (parcel != NULL && (parcel->capacity < n || atomic_load(&parcel->holders) > 0))
        parcel = parcel->next;
    if (parcel == NULL) {
        parcel = calloc(1, sizeof *parcel);
        float *x = malloc((n > 0 ? n : 1) * sizeof *x);
        if (parcel == NULL || x == NULL) {
            free(parcel);
            free(x);
            return NULL;
        }
        parcel->x = x;
        parcel->capacity = n;
        parcel->next = comm->parcels;
        comm->parcels = parcel;
    }
    parcel->n = n;
    parcel->wire = (double)n;
    parcel->weight = 0;
    atomic_store(&parcel->holders, 1);
    return parcel;
}

void
sm_parcel_hold(struct sm_parcel *parcel)
{
    atomic_fetch_add(&parcel->holders, 1);
}

void
sm_parcel_release(struct sm_parcel *parcel)
{
    if (parcel != NULL)
        atomic_fetch_sub(&parcel->holders, 1);
}

void
sm_comm_fini(struct sm_comm *comm)
{
    while (comm->parcels != NULL) {
        struct sm_parcel *next = comm->parcels->next;
        free(comm->parcels->x);
        free(comm->parcels);
        comm->parcels = next;
    }
}
