/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/images.c -- images of the user's: CIFAR-10's batches, IDX sets, folders of pictures;
 * and what crop_flip does to them. */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "tests/helpers/check.h"
#include "workloads/datasets/dataset.h"
#include "workloads/workload.h"

static struct sm_arena arena;
static char folder[] = "/tmp/slowmo-images-XXXXXX";

static int
setup(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL;
}

static int
remove_entry(const char *path, const struct stat *about, int kind, struct FTW *where)
{
    (void)about;
    (void)kind;
    return where->level == 0 ? 0 : remove(path);
}

/* Each test begins with an empty folder. */
static int
empty_folder(void **state)
{
    (void)state;
    return nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static int
teardown(void **state)
{
    empty_folder(state);
    sm_arena_fini(&arena);
    return rmdir(folder);
}

static void
make_folder(const char *name)
{
    assert_int_equal(mkdir(sm_arena_printf(&arena, "%s/%s", folder, name), 0700), 0);
}

static void
write_bytes(const char *name, const void *bytes, size_t length)
{
    FILE *file = fopen(sm_arena_printf(&arena, "%s/%s", folder, name), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

static void
write_text(const char *name, const char *text)
{
    write_bytes(name, text, strlen(text));
}

static enum sm_status
load_from(const char *name, const char *path, struct sm_data *data)
{
    struct sm_node *root;
    struct sm_choice choice;
    const char *yaml = sm_arena_printf(&arena, "dataset: {name: %s, path: \"%s\"}", name, path);
    SM_TRY(sm_tree_parse(&arena, "test", yaml, &root));
    SM_TRY(sm_choice_bind(&sm_axis_dataset, sm_tree_get(root, "dataset"), NULL, &arena, &choice));
    const struct sm_dataset *dataset = (const struct sm_dataset *)choice.plugin;
    return dataset->load(choice.settings, &arena, data);
}

static enum sm_status
load(const char *name, struct sm_data *data)
{
    return load_from(name, folder, data);
}

/* ---- CIFAR-10 ---- */

enum { RECORD = 3073 };
static const char *const batches[] = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                                      "data_batch_4.bin", "data_batch_5.bin", "test_batch.bin"};

/* Batch b has b + 1 records; record i of it the label (b + i) % 10, red b, green i, blue the pixel.
 */
static size_t
make_batch(size_t b, uint8_t bytes[6 * RECORD])
{
    for (size_t i = 0; i <= b; i++) {
        uint8_t *record = bytes + i * RECORD;
        record[0] = (uint8_t)((b + i) % 10);
        memset(record + 1, (int)b, 1024);
        memset(record + 1 + 1024, (int)i, 1024);
        for (size_t pixel = 0; pixel < 1024; pixel++)
            record[1 + 2048 + pixel] = (uint8_t)pixel;
    }
    return (b + 1) * RECORD;
}

static void
write_batches(void)
{
    for (size_t b = 0; b < 6; b++) {
        uint8_t bytes[6 * RECORD];
        write_bytes(batches[b], bytes, make_batch(b, bytes));
    }
}

static void
cifar10_batches_are_joined_and_their_colours_brought_together(void **state)
{
    (void)state;
    write_batches();
    struct sm_data data;
    check_ok(load("cifar10", &data));
    assert_int_equal(data.shape.features, 3072);
    assert_int_equal(data.shape.height, 32);
    assert_int_equal(data.shape.width, 32);
    assert_int_equal(data.shape.channels, 3);
    assert_int_equal(data.shape.classes, 10);
    assert_int_equal(data.train.count, 1 + 2 + 3 + 4 + 5);
    assert_int_equal(data.test.count, 6);
    size_t sample = 0;
    for (size_t b = 0; b < 5; b++)
        for (size_t i = 0; i <= b; i++, sample++) {
            assert_int_equal(data.train.labels[sample], (b + i) % 10);
            for (size_t pixel = 0; pixel < 1024; pixel++) {
                const uint8_t *colour = data.train.inputs + sample * 3072 + pixel * 3;
                assert_int_equal(colour[0], b);
                assert_int_equal(colour[1], i);
                assert_int_equal(colour[2], pixel % 256);
            }
        }
    assert_int_equal(data.test.labels[5], 0);
    assert_int_equal(data.test.inputs[5 * 3072 + 1], 5);
    /* by channel: red is b in b + 1 of 15 records, blue every byte as often */
    check_near((double)data.mean[0], 40.0 / 15 / 255, 1e-6);
    check_near((double)data.mean[2], 0.5, 1e-6);
}

static void
a_bad_cifar10_batch_is_named_with_what_was_expected(void **state)
{
    (void)state;
    uint8_t bytes[6 * RECORD];
    struct sm_data data;
    for (size_t b = 0; b < 6; b++) {
        write_batches();
        const size_t length = make_batch(b, bytes);
        const size_t wrong[] = {0, 1, length - 1, length - 3072, length - 1024};
        for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
            write_bytes(batches[b], bytes, wrong[i]);
            check_fails(load("cifar10", &data), SM_ERR_INPUT, "bytes, expected a multiple of 3073");
            assert_non_null(strstr(sm_error_last()->message, batches[b]));
        }
        bytes[b * RECORD] = 10;
        write_bytes(batches[b], bytes, length);
        check_fails(
            load("cifar10", &data), SM_ERR_INPUT,
            sm_arena_printf(&arena, "%s: label 10 of record %zu, expected 0 .. 9", batches[b], b));
    }
}

static void
absent_cifar10_files_say_where_they_are_to_be_had(void **state)
{
    (void)state;
    struct sm_data data;
    check_fails(load_from("cifar10", "/nonexistent", &data), SM_ERR_INPUT,
                "cannot read /nonexistent/data_batch_1.bin: No such file or directory; the files "
                "are in cifar-10-binary.tar.gz");
    assert_non_null(strstr(sm_error_last()->message, "workload.dataset.path names their folder"));
    write_batches();
    assert_int_equal(remove(sm_arena_printf(&arena, "%s/test_batch.bin", folder)), 0);
    check_fails(load("cifar10", &data), SM_ERR_INPUT, "test_batch.bin: No such file");
}

/* ---- folders of pictures ---- */

/* train/{apple,pear,quince} and test/...; the picture is `pixels` behind the header. */
static void
write_pictures(const char *header, size_t bytes)
{
    static const char *const files[] = {
        "train/apple/2.ppm", "train/apple/10.ppm", "train/pear/a.ppm",
        "test/apple/x.ppm",  "test/pear/y.ppm",    "test/pear/z.ppm",
    };
    make_folder("train");
    make_folder("train/pear");
    make_folder("train/apple");
    make_folder("test");
    make_folder("test/apple");
    make_folder("test/pear");
    for (size_t i = 0; i < 6; i++) {
        char text[256];
        const size_t length = (size_t)snprintf(text, sizeof text, "%s", header);
        for (size_t b = 0; b < bytes; b++)
            text[length + b] = (char)(10 * i + b);
        write_bytes(files[i], text, length + bytes);
    }
}

static void
a_folder_of_pictures_is_read_in_the_order_of_names(void **state)
{
    (void)state;
    write_pictures("P6\n# by hand\n3 2\n255\n", 18);
    write_text("train/apple/notes.txt", "not a picture");
    write_text("train/README", "not a class");
    write_text("train/pear/.hidden.ppm", "not read");
    struct sm_data data;
    check_ok(load("images", &data));
    assert_int_equal(data.shape.features, 18);
    assert_int_equal(data.shape.height, 2);
    assert_int_equal(data.shape.width, 3);
    assert_int_equal(data.shape.channels, 3);
    assert_int_equal(data.shape.classes, 2);
    assert_int_equal(data.train.count, 3);
    assert_int_equal(data.test.count, 3);
    static const uint8_t labels[2][3] = {{0, 0, 1}, {0, 1, 1}};
    assert_memory_equal(data.train.labels, labels[0], 3);
    assert_memory_equal(data.test.labels, labels[1], 3);
    static const uint8_t first[2][3] = {{10, 0, 20}, {30, 40, 50}}; /* 10.ppm before 2.ppm */
    for (size_t i = 0; i < 3; i++)
        for (size_t b = 0; b < 18; b++) {
            assert_int_equal(data.train.inputs[18 * i + b], first[0][i] + b);
            assert_int_equal(data.test.inputs[18 * i + b], first[1][i] + b);
        }
    /* bytes 0 .. 17 and twice ten more: the first channel 0, 3, .. 15 */
    check_near((double)data.mean[0], (7.5 + 10) / 255, 1e-6);
    check_near((double)data.mean[2], (9.5 + 10) / 255, 1e-6);
}

static void
grey_pictures_have_one_channel(void **state)
{
    (void)state;
    write_pictures("P5 6 3 255 ", 18);
    struct sm_data data;
    check_ok(load("images", &data));
    assert_int_equal(data.shape.features, 18);
    assert_int_equal(data.shape.height, 3);
    assert_int_equal(data.shape.width, 6);
    assert_int_equal(data.shape.channels, 1);
}

static void
a_bad_picture_is_named_with_what_was_expected(void **state)
{
    (void)state;
    struct sm_data data;
    write_pictures("P6 3 2 255\n", 18);
    static const char eighteen[] = "abcdefghijklmnopqr";
    const char *const cases[][2] = {
        {"", "no binary PGM or PPM file (P5 or P6)"},
        {"P3 3 2 255 ", "no binary PGM or PPM file (P5 or P6)"},
        {"P6", "no header of P6, width, height, 255 and one white space"},
        {"P6 3 2", "no header of P6"},
        {"P6 3 2 255", "no header of P6"},
        {"P6 3 2 255x", "no header of P6"},
        {"P6 -3 2 255 ", "no header of P6"},
        {"P6 3 # 2 255 ", "no header of P6"},
        {"P6 0 2 255 ", "0x2 pixels of 0 .. 255, expected sides of 1 .. 4096"},
        {"P6 3 5000 255 ", "3x5000 pixels"},
        {"P6 3 2 65535 ", "expected sides of 1 .. 4096 and 0 .. 255"},
        {"P6 3 2 255 abcdefghijklmnopq", "17 bytes of pixels, expected 18 for 2x3x3"},
        {"P6 3 2 255 abcdefghijklmnopqrs", "19 bytes of pixels, expected 18 for 2x3x3"},
        {"P6 2 3 255 abcdefghijklmnopqr", "3x2x3, but the first training image is 2x3x3"},
        {"P5 9 2 255 abcdefghijklmnopqr", "2x9x1, but the first training image is 2x3x3"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t test = 0; test < 2; test++) {
            const char *file = test ? "test/pear/y.ppm" : "train/pear/a.ppm";
            write_text(file, cases[i][0]);
            check_fails(load("images", &data), SM_ERR_INPUT, cases[i][1]);
            assert_non_null(strstr(sm_error_last()->message, file));
            write_text(file, sm_arena_printf(&arena, "P6 3 2 255 %s", eighteen));
            check_ok(load("images", &data));
        }
}

static void
folders_that_do_not_fit_are_one_clear_line(void **state)
{
    (void)state;
    struct sm_data data;
    check_fails(load_from("images", "", &data), SM_ERR_INPUT,
                "workload.dataset.path: images needs a folder");
    check_fails(load_from("images", "/nonexistent", &data), SM_ERR_INPUT,
                "cannot read /nonexistent: No such file");
    check_fails(load("images", &data), SM_ERR_INPUT, "no images; expected IDX files");
    make_folder("train");
    check_fails(load("images", &data), SM_ERR_INPUT, "/test: No such file");
    make_folder("test");
    check_fails(load("images", &data), SM_ERR_INPUT, "train: 0 folders, expected 2 .. 256");
    rmdir(sm_arena_printf(&arena, "%s/train", folder));
    rmdir(sm_arena_printf(&arena, "%s/test", folder));
    write_pictures("P6 3 2 255\n", 18);
    make_folder("test/quince");
    check_fails(load("images", &data), SM_ERR_INPUT, "has 2 folders of classes and");
    make_folder("train/plum"); /* as many, but others */
    check_fails(load("images", &data), SM_ERR_INPUT, "the names of class 2 differ");
    make_folder("train/quince");
    make_folder("test/plum");
    check_fails(load("images", &data), SM_ERR_INPUT, "train/plum: no .pgm or .ppm file");
}

/* ---- IDX sets of any prefix ---- */

static void
write_idx(const char *name, uint8_t dimensions, uint8_t count, const uint8_t *bytes, size_t length,
          bool gzipped)
{
    uint8_t text[64] = {0, 0, 8, dimensions, 0, 0, 0, count};
    size_t header = 8;
    if (dimensions == 3) {
        text[11] = 1;
        text[15] = 2;
        header = 16;
    }
    memcpy(text + header, bytes, length);
    if (!gzipped) {
        write_bytes(name, text, header + length);
        return;
    }
    gzFile gz = gzopen(sm_arena_printf(&arena, "%s/%s.gz", folder, name), "wb");
    assert_int_equal(gzwrite(gz, text, (unsigned)(header + length)), header + length);
    assert_int_equal(gzclose(gz), Z_OK);
}

/* Three training and two test images of 1 x 2. */
static void
write_set(const char *prefix, const char *test, bool gzipped, const uint8_t labels[5])
{
    static const uint8_t pixels[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    write_idx(sm_arena_printf(&arena, "%strain-images-idx3-ubyte", prefix), 3, 3, pixels, 6,
              gzipped);
    write_idx(sm_arena_printf(&arena, "%strain-labels-idx1-ubyte", prefix), 1, 3, labels, 3,
              gzipped);
    write_idx(sm_arena_printf(&arena, "%s%s-images-idx3-ubyte", prefix, test), 3, 2, pixels + 6, 4,
              gzipped);
    write_idx(sm_arena_printf(&arena, "%s%s-labels-idx1-ubyte", prefix, test), 1, 2, labels + 3, 2,
              gzipped);
}

static void
idx_sets_of_any_prefix_and_number_of_classes_are_read(void **state)
{
    static const char *const names[][2] = {{"", "t10k"}, {"emnist-letters-", "test"}};
    for (size_t i = 0; i < 4; i++) {
        empty_folder(state);
        write_set(names[i / 2][0], names[i / 2][1], i % 2 == 1, (const uint8_t[]){0, 26, 3, 1, 25});
        struct sm_data data;
        check_ok(load("images", &data));
        assert_int_equal(data.shape.classes, 27);
        assert_int_equal(data.shape.features, 2);
        assert_int_equal(data.shape.channels, 1);
        assert_int_equal(data.train.count, 3);
        assert_int_equal(data.test.count, 2);
        assert_int_equal(data.test.inputs[3], 10);
        assert_int_equal(data.test.labels[1], 25);
    }
}

static void
idx_sets_that_do_not_fit_are_one_clear_line(void **state)
{
    (void)state;
    struct sm_data data;
    write_set("a-", "test", false, (const uint8_t[]){0, 2, 1, 1, 3});
    check_fails(load("images", &data), SM_ERR_INPUT,
                "label 3 of test sample 1, but the training labels are 0 .. 2");
    write_set("a-", "test", false, (const uint8_t[]){0, 0, 0, 0, 0});
    check_fails(load("images", &data), SM_ERR_INPUT, "all labels are 0");
    write_set("b-", "test", true, (const uint8_t[]){0, 2, 1, 1, 2});
    check_fails(load("images", &data), SM_ERR_INPUT,
                "IDX files of prefix 'a-' and 'b-', expected one set");
    empty_folder(state);
    write_set("", "test", false, (const uint8_t[]){0, 2, 1, 1, 2});
    assert_int_equal(remove(sm_arena_printf(&arena, "%s/test-labels-idx1-ubyte", folder)), 0);
    check_fails(load("images", &data), SM_ERR_INPUT, "test-labels-idx1-ubyte: No such file");
}

/* ---- crop_flip ---- */

static const void *
crop_flip(const char *yaml)
{
    struct sm_node *root;
    struct sm_choice choice;
    check_ok(sm_tree_parse(&arena, "test", yaml, &root));
    check_ok(sm_choice_bind(&sm_axis_augmentation, sm_tree_get(root, "augmentation"), NULL, &arena,
                            &choice));
    assert_ptr_equal(choice.plugin, &sm_augmentation_crop_flip);
    return choice.settings;
}

enum { HEIGHT = 4, WIDTH = 5, CHANNELS = 3, SIZE = HEIGHT * WIDTH * CHANNELS };

/* The image moved by (down, right), mirrored or not, zeros around it. */
static void
moved(const uint8_t *image, int down, int right, bool mirror, uint8_t *to)
{
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++)
            for (int c = 0; c < CHANNELS; c++) {
                const int from_y = y + down, from_x = (mirror ? WIDTH - 1 - x : x) + right;
                const bool inside = from_y >= 0 && from_y < HEIGHT && from_x >= 0 && from_x < WIDTH;
                *to++ = inside ? image[(from_y * WIDTH + from_x) * CHANNELS + c] : 0;
            }
}

static void
crop_flip_makes_every_crop_and_its_mirror_equally_often(void **state)
{
    (void)state;
    enum { PADDING = 2, SIDE = 2 * PADDING + 1, CASES = 2 * SIDE * SIDE, DRAWS = 200 * CASES };
    const void *settings = crop_flip("augmentation: {name: crop_flip, padding: 2}");
    const struct sm_data_shape shape = {
        .features = SIZE, .height = HEIGHT, .width = WIDTH, .channels = CHANNELS};
    struct sm_rng *rng = sm_rng_create(&arena, 9, SM_RNG_TEST, 0);
    uint8_t original[SIZE], cases[CASES][SIZE], image[SIZE], scratch[SIZE];
    for (size_t i = 0; i < SIZE; i++)
        original[i] = (uint8_t)(i + 1);
    for (int i = 0; i < CASES; i++)
        moved(original, i / 2 % SIDE - PADDING, i / 2 / SIDE - PADDING, i % 2 == 1, cases[i]);
    size_t seen[CASES] = {0};
    for (size_t d = 0; d < DRAWS; d++) {
        memcpy(image, original, SIZE);
        sm_augmentation_crop_flip.apply(settings, &shape, rng, image, scratch);
        size_t which = 0;
        while (which < CASES && memcmp(image, cases[which], SIZE) != 0)
            which++;
        assert_in_range(which, 0, CASES - 1);
        seen[which]++;
    }
    for (size_t i = 0; i < CASES; i++)
        check_near((double)seen[i], 200, 5 * 14.1); /* five deviations */
}

static void
crop_flip_without_padding_or_flip_leaves_images_alone(void **state)
{
    (void)state;
    const void *settings = crop_flip("augmentation: {name: crop_flip, padding: 0, flip: no}");
    const struct sm_data_shape shape = {
        .features = SIZE, .height = HEIGHT, .width = WIDTH, .channels = CHANNELS};
    struct sm_rng *rng = sm_rng_create(&arena, 9, SM_RNG_TEST, 1);
    uint8_t original[SIZE], image[SIZE], scratch[SIZE];
    for (size_t i = 0; i < SIZE; i++)
        image[i] = original[i] = (uint8_t)(i + 1);
    for (size_t d = 0; d < 20; d++) {
        sm_augmentation_crop_flip.apply(settings, &shape, rng, image, scratch);
        assert_memory_equal(image, original, SIZE);
    }
    /* a border wider than the image may leave nothing of it, never something outside it */
    settings = crop_flip("augmentation: {name: crop_flip, padding: 64}");
    size_t black = 0;
    for (size_t d = 0; d < 200; d++) {
        memcpy(image, original, SIZE);
        sm_augmentation_crop_flip.apply(settings, &shape, rng, image, scratch);
        size_t sum = 0;
        for (size_t i = 0; i < SIZE; i++)
            sum += image[i];
        black += sum == 0;
    }
    assert_in_range(black, 150, 200);
}

#define EMPTY(test) cmocka_unit_test_setup(test, empty_folder)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        EMPTY(cifar10_batches_are_joined_and_their_colours_brought_together),
        EMPTY(a_bad_cifar10_batch_is_named_with_what_was_expected),
        EMPTY(absent_cifar10_files_say_where_they_are_to_be_had),
        EMPTY(a_folder_of_pictures_is_read_in_the_order_of_names),
        EMPTY(grey_pictures_have_one_channel),
        EMPTY(a_bad_picture_is_named_with_what_was_expected),
        EMPTY(folders_that_do_not_fit_are_one_clear_line),
        EMPTY(idx_sets_of_any_prefix_and_number_of_classes_are_read),
        EMPTY(idx_sets_that_do_not_fit_are_one_clear_line),
        EMPTY(crop_flip_makes_every_crop_and_its_mirror_equally_often),
        EMPTY(crop_flip_without_padding_or_flip_leaves_images_alone),
    };
    return cmocka_run_group_tests_name("images", tests, setup, teardown);
}
