/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/thread_engine.c -- the reference engine: order, numbers, and how it fails. */
#include "tests/helpers/check.h"
#include "tests/helpers/machine.h"

#include <string.h>

#include "sim/base/vec.h"

enum { MOST = 8 };

/* The program on threads for `workers` and `servers`. */
static enum sm_status
run_servers(enum sm_status (*program)(struct sm_comm *, const void *, void *), size_t workers,
            size_t servers, void *out, size_t size)
{
    const struct machine machine = {.engine = &sm_engine_thread,
                                    .workers = workers,
                                    .servers = servers,
                                    .seed = 42,
                                    .program = program};
    return machine_run(&machine, out, size, NULL);
}

static enum sm_status
run(enum sm_status (*program)(struct sm_comm *, const void *, void *), size_t workers,
    const void *in, void *out, size_t size)
{
    const struct machine machine = {
        .engine = &sm_engine_thread, .workers = workers, .program = program, .in = in};
    return machine_run(&machine, out, size, NULL);
}

/* ---- messages ---- */

enum { MESSAGES = 40 };

struct received {
    float value[MOST][MOST][MESSAGES]; /* by, from, which */
};

/* Everybody sends to everybody, all receipts are posted at once and waited for from the last. */
static enum sm_status
talk(struct sm_comm *comm, const void *in, void *out)
{
    (void)in;
    struct received *received = out;
    for (size_t k = 0; k < MESSAGES; k++)
        for (size_t to = 0; to < comm->size; to++)
            if (to != comm->rank)
                SM_TRY(machine_send(comm, to, 1 + k % 3, (float)(1000 * comm->rank + k)));
    for (size_t from = 0; from < comm->size; from++) {
        struct sm_parcel *parcels[MESSAGES];
        struct sm_request *requests[MESSAGES];
        for (size_t k = 0; from != comm->rank && k < MESSAGES; k++)
            SM_TRY(comm->ops->irecv(comm, from, &parcels[k], &requests[k]));
        for (size_t k = MESSAGES; from != comm->rank && k-- > 0;) {
            SM_TRY(comm->ops->wait(comm, &requests[k]));
            if (requests[k] != NULL || parcels[k]->n != 1 + k % 3)
                return SM_FAIL(SM_ERR_DOMAIN, "message %zu is not the one sent", k);
            received->value[comm->rank][from][k] = parcels[k]->x[0];
            sm_parcel_release(parcels[k]);
        }
    }
    return SM_OK;
}

static void
messages_come_in_the_order_sent_whatever_the_order_of_waiting(void **state)
{
    (void)state;
    static struct received received;
    for (size_t size = 1; size <= MOST; size++) {
        check_ok(run(talk, size, NULL, &received, sizeof received));
        for (size_t by = 0; by < size; by++)
            for (size_t from = 0; from < size; from++)
                for (size_t k = 0; from != by && k < MESSAGES; k++)
                    check_near((double)received.value[by][from][k], (double)(1000 * from + k), 0);
    }
}

