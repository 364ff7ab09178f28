/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/kernels_sequence.c -- the kernels of transformers on every instruction set against
 * their references, and these as slopes. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/rng.h"
#include "tests/helpers/blocks.h"
#include "tests/helpers/check.h"
#include "tests/helpers/kernels.h"
#include "workloads/kernels/panels.h"
#include "workloads/kernels/sequence.h"
#include "workloads/kernels/sequence_reference.h"

static double *
doubles(size_t n)
{
    return block(n * sizeof(double));
}

/* The rows of x at a stride, with the gaps between them NaN: whoever reads those, shows it. */
static float *
spread(const float *x, size_t rows, size_t columns, size_t stride)
{
    float *s = block(rows * stride * sizeof *s);
    for (size_t i = 0; i < rows * stride; i++)
        s[i] = NAN;
    for (size_t r = 0; r < rows; r++)
        memcpy(s + r * stride, x + r * columns, columns * sizeof *s);
    return s;
}

/* Rows that still have NaN between them. */
static void
check_rows(const float *actual, size_t stride, const double *expected, size_t rows, size_t columns,
           double tolerance)
{
    for (size_t r = 0; r < rows; r++) {
        for (size_t c = 0; c < columns; c++)
            check_near((double)actual[r * stride + c], expected[r * columns + c], tolerance);
        for (size_t c = columns; c < stride; c++)
            assert_true(isnan(actual[r * stride + c]));
    }
}

static const size_t tables[][2] = {{1, 16}, {7, 48}, {13, 128}, {5, 144}}; /* rows, columns */
enum { TABLES = sizeof tables / sizeof *tables, GAP = 5 };

static void
layer_norm_equals_the_reference_there_and_back(void **state)
{
    (void)state;
    FOR_EACH_ISA(isa)
    for (size_t t = 0; t < TABLES; t++) {
        const size_t rows = tables[t][0], columns = tables[t][1], n = rows * columns;
        const size_t stride = columns + GAP;
        float *x = random_floats(n), *dy = random_floats(n), *w = random_floats(columns);
        float *b = random_floats(columns), *start = random_floats(n), *dw = random_floats(columns);
        float *db = random_floats(columns), *moments = random_floats(2 * rows);
        double *y = doubles(n), *rx = doubles(n), *rw = doubles(columns), *rb = doubles(columns);
        for (size_t i = 0; i < n; i++)
            x[i] = 3 + 2 * x[i];
        float *out = spread(start, rows, columns, stride);
        const float *in = spread(x, rows, columns, stride);
        sm_layer_norm_forward(out, stride, moments, in, stride, w, b, rows, columns);
        sm_reference_layer_norm_forward(y, x, w, b, rows, columns);
        check_rows(out, stride, y, rows, columns, 1e-5);
        sm_reference_layer_norm_backward(rx, rw, rb, dy, x, w, rows, columns);
        for (size_t i = 0; i < n; i++)
            rx[i] += (double)start[i];
        for (size_t c = 0; c < columns; c++) {
            rw[c] += (double)dw[c];
            rb[c] += (double)db[c];
        }
        float *dx = spread(start, rows, columns, stride);
        sm_layer_norm_backward(dx, stride, dw, db, spread(dy, rows, columns, stride), stride, in,
                               stride, moments, w, rows, columns);
        check_rows(dx, stride, rx, rows, columns, 1e-5);
        check_rows(dw, columns, rw, 1, columns, 2e-5);
        check_rows(db, columns, rb, 1, columns, 2e-5);
    }
}

