/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/parameter_server.c -- both parameter servers: what a server does with what comes when,
 * and how workers cut and join a model.
 *
 * One server runs here among mailboxes: where it waits for a worker, that worker does one
 * step of the loop, so the order of arrivals is a script. When a worker has done all its steps it
 * says goodbye, and finds its last parameters in the mailbox after the server has ended.
 */
#include "tests/helpers/check.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "algorithms/inner/inner.h"
#include "algorithms/strategy/strategy.h"
#include "sim/base/rng.h"
#include "tests/helpers/mailbox.h"
#include "tests/helpers/training.h"

enum { MOST = 4, N = MAILBOX_N, LONGEST_SCRIPT = 64 };

/* Worker r has f_r = curvature (x - center)^2 / 2 in every coordinate, and learning rates of its
 * own. */
struct problem {
    double curvature[MOST], center[MOST], gamma[MOST];
    double start, momentum;
};

/* The server is the rank behind the workers. */
struct machine {
    struct sm_stepper stepper; /* first: its functions get a pointer to it */
    struct mailboxes boxes;
    size_t workers;
    const struct problem *problem;
    const struct sm_strategy *strategy;
    struct {
        size_t steps;            /* left to do                                         */
        bool leaving;            /* its receipts may wait until the server has ended */
        struct sm_request *late; /* such a receipt                                     */
    } todo[MOST];
    struct sm_arena scratch;
    const size_t *script; /* whose message comes next, where the server takes any */
    size_t script_length, next;
    const struct sm_inner *inner;
    void *inner_state;
    float path[LONGEST_SCRIPT][N]; /* the server's parameters after each of its steps */
    size_t taken;
    double pushed, pulled; /* floats of wire */
};

static struct machine *
machine_of(struct sm_comm *comm)
{
    struct mailboxes *boxes = ((struct mailbox_rank *)comm)->boxes;
    return (struct machine *)((char *)boxes - offsetof(struct machine, boxes));
}

static bool
serves(const struct sm_comm *comm)
{
    return comm->rank == comm->size;
}

static enum sm_status
mail_isend(struct sm_comm *comm, size_t to, struct sm_parcel *parcel)
{
    struct machine *machine = machine_of(comm);
    assert_true(serves(comm) != (to == comm->size));
    *(serves(comm) ? &machine->pulled : &machine->pushed) += parcel->wire;
    return mailbox_ops.isend(comm, to, parcel);
}

static enum sm_status
mail_irecv(struct sm_comm *comm, size_t from, struct sm_parcel **parcel,
           struct sm_request **request)
{
    assert_null(*request); /* one receipt a peer */
    return mailbox_ops.irecv(comm, from, parcel, request);
}

/* One step of the loop, or the end of it. */
static void
worker_acts(struct machine *machine, size_t r)
{
    struct mailbox_rank *rank = &machine->boxes.ranks[r];
    const struct problem *problem = machine->problem;
    const struct sm_strategy *strategy = machine->strategy;
    float g[N];
    if (machine->todo[r].steps == 0) {
        assert_false(machine->todo[r].leaving);
        check_ok(strategy->receive(rank->state, &rank->comm));
        strategy->absorb(rank->state, N, rank->x, &rank->viewed_at);
        machine->todo[r].leaving = true;
        check_ok(strategy->drain(rank->state, &rank->comm, N, rank->x, SM_DRAIN_END));
        return;
    }
    machine->todo[r].steps--;
    check_ok(strategy->receive(rank->state, &rank->comm));
    strategy->absorb(rank->state, N, rank->x, &rank->viewed_at);
    for (size_t i = 0; i < N; i++)
        g[i] = (float)(problem->curvature[r] * ((double)rank->viewed_at[i] - problem->center[r]));
    strategy->split(rank->state, N, (float)problem->gamma[r], g, rank->x);
    memset(g, 0xff, sizeof g); /* the gradient is the loop's: it was copied */
    check_ok(strategy->send(rank->state, &rank->comm));
}

static enum sm_status
mail_wait(struct sm_comm *comm, struct sm_request **request)
{
    struct machine *machine = machine_of(comm);
    if (*request == NULL)
        return SM_OK;
    if (serves(comm)) {
        worker_acts(machine, (*request)->from);
    } else if (machine->todo[comm->rank].leaving &&
               machine->boxes.queue[comm->rank][comm->size].count == 0) {
        machine->todo[comm->rank].late = *request;
        *(*request)->parcel = NULL;
        *request = NULL;
        return SM_OK;
    }
    return mailbox_ops.wait(comm, request);
}

