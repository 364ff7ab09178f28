/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/transformer.c -- transformer_lm and transformer: gradients, causality, padding. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/helpers/arena.h"
#include "tests/helpers/check.h"
#include "workloads/models/model.h"

/* A model fitted to sequences, with a start that is no special point and a batch. */
struct fixture {
    const struct sm_model *model;
    void *state;
    struct sm_model_form form;
    struct sm_data_shape shape;
    size_t n;
    float *x, *g;
    uint16_t *tokens;
    struct sm_batch batch;
};

enum { VOCABULARY = 37, COUNT = 5 };

static const struct sm_data_shape text = {.vocabulary = VOCABULARY, .target = 21};
static const struct sm_data_shape pairs = {.vocabulary = VOCABULARY, .source = 18, .target = 19};

static enum sm_status
configure(struct fixture *f, const char *yaml, const struct sm_data_shape *shape)
{
    struct sm_node *root;
    char document[256];
    struct sm_choice choice;
    *f = (struct fixture){.shape = *shape};
    snprintf(document, sizeof document, "model: %s", yaml);
    SM_TRY(sm_tree_parse(&arena, "test", document, &root));
    SM_TRY(sm_choice_bind(&sm_axis_model, sm_tree_get(root, "model"), NULL, &arena, &choice));
    f->model = (const struct sm_model *)choice.plugin;
    f->state = sm_choice_state(&choice, &arena);
    return f->model->configure(f->state, &arena, shape, 1, &f->form);
}

/* Sentence s has `source` - 2 s and `target` - 3 s tokens, so that some are padded. */
static void
make(struct fixture *f, const char *yaml, const struct sm_data_shape *shape)
{
    struct sm_rng *rng = sm_rng_create(&arena, 5, SM_RNG_TEST, 0);
    check_ok(configure(f, yaml, shape));
    for (size_t t = 0; t < f->form.tensor_count; t++)
        f->n += sm_tensor_size(&f->form.tensors[t]);
    f->x = sm_arena_alloc(&arena, f->n, sizeof *f->x);
    f->g = sm_arena_alloc(&arena, f->n, sizeof *f->g);
    f->model->initial(f->state, rng, f->x, NULL);
    for (size_t i = 0; i < f->n; i++)
        f->x[i] += (float)sm_rng_normal(rng, 0.1);
    const size_t stride = shape->source + shape->target + 1;
    f->tokens = sm_arena_zalloc(&arena, COUNT * stride, sizeof *f->tokens);
    for (size_t s = 0; s < COUNT; s++) {
        uint16_t *token = f->tokens + s * stride;
        const bool padded = shape->source > 0;
        for (size_t i = 0; i < shape->source - 2 * s * padded; i++)
            token[i] = (uint16_t)(SM_TOKENS_SPECIAL + sm_rng_below(rng, VOCABULARY - 3));
        for (size_t i = 0; i < shape->target + 1 - 3 * s * padded; i++)
            token[shape->source + i] =
                (uint16_t)(SM_TOKENS_SPECIAL + sm_rng_below(rng, VOCABULARY - 3));
    }
    f->batch = (struct sm_batch){
        .tokens = f->tokens,
        .count = COUNT,
        .dropout = sm_rng_create(&arena, 5, SM_RNG_DROPOUT, 0),
    };
}

/* The loss of the training pass; its dropout the same each time. */
static double
training_loss(struct fixture *f, const float *x, float *g)
{
    struct sm_arena scratch = {0};
    double loss;
    sm_rng_restart(f->batch.dropout, 6, SM_RNG_DROPOUT, 0);
    check_ok(f->model->gradient(f->state, &f->batch, x, NULL, g, &loss, &scratch));
    sm_arena_fini(&scratch);
    return loss;
}

static struct sm_metrics
metrics_of(struct fixture *f)
{
    struct sm_arena scratch = {0};
    struct sm_metrics metrics;
    check_ok(f->model->evaluate(f->state, &f->batch, f->x, NULL, &metrics, &scratch));
    sm_arena_fini(&scratch);
    return metrics;
}

