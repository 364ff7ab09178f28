/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/straggler.c -- factors against theory, traces, slow workers, mistakes. */
#include "tests/helpers/check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/timing/straggler.h"

enum { DRAWS = 100000, WORKERS = 8 };
static const double standard_errors = 4;

struct fixture {
    struct sm_arena arena;
    char file[64];
    uint64_t hash;
};

static int
setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    if (f == NULL)
        return -1;
    strcpy(f->file, "/tmp/sm_straggler_XXXXXX.txt");
    const int descriptor = mkstemps(f->file, 4);
    if (descriptor < 0)
        return -1;
    close(descriptor);
    *state = f;
    return 0;
}

static int
teardown(void **state)
{
    struct fixture *f = *state;
    unlink(f->file);
    sm_arena_fini(&f->arena);
    free(f);
    return 0;
}

static enum sm_status
bind(struct fixture *f, const char *yaml, struct sm_straggler_settings *settings)
{
    struct sm_node *root;
    const char *text = sm_arena_printf(&f->arena, "straggler: %s", yaml);
    check_ok(sm_tree_parse(&f->arena, "test.yaml", text, &root));
    return sm_straggler_bind(&f->arena, sm_tree_get(root, "straggler"), settings);
}

static enum sm_status
create(struct fixture *f, const char *yaml, uint64_t seed, struct sm_stragglers **stragglers)
{
    struct sm_straggler_settings settings;
    check_ok(bind(f, yaml, &settings));
    f->hash = 0;
    return sm_stragglers_create(&f->arena, &settings, WORKERS, seed, stragglers, &f->hash);
}

/* Of one rank with so many devices; NULL where all its factors are 1. */
static struct sm_pace *
pace_of(struct fixture *f, const char *yaml, uint64_t seed, size_t rank, size_t devices)
{
    struct sm_stragglers *stragglers;
    struct sm_pace *pace;
    check_ok(create(f, yaml, seed, &stragglers));
    check_ok(sm_pace_create(&f->arena, stragglers, rank, devices, &pace));
    return pace;
}

struct moments {
    double mean, deviation, smallest;
};

static struct moments
draw(struct sm_pace *pace)
{
    static double x[DRAWS];
    struct moments m = {.smallest = INFINITY};
    assert_non_null(pace);
    for (size_t i = 0; i < DRAWS; i++) {
        x[i] = sm_pace_next(pace);
        m.mean += x[i] / DRAWS;
        m.smallest = fmin(m.smallest, x[i]);
    }
    double square = 0;
    for (size_t i = 0; i < DRAWS; i++)
        square += (x[i] - m.mean) * (x[i] - m.mean) / DRAWS;
    m.deviation = sqrt(square);
    return m;
}

/* ---- distributions ---- */

/* Of the standard normal density cut at +-a. */
static double
cut_variance(double a)
{
    return 1 - 2 * a * exp(-a * a / 2) / sqrt(2 * M_PI) / erf(a / M_SQRT2);
}

static void
factors_have_mean_1_and_the_spread_that_was_asked_for(void **state)
{
    struct fixture *f = *state;
    const double w = 1 + 0.4 * 0.4; /* of the lognormal fourth moment */
    const struct {
        const char *yaml;
        double deviation, kurtosis; /* fourth moment over deviation^4; at least */
        double smallest;
    } cases[] = {
        {"normal", 0.05, 3, 0.1},
        {"{distribution: normal, cv: 0.6, floor: 0.4}", 0.6 * sqrt(cut_variance(1)), 3, 0.4},
        {"lognormal", 0.05, 3.1, 0},
        {"{distribution: lognormal, cv: 0.4}", 0.4, pow(w, 4) + 2 * pow(w, 3) + 3 * w * w - 3, 0},
        {"{distribution: gamma, cv: 0.4}", 0.4, 3 + 6 * 0.4 * 0.4, 0},
        {"{distribution: gamma, cv: 2}", 2, 3 + 6 * 2 * 2, 0},
        {"{distribution: exponential, cv: 0.4}", 0.4, 9, 0.6},
        {"{distribution: exponential, cv: 1}", 1, 9, 0},
        /* a = 1 + sqrt(1 + 1/cv^2): 6.1 has a fourth moment */
        {"{distribution: pareto, cv: 0.2}", 0.2, 60, 5.0990 / 6.0990},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct moments m = draw(pace_of(f, cases[i].yaml, 3, 1, 1));
        const double error = cases[i].deviation / sqrt(DRAWS);
        check_near(m.mean, 1, standard_errors * error);
        check_near(m.deviation, cases[i].deviation,
                   standard_errors * error * sqrt(cases[i].kurtosis - 1) / 2);
        assert_true(m.smallest >= cases[i].smallest - 1e-4);
    }
}

