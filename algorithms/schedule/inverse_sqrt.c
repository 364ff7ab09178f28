/* SPDX-License-Identifier: GPL-3.0-or-later */
/* algorithms/schedule/inverse_sqrt.c -- linear warm-up, then 1 / sqrt(steps).
 *
 * min((k + 1) / warmup, sqrt(warmup / (k + 1))), which is 1 at the last step of the warm-up; the
 * paper has d_model^-1/2 warmup^-1/2 in lr's place. Source: Vaswani et al., NeurIPS 2017,
 * arXiv:1706.03762, eq. 3; the language runs of the SlowMo paper use it.
 */
#include <math.h>

#include "algorithms/schedule/schedule.h"

struct inverse_sqrt {
    double warmup;
};

static const struct sm_param inverse_sqrt_params[] = {
    SM_PARAM(struct inverse_sqrt, warmup, 0.04, 0, 1e12,
             "linear warm-up: up to 1 a share of the run, above 1 steps; 0: one step"),
    SM_PARAM_END,
};

static double
inverse_sqrt_factor(const void *state, size_t k, size_t steps)
{
    const struct inverse_sqrt *s = state;
    const double warmup = fmax(1, sm_schedule_point(s->warmup, steps)), done = (double)k + 1;
    return done < warmup ? done / warmup : sqrt(warmup / done);
}

const struct sm_schedule sm_schedule_inverse_sqrt = {
    .about = {.name = "inverse_sqrt",
              .doc = "linear warm-up, then one over the square root of the steps",
              .source = "Vaswani et al., NeurIPS 2017, arXiv:1706.03762, eq. 3",
              .state_size = sizeof(struct inverse_sqrt),
              .params = inverse_sqrt_params},
    .factor = inverse_sqrt_factor,
};
