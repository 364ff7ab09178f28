/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/run/catalog.c -- see catalog.h. */
#include "sim/run/catalog.h"

#include <string.h>

#include "algorithms/buffer/buffer.h"
#include "algorithms/compression/compression.h"
#include "algorithms/inner/inner.h"
#include "algorithms/outer/outer.h"
#include "algorithms/period/period.h"
#include "algorithms/schedule/schedule.h"
#include "algorithms/strategy/strategy.h"
#include "sim/base/text.h"
#include "sim/collective/collective.h"
#include "sim/comm/topology.h"
#include "sim/platform/platform.h"
#include "sim/run/experiment.h"
#include "sim/run/rules.h"
#include "sim/timing/bucket.h"
#include "sim/timing/straggler.h"
#include "workloads/workload.h"

enum { MOST_NAMES = 512 };

const struct sm_axis *const sm_catalog_axes[] = {
    &sm_axis_inner,        &sm_axis_schedule,    &sm_axis_strategy,
    &sm_axis_topology,     &sm_axis_outer,       &sm_axis_period,
    &sm_axis_buffer,       &sm_axis_compression, &sm_axis_collective,
    &sm_axis_model,        &sm_axis_dataset,     &sm_axis_partition,
    &sm_axis_augmentation, &sm_axis_straggler,   NULL,
};

/* Things that are files, not code. */
static const struct {
    const char *name, *key, *doc;
    const char *folder, *ending; /* below home */
    const char *const *(*names)(struct sm_arena *arena, const char *home);
} files[] = {
    {"profile", "timing.profile", "seconds of each stage of a step, measured or published",
     "workloads/profiles", "yaml", sm_profile_names},
    {"platform", "platform.file", "hosts, devices and links; star_N is made for any N", "platforms",
     "xml", sm_platform_names},
};
enum { FILE_KINDS = sizeof files / sizeof *files };

static void
list_axis(const struct sm_axis *axis, FILE *out)
{
    int width = 14;
    for (const struct sm_plugin *const *p = axis->plugins; *p != NULL; p++)
        if ((int)strlen((*p)->name) > width)
            width = (int)strlen((*p)->name);
    fprintf(out, "%s (%s): %s\n", axis->name, axis->key, axis->doc);
    for (const struct sm_plugin *const *p = axis->plugins; *p != NULL; p++)
        fprintf(out, "  %-*s %s%s\n", width, (*p)->name, (*p)->doc,
                strcmp((*p)->name, axis->initial) == 0 ? " (default)" : "");
}

static enum sm_status
list_files(size_t kind, const char *home, FILE *out)
{
    struct sm_arena arena = {0};
    const char *const *names = files[kind].names(&arena, home);
    fprintf(out, "%s (%s): %s\n", files[kind].name, files[kind].key, files[kind].doc);
    for (; names != NULL && *names != NULL; names++)
        fprintf(out, "  %s\n", *names);
    sm_arena_fini(&arena);
    return names != NULL ? SM_OK : SM_FAIL(SM_ERR_NOMEM, "no memory for the names");
}

/* Adds a name to a NULL-terminated list, once. */
static void
add_name(const char **names, const char *name)
{
    size_t i = 0;
    while (names[i] != NULL && strcmp(names[i], name) != 0)
        i++;
    if (i + 1 < MOST_NAMES)
        names[i] = name;
}

static enum sm_status
unknown(const char *what, const char *name, const char *const *names)
{
    char known[SM_ERROR_LENGTH / 2];
    char near[SM_TEXT_SUGGESTION];
    return SM_FAIL(SM_ERR_NAME, "unknown %s '%s'%s; known: %s", what, name,
                   sm_text_suggest(near, name, names), sm_text_join(known, sizeof known, names));
}

enum sm_status
sm_catalog_list(const char *axis, const char *home, FILE *out)
{
    const char *names[MOST_NAMES] = {NULL};
    bool found = false;
    for (size_t i = 0; sm_catalog_axes[i] != NULL; i++) {
        add_name(names, sm_catalog_axes[i]->name);
        if (axis != NULL && strcmp(axis, sm_catalog_axes[i]->name) != 0)
            continue;
        list_axis(sm_catalog_axes[i], out);
        found = true;
    }
    for (size_t i = 0; i < FILE_KINDS; i++) {
        add_name(names, files[i].name);
        if (axis != NULL && strcmp(axis, files[i].name) != 0)
            continue;
        SM_TRY(list_files(i, home, out));
        found = true;
    }
    return found ? SM_OK : unknown("axis", axis, names);
}

