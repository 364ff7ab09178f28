/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/base/rng.h -- random streams: one per (seed, purpose, rank), never shared.
 *
 * Because no two users draw from one stream, the order in which ranks run changes no number.
 * The generator is GSL's mt19937, seeded with a hash of the three.
 */
#ifndef SM_BASE_RNG_H
#define SM_BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

#include "sim/base/arena.h"

enum sm_rng_purpose {
    SM_RNG_INITIAL_MODEL = 1,
    SM_RNG_PARTITION,
    SM_RNG_SHUFFLE,
    SM_RNG_NOISE,
    SM_RNG_SYNTHETIC_DATA,
    SM_RNG_TOPOLOGY,
    SM_RNG_STRAGGLER,
    SM_RNG_AUGMENTATION,
    SM_RNG_DROPOUT,
    SM_RNG_TEST,
    SM_RNG_HELD_OUT,
    SM_RNG_COMPRESSION,
    SM_RNG_TRAFFIC,
    SM_RNG_SEARCH,
    SM_RNG_BOOTSTRAP,
};

struct sm_rng;

/* A new stream, owned by arena; NULL when memory is out. */
struct sm_rng *sm_rng_create(struct sm_arena *arena, uint64_t seed, enum sm_rng_purpose purpose,
                             uint64_t rank);
/* Starts an existing stream again from (seed, purpose, rank): no memory needed. */
void sm_rng_restart(struct sm_rng *rng, uint64_t seed, enum sm_rng_purpose purpose, uint64_t rank);

double sm_rng_uniform(struct sm_rng *rng);              /* [0, 1)                          */
size_t sm_rng_below(struct sm_rng *rng, size_t bound);  /* 0 .. bound-1; bound in 1..2^32-1 */
double sm_rng_normal(struct sm_rng *rng, double sigma); /* mean 0                          */
double sm_rng_gamma(struct sm_rng *rng, double shape);  /* scale 1, shape > 0              */
/* Fisher-Yates on x (n). */
void sm_rng_shuffle(struct sm_rng *rng, uint32_t *x, size_t n);

#endif
