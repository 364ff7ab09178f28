/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/run/inspect.h -- `slowmo platform check`: what the program understands of a platform. */
#ifndef SM_RUN_INSPECT_H
#define SM_RUN_INSPECT_H

#include <stdio.h>

#include "sim/base/status.h"

/* Reads and checks the platform, loads it into SimGrid in a process of its own, and writes workers,
 * devices, links and the measured bisection bandwidth. */
enum sm_status sm_platform_inspect(const char *file, const char *home, FILE *out);
/* Writes the platform's description (sim/platform/describe.h) instead, in one line. */
enum sm_status sm_platform_inspect_json(const char *file, const char *home, FILE *out);

#endif
