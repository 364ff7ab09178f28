/* SPDX-License-Identifier: GPL-3.0-or-later */
/* analysis/variants.c -- see variants.h. */
#include "analysis/variants.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/analysis.h"
#include "sim/base/text.h"
#include "sim/base/tree.h"

const char *const sm_measure_names[SM_MEASURES] = {"BLEU", "perplexity", "accuracy", "loss"};

static const double level = 0.95; /* of the interval of a gain */

/* ---- which runs belong together ---- */

static const char *
text_or(const char *text, const char *instead)
{
    return text != NULL ? text : instead;
}

/* The name without " seed=3", when 3 is the seed. */
static const char *
name_without_seed(const struct sm_summary *summary, struct sm_arena *arena)
{
    static const char part[] = " seed=";
    const char *name = text_or(summary->name, "-");
    for (const char *at = name; (at = strstr(at, part)) != NULL; at++) {
        const char *digits = at + strlen(part);
        char *end;
        const double seed = strtod(digits, &end);
        if (end != digits && (*end == '\0' || *end == ' ') && seed == summary->seed)
            return sm_arena_printf(arena, "%.*s%s", (int)(at - name), name, end);
    }
    return sm_arena_strdup(arena, name);
}

/* Continues the hash with the lines of `text` but for two, numbered from 1. */
static uint64_t
hash_lines(const char *text, size_t but, size_t and_but, uint64_t hash)
{
    for (size_t line = 1; *text != '\0'; line++) {
        const size_t length = strcspn(text, "\n");
        if (line != but && line != and_but)
            hash = sm_hash(text, length, hash);
        text += length + (text[length] == '\n');
    }
    return hash;
}

static uint64_t
hash_text(const char *text, uint64_t hash)
{
    return text != NULL ? sm_hash(text, strlen(text), hash) : sm_hash("", 0, ~hash);
}

static const char *
scalar(const struct sm_node *map, const char *key)
{
    const struct sm_node *node = sm_tree_get(map, key);
    return node != NULL && node->kind == SM_NODE_SCALAR ? node->text : "";
}

/* The variant that `run` alone would be; scratch is reset. */
static enum sm_status
identify(const struct sm_stored_run *run, struct sm_arena *arena, struct sm_arena *scratch,
         struct sm_variant *variant)
{
    const struct sm_summary *summary = &run->summary;
    const char *text = text_or(summary->experiment, "");
    char where[32];
    struct sm_node *root;
    sm_arena_reset(scratch);
    snprintf(where, sizeof where, "run %lld", (long long)run->run);
    SM_TRY(sm_tree_parse(scratch, where, text, &root));
    const struct sm_node *name = sm_tree_get(root, "name"), *seed = sm_tree_get(root, "seed");
    const struct sm_node *evaluate = sm_tree_get(root, "evaluate");
    const char *against = scalar(evaluate, "against");
    const double target = strtod(scalar(evaluate, "target"), NULL);

