/* SPDX-License-Identifier: GPL-3.0-or-later */
/* analysis/outcome.c -- what stands on the screen after a run: runs, variants over several seeds,
 * and what a reader must know of the means. */
#include <math.h>
#include <string.h>

#include "analysis/analysis.h"
#include "analysis/grid.h"
#include "analysis/variants.h"

/* ---- columns of a variant ---- */

static const struct sm_variant *
variant_of(const void *row)
{
    return row;
}

static const char *
variant_name(const void *row)
{
    return variant_of(row)->name;
}

static const char *
variant_base(const void *row)
{
    const struct sm_variant *base = variant_of(row)->base;
    return base != NULL ? base->name : NULL;
}

static double
seeds(const void *row, double target)
{
    (void)target;
    return (double)variant_of(row)->finished;
}

static double
left_out(const void *row, double target)
{
    (void)target;
    return (double)(variant_of(row)->count - variant_of(row)->finished);
}

static double
step_ms(const void *row, double target)
{
    (void)target;
    return 1e3 * variant_of(row)->step_seconds.mean;
}

static double
seconds_to_target(const void *row, double target)
{
    (void)target;
    return variant_of(row)->target_seconds.mean;
}

static double
reached(const void *row, double target)
{
    (void)target;
    return (double)variant_of(row)->target_seconds.count;
}

/* Accuracies are shown in percent. */
static double
scale_of(enum sm_measure measure)
{
    return measure == SM_MEASURE_ACCURACY ? 100 : 1;
}

static double
gain(const void *row, double target)
{
    (void)target;
    return scale_of(variant_of(row)->measure) * variant_of(row)->gain.mean;
}

static double
gain_half(const void *row, double target)
{
    (void)target;
    return scale_of(variant_of(row)->measure) * variant_of(row)->gain_half;
}

#define MEASURE(id, MEASURE)                                                                       \
    static double id##_mean(const void *row, double target)                                        \
    {                                                                                              \
        (void)target;                                                                              \
        return scale_of(MEASURE) * variant_of(row)->final[MEASURE].mean;                           \
    }                                                                                              \
    static double id##_sd(const void *row, double target)                                          \
    {                                                                                              \
        (void)target;                                                                              \
        return scale_of(MEASURE) * variant_of(row)->final[MEASURE].sd;                             \
    }
MEASURE(bleu, SM_MEASURE_BLEU)
MEASURE(perplexity, SM_MEASURE_PERPLEXITY)
MEASURE(accuracy, SM_MEASURE_ACCURACY)
MEASURE(loss, SM_MEASURE_LOSS)
#undef MEASURE

static const struct sm_grid_text name_text = {"variant", variant_name};
static const struct sm_grid_text base_text = {"against", variant_base};
static const struct sm_grid_number seeds_column = {"seeds", seeds, 0, false};
static const struct sm_grid_number left_out_column = {"left out", left_out, 0, false};
static const struct sm_grid_number bleu_columns[] = {
    {"BLEU", bleu_mean, 2, false},
    {"sd", bleu_sd, 2, false},
};
static const struct sm_grid_number perplexity_columns[] = {
    {"perplexity", perplexity_mean, -4, false},
    {"sd", perplexity_sd, -2, false},
};
static const struct sm_grid_number accuracy_columns[] = {
    {"accuracy %", accuracy_mean, 2, false},
    {"sd", accuracy_sd, 2, false},
};
static const struct sm_grid_number loss_columns[] = {
    {"test loss", loss_mean, -4, false},
    {"sd", loss_sd, -2, false},
};
static const struct sm_grid_number step_column = {"ms/step", step_ms, -4, false};
static const struct sm_grid_number target_column = {NULL, seconds_to_target, -4, false};
static const struct sm_grid_number reached_column = {"reached", reached, 0, false};
static const struct sm_grid_number gain_columns[] = {
    {"gain", gain, 2, true},
    {"+- 95 %", gain_half, 2, false},
};
/* of a loss or a perplexity */
static const struct sm_grid_number fine_gain_columns[] = {
    {"gain", gain, -3, true},
    {"+- 95 %", gain_half, -2, false},
};

static void
add_pair(struct sm_grid *grid, const struct sm_grid_number *pair)
{
    sm_grid_add(grid, &pair[0]);
    if (sm_grid_any(grid, &pair[1]))
        sm_grid_add(grid, &pair[1]);
}

/* ---- variants ---- */

static size_t
count_left_out(const struct sm_variant *variants, size_t count)
{
    size_t sum = 0;
    for (size_t v = 0; v < count; v++)
        sum += variants[v].count - variants[v].finished;
    return sum;
}

