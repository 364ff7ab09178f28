/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/run/explanation.c -- what explain.h found, for people and as JSON. */
#include <jansson.h>
#include <math.h>
#include <string.h>

#include "sim/run/explain.h"
#include "sim/store/record.h"

/* Of one stage, over the workers. */
struct stage {
    double mean; /* seconds a step */
    size_t fastest, slowest;
};

static double
worker_seconds(const struct sm_explanation *e, size_t worker, size_t stage)
{
    return e->spent[worker].seconds[stage] / (double)e->steps;
}

static struct stage
summarize(const struct sm_explanation *e, size_t stage)
{
    struct stage s = {0};
    for (size_t r = 0; r < e->workers; r++) {
        const double seconds = worker_seconds(e, r, stage);
        s.mean += seconds / (double)e->workers;
        if (seconds < worker_seconds(e, s.fastest, stage))
            s.fastest = r;
        if (seconds > worker_seconds(e, s.slowest, stage))
            s.slowest = r;
    }
    return s;
}

/* Of a worker's seconds; all stages of all workers make 1. */
static double
mean_step(const struct sm_explanation *e)
{
    double seconds = 0;
    for (size_t r = 0; r < e->workers; r++)
        seconds += e->ends[r] / (double)(e->workers * e->steps);
    return seconds;
}

/* Why it changes nothing. Whether anything uses a link is known; of other settings it is not. */
static const char *
effect_text(const struct sm_variation *v)
{
    if (v->effect == SM_EFFECT_UNUSED)
        return "nothing: no message crosses it";
    if (strncmp(v->setting, "platform.", strlen("platform.")) == 0)
        return "nothing: hidden behind something else";
    return "nothing: not used here, or hidden behind something else";
}

/* ---- for people ---- */

static void
print_stages(const struct sm_explanation *e, FILE *out)
{
    const double whole = mean_step(e);
    fprintf(out, "  %-14s %10s %7s  %-32s %s\n", "stage", "mean ms", "share", "fastest, ms",
            "slowest, ms");
    for (size_t i = 0; i < SM_STAGES; i++) {
        const struct stage s = summarize(e, i);
        char fastest[128];
        if (!(s.mean > 0))
            continue;
        const double least = worker_seconds(e, s.fastest, i),
                     most = worker_seconds(e, s.slowest, i);
        fprintf(out, "  %-14s %10.4g %5.1f %%  ", sm_stage_names[i], 1e3 * s.mean,
                100 * s.mean / whole);
        if (most - least <= 1e-9 * s.mean) {
            fputs("all alike\n", out);
            continue;
        }
        snprintf(fastest, sizeof fastest, "%.4g worker %zu (%s)", 1e3 * least, s.fastest,
                 e->hosts[s.fastest]);
        fprintf(out, "%-32s %.4g worker %zu (%s)\n", fastest, 1e3 * most, s.slowest,
                e->hosts[s.slowest]);
    }
}

static void
print_use(double use, FILE *out)
{
    if (isnan(use))
        fprintf(out, " %8s", "-");
    else
        fprintf(out, " %6.1f %%", 100 * use);
}

static int
class_width(const struct sm_explanation *e)
{
    size_t width = 14;
    for (size_t c = 0; c < e->class_count; c++)
        if (e->classes[c].used > 0 && strlen(e->classes[c].name) > width)
            width = strlen(e->classes[c].name);
    return (int)width;
}

static void
print_links(const struct sm_explanation *e, FILE *out)
{
    const int width = class_width(e);
    fprintf(out, "  %-*s %6s %6s %12s %8s %8s  %s\n", width, "links", "", "used", "MB a step",
            "mean", "highest", "busiest");
    for (size_t c = 0; c < e->class_count; c++) {
        const struct sm_link_class *class = &e->classes[c];
        if (class->used == 0)
            continue;
        fprintf(out, "  %-*s %6zu %6zu %12.5g", width, class->name, class->links, class->used,
                1e-6 * class->bytes / (double)e->steps);
        print_use(class->mean, out);
        print_use(class->most, out);
        fprintf(out, "  %s\n", class->busiest);
    }
    const char *separator = "  no message crosses ";
    for (size_t c = 0; c < e->class_count; c++)
        if (e->classes[c].used == 0 && !e->classes[c].stands) {
            fprintf(out, "%s%s", separator, e->classes[c].name);
            separator = ", ";
        }
    if (separator[0] == ',')
        fputc('\n', out);
}

static void
print_change(const struct sm_explanation *e, double seconds, FILE *out)
{
    if (isnan(seconds))
        fprintf(out, " %10s", "-");
    else
        fprintf(out, " %+8.2f %%", 100 * (seconds / e->seconds_per_step - 1));
}

static void
print_variations(const struct sm_explanation *e, FILE *out)
{
    size_t width = 24;
    for (size_t i = 0; i < e->variation_count; i++)
        if (e->variations[i].effect != SM_EFFECT_UNUSED && strlen(e->variations[i].setting) > width)
            width = strlen(e->variations[i].setting);
    fprintf(out, "  %-*s %10s %10s %11s\n", (int)width, "a setting 10 % lower, higher", "lower",
            "higher", "elasticity");
    for (size_t i = 0; i < e->variation_count; i++) {
        const struct sm_variation *v = &e->variations[i];
        if (v->effect == SM_EFFECT_UNUSED) /* named among the links */
            continue;
        fprintf(out, "  %-*s", (int)width, v->setting);
        if (v->effect == SM_EFFECT_HIDDEN) {
            fprintf(out, " %s\n", effect_text(v));
            continue;
        }
        print_change(e, v->seconds[0], out);
        print_change(e, v->seconds[1], out);
        fprintf(out, " %11.3f\n", v->elasticity);
    }
}

