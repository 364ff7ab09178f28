/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/metrics/bleu.c -- see bleu.h. */
#include "workloads/metrics/bleu.h"

#include <math.h>

double
sm_bleu_score(const struct sm_bleu *bleu)
{
    if (bleu->reference == 0)
        return (double)NAN;
    double logs = 0;
    for (size_t n = 0; n < 4; n++)
        logs += log((double)bleu->matches[n] / (double)bleu->totals[n]) / 4;
    const double brevity = 1 - (double)bleu->reference / (double)bleu->hypothesis;
    return 100 * exp(fmin(0, brevity) + logs);
}
