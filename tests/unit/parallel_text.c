/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/parallel_text.c -- pairs of sentences: layout, the test half, files that do not pair.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/helpers/check.h"
#include "workloads/datasets/dataset.h"
#include "workloads/datasets/vocabulary.h"
#include "workloads/workload.h"

static struct sm_arena arena;
static char source_path[] = "/tmp/slowmo-source-XXXXXX",
            target_path[] = "/tmp/slowmo-target-XXXXXX";

static int
setup(void **state)
{
    (void)state;
    const int source = mkstemp(source_path), target = mkstemp(target_path);
    return source < 0 || target < 0 || close(source) != 0 || close(target) != 0;
}

static int
teardown(void **state)
{
    (void)state;
    unlink(source_path);
    unlink(target_path);
    sm_arena_fini(&arena);
    return 0;
}

static void
write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* Pair i is "sentence number i is here" and "Satz Nummer i ist hier"; every third is the same. */
static void
write_pairs(size_t count)
{
    FILE *source = fopen(source_path, "wb"), *target = fopen(target_path, "wb");
    assert_true(source != NULL && target != NULL);
    for (size_t i = 0; i < count; i++) {
        const size_t number = i % 3 == 2 ? 0 : i + 1;
        fprintf(source, "sentence number %zu is here\r\n", number);
        fprintf(target, "Satz Nummer %zu ist hier%s", number, i + 1 < count ? "\n" : "");
    }
    assert_int_equal(fclose(source), 0);
    assert_int_equal(fclose(target), 0);
}

static enum sm_status
load_yaml(const char *yaml, struct sm_data *data)
{
    struct sm_node *root;
    struct sm_choice choice;
    SM_TRY(sm_tree_parse(&arena, "test", yaml, &root));
    SM_TRY(sm_choice_bind(&sm_axis_dataset, sm_tree_get(root, "dataset"), NULL, &arena, &choice));
    return sm_dataset_parallel_text.load(choice.settings, &arena, data);
}

static enum sm_status
load(const char *settings, struct sm_data *data)
{
    return load_yaml(
        sm_arena_printf(&arena,
                        "dataset: {name: parallel_text, source: \"%s\", target: \"%s\", %s}",
                        source_path, target_path, settings),
        data);
}

/* The tokens of a sentence up to its END, as text; what follows must be padding. */
static const char *
sentence(const struct sm_data *data, const uint16_t *tokens, size_t room)
{
    size_t count = 0;
    while (count < room && tokens[count] != SM_TOKEN_END) {
        assert_in_range(tokens[count], SM_TOKENS_SPECIAL, data->shape.vocabulary - 1);
        count++;
    }
    assert_true(count < room);
    for (size_t i = count + 1; i < room; i++)
        assert_int_equal(tokens[i], SM_TOKEN_PADDING);
    return sm_vocabulary_text(data->vocabulary, tokens, count, &arena);
}

static void
a_pair_is_source_end_padding_begin_target_end_padding(void **state)
{
    (void)state;
    write_pairs(60);
    struct sm_data data;
    check_ok(load("tokens: 288, source_length: 20, target_length: 18, test: 10", &data));
    assert_int_equal(data.shape.vocabulary, 288);
    assert_int_equal(sm_vocabulary_size(data.vocabulary), 288);
    assert_int_equal(data.shape.source, 20);
    assert_int_equal(data.shape.target, 18);
    assert_int_equal(data.shape.classes, 0);
    assert_null(data.train.inputs);
    assert_int_equal(data.train.count, 50);
    assert_int_equal(data.test.count, 10);
    size_t last = 0, same = 0;
    for (size_t i = 0; i < data.train.count; i++) {
        const uint16_t *sample = data.train.tokens + i * 39;
        size_t number, translated;
        char rest[32];
        assert_int_equal(
            sscanf(sentence(&data, sample, 20), "sentence number %zu is %31s", &number, rest), 2);
        assert_string_equal(rest, "here"); /* no carriage return */
        assert_int_equal(sample[20], SM_TOKEN_BEGIN);
        assert_int_equal(
            sscanf(sentence(&data, sample + 21, 18), "Satz Nummer %zu ist hier", &translated), 1);
        assert_int_equal(number, translated);
        same += number == 0;
        assert_true(number == 0 || number > last); /* the order of the files */
        last = number > 0 ? number : last;
    }
    assert_int_equal(same, 20); /* what comes several times stays in the training */
}

static void
test_pairs_come_once_and_are_the_same_every_time(void **state)
{
    (void)state;
    write_pairs(60);
    struct sm_data data, again;
    check_ok(load("tokens: 272, test: 40", &data)); /* all that come once */
    check_ok(load("tokens: 272, test: 40", &again));
    assert_int_equal(data.train.count, 20);
    assert_int_equal(data.test.count, 40);
    assert_memory_equal(data.test.tokens, again.test.tokens, 40 * 81 * sizeof(uint16_t));
    for (size_t i = 0; i < 40; i++) {
        size_t number = 0;
        sscanf(sentence(&data, data.test.tokens + 81 * i, 40), "sentence number %zu", &number);
        assert_int_equal(number, i / 2 * 3 + i % 2 + 1);
    }
    check_fails(load("tokens: 272, test: 41", &data), SM_ERR_INPUT,
                "workload.dataset.test: 41, but");
    assert_non_null(strstr(sm_error_last()->message, "60 lines, of which 40 come once"));
}

