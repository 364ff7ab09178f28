/* SPDX-License-Identifier: GPL-3.0-or-later */
/* analysis/best.c -- the best value of a setting for each value of another, and where two
 * algorithms tie over one. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/analyse.h"
#include "analysis/analysis.h"
#include "sim/base/text.h"

static const double level = 0.95;

static enum sm_status
no_memory(void)
{
    return SM_FAIL(SM_ERR_NOMEM, "no memory for the analysis");
}

static enum sm_status
take_facets(struct sm_arena *arena, const struct sm_variant *variants, size_t count,
            const char *const keys[2], struct sm_facet **facets)
{
    *facets = sm_arena_alloc(arena, count, sizeof **facets);
    if (*facets == NULL)
        return no_memory();
    for (size_t v = 0; v < count; v++)
        SM_TRY(sm_facet_take(arena, &variants[v], keys, &(*facets)[v]));
    for (size_t k = 0; k < 2; k++) {
        bool any = keys[k] == NULL;
        for (size_t v = 0; v < count && !any; v++)
            any = (*facets)[v].values[k] != NULL;
        if (!any)
            return SM_FAIL(SM_ERR_INPUT,
                           "no stored run has a value of '%s'; expected a dotted key of the "
                           "experiment such as algorithm.tau",
                           keys[k]);
    }
    return SM_OK;
}

static bool
same(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* ---- the best value ---- */

static enum sm_status
finish_best(struct sm_arena *arena, const struct sm_facet *winner,
            const struct sm_run_measure *measure, struct sm_best *row)
{
    const struct sm_variant *variant = winner->variant;
    double *values = sm_arena_alloc(arena, variant->count, sizeof *values);
    if (values == NULL)
        return no_memory();
    for (size_t i = 0; i < variant->count; i++)
        values[i] = sm_run_finished(variant->runs[i])
                        ? measure->of(variant->runs[i], variant->target)
                        : (double)NAN;
    row->name = winner->name;
    row->per = winner->values[1];
    row->value = winner->values[0];
    return sm_bootstrap_mean(arena, values, variant->count, level, &row->interval);
}

enum sm_status
sm_analyse_best(struct sm_arena *arena, const struct sm_variant *variants, size_t count,
                const char *best, const char *per, const struct sm_run_measure *measure,
                struct sm_best **rows, size_t *row_count)
{
    const char *const keys[2] = {best, per};
    struct sm_facet *facets;
    SM_TRY(take_facets(arena, variants, count, keys, &facets));
    bool *done = sm_arena_zalloc(arena, count, sizeof *done);
    *rows = sm_arena_zalloc(arena, count, sizeof **rows);
    *row_count = 0;
    if (done == NULL || *rows == NULL)
        return no_memory();
    for (size_t f = 0; f < count; f++) {
        const struct sm_facet *winner = NULL;
        struct sm_best *row = &(*rows)[*row_count];
        if (done[f] || facets[f].values[0] == NULL)
            continue;
        for (size_t g = f; g < count; g++) {
            if (facets[g].rest != facets[f].rest || facets[g].values[0] == NULL ||
                !same(facets[g].values[1], facets[f].values[1]))
                continue;
            done[g] = true;
            const double mean = sm_variant_mean(facets[g].variant, measure);
            if (isnan(mean))
                continue;
            row->values++;
            if (winner == NULL || (measure->more_is_better ? mean > row->mean : mean < row->mean)) {
                winner = &facets[g];
                row->mean = mean;
            }
        }
        if (winner == NULL)
            continue;
        SM_TRY(finish_best(arena, winner, measure, row));
        (*row_count)++;
    }
    return SM_OK;
}

/* ---- ties ---- */

/* One value of the key, run by both. */
struct cell {
    double log_x;
    const struct sm_variant *sides[2];
    const double *values[2]; /* (seeds) of the measure */
};

struct duel {
    struct cell *cells; /* by x */
    size_t count, seeds;
    double near; /* ln of the crossing that a draw is asked for; NaN: the first */
    double *gap; /* (count) scratch */
};

static int
by_x(const void *a, const void *b)
{
    const double x = ((const struct sm_tie_cell *)a)->x, y = ((const struct sm_tie_cell *)b)->x;
    return (x > y) - (x < y);
}

/* gap[c] = ln(A / B), of the means over the seeds chosen. */
static void
take_gaps(const struct duel *duel, const size_t *chosen, size_t count)
{
    for (size_t c = 0; c < duel->count; c++) {
        double sums[2] = {0, 0};
        for (size_t side = 0; side < 2; side++)
            for (size_t i = 0; i < count; i++)
                sums[side] += duel->cells[c].values[side][chosen[i]];
        duel->gap[c] = log(sums[0] / sums[1]);
    }
}

