/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/models.c -- what holds for every registered model, and each one by hand. */
#include <math.h>
#include <string.h>

#include "tests/helpers/check.h"
#include "workloads/models/model.h"

static struct sm_arena arena;

static int
teardown(void **state)
{
    (void)state;
    sm_arena_fini(&arena);
    return 0;
}

/* A model made from YAML, its state configured. */
static enum sm_status
make(const char *yaml, size_t features, size_t classes, size_t workers,
     const struct sm_model **model, void **state)
{
    struct sm_node *root;
    char text[256];
    struct sm_choice choice;
    snprintf(text, sizeof text, "model: %s", yaml);
    SM_TRY(sm_tree_parse(&arena, "test", text, &root));
    SM_TRY(sm_choice_bind(&sm_axis_model, sm_tree_get(root, "model"), NULL, &arena, &choice));
    *model = (const struct sm_model *)choice.plugin;
    *state = sm_choice_state(&choice, &arena);
    const struct sm_data_shape shape = {features, classes, workers};
    return (*model)->configure(*state, &arena, &shape);
}

static size_t
parameters(const struct sm_model *model, const void *state)
{
    const struct sm_tensor *tensors;
    const size_t count = model->tensors(state, &tensors);
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        n += sm_tensor_size(&tensors[i]);
    return n;
}

enum { FEATURES = 13, CLASSES = 5, WORKERS = 3, COUNT = 17 };

static struct sm_batch
random_batch(struct sm_rng *rng)
{
    float *inputs = sm_arena_alloc(&arena, COUNT * FEATURES, sizeof *inputs);
    uint8_t *labels = sm_arena_alloc(&arena, COUNT, 1);
    for (size_t i = 0; i < COUNT * FEATURES; i++)
        inputs[i] = (float)sm_rng_normal(rng, 1);
    for (size_t i = 0; i < COUNT; i++)
        labels[i] = (uint8_t)sm_rng_below(rng, CLASSES);
    return (struct sm_batch){inputs, labels, COUNT, .worker = 1, .noise = rng};
}

static double
mean_loss(const struct sm_model *model, const void *state, const struct sm_batch *batch,
          const float *x)
{
    struct sm_metrics metrics;
    check_ok(model->evaluate(state, batch, x, &metrics, &arena));
    return metrics.loss / (double)metrics.count;
}

static void
tensors_of_every_model_tile_the_flat_vector_in_order(void **unused)
{
    (void)unused;
    for (const struct sm_plugin *const *p = sm_axis_model.plugins; *p != NULL; p++) {
        const struct sm_model *model;
        const struct sm_tensor *tensors;
        void *state;
        check_ok(make((*p)->name, FEATURES, CLASSES, WORKERS, &model, &state));
        const size_t count = model->tensors(state, &tensors);
        assert_true(count > 0);
        size_t offset = 0;
        for (size_t i = 0; i < count; i++) {
            assert_in_range(tensors[i].rank, 1, 4);
            assert_int_equal(tensors[i].offset, offset);
            offset += sm_tensor_size(&tensors[i]);
            for (size_t j = 0; j < i; j++)
                assert_string_not_equal(tensors[i].name, tensors[j].name);
        }
        assert_true(model->flop_per_sample(state) > 0);
    }
}

/* A quadratic's loss is its worker's own, its metric the mean: one worker makes them one. */
static void
gradient_of_every_model_is_the_slope_of_its_loss(void **unused)
{
    (void)unused;
    for (const struct sm_plugin *const *p = sm_axis_model.plugins; *p != NULL; p++) {
        struct sm_rng *rng = sm_rng_create(&arena, 7, SM_RNG_TEST, 0);
        struct sm_batch batch = random_batch(rng);
        batch.worker = 0;
        const struct sm_model *model;
        void *state;
        const bool mlp = strcmp((*p)->name, "mlp") == 0;
        check_ok(make(mlp ? "{name: mlp, hidden: [9, 7]}" : (*p)->name, FEATURES, CLASSES, 1,
                      &model, &state));
        const size_t n = parameters(model, state);
        float *x = sm_arena_alloc(&arena, n, sizeof *x), *g = sm_arena_alloc(&arena, n, sizeof *g);
        model->initial(state, rng, x);
        for (size_t i = 0; i < n; i++)
            x[i] += (float)sm_rng_normal(rng, 0.3); /* softmax starts at a symmetric point */
        double loss;
        check_ok(model->gradient(state, &batch, x, g, &loss, &arena));
        check_near(loss, mean_loss(model, state, &batch, x), 1e-6);
        loss = mean_loss(model, state, &batch, x);
        double largest = 0;
        for (size_t i = 0; i < n; i++) {
            const float h = 0x1p-9f, middle = x[i], up = middle + h, down = middle - h;
            x[i] = up;
            const double above = mean_loss(model, state, &batch, x);
            x[i] = down;
            const double below = mean_loss(model, state, &batch, x);
            x[i] = middle;
            const double right = (above - loss) / ((double)up - (double)middle);
            const double left = (loss - below) / ((double)middle - (double)down);
            /* a ReLU may bend between the two: then the slope is one of them, or between */
            check_near((double)g[i], (left + right) / 2, 3e-4 + fabs(right - left) / 2);
            largest = fmax(largest, fabs((double)g[i]));
        }
        assert_true(largest > 0.05); /* not a comparison of zeros */
    }
}