static enum sm_status
mail_wait_any(struct sm_comm *comm, struct sm_request **requests, size_t count, size_t *which)
{
    struct machine *machine = machine_of(comm);
    assert_true(serves(comm) && count == machine->workers);
    assert_true(machine->next < machine->script_length);
    *which = machine->script[machine->next++];
    assert_non_null(requests[*which]);
    worker_acts(machine, *which);
    return mailbox_ops.wait(comm, &requests[*which]);
}

static enum sm_status
mail_compute(struct sm_comm *comm, enum sm_stage stage, double seconds, double flop,
             const struct sm_job *job)
{
    (void)stage;
    check_near(seconds + flop, 0, 0);
    enum sm_status status = job->run(job->arg, &machine_of(comm)->scratch);
    sm_arena_reset(&machine_of(comm)->scratch);
    return status;
}

static const struct sm_comm_ops mail_ops = {
    .compute = mail_compute,
    .isend = mail_isend,
    .irecv = mail_irecv,
    .wait = mail_wait,
    .wait_any = mail_wait_any,
};

static enum sm_status
stepper_begin(struct sm_stepper *stepper, size_t n)
{
    struct machine *machine = (struct machine *)stepper;
    assert_int_equal(n, N);
    return machine->inner->init(machine->inner_state,
                                plugin_setup(&machine->boxes.arena, n, NULL, NULL));
}

static enum sm_status
stepper_step(struct sm_stepper *stepper, float gamma, float *g, float *x)
{
    struct machine *machine = (struct machine *)stepper;
    check_ok(machine->inner->step(machine->inner_state, N, gamma, g, x));
    memset(g, 0xff, N * sizeof *g); /* as it may be */
    memcpy(machine->path[machine->taken++], x, sizeof machine->path[0]);
    return SM_OK;
}

static void
machine_init(struct machine *machine, const char *strategy, const struct problem *problem,
             size_t workers, const struct sm_compression *compression)
{
    const struct sm_comm comm = {.ops = &mail_ops,
                                 .size = workers,
                                 .servers = 1,
                                 .devices = 1,
                                 .wire_scale = 1,
                                 .statistics = 100}; /* never travel */
    float x0[N];
    for (size_t i = 0; i < N; i++) /* coordinate 1 is always at 0, for one at its minimum there */
        x0[i] = (float)(problem->start * (1 - (double)i));
    *machine = (struct machine){
        .stepper = {stepper_begin, stepper_step}, .workers = workers, .problem = problem};
    check_ok(mailboxes_init_with(&machine->boxes, &comm, x0, strategy, compression));
    machine->strategy = machine->boxes.strategy;
    for (size_t r = 0; r <= workers; r++)
        memcpy(machine->boxes.ranks[r].x, x0, sizeof x0);
    machine->inner = (const struct sm_inner *)plugin_state(&machine->boxes.arena, &sm_axis_inner,
                                                           "sgd", &machine->inner_state);
    *(float *)((char *)machine->inner_state +
               sm_param_find(machine->inner->about.params, "momentum")->offset) =
        (float)problem->momentum;
}

/* Runs the server: workers go `steps` times each, or (0) as the script says, goodbyes included. */
static void
machine_serve(struct machine *machine, size_t steps, const size_t *script, size_t length)
{
    const struct sm_strategy *strategy = machine->strategy;
    machine->script = script;
    machine->script_length = length;
    for (size_t r = 0; r < machine->workers; r++)
        machine->todo[r].steps = steps;
    for (size_t i = 0; i < length; i++)
        machine->todo[script[i]].steps++;
    for (size_t r = 0; r < machine->workers && length > 0; r++)
        machine->todo[r].steps--; /* the last one is the goodbye */
    struct mailbox_rank *server = &machine->boxes.ranks[machine->workers];
    check_ok(strategy->server->serve(server->state, &server->comm, &machine->stepper));
    assert_int_equal(machine->next, length);
    for (size_t r = 0; r < machine->workers; r++) {
        struct mailbox_rank *rank = &machine->boxes.ranks[r];
        assert_non_null(machine->todo[r].late);
        check_ok(mailbox_ops.wait(&rank->comm, &machine->todo[r].late));
        strategy->absorb(rank->state, N, rank->x, &rank->viewed_at);
        assert_ptr_equal(rank->viewed_at, rank->x);
        for (size_t i = 0; i < N; i++) /* all end with the server's parameters */
            check_near(rank->x[i], machine->path[machine->taken - 1][i], 0);
        check_ok(strategy->receive(rank->state, &rank->comm)); /* as before an evaluation */
    }
    for (size_t to = 0; to <= machine->workers; to++)
        for (size_t from = 0; from <= machine->workers; from++)
            assert_int_equal(machine->boxes.queue[to][from].count,
                             0); /* nothing is left in flight */
}

