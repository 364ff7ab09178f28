/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/datasets/images.c -- the user's own images: IDX files, or a folder of picture files.
 *
 * A folder with the sub-folders `train` and `test` has one folder a class in each, and in that one
 * picture a file: PGM (grey) or PPM (colour), binary (P5, P6), of one size, 255 the largest value.
 * Classes are numbered in the order of the bytes of their names in `train`, and that is the order
 * of the pictures too; names that begin with a dot do not count. Any other folder must hold the
 * four files of idx.h, whatever their prefix, the test called t10k or test.
 */
#include <string.h>
#include <unistd.h>

#include "sim/base/text.h"
#include "workloads/datasets/folder.h"
#include "workloads/datasets/idx.h"
#include "workloads/datasets/pnm.h"

struct images {
    const char *path;
};

static const struct sm_param images_params[] = {
    SM_PARAM_TEXT(
        struct images, path, "",
        "folder of IDX files, or of train and test with a folder of .pgm or .ppm a class; "
        "must be set"),
    SM_PARAM_END,
};

static bool
ends_in(const char *text, const char *ending)
{
    const size_t length = strlen(text), tail = strlen(ending);
    return length >= tail && strcmp(text + length - tail, ending) == 0;
}

static bool
is_picture(const char *path)
{
    return ends_in(path, ".pgm") || ends_in(path, ".ppm");
}

static enum sm_status
picture_read(const char *path, struct sm_arena *arena, struct sm_picture *picture)
{
    char *text = NULL;
    size_t length = 0;
    SM_TRY(sm_text_read_file(arena, path, &text, &length));
    return sm_pnm_parse(path, text, length, picture);
}

/* The pictures of one half, by class. */
struct half {
    const char *folder;
    struct sm_folder *of_class; /* (classes) */
    size_t count;
};

static enum sm_status
half_list(struct half *half, const struct sm_folder *classes, struct sm_arena *arena)
{
    half->of_class = sm_arena_alloc(arena, classes->count, sizeof *half->of_class);
    if (half->of_class == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "%s: no memory for %zu classes", half->folder, classes->count);
    for (size_t c = 0; c < classes->count; c++) {
        const char *folder =
            sm_arena_printf(arena, "%s/%s", half->folder, sm_folder_name(classes->path[c]));
        if (folder == NULL)
            return SM_FAIL(SM_ERR_NOMEM, "%s: no memory", half->folder);
        SM_TRY(sm_folder_list(folder, is_picture, arena, &half->of_class[c]));
        if (half->of_class[c].count == 0)
            return SM_FAIL(SM_ERR_INPUT, "%s: no .pgm or .ppm file", folder);
        half->count += half->of_class[c].count;
    }
    return SM_OK;
}

/* The pictures of the half as samples; all must be like `first`. */
static enum sm_status
half_read(const struct half *half, size_t classes, const struct sm_picture *first,
          struct sm_arena *arena, struct sm_samples *samples)
{
    const size_t size = first->width * first->height * first->channels;
    uint8_t *inputs = sm_arena_alloc(arena, half->count, size);
    uint8_t *labels = sm_arena_alloc(arena, half->count, 1);
    if (inputs == NULL || labels == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "%s: no memory for %zu images of %zu bytes", half->folder,
                       half->count, size);
    *samples = (struct sm_samples){.inputs = inputs, .labels = labels, .count = half->count};
    struct sm_arena scratch = {0};
    for (size_t c = 0; c < classes; c++)
        for (size_t i = 0; i < half->of_class[c].count; i++) {
            struct sm_picture picture = {.pixels = NULL};
            const char *path = half->of_class[c].path[i];
            enum sm_status status = picture_read(path, &scratch, &picture);
            if (status == SM_OK &&
                (picture.width != first->width || picture.height != first->height ||
                 picture.channels != first->channels))
                status = SM_FAIL(SM_ERR_INPUT,
                                 "%s: %zux%zux%zu, but the first training image is %zux%zux%zu",
                                 path, picture.height, picture.width, picture.channels,
                                 first->height, first->width, first->channels);
            if (status == SM_OK) {
                memcpy(inputs, picture.pixels, size);
                inputs += size;
                *labels++ = (uint8_t)c;
            }
            sm_arena_reset(&scratch);
            if (status != SM_OK) {
                sm_arena_fini(&scratch);
                return status;
            }
        }
    sm_arena_fini(&scratch);
    return SM_OK;
}

/* The test must have the classes of the training. */
static enum sm_status
classes_list(const char *train, const char *test, struct sm_arena *arena, struct sm_folder *classes)
{
    struct sm_folder tested;
    SM_TRY(sm_folder_list(train, sm_folder_is_folder, arena, classes));
    SM_TRY(sm_folder_list(test, sm_folder_is_folder, arena, &tested));
    if (classes->count < 2 || classes->count > SM_MOST_CLASSES)
        return SM_FAIL(SM_ERR_INPUT, "%s: %zu folders, expected 2 .. %d, one a class", train,
                       classes->count, SM_MOST_CLASSES);
    for (size_t c = 0; c < tested.count || c < classes->count; c++)
        if (c >= tested.count || c >= classes->count ||
            strcmp(sm_folder_name(classes->path[c]), sm_folder_name(tested.path[c])) != 0)
            return SM_FAIL(SM_ERR_INPUT,
                           "%s has %zu folders of classes and %s %zu; the names of "
                           "class %zu differ, expected the same in both",
                           train, classes->count, test, tested.count, c);
    return SM_OK;
}

