/* SPDX-License-Identifier: GPL-3.0-or-later */
/* analysis/report/page.h -- `slowmo report`: a store as one HTML file that needs nothing else.
 *
 * page.html beside this names the style sheets and scripts, in order; what they hold is written in
 * their place, and the data (model.h) as one JSON object. A script that it names is found in this
 * folder, else among those of dygraphs.
 */
#ifndef SM_ANALYSIS_REPORT_PAGE_H
#define SM_ANALYSIS_REPORT_PAGE_H

#include <stdio.h>

#include "analysis/report/model.h"

/* home: the folder of the program with analysis/report/. The same runs give the same bytes.
 * SM_ERR_INPUT: no run, a text that is not UTF-8, a file of the page that cannot be read. */
enum sm_status sm_report_write(const struct sm_stored_run *runs, size_t count,
                               const struct sm_report_request *request, const char *home,
                               FILE *out);

#endif
