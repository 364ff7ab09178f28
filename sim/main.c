/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/main.c -- finds the command that is asked for and starts it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/text.h"
#include "sim/cli/cli.h"

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

int
main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(int argc, char **argv);
    } commands[] = {
        {"run", sm_cli_run},
        {"sweep", sm_cli_sweep},
        {"merge", sm_cli_merge},
        {"explain", sm_cli_explain},
        {"analyse", sm_cli_analyse},
        {"report", sm_cli_report},
        {"compare", sm_cli_compare},
        {"export", sm_cli_export},
        {"plot", sm_cli_plot},
        {"list", sm_cli_list},
        {"describe", sm_cli_describe},
        {"platform", sm_cli_platform},
        {"calibrate", sm_cli_calibrate},
        {NULL, NULL},
    };
    const char *names[sizeof commands / sizeof *commands] = {NULL};
    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
        fputs(usage, argc < 2 ? stderr : stdout);
        return argc < 2 ? SM_EXIT_INPUT : EXIT_SUCCESS;
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
                return sm_cli_fail();
            }
            return code;
        }
        names[i] = commands[i].name;
    }
    char known[128];
    char near[SM_TEXT_SUGGESTION];
    SM_FAIL(SM_ERR_INPUT, "unknown command '%s'%s; known: %s", argv[1],
            sm_text_suggest(near, argv[1], names), sm_text_join(known, sizeof known, names));
    return sm_cli_fail();
}