static bool
all_reached(const struct sm_variant *variants, size_t count)
{
    for (size_t v = 0; v < count; v++)
        if (variants[v].target_seconds.count < variants[v].finished)
            return false;
    return true;
}

static void
print_variants(const struct sm_variant *variants, size_t count, double target, FILE *out)
{
    struct sm_grid grid = {
        .rows = (const char *)variants, .count = count, .size = sizeof *variants, .target = target};
    sm_grid_add_text(&grid, &name_text);
    sm_grid_add(&grid, &seeds_column);
    if (count_left_out(variants, count) > 0)
        sm_grid_add(&grid, &left_out_column);
    const bool accuracies = sm_grid_any(&grid, &accuracy_columns[0]);
    bool percent = false; /* or as good as: BLEU */
    if (sm_grid_any(&grid, &perplexity_columns[0])) {
        add_pair(&grid, perplexity_columns);
        percent = sm_grid_any(&grid, &bleu_columns[0]);
        if (percent)
            add_pair(&grid, bleu_columns);
    } else if (accuracies) {
        percent = true;
        add_pair(&grid, accuracy_columns);
    } else if (sm_grid_any(&grid, &loss_columns[0])) {
        add_pair(&grid, loss_columns);
    }
    sm_grid_add(&grid, &step_column);
    if (!isnan(target) && accuracies) {
        sm_grid_add(&grid, &target_column);
        if (!all_reached(variants, count))
            sm_grid_add(&grid, &reached_column);
    }
    if (sm_grid_any(&grid, &gain_columns[0])) {
        add_pair(&grid, percent ? gain_columns : fine_gain_columns);
        sm_grid_add_text(&grid, &base_text);
        if (sm_grid_width(&grid) > SM_GRID_WIDEST) /* the file says it too */
            grid.text_count--;
    }
    sm_grid_print(&grid, out);
}

/* Why a variant that names a base has no gain, or one over fewer seeds than it has. */
static void
print_missing_pairs(const struct sm_variant *variant, FILE *out)
{
    if (variant->base == NULL && variant->against != NULL &&
        strcmp(variant->against, variant->name) != 0)
        fprintf(out, "%s: no run of %s to be compared with\n", variant->name, variant->against);
    else if (variant->base != NULL && variant->measure != SM_MEASURES &&
             variant->gain.count < variant->finished)
        fprintf(out, "%s: gain over %zu of %zu seeds, %s has no finished run of the others\n",
                variant->name, variant->gain.count, variant->finished, variant->base->name);
}

static void
print_legend(const struct sm_variant *variants, size_t count, FILE *out)
{
    enum sm_measure measure = SM_MEASURES;
    bool interval = false;
    if (count_left_out(variants, count) > 0)
        fputs("left out: runs that did not finish; no mean holds them\n", out);
    for (size_t v = 0; v < count; v++) {
        print_missing_pairs(&variants[v], out);
        if (variants[v].gain.count > 0)
            measure = variants[v].measure;
        interval = interval || variants[v].gain.count > 1;
    }
    if (measure == SM_MEASURES)
        return;
    const bool lower = measure == SM_MEASURE_PERPLEXITY || measure == SM_MEASURE_LOSS;
    fprintf(out, "gain: %s minus the base's, mean over seeds%s%s\n", sm_measure_names[measure],
            lower ? ", below 0 is better" : "", interval ? "; +- 95 %: by Student's t" : "");
}

/* ---- all of it ---- */

enum sm_status
sm_outcome_print(const struct sm_stored_run *runs, size_t count, double target, const char *store,
                 FILE *out)
{
    struct sm_arena arena = {0};
    struct sm_variant *variants;
    size_t variant_count;
    bool several = false, single = false; /* finished runs without a second seed */
    if (isnan(target))
        target = sm_common_target(runs, count);
    enum sm_status status =
        sm_variants_find(runs, count, target, &arena, &variants, &variant_count);
    for (size_t v = 0; status == SM_OK && v < variant_count; v++) {
        several = several || variants[v].count > 1;
        single = single || (variants[v].count == 1 && variants[v].finished == 1);
    }
    if (status == SM_OK && (single || !several)) {
        sm_table_print(runs, count, target, out);
        if (several)
            fputc('\n', out);
    }
    if (status == SM_OK && several) {
        print_variants(variants, variant_count, target, out);
        print_legend(variants, variant_count, out);
    }
    if (status == SM_OK && several && !single) {
        sm_table_notes(runs, count, out);
        fprintf(out, "%zu runs, each of them in %s: slowmo export %s\n", count, store, store);
    }
    sm_arena_fini(&arena);
    return status;
}
