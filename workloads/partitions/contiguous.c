/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/partitions/contiguous.c -- the order of the file, cut into equal runs. */
#include "workloads/datasets/dataset.h"

static enum sm_status
contiguous_order(const void *state, const struct sm_data *data, size_t count, size_t workers,
                 uint64_t seed, uint32_t *order)
{
    (void)state;
    (void)data;
    (void)workers;
    (void)seed;
    for (size_t i = 0; i < count; i++)
        order[i] = (uint32_t)i;
    return SM_OK;
}

const struct sm_partition sm_partition_contiguous = {
    .about =
        {
            .name = "contiguous",
            .doc = "equal runs of the samples as the file has them",
            .source = "none: what reading a file in turn gives",
        },
    .order = contiguous_order,
};
