/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/integration/command_line.c -- what a user meets: exit statuses, one line an error, JSON and
 * nothing else, an interrupt that keeps what was finished. */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "sim/store/store.h"
#include "tests/helpers/check.h"
#include "tests/helpers/folder.h"
#include "tests/helpers/program.h"

static const char small[] =
    "name: small\n"
    "steps: 24\n"
    "platform: {file: star_4}\n"
    "workload: {model: quadratic, dimension: 4, curvature: [1, 2, 3, 4], noise: 0.1, start: 1}\n"
    "timing: {profile: resnet18_v100}\n"
    "algorithm:\n"
    "  inner: {name: sgd, lr: 0.05}\n"
    "  strategy: sgp\n"
    "  outer: {name: slowmo, beta: 0.5}\n"
    "  tau: 8\n";

static int
setup(void **state)
{
    (void)state;
    folder_write("small.yaml", small);
    return 0;
}

static size_t
lines(const char *text)
{
    size_t count = 0;
    for (; *text != '\0'; text++)
        count += *text == '\n';
    return count;
}

/* Exit status 2, nothing on standard output, one line that begins with "slowmo: " and says `part`.
 */
static void
check_refused(const char *const *arguments, const char *part)
{
    const struct program_result *result = program_call(arguments);
    bool good = result->status == 2 && result->out[0] == '\0' && lines(result->err) == 1 &&
                strncmp(result->err, "slowmo: ", 8) == 0 && strstr(result->err, part) != NULL;
    if (good)
        return;
    for (; *arguments != NULL; arguments++)
        print_error("%s ", *arguments);
    print_error("\n-> %d, \"%.500s\", \"%.500s\", expected one line with \"%s\"\n", result->status,
                result->out, result->err, part);
    fail();
}
#define refused(part, ...) check_refused((const char *const[]){__VA_ARGS__, NULL}, (part))

static void
a_wrong_call_is_one_line_and_exit_2(void **state)
{
    (void)state;
    refused("did you mean 'run'?", "rnu");
    refused("did you mean --threads?", "run", "small.yaml", "--threds", "2");
    refused("--threads abc", "run", "small.yaml", "--threads", "abc");
    refused("--threads 0", "run", "small.yaml", "--threads", "0");
    refused("--json takes no value", "run", "small.yaml", "--json=yes");
    refused("--store needs a value", "run", "small.yaml", "--store");
    refused("expected KEY=VALUE", "run", "small.yaml", "--set", "steps");
    refused("unexpected 'b.yaml'", "run", "small.yaml", "b.yaml");
    refused("expected simgrid or thread", "run", "small.yaml", "--engine", "mpi");
    refused("--save: a run with --timing-only has no model", "run", "small.yaml", "--timing-only",
            "--save", "m.safetensors");
    refused("--load: a run with --timing-only", "run", "small.yaml", "--timing-only", "--load",
            "m");
    refused("has no clock to trace", "run", "small.yaml", "--engine", "thread", "--trace",
            "t.json");
    refused("cannot read none.yaml", "run", "none.yaml");
    refused("did you mean 'slowmo'?", "describe", "slomo");
    refused("did you mean 'inner'?", "list", "iner");
    refused("has no unit", "platform", "make", "dgx1", "--nic", "10");
    refused("unknown platform family", "platform", "make", "dgx9");
    refused("rails: expected 1, 2, 4 or 8", "platform", "make", "hgx_h100", "--rails", "3");
    refused("expected the file of a store", "export");
}

