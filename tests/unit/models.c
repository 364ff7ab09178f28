/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/models.c -- what holds for every registered model, and each one by hand. */
#include <math.h>
#include <string.h>

#include "tests/helpers/arena.h"
#include "tests/helpers/check.h"
#include "workloads/models/model.h"

/* A configured model. */
struct made {
    const struct sm_model *model;
    void *state;
    struct sm_model_form form;
    struct sm_data_shape shape;
};

static enum sm_status
make_for(const char *yaml, const struct sm_data_shape *shape, size_t workers, struct made *made)
{
    struct sm_node *root;
    char text[256];
    struct sm_choice choice;
    snprintf(text, sizeof text, "model: %s", yaml);
    SM_TRY(sm_tree_parse(&arena, "test", text, &root));
    SM_TRY(sm_choice_bind(&sm_axis_model, sm_tree_get(root, "model"), NULL, &arena, &choice));
    made->model = (const struct sm_model *)choice.plugin;
    made->state = sm_choice_state(&choice, &arena);
    made->form = (struct sm_model_form){0};
    made->shape = *shape;
    return made->model->configure(made->state, &arena, shape, workers, &made->form);
}

static enum sm_status
make(const char *yaml, size_t features, size_t classes, size_t workers, struct made *made)
{
    const struct sm_data_shape vectors = {.features = features, .classes = classes};
    return make_for(yaml, &vectors, workers, made);
}

/* Small where it has the settings for it: a gradient takes minutes under a sanitizer. */
static char *
small(const struct sm_plugin *plugin)
{
    const char *settings = "";
    if (sm_param_find(plugin->params, "channels") != NULL)
        settings = ", channels: [16, 32], blocks: 1";
    else if (sm_param_find(plugin->params, "heads") != NULL)
        settings = ", width: 32, layers: 1, heads: 2, hidden: 32";
    return sm_arena_printf(&arena, "{name: %s%s}", plugin->name, settings);
}

/* On the first data it takes: vectors, images, a text, pairs of sentences. */
static void
make_fitting(const struct sm_plugin *plugin, size_t workers, struct made *made)
{
    const char *yaml = small(plugin);
    const struct sm_data_shape shapes[] = {
        {.features = 13, .classes = 5},
        {.features = 12 * 12, .classes = 5, .height = 12, .width = 12, .channels = 1},
        {.vocabulary = 32, .target = 9},
        {.vocabulary = 32, .source = 7, .target = 9},
    };
    enum sm_status status = SM_ERR_INPUT;
    for (size_t i = 0; i < 4 && status != SM_OK; i++)
        status = make_for(yaml, &shapes[i], workers, made);
    check_ok(status);
}

static size_t
floats_in(const struct sm_tensor *tensors, size_t count)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        n += sm_tensor_size(&tensors[i]);
    return n;
}

static size_t
parameters(const struct made *made)
{
    return floats_in(made->form.tensors, made->form.tensor_count);
}

static size_t
statistics(const struct made *made)
{
    return floats_in(made->form.statistics, made->form.statistics_count);
}

enum { FEATURES = 13, CLASSES = 5, WORKERS = 3, COUNT = 17 };

/* Each sequence ends with two places of padding where there are pairs. */
static uint16_t *
random_tokens(const struct sm_data_shape *shape, struct sm_rng *rng)
{
    const size_t length = shape->source + shape->target + 1;
    uint16_t *tokens = sm_arena_alloc(&arena, COUNT * length, sizeof *tokens);
    for (size_t i = 0; i < COUNT * length; i++)
        tokens[i] = (uint16_t)(3 + sm_rng_below(rng, shape->vocabulary - 3));
    for (size_t s = 0; s < COUNT && shape->source > 0; s++) {
        uint16_t *sample = tokens + s * length;
        sample[shape->source - 1] = SM_TOKEN_PADDING;
        sample[shape->source] = SM_TOKEN_BEGIN;
        sample[length - 2] = SM_TOKEN_END;
        sample[length - 1] = SM_TOKEN_PADDING;
    }
    return tokens;
}

