/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/integration/published_times.c -- the ImageNet column of the SlowMo paper (Wang et al., ICLR
 * 2020, table 2), from one platform file and one profile. */
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "tests/helpers/check.h"
#include "tests/helpers/program.h"

enum { ALLREDUCE, LOCAL, LOCAL_SLOWMO, SGP, SGP_SLOWMO, ROWS };

static const struct {
    const char *name;
    double milliseconds; /* an iteration, published */
} published[ROWS] = {
    [ALLREDUCE] = {"allreduce", 420},       [LOCAL] = {"local", 294},
    [LOCAL_SLOWMO] = {"local-slowmo", 282}, [SGP] = {"sgp", 304},
    [SGP_SLOWMO] = {"sgp-slowmo", 302},
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
every_row_is_within_five_percent(void **state)
{
    (void)state;
    for (int i = 0; i < ROWS; i++) {
        print_message("%-13s %6.1f ms simulated, %.0f published (%+.1f %%)\n", published[i].name,
                      simulated[i], published[i].milliseconds,
                      100 * (simulated[i] / published[i].milliseconds - 1));
        check_relative(simulated[i], published[i].milliseconds, 0.05);
    }
}

static void
slowmo_costs_at_most_two_percent_of_its_base(void **state)
{
    (void)state;
    check_relative(simulated[LOCAL_SLOWMO], simulated[LOCAL], 0.02);
    check_relative(simulated[SGP_SLOWMO], simulated[SGP], 0.02);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_within_five_percent),
        cmocka_unit_test(slowmo_costs_at_most_two_percent_of_its_base),
    };
    return cmocka_run_group_tests(tests, simulate, NULL);
}
