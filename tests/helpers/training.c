/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/helpers/training.c -- see training.h. */
#include "tests/helpers/training.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "algorithms/compression/compression.h"
#include "sim/run/process.h"
#include "sim/run/run.h"
#include "tests/helpers/check.h"

struct request {
    const struct training_how *how;
    const char *yaml;
};

static void
copy_text(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from != NULL ? from : "");
}

static enum sm_status
bind_and_run(const struct request *request, struct sm_arena *arena, struct sm_run_result *result)
{
    const struct training_how *how = request->how;
    const struct sm_run_options options = {
        .home = SM_TEST_SOURCE,
        .save = how->save,
        .load = how->load,
        .threads = how->threads,
        .timing_only = how->timing_only,
        .no_replay = how->no_replay,
        .engine = how->engine != NULL ? how->engine : &sm_engine_simgrid,
        .interrupted = how->interrupted,
    };
    struct sm_node *root;
    struct sm_experiment experiment;
    SM_TRY(sm_tree_parse(arena, "test.yaml", request->yaml, &root));
    SM_TRY(sm_experiment_bind(arena, root, &experiment));
    return sm_run(&experiment, &options, arena, result);
}

static void
keep(struct training *training, const struct sm_run_result *result, struct sm_arena *arena)
{
    const struct sm_summary *summary = &result->summary;
    const char *json = NULL;
    if (summary->status == NULL) /* refused before it began */
        return;
    copy_text(training->state, sizeof training->state, summary->status);
    if (training->status == SM_OK) /* why a run diverged is no error of its caller */
        copy_text(training->error.message, sizeof training->error.message, summary->error);
    copy_text(training->hash, sizeof training->hash, summary->hashes.parameters);
    copy_text(training->trajectory_key, sizeof training->trajectory_key, summary->trajectory_key);
    copy_text(training->timing_key, sizeof training->timing_key, summary->timing_key);
    if (sm_summary_json(summary, arena, &json) == SM_OK)
        copy_text(training->summary, sizeof training->summary, json);
    training->seconds = summary->sim.seconds;
    training->bytes = summary->sim.bytes_sent_per_worker;
    training->evaluation_count = result->evaluation_count < TRAINING_EVALUATIONS
                                     ? result->evaluation_count
                                     : TRAINING_EVALUATIONS;
    memcpy(training->evaluations, result->evaluations,
           training->evaluation_count * sizeof *training->evaluations);
    size_t parameters = (size_t)summary->parameters;
    if (result->consensus == NULL || parameters > TRAINING_PARAMETERS)
        return;
    training->parameters = parameters;
    memcpy(training->consensus, result->consensus, parameters * sizeof *training->consensus);
}

/* Writes over the stack that sm_run has left: what a result still points to there is lost for
 * certain, not by chance. */
__attribute__((noinline)) static void
scribble(void)
{
    volatile unsigned char stack[32768];
    for (size_t i = 0; i < sizeof stack; i++)
        stack[i] = 0xa5;
}

static enum sm_status
run_request(void *arg, void *out, FILE *terminal)
{
    (void)terminal;
    struct training *training = out;
    struct sm_arena arena = {0};
    struct sm_run_result result = {0};
    training->status = bind_and_run(arg, &arena, &result);
    if (training->status != SM_OK)
        training->error = *sm_error_last();
    scribble();
    keep(training, &result, &arena);
    sm_arena_fini(&arena);
    return SM_OK;
}

static char *
print_text(const char *format, va_list arguments)
{
    char *yaml = NULL;
    assert_true(vasprintf(&yaml, format, arguments) >= 0);
    return yaml;
}

/* Takes the text. finish: it must. */
static struct training *
run_text(const struct training_how *how, char *yaml, bool finish)
{
    struct training *training = calloc(1, sizeof *training);
    assert_non_null(training);
    struct request request = {how, yaml};
    if (how->engine == NULL || how->engine == &sm_engine_simgrid)
        check_ok(sm_process_call(run_request, &request, training, sizeof *training, "training"));
    else
        check_ok(run_request(&request, training, NULL));
    if (finish && (training->status != SM_OK || strcmp(training->state, "finished") != 0))
        fail_msg("%s: %s: %s", yaml, training->state, training->error.message);
    free(yaml);
    return training;
}

struct training *
training_run(const struct training_how *how, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *yaml = print_text(format, arguments);
    va_end(arguments);
    return run_text(how, yaml, false);
}

struct training *
training_finish(const struct training_how *how, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *yaml = print_text(format, arguments);
    va_end(arguments);
    return run_text(how, yaml, true);
}

struct training *
train(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *yaml = print_text(format, arguments);
    va_end(arguments);
    return run_text(&(struct training_how){0}, yaml, true);
}

void
training_refused(const char *message, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *yaml = print_text(format, arguments);
    va_end(arguments);
    struct training *t = run_text(&(struct training_how){0}, yaml, false);
    if (t->status != SM_ERR_INPUT || strstr(t->error.message, message) == NULL)
        fail_msg("'%s' instead of '%s'", t->error.message, message);
    assert_null(strchr(t->error.message, '\n'));
    free(t);
}

