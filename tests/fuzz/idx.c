/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/fuzz/idx.c -- the first byte says which of four IDX files the rest is. */
#include "tests/fuzz/fuzz.h"

/* Two images of 1 x 2, and their labels. */
static const uint8_t images[] = {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 1, 2, 3, 4};
static const uint8_t labels[] = {0, 0, 8, 1, 0, 0, 0, 2, 0, 1};
static const char *const names[] = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                                    "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"};

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    for (size_t f = 0; f < 4; f++)
        if (f == data[0] % 4)
            fuzz_write(names[f], data + 1, size - 1);
        else if (f % 2 == 0)
            fuzz_write(names[f], images, sizeof images);
        else
            fuzz_write(names[f], labels, sizeof labels);
    struct sm_arena arena = {0};
    struct sm_data loaded;
    for (size_t reader = 0; reader < 2; reader++)
        fuzz_load(sm_arena_printf(&arena, "{name: %s, path: \"%s\"}",
                                  reader == 0 ? "fashion_mnist" : "images", fuzz_folder()),
                  &arena, &loaded);
    sm_arena_fini(&arena);
    return 0;
}