/* Its logarithm is exponential: mean of ln(x / x_smallest) is 1/a, and so is its deviation. */
static void
pareto_tails_have_the_index_that_was_asked_for(void **state)
{
    struct fixture *f = *state;
    const struct {
        const char *yaml;
        double a;
    } cases[] = {{"{distribution: pareto, shape: 1.5}", 1.5},
                 {"{distribution: pareto, cv: 1}", 1 + M_SQRT2}};
    for (size_t i = 0; i < 2; i++) {
        struct sm_pace *pace = pace_of(f, cases[i].yaml, 1, 0, 1);
        const double a = cases[i].a;
        double sum = 0, above = 0;
        for (size_t k = 0; k < DRAWS; k++) {
            const double x = log(sm_pace_next(pace) * a / (a - 1));
            sum += x / DRAWS;
            above += x > log(10) ? 1. / DRAWS : 0;
        }
        check_near(sum, 1 / a, standard_errors / a / sqrt(DRAWS));
        const double p = pow(10, -a);
        check_near(above, p, standard_errors * sqrt(p / DRAWS));
    }
}

static void
streams_belong_to_a_seed_and_a_rank(void **state)
{
    struct fixture *f = *state;
    const char *yaml = "{distribution: gamma, cv: 0.3}";
    struct sm_pace *a = pace_of(f, yaml, 5, 2, 1), *again = pace_of(f, yaml, 5, 2, 1);
    struct sm_pace *seed = pace_of(f, yaml, 6, 2, 1), *rank = pace_of(f, yaml, 5, 3, 1);
    for (size_t i = 0; i < 100; i++) {
        const double x = sm_pace_next(a);
        check_near(sm_pace_next(again), x, 0);
        assert_true(sm_pace_next(seed) != x);
        assert_true(sm_pace_next(rank) != x);
    }
}

/* The largest of d exponentials: mean H_d, variance sum 1/i^2. */
static void
a_worker_waits_for_the_slowest_of_its_devices(void **state)
{
    struct fixture *f = *state;
    const double cv = 0.2;
    const char *by_device = "{distribution: exponential, cv: 0.2, scope: device}";
    for (size_t d = 1; d <= 16; d *= 4) {
        double harmonic = 0, squares = 0;
        for (size_t i = 1; i <= d; i++) {
            harmonic += 1 / (double)i;
            squares += 1 / (double)(i * i);
        }
        const struct moments m = draw(pace_of(f, by_device, 1, 4, d));
        check_near(m.mean, 1 - cv + cv * harmonic, standard_errors * cv * sqrt(squares / DRAWS));
    }
    const char *by_worker = "{distribution: exponential, cv: 0.2}";
    const struct moments one = draw(pace_of(f, by_worker, 1, 4, 8));
    check_near(one.mean, 1, standard_errors * cv / sqrt(DRAWS));
}

/* ---- what costs nothing, what stays ---- */

static void
without_a_spread_there_is_no_pace(void **state)
{
    struct fixture *f = *state;
    const char *still[] = {"{}", "constant", "{distribution: lognormal, cv: 0}",
                           "{distribution: gamma, cv: 1e-300}",
                           "{slow_workers: [1], slow_factor: 1}"};
    for (size_t i = 0; i < sizeof still / sizeof *still; i++) {
        struct sm_straggler_settings settings;
        check_ok(bind(f, still[i], &settings));
        assert_false(sm_straggler_varies(&settings));
        assert_null(pace_of(f, still[i], 1, 0, 1));
        if (i < 4)
            assert_int_equal(f->hash, 0);
    }
    check_near(sm_pace_next(NULL), 1, 0);
    struct sm_straggler_settings settings;
    check_ok(bind(f, "{distribution: pareto, cv: 0, shape: 3}", &settings));
    assert_true(sm_straggler_varies(&settings));
}

static void
slow_workers_are_slow_at_every_step(void **state)
{
    struct fixture *f = *state;
    const char *one = "{slow_workers: [3, 7], slow_factor: 2.5}";
    const char *each = "{slow_workers: [3, 7], slow_factor: [2, 0.5]}";
    for (size_t i = 0; i < 10; i++) {
        check_near(sm_pace_next(pace_of(f, one, 1, 3, 8)), 2.5, 0);
        check_near(sm_pace_next(pace_of(f, each, 1, 3, 8)), 2, 0);
        check_near(sm_pace_next(pace_of(f, each, 1, 7, 8)), 0.5, 0);
    }
    assert_null(pace_of(f, one, 1, 2, 8));
    const char *both = "{distribution: gamma, cv: 0.1, slow_workers: [3], slow_factor: 4}";
    struct sm_pace *slow = pace_of(f, both, 1, 3, 1);
    struct sm_pace *fast = pace_of(f, "{distribution: gamma, cv: 0.1}", 1, 3, 1);
    for (size_t i = 0; i < 100; i++)
        check_relative(sm_pace_next(slow), 4 * sm_pace_next(fast), 1e-15);
}

