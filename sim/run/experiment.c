/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/run/experiment.c -- see experiment.h. */
#include "sim/run/experiment.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "algorithms/buffer/buffer.h"
#include "algorithms/compression/compression.h"
#include "algorithms/inner/inner.h"
#include "algorithms/outer/outer.h"
#include "algorithms/period/period.h"
#include "algorithms/schedule/schedule.h"
#include "algorithms/strategy/strategy.h"
#include "sim/collective/collective.h"
#include "sim/platform/platform.h"
#include "sim/run/random_search.h"

enum { MOST_KEYS = 32 };

/* The scalar settings of each section; the fields are those of struct sm_experiment. */
struct top {
    const char *name;
    size_t seed, steps;
    double epochs;
};
static const struct sm_param top_params[] = {
    SM_PARAM_TEXT(struct top, name, "experiment", "name of the run in tables and the store"),
    SM_PARAM(struct top, seed, 1, 0, 9007199254740992., "seed of every random stream"),
    SM_PARAM(struct top, steps, 0, 0, 1e12, "inner steps of each worker; 0: see epochs"),
    SM_PARAM(struct top, epochs, 0, 0, 1e9, "passes over each worker's data, instead of steps"),
    SM_PARAM_END,
};

struct platform {
    const char *file;
    size_t workers;
};
static const struct sm_param platform_params[] = {
    SM_PARAM_TEXT(struct platform, file, "dgx1_32_10gbe",
                  "a SimGrid XML file, a shipped platform, or star_N"),
    SM_PARAM(struct platform, workers, 0, 0, 1e9, "workers, from the front; 0: all there are"),
    SM_PARAM_END,
};

struct batch {
    size_t batch;
};
static const struct sm_param batch_params[] = {
    SM_PARAM(struct batch, batch, 32, 1, 1e9, "samples a worker and step, or all of its part"),
    SM_PARAM_END,
};

struct workload {
    size_t limit;
    bool reshuffle;
};
static const struct sm_param workload_params[] = {
    SM_PARAM(struct workload, limit, 0, 0, 1e12, "keep the first N training samples; 0: all"),
    SM_PARAM_BOOL(struct workload, reshuffle, true,
                  "each epoch in an order of its own, not all in the first one's"),
    SM_PARAM_END,
};

struct algorithm {
    double clip;
};
static const struct sm_param algorithm_params[] = {
    SM_PARAM(struct algorithm, clip, 0, 0, 1e12,
             "Euclidean length that gradients are shortened to before a step; 0: none"),
    SM_PARAM_END,
};

struct evaluate {
    size_t every;
    double target;
};
static const struct sm_param evaluate_params[] = {
    SM_PARAM(struct evaluate, every, 0, 0, 1e12, "steps between evaluations; 0: ten a run"),
    SM_PARAM(struct evaluate, target, 0, 0, 1,
             "test accuracy to time; 0: the highest that every finished run reaches"),
    SM_PARAM_END,
};

struct against {
    const char *against;
};
static const struct sm_param against_params[] = {
    SM_PARAM_TEXT(struct against, against, "",
                  "name of the run to measure this one against, seed by seed; empty: none"),
    SM_PARAM_END,
};

const struct sm_section sm_experiment_sections[] = {
    {"", top_params},
    {"platform", platform_params},
    {"platform.traffic", sm_traffic_params},
    {"workload", workload_params},
    {"workload", batch_params},
    {"timing", sm_timing_params},
    {"timing.transport", sm_transport_params},
    {"timing.scale", sm_scale_params},
    {"timing.straggler", sm_straggler_params},
    {"algorithm", algorithm_params},
    {"evaluate", evaluate_params},
    {"evaluate", against_params},
    {"sweep.random", sm_random_search_params},
    {"sweep.random.KEY", sm_random_range_params},
    {NULL, NULL},
};

static const char *const top_others[] = {"platform", "workload", "timing",  "algorithm",
                                         "evaluate", "sweep",    "compare", NULL};
static const char *const platform_others[] = {"bandwidth", "latency", "speed", "traffic", NULL};
static const char *const timing_others[] = {"scale", "straggler", "transport", NULL};
static const char *const algorithm_others[] = {
    "inner", "schedule", "strategy", "outer", "tau", "buffer", "compression", "collective", NULL};
static const char *const evaluate_others[] = {"against", NULL};

/* A section is a map or absent. */
static enum sm_status
section(const struct sm_node *root, const char *name, const struct sm_node **map)
{
    *map = sm_tree_get(root, name);
    if (*map != NULL && (*map)->kind != SM_NODE_MAP)
        return sm_tree_fail(*map, "expected settings, as `key: value`");
    return SM_OK;
}

