/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/kernels/isa.c -- see isa.h. */
#include "workloads/kernels/isa.h"

#include <assert.h>
#include <stdatomic.h>

static atomic_int chosen = SM_ISAS; /* SM_ISAS: nobody has asked yet */

bool
sm_isa_available(enum sm_isa isa)
{
    switch (isa) {
    case SM_ISA_BASELINE:
        return true;
#if defined(__x86_64__)
    case SM_ISA_AVX2:
        return __builtin_cpu_supports("x86-64-v3");
    case SM_ISA_AVX512:
        return __builtin_cpu_supports("x86-64-v4");
#endif
    default:
        return false;
    }
}

enum sm_isa
sm_isa(void)
{
    int isa = atomic_load_explicit(&chosen, memory_order_relaxed);
    if (isa == SM_ISAS) {
        do
            isa--;
        while (!sm_isa_available((enum sm_isa)isa));
        sm_isa_choose((enum sm_isa)isa); /* threads that race here agree */
    }
    return (enum sm_isa)isa;
}

const char *
sm_isa_name(enum sm_isa isa)
{
    static const char *const names[SM_ISAS] = {"baseline", "avx2", "avx512"};
    return names[isa];
}

void
sm_isa_choose(enum sm_isa isa)
{
    assert(sm_isa_available(isa));
    atomic_store_explicit(&chosen, isa, memory_order_relaxed);
}
