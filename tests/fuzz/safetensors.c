/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/fuzz/safetensors.c -- a model of two tensors from any file, and back into one. */
#include <stdio.h>
#include <string.h>

#include "sim/run/safetensors.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct sm_tensor tensors[] = {
        {.name = "0.weight", .offset = 0, .rank = 2, .shape = {2, 3}},
        {.name = "0.bias", .offset = 6, .rank = 1, .shape = {2}},
    };
    char path[128], copy[128];
    float x[8], untouched[8], again[8];
    memset(x, 0x5a, sizeof x);
    memcpy(untouched, x, sizeof x);
    fuzz_write("model", data, size);
    snprintf(path, sizeof path, "%s/model", fuzz_folder());
    snprintf(copy, sizeof copy, "%s/copy", fuzz_folder());
    const enum sm_status status = sm_safetensors_load(path, tensors, 2, x);
    fuzz_check_status(status);
    if (status != SM_OK) {
        FUZZ_CHECK(memcmp(x, untouched, sizeof x) == 0);
        return 0;
    }
    FUZZ_CHECK(sm_safetensors_save(copy, tensors, 2, x) == SM_OK);
    FUZZ_CHECK(sm_safetensors_load(copy, tensors, 2, again) == SM_OK);
    FUZZ_CHECK(memcmp(x, again, sizeof x) == 0);
    return 0;
}
