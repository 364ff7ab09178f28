/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/store/record.c -- the field tables, and records as JSON. */
#include "sim/store/record.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/text.h"

#define FIELD(kind_, member)                                                                       \
    {                                                                                              \
        .name = #member, .kind = SM_FIELD_##kind_, .offset = offsetof(struct sm_summary, member)   \
    }
#define LATER(schema, kind_, member)                                                               \
    {                                                                                              \
        .name = #member, .kind = SM_FIELD_##kind_, .offset = offsetof(struct sm_summary, member),  \
        .since = (schema)                                                                          \
    }
#define ASIDE(kind_, member)                                                                       \
    {                                                                                              \
        .name = #member, .kind = SM_FIELD_##kind_, .offset = offsetof(struct sm_summary, member),  \
        .aside = true                                                                              \
    }

/* The order is the order of the keys in the summary. */
const struct sm_field sm_summary_fields[] = {
    FIELD(TEXT, name),
    FIELD(TEXT, run_id),
    FIELD(WHOLE, workers),
    FIELD(WHOLE, steps),
    FIELD(WHOLE, seed),
    FIELD(WHOLE, parameters),
    FIELD(WHOLE, wire_bytes_per_model),
    FIELD(TEXT, algorithm.inner),
    FIELD(TEXT, algorithm.strategy),
    FIELD(TEXT, algorithm.outer),
    FIELD(TEXT, algorithm.buffer),
    LATER(3, TEXT, algorithm.period),
    FIELD(WHOLE, algorithm.tau),
    LATER(3, TEXT, algorithm.compression),
    FIELD(TEXT, algorithm.collective),
    FIELD(REAL, final.train_loss),
    FIELD(REAL, final.test_loss),
    FIELD(REAL, final.test_accuracy),
    LATER(2, REAL, final.test_perplexity),
    LATER(2, REAL, final.test_bleu),
    FIELD(REAL, final.consensus_distance),
    FIELD(REAL, best.test_accuracy),
    FIELD(WHOLE, best.step),
    FIELD(REAL, best.sim_seconds),
    FIELD(REAL, sim.seconds),
    FIELD(REAL, sim.seconds_per_step),
    FIELD(REAL, sim.load),
    FIELD(REAL, sim.compute),
    FIELD(REAL, sim.exposed_communication),
    FIELD(REAL, sim.idle),
    FIELD(WHOLE, sim.bytes_sent_per_worker),
    LATER(4, WHOLE, sim.replayed_steps),
    LATER(4, TEXT, sim.replay),
    FIELD(REAL, wall.seconds),
    FIELD(REAL, wall.samples_per_second),
    FIELD(TEXT, hashes.parameters),
    FIELD(TEXT, hashes.platform),
    FIELD(TEXT, hashes.data),
    FIELD(TEXT, hashes.experiment),
    FIELD(WARNINGS, warnings),
    FIELD(TEXT, status),
    ASIDE(TEXT, experiment),
    ASIDE(TEXT, trajectory_key),
    ASIDE(TEXT, timing_key),
    ASIDE(TEXT, version),
    ASIDE(TEXT, network_model),
    ASIDE(TEXT, error),
    ASIDE(REAL, wire_scale),
    {.name = NULL},
};

#undef FIELD
#define FIELD(kind_, member)                                                                       \
    {                                                                                              \
        .name = #member, .kind = SM_FIELD_##kind_,                                                 \
        .offset = offsetof(struct sm_evaluation, member)                                           \
    }
#undef LATER
#define LATER(schema, kind_, member)                                                               \
    {                                                                                              \
        .name = #member, .kind = SM_FIELD_##kind_,                                                 \
        .offset = offsetof(struct sm_evaluation, member), .since = (schema)                        \
    }

const struct sm_field sm_evaluation_fields[] = {
    FIELD(COUNT, step),        FIELD(REAL, sim_seconds),        FIELD(REAL, train_loss),
    FIELD(REAL, test_loss),    FIELD(REAL, test_accuracy),      LATER(2, REAL, test_perplexity),
    LATER(2, REAL, test_bleu), FIELD(REAL, consensus_distance), {.name = NULL},
};

#undef FIELD
#define FIELD(kind_, member)                                                                       \
    {                                                                                              \
        .name = #member, .kind = SM_FIELD_##kind_, .offset = offsetof(struct sm_span, member)      \
    }

