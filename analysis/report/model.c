/* SPDX-License-Identifier: GPL-3.0-or-later */
/* analysis/report/model.c -- see model.h. */
#include "analysis/report/model.h"

#include <math.h>
#include <string.h>

#include "analysis/analyse.h"
#include "analysis/analysis.h"
#include "analysis/report/platforms.h"
#include "analysis/report/settings.h"
#include "analysis/report/ties.h"
#include "analysis/report/timelines.h"
#include "sim/store/record.h"

enum { COLOURS = 8, DASHES = 4 };

struct model {
    struct sm_arena arena;
    const struct sm_stored_run *runs;
    size_t run_count;
    struct sm_variant *variants;
    struct sm_analysed *analysed;
    size_t variant_count;
    struct sm_settings_key *keys;
    size_t key_count;
    double target;
};

static json_t *
whole(size_t value)
{
    return json_integer((json_int_t)value);
}

/* ---- runs ---- */

/* "sim_seconds" as "simSeconds"; only the name of the page's x axis is shorter. */
static const char *
script_name(const char *name, char *buffer, size_t size)
{
    size_t length = 0;
    if (strcmp(name, "sim_seconds") == 0)
        return "seconds";
    for (; *name != '\0' && length + 1 < size; name++) {
        const bool rise = *name == '_' && name[1] >= 'a' && name[1] <= 'z';
        if (rise)
            name++;
        buffer[length++] = rise ? (char)(*name - 'a' + 'A') : *name;
    }
    buffer[length] = '\0';
    return buffer;
}

/* One list a column. */
static json_t *
evaluations_json(const struct sm_stored_run *run)
{
    json_t *columns = json_object();
    for (const struct sm_field *f = sm_evaluation_fields; f->name != NULL; f++) {
        char name[64];
        bool any = false;
        json_t *list = json_array();
        for (size_t e = 0; e < run->evaluation_count; e++) {
            json_t *value = sm_field_json(f, &run->evaluations[e]);
            any = any || !json_is_null(value);
            json_array_append_new(list, value);
        }
        if (any)
            json_object_set_new(columns, script_name(f->name, name, sizeof name), list);
        else
            json_decref(list);
    }
    return columns;
}

/* variant: index, or as many as there are for none. NULL: a text is not UTF-8. */
static json_t *
run_json(const struct model *model, const struct sm_stored_run *run, size_t variant)
{
    json_t *object = sm_record_json(sm_summary_fields, &run->summary);
    int failed = 0;
    for (const struct sm_field *f = sm_summary_fields; f->name != NULL; f++)
        if (f->aside && strcmp(f->name, "experiment") != 0) /* the variant's, but for the seed */
            failed |= json_object_set_new(object, f->name, sm_field_json(f, &run->summary));
    failed |= json_object_set_new(object, "run", json_integer(run->run));
    failed |= json_object_set_new(object, "created", sm_json_text(run->created));
    failed |= json_object_set_new(object, "variant",
                                  variant < model->variant_count ? whole(variant) : json_null());
    failed |= json_object_set_new(object, "platform", sm_json_text(run->summary.hashes.platform));
    failed |= json_object_set_new(object, "evaluations", evaluations_json(run));
    if (failed == 0)
        return object;
    json_decref(object);
    return NULL;
}

static enum sm_status
add_runs(const struct model *model, json_t *root)
{
    json_t *list = json_array();
    json_object_set_new(root, "runs", list);
    for (size_t r = 0; r < model->run_count; r++) {
        const struct sm_stored_run *run = &model->runs[r];
        size_t v = 0;
        for (; v < model->variant_count; v++) {
            size_t i = 0;
            while (i < model->variants[v].count && model->variants[v].runs[i] != run)
                i++;
            if (i < model->variants[v].count)
                break;
        }
        if (json_array_append_new(list, run_json(model, run, v)) != 0)
            return SM_FAIL(SM_ERR_INPUT, "run %lld holds a text that is not UTF-8",
                           (long long)run->run);
    }
    return SM_OK;
}

