/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/models/softmax.c -- multinomial logistic regression: one dense layer, a convex loss.
 * Starts at zero, where every class is equally likely. */
#include "workloads/models/model.h"

#include <string.h>

#include "workloads/kernels/dense.h"
#include "workloads/kernels/kernels.h"

struct softmax {
    size_t in, out; /* fixed by configure */
    struct sm_tensor tensors[2];
};

static enum sm_status
softmax_configure(void *state, struct sm_arena *arena, const struct sm_data_shape *shape,
                  size_t workers, struct sm_model_form *form)
{
    (void)arena;
    (void)workers;
    struct softmax *s = state;
    SM_TRY(sm_model_wants_classes("softmax", shape));
    s->in = shape->features;
    s->out = shape->classes;
    s->tensors[0] =
        (struct sm_tensor){.name = "weight", .rank = 2, .shape = {s->out, s->in}, .panels = true};
    s->tensors[1] =
        (struct sm_tensor){.name = "bias", .offset = s->out * s->in, .rank = 1, .shape = {s->out}};
    *form = (struct sm_model_form){
        .tensors = s->tensors,
        .tensor_count = 2,
        .flop = SM_FLOP_DENSE(s->in, s->out) + SM_FLOP_SOFTMAX(s->out),
        .gradient_flop = 2 * SM_FLOP_DENSE(s->in, s->out) + SM_FLOP_SOFTMAX(s->out),
    };
    return SM_OK;
}

static void
softmax_initial(const void *state, struct sm_rng *rng, float *x, float *statistics)
{
    (void)rng;
    (void)statistics;
    const struct softmax *s = state;
    memset(x, 0, (s->out * s->in + s->out) * sizeof *x);
}

/* *inputs and *y, panels (count, in) and (count, out): the batch and room for its logits; *z
 * (count, out), row-major: the logits. All in scratch. */
static enum sm_status
softmax_logits(const struct softmax *s, const struct sm_batch *batch, const float *x,
               float **inputs, float **y, float **z, struct sm_arena *scratch)
{
    const size_t count = batch->count;
    *inputs = sm_arena_alloc(scratch, count * sm_panels_width(s->in), sizeof **inputs);
    *y = sm_arena_alloc(scratch, count * sm_panels_width(s->out), sizeof **y);
    *z = sm_arena_alloc(scratch, count * s->out, sizeof **z);
    if (*inputs == NULL || *y == NULL || *z == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "softmax: no memory for %zu samples", count);
    sm_rows_to_panels(*inputs, batch->inputs, count, s->in);
    sm_dense_forward(*y, *inputs, x, x + s->out * s->in, count, s->in, s->out);
    sm_panels_to_rows(*z, *y, count, s->out);
    return SM_OK;
}

static enum sm_status
softmax_gradient(const void *state, const struct sm_batch *batch, const float *x, float *statistics,
                 float *g, double *loss, struct sm_arena *scratch)
{
    (void)statistics;
    const struct softmax *s = state;
    float *inputs, *y, *z;
    SM_TRY(softmax_logits(s, batch, x, &inputs, &y, &z, scratch));
    *loss = sm_softmax_loss(z, z, batch->labels, batch->count, s->out);
    sm_rows_to_panels(y, z, batch->count, s->out);
    sm_dense_backward(NULL, g, g + s->out * s->in, y, inputs, x, batch->count, s->in, s->out);
    return SM_OK;
}

static enum sm_status
softmax_evaluate(const void *state, const struct sm_batch *batch, const float *x,
                 const float *statistics, struct sm_metrics *metrics, struct sm_arena *scratch)
{
    (void)statistics;
    const struct softmax *s = state;
    float *inputs, *y, *z;
    size_t correct;
    SM_TRY(softmax_logits(s, batch, x, &inputs, &y, &z, scratch));
    const double loss = sm_softmax_evaluate(&correct, z, batch->labels, batch->count, s->out);
    *metrics = (struct sm_metrics){loss, (double)correct, batch->count, .classifies = true};
    return SM_OK;
}

const struct sm_model sm_model_softmax = {
    .about =
        {
            .name = "softmax",
            .doc = "multinomial logistic regression: one dense layer, convex, starts at zero",
            .source = "Bishop, Pattern Recognition and Machine Learning, 2006, section 4.3.4",
            .state_size = sizeof(struct softmax),
        },
    .needs_data = true,
    .configure = softmax_configure,
    .initial = softmax_initial,
    .gradient = softmax_gradient,
    .evaluate = softmax_evaluate,
};
