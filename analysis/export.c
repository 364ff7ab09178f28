/* SPDX-License-Identifier: GPL-3.0-or-later */
/* analysis/export.c -- stored runs as CSV (a row an evaluation, a run, or all seeds of one) or JSON
 * Lines (an object a run, or an evaluation). */
#include "analysis/analysis.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "analysis/variants.h"
#include "sim/base/text.h"
#include "sim/store/record.h"

/* ---- CSV, quoted as in RFC 4180 ---- */

static void
print_doubling_quotes(const char *text, FILE *out)
{
    for (; *text != '\0'; text++) {
        if (*text == '"')
            fputc('"', out);
        fputc(*text, out);
    }
}

static void
print_quoted(const char *text, FILE *out)
{
    const char *quote = strpbrk(text, ",\"\r\n") != NULL ? "\"" : "";
    fputs(quote, out);
    print_doubling_quotes(text, out);
    fputs(quote, out);
}

static void
print_warnings(const struct sm_summary *summary, FILE *out)
{
    if (summary->warning_count == 0)
        return;
    fputc('"', out);
    for (size_t i = 0; i < summary->warning_count; i++) {
        fputs(i > 0 ? "; " : "", out);
        print_doubling_quotes(summary->warnings[i], out);
    }
    fputc('"', out);
}

static void
print_real(double value, FILE *out)
{
    char digits[SM_TEXT_DOUBLE];
    if (!isnan(value))
        fputs(sm_text_double(value, digits), out);
}

/* What is null is empty. */
static void
print_value(const struct sm_field *field, const void *record, FILE *out)
{
    const void *value = sm_field_in(field, record);
    switch (field->kind) {
    case SM_FIELD_TEXT:
        if (*(const char *const *)value != NULL)
            print_quoted(*(const char *const *)value, out);
        break;
    case SM_FIELD_REAL:
    case SM_FIELD_WHOLE:
        print_real(*(const double *)value, out);
        break;
    case SM_FIELD_COUNT:
        fprintf(out, "%zu", *(const size_t *)value);
        break;
    case SM_FIELD_WARNINGS:
        print_warnings(record, out);
        break;
    }
}

/* The columns of the evaluation come first; a run that has none gets one row with them empty. */
static void
print_row(const struct sm_stored_run *run, const struct sm_evaluation *evaluation, FILE *out)
{
    fprintf(out, "%lld", (long long)run->run);
    for (const struct sm_field *f = sm_evaluation_fields; f->name != NULL; f++) {
        fputc(',', out);
        if (evaluation != NULL)
            print_value(f, evaluation, out);
    }
    for (const struct sm_field *f = sm_summary_fields; f->name != NULL; f++)
        if (!f->aside) {
            fputc(',', out);
            print_value(f, &run->summary, out);
        }
    fputc('\n', out);
}

static enum sm_status
export_csv(const struct sm_stored_run *runs, size_t count, FILE *out)
{
    fputs("run", out);
    for (const struct sm_field *f = sm_evaluation_fields; f->name != NULL; f++)
        fprintf(out, ",%s", f->name);
    for (const struct sm_field *f = sm_summary_fields; f->name != NULL; f++)
        if (!f->aside)
            fprintf(out, ",%s", f->name);
    fputc('\n', out);
    for (size_t i = 0; i < count; i++) {
        for (size_t e = 0; e < runs[i].evaluation_count; e++)
            print_row(&runs[i], &runs[i].evaluations[e], out);
        if (runs[i].evaluation_count == 0)
            print_row(&runs[i], NULL, out);
    }
    return SM_OK;
}

static enum sm_status
export_runs(const struct sm_stored_run *runs, size_t count, FILE *out)
{
    fputs("run,created", out);
    for (const struct sm_field *f = sm_summary_fields; f->name != NULL; f++)
        if (!f->aside)
            fprintf(out, ",%s", f->name);
    fputc('\n', out);
    for (size_t i = 0; i < count; i++) {
        fprintf(out, "%lld,%s", (long long)runs[i].run, runs[i].created);
        for (const struct sm_field *f = sm_summary_fields; f->name != NULL; f++)
            if (!f->aside) {
                fputc(',', out);
                print_value(f, &runs[i].summary, out);
            }
        fputc('\n', out);
    }
    return SM_OK;
}

