/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/panels.c -- products with panels on every instruction set against plain loops. */
#include "workloads/kernels/panels.h"
#include "tests/helpers/blocks.h"
#include "tests/helpers/check.h"
#include "tests/helpers/kernels.h"
#include "workloads/kernels/conv_reference.h"

static const struct shape {
    size_t rows, depth, columns, beyond; /* strides are that much longer than the rows */
} shapes[] = {
    {1, 1, 16, 0},      {1, 64, 48, 0},    {2, 3, 16, 5},    {3, 32, 32, 0},    {5, 7, 16, 1},
    {6, 16, 16, 0},     {7, 48, 64, 3},    {8, 49, 16, 0},   {9, 95, 32, 0},    {13, 128, 128, 0},
    {64, 32, 64, 0},    {65, 100, 16, 16}, {129, 50, 48, 7}, {127, 64, 272, 0}, {128, 512, 32, 0},
    {200, 1030, 16, 0}, {100, 33, 528, 2},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

/* Row-major (depth, columns) of panels. */
static float *
unpacked(const float *w, size_t depth, size_t columns)
{
    float *b = random_floats(depth * columns);
    for (size_t k = 0; k < depth; k++)
        for (size_t j = 0; j < columns; j++)
            b[k * columns + j] = w[(j / 16 * depth + k) * 16 + j % 16];
    return b;
}

static void
rows_times_panels_equals_the_plain_product(void **state)
{
    for (size_t i = 0; i < SHAPES; i++)
        for (int add = 0; add < 2; add++)
            for (int biased = 0; biased < 2; biased++) {
                const size_t rows = shapes[i].rows, depth = shapes[i].depth;
                const size_t columns = shapes[i].columns, x_stride = depth + shapes[i].beyond;
                const size_t y_stride = columns + shapes[i].beyond;
                const float *x = random_floats(rows * x_stride - shapes[i].beyond);
                const float *w = random_floats(depth * columns), *bias = random_floats(columns);
                const size_t size = rows * y_stride - shapes[i].beyond;
                const float *y = random_floats(size);
                float *expected = copy_of(y, size);
                sm_reference_product(expected, y_stride, x, x_stride, 1,
                                     unpacked(w, depth, columns), columns, rows, columns, depth,
                                     add);
                for (size_t r = 0; biased && r < rows; r++)
                    for (size_t j = 0; j < columns; j++)
                        expected[r * y_stride + j] += bias[j];
                FOR_EACH_ISA(isa)
                {
                    float *actual = copy_of(y, size);
                    sm_rows_times_panels(actual, y_stride, x, x_stride, w, biased ? bias : NULL,
                                         rows, depth, columns, add);
                    check_floats(actual, expected, size, sum_tolerance(depth));
                }
                blocks_free(state);
            }
}

static void
outer_products_equal_the_plain_ones(void **state)
{
    for (size_t i = 0; i < SHAPES; i++)
        for (int add = 0; add < 2; add++) {
            const size_t rows = shapes[i].rows, m = shapes[i].depth, n = shapes[i].columns;
            const size_t beyond = shapes[i].beyond, c_stride = n + beyond;
            const float *a = random_floats(rows * (m + beyond) - beyond);
            const float *b = random_floats(rows * (n + beyond) - beyond);
            const float *c = random_floats(m * c_stride - beyond), *dw = random_floats(m * n);
            float *expected = copy_of(c, m * c_stride - beyond);
            float *expected_dw = unpacked(dw, m, n);
            sm_reference_product(expected, c_stride, a, 1, m + beyond, b, n + beyond, m, n, rows,
                                 add);
            sm_reference_product(expected_dw, n, a, 1, m + beyond, b, n + beyond, m, n, rows, true);
            FOR_EACH_ISA(isa)
            {
                float *actual = copy_of(c, m * c_stride - beyond), *actual_dw = copy_of(dw, m * n);
                sm_rows_outer(actual, c_stride, a, m + beyond, b, n + beyond, rows, m, n, add);
                check_floats(actual, expected, m * c_stride - beyond, sum_tolerance(rows));
                sm_panels_add_outer(actual_dw, a, m + beyond, b, n + beyond, rows, m, n);
                check_floats(unpacked(actual_dw, m, n), expected_dw, m * n, sum_tolerance(rows));
            }
            blocks_free(state);
        }
}

static void
bits_do_not_depend_on_how_the_rows_are_cut_nor_on_fused_instruction_sets(void **state)
{
    enum { ROWS = 150, DEPTH = 70, COLUMNS = 48 };
    const size_t cuts[] = {150, 75, 64, 7, 1};
    const float *x = random_floats(ROWS * DEPTH), *w = random_floats(DEPTH * COLUMNS);
    const float *dw = random_floats(DEPTH * COLUMNS);
    float *expected = NULL, *expected_dw = NULL;
    FOR_EACH_ISA(isa)
    {
        for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
            float *y = random_floats(ROWS * COLUMNS), *actual = copy_of(dw, DEPTH * COLUMNS);
            for (size_t row = 0, rows; row < ROWS; row += rows) {
                rows = ROWS - row < cuts[i] ? ROWS - row : cuts[i];
                sm_rows_times_panels(y + row * COLUMNS, COLUMNS, x + row * DEPTH, DEPTH, w, NULL,
                                     rows, DEPTH, COLUMNS, false);
                sm_panels_add_outer(actual, x + row * DEPTH, DEPTH, y + row * COLUMNS, COLUMNS,
                                    rows, DEPTH, COLUMNS);
            }
            if (i > 0 || isa > SM_ISA_AVX2) {
                assert_memory_equal(y, expected, ROWS * COLUMNS * sizeof *y);
                assert_memory_equal(actual, expected_dw, DEPTH * COLUMNS * sizeof *y);
            }
            expected = y;
            expected_dw = actual;
        }
    }
    blocks_free(state);
}

