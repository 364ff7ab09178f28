/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/workload.c -- parts, epochs, batches, evaluation; the same bits every time. */
#include "workloads/workload.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/base/rng.h"
#include "tests/helpers/check.h"

static struct sm_arena arena;
static char folder[] = "/tmp/slowmo-workload-XXXXXX";

enum { SAMPLES = 23, TEST_SAMPLES = 1013 };

static void
write_idx(const char *name, uint8_t magic, size_t count, size_t side, const uint8_t *data)
{
    const uint8_t header[16] = {
        0, 0, 8, magic, 0, 0, (uint8_t)(count >> 8), (uint8_t)count, 0, 0, 0, (uint8_t)side,
        0, 0, 0, 1};
    char *path = sm_arena_printf(&arena, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    const size_t head = magic == 3 ? 16 : 8, bytes = magic == 3 ? count * side : count;
    assert_int_equal(fwrite(header, 1, head, file), head);
    assert_int_equal(fwrite(data, 1, bytes, file), bytes);
    assert_int_equal(fclose(file), 0);
}

/* Sample i is the i-th unit vector, so that softmax's gradient at zero tells which samples were in
 * the batch and how often; all labels are 0. */
static int
setup(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL)
        return 1;
    static uint8_t units[SAMPLES * SAMPLES], test[TEST_SAMPLES * SAMPLES], labels[TEST_SAMPLES];
    for (size_t i = 0; i < SAMPLES; i++)
        units[i * SAMPLES + i] = 255;
    for (size_t i = 0; i < sizeof test; i++)
        test[i] = (uint8_t)(i * 37);
    write_idx("train-images-idx3-ubyte", 3, SAMPLES, SAMPLES, units);
    write_idx("train-labels-idx1-ubyte", 1, SAMPLES, 0, labels);
    for (size_t i = 0; i < TEST_SAMPLES; i++)
        labels[i] = (uint8_t)(i % 10);
    write_idx("t10k-images-idx3-ubyte", 3, TEST_SAMPLES, SAMPLES, test);
    write_idx("t10k-labels-idx1-ubyte", 1, TEST_SAMPLES, 0, labels);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    const char *const names[] = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                                 "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"};
    for (size_t i = 0; i < 4; i++)
        unlink(sm_arena_printf(&arena, "%s/%s", folder, names[i]));
    rmdir(folder);
    sm_arena_fini(&arena);
    return 0;
}

struct want {
    /* YAML; NULL: softmax, the unit vectors, iid, none */
    const char *model, *dataset, *partition, *augmentation;
    size_t batch, limit, workers;
    uint64_t seed;
    bool same_order; /* in every epoch */
};

static enum sm_status
create(struct want want, struct sm_workload **workload)
{
    struct sm_workload_settings settings = {
        .batch = want.batch, .limit = want.limit, .reshuffle = !want.same_order};
    const char *dataset = want.dataset;
    if (dataset == NULL)
        dataset = sm_arena_printf(&arena, "{name: fashion_mnist, path: \"%s\"}", folder);
    const struct {
        const struct sm_axis *axis;
        const char *yaml;
        struct sm_choice *choice;
    } axes[] = {
        {&sm_axis_model, want.model ? want.model : "softmax", &settings.model},
        {&sm_axis_dataset, dataset, &settings.dataset},
        {&sm_axis_partition, want.partition ? want.partition : "iid", &settings.partition},
        {&sm_axis_augmentation, want.augmentation ? want.augmentation : "none",
         &settings.augmentation},
    };
    for (size_t i = 0; i < 4; i++) {
        struct sm_node *root;
        SM_TRY(
            sm_tree_parse(&arena, "test", sm_arena_printf(&arena, "it: %s", axes[i].yaml), &root));
        SM_TRY(sm_choice_bind(axes[i].axis, sm_tree_get(root, "it"), NULL, &arena, axes[i].choice));
    }
    return sm_workload_create(&arena, &settings, want.seed, want.workers, workload);
}

