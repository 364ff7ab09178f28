/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/strategy.c -- communication strategies without gossip: who is alike when. Gossip has
 * programs of its own: push_sum.c, dpsgd.c.
 */
#include "tests/helpers/check.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/helpers/training.h"

static void
replicas_under_allreduce_have_the_same_bits_at_every_step(void **unused)
{
    (void)unused;
    const char *outers[] = {"none", "average", "slowmo"};
    for (size_t o = 0; o < 3; o++) {
        char algorithm[80];
        snprintf(algorithm, sizeof algorithm, "{strategy: allreduce, tau: 4, outer: %s}",
                 outers[o]);
        struct training *training = quarrel(&sm_engine_thread, algorithm);
        for (size_t k = 0; k <= 12; k++)
            check_near(training->evaluations[k].consensus_distance, 0, 0);
        free(training);
    }
}

static void
local_workers_part_inside_a_round_and_meet_at_its_end(void **unused)
{
    (void)unused;
    struct training *training = quarrel(&sm_engine_thread, "{strategy: local, tau: 4}");
    for (size_t k = 0; k <= 12; k++)
        if (k % 4 == 0)
            check_near(training->evaluations[k].consensus_distance, 0, 0);
        else
            assert_true(training->evaluations[k].consensus_distance > 1e-3);
    free(training);
    training = quarrel(&sm_engine_thread, "{strategy: local, outer: none}");
    for (size_t k = 1; k <= 12; k++)
        assert_true(training->evaluations[k].consensus_distance > 1e-3);
    free(training);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replicas_under_allreduce_have_the_same_bits_at_every_step),
        cmocka_unit_test(local_workers_part_inside_a_round_and_meet_at_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
