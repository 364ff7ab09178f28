/* SPDX-License-Identifier: GPL-3.0-or-later */
/* analysis/analyse.c -- each variant by itself and against the others; the command's two forms. */
#include "analysis/analyse.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/analysis.h"
#include "analysis/grid.h"
#include "sim/base/text.h"
#include "sim/store/record.h"

static const double level = 0.95;

static enum sm_status
no_memory(void)
{
    return SM_FAIL(SM_ERR_NOMEM, "no memory for the analysis");
}

/* ---- one variant ---- */

static bool
more_is_better(enum sm_measure measure)
{
    return measure == SM_MEASURE_ACCURACY || measure == SM_MEASURE_BLEU;
}

static double
final_of(const struct sm_stored_run *run, enum sm_measure measure)
{
    switch (measure) {
    case SM_MEASURE_BLEU:
        return run->summary.final.test_bleu;
    case SM_MEASURE_PERPLEXITY:
        return run->summary.final.test_perplexity;
    case SM_MEASURE_ACCURACY:
        return run->summary.final.test_accuracy;
    case SM_MEASURE_LOSS:
        return run->summary.final.test_loss;
    case SM_MEASURES:
        break;
    }
    return (double)NAN;
}

/* Means and intervals over the finished runs. */
static enum sm_status
take_samples(struct sm_arena *arena, struct sm_analysed *a)
{
    const struct sm_variant *variant = a->variant;
    double *finals = sm_arena_alloc(arena, variant->count, sizeof *finals);
    double *seconds = sm_arena_alloc(arena, variant->count, sizeof *seconds);
    double *times = sm_arena_alloc(arena, variant->count, sizeof *times);
    double *steps = sm_arena_alloc(arena, variant->count, sizeof *steps);
    size_t kept = 0;
    if (finals == NULL || seconds == NULL || times == NULL || steps == NULL)
        return no_memory();
    for (size_t i = 0; i < variant->count; i++) {
        const struct sm_stored_run *run = variant->runs[i];
        if (!sm_run_finished(run))
            continue;
        finals[kept] = final_of(run, variant->measure);
        seconds[kept] = run->summary.sim.seconds;
        times[kept] = sm_time_to_accuracy(run->evaluations, run->evaluation_count, variant->target,
                                          &steps[kept]);
        kept++;
    }
    const struct sm_sample sample = sm_sample_take(finals, kept);
    a->measure = sample.mean;
    a->measure_half = sm_sample_half_interval(&sample, level);
    a->seconds = sm_sample_take(seconds, kept).mean;
    a->target_seconds = sm_sample_take(times, kept);
    a->target_steps = sm_sample_take(steps, kept);
    SM_TRY(sm_bootstrap_mean(arena, finals, kept, level, &a->measure_interval));
    return sm_bootstrap_mean(arena, times, kept, level, &a->target_interval);
}

static enum sm_status
take_rate(struct sm_arena *arena, struct sm_analysed *a)
{
    const struct sm_variant *variant = a->variant;
    double *slopes = sm_arena_alloc(arena, variant->count, sizeof *slopes);
    const struct sm_summary *first = &variant->runs[0]->summary;
    if (slopes == NULL)
        return no_memory();
    a->bound = 1 / sqrt(first->workers * first->steps);
    for (size_t i = 0; i < variant->count; i++) {
        const struct sm_stored_run *run = variant->runs[i];
        const size_t count = run->evaluation_count;
        double *steps = sm_arena_alloc(arena, count, sizeof *steps);
        double *losses = sm_arena_alloc(arena, count, sizeof *losses);
        struct sm_slope slope;
        if (steps == NULL || losses == NULL)
            return no_memory();
        for (size_t e = 0; e < count; e++) {
            steps[e] = (double)run->evaluations[e].step;
            losses[e] = run->evaluations[e].train_loss;
        }
        SM_TRY(sm_log_slope(arena, steps, losses, count, &slope));
        slopes[i] = sm_run_finished(run) ? slope.value : (double)NAN;
        if (isfinite(slopes[i]))
            a->rate.error = slope.error;
    }
    const struct sm_sample sample = sm_sample_take(slopes, variant->count);
    a->rate.value = sample.mean;
    if (sample.count != 1)
        a->rate.error = sample.sd / sqrt((double)sample.count);
    return SM_OK;
}

