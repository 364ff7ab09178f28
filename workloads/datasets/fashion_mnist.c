/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/datasets/fashion_mnist.c -- images of clothes in MNIST's IDX files, gzipped or plain.
 *
 * An IDX file is a big-endian magic (0x0801: bytes in one dimension, 0x0803: in three), the
 * dimensions, the bytes. Any folder with the four files of MNIST's names will do.
 */
#include "workloads/datasets/dataset.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

enum {
    CLASSES = 10,
    MAGIC_LABELS = 0x0801,
    MAGIC_IMAGES = 0x0803,
    LARGEST_SIDE = 4096,
    MOST_SAMPLES = 10000000, /* a header beyond these is damage, not data */
    CHUNK = 1 << 24,
};

struct fashion_mnist {
    const char *path;
};

static const struct sm_param fashion_mnist_params[] = {
    SM_PARAM_TEXT(struct fashion_mnist, path, "/usr/share/datasets/fashion-mnist",
                  "folder of the four IDX files, .gz or not"),
    SM_PARAM_END,
};

struct idx_file {
    const char *path;
    gzFile gz;
};

/* Reads exactly `size` bytes. */
static enum sm_status
idx_read(struct idx_file *file, void *bytes, size_t size)
{
    for (size_t done = 0; done < size;) {
        const size_t rest = size - done;
        const unsigned want = rest < CHUNK ? (unsigned)rest : CHUNK;
        const int got = gzread(file->gz, (char *)bytes + done, want);
        int code;
        if (got < 0)
            return SM_FAIL(SM_ERR_INPUT, "%s: damaged: %s", file->path, gzerror(file->gz, &code));
        if (got == 0)
            return SM_FAIL(SM_ERR_INPUT,
                           "%s: truncated: ends %zu bytes short of what its header says",
                           file->path, rest);
        done += (size_t)got;
    }
    return SM_OK;
}

/* The end must be where the header says, and a gzip file's checksum right. */
static enum sm_status
idx_finish(struct idx_file *file)
{
    char extra;
    int code = Z_OK;
    const int got = gzread(file->gz, &extra, 1);
    if (got > 0)
        return SM_FAIL(SM_ERR_INPUT, "%s: goes on after the data its header announces", file->path);
    const char *reason = gzerror(file->gz, &code);
    if (got < 0 || code != Z_OK)
        return SM_FAIL(SM_ERR_INPUT, "%s: damaged: %s", file->path, reason);
    return SM_OK;
}

/* Magic and dimensions; size[0] is the number of samples. */
static enum sm_status
idx_header(struct idx_file *file, uint32_t magic, size_t rank, size_t *size)
{
    unsigned char bytes[16];
    uint32_t word[4];
    SM_TRY(idx_read(file, bytes, 4 * (1 + rank)));
    for (size_t i = 0; i <= rank; i++)
        word[i] = (uint32_t)bytes[4 * i] << 24 | (uint32_t)bytes[4 * i + 1] << 16 |
                  (uint32_t)bytes[4 * i + 2] << 8 | (uint32_t)bytes[4 * i + 3];
    if (word[0] != magic)
        return SM_FAIL(SM_ERR_INPUT, "%s: magic number 0x%08x, expected 0x%08x (IDX %s)",
                       file->path, word[0], magic, rank == 1 ? "labels" : "images");
    for (size_t i = 0; i < rank; i++) {
        const uint32_t most = i == 0 ? MOST_SAMPLES : LARGEST_SIDE;
        if (word[i + 1] < 1 || word[i + 1] > most)
            return SM_FAIL(SM_ERR_INPUT, "%s: dimension %zu is %u, expected 1 .. %u", file->path, i,
                           word[i + 1], most);
        size[i] = word[i + 1];
    }
    return SM_OK;
}

