/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/layers/sequence.h -- the layers of transformers, on rows of tokens.
 *
 * A batch is worked through a few sequences at a time, so that their activations stay near. Their
 * tokens are rows one after another: padding has none, and so plays no part in anything.
 *
 * A stack is a list of residual sub-layers x + dropout(f(norm(x))) and a last norm (pre-norm: Xiong
 * et al. 2020), where f is one of enum sm_sublayer_kind. A stack belongs to a model; a run of it
 * has the activations of the sequences at hand, in a thread's scratch memory.
 */
#ifndef SM_WORKLOADS_LAYERS_SEQUENCE_H
#define SM_WORKLOADS_LAYERS_SEQUENCE_H

#include "workloads/models/model.h"

/* ---- parameters ---- */

/* How a tensor starts: 0, 1, uniform in +-sqrt(6 / (in + out)) (Glorot, Bengio 2010), normal. */
enum sm_start { SM_START_ZERO, SM_START_ONE, SM_START_GLOROT, SM_START_NORMAL };

/* The flat vector of a model under construction. */
struct sm_layout {
    struct sm_arena *arena;
    struct sm_tensor *tensors; /* (count) */
    enum sm_start *starts;     /* (count) */
    size_t count, most, floats;
    enum sm_status status; /* of what was added so far */
};

/* y = x w^T + b: offsets of the panels and of the bias. */
struct sm_dense {
    size_t in, out, weight, bias;
};

enum sm_status sm_layout_init(struct sm_layout *layout, struct sm_arena *arena, size_t most);
/* Appends a tensor (rows, columns), or (rows) when columns is 0, named by the format; returns its
 * offset. A failure shows in layout->status. */
__attribute__((format(printf, 6, 7))) size_t sm_layout_add(struct sm_layout *layout, size_t rows,
                                                           size_t columns, bool panels,
                                                           enum sm_start start, const char *format,
                                                           ...);
/* x = the initial vector; sigma: the deviation of the normal ones. */
void sm_layout_initial(const struct sm_layout *layout, struct sm_rng *rng, double sigma, float *x);

/* ---- the stack ---- */

enum sm_sublayer_kind {
    SM_SELF_ATTENTION,   /* over the whole sequence                 */
    SM_CAUSAL_ATTENTION, /* over the tokens up to the one it is for */
    SM_CROSS_ATTENTION,  /* over the rows that another stack made   */
    SM_FEED_FORWARD,     /* dense, GELU, dense                      */
};

struct sm_sublayer {
    enum sm_sublayer_kind kind;
    size_t norm;         /* offset of its weights (width), biases (width)                    */
    struct sm_dense in;  /* to queries, keys, values; cross: to queries; feed-forward: widen */
    struct sm_dense kv;  /* cross: from the other stack's rows to keys, values               */
    struct sm_dense out; /* back to the width                                                */
};

/* Settings that all stacks of a model share. */
struct sm_stack_shape {
    size_t width, heads, hidden;
};

enum { SM_MOST_SUBLAYERS = 3 * 64 };

struct sm_stack {
    struct sm_stack_shape shape;
    struct sm_sublayer layer[SM_MOST_SUBLAYERS];
    size_t count, norm;
};

/* SM_ERR_INPUT with one line unless width, width / heads and hidden are multiples of 16. */
enum sm_status sm_stack_check(const struct sm_stack_shape *shape);
/* The next sub-layer, `part` (from 1) of the PyTorch module called `name` (a
 * TransformerEncoderLayer or TransformerDecoderLayer with norm_first). */
void sm_stack_add(struct sm_stack *stack, struct sm_layout *layout, enum sm_sublayer_kind kind,
                  const char *name, size_t part);
/* The last norm. */
void sm_stack_end(struct sm_stack *stack, struct sm_layout *layout, const char *name);
/* Forward operations for a sequence of `rows` tokens that looks at `keys` of the other stack. */
double sm_stack_flop(const struct sm_stack *stack, size_t rows, size_t keys);

/* ---- runs ---- */

/* The rows of queries of a sequence, and the rows of keys that they look at. */
struct sm_sight {
    size_t query, queries, key, keys;
};

/* What a sub-layer leaves for the way back. Rows have the stride of their columns. */
struct sm_kept {
    float *x;       /* (rows, width) what it was given                                     */
    float *moments; /* (rows, 2)     of the norm                                           */
    float *normed;  /* (rows, width)                                                       */
    float *in;      /* (rows, in.out)                                                      */
    float *kv;      /* (other rows, 2 width)                                               */
    float *weights; /* of attention: (queries, keys), by sequence and head                 */
    float *heads;   /* (rows, width) attention's result                                    */
};

/* Names of the pieces whose time is taken. */
enum sm_piece {
    SM_PIECE_EMBEDDING,
    SM_PIECE_NORM,
    SM_PIECE_PROJECTION, /* to and from the heads        */
    SM_PIECE_ATTENTION,
    SM_PIECE_FEED_FORWARD, /* its two dense layers       */
    SM_PIECE_GELU,
    SM_PIECE_RESIDUAL, /* and dropout                    */
    SM_PIECE_HEAD,     /* the dense layer to the vocabulary */
    SM_PIECE_LOSS,
    SM_PIECES
};

