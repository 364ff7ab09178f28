/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/integration/links.c -- what each link carried, by hand and against SimGrid's own plug-in.
 */
#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/helpers/check.h"
#include "tests/helpers/machine.h"
#include "tests/helpers/rails.h"

/* ---- SimGrid's plug-in link_load, which must be there before the platform is ---- */

struct s_link;
void sg_link_load_plugin_init(void);
void sg_link_load_track(const struct s_link *link);
double sg_link_get_cum_load(const struct s_link *link);
struct s_link *sg_link_by_name(const char *name);
double simgrid_get_clock(void);
void simgrid_load_platform(const char *file);

static bool plugged; /* only the test that asks for it pays */

/* Stands before SimGrid's own, which the engine calls. */
void
simgrid_load_platform(const char *file)
{
    void (*load)(const char *);
    void *symbol = dlsym(RTLD_NEXT, "simgrid_load_platform");
    memcpy(&load, &symbol, sizeof load);
    if (plugged)
        sg_link_load_plugin_init();
    load(file);
}

/* ---- machines ---- */

static struct machine_report report;

static const struct sm_link_use *
use(const char *name)
{
    for (size_t i = 0; i < report.link_count && i < MACHINE_LINKS; i++)
        if (strcmp(report.links[i].name, name) == 0)
            return &report.links[i].use;
    fail_msg("no link '%s'", name);
    return NULL;
}

static void
run(struct machine machine)
{
    machine.count_links = true;
    check_ok(machine_run(&machine, NULL, 0, &report));
}

/* floats that 4, 5 and 8 divide, and that rounding to whole chunks leaves alone */
enum { FLOATS = 8000 };
static const double bytes = 4.0 * FLOATS;

static enum sm_status
all_reduce(struct sm_comm *comm, const void *in, void *out)
{
    (void)in;
    (void)out;
    static float x[MACHINE_RANKS][FLOATS];
    return sm_comm_average(comm, x[comm->rank], FLOATS);
}

static void
a_ring_puts_2_m_minus_1_of_m_on_every_link_of_a_star_each_way(void **state)
{
    (void)state;
    static const char *const stars[] = {"star_2", "star_4", "star_5"};
    static const double sizes[] = {2, 4, 5};
    for (int exact = 0; exact < 2; exact++)
        for (size_t i = 0; i < 3; i++) {
            const double share = 2 * (sizes[i] - 1) / sizes[i];
            run((struct machine){.platform = stars[i], .exact = exact != 0, .program = all_reduce});
            assert_int_equal(report.link_count, (size_t)sizes[i]);
            for (size_t r = 0; r < report.link_count; r++) {
                const struct sm_link_use *link = &report.links[r].use;
                assert_true(link->duplex);
                check_near(link->bytes[0], share * bytes, 1e-9);
                check_near(link->bytes[1], share * bytes, 1e-9);
                check_near(link->bandwidth, 0.9564 * 10e9 / 8, 1);
                check_relative(link->utilisation,
                               share * bytes / (link->bandwidth * report.seconds), 1e-12);
            }
        }
}

/* Rank r comes r ms late, so that a flow does not carry all that the ring sends. */
static enum sm_status
arrive_late(struct sm_comm *comm, const void *in, void *out)
{
    SM_TRY(machine_pass(comm, 1e-3 * (double)comm->rank));
    return all_reduce(comm, in, out);
}

static void
who_comes_late_changes_no_bytes(void **state)
{
    (void)state;
    run((struct machine){.platform = "star_4", .program = arrive_late});
    for (size_t r = 0; r < 4; r++) {
        check_near(report.links[r].use.bytes[0], 1.5 * bytes, 1e-9);
        check_near(report.links[r].use.bytes[1], 1.5 * bytes, 1e-9);
    }
}

static enum sm_status
one_message(struct sm_comm *comm, const void *in, void *out)
{
    (void)in;
    (void)out;
    float value;
    if (comm->rank == 1)
        return machine_send(comm, 3, FLOATS, 1);
    return comm->rank == 3 ? machine_receive(comm, 1, &value) : SM_OK;
}