/* g . d against the slope of the loss along a random direction d of each tensor in turn. */
static void
check_slopes(struct fixture *f)
{
    enum { DIRECTIONS = 2 };
    struct sm_rng *rng = sm_rng_create(&arena, 9, SM_RNG_TEST, 0);
    float *moved = sm_arena_alloc(&arena, f->n, sizeof *moved);
    float *unused = sm_arena_alloc(&arena, f->n, sizeof *unused);
    training_loss(f, f->x, f->g);
    for (size_t t = 0; t < f->form.tensor_count; t++)
        for (size_t direction = 0; direction < DIRECTIONS; direction++) {
            const struct sm_tensor *tensor = &f->form.tensors[t];
            const size_t size = sm_tensor_size(tensor);
            const double h = 0.02 / sqrt((double)size);
            float *d = sm_arena_alloc(&arena, size, sizeof *d);
            double slope = 0, norm = 0, loss[4];
            for (size_t i = 0; i < size; i++) {
                const double g = (double)f->g[tensor->offset + i];
                d[i] = (float)sm_rng_normal(rng, 1);
                slope += (double)d[i] * g;
                norm += g * g;
            }
            for (int side = 0; side < 4; side++) { /* -2h, -h, h, 2h: error O(h^4) */
                const double step = h * (side < 2 ? side - 2 : side - 1);
                memcpy(moved, f->x, f->n * sizeof *moved);
                for (size_t i = 0; i < size; i++)
                    moved[tensor->offset + i] += (float)(step * (double)d[i]);
                loss[side] = training_loss(f, moved, unused);
            }
            const double measured = (8 * (loss[2] - loss[1]) - (loss[3] - loss[0])) / (12 * h);
            const double tolerance = 2e-3 * sqrt(norm) + 1e-6 / h;
            if (fabs(slope - measured) > tolerance)
                print_message("%s: %g, measured %g\n", tensor->name, slope, measured);
            check_near(slope, measured, tolerance);
        }
}

#define SMALL "width: 32, heads: 2, hidden: 48, "

static void
gradient_of_transformer_lm_is_the_slope_of_its_loss(void **unused)
{
    (void)unused;
    struct fixture f;
    make(&f, "{name: transformer_lm, " SMALL "layers: 2}", &text);
    check_slopes(&f);
    check_near(training_loss(&f, f.x, f.g), metrics_of(&f).loss / (COUNT * 21.0), 1e-6);
}

static void
gradient_of_transformer_lm_is_the_slope_with_dropout_and_smoothing(void **unused)
{
    (void)unused;
    struct fixture f;
    make(&f, "{name: transformer_lm, " SMALL "layers: 2, dropout: 0.2, label_smoothing: 0.1}",
         &text);
    check_slopes(&f);
}

static void
gradient_of_transformer_is_the_slope_of_its_loss(void **unused)
{
    (void)unused;
    struct fixture f;
    make(&f, "{name: transformer, " SMALL "layers: 2, dropout: 0, label_smoothing: 0}", &pairs);
    check_slopes(&f);
    const struct sm_metrics metrics = metrics_of(&f);
    assert_int_equal(metrics.count, 19 + 16 + 13 + 10 + 7);
    assert_true(metrics.sequences);
    check_near(training_loss(&f, f.x, f.g), metrics.loss / (double)metrics.count, 1e-6);
}

static void
gradient_of_transformer_is_the_slope_with_dropout_and_smoothing(void **unused)
{
    (void)unused;
    struct fixture f;
    make(&f, "{name: transformer, " SMALL "layers: 1, dropout: 0.3, label_smoothing: 0.2}", &pairs);
    check_slopes(&f);
}

static void
the_next_draw_drops_other_units(void **unused)
{
    (void)unused;
    struct fixture f;
    make(&f, "{name: transformer_lm, " SMALL "layers: 1, dropout: 0.1}", &text);
    struct sm_arena scratch = {0};
    double loss[2];
    for (int i = 0; i < 2; i++)
        check_ok(f.model->gradient(f.state, &f.batch, f.x, NULL, f.g, &loss[i], &scratch));
    assert_true(loss[0] != loss[1]);
    check_near(training_loss(&f, f.x, f.g), training_loss(&f, f.x, f.g), 0);
    sm_arena_fini(&scratch);
}

