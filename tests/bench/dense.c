/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/bench/dense.c -- the dense kernels and OpenBLAS on the layers of softmax, mlp and lenet,
 * one thread: CSV.
 *
 * Every call is of another of 32 workers, each with weights and gradients of its own, as in a run:
 * they come from memory, not from the cache. The FMA peak is measured in the same program.
 */
#include <cblas.h>
#include <stdbool.h>
#include <stdio.h>

#include "sim/base/arena.h"
#include "tests/helpers/processor.h"
#include "tests/helpers/speed.h"
#include "workloads/kernels/dense.h"

#undef I /* complex.h, by way of cblas.h */

enum { WORKERS = 32, ROUNDS = 9 };
static const double round_seconds = 0.1;

/* The median of ROUNDS rates: calls of `once` a second. */
static double
rate_of(void (*once)(void *arg, size_t worker), void *arg)
{
    double rates[ROUNDS];
    for (int round = 0; round < ROUNDS; round++) {
        size_t calls = 0;
        const double start = cpu_seconds();
        double now = start;
        while (now - start < round_seconds) {
            for (size_t worker = 0; worker < WORKERS; worker++)
                once(arg, worker);
            calls += WORKERS;
            now = cpu_seconds();
        }
        rates[round] = (double)calls / (now - start);
    }
    return median(rates, ROUNDS);
}

static void
row(const char *name, size_t batch, double calls_per_second, double flop, double peak)
{
    const double rate = calls_per_second * flop;
    printf("%s,%zu,%.0f,%.2f,%.3f,%s\n", name, batch, calls_per_second * (double)batch, rate * 1e-9,
           peak > 0 ? rate / peak : 0, processor_name());
    fflush(stdout);
}

struct layer {
    size_t count, in, out;
    float *x, *y, *b, *dx, *w[WORKERS], *dw[WORKERS];
};

static void
our_forward(void *arg, size_t worker)
{
    const struct layer *l = arg;
    sm_dense_forward(l->y, l->x, l->w[worker], l->b, l->count, l->in, l->out);
}

static void
our_backward(void *arg, size_t worker)
{
    const struct layer *l = arg;
    sm_dense_backward(l->dx, l->dw[worker], l->b, l->y, l->x, l->w[worker], l->count, l->in,
                      l->out);
}

static void
openblas_forward(void *arg, size_t worker)
{
    const struct layer *l = arg;
    const int count = (int)l->count, in = (int)l->in, out = (int)l->out;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, count, out, in, 1, l->x, in, l->w[worker],
                in, 0, l->y, out);
}

static void
openblas_backward(void *arg, size_t worker)
{
    const struct layer *l = arg;
    const int count = (int)l->count, in = (int)l->in, out = (int)l->out;
    cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, out, in, count, 1, l->y, out, l->x, in, 0,
                l->dw[worker], in);
    if (l->dx != NULL)
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, count, in, out, 1, l->y, out,
                    l->w[worker], in, 0, l->dx, in);
}

static float *
some_floats(struct sm_arena *arena, size_t n)
{
    float *x = sm_arena_alloc(arena, n, sizeof *x);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)(i * 7919 % 1000) * 1e-3f - 0.5f;
    return x;
}

static void
bench_layer(size_t count, size_t in, size_t out, bool first, double peak)
{
    struct sm_arena arena = {0};
    struct layer l = {.count = count, .in = in, .out = out};
    l.x = some_floats(&arena, count * sm_panels_width(in));
    l.y = some_floats(&arena, count * sm_panels_width(out));
    l.b = some_floats(&arena, out);
    l.dx = first ? NULL : some_floats(&arena, count * sm_panels_width(in));
    for (size_t worker = 0; worker < WORKERS; worker++) {
        l.w[worker] = some_floats(&arena, out * in);
        l.dw[worker] = some_floats(&arena, out * in);
    }
    const double flop = 2.0 * (double)count * (double)in * (double)out;
    const struct {
        const char *name;
        void (*once)(void *arg, size_t worker);
        double flop;
    } kernels[] = {
        {"forward", our_forward, flop},
        {"forward_openblas", openblas_forward, flop},
        {"backward", our_backward, first ? flop : 2 * flop},
        {"backward_openblas", openblas_backward, first ? flop : 2 * flop},
    };
    for (size_t k = 0; k < sizeof kernels / sizeof *kernels; k++) {
        char name[64];
        snprintf(name, sizeof name, "%zux%zu_%s", in, out, kernels[k].name);
        row(name, count, rate_of(kernels[k].once, &l), kernels[k].flop, peak);
    }
    sm_arena_fini(&arena);
}

int
main(void)
{
    openblas_set_num_threads(1);
    const double peak = fma_peak();
    printf("layer,batch,samples_per_second,gflops,share_of_peak,processor\n");
    printf("fma_peak,,,%.2f,1,%s\n", peak * 1e-9, processor_name());
    for (size_t batch = 32; batch <= 128; batch *= 4) {
        bench_layer(batch, 784, 10, true, peak);
        bench_layer(batch, 1568, 128, false, peak);
        bench_layer(batch, 784, 256, true, peak);
        bench_layer(batch, 256, 128, false, peak);
        bench_layer(batch, 128, 10, false, peak);
    }
    return 0;
}
