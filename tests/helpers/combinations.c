/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/helpers/combinations.c -- see combinations.h. */
#include "tests/helpers/combinations.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "algorithms/buffer/buffer.h"
#include "algorithms/compression/compression.h"
#include "algorithms/inner/inner.h"
#include "algorithms/outer/outer.h"
#include "algorithms/period/period.h"
#include "algorithms/strategy/strategy.h"
#include "sim/run/rules.h"
#include "tests/helpers/check.h"
#include "tests/helpers/training.h"

enum { WORKERS = 4, MOST_VALUES = 32 };

/* The last one is left at its first value where only fixed rounds are asked for. */
static const struct sm_axis *const axes[COMBINATION_AXES] = {
    &sm_axis_inner,  &sm_axis_strategy,    &sm_axis_outer,
    &sm_axis_buffer, &sm_axis_compression, &sm_axis_period,
};
static const char *const keys[COMBINATION_AXES] = {"inner",  "strategy",    "outer",
                                                   "buffer", "compression", "tau"};

/* Settings for a problem that is smaller than what defaults are made for. */
static const struct {
    const char *name, *settings;
} fitting[] = {
    {"sgd", "lr: 0.01, momentum: 0.9, nesterov: yes"},
    {"adam", "lr: 0.02"},
    {"adamw", "lr: 0.02, weight_decay: 0.01"},
    {"lamb", "lr: 0.01"},
    {"muon", "lr: 0.02"},
    {"diloco", "eta: 0.5, mu: 0.5"},
    {"streaming_diloco", "eta: 0.5, mu: 0.5"},
    {"fixed", "tau: 4"},
    {"post_local", "tau: 4"},
    {"adacomm", "tau: 4"},
    {"topk", "ratio: 0.2"},
    {"randomk", "ratio: 0.2"},
    {"powersgd", "rank: 2"},
};
/* Plug-ins that other settings make another algorithm of. */
static const struct {
    const struct sm_axis *axis;
    const char *yaml;
} variants[] = {
    {&sm_axis_strategy, "{name: sgp, topology: ring, peers: 2}"},
    {&sm_axis_outer, "{name: slowmo, average: no, beta: 0.6}"},
};

/* *yaml = value i of the axis; false behind the last. */
static bool
value_at(size_t axis, size_t i, char yaml[COMBINATION_TEXT])
{
    const struct sm_plugin *const *plugin = axes[axis]->plugins;
    for (; *plugin != NULL; plugin++, i--) {
        if (i > 0)
            continue;
        const char *settings = "";
        for (size_t f = 0; f < sizeof fitting / sizeof *fitting; f++)
            if (strcmp(fitting[f].name, (*plugin)->name) == 0)
                settings = fitting[f].settings;
        snprintf(yaml, COMBINATION_TEXT, "{name: %s%s%s}", (*plugin)->name,
                 *settings != '\0' ? ", " : "", settings);
        return true;
    }
    for (size_t v = 0; v < sizeof variants / sizeof *variants; v++)
        if (variants[v].axis == axes[axis] && i-- == 0) {
            snprintf(yaml, COMBINATION_TEXT, "%s", variants[v].yaml);
            return true;
        }
    return false;
}

size_t
combination_values(size_t axis)
{
    char yaml[COMBINATION_TEXT];
    size_t count = 0;
    while (axis < COMBINATION_AXES && value_at(axis, count, yaml))
        count++;
    return count;
}

void
combination_print(const struct combination *combination, char text[COMBINATION_TEXT])
{
    size_t used = 0;
    for (size_t a = 0; a < COMBINATION_AXES; a++) {
        char yaml[COMBINATION_TEXT];
        if (!value_at(a, combination->value[a], yaml))
            fail_msg("axis %s has no value %d", axes[a]->name, combination->value[a]);
        used += (size_t)snprintf(text + used, COMBINATION_TEXT - used, "%s%s: %s",
                                 a > 0 ? ", " : "{", keys[a], yaml);
    }
    snprintf(text + used, COMBINATION_TEXT - used, "}");
}

/* Whether the rules let it pass without a warning: what a warning is about changes nothing, so the
 * combination is another one's twin, or learns nothing. */
static bool
allowed(const struct combination *combination)
{
    char text[COMBINATION_TEXT], whole[COMBINATION_TEXT + 32];
    struct sm_arena arena = {0};
    struct sm_node *root;
    struct sm_experiment experiment;
    size_t warnings;
    combination_print(combination, text);
    snprintf(whole, sizeof whole, "algorithm: %s", text);
    const char *warning;
    check_ok(sm_tree_parse(&arena, "combination", whole, &root));
    check_ok(sm_experiment_bind(&arena, root, &experiment));
    bool passes =
        sm_rules_check(&experiment, WORKERS, &warning, 1, &warnings) == SM_OK && warnings == 0;
    sm_arena_fini(&arena);
    return passes;
}

