/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/kernels/isa/conv.c -- direct convolution: see conv.h, and tiles.h for its arithmetic.
 */
#include "workloads/kernels/conv.h"

#include <string.h>

#include "workloads/kernels/isa/tiles.h"

/* Steps over every stride-th pixel. */
static struct steps
steps_of(struct sm_images images, size_t stride)
{
    return (struct steps){stride * images.channels, stride * sm_images_row(images),
                          sm_images_size(images)};
}

/* The input of output (0, 0) that kernel/2 rows above and columns before it. */
static const float *
corner(struct sm_images x, size_t kernel)
{
    const size_t pad = kernel / 2;
    return x.data + (x.border - pad) * (sm_images_row(x) + x.channels);
}

/* One phase of a convolution: what every pixel of y gets from `runs` runs of `length` floats of x.
 */
struct phase {
    float *y;
    const float *x, *w, *bias;
    struct steps y_steps, x_steps;
    struct grid grid;
    size_t runs, length, x_row, panels;
    bool add;
};

enum {
    ROWS_AT_ONCE = 384,   /* rows of a panel that stay in L1 while pixels pass: 24 KB */
    PIXELS_AT_ONCE = 128, /* pixels that pass, at least: weights may come from memory */
};

/* The dots of a phase for images first .. first + count - 1: panel after panel, and of a panel so
 * many rows at a time as stay in L1; y holds the sums meanwhile. */
static void
convolve_images(const struct phase *phase, size_t first, size_t count, struct prefetch *prefetch)
{
    const struct grid grid = {count, phase->grid.rows, phase->grid.columns};
    const size_t depth = phase->runs * phase->length;
    const size_t cuts = ceiling(phase->length, ROWS_AT_ONCE); /* of a run */
    const size_t part = ceiling(phase->length, cuts);
    const size_t runs = cuts > 1 ? 1 : ceiling(phase->runs, ceiling(depth, ROWS_AT_ONCE));
    for (size_t p = 0; p < phase->panels; p++)
        for (size_t r = 0; r < phase->runs; r += runs)
            for (size_t k = 0; k < phase->length; k += part) {
                const bool start = r == 0 && k == 0;
                const struct dot dot = {
                    .w = phase->w + (p * depth + r * phase->length + k) * PANEL,
                    .runs = at_most(runs, phase->runs - r),
                    .length = at_most(part, phase->length - k),
                    .x_row = phase->x_row,
                    .bias = start && phase->bias != NULL ? phase->bias + p * PANEL : NULL,
                    .add = !start || phase->add};
                dot_pixels(phase->y + first * phase->y_steps.image + p * PANEL, phase->y_steps,
                           phase->x + first * phase->x_steps.image + r * phase->x_row + k,
                           phase->x_steps, grid, &dot, prefetch);
            }
}

static void
convolve(const struct phase *phase, struct prefetch *prefetch)
{
    const size_t pixels =
        phase->grid.rows * phase->grid.columns; /* 0: the image is one pixel high */
    const size_t images = ceiling(PIXELS_AT_ONCE, pixels + !pixels);
    for (size_t first = 0; first < phase->grid.images; first += images)
        convolve_images(phase, first, at_most(images, phase->grid.images - first), prefetch);
}

SM_KERNEL(void, sm_conv_forward,
          (struct sm_images y, struct sm_images x, const float *w, const float *bias,
           const struct sm_conv *conv, const struct sm_ahead *ahead),
          (y, x, w, bias, conv, ahead))
{
    const struct phase phase = {.y = sm_images_at(y, 0, 0, 0),
                                .x = corner(x, conv->kernel),
                                .w = w,
                                .bias = bias,
                                .y_steps = steps_of(y, 1),
                                .x_steps = steps_of(x, conv->stride),
                                .grid = {y.count, y.height, y.width},
                                .runs = conv->kernel,
                                .length = conv->kernel * conv->in,
                                .x_row = sm_images_row(x),
                                .panels = conv->out / PANEL};
    struct prefetch prefetch =
        prefetch_over(ahead, phase.panels * ceiling(y.count * y.height * y.width, HEIGHT));
    convolve(&phase, &prefetch);
}

/* The taps of one axis that reach the pixels of one phase (of those `stride` apart), from the last
 * to the first, as the pixels of dy that they read follow each other. */
struct taps {
    size_t tap[5], count;
    ptrdiff_t first; /* pixel of dy under the first tap, for the phase's pixel 0 */
};

