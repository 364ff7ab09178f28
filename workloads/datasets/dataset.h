/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/datasets/dataset.h -- the data-set axis, and how samples go to workers. */
#ifndef SM_WORKLOADS_DATASETS_DATASET_H
#define SM_WORKLOADS_DATASETS_DATASET_H

#include "sim/base/plugin.h"
#include "sim/base/rng.h"

/* One half (training or test) in memory. Pixels stay bytes; a batch becomes floats on the way:
 * (byte / 255 - mean) / deviation. */
struct sm_samples {
    const uint8_t *inputs; /* (count, features) */
    const uint8_t *labels; /* (count)           */
    size_t count;
};

struct sm_data {
    struct sm_samples train, test;
    size_t features, classes;
    float mean, deviation; /* of the training inputs scaled to [0, 1] */
};

struct sm_dataset {
    struct sm_plugin about;
    /* REQUIRED. Reads or makes the data; owned by arena. Both halves hold at least one sample. The
     * run's seed plays no part: a data set is the same in every run. */
    enum sm_status (*load)(const void *state, struct sm_arena *arena, struct sm_data *data);
};

#define SM_DATASET_LIST(X) X(fashion_mnist) X(synthetic)
#define X(id)              extern const struct sm_dataset sm_dataset_##id;
SM_DATASET_LIST(X)
#undef X

struct sm_partition {
    struct sm_plugin about;
    /* REQUIRED. Writes a permutation of 0..count-1 to order; worker r then takes the slice
     * [r count / workers, (r+1) count / workers). */
    enum sm_status (*order)(const void *state, const struct sm_data *data, size_t count,
                            size_t workers, uint64_t seed, uint32_t *order);
};

#define SM_PARTITION_LIST(X) X(iid) X(contiguous)
#define X(id)                extern const struct sm_partition sm_partition_##id;
SM_PARTITION_LIST(X)
#undef X

/* Sets mean and deviation from the training inputs; a constant input counts as deviation 1. */
void sm_data_measure(struct sm_data *data);

#endif
