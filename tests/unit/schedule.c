/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/schedule.c -- the learning rate's factor at each step. */
#include "tests/helpers/check.h"

#include <math.h>
#include <stdio.h>

#include "algorithms/schedule/schedule.h"
#include "tests/helpers/arena.h"
#include "tests/helpers/training.h"

static double
factor(const char *yaml, size_t k, size_t steps)
{
    void *state;
    const struct sm_schedule *schedule =
        (const struct sm_schedule *)plugin_state(&arena, &sm_axis_schedule, yaml, &state);
    return schedule->factor(state, k, steps);
}

static void
constant_and_milestones_without_settings_change_nothing(void **unused)
{
    (void)unused;
    for (size_t k = 0; k < 100; k++) {
        check_near(factor("constant", k, 100), 1, 0);
        check_near(factor("milestones", k, 100), 1, 0);
    }
}

static void
warm_up_rises_linearly_to_1_at_its_last_step(void **unused)
{
    (void)unused;
    const char *names[] = {"constant", "milestones", "cosine", "inverse_sqrt"};
    const char *warmups[] = {"0.05", "5"};
    for (size_t i = 0; i < 4; i++)
        for (size_t w = 0; w < 2; w++) {
            char yaml[64];
            snprintf(yaml, sizeof yaml, "{name: %s, warmup: %s}", names[i], warmups[w]);
            for (size_t k = 0; k < 5; k++)
                check_near(factor(yaml, k, 100), (double)(k + 1) / 5, 1e-15);
            if (i < 2) {
                check_near(factor(yaml, 5, 100), 1, 0);
                check_near(factor(yaml, 99, 100), 1, 0);
            }
        }
}

static void
cosine_falls_from_1_to_its_floor(void **unused)
{
    (void)unused;
    const struct {
        const char *yaml;
        size_t k, steps;
        double factor;
    } at[] = {
        {"cosine", 0, 120, 1},
        {"cosine", 40, 120, 0.75}, /* (1 + cos 60 degrees) / 2 */
        {"cosine", 60, 120, 0.5},
        {"cosine", 80, 120, 0.25},
        {"cosine", 120, 120, 0}, /* after the run */
        {"{name: cosine, warmup: 20}", 19, 140, 1},
        {"{name: cosine, warmup: 20}", 20, 140, 1},
        {"{name: cosine, warmup: 20}", 60, 140, 0.75},
        {"{name: cosine, warmup: 20}", 80, 140, 0.5},
        {"{name: cosine, warmup: 0.5, floor: 0.2}", 29, 120, 0.5},
        {"{name: cosine, warmup: 0.5, floor: 0.2}", 90, 120, 0.6},
        {"{name: cosine, warmup: 0.5, floor: 0.2}", 120, 120, 0.2},
        {"{name: cosine, floor: 1}", 77, 120, 1},
        {"{name: cosine, warmup: 1}", 119, 120, 1}, /* nothing but warm-up */
        {"{name: cosine, warmup: 240}", 119, 120, 0.5},
    };
    for (size_t i = 0; i < sizeof at / sizeof *at; i++)
        check_near(factor(at[i].yaml, at[i].k, at[i].steps), at[i].factor, 1e-15);
}

/* An outer optimizer that divides by the rate refuses 0. */
static void
cosine_is_not_0_before_a_run_of_any_length_ends(void **unused)
{
    (void)unused;
    for (size_t steps = 1; steps <= 1000000000000; steps *= 10)
        assert_true(factor("cosine", steps - 1, steps) > 0);
}

