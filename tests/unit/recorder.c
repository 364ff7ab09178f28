/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/recorder.c -- models left by workers that reach a step at different times. */
#include "tests/helpers/check.h"

#include <math.h>
#include <string.h>

#include "sim/run/recorder.h"
#include "tests/helpers/training.h"

enum { WORKERS = 3, N = 2, STEPS = 4 };

struct fixture {
    struct sm_arena arena;
    struct sm_pool *pool;
    struct sm_workload *workload;
    struct sm_recorder *recorder;
};

/* f(x) = |x|^2 / 2 on every worker. */
static void
open_fixture(struct fixture *f)
{
    *f = (struct fixture){0};
    struct sm_workload_settings settings = {.batch = 1};
    struct sm_node *node;
    check_ok(sm_tree_parse(&f->arena, "test.yaml", "{name: quadratic, dimension: 2}", &node));
    check_ok(sm_choice_bind(&sm_axis_model, node, NULL, &f->arena, &settings.model));
    check_ok(sm_workload_create(&f->arena, &settings, 1, WORKERS, &f->workload));
    check_ok(sm_pool_create(1, &f->pool));
    check_ok(sm_recorder_create(
        &(struct sm_recorder_settings){
            .workload = f->workload, .pool = f->pool, .workers = WORKERS, .steps = STEPS},
        &f->recorder));
}

static void
close_fixture(struct fixture *f)
{
    sm_recorder_free(f->recorder);
    sm_pool_free(f->pool);
    sm_arena_fini(&f->arena);
}

/* Worker r leaves models[r] after the last step, in the given order; the hash of the end. */
static uint64_t
finish(const float models[WORKERS][N], const size_t order[WORKERS])
{
    struct fixture f;
    uint64_t hash;
    open_fixture(&f);
    for (size_t i = 0; i < WORKERS; i++)
        check_ok(sm_recorder_deposit(f.recorder, order[i], STEPS, 0, models[order[i]], NULL, 1, 1));
    assert_non_null(sm_recorder_consensus(f.recorder, &hash));
    close_fixture(&f);
    return hash;
}

static void
the_last_worker_to_come_completes_an_evaluation(void **unused)
{
    (void)unused;
    struct fixture f;
    size_t count;
    uint64_t hash;
    open_fixture(&f);
    const float at_2[WORKERS][N] = {{0, 3}, {3, 3}, {6, 3}}, at_4[N] = {1, 1};
    /* worker 2 is two evaluations ahead of worker 0 */
    check_ok(sm_recorder_deposit(f.recorder, 2, 2, 1.5, at_2[2], NULL, 10, 2));
    check_ok(sm_recorder_deposit(f.recorder, 2, 4, 2.5, at_4, NULL, 3, 2));
    check_ok(sm_recorder_deposit(f.recorder, 1, 2, 2.0, at_2[1], NULL, 20, 2));
    sm_recorder_evaluations(f.recorder, &count);
    assert_int_equal(count, 0);
    assert_true(isnan(sm_recorder_accuracy(f.recorder)));

    check_ok(sm_recorder_deposit(f.recorder, 0, 2, 1.0, at_2[0], NULL, 30, 2));
    const struct sm_evaluation *e = sm_recorder_evaluations(f.recorder, &count);
    assert_int_equal(count, 1);
    assert_int_equal(e->step, 2);
    check_near(e->sim_seconds, 2.0, 0);                    /* when the last had done it      */
    check_near(e->train_loss, 60.0 / 6, 1e-15 * 10);       /* over workers and steps         */
    check_near(e->test_loss, (9 + 9) / 2.0, 0);            /* of the mean, (3, 3)            */
    check_near(e->consensus_distance, 18.0 / 3, 0);        /* (9 + 0 + 9) / m                */
    assert_true(isnan(e->test_accuracy));                  /* a parabola classifies nothing  */
    assert_null(sm_recorder_consensus(f.recorder, &hash)); /* not the end yet          */

    check_ok(sm_recorder_deposit(f.recorder, 0, 4, 2.0, at_4, NULL, 3, 2));
    check_ok(sm_recorder_deposit(f.recorder, 1, 4, 2.0, at_4, NULL, 3, 2));
    e = sm_recorder_evaluations(f.recorder, &count);
    assert_int_equal(count, 2);
    assert_int_equal(e[1].step, 4);
    check_near(e[1].consensus_distance, 0, 0);
    const float *consensus = sm_recorder_consensus(f.recorder, &hash);
    assert_memory_equal(consensus, at_4, sizeof at_4);
    close_fixture(&f);
}

