/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/helpers/check.h -- cmocka with its prelude, and comparisons that NaN cannot pass. */
#ifndef SM_TESTS_HELPERS_CHECK_H
#define SM_TESTS_HELPERS_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/base/status.h"

/* |actual - expected| <= tolerance; fails for NaN and says both numbers. */
#define check_near(actual, expected, tolerance)                                                    \
    check_near_at((actual), (expected), (tolerance), #actual, __FILE__, __LINE__)
/* |actual / expected - 1| <= tolerance */
#define check_relative(actual, expected, tolerance)                                                \
    check_near_at((actual) / (expected), 1.0, (tolerance), #actual " / " #expected, __FILE__,      \
                  __LINE__)
/* Under the address sanitizer a whole run takes ten times as long: there, loops over many runs of a
 * kind take every so manieth. */
#if defined(__SANITIZE_ADDRESS__)
enum { CHECK_STRIDE = 5 };
#else
enum { CHECK_STRIDE = 1 };
#endif

/* SM_OK, or the recorded message. */
#define check_ok(expr) check_ok_at((expr), #expr, __FILE__, __LINE__)
/* The status, and a recorded message that holds `part`. */
#define check_fails(expr, code, part)                                                              \
    check_fails_at((expr), (code), (part), #expr, __FILE__, __LINE__)

void check_near_at(double actual, double expected, double tolerance, const char *what,
                   const char *file, int line);
void check_ok_at(enum sm_status status, const char *what, const char *file, int line);
void check_fails_at(enum sm_status status, enum sm_status code, const char *part, const char *what,
                    const char *file, int line);

#endif
