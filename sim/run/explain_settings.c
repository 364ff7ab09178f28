/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/run/explain_settings.c -- the settings that explain.h varies: bandwidth, latency and speed of
 * each class of links and hosts, numbers under `timing:`, and what the experiment itself sets.
 */
#include <fnmatch.h>
#include <math.h>
#include <string.h>

#include "sim/base/text.h"
#include "sim/run/explainer.h"

enum {
    MOST_CLASSES = 24,     /* of links that are varied, busiest first                        */
    MOST_HOST_CLASSES = 8, /* of hosts                                                       */
    MOST_LISTED = 4096,    /* links that are named one by one where no pattern tells them apart */
};

void
sm_explain_drop(struct sm_node *map, const char *key)
{
    struct sm_node **link = map != NULL ? &map->first : NULL;
    while (link != NULL && *link != NULL && strcmp((*link)->key, key) != 0)
        link = &(*link)->next;
    if (link != NULL && *link != NULL)
        *link = (*link)->next;
}

enum sm_status
sm_explain_set(struct sm_arena *arena, struct sm_node *tree, const char *key, const char *value)
{
    if (key == NULL || value == NULL)
        return sm_explain_no_memory();
    return sm_tree_set(arena, tree, key,
                       &(struct sm_node){.kind = SM_NODE_SCALAR, .text = value, .file = "explain"});
}

/* ---- lower and higher ---- */

