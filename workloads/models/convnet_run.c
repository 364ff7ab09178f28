/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/models/convnet_run.c -- computes a convolutional net, streamed through the cache.
 *
 * Forward, of each convolution only its result z before the norm is kept, and of the values between
 * convolutions only those that would take more than a multiply-add to make again. A turn of a few
 * images makes a value in a scratch image, convolves it into the next z and gathers the statistics
 * of that, all in the L2 cache. Backward is one pass a value likewise: from e, the gradient of the
 * value behind, and z the gradient dz of each convolution that read the value; the weights'
 * gradient; e of the value itself; masked by its ReLU, the two sums its own norm needs.
 */
#include <string.h>

#include "workloads/kernels/dense.h"
#include "workloads/kernels/image.h"
#include "workloads/kernels/kernels.h"
#include "workloads/kernels/norm.h"
#include "workloads/kernels/winograd.h"
#include "workloads/models/convnet_plan.h"

enum { EVALUATED = 16, ALIGNED = 16 /* floats */ };

/* Images of a turn have room for one turn, others for the whole batch. Coefficients are one row of
 * channels for batch norm, one an image for group norm. */
struct conv_run {
    struct sm_images z, dz;
    float *mean, *variance, *scale, *shift; /* (rows, channels) z to its norm            */
    float *dy_scale, *z_scale, *dz_shift;   /* (rows, channels) e to dz                  */
    float *origin;                          /* (channels) near the mean                  */
    double *sums, *gradients;               /* (2, channels) over the batch              */
    float *turned;                          /* weights for the gradient of the data      */
    float *u, *du;                          /* sm_winograd's, of a pass; NULL: direct    */
};

struct value_run {
    struct sm_images y, e;
    uint8_t *which; /* of max pooling, whole batch */
};

struct run {
    const struct sm_net *net;
    const float *x;
    float *statistics; /* NULL: not to be changed                             */
    float *g;          /* NULL: forward only                                  */
    size_t count;      /* images                                              */
    const float *inputs;
    bool by_image; /* coefficients, of group norm                              */
    struct conv_run *conv;
    struct value_run *value;
    float *region;                    /* images of a turn; every pass its own way  */
    float *sums;                      /* (turn, 3, widest)                         */
    float *room;                      /* (SM_WINOGRAD_ROOM)                        */
    float *features, *dfeatures;      /* (count, inputs of the first dense layer)  */
    float *dense[SM_MOST_DENSE + 1];  /* inputs and results, panels (count, width) */
    float *ddense[SM_MOST_DENSE + 1]; /* and their gradients                       */
    float *logits;                    /* (count, classes); then their gradient     */
    struct sm_laps laps;
};

/* ---- memory ----------------------------------------------------------------------------------
 */

static size_t
weights_of(const struct sm_net_conv *c)
{
    return c->shape.kernel * c->shape.kernel * c->shape.in * c->shape.out;
}

static size_t
turn_of(const struct run *r, const struct sm_net_pass *pass)
{
    return pass->turn < r->count ? pass->turn : r->count;
}

static struct sm_images
images_of(size_t count, const struct sm_value *v, size_t border)
{
    return (struct sm_images){NULL, count, v->height, v->width, v->channels, border};
}

/* Puts images behind what `used` floats of the region hold; a NULL region only counts. */
static void
place(struct sm_images *images, float *region, size_t *used)
{
    if (region != NULL) {
        images->data = region + *used;
        sm_images_clear_border(*images);
    }
    *used += (images->count * sm_images_size(*images) + ALIGNED - 1) / ALIGNED * ALIGNED;
}

/* The weights and their gradient as sm_winograd has them. */
static void
place_weights(struct run *r, const struct sm_net_conv *c, float *region, size_t *used)
{
    const size_t floats = 16 * c->shape.in * c->shape.out;
    if (region != NULL) {
        r->conv[c->index].u = region + *used;
        r->conv[c->index].du = region + *used + floats;
    }
    *used += r->g != NULL ? 2 * floats : floats;
}

/* The images of a pass that last for a turn, their borders zero. Passes share the region. Returns
 * the floats. */