/* Whether the gap is 0 at cell c or between it and the one before, and ln x of it. */
static bool
crosses(const struct duel *duel, size_t c, double *log_x)
{
    const double now = duel->gap[c], x = duel->cells[c].log_x;
    *log_x = x;
    if (now == 0)
        return true;
    const double before = c > 0 ? duel->gap[c - 1] : (double)NAN;
    if (!(before * now < 0))
        return false;
    const double from = duel->cells[c - 1].log_x;
    *log_x = from + (x - from) * before / (before - now);
    return true;
}

static double
nearest_crossing(const size_t *chosen, size_t count, const void *context)
{
    const struct duel *duel = context;
    double best = (double)NAN, log_x;
    take_gaps(duel, chosen, count);
    for (size_t c = 0; c < duel->count; c++)
        if (crosses(duel, c, &log_x) &&
            !(fabs(best - duel->near) <= fabs(log_x - duel->near))) /* NaN: none yet */
            best = log_x;
    return best;
}

/* The value of the finished run of that seed; NaN when there is none. */
static double
at_seed(const struct sm_variant *variant, double seed, const struct sm_run_measure *measure)
{
    for (size_t i = 0; i < variant->count; i++)
        if (variant->runs[i]->summary.seed == seed && sm_run_finished(variant->runs[i]))
            return measure->of(variant->runs[i], variant->target);
    return (double)NAN;
}

/* Values of the seeds that every cell has on both sides. */
static enum sm_status
take_values(struct sm_arena *arena, const struct sm_run_measure *measure, struct duel *duel)
{
    const struct sm_variant *first = duel->cells[0].sides[0];
    double *seeds = sm_arena_alloc(arena, first->count, sizeof *seeds);
    if (seeds == NULL)
        return no_memory();
    for (size_t i = 0; i < first->count; i++) {
        const double seed = first->runs[i]->summary.seed;
        bool all = true;
        for (size_t c = 0; c < duel->count && all; c++)
            all = isfinite(at_seed(duel->cells[c].sides[0], seed, measure)) &&
                  isfinite(at_seed(duel->cells[c].sides[1], seed, measure));
        if (all)
            seeds[duel->seeds++] = seed;
    }
    for (size_t c = 0; c < duel->count; c++)
        for (size_t side = 0; side < 2; side++) {
            double *values = sm_arena_alloc(arena, duel->seeds, sizeof *values);
            if (values == NULL)
                return no_memory();
            for (size_t s = 0; s < duel->seeds; s++)
                values[s] = at_seed(duel->cells[c].sides[side], seeds[s], measure);
            duel->cells[c].values[side] = values;
        }
    return SM_OK;
}

/* The variants called A and B, in pairs of one value of the key. Values that a side lacks, or where
 * not one run has the measure, are left out. */
static enum sm_status
pair_cells(const struct sm_facet *facets, size_t count, const char *const names[2],
           const struct sm_run_measure *measure, struct sm_tie_cell *cells, size_t *cell_count,
           enum sm_unit *unit)
{
    *cell_count = 0;
    for (size_t a = 0; a < count; a++) {
        double x, y;
        enum sm_unit other;
        if (facets[a].values[0] == NULL || strcmp(facets[a].name, names[0]) != 0)
            continue;
        if (!sm_value_number(facets[a].values[0], &x, unit) || !(x > 0))
            return SM_FAIL(SM_ERR_INPUT, "'%s' is no number above 0 to find a tie over",
                           facets[a].values[0]);
        const struct sm_variant *partner = NULL;
        for (size_t b = 0; b < count; b++)
            if (facets[b].values[0] != NULL && strcmp(facets[b].name, names[1]) == 0 &&
                sm_value_number(facets[b].values[0], &y, &other) && y == x &&
                !isnan(sm_variant_mean(facets[b].variant, measure)))
                partner = facets[b].variant; /* the latest, as a store may hold a study twice */
        if (partner == NULL || isnan(sm_variant_mean(facets[a].variant, measure)))
            continue;
        size_t c = 0;
        while (c < *cell_count && cells[c].x != x)
            c++;
        cells[c] = (struct sm_tie_cell){x, {facets[a].variant, partner}};
        *cell_count += c == *cell_count;
    }
    qsort(cells, *cell_count, sizeof *cells, by_x);
    return SM_OK;
}

