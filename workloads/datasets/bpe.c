/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/datasets/bpe.c -- see bpe.h.
 *
 * Every pair knows its count and the words it was seen in, so that a merge touches those words
 * only. A merge makes pairs of its own token and takes from the counts of all others: a heap whose
 * entries are never too small finds the next pair.
 */
#include "workloads/datasets/bpe.h"

#include <stdbool.h>

#include "sim/base/text.h"
#include "workloads/datasets/table.h"

enum kind { SPACE, LETTER, DIGIT, SIGN };

static enum kind
kind_of(uint8_t byte)
{
    if (byte == ' ' || (byte >= '\t' && byte <= '\r'))
        return SPACE;
    if (byte >= 128 || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z'))
        return LETTER;
    return byte >= '0' && byte <= '9' ? DIGIT : SIGN;
}

size_t
sm_bpe_word(const uint8_t *text, size_t length)
{
    const size_t most = length < SM_BPE_LONGEST_WORD ? length : SM_BPE_LONGEST_WORD;
    const size_t begin = text[0] == ' ' && most > 1 && kind_of(text[1]) != SPACE;
    const enum kind kind = kind_of(text[begin]);
    size_t end = begin + 1;
    while (end < most && kind_of(text[end]) == kind)
        end++;
    /* the last of several spaces belongs to the next word */
    if (kind == SPACE && end > 1 && end < length && text[end - 1] == ' ' &&
        kind_of(text[end]) != SPACE)
        end--;
    return end;
}

struct word {
    const uint8_t *text; /* borrowed */
    size_t length;
    uint64_t count;
};

struct sm_bpe_words {
    struct sm_arena *arena;
    struct word *word; /* (capacity), count of them in use */
    size_t count, capacity;
    struct sm_table by_hash;
};

struct sm_bpe_words *
sm_bpe_words_create(struct sm_arena *arena)
{
    struct sm_bpe_words *words = sm_arena_zalloc(arena, 1, sizeof *words);
    if (words != NULL)
        words->arena = arena;
    return words;
}

/* The new last word, not yet counted; NULL: no memory. */
static struct word *
words_append(struct sm_bpe_words *words, const uint8_t *text, size_t length)
{
    if (words->count == words->capacity) {
        const size_t capacity = words->capacity > 0 ? 2 * words->capacity : 1024;
        struct word *larger = sm_arena_alloc(words->arena, capacity, sizeof *larger);
        if (larger == NULL)
            return NULL;
        for (size_t i = 0; i < words->count; i++)
            larger[i] = words->word[i];
        words->word = larger;
        words->capacity = capacity;
    }
    struct word *word = &words->word[words->count++];
    *word = (struct word){.text = text, .length = length};
    return word;
}

enum sm_status
sm_bpe_words_add(struct sm_bpe_words *words, const uint8_t *text, size_t length)
{
    for (size_t at = 0, size; at < length; at += size) {
        size = sm_bpe_word(text + at, length - at);
        /* words of the same hash would be counted as one: a merge less good, nothing worse */
        uint32_t *index = sm_table_put(&words->by_hash, sm_hash(text + at, size, 0), words->arena);
        if (index == NULL ||
            (*index == SM_TABLE_NONE && words_append(words, text + at, size) == NULL))
            return SM_FAIL(SM_ERR_NOMEM, "byte-pair encoding: no memory for %zu words",
                           words->count);
        if (*index == SM_TABLE_NONE)
            *index = (uint32_t)(words->count - 1);
        words->word[*index].count++;
    }
    return SM_OK;
}

struct pair {
    uint64_t count;
    uint32_t key;   /* left << 16 | right                                 */
    uint32_t first; /* of its places; SM_TABLE_NONE: none                 */
};

struct place {
    uint32_t word, next;
};

/* A pair and the count it had when it went into the heap: its count now is not larger. */
struct candidate {
    uint64_t count;
    uint32_t key, pair;
};

struct learner {
    struct sm_arena arena;
    const struct sm_bpe_words *words;
    uint16_t **symbols; /* (words) the tokens of each word so far, length[word] of them */
    uint8_t *length;
    struct sm_table by_key; /* index of a pair                    */
    struct pair *pair;      /* as large as there can ever be: bytes of all words and two more */
    size_t pairs;           /* for each merge inside a word, which makes the word shorter     */
    struct place *place;
    size_t places;
    struct candidate *heap;
    size_t candidates;
};

static bool
before(const struct candidate *a, const struct candidate *b)
{
    return a->count != b->count ? a->count > b->count : a->key < b->key;
}

static void
heap_push(struct learner *l, uint32_t pair)
{
    const struct candidate new = {l->pair[pair].count, l->pair[pair].key, pair};
    size_t at = l->candidates++;
    for (; at > 0 && before(&new, &l->heap[(at - 1) / 2]); at = (at - 1) / 2)
        l->heap[at] = l->heap[(at - 1) / 2];
    l->heap[at] = new;
}

static struct candidate
heap_pop(struct learner *l)
{
    const struct candidate top = l->heap[0], last = l->heap[--l->candidates];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child + 1 < l->candidates && before(&l->heap[child + 1], &l->heap[child]))
            child++;
        if (child >= l->candidates || !before(&l->heap[child], &last))
            break;
        l->heap[at] = l->heap[child];
        at = child;
    }
    l->heap[at] = last;
    return top;
}

/* The most frequent pair that comes at least twice; NULL: none is left. */
static struct pair *
best_pair(struct learner *l)
{
    while (l->candidates > 0) {
        const struct candidate top = heap_pop(l);
        struct pair *pair = &l->pair[top.pair];
        if (top.count < 2)
            break;
        if (pair->count == top.count)
            return pair;
        heap_push(l, top.pair);
    }
    return NULL;
}

