/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/fuzz/platform.c -- a platform's XML: workers that are whole, or one line of error. */
#include <stdio.h>

#include "sim/platform/platform.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[128];
    fuzz_write("platform.xml", data, size);
    snprintf(path, sizeof path, "%s/platform.xml", fuzz_folder());
    struct sm_arena arena = {0};
    struct sm_platform platform;
    const struct sm_platform_request request = {.file = path, .home = fuzz_folder()};
    const enum sm_status status = sm_platform_load(&arena, &request, &platform);
    fuzz_check_status(status);
    if (status == SM_OK) {
        FUZZ_CHECK(platform.worker_count > 0 && platform.xml_length > 0);
        for (size_t w = 0; w < platform.worker_count; w++) {
            FUZZ_CHECK(platform.workers[w].devices > 0);
            for (size_t d = 0; d < platform.workers[w].devices; d++)
                FUZZ_CHECK(platform.workers[w].speeds[d] > 0);
        }
        for (size_t l = 0; l < platform.link_count; l++)
            FUZZ_CHECK(platform.links[l].bandwidth > 0);
    }
    sm_arena_fini(&arena);
    return 0;
}
