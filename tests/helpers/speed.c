/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/helpers/speed.c -- see speed.h. */
#include "tests/helpers/speed.h"

#include <stdlib.h>
#include <time.h>

double
cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int
ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double
median(double *x, size_t n)
{
    qsort(x, n, sizeof *x, ascending);
    return 0.5 * (x[(n - 1) / 2] + x[n / 2]);
}

#if defined(__x86_64__)
enum { ROUNDS = 9, CHAINS = 12, TURNS = 1000000 };

/* FLOP/s of CHAINS chains of multiply-adds of `lanes` floats. */
#define PEAK_OF(lanes, isa)                                                                        \
    __attribute__((target("arch=" isa))) static double peak_of_##lanes(void)                       \
    {                                                                                              \
        typedef float vector __attribute__((vector_size(4 * lanes)));                              \
        vector sum[CHAINS] = {0}, one = {0};                                                       \
        double best = 0;                                                                           \
        for (int round = 0; round < ROUNDS; round++) {                                             \
            const double start = cpu_seconds();                                                    \
            for (int turn = 0; turn < TURNS; turn++)                                               \
                _Pragma("GCC unroll 12") for (int c = 0; c < CHAINS; c++) __asm__ volatile(        \
                    "vfmadd231ps %1, %1, %0" : "+v"(sum[c]) : "v"(one));                           \
            const double rate = CHAINS * 2.0 * lanes * TURNS / (cpu_seconds() - start);            \
            best = rate > best ? rate : best;                                                      \
        }                                                                                          \
        return best;                                                                               \
    }
PEAK_OF(8, "x86-64-v3")
PEAK_OF(16, "x86-64-v4")

double
fma_peak(void)
{
    return __builtin_cpu_supports("x86-64-v4")   ? peak_of_16()
           : __builtin_cpu_supports("x86-64-v3") ? peak_of_8()
                                                 : 0;
}
#else
double
fma_peak(void)
{
    return 0;
}
#endif