static struct sm_batch
random_batch(const struct sm_data_shape *shape, struct sm_rng *rng)
{
    struct sm_batch batch = {.count = COUNT, .worker = 1, .noise = rng};
    if (shape->vocabulary > 0) {
        batch.tokens = random_tokens(shape, rng);
        return batch;
    }
    float *inputs = sm_arena_alloc(&arena, COUNT * shape->features, sizeof *inputs);
    uint8_t *labels = sm_arena_alloc(&arena, COUNT, 1);
    for (size_t i = 0; i < COUNT * shape->features; i++)
        inputs[i] = (float)sm_rng_normal(rng, 1);
    for (size_t i = 0; i < COUNT; i++)
        labels[i] = (uint8_t)(shape->classes > 0 ? sm_rng_below(rng, shape->classes) : 0);
    batch.inputs = inputs;
    batch.labels = labels;
    return batch;
}

/* The gradient from fresh statistics and the dropout stream's start. */
static double
gradient_at(const struct made *made, struct sm_batch *batch, const float *x, float *g)
{
    struct sm_arena scratch = {0};
    double loss;
    float *whole = sm_arena_alloc(&arena, parameters(made) + statistics(made), sizeof *whole);
    float *running = sm_arena_alloc(&arena, statistics(made), sizeof *running);
    made->model->initial(made->state, sm_rng_create(&arena, 1, SM_RNG_TEST, 1), whole, running);
    batch->dropout = sm_rng_create(&arena, 1, SM_RNG_DROPOUT, 0);
    check_ok(made->model->gradient(made->state, batch, x, running, g, &loss, &scratch));
    sm_arena_fini(&scratch);
    return loss;
}

static double
mean_loss(const struct made *made, const struct sm_batch *batch, const float *x)
{
    struct sm_metrics metrics;
    check_ok(made->model->evaluate(made->state, batch, x, NULL, &metrics, &arena));
    return sm_metrics_loss(&metrics);
}

static void
check_tiling(const struct sm_tensor *tensors, size_t count)
{
    size_t offset = 0;
    for (size_t i = 0; i < count; i++) {
        assert_in_range(tensors[i].rank, 1, 4);
        assert_int_equal(tensors[i].offset, offset);
        offset += sm_tensor_size(&tensors[i]);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(tensors[i].name, tensors[j].name);
    }
}

static void
tensors_of_every_model_tile_the_flat_vector_in_order(void **unused)
{
    (void)unused;
    for (const struct sm_plugin *const *p = sm_axis_model.plugins; *p != NULL; p++) {
        struct made made;
        make_fitting(*p, WORKERS, &made);
        assert_true(made.form.tensor_count > 0);
        check_tiling(made.form.tensors, made.form.tensor_count);
        check_tiling(made.form.statistics, made.form.statistics_count);
        assert_true(made.form.flop > 0 && made.form.gradient_flop > made.form.flop);
    }
}

static void
tensors_of_every_model_survive_pytorchs_order_and_back(void **unused)
{
    (void)unused;
    for (const struct sm_plugin *const *p = sm_axis_model.plugins; *p != NULL; p++) {
        struct made made;
        make_fitting(*p, WORKERS, &made);
        const size_t n = parameters(&made);
        float *x = sm_arena_alloc(&arena, n, sizeof *x), *y = sm_arena_zalloc(&arena, n, sizeof *y);
        float *torch = sm_arena_alloc(&arena, n, sizeof *torch);
        for (size_t i = 0; i < n; i++)
            x[i] = (float)(i + 1);
        for (size_t t = 0; t < made.form.tensor_count; t++) {
            sm_tensor_export(&made.form.tensors[t], x, torch);
            sm_tensor_import(&made.form.tensors[t], torch, y);
        }
        assert_memory_equal(x, y, n * sizeof *x);
    }
}

/* Along random directions, by the loss that comes with the gradient. A ReLU may bend between the
 * points, so the slope may be anything between the one-sided ones. */
