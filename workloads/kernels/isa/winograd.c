/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/kernels/isa/winograd.c -- see winograd.h. In the paper's terms: V = B'dB of a block of
 * 4 x 4 patches d, M = U V by channels, y = A'MA. All of a block stays in the caches.
 */
#include "workloads/kernels/winograd.h"

#include "workloads/kernels/isa/tiles.h"

enum {
    PLACES = 16,   /* of a patch: products a channel             */
    BLOCK = 24,    /* patches at a time                           */
    WEIGHED = 48,  /* patches at a time, for the weights' gradient */
    CHANNELS = 64, /* of x at a time, most                        */
    APART = 16,    /* floats between places: they would share few sets of the cache */
};

_Static_assert(PLACES *(WEIGHED *(CHANNELS + PANEL) + APART) == SM_WINOGRAD_ROOM &&
                   BLOCK <= WEIGHED,
               "there is room for both of a block's arrays");
_Static_assert(BLOCK % HEIGHT == 0, "no tile reaches beyond a block");

/* Floats of u stand as [out/16][in/CHANNELS][place][in%CHANNELS][out%16]. */

/* to (4) = G g for a column g of 3 weights. */
INLINE void
weights_column(vector *to, vector a, vector b, vector c)
{
    const vector half = splat(0.5f), ends = a + c;
    to[0] = a;
    to[1] = half * (ends + b);
    to[2] = half * (ends - b);
    to[3] = c;
}

SM_KERNEL(void, sm_winograd_weights, (float *u, const float *w, size_t in, size_t out),
          (u, w, in, out))
{
    for (size_t p = 0; p < out / PANEL; p++)
        for (size_t first = 0, depth; first < in; first += depth, u += PLACES * depth * PANEL) {
            depth = at_most(CHANNELS, in - first);
            for (size_t at = 0; at < depth * PANEL; at += LANES) {
                const float *g = w + (p * 9 * in + first) * PANEL + at;
                vector rows[3][4], places[4][4];
                for (size_t r = 0; r < 3; r++) {
                    vector row[3];
                    for (size_t c = 0; c < 3; c++)
                        row[c] = load(g + (r * 3 + c) * in * PANEL);
                    weights_column(rows[r], row[0], row[1], row[2]);
                }
                for (size_t c = 0; c < 4; c++) {
                    weights_column(places[c], rows[0][c], rows[1][c], rows[2][c]);
                    for (size_t r = 0; r < 4; r++)
                        store(u + (r * 4 + c) * depth * PANEL + at, places[c][r]);
                }
            }
        }
}

/* v[place][patch][depth] of the patches at x. */
INLINE void
transform_inputs(float *v, size_t apart, const float *const *x, size_t x_row, size_t channels,
                 size_t patches, size_t depth)
{
    static const struct {
        size_t a, b;
        bool add;
    } rows[4] = {{0, 2, false}, {1, 2, true}, {2, 1, false}, {1, 3, false}};
    for (size_t t = 0; t < patches; t++)
        for (size_t k = 0; k < depth; k += LANES) {
            const float *from = x[t] + k;
            float *to = v + t * depth + k;
#pragma GCC unroll 4
            for (size_t r = 0; r < 4; r++) {
                vector d[4];
#pragma GCC unroll 4
                for (size_t c = 0; c < 4; c++) {
                    const vector a = load(from + rows[r].a * x_row + c * channels);
                    const vector b = load(from + rows[r].b * x_row + c * channels);
                    d[c] = rows[r].add ? a + b : a - b;
                }
                store(to + (r * 4 + 0) * apart, d[0] - d[2]);
                store(to + (r * 4 + 1) * apart, d[1] + d[2]);
                store(to + (r * 4 + 2) * apart, d[2] - d[1]);
                store(to + (r * 4 + 3) * apart, d[1] - d[3]);
            }
        }
}

/* m[place][patch][PANEL] = v u */
INLINE void
multiply(float *m, const float *v, const float *u, size_t patches, size_t depth,
         struct prefetch *prefetch)
{
    for (size_t place = 0; place < PLACES; place++) {
        const struct dot dot = {.w = u + place * depth * PANEL, .runs = 1, .length = depth};
        for (size_t t = 0, height; t < patches; t += height) {
            const float *x[HEIGHT];
            float *y[HEIGHT];
            height = next_height(patches - t);
#pragma GCC unroll 16
            for (size_t i = 0; i < HEIGHT; i++) {
                x[i] = v + place * (BLOCK * depth + APART) + (t + i) * depth;
                y[i] = m + (place * BLOCK + t + i) * PANEL;
            }
            prefetch_some(prefetch);
            if (height == HEIGHT)
                dot_rows(y, x, &dot, 1, depth, HEIGHT);
            else
                dot_low(y, x, &dot, height);
        }
    }
}