static enum sm_status
idx_contents(struct idx_file *file, uint32_t magic, size_t rank, size_t *size,
             struct sm_arena *arena, const uint8_t **data)
{
    SM_TRY(idx_header(file, magic, rank, size));
    size_t bytes = 1;
    for (size_t i = 0; i < rank; i++)
        bytes *= size[i];
    uint8_t *to = sm_arena_alloc(arena, bytes, 1);
    if (to == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "%s: no memory for %zu bytes", file->path, bytes);
    SM_TRY(idx_read(file, to, bytes));
    *data = to;
    return idx_finish(file);
}

/* *data = the bytes of FOLDER/NAME.gz or FOLDER/NAME, size (rank) their dimensions. */
static enum sm_status
idx_load(const char *folder, const char *name, uint32_t magic, size_t rank, size_t *size,
         struct sm_arena *arena, struct idx_file *file, const uint8_t **data)
{
    char *path = sm_arena_printf(arena, "%s/%s.gz", folder, name);
    if (path == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "%s: no memory", name);
    if (access(path, F_OK) != 0)
        path[strlen(path) - strlen(".gz")] = '\0';
    *file = (struct idx_file){path, gzopen(path, "rb")};
    if (file->gz == NULL)
        return SM_FAIL(SM_ERR_INPUT, "cannot read %s: %s%s", path, strerror(errno),
                       errno == ENOENT ? "; Debian's package dataset-fashion-mnist installs the "
                                         "files, or set workload.dataset.path"
                                       : "");
    enum sm_status status = idx_contents(file, magic, rank, size, arena, data);
    gzclose_r(file->gz);
    return status;
}

/* One half; image (2) = height and width. */
static enum sm_status
half_load(const char *folder, const char *images, const char *labels, struct sm_arena *arena,
          struct sm_samples *half, size_t *image)
{
    size_t size[3], count = 0;
    struct idx_file image_file, label_file;
    SM_TRY(idx_load(folder, images, MAGIC_IMAGES, 3, size, arena, &image_file, &half->inputs));
    SM_TRY(idx_load(folder, labels, MAGIC_LABELS, 1, &count, arena, &label_file, &half->labels));
    if (count != size[0])
        return SM_FAIL(SM_ERR_INPUT, "%s: %zu labels, but %s has %zu images", label_file.path,
                       count, image_file.path, size[0]);
    for (size_t i = 0; i < count; i++)
        if (half->labels[i] >= CLASSES)
            return SM_FAIL(SM_ERR_INPUT, "%s: label %u of sample %zu, expected 0 .. %d",
                           label_file.path, half->labels[i], i, CLASSES - 1);
    half->count = count;
    image[0] = size[1];
    image[1] = size[2];
    return SM_OK;
}

static enum sm_status
fashion_mnist_load(const void *state, struct sm_arena *arena, struct sm_data *data)
{
    const struct fashion_mnist *f = state;
    size_t train[2], test[2];
    SM_TRY(half_load(f->path, "train-images-idx3-ubyte", "train-labels-idx1-ubyte", arena,
                     &data->train, train));
    SM_TRY(half_load(f->path, "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte", arena,
                     &data->test, test));
    if (train[0] != test[0] || train[1] != test[1])
        return SM_FAIL(SM_ERR_INPUT,
                       "%s: test images are %zux%zu, but the training images are %zux%zu", f->path,
                       test[0], test[1], train[0], train[1]);
    data->shape = (struct sm_data_shape){.features = train[0] * train[1],
                                         .classes = CLASSES,
                                         .height = train[0],
                                         .width = train[1],
                                         .channels = 1};
    sm_data_measure(data);
    return SM_OK;
}

const struct sm_dataset sm_dataset_fashion_mnist = {
    .about =
        {
            .name = "fashion_mnist",
            .doc = "60 000 + 10 000 grey images of clothes, 28x28, in 10 classes",
            .source = "Xiao, Rasul, Vollgraf, 2017, arXiv:1708.07747; Debian dataset-fashion-mnist",
            .state_size = sizeof(struct fashion_mnist),
            .params = fashion_mnist_params,
        },
    .load = fashion_mnist_load,
};
