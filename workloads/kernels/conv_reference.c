/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/kernels/conv_reference.c -- see conv_reference.h. */
#include "workloads/kernels/conv_reference.h"

enum { PANEL = 16 };

/* Where weight (o, i, r, c) stands. */
static size_t
weight_at(const struct sm_conv *conv, size_t o, size_t i, size_t r, size_t c)
{
    return (((o / PANEL * conv->kernel + r) * conv->kernel + c) * conv->in + i) * PANEL + o % PANEL;
}

/* The pixel of x that tap (r, c) of output (row, column) reads; NULL where that is padding. */
static const float *
input_of(struct sm_images x, const struct sm_conv *conv, size_t n, size_t row, size_t column,
         size_t r, size_t c)
{
    const size_t pad = conv->kernel / 2;
    const size_t y = row * conv->stride + r, z = column * conv->stride + c;
    if (y < pad || y >= x.height + pad || z < pad || z >= x.width + pad)
        return NULL;
    return sm_images_at(x, n, y - pad, z - pad);
}

/* The pixel of dy whose tap (r, c) reads input (row, column); NULL where there is none. */
static const float *
output_of(struct sm_images dy, const struct sm_conv *conv, size_t n, size_t row, size_t column,
          size_t r, size_t c)
{
    const size_t y = row + conv->kernel / 2, z = column + conv->kernel / 2, s = conv->stride;
    if (y < r || z < c || (y - r) % s != 0 || (z - c) % s != 0 || (y - r) / s >= dy.height ||
        (z - c) / s >= dy.width)
        return NULL;
    return sm_images_at(dy, n, (y - r) / s, (z - c) / s);
}

void
sm_reference_conv_forward(struct sm_images y, struct sm_images x, const float *w, const float *bias,
                          const struct sm_conv *conv)
{
    for (size_t n = 0; n < y.count; n++)
        for (size_t row = 0; row < y.height; row++)
            for (size_t column = 0; column < y.width; column++)
                for (size_t o = 0; o < conv->out; o++) {
                    double sum = bias != NULL ? (double)bias[o] : 0;
                    for (size_t r = 0; r < conv->kernel; r++)
                        for (size_t c = 0; c < conv->kernel; c++) {
                            const float *from = input_of(x, conv, n, row, column, r, c);
                            for (size_t i = 0; from != NULL && i < conv->in; i++)
                                sum += (double)from[i] * (double)w[weight_at(conv, o, i, r, c)];
                        }
                    sm_images_at(y, n, row, column)[o] = (float)sum;
                }
}

void
sm_reference_conv_backward_data(struct sm_images dx, struct sm_images dy, const float *w,
                                const struct sm_conv *conv, bool add)
{
    for (size_t n = 0; n < dx.count; n++)
        for (size_t row = 0; row < dx.height; row++)
            for (size_t column = 0; column < dx.width; column++)
                for (size_t i = 0; i < conv->in; i++) {
                    float *to = sm_images_at(dx, n, row, column) + i;
                    double sum = add ? (double)*to : 0;
                    for (size_t r = 0; r < conv->kernel; r++)
                        for (size_t c = 0; c < conv->kernel; c++) {
                            const float *from = output_of(dy, conv, n, row, column, r, c);
                            for (size_t o = 0; from != NULL && o < conv->out; o++)
                                sum += (double)from[o] * (double)w[weight_at(conv, o, i, r, c)];
                        }
                    *to = (float)sum;
                }
}

void
sm_reference_conv_backward_weights(float *dw, struct sm_images dy, struct sm_images x,
                                   const struct sm_conv *conv)
{
    for (size_t o = 0; o < conv->out; o++)
        for (size_t i = 0; i < conv->in; i++)
            for (size_t r = 0; r < conv->kernel; r++)
                for (size_t c = 0; c < conv->kernel; c++) {
                    float *to = &dw[weight_at(conv, o, i, r, c)];
                    double sum = (double)*to;
                    for (size_t n = 0; n < dy.count; n++)
                        for (size_t row = 0; row < dy.height; row++)
                            for (size_t column = 0; column < dy.width; column++) {
                                const float *from = input_of(x, conv, n, row, column, r, c);
                                if (from != NULL)
                                    sum += (double)from[i] *
                                           (double)sm_images_at(dy, n, row, column)[o];
                            }
                    *to = (float)sum;
                }
}

void
sm_reference_product(float *c, size_t c_stride, const float *a, size_t a_row, size_t a_column,
                     const float *b, size_t b_stride, size_t m, size_t n, size_t k, bool add)
{
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            double sum = add ? (double)c[i * c_stride + j] : 0;
            for (size_t l = 0; l < k; l++)
                sum += (double)a[i * a_row + l * a_column] * (double)b[l * b_stride + j];
            c[i * c_stride + j] = (float)sum;
        }
}
