/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/helpers/folder.c -- see folder.h. */
#include "tests/helpers/folder.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/helpers/check.h"

static char folder[] = "/tmp/slowmo-test-XXXXXX";
static bool made;

const char *
folder_path(void)
{
    if (!made)
        assert_non_null(mkdtemp(folder));
    made = true;
    return folder;
}

const char *
folder_file(const char *name)
{
    static char paths[4][256];
    static size_t next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder_path(), name);
    return path;
}

void
folder_write(const char *name, const char *text)
{
    FILE *file = fopen(folder_file(name), "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

void
folder_remove(void)
{
    char command[64];
    if (!made)
        return;
    snprintf(command, sizeof command, "rm -rf %s", folder);
    assert_int_equal(system(command), 0);
    made = false;
    memcpy(folder + strlen(folder) - 6, "XXXXXX", 6);
}

int
folder_teardown(void **state)
{
    (void)state;
    folder_remove();
    return 0;
}
