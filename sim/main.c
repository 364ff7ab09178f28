/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/main.c -- the command line, nothing else. */
#include <argp.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "analysis/analyse.h"
#include "analysis/analysis.h"
#include "analysis/compare.h"
#include "analysis/plot.h"
#include "analysis/report/page.h"
#include "analysis/tensorboard.h"
#include "sim/base/text.h"
#include "sim/platform/cache.h"
#include "sim/platform/make.h"
#include "sim/platform/platform.h"
#include "sim/run/calibrate.h"
#include "sim/run/catalog.h"
#include "sim/run/explain.h"
#include "sim/run/inspect.h"
#include "sim/run/run.h"
#include "sim/run/sweep.h"
#include "sim/run/timeline.h"
#include "sim/store/merge.h"

enum {
    EXIT_RUN = 1,
    EXIT_INPUT = 2,
    EXIT_INTERRUPTED = 130,
    MOST_SETS = 256,
    MOST_FILES = 4096,
    MOST_PLATFORM_BYTES = 256 << 20, /* kept for the runs of a sweep */
};

static const char usage[] =
    "usage: slowmo COMMAND ...\n"
    "  run [FILE.yaml] [OPTIONS]          run an experiment (default: the quickstart study)\n"
    "  sweep FILE.yaml [OPTIONS]          all its runs, side by side, each once: the store knows\n"
    "  merge OUT.db IN.db ...             bring the runs of several stores together\n"
    "  explain [FILE.yaml] [OPTIONS]      where its seconds go, and which settings decide them\n"
    "  analyse STORE [OPTIONS]            intervals over seeds, speed-ups, Pareto front, ties\n"
    "  report STORE [OPTIONS]             one HTML page: curves, times, tables, the platform\n"
    "  compare STORE BASELINE.csv [OPTIONS]\n"
    "                                     exit 1 where stored runs left their baseline\n"
    "  export STORE [--format NAME]       stored runs as CSV, JSON, TensorBoard's files or a "
    "trace\n"
    "  plot STORE [OPTIONS]               a picture of accuracy or loss (needs gnuplot)\n"
    "  list [AXIS]                        everything registered, or one axis\n"
    "  describe [AXIS] NAME               settings, defaults, ranges, sources; also `experiment`\n"
    "  platform check FILE.xml [--json]   what the program understands of a platform\n"
    "  platform set FILE.xml KEY=VALUE ...\n"
    "                                     the file with other bandwidths, latencies, speeds\n"
    "  platform make FAMILY [--KEY VALUE] write a platform to standard output\n"
    "  calibrate FILE.csv [--KEY VALUE]   fit links inside a server to measured all-reduces\n"
    "  COMMAND --help                     the options of a command\n";

/* In memory that the processes of the runs share: a signal to any of them stops all. */
static volatile sig_atomic_t *interrupted;

/* A process that is told twice does not wait for the end of a step. */
static void
on_interrupt(int signal)
{
    (void)signal;
    static volatile sig_atomic_t told;
    if (told)
        _exit(EXIT_INTERRUPTED);
    told = 1;
    *interrupted = 1;
}

/* One line on standard error; the exit status that goes with the recorded error. */
static int
fail(void)
{
    const struct sm_error *error = sm_error_last();
    fprintf(stderr, "slowmo: %s\n", error->message);
    if (getenv("SLOWMO_DEBUG") != NULL)
        fprintf(stderr, "slowmo: noticed at %s:%d\n", error->file, error->line);
    switch (error->code) {
    case SM_ERR_INTERRUPTED:
        return EXIT_INTERRUPTED;
    case SM_ERR_INPUT:
    case SM_ERR_NAME:
        return EXIT_INPUT;
    default:
        return EXIT_RUN;
    }
}

/* The folder with platforms/, workloads/profiles/ and the studies. */
static const char *
home_folder(void)
{
    const char *home = getenv("SLOWMO_HOME");
    return home != NULL && home[0] != '\0' ? home : SM_HOME;
}

/* ---- options ---- */

struct arguments {
    const char *command;
    const char *positional[MOST_FILES];
    size_t positional_count, positional_most;
    const char *sets[MOST_SETS];
    size_t set_count;
    const char *best, *per, *by, *tie, *over, *output, *x, *y;
    double target;
    struct sm_bands bands;
    const char *store, *trace, *save, *load, *seed, *engine, *format;
    size_t threads, steps, jobs, shard, shards, run;
    bool timing_only, no_replay, resume, no_join, json, quiet, help;
};

enum {
    KEY_SET = 256,
    KEY_TARGET,
    KEY_BEST,
    KEY_PER,
    KEY_BY,
    KEY_TIE,
    KEY_OVER,
    KEY_ACCURACY,
    KEY_SECONDS,
    KEY_LOSS,
    KEY_X,
    KEY_Y,
    KEY_SEED,
    KEY_THREADS,
    KEY_TIMING,
    KEY_NO_REPLAY,
    KEY_STORE,
    KEY_TRACE,
    KEY_JSON,
    KEY_QUIET,
    KEY_SAVE,
    KEY_LOAD,
    KEY_ENGINE,
    KEY_FORMAT,
    KEY_STEPS,
    KEY_JOBS,
    KEY_RESUME,
    KEY_SHARD,
    KEY_NO_JOIN,
    KEY_RUN
};