static void
a_message_goes_up_one_link_and_down_another_and_crosses_no_third(void **state)
{
    (void)state;
    run((struct machine){.platform = "star_4", .program = one_message});
    for (size_t r = 0; r < 4; r++) {
        const struct sm_link_use *link = &report.links[r].use;
        check_near(link->bytes[0], r == 1 ? bytes : 0, 0);
        check_near(link->bytes[1], r == 3 ? bytes : 0, 0);
        assert_true((link->utilisation > 0) == (r == 1 || r == 3));
    }
}

static enum sm_status
many_messages(struct sm_comm *comm, const void *in, void *out)
{
    (void)in;
    (void)out;
    float value;
    for (size_t i = 0; i < 20; i++)
        SM_TRY(comm->rank == 0 ? machine_send(comm, 1, 1000 * FLOATS, 1)
                               : machine_receive(comm, 0, &value));
    return SM_OK;
}

static void
utilisation_is_one_while_bytes_flow_all_the_time(void **state)
{
    (void)state;
    run((struct machine){.platform = "star_2", .program = many_messages});
    assert_true(use("node0_eth")->utilisation <= 1);
    check_near(use("node0_eth")->utilisation, 1, 0.01);
    check_near(use("node0_eth")->bytes[0], 20 * 1000 * bytes, 0);
}

static enum sm_status
reduce_thrice(struct sm_comm *comm, const void *in, void *out)
{
    (void)out;
    for (size_t i = 0; i < *(const size_t *)in; i++)
        SM_TRY(comm->ops->reduce_devices(comm, FLOATS));
    return SM_OK;
}

static void
an_all_reduce_among_devices_counts_whether_it_is_simulated_or_remembered(void **state)
{
    (void)state;
    double once = 0;
    for (size_t times = 1; times <= 3; times += 2) {
        double sum = 0;
        run((struct machine){
            .platform = "dgx1_32_10gbe", .workers = 2, .program = reduce_thrice, .in = &times});
        for (size_t i = 0; i < MACHINE_LINKS; i++) {
            const struct sm_link_use *link = &report.links[i].use;
            sum += link->bytes[0] + link->bytes[1];
            assert_true(link->utilisation >= 0 && link->utilisation <= 1);
        }
        if (times == 1) /* a ring of 8 sends 14/8 on each of 8 edges, in each server */
            check_relative(sum, 2 * 14 * bytes, 1e-3);
        else
            check_relative(sum, 3 * once, 1e-12);
        once = sum;
    }
}

static void
who_does_not_ask_gets_none(void **state)
{
    (void)state;
    check_ok(machine_run(&(struct machine){.platform = "star_4", .program = one_message}, NULL, 0,
                         &report));
    assert_int_equal(report.link_count, 0);
}

/* ---- whatever the collective, the reach and the rails ---- */

static double
sum_up(void)
{
    double sum = 0;
    for (size_t i = 0; i < report.link_count && i < MACHINE_LINKS; i++)
        if (strstr(report.links[i].name, "_eth") != NULL)
            sum += report.links[i].use.bytes[0];
    return sum;
}

static double
sum_sent(size_t ranks)
{
    double sum = 0;
    for (size_t r = 0; r < ranks; r++)
        sum += report.ledgers[r].bytes_sent;
    return sum;
}

static void
all_that_ranks_send_goes_up_their_links_in_every_collective(void **state)
{
    (void)state;
    struct sm_arena arena = {0};
    for (size_t i = 0; sm_axis_collective.plugins[i] != NULL; i++)
        for (size_t workers = 3; workers <= 8; workers += 5) {
            struct sm_node *node;
            struct sm_choice choice;
            const char *name = sm_axis_collective.plugins[i]->name;
            const struct sm_collective *collective =
                (const struct sm_collective *)sm_axis_collective.plugins[i];
            if (collective->operation != SM_ALL_REDUCE)
                continue;
            if (strcmp(name, "hierarchical") == 0) /* a star has no sites of its own */
                name = workers == 3 ? "{name: hierarchical, group: 3}"
                                    : "{name: hierarchical, group: 2}";
            check_ok(sm_tree_parse(&arena, "collective", name, &node));
            check_ok(sm_choice_bind(&sm_axis_collective, node, NULL, &arena, &choice));
            run((struct machine){.platform = "star_8",
                                 .workers = workers,
                                 .collective = &choice,
                                 .program = all_reduce});
            if (fabs(sum_up() - sum_sent(workers)) > 1e-6)
                fail_msg("%s among %zu: %g bytes up the links, %g were sent", choice.plugin->name,
                         workers, sum_up(), sum_sent(workers));
            assert_true(sum_up() >= bytes);
        }
    sm_arena_fini(&arena);
}