static void
gradient_of_every_model_is_the_slope_of_its_loss(void **unused)
{
    (void)unused;
    for (const struct sm_plugin *const *p = sm_axis_model.plugins; *p != NULL; p++) {
        struct sm_rng *rng = sm_rng_create(&arena, 7, SM_RNG_TEST, 0);
        struct made made;
        make_fitting(*p, 1, &made);
        struct sm_batch batch = random_batch(&made.shape, rng);
        batch.worker = 0;
        const size_t n = parameters(&made);
        float *x = sm_arena_alloc(&arena, n, sizeof *x), *y = sm_arena_alloc(&arena, n, sizeof *y);
        float *g = sm_arena_alloc(&arena, n, sizeof *g), *h = sm_arena_alloc(&arena, n, sizeof *h);
        float *running = sm_arena_alloc(&arena, statistics(&made), sizeof *running);
        made.model->initial(made.state, rng, x, running);
        for (size_t i = 0; i < n; i++)
            x[i] += (float)sm_rng_normal(rng, 0.02); /* softmax starts at a symmetric point */
        const double middle = gradient_at(&made, &batch, x, g);
        double norm = 0;
        for (size_t i = 0; i < n; i++)
            norm += (double)g[i] * (double)g[i];
        norm = sqrt(norm);
        for (int turn = 0; turn < 4; turn++) {
            /* the gradient's own direction, then others around it: enough slope to be measured */
            float *d = h;
            double slope = 0, length = 0;
            for (size_t i = 0; i < n; i++) {
                const double noise = turn == 0 ? 0 : sm_rng_normal(rng, norm / sqrt((double)n));
                d[i] = (float)((double)g[i] + noise);
                length += (double)d[i] * (double)d[i];
            }
            length = sqrt(length);
            const double step = 2e-3;
            double loss[2];
            for (int side = 0; side < 2; side++) {
                for (size_t i = 0; i < n; i++)
                    y[i] = x[i] + (float)((side == 0 ? -step : step) * (double)d[i] / length);
                float *unused_gradient = sm_arena_alloc(&arena, n, sizeof *unused_gradient);
                loss[side] = gradient_at(&made, &batch, y, unused_gradient);
            }
            for (size_t i = 0; i < n; i++)
                slope += (double)g[i] * (double)d[i] / length;
            const double left = (middle - loss[0]) / step, right = (loss[1] - middle) / step;
            check_near(slope, (left + right) / 2, 0.01 * norm + fabs(right - left) / 2);
        }
        assert_true(norm > 0.05); /* not a comparison of zeros */
    }
}

static void
gradient_of_every_model_overwrites_what_stood_there(void **unused)
{
    (void)unused;
    for (const struct sm_plugin *const *p = sm_axis_model.plugins; *p != NULL; p++) {
        struct sm_rng *rng = sm_rng_create(&arena, 8, SM_RNG_TEST, 0);
        struct made made;
        make_fitting(*p, WORKERS, &made);
        struct sm_batch batch = random_batch(&made.shape, rng);
        batch.worker = 0;
        const size_t n = parameters(&made);
        float *x = sm_arena_alloc(&arena, n, sizeof *x), *g[2];
        float *running = sm_arena_alloc(&arena, statistics(&made), sizeof *running);
        made.model->initial(made.state, rng, x, running);
        for (int i = 0; i < 2; i++) {
            g[i] = sm_arena_alloc(&arena, n, sizeof *g[i]);
            memset(g[i], i == 0 ? 0 : 0xff, n * sizeof *g[i]); /* 0xff..: NaN */
            gradient_at(&made, &batch, x, g[i]);
        }
        assert_memory_equal(g[0], g[1], n * sizeof **g);
    }
}

/* Each says in one line what it wants; sequences and images are not taken for each other. */
static void
every_model_refuses_data_that_it_cannot_fit(void **unused)
{
    (void)unused;
    const struct sm_data_shape text = {.vocabulary = 32, .target = 9};
    const struct sm_data_shape vectors = {.features = 13, .classes = 5};
    for (const struct sm_plugin *const *p = sm_axis_model.plugins; *p != NULL; p++) {
        struct made made;
        make_fitting(*p, 1, &made);
        if (!made.model->needs_data)
            continue;
        if (made.shape.vocabulary == 0)
            check_fails(make_for((*p)->name, &text, 1, &made), SM_ERR_INPUT, "the data set holds");
        else
            check_fails(make_for((*p)->name, &vectors, 1, &made), SM_ERR_INPUT,
                        "the data set holds");
    }
}

