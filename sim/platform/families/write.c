/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/platform/families/write.c -- see write.h. */
#include "sim/platform/families/write.h"

#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_IN_FLOYD = 1024 };

static struct sm_quantity
in_units(double value, double scale, const char *unit)
{
    struct sm_quantity q;
    for (int digits = 1; digits <= DBL_DECIMAL_DIG; digits++) {
        snprintf(q.text, sizeof q.text, "%.*g", digits, value / scale);
        bool exact = fabs(strtod(q.text, NULL) * scale - value) <= DBL_EPSILON * value;
        if (exact && strchr(q.text, 'e') == NULL) /* one digit of ten would be 1e+01 */
            break;
    }
    strcat(q.text, unit);
    return q;
}

struct sm_quantity
sm_gigabits(double bytes_per_second)
{
    return in_units(bytes_per_second, 0.125e9, "Gbps");
}

struct sm_quantity
sm_gigabytes(double bytes_per_second)
{
    return in_units(bytes_per_second, 1e9, "GBps");
}

struct sm_quantity
sm_microseconds(double seconds)
{
    return in_units(seconds, 1e-6, "us");
}

struct sm_quantity
sm_teraflops(double flop_per_second)
{
    return in_units(flop_per_second, 1e12, "Tf");
}

struct sm_quantity
sm_share(double of_one)
{
    return in_units(of_one, 1, "");
}

void
sm_write_head(FILE *out, const char *comment)
{
    fprintf(out,
            "<?xml version='1.0'?>\n"
            "<!-- SPDX-License-Identifier: GPL-3.0-or-later -->\n"
            "<!DOCTYPE platform SYSTEM \"https://simgrid.org/simgrid.dtd\">\n"
            "<!--\n%s-->\n"
            "<platform version=\"4.1\">\n",
            comment);
}

void
sm_write_link(FILE *out, const char *indent, const struct sm_wire *wire, const char *name, ...)
{
    va_list arguments;
    fprintf(out, "%s<link id=\"", indent);
    va_start(arguments, name);
    vfprintf(out, name, arguments);
    va_end(arguments);
    fprintf(out, "\" bandwidth=\"%s\" latency=\"%s\" sharing_policy=\"SPLITDUPLEX\">",
            wire->bandwidth.text, wire->latency.text);
    if (wire->goodput < 1)
        fprintf(out, "<prop id=\"goodput\" value=\"%s\"/>", sm_share(wire->goodput).text);
    fputs("</link>\n", out);
}

struct sm_wire
sm_nic(const struct sm_platform_settings *settings)
{
    return (struct sm_wire){sm_gigabits(settings->nic), sm_microseconds(settings->latency),
                            settings->goodput};
}

const char *
sm_routing_round_a_router(size_t places)
{
    return places <= MOST_IN_FLOYD ? "Floyd" : "DijkstraCache";
}

void
sm_write_host_link(FILE *out, const char *host, const char *link, ...)
{
    char name[64];
    va_list arguments;
    va_start(arguments, link);
    vsnprintf(name, sizeof name, link, arguments);
    va_end(arguments);
    fprintf(out, "    <host_link id=\"%s\" up=\"%s_UP\" down=\"%s_DOWN\"/>\n", host, name, name);
}