/* ---- against the others ---- */

static bool
is_allreduce(const struct sm_variant *variant)
{
    const struct sm_summary *summary = &variant->runs[0]->summary;
    return summary->algorithm.strategy != NULL &&
           strcmp(summary->algorithm.strategy, "allreduce") == 0 &&
           (summary->algorithm.outer == NULL || strcmp(summary->algorithm.outer, "none") == 0);
}

static bool
may_be_base(const struct sm_variant *candidate, const struct sm_variant *variant)
{
    (void)variant;
    return is_allreduce(candidate);
}

/* What a speed-up is over; NULL: nothing, for it is the base itself. */
static const struct sm_variant *
base_of(const struct sm_variant *variants, size_t count, const struct sm_variant *variant)
{
    if (variant->against != NULL)
        return variant->base;
    if (is_allreduce(variant))
        return NULL;
    return sm_variant_nearest(variants, count, variant, may_be_base);
}

static double
target_seconds_of(const struct sm_stored_run *run, double target)
{
    return sm_run_finished(run)
               ? sm_time_to_accuracy(run->evaluations, run->evaluation_count, target, NULL)
               : (double)NAN;
}

struct pairs {
    double *base, *own; /* seconds of the runs of one seed */
};

static double
ratio_of_sums(const size_t *chosen, size_t count, const void *context)
{
    const struct pairs *pairs = context;
    double base = 0, own = 0;
    for (size_t i = 0; i < count; i++) {
        base += pairs->base[chosen[i]];
        own += pairs->own[chosen[i]];
    }
    return base / own;
}

static enum sm_status
take_speed_up(struct sm_arena *arena, struct sm_analysed *a)
{
    const struct sm_variant *variant = a->variant, *base = a->base;
    a->speed_up = a->speed_up_interval.low = a->speed_up_interval.high = (double)NAN;
    if (base == NULL)
        return SM_OK;
    const size_t most = variant->count;
    struct pairs pairs = {sm_arena_alloc(arena, most, sizeof *pairs.base),
                          sm_arena_alloc(arena, most, sizeof *pairs.own)};
    size_t *all = sm_arena_alloc(arena, most, sizeof *all);
    if (pairs.base == NULL || pairs.own == NULL || all == NULL)
        return no_memory();
    for (size_t i = 0; i < most; i++)
        for (size_t b = 0; b < base->count; b++) {
            if (variant->runs[i]->summary.seed != base->runs[b]->summary.seed)
                continue;
            pairs.own[a->pairs] = target_seconds_of(variant->runs[i], variant->target);
            pairs.base[a->pairs] = target_seconds_of(base->runs[b], variant->target);
            all[a->pairs] = a->pairs;
            a->pairs += isfinite(pairs.own[a->pairs]) && isfinite(pairs.base[a->pairs]);
        }
    if (a->pairs > 0)
        a->speed_up = ratio_of_sums(all, a->pairs, &pairs);
    return sm_bootstrap(arena, a->pairs, ratio_of_sums, &pairs, level, &a->speed_up_interval);
}

/* Whether b is as good as a in as little time, and better in one of the two. */
static bool
dominates(const struct sm_analysed *b, const struct sm_analysed *a)
{
    if (b->variant->measure != a->variant->measure || isnan(b->measure) || isnan(b->seconds))
        return false;
    const double sign = more_is_better(a->variant->measure) ? 1 : -1;
    const double better = sign * (b->measure - a->measure), faster = a->seconds - b->seconds;
    return better >= 0 && faster >= 0 && (better > 0 || faster > 0);
}

