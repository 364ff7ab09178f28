/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/integration/timeline.c -- the spans that runs leave in their store: those of a trace, the
 * same at any number of threads and with replay, at no second's cost, and a file for a viewer. */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/run/sample.h"
#include "tests/helpers/check.h"
#include "tests/helpers/folder.h"
#include "tests/helpers/json.h"
#include "tests/helpers/program.h"
#include "tests/helpers/stores.h"
#include "tests/helpers/training.h"

static const char gossip[] =
    "name: gossip\nsteps: 24\nplatform: {file: star_4, speed: {node1: x0.8}}\n" SOFTMAX "\n"
    "timing: {profile: resnet18_v100, straggler: {distribution: lognormal, cv: 0.1}}\n"
    "algorithm: {strategy: osgp, outer: slowmo, tau: 8}\n";

static const char devices[] =
    "name: devices\nsteps: 12\nplatform: {file: dgx1_32_10gbe, workers: 3}\n" SOFTMAX "\n"
    "timing: {profile: resnet50_v100x8}\n"
    "algorithm: {strategy: allreduce}\n";

static const char servers[] =
    "name: servers\nsteps: 20\nplatform: {file: star_4, workers: 3, speed: {node2: x0.5}}\n" SOFTMAX
    "\ntiming: {profile: resnet18_v100}\n"
    "algorithm: {strategy: parameter_server_async}\n";

static const char *const files[] = {"gossip.yaml", "devices.yaml", "servers.yaml"};

static int
setup(void **state)
{
    (void)state;
    folder_write("gossip.yaml", gossip);
    folder_write("devices.yaml", devices);
    folder_write("servers.yaml", servers);
    return 0;
}

static void
succeeds(const struct program_result *result)
{
    if (result->status != 0)
        fail_msg("exit status %d: %s", result->status, result->err);
}

/* ---- against a trace ---- */

/* Microseconds to the nanosecond, as the file has them. */
static double
moment(double seconds)
{
    return floor(1e9 * seconds + 0.5) / 1e3;
}

/* The event is the span; a forward pass ends before the compute that it is part of, a backward one
 * begins after it. */
static bool
is_span(const json_t *event, const struct sm_span *span)
{
    const bool forward = strcmp(span->name, "forward") == 0,
               backward = strcmp(span->name, "backward") == 0;
    const char *name = forward || backward ? "compute" : span->name;
    const json_t *args = json_object_get(event, "args"), *bytes = json_object_get(args, "bytes");
    const double t0 = number_of(event, "ts"), t1 = t0 + number_of(event, "dur");
    return strcmp(text_of(event, "name"), name) == 0 &&
           (backward ? t0 <= moment(span->t0) : fabs(t0 - moment(span->t0)) < 1e-4) &&
           (forward ? t1 >= moment(span->t1) : fabs(t1 - moment(span->t1)) < 1e-4) &&
           (isnan(span->bytes) || number_of(args, "bytes") == span->bytes) &&
           (bytes == NULL) == isnan(span->bytes);
}

/* Slices of the rank that are this span, or hold it. */
static size_t
count_slices(const json_t *root, const struct sm_span *span)
{
    size_t i, count = 0;
    const json_t *event;
    json_array_foreach(json_object_get(root, "traceEvents"), i, event)
    {
        count += strcmp(text_of(event, "ph"), "X") == 0 &&
                 number_of(event, "pid") == (double)span->worker && is_span(event, span);
    }
    return count;
}

static size_t
count_messages(const json_t *root, const struct sm_span *span)
{
    size_t i, count = 0;
    double begin = -1;
    char name[32];
    const json_t *event;
    snprintf(name, sizeof name, "message from %g", span->from_worker);
    json_array_foreach(json_object_get(root, "traceEvents"), i, event)
    {
        if (number_of(event, "pid") != (double)span->worker ||
            strcmp(text_of(event, "name"), name) != 0)
            continue;
        if (strcmp(text_of(event, "ph"), "b") == 0)
            begin = number_of(event, "ts");
        else
            count += fabs(begin - moment(span->t0)) < 1e-4 &&
                     fabs(number_of(event, "ts") - moment(span->t1)) < 1e-4;
    }
    return count;
}

