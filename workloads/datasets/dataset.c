/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/datasets/dataset.c -- the registries of data sets and partitions. */
#include "workloads/datasets/dataset.h"

#include <math.h>
#include <string.h>

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

static const struct sm_plugin *const augmentation_plugins[] = {
#define X(id) &sm_augmentation_##id.about,
    SM_AUGMENTATION_LIST(X)
#undef X
        NULL,
};

const struct sm_axis sm_axis_augmentation = {
    .name = "augmentation",
    .key = "workload.augmentation",
    .doc = "what happens to a training image each time it is used",
    .initial = "none",
    .plugins = augmentation_plugins,
};

void
sm_data_measure(struct sm_data *data)
{
    const size_t channels = data->shape.channels > 0 ? data->shape.channels : 1;
    const size_t n = data->train.count * data->shape.features;
    uint64_t seen[SM_MOST_CHANNELS][256] = {0};
    for (size_t i = 0; i < n; i += channels)
        for (size_t c = 0; c < channels; c++)
            seen[c][data->train.inputs[i + c]]++;
    for (size_t c = 0; c < channels; c++) {
        double sum = 0, squares = 0;
        for (size_t byte = 0; byte < 256; byte++) {
            const double value = (double)byte / 255;
            sum += (double)seen[c][byte] * value;
            squares += (double)seen[c][byte] * value * value;
        }
        const double count = (double)n / (double)channels, mean = sum / count;
        const double variance = squares / count - mean * mean;
        data->mean[c] = (float)mean;
        data->deviation[c] = variance > 1e-12 ? (float)sqrt(variance) : 1.0f;
    }
}

enum sm_status
sm_partition_wants_labels(const char *name, const struct sm_data *data)
{
    if (data->train.labels != NULL)
        return SM_OK;
    return SM_FAIL(SM_ERR_INPUT,
                   "workload.partition: %s sorts by label, but the data set holds sequences; "
                   "expected iid or contiguous",
                   name);
}

void
sm_partition_sort(const struct sm_data *data, size_t count, uint32_t *sorted,
                  size_t begin[SM_MOST_CLASSES + 1])
{
    size_t next[SM_MOST_CLASSES + 1] = {0};
    for (size_t i = 0; i < count; i++)
        next[data->train.labels[i] + 1]++;
    for (size_t c = 0; c < SM_MOST_CLASSES; c++)
        next[c + 1] += next[c];
    memcpy(begin, next, sizeof next);
    for (size_t i = 0; i < count; i++)
        sorted[next[data->train.labels[i]]++] = (uint32_t)i;
}
