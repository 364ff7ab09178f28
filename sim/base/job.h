/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/base/job.h -- a piece of real work that may run on any OS thread.
 *
 * A job touches only what `arg` points to and its scratch arena, which belongs to the OS thread
 * that runs it (so activations cost memory per thread, not per worker). The result must not depend
 * on the thread. A job lives in memory of its owner, never on a simulated actor's stack.
 */
#ifndef SM_BASE_JOB_H
#define SM_BASE_JOB_H

#include "sim/base/arena.h"
#include "sim/base/status.h"

struct sm_job {
    /* Returns its status; its error is carried to whoever waits for the job. `scratch` is empty at
     * the start and forgotten at the end. */
    enum sm_status (*run)(void *arg, struct sm_arena *scratch);
    void *arg;
};

#endif
