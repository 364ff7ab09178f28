/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/run/safetensors.c -- see safetensors.h. */
#include "sim/run/safetensors.h"

#include <errno.h>
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/base/arena.h"
#include "sim/base/text.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the bytes are written as they stand");

enum { PREFIX = 8, ALIGNMENT = 8 };

static size_t
tensor_bytes(const struct sm_tensor *tensor)
{
    size_t bytes = sizeof(float);
    for (size_t d = 0; d < tensor->rank; d++)
        bytes *= tensor->shape[d];
    return bytes;
}

/* {"dtype": "F32", "shape": [...], "data_offsets": [begin, end]} */
static json_t *
entry_of(const struct sm_tensor *tensor, size_t begin)
{
    json_t *shape = json_array();
    for (size_t d = 0; d < tensor->rank; d++)
        json_array_append_new(shape, json_integer((json_int_t)tensor->shape[d]));
    return json_pack("{s:s, s:o, s:[I, I]}", "dtype", "F32", "shape", shape, "data_offsets",
                     (json_int_t)begin, (json_int_t)(begin + tensor_bytes(tensor)));
}

/* The header as text, to be freed; NULL: no memory. */
static char *
header_of(const struct sm_tensor *tensors, size_t count)
{
    json_t *root = json_pack("{s:{s:s}}", "__metadata__", "format", "pt");
    size_t begin = 0;
    int failed = root == NULL;
    for (size_t i = 0; i < count && !failed; i++) {
        failed = json_object_set_new(root, tensors[i].name, entry_of(&tensors[i], begin)) != 0;
        begin += tensor_bytes(&tensors[i]);
    }
    char *text = failed ? NULL : json_dumps(root, JSON_COMPACT);
    json_decref(root);
    return text;
}

/* Whether everything reached the disk; errno says why not. */
static bool
write_all(const char *path, const char *header, const struct sm_tensor *tensors, size_t count,
          const float *x, float *torch /* the largest tensor */)
{
    FILE *file = fopen(path, "wb");
    if (file == NULL)
        return false;
    const size_t length = strlen(header);
    const size_t padding =
        (ALIGNMENT - length % ALIGNMENT) % ALIGNMENT; /* spaces, as the format asks */
    const uint64_t prefix = length + padding;
    bool written = fwrite(&prefix, sizeof prefix, 1, file) == 1 &&
                   fprintf(file, "%s%*s", header, (int)padding, "") == (int)prefix;
    for (size_t i = 0; i < count && written; i++) {
        const size_t bytes = tensor_bytes(&tensors[i]);
        sm_tensor_export(&tensors[i], x, torch);
        written = fwrite(torch, 1, bytes, file) == bytes;
    }
    written = written && fflush(file) == 0 && fsync(fileno(file)) == 0;
    const int reason = errno;
    const bool closed = fclose(file) == 0;
    if (!written)
        errno = reason;
    return written && closed;
}

/* Room for the largest tensor in PyTorch's order; NULL: no memory. */
static float *
tensor_buffer(const struct sm_tensor *tensors, size_t count, struct sm_arena *arena)
{
    size_t largest = 0;
    for (size_t i = 0; i < count; i++)
        largest = tensor_bytes(&tensors[i]) > largest ? tensor_bytes(&tensors[i]) : largest;
    return sm_arena_alloc(arena, largest, 1);
}

enum sm_status
sm_safetensors_save(const char *path, const struct sm_tensor *tensors, size_t count, const float *x)
{
    struct sm_arena arena = {0};
    char *temporary = sm_arena_printf(&arena, "%s.tmp", path);
    char *header = header_of(tensors, count);
    float *torch = tensor_buffer(tensors, count, &arena);
    enum sm_status status = SM_OK;
    if (temporary == NULL || header == NULL || torch == NULL) {
        status = SM_FAIL(SM_ERR_NOMEM, "%s: no memory for its header", path);
    } else if (!write_all(temporary, header, tensors, count, x, torch) ||
               rename(temporary, path) != 0) {
        status = SM_FAIL(SM_ERR_IO, "cannot write %s: %s", path, strerror(errno));
        unlink(temporary);
    }
    free(header);
    sm_arena_fini(&arena);
    return status;
}

/* Bytes [begin, end) of the data section. */
struct range {
    size_t begin, end;
};

struct contents {
    const char *path;
    json_t *header;
    const char *data;
    size_t size; /* of data */
};

/* "[256, 784]" */
static char *
shape_text(const json_t *shape, char *text, size_t size)
{
    char *dumped = json_dumps(shape, 0);
    snprintf(text, size, "%s", dumped != NULL ? dumped : "?");
    free(dumped);
    return text;
}

/* Whether `value` is an array of `count` whole numbers >= 0; numbers (count) = them. */
static bool
read_sizes(const json_t *value, size_t count, size_t *numbers)
{
    if (!json_is_array(value) || json_array_size(value) != count)
        return false;
    for (size_t i = 0; i < count; i++) {
        const json_t *number = json_array_get(value, i);
        if (!json_is_integer(number) || json_integer_value(number) < 0)
            return false;
        numbers[i] = (size_t)json_integer_value(number);
    }
    return true;
}

