/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/dpsgd.c -- decentralized SGD: models against dense matrices in double, and the mean
 * that mixing must keep.
 */
#include "tests/helpers/check.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/helpers/mailbox.h"
#include "tests/helpers/training.h"

enum { N = MAILBOX_N, MOST = MAILBOX_RANKS };

static const double u = (double)FLT_EPSILON / 2;

static const char *const topologies[] = {"ring", "torus", "bipartite", "complete", "edges"};
enum { TOPOLOGIES = sizeof topologies / sizeof *topologies };

static const size_t sizes[] = {2, 3, 4, 6, 8, 9, 12, 16};
enum { SIZES = sizeof sizes / sizeof *sizes };

static bool
begin(struct mailboxes *boxes, const char *topology, size_t size,
      const struct sm_compression *compression)
{
    struct sm_arena arena = {0};
    if (strcmp(topology, "bipartite") == 0 && size % 2 != 0)
        return false;
    const char *yaml = strcmp(topology, "edges") == 0
                           ? mailbox_edges(&arena, "dpsgd", size)
                           : sm_arena_printf(&arena, "{name: dpsgd, topology: %s}", topology);
    check_ok(mailboxes_init(boxes, size, yaml, compression));
    sm_arena_fini(&arena);
    return true;
}

/* Neighbours in the graph of that step, as the papers draw it. */
static bool
meet(const char *topology, size_t size, size_t step, size_t i, size_t j)
{
    if (i == j)
        return false;
    size_t a = i < j ? i : j, b = i < j ? j : i, ahead = (b + size - a) % size;
    if (strcmp(topology, "ring") == 0)
        return ahead == 1 || ahead == size - 1;
    if (strcmp(topology, "torus") == 0) {
        static const size_t columns_of[] = {
            [2] = 2, [3] = 3, [4] = 2, [6] = 3, [8] = 4, [9] = 3, [12] = 4, [16] = 4};
        size_t columns = columns_of[size], rows = size / columns;
        size_t down = (b / columns + rows - a / columns) % rows;
        size_t across = (b % columns + columns - a % columns) % columns;
        return (down == 0 && (across == 1 || across == columns - 1)) ||
               (across == 0 && (down == 1 || down == rows - 1));
    }
    if (strcmp(topology, "bipartite") == 0) { /* even ranks reach 1, 3, 5, 9 ... ahead */
        size_t even = i % 2 == 0 ? i : j, odd = i % 2 == 0 ? j : i, levels = 1;
        while (((size_t)1 << levels) + 1 < size)
            levels++;
        size_t e = step % levels, offset = e == 0 ? 1 : ((size_t)1 << e) + 1;
        return (i + j) % 2 == 1 && (even + offset) % size == odd;
    }
    if (strcmp(topology, "edges") == 0) /* see mailbox_edges */
        return (b - 1) / 2 == a || (size > 2 && b == size - 1 && a == 1);
    return true;
}

/* W of one step; fails unless it is symmetric and rows add up to 1. */
static void
metropolis(const char *topology, size_t size, size_t step, double w[MOST][MOST])
{
    size_t degree[MOST] = {0};
    for (size_t i = 0; i < size; i++)
        for (size_t j = 0; j < size; j++)
            degree[i] += meet(topology, size, step, i, j);
    for (size_t i = 0; i < size; i++) {
        w[i][i] = 1;
        for (size_t j = 0; j < size; j++) {
            if (i == j)
                continue;
            w[i][j] = 0;
            if (meet(topology, size, step, i, j))
                w[i][j] = 1.0 / (double)(1 + (degree[i] > degree[j] ? degree[i] : degree[j]));
            w[i][i] -= w[i][j];
        }
    }
}

/* Models are below 64, and each neighbour costs three roundings. */
static double
rounding(size_t steps, size_t size)
{
    return (double)(steps * (3 * size + 2)) * 64 * u;
}

