/* SPDX-License-Identifier: GPL-3.0-or-later */
/* analysis/report/platforms.h -- what the platforms of the runs look like, for the page to draw.
 *
 *   platforms   {hash: description}, as sim/platform/describe.h writes it
 */
#ifndef SM_ANALYSIS_REPORT_PLATFORMS_H
#define SM_ANALYSIS_REPORT_PLATFORMS_H

#include <jansson.h>

#include "sim/store/store.h"

/* A new reference in *object, with the first 64 platforms that the store describes. store: that of
 * the runs; NULL: the object is empty. */
enum sm_status sm_report_platforms(struct sm_store *store, const struct sm_stored_run *runs,
                                   size_t count, json_t **object);

#endif
