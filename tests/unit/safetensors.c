/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/safetensors.c -- the round trip, the bytes, and every kind of malformed file. */
#include "sim/run/safetensors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/base/arena.h"
#include "tests/helpers/check.h"

static struct sm_arena arena;
static char folder[] = "/tmp/slowmo-safetensors-XXXXXX";
static const char *path;

static const struct sm_tensor tensors[] = {
    {"0.weight", 0, 2, {3, 2}, false, 0},
    {"0.bias", 6, 1, {3}, false, 0},
    {"2.weight", 9, 4, {1, 2, 1, 2}, false, 0},
};
enum { TENSORS = 3, N = 13 };
static const float model[N] = {1.0f, -2.5f, 0.0f, -0.0f, 1e-40f, 3e38f, 7.0f,
                               8.0f, 9.0f,  0.1f, 0.2f,  0.3f,   0.4f};

static int
setup(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL)
        return 1;
    path = sm_arena_printf(&arena, "%s/model.safetensors", folder);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    unlink(path);
    rmdir(folder);
    sm_arena_fini(&arena);
    return 0;
}

static size_t
read_bytes(uint8_t *bytes, size_t size)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    const size_t length = fread(bytes, 1, size, file);
    fclose(file);
    return length;
}

static void
write_bytes(const void *bytes, size_t length)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

/* A file of this header and the model's bytes, `data` of them. */
static void
write_header(const char *header, size_t data)
{
    uint8_t bytes[2048];
    const uint64_t length = strlen(header);
    memcpy(bytes, &length, 8);
    memcpy(bytes + 8, header, length);
    memset(bytes + 8 + length, 0, data);
    memcpy(bytes + 8 + length, model, data < sizeof model ? data : sizeof model);
    write_bytes(bytes, 8 + length + data);
}

/* Loading fails with `message`, names the file and leaves x alone. */
static void
check_refused(const char *message)
{
    float x[N];
    for (size_t i = 0; i < N; i++)
        x[i] = -77.0f;
    check_fails(sm_safetensors_load(path, tensors, TENSORS, x), SM_ERR_INPUT, message);
    assert_non_null(strstr(sm_error_last()->message, path));
    for (size_t i = 0; i < N; i++)
        assert_true(x[i] == -77.0f);
}

static void
a_model_comes_back_with_the_same_bits(void **state)
{
    (void)state;
    float x[N] = {0};
    check_ok(sm_safetensors_save(path, tensors, TENSORS, model));
    check_ok(sm_safetensors_load(path, tensors, TENSORS, x));
    assert_memory_equal(x, model, sizeof model);
}

static void
the_file_is_what_the_format_says(void **state)
{
    (void)state;
    const char *header =
        "{\"__metadata__\":{\"format\":\"pt\"},"
        "\"0.weight\":{\"dtype\":\"F32\",\"shape\":[3,2],\"data_offsets\":[0,24]},"
        "\"0.bias\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[24,36]},"
        "\"2.weight\":{\"dtype\":\"F32\",\"shape\":[1,2,1,2],\"data_offsets\":[36,52]}}";
    uint8_t bytes[1024];
    check_ok(sm_safetensors_save(path, tensors, TENSORS, model));
    const size_t length = read_bytes(bytes, sizeof bytes);
    uint64_t size;
    memcpy(&size, bytes, 8);
    assert_int_equal(size % 8, 0);
    assert_int_equal(length, 8 + size + sizeof model);
    assert_memory_equal(bytes + 8, header, strlen(header));
    for (size_t i = strlen(header); i < size; i++)
        assert_int_equal(bytes[8 + i], ' ');
    assert_memory_equal(bytes + 8 + size, model, sizeof model);
}

static void
tensors_may_stand_in_another_order_in_the_file(void **state)
{
    (void)state;
    write_header("{\"2.weight\":{\"dtype\":\"F32\",\"shape\":[1,2,1,2],\"data_offsets\":[0,16]},"
                 "\"0.bias\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[16,28]},"
                 "\"0.weight\":{\"dtype\":\"F32\",\"shape\":[3,2],\"data_offsets\":[28,52]}}",
                 sizeof model);
    float x[N];
    check_ok(sm_safetensors_load(path, tensors, TENSORS, x));
    assert_memory_equal(x, model + 7, 6 * sizeof *x);
    assert_memory_equal(x + 6, model + 4, 3 * sizeof *x);
    assert_memory_equal(x + 9, model, 4 * sizeof *x);
}

static void
a_file_that_ends_early_or_late_is_refused_wherever_it_ends(void **state)
{
    (void)state;
    uint8_t bytes[1025];
    check_ok(sm_safetensors_save(path, tensors, TENSORS, model));
    const size_t length = read_bytes(bytes, 1024);
    for (size_t kept = 0; kept < length; kept++) {
        write_bytes(bytes, kept);
        check_refused(kept < 8 ? "too short" : "truncated");
    }
    bytes[length] = 0;
    write_bytes(bytes, length + 1);
    check_refused("53 bytes of data, but its tensors take 52");
}

#define W0        "\"0.weight\":{\"dtype\":\"F32\",\"shape\":[3,2],\"data_offsets\":[0,24]}"
#define B0        "\"0.bias\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[24,36]}"
#define W2        "\"2.weight\":{\"dtype\":\"F32\",\"shape\":[1,2,1,2],\"data_offsets\":[36,52]}"
#define B0_(rest) "\"0.bias\":{" rest "}"

