/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/models/mlp.c -- dense layers with ReLU between them, cross-entropy at the end.
 *
 * The flat vector is weight (out, in), bias (out) of each layer in turn, named as PyTorch names
 * nn.Sequential(Linear, ReLU, Linear, ReLU, ..., Linear), and it starts as PyTorch starts it.
 */
#include "workloads/models/model.h"

#include <math.h>

#include "workloads/kernels/dense.h"
#include "workloads/kernels/kernels.h"

enum { MOST_HIDDEN = 64 };

struct mlp {
    struct sm_numbers hidden;
    size_t layers;             /* dense ones; from here on fixed by configure */
    size_t *width;             /* (layers + 1) features, hidden ..., classes  */
    struct sm_tensor *tensors; /* (2 layers) weight and bias of each          */
};

static const struct sm_param mlp_params[] = {
    SM_PARAM_NUMBERS(struct mlp, hidden, "[256, 128]", 1, 65536, "widths of the hidden layers"),
    SM_PARAM_END,
};

static void
mlp_count_flop(const struct mlp *m, struct sm_model_form *form)
{
    form->flop = form->gradient_flop = SM_FLOP_SOFTMAX(m->width[m->layers]);
    for (size_t l = 0; l < m->layers; l++) {
        const double dense = SM_FLOP_DENSE(m->width[l], m->width[l + 1]);
        const double relu = l + 1 < m->layers ? (double)m->width[l + 1] : 0;
        form->flop += dense + relu;
        form->gradient_flop += (l > 0 ? 3 : 2) * dense + 2 * relu;
    }
}

static enum sm_status
mlp_configure(void *state, struct sm_arena *arena, const struct sm_data_shape *shape,
              size_t workers, struct sm_model_form *form)
{
    (void)workers;
    struct mlp *m = state;
    SM_TRY(sm_model_wants_classes("mlp", shape));
    const size_t hidden = m->hidden.count;
    if (hidden > MOST_HIDDEN)
        return SM_FAIL(SM_ERR_INPUT, "workload.model.hidden: %zu layers, expected at most %d",
                       hidden, MOST_HIDDEN);
    m->layers = hidden + 1;
    m->width = sm_arena_alloc(arena, m->layers + 1, sizeof *m->width);
    m->tensors = sm_arena_alloc(arena, 2 * m->layers, sizeof *m->tensors);
    if (m->width == NULL || m->tensors == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "mlp: no memory for %zu layers", m->layers);
    m->width[0] = shape->features;
    m->width[m->layers] = shape->classes;
    for (size_t l = 0; l < hidden; l++) {
        if (m->hidden.values[l] != floor(m->hidden.values[l]))
            return SM_FAIL(SM_ERR_INPUT,
                           "workload.model.hidden: %g, expected whole numbers of 1 .. 65536",
                           m->hidden.values[l]);
        m->width[l + 1] = (size_t)m->hidden.values[l];
    }
    size_t offset = 0;
    for (size_t l = 0; l < m->layers; l++) {
        const size_t in = m->width[l], out = m->width[l + 1];
        struct sm_tensor *weight = &m->tensors[2 * l], *bias = weight + 1;
        *weight = (struct sm_tensor){.name = sm_arena_printf(arena, "%zu.weight", 2 * l),
                                     .offset = offset,
                                     .rank = 2,
                                     .shape = {out, in},
                                     .panels = true};
        *bias = (struct sm_tensor){.name = sm_arena_printf(arena, "%zu.bias", 2 * l),
                                   .offset = offset + out * in,
                                   .rank = 1,
                                   .shape = {out}};
        if (weight->name == NULL || bias->name == NULL)
            return SM_FAIL(SM_ERR_NOMEM, "mlp: no memory for names");
        offset += out * in + out;
    }
    *form = (struct sm_model_form){.tensors = m->tensors, .tensor_count = 2 * m->layers};
    mlp_count_flop(m, form);
    return SM_OK;
}

static void
mlp_initial(const void *state, struct sm_rng *rng, float *x, float *statistics)
{
    (void)statistics;
    const struct mlp *m = state;
    for (size_t l = 0; l < m->layers; l++)
        sm_initial_linear(rng, m->width[l], m->width[l + 1], x + m->tensors[2 * l].offset);
}

