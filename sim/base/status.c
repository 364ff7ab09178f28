/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/base/status.c -- the error record of each OS thread. */
#include "sim/base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local struct sm_error last;

enum sm_status
sm_error_record(enum sm_status code, const char *file, int line, const char *format, ...)
{
    char text[SM_ERROR_LENGTH]; /* the arguments may point into the old message */
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    for (char *c = text; *c != '\0'; c++)
        if (*c == '\n' || *c == '\r')
            *c = ' ';
    last = (struct sm_error){.code = code, .file = file, .line = line};
    memcpy(last.message, text, sizeof text);
    return code;
}

const struct sm_error *
sm_error_last(void)
{
    return &last;
}

enum sm_status
sm_error_set(const struct sm_error *error)
{
    if (error != &last)
        last = *error;
    return last.code;
}

enum sm_status
sm_error_prefix(const char *format, ...)
{
    char text[SM_ERROR_LENGTH];
    va_list arguments;
    va_start(arguments, format);
    int used = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (used < 0 || (size_t)used >= sizeof text)
        return last.code;
    snprintf(text + used, sizeof text - (size_t)used, ": %s", last.message);
    memcpy(last.message, text, sizeof text);
    return last.code;
}
