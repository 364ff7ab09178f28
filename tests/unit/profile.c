/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/profile.c -- timing profiles: the shipped ones, counted operations, mistakes. */
#include "tests/helpers/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/platform/platform.h"
#include "sim/timing/bucket.h"

static const char good[] = "name: p\n"
                           "source: a test\n"
                           "device_speed: 2Tf\n"
                           "devices: 4\n"
                           "samples: 64\n"
                           "model_bytes: 10MB\n"
                           "stages:\n"
                           "  load: 1ms\n"
                           "  forward: 2ms\n"
                           "  backward: 4ms\n"
                           "  update: 500us\n";

struct fixture {
    struct sm_arena arena;
    char file[64];
};

static int
setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    if (f == NULL)
        return -1;
    strcpy(f->file, "/tmp/sm_profile_XXXXXX.yaml");
    int descriptor = mkstemps(f->file, 5);
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
load(struct fixture *f, const char *name, struct sm_profile *profile)
{
    return sm_profile_load(&f->arena,
                           &(struct sm_timing_settings){.profile = name, .efficiency = 0.5f}, NULL,
                           SM_TEST_SOURCE, profile);
}

/* The good profile with `from` replaced. */
static enum sm_status
load_changed(struct fixture *f, const char *from, const char *to, struct sm_profile *profile)
{
    const char *at = strstr(good, from);
    assert_non_null(at);
    FILE *out = fopen(f->file, "w");
    assert_non_null(out);
    fprintf(out, "%.*s%s%s", (int)(at - good), good, to, at + strlen(from));
    assert_int_equal(fclose(out), 0);
    return load(f, f->file, profile);
}

static void
check_mistake(struct fixture *f, const char *from, const char *to, const char *where,
              const char *part)
{
    struct sm_profile profile;
    char begin[96];
    check_fails(load_changed(f, from, to, &profile), SM_ERR_INPUT, part);
    snprintf(begin, sizeof begin, "%s:%s", f->file, where);
    if (strncmp(sm_error_last()->message, begin, strlen(begin)) != 0)
        fail_msg("'%s' does not begin with '%s'", sm_error_last()->message, begin);
}

static void
stages_on_a_device_become_operations_and_the_input_pipeline_stays_seconds(void **state)
{
    struct sm_profile p;
    check_ok(load_changed(*state, "name: p", "name: p", &p));
    check_near(p.load, 1e-3, 1e-18);
    check_relative(p.forward, 4e9, 1e-15);
    check_relative(p.backward, 8e9, 1e-15);
    check_relative(p.update, 1e9, 1e-15);
    check_near(p.devices, 4, 0);
    check_near(p.samples, 64, 0);
    check_near(p.model_bytes, 10e6, 0);
    assert_string_equal(p.name, "p");
    assert_string_equal(p.source, "a test");
}

static void
stages_can_be_scaled_one_by_one(void **state)
{
    struct sm_profile p;
    check_ok(load_changed(*state, "name: p", "name: p", &p));
    sm_profile_scale(&p, &(struct sm_timing_scale){3, 0, 0.25, 2});
    check_near(p.load, 3e-3, 1e-18);
    check_near(p.forward, 0, 0);
    check_relative(p.backward, 2e9, 1e-15);
    check_relative(p.update, 2e9, 1e-15);
    check_near(p.model_bytes, 10e6, 0);
}

/* The published time an iteration with every message between servers hidden. Of the all-reduce
 * among the GPUs the last bucket shows, over the platform's own rings and NVLinks: 2 (d-1) steps, 2
 * (d-1)/d of the bytes. */
