/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/run/explain_runs.c -- the runs of explain.h, each a process of its own. */
#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sim/base/progress.h"
#include "sim/run/explainer.h"
#include "sim/run/process.h"

enum { MOST_JOBS = 64 }; /* side by side */

/* ---- as it is ---- */

/* A link on its way out of the child. */
struct link_record {
    struct sm_link_use use;
    char name[SM_EXPLAIN_NAME];
};

struct base_call {
    const struct sm_experiment *experiment;
    const struct sm_explain_options *options;
    int file; /* takes the lists, one behind the other */
};

struct base_result {
    double seconds_per_step;
    size_t workers, links;
};

static enum sm_status
write_list(int file, const void *list, size_t count, size_t size)
{
    const char *bytes = list;
    for (size_t done = 0; done < count * size;) {
        ssize_t more = write(file, bytes + done, count * size - done);
        if (more <= 0)
            return SM_FAIL(SM_ERR_IO, "explain: cannot keep the results: %s", strerror(errno));
        done += (size_t)more;
    }
    return SM_OK;
}

static enum sm_status
call_base(void *arg, void *result, FILE *terminal)
{
    (void)terminal;
    const struct base_call *call = arg;
    struct base_result *base = result;
    struct sm_arena arena = {0};
    struct sm_run_result run;
    struct sm_run_options options = sm_explain_run_options(call->options);
    options.count_links = true;
    SM_TRY(sm_run(call->experiment, &options, &arena, &run));
    *base = (struct base_result){run.summary.sim.seconds_per_step, run.workers, run.link_count};
    SM_TRY(write_list(call->file, run.spent, run.workers, sizeof *run.spent));
    SM_TRY(write_list(call->file, run.ends, run.workers, sizeof *run.ends));
    for (size_t i = 0; i < run.link_count; i++) {
        struct link_record record = {.use = run.links[i]};
        snprintf(record.name, sizeof record.name, "%s", run.links[i].name);
        SM_TRY(write_list(call->file, &record, 1, sizeof record));
    }
    sm_arena_fini(&arena);
    return SM_OK;
}

static enum sm_status
read_list(struct sm_arena *arena, int file, off_t *at, size_t count, size_t size, void **list)
{
    *list = sm_arena_alloc(arena, count, size);
    if (*list == NULL)
        return sm_explain_no_memory();
    for (size_t done = 0; done < count * size;) {
        ssize_t more = pread(file, (char *)*list + done, count * size - done, *at);
        if (more <= 0)
            return SM_FAIL(SM_ERR_IO, "explain: cannot read the results: %s", strerror(errno));
        done += (size_t)more;
        *at += more;
    }
    return SM_OK;
}

static enum sm_status
read_base(struct sm_explainer *e, int file, const struct base_result *base)
{
    struct sm_explanation *out = e->out;
    void *spent, *ends, *list;
    off_t at = 0;
    SM_TRY(read_list(e->arena, file, &at, base->workers, sizeof *out->spent, &spent));
    SM_TRY(read_list(e->arena, file, &at, base->workers, sizeof *out->ends, &ends));
    SM_TRY(read_list(e->arena, file, &at, base->links, sizeof(struct link_record), &list));
    struct link_record *records = list;
    struct sm_link_use *links = sm_arena_alloc(e->arena, base->links, sizeof *links);
    const char **hosts = sm_arena_alloc(e->arena, base->workers, sizeof *hosts);
    if (links == NULL || hosts == NULL)
        return sm_explain_no_memory();
    for (size_t i = 0; i < base->links; i++) {
        links[i] = records[i].use;
        links[i].name = records[i].name;
    }
    for (size_t r = 0; r < base->workers; r++)
        hosts[r] = e->platform.workers[r].hosts[0];
    out->name = e->experiment.name;
    out->workers = base->workers;
    out->seconds_per_step = base->seconds_per_step;
    out->spent = spent;
    out->ends = ends;
    out->hosts = hosts;
    out->links = links;
    out->link_count = base->links;
    return SM_OK;
}

enum sm_status
sm_explain_run_base(struct sm_explainer *e)
{
    struct base_result base;
    struct base_call call = {&e->experiment, e->options, memfd_create("explain", MFD_CLOEXEC)};
    if (call.file < 0)
        return SM_FAIL(SM_ERR_IO, "explain: cannot keep the results: %s", strerror(errno));
    enum sm_status status =
        sm_process_call(call_base, &call, &base, sizeof base, e->experiment.platform.file);
    if (status == SM_OK)
        status = read_base(e, call.file, &base);
    close(call.file);
    e->out->runs = 1;
    return status;
}

/* ---- with something changed ---- */

/* Not a failure of the program: a setting that cannot have this value, or is none here. */
static bool
is_refusal(enum sm_status status)
{
    return status == SM_ERR_INPUT || status == SM_ERR_NAME;
}

enum sm_status
sm_explain_try(struct sm_explainer *e, const struct sm_node *tree, const char *what,
               double *seconds)
{
    *seconds = (double)NAN;
    if (e->trial_count == SM_EXPLAIN_MOST)
        return SM_OK;
    struct sm_trial *trial = &e->trials[e->trial_count];
    *trial = (struct sm_trial){.options = e->options, .what = what, .seconds = seconds};
    enum sm_status status = sm_experiment_bind(e->arena, tree, &trial->experiment);
    if (status == SM_OK)
        e->trial_count++;
    return is_refusal(status) ? SM_OK : status;
}

static enum sm_status
call_trial(void *arg, void *result, FILE *terminal)
{
    (void)terminal;
    const struct sm_trial *trial = arg;
    struct sm_arena arena = {0};
    struct sm_run_result run;
    const struct sm_run_options options = sm_explain_run_options(trial->options);
    enum sm_status status = sm_run(&trial->experiment, &options, &arena, &run);
    *(double *)result = run.summary.sim.seconds_per_step;
    sm_arena_fini(&arena);
    return status;
}

static size_t
job_count(const struct sm_explain_options *options)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    size_t jobs = options->jobs > 0 ? options->jobs : cores > 0 ? (size_t)cores : 1;
    return jobs < MOST_JOBS ? jobs : MOST_JOBS;
}

/* A few side by side, finished in the order started. The first failure counts; the others are
 * waited for. */
enum sm_status
sm_explain_run_trials(struct sm_explainer *e)
{
    struct sm_process processes[MOST_JOBS];
    struct sm_error error = {0};
    struct sm_progress progress = {0};
    const size_t jobs = job_count(e->options), count = e->trial_count;
    size_t started = 0;
    sm_progress_begin(&progress, e->options->progress, e->options->item, e->options->items,
                      e->experiment.name, count);
    for (size_t done = 0; done < count && (done < started || error.code == SM_OK); done++) {
        for (; error.code == SM_OK && started < count && started < done + jobs; started++) {
            struct sm_trial *trial = &e->trials[started];
            if (sm_process_start(call_trial, trial, sizeof(double), trial->what,
                                 &processes[started % jobs]) != SM_OK) {
                error = *sm_error_last();
                break;
            }
        }
        if (done == started)
            break;
        double seconds;
        enum sm_status status =
            sm_process_finish(&processes[done % jobs], &seconds, sizeof seconds);
        if (status == SM_OK)
            *e->trials[done].seconds = seconds;
        else if (!is_refusal(status) && error.code == SM_OK)
            error = *sm_error_last();
        sm_progress_update(&progress, done + 1, (double)NAN, 0);
    }
    sm_progress_end(&progress);
    e->out->runs += count;
    return error.code == SM_OK ? SM_OK : sm_error_set(&error);
}
