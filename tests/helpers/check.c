/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/helpers/check.c -- see check.h. */
#include "tests/helpers/check.h"

#include <math.h>
#include <string.h>

void
check_near_at(double actual, double expected, double tolerance, const char *what, const char *file,
              int line)
{
    if (fabs(actual - expected) <= tolerance)
        return;
    print_error("%s is %.17g, expected %.17g within %g\n", what, actual, expected, tolerance);
    _fail(file, line);
}

void
check_ok_at(enum sm_status status, const char *what, const char *file, int line)
{
    if (status == SM_OK)
        return;
    const struct sm_error *error = sm_error_last();
    print_error("%s: status %d: %s (%s:%d)\n", what, (int)status, error->message,
                error->file ? error->file : "?", error->line);
    _fail(file, line);
}

void
check_fails_at(enum sm_status status, enum sm_status code, const char *part, const char *what,
               const char *file, int line)
{
    if (status == code && strstr(sm_error_last()->message, part) != NULL)
        return;
    print_error("%s: status %d (expected %d), message \"%s\" (expected to hold \"%s\")\n", what,
                (int)status, (int)code, status == SM_OK ? "" : sm_error_last()->message, part);
    _fail(file, line);
}
