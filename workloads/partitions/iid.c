/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/partitions/iid.c -- a random permutation: every worker sees the same distribution. */
#include "workloads/datasets/dataset.h"

static enum sm_status
iid_order(const void *state, const struct sm_data *data, size_t count, size_t workers,
          uint64_t seed, uint32_t *order)
{
    (void)state;
    (void)data;
    (void)workers;
    struct sm_arena arena = {0};
    struct sm_rng *rng = sm_rng_create(&arena, seed, SM_RNG_PARTITION, 0);
    for (size_t i = 0; rng != NULL && i < count; i++)
        order[i] = (uint32_t)i;
    if (rng != NULL)
        sm_rng_shuffle(rng, order, count);
    sm_arena_fini(&arena);
    return rng != NULL ? SM_OK : SM_FAIL(SM_ERR_NOMEM, "iid: no memory for a random stream");
}

const struct sm_partition sm_partition_iid = {
    .about =
        {
            .name = "iid",
            .doc = "equal parts of a random permutation",
            .source = "McMahan et al., AISTATS 2017, arXiv:1602.05629, section 3 (IID)",
        },
    .order = iid_order,
};
