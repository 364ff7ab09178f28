/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/bleu.c -- words as mteval-v13a cuts them, and scores worked out by hand. */
#include <math.h>
#include <string.h>

#include "tests/helpers/arena.h"
#include "tests/helpers/check.h"
#include "workloads/metrics/bleu.h"

static void
words_are_cut_as_mteval_does(void **state)
{
    (void)state;
    const char *const cases[][2] = {
        {"", ""},
        {"  two\twords \n", "two words"},
        {"\"Hello,\" he said (twice).", "\" Hello , \" he said ( twice ) ."},
        /* stops and commas stay between digits, a dash behind one does not; ' never goes */
        {"3.14, 1,000 and 5-6 co-op it's", "3.14 , 1,000 and 5 - 6 co-op it's"},
        {"z.B. 10. Mai...", "z . B . 10 . Mai . . ."},
        {".5 5.", ". 5 5 ."},
        {"5-- --", "5 - - --"},
        /* what one rule has matched it does not look at again */
        {"a.,5 1.,2 1..2", "a . ,5 1 . , 2 1 . . 2"},
        {"a&b [x]{y} c/d ~`^_|\\<=>?@#$%*+:;!", "a & b [ x ] { y } c / d ~ ` ^ _ | \\ < = > ? @ # "
                                                "$ % * + : ; !"},
        /* &amp; comes before &lt; */
        {"&quot;x&quot; &amp;lt; &gt;&amp; <skipped>y", "\" x \" < > & y"},
        {"Zeilen-\numbruch\nhier", "Zeilenumbruch hier"},
        /* white space of Unicode: no-break, thin, ideographic; other letters stay as they are */
        {"z.\xc2\xa0"
         "B.\xe2\x80\x89\xc3\xbc"
         "ber\xe3\x80\x80\xe2\x80\x9exy\xe2\x80\x9c",
         "z . B . \xc3\xbc"
         "ber \xe2\x80\x9exy\xe2\x80\x9c"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(sm_bleu_words(cases[i][0], &arena), cases[i][1]);
}

static struct sm_bleu
count(const char *hypothesis, const char *reference)
{
    struct sm_bleu bleu = {.hypothesis = 0};
    check_ok(sm_bleu_add(&bleu, hypothesis, reference, &arena));
    return bleu;
}

static void
check_counts(const struct sm_bleu *bleu, const size_t matches[4], const size_t totals[4])
{
    for (size_t n = 0; n < 4; n++) {
        assert_int_equal(bleu->matches[n], matches[n]);
        assert_int_equal(bleu->totals[n], totals[n]);
    }
}

static void
an_n_gram_is_found_as_often_as_the_reference_has_it(void **state)
{
    (void)state;
    /* the example of Papineni et al., section 2.1, with `The` another word than `the` */
    struct sm_bleu bleu = count("the the the the the the the", "The cat is on the mat.");
    check_counts(&bleu, (size_t[]){1, 0, 0, 0}, (size_t[]){7, 6, 5, 4});
    assert_int_equal(bleu.hypothesis, 7);
    assert_int_equal(bleu.reference, 7);
    bleu = count("a a b a a b", "a a a b a");
    check_counts(&bleu, (size_t[]){5, 4, 2, 1}, (size_t[]){6, 5, 4, 3});
    bleu = count("the cat", "the cats at");
    check_counts(&bleu, (size_t[]){1, 0, 0, 0}, (size_t[]){2, 1, 0, 0});
}

static double
score(const char *hypothesis, const char *reference)
{
    const struct sm_bleu bleu = count(hypothesis, reference);
    return sm_bleu_score(&bleu);
}

static void
scores_are_those_worked_out_by_hand(void **state)
{
    (void)state;
    check_near(score("the cat is on the mat", "the cat is on the mat"), 100, 1e-12);
    /* 5/6, 3/5, 1/4, none of 3: 1/(2 3); equally long */
    check_near(score("the cat sat on the mat", "the cat is on the mat"),
               100 * pow(5.0 / 6 * 3 / 5 * 1 / 4 * 1 / 6, 0.25), 1e-12);
    /* all there, but 4 words where there should be 6 */
    check_near(score("the cat is on", "the cat is on the mat"), 100 * exp(1 - 6.0 / 4), 1e-12);
    /* longer than the reference: no penalty but the precision: 6/7, 5/6, 4/5, 3/4 */
    check_near(score("the cat is on the mat now", "the cat is on the mat"),
               100 * pow(3.0 / 7, 0.25), 1e-12);
    /* 3/5, then none of 4, 3 and 2: 1/(2 4), 1/(4 3), 1/(8 2) */
    check_near(score("a b c d e", "a x c y e"),
               100 * pow(3.0 / 5 / (2 * 4) / (4 * 3) / (8 * 2), 0.25), 1e-12);
    check_near(score("entirely other words here", "the cat is on the mat"), 0, 0);
    check_near(score("the cat is", "the cat is"), 0, 0); /* no four words in the whole corpus */
    check_near(score("", "the cat is on the mat"), 0, 0);
    assert_true(isnan(score("", "")));
}

static void
sentences_and_slices_add_up_before_the_score(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {{"the cat is on the mat", "the cat is on the mat"},
                                           {"a dog", "the dog barks"},
                                           {"it rains today, again", "it rains again today ."}};
    struct sm_metrics sum = {.count = 0};
    struct sm_bleu all = {.hypothesis = 0};
    for (size_t i = 0; i < 3; i++) {
        const struct sm_metrics part = {.bleu = count(pairs[i][0], pairs[i][1]), .count = 1};
        sm_metrics_add(&sum, &part);
        check_ok(sm_bleu_add(&all, pairs[i][0], pairs[i][1], &arena));
    }
    /* words: it rains today , again, and it rains again today . */
    check_counts(&all, (size_t[]){6 + 1 + 4, 5 + 0 + 1, 4, 3},
                 (size_t[]){6 + 2 + 5, 5 + 1 + 4, 4 + 0 + 3, 3 + 0 + 2});
    const double expected =
        100 * exp(1 - 14.0 / 13) * pow(11.0 / 13 * 6 / 10 * 4 / 7 * 3 / 5, 0.25);
    check_near(sm_bleu_score(&all), expected, 1e-12);
    check_near(sm_metrics_bleu(&sum), expected, 1e-12);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_cut_as_mteval_does),
        cmocka_unit_test(an_n_gram_is_found_as_often_as_the_reference_has_it),
        cmocka_unit_test(scores_are_those_worked_out_by_hand),
        cmocka_unit_test(sentences_and_slices_add_up_before_the_score),
    };
    return cmocka_run_group_tests_name("bleu", tests, NULL, arena_teardown);
}