static void
resnet50_takes_271_ms_with_the_all_reduce_over_nvlink(void **state)
{
    struct fixture *f = *state;
    struct sm_profile p;
    struct sm_platform platform;
    check_ok(load(f, "resnet50_v100x8", &p));
    check_near(p.model_bytes, 25557032 * 4., 0);
    check_near(p.samples, 256, 0);
    check_ok(sm_platform_load(
        &f->arena, &(struct sm_platform_request){"dgx1_32_10gbe", SM_TEST_SOURCE, 32, 0, NULL},
        &platform));
    const struct sm_platform_worker *worker = &platform.workers[0];
    const struct sm_bucket *buckets;
    size_t count;
    check_ok(sm_profile_buckets(&f->arena, &p, 25e6, &buckets, &count));
    assert_int_equal(count, 4);
    const double shown = p.model_bytes * (1 - buckets[count - 2].until);
    double d = (double)worker->devices, slowest = 0;
    check_near(p.devices, d, 0);
    for (size_t r = 0; r < worker->ring_count; r++) {
        const size_t *order = worker->rings[r].order;
        char name[64];
        snprintf(name, sizeof name, "server0_nvlink_%zu_%zu",
                 order[0] < order[1] ? order[0] : order[1],
                 order[0] < order[1] ? order[1] : order[0]);
        const struct sm_platform_link *link = NULL;
        for (size_t i = 0; i < platform.link_count; i++)
            if (strcmp(platform.links[i].name, name) == 0)
                link = &platform.links[i];
        assert_non_null(link);
        /* a ring and its reverse use the two directions of the link */
        double bytes = 2 * (d - 1) / d * shown * worker->rings[r].share;
        double seconds = bytes / (link->bandwidth * link->goodput) + 2 * (d - 1) * link->latency;
        slowest = seconds > slowest ? seconds : slowest;
    }
    check_relative(slowest, 0.361e-3, 1e-3);
    double device_seconds = (p.forward + p.backward + p.update) / worker->speeds[0];
    check_relative(p.load + device_seconds + slowest, 0.271, 1e-3);
    check_relative(p.backward, 2 * p.forward, 1e-9);
    check_near(p.load, 0.050, 1e-12);
}

static void
resnet18_is_within_bounds_of_a_v100(void **state)
{
    struct sm_profile p;
    check_ok(load(*state, "resnet18_v100", &p));
    check_near(p.model_bytes, 11173962 * 4., 0);
    check_near(p.samples, 128, 0);
    check_near(p.devices, 1, 0);
    /* 555.4 million multiply-adds an image, three passes, 57.4 % of the peak that 15.7 Tf is */
    check_relative(p.forward + p.backward, 128 * 3 * 2 * 555.4227e6 / 0.574, 2e-3);
    double seconds = p.load + (p.forward + p.backward + p.update) / 15.7e12;
    check_relative(seconds, 49.5e-3, 1e-9);
}

/* Samples a second of one worker, as published or derived in the file's comments. What the file
 * leaves out, the all-reduce among a worker's devices, shows little. */
static void
shipped_profiles_are_as_fast_as_published(void **state)
{
    static const struct {
        const char *name;
        double speed, samples_per_second;
        size_t layers;
    } cases[] = {
        {"resnet50_v100x8", 15.7e12, 256 / 0.271, 54},
        {"resnet18_v100", 15.7e12, 2586, 21},
        {"transformer_big_v100x8", 15.7e12, 59316, 62},
        {"gpt2_124m_a100x8", 19.5e12, 524288 / 0.300, 64},
        {"llama_1b_h100x8", 67e12, 8 * 54180, 83},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sm_profile p;
        check_ok(load(*state, cases[i].name, &p));
        const double seconds = p.load + (p.forward + p.backward + p.update) / cases[i].speed;
        check_relative(p.samples / seconds, cases[i].samples_per_second, 0.01);
        check_relative(p.backward, 2 * p.forward, 0.01);
        assert_int_equal(p.layer_count, cases[i].layers);
    }
}

static void
layers_of_shipped_profiles_are_the_whole_model_to_the_byte(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *name;
        double parameters, bytes_each;
    } cases[] = {
        {"resnet50_v100x8", 25557032, 4},         {"resnet18_v100", 11173962, 4},
        {"transformer_big_v100x8", 209911808, 4}, {"gpt2_124m_a100x8", 124439808, 2},
        {"llama_1b_h100x8", 1235814400, 4},
    };
    const char *const *names = sm_profile_names(&f->arena, SM_TEST_SOURCE);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sm_profile p;
        double bytes = 0;
        check_ok(load(f, cases[i].name, &p));
        for (size_t l = 0; l < p.layer_count; l++)
            bytes += p.layers[l].bytes;
        check_near(bytes, p.model_bytes, 0);
        check_near(bytes, cases[i].parameters * cases[i].bytes_each, 0);
    }
    for (size_t i = 0; names[i] != NULL; i++) {
        struct sm_profile p;
        check_ok(load(f, names[i], &p));
        assert_true(p.layer_count > 0);
    }
}

