/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/integration/trace.c -- `slowmo run --trace`: what a viewer may take for granted of any run,
 * and that tracing changes nothing. */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "tests/helpers/check.h"
#include "tests/helpers/folder.h"
#include "tests/helpers/json.h"
#include "tests/helpers/program.h"

enum { MOST_THREADS = 256, MOST_MESSAGES = 4096, MOST_COUNTERS = 64 };

static const char gossip[] =
    "name: gossip\nsteps: 24\nplatform: {file: star_4, speed: {node1: x0.8}}\n"
    "workload: {model: quadratic, dimension: 4, curvature: [1, 2, 3, 4], noise: 0.1, start: 1}\n"
    "timing: {profile: resnet18_v100}\n"
    "algorithm:\n"
    "  inner: {name: sgd, lr: 0.05}\n"
    "  strategy: osgp\n"
    "  outer: {name: slowmo, beta: 0.5}\n"
    "  tau: 8\n"
    "evaluate: {every: 4}\n";

static const char servers[] =
    "name: servers\nsteps: 6\nplatform: {file: dgx1_32_10gbe, workers: 3}\n"
    "workload: {model: quadratic, dimension: 4}\n"
    "algorithm: {strategy: allreduce}\n";

static const char parameter_server[] =
    "name: asynchronous\nsteps: 20\nplatform: {file: star_4, workers: 3, speed: {node2: x0.5}}\n"
    "workload: {model: quadratic, dimension: 4}\n"
    "timing: {profile: resnet18_v100}\n"
    "algorithm: {strategy: parameter_server_async}\n";

static int
setup(void **state)
{
    (void)state;
    folder_write("gossip.yaml", gossip);
    folder_write("servers.yaml", servers);
    folder_write("parameter_server.yaml", parameter_server);
    return 0;
}

/* Nanoseconds, as Perfetto counts. */
static long long
moment(const json_t *event, const char *key)
{
    return llround(1e3 * number_of(event, key));
}

/* Runs it with a trace; *seconds of the run. The caller lets go of the trace. */
static json_t *
traced(const char *file, bool timing_only, double *seconds)
{
    const char *arguments[] = {"run",     file,      "--json",
                               "--quiet", "--trace", "t.json",
                               "--store", "t.db",    timing_only ? "--timing-only" : NULL,
                               NULL};
    const struct program_result *result = program_call(arguments);
    if (result->status != 0)
        fail_msg("%s: %s", file, result->err);
    json_t *summary = json_of(result->out);
    *seconds = number_of(json_object_get(summary, "sim"), "seconds");
    json_decref(summary);
    char path[256];
    snprintf(path, sizeof path, "%s/t.json", folder_path());
    json_t *root = json_of_file(path);
    return root;
}

/* ---- any trace ---- */

struct thread {
    const char *name;
    long long end; /* of its last span */
    size_t spans;
};

static struct thread threads[MOST_THREADS];

static struct thread *
thread_of(const json_t *event)
{
    const double tid = number_of(event, "tid");
    assert_true(tid >= 0 && tid < MOST_THREADS);
    return &threads[(size_t)tid];
}

static void
check_counter(const json_t *event, const json_t **last, size_t *count)
{
    const char *name = text_of(event, "name");
    void *args = json_object_iter(json_object_get(event, "args"));
    assert_non_null(args);
    assert_true(json_is_number(json_object_iter_value(args)));
    size_t i = 0;
    while (i < *count &&
           (strcmp(text_of(last[i], "name"), name) != 0 ||
            json_object_get(json_object_get(last[i], "args"), json_object_iter_key(args)) == NULL))
        i++;
    assert_true(i < MOST_COUNTERS);
    if (i < *count)
        assert_true(moment(event, "ts") >= moment(last[i], "ts"));
    *count += i == *count;
    last[i] = event;
}

/* Threads have names, each its own number; their spans follow one another and do not overlap;
 * every message that begins ends, later; counters go forward. */