/* ---- CSV of variants ---- */

static void
print_reals(const double *values, size_t count, FILE *out)
{
    for (size_t i = 0; i < count; i++) {
        fputc(',', out);
        print_real(values[i], out);
    }
}

/* Of these the row ends with the mean over the finished runs, under the names of the store. */
static const struct {
    const char *column;
    size_t offset;
} means[] = {
#define MEAN(column, member)                                                                       \
    {                                                                                              \
        column, offsetof(struct sm_summary, member)                                                \
    }
    MEAN("workers", workers),
    MEAN("steps", steps),
    MEAN("final_train_loss", final.train_loss),
    MEAN("final_consensus_distance", final.consensus_distance),
    MEAN("sim_seconds", sim.seconds),
    MEAN("sim_load", sim.load),
    MEAN("sim_compute", sim.compute),
    MEAN("sim_exposed_communication", sim.exposed_communication),
    MEAN("sim_idle", sim.idle),
    MEAN("sim_bytes_sent_per_worker", sim.bytes_sent_per_worker),
#undef MEAN
};
enum { MEANS = sizeof means / sizeof *means };

static double
mean_of(const struct sm_variant *variant, size_t offset)
{
    double sum = 0;
    for (size_t i = 0; i < variant->count; i++)
        if (sm_run_finished(variant->runs[i]))
            sum += *(const double *)((const char *)&variant->runs[i]->summary + offset);
    return sum / (double)variant->finished;
}

/* Accuracies are 0 .. 1, as in the other formats. The target is evaluate.target: runs of one store
 * need not have one in common. */
static void
print_variant(const struct sm_variant *v, FILE *out)
{
    const struct sm_sample *accuracy = &v->final[SM_MEASURE_ACCURACY];
    const struct sm_sample *loss = &v->final[SM_MEASURE_LOSS];
    const struct sm_sample *perplexity = &v->final[SM_MEASURE_PERPLEXITY];
    const struct sm_sample *bleu = &v->final[SM_MEASURE_BLEU];
    const double first[] = {
        (double)v->finished,
        accuracy->mean,
        accuracy->sd,
        v->gain.mean,
        v->gain.mean - v->gain_half,
        v->gain.mean + v->gain_half,
    };
    const double others[] = {
        loss->mean, loss->sd, perplexity->mean,     perplexity->sd,
        bleu->mean, bleu->sd, v->step_seconds.mean, v->target,
    };
    const bool gains = v->gain.count > 0;
    print_quoted(v->name, out);
    print_reals(first, sizeof first / sizeof *first, out);
    fprintf(out, ",%s,", gains ? sm_measure_names[v->measure] : "");
    if (v->base != NULL)
        print_quoted(v->base->name, out);
    fprintf(out, ",%zu,%zu", v->gain.count, v->count - v->finished);
    print_reals(others, sizeof others / sizeof *others, out);
    fputc(',', out);
    if (!isnan(v->target))
        fprintf(out, "%zu", v->target_seconds.count);
    fputc(',', out);
    print_real(v->target_seconds.mean, out);
    fprintf(out, ",%lld", (long long)v->runs[0]->run);
    const double target[] = {v->target_seconds.sd, v->target_steps.mean, v->target_steps.sd};
    print_reals(target, sizeof target / sizeof *target, out);
    for (size_t m = 0; m < MEANS; m++) {
        const double mean = mean_of(v, means[m].offset);
        print_reals(&mean, 1, out);
    }
    fputc('\n', out);
}

