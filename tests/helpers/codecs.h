/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/helpers/codecs.h -- compressions from the text of their settings, alone and among ranks. */
#ifndef SM_TESTS_HELPERS_CODECS_H
#define SM_TESTS_HELPERS_CODECS_H

#include "algorithms/compression/compression.h"
#include "tests/helpers/machine.h"

/* A codec from YAML such as "{name: topk, ratio: 0.1}" for n floats, of the rank that comm belongs
 * to, without layers. Owned by arena. */
enum sm_status codec_make(struct sm_arena *arena, struct sm_codec *codec, const char *yaml,
                          size_t n, struct sm_comm *comm);

/* Means over `ranks` of vectors that go through codecs, `rounds` times, on the thread engine. */
struct session {
    const char *yaml;
    size_t n, ranks, rounds;
    const struct sm_matrix *matrices; /* (matrix_count) */
    size_t matrix_count;
    const float *inputs; /* (rounds, ranks, n) */
    double beside;       /* floats that travel along */
};

/* (rounds, ranks, n) what came back to each, and behind that (rounds, ranks, n) what each has left
 * of it; checks that all ranks get the same. Owned by arena. report: NULL is fine. */
float *session_run(struct sm_arena *arena, const struct session *session,
                   struct machine_report *report);

#endif
