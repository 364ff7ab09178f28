/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/outer_exchange.c -- the outer optimizers with an exchange of their own, on several
 * ranks: every model of every worker after every step against the rules in double, what is
 * conserved, what it weighs and what it costs.
 */
#include "tests/helpers/check.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "algorithms/compression/compression.h"
#include "algorithms/outer/outer.h"
#include "sim/base/rng.h"
#include "tests/helpers/arena.h"
#include "tests/helpers/machine.h"
#include "tests/helpers/training.h"

enum { M = 5, N = 11, STEPS = 24, MOST_STEPS = 320 };

/* ---- a compression that one can do by hand: eighths ---- */

static double
eighths(double x)
{
    return nearbyint(x * 8) / 8;
}

static void
coarse_encode(void *state, size_t n, float *x)
{
    (void)state;
    for (size_t i = 0; i < n; i++)
        x[i] = (float)eighths(x[i]);
}

static double
coarse_wire(const void *state, size_t n, size_t size)
{
    (void)state;
    (void)size;
    return (double)n / 4;
}

static const struct sm_compression coarse = {
    .about = {.name = "coarse"}, .of_models = true, .encode = coarse_encode, .wire = coarse_wire};
static const struct sm_choice coarse_choice = {.plugin = &coarse.about, .settings = ""};

/* ---- a run of a few steps ---- */

struct script {
    struct sm_choice outer, compression;
    size_t workers, n, steps;
    size_t rounds[8]; /* their lengths, over and over; 0 ends the list */
    float gamma[MOST_STEPS];
    float x0[N], center[M][N], curvature[M];
    uint64_t seed;
    double statistics, seconds; /* beside each model; of each step */
    double wire_scale;
};

/* Every model before and after every exchange. */
struct path {
    float before[MOST_STEPS][M][N], after[MOST_STEPS][M][N];
};

static struct sm_moment
moment_of(const struct script *script, size_t k)
{
    size_t begin = 0, round = 0;
    while (begin + script->rounds[round] <= k) {
        begin += script->rounds[round++];
        round = script->rounds[round] == 0 ? 0 : round;
    }
    return (struct sm_moment){.done = k + 1 - begin,
                              .round = script->rounds[round],
                              .gamma = script->gamma[k],
                              .last = k + 1 == script->steps};
}

/* The inner steps: worker i goes down a parabola of its own. */
static enum sm_status
follow(struct sm_comm *comm, const void *in, void *out)
{
    const struct script *script = in;
    struct path *path = out;
    const size_t n = script->n, r = comm->rank;
    const struct sm_outer *outer = (const struct sm_outer *)script->outer.plugin;
    struct sm_arena own = {0};
    float *x = sm_arena_alloc(&own, n, sizeof *x);
    void *state = sm_choice_state(&script->outer, &own);
    const struct sm_setup setup = {
        .arena = &own, .comm = comm, .n = n, .x0 = script->x0, .compression = &script->compression};
    comm->seed = script->seed;
    comm->statistics = script->statistics;
    memcpy(x, script->x0, n * sizeof *x);
    enum sm_status status = outer->init(state, &setup);
    for (size_t k = 0; k < script->steps && status == SM_OK; k++) {
        const struct sm_moment moment = moment_of(script, k);
        for (size_t i = 0; i < n; i++)
            x[i] -= moment.gamma * script->curvature[r] * (x[i] - script->center[r][i]);
        memcpy(path->before[k][r], x, n * sizeof *x);
        status = machine_pass(comm, script->seconds);
        if (status == SM_OK)
            status = outer->exchange(state, comm, &moment, n, x);
        memcpy(path->after[k][r], x, n * sizeof *x);
    }
    sm_arena_fini(&own);
    return status;
}

