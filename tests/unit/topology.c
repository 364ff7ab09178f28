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

/* What a topology is given; as edges a tree and a chord. */
static struct sm_graph
ask(const struct sm_topology *topology, size_t size, size_t peers)
{
    static double ends[2 * WIDEST];
    struct sm_graph graph = {.topology = topology, .size = size, .peers = peers, .seed = 5};
    if (topology != &sm_topology_edges)
        return graph;
    for (size_t rank = 1; rank < size; rank++) {
        ends[2 * rank] = (double)rank;
        ends[2 * rank + 1] = (double)((rank - 1) / 2);
    }
    ends[0] = 0;
    ends[1] = (double)(size - 1);
    graph.edges = (struct sm_numbers){ends, 2 * size};
    return graph;
}

static bool
exists(const struct sm_graph *graph)
{
    return graph->topology->check == NULL || graph->topology->check(graph) == SM_OK;
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
read_graph(const struct sm_graph *asked, size_t step, struct graph *graph)
{
    size_t list[WIDEST];
    graph->size = asked->size;
    for (size_t rank = 0; rank < asked->size; rank++)
        read_list(asked->size, rank, list, sm_graph_out(asked, rank, step, list),
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

static size_t
in_degree(const struct graph *graph, size_t rank)
{
    size_t count = 0;
    for (size_t other = 0; other < graph->size; other++)
        count += graph->edge[other][rank];
    return count;
}

/* Calls `check` with every graph of every registered topology. */
static void
each_graph(void (*check)(const struct sm_graph *asked, size_t step, const struct graph *graph))
{
    size_t seen = 0;
    for (const struct sm_plugin *const *it = sm_axis_topology.plugins; *it != NULL; it++) {
        const struct sm_topology *topology = (const struct sm_topology *)*it;
        for (size_t size = 2; size <= MOST; size++)
            for (size_t peers = 1; peers <= PEERS; peers++) {
                struct sm_graph asked = ask(topology, size, peers);
                for (size_t step = 0; step < STEPS && exists(&asked); step++) {
                    struct graph graph;
                    read_graph(&asked, step, &graph);
                    check(&asked, step, &graph);
                    seen++;
                }
            }
    }
    assert_true(seen > (size_t)6 * (MOST - 1) * PEERS * STEPS);
}

static void
check_in(const struct sm_graph *asked, size_t step, const struct graph *graph)
{
    bool senders[WIDEST];
    size_t list[WIDEST], size = asked->size;
    for (size_t rank = 0; rank < size; rank++) {
        const size_t count = sm_graph_in(asked, rank, step, list);
        assert_true(count <= sm_graph_most(asked));
        read_list(size, rank, list, count, senders);
        assert_true(sm_graph_out(asked, rank, step, list) <= sm_graph_most(asked));
        for (size_t other = 0; other < size; other++)
            if (senders[other] != graph->edge[other][rank])
                fail_msg("%s of %zu ranks, %zu peers, step %zu: %zu to %zu is in one of in, out",
                         asked->topology->about.name, size, asked->peers, step, other, rank);
    }
}

static void
what_a_rank_sends_its_peer_expects_and_lists_name_others_once(void **state)
{
    (void)state;
    each_graph(check_in);
}

static void
check_connected_peer(const struct sm_graph *asked, size_t step, const struct graph *graph)
{
    (void)step;
    const struct sm_topology *topology = asked->topology;
    size_t size = asked->size, peers = asked->peers;
    for (size_t rank = 0; rank < size; rank++) {
        size_t count = degree(graph, rank);
        assert_true(count >= 1);
        if (topology == &sm_topology_exponential)
            assert_true(count <= peers);
        if (topology == &sm_topology_complete)
            assert_int_equal(count, size - 1);
        if (topology == &sm_topology_bipartite)
            assert_int_equal(count, 1);
        if (topology == &sm_topology_ring)
            assert_int_equal(count, peers > 1 && size > 2 ? 2 : 1);
        if (topology == &sm_topology_random)
            assert_int_equal(count, peers < size ? peers : size - 1);
    }
}

static void
nobody_is_left_alone_and_nobody_has_more_peers_than_asked_for(void **state)
{
    (void)state;
    each_graph(check_connected_peer);
}

static bool
same_graphs(const struct sm_graph *asked, size_t step, size_t other)
{
    size_t a[WIDEST], b[WIDEST];
    for (size_t rank = 0; rank < asked->size; rank++) {
        const size_t count = sm_graph_out(asked, rank, step, a);
        if (count != sm_graph_out(asked, rank, other, b) || memcmp(a, b, count * sizeof *a) != 0)
            return false;
    }
    return true;
}

/* And not before, but for the few ranks among which different offsets mean the same. */
static void
graphs_come_round_again_after_a_cycle(void **state)
{
    (void)state;
    for (const struct sm_plugin *const *it = sm_axis_topology.plugins; *it != NULL; it++)
        for (size_t size = 2; size <= MOST; size++)
            for (size_t peers = 1; peers < 4; peers++) {
                struct sm_graph asked = ask((const struct sm_topology *)*it, size, peers);
                if (!exists(&asked))
                    continue;
                const size_t cycle = sm_graph_cycle(&asked);
                assert_int_equal(cycle == 0, asked.topology == &sm_topology_random);
                for (size_t step = 0; cycle > 0 && step < STEPS; step++)
                    assert_true(same_graphs(&asked, step, step + cycle));
                for (size_t step = 1; size > 4 && step < cycle; step++)
                    assert_false(same_graphs(&asked, 0, step));
            }
}

/* Does every rank hear of every other within `steps` graphs? */
static void
everybody_hears_of_everybody_after_enough_steps(void **state)
{
    (void)state;
    for (const struct sm_plugin *const *it = sm_axis_topology.plugins; *it != NULL; it++) {
        const struct sm_topology *topology = (const struct sm_topology *)*it;
        for (size_t size = 2; size <= MOST; size++) {
            struct sm_graph asked = ask(topology, size, 1);
            struct graph graph, knows = {.size = size};
            if (!exists(&asked))
                continue;
            for (size_t rank = 0; rank < size; rank++)
                knows.edge[rank][rank] = true;
            for (size_t step = 0; step < 2 * size; step++) {
                struct graph before = knows;
                read_graph(&asked, step, &graph);
                for (size_t i = 0; i < size; i++)
                    for (size_t j = 0; j < size; j++)
                        for (size_t k = 0; graph.edge[i][j] && k < size; k++)
                            knows.edge[j][k] = knows.edge[j][k] || before.edge[i][k];
            }
            for (size_t i = 0; i < size; i++)
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
            struct sm_graph asked = ask(&sm_topology_exponential, size, 1);
            struct graph graph;
            read_graph(&asked, step, &graph);
            for (size_t rank = 0; rank < size; rank++) {
                assert_int_equal(in_degree(&graph, rank), 1);
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
    struct sm_graph of_32 = ask(&sm_topology_exponential, 32, 1);
    struct sm_graph of_17 = ask(&sm_topology_exponential, 17, 1);
    struct sm_graph of_9 = ask(&sm_topology_exponential, 9, 2);
    for (size_t step = 0; step < sizeof expected / sizeof *expected; step++) {
        assert_int_equal(sm_graph_out(&of_32, 3, step, list), 1);
        assert_int_equal(list[0], (3 + expected[step]) % 32);
        assert_int_equal(sm_graph_out(&of_17, 3, step, list), 1);
        assert_int_equal(list[0], (3 + expected[step]) % 17);
    }
    assert_int_equal(sm_graph_out(&of_9, 0, 1, list), 2); /* 1 3, 2 3 */
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
        struct sm_graph asked = ask(&sm_topology_exponential, size, peers);
        struct graph graph;
        read_graph(&asked, step, &graph);
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
check_symmetric(const struct sm_graph *asked, size_t step, const struct graph *graph)
{
    (void)step;
    for (size_t i = 0; !sm_graph_directed(asked) && i < graph->size; i++)
        for (size_t j = 0; j < graph->size; j++)
            assert_int_equal(graph->edge[i][j], graph->edge[j][i]);
}

static void
undirected_graphs_are_symmetric(void **state)
{
    (void)state;
    each_graph(check_symmetric);
    const struct {
        const struct sm_topology *topology;
        size_t peers;
        bool directed;
    } answers[] = {
        {&sm_topology_exponential, 3, true}, {&sm_topology_ring, 1, true},
        {&sm_topology_ring, 2, false},       {&sm_topology_complete, 1, false},
        {&sm_topology_bipartite, 1, false},  {&sm_topology_torus, 1, false},
        {&sm_topology_random, 3, true},      {&sm_topology_edges, 1, false},
    };
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        struct sm_graph asked = ask(answers[i].topology, 8, answers[i].peers);
        assert_int_equal(sm_graph_directed(&asked), answers[i].directed);
    }
}

static void
check_regular(const struct sm_graph *asked, size_t step, const struct graph *graph)
{
    (void)step;
    for (size_t rank = 0; asked->topology->regular && rank < graph->size; rank++) {
        assert_int_equal(degree(graph, rank), degree(graph, 0));
        assert_int_equal(in_degree(graph, rank), degree(graph, 0));
    }
}

static void
in_regular_graphs_all_ranks_have_as_many_receivers_as_senders(void **state)
{
    (void)state;
    each_graph(check_regular);
    for (const struct sm_plugin *const *it = sm_axis_topology.plugins; *it != NULL; it++) {
        const struct sm_topology *topology = (const struct sm_topology *)*it;
        assert_int_equal(topology->regular,
                         topology != &sm_topology_random && topology != &sm_topology_edges);
    }
}

static void
bipartite_pairs_even_with_odd_and_refuses_an_odd_number(void **state)
{
    (void)state;
    for (size_t size = 3; size <= MOST; size += 2) {
        struct sm_graph asked = ask(&sm_topology_bipartite, size, 1);
        check_fails(sm_graph_init(&asked, "bipartite"), SM_ERR_INPUT, "expected an even number");
    }
    for (size_t size = 2; size <= MOST; size += 2) {
        struct sm_graph asked = ask(&sm_topology_bipartite, size, 1);
        check_ok(sm_graph_init(&asked, "bipartite"));
        for (size_t step = 0; step < STEPS; step++)
            for (size_t rank = 0; rank < size; rank++) {
                size_t peer;
                assert_int_equal(sm_graph_out(&asked, rank, step, &peer), 1);
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
        struct sm_graph asked = ask(&sm_topology_torus, size, 1);
        struct graph graph;
        read_graph(&asked, 0, &graph);
        for (size_t rank = 0; rank < size; rank++)
            assert_int_equal(degree(&graph, rank), expected);
    }
}

/* Each of the other ranks is drawn with probability p / (size - 1): over 2000 steps a frequency has
 * a standard error of sqrt(q (1 - q) / 2000) < 0.0112. */
static void
random_graphs_draw_every_set_of_peers_as_often(void **state)
{
    (void)state;
    enum { SIZE = 7, DRAWS = 2000 };
    for (size_t peers = 1; peers <= 6; peers++) {
        struct sm_graph asked = ask(&sm_topology_random, SIZE, peers);
        size_t to[SIZE], single[SIZE][SIZE] = {{0}}, both = 0;
        for (size_t step = 0; step < DRAWS; step++)
            for (size_t rank = 0; rank < SIZE; rank++) {
                size_t count = sm_graph_out(&asked, rank, step, to), pair = 0;
                for (size_t i = 0; i < count; i++) {
                    single[rank][to[i]]++;
                    pair += rank == 2 && (to[i] == 3 || to[i] == 6);
                }
                both += pair == 2;
            }
        double q = (double)peers / (SIZE - 1), pairs = q * (double)(peers - 1) / (SIZE - 2);
        for (size_t rank = 0; rank < SIZE; rank++)
            for (size_t other = 0; other < SIZE; other++)
                check_near((double)single[rank][other] / DRAWS, rank == other ? 0 : q, 4 * 0.0112);
        check_near((double)both / DRAWS, pairs, 4 * 0.0112);
    }
}

static void
random_graphs_change_with_the_seed_the_step_and_the_rank(void **state)
{
    (void)state;
    struct sm_graph a = ask(&sm_topology_random, 32, 1), b = a;
    size_t same_seed = 0, same_step = 0, same_offset = 0, one, other;
    b.seed = a.seed + 1;
    for (size_t step = 0; step < 100; step++)
        for (size_t rank = 0; rank < 32; rank++) {
            sm_graph_out(&a, rank, step, &one);
            sm_graph_out(&b, rank, step, &other);
            same_seed += one == other;
            sm_graph_out(&a, rank, step + 1, &other);
            same_step += one == other;
            sm_graph_out(&a, (rank + 1) % 32, step, &other);
            same_offset += (one + 1) % 32 == other;
        }
    /* 3200 draws of 31: 103 agree by chance, give or take 10 */
    check_near((double)same_seed, 3200.0 / 31, 40);
    check_near((double)same_step, 3200.0 / 31, 40);
    check_near((double)same_offset, 3200.0 / 31, 40);
}

static void
random_graphs_take_as_many_peers_as_a_strategy_may_ask_for(void **state)
{
    (void)state;
    struct sm_graph asked = ask(&sm_topology_random, WIDEST, SM_MOST_PEERS);
    struct graph graph;
    read_graph(&asked, 3, &graph);
    for (size_t rank = 0; rank < WIDEST; rank++)
        assert_int_equal(degree(&graph, rank), SM_MOST_PEERS);
    check_in(&asked, 3, &graph);
}

static void
edges_are_what_the_list_says_whichever_way_round(void **state)
{
    (void)state;
    const double ends[] = {2, 0, 0, 1, 1, 0, 3, 2};
    struct sm_graph asked = {.size = 4, .peers = 1, .edges = {ends, 8}};
    size_t to[4];
    check_ok(sm_graph_init(&asked, "edges"));
    assert_int_equal(sm_graph_out(&asked, 0, 9, to), 2);
    assert_int_equal(to[0], 2);
    assert_int_equal(to[1], 1); /* named twice, there once */
    assert_int_equal(sm_graph_in(&asked, 3, 9, to), 1);
    assert_int_equal(to[0], 2);
}

static void
edges_that_are_no_connected_graph_are_refused(void **state)
{
    (void)state;
    const struct {
        size_t size, count;
        double ends[8];
        const char *message;
    } mistakes[] = {
        {4, 3, {0, 1, 2}, "3 numbers, expected pairs of ranks"},
        {4, 4, {0, 1, 2, 4}, "4 in edge 1, expected ranks 0 .. 3"},
        {4, 4, {0, 1.5, 2, 3}, "1.5 in edge 0, expected ranks 0 .. 3"},
        {4, 4, {0, -1, 2, 3}, "-1 in edge 0, expected ranks 0 .. 3"},
        {4, 6, {0, 1, 2, 2, 2, 3}, "edge 1 leads from rank 2 to itself"},
        {4, 4, {0, 1, 2, 3}, "no path between the ranks 0 and 2, expected a connected graph"},
        {5, 8, {0, 1, 1, 2, 2, 0, 1, 3}, "no path between the ranks 0 and 4"},
        {2, 0, {0}, "no path between the ranks 0 and 1"},
    };
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        struct sm_graph asked = {
            .size = mistakes[i].size, .peers = 1, .edges = {mistakes[i].ends, mistakes[i].count}};
        check_fails(sm_graph_init(&asked, "edges"), SM_ERR_INPUT, mistakes[i].message);
    }
    struct sm_graph alone = {.size = 1, .peers = 1};
    check_ok(sm_graph_init(&alone, "edges"));
    struct sm_graph ring = {.size = 2, .peers = 1, .edges = {mistakes[0].ends, 2}};
    check_fails(sm_graph_init(&ring, "ring"), SM_ERR_INPUT, "edges for topology ring");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_rank_sends_its_peer_expects_and_lists_name_others_once),
        cmocka_unit_test(nobody_is_left_alone_and_nobody_has_more_peers_than_asked_for),
        cmocka_unit_test(graphs_come_round_again_after_a_cycle),
        cmocka_unit_test(everybody_hears_of_everybody_after_enough_steps),
        cmocka_unit_test(one_peer_exponential_is_a_permutation),
        cmocka_unit_test(exponential_offsets_are_powers_that_come_round_again),
        cmocka_unit_test(as_many_exponential_mixings_as_levels_are_the_averaging_matrix),
        cmocka_unit_test(undirected_graphs_are_symmetric),
        cmocka_unit_test(in_regular_graphs_all_ranks_have_as_many_receivers_as_senders),
        cmocka_unit_test(bipartite_pairs_even_with_odd_and_refuses_an_odd_number),
        cmocka_unit_test(torus_degrees_follow_from_its_rows_and_columns),
        cmocka_unit_test(random_graphs_draw_every_set_of_peers_as_often),
        cmocka_unit_test(random_graphs_change_with_the_seed_the_step_and_the_rank),
        cmocka_unit_test(random_graphs_take_as_many_peers_as_a_strategy_may_ask_for),
        cmocka_unit_test(edges_are_what_the_list_says_whichever_way_round),
        cmocka_unit_test(edges_that_are_no_connected_graph_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
