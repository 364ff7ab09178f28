/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/property/contract.c -- any inner optimizer with any strategy, outer optimizer, buffer
 * strategy, compression and period: what every combination promises, on a covering array. The whole
 * product is contract_slow.c.
 */
#include "tests/helpers/check.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "tests/helpers/combinations.h"

static struct combination *list;
static size_t count, chosen;

static int
setup(void **state)
{
    (void)state;
    count = combinations_allowed(true, &list);
    chosen = combinations_cover(list, count);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    free(list);
    return 0;
}

static bool
has_pair(size_t until, size_t a, size_t x, size_t b, size_t y)
{
    for (size_t i = 0; i < until; i++)
        if (list[i].value[a] == x && list[i].value[b] == y)
            return true;
    return false;
}

static void
every_pair_of_values_that_the_rules_allow_is_in_the_array(void **state)
{
    (void)state;
    size_t pairs = 0;
    for (size_t a = 0; a < COMBINATION_AXES; a++)
        for (size_t b = a + 1; b < COMBINATION_AXES; b++)
            for (size_t x = 0; x < combination_values(a); x++)
                for (size_t y = 0; y < combination_values(b); y++) {
                    const bool possible = has_pair(count, a, x, b, y);
                    assert_int_equal(has_pair(chosen, a, x, b, y), possible);
                    pairs += possible;
                }
    print_message("%zu combinations are allowed, %zu hold their %zu pairs\n", count, chosen, pairs);
    assert_true(chosen < count / 4);
}

static void
every_value_is_allowed_somewhere(void **state)
{
    (void)state;
    for (size_t a = 0; a < COMBINATION_AXES; a++)
        for (size_t x = 0; x < combination_values(a); x++) {
            bool found = false;
            for (size_t i = 0; i < count; i++)
                found = found || list[i].value[a] == x;
            if (!found)
                fail_msg("axis %zu: value %zu is refused with everything", a, x);
        }
}

static void
combinations_train_and_give_the_same_bits_on_every_machine(void **state)
{
    (void)state;
    size_t broken = 0;
    for (size_t i = 0; i < chosen; i++)
        broken += !combination_holds(&list[i]);
    assert_int_equal(broken, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pair_of_values_that_the_rules_allow_is_in_the_array),
        cmocka_unit_test(every_value_is_allowed_somewhere),
        cmocka_unit_test(combinations_train_and_give_the_same_bits_on_every_machine),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
