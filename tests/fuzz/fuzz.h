/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/fuzz/fuzz.h -- what the fuzz targets share: files to read, and what must always hold. */
#ifndef SM_TESTS_FUZZ_FUZZ_H
#define SM_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include "sim/base/arena.h"
#include "sim/base/status.h"
#include "workloads/datasets/dataset.h"

/* Each target defines it; called for every input. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Aborts, so that the fuzzer keeps the input. */
#define FUZZ_CHECK(condition)                                                                      \
    do {                                                                                           \
        if (!(condition))                                                                          \
            __builtin_trap();                                                                      \
    } while (0)

/* A folder of this process, removed at its end. */
const char *fuzz_folder(void);
/* FOLDER/NAME = the bytes; folders on the way are made. */
void fuzz_write(const char *name, const void *bytes, size_t size);

/* Loads the data set that `yaml` describes ("{name: text, path: ...}"), and checks that
 * it is whole, or that the error is of the input and one line long. True when it was loaded. */
bool fuzz_load(const char *yaml, struct sm_arena *arena, struct sm_data *data);
/* SM_OK, or SM_ERR_INPUT with one line. */
void fuzz_check_status(enum sm_status status);

#endif
