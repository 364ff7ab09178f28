/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/models/transformer_lm.c -- a decoder that predicts each token from those before it.
 *
 * Pre-norm blocks, GELU (its tanh form), learned positions, and one matrix for tokens in and logits
 * out. The tensors are those of this PyTorch module:
 *
 *     class TransformerLM(nn.Module):
 *         def __init__(self, vocabulary, length, width, layers, heads, hidden, dropout):
 *             super().__init__()
 *             self.embedding = nn.Embedding(vocabulary, width)
 *             self.position = nn.Embedding(length, width)
 *             block = nn.TransformerEncoderLayer(
 *                 width, heads, hidden, dropout, partial(F.gelu, approximate="tanh"),
 *                 batch_first=True, norm_first=True)
 *             self.blocks = nn.TransformerEncoder(block, layers, nn.LayerNorm(width))
 *         def forward(self, tokens):
 *             length = tokens.shape[1]
 *             x = self.embedding(tokens) + self.position.weight[:length]
 *             x = self.blocks(x, nn.Transformer.generate_square_subsequent_mask(length))
 *             return x @ self.embedding.weight.T
 *
 * Dropout falls on the sum of embeddings and on what each sub-layer returns (Vaswani et al., sec.
 * 5.4), not, as in that module, on attention weights and hidden units as well.
 */
#include <string.h>

#include "workloads/layers/sequence.h"

enum { ROWS = 128 }; /* tokens at a time, so that their activations stay in cache */

struct transformer_lm {
    size_t width, layers, heads, hidden;
    float dropout, label_smoothing;
    /* from here on fixed by configure */
    size_t length; /* tokens of a sample that are predicted */
    struct sm_layout layout;
    struct sm_embedding embedding;
    struct sm_stack blocks;
};

static const struct sm_param transformer_lm_params[] = {
    SM_PARAM(struct transformer_lm, width, 128, 16, 65536, "features of a token"),
    SM_PARAM(struct transformer_lm, layers, 4, 1, 64, "blocks of attention and feed-forward"),
    SM_PARAM(struct transformer_lm, heads, 4, 1, 4096, "heads of attention, of width / heads each"),
    SM_PARAM(struct transformer_lm, hidden, 512, 16, 65536, "features inside the feed-forward"),
    SM_PARAM(struct transformer_lm, dropout, 0, 0, 0.9, "share of units dropped in training"),
    SM_PARAM(struct transformer_lm, label_smoothing, 0, 0, 0.9,
             "share of the target spread over the vocabulary in training"),
    SM_PARAM_END,
};

static enum sm_status
transformer_lm_configure(void *state, struct sm_arena *arena, const struct sm_data_shape *shape,
                         size_t workers, struct sm_model_form *form)
{
    (void)workers;
    struct transformer_lm *m = state;
    SM_TRY(sm_model_wants_sequences("transformer_lm", shape, false));
    struct sm_layout *layout = &m->layout;
    struct sm_stack *blocks = &m->blocks;
    blocks->shape = (struct sm_stack_shape){m->width, m->heads, m->hidden};
    SM_TRY(sm_stack_check(&blocks->shape));
    SM_TRY(sm_layout_init(layout, arena, 4 + 12 * m->layers));
    m->length = shape->target;
    m->embedding =
        (struct sm_embedding){.vocabulary = shape->vocabulary, .width = m->width, .scale = 1.0f};
    m->embedding.weight = sm_layout_add(layout, shape->vocabulary, m->width, false, SM_START_NORMAL,
                                        "embedding.weight");
    m->embedding.position =
        sm_layout_add(layout, m->length, m->width, false, SM_START_NORMAL, "position.weight");
    for (size_t l = 0; l < m->layers; l++) {
        char name[32];
        snprintf(name, sizeof name, "blocks.layers.%zu", l);
        sm_stack_add(blocks, layout, SM_CAUSAL_ATTENTION, name, 1);
        sm_stack_add(blocks, layout, SM_FEED_FORWARD, name, 2);
    }
    sm_stack_end(blocks, layout, "blocks.norm");
    SM_TRY(layout->status);
    const double n = (double)m->length, vocabulary = (double)shape->vocabulary;
    form->tensors = layout->tensors;
    form->tensor_count = layout->count;
    form->flop = sm_stack_flop(blocks, m->length, 0) + n * (double)m->width /* positions */ +
                 n * (2 * (double)m->width * vocabulary + SM_FLOP_SOFTMAX(vocabulary));
    form->gradient_flop = 3 * form->flop;
    return SM_OK;
}

