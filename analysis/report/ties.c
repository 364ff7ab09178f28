/* SPDX-License-Identifier: GPL-3.0-or-later */
/* analysis/report/ties.c -- see ties.h. */
#include "analysis/report/ties.h"

#include <math.h>
#include <string.h>

#include "analysis/analyse.h"
#include "sim/store/record.h"

enum { MOST_LINES = 24, FEW_LINES = 8, MOST_CROSSINGS = 3 };

/* What the page draws over a setting, of sm_run_measures. */
static const char *const measures[] = {
    "seconds_to_target", "seconds_per_step", "accuracy", "loss", "perplexity", "bleu"};

struct sweep {
    const struct sm_variant *variants;
    size_t count;
    const struct sm_settings_key *keys;
    size_t key_count, key; /* the one that the lines are over             */
    size_t *line;          /* (count) its first variant; count: of none   */
    size_t *order;         /* (count) with a number above 0, by the number */
    size_t ordered;
};

static bool
same(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* Whether two variants differ in no other key. */
static bool
of_one_line(const struct sweep *sweep, size_t a, size_t b)
{
    for (size_t k = 0; k < sweep->key_count; k++)
        if (k != sweep->key &&
            !same(sweep->keys[k].settings[a].text, sweep->keys[k].settings[b].text))
            return false;
    return true;
}

/* Whether they have the same numbers but for the key: lines that are compared even among many. */
static bool
alike(const struct sweep *sweep, size_t a, size_t b)
{
    for (size_t k = 0; k < sweep->key_count; k++)
        if (k != sweep->key && sweep->keys[k].numeric &&
            !same(sweep->keys[k].settings[a].text, sweep->keys[k].settings[b].text))
            return false;
    return true;
}

static double
value_of(const struct sweep *sweep, size_t variant)
{
    return sweep->keys[sweep->key].settings[variant].value;
}

/* Fills line and order; returns how many lines there are. */
static size_t
find_lines(struct sweep *sweep)
{
    size_t lines = 0;
    sweep->ordered = 0;
    for (size_t v = 0; v < sweep->count; v++) {
        size_t first = 0, at = sweep->ordered;
        sweep->line[v] = sweep->count;
        if (!(value_of(sweep, v) > 0))
            continue;
        while (first < v && (sweep->line[first] != first || !of_one_line(sweep, first, v)))
            first++;
        sweep->line[v] = first;
        lines += first == v;
        for (; at > 0 && value_of(sweep, sweep->order[at - 1]) > value_of(sweep, v); at--)
            sweep->order[at] = sweep->order[at - 1];
        sweep->order[at] = v;
        sweep->ordered++;
    }
    return lines;
}

/* The values that both lines have; of two variants with one value the later counts. */
static size_t
pair_cells(const struct sweep *sweep, size_t first, size_t second, struct sm_tie_cell *cells)
{
    size_t count = 0;
    for (size_t i = 0; i < sweep->ordered;) {
        const double x = value_of(sweep, sweep->order[i]);
        struct sm_tie_cell cell = {.x = x};
        for (; i < sweep->ordered && value_of(sweep, sweep->order[i]) == x; i++) {
            const size_t v = sweep->order[i];
            if (sweep->line[v] == first)
                cell.sides[0] = &sweep->variants[v];
            if (sweep->line[v] == second)
                cell.sides[1] = &sweep->variants[v];
        }
        if (cell.sides[0] != NULL && cell.sides[1] != NULL)
            cells[count++] = cell;
    }
    return count;
}

/* Whether the means change places, and not so often that it is chance. */
static bool
cross_seldom(const struct sm_tie_cell *cells, size_t count, const struct sm_run_measure *measure)
{
    size_t crossings = 0;
    double last = 0;
    for (size_t c = 0; c < count; c++) {
        const double gap = sm_variant_mean(cells[c].sides[0], measure) -
                           sm_variant_mean(cells[c].sides[1], measure);
        crossings += gap * last < 0;
        if (gap < 0 || gap > 0)
            last = gap;
    }
    return crossings > 0 && crossings <= MOST_CROSSINGS;
}

static enum sm_status
add_pair(const struct sweep *sweep, size_t first, size_t second, json_t *list)
{
    struct sm_arena arena = {.first = NULL};
    struct sm_tie_cell *cells = sm_arena_alloc(&arena, sweep->ordered, sizeof *cells);
    enum sm_status status =
        cells != NULL ? SM_OK : SM_FAIL(SM_ERR_NOMEM, "no memory for the report");
    const size_t count = cells != NULL ? pair_cells(sweep, first, second, cells) : 0;
    for (size_t m = 0; m < sizeof measures / sizeof *measures && status == SM_OK; m++) {
        const struct sm_run_measure *measure;
        struct sm_ties ties = {.count = 0};
        status = sm_run_measure_find(measures[m], &measure);
        if (status == SM_OK && cross_seldom(cells, count, measure))
            status = sm_ties_find(&arena, cells, count, measure, &ties);
        for (size_t t = 0; t < ties.count && status == SM_OK; t++) {
            const struct sm_tie *tie = &ties.ties[t];
            json_array_append_new(
                list,
                json_pack("{s:s, s:s, s:I, s:I, s:o, s:o, s:o, s:b}", "key",
                          sweep->keys[sweep->key].key, "measure", measure->name, "first",
                          (json_int_t)first, "second", (json_int_t)second, "at",
                          sm_json_real(tie->at), "low", sm_json_real(tie->interval.low), "high",
                          sm_json_real(tie->interval.high), "firstBelow", tie->first_below));
        }
    }
    sm_arena_fini(&arena);
    return status;
}

static enum sm_status
add_key(struct sweep *sweep, json_t *list)
{
    const size_t lines = find_lines(sweep);
    if (lines < 2 || lines > MOST_LINES)
        return SM_OK;
    for (size_t a = 0; a < sweep->count; a++)
        for (size_t b = a + 1; b < sweep->count && sweep->line[a] == a; b++)
            if (sweep->line[b] == b && (lines <= FEW_LINES || alike(sweep, a, b)))
                SM_TRY(add_pair(sweep, a, b, list));
    return SM_OK;
}

enum sm_status
sm_report_ties(const struct sm_variant *variants, size_t count, const struct sm_settings_key *keys,
               size_t key_count, json_t **list)
{
    struct sm_arena arena = {.first = NULL};
    struct sweep sweep = {.variants = variants,
                          .count = count,
                          .keys = keys,
                          .key_count = key_count,
                          .line = sm_arena_alloc(&arena, count, sizeof *sweep.line),
                          .order = sm_arena_alloc(&arena, count, sizeof *sweep.order)};
    enum sm_status status = sweep.line != NULL && sweep.order != NULL
                                ? SM_OK
                                : SM_FAIL(SM_ERR_NOMEM, "no memory for the report");
    json_t *ties = json_array();
    for (; sweep.key < key_count && status == SM_OK; sweep.key++)
        if (keys[sweep.key].numeric && keys[sweep.key].swept)
            status = add_key(&sweep, ties);
    sm_arena_fini(&arena);
    if (status == SM_OK)
        *list = ties;
    else
        json_decref(ties);
    return status;
}