static struct taps
taps_of(size_t phase, const struct sm_conv *conv)
{
    struct taps taps = {0};
    for (size_t k = conv->kernel; k-- > 0;) {
        const ptrdiff_t above = (ptrdiff_t)(phase + conv->kernel / 2) - (ptrdiff_t)k;
        if (above % (ptrdiff_t)conv->stride != 0)
            continue;
        if (taps.count == 0)
            taps.first = above / (ptrdiff_t)conv->stride;
        taps.tap[taps.count++] = k;
    }
    return taps;
}

SM_KERNEL(void, sm_conv_turn, (float *wt, const float *w, const struct sm_conv *conv),
          (wt, w, conv))
{
    const size_t kernel = conv->kernel, in = conv->in;
    for (size_t a = 0; a < conv->stride; a++)
        for (size_t b = 0; b < conv->stride; b++) {
            const struct taps rows = taps_of(a, conv), columns = taps_of(b, conv);
            for (size_t i = 0; i < in; i += PANEL)
                for (size_t r = 0; r < rows.count; r++)
                    for (size_t c = 0; c < columns.count; c++)
                        for (size_t o = 0; o < conv->out; o += PANEL, wt += PANEL * PANEL) {
                            const size_t tap =
                                (o / PANEL * kernel + rows.tap[r]) * kernel + columns.tap[c];
                            turn_block(wt, w + (tap * in + i) * PANEL, PANEL);
                        }
        }
}

/* The pixels of a phase that no tap reaches: a 1x1 kernel of stride 2. */
static void
clear(float *y, struct steps steps, struct grid grid, size_t channels)
{
    for (size_t i = 0; i < grid.images; i++)
        for (size_t r = 0; r < grid.rows; r++)
            for (size_t c = 0; c < grid.columns; c++)
                memset(y + i * steps.image + r * steps.row + c * steps.column, 0,
                       channels * sizeof *y);
}

SM_KERNEL(void, sm_conv_backward_data,
          (struct sm_images dx, struct sm_images dy, const float *wt, const struct sm_conv *conv,
           bool add, const struct sm_ahead *ahead),
          (dx, dy, wt, conv, add, ahead))
{
    const size_t stride = conv->stride;
    struct prefetch prefetch =
        prefetch_over(ahead, conv->in / PANEL * ceiling(dx.count * dx.height * dx.width, HEIGHT));
    for (size_t a = 0; a < stride; a++)
        for (size_t b = 0; b < stride; b++) {
            const struct taps rows = taps_of(a, conv), columns = taps_of(b, conv);
            struct phase phase = {.y = sm_images_at(dx, 0, a, b),
                                  .w = wt,
                                  .y_steps = steps_of(dx, stride),
                                  .x_steps = steps_of(dy, 1),
                                  .grid = {dx.count, (dx.height - a + stride - 1) / stride,
                                           (dx.width - b + stride - 1) / stride},
                                  .runs = rows.count,
                                  .length = columns.count * conv->out,
                                  .x_row = sm_images_row(dy),
                                  .panels = conv->in / PANEL,
                                  .add = add};
            if (rows.count > 0 && columns.count > 0) {
                phase.x = sm_images_at(dy, 0, 0, 0) + rows.first * (ptrdiff_t)phase.x_row +
                          columns.first * (ptrdiff_t)conv->out;
                convolve(&phase, &prefetch);
                wt += phase.runs * phase.length * conv->in;
            } else if (!add) {
                clear(phase.y, phase.y_steps, phase.grid, conv->in);
            }
        }
}

/* Gradients of weights are summed over a block of pixels at a time, whose x and dy stay in the L1
 * cache. Rows of a power of two floats share few of its sets, so the more channels the smaller. */
enum {
    MOST_PIXELS = 128,
    FEWEST_PIXELS = 64,
    STRIP = 48, /* rows of dw for which x is gathered */
    WIDE = 128, /* channels from which that pays      */
    GROUP = 16, /* panels that share what is gathered */
};

/* The pixels of a block: rows of one image if not whole images, part of a row if not whole ones. */
static struct grid
block_of(struct sm_images dy, size_t pixels)
{
    struct grid block = {1, 1, at_most(pixels, dy.width)};
    if (pixels >= dy.width) {
        block.rows = at_most(dy.height, pixels / dy.width);
        block.rows = ceiling(dy.height, ceiling(dy.height, block.rows)); /* all alike */
        if (block.rows == dy.height)
            block.images = pixels / (dy.width * dy.height);
    }
    return block;
}

