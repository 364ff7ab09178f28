/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/kernels/isa.h -- which instruction set the kernels of isa/ run on.
 *
 * Each is compiled for every set below and chosen at the first call: the best that this processor
 * has. Sets with fused multiply-add give the same bits; the baseline on x86, without, others.
 */
#ifndef SM_WORKLOADS_KERNELS_ISA_H
#define SM_WORKLOADS_KERNELS_ISA_H

#include <stdbool.h>

enum sm_isa {
    SM_ISA_BASELINE, /* what the compiler takes for granted: SSE2, NEON */
    SM_ISA_AVX2,     /* x86-64-v3: AVX2 and FMA                          */
    SM_ISA_AVX512,   /* x86-64-v4                                        */
    SM_ISAS
};

/* The set in use. */
enum sm_isa sm_isa(void);
/* "baseline", "avx2", "avx512" */
const char *sm_isa_name(enum sm_isa isa);
/* Whether this processor, and this build, has it. */
bool sm_isa_available(enum sm_isa isa);
/* Tests and benchmarks: an available set for every later call, of any thread. */
void sm_isa_choose(enum sm_isa isa);

#endif
