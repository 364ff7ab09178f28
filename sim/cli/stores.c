/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/cli/stores.c -- the commands that take what runs have left: `slowmo merge`, `analyse`,
 * `report`, `compare`, `export` and `plot`. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/analyse.h"
#include "analysis/analysis.h"
#include "analysis/compare.h"
#include "analysis/plot.h"
#include "analysis/report/page.h"
#include "analysis/tensorboard.h"
#include "sim/cli/cli.h"
#include "sim/run/timeline.h"
#include "sim/store/merge.h"

int
sm_cli_merge(int argc, char **argv)
{
    struct sm_arguments arguments;
    enum sm_status status = sm_cli_parse(argc, argv, sm_cli_plain_options, SM_CLI_MOST_FILES,
                                         "OUT.db IN.db ...", &arguments);
    if (status == SM_OK && arguments.positional_count < 2)
        status = SM_FAIL(SM_ERR_INPUT, "merge: expected OUT.db and the stores to bring into it");
    for (size_t i = 1; status == SM_OK && i < arguments.positional_count; i++)
        status = sm_store_merge(arguments.positional[0], arguments.positional[i]);
    return status == SM_OK ? EXIT_SUCCESS : sm_cli_fail();
}

/* The store that is the first argument. */
static enum sm_status
open_store(const struct sm_arguments *arguments, struct sm_store **store)
{
    if (arguments->positional_count == 0)
        return SM_FAIL(SM_ERR_INPUT, "%s: expected the file of a store", arguments->command);
    return sm_store_open_readonly(arguments->positional[0], store);
}

/* All its runs. */
static enum sm_status
read_store(struct sm_arena *arena, const struct sm_arguments *arguments,
           const struct sm_stored_run **runs, size_t *count)
{
    struct sm_store *store;
    SM_TRY(open_store(arguments, &store));
    enum sm_status status = sm_store_read(store, arena, runs, count);
    sm_store_close(store);
    return status;
}

int
sm_cli_analyse(int argc, char **argv)
{
    struct sm_arguments arguments;
    struct sm_arena arena = {0};
    const struct sm_stored_run *runs;
    size_t count;
    enum sm_status status =
        sm_cli_parse(argc, argv, sm_cli_analyse_options, 1, "STORE", &arguments);
    if (status == SM_OK)
        status = read_store(&arena, &arguments, &runs, &count);
    if (status == SM_OK) {
        const struct sm_analysis_request request = {
            .target = arguments.target,
            .best = arguments.best,
            .per = arguments.per,
            .by = arguments.by,
            .tie = arguments.tie,
            .over = arguments.over,
            .json = arguments.json,
        };
        status = count > 0 ? sm_analyse(runs, count, &request, stdout)
                           : SM_FAIL(SM_ERR_INPUT, "%s: holds no run", arguments.positional[0]);
    }
    sm_arena_fini(&arena);
    return status == SM_OK ? EXIT_SUCCESS : sm_cli_fail();
}

/* The store's file name is the page's title. What cannot be shown leaves an older page as it was.
 */
static enum sm_status
write_report(struct sm_arena *arena, const struct sm_arguments *arguments, struct sm_store *store)
{
    const struct sm_stored_run *runs;
    size_t count;
    SM_TRY(sm_store_read(store, arena, &runs, &count));
    if (count == 0)
        return SM_FAIL(SM_ERR_INPUT, "%s: holds no run", arguments->positional[0]);
    const char *output = arguments->output != NULL ? arguments->output : "report.html";
    const bool to_stdout = strcmp(output, "-") == 0;
    const char *slash = strrchr(arguments->positional[0], '/');
    char *title = sm_arena_strdup(arena, slash != NULL ? slash + 1 : arguments->positional[0]);
    if (title == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "report: no memory");
    if (strlen(title) > 3 && strcmp(title + strlen(title) - 3, ".db") == 0)
        title[strlen(title) - 3] = '\0';
    const struct sm_report_request request = {
        .title = title, .version = SM_VERSION, .target = arguments->target, .store = store};
    char *page = NULL;
    size_t length = 0;
    FILE *text = open_memstream(&page, &length);
    if (text == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "report: no memory");
    enum sm_status status = sm_report_write(runs, count, &request, sm_cli_home(), text);
    fclose(text);
    FILE *out = NULL;
    if (status == SM_OK) {
        out = to_stdout ? stdout : fopen(output, "w");
        if (out == NULL)
            status = SM_FAIL(SM_ERR_INPUT, "cannot write %s: %s", output, strerror(errno));
    }
    if (out != NULL) {
        const bool written = fwrite(page, 1, length, out) == length;
        if ((out == stdout ? fflush(out) : fclose(out)) != 0 || !written)
            status = SM_FAIL(SM_ERR_IO, "cannot write %s: %s", output, strerror(errno));
    }
    free(page);
    if (status == SM_OK)
        fprintf(stderr, "slowmo: %zu run%s in %s\n", count, count == 1 ? "" : "s",
                to_stdout ? "the page" : output);
    return status;
}

