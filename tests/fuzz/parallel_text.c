/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/fuzz/parallel_text.c -- two bytes of settings, then two texts with a zero between them. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

/* TOKENS.. END PADDING.. : what a sentence must look like in its room. */
static void
check_sentence(const uint16_t *tokens, size_t room)
{
    size_t end = 0;
    while (end < room && tokens[end] >= SM_TOKENS_SPECIAL)
        end++;
    FUZZ_CHECK(end > 0 && end < room && tokens[end] == SM_TOKEN_END);
    for (size_t i = end + 1; i < room; i++)
        FUZZ_CHECK(tokens[i] == SM_TOKEN_PADDING);
}

static void
check_pairs(const struct sm_data_shape *shape, const struct sm_samples *half)
{
    for (size_t i = 0; i < half->count; i++) {
        const uint16_t *sample = half->tokens + i * (shape->source + shape->target + 1);
        check_sentence(sample, shape->source);
        FUZZ_CHECK(sample[shape->source] == SM_TOKEN_BEGIN);
        check_sentence(sample + shape->source + 1, shape->target);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    const uint8_t *source = data + 2, *end = data + size;
    const uint8_t *zero = size > 2 ? memchr(source, 0, size - 2) : NULL;
    const uint8_t *target = zero != NULL ? zero + 1 : end;
    fuzz_write("source", source, (size_t)((zero != NULL ? zero : end) - source));
    fuzz_write("target", target, (size_t)(end - target));
    struct sm_arena arena = {0};
    struct sm_data loaded;
    const char *yaml = sm_arena_printf(
        &arena,
        "{name: parallel_text, source: \"%s/source\", target: \"%s/target\", tokens: %d, "
        "source_length: %d, target_length: %d, test: %d}",
        fuzz_folder(), fuzz_folder(), 272 + 16 * (data[0] >> 6), 2 + data[0] % 16, 2 + data[1] % 16,
        1 + (data[1] >> 6));
    if (fuzz_load(yaml, &arena, &loaded)) {
        check_pairs(&loaded.shape, &loaded.train);
        check_pairs(&loaded.shape, &loaded.test);
    }
    sm_arena_fini(&arena);
    return 0;
}
