/* SPDX-License-Identifier: GPL-3.0-or-later */
/* algorithms/period/adacomm.c -- rounds that get shorter as the loss falls.
 *
 *   tau_l = ceil(sqrt(gamma_0 / gamma_l  F_l / F_0) tau_0)
 *
 * decided anew when an interval of `every` has passed; F is the mean loss of the round before, of
 * the first round for F_0. Where that is no shorter than tau_{l-1}, tau_l = ceil(factor tau_{l-1}),
 * unless the learning rate has been lowered meanwhile: the models drift apart more slowly then, and
 * rounds may be longer. gamma_0 is the largest rate so far, so that a warm-up plays no part.
 *
 * The paper's intervals are of wall-clock time, 60 s; ours are of steps, so that the numbers of a
 * run do not depend on the machine it is simulated on. Timing only has no loss: tau_0 stays.
 * Source: Wang, Joshi, MLSys 2019, arXiv:1810.08313, sec. 4.
 */
#include <math.h>

#include "algorithms/period/period.h"
#include "algorithms/schedule/schedule.h"

struct adacomm {
    size_t tau;
    double every, factor; /* settings, as tau                                      */
    size_t length;        /* tau_l; 0 before the run                               */
    size_t interval;      /* l                                                     */
    double first_loss;    /* F_0 where known                                       */
    bool known;           /* whether a round has ended                             */
    double peak, rate;    /* schedule's factor: largest so far, at the last decision */
};

static const struct sm_param adacomm_params[] = {
    SM_PARAM(struct adacomm, tau, 16, 1, 1e12, "inner steps a round at the start"),
    SM_PARAM(struct adacomm, every, 0.05, 0, 1e12,
             "between decisions: up to 1 a share of the run, above 1 steps; 0: every round"),
    SM_PARAM(struct adacomm, factor, 0.5, 0, 1,
             "of the steps a round when the loss has not fallen"),
    SM_PARAM_END,
};

static size_t
adacomm_decide(struct adacomm *s, const struct sm_round_start *start)
{
    const bool lowered = start->factor < s->rate;
    const double ratio = s->peak / start->factor * start->loss / s->first_loss;
    const double wanted = ceil(sqrt(ratio) * (double)s->tau), before = (double)s->length;
    s->rate = start->factor;
    if (!isfinite(wanted)) /* a first loss or a learning rate of 0 */
        return s->length;
    const double steps = wanted < before || lowered ? wanted : ceil(s->factor * before);
    return (size_t)fmax(1, fmin(steps, (double)start->steps));
}

static size_t
adacomm_length(void *state, const struct sm_round_start *start)
{
    struct adacomm *s = state;
    const double every = fmax(1, sm_schedule_point(s->every, start->steps));
    const size_t interval = (size_t)((double)start->step / every);
    const bool due = s->known && interval > s->interval;
    s->peak = fmax(s->peak, start->factor);
    if (s->length == 0) {
        s->length = s->tau;
        s->rate = start->factor;
    }
    if (isnan(start->loss))
        return s->length;
    if (!s->known)
        s->first_loss = start->loss;
    s->known = true;
    if (due)
        s->length = adacomm_decide(s, start);
    s->interval = interval;
    return s->length;
}

static size_t
adacomm_settled(const void *settings, size_t steps)
{
    (void)settings;
    (void)steps;
    return 0;
}

const struct sm_period sm_period_adacomm = {
    .about = {.name = "adacomm",
              .doc = "rounds get shorter as the loss falls, longer where the learning rate does",
              .source = "Wang, Joshi, MLSys 2019, arXiv:1810.08313, sec. 4 (AdaComm)",
              .state_size = sizeof(struct adacomm),
              .params = adacomm_params},
    .asks_for_loss = true,
    .length = adacomm_length,
    .settled = adacomm_settled,
};