/* Parcels are used again: nobody keeps one. */
static void
machine_fini(struct machine *machine)
{
    for (size_t r = 0; r <= machine->workers; r++)
        assert_true(mailbox_parcels(&machine->boxes.ranks[r]) <= machine->workers + 2);
    mailboxes_fini(&machine->boxes);
    sm_arena_fini(&machine->scratch);
}

/* ---- by hand ---- */

/* Two workers with f = (x - c)^2 / 2, c = 2 and -4, from 8; gamma = 1/2, momentum 1/2.
 *   mean g = x + 1
 *   b = 9               x = 8 - 9/2 = 7/2
 *   b = 9/2 + 9/2 = 9   x = 7/2 - 9/2 = -1
 *   b = 9/2 + 0         x = -1 - 9/4 = -13/4 */
static void
in_step_the_server_takes_the_steps_one_computes_by_hand(void **unused)
{
    (void)unused;
    const struct problem problem = {
        .curvature = {1, 1}, .center = {2, -4}, .gamma = {0.5, 0.5}, .start = 8, .momentum = 0.5};
    const float path[] = {3.5f, -1, -3.25f};
    struct machine machine;
    machine_init(&machine, "parameter_server", &problem, 2, NULL);
    machine_serve(&machine, 3, NULL, 0);
    assert_int_equal(machine.taken, 3);
    for (size_t k = 0; k < 3; k++)
        check_near(machine.path[k][0], path[k], 0);
    check_near(machine.pushed, 2 * 3 * N, 0); /* goodbyes and their answers weigh nothing */
    check_near(machine.pulled, 2 * 3 * N, 0);
    machine_fini(&machine);
}

/* Two workers with f = x^2 / 2 from 8, gamma = 1/2. Worker 1 is stale at its first push, worker 0
 * at its second.
 *   0 (at 8): 8 - 4 = 4          1 (at 8): 4 - 4 = 0     1 (at 0): 0
 *   0 (at 4): 0 - 2 = -2         1 (at 0): -2            1 (at -2): -2 + 1 = -1
 *   0 (at -2): -1 + 1 = 0 */
static void
at_any_time_the_server_takes_the_steps_one_computes_by_hand(void **unused)
{
    (void)unused;
    const struct problem problem = {.curvature = {1, 1}, .gamma = {0.5, 0.5}, .start = 8};
    const size_t script[] = {0, 1, 1, 0, 1, 1, 0, /* goodbyes */ 1, 0};
    const float path[] = {4, 0, 0, -2, -2, -1, 0};
    struct machine machine;
    machine_init(&machine, "parameter_server_async", &problem, 2, NULL);
    machine_serve(&machine, 0, script, sizeof script / sizeof *script);
    assert_int_equal(machine.taken, 7);
    for (size_t k = 0; k < 7; k++) {
        check_near(machine.path[k][0], path[k], 0);
        check_near(machine.path[k][1], 0, 0);
        check_near(machine.path[k][2], -path[k], 0);
    }
    check_near(machine.pushed, 7 * N, 0);
    check_near(machine.pulled, 7 * N, 0);
    machine_fini(&machine);
}

/* A worker that is done may go while the other still trains: it gets the end's parameters. */
static void
who_leaves_early_takes_the_final_parameters(void **unused)
{
    (void)unused;
    const struct problem problem = {.curvature = {1, 1}, .gamma = {0.5, 0.25}, .start = 8};
    const size_t script[] = {0, 0, /* goodbye of 0 */ 0, 1, 1, 1, /* of 1 */ 1};
    const float path[] = {4, 2, 0, 0, 0}; /* 1: at 8, 2 - 2; at 0 twice */
    struct machine machine;
    machine_init(&machine, "parameter_server_async", &problem, 2, NULL);
    machine_serve(&machine, 0, script, sizeof script / sizeof *script);
    assert_int_equal(machine.taken, 5);
    for (size_t k = 0; k < 5; k++)
        check_near(machine.path[k][0], path[k], 0);
    machine_fini(&machine);
}