void sm_piece_forward(struct sm_laps *laps, enum sm_piece piece);
void sm_piece_backward(struct sm_laps *laps, enum sm_piece piece);

struct sm_run {
    const struct sm_stack *stack;
    const float *x; /* the parameters                                                            */
    float *g;       /* their gradient, added to                                                  */
    float *turned;  /* the transposes of the weights, where the weights are in x; only with g    */
    struct sm_laps *laps;
    size_t sequences, rows;     /* at hand                                                       */
    struct sm_sight *self;      /* (sequences) what they see of their own stack                  */
    struct sm_sight *cross;     /* (sequences) and of the other                                  */
    size_t first, step;         /* row r's keys are row first + r step of those kept: 0, 1, but
                                   for a decoder that runs token by token                        */
    float dropout;              /* 0 when evaluating                                             */
    uint32_t key, sample, most; /* of the dropped units; of sequence 0; tokens of the longest    */
    const float *other;         /* (other_rows, width) the rows that cross attention looks at    */
    float *d_other;             /* their gradient, added to                                      */
    size_t other_rows;
    struct sm_kept *kept; /* (count + 1): the last one of the last norm                    */
    float *d;             /* (rows, width) gradient of the residual stream                 */
    float *d_normed, *d_branch, *d_in, *d_kv, *wide, *ds; /* work                                 */
    float *panels; /* work: a head's keys, turned                                   */
};

/* The most that a run has at hand: sequences, their rows together, and the longest's. */
struct sm_extent {
    size_t sequences, rows, longest;
};

/* Memory for a run, which looks at no more than `other` of the other stack. With run->g also for
 * the way back. Set x, g and laps before, the sequences after. */
enum sm_status sm_run_create(struct sm_run *run, const struct sm_stack *stack,
                             struct sm_extent extent, struct sm_extent other,
                             struct sm_arena *scratch);
/* Fills sequences, rows, self and (other: not NULL) cross for sequences of these lengths. */
void sm_run_take(struct sm_run *run, const size_t *lengths, size_t sequences,
                 const struct sm_run *other);
/* Where the rows go in, (rows, width), and where they come out. */
float *sm_run_input(const struct sm_run *run);
float *sm_run_output(const struct sm_run *run);
/* The keys and values of all cross attention, from run->other. */
void sm_run_look(struct sm_run *run);
void sm_run_forward(struct sm_run *run);
/* From d_normed, the gradient of the output, to d, that of the input; adds to g and d_other. */
void sm_run_backward(struct sm_run *run);

/* y (rows of a run, width) with units dropped; site: a number of its own for each place. */
void sm_run_dropout(const struct sm_run *run, float *y, const float *x, uint32_t site);

/* ---- attention.c ---- */

/* heads (rows, width) = attention of q (q_stride) over kv: keys, then `width` floats on, values. */
void sm_attend(const struct sm_run *run, const struct sm_sight *sights, bool causal, float *heads,
               float *weights, const float *q, size_t q_stride, const float *kv, size_t kv_stride);
/* dq and (added to) dkv from d_heads. */
void sm_attend_backward(const struct sm_run *run, const struct sm_sight *sights, bool causal,
                        float *dq, float *dkv, const float *d_heads, const float *heads,
                        const float *weights, const float *q, size_t q_stride, const float *kv,
                        size_t kv_stride);

/* ---- embedding.c: the way in and, by the same matrix, the way out ---- */

struct sm_embedding {
    size_t vocabulary, width;
    size_t weight;          /* offset of the (vocabulary, width) matrix               */
    float scale;            /* of a token's row                                       */
    const float *positions; /* (most, width) added to it; NULL: they are learned, at: */
    size_t position;        /* offset of (most, width)                                */
};

/* Row r of the run's input = scale token + position. tokens: those of sequence s begin at tokens[s
 * stride]; `from` is the position of the first. */
void sm_embedding_forward(const struct sm_embedding *embedding, struct sm_run *run,
                          const uint16_t *tokens, size_t stride, size_t from);
void sm_embedding_backward(const struct sm_embedding *embedding, struct sm_run *run,
                           const uint16_t *tokens, size_t stride);

/* The embedding as the last dense layer, in the order that products want. */
struct sm_head {
    const struct sm_embedding *embedding;
    float *forward,
        *backward;     /* panels (width, vocabulary); slices of panels (vocabulary, width) */
    float *logits;     /* (rows, vocabulary)                                               */
    uint16_t *targets; /* (rows)                                                           */
};

/* For up to `rows` rows; for the way back as well where x has a gradient. */
enum sm_status sm_head_create(struct sm_head *head, const struct sm_embedding *embedding,
                              const float *x, bool backward, size_t rows, struct sm_arena *scratch);
void sm_head_logits(const struct sm_head *head, const struct sm_run *run);
/* Adds the sums of the rows' losses and of right predictions to *loss, *correct. With run->g also
 * the gradients of scale times that loss, and run->d_normed. */
void sm_head_loss(const struct sm_head *head, struct sm_run *run, float smoothing, float scale,
                  double *loss, size_t *correct);

#endif
