/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/run/sweep.c -- see sweep.h. */
#include "sim/run/sweep.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "sim/base/progress.h"
#include "sim/run/process.h"

enum { MOST_JOBS = 1024, DRAW_MS = 250, FIRST_LOOK_MS = 250, LAST_LOOK_MS = 4000 };

enum state { WAITING, RUNNING, TAKEN, ENDED };

/* What is known of the runs that have their numbers in common. */
enum numbers { UNKNOWN, IN_WORK, STORED };

struct item {
    enum state state;
    uint64_t group; /* 0: alone                                          */
    size_t workers; /* of a group                                        */
    size_t members; /* of the group, in its first item                   */
    size_t first;   /* the first item of the group, which holds `numbers` */
    enum numbers numbers;
    bool trains; /* its end decides for the group                        */
};

struct call {
    const struct sm_experiment *experiment;
    const struct sm_run_options *options;
};

/* What a process says of its run. */
struct outcome {
    int64_t row;
    enum sm_claim claim;
    bool refused;
};

struct slot {
    struct sm_process process;
    size_t item;
    bool used;
};

struct sweep {
    const struct sm_experiment *experiments;
    size_t count, jobs;
    const struct sm_sweep_options *options;
    struct sm_run_options run;
    int64_t *rows;
    struct sm_sweep_report *report;
    struct item *items;   /* (count) */
    struct slot *slots;   /* (jobs)  */
    struct pollfd *polls; /* (jobs)  */
    size_t ended, running;
    size_t from;     /* items before it have all been begun                  */
    double look_at;  /* when those that others are at are asked for again    */
    double patience; /* milliseconds until the time after that               */
    struct sm_progress progress;
    struct { /* that of a group, made once: the processes inherit it */
        uint64_t group;
        struct sm_arena arena;
        struct sm_workload *workload;
    } common;
};

static double
milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return 1e3 * (double)now.tv_sec + 1e-6 * (double)now.tv_nsec;
}

static size_t
cores(void)
{
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (size_t)online : 1;
}

static enum sm_status
call_run(void *arg, void *result, FILE *terminal)
{
    (void)terminal;
    struct call *call = arg;
    struct outcome *outcome = result;
    struct sm_arena arena = {0};
    struct sm_run_result run;
    enum sm_status status = sm_run(call->experiment, call->options, &arena, &run);
    *outcome = (struct outcome){run.run, run.claim, run.refused};
    sm_arena_fini(&arena);
    return status;
}

static int
by_group(const void *a, const void *b)
{
    const struct item *x = *(const struct item *const *)a, *y = *(const struct item *const *)b;
    if (x->group != y->group)
        return x->group < y->group ? -1 : 1;
    return x < y ? -1 : x > y;
}