/* The outputs of the patches, from start on: bias, y or 0. */
INLINE void
transform_outputs(float *const *y, size_t y_row, size_t channels, const float *m, const float *bias,
                  bool add, size_t patches)
{
    for (size_t t = 0; t < patches; t++)
#pragma GCC unroll 4
        for (size_t v = 0; v < VECTORS; v++) {
            vector upper[4], lower[4];
#pragma GCC unroll 4
            for (size_t c = 0; c < 4; c++) {
                const float *from = m + (c * BLOCK + t) * PANEL + v * LANES;
                const vector a = load(from), b = load(from + 4 * BLOCK * PANEL),
                             d = load(from + 8 * BLOCK * PANEL);
                upper[c] = a + (b + d);
                lower[c] = (b - d) - load(from + 12 * BLOCK * PANEL);
            }
            vector out[2][2] = {
                {upper[0] + (upper[1] + upper[2]), (upper[1] - upper[2]) - upper[3]},
                {lower[0] + (lower[1] + lower[2]), (lower[1] - lower[2]) - lower[3]}};
#pragma GCC unroll 2
            for (size_t r = 0; r < 2; r++)
#pragma GCC unroll 2
                for (size_t c = 0; c < 2; c++) {
                    float *to = y[t] + r * y_row + c * channels + v * LANES;
                    if (bias != NULL)
                        out[r][c] += load(bias + v * LANES);
                    if (add)
                        out[r][c] += load(to);
                    store(to, out[r][c]);
                }
        }
}

/* All panels of y for one block of patches, CHANNELS channels of x. */
INLINE void
convolve_block(float *const *y, const float *const *x, const struct sm_images *to,
               const struct sm_images *from, const float *u, const float *bias, bool add,
               size_t patches, size_t depth, float *room, struct prefetch *prefetch)
{
    float *v = room, *m = room + PLACES * (BLOCK * depth + APART);
    transform_inputs(v, BLOCK * depth + APART, x, sm_images_row(*from), from->channels, patches,
                     depth);
    for (size_t p = 0; p < to->channels; p += PANEL) {
        float *panel[BLOCK];
        for (size_t t = 0; t < patches; t++)
            panel[t] = y[t] + p;
        multiply(m, v, u + p * PLACES * from->channels, patches, depth, prefetch);
        transform_outputs(panel, sm_images_row(*to), to->channels, m,
                          bias != NULL ? bias + p : NULL, add, patches);
    }
}

/* The patches of x, from channel k on, and the outputs that they reach in y. */
static struct walk
walk_patches(struct sm_images y, struct sm_images x, size_t k)
{
    return walk_over(sm_images_at(y, 0, 0, 0),
                     (struct steps){2 * y.channels, 2 * sm_images_row(y), sm_images_size(y)},
                     sm_images_at(x, 0, 0, 0) - sm_images_row(x) - x.channels + k,
                     (struct steps){2 * x.channels, 2 * sm_images_row(x), sm_images_size(x)},
                     (struct grid){y.count, y.height / 2, y.width / 2});
}

SM_KERNEL(void, sm_winograd,
          (struct sm_images y, struct sm_images x, const float *u, const float *bias, bool add,
           float *room, const struct sm_ahead *ahead),
          (y, x, u, bias, add, room, ahead))
{
    const size_t patches = y.count * (y.height / 2) * (y.width / 2);
    struct prefetch prefetch =
        prefetch_over(ahead, patches / HEIGHT * PLACES * (y.channels / PANEL));
    for (size_t k = 0, depth; k < x.channels; k += depth) {
        depth = at_most(CHANNELS, x.channels - k);
        struct walk walk = walk_patches(y, x, k);
        for (size_t first = 0, count; first < patches; first += count) {
            float *to[BLOCK];
            const float *from[BLOCK];
            count = at_most(BLOCK, patches - first);
            walk_on(&walk, to, from, count);
            convolve_block(to, from, &y, &x, u + k * PLACES * PANEL, k == 0 ? bias : NULL,
                           add || k > 0, count, depth, room, &prefetch);
        }
    }
}

