/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/run/batch.c -- many runs, one after the other, each in a process of its own. */
#include <string.h>

#include "sim/run/process.h"
#include "sim/run/run.h"

struct call {
    const struct sm_experiment *experiment;
    struct sm_run_options options;
};

static enum sm_status
call_run(void *arg, void *run, FILE *terminal)
{
    struct call *call = arg;
    struct sm_arena arena = {0};
    struct sm_run_result result;
    if (call->options.progress != NULL)
        call->options.progress = terminal;
    enum sm_status status = sm_run(call->experiment, &call->options, &arena, &result);
    *(int64_t *)run = result.run;
    sm_arena_fini(&arena);
    return status;
}

enum sm_status
sm_run_all(const struct sm_experiment *experiments, size_t count,
           const struct sm_run_options *options, int64_t *runs)
{
    memset(runs, 0, count * sizeof *runs);
    for (size_t i = 0; i < count; i++) {
        struct call call = {&experiments[i], *options};
        call.options.item = i + 1;
        call.options.items = count;
        enum sm_status status = sm_process_call(call_run, &call, &runs[i], sizeof runs[i],
                                                experiments[i].platform.file);
        if (status != SM_OK)
            return count > 1 ? sm_error_prefix("%s", experiments[i].name) : status;
    }
    return SM_OK;
}
