/* SPDX-License-Identifier: GPL-3.0-or-later */
/* analysis/compare.c -- see compare.h. */
#include "analysis/compare.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/text.h"

/* What is compared of a run. */
struct row {
    const char *name, *seed, *status;
    double accuracy, seconds, loss; /* NaN: none */
    bool met;
};

enum { NAME, SEED, STATUS, ACCURACY, LOSS, SECONDS, COLUMNS, MOST_CELLS = 256 };
static const char *const columns[COLUMNS + 1] = {
    "name", "seed", "status", "final.test_accuracy", "final.test_loss", "sim.seconds", NULL};

struct table {
    struct row *rows;
    size_t count;
};

static enum sm_status
no_memory(void)
{
    return SM_FAIL(SM_ERR_NOMEM, "no memory for the comparison");
}

/* The last row of a run takes the place of those before. */
static void
put(struct table *table, const struct row *row)
{
    size_t r = 0;
    while (r < table->count && (strcmp(table->rows[r].name, row->name) != 0 ||
                                strcmp(table->rows[r].seed, row->seed) != 0))
        r++;
    table->rows[r] = *row;
    table->count += r == table->count;
}

/* ---- the two sides ---- */

static const char *
text_or_empty(const char *text)
{
    return text != NULL ? text : "";
}

static enum sm_status
take_runs(struct sm_arena *arena, const struct sm_stored_run *runs, size_t count,
          struct table *table)
{
    table->rows = sm_arena_alloc(arena, count, sizeof *table->rows);
    if (table->rows == NULL)
        return no_memory();
    for (size_t i = 0; i < count; i++) {
        const struct sm_summary *summary = &runs[i].summary;
        char digits[SM_TEXT_DOUBLE];
        const struct row row = {.name = text_or_empty(summary->name),
                                .seed =
                                    sm_arena_strdup(arena, sm_text_double(summary->seed, digits)),
                                .status = text_or_empty(summary->status),
                                .accuracy = summary->final.test_accuracy,
                                .seconds = summary->sim.seconds,
                                .loss = summary->final.test_loss};
        if (row.seed == NULL)
            return no_memory();
        put(table, &row);
    }
    return SM_OK;
}

/* Cuts the record at *at (RFC 4180) into cells, in place; *at is then behind it. */
static enum sm_status
read_record(const char *file, char **at, size_t *line, char *cells[MOST_CELLS], size_t *count)
{
    char *in = *at;
    const size_t first = *line;
    for (*count = 0; *count < MOST_CELLS;) {
        char *out = in;
        cells[(*count)++] = out;
        bool quoted = *in == '"';
        in += quoted;
        while (*in != '\0' && (quoted || strchr(",\r\n", *in) == NULL)) {
            *line += *in == '\n';
            if (quoted && *in == '"' && *++in != '"') {
                quoted = false;
                continue;
            }
            *out++ = *in++;
        }
        if (quoted)
            return SM_FAIL(SM_ERR_INPUT, "%s:%zu: a quote that does not end", file, first);
        const char end = *in;
        in += end != '\0';
        in += end == '\r' && *in == '\n';
        *out = '\0';
        if (end != ',') {
            *line += end != '\0';
            *at = in;
            return SM_OK;
        }
    }
    return SM_FAIL(SM_ERR_INPUT, "%s:%zu: more than %d columns", file, first, MOST_CELLS);
}

/* An empty cell is null. */
static enum sm_status
read_number(const char *file, size_t line, const char *cell, const char *column, double *number)
{
    char *end;
    *number = cell[0] != '\0' ? strtod(cell, &end) : (double)NAN;
    if (cell[0] != '\0' && *end != '\0')
        return SM_FAIL(SM_ERR_INPUT, "%s:%zu: %s: '%s' is no number", file, line, column, cell);
    return SM_OK;
}

static enum sm_status
take_baseline(struct sm_arena *arena, const char *file, struct table *table)
{
    char *at, *cells[MOST_CELLS];
    size_t length, line = 1, count, wide, lines = 1, where[COLUMNS];
    SM_TRY(sm_text_read_file(arena, file, &at, &length));
    for (const char *c = at; *c != '\0'; c++)
        lines += *c == '\n' || *c == '\r';
    table->rows = sm_arena_alloc(arena, lines, sizeof *table->rows);
    if (table->rows == NULL)
        return no_memory();
    SM_TRY(read_record(file, &at, &line, cells, &wide));
    for (size_t c = 0; c < COLUMNS; c++) {
        for (where[c] = 0; where[c] < wide && strcmp(cells[where[c]], columns[c]) != 0; where[c]++)
            ;
        if (where[c] == wide)
            return SM_FAIL(SM_ERR_INPUT,
                           "%s:1: no column '%s'; expected what `slowmo export STORE --format "
                           "runs` writes",
                           file, columns[c]);
    }
    while (*at != '\0') {
        const size_t first = line;
        struct row row;
        SM_TRY(read_record(file, &at, &line, cells, &count));
        if (count == 1 && cells[0][0] == '\0')
            continue;
        if (count != wide)
            return SM_FAIL(SM_ERR_INPUT, "%s:%zu: %zu columns, expected %zu", file, first, count,
                           wide);
        row = (struct row){
            .name = cells[where[NAME]], .seed = cells[where[SEED]], .status = cells[where[STATUS]]};
        SM_TRY(read_number(file, first, cells[where[ACCURACY]], columns[ACCURACY], &row.accuracy));
        SM_TRY(read_number(file, first, cells[where[LOSS]], columns[LOSS], &row.loss));
        SM_TRY(read_number(file, first, cells[where[SECONDS]], columns[SECONDS], &row.seconds));
        put(table, &row);
    }
    return SM_OK;
}

