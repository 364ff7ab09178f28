/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/topology.c -- communication graphs: each registered one, of many sizes and steps. */
#include "tests/helpers/check.h"

#include <math.h>
#include <string.h>

#include "sim/comm/topology.h"

enum { MOST = 40, STEPS = 9, PEERS = 4, WIDEST = 81 };

/* One graph of a topology: edge[i][j] when i sends to j. */
struct graph {
    size_t size;
    bool edge[WIDEST][WIDEST];
};

static bool
exists(const struct sm_topology *topology, size_t size, size_t peers)
{
    return topology->check == NULL || topology->check(size, peers) == SM_OK;
}

/* Fails when a list names the rank itself, one rank twice or a rank that is not there. */
static void
read_list(size_t size, size_t rank, const size_t *list, size_t count, bool *marks)
{
    memset(marks, 0, WIDEST * sizeof *marks);
    assert_true(count < size);
    for (size_t i = 0; i < count; i++) {
        assert_true(list[i] < size);
        assert_int_not_equal(list[i], rank);
        assert_false(marks[list[i]]);
        marks[list[i]] = true;
    }
}

static void
read_graph(const struct sm_topology *topology, size_t size, size_t peers, size_t step,
           struct graph *graph)
{
    size_t list[WIDEST];
    graph->size = size;
    for (size_t rank = 0; rank < size; rank++)
        read_list(size, rank, list, topology->out(size, peers, rank, step, list),
                  graph->edge[rank]);
}

static size_t
degree(const struct graph *graph, size_t rank)
{
    size_t count = 0;
    for (size_t other = 0; other < graph->size; other++)
        count += graph->edge[rank][other];
    return count;
}

/* Calls `check` with every graph of every registered topology. */
static void
each_graph(void (*check)(const struct sm_topology *topology, size_t size, size_t peers, size_t step,
                         const struct graph *graph))
{
    size_t seen = 0;
    for (const struct sm_plugin *const *it = sm_axis_topology.plugins; *it != NULL; it++) {
        const struct sm_topology *topology = (const struct sm_topology *)*it;
        for (size_t size = 2; size <= MOST; size++)
            for (size_t peers = 1; peers <= PEERS; peers++)
                for (size_t step = 0; step < STEPS && exists(topology, size, peers); step++) {
                    struct graph graph;
                    read_graph(topology, size, peers, step, &graph);
                    check(topology, size, peers, step, &graph);
                    seen++;
                }
    }
    assert_true(seen > (size_t)4 * (MOST - 1) * PEERS * STEPS);
}

static void
check_in(const struct sm_topology *topology, size_t size, size_t peers, size_t step,
         const struct graph *graph)
{
    bool senders[WIDEST];
    size_t list[WIDEST];
    for (size_t rank = 0; rank < size; rank++) {
        size_t count =
            (topology->in != NULL ? topology->in : topology->out)(size, peers, rank, step, list);
        read_list(size, rank, list, count, senders);
        for (size_t other = 0; other < size; other++)
            if (senders[other] != graph->edge[other][rank])
                fail_msg("%s of %zu ranks, %zu peers, step %zu: %zu to %zu is in one of in, out",
                         topology->about.name, size, peers, step, other, rank);
    }
}

static void
what_a_rank_sends_its_peer_expects_and_lists_name_others_once(void **state)
{
    (void)state;
    each_graph(check_in);
}

static void
check_connected_peer(const struct sm_topology *topology, size_t size, size_t peers, size_t step,
                     const struct graph *graph)
{
    (void)step;
    for (size_t rank = 0; rank < size; rank++) {
        size_t count = degree(graph, rank);
        assert_true(count >= 1);
        if (strcmp(topology->about.name, "exponential") == 0)
            assert_true(count <= peers);
        if (strcmp(topology->about.name, "complete") == 0)
            assert_int_equal(count, size - 1);
        if (strcmp(topology->about.name, "bipartite") == 0)
            assert_int_equal(count, 1);
        if (strcmp(topology->about.name, "ring") == 0)
            assert_int_equal(count, peers > 1 && size > 2 ? 2 : 1);
    }
}

