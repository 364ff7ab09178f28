/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/cli/arguments.h -- what stands behind a command's name: options, files, settings. */
#ifndef SM_CLI_ARGUMENTS_H
#define SM_CLI_ARGUMENTS_H

#include <argp.h>
#include <stdbool.h>
#include <stddef.h>

#include "analysis/compare.h"
#include "sim/base/arena.h"
#include "sim/base/status.h"
#include "sim/base/tree.h"

enum { SM_CLI_MOST_SETS = 256, SM_CLI_MOST_FILES = 4096 };

/* Texts are those of argv, or defaults; what was not given is NULL, 0 or NaN. */
struct sm_arguments {
    const char *command;
    const char *positional[SM_CLI_MOST_FILES];
    size_t positional_count, positional_most;
    const char *sets[SM_CLI_MOST_SETS];
    size_t set_count;
    const char *best, *per, *by, *tie, *over, *output, *x, *y;
    double target;
    struct sm_bands bands;
    const char *store, *trace, *save, *load, *seed, *engine, *format;
    size_t threads, steps, jobs, shard, shards, run;
    bool timing_only, no_replay, resume, no_join, json, quiet, help;
};

/* The options of each command; plain: --help alone. */
extern const struct argp_option sm_cli_run_options[], sm_cli_sweep_options[],
    sm_cli_explain_options[], sm_cli_analyse_options[], sm_cli_report_options[],
    sm_cli_compare_options[], sm_cli_export_options[], sm_cli_plot_options[],
    sm_cli_plain_options[];

/* Reads argv, whose first is the command's name: options, and at most `positional_most` files and
 * the like, which --help calls `positional`. SM_ERR_INPUT for what it does not know; with --help it
 * prints them and ends the process. */
enum sm_status sm_cli_parse(int argc, char **argv, const struct argp_option *options,
                            size_t positional_most, const char *positional,
                            struct sm_arguments *arguments);

/* Lays KEY=VALUE on the tree; `what` is who asks. */
enum sm_status sm_cli_set_pair(struct sm_arena *arena, const char *what, const char *set,
                               struct sm_node *root);
/* --KEY VALUE or --KEY=VALUE pairs from argv[first] on, as a tree of settings. */
enum sm_status sm_cli_read_pairs(struct sm_arena *arena, const char *command, int argc, char **argv,
                                 int first, struct sm_node **settings);

#endif
