/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/cli/inputs.c -- the commands about what experiments are made of: `slowmo list`, `describe`,
 * `platform` and `calibrate`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/text.h"
#include "sim/cli/cli.h"
#include "sim/platform/make.h"
#include "sim/platform/platform.h"
#include "sim/run/calibrate.h"
#include "sim/run/catalog.h"
#include "sim/run/inspect.h"

int
sm_cli_list(int argc, char **argv)
{
    struct sm_arguments arguments;
    enum sm_status status = sm_cli_parse(argc, argv, sm_cli_plain_options, 1, "[AXIS]", &arguments);
    if (status == SM_OK)
        status = sm_catalog_list(arguments.positional[0], sm_cli_home(), stdout);
    return status == SM_OK ? EXIT_SUCCESS : sm_cli_fail();
}

int
sm_cli_describe(int argc, char **argv)
{
    struct sm_arguments arguments;
    enum sm_status status =
        sm_cli_parse(argc, argv, sm_cli_plain_options, 2, "[AXIS] NAME", &arguments);
    if (status == SM_OK && arguments.positional_count == 0)
        status = SM_FAIL(SM_ERR_INPUT, "describe: expected a name; `slowmo list` shows them");
    if (status == SM_OK)
        status = arguments.positional_count == 2
                     ? sm_catalog_describe(arguments.positional[0], arguments.positional[1],
                                           sm_cli_home(), stdout)
                     : sm_catalog_describe(NULL, arguments.positional[0], sm_cli_home(), stdout);
    return status == SM_OK ? EXIT_SUCCESS : sm_cli_fail();
}

static enum sm_status
make_platform(struct sm_arena *arena, int argc, char **argv)
{
    struct sm_node *settings;
    if (argc < 3) {
        const char *names[32] = {NULL};
        char known[256];
        for (size_t i = 0; i < 31 && sm_platform_families[i] != NULL; i++)
            names[i] = sm_platform_families[i]->name;
        return SM_FAIL(SM_ERR_INPUT, "platform make: expected a family: %s",
                       sm_text_join(known, sizeof known, names));
    }
    if (argc == 4 && strcmp(argv[3], "--help") == 0)
        return sm_platform_make_help(argv[2], stdout);
    SM_TRY(sm_cli_read_pairs(arena, "platform make", argc, argv, 3, &settings));
    return sm_platform_make(argv[2], settings, stdout);
}

/* Keys as in an experiment, with or without its "platform.". */
static enum sm_status
set_platform(struct sm_arena *arena, int argc, char **argv)
{
    static const char prefix[] = "platform.";
    if (argc < 4)
        return SM_FAIL(SM_ERR_INPUT, "platform set: expected FILE.xml, then KEY=VALUE such as "
                                     "'bandwidth.\"*_eth\"=25Gbps'");
    struct sm_node *edits = sm_tree_map(arena, NULL, NULL);
    if (edits == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "platform set: no memory");
    for (int i = 3; i < argc; i++) {
        const size_t skip = strncmp(argv[i], prefix, strlen(prefix)) == 0 ? strlen(prefix) : 0;
        SM_TRY(sm_cli_set_pair(arena, "platform set", argv[i] + skip, edits));
    }
    const struct sm_platform_request request = {
        .file = argv[2], .home = sm_cli_home(), .edits = edits};
    return sm_platform_write(&request, stdout);
}

int
sm_cli_platform(int argc, char **argv)
{
    struct sm_arena arena = {0};
    enum sm_status status;
    if (strcmp(argv[argc - 1], "--help") == 0 && argc < 4) {
        fputs("usage: slowmo platform check FILE.xml [--json]\n"
              "       slowmo platform make FAMILY [--KEY VALUE ...]\n"
              "       slowmo platform make FAMILY --help\n"
              "families:\n",
              stdout);
        for (size_t i = 0; sm_platform_families[i] != NULL; i++)
            printf("  %-12s %s\n", sm_platform_families[i]->name, sm_platform_families[i]->doc);
        status = SM_OK;
    } else if (argc == 3 && strcmp(argv[1], "check") == 0)
        status = sm_platform_inspect(argv[2], sm_cli_home(), stdout);
    else if (argc == 4 && strcmp(argv[1], "check") == 0 && strcmp(argv[3], "--json") == 0)
        status = sm_platform_inspect_json(argv[2], sm_cli_home(), stdout);
    else if (argc >= 2 && strcmp(argv[1], "make") == 0)
        status = make_platform(&arena, argc, argv);
    else if (argc >= 2 && strcmp(argv[1], "set") == 0)
        status = set_platform(&arena, argc, argv);
    else
        status = SM_FAIL(SM_ERR_INPUT, "platform: expected `check FILE.xml`, `set FILE.xml "
                                       "KEY=VALUE` or `make FAMILY`");
    sm_arena_fini(&arena);
    return status == SM_OK ? EXIT_SUCCESS : sm_cli_fail();
}

int
sm_cli_calibrate(int argc, char **argv)
{
    struct sm_arena arena = {0};
    struct sm_node *settings;
    enum sm_status status = SM_OK;
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        sm_calibrate_help(stdout);
        return EXIT_SUCCESS;
    }
    if (argc < 2 || strncmp(argv[1], "--", 2) == 0)
        status = SM_FAIL(SM_ERR_INPUT, "calibrate: expected FILE.csv, then --KEY VALUE");
    if (status == SM_OK)
        status = sm_cli_read_pairs(&arena, "calibrate", argc, argv, 2, &settings);
    if (status == SM_OK)
        status = sm_calibrate_file(argv[1], settings, sm_cli_home(), stdout);
    sm_arena_fini(&arena);
    return status == SM_OK ? EXIT_SUCCESS : sm_cli_fail();
}
