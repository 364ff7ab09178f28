/* SPDX-License-Identifier: GPL-3.0-or-later */
/* analysis/report/model.h -- all that the page shows, as one JSON object.
 *
 * Numbers are in base units (seconds, bytes, bytes a second, FLOP a second, shares of 1), null
 * where there is none; names are those of JavaScript.
 *
 *   title, version, target
 *   facts       {model, dataset, platform, profile} of the first variant: keys tell who differs
 *   judged      {name, unit, moreIsBetter, scale}, null when no run has an accuracy or loss
 *   keys        settings that differ among the variants (settings.h): {key, label, numeric, unit,
 *               logarithmic, swept}; unit is "", seconds, bytes, bytes/s or FLOP/s
 *   variants    {name, runs (indices), workers, seeds (finished runs), status, experiment
 *               (YAML; the lines that differ from the first variant's, which page.js puts in),
 *               settings {key: {text, value}}, measure {name, mean, low, high, half},
 *               seconds {mean}, step {seconds, load, compute, communication, idle, bytes}, front,
 *               target {value, seconds {mean, low, high}, steps, reached},
 *               speedUp {mean, low, high, base (index), pairs}, rate {slope, error, bound},
 *               colour, dash}
 *   ties        where lines over a swept key cross (ties.h)
 *   runs        the fields of the summary, nested, and those aside; created, variant (index, null
 *               for one that a later run of its seed replaces), evaluations (one list a column;
 *               one without any value is left out), platform (hash)
 *   platforms   {hash: description}: platforms.h
 *   timelines   of the first variants: timelines.h
 */
#ifndef SM_ANALYSIS_REPORT_MODEL_H
#define SM_ANALYSIS_REPORT_MODEL_H

#include <jansson.h>

#include "sim/store/store.h"

struct sm_report_request {
    const char *title;   /* of the page                                             */
    const char *version; /* of the program that writes it                           */
    double target;       /* accuracy in [0, 1]; NaN: the highest that all runs reach */
    /* That of the runs, for what is not read with them: spans, platforms. NULL: without. */
    struct sm_store *store;
};

/* A new reference in *model. SM_ERR_INPUT: no run, or a text that is not UTF-8. */
enum sm_status sm_report_model(const struct sm_stored_run *runs, size_t count,
                               const struct sm_report_request *request, json_t **model);

#endif
