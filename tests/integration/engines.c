/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/integration/engines.c -- one program on both engines; SimGrid's clock; how runs end. */
#include "tests/helpers/check.h"
#include "tests/helpers/machine.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/platform/make.h"

/* star_N: two links of 10 Gbit/s at a goodput of 0.9564 and 10 us lie between any two hosts */
static const double latency = 2e-5, bandwidth = 0.9564 * 10e9 / 8;

/* ---- one program, two engines ---- */

enum { RANKS = 5, FLOATS = 3000, ROUNDS = 6 };

struct model {
    float x[FLOATS], y[FLOATS];
};

struct mixed {
    struct model models[RANKS];
    double end[RANKS];
};

/* Rounds at every step, so that another order of anything gives other bits. */
static enum sm_status
advance(void *arg, struct sm_arena *scratch)
{
    struct model *model = arg;
    float *old = sm_arena_alloc(scratch, FLOATS, sizeof *old);
    if (old == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for a model");
    memcpy(old, model->x, sizeof model->x);
    for (size_t i = 0; i < FLOATS; i++)
        model->x[i] = 0.7f * old[i] + 0.3f / (1.0f + old[(i + 1) % FLOATS] * old[i]);
    return SM_OK;
}

static enum sm_status
mix(struct sm_comm *comm, const void *in, void *out)
{
    (void)in;
    struct mixed *mixed = out;
    struct model *model = &mixed->models[comm->rank];
    const struct sm_comm_ops *ops = comm->ops;
    const struct sm_job job = {advance, model};
    for (size_t i = 0; i < FLOATS; i++)
        model->x[i] = (float)(comm->rank + 1) / (float)(i + 3);
    for (size_t k = 0; k < ROUNDS; k++) {
        struct sm_request *reduction, *receipt;
        struct sm_parcel *theirs, *mine = sm_parcel_create(comm, FLOATS);
        if (mine == NULL)
            return SM_FAIL(SM_ERR_NOMEM, "no memory for a parcel");
        memcpy(model->y, model->x, sizeof model->y);
        SM_TRY(ops->iallreduce(comm, SM_AMONG_WORKERS, model->y, FLOATS, FLOATS, &reduction));
        SM_TRY(ops->compute(comm, SM_STAGE_COMPUTE, 1e-4 * (double)(1 + comm->rank), 0, &job));
        memcpy(mine->x, model->x, sizeof model->x);
        SM_TRY(ops->isend(comm, (comm->rank + 1 + k % 2) % RANKS, mine));
        sm_parcel_release(mine);
        SM_TRY(ops->irecv(comm, (comm->rank + RANKS - 1 - k % 2) % RANKS, &theirs, &receipt));
        SM_TRY(ops->compute(comm, SM_STAGE_UPDATE, 0, 1e9, &job));
        SM_TRY(ops->wait(comm, &receipt));
        for (size_t i = 0; i < FLOATS; i++)
            model->x[i] += 0.3f * theirs->x[i];
        sm_parcel_release(theirs);
        SM_TRY(ops->compute(comm, SM_STAGE_LOAD, k % 2 == 0 ? 3e-4 : 0, 0, NULL));
        SM_TRY(ops->wait(comm, &reduction));
        for (size_t i = 0; i < FLOATS; i++)
            model->x[i] += 0.1f * model->y[i];
    }
    mixed->end[comm->rank] = ops->now(comm);
    return SM_OK;
}

static struct machine
mixing(const struct sm_engine *engine, size_t threads)
{
    return (struct machine){.engine = engine,
                            .platform = "star_5",
                            .workers = RANKS,
                            .wire_scale = 100,
                            .threads = threads,
                            .program = mix};
}

static void
both_engines_and_any_number_of_threads_give_the_same_bits(void **state)
{
    (void)state;
    static struct mixed reference, mixed;
    struct machine machine = mixing(&sm_engine_thread, 1);
    check_ok(machine_run(&machine, &reference, sizeof reference, NULL));
    assert_true(isfinite(reference.models[3].x[7]));
    assert_memory_not_equal(reference.models[3].x, reference.models[2].x, sizeof(float) * FLOATS);
    for (size_t threads = 1; threads <= 4; threads *= 2)
        for (int exact = 0; exact < 2; exact++) {
            machine = mixing(NULL, threads);
            machine.exact = exact != 0;
            check_ok(machine_run(&machine, &mixed, sizeof mixed, NULL));
            assert_memory_equal(mixed.models, reference.models, sizeof mixed.models);
        }
}

static void
simulated_seconds_are_the_same_bits_for_any_threads_and_in_every_run(void **state)
{
    (void)state;
    static struct mixed first, again;
    static struct machine_report first_report, report;
    struct machine machine = mixing(NULL, 1);
    check_ok(machine_run(&machine, &first, sizeof first, &first_report));
    assert_true(first_report.seconds > 0);
    for (size_t threads = 1; threads <= 4; threads *= 2) {
        machine = mixing(NULL, threads);
        check_ok(machine_run(&machine, &again, sizeof again, &report));
        assert_memory_equal(again.end, first.end, sizeof first.end);
        assert_memory_equal(&report, &first_report, sizeof report);
    }
}

static void
stages_of_each_rank_add_up_to_its_end(void **state)
{
    (void)state;
    static struct mixed mixed;
    struct machine_report report;
    for (int exact = 0; exact < 2; exact++) {
        struct machine machine = mixing(NULL, 1);
        machine.exact = exact != 0;
        double last = 0;
        check_ok(machine_run(&machine, &mixed, sizeof mixed, &report));
        for (size_t r = 0; r < RANKS; r++) {
            const double *seconds = report.ledgers[r].seconds;
            double sum = 0;
            for (size_t stage = 0; stage < SM_STAGES; stage++) {
                assert_true(seconds[stage] >= 0);
                sum += seconds[stage];
            }
            check_relative(sum, mixed.end[r], 1e-12);
            check_relative(seconds[SM_STAGE_COMPUTE], ROUNDS * 1e-4 * (double)(1 + r), 1e-9);
            check_relative(seconds[SM_STAGE_LOAD], ROUNDS / 2 * 3e-4, 1e-9);
            check_relative(seconds[SM_STAGE_UPDATE], ROUNDS * 1e9 / 15.7e12, 1e-9);
            check_near(seconds[SM_STAGE_DEVICES], 0, 0);
            last = fmax(last, mixed.end[r]);
        }
        check_near(report.seconds, last, 0);
        assert_true(report.ledgers[0].seconds[SM_STAGE_IDLE] > 0); /* rank 4 is slower */
        assert_true(report.ledgers[4].seconds[SM_STAGE_COMMUNICATION] > 0);
    }
}

/* ---- bytes and seconds of messages ---- */

/* Rank 0 sends two messages to 1, half a second apart; then all average nine floats. */
static enum sm_status
send_twice(struct sm_comm *comm, const void *in, void *out)
{
    (void)in;
    double *arrived = out;
    float value, x[9] = {0};
    for (size_t k = 0; k < 2 && comm->rank < 2; k++) {
        if (comm->rank == 0) {
            SM_TRY(machine_send(comm, 1, 250 * (k + 1), 1));
            SM_TRY(machine_pass(comm, 0.5));
        } else {
            SM_TRY(machine_receive(comm, 0, &value));
            arrived[k] = comm->ops->now(comm);
        }
    }
    return sm_comm_average(comm, x, 9);
}

static void
wire_scale_multiplies_bytes_and_the_seconds_they_take(void **state)
{
    (void)state;
    for (double scale = 1; scale < 1e6; scale *= 3.5) {
        const struct machine machine = {
            .platform = "star_4", .wire_scale = scale, .program = send_twice};
        struct machine_report report;
        double arrived[2], small = round(1000 * scale), large = round(2000 * scale);
        check_ok(machine_run(&machine, arrived, sizeof arrived, &report));
        check_relative(arrived[0], latency + small / bandwidth, 1e-9);
        check_relative(arrived[1], fmax(0.5, arrived[0]) + latency + large / bandwidth, 1e-9);
        double whole = round(36 * scale), ring = 0;
        for (size_t r = 0; r < 4; r++)
            ring += report.ledgers[r].bytes_sent;
        check_near(ring, small + large + 6 * whole, 0); /* 2 (m - 1) times the vector in all */
        for (size_t r = 1; r < 4; r++) /* 6 parts of a quarter, give or take a byte */
            check_near(report.ledgers[r].bytes_sent, 6 * whole / 4, 6);
    }
}

static void
both_engines_count_the_same_bytes(void **state)
{
    (void)state;
    static struct mixed mixed;
    struct machine_report simulated, threads;
    struct machine machine = mixing(NULL, 1);
    check_ok(machine_run(&machine, &mixed, sizeof mixed, &simulated));
    machine = mixing(&sm_engine_thread, 1);
    check_ok(machine_run(&machine, &mixed, sizeof mixed, &threads));
    for (size_t r = 0; r < RANKS; r++)
        check_near(simulated.ledgers[r].bytes_sent, threads.ledgers[r].bytes_sent, 0);
}

/* All receipts are posted at once and waited for from the last; then rank 0 is gone before rank 1
 * asks for what it sent. */
static enum sm_status
receive_backwards(struct sm_comm *comm, const void *in, void *out)
{
    (void)in;
    float *values = out;
    enum { COUNT = 10 };
    if (comm->rank == 0) {
        for (size_t k = 0; k < COUNT; k++)
            SM_TRY(machine_send(comm, 1, 1000 - 90 * k, (float)k));
        return machine_send(comm, 1, 1, (float)COUNT);
    }
    struct sm_parcel *parcels[COUNT];
    struct sm_request *requests[COUNT];
    for (size_t k = 0; k < COUNT; k++)
        SM_TRY(comm->ops->irecv(comm, 0, &parcels[k], &requests[k]));
    for (size_t k = COUNT; k-- > 0;) {
        SM_TRY(comm->ops->wait(comm, &requests[k]));
        values[k] = parcels[k]->x[0];
        sm_parcel_release(parcels[k]);
    }
    SM_TRY(machine_pass(comm, 1));
    return machine_receive(comm, 0, &values[COUNT]);
}

static void
messages_come_in_the_order_sent_even_from_a_rank_that_has_ended(void **state)
{
    (void)state;
    const struct sm_engine *const engines[] = {&sm_engine_simgrid, &sm_engine_thread};
    for (size_t e = 0; e < 2; e++) {
        const struct machine machine = {
            .engine = engines[e], .platform = "star_2", .workers = 2, .program = receive_backwards};
        float values[11];
        check_ok(machine_run(&machine, values, sizeof values, NULL));
        for (size_t k = 0; k < 11; k++)
            check_near((double)values[k], (double)k, 0);
    }
}

struct overlap {
    double compute; /* seconds beside which the others happen */
};

enum { REDUCE_FLOATS = 4 };

static enum sm_status
compute_beside_a_reduction(struct sm_comm *comm, const void *in, void *out)
{
    const struct overlap *overlap = in;
    double *end = out;
    float x[REDUCE_FLOATS] = {0};
    struct sm_request *request;
    SM_TRY(
        comm->ops->iallreduce(comm, SM_AMONG_WORKERS, x, REDUCE_FLOATS, REDUCE_FLOATS, &request));
    SM_TRY(machine_pass(comm, overlap->compute));
    SM_TRY(comm->ops->wait(comm, &request));
    end[comm->rank] = comm->ops->now(comm);
    return SM_OK;
}

static enum sm_status
compute_beside_a_message(struct sm_comm *comm, const void *in, void *out)
{
    const struct overlap *overlap = in;
    double *end = out;
    struct sm_request *request;
    struct sm_parcel *parcel;
    SM_TRY(machine_send(comm, (comm->rank + 1) % comm->size, REDUCE_FLOATS, 1));
    SM_TRY(comm->ops->irecv(comm, (comm->rank + comm->size - 1) % comm->size, &parcel, &request));
    SM_TRY(machine_pass(comm, overlap->compute));
    SM_TRY(comm->ops->wait(comm, &request));
    sm_parcel_release(parcel);
    end[comm->rank] = comm->ops->now(comm);
    return SM_OK;
}

static void
what_travels_beside_computing_costs_the_longer_of_the_two(void **state)
{
    (void)state;
    const double scale = 1e6, bytes = 4 * REDUCE_FLOATS * scale;
    const double ring = ring_seconds(8, bytes, latency, bandwidth);
    const double message = latency + bytes / bandwidth;
    for (double share = 0; share < 3; share += 0.25)
        for (int exact = 0; exact < 2; exact++) {
            struct overlap overlap = {share * ring};
            struct machine machine = {.wire_scale = scale,
                                      .exact = exact != 0,
                                      .program = compute_beside_a_reduction,
                                      .in = &overlap};
            double end[8];
            check_ok(machine_run(&machine, end, sizeof end, NULL));
            for (size_t r = 0; r < 8; r++)
                check_relative(end[r], fmax(ring, overlap.compute), 1e-9);
            overlap.compute = share * message;
            machine.program = compute_beside_a_message;
            check_ok(machine_run(&machine, end, sizeof end, NULL));
            for (size_t r = 0; r < 8; r++)
                check_relative(end[r], fmax(message, overlap.compute), 1e-9);
        }
}

struct disturbance {
    double after; /* seconds after the all-reduce began */
    bool beside;  /* a message that nobody takes yet, from the begin on */
};

/* Rank 0 sends to rank 1 while the all-reduce uses the same links. */
static enum sm_status
disturb_a_reduction(struct sm_comm *comm, const void *in, void *out)
{
    const struct disturbance *disturbance = in;
    double *end = (double *)out + 2 * comm->rank;
    float x[REDUCE_FLOATS] = {0}, value;
    struct sm_request *request;
    if (comm->rank == 2 && disturbance->beside)
        SM_TRY(machine_send(comm, 3, 0, 0));
    SM_TRY(
        comm->ops->iallreduce(comm, SM_AMONG_WORKERS, x, REDUCE_FLOATS, REDUCE_FLOATS, &request));
    SM_TRY(machine_pass(comm, disturbance->after));
    if (comm->rank == 0)
        SM_TRY(machine_send(comm, 1, REDUCE_FLOATS / 4, 1));
    if (comm->rank == 1)
        SM_TRY(machine_receive(comm, 0, &value));
    end[1] = comm->ops->now(comm);
    SM_TRY(comm->ops->wait(comm, &request));
    end[0] = comm->ops->now(comm);
    return comm->rank == 3 && disturbance->beside ? machine_receive(comm, 2, &value) : SM_OK;
}

/* What sleeps through its flows is as what plays them, which it does beside another message. */
static void
a_message_shares_links_with_the_all_reduce_that_it_meets(void **state)
{
    (void)state;
    const double scale = 1e6;
    const double ring = ring_seconds(8, 4 * REDUCE_FLOATS * scale, latency, bandwidth);
    const double message = latency + REDUCE_FLOATS * scale / bandwidth;
    for (double share = 0; share < 1.3; share += 0.1) {
        double ends[2][16];
        for (int beside = 0; beside < 2; beside++) {
            const struct disturbance disturbance = {share * ring, beside != 0};
            const struct machine machine = {
                .wire_scale = scale, .program = disturb_a_reduction, .in = &disturbance};
            check_ok(machine_run(&machine, ends[beside], sizeof *ends, NULL));
        }
        for (size_t i = 0; i < 16; i++)
            check_near(ends[0][i], ends[1][i], 2 * latency);
        if (share < 0.5) { /* both are longer than alone */
            assert_true(ends[0][0] > ring + 0.4 * message);
            assert_true(ends[0][3] > share * ring + 1.5 * message);
        }
    }
}

/* Two at once follow one another, as on a communication stream. */
static enum sm_status
reduce_twice_at_once(struct sm_comm *comm, const void *in, void *out)
{
    (void)in;
    double *end = out;
    float x[2 * REDUCE_FLOATS] = {0};
    struct sm_request *first, *second;
    SM_TRY(comm->ops->iallreduce(comm, SM_AMONG_WORKERS, x, REDUCE_FLOATS, REDUCE_FLOATS, &first));
    SM_TRY(comm->ops->iallreduce(comm, SM_AMONG_WORKERS, x + REDUCE_FLOATS, REDUCE_FLOATS,
                                 REDUCE_FLOATS, &second));
    SM_TRY(comm->ops->wait(comm, &second));
    bool done = false;
    SM_TRY(comm->ops->test(comm, &first, &done));
    if (!done)
        return SM_FAIL(SM_ERR_DOMAIN, "the second ended before the first");
    SM_TRY(comm->ops->wait(comm, &first));
    end[comm->rank] = comm->ops->now(comm);
    return SM_OK;
}

static void
all_reduces_of_a_rank_follow_one_another(void **state)
{
    (void)state;
    const double scale = 1e6;
    const double ring = ring_seconds(8, 4 * REDUCE_FLOATS * scale, latency, bandwidth);
    for (int exact = 0; exact < 2; exact++) {
        const struct machine machine = {
            .wire_scale = scale, .exact = exact != 0, .program = reduce_twice_at_once};
        double end[8];
        check_ok(machine_run(&machine, end, sizeof end, NULL));
        for (size_t r = 0; r < 8; r++)
            check_relative(end[r], 2 * ring, 1e-9);
    }
}

/* ---- test(), asked while time passes ---- */

static enum sm_status
ask_every_millisecond(struct sm_comm *comm, const void *in, void *out)
{
    (void)in;
    double *noticed = out;
    float x[REDUCE_FLOATS] = {0};
    if (comm->rank == 0) {
        SM_TRY(machine_send(comm, 1, REDUCE_FLOATS, 1));
    } else if (comm->rank == 1) {
        struct sm_parcel *parcel;
        struct sm_request *receipt;
        SM_TRY(comm->ops->irecv(comm, 0, &parcel, &receipt));
        for (bool done = false; !done;) {
            SM_TRY(machine_pass(comm, 1e-3));
            SM_TRY(comm->ops->test(comm, &receipt, &done));
        }
        noticed[0] = comm->ops->now(comm);
        SM_TRY(comm->ops->wait(comm, &receipt));
        sm_parcel_release(parcel);
    }
    struct sm_request *reduction;
    SM_TRY(
        comm->ops->iallreduce(comm, SM_AMONG_WORKERS, x, REDUCE_FLOATS, REDUCE_FLOATS, &reduction));
    for (bool done = false; !done;) {
        SM_TRY(machine_pass(comm, 1e-3));
        SM_TRY(comm->ops->test(comm, &reduction, &done));
    }
    noticed[1] = fmax(noticed[1], comm->ops->now(comm));
    return comm->ops->wait(comm, &reduction);
}

static void
test_notices_within_the_time_between_two_questions(void **state)
{
    (void)state;
    const double scale = 1e6, bytes = 4 * REDUCE_FLOATS * scale;
    const struct machine machine = {
        .platform = "star_3", .wire_scale = scale, .program = ask_every_millisecond};
    double noticed[2], message = latency + bytes / bandwidth;
    check_ok(machine_run(&machine, noticed, sizeof noticed, NULL));
    assert_true(noticed[0] >= message && noticed[0] < message + 1.001e-3);
    double ring = noticed[0] + ring_seconds(3, bytes, latency, bandwidth);
    assert_true(noticed[1] >= ring * (1 - 1e-3) && noticed[1] < ring * (1 + 1e-3) + 1.001e-3);
}

/* ---- devices ---- */

static char profile_path[] = "/tmp/sm_engines_XXXXXX";

static void
write_profile(const char *text)
{
    FILE *file = fopen(profile_path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/* Servers of the family dgx1; where `varies`, a profile that never changes anything. */
static char *
dgx1(const char *settings, bool varies)
{
    static const char host[] = "<host id=\"server1_gpu5\"";
    struct sm_arena arena = {0};
    struct sm_node *node;
    char *text = NULL;
    size_t length = 0;
    check_ok(sm_tree_parse(&arena, "settings", settings, &node));
    FILE *out = open_memstream(&text, &length);
    assert_non_null(out);
    check_ok(sm_platform_make("dgx1", node, out));
    fclose(out);
    sm_arena_fini(&arena);
    if (!varies)
        return text;
    write_profile("0 1.0\n");
    char *with = malloc(length + 200), *place = strstr(text, host);
    assert_non_null(with);
    assert_non_null(place);
    size_t before = (size_t)(place - text) + strlen(host);
    sprintf(with, "%.*s speed_file=\"%s\"%s", (int)before, text, profile_path, text + before);
    free(text);
    return with;
}

struct stages {
    double devices[3], compute, speed;
};

/* Three all-reduces among the devices, at different times; 1 TFLOP of each device. */
static enum sm_status
use_devices(struct sm_comm *comm, const void *in, void *out)
{
    (void)in;
    struct stages *stages = (struct stages *)out + comm->rank;
    const struct sm_comm_ops *ops = comm->ops;
    if (comm->devices != 8)
        return SM_FAIL(SM_ERR_DOMAIN, "%zu devices", comm->devices);
    for (size_t k = 0; k < 3; k++) {
        double start = ops->now(comm);
        SM_TRY(ops->reduce_devices(comm, 1));
        stages->devices[k] = ops->now(comm) - start;
        SM_TRY(machine_pass(comm, 0.1 * (double)(1 + comm->rank)));
    }
    double start = ops->now(comm);
    SM_TRY(ops->compute(comm, SM_STAGE_COMPUTE, 0, 1e12, NULL));
    stages->compute = ops->now(comm) - start;
    stages->speed = comm->speed;
    return SM_OK;
}

static void
run_devices(char *platform, const char *edits, struct stages *stages)
{
    struct machine_report report;
    const struct machine machine = {.platform = platform,
                                    .edits = edits,
                                    .workers = 2,
                                    .wire_scale = 102228128.0 / 4,
                                    .program = use_devices};
    check_ok(machine_run(&machine, stages, 2 * sizeof *stages, &report));
    for (size_t r = 0; r < 2; r++) {
        double sum = stages[r].devices[0] + stages[r].devices[1] + stages[r].devices[2];
        check_relative(report.ledgers[r].seconds[SM_STAGE_DEVICES], sum, 1e-9);
        check_near(report.ledgers[r].bytes_sent, 0, 0); /* nothing leaves the server */
    }
    free(platform);
}

/* Two servers of two devices, whose rings go over one and the same bus. */
static const char one_bus[] =
    "<platform version=\"4.1\"><zone id=\"z\" routing=\"Full\">\n"
    "<host id=\"a0\" speed=\"1Tf\"><prop id=\"worker\" value=\"0\"/></host>\n"
    "<host id=\"a1\" speed=\"1Tf\"><prop id=\"worker\" value=\"0\"/><prop id=\"device\" "
    "value=\"1\"/>"
    "</host>\n"
    "<host id=\"b0\" speed=\"1Tf\"><prop id=\"worker\" value=\"1\"/></host>\n"
    "<host id=\"b1\" speed=\"1Tf\"><prop id=\"worker\" value=\"1\"/><prop id=\"device\" "
    "value=\"1\"/>"
    "</host>\n"
    "<link id=\"bus\" bandwidth=\"1GBps\" latency=\"1us\"/>\n"
    "<link id=\"net\" bandwidth=\"1GBps\" latency=\"1us\"/>\n"
    "<route src=\"a0\" dst=\"a1\"><link_ctn id=\"bus\"/></route>\n"
    "<route src=\"b0\" dst=\"b1\"><link_ctn id=\"bus\"/></route>\n"
    "<route src=\"a0\" dst=\"b0\"><link_ctn id=\"net\"/></route>\n"
    "<route src=\"a0\" dst=\"b1\"><link_ctn id=\"net\"/></route>\n"
    "<route src=\"a1\" dst=\"b0\"><link_ctn id=\"net\"/></route>\n"
    "<route src=\"a1\" dst=\"b1\"><link_ctn id=\"net\"/></route>\n"
    "</zone></platform>\n";

static enum sm_status
reduce_on_a_bus(struct sm_comm *comm, const void *in, void *out)
{
    const bool *both = in;
    double *seconds = out;
    if (comm->rank > 0 && !*both)
        return SM_OK;
    SM_TRY(comm->ops->reduce_devices(comm, 1));
    seconds[comm->rank] = comm->ops->now(comm);
    return SM_OK;
}

static void
devices_of_two_workers_on_one_bus_share_it(void **state)
{
    (void)state;
    double seconds[2][2];
    for (int both = 0; both < 2; both++) {
        const bool in = both == 1;
        const struct machine machine = {
            .platform = one_bus, .wire_scale = 1e9 / 4, .program = reduce_on_a_bus, .in = &in};
        check_ok(machine_run(&machine, seconds[both], sizeof seconds[both], NULL));
    }
    check_relative(seconds[1][0], 2 * seconds[0][0], 1e-4); /* but for the latency */
    check_relative(seconds[1][1], seconds[1][0], 1e-9);
}

static double
rings_of_a_dgx1(double bytes)
{
    return fmax(ring_seconds(8, round(bytes / 3), 3.4e-6, 0.9 * 50e9),
                ring_seconds(8, round(bytes / 6), 3.4e-6, 0.9 * 25e9));
}

static void
devices_of_a_dgx1_reduce_in_the_seconds_of_their_rings(void **state)
{
    (void)state;
    struct stages stages[2];
    run_devices(dgx1("{nodes: 2}", false), NULL, stages);
    /* rings 2:2:1:1: a third of the bytes on two NVLinks, a sixth on one; a link gives 0.9 */
    double expected = fmax(ring_seconds(8, round(102228128 / 3.0), 3.4e-6, 0.9 * 50e9),
                           ring_seconds(8, round(102228128 / 6.0), 3.4e-6, 0.9 * 25e9));
    for (size_t r = 0; r < 2; r++)
        for (size_t k = 0; k < 3; k++)
            check_relative(stages[r].devices[k], expected, 1e-9);
}

static void
devices_that_are_remembered_take_as_long_as_those_that_are_played(void **state)
{
    (void)state;
    struct stages remembered[2], played[2];
    run_devices(dgx1("{nodes: 2}", false), NULL, remembered);
    run_devices(dgx1("{nodes: 2}", true), NULL, played);
    for (size_t r = 0; r < 2; r++) {
        for (size_t k = 0; k < 3; k++)
            check_relative(played[r].devices[k], remembered[r].devices[k], 1e-9);
        check_relative(played[r].compute, remembered[r].compute, 1e-9);
    }
}

enum { REACHES = 3, REPEATED = 3 };

struct reached {
    double seconds[REACHES][REPEATED], together;
};

/* Each reach alone, several times; then all that are under way at once, one of them blocking. */
static enum sm_status
reach(struct sm_comm *comm, const void *in, void *out)
{
    (void)in;
    struct reached *reached = (struct reached *)out + comm->rank;
    const struct sm_comm_ops *ops = comm->ops;
    struct sm_request *requests[REACHES];
    for (size_t k = 0; k < REPEATED; k++)
        for (size_t i = 0; i < REACHES; i++) {
            double start = ops->now(comm);
            SM_TRY(ops->iallreduce(comm, (enum sm_reach)i, NULL, 0, 1, &requests[i]));
            SM_TRY(ops->wait(comm, &requests[i]));
            reached->seconds[i][k] = ops->now(comm) - start;
        }
    double start = ops->now(comm);
    for (size_t i = 0; i < REACHES; i++)
        SM_TRY(ops->iallreduce(comm, (enum sm_reach)i, NULL, 0, 1, &requests[i]));
    SM_TRY(ops->reduce_devices(comm, 1));
    for (size_t i = 0; i < REACHES; i++) {
        bool done = false;
        SM_TRY(ops->test(comm, &requests[i], &done));
        if (!done)
            return SM_FAIL(SM_ERR_DOMAIN, "a later one was done before %zu", i);
        SM_TRY(ops->wait(comm, &requests[i]));
    }
    reached->together = ops->now(comm) - start;
    return SM_OK;
}

static void
devices_workers_and_both_reduce_one_after_another(void **state)
{
    (void)state;
    const double bytes = 102228128;
    const double devices = rings_of_a_dgx1(bytes);
    for (int varies = 0; varies < 2; varies++) { /* what is remembered, and what is played */
        char *platform = dgx1("{nodes: 2}", varies != 0);
        struct reached reached[2];
        const struct machine machine = {
            .platform = platform, .workers = 2, .wire_scale = bytes / 4, .program = reach};
        check_ok(machine_run(&machine, reached, sizeof reached, NULL));
        const double workers = reached[0].seconds[SM_AMONG_WORKERS][0];
        check_relative(workers, ring_seconds(2, bytes, latency, bandwidth), 1e-4); /* and PCIe */
        const double expected[REACHES] = {[SM_AMONG_WORKERS] = workers,
                                          [SM_AMONG_DEVICES] = devices,
                                          [SM_AMONG_ALL] = devices + workers};
        for (size_t r = 0; r < 2; r++) {
            for (size_t i = 0; i < REACHES; i++)
                for (size_t k = 0; k < REPEATED; k++)
                    check_relative(reached[r].seconds[i][k], expected[i], 1e-9);
            check_relative(reached[r].together, expected[0] + expected[1] + expected[2] + devices,
                           1e-9);
        }
        free(platform);
    }
}

static void
one_slow_nvlink_slows_its_servers_all_reduce(void **state)
{
    (void)state;
    struct stages stages[2];
    run_devices(dgx1("{nodes: 2}", false), "{bandwidth: {server1_nvlink_0_1: x0.1}}", stages);
    check_relative(stages[1].devices[2], ring_seconds(8, round(102228128 / 3.0), 3.4e-6, 0.9 * 5e9),
                   1e-6);
    assert_true(stages[0].devices[2] < 0.2 * stages[1].devices[2]);
}

static void
a_worker_computes_at_the_speed_of_its_slowest_device(void **state)
{
    (void)state;
    for (int varies = 0; varies < 2; varies++) {
        struct stages stages[2];
        run_devices(dgx1("{nodes: 2}", varies != 0), "{speed: {server0_gpu3: x0.5}}", stages);
        check_relative(stages[0].speed, 0.5 * 15.7e12, 1e-12);
        check_relative(stages[1].speed, 15.7e12, 1e-12);
        check_relative(stages[0].compute, 1e12 / (0.5 * 15.7e12), 1e-9);
        check_relative(stages[1].compute, 1e12 / 15.7e12, 1e-9);
    }
}

/* ---- a platform that changes while time passes ---- */

/* Two hosts of 1 GFLOP/s and a link of 1 GB/s and 1 ms; attributes of host a and of the link. */
static const char *
pair(const char *host, const char *link)
{
    static char text[1024];
    char attributes[2][128];
    snprintf(attributes[0], sizeof attributes[0], "%s%s%s", host, host[0] ? profile_path : "",
             host[0] ? "\"" : "");
    snprintf(attributes[1], sizeof attributes[1], "%s%s%s", link, link[0] ? profile_path : "",
             link[0] ? "\"" : "");
    snprintf(text, sizeof text,
             "<?xml version='1.0'?>\n<platform version=\"4.1\"><zone id=\"w\" routing=\"Full\">\n"
             "<host id=\"a\" speed=\"1Gf\"%s/>\n<host id=\"b\" speed=\"1Gf\"/>\n"
             "<link id=\"wire\" bandwidth=\"1GBps\" latency=\"1ms\"%s/>\n"
             "<route src=\"a\" dst=\"b\"><link_ctn id=\"wire\"/></route>\n"
             "</zone></platform>\n",
             attributes[0], attributes[1]);
    return text;
}

static enum sm_status
compute_two_gigaflop(struct sm_comm *comm, const void *in, void *out)
{
    (void)in;
    double *end = out;
    SM_TRY(comm->ops->compute(comm, SM_STAGE_COMPUTE, 0, 2e9, NULL));
    end[comm->rank] = comm->ops->now(comm);
    return SM_OK;
}

static enum sm_status
send_two_gigabytes(struct sm_comm *comm, const void *in, void *out)
{
    (void)in;
    double *end = out;
    float value;
    SM_TRY(comm->rank == 0 ? machine_send(comm, 1, 2, 1) : machine_receive(comm, 0, &value));
    end[comm->rank] = comm->ops->now(comm);
    return SM_OK;
}

static void
speeds_and_bandwidths_that_change_on_the_way_are_felt(void **state)
{
    (void)state;
    double end[2];
    write_profile("0 1.0\n1 0.5\n");
    struct machine machine = {.platform = pair(" speed_file=\"", ""),
                              .program = compute_two_gigaflop};
    check_ok(machine_run(&machine, end, sizeof end, NULL));
    check_relative(end[0], 1 + 1 / 0.5, 1e-9);
    check_relative(end[1], 2, 1e-9);

    write_profile("0 1e9\n1 0.25e9\n");
    machine = (struct machine){.platform = pair("", " bandwidth_file=\""),
                               .wire_scale = 2.5e8,
                               .program = send_two_gigabytes};
    check_ok(machine_run(&machine, end, sizeof end, NULL));
    check_relative(end[1], 1 + (2e9 - (1 - 1e-3) * 1e9) / 0.25e9, 1e-9);
}

static enum sm_status
average_two_gigabytes(struct sm_comm *comm, const void *in, void *out)
{
    (void)in;
    double *end = out;
    float x[2] = {0};
    SM_TRY(sm_comm_average(comm, x, 2));
    end[comm->rank] = comm->ops->now(comm);
    return SM_OK;
}

static enum sm_status
ask_for_two_gigabytes(struct sm_comm *comm, const void *in, void *out)
{
    (void)in;
    (void)out;
    struct sm_request *request;
    struct sm_parcel *parcel;
    if (comm->rank == 0)
        return machine_send(comm, 1, 2, 1);
    SM_TRY(comm->ops->irecv(comm, 0, &parcel, &request));
    for (bool done = false; !done;) {
        SM_TRY(machine_pass(comm, 0.25));
        SM_TRY(comm->ops->test(comm, &request, &done));
    }
    return comm->ops->wait(comm, &request);
}

static void
a_link_that_dies_is_one_clear_line(void **state)
{
    (void)state;
    write_profile("0 1\n1.5 0\n");
    struct machine machine = {.platform = pair("", " state_file=\""), .wire_scale = 2.5e8};
    machine.program = send_two_gigabytes;
    double end[2];
    check_fails(
        machine_run(&machine, end, sizeof end, NULL), SM_ERR_STALLED,
        "stalled at 1.5 s: link 'wire' died at 1.5 s; rank 1 waits for a message from rank 0 since "
        "0 s");
    machine.program = ask_for_two_gigabytes;
    check_fails(machine_run(&machine, end, sizeof end, NULL), SM_ERR_STALLED,
                "link 'wire' died at 1.5 s; rank 1 waits for a message from rank 0 since 1.5 s");
    machine.program = average_two_gigabytes;
    check_fails(
        machine_run(&machine, end, sizeof end, NULL), SM_ERR_STALLED,
        "stalled at 1.5 s: link 'wire' died at 1.5 s; rank 0 waits in all-reduce 0 since 0 s; rank "
        "1 waits in all-reduce 0 since 0 s");
}

static void
a_host_that_dies_leaves_a_run_that_says_who_waits(void **state)
{
    (void)state;
    write_profile("0 1\n1.5 0\n");
    struct machine machine = {
        .platform = pair(" state_file=\"", ""), .wire_scale = 2.5e8, .program = send_two_gigabytes};
    double end[2];
    check_fails(machine_run(&machine, end, sizeof end, NULL), SM_ERR_STALLED,
                "host 'a' died at 1.5 s; rank 1 waits for a message from rank 0 since 0 s");
    machine.program = average_two_gigabytes;
    check_fails(machine_run(&machine, end, sizeof end, NULL), SM_ERR_STALLED,
                "host 'a' died at 1.5 s; rank 0 is gone with its host since 1.5 "
                "s; rank 1 waits in all-reduce 0 since 0 s");
    machine.program = compute_two_gigaflop; /* nobody waits for the dead */
    check_fails(machine_run(&machine, end, sizeof end, NULL), SM_ERR_STALLED,
                "stalled at 2 s: rank 0 is gone with its host since 1.5 s; 1 of 2 ranks had ended");
}

/* ---- servers, and whichever message comes first ---- */

enum { SERVERS = 2, SHARD = FLOATS / SERVERS };

/* Sends its part of x to each server, which answers with what becomes of it. */
static enum sm_status
push_and_pull(struct sm_comm *comm, float *x)
{
    for (size_t s = 0; s < SERVERS; s++) {
        struct sm_parcel *mine = sm_parcel_create(comm, SHARD);
        if (mine == NULL)
            return SM_FAIL(SM_ERR_NOMEM, "no memory for a parcel");
        memcpy(mine->x, x + s * SHARD, SHARD * sizeof *x);
        SM_TRY(comm->ops->isend(comm, comm->size + s, mine));
        sm_parcel_release(mine);
    }
    for (size_t s = 0; s < SERVERS; s++) {
        struct sm_parcel *theirs;
        struct sm_request *request;
        SM_TRY(comm->ops->irecv(comm, comm->size + s, &theirs, &request));
        SM_TRY(comm->ops->wait(comm, &request));
        memcpy(x + s * SHARD, theirs->x, SHARD * sizeof *x);
        sm_parcel_release(theirs);
    }
    return SM_OK;
}

/* The other side: takes the parts as they come, adds them in rank order. */
static enum sm_status
serve_a_round(struct sm_comm *comm)
{
    struct sm_request *requests[RANKS];
    struct sm_parcel *theirs[RANKS], *sum = sm_parcel_create(comm, SHARD);
    size_t which;
    if (sum == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for a parcel");
    for (size_t r = 0; r < comm->size; r++)
        SM_TRY(comm->ops->irecv(comm, r, &theirs[r], &requests[r]));
    for (size_t r = 0; r < comm->size; r++) {
        SM_TRY(comm->ops->wait_any(comm, requests, comm->size, &which));
        if (which >= comm->size || requests[which] != NULL)
            return SM_FAIL(SM_ERR_DOMAIN, "receipt %zu is not ended", which);
    }
    memset(sum->x, 0, SHARD * sizeof *sum->x);
    for (size_t r = 0; r < comm->size; r++) {
        for (size_t i = 0; i < SHARD; i++)
            sum->x[i] += theirs[r]->x[i] / 3;
        sm_parcel_release(theirs[r]);
    }
    for (size_t r = 0; r < comm->size; r++)
        SM_TRY(comm->ops->isend(comm, r, sum));
    sm_parcel_release(sum);
    return SM_OK;
}

static enum sm_status
train_with_servers(struct sm_comm *comm, const void *in, void *out)
{
    (void)in;
    struct mixed *mixed = out;
    if (comm->size + comm->servers != RANKS || comm->servers != SERVERS || comm->seed != 7)
        return SM_FAIL(SM_ERR_DOMAIN, "%zu ranks, %zu servers", comm->size, comm->servers);
    struct model *model = &mixed->models[comm->rank];
    const struct sm_job job = {advance, model};
    for (size_t i = 0; i < FLOATS; i++)
        model->x[i] = (float)(comm->rank + 1) / (float)(i + 3);
    for (size_t k = 0; k < ROUNDS; k++) {
        if (comm->rank >= comm->size) {
            SM_TRY(serve_a_round(comm));
            continue;
        }
        SM_TRY(
            comm->ops->compute(comm, SM_STAGE_COMPUTE, 1e-4 * (double)(3 - comm->rank), 0, &job));
        SM_TRY(push_and_pull(comm, model->x));
        SM_TRY(sm_comm_average(comm, model->x, FLOATS / 2));
    }
    mixed->end[comm->rank] = comm->ops->now(comm);
    return SM_OK;
}

static void
servers_that_add_in_rank_order_give_the_same_bits_on_both_engines(void **state)
{
    (void)state;
    static struct mixed reference, mixed;
    struct machine machine = {.engine = &sm_engine_thread,
                              .platform = "star_5",
                              .workers = RANKS - SERVERS,
                              .servers = SERVERS,
                              .seed = 7,
                              .wire_scale = 100,
                              .program = train_with_servers};
    struct machine_report threads, simulated;
    check_ok(machine_run(&machine, &reference, sizeof reference, &threads));
    assert_true(isfinite(reference.models[2].x[7]));
    assert_memory_not_equal(reference.models[2].x, reference.models[3].x, sizeof(float) * FLOATS);
    machine.engine = NULL;
    for (machine.threads = 1; machine.threads <= 2; machine.threads++)
        for (int exact = 0; exact < 2; exact++) {
            machine.exact = exact != 0;
            check_ok(machine_run(&machine, &mixed, sizeof mixed, &simulated));
            assert_memory_equal(mixed.models, reference.models, sizeof mixed.models);
            for (size_t r = 0; r < RANKS; r++) {
                const double *seconds = simulated.ledgers[r].seconds;
                double sum = 0;
                for (size_t stage = 0; stage < SM_STAGES; stage++)
                    sum += seconds[stage];
                check_relative(sum, mixed.end[r], 1e-12);
                check_near(simulated.ledgers[r].bytes_sent, threads.ledgers[r].bytes_sent, 0);
            }
            check_relative(simulated.ledgers[4].bytes_sent, ROUNDS * 3 * 400.0 * SHARD, 1e-12);
        }
}

struct gathering {
    double sends[RANKS]; /* seconds at which each rank sends to the last one          */
    double busy;         /* seconds of a job that the last rank does before it waits  */
    bool backwards;      /* its list begins with the receipt from the rank before it  */
};

struct gathered {
    size_t from[RANKS]; /* in the order received */
    double at[RANKS];
};

static enum sm_status
do_nothing(void *arg, struct sm_arena *scratch)
{
    (void)arg;
    (void)scratch;
    return SM_OK;
}

static enum sm_status
gather(struct sm_comm *comm, const void *in, void *out)
{
    const struct gathering *gathering = in;
    const struct sm_job job = {do_nothing, NULL};
    struct gathered *gathered = out;
    struct sm_request *requests[RANKS];
    struct sm_parcel *parcels[RANKS];
    const size_t count = comm->size + comm->servers - 1;
    if (comm->rank < count) {
        SM_TRY(machine_pass(comm, gathering->sends[comm->rank]));
        return machine_send(comm, count, REDUCE_FLOATS, (float)comm->rank);
    }
    for (size_t i = 0; i < count; i++)
        SM_TRY(comm->ops->irecv(comm, gathering->backwards ? count - 1 - i : i, &parcels[i],
                                &requests[i]));
    if (gathering->busy > 0)
        SM_TRY(comm->ops->compute(comm, SM_STAGE_COMPUTE, gathering->busy, 0, &job));
    for (size_t k = 0, which; k < count; k++) {
        SM_TRY(comm->ops->wait_any(comm, requests, count, &which));
        gathered->from[k] = (size_t)parcels[which]->x[0];
        gathered->at[k] = comm->ops->now(comm);
        sm_parcel_release(parcels[which]);
    }
    return SM_OK;
}

/* The last of star_6 gathers, as a server or as a worker. */
static void
run_gather(const struct gathering *gathering, size_t servers, const char *edits,
           struct gathered *gathered, struct machine_report *report)
{
    const struct machine machine = {.platform = "star_6",
                                    .edits = edits,
                                    .workers = RANKS + 1 - servers,
                                    .servers = servers,
                                    .wire_scale = 1e6,
                                    .program = gather,
                                    .in = gathering};
    check_ok(machine_run(&machine, gathered, sizeof *gathered, report));
}

static void
check_order(const struct gathered *gathered, const size_t *from)
{
    for (size_t k = 0; k < RANKS; k++)
        assert_int_equal(gathered->from[k], from[k]);
}

static void
of_any_messages_the_first_to_come_is_received_first(void **state)
{
    (void)state;
    const double message = latency + 4 * REDUCE_FLOATS * 1e6 / bandwidth;
    struct gathered gathered;
    struct machine_report report;
    for (size_t trial = 0; trial < 6; trial++) {
        const size_t servers = trial < 2 ? 0 : 1;
        const struct gathering gathering = {.sends = {0.5, 0.1, 0.4, 0.2, 0.3},
                                            .busy = trial < 4 ? 0 : 0.35,
                                            .backwards = trial % 2 == 1};
        run_gather(&gathering, servers, NULL, &gathered, &report);
        check_order(&gathered, (const size_t[]){1, 3, 4, 2, 0});
        for (size_t k = 0; k < RANKS; k++)
            check_relative(gathered.at[k], fmax(gathering.busy, 0.1 * (double)(k + 1) + message),
                           1e-12);
        const double *seconds = report.ledgers[RANKS].seconds;
        double waited = trial < 4 ? RANKS : 2; /* for bytes, so many times */
        check_relative(seconds[SM_STAGE_COMMUNICATION], waited * message, 1e-9);
        check_relative(seconds[SM_STAGE_IDLE], 0.5 + message - gathering.busy - waited * message,
                       1e-9);
    }
}

static void
a_slow_link_lets_the_messages_of_others_come_first(void **state)
{
    (void)state;
    const struct gathering gathering = {.sends = {0, 0.02, 0.04, 0.06, 0.08}};
    struct gathered gathered;
    for (size_t servers = 0; servers < 2; servers++) {
        run_gather(&gathering, servers, "{bandwidth: {node0_eth: x0.1}}", &gathered, NULL);
        check_order(&gathered, (const size_t[]){1, 2, 3, 4, 0});
    }
}

/* The five share the last one's link and end at the same instant. */
static void
of_messages_that_come_at_once_the_first_in_the_list_is_received_first(void **state)
{
    (void)state;
    struct gathered gathered;
    for (size_t servers = 0; servers < 2; servers++)
        for (int backwards = 0; backwards < 2; backwards++) {
            struct gathering gathering = {.sends = {0.25, 0.25, 0.25, 0.25, 0.25},
                                          .backwards = backwards != 0};
            double together = 0.25 + latency + RANKS * 4 * REDUCE_FLOATS * 1e6 / bandwidth;
            for (size_t trial = 0; trial < 3; trial++) {
                run_gather(&gathering, servers, NULL, &gathered, NULL);
                for (size_t k = 0; k < RANKS; k++) {
                    assert_int_equal(gathered.from[k], backwards ? RANKS - 1 - k : k);
                    check_near(gathered.at[k], gathered.at[0], 0);
                }
                check_relative(gathered.at[0], fmax(together, gathering.busy), 1e-12);
                /* it comes out of its job at the very instant; then long after it */
                gathering.busy = trial == 0 ? gathered.at[0] : 1;
            }
        }
}

/* All messages come at one instant; the last rank has waited for that from one rank when it asks
 * which of the others came first. */
static enum sm_status
gather_after_one(struct sm_comm *comm, const void *in, void *out)
{
    const size_t one = *(const size_t *)in, last = comm->size - 1;
    size_t *received = out, which;
    struct sm_request *requests[RANKS], *hello;
    struct sm_parcel *parcels[RANKS], *word;
    if (comm->rank < last) {
        if (comm->rank == (one + 1) % last)
            SM_TRY(machine_send(comm, last, 1, 0));
        SM_TRY(machine_pass(comm, 0.25));
        return machine_send(comm, last, REDUCE_FLOATS, (float)comm->rank);
    }
    SM_TRY(comm->ops->irecv(comm, one, &parcels[one], &requests[one]));
    SM_TRY(comm->ops->irecv(comm, (one + 1) % last, &word, &hello));
    SM_TRY(comm->ops->wait_any(comm, &hello, 1, &which));
    sm_parcel_release(word);
    for (size_t r = 0; r < last; r++)
        if (r != one)
            SM_TRY(comm->ops->irecv(comm, r, &parcels[r], &requests[r]));
    SM_TRY(comm->ops->wait(comm, &requests[one]));
    for (size_t k = 0; k < last; k++) {
        which = one;
        if (k > 0)
            SM_TRY(comm->ops->wait_any(comm, requests, last, &which));
        received[k] = (size_t)parcels[which]->x[0];
        sm_parcel_release(parcels[which]);
    }
    return SM_OK;
}

static void
who_waited_for_one_message_sees_all_others_of_the_same_instant(void **state)
{
    (void)state;
    for (size_t one = 0; one < RANKS; one++) {
        size_t received[RANKS];
        const struct machine machine = {
            .platform = "star_6", .wire_scale = 1e6, .program = gather_after_one, .in = &one};
        check_ok(machine_run(&machine, received, sizeof received, NULL));
        assert_int_equal(received[0], one);
        for (size_t k = 1; k < RANKS; k++)
            assert_int_equal(received[k], k <= one ? k - 1 : k);
    }
}

/* Everybody, servers too, sends to everybody at once. */
static enum sm_status
talk_to_all(struct sm_comm *comm, const void *in, void *out)
{
    (void)in;
    float *values = out;
    struct sm_request *requests[RANKS] = {NULL};
    struct sm_parcel *parcels[RANKS];
    for (size_t r = 0; r < RANKS; r++)
        if (r != comm->rank) {
            SM_TRY(machine_send(comm, r, 1, (float)(RANKS * comm->rank + r)));
            SM_TRY(comm->ops->irecv(comm, r, &parcels[r], &requests[r]));
        }
    for (size_t k = 1, which; k < RANKS; k++) {
        SM_TRY(comm->ops->wait_any(comm, requests, RANKS, &which));
        values[RANKS * which + comm->rank] = parcels[which]->x[0];
        sm_parcel_release(parcels[which]);
    }
    return SM_OK;
}

static void
any_two_ranks_exchange_messages_servers_too(void **state)
{
    (void)state;
    const struct sm_engine *const engines[] = {&sm_engine_simgrid, &sm_engine_thread};
    for (size_t e = 0; e < 2; e++)
        for (size_t servers = 0; servers < RANKS; servers++) {
            float values[RANKS * RANKS];
            const struct machine machine = {.engine = engines[e],
                                            .platform = "star_5",
                                            .workers = RANKS - servers,
                                            .servers = servers,
                                            .program = talk_to_all};
            check_ok(machine_run(&machine, values, sizeof values, NULL));
            for (size_t i = 0; i < RANKS * RANKS; i++)
                check_near((double)values[i], i % (RANKS + 1) == 0 ? 0 : (double)i, 0);
        }
}

enum { EACH = 12, DEPTH = 3, SLOTS = (MACHINE_RANKS - 1) * DEPTH };

/* Receipts of the last rank in every mix: DEPTH at once from each of the others. */
struct taking {
    struct sm_comm *comm;
    size_t count; /* slots in use */
    struct sm_request *requests[SLOTS];
    struct sm_parcel *parcels[SLOTS];
    size_t message[SLOTS], posted[MACHINE_RANKS];
};

static enum sm_status
post(struct taking *t, size_t slot)
{
    size_t from = slot / DEPTH;
    if (t->posted[from] == EACH)
        return SM_OK;
    t->message[slot] = t->posted[from]++;
    return t->comm->ops->irecv(t->comm, from, &t->parcels[slot], &t->requests[slot]);
}

/* Ends one receipt in the way of this step; *slot is its place. */
static enum sm_status
take(struct taking *t, size_t step, size_t *slot)
{
    const struct sm_comm_ops *ops = t->comm->ops;
    const struct sm_job job = {do_nothing, NULL};
    bool done = false;
    for (*slot = 5 * step % t->count; t->requests[*slot] == NULL;)
        *slot = (*slot + 1) % t->count;
    if (step % 3 == 0)
        SM_TRY(ops->compute(t->comm, SM_STAGE_COMPUTE, 1e-3 * (double)(step % 7), 0, &job));
    if (step % 4 >= 2)
        SM_TRY(ops->test(t->comm, &t->requests[*slot], &done));
    if (step % 2 == 0)
        return ops->wait(t->comm, &t->requests[*slot]);
    return ops->wait_any(t->comm, t->requests, t->count, slot);
}

struct taken {
    float value[MACHINE_RANKS][EACH];
    double end;
};

static enum sm_status
take_in_every_way(struct sm_comm *comm, const void *in, void *out)
{
    (void)in;
    struct taken *taken = out;
    const size_t last = comm->size + comm->servers - 1;
    for (size_t k = 0; k < EACH && comm->rank < last; k++) {
        SM_TRY(machine_pass(comm, 1e-3 * (double)(1 + (comm->rank + k) % 3)));
        SM_TRY(machine_send(comm, last, 1 + 7 * k % 5, (float)(1000 * comm->rank + k)));
    }
    if (comm->rank < last)
        return SM_OK;
    struct taking t = {.comm = comm, .count = last * DEPTH};
    for (size_t slot = 0; slot < t.count; slot++)
        SM_TRY(post(&t, slot));
    for (size_t step = 0, slot; step < last * EACH; step++) {
        SM_TRY(take(&t, step, &slot));
        if (t.requests[slot] != NULL)
            return SM_FAIL(SM_ERR_DOMAIN, "receipt %zu is not ended", slot);
        taken->value[slot / DEPTH][t.message[slot]] = t.parcels[slot]->x[0];
        sm_parcel_release(t.parcels[slot]);
        SM_TRY(post(&t, slot));
    }
    taken->end = comm->ops->now(comm);
    return SM_OK;
}

static void
receipts_end_well_in_every_mix_of_test_wait_and_wait_any(void **state)
{
    (void)state;
    for (size_t servers = 0; servers < 2; servers++) {
        double end[3];
        for (size_t i = 0; i < 3; i++) { /* without a clock; with one; on links that may die */
            static struct taken taken;
            char *platform = dgx1("{nodes: 4}", i == 2);
            const struct machine machine = {.engine = i == 0 ? &sm_engine_thread : NULL,
                                            .platform = platform,
                                            .workers = 4 - servers,
                                            .servers = servers,
                                            .wire_scale = 1e5,
                                            .program = take_in_every_way};
            check_ok(machine_run(&machine, &taken, sizeof taken, NULL));
            for (size_t from = 0; from < 3; from++)
                for (size_t k = 0; k < EACH; k++)
                    check_near((double)taken.value[from][k], (double)(1000 * from + k), 0);
            end[i] = taken.end;
            free(platform);
        }
        check_near(end[0], 0, 0);
        assert_true(end[1] > 12e-3);
        check_relative(end[2], end[1], 1e-9);
    }
}

enum { AVERAGING = 5 };

struct averaged {
    float x[AVERAGING][FLOATS];
    double end[AVERAGING];
};

/* Servers, if there are any, wait meanwhile for a last word of every worker. */
static enum sm_status
average_apart_from_servers(struct sm_comm *comm, const void *in, void *out)
{
    (void)in;
    struct averaged *averaged = out;
    float value;
    if (comm->rank >= comm->size) {
        for (size_t r = 0; r < comm->size; r++)
            SM_TRY(machine_receive(comm, r, &value));
        return SM_OK;
    }
    float *x = averaged->x[comm->rank];
    for (size_t i = 0; i < FLOATS; i++)
        x[i] = (float)(comm->rank + 1) / (float)(i + 3);
    for (size_t k = 0; k < 3; k++) {
        SM_TRY(machine_pass(comm, 1e-3 * (double)((comm->rank + k) % AVERAGING)));
        SM_TRY(sm_comm_average(comm, x, FLOATS));
        for (size_t i = 0; i < FLOATS; i++)
            x[i] += (float)comm->rank;
    }
    averaged->end[comm->rank] = comm->ops->now(comm);
    for (size_t s = 0; s < comm->servers; s++)
        SM_TRY(machine_send(comm, comm->size + s, 1, 1));
    return SM_OK;
}

static void
all_reduces_are_those_of_the_same_run_without_servers(void **state)
{
    (void)state;
    static struct averaged alone, beside;
    for (int exact = 0; exact < 2; exact++) {
        struct machine machine = {.workers = AVERAGING,
                                  .exact = exact != 0,
                                  .wire_scale = 100,
                                  .program = average_apart_from_servers};
        check_ok(machine_run(&machine, &alone, sizeof alone, NULL));
        assert_true(alone.end[0] > 0);
        check_near((double)alone.x[4][0] - (double)alone.x[1][0], 3, 1e-6);
        machine.servers = 3;
        check_ok(machine_run(&machine, &beside, sizeof beside, NULL));
        assert_memory_equal(&beside, &alone, sizeof alone);
    }
}

static enum sm_status
average_on_a_server(struct sm_comm *comm, const void *in, void *out)
{
    (void)in;
    (void)out;
    float x = 0;
    return sm_comm_average(comm, &x, 1);
}

static void
take_a_worker_away(struct sm_platform *platform)
{
    platform->worker_count--;
}

static void
servers_that_average_or_have_no_host_are_refused(void **state)
{
    (void)state;
    const struct sm_engine *const engines[] = {&sm_engine_simgrid, &sm_engine_thread};
    struct machine machine = {
        .platform = "star_5", .workers = 3, .servers = 2, .program = average_on_a_server};
    for (size_t e = 0; e < 2; e++) {
        machine.engine = engines[e];
        check_fails(machine_run(&machine, NULL, 0, NULL), SM_ERR_DOMAIN,
                    "is a server; all-reduces are among the 3 that train");
    }
    machine.engine = NULL;
    machine.spoil = take_a_worker_away;
    check_fails(machine_run(&machine, NULL, 0, NULL), SM_ERR_INPUT,
                "star_5: 4 workers, expected at least 5, 2 of them servers");
}

/* Two gigabytes to the last rank, which waits for any after so many seconds. */
static enum sm_status
take_two_gigabytes(struct sm_comm *comm, const void *in, void *out)
{
    (void)out;
    const struct sm_job job = {do_nothing, NULL};
    struct sm_request *requests[2] = {NULL};
    struct sm_parcel *parcel;
    size_t which;
    if (comm->rank == 0)
        return machine_send(comm, 1, 2, 1);
    SM_TRY(comm->ops->irecv(comm, 0, &parcel, &requests[1]));
    SM_TRY(comm->ops->compute(comm, SM_STAGE_COMPUTE, *(const double *)in, 0, &job));
    return comm->ops->wait_any(comm, requests, 2, &which);
}

static void
a_link_that_dies_ends_a_wait_for_any_in_one_clear_line(void **state)
{
    (void)state;
    write_profile("0 1\n1.5 0\n");
    for (size_t servers = 0; servers < 2; servers++) {
        double seconds = 0;
        const struct machine machine = {.platform = pair("", " state_file=\""),
                                        .workers = 2 - servers,
                                        .servers = servers,
                                        .wire_scale = 2.5e8,
                                        .program = take_two_gigabytes,
                                        .in = &seconds};
        check_fails(machine_run(&machine, NULL, 0, NULL), SM_ERR_STALLED,
                    "stalled at 1.5 s: link 'wire' died at 1.5 s; rank 1 waits for a message from "
                    "any rank since 0 s");
        seconds = 1.75;
        check_fails(machine_run(&machine, NULL, 0, NULL), SM_ERR_STALLED,
                    "stalled at 1.75 s: link 'wire' died at 1.5 s; rank 1 waits for a message from "
                    "any rank since 1.75 s");
    }
}

/* Rank 0 waits for the server since 0.5 s, the server for anybody since 1.25 s. */
static enum sm_status
wait_for_the_server(struct sm_comm *comm, const void *in, void *out)
{
    (void)in;
    (void)out;
    struct sm_request *requests[3];
    struct sm_parcel *parcels[3];
    size_t which;
    float value;
    if (comm->rank < comm->size) {
        SM_TRY(machine_pass(comm, 0.5 + (double)comm->rank));
        return comm->rank == 0 ? machine_receive(comm, comm->size, &value) : SM_OK;
    }
    for (size_t r = 0; r < comm->size; r++)
        SM_TRY(comm->ops->irecv(comm, r, &parcels[r], &requests[r]));
    SM_TRY(machine_pass(comm, 1.25));
    return comm->ops->wait_any(comm, requests, comm->size, &which);
}

static void
a_stall_with_servers_says_that_they_wait_for_any(void **state)
{
    (void)state;
    const struct machine machine = {
        .platform = "star_4", .workers = 3, .servers = 1, .program = wait_for_the_server};
    check_fails(machine_run(&machine, NULL, 0, NULL), SM_ERR_STALLED,
                "stalled at 2.5 s: rank 0 waits for a message from rank 3 since 0.5 s; rank 3 "
                "waits for a message from any rank since 1.25 s; 2 of 4 ranks had ended");
}

static enum sm_status
ask_late(struct sm_comm *comm, const void *in, void *out)
{
    (void)in;
    const struct sm_job job = {do_nothing, NULL};
    struct sm_request *request;
    struct sm_parcel *parcel;
    if (comm->rank == 0)
        return machine_send(comm, 1, 1, 1);
    SM_TRY(comm->ops->irecv(comm, 0, &parcel, &request));
    SM_TRY(comm->ops->compute(comm, SM_STAGE_COMPUTE, 1, 0, &job));
    SM_TRY(comm->ops->test(comm, &request, out));
    return comm->ops->wait(comm, &request);
}

static void
test_knows_at_once_of_a_message_that_came_long_ago(void **state)
{
    (void)state;
    write_profile("0 1.0\n");
    for (size_t servers = 0; servers < 2; servers++)
        for (int varies = 0; varies < 2; varies++) {
            bool done;
            const struct machine machine = {.platform = pair(varies ? " speed_file=\"" : "", ""),
                                            .workers = 2 - servers,
                                            .servers = servers,
                                            .program = ask_late};
            check_ok(machine_run(&machine, &done, sizeof done, NULL));
            assert_true(done);
        }
}

/* ---- runs that do not end well ---- */

/* Rank 0 waits for 1 since 0.5 s, rank 1 for an all-reduce since 1.5 s; rank 2 ends. */
static enum sm_status
wait_for_ever(struct sm_comm *comm, const void *in, void *out)
{
    (void)in;
    (void)out;
    float x = 0;
    SM_TRY(machine_pass(comm, 0.5 + (double)comm->rank));
    if (comm->rank == 0)
        return machine_receive(comm, 1, &x);
    return comm->rank == 1 ? sm_comm_average(comm, &x, 1) : SM_OK;
}

/* The one that waits is ahead of SimGrid's clock. */
static enum sm_status
wait_ahead_of_the_clock(struct sm_comm *comm, const void *in, void *out)
{
    (void)in;
    (void)out;
    struct sm_request *request;
    struct sm_parcel *parcel;
    if (comm->rank != 0)
        return SM_OK;
    SM_TRY(comm->ops->irecv(comm, 1, &parcel, &request));
    SM_TRY(machine_pass(comm, 3));
    return comm->ops->wait(comm, &request);
}

static void
a_stalled_run_says_who_waits_for_whom_since_when(void **state)
{
    (void)state;
    struct machine machine = {.platform = "star_3", .program = wait_for_ever};
    check_fails(machine_run(&machine, NULL, 0, NULL), SM_ERR_STALLED,
                "stalled at 2.5 s: rank 0 waits for a message from rank 1 since 0.5 s; rank 1 "
                "waits in all-reduce 0 since 1.5 s; 1 of 3 ranks had ended");
    machine.program = wait_ahead_of_the_clock;
    check_fails(machine_run(&machine, NULL, 0, NULL), SM_ERR_STALLED,
                "stalled at 3 s: rank 0 waits for a message from rank 1 since 3 s");
}

static enum sm_status
fail_while_others_wait(struct sm_comm *comm, const void *in, void *out)
{
    (void)in;
    (void)out;
    float x = 0;
    if (comm->rank == 0)
        return machine_receive(comm, 3, &x);
    if (comm->rank == 1)
        return sm_comm_average(comm, &x, 1);
    if (comm->rank == 2) {
        SM_TRY(machine_pass(comm, 0.25));
        return SM_FAIL(SM_ERR_DOMAIN, "rank 2 divides by zero");
    }
    for (;;) {
        SM_TRY(machine_pass(comm, 0.1));
        bool done;
        struct sm_request *none = NULL;
        SM_TRY(comm->ops->test(comm, &none, &done));
    }
}

static enum sm_status
fail_in_a_job(void *arg, struct sm_arena *scratch)
{
    (void)scratch;
    return SM_FAIL(SM_ERR_DIVERGED, "the loss of rank %zu is not finite", *(size_t *)arg);
}

static enum sm_status
compute_a_failure(struct sm_comm *comm, const void *in, void *out)
{
    (void)in;
    size_t *ranks = out;
    float x = 0;
    ranks[comm->rank] = comm->rank;
    const struct sm_job job = {comm->rank == 2 ? fail_in_a_job : advance, &ranks[comm->rank]};
    if (comm->rank == 2)
        SM_TRY(comm->ops->compute(comm, SM_STAGE_COMPUTE, 1, 0, &job));
    return sm_comm_average(comm, &x, 1);
}

static enum sm_status
disagree_on_the_length(struct sm_comm *comm, const void *in, void *out)
{
    (void)in;
    (void)out;
    float x[2] = {0};
    return sm_comm_average(comm, x, comm->rank == 1 ? 2 : 1);
}

static void
the_error_of_one_rank_ends_the_run_and_is_the_runs_error(void **state)
{
    (void)state;
    size_t ranks[8];
    for (int exact = 0; exact < 2; exact++) {
        struct machine machine = {
            .platform = "star_4", .exact = exact != 0, .program = fail_while_others_wait};
        check_fails(machine_run(&machine, NULL, 0, NULL), SM_ERR_DOMAIN, "rank 2 divides by zero");
        machine.program = compute_a_failure;
        for (machine.threads = 1; machine.threads <= 2; machine.threads++)
            check_fails(machine_run(&machine, ranks, sizeof ranks, NULL), SM_ERR_DIVERGED,
                        "the loss of rank 2 is not finite");
        machine.program = disagree_on_the_length;
        check_fails(machine_run(&machine, NULL, 0, NULL), SM_ERR_DOMAIN,
                    "all-reduce 0: rank 1 brings 2 floats, others 1");
    }
}

static volatile sig_atomic_t interrupted;

static enum sm_status
compute_until_interrupted(struct sm_comm *comm, const void *in, void *out)
{
    (void)in;
    size_t *steps = out;
    float x = 0;
    for (;; ++*steps) {
        interrupted = *steps >= 10; /* as a signal handler would */
        SM_TRY(machine_pass(comm, 1));
        SM_TRY(sm_comm_average(comm, &x, 1));
    }
}

static void
an_interrupt_ends_a_run_that_waits_too(void **state)
{
    (void)state;
    size_t steps = 0;
    const struct machine machine = {
        .platform = "star_4", .interrupted = &interrupted, .program = compute_until_interrupted};
    check_fails(machine_run(&machine, &steps, sizeof steps, NULL), SM_ERR_INTERRUPTED,
                "interrupted");
    assert_true(steps >= 10 && steps < 20);
}

static void
name_a_host_that_is_not_there(struct sm_platform *platform)
{
    static const char *const hosts[] = {"nobody"};
    ((struct sm_platform_worker *)(uintptr_t)&platform->workers[1])->hosts = hosts;
}

static void
break_the_xml(struct sm_platform *platform)
{
    platform->xml = "<?xml version='1.0'?><platform version=\"4.1\"><zone id=\"w\" "
                    "routing=\"Full\"><host id=\"node0\" speed=\"fast\"/></zone></platform>";
    platform->xml_length = strlen(platform->xml);
}

static void
what_simgrid_aborts_on_is_one_line(void **state)
{
    (void)state;
    struct machine machine = {.platform = "star_2", .program = compute_two_gigaflop};
    double end[2];
    machine.spoil = name_a_host_that_is_not_there;
    check_fails(machine_run(&machine, end, sizeof end, NULL), SM_ERR_INPUT,
                "star_2: SimGrid knows no host 'nobody'");
    machine.spoil = break_the_xml;
    check_fails(machine_run(&machine, end, sizeof end, NULL), SM_ERR_INPUT,
                "the simulated machine: ");
    assert_non_null(strstr(sm_error_last()->message, "Parse error"));
    assert_null(strchr(sm_error_last()->message, '\n'));
    machine.spoil = NULL;
    machine.workers = 3;
    check_fails(machine_run(&machine, end, sizeof end, NULL), SM_ERR_INPUT, "star_2");
}

static int
make_profile(void **state)
{
    (void)state;
    int file = mkstemp(profile_path);
    return file < 0 ? -1 : close(file);
}

static int
remove_profile(void **state)
{
    (void)state;
    return unlink(profile_path);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_engines_and_any_number_of_threads_give_the_same_bits),
        cmocka_unit_test(simulated_seconds_are_the_same_bits_for_any_threads_and_in_every_run),
        cmocka_unit_test(stages_of_each_rank_add_up_to_its_end),
        cmocka_unit_test(wire_scale_multiplies_bytes_and_the_seconds_they_take),
        cmocka_unit_test(both_engines_count_the_same_bytes),
        cmocka_unit_test(messages_come_in_the_order_sent_even_from_a_rank_that_has_ended),
        cmocka_unit_test(what_travels_beside_computing_costs_the_longer_of_the_two),
        cmocka_unit_test(a_message_shares_links_with_the_all_reduce_that_it_meets),
        cmocka_unit_test(all_reduces_of_a_rank_follow_one_another),
        cmocka_unit_test(test_notices_within_the_time_between_two_questions),
        cmocka_unit_test(devices_of_two_workers_on_one_bus_share_it),
        cmocka_unit_test(devices_of_a_dgx1_reduce_in_the_seconds_of_their_rings),
        cmocka_unit_test(devices_that_are_remembered_take_as_long_as_those_that_are_played),
        cmocka_unit_test(devices_workers_and_both_reduce_one_after_another),
        cmocka_unit_test(one_slow_nvlink_slows_its_servers_all_reduce),
        cmocka_unit_test(a_worker_computes_at_the_speed_of_its_slowest_device),
        cmocka_unit_test(speeds_and_bandwidths_that_change_on_the_way_are_felt),
        cmocka_unit_test(a_link_that_dies_is_one_clear_line),
        cmocka_unit_test(a_host_that_dies_leaves_a_run_that_says_who_waits),
        cmocka_unit_test(servers_that_add_in_rank_order_give_the_same_bits_on_both_engines),
        cmocka_unit_test(of_any_messages_the_first_to_come_is_received_first),
        cmocka_unit_test(a_slow_link_lets_the_messages_of_others_come_first),
        cmocka_unit_test(of_messages_that_come_at_once_the_first_in_the_list_is_received_first),
        cmocka_unit_test(who_waited_for_one_message_sees_all_others_of_the_same_instant),
        cmocka_unit_test(any_two_ranks_exchange_messages_servers_too),
        cmocka_unit_test(receipts_end_well_in_every_mix_of_test_wait_and_wait_any),
        cmocka_unit_test(test_knows_at_once_of_a_message_that_came_long_ago),
        cmocka_unit_test(all_reduces_are_those_of_the_same_run_without_servers),
        cmocka_unit_test(servers_that_average_or_have_no_host_are_refused),
        cmocka_unit_test(a_link_that_dies_ends_a_wait_for_any_in_one_clear_line),
        cmocka_unit_test(a_stall_with_servers_says_that_they_wait_for_any),
        cmocka_unit_test(a_stalled_run_says_who_waits_for_whom_since_when),
        cmocka_unit_test(the_error_of_one_rank_ends_the_run_and_is_the_runs_error),
        cmocka_unit_test(an_interrupt_ends_a_run_that_waits_too),
        cmocka_unit_test(what_simgrid_aborts_on_is_one_line),
    };
    return cmocka_run_group_tests(tests, make_profile, remove_profile);
}