static void
describe_params(const struct sm_param *params, const char *prefix, FILE *out)
{
    for (; params != NULL && params->name != NULL; params++) {
        char name[96], def[64], range[128];
        snprintf(name, sizeof name, "%s%s%s", prefix, *prefix != '\0' ? "." : "", params->name);
        fprintf(out, "  %-18s %s\n  %-18s default %s, expected %s\n", name, params->doc, "",
                sm_param_default(params, def, sizeof def),
                sm_param_range(params, range, sizeof range));
    }
}

static void
describe_plugin(const struct sm_axis *axis, const struct sm_plugin *plugin, FILE *out)
{
    fprintf(out, "%s %s (%s)\n  %s\n  source: %s\n", axis->name, plugin->name, axis->key,
            plugin->doc, plugin->source);
    if (axis == &sm_axis_collective) {
        const struct sm_collective *collective = (const struct sm_collective *)plugin;
        fprintf(out, "  operation: %s%s\n  seconds: %s\n",
                sm_operation_names[collective->operation],
                collective->operation == SM_ALL_REDUCE ? "" : ", not to be chosen by itself",
                collective->closed_form);
    }
    if (plugin->params != NULL)
        fputs("settings:\n", out);
    describe_params(plugin->params, "", out);
}

static void
describe_experiment(FILE *out)
{
    fputs("experiment: the keys of an experiment file; all have defaults\n", out);
    for (const struct sm_section *s = sm_experiment_sections; s->name != NULL; s++)
        describe_params(s->params, s->name, out);
    fputs("chosen by name, or {name: ..., settings} (see `slowmo describe NAME`):\n", out);
    for (size_t i = 0; sm_catalog_axes[i] != NULL; i++)
        fprintf(out, "  %-18s default %s\n", sm_catalog_axes[i]->key, sm_catalog_axes[i]->initial);
    fputs("blocks:\n"
          "  compare            a list of `- name: ...` entries laid over the rest, one run each\n"
          "  sweep              dotted keys with lists of values, one run a combination\n"
          "  sweep.zip          dotted keys with equally long lists, whose values go together\n"
          "  sweep.random       dotted keys with {min, max} or lists, drawn `count` times\n"
          "  platform.bandwidth, platform.latency, platform.speed\n"
          "                     \"PATTERN\": value or x2, for links (hosts) whose name matches\n"
          "  platform.traffic   a list of flows of others, {link: PATTERN, load: 0.3} and so on\n",
          out);
}

static void
print_amount(FILE *out, const char *before, enum sm_unit unit, double value)
{
    char text[64];
    fprintf(out, "%s%s", before, sm_unit_format(unit, value, text, sizeof text));
}

/* What a profile's figures come to. */
static enum sm_status
describe_profile(const char *path, const char *home, FILE *out)
{
    struct sm_arena arena = {0};
    struct sm_profile p;
    const struct sm_bucket *buckets;
    size_t count;
    const double bucket = sm_param_find(sm_timing_params, "bucket")->def;
    enum sm_status status =
        sm_profile_load(&arena, &(struct sm_timing_settings){.profile = path}, NULL, home, &p);
    if (status == SM_OK)
        status = sm_profile_buckets(&arena, &p, bucket, &buckets, &count);
    if (status == SM_OK) {
        const double speed = p.device_speed;
        const double step = p.load + (p.forward + p.backward + p.update) / speed;
        fprintf(out, "  %g samples a step on %g device%s of ", p.samples, p.devices,
                p.devices == 1 ? "" : "s");
        print_amount(out, "", SM_UNIT_SPEED, speed);
        fprintf(out, ": %.4g ms, %.5g samples/s, before any message\n", 1e3 * step,
                p.samples / step);
        print_amount(out, "  load ", SM_UNIT_SECONDS, p.load);
        fprintf(out, ", forward %.4g ms, backward %.4g ms, update %.4g ms\n",
                1e3 * p.forward / speed, 1e3 * p.backward / speed, 1e3 * p.update / speed);
        print_amount(out, "  gradient ", SM_UNIT_BYTES, p.model_bytes);
        fprintf(out, ", %zu layer%s, ", p.layer_count > 0 ? p.layer_count : 1,
                p.layer_count > 1 ? "s" : "");
        print_amount(out, "in buckets of ", SM_UNIT_BYTES, bucket);
        fprintf(out, " %zu part%s\n", count, count > 1 ? "s" : "");
    }
    sm_arena_fini(&arena);
    return status;
}