static enum sm_status
find_groups(struct sweep *sweep)
{
    struct item **sorted = calloc(sweep->count, sizeof *sorted);
    if (sorted == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for %zu runs", sweep->count);
    enum sm_status status = SM_OK;
    for (size_t i = 0; i < sweep->count && status == SM_OK; i++) {
        sorted[i] = &sweep->items[i];
        status = sm_run_group(&sweep->experiments[i], &sweep->run, &sweep->items[i].group,
                              &sweep->items[i].workers);
    }
    if (status == SM_OK)
        qsort(sorted, sweep->count, sizeof(struct item *), by_group);
    for (size_t i = 0, first = 0; i < sweep->count && status == SM_OK; i++) {
        if (sorted[i]->group == 0 || sorted[i]->group != sorted[first]->group)
            first = i;
        sorted[i]->first = (size_t)(sorted[first] - sweep->items);
        sorted[first]->members++;
    }
    free(sorted);
    return status;
}

static enum numbers *
numbers_of(struct sweep *sweep, size_t i)
{
    return &sweep->items[sweep->items[i].first].numbers;
}

static bool
may_start(struct sweep *sweep, size_t i)
{
    return sweep->items[i].state == WAITING && *numbers_of(sweep, i) != IN_WORK;
}

/* The next to start: the first that need not wait for its group, rather of the group whose workload
 * is at hand; else one that another process was at, when it is time to look again. */
static bool
next_item(struct sweep *sweep, size_t *next)
{
    while (sweep->from < sweep->count && sweep->items[sweep->from].state != WAITING)
        sweep->from++;
    for (*next = sweep->from; sweep->common.group != 0 && *next < sweep->count; ++*next)
        if (sweep->items[*next].group == sweep->common.group && may_start(sweep, *next))
            return true;
    for (*next = sweep->from; *next < sweep->count; ++*next)
        if (may_start(sweep, *next))
            return true;
    for (*next = 0; milliseconds() >= sweep->look_at && *next < sweep->count; ++*next)
        if (sweep->items[*next].state == TAKEN)
            return true;
    return false;
}

/* The workload of a group with more than one item; NULL for others, and where it cannot be made:
 * then the process says why. */
static struct sm_workload *
common_workload(struct sweep *sweep, size_t i)
{
    const struct item *item = &sweep->items[i];
    const struct sm_experiment *experiment = &sweep->experiments[i];
    if (item->group == 0 || sweep->items[item->first].members < 2)
        return NULL;
    if (sweep->common.group == item->group)
        return sweep->common.workload;
    sm_arena_fini(&sweep->common.arena);
    sweep->common.arena = (struct sm_arena){0};
    sweep->common.group = item->group;
    if (sm_workload_create(&sweep->common.arena, &experiment->workload, experiment->seed,
                           item->workers, &sweep->common.workload) != SM_OK)
        sweep->common.workload = NULL;
    return sweep->common.workload;
}

static enum sm_status
start(struct sweep *sweep, size_t i)
{
    struct slot *slot = sweep->slots;
    while (slot->used)
        slot++;
    struct item *item = &sweep->items[i];
    enum numbers *numbers = numbers_of(sweep, i);
    sweep->run.workload = common_workload(sweep, i);
    struct call call = {&sweep->experiments[i], &sweep->run};
    SM_TRY(sm_process_start(call_run, &call, sizeof(struct outcome), sweep->experiments[i].name,
                            &slot->process));
    if (item->group != 0 && *numbers == UNKNOWN) {
        item->trains = true;
        *numbers = IN_WORK;
    }
    slot->item = i;
    slot->used = true;
    item->state = RUNNING;
    sweep->running++;
    return SM_OK;
}

static void
say_failure(struct sweep *sweep, size_t i)
{
    const struct sm_error *error = sm_error_last();
    struct sm_sweep_report *report = sweep->report;
    if (report->failed++ == 0 || error->code == SM_ERR_INPUT || error->code == SM_ERR_NAME)
        report->failure = error->code;
    sm_progress_wipe(&sweep->progress);
    if (sweep->options->log != NULL)
        fprintf(sweep->options->log, "slowmo: %s: %s\n", sweep->experiments[i].name,
                error->message);
}

static void
end_item(struct sweep *sweep, size_t i, const struct outcome *outcome, enum sm_status status)
{
    struct item *item = &sweep->items[i];
    const bool known = status == SM_OK && outcome->claim <= SM_CLAIM_DONE;
    sweep->rows[i] = outcome->row;
    item->state = ENDED;
    sweep->ended++;
    if (item->trains)
        *numbers_of(sweep, i) = known ? STORED : UNKNOWN;
    item->trains = false;
    if (status != SM_OK)
        say_failure(sweep, i);
    else if (outcome->claim == SM_CLAIM_MINE)
        sweep->report->ran++;
    else if (outcome->claim == SM_CLAIM_DONE)
        sweep->report->stored++;
    else
        sweep->report->elsewhere++;
}

static enum sm_status
interrupted(const struct sweep *sweep)
{
    return SM_FAIL(SM_ERR_INTERRUPTED,
                   "interrupted: %zu of %zu runs are done; the same call goes on with the others",
                   sweep->ended, sweep->count);
}

/* The store takes no more, so that what is still to run would be lost. */
static enum sm_status
refused(const struct sweep *sweep)
{
    const struct sm_error error = *sm_error_last();
    return SM_FAIL(error.code,
                   "%s; %zu of %zu runs are done, the same call goes on with the others",
                   error.message, sweep->ended, sweep->count);
}

static enum sm_status
finish(struct sweep *sweep, struct slot *slot)
{
    struct outcome outcome;
    const size_t i = slot->item;
    enum sm_status status = sm_process_finish(&slot->process, &outcome, sizeof outcome);
    slot->used = false;
    sweep->running--;
    if (status == SM_OK && outcome.claim == SM_CLAIM_TAKEN) {
        sweep->items[i].state = TAKEN; /* its group goes on waiting for it */
        sweep->look_at = milliseconds() + sweep->patience;
        sweep->patience = sweep->patience < LAST_LOOK_MS ? 2 * sweep->patience : LAST_LOOK_MS;
        return SM_OK;
    }
    if (status == SM_ERR_INTERRUPTED) {
        sweep->rows[i] = outcome.row;
        return interrupted(sweep);
    }
    if (status != SM_OK && outcome.refused)
        return refused(sweep);
    sweep->patience = FIRST_LOOK_MS;
    end_item(sweep, i, &outcome, status);
    return SM_OK;
}

static void
draw(struct sweep *sweep)
{
    char line[192];
    const char *name = "";
    for (size_t s = 0; s < sweep->jobs && name[0] == '\0'; s++)
        if (sweep->slots[s].used)
            name = sweep->experiments[sweep->slots[s].item].name;
    int used = snprintf(line, sizeof line, "[%zu/%zu] %zu running", sweep->ended, sweep->count,
                        sweep->running);
    if (sweep->report->failed > 0)
        used += snprintf(line + used, sizeof line - (size_t)used, ", %zu failed",
                         sweep->report->failed);
    snprintf(line + used, sizeof line - (size_t)used, "  %.100s", name);
    sm_progress_line(&sweep->progress, line, sweep->ended - sweep->report->stored,
                     sweep->count - sweep->report->stored);
}

/* Waits until a process ends, a signal comes, or it is time to look or draw. */
static enum sm_status
wait_for_some(struct sweep *sweep)
{
    nfds_t count = 0;
    for (size_t s = 0; s < sweep->jobs; s++)
        if (sweep->slots[s].used)
            sweep->polls[count++] =
                (struct pollfd){.fd = sweep->slots[s].process.channel, .events = POLLIN};
    if (poll(sweep->polls, count, DRAW_MS) < 0)
        return errno == EINTR ? SM_OK
                              : SM_FAIL(SM_ERR_IO, "cannot wait for the runs: %s", strerror(errno));
    count = 0;
    enum sm_status status = SM_OK;
    for (size_t s = 0; s < sweep->jobs; s++)
        if (sweep->slots[s].used && sweep->polls[count++].revents != 0 && status == SM_OK)
            status = finish(sweep, &sweep->slots[s]);
    return status;
}

/* After an error of the store, or an interrupt: the processes see it too, or come to their end. */
static void
finish_all(struct sweep *sweep)
{
    const struct sm_error error = *sm_error_last();
    for (size_t s = 0; s < sweep->jobs; s++)
        if (sweep->slots[s].used)
            finish(sweep, &sweep->slots[s]);
    sm_error_set(&error);
}

static enum sm_status
go(struct sweep *sweep)
{
    while (sweep->ended < sweep->count) {
        size_t next;
        if (sweep->run.interrupted != NULL && *sweep->run.interrupted)
            return interrupted(sweep);
        while (sweep->running < sweep->jobs && next_item(sweep, &next))
            SM_TRY(start(sweep, next));
        draw(sweep);
        SM_TRY(wait_for_some(sweep));
    }
    return SM_OK;
}

enum sm_status
sm_sweep(const struct sm_experiment *experiments, size_t count,
         const struct sm_sweep_options *options, int64_t *rows, struct sm_sweep_report *report)
{
    const size_t threads = options->run.threads > 0 ? options->run.threads : cores();
    size_t jobs = options->jobs > 0 ? options->jobs : cores();
    jobs = jobs < count ? jobs : count;
    jobs = jobs < MOST_JOBS ? jobs : MOST_JOBS;
    memset(rows, 0, count * sizeof *rows);
    *report = (struct sm_sweep_report){0};
    if (count == 0)
        return SM_OK;
    struct sweep sweep = {
        .experiments = experiments,
        .count = count,
        .jobs = jobs,
        .options = options,
        .run = options->run,
        .rows = rows,
        .report = report,
        .items = calloc(count, sizeof *sweep.items),
        .slots = calloc(jobs, sizeof *sweep.slots),
        .polls = calloc(jobs, sizeof *sweep.polls),
        .patience = FIRST_LOOK_MS,
    };
    sweep.run.threads = threads / jobs > 0 ? threads / jobs : 1;
    sweep.run.progress = NULL;
    enum sm_status status = SM_OK;
    if (sweep.items == NULL || sweep.slots == NULL || sweep.polls == NULL)
        status = SM_FAIL(SM_ERR_NOMEM, "no memory for %zu runs", count);
    if (status == SM_OK)
        status = find_groups(&sweep);
    sm_progress_begin(&sweep.progress, options->run.progress, 1, count, "", count);
    if (status == SM_OK) {
        status = go(&sweep);
        finish_all(&sweep);
    }
    sm_progress_end(&sweep.progress);
    sm_arena_fini(&sweep.common.arena);
    free(sweep.items);
    free(sweep.slots);
    free(sweep.polls);
    return status;
}
