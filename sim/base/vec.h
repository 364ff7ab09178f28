/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/base/vec.h -- flat vectors of floats; sums run in a fixed order. */
#ifndef SM_BASE_VEC_H
#define SM_BASE_VEC_H

#include <stdbool.h>
#include <stddef.h>

/* y (n) += a x (n) */
void sm_vec_axpy(size_t n, float a, const float *x, float *y);
/* x (n) *= a */
void sm_vec_scale(size_t n, float a, float *x);
/* x (n) *= a, and y (n) = the new x, in one pass */
void sm_vec_scale_and_copy(size_t n, float a, float *x, float *y);
/* y (n) = a x (n); y may be x */
void sm_vec_scaled_copy(size_t n, float a, const float *x, float *y);

/* Every x[r], r = 0..m-1, becomes the mean of all, elements [begin, end) only. Summed in rank order
 * in double, so m equal vectors stay what they were and slices may run on any thread. */
void sm_vec_mean(size_t m, float *const *x, size_t begin, size_t end);
/* out (n) = mean of x[r] (n), read only; the same order and bits. */
void sm_vec_mean_into(size_t m, const float *const *x, size_t n, float *out);
/* sum_i (x_i - y_i)^2 in double, in index order. */
double sm_vec_distance2(size_t n, const float *x, const float *y);
/* Square of the length in double: lane l sums x_i^2 of i = l, l + SM_VEC_LANES, ..., and then the
 * lanes are summed in order. */
enum { SM_VEC_LANES = 16 };
double sm_vec_norm2(size_t n, const float *x);
bool sm_vec_finite(size_t n, const float *x);

#endif