enum sm_status
sm_analyse_variants(struct sm_arena *arena, const struct sm_variant *variants, size_t count,
                    struct sm_analysed **analysed)
{
    struct sm_analysed *all = sm_arena_zalloc(arena, count, sizeof *all);
    if (all == NULL)
        return no_memory();
    for (size_t v = 0; v < count; v++) {
        all[v].variant = &variants[v];
        all[v].base = base_of(variants, count, &variants[v]);
        SM_TRY(take_samples(arena, &all[v]));
        SM_TRY(take_rate(arena, &all[v]));
        SM_TRY(take_speed_up(arena, &all[v]));
    }
    for (size_t a = 0; a < count; a++) {
        all[a].front = isfinite(all[a].measure) && isfinite(all[a].seconds);
        for (size_t b = 0; b < count && all[a].front; b++)
            all[a].front = !dominates(&all[b], &all[a]);
    }
    *analysed = all;
    return SM_OK;
}

/* ---- as tables ---- */

static const struct sm_analysed *
row_of(const void *row)
{
    return row;
}

static const char *
variant_name(const void *row)
{
    return row_of(row)->variant->name;
}

static const char *
on_front(const void *row)
{
    return row_of(row)->front ? "yes" : NULL;
}

static const char *
base_name(const void *row)
{
    return row_of(row)->base != NULL ? row_of(row)->base->name : NULL;
}

static const char *
measure_name(const void *row)
{
    const enum sm_measure measure = row_of(row)->variant->measure;
    return measure == SM_MEASURES           ? NULL
           : measure == SM_MEASURE_ACCURACY ? "accuracy %"
                                            : sm_measure_names[measure];
}

static double
scale_of(const void *row)
{
    return row_of(row)->variant->measure == SM_MEASURE_ACCURACY ? 100 : 1;
}

#define NUMBER(id, expression)                                                                     \
    static double id(const void *row, double target)                                               \
    {                                                                                              \
        (void)target;                                                                              \
        return expression;                                                                         \
    }
NUMBER(seeds, (double)row_of(row)->variant->finished)
NUMBER(measure, scale_of(row) * row_of(row)->measure)
NUMBER(measure_low, scale_of(row) * row_of(row)->measure_interval.low)
NUMBER(measure_high, scale_of(row) * row_of(row)->measure_interval.high)
NUMBER(measure_half, scale_of(row) * row_of(row)->measure_half)
NUMBER(seconds, row_of(row)->seconds)
NUMBER(reached, (double)row_of(row)->target_seconds.count)
NUMBER(target_seconds, row_of(row)->target_seconds.mean)
NUMBER(target_low, row_of(row)->target_interval.low)
NUMBER(target_high, row_of(row)->target_interval.high)
NUMBER(target_steps, row_of(row)->target_steps.mean)
NUMBER(speed_up, row_of(row)->speed_up)
NUMBER(speed_up_low, row_of(row)->speed_up_interval.low)
NUMBER(speed_up_high, row_of(row)->speed_up_interval.high)
NUMBER(rate, row_of(row)->rate.value)
NUMBER(rate_error, row_of(row)->rate.error)
NUMBER(bound, row_of(row)->bound)

static const struct sm_grid_text name_text = {"variant", variant_name};
static const struct sm_grid_text measure_text = {"measure", measure_name};
static const struct sm_grid_text front_text = {"front", on_front};
static const struct sm_grid_text base_text = {"over", base_name};
static const struct sm_grid_number seeds_column = {"seeds", seeds, 0, false};
static const struct sm_grid_number measure_columns[] = {{"mean", measure, -4, false},
                                                        {"low", measure_low, -4, false},
                                                        {"high", measure_high, -4, false},
                                                        {"+- t", measure_half, -2, false}};
static const struct sm_grid_number seconds_column = {"simulated s", seconds, -4, false};
static const struct sm_grid_number reached_column = {"reached", reached, 0, false};
static const struct sm_grid_number target_column = {NULL, target_seconds, -4, false};
static const struct sm_grid_number own_target_column = {"s to target", target_seconds, -4, false};
static const struct sm_grid_number target_columns[] = {{"low", target_low, -4, false},
                                                       {"high", target_high, -4, false},
                                                       {"steps", target_steps, 0, false}};
static const struct sm_grid_number speed_up_columns[] = {{"speed-up", speed_up, 2, false},
                                                         {"low", speed_up_low, 2, false},
                                                         {"high", speed_up_high, 2, false}};
