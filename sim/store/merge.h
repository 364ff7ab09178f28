/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/store/merge.h -- the runs of one store, brought into another. */
#ifndef SM_STORE_MERGE_H
#define SM_STORE_MERGE_H

#include "sim/base/status.h"

/* Copies the runs of the store `in` to `out`, which is made where it is not there. A run that `out`
 * has is left alone, and one that did not get to its end there replaced; those that were killed or
 * interrupted are not copied. SM_ERR_INPUT where both have another result of the same run, before
 * any is copied. */
enum sm_status sm_store_merge(const char *out, const char *in);

#endif
