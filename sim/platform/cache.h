/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/platform/cache.h -- platforms that were read before, for sweeps whose runs share a few. */
#ifndef SM_PLATFORM_CACHE_H
#define SM_PLATFORM_CACHE_H

#include "sim/platform/platform.h"

struct sm_platform_cache;

/* Keeps what it is asked for until that takes `most` bytes. NULL: no memory. Freed with
 * sm_platform_cache_free (NULL is fine), and all that it holds. */
struct sm_platform_cache *sm_platform_cache_create(size_t most);
void sm_platform_cache_free(struct sm_platform_cache *cache);

/* sm_platform_load, unless the same was asked for before: then it is not read again, whatever
 * became of the file. What is not kept (all of it with cache NULL) is owned by arena. What the
 * request points to has to outlive the cache. */
enum sm_status sm_platform_cache_load(struct sm_platform_cache *cache, struct sm_arena *arena,
                                      const struct sm_platform_request *request,
                                      struct sm_platform *platform);

#endif
