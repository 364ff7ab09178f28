/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/integration/networks.c -- whole runs of networks: threads, running statistics, divergence,
 * sequences. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/helpers/check.h"
#include "tests/helpers/training.h"

static char folder[] = "/tmp/slowmo-networks-XXXXXX";
static char path[256], english[256], german[256];

/* 16x16 images, so that a residual net with batch norm takes a fraction of a second. */
#define IMAGES "dataset: {name: synthetic, features: [16, 16, 1], train: 512, test: 100}"
#define RESNET "model: {name: resnet8, channels: [16, 16, 16]}, " IMAGES

static int
setup(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL)
        return 1;
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    snprintf(english, sizeof english, "%s/english", folder);
    snprintf(german, sizeof german, "%s/german", folder);
    FILE *from = fopen(english, "w"), *to = fopen(german, "w");
    for (int i = 0; from != NULL && to != NULL && i < 400; i++) { /* pairs without a double */
        fprintf(from, "the %c %c dog %d\n", 'a' + i % 26, 'a' + i / 26, i);
        fprintf(to, "der %c %c hund %d\n", 'a' + i % 26, 'a' + i / 26, i);
    }
    return from == NULL || to == NULL || fclose(from) != 0 || fclose(to) != 0;
}

static int
teardown(void **state)
{
    (void)state;
    unlink(path);
    unlink(english);
    unlink(german);
    return rmdir(folder);
}

#define SMALL "width: 32, layers: 1, heads: 2, hidden: 32, dropout: 0.1"

/* The i-th workload as YAML; NULL past the last. */
static const char *
workload_at(size_t i)
{
    static char text[1024];
    switch (i) {
    case 0:
        return "{model: lenet, " IMAGES ", batch: 8}";
    case 1:
        return "{" RESNET ", batch: 8, augmentation: crop_flip}";
    case 2:
        snprintf(text, sizeof text,
                 "{model: {name: transformer_lm, " SMALL
                 "}, dataset: {name: text, path: \"%s\", length: 16}, batch: 4}",
                 english);
        return text;
    case 3:
        snprintf(text, sizeof text,
                 "{model: {name: transformer, " SMALL
                 "}, dataset: {name: parallel_text, source: \"%s\", target: \"%s\", tokens: 272, "
                 "test: 20}, batch: 4}",
                 english, german);
        return text;
    default:
        return NULL;
    }
}

static void
networks_end_with_the_same_bits_for_any_number_of_threads(void **state)
{
    (void)state;
    for (size_t i = 0; workload_at(i) != NULL; i++) {
        enum { COUNTS = CHECK_STRIDE > 1 ? 2 : 3 };
        struct training *runs[COUNTS];
        for (size_t t = 0; t < COUNTS; t++) {
            const struct training_how how = {.threads = t + 1};
            runs[t] = training_run(&how,
                                   "{steps: 6, platform: {file: star_4}, workload: %s, algorithm: "
                                   "{strategy: sgp, outer: slowmo, tau: 3}}",
                                   workload_at(i));
            check_ok(runs[t]->status);
            assert_string_equal(runs[t]->state, "finished");
            assert_string_equal(runs[t]->hash, runs[0]->hash);
        }
        for (size_t t = 0; t < COUNTS; t++)
            free(runs[t]);
    }
}

static void
sequences_have_a_perplexity_and_translations_a_bleu(void **state)
{
    (void)state;
    for (size_t i = 0; workload_at(i) != NULL; i++) {
        struct training *run =
            train("{steps: 40, platform: {file: star_2}, workload: %s, algorithm: {inner: {name: "
                  "adam, lr: 0.003}, strategy: allreduce, outer: none}, evaluate: {every: 20}}",
                  workload_at(i));
        const struct sm_evaluation *start = &run->evaluations[0], *end = training_last(run);
        if (i < 2) {
            assert_true(isnan(end->test_perplexity));
        } else {
            check_near(end->test_perplexity, exp(end->test_loss), 1e-9);
            assert_true(end->test_perplexity < 0.8 * start->test_perplexity);
        }
        assert_true(isnan(end->test_bleu) == (i != 3));
        free(run);
    }
}

/* 4 workers, 2 rounds: each sends 2 (m - 1)/m of its parameters and of its running statistics. A
 * gradient has no statistics. */
static void
running_statistics_cost_their_bytes_when_a_model_is_sent(void **state)
{
    (void)state;
    struct training *models =
        train("{steps: 4, platform: {file: star_4}, timing: {profile: own}, workload: {" RESNET
              ", batch: 8}, algorithm: {strategy: local, outer: average, "
              "tau: 2}}");
    struct training *gradients =
        train("{steps: 4, platform: {file: star_4}, timing: {profile: own}, workload: {" RESNET
              ", batch: 8}, algorithm: {strategy: allreduce, outer: "
              "none}}");
    const double n = (double)models->parameters;
    const double statistics = 2 * 16 * 9; /* mean and variance, 9 norms of 16 channels */
    check_near(gradients->bytes, 4 * 1.5 * 4 * n, 1);
    check_near(models->bytes, 2 * 1.5 * 4 * (n + statistics), 1);
    free(models);
    free(gradients);
}

static void
a_saved_network_goes_on_with_its_running_statistics(void **state)
{
    (void)state;
    const struct training_how saves = {.save = path}, loads = {.load = path};
    struct training *first = training_run(
        &saves, "{steps: 12, platform: {file: star_2}, workload: {" RESNET ", batch: 16}, "
                "algorithm: {strategy: allreduce, outer: none}}");
    check_ok(first->status);
    struct training *next = training_run(
        &loads, "{steps: 1, platform: {file: star_2}, workload: {" RESNET ", batch: 16}, "
                "algorithm: {strategy: allreduce, outer: none}}");
    check_ok(next->status);
    const struct sm_evaluation *end = training_last(first), *start = &next->evaluations[0];
    check_near(start->test_loss, end->test_loss, 0);
    check_near(start->test_accuracy, end->test_accuracy, 0);
    free(first);
    free(next);
}

static void
a_network_that_diverges_says_at_which_step_and_leaves_no_nan(void **state)
{
    (void)state;
    const struct training_how how = {0};
    struct training *run = training_run(
        &how, "{steps: 40, platform: {file: star_2}, workload: {model: lenet, " IMAGES
              ", batch: 8}, algorithm: {inner: {name: sgd, lr: 1e5}, strategy: allreduce, outer: "
              "none}, evaluate: {every: 1}}");
    check_ok(run->status);
    assert_string_equal(run->state, "diverged");
    assert_non_null(strstr(run->error.message, "step"));
    for (size_t i = 0; i < run->evaluation_count; i++)
        assert_true(isfinite(run->evaluations[i].test_loss));
    free(run);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(networks_end_with_the_same_bits_for_any_number_of_threads),
        cmocka_unit_test(sequences_have_a_perplexity_and_translations_a_bleu),
        cmocka_unit_test(running_statistics_cost_their_bytes_when_a_model_is_sent),
        cmocka_unit_test(a_saved_network_goes_on_with_its_running_statistics),
        cmocka_unit_test(a_network_that_diverges_says_at_which_step_and_leaves_no_nan),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
