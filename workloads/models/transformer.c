/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/models/transformer.c -- an encoder and a decoder that translates what it read.
 *
 * As in the paper, with its sines for positions and one matrix for the tokens of both languages in
 * and the logits out, but with the norms before the sub-layers and GELU (its tanh form). The
 * tensors are those of this PyTorch module:
 *
 *     class Transformer(nn.Module):
 *         def __init__(self, vocabulary, width, layers, heads, hidden, dropout):
 *             super().__init__()
 *             self.embedding = nn.Embedding(vocabulary, width)
 *             self.transformer = nn.Transformer(
 *                 width, heads, layers, layers, hidden, dropout,
 *                 partial(F.gelu, approximate="tanh"), batch_first=True, norm_first=True)
 *         def embed(self, tokens):
 *             return self.embedding(tokens) * width**0.5 + sines[:tokens.shape[1]]
 *         def forward(self, source, target):
 *             y = self.transformer(
 *                 self.embed(source), self.embed(target),
 *                 tgt_mask=nn.Transformer.generate_square_subsequent_mask(target.shape[1]),
 *                 src_key_padding_mask=source == 0, memory_key_padding_mask=source == 0)
 *             return y @ self.embedding.weight.T
 *
 * Dropout falls on the sum of embeddings and on what each sub-layer returns (sec. 5.4 of the
 * paper), not, as in that module, on attention weights and hidden units as well. The loss is the
 * mean over the batch's predicted tokens, padding left out.
 */
#include <math.h>
#include <string.h>

#include "workloads/kernels/sequence.h"
#include "workloads/layers/sequence.h"

enum {
    ROWS = 128, /* tokens of a language at a time, so that their activations stay in cache */
    GROUP = 32, /* sentences translated together                                           */
};

struct transformer {
    size_t width, layers, heads, hidden;
    float dropout, label_smoothing;
    /* from here on fixed by configure */
    size_t source, target; /* tokens of a sample */
    struct sm_layout layout;
    struct sm_embedding embedding;
    struct sm_stack encoder, decoder;
};

static const struct sm_param transformer_params[] = {
    SM_PARAM(struct transformer, width, 128, 16, 65536, "features of a token"),
    SM_PARAM(struct transformer, layers, 3, 1, 64, "of the encoder, and of the decoder"),
    SM_PARAM(struct transformer, heads, 4, 1, 4096, "heads of attention, of width / heads each"),
    SM_PARAM(struct transformer, hidden, 512, 16, 65536, "features inside the feed-forward"),
    SM_PARAM(struct transformer, dropout, 0.1, 0, 0.9, "share of units dropped in training"),
    SM_PARAM(struct transformer, label_smoothing, 0.1, 0, 0.9,
             "share of the target spread over the vocabulary in training"),
    SM_PARAM_END,
};

/* Sec. 3.5: sine and cosine of wavelengths from 2 pi to 10000 2 pi. */
static float *
transformer_sines(struct sm_arena *arena, size_t positions, size_t width)
{
    float *sines = sm_arena_alloc(arena, positions * width, sizeof *sines);
    for (size_t p = 0; p < positions && sines != NULL; p++)
        for (size_t i = 0; i < width; i++) {
            const double angle = (double)p / pow(10000, (double)(i - i % 2) / (double)width);
            sines[p * width + i] = (float)(i % 2 == 0 ? sin(angle) : cos(angle));
        }
    return sines;
}

