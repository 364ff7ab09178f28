/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/property/collective_seconds.c -- how long every collective takes on a simulated network,
 * message by message, against its closed form; and what auto chooses there. */
#include "tests/helpers/check.h"
#include "tests/helpers/machine.h"

#include <math.h>
#include <stdio.h>

#include "sim/base/tree.h"

/* AddressSanitizer wants a thread for each of SimGrid's actors. */
#if defined(__SANITIZE_ADDRESS__)
enum { STRIDE = 7 };
#else
enum { STRIDE = 1 };
#endif

enum { MOST_SIZES = 8 };

/* A star's links: 10 Gbit/s of which TCP leaves a part, 20 us from host to host. */
static double
bandwidth(const struct sm_platform *platform)
{
    return platform->links[0].bandwidth * platform->links[0].goodput;
}

struct plan {
    size_t count;
    size_t n[MOST_SIZES]; /* floats of all-reduces that follow one another */
};

struct seconds {
    double last[MOST_SIZES]; /* of each, until the last rank is done */
};

static enum sm_status
play(struct sm_comm *comm, const void *in, void *out)
{
    const struct plan *plan = in;
    struct seconds *seconds = out;
    for (size_t i = 0; i < plan->count; i++) {
        const double begin = 100.0 * (double)(i + 1);
        float x[1] = {0};
        struct sm_request *request;
        SM_TRY(machine_pass(comm, begin - comm->ops->now(comm)));
        SM_TRY(comm->ops->iallreduce(comm, SM_AMONG_WORKERS, x, 1, (double)plan->n[i], &request));
        SM_TRY(comm->ops->wait(comm, &request));
        seconds->last[i] = fmax(seconds->last[i], comm->ops->now(comm) - begin);
    }
    return SM_OK;
}

/* The star's network as its file says. */
static void
star_network(struct sm_collective_call *call)
{
    struct sm_arena arena = {0};
    struct sm_platform platform;
    const struct sm_platform_request request = {.file = "star_2", .home = SM_TEST_SOURCE};
    check_ok(sm_platform_load(&arena, &request, &platform));
    call->bandwidth = bandwidth(&platform);
    call->latency = 2 * platform.links[0].latency;
    sm_arena_fini(&arena);
}

/* Plays `collective` (an all-reduce or not: the engine plays what it is given) among m workers. */
static void
compare(const struct sm_collective *collective, const void *settings, size_t m, double *worst)
{
    static const struct sm_collective_settings exact = {"exact"};
    const struct plan plan = {.count = 5, .n = {1, 250, 27720, 1234567, 25557032}};
    if (settings == NULL && collective->about.params == sm_collective_params)
        settings = &exact;
    const struct sm_choice choice = {&collective->about, settings};
    char name[32];
    snprintf(name, sizeof name, "star_%zu", m);
    const struct machine machine = {
        .platform = name, .collective = &choice, .program = play, .in = &plan};
    struct seconds seconds;
    struct sm_collective_call call = {.size = m, .settings = settings};
    star_network(&call);
    check_ok(machine_run(&machine, &seconds, sizeof seconds, NULL));
    for (size_t i = 0; i < plan.count; i++) {
        call.bytes = 4 * (double)plan.n[i];
        const double expected = collective->seconds(&call, call.latency, call.bandwidth);
        const double error = fabs(seconds.last[i] / expected - 1);
        /* segments of unequal length: at most a byte a step less */
        const double steps = (double)collective->steps(&call);
        const bool unequal = collective == &sm_collective_double_binary_tree &&
                             fmod(call.bytes, (double)collective->chunks(&call)) > 0;
        if (unequal && call.bytes >= (double)collective->chunks(&call))
            check_near(seconds.last[i], expected, steps / call.bandwidth + 1e-9 * expected);
        else if (unequal)
            assert_true(seconds.last[i] <= expected * (1 + 1e-9));
        else
            check_near(seconds.last[i], expected, 1e-6 * expected);
        if (!unequal)
            *worst = fmax(*worst, error);
    }
}

/* The sizes, or every STRIDE-th. */
static const size_t sizes[] = {2, 3, 4, 5, 6, 7, 8, 9, 12, 15, 16, 17, 24, 31, 32, 33, 48, 63, 64};
enum { SIZES = sizeof sizes / sizeof *sizes };

static void
every_collective_takes_the_seconds_of_its_closed_form(void **state)
{
    (void)state;
    for (const struct sm_plugin *const *it = sm_axis_collective.plugins; *it != NULL; it++) {
        const struct sm_collective *collective = (const struct sm_collective *)*it;
        double worst = 0;
        for (size_t i = 0; i < SIZES && collective != &sm_collective_hierarchical; i += STRIDE)
            compare(collective, NULL, sizes[i], &worst);
        print_message("%s: worst %.2g\n", collective->about.name, worst);
    }
}