/* Five unlike workers; learning rates change on the way. */
static struct script
script_of(const char *yaml)
{
    struct script script = {.workers = M,
                            .n = N,
                            .steps = STEPS,
                            .rounds = {5},
                            .seed = 7,
                            .seconds = 0.01,
                            .wire_scale = 1e5};
    struct sm_rng *rng = sm_rng_create(&arena, 1, SM_RNG_TEST, 0);
    struct sm_node *node;
    check_ok(sm_tree_parse(&arena, "test.yaml", yaml, &node));
    check_ok(sm_choice_bind(&sm_axis_outer, node, NULL, &arena, &script.outer));
    check_ok(sm_choice_bind(&sm_axis_compression, NULL, NULL, &arena, &script.compression));
    for (size_t k = 0; k < MOST_STEPS; k++)
        script.gamma[k] = k % 7 < 4 ? 0.2f : 0.1f;
    for (size_t i = 0; i < N; i++)
        script.x0[i] = (float)sm_rng_normal(rng, 1);
    for (size_t r = 0; r < M; r++) {
        script.curvature[r] = 0.5f + 0.25f * (float)r;
        for (size_t i = 0; i < N; i++)
            script.center[r][i] = (float)sm_rng_normal(rng, 1);
    }
    return script;
}

static const struct path *
run_on(const struct sm_engine *engine, bool exact, size_t threads, const struct script *script,
       struct machine_report *report)
{
    struct path *path = sm_arena_alloc(&arena, 1, sizeof *path);
    const struct machine machine = {.engine = engine,
                                    .platform = "star_8",
                                    .workers = script->workers,
                                    .exact = exact,
                                    .threads = threads,
                                    .wire_scale = script->wire_scale,
                                    .program = follow,
                                    .in = script};
    check_ok(machine_run(&machine, path, sizeof *path, report));
    return path;
}

static const struct path *
run(const struct script *script)
{
    return run_on(&sm_engine_thread, false, 1, script, NULL);
}

/* ---- the rules, all workers at once, in double ---- */

struct reference {
    double a, b, c;         /* settings in the order of the rule's formula      */
    size_t pieces, overlap; /* of streaming_diloco                              */
    bool coarse;
    double x[M][N], own[M][N], slow[M][N]; /* models; b_i or delta_i; phi_i     */
    double z[N], momentum[N], way[N];      /* the center or anchor; on its way  */
    size_t age[M + N];                     /* of a piece's average; 0: none     */
    const float (*seen)[N];                /* what came out                     */
};

static double
sent(const struct reference *ref, double x)
{
    return ref->coarse ? eighths(x) : x;
}

static void
streaming_in(struct reference *ref, size_t p, size_t i)
{
    ref->momentum[i] = ref->c * ref->momentum[i] + ref->way[i];
    ref->z[i] -= ref->b * (ref->way[i] + ref->c * ref->momentum[i]);
    for (size_t r = 0; r < M; r++)
        ref->x[r][i] = ref->a * ref->x[r][i] + (1 - ref->a) * ref->z[i];
    ref->age[p] = 0;
}

/* a: mixing, b: eta, c: mu. Each piece on its own. */
static void
streaming(struct reference *ref, const struct sm_moment *moment)
{
    for (size_t p = 0; p < ref->pieces; p++) {
        const size_t begin = N * p / ref->pieces, end = N * (p + 1) / ref->pieces;
        const double share = (double)(p + 1) / (double)ref->pieces;
        const bool due = (double)moment->done >= share * (double)moment->round - 1e-9 &&
                         (double)moment->done < share * (double)moment->round + 1 - 1e-9;
        const size_t age = ref->age[p]++; /* 1 in the step in which it leaves */
        const bool in = age > 0 && (age == ref->overlap || due);
        for (size_t i = begin; i < end && in; i++)
            streaming_in(ref, p, i);
        if (age == 0 || in)
            ref->age[p] = 0;
        for (size_t i = begin; i < end && due; i++) {
            ref->way[i] = 0;
            for (size_t r = 0; r < M; r++)
                ref->way[i] += sent(ref, ref->z[i] - ref->x[r][i]) / M;
        }
        if (due)
            ref->age[p] = 1;
        const bool at_once = ref->age[p] > 0 && (ref->overlap == 0 || moment->last);
        for (size_t i = begin; i < end && at_once; i++)
            streaming_in(ref, p, i);
        if (at_once)
            ref->age[p] = 0;
    }
}