static enum sm_status
reach_all(struct sm_comm *comm, const void *in, void *out)
{
    (void)in;
    (void)out;
    static float x[MACHINE_RANKS][FLOATS];
    for (size_t k = 0; k < 3; k++) {
        struct sm_request *request;
        SM_TRY(comm->ops->iallreduce(comm, SM_AMONG_ALL, x[comm->rank], FLOATS, FLOATS, &request));
        SM_TRY(comm->ops->wait(comm, &request));
    }
    return SM_OK;
}

static void
among_all_devices_a_server_s_own_links_carry_two_halves_and_its_nic_the_whole(void **state)
{
    (void)state;
    double inside = 0;
    run((struct machine){.platform = "dgx1_32_10gbe", .workers = 2, .program = reach_all});
    check_near(use("server0_eth")->bytes[0], 3 * bytes, 1e-6); /* a ring of two: half, twice */
    for (size_t i = 0; i < report.link_count && i < MACHINE_LINKS; i++)
        if (strstr(report.links[i].name, "nvlink") != NULL)
            inside += report.links[i].use.bytes[0] + report.links[i].use.bytes[1];
    check_relative(inside, 3 * 2 * 14 * bytes, 1e-3); /* as a whole all-reduce of each server */
}

static void
rails_share_what_a_worker_sends(void **state)
{
    (void)state;
    run((struct machine){
        .platform = rails_platform(2, 4, "0-2"), .workers = 2, .program = all_reduce});
    size_t used = 0;
    double sum = 0;
    for (size_t i = 0; i < report.link_count && i < MACHINE_LINKS; i++) {
        const struct sm_link_use *link = &report.links[i].use;
        if (!(link->bytes[0] > 0))
            continue;
        used++;
        sum += link->bytes[0];
        check_near(link->bytes[0], bytes / 2, 1e-6);
    }
    assert_int_equal(used, 4); /* two of four NICs each */
    check_near(sum, 2 * bytes, 1e-6);
}

static size_t
switched_line(int what, int d, const char *property, char *line, size_t size)
{
    if (what == 0)
        return (size_t)snprintf(line, size,
                                "<host id=\"gpu%d\" speed=\"1Tf\"><prop id=\"worker\" value=\"0\"/>"
                                "<prop id=\"device\" value=\"%d\"/>%s</host>\n",
                                d, d, property);
    if (what == 1)
        return (size_t)snprintf(line, size,
                                "<link id=\"nvlink%d\" bandwidth=\"200GBps\" latency=\"7us\" "
                                "sharing_policy=\"SPLITDUPLEX\"/>\n",
                                d);
    return (size_t)snprintf(line, size,
                            "<route src=\"gpu%d\" dst=\"switch\"><link_ctn id=\"nvlink%d\" "
                            "direction=\"UP\"/></route>\n",
                            d, d);
}

/* A server of 8 devices on one switch, with a collective among them. */
static const char *
switched(const char *collective)
{
    static char text[4096];
    size_t length =
        (size_t)snprintf(text, sizeof text,
                         "<?xml version='1.0'?>\n<!DOCTYPE platform SYSTEM "
                         "\"https://simgrid.org/simgrid.dtd\">\n<platform version=\"4.1\">"
                         "<zone id=\"server\" routing=\"Floyd\">\n<router id=\"switch\"/>\n");
    for (int what = 0; what < 3; what++)
        for (int d = 0; d < 8; d++)
            length += switched_line(what, d, d == 0 ? collective : "", text + length,
                                    sizeof text - length);
    snprintf(text + length, sizeof text - length, "</zone></platform>\n");
    return text;
}

static void
two_trees_among_devices_carry_halves_where_a_ring_carries_eighths(void **state)
{
    (void)state;
    const size_t times = 2;
    for (int trees = 0; trees < 2; trees++) {
        double up = 0, down = 0;
        run((struct machine){.platform =
                                 switched(trees ? "<prop id=\"collective\" value=\"auto\"/>" : ""),
                             .program = reduce_thrice,
                             .in = &times});
        assert_int_equal(report.link_count, 8);
        for (size_t i = 0; i < 8; i++) {
            const struct sm_link_use *link = &report.links[i].use;
            up += link->bytes[0];
            down += link->bytes[1];
            if (trees) /* as many halves as it has neighbours in both */
                check_near(fmod(link->bytes[0], bytes / 2), 0, 0);
            else
                check_near(link->bytes[0], 2 * 14 * bytes / 8, 1e-9);
            check_near(link->bytes[0], link->bytes[1], 1e-9);
        }
        check_near(up, 2 * 14 * bytes, 1e-6);
        check_near(down, up, 1e-6);
    }
}

