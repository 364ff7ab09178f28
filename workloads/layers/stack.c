/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/layers/stack.c -- residual sub-layers, there and back: see sequence.h. */
#include <string.h>

#include "workloads/kernels/panels.h"
#include "workloads/kernels/sequence.h"
#include "workloads/layers/sequence.h"

/* ---- the model's side ---- */

enum sm_status
sm_stack_check(const struct sm_stack_shape *shape)
{
    if (shape->width % shape->heads != 0 || shape->width / shape->heads % 16 != 0)
        return SM_FAIL(SM_ERR_INPUT,
                       "workload.model: width %zu over %zu heads, expected a multiple of 16 for "
                       "each head",
                       shape->width, shape->heads);
    if (shape->hidden % 16 != 0)
        return SM_FAIL(SM_ERR_INPUT, "workload.model.hidden: %zu, expected a multiple of 16",
                       shape->hidden);
    return SM_OK;
}

static bool
attends(enum sm_sublayer_kind kind)
{
    return kind != SM_FEED_FORWARD;
}

static size_t
add_norm(struct sm_layout *layout, size_t width, const char *name)
{
    const size_t at = sm_layout_add(layout, width, 0, false, SM_START_ONE, "%s.weight", name);
    sm_layout_add(layout, width, 0, false, SM_START_ZERO, "%s.bias", name);
    return at;
}

/* Between the layer's name and "weight", "bias" PyTorch writes a dot or, in attention, "_". */
static struct sm_dense
add_dense(struct sm_layout *layout, size_t in, size_t out, const char *name, const char *part)
{
    struct sm_dense dense = {in, out, 0, 0};
    dense.weight = sm_layout_add(layout, out, in, true, SM_START_GLOROT, "%s.%sweight", name, part);
    dense.bias = sm_layout_add(layout, out, 0, false, SM_START_ZERO, "%s.%sbias", name, part);
    return dense;
}

void
sm_stack_add(struct sm_stack *stack, struct sm_layout *layout, enum sm_sublayer_kind kind,
             const char *name, size_t part)
{
    const size_t width = stack->shape.width, hidden = stack->shape.hidden;
    struct sm_sublayer *layer = &stack->layer[stack->count++];
    char full[96];
    layer->kind = kind;
    if (kind == SM_FEED_FORWARD) {
        layer->in = add_dense(layout, width, hidden, name, "linear1.");
        layer->out = add_dense(layout, hidden, width, name, "linear2.");
    } else {
        snprintf(full, sizeof full, "%s.%s", name,
                 kind == SM_CROSS_ATTENTION ? "multihead_attn" : "self_attn");
        layer->in = add_dense(layout, width, 3 * width, full, "in_proj_");
        layer->out = add_dense(layout, width, width, full, "out_proj.");
    }
    if (kind == SM_CROSS_ATTENTION) { /* queries are of these rows, keys and values of others */
        layer->kv = (struct sm_dense){width, 2 * width, layer->in.weight + width * width,
                                      layer->in.bias + width};
        layer->in.out = width;
    }
    snprintf(full, sizeof full, "%s.norm%zu", name, part);
    layer->norm = add_norm(layout, width, full);
}

void
sm_stack_end(struct sm_stack *stack, struct sm_layout *layout, const char *name)
{
    stack->norm = add_norm(layout, stack->shape.width, name);
}

/* Of an element: a mean, a variance, scaled and shifted; and GELU. */
enum { FLOP_NORM = 8, FLOP_GELU = 12 };

double
sm_stack_flop(const struct sm_stack *stack, size_t rows, size_t keys)
{
    const double n = (double)rows, width = (double)stack->shape.width;
    double flop = n * width * FLOP_NORM;
    for (const struct sm_sublayer *l = stack->layer; l < stack->layer + stack->count; l++) {
        flop += n * (SM_FLOP_DENSE(l->in.in, l->in.out) + SM_FLOP_DENSE(l->out.in, l->out.out));
        flop += n * width * (FLOP_NORM + 1); /* 1: the residual */
        const double pairs = l->kind == SM_SELF_ATTENTION     ? n * n
                             : l->kind == SM_CAUSAL_ATTENTION ? n * (n + 1) / 2
                             : l->kind == SM_CROSS_ATTENTION  ? n * (double)keys
                                                              : 0;
        flop += pairs * (4 * width + SM_FLOP_SOFTMAX(stack->shape.heads));
        if (l->kind == SM_CROSS_ATTENTION)
            flop += (double)keys * SM_FLOP_DENSE(l->kv.in, l->kv.out);
        if (l->kind == SM_FEED_FORWARD)
            flop += n * (double)l->in.out * FLOP_GELU;
    }
    return flop;
}

