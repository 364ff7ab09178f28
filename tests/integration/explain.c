/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/integration/explain.c -- `slowmo explain`: shares that add up, elasticities that are known
 * beforehand, and settings that change nothing. */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "tests/helpers/check.h"
#include "tests/helpers/folder.h"
#include "tests/helpers/json.h"
#include "tests/helpers/program.h"

/* Two hosts, a narrow wire and a wide one between them, and a spare link on the way to a third that
 * is no worker. */
static const char hosts[] =
    "<?xml version=\"1.0\"?>\n"
    "<!DOCTYPE platform SYSTEM \"https://simgrid.org/simgrid.dtd\">\n"
    "<platform version=\"4.1\">\n"
    "<zone id=\"world\" routing=\"Full\">\n"
    "<host id=\"gpu1\" speed=\"1Tf\"><prop id=\"worker\" value=\"0\"/></host>\n"
    "<host id=\"gpu2\" speed=\"1Tf\"><prop id=\"worker\" value=\"1\"/></host>\n"
    "<host id=\"idle1\" speed=\"1Tf\"/>\n"
    "<link id=\"narrow1\" bandwidth=\"1Gbps\" latency=\"1us\" sharing_policy=\"SPLITDUPLEX\"/>\n"
    "<link id=\"wide1\" bandwidth=\"10Gbps\" latency=\"1us\" sharing_policy=\"SPLITDUPLEX\"/>\n"
    "<link id=\"spare1\" bandwidth=\"1Gbps\" latency=\"1us\"/>\n"
    "<route src=\"gpu1\" dst=\"gpu2\"><link_ctn id=\"narrow1\" direction=\"UP\"/>"
    "<link_ctn id=\"wide1\" direction=\"DOWN\"/></route>\n"
    "<route src=\"gpu1\" dst=\"idle1\"><link_ctn id=\"spare1\"/></route>\n"
    "<route src=\"gpu2\" dst=\"idle1\"><link_ctn id=\"spare1\"/></route>\n"
    "</zone>\n"
    "</platform>\n";

/* Local SGD; the profile makes a step of compute as long as it likes. */
static const char experiment[] = "name: two\n"
                                 "steps: 600\n"
                                 "platform: {file: hosts.xml}\n"
                                 "workload: {model: quadratic, dimension: 4}\n"
                                 "timing: {profile: profile.yaml}\n"
                                 "algorithm: {strategy: allreduce}\n";

static void
write_profile(const char *compute)
{
    char text[512];
    snprintf(text, sizeof text,
             "name: profile\nsource: made up\ndevice_speed: 1Tf\ndevices: 0\nsamples: 1\n"
             "model_bytes: 125MB\nstages: {load: %s, forward: %s, backward: %s, update: 0s}\n",
             compute, compute, compute);
    folder_write("profile.yaml", text);
}

static int
setup(void **state)
{
    (void)state;
    folder_write("hosts.xml", hosts);
    folder_write("two.yaml", experiment);
    write_profile("0s");
    return 0;
}

/* What one experiment's explanation says, as JSON; the caller lets go of it. */
static json_t *
explain(const char *const *arguments)
{
    const struct program_result *result = program_call(arguments);
    if (result->status != 0)
        fail_msg("exit %d: %s", result->status, result->err);
    return json_of(result->out);
}
#define explained(...) explain((const char *const[]){"explain", __VA_ARGS__, "--json", NULL})

/* The object of a list whose `key` is `value`; NULL when there is none. */
static const json_t *
find(const json_t *list, const char *key, const char *value)
{
    size_t i;
    const json_t *object;
    json_array_foreach(list, i, object)
    {
        if (strcmp(json_string_value(json_object_get(object, key)), value) == 0)
            return object;
    }
    return NULL;
}

static const json_t *
setting(const json_t *root, const char *name)
{
    const json_t *found = find(json_object_get(root, "settings"), "setting", name);
    if (found == NULL)
        fail_msg("no setting '%s'", name);
    return found;
}

/* What is said of a setting that changes nothing; "" of one that does. */
static const char *
warning(const json_t *found)
{
    const char *text = json_string_value(json_object_get(found, "warning"));
    return text != NULL ? text : "";
}

