/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/models/convnet.c -- building a convolutional net: layers fold into values and
 * convolutions (convnet_plan.h), then sm_net_finish plans their passes. */
#include "workloads/models/convnet.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "workloads/models/convnet_plan.h"

enum {
    PANEL = 16,         /* output channels are a multiple of it            */
    CACHE = 768 * 1024, /* bytes a turn: an L2 cache and a half, not all is needed at once */
    NAME = 64,
};

enum sm_status
sm_net_create(struct sm_arena *arena, const struct sm_data_shape *shape, size_t groups,
              struct sm_net **net)
{
    struct sm_net *n = *net = sm_arena_zalloc(arena, 1, sizeof *n);
    struct sm_value *input = sm_arena_zalloc(arena, 1, sizeof *input);
    if (n == NULL || input == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "convnet: no memory");
    *input = (struct sm_value){.net = n,
                               .height = shape->height,
                               .width = shape->width,
                               .channels = shape->channels,
                               .name = "input"};
    *n = (struct sm_net){.arena = arena,
                         .groups = groups,
                         .classes = shape->classes,
                         .prefix = "",
                         .first_value = input,
                         .last_value = input,
                         .values_count = 1};
    return SM_OK;
}

/* Keeps the first failure. Returns NULL, for the calls to come. */
static void *
failed(struct sm_net *net, enum sm_status status)
{
    if (net->status == SM_OK)
        net->status = status;
    return NULL;
}

static void *
allocated(struct sm_net *net, size_t count, size_t size)
{
    void *memory = sm_arena_zalloc(net->arena, count, size);
    return memory != NULL ? memory : failed(net, SM_FAIL(SM_ERR_NOMEM, "convnet: no memory"));
}

void
sm_net_prefix(struct sm_net *net, const char *format, ...)
{
    char text[NAME];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    net->prefix = sm_arena_strdup(net->arena, text);
    if (net->prefix == NULL)
        failed(net, SM_FAIL(SM_ERR_NOMEM, "convnet: no memory"));
}

static const char *
layer_name(struct sm_net *net, const char *name)
{
    return net->status == SM_OK ? sm_arena_printf(net->arena, "%s%s", net->prefix, name) : NULL;
}

/* The offset of a new tensor, "LAYER.PART". */
static size_t
add_tensor(struct sm_net *net, struct sm_tensor_list *list, const char *layer, const char *part,
           struct sm_tensor tensor)
{
    if (list->count == list->capacity) {
        const size_t capacity = list->capacity > 0 ? 2 * list->capacity : 32;
        struct sm_tensor *larger = allocated(net, capacity, sizeof *larger);
        if (larger == NULL)
            return 0;
        if (list->count > 0)
            memcpy(larger, list->tensors, list->count * sizeof *larger);
        list->tensors = larger;
        list->capacity = capacity;
    }
    tensor.name = sm_arena_printf(net->arena, "%s.%s", layer, part);
    if (tensor.name == NULL)
        failed(net, SM_FAIL(SM_ERR_NOMEM, "convnet: no memory"));
    tensor.offset = list->floats;
    list->tensors[list->count++] = tensor;
    list->floats += sm_tensor_size(&tensor);
    return tensor.offset;
}

static size_t
add_vector(struct sm_net *net, struct sm_tensor_list *list, const char *layer, const char *part,
           size_t size)
{
    return add_tensor(net, list, layer, part, (struct sm_tensor){.rank = 1, .shape = {size}});
}

/* Nothing is added to v any more: it takes its place in the list. */
static void
close_value(struct sm_value *v)
{
    struct sm_net *net = v->net;
    if (v == net->first_value || v == net->last_value || v->next != NULL)
        return;
    v->index = net->values_count++;
    net->last_value->next = v;
    net->last_value = v;
}

static bool
is_open(const struct sm_value *v)
{
    return v->convs == NULL && v->branch == NULL && !v->relu && v->pool == SM_POOL_NONE &&
           v->dense == NULL && v->terms_count > 0;
}

static struct sm_value *
new_value(const struct sm_value *like)
{
    struct sm_value *v = allocated(like->net, 1, sizeof *v);
    if (v != NULL)
        *v = (struct sm_value){.net = like->net,
                               .height = like->height,
                               .width = like->width,
                               .channels = like->channels,
                               .slot = SM_NO_SLOT};
    return v;
}

struct sm_value *
sm_net_input(struct sm_net *net)
{
    return net->first_value;
}

size_t
sm_net_channels(const struct sm_value *x)
{
    return x != NULL ? x->channels : 0;
}