static size_t
place_turn(struct run *r, const struct sm_net_pass *pass, float *region)
{
    const struct sm_net *net = r->net;
    const size_t turn = turn_of(r, pass);
    size_t used = 0;
    for (size_t i = pass->first; i < pass->end; i++) {
        const struct sm_value *v = net->values[i];
        struct value_run *value = &r->value[i];
        if (!v->kept) {
            value->y = images_of(turn, v, v->border);
            place(&value->y, region, &used);
        }
        if (r->g != NULL && i > 0 && v->slot == SM_NO_SLOT && v != net->last_value) {
            value->e = images_of(turn, v, 0);
            place(&value->e, region, &used);
        }
        for (const struct sm_net_conv *c = v->convs; c != NULL; c = c->sibling) {
            struct sm_images z = {NULL, turn, c->height, c->width, c->shape.out, 0};
            if (c->norm == NULL) {
                r->conv[c->index].z = z;
                place(&r->conv[c->index].z, region, &used);
            }
            z.border = c->shape.kernel / 2;
            if (r->g != NULL) {
                r->conv[c->index].dz = z;
                place(&r->conv[c->index].dz, region, &used);
            }
            if (sm_winograd_fits(&c->shape, c->height, c->width))
                place_weights(r, c, region, &used);
        }
    }
    return used;
}

static bool
allocate_images(struct sm_images *images, struct sm_arena *scratch)
{
    images->data = sm_arena_alloc(scratch, images->count * sm_images_size(*images), sizeof(float));
    return images->data != NULL;
}

static bool
allocate_conv(struct run *r, const struct sm_net_conv *c, struct sm_arena *scratch)
{
    struct conv_run *conv = &r->conv[c->index];
    const size_t channels = c->shape.out, rows = r->by_image ? r->count : 1;
    bool ok = true;
    if (c->norm != NULL) {
        conv->z = (struct sm_images){NULL, r->count, c->height, c->width, channels, 0};
        ok = allocate_images(&conv->z, scratch);
        float **const coefficients[] = {&conv->mean,     &conv->variance, &conv->scale,
                                        &conv->shift,    &conv->dy_scale, &conv->z_scale,
                                        &conv->dz_shift, &conv->origin};
        for (size_t i = 0; i < sizeof coefficients / sizeof *coefficients; i++)
            ok &= (*coefficients[i] = sm_arena_alloc(scratch, rows * channels, sizeof(float))) !=
                  NULL;
    }
    ok &= (conv->sums = sm_arena_zalloc(scratch, 2 * channels, sizeof(double))) != NULL;
    ok &= (conv->gradients = sm_arena_zalloc(scratch, 2 * channels, sizeof(double))) != NULL;
    if (r->g != NULL && c->from->index > 0)
        ok &= (conv->turned = sm_arena_alloc(scratch, weights_of(c), sizeof(float))) != NULL;
    return ok;
}

static bool
allocate_value(struct run *r, const struct sm_value *v, float *const *slots,
               struct sm_arena *scratch)
{
    struct value_run *value = &r->value[v->index];
    bool ok = true;
    if (v->kept) {
        value->y = images_of(r->count, v, v->border);
        ok = allocate_images(&value->y, scratch);
    }
    if (v->pool == SM_POOL_MAX)
        ok &= (value->which = sm_arena_alloc(scratch, r->count * v->height * v->width * v->channels,
                                             1)) != NULL;
    if (r->g != NULL && v->slot != SM_NO_SLOT) {
        value->e = images_of(r->count, v, 0);
        value->e.data = slots[v->slot];
    }
    return ok;
}