struct training *
quarrel(const struct sm_engine *engine, const char *algorithm)
{
    struct training *t = training_finish(
        &(struct training_how){.engine = engine},
        "{steps: 12, evaluate: {every: 1}, seed: 3,"
        " platform: {file: star_4, speed: {node2: x0.6}}, timing: {profile: resnet18_v100},"
        " workload: {model: quadratic, dimension: 7, noise: 1, center: [-1, 0, 1, 2]},"
        " algorithm: %s}",
        algorithm);
    assert_string_equal(t->error.message, "");
    assert_int_equal(t->evaluation_count, 13);
    return t;
}

void
check_same_numbers(const struct training *a, const struct training *b, const char *what)
{
    if (strcmp(a->hash, b->hash) != 0)
        print_error("%s\n", what);
    assert_int_equal(strlen(a->hash), 16);
    assert_string_equal(a->hash, b->hash);
    assert_int_equal(a->evaluation_count, b->evaluation_count);
    for (size_t i = 0; i < a->evaluation_count; i++) {
        const struct sm_evaluation *x = &a->evaluations[i], *y = &b->evaluations[i];
        assert_int_equal(x->step, y->step);
        if (i > 0) /* null before the first step */
            check_near(x->train_loss, y->train_loss, 0);
        check_near(x->test_loss, y->test_loss, 0);
        if (!isnan(x->test_accuracy) || !isnan(y->test_accuracy)) /* a parabola has none */
            check_near(x->test_accuracy, y->test_accuracy, 0);
        check_near(x->consensus_distance, y->consensus_distance, 0);
    }
}

void
check_same_cost(const struct training *a, const struct training *b, const char *what)
{
    if (a->seconds != b->seconds || a->bytes != b->bytes)
        print_error("%s\n", what);
    check_near(a->seconds, b->seconds, 0);
    check_near(a->bytes, b->bytes, 0);
}

double
training_distance(const struct training *a, const struct training *b)
{
    double worst = 0, largest = 0;
    assert_int_equal(a->parameters, b->parameters);
    for (size_t i = 0; i < a->parameters; i++) {
        const double difference = fabs((double)a->consensus[i] - (double)b->consensus[i]);
        assert_true(isfinite(difference));
        worst = fmax(worst, difference);
        largest = fmax(largest, fabs((double)a->consensus[i]));
    }
    assert_true(largest > 0.1);
    return worst / largest / ((double)FLT_EPSILON / 2);
}

void
check_alike(const char *platform, const char *one, const char *other, double roundings)
{
    static const char yaml[] = "{steps: 30, platform: {file: %s}, " SOFTMAX ", algorithm: {%s}}";
    struct training *a = train(yaml, platform, one), *b = train(yaml, platform, other);
    const double distance = training_distance(a, b);
    print_message("  off by %.0f roundings: %s\n", distance, other);
    check_near(distance, 0, roundings);
    free(a);
    free(b);
}

const struct sm_evaluation *
training_last(const struct training *training)
{
    assert_true(training->evaluation_count > 0);
    return &training->evaluations[training->evaluation_count - 1];
}

const struct sm_plugin *
plugin_state(struct sm_arena *arena, const struct sm_axis *axis, const char *yaml, void **state)
{
    struct sm_node *node;
    struct sm_choice choice;
    check_ok(sm_tree_parse(arena, "test.yaml", yaml, &node));
    check_ok(sm_choice_bind(axis, node, NULL, arena, &choice));
    *state = sm_choice_state(&choice, arena);
    assert_non_null(*state);
    return choice.plugin;
}

const struct sm_setup *
plugin_setup(struct sm_arena *arena, size_t n, const float *x0, struct sm_comm *comm)
{
    struct sm_setup *setup = sm_arena_alloc(arena, 1, sizeof *setup);
    struct sm_choice *choice = sm_arena_alloc(arena, 1, sizeof *choice);
    struct sm_comm *alone = sm_arena_zalloc(arena, 1, sizeof *alone);
    struct sm_matrix *whole = sm_arena_zalloc(arena, 1, sizeof *whole);
    float *zeros = sm_arena_zalloc(arena, n, sizeof *zeros);
    if (setup == NULL || choice == NULL || alone == NULL || whole == NULL || zeros == NULL)
        fail_msg("no memory for a set-up of %zu parameters", n);
    check_ok(sm_choice_bind(&sm_axis_compression, NULL, NULL, arena, choice));
    alone->size = alone->devices = 1;
    alone->wire_scale = 1;
    *whole = (struct sm_matrix){.rows = n, .columns = 1, .panel = 1};
    *setup = (struct sm_setup){.arena = arena,
                               .comm = comm != NULL ? comm : alone,
                               .n = n,
                               .x0 = x0 != NULL ? x0 : zeros,
                               .matrices = whole,
                               .matrix_count = 1,
                               .compression = choice};
    return setup;
}
