/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/partitions/dirichlet.c -- each worker's mix of classes is drawn from a Dirichlet
 * distribution.
 *
 * Its mean is the mix of all samples: class c has the parameter alpha x classes x (share of c),
 * that is alpha for classes of equal size. Parts are of equal size here, so the mixes cannot all
 * come true: workers take turns to draw a class from their mix, and one of its samples; a class
 * that is used up leaves the mixes, and who has no other takes of what is left.
 */
#include "workloads/datasets/dataset.h"

struct dirichlet {
    double alpha;
};

static const struct sm_param dirichlet_params[] = {
    SM_PARAM(struct dirichlet, alpha, 0.5, 0.01, 1e6,
             "concentration: small for few classes a worker, large for the mix of all"),
    SM_PARAM_END,
};

/* The samples by class, in random order, while they are given away. */
struct pool {
    uint32_t *sample; /* (count) sorted by class               */
    size_t begin[SM_MOST_CLASSES + 1], left[SM_MOST_CLASSES], classes;
};

/* mix (classes) is proportional to a draw from the Dirichlet distribution. */
static void
mix_draw(const struct pool *pool, double alpha, size_t count, struct sm_rng *rng, double *mix)
{
    for (size_t c = 0; c < pool->classes; c++) {
        const double share = (double)pool->left[c] / (double)count;
        mix[c] = share > 0 ? sm_rng_gamma(rng, alpha * (double)pool->classes * share) : 0;
    }
}

/* A class that has samples left: from the mix, or by what is left when the mix has none of it. */
static size_t
class_draw(const struct pool *pool, const double *mix, struct sm_rng *rng)
{
    double weight[SM_MOST_CLASSES], sum = 0;
    for (size_t c = 0; c < pool->classes; c++)
        sum += weight[c] = pool->left[c] > 0 ? mix[c] : 0;
    if (sum <= 0)
        for (size_t c = 0; c < pool->classes; c++)
            sum += weight[c] = (double)pool->left[c];
    double rest = sm_rng_uniform(rng) * sum;
    size_t class = 0;
    for (size_t c = 0; c < pool->classes && rest >= 0; c++)
        if (weight[c] > 0) {
            class = c;
            rest -= weight[c];
        }
    return class;
}

static void
give_away(struct pool *pool, const double *mix, size_t count, size_t workers, struct sm_rng *rng,
          uint32_t *order)
{
    for (size_t turn = 0; turn * workers < count + workers; turn++)
        for (size_t worker = 0; worker < workers; worker++) {
            const size_t to = worker * count / workers + turn;
            if (to >= (worker + 1) * count / workers)
                continue;
            const size_t class = class_draw(pool, mix + worker * pool->classes, rng);
            order[to] = pool->sample[pool->begin[class] + --pool->left[class]];
        }
}

static enum sm_status
dirichlet_order(const void *state, const struct sm_data *data, size_t count, size_t workers,
                uint64_t seed, uint32_t *order)
{
    const struct dirichlet *s = state;
    SM_TRY(sm_partition_wants_labels("dirichlet", data));
    struct sm_arena arena = {0};
    struct pool pool = {.classes = data->shape.classes};
    struct sm_rng *rng = sm_rng_create(&arena, seed, SM_RNG_PARTITION, 0);
    double *mix = sm_arena_alloc(&arena, workers * pool.classes, sizeof *mix);
    pool.sample = sm_arena_alloc(&arena, count, sizeof *pool.sample);
    const bool ready = rng != NULL && mix != NULL && pool.sample != NULL;
    if (ready) {
        sm_partition_sort(data, count, pool.sample, pool.begin);
        for (size_t c = 0; c < pool.classes; c++) {
            pool.left[c] = pool.begin[c + 1] - pool.begin[c];
            sm_rng_shuffle(rng, pool.sample + pool.begin[c], pool.left[c]);
        }
        for (size_t worker = 0; worker < workers; worker++)
            mix_draw(&pool, s->alpha, count, rng, mix + worker * pool.classes);
        give_away(&pool, mix, count, workers, rng, order);
    }
    sm_arena_fini(&arena);
    return ready ? SM_OK : SM_FAIL(SM_ERR_NOMEM, "dirichlet: no memory for %zu samples", count);
}

const struct sm_partition sm_partition_dirichlet = {
    .about =
        {
            .name = "dirichlet",
            .doc = "parts of equal size, each with a random mix of classes",
            .source = "Hsu, Qi, Brown, 2019, arXiv:1909.06335, section 3.1",
            .state_size = sizeof(struct dirichlet),
            .params = dirichlet_params,
        },
    .order = dirichlet_order,
};
