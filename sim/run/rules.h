/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/run/rules.h -- which combinations of algorithms mean something: one table, which checks an
 * experiment and which `slowmo describe rules` prints.
 *
 * A rule asks what the plug-ins say of themselves, not for their names, so a new plug-in is under
 * the rules from its first day.
 */
#ifndef SM_RUN_RULES_H
#define SM_RUN_RULES_H

#include <stdbool.h>
#include <stdio.h>

#include "sim/run/experiment.h"

struct sm_rule {
    const char *text; /* "COMBINATION: why it means nothing, and what to write instead" */
    bool warns;       /* it does no harm: a warning                                     */
    bool (*broken)(const struct sm_experiment *experiment, size_t workers);
};

/* Ends with text == NULL. */
extern const struct sm_rule sm_rules[];

/* SM_ERR_INPUT with the reason for a combination that means nothing. Settings that change nothing
 * go to warnings (room for `most`); their number into *count. */
enum sm_status sm_rules_check(const struct sm_experiment *experiment, size_t workers,
                              const char **warnings, size_t most, size_t *count);
/* The table, for people. */
void sm_rules_print(FILE *out);

#endif