static void
a_wrong_experiment_says_where_and_what(void **state)
{
    (void)state;
    folder_write("typo.yaml", "steps: 4\nplatfrom: {file: star_4}\n");
    refused("typo.yaml:2:1: platfrom: unknown key, did you mean 'platform'?", "run", "typo.yaml");
    folder_write("name.yaml", "algorithm:\n  outer: {name: slowmoo}\n");
    refused("name.yaml:2:17: algorithm.outer.name: unknown outer 'slowmoo'", "run", "name.yaml");
    refused("algorithm.outer.beta: 1.5 is out of range, expected 0 .. 0.999", "run", "small.yaml",
            "--set", "algorithm.outer.beta=1.5");
    refused("'nan' is not a number", "run", "small.yaml", "--set", "algorithm.inner.lr=nan");
    refused("'10Gbqs' is not a bandwidth", "run", "small.yaml", "--set",
            "platform.bandwidth.\"*eth\"=10Gbqs");
    refused("no link of star_4 matches", "run", "small.yaml", "--set",
            "platform.bandwidth.\"nic*\"=10Gbps");
    refused("9 workers asked for, but star_4 has 4", "run", "small.yaml", "--set",
            "platform.workers=9");
    refused("no profile 'resnet5'", "run", "small.yaml", "--set", "timing.profile=resnet5");
    refused("3 entries, expected 1 or one for each of 4 workers", "run", "small.yaml", "--set",
            "workload.curvature=[1,2,3]");
    refused("given twice, here and in model", "run", "small.yaml", "--set",
            "workload.model.noise=1");
    refused("needs a gossip strategy", "run", "small.yaml", "--set", "algorithm.strategy=local",
            "--set", "algorithm.outer.average=no");
    refused("dataset-fashion-mnist", "run", "small.yaml", "--set", "workload={model: mlp}", "--set",
            "workload.dataset.path=/nonexistent");
}

static void
a_platform_is_shown_by_its_kinds_of_links_and_its_bisection(void **state)
{
    (void)state;
    static const char *const parts[] = {
        "workers: 32, all alike\n",
        "rails: 1, device 0 of each worker\n",
        "groups: 4 of 8 workers\n",
        "  32 node*_eth: 10 Gbit/s (1.25 GB/s) each way, goodput 0.9564, latency 10 us\n",
        "  4 site*_wan: 1 Gbit/s (0.125 GB/s) each way, goodput 0.9564, latency 15 ms\n",
        /* two sites of two talk to the others over a gigabit each */
        "bisection, each worker with 16 of the other half, each way: 1.913 Gbit/s",
    };
    const struct program_result *result = program("platform", "check", "wan_4x8");
    assert_int_equal(result->status, 0);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (strstr(result->out, parts[i]) == NULL)
            fail_msg("no \"%s\" in\n%s", parts[i], result->out);
    result = program("platform", "check", "fattree_64"); /* oversubscribed twice */
    assert_non_null(strstr(result->out, "half, each way: 153 Gbit/s (19.13 GB/s)"));
    result = program("list", "platform");
    assert_non_null(strstr(result->out, "dgx_a100_16\n"));
}

/* What can be said of it is said, and what cannot, why. */
static void
a_platform_with_a_link_that_dies_is_shown(void **state)
{
    (void)state;
    folder_write("down.txt", "0 1\n1 0\n");
    folder_write("down.xml", "<?xml version='1.0'?>\n"
                             "<!DOCTYPE platform SYSTEM \"https://simgrid.org/simgrid.dtd\">\n"
                             "<platform version=\"4.1\"><zone id=\"z\" routing=\"Full\">\n"
                             "<host id=\"a\" speed=\"1Gf\"/>\n"
                             "<host id=\"b\" speed=\"1Gf\"/>\n"
                             "<link id=\"wire\" bandwidth=\"1GBps\" latency=\"1us\" "
                             "state_file=\"down.txt\"/>\n"
                             "<route src=\"a\" dst=\"b\"><link_ctn id=\"wire\"/></route>\n"
                             "</zone></platform>\n");
    const struct program_result *result = program("platform", "check", "down.xml");
    assert_int_equal(result->status, 0);
    assert_non_null(strstr(result->out, "  1 wire: 8 Gbit/s (1 GB/s)"));
    assert_non_null(strstr(result->out, "no all-reduce: stalled at 1 s: link 'wire' died at 1 s"));
}

static void
a_wrong_platform_says_which_line(void **state)
{
    (void)state;
    static const char platform[] =
        "<?xml version='1.0'?>\n"
        "<!DOCTYPE platform SYSTEM \"https://simgrid.org/simgrid.dtd\">\n"
        "<platform version=\"4.1\"><zone id=\"z\" routing=\"Full\">\n"
        "<host id=\"a\" speed=\"%s\"/>\n"
        "<host id=\"b\" speed=\"1Gf\"/>\n"
        "<link id=\"wire\" bandwidth=\"1GBps\" latency=\"1us\"/>\n"
        "<route src=\"a\" dst=\"b\"><link_ctn id=\"%s\"/></route>\n"
        "</zone></platform>\n";
    char text[1024];
    snprintf(text, sizeof text, platform, "1Gf", "wirre");
    folder_write("link.xml", text);
    refused("link.xml:7: no link is called 'wirre', did you mean 'wire'?", "run", "small.yaml",
            "--set", "platform={file: link.xml}");
    snprintf(text, sizeof text, platform, "-1Gf", "wire");
    folder_write("speed.xml", text);
    refused("speed.xml:4: speed=\"-1Gf\"", "platform", "check", "speed.xml");
}