/* ---- the comparison ---- */

static void
print_run(const struct row *row, FILE *out)
{
    fputs(row->name, out);
    if (row->seed[0] != '\0' && strstr(row->name, " seed=") == NULL)
        fprintf(out, " seed=%s", row->seed);
    fputs(": ", out);
}

static const char *
write_number(double value, char digits[SM_TEXT_DOUBLE])
{
    return isnan(value) ? "none" : sm_text_digits(value, 6, digits, SM_TEXT_DOUBLE);
}

/* One line when `now` is further than `band` from `then`; relative: band is a share of `then`. */
static bool
differs(const struct row *row, const char *what, double now, double then, double band,
        bool relative, FILE *out)
{
    char a[SM_TEXT_DOUBLE], b[SM_TEXT_DOUBLE];
    const double scale = relative ? fabs(then) : 1;
    /* a hair more, for a band that the difference fills: 0.85 - 0.80 is above 0.05 */
    const double room = band * scale * (1 + 1e-9) + 1e-12 * fabs(then);
    if ((isnan(now) && isnan(then)) || fabs(now - then) <= room || isinf(band))
        return false;
    print_run(row, out);
    fprintf(out, "%s %s, baseline %s", what, write_number(now, a), write_number(then, b));
    if (!isnan(now - then) && relative)
        fprintf(out, ": %+.3g %%, band %g %%", 100 * (now - then) / scale, 100 * band);
    else if (!isnan(now - then))
        fprintf(out, ": %+.3g, band %g", now - then, band);
    fputc('\n', out);
    return true;
}

static size_t
compare_rows(const struct row *now, const struct row *then, const struct sm_bands *bands, FILE *out)
{
    size_t found = 0;
    if (strcmp(now->status, then->status) != 0) {
        print_run(now, out);
        fprintf(out, "%s, baseline %s\n", now->status, then->status);
        found++;
    }
    found += differs(now, "accuracy", now->accuracy, then->accuracy, bands->accuracy, false, out);
    found += differs(now, "loss", now->loss, then->loss, bands->loss, true, out);
    found += differs(now, "seconds", now->seconds, then->seconds, bands->seconds, true, out);
    return found;
}

static enum sm_status
compare(struct sm_arena *arena, const struct sm_stored_run *runs, size_t count,
        const char *baseline, const struct sm_bands *bands, FILE *out, size_t *differences)
{
    struct table now = {NULL, 0}, then = {NULL, 0};
    SM_TRY(take_baseline(arena, baseline, &then));
    SM_TRY(take_runs(arena, runs, count, &now));
    if (then.count == 0)
        return SM_FAIL(SM_ERR_INPUT, "%s: holds no run", baseline);
    for (size_t t = 0; t < then.count; t++) {
        struct row *old = &then.rows[t];
        for (size_t n = 0; n < now.count && !old->met; n++)
            if (strcmp(now.rows[n].name, old->name) == 0 &&
                strcmp(now.rows[n].seed, old->seed) == 0) {
                old->met = now.rows[n].met = true;
                *differences += compare_rows(&now.rows[n], old, bands, out);
            }
        if (!old->met) {
            print_run(old, out);
            fputs("in the baseline only\n", out);
            ++*differences;
        }
    }
    for (size_t n = 0; n < now.count; n++)
        if (!now.rows[n].met) {
            print_run(&now.rows[n], out);
            fputs("not in the baseline\n", out);
            ++*differences;
        }
    if (*differences == 0)
        fprintf(out, "%zu run%s as in %s: accuracy within %g, seconds within %g %%\n", now.count,
                now.count == 1 ? "" : "s", baseline, bands->accuracy, 100 * bands->seconds);
    return SM_OK;
}

enum sm_status
sm_compare(const struct sm_stored_run *runs, size_t count, const char *baseline,
           const struct sm_bands *bands, FILE *out, size_t *differences)
{
    struct sm_arena arena = {0};
    *differences = 0;
    enum sm_status status = compare(&arena, runs, count, baseline, bands, out, differences);
    sm_arena_fini(&arena);
    return status;
}