static void
quadratic_is_curvature_times_distance(void **unused)
{
    (void)unused;
    struct made made;
    check_ok(
        make("{name: quadratic, dimension: 2, curvature: [1, 2, 4], center: [0, 1, -1], start: 3}",
             0, 0, 3, &made));
    assert_int_equal(parameters(&made), 2);
    float x[2], g[2];
    double loss;
    made.model->initial(made.state, NULL, x, NULL);
    assert_true(x[0] == 3.0f && x[1] == 3.0f);
    x[1] = -2.0f;
    const struct sm_batch batch = {.count = 1, .worker = 2};
    check_ok(made.model->gradient(made.state, &batch, x, NULL, g, &loss, &arena));
    check_near((double)g[0], 4 * (3 + 1), 0);
    check_near((double)g[1], 4 * (-2 + 1), 0);
    check_near(loss, 4 * (16 + 1) / 2.0, 1e-12);
    struct sm_metrics metrics;
    check_ok(made.model->evaluate(made.state, &batch, x, NULL, &metrics, &arena));
    check_near(metrics.loss, (1 * (9 + 4) + 2 * (4 + 9) + 4 * (16 + 1)) / 2.0 / 3.0, 1e-12);
    assert_int_equal(metrics.count, 1);
    assert_false(metrics.classifies);
}

static void
quadratic_noise_has_its_standard_deviation_and_leaves_the_loss_alone(void **unused)
{
    (void)unused;
    enum { N = 100000 };
    struct made made;
    check_ok(make("{name: quadratic, dimension: 100000, noise: 0.5, start: 2}", 0, 0, 1, &made));
    float *x = sm_arena_alloc(&arena, N, sizeof *x), *g = sm_arena_alloc(&arena, N, sizeof *g);
    made.model->initial(made.state, NULL, x, NULL);
    const struct sm_batch batch = {.count = 1, .noise = sm_rng_create(&arena, 3, SM_RNG_NOISE, 0)};
    double loss, mean = 0, variance = 0;
    check_ok(made.model->gradient(made.state, &batch, x, NULL, g, &loss, &arena));
    check_near(loss, N * 4 / 2.0, 1e-6);
    for (size_t i = 0; i < N; i++)
        mean += (double)g[i] / N;
    for (size_t i = 0; i < N; i++)
        variance += ((double)g[i] - mean) * ((double)g[i] - mean) / N;
    check_near(mean, 2, 5 * 0.5 / sqrt(N)); /* 5 standard errors */
    check_near(variance, 0.25, 5 * 0.25 * sqrt(2.0 / N));
}

static void
quadratic_refuses_lists_of_another_length_and_negative_curvature(void **unused)
{
    (void)unused;
    struct made made;
    check_fails(make("{name: quadratic, curvature: [1, 2]}", 0, 0, 3, &made), SM_ERR_INPUT,
                "curvature: 2 entries, expected 1 or one for each of 3 workers");
    check_fails(make("{name: quadratic, center: []}", 0, 0, 3, &made), SM_ERR_INPUT,
                "center: 0 entries");
    check_fails(make("{name: quadratic, curvature: -1}", 0, 0, 3, &made), SM_ERR_INPUT,
                "out of range");
    check_fails(make("{name: quadratic, noise: nan}", 0, 0, 3, &made), SM_ERR_INPUT, "noise");
}

static void
softmax_starts_at_zero_with_a_loss_of_log_classes(void **unused)
{
    (void)unused;
    struct made made;
    check_ok(make("softmax", FEATURES, CLASSES, 1, &made));
    const size_t n = parameters(&made);
    assert_int_equal(n, CLASSES * FEATURES + CLASSES);
    float *x = sm_arena_alloc(&arena, n, sizeof *x);
    struct sm_rng *rng = sm_rng_create(&arena, 9, SM_RNG_TEST, 0);
    const struct sm_batch batch = random_batch(&made.shape, rng);
    made.model->initial(made.state, rng, x, NULL);
    check_near(mean_loss(&made, &batch, x), log(CLASSES), 1e-6);
}