static const struct argp_option run_options[] = {
    {"set", KEY_SET, "KEY=VALUE", 0, "Override a dotted key of the file (repeatable)", 0},
    {"seed", KEY_SEED, "N", 0, "Seed of every random stream", 0},
    {"threads", KEY_THREADS, "N", 0, "OS threads for gradients (default: all cores)", 0},
    {"timing-only", KEY_TIMING, NULL, 0, "No gradients: simulated seconds alone", 0},
    {"no-replay", KEY_NO_REPLAY, NULL, 0,
     "With --timing-only: simulate every step, also where all take the same", 0},
    {"store", KEY_STORE, "FILE.db", 0, "SQLite file of results (default: results.db)", 0},
    {"trace", KEY_TRACE, "FILE.json", 0, "Write a Chrome/Perfetto trace (one run)", 0},
    {"json", KEY_JSON, NULL, 0, "Summaries on standard output, a line of JSON a run", 0},
    {"quiet", KEY_QUIET, NULL, 0, "No progress line, no table", 0},
    {"save", KEY_SAVE, "FILE.safetensors", 0, "Write the final consensus model (one run)", 0},
    {"load", KEY_LOAD, "FILE.safetensors", 0, "Start from this model", 0},
    {"engine", KEY_ENGINE, "NAME", 0, "simgrid (default), or thread: no clock, for comparison", 0},
    {"help", '?', NULL, 0, "This list", 0},
    {0},
};
static const struct argp_option sweep_options[] = {
    {"jobs", KEY_JOBS, "N", 0, "Runs side by side (default: all cores)", 0},
    {"resume", KEY_RESUME, NULL, 0,
     "Go on with a sweep that was killed. What the store has is never run again, with or without "
     "this; with it, the store must be there, and runs that a process of another host began count "
     "as dead",
     0},
    {"shard", KEY_SHARD, "I/N", 0, "Only every N-th run, from the I-th on: for job arrays", 0},
    {"no-join", KEY_NO_JOIN, NULL, 0,
     "Train every run, also where another one has the same numbers and only other seconds", 0},
    {"set", KEY_SET, "KEY=VALUE", 0, "Override a dotted key of the file (repeatable)", 0},
    {"seed", KEY_SEED, "N", 0, "Seed of every random stream", 0},
    {"threads", KEY_THREADS, "N", 0,
     "OS threads for gradients, divided among the jobs (default: all cores)", 0},
    {"timing-only", KEY_TIMING, NULL, 0, "No gradients: simulated seconds alone", 0},
    {"no-replay", KEY_NO_REPLAY, NULL, 0,
     "With --timing-only: simulate every step, also where all take the same", 0},
    {"store", KEY_STORE, "FILE.db", 0, "SQLite file of results (default: results.db)", 0},
    {"json", KEY_JSON, NULL, 0, "Summaries on standard output, a line of JSON a run", 0},
    {"quiet", KEY_QUIET, NULL, 0, "No progress line, no table", 0},
    {"load", KEY_LOAD, "FILE.safetensors", 0, "Start from this model", 0},
    {"help", '?', NULL, 0, "This list", 0},
    {0},
};
static const struct argp_option explain_options[] = {
    {"set", KEY_SET, "KEY=VALUE", 0, "Override a dotted key of the file (repeatable)", 0},
    {"seed", KEY_SEED, "N", 0, "Seed of every random stream", 0},
    {"steps", KEY_STEPS, "N", 0, "Run whole rounds of at most so many steps (default: 100)", 0},
    {"jobs", KEY_JOBS, "N", 0, "Runs side by side (default: all cores)", 0},
    {"json", KEY_JSON, NULL, 0, "A line of JSON an experiment on standard output", 0},
    {"quiet", KEY_QUIET, NULL, 0, "No progress line", 0},
    {"help", '?', NULL, 0, "This list", 0},
    {0},
};
static const struct argp_option analyse_options[] = {
    {"target", KEY_TARGET, "A", 0,
     "Test accuracy, 0 .. 1, for times to target and speed-ups (default: the highest whole percent "
     "that all runs reach)",
     0},
    {"best", KEY_BEST, "KEY", 0, "The best value of a dotted key, such as algorithm.tau", 0},
    {"per", KEY_PER, "KEY", 0, "With --best: for each value of this key", 0},
    {"tie", KEY_TIE, "A,B", 0, "Where the runs A and B tie over the key of --over", 0},
    {"over", KEY_OVER, "KEY", 0, "With --tie: a dotted key with numbers, such as a bandwidth", 0},
    {"by", KEY_BY, "MEASURE", 0,
     "What --best and --tie compare: accuracy, loss, perplexity, bleu, seconds_to_target, "
     "steps_to_target, seconds_per_step, seconds",
     0},
    {"json", KEY_JSON, NULL, 0, "One line of JSON", 0},
    {"help", '?', NULL, 0, "This list", 0},
    {0},
};
static const struct argp_option report_options[] = {
    {"output", 'o', "FILE.html", 0, "Where to (default: report.html; - is standard output)", 0},
    {"target", KEY_TARGET, "A", 0,
     "Test accuracy, 0 .. 1, for times to target and speed-ups (default: the highest whole percent "
     "that all runs reach)",
     0},
    {"help", '?', NULL, 0, "This list", 0},
    {0},
};
static const struct argp_option compare_options[] = {
    {"accuracy", KEY_ACCURACY, "BAND", 0,
     "How far a final test accuracy (0 .. 1) may be off (default: 0.005)", 0},
    {"seconds", KEY_SECONDS, "BAND", 0,
     "How far simulated seconds may be off, as a share of the baseline's (default: 0.001)", 0},
    {"loss", KEY_LOSS, "BAND", 0,
     "How far a final test loss may be off, as a share of the baseline's (default: not compared)",
     0},
    {"help", '?', NULL, 0, "This list", 0},
    {0},
};
static const struct argp_option export_options[] = {
    {"format", KEY_FORMAT, "NAME", 0,
     "csv (default): a row an evaluation; runs: a row of CSV a run; json: a line a run; jsonl: a "
     "line of JSON an evaluation, csv's columns as keys; seeds: a row of means and intervals for "
     "the runs that differ only in their seed; tensorboard: a folder of event files a run, in -o; "
     "trace: a few steps of some workers, for ui.perfetto.dev",
     0},
    {"run", KEY_RUN, "N", 0, "With --format trace: only the run of that number", 0},
    {"output", 'o', "FILE", 0, "A file instead of standard output; for tensorboard the folder", 0},
    {"help", '?', NULL, 0, "This list", 0},
    {0},
};
static const struct argp_option plot_options[] = {
    {"output", 'o', "FILE", 0, "A file, .svg, .png or .pdf (default: SVG on standard output)", 0},
    {"x", KEY_X, "NAME", 0, "time (simulated seconds, default) or step", 0},
    {"y", KEY_Y, "NAME", 0,
     "accuracy (default), loss, train_loss, perplexity, bleu or consensus_distance", 0},
    {"help", '?', NULL, 0, "This list", 0},
    {0},
};
static const struct argp_option plain_options[] = {
    {"help", '?', NULL, 0, "This list", 0},
    {0},
};

