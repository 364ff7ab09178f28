/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/datasets/parallel_text.c -- two files that translate each other line by line.
 *
 * A sample is the source's tokens, END, padding; then BEGIN, the target's tokens, END, padding. One
 * byte-pair vocabulary, learned from both languages of the training pairs, serves both. Test pairs
 * are chosen at random, the same in every run, among those whose source sentence comes only once:
 * what is tested was never trained on.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/base/text.h"
#include "workloads/datasets/bpe.h"
#include "workloads/datasets/dataset.h"
#include "workloads/datasets/table.h"
#include "workloads/datasets/vocabulary.h"

struct parallel_text {
    const char *source, *target;
    size_t tokens, source_length, target_length, test;
};

static const struct sm_param parallel_text_params[] = {
    SM_PARAM_TEXT(struct parallel_text, source, "",
                  "file of one sentence a line; else english.txt of analysis/libreoffice_help.sh"),
    SM_PARAM_TEXT(struct parallel_text, target, "",
                  "file of their translations; else german.txt, likewise"),
    SM_PARAM(struct parallel_text, tokens, 4096, 256, SM_BPE_MOST,
             "size of the vocabulary, a multiple of 16"),
    SM_PARAM(struct parallel_text, source_length, 40, 2, 4096,
             "tokens of a source sentence with its end; longer pairs are left out"),
    SM_PARAM(struct parallel_text, target_length, 40, 2, 4096,
             "tokens of a target sentence with its end; longer pairs are left out"),
    SM_PARAM(struct parallel_text, test, 500, 1, 1e9,
             "pairs kept for the test, before longer ones are left out"),
    SM_PARAM_END,
};

struct line {
    const uint8_t *text;
    size_t length;
};

/* One side of the pairs. */
struct side {
    const char *path;
    struct line *line; /* (count), without their ends */
    size_t count, longest;
};

/* *path = the file of that name where analysis/libreoffice_help.sh puts it. */
static enum sm_status
default_path(const char *name, struct sm_arena *arena, const char **path)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (cache != NULL && cache[0] != '\0')
        *path = sm_arena_printf(arena, "%s/slowmo/libreoffice_help/%s", cache, name);
    else
        *path = sm_arena_printf(arena, "%s/.cache/slowmo/libreoffice_help/%s",
                                home != NULL ? home : "", name);
    if (*path == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "parallel_text: no memory");
    if (access(*path, R_OK) != 0)
        return SM_FAIL(SM_ERR_INPUT,
                       "cannot read %s: %s; analysis/libreoffice_help.sh makes it, or set "
                       "workload.dataset.source and workload.dataset.target",
                       *path, strerror(errno));
    return SM_OK;
}

static enum sm_status
side_read(struct side *side, struct sm_arena *arena)
{
    char *bytes = NULL;
    size_t length = 0;
    SM_TRY(sm_text_read_file(arena, side->path, &bytes, &length));
    if (length == 0)
        return SM_FAIL(SM_ERR_INPUT, "%s: empty, expected one sentence a line", side->path);
    const uint8_t *text = (const uint8_t *)bytes, *const end = text + length;
    for (size_t i = 0; i < length; i++)
        side->count += text[i] == '\n' || i + 1 == length;
    side->line = sm_arena_alloc(arena, side->count, sizeof *side->line);
    if (side->line == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "%s: no memory for %zu lines", side->path, side->count);
    for (size_t i = 0; i < side->count; i++) {
        const uint8_t *stop = memchr(text, '\n', (size_t)(end - text));
        const uint8_t *next = stop != NULL ? stop + 1 : end;
        size_t size = (size_t)((stop != NULL ? stop : end) - text);
        if (size > 0 && text[size - 1] == '\r')
            size--;
        side->line[i] = (struct line){text, size};
        side->longest = size > side->longest ? size : side->longest;
        text = next;
    }
    return SM_OK;
}

