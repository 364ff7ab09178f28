/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/datasets/dataset.h -- the data-set axis, and how samples go to workers. */
#ifndef SM_WORKLOADS_DATASETS_DATASET_H
#define SM_WORKLOADS_DATASETS_DATASET_H

#include "sim/base/plugin.h"
#include "sim/base/rng.h"
#include "workloads/shape.h"

/* One half (training or test) in memory. Pixels stay bytes; a batch becomes floats on the way:
 * (byte / 255 - mean) / deviation, by channel. */
struct sm_samples {
    const uint8_t *inputs;  /* (count, features); NULL for sequences              */
    const uint8_t *labels;  /* (count), < classes; NULL for sequences             */
    const uint16_t *tokens; /* (count, source + target + 1); NULL but for sequences */
    size_t count;
};

struct sm_vocabulary; /* vocabulary.h: tokens and their text */

struct sm_data {
    struct sm_data_shape shape;
    struct sm_samples train, test;
    /* of the training inputs scaled to [0, 1], by channel; of vectors only the first counts */
    float mean[SM_MOST_CHANNELS], deviation[SM_MOST_CHANNELS];
    const struct sm_vocabulary *vocabulary; /* of sequences; else NULL */
};

struct sm_dataset {
    struct sm_plugin about;
    /* REQUIRED. Reads or makes the data; owned by arena. Both halves hold at least one sample. The
     * run's seed plays no part: a data set is the same in every run. */
    enum sm_status (*load)(const void *state, struct sm_arena *arena, struct sm_data *data);
};

#define SM_DATASET_LIST(X)                                                                         \
    X(fashion_mnist) X(cifar10) X(images) X(synthetic) X(text) X(parallel_text)
#define X(id) extern const struct sm_dataset sm_dataset_##id;
SM_DATASET_LIST(X)
#undef X

struct sm_partition {
    struct sm_plugin about;
    /* REQUIRED. Writes a permutation of 0..count-1 to order; worker r then takes the slice
     * [r count / workers, (r+1) count / workers). */
    enum sm_status (*order)(const void *state, const struct sm_data *data, size_t count,
                            size_t workers, uint64_t seed, uint32_t *order);
};

#define SM_PARTITION_LIST(X) X(iid) X(contiguous) X(dirichlet) X(by_label)
#define X(id)                extern const struct sm_partition sm_partition_##id;
SM_PARTITION_LIST(X)
#undef X

/* What the partitions by label share: SM_OK, or one line that says that `name` needs labels; and
 * sorted (count) = the first `count` training samples by label, in their order within one, those of
 * class c at begin[c] .. begin[c + 1] - 1. */
enum { SM_MOST_CLASSES = 256 };
enum sm_status sm_partition_wants_labels(const char *name, const struct sm_data *data);
void sm_partition_sort(const struct sm_data *data, size_t count, uint32_t *sorted,
                       size_t begin[SM_MOST_CLASSES + 1]);

/* What happens to a training image on its way into a batch, newly drawn each time. */
struct sm_augmentation {
    struct sm_plugin about;
    /* OPTIONAL. image (height, width, channels) bytes changed; scratch as large. Only called for
     * images. NULL: images stay as they are. */
    void (*apply)(const void *state, const struct sm_data_shape *shape, struct sm_rng *rng,
                  uint8_t *image, uint8_t *scratch);
};

#define SM_AUGMENTATION_LIST(X) X(none) X(crop_flip)
#define X(id)                   extern const struct sm_augmentation sm_augmentation_##id;
SM_AUGMENTATION_LIST(X)
#undef X

/* Sets mean and deviation from the training inputs; a constant channel counts as deviation 1. */
void sm_data_measure(struct sm_data *data);

#endif
