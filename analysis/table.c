/* SPDX-License-Identifier: GPL-3.0-or-later */
/* analysis/table.c -- the table at the end of a run: one line a run, at most WIDEST columns. */
#include "analysis/analysis.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { WIDEST = 100, GAP = 2, CELL = 32, SHORTEST_NAME = 12, MOST_DECIMALS = 6 };

/* ---- columns of numbers ---- */

struct column {
    const char *title; /* NULL: "s to TARGET %"                           */
    double (*value)(const struct sm_stored_run *run, double target);
    int decimals; /* -1: four significant digits of the smallest        */
};

static double
final_accuracy(const struct sm_stored_run *run, double target)
{
    (void)target;
    return 100 * run->summary.final.test_accuracy;
}

static double
best_accuracy(const struct sm_stored_run *run, double target)
{
    (void)target;
    return 100 * run->summary.best.test_accuracy;
}

static double
final_perplexity(const struct sm_stored_run *run, double target)
{
    (void)target;
    return run->summary.final.test_perplexity;
}

static double
final_bleu(const struct sm_stored_run *run, double target)
{
    (void)target;
    return run->summary.final.test_bleu;
}

static double
final_loss(const struct sm_stored_run *run, double target)
{
    (void)target;
    return run->summary.final.test_loss;
}

static double
step_ms(const struct sm_stored_run *run, double target)
{
    (void)target;
    return 1e3 * run->summary.sim.seconds_per_step;
}

static double
seconds_to_target(const struct sm_stored_run *run, double target)
{
    return sm_time_to_accuracy(run->evaluations, run->evaluation_count, target, NULL);
}

static double
simulated_seconds(const struct sm_stored_run *run, double target)
{
    (void)target;
    return run->summary.sim.seconds;
}

static double
samples_per_second(const struct sm_stored_run *run, double target)
{
    (void)target;
    return run->summary.wall.samples_per_second;
}

static double
wall_seconds(const struct sm_stored_run *run, double target)
{
    (void)target;
    return run->summary.wall.seconds;
}

static const struct column accuracy_column = {"accuracy %", final_accuracy, 2};
static const struct column best_column = {"best %", best_accuracy, 2};
static const struct column perplexity_column = {"perplexity", final_perplexity, -1};
static const struct column bleu_column = {"BLEU", final_bleu, 2};
static const struct column loss_column = {"test loss", final_loss, -1};
static const struct column step_column = {"ms/step", step_ms, -1};
static const struct column target_column = {NULL, seconds_to_target, -1};
static const struct column seconds_column = {"simulated s", simulated_seconds, -1};
static const struct column samples_column = {"samples/s", samples_per_second, 0};
static const struct column wall_column = {"wall s", wall_seconds, 1};

static bool
any(const struct column *column, const struct sm_stored_run *runs, size_t count, double target)
{
    for (size_t i = 0; i < count; i++)
        if (!isnan(column->value(&runs[i], target)))
            return true;
    return false;
}

/* The same for the whole column, so that the points stand below each other. */
static int
decimals_of(const struct column *column, const struct sm_stored_run *runs, size_t count,
            double target)
{
    if (column->decimals >= 0)
        return column->decimals;
    double smallest = INFINITY;
    for (size_t i = 0; i < count; i++) {
        double value = fabs(column->value(&runs[i], target));
        if (value > 0)
            smallest = fmin(smallest, value);
    }
    if (isinf(smallest))
        return 0;
    double decimals = 3 - floor(log10(smallest));
    return (int)fmax(0, fmin(decimals, MOST_DECIMALS));
}

/* ---- cells ---- */

