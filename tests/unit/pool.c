/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/pool.c -- the OS threads that run real work: every job once, its error with it. */
#include "tests/helpers/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/rng.h"
#include "sim/base/vec.h"
#include "sim/engine/pool.h"

enum { JOBS = 500 };

static const size_t thread_counts[] = {1, 2, 4};
#define EACH_COUNT(i) (size_t i = 0; i < sizeof thread_counts / sizeof *thread_counts; i++)

struct work {
    size_t index, runs;
    double result;
};

/* A sum whose rounding depends on its order. */
static enum sm_status
harmonic(void *arg, struct sm_arena *scratch)
{
    struct work *work = arg;
    size_t n = 100 + work->index;
    double *terms = sm_arena_alloc(scratch, n, sizeof *terms);
    if (terms == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for %zu terms", n);
    for (size_t i = 0; i < n; i++)
        terms[i] = 1.0 / (double)(i + 1);
    work->result = 0;
    for (size_t i = 0; i < n; i++)
        work->result += terms[i];
    work->runs++;
    return SM_OK;
}

static enum sm_status
fail_every_third(void *arg, struct sm_arena *scratch)
{
    struct work *work = arg;
    SM_TRY(harmonic(arg, scratch));
    if (work->index % 3 == 0)
        return SM_FAIL(work->index % 2 == 0 ? SM_ERR_DOMAIN : SM_ERR_INPUT, "job %zu went wrong",
                       work->index);
    return SM_OK;
}

static void
run_all(struct sm_pool *pool, enum sm_status (*run)(void *, struct sm_arena *), struct work *works,
        struct sm_task *tasks)
{
    for (size_t i = 0; i < JOBS; i++) {
        works[i] = (struct work){.index = i};
        sm_pool_submit(pool, &tasks[i], &(struct sm_job){run, &works[i]});
    }
}

static void
every_job_runs_once_and_gives_the_same_bits_on_any_number_of_threads(void **state)
{
    (void)state;
    static struct work works[JOBS], first[JOBS];
    struct sm_task *tasks = calloc(JOBS, sizeof *tasks);
    assert_non_null(tasks);
    for
        EACH_COUNT(c)
        {
            struct sm_pool *pool;
            check_ok(sm_pool_create(thread_counts[c], &pool));
            assert_int_equal(sm_pool_threads(pool), thread_counts[c]);
            run_all(pool, harmonic, works, tasks);
            for (size_t i = 0; i < JOBS; i++) {
                check_ok(sm_pool_join(pool, &tasks[i]));
                assert_int_equal(works[i].runs, 1);
            }
            if (c == 0)
                memcpy(first, works, sizeof works);
            for (size_t i = 0; i < JOBS; i++)
                assert_memory_equal(&works[i].result, &first[i].result, sizeof(double));
            sm_pool_free(pool);
        }
    check_near(first[0].result, 5.187377517639621, 1e-15); /* H(100) */
    free(tasks);
}

static void
the_error_of_a_job_reaches_who_joins_it_and_nobody_else(void **state)
{
    (void)state;
    static struct work works[JOBS];
    struct sm_task *tasks = calloc(JOBS, sizeof *tasks);
    assert_non_null(tasks);
    for
        EACH_COUNT(c)
        {
            struct sm_pool *pool;
            check_ok(sm_pool_create(thread_counts[c], &pool));
            run_all(pool, fail_every_third, works, tasks);
            for (size_t i = JOBS; i-- > 0;) { /* joined in another order than submitted */
                char message[32];
                snprintf(message, sizeof message, "job %zu went wrong", i);
                if (i % 3 == 0)
                    check_fails(sm_pool_join(pool, &tasks[i]),
                                i % 2 == 0 ? SM_ERR_DOMAIN : SM_ERR_INPUT, message);
                else
                    check_ok(sm_pool_join(pool, &tasks[i]));
                assert_int_equal(works[i].runs, 1);
            }
            /* a task may be used again after it failed */
            works[0] = (struct work){.index = 1};
            sm_pool_submit(pool, &tasks[0], &(struct sm_job){harmonic, &works[0]});
            check_ok(sm_pool_join(pool, &tasks[0]));
            sm_pool_free(pool);
        }
    free(tasks);
}

enum { SCRATCH = 1 << 20 };

/* Writes down where its scratch begins and how much the arena holds. */
struct memory {
    const void *address;
    size_t bytes;
};

static enum sm_status
fill_scratch(void *arg, struct sm_arena *scratch)
{
    struct memory *memory = arg;
    char *bytes = sm_arena_alloc(scratch, SCRATCH, 1);
    if (bytes == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for scratch");
    memset(bytes, 1, SCRATCH);
    *memory = (struct memory){bytes, sm_arena_bytes(scratch)};
    return SM_OK;
}

static void
scratch_is_forgotten_after_each_job_and_used_again(void **state)
{
    (void)state;
    for
        EACH_COUNT(c)
        {
            struct sm_pool *pool;
            check_ok(sm_pool_create(thread_counts[c], &pool));
            const void *seen[4];
            size_t distinct = 0;
            for (size_t i = 0; i < 50; i++) {
                struct memory memory;
                struct sm_task task;
                sm_pool_submit(pool, &task, &(struct sm_job){fill_scratch, &memory});
                check_ok(sm_pool_join(pool, &task));
                assert_true(memory.bytes < 2 * SCRATCH);
                size_t known = 0;
                while (known < distinct && seen[known] != memory.address)
                    known++;
                assert_true(known < thread_counts[c]); /* one place a thread */
                if (known == distinct)
                    seen[distinct++] = memory.address;
            }
            sm_pool_free(pool);
        }
}

static void
a_mean_in_slices_has_the_bits_of_one_thread(void **state)
{
    (void)state;
    enum { MOST = 300001, RANKS = 5 };
    static const size_t lengths[] = {1, 16384, 32768, 100000, MOST};
    float *x[RANKS], *expected = malloc(MOST * sizeof *expected);
    struct sm_arena arena = {0};
    assert_non_null(expected);
    for (size_t r = 0; r < RANKS; r++)
        assert_non_null(x[r] = malloc(MOST * sizeof(float)));
    for
        EACH_COUNT(c)
    for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) {
        for (size_t r = 0; r < RANKS; r++) {
            struct sm_rng *rng = sm_rng_create(&arena, l, SM_RNG_TEST, r);
            assert_non_null(rng);
            for (size_t i = 0; i < MOST; i++)
                x[r][i] = (float)(sm_rng_uniform(rng) - 0.5);
        }
        sm_vec_mean_into(RANKS, (const float *const *)x, lengths[l], expected);
        float untouched = lengths[l] < MOST ? x[0][lengths[l]] : 0;
        struct sm_pool *pool;
        check_ok(sm_pool_create(thread_counts[c], &pool));
        check_ok(sm_pool_mean(pool, RANKS, x, lengths[l]));
        sm_pool_free(pool);
        for (size_t r = 0; r < RANKS; r++)
            assert_memory_equal(x[r], expected, lengths[l] * sizeof(float));
        if (lengths[l] < MOST)
            assert_memory_equal(&x[0][lengths[l]], &untouched, sizeof(float));
    }
    for (size_t r = 0; r < RANKS; r++)
        free(x[r]);
    free(expected);
    sm_arena_fini(&arena);
}

static void
freeing_a_pool_waits_for_what_was_submitted(void **state)
{
    (void)state;
    static struct work works[JOBS];
    struct sm_task *tasks = calloc(JOBS, sizeof *tasks);
    assert_non_null(tasks);
    for (size_t c = 1; c < sizeof thread_counts / sizeof *thread_counts; c++) {
        struct sm_pool *pool;
        check_ok(sm_pool_create(thread_counts[c], &pool));
        run_all(pool, harmonic, works, tasks);
        sm_pool_free(pool);
        for (size_t i = 0; i < JOBS; i++)
            assert_int_equal(works[i].runs, 1);
    }
    sm_pool_free(NULL);
    free(tasks);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_job_runs_once_and_gives_the_same_bits_on_any_number_of_threads),
        cmocka_unit_test(the_error_of_a_job_reaches_who_joins_it_and_nobody_else),
        cmocka_unit_test(scratch_is_forgotten_after_each_job_and_used_again),
        cmocka_unit_test(a_mean_in_slices_has_the_bits_of_one_thread),
        cmocka_unit_test(freeing_a_pool_waits_for_what_was_submitted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
