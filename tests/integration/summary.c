/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/integration/summary.c -- what a run's summary says of its algorithm and of where its
 * workers' seconds went. */
#include "tests/helpers/check.h"

#include <jansson.h>
#include <stdlib.h>

#include "algorithms/outer/outer.h"
#include "algorithms/strategy/strategy.h"
#include "sim/run/rules.h"
#include "sim/run/worker.h"
#include "tests/helpers/machine.h"
#include "tests/helpers/training.h"

static void
the_summary_names_the_plug_in_of_every_axis(void **unused)
{
    (void)unused;
    static const char *const expected[][2] = {
        {"inner", "adam"},      {"strategy", "local"}, {"outer", "average"},
        {"buffer", "maintain"}, {"period", "adacomm"}, {"compression", "int8"},
        {"collective", "ring"},
    };
    struct training *t =
        train("{steps: 6, platform: {file: star_4}, workload: {model: quadratic, dimension: 3},"
              " algorithm: {inner: adam, strategy: local, outer: average, buffer: maintain,"
              " tau: {name: adacomm, tau: 3}, compression: int8, collective: ring}}");
    json_t *root = json_loads(t->summary, 0, NULL);
    const json_t *algorithm = json_object_get(root, "algorithm");
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        assert_string_equal(json_string_value(json_object_get(algorithm, expected[i][0])),
                            expected[i][1]);
    json_decref(root);
    free(t);
}

/* ---- seconds ---- */

enum { WORKERS = 4, SERVERS = 2, STEPS = 7 };

struct clocks {
    double ends[WORKERS];
    struct sm_ledger spent[WORKERS];
};

/* Timing only, as sim/run/run_prepare.c has it: one float for the model. */
static enum sm_status
train_timed(struct sm_comm *comm, const void *in, void *out)
{
    static struct sm_arena arenas[WORKERS + SERVERS];
    static struct sm_progress silent;
    static const float zero = 0;
    static const struct sm_matrix one = {.rows = 1, .columns = 1, .panel = 1};
    const struct sm_profile profile = {
        .load = 0.02, .forward = 4e11, .backward = 8e11, .update = 1e10};
    struct clocks *clocks = out;
    struct sm_training training = {.experiment = in,
                                   .profile = &profile,
                                   .progress = &silent,
                                   .initial = &zero,
                                   .matrices = &one,
                                   .matrix_count = 1,
                                   .parameters = 1,
                                   .steps = STEPS,
                                   .every = STEPS,
                                   .arenas = arenas,
                                   .ends = clocks->ends,
                                   .spent = clocks->spent};
    enum sm_status status = sm_worker_run(&training, comm);
    sm_arena_fini(&arenas[comm->rank]);
    return status;
}

static double
sum_of(const struct sm_ledger *ledger)
{
    double sum = 0;
    for (size_t i = 0; i < SM_STAGES; i++)
        sum += ledger->seconds[i];
    return sum;
}

/* Of one algorithm; how many workers wait for messages after their last step. */
static size_t
late_workers(const struct sm_experiment *experiment)
{
    struct clocks clocks;
    struct machine_report report;
    const struct machine machine = {.platform = "star_6",
                                    .edits = "{speed: {node1: x0.4, node2: x1.3}}",
                                    .workers = WORKERS,
                                    .servers = sm_strategy_servers(&experiment->algorithm.strategy),
                                    .wire_scale = 3e6,
                                    .program = train_timed,
                                    .in = experiment};
    check_ok(machine_run(&machine, &clocks, sizeof clocks, &report));
    size_t late = 0;
    for (size_t r = 0; r < WORKERS; r++) {
        assert_true(clocks.ends[r] > 0);
        check_relative(sum_of(&clocks.spent[r]), clocks.ends[r], 1e-12);
        late += sum_of(&report.ledgers[r]) > clocks.ends[r] + 1e-3;
    }
    return late;
}

static void
every_second_until_a_worker_s_last_step_is_in_one_stage(void **unused)
{
    (void)unused;
    size_t late = 0;
    for (const struct sm_plugin *const *strategy = sm_axis_strategy.plugins; *strategy != NULL;
         strategy++) {
        size_t allowed = 0;
        for (const struct sm_plugin *const *outer = sm_axis_outer.plugins; *outer != NULL;
             outer++) {
            struct sm_arena arena = {0};
            struct sm_node *root;
            struct sm_experiment experiment;
            const char *warnings[8];
            size_t count;
            const char *yaml =
                sm_arena_printf(&arena, "algorithm: {strategy: %s, outer: %s, tau: 3}",
                                (*strategy)->name, (*outer)->name);
            check_ok(sm_tree_parse(&arena, "test.yaml", yaml, &root));
            check_ok(sm_experiment_bind(&arena, root, &experiment));
            if (sm_rules_check(&experiment, WORKERS, warnings, 8, &count) == SM_OK) {
                late += late_workers(&experiment);
                allowed++;
            }
            sm_arena_fini(&arena);
        }
        assert_true(allowed > 0);
    }
    assert_true(late > 0); /* or there was nothing to leave out */
}

/* workloads/profiles/resnet50_v100x8.yaml on the hosts of star_N, which are as fast */
static const double model_bytes = 102228128, load = 0.05, compute = 0.07255 + 0.1451 + 0.003;
/* two links of ten times 10 Gbit/s at a goodput of 0.9564, of 10 us each */
static const double latency = 2e-5, bandwidth = 0.9564 * 100e9 / 8;

/* Two workers gossip, one of half the speed. The fast one has each model a message's seconds after
 * the slow one's step, which it spends waiting but for the loading; the slow one never waits. The
 * last models, for which the fast one waits a whole step of the slow one more, count no longer. */
static void
waiting_ends_with_the_last_step(void **unused)
{
    (void)unused;
    const double fast = load + compute, slow = load + 2 * compute;
    const double message = latency + model_bytes / bandwidth;
    struct training *t = training_run(
        &(struct training_how){.timing_only = true},
        "{steps: %d, platform: {file: star_2, speed: {node1: x0.5}, bandwidth: {\"*\": x10}},"
        " timing: {profile: resnet50_v100x8}, algorithm: {strategy: sgp}}",
        STEPS);
    check_ok(t->status);
    json_t *root = json_loads(t->summary, 0, NULL);
    const json_t *sim = json_object_get(root, "sim");
    const double end = (STEPS - 1) * slow + message + compute; /* of the fast one */
    const double exposed = (STEPS - 1) * message;
    assert_true(message < load && end < STEPS * slow);
    const struct {
        const char *key;
        double seconds; /* of both */
    } expected[] = {
        {"seconds", 2 * STEPS * slow},
        {"load", 2 * STEPS * load},
        {"compute", STEPS * (fast + slow - 2 * load)},
        {"exposed_communication", exposed},
        {"idle", end - STEPS * fast - exposed},
    };
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        check_relative(json_real_value(json_object_get(sim, expected[i].key)),
                       expected[i].seconds / 2, 1e-9);
    json_decref(root);
    free(t);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_summary_names_the_plug_in_of_every_axis),
        cmocka_unit_test(every_second_until_a_worker_s_last_step_is_in_one_stage),
        cmocka_unit_test(waiting_ends_with_the_last_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
