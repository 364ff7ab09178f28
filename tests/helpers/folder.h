/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/helpers/folder.h -- a folder for the files of a test program. */
#ifndef SM_TESTS_HELPERS_FOLDER_H
#define SM_TESTS_HELPERS_FOLDER_H

/* Its path; made at the first call. */
const char *folder_path(void);
/* The path of a file in it; valid until the fourth call after this one. */
const char *folder_file(const char *name);
/* Writes a file into it. */
void folder_write(const char *name, const char *text);
/* Removes it with all that is in it; a group's teardown. */
void folder_remove(void);
int folder_teardown(void **state);

#endif