/* Seconds of a worker's program in those steps. */
static double
time_in_trace(const json_t *root, size_t worker, size_t first, size_t end)
{
    size_t i;
    double sum = 0;
    const json_t *event;
    json_array_foreach(json_object_get(root, "traceEvents"), i, event)
    {
        const json_t *step = json_object_get(json_object_get(event, "args"), "step");
        if (strcmp(text_of(event, "ph"), "X") == 0 && number_of(event, "pid") == (double)worker &&
            strstr(text_of(event, "name"), "all-reduce") == NULL && step != NULL &&
            json_number_value(step) >= (double)first && json_number_value(step) < (double)end)
            sum += 1e-6 * number_of(event, "dur");
    }
    return sum;
}

static void
stored_spans_are_those_of_a_trace_of_the_same_run(void **state)
{
    (void)state;
    static const struct {
        size_t first, end, devices, ranks;
    } expected[] = {{4, 12, 1, 4}, {2, 10, 8, 3}, {2, 10, 1, 4}};
    for (size_t f = 0; f < sizeof files / sizeof *files; f++) {
        struct sm_arena arena = {0};
        struct sm_stored_run *runs;
        char path[256];
        char name[32];
        snprintf(name, sizeof name, "traced%zu.db", f);
        succeeds(program("run", files[f], "--quiet", "--store", name, "--trace", "t.json"));
        assert_int_equal(store_runs_with_spans(&arena, name, &runs), 1);
        snprintf(path, sizeof path, "%s/t.json", folder_path());
        json_t *root = json_of_file(path);
        size_t messages = 0, rank = 0;
        double times[4] = {0};
        for (size_t i = 0; i < runs[0].span_count; i++) {
            const struct sm_span *span = &runs[0].spans[i];
            const bool message = strcmp(span->track, "message") == 0;
            const size_t found = message ? count_messages(root, span) : count_slices(root, span);
            const size_t lanes = strcmp(span->track, "devices") == 0 ? expected[f].devices : 1;
            if (found != lanes)
                fail_msg("%s: %s of %zu at %.9f is there %zu times", files[f], span->name,
                         span->worker, span->t0, found);
            if (!message && strcmp(span->track, "stream") != 0)
                times[span->worker] += span->t1 - span->t0;
            messages += message;
            rank = span->worker;
            assert_true(rank == 3 || (span->step >= (double)expected[f].first &&
                                      span->step < (double)expected[f].end + message));
        }
        assert_int_equal(rank + 1, expected[f].ranks);
        assert_true((messages > 0) == (f != 1));
        for (size_t r = 0; r < 3; r++) { /* and none is missing */
            double whole = time_in_trace(root, r, expected[f].first, expected[f].end);
            if (f == 1) /* on each of the devices, but for what the rank does alone */
                whole = times[r];
            check_near(times[r], whole, 1e-6);
            assert_true(times[r] > 0);
        }
        json_decref(root);
        sm_arena_fini(&arena);
    }
}

/* ---- what it costs ---- */

/* Those of every strategy, whose messages and steps come in orders of their own. */
static void
a_store_changes_no_second(void **state)
{
    (void)state;
    static const char *const algorithms[] = {
        "{strategy: allreduce}",
        "{strategy: local, outer: slowmo, tau: 3}",
        "{strategy: sgp, outer: slowmo, tau: 5}",
        "{strategy: osgp}",
        "{strategy: dpsgd}",
        "{strategy: adpsgd}",
        "{strategy: parameter_server_async}",
    };
    for (size_t i = 0; i < sizeof algorithms / sizeof *algorithms; i++) {
        char text[1024];
        snprintf(text, sizeof text,
                 "steps: 30\nplatform: {file: star_7, workers: 6, speed: {node3: x0.7}}\n" SOFTMAX
                 "\ntiming: {profile: resnet18_v100}\nalgorithm: %s\n",
                 algorithms[i]);
        folder_write("cost.yaml", text);
        struct training *alone = train("%s", text); /* it keeps nothing */
        const struct program_result *result =
            program("run", "cost.yaml", "--quiet", "--json", "--store", "cost.db");
        succeeds(result);
        json_t *summary = json_of(result->out);
        const double seconds = number_of(json_object_get(summary, "sim"), "seconds");
        if (seconds != alone->seconds)
            fail_msg("%s: %.17g s with a store, %.17g without", algorithms[i], seconds,
                     alone->seconds);
        assert_string_equal(text_of(json_object_get(summary, "hashes"), "parameters"), alone->hash);
        json_decref(summary);
        free(alone);
    }
    assert_int_equal(store_query("cost.db", "SELECT count(DISTINCT run) FROM spans"), 7);
}

