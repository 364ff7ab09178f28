/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/integration/studies.c -- the studies that ship with the program are such that it would run:
 * a key that was renamed, a platform or a profile that is gone is noticed here, not by a reader. */
#include "tests/helpers/check.h"

#include <glob.h>
#include <stdio.h>
#include <string.h>

#include "sim/base/tree.h"
#include "sim/run/experiment.h"
#include "sim/run/run.h"
#include "tests/helpers/arena.h"
#include "tests/helpers/folder.h"

static const struct sm_run_options options = {.home = SM_TEST_SOURCE, .timing_only = true};

enum { MOST_CHECKED = CHECK_STRIDE > 1 ? 4 : 16 };

/* Every run of the file resolved, and some of all over it, the last among them, checked with their
 * platform and profile, which takes longer; none is run. `runs`: how many there are. */
static enum sm_status
check_study(const char *path, size_t *runs)
{
    struct sm_node *root;
    const struct sm_node *const *trees;
    SM_TRY(sm_tree_load(&arena, path, &root));
    SM_TRY(sm_experiment_expand(&arena, root, &trees, runs));
    for (size_t i = 0; i < *runs; i++) {
        struct sm_experiment experiment;
        SM_TRY(sm_experiment_bind(&arena, trees[i], &experiment));
        if (*runs <= MOST_CHECKED || (i + 1) * MOST_CHECKED % *runs < MOST_CHECKED)
            SM_TRY(sm_run_check(&experiment, &options));
    }
    return SM_OK;
}

/* Calls it for each shipped file. */
static void
each_study(void (*function)(const char *path))
{
    glob_t studies;
    assert_int_equal(glob(SM_TEST_SOURCE "/analysis/studies/*.yaml", 0, NULL, &studies), 0);
    for (size_t i = 0; i < studies.gl_pathc; i++)
        function(studies.gl_pathv[i]);
    globfree(&studies);
}

static void
assert_resolves(const char *path)
{
    size_t runs = 0;
    check_ok(check_study(path, &runs));
    assert_true(runs > 0);
}

static void
every_run_of_every_study_resolves(void **state)
{
    (void)state;
    each_study(assert_resolves);
}

static void
assert_named_like_file(const char *path)
{
    struct sm_node *root;
    check_ok(sm_tree_load(&arena, path, &root));
    const char *name = sm_tree_get(root, "name")->text;
    assert_string_equal(sm_arena_printf(&arena, "%s.yaml", name), strrchr(path, '/') + 1);
}

static void
a_study_is_named_like_its_file(void **state)
{
    (void)state;
    each_study(assert_named_like_file);
}

static void
a_key_or_a_platform_that_is_none_is_noticed_in_the_last_run(void **state)
{
    (void)state;
    size_t runs;
    folder_write("key.yaml", "compare:\n- {name: a}\n- {name: b, algorithm: {taw: 3}}\n");
    check_fails(check_study(folder_file("key.yaml"), &runs), SM_ERR_INPUT, "taw");
    folder_write("platform.yaml", "sweep: {platform.file: [star_8, no_such_platform]}\n");
    check_fails(check_study(folder_file("platform.yaml"), &runs), SM_ERR_INPUT, "no_such_platform");
    folder_remove();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(every_run_of_every_study_resolves, arena_teardown),
        cmocka_unit_test_teardown(a_study_is_named_like_its_file, arena_teardown),
        cmocka_unit_test_teardown(a_key_or_a_platform_that_is_none_is_noticed_in_the_last_run,
                                  arena_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