/* ---- a run's memory ---- */

/* (rows, columns) floats with their stride; failures add up in *missing. */
static float *
matrix(struct sm_arena *scratch, size_t rows, size_t columns, bool *missing)
{
    float *m = sm_arena_alloc(scratch, rows * sm_row_stride(columns), sizeof *m);
    *missing |= m == NULL;
    return m;
}

static size_t
larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* turned = what dx = dy w^T wants of each dense layer. */
static void
turn(float *turned, const float *x, const struct sm_dense *dense)
{
    if (dense->out > 0)
        sm_panels_turn(turned + dense->weight, x + dense->weight, dense->in, dense->out);
}

enum sm_status
sm_run_create(struct sm_run *run, const struct sm_stack *stack, struct sm_extent extent,
              struct sm_extent other, struct sm_arena *scratch)
{
    const struct sm_stack_shape *shape = &stack->shape;
    const size_t rows = extent.rows, longest = larger(extent.longest, other.longest);
    const size_t head = shape->width / shape->heads;
    bool missing = false;
    run->stack = stack;
    run->step = 1;
    run->most = (uint32_t)extent.longest;
    run->self = sm_arena_alloc(scratch, extent.sequences, sizeof *run->self);
    run->cross = sm_arena_alloc(scratch, extent.sequences, sizeof *run->cross);
    run->kept = sm_arena_zalloc(scratch, stack->count + 1, sizeof *run->kept);
    if (run->self == NULL || run->cross == NULL || run->kept == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "model: no memory for %zu sequences", extent.sequences);
    for (size_t l = 0; l <= stack->count; l++) {
        struct sm_kept *k = &run->kept[l];
        k->x = matrix(scratch, rows, shape->width, &missing);
        k->normed = matrix(scratch, rows, shape->width, &missing);
        k->moments = matrix(scratch, rows, 2, &missing);
        if (l == stack->count)
            break;
        const struct sm_sublayer *layer = &stack->layer[l];
        const size_t keys = layer->kind == SM_CROSS_ATTENTION ? other.longest : extent.longest;
        k->in = matrix(scratch, rows, layer->in.out, &missing);
        if (!attends(layer->kind))
            continue;
        k->weights = matrix(scratch, rows * shape->heads, keys, &missing);
        k->heads = matrix(scratch, rows, shape->width, &missing);
        if (layer->kind == SM_CROSS_ATTENTION)
            k->kv = matrix(scratch, other.rows, 2 * shape->width, &missing);
    }
    run->panels = matrix(scratch, head, longest, &missing);
    run->wide = matrix(scratch, rows, shape->hidden, &missing);
    if (run->g != NULL) {
        size_t floats = 0;
        for (size_t l = 0; l < stack->count; l++)
            floats = larger(floats, stack->layer[l].norm);
        run->turned = sm_arena_alloc(scratch, floats, sizeof *run->turned);
        run->d = matrix(scratch, rows, shape->width, &missing);
        run->d_normed = matrix(scratch, rows, shape->width, &missing);
        run->d_branch = matrix(scratch, rows, shape->width, &missing);
        run->d_in = matrix(scratch, rows, larger(3 * shape->width, shape->hidden), &missing);
        run->d_kv = matrix(scratch, other.rows, 2 * shape->width, &missing);
        run->ds = matrix(scratch, extent.longest, longest, &missing);
        missing |= run->turned == NULL;
        for (size_t l = 0; l < stack->count && !missing; l++) {
            turn(run->turned, run->x, &stack->layer[l].in);
            turn(run->turned, run->x, &stack->layer[l].kv);
            turn(run->turned, run->x, &stack->layer[l].out);
        }
    }
    return missing ? SM_FAIL(SM_ERR_NOMEM, "model: no memory for %zu activations of %zu sub-layers",
                             rows * shape->width, stack->count)
                   : SM_OK;
}

void
sm_run_take(struct sm_run *run, const size_t *lengths, size_t sequences, const struct sm_run *other)
{
    run->sequences = sequences;
    run->rows = 0;
    for (size_t s = 0; s < sequences; s++) {
        run->self[s] = (struct sm_sight){run->rows, lengths[s], run->rows, lengths[s]};
        if (other != NULL)
            run->cross[s] = (struct sm_sight){run->rows, lengths[s], other->self[s].query,
                                              other->self[s].queries};
        run->rows += lengths[s];
    }
}

float *
sm_run_input(const struct sm_run *run)
{
    return run->kept[0].x;
}

float *
sm_run_output(const struct sm_run *run)
{
    return run->kept[run->stack->count].normed;
}

/* ---- the way there ---- */

