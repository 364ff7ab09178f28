/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/metrics/metrics.c -- sums over slices, and what is quoted of them. */
#include <math.h>

#include "workloads/metrics/bleu.h"
#include "workloads/workload.h"

void
sm_metrics_add(struct sm_metrics *sum, const struct sm_metrics *part)
{
    sum->loss += part->loss;
    sum->correct += part->correct;
    sum->count += part->count;
    sum->classifies = part->classifies;
    sum->sequences = part->sequences;
    for (size_t n = 0; n < 4; n++) {
        sum->bleu.matches[n] += part->bleu.matches[n];
        sum->bleu.totals[n] += part->bleu.totals[n];
    }
    sum->bleu.hypothesis += part->bleu.hypothesis;
    sum->bleu.reference += part->bleu.reference;
}

double
sm_metrics_loss(const struct sm_metrics *metrics)
{
    return metrics->loss / (double)metrics->count;
}

double
sm_metrics_accuracy(const struct sm_metrics *metrics)
{
    return metrics->classifies ? metrics->correct / (double)metrics->count : (double)NAN;
}

double
sm_metrics_perplexity(const struct sm_metrics *metrics)
{
    return metrics->sequences ? exp(sm_metrics_loss(metrics)) : (double)NAN;
}

double
sm_metrics_bleu(const struct sm_metrics *metrics)
{
    return sm_bleu_score(&metrics->bleu);
}
