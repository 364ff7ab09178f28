/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/run/calibrate.h -- `slowmo calibrate`: latency and goodput of the links inside a server, from
 * measured all-reduces among its devices.
 *
 * Two numbers are fitted, so that the mean relative error of sm_devices_seconds is least on one
 * half of the rows, every other one; the other half says what the fit is worth.
 */
#ifndef SM_RUN_CALIBRATE_H
#define SM_RUN_CALIBRATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "sim/base/arena.h"
#include "sim/base/param.h"
#include "sim/base/status.h"

struct sm_calibration_settings {
    size_t devices;       /* of the server                                    */
    double line_rate;     /* bytes/s of a device's links, in each direction   */
    size_t links;         /* between two devices                              */
    double min, max;      /* bytes of the rows that count                     */
    const char *train;    /* even | odd: the rows to fit to, counted from 0   */
    const char *platform; /* to be timed beside the rows; "": none            */
};
extern const struct sm_param sm_calibration_params[];

struct sm_calibration_row {
    double bytes, seconds;
};

struct sm_calibration {
    double latency;          /* seconds of a step, from device to device       */
    double bandwidth;        /* bytes/s                                        */
    double train, test, all; /* mean of |predicted / measured - 1| on the rows */
};

/* Rows `bytes,microseconds` of a CSV file, in its order; a first line of names, empty lines and
 * lines that begin with # are passed over. SM_ERR_INPUT (FILE:LINE) for what is not two numbers
 * above 0. Owned by arena. */
enum sm_status sm_calibration_read(struct sm_arena *arena, const char *file,
                                   const struct sm_calibration_row **rows, size_t *count);
/* Of rows (count), those between settings->min and max. SM_ERR_INPUT for fewer than four. */
enum sm_status sm_calibrate(const struct sm_calibration_row *rows, size_t count,
                            const struct sm_calibration_settings *settings,
                            struct sm_calibration *calibration);
/* Reads the file, fits, and writes what came out: a table of all rows, and what to put into a
 * platform. settings: a map of sm_calibration_params. */
enum sm_status sm_calibrate_file(const char *file, const struct sm_node *settings, const char *home,
                                 FILE *out);

/* What may be set, for people. */
void sm_calibrate_help(FILE *out);

#endif
