/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/text.c -- byte-pair encoding against its definition; the text data set. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/base/rng.h"
#include "tests/helpers/check.h"
#include "workloads/datasets/bpe.h"
#include "workloads/datasets/dataset.h"
#include "workloads/datasets/vocabulary.h"
#include "workloads/workload.h"

static struct sm_arena arena;
static char path[] = "/tmp/slowmo-text-XXXXXX";

static int
setup(void **state)
{
    (void)state;
    const int file = mkstemp(path);
    return file < 0 || close(file) != 0;
}

static int
teardown(void **state)
{
    (void)state;
    unlink(path);
    sm_arena_fini(&arena);
    return 0;
}

static size_t
word(const char *text)
{
    return sm_bpe_word((const uint8_t *)text, strlen(text));
}

static void
a_word_is_a_run_of_one_kind_with_the_space_before_it(void **state)
{
    (void)state;
    assert_int_equal(word("the cat"), 3);
    assert_int_equal(word(" cat, and"), 4);
    assert_int_equal(word(", and"), 1);
    assert_int_equal(word("x86_64"), 1);
    assert_int_equal(word("86_64"), 2);
    assert_int_equal(word(" (**a)"), 4);
    assert_int_equal(word("Stra\xc3\x9f"
                          "e 1"),
                     7);
    assert_int_equal(word("    if"), 3); /* the last space goes with `if` */
    assert_int_equal(word("\n\n x"), 2);
    assert_int_equal(word(" \nx"), 2);
    assert_int_equal(word("  "), 2);
    assert_int_equal(word(" "), 1);
    char run[200];
    memset(run, 'a', sizeof run);
    assert_int_equal(sm_bpe_word((const uint8_t *)run, sizeof run), SM_BPE_LONGEST_WORD);
}

/* Byte-pair encoding as it is defined: count all pairs of all words anew for every merge. */
struct naive {
    uint16_t token[4096];
    size_t begin[4096], end[4096], words; /* of the words in token */
};

static void
naive_cut(struct naive *n, const uint8_t *text, size_t length)
{
    n->words = 0;
    for (size_t at = 0; at < length; at = n->end[n->words++]) {
        n->begin[n->words] = at;
        n->end[n->words] = at + sm_bpe_word(text + at, length - at);
    }
    for (size_t i = 0; i < length; i++)
        n->token[i] = text[i];
}

/* The most frequent pair, the smallest where several are. */
static size_t
naive_best(const struct naive *n, struct sm_bpe_merge *best)
{
    static uint16_t count[512][512];
    size_t most = 0;
    memset(count, 0, sizeof count);
    for (size_t w = 0; w < n->words; w++)
        for (size_t i = n->begin[w]; i + 1 < n->end[w]; i++)
            count[n->token[i]][n->token[i + 1]]++;
    for (uint16_t left = 0; left < 512; left++)
        for (uint16_t right = 0; right < 512; right++)
            if (count[left][right] > most) {
                most = count[left][right];
                *best = (struct sm_bpe_merge){left, right};
            }
    return most;
}

static void
naive_merge(struct naive *n, struct sm_bpe_merge merge, uint16_t token)
{
    for (size_t w = 0; w < n->words; w++) {
        size_t kept = n->begin[w];
        for (size_t i = n->begin[w]; i < n->end[w]; kept++)
            if (i + 1 < n->end[w] && n->token[i] == merge.left && n->token[i + 1] == merge.right) {
                n->token[kept] = token;
                i += 2;
            } else {
                n->token[kept] = n->token[i++];
            }
        n->end[w] = kept;
    }
}

/* Words of few letters, so that pairs repeat and overlap ("aaa") and counts are often equal. */
static size_t
babble(struct sm_rng *rng, uint8_t *text, size_t length)
{
    static const char letters[] = "aaabbc  .1\n\xc3";
    const size_t kinds = 3 + sm_rng_below(rng, sizeof letters - 3);
    for (size_t i = 0; i < length; i++)
        text[i] = (uint8_t)letters[sm_rng_below(rng, kinds)];
    return length;
}

