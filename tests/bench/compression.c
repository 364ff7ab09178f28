/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/bench/compression.c -- what one rank's part of a compressed mean costs, one thread: CSV.
 *
 * A made-up gradient goes through sm_codec_average on a machine where nothing travels; the seconds
 * are those of the arithmetic. Beside them the gradient of a batch of 32.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "algorithms/compression/compression.h"
#include "sim/base/rng.h"
#include "tests/helpers/problem.h"
#include "tests/helpers/processor.h"
#include "tests/helpers/speed.h"

enum { ROUNDS = 7, BATCH = 32 };

static void
expect(enum sm_status status)
{
    if (status == SM_OK)
        return;
    fprintf(stderr, "bench_compression: %s\n", sm_error_last()->message);
    exit(1);
}

static enum sm_status
run_job(struct sm_comm *comm, enum sm_stage stage, double seconds, double flop,
        const struct sm_job *job)
{
    (void)comm;
    (void)stage;
    (void)seconds;
    (void)flop;
    static struct sm_arena scratch;
    return job->run(job->arg, &scratch);
}

static enum sm_status
reduce_nothing(struct sm_comm *comm, enum sm_reach reach, float *x, size_t n, double wire,
               struct sm_request **request)
{
    (void)comm;
    (void)reach;
    (void)x;
    (void)n;
    (void)wire;
    *request = NULL;
    return SM_OK;
}

static enum sm_status
wait_for_nothing(struct sm_comm *comm, struct sm_request **request)
{
    (void)comm;
    (void)request;
    return SM_OK;
}

static const struct sm_comm_ops ops = {
    .compute = run_job, .iallreduce = reduce_nothing, .wait = wait_for_nothing};

/* The model's layers as matrices. */
static size_t
matrices_of(const struct problem *problem, struct sm_matrix *matrices)
{
    const struct sm_model_form *form = &problem->form;
    size_t at = 0;
    for (size_t i = 0; i < form->tensor_count; i++) {
        matrices[i] = sm_tensor_matrix(&form->tensors[i]);
        matrices[i].offset = at;
        at += sm_tensor_size(&form->tensors[i]);
    }
    return form->tensor_count;
}

static void
row(const char *model, const char *what, size_t n, double seconds, double gradient)
{
    printf("%s,%zu,%s,%.3f,%.3f,%.4f,%s\n", model, n, what, seconds * 1e3,
           seconds * 1e9 / (double)n, seconds / gradient, processor_name());
    fflush(stdout);
}

static double
gradient_seconds(struct problem *problem)
{
    struct sm_arena scratch = {0};
    double seconds[ROUNDS];
    for (size_t round = 0; round < ROUNDS; round++) {
        const double start = cpu_seconds();
        expect(problem_gradient(problem, &scratch));
        seconds[round] = cpu_seconds() - start;
    }
    sm_arena_fini(&scratch);
    return median(seconds, ROUNDS);
}

static double
average_seconds(const struct sm_setup *setup, const float *gradient)
{
    struct sm_codec codec;
    float *x = sm_arena_alloc(setup->arena, setup->n, sizeof *x);
    double seconds[ROUNDS];
    expect(sm_codec_init(&codec, setup));
    for (size_t round = 0; round < ROUNDS; round++) {
        memcpy(x, gradient, setup->n * sizeof *x);
        const double start = cpu_seconds();
        expect(sm_codec_average(&codec, setup->comm, x, 0));
        seconds[round] = cpu_seconds() - start;
    }
    return median(seconds, ROUNDS);
}

static void
bench_model(const char *model)
{
    struct sm_arena arena = {0};
    struct problem problem;
    struct sm_matrix matrices[256];
    struct sm_comm comm = {.ops = &ops, .size = 32, .seed = 1, .devices = 1, .wire_scale = 1};
    expect(problem_create(&problem, model, BATCH, 1, &arena));
    const double gradient = gradient_seconds(&problem);
    row(model, "gradient", problem.n, gradient, gradient);
    struct sm_rng *rng = sm_rng_create(&arena, 1, SM_RNG_TEST, 0);
    for (size_t i = 0; i < problem.n; i++)
        problem.g[i] = (float)sm_rng_normal(rng, 1e-3);
    for (const struct sm_plugin *const *p = sm_axis_compression.plugins; *p != NULL; p++) {
        struct sm_choice choice;
        const struct sm_node name = {.kind = SM_NODE_SCALAR, .text = (*p)->name};
        expect(sm_choice_bind(&sm_axis_compression, &name, NULL, &arena, &choice));
        const struct sm_setup setup = {.arena = &arena,
                                       .comm = &comm,
                                       .n = problem.n,
                                       .x0 = problem.x,
                                       .matrices = matrices,
                                       .matrix_count = matrices_of(&problem, matrices),
                                       .compression = &choice};
        row(model, (*p)->name, problem.n, average_seconds(&setup, problem.g), gradient);
    }
    sm_arena_fini(&arena);
}

int
main(void)
{
    printf("model,parameters,compression,milliseconds,nanoseconds_a_number,of_a_gradient,"
           "processor\n");
    bench_model("resnet20");
    bench_model("resnet18");
    bench_model("transformer");
    return 0;
}
