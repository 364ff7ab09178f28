/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/property/ring_seconds.c -- how long a ring all-reduce takes: message by message against its
 * closed form, and as fluid flows against message by message. */
#include "tests/helpers/check.h"
#include "tests/helpers/machine.h"
#include "tests/helpers/rails.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/base/rng.h"

enum { MOST_CASES = 40, FLOATS = 4 };

/* AddressSanitizer wants a thread for each of SimGrid's actors: a message costs fifty times more.
 */
#if defined(__SANITIZE_ADDRESS__)
enum { STRIDE = 9, LARGEST = 8 };
#else
enum { STRIDE = 1, LARGEST = MACHINE_RANKS };
#endif

/* All-reduces one after the other, each with a time of its own to begin at. */
struct plan {
    size_t count;
    struct {
        size_t n;                   /* floats                               */
        double begin;               /* seconds                              */
        double skew[MACHINE_RANKS]; /* seconds that rank r joins after that */
    } cases[MOST_CASES];
};

struct seconds {
    double last[MOST_CASES]; /* from begin until the last rank is done */
};

static enum sm_status
play(struct sm_comm *comm, const void *in, void *out)
{
    const struct plan *plan = in;
    struct seconds *seconds = out;
    float x[FLOATS] = {0};
    for (size_t i = 0; i < plan->count; i++) {
        double join = plan->cases[i].begin + plan->cases[i].skew[comm->rank];
        double wait = join - comm->ops->now(comm);
        if (!(wait >= 0))
            return SM_FAIL(SM_ERR_DOMAIN, "case %zu begins before the last one is done", i);
        SM_TRY(machine_pass(comm, wait));
        SM_TRY(sm_comm_average(comm, x, plan->cases[i].n));
        seconds->last[i] = fmax(seconds->last[i], comm->ops->now(comm) - plan->cases[i].begin);
    }
    return SM_OK;
}

/* What the first link of the platform and its like give a ring: two of them are an edge. */
struct wire {
    double latency, bandwidth;
};

static struct wire
star_wire(void)
{
    struct sm_arena arena = {0};
    struct sm_platform platform;
    check_ok(sm_platform_load(
        &arena, &(struct sm_platform_request){.file = "star_4", .home = SM_TEST_SOURCE},
        &platform));
    struct wire wire = {2 * platform.links[0].latency,
                        platform.links[0].bandwidth * platform.links[0].goodput};
    sm_arena_fini(&arena);
    return wire;
}

static void
message_by_message_takes_the_seconds_of_the_closed_form(void **state)
{
    (void)state;
    /* ResNet-50's bytes; a prime, so that no size divides it; and fewer bytes than ranks */
    static const double sizes[] = {102228128, 1000003, 13};
    struct wire wire = star_wire();
    double worst = 0;
    for (size_t m = 2; m <= 64; m += STRIDE)
        for (size_t s = 0; s < (m <= 20 ? 3 : 2); s++) {
            char name[16];
            snprintf(name, sizeof name, "star_%zu", m);
            static struct plan plan;
            plan.count = 1;
            plan.cases[0].n = 1;
            struct machine machine = {.platform = name,
                                      .exact = true,
                                      .wire_scale = sizes[s] / 4,
                                      .program = play,
                                      .in = &plan};
            struct seconds seconds;
            check_ok(machine_run(&machine, &seconds, sizeof seconds, NULL));
            double expected = ring_seconds(m, sizes[s], wire.latency, wire.bandwidth);
            check_relative(seconds.last[0], expected, 1e-9);
            worst = fmax(worst, fabs(seconds.last[0] / expected - 1));
        }
    print_message("worst distance of message level from the closed form: %.2g\n", worst);
}

/* Twenty ways to arrive: at once; skews from a tenth of a message to twice the ring; one rank late
 * or early. `ring` and `message`: seconds. */
static void
plan_arrivals(struct plan *plan, size_t workers, double ring, double message, uint64_t seed)
{
    struct sm_arena arena = {0};
    struct sm_rng *rng = sm_rng_create(&arena, seed, SM_RNG_TEST, workers);
    assert_non_null(rng);
    const double spreads[] = {0, 0.1 * message, message, 0.1 * ring, 0.3 * ring, ring, 2 * ring};
    enum { SPREADS = sizeof spreads / sizeof *spreads, WAYS = 3 };
    plan->count = 0;
    for (size_t s = 0; s < SPREADS; s++)
        for (size_t way = 0; way < WAYS; way++) {
            size_t odd = sm_rng_below(rng, workers), i = plan->count++;
            plan->cases[i].n = 1 + way;
            plan->cases[i].begin = (double)i * 100 * ring;
            for (size_t r = 0; r < workers; r++)
                plan->cases[i].skew[r] = way == 0   ? spreads[s] * sm_rng_uniform(rng)
                                         : way == 1 ? (r == odd ? spreads[s] : 0)
                                                    : (r == odd ? 0 : spreads[s]);
        }
    sm_arena_fini(&arena);
}

/* Of every machine that is compared. */
static struct sm_transport transport = {1, 1, 0};

