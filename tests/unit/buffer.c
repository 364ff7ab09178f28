/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/buffer.c -- what a round end does to the inner optimizer's state, on the thread
 * engine.
 */
#include "tests/helpers/check.h"

#include <string.h>

#include "algorithms/buffer/buffer.h"
#include "sim/engine/engine.h"
#include "tests/helpers/training.h"

enum { WORKERS = 4, N = 3 };

/* Each worker takes one step with gradient (rank + 1) (1, 2, 4), then the strategy applies. */
struct round {
    const struct sm_inner *inner;
    const struct sm_buffer_strategy *strategy;
    void *states[WORKERS];
    float momentum[WORKERS][N], counter[WORKERS];
    size_t pieces[WORKERS];
    double bytes; /* sent by worker 0 */
};

static enum sm_status
round_rank(void *arg, struct sm_comm *comm)
{
    struct round *round = arg;
    const struct sm_inner *inner = round->inner;
    void *state = round->states[comm->rank];
    float scale = (float)(comm->rank + 1), g[N] = {scale, 2 * scale, 4 * scale}, x[N] = {0};
    SM_TRY(inner->step(state, N, 1, g, x));
    SM_TRY(round->strategy->apply(comm, inner, state));
    struct sm_buffer buffer;
    size_t *i = &round->pieces[comm->rank];
    for (; inner->buffer(state, *i, &buffer); ++*i)
        if (buffer.counter)
            round->counter[comm->rank] = buffer.x[0];
        else
            memcpy(round->momentum[comm->rank], buffer.x, sizeof round->momentum[0]);
    return SM_OK;
}

static void
round_run(struct round *round, const char *inner, const char *buffer)
{
    struct sm_arena arena = {0};
    struct sm_engine_report report;
    void *unused;
    *round = (struct round){.strategy = (const struct sm_buffer_strategy *)plugin_state(
                                &arena, &sm_axis_buffer, buffer, &unused)};
    for (size_t r = 0; r < WORKERS; r++) {
        round->inner =
            (const struct sm_inner *)plugin_state(&arena, &sm_axis_inner, inner, &round->states[r]);
        check_ok(round->inner->init(round->states[r], plugin_setup(&arena, N, NULL, NULL)));
    }
    const struct sm_engine_request request = {
        .workers = WORKERS, .wire_scale = 1, .worker = round_rank, .arg = round};
    check_ok(sm_engine_thread.run(&request, &arena, &report));
    round->bytes = report.ledgers[0].bytes_sent;
    sm_arena_fini(&arena);
}

static void
expect(const char *buffer, float scale_of_rank_0, float more_a_rank, float counter, double bytes)
{
    struct round round;
    round_run(&round, "{name: sgd, momentum: 0.5}", buffer);
    for (size_t r = 0; r < WORKERS; r++) {
        float scale = scale_of_rank_0 + (float)r * more_a_rank;
        for (size_t i = 0; i < N; i++)
            check_near(round.momentum[r][i], scale * (float)(1 << i), 0);
        check_near(round.counter[r], counter, 0);
    }
    check_near(round.bytes, bytes, 0);
}

static void
reset_zeroes_momentum_and_counter_and_sends_nothing(void **unused)
{
    (void)unused;
    expect("reset", 0, 0, 0, 0);
}

static void
maintain_leaves_each_worker_its_own(void **unused)
{
    (void)unused;
    expect("maintain", 1, 1, 1, 0);
}

/* The mean of 1, 2, 3, 4; a ring all-reduce sends 2 (m - 1) / m of 4 N bytes. */
static void
average_gives_everybody_the_mean_momentum_but_not_the_counter(void **unused)
{
    (void)unused;
    expect("average", 2.5f, 0, 1, 2.0 * 3 / 4 * 4 * N);
}

static void
every_buffer_strategy_takes_an_optimizer_without_buffers(void **unused)
{
    (void)unused;
    for (const struct sm_plugin *const *p = sm_axis_buffer.plugins; *p != NULL; p++) {
        struct round round;
        round_run(&round, "{name: sgd, momentum: 0}", (*p)->name);
        for (size_t r = 0; r < WORKERS; r++)
            assert_int_equal(round.pieces[r], 0);
        check_near(round.bytes, 0, 0);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reset_zeroes_momentum_and_counter_and_sends_nothing),
        cmocka_unit_test(maintain_leaves_each_worker_its_own),
        cmocka_unit_test(average_gives_everybody_the_mean_momentum_but_not_the_counter),
        cmocka_unit_test(every_buffer_strategy_takes_an_optimizer_without_buffers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
