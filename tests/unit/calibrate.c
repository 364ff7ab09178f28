/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/calibrate.c -- links inside a server fitted to measured all-reduces. */
#include "tests/helpers/check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/collective/devices.h"
#include "sim/collective/trees.h"
#include "sim/run/calibrate.h"
#include "tests/helpers/arena.h"
#include "tests/helpers/machine.h"

static const char published[] = SM_TEST_SOURCE "/tests/data/nccl_8xa100_nvlink3.csv";

static struct sm_calibration_settings
settings_of(const char *yaml)
{
    struct sm_calibration_settings settings = {0};
    struct sm_node *map;
    check_ok(sm_tree_parse(&arena, "test", yaml, &map));
    check_ok(sm_param_bind(sm_calibration_params, &settings, map, NULL, &arena));
    return settings;
}

/* ---- closed forms ---- */

static void
a_ring_sends_less_and_takes_more_steps_than_trees(void **unused)
{
    (void)unused;
    bool tree;
    check_relative(sm_devices_seconds(8, 8e9, 1e-5, 2e11, &tree), 14e-5 + 1.75 * 8e9 / 2e11, 1e-12);
    assert_false(tree);
    check_relative(sm_devices_seconds(8, 8e4, 1e-5, 2e11, &tree), 6e-5 + 2 * 8e4 / 2e11, 1e-12);
    assert_true(tree);
    check_near(sm_devices_seconds(1, 8e4, 1e-5, 2e11, &tree), 0, 0);
    check_relative(sm_devices_tree_seconds(5, 0, 1e-5, 2e11), 4e-5, 1e-12); /* two levels */
}

/* ---- fits ---- */

/* Rows that are what a server with these numbers takes, from 64 kB on. */
static size_t
exact_rows(struct sm_calibration_row rows[24], size_t devices, double latency, double bandwidth)
{
    for (size_t i = 0; i < 20; i++) {
        rows[i].bytes = ldexp(65536, (int)i);
        rows[i].seconds = sm_devices_seconds(devices, rows[i].bytes, latency, bandwidth, NULL);
    }
    return 20;
}

static void
exact_rows_give_back_the_numbers_they_were_made_with(void **unused)
{
    (void)unused;
    static const double cases[][3] = {
        {8, 14e-6, 235e9}, {8, 1.5e-6, 120e9}, {4, 40e-6, 20e9}, {16, 3e-6, 290e9}};
    for (size_t c = 0; c < 4; c++)
        for (int odd = 0; odd < 2; odd++) {
            struct sm_calibration_row rows[24];
            struct sm_calibration fitted;
            struct sm_calibration_settings settings =
                settings_of(odd ? "{min: 64KiB, train: odd}" : "{min: 64KiB}");
            settings.devices = (size_t)cases[c][0];
            const size_t count = exact_rows(rows, settings.devices, cases[c][1], cases[c][2]);
            check_ok(sm_calibrate(rows, count, &settings, &fitted));
            check_relative(fitted.latency, cases[c][1], 1e-6);
            check_relative(fitted.bandwidth, cases[c][2], 1e-6);
            check_near(fitted.train + fitted.test + fitted.all, 0, 1e-6);
        }
}

/* What is wrong with the rows that test, and with those out of the range, the fit cannot see. */
static void
the_fit_sees_only_the_rows_it_is_given(void **unused)
{
    (void)unused;
    struct sm_calibration_row rows[24];
    struct sm_calibration fitted;
    const struct sm_calibration_settings settings = settings_of("{min: 1MiB, max: 4GiB}");
    const size_t count = exact_rows(rows, 8, 14e-6, 235e9); /* 1 MiB is row 4 */
    for (size_t i = 0; i < count; i++)
        if (i % 2 == 1 || i < 4 || rows[i].bytes > 5e9)
            rows[i].seconds *= 2;
    check_ok(sm_calibrate(rows, count, &settings, &fitted));
    check_relative(fitted.latency, 14e-6, 1e-6);
    check_near(fitted.train, 0, 1e-6);
    check_near(fitted.test, 0.5, 1e-6); /* |1 / 2 - 1| */
}

