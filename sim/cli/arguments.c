/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/cli/arguments.c -- the options of every command, and how they are read. */
#include "sim/cli/arguments.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/text.h"
#include "sim/base/unit.h"

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

/* Those of several commands. */
#define OPTION_SET                                                                                 \
    "set", KEY_SET, "KEY=VALUE", 0, "Override a dotted key of the file (repeatable)", 0
#define OPTION_SEED   "seed", KEY_SEED, "N", 0, "Seed of every random stream", 0
#define OPTION_TIMING "timing-only", KEY_TIMING, NULL, 0, "No gradients: simulated seconds alone", 0
#define OPTION_NO_REPLAY                                                                           \
    "no-replay", KEY_NO_REPLAY, NULL, 0,                                                           \
        "With --timing-only: simulate every step, also where all take the same", 0
#define OPTION_STORE                                                                               \
    "store", KEY_STORE, "FILE.db", 0, "SQLite file of results (default: results.db)", 0
#define OPTION_RUNS_JSON                                                                           \
    "json", KEY_JSON, NULL, 0, "Summaries on standard output, a line of JSON a run", 0
#define OPTION_RUNS_QUIET "quiet", KEY_QUIET, NULL, 0, "No progress line, no table", 0
#define OPTION_LOAD       "load", KEY_LOAD, "FILE.safetensors", 0, "Start from this model", 0
#define OPTION_JOBS       "jobs", KEY_JOBS, "N", 0, "Runs side by side (default: all cores)", 0
#define OPTION_TARGET                                                                              \
    "target", KEY_TARGET, "A", 0,                                                                  \
        "Test accuracy, 0 .. 1, for times to target and speed-ups (default: the highest whole "    \
        "percent that all runs reach)",                                                            \
        0
#define OPTION_HELP "help", '?', NULL, 0, "This list", 0

const struct argp_option sm_cli_run_options[] = {
    {OPTION_SET},
    {OPTION_SEED},
    {"threads", KEY_THREADS, "N", 0, "OS threads for gradients (default: all cores)", 0},
    {OPTION_TIMING},
    {OPTION_NO_REPLAY},
    {OPTION_STORE},
    {"trace", KEY_TRACE, "FILE.json", 0, "Write a Chrome/Perfetto trace (one run)", 0},
    {OPTION_RUNS_JSON},
    {OPTION_RUNS_QUIET},
    {"save", KEY_SAVE, "FILE.safetensors", 0, "Write the final consensus model (one run)", 0},
    {OPTION_LOAD},
    {"engine", KEY_ENGINE, "NAME", 0, "simgrid (default), or thread: no clock, for comparison", 0},
    {OPTION_HELP},
    {0},
};

const struct argp_option sm_cli_sweep_options[] = {
    {OPTION_JOBS},
    {"resume", KEY_RESUME, NULL, 0,
     "Go on with a sweep that was killed. What the store has is never run again, with or without "
     "this; with it, the store must be there, and runs that a process of another host began count "
     "as dead",
     0},
    {"shard", KEY_SHARD, "I/N", 0, "Only every N-th run, from the I-th on: for job arrays", 0},
    {"no-join", KEY_NO_JOIN, NULL, 0,
     "Train every run, also where another one has the same numbers and only other seconds", 0},
    {OPTION_SET},
    {OPTION_SEED},
    {"threads", KEY_THREADS, "N", 0,
     "OS threads for gradients, divided among the jobs (default: all cores)", 0},
    {OPTION_TIMING},
    {OPTION_NO_REPLAY},
    {OPTION_STORE},
    {OPTION_RUNS_JSON},
    {OPTION_RUNS_QUIET},
    {OPTION_LOAD},
    {OPTION_HELP},
    {0},
};

const struct argp_option sm_cli_explain_options[] = {
    {OPTION_SET},
    {OPTION_SEED},
    {"steps", KEY_STEPS, "N", 0, "Run whole rounds of at most so many steps (default: 100)", 0},
    {OPTION_JOBS},
    {"json", KEY_JSON, NULL, 0, "A line of JSON an experiment on standard output", 0},
    {"quiet", KEY_QUIET, NULL, 0, "No progress line", 0},
    {OPTION_HELP},
    {0},
};