/* ---- variants ---- */

static const char *
unit_name(enum sm_unit unit)
{
    static const char *const names[] = {[SM_UNIT_NONE] = "",
                                        [SM_UNIT_SECONDS] = "seconds",
                                        [SM_UNIT_BYTES] = "bytes",
                                        [SM_UNIT_BANDWIDTH] = "bytes/s",
                                        [SM_UNIT_SPEED] = "FLOP/s"};
    return names[unit];
}

static json_t *
keys_json(const struct model *model)
{
    json_t *list = json_array();
    for (size_t k = 0; k < model->key_count; k++) {
        const struct sm_settings_key *key = &model->keys[k];
        json_array_append_new(list,
                              json_pack("{s:o, s:o, s:b, s:s, s:b, s:b}", "key",
                                        sm_json_text(key->key), "label", sm_json_text(key->label),
                                        "numeric", key->numeric, "unit", unit_name(key->unit),
                                        "logarithmic", key->logarithmic, "swept", key->swept));
    }
    return list;
}

static json_t *
settings_json(const struct model *model, size_t variant)
{
    json_t *object = json_object();
    for (size_t k = 0; k < model->key_count; k++) {
        const struct sm_setting *setting = &model->keys[k].settings[variant];
        json_object_set_new(object, model->keys[k].key,
                            setting->text == NULL
                                ? json_null()
                                : json_pack("{s:o, s:o}", "text", sm_json_text(setting->text),
                                            "value", sm_json_real(setting->value)));
    }
    return object;
}

/* Of an iteration. */
enum part { LOAD, COMPUTE, COMMUNICATION, IDLE, BYTES };

static double
part_of(const struct sm_summary *summary, enum part part)
{
    const double sums[] = {summary->sim.load, summary->sim.compute,
                           summary->sim.exposed_communication, summary->sim.idle,
                           summary->sim.bytes_sent_per_worker};
    return sums[part] / summary->steps;
}

