/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/platform_cache.c -- a platform that was read before is not read again. */
#include "tests/helpers/check.h"

#include <string.h>

#include "sim/platform/cache.h"
#include "tests/helpers/arena.h"

/* edits: YAML, or NULL */
static struct sm_platform
loaded(struct sm_platform_cache *cache, size_t workers, const char *edits)
{
    struct sm_node *map = NULL;
    struct sm_platform platform;
    if (edits != NULL)
        check_ok(sm_tree_parse(&arena, "e.yaml", edits, &map));
    check_ok(sm_platform_cache_load(
        cache, &arena,
        &(struct sm_platform_request){"star_8_10gbe", SM_TEST_SOURCE, workers, 0, map}, &platform));
    return platform;
}

static void
the_same_is_read_once_and_anything_else_anew(void **state)
{
    static const char slow[] = "bandwidth: {\"*\": 1Gbps}", fast[] = "bandwidth: {\"*\": 2Gbps}";
    (void)state;
    struct sm_platform_cache *cache = sm_platform_cache_create(1 << 26);
    assert_non_null(cache);
    const struct sm_platform plain = loaded(cache, 0, NULL), first = loaded(cache, 0, slow);
    assert_ptr_equal(loaded(cache, 0, NULL).xml, plain.xml);
    assert_ptr_equal(loaded(cache, 0, slow).xml, first.xml);
    const struct sm_platform other = loaded(cache, 0, fast), fewer = loaded(cache, 4, slow);
    assert_true(other.hash != first.hash);
    assert_true(first.hash != plain.hash);
    assert_int_equal(fewer.worker_count, 4);
    assert_int_equal(loaded(cache, 0, slow).worker_count, 8);
    assert_true(loaded(cache, 0, slow).links[0].bandwidth == 125e6);
    assert_true(loaded(cache, 0, fast).links[0].bandwidth == 250e6);
    sm_platform_cache_free(cache);
}

static void
a_full_cache_and_none_read_each_time(void **state)
{
    (void)state;
    struct sm_platform_cache *full = sm_platform_cache_create(0), *caches[] = {full, NULL};
    for (size_t i = 0; i < 2; i++) {
        const struct sm_platform a = loaded(caches[i], 0, NULL), b = loaded(caches[i], 0, NULL);
        assert_ptr_not_equal(a.xml, b.xml);
        assert_true(a.hash == b.hash);
    }
    sm_platform_cache_free(full);
}

static void
a_mistake_is_said_each_time(void **state)
{
    (void)state;
    struct sm_platform_cache *cache = sm_platform_cache_create(1 << 26);
    for (int i = 0; i < 2; i++) {
        struct sm_platform platform;
        check_fails(sm_platform_cache_load(
                        cache, &arena,
                        &(struct sm_platform_request){"nowhere", SM_TEST_SOURCE, 0, 0, NULL},
                        &platform),
                    SM_ERR_INPUT, "nowhere");
    }
    sm_platform_cache_free(cache);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(the_same_is_read_once_and_anything_else_anew, arena_teardown),
        cmocka_unit_test_teardown(a_full_cache_and_none_read_each_time, arena_teardown),
        cmocka_unit_test_teardown(a_mistake_is_said_each_time, arena_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