/* The pairs while they are sorted into halves. */
struct pairs {
    struct side source, target;
    bool *held_out; /* (count) for the test */
    size_t count, test;
};

/* Chooses the test pairs among those whose source comes once. */
static enum sm_status
hold_out(struct pairs *pairs, size_t wanted, struct sm_arena *arena)
{
    const size_t n = pairs->count;
    struct sm_table seen = {0};
    struct sm_rng *rng = sm_rng_create(arena, 0, SM_RNG_HELD_OUT, 0);
    uint32_t *single = sm_arena_alloc(arena, n, sizeof *single);
    uint64_t *hash = sm_arena_alloc(arena, n, sizeof *hash);
    pairs->held_out = sm_arena_zalloc(arena, n, sizeof *pairs->held_out);
    if (rng == NULL || single == NULL || hash == NULL || pairs->held_out == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "%s: no memory for %zu lines", pairs->source.path, n);
    for (size_t i = 0; i < n; i++) {
        hash[i] = sm_hash(pairs->source.line[i].text, pairs->source.line[i].length, 0);
        uint32_t *times = sm_table_put(&seen, hash[i], arena);
        if (times == NULL)
            return SM_FAIL(SM_ERR_NOMEM, "%s: no memory for %zu lines", pairs->source.path, n);
        *times = *times == SM_TABLE_NONE ? 1 : 2;
    }
    size_t singles = 0;
    for (size_t i = 0; i < n; i++)
        if (sm_table_get(&seen, hash[i]) == 1)
            single[singles++] = (uint32_t)i;
    if (wanted > singles || wanted >= n)
        return SM_FAIL(SM_ERR_INPUT,
                       "workload.dataset.test: %zu, but %s has %zu lines, of which %zu come once "
                       "and may be a test",
                       wanted, pairs->source.path, n, singles);
    sm_rng_shuffle(rng, single, singles);
    for (size_t i = 0; i < wanted; i++)
        pairs->held_out[single[i]] = true;
    pairs->test = wanted;
    return SM_OK;
}

static enum sm_status
vocabulary_learn(const struct pairs *pairs, size_t tokens, struct sm_arena *scratch,
                 struct sm_arena *arena, struct sm_vocabulary **vocabulary)
{
    struct sm_bpe_words *words = sm_bpe_words_create(scratch);
    if (words == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "parallel_text: no memory for words");
    for (size_t i = 0; i < pairs->count; i++) {
        if (pairs->held_out[i])
            continue;
        const struct line source = pairs->source.line[i], target = pairs->target.line[i];
        SM_TRY(sm_bpe_words_add(words, source.text, source.length));
        SM_TRY(sm_bpe_words_add(words, target.text, target.length));
    }
    return sm_vocabulary_create(arena, words, tokens, SM_TOKENS_SPECIAL, vocabulary);
}

/* to (room) = the line's tokens, END, padding; false when it is empty or does not fit. buffer holds
 * a token for each byte. */
static bool
sentence_put(const struct sm_vocabulary *vocabulary, struct line line, uint16_t *to, size_t room,
             uint16_t *buffer)
{
    const size_t count = sm_vocabulary_encode(vocabulary, line.text, line.length, buffer);
    if (count == 0 || count + 1 > room)
        return false;
    memcpy(to, buffer, count * sizeof *to);
    to[count] = SM_TOKEN_END;
    for (size_t i = count + 1; i < room; i++)
        to[i] = SM_TOKEN_PADDING;
    return true;
}