static enum sm_status
transformer_configure(void *state, struct sm_arena *arena, const struct sm_data_shape *shape,
                      size_t workers, struct sm_model_form *form)
{
    (void)workers;
    struct transformer *m = state;
    SM_TRY(sm_model_wants_sequences("transformer", shape, true));
    struct sm_layout *layout = &m->layout;
    m->source = shape->source;
    m->target = shape->target;
    m->encoder.shape = m->decoder.shape = (struct sm_stack_shape){m->width, m->heads, m->hidden};
    SM_TRY(sm_stack_check(&m->encoder.shape));
    SM_TRY(sm_layout_init(layout, arena, 5 + (12 + 18) * m->layers));
    const size_t longest = m->source > m->target ? m->source : m->target;
    m->embedding = (struct sm_embedding){
        .vocabulary = shape->vocabulary,
        .width = m->width,
        .weight = sm_layout_add(layout, shape->vocabulary, m->width, false, SM_START_NORMAL,
                                "embedding.weight"),
        .scale = sqrtf((float)m->width),
        .positions = transformer_sines(arena, longest, m->width),
    };
    if (m->embedding.positions == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "transformer: no memory for %zu positions", longest);
    char name[48];
    for (size_t l = 0; l < m->layers; l++) {
        snprintf(name, sizeof name, "transformer.encoder.layers.%zu", l);
        sm_stack_add(&m->encoder, layout, SM_SELF_ATTENTION, name, 1);
        sm_stack_add(&m->encoder, layout, SM_FEED_FORWARD, name, 2);
    }
    sm_stack_end(&m->encoder, layout, "transformer.encoder.norm");
    for (size_t l = 0; l < m->layers; l++) {
        snprintf(name, sizeof name, "transformer.decoder.layers.%zu", l);
        sm_stack_add(&m->decoder, layout, SM_CAUSAL_ATTENTION, name, 1);
        sm_stack_add(&m->decoder, layout, SM_CROSS_ATTENTION, name, 2);
        sm_stack_add(&m->decoder, layout, SM_FEED_FORWARD, name, 3);
    }
    sm_stack_end(&m->decoder, layout, "transformer.decoder.norm");
    SM_TRY(layout->status);
    const double rows = (double)m->target, vocabulary = (double)shape->vocabulary;
    form->tensors = layout->tensors;
    form->tensor_count = layout->count;
    form->flop = sm_stack_flop(&m->encoder, m->source, 0) +
                 sm_stack_flop(&m->decoder, m->target, m->source) +
                 2 * (double)(m->source + m->target) * (double)m->width /* embedding */ +
                 rows * (2 * (double)m->width * vocabulary + SM_FLOP_SOFTMAX(vocabulary));
    form->gradient_flop = 3 * form->flop;
    return SM_OK;
}

static void
transformer_initial(const void *state, struct sm_rng *rng, float *x, float *statistics)
{
    (void)statistics;
    const struct transformer *m = state;
    sm_layout_initial(&m->layout, rng, 1 / sqrt((double)m->width), x);
}

/* Tokens before the padding. */
static size_t
transformer_length(const uint16_t *tokens, size_t most)
{
    size_t length = 0;
    while (length < most && tokens[length] != SM_TOKEN_PADDING)
        length++;
    return length;
}

/* An encoder and a decoder at work in a thread's scratch memory. */
struct transformer_pass {
    struct sm_run encoder, decoder;
    struct sm_head head;
    struct sm_laps laps;
    size_t *sources, *targets; /* (count) lengths: tokens read, tokens predicted */
    size_t predicted;          /* their sum                                      */
};

/* For groups of the batch's sentences with no more than `rows` tokens of a language together. */
static enum sm_status
transformer_begin(struct transformer_pass *pass, const struct transformer *m,
                  const struct sm_batch *batch, const float *x, float *g, size_t rows,
                  struct sm_arena *scratch)
{
    const size_t stride = m->source + m->target + 1;
    const struct sm_extent sources = {batch->count, rows, m->source};
    const struct sm_extent targets = {batch->count, rows, m->target};
    *pass = (struct transformer_pass){
        .encoder = {.x = x, .g = g, .laps = &pass->laps},
        .decoder = {.x = x, .g = g, .laps = &pass->laps},
        .sources = sm_arena_alloc(scratch, batch->count, sizeof(size_t)),
        .targets = sm_arena_alloc(scratch, batch->count, sizeof(size_t)),
    };
    if (pass->sources == NULL || pass->targets == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "transformer: no memory for %zu lengths", batch->count);
    for (size_t s = 0; s < batch->count; s++) {
        const uint16_t *tokens = batch->tokens + s * stride;
        const size_t read = transformer_length(tokens, m->source);
        pass->sources[s] = read > 0 ? read : 1; /* attention needs something to look at */
        pass->targets[s] = transformer_length(tokens + m->source + 1, m->target);
        pass->predicted += pass->targets[s];
    }
    sm_laps_start(&pass->laps, batch->times);
    SM_TRY(sm_run_create(&pass->encoder, &m->encoder, sources, (struct sm_extent){0}, scratch));
    SM_TRY(sm_run_create(&pass->decoder, &m->decoder, targets, sources, scratch));
    return sm_head_create(&pass->head, &m->embedding, x, g != NULL, rows, scratch);
}