/* d[place][patch][PANEL] = A dy A' */
INLINE void
transform_gradients(float *d, const float *const *dy, size_t dy_row, size_t channels,
                    size_t patches)
{
    for (size_t t = 0; t < patches; t++)
#pragma GCC unroll 4
        for (size_t v = 0; v < VECTORS; v++) {
            const float *from = dy[t] + v * LANES;
            vector rows[4][2];
#pragma GCC unroll 2
            for (size_t c = 0; c < 2; c++) {
                rows[0][c] = load(from + c * channels);
                rows[3][c] = load(from + dy_row + c * channels);
                rows[1][c] = rows[0][c] + rows[3][c];
                rows[2][c] = rows[0][c] - rows[3][c];
                rows[3][c] = -rows[3][c];
            }
#pragma GCC unroll 4
            for (size_t r = 0; r < 4; r++) {
                float *to = d + (r * 4 * WEIGHED + t) * PANEL + v * LANES;
                store(to, rows[r][0]);
                store(to + WEIGHED * PANEL, rows[r][0] + rows[r][1]);
                store(to + 2 * WEIGHED * PANEL, rows[r][0] - rows[r][1]);
                store(to + 3 * WEIGHED * PANEL, -rows[r][1]);
            }
        }
}

/* The block's share of du: all panels of dy, CHANNELS channels of x. */
static void
weigh_block(float *du, float *const *dy, const float *const *x, const struct sm_images *outputs,
            const struct sm_images *inputs, size_t patches, size_t depth, float *room,
            struct prefetch *prefetch)
{
    const size_t apart = WEIGHED * depth + APART;
    float *v = room, *d = room + PLACES * apart;
    transform_inputs(v, apart, x, sm_images_row(*inputs), inputs->channels, patches, depth);
    for (size_t p = 0; p < outputs->channels; p += PANEL) {
        const float *panel[WEIGHED];
        for (size_t t = 0; t < patches; t++)
            panel[t] = dy[t] + p;
        transform_gradients(d, panel, sm_images_row(*outputs), outputs->channels, patches);
        for (size_t place = 0; place < PLACES; place++) {
            float *c = du + p * PLACES * inputs->channels + place * depth * PANEL;
            outer_runs(c, c + depth * PANEL, PANEL, depth, v + place * apart, depth, 0,
                       (struct steps){depth, 0, 0}, d + place * WEIGHED * PANEL,
                       (struct steps){PANEL, 0, 0}, (struct grid){1, 1, patches}, prefetch);
        }
    }
}

SM_KERNEL(void, sm_winograd_backward_weights,
          (float *du, struct sm_images dy, struct sm_images x, float *room,
           const struct sm_ahead *ahead),
          (du, dy, x, room, ahead))
{
    const size_t patches = dy.count * (dy.height / 2) * (dy.width / 2);
    struct prefetch prefetch = prefetch_over(
        ahead, patches / WEIGHED * PLACES * (dy.channels / PANEL) * x.channels / HEIGHT);
    for (size_t k = 0, depth; k < x.channels; k += depth) {
        depth = at_most(CHANNELS, x.channels - k);
        struct walk walk = walk_patches(dy, x, k);
        for (size_t first = 0, count; first < patches; first += count) {
            float *outputs[WEIGHED];
            const float *inputs[WEIGHED];
            count = at_most(WEIGHED, patches - first);
            walk_on(&walk, outputs, inputs, count);
            weigh_block(du + k * PLACES * PANEL, outputs, inputs, &dy, &x, count, depth, room,
                        &prefetch);
        }
    }
}

/* to (3) = G' g for a column g of 4 */
INLINE void
gradient_column(vector *to, vector a, vector b, vector c, vector d)
{
    const vector half = splat(0.5f), both = half * (b + c);
    to[0] = a + both;
    to[1] = half * (b - c);
    to[2] = both + d;
}

SM_KERNEL(void, sm_winograd_add_weights, (float *dw, const float *du, size_t in, size_t out),
          (dw, du, in, out))
{
    for (size_t p = 0; p < out / PANEL; p++)
        for (size_t first = 0, depth; first < in; first += depth, du += PLACES * depth * PANEL) {
            depth = at_most(CHANNELS, in - first);
            for (size_t at = 0; at < depth * PANEL; at += LANES) {
                float *to = dw + (p * 9 * in + first) * PANEL + at;
                vector rows[4][3], g[3];
                for (size_t r = 0; r < 4; r++) {
                    const float *from = du + r * 4 * depth * PANEL + at;
                    gradient_column(rows[r], load(from), load(from + depth * PANEL),
                                    load(from + 2 * depth * PANEL), load(from + 3 * depth * PANEL));
                }
                for (size_t c = 0; c < 3; c++) {
                    gradient_column(g, rows[0][c], rows[1][c], rows[2][c], rows[3][c]);
                    for (size_t r = 0; r < 3; r++) {
                        float *tap = to + (r * 3 + c) * in * PANEL;
                        store(tap, load(tap) + g[r]);
                    }
                }
            }
        }
}
