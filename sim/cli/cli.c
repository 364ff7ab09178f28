/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/cli/cli.c -- what every command needs. */
#include "sim/cli/cli.h"

#include <stdio.h>
#include <stdlib.h>

#include "sim/base/status.h"

int
sm_cli_fail(void)
{
    const struct sm_error *error = sm_error_last();
    fprintf(stderr, "slowmo: %s\n", error->message);
    if (getenv("SLOWMO_DEBUG") != NULL)
        fprintf(stderr, "slowmo: noticed at %s:%d\n", error->file, error->line);
    switch (error->code) {
    case SM_ERR_INTERRUPTED:
        return SM_EXIT_INTERRUPTED;
    case SM_ERR_INPUT:
    case SM_ERR_NAME:
        return SM_EXIT_INPUT;
    default:
        return SM_EXIT_RUN;
    }
}

const char *
sm_cli_home(void)
{
    const char *home = getenv("SLOWMO_HOME");
    return home != NULL && home[0] != '\0' ? home : SM_HOME;
}
