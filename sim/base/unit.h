/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/base/unit.h -- numbers that carry a unit: "10Gbps", "20us", "25GB/s", "102.2MB", "15.7Tf".
 *
 * Values are kept in SI base units: seconds, bytes, bytes per second, FLOP per second.
 * SimGrid's spellings are understood too: Bps is bytes per second, bps bits per second, KiB.. are
 * powers of 1024.
 */
#ifndef SM_BASE_UNIT_H
#define SM_BASE_UNIT_H

#include <stdbool.h>
#include <stddef.h>

enum sm_unit {
    SM_UNIT_NONE,      /* dimensionless: no suffix allowed       */
    SM_UNIT_SECONDS,   /* s ms us ns ps m h d w                  */
    SM_UNIT_BYTES,     /* B kB MB GB KiB MiB GiB                 */
    SM_UNIT_BANDWIDTH, /* bps Bps bit/s B/s with k M G T or Ki.. */
    SM_UNIT_SPEED,     /* f flops FLOP/s with k M G T P          */
};

/* The number in text, in base units; false when text is not one finite number with a suffix of the
 * unit (a number without suffix is in base units). *value is untouched then. */
bool sm_unit_parse(enum sm_unit unit, const char *text, double *value);
/* For error messages: "a bandwidth such as 10Gbps or 1.25GB/s". */
const char *sm_unit_expected(enum sm_unit unit);
/* Writes value with the prefix that reads best, e.g. "1.25GB/s"; returns buffer. Exact: parsing the
 * text gives value back. */
char *sm_unit_format(enum sm_unit unit, double value, char *buffer, size_t size);

#endif