/* Settings of the model may stand beside it: {model: quadratic, curvature: 2}. They are moved into
 * the model's own map, so that the model reads (and refuses) them. */
static enum sm_status
gather_model(struct sm_arena *arena, const struct sm_node *map, const struct sm_node **model)
{
    static const char *const own[] = {"model", "dataset", "partition", "batch", "limit", NULL};
    struct sm_choice choice;
    *model = sm_tree_get(map, "model");
    SM_TRY(sm_choice_bind(&sm_axis_model, *model, NULL, arena, &choice));
    struct sm_node *whole = NULL;
    SM_NODE_EACH (child, map) {
        size_t i = 0;
        while (own[i] != NULL && strcmp(own[i], child->key) != 0)
            i++;
        if (own[i] != NULL || sm_param_find(choice.plugin->params, child->key) == NULL)
            continue;
        if (sm_tree_get(*model, child->key) != NULL)
            return sm_tree_fail(child, "given twice, here and in model");
        struct sm_node *root = whole;
        if (root == NULL) {
            root = whole = sm_tree_map(arena, NULL, map);
            struct sm_node *start = *model != NULL ? sm_tree_copy(arena, *model, "model") : NULL;
            if (root == NULL || (*model != NULL && start == NULL))
                return SM_FAIL(SM_ERR_NOMEM, "no memory for the experiment");
            root->parent = (struct sm_node *)map; /* for the path in messages */
            if (start != NULL)
                SM_TRY(sm_tree_set(arena, root, "model", start));
        }
        const char *dotted = sm_arena_printf(arena, "model.%s", child->key);
        if (dotted == NULL)
            return SM_FAIL(SM_ERR_NOMEM, "no memory for the experiment");
        SM_TRY(sm_tree_set(arena, root, dotted, child));
    }
    if (whole != NULL)
        *model = sm_tree_get(whole, "model");
    return SM_OK;
}

static enum sm_status
bind_workload(struct sm_arena *arena, const struct sm_node *map, struct sm_experiment *experiment)
{
    const struct sm_node *model, *batch = sm_tree_get(map, "batch");
    SM_TRY(gather_model(arena, map, &model));
    SM_TRY(sm_choice_bind(&sm_axis_model, model, NULL, arena, &experiment->workload.model));
    SM_TRY(sm_choice_bind(&sm_axis_dataset, sm_tree_get(map, "dataset"), NULL, arena,
                          &experiment->workload.dataset));
    SM_TRY(sm_choice_bind(&sm_axis_partition, sm_tree_get(map, "partition"), NULL, arena,
                          &experiment->workload.partition));
    SM_TRY(sm_choice_bind(&sm_axis_augmentation, sm_tree_get(map, "augmentation"), NULL, arena,
                          &experiment->workload.augmentation));

    const char *others[MOST_KEYS] = {"model", "dataset", "partition", "augmentation", "batch"};
    size_t count = 5;
    const struct sm_param *param = experiment->workload.model.plugin->params;
    for (; param != NULL && param->name != NULL && count + 1 < MOST_KEYS; param++)
        others[count++] = param->name;
    struct workload settings;
    SM_TRY(sm_param_bind(workload_params, &settings, map, others, arena));
    struct batch size = {(size_t)batch_params[0].def};
    if (batch != NULL && batch->kind == SM_NODE_SCALAR && strcmp(batch->text, "all") == 0)
        size.batch = 0;
    else if (batch != NULL)
        SM_TRY(sm_param_read(&batch_params[0], &size, batch, arena));
    experiment->workload.limit = settings.limit;
    experiment->workload.reshuffle = settings.reshuffle;
    experiment->workload.batch = size.batch;
    return SM_OK;
}

static enum sm_status
bind_timing(struct sm_arena *arena, const struct sm_node *map, struct sm_experiment *experiment)
{
    const struct sm_node *scale;
    SM_TRY(section(map, "scale", &scale));
    SM_TRY(sm_param_bind(sm_timing_params, &experiment->timing, map, timing_others, arena));
    SM_TRY(sm_param_bind(sm_scale_params, &experiment->scale, scale, NULL, arena));
    return sm_straggler_bind(arena, sm_tree_get(map, "straggler"), &experiment->straggler);
}

