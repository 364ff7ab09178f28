/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/convnet.c -- the convolutional models against the same nets without fusion: each layer
 * as one would write it down, over the whole batch, in double. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/arena.h"
#include "sim/base/rng.h"
#include "tests/helpers/check.h"
#include "workloads/models/convnet_plan.h"

static struct sm_arena arena, scratch;
static struct sm_rng *rng;

static int
setup(void **state)
{
    (void)state;
    sm_arena_reset(&arena);
    rng = sm_rng_create(&arena, 1, SM_RNG_TEST, 0);
    return rng == NULL;
}

static int
teardown(void **state)
{
    (void)state;
    sm_arena_fini(&arena);
    sm_arena_fini(&scratch);
    return 0;
}

/* ---- a model and a batch for it -------------------------------------------------------------- */

struct subject {
    const struct sm_model *model;
    void *state;
    struct sm_model_form form;
    struct sm_data_shape shape;
    struct sm_batch batch;
    size_t n, statistics_count;
    float *x, *statistics;
};

static enum sm_status
configure(struct subject *s, const char *yaml, size_t height, size_t width, size_t channels,
          size_t classes)
{
    char text[256];
    struct sm_node *root;
    struct sm_choice choice;
    *s = (struct subject){.shape = {.features = height * width * channels,
                                    .classes = classes,
                                    .height = height,
                                    .width = width,
                                    .channels = channels}};
    snprintf(text, sizeof text, "model: %s", yaml);
    SM_TRY(sm_tree_parse(&arena, "test", text, &root));
    SM_TRY(sm_choice_bind(&sm_axis_model, sm_tree_get(root, "model"), NULL, &arena, &choice));
    s->model = (const struct sm_model *)choice.plugin;
    s->state = sm_choice_state(&choice, &arena);
    SM_TRY(s->model->configure(s->state, &arena, &s->shape, 1, &s->form));
    for (size_t t = 0; t < s->form.tensor_count; t++)
        s->n += sm_tensor_size(&s->form.tensors[t]);
    for (size_t t = 0; t < s->form.statistics_count; t++)
        s->statistics_count += sm_tensor_size(&s->form.statistics[t]);
    return SM_OK;
}

static const struct sm_net *
net_of(const struct subject *s)
{
    return *(struct sm_net *const *)s->state;
}

/* Parameters and statistics somewhat off their start, so that no part of a gradient vanishes. */
static struct subject
make(const char *yaml, size_t height, size_t width, size_t channels, size_t count)
{
    struct subject s;
    check_ok(configure(&s, yaml, height, width, channels, 7));
    float *inputs = sm_arena_alloc(&arena, count * s.shape.features, sizeof *inputs);
    uint8_t *labels = sm_arena_alloc(&arena, count, 1);
    for (size_t i = 0; i < count * s.shape.features; i++)
        inputs[i] = (float)sm_rng_normal(rng, 1);
    for (size_t i = 0; i < count; i++)
        labels[i] = (uint8_t)sm_rng_below(rng, s.shape.classes);
    s.batch = (struct sm_batch){.inputs = inputs, .labels = labels, .count = count};
    s.x = sm_arena_alloc(&arena, s.n, sizeof *s.x);
    s.statistics = sm_arena_alloc(&arena, s.statistics_count, sizeof *s.statistics);
    s.model->initial(s.state, rng, s.x, s.statistics);
    for (size_t i = 0; i < s.n; i++)
        s.x[i] += (float)sm_rng_normal(rng, 0.05);
    for (size_t i = 0; i < s.statistics_count; i++)
        s.statistics[i] += (float)sm_rng_uniform(rng);
    return s;
}

/* ---- the net without fusion ------------------------------------------------------------------ */

struct plain {
    const struct sm_net *net;
    const double *x;
    size_t count;
    double *statistics;     /* running, moved on unless NULL                    */
    const float *running;   /* not NULL: normalise by these                   */
    double **value, **conv; /* (count, height, width, channels) of each     */
};

static double *
doubles(size_t n)
{
    return sm_arena_zalloc(&scratch, n, sizeof(double));
}