static void
a_run_of_bandwidth_alone_has_an_elasticity_of_minus_1(void **state)
{
    (void)state;
    json_t *root = explained("two.yaml", "--steps", "5");
    check_near(number_of(root, "steps"), 5, 0);
    check_near(number_of(root, "all_steps"), 600, 0);
    check_relative(number_of(root, "seconds_per_step"), 1.0, 1e-4); /* 125 MB at 1 Gbit/s */
    const json_t *narrow = setting(root, "platform.bandwidth.\"narrow*\"");
    check_near(number_of(narrow, "elasticity"), -1, 1e-4);
    check_relative(number_of(narrow, "seconds_lower"), 1 / 0.9, 1e-4);
    check_relative(number_of(narrow, "seconds_higher"), 1 / 1.1, 1e-4);
    assert_string_equal(warning(narrow), "");
    json_decref(root);
}

static void
a_link_that_nobody_crosses_is_told_from_one_that_is_wide_enough(void **state)
{
    (void)state;
    json_t *root = explained("two.yaml", "--steps", "3");
    const json_t *spare = setting(root, "platform.bandwidth.\"spare*\"");
    const json_t *wide = setting(root, "platform.bandwidth.\"wide*\"");
    check_near(number_of(spare, "elasticity"), 0, 0);
    check_near(number_of(wide, "elasticity"), 0, 0);
    assert_non_null(strstr(warning(spare), "no message crosses it"));
    assert_non_null(strstr(warning(wide), "hidden behind something else"));
    assert_string_equal(warning(setting(root, "platform.latency.\"wide*\"")), "");
    json_decref(root);
}

/* SimGrid names the links of a cluster, whose one bandwidth stands for all of them. */
static void
the_links_of_a_cluster_are_varied_through_its_own_bandwidth(void **state)
{
    (void)state;
    static const char *const topologies[] = {
        "", "topology=\"FAT_TREE\" topo_parameters=\"2;2,2;1,1;1,1\""};
    for (size_t i = 0; i < 2; i++) {
        char text[1024];
        snprintf(text, sizeof text,
                 "<?xml version=\"1.0\"?>\n"
                 "<!DOCTYPE platform SYSTEM \"https://simgrid.org/simgrid.dtd\">\n"
                 "<platform version=\"4.1\">\n<cluster id=\"tree\" prefix=\"gpu\" suffix=\"\" "
                 "radical=\"0-3\" speed=\"1Tf\" bw=\"1Gbps\" lat=\"1us\" %s/>\n</platform>\n",
                 topologies[i]);
        folder_write("cluster.xml", text);
        json_t *root = explained("two.yaml", "--steps", "2", "--set", "platform.file=cluster.xml",
                                 "--set", "platform.bandwidth.tree_link=x1.5");
        const json_t *links = setting(root, "platform.bandwidth.\"tree_link\"");
        check_near(number_of(links, "elasticity"), -1, 1e-3);
        assert_string_equal(warning(links), "");
        assert_int_equal(json_array_size(json_object_get(root, "warnings")), 0);
        json_decref(root);
    }
}

static void
links_say_bytes_a_step_and_how_much_of_them_was_used(void **state)
{
    (void)state;
    json_t *root = explained("two.yaml", "--steps", "4");
    const json_t *links = json_object_get(root, "links");
    const json_t *classes = json_object_get(root, "link_classes");
    assert_int_equal(json_array_size(links), 2); /* the spare one carried nothing */
    assert_int_equal(json_array_size(classes), 3);
    const json_t *narrow = find(links, "name", "narrow1"), *wide = find(links, "name", "wide1");
    check_near(number_of(narrow, "bytes_up"), 4 * 125e6, 0); /* a ring of two sends half, twice */
    check_near(number_of(narrow, "bytes_down"), 4 * 125e6, 0);
    check_near(number_of(narrow, "utilisation"), 1, 1e-3);
    assert_true(number_of(narrow, "utilisation") <= 1);
    check_near(number_of(wide, "utilisation"), 0.1, 1e-3);
    const json_t *first = json_array_get(classes, 0);
    assert_string_equal(json_string_value(json_object_get(first, "links")), "narrow*");
    assert_string_equal(json_string_value(json_object_get(first, "busiest")), "narrow1");
    check_near(number_of(first, "bytes_per_step"), 2 * 125e6, 0);
    check_near(number_of(find(classes, "links", "spare*"), "used"), 0, 0);
    json_decref(root);
}