static void
two_fits_of_the_same_rows_are_the_same_bits(void **unused)
{
    (void)unused;
    const struct sm_calibration_settings settings = settings_of("{}");
    const struct sm_calibration_row *rows;
    struct sm_calibration a, b;
    size_t count;
    check_ok(sm_calibration_read(&arena, published, &rows, &count));
    check_ok(sm_calibrate(rows, count, &settings, &a));
    check_ok(sm_calibrate(rows, count, &settings, &b));
    assert_memory_equal(&a, &b, sizeof a);
}

static void
the_published_times_are_met_within_eight_percent_on_rows_not_fitted_to(void **unused)
{
    (void)unused;
    const struct sm_calibration_row *rows;
    size_t count;
    check_ok(sm_calibration_read(&arena, published, &rows, &count));
    assert_int_equal(count, 20);
    for (int odd = 0; odd < 2; odd++) {
        const struct sm_calibration_settings settings = settings_of(odd ? "{train: odd}" : "{}");
        struct sm_calibration fitted;
        check_ok(sm_calibrate(rows, count, &settings, &fitted));
        print_message("  %.4g us, %.4g GB/s; mean error %.2f %%, tested %.2f %%, of all %.2f %%\n",
                      1e6 * fitted.latency, 1e-9 * fitted.bandwidth, 100 * fitted.train,
                      100 * fitted.test, 100 * fitted.all);
        assert_true(fitted.train < 0.08 && fitted.test < 0.08 && fitted.all < 0.08);
        check_relative(fitted.bandwidth, 0.78 * 300e9, 0.01);
    }
}

/* ---- the simulator ---- */

enum { SIZES = 4 };
static const double sizes[SIZES] = {65536, 1 << 20, 100e6, 1e9};

static enum sm_status
reduce_all_sizes(struct sm_comm *comm, const void *in, void *out)
{
    (void)in;
    for (size_t i = 0; i < SIZES; i++) {
        const double start = comm->ops->now(comm);
        SM_TRY(comm->ops->reduce_devices(comm, (size_t)sizes[i]));
        ((double *)out)[i] = comm->ops->now(comm) - start;
    }
    return SM_OK;
}

/* A server on a switch. */
static char *
server(int devices, const char *property, double latency, double bandwidth)
{
    char *xml = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&xml, &size);
    fputs("<?xml version='1.0'?>\n"
          "<!DOCTYPE platform SYSTEM \"https://simgrid.org/simgrid.dtd\">\n"
          "<platform version=\"4.1\"><zone id=\"server\" routing=\"Floyd\">\n",
          out);
    for (int d = 0; d < devices; d++)
        fprintf(out,
                "<host id=\"gpu%d\" speed=\"19.5Tf\"><prop id=\"worker\" value=\"0\"/>"
                "<prop id=\"device\" value=\"%d\"/>%s</host>\n",
                d, d, d == 0 ? property : "");
    fputs("<router id=\"switch\"/>\n", out);
    for (int d = 0; d < devices; d++)
        fprintf(out,
                "<link id=\"nvlink%d\" bandwidth=\"%.17gBps\" latency=\"%.17gs\" "
                "sharing_policy=\"SPLITDUPLEX\"/>\n",
                d, bandwidth, latency / 2);
    for (int d = 0; d < devices; d++)
        fprintf(out,
                "<route src=\"gpu%d\" dst=\"switch\"><link_ctn id=\"nvlink%d\" "
                "direction=\"UP\"/></route>\n",
                d, d);
    fputs("</zone></platform>\n", out);
    fclose(out);
    return xml;
}

static void
check_simulated(int devices, const char *property, bool trees)
{
    double seconds[SIZES];
    char *xml = server(devices, property, 14e-6, 235e9);
    const struct machine machine = {
        .platform = xml, .wire_scale = 0.25, .program = reduce_all_sizes};
    check_ok(machine_run(&machine, seconds, sizeof seconds, NULL));
    for (size_t i = 0; i < SIZES; i++) {
        const size_t m = (size_t)devices;
        bool tree;
        const double least = sm_devices_seconds(m, sizes[i], 14e-6, 235e9, &tree);
        print_message("  %d devices, %.0f bytes: %.2f us by %s\n", devices, sizes[i],
                      1e6 * seconds[i], trees && tree ? "trees" : "ring");
        check_relative(seconds[i],
                       trees ? least : sm_devices_ring_seconds(m, sizes[i], 14e-6, 235e9), 1e-6);
    }
    free(xml);
}

