/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/kernels/image_reference.c -- see image_reference.h. */
#include "workloads/kernels/image_reference.h"

#include <math.h>

/* For each pixel (i, row, column) of the images, and channel c. */
#define EACH_PIXEL(images)                                                                         \
    for (size_t i = 0; i < (images).count; i++)                                                    \
        for (size_t row = 0; row < (images).height; row++)                                         \
            for (size_t column = 0; column < (images).width; column++)
#define EACH_ELEMENT(images)                                                                       \
    EACH_PIXEL(images)                                                                             \
    for (size_t c = 0; c < (images).channels; c++)

static double
at(struct sm_images images, size_t i, size_t row, size_t column, size_t c)
{
    return (double)sm_images_at(images, i, row, column)[c];
}

static float
rectified(double v, bool relu)
{
    return relu && v < 0 ? 0.0f : (float)v;
}

void
sm_reference_join_forward(struct sm_images y, const struct sm_term *terms, size_t count, bool relu)
{
    EACH_ELEMENT(y)
    {
        double sum = 0;
        for (size_t t = 0; t < count; t++) {
            const size_t k = i * terms[t].step + c;
            sum += (terms[t].scale != NULL ? (double)terms[t].scale[k] : 1) *
                       at(terms[t].x, i, row, column, c) +
                   (terms[t].shift != NULL ? (double)terms[t].shift[k] : 0);
        }
        sm_images_at(y, i, row, column)[c] = rectified(sum, relu);
    }
}

void
sm_reference_join_backward(struct sm_images e, float *sums, struct sm_images other,
                           struct sm_images y, bool relu, const struct sm_images *z,
                           const float *const *mean, size_t step, size_t terms)
{
    EACH_ELEMENT(e)
    {
        float *d = &sm_images_at(e, i, row, column)[c];
        if (other.data != NULL)
            *d += sm_images_at(other, i, row, column)[c];
        if (relu && !(at(y, i, row, column, c) > 0))
            *d = 0;
    }
    for (size_t i = 0; i < e.count; i++)
        for (size_t c = 0; c < e.channels; c++)
            for (size_t t = 0; t <= terms; t++) {
                double sum = 0;
                for (size_t row = 0; row < e.height; row++)
                    for (size_t column = 0; column < e.width; column++) {
                        const double d = at(e, i, row, column, c);
                        sum += t == 0 ? d
                                      : d * (at(z[t - 1], i, row, column, c) -
                                             (double)mean[t - 1][i * step + c]);
                    }
                sums[(i * (1 + terms) + t) * e.channels + c] = (float)sum;
            }
}

void
sm_reference_image_sums(float *sums, struct sm_images x, const float *origin)
{
    for (size_t i = 0; i < x.count; i++)
        for (size_t c = 0; c < x.channels; c++) {
            double sum = 0, squares = 0;
            for (size_t row = 0; row < x.height; row++)
                for (size_t column = 0; column < x.width; column++) {
                    const double d = at(x, i, row, column, c) - (double)origin[c];
                    sum += d;
                    squares += d * d;
                }
            sums[2 * i * x.channels + c] = (float)sum;
            sums[(2 * i + 1) * x.channels + c] = (float)squares;
        }
}

void
sm_reference_max_pool_forward(struct sm_images y, uint8_t *which, struct sm_images x, bool relu)
{
    EACH_ELEMENT(y)
    {
        double best = at(x, i, 2 * row, 2 * column, c);
        *which = 0;
        for (uint8_t k = 1; k < 4; k++) {
            const double next = at(x, i, 2 * row + k / 2, 2 * column + k % 2, c);
            if (next > best || isnan(next)) {
                best = next;
                *which = k;
            }
        }
        which++;
        sm_images_at(y, i, row, column)[c] = rectified(best, relu);
    }
}

void
sm_reference_max_pool_backward(struct sm_images dx, struct sm_images dy, const uint8_t *which)
{
    EACH_ELEMENT(dx)
    sm_images_at(dx, i, row, column)[c] = 0;
    EACH_ELEMENT(dy)
    {
        const size_t k = *which++;
        sm_images_at(dx, i, 2 * row + k / 2, 2 * column + k % 2)[c] =
            sm_images_at(dy, i, row, column)[c];
    }
}

