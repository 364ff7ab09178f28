/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/partitions.c -- which samples go to which worker. */
#include <string.h>

#include "sim/base/rng.h"
#include "tests/helpers/check.h"
#include "workloads/datasets/dataset.h"
#include "workloads/workload.h"

enum { COUNT = 10000, CLASSES = 10 };

static struct sm_arena arena;
static uint8_t labels[COUNT];
static struct sm_data data;
static uint32_t order[COUNT], other[COUNT];

/* As many samples of each class, in random order. */
static int
setup(void **state)
{
    (void)state;
    struct sm_rng *rng = sm_rng_create(&arena, 3, SM_RNG_TEST, 0);
    for (uint32_t i = 0; i < COUNT; i++)
        order[i] = i;
    sm_rng_shuffle(rng, order, COUNT);
    for (size_t i = 0; i < COUNT; i++)
        labels[order[i]] = (uint8_t)(i % CLASSES);
    data = (struct sm_data){.shape = {.features = 1, .classes = CLASSES},
                            .train = {.inputs = labels, .labels = labels, .count = COUNT}};
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    sm_arena_fini(&arena);
    return 0;
}

static enum sm_status
partition(const char *yaml, size_t count, size_t workers, uint64_t seed, uint32_t *to)
{
    struct sm_node *root;
    struct sm_choice choice;
    yaml = sm_arena_printf(&arena, "partition: %s", yaml);
    SM_TRY(sm_tree_parse(&arena, "test", yaml, &root));
    SM_TRY(
        sm_choice_bind(&sm_axis_partition, sm_tree_get(root, "partition"), NULL, &arena, &choice));
    const struct sm_partition *chosen = (const struct sm_partition *)choice.plugin;
    return chosen->order(choice.settings, &data, count, workers, seed, to);
}

static void
every_partition_is_a_permutation_that_depends_on_the_seed_alone(void **state)
{
    (void)state;
    static const size_t cases[][2] = {{COUNT, 7}, {COUNT, 1}, {1000, 999}, {5, 5}, {4321, 64}};
    for (const struct sm_plugin *const *p = sm_axis_partition.plugins; *p != NULL; p++)
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            const size_t count = cases[i][0], workers = cases[i][1];
            uint8_t seen[COUNT] = {0};
            memset(order, 0xff, sizeof order);
            check_ok(partition((*p)->name, count, workers, 5, order));
            check_ok(partition((*p)->name, count, workers, 5, other));
            assert_memory_equal(order, other, count * sizeof *order);
            for (size_t s = 0; s < count; s++) {
                assert_in_range(order[s], 0, count - 1);
                assert_int_equal(seen[order[s]]++, 0);
            }
            assert_true(count == COUNT || order[count] == UINT32_MAX);
        }
}

static void
contiguous_keeps_the_files_order_and_the_others_do_not(void **state)
{
    (void)state;
    check_ok(partition("contiguous", COUNT, 7, 5, order));
    for (uint32_t i = 0; i < COUNT; i++)
        assert_int_equal(order[i], i);
    static const char *const random[] = {"iid", "dirichlet", "by_label"};
    for (size_t p = 0; p < 3; p++) {
        check_ok(partition(random[p], COUNT, 7, 5, order));
        check_ok(partition(random[p], COUNT, 7, 6, other));
        assert_memory_not_equal(order, other, sizeof order);
        if (p == 2) /* by_label keeps the order within a class */
            continue;
        double mean = 0; /* of the first half: 4999.5 expected, deviation 29 when drawn alone */
        for (size_t i = 0; i < COUNT / 2; i++)
            mean += order[i] / (COUNT / 2.0);
        check_near(mean, 4999.5, 150);
    }
}

/* seen[c] = samples of class c in the part of `worker`; returns their number. */
static size_t
part_classes(size_t count, size_t worker, size_t workers, size_t seen[CLASSES])
{
    const size_t begin = worker * count / workers, end = (worker + 1) * count / workers;
    memset(seen, 0, CLASSES * sizeof *seen);
    for (size_t i = begin; i < end; i++)
        seen[labels[order[i]]]++;
    return end - begin;
}

static void
by_label_gives_a_worker_as_many_classes_as_asked(void **state)
{
    (void)state;
    static const size_t cases[][2] = {{1, 10}, {2, 10}, {2, 5}, {1, 20}, {5, 4}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const size_t classes = cases[i][0], workers = cases[i][1];
        check_ok(partition(sm_arena_printf(&arena, "{name: by_label, classes: %zu}", classes),
                           COUNT, workers, 5, order));
        size_t fewer = 0;
        for (size_t w = 0; w < workers; w++) {
            size_t seen[CLASSES], kinds = 0;
            part_classes(COUNT, w, workers, seen);
            for (size_t c = 0; c < CLASSES; c++) {
                kinds += seen[c] > 0;
                /* shards of equal size, each of one class here */
                assert_int_equal(seen[c] % (COUNT / workers / classes), 0);
            }
            assert_in_range(kinds, 1, classes);
            fewer += kinds < classes; /* two shards of one class */
        }
        assert_true(fewer <= workers / 2);
    }
}