static void
the_simulator_s_ring_among_devices_takes_its_closed_form(void **unused)
{
    (void)unused;
    check_simulated(8, "", false);
    check_simulated(8, "<prop id=\"collective\" value=\"ring\"/>", false);
}

static void
a_platform_that_says_auto_takes_the_less_of_ring_and_trees(void **unused)
{
    (void)unused;
    static const int devices[] = {2, 3, 4, 5, 6, 7, 8, 12, 16};
    for (size_t i = 0; i < sizeof devices / sizeof *devices; i++)
        check_simulated(devices[i], "<prop id=\"collective\" value=\"auto\"/>", true);
}

static void
devices_with_children_in_one_tree_are_leaves_in_the_other(void **unused)
{
    (void)unused;
    for (size_t m = 2; m < 40; m++)
        for (size_t d = 0; d < m; d++) {
            size_t inner = 0;
            for (size_t tree = 0; tree < 2; tree++) {
                const size_t position = sm_trees_position(m, tree, d);
                assert_in_range(position, 1, m);
                assert_int_equal(sm_trees_rank(m, tree, position), d);
                inner += 2 * position <= m;
            }
            assert_true(inner <= 1);
        }
}

/* ---- files ---- */

static void
refused(const char *text, const char *message)
{
    char path[] = "/tmp/slowmo-calibrate-XXXXXX", expected[256];
    const int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(write(file, text, strlen(text)), strlen(text));
    close(file);
    snprintf(expected, sizeof expected, "%s%s", path, message);
    check_fails(sm_calibrate_file(path, NULL, SM_TEST_SOURCE, stderr), SM_ERR_INPUT, expected);
    unlink(path);
}

static void
a_bad_row_is_refused_with_its_line(void **unused)
{
    (void)unused;
    refused("bytes,time_us\n1048576,101.9\n2097152;101\n", ":3: expected BYTES,MICROSECONDS");
    refused("1048576\n", ":1: expected BYTES,MICROSECONDS");
    refused("# comment\n\n1048576,101.9,3\n", ":3: expected BYTES,MICROSECONDS");
    refused("bytes,us\nbytes,us\n", ":2: expected BYTES,MICROSECONDS");
    refused("bytes,us\n1048576,-3\n", ":2: 1.04858e+06 bytes in -3 us, expected both above 0");
    refused("0,3\n", ":1: 0 bytes in 3 us, expected both above 0");
    refused("nan,3\n2,nan\n", ":2: 2 bytes in nan us, expected both above 0");
}

static void
too_few_rows_are_refused(void **unused)
{
    (void)unused;
    refused("bytes,us\n2e6,20\n4e6,30\n8e6,50\n1000,10\n",
            ": 3 rows from 1e+06 to 1.71799e+10 bytes, expected at least 4");
    refused("", ": 0 rows");
    check_fails(sm_calibrate_file("/nowhere.csv", NULL, SM_TEST_SOURCE, stderr), SM_ERR_INPUT,
                "cannot read /nowhere.csv");
}

static void
rows_faster_than_the_line_are_refused(void **unused)
{
    (void)unused;
    refused("1e9,1000\n2e9,2000\n4e9,4000\n8e9,8000\n",
            ": the rows fit 1750 GB/s, more than the line rate of 300 GB/s");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ring_sends_less_and_takes_more_steps_than_trees),
        cmocka_unit_test(exact_rows_give_back_the_numbers_they_were_made_with),
        cmocka_unit_test(the_fit_sees_only_the_rows_it_is_given),
        cmocka_unit_test(two_fits_of_the_same_rows_are_the_same_bits),
        cmocka_unit_test(the_published_times_are_met_within_eight_percent_on_rows_not_fitted_to),
        cmocka_unit_test(the_simulator_s_ring_among_devices_takes_its_closed_form),
        cmocka_unit_test(a_platform_that_says_auto_takes_the_less_of_ring_and_trees),
        cmocka_unit_test(devices_with_children_in_one_tree_are_leaves_in_the_other),
        cmocka_unit_test(a_bad_row_is_refused_with_its_line),
        cmocka_unit_test(too_few_rows_are_refused),
        cmocka_unit_test(rows_faster_than_the_line_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, arena_teardown);
}