/* ---- a scalar beside it ---- */

/* A scalar in double, with momentum as PyTorch has it. */
struct scalar {
    double x, b;
    bool started;
};

static void
scalar_step(struct scalar *s, double momentum, double gamma, double g)
{
    s->b = s->started ? momentum * s->b + g : g;
    s->started = true;
    s->x -= gamma * s->b;
}

/* Values stay below 8, a step has about ten roundings, and momentum hands each on tenfold. */
static const double tolerance = 40 * 10 * 10 * 8 * (double)FLT_EPSILON / 2;

static void
in_step_the_server_follows_the_mean_gradient(void **unused)
{
    (void)unused;
    enum { STEPS = 40 };
    const struct problem problem = {.curvature = {1, 0.5, 2, 0.25},
                                    .center = {0, 1, -2, 5},
                                    .gamma = {0.07, 0.07, 0.07, 0.07},
                                    .start = 3,
                                    .momentum = 0.9};
    for (size_t m = 1; m <= MOST; m++) {
        struct machine machine;
        struct scalar s = {.x = problem.start};
        machine_init(&machine, "parameter_server", &problem, m, NULL);
        machine_serve(&machine, STEPS, NULL, 0);
        assert_int_equal(machine.taken, STEPS);
        for (size_t k = 0; k < STEPS; k++) {
            double g = 0;
            for (size_t r = 0; r < m; r++)
                g += problem.curvature[r] * (s.x - problem.center[r]) / (double)m;
            scalar_step(&s, problem.momentum, problem.gamma[0], g);
            check_near(machine.path[k][0], s.x, tolerance);
        }
        machine_fini(&machine);
    }
}

/* Every worker's learning rate is another; whose turn it is comes from a stream of numbers. */
static void
at_any_time_the_server_follows_gradients_at_what_each_worker_pulled_last(void **unused)
{
    (void)unused;
    const struct problem problem = {.curvature = {1, 0.5, 2, 0.25},
                                    .center = {0, 1, -2, 5},
                                    .gamma = {0.07, 0.02, 0.05, 0.1},
                                    .start = 3,
                                    .momentum = 0.5};
    for (uint64_t seed = 0; seed < 8; seed++) {
        struct machine machine;
        size_t script[LONGEST_SCRIPT];
        machine_init(&machine, "parameter_server_async", &problem, MOST, NULL);
        struct sm_rng *rng = sm_rng_create(&machine.boxes.arena, seed, SM_RNG_TEST, 0);
        for (size_t i = 0; i < LONGEST_SCRIPT - MOST; i++)
            script[i] = sm_rng_below(rng, MOST);
        for (size_t r = 0; r < MOST; r++)
            script[LONGEST_SCRIPT - 1 - r] = r;
        machine_serve(&machine, 0, script, LONGEST_SCRIPT);
        assert_int_equal(machine.taken, LONGEST_SCRIPT - MOST);
        struct scalar s = {.x = problem.start};
        double pulled[MOST] = {problem.start, problem.start, problem.start, problem.start};
        for (size_t k = 0; k < machine.taken; k++) {
            const size_t r = script[k];
            scalar_step(&s, problem.momentum, problem.gamma[r],
                        problem.curvature[r] * (pulled[r] - problem.center[r]));
            pulled[r] = s.x;
            check_near(machine.path[k][0], s.x, tolerance);
        }
        machine_fini(&machine);
    }
}

/* ---- compression ---- */

/* Numbers lose their fraction, which is fed back; of a mean, the sign comes back. */
static void
whole_encode(void *state, size_t n, float *x)
{
    (void)state;
    for (size_t i = 0; i < n; i++)
        x[i] = truncf(x[i]);
}

static void
whole_decode(void *state, size_t n, float *x)
{
    (void)state;
    for (size_t i = 0; i < n; i++)
        x[i] = (float)((x[i] > 0) - (x[i] < 0));
}

