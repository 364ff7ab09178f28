/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/cli/experiments.c -- `slowmo run`, `sweep` and `explain`. */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "analysis/analysis.h"
#include "sim/cli/cli.h"
#include "sim/platform/cache.h"
#include "sim/run/explain.h"
#include "sim/run/sweep.h"

enum { MOST_PLATFORM_BYTES = 256 << 20 /* kept for the runs of a sweep */ };

/* In memory that the processes of the runs share: a signal to any of them stops all. */
static volatile sig_atomic_t *interrupted;

/* A process that is told twice does not wait for the end of a step. */
static void
on_interrupt(int signal)
{
    (void)signal;
    static volatile sig_atomic_t told;
    if (told)
        _exit(SM_EXIT_INTERRUPTED);
    told = 1;
    *interrupted = 1;
}

/* From now on a signal to any process of the runs stops all. */
static enum sm_status
catch_signals(void)
{
    void *shared =
        mmap(NULL, sizeof *interrupted, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        return SM_FAIL(SM_ERR_NOMEM, "run: no memory");
    interrupted = shared;
    signal(SIGINT, on_interrupt);
    signal(SIGTERM, on_interrupt);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a store that may not grow is an error, not an end */
    return SM_OK;
}

/* The rows of these runs, in order; *kept of them exist. */
static enum sm_status
read_runs(struct sm_arena *arena, const char *path, const int64_t *ids, size_t count,
          struct sm_stored_run **runs, size_t *kept)
{
    struct sm_store *store;
    const struct sm_stored_run *all;
    size_t all_count;
    *kept = 0;
    *runs = sm_arena_zalloc(arena, count, sizeof **runs);
    if (*runs == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for %zu runs", count);
    bool any = false;
    for (size_t i = 0; i < count; i++)
        any = any || ids[i] != 0;
    if (!any)
        return SM_OK;
    SM_TRY(sm_store_open_readonly(path, &store));
    enum sm_status status = sm_store_read(store, arena, &all, &all_count);
    sm_store_close(store);
    SM_TRY(status);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < all_count; j++)
            if (ids[i] != 0 && all[j].run == ids[i])
                (*runs)[(*kept)++] = all[j];
    return SM_OK;
}

static enum sm_status
show(struct sm_arena *arena, const struct sm_arguments *arguments,
     const struct sm_experiment *experiments, size_t count, const int64_t *ids)
{
    struct sm_stored_run *runs;
    size_t kept;
    SM_TRY(read_runs(arena, arguments->store, ids, count, &runs, &kept));
    if (arguments->json) {
        for (size_t i = 0; i < kept; i++) {
            const char *json;
            SM_TRY(sm_summary_json(&runs[i].summary, arena, &json));
            puts(json);
        }
    } else if (!arguments->quiet && kept > 0) {
        double target = experiments[0].evaluate.target;
        return sm_outcome_print(runs, kept, target > 0 ? target : (double)NAN, arguments->store,
                                stdout);
    }
    return SM_OK;
}

/* Options that would silently do nothing. */
static enum sm_status
check_run_options(const struct sm_arguments *arguments, const struct sm_engine *engine)
{
    if (arguments->timing_only && (arguments->save != NULL || arguments->load != NULL))
        return SM_FAIL(SM_ERR_INPUT, "--%s: a run with --timing-only has no model",
                       arguments->save != NULL ? "save" : "load");
    if (arguments->trace != NULL && engine == &sm_engine_thread)
        return SM_FAIL(SM_ERR_INPUT, "--trace: the thread engine has no clock to trace");
    return SM_OK;
}

/* A store that cannot be used is told once, before anything runs. */
static enum sm_status
try_store(const struct sm_arguments *arguments)
{
    struct sm_store *store;
    if (arguments->resume && access(arguments->store, F_OK) != 0)
        return SM_FAIL(SM_ERR_INPUT, "--resume: there is no %s; without it, a sweep begins",
                       arguments->store);
    SM_TRY(sm_store_open(arguments->store, &store));
    sm_store_close(store);
    return SM_OK;
}

/* ---- run ---- */

int
sm_cli_run(int argc, char **argv)
{
    struct sm_arguments arguments;
    if (sm_cli_parse(argc, argv, sm_cli_run_options, 1, "[FILE.yaml]", &arguments) != SM_OK)
        return sm_cli_fail();
    const struct sm_engine *engine = &sm_engine_simgrid;
    if (strcmp(arguments.engine, "thread") == 0)
        engine = &sm_engine_thread;
    else if (strcmp(arguments.engine, "simgrid") != 0)
        return SM_FAIL(SM_ERR_INPUT, "--engine %s: expected simgrid or thread", arguments.engine),
               sm_cli_fail();
    if (check_run_options(&arguments, engine) != SM_OK || catch_signals() != SM_OK)
        return sm_cli_fail();
    const struct sm_run_options options = {
        .home = sm_cli_home(),
        .store = arguments.store,
        .trace = arguments.trace,
        .save = arguments.save,
        .load = arguments.load,
        .threads = arguments.threads,
        .timing_only = arguments.timing_only,
        .no_replay = arguments.no_replay,
        .platforms = sm_platform_cache_create(MOST_PLATFORM_BYTES),
        .engine = engine,
        .progress = arguments.quiet ? NULL : stderr,
        .interrupted = interrupted,
    };
    struct sm_arena arena = {0};
    const struct sm_node *const *trees;
    struct sm_experiment *experiments = NULL;
    size_t count = 0;
    enum sm_status status = sm_cli_plan(&arena, &arguments, &options, &trees, &experiments, &count);
    int code = EXIT_SUCCESS;
    if (status == SM_OK)
        status = try_store(&arguments);
    if (status == SM_OK) {
        int64_t *ids = sm_arena_zalloc(&arena, count, sizeof *ids);
        status = ids != NULL ? sm_run_all(experiments, count, &options, ids)
                             : SM_FAIL(SM_ERR_NOMEM, "no memory for %zu runs", count);
        struct sm_error error = *sm_error_last();
        /* what was finished is shown even when a later run failed */
        if (ids != NULL && show(&arena, &arguments, experiments, count, ids) != SM_OK &&
            status == SM_OK)
            code = sm_cli_fail();
        sm_error_set(&error);
    }
    if (status != SM_OK)
        code = sm_cli_fail();
    sm_platform_cache_free(options.platforms);
    sm_arena_fini(&arena);
    return code;
}

/* ---- sweep ---- */

/* Every so many-th of the experiments, in order, in place. */
static void
take_shard(const struct sm_arguments *arguments, struct sm_experiment *experiments, size_t *count)
{
    size_t kept = 0;
    if (arguments->shards == 0)
        return;
    for (size_t i = arguments->shard - 1; i < *count; i += arguments->shards)
        experiments[kept++] = experiments[i];
    *count = kept;
}

static enum sm_status
sweep(struct sm_arena *arena, const struct sm_arguments *arguments,
      struct sm_platform_cache *platforms)
{
    const struct sm_node *const *trees;
    struct sm_experiment *experiments;
    struct sm_sweep_report report;
    size_t count;
    const struct sm_sweep_options options = {
        .run = {.home = sm_cli_home(),
                .store = arguments->store,
                .load = arguments->load,
                .threads = arguments->threads,
                .timing_only = arguments->timing_only,
                .no_replay = arguments->no_replay,
                .once = true,
                .take_over = arguments->resume,
                .join = !arguments->no_join,
                .platforms = platforms,
                .engine = &sm_engine_simgrid,
                .progress = arguments->quiet ? NULL : stderr,
                .interrupted = interrupted},
        .jobs = arguments->jobs,
        .log = stderr,
    };
    if (arguments->positional_count == 0)
        return SM_FAIL(SM_ERR_INPUT, "sweep: expected FILE.yaml");
    SM_TRY(check_run_options(arguments, options.run.engine));
    SM_TRY(sm_cli_plan(arena, arguments, &options.run, &trees, &experiments, &count));
    take_shard(arguments, experiments, &count);
    SM_TRY(try_store(arguments));
    int64_t *rows = sm_arena_zalloc(arena, count, sizeof *rows);
    if (rows == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for %zu runs", count);
    enum sm_status status = sm_sweep(experiments, count, &options, rows, &report);
    const struct sm_error error = *sm_error_last();
    try_store(arguments); /* brings what the runs wrote into the one file */
    const enum sm_status shown = show(arena, arguments, experiments, count, rows);
    if (status != SM_OK)
        return sm_error_set(&error);
    SM_TRY(shown);
    if (report.failed > 0)
        return SM_FAIL(report.failure, "%zu of %zu runs failed", report.failed, count);
    if (report.elsewhere > 0)
        return SM_FAIL(SM_ERR_IO,
                       "%zu of %zu runs were begun on another host; if nothing runs there any "
                       "more, --resume takes them",
                       report.elsewhere, count);
    return SM_OK;
}

int
sm_cli_sweep(int argc, char **argv)
{
    struct sm_arguments arguments;
    struct sm_arena arena = {0};
    struct sm_platform_cache *platforms = sm_platform_cache_create(MOST_PLATFORM_BYTES);
    enum sm_status status =
        sm_cli_parse(argc, argv, sm_cli_sweep_options, 1, "FILE.yaml", &arguments);
    if (status == SM_OK)
        status = catch_signals();
    if (status == SM_OK)
        status = sweep(&arena, &arguments, platforms);
    sm_platform_cache_free(platforms);
    sm_arena_fini(&arena);
    return status == SM_OK ? EXIT_SUCCESS : sm_cli_fail();
}

/* ---- explain ---- */

/* Each as soon as it is there. */
static enum sm_status
explain_all(struct sm_arena *arena, const struct sm_arguments *arguments)
{
    const struct sm_node *const *trees;
    struct sm_experiment *experiments;
    size_t count;
    const struct sm_run_options check = {
        .home = sm_cli_home(), .timing_only = true, .engine = &sm_engine_simgrid};
    SM_TRY(sm_cli_plan(arena, arguments, &check, &trees, &experiments, &count));
    for (size_t i = 0; i < count; i++) {
        const struct sm_explain_options options = {
            .home = sm_cli_home(),
            .most_steps = arguments->steps,
            .jobs = arguments->jobs,
            .progress = arguments->quiet ? NULL : stderr,
            .item = i + 1,
            .items = count,
            .interrupted = interrupted,
        };
        struct sm_explanation explanation;
        SM_TRY(sm_explain(arena, trees[i], &options, &explanation));
        if (arguments->json)
            SM_TRY(sm_explanation_print_json(&explanation, stdout));
        else
            sm_explanation_print(&explanation, stdout);
        if (i + 1 < count && !arguments->json)
            putchar('\n');
    }
    return SM_OK;
}

int
sm_cli_explain(int argc, char **argv)
{
    struct sm_arguments arguments;
    struct sm_arena arena = {0};
    enum sm_status status =
        sm_cli_parse(argc, argv, sm_cli_explain_options, 1, "[FILE.yaml]", &arguments);
    if (status == SM_OK)
        status = catch_signals();
    if (status == SM_OK)
        status = explain_all(&arena, &arguments);
    sm_arena_fini(&arena);
    return status == SM_OK ? EXIT_SUCCESS : sm_cli_fail();
}