void
sm_reference_average_pool_forward(float *y, struct sm_images x)
{
    for (size_t i = 0; i < x.count; i++)
        for (size_t c = 0; c < x.channels; c++) {
            double sum = 0;
            for (size_t row = 0; row < x.height; row++)
                for (size_t column = 0; column < x.width; column++)
                    sum += at(x, i, row, column, c);
            y[i * x.channels + c] = (float)(sum / (double)(x.height * x.width));
        }
}

void
sm_reference_average_pool_backward(struct sm_images dx, const float *dy)
{
    EACH_ELEMENT(dx)
    sm_images_at(dx, i, row, column)[c] = dy[i * dx.channels + c] / (float)(dx.height * dx.width);
}

/* Mean of DO over the set of (image n, channel k): DO may use i, row, column, c. */
#define MEAN_OF_SET(images, n, k, group, batch, DO)                                                \
    do {                                                                                           \
        size_t members_ = 0;                                                                       \
        mean = 0;                                                                                  \
        EACH_ELEMENT(images)                                                                       \
        if (((batch) || i == (n)) && c / (group) == (k) / (group)) {                               \
            mean += (DO);                                                                          \
            members_++;                                                                            \
        }                                                                                          \
        mean /= (double)members_;                                                                  \
    } while (0)

struct moments {
    double mean, inverse;
};

static struct moments
moments_of(struct sm_images x, size_t n, size_t k, size_t group, bool batch)
{
    struct moments m;
    double mean;
    MEAN_OF_SET(x, n, k, group, batch, at(x, i, row, column, c));
    m.mean = mean;
    MEAN_OF_SET(x, n, k, group, batch, pow(at(x, i, row, column, c) - m.mean, 2));
    m.inverse = 1 / sqrt(mean + 1e-5);
    return m;
}

void
sm_reference_norm_forward(struct sm_images y, struct sm_images x, const float *gamma,
                          const float *beta, size_t group, bool batch)
{
    for (size_t n = 0; n < x.count; n++)
        for (size_t k = 0; k < x.channels; k++) {
            const struct moments m = moments_of(x, n, k, group, batch);
            for (size_t row = 0; row < x.height; row++)
                for (size_t column = 0; column < x.width; column++)
                    sm_images_at(y, n, row, column)[k] =
                        (float)((double)gamma[k] * (at(x, n, row, column, k) - m.mean) * m.inverse +
                                (double)beta[k]);
        }
}

void
sm_reference_norm_backward(struct sm_images dx, float *dgamma, float *dbeta, struct sm_images dy,
                           struct sm_images x, const float *gamma, size_t group, bool batch)
{
    for (size_t k = 0; k < x.channels; k++)
        dgamma[k] = dbeta[k] = 0;
    for (size_t n = 0; n < x.count; n++)
        for (size_t k = 0; k < x.channels; k++) {
            const struct moments m = moments_of(x, n, k, group, batch);
            double mean, level, tilt;
#define NORMED(i, row, column, c) ((at(x, i, row, column, c) - m.mean) * m.inverse)
            MEAN_OF_SET(x, n, k, group, batch, (double)gamma[c] * at(dy, i, row, column, c));
            level = mean;
            MEAN_OF_SET(x, n, k, group, batch,
                        (double)gamma[c] * at(dy, i, row, column, c) * NORMED(i, row, column, c));
            tilt = mean;
            for (size_t row = 0; row < x.height; row++)
                for (size_t column = 0; column < x.width; column++) {
                    const double d = at(dy, n, row, column, k), normed = NORMED(n, row, column, k);
                    sm_images_at(dx, n, row, column)[k] =
                        (float)(m.inverse * ((double)gamma[k] * d - level - normed * tilt));
                    dgamma[k] += (float)(d * normed);
                    dbeta[k] += (float)d;
                }
#undef NORMED
        }
}
