/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/timing/profile.c -- see profile.h. */
#include "sim/timing/profile.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/base/param.h"
#include "sim/base/text.h"
#include "sim/base/tree.h"

enum { UPDATE_FLOP_PER_PARAMETER = 10, BACKWARD_PER_FORWARD = 2, MOST_LAYERS = 1000000 };

/* How far the layers' bytes may be from the model's, relative: room for rounded figures. */
static const double bytes_tolerance = 1e-3;

const struct sm_param sm_timing_params[] = {
    SM_PARAM_TEXT(struct sm_timing_settings, profile, "resnet50_v100x8",
                  "a name of `slowmo list profile`, a path of a .yaml, or own: counted operations"),
    SM_PARAM(struct sm_timing_settings, efficiency, 0.5f, 1e-6f, 1.0f,
             "of own: share of a device's speed that is reached, dimensionless"),
    SM_PARAM_UNIT(
        struct sm_timing_settings, bucket, 25e6, 0, 1e18, SM_UNIT_BYTES,
        "gradients are all-reduced in buckets of so much while backward goes on; 0: whole, "
        "after it"),
    SM_PARAM_END,
};

#define SCALE(field, doc) SM_PARAM(struct sm_timing_scale, field, 1, 0, 1e6, doc)
const struct sm_param sm_scale_params[] = {
    SCALE(load, "factor on the seconds of the input pipeline"),
    SCALE(forward, "factor on those of the forward pass"),
    SCALE(backward, "factor on those of the backward pass"),
    SCALE(update, "factor on those of the optimizer step"),
    SM_PARAM_END,
};

/* A profile file as it is written; NAN marks a number that has no default. */
struct file {
    const char *name, *source;
    double device_speed, devices, samples, model_bytes;
};

struct stages {
    double load, forward, backward, update; /* seconds */
};

#define FIELD(field, min, max, unit, doc)                                                          \
    SM_PARAM_UNIT(struct file, field, NAN, min, max, unit, doc)
static const struct sm_param file_params[] = {
    SM_PARAM_TEXT(struct file, name, "", "the profile's name, equal to the file's"),
    SM_PARAM_TEXT(struct file, source, "", "who measured or published it, on what"),
    FIELD(device_speed, 1, 1e21, SM_UNIT_SPEED, "speed of the device that the seconds hold for"),
    FIELD(devices, 0, 1e6, SM_UNIT_NONE, "devices a worker that the seconds hold for; 0: any"),
    FIELD(samples, 1, 1e12, SM_UNIT_NONE, "samples a worker takes in one step"),
    FIELD(model_bytes, 0, 1e18, SM_UNIT_BYTES,
          "bytes of one model or gradient on the wire; 0: 4 a parameter"),
    SM_PARAM_END,
};

#define STAGE(field, doc) SM_PARAM_UNIT(struct stages, field, NAN, 0, 1e9, SM_UNIT_SECONDS, doc)
static const struct sm_param stage_params[] = {
    STAGE(load, "input pipeline that no computation hides"),
    STAGE(forward, "forward pass on each device"),
    STAGE(backward, "backward pass on each device"),
    STAGE(update, "optimizer step on each device"),
    SM_PARAM_END,
};

/* An entry of `layers`: one layer, or several alike in a row. */
struct layer {
    const char *name;
    double bytes, work;
    size_t repeat;
};

static const struct sm_param layer_params[] = {
    SM_PARAM_TEXT(struct layer, name, "", "what it is called in the model's source"),
    SM_PARAM_UNIT(struct layer, bytes, NAN, 0, 1e18, SM_UNIT_BYTES, "bytes of its gradient"),
    SM_PARAM(struct layer, work, NAN, 0, 1e30, "its share of the backward pass, in any unit"),
    SM_PARAM_END,
};
static const struct sm_param repeat_params[] = {
    SM_PARAM(struct layer, repeat, 1, 1, MOST_LAYERS, "so many layers alike, one after another"),
    SM_PARAM_END,
};

static enum sm_status
no_memory(const char *name)
{
    return SM_FAIL(SM_ERR_NOMEM, "%s: no memory for the profile", name);
}