static void
a_header_that_is_damaged_or_of_another_model_is_refused_by_name(void **state)
{
    (void)state;
    const struct {
        const char *header, *message;
    } cases[] = {
        {"{" W0 "," B0 "," W2, "not a JSON object"},
        {"[1]", "not a JSON object"},
        {"", "not a JSON object"},
        {"{" W0 "," B0 "," B0 "," W2 "}", "duplicate"},
        {"{" W0 "," W2 "}", "'0.bias' is missing"},
        {"{" W0 "," B0 "," W2 ",\"4.bias\":{}}", "'4.bias' is not part of this model"},
        {"{" W0 ",\"0.bias\":7," W2 "}", "'0.bias' has dtype none"},
        {"{" W0 "," B0_("\"dtype\":\"F16\",\"shape\":[3],\"data_offsets\":[24,36]") "," W2 "}",
         "'0.bias' has dtype F16, expected F32"},
        {"{" W0 "," B0_("\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[24,36]") "," W2 "}",
         "'0.bias' has shape [4], expected [3]"},
        {"{" W0 "," B0_("\"dtype\":\"F32\",\"shape\":[3,1],\"data_offsets\":[24,36]") "," W2 "}",
         "'0.bias' has shape [3, 1], expected [3]"},
        {"{" W0 "," B0_("\"dtype\":\"F32\",\"shape\":[-3],\"data_offsets\":[24,36]") "," W2 "}",
         "'0.bias' has shape"},
        {"{" W0 "," B0_("\"dtype\":\"F32\",\"data_offsets\":[24,36]") "," W2 "}",
         "'0.bias' has shape none"},
        {"{" W0 "," B0_("\"dtype\":\"F32\",\"shape\":[3]") "," W2 "}", "data_offsets of 12 bytes"},
        {"{" W0 "," B0_("\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[24,35]") "," W2 "}",
         "'0.bias' needs data_offsets of 12 bytes"},
        {"{" W0 "," B0_("\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[36,24]") "," W2 "}",
         "'0.bias' needs data_offsets of 12 bytes"},
        {"{" W0 "," B0_("\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[-12,0]") "," W2 "}",
         "'0.bias' needs data_offsets of 12 bytes"},
        {"{" W0 "," B0_("\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[52,64]") "," W2 "}",
         "'0.bias' ends at byte 64 of the data, but the file holds 52"},
        {"{" W0 "," B0_("\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[20,32]") "," W2 "}",
         "'0.weight' and '0.bias' overlap"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_header(cases[i].header, sizeof model);
        check_refused(cases[i].message);
    }
    write_header("{" W0 "," B0 "," W2 "}", sizeof model); /* and the good one is good */
    float x[N];
    check_ok(sm_safetensors_load(path, tensors, TENSORS, x));
}

static void
a_header_length_beyond_the_file_is_refused(void **state)
{
    (void)state;
    const uint64_t lengths[] = {9, 1000, UINT64_MAX, UINT64_MAX - 7};
    for (size_t i = 0; i < 4; i++) {
        uint8_t bytes[16] = {0};
        memcpy(bytes, &lengths[i], 8);
        write_bytes(bytes, sizeof bytes);
        check_refused("truncated, or not safetensors");
    }
}

static void
a_missing_file_says_so(void **state)
{
    (void)state;
    unlink(path);
    check_refused("No such file");
}

static void
a_save_that_fails_leaves_the_old_file_and_no_other(void **state)
{
    (void)state;
    float x[N];
    check_ok(sm_safetensors_save(path, tensors, TENSORS, model));
    const char *temporary = sm_arena_printf(&arena, "%s.tmp", path);
    assert_int_equal(mkdir(temporary, 0700), 0); /* where it wants to write */
    check_fails(sm_safetensors_save(path, tensors, TENSORS, model), SM_ERR_IO, path);
    rmdir(temporary);
    check_ok(sm_safetensors_load(path, tensors, TENSORS, x));

    const char *occupied = sm_arena_printf(&arena, "%s/folder", folder);
    const char *half = sm_arena_printf(&arena, "%s.tmp", occupied);
    assert_int_equal(mkdir(occupied, 0700), 0);
    check_fails(sm_safetensors_save(occupied, tensors, TENSORS, model), SM_ERR_IO, occupied);
    assert_int_not_equal(access(half, F_OK), 0);
    rmdir(occupied);
    check_fails(sm_safetensors_save("/nonexistent/x", tensors, TENSORS, model), SM_ERR_IO,
                "/nonexistent/x");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_model_comes_back_with_the_same_bits),
        cmocka_unit_test(the_file_is_what_the_format_says),
        cmocka_unit_test(tensors_may_stand_in_another_order_in_the_file),
        cmocka_unit_test(a_file_that_ends_early_or_late_is_refused_wherever_it_ends),
        cmocka_unit_test(a_header_that_is_damaged_or_of_another_model_is_refused_by_name),
        cmocka_unit_test(a_header_length_beyond_the_file_is_refused),
        cmocka_unit_test(a_missing_file_says_so),
        cmocka_unit_test(a_save_that_fails_leaves_the_old_file_and_no_other),
    };
    return cmocka_run_group_tests_name("safetensors", tests, setup, teardown);
}