static void
plain_conv(const struct plain *p, const struct sm_net_conv *c)
{
    const size_t kernel = c->shape.kernel, in = c->shape.in, out = c->shape.out;
    const ptrdiff_t height = (ptrdiff_t)c->from->height, width = (ptrdiff_t)c->from->width;
    double *to = p->conv[c->index] = doubles(p->count * c->height * c->width * out);
    for (size_t n = 0; n < p->count; n++)
        for (size_t y = 0; y < c->height; y++)
            for (size_t x = 0; x < c->width; x++, to += out) {
                for (size_t o = 0; o < out && c->biased; o++)
                    to[o] = p->x[c->bias + o];
                for (size_t a = 0; a < kernel; a++)
                    for (size_t b = 0; b < kernel; b++) {
                        const ptrdiff_t row = (ptrdiff_t)(y * c->shape.stride + a - kernel / 2);
                        const ptrdiff_t col = (ptrdiff_t)(x * c->shape.stride + b - kernel / 2);
                        if (row < 0 || row >= height || col < 0 || col >= width)
                            continue;
                        const double *from =
                            p->value[c->from->index] +
                            (((ptrdiff_t)n * height + row) * width + col) * (ptrdiff_t)in;
                        for (size_t o = 0; o < out; o++)
                            for (size_t i = 0; i < in; i++)
                                to[o] += from[i] *
                                         p->x[c->weight +
                                              (((o / 16 * kernel + a) * kernel + b) * in + i) * 16 +
                                              o % 16];
                    }
            }
}

/* z = gamma (z - mean) / sqrt(variance + eps) + beta, over images first .. end, channels low ..
 * high
 */
static void
plain_set(const struct plain *p, const struct sm_net_conv *c, size_t first, size_t end, size_t low,
          size_t high)
{
    const size_t pixels = c->height * c->width, out = c->shape.out;
    double *z = p->conv[c->index], mean = 0, variance = 0;
    const double size = (double)((end - first) * pixels * (high - low));
    for (size_t i = first * pixels; i < end * pixels; i++)
        for (size_t k = low; k < high; k++)
            mean += z[i * out + k] / size;
    for (size_t i = first * pixels; i < end * pixels; i++)
        for (size_t k = low; k < high; k++)
            variance += (z[i * out + k] - mean) * (z[i * out + k] - mean) / size;
    if (p->statistics != NULL && p->net->groups == 0) {
        p->statistics[c->mean + low] = 0.9 * p->statistics[c->mean + low] + 0.1 * mean;
        p->statistics[c->variance + low] =
            0.9 * p->statistics[c->variance + low] + 0.1 * variance * size / (size - 1);
    }
    if (p->running != NULL && p->net->groups == 0) {
        mean = (double)p->running[c->mean + low];
        variance = (double)p->running[c->variance + low];
    }
    for (size_t i = first * pixels; i < end * pixels; i++)
        for (size_t k = low; k < high; k++)
            z[i * out + k] = p->x[c->gamma + k] * (z[i * out + k] - mean) / sqrt(variance + 1e-5) +
                             p->x[c->beta + k];
}

static void
plain_norm(const struct plain *p, const struct sm_net_conv *c)
{
    const size_t groups = p->net->groups, share = groups > 0 ? c->shape.out / groups : 1;
    for (size_t low = 0; low < c->shape.out; low += share)
        for (size_t n = 0; n<p->count; n += groups> 0 ? 1 : p->count)
            plain_set(p, c, n, groups > 0 ? n + 1 : p->count, low, low + share);
}

static double
rectified(double v, bool relu)
{
    return relu && v < 0 ? 0 : v;
}

static void
plain_value(const struct plain *p, const struct sm_value *v)
{
    const size_t size = p->count * v->height * v->width * v->channels;
    double *to = p->value[v->index] = doubles(size);
    if (v->pool == SM_POOL_MAX) {
        const struct sm_net_conv *c = v->terms[0];
        for (size_t i = 0; i < size; i++) {
            const size_t k = i % v->channels, x = i / v->channels % v->width;
            const size_t y = i / v->channels / v->width % v->height;
            const size_t n = i / v->channels / v->width / v->height;
            double best = -INFINITY;
            for (size_t w = 0; w < 4; w++)
                best = fmax(
                    best,
                    p->conv[c->index][((n * c->height + 2 * y + w / 2) * c->width + 2 * x + w % 2) *
                                          v->channels +
                                      k]);
            to[i] = rectified(best, v->relu);
        }
        return;
    }
    for (size_t i = 0; i < size; i++) {
        for (size_t t = 0; t < v->terms_count; t++)
            to[i] += p->conv[v->terms[t]->index][i];
        if (v->shortcut != NULL)
            to[i] += p->value[v->shortcut->index][i];
        to[i] = rectified(to[i], v->relu);
    }
}