static void
more_padding_gives_the_same_bits(void **unused)
{
    (void)unused;
    struct sm_data_shape roomy = pairs;
    struct fixture f[2];
    double loss[2];
    roomy.source += 9;
    roomy.target += 14;
    make(&f[0], "{name: transformer, " SMALL "layers: 2, dropout: 0}", &pairs);
    make(&f[1], "{name: transformer, " SMALL "layers: 2, dropout: 0}", &roomy);
    assert_int_equal(f[0].n, f[1].n);
    const size_t tight = pairs.source + pairs.target + 1, wide = roomy.source + roomy.target + 1;
    memset(f[1].tokens, 0, COUNT * wide * sizeof *f[1].tokens);
    for (size_t s = 0; s < COUNT; s++) {
        memcpy(f[1].tokens + s * wide, f[0].tokens + s * tight, pairs.source * sizeof *f[1].tokens);
        memcpy(f[1].tokens + s * wide + roomy.source, f[0].tokens + s * tight + pairs.source,
               (pairs.target + 1) * sizeof *f[1].tokens);
    }
    for (int i = 0; i < 2; i++)
        loss[i] = training_loss(&f[i], f[0].x, f[i].g);
    check_near(loss[0], loss[1], 0);
    assert_memory_equal(f[0].g, f[1].g, f[0].n * sizeof(float));
}

static void
what_stands_behind_the_padding_plays_no_part(void **unused)
{
    (void)unused;
    struct fixture f;
    make(&f, "{name: transformer, " SMALL "layers: 1, dropout: 0}", &pairs);
    const double loss = metrics_of(&f).loss;
    const size_t stride = pairs.source + pairs.target + 1;
    f.tokens[4 * stride + pairs.source - 1] = 7; /* sentence 4 has 8 tokens of padding there */
    f.tokens[4 * stride + pairs.source + pairs.target] = 8;
    check_near(metrics_of(&f).loss, loss, 0);
    f.tokens[4 * stride + 2] = f.tokens[4 * stride + 2] == 7 ? 8 : 7;
    assert_true(metrics_of(&f).loss != loss);
}

static void
a_batch_is_the_sum_of_its_sentences(void **unused)
{
    (void)unused;
    static const struct sm_data_shape *const shapes[] = {&text, &pairs};
    static const char *const models[] = {"{name: transformer_lm, " SMALL "layers: 2}",
                                         "{name: transformer, " SMALL "layers: 2}"};
    for (int m = 0; m < 2; m++) {
        struct fixture f;
        make(&f, models[m], shapes[m]);
        const struct sm_metrics all = metrics_of(&f);
        struct sm_metrics sum = {0};
        const uint16_t *tokens = f.tokens;
        f.batch.count = 1;
        for (size_t s = 0; s < COUNT; s++) {
            f.batch.tokens = tokens + s * (f.shape.source + f.shape.target + 1);
            const struct sm_metrics one = metrics_of(&f);
            sm_metrics_add(&sum, &one);
        }
        check_near(sum.loss, all.loss, 1e-9);
        check_near(sum.correct, all.correct, 0);
        assert_int_equal(sum.count, all.count);
    }
}

static void
an_empty_source_and_an_empty_target_are_no_accident(void **unused)
{
    (void)unused;
    struct fixture f;
    make(&f, "{name: transformer, " SMALL "layers: 1}", &pairs);
    const size_t stride = pairs.source + pairs.target + 1;
    memset(f.tokens, 0, COUNT * stride * sizeof *f.tokens);
    check_near(training_loss(&f, f.x, f.g), 0, 0);
    for (size_t i = 0; i < f.n; i++)
        assert_true(f.g[i] == 0.0f);
    assert_int_equal(metrics_of(&f).count, 0);
}

