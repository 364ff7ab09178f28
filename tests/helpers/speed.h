/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/helpers/speed.h -- what benchmarks measure with: CPU seconds, medians, the FMA peak. */
#ifndef SM_TESTS_HELPERS_SPEED_H
#define SM_TESTS_HELPERS_SPEED_H

#include <stddef.h>

/* CPU time of the calling thread: other work on the machine does not count. */
double cpu_seconds(void);
/* Of x (n), which is sorted on the way. */
double median(double *x, size_t n);
/* Most FLOP/s of one thread: the best of a few rounds of independent multiply-adds, as wide as the
 * processor has them. 0 where it has none, or the compiler cannot name them. */
double fma_peak(void);

#endif
