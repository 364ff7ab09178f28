/* SPDX-License-Identifier: GPL-3.0-or-later */
/* analysis/report/settings.h -- the settings in which variants differ. */
#ifndef SM_ANALYSIS_REPORT_SETTINGS_H
#define SM_ANALYSIS_REPORT_SETTINGS_H

#include <stdbool.h>

#include "analysis/variants.h"
#include "sim/base/unit.h"

struct sm_setting {
    const char *text; /* as stored; NULL: not in this experiment          */
    double value;     /* in base units; NaN: it is no number              */
};

struct sm_settings_key {
    const char *key;                   /* dotted: platform.bandwidth."*_eth"              */
    const char *label;                 /* the end of it that says enough                  */
    bool numeric;                      /* every value that there is, two or more of them  */
    enum sm_unit unit;                 /* of the values                                   */
    bool logarithmic;                  /* they are above 0 and span a decade or more      */
    bool swept;                        /* two variants differ in nothing else             */
    const struct sm_setting *settings; /* (variants)                      */
};

/* In the order of the experiment, without name, seed and evaluate; owned by arena. */
enum sm_status sm_settings_find(struct sm_arena *arena, const struct sm_variant *variants,
                                size_t count, struct sm_settings_key **keys, size_t *key_count);

#endif