/* Adam (Kingma, Ba 2015), as long as it takes. */
static double
train(struct fixture *f, size_t steps, double rate)
{
    double *m = sm_arena_zalloc(&arena, f->n, sizeof *m), loss = 0;
    double *v = sm_arena_zalloc(&arena, f->n, sizeof *v);
    for (size_t t = 1; t <= steps; t++) {
        loss = training_loss(f, f->x, f->g);
        for (size_t i = 0; i < f->n; i++) {
            const double g = (double)f->g[i];
            m[i] += 0.1 * (g - m[i]);
            v[i] += 0.01 * (g * g - v[i]);
            const double first = m[i] / (1 - pow(0.9, (double)t));
            const double second = v[i] / (1 - pow(0.99, (double)t));
            f->x[i] -= (float)(rate * first / (sqrt(second) + 1e-8));
        }
    }
    return loss;
}

static void
a_set_that_was_learned_by_heart_is_translated_without_error(void **unused)
{
    (void)unused;
    struct fixture f;
    struct sm_arena scratch = {0};
    uint16_t hypotheses[COUNT * 19];
    make(&f, "{name: transformer, " SMALL "layers: 1, dropout: 0, label_smoothing: 0}", &pairs);
    const size_t stride = pairs.source + pairs.target + 1;
    for (size_t s = 0; s < COUNT; s++) { /* BEGIN words END, the first without room for END */
        f.tokens[s * stride + pairs.source] = SM_TOKEN_BEGIN;
        if (s > 0)
            f.tokens[s * stride + pairs.source + pairs.target - 3 * s] = SM_TOKEN_END;
    }
    check_near(train(&f, 200, 3e-3), 0, 0.05);
    check_ok(f.model->translate(f.state, &f.batch, f.x, hypotheses, &scratch));
    for (size_t s = 0; s < COUNT; s++)
        assert_memory_equal(hypotheses + s * pairs.target, f.tokens + s * stride + pairs.source + 1,
                            pairs.target * sizeof *hypotheses);
    sm_arena_fini(&scratch);
}

/* Greedy decoding without the kept keys: the likeliest next token of the whole sentence so far is
 * the one whose loss is smallest. */
static void
translating_step_by_step_chooses_what_the_whole_pass_finds_likeliest(void **unused)
{
    (void)unused;
    struct fixture f;
    struct sm_arena scratch = {0};
    enum { STEPS = 13 };
    const struct sm_data_shape shape = {.vocabulary = VOCABULARY, .source = 18, .target = STEPS};
    uint16_t hypotheses[COUNT * STEPS];
    make(&f, "{name: transformer, " SMALL "layers: 2}", &shape);
    check_ok(f.model->translate(f.state, &f.batch, f.x, hypotheses, &scratch));
    const size_t stride = shape.source + shape.target + 1;
    f.batch.count = 1;
    for (size_t s = 0; s < COUNT; s++) {
        uint16_t *target = f.tokens + s * stride + shape.source;
        f.batch.tokens = f.tokens + s * stride;
        memset(target, 0, (STEPS + 1) * sizeof *target);
        target[0] = SM_TOKEN_BEGIN;
        for (size_t t = 0, ended = 0; t < STEPS && !ended; t++) {
            double least = INFINITY;
            uint16_t best = 0;
            for (uint16_t token = SM_TOKEN_END; token < VOCABULARY; token++) {
                target[t + 1] = token;
                const double loss = metrics_of(&f).loss;
                if (loss < least) {
                    least = loss;
                    best = token;
                }
            }
            assert_int_equal(hypotheses[s * STEPS + t], best);
            target[t + 1] = best;
            ended = best == SM_TOKEN_END;
        }
    }
    sm_arena_fini(&scratch);
}

static void
transformer_lm_learns_a_text_by_heart(void **unused)
{
    (void)unused;
    struct fixture f;
    make(&f, "{name: transformer_lm, " SMALL "layers: 1}", &text);
    train(&f, 150, 3e-3);
    const struct sm_metrics metrics = metrics_of(&f);
    assert_true(sm_metrics_perplexity(&metrics) < 1.3);
    assert_true(sm_metrics_accuracy(&metrics) > 0.95);
}

