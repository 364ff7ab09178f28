/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/metrics/bleu.h -- BLEU of translations. */
#ifndef SM_WORKLOADS_METRICS_BLEU_H
#define SM_WORKLOADS_METRICS_BLEU_H

#include "sim/base/status.h"
#include "workloads/workload.h"

/* Adds one sentence's counts. SM_ERR_NOMEM. */
enum sm_status sm_bleu_add(struct sm_bleu *bleu, const char *hypothesis, const char *reference,
                           struct sm_arena *scratch);
/* 0 .. 100; NaN when nothing was counted. */
double sm_bleu_score(const struct sm_bleu *bleu);

#endif