const char *const *
sm_profile_names(struct sm_arena *arena, const char *home)
{
    const char *folder = sm_arena_printf(arena, "%s/workloads/profiles", home);
    return folder != NULL ? sm_text_folder(arena, folder, ".yaml") : NULL;
}

static enum sm_status
find_file(struct sm_arena *arena, const char *name, const char *home, const char **path)
{
    size_t size = strlen(name);
    *path = name;
    if (strchr(name, '/') != NULL || (size > 5 && strcmp(name + size - 5, ".yaml") == 0))
        return SM_OK;
    *path = sm_arena_printf(arena, "%s/workloads/profiles/%s.yaml", home, name);
    const char *const *names = sm_profile_names(arena, home);
    if (*path == NULL || names == NULL)
        return no_memory(name);
    if (access(*path, F_OK) == 0)
        return SM_OK;
    char known[512];
    char near[SM_TEXT_SUGGESTION];
    return SM_FAIL(SM_ERR_INPUT, "no profile '%s'%s; expected own, a path of a .yaml, or one of %s",
                   name, sm_text_suggest(near, name, names),
                   sm_text_join(known, sizeof known, names));
}

/* Every row of the table must stand in the map: a profile has no defaults. */
static enum sm_status
bind_all(const struct sm_param *params, void *object, const struct sm_node *map,
         const char *const *others, struct sm_arena *arena)
{
    SM_TRY(sm_param_bind(params, object, map, others, arena));
    for (const struct sm_param *p = params; p->name != NULL; p++) {
        const struct sm_node *node = sm_tree_get(map, p->name);
        if (node == NULL)
            return sm_tree_fail(map, "the key '%s' is missing: %s", p->name, p->doc);
        if (p->type == SM_PARAM_TYPE_TEXT && node->text[0] == '\0')
            return sm_tree_fail(node, "expected text: %s", p->doc);
    }
    return SM_OK;
}

/* The layers read so far; `layers` NULL only counts them. */
struct stack {
    struct sm_profile_layer *layers;
    size_t count;
};

static enum sm_status read_layers(struct sm_arena *arena, const struct sm_node *node,
                                  struct stack *stack);

/* A group of layers that is repeated as a whole: {name: block, repeat: 12, layers: [...]}. */
static enum sm_status
read_group(struct sm_arena *arena, const struct sm_node *node, size_t repeat, struct stack *stack)
{
    static const struct sm_param group_params[] = {
        SM_PARAM_TEXT(struct layer, name, "", "what the group is called"), SM_PARAM_END};
    static const char *const others[] = {"repeat", "layers", NULL};
    struct layer group;
    SM_TRY(sm_param_bind(group_params, &group, node, others, arena));
    for (size_t i = 0; i < repeat; i++)
        SM_TRY(read_layers(arena, sm_tree_get(node, "layers"), stack));
    return SM_OK;
}

static enum sm_status
read_layer(struct sm_arena *arena, const struct sm_node *node, struct stack *stack)
{
    static const char *const others[] = {"repeat", NULL};
    struct layer layer = {.repeat = (size_t)repeat_params[0].def};
    if (node->kind != SM_NODE_MAP)
        return sm_tree_fail(node, "expected {name: conv1, bytes: 37632B, work: 118e6}");
    const struct sm_node *repeat = sm_tree_get(node, "repeat");
    if (repeat != NULL)
        SM_TRY(sm_param_read(&repeat_params[0], &layer, repeat, arena));
    if (sm_tree_get(node, "layers") != NULL)
        return read_group(arena, node, layer.repeat, stack);
    SM_TRY(bind_all(layer_params, &layer, node, others, arena));
    if (layer.repeat > MOST_LAYERS - stack->count)
        return sm_tree_fail(node, "more than %d layers", MOST_LAYERS);
    for (size_t i = 0; stack->layers != NULL && i < layer.repeat; i++)
        stack->layers[stack->count + i] = (struct sm_profile_layer){layer.bytes, layer.work};
    stack->count += layer.repeat;
    return SM_OK;
}

