/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/plot.c -- what gnuplot is told to draw. */
#include "tests/helpers/check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/plot.h"

static const struct sm_evaluation rising[] = {
    {0, 0.0, NAN, 2.5, 0.1, NAN, NAN, 0},
    {50, 6.25, 1, 0, NAN, NAN, NAN, 0}, /* no accuracy, and a loss without logarithm */
    {100, 12.5, 1, 1.25, 0.75, NAN, NAN, 0},
};

static struct sm_stored_run
run_of(const char *name, size_t points)
{
    struct sm_stored_run run = {.run = 1, .created = ""};
    run.summary.name = name;
    run.evaluations = rising;
    run.evaluation_count = points;
    return run;
}

static char *
script_of(const struct sm_stored_run *runs, size_t count, const char *x, const char *y,
          const char *output)
{
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    check_ok(sm_plot_script(runs, count, x, y, output, out));
    fclose(out);
    return text;
}

static void
a_run_is_a_block_of_points_and_a_line(void **state)
{
    (void)state;
    const struct sm_stored_run runs[] = {run_of("it's", 3), run_of("short", 1), run_of("b", 3)};
    char *text = script_of(runs, 3, "time", "accuracy", NULL);
    assert_int_equal(strncmp(text, "set terminal svg ", 17), 0);
    assert_null(strstr(text, "set output"));
    assert_non_null(strstr(text, "\n$run0 << END\n0 10\n12.5 75\nEND\n$run1 << END\n"));
    assert_non_null(strstr(text, "title 'it''s', $run1 using"));
    assert_non_null(strstr(text, "set xlabel 'simulated seconds'"));
    assert_null(strstr(text, "short")); /* one point is no line */
    free(text);
}

static void
losses_stand_on_a_logarithmic_axis(void **state)
{
    (void)state;
    const struct sm_stored_run run = run_of("a", 3);
    char *text = script_of(&run, 1, "step", "loss", "/tmp/o'clock.pdf");
    assert_non_null(strstr(text, "set terminal pdfcairo"));
    assert_non_null(strstr(text, "set output '/tmp/o''clock.pdf'\n"));
    assert_non_null(strstr(text, "$run0 << END\n0 2.5\n100 1.25\nEND\n"));
    assert_non_null(strstr(text, "set logscale y\n"));
    free(text);
}

static void
wrong_names_and_nothing_to_draw_are_one_line(void **state)
{
    (void)state;
    const struct sm_stored_run run = run_of("a", 3);
    check_fails(sm_plot(&run, 1, "clock", "loss", NULL), SM_ERR_INPUT, "expected time or step");
    check_fails(sm_plot(&run, 1, "time", "los", NULL), SM_ERR_INPUT, "expected one of accuracy, ");
    check_fails(sm_plot(&run, 1, "time", "bleu", NULL), SM_ERR_INPUT, "two evaluations with bleu");
    check_fails(sm_plot(&run, 1, "time", "loss", "a.gif"), SM_ERR_INPUT, ".svg, .png or .pdf");
    check_fails(sm_plot(&run, 1, "time", "loss", "/nowhere/a.svg"), SM_ERR_INPUT,
                "cannot write /nowhere/a.svg");
    setenv("PATH", "/nowhere", 1);
    check_fails(sm_plot(&run, 1, "time", "loss", NULL), SM_ERR_INPUT, "gnuplot is missing");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_is_a_block_of_points_and_a_line),
        cmocka_unit_test(losses_stand_on_a_logarithmic_axis),
        cmocka_unit_test(wrong_names_and_nothing_to_draw_are_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