static bool
allocate_dense(struct run *r, struct sm_arena *scratch)
{
    const struct sm_net *net = r->net;
    struct value_run *last = &r->value[net->values_count - 1];
    const bool pooled = net->last_value->pool == SM_POOL_AVERAGE;
    const size_t features = r->count * net->dense[0].in;
    bool ok = true;
    for (size_t d = 0; d <= net->dense_count; d++) {
        const size_t width = d > 0 ? net->dense[d - 1].out : net->dense[0].in;
        const size_t size = r->count * sm_panels_width(width);
        ok &= (r->dense[d] = sm_arena_alloc(scratch, size, sizeof(float))) != NULL;
        if (r->g != NULL)
            ok &= (r->ddense[d] = sm_arena_alloc(scratch, size, sizeof(float))) != NULL;
    }
    ok &= (r->logits = sm_arena_alloc(scratch, r->count * net->classes, sizeof(float))) != NULL;
    r->features = last->y.data;
    if (pooled)
        ok &= (r->features = sm_arena_alloc(scratch, features, sizeof(float))) != NULL;
    if (r->g != NULL)
        ok &= (r->dfeatures = sm_arena_alloc(scratch, features, sizeof(float))) != NULL;
    if (r->g != NULL && !pooled) {
        last->e = images_of(r->count, net->last_value, 0);
        last->e.data = r->dfeatures;
    }
    return ok;
}

/* Everything for r->count images. */
static enum sm_status
allocate(struct run *r, struct sm_arena *scratch)
{
    const struct sm_net *net = r->net;
    bool ok = (r->conv = sm_arena_zalloc(scratch, net->convs_count, sizeof *r->conv)) != NULL;
    ok &= (r->value = sm_arena_zalloc(scratch, net->values_count, sizeof *r->value)) != NULL;
    float **slots = sm_arena_alloc(scratch, net->slots_count, sizeof *slots);
    ok &= slots != NULL;
    for (size_t s = 0; s < net->slots_count && ok && r->g != NULL; s++)
        ok = (slots[s] = sm_arena_alloc(scratch, r->count * net->slots[s], sizeof **slots)) != NULL;
    for (const struct sm_net_conv *c = net->first_conv; c != NULL && ok; c = c->next)
        ok = allocate_conv(r, c, scratch);
    for (size_t i = 0; i < net->values_count && ok; i++)
        ok = allocate_value(r, net->values[i], slots, scratch);
    ok = ok && allocate_dense(r, scratch);
    size_t largest = 0, turn = 0;
    for (size_t p = 0; p < net->passes_count && ok; p++) {
        const size_t floats = place_turn(r, &net->passes[p], NULL);
        largest = floats > largest ? floats : largest;
        turn = turn_of(r, &net->passes[p]) > turn ? turn_of(r, &net->passes[p]) : turn;
    }
    ok = ok && (r->region = sm_arena_alloc(scratch, largest, sizeof *r->region)) != NULL;
    ok = ok && (r->sums = sm_arena_alloc(scratch, turn * 3 * net->widest, sizeof(float))) != NULL;
    ok = ok && (r->room = sm_arena_alloc(scratch, SM_WINOGRAD_ROOM, sizeof(float))) != NULL;
    return ok ? SM_OK : SM_FAIL(SM_ERR_NOMEM, "convnet: no memory for %zu images", r->count);
}

/* Images of the turn that begins with `first`: `turn`, or what is left. */
static size_t
count_of(const struct run *r, size_t turn, size_t first)
{
    return turn < r->count - first ? turn : r->count - first;
}

/* Images first .. first + count - 1 of the batch, wherever they are. */
static struct sm_images
part(const struct run *r, struct sm_images all, size_t first, size_t count)
{
    return sm_images_part(all, all.count == r->count ? first : 0, count);
}

/* Asks for the same images of the next turn, if they are in memory. */
static void
fetch_next(struct sm_ahead *ahead, const struct run *r, struct sm_images all, size_t first,
           size_t count)
{
    const size_t next = first + count, most = sizeof ahead->at / sizeof *ahead->at;
    if (all.count != r->count || next == r->count || ahead->count == most)
        return;
    const struct sm_images images = sm_images_part(all, next, count_of(r, count, next));
    ahead->at[ahead->count] = images.data;
    ahead->bytes[ahead->count++] = images.count * sm_images_size(images) * sizeof *images.data;
}

/* From one image's coefficients to the next's. */
static size_t
step_of(const struct run *r, const struct sm_net_conv *c)
{
    return r->by_image ? c->shape.out : 0;
}