static void
shipped_profiles_are_listed_and_named_as_their_files(void **state)
{
    struct fixture *f = *state;
    const char *const *names = sm_profile_names(&f->arena, SM_TEST_SOURCE);
    size_t count = 0;
    assert_non_null(names);
    for (; names[count] != NULL; count++) {
        struct sm_profile p;
        check_ok(load(f, names[count], &p));
        assert_string_equal(p.name, names[count]);
        assert_true(strlen(p.source) > 20);
    }
    assert_true(count >= 5);
}

static void
own_counts_backward_twice_and_shares_the_batch_among_devices(void **state)
{
    struct fixture *f = *state;
    struct sm_profile p;
    const struct sm_own_cost cost = {
        .flop_per_sample = 1e6, .samples = 64, .parameters = 5e4, .devices = 2};
    check_ok(sm_profile_load(&f->arena,
                             &(struct sm_timing_settings){.profile = "own", .efficiency = 0.25f},
                             &cost, SM_TEST_SOURCE, &p));
    check_near(p.forward, 1e6 * 64 / 2 / 0.25, 0);
    check_near(p.backward, 2 * p.forward, 0);
    check_near(p.update, 10 * 5e4 / 0.25, 0);
    check_near(p.load, 0, 0);
    check_near(p.model_bytes, 0, 0);
    check_near(p.devices, 0, 0);
    check_near(p.samples, 64, 0);
    check_fails(load(f, "own", &p), SM_ERR_DOMAIN, "profile own");
}

static void
mistakes_name_file_line_and_column(void **state)
{
    struct fixture *f = *state;
    check_mistake(f, "  update: 500us\n", "", "8:3: ", "the key 'update' is missing");
    check_mistake(f, "source: a test\n", "", "1:1: ", "the key 'source' is missing");
    check_mistake(f, "a test", "\"\"", "2:9: ", "expected text");
    check_mistake(f, "model_bytes: 10MB\n", "", "1:1: ", "the key 'model_bytes' is missing");
    check_mistake(f, "load: 1ms", "load: -1ms", "8:9: ", "out of range");
    check_mistake(f, "load: 1ms", "load: nan", "8:9: ", "is not a time");
    check_mistake(f, "forward: 2ms", "forward: 2MB", "9:12: ", "is not a time");
    check_mistake(f, "forward: 2ms", "foreward: 2ms", "9:3: ", "did you mean 'forward'?");
    check_mistake(f, "devices: 4", "device: 4", "4:1: ", "did you mean 'devices'?");
    check_mistake(f, "2Tf", "2Gbps", "3:15: ", "is not a speed");
    check_mistake(f, "2Tf", "0", "3:15: ", "out of range");
    check_mistake(f, "samples: 64", "samples: 0", "5:10: ", "out of range");
    check_mistake(f, "stages:\n", "stages: 3\nrest:\n", "8:1: rest: ", "unknown key");
    check_mistake(f, "  load: 1ms\n", "  load: 1ms\n  load: 1ms\n", "9:3: ", "appears twice");
}

static const char *
with_layers(struct fixture *f, const char *layers)
{
    return sm_arena_printf(&f->arena, "model_bytes: 10MB\nlayers:%s\n", layers);
}

static void
layers_come_in_forward_order_one_for_each_repetition(void **state)
{
    struct fixture *f = *state;
    struct sm_profile p;
    const char *layers = "\n  - {name: stem, bytes: 1MB, work: 3}\n"
                         "  - {name: block, bytes: 2MB, work: 1e9, repeat: 4}\n"
                         "  - {name: loss, bytes: 1MB, work: 0}";
    check_ok(load_changed(f, "model_bytes: 10MB\n", with_layers(f, layers), &p));
    assert_int_equal(p.layer_count, 6);
    check_near(p.layers[0].bytes, 1e6, 0);
    check_near(p.layers[0].work, 3, 0);
    for (size_t i = 1; i < 5; i++) {
        check_near(p.layers[i].bytes, 2e6, 0);
        check_near(p.layers[i].work, 1e9, 0);
    }
    check_near(p.layers[5].bytes, 1e6, 0);
    check_near(p.layers[5].work, 0, 0);
    check_ok(load_changed(f, "model_bytes: 10MB\n", "model_bytes: 10MB\n", &p));
    assert_int_equal(p.layer_count, 0);
}

