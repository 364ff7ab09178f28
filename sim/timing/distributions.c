/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/timing/distributions.c -- what a step's factor is drawn from: mean 1, coefficient of
 * variation cv (its standard deviation, as the mean is 1).
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/text.h"
#include "sim/timing/straggler.h"

struct spread {
    double cv;
};

/* Below that, no factor could be told from 1, and 1 / cv^2 might overflow. */
static bool
spread_varies(const void *state)
{
    return ((const struct spread *)state)->cv > DBL_EPSILON;
}

static double
cv_of(const void *state)
{
    return ((const struct spread *)state)->cv;
}

/* -log of a uniform number in (0, 1]. */
static double
draw_exponential(struct sm_rng *rng)
{
    return -log1p(-sm_rng_uniform(rng));
}

#define CV(object, max)                                                                            \
    SM_PARAM(object, cv, 0.05, 0, max, "coefficient of variation, dimensionless; 0: none")

static const struct sm_param spread_params[] = {CV(struct spread, 100), SM_PARAM_END};

/* ---- constant ---- */

const struct sm_straggler sm_straggler_constant = {
    .about = {.name = "constant",
              .doc = "every step takes what the profile says; workers may still be slow for good",
              .source = "no distribution",
              .state_size = 1},
};

/* ---- normal ---- */

struct normal {
    double cv, floor;
};

static const struct sm_param normal_params[] = {
    CV(struct normal, 1),
    SM_PARAM(struct normal, floor, 0.1, 1e-3, 0.999, "smallest factor"),
    SM_PARAM_END,
};

/* Both tails are cut alike, so that the mean stays. */
static double
normal_draw(const void *state, struct sm_rng *rng, size_t unit, size_t step)
{
    (void)unit, (void)step;
    const struct normal *s = state;
    double z;
    do
        z = sm_rng_normal(rng, s->cv);
    while (fabs(z) > 1 - s->floor);
    return 1 + z;
}

const struct sm_straggler sm_straggler_normal = {
    .about = {.name = "normal",
              .doc = "1 + cv z, drawn again outside floor .. 2 - floor: mean 1, spread a bit less "
                     "than cv where that cuts",
              .source = "Amiri, Gunduz, arXiv:1810.09992, sec. VI: truncated Gaussian delays",
              .state_size = sizeof(struct normal),
              .params = normal_params},
    .varies = spread_varies,
    .draw = normal_draw,
};

/* ---- lognormal ---- */

static double
lognormal_draw(const void *state, struct sm_rng *rng, size_t unit, size_t step)
{
    (void)unit, (void)step;
    const double cv = cv_of(state), variance = log1p(cv * cv);
    return exp(sm_rng_normal(rng, sqrt(variance)) - variance / 2);
}

const struct sm_straggler sm_straggler_lognormal = {
    .about = {.name = "lognormal",
              .doc = "exp(s z - s^2/2) with s^2 = ln(1 + cv^2): mean 1, spread cv, skewed",
              .source = "the moments of the lognormal distribution solved for mean 1 and cv",
              .state_size = sizeof(struct spread),
              .params = spread_params},
    .varies = spread_varies,
    .draw = lognormal_draw,
};

/* ---- gamma ---- */

static double
gamma_draw(const void *state, struct sm_rng *rng, size_t unit, size_t step)
{
    (void)unit, (void)step;
    const double scale = cv_of(state) * cv_of(state);
    return scale * sm_rng_gamma(rng, 1 / scale);
}

const struct sm_straggler sm_straggler_gamma = {
    .about = {.name = "gamma",
              .doc = "gamma of shape 1/cv^2 and scale cv^2: mean 1, spread cv",
              .source = "Ali et al., HCW 2000, \"Task execution time modeling for heterogeneous "
                        "computing systems\": the CVB method",
              .state_size = sizeof(struct spread),
              .params = spread_params},
    .varies = spread_varies,
    .draw = gamma_draw,
};

/* ---- exponential ---- */

static const struct sm_param exponential_params[] = {CV(struct spread, 1), SM_PARAM_END};

static double
exponential_draw(const void *state, struct sm_rng *rng, size_t unit, size_t step)
{
    (void)unit, (void)step;
    const double cv = cv_of(state);
    return 1 - cv + cv * draw_exponential(rng);
}

const struct sm_straggler sm_straggler_exponential = {
    .about = {.name = "exponential",
              .doc = "1 - cv, always, and an exponential tail of mean cv: mean 1, spread cv",
              .source = "Lee et al., IEEE Trans. IT 64(3) 2018, arXiv:1512.02673, sec. III: "
                        "shifted exponential",
              .state_size = sizeof(struct spread),
              .params = exponential_params},
    .varies = spread_varies,
    .draw = exponential_draw,
};

/* ---- pareto ---- */

struct pareto {
    double cv, shape;
};

static const struct sm_param pareto_params[] = {
    CV(struct pareto, 100),
    SM_PARAM(struct pareto, shape, 0, 0, 1e9,
             "tail index, above 1, instead of cv: up to 2 the variance is infinite; 0: from cv"),
    SM_PARAM_END,
};

/* cv^2 = 1 / (a (a - 2)) */
static double
pareto_shape(const struct pareto *s)
{
    return s->shape > 0 ? s->shape : 1 + sqrt(1 + 1 / (s->cv * s->cv));
}