static void
mlp_has_the_parameters_names_and_operations_of_pytorchs_sequential(void **unused)
{
    (void)unused;
    struct made made;
    check_ok(make("mlp", 784, 10, 1, &made));
    assert_int_equal(parameters(&made), 235146);
    assert_int_equal(made.form.tensor_count, 6);
    const struct sm_tensor *tensors = made.form.tensors;
    const char *const names[] = {"0.weight", "0.bias", "2.weight", "2.bias", "4.weight", "4.bias"};
    for (size_t i = 0; i < 6; i++)
        assert_string_equal(tensors[i].name, names[i]);
    assert_int_equal(tensors[2].shape[0], 128); /* (out, in) */
    assert_int_equal(tensors[2].shape[1], 256);
    /* 2 x 234 752 weights + 394 biases + 384 ReLU + 4 x 10 */
    check_near(made.form.flop, 470322, 0);
}

static void
mlp_starts_uniform_within_one_over_the_root_of_its_inputs(void **unused)
{
    (void)unused;
    struct made made;
    check_ok(make("mlp", 784, 10, 1, &made));
    float *x = sm_arena_alloc(&arena, 235146, sizeof *x);
    made.model->initial(made.state, sm_rng_create(&arena, 4, SM_RNG_TEST, 0), x, NULL);
    const struct sm_tensor *tensors = made.form.tensors;
    for (size_t t = 0; t < 6; t++) {
        const double bound = 1 / sqrt((double)tensors[t - t % 2].shape[1]);
        const size_t size = sm_tensor_size(&tensors[t]);
        double largest = 0, sum = 0;
        for (size_t i = 0; i < size; i++) {
            largest = fmax(largest, fabs((double)x[tensors[t].offset + i]));
            sum += (double)x[tensors[t].offset + i];
        }
        assert_true(largest <= bound * 1.0000001 && largest > bound * (1 - 5.0 / (double)size));
        check_near(sum / (double)size, 0, 5 * bound / sqrt(3.0 * (double)size));
    }
}

static void
mlp_refuses_widths_that_are_not_whole(void **unused)
{
    (void)unused;
    struct made made;
    check_fails(make("{name: mlp, hidden: [3.5]}", 4, 2, 1, &made), SM_ERR_INPUT,
                "hidden: 3.5, expected whole numbers");
    check_fails(make("{name: mlp, hidden: [0]}", 4, 2, 1, &made), SM_ERR_INPUT, "hidden");
    check_ok(make("{name: mlp, hidden: []}", 4, 2, 1, &made));
    assert_int_equal(parameters(&made), 4 * 2 + 2);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tensors_of_every_model_tile_the_flat_vector_in_order),
        cmocka_unit_test(gradient_of_every_model_is_the_slope_of_its_loss),
        cmocka_unit_test(gradient_of_every_model_overwrites_what_stood_there),
        cmocka_unit_test(tensors_of_every_model_survive_pytorchs_order_and_back),
        cmocka_unit_test(every_model_refuses_data_that_it_cannot_fit),
        cmocka_unit_test(quadratic_is_curvature_times_distance),
        cmocka_unit_test(quadratic_noise_has_its_standard_deviation_and_leaves_the_loss_alone),
        cmocka_unit_test(quadratic_refuses_lists_of_another_length_and_negative_curvature),
        cmocka_unit_test(softmax_starts_at_zero_with_a_loss_of_log_classes),
        cmocka_unit_test(mlp_has_the_parameters_names_and_operations_of_pytorchs_sequential),
        cmocka_unit_test(mlp_starts_uniform_within_one_over_the_root_of_its_inputs),
        cmocka_unit_test(mlp_refuses_widths_that_are_not_whole),
    };
    return cmocka_run_group_tests_name("models", tests, NULL, arena_teardown);
}
