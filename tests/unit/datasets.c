/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/datasets.c -- IDX files good and bad, the synthetic set. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "tests/helpers/check.h"
#include "workloads/datasets/dataset.h"
#include "workloads/workload.h"

static struct sm_arena arena;
static char folder[] = "/tmp/slowmo-datasets-XXXXXX";

static int
setup(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL;
}

static const char *const names[] = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                                    "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"};
enum { TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS, FILES };

static char *
path_of(int file, const char *suffix)
{
    return sm_arena_printf(&arena, "%s/%s%s", folder, names[file], suffix);
}

static void
remove_files(void)
{
    for (int file = 0; file < FILES; file++) {
        unlink(path_of(file, ""));
        unlink(path_of(file, ".gz"));
    }
}

static int
teardown(void **state)
{
    (void)state;
    remove_files();
    rmdir(folder);
    sm_arena_fini(&arena);
    return 0;
}

/* One IDX file in memory, written plain or gzipped. */
struct idx {
    uint8_t bytes[256];
    size_t length;
};

static void
put_word(struct idx *idx, uint32_t word)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        idx->bytes[idx->length++] = (uint8_t)(word >> shift);
}

/* Images of 2 x 3: byte i is i; labels 9, 8, 7 ... */
static struct idx
images(uint32_t count)
{
    struct idx idx = {.length = 0};
    put_word(&idx, 0x803);
    put_word(&idx, count);
    put_word(&idx, 2);
    put_word(&idx, 3);
    for (uint32_t i = 0; i < 6 * count; i++)
        idx.bytes[idx.length++] = (uint8_t)i;
    return idx;
}

static struct idx
labels(uint32_t count)
{
    struct idx idx = {.length = 0};
    put_word(&idx, 0x801);
    put_word(&idx, count);
    for (uint32_t i = 0; i < count; i++)
        idx.bytes[idx.length++] = (uint8_t)(9 - i);
    return idx;
}

static void
write_bytes(const char *path, const void *bytes, size_t length)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

static void
write_plain(int file, const struct idx *idx)
{
    write_bytes(path_of(file, ""), idx->bytes, idx->length);
}

static void
write_gz(int file, const struct idx *idx)
{
    gzFile gz = gzopen(path_of(file, ".gz"), "wb");
    assert_int_equal(gzwrite(gz, idx->bytes, (unsigned)idx->length), idx->length);
    assert_int_equal(gzclose(gz), Z_OK);
}

/* Four files that belong together: 5 training, 2 test samples. */
static struct idx
good(int file)
{
    const uint32_t count = file == TRAIN_IMAGES || file == TRAIN_LABELS ? 5 : 2;
    return file == TRAIN_IMAGES || file == TEST_IMAGES ? images(count) : labels(count);
}

static void
write_good(void (*write)(int file, const struct idx *idx))
{
    remove_files();
    for (int file = 0; file < FILES; file++) {
        const struct idx idx = good(file);
        write(file, &idx);
    }
}

static enum sm_status
load(const char *yaml, struct sm_data *data)
{
    struct sm_node *root;
    struct sm_choice choice;
    SM_TRY(sm_tree_parse(&arena, "test", yaml, &root));
    SM_TRY(sm_choice_bind(&sm_axis_dataset, sm_tree_get(root, "dataset"), NULL, &arena, &choice));
    const struct sm_dataset *dataset = (const struct sm_dataset *)choice.plugin;
    return dataset->load(choice.settings, &arena, data);
}

static enum sm_status
load_folder(struct sm_data *data)
{
    return load(sm_arena_printf(&arena, "dataset: {name: fashion_mnist, path: \"%s\"}", folder),
                data);
}

