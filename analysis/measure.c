/* SPDX-License-Identifier: GPL-3.0-or-later */
/* analysis/measure.c -- see measure.h. */
#include "analysis/measure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/analysis.h"
#include "sim/base/text.h"

/* ---- measures ---- */

static double
accuracy(const struct sm_stored_run *run, double target)
{
    (void)target;
    return run->summary.final.test_accuracy;
}

static double
loss(const struct sm_stored_run *run, double target)
{
    (void)target;
    return run->summary.final.test_loss;
}

static double
perplexity(const struct sm_stored_run *run, double target)
{
    (void)target;
    return run->summary.final.test_perplexity;
}

static double
bleu(const struct sm_stored_run *run, double target)
{
    (void)target;
    return run->summary.final.test_bleu;
}

static double
seconds_to_target(const struct sm_stored_run *run, double target)
{
    return sm_time_to_accuracy(run->evaluations, run->evaluation_count, target, NULL);
}

static double
steps_to_target(const struct sm_stored_run *run, double target)
{
    double step;
    sm_time_to_accuracy(run->evaluations, run->evaluation_count, target, &step);
    return step;
}

static double
seconds_per_step(const struct sm_stored_run *run, double target)
{
    (void)target;
    return run->summary.sim.seconds_per_step;
}

static double
seconds(const struct sm_stored_run *run, double target)
{
    (void)target;
    return run->summary.sim.seconds;
}

const struct sm_run_measure sm_run_measures[] = {
    {"accuracy", "final test accuracy, 0 .. 1", true, accuracy},
    {"loss", "final test loss", false, loss},
    {"perplexity", "final test perplexity", false, perplexity},
    {"bleu", "final BLEU, 0 .. 100", true, bleu},
    {"seconds_to_target", "simulated seconds to the target accuracy", false, seconds_to_target},
    {"steps_to_target", "steps to the target accuracy", false, steps_to_target},
    {"seconds_per_step", "simulated seconds a step", false, seconds_per_step},
    {"seconds", "simulated seconds of the whole run", false, seconds},
    {.name = NULL},
};

enum sm_status
sm_run_measure_find(const char *name, const struct sm_run_measure **measure)
{
    const char *names[sizeof sm_run_measures / sizeof *sm_run_measures] = {NULL};
    char known[256], near[SM_TEXT_SUGGESTION];
    for (size_t i = 0; sm_run_measures[i].name != NULL; i++) {
        names[i] = sm_run_measures[i].name;
        if (strcmp(name, names[i]) == 0) {
            *measure = &sm_run_measures[i];
            return SM_OK;
        }
    }
    return SM_FAIL(SM_ERR_NAME, "unknown measure '%s'%s; known: %s", name,
                   sm_text_suggest(near, name, names), sm_text_join(known, sizeof known, names));
}

static const struct sm_run_measure *
measure_named(const char *name)
{
    const struct sm_run_measure *measure = sm_run_measures;
    while (strcmp(measure->name, name) != 0)
        measure++;
    return measure;
}

const struct sm_run_measure *
sm_run_measure_default(const struct sm_variant *variants, size_t count, double target)
{
    static const char *const names[SM_MEASURES] = {"bleu", "perplexity", "accuracy", "loss"};
    if (!isnan(target))
        return measure_named("seconds_to_target");
    for (size_t v = 0; v < count; v++)
        if (variants[v].measure != SM_MEASURES)
            return measure_named(names[variants[v].measure]);
    return measure_named("seconds_per_step");
}

double
sm_variant_mean(const struct sm_variant *variant, const struct sm_run_measure *measure)
{
    double sum = 0;
    for (size_t i = 0; i < variant->count; i++)
        if (sm_run_finished(variant->runs[i]))
            sum += measure->of(variant->runs[i], variant->target); /* NaN stays */
    return variant->finished > 0 ? sum / (double)variant->finished : (double)NAN;
}

/* ---- settings ---- */

/* The value that a node stands for: {name: fixed, tau: 12} of algorithm.tau is 12, {name: ring} is
 * ring. */
static const struct sm_node *
scalar_of(const struct sm_node *node)
{
    if (node == NULL || node->kind == SM_NODE_SCALAR)
        return node;
    const struct sm_node *child = node->key != NULL ? sm_tree_get(node, node->key) : NULL;
    if (child == NULL)
        child = sm_tree_get(node, "name");
    return child != NULL && child->kind == SM_NODE_SCALAR ? child : NULL;
}

/* Continues the hash with all below `node` but what is in `without`. */
static uint64_t
hash_tree(const struct sm_node *node, const struct sm_node *const *without, size_t count,
          uint64_t hash)
{
    for (size_t i = 0; i < count; i++)
        if (node == without[i])
            return hash;
    if (node->key != NULL)
        hash = sm_hash(node->key, strlen(node->key) + 1, hash);
    if (node->kind == SM_NODE_SCALAR)
        return sm_hash(node->text, strlen(node->text) + 1, hash);
    SM_NODE_EACH (child, node)
        hash = hash_tree(child, without, count, hash);
    return sm_hash("}", 1, hash);
}

/* Drops " LABEL=VALUE" from a name, LABEL an end of the dotted key: sweeps add it. */
static void
drop_label(char *name, const char *key)
{
    for (const char *label = key; label != NULL; label = strchr(label, '.')) {
        label += *label == '.';
        const size_t length = strlen(label);
        for (char *at = name; (at = strchr(at, ' ')) != NULL; at++)
            if (strncmp(at + 1, label, length) == 0 && at[1 + length] == '=') {
                const char *end = at + 1 + strcspn(at + 1, " ");
                memmove(at, end, strlen(end) + 1);
                return;
            }
    }
}

enum sm_status
sm_facet_take(struct sm_arena *arena, const struct sm_variant *variant, const char *const keys[2],
              struct sm_facet *facet)
{
    const struct sm_node *without[5] = {NULL};
    struct sm_node *root;
    char *name = sm_arena_strdup(arena, variant->name);
    if (name == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for the settings of %s", variant->name);
    SM_TRY(sm_tree_parse(arena, variant->name, variant->experiment, &root));
    *facet = (struct sm_facet){.variant = variant, .name = name};
    for (size_t k = 0; k < 2; k++) {
        if (keys[k] == NULL)
            continue;
        without[k] = scalar_of(sm_tree_find(arena, root, keys[k]));
        facet->values[k] = without[k] != NULL ? without[k]->text : NULL;
        drop_label(name, keys[k]);
    }
    without[2] = sm_tree_get(root, "name");
    without[3] = sm_tree_get(root, "seed");
    without[4] = sm_tree_get(sm_tree_get(root, "evaluate"), "against");
    facet->rest = sm_hash(name, strlen(name), 0);
    if (root != NULL)
        facet->rest = hash_tree(root, without, 5, facet->rest);
    return SM_OK;
}

bool
sm_value_number(const char *text, double *number, enum sm_unit *unit)
{
    static const enum sm_unit units[] = {SM_UNIT_NONE, SM_UNIT_BANDWIDTH, SM_UNIT_SECONDS,
                                         SM_UNIT_BYTES, SM_UNIT_SPEED};
    text += text[0] == 'x'; /* a factor on what the platform says */
    for (size_t u = 0; u < sizeof units / sizeof *units; u++)
        if (sm_unit_parse(units[u], text, number)) {
            *unit = units[u];
            return true;
        }
    return false;
}
