/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/helpers/training.c -- see training.h. */
#include "tests/helpers/training.h"

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

static struct training *
run_text(const struct training_how *how, const char *format, va_list arguments)
{
    char *yaml = NULL;
    struct training *training = calloc(1, sizeof *training);
    assert_non_null(training);
    assert_true(vasprintf(&yaml, format, arguments) >= 0);
    struct request request = {how, yaml};
    if (how->engine == NULL || how->engine == &sm_engine_simgrid)
        check_ok(sm_process_call(run_request, &request, training, sizeof *training, "training"));
    else
        check_ok(run_request(&request, training, NULL));
    free(yaml);
    return training;
}

struct training *
training_run(const struct training_how *how, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    struct training *training = run_text(how, format, arguments);
    va_end(arguments);
    return training;
}

struct training *
train(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    struct training *training = run_text(&(struct training_how){0}, format, arguments);
    va_end(arguments);
    if (training->status != SM_OK)
        print_error("%s\n", training->error.message);
    assert_int_equal(training->status, SM_OK);
    assert_string_equal(training->state, "finished");
    return training;
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