static void
a_store_that_cannot_be_written_is_refused_and_left_alone(void **state)
{
    (void)state;
    refused("cannot make none/r.db", "run", "small.yaml", "--store", "none/r.db");
    refused("a folder", "run", "small.yaml", "--store", "/tmp");
    folder_write("text.db", "not a database, but somebody's text\n");
    refused("it was left alone", "run", "small.yaml", "--store", "text.db");
    char path[256], kept[64] = "";
    snprintf(path, sizeof path, "%s/text.db", folder_path());
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_non_null(fgets(kept, sizeof kept, file));
    fclose(file);
    assert_string_equal(kept, "not a database, but somebody's text\n");
}

static void
json_is_one_object_a_run_and_nothing_else(void **state)
{
    (void)state;
    const struct program_result *result =
        program("run", "small.yaml", "--json", "--set", "sweep.seed=[1, 2]");
    assert_int_equal(result->status, 0);
    assert_string_equal(result->err, "");
    assert_int_equal(lines(result->out), 2);
    char *second = strchr(result->out, '\n') + 1;
    second[-1] = '\0';
    const char *const texts[] = {result->out, second};
    for (int seed = 1; seed <= 2; seed++) {
        json_t *run = json_loads(texts[seed - 1], 0, NULL);
        assert_non_null(run);
        assert_string_equal(json_string_value(json_object_get(run, "status")), "finished");
        assert_int_equal(json_integer_value(json_object_get(run, "seed")), seed);
        assert_int_equal(json_integer_value(json_object_get(run, "workers")), 4);
        assert_true(json_real_value(json_object_get(json_object_get(run, "sim"), "seconds")) > 0);
        assert_true(json_is_null(json_object_get(json_object_get(run, "final"), "test_accuracy")));
        json_decref(run);
    }
}

static void
the_same_call_twice_gives_the_same_summary_but_for_wall_time(void **state)
{
    (void)state;
    json_t *runs[2];
    for (int i = 0; i < 2; i++) {
        const struct program_result *result = program("run", "small.yaml", "--json");
        assert_int_equal(result->status, 0);
        runs[i] = json_loads(result->out, 0, NULL);
        assert_non_null(runs[i]);
        assert_int_equal(json_object_del(runs[i], "wall"), 0);
    }
    assert_true(json_equal(runs[0], runs[1]));
    json_decref(runs[0]);
    json_decref(runs[1]);
}

static const char study[] =
    "steps: 16\n"
    "platform: {file: star_4}\n"
    "workload: {model: softmax, dataset: {name: synthetic, train: 400, test: 200}, batch: 8}\n"
    "timing: {profile: resnet18_v100}\n"
    "algorithm: {strategy: local, inner: {name: sgd, lr: 0.1}, tau: 4}\n"
    "evaluate: {target: 0.1}\n"
    "sweep: {seed: [1, 2, 3]}\n"
    "compare:\n"
    "- {name: local}\n"
    "- {name: local-slowmo, algorithm: {outer: slowmo}, evaluate: {against: local}}\n";

static void
a_study_over_seeds_ends_in_a_line_a_variant(void **state)
{
    (void)state;
    folder_write("study.yaml", study);
    const struct program_result *result = program("run", "study.yaml");
    assert_int_equal(result->status, 0);
    assert_int_equal(lines(result->out), 5); /* titles, two variants, the gain, the store */
    assert_non_null(strstr(result->out, "s to 10 %"));
    assert_non_null(strstr(result->out, "\nlocal-slowmo  local        3 "));
    assert_non_null(strstr(result->out, "\n6 runs, each of them in results.db"));
    assert_null(strstr(result->out, "nan"));

    result = program("export", "results.db", "--format", "seeds");
    assert_int_equal(result->status, 0);
    assert_int_equal(lines(result->out), 3);
    assert_int_equal(strncmp(result->out, "name,seeds,accuracy_mean,accuracy_sd,gain_mean,", 47),
                     0);
    double mean, sd, gain, low, high;
    const char *row = strstr(result->out, "\nlocal-slowmo,3,");
    assert_non_null(row);
    assert_int_equal(sscanf(row, "\nlocal-slowmo,3,%lf,%lf,%lf,%lf,%lf,accuracy,local,3,0,", &mean,
                            &sd, &gain, &low, &high),
                     5);
    assert_true(mean > 0 && sd >= 0 && low <= gain && gain <= high);
    assert_non_null(strstr(program("export", "--help")->out, "seeds:"));
    /* the single runs are where they were */
    assert_int_equal(lines(program("export", "results.db", "--format", "json")->out), 6);
}

