/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/helpers/kernels.c -- see kernels.h. */
#include "tests/helpers/kernels.h"

#include <math.h>

#include "tests/helpers/check.h"

enum sm_isa
choose_isa_from(enum sm_isa isa)
{
    enum sm_isa best = SM_ISA_BASELINE;
    for (enum sm_isa i = SM_ISA_BASELINE; i < SM_ISAS; i++)
        best = sm_isa_available(i) ? i : best;
    while (isa < SM_ISAS && !sm_isa_available(isa))
        isa++;
    sm_isa_choose(isa < SM_ISAS ? isa : best);
    return isa;
}

void
check_floats(const float *actual, const float *expected, size_t n, double tolerance)
{
    for (size_t i = 0; i < n; i++)
        if (!(fabs((double)actual[i] - (double)expected[i]) <= tolerance))
            check_near((double)actual[i], (double)expected[i], tolerance);
}

double
sum_tolerance(size_t n)
{
    return 2e-7 * (double)n + 1e-5;
}
