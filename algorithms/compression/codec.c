/* SPDX-License-Identifier: GPL-3.0-or-later */
/* algorithms/compression/codec.c -- error feedback and averages, the same for every compression.
 *
 * Source of error feedback: Karimireddy et al., ICML 2019, arXiv:1901.09847, Alg. 2.
 */
#include "algorithms/compression/compression.h"

#include <math.h>
#include <string.h>

#include "sim/base/clones.h"
#include "sim/base/vec.h"

double
sm_compression_numbers(double wire_scale, size_t n)
{
    return fmax(1, round((double)n * wire_scale));
}

double
sm_compression_share(double ratio, double numbers)
{
    return fmax(1, round(ratio * numbers));
}

enum sm_status
sm_codec_init(struct sm_codec *codec, const struct sm_setup *setup)
{
    const struct sm_compression *compression =
        (const struct sm_compression *)setup->compression->plugin;
    *codec = (struct sm_codec){.compression = compression,
                               .state = sm_choice_state(setup->compression, setup->arena),
                               .n = setup->n,
                               .size = setup->comm->size};
    if (codec->state == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "%s: no memory for a codec", compression->about.name);
    if (compression->init != NULL)
        SM_TRY(compression->init(codec->state, setup));
    if (compression->feeds_back == NULL || !compression->feeds_back(codec->state))
        return SM_OK;
    codec->residual = sm_arena_zalloc(setup->arena, setup->n, sizeof *codec->residual);
    return codec->residual != NULL ? SM_OK
                                   : SM_FAIL(SM_ERR_NOMEM, "%s: a residual of n=%zu floats",
                                             compression->about.name, setup->n);
}

bool
sm_codec_active(const struct sm_codec *codec)
{
    return codec->compression->encode != NULL || codec->compression->average != NULL;
}

SM_CLONES static void
subtract(size_t n, const float *restrict x, float *restrict residual)
{
    for (size_t i = 0; i < n; i++)
        residual[i] -= x[i];
}

/* x becomes what is to be sent, and so does the residual, from which what got through is taken. */
static void
add_residual(struct sm_codec *codec, float *x)
{
    if (codec->residual == NULL)
        return;
    sm_vec_axpy(codec->n, 1.0f, codec->residual, x);
    memcpy(codec->residual, x, codec->n * sizeof *x);
}

static void
keep_residual(struct sm_codec *codec, const float *x)
{
    if (codec->residual != NULL)
        subtract(codec->n, x, codec->residual);
}

void
sm_codec_encode(struct sm_codec *codec, float *x)
{
    if (codec->compression->encode == NULL || codec->n == 0)
        return;
    add_residual(codec, x);
    codec->compression->encode(codec->state, codec->n, x);
    keep_residual(codec, x);
}

void
sm_codec_decode(struct sm_codec *codec, float *x)
{
    if (codec->compression->decode != NULL && codec->n > 0)
        codec->compression->decode(codec->state, codec->n, x);
}

static double
wire(const struct sm_codec *codec, size_t n, size_t size)
{
    return codec->compression->wire != NULL ? codec->compression->wire(codec->state, n, size)
                                            : (double)n;
}

double
sm_codec_wire(const struct sm_codec *codec)
{
    return wire(codec, codec->n, 1);
}

double
sm_codec_average_wire(const struct sm_codec *codec, size_t n)
{
    return wire(codec, n, codec->size);
}

static enum sm_status
encode_job(void *arg, struct sm_arena *scratch)
{
    (void)scratch;
    struct sm_codec *codec = arg;
    sm_codec_encode(codec, codec->x);
    return SM_OK;
}

static enum sm_status
decode_job(void *arg, struct sm_arena *scratch)
{
    (void)scratch;
    struct sm_codec *codec = arg;
    sm_codec_decode(codec, codec->x);
    return SM_OK;
}

static enum sm_status
add_residual_job(void *arg, struct sm_arena *scratch)
{
    (void)scratch;
    struct sm_codec *codec = arg;
    sm_vec_axpy(codec->n, 1.0f, codec->residual, codec->x);
    return SM_OK;
}

/* x belongs to the job; other ranks' jobs run beside it. */
static enum sm_status
work(struct sm_codec *codec, struct sm_comm *comm,
     enum sm_status (*run)(void *arg, struct sm_arena *scratch), float *x)
{
    codec->x = x;
    return comm->ops->compute(comm, SM_STAGE_UPDATE, 0, 0, &(struct sm_job){run, codec});
}

static enum sm_status
own_average(struct sm_codec *codec, struct sm_comm *comm, float *x, double beside)
{
    if (codec->residual != NULL)
        SM_TRY(work(codec, comm, add_residual_job, x));
    return codec->compression->average(codec->state, comm, codec->n, x, codec->residual, beside);
}

enum sm_status
sm_codec_average(struct sm_codec *codec, struct sm_comm *comm, float *x, double beside)
{
    struct sm_request *request;
    if (codec->compression->average != NULL)
        return own_average(codec, comm, x, beside);
    SM_TRY(sm_codec_begin_average(codec, comm, x, beside, &request));
    SM_TRY(comm->ops->wait(comm, &request));
    return codec->compression->decode != NULL ? work(codec, comm, decode_job, x) : SM_OK;
}

enum sm_status
sm_codec_begin_average(struct sm_codec *codec, struct sm_comm *comm, float *x, double beside,
                       struct sm_request **request)
{
    if (codec->compression->average != NULL)
        return SM_FAIL(SM_ERR_INPUT,
                       "compression %s: it has all-reduces of its own, one after the other, which "
                       "cannot go on in the background; use another compression here",
                       codec->compression->about.name);
    if (codec->compression->encode != NULL)
        SM_TRY(work(codec, comm, encode_job, x));
    return comm->ops->iallreduce(comm, SM_AMONG_WORKERS, x, codec->n,
                                 sm_codec_average_wire(codec, codec->n) + beside, request);
}

void
sm_codec_finish_average(struct sm_codec *codec, float *x)
{
    sm_codec_decode(codec, x);
}
