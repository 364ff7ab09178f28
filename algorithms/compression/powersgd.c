/* SPDX-License-Identifier: GPL-3.0-or-later */
/* algorithms/compression/powersgd.c -- PowerSGD: layers of rank r, by one step of subspace
 * iteration.
 *
 *   P = mean M Q,  P <- orthonormal columns,  Q <- mean M^T P,  the mean of the M becomes P Q^T
 *
 * M (rows, columns) is a layer plus what was left of it before (error feedback), Q (columns, r)
 * that of the last time, at first random and the same on all ranks. Two all-reduces: the P of all
 * layers, then the Q. Vectors, and layers that factors would not make smaller, travel as they are
 * with the first and leave nothing behind. Source: Vogels, Karimireddy, Jaggi, NeurIPS 2019,
 * arXiv:1905.13727, Alg. 1 and 2.
 *
 * A layer stands in memory as panels: blocks B (count, width), row-major. In a panel of several
 * rows of M these are the block's columns; where rows of M stand one after another (panel = 1) all
 * of M is one block and they are its rows. So each product is one of two walks through a block.
 */
#include "algorithms/compression/compression.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "sim/base/clones.h"
#include "sim/base/rng.h"
#include "sim/base/vec.h"

enum { LANES = 16 };

/* A column of P counts as zero once the columns before it leave so small a part of it: what its
 * sums were rounded by is not far below. */
static const double powersgd_dependent = 1e-5;

/* A layer that travels as factors; column j of P at p + j rows, of Q at q + j columns. */
struct layer {
    const struct sm_matrix *matrix;
    size_t p, q;
};

struct powersgd {
    size_t rank; /* settings */
    bool feedback;
    size_t n, layer_count, p_count, q_count, plain_count, most_rows;
    struct layer *layers; /* (layer_count) in the order of the vector                            */
    float *first;         /* (p_count + plain_count) P of all layers, then what travels as it is */
    float *second;        /* (q_count) Q of all layers                                           */
    float *q;             /* (q_count) those of the last time                                    */
    double *columns;      /* (rank, most_rows) P of one layer while it is made orthonormal       */
    struct sm_rng *rng;   /* the same on all ranks                                               */
    double share[2];      /* of a float for each of n, what the two all-reduces weigh            */
    float *x, *residual;  /* (n) of the job under way                                            */
};

static const struct sm_param powersgd_params[] = {
    SM_PARAM(struct powersgd, rank, 4, 1, 1024, "r, rank of the factors"),
    SM_PARAM_BOOL(struct powersgd, feedback, true, "add what was not sent to the next vector"),
    SM_PARAM_END,
};

static size_t
size_of(const struct sm_matrix *matrix)
{
    return matrix->rows * matrix->columns;
}

static bool
powersgd_factors(const struct powersgd *s, const struct sm_matrix *matrix)
{
    return s->rank * (matrix->rows + matrix->columns) < size_of(matrix);
}

/* Floats of each all-reduce for a float of the model. */
static void
powersgd_weigh(struct powersgd *s, const struct sm_matrix *matrices, size_t count, size_t n)
{
    size_t total = 0, first = 0, second = 0;
    for (size_t i = 0; i < count; i++) {
        const struct sm_matrix *m = &matrices[i];
        const bool factors = powersgd_factors(s, m);
        total += size_of(m);
        first += factors ? s->rank * m->rows : size_of(m);
        second += factors ? s->rank * m->columns : 0;
    }
    if (total < n) { /* what is in no matrix */
        first += n - total;
        total = n;
    }
    s->share[0] = (double)first / (double)total;
    s->share[1] = (double)second / (double)total;
}

static void
powersgd_find_layers(struct powersgd *s, const struct sm_setup *setup)
{
    s->plain_count = s->n;
    for (size_t i = 0; i < setup->matrix_count; i++) {
        const struct sm_matrix *m = &setup->matrices[i];
        if (!powersgd_factors(s, m))
            continue;
        s->layers[s->layer_count++] = (struct layer){m, s->p_count, s->q_count};
        s->p_count += s->rank * m->rows;
        s->q_count += s->rank * m->columns;
        s->plain_count -= size_of(m);
        s->most_rows = m->rows > s->most_rows ? m->rows : s->most_rows;
    }
}