/* A number of [least, most] for an option. */
static error_t
parse_real(const char *option, const char *value, double least, double most, double *number)
{
    if (!sm_unit_parse(SM_UNIT_NONE, value, number) || *number < least || *number > most) {
        SM_FAIL(SM_ERR_INPUT, "--%s %s: expected a number, %g .. %g", option, value, least, most);
        return EINVAL;
    }
    return 0;
}

/* A whole number >= 1 for an option. */
static error_t
parse_count(const char *option, const char *value, double most, size_t *count)
{
    double number;
    if (!sm_unit_parse(SM_UNIT_NONE, value, &number) || number != floor(number) || number < 1 ||
        number > most) {
        SM_FAIL(SM_ERR_INPUT, "--%s %s: expected a whole number, 1 .. %.0f", option, value, most);
        return EINVAL;
    }
    *count = (size_t)number;
    return 0;
}

/* "I/N", 1 <= I <= N. */
static error_t
parse_shard(const char *value, struct arguments *arguments)
{
    char end;
    unsigned shard, shards;
    if (strspn(value, "0123456789/") != strlen(value) ||
        sscanf(value, "%9u/%9u%c", &shard, &shards, &end) != 2 || shard < 1 || shard > shards) {
        SM_FAIL(SM_ERR_INPUT, "--shard %s: expected I/N with 1 <= I <= N, as 3/8", value);
        return EINVAL;
    }
    arguments->shard = shard;
    arguments->shards = shards;
    return 0;
}