static void
panels_hold_the_matrix_its_transpose_and_zeros_behind_it(void **state)
{
    const size_t sizes[][2] = {{1, 1}, {16, 16}, {5, 16}, {32, 48}, {17, 33}, {64, 100}, {40, 8}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const size_t depth = sizes[i][0], columns = sizes[i][1], stride = columns + 3;
        const size_t padded = (columns + 15) / 16 * 16;
        const float *b = random_floats(depth * stride);
        float *turned = random_floats(columns * (depth + 5)); /* the transpose of b */
        for (size_t k = 0; k < depth; k++)
            for (size_t j = 0; j < columns; j++)
                turned[j * (depth + 5) + k] = b[k * stride + j];
        FOR_EACH_ISA(isa)
        {
            float *w = random_floats(depth * padded), *same = random_floats(depth * padded);
            sm_panels_pack(w, b, stride, depth, columns);
            sm_panels_pack_turned(same, turned, depth + 5, depth, columns);
            for (size_t k = 0; k < depth; k++)
                for (size_t j = 0; j < padded; j++)
                    assert_true(w[(j / 16 * depth + k) * 16 + j % 16] ==
                                (j < columns ? b[k * stride + j] : 0.0f));
            assert_memory_equal(w, same, depth * padded * sizeof *w);
        }
        blocks_free(state);
    }
}

static void
turned_panels_are_those_of_the_transpose(void **state)
{
    const size_t sizes[][2] = {{16, 16}, {32, 48}, {128, 16}, {16, 80}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const size_t depth = sizes[i][0], columns = sizes[i][1];
        const float *b = random_floats(depth * columns);
        float *w = random_floats(depth * columns), *expected = random_floats(depth * columns);
        sm_panels_pack(w, b, columns, depth, columns);
        sm_panels_pack_turned(expected, b, columns, columns, depth);
        FOR_EACH_ISA(isa)
        {
            float *wt = random_floats(depth * columns);
            sm_panels_turn(wt, w, depth, columns);
            assert_memory_equal(wt, expected, depth * columns * sizeof *wt);
        }
        blocks_free(state);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(rows_times_panels_equals_the_plain_product, blocks_free),
        cmocka_unit_test_teardown(outer_products_equal_the_plain_ones, blocks_free),
        cmocka_unit_test_teardown(
            bits_do_not_depend_on_how_the_rows_are_cut_nor_on_fused_instruction_sets, blocks_free),
        cmocka_unit_test_teardown(panels_hold_the_matrix_its_transpose_and_zeros_behind_it,
                                  blocks_free),
        cmocka_unit_test_teardown(turned_panels_are_those_of_the_transpose, blocks_free),
    };
    return cmocka_run_group_tests_name("panels", tests, blocks_setup, blocks_teardown);
}