struct sm_value *
sm_net_conv(struct sm_value *x, size_t channels, size_t kernel, size_t stride, bool bias,
            const char *name)
{
    if (x == NULL)
        return NULL;
    struct sm_net *net = x->net;
    assert(channels % PANEL == 0 && (x == net->first_value || x->channels % PANEL == 0));
    assert(x->dense == NULL && x->pool != SM_POOL_AVERAGE);
    close_value(x);
    struct sm_net_conv *conv = allocated(net, 1, sizeof *conv);
    struct sm_value *y = new_value(x);
    if (conv == NULL || y == NULL || (name = layer_name(net, name)) == NULL)
        return NULL;
    *conv = (struct sm_net_conv){.shape = {kernel, stride, x->channels, channels},
                                 .name = name,
                                 .from = x,
                                 .into = y,
                                 .index = net->convs_count++,
                                 .height = (x->height + stride - 1) / stride,
                                 .width = (x->width + stride - 1) / stride,
                                 .biased = bias};
    conv->weight = add_tensor(net, &net->parameters, name, "weight",
                              (struct sm_tensor){.rank = 4,
                                                 .shape = {channels, x->channels, kernel, kernel},
                                                 .panels = true});
    if (bias)
        conv->bias = add_vector(net, &net->parameters, name, "bias", channels);
    *(net->first_conv == NULL ? &net->first_conv : &net->last_conv->next) = conv;
    net->last_conv = conv;
    struct sm_net_conv **last = &x->convs;
    while (*last != NULL)
        last = &(*last)->sibling;
    *last = conv;
    x->border = kernel / 2 > x->border ? kernel / 2 : x->border;
    net->widest = channels > net->widest ? channels : net->widest;
    y->terms[y->terms_count++] = conv;
    y->height = conv->height;
    y->width = conv->width;
    y->channels = channels;
    return y;
}

struct sm_value *
sm_net_norm(struct sm_value *x, const char *name)
{
    if (x == NULL)
        return NULL;
    struct sm_net *net = x->net;
    struct sm_net_conv *conv = x->terms[0];
    assert(is_open(x) && x->terms_count == 1 && x->shortcut == NULL && !conv->biased);
    if ((conv->norm = layer_name(net, name)) == NULL)
        return NULL;
    if (net->groups > 0 && x->channels % net->groups != 0)
        return failed(net, SM_FAIL(SM_ERR_INPUT,
                                   "workload.model.groups: %zu, but %s has %zu channels; expected "
                                   "a divisor of all widths",
                                   net->groups, conv->name, x->channels));
    conv->gamma = add_vector(net, &net->parameters, conv->norm, "weight", x->channels);
    conv->beta = add_vector(net, &net->parameters, conv->norm, "bias", x->channels);
    if (net->groups == 0) {
        conv->mean = add_vector(net, &net->statistics, conv->norm, "running_mean", x->channels);
        conv->variance = add_vector(net, &net->statistics, conv->norm, "running_var", x->channels);
    }
    return x;
}

struct sm_value *
sm_net_relu(struct sm_value *x)
{
    if (x == NULL)
        return NULL;
    assert(x->convs == NULL && x->pool != SM_POOL_AVERAGE);
    *(x->dense != NULL ? &x->dense->relu : &x->relu) = true;
    return x;
}

struct sm_value *
sm_net_add(struct sm_value *a, struct sm_value *b)
{
    if (a == NULL || b == NULL)
        return NULL;
    assert(a->height == b->height && a->width == b->width && a->channels == b->channels);
    struct sm_value *sum = new_value(a), *const parts[2] = {a, b};
    for (size_t i = 0; i < 2 && sum != NULL; i++) {
        struct sm_value *part = parts[i];
        if (is_open(part)) {
            assert(sum->terms_count + part->terms_count <= 2 && part->shortcut == NULL);
            for (size_t t = 0; t < part->terms_count; t++) {
                part->terms[t]->into = sum;
                sum->terms[sum->terms_count++] = part->terms[t];
            }
        } else {
            assert(sum->shortcut == NULL && part->branch == NULL && part->terms_count > 0);
            close_value(part);
            sum->shortcut = part;
            part->branch = sum;
        }
    }
    assert(sum == NULL || sum->terms_count + (sum->shortcut != NULL) == 2);
    return sum;
}

struct sm_value *
sm_net_max_pool(struct sm_value *x)
{
    if (x == NULL)
        return NULL;
    assert(x->convs == NULL && x->terms_count == 1 && x->terms[0]->norm == NULL);
    x->pool = SM_POOL_MAX;
    if (x->height < 2 || x->width < 2)
        return failed(x->net, SM_FAIL(SM_ERR_INPUT,
                                      "workload.model: the images are too small: %zux%zu pixels "
                                      "are left for the pooling after %s, expected 2x2",
                                      x->height, x->width, x->terms[0]->name));
    x->height /= 2;
    x->width /= 2;
    return x;
}

