/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/store/merge.c -- see merge.h. */
#include "sim/store/merge.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sim/store/record.h"

struct pair {
    const char *out, *in; /* paths */
    const struct sm_stored_run *kept, *found;
    size_t kept_count, found_count;
};

static bool
is_done(const struct sm_stored_run *run)
{
    return sm_store_is_done(run->summary.status);
}

/* A stalled or failed run says something too. */
static bool
is_ended(const struct sm_stored_run *run)
{
    const char *status = run->summary.status;
    return is_done(run) ||
           (status != NULL && (strcmp(status, "stalled") == 0 || strcmp(status, "failed") == 0));
}

/* How long a run took decides nothing, nor does what did not stand in older stores. */
static bool
same_field(const struct sm_field *field, const void *a, const void *b)
{
    json_t *x = sm_field_json(field, a), *y = sm_field_json(field, b);
    const bool later = field->since > 0 && (json_is_null(x) || json_is_null(y));
    const bool same = strncmp(field->name, "wall.", 5) == 0 || later || json_equal(x, y);
    json_decref(x);
    json_decref(y);
    return same;
}

/* The name of a field in which they differ; NULL: none. */
static const char *
difference(const struct sm_field *fields, const void *a, const void *b)
{
    for (; fields->name != NULL; fields++)
        if (!same_field(fields, a, b))
            return fields->name;
    return NULL;
}

static enum sm_status
conflict(const struct pair *pair, const struct sm_stored_run *run, const char *what)
{
    return SM_FAIL(SM_ERR_INPUT,
                   "%s and %s differ in %s of the same run, %s (%s); nothing was merged from the "
                   "latter",
                   pair->out, pair->in, what, run->summary.name, run->summary.run_id);
}

static enum sm_status
check_same(const struct pair *pair, const struct sm_stored_run *a, const struct sm_stored_run *b)
{
    const char *what = difference(sm_summary_fields, &a->summary, &b->summary);
    if (what != NULL)
        return conflict(pair, b, what);
    if (a->evaluation_count != b->evaluation_count)
        return conflict(pair, b, "the number of evaluations");
    for (size_t i = 0; i < a->evaluation_count; i++)
        if ((what = difference(sm_evaluation_fields, &a->evaluations[i], &b->evaluations[i])) !=
            NULL)
            return conflict(pair, b, what);
    return SM_OK;
}

static int
by_id(const void *a, const void *b)
{
    const struct sm_stored_run *const *x = a, *const *y = b;
    return strcmp((*x)->summary.run_id, (*y)->summary.run_id);
}

/* Checks all before any is written. */
static enum sm_status
check_conflicts(const struct pair *pair)
{
    const size_t count = pair->kept_count;
    const struct sm_stored_run **kept = calloc(count + 1, sizeof *kept);
    if (kept == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "%s: no memory for its runs", pair->out);
    size_t done = 0;
    for (size_t i = 0; i < count; i++)
        if (is_done(&pair->kept[i]))
            kept[done++] = &pair->kept[i];
    qsort(kept, done, sizeof(const struct sm_stored_run *), by_id);
    enum sm_status status = SM_OK;
    for (size_t i = 0; i < pair->found_count && status == SM_OK; i++) {
        const struct sm_stored_run *found = &pair->found[i];
        const struct sm_stored_run *const *same = NULL;
        if (is_done(found))
            same = bsearch(&found, kept, done, sizeof(const struct sm_stored_run *), by_id);
        if (same != NULL)
            status = check_same(pair, *same, found);
    }
    free(kept);
    return status;
}

/* What few readers ask for is held of one run at a time. */
static enum sm_status
copy(struct sm_store *out, struct sm_store *in, const struct sm_stored_run *found)
{
    struct sm_arena arena = {0};
    struct sm_stored_run run = *found;
    enum sm_status status = sm_store_read_more(in, &arena, &run);
    if (status == SM_OK)
        status = sm_store_put(out, &run);
    sm_arena_fini(&arena);
    return status;
}

static enum sm_status
merge(struct sm_store *out, struct sm_store *in, struct pair *pair, struct sm_arena *arena)
{
    SM_TRY(sm_store_read(out, arena, &pair->kept, &pair->kept_count));
    SM_TRY(check_conflicts(pair));
    for (size_t i = 0; i < pair->found_count; i++)
        if (is_ended(&pair->found[i]))
            SM_TRY(copy(out, in, &pair->found[i]));
    return SM_OK;
}

enum sm_status
sm_store_merge(const char *out, const char *in)
{
    struct stat a, b;
    struct sm_arena arena = {0};
    struct pair pair = {.out = out, .in = in};
    struct sm_store *from = NULL, *to = NULL;
    if (stat(out, &a) == 0 && stat(in, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino)
        return SM_FAIL(SM_ERR_INPUT, "merge: %s and %s are the same file", out, in);
    enum sm_status status = sm_store_open_readonly(in, &from);
    if (status == SM_OK)
        status = sm_store_read(from, &arena, &pair.found, &pair.found_count);
    if (status == SM_OK)
        status = sm_store_open(out, &to);
    if (status == SM_OK)
        status = merge(to, from, &pair, &arena);
    sm_store_close(to);
    sm_store_close(from);
    sm_arena_fini(&arena);
    return status;
}