/* ---- forward ---------------------------------------------------------------------------------
 */

/* The value of a turn's images, from its terms. */
static struct sm_images
make_value(struct run *r, const struct sm_value *v, size_t first, size_t count)
{
    struct sm_images y = part(r, r->value[v->index].y, first, count);
    if (v->kept)
        sm_images_clear_border(y);
    if (v->index == 0) {
        sm_images_copy(y, r->inputs + first * v->height * v->width * v->channels);
        return y;
    }
    if (v->pool == SM_POOL_MAX) {
        sm_max_pool_forward(y,
                            r->value[v->index].which + first * v->height * v->width * v->channels,
                            part(r, r->conv[v->terms[0]->index].z, first, count), v->relu);
        return y;
    }
    struct sm_term terms[2];
    size_t terms_count = 0;
    for (size_t t = 0; t < v->terms_count; t++) {
        const struct conv_run *conv = &r->conv[v->terms[t]->index];
        const size_t step = step_of(r, v->terms[t]);
        terms[terms_count] = (struct sm_term){.x = part(r, conv->z, first, count), .step = step};
        if (v->terms[t]->norm != NULL) {
            terms[terms_count].scale = conv->scale + first * step;
            terms[terms_count].shift = conv->shift + first * step;
        }
        terms_count++;
    }
    if (v->shortcut != NULL)
        terms[terms_count++] =
            (struct sm_term){.x = part(r, r->value[v->shortcut->index].y, first, count)};
    sm_join_forward(y, terms, terms_count, v->relu);
    return y;
}

static struct sm_sets
sets_of(const struct run *r, const struct sm_net_conv *c)
{
    const size_t channels = c->shape.out, pixels = c->height * c->width;
    return r->by_image ? (struct sm_sets){channels, channels / r->net->groups, pixels}
                       : (struct sm_sets){channels, 1, pixels * r->count};
}

static void
find_coefficients(struct run *r, const struct sm_net_conv *c, size_t at)
{
    struct conv_run *conv = &r->conv[c->index];
    sm_norm_forward(conv->scale + at, conv->shift + at, conv->mean + at, conv->variance + at,
                    r->x + c->gamma, r->x + c->beta, c->shape.out);
}

/* Adds the sums of a turn's z up; those of group norm are complete with each image. */
static void
gather(struct run *r, const struct sm_net_conv *c, struct sm_images z, size_t first)
{
    struct conv_run *conv = &r->conv[c->index];
    const size_t channels = c->shape.out;
    for (size_t i = 0; i < z.count; i++) {
        const struct sm_images image = sm_images_part(z, i, 1);
        if (r->by_image || first + i == 0)
            memcpy(conv->origin, image.data, channels * sizeof *conv->origin);
        sm_image_sums(r->sums, image, conv->origin);
        for (size_t k = 0; k < 2 * channels; k++)
            conv->sums[k] = (r->by_image ? 0 : conv->sums[k]) + (double)r->sums[k];
        if (!r->by_image)
            continue;
        const struct sm_sets sets = sets_of(r, c);
        const size_t at = (first + i) * channels;
        sm_norm_moments(conv->mean + at, conv->variance + at, conv->sums, conv->origin, &sets);
        find_coefficients(r, c, at);
    }
}

/* z of a turn's y. */
static void
convolve(const struct run *r, const struct sm_net_conv *c, struct sm_images z, struct sm_images y,
         const struct sm_ahead *ahead)
{
    const float *u = r->conv[c->index].u, *bias = c->biased ? r->x + c->bias : NULL;
    if (u != NULL)
        sm_winograd(z, y, u, bias, false, r->room, ahead);
    else
        sm_conv_forward(z, y, r->x + c->weight, bias, &c->shape, ahead);
}