static void
powersgd_draw(struct powersgd *s, size_t n, float *q)
{
    for (size_t i = 0; i < n; i++)
        q[i] = (float)sm_rng_normal(s->rng, 1);
}

static enum sm_status
powersgd_init(void *state, const struct sm_setup *setup)
{
    struct powersgd *s = state;
    struct sm_arena *arena = setup->arena;
    s->n = setup->n;
    s->layers = sm_arena_alloc(arena, setup->matrix_count, sizeof *s->layers);
    if (s->layers == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "powersgd: %zu layers", setup->matrix_count);
    powersgd_find_layers(s, setup);
    if (setup->whole != NULL)
        powersgd_weigh(s, setup->whole, setup->whole_count, 0);
    else
        powersgd_weigh(s, setup->matrices, setup->matrix_count, s->n);
    s->rng = sm_rng_create(arena, setup->comm->seed, SM_RNG_COMPRESSION, 0);
    s->first = sm_arena_alloc(arena, s->p_count + s->plain_count, sizeof *s->first);
    s->second = sm_arena_alloc(arena, s->q_count, sizeof *s->second);
    s->q = sm_arena_alloc(arena, s->q_count, sizeof *s->q);
    s->columns = sm_arena_alloc(arena, s->rank * s->most_rows, sizeof *s->columns);
    if (s->rng == NULL || s->first == NULL || s->second == NULL || s->q == NULL ||
        s->columns == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "powersgd: factors of rank %zu for n=%zu floats", s->rank,
                       s->n);
    powersgd_draw(s, s->q_count, s->q);
    return SM_OK;
}

static bool
powersgd_feeds_back(const void *state)
{
    return ((const struct powersgd *)state)->feedback;
}

/* Calls visit(where it travels, place in x, floats) for each run of floats that no layer holds. */
static void
powersgd_plain(struct powersgd *s,
               void (*visit)(struct powersgd *s, float *plain, size_t at, size_t count))
{
    float *plain = s->first + s->p_count;
    size_t at = 0;
    for (size_t i = 0; i <= s->layer_count; i++) {
        const struct sm_matrix *m = i < s->layer_count ? s->layers[i].matrix : NULL;
        const size_t run = (m != NULL ? m->offset : s->n) - at;
        visit(s, plain, at, run);
        plain += run;
        at += run + (m != NULL ? size_of(m) : 0);
    }
}

static void
take_plain(struct powersgd *s, float *plain, size_t at, size_t count)
{
    memcpy(plain, s->x + at, count * sizeof *plain);
}

/* Nothing of it stays behind: the residual is 0 there from the start. */
static void
give_plain(struct powersgd *s, float *plain, size_t at, size_t count)
{
    memcpy(s->x + at, plain, count * sizeof *plain);
}

/* down (rank, width) += f (rank, count) B: column j of f at f + j f_stride. */
SM_CLONES static void
block_down(size_t rank, size_t count, size_t width, const float *restrict b, const float *f,
           size_t f_stride, float *restrict down, size_t down_stride)
{
    for (size_t j = 0; j < rank; j++) {
        const float *restrict fj = f + j * f_stride;
        float *restrict to = down + j * down_stride;
        size_t w = 0;
        for (; w + LANES <= width; w += LANES) {
            float sum[LANES];
            memcpy(sum, to + w, sizeof sum);
            for (size_t c = 0; c < count; c++)
                for (size_t l = 0; l < LANES; l++)
                    sum[l] += b[c * width + w + l] * fj[c];
            memcpy(to + w, sum, sizeof sum);
        }
        for (size_t c = 0; c < count; c++)
            for (size_t l = w; l < width; l++)
                to[l] += b[c * width + l] * fj[c];
    }
}

/* across (rank, count) += B f (rank, width). */
SM_CLONES static void
block_across(size_t rank, size_t count, size_t width, const float *restrict b, const float *f,
             size_t f_stride, float *restrict across, size_t across_stride)
{
    for (size_t j = 0; j < rank; j++) {
        const float *restrict fj = f + j * f_stride;
        for (size_t c = 0; c < count; c++) {
            const float *restrict row = b + c * width;
            float sum[LANES] = {0}, rest = 0;
            size_t w = 0;
            for (; w + LANES <= width; w += LANES)
                for (size_t l = 0; l < LANES; l++)
                    sum[l] += row[w + l] * fj[w + l];
            for (; w < width; w++)
                rest += row[w] * fj[w];
            for (size_t half = LANES / 2; half > 0; half /= 2)
                for (size_t l = 0; l < half; l++)
                    sum[l] += sum[l + half];
            across[j * across_stride + c] += sum[0] + rest;
        }
    }
}

