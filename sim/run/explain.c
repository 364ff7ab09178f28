/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/run/explain.c -- see explain.h. */
#include "sim/run/explain.h"

#include <errno.h>
#include <fnmatch.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "algorithms/outer/outer.h"
#include "algorithms/strategy/strategy.h"
#include "sim/base/progress.h"
#include "sim/base/text.h"
#include "sim/run/process.h"
#include "sim/run/run.h"

enum {
    LONGEST_NAME = 128,
    MOST_CLASSES = 24,     /* of links that are varied, busiest first                        */
    MOST_HOST_CLASSES = 8, /* of hosts                                                       */
    MOST_JOBS = 64,        /* runs side by side                                              */
    MOST_LISTED = 4096,    /* links that are named one by one where no pattern tells them apart */
    MOST_TRIALS = 1024,
};

static const double factors[2] = {0.9, 1.1};
static const double noise = 1e-9; /* relative; seconds that differ less are the same */

/* A run with something changed; its seconds a step go to *seconds. */
struct trial {
    struct sm_experiment experiment;
    const struct sm_explain_options *options;
    const char *what; /* in messages */
    double *seconds;
};

struct explainer {
    struct sm_arena *arena;
    const struct sm_explain_options *options;
    const struct sm_node *tree; /* of the experiment, with the steps that are run */
    struct sm_experiment experiment;
    struct sm_platform platform;
    struct sm_explanation *out;
    struct trial *trials;
    size_t trial_count;
    struct sm_variation *variations;
    const char **warnings;
};

static enum sm_status
no_memory(void)
{
    return SM_FAIL(SM_ERR_NOMEM, "explain: no memory");
}

static struct sm_run_options
run_options(const struct sm_explain_options *options)
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

/* ---- trees ---- */

/* Takes a child out of its map. */
static void
drop(struct sm_node *map, const char *key)
{
    struct sm_node **link = map != NULL ? &map->first : NULL;
    while (link != NULL && *link != NULL && strcmp((*link)->key, key) != 0)
        link = &(*link)->next;
    if (link != NULL && *link != NULL)
        *link = (*link)->next;
}

