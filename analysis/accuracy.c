/* SPDX-License-Identifier: GPL-3.0-or-later */
/* analysis/accuracy.c -- when a run reaches an accuracy, and which accuracy all reach. */
#include "analysis/analysis.h"

#include <math.h>
#include <string.h>

double
sm_time_to_accuracy(const struct sm_evaluation *evaluations, size_t count, double target,
                    double *step)
{
    const struct sm_evaluation *before = NULL;
    for (size_t i = 0; i < count; i++) {
        const struct sm_evaluation *now = &evaluations[i];
        if (isnan(now->test_accuracy))
            continue;
        if (now->test_accuracy >= target) {
            /* the share of the way from the point before to this one; without one, this point */
            double share = 1, since_step = 0, since = 0;
            if (before != NULL) {
                share =
                    (target - before->test_accuracy) / (now->test_accuracy - before->test_accuracy);
                since_step = (double)before->step;
                since = before->sim_seconds;
            }
            if (step != NULL)
                *step = since_step + share * ((double)now->step - since_step);
            return since + share * (now->sim_seconds - since);
        }
        before = now;
    }
    if (step != NULL)
        *step = NAN;
    return NAN;
}

static double
highest_accuracy(const struct sm_stored_run *run)
{
    double highest = NAN;
    for (size_t i = 0; i < run->evaluation_count; i++)
        highest = fmax(highest, run->evaluations[i].test_accuracy); /* fmax prefers numbers */
    return highest;
}

bool
sm_run_finished(const struct sm_stored_run *run)
{
    return run->summary.status != NULL && strcmp(run->summary.status, "finished") == 0;
}

double
sm_common_target(const struct sm_stored_run *runs, size_t count)
{
    double lowest = INFINITY;
    for (size_t i = 0; i < count; i++) {
        if (!sm_run_finished(&runs[i]))
            continue;
        double highest = highest_accuracy(&runs[i]);
        if (isnan(highest))
            return NAN;
        lowest = fmin(lowest, highest);
    }
    if (isinf(lowest))
        return NAN;
    double percent = floor(100 * lowest + 0.5); /* 100 * 0.57 is below 57 */
    return percent / 100 > lowest ? (percent - 1) / 100 : percent / 100;
}