size_t
combinations_allowed(bool periods, struct combination **list)
{
    size_t count = 0, capacity = 1, values[COMBINATION_AXES];
    for (size_t a = 0; a < COMBINATION_AXES; a++) {
        values[a] = combination_values(a);
        if (axes[a] == &sm_axis_period && !periods)
            values[a] = 1;
        capacity *= values[a];
    }
    *list = malloc(capacity * sizeof **list);
    assert_non_null(*list);
    for (size_t i = 0; i < capacity; i++) {
        struct combination combination;
        size_t rest = i;
        for (size_t a = 0; a < COMBINATION_AXES; a++) {
            combination.value[a] = (unsigned char)(rest % values[a]);
            rest /= values[a];
        }
        if (allowed(&combination))
            (*list)[count++] = combination;
    }
    return count;
}

/* covered[a][b][x][y]: value x of axis a has met value y of axis b. */
typedef bool pairs[COMBINATION_AXES][COMBINATION_AXES][MOST_VALUES][MOST_VALUES];

static size_t
new_pairs(const struct combination *combination, pairs covered, bool mark)
{
    size_t count = 0;
    for (size_t a = 0; a < COMBINATION_AXES; a++)
        for (size_t b = a + 1; b < COMBINATION_AXES; b++) {
            bool *pair = &covered[a][b][combination->value[a]][combination->value[b]];
            count += !*pair;
            *pair = *pair || mark;
        }
    return count;
}

size_t
combinations_cover(struct combination *list, size_t count)
{
    static pairs covered;
    memset(covered, 0, sizeof covered);
    for (size_t chosen = 0; chosen < count; chosen++) {
        size_t best = chosen, most = 0;
        for (size_t i = chosen; i < count; i++) {
            const size_t fresh = new_pairs(&list[i], covered, false);
            if (fresh > most) {
                most = fresh;
                best = i;
            }
        }
        if (most == 0)
            return chosen;
        new_pairs(&list[best], covered, true);
        const struct combination swap = list[chosen];
        list[chosen] = list[best];
        list[best] = swap;
    }
    return count;
}

static struct training *
run(const char *algorithm, const struct training_how *how)
{
    return training_run(
        how,
        "{steps: 26, evaluate: {every: 13}, platform: {file: star_6, workers: %d}, workload: "
        "{model:"
        " softmax, batch: 8, dataset: {name: synthetic, classes: 4, features: 16, train: 240,"
        " test: 60}}, algorithm: %s}",
        WORKERS, algorithm);
}

static bool
learned(const struct training *training)
{
    return training->status == SM_OK && strcmp(training->state, "finished") == 0 &&
           training->evaluation_count > 1 && isfinite(training_last(training)->train_loss) &&
           training_last(training)->test_loss < training->evaluations[0].test_loss;
}

static bool
follows_clock(const struct combination *combination)
{
    struct sm_arena arena = {0};
    struct sm_node *node;
    struct sm_choice choice;
    char yaml[COMBINATION_TEXT];
    value_at(1, combination->value[1], yaml);
    check_ok(sm_tree_parse(&arena, "strategy", yaml, &node));
    check_ok(sm_choice_bind(&sm_axis_strategy, node, NULL, &arena, &choice));
    bool follows = sm_strategy_is(&choice, SM_FOLLOWS_CLOCK);
    sm_arena_fini(&arena);
    return follows;
}

bool
combination_holds(const struct combination *combination)
{
    char text[COMBINATION_TEXT];
    combination_print(combination, text);
    struct training *one = run(text, &(struct training_how){.threads = 1});
    struct training *four = run(text, &(struct training_how){.threads = 4});
    struct training *other = run(text, &(struct training_how){.engine = &sm_engine_thread});
    const bool same = follows_clock(combination) || strcmp(one->hash, other->hash) == 0;
    const bool holds = learned(one) && learned(four) && learned(other) && same &&
                       strcmp(one->hash, four->hash) == 0;
    if (!holds) {
        const struct training *all[] = {one, four, other};
        print_error("%s\n", text);
        for (size_t i = 0; i < 3; i++)
            print_error("  %s: %s, loss %g -> %g, hash %s%s%s\n",
                        (const char *[]){"simgrid, 1 thread", "4 threads", "no clock"}[i],
                        all[i]->state, all[i]->evaluations[0].test_loss,
                        all[i]->evaluation_count > 0 ? training_last(all[i])->test_loss : NAN,
                        all[i]->hash, *all[i]->error.message != '\0' ? ", " : "",
                        all[i]->error.message);
    }
    free(one);
    free(four);
    free(other);
    return holds;
}
