/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/experiment.c -- experiment files: every mistake with its place and the nearest name,
 * printing that reads back, and the runs that compare and sweep stand for.
 */
#include "tests/helpers/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/run/experiment.h"
#include "sim/run/rules.h"
#include "tests/helpers/arena.h"

static enum sm_status
bind(const char *yaml, struct sm_experiment *experiment)
{
    struct sm_node *root;
    SM_TRY(sm_tree_parse(&arena, "a.yaml", yaml, &root));
    return sm_experiment_bind(&arena, root, experiment);
}

static const char *
printed(const struct sm_experiment *experiment, enum sm_experiment_part part)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    sm_experiment_print(experiment, part, out);
    fclose(out);
    const char *kept = sm_arena_strdup(&arena, text);
    free(text);
    assert_non_null(kept);
    return kept;
}

struct mistake {
    const char *yaml, *message; /* the message begins so */
};

static void
expect_mistakes(const struct mistake *mistakes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct sm_experiment experiment;
        enum sm_status status = bind(mistakes[i].yaml, &experiment);
        const char *message = sm_error_last()->message, *expected = mistakes[i].message;
        if (status != SM_ERR_INPUT || strncmp(message, expected, strlen(expected)) != 0 ||
            strchr(message, '\n') != NULL)
            fail_msg("%s\nstatus %d: %s\nexpected: %s", mistakes[i].yaml, (int)status,
                     status == SM_OK ? "" : message, expected);
    }
}
#define expect_all(mistakes) expect_mistakes(mistakes, sizeof mistakes / sizeof *mistakes)

static void
an_unknown_key_is_told_at_every_level_with_the_nearest_one(void **unused)
{
    (void)unused;
    const struct mistake mistakes[] = {
        {"name: x\nstepz: 10\n", "a.yaml:2:1: stepz: unknown key, did you mean 'steps'?; known"},
        {"platform:\n  file: star_4\n  worker: 2\n",
         "a.yaml:3:3: platform.worker: unknown key, did you mean 'workers'?"},
        {"workload:\n  mdel: mlp\n",
         "a.yaml:2:3: workload.mdel: unknown key, did you mean 'model'?"},
        {"workload: {model: mlp, hiden: 3}",
         "a.yaml:1:24: workload.hiden: unknown key, did you mean 'hidden'?"},
        {"workload: {model: {name: mlp, hiden: 3}}",
         "a.yaml:1:31: workload.model.hiden: unknown key, did you mean 'hidden'?"},
        {"workload: {dataset: {name: synthetic, clases: 3}}",
         "a.yaml:1:39: workload.dataset.clases: unknown key, did you mean 'classes'?"},
        {"timing: {scale: {foreward: 2}}",
         "a.yaml:1:18: timing.scale.foreward: unknown key, did you mean 'forward'?"},
        {"timing: {profle: own}",
         "a.yaml:1:10: timing.profle: unknown key, did you mean 'profile'?"},
        {"algorithm: {outr: none}",
         "a.yaml:1:13: algorithm.outr: unknown key, did you mean 'outer'?"},
        {"algorithm:\n  outer: {name: slowmo, beeta: 0.7}\n",
         "a.yaml:2:25: algorithm.outer.beeta: unknown key, did you mean 'beta'?"},
        {"algorithm: {strategy: {name: local, peers: 1}}",
         "a.yaml:1:37: algorithm.strategy.peers: unknown key; known here: name"},
        {"evaluate: {evry: 5}", "a.yaml:1:12: evaluate.evry: unknown key, did you mean 'every'?"},
        {"frobnicate: 1", "a.yaml:1:1: frobnicate: unknown key; known here: name, seed"},
    };
    expect_all(mistakes);
}

static void
a_misspelt_plug_in_is_told_with_the_nearest_and_the_known(void **unused)
{
    (void)unused;
    const struct mistake mistakes[] = {
        {"algorithm: {inner: sdg}",
         "a.yaml:1:20: algorithm.inner: unknown inner 'sdg', did you mean 'sgd'?; known: sgd"},
        {"algorithm: {schedule: mileston}", "a.yaml:1:23: algorithm.schedule: unknown schedule "
                                            "'mileston', did you mean 'milestones'?"},
        {"algorithm:\n  strategy: {name: alreduce}\n",
         "a.yaml:2:20: algorithm.strategy.name: unknown strategy 'alreduce', did you mean "
         "'allreduce'?; known: allreduce, parameter_server, "},
        {"algorithm: {outer: slowmoo}",
         "a.yaml:1:20: algorithm.outer: unknown outer 'slowmoo', did "
         "you mean 'slowmo'?"},
        {"algorithm: {buffer: rest}",
         "a.yaml:1:21: algorithm.buffer: unknown buffer 'rest', did you mean 'reset'?"},
        {"algorithm: {collective: rign}",
         "a.yaml:1:25: algorithm.collective: unknown collective 'rign', did you mean 'ring'?"},
        {"algorithm: {strategy: {name: sgp, topology: rnig}}",
         "a.yaml:1:45: algorithm.strategy.topology: unknown 'rnig', did you mean 'ring'?"},
        {"workload: {model: quadratc}",
         "a.yaml:1:19: workload.model: unknown model 'quadratc', did you mean 'quadratic'?"},
        {"workload: {dataset: syntetic}",
         "a.yaml:1:21: workload.dataset: unknown dataset 'syntetic', did you mean 'synthetic'?"},
        {"workload: {partition: idd}",
         "a.yaml:1:23: workload.partition: unknown partition 'idd', did you mean 'iid'?"},
        {"algorithm: {outer: frobnicate}",
         "a.yaml:1:20: algorithm.outer: unknown outer 'frobnicate'; known: none, average, slowmo"},
    };
    expect_all(mistakes);
}