/* One block's share of dw: its pixels, and where x and dy of the first of them stand. */
struct block {
    struct grid grid;
    size_t pixels;
    const float *x, *dy;
    struct steps x_steps, dy_steps;
    size_t x_row, length, depth; /* depth: rows of a panel of dw */
};

/* Panels of narrow layers: x is read where it stands. dy too if it has one panel only. */
static void
add_narrow(float *dw, const struct block *b, size_t panels, struct prefetch *prefetch)
{
    float dy[MOST_PIXELS * PANEL];
    if (panels == 1) {
        outer_runs(dw, dw, PANEL, b->depth, b->x, b->length, b->x_row, b->x_steps, b->dy,
                   b->dy_steps, b->grid, prefetch);
        return;
    }
    for (size_t p = 0; p < panels; p++, dw += b->depth * PANEL) {
        gather(dy, b->dy + p * PANEL, b->dy_steps, b->grid, PANEL);
        outer_runs(dw, dw, PANEL, b->depth, b->x, b->length, b->x_row, b->x_steps, dy,
                   gathered(b->grid, PANEL), b->grid, prefetch);
    }
}

/* Panels of wide layers: a strip of x is gathered for all panels whose dy is, GROUP of them. */
static void
add_wide(float *dw, const struct block *b, size_t panels, struct prefetch *prefetch)
{
    float dy[GROUP * FEWEST_PIXELS * PANEL], x[FEWEST_PIXELS * STRIP];
    const struct grid row = {1, 1, b->pixels};
    const struct steps dy_steps = {PANEL, 0, 0};
    for (size_t p = 0; p < panels; p++)
        gather(dy + p * b->pixels * PANEL, b->dy + p * PANEL, b->dy_steps, b->grid, PANEL);
    for (size_t k = 0, strip; k < b->depth; k += strip) {
        const size_t in_run = k % b->length;
        strip = at_most(STRIP, b->length - in_run);
        gather(x, b->x + k / b->length * b->x_row + in_run, b->x_steps, b->grid, strip);
        for (size_t p = 0; p < panels; p++) {
            float *c = dw + (p * b->depth + k) * PANEL;
            const float *next =
                p + 1 < panels ? c + b->depth * PANEL : dw + (k + strip) % b->depth * PANEL;
            outer_runs(c, next, PANEL, strip, x, strip, 0, (struct steps){strip, 0, 0},
                       dy + p * b->pixels * PANEL, dy_steps, row, prefetch);
        }
    }
}

SM_KERNEL(void, sm_conv_backward_weights,
          (float *dw, struct sm_images dy, struct sm_images x, const struct sm_conv *conv,
           const struct sm_ahead *ahead),
          (dw, dy, x, conv, ahead))
{
    const size_t length = conv->kernel * conv->in, depth = conv->kernel * length;
    const size_t panels = conv->out / PANEL;
    const struct steps x_steps = steps_of(x, conv->stride);
    const bool wide = conv->out >= WIDE && conv->in % PANEL == 0;
    const bool few = wide || MOST_PIXELS * x_steps.column > 4096;
    const struct grid whole = block_of(dy, few ? FEWEST_PIXELS : MOST_PIXELS);
    struct prefetch prefetch = prefetch_over(
        ahead, ceiling(dy.count, whole.images) * ceiling(dy.height, whole.rows) *
                   ceiling(dy.width, whole.columns) * panels * ceiling(depth, HEIGHT));
    for (size_t i = 0; i < dy.count; i += whole.images)
        for (size_t r = 0; r < dy.height; r += whole.rows)
            for (size_t c = 0; c < dy.width; c += whole.columns) {
                struct block block = {.grid = {at_most(whole.images, dy.count - i),
                                               at_most(whole.rows, dy.height - r),
                                               at_most(whole.columns, dy.width - c)},
                                      .x = corner(x, conv->kernel) + i * x_steps.image +
                                           r * x_steps.row + c * x_steps.column,
                                      .dy = sm_images_at(dy, i, r, c),
                                      .x_steps = x_steps,
                                      .dy_steps = steps_of(dy, 1),
                                      .x_row = sm_images_row(x),
                                      .length = length,
                                      .depth = depth};
                block.pixels = block.grid.images * block.grid.rows * block.grid.columns;
                if (!wide)
                    add_narrow(dw, &block, panels, &prefetch);
                for (size_t p = 0; wide && p < panels; p += GROUP, block.dy += GROUP * PANEL)
                    add_wide(dw + p * depth * PANEL, &block, at_most(GROUP, panels - p), &prefetch);
            }
}
