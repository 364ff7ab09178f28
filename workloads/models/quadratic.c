/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/models/quadratic.c -- the model of which everything is known: no data, exact theory.
 *
 *   f_i(x) = curvature_i sum_d (x_d - center_i)^2 / 2,  g_i(x)_d = curvature_i (x_d - center_i) +
 * noise_d
 *
 * Coordinates are independent, so a run of dimension D is D runs of the scalar problem.
 */
#include "workloads/models/model.h"

struct quadratic {
    size_t dimension;
    struct sm_numbers curvature, center; /* one for all workers, or one a worker */
    double noise, start;
    size_t workers; /* from here on fixed by configure */
    struct sm_tensor tensor;
};

static const struct sm_param quadratic_params[] = {
    SM_PARAM(struct quadratic, dimension, 1, 1, 1e9, "coordinates of x"),
    SM_PARAM_NUMBERS(struct quadratic, curvature, "1", 0, 1e30,
                     "second derivative: a number, or a list with one entry a worker"),
    SM_PARAM_NUMBERS(struct quadratic, center, "0", -1e30, 1e30,
                     "minimum in every coordinate: a number, or one entry a worker"),
    SM_PARAM(struct quadratic, noise, 0, 0, 1e30,
             "standard deviation of the Gaussian noise on each coordinate of a gradient"),
    SM_PARAM(struct quadratic, start, 1, -1e30, 1e30, "every coordinate of the initial x"),
    SM_PARAM_END,
};

static enum sm_status
quadratic_expect(const char *name, const struct sm_numbers *list, size_t workers)
{
    if (list->count != 1 && list->count != workers)
        return SM_FAIL(SM_ERR_INPUT,
                       "workload.model.%s: %zu entries, expected 1 or one for each of %zu workers",
                       name, list->count, workers);
    return SM_OK;
}

static enum sm_status
quadratic_configure(void *state, struct sm_arena *arena, const struct sm_data_shape *shape,
                    size_t workers, struct sm_model_form *form)
{
    (void)arena;
    (void)shape;
    struct quadratic *q = state;
    SM_TRY(quadratic_expect("curvature", &q->curvature, workers));
    SM_TRY(quadratic_expect("center", &q->center, workers));
    q->workers = workers;
    q->tensor = (struct sm_tensor){.name = "x", .rank = 1, .shape = {q->dimension}};
    *form = (struct sm_model_form){
        .tensors = &q->tensor,
        .tensor_count = 1,
        .flop = 4.0 * (double)q->dimension,          /* - * * + */
        .gradient_flop = 7.0 * (double)q->dimension, /* and - * + */
    };
    return SM_OK;
}

static void
quadratic_initial(const void *state, struct sm_rng *rng, float *x, float *statistics)
{
    (void)rng;
    (void)statistics;
    const struct quadratic *q = state;
    for (size_t d = 0; d < q->dimension; d++)
        x[d] = (float)q->start;
}

static double
of_worker(const struct sm_numbers *list, size_t worker)
{
    return list->values[list->count == 1 ? 0 : worker];
}

static double
quadratic_value(const struct quadratic *q, size_t worker, const float *x)
{
    const double center = of_worker(&q->center, worker);
    double sum = 0;
    for (size_t d = 0; d < q->dimension; d++)
        sum += ((double)x[d] - center) * ((double)x[d] - center);
    return of_worker(&q->curvature, worker) * sum / 2;
}

static enum sm_status
quadratic_gradient(const void *state, const struct sm_batch *batch, const float *x,
                   float *statistics, float *g, double *loss, struct sm_arena *scratch)
{
    (void)statistics;
    (void)scratch;
    const struct quadratic *q = state;
    const double curvature = of_worker(&q->curvature, batch->worker);
    const double center = of_worker(&q->center, batch->worker);
    for (size_t d = 0; d < q->dimension; d++) {
        const double noise = q->noise > 0 ? sm_rng_normal(batch->noise, q->noise) : 0;
        g[d] = (float)(curvature * ((double)x[d] - center) + noise);
    }
    *loss = quadratic_value(q, batch->worker, x);
    return SM_OK;
}

static enum sm_status
quadratic_evaluate(const void *state, const struct sm_batch *batch, const float *x,
                   const float *statistics, struct sm_metrics *metrics, struct sm_arena *scratch)
{
    (void)batch;
    (void)statistics;
    (void)scratch;
    const struct quadratic *q = state;
    double sum = 0;
    for (size_t worker = 0; worker < q->workers; worker++)
        sum += quadratic_value(q, worker, x);
    *metrics = (struct sm_metrics){.loss = sum / (double)q->workers, .count = 1};
    return SM_OK;
}

const struct sm_model sm_model_quadratic = {
    .about =
        {
            .name = "quadratic",
            .doc =
                "a parabola a worker with Gaussian gradient noise; means and variances are known",
            .source = "SGD on a noisy quadratic, exact in closed form",
            .state_size = sizeof(struct quadratic),
            .params = quadratic_params,
        },
    .needs_data = false,
    .configure = quadratic_configure,
    .initial = quadratic_initial,
    .gradient = quadratic_gradient,
    .evaluate = quadratic_evaluate,
};
