/* SPDX-License-Identifier: GPL-3.0-or-later */
/* algorithms/inner/muon.c -- momentum whose matrices are made (nearly) orthogonal; vectors: AdamW.
 *
 *   b <- momentum b + (1 - momentum) g;  d = momentum b + (1 - momentum) g if nesterov, else b
 *   o <- d / |d|, then some times  o <- 3.4445 o - 4.7750 (o o^T) o + 2.0315 (o o^T)^2 o
 *   x <- (1 - gamma weight_decay) x - gamma sqrt(max(1, rows / columns)) o
 *
 * The polynomial brings every singular value of o into about 0.7 .. 1.2. Every tensor with columns
 * is a matrix here, embeddings and the last layer too. Vectors take adamw.c's step, of learning
 * rate vectors * gamma. Source: Jordan et al., "Muon", 2024 (kellerjordan.github.io/posts/muon),
 * in PyTorch's form (torch.optim.Muon); weight decay: Liu et al. 2025, arXiv:2502.16982.
 */
#include <math.h>
#include <string.h>

#include "algorithms/inner/adam.h"
#include "sim/base/clones.h"
#include "sim/base/vec.h"

enum { BLOCK = 256 }; /* rows and columns of a factor that are worked with at a time */

struct muon {
    struct sm_adam adam; /* first: its settings are read as this one's; v: of the vectors alone */
    float momentum, vectors;
    bool nesterov;
    size_t iterations;
    const struct sm_matrix *matrices;
    size_t matrix_count, in_vectors; /* floats that vectors have together */
    float *o, *turned, *next;        /* work: (short, long), (long, short), (short, long) */
    float *gram, *polynomial;        /* work: (short, short)                              */
};

static const struct sm_param muon_params[] = {
    SM_PARAM(struct sm_adam, lr, 0.02f, 0.0f, 1e6f, "learning rate gamma of matrices"),
    SM_PARAM(struct muon, momentum, 0.95f, 0.0f, 0.9999f, "momentum factor of matrices"),
    SM_PARAM_BOOL(struct muon, nesterov, true, "look ahead along the momentum"),
    SM_PARAM(struct muon, iterations, 5, 1, 100, "of the polynomial that makes orthogonal"),
    SM_PARAM(struct sm_adam, weight_decay, 0.0f, 0.0f, 1.0f,
             "share of x taken away in a step, per unit of gamma"),
    SM_PARAM(struct muon, vectors, 0.015f, 0.0f, 1e6f,
             "learning rate of vectors, as a share of lr"),
    SM_PARAM(struct sm_adam, beta1, 0.9f, 0.0f, 0.9999f, "vectors: decay of the mean of g"),
    SM_PARAM(struct sm_adam, beta2, 0.95f, 0.0f, 0.99999f, "vectors: decay of the mean of g^2"),
    SM_PARAM(struct sm_adam, epsilon, 1e-10f, 1e-20f, 1.0f, "vectors: added to the root, as g"),
    SM_PARAM_END,
};

static size_t
short_side(const struct sm_matrix *m)
{
    return m->rows < m->columns ? m->rows : m->columns;
}

static size_t
size_of(const struct sm_matrix *m)
{
    return m->rows * m->columns;
}

static enum sm_status
muon_init(void *state, const struct sm_setup *setup)
{
    struct muon *s = state;
    size_t largest = 0, shortest = 0;
    s->matrices = setup->matrices;
    s->matrix_count = setup->matrix_count;
    for (size_t i = 0; i < s->matrix_count; i++) {
        const struct sm_matrix *m = &s->matrices[i];
        if (m->columns == 1) {
            s->in_vectors += m->rows;
            continue;
        }
        largest = size_of(m) > largest ? size_of(m) : largest;
        shortest = short_side(m) > shortest ? short_side(m) : shortest;
    }
    s->adam.n = setup->n;
    const struct {
        float **vector;
        size_t size;
    } vectors[] = {
        {&s->adam.m, setup->n},
        {&s->adam.v, s->in_vectors},
        {&s->o, largest},
        {&s->turned, largest},
        {&s->next, largest},
        {&s->gram, shortest * shortest},
        {&s->polynomial, shortest * shortest},
    };
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        *vectors[i].vector = sm_arena_zalloc(setup->arena, vectors[i].size, sizeof(float));
        if (*vectors[i].vector == NULL)
            return SM_FAIL(SM_ERR_NOMEM, "muon: a vector of n=%zu floats", vectors[i].size);
    }
    return SM_OK;
}

/* c (rows, columns) += scale a (rows, depth) b (depth, columns), in blocks of b that stay in the
 * cache; every element is summed in the order of depth. */