/* Where the weight of output o and input i stands. */
static size_t
dense_place(const struct sm_net_dense *d, size_t o, size_t i)
{
    const size_t first = o / 16 * 16, left = d->out - first;
    return d->weight + first * d->in + i * (left < 16 ? left : 16) + o - first;
}

/* *h (count, features) = what the dense layers start from */
static const double *
plain_features(const struct plain *p)
{
    const struct sm_value *v = p->net->last_value;
    const size_t pixels = v->height * v->width;
    if (v->pool != SM_POOL_AVERAGE)
        return p->value[v->index];
    double *h = doubles(p->count * v->channels);
    for (size_t i = 0; i < p->count * pixels; i++)
        for (size_t k = 0; k < v->channels; k++)
            h[i / pixels * v->channels + k] +=
                p->value[v->index][i * v->channels + k] / (double)pixels;
    return h;
}

/* The sum of the losses. */
static double
plain_loss(struct plain *p, const struct sm_batch *batch)
{
    const struct sm_net *net = p->net;
    sm_arena_reset(&scratch);
    p->count = batch->count;
    p->value = sm_arena_alloc(&scratch, net->values_count, sizeof *p->value);
    p->conv = sm_arena_alloc(&scratch, net->convs_count, sizeof *p->conv);
    for (size_t i = 0; i < net->values_count; i++) {
        const struct sm_value *v = net->values[i];
        plain_value(p, v);
        const size_t size = p->count * v->height * v->width * v->channels;
        for (size_t k = 0; k < size && i == 0; k++)
            p->value[0][k] = (double)batch->inputs[k];
        for (const struct sm_net_conv *c = v->convs; c != NULL; c = c->sibling) {
            plain_conv(p, c);
            if (c->norm != NULL)
                plain_norm(p, c);
        }
    }
    const double *h = plain_features(p);
    for (size_t l = 0; l < net->dense_count; l++) {
        const struct sm_net_dense *d = &net->dense[l];
        double *y = doubles(p->count * d->out);
        for (size_t n = 0; n < p->count; n++)
            for (size_t o = 0; o < d->out; o++) {
                double sum = p->x[d->bias + o];
                for (size_t i = 0; i < d->in; i++)
                    sum += h[n * d->in + i] * p->x[dense_place(d, o, i)];
                y[n * d->out + o] = rectified(sum, d->relu);
            }
        h = y;
    }
    double loss = 0;
    for (size_t n = 0; n < p->count; n++) {
        double sum = 0;
        for (size_t k = 0; k < net->classes; k++)
            sum += exp(h[n * net->classes + k]);
        loss += log(sum) - h[n * net->classes + batch->labels[n]];
    }
    return loss;
}

static double *
widened(const float *x, size_t n)
{
    double *y = sm_arena_alloc(&arena, n, sizeof *y);
    for (size_t i = 0; i < n; i++)
        y[i] = (double)x[i];
    return y;
}

/* ---- the tests ------------------------------------------------------------------------------- */

/* Odd sizes, one and several turns, every kind of layer. */
static const struct {
    const char *yaml;
    size_t height, width, channels, count;
} cases[] = {
    {"{name: lenet, hidden: 11}", 9, 6, 1, 5},
    {"{name: lenet, hidden: 20}", 4, 8, 3, 3},
    {"{name: resnet8, channels: [16]}", 5, 6, 1, 3},
    {"{name: resnet8, channels: [16, 32]}", 7, 5, 3, 4},
    {"{name: resnet20, channels: [16, 32], blocks: 2}", 4, 4, 3, 5},
    {"{name: resnet8, channels: [16, 32], norm: group, groups: 4}", 7, 5, 3, 3},
    {"{name: resnet8, channels: [32, 16, 16], norm: group, groups: 16}", 6, 6, 2, 3},
};
enum { CASES = sizeof cases / sizeof *cases };

static struct subject
make_case(size_t i)
{
    return make(cases[i].yaml, cases[i].height, cases[i].width, cases[i].channels, cases[i].count);
}

