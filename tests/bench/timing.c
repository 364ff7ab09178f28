/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/bench/timing.c -- what the clock costs: timing-only runs of the program, CSV on standard
 * output. Wall and user seconds, peak memory from the operating system's own account of the child.
 *
 * 14 040 iterations are the 90 epochs of ImageNet on 32 workers with 256 images each.
 */
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

/* One row: the program on the experiment `text`. */
static void
bench(const char *name, size_t workers, size_t iterations, const char *text)
{
    char folder[] = "/tmp/slowmo-bench-XXXXXX", experiment[64], store[64];
    if (mkdtemp(folder) == NULL) {
        perror("mkdtemp");
        exit(1);
    }
    snprintf(experiment, sizeof experiment, "%s/bench.yaml", folder);
    snprintf(store, sizeof store, "%s/bench.db", folder);
    write_file(experiment, text);

    double start = wall_seconds();
    int status = 0;
    struct rusage usage;
    pid_t child = fork();
    if (child == 0) {
        execl(SM_TEST_PROGRAM, "slowmo", "run", experiment, "--timing-only", "--quiet", "--store",
              store, (char *)NULL);
        _exit(127);
    }
    if (child < 0 || wait4(child, &status, 0, &usage) != child || status != 0) {
        fprintf(stderr, "timing: %s failed\n", name);
        exit(1);
    }
    double wall = wall_seconds() - start;
    double user = (double)usage.ru_utime.tv_sec + 1e-6 * (double)usage.ru_utime.tv_usec;
    printf("%s,%zu,%zu,%.2f,%.2f,%.1f,%.2f,%s\n", name, workers, iterations, wall, user,
           (double)usage.ru_maxrss / 1024, 1e6 * wall / (double)(workers * iterations),
           processor_name());
    fflush(stdout);
    unlink(experiment);
    unlink(store);
    rmdir(folder);
}

int
main(void)
{
    puts("case,workers,iterations,wall_seconds,user_seconds,peak_megabytes,"
         "microseconds_a_worker_and_iteration,processor");
    bench("sgp_slowmo", 32, 14040,
          "{steps: 14040, platform: {file: dgx1_32_10gbe}, timing: {profile: resnet50_v100x8},\n"
          " algorithm: {strategy: sgp, outer: slowmo, tau: 48}}\n");
    bench("local_slowmo", 32, 14040,
          "{steps: 14040, platform: {file: dgx1_32_10gbe}, timing: {profile: resnet50_v100x8},\n"
          " algorithm: {strategy: local, outer: slowmo, tau: 12}}\n");
    bench("allreduce_fluid", 32, 14040,
          "{steps: 14040, platform: {file: dgx1_32_10gbe}, timing: {profile: resnet50_v100x8},\n"
          " algorithm: {strategy: allreduce}}\n");
    bench("allreduce_exact", 32, 1404,
          "{steps: 1404, platform: {file: dgx1_32_10gbe}, timing: {profile: resnet50_v100x8},\n"
          " algorithm: {strategy: allreduce, collective: {name: ring, play: exact}}}\n");
    return 0;
}
