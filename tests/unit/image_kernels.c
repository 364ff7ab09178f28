/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/image_kernels.c -- norms, joins and pooling on every instruction set against their
 * references, and as slopes. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/rng.h"
#include "tests/helpers/arena.h"
#include "tests/helpers/check.h"
#include "tests/helpers/kernels.h"
#include "workloads/kernels/image_reference.h"

static struct sm_rng *rng;

static int
setup(void **state)
{
    (void)state;
    sm_arena_reset(&arena);
    rng = sm_rng_create(&arena, 1, SM_RNG_TEST, 0);
    return rng == NULL;
}

static float *
random_floats(size_t n)
{
    float *x = sm_arena_alloc(&arena, n, sizeof *x);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)sm_rng_normal(rng, 1);
    return x;
}

/* All random, the border too: no kernel may read or write it. */
static struct sm_images
random_images(size_t count, size_t height, size_t width, size_t channels, size_t border)
{
    struct sm_images images = {NULL, count, height, width, channels, border};
    images.data = random_floats(count * sm_images_size(images));
    return images;
}

static struct sm_images
copy_of(struct sm_images images)
{
    const size_t size = images.count * sm_images_size(images);
    images.data = memcpy(random_floats(size), images.data, size * sizeof *images.data);
    return images;
}

static void
check_images(struct sm_images actual, struct sm_images expected, double tolerance)
{
    check_floats(actual.data, expected.data, actual.count * sm_images_size(actual), tolerance);
}

static const struct {
    size_t count, height, width, channels;
} shapes[] = {{1, 1, 1, 16}, {2, 3, 5, 16}, {1, 4, 4, 48}, {3, 7, 2, 32}, {2, 8, 8, 64}};
enum { SHAPES = sizeof shapes / sizeof *shapes };

/* For every instruction set, shape and pair of borders: the number of the shape, two borders. */
static void
for_each_case(void (*check)(size_t shape, size_t border, size_t other_border))
{
    FOR_EACH_ISA(isa)
    for (size_t s = 0; s < SHAPES; s++)
        for (size_t borders = 0; borders < 4; borders++)
            check(s, borders % 2, 2 * (borders / 2));
}

static struct sm_images
images_of_shape(size_t s, size_t border)
{
    return random_images(shapes[s].count, shapes[s].height, shapes[s].width, shapes[s].channels,
                         border);
}

static void
check_join_forward(size_t s, size_t border, size_t other_border)
{
    const size_t channels = shapes[s].channels, rows = shapes[s].count * channels;
    for (size_t count = 1; count <= 2; count++)
        for (size_t step = 0; step <= channels; step += channels)
            for (int plain = 0; plain < 2; plain++)
                for (int relu = 0; relu < 2; relu++) {
                    struct sm_images y = images_of_shape(s, border), expected = copy_of(y);
                    const struct sm_term terms[2] = {
                        {images_of_shape(s, other_border), random_floats(rows), random_floats(rows),
                         step},
                        {images_of_shape(s, border), plain ? NULL : random_floats(rows),
                         plain ? NULL : random_floats(rows), step}};
                    sm_join_forward(y, terms, count, relu);
                    sm_reference_join_forward(expected, terms, count, relu);
                    check_images(y, expected, 2e-6);
                }
}

static void
join_forward_equals_the_reference(void **state)
{
    (void)state;
    for_each_case(check_join_forward);
}

static void
check_join_backward(size_t s, size_t border, size_t other_border)
{
    const size_t channels = shapes[s].channels, count = shapes[s].count;
    const double size = (double)(shapes[s].height * shapes[s].width);
    for (size_t terms = 0; terms <= 2; terms++)
        for (size_t step = 0; step <= channels; step += channels)
            for (int other = 0; other < 2; other++)
                for (int relu = 0; relu < 2; relu++) {
                    struct sm_images e = images_of_shape(s, border), expected = copy_of(e);
                    struct sm_images more = images_of_shape(s, 0);
                    if (other == 0)
                        more.data = NULL;
                    const struct sm_images y = images_of_shape(s, other_border);
                    const struct sm_images z[2] = {images_of_shape(s, 0),
                                                   images_of_shape(s, other_border)};
                    const float *const mean[2] = {random_floats(count * channels),
                                                  random_floats(count * channels)};
                    float *sums = random_floats(count * (1 + terms) * channels);
                    float *right = random_floats(count * (1 + terms) * channels);
                    sm_join_backward(e, sums, more, y, relu, z, mean, step, terms);
                    sm_reference_join_backward(expected, right, more, y, relu, z, mean, step,
                                               terms);
                    check_images(e, expected, 0);
                    check_floats(sums, right, count * (1 + terms) * channels, 4e-6 * sqrt(size));
                }
}