static void
a_number_out_of_range_is_told_with_its_range(void **unused)
{
    (void)unused;
    const struct mistake mistakes[] = {
        {"seed: -1", "a.yaml:1:7: seed: -1 is out of range, expected >= 0"},
        {"steps: 1e13", "a.yaml:1:8: steps: 1e13 is out of range, expected 0 .. 1000000000000"},
        {"epochs: -0.5", "a.yaml:1:9: epochs: -0.5 is out of range"},
        {"algorithm: {tau: 0}", "a.yaml:1:18: algorithm.tau: 0 is out of range, expected 1 .."},
        {"algorithm: {inner: {lr: -1}}", "a.yaml:1:25: algorithm.inner.lr: -1 is out of range"},
        {"algorithm: {outer: {name: slowmo, beta: 1}}",
         "a.yaml:1:41: algorithm.outer.beta: 1 is out of range, expected 0 .. 0.999"},
        {"algorithm: {strategy: {name: sgp, peers: 0}}",
         "a.yaml:1:42: algorithm.strategy.peers: 0 is out of range, expected 1 .. 64"},
        {"workload: {batch: 0}", "a.yaml:1:19: workload.batch: 0 is out of range, expected 1 .."},
        {"workload: {model: quadratic, curvature: [1, -1]}",
         "a.yaml:1:45: workload.model.curvature: -1 is out of range, expected 0 .."},
        {"timing: {scale: {backward: -1}}",
         "a.yaml:1:28: timing.scale.backward: -1 is out of range, expected 0 .. 1000000"},
        {"timing: {efficiency: 2}",
         "a.yaml:1:22: timing.efficiency: 2 is out of range, expected 1e-06 .. 1"},
        {"evaluate: {target: 90}",
         "a.yaml:1:20: evaluate.target: 90 is out of range, expected 0 .. 1"},
    };
    expect_all(mistakes);
}

static void
what_is_no_number_is_told_as_it_was_written(void **unused)
{
    (void)unused;
    const struct mistake mistakes[] = {
        {"seed: one", "a.yaml:1:7: seed: 'one' is not a number"},
        {"steps: 10, 20", "a.yaml:1:8: steps: '10, 20' is not a number"},
        {"algorithm: {tau: 12ms}", "a.yaml:1:18: algorithm.tau: '12ms' is not a number"},
        {"algorithm: {tau: 1.5}", "a.yaml:1:18: algorithm.tau: '1.5' is not a whole number"},
        {"algorithm: {inner: {lr: 0.1Gbps}}",
         "a.yaml:1:25: algorithm.inner.lr: '0.1Gbps' is not a"},
        {"algorithm: {inner: {lr: nan}}", "a.yaml:1:25: algorithm.inner.lr: 'nan' is not a number"},
        {"algorithm: {inner: {lr: .nan}}",
         "a.yaml:1:25: algorithm.inner.lr: '.nan' is not a number"},
        {"algorithm: {inner: {lr: inf}}", "a.yaml:1:25: algorithm.inner.lr: 'inf' is not a number"},
        {"algorithm: {inner: {lr: }}", "a.yaml:1:"},
        {"algorithm: {inner: {lr: [0.1, 0.2]}}",
         "a.yaml:1:25: algorithm.inner.lr: expected a number"},
        {"algorithm: {inner: {lr: {a: 1}}}", "a.yaml:1:25: algorithm.inner.lr: expected a number"},
        {"algorithm: {inner: {nesterov: maybe}}",
         "a.yaml:1:31: algorithm.inner.nesterov: expected yes or no"},
        {"algorithm: {schedule: {milestones: [0.5, x]}}",
         "a.yaml:1:42: algorithm.schedule.milestones: 'x' is not a number"},
        {"workload: {batch: al}", "a.yaml:1:19: workload.batch: 'al' is not a number"},
        {"workload: {batch: [1, 2]}", "a.yaml:1:19: workload.batch: expected a number"},
        {"name: [a, b]", "a.yaml:1:7: name: expected text"},
        {"evaluate: {against: [a]}", "a.yaml:1:21: evaluate.against: expected text"},
    };
    expect_all(mistakes);
}

static void
a_section_or_a_choice_of_the_wrong_shape_is_told(void **unused)
{
    (void)unused;
    const struct mistake mistakes[] = {
        {"algorithm: none", "a.yaml:1:12: algorithm: expected settings, as `key: value`"},
        {"workload: [mlp]", "a.yaml:1:11: workload: expected settings, as `key: value`"},
        {"platform: star_4", "a.yaml:1:11: platform: expected settings, as `key: value`"},
        {"timing: {transport: {staging: pinned}}",
         "a.yaml:1:31: timing.transport.staging: unknown 'pinned', expected one of unset, "
         "direct, host"},
        {"timing: {scale: 2}", "a.yaml:1:17: timing.scale: expected settings, as `key: value`"},
        {"timing: {scale: {foreward: 2}}",
         "a.yaml:1:18: timing.scale.foreward: unknown key, did you mean"},
        {"timing: own", "a.yaml:1:9: timing: expected settings, as `key: value`"},
        {"evaluate: 5", "a.yaml:1:11: evaluate: expected settings, as `key: value`"},
        {"[1, 2]", "a.yaml:1:1: expected settings, as `key: value`"},
        {"algorithm: {inner: [sgd]}",
         "a.yaml:1:20: algorithm.inner: expected a name for inner, or {name: ..., settings}"},
        {"algorithm: {inner: {name: [sgd]}}",
         "a.yaml:1:27: algorithm.inner.name: expected a name for inner"},
        {"steps: 5\nepochs: 2\n", "a.yaml:2:9: epochs: give steps or epochs, not both"},
        {"steps: 5\nsteps: 6\n", "a.yaml:2:1: key 'steps' appears twice"},
        {"steps: [5\n", "a.yaml:2:1: not valid YAML:"},
    };
    expect_all(mistakes);
}

