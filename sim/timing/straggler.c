/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/timing/straggler.c -- see straggler.h. */
#include "sim/timing/straggler.h"

#include <math.h>
#include <string.h>

#include "sim/base/text.h"

const struct sm_param sm_straggler_params[] = {
    SM_PARAM_CHOICE(struct sm_straggler_settings, scope, "worker", "worker|device",
                    "what a factor is drawn for; device: a worker waits for its slowest"),
    SM_PARAM_NUMBERS(struct sm_straggler_settings, slow_workers, "[]", 0, 1e9,
                     "ranks that are slow for good"),
    SM_PARAM_NUMBERS(struct sm_straggler_settings, slow_factor, "2", 1e-3, 1e6,
                     "times as long a step of theirs: of all, or a list with one each"),
    SM_PARAM(struct sm_straggler_settings, slow_fraction, 0, 0, 1,
             "share of the workers, chosen by the seed, that is slow, instead of slow_workers"),
    SM_PARAM_END,
};

static const struct sm_plugin *const plugins[] = {
#define X(id) &sm_straggler_##id.about,
    SM_STRAGGLER_LIST(X)
#undef X
        NULL,
};

const struct sm_axis sm_axis_straggler = {
    .name = "straggler",
    .key = "timing.straggler",
    .doc = "how the compute time of a step varies",
    .initial = "constant",
    .selector = "distribution",
    .plugins = plugins,
};

static const struct sm_straggler *
straggler_of(const struct sm_straggler_settings *settings)
{
    return (const struct sm_straggler *)settings->distribution.plugin;
}

enum sm_status
sm_straggler_bind(struct sm_arena *arena, const struct sm_node *node,
                  struct sm_straggler_settings *settings)
{
    const char *common[] = {"scope", "slow_workers", "slow_factor", "slow_fraction", NULL};
    SM_TRY(sm_choice_bind(&sm_axis_straggler, node, common, arena, &settings->distribution));
    SM_TRY(sm_param_bind(sm_straggler_params, settings, NULL, NULL, arena));
    for (const struct sm_param *p = sm_straggler_params; p->name != NULL; p++) {
        const struct sm_node *value =
            node != NULL && node->kind == SM_NODE_MAP ? sm_tree_get(node, p->name) : NULL;
        if (value != NULL)
            SM_TRY(sm_param_read(p, settings, value, arena));
    }
    return SM_OK;
}

static void
print_params(const struct sm_param *params, const void *object, FILE *out)
{
    for (; params != NULL && params->name != NULL; params++) {
        fprintf(out, ", %s: ", params->name);
        sm_param_print(params, object, out);
    }
}

void
sm_straggler_print(const struct sm_straggler_settings *settings, FILE *out)
{
    const struct sm_choice *distribution = &settings->distribution;
    fprintf(out, "{distribution: %s", distribution->plugin->name);
    print_params(distribution->plugin->params, distribution->settings, out);
    print_params(sm_straggler_params, settings, out);
    fputc('}', out);
}

bool
sm_straggler_varies(const struct sm_straggler_settings *settings)
{
    const struct sm_straggler *straggler = straggler_of(settings);
    return straggler->varies != NULL && straggler->varies(settings->distribution.settings);
}

struct sm_stragglers {
    const struct sm_straggler *straggler; /* NULL: no distribution varies          */
    const void *state;
    bool by_device;
    const double *slow; /* (workers) factors that stay; NULL: all 1      */
    uint64_t seed;
};

static enum sm_status
no_memory(size_t workers)
{
    return SM_FAIL(SM_ERR_NOMEM, "no memory for the stragglers among %zu workers", workers);
}

static enum sm_status
check_slow(const struct sm_straggler_settings *settings, size_t workers)
{
    const struct sm_numbers *ranks = &settings->slow_workers;
    if (ranks->count > 0 && settings->slow_fraction > 0)
        return SM_FAIL(SM_ERR_INPUT, "timing.straggler: give slow_workers or slow_fraction, not "
                                     "both");
    for (size_t i = 0; i < ranks->count; i++) {
        const double rank = ranks->values[i];
        if (rank != floor(rank) || !(rank < (double)workers))
            return SM_FAIL(SM_ERR_INPUT,
                           "timing.straggler.slow_workers: %g is no rank; expected 0 .. %zu", rank,
                           workers - 1);
        for (size_t j = 0; j < i; j++)
            if (rank == ranks->values[j])
                return SM_FAIL(SM_ERR_INPUT, "timing.straggler.slow_workers: rank %g appears twice",
                               rank);
    }
    const size_t factors = settings->slow_factor.count;
    if (factors != 1 && factors != ranks->count)
        return SM_FAIL(SM_ERR_INPUT,
                       "timing.straggler.slow_factor: %zu factors for %zu slow_workers; expected "
                       "one, or one each",
                       factors, ranks->count);
    return SM_OK;
}

