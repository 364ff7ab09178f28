/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/augmentations/none.c -- images as they are. */
#include "workloads/datasets/dataset.h"

const struct sm_augmentation sm_augmentation_none = {
    .about = {.name = "none", .doc = "training images as they are", .source = "-"},
};