static void
nothing_at_all_is_an_experiment(void **unused)
{
    (void)unused;
    struct sm_experiment e;
    check_ok(bind("", &e));
    assert_string_equal(e.name, "experiment");
    assert_int_equal(e.seed, 1);
    assert_int_equal(e.steps, 600);
    check_near(e.epochs, 0, 0);
    assert_int_equal(sm_experiment_tau(&e), 12);
    assert_int_equal(e.workload.batch, 32);
    assert_string_equal(e.algorithm.inner.plugin->name, "sgd");
    assert_string_equal(e.algorithm.strategy.plugin->name, "allreduce");
    assert_string_equal(e.algorithm.outer.plugin->name, "none");
    assert_string_equal(e.algorithm.buffer.plugin->name, "reset");
    assert_string_equal(e.algorithm.collective.plugin->name, "ring");
    check_ok(bind("epochs: 3", &e));
    assert_int_equal(e.steps, 0);
    check_near(e.epochs, 3, 0);
    check_ok(bind("workload: {batch: all}", &e));
    assert_int_equal(e.workload.batch, 0);
}

static void
a_bare_name_is_short_for_a_map_with_it(void **unused)
{
    (void)unused;
    struct sm_experiment bare, map;
    check_ok(bind("workload: {model: softmax, dataset: synthetic, partition: contiguous}\n"
                  "algorithm: {inner: sgd, schedule: constant, strategy: sgp, outer: slowmo,"
                  " buffer: average, collective: ring}",
                  &bare));
    check_ok(bind("workload: {model: {name: softmax}, dataset: {name: synthetic},"
                  " partition: {name: contiguous}}\n"
                  "algorithm: {inner: {name: sgd}, schedule: {name: constant},"
                  " strategy: {name: sgp}, outer: {name: slowmo}, buffer: {name: average},"
                  " collective: {name: ring}}",
                  &map));
    assert_string_equal(printed(&bare, SM_EXPERIMENT_ALL), printed(&map, SM_EXPERIMENT_ALL));
}

static void
settings_of_the_model_may_stand_beside_it(void **unused)
{
    (void)unused;
    const char *same[] = {
        "workload: {model: {name: quadratic, curvature: [1, 2], noise: 0.5}}",
        "workload: {model: quadratic, curvature: [1, 2], noise: 0.5}",
        "workload: {curvature: [1, 2], model: {name: quadratic}, noise: 0.5}",
        "workload: {model: {name: quadratic, noise: 0.5}, curvature: [1, 2]}",
    };
    struct sm_experiment e;
    check_ok(bind(same[0], &e));
    const char *first = printed(&e, SM_EXPERIMENT_ALL);
    assert_non_null(strstr(first, "curvature: [1, 2], center: [0], noise: 0.5"));
    for (size_t i = 1; i < 4; i++) {
        check_ok(bind(same[i], &e));
        assert_string_equal(printed(&e, SM_EXPERIMENT_ALL), first);
    }
    check_ok(bind("workload: {hidden: [7]}", &e)); /* of the default model */
    assert_non_null(strstr(printed(&e, SM_EXPERIMENT_ALL), "{name: mlp, hidden: [7]}"));
    const struct mistake mistakes[] = {
        {"workload: {model: quadratic, hidden: 3}", "a.yaml:1:30: workload.hidden: unknown key"},
        {"workload: {curvature: 3}", "a.yaml:1:12: workload.curvature: unknown key"},
        {"workload:\n  model: quadratic\n  noise: loud\n",
         "a.yaml:3:10: workload.model.noise: 'loud' is not a number"},
    };
    expect_all(mistakes);
}