static void
layer_norm_of_the_reference_goes_back_along_its_slope(void **state)
{
    (void)state;
    enum { ROWS = 2, COLUMNS = 16, N = ROWS * COLUMNS };
    float *x = random_floats(N), *dy = random_floats(N), *w = random_floats(COLUMNS);
    float *b = random_floats(COLUMNS);
    double dx[N], dw[COLUMNS], db[COLUMNS], y[N];
    sm_reference_layer_norm_backward(dx, dw, db, dy, x, w, ROWS, COLUMNS);
    const struct {
        float *variable;
        const double *slope;
        size_t n;
    } cases[] = {{x, dx, N}, {w, dw, COLUMNS}, {b, db, COLUMNS}};
    for (size_t c = 0; c < 3; c++)
        for (size_t i = 0; i < cases[c].n; i++) {
            const float h = 0x1p-10f, middle = cases[c].variable[i];
            double sum[2] = {0, 0};
            for (int side = 0; side < 2; side++) {
                cases[c].variable[i] = side == 0 ? middle - h : middle + h;
                sm_reference_layer_norm_forward(y, x, w, b, ROWS, COLUMNS);
                for (size_t j = 0; j < N; j++)
                    sum[side] += y[j] * (double)dy[j];
            }
            cases[c].variable[i] = middle;
            check_near(cases[c].slope[i], (sum[1] - sum[0]) / (2 * (double)h), 1e-4);
        }
}

static void
gelu_equals_the_reference_there_and_back_and_far_out(void **state)
{
    (void)state;
    enum { ROWS = 3, COLUMNS = 2048, N = ROWS * COLUMNS, STRIDE = COLUMNS + GAP };
    FOR_EACH_ISA(isa)
    {
        float *x = random_floats(N), *dy = random_floats(N);
        double *y = doubles(N), *dx = doubles(N);
        for (size_t i = 0; i < N; i++) {
            x[i] = (float)(-12 + 24 * (double)i / (N - 1));
            if (i == 5 || i == N - 5)
                x[i] *= 1e4f;
            y[i] = sm_reference_gelu((double)x[i]);
            dx[i] = (double)dy[i] * sm_reference_gelu_slope((double)x[i]);
        }
        const float *in = spread(x, ROWS, COLUMNS, STRIDE);
        float *out = spread(dy, ROWS, COLUMNS, STRIDE), *d = spread(dy, ROWS, COLUMNS, STRIDE);
        sm_gelu_forward(out, STRIDE, in, STRIDE, ROWS, COLUMNS);
        check_near((double)out[5], y[5], 1e-6);
        check_relative((double)out[(ROWS - 1) * STRIDE + COLUMNS - 5], y[N - 5], 1e-6);
        out[(ROWS - 1) * STRIDE + COLUMNS - 5] = (float)y[N - 5];
        check_rows(out, STRIDE, y, ROWS, COLUMNS, 2e-6);
        sm_gelu_backward(out, STRIDE, d, STRIDE, in, STRIDE, ROWS, COLUMNS);
        check_rows(d, STRIDE, dx, ROWS, COLUMNS, 1e-5);
        for (double v = -6; v < 6; v += 0.37)
            check_near(sm_reference_gelu_slope(v),
                       (sm_reference_gelu(v + 1e-5) - sm_reference_gelu(v - 1e-5)) / 2e-5, 1e-8);
    }
}

/* queries, keys, width, causal: every remainder of a tile, one panel and many, heads of two sizes
 */
static const size_t heads[][4] = {
    {1, 1, 16, 1},   {2, 2, 16, 1},     {5, 5, 32, 1},    {7, 7, 16, 1},   {9, 9, 32, 1},
    {13, 13, 16, 1}, {16, 16, 32, 1},   {31, 31, 16, 1},  {33, 33, 48, 1}, {48, 48, 16, 1},
    {70, 70, 32, 1}, {128, 128, 32, 1}, {1, 9, 16, 0},    {11, 1, 16, 0},  {6, 17, 32, 0},
    {19, 40, 16, 0}, {40, 19, 16, 0},   {64, 128, 32, 0},
};
enum { HEADS = sizeof heads / sizeof *heads };