static void
models_follow_w_x_minus_gamma_g(void **unused)
{
    (void)unused;
    for (size_t t = 0; t < TOPOLOGIES; t++)
        for (size_t s = 0; s < SIZES; s++) {
            struct mailboxes boxes;
            size_t size = sizes[s];
            double x[MOST][N], w[MOST][MOST];
            if (!begin(&boxes, topologies[t], size, NULL))
                continue;
            for (size_t r = 0; r < size; r++)
                for (size_t c = 0; c < N; c++)
                    x[r][c] = c == 0 ? 1 : (double)((r + 1) * c);
            for (size_t k = 0; k < 20; k++) {
                double before[MOST][N];
                mailboxes_step(&boxes, mailbox_parabola);
                for (size_t r = 0; r < size; r++)
                    for (size_t c = 0; c < N; c++)
                        check_near((double)boxes.ranks[r].view[c], x[r][c], rounding(k, size));
                memcpy(before, x, sizeof x);
                metropolis(topologies[t], size, k, w);
                for (size_t i = 0; i < size; i++)
                    for (size_t c = 0; c < N; c++) {
                        x[i][c] = 0;
                        for (size_t j = 0; j < size; j++)
                            x[i][c] += w[i][j] * before[j][c];
                        if (c > 0)
                            x[i][c] -= 0.1 * (before[i][c] - ((double)i - 2));
                    }
                if (k % 5 == 4) /* an outer step would find them mixed */
                    mailboxes_drain(&boxes, SM_DRAIN_ROUND);
                for (size_t i = 0; i < size && k % 5 == 4; i++)
                    for (size_t c = 0; c < N; c++)
                        check_near((double)boxes.ranks[i].x[c], x[i][c], rounding(k, size));
            }
            mailboxes_fini(&boxes);
        }
}

/* Ranks hold 1, 2, 3, ... */
static void
expect_mixed(const char *yaml, size_t size, const double *expected)
{
    struct mailboxes boxes;
    check_ok(mailboxes_init(&boxes, size, yaml, NULL));
    mailboxes_step(&boxes, NULL);
    mailboxes_absorb(&boxes);
    for (size_t r = 0; r < size; r++)
        check_near((double)boxes.ranks[r].x[1], expected[r], rounding(1, size));
    mailboxes_fini(&boxes);
}

static void
weights_are_those_of_metropolis(void **unused)
{
    (void)unused;
    /* thirds */
    expect_mixed("{name: dpsgd}", 4, (const double[]){7.0 / 3, 2, 3, 8.0 / 3});
    /* fifths: rank 0 of 3 x 3 has 1 + 2 + 3 + 4 + 7, rank 4 of itself 5 + 2 + 4 + 6 + 8 */
    expect_mixed("{name: dpsgd, topology: torus}", 9,
                 (const double[]){3.4, 3.8, 4.2, 4.6, 5, 5.4, 5.8, 6.2, 6.6});
    expect_mixed("{name: dpsgd, topology: bipartite}", 4, (const double[]){1.5, 1.5, 3.5, 3.5});
    expect_mixed("{name: dpsgd, topology: complete}", 5, (const double[]){3, 3, 3, 3, 3});
    /* a star: each edge 1/4, the centre has 3 of them; then a path, whose edges are thirds */
    expect_mixed("{name: dpsgd, topology: edges, edges: [0,1, 0,2, 0,3]}", 4,
                 (const double[]){2.5, 1.75, 2.5, 3.25});
    expect_mixed("{name: dpsgd, topology: edges, edges: [3,2, 2,1, 1,0]}", 4,
                 (const double[]){4.0 / 3, 2, 3, 11.0 / 3});
}

static void
mixing_keeps_the_mean_and_draining_finishes_it(void **unused)
{
    (void)unused;
    const enum sm_drain whys[] = {SM_DRAIN_ROUND, SM_DRAIN_AVERAGE, SM_DRAIN_END};
    for (int compressed = 0; compressed < 2; compressed++)
        for (size_t t = 0; t < TOPOLOGIES; t++)
            for (size_t s = 0; s < SIZES; s++) {
                struct mailboxes boxes;
                double sum[N];
                if (!begin(&boxes, topologies[t], sizes[s], compressed ? &mailbox_quarters : NULL))
                    continue;
                for (size_t k = 0; k < 24; k++) {
                    mailboxes_step(&boxes, mailbox_noise);
                    assert_true(mailboxes_sum(&boxes, false, sum) > 0);
                    for (size_t i = 0; i < N; i++) /* what is in flight is a copy */
                        check_near(sum[i], boxes.sum[i], rounding(k + 1, sizes[s] * sizes[s]));
                    if (k % 6 == 5)
                        mailboxes_drain(&boxes, whys[k / 6 % 3]);
                    else
                        mailboxes_absorb(&boxes);
                    assert_int_equal(mailboxes_sum(&boxes, false, sum), 0);
                    for (size_t i = 0; i < N; i++)
                        check_near(sum[i], boxes.sum[i], rounding(k + 1, sizes[s] * sizes[s]));
                }
                mailboxes_fini(&boxes);
            }
}