static const struct sm_grid_number rate_columns[] = {
    {"slope", rate, 3, true}, {"+-", rate_error, -2, false}, {"1/sqrt(mK)", bound, -3, false}};

static void
add_some(struct sm_grid *grid, const struct sm_grid_number *columns, size_t count)
{
    for (size_t c = 0; c < count; c++)
        if (sm_grid_any(grid, &columns[c]))
            sm_grid_add(grid, &columns[c]);
}
#define ADD(grid, columns) add_some((grid), (columns), sizeof(columns) / sizeof *(columns))

static void
print_variants(const struct sm_analysed *rows, size_t count, double target, FILE *out)
{
    const struct sm_grid blank = {
        .rows = (const char *)rows, .count = count, .size = sizeof *rows, .target = target};
    struct sm_grid grid = blank;
    sm_grid_add_text(&grid, &name_text);
    if (sm_grid_any(&grid, &measure_columns[0])) {
        sm_grid_add_text(&grid, &measure_text);
        sm_grid_add_text(&grid, &front_text);
    }
    sm_grid_add(&grid, &seeds_column);
    ADD(&grid, measure_columns);
    sm_grid_add(&grid, &seconds_column);
    sm_grid_print(&grid, out);
    if (sm_grid_any(&grid, &measure_columns[1]))
        fputs("low, high: 95 % bootstrap interval over seeds; +- t: half of Student's\n", out);
    if (sm_grid_any(&grid, &measure_columns[0]))
        fputs("front: no other is as good in as little time\n", out);

    grid = blank;
    sm_grid_add_text(&grid, &name_text);
    if (sm_grid_any(&grid, &target_column)) {
        sm_grid_add(&grid, &reached_column);
        sm_grid_add(&grid, isnan(target) ? &own_target_column : &target_column);
        ADD(&grid, target_columns);
        ADD(&grid, speed_up_columns);
        if (sm_grid_any(&grid, &speed_up_columns[0]))
            sm_grid_add_text(&grid, &base_text);
        if (sm_grid_width(&grid) > SM_GRID_WIDEST && grid.text_count > 1)
            grid.text_count--;
        fputc('\n', out);
        sm_grid_print(&grid, out);
    }

    grid = blank;
    sm_grid_add_text(&grid, &name_text);
    if (sm_grid_any(&grid, &rate_columns[0])) {
        ADD(&grid, rate_columns);
        fputc('\n', out);
        sm_grid_print(&grid, out);
        fputs("slope: of ln training loss against ln steps, with its standard error\n", out);
    }
}

static const char *
best_name(const void *row)
{
    return ((const struct sm_best *)row)->name;
}

static const char *
best_per(const void *row)
{
    return ((const struct sm_best *)row)->per;
}

static const char *
best_value(const void *row)
{
    return ((const struct sm_best *)row)->value;
}

NUMBER(best_mean, ((const struct sm_best *)row)->mean)
NUMBER(best_low, ((const struct sm_best *)row)->interval.low)
NUMBER(best_high, ((const struct sm_best *)row)->interval.high)
NUMBER(best_values, (double)((const struct sm_best *)row)->values)

static void
print_best(const struct sm_best *rows, size_t count, const struct sm_analysis_request *request,
           const struct sm_run_measure *by, FILE *out)
{
    const struct sm_grid_text best_texts[] = {
        {"variant", best_name}, {request->per, best_per}, {request->best, best_value}};
    const struct sm_grid_number best_columns[] = {{by->name, best_mean, -4, false},
                                                  {"low", best_low, -4, false},
                                                  {"high", best_high, -4, false},
                                                  {"of values", best_values, 0, false}};
    struct sm_grid grid = {.rows = (const char *)rows, .count = count, .size = sizeof *rows};
    for (size_t t = 0; t < 3; t++)
        if (best_texts[t].title != NULL)
            sm_grid_add_text(&grid, &best_texts[t]);
    ADD(&grid, best_columns);
    fputc('\n', out);
    sm_grid_print(&grid, out);
    fprintf(out, "best %s by %s%s\n", request->best, by->name,
            by->more_is_better ? "" : ", the lowest");
}