static void
loss_and_running_statistics_are_those_of_the_net_without_fusion(void **state)
{
    (void)state;
    for (size_t i = 0; i < CASES; i++) {
        struct subject s = make_case(i);
        double *statistics = widened(s.statistics, s.statistics_count), loss;
        struct plain plain = {.net = net_of(&s), .x = widened(s.x, s.n), .statistics = statistics};
        const double expected = plain_loss(&plain, &s.batch) / (double)s.batch.count;
        float *g = sm_arena_alloc(&arena, s.n, sizeof *g);
        check_ok(s.model->gradient(s.state, &s.batch, s.x, s.statistics, g, &loss, &scratch));
        check_relative(loss, expected, 2e-6);
        for (size_t k = 0; k < s.statistics_count; k++)
            check_near((double)s.statistics[k], statistics[k], 1e-6);
    }
}

/* A few elements of each tensor: their slopes by central differences, in double. */
static void
gradient_is_the_slope_of_the_net_without_fusion(void **state)
{
    (void)state;
    const double h = 1e-6;
    for (size_t i = 0; i < CASES; i++) {
        struct subject s = make_case(i);
        double *x = widened(s.x, s.n), loss;
        struct plain plain = {.net = net_of(&s), .x = x};
        float *g = sm_arena_alloc(&arena, s.n, sizeof *g);
        memset(g, 0xff, s.n * sizeof *g); /* NaN: everything is overwritten */
        check_ok(s.model->gradient(s.state, &s.batch, s.x, s.statistics, g, &loss, &scratch));
        for (size_t t = 0; t < s.form.tensor_count; t++) {
            const struct sm_tensor *tensor = &s.form.tensors[t];
            const size_t size = sm_tensor_size(tensor);
            double largest = 0;
            for (size_t k = 0; k < size; k++)
                largest = fmax(largest, fabs((double)g[tensor->offset + k]));
            assert_true(largest > 1e-4); /* not a comparison of zeros */
            for (size_t pick = 0; pick < 5; pick++) {
                const size_t k = tensor->offset + sm_rng_below(rng, size);
                const double middle = x[k];
                x[k] = middle + h;
                const double above = plain_loss(&plain, &s.batch);
                x[k] = middle - h;
                const double below = plain_loss(&plain, &s.batch);
                x[k] = middle;
                check_near((double)g[k], (above - below) / (2 * h * (double)s.batch.count),
                           1e-4 * largest);
            }
        }
    }
}

static void
evaluation_normalises_by_the_running_statistics(void **state)
{
    (void)state;
    for (size_t i = 0; i < CASES; i++) {
        struct subject s = make(cases[i].yaml, cases[i].height, cases[i].width, cases[i].channels,
                                37); /* two whole parts and a rest */
        struct plain plain = {.net = net_of(&s), .x = widened(s.x, s.n), .running = s.statistics};
        const double expected = plain_loss(&plain, &s.batch);
        struct sm_metrics metrics;
        check_ok(s.model->evaluate(s.state, &s.batch, s.x, s.statistics, &metrics, &scratch));
        check_relative(metrics.loss, expected, 2e-6);
        assert_int_equal(metrics.count, 37);
        assert_true(metrics.classifies);
    }
}

static void
bits_do_not_depend_on_the_images_a_turn(void **state)
{
    (void)state;
    static const size_t turns[] = {1, 2, 3, 5, 100};
    for (size_t i = 0; i < CASES; i++) {
        struct subject s = make_case(i);
        struct sm_net *net = *(struct sm_net **)s.state;
        float *first = NULL, *first_statistics = NULL;
        for (size_t k = 0; k < sizeof turns / sizeof *turns; k++) {
            for (size_t p = 0; p < net->passes_count; p++)
                net->passes[p].turn = turns[k];
            float *g = sm_arena_alloc(&arena, s.n, sizeof *g);
            float *statistics = sm_arena_alloc(&arena, s.statistics_count, sizeof *statistics);
            memcpy(statistics, s.statistics, s.statistics_count * sizeof *statistics);
            double loss;
            sm_arena_reset(&scratch);
            check_ok(s.model->gradient(s.state, &s.batch, s.x, statistics, g, &loss, &scratch));
            if (k == 0) {
                first = g;
                first_statistics = statistics;
            }
            assert_memory_equal(g, first, s.n * sizeof *g);
            assert_memory_equal(statistics, first_statistics,
                                s.statistics_count * sizeof *statistics);
        }
    }
}

