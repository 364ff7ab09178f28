/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/dense.c -- dense layers in panels against the naive reference, for every set of
 * instructions that this processor has. */
#include <math.h>
#include <string.h>

#include "sim/base/rng.h"
#include "tests/helpers/arena.h"
#include "tests/helpers/check.h"
#include "tests/helpers/kernels.h"
#include "workloads/kernels/dense.h"
#include "workloads/kernels/reference.h"
#include "workloads/workload.h"

static struct sm_rng *rng;

static int
setup(void **state)
{
    (void)state;
    rng = sm_rng_create(&arena, 1, SM_RNG_TEST, 0);
    return rng == NULL;
}

enum { GUARD = 24 }; /* floats behind each vector that no kernel may touch */
static const float guard = -12345.0f;

static float *
floats(size_t n)
{
    float *x = sm_arena_alloc(&arena, n + GUARD, sizeof *x);
    for (size_t i = 0; i < n; i++)
        x[i] = NAN; /* unless written, it shows */
    for (size_t i = n; i < n + GUARD; i++)
        x[i] = guard;
    return x;
}

static float *
random_floats(size_t n)
{
    float *x = floats(n);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)sm_rng_normal(rng, 1);
    return x;
}

static void
check_same(const float *actual, const float *expected, size_t n, double tolerance)
{
    for (size_t i = 0; i < n; i++)
        check_near((double)actual[i], (double)expected[i], tolerance);
    for (size_t i = n; i < n + GUARD; i++)
        assert_true(actual[i] == guard);
}

/* What surplus columns hold has no meaning: nothing may come of NaN there. */
static float *
panels_of(const float *rows, size_t count, size_t columns)
{
    float *panels = floats(count * sm_panels_width(columns));
    sm_rows_to_panels(panels, rows, count, columns);
    for (size_t s = 0; s < count; s++)
        for (size_t j = columns; j < sm_panels_width(columns); j++)
            panels[(j / 16 * count + s) * 16 + j % 16] = NAN;
    return panels;
}

static const float *
rows_of(const float *panels, size_t count, size_t columns)
{
    float *rows = floats(count * columns);
    sm_panels_to_rows(rows, panels, count, columns);
    return rows;
}

/* One layer and its gradients by the reference, all row-major. */
struct layer {
    size_t count, in, out;
    float *x, *w, *b, *y, *dy, *dx, *dw, *db;
    struct sm_tensor weight; /* where PyTorch's w stands in panels */
};

static struct layer
random_layer(size_t count, size_t in, size_t out)
{
    struct layer l = {count, in, out, .weight = {.rank = 2, .shape = {out, in}, .panels = true}};
    l.x = random_floats(count * in);
    l.w = random_floats(out * in);
    l.b = random_floats(out);
    l.y = floats(count * out);
    l.dy = random_floats(count * out);
    l.dx = floats(count * in);
    l.dw = floats(out * in);
    l.db = floats(out);
    sm_reference_dense_forward(l.y, l.x, l.w, l.b, count, in, out);
    sm_reference_dense_backward(l.dx, l.dw, l.db, l.dy, l.x, l.w, count, in, out);
    return l;
}

static const size_t shapes[][3] = {
    /* count, in, out: whole tiles and panels, every remainder, one of each, several depths */
    {32, 784, 256}, {1, 1, 1},   {2, 8, 6},   {3, 17, 5},   {5, 16, 11}, {7, 33, 4},
    {64, 24, 12},   {65, 31, 9}, {130, 7, 3}, {12, 300, 2}, {6, 5, 300}, {31, 48, 130},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static void
layer_equals_the_reference(const struct layer *l)
{
    const size_t count = l->count, in = l->in, out = l->out;
    float *w = floats(out * in), *y = floats(count * sm_panels_width(out));
    float *dx = floats(count * sm_panels_width(in)), *dw = floats(out * in), *db = floats(out);
    float *torch = floats(out * in);
    const float *x = panels_of(l->x, count, in), *dy = panels_of(l->dy, count, out);
    sm_tensor_import(&l->weight, l->w, w);
    sm_dense_forward(y, x, w, l->b, count, in, out);
    check_same(rows_of(y, count, out), l->y, count * out, 1e-5 * sqrt((double)in));
    sm_dense_backward(dx, dw, db, dy, x, w, count, in, out);
    sm_tensor_export(&l->weight, dw, torch);
    check_same(rows_of(dx, count, in), l->dx, count * in, 1e-5 * sqrt((double)out));
    check_same(torch, l->dw, out * in, 1e-5 * sqrt((double)count));
    check_same(db, l->db, out, 1e-5 * sqrt((double)count));
    for (size_t i = 0; i < GUARD; i++) {
        assert_true(y[count * sm_panels_width(out) + i] == guard);
        assert_true(dx[count * sm_panels_width(in) + i] == guard);
        assert_true(dw[out * in + i] == guard);
    }
}

static void
layers_equal_the_reference_for_every_remainder_and_instruction_set(void **state)
{
    (void)state;
    for (size_t i = 0; i < SHAPES; i++) {
        const struct layer l = random_layer(shapes[i][0], shapes[i][1], shapes[i][2]);
        FOR_EACH_ISA(isa) layer_equals_the_reference(&l);
    }
}

/* Samples do not mind each other: their results do not depend on how many there are. */
static void
a_sample_alone_gives_the_bits_it_gives_among_others(void **state)
{
    (void)state;
    enum { COUNT = 17, IN = 300, OUT = 40 };
    const struct layer l = random_layer(COUNT, IN, OUT);
    float *all = floats(COUNT * 48), *one = floats(48);
    float *w = floats(OUT * IN);
    sm_tensor_import(&l.weight, l.w, w);
    sm_dense_forward(all, panels_of(l.x, COUNT, IN), w, l.b, COUNT, IN, OUT);
    for (size_t s = 0; s < COUNT; s++) {
        sm_dense_forward(one, panels_of(l.x + s * IN, 1, IN), w, l.b, 1, IN, OUT);
        assert_memory_equal(rows_of(one, 1, OUT), rows_of(all, COUNT, OUT) + s * OUT,
                            OUT * sizeof(float));
    }
}

static void
backward_without_dx_gives_the_same_bits_for_the_rest(void **state)
{
    (void)state;
    enum { COUNT = 9, IN = 40, OUT = 13 };
    const struct layer l = random_layer(COUNT, IN, OUT);
    const float *x = panels_of(l.x, COUNT, IN), *dy = panels_of(l.dy, COUNT, OUT);
    float *dx = floats(COUNT * 48), *dw[2], *db[2];
    for (int i = 0; i < 2; i++) {
        dw[i] = floats(OUT * IN);
        db[i] = floats(OUT);
        sm_dense_backward(i == 0 ? dx : NULL, dw[i], db[i], dy, x, l.w, COUNT, IN, OUT);
    }
    assert_memory_equal(dw[0], dw[1], OUT * IN * sizeof(float));
    assert_memory_equal(db[0], db[1], OUT * sizeof(float));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layers_equal_the_reference_for_every_remainder_and_instruction_set),
        cmocka_unit_test(a_sample_alone_gives_the_bits_it_gives_among_others),
        cmocka_unit_test(backward_without_dx_gives_the_same_bits_for_the_rest),
    };
    return cmocka_run_group_tests(tests, setup, arena_teardown);
}
