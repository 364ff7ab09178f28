/* SPDX-License-Identifier: GPL-3.0-or-later */
/* algorithms/compression/randomk.c -- k numbers at random places, the same on all ranks.
 *
 * All ranks draw the places from one stream, so no index travels and the k values are all-reduced.
 * Values are not scaled by n/k: what is left behind comes with the next vector. Source: Stich et
 * al., NeurIPS 2018, arXiv:1809.07599, Alg. 1 (rand_k); the draw: Bentley and Floyd, CACM 30(9),
 * 1987 (Robert Floyd's sample).
 */
#include "algorithms/compression/compression.h"

#include <string.h>

#include "sim/base/rng.h"

enum { WORD = 64 };

struct randomk {
    double ratio; /* settings */
    bool feedback;
    size_t k;
    double wire_scale; /* of the door */
    struct sm_rng *rng;
    uint64_t *chosen; /* (n) bits */
};

static const struct sm_param randomk_params[] = {
    SM_PARAM(struct randomk, ratio, 0.01, 1e-9, 1,
             "share of the numbers that is sent, at least one"),
    SM_PARAM_BOOL(struct randomk, feedback, true, "add what was not sent to the next vector"),
    SM_PARAM_END,
};

static enum sm_status
randomk_init(void *state, const struct sm_setup *setup)
{
    struct randomk *s = state;
    s->k = (size_t)sm_compression_share(s->ratio, (double)setup->n);
    s->wire_scale = setup->comm->wire_scale;
    s->rng = sm_rng_create(setup->arena, setup->comm->seed, SM_RNG_COMPRESSION, 0);
    s->chosen = sm_arena_alloc(setup->arena, (setup->n + WORD - 1) / WORD, sizeof *s->chosen);
    return s->rng != NULL && s->chosen != NULL
               ? SM_OK
               : SM_FAIL(SM_ERR_NOMEM, "randomk: a mark for each of n=%zu floats", setup->n);
}

static bool
randomk_feeds_back(const void *state)
{
    return ((const struct randomk *)state)->feedback;
}

static bool
randomk_has(const struct randomk *s, size_t i)
{
    return s->chosen[i / WORD] >> i % WORD & 1u;
}

/* Marks k of n places, each set of k as likely as any other. O(k), and O(n / 64) to forget the last
 * ones. */
static void
randomk_choose(struct randomk *s, size_t n)
{
    memset(s->chosen, 0, (n + WORD - 1) / WORD * sizeof *s->chosen);
    for (size_t last = n - s->k; last < n; last++) {
        size_t i = sm_rng_below(s->rng, last + 1);
        if (randomk_has(s, i))
            i = last; /* cannot be there yet */
        s->chosen[i / WORD] |= (uint64_t)1 << i % WORD;
    }
}

static void
randomk_encode(void *state, size_t n, float *x)
{
    struct randomk *s = state;
    if (s->k >= n)
        return;
    randomk_choose(s, n);
    for (size_t i = 0; i < n; i++)
        x[i] = randomk_has(s, i) ? x[i] : 0.0f;
}

static double
randomk_wire(const void *state, size_t n, size_t size)
{
    (void)size;
    const struct randomk *s = state;
    return sm_compression_share(s->ratio, sm_compression_numbers(s->wire_scale, n)) / s->wire_scale;
}

const struct sm_compression sm_compression_randomk = {
    .about = {.name = "randomk",
              .doc = "k numbers at random places, drawn anew each time, the same on all ranks",
              .source = "Stich et al., NeurIPS 2018, arXiv:1809.07599, Alg. 1 (rand_k)",
              .state_size = sizeof(struct randomk),
              .params = randomk_params},
    .init = randomk_init,
    .feeds_back = randomk_feeds_back,
    .encode = randomk_encode,
    .wire = randomk_wire,
};
