/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/bench/gradient.c -- how fast one OS thread computes gradients: CSV on standard output.
 *
 * Every call is of another of 32 workers, each with its own x and g, as in a run: parameters come
 * from memory, not from the cache. Rows `dense_*` compare the kernels with OpenBLAS on the mlp's
 * layers, in the same setting. The FMA peak is measured in the same program.
 */
#include <cblas.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/helpers/processor.h"
#include "workloads/kernels/kernels.h"
#include "workloads/workload.h"

#undef I /* complex.h, by way of cblas.h */

enum { WORKERS = 32, ROUNDS = 9 };
static const double round_seconds = 0.1;

static double
cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void
expect(enum sm_status status)
{
    if (status == SM_OK)
        return;
    fprintf(stderr, "gradient: %s\n", sm_error_last()->message);
    exit(1);
}

/* FLOP/s of twelve independent chains of 8-wide multiply-adds. */
#if defined(__x86_64__)
__attribute__((target("arch=x86-64-v3"))) static double
fma_peak(void)
{
    typedef float vector __attribute__((vector_size(32)));
    enum { CHAINS = 12, TURNS = 2000000 };
    vector sum[CHAINS] = {0};
    const vector one = {1, 1, 1, 1, 1, 1, 1, 1};
    double best = 0;
    for (int round = 0; round < ROUNDS; round++) {
        const double start = cpu_seconds();
        for (int turn = 0; turn < TURNS; turn++)
#pragma GCC unroll 12
            for (int c = 0; c < CHAINS; c++)
                __asm__ volatile("vfmadd231ps %1, %1, %0" : "+x"(sum[c]) : "x"(one));
        const double rate = CHAINS * 16.0 * TURNS / (cpu_seconds() - start);
        best = rate > best ? rate : best;
    }
    return best;
}
#endif

static int
descending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

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
    qsort(rates, ROUNDS, sizeof *rates, descending);
    return rates[ROUNDS / 2];
}

static void
row(const char *name, size_t batch, double calls_per_second, double flop, double peak)
{
    const double rate = calls_per_second * flop;
    printf("%s,%zu,%.0f,%.2f,%.3f,%s\n", name, batch, calls_per_second * (double)batch, rate * 1e-9,
           rate / peak, processor_name());
    fflush(stdout);
}

struct task {
    struct sm_learner *learner[WORKERS];
    float *x[WORKERS], *g[WORKERS];
    struct sm_arena scratch;
};

static void
gradient_once(void *arg, size_t worker)
{
    struct task *t = arg;
    double loss;
    sm_arena_reset(&t->scratch);
    expect(sm_learner_gradient(t->learner[worker], t->x[worker], t->g[worker], &loss, &t->scratch));
}

static void
bench_model(const char *name, size_t batch, double peak)
{
    struct sm_arena arena = {0};
    struct sm_node *yaml;
    struct sm_workload_settings settings = {.batch = batch};
    char text[256];
    snprintf(text, sizeof text,
             "{model: %s, dataset: {name: synthetic, features: 784, train: 8192, test: 1}}", name);
    expect(sm_tree_parse(&arena, "bench", text, &yaml));
    expect(
        sm_choice_bind(&sm_axis_model, sm_tree_get(yaml, "model"), NULL, &arena, &settings.model));
    expect(sm_choice_bind(&sm_axis_dataset, sm_tree_get(yaml, "dataset"), NULL, &arena,
                          &settings.dataset));
    expect(sm_choice_bind(&sm_axis_partition, NULL, NULL, &arena, &settings.partition));
    struct sm_workload *workload;
    expect(sm_workload_create(&arena, &settings, 1, WORKERS, &workload));
    const struct sm_tensor *tensors;
    const size_t n = sm_workload_parameters(workload);
    const size_t first =
        sm_workload_tensors(workload, &tensors) > 0 ? tensors[0].shape[0] * tensors[0].shape[1] : 0;
    struct task t = {.scratch = {0}};
    for (size_t worker = 0; worker < WORKERS; worker++) {
        expect(sm_learner_create(workload, worker, &arena, &t.learner[worker]));
        t.x[worker] = sm_arena_alloc(&arena, n, sizeof(float));
        t.g[worker] = sm_arena_alloc(&arena, n, sizeof(float));
        sm_workload_initial(workload, t.x[worker]);
    }
    /* forward, weights' gradient, inputs' gradient of all layers but the first */
    const double flop = 3 * sm_workload_flop_per_sample(workload) - 2 * (double)first;
    row(name, batch, rate_of(gradient_once, &t), flop * (double)batch, peak);
    sm_arena_fini(&t.scratch);
    sm_arena_fini(&arena);
}

struct layer {
    size_t count, in, out;
    float *x, *y, *b, *dx, *w[WORKERS], *dw[WORKERS];
};

static void
own_forward(void *arg, size_t worker)
{
    const struct layer *l = arg;
    sm_dense_forward(l->y, l->x, l->w[worker], l->b, l->count, l->in, l->out);
}

static void
own_backward(void *arg, size_t worker)
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
    l.x = some_floats(&arena, count * in);
    l.y = some_floats(&arena, count * out);
    l.b = some_floats(&arena, out);
    l.dx = first ? NULL : some_floats(&arena, count * in);
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
        {"forward_own", own_forward, flop},
        {"forward_openblas", openblas_forward, flop},
        {"backward_own", own_backward, first ? flop : 2 * flop},
        {"backward_openblas", openblas_backward, first ? flop : 2 * flop},
    };
    for (size_t k = 0; k < 4; k++) {
        char name[64];
        snprintf(name, sizeof name, "dense_%zux%zu_%s", in, out, kernels[k].name);
        row(name, count, rate_of(kernels[k].once, &l), kernels[k].flop, peak);
    }
    sm_arena_fini(&arena);
}

int
main(void)
{
#if defined(__x86_64__)
    if (!__builtin_cpu_supports("x86-64-v3")) {
        fprintf(stderr, "gradient: the peak is that of AVX2 and FMA, which this processor lacks\n");
        return 1;
    }
    openblas_set_num_threads(1);
    const double peak = fma_peak();
    const size_t batches[] = {8, 32, 128, 0};
    printf("model,batch,samples_per_second,gflops,share_of_peak,processor\n");
    printf("fma_peak,1,,%.2f,1,%s\n", peak * 1e-9, processor_name());
    for (const size_t *batch = batches; *batch > 0; batch++) {
        bench_model("softmax", *batch, peak);
        bench_model("mlp", *batch, peak);
    }
    for (const size_t *batch = batches + 1; *batch > 0; batch++) {
        bench_layer(*batch, 784, 256, true, peak);
        bench_layer(*batch, 256, 128, false, peak);
        bench_layer(*batch, 128, 10, false, peak);
    }
#endif
    return 0;
}