static void
check_trace(const json_t *root)
{
    const json_t *events = json_object_get(root, "traceEvents"), *event;
    const json_t *counters[MOST_COUNTERS];
    static long long begun[MOST_MESSAGES];
    size_t i, counter_count = 0, open = 0;
    memset(threads, 0, sizeof threads);
    memset(begun, 0, sizeof begun);
    json_array_foreach(events, i, event)
    {
        const char *kind = text_of(event, "ph"), *name = text_of(event, "name");
        assert_true(number_of(event, "pid") >= 0);
        if (strcmp(kind, "M") == 0) {
            if (strcmp(name, "thread_name") != 0)
                continue;
            assert_null(thread_of(event)->name);
            thread_of(event)->name = text_of(json_object_get(event, "args"), "name");
        } else if (strcmp(kind, "X") == 0) {
            struct thread *thread = thread_of(event);
            assert_non_null(thread->name);
            assert_true(moment(event, "dur") >= 0);
            if (moment(event, "ts") < thread->end)
                fail_msg("%s of %s: %s begins at %g before the last ends", thread->name,
                         text_of(event, "ph"), name, number_of(event, "ts"));
            thread->end = moment(event, "ts") + moment(event, "dur");
            thread->spans++;
        } else if (strcmp(kind, "b") == 0) {
            const size_t id = (size_t)number_of(event, "id");
            assert_true(id < MOST_MESSAGES && begun[id] == 0);
            begun[id] = 1 + moment(event, "ts");
            open++;
        } else if (strcmp(kind, "e") == 0) {
            const size_t id = (size_t)number_of(event, "id");
            assert_true(id < MOST_MESSAGES && begun[id] > 0);
            assert_true(moment(event, "ts") >= begun[id] - 1);
            open--;
        } else {
            assert_string_equal(kind, "C");
            check_counter(event, counters, &counter_count);
        }
    }
    assert_int_equal(open, 0);
    assert_true(counter_count > 0);
}

/* Of a kind, and of a name that begins so ("": any). */
static size_t
count_events(const json_t *root, const char *kind, const char *name)
{
    size_t i, count = 0;
    const json_t *event;
    json_array_foreach(json_object_get(root, "traceEvents"), i, event)
    {
        count += strcmp(text_of(event, "ph"), kind) == 0 &&
                 strncmp(text_of(event, "name"), name, strlen(name)) == 0;
    }
    return count;
}

/* What a counter amounts to: its values, each as long as it holds; 0 when there is none. */
static double
integral(const json_t *root, const char *name, const char *series)
{
    size_t i;
    double sum = 0, since = 0, value = 0;
    const json_t *event;
    json_array_foreach(json_object_get(root, "traceEvents"), i, event)
    {
        const json_t *sample = json_object_get(json_object_get(event, "args"), series);
        if (strcmp(text_of(event, "ph"), "C") != 0 || strcmp(text_of(event, "name"), name) != 0 ||
            sample == NULL)
            continue;
        sum += value * (1e-6 * number_of(event, "ts") - since);
        since = 1e-6 * number_of(event, "ts");
        value = json_number_value(sample);
    }
    check_near(value, 0, 0); /* nothing flows behind the end */
    return sum;
}

static void
gossip_shows_messages_rounds_and_the_loss(void **state)
{
    (void)state;
    double seconds;
    json_t *root = traced("gossip.yaml", false, &seconds);
    check_trace(root);
    /* one a step and worker, but those that are drained at the end of a round are as many */
    assert_int_equal(count_events(root, "b", "message from "), 4 * 24);
    assert_int_equal(count_events(root, "X", "all-reduce"), 4 * 3);
    /* seven evaluations, the first of them before there is a minibatch */
    assert_int_equal(count_events(root, "C", "loss"), 7 + 6);
    assert_true(count_events(root, "C", "node*_eth, mean of 4 links") > 10);
    size_t i, last = 0;
    const json_t *event;
    json_array_foreach(json_object_get(root, "traceEvents"), i, event)
    {
        const json_t *args = json_object_get(event, "args");
        if (strcmp(text_of(event, "ph"), "X") != 0 || number_of(event, "pid") != 2)
            continue;
        const size_t step = (size_t)number_of(args, "step"),
                     round = (size_t)number_of(args, "round");
        assert_int_equal(round, step / 8 + 1);
        if (strcmp(text_of(event, "name"), "compute") == 0)
            assert_int_equal(step, last++);
    }
    assert_int_equal(last, 24);
    json_decref(root);
}

/* A message is on its way for as long as it travels, though its receiver asks for it a step later.
 */
static void
a_message_ends_when_it_is_there_not_when_somebody_looks(void **state)
{
    (void)state;
    const double travel = 44695848 / (0.9564 * 10e9 / 8) + 2e-5; /* ResNet-18 over two links */
    double seconds, start = 0;
    json_t *root = traced("gossip.yaml", true, &seconds);
    size_t i, messages = 0;
    const json_t *event;
    json_array_foreach(json_object_get(root, "traceEvents"), i, event)
    {
        if (strcmp(text_of(event, "ph"), "b") == 0)
            start = number_of(event, "ts");
        if (strcmp(text_of(event, "ph"), "e") == 0) {
            check_near(1e-6 * (number_of(event, "ts") - start), travel, 2e-9);
            messages++;
        }
    }
    assert_int_equal(messages, 96);
    json_decref(root);
}