/* The ranks that the seed makes slow are the first of a shuffled list. */
static enum sm_status
slow_by_seed(const struct sm_straggler_settings *settings, size_t workers, uint64_t seed,
             struct sm_arena *arena, double *slow)
{
    struct sm_rng *rng = sm_rng_create(arena, seed, SM_RNG_STRAGGLER, UINT64_MAX);
    uint32_t *ranks = sm_arena_alloc(arena, workers, sizeof *ranks);
    if (rng == NULL || ranks == NULL)
        return no_memory(workers);
    for (size_t r = 0; r < workers; r++)
        ranks[r] = (uint32_t)r;
    sm_rng_shuffle(rng, ranks, workers);
    const size_t count = (size_t)llround(settings->slow_fraction * (double)workers);
    for (size_t i = 0; i < count; i++)
        slow[ranks[i]] = settings->slow_factor.values[0];
    return SM_OK;
}

static enum sm_status
make_slow(const struct sm_straggler_settings *settings, size_t workers, uint64_t seed,
          struct sm_arena *arena, const double **slow)
{
    const struct sm_numbers *ranks = &settings->slow_workers, *factors = &settings->slow_factor;
    *slow = NULL;
    SM_TRY(check_slow(settings, workers));
    if (ranks->count == 0 && !(settings->slow_fraction > 0))
        return SM_OK;
    double *all = sm_arena_alloc(arena, workers, sizeof *all);
    if (all == NULL)
        return no_memory(workers);
    for (size_t r = 0; r < workers; r++)
        all[r] = 1;
    for (size_t i = 0; i < ranks->count; i++)
        all[(size_t)ranks->values[i]] = factors->values[factors->count > 1 ? i : 0];
    *slow = all;
    return settings->slow_fraction > 0 ? slow_by_seed(settings, workers, seed, arena, all) : SM_OK;
}

enum sm_status
sm_stragglers_create(struct sm_arena *arena, const struct sm_straggler_settings *settings,
                     size_t workers, uint64_t seed, struct sm_stragglers **stragglers,
                     uint64_t *hash)
{
    struct sm_stragglers *all = sm_arena_zalloc(arena, 1, sizeof *all);
    void *state = sm_choice_state(&settings->distribution, arena);
    *stragglers = NULL;
    if (all == NULL || state == NULL)
        return no_memory(workers);
    const struct sm_straggler *straggler = straggler_of(settings);
    uint64_t contents = seed;
    if (straggler->open != NULL)
        SM_TRY(straggler->open(state, arena, &contents));
    SM_TRY(make_slow(settings, workers, seed, arena, &all->slow));
    const bool varies = sm_straggler_varies(settings);
    if (!varies && all->slow == NULL)
        return SM_OK;
    all->straggler = varies ? straggler : NULL;
    all->state = state;
    all->by_device = strcmp(settings->scope, "device") == 0;
    all->seed = seed;
    if (varies)
        *hash = sm_hash(&contents, sizeof contents, *hash);
    if (all->slow != NULL)
        *hash = sm_hash(all->slow, workers * sizeof *all->slow, *hash);
    *stragglers = all;
    return SM_OK;
}

double
sm_stragglers_slow(const struct sm_stragglers *stragglers, size_t rank)
{
    return stragglers != NULL && stragglers->slow != NULL ? stragglers->slow[rank] : 1;
}

struct sm_pace {
    const struct sm_stragglers *stragglers;
    struct sm_rng *rng;
    size_t first, units; /* its own among all workers or devices */
    size_t step;         /* the next                             */
    double slow;
};

enum sm_status
sm_pace_create(struct sm_arena *arena, const struct sm_stragglers *stragglers, size_t rank,
               size_t devices, struct sm_pace **pace)
{
    *pace = NULL;
    if (stragglers == NULL)
        return SM_OK;
    const double slow = sm_stragglers_slow(stragglers, rank);
    if (stragglers->straggler == NULL && slow == 1)
        return SM_OK;
    struct sm_pace *own = sm_arena_zalloc(arena, 1, sizeof *own);
    struct sm_rng *rng = sm_rng_create(arena, stragglers->seed, SM_RNG_STRAGGLER, rank);
    if (own == NULL || rng == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for the pace of rank %zu", rank);
    const size_t units = stragglers->by_device ? devices : 1;
    *own = (struct sm_pace){
        .stragglers = stragglers, .rng = rng, .first = rank * units, .units = units, .slow = slow};
    *pace = own;
    return SM_OK;
}

double
sm_pace_next(struct sm_pace *pace)
{
    if (pace == NULL)
        return 1;
    const struct sm_stragglers *stragglers = pace->stragglers;
    if (stragglers->straggler == NULL)
        return pace->slow;
    double slowest = 0;
    for (size_t u = 0; u < pace->units; u++)
        slowest = fmax(slowest, stragglers->straggler->draw(stragglers->state, pace->rng,
                                                            pace->first + u, pace->step));
    pace->step++;
    return pace->slow * slowest;
}