static void
attention_equals_the_reference_there_and_back(void **state)
{
    (void)state;
    FOR_EACH_ISA(isa)
    for (size_t t = 0; t < HEADS; t++) {
        const size_t queries = heads[t][0], keys = heads[t][1], width = heads[t][2];
        const bool causal = heads[t][3];
        const size_t stride = width + GAP, p_stride = sm_row_stride(keys);
        const float *q = random_floats(queries * width), *k = random_floats(keys * width);
        const float *v = random_floats(keys * width), *dy = random_floats(queries * width);
        const float *other = random_floats(keys * width);
        const float *qs = spread(q, queries, width, stride), *ks = spread(k, keys, width, stride);
        const float *vs = spread(v, keys, width, stride), *ds = spread(dy, queries, width, stride);
        double *y = doubles(queries * width), *p = doubles(queries * keys);
        double *dq = doubles(queries * width), *dk = doubles(keys * width);
        double *dv = doubles(keys * width);
        float *turned = random_floats(width * p_stride), *work = random_floats(queries * p_stride);
        float *weights = random_floats(queries * p_stride);
        float *out = spread(dy, queries, width, stride), *aq = spread(q, queries, width, stride);
        float *ak = spread(other, keys, width, stride), *av = spread(other, keys, width, stride);
        for (size_t i = 0; i < queries * p_stride; i++)
            weights[i] = work[i] = NAN; /* what is not written must not be read */
        sm_panels_pack_turned(turned, ks, stride, width, keys);
        sm_attention_forward(out, stride, weights, p_stride, qs, stride, turned, vs, stride,
                             queries, keys, width, causal);
        sm_reference_attention_forward(y, p, q, k, v, queries, keys, width, causal);
        check_rows(out, stride, y, queries, width, 1e-5);
        for (size_t i = 0; i < queries; i++)
            for (size_t j = 0; j < (causal ? i + 1 : keys); j++)
                check_near((double)weights[i * p_stride + j], p[i * keys + j], 2e-6);
        sm_panels_pack_turned(turned, vs, stride, width, keys);
        sm_attention_backward(aq, stride, ak, av, stride, work, ds, stride, out, stride, weights,
                              p_stride, qs, stride, ks, stride, turned, queries, keys, width,
                              causal);
        sm_reference_attention_backward(dq, dk, dv, dy, p, q, k, v, queries, keys, width);
        for (size_t i = 0; i < keys * width; i++) {
            dk[i] += (double)other[i];
            dv[i] += (double)other[i];
        }
        check_rows(aq, stride, dq, queries, width, 2e-5);
        check_rows(ak, stride, dk, keys, width, 2e-5);
        check_rows(av, stride, dv, keys, width, 2e-5);
    }
}

static void
attention_of_the_reference_goes_back_along_its_slope(void **state)
{
    (void)state;
    enum { QUERIES = 3, KEYS = 3, WIDTH = 4, N = QUERIES * WIDTH };
    for (int causal = 0; causal < 2; causal++) {
        float *q = random_floats(N), *k = random_floats(N), *v = random_floats(N);
        const float *dy = random_floats(N);
        double y[N], p[QUERIES * KEYS], d[3][N];
        sm_reference_attention_forward(y, p, q, k, v, QUERIES, KEYS, WIDTH, causal);
        sm_reference_attention_backward(d[0], d[1], d[2], dy, p, q, k, v, QUERIES, KEYS, WIDTH);
        float *const variables[] = {q, k, v};
        for (size_t c = 0; c < 3; c++)
            for (size_t i = 0; i < N; i++) {
                const float h = 0x1p-10f, middle = variables[c][i];
                double sum[2] = {0, 0};
                for (int side = 0; side < 2; side++) {
                    variables[c][i] = side == 0 ? middle - h : middle + h;
                    sm_reference_attention_forward(y, p, q, k, v, QUERIES, KEYS, WIDTH, causal);
                    for (size_t j = 0; j < N; j++)
                        sum[side] += y[j] * (double)dy[j];
                }
                variables[c][i] = middle;
                check_near(d[c][i], (sum[1] - sum[0]) / (2 * (double)h), 1e-5);
            }
    }
}