/* The mean over the finished runs. */
static enum sm_status
part_json(struct sm_arena *arena, const struct sm_variant *variant, enum part part, json_t **value)
{
    double *values = sm_arena_alloc(arena, variant->count, sizeof *values);
    if (values == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for the report");
    for (size_t i = 0; i < variant->count; i++)
        values[i] = sm_run_finished(variant->runs[i]) ? part_of(&variant->runs[i]->summary, part)
                                                      : (double)NAN;
    *value = sm_json_real(sm_sample_take(values, variant->count).mean);
    return SM_OK;
}

static json_t *
mean_json(double mean, const struct sm_interval *interval)
{
    return json_pack("{s:o, s:o, s:o}", "mean", sm_json_real(mean), "low",
                     sm_json_real(interval->low), "high", sm_json_real(interval->high));
}

/* "finished", or what became of how many: "2 finished, 1 diverged". */
static const char *
status_of(struct sm_arena *arena, const struct sm_variant *variant)
{
    const char *list = "";
    for (size_t i = 0; i < variant->count; i++) {
        const char *status = variant->runs[i]->summary.status;
        size_t first = 0, same = 0;
        while (strcmp(variant->runs[first]->summary.status, status) != 0)
            first++;
        for (size_t j = i; first == i && j < variant->count; j++)
            same += strcmp(variant->runs[j]->summary.status, status) == 0;
        if (same == variant->count)
            return status;
        if (same > 0 && list != NULL)
            list =
                sm_arena_printf(arena, "%s%s%zu %s", list, *list != '\0' ? ", " : "", same, status);
    }
    return list;
}

static json_t *
indices_json(const struct model *model, const struct sm_variant *variant)
{
    json_t *list = json_array();
    for (size_t i = 0; i < variant->count; i++)
        json_array_append_new(list, whole((size_t)(variant->runs[i] - model->runs)));
    return list;
}

static size_t
line_count(const char *text)
{
    size_t lines = 0;
    for (; *text != '\0'; text++)
        lines += *text == '\n';
    return lines;
}

/* The text; where it has as many lines as the first variant's, those that differ: [[line, text]].
 */
static json_t *
experiment_json(const struct model *model, size_t v)
{
    const char *own = model->variants[v].experiment, *first = model->variants[0].experiment;
    if (v == 0 || line_count(own) != line_count(first))
        return sm_json_text(own);
    json_t *changes = json_array();
    for (size_t line = 0; *own != '\0' && *first != '\0'; line++) {
        const size_t length = strcspn(own, "\n"), other = strcspn(first, "\n");
        if (length != other || memcmp(own, first, length) != 0)
            json_array_append_new(changes, json_pack("[i, s%]", (int)line, own, length));
        own += length + (own[length] == '\n');
        first += other + (first[other] == '\n');
    }
    return changes;
}

static enum sm_status
variant_json(struct model *model, size_t v, json_t **object)
{
    const struct sm_analysed *a = &model->analysed[v];
    const struct sm_variant *variant = a->variant;
    const struct sm_summary *first = &variant->runs[0]->summary;
    json_t *parts[BYTES + 1];
    for (enum part p = LOAD; p <= BYTES; p++)
        SM_TRY(part_json(&model->arena, variant, p, &parts[p]));
    *object = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "name", sm_json_text(variant->name),
                        "runs", indices_json(model, variant), "workers",
                        whole((size_t)first->workers), "seeds", whole(variant->finished), "status",
                        sm_json_text(status_of(&model->arena, variant)), "experiment",
                        experiment_json(model, v), "settings", settings_json(model, v));
    if (*object == NULL)
        return SM_FAIL(SM_ERR_INPUT, "run %lld holds a text that is not UTF-8",
                       (long long)variant->runs[0]->run);
    json_t *measure = mean_json(a->measure, &a->measure_interval);
    json_object_set_new(measure, "half", sm_json_real(a->measure_half));
    json_object_set_new(
        measure, "name",
        sm_json_text(variant->measure != SM_MEASURES ? sm_measure_names[variant->measure] : NULL));
    json_t *target =
        json_pack("{s:o, s:o, s:o, s:o}", "value", sm_json_real(variant->target), "seconds",
                  mean_json(a->target_seconds.mean, &a->target_interval), "steps",
                  sm_json_real(a->target_steps.mean), "reached", whole(a->target_seconds.count));
    json_t *speed_up = mean_json(a->speed_up, &a->speed_up_interval);
    json_object_set_new(speed_up, "base",
                        a->base != NULL ? whole((size_t)(a->base - model->variants)) : json_null());
    json_object_set_new(speed_up, "pairs", whole(a->pairs));
    json_t *rest = json_pack(
        "{s:o, s:{s:o}, s:{s:o, s:o, s:o, s:o, s:o, s:o}, s:b, s:o, s:o, s:{s:o, s:o, s:o}, s:o, "
        "s:o}",
        "measure", measure, "seconds", "mean", sm_json_real(a->seconds), "step", "seconds",
        sm_json_real(variant->step_seconds.mean), "load", parts[LOAD], "compute", parts[COMPUTE],
        "communication", parts[COMMUNICATION], "idle", parts[IDLE], "bytes", parts[BYTES], "front",
        a->front, "target", target, "speedUp", speed_up, "rate", "slope",
        sm_json_real(a->rate.value), "error", sm_json_real(a->rate.error), "bound",
        sm_json_real(a->bound), "colour", whole(v % COLOURS), "dash", whole(v / COLOURS % DASHES));
    const int failed = json_object_update_new(*object, rest);
    return failed == 0 ? SM_OK : SM_FAIL(SM_ERR_NOMEM, "no memory for the report");
}

/* ---- all of it ---- */