const struct argp_option sm_cli_analyse_options[] = {
    {OPTION_TARGET},
    {"best", KEY_BEST, "KEY", 0, "The best value of a dotted key, such as algorithm.tau", 0},
    {"per", KEY_PER, "KEY", 0, "With --best: for each value of this key", 0},
    {"tie", KEY_TIE, "A,B", 0, "Where the runs A and B tie over the key of --over", 0},
    {"over", KEY_OVER, "KEY", 0, "With --tie: a dotted key with numbers, such as a bandwidth", 0},
    {"by", KEY_BY, "MEASURE", 0,
     "What --best and --tie compare: accuracy, loss, perplexity, bleu, seconds_to_target, "
     "steps_to_target, seconds_per_step, seconds",
     0},
    {"json", KEY_JSON, NULL, 0, "One line of JSON", 0},
    {OPTION_HELP},
    {0},
};

const struct argp_option sm_cli_report_options[] = {
    {"output", 'o', "FILE.html", 0, "Where to (default: report.html; - is standard output)", 0},
    {OPTION_TARGET},
    {OPTION_HELP},
    {0},
};

const struct argp_option sm_cli_compare_options[] = {
    {"accuracy", KEY_ACCURACY, "BAND", 0,
     "How far a final test accuracy (0 .. 1) may be off (default: 0.005)", 0},
    {"seconds", KEY_SECONDS, "BAND", 0,
     "How far simulated seconds may be off, as a share of the baseline's (default: 0.001)", 0},
    {"loss", KEY_LOSS, "BAND", 0,
     "How far a final test loss may be off, as a share of the baseline's (default: not compared)",
     0},
    {OPTION_HELP},
    {0},
};

const struct argp_option sm_cli_export_options[] = {
    {"format", KEY_FORMAT, "NAME", 0,
     "csv (default): a row an evaluation; runs: a row of CSV a run; json: a line a run; jsonl: a "
     "line of JSON an evaluation, csv's columns as keys; seeds: a row of means and intervals for "
     "the runs that differ only in their seed; tensorboard: a folder of event files a run, in -o; "
     "trace: a few steps of some workers, for ui.perfetto.dev",
     0},
    {"run", KEY_RUN, "N", 0, "With --format trace: only the run of that number", 0},
    {"output", 'o', "FILE", 0, "A file instead of standard output; for tensorboard the folder", 0},
    {OPTION_HELP},
    {0},
};

const struct argp_option sm_cli_plot_options[] = {
    {"output", 'o', "FILE", 0, "A file, .svg, .png or .pdf (default: SVG on standard output)", 0},
    {"x", KEY_X, "NAME", 0, "time (simulated seconds, default) or step", 0},
    {"y", KEY_Y, "NAME", 0,
     "accuracy (default), loss, train_loss, perplexity, bleu or consensus_distance", 0},
    {OPTION_HELP},
    {0},
};

const struct argp_option sm_cli_plain_options[] = {
    {OPTION_HELP},
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
parse_shard(const char *value, struct sm_arguments *arguments)
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
    struct sm_arguments *arguments = state->input;
    switch (key) {
    case KEY_SET:
        if (arguments->set_count == SM_CLI_MOST_SETS)
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

/* Whoever mistypes a name does not lose runs. */
static enum sm_status
spare_stores(const struct sm_arguments *arguments)
{
    static const char sqlite[] = "SQLite format 3";
    const char *const written[] = {arguments->output, arguments->trace, arguments->save};
    for (size_t i = 0; i < sizeof written / sizeof *written; i++) {
        char head[sizeof sqlite] = "";
        FILE *file = written[i] != NULL ? fopen(written[i], "rb") : NULL;
        if (file == NULL)
            continue;
        const bool store = fread(head, sizeof head, 1, file) == 1 && strcmp(head, sqlite) == 0;
        fclose(file);
        if (store)
            return SM_FAIL(SM_ERR_INPUT, "%s: %s holds results and is not written over",
                           arguments->command, written[i]);
    }
    return SM_OK;
}

enum sm_status
sm_cli_parse(int argc, char **argv, const struct argp_option *options, size_t positional_most,
             const char *positional, struct sm_arguments *arguments)
{
    const struct argp argp = {options, parse_option, positional, NULL, NULL, NULL, NULL};
    char name[64];
    *arguments = (struct sm_arguments){.command = argv[0],
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
    return spare_stores(arguments);
}

enum sm_status
sm_cli_set_pair(struct sm_arena *arena, const char *what, const char *set, struct sm_node *root)
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

enum sm_status
sm_cli_read_pairs(struct sm_arena *arena, const char *command, int argc, char **argv, int first,
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