static struct sm_learner *
learner_of(const struct sm_workload *workload, size_t rank)
{
    struct sm_learner *learner;
    check_ok(sm_learner_create(workload, rank, &arena, &learner));
    return learner;
}

/* Adds to seen (SAMPLES) how often each unit vector is in the learner's next batch. At x = 0 the
 * gradient of class 1's weights is 1/10 of the mean input, whose feature i is (0 or 1 - mean) /
 * deviation: so feature i is above its floor by (times seen) / count / deviation / 10. */
static void
count_samples(struct sm_learner *learner, size_t count, size_t features, double *seen)
{
    float x[10 * SAMPLES + 10] = {0}, g[10 * SAMPLES + 10];
    const double p = 1.0 / SAMPLES, deviation = sqrt(p * (1 - p)); /* SAMPLES of SAMPLES^2 are 1 */
    struct sm_arena scratch = {0};
    double loss;
    check_ok(sm_learner_gradient(learner, x, g, &loss, &scratch));
    check_near(loss, log(10), 1e-6);
    for (size_t i = 0; i < features; i++)
        seen[i] += ((double)g[10 * i + 1] * 10 * deviation + p) * (double)count;
    sm_arena_fini(&scratch);
}

static void
check_all(const double *seen, size_t count, double expected)
{
    for (size_t i = 0; i < count; i++)
        check_near(seen[i], expected, 1e-4);
}

static void
parts_are_disjoint_complete_and_differ_by_at_most_one(void **state)
{
    (void)state;
    const char *const partitions[] = {"iid", "contiguous"};
    for (size_t p = 0; p < 2; p++)
        for (size_t workers = 1; workers <= SAMPLES; workers++) {
            struct sm_workload *w;
            check_ok(create((struct want){.partition = partitions[p], .workers = workers}, &w));
            double seen[SAMPLES] = {0};
            for (size_t rank = 0; rank < workers; rank++) {
                const size_t part = sm_workload_batch(w, rank); /* batch: all */
                assert_in_range(part, SAMPLES / workers, (SAMPLES + workers - 1) / workers);
                count_samples(learner_of(w, rank), part, SAMPLES, seen);
            }
            check_all(seen, SAMPLES, 1);
        }
}

static void
every_sample_of_a_part_is_used_once_an_epoch_also_when_batches_straddle_epochs(void **state)
{
    (void)state;
    enum { BATCH = 4, WORKERS = 2, PART = 12, ROUNDS = 3 }; /* worker 1: samples 11..22 */
    struct sm_workload *w;
    check_ok(
        create((struct want){.partition = "contiguous", .batch = BATCH, .workers = WORKERS}, &w));
    struct sm_learner *learner = learner_of(w, 1);
    for (size_t epoch = 1; epoch <= 5; epoch++) {
        double seen[SAMPLES] = {0};
        for (size_t k = 0; k < PART / BATCH; k++)
            count_samples(learner, BATCH, SAMPLES, seen);
        check_all(seen, SAMPLES - PART, 0);
        check_all(seen + SAMPLES - PART, PART, 1);
    }
    struct sm_learner *other =
        learner_of(w, 0); /* 11 samples in batches of 4: 11 batches, 4 epochs */
    double seen[SAMPLES] = {0};
    for (size_t k = 0; k < 11; k++)
        count_samples(other, BATCH, SAMPLES, seen);
    check_all(seen, 11, BATCH);
    check_all(seen + 11, PART, 0);
}