static const struct sm_compression whole = {
    .about = {.name = "whole", .state_size = 1},
    .feeds_back = mailbox_feeds_back,
    .encode = whole_encode,
    .decode = whole_decode,
    .wire = mailbox_wire,
};
static const struct sm_choice whole_choice = {&whole.about, ""};

/* Centers 3/4 and -7, gamma = 1. What worker 0 encodes, with what was lost before; what worker 1
 * does; the sign of the mean:
 *   x = 2:  1.25           1   9   1
 *   x = 1:  0.25 + 0.25    0   8   1
 *   x = 0: -0.75 + 0.5     0   7   1
 *  x = -1: -1.75 - 0.25   -2   6   1
 *  x = -2: -2.75          -2   5   1
 *  x = -3: -3.75 - 0.75   -4   4   0 */
static void
workers_encode_and_the_server_decodes_the_mean(void **unused)
{
    (void)unused;
    const struct problem problem = {
        .curvature = {1, 1}, .center = {0.75, -7}, .gamma = {1, 1}, .start = 2};
    const float path[] = {1, 0, -1, -2, -3, -3};
    struct machine machine;
    machine_init(&machine, "parameter_server", &problem, 2, &whole);
    machine_serve(&machine, 6, NULL, 0);
    for (size_t k = 0; k < 6; k++)
        check_near(machine.path[k][0], path[k], 0);
    check_near(machine.pushed, 6 * 2 * N / 4.0, 0);
    check_near(machine.pulled, 6 * 2 * N, 0); /* parameters travel as they are */
    machine_fini(&machine);
    /* one by one: 1 and 9, both at 2; worker 0 at 1: 0.25 + 0.25 is nothing; worker 1 at 0: 7 */
    const size_t script[] = {0, 1, 0, 1, 0, 1};
    const float async[] = {1, 0, 0, -1};
    machine_init(&machine, "parameter_server_async", &problem, 2, &whole);
    machine_serve(&machine, 0, script, 6);
    for (size_t k = 0; k < 4; k++)
        check_near(machine.path[k][0], async[k], 0);
    machine_fini(&machine);
}

/* ---- shards ---- */

/* A worker and its servers without a machine: what it sends, and what it makes of answers. */
struct post {
    struct sm_comm comm; /* first */
    struct sm_parcel *sent[64], *answers[64];
    struct sm_arena *arena;
};

static enum sm_status
post_isend(struct sm_comm *comm, size_t to, struct sm_parcel *parcel)
{
    struct post *post = (struct post *)comm;
    sm_parcel_hold(parcel);
    post->sent[to - comm->size] = parcel;
    return SM_OK;
}

static enum sm_status
post_irecv(struct sm_comm *comm, size_t from, struct sm_parcel **parcel,
           struct sm_request **request)
{
    *request = sm_arena_alloc(((struct post *)comm)->arena, 1, sizeof **request);
    assert_non_null(*request);
    **request = (struct sm_request){.from = from, .parcel = parcel};
    return SM_OK;
}

static enum sm_status
post_wait(struct sm_comm *comm, struct sm_request **request)
{
    struct post *post = (struct post *)comm;
    if (*request != NULL)
        *(*request)->parcel = post->answers[(*request)->from - comm->size];
    *request = NULL;
    return SM_OK;
}

static const struct sm_comm_ops post_ops = {
    .isend = post_isend, .irecv = post_irecv, .wait = post_wait};