static void
later_keys_leave_not_a_bit_in_causal_attention(void **state)
{
    (void)state;
    enum { N = 45, WIDTH = 16, CHANGED = 23 };
    FOR_EACH_ISA(isa)
    {
        const size_t p_stride = sm_row_stride(N);
        float *q = random_floats(N * WIDTH), *k = random_floats(N * WIDTH);
        float *v = random_floats(N * WIDTH), *turned = random_floats(WIDTH * p_stride);
        float *weights = random_floats(N * p_stride), *y[2];
        for (int i = 0; i < 2; i++) {
            y[i] = random_floats(N * WIDTH);
            sm_panels_pack_turned(turned, k, WIDTH, WIDTH, N);
            sm_attention_forward(y[i], WIDTH, weights, p_stride, q, WIDTH, turned, v, WIDTH, N, N,
                                 WIDTH, true);
            for (size_t j = CHANGED * WIDTH; j < (CHANGED + 1) * WIDTH; j++) {
                k[j] = 1000; /* would win every softmax */
                v[j] = -1e6f;
            }
        }
        assert_memory_equal(y[0], y[1], CHANGED * WIDTH * sizeof(float));
        assert_true(memcmp(y[0], y[1], (CHANGED + 1) * WIDTH * sizeof(float)) != 0);
    }
}

static void
token_loss_equals_the_reference_for_any_vocabulary(void **state)
{
    (void)state;
    enum { ROWS = 9 };
    static const size_t vocabularies[] = {3, 16, 37, 256, 1001};
    static const float smoothings[] = {0, 0.1f};
    FOR_EACH_ISA(isa)
    for (size_t t = 0; t < 10; t++) {
        const size_t classes = vocabularies[t / 2], stride = sm_row_stride(classes);
        const size_t whole = (classes + 15) / 16 * 16;
        float *z = random_floats(ROWS * classes);
        double *dz = doubles(ROWS * classes);
        uint16_t targets[ROWS];
        size_t correct = 100, right;
        for (size_t r = 0; r < ROWS; r++) {
            targets[r] = (uint16_t)sm_rng_below(blocks_rng(), classes);
            if (r % 2 == 0)
                z[r * classes + targets[r]] += 5;
        }
        for (size_t c = 0; c < classes; c++) {
            z[7 * classes + c] = 100 * z[7 * classes + c];
            z[8 * classes + c] = 1; /* all the same: the first counts as the largest */
        }
        targets[8] = 0;
        float *rows = spread(z, ROWS, classes, stride);
        const double loss =
            sm_token_loss(rows, stride, &correct, targets, ROWS, classes, smoothings[t % 2], 0.25f);
        const double expected = sm_reference_token_loss(dz, &right, z, targets, ROWS, classes,
                                                        (double)smoothings[t % 2], 0.25);
        check_relative(loss, expected, 1e-5);
        assert_int_equal(correct, 100 + right);
        for (size_t r = 0; r < ROWS; r++) {
            for (size_t c = 0; c < classes; c++)
                check_near((double)rows[r * stride + c], dz[r * classes + c], 1e-6);
            for (size_t c = classes; c < whole; c++)
                assert_true(rows[r * stride + c] == 0.0f);
        }
    }
}

static void
token_loss_of_logits_that_are_no_numbers_is_none(void **state)
{
    (void)state;
    static const float bad[] = {NAN, INFINITY};
    FOR_EACH_ISA(isa)
    for (size_t b = 0; b < 2; b++)
        for (size_t c = 0; c < 20; c += 7) {
            float z[48] = {0};
            size_t correct = 0;
            const uint16_t target = 3;
            z[c] = bad[b];
            assert_false(isfinite(sm_token_loss(z, 48, &correct, &target, 1, 20, 0.1f, 1)));
        }
}