/* Four digits, with a unit as people write it: bandwidths in bits. */
static const char *
write_value(enum sm_unit unit, double value, char *buffer, size_t size)
{
    static const char *const prefixes[] = {"", "k", "M", "G", "T"};
    char digits[SM_TEXT_DOUBLE];
    if (unit != SM_UNIT_BANDWIDTH)
        return sm_unit_format(unit, strtod(sm_text_digits(value, 4, digits, sizeof digits), NULL),
                              buffer, size);
    size_t p = 0;
    for (value *= 8; value >= 999.95 && p < 4; p++)
        value /= 1000;
    snprintf(buffer, size, "%s%sbps", sm_text_digits(value, 4, digits, sizeof digits), prefixes[p]);
    return buffer;
}

static void
print_ties(const struct sm_ties *ties, const struct sm_analysis_request *request,
           const struct sm_run_measure *by, FILE *out)
{
    char at[64], low[64], high[64];
    fputc('\n', out);
    if (ties->count == 0)
        fprintf(out, "%s and %s do not tie from %s = %s to %s: %s has less %s throughout\n",
                ties->names[0], ties->names[1], request->over,
                write_value(ties->unit, ties->low, low, sizeof low),
                write_value(ties->unit, ties->high, high, sizeof high),
                ties->names[!ties->first_less], by->name);
    for (size_t t = 0; t < ties->count; t++) {
        const struct sm_tie *tie = &ties->ties[t];
        fprintf(out, "%s and %s tie in %s at %s = %s", ties->names[0], ties->names[1], by->name,
                request->over, write_value(ties->unit, tie->at, at, sizeof at));
        if (isfinite(tie->interval.low))
            fprintf(out, " (95 %%: %s .. %s)",
                    write_value(ties->unit, tie->interval.low, low, sizeof low),
                    write_value(ties->unit, tie->interval.high, high, sizeof high));
        fprintf(out, "; below, %s has less\n", ties->names[!tie->first_below]);
    }
    fprintf(out, "%zu values of %s, %zu seed%s\n", ties->values, request->over, ties->seeds,
            ties->seeds == 1 ? "" : "s");
}

/* ---- as JSON ---- */

static json_t *
interval(const struct sm_interval *value)
{
    return json_pack("[oo]", sm_json_real(value->low), sm_json_real(value->high));
}

static json_t *
variants_json(const struct sm_analysed *rows, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        const struct sm_analysed *a = &rows[i];
        const enum sm_measure m = a->variant->measure;
        json_array_append_new(
            list,
            json_pack(
                "{s:o, s:I, s:o, s:o, s:o, s:o, s:o, s:b, s:o, s:I, s:o, s:o, s:o, s:o, s:o, s:o, "
                "s:I, s:o, s:o, s:o}",
                "name", sm_json_text(a->variant->name), "seeds", (json_int_t)a->variant->finished,
                "measure", sm_json_text(m != SM_MEASURES ? sm_measure_names[m] : NULL), "mean",
                sm_json_real(a->measure), "interval", interval(&a->measure_interval),
                "student_half", sm_json_real(a->measure_half), "sim_seconds",
                sm_json_real(a->seconds), "pareto_front", a->front, "target",
                sm_json_real(a->variant->target), "reached", (json_int_t)a->target_seconds.count,
                "seconds_to_target", sm_json_real(a->target_seconds.mean),
                "seconds_to_target_interval", interval(&a->target_interval), "steps_to_target",
                sm_json_real(a->target_steps.mean), "over",
                sm_json_text(a->base != NULL ? a->base->name : NULL), "speed_up",
                sm_json_real(a->speed_up), "speed_up_interval", interval(&a->speed_up_interval),
                "pairs", (json_int_t)a->pairs, "slope", sm_json_real(a->rate.value), "slope_error",
                sm_json_real(a->rate.error), "inverse_sqrt_workers_steps", sm_json_real(a->bound)));
    }
    return list;
}