static void
by_label_shards_of_unequal_parts_follow_the_sorted_order(void **state)
{
    (void)state;
    /* 1003 samples for 7 workers and 3 shards each: nothing divides; a shard crosses few labels */
    check_ok(partition("{name: by_label, classes: 3}", 1003, 7, 5, order));
    for (size_t w = 0; w < 7; w++) {
        size_t seen[CLASSES], kinds = 0;
        part_classes(1003, w, 7, seen);
        for (size_t c = 0; c < CLASSES; c++)
            kinds += seen[c] > 0;
        assert_in_range(kinds, 2, 6);
    }
}

/* Mean over the workers of the sum of squared shares of classes: 1 / CLASSES when all are equal, 1
 * for one class a worker. */
static double
concentration(size_t workers)
{
    double sum = 0;
    for (size_t w = 0; w < workers; w++) {
        size_t seen[CLASSES];
        const double size = (double)part_classes(COUNT, w, workers, seen);
        for (size_t c = 0; c < CLASSES; c++)
            sum += (double)(seen[c] * seen[c]) / (size * size * (double)workers);
    }
    return sum;
}

static void
dirichlet_mixes_are_as_concentrated_as_alpha_says(void **state)
{
    (void)state;
    /* of a Dirichlet distribution (alpha + 1) / (CLASSES alpha + 1), and what 200 draws from the
     * mix add; classes that are used up early make the last samples more alike */
    static const struct {
        const char *yaml;
        double alpha, lost;
    } cases[] = {
        {"{name: dirichlet, alpha: 1000}", 1000, 0.002},
        {"{name: dirichlet, alpha: 10}", 10, 0.004},
        {"{name: dirichlet, alpha: 1}", 1, 0.03},
        {"{name: dirichlet, alpha: 0.1}", 0.1, 0.15},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double expected = (cases[i].alpha + 1) / (CLASSES * cases[i].alpha + 1);
        expected += (1 - expected) / (COUNT / 50.0);
        check_ok(partition(cases[i].yaml, COUNT, 50, 5, order));
        check_near(concentration(50), expected - cases[i].lost / 2, cases[i].lost / 2 + 0.001);
    }
}

static void
the_first_samples_of_a_dirichlet_part_follow_its_mix(void **state)
{
    (void)state;
    /* a worker among a thousand cannot use a class up: its first ten samples are of its mix, of
     * which a second draw finds the class of the first with probability (a + 1) / (10 a + 1) */
    check_ok(partition("{name: dirichlet, alpha: 0.1}", COUNT, 1000, 5, order));
    double same = 0;
    for (size_t w = 0; w < 1000; w++)
        same += labels[order[10 * w]] == labels[order[10 * w + 1]];
    check_near(same / 1000, 1.1 / 2, 0.06);
}

static void
partitions_by_label_refuse_sequences_in_one_line(void **state)
{
    (void)state;
    const struct sm_data labelled = data;
    data.train.labels = NULL;
    check_fails(partition("dirichlet", COUNT, 7, 5, order), SM_ERR_INPUT,
                "dirichlet sorts by label, but the data set holds sequences");
    check_fails(partition("by_label", COUNT, 7, 5, order), SM_ERR_INPUT,
                "by_label sorts by label, but the data set holds sequences");
    check_ok(partition("iid", COUNT, 7, 5, order));
    data = labelled;
}

static void
gamma_variates_have_the_mean_and_variance_of_their_shape(void **state)
{
    (void)state;
    struct sm_rng *rng = sm_rng_create(&arena, 4, SM_RNG_TEST, 0);
    static const double shapes[] = {0.1, 1, 30};
    for (size_t i = 0; i < 3; i++) {
        enum { DRAWS = 100000 };
        double sum = 0, squares = 0;
        for (size_t d = 0; d < DRAWS; d++) {
            const double draw = sm_rng_gamma(rng, shapes[i]);
            sum += draw;
            squares += draw * draw;
        }
        const double mean = sum / DRAWS;
        check_relative(mean, shapes[i], 0.06);
        check_relative(squares / DRAWS - mean * mean, shapes[i], 0.1);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_partition_is_a_permutation_that_depends_on_the_seed_alone),
        cmocka_unit_test(contiguous_keeps_the_files_order_and_the_others_do_not),
        cmocka_unit_test(by_label_gives_a_worker_as_many_classes_as_asked),
        cmocka_unit_test(by_label_shards_of_unequal_parts_follow_the_sorted_order),
        cmocka_unit_test(dirichlet_mixes_are_as_concentrated_as_alpha_says),
        cmocka_unit_test(the_first_samples_of_a_dirichlet_part_follow_its_mix),
        cmocka_unit_test(partitions_by_label_refuse_sequences_in_one_line),
        cmocka_unit_test(gamma_variates_have_the_mean_and_variance_of_their_shape),
    };
    return cmocka_run_group_tests_name("partitions", tests, setup, teardown);
}
