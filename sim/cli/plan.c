/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/cli/plan.c -- the experiments that a file and the options beside it stand for. */
#include <unistd.h>

#include "sim/cli/cli.h"

/* --seed and --set, laid on the file's tree. */
static enum sm_status
override(struct sm_arena *arena, const struct sm_arguments *arguments, struct sm_node *root)
{
    struct sm_node *value;
    if (arguments->seed != NULL) {
        SM_TRY(sm_tree_parse(arena, "--seed", arguments->seed, &value));
        if (value == NULL)
            return SM_FAIL(SM_ERR_INPUT, "--seed: expected a whole number");
        SM_TRY(sm_tree_set(arena, root, "seed", value));
    }
    for (size_t i = 0; i < arguments->set_count; i++)
        SM_TRY(sm_cli_set_pair(arena, "--set", arguments->sets[i], root));
    if (arguments->seed != NULL && sm_tree_get(sm_tree_get(root, "sweep"), "seed") != NULL)
        return SM_FAIL(SM_ERR_INPUT,
                       "--seed %s: the sweep sets the seed; use --set sweep.seed=[%s]",
                       arguments->seed, arguments->seed);
    return SM_OK;
}

/* A file as named, or one that ships with the program. */
static const char *
find_file(struct sm_arena *arena, const char *file)
{
    const char *shipped = sm_arena_printf(arena, "%s/%s", sm_cli_home(), file);
    return access(file, R_OK) != 0 && shipped != NULL && access(shipped, R_OK) == 0 ? shipped
                                                                                    : file;
}

/* The trees that the file and the options stand for. */
static enum sm_status
read_trees(struct sm_arena *arena, const struct sm_arguments *arguments, const char **file,
           const struct sm_node *const **trees, size_t *count)
{
    struct sm_node *root;
    *file = arguments->positional_count > 0
                ? find_file(arena, arguments->positional[0])
                : sm_arena_printf(arena, "%s/analysis/studies/quickstart.yaml", sm_cli_home());
    SM_TRY(sm_tree_load(arena, *file, &root));
    if (root == NULL && (root = sm_tree_map(arena, NULL, NULL)) == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "%s: no memory", *file);
    SM_TRY(override(arena, arguments, root));
    return sm_experiment_expand(arena, root, trees, count);
}

enum sm_status
sm_cli_plan(struct sm_arena *arena, const struct sm_arguments *arguments,
            const struct sm_run_options *options, const struct sm_node *const **trees,
            struct sm_experiment **experiments, size_t *count)
{
    const char *file;
    SM_TRY(read_trees(arena, arguments, &file, trees, count));
    *experiments = sm_arena_zalloc(arena, *count, sizeof **experiments);
    if (*experiments == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "%s: no memory for %zu experiments", file, *count);
    for (size_t i = 0; i < *count; i++) {
        SM_TRY(sm_experiment_bind(arena, (*trees)[i], &(*experiments)[i]));
        SM_TRY(sm_run_check(&(*experiments)[i], options));
    }
    if (*count > 1 && (options->trace != NULL || options->save != NULL))
        return SM_FAIL(SM_ERR_INPUT, "--%s is for one run, %s stands for %zu",
                       options->trace != NULL ? "trace" : "save", file, *count);
    return SM_OK;
}
