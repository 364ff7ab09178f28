/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/helpers/problem.c -- see problem.h. */
#include "tests/helpers/problem.h"

#include <stdio.h>
#include <string.h>

#include "sim/base/vec.h"

#define PIXELS(h, w, c)                                                                            \
    .features = (h) * (w) * (c), .classes = 10, .height = (h), .width = (w), .channels = (c)

static const struct form {
    const char *model, *settings;
    struct sm_data_shape shape;
    size_t small;  /* samples of the small problem */
    uint64_t seed; /* of it */
} forms[] = {
    {"softmax", "softmax", {.features = 784, .classes = 10}, 32, 12},
    {"mlp", "mlp", {.features = 784, .classes = 10}, 32, 12},
    {"lenet", "lenet", {PIXELS(28, 28, 1)}, 4, 12},
    {"resnet8", "resnet8", {PIXELS(32, 32, 3)}, 8, 12},
    {"resnet20", "resnet20", {PIXELS(32, 32, 3)}, 8, 12},
    {"resnet18", "resnet18", {PIXELS(32, 32, 3)}, 8, 13},
    {"transformer_lm", "transformer_lm", {.vocabulary = 256, .target = 128}, 4, 12},
    {"transformer",
     "{name: transformer, dropout: 0, label_smoothing: 0.1}",
     {.vocabulary = 1024, .source = 32, .target = 32},
     4,
     12},
};
enum { FORMS = sizeof forms / sizeof *forms };

const char *
problem_model(size_t i)
{
    return i < FORMS ? forms[i].model : NULL;
}

static size_t
floats_of(const struct sm_tensor *tensors, size_t count)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        n += sm_tensor_size(&tensors[i]);
    return n;
}

static enum sm_status
find(const char *model, const struct form **form)
{
    size_t i = 0;
    while (i < FORMS && strcmp(forms[i].model, model) != 0)
        i++;
    *form = &forms[i];
    return i < FORMS ? SM_OK : SM_FAIL(SM_ERR_NAME, "problem: no model '%s'", model);
}

static enum sm_status
configure(struct problem *p, const struct form *form, struct sm_arena *arena)
{
    struct sm_node *root;
    struct sm_choice choice;
    const char *text = sm_arena_printf(arena, "model: %s", form->settings);
    SM_TRY(sm_tree_parse(arena, form->model, text, &root));
    SM_TRY(sm_choice_bind(&sm_axis_model, sm_tree_get(root, "model"), NULL, arena, &choice));
    p->model = (const struct sm_model *)choice.plugin;
    p->state = sm_choice_state(&choice, arena);
    SM_TRY(p->model->configure(p->state, arena, &p->shape, 1, &p->form));
    p->n = floats_of(p->form.tensors, p->form.tensor_count);
    p->statistics_n = floats_of(p->form.statistics, p->form.statistics_count);
    return SM_OK;
}

/* A sentence of `words` tokens and its end; padding up to `length`. */
static void
draw_sentence(uint16_t *tokens, size_t length, size_t vocabulary, struct sm_rng *rng)
{
    const size_t words = length / 2 + sm_rng_below(rng, length / 2);
    for (size_t t = 0; t < length; t++)
        tokens[t] =
            t < words
                ? (uint16_t)(SM_TOKENS_SPECIAL + sm_rng_below(rng, vocabulary - SM_TOKENS_SPECIAL))
            : t == words ? SM_TOKEN_END
                         : SM_TOKEN_PADDING;
}

/* A stretch of text, or a pair of sentences. */
static void
draw_tokens(uint16_t *tokens, const struct sm_data_shape *shape, struct sm_rng *rng)
{
    if (shape->source == 0) {
        for (size_t t = 0; t <= shape->target; t++)
            tokens[t] = (uint16_t)sm_rng_below(rng, shape->vocabulary);
        return;
    }
    draw_sentence(tokens, shape->source, shape->vocabulary, rng);
    tokens[shape->source] = SM_TOKEN_BEGIN;
    draw_sentence(tokens + shape->source + 1, shape->target, shape->vocabulary, rng);
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

static enum sm_status
create(struct problem *p, const struct form *form, const struct sm_data_shape *shape, size_t batch,
       uint64_t seed, struct sm_arena *arena)
{
    *p = (struct problem){.shape = *shape};
    SM_TRY(configure(p, form, arena));
    struct sm_rng *rng = sm_rng_create(arena, seed, SM_RNG_TEST, 0);
    p->x = sm_arena_alloc(arena, p->n, sizeof(float));
    p->g = sm_arena_alloc(arena, p->n, sizeof(float));
    p->statistics = sm_arena_alloc(arena, p->statistics_n, sizeof(float));
    if (rng == NULL || p->x == NULL || p->g == NULL || p->statistics == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "problem: no memory for %zu parameters", p->n);
    p->model->initial(p->state, rng, p->x, p->statistics);
    for (size_t i = 0; i < p->n; i++)
        p->x[i] += (float)(0.02 * sm_rng_uniform(rng) - 0.01);
    return draw_batch(p, batch, rng, arena);
}

enum sm_status
problem_create(struct problem *problem, const char *model, size_t batch, uint64_t seed,
               struct sm_arena *arena)
{
    const struct form *form;
    SM_TRY(find(model, &form));
    return create(problem, form, &form->shape, batch, seed, arena);
}

enum sm_status
problem_create_small(struct problem *problem, const char *model, struct sm_arena *arena)
{
    enum { SIDE = 8 };
    const struct form *form;
    SM_TRY(find(model, &form));
    struct sm_data_shape shape = form->shape;
    if (shape.channels == 3)
        shape = (struct sm_data_shape){PIXELS(SIDE, SIDE, 3)};
    return create(problem, form, &shape, form->small, form->seed, arena);
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
