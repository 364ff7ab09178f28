/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/property/transport.c -- efficiency of the communication library, copies through host memory
 * and rails, against closed forms. */
#include "tests/helpers/check.h"
#include "tests/helpers/machine.h"
#include "tests/helpers/rails.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { RANKS = 8 };

static const double bandwidth = 1e9, latency = 4e-6; /* of the route between any two */

/* Hosts of one NIC each on a switch, every route of the bandwidth and latency above. */
static const char star[] =
    "<?xml version='1.0'?><!DOCTYPE platform SYSTEM \"https://simgrid.org/simgrid.dtd\">"
    "<platform version=\"4.1\"><cluster id=\"c\" prefix=\"h\" suffix=\"\" radical=\"0-7\""
    " speed=\"1Gf\" bw=\"1GBps\" lat=\"2us\" sharing_policy=\"SPLITDUPLEX\"/></platform>";

struct result {
    double arrival[RANKS], second[RANKS], sent;
};

/* An all-reduce of one float, which weighs what the machine says. */
static enum sm_status
reduce(struct sm_comm *comm, const void *in, void *out)
{
    (void)in;
    struct result *result = out;
    float x = 1;
    SM_TRY(sm_comm_average(comm, &x, 1));
    result->arrival[comm->rank] = comm->ops->now(comm);
    result->sent = comm->ledger->bytes_sent;
    return SM_OK;
}

static double
reduce_seconds(const char *platform, bool exact, struct sm_transport transport, double bytes)
{
    const struct machine machine = {.platform = platform,
                                    .workers = RANKS,
                                    .exact = exact,
                                    .transport = &transport,
                                    .wire_scale = bytes / 4,
                                    .program = reduce};
    struct result result;
    check_ok(machine_run(&machine, &result, sizeof result, NULL));
    check_relative(result.sent, 2 * bytes * (RANKS - 1) / RANKS, 1e-12);
    return result.arrival[0];
}

static void
a_ring_takes_what_its_steps_take_at_the_efficiency_and_with_both_copies(void **state)
{
    (void)state;
    static const struct sm_transport transports[] = {
        {1, 1, 0}, {0.5, 1, 0}, {0.8, 0.1, 0}, {1, 1, 1 / 12e9}, {0.6, 1, 1 / 3e9}};
    const double bytes = 8e6, chunk = bytes / RANKS; /* a whole byte more or less is 1e-6 */
    for (size_t i = 0; i < sizeof transports / sizeof *transports; i++) {
        const struct sm_transport t = transports[i];
        const double step =
            latency + 2 * t.staging * chunk + chunk / t.collective_efficiency / bandwidth;
        for (int exact = 0; exact < 2; exact++)
            check_relative(reduce_seconds(star, exact, t, bytes), 2 * (RANKS - 1) * step, 1e-6);
    }
}

/* Rank 0 sends two messages at once to rank 1, and one to rank 2. */
static enum sm_status
send(struct sm_comm *comm, const void *in, void *out)
{
    (void)in;
    struct result *result = out;
    float value;
    if (comm->rank == 0) {
        SM_TRY(machine_send(comm, 1, 1, 5));
        SM_TRY(machine_send(comm, 1, 1, 6));
        SM_TRY(machine_send(comm, 2, 1, 7));
        result->sent = comm->ledger->bytes_sent;
        result->arrival[0] = comm->ops->now(comm);
    } else if (comm->rank < 3) {
        struct sm_request *requests[2] = {NULL};
        struct sm_parcel *parcels[2];
        for (size_t i = 0; i + comm->rank < 3; i++)
            SM_TRY(comm->ops->irecv(comm, 0, &parcels[i], &requests[i]));
        SM_TRY(comm->ops->wait(comm, &requests[0]));
        result->arrival[comm->rank] = comm->ops->now(comm);
        value = parcels[0]->x[0];
        sm_parcel_release(parcels[0]);
        if (comm->rank == 1) {
            SM_TRY(comm->ops->wait(comm, &requests[1]));
            result->second[1] = comm->ops->now(comm);
            if (parcels[1]->x[0] != 6)
                return SM_FAIL(SM_ERR_DOMAIN, "parcels came in another order");
            sm_parcel_release(parcels[1]);
        }
        if (value != (comm->rank == 1 ? 5 : 7))
            return SM_FAIL(SM_ERR_DOMAIN, "parcels came in another order");
    }
    return SM_OK;
}

