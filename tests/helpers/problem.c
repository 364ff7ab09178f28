/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/helpers/problem.c -- see problem.h. */
#include "tests/helpers/problem.h"

#include <stdio.h>
#include <string.h>

#include "sim/base/vec.h"

static const struct {
    const char *model, *settings;
    struct sm_data_shape shape;
} problems[] = {
    {"softmax", "softmax", {.features = 784, .classes = 10}},
    {"mlp", "mlp", {.features = 784, .classes = 10}},
};
enum { PROBLEMS = sizeof problems / sizeof *problems };

const char *const problem_models[] = {"softmax", "mlp", NULL};

static size_t
floats_of(const struct sm_tensor *tensors, size_t count)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        n += sm_tensor_size(&tensors[i]);
    return n;
}

static enum sm_status
configure(struct problem *p, const char *model, const char *settings, struct sm_arena *arena)
{
    struct sm_node *root;
    struct sm_choice choice;
    const char *text = sm_arena_printf(arena, "model: %s", settings);
    SM_TRY(sm_tree_parse(arena, model, text, &root));
    SM_TRY(sm_choice_bind(&sm_axis_model, sm_tree_get(root, "model"), NULL, arena, &choice));
    p->model = (const struct sm_model *)choice.plugin;
    p->state = sm_choice_state(&choice, arena);
    SM_TRY(p->model->configure(p->state, arena, &p->shape, 1, &p->form));
    p->n = floats_of(p->form.tensors, p->form.tensor_count);
    p->statistics_n = floats_of(p->form.statistics, p->form.statistics_count);
    return SM_OK;
}

/* Tokens of one pair: a sentence of random length, padded; of a text: anything. */
static void
draw_tokens(uint16_t *tokens, const struct sm_data_shape *shape, struct sm_rng *rng)
{
    const size_t lengths[2] = {shape->source, shape->target + 1};
    for (size_t half = 0; half < 2; half++, tokens += lengths[0]) {
        const size_t length = lengths[half];
        const bool pairs = shape->source > 0;
        const size_t special = pairs ? SM_TOKENS_SPECIAL : 0;
        const size_t words =
            pairs && length > 0 ? length - 1 - sm_rng_below(rng, length / 2) : length;
        for (size_t t = 0; t < length; t++)
            tokens[t] = t < words
                            ? (uint16_t)(special + sm_rng_below(rng, shape->vocabulary - special))
                        : t == words ? SM_TOKEN_END
                                     : SM_TOKEN_PADDING;
        if (pairs && half == 1)
            tokens[0] = SM_TOKEN_BEGIN;
    }
}

static enum sm_status
draw_batch(struct problem *p, size_t count, struct sm_rng *rng, struct sm_arena *arena)
{
    const struct sm_data_shape *shape = &p->shape;
    const size_t length = shape->source + shape->target + 1;
    float *inputs = sm_arena_alloc(arena, count * shape->features, sizeof *inputs);
    uint8_t *labels = sm_arena_alloc(arena, count, 1);
    uint16_t *tokens = sm_arena_alloc(arena, count * length, sizeof *tokens);
    if (inputs == NULL || labels == NULL || tokens == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "problem: no memory for a batch of %zu", count);
    for (size_t i = 0; i < count * shape->features; i++)
        inputs[i] = (float)sm_rng_normal(rng, 1);
    for (size_t i = 0; i < count && shape->classes > 0; i++)
        labels[i] = (uint8_t)sm_rng_below(rng, shape->classes);
    for (size_t i = 0; i < count && shape->vocabulary > 0; i++)
        draw_tokens(tokens + i * length, shape, rng);
    const bool sequences = shape->vocabulary > 0;
    p->batch = (struct sm_batch){
        .inputs = sequences ? NULL : inputs,
        .labels = sequences ? NULL : labels,
        .tokens = sequences ? tokens : NULL,
        .count = count,
        .noise = rng,
        .dropout = rng,
    };
    return SM_OK;
}

enum sm_status
problem_create(struct problem *problem, const char *model, size_t batch, uint64_t seed,
               struct sm_arena *arena)
{
    size_t i = 0;
    while (i < PROBLEMS && strcmp(problems[i].model, model) != 0)
        i++;
    if (i == PROBLEMS)
        return SM_FAIL(SM_ERR_NAME, "problem: no model '%s'", model);
    struct sm_rng *rng = sm_rng_create(arena, seed, SM_RNG_TEST, 0);
    *problem = (struct problem){.shape = problems[i].shape};
    SM_TRY(configure(problem, model, problems[i].settings, arena));
    problem->x = sm_arena_alloc(arena, problem->n, sizeof(float));
    problem->g = sm_arena_alloc(arena, problem->n, sizeof(float));
    problem->statistics = sm_arena_alloc(arena, problem->statistics_n, sizeof(float));
    if (rng == NULL || problem->x == NULL || problem->g == NULL || problem->statistics == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "problem: no memory for %zu parameters", problem->n);
    problem->model->initial(problem->state, rng, problem->x, problem->statistics);
    for (size_t k = 0; k < problem->n; k++)
        problem->x[k] += (float)(0.02 * sm_rng_uniform(rng) - 0.01);
    return draw_batch(problem, batch, rng, arena);
}

enum sm_status
problem_gradient(struct problem *problem, struct sm_arena *scratch)
{
    sm_arena_reset(scratch);
    return problem->model->gradient(problem->state, &problem->batch, problem->x,
                                    problem->statistics, problem->g, &problem->loss, scratch);
}

enum sm_status
problem_step(struct problem *problem, float learning_rate, struct sm_arena *scratch)
{
    SM_TRY(problem_gradient(problem, scratch));
    sm_vec_axpy(problem->n, -learning_rate, problem->g, problem->x);
    return SM_OK;
}
