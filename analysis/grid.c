/* SPDX-License-Identifier: GPL-3.0-or-later */
/* analysis/grid.c -- see grid.h. */
#include "analysis/grid.h"

#include <assert.h>
#include <math.h>
#include <string.h>

enum { GAP = 2, SHORTEST_NAME = 12, MOST_DECIMALS = 6 };

static const void *
row_of(const struct sm_grid *grid, size_t i)
{
    return grid->rows + i * grid->size;
}

static double
value_of(const struct sm_grid *grid, const struct sm_grid_number *number, size_t i)
{
    return number->value(row_of(grid, i), grid->target);
}

static const char *
text_of(const struct sm_grid *grid, const struct sm_grid_text *text, size_t i)
{
    const char *found = text->text(row_of(grid, i));
    return found != NULL ? found : "-";
}

/* The same for the whole column, so that the points stand below each other. */
static int
decimals_of(const struct sm_grid *grid, const struct sm_grid_number *number)
{
    if (number->decimals >= 0)
        return number->decimals;
    double smallest = INFINITY;
    for (size_t i = 0; i < grid->count; i++) {
        double value = fabs(value_of(grid, number, i));
        if (value > 0)
            smallest = fmin(smallest, value);
    }
    if (isinf(smallest))
        return 0;
    double decimals = -number->decimals - 1 - floor(log10(smallest));
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

static size_t
larger(size_t a, size_t b)
{
    return a > b ? a : b;
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

/* A number too small for the decimals of its column is no zero. */
static void
write_cell(char cell[SM_GRID_CELL], const struct sm_grid_number *number, double value, int decimals)
{
    const bool small = number->decimals < 0 && value != 0 && fabs(value) < 0.5 * pow(10, -decimals);
    if (!isfinite(value))
        snprintf(cell, SM_GRID_CELL, "-");
    else if (small)
        snprintf(cell, SM_GRID_CELL, number->sign ? "%+.1e" : "%.1e", value);
    else
        snprintf(cell, SM_GRID_CELL, number->sign ? "%+.*f" : "%.*f", decimals, value);
}

static void
write_title(char cell[SM_GRID_CELL], const struct sm_grid *grid,
            const struct sm_grid_number *number)
{
    if (number->title == NULL)
        snprintf(cell, SM_GRID_CELL, "s to %.4g %%", 100 * grid->target);
    else
        snprintf(cell, SM_GRID_CELL, "%s", number->title);
}

/* ---- columns ---- */

static size_t
text_width(const struct sm_grid *grid, const struct sm_grid_text *text)
{
    size_t width = width_of(text->title);
    for (size_t i = 0; i < grid->count; i++)
        width = larger(width, width_of(text_of(grid, text, i)));
    return width;
}

static size_t
number_width(const struct sm_grid *grid, const struct sm_grid_number *number)
{
    char cell[SM_GRID_CELL];
    write_title(cell, grid, number);
    size_t width = strlen(cell);
    const int decimals = decimals_of(grid, number);
    for (size_t i = 0; i < grid->count; i++) {
        write_cell(cell, number, value_of(grid, number, i), decimals);
        width = larger(width, strlen(cell));
    }
    return width;
}

bool
sm_grid_any(const struct sm_grid *grid, const struct sm_grid_number *number)
{
    for (size_t i = 0; i < grid->count; i++)
        if (isfinite(value_of(grid, number, i)))
            return true;
    return false;
}

void
sm_grid_add_text(struct sm_grid *grid, const struct sm_grid_text *text)
{
    assert(grid->text_count < SM_GRID_TEXTS);
    grid->texts[grid->text_count++] = text;
}

void
sm_grid_add(struct sm_grid *grid, const struct sm_grid_number *number)
{
    assert(grid->number_count < SM_GRID_NUMBERS);
    grid->numbers[grid->number_count++] = number;
}

size_t
sm_grid_width(const struct sm_grid *grid)
{
    size_t width = 0;
    for (size_t t = 0; t < grid->text_count; t++)
        width += text_width(grid, grid->texts[t]) + GAP;
    for (size_t c = 0; c < grid->number_count; c++)
        width += number_width(grid, grid->numbers[c]) + GAP;
    return width - GAP;
}

void
sm_grid_print(const struct sm_grid *grid, FILE *out)
{
    size_t texts[SM_GRID_TEXTS], numbers[SM_GRID_NUMBERS];
    int decimals[SM_GRID_NUMBERS];
    char cell[SM_GRID_CELL];
    for (size_t t = 0; t < grid->text_count; t++)
        texts[t] = text_width(grid, grid->texts[t]);
    for (size_t c = 0; c < grid->number_count; c++) {
        numbers[c] = number_width(grid, grid->numbers[c]);
        decimals[c] = decimals_of(grid, grid->numbers[c]);
    }
    size_t others = sm_grid_width(grid) - texts[0];
    size_t room = others + SHORTEST_NAME < SM_GRID_WIDEST ? SM_GRID_WIDEST - others : SHORTEST_NAME;
    texts[0] = texts[0] < room ? texts[0] : room;

    for (size_t t = 0; t < grid->text_count; t++) {
        print_spaces(t > 0 ? GAP : 0, out);
        print_left(grid->texts[t]->title, texts[t], out);
    }
    for (size_t c = 0; c < grid->number_count; c++) {
        write_title(cell, grid, grid->numbers[c]);
        fprintf(out, "%*s", (int)(numbers[c] + GAP), cell);
    }
    fputc('\n', out);
    for (size_t i = 0; i < grid->count; i++) {
        for (size_t t = 0; t < grid->text_count; t++) {
            print_spaces(t > 0 ? GAP : 0, out);
            print_left(text_of(grid, grid->texts[t], i), texts[t], out);
        }
        for (size_t c = 0; c < grid->number_count; c++) {
            write_cell(cell, grid->numbers[c], value_of(grid, grid->numbers[c], i), decimals[c]);
            fprintf(out, "%*s", (int)(numbers[c] + GAP), cell);
        }
        fputc('\n', out);
    }
}
