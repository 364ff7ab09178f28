/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/torch/problem.c -- writes a problem and our answer to it, for problems.py to read.
 *
 *   torch_problem             the models there are, one a line
 *   torch_problem MODEL       on standard output: its batch, weights and statistics, and the loss,
 *                             gradient and statistics after one call
 *
 * Each array is a line "KIND NAME TYPE DIMENSION..." (numpy's type) and then its bytes, in
 * PyTorch's order.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/helpers/problem.h"

static void
expect(enum sm_status status)
{
    if (status == SM_OK)
        return;
    fprintf(stderr, "torch_problem: %s\n", sm_error_last()->message);
    exit(1);
}

static void
write_tensors(const char *kind, const struct sm_tensor *tensors, size_t count, const float *flat,
              struct sm_arena *arena)
{
    for (size_t i = 0; i < count; i++) {
        const size_t size = sm_tensor_size(&tensors[i]);
        float *torch = sm_arena_alloc(arena, size, sizeof *torch);
        if (torch == NULL)
            exit(1);
        sm_tensor_export(&tensors[i], flat, torch);
        printf("%s %s f4", kind, tensors[i].name);
        for (size_t d = 0; d < tensors[i].rank; d++)
            printf(" %zu", tensors[i].shape[d]);
        printf("\n");
        fwrite(torch, sizeof *torch, size, stdout);
    }
}

static void
write_batch(const struct problem *p)
{
    const struct sm_data_shape *shape = &p->shape;
    const struct sm_batch *batch = &p->batch;
    if (batch->tokens != NULL) {
        const size_t length = shape->source + shape->target + 1;
        printf("batch tokens u2 %zu %zu\n", batch->count, length);
        fwrite(batch->tokens, sizeof *batch->tokens, batch->count * length, stdout);
        return;
    }
    if (shape->channels > 0)
        printf("batch inputs f4 %zu %zu %zu %zu\n", batch->count, shape->height, shape->width,
               shape->channels);
    else
        printf("batch inputs f4 %zu %zu\n", batch->count, shape->features);
    fwrite(batch->inputs, sizeof *batch->inputs, batch->count * shape->features, stdout);
    printf("batch labels u1 %zu\n", batch->count);
    fwrite(batch->labels, 1, batch->count, stdout);
}

int
main(int argc, char **argv)
{
    if (argc == 1) {
        for (size_t i = 0; problem_model(i) != NULL; i++)
            puts(problem_model(i));
        return 0;
    }
    if (argc != 2) {
        fprintf(stderr, "usage: torch_problem [MODEL]\n");
        return 2;
    }
    struct sm_arena arena = {0}, scratch = {0};
    struct problem p;
    expect(problem_create_small(&p, argv[1], &arena));
    const struct sm_model_form *form = &p.form;
    write_batch(&p);
    write_tensors("parameter", form->tensors, form->tensor_count, p.x, &arena);
    write_tensors("before", form->statistics, form->statistics_count, p.statistics, &arena);
    expect(problem_gradient(&p, &scratch));
    write_tensors("gradient", form->tensors, form->tensor_count, p.g, &arena);
    write_tensors("after", form->statistics, form->statistics_count, p.statistics, &arena);
    printf("answer loss f8\n");
    fwrite(&p.loss, sizeof p.loss, 1, stdout);
    sm_arena_fini(&scratch);
    sm_arena_fini(&arena);
    return 0;
}
