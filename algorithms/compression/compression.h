/* SPDX-License-Identifier: GPL-3.0-or-later */
/* algorithms/compression/compression.h -- the compression axis: fewer bytes for what travels.
 *
 * Numbers are not packed for real: a vector becomes what its receivers would decode, and its weight
 * on the wire what the packed form would have. What is lost on the way a codec can keep and add to
 * the next vector (error feedback), so that nothing is lost for good:  sent + residual = input.
 *
 * What is compressed: gradients as they are; models as the change since all workers last agreed
 * (the start of the round); a share of gossip as it is, and its sender keeps what did not get
 * through, so that the sum over the workers stays what it was.
 */
#ifndef SM_ALGORITHMS_COMPRESSION_COMPRESSION_H
#define SM_ALGORITHMS_COMPRESSION_COMPRESSION_H

#include <stdbool.h>

#include "algorithms/setup.h"

struct sm_compression {
    struct sm_plugin about;
    bool of_models; /* rounds each number a little, so a whole model may be sent so       */
    bool votes;     /* only signs come back: a direction to step along, not a difference  */
    bool by_matrix; /* what it weighs follows from the model's layers                      */

    /* OPTIONAL. Takes what it needs from the arena, for vectors of setup->n floats. */
    enum sm_status (*init)(void *state, const struct sm_setup *setup);
    /* OPTIONAL. Whether what is lost is to be added to the next vector; without: no. */
    bool (*feeds_back)(const void *state);
    /* OPTIONAL, works. x (n) becomes what its receivers decode. Without: it travels as it is. */
    void (*encode)(void *state, size_t n, float *x);
    /* OPTIONAL, works. x (n), the mean of all that was encoded, becomes what comes back to all. */
    void (*decode)(void *state, size_t n, float *x);
    /* OPTIONAL. Floats that n encoded ones weigh in one message (size = 1), or in an all-reduce of
     * `size` ranks as far as a ring all-reduce of that many floats would. Without: n. */
    double (*wire)(const void *state, size_t n, size_t size);
    /* OPTIONAL, talks. x (n) becomes the compressed mean over all ranks by a protocol of its own,
     * in place of encode, all-reduce and decode; `beside` floats travel along. residual (n; NULL
     * without feedback) becomes what of this rank's x did not get through. */
    enum sm_status (*average)(void *state, struct sm_comm *comm, size_t n, float *x,
                              float *residual, double beside);
};

#define SM_COMPRESSION_LIST(X)                                                                     \
    X(none) X(fp16) X(bf16) X(int8) X(topk) X(randomk) X(signsgd) X(powersgd)

#define X(id) extern const struct sm_compression sm_compression_##id;
SM_COMPRESSION_LIST(X)
#undef X

extern const struct sm_axis sm_axis_compression;

/* For `wire`. Numbers that n floats stand for where a float weighs wire_scale: a small model may
 * pass for a large one, and timing-only runs have one float in place of all. >= 1. */
double sm_compression_numbers(double wire_scale, size_t n);
/* How many of so many numbers the share `ratio` is: a whole number, >= 1. */
double sm_compression_share(double ratio, double numbers);

/* One stream of vectors of n floats that are compressed one after another; in a state. */
struct sm_codec {
    const struct sm_compression *compression;
    void *state;
    size_t n, size;
    float *residual; /* (n) what was lost so far; NULL without error feedback      */
    float *x;        /* (n) of the job under way                                   */
};

/* A codec of setup->compression for vectors of setup->n floats. */
enum sm_status sm_codec_init(struct sm_codec *codec, const struct sm_setup *setup);
/* False when vectors travel as they are, so that callers may spare themselves a pass. */
bool sm_codec_active(const struct sm_codec *codec);

/* Works: x (n) becomes what the receivers of a message decode; what is lost goes into the residual.
 */
void sm_codec_encode(struct sm_codec *codec, float *x);
/* Works: x (n), the mean of what several ranks encoded, becomes what comes back to them. */
void sm_codec_decode(struct sm_codec *codec, float *x);
/* Floats that an encoded message weighs. */
double sm_codec_wire(const struct sm_codec *codec);
/* Floats that n encoded ones weigh in an all-reduce. */
double sm_codec_average_wire(const struct sm_codec *codec, size_t n);

/* Talks: x (n) becomes the mean over all ranks of what they encoded; `beside` floats travel along
 * (running statistics). The arithmetic is done by jobs that take no time on the clock. */
enum sm_status sm_codec_average(struct sm_codec *codec, struct sm_comm *comm, float *x,
                                double beside);
/* The same in two halves; x belongs to the engine until the request was waited for, finish after
 * that. SM_ERR_INPUT for a compression with a protocol of its own, which knows no halves. */
enum sm_status sm_codec_begin_average(struct sm_codec *codec, struct sm_comm *comm, float *x,
                                      double beside, struct sm_request **request);
void sm_codec_finish_average(struct sm_codec *codec, float *x);

#endif