static void
local_is_local_sgd_unless_something_else_is_said(void **unused)
{
    (void)unused;
    const struct {
        const char *yaml, *outer;
    } cases[] = {
        {"algorithm: {strategy: local}", "average"},
        {"algorithm: {strategy: {name: local}}", "average"},
        {"algorithm: {strategy: local, outer: none}", "none"},
        {"algorithm: {strategy: local, outer: slowmo}", "slowmo"},
        {"algorithm: {strategy: sgp}", "none"},
        {"algorithm: {strategy: allreduce}", "none"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sm_experiment e;
        check_ok(bind(cases[i].yaml, &e));
        assert_string_equal(e.algorithm.outer.plugin->name, cases[i].outer);
        assert_non_null(sm_choice_state(&e.algorithm.outer, &arena));
    }
}

static void
what_is_printed_binds_to_the_same_text(void **unused)
{
    (void)unused;
    const char *experiments[] = {
        "",
        "{name: sgp-slowmo, seed: 8999999999999999, epochs: 0.3}",
        "name: 'it''s \"quoted\" \\ back, {strange}: #7 \xc3\xa9'",
        "name: '-'",
        "name: ''",
        "name: \"tab\\tand\\nline\"",
        "platform: {file: 'my platforms/a b.xml', workers: 3, bandwidth: {'*eth*': 25Gbps,"
        " 'a\"b\\c': x0.1}, latency: {'*': 5us}, speed: {'host0': x0.5}}",
        "workload: {model: quadratic, curvature: [1, 0.1, 1e-30], center: [-3], noise: 0.1,"
        " start: -1e30}",
        "workload: {model: {name: mlp, hidden: [10, 20]}, dataset: {name: synthetic, separation:"
        " 0.123456789012345678}, partition: contiguous, batch: all, limit: 77}",
        "timing: {profile: own, efficiency: 0.3}",
        "timing: {transport: {collective_efficiency: 0.6, staging: host, staging_bandwidth: "
        "6GB/s}}",
        "timing: {scale: {load: 0, forward: 0.3}}",
        "timing: {straggler: {distribution: lognormal, cv: 0.07, slow_workers: [3, 1]}}",
        "algorithm: {inner: {lr: 0.1, momentum: 0.7, nesterov: yes, weight_decay: 1e-4},"
        " schedule: {warmup: 0.025, milestones: [0.5, 0.75, 0.875], factor: 0.1},"
        " strategy: {name: sgp, topology: ring, peers: 2},"
        " outer: {name: slowmo, alpha: 1.1, beta: 0.6, average: no}, tau: 48, buffer: maintain}",
        "{algorithm: {strategy: local, outer: none}, evaluate: {every: 50, target: 0.9}}",
        "evaluate: {against: 'local tau=2, \"x\"'}",
    };
    for (size_t i = 0; i < sizeof experiments / sizeof *experiments; i++) {
        struct sm_experiment e, again;
        check_ok(bind(experiments[i], &e));
        const char *text = printed(&e, SM_EXPERIMENT_ALL);
        check_ok(bind(text, &again));
        assert_string_equal(printed(&again, SM_EXPERIMENT_ALL), text);
        assert_string_equal(again.name, e.name);
        assert_string_equal(again.platform.file, e.platform.file);
    }
}

/* Changing `yaml` changes this part and not that. */
static void
expect_part(const char *yaml, bool trajectory, bool timing)
{
    struct sm_experiment base, e;
    check_ok(bind("", &base));
    check_ok(bind(yaml, &e));
    const enum sm_experiment_part parts[] = {SM_EXPERIMENT_TRAJECTORY, SM_EXPERIMENT_TIMING};
    const bool changes[] = {trajectory, timing};
    for (size_t i = 0; i < 2; i++)
        if ((strcmp(printed(&base, parts[i]), printed(&e, parts[i])) != 0) != changes[i])
            fail_msg("%s: part %zu", yaml, i);
}

static void
the_parts_hold_what_decides_the_numbers_and_what_decides_the_seconds(void **unused)
{
    (void)unused;
    expect_part("name: other", false, false);
    expect_part("seed: 2", true, false);
    expect_part("steps: 7", true, true);
    expect_part("workload: {model: softmax}", true, false);
    expect_part("workload: {batch: 7}", true, false);
    expect_part("algorithm: {inner: {lr: 0.2}}", true, false);
    expect_part("algorithm: {schedule: constant}", true, false);
    expect_part("algorithm: {strategy: sgp}", true, true);
    expect_part("algorithm: {outer: slowmo}", true, true);
    expect_part("algorithm: {tau: 7}", true, true);
    expect_part("algorithm: {clip: 2}", true, false);
    expect_part("algorithm: {buffer: maintain}", true, true);
    expect_part("platform: {file: star_4}", false, true);
    expect_part("platform: {bandwidth: {'*': 1Gbps}}", false, true);
    expect_part("timing: {profile: own}", false, true);
    expect_part("timing: {transport: {message_efficiency: 0.5}}", false, true);
    expect_part("timing: {straggler: gamma}", false, true);
    expect_part("timing: {scale: {update: 0}}", false, true);
    expect_part("evaluate: {every: 7}", true, false);
    expect_part("evaluate: {against: local}", false, false);

    /* averaged momentum travels: without momentum there are fewer bytes */
    struct sm_experiment with, without;
    check_ok(bind("algorithm: {buffer: average}", &with));
    check_ok(bind("algorithm: {buffer: average, inner: {momentum: 0}}", &without));
    assert_string_not_equal(printed(&with, SM_EXPERIMENT_TIMING),
                            printed(&without, SM_EXPERIMENT_TIMING));
}

static const struct sm_node *const *
expand(const char *yaml, size_t *count)
{
    struct sm_node *root;
    const struct sm_node *const *trees;
    check_ok(sm_tree_parse(&arena, "a.yaml", yaml, &root));
    check_ok(sm_experiment_expand(&arena, root, &trees, count));
    return trees;
}

static void
a_file_without_blocks_is_one_run(void **unused)
{
    (void)unused;
    const char *files[] = {"", "name: one\nsteps: 7\n"};
    for (size_t i = 0; i < 2; i++) {
        size_t count;
        struct sm_experiment plain, expanded;
        const struct sm_node *const *trees = expand(files[i], &count);
        assert_int_equal(count, 1);
        check_ok(bind(files[i], &plain));
        check_ok(sm_experiment_bind(&arena, trees[0], &expanded));
        assert_string_equal(printed(&plain, SM_EXPERIMENT_ALL),
                            printed(&expanded, SM_EXPERIMENT_ALL));
    }
}

struct run {
    const char *name, *strategy, *outer;
    size_t tau, steps;
};

static void
expect_all_runs(const char *yaml, const struct run *runs, size_t expected)
{
    size_t count;
    const struct sm_node *const *trees = expand(yaml, &count);
    assert_int_equal(count, expected);
    for (size_t i = 0; i < count; i++) {
        struct sm_experiment e;
        check_ok(sm_experiment_bind(&arena, trees[i], &e));
        assert_string_equal(e.name, runs[i].name);
        assert_string_equal(e.algorithm.strategy.plugin->name, runs[i].strategy);
        assert_string_equal(e.algorithm.outer.plugin->name, runs[i].outer);
        assert_int_equal(sm_experiment_tau(&e), runs[i].tau);
        assert_int_equal(e.steps, runs[i].steps);
    }
}
#define expect_runs(yaml, runs) expect_all_runs(yaml, runs, sizeof runs / sizeof *runs)

static void
compare_lays_each_entry_on_the_file_in_order(void **unused)
{
    (void)unused;
    const struct run runs[] = {
        {"allreduce", "allreduce", "none", 8, 100},
        {"local", "local", "average", 4, 100},
        {"sgp-slowmo", "sgp", "slowmo", 8, 50},
    };
    expect_runs("name: study\nsteps: 100\nalgorithm: {tau: 8}\n"
                "compare:\n"
                "- {name: allreduce}\n"
                "- {name: local, algorithm: {strategy: local, tau: 4}}\n"
                "- name: sgp-slowmo\n"
                "  steps: 50\n"
                "  algorithm: {strategy: sgp, outer: {name: slowmo, beta: 0.6}}\n",
                runs);
}

static void
sweep_runs_every_combination_later_keys_fastest(void **unused)
{
    (void)unused;
    const struct run runs[] = {
        {"s strategy=local tau=12", "local", "average", 12, 600},
        {"s strategy=local tau=24", "local", "average", 24, 600},
        {"s strategy=local tau=48", "local", "average", 48, 600},
        {"s strategy=sgp tau=12", "sgp", "none", 12, 600},
        {"s strategy=sgp tau=24", "sgp", "none", 24, 600},
        {"s strategy=sgp tau=48", "sgp", "none", 48, 600},
    };
    expect_runs("name: s\n"
                "sweep:\n"
                "  algorithm.strategy: [local, {name: sgp, topology: ring}]\n"
                "  algorithm.tau: [12, 24, 48]\n",
                runs);
}

static void
zipped_lists_go_together_and_multiply_with_the_others(void **unused)
{
    (void)unused;
    const struct run runs[] = {
        {"s seed=1 strategy=local tau=12", "local", "average", 12, 600},
        {"s seed=1 strategy=sgp tau=24", "sgp", "none", 24, 600},
        {"s seed=2 strategy=local tau=12", "local", "average", 12, 600},
        {"s seed=2 strategy=sgp tau=24", "sgp", "none", 24, 600},
    };
    expect_runs("name: s\n"
                "sweep:\n"
                "  seed: [1, 2]\n"
                "  zip:\n"
                "    algorithm.strategy: [local, sgp]\n"
                "    algorithm.tau: [12, 24]\n",
                runs);
}

/* The names of runs of a random search, in a line. */
static const char *
searched(const char *entries)
{
    size_t count;
    const char *names = "";
    const struct sm_node *const *trees =
        expand(sm_arena_printf(&arena, "name: s\nsweep:\n  random: {%s}\n", entries), &count);
    for (size_t i = 0; i < count; i++) {
        struct sm_experiment e;
        check_ok(sm_experiment_bind(&arena, trees[i], &e));
        names = sm_arena_printf(&arena, "%s%s\n", names, e.name);
    }
    return names;
}

static void
a_random_search_draws_the_same_short_numbers_each_time(void **unused)
{
    (void)unused;
    const char *three = searched("count: 3, seed: 7, algorithm.inner.lr: {min: 1e-3, max: 1, scale:"
                                 " log}, platform.latency.node1_eth: {min: 1us, max: 90us}");
    assert_string_equal(three, "s lr=0.00429 node1_eth=49.3us\ns lr=0.0172 node1_eth=31.5us\n"
                               "s lr=0.00438 node1_eth=23.4us\n");
    /* more of them begin alike, and other keys change nothing */
    const char *four = searched("seed: 7, count: 4, platform.latency.node1_eth: {min: 1us, max: "
                                "90us}, algorithm.tau: [3]");
    assert_true(strncmp(four,
                        "s node1_eth=49.3us tau=3\ns node1_eth=31.5us tau=3\n"
                        "s node1_eth=23.4us tau=3\n",
                        70) == 0);
    assert_string_not_equal(searched("count: 1, algorithm.inner.lr: {min: 0.1, max: 0.9}"),
                            searched("count: 1, seed: 2, algorithm.inner.lr: {min: 0.1, max: "
                                     "0.9}"));
}

/* Draws `count` taus; how many there were of each. */
static void
draw_taus(const char *range, size_t count, size_t of[16])
{
    size_t runs;
    const struct sm_node *const *trees = expand(
        sm_arena_printf(&arena, "sweep: {random: {count: %zu, algorithm.tau: %s}}", count, range),
        &runs);
    assert_int_equal(runs, count);
    memset(of, 0, 16 * sizeof *of);
    for (size_t i = 0; i < runs; i++) {
        struct sm_experiment e;
        check_ok(sm_experiment_bind(&arena, trees[i], &e));
        assert_in_range(sm_experiment_tau(&e), 1, 15);
        of[sm_experiment_tau(&e)]++;
    }
}

static void
a_random_search_stays_in_its_range_and_fills_it(void **unused)
{
    (void)unused;
    size_t linear[16], log[16], listed[16];
    draw_taus("{min: 2, max: 9, whole: yes}", 400, linear);
    draw_taus("{min: 1, max: 15, whole: yes, scale: log}", 400, log);
    draw_taus("[4, 8]", 400, listed);
    for (size_t tau = 2; tau <= 9; tau++)
        assert_in_range(linear[tau], 25, 80); /* 50 expected */
    assert_int_equal(linear[1] + linear[10], 0);
    assert_in_range(log[1], 70, 130); /* a quarter: log 2 / log 16 */
    assert_in_range(log[8] + log[9] + log[10] + log[11] + log[12] + log[13] + log[14] + log[15], 70,
                    130);
    assert_in_range(listed[4], 150, 250);
    assert_int_equal(listed[4] + listed[8], 400);
}

static void
compare_and_sweep_multiply_entries_outside(void **unused)
{
    (void)unused;
    const struct run runs[] = {
        {"a tau=2", "sgp", "none", 2, 600},
        {"a tau=3", "sgp", "none", 3, 600},
        {"b tau=2", "sgp", "average", 2, 600},
        {"b tau=3", "sgp", "average", 3, 600},
    };
    expect_runs("algorithm: {strategy: sgp}\n"
                "compare: [{name: a}, {name: b, algorithm: {outer: average}}]\n"
                "sweep: {algorithm.tau: [2, 3]}\n",
                runs);
}

static void
a_sweep_reaches_settings_behind_a_bare_name_and_quoted_patterns(void **unused)
{
    (void)unused;
    size_t count;
    const struct sm_node *const *trees =
        expand("algorithm: {outer: slowmo}\n"
               "sweep:\n"
               "  algorithm.outer.beta: [0.4, 0.6]\n"
               "  platform.bandwidth.\"*.eth*\": [1Gbps, 10Gbps]\n",
               &count);
    assert_int_equal(count, 4);
    struct sm_experiment e;
    check_ok(sm_experiment_bind(&arena, trees[2], &e));
    const char *text = printed(&e, SM_EXPERIMENT_ALL);
    assert_non_null(strstr(text, "outer: {name: slowmo, alpha: 1, beta: 0.6, average: yes}"));
    assert_non_null(strstr(text, "bandwidth: {\"*.eth*\": \"1Gbps\"}"));
}

static void
a_base_is_the_entry_or_the_run_with_the_same_other_values(void **unused)
{
    (void)unused;
    static const char compare[] = "compare:\n"
                                  "- {name: a}\n"
                                  "- {name: b, evaluate: {against: a}}\n"
                                  "- {name: c, evaluate: {against: a tau=3}}\n";
    const struct {
        const char *sweep, *runs[12]; /* "NAME against BASE" */
    } cases[] = {
        {"sweep: {seed: [1, 2], algorithm.tau: [2, 3]}\n",
         {"a seed=1 tau=2 against ", "a seed=1 tau=3 against ", "a seed=2 tau=2 against ",
          "a seed=2 tau=3 against ", "b seed=1 tau=2 against a tau=2",
          "b seed=1 tau=3 against a tau=3", "b seed=2 tau=2 against a tau=2",
          "b seed=2 tau=3 against a tau=3", "c seed=1 tau=2 against a tau=3",
          "c seed=1 tau=3 against a tau=3", "c seed=2 tau=2 against a tau=3",
          "c seed=2 tau=3 against a tau=3"}},
        {"sweep: {algorithm.tau: [3]}\n",
         {"a tau=3 against ", "b tau=3 against a tau=3", "c tau=3 against a tau=3"}},
        {"evaluate: {against: a}\nworkload: {dataset: synthetic}\nsweep: {workload.dataset.seed: "
         "[7], algorithm.tau: [3], "
         "seed: [1]}\n",
         {"a dataset.seed=7 tau=3 seed=1 against a dataset.seed=7 tau=3",
          "b dataset.seed=7 tau=3 seed=1 against a dataset.seed=7 tau=3", NULL}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t count;
        const char *yaml = sm_arena_printf(&arena, "%s%s", cases[i].sweep, compare);
        if (i == 2) /* c would name no run here */
            *strstr(yaml, "- {name: c") = '\0';
        const struct sm_node *const *trees = expand(yaml, &count);
        for (size_t r = 0; r < count; r++) {
            struct sm_experiment e;
            check_ok(sm_experiment_bind(&arena, trees[r], &e));
            assert_string_equal(
                sm_arena_printf(&arena, "%s against %s", e.name, e.evaluate.against),
                cases[i].runs[r]);
        }
    }
}

static void
a_base_of_a_run_alone_may_be_anywhere(void **unused)
{
    (void)unused;
    size_t count;
    struct sm_experiment e; /* as a store holds it */
    const struct sm_node *const *trees = expand("{name: b seed=1, evaluate: {against: a}}", &count);
    check_ok(sm_experiment_bind(&arena, trees[0], &e));
    assert_string_equal(e.evaluate.against, "a");
}

static void
wrong_blocks_are_told_where_they_stand(void **unused)
{
    (void)unused;
    const struct mistake mistakes[] = {
        {"sweep: 5", "a.yaml:1:8: sweep: expected `dotted.key: [values]` lines"},
        {"sweep: {algorithm.tau: 5}",
         "a.yaml:1:24: sweep.algorithm.tau: expected a list of values"},
        {"sweep: {algorithm.tau: []}", "a.yaml:1:24: sweep.algorithm.tau: expected a list"},
        {"sweep: {algorithm..tau: [1]}", "a.yaml:1:26: sweep.algorithm..tau: 'algorithm..tau' is"},
        {"compare: {a: 1}", "a.yaml:1:10: compare: expected a list of `- name: ...` entries"},
        {"compare: []", "a.yaml:1:10: compare: expected a list of `- name: ...` entries"},
        {"compare:\n- {steps: 5}\n", "a.yaml:2:3: compare: expected settings with a `name`"},
        {"compare: [a, b]", "a.yaml:1:11: compare: expected settings with a `name`"},
        {"compare:\n- name: a\n  sweep: {algorithm.tau: [1, 2]}\n",
         "a.yaml:3:10: compare.sweep: belongs at the top of the file"},
        {"sweep: {seed: [1, 2, 1.0]}", "a.yaml:1:22: sweep.seed: seed 1.0 is listed twice"},
        {"sweep: {zip: [1]}", "a.yaml:1:14: sweep.zip: expected `dotted.key: [values]` lines"},
        {"sweep: {zip: {algorithm.tau: [1, 2], algorithm.inner.lr: [1]}}",
         "a.yaml:1:58: sweep.zip.algorithm.inner.lr: 1 values, where algorithm.tau has 2"},
        {"sweep: {zip: {seed: [1, 2]}}", "a.yaml:1:21: sweep.zip.seed: the seeds of runs stand"},
        {"sweep:\n  algorithm.tau: [1]\n  zip: {algorithm.tau: [2]}",
         "a.yaml:3:24: sweep.zip.algorithm.tau: is swept already, in line 2"},
        {"sweep: {random: {count: 3}}", "a.yaml:1:17: sweep.random: expected a `dotted.key: {min"},
        {"sweep: {random: {count: 0, algorithm.tau: [1]}}", "a.yaml:1:25: sweep.random.count: "},
        {"sweep: {random: {algorithm.tau: 5}}",
         "a.yaml:1:33: sweep.random.algorithm.tau: expected {min, max}, or a list to choose"},
        {"sweep: {random: {algorithm.tau: {min: 5}}}",
         "a.yaml:1:33: sweep.random.algorithm.tau: expected max"},
        {"sweep: {random: {algorithm.tau: {min: 5, max: 9, scale: lg}}}",
         "a.yaml:1:57: sweep.random.algorithm.tau.scale: "},
        {"sweep: {random: {algorithm.tau: {min: 5, most: 9}}}",
         "a.yaml:1:42: sweep.random.algorithm.tau.most: "},
        {"sweep: {random: {algorithm.tau: {min: 5, max: 4}}}",
         "a.yaml:1:47: sweep.random.algorithm.tau.max: expected more than min, 5"},
        {"sweep: {random: {algorithm.tau: {min: 0, max: 4, scale: log}}}",
         "a.yaml:1:39: sweep.random.algorithm.tau.min: expected more than 0"},
        {"sweep: {random: {a.b: {min: 1us, max: 4ms}}}",
         "a.yaml:1:39: sweep.random.a.b.max: '4ms' has another unit than min, '1us'"},
        {"compare:\n- name: local\n- {name: b, evaluate: {against: locl}}\n",
         "a.yaml:3:33: evaluate.against: no run is called 'locl', did you mean 'local'?; known: "
         "local, b"},
        {"name: s\nevaluate: {against: s}\nsweep: {algorithm.tau: [1, 2]}\ncompare: [{name: a}]",
         "a.yaml:2:21: evaluate.against: no run is called 's'; known: a tau=1, a tau=2"},
    };
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        struct sm_node *root;
        const struct sm_node *const *trees;
        size_t count;
        check_ok(sm_tree_parse(&arena, "a.yaml", mistakes[i].yaml, &root));
        enum sm_status status = sm_experiment_expand(&arena, root, &trees, &count);
        const char *message = sm_error_last()->message, *expected = mistakes[i].message;
        if (status != SM_ERR_INPUT || strncmp(message, expected, strlen(expected)) != 0)
            fail_msg("%s\nstatus %d: %s\nexpected: %s", mistakes[i].yaml, (int)status, message,
                     expected);
    }
}

static void
a_wrong_key_or_value_of_a_sweep_is_told_at_its_value(void **unused)
{
    (void)unused;
    size_t count;
    struct sm_experiment e;
    const struct sm_node *const *trees = expand("sweep:\n  algorithm.taw: [12, 24]\n", &count);
    check_fails(sm_experiment_bind(&arena, trees[1], &e), SM_ERR_INPUT,
                "a.yaml:2:23: algorithm.taw: unknown key, did you mean 'tau'?");
    trees = expand("sweep:\n  algorithm.tau: [12, 0]\n", &count);
    check_ok(sm_experiment_bind(&arena, trees[0], &e));
    check_fails(sm_experiment_bind(&arena, trees[1], &e), SM_ERR_INPUT,
                "a.yaml:2:23: algorithm.tau: 0 is out of range");
}

static void
settings_that_change_nothing_are_warned_of(void **unused)
{
    (void)unused;
    const struct {
        const char *yaml, *warning; /* NULL: none */
    } cases[] = {
        {"", NULL},
        {"algorithm: {strategy: local}", NULL},
        {"algorithm: {strategy: sgp, outer: slowmo, buffer: average}", NULL},
        {"algorithm: {strategy: local, outer: none}", "the workers never communicate"},
        {"{steps: 5, algorithm: {strategy: local, tau: 6}}", "tau is longer than the run"},
        {"{steps: 6, algorithm: {strategy: local, tau: 6}}", NULL},
        {"algorithm: {buffer: average}", "buffer average with outer none"},
        {"algorithm: {compression: fp16}", NULL},
        {"algorithm: {strategy: local, outer: {name: slowmo}, compression: topk}", NULL},
        {"algorithm: {strategy: sgp, outer: {name: lookahead}, compression: fp16}", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sm_experiment e;
        const char *warnings[4];
        size_t count;
        check_ok(bind(cases[i].yaml, &e));
        check_ok(sm_rules_check(&e, 4, warnings, 4, &count));
        assert_int_equal(count, cases[i].warning != NULL ? 1 : 0);
        if (cases[i].warning != NULL)
            assert_non_null(strstr(warnings[0], cases[i].warning));
        check_ok(sm_rules_check(&e, 4, NULL, 0, &count)); /* no room: not written */
        assert_int_equal(count, 0);
    }
    struct sm_experiment alone;
    const char *warning;
    size_t count;
    check_ok(bind("algorithm: {compression: fp16}", &alone));
    check_ok(sm_rules_check(&alone, 1, &warning, 1, &count));
    assert_int_equal(count, 1);
    assert_non_null(strstr(warning, "a compression where nothing travels"));
}

static void
slowmo_without_the_average_needs_gossip(void **unused)
{
    (void)unused;
    const char *strategies[] = {"local", "allreduce"};
    struct sm_experiment e;
    const char *warnings[4], *yaml;
    size_t count;
    for (size_t i = 0; i < 2; i++) {
        yaml = sm_arena_printf(
            &arena, "algorithm: {strategy: %s, outer: {name: slowmo, average: no}}", strategies[i]);
        check_ok(bind(yaml, &e));
        check_fails(sm_rules_check(&e, 4, warnings, 4, &count), SM_ERR_INPUT,
                    "average: no needs a gossip strategy such as sgp");
    }
    check_ok(bind("algorithm: {strategy: sgp, outer: {name: slowmo, average: no}}", &e));
    check_ok(sm_rules_check(&e, 4, warnings, 4, &count));
    assert_int_equal(count, 0);
}

/* What every rule is there for, by an experiment that breaks it. */
static void
combinations_that_mean_nothing_are_refused_with_the_reason(void **unused)
{
    (void)unused;
    const struct {
        const char *algorithm, *reason;
    } cases[] = {
        {"{strategy: local, outer: lookahead}", "the models would drift apart"},
        {"{strategy: allreduce, outer: easgd}", "use strategy local"},
        {"{strategy: parameter_server, outer: average}", "the servers hold the model"},
        {"{strategy: {name: parameter_server, servers: 2}, clip: 1}", "use one server"},
        {"{strategy: {name: parameter_server, servers: 2}, inner: lamb}", "use one server"},
        {"{strategy: local, outer: average, inner: {momentum: 0}, buffer: average}",
         "there is nothing to average"},
        {"{strategy: sgp, compression: topk}", "use fp16, bf16 or int8"},
        {"{strategy: local, outer: noloco, compression: powersgd}", "use fp16, bf16 or int8"},
        {"{strategy: local, outer: average, compression: signsgd}", "vote on gradients"},
        {"{strategy: parameter_server, compression: powersgd}", "one after the other"},
        {"{strategy: local, outer: streaming_diloco, compression: powersgd}",
         "one after the other"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sm_experiment e;
        const char *warnings[4];
        size_t count;
        check_ok(bind(sm_arena_printf(&arena, "algorithm: %s", cases[i].algorithm), &e));
        check_fails(sm_rules_check(&e, 4, warnings, 4, &count), SM_ERR_INPUT, cases[i].reason);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(combinations_that_mean_nothing_are_refused_with_the_reason),
        cmocka_unit_test(an_unknown_key_is_told_at_every_level_with_the_nearest_one),
        cmocka_unit_test(a_misspelt_plug_in_is_told_with_the_nearest_and_the_known),
        cmocka_unit_test(a_number_out_of_range_is_told_with_its_range),
        cmocka_unit_test(what_is_no_number_is_told_as_it_was_written),
        cmocka_unit_test(a_section_or_a_choice_of_the_wrong_shape_is_told),
        cmocka_unit_test(nothing_at_all_is_an_experiment),
        cmocka_unit_test(a_bare_name_is_short_for_a_map_with_it),
        cmocka_unit_test(settings_of_the_model_may_stand_beside_it),
        cmocka_unit_test(local_is_local_sgd_unless_something_else_is_said),
        cmocka_unit_test(what_is_printed_binds_to_the_same_text),
        cmocka_unit_test(the_parts_hold_what_decides_the_numbers_and_what_decides_the_seconds),
        cmocka_unit_test(a_file_without_blocks_is_one_run),
        cmocka_unit_test(compare_lays_each_entry_on_the_file_in_order),
        cmocka_unit_test(sweep_runs_every_combination_later_keys_fastest),
        cmocka_unit_test(zipped_lists_go_together_and_multiply_with_the_others),
        cmocka_unit_test(a_random_search_draws_the_same_short_numbers_each_time),
        cmocka_unit_test(a_random_search_stays_in_its_range_and_fills_it),
        cmocka_unit_test(compare_and_sweep_multiply_entries_outside),
        cmocka_unit_test(a_sweep_reaches_settings_behind_a_bare_name_and_quoted_patterns),
        cmocka_unit_test(a_base_is_the_entry_or_the_run_with_the_same_other_values),
        cmocka_unit_test(a_base_of_a_run_alone_may_be_anywhere),
        cmocka_unit_test(wrong_blocks_are_told_where_they_stand),
        cmocka_unit_test(a_wrong_key_or_value_of_a_sweep_is_told_at_its_value),
        cmocka_unit_test(settings_that_change_nothing_are_warned_of),
        cmocka_unit_test(slowmo_without_the_average_needs_gossip),
    };
    return cmocka_run_group_tests(tests, NULL, arena_teardown);
}
