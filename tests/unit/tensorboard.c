/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/tensorboard.c -- event files, read back by a reader written from the definitions. */
#include "tests/helpers/check.h"

#include <ftw.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analysis/tensorboard.h"
#include "sim/store/record.h"

static char folder[] = "/tmp/slowmo-tensorboard-XXXXXX";

/* ---- a reader ---- */

struct scalar {
    double wall_time;
    uint64_t step;
    char tag[64], version[32];
    float value;
};

/* With a table, unlike the writer. */
static uint32_t
crc_of(const unsigned char *bytes, size_t length)
{
    uint32_t table[256], crc = 0xffffffff;
    for (uint32_t i = 0; i < 256; i++) {
        table[i] = i;
        for (int bit = 0; bit < 8; bit++)
            table[i] = table[i] & 1 ? table[i] >> 1 ^ 0x82f63b78 : table[i] >> 1;
    }
    while (length-- > 0)
        crc = table[(crc ^ *bytes++) & 0xff] ^ crc >> 8;
    return ~crc;
}

static uint64_t
little_endian(const unsigned char *bytes, size_t count)
{
    uint64_t value = 0;
    while (count-- > 0)
        value = value << 8 | bytes[count];
    return value;
}

static void
check_crc(const unsigned char *bytes, size_t length)
{
    const uint32_t masked = (uint32_t)little_endian(bytes + length, 4) - 0xa282ead8;
    assert_int_equal(masked >> 17 | masked << 15, crc_of(bytes, length));
}

static uint64_t
varint(const unsigned char **at)
{
    uint64_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
        const unsigned char byte = *(*at)++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return value;
    }
}

/* depth 0: Event, 1: Summary, 2: Summary.Value */
static void
read_message(const unsigned char *at, size_t length, int depth, struct scalar *scalar)
{
    const unsigned char *const end = at + length;
    while (at < end) {
        const uint64_t key = varint(&at);
        const unsigned field = (unsigned)(key >> 3);
        uint64_t bits = 0, size = 0;
        switch (key & 7) {
        case 0:
            bits = varint(&at);
            break;
        case 1:
        case 5:
            size = (key & 7) == 1 ? 8 : 4;
            bits = little_endian(at, size);
            break;
        case 2:
            size = varint(&at);
            break;
        default:
            fail_msg("wire type %u", (unsigned)(key & 7));
        }
        assert_true(at + size <= end);
        if (depth == 0 && field == 1)
            memcpy(&scalar->wall_time, &bits, 8);
        else if (depth == 0 && field == 2)
            scalar->step = bits;
        else if (depth == 0 && field == 3)
            memcpy(scalar->version, at, size);
        else if ((depth == 0 && field == 5) || (depth == 1 && field == 1))
            read_message(at, size, depth + 1, scalar);
        else if (depth == 2 && field == 1)
            memcpy(scalar->tag, at, size);
        else if (depth == 2 && field == 2)
            memcpy(&scalar->value, &(uint32_t){(uint32_t)bits}, 4);
        else
            fail_msg("field %u at depth %d", field, depth);
        at += size;
    }
    assert_ptr_equal(at, end);
}

static size_t
read_file(const char *path, struct scalar *scalars, size_t most)
{
    unsigned char bytes[1 << 14];
    FILE *in = fopen(path, "rb");
    assert_non_null(in);
    const size_t length = fread(bytes, 1, sizeof bytes, in);
    fclose(in);
    size_t count = 0, at = 0;
    while (at < length) {
        assert_true(count < most && at + 12 <= length);
        const size_t size = little_endian(bytes + at, 8);
        check_crc(bytes + at, 8);
        assert_true(at + 16 + size <= length);
        check_crc(bytes + at + 12, size);
        scalars[count] = (struct scalar){.step = 0};
        read_message(bytes + at + 12, size, 0, &scalars[count++]);
        at += 16 + size;
    }
    return count;
}

/* ---- tests ---- */

static struct sm_stored_run
run_of(const char *name)
{
    static const struct sm_evaluation points[] = {{0, 0.0, NAN, 2.5, 0.1, NAN, NAN, 0},
                                                  {300, 12.3456, 1.5, 1.25, 0.75, NAN, NAN, 0.5}};
    struct sm_stored_run run = {.run = 7, .created = "2024-02-03T04:05:06Z"};
    run.summary.name = name;
    run.evaluations = points;
    run.evaluation_count = 2;
    return run;
}

static void
crc_of_the_published_example(void **state)
{
    (void)state; /* RFC 3720, B.4: 32 bytes of zeros, and 123456789 as everywhere */
    assert_int_equal(crc_of((const unsigned char[32]){0}, 32), 0x8a9136aa);
    assert_int_equal(crc_of((const unsigned char *)"123456789", 9), 0xe3069283);
}

static void
scalars_come_back_against_steps_and_milliseconds(void **state)
{
    (void)state;
    const struct sm_stored_run run = run_of("local tau=2/x");
    char path[160];
    struct scalar scalars[32];
    check_ok(sm_export_tensorboard(&run, 1, folder));
    /* date -u -d 2024-02-03T04:05:06Z +%s */
    snprintf(path, sizeof path, "%s/local tau=2_x-7/events.out.tfevents.1706933106.slowmo", folder);
    const size_t count = read_file(path, scalars, 32);
    assert_int_equal(count, 1 + 2 * 7); /* train_loss has one point, three others have two */
    assert_string_equal(scalars[0].version, "brain.Event:2");
    size_t found = 0;
    for (size_t i = 1; i < count; i++) {
        const struct scalar *s = &scalars[i];
        if (strcmp(s->tag, "step/test_accuracy") == 0 && s->step == 300) {
            check_near(s->value, 0.75, 0);
            check_near(s->wall_time, 1706933106 + 12.3456, 1e-6);
            found++;
        }
        if (strcmp(s->tag, "simulated_ms/test_loss") == 0 && s->step == 12346) {
            check_near(s->value, 1.25, 0);
            found++;
        }
        if (strcmp(s->tag, "step/train_loss") == 0) {
            assert_int_equal(s->step, 300);
            found++;
        }
    }
    assert_int_equal(found, 3);
}

static void
runs_of_one_name_have_a_folder_each(void **state)
{
    (void)state;
    struct sm_stored_run runs[] = {run_of("twice"), run_of("twice")};
    char path[160];
    struct scalar scalars[32];
    runs[1].run = 8;
    runs[1].evaluation_count = 0;
    check_ok(sm_export_tensorboard(runs, 2, folder));
    for (size_t i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/twice-%zu/events.out.tfevents.1706933106.slowmo", folder,
                 i + 7);
        assert_int_equal(read_file(path, scalars, 32), i == 0 ? 15 : 1);
    }
}

static void
a_folder_that_cannot_be_made_is_one_line(void **state)
{
    (void)state;
    const struct sm_stored_run run = run_of("a");
    check_fails(sm_export_tensorboard(&run, 1, "/nowhere/at/all"), SM_ERR_INPUT,
                "cannot make the folder /nowhere/at/all");
}

static int
drop(const char *path, const struct stat *about, int kind, struct FTW *walk)
{
    (void)about, (void)kind, (void)walk;
    return remove(path);
}

static int
setup(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL;
}

static int
teardown(void **state)
{
    (void)state;
    return nftw(folder, drop, 8, FTW_DEPTH | FTW_PHYS);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crc_of_the_published_example),
        cmocka_unit_test(scalars_come_back_against_steps_and_milliseconds),
        cmocka_unit_test(runs_of_one_name_have_a_folder_each),
        cmocka_unit_test(a_folder_that_cannot_be_made_is_one_line),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
