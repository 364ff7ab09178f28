/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/datasets/pnm.h -- pictures in binary PGM (grey) and PPM (colour) files.
 *
 * P5 or P6, width, height, 255, each behind white space and comments (# to the end of the line),
 * one white space, the pixels row by row. Source: pgm(5) and ppm(5) of Netpbm.
 */
#ifndef SM_WORKLOADS_DATASETS_PNM_H
#define SM_WORKLOADS_DATASETS_PNM_H

#include <stddef.h>
#include <stdint.h>

#include "sim/base/status.h"

struct sm_picture {
    size_t height, width, channels; /* 1 .. 4096, 1 .. 4096, 1 or 3                        */
    const uint8_t *pixels;          /* (height, width, channels); borrowed from the file's text */
};

/* *picture = what the file `path`, whose text (length) is here, shows. SM_ERR_INPUT for any other
 * kind of file, and one that is too short or too long. */
enum sm_status sm_pnm_parse(const char *path, const char *text, size_t length,
                            struct sm_picture *picture);

#endif