/* A profile is its own description; of a platform it is the comment at the top. */
static enum sm_status
describe_file(const char *kind, const char *path, const char *home, FILE *out)
{
    struct sm_arena arena = {0};
    char *text;
    enum sm_status status = sm_text_read_file(&arena, path, &text, NULL);
    if (status == SM_OK) {
        fprintf(out, "%s %s\n", kind, path);
        if (strcmp(kind, "profile") == 0)
            status = describe_profile(path, home, out);
        const char *end = strcmp(kind, "platform") == 0 ? strstr(text, "-->") : NULL;
        fprintf(out, "%.*s\n", (int)(end != NULL ? end + 3 - text : (long)strlen(text)), text);
    }
    sm_arena_fini(&arena);
    return status;
}

static enum sm_status
check_axis(const char *axis)
{
    const char *names[MOST_NAMES] = {NULL};
    bool found = false;
    for (size_t i = 0; sm_catalog_axes[i] != NULL; i++)
        add_name(names, sm_catalog_axes[i]->name);
    for (size_t i = 0; i < FILE_KINDS; i++)
        add_name(names, files[i].name);
    for (size_t i = 0; names[i] != NULL; i++)
        found = found || strcmp(names[i], axis) == 0;
    return found ? SM_OK : unknown("axis", axis, names);
}

/* Whether the axis that was asked for, or none, is the one called `name`. */
static bool
asked(const char *axis, const char *name)
{
    return axis == NULL || strcmp(axis, name) == 0;
}

/* Adds the names of shipped files to `names` (owned by arena) and describes the one called `name`.
 */
static enum sm_status
describe_files(const char *axis, const char *name, const char *home, struct sm_arena *arena,
               const char **names, FILE *out, bool *found)
{
    for (size_t kind = 0; kind < FILE_KINDS; kind++) {
        if (!asked(axis, files[kind].name))
            continue;
        const char *const *list = files[kind].names(arena, home);
        add_name(names, files[kind].name);
        if (strcmp(files[kind].name, name) == 0) {
            SM_TRY(list_files(kind, home, out));
            *found = true;
        }
        for (; list != NULL && *list != NULL; list++) {
            add_name(names, *list);
            if (strcmp(*list, name) != 0)
                continue;
            const char *path = sm_arena_printf(arena, "%s/%s/%s.%s", home, files[kind].folder, name,
                                               files[kind].ending);
            SM_TRY(describe_file(files[kind].name, path, home, out));
            *found = true;
        }
    }
    return SM_OK;
}

enum sm_status
sm_catalog_describe(const char *axis, const char *name, const char *home, FILE *out)
{
    const char *names[MOST_NAMES] = {NULL};
    bool found = false;
    if (axis != NULL)
        SM_TRY(check_axis(axis));
    if (axis == NULL && strcmp(name, "experiment") == 0) {
        describe_experiment(out);
        return SM_OK;
    }
    if (axis == NULL && strcmp(name, "rules") == 0) {
        sm_rules_print(out);
        return SM_OK;
    }
    if (axis == NULL) {
        add_name(names, "experiment");
        add_name(names, "rules");
    }
    const size_t length = strlen(name);
    if (axis == NULL && length > 5 && strcmp(name + length - 5, ".yaml") == 0)
        return describe_file("profile", name, home, out);
    for (size_t i = 0; sm_catalog_axes[i] != NULL; i++) {
        const struct sm_axis *each = sm_catalog_axes[i];
        if (!asked(axis, each->name))
            continue;
        if (axis == NULL)
            add_name(names, each->name);
        if (axis == NULL && strcmp(each->name, name) == 0) {
            list_axis(each, out);
            found = true;
        }
        for (const struct sm_plugin *const *p = each->plugins; *p != NULL; p++) {
            add_name(names, (*p)->name);
            if (strcmp((*p)->name, name) != 0)
                continue;
            describe_plugin(each, *p, out);
            found = true;
        }
    }
    struct sm_arena arena = {0};
    enum sm_status status = describe_files(axis, name, home, &arena, names, out, &found);
    if (status == SM_OK && !found)
        status = unknown(axis != NULL ? axis : "name", name, names);
    sm_arena_fini(&arena);
    return status;
}
