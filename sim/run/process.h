/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/run/process.h -- calls a function in a process of its own.
 *
 * SimGrid simulates one platform a process, writes to descriptor 2 and abort()s on what it does not
 * like. Here all of that stays in the child: the caller gets a result or one line.
 */
#ifndef SM_RUN_PROCESS_H
#define SM_RUN_PROCESS_H

#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

#include "sim/base/status.h"

/* Calls call(arg, result, terminal) in a child and brings back its status, error and `size` bytes
 * of *result (zeros where the child gave none). `terminal` is what descriptor 2 was, NULL when
 * there is none; in the child descriptor 2 is caught, and its first line is the error of a child
 * that dies, after "WHAT: ". */
enum sm_status sm_process_call(enum sm_status (*call)(void *arg, void *result, FILE *terminal),
                               void *arg, void *result, size_t size, const char *what);

/* The same in two halves, for several at once: each that was started must be finished. */
struct sm_process {
    pid_t child;
    int channel, log;
    const char *what; /* borrowed */
};
enum sm_status sm_process_start(enum sm_status (*call)(void *arg, void *result, FILE *terminal),
                                void *arg, size_t size, const char *what,
                                struct sm_process *process);
enum sm_status sm_process_finish(struct sm_process *process, void *result, size_t size);

#endif
