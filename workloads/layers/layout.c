/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/layers/layout.c -- the flat vector of a model under construction: see sequence.h. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "workloads/layers/sequence.h"

enum sm_status
sm_layout_init(struct sm_layout *layout, struct sm_arena *arena, size_t most)
{
    *layout = (struct sm_layout){
        .arena = arena,
        .tensors = sm_arena_alloc(arena, most, sizeof *layout->tensors),
        .starts = sm_arena_alloc(arena, most, sizeof *layout->starts),
        .most = most,
    };
    if (layout->tensors == NULL || layout->starts == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "model: no memory for %zu tensors", most);
    return SM_OK;
}

size_t
sm_layout_add(struct sm_layout *layout, size_t rows, size_t columns, bool panels,
              enum sm_start start, const char *format, ...)
{
    char name[128];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(name, sizeof name, format, arguments);
    va_end(arguments);
    const size_t at = layout->floats;
    const char *kept = sm_arena_strdup(layout->arena, name);
    if (kept == NULL || layout->count == layout->most) {
        layout->status = SM_FAIL(SM_ERR_NOMEM, "model: no memory for tensor %s", name);
        return at;
    }
    layout->starts[layout->count] = start;
    layout->tensors[layout->count++] =
        (struct sm_tensor){kept, at, columns > 0 ? 2 : 1, {rows, columns}, .panels = panels};
    layout->floats += columns > 0 ? rows * columns : rows;
    return at;
}

void
sm_layout_initial(const struct sm_layout *layout, struct sm_rng *rng, double sigma, float *x)
{
    for (size_t t = 0; t < layout->count; t++) {
        const struct sm_tensor *tensor = &layout->tensors[t];
        const double bound = sqrt(6.0 / (double)(tensor->shape[0] + tensor->shape[1]));
        float *to = x + tensor->offset;
        for (size_t i = 0; i < sm_tensor_size(tensor); i++)
            switch (layout->starts[t]) {
            case SM_START_ZERO:
                to[i] = 0.0f;
                break;
            case SM_START_ONE:
                to[i] = 1.0f;
                break;
            case SM_START_GLOROT:
                to[i] = (float)(bound * (2.0 * sm_rng_uniform(rng) - 1.0));
                break;
            case SM_START_NORMAL:
                to[i] = (float)sm_rng_normal(rng, sigma);
                break;
            }
    }
}