static json_t *
best_json(const struct sm_best *rows, size_t count, const struct sm_analysis_request *request,
          const struct sm_run_measure *by)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(
            list, json_pack("{s:o, s:o, s:o, s:s, s:o, s:s, s:o, s:o, s:I}", "name",
                            sm_json_text(rows[i].name), "per", sm_json_text(request->per),
                            "per_value", sm_json_text(rows[i].per), "best", request->best, "value",
                            sm_json_text(rows[i].value), "by", by->name, "mean",
                            sm_json_real(rows[i].mean), "interval", interval(&rows[i].interval),
                            "values", (json_int_t)rows[i].values));
    return list;
}

static json_t *
ties_json(const struct sm_ties *ties, const struct sm_analysis_request *request,
          const struct sm_run_measure *by)
{
    json_t *list = json_array();
    for (size_t t = 0; t < ties->count; t++)
        json_array_append_new(list,
                              json_pack("{s:o, s:o, s:s}", "at", sm_json_real(ties->ties[t].at),
                                        "interval", interval(&ties->ties[t].interval), "less_below",
                                        ties->names[!ties->ties[t].first_below]));
    return json_pack("{s:[ss], s:s, s:s, s:I, s:I, s:[ff], s:o}", "of", ties->names[0],
                     ties->names[1], "over", request->over, "by", by->name, "values",
                     (json_int_t)ties->values, "seeds", (json_int_t)ties->seeds, "range", ties->low,
                     ties->high, "ties", list);
}

/* ---- the command ---- */

static enum sm_status
check_request(const struct sm_analysis_request *request)
{
    if (request->per != NULL && request->best == NULL)
        return SM_FAIL(SM_ERR_INPUT, "--per %s: --best KEY says what is to be chosen",
                       request->per);
    if ((request->tie != NULL) != (request->over != NULL))
        return SM_FAIL(SM_ERR_INPUT, "--tie A,B and --over KEY go together");
    if (request->by != NULL && request->best == NULL && request->tie == NULL)
        return SM_FAIL(SM_ERR_INPUT, "--by %s: for --best and --tie only", request->by);
    return SM_OK;
}

static enum sm_status
analyse(struct sm_arena *arena, const struct sm_stored_run *runs, size_t count,
        const struct sm_analysis_request *request, FILE *out)
{
    const double target = isnan(request->target) ? sm_common_target(runs, count) : request->target;
    struct sm_variant *variants;
    struct sm_analysed *rows;
    struct sm_best *best = NULL;
    struct sm_ties ties;
    size_t variant_count, best_count = 0;
    SM_TRY(check_request(request));
    if (count == 0)
        return SM_FAIL(SM_ERR_INPUT, "no runs to analyse");
    SM_TRY(sm_variants_find(runs, count, target, arena, &variants, &variant_count));
    SM_TRY(sm_analyse_variants(arena, variants, variant_count, &rows));
    const struct sm_run_measure *by = sm_run_measure_default(variants, variant_count, target);
    if (request->by != NULL)
        SM_TRY(sm_run_measure_find(request->by, &by));
    if (request->best != NULL)
        SM_TRY(sm_analyse_best(arena, variants, variant_count, request->best, request->per, by,
                               &best, &best_count));
    if (request->tie != NULL)
        SM_TRY(sm_analyse_ties(arena, variants, variant_count, request->tie, request->over, by,
                               &ties));
    if (!request->json) {
        print_variants(rows, variant_count, target, out);
        if (request->best != NULL)
            print_best(best, best_count, request, by, out);
        if (request->tie != NULL)
            print_ties(&ties, request, by, out);
        return SM_OK;
    }
    json_t *object = json_pack("{s:o}", "variants", variants_json(rows, variant_count));
    if (request->best != NULL)
        json_object_set_new(object, "best", best_json(best, best_count, request, by));
    if (request->tie != NULL)
        json_object_set_new(object, "tie", ties_json(&ties, request, by));
    if (object == NULL)
        return no_memory();
    sm_json_print(object, out);
    fputc('\n', out);
    json_decref(object);
    return SM_OK;
}

enum sm_status
sm_analyse(const struct sm_stored_run *runs, size_t count,
           const struct sm_analysis_request *request, FILE *out)
{
    struct sm_arena arena = {0};
    enum sm_status status = analyse(&arena, runs, count, request, out);
    sm_arena_fini(&arena);
    return status;
}
