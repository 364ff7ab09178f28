/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/datasets/fashion_mnist.c -- images of clothes; any folder with the four files of
 * MNIST's names will do. */
#include "workloads/datasets/idx.h"

struct fashion_mnist {
    const char *path;
};

static const struct sm_param fashion_mnist_params[] = {
    SM_PARAM_TEXT(struct fashion_mnist, path, "/usr/share/datasets/fashion-mnist",
                  "folder of the four IDX files, .gz or not"),
    SM_PARAM_END,
};

static enum sm_status
fashion_mnist_load(const void *state, struct sm_arena *arena, struct sm_data *data)
{
    const struct fashion_mnist *s = state;
    return sm_idx_load(&(struct sm_idx_set){.folder = s->path,
                                            .prefix = "",
                                            .test = "t10k",
                                            .classes = 10,
                                            .hint = "; Debian's package dataset-fashion-mnist "
                                                    "installs the files, or set "
                                                    "workload.dataset.path"},
                       arena, data);
}

const struct sm_dataset sm_dataset_fashion_mnist = {
    .about =
        {
            .name = "fashion_mnist",
            .doc = "60 000 + 10 000 grey images of clothes, 28x28, in 10 classes",
            .source = "Xiao, Rasul, Vollgraf, 2017, arXiv:1708.07747; Debian dataset-fashion-mnist",
            .state_size = sizeof(struct fashion_mnist),
            .params = fashion_mnist_params,
        },
    .load = fashion_mnist_load,
};
