/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/fuzz/cifar10.c -- the first byte says which of the six batches the rest is. */
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t record[3073] = {7};
    static const char *const names[] = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                                        "data_batch_4.bin", "data_batch_5.bin", "test_batch.bin"};
    if (size == 0)
        return 0;
    for (size_t f = 0; f < 6; f++)
        if (f == data[0] % 6)
            fuzz_write(names[f], data + 1, size - 1);
        else
            fuzz_write(names[f], record, sizeof record);
    struct sm_arena arena = {0};
    struct sm_data loaded;
    fuzz_load(sm_arena_printf(&arena, "{name: cifar10, path: \"%s\"}", fuzz_folder()), &arena,
              &loaded);
    sm_arena_fini(&arena);
    return 0;
}
