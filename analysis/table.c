/* SPDX-License-Identifier: GPL-3.0-or-later */
/* analysis/table.c -- the table at the end of a run: one line a run, at most 100 columns. */
#include "analysis/analysis.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "analysis/grid.h"

enum { MOST_NAMES = 4 };

/* ---- columns ---- */

static const struct sm_summary *
summary_of(const void *row)
{
    return &((const struct sm_stored_run *)row)->summary;
}

static const char *
run_name(const void *row)
{
    return summary_of(row)->name;
}

static const char *
run_status(const void *row)
{
    return summary_of(row)->status;
}

static double
final_accuracy(const void *row, double target)
{
    (void)target;
    return 100 * summary_of(row)->final.test_accuracy;
}

static double
best_accuracy(const void *row, double target)
{
    (void)target;
    return 100 * summary_of(row)->best.test_accuracy;
}

static double
final_perplexity(const void *row, double target)
{
    (void)target;
    return summary_of(row)->final.test_perplexity;
}

static double
final_bleu(const void *row, double target)
{
    (void)target;
    return summary_of(row)->final.test_bleu;
}

static double
final_loss(const void *row, double target)
{
    (void)target;
    return summary_of(row)->final.test_loss;
}

static double
step_ms(const void *row, double target)
{
    (void)target;
    return 1e3 * summary_of(row)->sim.seconds_per_step;
}

static double
seconds_to_target(const void *row, double target)
{
    const struct sm_stored_run *run = row;
    return sm_time_to_accuracy(run->evaluations, run->evaluation_count, target, NULL);
}

static double
simulated_seconds(const void *row, double target)
{
    (void)target;
    return summary_of(row)->sim.seconds;
}

static double
samples_per_second(const void *row, double target)
{
    (void)target;
    return summary_of(row)->wall.samples_per_second;
}

static double
wall_seconds(const void *row, double target)
{
    (void)target;
    return summary_of(row)->wall.seconds;
}

static const struct sm_grid_text name_text = {"run", run_name};
static const struct sm_grid_text status_text = {"status", run_status};
static const struct sm_grid_number accuracy_column = {"accuracy %", final_accuracy, 2, false};
static const struct sm_grid_number best_column = {"best %", best_accuracy, 2, false};
static const struct sm_grid_number perplexity_column = {"perplexity", final_perplexity, -4, false};
static const struct sm_grid_number bleu_column = {"BLEU", final_bleu, 2, false};
static const struct sm_grid_number loss_column = {"test loss", final_loss, -4, false};
static const struct sm_grid_number step_column = {"ms/step", step_ms, -4, false};
static const struct sm_grid_number target_column = {NULL, seconds_to_target, -4, false};
static const struct sm_grid_number seconds_column = {"simulated s", simulated_seconds, -4, false};
static const struct sm_grid_number samples_column = {"samples/s", samples_per_second, 0, false};
static const struct sm_grid_number wall_column = {"wall s", wall_seconds, 1, false};

static const char *
text_or(const char *text, const char *instead)
{
    return text != NULL ? text : instead;
}

/* ---- below the table ---- */

static bool
has_warning(const struct sm_stored_run *run, const char *warning)
{
    for (size_t i = 0; i < run->summary.warning_count; i++)
        if (strcmp(run->summary.warnings[i], warning) == 0)
            return true;
    return false;
}

/* A warning once, with the runs that gave it, unless all of them did. */
static void
print_warning(const struct sm_stored_run *runs, size_t count, size_t first, const char *warning,
              FILE *out)
{
    size_t having = 0;
    for (size_t i = 0; i < count; i++)
        having += has_warning(&runs[i], warning);
    fprintf(out, "warning: %s", warning);
    size_t named = 0;
    for (size_t i = first; having < count && named < MOST_NAMES && i < count; i++)
        if (has_warning(&runs[i], warning))
            fprintf(out, "%s%s", named++ == 0 ? " (" : ", ", text_or(runs[i].summary.name, "?"));
    if (named > 0 && named < having)
        fprintf(out, " and %zu more", having - named);
    fputs(having < count ? ")\n" : "\n", out);
}

void
sm_table_notes(const struct sm_stored_run *runs, size_t count, FILE *out)
{
    for (size_t i = 0; i < count; i++) {
        const struct sm_summary *summary = &runs[i].summary;
        if (summary->error != NULL)
            fprintf(out, "%s: %s\n", text_or(summary->name, "?"), summary->error);
        for (size_t w = 0; w < summary->warning_count; w++) {
            bool told = false;
            for (size_t j = 0; j < i && !told; j++)
                told = has_warning(&runs[j], summary->warnings[w]);
            if (!told)
                print_warning(runs, count, i, summary->warnings[w], out);
        }
    }
}

/* ---- the table ---- */

static void
print_rows(const struct sm_stored_run *runs, size_t count, double target, FILE *out)
{
    struct sm_grid grid = {
        .rows = (const char *)runs, .count = count, .size = sizeof *runs, .target = target};
    sm_grid_add_text(&grid, &name_text);
    sm_grid_add_text(&grid, &status_text);
    const bool accuracies = sm_grid_any(&grid, &accuracy_column);
    if (sm_grid_any(&grid, &perplexity_column)) { /* says more than how many tokens were right */
        sm_grid_add(&grid, &perplexity_column);
        if (sm_grid_any(&grid, &bleu_column))
            sm_grid_add(&grid, &bleu_column);
    } else if (accuracies) {
        sm_grid_add(&grid, &accuracy_column);
        sm_grid_add(&grid, &best_column);
    } else if (sm_grid_any(&grid, &loss_column)) {
        sm_grid_add(&grid, &loss_column);
    }
    sm_grid_add(&grid, &step_column);
    if (!isnan(target) && accuracies)
        sm_grid_add(&grid, &target_column);
    sm_grid_add(&grid, &seconds_column);
    sm_grid_add(&grid, sm_grid_any(&grid, &samples_column) ? &samples_column : &wall_column);
    sm_grid_print(&grid, out);
}

void
sm_table_print(const struct sm_stored_run *runs, size_t count, double target, FILE *out)
{
    print_rows(runs, count, target, out);
    sm_table_notes(runs, count, out);
}