static void
idx_files_are_read_gzipped_or_plain(void **state)
{
    (void)state;
    void (*const writers[])(int, const struct idx *) = {write_gz, write_plain};
    for (size_t i = 0; i < 2; i++) {
        write_good(writers[i]);
        struct sm_data data;
        check_ok(load_folder(&data));
        assert_int_equal(data.train.count, 5);
        assert_int_equal(data.test.count, 2);
        assert_int_equal(data.shape.features, 6);
        assert_int_equal(data.shape.classes, 10);
        assert_int_equal(data.shape.height, 2);
        assert_int_equal(data.shape.width, 3);
        assert_int_equal(data.shape.channels, 1);
        for (size_t b = 0; b < 30; b++)
            assert_int_equal(data.train.inputs[b], b);
        assert_int_equal(data.train.labels[4], 5);
        assert_int_equal(data.test.labels[1], 8);
        /* bytes 0..29: mean 14.5, variance (30^2 - 1) / 12 */
        check_near((double)data.mean[0], 14.5 / 255, 1e-7);
        check_near((double)data.deviation[0], sqrt(899.0 / 12) / 255, 1e-7);
    }
}

static void
a_truncated_idx_file_is_an_error_wherever_it_ends(void **state)
{
    (void)state;
    for (int file = 0; file < FILES; file++) {
        write_good(write_plain);
        const struct idx idx = good(file);
        for (size_t kept = 0; kept < idx.length; kept++) {
            write_bytes(path_of(file, ""), idx.bytes, kept);
            struct sm_data data;
            check_fails(load_folder(&data), SM_ERR_INPUT, "truncated");
            assert_non_null(strstr(sm_error_last()->message, names[file]));
        }
    }
}

static void
a_truncated_or_altered_gzip_file_is_an_error_wherever_it_is_hit(void **state)
{
    (void)state;
    write_good(write_gz);
    uint8_t bytes[512];
    const char *path = path_of(TRAIN_LABELS, ".gz");
    FILE *file = fopen(path, "rb");
    const size_t length = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    struct sm_data data;
    for (size_t kept = 3; kept < length; kept++) { /* fewer: not gzip, read as plain */
        write_bytes(path, bytes, kept);
        assert_int_equal(load_folder(&data), SM_ERR_INPUT);
        assert_non_null(strstr(sm_error_last()->message, path));
    }
    bytes[length - 6] ^= 1; /* in the checksum */
    write_bytes(path, bytes, length);
    check_fails(load_folder(&data), SM_ERR_INPUT, "damaged");
}