static void
gradient_of_every_model_overwrites_what_stood_there(void **unused)
{
    (void)unused;
    for (const struct sm_plugin *const *p = sm_axis_model.plugins; *p != NULL; p++) {
        struct sm_rng *rng = sm_rng_create(&arena, 8, SM_RNG_TEST, 0);
        const struct sm_batch batch = random_batch(rng);
        const struct sm_model *model;
        void *state;
        check_ok(make((*p)->name, FEATURES, CLASSES, WORKERS, &model, &state));
        const size_t n = parameters(model, state);
        float *x = sm_arena_alloc(&arena, n, sizeof *x), *g[2];
        model->initial(state, rng, x);
        for (int i = 0; i < 2; i++) {
            double loss;
            g[i] = sm_arena_alloc(&arena, n, sizeof *g[i]);
            memset(g[i], i == 0 ? 0 : 0xff, n * sizeof *g[i]); /* 0xff..: NaN */
            check_ok(model->gradient(state, &batch, x, g[i], &loss, &arena));
        }
        assert_memory_equal(g[0], g[1], n * sizeof **g);
    }
}

static void
quadratic_is_curvature_times_distance(void **unused)
{
    (void)unused;
    const struct sm_model *model;
    void *state;
    check_ok(
        make("{name: quadratic, dimension: 2, curvature: [1, 2, 4], center: [0, 1, -1], start: 3}",
             0, 0, 3, &model, &state));
    assert_int_equal(parameters(model, state), 2);
    float x[2], g[2];
    double loss;
    model->initial(state, NULL, x);
    assert_true(x[0] == 3.0f && x[1] == 3.0f);
    x[1] = -2.0f;
    const struct sm_batch batch = {.count = 1, .worker = 2};
    check_ok(model->gradient(state, &batch, x, g, &loss, &arena));
    check_near((double)g[0], 4 * (3 + 1), 0);
    check_near((double)g[1], 4 * (-2 + 1), 0);
    check_near(loss, 4 * (16 + 1) / 2.0, 1e-12);
    struct sm_metrics metrics;
    check_ok(model->evaluate(state, &batch, x, &metrics, &arena));
    check_near(metrics.loss, (1 * (9 + 4) + 2 * (4 + 9) + 4 * (16 + 1)) / 2.0 / 3.0, 1e-12);
    assert_int_equal(metrics.count, 1);
    assert_false(metrics.classifies);
}

static void
quadratic_noise_has_its_standard_deviation_and_leaves_the_loss_alone(void **unused)
{
    (void)unused;
    enum { N = 100000 };
    const struct sm_model *model;
    void *state;
    check_ok(make("{name: quadratic, dimension: 100000, noise: 0.5, start: 2}", 0, 0, 1, &model,
                  &state));
    float *x = sm_arena_alloc(&arena, N, sizeof *x), *g = sm_arena_alloc(&arena, N, sizeof *g);
    model->initial(state, NULL, x);
    const struct sm_batch batch = {.count = 1, .noise = sm_rng_create(&arena, 3, SM_RNG_NOISE, 0)};
    double loss, mean = 0, variance = 0;
    check_ok(model->gradient(state, &batch, x, g, &loss, &arena));
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
    const struct sm_model *model;
    void *state;
    check_fails(make("{name: quadratic, curvature: [1, 2]}", 0, 0, 3, &model, &state), SM_ERR_INPUT,
                "curvature: 2 entries, expected 1 or one for each of 3 workers");
    check_fails(make("{name: quadratic, center: []}", 0, 0, 3, &model, &state), SM_ERR_INPUT,
                "center: 0 entries");
    check_fails(make("{name: quadratic, curvature: -1}", 0, 0, 3, &model, &state), SM_ERR_INPUT,
                "out of range");
    check_fails(make("{name: quadratic, noise: nan}", 0, 0, 3, &model, &state), SM_ERR_INPUT,
                "noise");
}