/* Twice as fast in everything is twice as fast. */
static void
elasticities_of_all_there_is_add_up_to_1(void **state)
{
    (void)state;
    write_profile("80ms");
    json_t *root = explained("two.yaml", "--steps", "4", "--set", "platform.latency.\"*\"=20ms",
                             "--set", "timing.bucket=40MB");
    size_t i;
    const json_t *one;
    double sum = 0;
    json_array_foreach(json_object_get(root, "settings"), i, one)
    {
        const char *name = json_string_value(json_object_get(one, "setting"));
        const double elasticity = number_of(one, "elasticity");
        if (strncmp(name, "platform.bandwidth", 18) == 0 ||
            strncmp(name, "platform.speed", 14) == 0)
            sum -= elasticity;
        else if (strncmp(name, "platform.latency", 16) == 0 ||
                 strcmp(name, "timing.scale.load") == 0)
            sum += elasticity;
    }
    check_near(sum, 1, 0.01);
    /* what the host's speed stretches are these stages */
    check_near(number_of(setting(root, "timing.scale.forward"), "elasticity") +
                   number_of(setting(root, "timing.scale.backward"), "elasticity"),
               -number_of(setting(root, "platform.speed.\"gpu*\""), "elasticity"), 0.01);
    write_profile("0s");
    json_decref(root);
}

static void
stages_of_a_worker_add_up_to_its_seconds(void **state)
{
    (void)state;
    write_profile("10ms");
    json_t *root = explained("two.yaml", "--steps", "4", "--set", "platform.speed.gpu2=x0.5");
    static const char *const stages[] = {"load",   "compute",       "devices",
                                         "update", "communication", "idle"};
    const json_t *all = json_object_get(root, "stages"), *worker;
    double shares = 0;
    size_t i;
    for (size_t s = 0; s < 6; s++)
        shares += number_of(json_object_get(all, stages[s]), "share");
    check_near(shares, 1, 1e-9);
    json_array_foreach(json_object_get(root, "per_worker"), i, worker)
    {
        double sum = 0;
        for (size_t s = 0; s < 6; s++)
            sum += number_of(worker, stages[s]);
        check_relative(sum, number_of(worker, "seconds"), 1e-9);
    }
    assert_int_equal(i, 2);
    const json_t *slowest = json_object_get(json_object_get(all, "compute"), "slowest");
    assert_string_equal(json_string_value(json_object_get(slowest, "host")), "gpu2");
    check_relative(number_of(slowest, "seconds"), 0.04, 1e-9);
    write_profile("0s");
    json_decref(root);
}

static void
settings_of_its_own_that_change_nothing_are_named(void **state)
{
    (void)state;
    json_t *root =
        explained("two.yaml", "--steps", "2", "--set", "platform.bandwidth.\"spare*\"=x3", "--set",
                  "platform.bandwidth.\"wide*\"=x2", "--set", "platform.bandwidth.\"narrow*\"=x2",
                  "--set", "platform.speed.idle1=x2", "--set", "timing.efficiency=0.3", "--set",
                  "timing.transport={message_efficiency: 0.9, collective_efficiency: 0.9}");
    static const char *const expected[] = {
        "platform.bandwidth.\"spare*\" changes nothing: no message crosses such a link",
        "platform.bandwidth.\"wide*\" changes nothing: it is what stands there already, or hidden",
        "platform.speed.idle1 changes nothing: no worker computes there",
        "timing.efficiency changes nothing",
        "timing.transport.message_efficiency changes nothing",
    };
    const json_t *warnings = json_object_get(root, "warnings");
    assert_int_equal(json_array_size(warnings), 5);
    for (size_t i = 0; i < 5; i++) {
        const char *text = json_string_value(json_array_get(warnings, i));
        if (strncmp(text, expected[i], strlen(expected[i])) != 0)
            fail_msg("'%s', expected '%s ...'", text, expected[i]);
    }
    /* and its own edit of a class does not hide what 10 % less would do */
    check_relative(number_of(setting(root, "platform.bandwidth.\"narrow*\""), "seconds_lower"),
                   number_of(root, "seconds_per_step") / 0.9, 1e-3);
    json_decref(root);
}