static void
learning_and_encoding_follow_the_definition(void **state)
{
    (void)state;
    struct sm_rng *rng = sm_rng_create(&arena, 7, SM_RNG_TEST, 0);
    size_t runs_dry = 0;
    for (size_t trial = 0; trial < 60; trial++) {
        enum { MERGES = 64 };
        uint8_t text[4096];
        const size_t length = babble(rng, text, 1 + sm_rng_below(rng, trial < 30 ? 60 : 4000));
        struct sm_bpe_words *words = sm_bpe_words_create(&arena);
        check_ok(sm_bpe_words_add(words, text, length / 2)); /* cut where a word may be */
        check_ok(sm_bpe_words_add(words, text + length / 2, length - length / 2));
        struct sm_bpe_merge merges[MERGES];
        size_t learned;
        check_ok(sm_bpe_learn(words, MERGES, merges, &learned));

        static struct naive half[2];
        naive_cut(&half[0], text, length / 2);
        naive_cut(&half[1], text + length / 2, length - length / 2);
        static struct naive all;
        all = half[0];
        for (size_t i = 0; i < length - length / 2; i++)
            all.token[length / 2 + i] = half[1].token[i];
        for (size_t w = 0; w < half[1].words; w++, all.words++) {
            all.begin[all.words] = length / 2 + half[1].begin[w];
            all.end[all.words] = length / 2 + half[1].end[w];
        }
        for (size_t m = 0; m < MERGES; m++) {
            struct sm_bpe_merge best;
            if (naive_best(&all, &best) < 2) {
                assert_int_equal(learned, m);
                runs_dry++;
                break;
            }
            assert_true(m < learned);
            assert_int_equal(merges[m].left, best.left);
            assert_int_equal(merges[m].right, best.right);
            naive_merge(&all, best, (uint16_t)(SM_BPE_BYTES + m));
        }
        if (learned < MERGES)
            continue;
        struct sm_vocabulary *vocabulary;
        check_ok(sm_vocabulary_create(&arena, words, SM_BPE_BYTES + MERGES, 0, &vocabulary));
        uint16_t tokens[4096];
        size_t count = sm_vocabulary_encode(vocabulary, text, length / 2, tokens);
        count += sm_vocabulary_encode(vocabulary, text + length / 2, length - length / 2,
                                      tokens + count);
        size_t at = 0;
        for (size_t w = 0; w < all.words; w++)
            for (size_t i = all.begin[w]; i < all.end[w]; i++)
                assert_int_equal(tokens[at++], all.token[i]);
        assert_int_equal(at, count);
    }
    assert_in_range(runs_dry, 5, 55); /* both kinds of trials were there */
}

static struct sm_vocabulary *
vocabulary_of(const char *text, size_t size, size_t specials)
{
    struct sm_vocabulary *vocabulary = NULL;
    struct sm_bpe_words *words = sm_bpe_words_create(&arena);
    check_ok(sm_bpe_words_add(words, (const uint8_t *)text, strlen(text)));
    check_ok(sm_vocabulary_create(&arena, words, size, specials, &vocabulary));
    return vocabulary;
}

/* Sixteen merges and a few more. */
static const char sentence[] = "the thin thick thing thinks that the thief thanks the thug; "
                               "this thimble is thicker than the thistle. The thief is thinner. ";

static void
any_bytes_come_back_as_they_were(void **state)
{
    (void)state;
    struct sm_rng *rng = sm_rng_create(&arena, 8, SM_RNG_TEST, 0);
    for (size_t specials = 0; specials <= SM_TOKENS_SPECIAL; specials += SM_TOKENS_SPECIAL) {
        const struct sm_vocabulary *vocabulary = vocabulary_of(sentence, 272, specials);
        assert_int_equal(sm_vocabulary_size(vocabulary), 272);
        uint8_t text[1000], back[1000];
        uint16_t tokens[1000];
        for (size_t trial = 0; trial < 50; trial++) {
            const size_t length = sm_rng_below(rng, sizeof text + 1);
            for (size_t i = 0; i < length; i++)
                text[i] = trial % 2 == 0 ? (uint8_t)sm_rng_below(rng, 256)
                                         : (uint8_t)sentence[i % strlen(sentence)];
            const size_t count = sm_vocabulary_encode(vocabulary, text, length, tokens);
            assert_true(count <= length);
            for (size_t i = 0; i < count; i++)
                assert_in_range(tokens[i], specials, 271);
            assert_int_equal(sm_vocabulary_decode(vocabulary, tokens, count, NULL), length);
            assert_int_equal(sm_vocabulary_decode(vocabulary, tokens, count, back), length);
            assert_memory_equal(back, text, length);
        }
    }
}