/* The worst relative distance of fluid from exact, over all ways to arrive. */
static double
compare(const char *platform, const char *edits, size_t workers, double scale, uint64_t seed)
{
    struct wire wire = star_wire();
    double ring = ring_seconds(workers, 8 * scale, wire.latency, wire.bandwidth);
    static struct plan plan;
    plan_arrivals(&plan, workers, ring, ring / (double)(2 * (workers - 1)), seed);
    struct machine machine = {.platform = platform,
                              .edits = edits,
                              .workers = workers,
                              .exact = true,
                              .transport = &transport,
                              .wire_scale = scale,
                              .program = play,
                              .in = &plan};
    struct seconds exact, fluid;
    check_ok(machine_run(&machine, &exact, sizeof exact, NULL));
    machine.exact = false;
    check_ok(machine_run(&machine, &fluid, sizeof fluid, NULL));
    double worst = 0;
    for (size_t i = 0; i < plan.count; i++) {
        double error = fabs(fluid.last[i] / exact.last[i] - 1);
        if (!(error <= 1e-3))
            print_error("%s, %zu workers, %g bytes a float, case %zu: fluid %.9g s, exact %.9g s\n",
                        platform, workers, 4 * scale, i, fluid.last[i], exact.last[i]);
        assert_true(error <= 1e-3); /* NaN is not */
        worst = fmax(worst, error);
    }
    return worst;
}

/* The platform (NULL: a star) with its first m workers, and messages that bandwidth or latency
 * decides. */
static void
check_family(const char *what, const char *platform, const char *edits, const size_t *sizes)
{
    double worst = 0;
    for (const size_t *m = sizes; *m != 0 && *m <= LARGEST; m++)
        for (size_t s = 0; s < (*m <= 16 ? 3 : 1); s++) {
            const double scales[] = {25557032, 1e6 / 3, 1e3};
            char name[64];
            snprintf(name, sizeof name, "star_%zu", *m);
            worst = fmax(worst, compare(platform != NULL ? platform : name, edits, *m, scales[s],
                                        10 * *m + s));
        }
    print_message("fluid against message level, %s: worst %.2g\n", what, worst);
}

static void
fluid_is_within_a_thousandth_on_a_homogeneous_star(void **state)
{
    (void)state;
    check_family("star", NULL, NULL, (const size_t[]){2, 3, 4, 5, 7, 8, 12, 16, 23, 32, 64, 0});
}

static void
fluid_is_within_a_thousandth_with_one_slow_nic(void **state)
{
    (void)state;
    check_family("one NIC at a tenth", NULL, "{bandwidth: {node1_eth: x0.1}}",
                 (const size_t[]){2, 3, 4, 5, 8, 13, 16, 32, 0});
    check_family("one NIC with thirty times the latency", NULL, "{latency: {node0_eth: x30}}",
                 (const size_t[]){2, 3, 8, 32, 0});
}

static void
fluid_is_within_a_thousandth_with_many_kinds_of_nic(void **state)
{
    (void)state;
    check_family("all kinds of NIC", NULL,
                 "{bandwidth: {'*1_eth': x0.5, '*2_eth': x2.5, '*3_eth': x0.77, '*4_eth': x0.31,"
                 " '*7_eth': x10}, latency: {'*5_eth': x4, '*6_eth': x0.2}}",
                 (const size_t[]){8, 11, 16, 32, 0});
}

static void
fluid_is_within_a_thousandth_on_dgx1_servers(void **state)
{
    (void)state;
    check_family("dgx1_32_10gbe", "dgx1_32_10gbe", NULL, (const size_t[]){2, 3, 5, 8, 16, 32, 0});
    check_family("dgx1_32_10gbe, one NIC at a tenth", "dgx1_32_10gbe",
                 "{bandwidth: {'server1_eth': x0.1}}", (const size_t[]){2, 8, 32, 0});
}

static void
fluid_is_within_a_thousandth_on_v100_servers(void **state)
{
    (void)state;
    check_family("v100_32_10gbe", "v100_32_10gbe", NULL, (const size_t[]){2, 3, 5, 8, 16, 32, 0});
    check_family("v100_32_10gbe, one NIC at a tenth", "v100_32_10gbe",
                 "{bandwidth: {'node1_eth': x0.1}}", (const size_t[]){2, 8, 32, 0});
}

static void
fluid_is_within_a_thousandth_with_copies_through_host_memory(void **state)
{
    (void)state;
    transport = (struct sm_transport){0.6, 1, 1 / 2e9}; /* a copy takes as long as half the wire */
    check_family("staged", NULL, NULL, (const size_t[]){2, 3, 4, 7, 16, 32, 0});
    check_family("staged, one NIC at a tenth", NULL, "{bandwidth: {node1_eth: x0.1}}",
                 (const size_t[]){2, 5, 16, 0});
    transport = (struct sm_transport){1, 1, 0};
}

