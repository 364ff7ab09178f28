/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/golden/gradients.c -- our gradients against numbers that PyTorch produced.
 *
 * The golden is gradients.txt, written by tests/torch/gradients.py from the same weights and batch
 * (tests/helpers/problem.h): for each model its loss, and for each tensor of the gradient and of
 * the running statistics after the step the norm, the largest entry and a few entries.
 * regenerate.sh makes it anew where PyTorch is installed.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/helpers/check.h"
#include "tests/helpers/kernels.h"
#include "tests/helpers/problem.h"

static const char golden[] = SM_TEST_SOURCE "/tests/golden/gradients.txt";
static const double tolerance = 1e-4;

static struct sm_arena arena, scratch;

static int
teardown(void **state)
{
    (void)state;
    sm_arena_fini(&arena);
    sm_arena_fini(&scratch);
    return 0;
}

/* The tensor called `name` in PyTorch's order; fails where there is none. */
static const float *
tensor_called(const char *name, const struct sm_tensor *tensors, size_t count, const float *flat,
              size_t *size)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(tensors[i].name, name) == 0) {
            *size = sm_tensor_size(&tensors[i]);
            float *torch = sm_arena_alloc(&scratch, *size, sizeof *torch);
            assert_non_null(torch);
            sm_tensor_export(&tensors[i], flat, torch);
            return torch;
        }
    fail_msg("no tensor %s", name);
    return NULL;
}

static double
norm_of(const float *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)x[i] * (double)x[i];
    return sqrt(sum);
}

/* "norm largest index:value ..." of a tensor. Entries are held against the largest, and what is
 * zero but for rounding against `floor`. */
static void
check_tensor(const float *tensor, size_t size, char *numbers, double floor)
{
    char *rest = numbers;
    const double norm = strtod(rest, &rest), largest = fmax(strtod(rest, &rest), floor);
    check_near(norm_of(tensor, size), norm, tolerance * fmax(norm, floor));
    for (char *colon; (colon = strchr(rest, ':')) != NULL;) {
        const size_t index = strtoul(rest, NULL, 10);
        assert_true(index < size);
        check_near((double)tensor[index], strtod(colon + 1, &rest), tolerance * largest);
    }
}

static void
check_all(void)
{
    FILE *file = fopen(golden, "r");
    assert_non_null(file);
    struct problem p = {0};
    char line[512];
    size_t models = 0, tensors = 0, wanted = 0;
    while (fgets(line, sizeof line, file) != NULL) {
        char kind[16], name[96];
        int start = 0;
        size_t size = 0;
        assert_int_equal(sscanf(line, "%15s %95s %n", kind, name, &start), 2);
        sm_arena_reset(&scratch);
        if (strcmp(kind, "model") == 0) {
            assert_int_equal(tensors, wanted); /* of the model before */
            assert_string_equal(name, problem_model(models++));
            sm_arena_reset(&arena);
            check_ok(problem_create_small(&p, name, &arena));
            check_ok(problem_gradient(&p, &scratch));
            check_relative(p.loss, strtod(line + start, NULL), tolerance);
            wanted = p.form.tensor_count + p.form.statistics_count;
            tensors = 0;
        } else if (strcmp(kind, "gradient") == 0) {
            const float *g = tensor_called(name, p.form.tensors, p.form.tensor_count, p.g, &size);
            check_tensor(g, size, line + start, tolerance * norm_of(p.g, p.n));
            tensors++;
        } else {
            assert_string_equal(kind, "statistic");
            const float *s = tensor_called(name, p.form.statistics, p.form.statistics_count,
                                           p.statistics, &size);
            check_tensor(s, size, line + start, 0);
            tensors++;
        }
    }
    fclose(file);
    assert_int_equal(tensors, wanted);
    assert_null(problem_model(models));
}

static void
every_gradient_is_the_one_that_pytorch_computes_on_every_instruction_set(void **state)
{
    (void)state;
    FOR_EACH_ISA(isa) check_all();
}

static void
every_model_but_the_quadratic_has_a_problem(void **state)
{
    (void)state;
    for (const struct sm_plugin *const *p = sm_axis_model.plugins; *p != NULL; p++) {
        struct problem problem;
        if (strcmp((*p)->name, "quadratic") != 0)
            check_ok(problem_create_small(&problem, (*p)->name, &arena));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_model_but_the_quadratic_has_a_problem),
        cmocka_unit_test(every_gradient_is_the_one_that_pytorch_computes_on_every_instruction_set),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}
