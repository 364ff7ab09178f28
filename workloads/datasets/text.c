/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/datasets/text.c -- any text file, as bytes or byte-pair tokens, cut into windows.
 *
 * The end of the file is the test half; the vocabulary is learned from the training half. Windows
 * follow each other, the last token of one being the first of the next, so that every token but the
 * very first is predicted once.
 */
#include <string.h>

#include "sim/base/text.h"
#include "workloads/datasets/bpe.h"
#include "workloads/datasets/dataset.h"
#include "workloads/datasets/vocabulary.h"

struct text {
    const char *path, *vocabulary;
    size_t tokens, length;
    double test;
};

static const struct sm_param text_params[] = {
    SM_PARAM_TEXT(struct text, path, "", "the file; must be set"),
    SM_PARAM_CHOICE(struct text, vocabulary, "bytes", "bytes|bpe",
                    "what a token is: a byte, or what byte-pair encoding finds"),
    SM_PARAM(struct text, tokens, 1024, 256, SM_BPE_MOST,
             "size of the vocabulary with bpe, a multiple of 16"),
    SM_PARAM(struct text, length, 128, 1, 65536, "tokens predicted in a sample"),
    SM_PARAM(struct text, test, 0.1, 0.001, 0.9,
             "share of the bytes, at the end, that is the test"),
    SM_PARAM_END,
};

static enum sm_status
half_make(const struct text *s, const char *half, const uint8_t *text, size_t length,
          const struct sm_vocabulary *vocabulary, struct sm_arena *arena,
          struct sm_samples *samples)
{
    struct sm_arena scratch = {0};
    uint16_t *tokens = sm_arena_alloc(&scratch, length, sizeof *tokens);
    const size_t known =
        tokens != NULL ? sm_vocabulary_encode(vocabulary, text, length, tokens) : 0;
    const size_t count = known > 0 ? (known - 1) / s->length : 0, sample = s->length + 1;
    uint16_t *windows = sm_arena_alloc(arena, count * sample, sizeof *windows);
    for (size_t i = 0; windows != NULL && i < count; i++)
        memcpy(windows + i * sample, tokens + i * s->length, sample * sizeof *windows);
    sm_arena_fini(&scratch);
    if (tokens == NULL || windows == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "%s: no memory for %zu bytes as tokens", s->path, length);
    if (count == 0)
        return SM_FAIL(SM_ERR_INPUT,
                       "%s: its %s part has %zu tokens, expected at least %zu, one more than "
                       "workload.dataset.length",
                       s->path, half, known, sample);
    *samples = (struct sm_samples){.tokens = windows, .count = count};
    return SM_OK;
}

/* From the first `length` bytes of text. */
static enum sm_status
vocabulary_make(const struct text *s, const uint8_t *text, size_t length, struct sm_arena *scratch,
                struct sm_arena *arena, struct sm_vocabulary **vocabulary)
{
    if (strcmp(s->vocabulary, "bytes") == 0)
        return sm_vocabulary_create(arena, NULL, SM_BPE_BYTES, 0, vocabulary);
    struct sm_bpe_words *words = sm_bpe_words_create(scratch);
    if (words == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "%s: no memory for its words", s->path);
    SM_TRY(sm_bpe_words_add(words, text, length));
    return sm_vocabulary_create(arena, words, s->tokens, 0, vocabulary);
}

static enum sm_status
read_and_cut(const struct text *s, struct sm_arena *scratch, struct sm_arena *arena,
             struct sm_data *data)
{
    char *bytes = NULL;
    size_t length = 0;
    struct sm_vocabulary *vocabulary = NULL;
    SM_TRY(sm_text_read_file(scratch, s->path, &bytes, &length));
    const uint8_t *text = (const uint8_t *)bytes;
    const size_t train = length - (size_t)(s->test * (double)length);
    SM_TRY(vocabulary_make(s, text, train, scratch, arena, &vocabulary));
    SM_TRY(half_make(s, "training", text, train, vocabulary, arena, &data->train));
    SM_TRY(half_make(s, "test", text + train, length - train, vocabulary, arena, &data->test));
    data->shape =
        (struct sm_data_shape){.vocabulary = sm_vocabulary_size(vocabulary), .target = s->length};
    data->vocabulary = vocabulary;
    return SM_OK;
}

static enum sm_status
text_load(const void *state, struct sm_arena *arena, struct sm_data *data)
{
    const struct text *s = state;
    if (s->path[0] == '\0')
        return SM_FAIL(SM_ERR_INPUT,
                       "workload.dataset.path: text needs a file; analysis/libreoffice_help.sh "
                       "makes one of 3 MB, english.txt");
    struct sm_arena scratch = {0};
    const enum sm_status status = read_and_cut(s, &scratch, arena, data);
    sm_arena_fini(&scratch);
    return status;
}

const struct sm_dataset sm_dataset_text = {
    .about =
        {
            .name = "text",
            .doc = "any text file, for a language model: each token is predicted from those before",
            .source = "byte-pair encoding: Sennrich, Haddow, Birch, ACL 2016, arXiv:1508.07909",
            .state_size = sizeof(struct text),
            .params = text_params,
        },
    .load = text_load,
};
