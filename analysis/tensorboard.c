/* SPDX-License-Identifier: GPL-3.0-or-later */
/* analysis/tensorboard.c -- see tensorboard.h. */
#include "analysis/tensorboard.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "sim/store/record.h"

enum { MOST_EVENT = 256, VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5 };

/* ---- records ---- */

/* CRC-32C (Castagnoli), bit by bit: a run has a few hundred short events. */
static uint32_t
crc32c(const unsigned char *bytes, size_t length)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < length; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
    }
    return ~crc;
}

/* So that a record which holds CRCs itself is no fixed point. */
static uint32_t
masked_crc(const unsigned char *bytes, size_t length)
{
    const uint32_t crc = crc32c(bytes, length);
    return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

static void
put_little_endian(unsigned char *to, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        to[i] = (unsigned char)(value >> 8 * i);
}

/* length, its CRC, the data, their CRC */
static void
write_record(const unsigned char *data, size_t length, FILE *out)
{
    unsigned char head[12], tail[4];
    put_little_endian(head, length, 8);
    put_little_endian(head + 8, masked_crc(head, 8), 4);
    put_little_endian(tail, masked_crc(data, length), 4);
    fwrite(head, 1, sizeof head, out);
    fwrite(data, 1, length, out);
    fwrite(tail, 1, sizeof tail, out);
}

/* ---- protocol buffers ---- */

struct message {
    unsigned char bytes[MOST_EVENT];
    size_t length;
};

static void
add_varint(struct message *message, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        message->bytes[message->length++] = (unsigned char)(value | 0x80);
    message->bytes[message->length++] = (unsigned char)value;
}

static void
add_key(struct message *message, unsigned field, unsigned wire)
{
    add_varint(message, field << 3 | wire);
}

static void
add_fixed(struct message *message, unsigned field, const void *value, size_t bytes)
{
    uint64_t bits = 0;
    uint32_t half = 0;
    if (bytes == 8)
        memcpy(&bits, value, 8);
    else
        memcpy(&half, value, 4);
    add_key(message, field, bytes == 8 ? FIXED64 : FIXED32);
    put_little_endian(message->bytes + message->length, bytes == 8 ? bits : half, bytes);
    message->length += bytes;
}

static void
add_bytes(struct message *message, unsigned field, const void *bytes, size_t length)
{
    add_key(message, field, BYTES);
    add_varint(message, length);
    memcpy(message->bytes + message->length, bytes, length);
    message->length += length;
}

/* Event: 1 wall_time, 2 step, 3 file_version, 5 summary. */
static struct message
event_at(double wall_time)
{
    struct message event = {.length = 0};
    add_fixed(&event, 1, &wall_time, 8);
    return event;
}

/* Summary: 1 value, of which 1 tag, 2 simple_value. Tags are ours and short. */
static void
write_scalar(double wall_time, uint64_t step, const char *tag, double value, FILE *out)
{
    struct message event = event_at(wall_time), one = {.length = 0}, summary = {.length = 0};
    const float simple = (float)value;
    add_bytes(&one, 1, tag, strlen(tag));
    add_fixed(&one, 2, &simple, 4);
    add_bytes(&summary, 1, one.bytes, one.length);
    add_key(&event, 2, VARINT);
    add_varint(&event, step);
    add_bytes(&event, 5, summary.bytes, summary.length);
    write_record(event.bytes, event.length, out);
}

/* ---- runs ---- */

static double
begin_of(const struct sm_stored_run *run)
{
    struct tm when = {.tm_mday = 1};
    return strptime(run->created, "%Y-%m-%dT%H:%M:%SZ", &when) != NULL ? (double)timegm(&when) : 0;
}

/* One axis of all scalars: steps, or simulated milliseconds. */
static void
write_series(const struct sm_stored_run *run, bool by_step, FILE *out)
{
    char tag[64];
    const double begin = begin_of(run);
    for (const struct sm_field *f = sm_evaluation_fields; f->name != NULL; f++) {
        if (f->kind != SM_FIELD_REAL || strcmp(f->name, "sim_seconds") == 0)
            continue;
        snprintf(tag, sizeof tag, "%s/%s", by_step ? "step" : "simulated_ms", f->name);
        for (size_t e = 0; e < run->evaluation_count; e++) {
            const struct sm_evaluation *point = &run->evaluations[e];
            const double value = *(const double *)sm_field_in(f, point);
            if (isnan(value) || (!by_step && isnan(point->sim_seconds)))
                continue;
            write_scalar(isnan(point->sim_seconds) ? begin : begin + point->sim_seconds,
                         by_step ? point->step : (uint64_t)rint(1e3 * point->sim_seconds), tag,
                         value, out);
        }
    }
}

static enum sm_status
make_folder(const char *path)
{
    if (mkdir(path, 0777) != 0 && errno != EEXIST)
        return SM_FAIL(SM_ERR_INPUT, "cannot make the folder %s: %s", path, strerror(errno));
    return SM_OK;
}

static enum sm_status
export_run(const struct sm_stored_run *run, const char *folder)
{
    static const char version[] = "brain.Event:2";
    char path[PATH_MAX], name[160];
    snprintf(name, sizeof name, "%s", run->summary.name != NULL ? run->summary.name : "run");
    for (char *c = name; *c != '\0'; c++) /* a folder's name, also on other systems */
        if ((unsigned char)*c < ' ' || strchr("/\\:*?\"<>|", *c) != NULL ||
            (c == name && *c == '.'))
            *c = '_';
    const double begin = begin_of(run);
    int length = snprintf(path, sizeof path, "%s/%s-%lld", folder, name, (long long)run->run);
    if (length < 0 || (size_t)length > sizeof path - 64)
        return SM_FAIL(SM_ERR_INPUT, "%s: the path is too long", folder);
    SM_TRY(make_folder(path));
    snprintf(path + length, sizeof path - (size_t)length, "/events.out.tfevents.%010.0f.slowmo",
             begin);
    FILE *out = fopen(path, "wb");
    if (out == NULL)
        return SM_FAIL(SM_ERR_INPUT, "cannot write %s: %s", path, strerror(errno));
    struct message first = event_at(begin);
    add_bytes(&first, 3, version, strlen(version));
    write_record(first.bytes, first.length, out);
    write_series(run, true, out);
    write_series(run, false, out);
    const bool failed = ferror(out) != 0;
    if (fclose(out) != 0 || failed)
        return SM_FAIL(SM_ERR_IO, "cannot write %s: %s", path, strerror(errno));
    return SM_OK;
}

enum sm_status
sm_export_tensorboard(const struct sm_stored_run *runs, size_t count, const char *folder)
{
    SM_TRY(make_folder(folder));
    for (size_t i = 0; i < count; i++)
        SM_TRY(export_run(&runs[i], folder));
    return SM_OK;
}