static void
parameters_are_as_many_as_in_the_papers(void **state)
{
    (void)state;
    static const struct {
        const char *yaml;
        size_t pixels, channels, parameters, statistics;
    } known[] = {
        {"lenet", 28, 1, 215370, 0},         {"resnet8", 32, 3, 78042, 672},
        {"resnet8", 28, 1, 77754, 672},      {"resnet20", 32, 3, 272474, 1568},
        {"resnet18", 32, 3, 11173962, 9600}, {"{name: resnet20, norm: group}", 32, 3, 272474, 0},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        struct subject s;
        check_ok(
            configure(&s, known[i].yaml, known[i].pixels, known[i].pixels, known[i].channels, 10));
        assert_int_equal(s.n, known[i].parameters);
        assert_int_equal(s.statistics_count, known[i].statistics);
    }
}

static void
tensors_are_called_as_in_torchvision(void **state)
{
    (void)state;
    static const char *const names[] = {
        "conv1.weight",
        "bn1.weight",
        "bn1.bias",
        "layer1.0.conv1.weight",
        "layer1.0.bn1.weight",
        "layer1.0.bn1.bias",
        "layer1.0.conv2.weight",
        "layer1.0.bn2.weight",
        "layer1.0.bn2.bias",
        "layer2.0.conv1.weight",
        "layer2.0.bn1.weight",
        "layer2.0.bn1.bias",
        "layer2.0.conv2.weight",
        "layer2.0.bn2.weight",
        "layer2.0.bn2.bias",
        "layer2.0.downsample.0.weight",
        "layer2.0.downsample.1.weight",
        "layer2.0.downsample.1.bias",
        "fc.weight",
        "fc.bias",
    };
    struct subject s;
    check_ok(configure(&s, "{name: resnet8, channels: [16, 32]}", 8, 8, 3, 10));
    assert_int_equal(s.form.tensor_count, sizeof names / sizeof *names);
    for (size_t t = 0; t < s.form.tensor_count; t++)
        assert_string_equal(s.form.tensors[t].name, names[t]);
    assert_string_equal(s.form.statistics[0].name, "bn1.running_mean");
    assert_string_equal(s.form.statistics[1].name, "bn1.running_var");
    check_ok(configure(&s, "lenet", 28, 28, 1, 10));
    assert_string_equal(s.form.tensors[2].name, "3.weight");
    assert_int_equal(s.form.tensors[4].pixels, 49);
    assert_true(s.form.tensors[4].panels);
}

static void
operations_are_counted_from_the_layers(void **state)
{
    (void)state;
    struct subject s;
    check_ok(configure(&s, "lenet", 28, 28, 1, 10));
    const double conv1 = 784 * 16 * (2 * 25 + 1), conv2 = 196 * 32 * (2 * 400 + 1);
    const double join = 4 * (196 * 16 + 49 * 32); /* three comparisons and a ReLU */
    const double dense = 2 * 1568 * 128 + 128 + 2 * 128 * 10 + 10;
    check_near(s.form.flop, conv1 + conv2 + join + dense + 128 + 40, 0);
    check_near(s.form.gradient_flop, 2 * conv1 + 3 * conv2 + 2 * join + 3 * dense + 2 * 128 + 40,
               0);
}

static void
residual_nets_start_as_torchvisions(void **state)
{
    (void)state;
    struct subject s;
    check_ok(configure(&s, "resnet20", 32, 32, 3, 10));
    s.x = sm_arena_alloc(&arena, s.n, sizeof *s.x);
    s.statistics = sm_arena_alloc(&arena, s.statistics_count, sizeof *s.statistics);
    s.model->initial(s.state, rng, s.x, s.statistics);
    for (size_t t = 0; t < s.form.tensor_count; t++) {
        const struct sm_tensor *tensor = &s.form.tensors[t];
        const size_t size = sm_tensor_size(tensor);
        const float *x = s.x + tensor->offset;
        double sum = 0, squares = 0;
        for (size_t k = 0; k < size; k++) {
            sum += (double)x[k];
            squares += (double)x[k] * (double)x[k];
        }
        if (tensor->rank == 4) { /* five standard errors */
            const double n = (double)size;
            const double v = 2.0 / (double)(tensor->shape[0] * tensor->shape[2] * tensor->shape[3]);
            check_near(sum / n, 0, 5 * sqrt(v / n));
            check_near(squares / n, v, 5 * v * sqrt(2 / n));
        } else if (strncmp(tensor->name, "fc", 2) != 0) {
            const bool gamma = strstr(tensor->name, "weight") != NULL;
            assert_true(sum == (gamma ? (double)size : 0) && squares == sum);
        }
    }
    for (size_t t = 0; t < s.form.statistics_count; t++)
        assert_true(s.statistics[s.form.statistics[t].offset] == (float)(t % 2));
}