static struct result
messages(struct sm_transport transport, double bytes)
{
    const struct machine machine = {.platform = star,
                                    .workers = 3,
                                    .transport = &transport,
                                    .wire_scale = bytes / 4,
                                    .program = send};
    struct result result;
    check_ok(machine_run(&machine, &result, sizeof result, NULL));
    check_near(result.sent, 3 * bytes, 0);
    check_near(result.arrival[0], 0, 0); /* who sends does not wait */
    return result;
}

static void
messages_share_a_link_as_if_they_were_longer_by_one_over_the_efficiency(void **state)
{
    (void)state;
    const double bytes = 1e6;
    for (int i = 0; i < 2; i++) {
        const struct sm_transport transport = {0.3, i == 0 ? 1 : 0.25, 0};
        const double three = latency + 3 * bytes / transport.message_efficiency / bandwidth;
        const struct result result =
            messages(transport, bytes); /* three at once on rank 0's link */
        check_relative(result.arrival[1], three, 1e-9);
        check_relative(result.second[1], three, 1e-9);
        check_relative(result.arrival[2], three, 1e-9);
    }
}

/* Where copies are slower than the wire, messages leave one by one; each is there a copy, its time
 * on the wire and another copy after the one before it was copied. */
static void
copies_of_messages_go_one_after_the_other_at_each_end(void **state)
{
    (void)state;
    const double bytes = 1e6, copy = bytes / 5e8, wire = latency + bytes / bandwidth;
    const struct result slow = messages((struct sm_transport){1, 1, 1 / 5e8}, bytes);
    check_relative(slow.arrival[1], copy + wire + copy, 1e-9);
    check_relative(slow.second[1], 2 * copy + wire + copy, 1e-9);
    check_relative(slow.arrival[2], 3 * copy + wire + copy, 1e-9);

    /* the other way round the link is what they wait for, and only what is last is copied alone */
    const double quick = bytes / 12e9;
    const struct result fast = messages((struct sm_transport){1, 1, 1 / 12e9}, bytes);
    const double last = fmax(fmax(fast.arrival[1], fast.second[1]), fast.arrival[2]);
    check_relative(last, quick + latency + 3 * bytes / bandwidth + quick, 1e-9);
}

/* Two servers of two devices, of which the first talk. */
static const char pairs[] =
    "<?xml version='1.0'?><!DOCTYPE platform SYSTEM \"https://simgrid.org/simgrid.dtd\">"
    "<platform version=\"4.1\"><zone id=\"w\" routing=\"Full\">"
    "<host id=\"a\" speed=\"1Gf\"><prop id=\"worker\" value=\"0\"/></host>"
    "<host id=\"b\" speed=\"1Gf\"><prop id=\"worker\" value=\"0\"/>"
    "<prop id=\"device\" value=\"1\"/></host>"
    "<link id=\"n\" bandwidth=\"1GBps\" latency=\"1us\" sharing_policy=\"SPLITDUPLEX\"/>"
    "<route src=\"a\" dst=\"b\"><link_ctn id=\"n\" direction=\"UP\"/></route>"
    "</zone></platform>";

static enum sm_status
reduce_inside(struct sm_comm *comm, const void *in, void *out)
{
    (void)in;
    SM_TRY(comm->ops->reduce_devices(comm, 1));
    ((struct result *)out)->arrival[0] = comm->ops->now(comm);
    return SM_OK;
}

static void
the_devices_of_a_worker_know_no_transport(void **state)
{
    (void)state;
    double seconds[2];
    for (int i = 0; i < 2; i++) {
        const struct sm_transport transport = {0.1, 0.1, 1e-6};
        const struct machine machine = {.platform = pairs,
                                        .transport = i == 0 ? NULL : &transport,
                                        .wire_scale = 1e6,
                                        .program = reduce_inside};
        struct result result;
        check_ok(machine_run(&machine, &result, sizeof result, NULL));
        seconds[i] = result.arrival[0];
    }
    assert_true(seconds[0] > 0.001);
    check_near(seconds[1], seconds[0], 0);
}

