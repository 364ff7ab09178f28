/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/helpers/machine.c -- see machine.h. */
#include "tests/helpers/machine.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/base/tree.h"
#include "sim/run/process.h"

struct call {
    const struct machine *machine;
    void *out;
    struct machine_report *report;
};

static enum sm_status
call_program(void *arg, struct sm_comm *comm)
{
    const struct call *call = arg;
    if (call->machine->program == NULL)
        return SM_OK;
    return call->machine->program(comm, call->machine->in, call->out);
}

struct survey_call {
    const struct call *call;
    const struct sm_platform *platform;
};

static enum sm_status
call_survey(void *arg, const struct sm_routes *routes)
{
    const struct survey_call *survey = arg;
    return survey->call->machine->survey(survey->platform, routes, survey->call->out);
}

/* XML text goes through a file, for that is what people have. */
static enum sm_status
load(const struct machine *machine, struct sm_arena *arena, struct sm_platform *platform)
{
    const char *text = machine->platform != NULL ? machine->platform : "star_8";
    struct sm_platform_request request = {.file = text, .home = SM_TEST_SOURCE};
    if (machine->workers > 0)
        request.workers = machine->workers + machine->servers;
    char path[] = "/tmp/sm_machine_XXXXXX.xml";
    bool written = text[0] == '<';
    struct sm_node *edits = NULL;
    if (machine->edits != NULL)
        SM_TRY(sm_tree_parse(arena, "edits", machine->edits, &edits));
    request.edits = edits;
    if (written) {
        int file = mkstemps(path, 4);
        size_t length = strlen(text);
        if (file < 0 || write(file, text, length) != (ssize_t)length)
            return SM_FAIL(SM_ERR_IO, "cannot write %s", path);
        close(file);
        request.file = path;
    }
    enum sm_status status = sm_platform_load(arena, &request, platform);
    if (written)
        unlink(path);
    if (status == SM_OK && machine->spoil != NULL)
        machine->spoil(platform);
    return status;
}

static void
keep_links(const struct sm_engine_report *report, struct machine_report *kept)
{
    kept->link_count = report->link_count;
    for (size_t i = 0; i < report->link_count && i < MACHINE_LINKS; i++) {
        kept->links[i].use = report->links[i];
        snprintf(kept->links[i].name, sizeof kept->links[i].name, "%s", report->links[i].name);
    }
}

static enum sm_status
run(const struct call *call, struct sm_arena *arena, struct sm_pool *pool, struct sm_trace **trace)
{
    const struct machine *machine = call->machine;
    const struct sm_collective_settings settings = {machine->exact ? "exact" : "fluid"};
    const struct sm_engine *engine = machine->engine != NULL ? machine->engine : &sm_engine_simgrid;
    struct sm_platform platform = {.worker_count = machine->workers};
    if (engine == &sm_engine_simgrid)
        SM_TRY(load(machine, arena, &platform));
    struct sm_engine_request request = {
        .workers =
            machine->workers > 0 ? machine->workers : platform.worker_count - machine->servers,
        .servers = machine->servers,
        .seed = machine->seed,
        .platform = &platform,
        .collective = machine->collective != NULL
                          ? *machine->collective
                          : (struct sm_choice){&sm_collective_ring.about, &settings},
        .transport = machine->transport,
        .wire_scale = machine->wire_scale > 0 ? machine->wire_scale : 1,
        .pool = pool,
        .count_links = machine->count_links,
        .survey = machine->survey != NULL ? call_survey : NULL,
        .survey_arg = &(struct survey_call){call, &platform},
        .interrupted = machine->interrupted,
        .worker = call_program,
        .arg = (void *)(uintptr_t)call, /* only read */
    };
    const size_t ranks = request.workers + request.servers;
    if (ranks > MACHINE_RANKS)
        return SM_FAIL(SM_ERR_INPUT, "%zu ranks, at most %d", ranks, MACHINE_RANKS);
    if (machine->trace != NULL)
        request.trace = *trace = sm_trace_create(ranks, 0);
    struct sm_engine_report report = {0};
    enum sm_status status = engine->run(&request, arena, &report);
    if (report.ledgers != NULL) {
        call->report->seconds = report.seconds;
        if (report.collective != NULL)
            snprintf(call->report->collective, sizeof call->report->collective, "%s",
                     report.collective);
        memcpy(call->report->ledgers, report.ledgers, ranks * sizeof *report.ledgers);
    }
    keep_links(&report, call->report);
    if (status == SM_OK && machine->trace != NULL)
        status = sm_trace_write(*trace, machine->trace);
    return status;
}

static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS};

/* result: a report, and behind it what the program leaves. */
static enum sm_status
run_here(void *arg, void *result, FILE *terminal)
{
    (void)terminal;
    const struct machine *machine = arg;
    if (machine->engine != &sm_engine_thread) /* or a crash of the child would run cmocka's tests */
        for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++)
            signal(crashes[i], SIG_DFL);
    struct machine_report *report = result;
    struct call call = {machine, report + 1, report};
    struct sm_arena arena = {0};
    struct sm_pool *pool;
    struct sm_trace *trace = NULL;
    SM_TRY(sm_pool_create(machine->threads > 0 ? machine->threads : 1, &pool));
    enum sm_status status = run(&call, &arena, pool, &trace);
    sm_pool_free(pool);
    sm_trace_free(trace);
    sm_arena_fini(&arena);
    return status;
}

enum sm_status
machine_run(const struct machine *machine, void *out, size_t size, struct machine_report *report)
{
    size_t whole = sizeof(struct machine_report) + size;
    struct machine_report *result = calloc(1, whole);
    if (result == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for %zu bytes of results", size);
    void *arg = (void *)(uintptr_t)machine;
    enum sm_status status =
        machine->engine == &sm_engine_thread
            ? run_here(arg, result, NULL)
            : sm_process_call(run_here, arg, result, whole, "the simulated machine");
    if (size > 0)
        memcpy(out, result + 1, size);
    if (report != NULL)
        *report = *result;
    free(result);
    return status;
}

double
ring_seconds(size_t size, double bytes, double latency, double bandwidth)
{
    const struct sm_collective_call call = {.size = size, .bytes = bytes};
    return sm_collective_ring.seconds(&call, latency, bandwidth);
}

enum sm_status
machine_pass(struct sm_comm *comm, double seconds)
{
    return comm->ops->compute(comm, SM_STAGE_COMPUTE, seconds, 0, NULL);
}

enum sm_status
machine_send(struct sm_comm *comm, size_t to, size_t n, float value)
{
    struct sm_parcel *parcel = sm_parcel_create(comm, n);
    if (parcel == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for a parcel of %zu floats", n);
    for (size_t i = 0; i < n; i++)
        parcel->x[i] = value;
    enum sm_status status = comm->ops->isend(comm, to, parcel);
    sm_parcel_release(parcel);
    return status;
}

enum sm_status
machine_receive(struct sm_comm *comm, size_t from, float *value)
{
    struct sm_parcel *parcel = NULL;
    struct sm_request *request;
    SM_TRY(comm->ops->irecv(comm, from, &parcel, &request));
    SM_TRY(comm->ops->wait(comm, &request));
    *value = parcel->n > 0 ? parcel->x[0] : 0;
    sm_parcel_release(parcel);
    return SM_OK;
}