static struct sm_variation *
new_variation(struct sm_explainer *e, const char *setting, enum sm_effect effect)
{
    if (e->out->variation_count == SM_EXPLAIN_MOST)
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
free_key(struct sm_explainer *e, const char *section, const char *pattern)
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
    char own[SM_EXPLAIN_NAME];
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
scale_names(struct sm_explainer *e, const struct names *names, const char *factor,
            struct sm_node *tree)
{
    const char *key = free_key(e, names->section, names->class);
    if (key != NULL && (pattern_is_exact(names) || names->count > MOST_LISTED))
        return sm_explain_set(e->arena, tree, key, factor);
    for (size_t i = 0; i < names->count; i++)
        if (is_of_class(names->all[i], names->class) &&
            (key = free_key(e, names->section, names->all[i])) != NULL)
            SM_TRY(sm_explain_set(e->arena, tree, key, factor));
    return SM_OK;
}

static enum sm_status
vary_names(struct sm_explainer *e, const struct names *names, bool used)
{
    const char *setting =
        sm_arena_printf(e->arena, "platform.%s.\"%s\"", names->section, names->class);
    struct sm_variation *v = new_variation(e, setting, used ? SM_EFFECT_SOME : SM_EFFECT_UNUSED);
    for (size_t i = 0; v != NULL && used && i < 2; i++) {
        struct sm_node *tree = sm_tree_copy(e->arena, e->tree, NULL);
        if (tree == NULL || setting == NULL)
            return sm_explain_no_memory();
        SM_TRY(scale_names(e, names, i == 0 ? v->less : v->more, tree));
        SM_TRY(sm_explain_try(e, tree, setting, &v->seconds[i]));
    }
    return SM_OK;
}

/* Whether messages cross links that the platform does not list, which some zone made. */
static bool
made_is_used(const struct sm_explainer *e)
{
    bool used = false;
    for (size_t i = e->platform.link_count; i < e->out->link_count; i++)
        used = used || sm_explain_busier(&e->out->links[i]) > 0;
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
vary_links(struct sm_explainer *e)
{
    const char **all = sm_arena_alloc(e->arena, e->platform.link_count, sizeof *all);
    if (all == NULL)
        return sm_explain_no_memory();
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
vary_hosts(struct sm_explainer *e)
{
    size_t count = 0, at = 0, class_count = 0;
    char classes[MOST_HOST_CLASSES][SM_EXPLAIN_NAME];
    for (size_t r = 0; r < e->platform.worker_count; r++)
        count += e->platform.workers[r].devices;
    const char **all = sm_arena_alloc(e->arena, count, sizeof *all);
    if (all == NULL)
        return sm_explain_no_memory();
    for (size_t r = 0; r < e->platform.worker_count; r++)
        for (size_t d = 0; d < e->platform.workers[r].devices; d++)
            all[at++] = e->platform.workers[r].hosts[d];
    for (size_t i = 0; i < count && class_count < MOST_HOST_CLASSES; i++) {
        size_t c = 0;
        sm_text_class(all[i], classes[class_count], SM_EXPLAIN_NAME);
        while (c < class_count && strcmp(classes[c], classes[class_count]) != 0)
            c++;
        class_count += c == class_count;
    }
    for (size_t c = 0; c < class_count; c++) {
        const char *class = sm_arena_strdup(e->arena, classes[c]);
        if (class == NULL)
            return sm_explain_no_memory();
        SM_TRY(vary_names(e, &(struct names){"speed", class, all, count}, true));
    }
    return SM_OK;
}

static enum sm_status
vary_number(struct sm_explainer *e, const char *setting, double value, const char *unit)
{
    struct sm_variation *v = value > 0 ? new_variation(e, setting, SM_EFFECT_SOME) : NULL;
    for (size_t i = 0; v != NULL && i < 2; i++) {
        struct sm_node *tree = sm_tree_copy(e->arena, e->tree, NULL);
        const char *text = sm_arena_printf(e->arena, "%.9g%s", sm_explain_factors[i] * value, unit);
        if (tree == NULL || text == NULL)
            return sm_explain_no_memory();
        *(i == 0 ? &v->less : &v->more) = text;
        SM_TRY(sm_explain_set(e->arena, tree, setting, text));
        SM_TRY(sm_explain_try(e, tree, setting, &v->seconds[i]));
    }
    return SM_OK;
}

/* Numbers under `timing:` that stretch time. An efficiency of 1 can only be lower. */
static enum sm_status
vary_timing(struct sm_explainer *e)
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

enum sm_status
sm_explain_vary(struct sm_explainer *e)
{
    SM_TRY(vary_links(e));
    SM_TRY(vary_hosts(e));
    return vary_timing(e);
}

/* ---- the experiment's own settings ---- */

static bool
crossed(const struct sm_explainer *e, const char *pattern)
{
    for (size_t i = 0; i < e->platform.link_count; i++)
        if ((sm_explain_busier(&e->out->links[i]) > 0 ||
             (e->platform.links[i].stands && made_is_used(e))) &&
            fnmatch(pattern, e->out->links[i].name, 0) == 0)
            return true;
    return false;
}

static bool
computes(const struct sm_explainer *e, const char *pattern)
{
    for (size_t r = 0; r < e->platform.worker_count; r++)
        for (size_t d = 0; d < e->platform.workers[r].devices; d++)
            if (fnmatch(pattern, e->platform.workers[r].hosts[d], 0) == 0)
                return true;
    return false;
}

/* A run without the setting SECTION.MAP.KEY, or SECTION.KEY where map is NULL. */
static enum sm_status
without(struct sm_explainer *e, const char *section, const char *map, const char *key,
        const char *reason, struct sm_own_setting *own)
{
    const char *quote = strpbrk(key, ".*?[") != NULL ? "\"" : "";
    struct sm_node *tree = sm_tree_copy(e->arena, e->tree, NULL);
    own->setting = sm_arena_printf(e->arena, "%s.%s%s%s%s%s", section, map != NULL ? map : "",
                                   map != NULL ? "." : "", quote, key, quote);
    if (tree == NULL || own->setting == NULL)
        return sm_explain_no_memory();
    struct sm_node *parent = (struct sm_node *)sm_tree_get(tree, section); /* of our own copy */
    if (map != NULL)
        parent = (struct sm_node *)sm_tree_get(parent, map);
    sm_explain_drop(parent, key);
    own->reason = reason;
    return sm_explain_try(e, tree, own->setting, &own->seconds);
}

static const char *
edit_reason(const struct sm_explainer *e, bool speed, const char *pattern)
{
    if (speed && !computes(e, pattern))
        return "no worker computes there";
    if (!speed && !crossed(e, pattern))
        return "no message crosses such a link";
    return "it is what stands there already, or hidden behind something else";
}

enum sm_status
sm_explain_try_without(struct sm_explainer *e, struct sm_own_setting *own, size_t *count)
{
    static const char *const kinds[] = {"bandwidth", "latency", "speed"};
    static const char reason[] = "it is the default, or nothing here depends on it";
    const struct sm_node *platform = sm_tree_get(e->tree, "platform");
    for (size_t k = 0; k < 3; k++)
        SM_NODE_EACH (edit, sm_tree_get(platform, kinds[k]))
            if (*count < SM_EXPLAIN_MOST)
                SM_TRY(without(e, "platform", kinds[k], edit->key,
                               edit_reason(e, k == 2, edit->key), &own[(*count)++]));
    SM_NODE_EACH (setting, sm_tree_get(e->tree, "timing")) {
        if (strcmp(setting->key, "profile") == 0)
            continue;
        if (setting->kind != SM_NODE_MAP && *count < SM_EXPLAIN_MOST)
            SM_TRY(without(e, "timing", NULL, setting->key, reason, &own[(*count)++]));
        for (const struct sm_node *inner = setting->kind == SM_NODE_MAP ? setting->first : NULL;
             inner != NULL && *count < SM_EXPLAIN_MOST; inner = inner->next)
            SM_TRY(without(e, "timing", setting->key, inner->key, reason, &own[(*count)++]));
    }
    return SM_OK;
}
