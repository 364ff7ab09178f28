/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/base/rng.c -- GSL generators whose memory is ours. */
#include "sim/base/rng.h"

#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>

#include "sim/base/text.h"

struct sm_rng {
    gsl_rng gsl;
};

struct sm_rng *
sm_rng_create(struct sm_arena *arena, uint64_t seed, enum sm_rng_purpose purpose, uint64_t rank)
{
    struct sm_rng *rng = sm_arena_alloc(arena, 1, sizeof *rng);
    void *state = sm_arena_zalloc(arena, 1, gsl_rng_mt19937->size);
    if (rng == NULL || state == NULL)
        return NULL;
    rng->gsl = (gsl_rng){.type = gsl_rng_mt19937, .state = state};
    sm_rng_restart(rng, seed, purpose, rank);
    return rng;
}

void
sm_rng_restart(struct sm_rng *rng, uint64_t seed, enum sm_rng_purpose purpose, uint64_t rank)
{
    const uint64_t key[3] = {seed, (uint64_t)purpose, rank};
    uint64_t hash = sm_hash(key, sizeof key, 0);
    gsl_rng_set(&rng->gsl, (hash >> 32 ^ hash) & 0xffffffffu); /* mt19937 takes 32 bits */
}

double
sm_rng_uniform(struct sm_rng *rng)
{
    return gsl_rng_uniform(&rng->gsl);
}

size_t
sm_rng_below(struct sm_rng *rng, size_t bound)
{
    return gsl_rng_uniform_int(&rng->gsl, bound);
}

double
sm_rng_normal(struct sm_rng *rng, double sigma)
{
    return gsl_ran_gaussian_ziggurat(&rng->gsl, sigma);
}

double
sm_rng_gamma(struct sm_rng *rng, double shape)
{
    return gsl_ran_gamma(&rng->gsl, shape, 1);
}

void
sm_rng_shuffle(struct sm_rng *rng, uint32_t *x, size_t n)
{
    for (size_t i = n; i > 1; i--) {
        size_t j = sm_rng_below(rng, i);
        uint32_t swap = x[i - 1];
        x[i - 1] = x[j];
        x[j] = swap;
    }
}
