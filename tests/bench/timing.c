/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/bench/timing.c -- what the clock costs: timing-only runs of the program, CSV on standard
 * output. Wall and user seconds, peak memory from the operating system's own account of the child.
 *
 * 14 040 iterations are the 90 epochs of ImageNet on 32 workers with 256 images each. Every case
 * runs twice: as it is, and with --no-replay, where every step is simulated. most_seconds and
 * most_megabytes are what the first may take. With arguments: the cases of these names.
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

static double
wall_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void
write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0) {
        perror(path);
        exit(1);
    }
}

struct bench_case {
    const char *name;
    size_t workers, iterations;
    double most_seconds, most_megabytes; /* 0: as much as it takes */
    const char *platform, *algorithm;
};

static const struct bench_case cases[] = {
    {"sgp_slowmo", 32, 14040, 4, 0, "dgx1_32_10gbe", "{strategy: sgp, outer: slowmo, tau: 48}"},
    {"local_slowmo", 32, 14040, 0, 0, "dgx1_32_10gbe", "{strategy: local, outer: slowmo, tau: 12}"},
    {"allreduce", 32, 14040, 20, 0, "dgx1_32_10gbe", "{strategy: allreduce}"},
    {"allreduce_exact", 32, 1404, 0, 0, "dgx1_32_10gbe",
     "{strategy: allreduce, collective: {name: ring, play: exact}}"},
    {"sgp_256", 256, 14040, 45, 0, "star_256", "{strategy: sgp}"},
    /* 100 steps and two exact averages */
    {"sgp_4096", 4096, 100, 20, 400, "star_4096", "{strategy: sgp, outer: average, tau: 50}"},
    {"round_16384", 16384, 12, 0, 0, "star_16384", "{strategy: sgp, outer: average, tau: 12}"},
    /* how it grows with the workers: 36 steps, three exact averages */
    {"growth_32", 32, 36, 0, 0, "star_32", "{strategy: sgp, outer: average, tau: 12}"},
    {"growth_64", 64, 36, 0, 0, "star_64", "{strategy: sgp, outer: average, tau: 12}"},
    {"growth_128", 128, 36, 0, 0, "star_128", "{strategy: sgp, outer: average, tau: 12}"},
    {"growth_256", 256, 36, 0, 0, "star_256", "{strategy: sgp, outer: average, tau: 12}"},
    {"growth_512", 512, 36, 0, 0, "star_512", "{strategy: sgp, outer: average, tau: 12}"},
    {"growth_1024", 1024, 36, 0, 0, "star_1024", "{strategy: sgp, outer: average, tau: 12}"},
    {"growth_2048", 2048, 36, 0, 0, "star_2048", "{strategy: sgp, outer: average, tau: 12}"},
    {"growth_4096", 4096, 36, 0, 0, "star_4096", "{strategy: sgp, outer: average, tau: 12}"},
};
enum { CASES = sizeof cases / sizeof *cases };

/* The program on the experiment; what it used. */
static double
run_program(const struct bench_case *c, bool replay, const char *experiment, const char *store,
            struct rusage *usage)
{
    const double start = wall_seconds();
    int status = 0;
    const pid_t child = fork();
    if (child == 0) {
        execl(SM_TEST_PROGRAM, "slowmo", "run", experiment, "--timing-only", "--quiet", "--store",
              store, replay ? (char *)NULL : "--no-replay", (char *)NULL);
        _exit(127);
    }
    if (child < 0 || wait4(child, &status, 0, usage) != child || status != 0) {
        fprintf(stderr, "timing: %s failed\n", c->name);
        exit(1);
    }
    return wall_seconds() - start;
}

/* One row. */
static void
bench(const struct bench_case *c, bool replay)
{
    char folder[] = "/tmp/slowmo-bench-XXXXXX", experiment[64], store[64], text[512];
    if (mkdtemp(folder) == NULL) {
        perror("mkdtemp");
        exit(1);
    }
    snprintf(experiment, sizeof experiment, "%s/bench.yaml", folder);
    snprintf(store, sizeof store, "%s/bench.db", folder);
    snprintf(text, sizeof text,
             "{steps: %zu, platform: {file: %s}, timing: {profile: resnet50_v100x8},"
             " algorithm: %s}\n",
             c->iterations, c->platform, c->algorithm);
    write_file(experiment, text);
    struct rusage usage;
    const double wall = run_program(c, replay, experiment, store, &usage);
    const double user = (double)usage.ru_utime.tv_sec + 1e-6 * (double)usage.ru_utime.tv_usec;
    printf("%s,%zu,%zu,%s,%.2f,%.2f,%.1f,%.2f,%.0f,%.0f,%s\n", c->name, c->workers, c->iterations,
           replay ? "yes" : "no", wall, user, (double)usage.ru_maxrss / 1024,
           1e6 * wall / (double)(c->workers * c->iterations), c->most_seconds, c->most_megabytes,
           processor_name());
    fflush(stdout);
    unlink(experiment);
    unlink(store);
    rmdir(folder);
}

static bool
asked_for(const char *name, int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], name) == 0)
            return true;
    return argc == 1;
}

static bool
known(const char *name)
{
    for (size_t i = 0; i < CASES; i++)
        if (strcmp(cases[i].name, name) == 0)
            return true;
    return false;
}

int
main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (!known(argv[i])) {
            fprintf(stderr, "timing: no case '%s'; known:", argv[i]);
            for (size_t c = 0; c < CASES; c++)
                fprintf(stderr, " %s", cases[c].name);
            fputc('\n', stderr);
            return 2;
        }
    puts("case,workers,iterations,replay,wall_seconds,user_seconds,peak_megabytes,"
         "microseconds_a_worker_and_iteration,most_seconds,most_megabytes,processor");
    for (size_t i = 0; i < CASES; i++)
        for (int whole = 0; asked_for(cases[i].name, argc, argv) && whole < 2; whole++)
            bench(&cases[i], whole == 0);
    return 0;
}