SM_CLONES static void
add_product(float *restrict c, float scale, const float *restrict a, const float *restrict b,
            size_t rows, size_t depth, size_t columns)
{
    for (size_t k0 = 0; k0 < depth; k0 += BLOCK)
        for (size_t j0 = 0; j0 < columns; j0 += BLOCK) {
            const size_t k1 = depth - k0 < BLOCK ? depth : k0 + BLOCK;
            const size_t width = columns - j0 < BLOCK ? columns - j0 : BLOCK;
            for (size_t i = 0; i < rows; i++) {
                float *restrict ci = c + i * columns + j0;
                for (size_t k = k0; k < k1; k++) {
                    const float aik = scale * a[i * depth + k];
                    const float *restrict bk = b + k * columns + j0;
                    for (size_t j = 0; j < width; j++)
                        ci[j] += aik * bk[j];
                }
            }
        }
}

static void
transpose(float *restrict to, const float *restrict from, size_t rows, size_t columns)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < columns; j++)
            to[j * rows + i] = from[i * columns + j];
}

/* s->o (rows, columns), rows <= columns and of length 1 at most, becomes nearly orthogonal. */
static void
orthogonalise(struct muon *s, size_t rows, size_t columns)
{
    const size_t square = rows * rows, size = rows * columns;
    for (size_t i = 0; i < s->iterations; i++) {
        transpose(s->turned, s->o, rows, columns);
        memset(s->gram, 0, square * sizeof *s->gram);
        add_product(s->gram, 1.0f, s->o, s->turned, rows, columns, rows);
        sm_vec_scaled_copy(square, -4.7750f, s->gram, s->polynomial);
        add_product(s->polynomial, 2.0315f, s->gram, s->gram, rows, rows, rows);
        sm_vec_scaled_copy(size, 3.4445f, s->o, s->next);
        add_product(s->next, 1.0f, s->polynomial, s->o, rows, rows, columns);
        float *swap = s->o;
        s->o = s->next;
        s->next = swap;
    }
}

/* b takes in g, which becomes the direction. */
SM_CLONES static void
momentum_pass(size_t n, float momentum, bool nesterov, float *restrict g, float *restrict b)
{
    const float ahead = nesterov ? 1.0f - momentum : 0.0f, along = nesterov ? momentum : 1.0f;
    for (size_t i = 0; i < n; i++) {
        b[i] = momentum * b[i] + (1.0f - momentum) * g[i];
        g[i] = ahead * g[i] + along * b[i];
    }
}

static void
step_matrix(struct muon *s, const struct sm_matrix *m, float gamma, float *g, float *x)
{
    const size_t rows = short_side(m), columns = size_of(m) / rows;
    const bool wide = m->rows <= m->columns;
    momentum_pass(size_of(m), s->momentum, s->nesterov, g + m->offset, s->adam.m + m->offset);
    const double length = sqrt(sm_vec_norm2(size_of(m), g + m->offset));
    const double scale = length > 0 ? 1 / length : 0;
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < columns; j++) {
            const size_t at = wide ? sm_matrix_place(m, i, j) : sm_matrix_place(m, j, i);
            s->o[i * columns + j] = (float)((double)g[at] * scale);
        }
    orthogonalise(s, rows, columns);
    const float keep = 1.0f - gamma * s->adam.weight_decay;
    const float rate = wide ? gamma : gamma * sqrtf((float)m->rows / (float)m->columns);
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < columns; j++) {
            const size_t at = wide ? sm_matrix_place(m, i, j) : sm_matrix_place(m, j, i);
            x[at] = keep * x[at] - rate * s->o[i * columns + j];
        }
}

static enum sm_status
muon_step(void *state, size_t n, float gamma, float *g, float *x)
{
    (void)n;
    struct muon *s = state;
    const float slow = gamma * s->vectors;
    float *v = s->adam.v;
    s->adam.steps += 1.0f;
    for (size_t i = 0; i < s->matrix_count; i++) {
        const struct sm_matrix *m = &s->matrices[i];
        if (m->columns > 1) {
            step_matrix(s, m, gamma, g, x);
            continue;
        }
        sm_adam_direction(&s->adam, m->rows, g + m->offset, s->adam.m + m->offset, v);
        sm_vec_scale(m->rows, 1.0f - slow * s->adam.weight_decay, x + m->offset);
        sm_vec_axpy(m->rows, -slow, g + m->offset, x + m->offset);
        v += m->rows;
    }
    return SM_OK;
}

static bool
muon_buffer(void *state, size_t i, struct sm_buffer *buffer)
{
    struct muon *s = state;
    const struct sm_buffer all[] = {{s->adam.m, s->adam.n, false},
                                    {&s->adam.steps, 1, true},
                                    {s->adam.v, s->in_vectors, false}};
    if (i >= (s->in_vectors > 0 ? 3 : 2))
        return false;
    *buffer = all[i];
    return true;
}

const struct sm_inner sm_inner_muon = {
    .about = {.name = "muon",
              .doc = "momentum with each matrix made nearly orthogonal, AdamW for vectors",
              .source = "Jordan et al. 2024, Muon; Liu et al. 2025, arXiv:2502.16982",
              .state_size = sizeof(struct muon),
              .params = muon_params},
    .by_matrix = true,
    .init = muon_init,
    .step = muon_step,
    .buffer = muon_buffer,
};