static enum sm_status
folder_load(const char *path, struct sm_arena *scratch, struct sm_arena *arena,
            struct sm_data *data)
{
    struct half train = {.folder = sm_arena_printf(scratch, "%s/train", path)};
    struct half test = {.folder = sm_arena_printf(scratch, "%s/test", path)};
    struct sm_folder classes = {.count = 0};
    struct sm_picture first = {.pixels = NULL};
    if (train.folder == NULL || test.folder == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "%s: no memory", path);
    SM_TRY(classes_list(train.folder, test.folder, scratch, &classes));
    SM_TRY(half_list(&train, &classes, scratch));
    SM_TRY(half_list(&test, &classes, scratch));
    SM_TRY(picture_read(train.of_class[0].path[0], scratch, &first));
    SM_TRY(half_read(&train, classes.count, &first, arena, &data->train));
    SM_TRY(half_read(&test, classes.count, &first, arena, &data->test));
    data->shape = (struct sm_data_shape){.features = first.width * first.height * first.channels,
                                         .classes = classes.count,
                                         .height = first.height,
                                         .width = first.width,
                                         .channels = first.channels};
    sm_data_measure(data);
    return SM_OK;
}

static const char training_images[] = "train-images-idx3-ubyte";

static bool
is_training_set(const char *path)
{
    return ends_in(path, training_images) || ends_in(path, "train-images-idx3-ubyte.gz");
}

/* The prefix of the one set in the folder, from the name of its training images. */
static enum sm_status
prefix_find(const char *path, struct sm_arena *arena, const char **prefix)
{
    struct sm_folder list = {.count = 0};
    SM_TRY(sm_folder_list(path, is_training_set, arena, &list));
    if (list.count == 0)
        return SM_FAIL(SM_ERR_INPUT,
                       "%s: no images; expected IDX files (train-images-idx3-ubyte and so on, .gz "
                       "or not, with any prefix) or the folders train and test, with a folder of "
                       ".pgm or .ppm files a class",
                       path);
    for (size_t i = 0; i < list.count; i++) {
        const char *name = sm_folder_name(list.path[i]);
        *strstr(name, training_images) = '\0';
        if (i > 0 && strcmp(name, *prefix) != 0)
            return SM_FAIL(SM_ERR_INPUT, "%s: IDX files of prefix '%s' and '%s', expected one set",
                           path, *prefix, name);
        *prefix = name;
    }
    return SM_OK;
}

static enum sm_status
idx_load(const char *path, struct sm_arena *arena, struct sm_data *data)
{
    struct sm_idx_set set = {
        .folder = path, .test = "t10k", .hint = "", .classes = SM_MOST_CLASSES};
    SM_TRY(prefix_find(path, arena, &set.prefix));
    const char *test = sm_arena_printf(arena, "%s/%stest-images-idx3-ubyte", path, set.prefix);
    const char *gzipped =
        sm_arena_printf(arena, "%s/%stest-images-idx3-ubyte.gz", path, set.prefix);
    if (test == NULL || gzipped == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "%s: no memory", path);
    if (access(test, F_OK) == 0 || access(gzipped, F_OK) == 0)
        set.test = "test";
    SM_TRY(sm_idx_load(&set, arena, data));
    size_t classes = 0;
    for (size_t i = 0; i < data->train.count; i++)
        classes = data->train.labels[i] >= classes ? data->train.labels[i] + 1u : classes;
    for (size_t i = 0; i < data->test.count; i++)
        if (data->test.labels[i] >= classes)
            return SM_FAIL(SM_ERR_INPUT,
                           "%s: label %u of test sample %zu, but the training labels are 0 .. %zu",
                           path, data->test.labels[i], i, classes - 1);
    if (classes < 2)
        return SM_FAIL(SM_ERR_INPUT, "%s: all labels are 0, expected at least two classes", path);
    data->shape.classes = classes;
    return SM_OK;
}

static enum sm_status
images_load(const void *state, struct sm_arena *arena, struct sm_data *data)
{
    const struct images *s = state;
    if (s->path[0] == '\0')
        return SM_FAIL(SM_ERR_INPUT,
                       "workload.dataset.path: images needs a folder, of IDX files or of train and "
                       "test with a folder of .pgm or .ppm files a class");
    struct sm_arena scratch = {0};
    const char *train = sm_arena_printf(&scratch, "%s/train", s->path);
    enum sm_status status = SM_OK;
    if (train == NULL)
        status = SM_FAIL(SM_ERR_NOMEM, "%s: no memory", s->path);
    else if (sm_folder_is_folder(train))
        status = folder_load(s->path, &scratch, arena, data);
    else
        status = idx_load(s->path, arena, data);
    sm_arena_fini(&scratch);
    return status;
}

const struct sm_dataset sm_dataset_images = {
    .about =
        {
            .name = "images",
            .doc = "your own images: IDX files, or folders of PGM or PPM files, one a class",
            .source = "formats: yann.lecun.com/exdb/mnist; Netpbm, pgm(5) and ppm(5)",
            .state_size = sizeof(struct images),
            .params = images_params,
        },
    .load = images_load,
};