static void
dropout_keeps_what_the_reference_keeps_however_rows_are_cut(void **state)
{
    (void)state;
    enum { ROWS = 40, COLUMNS = 48, STRIDE = COLUMNS + GAP, N = ROWS * COLUMNS };
    const float rate = 0.3f;
    FOR_EACH_ISA(isa)
    {
        const float *x = random_floats(N), *in = spread(x, ROWS, COLUMNS, STRIDE);
        float *whole = spread(x, ROWS, COLUMNS, STRIDE), *parts = spread(x, ROWS, COLUMNS, STRIDE);
        size_t kept = 0;
        sm_dropout(whole, STRIDE, in, STRIDE, ROWS, COLUMNS, rate, 77, 1000);
        for (uint32_t i = 0; i < N; i++) {
            const bool keeps = sm_reference_dropout_keeps(rate, 77, 1000 + i);
            check_near((double)whole[i / COLUMNS * STRIDE + i % COLUMNS],
                       keeps ? (double)x[i] / (1 - (double)rate) : 0, 1e-6);
            kept += keeps;
        }
        check_near((double)kept / N, 0.7, 4 * sqrt(0.3 * 0.7 / N));
        for (uint32_t r = 0; r < ROWS; r += 8)
            sm_dropout(parts + r * STRIDE, STRIDE, parts + r * STRIDE, STRIDE, 8, COLUMNS, rate, 77,
                       1000 + r * COLUMNS);
        assert_memory_equal(whole, parts, ROWS * STRIDE * sizeof(float));
    }
}

static void
dropped_units_of_two_keys_have_nothing_in_common(void **state)
{
    (void)state;
    enum { N = 100000 };
    size_t both = 0, next = 0;
    for (uint32_t i = 0; i < N; i++) {
        both += !sm_reference_dropout_keeps(0.5f, 1, i) && !sm_reference_dropout_keeps(0.5f, 2, i);
        next +=
            !sm_reference_dropout_keeps(0.5f, 1, i) && !sm_reference_dropout_keeps(0.5f, 1, i + 1);
    }
    check_near((double)both / N, 0.25, 4 * sqrt(0.25 * 0.75 / N));
    check_near((double)next / N, 0.25, 4 * sqrt(0.25 * 0.75 / N));
}

static void
rows_are_added_and_summed(void **state)
{
    (void)state;
    FOR_EACH_ISA(isa)
    for (size_t t = 0; t < TABLES; t++) {
        const size_t rows = tables[t][0], columns = tables[t][1], n = rows * columns;
        const size_t stride = columns + GAP;
        const float *x = random_floats(n), *y = random_floats(n), *start = random_floats(columns);
        float *sums = spread(start, 1, columns, columns), *out = spread(y, rows, columns, stride);
        double *added = doubles(n), *summed = doubles(columns);
        for (size_t c = 0; c < columns; c++)
            summed[c] = (double)start[c];
        for (size_t i = 0; i < n; i++) {
            added[i] = (double)y[i] + (double)x[i];
            summed[i % columns] += (double)x[i];
        }
        const float *in = spread(x, rows, columns, stride);
        sm_rows_add(out, stride, in, stride, rows, columns);
        sm_rows_sum(sums, in, stride, rows, columns);
        check_rows(out, stride, added, rows, columns, 1e-6);
        check_rows(sums, columns, summed, 1, columns, 1e-5);
    }
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, blocks_free)
    const struct CMUnitTest tests[] = {
        TEST(layer_norm_equals_the_reference_there_and_back),
        TEST(layer_norm_of_the_reference_goes_back_along_its_slope),
        TEST(gelu_equals_the_reference_there_and_back_and_far_out),
        TEST(attention_equals_the_reference_there_and_back),
        TEST(attention_of_the_reference_goes_back_along_its_slope),
        TEST(later_keys_leave_not_a_bit_in_causal_attention),
        TEST(token_loss_equals_the_reference_for_any_vocabulary),
        TEST(token_loss_of_logits_that_are_no_numbers_is_none),
        TEST(dropout_keeps_what_the_reference_keeps_however_rows_are_cut),
        TEST(dropped_units_of_two_keys_have_nothing_in_common),
        TEST(rows_are_added_and_summed),
    };
    return cmocka_run_group_tests_name("kernels of sequences", tests, blocks_setup,
                                       blocks_teardown);
}