static enum sm_status
read_layers(struct sm_arena *arena, const struct sm_node *node, struct stack *stack)
{
    if (node->kind != SM_NODE_LIST || node->first == NULL)
        return sm_tree_fail(node, "expected a list of layers in the order of the forward pass");
    SM_NODE_EACH (child, node)
        SM_TRY(read_layer(arena, child, stack));
    return SM_OK;
}

static enum sm_status
check_layers(const struct sm_node *node, const struct sm_profile *profile)
{
    double bytes = 0, work = 0;
    for (size_t i = 0; i < profile->layer_count; i++) {
        bytes += profile->layers[i].bytes;
        work += profile->layers[i].work;
    }
    if (!(work > 0))
        return sm_tree_fail(node, "the work of all layers is 0; expected shares of `backward`");
    if (!(profile->model_bytes > 0))
        return sm_tree_fail(node, "layers need model_bytes, which is 0: 4 a parameter");
    if (fabs(bytes - profile->model_bytes) > bytes_tolerance * profile->model_bytes)
        return sm_tree_fail(node, "the layers' bytes are %.17g in sum, model_bytes is %.17g", bytes,
                            profile->model_bytes);
    return SM_OK;
}

/* The next field of a line, without blanks around it; NULL after the last. */
static const char *
next_field(struct sm_arena *arena, char **rest)
{
    const char *field = strsep(rest, ",");
    if (field == NULL)
        return NULL;
    field += strspn(field, " \t");
    size_t length = strlen(field);
    while (length > 0 && strchr(" \t\r", field[length - 1]) != NULL)
        length--;
    return sm_arena_strndup(arena, field, length);
}

/* A line of a table as a map, in the one line of YAML that stands where the line stood. */
static enum sm_status
write_row(struct sm_arena *arena, const char *path, size_t line, const char *const *columns,
          char *row, FILE *yaml)
{
    size_t i = 0;
    fputs("- {", yaml);
    for (const char *field; (field = next_field(arena, &row)) != NULL; i++) {
        if (columns[i] == NULL)
            return SM_FAIL(SM_ERR_INPUT, "%s:%zu: more fields than the first line has columns",
                           path, line);
        fprintf(yaml, "%s%s: ", i > 0 ? ", " : "", columns[i]);
        sm_tree_quote(field, yaml);
    }
    fputc('}', yaml);
    return SM_OK;
}

enum { MOST_COLUMNS = 8 };

static enum sm_status
table_to_yaml(struct sm_arena *arena, const char *path, char *text, FILE *yaml)
{
    const char *columns[MOST_COLUMNS + 1] = {NULL};
    char *line = strsep(&text, "\n");
    size_t count = 0;
    for (const char *name; count < MOST_COLUMNS && (name = next_field(arena, &line)) != NULL;)
        columns[count++] = name;
    fputs("layers:\n", yaml);
    for (size_t number = 2; (line = strsep(&text, "\n")) != NULL; number++) {
        if (line[strspn(line, " \t\r")] != '\0')
            SM_TRY(write_row(arena, path, number, columns, line, yaml));
        fputc('\n', yaml);
    }
    return SM_OK;
}

/* Layers from a table with the columns name, bytes, work and, if need be, repeat; its path is from
 * the profile's folder. */
static enum sm_status
load_table(struct sm_arena *arena, const struct sm_node *named, const struct sm_node **node)
{
    const char *slash = strrchr(named->file, '/');
    const int folder = named->text[0] != '/' && slash != NULL ? (int)(slash + 1 - named->file) : 0;
    const char *path = sm_arena_printf(arena, "%.*s%s", folder, named->file, named->text);
    char *text, *yaml = NULL;
    size_t size;
    struct sm_node *root = NULL;
    if (path == NULL)
        return no_memory(named->text);
    if (sm_text_read_file(arena, path, &text, NULL) != SM_OK)
        return sm_tree_fail(named, "cannot read %s; expected a list of layers, or a table of them",
                            path);
    FILE *out = open_memstream(&yaml, &size);
    if (out == NULL)
        return no_memory(path);
    enum sm_status status = table_to_yaml(arena, path, text, out);
    fclose(out);
    if (status == SM_OK)
        status = sm_tree_parse(arena, path, yaml, &root);
    free(yaml);
    *node = sm_tree_get(root, "layers");
    return status;
}