static enum sm_status
add_facts(struct model *model, json_t *root)
{
    static const char *const work[2] = {"workload.model", "workload.dataset"};
    static const char *const machine[2] = {"platform.file", "timing.profile"};
    struct sm_facet works, machines;
    SM_TRY(sm_facet_take(&model->arena, &model->variants[0], work, &works));
    SM_TRY(sm_facet_take(&model->arena, &model->variants[0], machine, &machines));
    json_object_set_new(root, "facts",
                        json_pack("{s:o, s:o, s:o, s:o}", "model", sm_json_text(works.values[0]),
                                  "dataset", sm_json_text(works.values[1]), "platform",
                                  sm_json_text(machines.values[0]), "profile",
                                  sm_json_text(machines.values[1])));
    return SM_OK;
}

static json_t *
judged_json(const struct model *model)
{
    size_t v = 0;
    while (v < model->variant_count && model->variants[v].measure == SM_MEASURES)
        v++;
    if (v == model->variant_count)
        return json_null();
    const enum sm_measure measure = model->variants[v].measure;
    const bool accuracy = measure == SM_MEASURE_ACCURACY;
    return json_pack("{s:s, s:s, s:b, s:i}", "name", sm_measure_names[measure], "unit",
                     accuracy                     ? "%"
                     : measure == SM_MEASURE_LOSS ? "nats"
                                                  : "",
                     "moreIsBetter", accuracy || measure == SM_MEASURE_BLEU, "scale",
                     accuracy ? 100 : 1);
}

static enum sm_status
fill(struct model *model, const struct sm_report_request *request, json_t *root)
{
    model->target =
        isnan(request->target) ? sm_common_target(model->runs, model->run_count) : request->target;
    SM_TRY(sm_variants_find(model->runs, model->run_count, model->target, &model->arena,
                            &model->variants, &model->variant_count));
    SM_TRY(sm_analyse_variants(&model->arena, model->variants, model->variant_count,
                               &model->analysed));
    SM_TRY(sm_settings_find(&model->arena, model->variants, model->variant_count, &model->keys,
                            &model->key_count));
    json_object_set_new(root, "title", sm_json_text(request->title));
    json_object_set_new(root, "version", sm_json_text(request->version));
    json_object_set_new(root, "target", sm_json_real(model->target));
    SM_TRY(add_facts(model, root));
    json_object_set_new(root, "judged", judged_json(model));
    json_object_set_new(root, "keys", keys_json(model));
    json_t *ties;
    SM_TRY(sm_report_ties(model->variants, model->variant_count, model->keys, model->key_count,
                          &ties));
    json_object_set_new(root, "ties", ties);
    json_t *variants = json_array();
    json_object_set_new(root, "variants", variants);
    for (size_t v = 0; v < model->variant_count; v++) {
        json_t *object;
        SM_TRY(variant_json(model, v, &object));
        json_array_append_new(variants, object);
    }
    SM_TRY(add_runs(model, root));
    json_t *platforms, *timelines;
    SM_TRY(sm_report_platforms(request->store, model->runs, model->run_count, &platforms));
    json_object_set_new(root, "platforms", platforms);
    SM_TRY(sm_report_timelines(request->store, model->variants, model->variant_count, &timelines));
    json_object_set_new(root, "timelines", timelines);
    return SM_OK;
}

enum sm_status
sm_report_model(const struct sm_stored_run *runs, size_t count,
                const struct sm_report_request *request, json_t **model)
{
    struct model parts = {.runs = runs, .run_count = count};
    if (count == 0)
        return SM_FAIL(SM_ERR_INPUT, "the store holds no run");
    json_t *root = json_object();
    enum sm_status status = root != NULL ? fill(&parts, request, root)
                                         : SM_FAIL(SM_ERR_NOMEM, "no memory for the report");
    sm_arena_fini(&parts.arena);
    if (status == SM_OK)
        *model = root;
    else
        json_decref(root);
    return status;
}
