/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/datasets/folder.h -- what is in a folder, in an order that does not depend on the disk.
 */
#ifndef SM_WORKLOADS_DATASETS_FOLDER_H
#define SM_WORKLOADS_DATASETS_FOLDER_H

#include <stdbool.h>
#include <stddef.h>

#include "sim/base/arena.h"
#include "sim/base/status.h"

struct sm_folder {
    char **path; /* (count) in the order of their bytes */
    size_t count;
};

/* The paths FOLDER/NAME that are wanted, without those whose name begins with a dot; owned by
 * arena. SM_ERR_INPUT when the folder cannot be read. */
enum sm_status sm_folder_list(const char *folder, bool (*wanted)(const char *path),
                              struct sm_arena *arena, struct sm_folder *list);
/* A path's last part; borrowed. */
const char *sm_folder_name(const char *path);
/* For `wanted`. */
bool sm_folder_is_folder(const char *path);

#endif
