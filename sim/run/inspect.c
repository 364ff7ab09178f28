/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/run/inspect.c -- see inspect.h. */
#include "sim/run/inspect.h"

#include <string.h>

#include "sim/engine/engine.h"
#include "sim/run/process.h"

static const double probe_bytes = 100e6;

struct probe {
    const struct sm_platform *platform;
    size_t workers;
};

/* Seconds of three patterns, measured on an idle platform one after the other. */
struct probe_result {
    double across;     /* rank i and rank i + m/2 send to each other, all pairs at once */
    double all_reduce; /* among all workers                                             */
    double devices;    /* among the devices of each worker                              */
};

/* A float on the wire is probe_bytes heavy (wire_scale). Rank 0 keeps the time. */
static enum sm_status
probe_rank(void *arg, struct sm_comm *comm)
{
    struct probe_result *result = arg;
    float value = 1;
    struct sm_request *request = NULL;
    size_t half = comm->size / 2, rank = comm->rank;
    double start = comm->ops->now(comm);
    if (rank < 2 * half) {
        size_t peer = rank < half ? rank + half : rank - half;
        struct sm_parcel *parcel = sm_parcel_create(comm, 1), *other;
        if (parcel == NULL)
            return SM_FAIL(SM_ERR_NOMEM, "no memory for a message");
        parcel->x[0] = value;
        SM_TRY(comm->ops->isend(comm, peer, parcel));
        SM_TRY(comm->ops->irecv(comm, peer, &other, &request));
        SM_TRY(comm->ops->wait(comm, &request));
        sm_parcel_release(other);
        sm_parcel_release(parcel);
    }
    double across = comm->ops->now(comm);
    if (across - start > result->across)
        result->across = across - start;
    SM_TRY(sm_comm_average(comm, &value, 1)); /* nobody starts before all are here */
    double reduced = comm->ops->now(comm);
    SM_TRY(sm_comm_average(comm, &value, 1));
    double again = comm->ops->now(comm);
    SM_TRY(comm->ops->reduce_devices(comm, 1));
    if (rank == 0) {
        result->all_reduce = again - reduced;
        result->devices = comm->ops->now(comm) - again;
    }
    return SM_OK;
}

static enum sm_status
call_probe(void *arg, void *result, FILE *terminal)
{
    (void)terminal;
    const struct probe *probe = arg;
    struct sm_arena arena = {0};
    struct sm_engine_report report;
    struct sm_engine_request request = {
        .workers = probe->platform->worker_count,
        .platform = probe->platform,
        .wire_scale = probe_bytes / sizeof(float),
        .worker = probe_rank,
        .arg = result,
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

/* "10 Gbit/s (1.25 GB/s)" */
static void
print_rate(double bytes, FILE *out)
{
    fprintf(out, "%.4g Gbit/s (%.4g GB/s)", 8e-9 * bytes, 1e-9 * bytes);
}

/* Links that are alike in everything but their name are one line. */
static void
print_links(const struct sm_platform *platform, FILE *out)
{
    fprintf(out, "links: %zu\n", platform->link_count);
    for (size_t i = 0; i < platform->link_count; i++) {
        const struct sm_platform_link *link = &platform->links[i];
        size_t alike = 0;
        bool first = true;
        for (size_t j = 0; j < platform->link_count; j++) {
            const struct sm_platform_link *other = &platform->links[j];
            if (other->bandwidth != link->bandwidth || other->latency != link->latency ||
                other->goodput != link->goodput || other->duplex != link->duplex)
                continue;
            first = first && j >= i;
            alike++;
        }
        if (!first)
            continue;
        fprintf(out, "  %zu like %s: ", alike, link->name);
        print_rate(link->bandwidth, out);
        fprintf(out, "%s, goodput %.4g, latency %.4g us\n", link->duplex ? " each way" : "",
                link->goodput, 1e6 * link->latency);
    }
}

static void
print_workers(const struct sm_platform *platform, FILE *out)
{
    const struct sm_platform_worker *first = &platform->workers[0];
    size_t alike = 0;
    for (size_t r = 0; r < platform->worker_count; r++)
        alike += platform->workers[r].devices == first->devices &&
                 platform->workers[r].speeds[0] == first->speeds[0];
    fprintf(out, "workers: %zu%s\n", platform->worker_count,
            alike == platform->worker_count ? ", all alike" : "");
    fprintf(out, "worker 0: %zu device%s of %.4g TFLOP/s, first %s", first->devices,
            first->devices == 1 ? "" : "s", 1e-12 * first->speeds[0], first->hosts[0]);
    if (first->devices > 1)
        fprintf(out, ", %zu rings among them", first->ring_count);
    fputc('\n', out);
}

enum sm_status
sm_platform_inspect(const char *file, const char *home, FILE *out)
{
    struct sm_arena arena = {0};
    struct sm_platform platform;
    struct probe_result result;
    enum sm_status status = sm_platform_load(
        &arena, &(struct sm_platform_request){.file = file, .home = home}, &platform);
    struct probe probe = {&platform, platform.worker_count};
    if (status == SM_OK)
        status = sm_process_call(call_probe, &probe, &result, sizeof result, file);
    if (status == SM_OK) {
        fprintf(out, "platform: %s\n", file);
        print_workers(&platform, out);
        print_links(&platform, out);
        if (platform.varies)
            fputs("profiles change speeds while time passes\n", out);
        if (platform.worker_count > 1) {
            fputs("bisection, worker i with i + m/2, each way: ", out);
            print_rate((double)(platform.worker_count / 2) * probe_bytes / result.across, out);
            fprintf(out, "\nall-reduce of 100 MB: %.4g ms (ring)\n", 1e3 * result.all_reduce);
        }
        if (platform.workers[0].devices > 1)
            fprintf(out, "all-reduce of 100 MB among the devices of worker 0: %.4g ms\n",
                    1e3 * result.devices);
    }
    sm_arena_fini(&arena);
    return status;
}