static void
forward_step(struct run *r, const struct sm_value *v, size_t first, size_t count)
{
    const struct sm_images y = make_value(r, v, first, count);
    sm_laps_forward(&r->laps, v->layer, v->name);
    struct sm_ahead ahead = {.count = 0};
    for (size_t t = 0; t < v->terms_count; t++)
        fetch_next(&ahead, r, r->conv[v->terms[t]->index].z, first, count);
    if (v->shortcut != NULL)
        fetch_next(&ahead, r, r->value[v->shortcut->index].y, first, count);
    fetch_next(&ahead, r, r->value[v->index].y, first, count);
    for (const struct sm_net_conv *c = v->convs; c != NULL; c = c->sibling)
        fetch_next(&ahead, r, r->conv[c->index].z, first, count);
    for (const struct sm_net_conv *c = v->convs; c != NULL; c = c->sibling) {
        const struct sm_images z = part(r, r->conv[c->index].z, first, count);
        convolve(r, c, z, y, c == v->convs ? &ahead : NULL);
        sm_laps_forward(&r->laps, c->layer, c->name);
        if (c->norm != NULL && (r->by_image || r->g != NULL))
            gather(r, c, z, first);
        sm_laps_forward(&r->laps, c->into->layer, c->into->name);
    }
    if (v->pool == SM_POOL_AVERAGE)
        sm_average_pool_forward(r->features + first * v->channels, y);
}

/* Batch norm has seen the batch. */
static void
finish_statistics(struct run *r, const struct sm_net_conv *c)
{
    struct conv_run *conv = &r->conv[c->index];
    const struct sm_sets sets = sets_of(r, c);
    sm_norm_moments(conv->mean, conv->variance, conv->sums, conv->origin, &sets);
    find_coefficients(r, c, 0);
    sm_norm_run(r->statistics + c->mean, r->statistics + c->variance, conv->mean, conv->variance,
                sets.channels, sets.pixels);
}

static void
forward_pass(struct run *r, const struct sm_net_pass *pass)
{
    for (size_t i = pass->first; i < pass->end; i++)
        for (const struct sm_net_conv *c = r->net->values[i]->convs; c != NULL; c = c->sibling) {
            if (r->conv[c->index].u != NULL)
                sm_winograd_weights(r->conv[c->index].u, r->x + c->weight, c->shape.in,
                                    c->shape.out);
            sm_laps_forward(&r->laps, c->layer, c->name);
        }
    const size_t turn = turn_of(r, pass);
    for (size_t first = 0; first < r->count; first += turn)
        for (size_t i = pass->first; i < pass->end; i++)
            forward_step(r, r->net->values[i], first, count_of(r, turn, first));
    for (size_t i = pass->first; i < pass->end && r->g != NULL && !r->by_image; i++)
        for (const struct sm_net_conv *c = r->net->values[i]->convs; c != NULL; c = c->sibling)
            if (c->norm != NULL)
                finish_statistics(r, c);
}

static void
forward_dense(struct run *r)
{
    const struct sm_net *net = r->net;
    sm_rows_to_panels(r->dense[0], r->features, r->count, net->dense[0].in);
    for (size_t i = 0; i < net->dense_count; i++) {
        const struct sm_net_dense *d = &net->dense[i];
        float *y = r->dense[i + 1];
        sm_dense_forward(y, r->dense[i], r->x + d->weight, r->x + d->bias, r->count, d->in, d->out);
        if (d->relu)
            sm_relu_forward(y, y, r->count * sm_panels_width(d->out));
        sm_laps_forward(&r->laps, d->layer, d->name);
    }
    sm_panels_to_rows(r->logits, r->dense[net->dense_count], r->count, net->classes);
}

static void
forward(struct run *r)
{
    const struct sm_net *net = r->net;
    for (size_t p = 0; p < net->passes_count; p++) {
        place_turn(r, &net->passes[p], r->region);
        forward_pass(r, &net->passes[p]);
    }
    forward_dense(r);
}

/* ---- backward --------------------------------------------------------------------------------
 */