struct sm_value *
sm_net_average_pool(struct sm_value *x)
{
    if (x == NULL)
        return NULL;
    assert(x->terms_count > 0 && x->pool == SM_POOL_NONE);
    x->pool = SM_POOL_AVERAGE;
    return x;
}

struct sm_value *
sm_net_dense(struct sm_value *x, size_t width, const char *name)
{
    if (x == NULL)
        return NULL;
    struct sm_net *net = x->net;
    const size_t pixels = x->dense != NULL || x->pool == SM_POOL_AVERAGE ? 1 : x->height * x->width;
    struct sm_value *y = new_value(x);
    if (y == NULL || (name = layer_name(net, name)) == NULL)
        return NULL;
    assert(net->dense_count < SM_MOST_DENSE && (x->terms_count > 0) == (net->dense_count == 0));
    if (x->dense == NULL)
        close_value(x);
    struct sm_net_dense *dense = &net->dense[net->dense_count++];
    *dense = (struct sm_net_dense){.name = name, .in = pixels * x->channels, .out = width};
    dense->weight =
        add_tensor(net, &net->parameters, name, "weight",
                   (struct sm_tensor){
                       .rank = 2, .shape = {width, dense->in}, .panels = true, .pixels = pixels});
    dense->bias = add_vector(net, &net->parameters, name, "bias", width);
    y->dense = dense;
    y->channels = width;
    y->height = y->width = 1;
    return y;
}

/* ---- the plan --------------------------------------------------------------------------------
 */

/* A value is kept where making it anew would take more than one term, or none is left to make it
 * from; and what a second value adds would else be made twice. */
static bool
worth_keeping(const struct sm_value *v)
{
    const size_t terms = v->terms_count + (v->shortcut != NULL);
    return terms > 1 || v->branch != NULL || (terms == 1 && v->terms[0]->norm == NULL);
}

static size_t
floats_of(const struct sm_value *v)
{
    return v->height * v->width * v->channels;
}

static bool
begins_pass(const struct sm_value *v)
{
    bool begins = v->index == 0;
    for (size_t t = 0; t < v->terms_count; t++)
        begins |= v->terms[t]->norm != NULL;
    return begins;
}

/* Bytes of an image, and of weights, that a turn of the values' steps touches. */
static void
bytes_of_pass(const struct sm_net *net, const struct sm_net_pass *pass, size_t *image,
              size_t *weights)
{
    size_t floats = 0, parameters = 0;
    for (size_t i = pass->first; i < pass->end; i++) {
        const struct sm_value *v = net->values[i];
        floats += (2 + v->terms_count + (v->branch != NULL)) * floats_of(v);
        for (const struct sm_net_conv *c = v->convs; c != NULL; c = c->sibling) {
            floats += 3 * c->height * c->width * c->shape.out;
            parameters += c->shape.kernel * c->shape.kernel * c->shape.in * c->shape.out;
        }
    }
    *image = floats * sizeof(float);
    *weights = parameters * sizeof(float);
}

/* A turn fits the cache; but weights that do not are read again by every turn, which should not be
 * more than the images. */
static void
plan_passes(struct sm_net *net)
{
    for (size_t i = 0; i < net->values_count; i++) {
        if (begins_pass(net->values[i]))
            net->passes[net->passes_count++] = (struct sm_net_pass){.first = i};
        net->passes[net->passes_count - 1].end = i + 1;
    }
    for (size_t p = 0; p < net->passes_count; p++) {
        struct sm_net_pass *pass = &net->passes[p];
        size_t image, weights;
        bytes_of_pass(net, pass, &image, &weights);
        const size_t budget = weights > CACHE ? weights : CACHE;
        pass->turn = budget > image ? budget / image : 1;
    }
}

/* The last step backward that reads the gradient of v: of what its terms were made from. */
static size_t
last_reader(const struct sm_value *v)
{
    size_t last = v->shortcut != NULL ? v->shortcut->index : v->index;
    for (size_t t = 0; t < v->terms_count; t++)
        if (v->terms[t]->from->index < last)
            last = v->terms[t]->from->index;
    return last;
}

/* Gradients that outlive their pass share a few buffers for the whole batch. */
static void
plan_slots(struct sm_net *net, const struct sm_value **holders /* (values_count) */)
{
    for (size_t p = net->passes_count; p-- > 1;) {
        struct sm_value *v = net->values[net->passes[p].first];
        size_t slot = 0;
        while (slot < net->slots_count && last_reader(holders[slot]) < net->passes[p].end)
            slot++;
        if (slot == net->slots_count)
            net->slots_count++;
        holders[slot] = v;
        v->slot = slot;
        if (floats_of(v) > net->slots[slot])
            net->slots[slot] = floats_of(v);
    }
}