static error_t
parse_option(int key, char *value, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    switch (key) {
    case KEY_SET:
        if (arguments->set_count == MOST_SETS)
            return E2BIG;
        arguments->sets[arguments->set_count++] = value;
        return 0;
    case KEY_SEED:
        arguments->seed = value;
        return 0;
    case KEY_THREADS:
        return parse_count("threads", value, 1024, &arguments->threads);
    case KEY_STEPS:
        return parse_count("steps", value, 1e9, &arguments->steps);
    case KEY_RUN:
        return parse_count("run", value, 1e15, &arguments->run);
    case KEY_JOBS:
        return parse_count("jobs", value, 1024, &arguments->jobs);
    case KEY_RESUME:
        arguments->resume = true;
        return 0;
    case KEY_SHARD:
        return parse_shard(value, arguments);
    case KEY_NO_JOIN:
        arguments->no_join = true;
        return 0;
    case KEY_TIMING:
        arguments->timing_only = true;
        return 0;
    case KEY_NO_REPLAY:
        arguments->no_replay = true;
        return 0;
    case KEY_STORE:
        arguments->store = value;
        return 0;
    case KEY_TRACE:
        arguments->trace = value;
        return 0;
    case KEY_JSON:
        arguments->json = true;
        return 0;
    case KEY_QUIET:
        arguments->quiet = true;
        return 0;
    case KEY_SAVE:
        arguments->save = value;
        return 0;
    case KEY_LOAD:
        arguments->load = value;
        return 0;
    case KEY_ENGINE:
        arguments->engine = value;
        return 0;
    case KEY_FORMAT:
        arguments->format = value;
        return 0;
    case KEY_TARGET:
        return parse_real("target", value, 0, 1, &arguments->target);
    case KEY_ACCURACY:
        return parse_real("accuracy", value, 0, 1, &arguments->bands.accuracy);
    case KEY_SECONDS:
        return parse_real("seconds", value, 0, 1e6, &arguments->bands.seconds);
    case KEY_LOSS:
        return parse_real("loss", value, 0, 1e6, &arguments->bands.loss);
    case 'o':
        arguments->output = value;
        return 0;
    case KEY_X:
        arguments->x = value;
        return 0;
    case KEY_Y:
        arguments->y = value;
        return 0;
    case KEY_BEST:
        arguments->best = value;
        return 0;
    case KEY_PER:
        arguments->per = value;
        return 0;
    case KEY_BY:
        arguments->by = value;
        return 0;
    case KEY_TIE:
        arguments->tie = value;
        return 0;
    case KEY_OVER:
        arguments->over = value;
        return 0;
    case '?':
        arguments->help = true;
        return 0;
    case ARGP_KEY_ARG:
        if (arguments->positional_count == arguments->positional_most) {
            SM_FAIL(SM_ERR_INPUT, "%s: unexpected '%s'", arguments->command, value);
            return EINVAL;
        }
        arguments->positional[arguments->positional_count++] = value;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* argp's own messages take several lines; ours is one and names the nearest option. The one that
 * argp stopped at is the first that begins no option's name, or lacks its value. */
static enum sm_status
bad_option(int argc, char **argv, const struct argp_option *options)
{
    const char *names[32] = {NULL}, *command = argv[0];
    for (size_t count = 0; options[count].name != NULL && count < 31; count++)
        names[count] = options[count].name;
    char word[64], known[256];
    for (int i = 1; i < argc; i++) {
        if (argv[i][0] != '-')
            continue;
        const char *bare = argv[i] + strspn(argv[i], "-");
        snprintf(word, sizeof word, "%.*s", (int)strcspn(bare, "="), bare);
        const struct argp_option *option = options;
        while (option->name != NULL && strncmp(option->name, word, strlen(word)) != 0)
            option++;
        if (option->name == NULL) {
            const char *near = sm_text_nearest(word, names);
            return SM_FAIL(SM_ERR_INPUT, "%s: unknown option --%s%s%s%s; known: %s", command, word,
                           near ? ", did you mean --" : "", near ? near : "", near ? "?" : "",
                           sm_text_join(known, sizeof known, names));
        }
        if (option->arg == NULL && strchr(bare, '=') != NULL)
            return SM_FAIL(SM_ERR_INPUT, "%s: --%s takes no value", command, option->name);
        if (option->arg != NULL && strchr(bare, '=') == NULL && ++i == argc)
            return SM_FAIL(SM_ERR_INPUT, "%s: --%s needs a value, %s", command, option->name,
                           option->arg);
    }
    return SM_FAIL(SM_ERR_INPUT, "%s: options that cannot be read; see slowmo %s --help", command,
                   command);
}

static enum sm_status
parse(int argc, char **argv, const struct argp_option *options, size_t positional_most,
      const char *positional, struct arguments *arguments)
{
    const struct argp argp = {options, parse_option, positional, NULL, NULL, NULL, NULL};
    char name[64];
    *arguments = (struct arguments){.command = argv[0],
                                    .positional_most = positional_most,
                                    .store = "results.db",
                                    .engine = "simgrid",
                                    .format = "csv",
                                    .x = "time",
                                    .y = "accuracy",
                                    .target = (double)NAN,
                                    .bands = {0.005, 0.001, (double)INFINITY}};
    sm_error_set(&(struct sm_error){0});
    error_t error =
        argp_parse(&argp, argc, argv, ARGP_NO_EXIT | ARGP_NO_ERRS | ARGP_NO_HELP, NULL, arguments);
    if (error != 0)
        return sm_error_last()->code != SM_OK ? sm_error_last()->code
                                              : bad_option(argc, argv, options);
    if (arguments->help) {
        snprintf(name, sizeof name, "slowmo %s", argv[0]);
        argp_help(&argp, stdout, ARGP_HELP_USAGE | ARGP_HELP_LONG, name);
        exit(EXIT_SUCCESS);
    }
    return SM_OK;
}

/* ---- run ---- */

/* Lays KEY=VALUE on the tree; `what` is who asks. */
static enum sm_status
set_pair(struct sm_arena *arena, const char *what, const char *set, struct sm_node *root)
{
    struct sm_node *value;
    const char *equals = set;
    for (char quote = 0; *equals != '\0' && (quote || *equals != '='); equals++)
        if (*equals == '"' || *equals == '\'')
            quote = quote == 0 ? *equals : quote == *equals ? 0 : quote;
    if (*equals != '=')
        return SM_FAIL(SM_ERR_INPUT, "%s %s: expected KEY=VALUE", what, set);
    char *key = sm_arena_strndup(arena, set, (size_t)(equals - set));
    if (key == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "%s: no memory", what);
    SM_TRY(sm_tree_parse(arena, what, equals + 1, &value));
    if (value == NULL)
        return SM_FAIL(SM_ERR_INPUT, "%s %s: expected a value after =", what, set);
    return sm_tree_set(arena, root, key, value);
}

/* --seed and --set, laid on the file's tree. */
static enum sm_status
override(struct sm_arena *arena, const struct arguments *arguments, struct sm_node *root)
{
    struct sm_node *value;
    if (arguments->seed != NULL) {
        SM_TRY(sm_tree_parse(arena, "--seed", arguments->seed, &value));
        if (value == NULL)
            return SM_FAIL(SM_ERR_INPUT, "--seed: expected a whole number");
        SM_TRY(sm_tree_set(arena, root, "seed", value));
    }
    for (size_t i = 0; i < arguments->set_count; i++)
        SM_TRY(set_pair(arena, "--set", arguments->sets[i], root));
    if (arguments->seed != NULL && sm_tree_get(sm_tree_get(root, "sweep"), "seed") != NULL)
        return SM_FAIL(SM_ERR_INPUT,
                       "--seed %s: the sweep sets the seed; use --set sweep.seed=[%s]",
                       arguments->seed, arguments->seed);
    return SM_OK;
}

/* A file as named, or one that ships with the program. */
static const char *
find_file(struct sm_arena *arena, const char *file)
{
    const char *shipped = sm_arena_printf(arena, "%s/%s", home_folder(), file);
    return access(file, R_OK) != 0 && shipped != NULL && access(shipped, R_OK) == 0 ? shipped
                                                                                    : file;
}

/* The trees that the file and the options stand for. */
static enum sm_status
read_trees(struct sm_arena *arena, const struct arguments *arguments, const char **file,
           const struct sm_node *const **trees, size_t *count)
{
    struct sm_node *root;
    *file = arguments->positional_count > 0
                ? find_file(arena, arguments->positional[0])
                : sm_arena_printf(arena, "%s/analysis/studies/quickstart.yaml", home_folder());
    SM_TRY(sm_tree_load(arena, *file, &root));
    if (root == NULL && (root = sm_tree_map(arena, NULL, NULL)) == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "%s: no memory", *file);
    SM_TRY(override(arena, arguments, root));
    return sm_experiment_expand(arena, root, trees, count);
}

/* The trees, and the experiments that they are, each checked before any runs. */
static enum sm_status
plan(struct sm_arena *arena, const struct arguments *arguments,
     const struct sm_run_options *options, const struct sm_node *const **trees,
     struct sm_experiment **experiments, size_t *count)
{
    const char *file;
    SM_TRY(read_trees(arena, arguments, &file, trees, count));
    *experiments = sm_arena_zalloc(arena, *count, sizeof **experiments);
    if (*experiments == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "%s: no memory for %zu experiments", file, *count);
    for (size_t i = 0; i < *count; i++) {
        SM_TRY(sm_experiment_bind(arena, (*trees)[i], &(*experiments)[i]));
        SM_TRY(sm_run_check(&(*experiments)[i], options));
    }
    if (*count > 1 && (options->trace != NULL || options->save != NULL))
        return SM_FAIL(SM_ERR_INPUT, "--%s is for one run, %s stands for %zu",
                       options->trace != NULL ? "trace" : "save", file, *count);
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
show(struct sm_arena *arena, const struct arguments *arguments,
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
check_run_options(const struct arguments *arguments, const struct sm_engine *engine)
{
    if (arguments->timing_only && (arguments->save != NULL || arguments->load != NULL))
        return SM_FAIL(SM_ERR_INPUT, "--%s: a run with --timing-only has no model",
                       arguments->save != NULL ? "save" : "load");
    if (arguments->trace != NULL && engine == &sm_engine_thread)
        return SM_FAIL(SM_ERR_INPUT, "--trace: the thread engine has no clock to trace");
    return SM_OK;
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

/* A store that cannot be used is told once, before anything runs. */
static enum sm_status
try_store(const struct arguments *arguments)
{
    struct sm_store *store;
    if (arguments->resume && access(arguments->store, F_OK) != 0)
        return SM_FAIL(SM_ERR_INPUT, "--resume: there is no %s; without it, a sweep begins",
                       arguments->store);
    SM_TRY(sm_store_open(arguments->store, &store));
    sm_store_close(store);
    return SM_OK;
}

static int
command_run(int argc, char **argv)
{
    struct arguments arguments;
    if (parse(argc, argv, run_options, 1, "[FILE.yaml]", &arguments) != SM_OK)
        return fail();
    const struct sm_engine *engine = &sm_engine_simgrid;
    if (strcmp(arguments.engine, "thread") == 0)
        engine = &sm_engine_thread;
    else if (strcmp(arguments.engine, "simgrid") != 0)
        return SM_FAIL(SM_ERR_INPUT, "--engine %s: expected simgrid or thread", arguments.engine),
               fail();
    if (check_run_options(&arguments, engine) != SM_OK || catch_signals() != SM_OK)
        return fail();
    const struct sm_run_options options = {
        .home = home_folder(),
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
    enum sm_status status = plan(&arena, &arguments, &options, &trees, &experiments, &count);
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
            code = fail();
        sm_error_set(&error);
    }
    if (status != SM_OK)
        code = fail();
    sm_platform_cache_free(options.platforms);
    sm_arena_fini(&arena);
    return code;
}

/* ---- sweep ---- */

/* Every so many-th of the experiments, in order, in place. */
static void
take_shard(const struct arguments *arguments, struct sm_experiment *experiments, size_t *count)
{
    size_t kept = 0;
    if (arguments->shards == 0)
        return;
    for (size_t i = arguments->shard - 1; i < *count; i += arguments->shards)
        experiments[kept++] = experiments[i];
    *count = kept;
}

static enum sm_status
sweep(struct sm_arena *arena, const struct arguments *arguments,
      struct sm_platform_cache *platforms)
{
    const struct sm_node *const *trees;
    struct sm_experiment *experiments;
    struct sm_sweep_report report;
    size_t count;
    const struct sm_sweep_options options = {
        .run = {.home = home_folder(),
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
    SM_TRY(plan(arena, arguments, &options.run, &trees, &experiments, &count));
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

static int
command_sweep(int argc, char **argv)
{
    struct arguments arguments;
    struct sm_arena arena = {0};
    struct sm_platform_cache *platforms = sm_platform_cache_create(MOST_PLATFORM_BYTES);
    enum sm_status status = parse(argc, argv, sweep_options, 1, "FILE.yaml", &arguments);
    if (status == SM_OK)
        status = catch_signals();
    if (status == SM_OK)
        status = sweep(&arena, &arguments, platforms);
    sm_platform_cache_free(platforms);
    sm_arena_fini(&arena);
    return status == SM_OK ? EXIT_SUCCESS : fail();
}

static int
command_merge(int argc, char **argv)
{
    struct arguments arguments;
    enum sm_status status =
        parse(argc, argv, plain_options, MOST_FILES, "OUT.db IN.db ...", &arguments);
    if (status == SM_OK && arguments.positional_count < 2)
        status = SM_FAIL(SM_ERR_INPUT, "merge: expected OUT.db and the stores to bring into it");
    for (size_t i = 1; status == SM_OK && i < arguments.positional_count; i++)
        status = sm_store_merge(arguments.positional[0], arguments.positional[i]);
    return status == SM_OK ? EXIT_SUCCESS : fail();
}

/* ---- explain ---- */

/* Each as soon as it is there. */
static enum sm_status
explain_all(struct sm_arena *arena, const struct arguments *arguments)
{
    const struct sm_node *const *trees;
    struct sm_experiment *experiments;
    size_t count;
    const struct sm_run_options check = {
        .home = home_folder(), .timing_only = true, .engine = &sm_engine_simgrid};
    SM_TRY(plan(arena, arguments, &check, &trees, &experiments, &count));
    for (size_t i = 0; i < count; i++) {
        const struct sm_explain_options options = {
            .home = home_folder(),
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

static int
command_explain(int argc, char **argv)
{
    struct arguments arguments;
    struct sm_arena arena = {0};
    enum sm_status status = parse(argc, argv, explain_options, 1, "[FILE.yaml]", &arguments);
    if (status == SM_OK)
        status = catch_signals();
    if (status == SM_OK)
        status = explain_all(&arena, &arguments);
    sm_arena_fini(&arena);
    return status == SM_OK ? EXIT_SUCCESS : fail();
}

/* ---- the other commands ---- */

/* The store that is the first argument. */
static enum sm_status
open_store(const struct arguments *arguments, struct sm_store **store)
{
    if (arguments->positional_count == 0)
        return SM_FAIL(SM_ERR_INPUT, "%s: expected the file of a store", arguments->command);
    return sm_store_open_readonly(arguments->positional[0], store);
}

/* All its runs. */
static enum sm_status
read_store(struct sm_arena *arena, const struct arguments *arguments,
           const struct sm_stored_run **runs, size_t *count)
{
    struct sm_store *store;
    SM_TRY(open_store(arguments, &store));
    enum sm_status status = sm_store_read(store, arena, runs, count);
    sm_store_close(store);
    return status;
}

static int
command_analyse(int argc, char **argv)
{
    struct arguments arguments;
    struct sm_arena arena = {0};
    const struct sm_stored_run *runs;
    size_t count;
    enum sm_status status = parse(argc, argv, analyse_options, 1, "STORE", &arguments);
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
    return status == SM_OK ? EXIT_SUCCESS : fail();
}

/* The store's file name is the page's title. What cannot be shown leaves an older page as it was.
 */
static enum sm_status
write_report(struct sm_arena *arena, const struct arguments *arguments, struct sm_store *store)
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
    enum sm_status status = sm_report_write(runs, count, &request, home_folder(), text);
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

static int
command_report(int argc, char **argv)
{
    struct arguments arguments;
    struct sm_arena arena = {0};
    struct sm_store *store = NULL;
    enum sm_status status = parse(argc, argv, report_options, 1, "STORE", &arguments);
    if (status == SM_OK)
        status = open_store(&arguments, &store);
    if (status == SM_OK)
        status = write_report(&arena, &arguments, store);
    sm_store_close(store);
    sm_arena_fini(&arena);
    return status == SM_OK ? EXIT_SUCCESS : fail();
}

static int
command_compare(int argc, char **argv)
{
    struct arguments arguments;
    struct sm_arena arena = {0};
    const struct sm_stored_run *runs;
    size_t count, differences = 0;
    enum sm_status status = parse(argc, argv, compare_options, 2, "STORE BASELINE.csv", &arguments);
    if (status == SM_OK && arguments.positional_count < 2)
        status = SM_FAIL(SM_ERR_INPUT, "compare: expected the file of a store and a baseline.csv");
    if (status == SM_OK)
        status = read_store(&arena, &arguments, &runs, &count);
    if (status == SM_OK)
        status = sm_compare(runs, count, arguments.positional[1], &arguments.bands, stdout,
                            &differences);
    sm_arena_fini(&arena);
    return status != SM_OK ? fail() : differences > 0 ? EXIT_RUN : EXIT_SUCCESS;
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
export_trace(const struct arguments *arguments)
{
    if (arguments->positional_count == 0)
        return SM_FAIL(SM_ERR_INPUT, "export: expected the file of a store");
    return sm_timeline_write(arguments->positional[0], (int64_t)arguments->run, arguments->output,
                             stdout);
}

static int
command_plot(int argc, char **argv)
{
    struct arguments arguments;
    struct sm_arena arena = {0};
    const struct sm_stored_run *runs;
    size_t count;
    enum sm_status status = parse(argc, argv, plot_options, 1, "STORE", &arguments);
    if (status == SM_OK)
        status = read_store(&arena, &arguments, &runs, &count);
    if (status == SM_OK)
        status = sm_plot(runs, count, arguments.x, arguments.y, arguments.output);
    sm_arena_fini(&arena);
    return status == SM_OK ? EXIT_SUCCESS : fail();
}

static int
command_export(int argc, char **argv)
{
    struct arguments arguments;
    struct sm_arena arena = {0};
    const struct sm_stored_run *runs;
    size_t count;
    enum sm_status status = parse(argc, argv, export_options, 1, "STORE", &arguments);
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
    return status == SM_OK ? EXIT_SUCCESS : fail();
}

static int
command_list(int argc, char **argv)
{
    struct arguments arguments;
    enum sm_status status = parse(argc, argv, plain_options, 1, "[AXIS]", &arguments);
    if (status == SM_OK)
        status = sm_catalog_list(arguments.positional[0], home_folder(), stdout);
    return status == SM_OK ? EXIT_SUCCESS : fail();
}

static int
command_describe(int argc, char **argv)
{
    struct arguments arguments;
    enum sm_status status = parse(argc, argv, plain_options, 2, "[AXIS] NAME", &arguments);
    if (status == SM_OK && arguments.positional_count == 0)
        status = SM_FAIL(SM_ERR_INPUT, "describe: expected a name; `slowmo list` shows them");
    if (status == SM_OK)
        status = arguments.positional_count == 2
                     ? sm_catalog_describe(arguments.positional[0], arguments.positional[1],
                                           home_folder(), stdout)
                     : sm_catalog_describe(NULL, arguments.positional[0], home_folder(), stdout);
    return status == SM_OK ? EXIT_SUCCESS : fail();
}

/* --KEY VALUE or --KEY=VALUE pairs from argv[first] on, as a tree of settings. */
static enum sm_status
read_pairs(struct sm_arena *arena, const char *command, int argc, char **argv, int first,
           struct sm_node **settings)
{
    struct sm_node *value;
    *settings = sm_tree_map(arena, NULL, NULL);
    for (int i = first; i < argc && *settings != NULL; i++) {
        const char *equals = strchr(argv[i], '=');
        if (strncmp(argv[i], "--", 2) != 0 || (equals == NULL && i + 1 == argc))
            return SM_FAIL(SM_ERR_INPUT, "%s: expected --KEY VALUE, got '%s'", command, argv[i]);
        const char *key = equals != NULL
                              ? sm_arena_strndup(arena, argv[i] + 2, (size_t)(equals - argv[i] - 2))
                              : argv[i] + 2;
        const char *name = argv[i];
        SM_TRY(sm_tree_parse(arena, name, equals != NULL ? equals + 1 : argv[++i], &value));
        if (key == NULL || value == NULL)
            return SM_FAIL(SM_ERR_INPUT, "%s: %s needs a value", command, name);
        SM_TRY(sm_tree_set(arena, *settings, key, value));
    }
    return SM_OK;
}

static enum sm_status
make_platform(struct sm_arena *arena, int argc, char **argv)
{
    struct sm_node *settings;
    if (argc < 3) {
        const char *names[32] = {NULL};
        char known[256];
        for (size_t i = 0; i < 31 && sm_platform_families[i] != NULL; i++)
            names[i] = sm_platform_families[i]->name;
        return SM_FAIL(SM_ERR_INPUT, "platform make: expected a family: %s",
                       sm_text_join(known, sizeof known, names));
    }
    if (argc == 4 && strcmp(argv[3], "--help") == 0)
        return sm_platform_make_help(argv[2], stdout);
    SM_TRY(read_pairs(arena, "platform make", argc, argv, 3, &settings));
    return sm_platform_make(argv[2], settings, stdout);
}

/* Keys as in an experiment, with or without its "platform.". */
static enum sm_status
set_platform(struct sm_arena *arena, int argc, char **argv)
{
    static const char prefix[] = "platform.";
    if (argc < 4)
        return SM_FAIL(SM_ERR_INPUT, "platform set: expected FILE.xml, then KEY=VALUE such as "
                                     "'bandwidth.\"*_eth\"=25Gbps'");
    struct sm_node *edits = sm_tree_map(arena, NULL, NULL);
    if (edits == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "platform set: no memory");
    for (int i = 3; i < argc; i++) {
        const size_t skip = strncmp(argv[i], prefix, strlen(prefix)) == 0 ? strlen(prefix) : 0;
        SM_TRY(set_pair(arena, "platform set", argv[i] + skip, edits));
    }
    const struct sm_platform_request request = {
        .file = argv[2], .home = home_folder(), .edits = edits};
    return sm_platform_write(&request, stdout);
}

static int
command_platform(int argc, char **argv)
{
    struct sm_arena arena = {0};
    enum sm_status status;
    if (strcmp(argv[argc - 1], "--help") == 0 && argc < 4) {
        fputs("usage: slowmo platform check FILE.xml [--json]\n"
              "       slowmo platform make FAMILY [--KEY VALUE ...]\n"
              "       slowmo platform make FAMILY --help\n"
              "families:\n",
              stdout);
        for (size_t i = 0; sm_platform_families[i] != NULL; i++)
            printf("  %-12s %s\n", sm_platform_families[i]->name, sm_platform_families[i]->doc);
        status = SM_OK;
    } else if (argc == 3 && strcmp(argv[1], "check") == 0)
        status = sm_platform_inspect(argv[2], home_folder(), stdout);
    else if (argc == 4 && strcmp(argv[1], "check") == 0 && strcmp(argv[3], "--json") == 0)
        status = sm_platform_inspect_json(argv[2], home_folder(), stdout);
    else if (argc >= 2 && strcmp(argv[1], "make") == 0)
        status = make_platform(&arena, argc, argv);
    else if (argc >= 2 && strcmp(argv[1], "set") == 0)
        status = set_platform(&arena, argc, argv);
    else
        status = SM_FAIL(SM_ERR_INPUT, "platform: expected `check FILE.xml`, `set FILE.xml "
                                       "KEY=VALUE` or `make FAMILY`");
    sm_arena_fini(&arena);
    return status == SM_OK ? EXIT_SUCCESS : fail();
}

static int
command_calibrate(int argc, char **argv)
{
    struct sm_arena arena = {0};
    struct sm_node *settings;
    enum sm_status status = SM_OK;
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        sm_calibrate_help(stdout);
        return EXIT_SUCCESS;
    }
    if (argc < 2 || strncmp(argv[1], "--", 2) == 0)
        status = SM_FAIL(SM_ERR_INPUT, "calibrate: expected FILE.csv, then --KEY VALUE");
    if (status == SM_OK)
        status = read_pairs(&arena, "calibrate", argc, argv, 2, &settings);
    if (status == SM_OK)
        status = sm_calibrate_file(argv[1], settings, home_folder(), stdout);
    sm_arena_fini(&arena);
    return status == SM_OK ? EXIT_SUCCESS : fail();
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(int argc, char **argv);
    } commands[] = {
        {"run", command_run},
        {"sweep", command_sweep},
        {"merge", command_merge},
        {"explain", command_explain},
        {"analyse", command_analyse},
        {"report", command_report},
        {"compare", command_compare},
        {"export", command_export},
        {"plot", command_plot},
        {"list", command_list},
        {"describe", command_describe},
        {"platform", command_platform},
        {"calibrate", command_calibrate},
        {NULL, NULL},
    };
    const char *names[sizeof commands / sizeof *commands] = {NULL};
    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
        fputs(usage, argc < 2 ? stderr : stdout);
        return argc < 2 ? EXIT_INPUT : EXIT_SUCCESS;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("slowmo " SM_VERSION);
        return EXIT_SUCCESS;
    }
    for (size_t i = 0; commands[i].name != NULL; i++) {
        if (strcmp(commands[i].name, argv[1]) == 0) {
            int code = commands[i].run(argc - 1, argv + 1);
            if ((fflush(stdout) != 0 || ferror(stdout)) && code == EXIT_SUCCESS) {
                SM_FAIL(SM_ERR_IO, "cannot write to standard output: %s", strerror(errno));
                return fail();
            }
            return code;
        }
        names[i] = commands[i].name;
    }
    char known[128];
    char near[SM_TEXT_SUGGESTION];
    SM_FAIL(SM_ERR_INPUT, "unknown command '%s'%s; known: %s", argv[1],
            sm_text_suggest(near, argv[1], names), sm_text_join(known, sizeof known, names));
    return fail();
}
