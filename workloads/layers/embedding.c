/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/layers/embedding.c -- tokens to rows and, with the same matrix, rows to logits.
 *
 * Both ends share their weights (Press, Wolf 2017). The matrix is kept as PyTorch does, for a row
 * of it is a token; the products want panels, which are packed once a batch.
 */
#include <string.h>

#include "sim/base/clones.h"
#include "workloads/kernels/panels.h"
#include "workloads/kernels/sequence.h"
#include "workloads/layers/sequence.h"

enum { SLICE = 256 }; /* vocabulary rows at a time, so that a product's panel stays in L1 */

SM_CLONES static void
add_scaled(float *y, const float *x, float scale, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] += scale * x[i];
}

void
sm_embedding_forward(const struct sm_embedding *embedding, struct sm_run *run,
                     const uint16_t *tokens, size_t stride, size_t from)
{
    const size_t width = embedding->width, x_stride = sm_row_stride(width);
    const float *table = run->x + embedding->weight, *positions = embedding->positions;
    float *x = sm_run_input(run);
    if (positions == NULL)
        positions = run->x + embedding->position;
    for (size_t s = 0; s < run->sequences; s++)
        for (size_t i = 0; i < run->self[s].queries; i++, x += x_stride) {
            memcpy(x, positions + (from + i) * width, width * sizeof *x);
            add_scaled(x, table + tokens[s * stride + i] * width, embedding->scale, width);
        }
    if (run->dropout > 0)
        sm_run_dropout(run, sm_run_input(run), sm_run_input(run), 0);
    sm_piece_forward(run->laps, SM_PIECE_EMBEDDING);
}

void
sm_embedding_backward(const struct sm_embedding *embedding, struct sm_run *run,
                      const uint16_t *tokens, size_t stride)
{
    const size_t width = embedding->width, d_stride = sm_row_stride(width);
    float *table = run->g + embedding->weight, *d = run->d;
    if (run->dropout > 0)
        sm_run_dropout(run, d, d, 0);
    for (size_t s = 0; s < run->sequences; s++)
        for (size_t i = 0; i < run->self[s].queries; i++, d += d_stride) {
            add_scaled(table + tokens[s * stride + i] * width, d, embedding->scale, width);
            if (embedding->positions == NULL)
                add_scaled(run->g + embedding->position + i * width, d, 1.0f, width);
        }
    sm_piece_backward(run->laps, SM_PIECE_EMBEDDING);
}

enum sm_status
sm_head_create(struct sm_head *head, const struct sm_embedding *embedding, const float *x,
               bool backward, size_t rows, struct sm_arena *scratch)
{
    const size_t vocabulary = embedding->vocabulary, width = embedding->width;
    const size_t whole = (vocabulary + 15) / 16 * 16;
    const float *table = x + embedding->weight;
    *head = (struct sm_head){
        .embedding = embedding,
        .forward = sm_arena_alloc(scratch, whole * width, sizeof(float)),
        .backward = sm_arena_alloc(scratch, backward ? vocabulary * width : 0, sizeof(float)),
        .logits = sm_arena_alloc(scratch, rows * sm_row_stride(vocabulary), sizeof(float)),
        .targets = sm_arena_alloc(scratch, rows, sizeof(uint16_t)),
    };
    if (head->forward == NULL || head->backward == NULL || head->logits == NULL ||
        head->targets == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "model: no memory for %zu rows of %zu logits", rows,
                       vocabulary);
    sm_panels_pack_turned(head->forward, table, width, width, vocabulary);
    for (size_t v = 0; backward && v < vocabulary; v += SLICE)
        sm_panels_pack(head->backward + v * width, table + v * width, width,
                       vocabulary - v < SLICE ? vocabulary - v : SLICE, width);
    return SM_OK;
}

void
sm_head_logits(const struct sm_head *head, const struct sm_run *run)
{
    const size_t vocabulary = head->embedding->vocabulary, width = head->embedding->width;
    sm_rows_times_panels(head->logits, sm_row_stride(vocabulary), sm_run_output(run),
                         sm_row_stride(width), head->forward, NULL, run->rows, width,
                         (vocabulary + 15) / 16 * 16, false);
    sm_piece_forward(run->laps, SM_PIECE_HEAD);
}

void
sm_head_loss(const struct sm_head *head, struct sm_run *run, float smoothing, float scale,
             double *loss, size_t *correct)
{
    const size_t vocabulary = head->embedding->vocabulary, width = head->embedding->width;
    const size_t stride = sm_row_stride(width), z_stride = sm_row_stride(vocabulary);
    *loss += sm_token_loss(head->logits, z_stride, correct, head->targets, run->rows, vocabulary,
                           smoothing, scale);
    sm_piece_forward(run->laps, SM_PIECE_LOSS);
    if (run->g == NULL)
        return;
    float *dw = run->g + head->embedding->weight;
    for (size_t v = 0; v < vocabulary; v += SLICE) {
        const size_t some = vocabulary - v < SLICE ? vocabulary - v : SLICE;
        sm_rows_times_panels(run->d_normed, stride, head->logits + v, z_stride,
                             head->backward + v * width, NULL, run->rows, some, width, v > 0);
        sm_rows_outer(dw + v * width, width, head->logits + v, z_stride, sm_run_output(run), stride,
                      run->rows, some, width, true);
    }
    sm_piece_backward(run->laps, SM_PIECE_HEAD);
}