static void
whole_rounds_are_run_and_each_experiment_of_a_file_on_a_line_of_its_own(void **state)
{
    (void)state;
    folder_write("sweep.yaml", "steps: 600\nplatform: {file: star_2}\n"
                               "workload: {model: quadratic, dimension: 4}\n"
                               "timing: {profile: resnet18_v100}\n"
                               "algorithm: {strategy: local, outer: average}\n"
                               "sweep:\n  algorithm.tau: [7, 40]\n");
    const struct program_result *result =
        program("explain", "sweep.yaml", "--json", "--steps", "25", "--jobs", "3");
    assert_int_equal(result->status, 0);
    assert_string_equal(result->err, "");
    const char *second = strchr(result->out, '\n');
    assert_non_null(second);
    json_t *one = json_loads(result->out, JSON_DISABLE_EOF_CHECK, NULL);
    json_t *two = json_loads(second + 1, 0, NULL);
    check_near(number_of(one, "steps"), 21, 0);
    check_near(number_of(two, "steps"), 40, 0);
    json_decref(one);
    json_decref(two);
}

static void
people_get_tables(void **state)
{
    (void)state;
    const struct program_result *result = program("explain", "two.yaml", "--steps", "2");
    static const char *const parts[] = {"two: 1000 ms a step, 2 workers; 2 steps of 600",
                                        "communication",
                                        "all alike",
                                        "narrow1",
                                        "no message crosses spare*",
                                        "elasticity",
                                        "-1.000"};
    assert_int_equal(result->status, 0);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (strstr(result->out, parts[i]) == NULL)
            fail_msg("no '%s' in\n%s", parts[i], result->out);
}

static void
wrong_calls_are_one_line_and_exit_2(void **state)
{
    (void)state;
    folder_write("typo.yaml", "steps: 4\nplatfrom: {file: star_4}\n");
    folder_write("second.yaml", "platform: {file: star_2}\ncompare:\n- {name: a}\n"
                                "- {name: b, platform: {workers: 9}}\n");
    static const struct {
        const char *arguments[4], *part;
    } calls[] = {
        {{"none.yaml"}, "cannot read none.yaml"},
        {{"typo.yaml"}, "did you mean 'platform'?"},
        {{"second.yaml"}, "9 workers asked for, but star_2 has 2"},
        {{"two.yaml", "--steps", "0"}, "--steps 0: expected a whole number"},
        {{"two.yaml", "--jobs", "many"}, "--jobs many"},
        {{"two.yaml", "--trace", "t.json"}, "unknown option --trace"},
        {{"two.yaml", "b.yaml"}, "unexpected 'b.yaml'"},
    };
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        const char *const *a = calls[i].arguments;
        const struct program_result *result =
            program_call((const char *const[]){"explain", a[0], a[1], a[2], NULL});
        const char *end = strchr(result->err, '\n');
        if (result->status != 2 || result->out[0] != '\0' || end == NULL || end[1] != '\0' ||
            strstr(result->err, calls[i].part) == NULL)
            fail_msg("%s: %d, '%s', '%s'", calls[i].part, result->status, result->out, result->err);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_of_bandwidth_alone_has_an_elasticity_of_minus_1),
        cmocka_unit_test(a_link_that_nobody_crosses_is_told_from_one_that_is_wide_enough),
        cmocka_unit_test(the_links_of_a_cluster_are_varied_through_its_own_bandwidth),
        cmocka_unit_test(links_say_bytes_a_step_and_how_much_of_them_was_used),
        cmocka_unit_test(elasticities_of_all_there_is_add_up_to_1),
        cmocka_unit_test(stages_of_a_worker_add_up_to_its_seconds),
        cmocka_unit_test(settings_of_its_own_that_change_nothing_are_named),
        cmocka_unit_test(whole_rounds_are_run_and_each_experiment_of_a_file_on_a_line_of_its_own),
        cmocka_unit_test(people_get_tables),
        cmocka_unit_test(wrong_calls_are_one_line_and_exit_2),
    };
    return cmocka_run_group_tests(tests, setup, folder_teardown);
}