static void
what_does_not_fit_is_refused_in_one_line(void **state)
{
    (void)state;
    struct subject s;
    check_fails(configure(&s, "{name: resnet8, channels: [16, 40]}", 8, 8, 3, 10), SM_ERR_INPUT,
                "workload.model.channels: 40, expected multiples of 16");
    check_fails(configure(&s, "{name: resnet8, channels: []}", 8, 8, 3, 10), SM_ERR_INPUT,
                "channels: 0 stages, expected 1 .. 8");
    check_fails(configure(&s, "{name: resnet8, norm: group, groups: 5}", 8, 8, 3, 10), SM_ERR_INPUT,
                "groups: 5, but conv1 has 16 channels");
    check_fails(configure(&s, "lenet", 3, 9, 1, 10), SM_ERR_INPUT,
                "the images are too small: 1x4 pixels are left for the pooling after 3");
    check_fails(configure(&s, "lenet", 0, 0, 0, 10), SM_ERR_INPUT, "lenet wants images");
    check_fails(configure(&s, "resnet18", 0, 0, 0, 10), SM_ERR_INPUT, "resnet18 wants images");
}

static void
a_model_that_is_not_finite_has_a_loss_that_is_not(void **state)
{
    (void)state;
    for (size_t i = 0; i < CASES; i++) {
        struct subject s = make_case(i);
        float *g = sm_arena_alloc(&arena, s.n, sizeof *g);
        double loss;
        s.x[5] = NAN; /* of the first layer: ReLU and pooling lie behind */
        check_ok(s.model->gradient(s.state, &s.batch, s.x, s.statistics, g, &loss, &scratch));
        assert_false(isfinite(loss));
    }
}

static void
times_cover_every_layer(void **state)
{
    (void)state;
    struct subject s = make("{name: resnet8, channels: [16, 32]}", 16, 16, 3, 8);
    struct sm_layer_times times = {.count = 0};
    float *g = sm_arena_alloc(&arena, s.n, sizeof *g);
    double loss;
    s.batch.times = &times;
    for (size_t i = 0; i < 3; i++)
        check_ok(s.model->gradient(s.state, &s.batch, s.x, s.statistics, g, &loss, &scratch));
    assert_int_equal(times.count, 6 + 1 + 5 + 1); /* convolutions, input, joins, dense */
    for (size_t l = 0; l < times.count; l++) {
        assert_non_null(times.layer[l].name);
        assert_true(times.layer[l].forward >= 0 && times.layer[l].backward >= 0);
        assert_true(times.layer[l].forward + times.layer[l].backward > 0);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(loss_and_running_statistics_are_those_of_the_net_without_fusion,
                               setup),
        cmocka_unit_test_setup(gradient_is_the_slope_of_the_net_without_fusion, setup),
        cmocka_unit_test_setup(evaluation_normalises_by_the_running_statistics, setup),
        cmocka_unit_test_setup(bits_do_not_depend_on_the_images_a_turn, setup),
        cmocka_unit_test_setup(parameters_are_as_many_as_in_the_papers, setup),
        cmocka_unit_test_setup(tensors_are_called_as_in_torchvision, setup),
        cmocka_unit_test_setup(operations_are_counted_from_the_layers, setup),
        cmocka_unit_test_setup(residual_nets_start_as_torchvisions, setup),
        cmocka_unit_test_setup(what_does_not_fit_is_refused_in_one_line, setup),
        cmocka_unit_test_setup(a_model_that_is_not_finite_has_a_loss_that_is_not, setup),
        cmocka_unit_test_setup(times_cover_every_layer, setup),
    };
    return cmocka_run_group_tests_name("convnet", tests, NULL, teardown);
}