/* Coordinate 0 is 1 everywhere. */
static void
equal_models_stay_equal_to_the_bit(void **unused)
{
    (void)unused;
    for (size_t t = 0; t < TOPOLOGIES; t++)
        for (size_t s = 0; s < SIZES; s++) {
            struct mailboxes boxes;
            if (!begin(&boxes, topologies[t], sizes[s], NULL))
                continue;
            for (size_t k = 0; k < 10; k++)
                mailboxes_step(&boxes, mailbox_noise);
            mailboxes_absorb(&boxes);
            for (size_t r = 0; r < sizes[s]; r++)
                check_near((double)boxes.ranks[r].x[0], 1, 0);
            mailboxes_fini(&boxes);
        }
}

static void
a_compressed_model_is_mixed_with_the_own_as_others_see_it(void **unused)
{
    (void)unused;
    struct mailboxes boxes;
    check_ok(mailboxes_init(&boxes, 2, "{name: dpsgd, topology: bipartite}", &mailbox_quarters));
    boxes.ranks[0].x[1] = 1.1f; /* 1    */
    boxes.ranks[1].x[1] = 2.2f; /* 2.25 */
    mailboxes_step(&boxes, NULL);
    check_near((double)boxes.queue[1][0].parcels[0]->x[1], 1, 0);
    check_near((double)boxes.queue[0][1].parcels[0]->x[1], 2.25, 0);
    check_near(boxes.queue[0][1].parcels[0]->wire, N / 8.0, 0);
    mailboxes_absorb(&boxes);
    check_near((double)boxes.ranks[0].x[1], 1.1 + (2.25 - 1) / 2, 4 * u);
    check_near((double)boxes.ranks[1].x[1], 2.2 + (1 - 2.25) / 2, 4 * u);
    /* what was lost stayed in x: with that 0.1 besides, this would go as 1.25 */
    boxes.ranks[0].x[1] = 1.1f;
    mailboxes_step(&boxes, NULL);
    check_near((double)boxes.queue[1][0].parcels[0]->x[1], 1, 0);
    mailboxes_fini(&boxes);
}

/* 1/3 + 2/3 cos(2 pi / 8) = .804738 a step */
static void
the_ring_converges_at_the_rate_of_its_spectrum(void **unused)
{
    (void)unused;
    struct mailboxes boxes;
    double spread[2] = {0};
    check_ok(mailboxes_init(&boxes, 8, "{name: dpsgd}", NULL));
    for (size_t part = 0; part < 2; part++) {
        for (size_t k = 0; k < 20; k++)
            mailboxes_step(&boxes, NULL);
        mailboxes_absorb(&boxes);
        for (size_t r = 0; r < 8; r++)
            spread[part] += pow((double)boxes.ranks[r].view[1] - boxes.sum[1] / 8, 2);
    }
    /* the next eigenvalue, 1/3, has left nothing; the spread of 1e-3 at the end is known to the
     * roundings of 8 numbers near 4.5 */
    check_relative(sqrt(spread[1] / spread[0]), pow(0.804738, 20), 5e-3);
    mailboxes_fini(&boxes);
}

static void
one_worker_alone_keeps_its_model(void **unused)
{
    (void)unused;
    const char *yamls[] = {"{name: dpsgd}", "{name: dpsgd, topology: edges}"};
    for (size_t y = 0; y < 2; y++) {
        struct mailboxes boxes;
        check_ok(mailboxes_init(&boxes, 1, yamls[y], NULL));
        for (size_t k = 0; k < 5; k++)
            mailboxes_step(&boxes, NULL);
        mailboxes_drain(&boxes, SM_DRAIN_END);
        check_near((double)boxes.ranks[0].x[2], 2, 0);
        mailboxes_fini(&boxes);
    }
}

