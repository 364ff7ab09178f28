/* SPDX-License-Identifier: GPL-3.0-or-later */
/* analysis/grid.h -- rows of names and numbers as aligned text: one line a row, at most 100
 * columns on the screen.
 */
#ifndef SM_ANALYSIS_GRID_H
#define SM_ANALYSIS_GRID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { SM_GRID_WIDEST = 100, SM_GRID_TEXTS = 3, SM_GRID_NUMBERS = 12, SM_GRID_CELL = 32 };

struct sm_grid_text {
    const char *title;
    const char *(*text)(const void *row); /* NULL: a dash */
};

struct sm_grid_number {
    const char *title;                               /* NULL: "s to TARGET %"         */
    double (*value)(const void *row, double target); /* not finite: a dash            */
    int decimals; /* negative: as many significant digits of the smallest, -4: four   */
    bool sign;    /* a + before what is not negative                                  */
};

struct sm_grid {
    const char *rows; /* (count) objects of `size` bytes, borrowed */
    size_t count, size;
    double target;
    const struct sm_grid_text *texts[SM_GRID_TEXTS]; /* the first is cut when it is too wide */
    const struct sm_grid_number *numbers[SM_GRID_NUMBERS];
    size_t text_count, number_count;
};

/* Whether a row has a number there. */
bool sm_grid_any(const struct sm_grid *grid, const struct sm_grid_number *number);
/* At the right of what is there. */
void sm_grid_add_text(struct sm_grid *grid, const struct sm_grid_text *text);
void sm_grid_add(struct sm_grid *grid, const struct sm_grid_number *number);
/* Columns on the screen when nothing is cut. */
size_t sm_grid_width(const struct sm_grid *grid);
void sm_grid_print(const struct sm_grid *grid, FILE *out);

#endif