/* Characters of UTF-8, which stand for the width on the screen. */
static size_t
width_of(const char *text)
{
    size_t width = 0;
    for (; *text != '\0'; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

static void
print_spaces(size_t count, FILE *out)
{
    for (; count > 0; count--)
        fputc(' ', out);
}

static void
print_left(const char *text, size_t width, FILE *out)
{
    size_t have = width_of(text);
    if (have <= width) {
        fputs(text, out);
        print_spaces(width - have, out);
        return;
    }
    size_t keep = width - 3; /* room for the dots */
    for (; keep > 0 || ((unsigned char)*text & 0xc0) == 0x80; text++) {
        keep -= ((unsigned char)*text & 0xc0) != 0x80;
        fputc(*text, out);
    }
    fputs("...", out);
}

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
    const char *separator = " (";
    for (size_t i = first; having < count && i < count; i++)
        if (has_warning(&runs[i], warning)) {
            fprintf(out, "%s%s", separator, text_or(runs[i].summary.name, "?"));
            separator = ", ";
        }
    fputs(having < count ? ")\n" : "\n", out);
}

static void
print_notes(const struct sm_stored_run *runs, size_t count, FILE *out)
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

struct layout {
    const struct column *columns[8];
    char titles[8][CELL];
    int decimals[8];
    size_t widths[8], count;
    size_t name, status; /* widths of the two columns of text */
};

static void
write_cell(char cell[CELL], double value, int decimals)
{
    if (isnan(value))
        snprintf(cell, CELL, "-");
    else
        snprintf(cell, CELL, "%.*f", decimals, value);
}

static void
add_column(struct layout *layout, const struct column *column, const struct sm_stored_run *runs,
           size_t count, double target)
{
    size_t c = layout->count++;
    layout->columns[c] = column;
    layout->decimals[c] = decimals_of(column, runs, count, target);
    if (column->title == NULL)
        snprintf(layout->titles[c], CELL, "s to %.4g %%", 100 * target);
    else
        snprintf(layout->titles[c], CELL, "%s", column->title);
    layout->widths[c] = strlen(layout->titles[c]);
    for (size_t i = 0; i < count; i++) {
        char cell[CELL];
        write_cell(cell, column->value(&runs[i], target), layout->decimals[c]);
        if (strlen(cell) > layout->widths[c])
            layout->widths[c] = strlen(cell);
    }
}

static struct layout
lay_out(const struct sm_stored_run *runs, size_t count, double target)
{
    struct layout layout = {.name = strlen("run"), .status = strlen("status")};
    if (any(&perplexity_column, runs, count,
            target)) { /* says more than how many tokens were right */
        add_column(&layout, &perplexity_column, runs, count, target);
        if (any(&bleu_column, runs, count, target))
            add_column(&layout, &bleu_column, runs, count, target);
    } else if (any(&accuracy_column, runs, count, target)) {
        add_column(&layout, &accuracy_column, runs, count, target);
        add_column(&layout, &best_column, runs, count, target);
    } else if (any(&loss_column, runs, count, target)) {
        add_column(&layout, &loss_column, runs, count, target);
    }
    add_column(&layout, &step_column, runs, count, target);
    if (!isnan(target) && any(&accuracy_column, runs, count, target))
        add_column(&layout, &target_column, runs, count, target);
    add_column(&layout, &seconds_column, runs, count, target);
    bool samples = any(&samples_column, runs, count, target);
    add_column(&layout, samples ? &samples_column : &wall_column, runs, count, target);

    size_t others = 0;
    for (size_t i = 0; i < count; i++) {
        size_t name = width_of(text_or(runs[i].summary.name, "-"));
        size_t status = width_of(text_or(runs[i].summary.status, "-"));
        layout.name = name > layout.name ? name : layout.name;
        layout.status = status > layout.status ? status : layout.status;
    }
    others = layout.status + GAP;
    for (size_t c = 0; c < layout.count; c++)
        others += layout.widths[c] + GAP;
    size_t room = others + SHORTEST_NAME < WIDEST ? WIDEST - others : SHORTEST_NAME;
    if (layout.name > room)
        layout.name = room;
    return layout;
}

void
sm_table_print(const struct sm_stored_run *runs, size_t count, double target, FILE *out)
{
    struct layout layout = lay_out(runs, count, target);
    print_left("run", layout.name + GAP, out);
    print_left("status", layout.status, out);
    for (size_t c = 0; c < layout.count; c++)
        fprintf(out, "%*s", (int)(layout.widths[c] + GAP), layout.titles[c]);
    fputc('\n', out);
    for (size_t i = 0; i < count; i++) {
        print_left(text_or(runs[i].summary.name, "-"), layout.name, out);
        print_spaces(GAP, out);
        print_left(text_or(runs[i].summary.status, "-"), layout.status, out);
        for (size_t c = 0; c < layout.count; c++) {
            char cell[CELL];
            write_cell(cell, layout.columns[c]->value(&runs[i], target), layout.decimals[c]);
            fprintf(out, "%*s", (int)(layout.widths[c] + GAP), cell);
        }
        fputc('\n', out);
    }
    print_notes(runs, count, out);
}