/* y (rows, dense->out) = (add: +=) x w^T + b */
static void
forward(const struct sm_run *run, const struct sm_dense *dense, float *y, size_t y_stride,
        const float *x, size_t rows)
{
    sm_rows_times_panels(y, y_stride, x, sm_row_stride(dense->in), run->x + dense->weight,
                         run->x + dense->bias, rows, dense->in, dense->out, false);
}

static void
norm_forward(struct sm_run *run, struct sm_kept *kept, size_t norm)
{
    const size_t width = run->stack->shape.width, stride = sm_row_stride(width);
    const float *w = run->x + norm;
    sm_layer_norm_forward(kept->normed, stride, kept->moments, kept->x, stride, w, w + width,
                          run->rows, width);
    sm_piece_forward(run->laps, SM_PIECE_NORM);
}

void
sm_run_dropout(const struct sm_run *run, float *y, const float *x, uint32_t site)
{
    const size_t width = run->stack->shape.width, stride = sm_row_stride(width);
    const uint32_t key = run->key + site * 0x9e3779b9u; /* far apart: 2^32 / golden ratio */
    for (size_t s = 0; s < run->sequences; s++) {
        const size_t at = run->self[s].query * stride;
        sm_dropout(y + at, stride, x + at, stride, run->self[s].queries, width, run->dropout, key,
                   (run->sample + (uint32_t)s) * run->most * (uint32_t)width);
    }
}

void
sm_run_look(struct sm_run *run)
{
    for (size_t l = 0; l < run->stack->count; l++) {
        const struct sm_sublayer *layer = &run->stack->layer[l];
        if (layer->kind == SM_CROSS_ATTENTION)
            forward(run, &layer->kv, run->kept[l].kv, sm_row_stride(layer->kv.out), run->other,
                    run->other_rows);
    }
    sm_piece_forward(run->laps, SM_PIECE_PROJECTION);
}

/* k->heads from k->normed */
static void
attention_forward(struct sm_run *run, const struct sm_sublayer *layer, struct sm_kept *k)
{
    const size_t width = run->stack->shape.width, stride = sm_row_stride(layer->in.out);
    forward(run, &layer->in, k->in + run->first * stride, run->step * stride, k->normed, run->rows);
    sm_piece_forward(run->laps, SM_PIECE_PROJECTION);
    if (layer->kind == SM_CROSS_ATTENTION)
        sm_attend(run, run->cross, false, k->heads, k->weights, k->in, stride, k->kv,
                  sm_row_stride(layer->kv.out));
    else
        sm_attend(run, run->self, layer->kind == SM_CAUSAL_ATTENTION && run->step == 1, k->heads,
                  k->weights, k->in, stride, k->in + width, stride);
    sm_piece_forward(run->laps, SM_PIECE_ATTENTION);
}

void
sm_run_forward(struct sm_run *run)
{
    const struct sm_stack *stack = run->stack;
    const size_t width = stack->shape.width, stride = sm_row_stride(width);
    for (size_t l = 0; l < stack->count; l++) {
        const struct sm_sublayer *layer = &stack->layer[l];
        struct sm_kept *k = &run->kept[l];
        float *y = run->kept[l + 1].x;
        const size_t wide = sm_row_stride(layer->in.out);
        norm_forward(run, k, layer->norm);
        if (attends(layer->kind)) {
            attention_forward(run, layer, k);
            forward(run, &layer->out, y, stride, k->heads, run->rows);
            sm_piece_forward(run->laps, SM_PIECE_PROJECTION);
        } else {
            forward(run, &layer->in, k->in, wide, k->normed, run->rows);
            sm_piece_forward(run->laps, SM_PIECE_FEED_FORWARD);
            sm_gelu_forward(run->wide, wide, k->in, wide, run->rows, layer->in.out);
            sm_piece_forward(run->laps, SM_PIECE_GELU);
            forward(run, &layer->out, y, stride, run->wide, run->rows);
            sm_piece_forward(run->laps, SM_PIECE_FEED_FORWARD);
        }
        if (run->dropout > 0)
            sm_run_dropout(run, y, y, (uint32_t)l + 1);
        sm_rows_add(y, stride, k->x, stride, run->rows, width);
        sm_piece_forward(run->laps, SM_PIECE_RESIDUAL);
    }
    norm_forward(run, &run->kept[stack->count], stack->norm);
}

/* ---- the way back ---- */