static void
join_backward_equals_the_reference(void **state)
{
    (void)state;
    for_each_case(check_join_backward);
}

static void
check_sums(size_t s, size_t border, size_t other_border)
{
    (void)other_border;
    const struct sm_images x = images_of_shape(s, border);
    const float *origin = random_floats(x.channels);
    const size_t n = 2 * x.count * x.channels;
    float *sums = random_floats(n), *expected = random_floats(n);
    sm_image_sums(sums, x, origin);
    sm_reference_image_sums(expected, x, origin);
    check_floats(sums, expected, n, 4e-6 * (double)(x.height * x.width));
}

static void
sums_of_images_equal_the_reference(void **state)
{
    (void)state;
    for_each_case(check_sums);
}

static void
check_max_pool(size_t s, size_t border, size_t other_border)
{
    const struct sm_images x = images_of_shape(s, border);
    const size_t height = x.height / 2, width = x.width / 2;
    const size_t n = x.count * height * width * x.channels;
    uint8_t *which = sm_arena_alloc(&arena, n, 1), *right = sm_arena_alloc(&arena, n, 1);
    if (n > 0) { /* equals: the first wins; NaN always */
        memcpy(sm_images_at(x, 0, 1, 1), sm_images_at(x, 0, 0, 0), 8 * sizeof *x.data);
        sm_images_at(x, 0, 0, 1)[9] = NAN;
    }
    for (int relu = 0; relu < 2; relu++) {
        struct sm_images y = random_images(x.count, height, width, x.channels, other_border);
        struct sm_images expected = copy_of(y), dx = copy_of(x), dx_expected = copy_of(dx);
        sm_max_pool_forward(y, which, x, relu);
        sm_reference_max_pool_forward(expected, right, x, relu);
        assert_memory_equal(which, right, n);
        assert_memory_equal(y.data, expected.data, y.count * sm_images_size(y) * sizeof *y.data);
        sm_max_pool_backward(dx, y, which);
        sm_reference_max_pool_backward(dx_expected, y, which);
        assert_memory_equal(dx.data, dx_expected.data,
                            dx.count * sm_images_size(dx) * sizeof *dx.data);
    }
}

static void
max_pool_equals_the_reference_bit_by_bit(void **state)
{
    (void)state;
    for_each_case(check_max_pool);
}

static void
check_average_pool(size_t s, size_t border, size_t other_border)
{
    (void)other_border;
    struct sm_images x = images_of_shape(s, border), expected = copy_of(x);
    float *y = random_floats(x.count * x.channels), *right = random_floats(x.count * x.channels);
    sm_average_pool_forward(y, x);
    sm_reference_average_pool_forward(right, x);
    check_floats(y, right, x.count * x.channels, 1e-6);
    sm_average_pool_backward(x, y);
    sm_reference_average_pool_backward(expected, y);
    check_images(x, expected, 1e-6);
}

static void
average_pool_equals_the_reference(void **state)
{
    (void)state;
    for_each_case(check_average_pool);
}

/* The sums of each image, or of all, as the executor of the nets adds them up. */
static void
add_up(double *sums, const float *parts, size_t images, size_t channels)
{
    memset(sums, 0, 2 * channels * sizeof *sums);
    for (size_t i = 0; i < images; i++)
        for (size_t c = 0; c < 2 * channels; c++)
            sums[c] += (double)parts[i * 2 * channels + c];
}

struct coefficients {
    float *mean, *variance, *scale, *shift, *dy_scale, *x_scale, *dx_shift;
};

