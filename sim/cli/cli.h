/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/cli/cli.h -- the commands, and what their files share.
 *
 * A command gets argv from its own name on and returns the exit status. What it fails with it has
 * told by then, in one line on standard error.
 */
#ifndef SM_CLI_CLI_H
#define SM_CLI_CLI_H

#include "sim/cli/arguments.h"
#include "sim/run/run.h"

enum { SM_EXIT_RUN = 1, SM_EXIT_INPUT = 2, SM_EXIT_INTERRUPTED = 130 };

/* One line on standard error; the exit status that goes with the recorded error. */
int sm_cli_fail(void);

/* The folder with platforms/, workloads/profiles/ and the studies. */
const char *sm_cli_home(void);

/* ---- experiments.c ---- */

int sm_cli_run(int argc, char **argv);
int sm_cli_sweep(int argc, char **argv);
int sm_cli_explain(int argc, char **argv);

/* ---- plan.c ---- */

/* The trees that the file and the options stand for, and the experiments that they are, each
 * checked before any runs. Owned by arena. */
enum sm_status sm_cli_plan(struct sm_arena *arena, const struct sm_arguments *arguments,
                           const struct sm_run_options *options,
                           const struct sm_node *const **trees, struct sm_experiment **experiments,
                           size_t *count);

/* ---- stores.c ---- */

int sm_cli_merge(int argc, char **argv);
int sm_cli_analyse(int argc, char **argv);
int sm_cli_report(int argc, char **argv);
int sm_cli_compare(int argc, char **argv);
int sm_cli_export(int argc, char **argv);
int sm_cli_plot(int argc, char **argv);

/* ---- inputs.c ---- */

int sm_cli_list(int argc, char **argv);
int sm_cli_describe(int argc, char **argv);
int sm_cli_platform(int argc, char **argv);
int sm_cli_calibrate(int argc, char **argv);

#endif