/* The gradient of a turn's z, from that of the value it is a term of. */
static struct sm_images
make_dz(struct run *r, const struct sm_net_conv *c, size_t first, size_t count)
{
    const struct conv_run *conv = &r->conv[c->index];
    const struct value_run *into = &r->value[c->into->index];
    const struct sm_images dz = part(r, conv->dz, first, count);
    const struct sm_images e = part(r, into->e, first, count);
    const size_t step = step_of(r, c), at = first * step;
    if (c->norm != NULL) {
        const struct sm_term terms[2] = {
            {e, conv->dy_scale + at, conv->dz_shift + at, step},
            {part(r, conv->z, first, count), conv->z_scale + at, NULL, step}};
        sm_join_forward(dz, terms, 2, false);
    } else if (c->into->pool == SM_POOL_MAX) {
        sm_max_pool_backward(dz, e, into->which + first * e.height * e.width * e.channels);
    } else {
        sm_join_forward(dz, &(struct sm_term){.x = e}, 1, false);
    }
    return dz;
}

/* Adds a turn's sums of e and of e (z - mean) up; those of group norm are complete with each image.
 * r->sums (count, 1 + normalised terms, channels). */
static void
gather_backward(struct run *r, const struct sm_value *v, size_t norms, size_t first, size_t count)
{
    const size_t channels = v->channels;
    size_t norm = 0;
    for (size_t t = 0; t < v->terms_count; t++) {
        const struct sm_net_conv *c = v->terms[t];
        struct conv_run *conv = &r->conv[c->index];
        norm += c->norm != NULL;
        for (size_t i = 0; i < count; i++) {
            const float *level = r->sums + i * (1 + norms) * channels;
            const float *tilt = level + norm * channels;
            for (size_t k = 0; k < channels; k++) {
                conv->sums[k] = (r->by_image && c->norm ? 0 : conv->sums[k]) + (double)level[k];
                if (c->norm != NULL)
                    conv->sums[channels + k] =
                        (r->by_image ? 0 : conv->sums[channels + k]) + (double)tilt[k];
            }
            if (c->norm == NULL || !r->by_image)
                continue;
            const size_t at = (first + i) * channels;
            const struct sm_sets sets = sets_of(r, c);
            sm_norm_backward(conv->dy_scale + at, conv->z_scale + at, conv->dz_shift + at,
                             conv->gradients, conv->gradients + channels, conv->sums,
                             conv->mean + at, conv->variance + at, r->x + c->gamma, &sets);
        }
    }
}

/* e of the value, complete but for its shortcut's part, becomes the gradient of its terms. */
static void
join_step(struct run *r, const struct sm_value *v, struct sm_images e, struct sm_images y,
          size_t first, size_t count)
{
    struct sm_images other = {0}, z[2];
    const float *mean[2] = {NULL, NULL};
    const size_t step = step_of(r, v->terms[0]);
    size_t norms = 0;
    if (v->branch != NULL)
        other = part(r, r->value[v->branch->index].e, first, count);
    for (size_t t = 0; t < v->terms_count; t++) {
        const struct conv_run *conv = &r->conv[v->terms[t]->index];
        if (v->terms[t]->norm == NULL)
            continue;
        z[norms] = part(r, conv->z, first, count);
        mean[norms++] = conv->mean + first * step;
    }
    sm_join_backward(e, r->sums, other, y, v->relu, z, mean, step, norms);
    gather_backward(r, v, norms, first, count);
}

/* From dz: the gradient of c's weights, and of y = c->from, to which e is set or added. */
static void
convolve_back(struct run *r, const struct sm_net_conv *c, struct sm_images e, struct sm_images dz,
              struct sm_images y, const struct sm_ahead *ahead, bool add)
{
    const struct conv_run *conv = &r->conv[c->index];
    const bool data = c->from->index > 0;
    if (conv->u != NULL) {
        sm_winograd_backward_weights(conv->du, dz, y, r->room, ahead);
        if (data)
            sm_winograd(e, dz, conv->u, NULL, add, r->room, NULL);
    } else {
        sm_conv_backward_weights(r->g + c->weight, dz, y, &c->shape, ahead);
        if (data)
            sm_conv_backward_data(e, dz, conv->turned, &c->shape, add, NULL);
    }
}

