/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/bench/models.c -- how fast the models train: whole steps a second, on made-up batches.
 *
 *   bench_models                     CSV: every model, batch 32 and 128, one thread and all of them
 *   bench_models --layers MODEL N    CSV: the share of a step that each layer takes, batch N
 *   bench_models --serve MODEL N     steps on request, for compare_torch.py
 *
 * A step is the gradient of a batch that stands ready as floats (tokens), and plain SGD. Threads
 * train models of their own, as the workers of a run do; each thread goes round several models, so
 * that parameters come from memory, not from its cache.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/helpers/problem.h"
#include "tests/helpers/processor.h"
#include "tests/helpers/speed.h"

enum { ROUNDS = 7, MOST_THREADS = 64, MOST_REPLICAS = 32, MEMORY = 64 << 20 };
static const double round_seconds = 0.25;
static const float learning_rate = 1e-3f;

static void
expect(enum sm_status status)
{
    if (status == SM_OK)
        return;
    fprintf(stderr, "bench_models: %s\n", sm_error_last()->message);
    exit(1);
}

/* The models that one thread trains, in turn. */
struct trainer {
    struct problem replica[MOST_REPLICAS];
    size_t replicas, next;
    struct sm_arena arena, scratch;
    double rate; /* steps a CPU second of the last round */
};

static void
trainer_init(struct trainer *t, const char *model, size_t batch, size_t thread)
{
    *t = (struct trainer){0};
    t->replicas = MOST_REPLICAS;
    for (size_t i = 0; i < t->replicas; i++) {
        expect(problem_create(&t->replica[i], model, batch, thread * MOST_REPLICAS + i, &t->arena));
        const size_t enough = MEMORY / (2 * sizeof(float) * t->replica[0].n);
        t->replicas = enough < 2 ? 2 : enough < MOST_REPLICAS ? enough : MOST_REPLICAS;
    }
}

static void
trainer_fini(struct trainer *t)
{
    sm_arena_fini(&t->scratch);
    sm_arena_fini(&t->arena);
}

static void *
trainer_round(void *arg)
{
    struct trainer *t = arg;
    size_t steps = 0;
    const double start = cpu_seconds();
    double now = start;
    for (; now - start < round_seconds; now = cpu_seconds(), steps++)
        expect(problem_step(&t->replica[t->next++ % t->replicas], learning_rate, &t->scratch));
    t->rate = (double)steps / (now - start);
    return NULL;
}

/* Steps a second of the first `count` trainers side by side. */
static double
rate_of(struct trainer *trainers, size_t count)
{
    pthread_t threads[MOST_THREADS];
    double rate = 0;
    for (size_t i = 0; i < count; i++)
        if (pthread_create(&threads[i], NULL, trainer_round, &trainers[i]) != 0)
            exit(1);
    for (size_t i = 0; i < count; i++) {
        pthread_join(threads[i], NULL);
        rate += trainers[i].rate;
    }
    return rate;
}

static void
bench_model(const char *model, size_t batch, size_t threads, double peak)
{
    struct trainer *trainers = calloc(threads, sizeof *trainers);
    double one[ROUNDS], all[ROUNDS];
    for (size_t i = 0; i < threads; i++)
        trainer_init(&trainers[i], model, batch, i);
    rate_of(trainers, threads); /* memory and clock warm up */
    for (size_t round = 0; round < ROUNDS; round++) {
        one[round] = rate_of(trainers, 1);
        all[round] = rate_of(trainers, threads);
    }
    const double samples = median(one, ROUNDS) * (double)batch;
    const double flops = samples * trainers[0].replica[0].form.gradient_flop;
    printf("%s,%zu,%.0f,%.2f,%.3f,%zu,%.2f,%s\n", model, batch, samples, flops * 1e-9,
           peak > 0 ? flops / peak : 0, threads, median(all, ROUNDS) * (double)batch / samples,
           processor_name());
    fflush(stdout);
    for (size_t i = 0; i < threads; i++)
        trainer_fini(&trainers[i]);
    free(trainers);
}

static void
bench_all(void)
{
    const double peak = fma_peak();
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    const size_t threads = cores < 1 ? 1 : cores < MOST_THREADS ? (size_t)cores : MOST_THREADS;
    printf("model,batch,samples_per_second,gflops,share_of_peak,threads,speedup,processor\n");
    printf("fma_peak,,,%.2f,1,1,1,%s\n", peak * 1e-9, processor_name());
    for (size_t i = 0; problem_model(i) != NULL; i++)
        for (size_t batch = 32; batch <= 128; batch *= 4)
            bench_model(problem_model(i), batch, threads, peak);
}

static void
bench_layers(const char *model, size_t batch)
{
    static struct sm_layer_times times;
    struct trainer t;
    trainer_init(&t, model, batch, 0);
    trainer_round(&t);
    for (size_t i = 0; i < t.replicas; i++)
        t.replica[i].batch.times = &times;
    trainer_round(&t);
    double all = 0;
    for (size_t i = 0; i < times.count; i++)
        all += times.layer[i].forward + times.layer[i].backward;
    printf("model,batch,layer,forward,backward,processor\n");
    for (size_t i = 0; i < times.count; i++)
        printf("%s,%zu,%s,%.4f,%.4f,%s\n", model, batch, times.layer[i].name,
               times.layer[i].forward / all, times.layer[i].backward / all, processor_name());
    trainer_fini(&t);
}

/* Reads numbers of steps, answers each with the CPU seconds that they took. */
static void
serve(const char *model, size_t batch)
{
    struct sm_arena arena = {0}, scratch = {0};
    struct problem problem;
    size_t steps;
    expect(problem_create(&problem, model, batch, 0, &arena));
    while (scanf("%zu", &steps) == 1) {
        const double start = cpu_seconds();
        for (size_t step = 0; step < steps; step++)
            expect(problem_step(&problem, learning_rate, &scratch));
        printf("%.9f\n", cpu_seconds() - start);
        fflush(stdout);
    }
    sm_arena_fini(&scratch);
    sm_arena_fini(&arena);
}

int
main(int argc, char **argv)
{
    const size_t batch = argc == 4 ? strtoul(argv[3], NULL, 10) : 0;
    if (argc == 1)
        bench_all();
    else if (batch > 0 && strcmp(argv[1], "--layers") == 0)
        bench_layers(argv[2], batch);
    else if (batch > 0 && strcmp(argv[1], "--serve") == 0)
        serve(argv[2], batch);
    else {
        fprintf(stderr, "usage: bench_models [--layers MODEL BATCH | --serve MODEL BATCH]\n");
        return 2;
    }
    return 0;
}
