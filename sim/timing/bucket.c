/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/timing/bucket.c -- see bucket.h. */
#include "sim/timing/bucket.h"

#include <math.h>

static size_t
fill(const struct sm_profile *profile, double bucket_bytes, struct sm_bucket *buckets)
{
    double all_bytes = 0, all_work = 0;
    for (size_t i = 0; i < profile->layer_count; i++) {
        all_bytes += profile->layers[i].bytes;
        all_work += profile->layers[i].work;
    }
    double until = 0, bytes = 0, work = 0, done = 0;
    size_t count = 0;
    for (size_t i = profile->layer_count; i-- > 0;) {
        bytes += profile->layers[i].bytes;
        work += profile->layers[i].work;
        until += profile->layers[i].bytes;
        if (bytes < bucket_bytes || i == 0)
            continue;
        double backward = profile->backward * (work / all_work);
        buckets[count++] = (struct sm_bucket){until / all_bytes, backward};
        done += backward;
        bytes = work = 0;
    }
    buckets[count++] = (struct sm_bucket){1, fmax(0, profile->backward - done)};
    return count;
}

enum sm_status
sm_profile_buckets(struct sm_arena *arena, const struct sm_profile *profile, double bucket_bytes,
                   const struct sm_bucket **buckets, size_t *count)
{
    const bool whole = !(bucket_bytes > 0) || profile->layer_count == 0;
    struct sm_bucket *list = sm_arena_alloc(arena, whole ? 1 : profile->layer_count, sizeof *list);
    if (list == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "%s: no memory for the gradient's buckets", profile->name);
    list[0] = (struct sm_bucket){1, profile->backward};
    *count = whole ? 1 : fill(profile, bucket_bytes, list);
    *buckets = list;
    return SM_OK;
}