/* a: alpha */
static void
elastic(struct reference *ref, const struct sm_moment *moment)
{
    for (size_t i = 0; i < N && moment->done == moment->round; i++) {
        const double z = ref->z[i];
        for (size_t r = 0; r < M; r++) {
            ref->z[i] += ref->a * sent(ref, ref->x[r][i] - z);
            ref->x[r][i] = (1 - ref->a) * ref->x[r][i] + ref->a * z;
        }
    }
}

/* a: alpha, b: beta */
static void
overlapping(struct reference *ref, const struct sm_moment *moment)
{
    const double gamma = moment->gamma;
    for (size_t i = 0; i < N && moment->done == moment->round; i++) {
        ref->z[i] = ref->way[i];
        ref->way[i] = 0;
        for (size_t r = 0; r < M; r++) {
            ref->x[r][i] = (1 - ref->a) * ref->x[r][i] + ref->a * ref->z[i];
            ref->own[r][i] = ref->b * ref->own[r][i] + (ref->z[i] - ref->x[r][i]) / gamma;
            ref->way[i] += (ref->z[i] + sent(ref, -gamma * ref->own[r][i])) / M;
        }
    }
}

/* What i's slow weights become if it meets j; a: eta, b: mu, c: pull. */
static double
meeting(const struct reference *ref, size_t i, size_t j, size_t d, double *delta)
{
    const double own = ref->x[i][d] - ref->slow[i][d], other = ref->x[j][d] - ref->slow[j][d];
    const double mean = (ref->slow[i][d] + ref->slow[j][d]) / 2;
    *delta =
        ref->b * ref->own[i][d] + ref->a * (own + other) / 2 - ref->c * (ref->slow[i][d] - mean);
    if (ref->coarse) {
        const double v[2] = {ref->a * own + ref->c * ref->slow[i][d],
                             ref->a * other + ref->c * ref->slow[j][d]};
        *delta = ref->b * ref->own[i][d] + ref->a * own + (eighths(v[1]) - eighths(v[0])) / 2;
    }
    return ref->slow[i][d] + *delta;
}

/* Who met whom follows from what came out; the rank itself: nobody. Fails unless it is clear. */
static size_t
partner_of(const struct reference *ref, size_t i)
{
    size_t partner = M, fits = 0;
    for (size_t j = 0; j < M; j++) {
        double worst = 0, delta;
        for (size_t d = 0; d < N; d++)
            worst = fmax(worst, fabs(meeting(ref, i, j, d, &delta) - (double)ref->seen[i][d]));
        if (worst < 1e-4) {
            partner = j;
            fits++;
        }
    }
    assert_int_equal(fits, 1);
    return partner;
}

static void
in_pairs(struct reference *ref, const struct sm_moment *moment)
{
    static double x[M][N], delta[M][N];
    size_t partner[M], alone = 0;
    if (moment->done < moment->round)
        return;
    for (size_t i = 0; i < M; i++) {
        partner[i] = partner_of(ref, i);
        alone += partner[i] == i;
        for (size_t d = 0; d < N; d++)
            x[i][d] = meeting(ref, i, partner[i], d, &delta[i][d]);
    }
    for (size_t i = 0; i < M; i++)
        assert_int_equal(partner[partner[i]], i);
    assert_int_equal(alone, M % 2);
    memcpy(ref->x, x, sizeof x);
    memcpy(ref->slow, x, sizeof x);
    memcpy(ref->own, delta, sizeof delta);
}

/* Numbers stay below 8, and what a step rounds dies out as the parabolas contract: fewer than 100
 * roundings at any time. */