static uint32_t
key_at(const struct learner *l, uint32_t word, size_t at)
{
    return (uint32_t)l->symbols[word][at] << 16 | l->symbols[word][at + 1];
}

/* Counts the pair at `at` of the word, and notes the place; SM_ERR_NOMEM. */
static enum sm_status
note_pair(struct learner *l, uint32_t word, size_t at)
{
    const uint32_t key = key_at(l, word, at);
    uint32_t *index = sm_table_put(&l->by_key, key, &l->arena);
    if (index == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "byte-pair encoding: no memory for %zu pairs", l->pairs);
    if (*index == SM_TABLE_NONE) {
        *index = (uint32_t)l->pairs++;
        l->pair[*index] = (struct pair){.key = key, .first = SM_TABLE_NONE};
    }
    struct pair *pair = &l->pair[*index];
    pair->count += l->words->word[word].count;
    l->place[l->places] = (struct place){word, pair->first};
    pair->first = (uint32_t)l->places++;
    return SM_OK;
}

/* Every pair of the word counts less by it. */
static void
forget_pairs(struct learner *l, uint32_t word)
{
    for (size_t at = 0; at + 1 < l->length[word]; at++)
        l->pair[sm_table_get(&l->by_key, key_at(l, word, at))].count -= l->words->word[word].count;
}

/* ... and more again, the pairs of the new token for the first time. */
static enum sm_status
remember_pairs(struct learner *l, uint32_t word, uint16_t token)
{
    const uint16_t *symbol = l->symbols[word];
    for (size_t at = 0; at + 1 < l->length[word]; at++)
        if (symbol[at] == token || symbol[at + 1] == token)
            SM_TRY(note_pair(l, word, at));
        else
            l->pair[sm_table_get(&l->by_key, key_at(l, word, at))].count +=
                l->words->word[word].count;
    return SM_OK;
}

/* The pair becomes the token wherever the word has it, from the left. */
static enum sm_status
merge_in_word(struct learner *l, uint32_t word, uint32_t key, uint16_t token)
{
    uint16_t *symbol = l->symbols[word];
    size_t first = 0, kept;
    while (first + 1 < l->length[word] && key_at(l, word, first) != key)
        first++;
    if (first + 1 >= l->length[word])
        return SM_OK; /* a place that an earlier merge has changed */
    forget_pairs(l, word);
    kept = first;
    for (size_t at = first; at < l->length[word]; kept++)
        if (at + 1 < l->length[word] && key_at(l, word, at) == key) {
            symbol[kept] = token;
            at += 2;
        } else {
            symbol[kept] = symbol[at++];
        }
    l->length[word] = (uint8_t)kept;
    return remember_pairs(l, word, token);
}

/* Words as bytes, all their pairs counted and in the heap. */
static enum sm_status
learner_begin(struct learner *l, const struct sm_bpe_words *words)
{
    size_t bytes = 0;
    for (size_t w = 0; w < words->count; w++)
        bytes += words->word[w].length;
    if (bytes > UINT32_MAX / 4)
        return SM_FAIL(SM_ERR_INPUT,
                       "byte-pair encoding: %zu bytes of distinct words, expected at most %u",
                       bytes, UINT32_MAX / 4);
    l->words = words;
    l->symbols = sm_arena_alloc(&l->arena, words->count, sizeof *l->symbols);
    l->length = sm_arena_alloc(&l->arena, words->count, 1);
    l->pair = sm_arena_alloc(&l->arena, 3 * bytes, sizeof *l->pair);
    l->place = sm_arena_alloc(&l->arena, 3 * bytes, sizeof *l->place);
    l->heap = sm_arena_alloc(&l->arena, 3 * bytes, sizeof *l->heap);
    uint16_t *symbol = sm_arena_alloc(&l->arena, bytes, sizeof *symbol);
    if (l->symbols == NULL || l->length == NULL || l->pair == NULL || l->place == NULL ||
        l->heap == NULL || symbol == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "byte-pair encoding: no memory for %zu bytes of words", bytes);
    for (uint32_t w = 0; w < words->count; w++) {
        l->symbols[w] = symbol;
        l->length[w] = (uint8_t)words->word[w].length;
        for (size_t i = 0; i < words->word[w].length; i++)
            *symbol++ = words->word[w].text[i];
        for (size_t at = 0; at + 1 < l->length[w]; at++)
            SM_TRY(note_pair(l, w, at));
    }
    for (uint32_t p = 0; p < l->pairs; p++)
        heap_push(l, p);
    return SM_OK;
}

static enum sm_status
learn(struct learner *l, size_t count, struct sm_bpe_merge *merges, size_t *learned)
{
    const struct pair *best;
    for (*learned = 0; *learned < count && (best = best_pair(l)) != NULL; ++*learned) {
        const uint32_t key = best->key, token = SM_BPE_BYTES + (uint32_t)*learned;
        const size_t known = l->pairs;
        merges[*learned] = (struct sm_bpe_merge){(uint16_t)(key >> 16), (uint16_t)key};
        for (uint32_t p = best->first; p != SM_TABLE_NONE; p = l->place[p].next)
            SM_TRY(merge_in_word(l, l->place[p].word, key, (uint16_t)token));
        for (size_t p = known; p < l->pairs; p++)
            heap_push(l, (uint32_t)p);
    }
    return SM_OK;
}

enum sm_status
sm_bpe_learn(const struct sm_bpe_words *words, size_t count, struct sm_bpe_merge *merges,
             size_t *learned)
{
    struct learner l = {.pairs = 0};
    enum sm_status status = learner_begin(&l, words);
    if (status == SM_OK)
        status = learn(&l, count, merges, learned);
    sm_arena_fini(&l.arena);
    return status;
}
