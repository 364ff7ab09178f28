/* SPDX-License-Identifier: GPL-3.0-or-later */
/* analysis/report/ties.h -- where lines over a swept setting cross, with intervals over seeds. */
#ifndef SM_ANALYSIS_REPORT_TIES_H
#define SM_ANALYSIS_REPORT_TIES_H

#include <jansson.h>

#include "analysis/report/settings.h"

/* A line is what differs in one key only. *list, a new reference, has for each two of them that
 * cross {key, measure, first, second, at, low, high, firstBelow} first, second: index of the
 * variant that begins the line; at: base units of the key, low and high its bootstrap interval of
 * 95 %, null for one seed; firstBelow: the first has the smaller measure below `at`. Keys with more
 * than 24 lines are left out: nobody can follow so many. */
enum sm_status sm_report_ties(const struct sm_variant *variants, size_t count,
                              const struct sm_settings_key *keys, size_t key_count, json_t **list);

#endif