static void
nobody_is_left_alone_and_nobody_has_more_peers_than_asked_for(void **state)
{
    (void)state;
    each_graph(check_connected_peer);
}

/* Does every rank hear of every other within `steps` graphs? */
static void
everybody_hears_of_everybody_after_enough_steps(void **state)
{
    (void)state;
    for (const struct sm_plugin *const *it = sm_axis_topology.plugins; *it != NULL; it++) {
        const struct sm_topology *topology = (const struct sm_topology *)*it;
        for (size_t size = 2; size <= MOST; size++) {
            struct graph graph, knows = {.size = size};
            for (size_t rank = 0; rank < size; rank++)
                knows.edge[rank][rank] = true;
            for (size_t step = 0; step < 2 * size && exists(topology, size, 1); step++) {
                struct graph before = knows;
                read_graph(topology, size, 1, step, &graph);
                for (size_t i = 0; i < size; i++)
                    for (size_t j = 0; j < size; j++)
                        for (size_t k = 0; graph.edge[i][j] && k < size; k++)
                            knows.edge[j][k] = knows.edge[j][k] || before.edge[i][k];
            }
            for (size_t i = 0; exists(topology, size, 1) && i < size; i++)
                assert_int_equal(degree(&knows, i), size);
        }
    }
}

static void
one_peer_exponential_is_a_permutation(void **state)
{
    (void)state;
    for (size_t size = 2; size <= MOST; size++)
        for (size_t step = 0; step < STEPS; step++) {
            struct graph graph;
            read_graph(&sm_topology_exponential, size, 1, step, &graph);
            for (size_t rank = 0; rank < size; rank++) {
                size_t incoming = 0;
                for (size_t other = 0; other < size; other++)
                    incoming += graph.edge[other][rank];
                assert_int_equal(incoming, 1);
                assert_int_equal(degree(&graph, rank), 1);
            }
        }
}

static void
exponential_offsets_are_powers_that_come_round_again(void **state)
{
    (void)state;
    size_t list[WIDEST];
    const size_t expected[] = {1, 2, 4, 8, 16, 1, 2}; /* 17..32 ranks: five levels */
    for (size_t step = 0; step < sizeof expected / sizeof *expected; step++) {
        assert_int_equal(sm_topology_exponential.out(32, 1, 3, step, list), 1);
        assert_int_equal(list[0], (3 + expected[step]) % 32);
        assert_int_equal(sm_topology_exponential.out(17, 1, 3, step, list), 1);
        assert_int_equal(list[0], (3 + expected[step]) % 17);
    }
    assert_int_equal(sm_topology_exponential.out(9, 2, 0, 1, list), 2); /* 1 3, 2 3 */
    assert_int_equal(list[0], 3);
    assert_int_equal(list[1], 6);
}

/* (p+1)^levels ranks: mixing with shares of 1/(p+1), once a level from step `first` on, is J. */
static void
check_product(size_t peers, size_t levels, size_t first)
{
    static double now[WIDEST][WIDEST], before[WIDEST][WIDEST];
    size_t size = 1;
    for (size_t e = 0; e < levels; e++)
        size *= peers + 1;
    for (size_t i = 0; i < size; i++)
        for (size_t j = 0; j < size; j++)
            now[i][j] = i == j;
    double share = 1.0 / (double)(peers + 1);
    for (size_t step = first; step < first + levels; step++) {
        struct graph graph;
        read_graph(&sm_topology_exponential, size, peers, step, &graph);
        memcpy(before, now, sizeof now);
        for (size_t j = 0; j < size; j++)
            for (size_t k = 0; k < size; k++) {
                now[j][k] = share * before[j][k];
                for (size_t i = 0; i < size; i++)
                    now[j][k] += graph.edge[i][j] ? share * before[i][k] : 0;
            }
    }
    /* shares of 1/2, 1/4 ... are exact; thirds and fifths round */
    double tolerance = peers == 1 || peers == 3 ? 0 : 1e-15;
    for (size_t i = 0; i < size; i++)
        for (size_t j = 0; j < size; j++)
            check_near(now[i][j], 1.0 / (double)size, tolerance);
}