static enum sm_status
export_seeds(const struct sm_stored_run *runs, size_t count, FILE *out)
{
    struct sm_arena arena = {0};
    struct sm_variant *variants;
    size_t variant_count = 0;
    enum sm_status status =
        sm_variants_find(runs, count, (double)NAN, &arena, &variants, &variant_count);
    if (status == SM_OK) {
        fputs("name,seeds,accuracy_mean,accuracy_sd,gain_mean,gain_low,gain_high,gain_of,against,"
              "pairs,left_out,loss_mean,loss_sd,perplexity_mean,perplexity_sd,bleu_mean,bleu_sd,"
              "seconds_per_step,target,reached,seconds_to_target,first_run,seconds_to_target_sd,"
              "steps_to_target,steps_to_target_sd",
              out);
        for (size_t m = 0; m < MEANS; m++)
            fprintf(out, ",%s", means[m].column);
        fputc('\n', out);
    }
    for (size_t v = 0; status == SM_OK && v < variant_count; v++)
        print_variant(&variants[v], out);
    sm_arena_fini(&arena);
    return status;
}

/* ---- JSON Lines ---- */

/* The summary and then "created" and "evaluations"; NULL when a text is not UTF-8. */
static json_t *
run_json(const struct sm_stored_run *run)
{
    json_t *object = sm_record_json(sm_summary_fields, &run->summary);
    json_t *evaluations = json_array();
    for (size_t i = 0; i < run->evaluation_count; i++)
        json_array_append_new(evaluations,
                              sm_record_json(sm_evaluation_fields, &run->evaluations[i]));
    int failed = json_object_set_new(object, "created", json_string(run->created)) |
                 json_object_set_new(object, "evaluations", evaluations);
    if (failed == 0)
        return object;
    json_decref(object);
    return NULL;
}

static enum sm_status
export_json(const struct sm_stored_run *runs, size_t count, FILE *out)
{
    for (size_t i = 0; i < count; i++) {
        json_t *object = run_json(&runs[i]);
        if (object == NULL)
            return SM_FAIL(SM_ERR_INPUT, "run %lld holds a text that is not UTF-8",
                           (long long)runs[i].run);
        sm_json_print(object, out);
        fputc('\n', out);
        json_decref(object);
    }
    return SM_OK;
}

/* Adds the fields of a record under their dotted names. */
static int
add_flat(json_t *object, const struct sm_field *fields, const void *record)
{
    int failed = 0;
    for (const struct sm_field *f = fields; f->name != NULL; f++)
        if (!f->aside)
            failed |= json_object_set_new(object, f->name, sm_field_json(f, record));
    return failed;
}

/* The columns of csv as keys; a run without evaluations has one line without theirs. */
static enum sm_status
export_jsonl(const struct sm_stored_run *runs, size_t count, FILE *out)
{
    for (size_t i = 0; i < count; i++) {
        const size_t points = runs[i].evaluation_count;
        for (size_t e = 0; e < points || e == 0; e++) {
            json_t *object = json_pack("{s:I}", "run", (json_int_t)runs[i].run);
            int failed =
                points > 0 ? add_flat(object, sm_evaluation_fields, &runs[i].evaluations[e]) : 0;
            failed |= add_flat(object, sm_summary_fields, &runs[i].summary);
            if (failed == 0) {
                sm_json_print(object, out);
                fputc('\n', out);
            }
            json_decref(object);
            if (failed != 0)
                return SM_FAIL(SM_ERR_INPUT, "run %lld holds a text that is not UTF-8",
                               (long long)runs[i].run);
        }
    }
    return SM_OK;
}

enum sm_status
sm_export(const struct sm_stored_run *runs, size_t count, const char *format, FILE *out)
{
    static const struct {
        const char *name;
        enum sm_status (*write)(const struct sm_stored_run *runs, size_t count, FILE *out);
    } formats[] = {{"csv", export_csv},
                   {"runs", export_runs},
                   {"json", export_json},
                   {"jsonl", export_jsonl},
                   {"seeds", export_seeds}};
    size_t f = 0;
    while (f < sizeof formats / sizeof *formats && strcmp(format, formats[f].name) != 0)
        f++;
    if (f == sizeof formats / sizeof *formats)
        return SM_FAIL(
            SM_ERR_INPUT,
            "unknown format '%s', expected csv, runs, json, jsonl, seeds, tensorboard or trace",
            format);
    SM_TRY(formats[f].write(runs, count, out));
    if (fflush(out) != 0 || ferror(out))
        return SM_FAIL(SM_ERR_IO, "cannot write the export: %s", strerror(errno));
    return SM_OK;
}