static void
transformer_lm_initial(const void *state, struct sm_rng *rng, float *x, float *statistics)
{
    (void)statistics;
    const struct transformer_lm *m = state;
    sm_layout_initial(&m->layout, rng, 0.02, x); /* GPT-2's embeddings */
}

/* The losses of the batch, in passes of a few sequences; with run->g their gradient too. */
static enum sm_status
transformer_lm_pass(const struct transformer_lm *m, const struct sm_batch *batch,
                    struct sm_run *run, float smoothing, double *loss, size_t *correct,
                    struct sm_arena *scratch)
{
    const size_t at_once = m->length < ROWS ? ROWS / m->length : 1, stride = m->length + 1;
    const float scale = 1.0f / (float)(batch->count * m->length);
    struct sm_laps laps;
    struct sm_head head;
    run->laps = &laps;
    sm_laps_start(&laps, batch->times);
    SM_TRY(sm_run_create(run, &m->blocks,
                         (struct sm_extent){at_once, at_once * m->length, m->length},
                         (struct sm_extent){0}, scratch));
    SM_TRY(
        sm_head_create(&head, &m->embedding, run->x, run->g != NULL, at_once * m->length, scratch));
    size_t *lengths = sm_arena_alloc(scratch, at_once, sizeof *lengths);
    if (lengths == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "transformer_lm: no memory for %zu lengths", at_once);
    for (size_t s = 0; s < at_once; s++)
        lengths[s] = m->length;
    *loss = 0;
    *correct = 0;
    for (size_t first = 0; first < batch->count; first += at_once) {
        const size_t rest = batch->count - first;
        const uint16_t *tokens = batch->tokens + first * stride;
        sm_run_take(run, lengths, rest < at_once ? rest : at_once, NULL);
        run->sample = (uint32_t)first;
        for (size_t s = 0; s < run->sequences; s++)
            memcpy(head.targets + s * m->length, tokens + s * stride + 1,
                   m->length * sizeof *tokens);
        sm_embedding_forward(&m->embedding, run, tokens, stride, 0);
        sm_run_forward(run);
        sm_head_logits(&head, run);
        sm_head_loss(&head, run, smoothing, scale, loss, correct);
        if (run->g == NULL)
            continue;
        sm_run_backward(run);
        sm_embedding_backward(&m->embedding, run, tokens, stride);
    }
    return SM_OK;
}

static enum sm_status
transformer_lm_gradient(const void *state, const struct sm_batch *batch, const float *x,
                        float *statistics, float *g, double *loss, struct sm_arena *scratch)
{
    (void)statistics;
    const struct transformer_lm *m = state;
    struct sm_run run = {.x = x, .g = g, .dropout = m->dropout};
    size_t correct;
    if (m->dropout > 0) /* one draw: the masks are hashes of it */
        run.key = (uint32_t)(sm_rng_uniform(batch->dropout) * 0x1p32);
    memset(g, 0, m->layout.floats * sizeof *g);
    SM_TRY(transformer_lm_pass(m, batch, &run, m->label_smoothing, loss, &correct, scratch));
    *loss /= (double)(batch->count * m->length);
    return SM_OK;
}

static enum sm_status
transformer_lm_evaluate(const void *state, const struct sm_batch *batch, const float *x,
                        const float *statistics, struct sm_metrics *metrics,
                        struct sm_arena *scratch)
{
    (void)statistics;
    const struct transformer_lm *m = state;
    struct sm_run run = {.x = x};
    double loss;
    size_t correct;
    SM_TRY(transformer_lm_pass(m, batch, &run, 0.0f, &loss, &correct, scratch));
    *metrics = (struct sm_metrics){.loss = loss,
                                   .correct = (double)correct,
                                   .count = batch->count * m->length,
                                   .classifies = true,
                                   .sequences = true};
    return SM_OK;
}

const struct sm_model sm_model_transformer_lm = {
    .about =
        {
            .name = "transformer_lm",
            .doc = "language model: embedding, pre-norm blocks of causal attention and GELU",
            .source = "Vaswani et al., NeurIPS 2017; Radford et al. 2019 (GPT-2)",
            .state_size = sizeof(struct transformer_lm),
            .params = transformer_lm_params,
        },
    .needs_data = true,
    .configure = transformer_lm_configure,
    .initial = transformer_lm_initial,
    .gradient = transformer_lm_gradient,
    .evaluate = transformer_lm_evaluate,
};