static void
groups_of_layers_are_repeated_as_a_whole(void **state)
{
    struct fixture *f = *state;
    struct sm_profile p;
    const char *layers = "\n  - {name: stem, bytes: 1MB, work: 3}\n"
                         "  - name: block\n    repeat: 2\n    layers:\n"
                         "    - {name: a, bytes: 1MB, work: 4}\n"
                         "    - {repeat: 3, layers: [{name: b, bytes: 1MB, work: 5}]}\n"
                         "  - {name: head, bytes: 1MB, work: 0}";
    const double work[] = {3, 4, 5, 5, 5, 4, 5, 5, 5, 0};
    check_ok(load_changed(f, "model_bytes: 10MB\n", with_layers(f, layers), &p));
    assert_int_equal(p.layer_count, 10);
    for (size_t i = 0; i < 10; i++) {
        check_near(p.layers[i].bytes, 1e6, 0);
        check_near(p.layers[i].work, work[i], 0);
    }
}

/* A table beside the profile. */
static enum sm_status
load_table(struct fixture *f, const char *table, struct sm_profile *profile)
{
    const char *path = sm_arena_printf(&f->arena, "%s.csv", f->file);
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    fputs(table, out);
    assert_int_equal(fclose(out), 0);
    const char *layers = sm_arena_printf(&f->arena, " %s.csv", strrchr(f->file, '/') + 1);
    const enum sm_status status =
        load_changed(f, "model_bytes: 10MB\n", with_layers(f, layers), profile);
    unlink(path);
    return status;
}

static void
layers_may_stand_in_a_table_beside_the_profile(void **state)
{
    struct fixture *f = *state;
    struct sm_profile p;
    check_ok(load_table(f, "name,bytes,work\nstem,4MB,3\r\n\nhead: \"it\", 6000000B ,1e9\n", &p));
    assert_int_equal(p.layer_count, 2);
    check_near(p.layers[0].bytes, 4e6, 0);
    check_near(p.layers[1].bytes, 6e6, 0);
    check_near(p.layers[1].work, 1e9, 0);
    check_ok(load_table(f, " work , repeat , name , bytes \n2,4,block,2MB\n1,1,head,2MB", &p));
    assert_int_equal(p.layer_count, 5);
    check_near(p.layers[3].work, 2, 0);
}

static void
mistakes_in_tables_name_file_and_line(void **state)
{
    struct fixture *f = *state;
    const struct {
        const char *table, *part;
    } cases[] = {
        {"name,bytes,work\na,5MB,1\nb,5MB,-1\n", ".yaml.csv:3:"},
        {"name,bytes,work\na,5MB,1\nb,5MB,-1\n", "layers.work: -1 is out of range"},
        {"name,bytes,work\na,5apples,1\n", "is not a size"},
        {"name,bytes,work\na,10MB\n", ".yaml.csv:2:3: layers: the key 'work' is missing"},
        {"name,bytes,work\na,10MB,1,2\n", ".yaml.csv:2: more fields than the first line"},
        {"name,byte,work\na,10MB,1\n", "did you mean 'bytes'?"},
        {"name,bytes,work\na,9MB,1\n", "the layers' bytes are 9000000 in sum"},
        {"name,bytes,work\n", "expected a list of layers"},
        {"", "expected a list of layers"},
    };
    struct sm_profile p;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_fails(load_table(f, cases[i].table, &p), SM_ERR_INPUT, cases[i].part);
    check_mistake(f, "model_bytes: 10MB\n", with_layers(f, " nowhere.csv"),
                  "7:9: ", "cannot read /tmp/nowhere.csv");
}