static void
backward_step(struct run *r, const struct sm_value *v, size_t first, size_t count)
{
    struct value_run *value = &r->value[v->index];
    const struct sm_images y =
        v->kept ? part(r, value->y, first, count) : make_value(r, v, first, count);
    const struct sm_images e = part(r, value->e, first, count);
    struct sm_ahead ahead = {.count = 0};
    for (const struct sm_net_conv *c = v->convs; c != NULL; c = c->sibling) {
        fetch_next(&ahead, r, r->value[c->into->index].e, first, count);
        fetch_next(&ahead, r, r->conv[c->index].z, first, count);
    }
    fetch_next(&ahead, r, value->y, first, count);
    for (size_t t = 0; t < v->terms_count; t++)
        fetch_next(&ahead, r, r->conv[v->terms[t]->index].z, first, count);
    fetch_next(&ahead, r, value->e, first, count);
    if (v->branch != NULL)
        fetch_next(&ahead, r, r->value[v->branch->index].e, first, count);
    sm_laps_backward(&r->laps, v->layer, v->name);
    for (const struct sm_net_conv *c = v->convs; c != NULL; c = c->sibling) {
        const struct sm_images dz = make_dz(r, c, first, count);
        sm_laps_backward(&r->laps, c->into->layer, c->into->name);
        const bool head = c == v->convs;
        convolve_back(r, c, e, dz, y, head ? &ahead : NULL, !head);
        sm_laps_backward(&r->laps, c->layer, c->name);
    }
    if (v->index == 0)
        return;
    if (v->pool == SM_POOL_AVERAGE)
        sm_average_pool_backward(e, r->dfeatures + first * v->channels);
    join_step(r, v, e, y, first, count);
    sm_laps_backward(&r->laps, v->layer, v->name);
}

static void
store_floats(float *to, const double *from, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] = (float)from[i];
}

/* The sums of c's value over the batch are known. */
static void
finish_gradients(struct run *r, const struct sm_net_conv *c)
{
    struct conv_run *conv = &r->conv[c->index];
    const size_t channels = c->shape.out;
    if (c->biased)
        store_floats(r->g + c->bias, conv->sums, channels);
    if (c->norm == NULL)
        return;
    const struct sm_sets sets = sets_of(r, c);
    if (!r->by_image)
        sm_norm_backward(conv->dy_scale, conv->z_scale, conv->dz_shift, conv->gradients,
                         conv->gradients + channels, conv->sums, conv->mean, conv->variance,
                         r->x + c->gamma, &sets);
    store_floats(r->g + c->gamma, conv->gradients, channels);
    store_floats(r->g + c->beta, conv->gradients + channels, channels);
}

/* Before the first turn: weights as the gradient of the data wants them. */
static void
begin_gradients(struct run *r, const struct sm_net_conv *c)
{
    const struct conv_run *conv = &r->conv[c->index];
    const size_t in = c->shape.in, out = c->shape.out;
    if (conv->u != NULL)
        memset(conv->du, 0, 16 * in * out * sizeof *conv->du);
    if (c->from->index > 0)
        sm_conv_turn(conv->turned, r->x + c->weight, &c->shape);
    if (c->from->index > 0 && conv->u != NULL)
        sm_winograd_weights(conv->u, conv->turned, out, in);
}

static void
backward_pass(struct run *r, const struct sm_net_pass *pass)
{
    struct sm_value *const *values = r->net->values;
    for (size_t i = pass->first; i < pass->end; i++) {
        for (size_t t = 0; t < values[i]->terms_count; t++)
            memset(r->conv[values[i]->terms[t]->index].sums, 0,
                   2 * values[i]->channels * sizeof(double));
        for (const struct sm_net_conv *c = values[i]->convs; c != NULL; c = c->sibling) {
            begin_gradients(r, c);
            sm_laps_backward(&r->laps, c->layer, c->name);
        }
    }
    const size_t turn = turn_of(r, pass);
    for (size_t first = 0; first < r->count; first += turn)
        for (size_t i = pass->end; i-- > pass->first;)
            backward_step(r, values[i], first, count_of(r, turn, first));
    for (size_t i = pass->first; i < pass->end; i++) {
        for (const struct sm_net_conv *c = values[i]->convs; c != NULL; c = c->sibling) {
            const struct conv_run *conv = &r->conv[c->index];
            if (conv->u != NULL)
                sm_winograd_add_weights(r->g + c->weight, conv->du, c->shape.in, c->shape.out);
            sm_laps_backward(&r->laps, c->layer, c->name);
        }
        for (size_t t = 0; t < values[i]->terms_count; t++)
            finish_gradients(r, values[i]->terms[t]);
    }
}

