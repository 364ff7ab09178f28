/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/datasets/cifar10.c -- colour images in CIFAR-10's binary batches.
 *
 * A batch is records of a label and 32x32 red, then green, then blue bytes, row by row; the colours
 * of a pixel are brought together here.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "workloads/datasets/dataset.h"

enum {
    CLASSES = 10,
    SIDE = 32,
    PIXELS = SIDE * SIDE,
    CHANNELS = 3,
    RECORD = 1 + CHANNELS * PIXELS
};

struct cifar10 {
    const char *path;
};

static const struct sm_param cifar10_params[] = {
    SM_PARAM_TEXT(struct cifar10, path, "cifar-10-batches-bin",
                  "folder of data_batch_1.bin .. data_batch_5.bin and test_batch.bin"),
    SM_PARAM_END,
};

struct batch {
    char *path;
    FILE *file;
    size_t records;
};

static enum sm_status
batch_open(struct batch *batch, const char *folder, const char *name, struct sm_arena *arena)
{
    batch->path = sm_arena_printf(arena, "%s/%s", folder, name);
    if (batch->path == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "%s: no memory", name);
    batch->file = fopen(batch->path, "rb");
    if (batch->file == NULL)
        return SM_FAIL(SM_ERR_INPUT,
                       "cannot read %s: %s; the files are in cifar-10-binary.tar.gz, \"CIFAR-10 "
                       "binary version\" at www.cs.toronto.edu/~kriz/cifar.html, and "
                       "workload.dataset.path names their folder",
                       batch->path, strerror(errno));
    const long size = fseek(batch->file, 0, SEEK_END) == 0 ? ftell(batch->file) : -1;
    if (size < 0 || fseek(batch->file, 0, SEEK_SET) != 0)
        return SM_FAIL(SM_ERR_INPUT, "cannot read %s: %s", batch->path, strerror(errno));
    if (size == 0 || size % RECORD != 0)
        return SM_FAIL(SM_ERR_INPUT,
                       "%s: %ld bytes, expected a multiple of %d (a label, then %d bytes each of "
                       "red, green and blue)",
                       batch->path, size, RECORD, PIXELS);
    batch->records = (size_t)size / RECORD;
    return SM_OK;
}

/* inputs (records, SIDE, SIDE, CHANNELS), labels (records) */
static enum sm_status
batch_read(const struct batch *batch, uint8_t *inputs, uint8_t *labels)
{
    for (size_t i = 0; i < batch->records; i++) {
        uint8_t record[RECORD];
        if (fread(record, RECORD, 1, batch->file) != 1)
            return SM_FAIL(SM_ERR_INPUT, "cannot read %s: truncated in record %zu", batch->path, i);
        if (record[0] >= CLASSES)
            return SM_FAIL(SM_ERR_INPUT, "%s: label %u of record %zu, expected 0 .. %d",
                           batch->path, record[0], i, CLASSES - 1);
        labels[i] = record[0];
        for (size_t pixel = 0; pixel < PIXELS; pixel++)
            for (size_t c = 0; c < CHANNELS; c++)
                *inputs++ = record[1 + c * PIXELS + pixel];
    }
    return SM_OK;
}

static enum sm_status
batches_join(const struct batch *batches, size_t count, struct sm_arena *arena,
             struct sm_samples *half)
{
    size_t records = 0;
    for (size_t b = 0; b < count; b++)
        records += batches[b].records;
    uint8_t *inputs = sm_arena_alloc(arena, records, RECORD - 1);
    uint8_t *labels = sm_arena_alloc(arena, records, 1);
    if (inputs == NULL || labels == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "cifar10: no memory for %zu images", records);
    *half = (struct sm_samples){.inputs = inputs, .labels = labels, .count = records};
    for (size_t b = 0; b < count; b++) {
        SM_TRY(batch_read(&batches[b], inputs, labels));
        inputs += batches[b].records * (RECORD - 1);
        labels += batches[b].records;
    }
    return SM_OK;
}

static enum sm_status
cifar10_load(const void *state, struct sm_arena *arena, struct sm_data *data)
{
    static const char *const names[] = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                                        "data_batch_4.bin", "data_batch_5.bin", "test_batch.bin"};
    enum { FILES = sizeof names / sizeof *names };
    const struct cifar10 *s = state;
    struct batch batch[FILES] = {{.file = NULL}};
    enum sm_status status = SM_OK;
    for (size_t b = 0; status == SM_OK && b < FILES; b++)
        status = batch_open(&batch[b], s->path, names[b], arena);
    if (status == SM_OK)
        status = batches_join(batch, FILES - 1, arena, &data->train);
    if (status == SM_OK)
        status = batches_join(batch + FILES - 1, 1, arena, &data->test);
    for (size_t b = 0; b < FILES; b++)
        if (batch[b].file != NULL)
            fclose(batch[b].file);
    SM_TRY(status);
    data->shape = (struct sm_data_shape){.features = CHANNELS * PIXELS,
                                         .classes = CLASSES,
                                         .height = SIDE,
                                         .width = SIDE,
                                         .channels = CHANNELS};
    sm_data_measure(data);
    return SM_OK;
}

const struct sm_dataset sm_dataset_cifar10 = {
    .about =
        {
            .name = "cifar10",
            .doc = "50 000 + 10 000 colour images, 32x32, in 10 classes; the files are yours",
            .source = "Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009",
            .state_size = sizeof(struct cifar10),
            .params = cifar10_params,
        },
    .load = cifar10_load,
};