static void
directed_graphs_are_refused(void **unused)
{
    (void)unused;
    struct mailboxes boxes;
    const char *directed[] = {"exponential", "random"};
    for (size_t i = 0; i < 2; i++) {
        struct sm_arena arena = {0};
        const char *yaml = sm_arena_printf(&arena, "{name: dpsgd, topology: %s}", directed[i]);
        check_fails(mailboxes_init(&boxes, 4, yaml, NULL), SM_ERR_INPUT,
                    sm_arena_printf(&arena, "topology %s is directed, expected an undirected one",
                                    directed[i]));
        mailboxes_fini(&boxes);
        sm_arena_fini(&arena);
    }
    check_fails(mailboxes_init(&boxes, 3, "{name: dpsgd, topology: bipartite}", NULL), SM_ERR_INPUT,
                "even number");
    mailboxes_fini(&boxes);
}

static void
both_engines_give_the_same_bits(void **unused)
{
    (void)unused;
    const char *algorithms[] = {
        "{strategy: dpsgd}",
        "{strategy: {name: dpsgd, topology: bipartite}, tau: 5, outer: slowmo}",
        "{strategy: {name: dpsgd, topology: torus}, tau: 4, outer: {name: slowmo, average: no}}",
        "{strategy: {name: dpsgd, topology: edges, edges: [0,1, 1,2, 1,3]}}",
    };
    for (size_t i = 0; i < sizeof algorithms / sizeof *algorithms; i++) {
        struct training *a = quarrel(&sm_engine_thread, algorithms[i]);
        struct training *b = quarrel(NULL, algorithms[i]);
        check_same_numbers(a, b, algorithms[i]);
        free(a);
        free(b);
    }
}

/* The gradient is linear, and mixing keeps the mean: on the complete graph, where the models of
 * others are an all-reduce, and on any other. */
static void
the_mean_follows_all_reduced_gradients_to_rounding(void **unused)
{
    (void)unused;
    const char *strategies[] = {
        "{name: dpsgd, topology: complete}",
        "dpsgd",
        "{name: dpsgd, topology: torus}",
        "{name: dpsgd, topology: bipartite}",
        "{name: dpsgd, topology: edges, edges: [0,1, 1,2, 1,3]}",
    };
    struct training *allreduce = quarrel(&sm_engine_thread, "{strategy: allreduce}");
    for (size_t i = 0; i < sizeof strategies / sizeof *strategies; i++) {
        char algorithm[128];
        snprintf(algorithm, sizeof algorithm, "{strategy: %s}", strategies[i]);
        struct training *dpsgd = quarrel(&sm_engine_thread, algorithm);
        for (size_t c = 0; c < 7; c++) /* numbers below 4, 12 roundings a step */
            check_near((double)dpsgd->consensus[c], (double)allreduce->consensus[c],
                       12 * 12 * 4 * u);
        for (size_t k = 1; k <= 12; k++)
            assert_true(dpsgd->evaluations[k].consensus_distance > 1e-6);
        free(dpsgd);
    }
    free(allreduce);
}

static void
models_travel_while_gradients_are_computed(void **unused)
{
    (void)unused;
    const char *strategies[] = {"local", "{name: dpsgd, topology: bipartite}",
                                "{name: sgp, topology: bipartite}"};
    double seconds[3];
    for (size_t i = 0; i < 3; i++) {
        struct training *training =
            train("{steps: 8, platform: {file: star_4}, timing: {profile: resnet18_v100},"
                  " workload: {model: quadratic}, algorithm: {strategy: %s, outer: none}}",
                  strategies[i]);
        seconds[i] = training->seconds;
        free(training);
    }
    check_relative(seconds[1], seconds[0], 1e-9);
    assert_true(seconds[2] > 1.1 * seconds[1]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(models_follow_w_x_minus_gamma_g),
        cmocka_unit_test(weights_are_those_of_metropolis),
        cmocka_unit_test(mixing_keeps_the_mean_and_draining_finishes_it),
        cmocka_unit_test(equal_models_stay_equal_to_the_bit),
        cmocka_unit_test(a_compressed_model_is_mixed_with_the_own_as_others_see_it),
        cmocka_unit_test(the_ring_converges_at_the_rate_of_its_spectrum),
        cmocka_unit_test(one_worker_alone_keeps_its_model),
        cmocka_unit_test(directed_graphs_are_refused),
        cmocka_unit_test(both_engines_give_the_same_bits),
        cmocka_unit_test(the_mean_follows_all_reduced_gradients_to_rounding),
        cmocka_unit_test(models_travel_while_gradients_are_computed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