static void
epochs_and_workers_are_shuffled_differently_and_the_same_seed_alike(void **state)
{
    (void)state;
    enum { BATCH = 6 };
    struct sm_workload *w, *again, *reseeded;
    const struct want want = {.partition = "contiguous", .batch = BATCH, .workers = 1, .seed = 3};
    struct want other = want;
    other.seed = 4;
    check_ok(create(want, &w));
    check_ok(create(want, &again));
    check_ok(create(other, &reseeded));
    double first[SAMPLES] = {0}, same[SAMPLES] = {0}, different[SAMPLES] = {0};
    count_samples(learner_of(w, 0), BATCH, SAMPLES, first);
    count_samples(learner_of(again, 0), BATCH, SAMPLES, same);
    count_samples(learner_of(reseeded, 0), BATCH, SAMPLES, different);
    assert_memory_equal(first, same, sizeof first);
    assert_memory_not_equal(first, different, sizeof first);
    double early[SAMPLES] = {0}, late[SAMPLES] = {0}; /* 23 batches of 6 = 6 epochs */
    struct sm_learner *learner = learner_of(w, 0);
    count_samples(learner, BATCH, SAMPLES, early);
    double between[SAMPLES] = {0};
    for (size_t k = 1; k < SAMPLES; k++)
        count_samples(learner, BATCH, SAMPLES, between);
    count_samples(learner, BATCH, SAMPLES, late); /* starts an epoch, as `early` did */
    assert_memory_not_equal(early, late, sizeof early);
}

static void
without_reshuffle_every_epoch_has_the_order_of_the_first(void **state)
{
    (void)state;
    enum { BATCH = 6 }; /* 23 batches are 6 epochs */
    struct sm_workload *w;
    check_ok(create((struct want){.batch = BATCH, .workers = 1, .same_order = true}, &w));
    struct sm_learner *learner = learner_of(w, 0);
    for (int cycle = 0; cycle < 2; cycle++) {
        static double first[SAMPLES][SAMPLES];
        for (size_t k = 0; k < SAMPLES; k++) {
            double seen[SAMPLES] = {0};
            count_samples(learner, BATCH, SAMPLES, seen);
            if (cycle == 0)
                memcpy(first[k], seen, sizeof seen);
            assert_memory_equal(first[k], seen, sizeof seen);
        }
        assert_memory_not_equal(first[0], first[1], sizeof first[0]);
    }
}

/* A unit vector's one pixel of 23x1 moves up or down at most 2 pixels, or leaves the image: that
 * is one pixel wide, and the crop goes up to 2 pixels to either side. */
static void
augmentation_changes_training_samples_newly_each_time_and_never_the_test(void **state)
{
    (void)state;
    struct sm_workload *plain, *augmented;
    const char *crop = "{name: crop_flip, padding: 2, flip: no}";
    check_ok(create((struct want){.batch = 0, .workers = 1, .seed = 5}, &plain));
    check_ok(create((struct want){.batch = 0, .workers = 1, .seed = 5, .augmentation = crop},
                    &augmented));
    struct sm_learner *learner = learner_of(augmented, 0), *again = learner_of(augmented, 0);
    double seen[SAMPLES] = {0}, next[SAMPLES] = {0}, same[SAMPLES] = {0}, moved = 0, total = 0;
    count_samples(learner, SAMPLES, SAMPLES, seen);
    count_samples(learner, SAMPLES, SAMPLES, next);
    count_samples(again, SAMPLES, SAMPLES, same);
    assert_memory_equal(seen, same, sizeof seen);
    assert_memory_not_equal(seen, next, sizeof seen);
    for (size_t i = 0; i < SAMPLES; i++) {
        moved += fabs(seen[i] - 1);
        total += seen[i];
    }
    assert_true(moved > 5);
    assert_in_range((int)rint(total), 1, SAMPLES / 2); /* 1 in 5 stays in the one column */
    float *x = sm_arena_alloc(&arena, sm_workload_floats(plain), sizeof *x);
    struct sm_arena scratch = {0};
    struct sm_rng *rng = sm_rng_create(&arena, 1, SM_RNG_TEST, 0);
    for (size_t i = 0; i < sm_workload_floats(plain); i++)
        x[i] = (float)sm_rng_normal(rng, 1);
    struct sm_metrics a, b;
    check_ok(sm_workload_evaluate(plain, 0, x, &a, &scratch));
    check_ok(sm_workload_evaluate(augmented, 0, x, &b, &scratch));
    check_near(a.loss, b.loss, 0);
    sm_arena_fini(&scratch);
}

