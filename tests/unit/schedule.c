/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/schedule.c -- the learning rate's factor at each step. */
#include "tests/helpers/check.h"

#include <math.h>

#include "algorithms/schedule/schedule.h"
#include "tests/helpers/training.h"

static struct sm_arena arena;

static int
arena_teardown(void **state)
{
    (void)state;
    sm_arena_fini(&arena);
    return 0;
}

static double
factor(const char *yaml, size_t k, size_t steps)
{
    void *state;
    const struct sm_schedule *schedule =
        (const struct sm_schedule *)plugin_state(&arena, &sm_axis_schedule, yaml, &state);
    return schedule->factor(state, k, steps);
}

static void
a_schedule_without_settings_is_constant(void **unused)
{
    (void)unused;
    for (const struct sm_plugin *const *p = sm_axis_schedule.plugins; *p != NULL; p++)
        for (size_t k = 0; k < 100; k++)
            check_near(factor((*p)->name, k, 100), 1, 0);
}

static void
warm_up_rises_linearly_to_1_at_its_last_step(void **unused)
{
    (void)unused;
    const char *yaml[] = {"{name: constant, warmup: 0.05}", "{name: constant, warmup: 5}",
                          "{name: milestones, warmup: 0.05}", "{name: milestones, warmup: 5}"};
    for (size_t i = 0; i < 4; i++) {
        for (size_t k = 0; k < 5; k++)
            check_near(factor(yaml[i], k, 100), (double)(k + 1) / 5, 1e-15);
        check_near(factor(yaml[i], 5, 100), 1, 0);
        check_near(factor(yaml[i], 99, 100), 1, 0);
    }
}

static void
each_milestone_multiplies_the_factor_from_its_step_on(void **unused)
{
    (void)unused;
    /* the shape of the paper's CIFAR runs */
    const char *paper = "{milestones: [0.5, 0.75, 0.875], factor: 0.1, warmup: 0.025}";
    const struct {
        size_t k;
        double factor;
    } at[] = {{0, 0.2},   {4, 1},     {99, 1},     {100, 0.1}, {149, 0.1},
              {150, .01}, {174, .01}, {175, .001}, {199, .001}};
    for (size_t i = 0; i < sizeof at / sizeof *at; i++)
        check_near(factor(paper, at[i].k, 200), at[i].factor, 1e-15);

    check_near(factor("{milestones: [30, 60], factor: 0.5}", 29, 200), 1, 0);
    check_near(factor("{milestones: [30, 60], factor: 0.5}", 30, 200), 0.5, 0);
    check_near(factor("{milestones: [30, 60], factor: 0.5}", 60, 200), 0.25, 0);
    check_near(factor("{milestones: 30, factor: 0}", 30, 200), 0, 0);
}

static void
milestones_may_stand_in_any_order(void **unused)
{
    (void)unused;
    for (size_t k = 0; k < 40; k++)
        check_near(factor("{milestones: [0.75, 0.25, 0.5]}", k, 40),
                   factor("{milestones: [0.25, 0.5, 0.75]}", k, 40), 0);
}

/* 0.07 * 100 is 7.000000000000001 and 0.29 * 100 is 28.999999999999996 */
static void
a_share_of_the_run_falls_on_the_step_that_a_person_means(void **unused)
{
    (void)unused;
    for (size_t percent = 1; percent < 100; percent++)
        for (size_t hundreds = 1; hundreds <= 5; hundreds++)
            check_near(sm_schedule_point((double)percent / 100, 100 * hundreds),
                       (double)(percent * hundreds), 0);
    check_near(factor("{milestones: [0.07], factor: 0.5}", 6, 100), 1, 0);
    check_near(factor("{milestones: [0.07], factor: 0.5}", 7, 100), 0.5, 0);
    check_near(sm_schedule_point(0.5, 5), 2.5, 0); /* between two steps: the next */
    check_near(factor("{milestones: [0.5], factor: 0.5}", 2, 5), 1, 0);
    check_near(factor("{milestones: [0.5], factor: 0.5}", 3, 5), 0.5, 0);
}

static void
up_to_1_is_a_share_and_above_1_a_step(void **unused)
{
    (void)unused;
    check_near(sm_schedule_point(0, 600), 0, 0);
    check_near(sm_schedule_point(0.25, 600), 150, 0);
    check_near(sm_schedule_point(1, 600), 600, 0);
    check_near(sm_schedule_point(2, 600), 2, 0);
    check_near(sm_schedule_point(700, 600), 700, 0); /* past the end: never */
}

static void
every_schedule_is_pure_and_never_negative(void **unused)
{
    (void)unused;
    const char *settings[] = {"constant", "{name: constant, warmup: 0.5}",
                              "{warmup: 7, milestones: [0.1, 20, 1], factor: 0}"};
    for (size_t i = 0; i < 3; i++)
        for (size_t k = 0; k < 30; k++) {
            double once = factor(settings[i], k, 30);
            assert_true(isfinite(once) && once >= 0 && once <= 1);
            check_near(factor(settings[i], k, 30), once, 0);
        }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_schedule_without_settings_is_constant),
        cmocka_unit_test(warm_up_rises_linearly_to_1_at_its_last_step),
        cmocka_unit_test(each_milestone_multiplies_the_factor_from_its_step_on),
        cmocka_unit_test(milestones_may_stand_in_any_order),
        cmocka_unit_test(a_share_of_the_run_falls_on_the_step_that_a_person_means),
        cmocka_unit_test(up_to_1_is_a_share_and_above_1_a_step),
        cmocka_unit_test(every_schedule_is_pure_and_never_negative),
    };
    return cmocka_run_group_tests(tests, NULL, arena_teardown);
}
