/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/datasets/dataset.c -- the registries of data sets and partitions. */
#include "workloads/datasets/dataset.h"

#include <math.h>

#include "workloads/workload.h"

static const struct sm_plugin *const dataset_plugins[] = {
#define X(id) &sm_dataset_##id.about,
    SM_DATASET_LIST(X)
#undef X
        NULL,
};

const struct sm_axis sm_axis_dataset = {
    .name = "dataset",
    .key = "workload.dataset",
    .doc = "the samples that a model is fitted to",
    .initial = "fashion_mnist",
    .plugins = dataset_plugins,
};

static const struct sm_plugin *const partition_plugins[] = {
#define X(id) &sm_partition_##id.about,
    SM_PARTITION_LIST(X)
#undef X
        NULL,
};

const struct sm_axis sm_axis_partition = {
    .name = "partition",
    .key = "workload.partition",
    .doc = "how the training samples go to the workers",
    .initial = "iid",
    .plugins = partition_plugins,
};

void
sm_data_measure(struct sm_data *data)
{
    const size_t n = data->train.count * data->features;
    uint64_t seen[256] = {0};
    for (size_t i = 0; i < n; i++)
        seen[data->train.inputs[i]]++;
    double sum = 0, squares = 0;
    for (size_t byte = 0; byte < 256; byte++) {
        const double value = (double)byte / 255;
        sum += (double)seen[byte] * value;
        squares += (double)seen[byte] * value * value;
    }
    const double mean = sum / (double)n;
    const double variance = squares / (double)n - mean * mean;
    data->mean = (float)mean;
    data->deviation = variance > 1e-12 ? (float)sqrt(variance) : 1.0f;
}
