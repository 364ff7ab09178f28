/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/run/explain.c -- see explain.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "algorithms/outer/outer.h"
#include "algorithms/strategy/strategy.h"
#include "sim/base/text.h"
#include "sim/run/explainer.h"

static const double noise = 1e-9; /* relative; seconds that differ less are the same */
const double sm_explain_factors[2] = {0.9, 1.1};

enum sm_status
sm_explain_no_memory(void)
{
    return SM_FAIL(SM_ERR_NOMEM, "explain: no memory");
}

struct sm_run_options
sm_explain_run_options(const struct sm_explain_options *options)
{
    return (struct sm_run_options){.home = options->home,
                                   .threads = 1,
                                   .timing_only = true,
                                   .no_replay =
                                       true, /* or its billionths would look like changes */
                                   .engine = &sm_engine_simgrid,
                                   .item = 1,
                                   .items = 1,
                                   .interrupted = options->interrupted};
}

double
sm_explain_busier(const struct sm_link_use *link)
{
    return fmax(link->bytes[0], link->bytes[1]);
}

/* Whole rounds, as many as fit; at least one. */
static size_t
choose_steps(const struct sm_experiment *experiment, size_t most)
{
    const struct sm_outer *outer = (const struct sm_outer *)experiment->algorithm.outer.plugin;
    const bool rounds =
        sm_outer_round(outer, experiment->algorithm.outer.settings) != SM_ROUND_NONE;
    const size_t tau = sm_experiment_tau(experiment), all = experiment->steps;
    size_t steps = most > 0 ? most : SM_EXPLAIN_STEPS;
    if (rounds && tau > 0)
        steps = steps > tau ? steps - steps % tau : tau;
    return all > 0 && all < steps ? all : steps;
}

static enum sm_status
prepare(struct sm_explainer *e, const struct sm_node *tree)
{
    struct sm_node *copy = sm_tree_copy(e->arena, tree, NULL);
    if (copy == NULL)
        return sm_explain_no_memory();
    SM_TRY(sm_experiment_bind(e->arena, copy, &e->experiment));
    e->out->steps = choose_steps(&e->experiment, e->options->most_steps);
    e->out->all_steps = e->experiment.steps;
    sm_explain_drop(copy, "epochs");
    SM_TRY(
        sm_explain_set(e->arena, copy, "steps", sm_arena_printf(e->arena, "%zu", e->out->steps)));
    e->tree = copy;
    SM_TRY(sm_experiment_bind(e->arena, copy, &e->experiment));
    const struct sm_run_options options = sm_explain_run_options(e->options);
    SM_TRY(sm_run_check(&e->experiment, &options));
    e->trials = sm_arena_zalloc(e->arena, SM_EXPLAIN_MOST, sizeof *e->trials);
    e->variations = sm_arena_zalloc(e->arena, SM_EXPLAIN_MOST, sizeof *e->variations);
    e->warnings = sm_arena_zalloc(e->arena, SM_EXPLAIN_MOST, sizeof *e->warnings);
    if (e->trials == NULL || e->variations == NULL || e->warnings == NULL)
        return sm_explain_no_memory();
    return sm_platform_load(
        e->arena,
        &(struct sm_platform_request){
            e->experiment.platform.file, e->options->home, e->experiment.platform.workers,
            sm_strategy_servers(&e->experiment.algorithm.strategy), e->experiment.platform.node},
        &e->platform);
}

static int
compare_classes(const void *a, const void *b)
{
    const struct sm_link_class *x = a, *y = b;
    if (x->most != y->most && !isnan(x->most) && !isnan(y->most))
        return x->most > y->most ? -1 : 1;
    if (x->bytes != y->bytes)
        return x->bytes > y->bytes ? -1 : 1;
    return strcmp(x->name, y->name);
}