static void
transformers_have_the_parameters_and_names_of_pytorchs_modules(void **unused)
{
    (void)unused;
    struct fixture f;
    const struct sm_data_shape bytes = {.vocabulary = 256, .target = 128};
    check_ok(configure(&f, "transformer_lm", &bytes));
    size_t n = 0;
    for (size_t t = 0; t < f.form.tensor_count; t++)
        n += sm_tensor_size(&f.form.tensors[t]);
    /* (256 + 128) 128 + 4 (3 128^2 + 384 + 128^2 + 128 + 2 128 512 + 512 + 128 + 512) + 256 */
    assert_int_equal(n, 842496);
    const char *const names[] = {
        "embedding.weight",
        "position.weight",
        "blocks.layers.0.self_attn.in_proj_weight",
        "blocks.layers.0.self_attn.in_proj_bias",
        "blocks.layers.0.self_attn.out_proj.weight",
        "blocks.layers.0.self_attn.out_proj.bias",
        "blocks.layers.0.norm1.weight",
        "blocks.layers.0.norm1.bias",
        "blocks.layers.0.linear1.weight",
        "blocks.layers.0.linear1.bias",
        "blocks.layers.0.linear2.weight",
        "blocks.layers.0.linear2.bias",
        "blocks.layers.0.norm2.weight",
        "blocks.layers.0.norm2.bias",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_string_equal(f.form.tensors[i].name, names[i]);
    assert_string_equal(f.form.tensors[f.form.tensor_count - 1].name, "blocks.norm.bias");
    assert_int_equal(f.form.tensors[2].shape[0], 384); /* (out, in) */
    assert_true(f.form.tensors[2].panels);
    /* products of a token: 4 layers of 12 128^2 weights, 256 logits; attention: half of 128^2 */
    const double products =
        2 * 128 * (4 * 12 * 128.0 * 128 + 128 * 256) + 4 * 4 * 128 * (128.0 * 129 / 2);
    assert_true(f.form.flop > products && f.form.flop < 1.05 * products);
    check_near(f.form.gradient_flop, 3 * f.form.flop, 0);
}

static void
transformers_refuse_widths_that_do_not_fit_and_data_of_another_kind(void **unused)
{
    (void)unused;
    struct fixture f;
    check_fails(configure(&f, "{name: transformer_lm, width: 96, heads: 4}", &text), SM_ERR_INPUT,
                "width 96 over 4 heads, expected a multiple of 16 for each head");
    check_fails(configure(&f, "{name: transformer, hidden: 100}", &pairs), SM_ERR_INPUT,
                "hidden: 100, expected a multiple of 16");
    check_fails(configure(&f, "transformer_lm", &pairs), SM_ERR_INPUT, "transformer_lm wants");
    check_fails(configure(&f, "transformer", &text), SM_ERR_INPUT, "transformer wants");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradient_of_transformer_lm_is_the_slope_of_its_loss),
        cmocka_unit_test(gradient_of_transformer_lm_is_the_slope_with_dropout_and_smoothing),
        cmocka_unit_test(gradient_of_transformer_is_the_slope_of_its_loss),
        cmocka_unit_test(gradient_of_transformer_is_the_slope_with_dropout_and_smoothing),
        cmocka_unit_test(the_next_draw_drops_other_units),
        cmocka_unit_test(more_padding_gives_the_same_bits),
        cmocka_unit_test(what_stands_behind_the_padding_plays_no_part),
        cmocka_unit_test(a_batch_is_the_sum_of_its_sentences),
        cmocka_unit_test(an_empty_source_and_an_empty_target_are_no_accident),
        cmocka_unit_test(a_set_that_was_learned_by_heart_is_translated_without_error),
        cmocka_unit_test(translating_step_by_step_chooses_what_the_whole_pass_finds_likeliest),
        cmocka_unit_test(transformer_lm_learns_a_text_by_heart),
        cmocka_unit_test(transformers_have_the_parameters_and_names_of_pytorchs_modules),
        cmocka_unit_test(transformers_refuse_widths_that_do_not_fit_and_data_of_another_kind),
    };
    return cmocka_run_group_tests_name("transformer", tests, NULL, arena_teardown);
}