/* Reads the sources of `count` sentences from `first` on. */
static void
transformer_read(struct transformer_pass *pass, const struct transformer *m,
                 const struct sm_batch *batch, size_t first, size_t count)
{
    const size_t stride = m->source + m->target + 1;
    struct sm_run *encoder = &pass->encoder, *decoder = &pass->decoder;
    encoder->sample = decoder->sample = (uint32_t)first;
    sm_run_take(encoder, pass->sources + first, count, NULL);
    sm_embedding_forward(&m->embedding, encoder, batch->tokens + first * stride, stride, 0);
    sm_run_forward(encoder);
    decoder->other = sm_run_output(encoder);
    decoder->other_rows = encoder->rows;
    sm_run_look(decoder);
}

/* The losses of the batch; with g also the gradient of their mean. */
static void
transformer_losses(const struct transformer *m, const struct sm_batch *batch,
                   struct transformer_pass *pass, size_t rows, float smoothing, double *loss,
                   size_t *correct)
{
    const size_t stride = m->source + m->target + 1;
    const float scale = 1.0f / (float)(pass->predicted > 0 ? pass->predicted : 1);
    struct sm_run *encoder = &pass->encoder, *decoder = &pass->decoder;
    *loss = 0;
    *correct = 0;
    for (size_t first = 0, count; first < batch->count; first += count) {
        size_t source = 0, target = 0;
        for (count = 0; first + count < batch->count; count++) {
            source += pass->sources[first + count];
            target += pass->targets[first + count];
            if (count > 0 && (source > rows || target > rows))
                break;
        }
        const uint16_t *tokens = batch->tokens + first * stride + m->source;
        transformer_read(pass, m, batch, first, count);
        sm_run_take(decoder, pass->targets + first, count, encoder);
        for (size_t s = 0; s < count; s++)
            memcpy(pass->head.targets + decoder->self[s].query, tokens + s * stride + 1,
                   decoder->self[s].queries * sizeof *tokens);
        sm_embedding_forward(&m->embedding, decoder, tokens, stride, 0);
        sm_run_forward(decoder);
        sm_head_logits(&pass->head, decoder);
        sm_head_loss(&pass->head, decoder, smoothing, scale, loss, correct);
        if (decoder->g == NULL)
            continue;
        decoder->d_other = encoder->d_normed;
        memset(encoder->d_normed, 0, encoder->rows * sm_row_stride(m->width) * sizeof(float));
        sm_run_backward(decoder);
        sm_embedding_backward(&m->embedding, decoder, tokens, stride);
        sm_run_backward(encoder);
        sm_embedding_backward(&m->embedding, encoder, batch->tokens + first * stride, stride);
    }
}

/* Rows for passes over whole sentences: one of them at least. */
static size_t
transformer_rows(const struct transformer *m)
{
    const size_t longest = m->source > m->target ? m->source : m->target;
    return longest > ROWS ? longest : ROWS;
}

static enum sm_status
transformer_gradient(const void *state, const struct sm_batch *batch, const float *x,
                     float *statistics, float *g, double *loss, struct sm_arena *scratch)
{
    (void)statistics;
    const struct transformer *m = state;
    const size_t rows = transformer_rows(m);
    struct transformer_pass pass;
    size_t correct;
    memset(g, 0, m->layout.floats * sizeof *g);
    SM_TRY(transformer_begin(&pass, m, batch, x, g, rows, scratch));
    if (m->dropout > 0) { /* one draw: the masks are hashes of it */
        pass.encoder.dropout = pass.decoder.dropout = m->dropout;
        pass.encoder.key = (uint32_t)(sm_rng_uniform(batch->dropout) * 0x1p32);
        pass.decoder.key = ~pass.encoder.key;
    }
    transformer_losses(m, batch, &pass, rows, m->label_smoothing, loss, &correct);
    *loss /= (double)(pass.predicted > 0 ? pass.predicted : 1);
    return SM_OK;
}

