/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/bench/conv.c -- how fast one OS thread convolves and multiplies: CSV on standard output.
 *
 * A batch goes through each layer in parts that fit the L2 cache, each call fetching the next part,
 * as a model does it. Each row is the best of many short rounds, the FMA peak measured between
 * them: what is left when no neighbour is on the processor.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "sim/base/arena.h"
#include "tests/helpers/processor.h"
#include "workloads/kernels/conv.h"
#include "workloads/kernels/isa.h"
#include "workloads/kernels/panels.h"

enum { ROUNDS = 40, BATCH = 32, PART_BYTES = 192 * 1024 };
static const double round_seconds = 0.003;

static double
cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

#if defined(__x86_64__)
/* FLOP/s of twelve independent chains of 8-wide multiply-adds. */
__attribute__((target("arch=x86-64-v3"))) static double
fma_peak(void)
{
    typedef float wide __attribute__((vector_size(32)));
    enum { CHAINS = 12, TURNS = 100000 };
    wide sum[CHAINS] = {0};
    const wide one = {1, 1, 1, 1, 1, 1, 1, 1};
    const double start = cpu_seconds();
    for (int turn = 0; turn < TURNS; turn++)
#pragma GCC unroll 12
        for (int c = 0; c < CHAINS; c++)
            __asm__ volatile("vfmadd231ps %1, %1, %0" : "+x"(sum[c]) : "x"(one));
    return CHAINS * 16.0 * TURNS / (cpu_seconds() - start);
}
#endif

/* One row: the best of the rounds, as a share of the best peak among them. Shorter rounds than a
 * slice of the scheduler, so that some are undisturbed. */
static void
measure(const char *name, const char *pass, double flop, void (*once)(void *arg), void *arg)
{
    double best = 0, peak = 0;
    once(arg);
    for (int round = 0; round < ROUNDS; round++) {
        size_t calls = 0;
        const double start = cpu_seconds();
        double now = start;
        for (; now - start < round_seconds; now = cpu_seconds(), calls++)
            once(arg);
        best = fmax(best, (double)calls * flop / (now - start));
        peak = fmax(peak, fma_peak());
    }
    printf("%s,%s,%.2f,%.3f,%s,%s\n", name, pass, best * 1e-9, best / peak, sm_isa_name(sm_isa()),
           processor_name());
    fflush(stdout);
}

static float *
some_floats(struct sm_arena *arena, size_t n)
{
    float *x = sm_arena_alloc(arena, n, sizeof *x);
    if (x == NULL)
        exit(1);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)(i * 7919 % 1000) * 1e-3f - 0.5f;
    return x;
}

static struct sm_images
some_images(struct sm_arena *arena, size_t height, size_t width, size_t channels, size_t border)
{
    struct sm_images images = {NULL, BATCH, height, width, channels, border};
    images.data = some_floats(arena, BATCH * sm_images_size(images));
    return images;
}

struct layer {
    struct sm_conv conv;
    struct sm_images x, y;
    float *w, *wt, *dw;
    size_t part; /* images a call */
};

static struct sm_ahead
next_part(const struct layer *l, size_t first)
{
    const size_t next = (first + l->part) % BATCH;
    return (struct sm_ahead){
        .at = {sm_images_part(l->x, next, 1).data, sm_images_part(l->y, next, 1).data},
        .bytes = {l->part * sm_images_size(l->x) * sizeof(float),
                  l->part * sm_images_size(l->y) * sizeof(float)},
        .count = l->part < BATCH ? 2 : 0,
    };
}

static void
forward(void *arg)
{
    const struct layer *l = arg;
    for (size_t first = 0; first < BATCH; first += l->part) {
        const struct sm_ahead ahead = next_part(l, first);
        sm_conv_forward(sm_images_part(l->y, first, l->part), sm_images_part(l->x, first, l->part),
                        l->w, NULL, &l->conv, &ahead);
    }
}

static void
backward_data(void *arg)
{
    const struct layer *l = arg;
    for (size_t first = 0; first < BATCH; first += l->part) {
        const struct sm_ahead ahead = next_part(l, first);
        sm_conv_backward_data(sm_images_part(l->x, first, l->part),
                              sm_images_part(l->y, first, l->part), l->wt, &l->conv, false, &ahead);
    }
}

static void
backward_weights(void *arg)
{
    const struct layer *l = arg;
    for (size_t first = 0; first < BATCH; first += l->part) {
        const struct sm_ahead ahead = next_part(l, first);
        sm_conv_backward_weights(l->dw, sm_images_part(l->y, first, l->part),
                                 sm_images_part(l->x, first, l->part), &l->conv, &ahead);
    }
}

