/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/helpers/sweeps.c -- see sweeps.h. */
#include "tests/helpers/sweeps.h"

#include <signal.h>
#include <stdint.h>
#include <time.h>

#include "sim/base/rng.h"
#include "tests/helpers/check.h"
#include "tests/helpers/folder.h"
#include "tests/helpers/program.h"
#include "tests/helpers/stores.h"

void
sweep_write(const char *name)
{
    folder_write(name, "name: s\n"
                       "steps: 40\n"
                       "evaluate: {every: 10}\n"
                       "platform: {file: star_4}\n"
                       "workload: {model: softmax, batch: 8, dataset: {name: synthetic, train: "
                       "400, test: 100}}\n"
                       "algorithm: {tau: 8}\n"
                       "compare:\n"
                       "- {name: allreduce}\n"
                       "- {name: local, algorithm: {strategy: local, outer: slowmo}}\n"
                       "- {name: adpsgd, algorithm: {strategy: adpsgd}}\n"
                       "sweep:\n"
                       "  seed: [1, 2]\n"
                       "  platform.bandwidth.\"*\": [1Gbps, 10Gbps]\n");
}

static void
pause_for(double seconds)
{
    nanosleep(&(struct timespec){.tv_nsec = (long)(1e9 * seconds)}, NULL);
}

void
sweep_killed(const char *file, const char *store, size_t kills)
{
    const char *const call[] = {"sweep", file, "--jobs", "2", "--quiet", "--store", store, NULL};
    struct sm_arena arena = {0};
    struct sm_rng *rng = sm_rng_create(&arena, kills, SM_RNG_TEST, 0);
    assert_non_null(rng);
    size_t killed = 0;
    for (size_t i = 0; i < kills; i++) {
        const pid_t child = program_start(call);
        pause_for(0.4 * sm_rng_uniform(rng) * sm_rng_uniform(rng));
        kill(child, SIGKILL);
        const int status = program_finish(child, 0)->status;
        assert_true(status == 128 + SIGKILL || status == 0);
        killed += status != 0;
    }
    sm_arena_fini(&arena);
    print_message("killed %zu times\n", killed);
    const struct program_result *result = program_call(call);
    if (result->status != 0)
        fail_msg("exit status %d: %s", result->status, result->err);
}