static void
expect_path(const struct script *script, struct reference ref,
            void (*rule)(struct reference *ref, const struct sm_moment *moment))
{
    const struct path *path = run(script);
    ref.coarse = script->compression.plugin == &coarse.about;
    for (size_t i = 0; i < N; i++) {
        ref.z[i] = ref.way[i] = script->x0[i];
        for (size_t r = 0; r < M; r++)
            ref.x[r][i] = ref.slow[r][i] = script->x0[i];
    }
    for (size_t k = 0; k < script->steps; k++) {
        const struct sm_moment moment = moment_of(script, k);
        for (size_t r = 0; r < M; r++)
            for (size_t i = 0; i < N; i++)
                ref.x[r][i] -= (double)moment.gamma * (double)script->curvature[r] *
                               (ref.x[r][i] - (double)script->center[r][i]);
        ref.seen = path->after[k];
        rule(&ref, &moment);
        for (size_t r = 0; r < M; r++)
            for (size_t i = 0; i < N; i++)
                check_near(path->after[k][r][i], ref.x[r][i], 100 * 8 * (double)FLT_EPSILON / 2);
    }
}

static const size_t changing[] = {5, 3, 7, 1, 2, 0};

static void
streaming_diloco_follows_its_rule_for_any_fragments_and_overlap(void **unused)
{
    (void)unused;
    const size_t pieces[] = {1, 2, 3, 5, 7, 13}, overlaps[] = {0, 1, 2, 4, 6};
    const double mixings[] = {0, 0.5, 0.9};
    for (size_t c = 0; c < 6 * 5 * 2; c++) {
        const double mixing = mixings[c / 6 % 3];
        struct reference ref = {mixing, 0.7, 0.4, .pieces = pieces[c % 6],
                                .overlap = overlaps[c / 6 % 5]};
        struct script script = script_of(sm_arena_printf(
            &arena,
            "{name: streaming_diloco, fragments: %zu, overlap: %zu, mixing: %g, eta: 0.7, mu: 0.4}",
            ref.pieces, ref.overlap, mixing));
        if (c >= 30)
            memcpy(script.rounds, changing, sizeof changing);
        expect_path(&script, ref, streaming);
        script.compression = coarse_choice;
        expect_path(&script, ref, streaming);
    }
}

static void
easgd_follows_its_rule(void **unused)
{
    (void)unused;
    struct script script = script_of("{name: easgd, alpha: 0.25}");
    expect_path(&script, (struct reference){.a = 0.25}, elastic);
    script = script_of("easgd"); /* 0.9 among five */
    expect_path(&script, (struct reference){.a = 0.18}, elastic);
    memcpy(script.rounds, changing, sizeof changing);
    script.compression = coarse_choice;
    expect_path(&script, (struct reference){.a = 0.18}, elastic);
}

static void
overlap_local_follows_its_rule(void **unused)
{
    (void)unused;
    struct script script = script_of("overlap_local");
    expect_path(&script, (struct reference){.a = 0.6, .b = 0.7}, overlapping);
    script = script_of("{name: overlap_local, alpha: 0.3, beta: 0}");
    memcpy(script.rounds, changing, sizeof changing);
    expect_path(&script, (struct reference){.a = 0.3}, overlapping);
    script.compression = coarse_choice;
    expect_path(&script, (struct reference){.a = 0.3}, overlapping);
}

static void
noloco_follows_its_rule_in_pairs(void **unused)
{
    (void)unused;
    struct script script = script_of("noloco");
    expect_path(&script, (struct reference){.a = 0.7, .b = 0.5, .c = 0.7}, in_pairs);
    script = script_of("{name: noloco, eta: 0.5, mu: 0.2, pull: 0.9}");
    memcpy(script.rounds, changing, sizeof changing);
    expect_path(&script, (struct reference){.a = 0.5, .b = 0.2, .c = 0.9}, in_pairs);
    script.compression = coarse_choice;
    expect_path(&script, (struct reference){.a = 0.5, .b = 0.2, .c = 0.9}, in_pairs);
}

