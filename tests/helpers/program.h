/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/helpers/program.h -- the program itself, called as a user calls it, in folder.h's folder.
 */
#ifndef SM_TESTS_HELPERS_PROGRAM_H
#define SM_TESTS_HELPERS_PROGRAM_H

#include <stddef.h>
#include <sys/types.h>

enum { MOST_OUTPUT = 1 << 18, MOST_ARGUMENTS = 24 };

struct program_result {
    int status; /* exit status; 128 + signal when one ended it */
    char out[MOST_OUTPUT], err[MOST_OUTPUT];
};

/* Calls `slowmo ARGS...` (NULL-terminated) and waits; result is static, valid until the next. */
const struct program_result *program_call(const char *const *arguments);
#define program(...) program_call((const char *const[]){__VA_ARGS__, NULL})

/* The same in two halves: `finish` sends `signal` (0: none) first. */
pid_t program_start(const char *const *arguments);
const struct program_result *program_finish(pid_t child, int signal);

#endif
