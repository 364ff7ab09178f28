/* SPDX-License-Identifier: GPL-3.0-or-later */
/* analysis/report/platforms.c -- see platforms.h. */
#include "analysis/report/platforms.h"

enum { MOST_PLATFORMS = 64 }; /* a few kB each */

/* One that cannot be read is left out, as one that is not there. */
static enum sm_status
add_platform(struct sm_store *store, const char *hash, json_t *object)
{
    struct sm_arena arena = {0};
    const char *text = NULL;
    const enum sm_status status = sm_store_platform(store, hash, &arena, &text);
    json_t *description = text != NULL ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
    if (json_is_object(description))
        json_object_set(object, hash, description);
    json_decref(description);
    sm_arena_fini(&arena);
    return status;
}

enum sm_status
sm_report_platforms(struct sm_store *store, const struct sm_stored_run *runs, size_t count,
                    json_t **object)
{
    json_t *asked = json_object();
    enum sm_status status = SM_OK;
    *object = json_object();
    if (asked == NULL || *object == NULL)
        status = SM_FAIL(SM_ERR_NOMEM, "no memory for the report");
    for (size_t i = 0; store != NULL && i < count && status == SM_OK; i++) {
        const char *hash = runs[i].summary.hashes.platform;
        if (hash == NULL || json_object_get(asked, hash) != NULL)
            continue;
        if (json_object_size(*object) == MOST_PLATFORMS)
            break;
        json_object_set_new(asked, hash, json_true());
        status = add_platform(store, hash, *object);
    }
    json_decref(asked);
    if (status != SM_OK)
        json_decref(*object);
    return status;
}