static enum sm_status
set(struct sm_arena *arena, struct sm_node *tree, const char *key, const char *value)
{
    if (key == NULL || value == NULL)
        return no_memory();
    return sm_tree_set(arena, tree, key,
                       &(struct sm_node){.kind = SM_NODE_SCALAR, .text = value, .file = "explain"});
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
prepare(struct explainer *e, const struct sm_node *tree)
{
    struct sm_node *copy = sm_tree_copy(e->arena, tree, NULL);
    if (copy == NULL)
        return no_memory();
    SM_TRY(sm_experiment_bind(e->arena, copy, &e->experiment));
    e->out->steps = choose_steps(&e->experiment, e->options->most_steps);
    e->out->all_steps = e->experiment.steps;
    drop(copy, "epochs");
    SM_TRY(set(e->arena, copy, "steps", sm_arena_printf(e->arena, "%zu", e->out->steps)));
    e->tree = copy;
    SM_TRY(sm_experiment_bind(e->arena, copy, &e->experiment));
    const struct sm_run_options options = run_options(e->options);
    SM_TRY(sm_run_check(&e->experiment, &options));
    e->trials = sm_arena_zalloc(e->arena, MOST_TRIALS, sizeof *e->trials);
    e->variations = sm_arena_zalloc(e->arena, MOST_TRIALS, sizeof *e->variations);
    e->warnings = sm_arena_zalloc(e->arena, MOST_TRIALS, sizeof *e->warnings);
    if (e->trials == NULL || e->variations == NULL || e->warnings == NULL)
        return no_memory();
    return sm_platform_load(
        e->arena,
        &(struct sm_platform_request){
            e->experiment.platform.file, e->options->home, e->experiment.platform.workers,
            sm_strategy_servers(&e->experiment.algorithm.strategy), e->experiment.platform.node},
        &e->platform);
}

/* ---- the run as it is ---- */

/* A link on its way out of the child. */
struct link_record {
    struct sm_link_use use;
    char name[LONGEST_NAME];
};

struct base_call {
    const struct sm_experiment *experiment;
    const struct sm_explain_options *options;
    int file; /* takes the lists, one behind the other */
};

struct base_result {
    double seconds_per_step;
    size_t workers, links;
};

static enum sm_status
write_list(int file, const void *list, size_t count, size_t size)
{
    const char *bytes = list;
    for (size_t done = 0; done < count * size;) {
        ssize_t more = write(file, bytes + done, count * size - done);
        if (more <= 0)
            return SM_FAIL(SM_ERR_IO, "explain: cannot keep the results: %s", strerror(errno));
        done += (size_t)more;
    }
    return SM_OK;
}

static enum sm_status
call_base(void *arg, void *result, FILE *terminal)
{
    (void)terminal;
    const struct base_call *call = arg;
    struct base_result *base = result;
    struct sm_arena arena = {0};
    struct sm_run_result run;
    struct sm_run_options options = run_options(call->options);
    options.count_links = true;
    SM_TRY(sm_run(call->experiment, &options, &arena, &run));
    *base = (struct base_result){run.summary.sim.seconds_per_step, run.workers, run.link_count};
    SM_TRY(write_list(call->file, run.spent, run.workers, sizeof *run.spent));
    SM_TRY(write_list(call->file, run.ends, run.workers, sizeof *run.ends));
    for (size_t i = 0; i < run.link_count; i++) {
        struct link_record record = {.use = run.links[i]};
        snprintf(record.name, sizeof record.name, "%s", run.links[i].name);
        SM_TRY(write_list(call->file, &record, 1, sizeof record));
    }
    sm_arena_fini(&arena);
    return SM_OK;
}

static enum sm_status
read_list(struct sm_arena *arena, int file, off_t *at, size_t count, size_t size, void **list)
{
    *list = sm_arena_alloc(arena, count, size);
    if (*list == NULL)
        return no_memory();
    for (size_t done = 0; done < count * size;) {
        ssize_t more = pread(file, (char *)*list + done, count * size - done, *at);
        if (more <= 0)
            return SM_FAIL(SM_ERR_IO, "explain: cannot read the results: %s", strerror(errno));
        done += (size_t)more;
        *at += more;
    }
    return SM_OK;
}

static enum sm_status
read_base(struct explainer *e, int file, const struct base_result *base)
{
    struct sm_explanation *out = e->out;
    void *spent, *ends, *list;
    off_t at = 0;
    SM_TRY(read_list(e->arena, file, &at, base->workers, sizeof *out->spent, &spent));
    SM_TRY(read_list(e->arena, file, &at, base->workers, sizeof *out->ends, &ends));
    SM_TRY(read_list(e->arena, file, &at, base->links, sizeof(struct link_record), &list));
    struct link_record *records = list;
    struct sm_link_use *links = sm_arena_alloc(e->arena, base->links, sizeof *links);
    const char **hosts = sm_arena_alloc(e->arena, base->workers, sizeof *hosts);
    if (links == NULL || hosts == NULL)
        return no_memory();
    for (size_t i = 0; i < base->links; i++) {
        links[i] = records[i].use;
        links[i].name = records[i].name;
    }
    for (size_t r = 0; r < base->workers; r++)
        hosts[r] = e->platform.workers[r].hosts[0];
    out->name = e->experiment.name;
    out->workers = base->workers;
    out->seconds_per_step = base->seconds_per_step;
    out->spent = spent;
    out->ends = ends;
    out->hosts = hosts;
    out->links = links;
    out->link_count = base->links;
    return SM_OK;
}

static enum sm_status
run_base(struct explainer *e)
{
    struct base_result base;
    struct base_call call = {&e->experiment, e->options, memfd_create("explain", MFD_CLOEXEC)};
    if (call.file < 0)
        return SM_FAIL(SM_ERR_IO, "explain: cannot keep the results: %s", strerror(errno));
    enum sm_status status =
        sm_process_call(call_base, &call, &base, sizeof base, e->experiment.platform.file);
    if (status == SM_OK)
        status = read_base(e, call.file, &base);
    close(call.file);
    e->out->runs = 1;
    return status;
}

static double
busier(const struct sm_link_use *link)
{
    return fmax(link->bytes[0], link->bytes[1]);
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
find_classes(struct explainer *e)
{
    struct sm_explanation *out = e->out;
    struct sm_link_class *classes = sm_arena_zalloc(e->arena, out->link_count, sizeof *classes);
    if (classes == NULL)
        return no_memory();
    for (size_t i = 0; i < out->link_count; i++) {
        const struct sm_link_use *link = &out->links[i];
        char name[LONGEST_NAME];
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
                return no_memory();
        }
        class->links++;
        class->stands |= i < e->platform.link_count && e->platform.links[i].stands;
        class->used += busier(link) > 0;
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

/* ---- what is varied ---- */

/* Not a failure of the program: a setting that cannot have this value, or is none here. */
static bool
is_refusal(enum sm_status status)
{
    return status == SM_ERR_INPUT || status == SM_ERR_NAME;
}

/* A run of the tree, if it is one that can be run; else *seconds stays NaN. What only the platform
 * could refuse, the run itself does: loading a large one takes as long as a few steps. */
static enum sm_status
try_tree(struct explainer *e, const struct sm_node *tree, const char *what, double *seconds)
{
    *seconds = (double)NAN;
    if (e->trial_count == MOST_TRIALS)
        return SM_OK;
    struct trial *trial = &e->trials[e->trial_count];
    *trial = (struct trial){.options = e->options, .what = what, .seconds = seconds};
    enum sm_status status = sm_experiment_bind(e->arena, tree, &trial->experiment);
    if (status == SM_OK)
        e->trial_count++;
    return is_refusal(status) ? SM_OK : status;
}

static struct sm_variation *
new_variation(struct explainer *e, const char *setting, enum sm_effect effect)
{
    if (e->out->variation_count == MOST_TRIALS)
        return NULL;
    struct sm_variation *v = &e->variations[e->out->variation_count++];
    *v =
        (struct sm_variation){.setting = setting, .less = "x0.9", .more = "x1.1", .effect = effect};
    v->seconds[0] = v->seconds[1] = (double)NAN;
    return v;
}

/* Names that a variation takes together: those of one class among all of their kind. */
struct names {
    const char *section; /* bandwidth, latency or speed */
    const char *class;
    const char *const *all; /* (count) */
    size_t count;
};

/* A key under platform.SECTION that nobody has used: more stars mean the same, and edits apply in
 * the order written. NULL: no memory, or a name that no quotes can hold. */
static const char *
free_key(struct explainer *e, const char *section, const char *pattern)
{
    const struct sm_node *map = sm_tree_get(sm_tree_get(e->tree, "platform"), section);
    if (strchr(pattern, '"') != NULL)
        return NULL;
    while (pattern != NULL && sm_tree_get(map, pattern) != NULL) {
        const char *star = strchr(pattern, '*');
        pattern = star != NULL
                      ? sm_arena_printf(e->arena, "%.*s*%s", (int)(star - pattern), pattern, star)
                      : sm_arena_printf(e->arena, "%s*", pattern);
    }
    return pattern != NULL ? sm_arena_printf(e->arena, "platform.%s.\"%s\"", section, pattern)
                           : NULL;
}

static bool
is_of_class(const char *name, const char *class)
{
    char own[LONGEST_NAME];
    return strcmp(sm_text_class(name, own, sizeof own), class) == 0;
}

/* Whether the class's pattern matches nothing else. */
static bool
pattern_is_exact(const struct names *names)
{
    for (size_t i = 0; i < names->count; i++)
        if (fnmatch(names->class, names->all[i], 0) == 0 &&
            !is_of_class(names->all[i], names->class))
            return false;
    return true;
}

/* The factor on every name of the class: one pattern, or each by its name where that would catch
 * others too. */
static enum sm_status
scale_names(struct explainer *e, const struct names *names, const char *factor,
            struct sm_node *tree)
{
    const char *key = free_key(e, names->section, names->class);
    if (key != NULL && (pattern_is_exact(names) || names->count > MOST_LISTED))
        return set(e->arena, tree, key, factor);
    for (size_t i = 0; i < names->count; i++)
        if (is_of_class(names->all[i], names->class) &&
            (key = free_key(e, names->section, names->all[i])) != NULL)
            SM_TRY(set(e->arena, tree, key, factor));
    return SM_OK;
}

static enum sm_status
vary_names(struct explainer *e, const struct names *names, bool used)
{
    const char *setting =
        sm_arena_printf(e->arena, "platform.%s.\"%s\"", names->section, names->class);
    struct sm_variation *v = new_variation(e, setting, used ? SM_EFFECT_SOME : SM_EFFECT_UNUSED);
    for (size_t i = 0; v != NULL && used && i < 2; i++) {
        struct sm_node *tree = sm_tree_copy(e->arena, e->tree, NULL);
        if (tree == NULL || setting == NULL)
            return no_memory();
        SM_TRY(scale_names(e, names, i == 0 ? v->less : v->more, tree));
        SM_TRY(try_tree(e, tree, setting, &v->seconds[i]));
    }
    return SM_OK;
}

/* Whether messages cross links that the platform does not list, which some zone made. */
static bool
made_is_used(const struct explainer *e)
{
    bool used = false;
    for (size_t i = e->platform.link_count; i < e->out->link_count; i++)
        used = used || busier(&e->out->links[i]) > 0;
    return used;
}

/* A class of links that some zone made has no setting of its own. */
static bool
is_listed(const struct names *names)
{
    size_t i = 0;
    while (i < names->count && !is_of_class(names->all[i], names->class))
        i++;
    return i < names->count;
}

static enum sm_status
vary_links(struct explainer *e)
{
    const char **all = sm_arena_alloc(e->arena, e->platform.link_count, sizeof *all);
    if (all == NULL)
        return no_memory();
    for (size_t i = 0; i < e->platform.link_count; i++)
        all[i] = e->platform.links[i].name;
    for (size_t c = 0; c < e->out->class_count; c++) {
        const struct sm_link_class *class = &e->out->classes[c];
        const bool used = class->used > 0 || (class->stands && made_is_used(e));
        struct names names = {"bandwidth", class->name, all, e->platform.link_count};
        if ((used && c >= MOST_CLASSES) || !is_listed(&names))
            continue;
        SM_TRY(vary_names(e, &names, used));
        names.section = "latency";
        SM_TRY(vary_names(e, &names, used));
    }
    return SM_OK;
}

static enum sm_status
vary_hosts(struct explainer *e)
{
    size_t count = 0, at = 0, class_count = 0;
    char classes[MOST_HOST_CLASSES][LONGEST_NAME];
    for (size_t r = 0; r < e->platform.worker_count; r++)
        count += e->platform.workers[r].devices;
    const char **all = sm_arena_alloc(e->arena, count, sizeof *all);
    if (all == NULL)
        return no_memory();
    for (size_t r = 0; r < e->platform.worker_count; r++)
        for (size_t d = 0; d < e->platform.workers[r].devices; d++)
            all[at++] = e->platform.workers[r].hosts[d];
    for (size_t i = 0; i < count && class_count < MOST_HOST_CLASSES; i++) {
        size_t c = 0;
        sm_text_class(all[i], classes[class_count], LONGEST_NAME);
        while (c < class_count && strcmp(classes[c], classes[class_count]) != 0)
            c++;
        class_count += c == class_count;
    }
    for (size_t c = 0; c < class_count; c++) {
        const char *class = sm_arena_strdup(e->arena, classes[c]);
        if (class == NULL)
            return no_memory();
        SM_TRY(vary_names(e, &(struct names){"speed", class, all, count}, true));
    }
    return SM_OK;
}

static enum sm_status
vary_number(struct explainer *e, const char *setting, double value, const char *unit)
{
    struct sm_variation *v = value > 0 ? new_variation(e, setting, SM_EFFECT_SOME) : NULL;
    for (size_t i = 0; v != NULL && i < 2; i++) {
        struct sm_node *tree = sm_tree_copy(e->arena, e->tree, NULL);
        const char *text = sm_arena_printf(e->arena, "%.9g%s", factors[i] * value, unit);
        if (tree == NULL || text == NULL)
            return no_memory();
        *(i == 0 ? &v->less : &v->more) = text;
        SM_TRY(set(e->arena, tree, setting, text));
        SM_TRY(try_tree(e, tree, setting, &v->seconds[i]));
    }
    return SM_OK;
}

/* Numbers under `timing:` that stretch time. An efficiency of 1 can only be lower. */
static enum sm_status
vary_timing(struct explainer *e)
{
    const struct sm_experiment *x = &e->experiment;
    const bool own = strcmp(x->timing.profile, "own") == 0;
    struct sm_profile profile = {0};
    if (!own)
        SM_TRY(sm_profile_load(e->arena, &x->timing, NULL, e->options->home, &profile));
    const struct sm_transport transport = sm_transport_resolve(&x->transport, &profile.transport);
    const struct {
        const char *setting;
        double value; /* 0: not here */
        const char *unit;
    } numbers[] = {
        {"timing.scale.load", x->scale.load, ""},
        {"timing.scale.forward", x->scale.forward, ""},
        {"timing.scale.backward", x->scale.backward, ""},
        {"timing.scale.update", x->scale.update, ""},
        {"timing.transport.collective_efficiency", transport.collective_efficiency, ""},
        {"timing.transport.message_efficiency", transport.message_efficiency, ""},
        {"timing.transport.staging_bandwidth", transport.staging > 0 ? 1 / transport.staging : 0,
         "Bps"},
        {"timing.efficiency", own ? (double)x->timing.efficiency : 0, ""},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        SM_TRY(vary_number(e, numbers[i].setting, numbers[i].value, numbers[i].unit));
    return SM_OK;
}

/* ---- the experiment's own settings ---- */

/* A setting that the experiment makes, and the seconds without it. */
struct own {
    const char *setting;
    const char *reason; /* why nothing changes when nothing does */
    double seconds;
};

static bool
crossed(const struct explainer *e, const char *pattern)
{
    for (size_t i = 0; i < e->platform.link_count; i++)
        if ((busier(&e->out->links[i]) > 0 || (e->platform.links[i].stands && made_is_used(e))) &&
            fnmatch(pattern, e->out->links[i].name, 0) == 0)
            return true;
    return false;
}

static bool
computes(const struct explainer *e, const char *pattern)
{
    for (size_t r = 0; r < e->platform.worker_count; r++)
        for (size_t d = 0; d < e->platform.workers[r].devices; d++)
            if (fnmatch(pattern, e->platform.workers[r].hosts[d], 0) == 0)
                return true;
    return false;
}

/* A run without the setting SECTION.MAP.KEY, or SECTION.KEY where map is NULL. */
static enum sm_status
without(struct explainer *e, const char *section, const char *map, const char *key,
        const char *reason, struct own *own)
{
    const char *quote = strpbrk(key, ".*?[") != NULL ? "\"" : "";
    struct sm_node *tree = sm_tree_copy(e->arena, e->tree, NULL);
    own->setting = sm_arena_printf(e->arena, "%s.%s%s%s%s%s", section, map != NULL ? map : "",
                                   map != NULL ? "." : "", quote, key, quote);
    if (tree == NULL || own->setting == NULL)
        return no_memory();
    struct sm_node *parent = (struct sm_node *)sm_tree_get(tree, section); /* of our own copy */
    if (map != NULL)
        parent = (struct sm_node *)sm_tree_get(parent, map);
    drop(parent, key);
    own->reason = reason;
    return try_tree(e, tree, own->setting, &own->seconds);
}

static const char *
edit_reason(const struct explainer *e, bool speed, const char *pattern)
{
    if (speed && !computes(e, pattern))
        return "no worker computes there";
    if (!speed && !crossed(e, pattern))
        return "no message crosses such a link";
    return "it is what stands there already, or hidden behind something else";
}

static enum sm_status
try_without(struct explainer *e, struct own *own, size_t most, size_t *count)
{
    static const char *const kinds[] = {"bandwidth", "latency", "speed"};
    static const char reason[] = "it is the default, or nothing here depends on it";
    const struct sm_node *platform = sm_tree_get(e->tree, "platform");
    for (size_t k = 0; k < 3; k++)
        SM_NODE_EACH (edit, sm_tree_get(platform, kinds[k]))
            if (*count < most)
                SM_TRY(without(e, "platform", kinds[k], edit->key,
                               edit_reason(e, k == 2, edit->key), &own[(*count)++]));
    SM_NODE_EACH (setting, sm_tree_get(e->tree, "timing")) {
        if (strcmp(setting->key, "profile") == 0)
            continue;
        if (setting->kind != SM_NODE_MAP && *count < most)
            SM_TRY(without(e, "timing", NULL, setting->key, reason, &own[(*count)++]));
        for (const struct sm_node *inner = setting->kind == SM_NODE_MAP ? setting->first : NULL;
             inner != NULL && *count < most; inner = inner->next)
            SM_TRY(without(e, "timing", setting->key, inner->key, reason, &own[(*count)++]));
    }
    return SM_OK;
}

/* ---- the runs ---- */

static enum sm_status
call_trial(void *arg, void *result, FILE *terminal)
{
    (void)terminal;
    const struct trial *trial = arg;
    struct sm_arena arena = {0};
    struct sm_run_result run;
    const struct sm_run_options options = run_options(trial->options);
    enum sm_status status = sm_run(&trial->experiment, &options, &arena, &run);
    *(double *)result = run.summary.sim.seconds_per_step;
    sm_arena_fini(&arena);
    return status;
}

static size_t
job_count(const struct sm_explain_options *options)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    size_t jobs = options->jobs > 0 ? options->jobs : cores > 0 ? (size_t)cores : 1;
    return jobs < MOST_JOBS ? jobs : MOST_JOBS;
}

/* A few side by side, finished in the order started. The first failure counts; the others are
 * waited for. */
static enum sm_status
run_trials(struct explainer *e)
{
    struct sm_process processes[MOST_JOBS];
    struct sm_error error = {0};
    struct sm_progress progress = {0};
    const size_t jobs = job_count(e->options), count = e->trial_count;
    size_t started = 0;
    sm_progress_begin(&progress, e->options->progress, e->options->item, e->options->items,
                      e->experiment.name, count);
    for (size_t done = 0; done < count && (done < started || error.code == SM_OK); done++) {
        for (; error.code == SM_OK && started < count && started < done + jobs; started++) {
            struct trial *trial = &e->trials[started];
            if (sm_process_start(call_trial, trial, sizeof(double), trial->what,
                                 &processes[started % jobs]) != SM_OK) {
                error = *sm_error_last();
                break;
            }
        }
        if (done == started)
            break;
        double seconds;
        enum sm_status status =
            sm_process_finish(&processes[done % jobs], &seconds, sizeof seconds);
        if (status == SM_OK)
            *e->trials[done].seconds = seconds;
        else if (!is_refusal(status) && error.code == SM_OK)
            error = *sm_error_last();
        sm_progress_update(&progress, done + 1, (double)NAN, 0);
    }
    sm_progress_end(&progress);
    e->out->runs += count;
    return error.code == SM_OK ? SM_OK : sm_error_set(&error);
}

/* ---- what came out ---- */

static bool
same(const struct explainer *e, double seconds)
{
    return fabs(seconds / e->out->seconds_per_step - 1) <= noise;
}

static void
judge(const struct explainer *e, struct sm_variation *v)
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
        v->elasticity = log((more ? v->seconds[1] : base) / (less ? v->seconds[0] : base)) /
                        log((more ? factors[1] : 1) / (less ? factors[0] : 1));
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
conclude(struct explainer *e, const struct own *own, size_t own_count)
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
                return no_memory();
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
    struct explainer e = {.arena = arena, .options = options, .out = explanation};
    size_t own_count = 0;
    struct own *own = sm_arena_zalloc(arena, MOST_TRIALS, sizeof *own);
    if (own == NULL)
        return no_memory();
    SM_TRY(prepare(&e, tree));
    SM_TRY(run_base(&e));
    SM_TRY(find_classes(&e));
    SM_TRY(vary_links(&e));
    SM_TRY(vary_hosts(&e));
    SM_TRY(vary_timing(&e));
    SM_TRY(try_without(&e, own, MOST_TRIALS, &own_count));
    SM_TRY(run_trials(&e));
    return conclude(&e, own, own_count);
}
