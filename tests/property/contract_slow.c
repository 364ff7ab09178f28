/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/property/contract_slow.c -- contract.c on every combination that the rules allow. */
#include "tests/helpers/check.h"

#include <stdlib.h>

#include "tests/helpers/combinations.h"

static void
every_combination_trains_and_gives_the_same_bits_on_every_machine(void **state)
{
    (void)state;
    struct combination *list;
    const size_t count = combinations_allowed(false, &list);
    size_t broken = 0;
    for (size_t i = 0; i < count; i++)
        broken += !combination_holds(&list[i]);
    print_message("%zu combinations\n", count);
    free(list);
    assert_int_equal(broken, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_combination_trains_and_gives_the_same_bits_on_every_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
