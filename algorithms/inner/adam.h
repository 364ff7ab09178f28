/* SPDX-License-Identifier: GPL-3.0-or-later */
/* algorithms/inner/adam.h -- what adam and those that follow it share: two moments, corrected for
 * their start. */
#ifndef SM_ALGORITHMS_INNER_ADAM_H
#define SM_ALGORITHMS_INNER_ADAM_H

#include "algorithms/inner/inner.h"

struct sm_adam {
    float lr, beta1, beta2, epsilon, weight_decay; /* settings */
    size_t n;
    float *m, *v; /* (n) means of g and of g^2, both from 0  */
    float steps;  /* since both were 0                       */
};

enum sm_status sm_adam_init(void *state, const struct sm_setup *setup);
bool sm_adam_buffer(void *state, size_t i, struct sm_buffer *buffer);
/* One step along g (n) + coupled x (n), after x has shrunk by the share `decoupled`. */
void sm_adam_step(struct sm_adam *adam, size_t n, float gamma, float coupled, float decoupled,
                  const float *g, float *x);
/* m, v (n) take in g (n), which becomes the direction m / (sqrt(v) + epsilon), both corrected for
 * the steps that the caller has counted. */
void sm_adam_direction(const struct sm_adam *adam, size_t n, float *g, float *m, float *v);

#endif
