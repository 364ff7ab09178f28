/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/conv.c -- convolution, direct and Winograd's, on every instruction set against its
 * reference, and as a slope. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/rng.h"
#include "tests/helpers/blocks.h"
#include "tests/helpers/check.h"
#include "tests/helpers/kernels.h"
#include "workloads/kernels/conv.h"
#include "workloads/kernels/conv_reference.h"
#include "workloads/kernels/winograd.h"

/* Random images; their border is zero, or random as well. */
static struct sm_images
random_images(size_t count, size_t height, size_t width, size_t channels, size_t border, bool zero)
{
    struct sm_images images = {NULL, count, height, width, channels, border};
    const size_t size = sm_images_size(images);
    images.data = random_floats(count * size);
    for (size_t n = 0; n < count && zero; n++)
        for (size_t y = 0; y < height + 2 * border; y++)
            for (size_t x = 0; x < width + 2 * border; x++)
                if (y < border || y >= height + border || x < border || x >= width + border)
                    memset(images.data + n * size + y * sm_images_row(images) + x * channels, 0,
                           channels * sizeof *images.data);
    return images;
}

static struct sm_images
copy_of_images(struct sm_images images)
{
    images.data = copy_of(images.data, images.count * sm_images_size(images));
    return images;
}

/* Borders included: no kernel writes to one. */
static void
check_same_images(struct sm_images actual, struct sm_images expected, double tolerance)
{
    check_floats(actual.data, expected.data, actual.count * sm_images_size(actual), tolerance);
}

