/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/datasets/pnm.c -- see pnm.h. */
#include "workloads/datasets/pnm.h"

#include <ctype.h>
#include <stdbool.h>

enum { LARGEST_SIDE = 4096, MOST_VALUE = 255, TOO_LARGE = 1000000 };

/* Reads past white space and comments to a number; false: there is none. */
static bool
header_number(const char **at, const char *end, size_t *number)
{
    const char *c = *at;
    while (c < end && (isspace((unsigned char)*c) || *c == '#'))
        if (*c++ == '#')
            while (c < end && *c != '\n')
                c++;
    const char *digits = c;
    *number = 0;
    while (c < end && *c >= '0' && *c <= '9' && *number < TOO_LARGE)
        *number = 10 * *number + (size_t)(*c++ - '0');
    *at = c;
    return c > digits;
}

enum sm_status
sm_pnm_parse(const char *path, const char *text, size_t length, struct sm_picture *picture)
{
    if (length < 2 || text[0] != 'P' || (text[1] != '5' && text[1] != '6'))
        return SM_FAIL(SM_ERR_INPUT, "%s: no binary PGM or PPM file (P5 or P6)", path);
    const char *at = text + 2, *end = text + length;
    size_t most = 0;
    picture->channels = text[1] == '6' ? 3 : 1;
    if (!header_number(&at, end, &picture->width) || !header_number(&at, end, &picture->height) ||
        !header_number(&at, end, &most) || at == end || !isspace((unsigned char)*at))
        return SM_FAIL(SM_ERR_INPUT, "%s: no header of P%c, width, height, %d and one white space",
                       path, text[1], MOST_VALUE);
    at++;
    if (most != MOST_VALUE || picture->width < 1 || picture->width > LARGEST_SIDE ||
        picture->height < 1 || picture->height > LARGEST_SIDE)
        return SM_FAIL(SM_ERR_INPUT,
                       "%s: %zux%zu pixels of 0 .. %zu, expected sides of 1 .. %d and 0 .. %d",
                       path, picture->width, picture->height, most, LARGEST_SIDE, MOST_VALUE);
    const size_t bytes = picture->width * picture->height * picture->channels;
    if ((size_t)(end - at) != bytes)
        return SM_FAIL(SM_ERR_INPUT, "%s: %zu bytes of pixels, expected %zu for %zux%zux%zu", path,
                       (size_t)(end - at), bytes, picture->height, picture->width,
                       picture->channels);
    picture->pixels = (const uint8_t *)at;
    return SM_OK;
}