static void
augmentation_is_refused_where_there_are_no_images(void **state)
{
    (void)state;
    struct sm_workload *w;
    check_fails(create((struct want){.dataset = "synthetic",
                                     .workers = 1,
                                     .batch = 1,
                                     .augmentation = "crop_flip"},
                       &w),
                SM_ERR_INPUT, "crop_flip changes images, but synthetic has none");
}

static void
gradients_have_the_same_bits_twice_and_do_not_depend_on_other_learners(void **state)
{
    (void)state;
    enum { STEPS = 7, WORKERS = 3 };
    const char *const models[] = {"{name: mlp, hidden: [16]}", "softmax",
                                  "{name: quadratic, dimension: 50, noise: 1}"};
    for (size_t m = 0; m < 3; m++) {
        struct sm_workload *w;
        check_ok(create((struct want){.model = models[m], .batch = 5, .workers = WORKERS}, &w));
        const size_t n = sm_workload_parameters(w);
        float *x = sm_arena_alloc(&arena, n, sizeof *x);
        float *alone = sm_arena_alloc(&arena, n, sizeof *x);
        float *among = sm_arena_alloc(&arena, n, sizeof *x);
        float *others = sm_arena_alloc(&arena, n, sizeof *x);
        sm_workload_initial(w, x);
        struct sm_learner *a = learner_of(w, 1), *b = learner_of(w, 1), *c = learner_of(w, 2);
        for (size_t k = 0; k < STEPS; k++) {
            struct sm_arena scratch = {0};
            double loss[3];
            check_ok(sm_learner_gradient(a, x, alone, &loss[0], &scratch));
            check_ok(sm_learner_gradient(c, x, others, &loss[1], &scratch));
            check_ok(sm_learner_gradient(b, x, among, &loss[2], &scratch));
            assert_memory_equal(alone, among, n * sizeof *x);
            assert_memory_not_equal(alone, others, n * sizeof *x);
            assert_memory_equal(&loss[0], &loss[2], sizeof *loss);
            sm_arena_fini(&scratch);
        }
    }
}

static void
batch_all_is_the_same_gradient_at_every_step_and_slices_do_not_show(void **state)
{
    (void)state;
    enum { SIZE = 1501 }; /* four slices */
    struct sm_workload *all, *one;
    const char *data = "{name: synthetic, train: 1501, test: 1, features: 20}";
    check_ok(create((struct want){.dataset = data, .partition = "contiguous", .workers = 1}, &all));
    check_ok(create(
        (struct want){.dataset = data, .partition = "contiguous", .workers = SIZE, .batch = 1},
        &one));
    assert_int_equal(sm_workload_batch(all, 0), SIZE);
    assert_int_equal(sm_workload_steps_per_epoch(all), 1);
    enum { N = 210 };
    assert_int_equal(sm_workload_parameters(all), N);
    float x[N], g[2][N], part[N];
    for (size_t i = 0; i < N; i++)
        x[i] = (float)i / N - 0.5f;
    double loss[2], mean_loss = 0, mean[N] = {0};
    struct sm_arena scratch = {0};
    struct sm_learner *learner = learner_of(all, 0);
    for (size_t k = 0; k < 2; k++)
        check_ok(sm_learner_gradient(learner, x, g[k], &loss[k], &scratch));
    assert_memory_equal(g[0], g[1], sizeof g[0]);
    for (size_t rank = 0; rank < SIZE; rank++) { /* one sample each */
        double one_loss;
        check_ok(sm_learner_gradient(learner_of(one, rank), x, part, &one_loss, &scratch));
        mean_loss += one_loss / SIZE;
        for (size_t i = 0; i < N; i++)
            mean[i] += (double)part[i] / SIZE;
    }
    check_near(loss[0], mean_loss, 1e-6);
    for (size_t i = 0; i < N; i++)
        check_near((double)g[0][i], mean[i], 1e-6);
    sm_arena_fini(&scratch);
}

