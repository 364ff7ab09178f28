/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/unit.c -- numbers with units: what is read, refused, and written. */
#include "tests/helpers/check.h"

#include <math.h>
#include <string.h>

#include "sim/base/rng.h"
#include "sim/base/unit.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void
written_units_mean_what_people_mean(void **state)
{
    (void)state;
    static const struct {
        enum sm_unit unit;
        const char *text;
        double value;
    } cases[] = {
        {SM_UNIT_NONE, "0.7", 0.7},
        {SM_UNIT_NONE, "-1e-4", -1e-4},
        {SM_UNIT_NONE, "+.5", 0.5},
        {SM_UNIT_SECONDS, "20us", 20e-6},
        {SM_UNIT_SECONDS, "0.27s", 0.27},
        {SM_UNIT_SECONDS, "0.27", 0.27},
        {SM_UNIT_SECONDS, "2 m", 120},
        {SM_UNIT_SECONDS, "3ns", 3e-9},
        {SM_UNIT_SECONDS, "1h", 3600},
        {SM_UNIT_BYTES, "102.2MB", 102.2e6},
        {SM_UNIT_BYTES, "25MiB", 25 * 1048576.},
        {SM_UNIT_BYTES, "4kB", 4e3},
        {SM_UNIT_BYTES, "4KiB", 4096},
        {SM_UNIT_BYTES, "17B", 17},
        {SM_UNIT_BANDWIDTH, "10Gbps", 1.25e9},
        {SM_UNIT_BANDWIDTH, "10 Gbit/s", 1.25e9},
        {SM_UNIT_BANDWIDTH, "25GB/s", 25e9},
        {SM_UNIT_BANDWIDTH, "25GBps", 25e9},
        {SM_UNIT_BANDWIDTH, "1MiBps", 1048576},
        {SM_UNIT_BANDWIDTH, "8bps", 1},
        {SM_UNIT_SPEED, "15.7Tf", 15.7e12},
        {SM_UNIT_SPEED, "1GFLOP/s", 1e9},
        {SM_UNIT_SPEED, "2Pf", 2e15},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        double value = NAN;
        if (!sm_unit_parse(cases[i].unit, cases[i].text, &value))
            fail_msg("'%s' was not understood", cases[i].text);
        check_relative(value, cases[i].value, 1e-15);
    }
}

static void
anything_else_is_refused_and_changes_nothing(void **state)
{
    (void)state;
    static const struct {
        enum sm_unit unit;
        const char *text;
    } cases[] = {
        {SM_UNIT_NONE, ""},
        {SM_UNIT_NONE, "nan"},
        {SM_UNIT_NONE, "inf"},
        {SM_UNIT_NONE, "-inf"},
        {SM_UNIT_NONE, "0x10"},
        {SM_UNIT_NONE, "1s"},
        {SM_UNIT_NONE, "1,5"},
        {SM_UNIT_NONE, "1 2"},
        {SM_UNIT_NONE, "--1"},
        {SM_UNIT_NONE, "1e999"},
        {SM_UNIT_NONE, "-nan"},
        {SM_UNIT_NONE, "1k"},
        {SM_UNIT_NONE, " 1"},
        {SM_UNIT_NONE, "e5"},
        {SM_UNIT_NONE, "."},
        {SM_UNIT_SECONDS, "10Gbps"},
        {SM_UNIT_SECONDS, "1ks"},
        {SM_UNIT_SECONDS, "s"},
        {SM_UNIT_BYTES, "10Gb"},
        {SM_UNIT_BYTES, "10Gbps"},
        {SM_UNIT_BYTES, "1mB"},
        {SM_UNIT_BANDWIDTH, "10Gb"},
        {SM_UNIT_BANDWIDTH, "10GB"},
        {SM_UNIT_BANDWIDTH, "10gbps"},
        {SM_UNIT_BANDWIDTH, "10Gbs"},
        {SM_UNIT_BANDWIDTH, "1 G bps"},
        {SM_UNIT_BANDWIDTH, "1e308TBps"},
        {SM_UNIT_SPEED, "1GHz"},
        {SM_UNIT_SPEED, "1Gfx"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        double value = 42;
        if (sm_unit_parse(cases[i].unit, cases[i].text, &value))
            fail_msg("'%s' was taken for %g", cases[i].text, value);
        check_near(value, 42, 0);
        assert_non_null(strstr(sm_unit_expected(cases[i].unit), "a "));
    }
}

static void
values_are_written_with_the_prefix_that_reads_best(void **state)
{
    (void)state;
    static const struct {
        enum sm_unit unit;
        double value;
        const char *text;
    } cases[] = {
        {SM_UNIT_NONE, 0.7, "0.7"},
        {SM_UNIT_NONE, 100, "100"},
        {SM_UNIT_NONE, 1500000, "1500000"},
        {SM_UNIT_NONE, 1e20, "1e+20"},
        {SM_UNIT_NONE, 0, "0"},
        {SM_UNIT_SECONDS, 0.27, "270ms"},
        {SM_UNIT_SECONDS, 20e-6, "20us"},
        {SM_UNIT_SECONDS, 100, "100s"},
        {SM_UNIT_SECONDS, 0, "0s"},
        {SM_UNIT_BYTES, 102.2e6, "102.2MB"},
        {SM_UNIT_BYTES, 100, "100B"},
        {SM_UNIT_BANDWIDTH, 1.25e9, "1.25GB/s"},
        {SM_UNIT_SPEED, 15.7e12, "15.7Tf"},
    };
    char buffer[64];
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_string_equal(sm_unit_format(cases[i].unit, cases[i].value, buffer, sizeof buffer),
                            cases[i].text);
}

static void
every_written_value_reads_back_to_the_same_bits(void **state)
{
    (void)state;
    struct sm_arena arena = {0};
    struct sm_rng *rng = sm_rng_create(&arena, 1, SM_RNG_TEST, 0);
    for (size_t i = 0; i < 10000; i++) {
        /* all magnitudes, either sign, some with few digits */
        double value = (sm_rng_uniform(rng) - 0.5) * pow(10, 60 * sm_rng_uniform(rng) - 30);
        if (i % 3 == 0)
            value = (double)sm_rng_below(rng, 100000) * pow(10, (double)sm_rng_below(rng, 20) - 8);
        for (enum sm_unit unit = SM_UNIT_NONE; unit <= SM_UNIT_SPEED; unit++) {
            char text[64];
            double back = NAN;
            sm_unit_format(unit, value, text, sizeof text);
            if (!sm_unit_parse(unit, text, &back) || memcmp(&back, &value, sizeof value) != 0)
                fail_msg("%.17g is written '%s' and reads back as %.17g", value, text, back);
        }
    }
    sm_arena_fini(&arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(written_units_mean_what_people_mean),
        cmocka_unit_test(anything_else_is_refused_and_changes_nothing),
        cmocka_unit_test(values_are_written_with_the_prefix_that_reads_best),
        cmocka_unit_test(every_written_value_reads_back_to_the_same_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