/* A number alone is the tau of the default period. */
static enum sm_status
bind_period(struct sm_arena *arena, const struct sm_node *node, struct sm_choice *choice)
{
    bool number =
        node != NULL && node->kind == SM_NODE_SCALAR && strchr("+-.0123456789", *node->text);
    SM_TRY(sm_choice_bind(&sm_axis_period, number ? NULL : node, NULL, arena, choice));
    if (!number)
        return SM_OK;
    void *settings = sm_choice_state(choice, arena);
    if (settings == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for the experiment");
    choice->settings = settings;
    return sm_param_read(sm_param_find(choice->plugin->params, "tau"), settings, node, arena);
}

static enum sm_status
bind_algorithm(struct sm_arena *arena, const struct sm_node *map, struct sm_experiment *experiment)
{
    struct algorithm settings;
    SM_TRY(sm_param_bind(algorithm_params, &settings, map, algorithm_others, arena));
    experiment->algorithm.clip = settings.clip;
    SM_TRY(bind_period(arena, sm_tree_get(map, "tau"), &experiment->algorithm.period));
    const struct {
        const struct sm_axis *axis;
        struct sm_choice *choice;
    } axes[] = {
        {&sm_axis_inner, &experiment->algorithm.inner},
        {&sm_axis_schedule, &experiment->algorithm.schedule},
        {&sm_axis_strategy, &experiment->algorithm.strategy},
        {&sm_axis_outer, &experiment->algorithm.outer},
        {&sm_axis_buffer, &experiment->algorithm.buffer},
        {&sm_axis_compression, &experiment->algorithm.compression},
        {&sm_axis_collective, &experiment->algorithm.collective},
    };
    for (size_t i = 0; i < sizeof axes / sizeof *axes; i++)
        SM_TRY(sm_choice_bind(axes[i].axis, sm_tree_get(map, axes[i].axis->name), NULL, arena,
                              axes[i].choice));
    /* a strategy that never communicates by itself is Local SGD unless something else is said */
    const struct sm_node average = {.kind = SM_NODE_SCALAR, .text = sm_outer_average.about.name};
    const struct sm_strategy *strategy =
        (const struct sm_strategy *)experiment->algorithm.strategy.plugin;
    if (sm_tree_get(map, "outer") == NULL && !sm_strategy_communicates(strategy))
        return sm_choice_bind(&sm_axis_outer, &average, NULL, arena, &experiment->algorithm.outer);
    return SM_OK;
}

static enum sm_status
bind_evaluate(struct sm_arena *arena, const struct sm_node *map, struct sm_experiment *experiment)
{
    struct evaluate settings;
    struct against base = {against_params[0].def_text};
    const struct sm_node *against = sm_tree_get(map, "against");
    SM_TRY(sm_param_bind(evaluate_params, &settings, map, evaluate_others, arena));
    if (against != NULL)
        SM_TRY(sm_param_read(&against_params[0], &base, against, arena));
    experiment->evaluate.every = settings.every;
    experiment->evaluate.target = settings.target;
    experiment->evaluate.against = base.against;
    return SM_OK;
}

enum sm_status
sm_experiment_bind(struct sm_arena *arena, const struct sm_node *root,
                   struct sm_experiment *experiment)
{
    const struct sm_node *platform_map, *workload_map, *timing_map, *algorithm_map, *evaluate_map;
    struct top top;
    struct platform platform;
    memset(experiment, 0, sizeof *experiment);
    SM_TRY(sm_param_bind(top_params, &top, root, top_others, arena));
    SM_TRY(section(root, "platform", &platform_map));
    SM_TRY(section(root, "workload", &workload_map));
    SM_TRY(section(root, "timing", &timing_map));
    SM_TRY(section(root, "algorithm", &algorithm_map));
    SM_TRY(section(root, "evaluate", &evaluate_map));
    if (top.steps > 0 && top.epochs > 0)
        return sm_tree_fail(sm_tree_get(root, "epochs"), "give steps or epochs, not both");
    if (top.steps == 0 && !(top.epochs > 0))
        top.steps = 600;
    experiment->name = top.name;
    experiment->seed = top.seed;
    experiment->steps = top.steps;
    experiment->epochs = top.epochs;

    SM_TRY(sm_param_bind(platform_params, &platform, platform_map, platform_others, arena));
    experiment->platform.file = platform.file;
    experiment->platform.workers = platform.workers;
    experiment->platform.node = platform_map;
    SM_TRY(bind_workload(arena, workload_map, experiment));
    SM_TRY(bind_timing(arena, timing_map, experiment));
    SM_TRY(sm_transport_bind(sm_tree_get(timing_map, "transport"), arena, &experiment->transport));
    SM_TRY(bind_algorithm(arena, algorithm_map, experiment));
    return bind_evaluate(arena, evaluate_map, experiment);
}

static void
print_params(const struct sm_param *params, const void *object, FILE *out, const char *separator)
{
    for (; params != NULL && params->name != NULL; params++) {
        fprintf(out, "%s%s: ", separator, params->name);
        sm_param_print(params, object, out);
        separator = ", ";
    }
}

static void
print_choice(const char *name, const struct sm_choice *choice, FILE *out)
{
    fprintf(out, "  %s: ", name);
    sm_choice_print(choice, out);
    fputc('\n', out);
}

/* A node as flow YAML; patterns and names hold characters that need quotes. */
static void
print_node(const struct sm_node *node, FILE *out)
{
    if (node->kind == SM_NODE_SCALAR) {
        sm_tree_quote(node->text, out);
        return;
    }
    fputc(node->kind == SM_NODE_MAP ? '{' : '[', out);
    SM_NODE_EACH (child, node) {
        if (child->key != NULL) {
            sm_tree_quote(child->key, out);
            fputs(": ", out);
        }
        print_node(child, out);
        if (child->next != NULL)
            fputs(", ", out);
    }
    fputc(node->kind == SM_NODE_MAP ? '}' : ']', out);
}

static void
print_platform(const struct sm_experiment *experiment, FILE *out)
{
    const struct platform platform = {experiment->platform.file, experiment->platform.workers};
    fputs("platform: {", out);
    print_params(platform_params, &platform, out, "");
    for (size_t i = 0; platform_others[i] != NULL; i++) {
        const struct sm_node *edit = sm_tree_get(experiment->platform.node, platform_others[i]);
        if (edit == NULL)
            continue;
        fprintf(out, ", %s: ", platform_others[i]);
        print_node(edit, out);
    }
    fputs("}\n", out);
}

void
sm_experiment_print(const struct sm_experiment *experiment, enum sm_experiment_part part, FILE *out)
{
    bool numbers = part != SM_EXPERIMENT_TIMING, seconds = part != SM_EXPERIMENT_TRAJECTORY;
    if (part == SM_EXPERIMENT_ALL) {
        fputs("name: ", out);
        sm_tree_quote(experiment->name, out);
        fputc('\n', out);
    }
    if (experiment->epochs > 0)
        fprintf(out, "epochs: %.17g\n", experiment->epochs);
    else
        fprintf(out, "steps: %zu\n", experiment->steps);
    if (seconds)
        print_platform(experiment, out);
    if (seconds) {
        fputs("timing: {", out);
        print_params(sm_timing_params, &experiment->timing, out, "");
        fputs(", transport: {", out);
        print_params(sm_transport_params, &experiment->transport, out, "");
        fputs("}, scale: {", out);
        print_params(sm_scale_params, &experiment->scale, out, "");
        fputs("}, straggler: ", out);
        sm_straggler_print(&experiment->straggler, out);
        fputs("}\n", out);
    }
    if (numbers) {
        fprintf(out, "seed: %zu\nworkload:\n", experiment->seed);
        print_choice("model", &experiment->workload.model, out);
        print_choice("dataset", &experiment->workload.dataset, out);
        print_choice("partition", &experiment->workload.partition, out);
        print_choice("augmentation", &experiment->workload.augmentation, out);
        if (experiment->workload.batch == 0)
            fputs("  batch: all\n", out);
        else
            fprintf(out, "  batch: %zu\n", experiment->workload.batch);
        fprintf(out, "  limit: %zu\n", experiment->workload.limit);
        fprintf(out, "  reshuffle: %s\n", experiment->workload.reshuffle ? "yes" : "no");
    }
    fputs("algorithm:\n", out);
    /* where buffers are averaged, the inner optimizer decides how many bytes travel */
    if (numbers || experiment->algorithm.buffer.plugin == &sm_buffer_average.about ||
        sm_strategy_is(&experiment->algorithm.strategy, SM_MIXES_BUFFERS))
        print_choice("inner", &experiment->algorithm.inner, out);
    if (numbers)
        print_choice("schedule", &experiment->algorithm.schedule, out);
    print_choice("strategy", &experiment->algorithm.strategy, out);
    print_choice("outer", &experiment->algorithm.outer, out);
    print_choice("buffer", &experiment->algorithm.buffer, out);
    print_choice("tau", &experiment->algorithm.period, out);
    print_choice("compression", &experiment->algorithm.compression, out);
    if (numbers)
        fprintf(out, "  clip: %.17g\n", experiment->algorithm.clip);
    if (seconds)
        print_choice("collective", &experiment->algorithm.collective, out);
    if (numbers) {
        const struct evaluate evaluate = {experiment->evaluate.every, experiment->evaluate.target};
        fputs("evaluate: {", out);
        print_params(evaluate_params, &evaluate, out, "");
        if (part == SM_EXPERIMENT_ALL) /* a name, it decides nothing */
            print_params(against_params, &(struct against){experiment->evaluate.against}, out,
                         ", ");
        fputs("}\n", out);
    }
}

size_t
sm_experiment_tau(const struct sm_experiment *experiment)
{
    const struct sm_choice *period = &experiment->algorithm.period;
    const struct sm_param *tau = sm_param_find(period->plugin->params, "tau");
    return *(const size_t *)((const char *)period->settings + tau->offset);
}