static void
a_study_with_a_wrong_base_or_seed_does_not_begin(void **state)
{
    (void)state;
    folder_write("study.yaml", study);
    refused("evaluate.against: no run is called 'lcal', did you mean 'local'?", "run", "study.yaml",
            "--set", "evaluate.against=lcal");
    refused("sweep.seed: seed 2 is listed twice", "run", "study.yaml", "--set",
            "sweep.seed=[2, 3, 2]");
    refused("--seed 4: the sweep sets the seed", "run", "study.yaml", "--seed", "4");
    char path[256];
    snprintf(path, sizeof path, "%s/results.db", folder_path());
    assert_int_not_equal(access(path, F_OK), 0);
}

static void
an_interrupt_keeps_what_was_finished(void **state)
{
    (void)state;
    /* the first run is short, the second would take for ever */
    folder_write("long.yaml", small);
    const char *const call[] = {
        "run",   "long.yaml",           "--set", "sweep.steps=[24, 1000000000]",
        "--set", "evaluate.every=1000", NULL};
    char path[256];
    snprintf(path, sizeof path, "%s/results.db", folder_path());
    pid_t child = program_start(call);
    struct sm_arena arena = {0};
    const struct sm_stored_run *runs;
    size_t count = 0;
    bool second_moves = false;
    for (int i = 0; i < 2000 && !second_moves; i++) { /* 20 s at most */
        usleep(10000);
        struct sm_store *store;
        if (access(path, R_OK) != 0 || sm_store_open_readonly(path, &store) != SM_OK)
            continue;
        if (sm_store_read(store, &arena, &runs, &count) == SM_OK)
            second_moves = count == 2 && runs[1].evaluation_count > 1;
        sm_store_close(store);
    }
    const struct program_result *result = program_finish(child, SIGINT);
    assert_true(second_moves);
    assert_int_equal(result->status, 130);
    assert_int_equal(lines(result->err), 1);
    assert_non_null(strstr(result->out, "finished"));

    struct sm_store *store;
    check_ok(sm_store_open_readonly(path, &store));
    check_ok(sm_store_read(store, &arena, &runs, &count));
    sm_store_close(store);
    assert_int_equal(count, 2);
    assert_string_equal(runs[0].summary.status, "finished");
    assert_string_equal(runs[1].summary.status, "interrupted");
    assert_true(runs[1].evaluation_count > 1);
    sm_arena_fini(&arena);
}

static void
a_run_that_diverges_is_a_result_and_one_that_fails_is_not(void **state)
{
    (void)state;
    const struct program_result *result =
        program("run", "small.yaml", "--json", "--set", "algorithm.inner.lr=1000");
    assert_int_equal(result->status, 0);
    assert_non_null(strstr(result->out, "\"status\":\"diverged\""));
    result =
        program("run", "small.yaml", "--set", "algorithm.schedule={milestones: [0.5], factor: 0}");
    assert_int_equal(result->status, 1);
    assert_int_equal(lines(result->err), 1);
    assert_non_null(strstr(result->err, "step 15: slowmo: gamma = 0 at a round end"));
}

static void
describe_takes_an_axis_and_shows_what_an_all_reduce_is_made_of(void **state)
{
    (void)state;
    const struct program_result *result = program("describe", "collective", "double_binary_tree");
    assert_int_equal(result->status, 0);
    assert_non_null(strstr(result->out, "operation: all-reduce\n"));
    assert_non_null(strstr(result->out, "seconds: 2 (2 floor(log2 m) + 2 k"));
    assert_non_null(strstr(result->out, "segments "));
    assert_non_null(strstr(result->out, "source: Sanders"));
    assert_non_null(strstr(program("describe", "binomial_reduce")->out,
                           "operation: reduce, not to be chosen by itself\n"));
    assert_non_null(strstr(program("list", "collective")->out, "\n  ring_all_gather "));
    /* the axis decides where a name is looked for */
    result = program("describe", "none");
    assert_non_null(strstr(result->out, "outer none"));
    assert_non_null(strstr(result->out, "compression none"));
    result = program("describe", "outer", "none");
    assert_int_equal(result->status, 0);
    assert_non_null(strstr(result->out, "outer none"));
    assert_null(strstr(result->out, "compression none"));
    assert_int_equal(program("describe", "profile", "resnet50_v100x8")->status, 0);
    refused("unknown outer 'ring'", "describe", "outer", "ring");
    refused("did you mean 'ring'?", "describe", "collective", "rign");
    refused("did you mean 'collective'?", "describe", "colective", "ring");
}

