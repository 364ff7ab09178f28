/* SPDX-License-Identifier: GPL-3.0-or-later */
/* analysis/report/timelines.c -- see timelines.h. */
#include "analysis/report/timelines.h"

#include <math.h>
#include <string.h>

#include "sim/store/record.h"

enum { MOST_TIMELINES = 40 }; /* some 35 kB each */

static size_t
track_index(const char *name)
{
    static const char *const tracks[] = {"program", "devices", "stream", "message"};
    size_t i = 0;
    while (i + 1 < sizeof tracks / sizeof *tracks && strcmp(name, tracks[i]) != 0)
        i++;
    return i;
}

/* Index of the text or number in the list, where it is put when it is not there. */
static size_t
index_in(json_t *list, json_t *value)
{
    size_t i = 0;
    while (i < json_array_size(list) && !json_equal(json_array_get(list, i), value))
        i++;
    if (i == json_array_size(list))
        json_array_append(list, value);
    json_decref(value);
    return i;
}

static double
earliest(const struct sm_stored_run *run)
{
    double t0 = INFINITY;
    for (size_t i = 0; i < run->span_count; i++)
        if (strcmp(run->spans[i].track, "message") != 0) /* one may be older than the first step */
            t0 = fmin(t0, run->spans[i].t0);
    return isfinite(t0) ? t0 : 0;
}

enum column { RANK, TRACK, NAME, STEP, ROUND, START, SECONDS, BYTES, FROM, COLUMNS };

static const char *const column_names[COLUMNS] = {"rank",  "track",   "name",  "step", "round",
                                                  "start", "seconds", "bytes", "from"};

static json_t *
spans_json(const struct sm_stored_run *run, double origin, json_t *ranks, json_t *names)
{
    json_t *lists[COLUMNS], *object = json_object();
    bool any[COLUMNS] = {false};
    for (enum column c = 0; c < COLUMNS; c++)
        lists[c] = json_array();
    for (size_t i = 0; i < run->span_count; i++) {
        const struct sm_span *span = &run->spans[i];
        const double values[COLUMNS] = {
            (double)index_in(ranks, json_integer((json_int_t)span->worker)),
            (double)track_index(span->track),
            (double)index_in(names, json_string(span->name)),
            span->step,
            span->round,
            span->t0 - origin,
            span->t1 - span->t0,
            span->bytes,
            span->from_worker};
        for (enum column c = 0; c < COLUMNS; c++) {
            any[c] = any[c] || isfinite(values[c]);
            json_array_append_new(lists[c], sm_json_number(values[c]));
        }
    }
    for (enum column c = 0; c < COLUMNS; c++)
        if (any[c])
            json_object_set_new(object, column_names[c], lists[c]);
        else
            json_decref(lists[c]);
    return object;
}

static json_t *
timeline_json(const struct sm_stored_run *run, size_t variant)
{
    const struct sm_summary *s = &run->summary;
    const double origin = earliest(run);
    json_t *ranks = json_array(), *names = json_array();
    json_t *spans = spans_json(run, origin, ranks, names);
    return json_pack("{s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "variant",
                     (json_int_t)variant, "run", (json_int_t)run->run, "seed",
                     sm_json_number(s->seed), "workers", sm_json_number(s->workers), "steps",
                     sm_json_number(s->steps), "tau", sm_json_number(s->algorithm.tau), "origin",
                     sm_json_number(origin), "ranks", ranks, "names", names, "spans", spans);
}

/* The first run of the variant that has spans; *timeline is NULL when none has. */
static enum sm_status
look(struct sm_store *store, const struct sm_variant *variant, size_t index, json_t **timeline)
{
    struct sm_arena arena = {0};
    enum sm_status status = SM_OK;
    *timeline = NULL;
    for (size_t i = 0; i < variant->count && status == SM_OK && *timeline == NULL; i++) {
        struct sm_stored_run run = *variant->runs[i];
        status = sm_store_read_more(store, &arena, &run);
        if (status != SM_OK || run.span_count == 0)
            continue;
        *timeline = timeline_json(&run, index);
        if (*timeline == NULL)
            status = SM_FAIL(SM_ERR_INPUT, "run %lld has a span whose name is not UTF-8",
                             (long long)run.run);
    }
    sm_arena_fini(&arena);
    return status;
}

enum sm_status
sm_report_timelines(struct sm_store *store, const struct sm_variant *variants, size_t count,
                    json_t **list)
{
    *list = json_array();
    enum sm_status status =
        *list != NULL ? SM_OK : SM_FAIL(SM_ERR_NOMEM, "no memory for the report");
    for (size_t v = 0; store != NULL && v < count && status == SM_OK; v++) {
        json_t *timeline;
        if (json_array_size(*list) == MOST_TIMELINES)
            break;
        status = look(store, &variants[v], v, &timeline);
        if (status == SM_OK && timeline != NULL)
            json_array_append_new(*list, timeline);
    }
    if (status != SM_OK)
        json_decref(*list);
    return status;
}
