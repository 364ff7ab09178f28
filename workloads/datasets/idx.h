/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/datasets/idx.h -- grey images and labels in MNIST's IDX files, gzipped or plain.
 *
 * An IDX file is a big-endian magic (0x0801: bytes in one dimension, 0x0803: in three), the
 * dimensions, the bytes. A set is four of them: PREFIX train-images-idx3-ubyte, PREFIX
 * train-labels-idx1-ubyte, and the same two for the test. Source: yann.lecun.com/exdb/mnist.
 */
#ifndef SM_WORKLOADS_DATASETS_IDX_H
#define SM_WORKLOADS_DATASETS_IDX_H

#include "workloads/datasets/dataset.h"

struct sm_idx_set {
    const char *folder, *prefix;
    const char *test; /* what stands for "train" in the names of the test: "t10k" */
    const char *hint; /* what the message adds when a file is not there           */
    size_t classes;   /* labels are below                                         */
};

/* Both halves, their shape and measures; owned by arena. SM_ERR_INPUT for a file that is missing,
 * truncated, damaged or does not belong to the others. */
enum sm_status sm_idx_load(const struct sm_idx_set *set, struct sm_arena *arena,
                           struct sm_data *data);

#endif