int
sm_cli_report(int argc, char **argv)
{
    struct sm_arguments arguments;
    struct sm_arena arena = {0};
    struct sm_store *store = NULL;
    enum sm_status status = sm_cli_parse(argc, argv, sm_cli_report_options, 1, "STORE", &arguments);
    if (status == SM_OK)
        status = open_store(&arguments, &store);
    if (status == SM_OK)
        status = write_report(&arena, &arguments, store);
    sm_store_close(store);
    sm_arena_fini(&arena);
    return status == SM_OK ? EXIT_SUCCESS : sm_cli_fail();
}

int
sm_cli_compare(int argc, char **argv)
{
    struct sm_arguments arguments;
    struct sm_arena arena = {0};
    const struct sm_stored_run *runs;
    size_t count, differences = 0;
    enum sm_status status =
        sm_cli_parse(argc, argv, sm_cli_compare_options, 2, "STORE BASELINE.csv", &arguments);
    if (status == SM_OK && arguments.positional_count < 2)
        status = SM_FAIL(SM_ERR_INPUT, "compare: expected the file of a store and a baseline.csv");
    if (status == SM_OK)
        status = read_store(&arena, &arguments, &runs, &count);
    if (status == SM_OK)
        status = sm_compare(runs, count, arguments.positional[1], &arguments.bands, stdout,
                            &differences);
    sm_arena_fini(&arena);
    return status != SM_OK ? sm_cli_fail() : differences > 0 ? SM_EXIT_RUN : EXIT_SUCCESS;
}

static enum sm_status
export_as(const struct sm_stored_run *runs, size_t count, const char *format, const char *output)
{
    const bool tensorboard = strcmp(format, "tensorboard") == 0;
    if (tensorboard && output == NULL)
        return SM_FAIL(SM_ERR_INPUT, "export --format tensorboard: expected -o FOLDER");
    if (tensorboard)
        return sm_export_tensorboard(runs, count, output);
    FILE *out = output != NULL ? fopen(output, "w") : stdout;
    if (out == NULL)
        return SM_FAIL(SM_ERR_INPUT, "cannot write %s: %s", output, strerror(errno));
    enum sm_status status = sm_export(runs, count, format, out);
    if (out != stdout && fclose(out) != 0 && status == SM_OK)
        status = SM_FAIL(SM_ERR_IO, "cannot write %s: %s", output, strerror(errno));
    return status;
}

static enum sm_status
export_trace(const struct sm_arguments *arguments)
{
    if (arguments->positional_count == 0)
        return SM_FAIL(SM_ERR_INPUT, "export: expected the file of a store");
    return sm_timeline_write(arguments->positional[0], (int64_t)arguments->run, arguments->output,
                             stdout);
}

int
sm_cli_export(int argc, char **argv)
{
    struct sm_arguments arguments;
    struct sm_arena arena = {0};
    const struct sm_stored_run *runs;
    size_t count;
    enum sm_status status = sm_cli_parse(argc, argv, sm_cli_export_options, 1, "STORE", &arguments);
    const bool trace = status == SM_OK && strcmp(arguments.format, "trace") == 0;
    if (trace)
        status = export_trace(&arguments);
    else if (status == SM_OK && arguments.run != 0)
        status = SM_FAIL(SM_ERR_INPUT, "--run goes with --format trace");
    else if (status == SM_OK)
        status = read_store(&arena, &arguments, &runs, &count);
    if (status == SM_OK && !trace)
        status = export_as(runs, count, arguments.format, arguments.output);
    sm_arena_fini(&arena);
    return status == SM_OK ? EXIT_SUCCESS : sm_cli_fail();
}

int
sm_cli_plot(int argc, char **argv)
{
    struct sm_arguments arguments;
    struct sm_arena arena = {0};
    const struct sm_stored_run *runs;
    size_t count;
    enum sm_status status = sm_cli_parse(argc, argv, sm_cli_plot_options, 1, "STORE", &arguments);
    if (status == SM_OK)
        status = read_store(&arena, &arguments, &runs, &count);
    if (status == SM_OK)
        status = sm_plot(runs, count, arguments.x, arguments.y, arguments.output);
    sm_arena_fini(&arena);
    return status == SM_OK ? EXIT_SUCCESS : sm_cli_fail();
}