static void
as_many_exponential_mixings_as_levels_are_the_averaging_matrix(void **state)
{
    (void)state;
    for (size_t first = 0; first < 5; first++) {
        for (size_t levels = 1; levels <= 6; levels++)
            check_product(1, levels, first * levels); /* 2 .. 64 ranks */
        for (size_t levels = 1; levels <= 4; levels++)
            check_product(2, levels, first * levels); /* 3 .. 81 */
        for (size_t levels = 1; levels <= 3; levels++)
            check_product(3, levels, first * levels); /* 4 .. 64 */
        check_product(4, 2, 2 * first);               /* 25 */
    }
    check_product(1, 5, 3); /* any start will do: the mixings commute */
    check_product(2, 3, 1);
}

static void
check_symmetric(const struct sm_topology *topology, size_t size, size_t peers, size_t step,
                const struct graph *graph)
{
    (void)peers;
    (void)step;
    for (size_t i = 0; topology->in == NULL && i < size; i++)
        for (size_t j = 0; j < size; j++)
            assert_int_equal(graph->edge[i][j], graph->edge[j][i]);
}

static void
undirected_graphs_are_symmetric(void **state)
{
    (void)state;
    each_graph(check_symmetric);
    assert_null(sm_topology_complete.in);
    assert_null(sm_topology_bipartite.in);
    assert_null(sm_topology_torus.in);
}

static void
bipartite_pairs_even_with_odd_and_refuses_an_odd_number(void **state)
{
    (void)state;
    for (size_t size = 3; size <= MOST; size += 2)
        check_fails(sm_topology_bipartite.check(size, 1), SM_ERR_INPUT, "expected an even number");
    for (size_t size = 2; size <= MOST; size += 2) {
        check_ok(sm_topology_bipartite.check(size, 1));
        for (size_t step = 0; step < STEPS; step++)
            for (size_t rank = 0; rank < size; rank++) {
                size_t peer;
                assert_int_equal(sm_topology_bipartite.out(size, 1, rank, step, &peer), 1);
                assert_int_equal((rank + peer) % 2, 1);
            }
    }
}

static void
torus_degrees_follow_from_its_rows_and_columns(void **state)
{
    (void)state;
    for (size_t size = 2; size <= MOST; size++) {
        size_t rows = (size_t)sqrt((double)size);
        while (size % rows != 0)
            rows--;
        size_t columns = size / rows;
        size_t expected = (rows > 2 ? 2 : rows - 1) + (columns > 2 ? 2 : columns - 1);
        struct graph graph;
        read_graph(&sm_topology_torus, size, 1, 0, &graph);
        for (size_t rank = 0; rank < size; rank++)
            assert_int_equal(degree(&graph, rank), expected);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_rank_sends_its_peer_expects_and_lists_name_others_once),
        cmocka_unit_test(nobody_is_left_alone_and_nobody_has_more_peers_than_asked_for),
        cmocka_unit_test(everybody_hears_of_everybody_after_enough_steps),
        cmocka_unit_test(one_peer_exponential_is_a_permutation),
        cmocka_unit_test(exponential_offsets_are_powers_that_come_round_again),
        cmocka_unit_test(as_many_exponential_mixings_as_levels_are_the_averaging_matrix),
        cmocka_unit_test(undirected_graphs_are_symmetric),
        cmocka_unit_test(bipartite_pairs_even_with_odd_and_refuses_an_odd_number),
        cmocka_unit_test(torus_degrees_follow_from_its_rows_and_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
