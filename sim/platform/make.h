/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/platform/make.h -- writes platform files: families of machines with a few settings each.
 *
 * The committed platforms of these families are exactly what is written here (a test holds them
 * to it); platforms/README.md names the source of every number.
 */
#ifndef SM_PLATFORM_MAKE_H
#define SM_PLATFORM_MAKE_H

#include <stdio.h>

#include "sim/base/param.h"
#include "sim/base/status.h"
#include "sim/base/tree.h"

/* What the families may be asked for; each family's table names its share of the fields. */
struct sm_platform_settings {
    size_t nodes;   /* servers, one worker each                                  */
    double nic;     /* bytes/s of a NIC's line rate                              */
    double latency; /* seconds of a NIC's cable and its share of the switch      */
    double goodput; /* share of the line rate that payload gets, (0, 1]          */
    double speed;   /* FLOP/s of a device                                        */
};

struct sm_platform_family {
    const char *name;
    const char *doc;               /* one line                 */
    const struct sm_param *params; /* into struct sm_platform_settings */
    void (*write)(const struct sm_platform_settings *settings, FILE *out);
};

/* Ends with name NULL. */
extern const struct sm_platform_family sm_platform_families[];

/* Writes a platform of the family; `settings` is a map of its parameters, NULL for the defaults.
 * SM_ERR_NAME: no such family. SM_ERR_IO: `out` took no more. */
enum sm_status sm_platform_make(const char *family, const struct sm_node *settings, FILE *out);

#endif