    *variant = (struct sm_variant){.experiment = text, .target = target > 0 ? target : (double)NAN};
    variant->name = name_without_seed(summary, arena);
    if (variant->name == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for the runs");
    if (*against != '\0' && (variant->against = sm_arena_strdup(arena, against)) == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for the runs");
    /* timing only has the same text, and no data */
    const double numbers[] = {summary->workers, summary->parameters, summary->hashes.data != NULL};
    uint64_t key =
        hash_lines(text, name != NULL ? name->key_line : 0, seed != NULL ? seed->key_line : 0, 0);
    key = hash_text(variant->name, key);
    key = hash_text(summary->version, key);
    key = hash_text(summary->network_model, key);
    key = hash_text(summary->hashes.platform, key);
    variant->key = sm_hash(numbers, sizeof numbers, key);
    return SM_OK;
}

static bool
has_ended(const struct sm_stored_run *run)
{
    return sm_run_finished(run) || strcmp(text_or(run->summary.status, ""), "diverged") == 0;
}

static void
add_run(struct sm_variant *variant, const struct sm_stored_run *run)
{
    for (size_t i = 0; i < variant->count; i++)
        if (variant->runs[i]->summary.seed == run->summary.seed) {
            if (has_ended(run) || !has_ended(variant->runs[i]))
                variant->runs[i] = run;
            return;
        }
    variant->runs[variant->count++] = run;
}

/* ---- what they say together ---- */

enum { STEP_SECONDS = SM_MEASURES + 1, TARGET_SECONDS, TARGET_STEPS };

/* One of the measures or of the seconds; NaN when the run did not finish. */
static double
value_of(const struct sm_stored_run *run, int what, double target)
{
    double steps;
    if (!sm_run_finished(run))
        return (double)NAN;
    switch (what) {
    case SM_MEASURE_BLEU:
        return run->summary.final.test_bleu;
    case SM_MEASURE_PERPLEXITY:
        return run->summary.final.test_perplexity;
    case SM_MEASURE_ACCURACY:
        return run->summary.final.test_accuracy;
    case SM_MEASURE_LOSS:
        return run->summary.final.test_loss;
    case STEP_SECONDS:
        return run->summary.sim.seconds_per_step;
    case TARGET_SECONDS:
        return sm_time_to_accuracy(run->evaluations, run->evaluation_count, target, NULL);
    case TARGET_STEPS:
        sm_time_to_accuracy(run->evaluations, run->evaluation_count, target, &steps);
        return steps;
    default:
        return (double)NAN;
    }
}

/* values: room for one a run. */
static struct sm_sample
sample_of(const struct sm_variant *variant, int what, double *values)
{
    for (size_t i = 0; i < variant->count; i++)
        values[i] = value_of(variant->runs[i], what, variant->target);
    return sm_sample_take(values, variant->count);
}

static void
summarize(struct sm_variant *variant, double *values)
{
    for (size_t i = 0; i < variant->count; i++)
        variant->finished += sm_run_finished(variant->runs[i]);
    variant->measure = SM_MEASURES;
    for (int m = SM_MEASURES; m-- > 0;) {
        variant->final[m] = sample_of(variant, m, values);
        if (variant->final[m].count > 0)
            variant->measure = (enum sm_measure)m;
    }
    variant->step_seconds = sample_of(variant, STEP_SECONDS, values);
    variant->target_seconds = sample_of(variant, TARGET_SECONDS, values);
    variant->target_steps = sample_of(variant, TARGET_STEPS, values);
}

/* ---- what they gain ---- */

static size_t
common_lines(const char *a, const char *b)
{
    size_t common = 0;
    while (*a != '\0' && *b != '\0') {
        const size_t length = strcspn(a, "\n"), other = strcspn(b, "\n");
        common += length == other && memcmp(a, b, length) == 0;
        a += length + (a[length] == '\n');
        b += other + (b[other] == '\n');
    }
    return common;
}

const struct sm_variant *
sm_variant_nearest(const struct sm_variant *variants, size_t count,
                   const struct sm_variant *variant,
                   bool (*suits)(const struct sm_variant *candidate,
                                 const struct sm_variant *variant))
{
    const struct sm_variant *nearest = NULL;
    size_t most = 0;
    for (size_t v = 0; v < count; v++) {
        if (!suits(&variants[v], variant))
            continue;
        const size_t common = common_lines(variants[v].experiment, variant->experiment);
        if (nearest == NULL || common >= most) {
            nearest = &variants[v];
            most = common;
        }
    }
    return nearest;
}

static bool
is_against(const struct sm_variant *candidate, const struct sm_variant *variant)
{
    return strcmp(candidate->name, variant->against) == 0;
}

static const struct sm_variant *
find_base(const struct sm_variant *variants, size_t count, const struct sm_variant *variant)
{
    if (variant->against == NULL || strcmp(variant->against, variant->name) == 0)
        return NULL; /* `against` of the whole file is the base's too */
    return sm_variant_nearest(variants, count, variant, is_against);
}

/* NaN when there is no finished run of this seed; the variant may be NULL. */
static double
final_at_seed(const struct sm_variant *variant, double seed, enum sm_measure measure)
{
    for (size_t i = 0; variant != NULL && i < variant->count; i++)
        if (variant->runs[i]->summary.seed == seed)
            return value_of(variant->runs[i], measure, (double)NAN);
    return (double)NAN;
}

static void
compare(struct sm_variant *variant, const struct sm_variant *base, double *values)
{
    variant->base = base;
    for (size_t i = 0; i < variant->count; i++)
        values[i] = value_of(variant->runs[i], variant->measure, (double)NAN) -
                    final_at_seed(base, variant->runs[i]->summary.seed, variant->measure);
    variant->gain = sm_sample_take(values, variant->count);
    variant->gain_half = sm_sample_half_interval(&variant->gain, level);
}

/* ---- all of it ---- */

/* of[i] = which variant the i-th run belongs to. */
static enum sm_status
sort_runs(const struct sm_stored_run *runs, size_t count, struct sm_arena *arena,
          struct sm_arena *scratch, struct sm_variant *variants, size_t *of, size_t *variant_count)
{
    *variant_count = 0;
    for (size_t i = 0; i < count; i++) {
        struct sm_variant variant;
        SM_TRY(identify(&runs[i], arena, scratch, &variant));
        size_t v = 0;
        while (v < *variant_count && variants[v].key != variant.key)
            v++;
        if (v == *variant_count)
            variants[(*variant_count)++] = variant;
        variants[v].count++;
        of[i] = v;
    }
    return SM_OK;
}

enum sm_status
sm_variants_find(const struct sm_stored_run *runs, size_t count, double target,
                 struct sm_arena *arena, struct sm_variant **variants, size_t *variant_count)
{
    struct sm_arena scratch = {0};
    struct sm_variant *all = sm_arena_zalloc(arena, count, sizeof *all);
    size_t *of = sm_arena_alloc(arena, count, sizeof *of);
    double *values = sm_arena_alloc(arena, count, sizeof *values);
    if (all == NULL || of == NULL || values == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for %zu runs", count);
    enum sm_status status = sort_runs(runs, count, arena, &scratch, all, of, variant_count);
    sm_arena_fini(&scratch);
    SM_TRY(status);
    for (size_t v = 0; v < *variant_count; v++) {
        all[v].runs = sm_arena_alloc(arena, all[v].count, sizeof *all[v].runs);
        if (all[v].runs == NULL)
            return SM_FAIL(SM_ERR_NOMEM, "no memory for %zu runs", count);
        all[v].count = 0;
        if (!isnan(target))
            all[v].target = target;
    }
    for (size_t i = 0; i < count; i++)
        add_run(&all[of[i]], &runs[i]);
    for (size_t v = 0; v < *variant_count; v++)
        summarize(&all[v], values);
    for (size_t v = 0; v < *variant_count; v++)
        compare(&all[v], find_base(all, *variant_count, &all[v]), values);
    *variants = all;
    return SM_OK;
}