static void
fluid_is_within_a_thousandth_over_several_rails(void **state)
{
    (void)state;
    const size_t sizes[] = {2, 3, 8, 0};
    check_family("four rails", rails_platform(8, 4, "0-1-2-3"), NULL, sizes);
    check_family("four rails, one slow and one far", rails_platform(8, 4, "0-1-2-3"),
                 "{bandwidth: {'w1d2_nic': x0.2, 'w*d1_nic': x0.7}, latency: {'w1d3_nic': 100us,"
                 " 'w*d0_nic': 10us}}",
                 sizes);
}

/* Four hosts, whose ways lead over one backbone; `attributes` say whether they share it. */
static const char *
backbone(const char *attributes)
{
    static char text[4096];
    size_t used = (size_t)snprintf(
        text, sizeof text,
        "<?xml version='1.0'?>\n<platform version=\"4.1\"><zone id=\"w\" routing=\"Full\">\n");
    for (size_t i = 0; i < 4; i++)
        used += (size_t)snprintf(text + used, sizeof text - used,
                                 "<host id=\"h%zu\" speed=\"1Gf\"/>\n", i);
    for (size_t i = 0; i < 4; i++)
        used += (size_t)snprintf(text + used, sizeof text - used,
                                 "<link id=\"n%zu\" bandwidth=\"1GBps\" latency=\"1us\" "
                                 "sharing_policy=\"SPLITDUPLEX\"/>\n",
                                 i);
    used += (size_t)snprintf(text + used, sizeof text - used,
                             "<link id=\"b\" bandwidth=\"1GBps\" latency=\"5us\" "
                             "%s/>\n",
                             attributes);
    for (size_t i = 0; i < 4; i++)
        for (size_t j = 0; j < 4; j++)
            if (i != j)
                used +=
                    (size_t)snprintf(text + used, sizeof text - used,
                                     "<route src=\"h%zu\" dst=\"h%zu\" symmetrical=\"NO\">"
                                     "<link_ctn id=\"n%zu\" direction=\"UP\"/><link_ctn id=\"b\"/>"
                                     "<link_ctn id=\"n%zu\" direction=\"DOWN\"/></route>\n",
                                     i, j, i, j);
    snprintf(text + used, sizeof text - used, "</zone></platform>\n");
    return text;
}

static const char shared[] = "sharing_policy=\"SHARED\"", fatpipe[] = "sharing_policy=\"FATPIPE\"";

static void
where_edges_share_a_link_fluid_is_played_exactly(void **state)
{
    (void)state;
    assert_true(compare(backbone(shared), NULL, 4, 1e6, 1) == 0);
    assert_true(compare(backbone(fatpipe), NULL, 4, 1e6, 1) < 1e-3);

    /* and the shared one does slow the ring down: 4 flows on one link of 1 GB/s */
    static struct plan plan = {.count = 1, .cases = {{.n = 1}}};
    struct machine machine = {
        .platform = backbone(shared), .wire_scale = 1e6, .program = play, .in = &plan};
    struct seconds seconds;
    check_ok(machine_run(&machine, &seconds, sizeof seconds, NULL));
    check_relative(seconds.last[0], ring_seconds(4, 4e6, 7e-6, 1e9 / 4), 1e-9);
    machine.platform = backbone(fatpipe);
    check_ok(machine_run(&machine, &seconds, sizeof seconds, NULL));
    check_relative(seconds.last[0], ring_seconds(4, 4e6, 7e-6, 1e9), 1e-9);
}

static void
where_speeds_change_while_time_passes_fluid_is_played_exactly(void **state)
{
    (void)state;
    char profile[] = "/tmp/sm_ring_seconds_XXXXXX", attributes[128];
    int descriptor = mkstemp(profile);
    FILE *file = descriptor >= 0 ? fdopen(descriptor, "w") : NULL;
    assert_non_null(file);
    for (size_t i = 0; i < 1000; i++) /* bytes/s from a time on: fast and slow in turn */
        fprintf(file, "%g %g\n", 0.003 * (double)i, i % 2 == 0 ? 1e9 : 2e8);
    fclose(file);
    snprintf(attributes, sizeof attributes, "%s bandwidth_file=\"%s\"", fatpipe, profile);
    assert_true(compare(backbone(attributes), NULL, 4, 1e6, 1) == 0);
    unlink(profile);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(message_by_message_takes_the_seconds_of_the_closed_form),
        cmocka_unit_test(fluid_is_within_a_thousandth_on_a_homogeneous_star),
        cmocka_unit_test(fluid_is_within_a_thousandth_with_one_slow_nic),
        cmocka_unit_test(fluid_is_within_a_thousandth_with_many_kinds_of_nic),
        cmocka_unit_test(fluid_is_within_a_thousandth_on_dgx1_servers),
        cmocka_unit_test(fluid_is_within_a_thousandth_on_v100_servers),
        cmocka_unit_test(fluid_is_within_a_thousandth_with_copies_through_host_memory),
        cmocka_unit_test(fluid_is_within_a_thousandth_over_several_rails),
        cmocka_unit_test(where_edges_share_a_link_fluid_is_played_exactly),
        cmocka_unit_test(where_speeds_change_while_time_passes_fluid_is_played_exactly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