/* The rows of struct sm_layer_times, in the order of a forward pass. */
static void
plan_layers(struct sm_net *net)
{
    size_t layers = 0;
    for (size_t i = 0; i < net->values_count; i++) {
        struct sm_value *v = net->values[i];
        v->layer = layers++;
        if (i > 0) {
            const struct sm_net_conv *c = v->terms[0];
            v->name = c->norm != NULL ? c->norm : sm_arena_printf(net->arena, "after %s", c->name);
        }
        for (struct sm_net_conv *c = v->convs; c != NULL; c = c->sibling)
            c->layer = layers++;
    }
    for (size_t d = 0; d < net->dense_count; d++)
        net->dense[d].layer = layers++;
}

/* Operations of a sample. A norm multiplies and adds; for its gradient a statistic takes 4, the two
 * sums backward 4, and the gradient 4. Of the first layer's input nobody wants the gradient. */
static void
count_flop(const struct sm_net *net, double *forward, double *gradient)
{
    *forward = *gradient = SM_FLOP_SOFTMAX(net->classes);
    for (const struct sm_net_conv *c = net->first_conv; c != NULL; c = c->next) {
        const double outputs = (double)(c->height * c->width * c->shape.out);
        const double conv =
            outputs * (2.0 * (double)(c->shape.kernel * c->shape.kernel * c->shape.in) + c->biased);
        *forward += conv + (c->norm != NULL ? 2 : 0) * outputs;
        *gradient += (c->from->index > 0 ? 3 : 2) * conv + (c->norm != NULL ? 14 : 0) * outputs;
    }
    for (size_t i = 1; i < net->values_count; i++) {
        const struct sm_value *v = net->values[i];
        const double join = (double)floats_of(v) *
                            (double)((v->terms_count + (v->shortcut != NULL) == 2) + v->relu +
                                     (v->pool == SM_POOL_AVERAGE) + 3 * (v->pool == SM_POOL_MAX));
        *forward += join;
        *gradient += 2 * join;
    }
    for (const struct sm_net_dense *d = net->dense; d < net->dense + net->dense_count; d++) {
        const double dense = SM_FLOP_DENSE(d->in, d->out), relu = d->relu ? (double)d->out : 0;
        *forward += dense + relu;
        *gradient += 3 * dense + 2 * relu;
    }
}

enum sm_status
sm_net_finish(struct sm_net *net, struct sm_value *logits, struct sm_model_form *form)
{
    SM_TRY(net->status);
    (void)logits; /* the last of the dense layers */
    assert(logits->dense == &net->dense[net->dense_count - 1] && logits->channels == net->classes);
    const size_t count = net->values_count;
    net->values = allocated(net, count, sizeof *net->values);
    net->passes = allocated(net, count, sizeof *net->passes);
    net->slots = allocated(net, count, sizeof *net->slots);
    const struct sm_value **holders = allocated(net, count, sizeof *holders);
    SM_TRY(net->status);
    for (struct sm_value *v = net->first_value; v != NULL; v = v->next) {
        net->values[v->index] = v;
        v->kept = worth_keeping(v);
    }
    net->last_value->kept |= net->last_value->pool != SM_POOL_AVERAGE; /* the dense layers' input */
    plan_passes(net);
    plan_slots(net, holders);
    plan_layers(net);
    *form = (struct sm_model_form){.tensors = net->parameters.tensors,
                                   .tensor_count = net->parameters.count,
                                   .statistics = net->statistics.tensors,
                                   .statistics_count = net->statistics.count};
    count_flop(net, &form->flop, &form->gradient_flop);
    return SM_OK;
}

static void
fill(float *x, size_t n, float value)
{
    for (size_t i = 0; i < n; i++)
        x[i] = value;
}

void
sm_net_initial(const void *state, struct sm_rng *rng, float *x, float *statistics)
{
    const struct sm_net *net = *(struct sm_net *const *)state;
    for (const struct sm_net_conv *c = net->first_conv; c != NULL; c = c->next) {
        const size_t taps = c->shape.kernel * c->shape.kernel, out = c->shape.out;
        const size_t weights = taps * c->shape.in * out;
        if (c->biased) {
            sm_initial_linear(rng, taps * c->shape.in, out, x + c->weight);
            continue;
        }
        const double deviation = sqrt(2.0 / (double)(taps * out));
        for (size_t i = 0; i < weights; i++)
            x[c->weight + i] = (float)sm_rng_normal(rng, deviation);
        if (c->norm == NULL)
            continue;
        fill(x + c->gamma, out, 1);
        fill(x + c->beta, out, 0);
        if (net->groups == 0) {
            fill(statistics + c->mean, out, 0);
            fill(statistics + c->variance, out, 1);
        }
    }
    for (const struct sm_net_dense *d = net->dense; d < net->dense + net->dense_count; d++)
        sm_initial_linear(rng, d->in, d->out, x + d->weight);
}