static void
limit_keeps_the_first_samples_of_the_file(void **state)
{
    (void)state;
    struct sm_workload *w, *whole;
    check_ok(create((struct want){.limit = 10, .workers = 2}, &w));
    check_ok(create((struct want){.workers = 2}, &whole));
    assert_int_equal(sm_workload_samples(w), 10);
    assert_int_equal(sm_workload_samples(whole), SAMPLES);
    double seen[SAMPLES] = {0};
    for (size_t rank = 0; rank < 2; rank++)
        count_samples(learner_of(w, rank), 5, SAMPLES, seen);
    check_all(seen, 10, 1);
    check_all(seen + 10, SAMPLES - 10, 0);
    assert_true(sm_workload_data_hash(w) != sm_workload_data_hash(whole));
    struct sm_workload *again;
    check_ok(create((struct want){.workers = 5, .seed = 9, .batch = 2, .model = "mlp"}, &again));
    assert_true(sm_workload_data_hash(again) == sm_workload_data_hash(whole));
}

static void
steps_per_epoch_round_up(void **state)
{
    (void)state;
    const size_t cases[][3] = {/* batch, workers, steps; worker 0 of 2 has 11 samples */
                               {1, 2, 11},
                               {4, 2, 3},
                               {11, 2, 1},
                               {23, 1, 1},
                               {22, 1, 2}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sm_workload *w;
        check_ok(create((struct want){.batch = cases[i][0], .workers = cases[i][1]}, &w));
        assert_int_equal(sm_workload_steps_per_epoch(w), cases[i][2]);
        assert_int_equal(sm_workload_batch(w, 0), cases[i][0]);
    }
}

static void
slices_of_the_evaluation_add_up_to_the_test_set(void **state)
{
    (void)state;
    struct sm_workload *w;
    check_ok(create((struct want){.workers = 1}, &w));
    assert_int_equal(sm_workload_slices(w), 3);
    float x[10 * SAMPLES + 10] = {0};
    x[10 * SAMPLES + 4] = 1; /* the bias says class 4 always */
    struct sm_metrics sum = {0};
    for (size_t slice = 0; slice < 3; slice++) {
        struct sm_metrics part;
        struct sm_arena scratch = {0};
        check_ok(sm_workload_evaluate(w, slice, x, &part, &scratch));
        assert_in_range(part.count, 330, 340);
        sm_metrics_add(&sum, &part);
        sm_arena_fini(&scratch);
    }
    assert_int_equal(sum.count, TEST_SAMPLES);
    assert_true(sum.classifies);
    check_near(sum.correct, 101, 0); /* labels i % 10 == 4 below 1013 */
    check_near(sum.loss, TEST_SAMPLES * log(9 + exp(1)) - 101, 1e-3);
}

static void
a_model_without_data_has_one_slice_no_samples_and_no_hash(void **state)
{
    (void)state;
    struct sm_workload *w;
    check_ok(create((struct want){.model = "{name: quadratic, center: [1, 3]}",
                                  .dataset = "{name: fashion_mnist, path: /nonexistent}",
                                  .batch = 32,
                                  .workers = 2},
                    &w));
    assert_int_equal(sm_workload_samples(w), 0);
    assert_int_equal(sm_workload_batch(w, 1), 1);
    assert_int_equal(sm_workload_slices(w), 1);
    assert_int_equal(sm_workload_steps_per_epoch(w), 1);
    assert_true(sm_workload_data_hash(w) == 0);
    const float x = 2;
    struct sm_metrics metrics;
    check_ok(sm_workload_evaluate(w, 0, &x, &metrics, &arena));
    check_near(metrics.loss, 0.5, 1e-12);
    assert_false(metrics.classifies);
    float g[2];
    for (size_t rank = 0; rank < 2; rank++) {
        double loss;
        check_ok(sm_learner_gradient(learner_of(w, rank), &x, &g[rank], &loss, &arena));
    }
    assert_true(g[0] == 1.0f && g[1] == -1.0f);
}