/* ---- what is conserved, and who meets whom ---- */

/* z is what every model is drawn to, so each of them tells it. */
static void
easgd_conserves_the_sum_of_the_models_and_the_center(void **unused)
{
    (void)unused;
    const double alpha = 0.25;
    const struct script script = script_of("{name: easgd, alpha: 0.25}");
    const struct path *path = run(&script);
    double sum[N], moved = 0;
    for (size_t k = 4; k < STEPS; k += 5)
        for (size_t i = 0; i < N; i++) {
            double before = 0, after = 0, center[M];
            for (size_t r = 0; r < M; r++) {
                const double x = path->before[k][r][i], y = path->after[k][r][i];
                before += x;
                after += y;
                center[r] = (y - (1 - alpha) * x) / alpha;
                check_near(center[r], center[0], 20 * 8 * (double)FLT_EPSILON / 2 / alpha);
            }
            if (k > 4) /* the center is where the last round left it */
                check_near(center[0], sum[i], 40 * 8 * (double)FLT_EPSILON / 2 / alpha);
            sum[i] = before + center[0] - after;
            moved += fabs(before - after);
        }
    assert_true(moved > 1);
}

/* eta = pull = 1 without momentum: both become the mean of the pair. One step a round, and a worker
 * goes by its rank's power of two, so that pairs can be told. */
static void
noloco_draws_every_pair_equally_often_and_leaves_out_everyone_in_turn(void **unused)
{
    (void)unused;
    struct script script = script_of("{name: noloco, eta: 1, mu: 0, pull: 1}");
    script.rounds[0] = 1;
    script.steps = 300;
    script.n = 1;
    for (size_t r = 0; r < M; r++)
        script.center[r][0] = (float)(1 << r);
    const struct path *path = run(&script);
    size_t met[M][M] = {{0}};
    for (size_t k = 0; k < script.steps; k++)
        for (size_t i = 0; i < M; i++) {
            size_t partner = M;
            for (size_t j = 0; j < M; j++) {
                const double x = path->before[k][i][0], y = path->before[k][j][0];
                if (fabs((double)path->after[k][i][0] - (x + y) / 2) < 1e-5)
                    partner = j;
            }
            assert_true(partner < M);
            met[i][partner]++;
        }
    for (size_t i = 0; i < M; i++)
        for (size_t j = 0; j < M; j++) { /* each of 5 in a round: 60, give or take 4 x 6.9 */
            assert_int_equal(met[i][j], met[j][i]);
            check_near((double)met[i][j], 60, 28);
        }
}

/* With an even number of workers nobody is left out. */
static void
noloco_gives_everyone_a_partner_if_it_can(void **unused)
{
    (void)unused;
    struct script script = script_of("{name: noloco, eta: 1, mu: 0, pull: 1}");
    script.workers = 4;
    const struct path *path = run(&script);
    for (size_t k = 4; k < STEPS; k += 5)
        for (size_t i = 0; i < 4; i++) {
            size_t twins = 0;
            for (size_t j = 0; j < 4; j++)
                twins += fabsf(path->after[k][i][0] - path->after[k][j][0]) < 1e-6f;
            assert_int_equal(twins, 2);
        }
}

static void
other_seeds_of_noloco_draw_other_pairs_and_the_same_seed_the_same(void **unused)
{
    (void)unused;
    struct script script = script_of("noloco");
    const struct path *one = run(&script), *again = run(&script);
    script.seed = 8;
    const struct path *other = run(&script);
    assert_memory_equal(one->after, again->after, sizeof one->after);
    assert_memory_not_equal(one->after, other->after, sizeof one->after);
}

