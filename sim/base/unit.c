/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/base/unit.c -- see unit.h. */
#include "sim/base/unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/text.h"

struct suffix {
    const char *text;
    double factor;
};

static const struct suffix seconds[] = {{"s", 1},      {"ms", 1e-3},  {"us", 1e-6}, {"ns", 1e-9},
                                        {"ps", 1e-12}, {"m", 60},     {"min", 60},  {"h", 3600},
                                        {"d", 86400},  {"w", 604800}, {NULL, 0}};
static const struct suffix bytes[] = {{"B", 1}, {NULL, 0}};
static const struct suffix bandwidths[] = {{"bps", 0.125}, {"bit/s", 0.125}, {"b/s", 0.125},
                                           {"Bps", 1},     {"B/s", 1},       {NULL, 0}};
static const struct suffix speeds[] = {{"f", 1},      {"flops", 1},  {"FLOPS", 1},
                                       {"FLOP/s", 1}, {"flop/s", 1}, {NULL, 0}};
static const struct suffix prefixes[] = {
    {"", 1},       {"k", 1e3},       {"K", 1e3},          {"M", 1e6},
    {"G", 1e9},    {"T", 1e12},      {"P", 1e15},         {"Ki", 1024.},
    {"ki", 1024.}, {"Mi", 1048576.}, {"Gi", 1073741824.}, {"Ti", 1099511627776.},
    {NULL, 0}};

static const struct {
    const struct suffix *suffixes; /* NULL: none          */
    bool prefixed;                 /* k, M, G ... allowed */
    const char *expected;
} units[] = {
    [SM_UNIT_NONE] = {NULL, false, "a number"},
    [SM_UNIT_SECONDS] = {seconds, false, "a time such as 20us or 0.27s"},
    [SM_UNIT_BYTES] = {bytes, true, "a size such as 102MB or 25MiB"},
    [SM_UNIT_BANDWIDTH] = {bandwidths, true, "a bandwidth such as 10Gbps or 1.25GB/s"},
    [SM_UNIT_SPEED] = {speeds, true, "a speed such as 15.7Tf"},
};

/* The factor of the suffix that begins at `text`, 0 when it is none of the unit's. */
static double
suffix_factor(enum sm_unit unit, const char *text)
{
    if (*text == '\0')
        return 1;
    if (units[unit].suffixes == NULL)
        return 0;
    for (const struct suffix *prefix = prefixes; prefix->text != NULL; prefix++) {
        size_t length = strlen(prefix->text);
        if (length > 0 && !units[unit].prefixed)
            break;
        if (strncmp(text, prefix->text, length) != 0)
            continue;
        for (const struct suffix *s = units[unit].suffixes; s->text != NULL; s++)
            if (strcmp(text + length, s->text) == 0)
                return prefix->factor * s->factor;
    }
    return 0;
}

/* 20 * 1e-6 is not the double that 20e-6 is, 20 / 1e6 is: small factors divide. */
static double
scaled(double number, double factor)
{
    return factor < 1 ? number / rint(1 / factor) : number * factor;
}

bool
sm_unit_parse(enum sm_unit unit, const char *text, double *value)
{
    /* strtod would also take "nan", "inf" and hexadecimal */
    if (strspn(text, "+-.0123456789") == 0 || strpbrk(text, "xX") != NULL)
        return false;
    char *end;
    double number = strtod(text, &end);
    if (end == text || !isfinite(number))
        return false;
    while (*end == ' ')
        end++;
    double factor = suffix_factor(unit, end);
    if (factor == 0 || !isfinite(scaled(number, factor)))
        return false;
    *value = scaled(number, factor);
    return true;
}

const char *
sm_unit_expected(enum sm_unit unit)
{
    return units[unit].expected;
}

/* The shortest digits that read back as the same double, with what follows them. */
static bool
write_exact(enum sm_unit unit, double number, const char *suffix, double value, char *buffer,
            size_t size)
{
    for (int digits = 1; digits <= 17; digits++) {
        char text[SM_TEXT_DOUBLE];
        double back;
        snprintf(buffer, size, "%s%s", sm_text_digits(number, digits, text, sizeof text), suffix);
        if (sm_unit_parse(unit, buffer, &back) && back == value)
            return true;
    }
    return false;
}

char *
sm_unit_format(enum sm_unit unit, double value, char *buffer, size_t size)
{
    static const struct {
        double at_least;
        const char *prefix;
    } scales[] = {{1e15, "P"}, {1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}, {0, ""}};
    static const struct suffix times[] = {{"s", 1}, {"ms", 1e-3}, {"us", 1e-6}, {"ns", 1e-9}};

    static const char *const bases[] = {[SM_UNIT_NONE] = "",
                                        [SM_UNIT_SECONDS] = "s",
                                        [SM_UNIT_BYTES] = "B",
                                        [SM_UNIT_BANDWIDTH] = "B/s",
                                        [SM_UNIT_SPEED] = "f"};

    double magnitude = fabs(value);
    if (unit == SM_UNIT_SECONDS) {
        size_t i = 0;
        while (i < 3 && magnitude > 0 && magnitude < times[i].factor)
            i++;
        if (write_exact(unit, value / times[i].factor, times[i].text, value, buffer, size))
            return buffer;
    } else if (unit != SM_UNIT_NONE) {
        size_t i = unit == SM_UNIT_SPEED ? 0 : 1; /* peta only for speeds */
        while (magnitude < scales[i].at_least)
            i++;
        double factor = scales[i].at_least > 0 ? scales[i].at_least : 1;
        char suffix[16];
        snprintf(suffix, sizeof suffix, "%s%s", scales[i].prefix, bases[unit]);
        if (write_exact(unit, value / factor, suffix, value, buffer, size))
            return buffer;
    }
    /* rounding by a prefix can lose the last bit: then without */
    if (!write_exact(unit, value, bases[unit], value, buffer, size))
        snprintf(buffer, size, "%.17g", value);
    return buffer;
}
