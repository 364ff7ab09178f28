/* SPDX-License-Identifier: GPL-3.0-or-later */
/* algorithms/outer/nesterov.h -- what diloco and streaming_diloco share: the outer step. */
#ifndef SM_ALGORITHMS_OUTER_NESTEROV_H
#define SM_ALGORITHMS_OUTER_NESTEROV_H

#include <stddef.h>

/* SGD with Nesterov momentum along the pseudo-gradient d (n), the start of the round minus the mean
 * of the models:  b (n) <- mu b + d,  anchor (n) <- anchor - eta (d + mu b).
 * Source: Douillard et al. 2023, arXiv:2311.08105, Alg. 1, as torch.optim.SGD has it. */
void sm_outer_nesterov(size_t n, float eta, float mu, const float *d, float *b, float *anchor);

#endif
