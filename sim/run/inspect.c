/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/run/inspect.c -- see inspect.h. */
#include "sim/run/inspect.h"

#include <stdlib.h>
#include <string.h>

#include "sim/base/text.h"
#include "sim/run/probe.h"
#include "sim/run/process.h"

static const double probe_bytes = 100e6;
static const double across_bytes = 10e9; /* a rank's, to all its peers: latencies hardly count */

enum { MOST_FLOWS = 2048, MOST_CLASSES = 64, PATTERN = 128 };

/* Seconds of three patterns, measured on an idle platform one after the other. */
struct probe_result {
    double across;     /* each half of the workers sends to the other, all at once */
    double all_reduce; /* among all workers                                        */
    double devices;    /* among the devices of worker 0                            */
};

/* How many workers of the other half each one sends to: all, where those are not too many. */
static size_t
peers_of(size_t workers)
{
    size_t half = workers / 2, most = MOST_FLOWS / workers;
    return most < 1 ? 1 : most < half ? most : half;
}

/* The ranks of one half send to those of the other and the other way round, the same to each peer;
 * of m ranks that is peer j, j + m/2k, ... of k peers. */
static enum sm_status
probe_across(struct sm_comm *comm, struct sm_arena *arena)
{
    size_t half = comm->size / 2, rank = comm->rank, peers = peers_of(comm->size);
    if (rank >= 2 * half)
        return SM_OK;
    struct sm_request **requests = sm_arena_zalloc(arena, peers, sizeof(struct sm_request *));
    struct sm_parcel **parcels = sm_arena_zalloc(arena, peers, sizeof(struct sm_parcel *));
    if (requests == NULL || parcels == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for %zu messages", peers);
    for (size_t k = 0; k < peers; k++) {
        size_t ahead = k * half / peers; /* the peer's place in its half, from ours */
        size_t to = rank < half ? half + (rank + ahead) % half : (rank + half - ahead) % half;
        struct sm_parcel *parcel = sm_parcel_create(comm, 1);
        if (parcel == NULL)
            return SM_FAIL(SM_ERR_NOMEM, "no memory for a message");
        parcel->x[0] = 1;
        parcel->wire = across_bytes / probe_bytes / (double)peers;
        SM_TRY(comm->ops->isend(comm, to, parcel));
        sm_parcel_release(parcel);
        SM_TRY(comm->ops->irecv(comm, to, &parcels[k], &requests[k]));
    }
    for (size_t k = 0; k < peers; k++) {
        SM_TRY(comm->ops->wait(comm, &requests[k]));
        sm_parcel_release(parcels[k]);
    }
    return SM_OK;
}

/* A float on the wire is probe_bytes heavy (wire_scale). Rank 0 keeps the time. */
static enum sm_status
probe_rank(void *arg, struct sm_comm *comm)
{
    struct probe_result *result = arg;
    float value = 1;
    struct sm_arena arena = {0};
    double start = comm->ops->now(comm);
    enum sm_status status = probe_across(comm, &arena);
    sm_arena_fini(&arena);
    SM_TRY(status);
    double across = comm->ops->now(comm);
    if (across - start > result->across)
        result->across = across - start;
    SM_TRY(sm_comm_average(comm, &value, 1)); /* nobody starts before all are here */
    double reduced = comm->ops->now(comm);
    SM_TRY(sm_comm_average(comm, &value, 1));
    double again = comm->ops->now(comm);
    if (comm->rank == 0) {
        SM_TRY(comm->ops->reduce_devices(comm, 1));
        result->all_reduce = again - reduced;
        result->devices = comm->ops->now(comm) - again;
    }
    return SM_OK;
}

static enum sm_status
call_probe(void *arg, void *result, FILE *terminal)
{
    (void)terminal;
    return sm_probe(arg, probe_bytes, probe_rank, result);
}

/* "10 Gbit/s (1.25 GB/s)" */
static void
print_rate(double bytes, FILE *out)
{
    fprintf(out, "%.4g Gbit/s (%.4g GB/s)", 8e-9 * bytes, 1e-9 * bytes);
}

/* Links whose names differ in their numbers only, and in nothing else. */
struct link_class {
    char pattern[PATTERN]; /* "server*_nvlink_*_*", as an experiment's edits take it */
    const struct sm_platform_link *link;
    size_t count;
};

static void
print_links(const struct sm_platform *platform, FILE *out)
{
    struct link_class classes[MOST_CLASSES];
    size_t count = 0, more = 0;
    for (size_t i = 0; i < platform->link_count; i++) {
        const struct sm_platform_link *link = &platform->links[i];
        char pattern[PATTERN];
        sm_text_class(link->name, pattern, sizeof pattern);
        struct link_class *c = classes, *end = classes + count;
        while (c < end && (link->bandwidth != c->link->bandwidth ||
                           link->latency != c->link->latency || link->goodput != c->link->goodput ||
                           link->duplex != c->link->duplex || strcmp(pattern, c->pattern) != 0))
            c++;
        if (c == end && count == MOST_CLASSES) {
            more++;
            continue;
        }
        if (c == end) {
            *c = (struct link_class){.link = link};
            strcpy(c->pattern, pattern);
            count++;
        }
        c->count++;
    }
    fprintf(out, "links: %zu\n", platform->link_count);
    for (const struct link_class *c = classes; c < classes + count; c++) {
        fprintf(out, "  %zu %s: ", c->count, c->count > 1 ? c->pattern : c->link->name);
        print_rate(c->link->bandwidth, out);
        const bool long_way = c->link->latency >= 1e-3;
        fprintf(out, "%s, goodput %.4g, latency %.4g %s\n", c->link->duplex ? " each way" : "",
                c->link->goodput, (long_way ? 1e3 : 1e6) * c->link->latency,
                long_way ? "ms" : "us");
    }
    if (more > 0)
        fprintf(out, "  %zu more of other kinds\n", more);
}

static int
by_number(const void *a, const void *b)
{
    const size_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

/* "groups: 4 of 8 workers", or of how many to how many. */
static void
print_groups(const struct sm_platform *platform, FILE *out)
{
    size_t *groups = malloc(platform->worker_count * sizeof *groups);
    if (groups == NULL)
        return;
    for (size_t r = 0; r < platform->worker_count; r++)
        groups[r] = platform->workers[r].group;
    qsort(groups, platform->worker_count, sizeof *groups, by_number);
    size_t count = 0, least = platform->worker_count, most = 0;
    for (size_t first = 0, end; first < platform->worker_count; first = end) {
        for (end = first; end < platform->worker_count && groups[end] == groups[first]; end++)
            ;
        least = end - first < least ? end - first : least;
        most = end - first > most ? end - first : most;
        count++;
    }
    free(groups);
    if (count == 1)
        return;
    fprintf(out, "groups: %zu of %zu", count, least);
    if (most > least)
        fprintf(out, " to %zu", most);
    fputs(" workers\n", out);
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
        fprintf(out, ", %zu ring%s among them", first->ring_count,
                first->ring_count == 1 ? "" : "s");
    fputc('\n', out);
    fprintf(out, "rails: %zu, device", first->rail_count);
    for (size_t r = 0; r < first->rail_count; r++)
        fprintf(out, "%s%zu", r == 0 ? " " : "-", first->rails[r]);
    fputs(" of each worker\n", out);
    print_groups(platform, out);
}

static void
print_result(const struct sm_platform *platform, const struct probe_result *result, FILE *out)
{
    if (platform->worker_count > 1) {
        fprintf(out, "bisection, each worker with %zu of the other half, each way: ",
                peers_of(platform->worker_count));
        print_rate((double)(platform->worker_count / 2) * across_bytes / result->across, out);
        fprintf(out, "\nall-reduce of 100 MB: %.4g ms (ring)\n", 1e3 * result->all_reduce);
    }
    if (platform->workers[0].devices > 1)
        fprintf(out, "all-reduce of 100 MB among the devices of worker 0: %.4g ms\n",
                1e3 * result->devices);
}

enum sm_status
sm_platform_inspect(const char *file, const char *home, FILE *out)
{
    struct sm_arena arena = {0};
    struct sm_platform platform;
    struct probe_result result;
    enum sm_status status = sm_platform_load(
        &arena, &(struct sm_platform_request){.file = file, .home = home}, &platform);
    if (status == SM_OK)
        status = sm_process_call(call_probe, &platform, &result, sizeof result, file);
    const bool stalled = status == SM_ERR_STALLED; /* a link or host went down */
    if (status == SM_OK || stalled) {
        fprintf(out, "platform: %s\n", file);
        print_workers(&platform, out);
        print_links(&platform, out);
        if (platform.varies)
            fputs("profiles change speeds while time passes\n", out);
        if (stalled)
            fprintf(out, "no bisection and no all-reduce: %s\n", sm_error_last()->message);
        else
            print_result(&platform, &result, out);
        status = SM_OK;
    }
    sm_arena_fini(&arena);
    return status;
}

/* ---- as JSON ---- */

enum { MOST_JSON = 1 << 20 };

struct survey {
    const struct sm_platform *platform;
    char *text; /* (MOST_JSON) */
};

static enum sm_status
describe(void *arg, const struct sm_routes *routes)
{
    struct survey *survey = arg;
    struct sm_arena arena = {0};
    const char *json;
    enum sm_status status = sm_platform_describe(survey->platform, routes, &arena, &json);
    if (status == SM_OK && strlen(json) >= MOST_JSON)
        status = SM_FAIL(SM_ERR_NOMEM, "a description of %zu bytes", strlen(json));
    if (status == SM_OK)
        strcpy(survey->text, json);
    sm_arena_fini(&arena);
    return status;
}

static enum sm_status
call_survey(void *arg, void *result, FILE *terminal)
{
    (void)terminal;
    return sm_probe_routes(arg, describe, &(struct survey){arg, result});
}

enum sm_status
sm_platform_inspect_json(const char *file, const char *home, FILE *out)
{
    struct sm_arena arena = {0};
    struct sm_platform platform;
    char *text = sm_arena_zalloc(&arena, MOST_JSON, 1);
    enum sm_status status =
        text != NULL
            ? sm_platform_load(&arena, &(struct sm_platform_request){.file = file, .home = home},
                               &platform)
            : SM_FAIL(SM_ERR_NOMEM, "no memory for a description");
    if (status == SM_OK)
        status = sm_process_call(call_survey, &platform, text, MOST_JSON, file);
    if (status == SM_OK)
        fprintf(out, "%s\n", text);
    sm_arena_fini(&arena);
    return status;
}