static void
a_share_of_the_workers_is_slow_and_the_seed_says_which(void **state)
{
    struct fixture *f = *state;
    size_t times[WORKERS] = {0};
    for (uint64_t seed = 0; seed < 60; seed++) {
        size_t count = 0;
        for (size_t r = 0; r < WORKERS; r++)
            if (pace_of(f, "{slow_fraction: 0.25, slow_factor: 3}", seed, r, 1) != NULL) {
                count++;
                times[r]++;
            }
        assert_int_equal(count, 2);
    }
    for (size_t r = 0; r < WORKERS; r++) /* 15 expected, deviation 3.4 */
        assert_in_range(times[r], 2, 28);
}

static void
what_decides_the_factors_decides_the_hash(void **state)
{
    struct fixture *f = *state;
    struct sm_stragglers *all;
    const char *yaml[] = {"lognormal", "{slow_workers: [1]}", "{slow_fraction: 0.5}"};
    for (size_t i = 0; i < 3; i++) {
        check_ok(create(f, yaml[i], 1, &all));
        const uint64_t one = f->hash;
        check_ok(create(f, yaml[i], 2, &all));
        assert_true((f->hash != one) == (i != 1));
    }
}

/* ---- traces ---- */

static void
write_trace(struct fixture *f, const char *text)
{
    FILE *out = fopen(f->file, "w");
    assert_non_null(out);
    fputs(text, out);
    assert_int_equal(fclose(out), 0);
}

static const char *
trace_yaml(struct fixture *f, const char *rest)
{
    return sm_arena_printf(&f->arena, "{distribution: trace, file: %s%s}", f->file, rest);
}

static void
expect_trace(struct fixture *f, const char *rest, size_t rank, const double *factors, size_t count)
{
    struct sm_pace *pace = pace_of(f, trace_yaml(f, rest), 1, rank, 2);
    assert_non_null(pace);
    for (size_t i = 0; i < count; i++)
        check_near(sm_pace_next(pace), factors[i], 1e-15);
}

static void
traces_have_a_row_a_step_and_a_column_a_worker_and_begin_again(void **state)
{
    struct fixture *f = *state;
    write_trace(f, "# one column\n1.5\n\n2 # late\n1");
    for (size_t rank = 0; rank < 2; rank++)
        expect_trace(f, "", rank, (const double[]){1.5, 2, 1, 1.5, 2}, 5);
    expect_trace(f, ", shift: 1", 1, (const double[]){2, 1, 1.5, 2}, 4);
    expect_trace(f, ", shift: 2", 2, (const double[]){2, 1, 1.5, 2}, 4);
    expect_trace(f, ", normalize: yes", 0, (const double[]){1, 2 / 1.5, 1 / 1.5, 1}, 4);

    write_trace(f, "1, 2,\t3\r\n4;5 6\n");
    expect_trace(f, "", 0, (const double[]){1, 4, 1}, 3);
    expect_trace(f, "", 2, (const double[]){3, 6, 3}, 3);
    expect_trace(f, "", 4, (const double[]){2, 5, 2}, 3);
    /* devices 2 and 3, in columns 2 and 0 */
    expect_trace(f, ", scope: device", 1, (const double[]){3, 6, 3}, 3);
    expect_trace(f, ", scope: device", 0, (const double[]){2, 5, 2}, 3);
}

static void
a_trace_s_contents_decide_the_hash(void **state)
{
    struct fixture *f = *state;
    struct sm_stragglers *all;
    write_trace(f, "1 2\n");
    check_ok(create(f, trace_yaml(f, ""), 1, &all));
    const uint64_t one = f->hash;
    check_ok(create(f, trace_yaml(f, ""), 2, &all));
    assert_true(f->hash == one);
    write_trace(f, "1 3\n");
    check_ok(create(f, trace_yaml(f, ""), 1, &all));
    assert_true(f->hash != one);
}