static void
expect_shards(const char *name, size_t n, size_t servers, const struct sm_choice *compression)
{
    struct sm_arena arena = {0};
    struct post post = {.comm = {.ops = &post_ops,
                                 .rank = 1,
                                 .size = 3,
                                 .servers = servers,
                                 .devices = 1,
                                 .wire_scale = 1},
                        .arena = &arena};
    void *state;
    char yaml[80];
    snprintf(yaml, sizeof yaml, "{name: %s, servers: %zu}", name, servers);
    const struct sm_strategy *strategy =
        (const struct sm_strategy *)plugin_state(&arena, &sm_axis_strategy, yaml, &state);
    struct sm_setup setup = *plugin_setup(&arena, n, NULL, &post.comm);
    if (compression != NULL)
        setup.compression = compression;
    check_ok(strategy->init(state, &setup));
    const float *view;
    float *x = sm_arena_zalloc(&arena, n, sizeof *x), *g = sm_arena_zalloc(&arena, n, sizeof *g);
    assert_true(x != NULL && g != NULL);
    for (size_t step = 0; step < 2; step++) {
        check_ok(strategy->receive(state, &post.comm));
        strategy->absorb(state, n, x, &view);
        for (size_t i = 0; i < n; i++)
            g[i] = (float)(step + i) + 0.5f; /* half is lost, and makes a whole the next time */
        strategy->split(state, n, 0.25f, g, x);
        check_ok(strategy->send(state, &post.comm));
        size_t at = 0, shortest = n, longest = 0;
        double wire = 0;
        for (size_t k = 0; k < servers; k++) {
            struct sm_parcel *push = post.sent[k], *answer = push;
            for (size_t i = 0; i < push->n; i++) {
                const float lost = compression == NULL ? 0 : step == 0 ? 0.5f : -0.5f;
                check_near(push->x[i], g[at + i] - lost, 0);
                push->x[i] = -(float)(100 * step + at + i);
            }
            at += push->n;
            shortest = push->n < shortest ? push->n : shortest;
            longest = push->n > longest ? push->n : longest;
            wire += push->wire;
            check_near(push->wire, post.sent[0]->wire, 0);
            check_near((double)push->weight, 0.25, 0);
            post.answers[k] = answer; /* comes back with other numbers */
        }
        assert_int_equal(at, n);
        assert_true(longest - shortest <= 1);
        check_relative(wire, compression == NULL ? (double)n : (double)n / 4, 1e-15);
        check_ok(strategy->receive(state, &post.comm));
        strategy->absorb(state, n, x, &view);
        assert_ptr_equal(view, x);
        for (size_t i = 0; i < n; i++)
            check_near(x[i], -(double)(100 * step + i), 0);
    }
    sm_comm_fini(&post.comm);
    sm_arena_fini(&arena);
}

/* One float may stand for a whole model: then all shards but one are empty, and weigh as much. */
static void
a_model_is_cut_into_shards_that_weigh_the_same(void **unused)
{
    (void)unused;
    const size_t sizes[] = {1, 2, 7, 64, 65, 1000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (size_t servers = 1; servers <= 64; servers += servers < 8 ? 1 : 28) {
            expect_shards("parameter_server", sizes[i], servers, NULL);
            expect_shards("parameter_server", sizes[i], servers, &whole_choice);
            expect_shards("parameter_server_async", sizes[i], servers, NULL);
        }
}

static void
numbers_of_servers_out_of_range_are_refused(void **unused)
{
    (void)unused;
    struct sm_arena arena = {0};
    const char *names[] = {"parameter_server", "parameter_server_async"};
    for (size_t i = 0; i < 2; i++)
        for (size_t servers = 0; servers <= 65; servers++) {
            char yaml[80];
            struct sm_node *node;
            struct sm_choice choice;
            snprintf(yaml, sizeof yaml, "{name: %s, servers: %zu}", names[i], servers);
            check_ok(sm_tree_parse(&arena, "test.yaml", yaml, &node));
            if (servers == 0 || servers == 65) {
                check_fails(sm_choice_bind(&sm_axis_strategy, node, NULL, &arena, &choice),
                            SM_ERR_INPUT, "1 .. 64");
                continue;
            }
            check_ok(sm_choice_bind(&sm_axis_strategy, node, NULL, &arena, &choice));
            assert_int_equal(sm_strategy_servers(&choice), servers);
            assert_int_equal(sm_strategy_is(&choice, SM_FOLLOWS_CLOCK), i == 1);
            assert_false(sm_strategy_is(&choice, SM_SENDS_EARLY));
        }
    sm_arena_fini(&arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_step_the_server_takes_the_steps_one_computes_by_hand),
        cmocka_unit_test(at_any_time_the_server_takes_the_steps_one_computes_by_hand),
        cmocka_unit_test(who_leaves_early_takes_the_final_parameters),
        cmocka_unit_test(in_step_the_server_follows_the_mean_gradient),
        cmocka_unit_test(at_any_time_the_server_follows_gradients_at_what_each_worker_pulled_last),
        cmocka_unit_test(workers_encode_and_the_server_decodes_the_mean),
        cmocka_unit_test(a_model_is_cut_into_shards_that_weigh_the_same),
        cmocka_unit_test(numbers_of_servers_out_of_range_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