/* The samples of the pairs that are held out, or of the others, in the order of the files. */
static enum sm_status
half_make(const struct parallel_text *s, const struct pairs *pairs, bool held_out,
          const struct sm_vocabulary *vocabulary, struct sm_arena *arena,
          struct sm_samples *samples)
{
    const size_t most = held_out ? pairs->test : pairs->count - pairs->test;
    const size_t size = s->source_length + s->target_length + 1;
    const size_t longest = pairs->source.longest > pairs->target.longest ? pairs->source.longest
                                                                         : pairs->target.longest;
    struct sm_arena scratch = {0};
    uint16_t *buffer = sm_arena_alloc(&scratch, longest, sizeof *buffer);
    uint16_t *tokens = sm_arena_alloc(arena, most * size, sizeof *tokens);
    size_t count = 0;
    for (size_t i = 0; buffer != NULL && tokens != NULL && i < pairs->count; i++) {
        if (pairs->held_out[i] != held_out)
            continue;
        uint16_t *source = tokens + count * size, *target = source + s->source_length;
        *target = SM_TOKEN_BEGIN;
        count +=
            sentence_put(vocabulary, pairs->source.line[i], source, s->source_length, buffer) &&
            sentence_put(vocabulary, pairs->target.line[i], target + 1, s->target_length, buffer);
    }
    sm_arena_fini(&scratch);
    if (buffer == NULL || tokens == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "parallel_text: no memory for %zu pairs", most);
    if (count == 0)
        return SM_FAIL(SM_ERR_INPUT,
                       "%s: none of the %zu %s pairs fits into workload.dataset.source_length "
                       "(%zu) and target_length (%zu) tokens",
                       pairs->source.path, most, held_out ? "test" : "training", s->source_length,
                       s->target_length);
    *samples = (struct sm_samples){.tokens = tokens, .count = count};
    return SM_OK;
}

static enum sm_status
paths_find(const struct parallel_text *s, struct sm_arena *arena, struct pairs *pairs)
{
    pairs->source.path = s->source;
    pairs->target.path = s->target;
    if ((s->source[0] == '\0') != (s->target[0] == '\0'))
        return SM_FAIL(SM_ERR_INPUT, "workload.dataset: source and target belong together, but "
                                     "only one of them is set");
    if (s->source[0] != '\0')
        return SM_OK;
    SM_TRY(default_path("english.txt", arena, &pairs->source.path));
    return default_path("german.txt", arena, &pairs->target.path);
}

static enum sm_status
read_and_pair(const struct parallel_text *s, struct sm_arena *scratch, struct sm_arena *arena,
              struct sm_data *data)
{
    struct pairs pairs = {.count = 0};
    struct sm_vocabulary *vocabulary = NULL;
    SM_TRY(paths_find(s, scratch, &pairs));
    SM_TRY(side_read(&pairs.source, scratch));
    SM_TRY(side_read(&pairs.target, scratch));
    if (pairs.source.count != pairs.target.count)
        return SM_FAIL(SM_ERR_INPUT, "%s has %zu lines, but %s has %zu; expected the same number",
                       pairs.source.path, pairs.source.count, pairs.target.path,
                       pairs.target.count);
    pairs.count = pairs.source.count;
    SM_TRY(hold_out(&pairs, s->test, scratch));
    SM_TRY(vocabulary_learn(&pairs, s->tokens, scratch, arena, &vocabulary));
    SM_TRY(half_make(s, &pairs, false, vocabulary, arena, &data->train));
    SM_TRY(half_make(s, &pairs, true, vocabulary, arena, &data->test));
    data->shape = (struct sm_data_shape){
        .vocabulary = s->tokens, .source = s->source_length, .target = s->target_length};
    data->vocabulary = vocabulary;
    return SM_OK;
}

static enum sm_status
parallel_text_load(const void *state, struct sm_arena *arena, struct sm_data *data)
{
    struct sm_arena scratch = {0};
    const enum sm_status status = read_and_pair(state, &scratch, arena, data);
    sm_arena_fini(&scratch);
    return status;
}

const struct sm_dataset sm_dataset_parallel_text = {
    .about =
        {
            .name = "parallel_text",
            .doc = "two files that translate each other line by line, for a translation model",
            .source = "joint byte-pair encoding: Sennrich, Haddow, Birch, ACL 2016, "
                      "arXiv:1508.07909, section 3.2",
            .state_size = sizeof(struct parallel_text),
            .params = parallel_text_params,
        },
    .load = parallel_text_load,
};