static const struct shape {
    struct sm_conv conv; /* kernel, stride, in, out */
    size_t height, width, count;
} shapes[] = {
    {{3, 1, 16, 16}, 8, 8, 2},   {{3, 1, 1, 16}, 28, 28, 2},  {{3, 1, 3, 16}, 9, 11, 2},
    {{5, 1, 1, 16}, 12, 12, 2},  {{5, 1, 16, 32}, 14, 14, 2}, {{3, 2, 16, 32}, 9, 7, 3},
    {{3, 2, 32, 64}, 8, 10, 2},  {{1, 2, 16, 32}, 7, 7, 2},   {{1, 2, 32, 64}, 8, 8, 2},
    {{1, 1, 16, 16}, 5, 3, 1},   {{5, 2, 16, 16}, 7, 6, 2},   {{3, 1, 64, 64}, 7, 7, 3},
    {{3, 2, 16, 16}, 7, 7, 3},   {{3, 1, 128, 32}, 4, 4, 11}, {{3, 1, 512, 16}, 4, 4, 3},
    {{3, 1, 7, 16}, 6, 5, 2},    {{3, 1, 16, 16}, 1, 1, 1},   {{3, 1, 48, 80}, 2, 3, 1},
    {{3, 2, 256, 32}, 7, 7, 2},  {{5, 1, 3, 16}, 6, 33, 1},   {{3, 1, 16, 16}, 3, 70, 1},
    {{1, 2, 1, 16}, 9, 9, 2},    {{1, 2, 128, 128}, 7, 4, 9}, {{3, 1, 1, 16}, 2, 2, 1},
    {{3, 1, 16, 128}, 16, 9, 2}, {{1, 1, 2048, 16}, 2, 3, 2}, {{5, 2, 3, 16}, 8, 8, 2},
    {{3, 2, 16, 16}, 1, 1, 3},   {{5, 2, 16, 16}, 1, 4, 2},   {{3, 1, 16, 16}, 2, 150, 1},
    {{3, 1, 48, 144}, 9, 70, 1}, {{3, 1, 16, 16}, 4, 4, 0},   {{3, 1, 16, 16}, 1, 150, 2},
    {{3, 1, 80, 48}, 6, 10, 3},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static size_t
weights_of(const struct sm_conv *conv)
{
    return conv->kernel * conv->kernel * conv->in * conv->out;
}

static size_t
shrink(size_t length, const struct sm_conv *conv)
{
    return (length + conv->stride - 1) / conv->stride;
}

/* Images of the size of the layer's inputs and outputs. */
static struct sm_images
inputs_of(const struct shape *s, size_t border, bool zero)
{
    return random_images(s->count, s->height, s->width, s->conv.in, border, zero);
}

static struct sm_images
outputs_of(const struct shape *s, size_t border, bool zero)
{
    return random_images(s->count, shrink(s->height, &s->conv), shrink(s->width, &s->conv),
                         s->conv.out, border, zero);
}

static void
forward_equals_the_reference_on_every_instruction_set(void **state)
{
    for (size_t i = 0; i < SHAPES; i++)
        for (size_t border = 0; border < 3; border++) {
            const struct sm_conv *conv = &shapes[i].conv;
            const size_t wide = conv->kernel / 2 + (border == 2);
            const struct sm_images x = inputs_of(&shapes[i], wide, true);
            const float *w = random_floats(weights_of(conv)), *b = random_floats(conv->out);
            const struct sm_images y = outputs_of(&shapes[i], border, false);
            const struct sm_images expected = copy_of_images(y);
            const float *bias = border == 1 ? NULL : b;
            sm_reference_conv_forward(expected, x, w, bias, conv);
            FOR_EACH_ISA(isa)
            {
                const struct sm_images actual = copy_of_images(y);
                sm_conv_forward(actual, x, w, bias, conv, NULL);
                check_same_images(actual, expected,
                                  sum_tolerance(conv->kernel * conv->kernel * conv->in));
            }
            blocks_free(state);
        }
}

static void
backward_data_equals_the_reference_on_every_instruction_set(void **state)
{
    for (size_t i = 0; i < SHAPES; i++)
        for (int add = 0; add < 2; add++) {
            const struct sm_conv *conv = &shapes[i].conv;
            if (conv->in % 16 != 0)
                continue;
            const struct sm_images dy = outputs_of(&shapes[i], conv->kernel / 2 + add, true);
            const struct sm_images dx = inputs_of(&shapes[i], (size_t)add, false);
            const float *w = random_floats(weights_of(conv));
            const struct sm_images expected = copy_of_images(dx);
            sm_reference_conv_backward_data(expected, dy, w, conv, add);
            FOR_EACH_ISA(isa)
            {
                const struct sm_images actual = copy_of_images(dx);
                float *wt = random_floats(weights_of(conv));
                sm_conv_turn(wt, w, conv);
                sm_conv_backward_data(actual, dy, wt, conv, add, NULL);
                check_same_images(actual, expected,
                                  sum_tolerance(conv->kernel * conv->kernel * conv->out));
            }
            blocks_free(state);
        }
}

static void
backward_weights_equals_the_reference_on_every_instruction_set(void **state)
{
    for (size_t i = 0; i < SHAPES; i++)
        for (size_t border = 0; border < 2; border++) {
            const struct sm_conv *conv = &shapes[i].conv;
            const struct sm_images x = inputs_of(&shapes[i], conv->kernel / 2 + border, true);
            const struct sm_images dy = outputs_of(&shapes[i], border, false);
            const float *dw = random_floats(weights_of(conv));
            float *expected = copy_of(dw, weights_of(conv));
            sm_reference_conv_backward_weights(expected, dy, x, conv);
            FOR_EACH_ISA(isa)
            {
                float *actual = copy_of(dw, weights_of(conv));
                sm_conv_backward_weights(actual, dy, x, conv, NULL);
                check_floats(actual, expected, weights_of(conv),
                             sum_tolerance(dy.count * dy.height * dy.width));
            }
            blocks_free(state);
        }
}

/* All three kernels on a batch, in parts of `part` images, with memory to fetch meanwhile. */
static void
run_in_parts(size_t part, struct sm_images y, struct sm_images dx, float *dw, struct sm_images x,
             const float *w, const float *wt, const struct sm_conv *conv)
{
    for (size_t first = 0; first < x.count; first += part) {
        const size_t count = x.count - first < part ? x.count - first : part;
        const struct sm_images xs = sm_images_part(x, first, count);
        const struct sm_images ys = sm_images_part(y, first, count);
        const struct sm_ahead ahead = {
            {x.data, w, wt}, {sm_images_size(x) * sizeof *w, 1, 100}, part % 4};
        sm_conv_forward(ys, xs, w, NULL, conv, &ahead);
        sm_conv_backward_data(sm_images_part(dx, first, count), ys, wt, conv, false, &ahead);
        sm_conv_backward_weights(dw, ys, xs, conv, &ahead);
    }
}

static void
bits_do_not_depend_on_how_a_batch_is_cut_nor_on_fused_instruction_sets(void **state)
{
    for (size_t i = 0; i < SHAPES; i++) {
        const struct sm_conv *conv = &shapes[i].conv;
        if (conv->in % 16 != 0)
            continue;
        const size_t pad = conv->kernel / 2, size = weights_of(conv);
        const struct sm_images x = inputs_of(&shapes[i], pad, true);
        float *w = random_floats(size), *wt = random_floats(size), *dw = random_floats(size);
        const struct sm_images y = outputs_of(&shapes[i], pad, true);
        const struct sm_images dx = inputs_of(&shapes[i], 0, true);
        float *expected = NULL;
        struct sm_images expected_y = y, expected_dx = dx;
        FOR_EACH_ISA(isa)
        {
            const bool again = isa > SM_ISA_AVX2; /* the same bits as the set before */
            sm_conv_turn(wt, w, conv);
            for (size_t part = shapes[i].count; part > 0; part--) {
                float *actual = copy_of(dw, size);
                const struct sm_images actual_y = copy_of_images(y);
                const struct sm_images actual_dx = copy_of_images(dx);
                run_in_parts(part, actual_y, actual_dx, actual, x, w, wt, conv);
                if (part < shapes[i].count || again) {
                    check_floats(actual, expected, size, 0);
                    check_same_images(actual_y, expected_y, 0);
                    check_same_images(actual_dx, expected_dx, 0);
                }
                expected = actual;
                expected_y = actual_y;
                expected_dx = actual_dx;
            }
        }
        blocks_free(state);
    }
}

/* sum of dy times the forward pass, in double */
static double
projected(struct sm_images dy, struct sm_images x, const float *w, const struct sm_conv *conv)
{
    struct sm_images y = dy; /* too many of them to stay until the end of the test */
    y.data = calloc(dy.count * sm_images_size(dy), sizeof *y.data);
    assert_non_null(y.data);
    sm_reference_conv_forward(y, x, w, NULL, conv);
    double sum = 0;
    for (size_t i = 0; i < y.count * sm_images_size(y); i++)
        sum += (double)dy.data[i] * (double)y.data[i];
    free(y.data);
    return sum;
}

/* The projection is linear in each number, so that any step is exact but for rounding. */
static double
slope(float *number, struct sm_images dy, struct sm_images x, const float *w,
      const struct sm_conv *conv)
{
    const float middle = *number;
    *number = middle + 16;
    const double above = projected(dy, x, w, conv);
    *number = middle - 16;
    const double below = projected(dy, x, w, conv);
    *number = middle;
    return (above - below) / 32;
}

static void
backward_is_the_slope_of_the_forward_pass(void **state)
{
    const struct shape small[] = {
        {{3, 1, 16, 16}, 4, 3, 2}, {{3, 2, 16, 16}, 5, 4, 1}, {{5, 2, 16, 16}, 4, 3, 1},
        {{1, 2, 16, 32}, 3, 3, 2}, {{5, 1, 16, 16}, 2, 3, 1},
    };
    for (size_t i = 0; i < sizeof small / sizeof *small; i++) {
        const struct sm_conv *conv = &small[i].conv;
        const size_t pad = conv->kernel / 2;
        const struct sm_images x = inputs_of(&small[i], pad, true);
        const struct sm_images dy = outputs_of(&small[i], pad, true);
        const struct sm_images dx = inputs_of(&small[i], 0, true);
        float *w = random_floats(weights_of(conv)), *wt = random_floats(weights_of(conv));
        float *dw = random_floats(weights_of(conv));
        FOR_EACH_ISA(isa)
        {
            memset(dw, 0, weights_of(conv) * sizeof *dw);
            sm_conv_turn(wt, w, conv);
            sm_conv_backward_data(dx, dy, wt, conv, false, NULL);
            sm_conv_backward_weights(dw, dy, x, conv, NULL);
            for (size_t n = 0; n < 40; n++) {
                const size_t at = sm_rng_below(blocks_rng(), weights_of(conv));
                check_near((double)dw[at], slope(&w[at], dy, x, w, conv), 1e-4);
                const size_t image = sm_rng_below(blocks_rng(), x.count);
                const size_t row = sm_rng_below(blocks_rng(), x.height),
                             column = sm_rng_below(blocks_rng(), x.width);
                const size_t channel = sm_rng_below(blocks_rng(), conv->in);
                check_near((double)sm_images_at(dx, image, row, column)[channel],
                           slope(sm_images_at(x, image, row, column) + channel, dy, x, w, conv),
                           1e-4);
            }
        }
        blocks_free(state);
    }
}

/* Shapes that sm_winograd takes; how many there are. */
static size_t
winograd_shapes(const struct shape **found)
{
    size_t count = 0;
    for (size_t i = 0; i < SHAPES; i++)
        if (sm_winograd_fits(&shapes[i].conv, shapes[i].height, shapes[i].width))
            found[count++] = &shapes[i];
    return count;
}

/* Its roundings are a few times those of a chain of n products. */
static double
winograd_tolerance(size_t n)
{
    return 4 * sum_tolerance(n);
}

static void
winograd_fits_images_of_even_size_and_whole_panels(void **state)
{
    (void)state;
    assert_true(sm_winograd_fits(&(struct sm_conv){3, 1, 16, 16}, 2, 4));
    assert_false(sm_winograd_fits(&(struct sm_conv){3, 1, 16, 16}, 2, 3));
    assert_false(sm_winograd_fits(&(struct sm_conv){3, 1, 16, 16}, 3, 2));
    assert_false(sm_winograd_fits(&(struct sm_conv){3, 1, 3, 16}, 4, 4));
    assert_false(sm_winograd_fits(&(struct sm_conv){3, 2, 16, 16}, 4, 4));
    assert_false(sm_winograd_fits(&(struct sm_conv){5, 1, 16, 16}, 4, 4));
}

static void
winograd_equals_the_reference_on_every_instruction_set(void **state)
{
    const struct shape *fit[SHAPES];
    for (size_t i = winograd_shapes(fit); i-- > 0;)
        for (size_t border = 0; border < 3; border++) {
            const struct sm_conv *conv = &fit[i]->conv;
            const size_t size = weights_of(conv);
            const struct sm_images x = inputs_of(fit[i], 1 + (border == 2), true);
            const struct sm_images y = outputs_of(fit[i], border, false);
            const struct sm_images expected = copy_of_images(y);
            const float *w = random_floats(size);
            const float *bias = border == 1 ? NULL : random_floats(conv->out);
            sm_reference_conv_forward(expected, x, w, bias, conv);
            FOR_EACH_ISA(isa)
            {
                float *u = random_floats(16 * conv->in * conv->out);
                const struct sm_images actual = copy_of_images(y);
                sm_winograd_weights(u, w, conv->in, conv->out);
                sm_winograd(actual, x, u, bias, false, random_floats(SM_WINOGRAD_ROOM), NULL);
                check_same_images(actual, expected, winograd_tolerance(9 * conv->in));
            }
            blocks_free(state);
        }
}

static void
winograd_of_turned_weights_is_the_gradient_of_the_data(void **state)
{
    const struct shape *fit[SHAPES];
    for (size_t i = winograd_shapes(fit); i-- > 0;)
        for (int add = 0; add < 2; add++) {
            const struct sm_conv *conv = &fit[i]->conv;
            const size_t size = weights_of(conv);
            const struct sm_images dy = outputs_of(fit[i], 1, true);
            const struct sm_images dx = inputs_of(fit[i], (size_t)add, false);
            const struct sm_images expected = copy_of_images(dx);
            const float *w = random_floats(size);
            sm_reference_conv_backward_data(expected, dy, w, conv, add);
            FOR_EACH_ISA(isa)
            {
                float *wt = random_floats(size), *u = random_floats(16 * conv->in * conv->out);
                const struct sm_images actual = copy_of_images(dx);
                sm_conv_turn(wt, w, conv);
                sm_winograd_weights(u, wt, conv->out, conv->in);
                sm_winograd(actual, dy, u, NULL, add, random_floats(SM_WINOGRAD_ROOM), NULL);
                check_same_images(actual, expected, winograd_tolerance(9 * conv->out));
            }
            blocks_free(state);
        }
}

static void
winograd_backward_weights_equals_the_reference_on_every_instruction_set(void **state)
{
    const struct shape *fit[SHAPES];
    for (size_t i = winograd_shapes(fit); i-- > 0;) {
        const struct sm_conv *conv = &fit[i]->conv;
        const size_t size = weights_of(conv), transformed = 16 * conv->in * conv->out;
        const struct sm_images x = inputs_of(fit[i], 1, true), dy = outputs_of(fit[i], 1, false);
        const float *dw = random_floats(size);
        float *expected = copy_of(dw, size);
        sm_reference_conv_backward_weights(expected, dy, x, conv);
        FOR_EACH_ISA(isa)
        {
            float *actual = copy_of(dw, size), *du = random_floats(transformed);
            memset(du, 0, transformed * sizeof *du);
            sm_winograd_backward_weights(du, dy, x, random_floats(SM_WINOGRAD_ROOM), NULL);
            sm_winograd_add_weights(actual, du, conv->in, conv->out);
            check_floats(actual, expected, size,
                         winograd_tolerance(dy.count * dy.height * dy.width));
        }
        blocks_free(state);
    }
}

static void
winograd_has_the_same_bits_however_a_batch_is_cut(void **state)
{
    const struct shape *fit[SHAPES];
    for (size_t i = winograd_shapes(fit); i-- > 0;) {
        const struct sm_conv *conv = &fit[i]->conv;
        const size_t transformed = 16 * conv->in * conv->out;
        const struct sm_images x = inputs_of(fit[i], 1, true), y = outputs_of(fit[i], 0, true);
        const float *u = random_floats(transformed), *du = random_floats(transformed);
        float *room = random_floats(SM_WINOGRAD_ROOM);
        float *expected = NULL;
        struct sm_images expected_y = y;
        FOR_EACH_ISA(isa)
        {
            const bool again = isa > SM_ISA_AVX2; /* the same bits as the set before */
            for (size_t part = fit[i]->count; part > 0; part--) {
                float *actual = copy_of(du, transformed);
                const struct sm_images actual_y = copy_of_images(y);
                for (size_t first = 0; first < x.count; first += part) {
                    const size_t count = x.count - first < part ? x.count - first : part;
                    const struct sm_images xs = sm_images_part(x, first, count);
                    const struct sm_images ys = sm_images_part(actual_y, first, count);
                    const struct sm_ahead ahead = {
                        {x.data, u}, {sm_images_size(x) * sizeof *u, 100}, part % 3};
                    sm_winograd(ys, xs, u, NULL, false, room, &ahead);
                    sm_winograd_backward_weights(actual, ys, xs, room, &ahead);
                }
                if (part < fit[i]->count || again) {
                    check_floats(actual, expected, transformed, 0);
                    check_same_images(actual_y, expected_y, 0);
                }
                expected = actual;
                expected_y = actual_y;
            }
        }
        blocks_free(state);
    }
}

static void
numbers_that_are_not_finite_stay_visible(void **state)
{
    (void)state;
    const struct shape shape = {{3, 1, 16, 16}, 6, 6, 1};
    const struct sm_images x = inputs_of(&shape, 1, true), y = outputs_of(&shape, 0, false);
    const float *w = random_floats(weights_of(&shape.conv));
    sm_images_at(x, 0, 2, 2)[3] = NAN;
    FOR_EACH_ISA(isa)
    {
        sm_conv_forward(y, x, w, NULL, &shape.conv, NULL);
        for (size_t row = 0; row < 6; row++)
            for (size_t column = 0; column < 6; column++)
                assert_int_equal(isnan(*sm_images_at(y, 0, row, column)),
                                 row - 1 < 3 && column - 1 < 3);
    }
}

static void
the_best_instruction_set_is_chosen_and_each_has_a_name(void **state)
{
    (void)state;
    assert_true(sm_isa_available(SM_ISA_BASELINE));
    assert_false(sm_isa_available(SM_ISAS));
    assert_string_equal(sm_isa_name(SM_ISA_BASELINE), "baseline");
    assert_string_equal(sm_isa_name(SM_ISA_AVX2), "avx2");
    assert_string_equal(sm_isa_name(SM_ISA_AVX512), "avx512");
    for (int better = (int)sm_isa() + 1; better < SM_ISAS; better++)
        assert_false(sm_isa_available((enum sm_isa)better));
    const enum sm_isa best = sm_isa();
    size_t tried = 0, available = 0;
    for (enum sm_isa isa = SM_ISA_BASELINE; isa < SM_ISAS; isa++)
        available += sm_isa_available(isa);
    FOR_EACH_ISA(isa)
    {
        assert_int_equal(sm_isa(), isa);
        tried++;
    }
    assert_int_equal(tried, available);
    assert_int_equal(sm_isa(), best);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        /* first: it looks at the choice before any test makes one */
        cmocka_unit_test(the_best_instruction_set_is_chosen_and_each_has_a_name),
        cmocka_unit_test_teardown(forward_equals_the_reference_on_every_instruction_set,
                                  blocks_free),
        cmocka_unit_test_teardown(backward_data_equals_the_reference_on_every_instruction_set,
                                  blocks_free),
        cmocka_unit_test_teardown(backward_weights_equals_the_reference_on_every_instruction_set,
                                  blocks_free),
        cmocka_unit_test_teardown(
            bits_do_not_depend_on_how_a_batch_is_cut_nor_on_fused_instruction_sets, blocks_free),
        cmocka_unit_test_teardown(backward_is_the_slope_of_the_forward_pass, blocks_free),
        cmocka_unit_test(winograd_fits_images_of_even_size_and_whole_panels),
        cmocka_unit_test_teardown(winograd_equals_the_reference_on_every_instruction_set,
                                  blocks_free),
        cmocka_unit_test_teardown(winograd_of_turned_weights_is_the_gradient_of_the_data,
                                  blocks_free),
        cmocka_unit_test_teardown(
            winograd_backward_weights_equals_the_reference_on_every_instruction_set, blocks_free),
        cmocka_unit_test_teardown(winograd_has_the_same_bits_however_a_batch_is_cut, blocks_free),
        cmocka_unit_test_teardown(numbers_that_are_not_finite_stay_visible, blocks_free),
    };
    return cmocka_run_group_tests_name("conv", tests, blocks_setup, blocks_teardown);
}