static void
mistakes_in_layers_name_file_line_and_column(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *layers, *where, *part;
    } mistakes[] = {
        {" 3", "7:9: ", "expected a list of layers"},
        {" []", "7:9: ", "expected a list of layers"},
        {" [conv]", "7:10: ", "expected {name: conv1"},
        {" [{name: a, work: 1}]", "7:10: ", "the key 'bytes' is missing"},
        {" [{name: a, bytes: 10MB}]", "7:10: ", "the key 'work' is missing"},
        {" [{bytes: 10MB, work: 1}]", "7:10: ", "the key 'name' is missing"},
        {" [{name: a, byte: 10MB, work: 1}]", "7:20: ", "did you mean 'bytes'?"},
        {" [{name: a, bytes: 10MB, work: -1}]", "7:39: ", "out of range"},
        {" [{name: a, bytes: 10ms, work: 1}]", "7:27: ", "is not a size"},
        {" [{name: a, bytes: 10MB, work: 1, repeat: 0}]", "7:50: ", "out of range"},
        {" [{name: a, bytes: 10MB, work: 0}]", "7:9: ", "the work of all layers is 0"},
        {" [{name: a, bytes: 5MB, work: 1, repeat: 3}]", "7:9: ", "15000000 in sum"},
        {" [{name: a, bytes: 9.98MB, work: 1}]", "7:9: ", "model_bytes is 10000000"},
    };
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++)
        check_mistake(f, "model_bytes: 10MB\n", with_layers(f, mistakes[i].layers),
                      mistakes[i].where, mistakes[i].part);
    check_mistake(f, "model_bytes: 10MB\n",
                  "model_bytes: 0\nlayers: [{name: a, bytes: 10MB, work: 1}]\n",
                  "7:9: ", "layers need model_bytes");
    struct sm_profile p;
    check_ok(load_changed(f, "model_bytes: 10MB\n",
                          with_layers(f, " [{name: a, bytes: 9.995MB, work: 1}]"), &p));
}

static void
a_profile_may_say_what_its_communication_library_reached(void **state)
{
    struct fixture *f = *state;
    struct sm_profile p;
    check_ok(load_changed(f, "model_bytes: 10MB\n", "model_bytes: 10MB\n", &p));
    check_near(p.transport.collective_efficiency, 0, 0);
    check_ok(load_changed(f, "model_bytes: 10MB\n",
                          "model_bytes: 10MB\ntransport: {collective_efficiency: 0.6}\n", &p));
    check_near(p.transport.collective_efficiency, 0.6, 0);
    check_near(p.transport.message_efficiency, 0, 0);
    check_mistake(f, "model_bytes: 10MB\n",
                  "model_bytes: 10MB\ntransport: {collective_efficiency: 6}\n",
                  "7:36: ", "out of range");
}

static void
missing_profiles_offer_the_nearest(void **state)
{
    struct sm_profile p;
    check_fails(load(*state, "resnet50_v100x9", &p), SM_ERR_INPUT,
                "did you mean 'resnet50_v100x8'?");
    check_fails(load(*state, "./nowhere.yaml", &p), SM_ERR_INPUT, "cannot read ./nowhere.yaml");
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(stages_on_a_device_become_operations_and_the_input_pipeline_stays_seconds),
        TEST(stages_can_be_scaled_one_by_one),
        TEST(resnet50_takes_271_ms_with_the_all_reduce_over_nvlink),
        TEST(resnet18_is_within_bounds_of_a_v100),
        TEST(shipped_profiles_are_as_fast_as_published),
        TEST(layers_of_shipped_profiles_are_the_whole_model_to_the_byte),
        TEST(shipped_profiles_are_listed_and_named_as_their_files),
        TEST(own_counts_backward_twice_and_shares_the_batch_among_devices),
        TEST(mistakes_name_file_line_and_column),
        TEST(layers_come_in_forward_order_one_for_each_repetition),
        TEST(groups_of_layers_are_repeated_as_a_whole),
        TEST(layers_may_stand_in_a_table_beside_the_profile),
        TEST(mistakes_in_tables_name_file_and_line),
        TEST(mistakes_in_layers_name_file_line_and_column),
        TEST(a_profile_may_say_what_its_communication_library_reached),
        TEST(missing_profiles_offer_the_nearest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