static void
special_tokens_have_no_text(void **state)
{
    (void)state;
    const struct sm_vocabulary *vocabulary = vocabulary_of(sentence, 272, SM_TOKENS_SPECIAL);
    const uint16_t tokens[] = {SM_TOKEN_BEGIN, SM_TOKENS_SPECIAL + 'H', SM_TOKENS_SPECIAL + 'i',
                               SM_TOKEN_END, SM_TOKEN_PADDING};
    assert_string_equal(sm_vocabulary_text(vocabulary, tokens, 5, &arena), "Hi");
    assert_string_equal(sm_vocabulary_text(vocabulary, tokens, 0, &arena), "");
}

static void
a_vocabulary_that_does_not_fit_is_an_error_with_the_numbers(void **state)
{
    (void)state;
    struct sm_vocabulary *vocabulary;
    struct sm_bpe_words *words = sm_bpe_words_create(&arena);
    check_ok(sm_bpe_words_add(words, (const uint8_t *)"abab abab", 9));
    check_fails(sm_vocabulary_create(&arena, words, 240, 0, &vocabulary), SM_ERR_INPUT,
                "tokens: 240, expected a multiple of 16 from 256 (0 special, 256 bytes) to 65536");
    check_fails(sm_vocabulary_create(&arena, words, 256, 3, &vocabulary), SM_ERR_INPUT,
                "tokens: 256, expected a multiple of 16 from 272 (3 special, 256 bytes)");
    check_fails(sm_vocabulary_create(&arena, words, 300, 0, &vocabulary), SM_ERR_INPUT,
                "expected a multiple of 16");
    check_fails(sm_vocabulary_create(&arena, words, 65552, 0, &vocabulary), SM_ERR_INPUT,
                "to 65536");
    /* ab, abab: nothing else comes twice */
    check_fails(sm_vocabulary_create(&arena, words, 272, 0, &vocabulary), SM_ERR_INPUT,
                "repeated pairs for 258 only (0 special, 256 bytes, 2 learned)");
}

static void
write_text(const char *text, size_t length)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

static enum sm_status
load(const char *settings, struct sm_data *data)
{
    struct sm_node *root;
    struct sm_choice choice;
    const char *yaml =
        sm_arena_printf(&arena, "dataset: {name: text, path: \"%s\", %s}", path, settings);
    SM_TRY(sm_tree_parse(&arena, "test", yaml, &root));
    SM_TRY(sm_choice_bind(&sm_axis_dataset, sm_tree_get(root, "dataset"), NULL, &arena, &choice));
    return sm_dataset_text.load(choice.settings, &arena, data);
}

static void
a_text_of_bytes_is_cut_into_windows_that_share_a_token(void **state)
{
    (void)state;
    char text[1000];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)(i % 251);
    write_text(text, sizeof text);
    struct sm_data data;
    check_ok(load("length: 30, test: 0.2", &data));
    assert_int_equal(data.shape.vocabulary, 256);
    assert_int_equal(data.shape.source, 0);
    assert_int_equal(data.shape.target, 30);
    assert_int_equal(data.shape.classes, 0);
    assert_null(data.train.inputs);
    assert_null(data.train.labels);
    assert_int_equal(data.train.count, 799 / 30);
    assert_int_equal(data.test.count, 199 / 30);
    for (size_t i = 0; i < data.train.count; i++)
        for (size_t t = 0; t <= 30; t++)
            assert_int_equal(data.train.tokens[31 * i + t], (30 * i + t) % 251);
    assert_int_equal(data.test.tokens[0], 800 % 251);
    uint16_t hello[5] = {'h', 'e', 'l', 'l', 'o'};
    assert_string_equal(sm_vocabulary_text(data.vocabulary, hello, 5, &arena), "hello");
}