static enum sm_status
find_classes(struct sm_explainer *e)
{
    struct sm_explanation *out = e->out;
    struct sm_link_class *classes = sm_arena_zalloc(e->arena, out->link_count, sizeof *classes);
    if (classes == NULL)
        return sm_explain_no_memory();
    for (size_t i = 0; i < out->link_count; i++) {
        const struct sm_link_use *link = &out->links[i];
        char name[SM_EXPLAIN_NAME];
        sm_text_class(link->name, name, sizeof name);
        size_t c = 0;
        while (c < out->class_count && strcmp(classes[c].name, name) != 0)
            c++;
        struct sm_link_class *class = &classes[c];
        if (c == out->class_count) {
            out->class_count++;
            *class = (struct sm_link_class){.name = sm_arena_strdup(e->arena, name),
                                            .most = link->utilisation,
                                            .busiest = link->name};
            if (class->name == NULL)
                return sm_explain_no_memory();
        }
        class->links++;
        class->stands |= i < e->platform.link_count && e->platform.links[i].stands;
        class->used += sm_explain_busier(link) > 0;
        class->bytes += link->bytes[0] + link->bytes[1];
        class->mean += link->utilisation;
        if (link->utilisation > class->most) {
            class->most = link->utilisation;
            class->busiest = link->name;
        }
    }
    for (size_t c = 0; c < out->class_count; c++)
        if (classes[c].used > 0)
            classes[c].mean /= (double)classes[c].used;
    qsort(classes, out->class_count, sizeof *classes, compare_classes);
    out->classes = classes;
    return SM_OK;
}

/* ---- what came out ---- */

static bool
same(const struct sm_explainer *e, double seconds)
{
    return fabs(seconds / e->out->seconds_per_step - 1) <= noise;
}

static void
judge(const struct sm_explainer *e, struct sm_variation *v)
{
    const double base = e->out->seconds_per_step;
    const bool less = !isnan(v->seconds[0]), more = !isnan(v->seconds[1]);
    if (v->effect == SM_EFFECT_UNUSED) {
        v->seconds[0] = v->seconds[1] = base;
        return;
    }
    if ((!less || same(e, v->seconds[0])) && (!more || same(e, v->seconds[1])))
        v->effect = SM_EFFECT_HIDDEN;
    else
        v->elasticity =
            log((more ? v->seconds[1] : base) / (less ? v->seconds[0] : base)) /
            log((more ? sm_explain_factors[1] : 1) / (less ? sm_explain_factors[0] : 1));
}

static int
compare_variations(const void *a, const void *b)
{
    const struct sm_variation *x = a, *y = b;
    const double p = fabs(x->elasticity), q = fabs(y->elasticity);
    if (p != q)
        return p > q ? -1 : 1;
    return x->effect != y->effect ? (int)x->effect - (int)y->effect
                                  : strcmp(x->setting, y->setting);
}

static enum sm_status
conclude(struct sm_explainer *e, const struct sm_own_setting *own, size_t own_count)
{
    struct sm_explanation *out = e->out;
    size_t kept = 0;
    for (size_t i = 0; i < out->variation_count; i++) {
        struct sm_variation v = e->variations[i];
        if (v.effect != SM_EFFECT_UNUSED && isnan(v.seconds[0]) && isnan(v.seconds[1]))
            continue; /* not a setting of this platform */
        judge(e, &v);
        e->variations[kept++] = v;
    }
    qsort(e->variations, kept, sizeof *e->variations, compare_variations);
    out->variations = e->variations;
    out->variation_count = kept;
    for (size_t i = 0; i < own_count; i++)
        if (same(e, own[i].seconds)) {
            const char *text =
                sm_arena_printf(e->arena, "%s changes nothing: %s", own[i].setting, own[i].reason);
            if (text == NULL)
                return sm_explain_no_memory();
            e->warnings[out->warning_count++] = text;
        }
    out->warnings = e->warnings;
    return SM_OK;
}

enum sm_status
sm_explain(struct sm_arena *arena, const struct sm_node *tree,
           const struct sm_explain_options *options, struct sm_explanation *explanation)
{
    *explanation = (struct sm_explanation){0};
    struct sm_explainer e = {.arena = arena, .options = options, .out = explanation};
    size_t own_count = 0;
    struct sm_own_setting *own = sm_arena_zalloc(arena, SM_EXPLAIN_MOST, sizeof *own);
    if (own == NULL)
        return sm_explain_no_memory();
    SM_TRY(prepare(&e, tree));
    SM_TRY(sm_explain_run_base(&e));
    SM_TRY(find_classes(&e));
    SM_TRY(sm_explain_vary(&e));
    SM_TRY(sm_explain_try_without(&e, own, &own_count));
    SM_TRY(sm_explain_run_trials(&e));
    return conclude(&e, own, own_count);
}
