/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/integration/published_times.c -- milliseconds an iteration on ImageNet in the SlowMo paper
 * (Wang et al., ICLR 2020, table 2a; double averaging: section 4), from one platform file and one
 * profile. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "tests/helpers/check.h"
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

static int
simulate(void **state)
{
    (void)state;
    const struct program_result *result = program(
        "run", SM_TEST_SOURCE "/analysis/studies/imagenet_time.yaml", "--timing-only", "--json");
    assert_int_equal(result->status, 0);
    char *line = (char *)(uintptr_t)result->out;
    for (int i = 0; i < ROWS; i++) {
        char *end = strchr(line, '\n');
        assert_non_null(end);
        *end = '\0';
        json_t *run = json_loads(line, 0, NULL);
        assert_non_null(run);
        assert_string_equal(json_string_value(json_object_get(run, "name")), published[i].name);
        json_t *sim = json_object_get(run, "sim");
        simulated[i] = 1e3 * json_real_value(json_object_get(sim, "seconds_per_step"));
        json_decref(run);
        line = end + 1;
    }
    program_cleanup();
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

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_within_six_percent_and_three_in_the_mean),
        cmocka_unit_test(all_reduces_at_every_step_and_at_every_twelfth_agree),
        cmocka_unit_test(slowmo_costs_at_most_three_percent_of_its_base),
    };
    return cmocka_run_group_tests(tests, simulate, NULL);
}