/* The gradients of a dense layer's weights and biases, added to g, and dx = (add: +=) that of x. */
static void
backward(const struct sm_run *run, const struct sm_dense *dense, float *dx, const float *dy,
         const float *x, size_t rows, bool add)
{
    const size_t x_stride = sm_row_stride(dense->in), y_stride = sm_row_stride(dense->out);
    sm_rows_sum(run->g + dense->bias, dy, y_stride, rows, dense->out);
    sm_panels_add_outer(run->g + dense->weight, x, x_stride, dy, y_stride, rows, dense->in,
                        dense->out);
    sm_rows_times_panels(dx, x_stride, dy, y_stride, run->turned + dense->weight, NULL, rows,
                         dense->out, dense->in, add);
}

/* d += the way through a norm. */
static void
norm_backward(struct sm_run *run, const struct sm_kept *kept, size_t norm)
{
    const size_t width = run->stack->shape.width, stride = sm_row_stride(width);
    float *dw = run->g + norm;
    sm_layer_norm_backward(run->d, stride, dw, dw + width, run->d_normed, stride, kept->x, stride,
                           kept->moments, run->x + norm, run->rows, width);
    sm_piece_backward(run->laps, SM_PIECE_NORM);
}

/* d_normed from d_branch, the gradient of what the sub-layer returns. */
static void
attention_backward(struct sm_run *run, const struct sm_sublayer *layer, const struct sm_kept *k,
                   const float *d_branch)
{
    const size_t width = run->stack->shape.width, stride = sm_row_stride(layer->in.out);
    float *d_heads = run->d_normed;
    backward(run, &layer->out, d_heads, d_branch, k->heads, run->rows, false);
    sm_piece_backward(run->laps, SM_PIECE_PROJECTION);
    if (layer->kind == SM_CROSS_ATTENTION) {
        const size_t kv_stride = sm_row_stride(layer->kv.out);
        memset(run->d_kv, 0, run->other_rows * kv_stride * sizeof(float));
        sm_attend_backward(run, run->cross, false, run->d_in, run->d_kv, d_heads, k->heads,
                           k->weights, k->in, stride, k->kv, kv_stride);
        sm_piece_backward(run->laps, SM_PIECE_ATTENTION);
        backward(run, &layer->kv, run->d_other, run->d_kv, run->other, run->other_rows, true);
    } else {
        memset(run->d_in, 0, run->rows * stride * sizeof(float));
        sm_attend_backward(run, run->self, layer->kind == SM_CAUSAL_ATTENTION, run->d_in,
                           run->d_in + width, d_heads, k->heads, k->weights, k->in, stride,
                           k->in + width, stride);
        sm_piece_backward(run->laps, SM_PIECE_ATTENTION);
    }
    backward(run, &layer->in, run->d_normed, run->d_in, k->normed, run->rows, false);
    sm_piece_backward(run->laps, SM_PIECE_PROJECTION);
}

static void
feed_forward_backward(struct sm_run *run, const struct sm_sublayer *layer, const struct sm_kept *k,
                      const float *d_branch)
{
    const struct sm_dense *in = &layer->in, *out = &layer->out;
    const size_t wide = sm_row_stride(in->out), stride = sm_row_stride(out->out);
    sm_rows_times_panels(run->d_in, wide, d_branch, stride, run->turned + out->weight, NULL,
                         run->rows, out->out, out->in, false);
    sm_piece_backward(run->laps, SM_PIECE_FEED_FORWARD);
    sm_gelu_backward(run->wide, wide, run->d_in, wide, k->in, wide, run->rows, in->out);
    sm_piece_backward(run->laps, SM_PIECE_GELU);
    sm_rows_sum(run->g + out->bias, d_branch, stride, run->rows, out->out);
    sm_panels_add_outer(run->g + out->weight, run->wide, wide, d_branch, stride, run->rows, out->in,
                        out->out);
    backward(run, in, run->d_normed, run->d_in, k->normed, run->rows, false);
    sm_piece_backward(run->laps, SM_PIECE_FEED_FORWARD);
}

void
sm_run_backward(struct sm_run *run)
{
    const struct sm_stack *stack = run->stack;
    const size_t stride = sm_row_stride(stack->shape.width);
    memset(run->d, 0, run->rows * stride * sizeof(float));
    norm_backward(run, &run->kept[stack->count], stack->norm);
    for (size_t l = stack->count; l-- > 0;) {
        const struct sm_sublayer *layer = &stack->layer[l];
        const float *d_branch = run->d;
        if (run->dropout > 0) {
            sm_run_dropout(run, run->d_branch, run->d, (uint32_t)l + 1);
            d_branch = run->d_branch;
        }
        sm_piece_backward(run->laps, SM_PIECE_RESIDUAL);
        if (attends(layer->kind))
            attention_backward(run, layer, &run->kept[l], d_branch);
        else
            feed_forward_backward(run, layer, &run->kept[l], d_branch);
        norm_backward(run, &run->kept[l], layer->norm);
    }
}