static void
gradient_descent_on_the_synthetic_set_learns_it_but_not_perfectly(void **state)
{
    (void)state;
    const char *const models[] = {"softmax", "{name: mlp, hidden: [32]}"};
    for (size_t m = 0; m < 2; m++) {
        struct sm_workload *w;
        check_ok(create(
            (struct want){
                .model = models[m], .dataset = "synthetic", .batch = 32, .workers = 1, .seed = 1},
            &w));
        const size_t n = sm_workload_parameters(w);
        float *x = sm_arena_alloc(&arena, n, sizeof *x), *g = sm_arena_alloc(&arena, n, sizeof *g);
        sm_workload_initial(w, x);
        struct sm_learner *learner = learner_of(w, 0);
        struct sm_arena scratch = {0};
        for (size_t k = 0; k < 600; k++) {
            double loss;
            sm_arena_reset(&scratch);
            check_ok(sm_learner_gradient(learner, x, g, &loss, &scratch));
            for (size_t i = 0; i < n; i++)
                x[i] -= 0.05f * g[i];
        }
        struct sm_metrics sum = {0};
        for (size_t slice = 0; slice < sm_workload_slices(w); slice++) {
            struct sm_metrics part;
            check_ok(sm_workload_evaluate(w, slice, x, &part, &scratch));
            sm_metrics_add(&sum, &part);
        }
        sm_arena_fini(&scratch);
        const double accuracy = sum.correct / (double)sum.count;
        assert_true(accuracy > 0.75 && accuracy < 0.97);
    }
}

static void
settings_that_do_not_fit_the_data_say_both_numbers(void **state)
{
    (void)state;
    struct sm_workload *w;
    check_fails(create((struct want){.workers = 24}, &w), SM_ERR_INPUT,
                "24 workers, but only 23 training samples");
    check_fails(create((struct want){.workers = 2, .batch = 12}, &w), SM_ERR_INPUT,
                "workload.batch: 12, but worker 0 has only 11 of the 23");
    check_fails(create((struct want){.workers = 1, .limit = 24}, &w), SM_ERR_INPUT,
                "workload.limit: 24, but fashion_mnist has 23");
    check_fails(create((struct want){.workers = 4, .limit = 3}, &w), SM_ERR_INPUT,
                "4 workers, but only 3");
    check_fails(create((struct want){.workers = 0}, &w), SM_ERR_INPUT, "0 workers");
    check_fails(create((struct want){.model = "mlpp", .workers = 1}, &w), SM_ERR_INPUT, "'mlp'");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_are_disjoint_complete_and_differ_by_at_most_one),
        cmocka_unit_test(
            every_sample_of_a_part_is_used_once_an_epoch_also_when_batches_straddle_epochs),
        cmocka_unit_test(without_reshuffle_every_epoch_has_the_order_of_the_first),
        cmocka_unit_test(augmentation_changes_training_samples_newly_each_time_and_never_the_test),
        cmocka_unit_test(augmentation_is_refused_where_there_are_no_images),
        cmocka_unit_test(epochs_and_workers_are_shuffled_differently_and_the_same_seed_alike),
        cmocka_unit_test(gradients_have_the_same_bits_twice_and_do_not_depend_on_other_learners),
        cmocka_unit_test(batch_all_is_the_same_gradient_at_every_step_and_slices_do_not_show),
        cmocka_unit_test(limit_keeps_the_first_samples_of_the_file),
        cmocka_unit_test(steps_per_epoch_round_up),
        cmocka_unit_test(slices_of_the_evaluation_add_up_to_the_test_set),
        cmocka_unit_test(a_model_without_data_has_one_slice_no_samples_and_no_hash),
        cmocka_unit_test(gradient_descent_on_the_synthetic_set_learns_it_but_not_perfectly),
        cmocka_unit_test(settings_that_do_not_fit_the_data_say_both_numbers),
    };
    return cmocka_run_group_tests_name("workload", tests, setup, teardown);
}
