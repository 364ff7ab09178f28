/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/helpers/kernels.h -- what tests of kernels share: every instruction set, and how near. */
#ifndef SM_TESTS_HELPERS_KERNELS_H
#define SM_TESTS_HELPERS_KERNELS_H

#include <stddef.h>

#include "workloads/kernels/isa.h"

/* The block that follows runs once on each set of instructions that this processor has; afterwards
 * the best is chosen again. Do not break out of it. */
#define FOR_EACH_ISA(isa)                                                                          \
    for (enum sm_isa isa = choose_isa_from(SM_ISA_BASELINE); isa < SM_ISAS;                        \
         isa = choose_isa_from(isa + 1))

/* Chooses the first set from `isa` on that there is; past the last the best, and returns SM_ISAS.
 */
enum sm_isa choose_isa_from(enum sm_isa isa);

/* |actual - expected| <= tolerance, for each of n. */
void check_floats(const float *actual, const float *expected, size_t n, double tolerance);
/* Of a sum of n products of standard normal numbers: n roundings of partial sums near sqrt(n). */
double sum_tolerance(size_t n);

#endif
