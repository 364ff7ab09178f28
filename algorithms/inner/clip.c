/* SPDX-License-Identifier: GPL-3.0-or-later */
/* algorithms/inner/clip.c -- a gradient of bounded length, for every inner optimizer alike. */
#include <math.h>

#include "algorithms/inner/inner.h"
#include "sim/base/vec.h"

void
sm_inner_clip(size_t n, float most, float *g)
{
    const double length = sqrt(sm_vec_norm2(n, g));
    if (length > (double)most)
        sm_vec_scale(n, (float)((double)most / length), g);
}
