/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/partitions/by_label.c -- samples sorted by label and cut into shards, a few a worker.
 *
 * With as many shards a class as workers x classes / (number of classes), a shard is of one class;
 * else some lie across two.
 */
#include "workloads/datasets/dataset.h"

#include <string.h>

struct by_label {
    size_t classes;
};

static const struct sm_param by_label_params[] = {
    SM_PARAM(struct by_label, classes, 2, 1, SM_MOST_CLASSES, "shards a worker, about its classes"),
    SM_PARAM_END,
};

/* Where `part` of `parts` equal parts of `count` begins. */
static size_t
cut(size_t count, size_t part, size_t parts)
{
    return part * count / parts;
}

static enum sm_status
by_label_order(const void *state, const struct sm_data *data, size_t count, size_t workers,
               uint64_t seed, uint32_t *order)
{
    const struct by_label *s = state;
    SM_TRY(sm_partition_wants_labels("by_label", data));
    struct sm_arena arena = {0};
    const size_t shards = workers * s->classes;
    struct sm_rng *rng = sm_rng_create(&arena, seed, SM_RNG_PARTITION, 0);
    uint32_t *sorted = sm_arena_alloc(&arena, count, sizeof *sorted);
    uint32_t *shard = sm_arena_alloc(&arena, shards, sizeof *shard);
    const bool ready = rng != NULL && sorted != NULL && shard != NULL;
    if (ready) {
        size_t begin[SM_MOST_CLASSES + 1];
        sm_partition_sort(data, count, sorted, begin);
        for (size_t i = 0; i < shards; i++)
            shard[i] = (uint32_t)i;
        sm_rng_shuffle(rng, shard, shards);
    }
    /* the sorted samples go to the places of the shards in their new order: a shard is as large as
     * its place, so that parts whose sizes differ by one still come out right */
    for (size_t i = 0, from = 0; ready && i < shards; i++) {
        const size_t worker = shard[i] / s->classes, piece = shard[i] % s->classes;
        const size_t part = cut(count, worker, workers);
        const size_t size = cut(count, worker + 1, workers) - part;
        const size_t to = part + cut(size, piece, s->classes);
        const size_t length = part + cut(size, piece + 1, s->classes) - to;
        memcpy(order + to, sorted + from, length * sizeof *order);
        from += length;
    }
    sm_arena_fini(&arena);
    return ready ? SM_OK : SM_FAIL(SM_ERR_NOMEM, "by_label: no memory for %zu samples", count);
}

const struct sm_partition sm_partition_by_label = {
    .about =
        {
            .name = "by_label",
            .doc = "samples sorted by label, cut into shards that go to the workers at random",
            .source = "McMahan et al., AISTATS 2017, arXiv:1602.05629, section 3 (Non-IID)",
            .state_size = sizeof(struct by_label),
            .params = by_label_params,
        },
    .order = by_label_order,
};
