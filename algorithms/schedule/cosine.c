/* SPDX-License-Identifier: GPL-3.0-or-later */
/* algorithms/schedule/cosine.c -- half a cosine from 1 down to a floor, after a linear warm-up.
 *
 *   floor + (1 - floor) (1 + cos(pi p)) / 2,    p from 0 where the warm-up ends to 1 after the run
 *
 * Source: Loshchilov, Hutter, ICLR 2017, arXiv:1608.03983, eq. 5, one cycle.
 */
#include <math.h>

#include "algorithms/schedule/schedule.h"

struct cosine {
    double warmup, floor;
};

static const struct sm_param cosine_params[] = {
    SM_PARAM(struct cosine, warmup, 0, 0, 1e12,
             "linear warm-up: up to 1 a share of the run, above 1 steps"),
    SM_PARAM(struct cosine, floor, 0, 0, 1, "where the cosine ends, as a share of lr"),
    SM_PARAM_END,
};

static double
cosine_factor(const void *state, size_t k, size_t steps)
{
    const struct cosine *s = state;
    const double from = sm_schedule_point(s->warmup, steps), to = (double)steps;
    if ((double)k <= from)
        return sm_schedule_warmup(s->warmup, k, steps);
    if ((double)k >= to)
        return s->floor;
    /* a square of the half angle: 1 + cos rounds to 0 near the end, where a rate may not be 0 */
    const double root = cos(M_PI_2 * ((double)k - from) / (to - from));
    return s->floor + (1 - s->floor) * root * root;
}

const struct sm_schedule sm_schedule_cosine = {
    .about = {.name = "cosine",
              .doc = "linear warm-up, then half a cosine down to a floor",
              .source = "Loshchilov, Hutter, ICLR 2017, arXiv:1608.03983, eq. 5",
              .state_size = sizeof(struct cosine),
              .params = cosine_params},
    .factor = cosine_factor,
};