static enum sm_status
transformer_evaluate(const void *state, const struct sm_batch *batch, const float *x,
                     const float *statistics, struct sm_metrics *metrics, struct sm_arena *scratch)
{
    (void)statistics;
    const struct transformer *m = state;
    const size_t rows = transformer_rows(m);
    struct transformer_pass pass;
    double loss;
    size_t correct;
    SM_TRY(transformer_begin(&pass, m, batch, x, NULL, rows, scratch));
    transformer_losses(m, batch, &pass, rows, 0.0f, &loss, &correct);
    *metrics = (struct sm_metrics){.loss = loss,
                                   .correct = (double)correct,
                                   .count = pass.predicted,
                                   .classifies = true,
                                   .sequences = true};
    return SM_OK;
}

/* The likeliest token; never padding nor begin. */
static uint16_t
transformer_choose(const float *z, size_t vocabulary)
{
    size_t best = SM_TOKEN_END;
    for (size_t c = best + 1; c < vocabulary; c++)
        if (z[c] > z[best])
            best = c;
    return (uint16_t)best;
}

/* Greedy decoding: each step runs one token of every sentence and keeps its keys and values. */
static enum sm_status
transformer_translate(const void *state, const struct sm_batch *batch, const float *x,
                      uint16_t *hypotheses, struct sm_arena *scratch)
{
    const struct transformer *m = state;
    const size_t longest = m->source > m->target ? m->source : m->target;
    const size_t at_once = batch->count < GROUP ? batch->count : GROUP;
    struct transformer_pass pass;
    SM_TRY(transformer_begin(&pass, m, batch, x, NULL, at_once * longest, scratch));
    struct sm_run *decoder = &pass.decoder;
    memset(hypotheses, 0, batch->count * m->target * sizeof *hypotheses); /* padding */
    for (size_t first = 0; first < batch->count; first += at_once) {
        const size_t rest = batch->count - first, count = rest < at_once ? rest : at_once;
        uint16_t tokens[GROUP];
        transformer_read(&pass, m, batch, first, count);
        decoder->sequences = decoder->rows = count;
        decoder->step = m->target;
        for (size_t s = 0; s < count; s++) {
            const struct sm_sight *source = &pass.encoder.self[s];
            tokens[s] = SM_TOKEN_BEGIN;
            decoder->self[s] = (struct sm_sight){s, 1, s * m->target, 0};
            decoder->cross[s] = (struct sm_sight){s, 1, source->key, source->keys};
        }
        for (size_t t = 0, running = count; t < m->target && running > 0; t++) {
            decoder->first = t;
            for (size_t s = 0; s < count; s++)
                decoder->self[s].keys = t + 1;
            sm_embedding_forward(&m->embedding, decoder, tokens, 1, t);
            sm_run_forward(decoder);
            sm_head_logits(&pass.head, decoder);
            running = 0;
            for (size_t s = 0; s < count; s++) {
                if (tokens[s] != SM_TOKEN_END) {
                    const float *z = pass.head.logits + s * sm_row_stride(m->embedding.vocabulary);
                    tokens[s] = transformer_choose(z, m->embedding.vocabulary);
                    hypotheses[(first + s) * m->target + t] = tokens[s];
                }
                running += tokens[s] != SM_TOKEN_END;
            }
        }
    }
    return SM_OK;
}

const struct sm_model sm_model_transformer = {
    .about =
        {
            .name = "transformer",
            .doc = "translator: an encoder, and a decoder that attends to what it read",
            .source = "Vaswani et al., NeurIPS 2017; norms first as Xiong et al., ICML 2020",
            .state_size = sizeof(struct transformer),
            .params = transformer_params,
        },
    .needs_data = true,
    .configure = transformer_configure,
    .initial = transformer_initial,
    .gradient = transformer_gradient,
    .evaluate = transformer_evaluate,
    .translate = transformer_translate,
};
