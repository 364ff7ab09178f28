/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/fuzz/fuzz.c -- see fuzz.h. */
#include "tests/fuzz/fuzz.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "workloads/workload.h"

/* in memory where there is such a place: every input is a few files */
static char folder[] = "/dev/shm/slowmo-fuzz-XXXXXX", on_disk[] = "/tmp/slowmo-fuzz-XXXXXX";
static pid_t owner;

static int
remove_entry(const char *path, const struct stat *about, int kind, struct FTW *where)
{
    (void)about;
    (void)kind;
    (void)where;
    return remove(path);
}

static void
remove_folder(void)
{
    if (getpid() == owner)
        nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

const char *
fuzz_folder(void)
{
    if (owner == 0) {
        if (mkdtemp(folder) == NULL)
            FUZZ_CHECK(mkdtemp(strcpy(folder, on_disk)) != NULL);
        owner = getpid();
        atexit(remove_folder);
    }
    return folder;
}

void
fuzz_write(const char *name, const void *bytes, size_t size)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", fuzz_folder(), name);
    for (char *slash = path + strlen(folder) + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
        *slash = '\0';
        mkdir(path, 0700);
        *slash = '/';
    }
    FILE *file = fopen(path, "wb");
    FUZZ_CHECK(file != NULL);
    FUZZ_CHECK(fwrite(bytes, 1, size, file) == size);
    FUZZ_CHECK(fclose(file) == 0);
}

void
fuzz_check_status(enum sm_status status)
{
    if (status == SM_OK)
        return;
    const char *message = sm_error_last()->message;
    FUZZ_CHECK(status == SM_ERR_INPUT);
    FUZZ_CHECK(message[0] != '\0' && strchr(message, '\n') == NULL);
}

static void
check_half(const struct sm_data_shape *shape, const struct sm_samples *half)
{
    const size_t tokens = shape->source + shape->target + 1;
    uint64_t sum = 0; /* reads all of it */
    FUZZ_CHECK(half->count > 0);
    for (size_t i = 0; shape->vocabulary > 0 && i < half->count * tokens; i++)
        FUZZ_CHECK(half->tokens[i] < shape->vocabulary);
    for (size_t i = 0; shape->vocabulary == 0 && i < half->count; i++)
        FUZZ_CHECK(half->labels[i] < shape->classes);
    for (size_t i = 0; shape->vocabulary == 0 && i < half->count * shape->features; i++)
        sum += half->inputs[i];
    FUZZ_CHECK(sum != UINT64_MAX);
}

bool
fuzz_load(const char *yaml, struct sm_arena *arena, struct sm_data *data)
{
    struct sm_node *root = NULL;
    struct sm_choice choice;
    const char *text = sm_arena_printf(arena, "dataset: %s", yaml);
    FUZZ_CHECK(sm_tree_parse(arena, "fuzz", text, &root) == SM_OK);
    FUZZ_CHECK(sm_choice_bind(&sm_axis_dataset, sm_tree_get(root, "dataset"), NULL, arena,
                              &choice) == SM_OK);
    const struct sm_dataset *dataset = (const struct sm_dataset *)choice.plugin;
    *data = (struct sm_data){.vocabulary = NULL};
    const enum sm_status status = dataset->load(choice.settings, arena, data);
    fuzz_check_status(status);
    if (status != SM_OK)
        return false;
    FUZZ_CHECK((data->shape.vocabulary > 0) == (data->vocabulary != NULL));
    check_half(&data->shape, &data->train);
    check_half(&data->shape, &data->test);
    return true;
}