/* y and dx of a norm by way of norm.h and the joins. */
static void
check_norm(size_t s, size_t border, size_t group, bool batch)
{
    const struct sm_images x = images_of_shape(s, border), dy = images_of_shape(s, 0);
    const size_t channels = x.channels, pixels = x.height * x.width, rows = x.count;
    const float *gamma = random_floats(channels), *beta = random_floats(channels);
    for (size_t i = 0; i < rows * sm_images_size(x); i++)
        x.data[i] = 3 * x.data[i] + 20; /* mean far from 0: sums of squares alone would suffer */
    struct coefficients k;
    float **const each[] = {&k.mean,     &k.variance, &k.scale,   &k.shift,
                            &k.dy_scale, &k.x_scale,  &k.dx_shift};
    for (size_t i = 0; i < sizeof each / sizeof *each; i++)
        *each[i] = random_floats(rows * channels);
    float *parts = random_floats(rows * 2 * channels), *right = random_floats(channels);
    double *sums = sm_arena_alloc(&arena, 2 * channels, sizeof *sums);
    double *gradients = sm_arena_zalloc(&arena, 2 * channels, sizeof *gradients);
    struct sm_images y = images_of_shape(s, border), expected = copy_of(y), e = copy_of(dy);
    const size_t images = batch ? rows : 1, step = batch ? 0 : channels;
    const struct sm_sets sets = {channels, group, images * pixels};
    for (size_t first = 0; first < rows; first += images) {
        const size_t at = first * step;
        const struct sm_images part = sm_images_part(x, first, images);
        const float *origin = sm_images_at(part, 0, 0, 0);
        sm_image_sums(parts, part, origin);
        add_up(sums, parts, images, channels);
        sm_norm_moments(k.mean + at, k.variance + at, sums, origin, &sets);
        sm_norm_forward(k.scale + at, k.shift + at, k.mean + at, k.variance + at, gamma, beta,
                        channels);
        const float *mean = k.mean + at;
        sm_join_backward(sm_images_part(e, first, images), parts, (struct sm_images){0},
                         sm_images_part(y, first, images), false, &part, &mean, step, 1);
        add_up(sums, parts, images, channels);
        sm_norm_backward(k.dy_scale + at, k.x_scale + at, k.dx_shift + at, gradients,
                         gradients + channels, sums, k.mean + at, k.variance + at, gamma, &sets);
    }
    sm_join_forward(y, &(struct sm_term){x, k.scale, k.shift, step}, 1, false);
    sm_reference_norm_forward(expected, x, gamma, beta, group, batch);
    check_images(y, expected, 2e-5);
    const struct sm_term terms[2] = {{dy, k.dy_scale, k.dx_shift, step},
                                     {x, k.x_scale, NULL, step}};
    float *dgamma = random_floats(channels);
    sm_join_forward(y, terms, 2, false);
    sm_reference_norm_backward(expected, dgamma, right, dy, x, gamma, group, batch);
    check_images(y, expected, 2e-5);
    for (size_t c = 0; c < channels; c++) {
        check_near(gradients[c], (double)dgamma[c], 2e-5 * (double)pixels);
        check_near(gradients[channels + c], (double)right[c], 2e-5 * (double)pixels);
    }
}

static void
check_norms(size_t s, size_t border, size_t other_border)
{
    if (other_border > 0 || shapes[s].height == 1) /* one pixel has no variance */
        return;
    check_norm(s, border, 1, true);
    check_norm(s, border, shapes[s].channels / 8, false);
    check_norm(s, border, shapes[s].channels, false);
}

static void
norms_of_batches_and_groups_equal_the_reference_far_from_zero(void **state)
{
    (void)state;
    for_each_case(check_norms);
}

/* sum of dy y, y = the reference's norm */
static double
projected(struct sm_images dy, struct sm_images x, const float *gamma, const float *beta,
          size_t group, bool batch)
{
    struct sm_images y = copy_of(x);
    sm_reference_norm_forward(y, x, gamma, beta, group, batch);
    double sum = 0;
    for (size_t i = 0; i < x.count * sm_images_size(x); i++)
        sum += (double)dy.data[i] * (double)y.data[i];
    return sum;
}

