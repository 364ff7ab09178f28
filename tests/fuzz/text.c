/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/fuzz/text.c -- two bytes of settings, then a text: it must come back from its tokens. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "workloads/datasets/bpe.h"
#include "workloads/datasets/vocabulary.h"

static void
check_round_trip(const struct sm_vocabulary *vocabulary, const uint8_t *text, size_t size,
                 struct sm_arena *arena)
{
    uint16_t *tokens = sm_arena_alloc(arena, size, sizeof *tokens);
    uint8_t *back = sm_arena_alloc(arena, size, 1);
    const size_t count = sm_vocabulary_encode(vocabulary, text, size, tokens);
    FUZZ_CHECK(count <= size);
    FUZZ_CHECK(sm_vocabulary_decode(vocabulary, tokens, count, NULL) == size);
    FUZZ_CHECK(sm_vocabulary_decode(vocabulary, tokens, count, back) == size);
    FUZZ_CHECK(memcmp(text, back, size) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    const unsigned tokens = 256 + 16 * (data[0] % 16u), length = 1 + data[1] % 32u;
    const uint8_t *text = data + 2;
    size -= 2;
    struct sm_arena arena = {0};
    struct sm_data loaded;
    fuzz_write("text", text, size);
    if (fuzz_load(sm_arena_printf(&arena,
                                  "{name: text, path: \"%s/text\", vocabulary: %s, tokens: %u, "
                                  "length: %u, test: 0.3}",
                                  fuzz_folder(), data[0] & 128 ? "bytes" : "bpe", tokens, length),
                  &arena, &loaded))
        check_round_trip(loaded.vocabulary, text, size, &arena);

    struct sm_bpe_words *words = sm_bpe_words_create(&arena);
    struct sm_vocabulary *vocabulary = NULL;
    FUZZ_CHECK(sm_bpe_words_add(words, text, size) == SM_OK);
    const enum sm_status status = sm_vocabulary_create(
        &arena, words, tokens, data[1] & 64 ? SM_TOKENS_SPECIAL : 0, &vocabulary);
    fuzz_check_status(status);
    if (status == SM_OK)
        check_round_trip(vocabulary, text, size, &arena);
    sm_arena_fini(&arena);
    return 0;
}