static void
a_bad_idx_header_or_label_is_named_with_what_was_expected(void **state)
{
    (void)state;
    struct sm_data data;
    const struct {
        int file;
        size_t at; /* byte that is changed */
        uint8_t value;
        const char *message;
    } cases[] = {
        {TRAIN_IMAGES, 3, 0x01, "magic number 0x00000801, expected 0x00000803 (IDX images)"},
        {TEST_LABELS, 2, 0x09, "magic number 0x00000901, expected 0x00000801 (IDX labels)"},
        {TRAIN_IMAGES, 4, 0xff, "dimension 0 is 4278190085, expected 1 .. 10000000"},
        {TRAIN_IMAGES, 11, 0x00, "dimension 1 is 0, expected 1 .. 4096"},
        {TRAIN_IMAGES, 5, 0x01, "truncated: 46 bytes cannot hold the 393246 of its header"},
        {TRAIN_IMAGES, 7, 0x06, "ends 6 bytes short"},
        {TRAIN_IMAGES, 7, 0x04, "goes on after the data"},
        {TRAIN_LABELS, 10, 0x0a, "label 10 of sample 2, expected 0 .. 9"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_good(write_plain);
        struct idx idx = good(cases[i].file);
        idx.bytes[cases[i].at] = cases[i].value;
        write_plain(cases[i].file, &idx);
        check_fails(load_folder(&data), SM_ERR_INPUT, cases[i].message);
        assert_non_null(strstr(sm_error_last()->message, names[cases[i].file]));
    }
}

static void
idx_files_that_do_not_belong_together_are_an_error(void **state)
{
    (void)state;
    struct sm_data data;
    write_good(write_plain);
    const struct idx four = labels(4);
    write_plain(TRAIN_LABELS, &four);
    check_fails(load_folder(&data), SM_ERR_INPUT, "4 labels, but");
    write_good(write_plain);
    struct idx wide = images(2);
    wide.bytes[11] = 3; /* 3 x 2 instead of 2 x 3 */
    wide.bytes[15] = 2;
    write_plain(TEST_IMAGES, &wide);
    check_fails(load_folder(&data), SM_ERR_INPUT,
                "test images are 3x2, but the training images are 2x3");
}

static void
a_missing_folder_names_the_debian_package(void **state)
{
    (void)state;
    struct sm_data data;
    check_fails(load("dataset: {name: fashion_mnist, path: /nonexistent}", &data), SM_ERR_INPUT,
                "dataset-fashion-mnist");
    write_good(write_plain);
    unlink(path_of(TEST_LABELS, ""));
    check_fails(load_folder(&data), SM_ERR_INPUT, names[TEST_LABELS]);
}

static void
fashion_mnist_has_its_published_shape_where_it_is_installed(void **state)
{
    (void)state;
    if (access("/usr/share/datasets/fashion-mnist", F_OK) != 0)
        skip();
    struct sm_data data;
    check_ok(load("dataset: fashion_mnist", &data));
    assert_int_equal(data.train.count, 60000);
    assert_int_equal(data.test.count, 10000);
    assert_int_equal(data.shape.features, 784);
    size_t seen[10] = {0};
    for (size_t i = 0; i < data.test.count; i++)
        seen[data.test.labels[i]]++;
    for (size_t c = 0; c < 10; c++)
        assert_int_equal(seen[c], 1000);
    check_near((double)data.mean[0], 0.2860, 1e-4); /* the constants everybody uses */
    check_near((double)data.deviation[0], 0.3530, 1e-4);
}

static void
synthetic_data_is_the_same_every_time_and_another_for_another_seed(void **state)
{
    (void)state;
    struct sm_data a, b, c;
    check_ok(load("dataset: {name: synthetic, train: 100, test: 40}", &a));
    check_ok(load("dataset: {name: synthetic, train: 100, test: 40}", &b));
    check_ok(load("dataset: {name: synthetic, train: 100, test: 40, seed: 2}", &c));
    assert_memory_equal(a.train.inputs, b.train.inputs, 100 * 64);
    assert_memory_equal(a.test.labels, b.test.labels, 40);
    assert_memory_not_equal(a.train.inputs, c.train.inputs, 100 * 64);
    assert_memory_not_equal(a.train.inputs, a.test.inputs, 40 * 64);
}

/* Right answers of the nearest class mean, a linear classifier, on the test half. */
static double
accuracy_of_nearest_mean(const struct sm_data *data)
{
    double *mean =
        sm_arena_zalloc(&arena, data->shape.classes * data->shape.features, sizeof *mean);
    double *seen = sm_arena_zalloc(&arena, data->shape.classes, sizeof *seen);
    for (size_t i = 0; i < data->train.count; i++) {
        seen[data->train.labels[i]]++;
        for (size_t f = 0; f < data->shape.features; f++)
            mean[data->train.labels[i] * data->shape.features + f] +=
                (double)data->train.inputs[i * data->shape.features + f];
    }
    size_t right = 0;
    for (size_t i = 0; i < data->test.count; i++) {
        size_t best = 0;
        double least = INFINITY;
        for (size_t c = 0; c < data->shape.classes; c++) {
            double distance = 0;
            for (size_t f = 0; f < data->shape.features; f++) {
                const double d = mean[c * data->shape.features + f] / seen[c] -
                                 (double)data->test.inputs[i * data->shape.features + f];
                distance += d * d;
            }
            if (distance < least) {
                least = distance;
                best = c;
            }
        }
        right += best == data->test.labels[i];
    }
    return (double)right / (double)data->test.count;
}

static void
synthetic_separation_sets_how_hard_the_classes_are(void **state)
{
    (void)state;
    struct sm_data data;
    check_ok(load("dataset: synthetic", &data));
    assert_int_equal(data.train.count, 10000);
    assert_int_equal(data.test.count, 2000);
    const double accuracy = accuracy_of_nearest_mean(&data);
    assert_true(accuracy > 0.8 && accuracy < 0.97);
    check_ok(load("dataset: {name: synthetic, separation: 0}", &data));
    check_near(accuracy_of_nearest_mean(&data), 0.1, 0.04);
    check_ok(load("dataset: {name: synthetic, separation: 20}", &data));
    check_near(accuracy_of_nearest_mean(&data), 1, 1e-3);
    /* two classes: error Phi(-separation / 2) for the distance these two centres really have */
    check_ok(
        load("dataset: {name: synthetic, classes: 2, features: 4096, separation: 2, test: 4000}",
             &data));
    check_near(accuracy_of_nearest_mean(&data), 1 - erfc(1 / sqrt(2)) / 2, 0.06);
}

static void
synthetic_images_are_blocks_of_four_pixels(void **state)
{
    (void)state;
    struct sm_data data;
    /* centres so far apart that a mean over the samples of a class shows its centre */
    check_ok(load("dataset: {name: synthetic, classes: 2, features: [8, 12, 3], separation: 100}",
                  &data));
    assert_int_equal(data.shape.features, 8 * 12 * 3);
    assert_int_equal(data.shape.height, 8);
    assert_int_equal(data.shape.width, 12);
    assert_int_equal(data.shape.channels, 3);
    double mean[8][12][3] = {{{0}}}, count = 0;
    for (size_t i = 0; i < data.train.count; i++) {
        count += data.train.labels[i] == 0;
        for (size_t f = 0; f < 8 * 12 * 3 && data.train.labels[i] == 0; f++)
            (&mean[0][0][0])[f] += (double)data.train.inputs[i * 8 * 12 * 3 + f];
    }
    double within = 0, across = 0; /* squared differences to the pixel on the right */
    for (size_t y = 0; y < 8; y++)
        for (size_t x = 0; x + 1 < 12; x++)
            for (size_t c = 0; c < 3; c++) {
                const double d = (mean[y][x + 1][c] - mean[y][x][c]) / count;
                *(x % 4 == 3 ? &across : &within) += d * d / (x % 4 == 3 ? 2 : 9);
            }
    assert_true(within * 100 < across);
    check_ok(load("dataset: {name: synthetic, features: [8, 12, 3], separation: 20}", &data));
    check_near(accuracy_of_nearest_mean(&data), 1, 1e-2);
}

static void
synthetic_features_that_make_no_sample_are_refused(void **state)
{
    (void)state;
    const char *const features[] = {
        "[]", "[3, 4]", "2.5", "[4, 4, 1, 1]", "[4, 4, 5]", "[4, 4, 1.5]", "[1000, 1000, 2]"};
    for (size_t i = 0; i < sizeof features / sizeof *features; i++) {
        struct sm_data data;
        check_fails(
            load(sm_arena_printf(&arena, "dataset: {name: synthetic, features: %s}", features[i]),
                 &data),
            SM_ERR_INPUT, "expected one whole number or [height, width, channels]");
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(idx_files_are_read_gzipped_or_plain),
        cmocka_unit_test(a_truncated_idx_file_is_an_error_wherever_it_ends),
        cmocka_unit_test(a_truncated_or_altered_gzip_file_is_an_error_wherever_it_is_hit),
        cmocka_unit_test(a_bad_idx_header_or_label_is_named_with_what_was_expected),
        cmocka_unit_test(idx_files_that_do_not_belong_together_are_an_error),
        cmocka_unit_test(a_missing_folder_names_the_debian_package),
        cmocka_unit_test(fashion_mnist_has_its_published_shape_where_it_is_installed),
        cmocka_unit_test(synthetic_data_is_the_same_every_time_and_another_for_another_seed),
        cmocka_unit_test(synthetic_separation_sets_how_hard_the_classes_are),
        cmocka_unit_test(synthetic_images_are_blocks_of_four_pixels),
        cmocka_unit_test(synthetic_features_that_make_no_sample_are_refused),
    };
    return cmocka_run_group_tests_name("datasets", tests, setup, teardown);
}
