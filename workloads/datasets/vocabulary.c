/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/datasets/vocabulary.c -- see vocabulary.h. */
#include "workloads/datasets/vocabulary.h"

#include <stdbool.h>
#include <string.h>

#include "workloads/datasets/bpe.h"
#include "workloads/datasets/table.h"

enum { GRANULE = 16 };

/* The bytes of a token, in the text of the vocabulary. */
struct piece {
    uint32_t begin, length;
};

struct sm_vocabulary {
    size_t size, specials;
    struct piece *pieces; /* (size - specials) */
    uint8_t *text;
    struct sm_table merged; /* left << 16 | right -> their token; without the specials, all three */
};

/* pieces and text from the merges (size - specials - SM_BPE_BYTES). */
static enum sm_status
spell(struct sm_vocabulary *v, const struct sm_bpe_merge *merges, struct sm_arena *arena)
{
    const size_t tokens = v->size - v->specials;
    uint32_t used = SM_BPE_BYTES;
    v->pieces = sm_arena_alloc(arena, tokens, sizeof *v->pieces);
    v->text = sm_arena_alloc(arena, tokens, SM_BPE_LONGEST_WORD);
    if (v->pieces == NULL || v->text == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "vocabulary: no memory for %zu tokens", tokens);
    for (uint32_t byte = 0; byte < SM_BPE_BYTES; byte++) {
        v->pieces[byte] = (struct piece){byte, 1};
        v->text[byte] = (uint8_t)byte;
    }
    for (size_t t = SM_BPE_BYTES; t < tokens; t++) {
        const struct sm_bpe_merge merge = merges[t - SM_BPE_BYTES];
        const struct piece left = v->pieces[merge.left], right = v->pieces[merge.right];
        memcpy(v->text + used, v->text + left.begin, left.length);
        memcpy(v->text + used + left.length, v->text + right.begin, right.length);
        v->pieces[t] = (struct piece){used, left.length + right.length};
        used += v->pieces[t].length;
        uint32_t *token = sm_table_put(&v->merged, (uint32_t)merge.left << 16 | merge.right, arena);
        if (token == NULL)
            return SM_FAIL(SM_ERR_NOMEM, "vocabulary: no memory for %zu tokens", tokens);
        *token = (uint32_t)t;
    }
    return SM_OK;
}

enum sm_status
sm_vocabulary_create(struct sm_arena *arena, const struct sm_bpe_words *words, size_t size,
                     size_t specials, struct sm_vocabulary **vocabulary)
{
    const size_t given = specials + SM_BPE_BYTES;
    if (size < given || size > SM_BPE_MOST || size % GRANULE != 0)
        return SM_FAIL(SM_ERR_INPUT,
                       "workload.dataset.tokens: %zu, expected a multiple of %d from %zu (%zu "
                       "special, %d bytes) to %d",
                       size, GRANULE, (given + GRANULE - 1) / GRANULE * GRANULE, specials,
                       SM_BPE_BYTES, SM_BPE_MOST);
    struct sm_vocabulary *v = sm_arena_zalloc(arena, 1, sizeof *v);
    struct sm_bpe_merge *merges = sm_arena_alloc(arena, size - given, sizeof *merges);
    if (v == NULL || merges == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "vocabulary: no memory for %zu tokens", size);
    size_t learned = 0;
    if (size > given)
        SM_TRY(sm_bpe_learn(words, size - given, merges, &learned));
    if (given + learned < size)
        return SM_FAIL(SM_ERR_INPUT,
                       "workload.dataset.tokens: %zu, but the training text has repeated pairs for "
                       "%zu only (%zu special, %d bytes, %zu learned)",
                       size, given + learned, specials, SM_BPE_BYTES, learned);
    *v = (struct sm_vocabulary){.size = size, .specials = specials};
    *vocabulary = v;
    return spell(v, merges, arena);
}

size_t
sm_vocabulary_size(const struct sm_vocabulary *vocabulary)
{
    return vocabulary->size;
}

/* The tokens of one word: what was learned first is joined first, everywhere in the word. */
static size_t
encode_word(const struct sm_vocabulary *v, const uint8_t *text, size_t length, uint16_t *tokens)
{
    for (size_t i = 0; i < length; i++)
        tokens[i] = text[i];
    for (;;) {
        uint32_t first = SM_TABLE_NONE;
        for (size_t i = 0; i + 1 < length; i++) {
            const uint32_t token =
                sm_table_get(&v->merged, (uint32_t)tokens[i] << 16 | tokens[i + 1]);
            first = token < first ? token : first;
        }
        if (first == SM_TABLE_NONE)
            return length;
        size_t kept = 0;
        for (size_t i = 0; i < length; kept++) {
            const bool here =
                i + 1 < length &&
                sm_table_get(&v->merged, (uint32_t)tokens[i] << 16 | tokens[i + 1]) == first;
            tokens[kept] = here ? (uint16_t)first : tokens[i];
            i += here ? 2 : 1;
        }
        length = kept;
    }
}

size_t
sm_vocabulary_encode(const struct sm_vocabulary *vocabulary, const uint8_t *text, size_t length,
                     uint16_t *tokens)
{
    size_t count = 0;
    for (size_t at = 0, size; at < length; at += size) {
        size = sm_bpe_word(text + at, length - at);
        count += encode_word(vocabulary, text + at, size, tokens + count);
    }
    for (size_t i = 0; i < count; i++)
        tokens[i] = (uint16_t)(tokens[i] + vocabulary->specials);
    return count;
}

size_t
sm_vocabulary_decode(const struct sm_vocabulary *vocabulary, const uint16_t *tokens, size_t count,
                     uint8_t *text)
{
    size_t length = 0;
    for (size_t i = 0; i < count; i++) {
        if (tokens[i] < vocabulary->specials)
            continue;
        const struct piece piece = vocabulary->pieces[tokens[i] - vocabulary->specials];
        if (text != NULL)
            memcpy(text + length, vocabulary->text + piece.begin, piece.length);
        length += piece.length;
    }
    return length;
}

char *
sm_vocabulary_text(const struct sm_vocabulary *vocabulary, const uint16_t *tokens, size_t count,
                   struct sm_arena *arena)
{
    const size_t length = sm_vocabulary_decode(vocabulary, tokens, count, NULL);
    char *text = sm_arena_alloc(arena, length + 1, 1);
    if (text == NULL)
        return NULL;
    sm_vocabulary_decode(vocabulary, tokens, count, (uint8_t *)text);
    text[length] = '\0';
    return text;
}