/* ---- against the plug-in ---- */

enum { WORKERS = 6, LINKS = 2 * WORKERS };

static struct s_link *
half(size_t i)
{
    char name[32];
    snprintf(name, sizeof name, "node%zu_eth_%s", i / 2, i % 2 == 0 ? "UP" : "DOWN");
    return sg_link_by_name(name);
}

/* Messages of all sizes, all-reduces and waiting, each rank at its own pace. */
static enum sm_status
mixture(struct sm_comm *comm, const void *in, void *out)
{
    (void)in;
    double *loads = out;
    float x[WORKERS] = {0}, value;
    if (comm->rank == 0)
        for (size_t i = 0; i < LINKS; i++)
            sg_link_load_track(half(i));
    for (size_t k = 1; k < WORKERS; k++) {
        const size_t to = (comm->rank + k) % WORKERS, from = (comm->rank + WORKERS - k) % WORKERS;
        SM_TRY(machine_pass(comm, 1e-4 * (double)(1 + comm->rank * k % 4)));
        SM_TRY(machine_send(comm, to, 1000 * k + 17 * comm->rank, 1));
        SM_TRY(machine_receive(comm, from, &value));
        SM_TRY(sm_comm_average(comm, x, WORKERS));
    }
    SM_TRY(machine_pass(comm, 1)); /* all that is on its way is there */
    SM_TRY(comm->rank == 1 ? machine_send(comm, 0, 1, 1) : SM_OK);
    SM_TRY(comm->rank == 0 ? machine_receive(comm, 1, &value) : SM_OK);
    if (comm->rank == 0)
        for (size_t i = 0; i < LINKS; i++)
            loads[i] = sg_link_get_cum_load(half(i));
    return SM_OK;
}

/* The plug-in counts a message's latency as if it were transferring already, so here is next to
 * none; and it sees a little more go DOWN than UP, though each byte here goes up once and down
 * once: it misses some changes of rate where two messages arrive at once. */
static void
the_bytes_are_those_that_simgrid_s_own_plug_in_counts(void **state)
{
    (void)state;
    double loads[LINKS], up = 0, down = 0;
    plugged = true;
    check_ok(machine_run(&(struct machine){.platform = "star_6",
                                           .edits = "latency: {'*': 0.01ns}",
                                           .wire_scale = 1000,
                                           .exact = true,
                                           .count_links = true,
                                           .program = mixture},
                         loads, sizeof loads, &report));
    plugged = false;
    for (size_t i = 0; i < LINKS; i++) {
        const double counted = report.links[i / 2].use.bytes[i % 2];
        assert_true(loads[i] > 1000);
        check_relative(counted, loads[i], i % 2 == 0 ? 1e-7 : 1e-3);
        up += counted * (i % 2 == 0 ? 1 : 0);
        down += counted * (i % 2 == 0 ? 0 : 1);
    }
    check_near(up, down, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ring_puts_2_m_minus_1_of_m_on_every_link_of_a_star_each_way),
        cmocka_unit_test(who_comes_late_changes_no_bytes),
        cmocka_unit_test(a_message_goes_up_one_link_and_down_another_and_crosses_no_third),
        cmocka_unit_test(utilisation_is_one_while_bytes_flow_all_the_time),
        cmocka_unit_test(an_all_reduce_among_devices_counts_whether_it_is_simulated_or_remembered),
        cmocka_unit_test(who_does_not_ask_gets_none),
        cmocka_unit_test(all_that_ranks_send_goes_up_their_links_in_every_collective),
        cmocka_unit_test(
            among_all_devices_a_server_s_own_links_carry_two_halves_and_its_nic_the_whole),
        cmocka_unit_test(two_trees_among_devices_carry_halves_where_a_ring_carries_eighths),
        cmocka_unit_test(rails_share_what_a_worker_sends),
        cmocka_unit_test(the_bytes_are_those_that_simgrid_s_own_plug_in_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