static void
pairs_that_are_too_long_or_empty_on_one_side_are_left_out(void **state)
{
    (void)state;
    struct sm_data data;
    char source[2000] = "", target[2000] = "";
    for (char c = 'a'; c < 'u'; c++) {
        sprintf(source + strlen(source), "%c%c\n", c, c);
        sprintf(target + strlen(target), "%c%c\n", c, c);
    }
    /* twice each, so that they cannot be in the test; a sign and a letter never merge */
    for (int i = 0; i < 2; i++) {
        strcat(source, "A.B\nA.B.\nA,B\n\n1+1\n");
        strcat(target, "A.B.\nA.B\nA,B\n1+1\n\n");
    }
    write_text(source_path, source);
    write_text(target_path, target);
    /* three tokens and END at most */
    check_ok(load("tokens: 272, source_length: 4, target_length: 4, test: 3", &data));
    assert_int_equal(data.test.count, 3);
    assert_int_equal(data.train.count, 17 + 2);
    size_t three = 0;
    for (size_t i = 0; i < data.train.count; i++)
        three += strcmp(sentence(&data, data.train.tokens + 9 * i, 4), "A,B") == 0;
    assert_int_equal(three, 2);
    write_pairs(60);
    check_fails(load("tokens: 272, source_length: 2, test: 5", &data), SM_ERR_INPUT,
                "none of the 55 training pairs fits into workload.dataset.source_length (2)");
}

static void
files_that_do_not_pair_are_one_clear_line(void **state)
{
    (void)state;
    struct sm_data data;
    write_pairs(60);
    write_text(target_path, "eins\nzwei\ndrei");
    check_fails(load("test: 1", &data), SM_ERR_INPUT, "has 60 lines, but");
    assert_non_null(strstr(sm_error_last()->message, "has 3; expected the same number"));
    write_text(target_path, "");
    check_fails(load("test: 1", &data), SM_ERR_INPUT, "empty, expected one sentence a line");
    assert_non_null(strstr(sm_error_last()->message, target_path));
    write_pairs(60);
    check_fails(load("tokens: 4096", &data), SM_ERR_INPUT, "workload.dataset.test: 500, but");
    check_fails(load("test: 5", &data), SM_ERR_INPUT, "workload.dataset.tokens: 4096, but the");
    check_fails(load("test: 5, tokens: 256", &data), SM_ERR_INPUT,
                "tokens: 256, expected a multiple of 16 from 272");
    check_fails(load("test: 5, tokens: 279", &data), SM_ERR_INPUT, "multiple of 16");
    write_text(source_path, "one");
    write_text(target_path, "eins");
    check_fails(load("test: 1", &data), SM_ERR_INPUT, "has 1 lines, of which 1 come once");
    check_fails(load_yaml("dataset: {name: parallel_text, source: /etc/hostname}", &data),
                SM_ERR_INPUT, "source and target belong together");
    check_fails(
        load_yaml("dataset: {name: parallel_text, source: /nonexistent, target: /etc/x}", &data),
        SM_ERR_INPUT, "cannot read /nonexistent: No such file");
}

static void
without_paths_the_extractor_is_named_until_it_has_run(void **state)
{
    (void)state;
    struct sm_data data;
    char folder[] = "/tmp/slowmo-cache-XXXXXX";
    assert_non_null(mkdtemp(folder));
    assert_int_equal(setenv("XDG_CACHE_HOME", folder, 1), 0);
    check_fails(load_yaml("dataset: parallel_text", &data), SM_ERR_INPUT,
                "/slowmo/libreoffice_help/english.txt: No such file or directory; "
                "analysis/libreoffice_help.sh makes it");
    assert_int_equal(unsetenv("XDG_CACHE_HOME"), 0);
    assert_int_equal(setenv("HOME", folder, 1), 0);
    check_fails(load_yaml("dataset: parallel_text", &data), SM_ERR_INPUT,
                "/.cache/slowmo/libreoffice_help/english.txt: No such file");
    assert_non_null(strstr(sm_error_last()->message, folder));
    assert_int_equal(rmdir(folder), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pair_is_source_end_padding_begin_target_end_padding),
        cmocka_unit_test(test_pairs_come_once_and_are_the_same_every_time),
        cmocka_unit_test(pairs_that_are_too_long_or_empty_on_one_side_are_left_out),
        cmocka_unit_test(files_that_do_not_pair_are_one_clear_line),
        cmocka_unit_test(without_paths_the_extractor_is_named_until_it_has_run),
    };
    return cmocka_run_group_tests_name("parallel_text", tests, setup, teardown);
}