static void
inverse_sqrt_falls_with_the_root_of_the_steps(void **unused)
{
    (void)unused;
    /* the paper's: d_model 512, warm-up 4000 */
    for (size_t k = 0; k < 100000; k += 999) {
        const double step = (double)k + 1, peak = pow(512, -0.5) * pow(4000, -0.5);
        const double paper = pow(512, -0.5) * fmin(pow(step, -0.5), step * pow(4000, -1.5));
        check_near(factor("{name: inverse_sqrt, warmup: 4000}", k, 100000), paper / peak, 1e-12);
        check_near(factor("inverse_sqrt", k, 100000), paper / peak, 1e-12); /* 0.04 of the run */
    }
    const struct {
        const char *yaml;
        size_t k;
        double factor;
    } at[] = {
        {"{name: inverse_sqrt, warmup: 16}", 3, 0.25},
        {"{name: inverse_sqrt, warmup: 16}", 15, 1},
        {"{name: inverse_sqrt, warmup: 16}", 63, 0.5},
        {"{name: inverse_sqrt, warmup: 16}", 255, 0.25},
        {"{name: inverse_sqrt, warmup: 0.25}", 99, 0.5}, /* of 100 steps */
        {"{name: inverse_sqrt, warmup: 0}", 0, 1},
        {"{name: inverse_sqrt, warmup: 0}", 3, 0.5},
    };
    for (size_t i = 0; i < sizeof at / sizeof *at; i++)
        check_near(factor(at[i].yaml, at[i].k, 100), at[i].factor, 1e-15);
}

/* Up to the peak at the end of the warm-up, down from there, and no jump between. */
static void
cosine_and_inverse_sqrt_rise_and_then_fall_without_a_jump(void **unused)
{
    (void)unused;
    const char *names[] = {"cosine", "inverse_sqrt"};
    for (size_t n = 0; n < 2; n++)
        for (size_t warmup = 0; warmup <= 200; warmup += 40) {
            char yaml[64];
            snprintf(yaml, sizeof yaml, "{name: %s, warmup: %zu}", names[n], warmup);
            for (size_t k = 1; k < 400; k++) {
                const double before = factor(yaml, k - 1, 400), now = factor(yaml, k, 400);
                assert_true(k < warmup ? now > before : now <= before);
                if (warmup > 0)
                    assert_true(fabs(now - before) <= 2 / (double)warmup);
            }
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
    const char *settings[] = {"constant",
                              "{name: constant, warmup: 0.5}",
                              "{warmup: 7, milestones: [0.1, 20, 1], factor: 0}",
                              "cosine",
                              "{name: cosine, warmup: 1}",
                              "{name: cosine, warmup: 2.5, floor: 0.1}",
                              "inverse_sqrt",
                              "{name: inverse_sqrt, warmup: 0}",
                              "{name: inverse_sqrt, warmup: 1}",
                              "{name: inverse_sqrt, warmup: 2.5}"};
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        for (size_t steps = 1; steps <= 30; steps++)
            for (size_t k = 0; k <= steps; k++) {
                double once = factor(settings[i], k, steps);
                assert_true(isfinite(once) && once >= 0 && once <= 1);
                check_near(factor(settings[i], k, steps), once, 0);
            }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(constant_and_milestones_without_settings_change_nothing),
        cmocka_unit_test(warm_up_rises_linearly_to_1_at_its_last_step),
        cmocka_unit_test(cosine_falls_from_1_to_its_floor),
        cmocka_unit_test(cosine_is_not_0_before_a_run_of_any_length_ends),
        cmocka_unit_test(inverse_sqrt_falls_with_the_root_of_the_steps),
        cmocka_unit_test(cosine_and_inverse_sqrt_rise_and_then_fall_without_a_jump),
        cmocka_unit_test(each_milestone_multiplies_the_factor_from_its_step_on),
        cmocka_unit_test(milestones_may_stand_in_any_order),
        cmocka_unit_test(a_share_of_the_run_falls_on_the_step_that_a_person_means),
        cmocka_unit_test(up_to_1_is_a_share_and_above_1_a_step),
        cmocka_unit_test(every_schedule_is_pure_and_never_negative),
    };
    return cmocka_run_group_tests(tests, NULL, arena_teardown);
}