static enum sm_status
pareto_open(void *state, struct sm_arena *arena, uint64_t *hash)
{
    (void)arena, (void)hash;
    const struct pareto *s = state;
    if (s->shape > 0 && !(s->shape > 1))
        return SM_FAIL(SM_ERR_INPUT,
                       "timing.straggler.shape: %g has no mean; expected above 1, or 0: from cv",
                       s->shape);
    return SM_OK;
}

static bool
pareto_varies(const void *state)
{
    return ((const struct pareto *)state)->shape > 0 || spread_varies(state);
}

static double
pareto_draw(const void *state, struct sm_rng *rng, size_t unit, size_t step)
{
    (void)unit, (void)step;
    const double a = pareto_shape(state);
    return (a - 1) / a * exp(draw_exponential(rng) / a);
}

const struct sm_straggler sm_straggler_pareto = {
    .about = {.name = "pareto",
              .doc = "(a - 1)/a u^(-1/a), a = 1 + sqrt(1 + 1/cv^2) or shape: mean 1, heavy tail",
              .source = "Wang, Joshi, Wornell, SIGMETRICS PER 43(3) 2015, arXiv:1503.03128: Pareto "
                        "tails of task times",
              .state_size = sizeof(struct pareto),
              .params = pareto_params},
    .open = pareto_open,
    .varies = pareto_varies,
    .draw = pareto_draw,
};

/* ---- trace ---- */

struct trace {
    const char *file;
    bool normalize;
    size_t shift;
    const double *factors; /* (rows x columns) */
    size_t rows, columns;
};

static const struct sm_param trace_params[] = {
    SM_PARAM_TEXT(struct trace, file, "",
                  "a row a step, a column a worker (or device); after the last come the first"),
    SM_PARAM_BOOL(struct trace, normalize, false,
                  "divide by the mean of all, so that seconds may stand there"),
    SM_PARAM(struct trace, shift, 0, 0, 1e12,
             "rows by which each worker (or device) is ahead of the one before"),
    SM_PARAM_END,
};

static const char separators[] = " \t\r,;";

/* Counts the factors of a row, and writes them to `row` unless that is NULL. */
static enum sm_status
read_row(const char *file, size_t line, const char *text, const char *end, double *row,
         size_t *count)
{
    *count = 0;
    for (text += strspn(text, separators); text < end; text += strspn(text, separators)) {
        char *after;
        const double factor = strtod(text, &after);
        const size_t length = strcspn(text, " \t\r,;#\n");
        if (after != text + length || !(factor > 0) || !isfinite(factor))
            return SM_FAIL(SM_ERR_INPUT, "%s:%zu: '%.*s' is not a factor; expected numbers > 0",
                           file, line, (int)length, text);
        if (row != NULL)
            row[*count] = factor;
        ++*count;
        text = after;
    }
    return SM_OK;
}

/* Goes through the rows; `factors` NULL only counts them. */
static enum sm_status
read_rows(struct trace *s, const char *text, double *factors)
{
    s->rows = 0;
    for (size_t line = 1; *text != '\0'; line++) {
        const char *end = text + strcspn(text, "#\n");
        double *row = factors != NULL ? factors + s->rows * s->columns : NULL;
        size_t count;
        SM_TRY(read_row(s->file, line, text, end, row, &count));
        if (count > 0 && s->rows == 0)
            s->columns = count;
        if (count > 0 && count != s->columns)
            return SM_FAIL(SM_ERR_INPUT, "%s:%zu: %zu factors; expected %zu, as in the first row",
                           s->file, line, count, s->columns);
        s->rows += count > 0;
        text = end + strcspn(end, "\n");
        text += *text == '\n';
    }
    return SM_OK;
}

static enum sm_status
trace_open(void *state, struct sm_arena *arena, uint64_t *hash)
{
    struct trace *s = state;
    char *text;
    if (s->file[0] == '\0')
        return SM_FAIL(SM_ERR_INPUT, "timing.straggler.file: a trace needs one; expected a path");
    SM_TRY(sm_text_read_file(arena, s->file, &text, NULL));
    SM_TRY(read_rows(s, text, NULL));
    if (s->rows == 0)
        return SM_FAIL(SM_ERR_INPUT, "%s: no factors; expected a row a step", s->file);
    const size_t count = s->rows * s->columns;
    double *factors = sm_arena_alloc(arena, count, sizeof *factors);
    if (factors == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "%s: no memory for %zu factors", s->file, count);
    SM_TRY(read_rows(s, text, factors));
    *hash = sm_hash(factors, count * sizeof *factors, 0);
    double mean = 0;
    for (size_t i = 0; i < count; i++)
        mean += factors[i] / (double)count;
    for (size_t i = 0; s->normalize && i < count; i++)
        factors[i] /= mean;
    s->factors = factors;
    return SM_OK;
}

static bool
trace_varies(const void *state)
{
    (void)state;
    return true;
}

static double
trace_draw(const void *state, struct sm_rng *rng, size_t unit, size_t step)
{
    (void)rng;
    const struct trace *s = state;
    const size_t row = (step + unit % s->rows * (s->shift % s->rows)) % s->rows;
    return s->factors[row * s->columns + unit % s->columns];
}

const struct sm_straggler sm_straggler_trace = {
    .about = {.name = "trace",
              .doc = "factors from a file, as they were measured",
              .source = "the user's measurements",
              .state_size = sizeof(struct trace),
              .params = trace_params},
    .open = trace_open,
    .varies = trace_varies,
    .draw = trace_draw,
};