static enum sm_status
find_tensor(const struct contents *file, const struct sm_tensor *tensor, struct range *range)
{
    const json_t *entry = json_object_get(file->header, tensor->name);
    if (entry == NULL)
        return SM_FAIL(SM_ERR_INPUT, "%s: tensor '%s' is missing", file->path, tensor->name);
    const json_t *dtype = json_object_get(entry, "dtype"), *shape = json_object_get(entry, "shape");
    if (!json_is_string(dtype) || strcmp(json_string_value(dtype), "F32") != 0)
        return SM_FAIL(SM_ERR_INPUT, "%s: tensor '%s' has dtype %s, expected F32", file->path,
                       tensor->name, json_is_string(dtype) ? json_string_value(dtype) : "none");
    size_t sizes[4], offsets[2];
    if (!read_sizes(shape, tensor->rank, sizes) ||
        memcmp(sizes, tensor->shape, tensor->rank * sizeof *sizes) != 0) {
        char found[80], expected[80];
        json_t *like = entry_of(tensor, 0);
        enum sm_status status =
            SM_FAIL(SM_ERR_INPUT, "%s: tensor '%s' has shape %s, expected %s", file->path,
                    tensor->name, shape != NULL ? shape_text(shape, found, sizeof found) : "none",
                    shape_text(json_object_get(like, "shape"), expected, sizeof expected));
        json_decref(like);
        return status;
    }
    if (!read_sizes(json_object_get(entry, "data_offsets"), 2, offsets) ||
        offsets[0] > offsets[1] || offsets[1] - offsets[0] != tensor_bytes(tensor))
        return SM_FAIL(SM_ERR_INPUT, "%s: tensor '%s' needs data_offsets of %zu bytes", file->path,
                       tensor->name, tensor_bytes(tensor));
    if (offsets[1] > file->size)
        return SM_FAIL(
            SM_ERR_INPUT,
            "%s: tensor '%s' ends at byte %zu of the data, but the file holds %zu: it is "
            "truncated",
            file->path, tensor->name, offsets[1], file->size);
    *range = (struct range){offsets[0], offsets[1]};
    return SM_OK;
}

/* Finds every tensor; together they must cover the data, each byte once. */
static enum sm_status
find_all(const struct contents *file, const struct sm_tensor *tensors, size_t count,
         struct range *ranges)
{
    size_t total = 0;
    for (size_t i = 0; i < count; i++) {
        SM_TRY(find_tensor(file, &tensors[i], &ranges[i]));
        total += ranges[i].end - ranges[i].begin;
        for (size_t j = 0; j < i; j++)
            if (ranges[i].begin < ranges[j].end && ranges[j].begin < ranges[i].end)
                return SM_FAIL(SM_ERR_INPUT, "%s: tensors '%s' and '%s' overlap", file->path,
                               tensors[j].name, tensors[i].name);
    }
    const char *name;
    json_t *entry;
    json_object_foreach(file->header, name, entry)
    {
        size_t i = 0;
        while (i < count && strcmp(tensors[i].name, name) != 0)
            i++;
        if (i == count && strcmp(name, "__metadata__") != 0)
            return SM_FAIL(SM_ERR_INPUT, "%s: tensor '%s' is not part of this model", file->path,
                           name);
    }
    if (total != file->size)
        return SM_FAIL(SM_ERR_INPUT, "%s: %zu bytes of data, but its tensors take %zu", file->path,
                       file->size, total);
    return SM_OK;
}

/* Splits the file's bytes into header, to be released, and data. */
static enum sm_status
parse(const char *bytes, size_t length, struct contents *file)
{
    uint64_t size;
    if (length < PREFIX)
        return SM_FAIL(SM_ERR_INPUT, "%s: %zu bytes, too short for a safetensors file", file->path,
                       length);
    memcpy(&size, bytes, sizeof size);
    if (size > length - PREFIX)
        return SM_FAIL(SM_ERR_INPUT,
                       "%s: a header of %llu bytes in a file of %zu: truncated, or not safetensors",
                       file->path, (unsigned long long)size, length);
    json_error_t error;
    file->header = json_loadb(bytes + PREFIX, size, JSON_REJECT_DUPLICATES, &error);
    if (!json_is_object(file->header))
        return SM_FAIL(SM_ERR_INPUT, "%s: the header is not a JSON object%s%s", file->path,
                       file->header == NULL ? ": " : "", file->header == NULL ? error.text : "");
    file->data = bytes + PREFIX + size;
    file->size = length - PREFIX - size;
    return SM_OK;
}

static enum sm_status
load(struct contents *file, const struct sm_tensor *tensors, size_t count, float *x,
     struct sm_arena *arena)
{
    char *bytes;
    size_t length;
    SM_TRY(sm_text_read_file(arena, file->path, &bytes, &length));
    SM_TRY(parse(bytes, length, file));
    struct range *ranges = sm_arena_alloc(arena, count, sizeof *ranges);
    float *torch = tensor_buffer(tensors, count, arena);
    if (ranges == NULL || torch == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "%s: no memory for %zu tensors", file->path, count);
    SM_TRY(find_all(file, tensors, count, ranges));
    for (size_t i = 0; i < count; i++) { /* nothing can fail any more */
        memcpy(torch, file->data + ranges[i].begin, ranges[i].end - ranges[i].begin);
        sm_tensor_import(&tensors[i], torch, x);
    }
    return SM_OK;
}

enum sm_status
sm_safetensors_load(const char *path, const struct sm_tensor *tensors, size_t count, float *x)
{
    struct sm_arena arena = {0};
    struct contents file = {.path = path};
    enum sm_status status = load(&file, tensors, count, x, &arena);
    json_decref(file.header);
    sm_arena_fini(&arena);
    return status;
}