static void
mistakes_in_traces_name_file_and_line(void **state)
{
    struct fixture *f = *state;
    const struct {
        const char *text, *message;
    } cases[] = {
        {"1\n2\nthree\n", ":3: 'three' is not a factor; expected numbers > 0"},
        {"1 2\n# no\n1,0\n", ":3: '0' is not a factor"},
        {"-1\n", ":1: '-1' is not a factor"},
        {"1\ninf\n", ":2: 'inf' is not a factor"},
        {"1\n2x\n", ":2: '2x' is not a factor"},
        {"1 2\n\n1 2 3\n", ":3: 3 factors; expected 2, as in the first row"},
        {"# nothing\n\n", ": no factors; expected a row a step"},
        {"", ": no factors"},
    };
    struct sm_stragglers *all;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_trace(f, cases[i].text);
        check_fails(create(f, trace_yaml(f, ""), 1, &all), SM_ERR_INPUT,
                    sm_arena_printf(&f->arena, "%s%s", f->file, cases[i].message));
    }
    check_fails(create(f, "trace", 1, &all), SM_ERR_INPUT, "timing.straggler.file: a trace needs");
    check_fails(create(f, "{distribution: trace, file: /nowhere}", 1, &all), SM_ERR_INPUT,
                "cannot read /nowhere");
}

/* ---- settings ---- */

static void
mistakes_in_settings_say_what_was_expected(void **state)
{
    struct fixture *f = *state;
    struct sm_straggler_settings settings;
    const struct {
        const char *yaml, *message;
    } unbound[] = {
        {"lognorml", "straggler: unknown straggler 'lognorml', did you mean 'lognormal'?"},
        {"{distribution: 3}", "straggler.distribution: unknown straggler '3'"},
        {"{distribution: [gamma]}", "expected a name for straggler, or {distribution: ..., "},
        {"{distribution: gamma, cvv: 1}", "straggler.cvv: unknown key, did you mean 'cv'?"},
        {"{distribution: exponential, cv: 1.5}", "straggler.cv: 1.5 is out of range"},
        {"{distribution: constant, cv: 1}", "straggler.cv: unknown key"},
        {"{scope: server}", "straggler.scope: "},
        {"{slow_factor: 0}", "straggler.slow_factor: 0 is out of range"},
    };
    for (size_t i = 0; i < sizeof unbound / sizeof *unbound; i++)
        check_fails(bind(f, unbound[i].yaml, &settings), SM_ERR_INPUT, unbound[i].message);
    struct sm_stragglers *all;
    const struct {
        const char *yaml, *message;
    } refused[] = {
        {"{slow_workers: [8]}", "slow_workers: 8 is no rank; expected 0 .. 7"},
        {"{slow_workers: [1.5]}", "slow_workers: 1.5 is no rank"},
        {"{slow_workers: [1, 1]}", "rank 1 appears twice"},
        {"{slow_workers: [1], slow_fraction: 0.5}", "slow_workers or slow_fraction, not both"},
        {"{slow_workers: [1, 2, 3], slow_factor: [2, 3]}", "2 factors for 3 slow_workers"},
        {"{slow_fraction: 0.5, slow_factor: [2, 3]}", "2 factors for 0 slow_workers"},
        {"{distribution: pareto, shape: 1}", "1 has no mean; expected above 1"},
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        check_fails(create(f, refused[i].yaml, 1, &all), SM_ERR_INPUT, refused[i].message);
}

static void
what_is_printed_binds_to_the_same(void **state)
{
    struct fixture *f = *state;
    const char *cases[] = {"{}", "lognormal", "{name: gamma, cv: 0.123456789012345678}",
                           "{distribution: trace, file: 'a \"b', shift: 3, normalize: yes}",
                           "{distribution: pareto, shape: 3, scope: device, slow_workers: [1, 2],"
                           " slow_factor: [2, 3], slow_fraction: 0.5}"};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sm_straggler_settings settings;
        char text[2][512] = {"", ""};
        for (size_t turn = 0; turn < 2; turn++) {
            check_ok(bind(f, turn == 0 ? cases[i] : text[0], &settings));
            FILE *out = fmemopen(text[turn], sizeof text[turn], "w");
            sm_straggler_print(&settings, out);
            fclose(out);
        }
        assert_string_equal(text[0], text[1]);
    }
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(factors_have_mean_1_and_the_spread_that_was_asked_for),
        TEST(pareto_tails_have_the_index_that_was_asked_for),
        TEST(streams_belong_to_a_seed_and_a_rank),
        TEST(a_worker_waits_for_the_slowest_of_its_devices),
        TEST(without_a_spread_there_is_no_pace),
        TEST(slow_workers_are_slow_at_every_step),
        TEST(a_share_of_the_workers_is_slow_and_the_seed_says_which),
        TEST(what_decides_the_factors_decides_the_hash),
        TEST(traces_have_a_row_a_step_and_a_column_a_worker_and_begin_again),
        TEST(a_trace_s_contents_decide_the_hash),
        TEST(mistakes_in_traces_name_file_and_line),
        TEST(mistakes_in_settings_say_what_was_expected),
        TEST(what_is_printed_binds_to_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