/* B becomes h (count, rank) f (rank, width); residual, where there is one, what that took from it.
 */
SM_CLONES static void
block_product(size_t rank, size_t count, size_t width, const float *h, size_t h_stride,
              const float *f, size_t f_stride, float *restrict b, float *restrict residual)
{
    for (size_t c = 0; c < count; c++) {
        float *restrict row = b + c * width;
        for (size_t w = 0; w < width; w += LANES) {
            const size_t lanes = width - w < LANES ? width - w : LANES;
            float sum[LANES] = {0};
            for (size_t j = 0; j < rank; j++) {
                const float hj = h[j * h_stride + c];
                for (size_t l = 0; l < lanes; l++)
                    sum[l] += hj * f[j * f_stride + w + l];
            }
            if (residual != NULL)
                for (size_t l = 0; l < lanes; l++)
                    residual[c * width + w + l] = row[w + l] - sum[l];
            memcpy(row + w, sum, lanes * sizeof *sum);
        }
    }
}

/* Block i of the matrix; false past the last. rows_across: whether the block's width runs over M's
 * rows, from `first` on. */
struct block {
    size_t at, count, width, first; /* at: in the flat vector */
    bool rows_across;
};

static bool
block_of(const struct sm_matrix *m, size_t i, struct block *block)
{
    if (m->panel == 1) {
        *block = (struct block){m->offset, m->rows, m->columns, 0, false};
        return i == 0;
    }
    const size_t first = i * m->panel;
    if (first >= m->rows)
        return false;
    const size_t left = m->rows - first;
    *block = (struct block){m->offset + first * m->columns, m->columns,
                            left < m->panel ? left : m->panel, first, true};
    return true;
}

/* P = M Q for each layer, and what travels as it is. */
static enum sm_status
project_job(void *arg, struct sm_arena *scratch)
{
    (void)scratch;
    struct powersgd *s = arg;
    memset(s->first, 0, s->p_count * sizeof *s->first);
    for (size_t i = 0; i < s->layer_count; i++) {
        const struct sm_matrix *m = s->layers[i].matrix;
        const float *q = s->q + s->layers[i].q;
        float *p = s->first + s->layers[i].p;
        struct block k;
        for (size_t b = 0; block_of(m, b, &k); b++)
            if (k.rows_across)
                block_down(s->rank, k.count, k.width, s->x + k.at, q, m->columns, p + k.first,
                           m->rows);
            else
                block_across(s->rank, k.count, k.width, s->x + k.at, q, m->columns, p, m->rows);
    }
    powersgd_plain(s, take_plain);
    return SM_OK;
}

static double
dot(size_t n, const double *x, const double *y)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += x[i] * y[i];
    return sum;
}

/* Modified Gram-Schmidt on the columns p (rank, rows). A column that the ones before it span, or
 * that is zero or not finite, becomes zero. */
static void
orthonormalise(size_t rank, size_t rows, double *columns, float *p)
{
    for (size_t j = 0; j < rank; j++) {
        double *column = columns + j * rows;
        for (size_t i = 0; i < rows; i++)
            column[i] = (double)p[j * rows + i];
        const double before = sqrt(dot(rows, column, column));
        for (size_t other = 0; other < j; other++) {
            const double *unit = columns + other * rows, along = dot(rows, unit, column);
            for (size_t i = 0; i < rows; i++)
                column[i] -= along * unit[i];
        }
        const double length = sqrt(dot(rows, column, column));
        const bool stands = length > powersgd_dependent * before && isfinite(length);
        for (size_t i = 0; i < rows; i++) {
            column[i] = stands ? column[i] / length : 0;
            p[j * rows + i] = (float)column[i];
        }
    }
}

