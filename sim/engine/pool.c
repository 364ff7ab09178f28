/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/engine/pool.c -- one queue, first in first out. */
#include "sim/engine/pool.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/vec.h"

enum { MOST_THREADS = 256, SMALLEST_SLICE = 16384 };

struct sm_pool {
    pthread_mutex_t lock;
    pthread_cond_t work, finished;
    struct sm_task *first, **last;
    int closing;
    struct sm_arena scratch; /* of the caller, when there are no threads */
    size_t thread_count;     /* 0: jobs run where they are joined        */
    pthread_t threads[];
};

static void
run_task(struct sm_task *task, struct sm_arena *scratch)
{
    if (task->job.run(task->job.arg, scratch) != SM_OK)
        task->error = *sm_error_last();
    sm_arena_reset(scratch);
}

static void *
pool_thread(void *arg)
{
    struct sm_pool *pool = arg;
    struct sm_arena scratch = {0};
    pthread_mutex_lock(&pool->lock);
    for (;;) {
        while (pool->first == NULL && !pool->closing)
            pthread_cond_wait(&pool->work, &pool->lock);
        struct sm_task *task = pool->first;
        if (task == NULL)
            break;
        pool->first = task->next;
        if (pool->first == NULL)
            pool->last = &pool->first;
        pthread_mutex_unlock(&pool->lock);
        run_task(task, &scratch);
        pthread_mutex_lock(&pool->lock);
        task->done = 1;
        pthread_cond_broadcast(&pool->finished);
    }
    pthread_mutex_unlock(&pool->lock);
    sm_arena_fini(&scratch);
    return NULL;
}

enum sm_status
sm_pool_create(size_t threads, struct sm_pool **out)
{
    if (threads > MOST_THREADS)
        threads = MOST_THREADS;
    size_t own = threads > 1 ? threads : 0;
    struct sm_pool *pool = calloc(1, sizeof *pool + own * sizeof pool->threads[0]);
    if (pool == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for a pool of %zu threads", threads);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->work, NULL);
    pthread_cond_init(&pool->finished, NULL);
    pool->last = &pool->first;
    for (; pool->thread_count < own; pool->thread_count++) {
        int reason = pthread_create(&pool->threads[pool->thread_count], NULL, pool_thread, pool);
        if (reason != 0) {
            size_t got = pool->thread_count;
            sm_pool_free(pool);
            return SM_FAIL(SM_ERR_IO, "cannot start thread %zu of %zu: %s", got + 1, own,
                           strerror(reason));
        }
    }
    *out = pool;
    return SM_OK;
}

void
sm_pool_free(struct sm_pool *pool)
{
    if (pool == NULL)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->closing = 1;
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->lock);
    for (size_t i = 0; i < pool->thread_count; i++)
        pthread_join(pool->threads[i], NULL);
    pthread_cond_destroy(&pool->finished);
    pthread_cond_destroy(&pool->work);
    pthread_mutex_destroy(&pool->lock);
    sm_arena_fini(&pool->scratch);
    free(pool);
}

size_t
sm_pool_threads(const struct sm_pool *pool)
{
    return pool->thread_count > 0 ? pool->thread_count : 1;
}

void
sm_pool_submit(struct sm_pool *pool, struct sm_task *task, const struct sm_job *job)
{
    task->job = *job;
    task->next = NULL;
    task->error.code = SM_OK;
    task->done = 0;
    if (pool->thread_count == 0)
        return;
    pthread_mutex_lock(&pool->lock);
    *pool->last = task;
    pool->last = &task->next;
    pthread_cond_signal(&pool->work);
    pthread_mutex_unlock(&pool->lock);
}

enum sm_status
sm_pool_join(struct sm_pool *pool, struct sm_task *task)
{
    if (pool->thread_count == 0) {
        run_task(task, &pool->scratch);
    } else {
        pthread_mutex_lock(&pool->lock);
        while (!task->done)
            pthread_cond_wait(&pool->finished, &pool->lock);
        pthread_mutex_unlock(&pool->lock);
    }
    return task->error.code == SM_OK ? SM_OK : sm_error_set(&task->error);
}

struct slice {
    size_t m, begin, end;
    float *const *x;
};

static enum sm_status
mean_slice(void *arg, struct sm_arena *scratch)
{
    (void)scratch;
    const struct slice *slice = arg;
    sm_vec_mean(slice->m, slice->x, slice->begin, slice->end);
    return SM_OK;
}

enum sm_status
sm_pool_mean(struct sm_pool *pool, size_t m, float *const *x, size_t n)
{
    struct slice slices[MOST_THREADS];
    struct sm_task *tasks;
    size_t count = sm_pool_threads(pool);
    if (count > n / SMALLEST_SLICE)
        count = n / SMALLEST_SLICE;
    if (count < 2 || (tasks = calloc(count, sizeof *tasks)) == NULL) {
        sm_vec_mean(m, x, 0, n);
        return SM_OK;
    }
    for (size_t i = 0; i < count; i++) {
        slices[i] = (struct slice){m, i * n / count, (i + 1) * n / count, x};
        sm_pool_submit(pool, &tasks[i], &(struct sm_job){mean_slice, &slices[i]});
    }
    for (size_t i = 0; i < count; i++)
        sm_pool_join(pool, &tasks[i]);
    free(tasks);
    return SM_OK;
}
