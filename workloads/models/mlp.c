/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/models/mlp.c -- dense layers with ReLU between them, cross-entropy at the end.
 *
 * The flat vector is weight (out, in), bias (out) of each layer in turn, named as PyTorch names
 * nn.Sequential(Linear, ReLU, Linear, ReLU, ..., Linear), and it starts as PyTorch starts it.
 */
#include "workloads/models/model.h"

#include <math.h>

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
                                     .shape = {out, in}};
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

/* h[l] (count, width[l]): the input of layer l; h[layers]: the logits. All but h[0] in scratch. */
static enum sm_status
mlp_forward(const struct mlp *m, const struct sm_batch *batch, const float *x, const float **h,
            float **logits, struct sm_arena *scratch)
{
    h[0] = batch->inputs;
    for (size_t l = 0; l < m->layers; l++) {
        const struct sm_tensor *weight = &m->tensors[2 * l], *bias = weight + 1;
        const size_t size = batch->count * m->width[l + 1];
        float *y = sm_arena_alloc(scratch, size, sizeof *y);
        if (y == NULL)
            return SM_FAIL(SM_ERR_NOMEM, "mlp: no memory for %zu activations", size);
        sm_dense_forward(y, h[l], x + weight->offset, x + bias->offset, batch->count, m->width[l],
                         m->width[l + 1]);
        if (l + 1 < m->layers)
            sm_relu_forward(y, y, size);
        h[l + 1] = *logits = y;
    }
    return SM_OK;
}

static enum sm_status
mlp_gradient(const void *state, const struct sm_batch *batch, const float *x, float *statistics,
             float *g, double *loss, struct sm_arena *scratch)
{
    (void)statistics;
    const struct mlp *m = state;
    const float *h[MOST_HIDDEN + 2];
    float *dy;
    SM_TRY(mlp_forward(m, batch, x, h, &dy, scratch));
    *loss = sm_softmax_loss(dy, dy, batch->labels, batch->count, m->width[m->layers]);
    for (size_t l = m->layers; l-- > 0;) {
        const struct sm_tensor *weight = &m->tensors[2 * l], *bias = weight + 1;
        const size_t size = batch->count * m->width[l];
        float *dx = NULL; /* nobody asks for the gradient of the pixels */
        if (l > 0 && (dx = sm_arena_alloc(scratch, size, sizeof *dx)) == NULL)
            return SM_FAIL(SM_ERR_NOMEM, "mlp: no memory for %zu gradients", size);
        sm_dense_backward(dx, g + weight->offset, g + bias->offset, dy, h[l], x + weight->offset,
                          batch->count, m->width[l], m->width[l + 1]);
        if (l > 0)
            sm_relu_backward(dx, dx, h[l], size);
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
    const float *h[MOST_HIDDEN + 2];
    float *z;
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