static void
norm_backward_is_the_slope_of_the_forward_pass(void **state)
{
    (void)state;
    const float h = 0x1p-7f;
    for (int batch = 0; batch < 2; batch++) {
        const size_t group = batch ? 1 : 4;
        struct sm_images x = random_images(2, 3, 2, 16, 0), dy = copy_of(x), dx = copy_of(x);
        float *gamma = random_floats(16), *beta = random_floats(16);
        float *dgamma = random_floats(16), *dbeta = random_floats(16);
        for (size_t i = 0; i < 2 * sm_images_size(x); i++)
            dy.data[i] = (float)sm_rng_normal(rng, 1);
        sm_reference_norm_backward(dx, dgamma, dbeta, dy, x, gamma, group, batch);
        const struct {
            float *variable;
            const float *slope;
            size_t n;
        } cases[] = {
            {x.data, dx.data, 2 * sm_images_size(x)}, {gamma, dgamma, 16}, {beta, dbeta, 16}};
        for (size_t c = 0; c < 3; c++)
            for (size_t i = 0; i < cases[c].n; i++) {
                float *v = &cases[c].variable[i];
                const float middle = *v, up = middle + h, down = middle - h;
                *v = up;
                const double above = projected(dy, x, gamma, beta, group, batch);
                *v = down;
                const double below = projected(dy, x, gamma, beta, group, batch);
                *v = middle;
                check_near((double)cases[c].slope[i], (above - below) / ((double)up - (double)down),
                           2e-3);
            }
    }
}

static void
running_statistics_move_a_tenth_of_the_way_without_bias(void **state)
{
    (void)state;
    float mean[2] = {1, -1}, variance[2] = {1, 0};
    const float new_mean[2] = {3, -1}, new_variance[2] = {6, 3};
    sm_norm_run(mean, variance, new_mean, new_variance, 2, 4);
    check_near((double)mean[0], 1.2, 1e-6);
    check_near((double)mean[1], -1, 0);
    check_near((double)variance[0], 0.9 + 0.1 * 6 * 4 / 3, 1e-6);
    check_near((double)variance[1], 0.1 * 3 * 4 / 3, 1e-6);
    sm_norm_run(mean, variance, new_mean, new_variance, 2, 1); /* PyTorch refuses; no infinity */
    assert_true(isfinite(variance[0]));
}

static void
copies_and_cleared_borders_leave_the_rest_alone(void **state)
{
    (void)state;
    for (size_t border = 0; border <= 2; border++) {
        struct sm_images y = random_images(2, 3, 4, 3, border), before = copy_of(y);
        const float *x = random_floats(2 * 3 * 4 * 3);
        sm_images_clear_border(y);
        for (size_t i = 0; i < 2; i++)
            for (size_t r = 0; r < 3 + 2 * border; r++)
                for (size_t k = 0; k < sm_images_row(y); k++) {
                    const size_t at = i * sm_images_size(y) + r * sm_images_row(y) + k;
                    const bool inside =
                        r >= border && r < 3 + border && k >= 3 * border && k < 3 * (4 + border);
                    assert_true(y.data[at] == (inside ? before.data[at] : 0.0f));
                }
        sm_images_copy(y, x);
        for (size_t i = 0; i < 2; i++)
            for (size_t r = 0; r < 3; r++)
                assert_memory_equal(sm_images_at(y, i, r, 0), x + (i * 3 + r) * 12, 12 * sizeof *x);
        memset(sm_images_at(y, 1, 2, 3), 0, 3 * sizeof *x);
        for (size_t k = 0; k < border * sm_images_row(y); k++)
            assert_true(y.data[k] == 0 && y.data[2 * sm_images_size(y) - 1 - k] == 0);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(join_forward_equals_the_reference, setup),
        cmocka_unit_test_setup(join_backward_equals_the_reference, setup),
        cmocka_unit_test_setup(sums_of_images_equal_the_reference, setup),
        cmocka_unit_test_setup(max_pool_equals_the_reference_bit_by_bit, setup),
        cmocka_unit_test_setup(average_pool_equals_the_reference, setup),
        cmocka_unit_test_setup(norms_of_batches_and_groups_equal_the_reference_far_from_zero,
                               setup),
        cmocka_unit_test_setup(norm_backward_is_the_slope_of_the_forward_pass, setup),
        cmocka_unit_test_setup(running_statistics_move_a_tenth_of_the_way_without_bias, setup),
        cmocka_unit_test_setup(copies_and_cleared_borders_leave_the_rest_alone, setup),
    };
    return cmocka_run_group_tests_name("image_kernels", tests, NULL, arena_teardown);
}