void
sm_explanation_print(const struct sm_explanation *e, FILE *out)
{
    fprintf(out, "%s: %.5g ms a step, %zu workers; %zu steps", e->name, 1e3 * e->seconds_per_step,
            e->workers, e->steps);
    if (e->all_steps > e->steps)
        fprintf(out, " of %zu", e->all_steps);
    fprintf(out, ", %zu runs\n\n", e->runs);
    print_stages(e, out);
    fputc('\n', out);
    print_links(e, out);
    fputc('\n', out);
    print_variations(e, out);
    if (e->warning_count > 0)
        fputc('\n', out);
    for (size_t i = 0; i < e->warning_count; i++)
        fprintf(out, "  warning: %s\n", e->warnings[i]);
}

/* ---- JSON ---- */

static json_t *
worker_json(const struct sm_explanation *e, size_t worker, double seconds)
{
    return json_pack("{s:I, s:s, s:o}", "worker", (json_int_t)worker, "host", e->hosts[worker],
                     "seconds", sm_json_real(seconds));
}

static json_t *
stages_json(const struct sm_explanation *e)
{
    json_t *stages = json_object();
    const double whole = mean_step(e);
    for (size_t i = 0; i < SM_STAGES; i++) {
        const struct stage s = summarize(e, i);
        json_object_set_new(stages, sm_stage_names[i],
                            json_pack("{s:o, s:o, s:o, s:o}", "mean", sm_json_real(s.mean), "share",
                                      sm_json_real(s.mean / whole), "fastest",
                                      worker_json(e, s.fastest, worker_seconds(e, s.fastest, i)),
                                      "slowest",
                                      worker_json(e, s.slowest, worker_seconds(e, s.slowest, i))));
    }
    return stages;
}

/* Seconds a step of each. */
static json_t *
workers_json(const struct sm_explanation *e)
{
    json_t *workers = json_array();
    for (size_t r = 0; r < e->workers; r++) {
        json_t *worker = worker_json(e, r, e->ends[r] / (double)e->steps);
        for (size_t i = 0; i < SM_STAGES; i++)
            json_object_set_new(worker, sm_stage_names[i], sm_json_real(worker_seconds(e, r, i)));
        json_array_append_new(workers, worker);
    }
    return workers;
}

static json_t *
classes_json(const struct sm_explanation *e)
{
    json_t *classes = json_array();
    for (size_t c = 0; c < e->class_count; c++) {
        const struct sm_link_class *class = &e->classes[c];
        json_array_append_new(
            classes, json_pack("{s:s, s:I, s:I, s:o, s:o, s:o, s:s}", "links", class->name, "count",
                               (json_int_t) class->links, "used", (json_int_t) class->used,
                               "bytes_per_step", sm_json_real(class->bytes / (double)e->steps),
                               "mean_utilisation", sm_json_real(class->mean), "highest_utilisation",
                               sm_json_real(class->most), "busiest", class->busiest));
    }
    return classes;
}

/* Those that carried something. */
static json_t *
links_json(const struct sm_explanation *e)
{
    json_t *links = json_array();
    for (size_t i = 0; i < e->link_count; i++) {
        const struct sm_link_use *link = &e->links[i];
        if (!(link->bytes[0] + link->bytes[1] > 0))
            continue;
        json_t *object = json_pack("{s:s}", "name", link->name);
        json_object_set_new(object, link->duplex ? "bytes_up" : "bytes",
                            sm_json_real(link->bytes[0]));
        if (link->duplex)
            json_object_set_new(object, "bytes_down", sm_json_real(link->bytes[1]));
        json_object_set_new(object, "bandwidth", sm_json_real(link->bandwidth));
        json_object_set_new(object, "utilisation", sm_json_real(link->utilisation));
        json_array_append_new(links, object);
    }
    return links;
}

static json_t *
variations_json(const struct sm_explanation *e)
{
    json_t *variations = json_array();
    for (size_t i = 0; i < e->variation_count; i++) {
        const struct sm_variation *v = &e->variations[i];
        json_t *object = json_pack(
            "{s:s, s:s, s:s, s:o, s:o, s:o}", "setting", v->setting, "lower", v->less, "higher",
            v->more, "seconds_lower", sm_json_real(v->seconds[0]), "seconds_higher",
            sm_json_real(v->seconds[1]), "elasticity", sm_json_real(v->elasticity));
        if (v->effect != SM_EFFECT_SOME)
            json_object_set_new(object, "warning", json_string(effect_text(v)));
        json_array_append_new(variations, object);
    }
    return variations;
}

enum sm_status
sm_explanation_print_json(const struct sm_explanation *e, FILE *out)
{
    json_t *warnings = json_array();
    for (size_t i = 0; i < e->warning_count; i++)
        json_array_append_new(warnings, json_string(e->warnings[i]));
    json_t *object = json_pack(
        "{s:s, s:I, s:I, s:o, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "name", e->name, "workers",
        (json_int_t)e->workers, "steps", (json_int_t)e->steps, "all_steps",
        e->all_steps > 0 ? json_integer((json_int_t)e->all_steps) : json_null(), "runs",
        (json_int_t)e->runs, "seconds_per_step", sm_json_real(e->seconds_per_step), "stages",
        stages_json(e), "per_worker", workers_json(e), "link_classes", classes_json(e), "links",
        links_json(e), "settings", variations_json(e), "warnings", warnings);
    if (object == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "%s: no memory for JSON, or a name that is not UTF-8",
                       e->name);
    sm_json_print(object, out);
    fputc('\n', out);
    json_decref(object);
    return SM_OK;
}