static void
the_loss_before_the_first_step_is_null(void **unused)
{
    (void)unused;
    struct fixture f;
    size_t count;
    const float x[N] = {1, 2};
    open_fixture(&f);
    for (size_t r = 0; r < WORKERS; r++)
        check_ok(sm_recorder_deposit(f.recorder, r, 0, 0, x, NULL, 0, 0));
    assert_true(isnan(sm_recorder_evaluations(f.recorder, &count)->train_loss));
    assert_int_equal(count, 1);
    close_fixture(&f);
}

static void
the_hash_covers_every_model_in_rank_order_whoever_comes_first(void **unused)
{
    (void)unused;
    const float models[WORKERS][N] = {{1, 2}, {3, 4}, {5, 6}};
    const float swapped[WORKERS][N] = {{1, 2}, {5, 6}, {3, 4}}; /* the same mean */
    const size_t forward[WORKERS] = {0, 1, 2}, backward[WORKERS] = {2, 1, 0};
    const uint64_t hash = finish(models, forward);
    assert_true(finish(models, backward) == hash);
    assert_true(finish(swapped, forward) != hash);
    for (size_t r = 0; r < WORKERS; r++) {
        float other[WORKERS][N];
        memcpy(other, models, sizeof other);
        other[r][1] = nextafterf(other[r][1], 9);
        assert_true(finish(other, forward) != hash);
    }
}

static void
a_model_that_is_not_finite_is_no_row(void **unused)
{
    (void)unused;
    const float bad[] = {NAN, INFINITY};
    for (size_t i = 0; i < 2; i++) {
        struct fixture f;
        size_t count;
        const float x[N] = {1, 2}, y[N] = {1, bad[i]};
        open_fixture(&f);
        check_ok(sm_recorder_deposit(f.recorder, 0, 2, 0, x, NULL, 1, 1));
        check_ok(sm_recorder_deposit(f.recorder, 1, 2, 0, y, NULL, 1, 1));
        check_fails(sm_recorder_deposit(f.recorder, 2, 2, 0, x, NULL, 1, 1), SM_ERR_DIVERGED,
                    "step 2");
        sm_recorder_evaluations(f.recorder, &count);
        assert_int_equal(count, 0);
        close_fixture(&f);
    }
}

/* Worker 1 leaves after step 2, where worker 0 has not been; worker 2 before step 2. */
static void
evaluations_are_of_the_workers_that_reached_them(void **unused)
{
    (void)unused;
    struct fixture f;
    size_t count;
    uint64_t hash;
    const float x[WORKERS][N] = {{1, 2}, {3, 6}, {100, 100}};
    open_fixture(&f);
    check_ok(sm_recorder_deposit(f.recorder, 1, 2, 0, x[1], NULL, 4, 2));
    check_ok(sm_recorder_lose(f.recorder, 1));
    check_ok(sm_recorder_lose(f.recorder, 2));
    sm_recorder_evaluations(f.recorder, &count);
    assert_int_equal(count, 0);
    check_ok(sm_recorder_deposit(f.recorder, 0, 2, 0, x[0], NULL, 2, 2));
    check_ok(sm_recorder_deposit(f.recorder, 0, STEPS, 0, x[0], NULL, 3, 1));
    const struct sm_evaluation *rows = sm_recorder_evaluations(f.recorder, &count);
    assert_int_equal(count, 2);
    check_near(rows[0].test_loss, 0.5 * (2 * 2 + 4 * 4), 1e-6);
    check_near(rows[0].train_loss, 1.5, 1e-9);
    check_near(rows[0].consensus_distance, 5, 1e-6);
    check_near(rows[1].test_loss, 0.5 * (1 + 2 * 2), 1e-6);
    check_near(rows[1].train_loss, 3, 1e-9);
    assert_non_null(sm_recorder_consensus(f.recorder, &hash));
    close_fixture(&f);
    /* two wait at once for the one that dies: the older is completed first */
    open_fixture(&f);
    for (size_t step = 4; step > 0; step -= 2)
        for (size_t r = 0; r < 2; r++)
            check_ok(sm_recorder_deposit(f.recorder, r, step, 0, x[r], NULL, 1, 1));
    check_ok(sm_recorder_lose(f.recorder, 2));
    rows = sm_recorder_evaluations(f.recorder, &count);
    assert_int_equal(count, 2);
    assert_true(rows[0].step == 2 && rows[1].step == 4);
    close_fixture(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_worker_to_come_completes_an_evaluation),
        cmocka_unit_test(the_loss_before_the_first_step_is_null),
        cmocka_unit_test(the_hash_covers_every_model_in_rank_order_whoever_comes_first),
        cmocka_unit_test(a_model_that_is_not_finite_is_no_row),
        cmocka_unit_test(evaluations_are_of_the_workers_that_reached_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