static void
many_workers_leave_no_more_than_few(void **state)
{
    (void)state;
    folder_write("many.yaml", "steps: 12\nplatform: {file: star_65, workers: 64}\n"
                              "algorithm: {strategy: parameter_server}\n");
    succeeds(program("run", "many.yaml", "--quiet", "--timing-only", "--store", "many.db"));
    assert_in_range(store_query("many.db", "SELECT count(*) FROM spans"), 100, 1600);
    assert_int_equal(store_query("many.db", "SELECT count(DISTINCT worker) FROM spans"), 9);
}

static void
threads_and_the_way_to_run_change_no_span(void **state)
{
    (void)state;
    for (size_t f = 0; f < sizeof files / sizeof *files; f++) {
        char one[32], two[32];
        snprintf(one, sizeof one, "one%zu.db", f);
        snprintf(two, sizeof two, "two%zu.db", f);
        succeeds(program("run", files[f], "--quiet", "--threads", "1", "--store", one));
        succeeds(program("sweep", files[f], "--quiet", "--threads", "2", "--store", two));
        stores_are_equal(one, two);
        succeeds(program("sweep", files[f], "--quiet", "--resume", "--store", two));
        stores_are_equal(one, two);
    }
}

/* ---- replay ---- */

/* Spans that begin at once stand in either order where the seconds differ in their last bits. */
static int
by_lane(const void *a, const void *b)
{
    const struct sm_span *x = a, *y = b;
    const int track = strcmp(x->track, y->track);
    return x->worker != y->worker ? (x->worker < y->worker ? -1 : 1)
           : track != 0           ? track
                                  : (x->t0 > y->t0) - (x->t0 < y->t0);
}

static struct sm_span *
sorted(struct sm_arena *arena, const struct sm_stored_run *run)
{
    struct sm_span *spans = sm_arena_alloc(arena, run->span_count, sizeof *spans);
    memcpy(spans, run->spans, run->span_count * sizeof *spans);
    qsort(spans, run->span_count, sizeof *spans, by_lane);
    return spans;
}

static void
steps_that_were_not_simulated_are_as_if_they_had_been(void **state)
{
    (void)state;
    static const char *const algorithms[] = {"{strategy: allreduce}",
                                             "{strategy: local, outer: slowmo, tau: 1}",
                                             "{strategy: local, outer: slowmo, tau: 2}"};
    for (size_t i = 0; i < sizeof algorithms / sizeof *algorithms; i++) {
        struct sm_arena arena = {0};
        struct sm_stored_run *runs;
        char text[512];
        snprintf(text, sizeof text,
                 "steps: 100\nplatform: {file: dgx1_32_10gbe, workers: 3}\n"
                 "timing: {profile: resnet50_v100x8}\nalgorithm: %s\n",
                 algorithms[i]);
        folder_write("replay.yaml", text);
        char name[32];
        snprintf(name, sizeof name, "replay%zu.db", i);
        succeeds(program("run", "replay.yaml", "--quiet", "--timing-only", "--store", name));
        succeeds(program("run", "replay.yaml", "--quiet", "--timing-only", "--no-replay", "--store",
                         name));
        assert_int_equal(store_runs_with_spans(&arena, name, &runs), 2);
        assert_true(runs[0].summary.sim.replayed_steps > 80);
        check_near(runs[1].summary.sim.replayed_steps, 0, 0);
        assert_int_equal(runs[0].span_count, runs[1].span_count);
        const struct sm_span *replayed = sorted(&arena, &runs[0]);
        const struct sm_span *simulated = sorted(&arena, &runs[1]);
        for (size_t s = 0; s < runs[0].span_count; s++, replayed++, simulated++) {
            assert_string_equal(replayed->name, simulated->name);
            check_near(replayed->step, simulated->step, 0);
            check_near(replayed->t0, simulated->t0, 1e-8);
            check_near(replayed->t1, simulated->t1, 1e-8);
            if (!isnan(simulated->round))
                check_near(replayed->round, simulated->round, 0);
        }
        sm_arena_fini(&arena);
    }
}