/* Both names are of a variant. */
static enum sm_status
split_names(struct sm_arena *arena, const struct sm_facet *facets, size_t count, const char *pair,
            const char **names)
{
    const char *comma = strchr(pair, ',');
    const char **known = sm_arena_zalloc(arena, count + 1, sizeof *known);
    if (comma == NULL || comma == pair || comma[1] == '\0')
        return SM_FAIL(SM_ERR_INPUT, "--tie %s: expected two names, A,B", pair);
    names[0] = sm_arena_strndup(arena, pair, (size_t)(comma - pair));
    names[1] = sm_arena_strdup(arena, comma + 1);
    if (known == NULL || names[0] == NULL || names[1] == NULL)
        return no_memory();
    size_t kept = 0;
    for (size_t f = 0; f < count; f++) {
        size_t k = 0;
        while (k < kept && strcmp(known[k], facets[f].name) != 0)
            k++;
        if (k == kept)
            known[kept++] = facets[f].name;
    }
    for (size_t side = 0; side < 2; side++) {
        size_t k = 0;
        char list[256], near[SM_TEXT_SUGGESTION];
        while (known[k] != NULL && strcmp(known[k], names[side]) != 0)
            k++;
        if (known[k] == NULL)
            return SM_FAIL(SM_ERR_NAME, "--tie: no run is called '%s'%s; stored: %s", names[side],
                           sm_text_suggest(near, names[side], known),
                           sm_text_join(list, sizeof list, known));
    }
    return SM_OK;
}

static enum sm_status
add_tie(struct sm_arena *arena, struct duel *duel, double log_x, bool first_below,
        struct sm_tie *tie)
{
    struct sm_interval logs;
    duel->near = log_x;
    tie->at = exp(log_x);
    tie->first_below = first_below;
    SM_TRY(sm_bootstrap(arena, duel->seeds, nearest_crossing, duel, level, &logs));
    tie->interval = (struct sm_interval){exp(logs.low), exp(logs.high)};
    return SM_OK;
}

enum sm_status
sm_ties_find(struct sm_arena *arena, const struct sm_tie_cell *cells, size_t count,
             const struct sm_run_measure *measure, struct sm_ties *ties)
{
    struct duel duel = {.cells = sm_arena_zalloc(arena, count, sizeof *duel.cells),
                        .gap = sm_arena_alloc(arena, count, sizeof *duel.gap)};
    struct sm_tie *found = sm_arena_zalloc(arena, count, sizeof *found);
    if (duel.cells == NULL || duel.gap == NULL || found == NULL)
        return no_memory();
    for (size_t c = 0; c < count; c++)
        if (!isnan(sm_variant_mean(cells[c].sides[0], measure)) &&
            !isnan(sm_variant_mean(cells[c].sides[1], measure)))
            duel.cells[duel.count++] = (struct cell){
                .log_x = log(cells[c].x), .sides = {cells[c].sides[0], cells[c].sides[1]}};
    ties->ties = found;
    ties->count = ties->seeds = 0;
    ties->values = duel.count;
    if (duel.count < 2)
        return SM_OK;
    SM_TRY(take_values(arena, measure, &duel));
    ties->seeds = duel.seeds;
    if (duel.seeds == 0)
        return SM_OK;
    size_t *all = sm_arena_alloc(arena, duel.seeds, sizeof *all);
    double *gaps = sm_arena_alloc(arena, duel.count, sizeof *gaps);
    if (all == NULL || gaps == NULL)
        return no_memory();
    for (size_t s = 0; s < duel.seeds; s++)
        all[s] = s;
    take_gaps(&duel, all, duel.seeds);
    memcpy(gaps, duel.gap, duel.count * sizeof *gaps);
    ties->low = exp(duel.cells[0].log_x);
    ties->high = exp(duel.cells[duel.count - 1].log_x);
    ties->first_less = gaps[0] < 0;
    for (size_t c = 0; c < duel.count; c++) {
        double log_x;
        memcpy(duel.gap, gaps, duel.count * sizeof *gaps); /* draws overwrite it */
        if (crosses(&duel, c, &log_x))
            SM_TRY(add_tie(arena, &duel, log_x, c > 0 ? gaps[c - 1] < 0 : gaps[c + 1] > 0,
                           &found[ties->count++]));
    }
    return SM_OK;
}

enum sm_status
sm_analyse_ties(struct sm_arena *arena, const struct sm_variant *variants, size_t count,
                const char *pair, const char *over, const struct sm_run_measure *measure,
                struct sm_ties *ties)
{
    const char *const keys[2] = {over, NULL};
    struct sm_facet *facets;
    size_t cell_count;
    *ties = (struct sm_ties){.count = 0};
    SM_TRY(take_facets(arena, variants, count, keys, &facets));
    SM_TRY(split_names(arena, facets, count, pair, ties->names));
    struct sm_tie_cell *cells = sm_arena_alloc(arena, count, sizeof *cells);
    if (cells == NULL)
        return no_memory();
    SM_TRY(pair_cells(facets, count, ties->names, measure, cells, &cell_count, &ties->unit));
    SM_TRY(sm_ties_find(arena, cells, cell_count, measure, ties));
    if (ties->values < 2)
        return SM_FAIL(SM_ERR_INPUT,
                       "%s and %s have %zu values of %s in common where both have %s; expected two "
                       "or more",
                       ties->names[0], ties->names[1], ties->values, over, measure->name);
    if (ties->seeds == 0)
        return SM_FAIL(SM_ERR_INPUT, "%s and %s have no seed in common at all values of %s",
                       ties->names[0], ties->names[1], over);
    return SM_OK;
}