static enum sm_status
pass_a_weight(struct sm_comm *comm, const void *in, void *out)
{
    (void)in;
    float *weights = out;
    struct sm_parcel *mine = sm_parcel_create(comm, 0), *theirs = NULL;
    struct sm_request *request;
    if (mine == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for a parcel");
    mine->weight = 0.5f + (float)comm->rank;
    for (size_t to = 0; to < comm->size; to++) /* one parcel, several receivers */
        if (to != comm->rank)
            SM_TRY(comm->ops->isend(comm, to, mine));
    sm_parcel_release(mine);
    for (size_t from = 0; from < comm->size; from++)
        if (from != comm->rank) {
            SM_TRY(comm->ops->irecv(comm, from, &theirs, &request));
            SM_TRY(comm->ops->wait(comm, &request));
            weights[comm->rank] += theirs->weight;
            sm_parcel_release(theirs);
        }
    return SM_OK;
}

static void
one_parcel_reaches_several_ranks_with_its_weight(void **state)
{
    (void)state;
    float weights[4];
    check_ok(run(pass_a_weight, 4, NULL, weights, sizeof weights));
    for (size_t r = 0; r < 4; r++) /* 0.5 + 1.5 + 2.5 + 3.5 without its own */
        check_near((double)weights[r], 8 - 0.5 - (double)r, 0);
}

/* ---- all-reduces ---- */

enum { REDUCTIONS = 5, LENGTH = 1001 };

struct reduced {
    float x[MOST][REDUCTIONS][LENGTH];
};

static float
initial(size_t rank, size_t k, size_t i)
{
    return (float)(i + 1) / (float)(3 + 7 * rank + k); /* not exact, so that order shows */
}

/* All five outstanding at once, waited for from the last to the first. */
static enum sm_status
reduce(struct sm_comm *comm, const void *in, void *out)
{
    (void)in;
    struct reduced *reduced = out;
    struct sm_request *requests[REDUCTIONS];
    for (size_t k = 0; k < REDUCTIONS; k++) {
        float *x = reduced->x[comm->rank][k];
        for (size_t i = 0; i < LENGTH; i++)
            x[i] = initial(comm->rank, k, i);
        SM_TRY(comm->ops->iallreduce(comm, SM_AMONG_WORKERS, x, LENGTH - k, (double)(LENGTH - k),
                                     &requests[k]));
    }
    for (size_t k = REDUCTIONS; k-- > 0;)
        SM_TRY(comm->ops->wait(comm, &requests[k]));
    return SM_OK;
}

static void
outstanding_all_reduces_give_each_the_mean_in_rank_order(void **state)
{
    (void)state;
    static struct reduced reduced;
    static float input[MOST][LENGTH], expected[LENGTH];
    for (size_t size = 1; size <= MOST; size++) {
        check_ok(run(reduce, size, NULL, &reduced, sizeof reduced));
        for (size_t k = 0; k < REDUCTIONS; k++) {
            const float *rows[MOST];
            for (size_t r = 0; r < size; r++) {
                rows[r] = input[r];
                for (size_t i = 0; i < LENGTH; i++)
                    input[r][i] = initial(r, k, i);
            }
            sm_vec_mean_into(size, rows, LENGTH - k, expected);
            for (size_t r = 0; r < size; r++) {
                assert_memory_equal(reduced.x[r][k], expected, (LENGTH - k) * sizeof(float));
                for (size_t i = LENGTH - k; i < LENGTH; i++) /* beyond n it is not touched */
                    check_near((double)reduced.x[r][k][i], (double)initial(r, k, i), 0);
            }
        }
    }
}

/* ---- test() ---- */

enum { BEFORE, AFTER, NONE, REDUCE_BEFORE, REDUCE_AFTER, ANSWERS };

/* Rank 0 asks before rank 1 can have sent (it waits to be told) and until it has. */
static enum sm_status
ask(struct sm_comm *comm, const void *in, void *out)
{
    (void)in;
    bool *answers = out;
    float value, x = 0;
    struct sm_request *request = NULL, *reduction;
    struct sm_parcel *parcel = NULL;
    const struct sm_comm_ops *ops = comm->ops;
    if (comm->rank == 1) {
        SM_TRY(machine_receive(comm, 0, &value)); /* "go" */
        SM_TRY(machine_send(comm, 0, 1, 1));
        SM_TRY(machine_receive(comm, 0, &value)); /* "join" */
        return sm_comm_average(comm, &x, 1);
    }
    SM_TRY(ops->test(comm, &request, &answers[NONE]));
    SM_TRY(ops->irecv(comm, 1, &parcel, &request));
    SM_TRY(ops->test(comm, &request, &answers[BEFORE]));
    SM_TRY(machine_send(comm, 1, 1, 0));
    while (!answers[AFTER])
        SM_TRY(ops->test(comm, &request, &answers[AFTER]));
    SM_TRY(ops->wait(comm, &request));
    sm_parcel_release(parcel);
    SM_TRY(ops->iallreduce(comm, SM_AMONG_WORKERS, &x, 1, 1, &reduction));
    SM_TRY(ops->test(comm, &reduction, &answers[REDUCE_BEFORE]));
    SM_TRY(machine_send(comm, 1, 1, 0));
    while (!answers[REDUCE_AFTER])
        SM_TRY(ops->test(comm, &reduction, &answers[REDUCE_AFTER]));
    return ops->wait(comm, &reduction);
}

static void
test_says_whether_waiting_would_block_and_does_not_end_the_request(void **state)
{
    (void)state;
    bool answers[ANSWERS];
    check_ok(run(ask, 2, NULL, answers, sizeof answers));
    assert_true(answers[NONE]);
    assert_false(answers[BEFORE]);
    assert_true(answers[AFTER]);
    assert_false(answers[REDUCE_BEFORE]);
    assert_true(answers[REDUCE_AFTER]);
}

/* ---- any message, and servers ---- */

/* Rank 4 hears from ranks 2, 0, 3 and 1 in this order, for each waits for a word of the one before;
 * it looks only when all have spoken. */
static enum sm_status
speak_in_turn(struct sm_comm *comm, const void *in, void *out)
{
    (void)in;
    static const size_t turn[] = {2, 0, 3, 1};
    size_t *order = out, place = 0, which;
    float value;
    struct sm_request *requests[8] = {NULL};
    struct sm_parcel *parcels[8];
    while (place < 4 && turn[place] != comm->rank)
        place++;
    if (place < 4) {
        if (place > 0)
            SM_TRY(machine_receive(comm, turn[place - 1], &value));
        for (size_t k = 0; k < 2; k++)
            SM_TRY(machine_send(comm, 4, 1, (float)(10 * comm->rank + k)));
        return machine_send(comm, place < 3 ? turn[place + 1] : 4, 1, 0);
    }
    for (size_t i = 8;
         i-- > 0;) /* from the end of a list with gaps: one receipt of ranks 0 and 3 */
        if (i != 1 && i != 7)
            SM_TRY(comm->ops->irecv(comm, i / 2, &parcels[i], &requests[i]));
    SM_TRY(machine_receive(comm, 3, &value));
    SM_TRY(machine_receive(comm, 1, &value)); /* the last word of all */
    for (size_t k = 0; k < 6; k++) {
        SM_TRY(comm->ops->wait_any(comm, requests, 8, &which));
        if (requests[which] != NULL)
            return SM_FAIL(SM_ERR_DOMAIN, "receipt %zu is not ended", which);
        order[k] = (size_t)parcels[which]->x[0];
        sm_parcel_release(parcels[which]);
    }
    return SM_OK;
}

static void
of_any_messages_the_first_to_come_is_received_first(void **state)
{
    (void)state;
    for (size_t servers = 0; servers < 2; servers++) {
        size_t order[6];
        check_ok(run_servers(speak_in_turn, 5 - servers, servers, order, sizeof order));
        const size_t expected[] = {20, 21, 0, 30, 10, 11};
        for (size_t k = 0; k < 6; k++)
            assert_int_equal(order[k], expected[k]);
    }
}

struct served {
    float sum[MOST], mean[MOST];
    bool fine[MOST];
};

/* The servers add what comes and answer; the workers average the answers. */
static enum sm_status
add_and_answer(struct sm_comm *comm, const void *in, void *out)
{
    (void)in;
    struct served *served = out;
    struct sm_request *requests[MOST];
    struct sm_parcel *parcels[MOST];
    size_t which, m = comm->size;
    float value = 0, sum = 0;
    served->fine[comm->rank] = m == 4 && comm->servers == 2 && comm->seed == 42;
    if (comm->rank >= m) {
        for (size_t r = 0; r < m; r++)
            SM_TRY(comm->ops->irecv(comm, r, &parcels[r], &requests[r]));
        for (size_t k = 0; k < m; k++) {
            SM_TRY(comm->ops->wait_any(comm, requests, m, &which));
            sum += parcels[which]->x[0];
            sm_parcel_release(parcels[which]);
        }
        for (size_t r = 0; r < m; r++)
            SM_TRY(machine_send(comm, r, 1, sum + (float)(r * comm->rank)));
        return SM_OK;
    }
    for (size_t s = 0; s < comm->servers; s++)
        SM_TRY(machine_send(comm, m + s, 1, (float)((1 + comm->rank) * (1 + s))));
    for (size_t s = 0; s < comm->servers; s++) {
        SM_TRY(machine_receive(comm, m + s, &value));
        served->sum[comm->rank] += value;
    }
    served->mean[comm->rank] = served->sum[comm->rank];
    return sm_comm_average(comm, &served->mean[comm->rank], 1);
}

static void
servers_answer_all_workers_and_stay_out_of_their_averages(void **state)
{
    (void)state;
    struct served served;
    for (size_t trial = 0; trial < 20; trial++) {
        check_ok(run_servers(add_and_answer, 4, 2, &served, sizeof served));
        for (size_t r = 0; r < 4; r++) { /* (1 + 2 + 3 + 4) and twice that; r times 4 and 5 */
            check_near((double)served.sum[r], 10 + 20 + 9 * (double)r, 0);
            check_near((double)served.mean[r], 10 + 20 + 9 * 1.5, 0);
        }
        for (size_t r = 0; r < 6; r++)
            assert_true(served.fine[r]);
    }
}

/* Rank 0 fails when asked to, else it ends; the server waits for any worker. */
static enum sm_status
leave_the_server_waiting(struct sm_comm *comm, const void *in, void *out)
{
    (void)out;
    struct sm_request *requests[2];
    struct sm_parcel *parcels[2];
    size_t which;
    float value;
    if (comm->rank == 0 && in != NULL)
        return SM_FAIL(SM_ERR_DOMAIN, "rank 0 divides by zero");
    if (comm->rank < 2)
        return comm->rank == 0 ? SM_OK : machine_receive(comm, 2, &value);
    for (size_t r = 0; r < 2; r++)
        SM_TRY(comm->ops->irecv(comm, r, &parcels[r], &requests[r]));
    return comm->ops->wait_any(comm, requests, 2, &which);
}

static void
a_server_that_waits_for_any_ends_with_the_run(void **state)
{
    (void)state;
    struct machine machine = {.engine = &sm_engine_thread,
                              .workers = 2,
                              .servers = 1,
                              .program = leave_the_server_waiting};
    for (size_t trial = 0; trial < 20; trial++) {
        machine.in = NULL;
        check_fails(machine_run(&machine, NULL, 0, NULL), SM_ERR_STALLED,
                    "rank 1 waits for a message from rank 2 since 0 s; rank 2 waits for a message "
                    "from any rank since 0 s; 1 of 3 ranks had ended");
        machine.in = &machine;
        check_fails(machine_run(&machine, NULL, 0, NULL), SM_ERR_DOMAIN, "rank 0 divides by zero");
    }
}

/* ---- failures ---- */

/* Rank 0 waits for 1, 1 for 2, the others for an all-reduce that 0 and 1 never join. */
static enum sm_status
wait_for_each_other(struct sm_comm *comm, const void *in, void *out)
{
    (void)in;
    (void)out;
    float value = 0;
    if (comm->rank < 2)
        return machine_receive(comm, comm->rank + 1, &value);
    return sm_comm_average(comm, &value, 1);
}

static enum sm_status
leave_rank_1_waiting(struct sm_comm *comm, const void *in, void *out)
{
    (void)in;
    (void)out;
    float value;
    return comm->rank == 1 ? machine_receive(comm, 0, &value) : SM_OK;
}

static void
a_stall_says_who_waits_for_whom(void **state)
{
    (void)state;
    for (size_t trial = 0; trial < 20; trial++) { /* whoever notices */
        check_fails(run(wait_for_each_other, 4, NULL, NULL, 0), SM_ERR_STALLED,
                    "rank 0 waits for a message from rank 1 since 0 s; rank 1 waits for a message "
                    "from rank 2 since 0 s; rank 2 waits in all-reduce 0 since 0 s; rank 3 waits "
                    "in all-reduce 0 since 0 s");
        check_fails(run(leave_rank_1_waiting, 3, NULL, NULL, 0), SM_ERR_STALLED,
                    "rank 1 waits for a message from rank 0 since 0 s; 2 of 3 ranks had ended");
    }
}

/* Rank 2 fails; 0 waits for a message, 1 in an all-reduce, 3 computes for ever. */
static enum sm_status
fail_on_rank_2(struct sm_comm *comm, const void *in, void *out)
{
    (void)in;
    (void)out;
    float value = 0;
    if (comm->rank == 0)
        return machine_receive(comm, 3, &value);
    if (comm->rank == 1)
        return sm_comm_average(comm, &value, 1);
    if (comm->rank == 2)
        return SM_FAIL(SM_ERR_DOMAIN, "rank 2 divides by zero");
    for (;;)
        SM_TRY(machine_pass(comm, 1));
}

static enum sm_status
fail_in_a_job(void *arg, struct sm_arena *scratch)
{
    (void)arg;
    (void)scratch;
    return SM_FAIL(SM_ERR_DIVERGED, "the loss is not finite");
}

static enum sm_status
compute_a_failure(struct sm_comm *comm, const void *in, void *out)
{
    (void)in;
    (void)out;
    float value = 0;
    if (comm->rank == 0)
        SM_TRY(comm->ops->compute(comm, SM_STAGE_COMPUTE, 0, 0,
                                  &(struct sm_job){fail_in_a_job, NULL}));
    return sm_comm_average(comm, &value, 1);
}

static enum sm_status
disagree_on_the_length(struct sm_comm *comm, const void *in, void *out)
{
    (void)in;
    (void)out;
    float x[2] = {0};
    return sm_comm_average(comm, x, comm->rank == 1 ? 2 : 1);
}

static void
the_error_of_one_rank_ends_the_run_and_is_the_runs_error(void **state)
{
    (void)state;
    for (size_t trial = 0; trial < 20; trial++) {
        check_fails(run(fail_on_rank_2, 4, NULL, NULL, 0), SM_ERR_DOMAIN, "rank 2 divides by zero");
        check_fails(run(compute_a_failure, 3, NULL, NULL, 0), SM_ERR_DIVERGED,
                    "the loss is not finite");
        check_fails(run(disagree_on_the_length, 3, NULL, NULL, 0), SM_ERR_DOMAIN, "all-reduce 0: ");
    }
}

static enum sm_status
compute_for_ever(struct sm_comm *comm, const void *in, void *out)
{
    (void)in;
    (void)out;
    for (;;)
        SM_TRY(machine_pass(comm, 1));
}

static void
an_interrupt_ends_the_run(void **state)
{
    (void)state;
    static const volatile sig_atomic_t yes = 1;
    const struct machine machine = {.engine = &sm_engine_thread,
                                    .workers = 3,
                                    .interrupted = &yes,
                                    .program = compute_for_ever};
    check_fails(machine_run(&machine, NULL, 0, NULL), SM_ERR_INTERRUPTED, "interrupted");
}

static enum sm_status
look(struct sm_comm *comm, const void *in, void *out)
{
    (void)in;
    bool *fine = out;
    SM_TRY(comm->ops->reduce_devices(comm, 100));
    fine[comm->rank] = comm->devices == 1 && !(comm->speed > 0) && !(comm->ops->now(comm) > 0);
    return SM_OK;
}

static void
there_is_no_clock_and_a_worker_has_one_device(void **state)
{
    (void)state;
    bool fine[MOST];
    check_ok(run(look, MOST, NULL, fine, sizeof fine));
    for (size_t r = 0; r < MOST; r++)
        assert_true(fine[r]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_come_in_the_order_sent_whatever_the_order_of_waiting),
        cmocka_unit_test(one_parcel_reaches_several_ranks_with_its_weight),
        cmocka_unit_test(outstanding_all_reduces_give_each_the_mean_in_rank_order),
        cmocka_unit_test(test_says_whether_waiting_would_block_and_does_not_end_the_request),
        cmocka_unit_test(of_any_messages_the_first_to_come_is_received_first),
        cmocka_unit_test(servers_answer_all_workers_and_stay_out_of_their_averages),
        cmocka_unit_test(a_server_that_waits_for_any_ends_with_the_run),
        cmocka_unit_test(a_stall_says_who_waits_for_whom),
        cmocka_unit_test(the_error_of_one_rank_ends_the_run_and_is_the_runs_error),
        cmocka_unit_test(an_interrupt_ends_the_run),
        cmocka_unit_test(there_is_no_clock_and_a_worker_has_one_device),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