/* sum phi moves by eta times the sum of all ways, whatever the pairs and whatever is lost. */
static void
noloco_loses_nothing_of_the_sum_to_compression(void **unused)
{
    (void)unused;
    struct script script = script_of("{name: noloco, eta: 0.5, mu: 0, pull: 0.9}");
    for (size_t c = 0; c < 2; c++) {
        const struct path *path = run(&script);
        for (size_t i = 0; i < N; i++) {
            double sum = M * (double)script.x0[i];
            for (size_t k = 4; k < STEPS; k += 5) {
                double ways = -sum, after = 0;
                for (size_t r = 0; r < M; r++) {
                    ways += path->before[k][r][i];
                    after += path->after[k][r][i];
                }
                check_near(after, sum + 0.5 * ways, 100 * 8 * (double)FLT_EPSILON / 2);
                sum = after;
            }
        }
        script.compression = coarse_choice;
    }
}

static void
noloco_draws_replicas_together_that_nothing_drives_apart(void **unused)
{
    (void)unused;
    struct script script = script_of("noloco");
    script.rounds[0] = 1;
    script.steps = 60;
    for (size_t k = 1; k < script.steps; k++)
        script.gamma[k] = 0;
    const struct path *path = run(&script);
    double spread[2] = {0};
    for (size_t e = 0; e < 2; e++)
        for (size_t r = 1; r < M; r++)
            for (size_t i = 0; i < N; i++) {
                const float(*x)[N] = path->after[e * 59];
                spread[e] = fmax(spread[e], fabs((double)x[r][i] - (double)x[0][i]));
            }
    assert_true(spread[0] > 0.01);
    assert_true(spread[1] < 1e-4 * spread[0]);
}

/* ---- the machine: bits, bytes, seconds ---- */

static const char *const exchanges[] = {
    "streaming_diloco",
    "{name: streaming_diloco, fragments: 3, overlap: 0}",
    "{name: streaming_diloco, fragments: 7, overlap: 4}",
    "easgd",
    "overlap_local",
    "noloco",
};
enum { EXCHANGES = sizeof exchanges / sizeof *exchanges };

static void
both_engines_and_any_number_of_threads_give_the_same_bits(void **unused)
{
    (void)unused;
    for (size_t c = 0; c < EXCHANGES; c++) {
        const struct script script = script_of(exchanges[c]);
        const struct path *thread = run(&script);
        for (size_t i = 0; i < 3; i++) {
            const struct path *simgrid = run_on(NULL, i == 2, i == 0 ? 1 : 4, &script, NULL);
            assert_memory_equal(simgrid->after, thread->after, sizeof thread->after);
        }
        for (size_t r = 0; r < M; r++)
            for (size_t i = 0; i < N; i++)
                assert_true(isfinite(thread->after[STEPS - 1][r][i]));
    }
}

/* What timing only relies on. */
static void
a_model_of_one_float_weighs_and_takes_what_the_whole_does(void **unused)
{
    (void)unused;
    for (size_t c = 0; c < 2 * EXCHANGES; c++) {
        struct script script = script_of(exchanges[c / 2]);
        struct machine_report whole, one;
        script.statistics = 3;
        if (c % 2 == 1)
            script.compression = coarse_choice;
        run_on(NULL, false, 1, &script, &whole);
        script.n = 1;
        script.statistics = 3.0 / N;
        script.wire_scale *= N;
        run_on(NULL, false, 1, &script, &one);
        assert_true(whole.ledgers[0].bytes_sent > 0);
        assert_memory_equal(&one, &whole, sizeof whole);
    }
}

/* Rounds of 4 steps, each of 10 ms, and networks that are faster than that. Four workers. */
static double
seconds_of(const char *yaml, double *bytes)
{
    struct script script = script_of(yaml);
    struct machine_report report;
    script.rounds[0] = 4;
    script.workers = 4;
    script.statistics = 1;
    run_on(NULL, false, 1, &script, &report);
    *bytes = report.ledgers[1].bytes_sent;
    return report.seconds;
}