const struct sm_field sm_span_fields[] = {
    FIELD(COUNT, worker),      FIELD(TEXT, track), FIELD(TEXT, name), FIELD(WHOLE, step),
    FIELD(WHOLE, round),       FIELD(REAL, t0),    FIELD(REAL, t1),   FIELD(WHOLE, bytes),
    FIELD(WHOLE, from_worker), {.name = NULL},
};

bool
sm_store_is_done(const char *status)
{
    return status != NULL && (strcmp(status, "finished") == 0 || strcmp(status, "diverged") == 0);
}

json_t *
sm_json_real(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

json_t *
sm_json_number(double value)
{
    return value == rint(value) && fabs(value) < 0x1p63 ? json_integer((json_int_t)value)
                                                        : sm_json_real(value);
}

json_t *
sm_json_text(const char *value)
{
    return value != NULL ? json_string(value) : json_null();
}

static json_t *
warnings_json(const struct sm_summary *summary)
{
    json_t *list = json_array();
    for (size_t i = 0; i < summary->warning_count; i++)
        if (json_array_append_new(list, json_string(summary->warnings[i])) != 0) {
            json_decref(list);
            return NULL;
        }
    return list;
}

json_t *
sm_field_json(const struct sm_field *field, const void *record)
{
    const void *value = sm_field_in(field, record);
    switch (field->kind) {
    case SM_FIELD_TEXT:
        return sm_json_text(*(const char *const *)value);
    case SM_FIELD_REAL:
        return sm_json_real(*(const double *)value);
    case SM_FIELD_WHOLE:
        return sm_json_number(*(const double *)value);
    case SM_FIELD_COUNT:
        return json_integer((json_int_t) * (const size_t *)value);
    case SM_FIELD_WARNINGS:
        return warnings_json(record);
    }
    return NULL;
}

/* The object that holds the last part of a dotted name (made on the way), and that part. */
static json_t *
home_of(json_t *object, const char *name, const char **last)
{
    const char *dot = strchr(name, '.');
    if (dot == NULL) {
        *last = name;
        return object;
    }
    char group[32] = "";
    memcpy(group, name, (size_t)(dot - name));
    json_t *inner = json_object_get(object, group);
    if (inner == NULL) {
        inner = json_object();
        json_object_set_new(object, group, inner);
    }
    return home_of(inner, dot + 1, last);
}

json_t *
sm_record_json(const struct sm_field *fields, const void *record)
{
    json_t *object = json_object();
    for (const struct sm_field *f = fields; f->name != NULL; f++) {
        if (f->aside)
            continue;
        const char *key;
        json_t *home = home_of(object, f->name, &key);
        if (json_object_set_new(home, key, sm_field_json(f, record)) != 0) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

static void
print_real(double value, FILE *out)
{
    char digits[SM_TEXT_DOUBLE];
    fputs(sm_text_double(value, digits), out);
    if (strpbrk(digits, ".e") == NULL)
        fputs(".0", out); /* a reader that tells whole numbers from others keeps the type */
}

void
sm_json_print(const json_t *value, FILE *out)
{
    const char *key, *separator = "";
    size_t i;
    json_t *child;
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        fputc('{', out);
        json_object_foreach((json_t *)value, key, child)
        {
            fprintf(out, "%s\"%s\":", separator, key); /* our keys need no escapes */
            sm_json_print(child, out);
            separator = ",";
        }
        fputc('}', out);
        break;
    case JSON_ARRAY:
        fputc('[', out);
        json_array_foreach(value, i, child)
        {
            fputs(separator, out);
            sm_json_print(child, out);
            separator = ",";
        }
        fputc(']', out);
        break;
    case JSON_REAL:
        print_real(json_real_value(value), out);
        break;
    default:
        json_dumpf(value, out, JSON_ENCODE_ANY);
    }
}

enum sm_status
sm_summary_json(const struct sm_summary *summary, struct sm_arena *arena, const char **json)
{
    json_t *object = sm_record_json(sm_summary_fields, summary);
    if (object == NULL)
        return SM_FAIL(SM_ERR_INPUT, "%s: the summary holds a text that is not UTF-8",
                       summary->name);
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (out != NULL) {
        sm_json_print(object, out);
        fclose(out);
    }
    json_decref(object);
    *json = text != NULL ? sm_arena_strdup(arena, text) : NULL;
    free(text);
    if (*json == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "%s: no memory for the summary", summary->name);
    return SM_OK;
}
