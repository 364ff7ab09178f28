/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/platform/cache.c -- see cache.h. */
#include "sim/platform/cache.h"

#include <stdlib.h>
#include <string.h>

struct entry {
    struct entry *next;
    struct sm_platform_request request;
    struct sm_platform platform;
};

struct sm_platform_cache {
    struct sm_arena arena; /* of all that is kept */
    struct entry *entries; /* the newest first    */
    size_t most;
};

struct sm_platform_cache *
sm_platform_cache_create(size_t most)
{
    struct sm_platform_cache *cache = calloc(1, sizeof *cache);
    if (cache != NULL)
        cache->most = most;
    return cache;
}

void
sm_platform_cache_free(struct sm_platform_cache *cache)
{
    if (cache == NULL)
        return;
    sm_arena_fini(&cache->arena);
    free(cache);
}

static bool
same_request(const struct sm_platform_request *a, const struct sm_platform_request *b)
{
    return a->workers == b->workers && a->servers == b->servers && strcmp(a->file, b->file) == 0 &&
           strcmp(a->home, b->home) == 0 && sm_tree_equal(a->edits, b->edits);
}

enum sm_status
sm_platform_cache_load(struct sm_platform_cache *cache, struct sm_arena *arena,
                       const struct sm_platform_request *request, struct sm_platform *platform)
{
    struct entry *entry = cache != NULL ? cache->entries : NULL;
    while (entry != NULL && !same_request(&entry->request, request))
        entry = entry->next;
    if (entry == NULL) {
        if (cache == NULL || sm_arena_bytes(&cache->arena) >= cache->most)
            return sm_platform_load(arena, request, platform);
        entry = sm_arena_zalloc(&cache->arena, 1, sizeof *entry);
        if (entry == NULL)
            return SM_FAIL(SM_ERR_NOMEM, "%s: no memory for the platform", request->file);
        entry->request = *request;
        SM_TRY(sm_platform_load(&cache->arena, request, &entry->platform));
        entry->next = cache->entries;
        cache->entries = entry;
    }
    *platform = entry->platform;
    return SM_OK;
}