static void
an_experiment_may_choose_all_reduces_only(void **state)
{
    (void)state;
    refused("algorithm.collective: binomial_reduce is no all-reduce but a reduce; expected ring,",
            "run", "small.yaml", "--set", "algorithm.collective=binomial_reduce");
    refused("hierarchical: the platform's workers are not in sites", "run", "small.yaml", "--set",
            "algorithm.collective=hierarchical");
}

static void
help_and_version_are_no_errors(void **state)
{
    (void)state;
    const char *const commands[] = {"run",  "analyse", "compare", "export",
                                    "plot", "list",    "describe"};
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        const struct program_result *result = program(commands[i], "--help");
        assert_int_equal(result->status, 0);
        assert_non_null(strstr(result->out, "Usage: slowmo"));
    }
    assert_non_null(strstr(program("--version")->out, "slowmo "));
    assert_int_equal(program("--help")->status, 0);
    assert_non_null(strstr(program("platform", "make", "--help")->out, "fattree "));
    assert_non_null(strstr(program("platform", "make", "wan", "--help")->out,
                           "latency from site to site (30ms;"));
    refused("unknown platform family 'wam', did you mean 'wan'?", "platform", "make", "wam",
            "--help");
}

static void
profiles_are_described_by_what_their_figures_come_to(void **state)
{
    (void)state;
    const struct {
        const char *name, *part;
    } cases[] = {
        {"resnet50_v100x8",
         "256 samples a step on 8 devices of 15.7Tf: 270.6 ms, 945.87 samples/s"},
        {"resnet50_v100x8", "gradient 102.228128MB, 54 layers, in buckets of 25MB 4 parts"},
        {"resnet50_v100x8", "arXiv:1910.00643"},
        {"mine.yaml", "1 layer, in buckets of 25MB 1 part"},
        {"profile", "llama_1b_h100x8"},
        {"straggler", "lognormal"},
        {"pareto", "tail index"},
    };
    folder_write("mine.yaml", "{name: mine, source: me, device_speed: 1Tf, devices: 1, samples: 8,"
                              " model_bytes: 1MB, stages: {load: 0s, forward: 1ms, backward: 2ms,"
                              " update: 0s}}\n");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct program_result *result = program("describe", cases[i].name);
        assert_int_equal(result->status, 0);
        if (strstr(result->out, cases[i].part) == NULL)
            fail_msg("describe %s: no '%s' in\n%s", cases[i].name, cases[i].part, result->out);
    }
    refused("cannot read nowhere.yaml", "describe", "nowhere.yaml");
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, folder_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_wrong_call_is_one_line_and_exit_2),
        TEST(a_wrong_experiment_says_where_and_what),
        TEST(a_platform_is_shown_by_its_kinds_of_links_and_its_bisection),
        TEST(a_platform_with_a_link_that_dies_is_shown),
        TEST(a_wrong_platform_says_which_line),
        TEST(a_store_that_cannot_be_written_is_refused_and_left_alone),
        TEST(json_is_one_object_a_run_and_nothing_else),
        TEST(the_same_call_twice_gives_the_same_summary_but_for_wall_time),
        TEST(a_study_over_seeds_ends_in_a_line_a_variant),
        TEST(a_study_with_a_wrong_base_or_seed_does_not_begin),
        TEST(an_interrupt_keeps_what_was_finished),
        TEST(a_run_that_diverges_is_a_result_and_one_that_fails_is_not),
        TEST(describe_takes_an_axis_and_shows_what_an_all_reduce_is_made_of),
        TEST(an_experiment_may_choose_all_reduces_only),
        TEST(profiles_are_described_by_what_their_figures_come_to),
        TEST(help_and_version_are_no_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
