/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/datasets/idx.c -- see idx.h. */
#include "workloads/datasets/idx.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum {
    MAGIC_LABELS = 0x0801,
    MAGIC_IMAGES = 0x0803,
    LARGEST_SIDE = 4096,
    MOST_SAMPLES = 10000000, /* a header beyond these is damage, not data */
    CHUNK = 1 << 24,
    MOST_COMPRESSION = 1032, /* of deflate: 258 bytes in two bits */
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
    /* a header that promises what the file cannot hold costs no memory */
    struct stat about;
    if (stat(file->path, &about) == 0 && bytes / MOST_COMPRESSION > (size_t)about.st_size)
        return SM_FAIL(SM_ERR_INPUT, "%s: truncated: %zu bytes cannot hold the %zu of its header",
                       file->path, (size_t)about.st_size, bytes);
    uint8_t *to = sm_arena_alloc(arena, bytes, 1);
    if (to == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "%s: no memory for %zu bytes", file->path, bytes);
    SM_TRY(idx_read(file, to, bytes));
    *data = to;
    return idx_finish(file);
}

/* *data = the bytes of FOLDER/PREFIX HALF KIND.gz, or without .gz; size (rank) their dimensions. */
static enum sm_status
idx_load(const struct sm_idx_set *set, const char *half, const char *kind, uint32_t magic,
         size_t rank, size_t *size, struct sm_arena *arena, struct idx_file *file,
         const uint8_t **data)
{
    char *path = sm_arena_printf(arena, "%s/%s%s%s.gz", set->folder, set->prefix, half, kind);
    if (path == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "%s: no memory", set->folder);
    if (access(path, F_OK) != 0)
        path[strlen(path) - strlen(".gz")] = '\0';
    *file = (struct idx_file){path, gzopen(path, "rb")};
    if (file->gz == NULL)
        return SM_FAIL(SM_ERR_INPUT, "cannot read %s: %s%s", path, strerror(errno),
                       errno == ENOENT ? set->hint : "");
    enum sm_status status = idx_contents(file, magic, rank, size, arena, data);
    gzclose_r(file->gz);
    return status;
}

static enum sm_status
half_load(const struct sm_idx_set *set, const char *name, struct sm_arena *arena,
          struct sm_samples *half, size_t image[2])
{
    size_t size[3], count = 0;
    struct idx_file images, labels;
    SM_TRY(idx_load(set, name, "-images-idx3-ubyte", MAGIC_IMAGES, 3, size, arena, &images,
                    &half->inputs));
    SM_TRY(idx_load(set, name, "-labels-idx1-ubyte", MAGIC_LABELS, 1, &count, arena, &labels,
                    &half->labels));
    if (count != size[0])
        return SM_FAIL(SM_ERR_INPUT, "%s: %zu labels, but %s has %zu images", labels.path, count,
                       images.path, size[0]);
    for (size_t i = 0; i < count; i++)
        if (half->labels[i] >= set->classes)
            return SM_FAIL(SM_ERR_INPUT, "%s: label %u of sample %zu, expected 0 .. %zu",
                           labels.path, half->labels[i], i, set->classes - 1);
    half->count = count;
    image[0] = size[1];
    image[1] = size[2];
    return SM_OK;
}

enum sm_status
sm_idx_load(const struct sm_idx_set *set, struct sm_arena *arena, struct sm_data *data)
{
    size_t train[2], test[2];
    SM_TRY(half_load(set, "train", arena, &data->train, train));
    SM_TRY(half_load(set, set->test, arena, &data->test, test));
    if (train[0] != test[0] || train[1] != test[1])
        return SM_FAIL(SM_ERR_INPUT,
                       "%s: test images are %zux%zu, but the training images are %zux%zu",
                       set->folder, test[0], test[1], train[0], train[1]);
    data->shape = (struct sm_data_shape){.features = train[0] * train[1],
                                         .classes = set->classes,
                                         .height = train[0],
                                         .width = train[1],
                                         .channels = 1};
    sm_data_measure(data);
    return SM_OK;
}
