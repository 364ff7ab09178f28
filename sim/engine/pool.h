/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/engine/pool.h -- the OS threads that run real gradients.
 *
 * Simulated actors all live in one OS thread; a worker hands its job to the pool, lets simulated
 * time pass and then joins, so that the gradients of all workers use all cores. Results do not
 * depend on the number of threads, because a job depends on nothing but its argument.
 */
#ifndef SM_ENGINE_POOL_H
#define SM_ENGINE_POOL_H

#include <stddef.h>

#include "sim/base/job.h"

struct sm_pool;

/* A job on its way. Filled in by submit; must stay where it is until joined. */
struct sm_task {
    struct sm_job job;
    struct sm_task *next;
    struct sm_error error; /* code SM_OK while all is well */
    int done;
};

/* `threads` OS threads; with 1 there is none, and a job runs where it is joined. SM_ERR_IO when the
 * system gives no thread. */
enum sm_status sm_pool_create(size_t threads, struct sm_pool **pool);
/* Waits for the jobs submitted. NULL is fine. */
void sm_pool_free(struct sm_pool *pool);
size_t sm_pool_threads(const struct sm_pool *pool);

void sm_pool_submit(struct sm_pool *pool, struct sm_task *task, const struct sm_job *job);
/* Blocks the calling OS thread until the job is done; its status and error record. */
enum sm_status sm_pool_join(struct sm_pool *pool, struct sm_task *task);

/* Every x[r] (n), r < m, becomes the mean of all (sm_vec_mean), in slices on all threads; the bits
 * are those of one thread. */
enum sm_status sm_pool_mean(struct sm_pool *pool, size_t m, float *const *x, size_t n);

#endif