static void
a_text_of_byte_pairs_reads_the_same_and_learns_from_the_training_part_alone(void **state)
{
    (void)state;
    enum { COPIES = 20 };
    const size_t length = strlen(sentence);
    char text[COPIES * sizeof sentence];
    for (size_t i = 0; i < COPIES; i++)
        memcpy(text + i * length, sentence, length);
    write_text(text, COPIES * length);
    struct sm_data data, other;
    check_ok(load("vocabulary: bpe, tokens: 288, length: 10", &data));
    assert_int_equal(data.shape.vocabulary, 288);
    size_t at = 0;
    for (size_t i = 0; i < data.train.count; i++) {
        const char *window =
            sm_vocabulary_text(data.vocabulary, data.train.tokens + 11 * i, 10, &arena);
        assert_memory_equal(window, text + at, strlen(window));
        at += strlen(window);
    }
    assert_true(at > 8 * COPIES / 10 * length);
    memset(text + 9 * COPIES / 10 * length, 'x', COPIES / 10 * length);
    write_text(text, COPIES * length);
    check_ok(load("vocabulary: bpe, tokens: 288, length: 10", &other));
    assert_int_equal(data.train.count, other.train.count);
    assert_memory_equal(data.train.tokens, other.train.tokens,
                        11 * data.train.count * sizeof *data.train.tokens);
}

static void
a_text_that_cannot_be_used_is_one_clear_line(void **state)
{
    (void)state;
    struct sm_data data;
    write_text("", 0);
    check_fails(load("length: 8", &data), SM_ERR_INPUT,
                "its training part has 0 tokens, expected at least 9");
    write_text("twenty bytes of text", 20);
    check_fails(load("length: 32", &data), SM_ERR_INPUT,
                "its training part has 18 tokens, expected at least 33");
    check_fails(load("length: 8", &data), SM_ERR_INPUT,
                "its test part has 2 tokens, expected at least 9");
    check_fails(load("length: 4, vocabulary: bpe, tokens: 272", &data), SM_ERR_INPUT,
                "repeated pairs for");
    check_fails(load("length: 4, vocabulary: bpe, tokens: 300", &data), SM_ERR_INPUT,
                "workload.dataset.tokens: 300, expected a multiple of 16");
    struct sm_node *root;
    struct sm_choice choice;
    check_ok(sm_tree_parse(&arena, "test", "a: text\nb: {name: text, path: /nonexistent}", &root));
    check_ok(sm_choice_bind(&sm_axis_dataset, sm_tree_get(root, "a"), NULL, &arena, &choice));
    check_fails(sm_dataset_text.load(choice.settings, &arena, &data), SM_ERR_INPUT,
                "workload.dataset.path: text needs a file");
    check_ok(sm_choice_bind(&sm_axis_dataset, sm_tree_get(root, "b"), NULL, &arena, &choice));
    check_fails(sm_dataset_text.load(choice.settings, &arena, &data), SM_ERR_INPUT,
                "cannot read /nonexistent: No such file");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_word_is_a_run_of_one_kind_with_the_space_before_it),
        cmocka_unit_test(learning_and_encoding_follow_the_definition),
        cmocka_unit_test(any_bytes_come_back_as_they_were),
        cmocka_unit_test(special_tokens_have_no_text),
        cmocka_unit_test(a_vocabulary_that_does_not_fit_is_an_error_with_the_numbers),
        cmocka_unit_test(a_text_of_bytes_is_cut_into_windows_that_share_a_token),
        cmocka_unit_test(
            a_text_of_byte_pairs_reads_the_same_and_learns_from_the_training_part_alone),
        cmocka_unit_test(a_text_that_cannot_be_used_is_one_clear_line),
    };
    return cmocka_run_group_tests_name("text", tests, setup, teardown);
}
