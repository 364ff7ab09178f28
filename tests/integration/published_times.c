/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/integration/published_times.c -- milliseconds an iteration on ImageNet in the SlowMo paper
 * (Wang et al., ICLR 2020, table 2a; double averaging: section 4), from one platform file and one
 * profile. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "tests/helpers/check.h"
#include "tests/helpers/folder.h"
#include "tests/helpers/program.h"

enum { ALLREDUCE, LOCAL, LOCAL_SLOWMO, OSGP, OSGP_SLOWMO, SGP, SGP_SLOWMO, SGP_DOUBLE, ROWS };

static const struct {
    const char *name;
    double milliseconds; /* an iteration, published */
} published[ROWS] = {
    [ALLREDUCE] = {"allreduce", 420},       [LOCAL] = {"local", 294},
    [LOCAL_SLOWMO] = {"local-slowmo", 282}, [OSGP] = {"osgp", 271},
    [OSGP_SLOWMO] = {"osgp-slowmo", 271},   [SGP] = {"sgp", 304},
    [SGP_SLOWMO] = {"sgp-slowmo", 302},     [SGP_DOUBLE] = {"sgp-double", 402},
};

static double simulated[ROWS];

/* analysis/studies/paper_time_sgp.yaml: both on 4, 8, 16 and 32 servers */
enum { COUNTS = 4 };
static double allreduce[COUNTS], sgp[COUNTS];

/* Milliseconds a step of the study's runs, in order; names (count; NULL: any) are what they must be
 * called. */
static void
run_study(const char *study, size_t count, const char *const *names, double *milliseconds)
{
    const struct program_result *result = program("run", study, "--timing-only", "--json",
                                                  CHECK_STRIDE > 1 ? "--set=steps=96" : "--quiet");
    assert_int_equal(result->status, 0);
    char *line = (char *)(uintptr_t)result->out;
    for (size_t i = 0; i < count; i++) {
        char *end = strchr(line, '\n');
        assert_non_null(end);
        *end = '\0';
        json_t *run = json_loads(line, 0, NULL);
        assert_non_null(run);
        if (names != NULL)
            assert_string_equal(json_string_value(json_object_get(run, "name")), names[i]);
        json_t *sim = json_object_get(run, "sim");
        milliseconds[i] = 1e3 * json_real_value(json_object_get(sim, "seconds_per_step"));
        json_decref(run);
        line = end + 1;
    }
}

static int
simulate(void **state)
{
    (void)state;
    const char *names[ROWS];
    double both[2 * COUNTS];
    for (size_t i = 0; i < ROWS; i++)
        names[i] = published[i].name;
    run_study(SM_TEST_SOURCE "/analysis/studies/paper_time_imagenet.yaml", ROWS, names, simulated);
    run_study(SM_TEST_SOURCE "/analysis/studies/paper_time_sgp.yaml", 2 * COUNTS, NULL, both);
    memcpy(allreduce, both, sizeof allreduce);
    memcpy(sgp, both + COUNTS, sizeof sgp);
    folder_remove();
    return 0;
}

static void
rows_are_within_six_percent_and_three_in_the_mean(void **state)
{
    (void)state;
    double sum = 0;
    for (int i = 0; i < ROWS; i++) {
        double error = simulated[i] / published[i].milliseconds - 1;
        print_message("%-13s %6.1f ms simulated, %.0f published (%+.1f %%)\n", published[i].name,
                      simulated[i], published[i].milliseconds, 100 * error);
        check_near(error, 0, 0.06);
        sum += fabs(error);
    }
    check_near(sum / ROWS, 0, 0.03);
}

/* What the efficiency of all-reduces was fitted to; the others test it. */
static void
all_reduces_at_every_step_and_at_every_twelfth_agree(void **state)
{
    (void)state;
    check_relative(simulated[ALLREDUCE], 420, 0.015);
    check_relative(simulated[LOCAL], 294, 0.015);
}

static void
slowmo_costs_at_most_three_percent_of_its_base(void **state)
{
    (void)state;
    check_relative(simulated[LOCAL_SLOWMO], simulated[LOCAL], 1e-9);
    check_relative(simulated[OSGP_SLOWMO], simulated[OSGP], 0.03);
    check_relative(simulated[SGP_SLOWMO], simulated[SGP], 0.03);
}

/* Assran et al., ICML 2019, abstract: 90 epochs on 32 servers in around 1.6 hours, AllReduce in
 * over 5; recursive doubling takes one message more with each doubling, gossip no longer at all.
 * One efficiency for both. */
static void
sgp_takes_a_third_of_an_all_reduce_by_recursive_doubling(void **state)
{
    (void)state;
    const double hours = 90 * 1281167 / (32. * 256) / 3.6e6;
    print_message("sgp %.2f h, allreduce %.2f h\n", hours * sgp[3], hours * allreduce[3]);
    check_near(hours * sgp[3], 1.6, 0.08);
    check_near(hours * allreduce[3], 5.1, 0.1);
    for (size_t i = 0; i + 1 < COUNTS; i++) {
        check_relative(sgp[i + 1], sgp[i], 1e-3);
        check_near(allreduce[i + 1] - allreduce[i], 203.6, 1);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_within_six_percent_and_three_in_the_mean),
        cmocka_unit_test(all_reduces_at_every_step_and_at_every_twelfth_agree),
        cmocka_unit_test(sgp_takes_a_third_of_an_all_reduce_by_recursive_doubling),
        cmocka_unit_test(slowmo_costs_at_most_three_percent_of_its_base),
    };
    return cmocka_run_group_tests(tests, simulate, NULL);
}
