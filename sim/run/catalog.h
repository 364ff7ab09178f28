/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/run/catalog.h -- `slowmo list`, `slowmo describe`: what is registered, from the registries.
 */
#ifndef SM_RUN_CATALOG_H
#define SM_RUN_CATALOG_H

#include <stdio.h>

#include "sim/base/plugin.h"

/* Every axis of plug-ins; NULL-terminated. */
extern const struct sm_axis *const sm_catalog_axes[];

/* One line for each thing registered; of one axis (also profile, platform) or, with NULL, of all.
 * SM_ERR_NAME for an unknown axis. `home` holds platforms/ and workloads/profiles/. */
enum sm_status sm_catalog_list(const char *axis, const char *home, FILE *out);
/* Everything called `name`, on that axis (also profile, platform) or, with NULL, on any: what it
 * does, its source, its settings with default, range and unit; or, without an axis, an axis or
 * `experiment` (the keys of an experiment file), or the profile in a .yaml file. */
enum sm_status sm_catalog_describe(const char *axis, const char *name, const char *home, FILE *out);

#endif
