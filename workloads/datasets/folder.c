/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/datasets/folder.c -- see folder.h. */
#include "workloads/datasets/folder.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

bool
sm_folder_is_folder(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

const char *
sm_folder_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static int
compare_paths(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

enum sm_status
sm_folder_list(const char *folder, bool (*wanted)(const char *path), struct sm_arena *arena,
               struct sm_folder *list)
{
    DIR *dir = opendir(folder);
    if (dir == NULL)
        return SM_FAIL(SM_ERR_INPUT, "cannot read %s: %s", folder, strerror(errno));
    size_t capacity = 0;
    bool memory = true;
    *list = (struct sm_folder){.count = 0};
    for (const struct dirent *entry; memory && (entry = readdir(dir)) != NULL;) {
        char *path = sm_arena_printf(arena, "%s/%s", folder, entry->d_name);
        if (entry->d_name[0] == '.' || (path != NULL && !wanted(path)))
            continue;
        if (list->count == capacity) {
            char **old = list->path;
            capacity = 2 * capacity + 64;
            list->path = sm_arena_alloc(arena, capacity, sizeof *list->path);
            if (list->path != NULL && list->count > 0)
                memcpy(list->path, old, list->count * sizeof *old);
        }
        memory = path != NULL && list->path != NULL;
        if (memory)
            list->path[list->count++] = path;
    }
    closedir(dir);
    if (!memory)
        return SM_FAIL(SM_ERR_NOMEM, "%s: no memory for its %zu names", folder, list->count);
    if (list->count > 0)
        qsort(list->path, list->count, sizeof *list->path, compare_paths);
    return SM_OK;
}
