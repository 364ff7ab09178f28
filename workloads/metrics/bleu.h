/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/metrics/bleu.h -- BLEU of translations.
 *
 * BLEU-4 of the whole test set with one reference a sentence, upper and lower case told apart
 * (Papineni, Roukos, Ward, Zhu, ACL 2002, section 2.3). Text is cut into words as mteval-v13a does,
 * and where no n-gram of a length is found its precision is 1 / (2 totals), 1 / (4 totals) the
 * second time and so on (Chen, Cherry, WMT 2014, method 3). This is what sacreBLEU (Post, WMT 2018)
 * calls nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp, its default.
 */
#ifndef SM_WORKLOADS_METRICS_BLEU_H
#define SM_WORKLOADS_METRICS_BLEU_H

#include "sim/base/status.h"
#include "workloads/workload.h"

/* Adds one sentence's counts; both are UTF-8. SM_ERR_NOMEM. O(words of both, multiplied). */
enum sm_status sm_bleu_add(struct sm_bleu *bleu, const char *hypothesis, const char *reference,
                           struct sm_arena *scratch);
/* 0 .. 100; 0 when not even a word was found; NaN when nothing was counted. */
double sm_bleu_score(const struct sm_bleu *bleu);

/* The words of text with one space between them, in arena; NULL: no memory. */
char *sm_bleu_words(const char *text, struct sm_arena *arena);

#endif