static void
each_sends_a_model_a_round_and_waits_only_where_its_rule_does(void **unused)
{
    (void)unused;
    /* star_N: two links of 10 Gbit/s at a goodput of 0.9564 and 10 us lie between any two hosts */
    const double latency = 2e-5, bandwidth = 0.9564 * 10e9 / 8;
    const double model = 4 * (N + 1) * 1e5, part = model / 4, steps = STEPS * 0.01;
    const double whole = ring_seconds(4, model, latency, bandwidth);
    const double quarter = ring_seconds(4, part, latency, bandwidth);
    const double message = latency + model / bandwidth;
    const double share = 2 * 3.0 / 4; /* of a rank in an all-reduce of 4 */
    const struct {
        const char *yaml;
        double seconds, bytes;
    } cases[] = {
        /* a fragment at every step: all wait for it, or for the last one only */
        {"{name: streaming_diloco, overlap: 0}", steps + 24 * quarter, 6 * share * model},
        {"{name: streaming_diloco, overlap: 1}", steps + quarter, 6 * share * model},
        {"{name: streaming_diloco, overlap: 3}", steps + quarter, 6 * share * model},
        {"{name: streaming_diloco, overlap: 0, fragments: 1}", steps + 6 * whole,
         6 * share * model},
        {"easgd", steps + 6 * whole, 6 * share * model},
        /* nothing leaves at the end of the run */
        {"overlap_local", steps, 5 * share * model},
        {"noloco", steps + 6 * message, 6 * model},
    };
    assert_true(whole < 4 * 0.01 && quarter < 0.01);
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        double bytes;
        check_relative(seconds_of(cases[c].yaml, &bytes), cases[c].seconds, 1e-9);
        check_near(bytes, cases[c].bytes, 0);
    }
}

static void
settings_that_make_no_sense_are_refused(void **unused)
{
    (void)unused;
    const char *cases[] = {
        "{name: streaming_diloco, fragments: 0}", "{name: streaming_diloco, mixing: 1.5}",
        "{name: streaming_diloco, overlap: -1}",  "{name: easgd, alpha: 2}",
        "{name: overlap_local, beta: 1}",         "{name: noloco, mu: 1}",
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        struct sm_node *node;
        struct sm_choice choice;
        check_ok(sm_tree_parse(&arena, "test.yaml", cases[c], &node));
        check_fails(sm_choice_bind(&sm_axis_outer, node, NULL, &arena, &choice), SM_ERR_INPUT, "");
    }
    /* x - z changes by 1 - alpha (m + 1) a round */
    struct script script = script_of("{name: easgd, alpha: 0.34}");
    const struct machine machine = {
        .engine = &sm_engine_thread, .workers = M, .program = follow, .in = &script};
    struct path *path = sm_arena_alloc(&arena, 1, sizeof *path);
    check_fails(machine_run(&machine, path, sizeof *path, NULL), SM_ERR_INPUT,
                "easgd: alpha = 0.34 among 5 workers");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(streaming_diloco_follows_its_rule_for_any_fragments_and_overlap),
        cmocka_unit_test(easgd_follows_its_rule),
        cmocka_unit_test(overlap_local_follows_its_rule),
        cmocka_unit_test(noloco_follows_its_rule_in_pairs),
        cmocka_unit_test(easgd_conserves_the_sum_of_the_models_and_the_center),
        cmocka_unit_test(noloco_draws_every_pair_equally_often_and_leaves_out_everyone_in_turn),
        cmocka_unit_test(noloco_gives_everyone_a_partner_if_it_can),
        cmocka_unit_test(other_seeds_of_noloco_draw_other_pairs_and_the_same_seed_the_same),
        cmocka_unit_test(noloco_loses_nothing_of_the_sum_to_compression),
        cmocka_unit_test(noloco_draws_replicas_together_that_nothing_drives_apart),
        cmocka_unit_test(both_engines_and_any_number_of_threads_give_the_same_bits),
        cmocka_unit_test(a_model_of_one_float_weighs_and_takes_what_the_whole_does),
        cmocka_unit_test(each_sends_a_model_a_round_and_waits_only_where_its_rule_does),
        cmocka_unit_test(settings_that_make_no_sense_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, arena_teardown);
}