static void
bench_conv(struct sm_conv conv, size_t side)
{
    struct sm_arena arena = {0};
    const size_t weights = conv.kernel * conv.kernel * conv.in * conv.out;
    const size_t out = (side + conv.stride - 1) / conv.stride;
    struct layer l = {.conv = conv, .part = BATCH};
    l.x = some_images(&arena, side, side, conv.in, conv.kernel / 2);
    l.y = some_images(&arena, out, out, conv.out, conv.kernel / 2);
    l.w = some_floats(&arena, weights);
    l.wt = some_floats(&arena, weights);
    l.dw = some_floats(&arena, weights);
    while (l.part > 1 && l.part * out * out > 128 &&
           l.part * (sm_images_size(l.x) + sm_images_size(l.y)) * sizeof(float) > PART_BYTES)
        l.part /= 2;
    char name[64];
    snprintf(name, sizeof name, "conv %zux%zu/%zu %zu->%zu at %zux%zu", conv.kernel, conv.kernel,
             conv.stride, conv.in, conv.out, side, side);
    const double flop = 2.0 * BATCH * (double)(out * out) * (double)weights;
    measure(name, "forward", flop, forward, &l);
    if (conv.in % 16 == 0)
        measure(name, "data", flop, backward_data, &l);
    measure(name, "weights", flop, backward_weights, &l);
    sm_arena_fini(&arena);
}

struct product {
    size_t rows, depth, columns;
    float *x, *y, *w, *dw;
};

static void
rows_times_panels(void *arg)
{
    const struct product *p = arg;
    sm_rows_times_panels(p->y, p->columns, p->x, p->depth, p->w, NULL, p->rows, p->depth,
                         p->columns, false);
}

static void
panels_add_outer(void *arg)
{
    const struct product *p = arg;
    sm_panels_add_outer(p->dw, p->x, p->depth, p->y, p->columns, p->rows, p->depth, p->columns);
}

static void
rows_outer(void *arg)
{
    const struct product *p = arg;
    sm_rows_outer(p->dw, p->columns, p->x, p->depth, p->y, p->columns, p->rows, p->depth,
                  p->columns, false);
}

static void
bench_product(size_t rows, size_t depth, size_t columns)
{
    struct sm_arena arena = {0};
    struct product p = {rows, depth, columns, NULL, NULL, NULL, NULL};
    p.x = some_floats(&arena, rows * depth);
    p.y = some_floats(&arena, rows * columns);
    p.w = some_floats(&arena, depth * columns);
    p.dw = some_floats(&arena, depth * columns);
    char name[64];
    snprintf(name, sizeof name, "product %zux%zu->%zu", rows, depth, columns);
    const double flop = 2.0 * (double)rows * (double)depth * (double)columns;
    measure(name, "times_panels", flop, rows_times_panels, &p);
    measure(name, "add_outer", flop, panels_add_outer, &p);
    if (rows <= 128)
        measure(name, "rows_outer", flop, rows_outer, &p);
    sm_arena_fini(&arena);
}

int
main(int count, char **arguments)
{
#if defined(__x86_64__)
    if (!sm_isa_available(SM_ISA_AVX2)) {
        fprintf(stderr, "conv: the peak is that of AVX2 and FMA, which this processor lacks\n");
        return 1;
    }
    const struct {
        struct sm_conv conv;
        size_t side;
    } layers[] = {
        {{3, 1, 3, 16}, 32},    {{3, 1, 16, 16}, 32},   {{3, 2, 16, 32}, 32},
        {{1, 2, 16, 32}, 32},   {{3, 1, 32, 32}, 16},   {{3, 2, 32, 64}, 16},
        {{1, 2, 32, 64}, 16},   {{3, 1, 64, 64}, 8},    {{3, 1, 1, 16}, 28},
        {{3, 1, 16, 16}, 28},   {{3, 2, 16, 32}, 28},   {{3, 1, 32, 32}, 14},
        {{3, 2, 32, 64}, 14},   {{3, 1, 64, 64}, 7},    {{5, 1, 1, 16}, 28},
        {{5, 1, 16, 32}, 14},   {{3, 1, 64, 64}, 32},   {{3, 2, 64, 128}, 32},
        {{3, 1, 128, 128}, 16}, {{3, 2, 128, 256}, 16}, {{3, 1, 256, 256}, 8},
        {{3, 2, 256, 512}, 8},  {{3, 1, 512, 512}, 4},
    };
    const size_t products[][3] = {
        {4096, 128, 384}, {4096, 128, 512}, {4096, 512, 128}, {4096, 128, 128}, {512, 256, 256},
        {4096, 128, 256}, {128, 32, 128},   {128, 128, 32},   {64, 32, 64},
    };
    const int only = count > 1 ? atoi(arguments[1]) : -1; /* one row of the lists, to profile it */
    printf("shape,pass,gflops,share_of_peak,isa,processor\n");
    const int n = sizeof layers / sizeof *layers;
    for (int i = 0; i < n; i++)
        if (only < 0 || only == i)
            bench_conv(layers[i].conv, layers[i].side);
    for (int i = 0; i < (int)(sizeof products / sizeof *products); i++)
        if (only < 0 || only == n + i)
            bench_product(products[i][0], products[i][1], products[i][2]);
#endif
    return 0;
}
