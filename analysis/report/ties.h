/* SPDX-License-Identifier: GPL-3.0-or-later */
/* analysis/report/ties.h -- where lines over a swept setting cross, with intervals over seeds. */
#ifndef SM_ANALYSIS_REPORT_TIES_H
#define SM_ANALYSIS_REPORT_TIES_H

#include <jansson.h>

#include "analysis/report/settings.h"

/* A line is what differs in one key only. *list, a new reference, holds for each two that cross,
 * one to three times, and for each measure of the page
 *
 *   {key, measure, first, second, at, low, high, firstBelow}
 *
 * first, second: index of the variant that begins the line; at: base units of the key; low, high:
 * its bootstrap interval of 95 %, null for one seed; firstBelow: whether the first has the smaller
 * measure below `at`. Of more than 8 lines only those are compared whose other numbers are equal,
 * of more than 24 none: nobody can follow so many. */
enum sm_status sm_report_ties(const struct sm_variant *variants, size_t count,
                              const struct sm_settings_key *keys, size_t key_count, json_t **list);

#endif