static const char *const all_rails[] = {[1] = "0", [2] = "0-1", [4] = "0-1-2-3"};

static void
more_rails_divide_the_bytes_of_a_ring_and_not_its_latency(void **state)
{
    (void)state;
    const double bytes = 8e6, chunk = bytes / RANKS;
    const struct sm_transport transports[] = {{1, 1, 0}, {0.5, 1, 1 / 3e9}};
    for (size_t t = 0; t < 2; t++)
        for (size_t rails = 1; rails <= 4; rails *= 2)
            for (int exact = 0; exact < 2; exact++) {
                const char *platform = rails_platform(RANKS, 4, all_rails[rails]);
                const double part = chunk / (double)rails;
                const double step = latency + 2 * part * transports[t].staging +
                                    part / transports[t].collective_efficiency / bandwidth;
                check_relative(reduce_seconds(platform, exact, transports[t], bytes),
                               2 * (RANKS - 1) * step, 1e-6);
            }
}

/* Rank 0 sends to rank 1; copies, when asked for, and all parts are there when it is there. */
static enum sm_status
send_one(struct sm_comm *comm, const void *in, void *out)
{
    struct result *result = out;
    const bool *asks = in;
    if (comm->rank == 0)
        return machine_send(comm, 1, 1, 3);
    if (comm->rank > 1)
        return SM_OK;
    struct sm_request *request;
    struct sm_parcel *parcel;
    size_t which;
    SM_TRY(comm->ops->irecv(comm, 0, &parcel, &request));
    SM_TRY(*asks ? comm->ops->wait_any(comm, &request, 1, &which)
                 : comm->ops->wait(comm, &request));
    result->arrival[1] = comm->ops->now(comm);
    if (parcel->x[0] != 3)
        return SM_FAIL(SM_ERR_DOMAIN, "another parcel came");
    sm_parcel_release(parcel);
    return SM_OK;
}

static double
message_seconds(const char *rails, const char *edits, double staging, double bytes)
{
    double seconds[2];
    for (int i = 0; i < 2; i++) {
        const struct sm_transport transport = {1, 1, staging};
        const bool asks = i == 1;
        const struct machine machine = {.platform = rails_platform(2, 4, rails),
                                        .edits = edits,
                                        .transport = &transport,
                                        .wire_scale = bytes / 4,
                                        .program = send_one,
                                        .in = &asks};
        struct result result;
        check_ok(machine_run(&machine, &result, sizeof result, NULL));
        seconds[i] = result.arrival[1];
    }
    check_near(seconds[1], seconds[0], 0);
    return seconds[0];
}

static void
a_message_is_there_when_its_slowest_part_is(void **state)
{
    (void)state;
    const double bytes = 4e6, whole = bytes / bandwidth, copy = bytes / 3e9;
    static const char slow[] = "{bandwidth: {w1d2_nic: x0.1}}",
                      far[] = "{latency: {w1d2_nic: 1ms}}";
    static const char all[] = "0-1-2-3", two[] = "0-2";
    check_relative(message_seconds(all, NULL, 0, bytes), latency + whole / 4, 1e-9);
    check_relative(message_seconds(two, NULL, 0, bytes), latency + whole / 2, 1e-9);
    check_relative(message_seconds(all, slow, 0, bytes), latency + 10 * whole / 4, 1e-9);
    check_relative(message_seconds(all, far, 0, bytes), 1e-3 + latency / 2 + whole / 4, 1e-9);
    check_relative(message_seconds("0-1", slow, 0, bytes), latency + whole / 2, 1e-9);
    check_relative(message_seconds(all, NULL, 1 / 3e9, bytes), latency + (copy + whole + copy) / 4,
                   1e-9);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ring_takes_what_its_steps_take_at_the_efficiency_and_with_both_copies),
        cmocka_unit_test(messages_share_a_link_as_if_they_were_longer_by_one_over_the_efficiency),
        cmocka_unit_test(copies_of_messages_go_one_after_the_other_at_each_end),
        cmocka_unit_test(more_rails_divide_the_bytes_of_a_ring_and_not_its_latency),
        cmocka_unit_test(a_message_is_there_when_its_slowest_part_is),
        cmocka_unit_test(the_devices_of_a_worker_know_no_transport),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