static void
softmax_starts_at_zero_with_a_loss_of_log_classes(void **unused)
{
    (void)unused;
    const struct sm_model *model;
    void *state;
    check_ok(make("softmax", FEATURES, CLASSES, 1, &model, &state));
    const size_t n = parameters(model, state);
    assert_int_equal(n, CLASSES * FEATURES + CLASSES);
    float *x = sm_arena_alloc(&arena, n, sizeof *x);
    struct sm_rng *rng = sm_rng_create(&arena, 9, SM_RNG_TEST, 0);
    const struct sm_batch batch = random_batch(rng);
    model->initial(state, rng, x);
    check_near(mean_loss(model, state, &batch, x), log(CLASSES), 1e-6);
}

static void
mlp_has_the_parameters_names_and_operations_of_pytorchs_sequential(void **unused)
{
    (void)unused;
    const struct sm_model *model;
    const struct sm_tensor *tensors;
    void *state;
    check_ok(make("mlp", 784, 10, 1, &model, &state));
    assert_int_equal(parameters(model, state), 235146);
    assert_int_equal(model->tensors(state, &tensors), 6);
    const char *const names[] = {"0.weight", "0.bias", "2.weight", "2.bias", "4.weight", "4.bias"};
    for (size_t i = 0; i < 6; i++)
        assert_string_equal(tensors[i].name, names[i]);
    assert_int_equal(tensors[2].shape[0], 128); /* (out, in) */
    assert_int_equal(tensors[2].shape[1], 256);
    /* 2 x 234 752 weights + 394 biases + 384 ReLU + 4 x 10 */
    check_near(model->flop_per_sample(state), 470322, 0);
}

static void
mlp_starts_uniform_within_one_over_the_root_of_its_inputs(void **unused)
{
    (void)unused;
    const struct sm_model *model;
    const struct sm_tensor *tensors;
    void *state;
    check_ok(make("mlp", 784, 10, 1, &model, &state));
    float *x = sm_arena_alloc(&arena, 235146, sizeof *x);
    model->initial(state, sm_rng_create(&arena, 4, SM_RNG_TEST, 0), x);
    model->tensors(state, &tensors);
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
    const struct sm_model *model;
    void *state;
    check_fails(make("{name: mlp, hidden: [3.5]}", 4, 2, 1, &model, &state), SM_ERR_INPUT,
                "hidden: 3.5, expected whole numbers");
    check_fails(make("{name: mlp, hidden: [0]}", 4, 2, 1, &model, &state), SM_ERR_INPUT, "hidden");
    check_ok(make("{name: mlp, hidden: []}", 4, 2, 1, &model, &state));
    assert_int_equal(parameters(model, state), 4 * 2 + 2);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tensors_of_every_model_tile_the_flat_vector_in_order),
        cmocka_unit_test(gradient_of_every_model_is_the_slope_of_its_loss),
        cmocka_unit_test(gradient_of_every_model_overwrites_what_stood_there),
        cmocka_unit_test(quadratic_is_curvature_times_distance),
        cmocka_unit_test(quadratic_noise_has_its_standard_deviation_and_leaves_the_loss_alone),
        cmocka_unit_test(quadratic_refuses_lists_of_another_length_and_negative_curvature),
        cmocka_unit_test(softmax_starts_at_zero_with_a_loss_of_log_classes),
        cmocka_unit_test(mlp_has_the_parameters_names_and_operations_of_pytorchs_sequential),
        cmocka_unit_test(mlp_starts_uniform_within_one_over_the_root_of_its_inputs),
        cmocka_unit_test(mlp_refuses_widths_that_are_not_whole),
    };
    return cmocka_run_group_tests_name("models", tests, NULL, teardown);
}