static void
link_counters_amount_to_the_bytes_that_travelled(void **state)
{
    (void)state;
    double seconds, bytes = 0;
    json_t *root = traced("gossip.yaml", true, &seconds);
    size_t i;
    const json_t *event;
    json_array_foreach(json_object_get(root, "traceEvents"), i, event)
    {
        if (strcmp(text_of(event, "ph"), "b") == 0)
            bytes += number_of(json_object_get(event, "args"), "bytes");
        else if (strcmp(text_of(event, "name"), "all-reduce") == 0) /* a ring of 4 */
            bytes += 1.5 * number_of(json_object_get(event, "args"), "bytes");
    }
    const double up = integral(root, "node*_eth, mean of 4 links", "Gbit/s up");
    const double down = integral(root, "node*_eth, mean of 4 links", "Gbit/s down");
    check_relative(4 * up / 8e-9, bytes, 1e-5);
    check_relative(4 * down / 8e-9, bytes, 1e-5);
    json_decref(root);
}

static void
a_server_has_a_thread_a_device_and_one_for_its_stream(void **state)
{
    (void)state;
    double seconds;
    json_t *root = traced("servers.yaml", true, &seconds);
    check_trace(root);
    size_t devices = 0, streams = 0, spans = 0;
    for (size_t t = 0; t < MOST_THREADS; t++) {
        if (threads[t].name == NULL)
            continue;
        const bool stream = strcmp(threads[t].name, "communication stream") == 0;
        streams += stream;
        devices += !stream;
        if (strcmp(threads[t].name, "device 7") == 0)
            spans += threads[t].spans;
        assert_true(threads[t].spans > 0);
    }
    assert_int_equal(devices, 3 * 8);
    assert_int_equal(streams, 3);
    assert_true(spans >= 3 * 6 * 2); /* compute and update of each step */
    /* buckets are on their way while the worker computes */
    double computed = 0, together = 0;
    size_t i, j;
    const json_t *event, *other;
    json_array_foreach(json_object_get(root, "traceEvents"), i, event)
    {
        if (strcmp(text_of(event, "name"), "compute") != 0 || number_of(event, "pid") != 0 ||
            number_of(event, "tid") != 1)
            continue;
        computed += number_of(event, "dur");
        json_array_foreach(json_object_get(root, "traceEvents"), j, other)
        {
            if (strcmp(text_of(other, "name"), "all-reduce") == 0 && number_of(other, "pid") == 0)
                together += fmax(0, fmin(number_of(event, "ts") + number_of(event, "dur"),
                                         number_of(other, "ts") + number_of(other, "dur")) -
                                        fmax(number_of(event, "ts"), number_of(other, "ts")));
        }
    }
    assert_true(together > 0.1 * computed && together < computed);
    assert_true(count_events(root, "C", "server*_nvlink_*_*, mean of ") > 0);
    json_decref(root);
}

static void
tracing_changes_no_second(void **state)
{
    (void)state;
    static const char *const files[] = {"gossip.yaml", "servers.yaml", "parameter_server.yaml"};
    for (size_t i = 0; i < 3; i++) {
        double with, without;
        json_t *root = traced(files[i], true, &with);
        check_trace(root);
        json_decref(root);
        const struct program_result *result =
            program("run", files[i], "--json", "--quiet", "--store", "t.db", "--timing-only");
        assert_int_equal(result->status, 0);
        json_t *summary = json_of(result->out);
        without = number_of(json_object_get(summary, "sim"), "seconds");
        json_decref(summary);
        if (with != without)
            fail_msg("%s: %.17g s with a trace, %.17g without", files[i], with, without);
    }
}

static void
a_long_run_keeps_whole_steps_and_a_file_of_sane_size(void **state)
{
    (void)state;
    double seconds;
    const struct program_result *result =
        program("run", "servers.yaml", "--timing-only", "--set", "steps=3000", "--set",
                "timing.bucket=0B", "--quiet", "--trace", "t.json", "--store", "t.db");
    assert_int_equal(result->status, 0);
    char path[256];
    snprintf(path, sizeof path, "%s/t.json", folder_path());
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    assert_true(ftell(file) > 1e6 && ftell(file) < 60e6);
    rewind(file);
    char head[256];
    assert_non_null(fgets(head, sizeof head, file));
    fclose(file);
    const char *kept = strstr(head, "\"steps_kept\": ");
    assert_non_null(kept);
    assert_non_null(strstr(head, "\"steps\": 3000"));
    assert_int_equal(sscanf(kept, "\"steps_kept\": %lf", &seconds), 1);
    assert_true(seconds > 500 && seconds < 3000);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gossip_shows_messages_rounds_and_the_loss),
        cmocka_unit_test(a_message_ends_when_it_is_there_not_when_somebody_looks),
        cmocka_unit_test(link_counters_amount_to_the_bytes_that_travelled),
        cmocka_unit_test(a_server_has_a_thread_a_device_and_one_for_its_stream),
        cmocka_unit_test(tracing_changes_no_second),
        cmocka_unit_test(a_long_run_keeps_whole_steps_and_a_file_of_sane_size),
    };
    return cmocka_run_group_tests(tests, setup, folder_teardown);
}
