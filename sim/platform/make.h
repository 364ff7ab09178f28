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

enum { SM_LARGEST_STAR = 65536 };

/* What the families may be asked for; each family's table names its share of the fields. */
struct sm_platform_settings {
    size_t nodes;            /* servers, one worker each (of a site)                        */
    size_t rails;            /* NICs of a server                                            */
    size_t leaf;             /* hosts of a leaf switch                                      */
    size_t sites;            /* each with `nodes`                                           */
    double nic;              /* bytes/s of a NIC's line rate                                */
    double latency;          /* seconds of a NIC's cable and its share of the switch        */
    double goodput;          /* share of the line rate that payload gets, (0, 1]            */
    double speed;            /* FLOP/s of a device                                          */
    double nvlink;           /* bytes/s each way of a GPU's NVLinks together                */
    double nvlink_latency;   /* seconds of the way from a GPU to the NVSwitch               */
    double nvlink_goodput;   /* as goodput                                                  */
    double oversubscription; /* of a leaf switch: bandwidth below over bandwidth above      */
    double wan;              /* bytes/s of a site's way out                                 */
    double wan_latency;      /* seconds from site to site                                   */
};

/* A family in sim/platform/families/. */
struct sm_platform_family {
    const char *name;
    const char *doc;               /* one line                         */
    const struct sm_param *params; /* into struct sm_platform_settings */
    /* SM_ERR_INPUT: settings that do not go together; nothing is written then. */
    enum sm_status (*write)(const struct sm_platform_settings *settings, FILE *out);
};

extern const struct sm_platform_family *const sm_platform_families[]; /* NULL-terminated */

/* Writes a platform of the family; `settings` is a map of its parameters, NULL for the defaults.
 * SM_ERR_NAME: no such family. SM_ERR_IO: `out` took no more. */
enum sm_status sm_platform_make(const char *family, const struct sm_node *settings, FILE *out);
/* The family's settings with their defaults and ranges. SM_ERR_NAME: no such family. */
enum sm_status sm_platform_make_help(const char *family, FILE *out);

#endif