static enum sm_status
load_layers(struct sm_arena *arena, const struct sm_node *node, struct sm_profile *profile)
{
    if (node == NULL)
        return SM_OK;
    const size_t length = node->kind == SM_NODE_SCALAR ? strlen(node->text) : 0;
    if (length > 4 && strcmp(node->text + length - 4, ".csv") == 0)
        SM_TRY(load_table(arena, node, &node));
    struct stack stack = {NULL, 0};
    SM_TRY(read_layers(arena, node, &stack));
    stack.layers = sm_arena_alloc(arena, stack.count, sizeof *stack.layers);
    if (stack.layers == NULL)
        return no_memory(profile->name);
    stack.count = 0;
    SM_TRY(read_layers(arena, node, &stack));
    profile->layers = stack.layers;
    profile->layer_count = stack.count;
    return check_layers(node, profile);
}

static enum sm_status
load_file(struct sm_arena *arena, const char *path, struct sm_profile *profile)
{
    static const char *const others[] = {"stages", "layers", "transport", NULL};
    struct sm_node *root;
    struct file file;
    struct stages stages;
    SM_TRY(sm_tree_load(arena, path, &root));
    if (root == NULL)
        return SM_FAIL(SM_ERR_INPUT, "%s: an empty profile", path);
    SM_TRY(bind_all(file_params, &file, root, others, arena));
    const struct sm_node *node = sm_tree_get(root, "stages");
    if (node == NULL)
        return sm_tree_fail(root, "the key 'stages' is missing: seconds of load, forward, "
                                  "backward and update");
    if (node->kind != SM_NODE_MAP)
        return sm_tree_fail(node, "expected load, forward, backward and update in seconds");
    SM_TRY(bind_all(stage_params, &stages, node, NULL, arena));
    *profile = (struct sm_profile){
        .name = file.name,
        .source = file.source,
        .load = stages.load,
        .forward = stages.forward * file.device_speed,
        .backward = stages.backward * file.device_speed,
        .update = stages.update * file.device_speed,
        .model_bytes = file.model_bytes,
        .samples = file.samples,
        .devices = file.devices,
        .device_speed = file.device_speed,
    };
    SM_TRY(sm_transport_bind(sm_tree_get(root, "transport"), arena, &profile->transport));
    return load_layers(arena, sm_tree_get(root, "layers"), profile);
}

/* Dividing by the efficiency turns operations into the ones a device at its peak would do in the
 * same time, so that the platform's speed can be the peak. */
static enum sm_status
count_own(const struct sm_timing_settings *settings, const struct sm_own_cost *own,
          struct sm_profile *profile)
{
    if (own == NULL || !(own->devices >= 1) || !(settings->efficiency > 0))
        return SM_FAIL(SM_ERR_DOMAIN, "profile own: needs what the model costs, devices >= 1 and "
                                      "an efficiency > 0");
    double efficiency = (double)settings->efficiency;
    double forward = own->flop_per_sample * own->samples / own->devices / efficiency;
    *profile = (struct sm_profile){
        .name = "own",
        .source = "operations counted by the model, at a stated share of the device's speed",
        .forward = forward,
        .backward = BACKWARD_PER_FORWARD * forward,
        .update = UPDATE_FLOP_PER_PARAMETER * own->parameters / efficiency,
        .samples = own->samples,
    };
    return SM_OK;
}

enum sm_status
sm_profile_load(struct sm_arena *arena, const struct sm_timing_settings *settings,
                const struct sm_own_cost *own, const char *home, struct sm_profile *profile)
{
    const char *path;
    if (strcmp(settings->profile, "own") == 0)
        return count_own(settings, own, profile);
    SM_TRY(find_file(arena, settings->profile, home, &path));
    return load_file(arena, path, profile);
}

void
sm_profile_scale(struct sm_profile *profile, const struct sm_timing_scale *scale)
{
    profile->load *= scale->load;
    profile->forward *= scale->forward;
    profile->backward *= scale->backward;
    profile->update *= scale->update;
}