/* P becomes orthonormal, and Q = M^T P. */
static enum sm_status
back_job(void *arg, struct sm_arena *scratch)
{
    (void)scratch;
    struct powersgd *s = arg;
    memset(s->second, 0, s->q_count * sizeof *s->second);
    for (size_t i = 0; i < s->layer_count; i++) {
        const struct sm_matrix *m = s->layers[i].matrix;
        float *p = s->first + s->layers[i].p, *q = s->second + s->layers[i].q;
        struct block k;
        orthonormalise(s->rank, m->rows, s->columns, p);
        for (size_t b = 0; block_of(m, b, &k); b++)
            if (k.rows_across)
                block_across(s->rank, k.count, k.width, s->x + k.at, p + k.first, m->rows, q,
                             m->columns);
            else
                block_down(s->rank, k.count, k.width, s->x + k.at, p, m->rows, q, m->columns);
    }
    return SM_OK;
}

/* The Q of the next time: of columns only the direction matters, so they are kept at length 1,
 * where products neither overflow nor vanish. One that a zero column of P left zero would stay so
 * for ever: it is drawn anew, on all ranks alike, for their P are. */
static void
keep_q(struct powersgd *s, const struct layer *layer)
{
    const size_t columns = layer->matrix->columns;
    for (size_t j = 0; j < s->rank; j++) {
        const size_t at = layer->q + j * columns;
        const double length = sqrt(sm_vec_norm2(columns, s->second + at));
        if (length > FLT_MIN && length < FLT_MAX)
            sm_vec_scaled_copy(columns, (float)(1 / length), s->second + at, s->q + at);
        else
            powersgd_draw(s, columns, s->q + at);
    }
}

/* M becomes P Q^T. */
static enum sm_status
reconstruct_job(void *arg, struct sm_arena *scratch)
{
    (void)scratch;
    struct powersgd *s = arg;
    for (size_t i = 0; i < s->layer_count; i++) {
        const struct sm_matrix *m = s->layers[i].matrix;
        const float *p = s->first + s->layers[i].p, *q = s->second + s->layers[i].q;
        struct block k;
        for (size_t b = 0; block_of(m, b, &k); b++) {
            float *residual = s->residual != NULL ? s->residual + k.at : NULL;
            if (k.rows_across)
                block_product(s->rank, k.count, k.width, q, m->columns, p + k.first, m->rows,
                              s->x + k.at, residual);
            else
                block_product(s->rank, k.count, k.width, p, m->rows, q, m->columns, s->x + k.at,
                              residual);
        }
        keep_q(s, &s->layers[i]);
    }
    powersgd_plain(s, give_plain);
    return SM_OK;
}

static enum sm_status
work(struct powersgd *s, struct sm_comm *comm,
     enum sm_status (*run)(void *arg, struct sm_arena *scratch))
{
    return comm->ops->compute(comm, SM_STAGE_UPDATE, 0, 0, &(struct sm_job){run, s});
}

static enum sm_status
powersgd_average(void *state, struct sm_comm *comm, size_t n, float *x, float *residual,
                 double beside)
{
    struct powersgd *s = state;
    struct sm_request *request;
    s->x = x;
    s->residual = residual;
    SM_TRY(work(s, comm, project_job));
    SM_TRY(comm->ops->iallreduce(comm, SM_AMONG_WORKERS, s->first, s->p_count + s->plain_count,
                                 (double)n * s->share[0] + beside, &request));
    SM_TRY(comm->ops->wait(comm, &request));
    if (s->share[1] > 0) {
        SM_TRY(work(s, comm, back_job));
        SM_TRY(comm->ops->iallreduce(comm, SM_AMONG_WORKERS, s->second, s->q_count,
                                     (double)n * s->share[1], &request));
        SM_TRY(comm->ops->wait(comm, &request));
    }
    return work(s, comm, reconstruct_job);
}

static double
powersgd_wire(const void *state, size_t n, size_t size)
{
    (void)size;
    const struct powersgd *s = state;
    return (double)n * (s->share[0] + s->share[1]);
}

const struct sm_compression sm_compression_powersgd = {
    .about = {.name = "powersgd",
              .doc = "layers as products of thin matrices (rank r), by one subspace iteration",
              .source = "Vogels, Karimireddy, Jaggi, NeurIPS 2019, arXiv:1905.13727, Alg. 1, 2",
              .state_size = sizeof(struct powersgd),
              .params = powersgd_params},
    .by_matrix = true,
    .init = powersgd_init,
    .feeds_back = powersgd_feeds_back,
    .wire = powersgd_wire,
    .average = powersgd_average,
};