static void
so_do_groups_of_every_size(void **state)
{
    (void)state;
    double worst = 0;
    const size_t some[] = {6, 12, 30, 64};
    for (size_t i = 0; i < 4; i++)
        for (size_t group = 1; group <= some[i]; group += STRIDE) {
            const struct {
                size_t group;
                const char *between;
            } settings[] = {{group, "ring"}, {group, "halving_doubling"}};
            for (size_t s = 0; s < 2 && some[i] % group == 0; s++)
                compare(&sm_collective_hierarchical, &settings[s], some[i], &worst);
        }
    print_message("hierarchical: worst %.2g\n", worst);
}

static void
so_do_other_roots_and_numbers_of_segments(void **state)
{
    (void)state;
    double worst = 0;
    const struct sm_collective_rooted root = {4};
    const size_t segments[] = {1, 2, 9};
    for (size_t m = 5; m <= 20; m += 5) {
        compare(&sm_collective_binomial_tree, &root, m, &worst);
        compare(&sm_collective_parameter_server, &root, m, &worst);
        compare(&sm_collective_flat_broadcast, &root, m, &worst);
        for (size_t i = 0; i < 3; i++)
            compare(&sm_collective_double_binary_tree, &segments[i], m, &worst);
    }
    print_message("others: worst %.2g\n", worst);
}

/* ---- auto ---- */

static void
auto_takes_another_way_for_another_size_and_says_so(void **state)
{
    (void)state;
    static const struct sm_collective_settings fluid = {"fluid"};
    const struct sm_choice choice = {&sm_collective_auto.about, &fluid};
    const struct plan plan = {.count = 4, .n = {25, 25557032, 100, 25557032}};
    struct machine machine = {
        .platform = "star_24", .collective = &choice, .program = play, .in = &plan};
    struct machine_report report;
    struct seconds seconds;
    struct sm_collective_call call = {.size = 24, .bytes = 4 * 25557032.0};
    star_network(&call);
    check_ok(machine_run(&machine, &seconds, sizeof seconds, &report));
    assert_string_equal(report.collective, "auto (ring, recursive_doubling)");
    /* the ring as one flow an edge, as if it had been asked for */
    check_relative(seconds.last[1], sm_collective_ring.seconds(&call, call.latency, call.bandwidth),
                   1e-9);
    check_relative(seconds.last[3], seconds.last[1], 1e-12);
    call.bytes = 100;
    check_relative(seconds.last[0],
                   sm_collective_recursive_doubling.seconds(&call, call.latency, call.bandwidth),
                   1e-9);

    machine.collective = NULL;
    check_ok(machine_run(&machine, &seconds, sizeof seconds, &report));
    assert_string_equal(report.collective, "ring");
}

/* ---- what no bytes and late ranks do ---- */

static enum sm_status
join_late(struct sm_comm *comm, const void *in, void *out)
{
    const size_t *wire = in;
    struct sm_request *request;
    float x[1] = {(float)comm->rank};
    SM_TRY(machine_pass(comm, comm->rank == 3 ? 2 : 1));
    SM_TRY(comm->ops->iallreduce(comm, SM_AMONG_WORKERS, x, 1, (double)*wire, &request));
    SM_TRY(comm->ops->wait(comm, &request));
    ((double *)out)[2 * comm->rank] = comm->ops->now(comm);
    ((double *)out)[2 * comm->rank + 1] = (double)x[0];
    return SM_OK;
}

static void
nobody_has_the_numbers_before_the_last_rank_joined(void **state)
{
    (void)state;
    for (const struct sm_plugin *const *it = sm_axis_collective.plugins; *it != NULL; it++) {
        const struct sm_collective *collective = (const struct sm_collective *)*it;
        const struct {
            size_t group;
            const char *between;
        } three = {3, "ring"};
        const struct sm_collective_settings exact = {"exact"};
        const struct sm_choice choice = {
            *it, collective == &sm_collective_hierarchical          ? (const void *)&three
                 : collective->about.params == sm_collective_params ? &exact
                                                                    : NULL};
        if (collective->operation != SM_ALL_REDUCE)
            continue;
        for (size_t wire = 0; wire < 10000; wire += 1 + 20 * wire) { /* floats: none, fewer bytes
                                                                         than ranks, some */
            double ends[12];
            const struct machine machine = {
                .platform = "star_6", .collective = &choice, .program = join_late, .in = &wire};
            check_ok(machine_run(&machine, ends, sizeof ends, NULL));
            for (size_t r = 0; r < 6; r++) {
                assert_true(ends[2 * r] >= 2);
                check_near(ends[2 * r + 1], 2.5, 0);
            }
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_collective_takes_the_seconds_of_its_closed_form),
        cmocka_unit_test(so_do_groups_of_every_size),
        cmocka_unit_test(so_do_other_roots_and_numbers_of_segments),
        cmocka_unit_test(auto_takes_another_way_for_another_size_and_says_so),
        cmocka_unit_test(nobody_has_the_numbers_before_the_last_rank_joined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
