/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/fuzz/images.c -- the first byte says which of four pictures in folders the rest is. */
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char picture[] = "P6 2 1 255 abcdef";
    static const char *const names[] = {"train/a/1.ppm", "train/b/1.ppm", "test/a/1.ppm",
                                        "test/b/1.ppm"};
    if (size == 0)
        return 0;
    for (size_t f = 0; f < 4; f++)
        if (f == data[0] % 4)
            fuzz_write(names[f], data + 1, size - 1);
        else
            fuzz_write(names[f], picture, sizeof picture - 1);
    struct sm_arena arena = {0};
    struct sm_data loaded;
    fuzz_load(sm_arena_printf(&arena, "{name: images, path: \"%s\"}", fuzz_folder()), &arena,
              &loaded);
    sm_arena_fini(&arena);
    return 0;
}
