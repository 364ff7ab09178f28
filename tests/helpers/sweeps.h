/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/helpers/sweeps.h -- sweeps that are killed at any moment. */
#ifndef SM_TESTS_HELPERS_SWEEPS_H
#define SM_TESTS_HELPERS_SWEEPS_H

#include <stddef.h>

/* 12 small runs of three algorithms, as a file of folder_path(). */
enum { SWEEP_RUNS = 12 };
void sweep_write(const char *name);

/* Begins the sweep of `file` into `store` `kills` times, with SIGKILL to the program alone after
 * some milliseconds, other ones each time; then lets it come to its end. */
void sweep_killed(const char *file, const char *store, size_t kills);

#endif