/* *y (count, width) = room for activations in panels, in scratch. */
static enum sm_status
mlp_room(float **y, size_t count, size_t width, struct sm_arena *scratch)
{
    const size_t size = count * sm_panels_width(width);
    *y = sm_arena_alloc(scratch, size, sizeof **y);
    if (*y == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "mlp: no memory for %zu activations", size);
    return SM_OK;
}

/* h[l], panels (count, width[l]): the input of layer l. z (count, classes), row-major: the logits.
 * All in scratch. */
static enum sm_status
mlp_forward(const struct mlp *m, const struct sm_batch *batch, const float *x, float **h, float **z,
            struct sm_arena *scratch)
{
    const size_t count = batch->count;
    SM_TRY(mlp_room(&h[0], count, m->width[0], scratch));
    SM_TRY(mlp_room(z, count, m->width[m->layers], scratch));
    sm_rows_to_panels(h[0], batch->inputs, count, m->width[0]);
    for (size_t l = 0; l < m->layers; l++) {
        const size_t in = m->width[l], out = m->width[l + 1];
        SM_TRY(mlp_room(&h[l + 1], count, out, scratch));
        sm_dense_forward(h[l + 1], h[l], x + m->tensors[2 * l].offset,
                         x + m->tensors[2 * l + 1].offset, count, in, out);
        if (l + 1 < m->layers)
            sm_relu_forward(h[l + 1], h[l + 1], count * sm_panels_width(out));
    }
    sm_panels_to_rows(*z, h[m->layers], count, m->width[m->layers]);
    return SM_OK;
}

static enum sm_status
mlp_gradient(const void *state, const struct sm_batch *batch, const float *x, float *statistics,
             float *g, double *loss, struct sm_arena *scratch)
{
    (void)statistics;
    const struct mlp *m = state;
    const size_t count = batch->count, classes = m->width[m->layers];
    float *h[MOST_HIDDEN + 2], *z;
    SM_TRY(mlp_forward(m, batch, x, h, &z, scratch));
    *loss = sm_softmax_loss(z, z, batch->labels, count, classes);
    float *dy = h[m->layers];
    sm_rows_to_panels(dy, z, count, classes);
    for (size_t l = m->layers; l-- > 0;) {
        const size_t in = m->width[l], out = m->width[l + 1];
        const size_t weight = m->tensors[2 * l].offset, bias = m->tensors[2 * l + 1].offset;
        float *dx = NULL; /* nobody asks for the gradient of the pixels */
        if (l > 0)
            SM_TRY(mlp_room(&dx, count, in, scratch));
        sm_dense_backward(dx, g + weight, g + bias, dy, h[l], x + weight, count, in, out);
        if (l > 0)
            sm_relu_backward(dx, dx, h[l], count * sm_panels_width(in));
        dy = dx;
    }
    return SM_OK;
}

static enum sm_status
mlp_evaluate(const void *state, const struct sm_batch *batch, const float *x,
             const float *statistics, struct sm_metrics *metrics, struct sm_arena *scratch)
{
    (void)statistics;
    const struct mlp *m = state;
    float *h[MOST_HIDDEN + 2], *z;
    size_t correct;
    SM_TRY(mlp_forward(m, batch, x, h, &z, scratch));
    const double loss =
        sm_softmax_evaluate(&correct, z, batch->labels, batch->count, m->width[m->layers]);
    *metrics = (struct sm_metrics){loss, (double)correct, batch->count, .classifies = true};
    return SM_OK;
}

const struct sm_model sm_model_mlp = {
    .about =
        {
            .name = "mlp",
            .doc = "multi-layer perceptron: dense layers with ReLU between them",
            .source = "Rumelhart, Hinton, Williams, Nature 323, 1986; start as PyTorch's Linear",
            .state_size = sizeof(struct mlp),
            .params = mlp_params,
        },
    .needs_data = true,
    .configure = mlp_configure,
    .initial = mlp_initial,
    .gradient = mlp_gradient,
    .evaluate = mlp_evaluate,
};
