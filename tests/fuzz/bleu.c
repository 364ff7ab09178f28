/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/fuzz/bleu.c -- a hypothesis and a reference with a zero between them. */
#include <math.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "workloads/metrics/bleu.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sm_arena arena = {0};
    struct sm_bleu bleu = {.hypothesis = 0}, same = {.hypothesis = 0};
    const char *hypothesis = sm_arena_strndup(&arena, (const char *)data, size);
    const size_t length = strlen(hypothesis);
    const char *reference = length < size ? hypothesis + length + 1 : "";
    FUZZ_CHECK(sm_bleu_add(&bleu, hypothesis, reference, &arena) == SM_OK);
    for (size_t n = 0; n < 4; n++)
        FUZZ_CHECK(bleu.matches[n] <= bleu.totals[n] && bleu.totals[n] <= bleu.hypothesis);
    const double score = sm_bleu_score(&bleu);
    FUZZ_CHECK(isnan(score) || (score >= 0 && score <= 100.000001));
    FUZZ_CHECK(sm_bleu_add(&same, hypothesis, hypothesis, &arena) == SM_OK);
    FUZZ_CHECK(same.totals[3] == 0 || fabs(sm_bleu_score(&same) - 100) < 1e-9);
    sm_arena_fini(&arena);
    return 0;
}