/* ---- the file ---- */

static void
an_exported_trace_shows_the_workers_of_the_runs_asked_for(void **state)
{
    (void)state;
    succeeds(program("run", "gossip.yaml", "--quiet", "--store", "export.db"));
    succeeds(program("run", "devices.yaml", "--quiet", "--store", "export.db"));
    static const char *const only[] = {NULL, "--run=1", "--run=2"};
    static const double workers[] = {7, 4, 3};
    for (size_t i = 0; i < 3; i++) {
        const char *arguments[] = {"export", "export.db", "--format", "trace",
                                   "-o",     "out.json",  only[i],    NULL};
        succeeds(program_call(arguments));
        char path[256];
        snprintf(path, sizeof path, "%s/out.json", folder_path());
        json_t *root = json_of_file(path);
        const json_t *event;
        size_t e, slices = 0, begun = 0, ended = 0, named = 0;
        double last = 0;
        json_array_foreach(json_object_get(root, "traceEvents"), e, event)
        {
            const char *kind = text_of(event, "ph");
            last = fmax(last, number_of(event, "pid"));
            slices += strcmp(kind, "X") == 0;
            begun += strcmp(kind, "b") == 0;
            ended += strcmp(kind, "e") == 0;
            named += strcmp(text_of(event, "name"), "process_name") == 0;
        }
        check_near(last + 1, workers[i], 0);
        assert_int_equal(named, workers[i]);
        assert_true(slices > 100);
        assert_int_equal(begun, ended);
        assert_true((begun > 0) == (i < 2));
        json_decref(root);
    }
    assert_non_null(strstr(program("export", "export.db", "--format", "trace", "--run", "2")->out,
                           "\"devices (run 2): worker 2\""));
}

static void
an_export_of_nothing_is_one_line(void **state)
{
    (void)state;
    static const struct {
        const char *engine, *run, *says;
    } cases[] = {{"thread", NULL, "no spans of time"}, {"simgrid", "--run=2", "no run 2"}};
    for (size_t i = 0; i < 2; i++) {
        char name[32];
        snprintf(name, sizeof name, "nothing%zu.db", i);
        succeeds(
            program("run", "gossip.yaml", "--quiet", "--engine", cases[i].engine, "--store", name));
        const char *arguments[] = {"export", name,       "--format",   "trace",
                                   "-o",     "out.json", cases[i].run, NULL};
        const struct program_result *result = program_call(arguments);
        assert_int_equal(result->status, 2);
        assert_non_null(strstr(result->err, cases[i].says));
    }
    assert_int_equal(program("export", "nothing1.db", "--run", "1")->status, 2);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stored_spans_are_those_of_a_trace_of_the_same_run),
        cmocka_unit_test(a_store_changes_no_second),
        cmocka_unit_test(many_workers_leave_no_more_than_few),
        cmocka_unit_test(threads_and_the_way_to_run_change_no_span),
        cmocka_unit_test(steps_that_were_not_simulated_are_as_if_they_had_been),
        cmocka_unit_test(an_exported_trace_shows_the_workers_of_the_runs_asked_for),
        cmocka_unit_test(an_export_of_nothing_is_one_line),
    };
    return cmocka_run_group_tests(tests, setup, folder_teardown);
}