static void
backward_dense(struct run *r)
{
    const struct sm_net *net = r->net;
    sm_rows_to_panels(r->ddense[net->dense_count], r->logits, r->count, net->classes);
    for (size_t i = net->dense_count; i-- > 0;) {
        const struct sm_net_dense *d = &net->dense[i];
        float *dy = r->ddense[i + 1];
        if (d->relu)
            sm_relu_backward(dy, dy, r->dense[i + 1], r->count * sm_panels_width(d->out));
        sm_dense_backward(r->ddense[i], r->g + d->weight, r->g + d->bias, dy, r->dense[i],
                          r->x + d->weight, r->count, d->in, d->out);
        sm_laps_backward(&r->laps, d->layer, d->name);
    }
    sm_panels_to_rows(r->dfeatures, r->ddense[0], r->count, net->dense[0].in);
}

static void
backward(struct run *r)
{
    const struct sm_net *net = r->net;
    for (const struct sm_net_conv *c = net->first_conv; c != NULL; c = c->next)
        memset(r->g + c->weight, 0, weights_of(c) * sizeof *r->g);
    backward_dense(r);
    for (size_t p = net->passes_count; p-- > 0;) {
        place_turn(r, &net->passes[p], r->region);
        backward_pass(r, &net->passes[p]);
    }
}

enum sm_status
sm_net_gradient(const void *state, const struct sm_batch *batch, const float *x, float *statistics,
                float *g, double *loss, struct sm_arena *scratch)
{
    const struct sm_net *net = *(struct sm_net *const *)state;
    struct run r = {.net = net,
                    .x = x,
                    .statistics = statistics,
                    .g = g,
                    .count = batch->count,
                    .inputs = batch->inputs,
                    .by_image = net->groups > 0};
    sm_laps_start(&r.laps, batch->times);
    SM_TRY(allocate(&r, scratch));
    forward(&r);
    *loss = sm_softmax_loss(r.logits, r.logits, batch->labels, batch->count, net->classes);
    backward(&r);
    return SM_OK;
}

/* Batch norm by the running statistics. */
static void
take_statistics(struct run *r, const float *statistics)
{
    for (const struct sm_net_conv *c = r->net->first_conv; c != NULL; c = c->next) {
        if (c->norm == NULL || r->by_image)
            continue;
        struct conv_run *conv = &r->conv[c->index];
        memcpy(conv->mean, statistics + c->mean, c->shape.out * sizeof *conv->mean);
        memcpy(conv->variance, statistics + c->variance, c->shape.out * sizeof *conv->variance);
        find_coefficients(r, c, 0);
    }
}

/* A few images at a time: what a gradient keeps of its batch would be much for a whole slice. */
enum sm_status
sm_net_evaluate(const void *state, const struct sm_batch *batch, const float *x,
                const float *statistics, struct sm_metrics *metrics, struct sm_arena *scratch)
{
    const struct sm_net *net = *(struct sm_net *const *)state;
    const struct sm_value *input = net->values[0];
    const size_t pixels = input->height * input->width * input->channels;
    struct run r = {.net = net, .x = x, .by_image = net->groups > 0};
    *metrics = (struct sm_metrics){.count = batch->count, .classifies = true};
    for (size_t first = 0, count; first < batch->count; first += count) {
        count = batch->count - first < EVALUATED ? batch->count - first : EVALUATED;
        if (count != r.count) {
            r.count = count;
            SM_TRY(allocate(&r, scratch));
            take_statistics(&r, statistics);
        }
        r.inputs = batch->inputs + first * pixels;
        forward(&r);
        size_t correct;
        metrics->loss +=
            sm_softmax_evaluate(&correct, r.logits, batch->labels + first, count, net->classes);
        metrics->correct += (double)correct;
    }
    return SM_OK;
}
