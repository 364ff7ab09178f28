/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/bench/sweep.c -- what sweeps cost: wall and user seconds of the program, CSV on standard
 * output.
 *
 * `ratio` is a case's seconds over those of the one above it, most_ratio what it may be: wall
 * seconds of 16 runs two at a time and one at a time, one thread each; user seconds of one
 * algorithm on 20 networks and on one. Wall seconds mean something only while nothing else runs on
 * the machine.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/helpers/processor.h"

struct bench_case {
    const char *name;
    size_t runs;
    const char *jobs;
    bool user;         /* the ratio is that of user seconds            */
    double most_ratio; /* to the case above; 0: it begins a comparison */
    const char *yaml;
};

#define SMALL                                                                                      \
    "steps: 200\nplatform: {file: star_8}\nworkload: {model: mlp, dataset: synthetic}\n"           \
    "sweep: {seed: [1, 2, 3, 4], algorithm.inner.lr: [0.1, 0.05, 0.02, 0.01]}\n"
#define NETWORK                                                                                    \
    "steps: 300\nplatform: {file: dgx1_32_10gbe, workers: 16}\n"                                   \
    "workload: {model: lenet, dataset: {name: synthetic, features: [28, 28, 1]}}\n"                \
    "algorithm: {strategy: sgp, outer: slowmo, tau: 12}\n"

static const struct bench_case cases[] = {
    {"small_runs_one_by_one", 16, "1", false, 0, SMALL},
    {"small_runs_two_at_once", 16, "2", false, 0.6, SMALL},
    {"one_network", 1, "1", true, 0, NETWORK},
    {"twenty_networks", 20, "1", true, 1.25,
     NETWORK "sweep: {platform.bandwidth.\"*eth*\": [1Gbps, 2Gbps, 3Gbps, 4Gbps, 5Gbps, 6Gbps,"
             " 7Gbps, 8Gbps, 9Gbps, 10Gbps, 12Gbps, 15Gbps, 20Gbps, 25Gbps, 30Gbps, 40Gbps, 50Gbps,"
             " 100Gbps, 200Gbps, 400Gbps]}\n"},
};
enum { CASES = sizeof cases / sizeof *cases };

static double
wall_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* In a new folder; false where it fails. */
static bool
run_program(const struct bench_case *c, const char *folder, double *wall, double *user)
{
    char experiment[64], store[64];
    snprintf(experiment, sizeof experiment, "%s/bench.yaml", folder);
    snprintf(store, sizeof store, "%s/bench.db", folder);
    FILE *file = fopen(experiment, "w");
    if (file == NULL || fputs(c->yaml, file) < 0 || fclose(file) != 0)
        return false;
    struct rusage usage;
    int status = 0;
    const double start = wall_seconds();
    const pid_t child = fork();
    if (child == 0) {
        execl(SM_TEST_PROGRAM, "slowmo", "sweep", experiment, "--quiet", "--threads", c->jobs,
              "--jobs", c->jobs, "--store", store, (char *)NULL);
        _exit(127);
    }
    if (child < 0 || wait4(child, &status, 0, &usage) != child || status != 0)
        return false;
    *wall = wall_seconds() - start;
    *user = (double)usage.ru_utime.tv_sec + 1e-6 * (double)usage.ru_utime.tv_usec;
    return true;
}

int
main(void)
{
    double before[2] = {0, 0};
    puts("case,runs,jobs,wall_seconds,user_seconds,ratio,most_ratio,processor");
    for (size_t i = 0; i < CASES; i++) {
        const struct bench_case *c = &cases[i];
        char folder[] = "/tmp/slowmo-bench-XXXXXX", command[64];
        double seconds[2];
        if (mkdtemp(folder) == NULL || !run_program(c, folder, &seconds[0], &seconds[1])) {
            fprintf(stderr, "sweep: %s failed\n", c->name);
            return 1;
        }
        snprintf(command, sizeof command, "rm -rf %s", folder);
        if (system(command) != 0)
            return 1;
        printf("%s,%zu,%s,%.2f,%.2f,", c->name, c->runs, c->jobs, seconds[0], seconds[1]);
        if (c->most_ratio > 0)
            printf("%.2f,%g,", seconds[c->user] / before[c->user], c->most_ratio);
        else
            printf(",,");
        printf("%s\n", processor_name());
        fflush(stdout);
        memcpy(before, seconds, sizeof before);
    }
    return 0;
}
